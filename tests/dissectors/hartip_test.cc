// SPDX-License-Identifier: Apache-2.0
// FieldComm Group TS20085 (HART-IP) and the HART commands it carries.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// | version type id status sequence octets | delimiter address command count data check
constexpr const char* initiate =
    "01 00 00 00 0001 000D | 010000EA60";
constexpr const char* initiated =
    "01 01 00 00 0001 000D | 010000EA60";
constexpr const char* full =
    "01 01 00 0F 0001 0008";
constexpr const char* alive =
    "01 00 02 00 0002 0008";
constexpr const char* is_alive =
    "01 01 02 00 0002 0008";
constexpr const char* close_it =
    "01 00 01 00 0003 0008";
constexpr const char* closed =
    "01 01 01 00 0003 0008";
constexpr const char* who =
    "01 00 03 00 0004 000D | 02 80 00 00 82";
constexpr const char* i_am =
    "01 01 03 00 0004 0025 | 06 80 00 18 0040FE264E05070401080012345605040002000026002684 B0";
constexpr const char* read_pv =
    "01 00 03 00 0005 0011 | 82 A64E123456 01 00 1B";
constexpr const char* pv =
    "01 01 03 00 0005 0018 | 86 A64E123456 01 07 004039422A0000 09";
constexpr const char* read_loop =
    "01 00 03 00 0006 0011 | 82 A64E123456 02 00 18";
constexpr const char* loop =
    "01 01 03 00 0006 001B | 86 A64E123456 02 0A 00404140000042480000 5D";
constexpr const char* read_all =
    "01 00 03 00 0007 0011 | 82 A64E123456 03 00 19";
constexpr const char* all_of_them =
    "01 01 03 00 0007 0021 | 86 A64E123456 03 10 004041400000073FC000002041A80000 7D";
constexpr const char* read_some =
    "01 00 03 00 0008 0013 | 82 A64E123456 09 02 00F6 E7";
constexpr const char* some =
    "01 01 03 00 0008 0028 | 86 A64E123456 09 17 0040100000393F800000C0F60039400000000000000100 98";
constexpr const char* read_tag =
    "01 00 03 00 0009 0011 | 82 A64E123456 0D 00 17";
constexpr const char* tag =
    "01 01 03 00 0009 0028 | 86 A64E123456 0D 17 0040194B71C3182018514480630F5E0820820820010278 DA";
constexpr const char* read_long =
    "01 00 03 00 000A 0011 | 82 A64E123456 14 00 0E";
constexpr const char* long_tag =
    "01 01 03 00 000A 0033 | 86 A64E123456 14 22 0040464C4F5720313031000000000000000000000000000000000000000000000000 6A";
constexpr const char* write_range =
    "01 00 03 00 000B 001A | 82 A64E123456 23 09 3942C8000000000000 83";
constexpr const char* is_protected =
    "01 01 03 00 000B 0013 | 86 A64E123456 23 02 0740 78";
constexpr const char* fix =
    "01 00 03 00 000C 0015 | 82 A64E123456 28 04 40800000 F6";
constexpr const char* fixed_it =
    "01 01 03 00 000C 0017 | 86 A64E123456 28 06 004040800000 B0";
constexpr const char* force =
    "01 00 03 00 000D 0019 | 82 A64E123456 4F 08 F6013942C6000000 17";
constexpr const char* forced =
    "01 01 03 00 000D 001B | 86 A64E123456 4F 0A 0040F6013942C6000000 51";
constexpr const char* reset =
    "01 00 03 00 000E 0011 | 82 A64E123456 2A 00 30";
constexpr const char* resets =
    "01 01 03 00 000E 0013 | 86 A64E123456 2A 02 0040 76";
constexpr const char* extended =
    "01 00 03 00 000F 0014 | 82 A64E123456 1F 03 021501 10";
constexpr const char* extends =
    "01 01 03 00 000F 0016 | 86 A64E123456 1F 05 0040021501 52";
constexpr const char* broken =
    "01 01 03 00 0010 0013 | 86 A64E123456 01 02 8800 95";
constexpr const char* burst =
    "01 02 03 00 0011 0018 | 81 664E123456 01 07 004039422C0000 C8";
constexpr const char* status =
    "01 00 03 00 0012 0011 | 82 A64E123456 30 00 2A";
constexpr const char* more_status =
    "01 01 03 00 0012 001C | 86 A64E123456 30 0B 0040010203040506070809 64";
constexpr const char* tag_write =
    "01 00 03 00 0013 0026 | 82 A64E123456 12 15 194B71C32820620820820820820820820820010178 6D";
constexpr const char* direct_q =
    "01 00 04 00 0014 0010 | 0000000100000200";
constexpr const char* direct_a =
    "01 01 04 00 0014 001F | 4000000106003940E00000000209004080000000000000";

const Enrol enrolled("hartip", {
    {"a session", {{client, initiate}, {server, initiated}, {client, alive}, {server, is_alive}, {client, close_it}, {server, closed}}, Carrier::udp},
    {"a session over TCP", {{client, initiate}, {server, initiated}, {client, read_pv}, {server, pv}}},
    {"no session is free", {{client, initiate}, {server, full}}, Carrier::udp},
    {"a device says who it is", {{client, who}, {server, i_am}, {client, read_tag}, {server, tag}, {client, read_long}, {server, long_tag}}, Carrier::udp},
    {"values are read", {{client, read_pv}, {server, pv}, {client, read_loop}, {server, loop}, {client, read_all}, {server, all_of_them}, {client, read_some}, {server, some}}},
    {"a range is written, and refused", {{client, write_range}, {server, is_protected}}},
    {"the loop is fixed, a variable forced, a device reset", {{client, fix}, {server, fixed_it}, {client, force}, {server, forced}, {client, reset}, {server, resets}}},
    {"an extended command", {{client, extended}, {server, extends}}},
    {"a communication error", {{client, read_pv}, {server, broken}}},
    {"a device publishes", {{server, burst}}, Carrier::udp},
    {"the status", {{client, status}, {server, more_status}}},
    {"a tag is written", {{client, tag_write}}},
    {"commands in a direct PDU", {{client, read_pv}, {client, direct_q}, {server, direct_a}}},
});

std::string shown(const Sentence& s) {   // "PV=42.5 tag="FT-101""
  std::string out;
  for (const Point& p : s.points) {
    char b[160];
    std::string value(describe_value(p, Texts{}, b));
    if (p.kind == ValueKind::text) value = '"' + s.text(p.raw) + '"';
    if (!out.empty()) out += ' ';
    const std::string& name = s.text(p.object.key());
    out += name;
    if (p.kind != ValueKind::none) out += "=" + value;
    if (p.quality != good) out += '[' + std::string(describe_quality(p.quality, b)) + ']';
  }
  return out;
}

struct HartIp : testing::Test {
  Heard heard{"hartip"};
  Sentence ask(std::string_view octets) { return heard(client, octets); }
  Sentence answer(std::string_view octets) { return heard(server, octets); }
  static std::string name(const Sentence& s) { return std::string(function_name(protocol_named("hartip"), s.head.function, s.head.sub_function)); }
  static std::string_view why(const Sentence& s) { return protocol_named("hartip").reason(s.head.reason); }
};

TEST_F(HartIp, sessions) {
  const Sentence q = ask(initiate), a = answer(initiated);
  EXPECT_EQ(name(q), "session initiate");
  EXPECT_EQ(shown(q), "close when idle for, ms=60000");
  EXPECT_EQ(q.head.qualifier, 1u);                                      // a primary master
  EXPECT_EQ(a.head.role, Role::response);
  EXPECT_FALSE(a.head.unpaired);
  EXPECT_EQ(name(ask(alive)), "keep alive");
  EXPECT_EQ(name(ask(close_it)), "session close");
  EXPECT_TRUE(answer(full).head.refused);
}

TEST_F(HartIp, what_commands_say) {
  struct { const char* question; const char* asks; const char* says; const char* answer; const char* answers; Act act; } cases[] = {
      {who, "read unique identifier", "", i_am,
       "device type=\"type 264E\" manufacturer=\"manufacturer 0026\" device=\"123456\" software revision=\"0401\"", Act::identify},
      {read_pv, "read primary variable", "", pv, "PV=42.5", Act::read},
      {read_loop, "read loop current and percent of range", "", loop, "loop current=12 percent of range=50", Act::read},
      {read_all, "read dynamic variables and loop current", "", all_of_them, "loop current=12 PV=1.5 SV=21", Act::read},
      {read_some, "read device variables with status", "=2 octets", some, "variable 0=1 PV=2[invalid]", Act::read},
      {read_tag, "read tag, descriptor and date", "", tag, "tag=\"FT-101\" descriptor=\"FEED FLOW\"", Act::identify},
      {read_long, "read long tag", "", long_tag, "long tag=\"FLOW 101\"", Act::identify},
      {fix, "enter or exit fixed current mode", "loop current=4", fixed_it, "loop current=4", Act::operate},
      {force, "write device variable", "PV=99[forced remotely]", forced, "PV=99[forced remotely]", Act::operate},
      {reset, "perform device reset", "", resets, "", Act::run},
      {status, "read additional device status", "", more_status, "additional status=0x102030405060708", Act::diagnose},
  };
  for (const auto& c : cases) {
    const Sentence q = ask(c.question), a = answer(c.answer);
    EXPECT_EQ(name(q), c.asks);
    EXPECT_EQ(shown(q), c.says) << c.asks;
    EXPECT_EQ(shown(a), c.answers) << c.asks;
    EXPECT_EQ(q.head.act, c.act) << c.asks;
    EXPECT_EQ(a.head.act, c.act) << c.asks;
    EXPECT_FALSE(q.head.malformed || a.head.malformed || a.head.unpaired || a.head.refused) << c.asks;
    if (c.question != who) { EXPECT_EQ(a.head.station, 0x264E123456u) << c.asks; }
    EXPECT_EQ(a.head.qualifier, 0x4000u) << c.asks;                     // configuration changed
    if (c.act == Act::operate || c.act == Act::run) { EXPECT_NE(q.head.digest, 0u); }
  }
}

TEST_F(HartIp, identities) {
  ask(who), answer(i_am);
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].serial), "123456");
  ask(read_long), answer(long_tag);
  EXPECT_EQ(heard.identity_texts().at(heard.identities.back().name), "FLOW 101");
}

TEST_F(HartIp, refusals_and_communication_errors) {
  const Sentence q = ask(write_range);
  EXPECT_EQ(shown(q), "upper range value=100 lower range value=0");
  EXPECT_EQ(q.head.act, Act::configure);
  const Sentence a = answer(is_protected);
  EXPECT_TRUE(a.head.refused);
  EXPECT_EQ(why(a), "in write protect mode");
  ask(read_pv);
  EXPECT_EQ(why(answer(broken)), "communication error");
}

TEST_F(HartIp, extended_commands_by_their_number) {
  EXPECT_EQ(ask(extended).head.sub_function, 533);
  EXPECT_EQ(answer(extends).head.sub_function, 533);
}

TEST_F(HartIp, a_published_value_is_a_report) {
  const Sentence s = answer(burst);
  EXPECT_EQ(s.head.role, Role::report);
  EXPECT_EQ(shown(s), "PV=43");
  EXPECT_FALSE(s.head.unpaired);
}

TEST_F(HartIp, a_direct_pdu_holds_several_commands) {
  ask(direct_q);
  EXPECT_EQ(heard.all.size(), 2u);
  const Sentence s = answer(direct_a);
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(shown(heard.all[0]), "PV=7");
  EXPECT_EQ(shown(s), "loop current=4 percent of range=0");
  EXPECT_EQ(s.head.frame, 7);
}

TEST_F(HartIp, a_wrong_check_octet_is_malformed) {
  std::string wrong = pv;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_TRUE(answer(wrong).head.malformed);
  EXPECT_NE(protocol_named("hartip").recognises(hex(wrong), {}, Carrier::udp).sure, Recognised::yes);
  EXPECT_EQ(protocol_named("hartip").recognises(hex(pv), {}, Carrier::udp).client, Recognised::down);
}

}  // namespace
}  // namespace vidra
