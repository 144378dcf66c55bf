// SPDX-License-Identifier: Apache-2.0
// Each row of the synchrophasor family: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

constexpr uint16_t summary = 256, changed = 257, breach = 258;

void stream(Hearing& h, unsigned pmu, double hertz, bool synchronised = true) {
  Message m = message_of({"", "c37118", summary}, Role::report);
  m.station = pmu;
  Point p;
  p.object = Object(ObjectKind::channel, 1u << 16, pmu);
  p.set_real(hertz);
  if (!synchronised) p.time_flags = time_unsynchronised;
  h.say("c37118", hmi, "10.1.1." + std::to_string(60 + pmu) + ":4712", m, {p}, Side::server);
}

TEST(Synchrophasor, WhatNotEverybodyMayDo) {
  for (const Asked& a : std::vector<Asked>{{"PMU-01", "c37118", 4, 1}, {"PMU-01", "c37118", 4, 2}, {"PMU-01", "c37118", 4, 5}}) only_met(a);
  only_usual({"PMU-01", "c37118", 4, 8});
}

TEST(Synchrophasor, WhatAStreamSaysOfItself) {                   // "PMU-02", "PMU-04"
  Hearing h;
  Message m = message_of({"", "c37118", changed}, Role::report);
  m.station = 7;
  m.reason = 7;
  h.say("c37118", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("PMU-02"), 0u) << "a status bit\n" << h.told();
  m.reason = 9;
  h.say("c37118", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("PMU-02"), 1u) << h.told();
  m = message_of({"", "c37118", breach}, Role::report);
  m.reason = 4;
  for (int i = 0; i < 4; i++) h.say("c37118", hmi, plc, m, {}, Side::server), h.wait(second);
  EXPECT_EQ(h.times("PMU-04"), 0u) << h.told();
  h.wait(2 * minute);
  for (int i = 0; i < 5; i++) h.say("c37118", hmi, plc, m, {}, Side::server), h.wait(second);
  EXPECT_EQ(h.times("PMU-04"), 1u) << h.told();
}

TEST(Synchrophasor, AClockIsLost) {                              // "PMU-03"
  Hearing h;
  for (int i = 0; i < 20; i++) stream(h, 1, 50, false), stream(h, 2, 50, true), h.wait(second);
  EXPECT_EQ(h.times("PMU-03"), 0u) << "one that never had a clock\n" << h.told();
  for (int i = 0; i < 2; i++) stream(h, 2, 50, false), h.wait(second);
  stream(h, 2, 50, true), h.wait(second);
  EXPECT_EQ(h.times("PMU-03"), 0u) << "a leap to another satellite\n" << h.told();
  for (int i = 0; i < 10; i++) stream(h, 2, 50, false), h.wait(second);
  EXPECT_EQ(h.times("PMU-03"), 1u) << h.told();
}

TEST(Synchrophasor, OneFrequencyInOneGrid) {                     // "PMU-05"
  Hearing h;
  for (int i = 0; i < 30; i++) {
    stream(h, 1, 50.01), stream(h, 2, 50.02), stream(h, 4, 60.0);
    if (i >= 10) stream(h, 3, i == 12 ? 51.0 : 49.98);
    h.wait(second);
  }
  EXPECT_EQ(h.times("PMU-05"), 0u) << "a second's outlier, a grid of 60 Hz\n" << h.told();
  for (int i = 0; i < 10; i++) stream(h, 1, 50.01), stream(h, 2, 50.02), stream(h, 3, 50.6), h.wait(second);
  ASSERT_EQ(h.times("PMU-05"), 1u) << h.told();
  EXPECT_EQ(text_of(h.last("PMU-05").source.address), "10.1.1.63");
}

TEST(Synchrophasor, BrokenFrames) {                              // "PMU-06"
  Hearing h;
  Message m = message_of({"", "c37118", 0}, Role::report);
  m.malformed = true;
  m.reason = 1;
  for (int i = 0; i < 4; i++) h.say("c37118", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("PMU-06"), 0u) << h.told();
  h.say("c37118", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("PMU-06"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
