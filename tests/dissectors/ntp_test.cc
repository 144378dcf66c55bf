// SPDX-License-Identifier: Apache-2.0
// RFC 5905 7.3: leap, version, mode | stratum | poll | precision | root delay | root dispersion | reference | four times. RFC 9327: control messages.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;
constexpr std::string_view question = "23 00 04 20 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 a68b86799d807af4";
constexpr std::string_view answer = "24 01 04 e7 00000000 00000000 7f7f0101 eeac8622bc973634 a68b86799d807af4 eeac862401a2a7d3 eeac862401ad33f4";
constexpr std::string_view kiss = "e4 00 04 e7 00000000 00000000 52415445 0000000000000000 a68b86799d807af4 eeac862401a2a7d3 eeac862401ad33f4";

const Enrol enrolled("ntp", {
    {"the time is asked and told", {{client, question}, {server, answer}}, Carrier::udp},
    {"asked too often", {{client, question}, {server, kiss}}, Carrier::udp},
    {"broadcast", {{client, "25 02 06 ec 00000100 00000200 0a0a0105 eeac8622bc973634 0000000000000000 0000000000000000 eeac862401ad33f4"}}, Carrier::udp},
    {"symmetric", {{client, "d9 00 0a fa 00000000 00010290 00000000 0000000000000000 0000000000000000 0000000000000000 c50204ecea422d8b"},
                   {server, "1a 03 0a ee 00000d2c 000009ea 42218009 c5020423b24cae6f c50204ecea422d8b c50204ebd49cd9a1 c50204ebd49f5d15"}}, Carrier::udp},
    {"authenticated", {{client, "23 00 04 20 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 a68b86799d807af4 | 0000000a 000102030405060708090a0b0c0d0e0f"}}, Carrier::udp, false, true},
    {"variables are read", {{client, "16 02 0001 0000 0000 0000 0000"}, {server, "16 82 0001 0615 0000 0000 000b | 76657273696f6e3d223422"}}, Carrier::udp},
    {"the configuration is written", {{client, "16 08 0002 0000 0000 0000 0008 | 736572766572203a"}, {server, "16 c8 0002 0100 0000 0000 0000"}}, Carrier::udp},
    {"the monitor list", {{client, "17 00 03 2a 00000000"}, {server, "97 00 03 2a 0001 0004 01020304"}}, Carrier::udp},
    {"version 7", {{client, "3b 00 04 20 00000000 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 a68b86799d807af4"}}, Carrier::udp, true},
});

std::string field(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return p.kind == ValueKind::text ? s.text(p.raw) : p.kind == ValueKind::time ? std::to_string(int64_t(p.raw)) : std::to_string(p.number());
  return "nothing";
}

TEST(Ntp, an_answer_returns_the_question) {
  Heard heard("ntp");
  const Sentence q = heard(client, question);
  EXPECT_EQ(q.head.function, 3);
  EXPECT_EQ(q.head.role, Role::request);
  const Sentence a = heard(server, answer);
  EXPECT_EQ(a.head.function, 4);
  EXPECT_EQ(a.head.tag, q.head.tag);
  EXPECT_FALSE(a.head.unpaired);
  EXPECT_EQ(field(a, "stratum"), std::to_string(1.0));
  EXPECT_EQ(field(a, "transmit"), std::to_string((0xeeac8624ll - 2'208'988'800) * second + 6'549'117));   // 01ad33f4 of a second
  std::string forged(answer);
  forged.replace(forged.find("a68b86799d807af4"), 16, "a68b86799d807af5");
  EXPECT_TRUE(heard(server, forged).head.unpaired);
}

TEST(Ntp, how_far_off_a_clock_may_be) {
  Heard heard("ntp");
  const Sentence s = heard(server, "64 03 04 e7 00018000 00004000 0a0a0105 eeac8622bc973634 a68b86799d807af4 eeac862401a2a7d3 eeac862401ad33f4");
  EXPECT_EQ(field(s, "root distance"), std::to_string(1.0));     // half of 1.5 s, and 0.25 s
  EXPECT_EQ(field(s, "reference"), "10.10.1.5");
  EXPECT_EQ(field(s, "leap second"), std::to_string(1.0));
  EXPECT_EQ(s.head.qualifier & 3, 1u);
}

TEST(Ntp, kisses_of_death) {
  Heard heard("ntp");
  heard(client, question);
  const Sentence s = heard(server, kiss);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("ntp").reason(s.head.reason), "asked too often");
  EXPECT_EQ(field(s, "unsynchronised"), std::to_string(1.0));
}

TEST(Ntp, what_manages_it_is_named) {
  Heard heard("ntp");
  const auto name = [&](Side from, std::string_view octets) {
    const Sentence s = heard(from, octets);
    EXPECT_FALSE(s.head.malformed);
    return std::string(function_name(protocol_named("ntp"), s.head.function, s.head.sub_function));
  };
  EXPECT_EQ(name(client, "16 02 0001 0000 0000 0000 0000"), "control, read variables");
  EXPECT_EQ(name(client, "17 00 03 2a 00000000"), "private, monitor list (extended)");
  EXPECT_EQ(name(client, "17 00 03 14 00000000"), "private, monitor list");
  const Sentence s = heard(server, "16 c8 0002 0100 0000 0000 0000");
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(s.head.act, Act::configure);
  EXPECT_EQ(protocol_named("ntp").reason(s.head.reason), "authentication failed");
}

TEST(Ntp, the_era_that_begins_in_2036) {
  Heard heard("ntp");
  const Sentence s = heard(server, "25 01 04 e7 00000000 00000000 47505300 0000000000000000 0000000000000000 0000000000000000 0000000180000000");
  EXPECT_EQ(field(s, "transmit"), std::to_string((0x100000001ll - 2'208'988'800) * second + second / 2));
}

}  // namespace
}  // namespace vidra
