// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/judge/plant.h"

namespace vidra {
namespace {

Scripted ask(Time at, uint16_t tag, uint8_t function, uint16_t address, uint16_t count, std::vector<double> values = {}, std::string_view client = hmi) {
  return modbus_request(start + at, client, plc, tag, function, address, count, std::move(values));
}
Scripted answer(const Scripted& e, uint16_t exception = 0) {
  Scripted a = modbus_answer(e, e.scene.time + millisecond, exception);
  if (exception) a.points = e.points;               // a refusal names what was asked
  return a;
}
Scripted other(Time at, uint8_t function, uint16_t sub, Act act, std::string_view client = hmi) {
  Scripted e = ask(at, 9, function, 0, 0, {}, client);
  e.said.sub_function = sub;
  e.said.act = act;
  e.points.clear();
  return e;
}

// MOD-01

TEST(ModbusClient, Stranger) {
  Plant p;
  p(ask(0, 1, 3, 0, 10, {}, laptop))(ask(second, 2, 3, 0, 10, {}, laptop));
  EXPECT_EQ(p.times("MOD-01"), 1u) << p.told();
  EXPECT_EQ(p.last("MOD-01").target.name, "plc1");
}
TEST(ModbusClient, WhoConnectsAnewForEachRequestIsOneStory) {
  Plant p;
  for (uint64_t i = 0; i < 20; i++) p(ask(Time(i) * second, 1, 3, 0, 10, {}, laptop).flow(100 + i));
  EXPECT_EQ(p.weight("MOD-01"), 20u) << p.told();
  EXPECT_EQ(p.of("MOD"), p.times("MOD-01"));
}
TEST(ModbusClient, DeclaredLearnedOrNothingKnown) {
  Plant declared, nothing(""), known(Hearing::Options{"", learned({ask(0, 1, 3, 0, 10, {}, laptop)}), {}});
  declared(ask(0, 1, 3, 0, 10)), nothing(ask(0, 1, 3, 0, 10, {}, laptop)), known(ask(hour, 1, 3, 0, 10, {}, laptop));
  EXPECT_EQ(declared.of("MOD") + nothing.of("MOD") + known.of("MOD"), 0u);
}

// MOD-02, MOD-03

TEST(ModbusWrite, ByWhoMayOnlyRead) {
  Plant p;
  p(ask(0, 1, 6, 30, 1, {7}, scada));
  EXPECT_EQ(p.times("MOD-02"), 1u) << p.told();
  EXPECT_NE(p.last("MOD-02").what.find("wrote 7 to holding register 30"), std::string::npos) << p.told();
}
TEST(ModbusWrite, AStrangersAreTwoStories) {
  Plant p;
  for (uint16_t i = 0; i < 7; i++) p(ask(i * 5 * millisecond, i, 6, i, 1, {1}, laptop));
  p(ask(100 * millisecond, 8, 16, 30, 4, {1, 2, 3, 4}, laptop));
  EXPECT_EQ(p.times("MOD-01"), 1u) << p.told();
  EXPECT_GE(p.weight("MOD-02"), 6u) << p.told();
  EXPECT_EQ(p.last("MOD-02").object, "holding registers 30-33") << p.told();
  EXPECT_EQ(p.times("MOD-03"), 0u) << p.told();
}
TEST(ModbusWrite, DeclaredObjectsOnly) {
  Plant p;
  p(ask(0, 1, 6, 30, 1, {7}))(ask(second, 2, 5, 3, 1, {1}));
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
  p(ask(2 * second, 3, 6, 31, 1, {7}))(ask(3 * second, 4, 16, 30, 2, {7, 8}));
  EXPECT_EQ(p.times("MOD-03"), 2u) << p.told();
}
TEST(ModbusWrite, LearnedObjectsOnly) {
  Plant p(Hearing::Options{"", learned({ask(0, 1, 16, 100, 3, {1, 2, 3})}), {}});
  p(ask(hour, 1, 6, 101, 1, {9}));
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
  p(ask(hour + second, 1, 6, 103, 1, {9}));
  EXPECT_EQ(p.times("MOD-03"), 1u) << p.told();
}

// MOD-04

std::vector<Scripted> written(std::initializer_list<double> values) {
  std::vector<Scripted> days;
  for (int i = 0; i < 20; i++) days.push_back(ask(i * minute, 1, 6, 30, 1, {values.begin()[size_t(i) % values.size()]}));
  return days;
}
TEST(ModbusLimits, TwiceWhatWasEverWritten) {
  Plant p(Hearing::Options{"", learned(written({55, 58, 60, 64})), {}});
  p(ask(hour, 1, 6, 30, 1, {110}));
  EXPECT_EQ(p.times("MOD-04"), 0u) << p.told();
  p(ask(hour + second, 2, 6, 30, 1, {6000}));
  EXPECT_EQ(p.times("MOD-04"), 1u) << p.told();
  EXPECT_EQ(p.last("MOD-04").severity, 3);
  EXPECT_EQ(p.last("MOD-04").expected, "55 to 64 in 20 writes learned.");
}
TEST(ModbusLimits, SeldomWrittenIsNotLearned) {
  Plant p(Hearing::Options{"", learned({ask(0, 1, 6, 30, 1, {60})}), {}});
  p(ask(hour, 1, 6, 30, 1, {6000}));
  EXPECT_EQ(p.times("MOD-04"), 0u) << p.told();
}
TEST(ModbusLimits, CountersChoicesBitsAndHalvesOfNumbers) {
  Plant counter(Hearing::Options{"", learned(written({20, 21, 22, 23})), {}});
  for (int i = 0; i < 300; i++) counter(ask(hour + i * second, uint16_t(i), 6, 30, 1, {20.0 + i}));
  EXPECT_EQ(counter.times("MOD-04"), 0u) << counter.told();
  Plant wrapped(Hearing::Options{"", learned(written({20, 21, 22, 23})), {}});
  Time at = hour;
  for (const double v : {2.0, 1.0, 0.0, 65535.0, 65534.0}) wrapped(ask(at += second, 1, 6, 30, 1, {v}));
  EXPECT_EQ(wrapped.times("MOD-04"), 0u) << wrapped.told();
  Plant choice(Hearing::Options{"", learned(written({1, 2})), {}});
  choice(ask(hour, 1, 6, 30, 1, {5}))(ask(hour + second, 2, 6, 30, 1, {64}));
  EXPECT_EQ(choice.times("MOD-04"), 0u) << choice.told();
  std::vector<Scripted> days;
  for (int i = 0; i < 20; i++) days.push_back(ask(i * minute, 1, 16, 30, 2, {16672, 0}));
  Plant halves(Hearing::Options{"", learned(days), {}});
  halves(ask(hour, 1, 16, 30, 2, {16708, 52429}));
  EXPECT_EQ(halves.times("MOD-04"), 0u) << halves.told();
}

// MOD-05

TEST(ModbusFight, TwoClientsAgainstEachOther) {
  Plant p;
  for (int i = 0; i < 6; i++) p(ask(i * 2 * second, 1, 6, 30, 1, {20}))(ask(i * 2 * second + second, 1, 6, 30, 1, {0}, laptop));
  EXPECT_GE(p.weight("MOD-05"), 3u) << p.told();
  EXPECT_EQ(text_of(p.last("MOD-05").source.address), laptop);
}
TEST(ModbusFight, RedundantServersToggleTheirWatchdogForEver) {
  Plant p(Hearing::Options{"", learned({ask(0, 1, 6, 30, 1, {0}), ask(second, 1, 6, 30, 1, {1}, scada)}), {}});
  for (int i = 0; i < 60; i++) p(ask(hour + i * second, 1, 6, 30, 1, {0}))(ask(hour + i * second + 500 * millisecond, 1, 6, 30, 1, {1}, scada));
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
}

// MOD-06

TEST(ModbusToggle, Burst) {
  Plant p;
  for (int i = 0; i < 30; i++) p(ask(i * 200 * millisecond, 1, 5, 3, 1, {double(i % 2)}));
  EXPECT_GE(p.weight("MOD-06"), 10u) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}
TEST(ModbusToggle, WatchdogBits) {
  Plant slow;
  for (int i = 0; i < 300; i++) slow(ask(i * second, 1, 5, 3, 1, {double(i % 2)}));
  std::vector<Scripted> beats;
  for (int i = 0; i < 20; i++) beats.push_back(ask(i * 100 * millisecond, 1, 5, 8, 1, {double(i % 2)}));
  Plant fast(Hearing::Options{"", learned(beats), {}});
  for (int i = 0; i < 300; i++) fast(ask(hour + i * 100 * millisecond, 1, 5, 8, 1, {double(i % 2)}));
  EXPECT_EQ(slow.of("MOD"), 0u) << slow.told();
  EXPECT_EQ(fast.of("MOD"), 0u) << fast.told();
}

// MOD-07, MOD-08, MOD-22

TEST(ModbusDangerous, ListenOnlyAndRestart) {
  Plant p("");
  p(other(0, 8, 4, Act::run))(other(second, 8, 1, Act::run))(other(2 * second, 8, 0, Act::diagnose));
  EXPECT_EQ(p.times("MOD-07"), 1u) << p.told();
  EXPECT_EQ(p.times("MOD-08"), 1u);
  EXPECT_EQ(p.of("MOD"), 2u);
}
TEST(ModbusDangerous, Umas) {
  Plant p("");
  p(other(0, 90, 0x02, Act::identify))(other(second, 90, 0x22, Act::read));
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
  p(other(2 * second, 90, 0x41, Act::run))(other(3 * second, 90, 0x33, Act::program));
  EXPECT_EQ(p.times("MOD-22"), 2u) << p.told();
}
TEST(ModbusDangerous, DeclaredEngineeringStation) {
  std::string site(plant_site);
  site += "[[conversation]]\nclient = \"10.1.1.90\"\nserver = \"plc1\"\nprotocol = \"modbus\"\nport = 502\nacts = [\"reading\", \"program\", \"run\"]\n";
  Plant p{site};
  p(other(0, 90, 0x41, Act::run, "10.1.1.90"))(other(second, 90, 0x33, Act::program, "10.1.1.90"))(other(2 * second, 8, 1, Act::run, "10.1.1.90"));
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
}

// MOD-11

TEST(ModbusFunctionScan, IsOneStory) {
  Plant p;
  for (uint8_t f = 1; f <= 60; f++) {
    Scripted e = ask(f * 200 * millisecond, f, f, 0, 1, f == 5 || f == 6 ? std::vector<double>{0} : std::vector<double>{}, laptop);
    p(e)(answer(e, f > 6 ? 1 : 0));
  }
  EXPECT_GE(p.weight("MOD-11"), 50u) << p.told();
  EXPECT_LE(p.times("MOD-02"), 2u) << p.told();
  EXPECT_EQ(p.times("MOD-01"), 1u);
  EXPECT_EQ(p.of("MOD"), p.times("MOD-01") + p.times("MOD-02") + p.times("MOD-11")) << p.told();
}
TEST(ModbusFunctionScan, AnOrdinaryClientHasAFewAndAMistake) {
  Plant p("");
  for (int i = 0; i < 50; i++)
    for (uint8_t f : {1, 2, 3, 4, 6, 20}) {
      const Scripted e = ask(i * second + f * millisecond, f, f, 0, 10);
      p(e)(answer(e, f == 20 ? 1 : 0));
    }
  Plant q("");
  for (int i = 0; i < 50; i++)
    for (uint8_t f : {3, 20}) {
      const Scripted e = ask(i * second + f * millisecond, f, f, 0, 10);
      q(e)(answer(e, f == 20 ? 1 : 0));
    }
  EXPECT_EQ(q.of("MOD"), 0u) << q.told();
}

// MOD-12

TEST(ModbusSweep, FromEndToEnd) {
  Plant p;
  for (uint16_t i = 0; i < 100; i++) {
    const Scripted e = ask(i * 5 * millisecond, i, 3, uint16_t(i * 100), 100, {}, laptop);
    p(e)(answer(e));
  }
  EXPECT_GE(p.weight("MOD-12"), 40u) << p.told();
  EXPECT_EQ(p.of("MOD"), p.times("MOD-01") + p.times("MOD-12")) << p.told();
}
TEST(ModbusSweep, AddressesThatAreNotThere) {
  Plant p("");
  for (uint16_t i = 0; i < 20; i++) {
    const Scripted e = ask(i * second, i, 3, uint16_t(i * 7), 1);
    p(e)(answer(e, 2));
  }
  EXPECT_GE(p.weight("MOD-12"), 8u) << p.told();
}
TEST(ModbusSweep, APollerReadsTheSameAgainAndAgain) {
  Plant nothing(""), p(Hearing::Options{"", learned([] {
                                           std::vector<Scripted> polls;
                                           for (uint16_t i = 0; i < 60; i++) polls.push_back(ask(i * 10 * millisecond, i, 3, uint16_t(i * 10), 10));
                                           return polls;
                                         }()),
                                         {}});
  for (int round = 0; round < 20; round++)
    for (uint16_t i = 0; i < 60; i++) {
      const Scripted e = ask(hour + round * second + i * 10 * millisecond, i, 3, uint16_t(i * 10), 10);
      p(e)(answer(e)), nothing(e)(answer(e));
    }
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
  EXPECT_EQ(nothing.of("MOD"), 0u) << nothing.told();
}

// MOD-16

TEST(ModbusAnswers, NobodyAskedFor) {
  Plant p("");
  for (uint16_t i = 0; i < 5; i++) {
    const Scripted e = ask(i * second, i, 3, 0, 10);
    p(e)(answer(e))(answer(e).unpaired());
  }
  EXPECT_EQ(p.weight("MOD-16"), 5u) << p.told();
}
TEST(ModbusAnswers, LostQuestionsExplainThem) {
  Plant p(""), joined("");
  for (uint16_t i = 0; i < 5; i++) {
    const Scripted e = ask(i * second, i, 3, 0, 10);
    p(answer(e).unpaired().after_gap());
    joined(answer(e).unpaired().midstream());
  }
  EXPECT_EQ(p.of("MOD") + joined.of("MOD"), 0u);
}

// MOD-18

TEST(ModbusRecords, Broken) {
  Plant p("");
  for (int i = 0; i < 2; i++) p(ask(i * second, 1, 3, 0, 1).malformed());
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
  for (int i = 2; i < 5; i++) p(ask(i * second, 1, 3, 0, 1).malformed());
  EXPECT_EQ(p.weight("MOD-18"), 5u) << p.told();
}
TEST(ModbusRecords, NoiseOfASerialLine) {
  Plant p("");
  for (int i = 0; i < 30; i++) {
    Scripted e = ask(i * second, 1, 3, 0, 1).malformed();
    e.said.frame = 1;
    p(e);
  }
  EXPECT_EQ(p.of("MOD"), 0u) << p.told();
}

// MOD-20

TEST(ModbusFlood, MoreThanIsAnswered) {
  Plant p("");
  p(answer(ask(0, 1, 3, 0, 1)));
  for (uint16_t i = 0; i < 3000; i++) p(ask(second + i * millisecond, i, 3, 0, 1));
  EXPECT_GE(p.times("MOD-20"), 1u);
  EXPECT_LE(p.times("MOD-20"), 5u) << p.told();
}
TEST(ModbusFlood, FastButAnsweredOrHeardOneWay) {
  Plant p(""), one_way("");
  for (uint16_t i = 0; i < 3000; i++) {
    const Scripted e = ask(i * millisecond, i, 3, 0, 1);
    p(e)(answer(e)), one_way(e);
  }
  EXPECT_EQ(p.of("MOD") + one_way.of("MOD"), 0u) << p.told() << one_way.told();
}

// MOD-25

TEST(ModbusBorders, FromTheInternet) {
  Plant p("");
  p(modbus_request(start, "203.0.113.7", plc, 1, 3, 0, 10));
  EXPECT_EQ(p.times("MOD-25"), 1u) << p.told();
}
TEST(ModbusBorders, APlantWithPublicAddresses) {
  Plant p("");
  p(modbus_request(start, "141.81.0.10", "141.81.0.86", 1, 3, 0, 10));
  EXPECT_EQ(p.times("MOD-25"), 0u) << p.told();
}
TEST(ModbusBorders, DeclaredOutsideOrInside) {
  Plant p("[site]\nprefixes = [\"10.1.1.0/24\"]\noutside = [\"100.64.0.0/10\"]\n"), inside("");
  p(modbus_request(start, "100.64.3.7", plc, 1, 3, 0, 10));
  inside(ask(0, 1, 3, 0, 10));
  EXPECT_EQ(p.times("MOD-25") + inside.times("MOD-25"), 0u) << p.told();
}

}  // namespace
}  // namespace vidra
