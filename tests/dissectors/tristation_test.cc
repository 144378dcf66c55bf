// SPDX-License-Identifier: Apache-2.0
// TriStation: TCM frame, channel, length | direction, connection, command, sequence, unknown, sum, length, data | CRC.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("tristation", {
    {"a connection is opened", {{client, "01 00 0000 01FC"}, {server, "02 00 0000 01B8"}}, Carrier::udp},
    {"the control program's status is asked for",
     {{client, "05 00 0A00 | 00 00 13 05 0000 2200 0A00 05DC"},
      {server, "05 00 5600 | 01 00 6C 05 0000 0000 5600 | 0100 00 00 0D 00 01 01 00 | 0000508000 00008000 00004000 00006000 0050FE00 FFAFFF00 002000200020000000000000 141B0000C800C800BA00 | 0400 0300 4FB6E15A 5C98 454D50545900AD050200 AC01"}}, Carrier::udp},
    {"a program is sent", {{client, "05 00 1C00 | 00 00 37 06 0000 0000 1C00 | 0100 0000 0000 0000 0200 DEADBEEF 01020304 0480"}, {server, "05 00 0A00 | 01 00 99 06 0000 0000 0A00 E57E"}}, Carrier::udp},
    {"a program is halted", {{client, "05 00 0A00 | 00 00 15 07 0000 0000 0A00 AC4E"}, {server, "05 00 0A00 | 01 00 6E 07 0000 0000 0A00 BB1C"}}, Carrier::udp},
    {"the key forbids", {{client, "05 00 0A00 | 00 00 00 08 0000 0000 0A00 927D"}, {server, "05 00 0A00 | 01 00 D4 08 0000 0000 0A00 CF17"}}, Carrier::udp},
    {"the processors' status is asked for with a body", {{client, "05 00 0E00 | 00 00 1D 09 0000 0000 0E00 | 41414141 237F"}}, Carrier::udp},
    {"access is denied", {{server, "0A 00 0000 03D8"}}, Carrier::udp},
});

struct Tristation : testing::Test {
  Heard said{"tristation"};
};


TEST_F(Tristation, the_key_and_the_state_are_said) {
  said(client, "05 00 0A00 | 00 00 13 05 0000 2200 0A00 05DC");
  const Sentence s = said(server, "05 00 5600 | 01 00 6C 05 0000 0000 5600 | 0100 00 00 0D 00 01 01 00 | 0000508000 00008000 00004000 00006000 0050FE00 FFAFFF00 002000200020000000000000 141B0000C800C800BA00 | 0400 0300 4FB6E15A 5C98 454D50545900AD050200 AC01");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(shown(s), "load in progress=0 load state=13 control program valid=on key=program state=running project version=3.4 project built=time 1524741711.000 project=EMPTY");
  ASSERT_EQ(said.identities.size(), 1u);
  EXPECT_EQ(said.identity_texts().at(said.identities[0].name), "EMPTY");
}

TEST_F(Tristation, what_changes_the_program_or_stops_it_is_named) {
  const Sentence program = said(client, "05 00 1C00 | 00 00 37 06 0000 0000 1C00 | 0100 0000 0000 0000 0200 DEADBEEF 01020304 0480");
  EXPECT_EQ(program.head.act, Act::program);
  EXPECT_EQ(shown(program), "program=1 next=0 full chunks=0 offset=0 words=2 =8 octets");
  EXPECT_EQ(said(client, "05 00 0A00 | 00 00 15 07 0000 0000 0A00 AC4E").head.act, Act::run);
}

TEST_F(Tristation, a_rejection_says_why) {
  said(client, "05 00 0A00 | 00 00 00 08 0000 0000 0A00 927D");
  const Sentence s = said(server, "05 00 0A00 | 01 00 D4 08 0000 0000 0A00 CF17");
  EXPECT_TRUE(s.head.refused);
  EXPECT_FALSE(s.head.unpaired);
  EXPECT_EQ(s.head.act, Act::program);
  EXPECT_EQ(protocol_named("tristation").reason(s.head.reason), "key setting prohibits this operation");
}

TEST_F(Tristation, a_body_where_none_belongs_is_counted) {
  EXPECT_EQ(shown(said(client, "05 00 0E00 | 00 00 1D 09 0000 0000 0E00 | 41414141 237F")), "=4 octets");
}

TEST_F(Tristation, a_wrong_crc_is_malformed) { EXPECT_TRUE(said(client, "05 00 0A00 | 00 00 15 07 0000 0000 0A00 AC4F").head.malformed); }

}  // namespace
}  // namespace vidra
