// SPDX-License-Identifier: Apache-2.0
// IEEE C37.118.2-2011; the clauses and tables are its.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// PMU 7 "NORTH": two phasors, an analog channel and 16 inputs, all of them integers and rectangular; 50 frames a second, TIME_BASE 10^6.
// PMU 8 "SOUTH": a phasor and an analog channel as floats, polar; a frame every two seconds. PMU 9: a CFG-3.
//                        | sync size id | SOC FRACSEC | …
constexpr const char* off =
    "AA42 0012 0007 | 6553F100 00000000 | 0001 | 15E7";
constexpr const char* on =
    "AA42 0012 0007 | 6553F100 00000000 | 0002 | 2584";
constexpr const char* send_header =
    "AA42 0012 0007 | 6553F100 00000000 | 0003 | 35A5";
constexpr const char* send_cfg1 =
    "AA42 0012 0007 | 6553F100 00000000 | 0004 | 4542";
constexpr const char* send_cfg2 =
    "AA42 0012 0007 | 6553F100 00000000 | 0005 | 5563";
constexpr const char* send_cfg3 =
    "AA42 0012 0007 | 6553F100 00000000 | 0006 | 6500";
constexpr const char* extended =
    "AA42 0016 0007 | 6553F100 00000000 | 000801020304 | 64B4";
constexpr const char* users_own =
    "AA42 0012 0007 | 6553F100 00000000 | 0123 | 22F6";
constexpr const char* header =
    "AA12 0020 0007 | 6553F100 00000000 | 504D55204E4F5254482C206261792033 | 99D3";
constexpr const char* cfg1 =
    "AA22 0176 0007 | 6553F100 00000000 | 000F424000014E4F52544820202020202020202020200007000000020001000156412020202020202020202020"
    "202020494120202020202020202020202020204D572020202020202020202020202020494E3120202020202020202020202020494E3220202020202020202020"
    "202020494E3320202020202020202020202020494E3420202020202020202020202020494E3520202020202020202020202020494E3620202020202020202020"
    "202020494E3720202020202020202020202020494E3820202020202020202020202020494E3920202020202020202020202020494E3130202020202020202020"
    "202020494E3131202020202020202020202020494E3132202020202020202020202020494E3133202020202020202020202020494E3134202020202020202020"
    "202020494E3135202020202020202020202020494E3136202020202020202020202020000DF8470100B2D0000000000000FFFF000100030032 | ADCE";
constexpr const char* cfg2 =
    "AA32 0176 0007 | 6553F100 00000000 | 000F424000014E4F52544820202020202020202020200007000000020001000156412020202020202020202020"
    "202020494120202020202020202020202020204D572020202020202020202020202020494E3120202020202020202020202020494E3220202020202020202020"
    "202020494E3320202020202020202020202020494E3420202020202020202020202020494E3520202020202020202020202020494E3620202020202020202020"
    "202020494E3720202020202020202020202020494E3820202020202020202020202020494E3920202020202020202020202020494E3130202020202020202020"
    "202020494E3131202020202020202020202020494E3132202020202020202020202020494E3133202020202020202020202020494E3134202020202020202020"
    "202020494E3135202020202020202020202020494E3136202020202020202020202020000DF8470100B2D0000000000000FFFF000100030032 | 7C7E";
constexpr const char* cfg2_floats =
    "AA32 005E 0008 | 6553F100 00000000 | 000F42400001534F55544820202020202020202020200008000F00010001000056312020202020202020202020"
    "2020204D572020202020202020202020202020000000000000000000000001FFFE | E422";
constexpr const char* cfg2_slower =
    "AA32 0176 0007 | 6553F100 00000000 | 000F424000014E4F52544820202020202020202020200007000000020001000156412020202020202020202020"
    "202020494120202020202020202020202020204D572020202020202020202020202020494E3120202020202020202020202020494E3220202020202020202020"
    "202020494E3320202020202020202020202020494E3420202020202020202020202020494E3520202020202020202020202020494E3620202020202020202020"
    "202020494E3720202020202020202020202020494E3820202020202020202020202020494E3920202020202020202020202020494E3130202020202020202020"
    "202020494E3131202020202020202020202020494E3132202020202020202020202020494E3133202020202020202020202020494E3134202020202020202020"
    "202020494E3135202020202020202020202020494E3136202020202020202020202020000DF8470100B2D0000000000000FFFF000100030019 | E977";
constexpr const char* at_0 =
    "AA02 0022 0007 | 6553F100 00000000 | 0000392B00000444000009C400640064003C | 5D8E";
constexpr const char* at_20 =
    "AA02 0022 0007 | 6553F100 00004E20 | 0000392B00000444000009C400640064003C | 804A";
constexpr const char* at_40 =
    "AA02 0022 0007 | 6553F100 00009C40 | 0000392B00000444000009C400640064003C | F627";
constexpr const char* at_80 =
    "AA02 0022 0007 | 6553F100 00013880 | 0000392B00000444000009C400640064003C | 1AFD";
constexpr const char* at_20_unsynchronised =
    "AA02 0022 0007 | 6553F100 00004E20 | 2410392B00000444000009C400640064003D | 8B12";
constexpr const char* at_20_unlocked =
    "AA02 0022 0007 | 6553F100 24004E20 | 0000392B00000444000009C400640064003C | 4DA6";
constexpr const char* absent =
    "AA02 0022 0007 | 6553F100 00000000 | 00008000800004440000800000640064003C | 9411";
constexpr const char* floats =
    "AA02 0026 0008 | 6553F100 00000000 | 8000436680003FC90FDA426FEB85BE80000041480000 | B091";
constexpr const char* cfg3 =
    "AA52 006D 0009 | 6553F100 00000000 | 0000000F42400001054E4F5254480009000102030405060708090A0B0C0D0E0F0001000100010000025641024D"
    "5700000000400000003DCCCCCD3F00000041200000422F6666419347AE440180004D00004E2000000000000100010019 | F407";
constexpr const char* cfg3_first =
    "AA52 003A 0009 | 6553F100 00000000 | 0001000F42400001054E4F5254480009000102030405060708090A0B0C0D0E0F00010001000100000256 | 8A0D";
constexpr const char* cfg3_second =
    "AA52 0026 0009 | 6553F100 00000000 | 000241024D5700000000400000003DCCCCCD3F000000 | A736";
constexpr const char* cfg3_last =
    "AA52 0031 0009 | 6553F100 00000000 | FFFF41200000422F6666419347AE440180004D00004E2000000000000100010019 | CC2D";
constexpr const char* of_cfg3 =
    "AA02 001C 0009 | 6553F100 00000000 | 000003E83D5CFFF600000014 | D199";
constexpr const char* wrong_check =
    "AA02 0022 0007 | 6553F100 00000000 | 0000392B00000444000009C400640064003C | 5D00";
constexpr const char* of_2005 =
    "AA01 0022 0007 | 6553F100 00000000 | C00000000000000000000000000000000000 | 90AD";

const Enrol enrolled("c37118", {
    {"a PDC starts a PMU", {{client, off}, {client, send_cfg2}, {server, cfg2}, {client, on}, {server, at_0}, {server, at_20}, {server, at_40}}},
    {"the other configurations and the header are asked for", {{client, send_header}, {server, header}, {client, send_cfg1}, {server, cfg1}, {client, send_cfg3}}},
    {"frames are missing", {{server, cfg2}, {server, at_0}, {server, at_80}}},
    {"the clock is lost, an input falls", {{server, cfg2}, {server, at_0}, {server, at_20_unsynchronised}}},
    {"floats", {{server, cfg2_floats}, {server, floats}}},
    {"the third kind of configuration", {{server, cfg3}, {server, of_cfg3}}},
    {"the third kind of configuration, in three frames", {{server, cfg3_first}, {server, cfg3_second}, {server, cfg3_last}, {server, of_cfg3}}},
    {"an extended frame, and the user's own command", {{client, extended}, {client, users_own}}},
    {"data whose configuration was not heard", {{server, at_0}, {server, at_20_unsynchronised}}},
    {"data of the first edition", {{server, of_2005}}},
    {"over UDP", {{client, send_cfg2}, {server, cfg2}, {client, on}, {server, at_0}}, Carrier::udp},
    {"the check word is wrong", {{server, wrong_check}}, Carrier::tcp, true},
});

std::string shown(const Sentence& s) {   // "NORTH/VA=133986.2 NORTH/VA angle=0"
  std::string out;
  for (const Point& p : s.points) {
    char b[160];
    std::string value(describe_value(p, Texts{}, b));
    if (p.kind == ValueKind::text) value = '"' + s.text(p.raw) + '"';
    if (!out.empty()) out += ' ';
    out += s.text(p.object.key());
    if (p.kind != ValueKind::none) out += "=" + value;
    if (p.quality != good) out += '[' + std::string(describe_quality(p.quality, b)) + ']';
  }
  return out;
}

struct C37118 : testing::Test {
  Heard heard{"c37118"};
  Sentence ask(std::string_view octets) { return heard(client, octets); }
  Sentence hear(std::string_view octets) { return heard(server, octets); }
  std::string_view why(const Sentence& s) { return protocol_named("c37118").reason(s.head.reason); }
  std::string_view name(const Sentence& s) { return function_name(protocol_named("c37118"), s.head.function, s.head.sub_function); }
};

TEST_F(C37118, commands) {
  struct { const char* octets; std::string_view name; Act act; } cases[] = {
      {off, "command: turn off transmission of data frames", Act::subscribe}, {on, "command: turn on transmission of data frames", Act::subscribe},
      {send_header, "command: send header frame", Act::read},                 {send_cfg1, "command: send configuration frame 1", Act::read},
      {send_cfg2, "command: send configuration frame 2", Act::read},          {send_cfg3, "command: send configuration frame 3", Act::read},
      {extended, "command: extended frame", Act::write},                      {users_own, "command: the user's own", Act::write}};
  for (const auto& c : cases) {
    const Sentence s = ask(c.octets);
    EXPECT_EQ(name(s), c.name);
    EXPECT_EQ(s.head.act, c.act) << c.name;
    EXPECT_EQ(s.head.role, Role::request);
    EXPECT_EQ(s.head.station, 7u);
    EXPECT_FALSE(s.head.malformed) << c.name;
  }
  EXPECT_EQ(ask(users_own).head.qualifier, 0x123u);
  EXPECT_EQ(shown(ask(extended)), "=4 octets");
}

TEST_F(C37118, a_configuration_names_its_channels) {
  ask(send_cfg2);
  hear(cfg2);
  const Sentence& s = heard.all.at(0);
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_EQ(s.head.qualifier, 50u);
  EXPECT_EQ(shown(s), "NORTH/configuration count=3 NORTH/frequency=50 NORTH/VA=\"V\" NORTH/IA=\"A\" NORTH/MW NORTH/digital 1=0xffff");
  EXPECT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "NORTH");
  EXPECT_EQ(hear(cfg2).head.role, Role::report);   // unasked
  EXPECT_EQ(hear(header).head.role, Role::report);
  EXPECT_EQ(shown(hear(header)), "=\"PMU NORTH, bay 3\"");
}

// Table 8: 16-bit integers in units of 10^-5 V or A a bit; the frequency in mHz from the nominal, ROCOF in 0.01 Hz/s.
TEST_F(C37118, integers_in_the_units_of_the_configuration) {
  hear(cfg2);
  const Sentence s = hear(at_0);
  EXPECT_EQ(name(s), "summary");
  EXPECT_EQ(s.head.tag, 1u);
  EXPECT_EQ(shown(s), "NORTH/STAT=0x0 NORTH/frequency=52.5 NORTH/ROCOF=1 NORTH/VA=133987.4 NORTH/VA angle=0 NORTH/IA=499.8739 NORTH/IA angle=0 NORTH/MW=100 NORTH/digital 1=0x3c");
  EXPECT_EQ(s.points[0].time, 0x6553F100 * second);
  EXPECT_EQ(s.points[0].time_kind, TimeKind::full);
}

TEST_F(C37118, floats_in_polar_form) {
  hear(cfg2_floats);
  const Sentence s = hear(floats);
  EXPECT_EQ(shown(s), "SOUTH/STAT=0x8000[test] SOUTH/frequency=59.98[test] SOUTH/ROCOF=-0.25[test] SOUTH/V1=230.5[test] SOUTH/V1 angle=90[test] SOUTH/MW=12.5[test]");
}

// Table 11: scale and angle offset as floats; the names carry their length.
TEST_F(C37118, a_third_configuration_scales_by_floats) {
  const char* expected = "NORTH/STAT=0x0 NORTH/frequency=49.99 NORTH/ROCOF=0 NORTH/VA=2000 NORTH/VA angle=84.27063 NORTH/MW=20";
  hear(cfg3);
  EXPECT_EQ(heard.identity_texts().at(heard.identities.at(0).serial), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(shown(hear(of_cfg3)), expected);
  Heard other("c37118");
  EXPECT_EQ(why(other(server, cfg3_first)), "a fragment of several");
  other(server, cfg3_second);
  EXPECT_EQ(other.identities.size(), 0u);
  other(server, cfg3_last);
  EXPECT_EQ(other.identities.size(), 1u);
  EXPECT_EQ(shown(other(server, of_cfg3)), expected);
}

TEST_F(C37118, a_fragment_out_of_turn_keeps_no_configuration) {
  hear(cfg3_first), hear(cfg3_last);
  EXPECT_EQ(heard.identities.size(), 0u);
  hear(cfg3_first), heard.parser().gap(server, 10), hear(cfg3_second), hear(cfg3_last);
  EXPECT_EQ(heard.identities.size(), 0u);
}

TEST_F(C37118, absent_values_are_invalid) {   // 6.3.1: 0x8000
  hear(cfg2);
  const Sentence s = hear(absent);
  EXPECT_EQ(shown(s), "NORTH/STAT=0x0 NORTH/frequency[invalid] NORTH/ROCOF=1 NORTH/VA[invalid] NORTH/VA angle[invalid] NORTH/IA=499.8739 NORTH/IA angle=0 NORTH/MW=100 NORTH/digital 1=0x3c");
}

TEST_F(C37118, a_summary_once_a_second) {
  hear(cfg2), hear(at_0), hear(at_20);
  EXPECT_TRUE(heard.all.empty());
  heard.say.time = second;
  const Sentence s = hear(at_40);
  EXPECT_EQ(name(s), "summary");
  EXPECT_EQ(s.head.tag, 2u);
}

TEST_F(C37118, a_change_is_said_at_once) {
  hear(cfg2), hear(at_0);
  const Sentence s = hear(at_20_unsynchronised);                      // bits 13 and 10, unlocked for 10 to 100 s
  EXPECT_EQ(name(s), "changed");
  EXPECT_EQ(why(s), "status");
  EXPECT_EQ(shown(s), "NORTH/STAT=0x2410 NORTH/IN1=on");
  EXPECT_EQ(s.points[0].time_flags, time_unsynchronised);
  hear(at_40);
  EXPECT_EQ(shown(heard.all.at(0)), "NORTH/STAT=0x0 NORTH/IN1=off");
  const Sentence quality = hear(at_20_unlocked);
  EXPECT_EQ(shown(heard.all.at(1)), "time quality=0x24");             // a leap second occurred; within 1 µs
  EXPECT_EQ(why(heard.all.at(1)), "time quality");
}

TEST_F(C37118, missing_frames_are_counted) {
  hear(cfg2), hear(at_0);
  const Sentence s = hear(at_80);
  EXPECT_EQ(name(s), "breach");
  EXPECT_EQ(why(s), "frames are missing");
  EXPECT_EQ(s.head.tag, 3u);
  heard.say.time = second;
  hear(at_80);
  EXPECT_EQ(why(heard.all.at(0)), "a time is repeated");
  heard.say.time = 2 * second;
  hear(at_40);
  EXPECT_EQ(why(heard.all.at(0)), "out of order");
}

TEST_F(C37118, another_configuration_is_a_change) {
  hear(cfg2);
  EXPECT_EQ(heard.all.size(), 1u);
  hear(cfg2);
  EXPECT_EQ(heard.all.size(), 1u);
  const Sentence s = hear(cfg2_slower);
  EXPECT_EQ(name(s), "changed");
  EXPECT_EQ(why(s), "configuration");
}

// A configuration belongs to a host and its IDCODE, whichever conversation it is heard in.
TEST_F(C37118, a_configuration_over_tcp_serves_data_over_udp) {
  Keeper keeper;
  Pool pool(16 << 20);
  Speaker say(keeper);
  const Protocol& p = protocol_named("c37118");
  Parser *over_tcp = p.open(pool), *over_udp = p.open(pool), *of_another = p.open(pool);
  const std::array<uint8_t, 16> pmu = {10, 0, 0, 1}, other = {10, 0, 0, 2}, pdc = {10, 0, 0, 9};
  const auto hears = [&](Parser* parser, Side from, const std::array<uint8_t, 16>& c, const std::array<uint8_t, 16>& s, std::string_view octets) {
    keeper.sentences.clear();
    say.client = c, say.server = s;
    parser->parse(hex(octets), from, say);
    return keeper.sentences.empty() ? Sentence{} : keeper.sentences.back();
  };
  EXPECT_EQ(why(hears(over_udp, client, pmu, pdc, at_0)), "the configuration was not heard");
  hears(over_tcp, server, pdc, pmu, cfg2);
  say.time = second;
  const Sentence s = hears(over_udp, client, pmu, pdc, at_20);        // the publisher speaks first: it is the client there
  EXPECT_EQ(s.head.reason, 0);
  EXPECT_EQ(s.points.size(), 9u);
  EXPECT_EQ(why(hears(of_another, client, other, pdc, at_0)), "the configuration was not heard");
  hears(over_tcp, server, pdc, pmu, cfg2_slower);                     // replaced: the stream looks again
  say.time = 2 * second;
  EXPECT_EQ(hears(over_udp, client, pmu, pdc, at_40).points.size(), 9u);
  for (Parser* parser : {over_tcp, over_udp, of_another}) pool.unmake(parser);
}

TEST_F(C37118, without_a_configuration_the_payload_is_opaque) {
  const Sentence s = hear(at_0);
  EXPECT_EQ(name(s), "summary");
  EXPECT_EQ(why(s), "the configuration was not heard");
  EXPECT_EQ(shown(s), "STAT=0x0 =16 octets");
  EXPECT_EQ(why(hear(at_20_unsynchronised)), "status");
  hear(cfg2_floats);
  EXPECT_EQ(why(hear(of_2005)), "status");                            // 2005, table 6: bit 15 is "data invalid", bit 14 an error
  EXPECT_EQ(heard.all.back().points[0].quality, uint32_t(invalid | failure));
}

TEST_F(C37118, a_wrong_check_word_is_malformed_and_not_followed) {
  hear(cfg2), hear(at_0);
  const Sentence s = hear(wrong_check);
  EXPECT_TRUE(s.head.malformed);
  EXPECT_EQ(why(s), "the check word is wrong");
  EXPECT_EQ(s.head.function, 0);
  EXPECT_TRUE(hear(at_20).points.empty());
}

TEST_F(C37118, several_frames_in_a_datagram) {
  std::string both = cfg2;
  both.append(at_0);
  hear(both);
  EXPECT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(heard.all.at(1).points.size(), 9u);
}

TEST_F(C37118, the_commanding_side_is_the_client) {
  const auto recognises = protocol_named("c37118").recognises;
  EXPECT_EQ(recognises(hex(on), {}, Carrier::tcp).client, Recognised::up);
  EXPECT_EQ(recognises(hex(at_0), {}, Carrier::udp).client, Recognised::down);
  EXPECT_EQ(recognises({}, hex(at_0), Carrier::udp).client, Recognised::up);
  std::string tail = "0000 1234 ";
  tail.append(at_0);
  EXPECT_EQ(recognises(hex(tail), {}, Carrier::tcp).sure, Recognised::yes);   // behind the end of another
  EXPECT_NE(recognises(hex(wrong_check), {}, Carrier::tcp).sure, Recognised::yes);
}

}  // namespace
}  // namespace vidra
