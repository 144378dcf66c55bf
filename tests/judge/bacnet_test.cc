// SPDX-License-Identifier: Apache-2.0
// Each row of the BACnet family: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

// Analog value 1, present value, at a priority (0: none was given).
Point value(double v, uint32_t priority, uint32_t property = 85, uint32_t type = 2) {
  Point p;
  p.object = Object(ObjectKind::bacnet_object, type << 22 | 1, property);
  p.set_real(v);
  p.qualifier = priority;
  return p;
}

TEST(Bacnet, WhatNotEverybodyMayDo) {
  for (const Asked& a : std::vector<Asked>{{"BAC-01", "bacnet", 20, 0}, {"BAC-01", "bacnet", 20, 1}, {"BAC-02", "bacnet", 17, 1}, {"BAC-02", "bacnet", 17, 2}, {"BAC-04", "bacnet", 0x301}, {"BAC-04", "bacnet", 0x308},
                                           {"BAC-05", "bacnet", 20, 4}, {"BAC-05", "bacnet", 15, 0, {value(1, 0, 90, 16)}}})
    only_declared(a);
  for (const Asked& a : std::vector<Asked>{{"BAC-03", "bacnet", 15, 0, {value(99, 8)}}, {"BAC-03", "bacnet", 16, 0, {value(99, 1)}}, {"BAC-05", "bacnet", 7}, {"BAC-06", "bacnet", 15, 0, {value(21, 16)}}, {"BAC-06", "bacnet", 15, 0, {value(21, 0)}}})
    only_usual(a);
  for (const Asked& a : std::vector<Asked>{{"BAC-04", "bacnet", 0x302}, {"BAC-04", "bacnet", 0x305}, {"BAC-04", "bacnet", 0x306}}) only_met(a);
}

TEST(Bacnet, OrdinaryLife) {
  Hearing h(plant_of("bacnet"));
  for (const Asked& a : std::vector<Asked>{{"", "bacnet", 0x108}, {"", "bacnet", 12, 0, {value(0, 0)}}, {"", "bacnet", 14}, {"", "bacnet", 5}, {"", "bacnet", 17, 0}}) h.say("bacnet", hmi, plc, message_of(a), a.points);
  EXPECT_EQ(h.times("BAC-02"), 0u) << "enabling again undoes it\n" << h.told();
  EXPECT_TRUE(h.findings.empty()) << h.told();
}

TEST(Bacnet, AHighPriorityIsNotALowOne) {
  for (uint32_t priority : {8u, 9u}) {
    Hearing h(plant_of("bacnet"));
    h.say("bacnet", laptop, plc, message_of({"", "bacnet", 15}), {value(99, priority)});
    EXPECT_EQ(h.times("BAC-03"), priority == 8 ? 1u : 0u) << h.told();
    EXPECT_EQ(h.times("BAC-06"), priority == 8 ? 0u : 1u) << h.told();
  }
}

}  // namespace
}  // namespace vidra
