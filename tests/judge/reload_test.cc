// SPDX-License-Identifier: Apache-2.0
// A configuration read again while commands are under way.
#include <gtest/gtest.h>

#include "tests/judge/plant.h"

namespace vidra {
namespace {

JudgeSettings with(std::string_view id, std::string_view key, double value) {
  JudgeSettings s;
  s.detections[std::string(id)].numbers[std::string(key)] = value;
  return s;
}
Scripted open_breaker(Time at, uint32_t n) { return iec104_command(start + at, scada, rtu, C_DC, 6, 11, 5101 + n, 1); }

TEST(Reload, ThresholdsCountFromThenOn) {
  Plant p(Hearing::Options{plant_site, {}, with("I104-05", "objects", 6)});
  for (uint32_t i = 0; i < 4; i++) p(open_breaker(Time(i) * 400 * millisecond, i));
  EXPECT_EQ(p.times("I104-05"), 0u) << p.told();
  p.heard.judge.adopt(Hearing::site_of(plant_site), with("I104-05", "objects", 5));
  p(open_breaker(1600 * millisecond, 4));            // the fifth: what was counted before still counts
  EXPECT_EQ(p.times("I104-05"), 1u) << p.told();
}
TEST(Reload, DefaultsComeBack) {
  Plant p(Hearing::Options{plant_site, {}, with("I104-05", "objects", 6)});
  p.heard.judge.adopt(Hearing::site_of(plant_site), {});
  for (uint32_t i = 0; i < 4; i++) p(open_breaker(Time(i) * 400 * millisecond, i));
  EXPECT_EQ(p.times("I104-05"), 1u) << p.told();
}
TEST(Reload, AnotherSiteInTheMidstOfCommands) {
  Plant p;
  p(iec104_report(start, scada, rtu, M_DP_TB, 20, 11, 1101, 2));
  p(iec104_command(start + second, scada, rtu, C_DC, 6, 11, 5101, 1, true))(iec104_answer(start + 1100 * millisecond, scada, rtu, C_DC, 7, 11, 5101, 1, true));
  // Read again many times, each site a new one: nothing may point into the ones that are gone (the sanitizers watch).
  for (int i = 0; i < 20; i++) {
    p.heard.judge.adopt(Hearing::site_of(i % 2 ? plant_site : std::string_view{}), {});
    p(iec104_command(start + (2 + i) * second, scada, rtu, C_DC, 6, 11, 5102, i % 2, false))(iec104_report(start + (2 + i) * second + 1, scada, rtu, M_DP_TB, 3, 11, 1102, i % 2));
  }
  p.heard.judge.adopt(Hearing::site_of(plant_site), {});
  p(iec104_command(start + 30 * second, scada, rtu, C_SE_NC, 6, 11, 6001, 400));
  p.until(2 * minute);
  EXPECT_EQ(p.times("I104-15"), 1u) << p.told();     // the limits of the site read last
  EXPECT_EQ(p.last("I104-15").target.name, "rtu1");
}
TEST(Reload, OffAndSeverity) {
  Plant p;
  JudgeSettings s;
  s.detections["I104-15"].off = true;
  p.heard.judge.adopt(Hearing::site_of(plant_site), s);
  p(iec104_command(start, scada, rtu, C_SE_NC, 6, 11, 6001, 400));
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
  s.detections["I104-15"] = {.severity = 2};
  p.heard.judge.adopt(Hearing::site_of(plant_site), s);
  p(iec104_command(start + second, scada, rtu, C_SE_NC, 6, 11, 6001, 500));
  EXPECT_EQ(p.last("I104-15").severity, 2) << p.told();
}

}  // namespace
}  // namespace vidra
