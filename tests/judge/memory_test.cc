// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/memory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <sstream>

#include "daemon/judge/memory_file.h"
#include "tests/judge/hearing.h"

namespace vidra {
namespace {

JudgeSettings learning() {
  JudgeSettings s;
  s.mode = JudgeSettings::Mode::learn;
  return s;
}
std::string text_of(const Memory& m) {
  std::ostringstream out;
  write_memory(m, out);
  return out.str();
}
Memory memory_of(const std::string& text, Problems& problems) {
  return read_memory(text, "memory.toml", problems);
}
Object register_at(uint32_t n) { return Object(ObjectKind::holding_register, n); }

Message request(uint16_t function, Act act) {
  Message m;
  m.function = function;
  m.act = act;
  m.station = 1;
  return m;
}
Point number(Object o, double v) {
  Point p{o};
  p.set_real(v);
  return p;
}

TEST(ObjectSet, HoldsWhatWasAddedAndNothingElse) {
  std::mt19937 random(7);
  ObjectSet set;
  std::set<uint32_t> model;
  for (int i = 0; i < 3000; i++) {
    const uint32_t first = uint32_t(random() % 5000), n = 1 + uint32_t(random() % 20);
    set.add(register_at(first), n);
    for (uint32_t k = 0; k < n; k++) model.insert(first + k);
    if (i % 100) continue;
    for (uint32_t k = 0; k < 5100; k++) ASSERT_EQ(set.has(register_at(k)), model.contains(k)) << k;
    ASSERT_EQ(set.size(), model.size());
    for (size_t r = 1; r < set.ranges().size(); r++) ASSERT_GT(set.ranges()[r].first.key(), set.ranges()[r - 1].last.key() + 1) << "ranges that touch are one";
  }
}
TEST(ObjectSet, KeepsKindsApartAndAHundredThousandObjectsShort) {
  ObjectSet set;
  for (uint32_t i = 0; i < 100'000; i++) set.add(Object(ObjectKind::information_object, 1000 + i));
  set.add(Object(ObjectKind::coil, 0xffffffff));
  set.add(Object(ObjectKind::discrete_input, 0));
  EXPECT_EQ(set.ranges().size(), 3u);
  EXPECT_TRUE(set.has(Object(ObjectKind::information_object, 1000), 100'000));
  EXPECT_FALSE(set.has(Object(ObjectKind::information_object, 1000), 100'001));
}

class Learned : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 5; i++) {
      h.say("modbus", "10.1.1.11:40000", "10.1.1.60:502", request(3, Act::read), {[] { Point p{register_at(0)}; p.count = 10; return p; }()});
      h.wait(2 * second);
    }
    h.say("modbus", "10.1.1.11:40000", "10.1.1.60:502", request(6, Act::write), {number(register_at(30), 12.5)});
    h.wait(5 * second);
    h.say("modbus", "10.1.1.11:40000", "10.1.1.60:502", request(6, Act::write), {number(register_at(31), 14)});
    h.wait(5 * second);
    h.say("modbus", "10.1.1.11:40000", "10.1.1.60:502", request(6, Act::write), {number(register_at(30), 14)});
    Message command = request(46, Act::select);
    command.station = 11;
    command.origin = 3;
    command.has_origin = true;
    const Object breaker(ObjectKind::information_object, 5101);
    h.say("iec104", "10.1.1.10:40000", "10.1.1.20:2404", command, {Point{breaker}});
    command.act = Act::operate;
    h.say("iec104", "10.1.1.10:40000", "10.1.1.20:2404", command, {Point{breaker}});
    h.arp(2, "10.1.1.60", "02:aa:aa:aa:aa:aa", "");
  }
  const ConversationMemory* modbus(uint16_t port = 502) { return h.judge.memory().conversation(*parse_address("10.1.1.11"), *parse_address("10.1.1.60"), uint16_t(protocol_index("modbus")), port); }
  Hearing h{{"", {}, learning()}};
};

TEST_F(Learned, KnowsHostsConversationsFunctionsAndObjects) {
  const Memory& m = h.judge.memory();
  ASSERT_NE(m.host(*parse_address("10.1.1.11")), nullptr);
  EXPECT_EQ(m.host(*parse_address("10.1.1.60"))->macs.size(), 1u) << "known from ARP alone, as it never answered";
  ASSERT_NE(modbus(), nullptr);
  EXPECT_EQ(modbus(503), nullptr);
  EXPECT_TRUE(modbus()->knows(Act::read));
  EXPECT_FALSE(modbus()->knows(Act::run));
  EXPECT_TRUE(modbus()->knows_function(3, 0));
  EXPECT_FALSE(modbus()->knows_function(16, 0));
  ASSERT_NE(modbus()->station(1), nullptr);
  EXPECT_TRUE(modbus()->station(1)->read.has(register_at(0), 10));
  EXPECT_FALSE(modbus()->station(1)->read.has(register_at(0), 11));
  EXPECT_TRUE(modbus()->station(1)->written.has(register_at(30), 2));
  EXPECT_TRUE(m.speaks(*parse_address("10.1.1.11"), *parse_address("10.1.1.60")));
  EXPECT_FALSE(m.speaks(*parse_address("10.1.1.60"), *parse_address("10.1.1.11")));
  EXPECT_TRUE(m.commands(*parse_address("10.1.1.10"), *parse_address("10.1.1.20")));
}
TEST_F(Learned, KnowsValuesPaceAndPeriod) {
  const Habit* habit = modbus()->station(1)->habit(register_at(30));
  ASSERT_NE(habit, nullptr);
  EXPECT_EQ(habit->times, 2u);
  EXPECT_EQ(habit->min, 12.5);
  EXPECT_EQ(habit->max, 14);
  EXPECT_EQ(habit->step, 1.5);
  EXPECT_EQ(modbus()->shortest_pace, 0);         // registers are set, not switched
  EXPECT_EQ(modbus()->functions[0].period, 2 * second);
}
TEST_F(Learned, KnowsTheHabitOfSelectingAndThatOperatingAwaitsAYes) {
  const ConversationMemory* c = h.judge.memory().conversation(*parse_address("10.1.1.10"), *parse_address("10.1.1.20"), uint16_t(protocol_index("iec104")), 2404);
  ASSERT_NE(c, nullptr);
  const Habit* habit = c->station(11)->habit(Object(ObjectKind::information_object, 5101));
  ASSERT_NE(habit, nullptr);
  EXPECT_EQ(habit->times, 1u);
  EXPECT_EQ(habit->selected, 1u);
  EXPECT_TRUE(c->knows_origin(3));
  ASSERT_NE(c->danger(11, Act::operate), nullptr);
  EXPECT_FALSE(c->danger(11, Act::operate)->approved);
  EXPECT_EQ(c->danger(12, Act::operate), nullptr);
}
TEST_F(Learned, WhatADeviceRefusesOrNobodyAnsweredTeachesNothing) {
  h.fact(Fact::attempted, "10.1.1.11:1", "10.1.1.99:80");
  h.fact(Fact::refused, "10.1.1.11:1", "10.1.1.99:80");
  EXPECT_FALSE(h.judge.memory().speaks(*parse_address("10.1.1.11"), *parse_address("10.1.1.99")));
  Message refused = request(3, Act::read);
  refused.role = Role::response;
  refused.refused = true;
  h.say("modbus", "10.1.1.11:40000", "10.1.1.60:502", refused, {Point{register_at(900)}}, Side::server);
  EXPECT_FALSE(modbus()->station(1)->read.has(register_at(900)));
}
TEST_F(Learned, IsNotChangedByWatching) {
  h.judge.watch();
  const std::string before = text_of(h.judge.memory());
  h.say("modbus", "10.1.1.99:40000", "10.1.1.60:502", request(90, Act::program), {Point{register_at(7)}});
  h.opened("10.1.1.98:1", "10.1.1.60:80");
  EXPECT_EQ(text_of(h.judge.memory()), before);
}
// One quick pair is chance; what four in a row took is how a master works. Set-points, times and files say nothing of it.
TEST(MemoryPace, IsThatOfFourSwitchingOperationsInARow) {
  for (bool run : {false, true}) {
    JudgeSettings s;
    s.mode = JudgeSettings::Mode::learn;
    Hearing h({.settings = s});
    Message m;
    m.function = 46;
    m.act = Act::operate;
    m.station = 11;
    Point p;
    p.set_double_point(2);
    for (uint32_t i = 0; i < 6; i++) {
      p.object = Object(ObjectKind::information_object, 5000 + i);
      h.say("iec104", "10.1.1.10:40000", "10.1.1.20:2404", m, {p});
      h.wait(run ? 2 * second : i % 2 ? 60 * second : 100 * millisecond);
      Message write = m;
      write.function = 50;
      Point v = p;
      v.object = Object(ObjectKind::information_object, 6000 + i);
      v.set_real(i);
      h.say("iec104", "10.1.1.10:40000", "10.1.1.20:2404", write, {v});
      h.wait(millisecond);
    }
    const ConversationMemory* c = h.judge.memory().conversation(*parse_address("10.1.1.10"), *parse_address("10.1.1.20"), uint16_t(protocol_index("iec104")), 2404);
    ASSERT_NE(c, nullptr);
    EXPECT_EQ(c->shortest_pace / (100 * millisecond), run ? 20 : 200);
  }
}

TEST(MemoryPace, OfAnOlderVersionIsNotTaken) {                      // there it was the least pause of any two commands
  for (const int version : {1, 2}) {
    Problems problems;
    const Memory m = memory_of(fmt::format("version = {}\n[[conversation]]\nclient = \"10.1.1.10\"\nserver = \"10.1.1.20\"\nprotocol = \"iec104\"\nport = 2404\npace = \"100ms\"\n", version), problems);
    ASSERT_EQ(problems, Problems{});
    EXPECT_EQ(m.conversations().at(0).shortest_pace, version == 1 ? 0 : 100 * millisecond);
  }
}

// Learning ends so long after it began, not after each start.
TEST(Learning, GoesOnOverARestartAndEndsOnce) {
  JudgeSettings s = learning();
  s.learn_for = 14 * day;
  Hearing first({.settings = s});
  const Time began = first.now;
  first.opened("10.1.1.10:40000", "10.1.1.20:2404");
  first.wait(13 * day);
  EXPECT_TRUE(first.judge.learning());
  Problems problems;
  Hearing again({.memory = memory_of(text_of(first.judge.memory()), problems), .settings = s});
  again.now = began + 13 * day + hour;
  again.wait(second);
  EXPECT_TRUE(again.judge.learning());
  again.wait(day);
  EXPECT_FALSE(again.judge.learning());
  const std::string text = text_of(again.judge.memory());
  EXPECT_NE(text.find("[learning]\nbegun = \"" ), std::string::npos) << text;
  const Memory kept = memory_of(text, problems);
  ASSERT_EQ(problems, Problems{});
  EXPECT_EQ(kept.learning.begun, began / second * second);
  EXPECT_EQ(kept.learning.ended, began + 14 * day + hour + second);
  EXPECT_EQ(text_of(kept), text);
}

TEST_F(Learned, ReadsAsTextAndReadsBackTheSame) {
  const std::string text = text_of(h.judge.memory());
  Problems problems;
  const Memory again = memory_of(text, problems);
  EXPECT_TRUE(problems.empty()) << problems.front() << "\n" << text;
  EXPECT_EQ(text_of(again), text);
  EXPECT_NE(text.find("read = [\"holding register 0-9\"]"), std::string::npos) << text;
  EXPECT_NE(text.find("approved = false"), std::string::npos) << text;
  EXPECT_TRUE(again.commands(*parse_address("10.1.1.10"), *parse_address("10.1.1.20")));
  EXPECT_TRUE(again.owns(*parse_mac("02:aa:aa:aa:aa:aa")));
}

TEST(MemoryFile, KeepsEveryKindOfObjectAndOddTexts) {
  Memory m;
  HostMemory& host = m.add_host(*parse_address("fd00::7"));
  host.vendor = "Müller \"&\" Sons\\\n\x01";
  host.model = "\xff\xfe broken";
  ConversationMemory& c = m.add_conversation(*parse_address("10.1.1.1"), *parse_address("00:21:c1:30:10:41"), uint16_t(protocol_index("tcp")), 0);
  StationMemory& s = c.stations.emplace_back();
  s.station = text_key("AA1J1Q01A1LD0");
  s.read.add(Object::of_text(text_key("LLN0$GO$gcb01")));
  s.read.add(Object::of_member(text_key("dsGoose"), 3));
  s.read.add(Object(ObjectKind::data_block, 64, 10), 8);
  for (size_t k = size_t(ObjectKind::information_object); k < object_kind_count; k++) s.read.add(Object(ObjectKind(k), 7), 3);
  s.habits.push_back({Object(ObjectKind::analog_output, 2), bit(Act::operate), 3, 2, -1.0 / 3, 1e300, 0.1, true});
  m.settle();
  const std::string text = text_of(m);
  Problems problems;
  const Memory again = memory_of(text, problems);
  EXPECT_TRUE(problems.empty()) << problems.front() << "\n" << text;
  EXPECT_EQ(text_of(again), text);
  EXPECT_EQ(again.conversations()[0].stations[0].read, s.read);
}
TEST(MemoryFile, ALongOneIsReadInPartsAndIsTheSame) {
  Memory m;
  for (uint32_t i = 0; i < 20'000; i++) m.add_host(*parse_address(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))).vendor = "a maker with a long name, Ltd.";
  for (uint32_t i = 0; i < 5'000; i++) {
    ConversationMemory& c = m.add_conversation(*parse_address("10.9.9.9"), *parse_address(fmt::format("10.0.{}.{}", i >> 8, i & 255)), uint16_t(protocol_index("modbus")), 502);
    c.stations.emplace_back().read.add(register_at(i), 10);
  }
  m.settle();
  const std::string text = text_of(m);
  ASSERT_GT(text.size(), size_t{2} << 20);
  Problems problems;
  EXPECT_EQ(text_of(memory_of(text, problems)), text);
  EXPECT_EQ(problems, Problems{});
  memory_of(text + "[frozen]\nsignature = \"00\"\n", problems);
  EXPECT_EQ(problems, Problems{});
  memory_of(text.substr(0, text.find("[[host]]")) + "[frozen]\nsignature = \"00\"\n" + text.substr(text.find("[[host]]")) + "[frozen]\nsignature = \"00\"\n", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("[frozen] stands here twice"), std::string::npos) << problems[0];
  problems.clear();
  EXPECT_TRUE(memory_of(text + "[[host]]\naddress = 10.1\n\"\n", problems).hosts().empty());      // nothing half-loaded
  EXPECT_EQ(problems.size(), 1u);
}

TEST(MemoryFile, SaysWhatIsWrongAndWhere) {
  struct { std::string text, says; } cases[] = {
      {"version = 0\n", "memory.toml:1:1: 'version'"},
      {"version = 3\n", "memory.toml:1:1: it was written by a newer Vidra"},
      {"[[host]]\naddress = \"10.1\"\n", "memory.toml:2:1: \"10.1\" is no address"},
      {"[[conversation]]\nclient = \"10.1.1.1\"\nserver = \"10.1.1.2\"\nprotocol = \"iec1004\"\n", "memory.toml:4:1: \"iec1004\" is no protocol of this build, did you mean \"iec104\"?"},
      {"[[conversation]]\nclient = \"10.1.1.1\"\nserver = \"10.1.1.2\"\nprotocol = \"modbus\"\nacts = [\"reed\"]\n", "did you mean \"read\"?"},
      {"[[conversation]]\nclient = \"10.1.1.1\"\nserver = \"10.1.1.2\"\nprotocol = \"modbus\"\n[[conversation.station]]\nread = [\"lamp 7\"]\n", "\"lamp 7\" names no objects"},
      {"[[conversation]]\nclient = \"10.1.1.1\"\nserver = \"10.1.1.2\"\nprotocol = \"modbus\"\nfunctoins = []\n", "did you mean 'functions'?"},
  };
  for (const auto& c : cases) {
    Problems problems;
    memory_of(c.text, problems);
    std::string all;
    for (const std::string& p : problems) all += p + "\n";
    EXPECT_NE(all.find(c.says), std::string::npos) << c.text << "says\n" << all;
  }
}

}  // namespace
}  // namespace vidra
