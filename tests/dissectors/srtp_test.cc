// SPDX-License-Identifier: Apache-2.0
// Denton et al., DFRWS 2017, tables 1 to 4. The header: type, sequence, length of text … | message type | mailboxes | packets | body of 14.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

#define ZEROS8 "0000000000000000"
#define HELLO ZEROS8 ZEROS8 ZEROS8 ZEROS8 ZEROS8 ZEROS8 ZEROS8
#define WELCOME "0100000000000000 0F00000000000000" ZEROS8 ZEROS8 ZEROS8 ZEROS8 ZEROS8
//              type   seq text | …to 30                                               | type | mailboxes        | packets
#define ASK(seq) "0200 " seq " 0000 000000 01 00000000000000 01 0000000000000000 00000000 06 C0 00000000 100E0000 0101 "
#define TELL(seq, text) "0200 " seq " " text " 000000 02 00000000000000 02 0000000000000000 00000000 09 80 00000000 100E0000 0101 "
#define REPLY(seq) "0300 " seq " 0000 000000 01 00000000000000 01 0000000000000000 00000000 06 D4 100E0000 303A0000 0101 "
#define REPLY_TEXT(seq, text) "0300 " seq " " text " 000000 01 00000000000000 01 0000000000000000 00000000 06 94 100E0000 303A0000 0101 "
#define REFUSE(seq) "0300 " seq " 0000 000000 01 00000000000000 01 0000000000000000 00000000 06 D1 100E0000 303A0000 0101 "
#define STATUS " 01 02 0000 7C01"

const Enrol enrolled("srtp", {
    {"a connection is opened", {{client, HELLO}, {server, WELCOME}}},
    {"registers are read", {{client, ASK("0600") "04 08 0000 0200 0000000000000000"}, {server, REPLY("0600") "00 00 3412 FFFF 0000" STATUS}}},
    {"many are read", {{client, ASK("0700") "04 08 0000 0500 0000000000000000"}, {server, REPLY_TEXT("0700", "0A00") "00 00 000000000000" STATUS "0100 0200 0300 0400 0500"}}},
    {"bits are read", {{client, ASK("0800") "04 46 0300 0600 0000000000000000"}, {server, REPLY("0800") "00 00 A801 0000 0000" STATUS}}},
    {"registers are written", {{client, TELL("0900", "0400") "04000000 0000 0101 07 08 6300 0200 61646200"}, {server, REPLY("0900") "00 00 000000000000" STATUS}}},
    {"the PLC is stopped", {{client, ASK("0A00") "23 02 000000000000000000000000"}, {server, REPLY("0A00") "00 00 000000000000" STATUS}}},
    {"it says how it is", {{client, ASK("0B00") "00 00 000000000000000000000000"}, {server, REPLY("0B00") "00 00 000000000000" " 01 02 0000 7C21"}}},
    {"privilege is asked for, and refused", {{client, ASK("0C00") "21 04 5041535300000000 00000000"}, {server, REFUSE("0C00") "05 F5 000000000000" STATUS}}},
    {"it says who it is", {{client, ASK("0D00") "43 00 000000000000000000000000"}, {server, REPLY_TEXT("0D00", "0A00") "00 00 000000000000" STATUS "0102 504C4331 00000000"}}},
});

struct Srtp : testing::Test {
  Heard srtp{"srtp"};
};

TEST_F(Srtp, values_are_named_from_one) {
  EXPECT_EQ(shown(srtp(client, ASK("0600") "04 08 0000 0200 0000000000000000")), "%R00001 x2");
  const Sentence a = srtp(server, REPLY("0600") "00 00 3412 FFFF 0000" STATUS);
  EXPECT_FALSE(a.head.malformed || a.head.unpaired);
  EXPECT_EQ(shown(a), "%R00001=4660 %R00002=65535");
}

TEST_F(Srtp, bits_lie_where_the_memory_has_them) {
  srtp(client, ASK("0800") "04 46 0300 0600 0000000000000000");
  EXPECT_EQ(shown(srtp(server, REPLY("0800") "00 00 A801 0000 0000" STATUS)), "%I00004=on %I00005=off %I00006=on %I00007=off %I00008=on %I00009=on");
  srtp(client, ASK("0900") "04 10 0100 0100 0000000000000000");
  EXPECT_EQ(shown(srtp(server, REPLY("0900") "00 00 0100 0000 0000" STATUS)), "%I00009=on %I00010=off %I00011=off %I00012=off %I00013=off %I00014=off %I00015=off %I00016=off");
}

TEST_F(Srtp, an_extended_write_says_its_values) {
  const Sentence s = srtp(client, TELL("0900", "0400") "04000000 0000 0101 07 08 6300 0200 61646200");
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(s.head.function, 7);
  EXPECT_EQ(shown(s), "%R00100=25697 %R00101=98");
}

TEST_F(Srtp, a_password_is_refused_and_not_said) {
  EXPECT_EQ(shown(srtp(client, ASK("0C00") "21 04 5041535300000000 00000000")), "level=4 password=other");
  const Sentence a = srtp(server, REFUSE("0C00") "05 F5 000000000000" STATUS);
  EXPECT_TRUE(a.head.refused);
  EXPECT_EQ(a.head.function, 0x21);
  EXPECT_EQ(protocol_named("srtp").reason(a.head.reason), "invalid password");
}

TEST_F(Srtp, stopping_is_an_act_of_running) { EXPECT_EQ(srtp(client, ASK("0A00") "23 02 000000000000000000000000").head.act, Act::run); }

TEST_F(Srtp, every_answer_carries_the_state) {
  srtp(client, ASK("0B00") "00 00 000000000000000000000000");
  EXPECT_EQ(shown(srtp(server, REPLY("0B00") "00 00 000000000000" " 01 02 0000 7C21")), "state=stop, I/O disabled privilege level=2 sweep time=0 control program=1");
}

}  // namespace
}  // namespace vidra
