// SPDX-License-Identifier: Apache-2.0
// Each row of PROFINET and EtherCAT: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

enum : uint16_t { dcp_set = 4, dcp_identify = 5, connect = 0x100, release = 0x101, cyclic = 0x200, changed = 0x201, breach = 0x202, summary = 0x203, alarm = 0x210 };

void reports(Hearing& h, uint16_t function, uint16_t sub = 0, std::string_view name = "", bool value = false, std::string_view protocol = "profinet") {
  std::vector<uint8_t> run;
  std::vector<Point> points;
  if (!name.empty()) points.push_back(named_point(name, run)), points.back().set(value);
  h.say(protocol, hmi, plc, message_of({"", protocol, function, sub}, Role::report), points, Side::server, Texts{run});
}

TEST(Profinet, WhatNotEverybodyMayDo) {
  for (const Asked& a : std::vector<Asked>{{"PN-01", "profinet", dcp_set, 0x0102}, {"PN-01", "profinet", dcp_set, 0x0202}, {"PN-02", "profinet", dcp_set, 0x0505}, {"PN-02", "profinet", dcp_set, 0x0506}}) only_declared(a);
  only_met({"PN-03", "profinet", dcp_identify, 1});
  Hearing h(plant_of("profinet"));
  for (const Asked& a : std::vector<Asked>{{"", "profinet", dcp_identify, 0}, {"", "profinet", dcp_set, 0x0503}, {"", "profinet", connect}}) h.say("profinet", hmi, plc, message_of(a));
  EXPECT_TRUE(h.findings.empty()) << "one device asked for, its lamp flashed\n" << h.told();
}

TEST(Profinet, TwoControllersOfOneDevice) {                      // "PN-04"
  const auto call = [](Hearing& h, std::string_view who, uint16_t function, bool refused = false) {
    Message m = message_of({"", "profinet", function}, Role::response);
    m.refused = refused;
    h.say("profinet", who, plc, m, {}, Side::server);
  };
  Hearing h;
  call(h, hmi, connect);
  call(h, ews, connect, true);
  call(h, hmi, release);
  call(h, ews, connect);
  EXPECT_EQ(h.times("PN-04"), 0u) << "refused; handed over\n" << h.told();
  h.wait(minute);
  call(h, laptop, connect);
  EXPECT_EQ(h.times("PN-04"), 0u) << "the first one has gone\n" << h.told();
  for (int i = 0; i < 30; i++) reports(h, summary), h.wait(second);
  call(h, laptop, release), call(h, hmi, connect), call(h, ews, release);
  for (int i = 0; i < 30; i++) reports(h, summary), h.wait(second);
  call(h, ews, connect);
  EXPECT_EQ(h.times("PN-04"), 1u) << h.told();
  Hearing shared(plant_of("profinet"));
  call(shared, hmi, connect), call(shared, ews, connect);
  EXPECT_EQ(shared.times("PN-04"), 0u) << "a shared device: both are declared\n" << shared.told();
}

TEST(Profinet, CyclicDataAndAlarms) {                            // "PN-05", "PN-06"
  Hearing h;
  reports(h, cyclic), reports(h, changed, 0, "running", true), reports(h, changed, 0, "valid", true), reports(h, alarm, 4);
  EXPECT_EQ(h.times("PN-05"), 0u) << h.told();
  reports(h, changed, 0, "running", false);
  EXPECT_EQ(h.times("PN-05"), 1u) << h.told();
  h.wait(second);
  reports(h, changed, 0, "valid", false);
  EXPECT_EQ(h.times("PN-05"), 2u) << h.told();
  h.wait(second);
  reports(h, alarm, 3);
  EXPECT_EQ(h.times("PN-05"), 3u) << h.told();
  for (int i = 0; i < 4; i++) reports(h, breach, 1), h.wait(second);
  EXPECT_EQ(h.times("PN-06"), 0u) << h.told();
  reports(h, breach, 1);
  EXPECT_EQ(h.times("PN-06"), 1u) << h.told();
}

TEST(EtherCat, WhatNotEverybodyMayDo) {                          // "ECT-03"
  only_declared({"ECT-01", "ethercat", 0x100, 3});
  only_usual({"ECT-01", "ethercat", 0x100, 1});
  only_declared({"ECT-02", "ethercat", 0x114, 2});
  Hearing h;
  for (int i = 0; i < 4; i++) reports(h, 0x201, 0, "", false, "ethercat"), h.wait(second);
  h.say("ethercat", hmi, plc, message_of({"", "ethercat", 0x114, 1}));
  EXPECT_TRUE(h.findings.empty()) << h.told();
  reports(h, 0x201, 0, "", false, "ethercat");
  EXPECT_EQ(h.times("ECT-03"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
