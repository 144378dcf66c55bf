// SPDX-License-Identifier: Apache-2.0
// Rules that people write for their site: what they may say, what is said of their mistakes, and when they hold.
#include "daemon/judge/field_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "daemon/judge/field_rule_file.h"
#include "tests/judge/asked.h"

namespace vidra {
namespace {

const std::string plant = plant_of("iec104") + "[[zone]]\nname = \"control\"\nprefixes = [\"10.1.1.0/28\"]\n[[iec104_point]]\nhost = \"plc1\"\nstation = 11\naddress = 5101\ntype = \"C_DC_NA_1\"\nname = \"Q0 feeder 3\"\n";

struct Rules {
  std::vector<FieldRule> rules;
  Problems problems;
  explicit Rules(std::string_view toml) {
    auto root = TomlTable::parse(toml, "rules.toml", problems);
    if (root) read_rules(*root, *Hearing::site_of(plant), rules, problems), root->finish();
  }
  std::string problem() const { return problems.empty() ? "" : problems[0]; }
};

// A rule with a name, and what else it says.
std::string rule(std::string_view more) { return "[[rule]]\nname = \"r\"\ntitle = \"A rule\"\n" + std::string(more); }
bool says(const std::string& problem, std::string_view words) { return problem.find(words) != std::string::npos; }

TEST(FieldRules, MistakesAreToldWithTheirPlaceAndTheWayOut) {
  EXPECT_EQ(Rules(rule("protocol = \"iec104\"\nfunction = \"C_DC_NA_1*\"")).problem(), "");
  EXPECT_EQ(Rules(rule("protocol = \"iec104\"\nact = \"operat\"")).problem().substr(0, 68), "rules.toml:5:1: \"operat\" is no act, did you mean \"operate\"?; allowed");
  EXPECT_TRUE(says(Rules(rule("protocol = \"modbuss\"\nact = \"write\"")).problem(), "\"modbuss\" is no protocol, did you mean \"modbus\"?"));
  EXPECT_TRUE(says(Rules(rule("act = \"operate\"")).problem(), "a [[rule]] needs a protocol; allowed: "));
  EXPECT_TRUE(says(Rules(rule("protocol = \"modbus\"\nfunction = \"write singel register\"")).problem(), "did you mean \"write single register\"?"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\ncause = \"activatoin\"")).problem(), "did you mean \"activation\"?"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nclient = \"hmo\"")).problem(), "did you mean \"hmi\"?"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nclient = \"zone:contrl\"")).problem(), "declared: control"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nhours = \"22-6\"")).problem(), "write \"22:00-06:00\""));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nvalue = \"lots\"")).problem(), "write a number, a range"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nobject = \"information object x1\"")).problem(), "names no objects"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nquality = \"bad\"")).problem(), "allowed: good, invalid"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\ntimes = 5")).problem(), "say in which time"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nwindow = \"10s\"")).problem(), "add times"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nwhat = \"{who} did\"")).problem(), "allowed in braces: {client}"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\nfunctoin = 45")).problem(), "unknown key 'functoin' in [rule], did you mean 'function'?"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"")).problem(), "would hold for everything"));
  EXPECT_TRUE(says(Rules("[[rule]]\ntitle = \"x\"\nprotocol = \"iec104\"\nact = \"operate\"").problem(), "needs a name"));
  EXPECT_TRUE(says(Rules(rule("protocol = \"iec104\"\nact = \"operate\"\n") + rule("protocol = \"modbus\"\nact = \"write\"")).problem(), "two rules are called 'r'; the other stands at rules.toml:1"));
}
TEST(FieldRules, WhatAProtocolNeverSaysItCannotBeAskedFor) {
  const std::string p = Rules(rule("protocol = \"modbus\"\norigin = 3")).problem();
  EXPECT_TRUE(says(p, "rules.toml:5:1: 'origin' is never said by modbus; it says: function, act, role, malformed, station, ")) << p;
  EXPECT_TRUE(says(Rules(rule("protocol = \"modbus\"\nobject = \"information object 5101\"")).problem(), "is never said by modbus; it says: "));
  EXPECT_EQ(Rules(rule("protocol = \"modbus\"\nobject = \"holding register 30\"")).problem(), "");
}
TEST(FieldRules, TheyAreBounded) {
  std::string all;
  for (size_t i = 0; i <= FieldRules::most; i++) all += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\ntitle = \"x\"\nprotocol = \"iec104\"\nact = \"operate\"\n";
  EXPECT_TRUE(says(Rules(all).problem(), "there are 1001 rules; at most 1000 are allowed"));
}
TEST(FieldRules, OnesThatRestAreReadAndLeftOut) {
  const Rules r(rule("protocol = \"iec104\"\nact = \"operate\"\noff = true"));
  EXPECT_EQ(r.problem(), "");
  EXPECT_TRUE(r.rules.empty());
}
TEST(FieldRules, ValuesInWords) {
  Point p;
  p.set_real(-3.5);
  const auto holds = [&](std::string_view s) { return parse_value_test(s)->holds(p); };
  EXPECT_TRUE(holds("-3.5") && holds("< -3") && holds(">= -3.5") && holds("-4--3") && holds("not 0-400") && holds("!= 7") && holds("not 7") && holds("-10-10"));
  EXPECT_FALSE(holds("3.5") || holds("> -3.5") || holds("0-5") || holds("not -4-0") || holds("on"));
  p.set_double_point(1);
  EXPECT_TRUE(holds("off") && holds("open") && !holds("on") && !holds("intermediate"));
  p.set(true);
  EXPECT_TRUE(holds("on") && holds("closed") && holds("1") && !holds("off") && !holds("faulty"));
  for (std::string_view wrong : {"", "lots", "> ", "5-", "9-3", "5 6", "not"}) EXPECT_FALSE(parse_value_test(wrong)) << wrong;
}
TEST(FieldRules, HoursOverMidnightAndDays) {
  const Time friday = 1'795'132'800 * second;         // 2026-11-20T00:00Z, a Friday
  const Hours night = *parse_hours("22:00-06:00 UTC"), here = *parse_hours("08:00-16:30 +01:00");
  EXPECT_TRUE(night.holds(friday) && night.holds(friday + 6 * hour - 1) && night.holds(friday + 22 * hour) && !night.holds(friday + 6 * hour) && !night.holds(friday + 12 * hour));
  EXPECT_TRUE(here.holds(friday + 7 * hour) && !here.holds(friday + 15 * hour + 30 * minute));
  Hours weekend;
  weekend.local = false;
  weekend.days = 0x60;
  EXPECT_FALSE(weekend.holds(friday));
  EXPECT_TRUE(weekend.holds(friday + day) && weekend.holds(friday + 2 * day) && !weekend.holds(friday + 3 * day));
  for (std::string_view wrong : {"", "22-06", "22:00", "25:00-03:00", "22:00-06:60", "22:00-06:00 CET", "08:00-08:00", "24:30-01:00"}) EXPECT_FALSE(parse_hours(wrong)) << wrong;
}

JudgeSettings with(std::string_view toml) {
  Rules r(toml);
  EXPECT_EQ(r.problem(), "");
  JudgeSettings s;
  s.rules = std::make_shared<const FieldRules>(std::move(r.rules));
  return s;
}
Hearing hearing(std::string_view toml) { return Hearing(Hearing::Options{plant, {}, with(toml)}); }

constexpr std::string_view rtu = "10.1.1.60:2404";
size_t told(const Hearing& h) { return h.times("RUL-01/r"); }
void command(Hearing& h, std::string_view who, uint16_t type, uint32_t object, double value, uint16_t station = 11, uint16_t cause = 6, Role role = Role::request) {
  Message m;
  m.function = type, m.act = Act::operate, m.role = role, m.station = station, m.reason = cause, m.has_origin = true;
  Point p;
  p.object = Object(ObjectKind::information_object, object);
  if (type == 46) p.set_double_point(unsigned(value));
  else p.set_real(value);
  h.say("iec104", who, rtu, m, {p}, role == Role::request ? Side::client : Side::server);
}

TEST(FieldRules, HoldWhenAllThatTheyAskForHolds) {
  Hearing h = hearing(rule("severity = 5\nprotocol = \"iec104\"\nfunction = \"C_DC_NA_1*\"\nstation = \"11-12\"\nobject = \"information object 5100-5199\"\nvalue = \"off\"\nclient = \"!ews\"\n"));
  command(h, hmi, 46, 5101, 2);                       // on
  command(h, hmi, 46, 5200, 1);                       // another object
  command(h, hmi, 46, 5101, 1, 13);                   // another station
  command(h, ews, 46, 5101, 1);                       // who may
  command(h, hmi, 50, 5101, 1);                       // another function
  command(h, hmi, 46, 5101, 1, 11, 7, Role::response);   // its answer
  EXPECT_EQ(told(h), 0u) << h.told();
  command(h, hmi, 46, 5101, 1);
  ASSERT_EQ(told(h), 1u) << h.told();
  const Finding& f = h.last("RUL-01/r");
  EXPECT_EQ(f.severity, 5);
  EXPECT_EQ(f.detection->title, "A rule");
  EXPECT_EQ(f.what, "hmi (10.1.1.11) asked plc1 (10.1.1.60), common address 11: C_DC_NA_1 double command, Q0 feeder 3 (information object 5101) = off, activation.");
  EXPECT_EQ(f.expected, "The rule r of this site (rules.toml:1) says that this should not be.");
  command(h, laptop, 46, 5101, 1);                    // a stranger: no ews either
  EXPECT_EQ(told(h), 2u) << h.told();
}
TEST(FieldRules, ZonesAndPatternsForNames) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nclient = \"zone:control\"\nobject = \"q0*\"\n"));
  command(h, hmi, 46, 5102, 1);
  command(h, laptop, 46, 5101, 1);
  EXPECT_EQ(told(h), 0u) << h.told();
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u) << "by the name that the site gives the point\n" << h.told();
}
TEST(FieldRules, CausesOfAnswers) {
  Hearing h = hearing(rule("protocol = \"iec104\"\ncause = \"unknown information object*\"\n"));
  command(h, hmi, 46, 5101, 1, 11, 7, Role::response);
  EXPECT_EQ(told(h), 0u) << h.told();
  command(h, hmi, 46, 5101, 1, 11, 47, Role::response);
  EXPECT_EQ(told(h), 1u) << h.told();
}
TEST(FieldRules, Hours) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nact = \"operate\"\nhours = \"22:00-05:00 UTC\"\n"));
  h.now = 1'795'132'800 * second + 12 * hour;
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 0u) << h.told();
  h.now += 11 * hour;
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u) << h.told();
}
TEST(FieldRules, RatesSlide) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nact = \"operate\"\ntimes = 3\nwindow = \"10s\"\n"));
  for (Time at : {0, 9, 11}) {
    h.wait(at * second - (h.now - 1'795'295'000 * second));
    command(h, hmi, 46, 5101, 1);
  }
  EXPECT_EQ(told(h), 0u) << "three in eleven seconds";
  h.wait(second);
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u) << "at 9, 11 and 12\n" << h.told();
  h.wait(minute);
  command(h, hmi, 46, 5101, 1);
  command(h, ews, 46, 5101, 1);
  command(h, laptop, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u) << "each client is counted for itself\n" << h.told();
}
TEST(FieldRules, DifferentObjects) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nact = \"operate\"\ntimes = 4\nwindow = \"10s\"\nof = \"objects\"\nobject = \"5101-5110\"\n"));
  for (int i = 0; i < 50; i++) command(h, hmi, 46, 5101 + unsigned(i % 3), 1);
  for (uint32_t other = 6000; other < 6010; other++) command(h, hmi, 46, other, 1);
  EXPECT_EQ(told(h), 0u) << h.told();
  command(h, hmi, 46, 5110, 1);
  EXPECT_EQ(told(h), 1u) << h.told();
}
TEST(FieldRules, ThousandsAreCountedAndAFloodOnOneLeavesTheOthers) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nact = \"operate\"\ntimes = 5000\nwindow = \"10s\"\n") +
                      "[[rule]]\nname = \"slow\"\ntitle = \"Another\"\nprotocol = \"iec104\"\nact = \"read\"\ntimes = 3\nwindow = \"1h\"\n");
  const auto read = [&] {
    Message m;
    m.function = 100, m.act = Act::read, m.station = 11;
    h.say("iec104", hmi, rtu, m);
  };
  read(), read();
  for (int i = 0; i < 4999; i++) command(h, hmi, 46, 5101, 1), h.wait(millisecond);
  EXPECT_EQ(told(h), 0u) << h.told();
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u);
  for (int i = 0; i < 6000; i++) command(h, fmt::format("10.2.{}.{}:40000", i / 250, 1 + i % 250), 46, 5101, 1);
  read();
  EXPECT_EQ(h.times("RUL-01/slow"), 1u) << "two of three were heard before the flood";
}
TEST(FieldRules, WhatAllOfThemCountToIsBounded) {
  std::string all;
  for (int i = 0; i < 21; i++) all += "[[rule]]\nname = \"r" + std::to_string(i) + "\"\ntitle = \"x\"\nprotocol = \"iec104\"\nact = \"operate\"\ntimes = 10000\nwindow = \"1h\"\n";
  const std::string p = Rules(all).problem();
  EXPECT_TRUE(says(p, "the rules count to 210000 together; at most 200000 are allowed: lower 'times'")) << p;
}
TEST(FieldRules, StationsAreTheirOwnStories) {
  Hearing h = hearing(rule("protocol = \"iec104\"\nact = \"operate\"\n"));
  command(h, hmi, 46, 5101, 1, 11);
  command(h, hmi, 46, 5101, 1, 12);                   // in the same millisecond
  ASSERT_EQ(told(h), 2u) << h.told();
  std::set<uint64_t> causes;
  for (const Finding& f : h.findings)
    if (f.detection->id == "RUL-01/r") causes.insert(f.cause);
  EXPECT_EQ(causes.size(), 2u) << h.told();
}
TEST(FieldRules, RangesAreMatchedAsTheyAreShown) {
  for (const std::string_view pattern : {"*registers 30-33", "*register 30-33"}) {
    Hearing h = hearing(rule("protocol = \"modbus\"\nact = \"read\"\nobject = \"" + std::string(pattern) + "\"\n"));
    Message m;
    m.function = 3, m.act = Act::read, m.station = 1;
    Point p;
    p.object = Object(ObjectKind::holding_register, 30);
    p.count = 4;
    h.say("modbus", hmi, "10.1.1.60:502", m, {p});
    EXPECT_EQ(told(h), pattern.starts_with("*registers") ? 1u : 0u) << h.told();
  }
}
TEST(FieldRules, TextsAndSeveralProtocols) {
  Hearing h = hearing(rule("protocol = [\"http\", \"tls\"]\nobject = \"*\"\ntext = \"*evil*\"\nwhat = \"{client} of {value}\"\n"));
  std::vector<uint8_t> run;
  std::vector<Point> points{named_point("/", run), named_point("host", run, "www.EVIL.example")};
  Message m;
  m.function = 257, m.act = Act::read;
  h.say("http", hmi, "10.1.1.60:80", m, points, Side::client, Texts(run));
  ASSERT_EQ(told(h), 1u) << h.told();
  EXPECT_EQ(h.last("RUL-01/r").what, "hmi (10.1.1.11) of \"www.EVIL.example\"");
}
TEST(FieldRules, ObeyTheirRowOfTheCatalogue) {
  JudgeSettings s = with(rule("protocol = \"iec104\"\nact = \"operate\"\n"));
  s.detections["RUL-01"].off = true;
  Hearing h(Hearing::Options{plant, {}, s});
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 0u);
}
TEST(FieldRules, AreReplacedWhileConversationsGoOn) {
  Hearing h = hearing(rule("protocol = \"modbus\"\nact = \"write\"\n"));
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 0u);
  h.judge.adopt(Hearing::site_of(plant), with(rule("protocol = \"iec104\"\nact = \"operate\"\n")));
  command(h, hmi, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u) << h.told();
  const Detection* row = h.last("RUL-01/r").detection;
  h.judge.adopt(Hearing::site_of(plant), {});
  command(h, ews, 46, 5101, 1);
  EXPECT_EQ(told(h), 1u);
  EXPECT_EQ(row->title, "A rule") << "stories that are open still have their words";
}

}  // namespace
}  // namespace vidra
