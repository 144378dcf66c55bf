// SPDX-License-Identifier: Apache-2.0
// The clocks that are heard, held against each other: TIM-09, TIM-10, the matrix, and what it says of an alert's time.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <sstream>

#include "daemon/judge/memory_file.h"
#include "tests/judge/hearing.h"

namespace vidra {
namespace {

// How far each clock of a small site is from the capture's, and what they say of themselves.
struct Off {
  Time server1 = 0, server2 = 0, pmu = -40 * millisecond, rtu = -200 * millisecond;
  bool rtu_invalid = false, server2_adrift = false, rtu_speaks = true;
};

void ntp(Hearing& h, std::string_view server, Time off, bool adrift) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 4, m.role = Role::response, m.act = Act::time;
  m.qualifier = 4 << 2 | (adrift ? 3 : 0);
  Point p;
  p.object = Hearing::named("transmit", run);
  p.set_time(h.now + off);
  h.say("ntp", "10.1.1.41:4000", server, m, {p}, Side::server, Texts{run});
}
Point measured(Time said, uint8_t flags) {
  Point p{Object(ObjectKind::information_object, 2001)};
  p.set_real(1);
  p.time = said, p.time_kind = TimeKind::full, p.time_flags = flags;
  return p;
}
void rtu(Hearing& h, Time off, uint8_t flags = 0) {
  Message m;
  m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = 11;
  h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {measured(h.now + off, flags)}, Side::server);
}
void pmu(Hearing& h, Time off) {
  Message m;
  m.function = 256, m.role = Role::report, m.act = Act::report, m.station = 7;
  Point p{Object(ObjectKind::channel, 1 << 16, 7)};
  p.set_real(50);
  p.time = h.now + off, p.time_kind = TimeKind::full;
  h.say("c37118", "10.9.1.13:40000", "10.1.1.80:4712", m, {p}, Side::server);
}
// Time passes, a second at a time; what each clock is off may depend on how much has passed.
void pass(Hearing& h, Time t, const std::function<Off(Time)>& off) {
  for (Time at = 0; at < t; at += second) {
    const Off o = off(at);
    if (at % (4 * second) == 0) ntp(h, "10.1.1.5:123", o.server1, false), ntp(h, "10.1.1.6:123", o.server2, o.server2_adrift);
    pmu(h, o.pmu);
    if (o.rtu_speaks) rtu(h, o.rtu, uint8_t(o.rtu_invalid ? time_invalid : 0));
    h.wait(second);
  }
}
void pass(Hearing& h, Time t, Off o = {}) {
  pass(h, t, [&](Time) { return o; });
}

TEST(Clocks, ThatAgreeAreAMatrix) {
  Hearing h;
  pass(h, 5 * minute, {.rtu = 2 * hour - 200 * millisecond});          // local time
  EXPECT_EQ(h.of("TIM-"), 0u) << h.told();
  const auto lines = clock_lines(h.judge.clocks(), h.judge.site(), h.judge.memory());
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].kind, "IEC 104 CP56");
  EXPECT_EQ(lines[0].zone, 2 * hour);
  EXPECT_EQ(lines[0].offset, -200 * millisecond);
  EXPECT_EQ(lines[1].kind, "C37.118");
  EXPECT_EQ(h.judge.clocks().agreement().voters, 4u);
  EXPECT_EQ(h.judge.clocks().agreement().by, ClockKind::ntp);
  const std::string text = clock_text(lines, h.judge.clocks().agreement(), h.now);
  EXPECT_NE(text.find("+2:00 h"), text.npos) << text;
}

TEST(Clocks, OneThatStepsIsTold) {                                     // "TIM-09"
  Hearing h;
  pass(h, 5 * minute);
  pass(h, 3 * minute, {.rtu = -40 * second});
  ASSERT_EQ(h.times("TIM-09"), 1u) << h.told();
  const Finding& f = h.last("TIM-09");
  EXPECT_EQ(f.severity, 4);
  EXPECT_EQ(f.source.address, *parse_address("10.1.1.20"));
  EXPECT_NE(f.what.find("stepped"), std::string::npos) << f.what;
  EXPECT_EQ(f.clock, "NTP");
}
TEST(Clocks, OneThatDriftsIsTold) {
  Hearing h;
  pass(h, 5 * minute);
  pass(h, 20 * minute, [](Time t) { return Off{.server2 = t / 400}; });   // 2.5 ms a second
  ASSERT_EQ(h.times("TIM-09"), 1u) << h.told();
  EXPECT_NE(h.last("TIM-09").what.find("drifted"), std::string::npos) << h.last("TIM-09").what;
  EXPECT_EQ(h.times("TIM-10"), 0u) << h.told();
}
TEST(Clocks, OneThatWasNeverRightIsANotice) {
  Hearing h;
  pass(h, 5 * minute, {.rtu = -5 * minute});
  ASSERT_EQ(h.times("TIM-13"), 1u) << h.told();                         // "TIM-13"
  EXPECT_EQ(h.times("TIM-09"), 0u) << h.told();
  EXPECT_EQ(h.last("TIM-13").detection->audience, Audience::operations);
}

// Whoever moves a clock and waits for the sensor's next start is told of all the same.
TEST(Clocks, OneThatMemoryHeardRightIsNoNotice) {
  JudgeSettings s;
  s.mode = JudgeSettings::Mode::learn;
  Hearing learns(Hearing::Options{"", {}, s});
  pass(learns, 5 * minute);
  std::ostringstream file;
  write_memory(learns.judge.memory(), file);
  EXPECT_NE(file.str().find("clocks = [\"iec104 11\"]"), std::string::npos) << file.str();
  const auto remembered = [&](std::string text) {
    Problems problems;
    Memory m = read_memory(text, "memory.toml", problems);
    EXPECT_TRUE(problems.empty()) << problems.front();
    return m;
  };
  Hearing later(Hearing::Options{"", remembered(file.str())});
  pass(later, 5 * minute, {.rtu = -5 * minute});
  EXPECT_EQ(later.times("TIM-13"), 0u) << later.told();
  ASSERT_EQ(later.times("TIM-09"), 1u) << later.told();
  EXPECT_NE(later.last("TIM-09").what.find("it was right when Memory learned"), std::string::npos) << later.told();
  std::string never = file.str();
  for (size_t at; (at = never.find("clocks = ")) != never.npos;) never.erase(at, never.find('\n', at) - at + 1);
  Hearing other(Hearing::Options{"", remembered(never)});
  pass(other, 5 * minute, {.rtu = -5 * minute});
  EXPECT_EQ(other.times("TIM-13"), 1u) << other.told();
  Problems problems;
  read_memory("version = 2\n[[host]]\naddress = \"10.1.1.20\"\nclocks = [\"iec105 11\"]\n", "memory.toml", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("is no clock; it is written like \"iec104 11\""), std::string::npos) << problems[0];
}

TEST(Clocks, WhatIsOrdinaryIsNotTold) {
  Hearing h;
  pass(h, 3 * minute, {.rtu = 2 * hour});
  pass(h, 3 * minute, {.rtu = 1 * hour});                               // summer time ends
  pass(h, 3 * minute, {.rtu = -hour / 3, .rtu_invalid = true});         // its clock was not set yet, and it says so
  pass(h, 3 * minute, {.server2 = minute, .server2_adrift = true});     // likewise
  pass(h, 3 * minute);
  pass(h, 10 * second, {.rtu = -7 * minute});                           // events that a buffer held
  pass(h, 3 * minute);
  pass(h, 3 * second, {.rtu = -7 * minute});                            // and then it is silent
  pass(h, 5 * minute, {.rtu_speaks = false});
  EXPECT_EQ(h.times("TIM-12"), 1u) << h.told();                         // the RTU said for three minutes that it was not set, and had been
  EXPECT_EQ(h.of("TIM-"), 1u) << h.told();
}
TEST(Clocks, TwoProveNothing) {
  Hearing h;
  for (int i = 0; i < 300; i++) rtu(h, -minute), h.wait(second);
  EXPECT_EQ(h.of("TIM-"), 0u) << h.told();
}
TEST(Clocks, WhenAllStepItIsTheSensor) {                               // "TIM-10"
  Hearing h;
  pass(h, 5 * minute);
  pass(h, 5 * minute, {.server1 = -5 * second, .server2 = -5 * second, .pmu = -5 * second, .rtu = -5 * second});
  EXPECT_EQ(h.times("TIM-09"), 0u) << h.told();
  ASSERT_EQ(h.times("TIM-10"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-10").detection->audience, Audience::sensor);
  EXPECT_NE(h.last("TIM-10").what.find("5.0 s ahead of"), std::string::npos) << h.last("TIM-10").what;
  EXPECT_GE(h.last("TIM-10").clock_error, 4 * second);
}
// A relay says the same clock in each of its control blocks: that is one voice, and one story when it is off.
void goose(Hearing& h, unsigned block, Time off, bool lost = false) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 256, m.role = Role::report, m.act = Act::report, m.station = 0x1000 + block;
  Point p;
  p.object = Hearing::named("t", run);
  p.set_time(h.now + off);
  p.time = h.now + off, p.time_kind = TimeKind::full, p.time_flags = lost ? time_unsynchronised : 0;
  Scene s;
  s.client_mac = *parse_mac("00:21:c1:30:10:41"), s.server_mac = *parse_mac("01:0c:cd:01:00:01");
  s.client.address = Address::of(s.client_mac), s.server.address = Address::of(s.server_mac);
  s.flow = 0x900 + block;
  h.event("goose", s, m, {p}, Texts{run});
}
TEST(Clocks, ADeviceHasOneVoiceHoweverMuchItSays) {
  Hearing h;
  const auto pass_with = [&](Time t, Time off) {
    for (Time at = 0; at < t; at += second) {
      for (unsigned block = 0; block < 12; block++) goose(h, block, off);
      pass(h, second);
    }
  };
  pass_with(5 * minute, 0);
  EXPECT_EQ(h.judge.clocks().agreement().voters, 5u);
  pass_with(5 * minute, 40 * second);
  EXPECT_EQ(h.times("TIM-10"), 0u) << h.told();
  ASSERT_EQ(h.times("TIM-09"), 12u) << h.told();
  for (const Finding& f : h.findings) {
    EXPECT_EQ(f.source.address, *parse_address("00:21:c1:30:10:41")) << f.what;
    EXPECT_EQ(f.cause, h.last("TIM-09").cause) << "one story";
  }
}
TEST(Clocks, OneThatLosesItsReferenceIsTold) {                         // "TIM-12"
  Hearing h;
  pass(h, 5 * minute);
  pass(h, 30 * second, {.rtu_invalid = true});                          // for a moment, as on a new start
  pass(h, 5 * minute);
  EXPECT_EQ(h.times("TIM-12"), 0u) << h.told();
  pass(h, 5 * minute, {.rtu_invalid = true});
  ASSERT_EQ(h.times("TIM-12"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-12").detection->audience, Audience::operations);
  EXPECT_NE(h.last("TIM-12").what.find("10.1.1.20 (IEC 104 CP56) says since"), std::string::npos) << h.told();
  pass(h, 5 * minute), pass(h, 5 * minute, {.rtu_invalid = true});      // again: the same story
  EXPECT_EQ(h.times("TIM-12"), 2u) << h.told();
  Hearing blocks;                                                       // two control blocks of one device, whose frames do not come together
  const auto say = [&](int seconds, bool lost) {
    for (int i = 0; i < seconds; i++) {
      goose(blocks, i % 7 < 3, 0, lost), pass(blocks, second);
    }
  };
  say(300, false), say(300, true);
  EXPECT_EQ(blocks.times("TIM-12"), 1u) << blocks.told();
  say(300, false), say(300, true);
  EXPECT_EQ(blocks.times("TIM-12"), 2u) << blocks.told();
  Hearing never;
  pass(never, 5 * minute, {.rtu_invalid = true});                       // one that never was
  EXPECT_EQ(never.times("TIM-12"), 0u) << never.told();
}
TEST(Clocks, TimesBeyondAllReasonAreOnlyFarOff) {
  Hearing h;
  pass(h, 5 * minute);
  for (const Time said : {std::numeric_limits<Time>::max(), Time(0), Time(-1), std::numeric_limits<Time>::min()})
    for (int i = 0; i < 60; i++) {
      Message m;
      m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = 11;
      Point p = measured(said, 0);
      h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {p}, Side::server);
      h.wait(second);
    }
  h.judge.clocks().each([&](const HeardClock& c) {
    EXPECT_LE(std::abs(c.offset()), HeardClock::farthest);
    EXPECT_LE(c.spread(), 2 * HeardClock::farthest);
  });
  EXPECT_LE(std::abs(h.judge.clocks().agreement().offset), second);
  EXPECT_EQ(h.times("TIM-10"), 0u) << h.told();
}
void stepped(Hearing& h, uint32_t seconds, bool ahead) {
  Message m;
  m.function = uint16_t(SensorFact::clock_stepped), m.act = Act::diagnose, m.role = Role::report, m.tag = seconds;
  std::vector<Point> points{Point{Object(ObjectKind::capture, 0)}};
  points.emplace_back().set_natural(ahead);
  h.event("sensor", {}, m, points);
}
TEST(Clocks, TheSensorsOwnThatIsSetIsTold) {                           // "TIM-11"
  Hearing h;
  pass(h, minute);
  EXPECT_EQ(h.times("TIM-11"), 0u) << h.told();
  stepped(h, 3600, false);
  stepped(h, 7, true);
  ASSERT_EQ(h.times("TIM-11"), 2u) << h.told();
  EXPECT_EQ(h.stories(), 1u);
  EXPECT_EQ(h.last("TIM-11").detection->audience, Audience::sensor);
  EXPECT_NE(h.told().find("was set back by 1 h"), std::string::npos) << h.told();
  EXPECT_EQ(h.last("TIM-11").what, "The sensor's clock was set ahead by 7.0 s.");
}
TEST(Clocks, AWordOfTheSensorThatIsNoStepIsNone) {
  Hearing h;
  h.sensor(SensorFact::heard_again, 3600);
  h.sensor(SensorFact::both_ways, 1);
  EXPECT_EQ(h.times("TIM-11"), 0u) << h.told();
}
TEST(Clocks, TheTableIsBounded) {
  Hearing h;
  for (unsigned i = 0; i < 4000; i++) {
    Message m;
    m.function = 36, m.role = Role::report, m.act = Act::report, m.reason = 3, m.station = i;
    h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", m, {measured(h.now, 0)}, Side::server);
  }
  size_t n = 0;
  h.judge.clocks().each([&](const HeardClock&) { n++; });
  EXPECT_LE(n, Clocks::limit);
  EXPECT_GE(h.judge.clocks().forgotten(), 4000 - Clocks::limit);
}

}  // namespace
}  // namespace vidra
