// SPDX-License-Identifier: Apache-2.0
// The deeds of IEC 104, Modbus and DNP3, and links that fall silent.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

namespace vidra {
namespace {

constexpr std::string_view master = "10.9.1.10:40000", laptop = "10.1.1.199:40000", rtu = "10.1.1.20:2404";

// A memory in which the master reads by each of the three, and commands one object.
Memory usual() {
  Memory m;
  for (const char* p : {"iec104", "modbus", "dnp3"}) {
    ConversationMemory& c = m.add_conversation(*parse_address("10.9.1.10"), *parse_address("10.1.1.20"), uint16_t(protocol_index(p)), 2404);
    c.acts = acts({Act::read, Act::operate});
    for (uint16_t f : {1, 3, 45, 100}) c.functions.push_back({f, 0, Role::request, 9});
    c.stations.push_back({});
    c.stations[0].station = 1;
    c.stations[0].written.add(Object(ObjectKind::information_object, 5001));
  }
  m.settle();
  return m;
}

struct Case {
  std::string_view id, protocol;
  uint16_t function, sub;
  Role role = Role::request;
  uint16_t reason = 0;
  uint32_t qualifier = 0;
  unsigned times = 1;                 // until it is told
  bool strangers = true;              // is it told of strangers by this detection
  bool refused = false, malformed = false, test = false, broadcast = false, link = false;
};
const Case cases[] = {
    {.id = "I104-23", .protocol = "iec104", .function = 1, .sub = 0, .role = Role::report, .test = true},
    {.id = "I104-26", .protocol = "iec104", .function = 46, .sub = 0, .broadcast = true},
    {.id = "I104-28", .protocol = "iec104", .function = 101, .sub = 2, .qualifier = 0x85, .strangers = false},
    {.id = "I104-29", .protocol = "iec104", .function = 110, .sub = 0},
    {.id = "I104-30", .protocol = "iec104", .function = 120, .sub = 0},
    {.id = "I104-35", .protocol = "iec104", .function = 100, .sub = 0, .times = 3, .malformed = true},
    {.id = "I104-41", .protocol = "iec104", .function = 7, .sub = 0, .times = 20, .link = true},
    {.id = "I104-47", .protocol = "iec104", .function = 46, .sub = 0, .strangers = false},
    {.id = "I104-51", .protocol = "iec104", .function = 87, .sub = 0, .times = 3},
    {.id = "DNP-09", .protocol = "dnp3", .function = 129, .sub = 0, .role = Role::response, .reason = 0x107, .strangers = false, .refused = true},
    {.id = "DNP-14", .protocol = "dnp3", .function = 31, .sub = 0},
    {.id = "DNP-16", .protocol = "dnp3", .function = 22, .sub = 0, .strangers = false},
    {.id = "DNP-17", .protocol = "dnp3", .function = 9, .sub = 0, .strangers = false},
    {.id = "DNP-20", .protocol = "dnp3", .function = 129, .sub = 0, .role = Role::response, .qualifier = 0x40},
    {.id = "DNP-20", .protocol = "dnp3", .function = 130, .sub = 0, .role = Role::report, .qualifier = 0x2000},
    {.id = "DNP-24", .protocol = "dnp3", .function = 129, .sub = 0, .role = Role::response, .reason = 1, .times = 5, .refused = true},
    {.id = "DNP-26", .protocol = "dnp3", .function = 1, .sub = 0, .reason = 0x406, .times = 3},
    {.id = "DNP-28", .protocol = "dnp3", .function = 70, .sub = 0, .reason = 0x407, .times = 3, .malformed = true},
    {.id = "DNP-30", .protocol = "dnp3", .function = 1, .sub = 0, .reason = 0x404, .times = 3, .malformed = true},
    {.id = "DNP-31", .protocol = "dnp3", .function = 1, .sub = 0, .reason = 0x409, .times = 3, .malformed = true},
    {.id = "DNP-32", .protocol = "dnp3", .function = 1, .sub = 0, .reason = 0x405, .times = 3},
    {.id = "DNP-34", .protocol = "dnp3", .function = 131, .sub = 0, .role = Role::response, .reason = 0x301, .times = 3},
    {.id = "MOD-09", .protocol = "modbus", .function = 8, .sub = 10, .strangers = false},
    {.id = "MOD-10", .protocol = "modbus", .function = 43, .sub = 14, .strangers = false},
    {.id = "MOD-21", .protocol = "modbus", .function = 20, .sub = 0, .strangers = false},
};

Message message(const Case& c) {
  Message m;
  m.function = c.function, m.sub_function = c.sub, m.role = c.role, m.reason = c.reason, m.qualifier = c.qualifier, m.station = 1;
  m.refused = c.refused, m.malformed = c.malformed, m.test = c.test, m.broadcast = c.broadcast, m.link = c.link;
  for (const Function& f : protocols[size_t(protocol_index(c.protocol))]->functions)
    if (f.number == c.function && (f.sub == c.sub || f.sub == 0xffff)) {
      m.act = f.act;
      break;
    }
  if (c.link) m.act = Act::session;
  return m;
}
void say(Hearing& h, const Case& c, std::string_view who, unsigned times) {
  Point p;
  p.object = Object(ObjectKind::information_object, 5101);
  for (unsigned i = 0; i < times; i++) {
    h.say(c.protocol, who, rtu, message(c), c.malformed ? std::vector<Point>{} : std::vector<Point>{p}, c.role == Role::request ? Side::client : Side::server);
    h.wait(100 * millisecond);
  }
}

TEST(MoreDeeds, AreToldWhenTheyAreEnough) {
  for (const Case& c : cases) {
    Hearing h({.memory = usual()});
    say(h, c, master, c.times - 1);
    EXPECT_EQ(h.times(c.id), 0u) << c.id << " too few\n" << h.told();
    say(h, c, master, 1);
    EXPECT_EQ(h.times(c.id), 1u) << c.id << "\n" << h.told();
    Hearing s({.memory = usual()});
    say(s, c, laptop, c.times);
    EXPECT_EQ(s.times(c.id), c.strangers ? 1u : 0u) << c.id << " by a stranger\n" << s.told();
  }
}

TEST(MoreDeeds, WhatAMasterAlwaysDoesIsNotTold) {
  Hearing h({.memory = usual()});
  Message m = message({.id = "", .protocol = "iec104", .function = 45, .sub = 0});
  Point p;
  p.object = Object(ObjectKind::information_object, 5001);
  p.set(true);
  h.say("iec104", master, rtu, m, {p});
  EXPECT_EQ(h.times("I104-47"), 0u) << h.told();
  say(h, {.id = "", .protocol = "iec104", .function = 100, .sub = 0}, master, 3);
  say(h, {.id = "", .protocol = "iec104", .function = 101, .sub = 0, .qualifier = 5}, master, 3);
  EXPECT_EQ(h.times("I104-28"), 0u) << h.told();
  say(h, {.id = "", .protocol = "dnp3", .function = 129, .sub = 0, .role = Role::response, .qualifier = 0x80}, master, 3);
  EXPECT_EQ(h.times("DNP-20"), 0u) << h.told();
}

TEST(MoreDeeds, AStateThatGoesOnIsToldOnceADay) {
  Hearing h;
  for (int i = 0; i < 30; i++) say(h, {.id = "", .protocol = "dnp3", .function = 129, .sub = 0, .role = Role::response, .qualifier = 0x40}, master, 1), h.wait(hour);
  EXPECT_EQ(h.times("DNP-20"), 2u) << h.told();
}

TEST(MoreDeeds, FaultyPositionStormsAndSweeps) {                    // "I104-14", "I104-27", "I104-50", "DNP-22", "MOD-13"
  Hearing h;
  Message m = message({.id = "", .protocol = "iec104", .function = 31, .sub = 0, .role = Role::report, .reason = 3});
  Point p;
  p.object = Object(ObjectKind::information_object, 1101);
  p.set_double_point(0);
  h.say("iec104", master, rtu, m, {p}, Side::server);
  EXPECT_EQ(h.times("I104-14"), 0u) << h.told();
  p.set_double_point(3);
  h.say("iec104", master, rtu, m, {p}, Side::server);
  EXPECT_EQ(h.times("I104-14"), 1u) << h.told();
  for (bool storm : {false, true}) {
    Hearing s;
    for (int i = 0; i < (storm ? 3000 : 500); i++) p.set_double_point(unsigned(i) % 2 + 1), s.say("iec104", master, rtu, m, {p}, Side::server);
    EXPECT_EQ(s.times("I104-50"), storm ? 1u : 0u) << s.told();
    for (int i = 0; i < (storm ? 500 : 100); i++) s.say("dnp3", master, rtu, message({.id = "", .protocol = "dnp3", .function = 130, .sub = 0, .role = Role::report}), {}, Side::server);
    EXPECT_EQ(s.times("DNP-22"), storm ? 1u : 0u) << s.told();
  }
  for (unsigned objects : {1u, 60u}) {
    Hearing s({.memory = usual()});
    for (uint32_t i = 0; i < 80; i++) {
      p.object = Object(ObjectKind::information_object, 100 + i % objects);
      s.say("iec104", master, rtu, message({.id = "", .protocol = "iec104", .function = 102, .sub = 0}), {p});
    }
    EXPECT_EQ(s.times("I104-27") > 0, objects > 1) << s.told();
    for (unsigned i = 0; i < 40; i++) {
      Message q = message({.id = "", .protocol = "modbus", .function = 3, .sub = 0});
      q.station = 1 + i % objects;
      s.say("modbus", laptop, rtu, q);
    }
    EXPECT_EQ(s.times("MOD-13") > 0, objects > 1) << s.told();
  }
}

// A disturbance record is fetched after each trip; to delete them is what somebody does who took the master over.
TEST(MoreDeeds, FilesAreFetchedByTheMasterAndDeletedByNobody) {     // "I104-30"
  Hearing h({.memory = usual()});
  for (const uint16_t asked : {0, 1, 2, 5, 6, 3, 7}) h.say("iec104", master, rtu, message({.id = "", .protocol = "iec104", .function = 122, .sub = asked, .qualifier = asked}));
  h.say("iec104", master, rtu, message({.id = "", .protocol = "iec104", .function = 124, .sub = 0, .qualifier = 1}));
  EXPECT_EQ(h.times("I104-30"), 0u) << h.told();
  h.say("iec104", master, rtu, message({.id = "", .protocol = "iec104", .function = 122, .sub = 4, .qualifier = 4}));
  ASSERT_EQ(h.times("I104-30"), 1u) << h.told();
  EXPECT_NE(h.last("I104-30").what.find("deletes the file"), std::string::npos) << h.told();
}

TEST(MoreDeeds, AnOriginatorAddressThatWasNeverUsed) {              // "I104-49"
  Memory memory = usual();
  for (ConversationMemory& c : memory.conversations()) c.origins = {3};
  Hearing h({.memory = std::move(memory)});
  Message m = message({.id = "", .protocol = "iec104", .function = 45, .sub = 0});
  Point p;
  p.object = Object(ObjectKind::information_object, 5001);
  m.has_origin = true, m.origin = 3;
  h.say("iec104", master, rtu, m, {p});
  EXPECT_EQ(h.times("I104-49"), 0u) << h.told();
  m.origin = 7;
  h.say("iec104", laptop, rtu, m, {p});
  EXPECT_EQ(h.times("I104-49"), 0u) << "a stranger's are told as his\n" << h.told();
  h.say("iec104", master, rtu, m, {p});
  EXPECT_EQ(h.times("I104-49"), 1u) << h.told();
}

// Where a hole was in the hearing, or another known master asks now, nobody has fallen silent.
TEST(Silence, IsNotAHoleAndNotASwitchOver) {                        // "NET-10"
  for (bool hole : {true, false}) {
    Hearing h(R"([[host]]
name = "a"
address = "10.9.1.10"
[[host]]
name = "b"
address = "10.9.1.11"
[[host]]
name = "rtu1"
address = "10.1.1.20"
[[host]]
name = "rtu2"
address = "10.1.1.21"
[[conversation]]
client = "a"
server = "any"
protocol = "modbus"
[[conversation]]
client = "b"
server = "any"
protocol = "modbus"
)");
    const Message read = message({.id = "", .protocol = "modbus", .function = 3, .sub = 0});
    for (int i = 0; i < 7200; i++) h.say("modbus", "10.9.1.10:40000", "10.1.1.20:502", read), h.say("modbus", "10.9.1.10:40001", "10.1.1.21:502", read), h.wait(second);
    if (hole) h.wait(20 * minute);
    for (int i = 0; i < 1200; i++) {
      if (!hole || i > 30) h.say("modbus", hole ? "10.9.1.10:40000" : "10.9.1.11:40000", "10.1.1.20:502", read);
      h.say("modbus", hole ? "10.9.1.10:40001" : "10.9.1.11:40001", "10.1.1.21:502", read);
      h.wait(second);
    }
    EXPECT_EQ(h.times("NET-10"), 0u) << hole << h.told();
  }
}

TEST(Silence, OfALinkThatWasAskedAllTheTime) {                      // "NET-10"
  for (bool others : {false, true}) {
    for (int asked : {300, 3700}) {
      Hearing h({.memory = usual()});
      const Message m = message({.id = "", .protocol = "modbus", .function = 3, .sub = 0});
      for (int i = 0; i < asked; i += 5) h.say("modbus", master, rtu, m), h.wait(5 * second);
      for (int i = 0; i < 600; i += 5) {
        if (others) h.say("iec104", master, rtu, message({.id = "", .protocol = "iec104", .function = 100, .sub = 0}));
        h.wait(5 * second);
      }
      EXPECT_EQ(h.times("NET-10"), others && asked > 3600 ? 1u : 0u) << asked << "\n" << h.told();
    }
  }
}

// Two control centres ask one station. What the first no longer asks the other has not taken over: it asked all the time.
TEST(Silence, OfOneOfSeveralCentresIsTold) {                        // "NET-10"
  for (const std::string_view how : {"both all the time", "standby", "bursts", "deaf"}) {
    Hearing h("[[host]]\nname = \"a\"\naddress = \"10.9.1.10\"\n[[host]]\nname = \"b\"\naddress = \"10.9.1.11\"\n[[conversation]]\nclient = \"a\"\nserver = \"any\"\nprotocol = \"iec104\"\n[[conversation]]\n"
              "client = \"b\"\nserver = \"any\"\nprotocol = \"iec104\"\n");
    const Message read = message({.id = "", .protocol = "iec104", .function = 102, .sub = 0}), test = message({.id = "", .protocol = "iec104", .function = 67, .sub = 2, .link = true}),
                  start = message({.id = "", .protocol = "iec104", .function = 7, .sub = 2, .link = true});
    const Time step = how == "bursts" ? minute : 5 * second;
    for (Time t = 0; t < 2 * hour; t += step) {
      h.say("iec104", "10.9.1.10:40000", "10.1.1.20:2404", read);
      h.say("iec104", "10.9.1.11:40001", "10.1.1.20:2404", how == "standby" ? test : read);
      h.wait(step);
    }
    if (how == "standby") h.say("iec104", "10.9.1.11:40001", "10.1.1.20:2404", start);
    for (Time t = 0; t < 20 * minute; t += step) {
      if (how == "deaf" && t % minute == 0) h.sensor(SensorFact::dropped, 7);
      h.say("iec104", "10.9.1.11:40001", "10.1.1.20:2404", read);
      h.wait(step);
    }
    EXPECT_EQ(h.times("NET-10"), how == "both all the time" || how == "bursts" ? 1u : 0u) << how << "\n" << h.told();
  }
}

}  // namespace
}  // namespace vidra
