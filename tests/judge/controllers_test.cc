// SPDX-License-Identifier: Apache-2.0
// Each row of CODESYS, FINS, HART-IP, MELSEC, GE-SRTP and TriStation: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

Point area(uint32_t n) {
  Point p;
  p.object = Object(ObjectKind::memory_area, n, 0xB0);
  p.set_natural(1);
  return p;
}

TEST(Controllers, WhatNotEverybodyMayDo) {
  for (const Asked& a : std::vector<Asked>{
           {"CDS-01", "codesys", 0x0205}, {"CDS-01", "codesys", 0x0206}, {"CDS-02", "codesys", 0x0211}, {"CDS-02", "codesys", 0x0104}, {"FIN-01", "fins", 0x0401}, {"FIN-01", "fins", 0x0402},
           {"FIN-02", "fins", 0x0307}, {"FIN-02", "fins", 0x0308}, {"FIN-02", "fins", 0x2301}, {"HRT-01", "hartip", 79}, {"HRT-01", "hartip", 42}, {"SLP-01", "slmp", 0x1002},
           {"SLP-01", "slmp", 0x1006}, {"SLP-01", "slmp", 0x0014}, {"SLP-03", "slmp", 0x1829}, {"SRT-01", "srtp", 0x23}, {"SRT-01", "srtp", 0x40},
           {"TRI-02", "tristation", 1}, {"TRI-02", "tristation", 21}, {"TRI-02", "tristation", 55}})
    only_declared(a);
  for (const Asked& a : std::vector<Asked>{{"CDS-05", "codesys", 0x0906}, {"CDS-05", "codesys", 0x080E}, {"FIN-02", "fins", 0x2205}, {"FIN-04", "fins", 0x0102, 0, {area(7)}}, {"HRT-01", "hartip", 35}, {"HRT-01", "hartip", 45},
                                           {"SLP-02", "slmp", 0x1401, 0, {area(7)}}, {"SRT-02", "srtp", 0x07, 0, {area(7)}}})
    only_usual(a);
  for (const Asked& a : std::vector<Asked>{{"CDS-03", "codesys", 0x0102}, {"CDS-03", "codesys", 0xF002}, {"FIN-03", "fins", 0x0501}, {"TRI-01", "tristation", 19}}) only_met(a);
}

TEST(Controllers, OrdinaryLife) {
  for (const Asked& a : std::vector<Asked>{{"", "codesys", 0x0903}, {"", "fins", 0x0101, 0, {area(7)}}, {"", "hartip", 3}, {"", "slmp", 0x0401, 0, {area(7)}}, {"", "srtp", 0x04, 0, {area(7)}}, {"", "tristation", 29}}) {
    Hearing h(plant_of(a.protocol));
    for (int i = 0; i < 100; i++) h.say(a.protocol, hmi, plc, message_of(a), a.points);
    EXPECT_TRUE(h.findings.empty()) << h.told();
  }
}

TEST(Controllers, GuessingOfACodesysPassword) {                  // "CDS-04"
  Hearing h;
  Message m = message_of({"", "codesys", 0x0102}, Role::response);
  for (int i = 0; i < 9; i++) h.say("codesys", hmi, plc, m, {}, Side::server);
  m.refused = true;
  for (int i = 0; i < 2; i++) h.say("codesys", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("CDS-04"), 0u) << h.told();
  h.say("codesys", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("CDS-04"), 1u) << h.told();
}

TEST(Controllers, AStormOfSessions) {                            // "HRT-02"
  Hearing h;
  for (int i = 0; i < 19; i++) h.say("hartip", hmi, plc, message_of({"", "hartip", 0xFF00}));
  EXPECT_EQ(h.times("HRT-02"), 0u) << h.told();
  h.wait(minute);
  for (int i = 0; i < 20; i++) h.say("hartip", hmi, plc, message_of({"", "hartip", 0xFF00}));
  EXPECT_EQ(h.times("HRT-02"), 1u) << h.told();
}

TEST(Controllers, ABackdoorInASafetyController) {                // "TRI-03"
  Hearing h;
  h.say("tristation", hmi, plc, message_of({"", "tristation", 29}));
  EXPECT_EQ(h.times("TRI-03"), 0u) << h.told();
  Point p;
  p.set_octets(18);
  h.say("tristation", hmi, plc, message_of({"", "tristation", 29}), {p});
  EXPECT_EQ(h.times("TRI-03"), 1u) << h.told();
}

TEST(Controllers, TheKeyOfASafetyController) {                   // "TRI-04"
  Hearing h;
  for (std::string_view position : {"run", "program"}) {
    std::vector<uint8_t> run;
    const std::vector<Point> points = {named_point("state", run, "running"), named_point("key", run, position)};
    h.say("tristation", hmi, plc, message_of({"", "tristation", 108}, Role::response), points, Side::server, Texts{run});
    EXPECT_EQ(h.times("TRI-04"), position == "run" ? 0u : 1u) << h.told();
  }
}

}  // namespace
}  // namespace vidra
