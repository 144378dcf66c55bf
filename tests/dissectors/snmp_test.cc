// SPDX-License-Identifier: Apache-2.0
// RFC 1157 (SNMPv1), RFC 3416 (PDUs), RFC 3412 and RFC 3414 (SNMPv3).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//  SEQUENCE | version | community | PDU | request-id | error-status | error-index | SEQUENCE { SEQUENCE { name, value } }
constexpr const char* get_descr = "30 26 | 02 01 01 | 04 06 70 75 62 6c 69 63 | a0 19 | 02 01 07 | 02 01 00 | 02 01 00 | 30 0e 30 0c | 06 08 2b 06 01 02 01 01 01 00 | 05 00";
constexpr const char* descr_is = "30 2a | 02 01 01 | 04 06 70 75 62 6c 69 63 | a2 1d | 02 01 07 | 02 01 00 | 02 01 00 | 30 12 30 10 | 06 08 2b 06 01 02 01 01 01 00 | 04 04 52 54 55 37";
constexpr const char* set_status =
    "30 2a | 02 01 00 | 04 08 68 75 6e 74 65 72 32 32 | a3 1b | 02 01 08 | 02 01 00 | 02 01 00 | 30 10 30 0e | 06 09 2b 06 01 02 01 02 02 01 07 | 02 01 02";
// version 3 | message id, size, flags 7, model 3 | engine, boots, time, user "bob", digest, salt | encrypted
constexpr const char* v3_encrypted = "303b020103300e02021234020205dc040107020103041b3019040580000000010201010201050403626f620402aabb0401cc0409010203040506070809";

const Enrol enrolled("snmp", {
    {"who are you?", {{client, get_descr}, {server, descr_is}}, Carrier::udp},
    {"an interface is switched off, and it refuses", {
        {client, set_status},
        {server, "30 2a | 02 01 00 | 04 08 68 75 6e 74 65 72 32 32 | a2 1b | 02 01 08 | 02 01 04 | 02 01 01 | 30 10 30 0e | 06 09 2b 06 01 02 01 02 02 01 07 | 02 01 02"}}, Carrier::udp},
    {"walking", {{client, "30 26 | 02 01 01 | 04 06 70 75 62 6c 69 63 | a5 19 | 02 01 09 | 02 01 00 | 02 01 0a | 30 0e 30 0c | 06 08 2b 06 01 02 01 01 01 00 | 05 00"}}, Carrier::udp},
    {"get next", {{client, "30 26 | 02 01 01 | 04 06 70 75 62 6c 69 63 | a1 19 | 02 01 09 | 02 01 00 | 02 01 00 | 30 0e 30 0c | 06 08 2b 06 01 02 01 01 01 00 | 05 00"}}, Carrier::udp},
    {"a v1 trap", {{server, "302702010004067075626c6963a41a06062b060104010940040a0a013c020102020100430201003000"}}, Carrier::udp},
    {"a v2 trap", {{server, "303102010104067075626c6963a72402010902010002010030193017060a2b06010603010104010006092b0601060301010501"}}, Carrier::udp},
    {"v3, encrypted", {{client, v3_encrypted}}, Carrier::udp},
    {"v3, the engine is sought", {{client, "3038020103300e02021234020205dc0401040201030410300e0400020100020100040004000400301104000400a00b0201010201000201003000"}}, Carrier::udp},
    {"a community that says it is longer than it is", {{client, "3008 020101 0406 7075"}}, Carrier::udp, true},
});

TEST(Snmp, a_question_names_its_object) {
  Heard snmp("snmp");
  const Sentence s = snmp(client, get_descr);
  EXPECT_EQ(s.head.act, Act::read);
  EXPECT_EQ(s.head.tag, 7u);
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_EQ(s.text(s.points[0].object.key()), "community");
  EXPECT_EQ(s.text(s.points[0].raw), "vendor default");
  EXPECT_EQ(s.text(s.points[1].object.key()), "sysDescr.0");
}

TEST(Snmp, sysDescr_is_an_identity) {
  Heard snmp("snmp");
  EXPECT_EQ(snmp(server, descr_is).head.role, Role::response);
  ASSERT_EQ(snmp.identities.size(), 1u);
  EXPECT_EQ(snmp.identity_texts().at(snmp.identities[0].product), "RTU7");
}

TEST(Snmp, a_set_is_a_write_and_its_community_is_not_said) {
  Heard snmp("snmp");
  const Sentence s = snmp(client, set_status);
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(s.points.at(1).number(), 2);
  EXPECT_EQ(s.text(s.points[0].raw), "other");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter"), std::string::npos);
}

TEST(Snmp, an_answer_is_of_its_question_s_kind) {
  constexpr const char* set_done = "30 2a | 02 01 00 | 04 08 68 75 6e 74 65 72 32 32 | a2 1b | 02 01 08 | 02 01 00 | 02 01 00 | 30 10 30 0e | 06 09 2b 06 01 02 01 02 02 01 07 | 02 01 02";
  Heard snmp("snmp");
  snmp(client, get_descr), snmp(client, set_status);
  const Sentence written = snmp(server, set_done), read = snmp(server, descr_is), again = snmp(server, set_done);
  EXPECT_EQ(written.head.act, Act::write);
  EXPECT_FALSE(written.head.unpaired);
  EXPECT_EQ(read.head.act, Act::read);
  EXPECT_FALSE(read.head.unpaired);
  EXPECT_TRUE(again.head.unpaired);
}

TEST(Snmp, a_community_in_a_table_s_index_is_cut_off) {   // snmpCommunityTable, RFC 3584: indexed by a text
  Heard snmp("snmp");
  const Sentence s = snmp(client, "302c02010104067075626c6963a01f02010702010002010030143012060e2b060106031201010102736563720500");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.text(s.points.at(1).object.key()), "1.3.6.1.6.3.18.1.1.1.2");
}

TEST(Snmp, a_refusal_says_why_and_at_which_object) {
  Heard snmp("snmp");
  const Sentence s = snmp(server, "30 2a | 02 01 00 | 04 08 68 75 6e 74 65 72 32 32 | a2 1b | 02 01 08 | 02 01 04 | 02 01 01 | 30 10 30 0e | 06 09 2b 06 01 02 01 02 02 01 07 | 02 01 02");
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("snmp").reason(s.head.reason), "read only");
  EXPECT_EQ(s.points.at(1).status, 4);
}

TEST(Snmp, v3_says_that_a_user_is_there_and_what_protects_it) {
  Heard snmp("snmp");
  const Sentence s = snmp(client, v3_encrypted);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_TRUE(s.head.encrypted);
  EXPECT_EQ(s.text(s.points.at(0).raw), "present");
  EXPECT_EQ(s.text(s.points.at(1).raw), "authentication and privacy");
}

}  // namespace
}  // namespace vidra
