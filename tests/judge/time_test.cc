// SPDX-License-Identifier: Apache-2.0
// Who gives the time, who may say so, and what of it is a plant's ordinary life.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

namespace vidra {
namespace {

constexpr std::string_view plant = R"(
[[host]]
name = "clock"
address = "10.1.1.5"
mac = "ec:46:70:00:51:05"
role = "time"
[[host]]
name = "ied1"
address = "10.1.1.41"
[[conversation]]
client = "ied1"
server = "clock"
protocol = "ntp"
)";
constexpr std::string_view group = "01:1b:19:00:00:00", clock_mac = "ec:46:70:00:51:05", other_mac = "b8:27:eb:5d:10:c7";
constexpr std::string_view clock_id = "ec:46:70:ff:fe:00:51:05", other_id = "b8:27:eb:ff:fe:5d:10:c7";

struct Announce {
  unsigned priority = 128, clock_class = 6;
  int offset = 37;
  bool leap = false, valid = true;
};

// PTP on Ethernet: both ends are hardware addresses.
void ptp(Hearing& h, std::string_view mac, Message m, std::vector<Point> points, std::vector<uint8_t>& run) {
  Scene s;
  s.client_mac = *parse_mac(mac);
  s.server_mac = *parse_mac(group);
  s.client.address = Address::of(s.client_mac);
  s.server.address = Address::of(s.server_mac);
  s.flow = s.client_mac.number() | 1;
  m.role = Role::report;
  m.act = Act::time;
  h.event("ptp", s, m, points, Texts{run});
}
Point numbered(std::string_view name, uint64_t v, std::vector<uint8_t>& run) {
  Point p;
  p.object = Hearing::named(name, run);
  p.set_natural(v);
  return p;
}
void announce(Hearing& h, std::string_view mac, std::string_view station, std::string_view master, Announce a = {}, uint16_t function = 11, uint16_t sub = 0) {
  std::vector<uint8_t> run;
  Message m;
  m.function = function, m.sub_function = sub;
  Hearing::named(station, run), Hearing::named(master, run);
  m.station = text_key(station), m.origin = text_key(master), m.has_origin = true;
  std::vector<Point> points = {numbered("priority 1", a.priority, run), numbered("class", a.clock_class, run), numbered("accuracy", 0x21, run), numbered("variance", 65535, run),
                               numbered("priority 2", 128, run), numbered("UTC offset", uint64_t(a.offset), run), numbered("UTC offset valid", a.valid, run)};
  if (a.leap) points.push_back(numbered("leap second added", 1, run));
  ptp(h, mac, m, points, run);
}
void sum_up(Hearing& h, std::string_view mac, std::string_view station) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 0x202;
  Hearing::named(station, run);
  m.station = text_key(station);
  Point over;
  over.object = Hearing::named("over, s", run);
  over.set_real(3);
  ptp(h, mac, m, {numbered("Announce", 3, run), over}, run);
}
void breach(Hearing& h, std::string_view mac, std::string_view station, uint16_t rule) {
  std::vector<uint8_t> run;
  Message m;
  m.function = 0x201, m.sub_function = rule;
  Hearing::named(station, run);
  m.station = text_key(station);
  ptp(h, mac, m, {numbered("by, ns", uint64_t(2 * second), run)}, run);
}

TEST(Ptp, AGrandmasterThatNobodyDeclared) {                        // "TIM-01"
  Hearing h(plant);
  announce(h, clock_mac, clock_id, clock_id, {64});
  EXPECT_EQ(h.times("TIM-01"), 0u) << h.told();
  announce(h, other_mac, other_id, clock_id, {64});                // a switch that passes the declared clock on
  EXPECT_EQ(h.times("TIM-01"), 0u) << h.told();
  announce(h, other_mac, other_id, other_id, {1}, 0x200, 1);
  ASSERT_EQ(h.times("TIM-01"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-01").severity, 5);
  EXPECT_NE(h.last("TIM-01").what.find("better than"), std::string::npos) << h.told();
}

TEST(Ptp, AWorseGrandmasterIsLessUrgent) {
  Hearing h(plant);
  announce(h, clock_mac, clock_id, clock_id, {64});
  announce(h, other_mac, other_id, other_id, {200});
  ASSERT_EQ(h.times("TIM-01"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-01").severity, 3);
}

TEST(Ptp, ALearnedGrandmasterIsKnown) {
  Memory m;
  ConversationMemory& c = m.add_conversation(Address::of(*parse_mac(other_mac)), Address::of(*parse_mac(group)), uint16_t(protocol_index("ptp")), 0);
  c.functions.push_back({11, 0, Role::report, 1});
  m.settle();
  Hearing h({.memory = std::move(m)});
  announce(h, other_mac, other_id, other_id);
  EXPECT_EQ(h.times("TIM-01"), 0u) << h.told();
  announce(h, clock_mac, clock_id, clock_id);
  EXPECT_EQ(h.times("TIM-01"), 1u) << h.told();
}

TEST(Ptp, HoldoverIsOrdinaryAndItsEndIsForOperations) {            // "TIM-02"
  Hearing h(plant);
  announce(h, clock_mac, clock_id, clock_id, {64, 6});
  announce(h, clock_mac, clock_id, clock_id, {64, 7}, 0x200, 2);
  EXPECT_TRUE(h.findings.empty()) << h.told();
  announce(h, clock_mac, clock_id, clock_id, {64, 52}, 0x200, 2);
  ASSERT_EQ(h.times("TIM-02"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-02").detection->audience, Audience::operations);
  announce(h, clock_mac, clock_id, clock_id, {64, 6}, 0x200, 2);
  EXPECT_EQ(h.findings.size(), 1u) << h.told();
}

TEST(Ptp, CorrectionsAndJumps) {                                   // "TIM-03"
  Hearing h(plant);
  announce(h, clock_mac, clock_id, clock_id);
  breach(h, clock_mac, clock_id, 4);                               // it has just taken over another clock's time
  breach(h, clock_mac, clock_id, 3);
  breach(h, clock_mac, clock_id, 3);
  EXPECT_EQ(h.times("TIM-03"), 0u) << h.told();
  breach(h, clock_mac, clock_id, 3);
  EXPECT_EQ(h.times("TIM-03"), 1u) << h.told();
  h.wait(2 * minute);
  breach(h, clock_mac, clock_id, 4);
  EXPECT_EQ(h.times("TIM-03"), 2u) << h.told();
}

TEST(Ptp, TheOffsetToUtcChangesWithALeapSecondOnly) {              // "TIM-04"
  Hearing h(plant);
  announce(h, clock_mac, clock_id, clock_id, {.offset = 37});
  announce(h, clock_mac, clock_id, clock_id, {.offset = 37, .leap = true}, 0x200, 3);
  announce(h, clock_mac, clock_id, clock_id, {.offset = 38}, 0x200, 3);
  announce(h, clock_mac, clock_id, clock_id, {.offset = 0, .valid = false}, 0x200, 3);
  announce(h, clock_mac, clock_id, clock_id, {.offset = 38}, 0x200, 3);
  EXPECT_EQ(h.times("TIM-04"), 0u) << h.told();
  announce(h, clock_mac, clock_id, clock_id, {.offset = 0}, 0x200, 3);
  EXPECT_EQ(h.times("TIM-04"), 1u) << h.told();
}

TEST(Ptp, TwoThatGoOnSideBySide) {                                 // "TIM-05"
  for (bool both : {false, true}) {
    Hearing h;
    announce(h, clock_mac, clock_id, clock_id, {64});
    h.wait(20 * second);
    announce(h, other_mac, other_id, other_id, {1});
    for (int i = 0; i < 10; i++) {
      h.wait(3 * second);
      sum_up(h, other_mac, other_id);
      if (both) sum_up(h, clock_mac, clock_id);                    // else it gave way, as it should
    }
    EXPECT_EQ(h.times("TIM-05"), both ? 1u : 0u) << h.told();
  }
}

// An answer of a time server, or its broadcast; its clock is off by so much.
void ntp(Hearing& h, std::string_view client, std::string_view server, Time off, uint16_t mode = 4, bool adrift = false) {
  std::vector<uint8_t> run;
  Message m;
  m.function = mode, m.role = mode == 4 ? Role::response : Role::report, m.act = Act::time;
  m.qualifier = 4 << 2 | (adrift ? 3 : 0);
  Point p;
  p.object = Hearing::named("transmit", run);
  p.set_time(h.now + off);
  h.say("ntp", client, server, m, {p}, mode == 4 ? Side::server : Side::client, Texts{run});
}

TEST(Ntp, AServerThatNobodyDeclared) {                             // "TIM-06"
  Hearing h(plant);
  ntp(h, "10.1.1.41:4000", "10.1.1.5:123", 0);
  ntp(h, "10.1.1.77:4000", "10.1.1.5:123", 0);                     // an unknown client is no unknown clock
  ntp(h, "10.1.1.88:4000", "10.1.1.99:123", 0);                    // nor are two strangers
  EXPECT_EQ(h.times("TIM-06"), 0u) << h.told();
  ntp(h, "10.1.1.41:4001", "10.1.1.99:123", 0);
  ASSERT_EQ(h.times("TIM-06"), 1u) << h.told();
  EXPECT_EQ(h.last("TIM-06").severity, 3);
  h.wait(minute);
  ntp(h, "10.1.1.99:123", "10.1.1.255:123", hour, 5);
  ASSERT_EQ(h.times("TIM-06"), 2u) << h.told();
  EXPECT_EQ(h.last("TIM-06").severity, 4);
  EXPECT_EQ(h.last("TIM-06").source.address, *parse_address("10.1.1.99"));
  EXPECT_EQ(h.last("TIM-06").cause, 0u) << "all whom it serves are one story";
}

TEST(Ntp, AJumpIsAServersOwnOnlyWhereOthersGoOn) {                 // "TIM-07"
  for (bool all : {false, true}) {
    Hearing h;
    for (std::string_view s : {"10.1.1.5:123", "10.1.1.6:123", "10.1.1.7:123"}) ntp(h, "10.1.1.41:4000", s, 0);
    h.wait(minute);
    for (int i = 0; i < 3; i++)
      for (std::string_view s : {"10.1.1.5:123", "10.1.1.6:123", "10.1.1.7:123"}) ntp(h, "10.1.1.41:4000", s, all || s == "10.1.1.5:123" ? 5 * minute : 0), h.wait(minute);
    EXPECT_EQ(h.times("TIM-07"), all ? 0u : 1u) << h.told();
  }
}

TEST(Ntp, AServerWithoutTimeForLong) {
  Hearing h(plant);
  ntp(h, "10.1.1.41:4000", "10.1.1.5:123", 0, 4, true);
  h.wait(5 * minute);
  ntp(h, "10.1.1.41:4000", "10.1.1.5:123", 0, 4, true);
  EXPECT_EQ(h.times("TIM-07"), 0u) << "it may have been switched on\n" << h.told();
  h.wait(15 * minute);
  ntp(h, "10.1.1.41:4000", "10.1.1.5:123", 0, 4, true);
  EXPECT_EQ(h.times("TIM-07"), 1u) << h.told();
}

TEST(Ntp, ControlMessages) {                                       // "TIM-08"
  Hearing h(plant);
  Message m;
  m.function = 6, m.sub_function = 2, m.act = Act::read;
  h.say("ntp", "10.1.1.41:4000", "10.1.1.5:123", m);
  EXPECT_EQ(h.times("TIM-08"), 0u) << h.told();
  h.say("ntp", "10.1.1.99:4000", "10.1.1.5:123", m);
  EXPECT_EQ(h.times("TIM-08"), 1u) << h.told();
  m.sub_function = 8, m.act = Act::configure;
  h.say("ntp", "10.1.1.41:4000", "10.1.1.5:123", m);
  EXPECT_EQ(h.times("TIM-08"), 2u) << h.told();
}

TEST(Prp, ANodeThatFallsSilentWhileOthersGoOn) {                   // "PRP-03"
  for (bool others : {false, true}) {
    Hearing h;
    std::vector<uint8_t> none;
    const auto alive = [&](std::string_view mac) {
      Scene s;
      s.client_mac = *parse_mac(mac);
      s.client.address = Address::of(s.client_mac);
      Message m;
      m.function = 20, m.role = Role::report, m.act = Act::session;
      h.event("prp", s, m, {});
    };
    for (int i = 0; i < 20; i++) alive("02:00:00:00:00:01"), alive("02:00:00:00:00:02"), h.wait(2 * second);
    for (int i = 0; i < 60; i++) {
      if (others) alive("02:00:00:00:00:02");
      h.wait(2 * second);
    }
    EXPECT_EQ(h.times("PRP-03"), others ? 1u : 0u) << h.told();
  }
}

}  // namespace
}  // namespace vidra
