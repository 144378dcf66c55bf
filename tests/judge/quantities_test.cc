// SPDX-License-Identifier: Apache-2.0
// One quantity that several devices tell, each in its own protocol: VAL-01, VAL-02.
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
void names_told(Hearing& h) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 12, m.role = Role::response, m.act = Act::browse;
  std::vector<Point> points;
  for (std::string_view name : {set, std::string_view("AA1J1Q01A1LD0/MMXU1$MX$TotVAr"), std::string_view("AA1J1Q01A1LD0/MMXU1$MX$TotW")}) points.push_back(Point{Hearing::named(name, run)});
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
TEST(Quantities, AMemberMayBeDeclaredByItsPlace) {
  Hearing h(with_object("AA1J1Q01A1LD0/LLN0$dsMeas[1]"));
  for (int i = 0; i < 20; i++) rtu(h, 40), report(h, 40.5), h.wait(second);
  EXPECT_EQ(h.of("VAL-"), 0u) << h.told();
  for (int i = 0; i < 20; i++) rtu(h, 40 + i % 2), report(h, 48 + i % 2), h.wait(second);
  EXPECT_EQ(h.times("VAL-01"), 1u) << h.told();
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
  EXPECT_EQ(h.stories(), h.of("NET-") ? h.stories() : 1u) << h.told();
}
TEST(ReplayedValues, WhatIsPolledRepeatsItselfOrIsToldLateIsQuiet) {
  {
    Hearing h;                                                          // the same values at each poll, and one that counts
    Process process;
    std::vector<Process::Said> all;
    for (int i = 0; i < 40; i++) all.push_back(process.next());
    for (int i = 0; i < 2000; i++) tells(h, {2000 + uint32_t(i % 5), all[size_t(i % 5)].value});
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
  EXPECT_NE(wrong("[[quantity]]\nname = \"f\"\ntolerance = 1\n" + two + "[[quantity.member]]\nhost = \"rtu1\"\nprotocol = \"iec104\"\nobject = \"information object 1-5\"\n").find("one object"), std::string::npos);
}

}  // namespace
}  // namespace vidra
