// SPDX-License-Identifier: Apache-2.0
// ANSI C12.22 (ACSE, EPSEM), ANSI C12.19 (tables, procedures).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// 60 length | called title, calling title, invocation | user information: control, then length and service each
const Enrol enrolled("c1222", {
    {"a meter is identified and its table read", {{client, "60 35 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0101 | be 0b 28 09 81 07 80 01 20 03 30 0001"},
        {server, "60 60 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0101 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 30 28 2e 81 2c 80 05 00 02 01 00 00 24 00 0020 4546000041584f34202020200102030430303030303030303132333435363738 00"}}},
    {"a session with a password", {{client, "60 53 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0102 | be 29 28 27 81 25 80 0d 50 0001 6f70657261746f722020 15 51 7365637265743132202020202020202020202020"},
        {server, "60 39 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0102 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 09 28 07 81 05 80 01 00 01 00"},
        {client, "60 31 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0103 | be 07 28 05 81 03 80 01 52"},
        {server, "60 37 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0103 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 07 28 05 81 03 80 01 00"}}},
    {"a supply is switched by procedure", {{client, "60 3b a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0104 | be 11 28 0f 81 0d 80 0b 40 0007 0005 1500 01 0001 00"},
        {server, "60 37 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0104 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 07 28 05 81 03 80 01 00"}}},
    {"a meter is restarted, and refuses", {{client, "60 39 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0105 | be 0f 28 0d 81 0b 80 09 40 0007 0003 0000 02 00"},
        {server, "60 37 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0105 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 07 28 05 81 03 80 01 03"}}},
    {"keys are written, part of a table is read", {{client, "60 61 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0106 | be 37 28 35 81 33 80 0a 40 002d 0004 01020304 00 08 3f 0017 000010 0004 07 31 0017 0001 0004 0b 4f 0034 000000 0002 0102 00 09 41 0006 0001 0001 05 00"},
        {server, "60 46 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0106 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 16 28 14 81 12 80 01 00 08 00 0004 00000001 ff 01 04 01 00 01 00"}}},
    {"enciphered", {{client, "60 50 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0107 ac 0f a2 0d a0 0b a1 09 80 01 00 81 04 4e4a8753 | be 15 28 13 81 11 88 7eb7486ff3b0637a972925a07dbe16c0"}}},
    {"other services", {{client, "60 60 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0108 | be 36 28 34 81 32 80 01 21 01 22 06 24 06 03 2b0601 06 25 06 03 2b0601 06 26 06 03 2b0601 02 27 00 01 3e 03 53 01 00 05 61 0040 02 06 02 70 0a 05 71 01 02 03 04"},
        {server, "60 37 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0108 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 07 28 05 81 03 80 01 00"}}},
    {"on UDP", {{client, "60 31 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0109 | be 07 28 05 81 03 80 01 20"}}, Carrier::udp},
    {"a service that is cut off", {{client, "60 33 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0110 | be 09 28 07 81 05 80 09 30 0001"}}, Carrier::tcp, true},
});

TEST(C1222, each_service_is_a_sentence_and_answers_know_their_questions) {
  Heard c1222("c1222");
  c1222(client, "60 35 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0101 | be 0b 28 09 81 07 80 01 20 03 30 0001");
  ASSERT_EQ(c1222.all.size(), 2u);
  EXPECT_EQ(c1222.all[0].head.function, 0x20);
  EXPECT_EQ(c1222.all[1].head.act, Act::read);
  EXPECT_EQ(c1222.all[1].text(c1222.all[1].points[0].object.key()), "table 1 manufacturer identification");
  const Sentence s = c1222(server, "60 60 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0101 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 30 28 2e 81 2c 80 05 00 02 01 00 00 24 00 0020 4546000041584f34202020200102030430303030303030303132333435363738 00");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_FALSE(s.head.unpaired);
  EXPECT_EQ(s.head.function, 0x30);
  ASSERT_EQ(c1222.identities.size(), 1u);
  EXPECT_EQ(c1222.identity_texts().at(c1222.identities[0].vendor), "EF");
  EXPECT_EQ(c1222.identity_texts().at(c1222.identities[0].serial), "0000000012345678");
}

TEST(C1222, a_procedure_says_what_it_does) {
  Heard c1222("c1222");
  const Sentence s = c1222(client, "60 3b a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0104 | be 11 28 0f 81 0d 80 0b 40 0007 0005 1500 01 0001 00");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::operate);
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_EQ(s.text(s.points[1].object.key()), "procedure 21 direct load control");
  EXPECT_EQ(s.text(s.head.station), "1.3.6.1.4.1.33507.1919.22906.0");
  const Sentence restart = c1222(client, "60 39 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0105 | be 0f 28 0d 81 0b 80 09 40 0007 0003 0000 02 00");
  EXPECT_EQ(restart.head.act, Act::run);
  const Sentence refused = c1222(server, "60 37 a2 0e 06 0c 2b060104018285638e7f5801 a4 04 02 02 0105 a6 10 06 0e 2b060104018285638e7f81b27a00 a8 04 02 02 0001 | be 07 28 05 81 03 80 01 03");
  EXPECT_TRUE(refused.head.refused);
  EXPECT_EQ(protocol_named("c1222").reason(refused.head.reason), "insufficient security clearance");
}

TEST(C1222, a_password_is_only_said_to_be_there) {
  Heard c1222("c1222");
  c1222(client, "60 53 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0102 | be 29 28 27 81 25 80 0d 50 0001 6f70657261746f722020 15 51 7365637265743132202020202020202020202020");
  ASSERT_EQ(c1222.all.size(), 2u);
  EXPECT_EQ(c1222.all[1].text(c1222.all[1].points[0].raw), "other");
  for (const Sentence& s : c1222.all)
    for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("secret"), std::string::npos);
}

TEST(C1222, what_is_enciphered_is_named) {
  Heard c1222("c1222");
  const Sentence s = c1222(client, "60 50 a2 10 06 0e 2b060104018285638e7f81b27a00 a6 0e 06 0c 2b060104018285638e7f5801 a8 04 02 02 0107 ac 0f a2 0d a0 0b a1 09 80 01 00 81 04 4e4a8753 | be 15 28 13 81 11 88 7eb7486ff3b0637a972925a07dbe16c0");
  EXPECT_TRUE(s.head.encrypted);
  EXPECT_FALSE(s.head.malformed);
}

}  // namespace
}  // namespace vidra
