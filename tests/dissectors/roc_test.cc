// SPDX-License-Identifier: Apache-2.0
// ROC Plus (A6127): destination unit and group, source unit and group, opcode, length, data, CRC.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("roc", {
    {"parameters are read (180)", {{client, "01020304B40702010203030405998B"}, {server, "03040102B409020102032A0304052B8EB2"}}},
    {"a parameter is written (181)", {{client, "01020304B508016700010000803F066B"}, {server, "03040102B5002744"}}},
    {"contiguous parameters (167, 166)", {{client, "01020304A70401020106F40E"}, {server, "03040102A706010201062A009681"}, {client, "01020304A606010201062B003BF8"}, {server, "03040102A6002A74"}}},
    {"the clock is read and set", {{client, "0102030407003BBF"}, {server, "03040102070838220C1D02E807052926"}, {client, "01020304080838220C1D02E80705F45D"}, {server, "0304010208005614"}}},
    {"an operator logs in", {{client, "0102030411064C4F49E80305FB2F"}, {server, "0304010211005D84"}}},
    {"the system configuration is asked for", {{client, "0102030406003A2F"}, {server, "03040102060A0102030405060708090A1795"}}},
    {"an answer is an error", {{client, "01020304B5050167000101B0AB"}, {server, "03040102FF0213B5609C"}}},
    {"a file is opened", {{client, "01020304CB6301002F2F666C6173682F646174612F000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000612E74787400000000000000000000000000000000000000000000000000000000C35A"}}},
    {"a wrong CRC", {{client, "0102030406000000"}}, Carrier::tcp, true},
});

TEST(Roc, values_carry_the_parameters_that_were_asked) {
  Heard said("roc");
  EXPECT_EQ(shown(said(client, "01020304B40702010203030405998B")), "TLP 1,2,3 TLP 3,4,5");
  const Sentence s = said(server, "03040102B409020102032A0304052B8EB2");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(shown(s), "TLP 1,2,3=0x2a TLP 3,4,5=0x2b");
}

TEST(Roc, a_write_says_what) {
  const Sentence s = Heard("roc")(client, "01020304B508016700010000803F066B");
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(s.head.station, 0x102u);
  EXPECT_EQ(shown(s), "TLP 103,0,1=0x3f800000");
}

TEST(Roc, the_delivered_password_is_told_from_others) {
  Heard said("roc");
  EXPECT_EQ(shown(said(client, "0102030411064C4F49E80305FB2F")), "user=LOI password=vendor default access level=5");
  EXPECT_EQ(shown(said(client, "0102030411064F5031123405407F")), "user=OP1 password=other access level=5");
}

TEST(Roc, an_error_is_the_refusal_of_what_was_asked) {
  Heard said("roc");
  said(client, "01020304B5050167000101B0AB");
  const Sentence s = said(server, "03040102FF0213B5609C");
  EXPECT_TRUE(s.head.refused);
  EXPECT_FALSE(s.head.unpaired);
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(protocol_named("roc").reason(s.head.reason), "parameter is read-only");
}

TEST(Roc, a_clock_is_a_time) { EXPECT_EQ(Time(Heard("roc")(client, "01020304080838220C1D02E80705F45D").points.at(0).raw), 1709210096 * second); }

}  // namespace
}  // namespace vidra
