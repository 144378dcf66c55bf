// SPDX-License-Identifier: Apache-2.0
// BSAP in IP (messages, kind, sequences | length, …, RDB) and as the serial protocol (DLE STX … DLE ETX CRC).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("bsap", {
    {"signals are read by name", {{client, "0E0001000600834B0000744B0000210000000C834B0000A0000403D0010F024047562E445331004047562E41533300"}, {server, "0E0001000500754B0000834B00001A0000000C834B000000020001110024770220D282BE06002477"}}, Carrier::udp},
    {"a signal is written by address", {{client, "0E00010006009E4B00008E4B0000130000000C9E4B0000A0008024770F0111000A"}, {server, "0E00010005008F4B00009E4B00000B0000000C9E4B00000000"}}, Carrier::udp},
    {"nothing but an acknowledgement", {{client, "0E00 0000 0000 00000000 754B0000"}}, Carrier::udp},
    {"two answers in a datagram", {{client, "0E0001000600834B0000744B0000210000000C834B0000A0000403D0010F024047562E445331004047562E41533300"},
        {server, "0E0002000500754B00009E4B00001A0000000C834B000000020001110024770220D282BE060024770B0000000C9E4B00000000"}}, Carrier::udp},
    {"a second answer that is not there", {{server, "0E0002000500754B0000834B00001A0000000C834B000000020001110024770220D282BE060024770B0000"}}, Carrier::udp, true},
    {"signals are read over a serial line", {{client, "100201EBA0E30803000401400F014047562E415333001003045E"}, {server, "100200EB03E308A000000182DF82BE10039102"}}, Carrier::udp},
    {"a system is reset", {{client, "10020112A100010300010110031B40"}}, Carrier::udp},
    {"a wrong CRC", {{client, "10020112A100010300010110030000"}}, Carrier::udp, true},
});

TEST(Bsap, signals_have_their_names) {
  Heard said("bsap");
  const Sentence s = said(client, "0E0001000600834B0000744B0000210000000C834B0000A0000403D0010F024047562E445331004047562E41533300");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::read);
  EXPECT_EQ(shown(s), "@GV.DS1 @GV.AS3");
  const Sentence a = said(server, "0E0001000500754B0000834B00001A0000000C834B000000020001110024770220D282BE06002477");
  EXPECT_FALSE(a.head.malformed || a.head.unpaired);
  EXPECT_EQ(a.head.sub_function, 4);
  EXPECT_EQ(shown(a), "@GV.DS1=on @GV.AS3=-0.2555094");
  EXPECT_EQ(shown(said(client, "100201EBA0E30803000401400F014047562E415333001003045E")), "@GV.AS3");
  EXPECT_EQ(shown(said(server, "100200EB03E308A000000182DF82BE10039102")), "@GV.AS3=-0.2556115");
}

TEST(Bsap, each_message_of_a_datagram_is_a_sentence) {
  Heard said("bsap");
  said(client, "0E0001000600834B0000744B0000210000000C834B0000A0000403D0010F024047562E445331004047562E41533300");
  said(client, "0E00010006009E4B00008E4B0000130000000C9E4B0000A0008024770F0111000A");
  said(server, "0E0002000500754B00009E4B00001A0000000C834B000000020001110024770220D282BE060024770B0000000C9E4B00000000");
  ASSERT_EQ(said.all.size(), 2u);
  for (const Sentence& s : said.all) EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(shown(said.all[0]), "@GV.DS1=on @GV.AS3=-0.2555094");
  EXPECT_EQ(said.all[1].head.act, Act::write);
}

TEST(Bsap, an_answer_may_be_of_kind_1) {
  Heard said("bsap");
  said(client, "0E0001000600834B0000744B0000210000000C834B0000A0000403D0010F024047562E445331004047562E41533300");
  const Sentence s = said(server, "0E0001000100754B0000834B00001A0000000C834B000000020001110024770220D282BE06002477");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_EQ(shown(s), "@GV.DS1=on @GV.AS3=-0.2555094");
}

TEST(Bsap, a_write_by_address_says_where) {
  const Sentence s = Heard("bsap")(client, "0E00010006009E4B00008E4B0000130000000C9E4B0000A0008024770F0111000A");
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(shown(s), "item 17=0xa");
}

TEST(Bsap, a_reset_is_an_act_of_running) {
  const Sentence s = Heard("bsap")(client, "10020112A100010300010110031B40");
  EXPECT_EQ(s.head.act, Act::run);
  EXPECT_EQ(function_name(protocol_named("bsap"), s.head.function, s.head.sub_function), "reset system");
}

}  // namespace
}  // namespace vidra
