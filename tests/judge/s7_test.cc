// SPDX-License-Identifier: Apache-2.0
// Each row of the S7 family: what must raise it and what must not.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

namespace vidra {
namespace {

constexpr std::string_view plant = R"(
[[host]]
name = "hmi"
address = "10.1.1.11"
[[host]]
name = "ews"
address = "10.1.1.12"
[[host]]
name = "plc1"
address = "10.1.1.60"
role = "plc"
[[conversation]]
client = "hmi"
server = "plc1"
protocol = "s7"
[[conversation]]
client = "ews"
server = "plc1"
protocol = "s7"
acts = ["reading", "write", "program", "run", "time"]
[[conversation]]
client = "hmi"
server = "plc1"
protocol = "s7plus"
[[conversation]]
client = "ews"
server = "plc1"
protocol = "s7plus"
acts = ["reading", "write", "program", "run", "configure"]
)";
constexpr std::string_view hmi = "10.1.1.11:50000", ews = "10.1.1.12:50001", laptop = "10.1.1.99:50002", plc = "10.1.1.60:102";

struct Case { std::string_view id, protocol; uint16_t function, sub; };

Message request(const Case& c) {
  Message m;
  m.function = c.function;
  m.sub_function = c.sub;
  for (const Function& f : protocols[size_t(protocol_index(c.protocol))]->functions)
    if (f.number == c.function && (f.sub == c.sub || f.sub == 0xffff)) {
      m.act = f.act;
      break;
    }
  return m;
}

constexpr Case cases[] = {
    {"S7-01", "s7", 0x29, 0}, {"S7-02", "s7", 0x28, 3}, {"S7-02", "s7", 0x28, 2}, {"S7-02", "s7", 257, 12}, {"S7-03", "s7", 0x1a, 0},
    {"S7-04", "s7", 0x1d, 0}, {"S7-06", "s7", 5, 0}, {"S7-07", "s7", 257, 9}, {"S7-10", "s7", 263, 2}, {"S7-13", "s7plus", 0x04d4, 0}, {"S7-13", "s7plus", 0x0542, 0}, {"S7-14", "s7plus", 0x056b, 0},
};

TEST(S7, WhatNotEverybodyMayDo) {
  for (const Case& c : cases) {
    for (std::string_view who : {hmi, laptop}) {
      Hearing h(plant);
      h.say(c.protocol, who, plc, request(c));
      EXPECT_EQ(h.times(c.id), 1u) << c.id << " by " << who << "\n" << h.told();
    }
    Hearing h(plant);
    h.say(c.protocol, ews, plc, request(c));
    EXPECT_EQ(h.times(c.id), 0u) << c.id << " by the engineering workstation\n" << h.told();
  }
}

TEST(S7, AHostOfThePlantStandsInForNobodyWhereNobodyAsks) {
  std::string site(plant.substr(0, plant.find("[[conversation]]")));
  Hearing h({.site = site});
  h.say("s7", ews, plc, request({"", "s7", 4, 0}));
  h.wait(minute);
  h.say("s7", hmi, plc, request({"", "s7", 0x29, 0}));
  ASSERT_EQ(h.times("S7-01"), 1u) << h.told();
  EXPECT_EQ(h.last("S7-01").severity, 5) << h.told();
}

// A programmer's station is silent nearly always: its silence makes nobody its stand-in.
TEST(S7, NobodyStandsInForAnEngineer) {
  Memory m;
  ConversationMemory& c = m.add_conversation(*parse_address("10.1.2.12"), *parse_address("10.1.1.60"), uint16_t(protocol_index("s7")), 102);
  c.acts = acts({Act::read});
  c.functions.push_back({4, 0, Role::request, 9});
  m.add_host(*parse_address("10.1.2.13"));
  m.settle();
  Hearing h({.memory = std::move(m)});
  h.say("s7", "10.1.2.12:50000", plc, request({"", "s7", 4, 0}));
  h.wait(hour);
  h.say("s7", "10.1.2.13:50000", plc, request({"", "s7", 0x29, 0}));
  ASSERT_EQ(h.times("S7-01"), 1u) << h.told();
  EXPECT_EQ(h.last("S7-01").severity, 5);
}

// A group of masters does the control centre's daily work; it stops no controller.
TEST(S7, AMasterGroupStopsNoController) {
  std::string site(plant);
  site += "[[master_group]]\nname = \"front-ends\"\nmembers = [\"hmi\"]\nstations = [\"plc1\"]\n";
  Hearing h(site);
  h.say("s7", hmi, plc, request({"", "s7", 5, 0}));
  EXPECT_EQ(h.of("S7"), 0u) << h.told();
  h.say("s7", hmi, plc, request({"", "s7", 0x29, 0}));
  EXPECT_EQ(h.times("S7-01"), 1u) << h.told();
}

// What a panel makes within its own session has another number each time it connects.
TEST(S7, APanelsSubscriptionsAreItsOwn) {
  Hearing h(plant);
  h.say("s7plus", hmi, plc, request({"", "s7plus", 0x04ca, 2}));
  h.say("s7plus", hmi, plc, request({"", "s7plus", 0x04f2, 1}));
  EXPECT_EQ(h.of("S7"), 0u) << h.told();
}

TEST(S7, TheStateThatACpuIsToTakeIsWritten) {                    // "S7-14"
  Point p;
  p.object = Object(ObjectKind::item, 52, 2167);
  p.set_natural(1);
  for (std::string_view who : {hmi, ews}) {
    Hearing h(plant);
    h.say("s7plus", who, plc, request({"", "s7plus", 0x04f2, 0}), {p});
    EXPECT_EQ(h.times("S7-14"), who == hmi ? 1u : 0u) << h.told();
  }
}

TEST(S7, StopAndDownloadNeedNoKnowledge) {
  Hearing h;
  h.say("s7", hmi, plc, request({"", "s7", 0x29, 0}));
  h.say("s7", hmi, plc, request({"", "s7", 0x1a, 0}));
  h.say("s7", hmi, plc, request({"", "s7", 5, 0}));
  h.say("s7", hmi, plc, request({"", "s7", 260, 1}));
  EXPECT_EQ(h.findings.size(), 2u) << h.told();
}

TEST(S7, IdentityIsAskedByNewcomersOnly) {                       // "S7-08"
  Hearing h(plant);
  h.say("s7", hmi, plc, request({"", "s7", 260, 1}));
  EXPECT_EQ(h.times("S7-08"), 0u) << h.told();
  h.say("s7", laptop, plc, request({"", "s7", 260, 1}));
  EXPECT_EQ(h.times("S7-08"), 1u) << h.told();
}

TEST(S7, ALearnedHabitOfADangerIsANoticeADay) {
  Memory m;
  ConversationMemory& c = m.add_conversation(*parse_address("10.1.1.12"), *parse_address("10.1.1.60"), uint16_t(protocol_index("s7")), 102);
  c.acts = acts({Act::read, Act::run});
  c.functions.push_back({0x29, 0, Role::request, 1});
  c.dangers.push_back({0, Act::run, 1, false});
  m.settle();
  {
    Hearing h({.memory = std::move(m)});
    for (int i = 0; i < 5; i++) h.say("s7", ews, plc, request({"", "s7", 0x29, 0})), h.wait(hour);
    ASSERT_EQ(h.times("S7-01"), 1u) << h.told();
    EXPECT_EQ(h.last("S7-01").severity, 2);
    h.wait(day);
    h.say("s7", ews, plc, request({"", "s7", 0x29, 0}));
    EXPECT_EQ(h.times("S7-01"), 2u) << h.told();
    h.say("s7", laptop, plc, request({"", "s7", 0x29, 0}));
    EXPECT_EQ(h.last("S7-01").severity, 5) << h.told();
  }
}

TEST(S7, AnObjectThatWasNeverWritten) {
  Memory m;
  ConversationMemory& c = m.add_conversation(*parse_address("10.1.1.11"), *parse_address("10.1.1.60"), uint16_t(protocol_index("s7")), 102);
  c.acts = acts({Act::read, Act::write});
  c.functions.push_back({5, 0, Role::request, 9});
  c.stations.push_back({});
  c.stations[0].written.add(Object(ObjectKind::data_block, 80, 5));
  m.settle();
  Hearing h({.memory = std::move(m)});
  Point p;
  p.object = Object(ObjectKind::data_block, 80, 5);
  p.set_natural(1);
  h.say("s7", hmi, plc, request({"", "s7", 5, 0}), {p});
  EXPECT_EQ(h.times("S7-06"), 0u) << h.told();
  p.object = Object(ObjectKind::data_block, 80, 6);
  h.say("s7", hmi, plc, request({"", "s7", 5, 0}), {p});
  EXPECT_EQ(h.times("S7-06"), 1u) << h.told();
}

TEST(S7, TheHeartOfTheCyclicProgram) {
  Hearing h(plant);
  const std::string name = "OB1";
  std::vector<uint8_t> run;
  Point p;
  p.object = h.named(name, run);
  h.say("s7", laptop, plc, request({"", "s7", 0x1a, 0}), {p}, Side::client, Texts{run});
  EXPECT_EQ(h.times("S7-05"), 1u) << h.told();
  h.say("s7", ews, plc, request({"", "s7", 0x1a, 0}), {p}, Side::client, Texts{run});
  EXPECT_EQ(h.times("S7-05"), 1u) << h.told();
  run.clear();
  p.object = h.named("DB7", run);
  h.say("s7", laptop, plc, request({"", "s7", 0x1a, 0}), {p}, Side::client, Texts{run});
  EXPECT_EQ(h.times("S7-05"), 1u) << h.told();
}

TEST(S7, PasswordsRefused) {
  Hearing h(plant);
  Message m = request({"", "s7", 261, 1});
  m.role = Role::response;
  h.say("s7", ews, plc, m, {}, Side::server);
  m.refused = true;
  h.say("s7", ews, plc, m, {}, Side::server);
  h.say("s7", ews, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("S7-09"), 0u) << h.told();
  h.say("s7", ews, plc, m, {}, Side::server);
  ASSERT_EQ(h.times("S7-09"), 1u) << h.told();
  EXPECT_EQ(h.last("S7-09").weight, 3u);
  EXPECT_EQ(text_of(h.last("S7-09").source.address), "10.1.1.12") << "the guesser is the source";
}

TEST(S7, WhatIsCountedIsToldWhileLearningToo) {
  JudgeSettings learning;
  learning.mode = JudgeSettings::Mode::learn;
  Hearing h({.site = plant, .settings = learning});
  Message m = request({"", "s7", 261, 1});
  m.role = Role::response;
  m.refused = true;
  for (int i = 0; i < 4; i++) h.say("s7", ews, plc, m, {}, Side::server);
  ASSERT_EQ(h.times("S7-09"), 1u) << h.told();
  EXPECT_EQ(h.last("S7-09").weight, 3u);
  EXPECT_EQ(h.last("S7-09").severity, 2);
}

TEST(S7, AControllerThatStopsAndBrokenRecords) {
  Hearing h(plant);
  Message m = request({"", "s7", 256, 2});
  m.role = Role::report;
  h.say("s7", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("S7-11"), 0u) << h.told();
  m.sub_function = 0;
  h.say("s7", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("S7-11"), 1u) << h.told();
  Message broken = request({"", "s7", 4, 0});
  broken.malformed = true;
  h.say("s7", hmi, plc, broken);
  h.say("s7", hmi, plc, broken);
  EXPECT_EQ(h.times("S7-16"), 0u) << h.told();
  h.say("s7", hmi, plc, broken);
  EXPECT_EQ(h.times("S7-16"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
