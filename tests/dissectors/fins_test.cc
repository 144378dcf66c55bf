// SPDX-License-Identifier: Apache-2.0
// Omron W342, section 5 (commands), and W421, section 7 (FINS/TCP).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;
constexpr bool whole = false, open_ended = true;

//        | ICF | RSV | GCT | DNA DA1 DA2 | SNA SA1 SA2 | SID | command | end code | …
const Enrol enrolled("fins", {
    {"words of DM are read (5-2-3)", {{client, "80 00 02 00EF00 006300 01 0101 82 0064 00 0002"}, {server, "C0 00 02 006300 00EF00 01 0101 0000 0001 FFFF"}}, Carrier::udp},
    {"bits of CIO are read", {{client, "80 00 02 00EF00 006300 02 0101 30 000A 0E 0003"}, {server, "C0 00 02 006300 00EF00 02 0101 0000 01 00 01"}}, Carrier::udp},
    {"words are written", {{client, "80 00 02 00EF00 006300 03 0102 B1 0001 00 0002 1234 5678"}, {server, "C0 00 02 006300 00EF00 03 0102 0000"}}, Carrier::udp},
    {"an area is filled", {{client, "80 00 02 00EF00 006300 04 0103 82 0000 00 0010 0000"}, {server, "C0 00 02 006300 00EF00 04 0103 0000"}}, Carrier::udp},
    {"an area is copied", {{client, "80 00 02 00EF00 006300 05 0105 82 0000 00 82 0064 00 000A"}}, Carrier::udp},
    {"several are read", {{client, "80 00 02 00EF00 006300 06 0104 82 0000 00 30 0000 05"}, {server, "C0 00 02 006300 00EF00 06 0104 0000 82 1234 30 01"}}, Carrier::udp, whole, open_ended},
    {"the PLC is set to run (5-3-17)", {{client, "80 00 02 00EF00 006300 07 0401 0000 04"}, {server, "C0 00 02 006300 00EF00 07 0401 0000"}}, Carrier::udp, whole, open_ended},
    {"the PLC is stopped", {{client, "80 00 02 00EF00 006300 08 0402"}, {server, "C0 00 02 006300 00EF00 08 0402 0000"}}, Carrier::udp},
    {"a program is read", {{client, "80 00 02 00EF00 006300 09 0306 FFFF 00000000 01E0"}, {server, "C0 00 02 006300 00EF00 09 0306 0000 FFFF 00000000 8004 DEADBEEF"}}, Carrier::udp, whole, open_ended},
    {"a program is written", {{client, "80 00 02 00EF00 006300 0A 0307 FFFF 00000000 0004 DEADBEEF"}, {server, "C0 00 02 006300 00EF00 0A 0307 0000 FFFF 00000000 0004"}}, Carrier::udp, whole, open_ended},
    {"the program area's protection is lifted", {{client, "80 00 02 00EF00 006300 0B 0305 FFFF 00 00000000 FFFFFFFF 50415353"}, {server, "C0 00 02 006300 00EF00 0B 0305 2602"}}, Carrier::udp},
    {"the controller says who it is",
     {{client, "80 00 02 00EF00 006300 0C 0501"},
      {server, "C0 00 02 006300 00EF00 0C 0501 0000 4350314C2D454C323044522D4400000020202020 30312E303000000000000030312E303600000000"}}, Carrier::udp, whole, open_ended},
    {"its units say who they are", {{client, "80 00 02 00EF00 006300 0D 0502 00 01"}, {server, "C0 00 02 006300 00EF00 0D 0502 0000 81 10 434A31572D4D41443432 20202020202020202020"}}, Carrier::udp, whole, open_ended},
    {"the controller says how it is", {{client, "80 00 02 00EF00 006300 0E 0601"}, {server, "C0 00 02 006300 00EF00 0E 0601 0000 01 04 0000 0010 0000 0000 20202020202020202020202020202020"}}, Carrier::udp, whole, open_ended},
    {"the clock is read and set", {{client, "80 00 02 00EF00 006300 0F 0701"}, {server, "C0 00 02 006300 00EF00 0F 0701 0000 24 02 29 12 34 56 04"}}, Carrier::udp, whole, open_ended},
    {"the clock is set", {{client, "80 00 02 00EF00 006300 10 0702 24 02 29 12 34 56 04"}, {server, "C0 00 02 006300 00EF00 10 0702 0000"}}, Carrier::udp, whole, open_ended},
    {"bits are forced", {{client, "80 00 02 00EF00 006300 11 2301 0002 0001 30 0000 05 FFFF 30 0000 06"}, {server, "C0 00 02 006300 00EF00 11 2301 0000"}}, Carrier::udp},
    {"a file is deleted", {{client, "80 00 02 00EF00 006300 12 2205 8000 0001 4155544F455845432E4F424A"}}, Carrier::udp, whole, open_ended},
    {"a name is set", {{client, "80 00 02 00EF00 006300 13 2601 5031"}}, Carrier::udp, whole, open_ended},
    {"a name is read", {{client, "80 00 02 00EF00 006300 14 2603"}, {server, "C0 00 02 006300 00EF00 14 2603 0000 5031"}}, Carrier::udp, whole, open_ended},
    {"FINS/TCP gives node addresses, then reads",
     {{client, "46494E53 0000000C 00000000 00000000 00000000"}, {server, "46494E53 00000010 00000001 00000000 000000EF 00000001"},
      {client, "46494E53 0000001A 00000002 00000000 80 00 02 000100 00EF00 01 0101 82 0064 00 0001"},
      {server, "46494E53 00000018 00000002 00000000 C0 00 02 00EF00 000100 01 0101 0000 1234"}}},
    {"FINS/TCP has no connection left", {{server, "46494E53 00000010 00000003 00000020 00000000 00000000"}}},
    {"a length that lies", {{client, "80 00 02 00EF00 006300 01 0102 82 0064 00 0005 1234"}}, Carrier::udp, true},
});

struct Fins : testing::Test {
  Heard fins{"fins"};
};

TEST_F(Fins, values_carry_the_addresses_that_were_asked) {
  const Sentence q = fins(client, "80 00 02 00EF00 006300 01 0101 82 0064 00 0002");
  EXPECT_EQ(q.head.act, Act::read);
  EXPECT_EQ(q.head.station, 0xEFu);
  EXPECT_EQ(shown(q), "D100 x2");
  const Sentence a = fins(server, "C0 00 02 006300 00EF00 01 0101 0000 0001 FFFF");
  EXPECT_FALSE(a.head.unpaired || a.head.malformed || a.head.refused);
  EXPECT_EQ(a.head.role, Role::response);
  EXPECT_EQ(a.head.station, 0xEFu);
  EXPECT_EQ(shown(a), "D100=1 D101=65535");
}

TEST_F(Fins, bits_go_on_in_the_next_word) {
  fins(client, "80 00 02 00EF00 006300 02 0101 30 000A 0E 0003");
  EXPECT_EQ(shown(fins(server, "C0 00 02 006300 00EF00 02 0101 0000 01 00 01")), "CIO10.14=on CIO10.15=off CIO11.00=on");
}

TEST_F(Fins, a_bank_of_expansion_memory_has_its_name) { EXPECT_EQ(shown(fins(client, "80 00 02 00EF00 006300 02 0101 A3 0007 00 0001")), "E3_7"); }

TEST_F(Fins, running_and_stopping_are_acts_of_their_own) {
  EXPECT_EQ(fins(client, "80 00 02 00EF00 006300 07 0401 0000 04").head.act, Act::run);
  EXPECT_EQ(fins(client, "80 00 02 00EF00 006300 08 0402").head.act, Act::run);
  EXPECT_EQ(shown(fins(client, "80 00 02 00EF00 006300 07 0401 0000 02")), "program=0 mode=monitor");
}

TEST_F(Fins, programs_are_counted_and_compared) {
  const Sentence one = fins(client, "80 00 02 00EF00 006300 0A 0307 FFFF 00000000 8004 DEADBEEF");
  EXPECT_EQ(one.head.act, Act::program);
  EXPECT_EQ(shown(one), "program=65535 first word=0 octets=4 last block=on =4 octets");
  EXPECT_NE(one.head.digest, fins(client, "80 00 02 00EF00 006300 0A 0307 FFFF 00000000 8004 DEADBEEE").head.digest);
}

TEST_F(Fins, a_password_is_only_there_or_not) {
  const Sentence s = fins(client, "80 00 02 00EF00 006300 0B 0305 FFFF 00 00000000 FFFFFFFF 50415353");
  EXPECT_EQ(shown(s), "program=65535 protect code=0 first word=0 last word=4294967295 password=other");
  EXPECT_EQ(shown(fins(client, "80 00 02 00EF00 006300 0B 0304 FFFF 00 00000000 FFFFFFFF 00000000")), "program=65535 protect code=0 first word=0 last word=4294967295 password=none");
  const Sentence no = fins(server, "C0 00 02 006300 00EF00 0B 0305 2602");
  EXPECT_TRUE(no.head.refused);
  EXPECT_EQ(protocol_named("fins").reason(no.head.reason), "incorrect password");
}

TEST_F(Fins, a_controller_is_known_by_its_data) {
  fins(client, "80 00 02 00EF00 006300 0C 0501");
  fins(server, "C0 00 02 006300 00EF00 0C 0501 0000 4350314C2D454C323044522D4400000020202020 30312E303000000000000030312E303600000000");
  ASSERT_EQ(fins.identities.size(), 1u);
  EXPECT_EQ(fins.identity_texts().at(fins.identities[0].vendor), "Omron");
  EXPECT_EQ(fins.identity_texts().at(fins.identities[0].product), "CP1L-EL20DR-D");
}

TEST_F(Fins, a_clock_is_a_time) {
  const Sentence s = fins(client, "80 00 02 00EF00 006300 10 0702 24 02 29 12 34 56 04");
  EXPECT_EQ(s.head.act, Act::time);
  EXPECT_EQ(Time(s.points.at(0).raw), 1709210096 * second);
  EXPECT_TRUE(fins(client, "80 00 02 00EF00 006300 10 0702 23 02 29 12 34 56 04").head.malformed);
}

TEST_F(Fins, forcing_says_which_way) {
  const Sentence s = fins(client, "80 00 02 00EF00 006300 11 2301 0002 0001 30 0000 05 FFFF 30 0000 06");
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(shown(s), "CIO0.05=on CIO0.06");
  EXPECT_EQ(s.points.at(1).qualifier, 0xFFFFu);
}

TEST_F(Fins, an_answer_that_does_not_fit_its_question_is_malformed) {
  fins(client, "80 00 02 00EF00 006300 01 0101 82 0064 00 0002");
  EXPECT_TRUE(fins(server, "C0 00 02 006300 00EF00 01 0101 0000 0001").head.malformed);
  const Sentence stranger = fins(server, "C0 00 02 006300 00EF00 01 0101 0000 0001");
  EXPECT_TRUE(stranger.head.unpaired);
  EXPECT_FALSE(stranger.head.malformed);
}

TEST_F(Fins, an_error_of_the_cpu_beside_an_answer_is_no_refusal) {
  fins(client, "80 00 02 00EF00 006300 01 0101 82 0064 00 0001");
  const Sentence a = fins(server, "C0 00 02 006300 00EF00 01 0101 0040 0001");
  EXPECT_FALSE(a.head.refused);
  EXPECT_EQ(shown(a), "D100=1");
}

}  // namespace
}  // namespace vidra
