// SPDX-License-Identifier: Apache-2.0
// One quantity that several devices tell, each in its own protocol: VAL-01, VAL-02.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/judge/publishing.h"

namespace vidra {
namespace {

constexpr std::string_view hosts = R"(
[[host]]
name = "rtu1"
address = "10.1.1.20"
role = "rtu"
[[host]]
name = "pmu1"
address = "10.1.1.80"
[[host]]
name = "ied1"
address = "10.1.1.41"
[[host]]
name = "scada"
address = "10.9.1.10"
)";
const std::string site = std::string(hosts) + R"(
[[quantity]]
name = "frequency of busbar 1"
unit = "Hz"
tolerance = 0.2
settle = "20s"
fresh = "2min"
[[quantity.member]]
host = "rtu1"
protocol = "iec104"
station = 11
object = "information object 2006"
[[quantity.member]]
host = "pmu1"
protocol = "c37118"
object = "ALDER-BUS1/frequency"
[[quantity.member]]
host = "ied1"
protocol = "mms"
object = "AA1J1Q01A1LD0/MMXU1$MX$Hz"
scale = 0.001
)";

void rtu(Hearing& h, double hertz, uint32_t quality = good, uint64_t station = 11) {
  Message m;
  m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = station;
  Point p{Object(ObjectKind::information_object, 2006)};
  p.set_real(hertz), p.quality = quality;
  h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {p}, Side::server);
}
void pmu(Hearing& h, double hertz) {
  std::vector<uint8_t> run;
  const Object named = Hearing::named("ALDER-BUS1/frequency", run);
  const Object channel(ObjectKind::channel, 1 << 16, 7);
  const uint64_t key = channel.key() & ~(0xffull << 56);                // a channel is labelled under its own key
  std::copy_n(reinterpret_cast<const uint8_t*>(&key), 8, run.begin());
  EXPECT_NE(named.key(), key);
  Message m;
  m.function = 256, m.role = Role::report, m.act = Act::report, m.station = 7;
  Point p{channel};
  p.set_real(hertz);
  h.say("c37118", "10.9.1.13:40000", "10.1.1.80:4712", m, {p}, Side::server, Texts{run});
}
void ied(Hearing& h, double millihertz) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 4, m.role = Role::response, m.act = Act::read;
  Point p;
  p.object = Hearing::named("AA1J1Q01A1LD0/MMXU1$MX$Hz", run);
  p.set_real(millihertz);
  h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, {p}, Side::server, Texts{run});
}
// A minute or so of the same quantity, as each tells it; it wanders a little, as it does.
void pass(Hearing& h, int seconds, double off_rtu = 0, bool rtu_stands = false, double ramp = 0) {
  for (int i = 0; i < seconds; i++) {
    const double f = 50 + 0.01 * (i % 7) + ramp * i;
    pmu(h, f);
    if (i % 3 == 0) rtu(h, rtu_stands ? 50.02 : f + off_rtu);
    if (i % 10 == 0) ied(h, f * 1000);
    h.wait(second);
  }
}

TEST(Quantities, ThatAgreeAreQuiet) {
  Hearing h(site);
  pass(h, 300);
  pass(h, 60, 0, false, 0.02);                                          // and when all move
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}
TEST(Quantities, TheOneThatPartsIsTold) {                              // "VAL-01"
  Hearing h(site);
  pass(h, 60);
  pass(h, 60, 0.5);
  ASSERT_EQ(h.times("VAL-01"), 1u) << h.told();
  EXPECT_EQ(h.last("VAL-01").source.name, "rtu1");
  EXPECT_NE(h.last("VAL-01").what.find("rtu1 (iec104, information object 2006) says 50.5"), std::string::npos) << h.last("VAL-01").what;
  pass(h, 60);                                                          // it comes back, and parts anew: a story goes on
  pass(h, 60, -0.5);
  EXPECT_EQ(h.times("VAL-01"), 2u) << h.told();
}
TEST(Quantities, TheOneThatStandsStillIsTold) {                        // "VAL-02"
  Hearing h(site);
  pass(h, 60, 0, true);
  EXPECT_EQ(h.of("VAL-"), 0u) << "a deadband within the tolerance\n" << h.told();
  pass(h, 60, 0, true, 0.02);
  ASSERT_EQ(h.times("VAL-02"), 1u) << h.told();
  EXPECT_EQ(h.of("VAL-"), 1u) << h.told();
  EXPECT_EQ(h.last("VAL-02").source.name, "rtu1");
}
TEST(Quantities, WhatIsShortInvalidElsewhereOrOldIsQuiet) {
  Hearing h(site);
  pass(h, 60);
  pass(h, 15, 0.5);                                                     // shorter than it may be
  pass(h, 60);
  for (int i = 0; i < 60; i++) pmu(h, 50), rtu(h, 0, invalid), rtu(h, 33, good, 12), h.wait(second);   // invalid; of another common address
  h.wait(3 * minute);                                                   // what the others said is old by now
  for (int i = 0; i < 60; i++) rtu(h, 48), h.wait(second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}
TEST(Quantities, OfTwoNobodyCanSayWhich) {
  Hearing h(site);
  for (int i = 0; i < 60; i++) pmu(h, 50 + 0.01 * (i % 5)), rtu(h, 51 + 0.01 * (i % 3)), h.wait(second);
  ASSERT_EQ(h.times("VAL-01"), 1u) << h.told();
  EXPECT_EQ(h.last("VAL-01").source.address.kind, Address::Kind::none);
}
TEST(Quantities, AreQuietWhileMemoryLearns) {
  JudgeSettings s;
  s.mode = JudgeSettings::Mode::learn;
  Hearing h(Hearing::Options{site, {}, s});
  pass(h, 60, 0.5);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}

// ---- members of data sets, and channels of samples

constexpr std::string_view two_ways = R"(
[[quantity]]
name = "active power of feeder 1"
tolerance = 1
settle = "5s"
[[quantity.member]]
host = "rtu1"
protocol = "iec104"
object = "information object 2006"
[[quantity.member]]
host = "ied1"
protocol = "mms"
object = "{}"
)";
std::string with_object(std::string_view object) {
  std::string text(two_ways);
  return std::string(hosts) + text.replace(text.find("{}"), 2, object);
}
constexpr std::string_view set = "AA1J1Q01A1LD0/LLN0$dsMeas";
void names_told(Hearing& h, std::array<std::string_view, 2> members = {"AA1J1Q01A1LD0/MMXU1$MX$TotVAr", "AA1J1Q01A1LD0/MMXU1$MX$TotW"}) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 12, m.role = Role::response, m.act = Act::browse;
  std::vector<Point> points;
  for (std::string_view name : {set, members[0], members[1]}) points.push_back(Point{Hearing::named(name, run)});
  h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, points, Side::server, Texts{run});
}
void report(Hearing& h, double power) {
  Message m;
  m.function = 0x100, m.role = Role::report, m.act = Act::report;
  std::vector<Point> points;
  for (uint16_t i = 0; i < 2; i++) points.emplace_back(Point{Object::of_member(text_key(set), i)}).set_real(i ? power : 3);
  h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, points, Side::server);
}
TEST(Quantities, ReportsSayThemByTheirPlaceInADataSetThatWasAskedFor) {
  for (const bool named : {true, false}) {
    Hearing h(with_object("AA1J1Q01A1LD0/MMXU1$MX$TotW"));
    if (named) names_told(h);
    for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
    for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), h.wait(second);
    EXPECT_EQ(h.times("VAL-01"), named ? 1u : 0u) << h.told();         // nobody has said what stands at which place
  }
}
// Works begin, lists change, somebody declares another host: what was heard holds, and what was told is not told again.
std::string with_another_host(std::string_view text) { return "[[host]]\nname = \"before all others\"\naddress = \"10.1.1.3\"\n" + std::string(text); }
TEST(Quantities, AreNotForgottenWhenTheSiteIsReadAgain) {
  const std::string declared = with_object("AA1J1Q01A1LD0/MMXU1$MX$TotW");
  Hearing h(declared);
  const auto again = [&] {
    h.judge.adopt(Hearing::site_of(with_another_host(declared)), {});
    h.judge.adopt(Hearing::site_of(declared), {});
  };
  names_told(h), again();
  for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
  for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), again(), h.wait(second);
  EXPECT_EQ(h.times("VAL-01"), 1u) << h.told();
  h.judge.adopt(Hearing::site_of(std::string(hosts)), {});              // it is declared no longer, and then anew
  h.judge.adopt(Hearing::site_of(declared), {});
  for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), h.wait(second);
  EXPECT_EQ(h.times("VAL-01"), 1u) << h.told();
}
TEST(Quantities, WhatBecomesInvalidSaysNothing) {
  Hearing h(with_object("AA1J1Q01A1LD0/LLN0$dsMeas[1]"));
  for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
  for (int i = 0; i < 60; i++) rtu(h, 0, i % 2 ? invalid : test_quality), report(h, 48 + i % 2), h.wait(second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}
// What an SCD says of the order holds until the device itself says another.
TEST(Quantities, ReportsSayThemByTheirPlaceInADeclaredDataSet) {
  const std::string declared = with_object("AA1J1Q01A1LD0/MMXU1$MX$TotW") +
                               "[[data_set]]\nhost = \"ied1\"\nname = \"AA1J1Q01A1LD0/LLN0$dsMeas\"\nmembers = [\"AA1J1Q01A1LD0/MMXU1$MX$TotVAr\", \"AA1J1Q01A1LD0/MMXU1$MX$TotW\"]\n";
  for (const bool otherwise : {false, true}) {
    Hearing h(declared);
    if (otherwise) names_told(h, {"AA1J1Q01A1LD0/MMXU1$MX$TotVA", "AA1J1Q01A1LD0/MMXU1$MX$TotVAr"});
    h.judge.adopt(Hearing::site_of(with_another_host(declared)), {});
    for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
    for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), h.wait(second);
    EXPECT_EQ(h.times("VAL-01"), otherwise ? 0u : 1u) << h.told();
  }
}
TEST(Quantities, ADataSetThatWasMadeAnewHasOtherPlaces) {
  Hearing h(with_object("AA1J1Q01A1LD0/MMXU1$MX$TotW"));
  names_told(h);
  for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
  names_told(h, {"AA1J1Q01A1LD0/MMXU1$MX$TotW", "AA1J1Q01A1LD0/MMXU1$MX$TotVAr"});
  for (int i = 0; i < 20; i++) rtu(h, 3), report(h, 70 + i % 2), h.wait(second);             // the reactive power is at the second place now
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  h.wait(10 * minute);
  names_told(h, {"AA1J1Q01A1LD0/MMXU1$MX$TotVA", "AA1J1Q01A1LD0/MMXU1$MX$TotVAr"});          // and now it has none of them
  for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), h.wait(second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}
TEST(Quantities, AMemberMayBeDeclaredByItsPlace) {
  Hearing h(with_object("AA1J1Q01A1LD0/LLN0$dsMeas[1]"));
  for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), h.wait(second);
  EXPECT_EQ(h.times("VAL-01"), 1u) << h.told();
}

// A client that reads the value in it says it to each quantity that the object is a member of.
TEST(Quantities, AnObjectMayBeAMemberOfSeveral) {
  const std::string wide = std::string(with_object("AA1J1Q01A1LD0/MMXU1$MX$TotW")).replace(std::string(with_object("")).find("tolerance = 1\n"), 13, "tolerance = 1000");
  std::string own(two_ways);
  own.replace(own.find("{}"), 2, "AA1J1Q01A1LD0/MMXU1$MX$TotW"), own.replace(own.find("feeder 1"), 8, "feeder 1, closely");
  for (const std::string_view leaf : {"", "$mag$f", "$mag"}) {
    Hearing h(wide + own);
    for (int i = 0; i < 20; i++) {
      std::vector<uint8_t> run;
      Message m;
      m.function = 4, m.role = Role::response, m.act = Act::read;
      Point p;
      p.object = Hearing::named(fmt::format("AA1J1Q01A1LD0/MMXU1$MX$TotW{}", leaf), run);
      p.set_real(48 + i % 2);
      rtu(h, 40 + i % 2), h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, {p}, Side::server, Texts{run}), h.wait(second);
    }
    EXPECT_EQ(h.times("VAL-01"), 1u) << leaf << "\n" << h.told();
  }
}

TEST(Quantities, SampledValuesSayTheirRmsEachSecond) {
  Publishing p(std::string(publishers_site) + R"(
[[host]]
name = "rtu1"
address = "10.1.1.20"
role = "rtu"
[[quantity]]
name = "current of feeder 1"
unit = "A"
percent = 5
settle = "3s"
[[quantity.member]]
host = "mu1"
protocol = "sv"
stream = "MU01"
object = "channel 1"
scale = 0.001
[[quantity.member]]
host = "rtu1"
protocol = "iec104"
object = "information object 2006"
)");
  SvFrame v;
  const auto pass = [&](int seconds, double amperes, double told) {
    v.amplitude = amperes * 1000 * std::sqrt(2.0);
    for (int i = 0; i < seconds * 80; i++) {
      v.angle += 0.7, p.sv(v);
      v.count = uint16_t((v.count + 1) % 80);
      if (i % 80 == 40) rtu(p.h, told + i % 3 * 0.01);
      p.h.wait(12'500 * microsecond);
    }
  };
  pass(8, 70, 70);
  EXPECT_EQ(p.h.of("VAL-"), 0u) << p.told();
  pass(8, 140, 70);                                                     // the current doubles, and the control centre is told that it does not
  ASSERT_EQ(p.h.of("VAL-"), 1u) << p.told();
  EXPECT_NE(p.told().find("mu1 (sv, channel 1) says 139."), std::string::npos) << p.told();
}

// Every protocol against every other: what one says falsely, another does not.
TEST(Quantities, EachProtocolAgainstEachOther) {
  struct Way {
    std::string_view member;
    void (*tell)(Publishing&, double);
  };
  const auto tell = [](std::string_view protocol, std::string_view client, std::string_view server, uint16_t function, Role role, uint64_t station, Object object, Publishing& p, double value, double scale = 1) {
    Message m;
    m.function = function, m.role = role, m.act = role == Role::report ? Act::report : Act::read, m.station = station;
    Point of{object};
    if (scale == 1) of.set_real(value);
    else of.set_natural(uint64_t(std::llround(value / scale)));
    p.h.say(protocol, client, server, m, {of}, Side::server);
  };
  static const auto say = tell;
  static SvFrame stream;
  stream = SvFrame{};
  const Way ways[] = {
      {"host = \"rtu1\"\nprotocol = \"iec104\"\nstation = 11\nobject = \"information object 2006\"\n",
       [](Publishing& p, double v) { say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", 36, Role::report, 11, Object(ObjectKind::information_object, 2006), p, v); }},
      {"host = \"rtu2\"\nprotocol = \"dnp3\"\nstation = 10\nobject = \"analog input 3\"\nscale = 0.01\n",
       [](Publishing& p, double v) { say("dnp3", "10.9.1.10:40000", "10.1.1.21:20000", 130, Role::report, 10, Object(ObjectKind::analog_input, 3), p, v, 0.01); }},
      {"host = \"meter\"\nprotocol = \"modbus\"\nstation = 1\nobject = \"input register 5\"\nscale = 0.01\n",
       [](Publishing& p, double v) { say("modbus", "10.1.1.30:40000", "10.1.1.62:502", 4, Role::response, 1, Object(ObjectKind::input_register, 5), p, v, 0.01); }},
      {"host = \"pmu1\"\nprotocol = \"c37118\"\nobject = \"ALDER-BUS1/frequency\"\n", [](Publishing& p, double v) { pmu(p.h, v); }},
      {"host = \"ied9\"\nprotocol = \"mms\"\nobject = \"IED9LD0/LLN0$dsMeas[2]\"\n",
       [](Publishing& p, double v) { say("mms", "10.1.1.30:40000", "10.1.1.49:102", 256, Role::report, 0, Object::of_member(text_key("IED9LD0/LLN0$dsMeas"), 2), p, v); }},
      {"host = \"ied9\"\nprotocol = \"goose\"\nobject = \"IED9LD0/LLN0$dsGoose[1]\"\n",
       [](Publishing& p, double v) {
         Message m;
         m.function = 256, m.role = Role::report, m.act = Act::report;
         Point of{Object::of_member(text_key("IED9LD0/LLN0$dsGoose"), 1)};
         of.set_real(v);
         Scene s;
         s.client_mac = *parse_mac("00:21:c1:30:10:49"), s.server_mac = *parse_mac(goose_group);
         s.client.address = Address::of(s.client_mac), s.server.address = Address::of(s.server_mac), s.flow = 77;
         p.h.event("goose", s, m, {of});
       }},
      {"host = \"mu1\"\nprotocol = \"sv\"\nstream = \"MU01\"\nobject = \"channel 1\"\nscale = 0.001\n", [](Publishing&, double v) { stream.amplitude = v * 1000 * std::sqrt(2.0); }},
  };
  const std::string devices = std::string(publishers_site) + "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.20\"\n[[host]]\nname = \"rtu2\"\naddress = \"10.1.1.21\"\n[[host]]\nname = \"meter\"\naddress = \"10.1.1.62\"\n"
                              "[[host]]\nname = \"pmu1\"\naddress = \"10.1.1.80\"\n[[host]]\nname = \"ied9\"\naddress = \"10.1.1.49\"\nmac = \"00:21:c1:30:10:49\"\n"
                              "[[quantity]]\nname = \"q\"\ntolerance = 1\nsettle = \"3s\"\n";
  for (const Way& a : ways)
    for (const Way& b : ways) {
      if (&a >= &b) continue;
      Publishing p(devices + "[[quantity.member]]\n" + std::string(a.member) + "[[quantity.member]]\n" + std::string(b.member));
      stream = SvFrame{};
      const bool samples = a.member.find("\"sv\"") != a.member.npos || b.member.find("\"sv\"") != b.member.npos;
      const auto pass = [&](int seconds, double off) {
        for (int i = 0; i < seconds; i++) {
          const double v = 50 + 0.05 * (i % 5);
          a.tell(p, v), b.tell(p, v + off);
          for (int k = 0; samples && k < 80; k++, p.h.wait(12'500 * microsecond)) stream.angle += 0.7, p.sv(stream), stream.count = uint16_t((stream.count + 1) % 80);
          if (!samples) p.h.wait(second);
        }
      };
      pass(6, 0);
      EXPECT_EQ(p.h.of("VAL-"), 0u) << a.member << b.member << p.told();
      pass(8, 7);
      EXPECT_GE(p.h.of("VAL-"), 1u) << a.member << b.member;
    }
}

// ---- positions

const std::string switch_site = std::string(publishers_site) + R"(
[[host]]
name = "rtu1"
address = "10.1.1.20"
role = "rtu"
[[quantity]]
name = "Q0, E01"
kind = "position"
[[quantity.member]]
host = "ied1"
protocol = "goose"
object = "IED1LD0/CSWI1$ST$Pos"
[[quantity.member]]
host = "rtu1"
protocol = "iec104"
station = 11
object = "information object 1101"
)";
// A bay whose breaker is told by GOOSE each second and by the RTU when it changes.
struct Breaker {
  explicit Breaker(std::string_view with = switch_site, bool named = true) : p(with) {
    if (!named) return;
    std::vector<uint8_t> run;                                           // the control centre asks what the data set holds
    Message m;
    m.function = 12, m.role = Role::response, m.act = Act::browse;
    std::vector<Point> points;
    for (std::string_view name : {"IED1LD0/LLN0$ds", "IED1LD0/CSWI1$ST$Pos$stVal", "IED1LD0/CSWI1$ST$Pos$q"}) points.push_back(Point{Hearing::named(name, run)});
    p.h.say("mms", "10.1.1.77:40000", "10.1.1.41:102", m, points, Side::server, Texts{run});
  }
  void says(unsigned position, uint32_t quality = good, bool after_gap = false) {
    Message m;
    m.function = 31, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = 11, m.after_gap = after_gap;
    Point q{Object(ObjectKind::information_object, 1101)};
    q.set_double_point(position), q.quality = quality;
    p.h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {q}, Side::server);
  }
  void alive() {
    Message m;
    m.link = true, m.role = Role::response, m.act = Act::session;
    p.h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {}, Side::server);
  }
  void pass(int seconds, bool rtu_lives = true) {
    for (int i = 0; i < seconds; i++) {
      if (rtu_lives && i % 20 == 0) alive();
      p.goose(g), g.sq++, p.wait(second);
    }
  }
  Publishing p;
  GooseFrame g{.on = true, .t = Hearing().now};
};
TEST(Positions, ThatDisagreeAreTold) {                                 // "VAL-04"
  Breaker b;
  b.says(2), b.pass(60);
  b.p.change(b.g), b.pass(5), b.says(1), b.pass(60);                    // it opens, and both say so
  EXPECT_EQ(b.p.h.of("VAL-"), 0u) << b.p.told();
  b.p.change(b.g), b.pass(20);
  EXPECT_EQ(b.p.h.of("VAL-"), 0u) << "a message may be slow\n" << b.p.told();
  b.pass(40);                                                           // it closes, and the control centre is not told
  ASSERT_EQ(b.p.h.times("VAL-04"), 1u) << b.p.told();
  EXPECT_NE(b.p.told().find("ied1 (goose, IED1LD0/CSWI1$ST$Pos) says on, rtu1 (iec104, information object 1101) says off"), std::string::npos) << b.p.told();
  EXPECT_EQ(b.p.h.last("VAL-04").source.address.kind, Address::Kind::none) << "of two nobody can say which";
  b.says(2), b.pass(10), b.says(1), b.pass(60);                         // it is right again, and then says what is not
  EXPECT_EQ(b.p.h.times("VAL-04"), 2u) << b.p.told();
}
TEST(Positions, OnTheWayUnsureUnheardOrSilentAreQuiet) {
  Breaker b;
  b.says(2), b.pass(10);
  b.p.change(b.g), b.says(0), b.pass(60);                               // it travels, for long
  b.says(1), b.pass(10);
  b.p.change(b.g), b.says(1, not_topical), b.pass(60);                  // the RTU no longer hears its device
  for (const uint32_t quality : {invalid, test_quality, communication_lost, substituted, failure}) {
    b.says(2), b.pass(10);
    b.says(2, quality), b.pass(10);                                     // it says so before the switch moves
    b.p.change(b.g), b.pass(60);
    b.says(1), b.pass(10);
    b.p.change(b.g), b.says(2), b.pass(10);
    b.p.change(b.g), b.says(2, quality), b.pass(60);
    b.says(1), b.pass(10);
    b.p.change(b.g);
  }
  b.says(2), b.pass(10);
  b.p.change(b.g), b.says(1), b.pass(10), b.says(1, good, true);        // octets were lost
  b.p.change(b.g), b.pass(60);
  b.says(2), b.pass(10);
  b.p.change(b.g), b.pass(10);
  b.p.change(b.g), b.pass(60);                                          // off and on again
  b.pass(60);
  b.p.change(b.g), b.pass(110, false), b.alive(), b.pass(1), b.says(1), b.pass(60);   // the link to the RTU is down while it closes …
  b.p.change(b.g), b.says(2), b.pass(60);
  b.p.change(b.g), b.alive(), b.pass(150, false), b.pass(1), b.says(1), b.pass(60);   // … for longer, after one more word of it …
  b.p.change(b.g), b.says(2), b.pass(60);
  b.pass(370, false), b.p.change(b.g), b.pass(90), b.says(1), b.pass(60);             // … and for so long that nothing it said holds
  b.p.change(b.g), b.says(2), b.pass(60), b.p.wait(6 * minute);
  b.p.change(b.g), b.pass(120, false);
  EXPECT_EQ(b.p.h.times("VAL-04"), 0u) << b.p.told();
  Breaker unnamed(switch_site, false);                                  // nobody has said what stands at which place
  unnamed.says(1), unnamed.pass(60);
  EXPECT_EQ(unnamed.p.h.times("VAL-04"), 0u) << unnamed.p.told();
}
TEST(Positions, AreNotForgottenWhenTheSiteIsReadAgain) {
  Breaker b;
  const auto again = [&] {
    b.p.h.judge.adopt(Hearing::site_of(with_another_host(switch_site)), {});
    b.p.h.judge.adopt(Hearing::site_of(switch_site), {});
  };
  b.says(2), b.pass(10), again(), b.pass(10);
  b.p.change(b.g);                                                      // it opens, and the control centre is not told
  for (int i = 0; i < 6; i++) b.pass(10), again();
  EXPECT_EQ(b.p.h.times("VAL-04"), 1u) << b.p.told();
}
TEST(Positions, OfADeviceThatIsBackAreTold) {                           // its link was down, and what it says now is still wrong
  Breaker b;
  b.says(2), b.pass(30);
  b.p.change(b.g), b.pass(110, false);
  EXPECT_EQ(b.p.h.times("VAL-04"), 0u) << b.p.told();
  b.says(2), b.pass(60);
  EXPECT_EQ(b.p.h.times("VAL-04"), 1u) << b.p.told();
}
TEST(Positions, OfADeviceThatSpeaksRarelyAreToldLater) {               // nothing but a sign of life every three minutes
  Breaker b;
  b.says(2), b.pass(30);
  b.p.change(b.g);
  for (int i = 0; i < 4; i++) b.pass(180, false), b.alive();
  EXPECT_EQ(b.p.h.times("VAL-04"), 1u) << b.p.told();
}
TEST(Positions, OfThreeTheOneAlone) {
  Breaker b(switch_site + "[[quantity.member]]\nhost = \"ied1\"\nprotocol = \"mms\"\nobject = \"IED1LD0/CSWI1$ST$Pos\"\n");
  std::vector<uint8_t> run;
  Message m;
  m.function = 4, m.role = Role::response, m.act = Act::read;
  Point p{Hearing::named("IED1LD0/CSWI1$ST$Pos", run)};
  p.set_double_point(2);
  b.p.h.say("mms", "10.1.1.77:40000", "10.1.1.41:102", m, {p}, Side::server, Texts{run});
  b.says(1), b.pass(60);
  ASSERT_EQ(b.p.h.times("VAL-04"), 1u) << b.p.told();
  EXPECT_EQ(b.p.h.last("VAL-04").source.name, "rtu1");
}

// ---- VAL-05

TEST(Ranges, AValueFarBeyondIsTold) {                                  // "VAL-05"
  const std::string limits = std::string(hosts) + "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 2006\ntype = 36\nmin = 45\nmax = 55\nname = \"f\"\n";
  Hearing h(limits);
  const auto tell = [&](double value, int seconds, uint32_t quality = good) {
    for (int i = 0; i < seconds; i += 5) rtu(h, value, quality), h.wait(5 * second);
  };
  tell(50, 60), tell(58, 300);                                          // an operator is warned: within half of the range
  tell(0, 300), tell(0.8, 300);                                         // a dead bus
  tell(120, 20), tell(50, 20);                                          // for seconds
  tell(120, 300, invalid);
  EXPECT_EQ(h.times("VAL-05"), 0u) << h.told();
  tell(120, 60);
  ASSERT_EQ(h.times("VAL-05"), 1u) << h.told();
  EXPECT_NE(h.told().find("says that f (information object 2006) is 120, since 30 s, and calls it good. | The site declares 45 to 55 for it."), std::string::npos) << h.told();
}
const std::string frequency = std::string(hosts) + "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 2006\ntype = 36\nmin = 45\nmax = 55\n";
// Any word of the RTU: another value, or a sign of life.
void another(Hearing& h, int i, bool after_gap = false) {
  Message m;
  m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = 11, m.after_gap = after_gap;
  Point p{Object(ObjectKind::information_object, 2001 + uint32_t(i % 4))};
  p.set_real(i % 9);
  h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {p}, Side::server);
}
TEST(Ranges, AValueThatIsSaidOnceStays) {
  for (int what = 0; what < 5; what++) {
    Hearing h(frequency);
    for (int i = 0; i < 20; i++) another(h, i), h.wait(second);
    rtu(h, 9999);
    for (int i = 0; i < 20; i++) another(h, i), h.wait(second);
    EXPECT_EQ(h.times("VAL-05"), 0u) << h.told();
    if (what == 1) rtu(h, 50);                                          // it is right again
    if (what == 2) rtu(h, 9999, invalid);
    if (what == 3) another(h, 1, true);                                 // that it is may be among what was not heard
    if (what == 4) h.wait(130 * second);
    for (int i = 0; i < 300; i++) another(h, i), h.wait(second);
    ASSERT_EQ(h.times("VAL-05"), what ? 0u : 1u) << what << h.told();
    if (what) continue;
    EXPECT_NE(h.told().find("information object 2006 is 9999, since 30 s"), std::string::npos) << h.told();
    EXPECT_EQ(h.last("VAL-05").station, "common address 11");
    rtu(h, 9999), h.wait(minute), rtu(h, 9999);
    EXPECT_EQ(h.times("VAL-05"), 1u) << h.told();
  }
}
// A meter that is asked each five minutes, and says nothing else.
TEST(Ranges, OfADeviceThatIsAskedSeldomAreTold) {
  for (const bool lost : {false, true}) {
    Hearing h(frequency);
    rtu(h, 50);
    for (int i = 0; i < 4; i++) {
      h.wait(5 * minute);
      if (lost) another(h, i, true);                                    // what it said in between may have been right
      rtu(h, 9999);
    }
    EXPECT_EQ(h.times("VAL-05"), lost ? 0u : 1u) << h.told();
  }
}
TEST(Ranges, AreNotToldAgainWhenTheSiteIsReadAgain) {
  Hearing h(frequency);
  rtu(h, 9999);
  for (int i = 0; i < 300; i++) {
    another(h, i), h.wait(second);
    h.judge.adopt(Hearing::site_of(i % 2 ? frequency : with_another_host(frequency)), {});
    if (i % 60 == 59) rtu(h, 9999);
  }
  EXPECT_EQ(h.times("VAL-05"), 1u) << h.told();
  std::string wider = frequency;
  wider.replace(wider.find("max = 55"), 8, "max = 65");
  h.judge.adopt(Hearing::site_of(wider), {});                           // another range is another question
  for (int i = 0; i < 10; i++) rtu(h, 9999), h.wait(10 * second);
  EXPECT_EQ(h.times("VAL-05"), 2u) << h.told();
  h.judge.adopt(Hearing::site_of(std::string(hosts)), {});
  for (int i = 0; i < 10; i++) rtu(h, 9999), h.wait(10 * second);
  EXPECT_EQ(h.times("VAL-05"), 2u) << h.told();
}
TEST(Ranges, TwoStationsAreTwoStories) {
  std::string both = frequency + frequency.substr(hosts.size());
  both.replace(both.rfind("station = 11"), 12, "station = 12");
  Hearing h(both);
  for (int i = 0; i < 10; i++) rtu(h, 9999), rtu(h, 9999, good, 12), h.wait(10 * second);
  EXPECT_EQ(h.times("VAL-05"), 2u) << h.told();
  EXPECT_NE(h.findings[h.findings.size() - 2].cause, h.findings.back().cause);
}
TEST(Ranges, WithoutAWidthNothingIsFar) {
  for (const std::string_view limits : {"min = 0\n", "max = 0\n", "min = 0\nmax = 0\n", "min = 12\nmax = 12\n"})
    for (const double value : {-0.01, 0.01, 12.5}) {
      Hearing h(std::string(hosts) + "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 2006\ntype = 36\n" + std::string(limits));
      for (int i = 0; i < 20; i++) rtu(h, value), h.wait(5 * second);
      EXPECT_EQ(h.times("VAL-05"), 0u) << limits << h.told();
    }
}
TEST(Ranges, WhatIsNoNumberOfItsUnitIsNotCompared) {
  const auto site_with = [](std::string_view more) {
    return std::string(hosts) + "[[modbus_point]]\nhost = \"rtu1\"\nunit = 1\ntable = \"input_register\"\naddress = 5\nmin = 0\nmax = 100\n" + std::string(more);
  };
  for (const bool scaled : {false, true}) {
    Hearing h(site_with(scaled ? "scale = 0.01\n" : ""));
    for (int i = 0; i < 30; i++) {
      Message m;
      m.function = 4, m.role = Role::response, m.act = Act::read, m.station = 1;
      Point p{Object(ObjectKind::input_register, 5)};
      p.set_natural(i < 15 ? 9'000 : 27'648);                           // 90, then 276
      h.say("modbus", "10.9.1.10:40000", "10.1.1.20:502", m, {p}, Side::server);
      h.wait(5 * second);
    }
    EXPECT_EQ(h.times("VAL-05"), scaled ? 1u : 0u) << h.told();
  }
}

// ---- VAL-03

// What a process does: each value goes its own way, a little at a time.
class Process {
 public:
  explicit Process(uint64_t seed = 7) : state_(seed) {}
  struct Said { uint32_t object; double value; };
  Said next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t i = uint32_t(state_ >> 60) % 5;
    return {2000 + i, values_[i] += double(int64_t(state_ >> 20 & 0xffff) - 0x8000) * 1e-4};
  }

 private:
  uint64_t state_;
  std::array<double, 5> values_{110, 63.5, 50, 240, 12};
};
void tells(Hearing& h, const Process::Said& s, Time late = 0, Time pace = second) {
  Message m;
  m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = 11;
  Point p{Object(ObjectKind::information_object, s.object)};
  p.set_real(s.value);
  p.time = h.now - late, p.time_kind = TimeKind::full;
  h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {p}, Side::server);
  h.wait(pace);
}

TEST(ReplayedValues, OfARecordingAreTold) {                            // "VAL-03"
  Hearing h;
  Process process;
  std::vector<Process::Said> all;
  for (int i = 0; i < 900; i++) all.push_back(process.next()), tells(h, all.back());
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  for (int i = 300; i < 500; i++) tells(h, all[size_t(i)]);
  ASSERT_EQ(h.times("VAL-03"), 1u) << h.told();
  EXPECT_NE(h.last("VAL-03").what.find("64 changes of its measured values came again"), std::string::npos) << h.told();
  EXPECT_EQ(h.last("VAL-03").source.address, *parse_address("10.1.1.20"));
}
TEST(ReplayedValues, OfALoopAreOneStory) {
  Hearing h;
  Process process;
  std::vector<Process::Said> all;
  for (int i = 0; i < 1500; i++) all.push_back(process.next()), tells(h, all.back());
  for (int round = 0; round < 5; round++)
    for (int i = 1000; i < 1400; i++) tells(h, all[size_t(i)]);
  EXPECT_GE(h.times("VAL-03"), 1u) << h.told();
  EXPECT_EQ(h.stories(), 1u) << h.told();
}
TEST(ReplayedValues, WhatIsPolledRepeatsItselfOrIsToldLateIsQuiet) {
  {
    Hearing h;                                                          // the same values at each poll, and one that counts
    Process process;
    std::vector<Process::Said> all;
    for (int i = 0; i < 40; i++) all.push_back(process.next());
    for (int i = 0; i < 2000; i++) tells(h, i % 5 ? Process::Said{2000 + uint32_t(i % 5), all[size_t(i % 5)].value} : Process::Said{2000, double(i)});
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
  for (const bool two : {false, true}) {
    Hearing h;                                                          // by day a process; by night a register of seconds goes round, and one of minutes
    Process process;
    for (int i = 0; i < 400; i++) tells(h, process.next());
    for (int i = 0; i < 2500; i++) tells(h, two && i % 20 == 19 ? Process::Said{2007, double(i / 20 % 40)} : Process::Said{2006, double(i % 800)});
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
  {
    Hearing h;                                                          // a pump that goes on and off, in whole steps
    for (int i = 0; i < 3000; i++) tells(h, {2000, double(std::abs(i % 200 - 100))});
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
  {
    Hearing h;                                                          // a power swing: the same hundred values again and again within seconds
    Process process;
    std::vector<Process::Said> all;
    for (int i = 0; i < 300; i++) tells(h, process.next());
    for (int i = 0; i < 100; i++) all.push_back(process.next());
    for (int i = 0; i < 3000; i++) tells(h, all[size_t(i % 100)], 0, 50 * millisecond);
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
  {
    Hearing h;                                                          // coarse values to and fro
    uint64_t dice = 1;
    for (int i = 0; i < 6000; i++) dice = dice * 6364136223846793005ull + 1442695040888963407ull, tells(h, {2000 + uint32_t(dice >> 62), double(229 + (dice >> 40 & 1))});
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
  {
    Hearing h;                                                          // a buffer that is told again after a break: by its times it is old
    Process process;
    std::vector<Process::Said> all;
    for (int i = 0; i < 600; i++) all.push_back(process.next()), tells(h, all.back());
    for (int i = 300; i < 500; i++) tells(h, all[size_t(i)], (600 - 300) * second + 2 * minute);
    EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  }
}
// What lay in a buffer comes at once, a recording at its own pace.
TEST(ReplayedValues, WhatIsToldAgainAtOnceIsABuffer) {
  Hearing h;
  Process process;
  std::vector<Process::Said> all;
  for (int i = 0; i < 600; i++) all.push_back(process.next()), tells(h, all.back());
  h.wait(minute);
  for (int i = 450; i < 600; i++) tells(h, all[size_t(i)], 0, millisecond);       // not acknowledged before the break, and without times of their own
  for (int i = 0; i < 300; i++) all.push_back(process.next()), tells(h, all.back());
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  Hearing busy;                                                          // a hundred changes a second are a recording all the same
  for (int i = 0; i < 1300; i++) tells(busy, process.next(), 0, 10 * millisecond);
  std::vector<Process::Said> kept;
  for (int i = 0; i < 1500; i++) kept.push_back(process.next()), tells(busy, kept.back(), 0, 10 * millisecond);
  for (int i = 0; i < 1400; i++) tells(busy, kept[size_t(i)], 0, 10 * millisecond);
  EXPECT_EQ(busy.times("VAL-03"), 1u) << busy.told();
}
// A report of IEC 61850: what it is called, with its EntryID and the time of its entry; then members of its data set, without times of their own.
void reports(Hearing& h, const Process::Said& s, uint64_t entry, Time late = 0) {
  Message m;
  m.function = 256, m.sub_function = 6, m.role = Role::report, m.act = Act::report;
  std::vector<Point> points;
  points.emplace_back(Point{Object::of_text(text_key("AA1J1Q01A1LD0/LLN0$BR$brcbMeas01"))}).set_natural(entry);
  points[0].time = h.now - late, points[0].time_kind = TimeKind::full;
  points.emplace_back(Point{Object::of_member(text_key("AA1J1Q01A1LD0/LLN0$dsMeas"), uint16_t(s.object - 2000))}).set_real(s.value);
  h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, points, Side::server);
  h.wait(second);
}
TEST(ReplayedValues, OfReportsAreTold) {
  Hearing h;
  Process process;
  std::vector<Process::Said> all;
  uint64_t entry = 0x6789ab0000000000;
  for (int i = 0; i < 900; i++) all.push_back(process.next()), reports(h, all.back(), entry += 3);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  for (int i = 300; i < 500; i++) reports(h, all[size_t(i)], entry += 3);
  EXPECT_EQ(h.times("VAL-03"), 1u) << h.told();
}
TEST(ReplayedValues, OfReportsThatWereBufferedAreQuiet) {
  Hearing h;
  Process process;
  std::vector<Process::Said> all;
  for (int i = 0; i < 900; i++) all.push_back(process.next()), reports(h, all.back(), 0);
  for (int i = 300; i < 500; i++) reports(h, all[size_t(i)], 0, 10 * minute + 20 * second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}

TEST(ReplayedValues, WhatIsNotLookedAtIsCounted) {
  Hearing h;
  Message m;
  m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3;
  for (uint64_t station = 1; station <= 1000; station++) {
    m.station = station;
    h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {[] { Point p{Object(ObjectKind::information_object, 1)}; p.set_real(1); return p; }()}, Side::server);
  }
  EXPECT_GE(h.judge.unwatched().stations, 1000u - 512u);
  Hearing wide;
  std::vector<Point> points;
  for (uint32_t i = 0; i < 100; i++) points.emplace_back(Point{Object(ObjectKind::information_object, i)}).set_real(1);
  m.station = 11;
  wide.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, points, Side::server);
  EXPECT_EQ(wide.judge.unwatched().points, 36u);
  EXPECT_EQ(wide.judge.unwatched().stations, 0u);
  for (uint32_t i = 0; i < 1000; i++) tells(wide, {i, 1});
  EXPECT_GE(wide.judge.unwatched().objects, 1000u - 256u);
}
TEST(ReplayedValues, ASettingSaysHowManyAreTooMany) {
  JudgeSettings s;
  s.detections["VAL-03"].numbers["run"] = 300;
  Hearing h(Hearing::Options{"", {}, s});
  Process process;
  std::vector<Process::Said> all;
  for (int i = 0; i < 900; i++) all.push_back(process.next()), tells(h, all.back());
  for (int i = 400; i < 600; i++) tells(h, all[size_t(i)]);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
}

TEST(Quantities, MistakesHaveTheirPlaceAndTheWayOut) {
  const auto wrong = [](std::string_view text) {
    Problems problems;
    const std::string all = std::string(hosts) + std::string(text);
    auto root = TomlTable::parse(all, "site.toml", problems);
    if (root) read_site(*root, problems), root->finish();
    return problems.empty() ? std::string() : problems.front();
  };
  constexpr std::string_view member = "[[quantity.member]]\nhost = \"rtu1\"\nprotocol = \"iec104\"\nobject = \"information object 1\"\n";
  const std::string two = std::string(member) + "[[quantity.member]]\nhost = \"pmu1\"\nprotocol = \"c37118\"\nobject = \"B/frequency\"\n";
  EXPECT_EQ(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + two), "");
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + std::string(member)).find("needs two members or more"), std::string::npos);
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\n" + two).find("tolerance"), std::string::npos);
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + two + "[[quantity.member]]\nhost = \"rtu7\"\nprotocol = \"mms\"\nobject = \"x\"\n").find("\"rtu7\" is no declared host"), std::string::npos);
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + two + "[[quantity.member]]\nhost = \"rtu1\"\nprotocol = \"mmms\"\nobject = \"x\"\n").find("\"mmms\" is no protocol"), std::string::npos);
  EXPECT_EQ(wrong("[[quantity]]\nname = \"Q0\"\nkind = \"position\"\n" + std::string(member) + "[[quantity.member]]\nhost = \"ied1\"\nprotocol = \"modbus\"\nobject = \"coil 5\"\n"), "");
  EXPECT_NE(wrong("[[quantity]]\nname = \"Q0\"\nkind = \"position\"\n" + std::string(member) + "[[quantity.member]]\nhost = \"ied1\"\nprotocol = \"modbus\"\nobject = \"holding register 5\"\n").find("says no position"), std::string::npos);
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + two + "[[quantity.member]]\nhost = \"rtu1\"\nprotocol = \"iec104\"\nobject = \"information object 1-5\"\n").find("one object"), std::string::npos);
}

}  // namespace
}  // namespace vidra
