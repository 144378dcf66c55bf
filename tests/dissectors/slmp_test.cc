// SPDX-License-Identifier: Apache-2.0
// Mitsubishi SH-080956ENG: 3E, 4E binary and ASCII; SH-080008: 1E; MELSOFT.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("slmp", {
    {"words are read (3E)", {{client, "5000 00 FF FF03 00 0C00 1000 0104 0000 640000 A8 0300"}, {server, "D000 00 FF FF03 00 0800 0000 3412 0200 FFFF"}}},
    {"bits are read (3E)", {{client, "5000 00 FF FF03 00 0C00 1000 0104 0100 640000 90 0500"}, {server, "D000 00 FF FF03 00 0500 0000 10 01 10"}}},
    {"words are written (4E)", {{client, "5400 3412 0000 00 FF FF03 00 1000 1000 0114 0000 640000 A8 0200 01000200"}, {server, "D400 3412 0000 00 FF FF03 00 0200 0000"}}},
    {"bits are written", {{client, "5000 00 FF FF03 00 0E00 1000 0114 0100 1F0000 9D 0300 1010"}, {server, "D000 00 FF FF03 00 0200 0000"}}},
    {"random words are written", {{client, "5000 00 FF FF03 00 0E00 1000 0214 0000 01 00 640000 A8 0500"}, {server, "D000 00 FF FF03 00 0200 0000"}}},
    {"devices are read at random", {{client, "5000 00 FF FF03 00 1000 1000 0304 0000 02 00 640000 A8 650000 A8"}, {server, "D000 00 FF FF03 00 0600 0000 0100 0200"}}},
    {"the CPU is stopped, run and reset",
     {{client, "5000 00 FF FF03 00 0800 1000 0210 0000 0100"}, {server, "D000 00 FF FF03 00 0200 0000"}, {client, "5000 00 FF FF03 00 0A00 1000 0110 0000 0300 0000"}, {server, "D000 00 FF FF03 00 0200 0000"},
      {client, "5000 00 FF FF03 00 0800 1000 0610 0000 0100"}}},
    {"the CPU says who it is", {{client, "5000 00 FF FF03 00 0600 1000 0101 0000"}, {server, "D000 00 FF FF03 00 1400 0000 51303343505520202020202020202020 6602"}}},
    {"a password is offered, and refused", {{client, "5000 00 FF FF03 00 0C00 1000 3016 0000 0400 31323334"}, {server, "D000 00 FF FF03 00 0B00 00C2 00 FF FF03 00 3016 0000"}}},
    {"words are read in ASCII", {{client, "35303030 3030 4646 30334646 3030 30303138 30303130 30343031 30303030 442A 303030313030 30303032"},
                                 {server, "44303030 3030 4646 30334646 3030 30303043 30303030 31323334 30303032"}}},
    {"words are read (1E)", {{client, "01 FF 0A00 64000000 2044 02 00"}, {server, "81 00 3412 0200"}}},
    {"MELSOFT asks a CPU for its type",
     {{client, "57010000 00 1111 07 0000 FFFF 0300 00 FE 0300 00 2000 1C0A1614 0000000000000000000000000000000000000000 0121 0100 00000001"},
      {server, "D7010000 00 1111 7F 0000 00 A8 0300 FFFF 0300 00 3400 9C0A1814 0000000000000000000000000000000000000000 0000 0121 0100 0000 465835552D33324D542F455300000000 294A0008"}}},
    {"a count that lies", {{client, "5000 00 FF FF03 00 0E00 1000 0114 0000 640000 A8 0900 0100"}}, Carrier::tcp, true},
});

struct Slmp : testing::Test {
  Heard slmp{"slmp"};
};

TEST_F(Slmp, values_carry_the_devices_that_were_asked) {
  EXPECT_EQ(shown(slmp(client, "5000 00 FF FF03 00 0C00 1000 0104 0000 640000 A8 0300")), "D100 x3");
  const Sentence a = slmp(server, "D000 00 FF FF03 00 0800 0000 3412 0200 FFFF");
  EXPECT_FALSE(a.head.malformed || a.head.unpaired);
  EXPECT_EQ(shown(a), "D100=4660 D101=2 D102=65535");
}

TEST_F(Slmp, two_bits_lie_in_an_octet_and_inputs_are_hexadecimal) {
  const Sentence s = slmp(client, "5000 00 FF FF03 00 0E00 1000 0114 0100 1F0000 9D 0300 1010");
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(shown(s), "Y1F=on Y20=off Y21=on");
}

TEST_F(Slmp, remote_acts_are_acts_of_running) {
  EXPECT_EQ(slmp(client, "5000 00 FF FF03 00 0800 1000 0210 0000 0100").head.act, Act::run);
  const Sentence run = slmp(client, "5000 00 FF FF03 00 0A00 1000 0110 0000 0300 0000");
  EXPECT_EQ(run.head.act, Act::run);
  EXPECT_EQ(shown(run), "forced=on clear mode=0 =1 octets");
}

TEST_F(Slmp, ascii_says_the_same) {
  EXPECT_EQ(shown(slmp(client, "35303030 3030 4646 30334646 3030 30303138 30303130 30343031 30303030 442A 303030313030 30303032")), "D100 x2");
  EXPECT_EQ(shown(slmp(server, "44303030 3030 4646 30334646 3030 30303043 30303030 31323334 30303032")), "D100=4660 D101=2");
}

TEST_F(Slmp, a_cpu_is_known_by_its_type) {
  slmp(client, "5000 00 FF FF03 00 0600 1000 0101 0000");
  EXPECT_EQ(shown(slmp(server, "D000 00 FF FF03 00 1400 0000 51303343505520202020202020202020 6602")), "CPU=Q03CPU model code=614");
  ASSERT_EQ(slmp.identities.size(), 1u);
  EXPECT_EQ(slmp.identity_texts().at(slmp.identities[0].product), "Q03CPU");
}

TEST_F(Slmp, a_password_is_not_said) {
  EXPECT_EQ(shown(slmp(client, "5000 00 FF FF03 00 0C00 1000 3016 0000 0400 31323334")), "password=other");
  const Sentence no = slmp(server, "D000 00 FF FF03 00 0B00 00C2 00 FF FF03 00 3016 0000");
  EXPECT_TRUE(no.head.refused);
  EXPECT_EQ(protocol_named("slmp").reason(no.head.reason), "password mismatch");
}

TEST_F(Slmp, a_1e_answer_is_as_long_as_its_question_wanted) {
  EXPECT_EQ(shown(slmp(client, "01 FF 0A00 64000000 2044 02 00")), "D100 x2");
  EXPECT_EQ(shown(slmp(server, "81 00 3412 0200")), "D100=4660 D101=2");
}

}  // namespace
}  // namespace vidra
