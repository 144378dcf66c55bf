// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/judge/plant.h"

namespace vidra {
namespace {

constexpr uint8_t latch_on = 3, latch_off = 4;

Scripted ask(Time at, uint8_t sequence, uint8_t function, std::string_view master = scada, uint16_t origin = 1) {
  return dnp3_request(start + at, master, outstation, sequence, function, 10, origin);
}
Scripted crob(Time at, uint8_t sequence, uint8_t function, std::vector<uint32_t> indices, uint8_t code, std::string_view master = scada) {
  return dnp3_crob(start + at, master, outstation, sequence, function, std::move(indices), code);
}
Scripted answer(const Scripted& e, uint8_t status = 0, uint16_t iin = 0) { return dnp3_response(e, e.scene.time + millisecond, status, iin); }
Scripted time_write(Time at, std::string_view master, Time value) {
  Scripted e = ask(at, 3, 2, master);
  e.said.act = Act::time;
  Point p;
  p.object = Object(ObjectKind::time_and_date, 0);
  p.form = 50 << 8 | 1;
  p.set_time(start + value);
  e.points.push_back(p);
  return e;
}
Scripted clear_restart(Time at, std::string_view master = scada) {
  Scripted e = dnp3_object(ask(at, 2, 2, master), ObjectKind::internal_indication, 80, 1, 7, 0);
  e.said.act = Act::session;
  return e;
}
// A master's start as the standard describes it: unsolicited off, restart cleared, integrity poll, time, unsolicited on.
void start_up(Plant& p, Time at, std::string_view master = scada) {
  const Scripted off = ask(at, 0, 21, master), poll = ask(at + 30 * millisecond, 2, 1, master), on = ask(at + 80 * millisecond, 5, 20, master);
  p(off)(answer(off, 0, 0x0090))(clear_restart(at + 10 * millisecond, master))(poll)(answer(poll, 0, 0x0010))(time_write(at + 60 * millisecond, master, at + 60 * millisecond))(on)(answer(on));
}

// DNP-01

TEST(Dnp3Master, Stranger) {
  Plant p;
  p(ask(0, 0, 1, laptop));
  EXPECT_EQ(p.times("DNP-01"), 1u) << p.told();
  EXPECT_NE(p.last("DNP-01").expected.find("scada (10.9.1.10)"), std::string::npos) << p.told();
}
TEST(Dnp3Master, KnownHostWithAnotherLinkAddress) {
  Plant p;
  p(ask(0, 0, 1, scada, 5));
  EXPECT_EQ(p.times("DNP-01"), 1u) << p.told();
}
TEST(Dnp3Master, TheOwnMastersWholeLife) {
  Plant p;
  start_up(p, 0);
  for (int i = 1; i < 40; i++) {
    const Scripted poll = ask(i * 7 * second, uint8_t(i), 1);
    p(poll)(answer(poll, 0, i % 9 == 0 ? 0x0010 : 0));
    if (i % 9 == 0) p(time_write(i * 7 * second + millisecond, scada, i * 7 * second));
  }
  const Scripted select = crob(300 * second, 1, 3, {2}, latch_off), operate = crob(300 * second + 20 * millisecond, 2, 4, {2}, latch_off);
  p(select)(answer(select))(operate)(answer(operate))(dnp3_unsolicited(start + 301 * second, scada, outstation, 1, 2, false));
  start_up(p, 400 * second);                  // the outstation restarted
  p.until(10 * minute);
  EXPECT_EQ(p.heard.findings.size(), 0u) << p.told();
}
TEST(Dnp3Master, ARogueIsFewStories) {
  Plant p;
  p(ask(0, 6, 0, laptop));
  const Scripted off = ask(second, 0, 21, laptop), restart = ask(3 * second, 9, 13, laptop);
  p(off)(answer(off));
  for (uint32_t i = 0; i < 8; i++) {
    const Scripted e = crob(1400 * millisecond + i * 120 * millisecond, uint8_t(i + 1), 5, {i}, latch_off, laptop);
    p(e)(answer(e, i > 1 ? 4 : 0));
  }
  p(restart)(answer(restart, 0, 0x0200));
  p.until(5 * minute);
  EXPECT_EQ(p.times("DNP-11"), 1u) << p.told();
  EXPECT_EQ(p.weight("DNP-06"), 8u) << p.told();
  EXPECT_GE(p.times("DNP-01"), 1u);
  size_t dnp = 0;
  for (const char* id : {"DNP-03", "DNP-04", "DNP-05", "DNP-08", "DNP-12", "DNP-13", "DNP-15", "DNP-18", "DNP-25", "DNP-27", "DNP-29"}) dnp += p.times(id);
  EXPECT_EQ(dnp, 0u) << p.told();
}
TEST(Dnp3Master, NothingKnownNothingNew) {
  Plant p("");
  start_up(p, 0, laptop);
  p.until(5 * minute);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}
TEST(Dnp3Master, ASwitchOverIsOneMildStory) {
  Plant p;
  start_up(p, 0);
  p.until(2 * minute);
  start_up(p, 3 * minute, spare);
  p.until(5 * minute);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
  EXPECT_EQ(p.times("NET-22"), 1u) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}

// DNP-03

TEST(Writes, OtherObjects) {
  Plant p;
  p(dnp3_object(ask(0, 1, 2), ObjectKind::other_dnp3, 34, 2, 3, 100));
  EXPECT_EQ(p.times("DNP-03"), 1u) << p.told();
}
TEST(Writes, RestartAndTimeAreOrdinary) {
  Plant p;
  p(clear_restart(0))(time_write(second, scada, second))(time_write(minute, scada, minute));
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}

// DNP-04, DNP-05, DNP-08

TEST(Dnp3Operate, DirectWhereSelectIsDeclared) {
  Plant p;
  p(crob(0, 1, 5, {2}, latch_on));
  EXPECT_EQ(p.times("DNP-04"), 1u) << p.told();
}
TEST(Dnp3Operate, SelectedFirst) {
  Plant p;
  p(crob(0, 1, 3, {2}, latch_on))(answer(crob(0, 1, 3, {2}, latch_on)))(crob(second, 2, 4, {2}, latch_on))(answer(crob(second, 2, 4, {2}, latch_on)));
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}
TEST(Dnp3Operate, WithoutAcknowledgement) {
  Plant p, learnt(Hearing::Options{"", learned({crob(0, 1, 6, {2}, latch_on)}), {}});
  p(crob(0, 1, 6, {2}, latch_on));
  learnt(crob(hour, 1, 6, {2}, latch_on));
  EXPECT_EQ(p.times("DNP-05"), 1u) << p.told();
  EXPECT_EQ(p.times("DNP-04"), 0u) << p.told();
  EXPECT_EQ(learnt.of("DNP"), 0u) << learnt.told();
}
TEST(Dnp3Operate, NotWhatWasSelected) {
  Plant other, late;
  other(crob(0, 1, 3, {2}, latch_on))(crob(second, 2, 4, {2}, latch_off));
  late(crob(0, 1, 3, {2}, latch_on))(crob(second, 7, 4, {2}, latch_on));
  EXPECT_EQ(other.times("DNP-08"), 1u) << other.told();
  EXPECT_EQ(late.times("DNP-08"), 1u) << late.told();
}
TEST(Dnp3Operate, OneAbandonedSelectIsAChangeOfMind) {
  Plant p;
  p(crob(0, 1, 3, {2}, latch_on))(answer(crob(0, 1, 3, {2}, latch_on)));
  p.until(3 * minute);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
  for (uint32_t i = 0; i < 4; i++) {
    const Scripted e = crob((200 + int(i)) * second, uint8_t(i), 3, {i}, latch_on);
    p(e)(answer(e));
  }
  p.until(6 * minute);
  EXPECT_GE(p.weight("DNP-08"), 3u) << p.told();
}

// DNP-06

TEST(Dnp3Sweep, ManyOutputsAtOnce) {
  Plant p;
  for (uint32_t i = 0; i < 8; i++) {
    const Scripted select = crob(i * 300 * millisecond, uint8_t(2 * i), 3, {i}, latch_off), operate = crob(i * 300 * millisecond + 10 * millisecond, uint8_t(2 * i + 1), 4, {i}, latch_off);
    p(select)(answer(select))(operate)(answer(operate));
  }
  p.until(minute);
  EXPECT_EQ(p.weight("DNP-06"), 8u) << p.told();
  EXPECT_EQ(p.stories(), 1u) << p.told();
}
TEST(Dnp3Sweep, OperatorsPace) {
  Plant p;
  for (uint32_t i = 0; i < 8; i++) {
    const Scripted select = crob(i * 7 * second, uint8_t(2 * i), 3, {i}, latch_off), operate = crob(i * 7 * second + second, uint8_t(2 * i + 1), 4, {i}, latch_off);
    p(select)(answer(select))(operate)(answer(operate));
  }
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}

// DNP-11, DNP-12, DNP-13, DNP-25, DNP-27

TEST(Dnp3RareFunctions, RestartsAndStops) {
  Plant p("");
  p(ask(0, 1, 13))(ask(second, 2, 14))(ask(2 * second, 3, 18))(ask(3 * second, 4, 16))(ask(4 * second, 5, 17));
  EXPECT_EQ(p.times("DNP-11"), 1u) << p.told();
  EXPECT_EQ(p.times("DNP-12"), 1u);
  EXPECT_EQ(p.times("DNP-13"), 2u);
}
TEST(Dnp3RareFunctions, DeclaredRestart) {
  std::string site(plant_site);
  site.replace(site.find("\"operate\", \"time\"]\norigins"), 9, "\"operate\", \"run\"");
  Plant p{site};
  p(ask(0, 1, 13));
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}
TEST(Dnp3RareFunctions, Broadcast) {
  Plant p, learnt(Hearing::Options{"", learned({dnp3_request(start, scada, outstation, 1, 7, 0xffff)}), {}});
  p(dnp3_request(start, scada, outstation, 1, 7, 0xffff));
  learnt(dnp3_request(start + hour, scada, outstation, 1, 7, 0xffff));
  EXPECT_EQ(p.times("DNP-25"), 1u) << p.told();
  EXPECT_EQ(learnt.of("DNP"), 0u) << learnt.told();
}
TEST(Dnp3RareFunctions, Files) {
  Plant p, learnt(Hearing::Options{"", learned({ask(0, 1, 25)}), {}});
  p(ask(0, 1, 25))(ask(second, 2, 26))(ask(2 * second, 3, 27));
  learnt(ask(hour, 1, 25));
  EXPECT_EQ(p.times("DNP-27"), 2u) << p.told();
  EXPECT_EQ(learnt.of("DNP"), 0u) << learnt.told();
}

TEST(Dnp3RareFunctions, AFileThatIsReadExcusesNoneThatIsWrittenBesideIt) {
  const auto open = [](std::initializer_list<Point> objects) {
    Scripted s = ask(hour, 1, 25);
    s.points = objects;
    return s;
  };
  Point reads{Object::of_text(text_key("C:/fault1.cfg"))}, writes{Object::of_text(text_key("C:/app.bin"))}, credentials{Object(ObjectKind::item, 2)};
  reads.qualifier = 1, writes.qualifier = 2, credentials.qualifier = 1;         // g70v2: a password is there
  Plant fetched(Hearing::Options{"", learned({ask(0, 1, 1)}), {}}), both(Hearing::Options{"", learned({ask(0, 1, 1)}), {}}), password(Hearing::Options{"", learned({ask(0, 1, 1)}), {}});
  fetched(open({reads}));
  both(open({writes, reads}));
  password(open({credentials, writes}));
  EXPECT_EQ(fetched.times("DNP-27"), 0u) << fetched.told();
  EXPECT_EQ(both.times("DNP-27"), 1u) << both.told();
  EXPECT_EQ(password.times("DNP-27"), 1u) << password.told();
}

// DNP-15

TEST(Dnp3Unsolicited, SwitchedOffAndLeftOff) {
  Plant p;
  start_up(p, 0);
  p(ask(10 * minute, 1, 21));
  p.until(10 * minute + 30 * second);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
  p(ask(10 * minute + 59 * second, 2, 1));
  p.until(12 * minute);
  EXPECT_EQ(p.times("DNP-15"), 1u) << p.told();
}
TEST(Dnp3Unsolicited, OffAndOnAgain) {
  Plant p;
  start_up(p, 0);
  p(ask(10 * minute, 1, 21))(ask(10 * minute + 5 * second, 2, 20));
  p.until(15 * minute);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}

// DNP-18

TEST(Dnp3Time, ByWhoNeverSetIt) {
  Plant p(Hearing::Options{"", learned({ask(0, 1, 1), ask(0, 1, 1, hmi)}), {}});
  p(time_write(hour, hmi, hour));
  EXPECT_EQ(p.times("DNP-18"), 1u) << p.told();
}
TEST(Dnp3Time, AskedForByTheOutstation) {
  Plant p(Hearing::Options{"", learned({ask(0, 1, 1)}), {}});
  p(answer(ask(hour, 1, 1), 0, 0x0010))(time_write(hour + second, scada, hour + second));
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}
TEST(Dnp3Time, ThatJumps) {
  Plant p;
  p(time_write(0, scada, 0))(time_write(minute, scada, 5 * minute));
  EXPECT_EQ(p.times("DNP-18"), 1u) << p.told();
}

// DNP-29

TEST(Dnp3Frames, Broken) {
  Plant p("");
  for (int i = 0; i < 5; i++) {
    Scripted e = ask(i * second, 1, 1, laptop).malformed();
    e.said.link = true;
    e.said.reason = 0x402;
    p(e);
  }
  EXPECT_EQ(p.weight("DNP-29"), 5u) << p.told();
}
TEST(Dnp3Frames, OneIsALine) {
  Plant p("");
  Scripted e = ask(0, 1, 1, laptop).malformed();
  e.said.reason = 0x402;
  p(e);
  EXPECT_EQ(p.of("DNP"), 0u) << p.told();
}

}  // namespace
}  // namespace vidra
