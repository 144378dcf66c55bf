// SPDX-License-Identifier: Apache-2.0
// Each row of the EtherNet/IP family: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

Point attribute(uint32_t of, uint32_t instance, uint32_t n) { return Point{Object(ObjectKind::attribute, instance << 8 | n, of)}; }

TEST(EtherNetIp, WhatNotEverybodyMayDo) {
  for (const Asked& a : std::vector<Asked>{{"CIP-01", "enip", 7, 0x8E}, {"CIP-01", "enip", 6, 0x8E}, {"CIP-01", "enip", 0x4B, 0xFF80}, {"CIP-02", "enip", 8, 0xAC}, {"CIP-02", "enip", 0x4B, 0xFF50},
                                           {"CIP-03", "enip", 0x4D, 0x68}, {"CIP-03", "enip", 0x4E, 0x69}, {"CIP-05", "enip", 5, 1}, {"CIP-08", "enip", 0x10, 0xF5}, {"CIP-08", "enip", 4, 0xF6},
                                           {"CIP-10", "enip", 0x4D, 0xA1}, {"CIP-04", "enip", 0x51, 0x6A}})
    only_declared(a);
  for (const Asked& a : std::vector<Asked>{{"CIP-04", "enip", 0x10, 4, {attribute(4, 100, 3)}}, {"CIP-04", "enip", 0x4D, 0x6B}, {"CIP-04", "enip", 0x4B, 0xFFAA}, {"CIP-06", "enip", 0x5C, 0x8E}, {"CIP-06", "enip", 0x4B, 0x74}})
    only_usual(a);
  for (const Asked& a : std::vector<Asked>{{"CIP-07", "enip", 0x163, 0}, {"CIP-07", "enip", 1, 1}}) only_met(a);
}

TEST(EtherNetIp, OrdinaryLife) {
  Hearing h(plant_of("enip"));
  for (const Asked& a : std::vector<Asked>{{"", "enip", 0x165}, {"", "enip", 0x54, 6}, {"", "enip", 0x0E, 4}, {"", "enip", 0x4C, 0x6B}, {"", "enip", 5, 0x72}, {"", "enip", 0x4E, 6}}) h.say("enip", hmi, plc, message_of(a), a.points);
  EXPECT_TRUE(h.findings.empty()) << h.told();
}

TEST(EtherNetIp, OneServiceAfterTheOtherIsRefused) {             // "CIP-09"
  Hearing h;
  Message m = message_of({"", "enip", 0x0E, 0x300}, Role::response);
  m.refused = true;
  m.reason = 8;
  for (int i = 0; i < 500; i++) h.say("enip", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("CIP-09"), 0u) << "one attribute that the device does not have, polled for ever\n" << h.told();
  for (uint16_t i = 1; i < 8; i++) m.sub_function = uint16_t(0x300 + i), h.say("enip", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("CIP-09"), 0u) << h.told();
  for (uint16_t i = 8; i < 20; i++) m.sub_function = uint16_t(0x300 + i), h.say("enip", hmi, plc, m, {}, Side::server);
  EXPECT_GE(h.times("CIP-09"), 1u) << h.told();
}

TEST(EtherNetIp, BrokenMessages) {                               // "CIP-09"
  Hearing h;
  Message m = message_of({"", "enip", 0x0E, 1});
  m.malformed = true;
  for (int i = 0; i < 11; i++) h.say("enip", hmi, plc, m);
  EXPECT_EQ(h.times("CIP-09"), 0u) << h.told();
  h.say("enip", hmi, plc, m);
  EXPECT_EQ(h.times("CIP-09"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
