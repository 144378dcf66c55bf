// SPDX-License-Identifier: Apache-2.0
// ETG.1000.4: length and type, then datagrams: command, index, address, length and more, event, data, working counter.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
//                                      length, type | cmd idx ADP  ADO  | length event | data | working counter
constexpr std::string_view to_op = "0e10 | 05 07 0110 2001 | 0200 0000 | 0800 | 0000";
constexpr std::string_view is_op = "0e10 | 04 08 0110 3001 | 0200 0000 | 0800 | 0100";
constexpr std::string_view is_safeop = "0e10 | 04 09 0110 3001 | 0200 0000 | 1400 | 0100";
constexpr std::string_view two = "1e10 | 01 02 0000 3001 | 0280 0000 | 0000 | 0000 | 0c 03 00000100 | 0400 0000 | 11223344 | 0000";
//                                mailbox: length, address, priority, CoE and counter | SDO request | download, 4 octets | index, sub | value
constexpr std::string_view download = "1c10 | 05 04 0110 0010 | 1000 0000 | 0a00 0000 00 13 | 0020 | 23 4060 00 0f000000 | 0000";
constexpr std::string_view aborts = "1c10 | 04 04 0110 8010 | 1000 0000 | 0a00 0000 00 13 | 0030 | 80 4060 00 11000906 | 0100";
constexpr std::string_view file = "2010 | 05 04 0110 0010 | 1400 0000 | 0e00 0000 00 24 | 0200 | 12340000 | 6669726d77617265 | 0000";
constexpr std::string_view servo = "1a10 | 05 04 0110 0010 | 0e00 0000 | 0800 0000 00 35 | 0340 | 2000 | 01000000 | 0000";

#define LRW(counter) "1010 | 0c 03 00000100 | 0400 0000 | 11223344 | " counter

const Enrol enrolled("ethercat", {
    {"a state is requested and reached", {{client, to_op}, {client, is_op}}, Carrier::ethertype},
    {"two datagrams", {{client, two}}, Carrier::ethertype},
    {"process data", {{client, LRW("0000")}, {client, LRW("0300")}, {client, LRW("0200")}}, Carrier::ethertype},
    {"an object is written and refused", {{client, download}, {client, aborts}}, Carrier::ethertype},
    {"a file is written", {{client, file}}, Carrier::udp},
    {"a servo parameter is written", {{client, servo}}, Carrier::ethertype},
    {"a command that there is not", {{client, "0e10 | 44 07 0110 2001 | 0200 0000 | 0800 | 0000"}}, Carrier::ethertype, true},
    {"more to come, and nothing comes", {{client, "0e10 | 05 07 0110 2001 | 0280 0000 | 0800 | 0000"}}, Carrier::ethertype, true},
});

std::string name(const Sentence& s) { return std::string(function_name(protocol_named("ethercat"), s.head.function, s.head.sub_function)); }

TEST(Ethercat, states_requested_and_reached) {
  Heard heard("ethercat");
  const Sentence s = heard(client, to_op);
  EXPECT_EQ(name(s), "state requested: OP");
  EXPECT_EQ(s.head.act, Act::run);
  EXPECT_EQ(s.head.role, Role::request);
  EXPECT_EQ(s.head.station, 0x1001u);
  EXPECT_EQ(name(heard(client, is_op)), "state is OP");
  heard(client, is_op);
  EXPECT_TRUE(heard.all.empty()) << "still OP";
  const Sentence fell = heard(client, is_safeop);
  EXPECT_EQ(name(fell), "state is SAFEOP");
  EXPECT_EQ(fell.text(fell.points[0].object.key()), "error");
}

TEST(Ethercat, process_data_is_a_stream_and_fewer_answers_are_a_breach) {
  Heard heard("ethercat");
  size_t said = 0;
  for (unsigned i = 0; i < 4; i++) heard(client, i % 2 ? LRW("0300") : LRW("0000")), said += heard.all.size();
  EXPECT_EQ(said, 1u);
  const Sentence s = heard(client, LRW("0200"));
  EXPECT_EQ(name(s), "breach, working counter");
  EXPECT_EQ(s.points[1].raw, 3u);
  EXPECT_EQ(s.points[2].raw, 2u);
  heard.say.time = 2 * second;
  heard(client, LRW("0000"));
  EXPECT_EQ(name(heard(client, LRW("0000"))), "breach, working counter");   // out again, and nothing came back
  std::vector<Sentence> all;
  for (unsigned i = 0; i < 40; i++) {
    heard.say.time = (3 + i / 20) * second;
    heard(client, LRW("0000"));
    all.insert(all.end(), heard.all.begin(), heard.all.end());
  }
  ASSERT_EQ(all.size(), 2u) << "one a second";
  EXPECT_EQ(name(all[0]), "summary");
  EXPECT_EQ(all[0].text(all[0].points[0].object.key()), "LRW");
  EXPECT_EQ(all[0].points[0].raw, 16u);
}

TEST(Ethercat, mailboxes) {
  Heard heard("ethercat");
  const Sentence w = heard(client, download);
  EXPECT_EQ(name(w), "SDO download");
  EXPECT_EQ(w.head.act, Act::write);
  EXPECT_EQ(w.points[0].object, Object(ObjectKind::parameter, 0x604000, 0x1001));
  EXPECT_EQ(w.points[0].raw, 15u);
  const Sentence a = heard(client, aborts);
  EXPECT_TRUE(a.head.refused);
  EXPECT_EQ(protocol_named("ethercat").reason(a.head.reason), "no such subindex, or wrong value");
  const Sentence f = heard(client, file);
  EXPECT_EQ(name(f), "file write");
  EXPECT_EQ(f.text(f.points[0].raw), "firmware");
  EXPECT_EQ(f.text(f.points[1].raw), "other") << "a password is never said";
  const Sentence s = heard(client, servo);
  EXPECT_EQ(name(s), "servo write");
  EXPECT_EQ(s.points[0].raw, 1u);
}

TEST(Ethercat, what_is_written_again_is_not_said_again) {
  Heard heard("ethercat");
  heard(client, to_op);
  heard(client, to_op);
  EXPECT_TRUE(heard.all.empty());
  EXPECT_EQ(name(heard(client, "0e10 | 05 0a 0110 2001 | 0200 0000 | 0300 | 0000")), "state requested: BOOT");
}

}  // namespace
}  // namespace vidra
