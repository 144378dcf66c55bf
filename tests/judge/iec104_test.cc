// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/judge/plant.h"
#include "tests/support/heap.h"

namespace vidra {
namespace {

Scripted dc(Time at, uint32_t ioa, double value, bool select, std::string_view master = scada) { return iec104_command(start + at, master, rtu, C_DC, 6, 11, ioa, value, select); }
Scripted dc_con(Time at, uint32_t ioa, double value, bool select, uint16_t cause = 7, std::string_view master = scada) {
  return iec104_answer(start + at, master, rtu, C_DC, cause, 11, ioa, value, select);
}
// One breaker as an operator opens it: select, its confirmation, execute, its confirmation, the new position.
void operate(Plant& p, Time at, uint32_t ioa, double value, std::string_view master = scada) {
  p(dc(at, ioa, value, true, master))(dc_con(at + millisecond, ioa, value, true, 7, master))(dc(at + 200 * millisecond, ioa, value, false, master))(
      dc_con(at + 201 * millisecond, ioa, value, false, 7, master))(iec104_report(start + at + 400 * millisecond, scada, rtu, M_DP_TB, 3, 11, ioa - 4000, value));
}

// I104-01

TEST(ControllingStation, StartedByAStranger) {
  Plant p;
  p(iec104_u(start, laptop, rtu, 0x07))(iec104_command(start + second, laptop, rtu, C_IC, 6, 11, 0, 0));
  EXPECT_EQ(p.times("I104-01"), 1u) << p.told();
  EXPECT_NE(p.last("I104-01").expected.find("scada (10.9.1.10)"), std::string::npos) << p.told();
  EXPECT_EQ(text_of(p.last("I104-01").source.address), laptop);
  EXPECT_EQ(p.last("I104-01").target.name, "rtu1");
}
TEST(ControllingStation, HeardInTheMiddle) {
  Plant p;
  p(iec104_command(start, laptop, rtu, C_IC, 6, 11, 0, 0).midstream());
  EXPECT_EQ(p.times("I104-01"), 1u) << p.told();
}
TEST(ControllingStation, TestFramesOfAStandbyLinkAreNotOne) {
  Plant p;
  p(iec104_u(start, laptop, rtu, 0x43))(iec104_u(start, laptop, rtu, 0x83, Side::server));
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(ControllingStation, DeclaredLearnedOrNothingKnown) {
  Plant declared, nothing(""), known(Hearing::Options{"", learned({iec104_u(start, laptop, rtu, 0x07), iec104_command(start, laptop, rtu, C_IC, 6, 11, 0, 0)}), {}});
  declared(iec104_u(start, scada, rtu, 0x07)), nothing(iec104_u(start, laptop, rtu, 0x07)), known(iec104_u(start + hour, laptop, rtu, 0x07));
  EXPECT_EQ(declared.of("I104") + nothing.of("I104") + known.of("I104"), 0u);
}
TEST(ControllingStation, SilentWhileLearning) {
  JudgeSettings s;
  s.mode = JudgeSettings::Mode::learn;
  Plant p(Hearing::Options{plant_site, {}, s});
  p(iec104_u(start, laptop, rtu, 0x07))(dc(second, 5101, 1, false, laptop));
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(ControllingStation, ASwitchOverIsOneMildStory) {
  Plant p;
  p(iec104_report(start, scada, rtu, M_ME_TF, 3, 11, 2001, 1))(iec104_u(start, scada, rtu, 0x43));
  p.until(minute);                                      // the centre's machine has died
  p(iec104_u(start + 2 * minute, spare, rtu, 0x07))(iec104_command(start + 2 * minute + 1, spare, rtu, C_IC, 6, 11, 0, 0));
  operate(p, 3 * minute, 5101, 1, spare);
  p(iec104_u(start + 4 * minute, spare, rtu, 0x07).flow(77));
  p(iec104_u(start + 5 * minute, scada, rtu, 0x43))(iec104_command(start + 5 * minute + second, spare, rtu, C_IC, 6, 11, 0, 0));   // the machine is back, and stands by
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
  ASSERT_EQ(p.times("NET-22"), 1u) << p.told();
  EXPECT_LE(p.last("NET-22").severity, 3);
  EXPECT_EQ(p.times("NET-01"), 0u) << p.told();
}
TEST(ControllingStation, ALinkThatWasOnlyKeptAliveAndStarts) {          // "NET-22"
  Plant p(Hearing::Options{"", learned({iec104_u(start, spare, rtu, 0x43), iec104_u(start, scada, rtu, 0x07), iec104_command(start, scada, rtu, C_IC, 6, 11, 0, 0)}), {}});
  p(iec104_u(start + hour, spare, rtu, 0x43))(iec104_u(start + hour, scada, rtu, 0x07));
  EXPECT_EQ(p.stories(), 0u) << p.told();
  p(iec104_u(start + 2 * hour, spare, rtu, 0x07))(iec104_command(start + 2 * hour, spare, rtu, C_IC, 6, 11, 0, 0));
  EXPECT_EQ(p.times("NET-22"), 1u) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}
TEST(ControllingStation, TwoAtATimeAreNoSwitchOver) {
  Plant p;
  for (int i = 0; i < 30; i++) p(iec104_u(start + i * second, scada, rtu, 0x43));
  p(iec104_u(start + 30 * second, spare, rtu, 0x07));
  EXPECT_EQ(p.last("I104-01").severity, 5) << p.told();
}
TEST(ControllingStation, AStrangerInTheStationIsNoStandIn) {
  Plant p;
  p(iec104_u(start, scada, rtu, 0x43));
  p.until(5 * minute);
  p(iec104_u(start + 6 * minute, laptop, rtu, 0x07));
  EXPECT_EQ(p.last("I104-01").severity, 5) << p.told();
}
TEST(ControllingStation, MembersOfAGroupStandIn) {
  std::string site(plant_site);
  site += R"(
[[host]]
name = "scada2"
address = "10.9.1.11"
role = "master"
[[master_group]]
name = "centre"
members = ["scada"]
standby = ["scada2"]
stations = ["rtu1"]
)";
  Plant p(site);
  p(iec104_u(start, scada, rtu, 0x43))(iec104_u(start + second, spare, rtu, 0x07));
  operate(p, 2 * second, 5101, 1, spare);
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}

// I104-02

TEST(Permission, OnlyReadersAndStrangersMayNotCommand) {
  Plant p;
  operate(p, 0, 5101, 1, hmi);
  EXPECT_EQ(p.weight("I104-02"), 2u) << p.told();        // select and execute
  EXPECT_NE(p.last("I104-02").what.find("J1 Q0 (information object 5101)"), std::string::npos) << p.told();
  EXPECT_EQ(p.last("I104-02").station, "common address 11");
}
TEST(Permission, AnAttackIsFewStories) {
  Plant p;
  p(iec104_u(start, laptop, rtu, 0x07));
  for (uint32_t i = 0; i < 40; i++) {
    p(iec104_command(start + second + i * 30 * millisecond, laptop, rtu, C_SC, 6, 11, 5001 + i, 0));
    p(iec104_answer(start + second + i * 30 * millisecond + 1, laptop, rtu, C_SC, i < 8 ? 7 : 47, 11, 5001 + i, 0));
  }
  p.until(minute);
  EXPECT_LE(p.stories(), 5u) << p.told();                // three of them IEC 104's, and new host and conversation
  EXPECT_EQ(p.times("I104-01"), 1u);
  EXPECT_EQ(p.weight("I104-02"), 40u);
  EXPECT_GE(p.weight("I104-05"), 40u - 2);
  EXPECT_EQ(p.times("I104-03") + p.times("I104-07") + p.times("I104-09") + p.times("I104-10"), 0u) << p.told();
}
TEST(Permission, TheControlCentreMay) {
  Plant p;
  operate(p, 0, 5101, 1);
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}

// I104-03

TEST(UnknownObject, NotInTheList) {
  Plant p;
  p(iec104_command(start, scada, rtu, C_SC, 6, 11, 5999, 1));
  EXPECT_EQ(p.times("I104-03"), 1u) << p.told();
  p(iec104_command(start + second, scada, rtu, C_SC, 6, 12, 5001, 1));
  EXPECT_EQ(p.times("I104-03"), 2u) << p.told();
  EXPECT_NE(p.last("I104-03").expected.find("common address 12"), std::string::npos);
}
TEST(UnknownObject, AMonitoredPointIsNoCommand) {
  Plant p;
  p(iec104_command(start, scada, rtu, C_SC, 6, 11, 1101, 1));
  EXPECT_EQ(p.times("I104-03"), 1u) << p.told();
}
TEST(UnknownObject, WithoutAListOnlyCommonAddressesCount) {
  Plant p(Hearing::Options{"", learned({iec104_command(start, scada, rtu, C_SC, 6, 11, 5001, 1)}), {}});
  p(iec104_command(start + hour, scada, rtu, C_SC, 6, 11, 5002, 1));
  EXPECT_EQ(p.times("I104-03"), 0u) << p.told();
  p(iec104_command(start + hour + second, scada, rtu, C_SC, 6, 99, 5002, 1));
  EXPECT_EQ(p.times("I104-03"), 1u) << p.told();
}

// I104-04

TEST(Enumeration, ObjectsTriedOneByOne) {
  Plant p("");
  for (uint32_t i = 0; i < 8; i++) {
    p(iec104_command(start + i * 5 * second, laptop, rtu, C_SC, 6, 11, 7000 + i, 1));
    p(iec104_answer(start + i * 5 * second + 1, laptop, rtu, C_SC, 47, 11, 7000 + i, 1));
  }
  EXPECT_EQ(p.weight("I104-04"), 8u) << p.told();
  EXPECT_EQ(text_of(p.last("I104-04").source.address), laptop);
}
TEST(Enumeration, OneWrongObjectAskedForEverIsAMistake) {
  Plant p("");
  for (uint32_t i = 0; i < 50; i++) {
    p(iec104_command(start + i * second, scada, rtu, C_SC, 6, 11, 7000, 1));
    p(iec104_answer(start + i * second + 1, scada, rtu, C_SC, 47, 11, 7000, 1));
  }
  EXPECT_EQ(p.times("I104-04"), 0u) << p.told();
}

// I104-05

TEST(Sweep, AllBreakersInThreeSeconds) {
  Plant p;
  for (uint32_t i = 0; i < 6; i++) operate(p, i * 450 * millisecond, 5101 + i, 1);
  p.until(minute);
  EXPECT_EQ(p.weight("I104-05"), 6u) << p.told();
  EXPECT_NE(p.heard.findings.back().what.find("6 different objects"), std::string::npos) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}
TEST(Sweep, OperatorsPaceIsNone) {
  Plant p;
  for (uint32_t i = 0; i < 6; i++) operate(p, i * 6 * second, 5101 + i, 2);
  p.until(minute);
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(Sweep, AcknowledgeAllIsNone) {
  Plant p;
  for (uint32_t i = 0; i < 8; i++) {
    p(iec104_command(start + i * 20 * millisecond, scada, rtu, C_SC, 6, 11, 5001 + i, 1));
    p(iec104_answer(start + i * 20 * millisecond + 1, scada, rtu, C_SC, 7, 11, 5001 + i, 1));
  }
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(Sweep, ALearnedSequenceIsNone) {
  std::vector<Scripted> order;
  for (uint32_t i = 0; i < 6; i++) order.push_back(dc(i * 300 * millisecond, 5101 + i, 1, false));
  Plant p(Hearing::Options{"", learned(order), {}});
  for (uint32_t i = 0; i < 6; i++) p(dc(hour + i * 300 * millisecond, 5101 + i, 1, false))(dc_con(hour + i * 300 * millisecond + 1, 5101 + i, 1, false));
  EXPECT_EQ(p.times("I104-05"), 0u) << p.told();
}
TEST(Sweep, OneObjectManyTimesIsNone) {
  Plant p;
  for (uint32_t i = 0; i < 10; i++) operate(p, i * 500 * millisecond, 5101, 1);
  EXPECT_EQ(p.times("I104-05"), 0u) << p.told();
}

// I104-06

TEST(Toggle, OneBreakerToAndFro) {
  Plant p;
  for (uint32_t i = 0; i < 8; i++) operate(p, i * 3 * second, 5101, 1 + i % 2);
  EXPECT_GE(p.weight("I104-06"), 4u) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}
TEST(Toggle, OpenAndCloseIsNone) {
  Plant p;
  operate(p, 0, 5101, 1), operate(p, 20 * second, 5101, 2), operate(p, 40 * second, 5101, 1);
  EXPECT_EQ(p.times("I104-06"), 0u) << p.told();
}
TEST(Toggle, ATapSeriesIsNone) {
  Plant p;
  for (uint32_t i = 0; i < 20; i++) p(iec104_command(start + i * 5 * second, scada, rtu, C_RC, 6, 11, 5101, 1 + i % 2, true));
  EXPECT_EQ(p.times("I104-06"), 0u) << p.told();
}

// I104-07

TEST(DirectOperate, WhereSelectIsDeclared) {
  Plant p;
  p(dc(0, 5101, 1, false));
  EXPECT_EQ(p.times("I104-07"), 1u) << p.told();
}
TEST(DirectOperate, WhereItIsDirectOrNobodyKnows) {
  Plant p, nothing("");
  p(iec104_command(start, scada, rtu, C_SC, 6, 11, 5001, 1));
  nothing(dc(0, 5101, 1, false));
  EXPECT_EQ(p.of("I104") + nothing.of("I104"), 0u);
}
TEST(DirectOperate, WhereSelectWasAlwaysUsed) {
  Plant p(Hearing::Options{"", learned({dc(0, 5101, 1, true), dc(second, 5101, 1, false), dc(minute, 5101, 2, true), dc(minute + second, 5101, 2, false)}), {}});
  p(dc(hour, 5101, 1, false));
  EXPECT_EQ(p.times("I104-07"), 1u) << p.told();
}
TEST(DirectOperate, AfterALossOfOctetsNobodyKnows) {
  Plant p;
  p(iec104_report(start, scada, rtu, M_ME_TF, 3, 11, 2001, 1).after_gap())(dc(second, 5101, 1, false));
  EXPECT_EQ(p.times("I104-07"), 0u) << p.told();
}

// I104-09, I104-10, I104-11

TEST(Answers, Missing) {
  Plant p;
  p(dc(0, 5101, 1, true));
  p.until(2 * minute);
  EXPECT_EQ(p.times("I104-09"), 1u) << p.told();
}
TEST(Answers, LateButThere) {
  Plant p;
  p(dc(0, 5101, 1, true))(dc_con(20 * second, 5101, 1, true));
  p.until(50 * second);
  EXPECT_EQ(p.times("I104-09"), 0u) << p.told();
}
TEST(Answers, Refused) {
  Plant p;
  p(dc(0, 5101, 1, true))(iec104_answer(start + 1, scada, rtu, C_DC, 7, 11, 5101, 1, true, true));
  EXPECT_EQ(p.times("I104-10"), 1u) << p.told();
}
TEST(Answers, OfNobodysCommand) {
  Plant p, joined;
  p(dc_con(0, 5101, 1, false));
  joined(dc_con(0, 5101, 1, false).midstream());
  EXPECT_EQ(p.times("I104-11"), 1u) << p.told();
  EXPECT_EQ(joined.of("I104"), 0u) << joined.told();
}

// I104-17

TEST(Quality, OfManyValuesTurnsBadAtOnce) {
  const auto turn = [](Plant& p, Time at, uint32_t first, uint32_t n, uint32_t quality, uint16_t reason = 3) {
    for (uint32_t i = 0; i < n; i++) p(iec104_report(start + at + i * 50 * millisecond, scada, rtu, M_ME_TF, reason, 12, first + i, 1).quality(quality));
  };
  Plant p;
  turn(p, 0, 3000, 40, good, 20), turn(p, 10 * second, 3000, 19, not_topical);
  EXPECT_EQ(p.times("I104-17"), 0u) << p.told();
  turn(p, 12 * second, 3019, 11, invalid);
  ASSERT_EQ(p.times("I104-17"), 1u) << p.told();
  EXPECT_NE(p.last("I104-17").what.find("20 values of rtu1 (10.1.1.20), common address 12, turned bad within 60 s"), std::string::npos) << p.told();
  turn(p, 60 * second, 3000, 40, good), turn(p, 80 * second, 3000, 25, not_topical);           // it came back, and is lost again
  EXPECT_EQ(p.times("I104-17"), 2u) << p.told();

  Plant others;
  turn(others, 0, 3000, 40, invalid, 20);                                                       // an interrogation: perhaps for years
  turn(others, 10 * second, 4000, 40, questionable | overflow);                                 // a value beyond its range is none
  for (uint32_t i = 0; i < 40; i++) turn(others, (20 + 5 * i) * second, 5000 + i, 1, not_topical);   // one after the other, hours long
  turn(others, 300 * second, 6000, 1, invalid), turn(others, 301 * second, 6000, 1, invalid);
  for (int i = 0; i < 40; i++) turn(others, (400 + i) * second, 7000, 1, i % 2 ? invalid : good);    // one that chatters
  EXPECT_EQ(others.times("I104-17"), 0u) << others.told();

  Plant scarred;                                                                                // one value of the first stays bad: the second is no less told
  turn(scarred, 0, 3000, 30, invalid), turn(scarred, 5 * minute, 3001, 29, good), turn(scarred, 60 * minute, 3001, 29, invalid);
  EXPECT_EQ(scarred.times("I104-17"), 2u) << scarred.told();

  Plant dead;                                                                                   // nobody knows since when, and they say so now and then
  for (uint32_t i = 0; i < 40; i++) turn(dead, 3 * i * minute, 3000 + i, 1, invalid);
  turn(dead, 180 * minute, 3000, 40, invalid), turn(dead, 200 * minute, 3000, 40, invalid);
  turn(dead, 220 * minute, 5000, 40, invalid, 20), turn(dead, 230 * minute, 5000, 40, invalid);   // the sensor began to listen after they died
  EXPECT_EQ(dead.times("I104-17"), 0u) << dead.told();

  Plant slow;                                                                                   // a gateway gives up one device after the other: one story
  turn(slow, 0, 3000, 2000, not_topical);
  EXPECT_LE(slow.times("I104-17"), 3u) << slow.told();

  Plant crowded;                                                                                // more are bad for good than there are places
  for (uint32_t i = 0; i < 4200; i++) turn(crowded, 4 * i * second, 10'000 + i, 1, invalid);
  turn(crowded, 20'000 * second, 3000, 30, invalid);
  EXPECT_EQ(crowded.times("I104-17"), 1u) << crowded.told();

  Plant flapping;                                                                               // chattering asks no more of the heap than staying good
  const auto asked = [&flapping](uint32_t quality) {
    const size_t before = heap_requests();
    for (int i = 0; i < 1000; i++) flapping(iec104_report(start + i * 50 * millisecond, scada, rtu, M_ME_TF, 3, 12, 3000 + i % 8, 1).quality(i / 8 % 2 ? quality : good));
    return heap_requests() - before;
  };
  asked(invalid);
  EXPECT_EQ(asked(invalid), asked(good));                                                        // nothing under a sanitizer, which counts none

  std::string list(plant_site);                                                                 // a small part of a large station
  list += "[[iec104_point]]\nhost = \"rtu1\"\nstation = 12\naddress = 3000\ncount = 200\ntype = \"M_ME_TF_1\"\n";
  Plant large(list);
  turn(large, 0, 3000, 59, not_topical);
  EXPECT_EQ(large.times("I104-17"), 0u) << large.told();
  turn(large, 5 * second, 3059, 1, not_topical);
  EXPECT_EQ(large.times("I104-17"), 1u) << large.told();
}

// I104-12

TEST(Process, DoesNotFollow) {
  Plant p;
  p(iec104_report(start, scada, rtu, 3, 20, 11, 1101, 2))(dc(second, 5101, 1, true))(dc_con(second + 1, 5101, 1, true))(dc(2 * second, 5101, 1, false))(dc_con(2 * second + 1, 5101, 1, false));
  p.until(minute);
  EXPECT_EQ(p.times("I104-12"), 1u) << p.told();
  EXPECT_NE(p.last("I104-12").what.find("did not move"), std::string::npos) << p.told();
}
TEST(Process, SaysTheOpposite) {
  Plant p;
  p(iec104_report(start, scada, rtu, 3, 20, 11, 1101, 1))(dc(second, 5101, 2, true))(dc_con(second + 1, 5101, 2, true))(dc(2 * second, 5101, 2, false))(dc_con(2 * second + 1, 5101, 2, false));
  p(iec104_report(start + 3 * second, scada, rtu, M_DP_TB, 11, 11, 1101, 1));
  p.until(minute);
  EXPECT_EQ(p.times("I104-12"), 1u) << p.told();
  EXPECT_NE(p.last("I104-12").what.find("says off"), std::string::npos) << p.told();
}
TEST(Process, ADisconnectorTakesTwentySeconds) {
  Plant p;
  p(iec104_report(start, scada, rtu, 3, 20, 11, 1101, 2))(dc(second, 5101, 1, true))(dc_con(second + 1, 5101, 1, true))(dc(2 * second, 5101, 1, false))(dc_con(2 * second + 1, 5101, 1, false));
  p(iec104_report(start + 3 * second, scada, rtu, M_DP_TB, 3, 11, 1101, 0))(iec104_report(start + 22 * second, scada, rtu, M_DP_TB, 11, 11, 1101, 1));
  p.until(minute);
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(Process, AlreadyThere) {
  Plant p;
  p(iec104_report(start, scada, rtu, 3, 20, 11, 1101, 1))(dc(second, 5101, 1, true))(dc_con(second + 1, 5101, 1, true))(dc(2 * second, 5101, 1, false))(dc_con(2 * second + 1, 5101, 1, false));
  p.until(minute);
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}

// I104-15

TEST(SetPoint, OutsideDeclaredLimits) {
  Plant p;
  p(iec104_command(start, scada, rtu, C_SE_NC, 6, 11, 6001, 400));
  EXPECT_EQ(p.times("I104-15"), 1u) << p.told();
  p(iec104_command(start + second, scada, rtu, C_SE_NC, 6, 11, 6001, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(p.times("I104-15"), 2u) << p.told();
}
TEST(SetPoint, InsideDeclaredLimitsOrUnknown) {
  Plant p;
  p(iec104_command(start, scada, rtu, C_SE_NC, 6, 11, 6001, 25));
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(SetPoint, FarFromWhatWasLearned) {
  std::vector<Scripted> days;
  for (int i = 0; i < 20; i++) days.push_back(iec104_command(start + i * minute, scada, rtu, C_SE_NC, 6, 11, 6001, 10 + i % 5));
  Plant p(Hearing::Options{"", learned(days), {}});
  p(iec104_command(start + hour, scada, rtu, C_SE_NC, 6, 11, 6001, 16));
  EXPECT_EQ(p.times("I104-15"), 0u) << p.told();
  p(iec104_command(start + hour + second, scada, rtu, C_SE_NC, 6, 11, 6001, 90));
  EXPECT_EQ(p.times("I104-15"), 1u) << p.told();
}

TEST(SetPoint, WhoGetsThereInLearnedStepsMay) {
  std::vector<Scripted> days;
  for (int i = 0; i < 20; i++) days.push_back(iec104_command(start + i * minute, scada, rtu, C_SE_NC, 6, 11, 6001, 10 + i % 5));
  Plant p(Hearing::Options{"", learned(days), {}});
  for (int i = 0; i < 20; i++) p(iec104_command(start + hour + i * minute, scada, rtu, C_SE_NC, 6, 11, 6001, 14 + 4 * i));
  EXPECT_EQ(p.times("I104-15"), 0u) << p.told();
  p(iec104_command(start + 2 * hour, scada, rtu, C_SE_NC, 6, 11, 6001, 200));
  EXPECT_EQ(p.times("I104-15"), 1u) << p.told();
}
TEST(SetPoint, AlwaysTheSameSoFar) {
  std::vector<Scripted> days;
  for (int i = 0; i < 20; i++) days.push_back(iec104_command(start + i * minute, scada, rtu, C_SE_NC, 6, 11, 6001, 12));
  Plant p(Hearing::Options{"", learned(days), {}});
  p(iec104_command(start + hour, scada, rtu, C_SE_NC, 6, 11, 6001, 12.5));
  EXPECT_EQ(p.times("I104-15"), 0u) << p.told();
  p(iec104_command(start + 2 * hour, scada, rtu, C_SE_NC, 6, 11, 6001, 30));
  EXPECT_EQ(p.times("I104-15"), 1u) << p.told();
}

// I104-20, I104-21, I104-22

Scripted clock_set(Time at, std::string_view master, Time value) {
  Scripted e = iec104_command(start + at, master, rtu, C_CS, 6, 11, 0, 0);
  e.points[0].set_time(start + value);
  return e;
}
TEST(SystemCommands, ClockByWhoMayNot) {
  Plant p;
  p(clock_set(0, hmi, 0));
  EXPECT_EQ(p.times("I104-20"), 1u) << p.told();
}
TEST(SystemCommands, ClockOfTheMasterInLocalTime) {
  Plant p;
  p(clock_set(0, scada, 2 * hour + second))(clock_set(minute, scada, minute + 2 * hour))(clock_set(2 * minute, scada, 2 * minute + hour));   // and the end of summer time
  EXPECT_EQ(p.of("I104"), 0u) << p.told();
}
TEST(SystemCommands, ClockThatJumps) {
  Plant p;
  p(clock_set(0, scada, second))(clock_set(minute, scada, 6 * minute));
  EXPECT_EQ(p.times("I104-20"), 1u) << p.told();
}
TEST(SystemCommands, ResetProcess) {
  Plant p("");
  Scripted e = iec104_command(start, scada, rtu, C_RP, 6, 11, 0, 0);
  e.said.qualifier = 1;
  p(e);
  EXPECT_EQ(p.times("I104-21"), 1u) << p.told();
  p(iec104_answer(start + 1, scada, rtu, C_RP, 7, 11, 0, 0));
  EXPECT_EQ(p.times("I104-21"), 1u);
}
TEST(SystemCommands, TestPattern) {
  Plant p("");
  Scripted good = iec104_command(start, scada, rtu, C_TS, 6, 11, 0, 0), bad = good, counter = iec104_command(start, scada, rtu, C_TS_TA, 6, 11, 0, 0);
  good.said.qualifier = 0x55aa, bad.said.qualifier = 0x1234, counter.said.qualifier = 17;
  p(good)(counter);
  EXPECT_EQ(p.times("I104-22"), 0u) << p.told();
  p(bad);
  EXPECT_EQ(p.times("I104-22"), 1u) << p.told();
}

}  // namespace
}  // namespace vidra
