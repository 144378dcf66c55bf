// SPDX-License-Identifier: Apache-2.0
// One quantity that several devices tell, each in its own protocol: VAL-01, VAL-02.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

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
