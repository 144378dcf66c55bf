// SPDX-License-Identifier: Apache-2.0
// IEEE 1588-2019 13: header of 34 octets (type, version, length, domain, flags, correction, source port, sequence, control, interval), body, TLVs.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//                             type ver length dom    flags correction       |        | source port           | seq  control, interval | body
#define SYNC(sequence)      "00 02 002c 00 00 0200 0000000000000000 00000000 ec4670fffe005105 0001 " sequence " 00 00 | 00000000000000000000"
#define FOLLOW_UP(sequence, s) "08 02 002c 00 00 0000 0000000000000000 00000000 ec4670fffe005105 0001 " sequence " 02 00 | 0000 " s " 11327 2a7"
#define ANNOUNCE(sequence, flags, offset, priority, quality, gm) \
  "0b 02 0040 00 00 " flags " 0000000000000000 00000000 ec4670fffe005105 0001 " sequence " 05 01 | 00000000000000000000 " offset " 00 " priority " " quality " 80 " gm " 0000 20"

constexpr std::string_view announce = ANNOUNCE("0000", "003c", "0025", "40", "062100ff", "ec4670fffe005105");
constexpr std::string_view delay_req = "01 02 002c 00 00 0000 0000000000000000 00000000 0021c1fffe301042 0001 0000 01 7f | 00000000000000000000";
constexpr std::string_view delay_resp = "09 02 0036 00 00 0000 0000000000000000 00000000 ec4670fffe005105 0001 0000 03 00 | 00006b02 07a9014833c5 0021c1fffe301042 0001";
constexpr std::string_view power_profile =
    "0b 02 0056 fe 00 003c 0000000000000000 00000000 ec4670fffe005105 0001 0007 05 00 | 00000000000000000000 0025 00 80 06210000 80 ec4670fffe005105 0000 20 |"
    "0003 0012 1c129d 000002 0003 00000000 000000c8 0000";

const Enrol enrolled("ptp", {
    {"a master's announcement and time", {{client, announce}, {client, SYNC("0000")}, {client, FOLLOW_UP("0000", "6b02079b")}}, Carrier::ethertype},
    {"the delay is asked", {{client, delay_req}}, Carrier::ethertype},
    {"the delay is told", {{client, delay_resp}}, Carrier::ethertype},
    {"peers measure", {{client, "02 02 0036 00 00 0000 0000000000000000 00000000 0021c1fffe301042 0001 0000 05 7f | 00000000000000000000 00000000000000000000"}}, Carrier::ethertype},
    {"a peer answers", {{client, "03 02 0036 00 00 0200 0000000000000000 00000000 0021c1fffe301041 0001 0000 05 7f | 00006b02 07a9014833c5 0021c1fffe301042 0001"},
                        {client, "0a 02 0036 00 00 0000 0000000000000000 00000000 0021c1fffe301041 0001 0000 05 7f | 00006b02 07a9014833c5 0021c1fffe301042 0001"}}, Carrier::ethertype},
    {"the power profile (C37.238-2017)", {{client, power_profile}}, Carrier::ethertype},
    {"unicast is requested", {{client, "0c 02 0036 00 00 0400 0000000000000000 00000000 0021c1fffe301042 0001 0000 05 7f | ffffffffffffffff ffff | 0004 0006 b0 01 0000012c"}}, Carrier::udp},
    {"a setting is asked and told",
     {{client, "0d 02 0036 00 00 0000 0000000000000000 00000000 0021c1fffe301042 0001 0000 04 7f | ffffffffffffffff ffff 01 01 00 00 | 0001 0002 2005"},
      {server, "0d 02 0038 00 00 0000 0000000000000000 00000000 ec4670fffe005105 0001 0000 04 7f | 0021c1fffe301042 0001 01 01 02 00 | 0001 0004 2005 4000"}}, Carrier::udp},
    {"a setting is refused",
     {{client, "0d 02 003c 00 00 0000 0000000000000000 00000000 ec4670fffe005105 0001 0000 04 7f | 0021c1fffe301042 0001 01 01 02 00 | 0002 0008 0005 2005 00000000"}}, Carrier::udp},
    {"version 1", {{client, "0001 0001 5f44464c5400000000000000000000 00 | 01 | 01 0021c1301042 0001 0005 | 02 00 0000 00000000 | 00000000 00000000 00000000"}}, Carrier::udp},
    {"longer than the frame", {{client, "00 02 0040 00 00 0200 0000000000000000 00000000 ec4670fffe005105 0001 0000 00 00 | 00000000000000000000"}}, Carrier::ethertype, true},
    {"a type that there is not", {{client, "05 02 002c 00 00 0200 0000000000000000 00000000 ec4670fffe005105 0001 0000 00 00 | 00000000000000000000"}}, Carrier::ethertype, true},
});

std::string field(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return p.kind == ValueKind::text ? s.text(p.raw) : p.kind == ValueKind::time || p.kind == ValueKind::integer ? std::to_string(int64_t(p.raw)) : std::to_string(p.number());
  return "nothing";
}
std::string name(const Sentence& s) { return std::string(function_name(protocol_named("ptp"), s.head.function, s.head.sub_function)); }

TEST(Ptp, what_a_grandmaster_says_of_itself) {
  Heard heard("ptp");
  const Sentence s = heard(client, announce);
  EXPECT_EQ(name(s), "Announce");
  EXPECT_EQ(s.text(s.head.station), "ec:46:70:ff:fe:00:51:05");
  EXPECT_EQ(s.head.origin, s.head.station);
  EXPECT_EQ(field(s, "grandmaster"), "ec:46:70:ff:fe:00:51:05");
  EXPECT_EQ(field(s, "class"), std::to_string(6.0));
  EXPECT_EQ(field(s, "UTC offset"), "37");
  EXPECT_EQ(field(s, "time traceable"), std::to_string(1.0));
  EXPECT_EQ(field(s, "time source"), "satellites");
}

TEST(Ptp, the_power_profile) {
  Heard heard("ptp");
  const Sentence s = heard(client, power_profile);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.qualifier & 0xff, 254u);
  EXPECT_EQ(field(s, "profile"), "C37.238-2017");
  EXPECT_EQ(field(s, "grandmaster id"), std::to_string(3.0));
  EXPECT_EQ(field(s, "total inaccuracy, ns"), std::to_string(200.0));
}

TEST(Ptp, an_announcement_is_said_again_when_it_says_something_else) {
  Heard heard("ptp");
  heard(client, announce);
  heard(client, ANNOUNCE("0001", "003c", "0025", "40", "062100ff", "ec4670fffe005105"));
  EXPECT_TRUE(heard.all.empty());
  EXPECT_EQ(name(heard(client, ANNOUNCE("0002", "003c", "0025", "40", "342100ff", "ec4670fffe005105"))), "changed clock quality");
  EXPECT_EQ(name(heard(client, ANNOUNCE("0003", "003d", "0025", "40", "342100ff", "ec4670fffe005105"))), "changed UTC offset or time flags");
  EXPECT_EQ(name(heard(client, ANNOUNCE("0004", "003d", "0025", "01", "342100ff", "ec4670fffe005105"))), "changed priorities or steps removed");
  EXPECT_EQ(name(heard(client, ANNOUNCE("0005", "003d", "0025", "01", "342100ff", "b827ebfffe5d10c7"))), "changed grandmaster");
}

TEST(Ptp, a_stream_is_summed_up_once_a_second) {
  Heard heard("ptp");
  char octets[256];
  size_t said = 0, summaries = 0;
  double counted = 0;
  for (unsigned i = 0; i < 64; i++) {                       // 8 a second
    heard.say.time = Time(i) * second / 8;
    std::snprintf(octets, sizeof octets, SYNC("%04x"), i);
    const Sentence s = heard(client, octets);
    said += heard.all.size();
    if (heard.all.size() && name(s) == "summary") summaries++, counted += s.points[0].number();
  }
  EXPECT_EQ(summaries, 4u);                                 // of 16 messages each
  EXPECT_EQ(said, 1 + summaries);
  EXPECT_EQ(counted, 64);                                   // the first is said and counted
}

TEST(Ptp, breaches_are_said_at_once_and_then_counted) {
  Heard heard("ptp");
  heard(client, SYNC("0000"));
  heard.say.time = 10 * millisecond;
  EXPECT_EQ(name(heard(client, SYNC("0005"))), "breach, sequence");
  EXPECT_EQ(field(heard.all.back(), "awaited"), "1");
  heard(client, SYNC("0009"));
  EXPECT_TRUE(heard.all.empty());                           // a word a second
  heard.say.time = 2 * second;
  EXPECT_EQ(name(heard(client, SYNC("0011"))), "breach, sequence");
}

TEST(Ptp, a_follow_up_belongs_to_its_sync_and_a_clock_does_not_step) {
  Heard heard("ptp");
  heard(client, SYNC("0000"));
  heard(client, FOLLOW_UP("0000", "6b02079b"));
  heard.say.time = second;
  heard(client, SYNC("0001"));
  heard(client, FOLLOW_UP("0001", "6b02079c"));
  EXPECT_TRUE(heard.all.empty());
  heard.say.time = 2 * second;
  heard(client, SYNC("0002"));
  EXPECT_EQ(name(heard(client, FOLLOW_UP("0002", "6b0215ad"))), "breach, clock stepped");   // an hour
  EXPECT_EQ(field(heard.all.back(), "by, ns"), std::to_string(3600 * second));
  heard.say.time = 4 * second;
  EXPECT_EQ(name(heard(client, FOLLOW_UP("0001", "6b0215af"))), "breach, Follow_Up without its Sync");
}

TEST(Ptp, management_tells_what_it_wants) {
  Heard heard("ptp");
  const Sentence get = heard(client, "0d 02 0036 00 00 0000 0000000000000000 00000000 0021c1fffe301042 0001 0000 04 7f | ffffffffffffffff ffff 01 01 00 00 | 0001 0002 2005");
  EXPECT_EQ(name(get), "Management GET");
  EXPECT_EQ(get.head.act, Act::read);
  EXPECT_EQ(field(get, "concerns"), "priority 1");
  EXPECT_EQ(field(get, "to"), "all");
  const Sentence set = heard(client, "0d 02 0040 00 00 0000 0000000000000000 00000000 0021c1fffe301042 0001 0001 04 7f | ffffffffffffffff ffff 01 01 01 00 | 0001 000c 200f 00006b02079b00000000");
  EXPECT_EQ(name(set), "Management SET");
  EXPECT_EQ(set.head.act, Act::time);
  const Sentence refused = heard(client, "0d 02 003c 00 00 0000 0000000000000000 00000000 ec4670fffe005105 0001 0000 04 7f | 0021c1fffe301042 0001 01 01 02 00 | 0002 0008 0005 2005 00000000");
  EXPECT_TRUE(refused.head.refused);
  EXPECT_EQ(protocol_named("ptp").reason(refused.head.reason), "not settable");
}

}  // namespace
}  // namespace vidra
