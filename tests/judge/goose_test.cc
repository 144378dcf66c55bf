// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/judge/publishing.h"

namespace vidra {
namespace {

// An ordinary publisher that has spoken for a while: every script begins so, and must be quiet until here.
struct Bay : Publishing {
  explicit Bay(std::string_view site = publishers_site) : Publishing(site) { begin(); }
  explicit Bay(Hearing::Options o) : Publishing(std::move(o)) { begin(); }
  void begin() {
    wait(2 * second);
    repeat(g, 500 * millisecond, 24);
    change(g);
    for (Time t : {4, 8, 16, 32, 500}) goose(g), g.sq++, wait(t * millisecond);
    repeat(g, 500 * millisecond, 24);
    EXPECT_EQ(told(), "");
  }
  GooseFrame g;
};

Memory memory_of(std::vector<GooseFrame> frames, Time period = 500 * millisecond) {
  JudgeSettings learning;
  learning.mode = JudgeSettings::Mode::learn;
  Publishing p({"", {}, learning});
  for (int i = 0; i < 20; i++)
    for (GooseFrame& g : frames) {
      if (!g.t) g.t = p.h.now;
      p.goose(g), g.sq++;
      p.wait(period);
    }
  EXPECT_EQ(p.told(), "");
  Memory m;
  for (const PublisherMemory& each : p.h.judge.memory().publishers()) m.add_publisher(each.kind, each.reference) = each;
  return m;
}

TEST(GooseNumbers, AreTheDissectorsOwn) {
  const Protocol& goose = *protocols[size_t(protocol_index("goose"))];
  EXPECT_EQ(function_name(goose, 258, 17), "stNum went back");
  EXPECT_EQ(function_name(goose, 258, 16), "stNum jumped");
  EXPECT_EQ(function_name(goose, 258, 22), "values changed without a new stNum");
  EXPECT_EQ(function_name(goose, 258, 13), "SPDU number went back");
  EXPECT_EQ(function_name(goose, 258, 25), "t went back");
  EXPECT_EQ(function_name(goose, 257, 0), "summary");
}

TEST(GooseStranger, IsToldWhereGooseIsKnown) {
  Bay b;
  b.goose({.reference = "EVILLD0/LLN0$GO$g1"}, stranger_mac);
  EXPECT_EQ(b.h.times("GSE-01"), 1u) << b.told();
  EXPECT_NE(b.h.last("GSE-01").what.find("EVILLD0/LLN0$GO$g1"), std::string::npos);
  for (int i = 0; i < 20; i++) b.goose({.reference = "EVILLD0/LLN0$GO$g2", .sq = uint32_t(i)}, stranger_mac), b.wait(100 * millisecond);
  EXPECT_EQ(b.stories(), 1u) << b.told();
}
TEST(GooseStranger, IsNobodyWhereNothingIsKnown) {
  Publishing p;
  GooseFrame g, other{.reference = "IED9LD0/LLN0$GO$gcb01"};
  for (int i = 0; i < 20; i++) p.repeat(g, 100 * millisecond, 1), p.repeat(other, 100 * millisecond, 1, ied2_mac);
  EXPECT_EQ(p.told(), "");
}
TEST(GooseStranger, IsToldByMemoryAlone) {
  Bay b({"", memory_of({{}})});
  b.goose({.reference = "EVILLD0/LLN0$GO$g1"}, stranger_mac);
  EXPECT_EQ(b.h.times("GSE-01"), 1u) << b.told();
}
TEST(GooseStranger, ADeviceThatTookOverAControlBlockIsToldOnce) {
  Bay b;
  b.wait(30 * second);                      // silent: GSE-10
  b.repeat(b.g, 500 * millisecond, 20, ied2_mac);
  EXPECT_EQ(b.h.times("GSE-01"), 1u) << b.told();
  EXPECT_EQ(b.h.times("GSE-02"), 0u) << b.told();
}

TEST(TwoPublishers, AreToldAtOnceWhereTheDeviceIsKnown) {
  Bay b;
  b.goose({.st = 900, .on = true}, stranger_mac);
  EXPECT_EQ(b.h.times("GSE-02"), 1u) << b.told();
  EXPECT_EQ(b.stories(), 1u);
  EXPECT_NE(b.h.last("GSE-02").what.find("ied1"), std::string::npos) << b.told();
  EXPECT_EQ(text_of(b.h.last("GSE-02").target.address), "10.1.1.41") << "it is done to the device in whose name it is";
}
TEST(TwoPublishers, AreToldWithoutKnowledgeWhenTheySpeakByTurns) {
  Bay b("");
  GooseFrame second_one{.st = 900};
  for (int i = 0; i < 6; i++) b.repeat(b.g, 600 * millisecond, 2), b.repeat(second_one, 600 * millisecond, 2, stranger_mac);
  EXPECT_EQ(b.h.times("GSE-02"), 1u) << b.told();
}
TEST(TwoPublishers, AStandInAfterSilenceIsNone) {
  Bay b("");
  b.wait(20 * second);
  b.repeat(b.g, 500 * millisecond, 40, ied2_mac);
  b.wait(20 * second);
  b.repeat(b.g, 500 * millisecond, 40);
  EXPECT_EQ(b.told(), "");
}
TEST(TwoPublishers, TheSameFrameByTwoNetworksIsOne) {      // PRP: traffic passes it once; a mirror of another VLAN has the same source
  Bay b("");
  for (int i = 0; i < 20; i++) b.goose(b.g), b.goose(b.g, ied1_mac, goose_group), b.g.sq++, b.wait(500 * millisecond);
  EXPECT_EQ(b.told(), "");
}

TEST(GooseReplay, IsToldOnce) {
  Bay b;
  const GooseFrame old = b.g;
  b.change(b.g), b.repeat(b.g, 500 * millisecond, 4);
  b.change(b.g), b.repeat(b.g, 500 * millisecond, 4);
  for (int i = 0; i < 10; i++) {
    GooseFrame again = old;
    again.sq += uint32_t(i);
    b.goose(again), b.wait(20 * millisecond);
  }
  b.repeat(b.g, 500 * millisecond, 10);
  EXPECT_EQ(b.h.times("GSE-03") > 0, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
}
TEST(GooseReplay, ARestartIsNone) {
  Bay b;
  b.change(b.g), b.repeat(b.g, 500 * millisecond, 4);
  GooseFrame fresh;
  b.wait(3 * second);
  b.repeat(fresh, 500 * millisecond, 20);
  fresh = {.sq = 1};                         // before the time allowed to live was over
  b.repeat(fresh, 500 * millisecond, 20);
  EXPECT_EQ(b.told(), "");
}
TEST(GooseReplay, ARestartThatTheOldSeriesOutlivesIsOne) {
  Bay b;
  for (int i = 0; i < 5; i++) b.change(b.g), b.repeat(b.g, 500 * millisecond, 2);
  b.goose({.on = true, .t = b.h.now});
  b.wait(500 * millisecond);
  b.repeat(b.g, 500 * millisecond, 4);
  EXPECT_EQ(b.h.times("GSE-03"), 1u) << b.told();
}

TEST(GooseJump, IsToldAndTheOneOfASecondSeriesIsPoisoning) {
  Bay b;
  b.g.st += 20, b.g.sq = 0, b.g.t = b.h.now, b.g.on = !b.g.on;
  b.repeat(b.g, 500 * millisecond, 6);
  EXPECT_EQ(b.h.times("GSE-04"), 1u) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();

  Bay c;
  for (int i = 0; i < 3; i++) {
    c.goose({.st = c.g.st + 50, .sq = uint32_t(i), .on = !c.g.on, .t = c.h.now}), c.wait(100 * millisecond);
    c.repeat(c.g, 300 * millisecond, 1);
  }
  EXPECT_EQ(c.h.times("GSE-05") > 0, true) << c.told();
  EXPECT_EQ(c.stories(), 1u) << c.told();
}
TEST(GooseJump, OfAMillionIsPoisoningAtOnceAndOneOfALostFrameIsLittle) {
  Bay b;
  b.goose({.st = 4'294'967'290, .on = !b.g.on, .t = b.h.now});
  EXPECT_EQ(b.h.times("GSE-05"), 1u) << b.told();
  Bay c;
  c.h.sensor(SensorFact::dropped, 40);
  c.g.st += 2, c.g.sq = 1, c.g.t = c.h.now, c.g.on = !c.g.on;
  c.repeat(c.g, 500 * millisecond, 10);
  EXPECT_EQ(c.h.of("GSE-04") + c.h.of("GSE-05"), 0u) << c.told();
}

TEST(GooseSequence, ManyGapsAreToldAFewAreNot) {
  Bay b;
  for (int i = 0; i < 40; i++) b.g.sq += i % 4 == 3, b.repeat(b.g, 500 * millisecond, 1);
  EXPECT_EQ(b.h.times("GSE-06") > 0, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
  Bay c;
  for (int i = 0; i < 400; i++) c.g.sq += i % 100 == 50, c.repeat(c.g, 100 * millisecond, 1);      // 1 % lost
  EXPECT_EQ(c.told(), "");
}

TEST(GooseData, ThatChangesInAStateIsTold) {
  Bay b;
  GooseFrame made = b.g;
  made.on = !made.on, made.trip = true;
  b.goose(made);
  b.wait(100 * millisecond);
  b.repeat(b.g, 500 * millisecond, 4);
  EXPECT_EQ(b.h.weight("GSE-07") >= 1, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
  EXPECT_NE(b.h.last("GSE-07").what.find("without a new stNum"), std::string::npos);
}
TEST(GooseData, ATripWithAutoReclosingIsOrdinary) {
  Bay b;
  for (int i = 0; i < 6; i++) {
    b.change(b.g), b.g.trip = i % 2 == 0;
    for (Time t : {4, 8, 16, 32, 64}) b.goose(b.g), b.g.sq++, b.wait(t * millisecond);
  }
  b.repeat(b.g, 500 * millisecond, 10);
  EXPECT_EQ(b.told(), "");
}

TEST(GooseIdle, StatesWithoutAChangeAreToldWhenTheyAreMany) {
  Bay b;
  for (int i = 0; i < 4; i++) b.g.st++, b.g.sq = 0, b.g.t = b.h.now, b.repeat(b.g, 500 * millisecond, 4);
  EXPECT_EQ(b.h.times("GSE-08") > 0, true) << b.told();
  Bay c;
  c.g.st++, c.g.sq = 0, c.g.t = c.h.now, c.repeat(c.g, 500 * millisecond, 4);
  EXPECT_EQ(c.told(), "");
}

TEST(GooseTime, OfANewStateThatIsHoursOldIsTold) {
  Bay b;
  b.change(b.g), b.repeat(b.g, 500 * millisecond, 2);
  b.change(b.g), b.g.t = b.h.now + hour, b.repeat(b.g, 500 * millisecond, 2);
  EXPECT_EQ(b.h.times("GSE-09"), 1u) << b.told();
}
TEST(GooseTime, OfAQuietPublisherMayBeOld) {
  Publishing p(publishers_site);
  GooseFrame g{.st = 7, .sq = 4711, .t = p.h.now - 200 * day};
  p.repeat(g, 500 * millisecond, 20);
  Publishing q(publishers_site);            // a device without a clock
  GooseFrame old{.t = second};
  q.repeat(old, 500 * millisecond, 5);
  for (int i = 0; i < 3; i++) old.st++, old.sq = 0, old.on = !old.on, old.t += second, q.repeat(old, 500 * millisecond, 5);
  EXPECT_EQ(p.told() + q.told(), "");
}

TEST(GooseSilence, IsToldWhileOthersAreHeard) {
  Bay b;
  b.wait(12 * second);
  EXPECT_EQ(b.h.times("GSE-10"), 1u) << b.told();
  b.repeat(b.g, 500 * millisecond, 10);
  Bay deaf;
  deaf.h.wait(20 * second);                 // nothing at all is heard
  deaf.repeat(deaf.g, 500 * millisecond, 10);
  EXPECT_EQ(deaf.told(), "");
}

TEST(GooseSilence, IsToldAfterOtherSettingsWereRead) {
  Bay b;
  for (int i = 0; i < 12; i++) b.h.judge.adopt(Hearing::site_of(publishers_site), {}), b.repeat(b.g, 500 * millisecond, 1);
  for (int i = 0; i < 12; i++) b.h.judge.adopt(Hearing::site_of(publishers_site), {}), b.wait(second);
  EXPECT_EQ(b.h.times("GSE-10"), 1u) << b.told();
}

TEST(GooseCurve, RepeatedTooSlowlyIsTold) {
  Bay b;
  b.g.live = 20'000;
  b.change(b.g);
  b.repeat(b.g, 5 * second, 8);
  EXPECT_EQ(b.h.times("GSE-11") > 0, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
  Bay c;
  c.repeat(c.g, 2 * second, 20);
  EXPECT_EQ(c.told(), "");
}

TEST(GooseFlood, IsToldABurstIsNot) {
  Bay b;
  b.change(b.g);
  for (int i = 0; i < 2500; i++) b.goose(b.g), b.g.sq++, b.h.wait(millisecond);
  EXPECT_EQ(b.h.weight("GSE-12") > 900, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
}

TEST(GooseConfiguration, AnotherRevisionDataSetVlanOrGroupIsTold) {
  struct { GooseFrame g; std::string_view group, id; } cases[] = {
      {{.revision = 2}, goose_group, "GSE-13"},
      {{.entries = 4}, goose_group, "GSE-14"},
      {{.set = "IED1LD0/LLN0$other"}, goose_group, "GSE-14"},
      {{.commissioning = true}, goose_group, "GSE-15"},
      {{.vlan = 9}, goose_group, "GSE-18"},
      {{}, "01:0c:cd:01:00:09", "GSE-19"},
      {{}, "00:21:c1:30:10:42", "GSE-19"},
      {{.broken = true}, goose_group, "GSE-20"},
  };
  for (auto& each : cases) {
    Publishing p(publishers_site);
    for (int i = 0; i < 6; i++) p.goose(each.g, ied1_mac, each.group), each.g.sq++, p.wait(500 * millisecond);
    EXPECT_EQ(p.h.times(each.id) > 0, true) << each.id << "\n" << p.told();
    EXPECT_EQ(p.stories(), 1u) << each.id << "\n" << p.told();
    Publishing nobody;                      // nothing is declared
    if (each.id == "GSE-13" || each.id == "GSE-18") {
      for (int i = 0; i < 6; i++) nobody.goose(each.g, ied1_mac, each.group), nobody.wait(500 * millisecond);
      EXPECT_EQ(nobody.told(), "");
    }
  }
}
// ---- an import that nobody has reviewed yet

std::string imported(std::string_view site = publishers_site) { return "[site]\nreview = true\n" + std::string(site); }
std::shared_ptr<const Site> reviewed(const std::string& text, std::string_view host) {
  auto site = std::make_shared<Site>(*Hearing::site_of(text));
  for (SiteHost& h : site->hosts)
    if (h.name == host) h.reviewed = {1'795'000'000 * second, "N. N."};
  return site;
}
TEST(Unreviewed, DifferencesFromAnImportAreSilentAndCountedByDevice) {
  struct { GooseFrame g; std::string_view group, id; } cases[] = {
      {{.revision = 2}, goose_group, "GSE-13"}, {{.entries = 4}, goose_group, "GSE-14"}, {{.set = "IED1LD0/LLN0$other"}, goose_group, "GSE-14"},
      {{.vlan = 9}, goose_group, "GSE-18"},     {{}, "01:0c:cd:01:00:09", "GSE-19"},     {{.reference = "IED1LD0/LLN0$GO$gcb77"}, goose_group, "GSE-01"},
  };
  for (auto& each : cases) {
    Publishing p(imported());
    for (int i = 0; i < 6; i++) p.goose(each.g, ied1_mac, each.group), each.g.sq++, p.wait(500 * millisecond);
    EXPECT_EQ(p.told(), "") << each.id;
    ASSERT_EQ(p.h.judge.unreviewed().size(), 1u) << each.id;
    const SilentDifference& d = p.h.judge.unreviewed()[0];
    EXPECT_EQ(d.detection->id, each.id);
    EXPECT_EQ(d.device, "ied1");
    EXPECT_GE(p.h.judge.counters().unreviewed, 1u);
    // Once they were read, what still differs is told.
    p.h.judge.adopt(reviewed(imported(), "ied1"), JudgeSettings{});
    p.change(each.g);
    for (int i = 0; i < 6; i++) p.goose(each.g, ied1_mac, each.group), each.g.sq++, p.wait(500 * millisecond);
    EXPECT_GT(p.h.times(each.id), 0u) << each.id << "\n" << p.told();
    EXPECT_TRUE(p.h.judge.unreviewed().empty()) << each.id;
  }
}
TEST(Unreviewed, AReviewIsOfOneDevice) {
  Publishing p(imported());
  p.h.judge.adopt(reviewed(imported(), "ied2"), JudgeSettings{});
  GooseFrame g{.revision = 2};
  p.repeat(g, 500 * millisecond, 6);
  EXPECT_EQ(p.told(), "");
  EXPECT_EQ(p.h.judge.unreviewed().size(), 1u);
}
TEST(Unreviewed, WhatWasRightAndIsNoLongerIsTold) {
  Publishing p(imported());
  GooseFrame g;
  p.repeat(g, 500 * millisecond, 8);
  EXPECT_EQ(p.told(), "");
  p.change(g), g.revision = 2;
  p.repeat(g, 500 * millisecond, 4);
  EXPECT_GT(p.h.times("GSE-13"), 0u) << p.told();
}
TEST(Unreviewed, WhatIsKeptSilentExplainsNothingAway) {
  std::string site = imported();
  site.replace(site.find("conf_rev = 1"), 12, "conf_rev = 7");   // a publisher that differs from its first frame on, half a minute ago
  Bay jumped(site);
  ASSERT_EQ(jumped.h.judge.unreviewed().size(), 1u) << jumped.kept();
  jumped.g.st += 20, jumped.g.sq = 0, jumped.g.t = jumped.h.now, jumped.g.on = !jumped.g.on;
  jumped.repeat(jumped.g, 500 * millisecond, 6);
  EXPECT_EQ(jumped.h.times("GSE-04"), 1u) << jumped.told();
  Bay poisoned(site);
  for (int i = 0; i < 3; i++) {
    poisoned.goose({.st = poisoned.g.st + 50, .sq = uint32_t(i), .on = !poisoned.g.on, .t = poisoned.h.now}), poisoned.wait(100 * millisecond);
    poisoned.repeat(poisoned.g, 300 * millisecond, 1);
  }
  EXPECT_GT(poisoned.h.times("GSE-05"), 0u) << poisoned.told();
  Bay old(site);                                                // an earlier state again
  old.goose({.st = 1, .sq = 7, .on = !old.g.on, .t = old.g.t - minute});
  old.repeat(old.g, 500 * millisecond, 4);
  EXPECT_GT(old.h.times("GSE-03"), 0u) << old.told();
  Publishing set(imported());                                   // its data set differs, and then it is yet another
  GooseFrame g{.set = "IED1LD0/LLN0$other"};
  set.repeat(g, 500 * millisecond, 8);
  EXPECT_EQ(set.told(), "");
  set.change(g), g.set = "IED1LD0/LLN0$third";
  set.repeat(g, 500 * millisecond, 4);
  EXPECT_GT(set.h.times("GSE-14"), 0u) << set.told();
}
TEST(Unreviewed, WhatDiffersAndThenDiffersOtherwiseIsTold) {
  struct { GooseFrame before, after; std::string_view id; } cases[] = {{{.revision = 2}, {.revision = 3}, "GSE-13"}, {{.vlan = 9}, {.vlan = 11}, "GSE-18"}};
  for (auto& [before, after, id] : cases) {
    Publishing p(imported());
    p.repeat(before, 500 * millisecond, 8);
    EXPECT_EQ(p.told(), "");
    p.change(before), after.st = before.st, after.t = before.t, after.on = before.on;
    p.repeat(after, 500 * millisecond, 4);
    EXPECT_EQ(p.h.times(id), 1u) << p.told();
  }
}
// A window of works is opened or closed, a list of indicators is renewed: the site is another, what it declares is not.
TEST(Unreviewed, AnotherSiteOfTheSameDeclarationForgetsNothing) {
  Publishing p(imported());
  GooseFrame g, strange{.reference = "IED1LD0/LLN0$GO$gcb77"};
  p.repeat(strange, 500 * millisecond, 3);
  p.repeat(g, 500 * millisecond, 8);
  ASSERT_EQ(p.h.judge.unreviewed().size(), 1u) << p.kept();
  p.h.judge.adopt(Hearing::site_of(imported() + "[[window]]\nname = \"works\"\nstart = \"2026-11-01\"\nend = \"2026-11-02\"\n"), JudgeSettings{});
  EXPECT_EQ(p.h.judge.unreviewed().size(), 1u) << "its publisher is gone, and was there";
  p.change(g), g.revision = 2;                                 // was right before the window
  p.repeat(g, 500 * millisecond, 4);
  EXPECT_EQ(p.h.times("GSE-13"), 1u) << p.told();
}
// Nor does a conversation that is declared: it says nothing of what a device publishes.
TEST(Unreviewed, AConversationMakesNoPublisherAnother) {
  Publishing p(imported());
  GooseFrame g, strange{.reference = "IED1LD0/LLN0$GO$gcb77"};
  p.repeat(strange, 500 * millisecond, 3);
  p.repeat(g, 500 * millisecond, 8);
  ASSERT_EQ(p.h.judge.unreviewed().size(), 1u) << p.kept();
  for (const std::string_view ends : {"client = \"any\"\nserver = \"10.1.0.0/16\"\n", "client = \"other\"\nserver = \"ied1\"\n"})
    p.h.judge.adopt(Hearing::site_of(imported() + "[[conversation]]\n" + std::string(ends) + "protocol = \"mms\"\n"), JudgeSettings{});
  EXPECT_EQ(p.h.judge.unreviewed().size(), 1u);
  p.change(g), g.revision = 2;                                 // was right before
  p.repeat(g, 500 * millisecond, 4);
  EXPECT_EQ(p.h.times("GSE-13"), 1u) << p.told();
}
TEST(Unreviewed, WhatAnImportSaysOtherwiseIsLookedAtAnew) {
  Publishing p(imported());
  GooseFrame g{.revision = 2};
  p.repeat(g, 500 * millisecond, 8);
  ASSERT_EQ(p.h.judge.unreviewed().size(), 1u) << p.kept();
  std::string site = imported();
  site.replace(site.find("conf_rev = 1"), 12, "conf_rev = 2");
  p.h.judge.adopt(Hearing::site_of(site), JudgeSettings{});
  p.repeat(g, 500 * millisecond, 8);
  EXPECT_EQ(p.kept(), "") << "the import was put right";
  site.replace(site.find("conf_rev = 2"), 12, "conf_rev = 3");
  p.h.judge.adopt(Hearing::site_of(site), JudgeSettings{});
  p.repeat(g, 500 * millisecond, 8);
  EXPECT_EQ(p.h.judge.unreviewed().size(), 1u) << p.kept();
  EXPECT_EQ(p.told(), "");
}
TEST(Unreviewed, EachControlBlockOfASourceIsKept) {
  Publishing p(imported());
  for (std::string_view reference : {"IED1LD0/LLN0$GO$gcb77", "IED1LD0/LLN0$GO$gcb78", "IED1LD0/LLN0$GO$gcb79"}) p.goose({.reference = reference});
  p.wait(second);
  EXPECT_EQ(p.h.judge.unreviewed().size(), 3u) << p.kept();
  EXPECT_EQ(p.told(), "");
}
TEST(Unreviewed, WhatIsDangerousInItselfIsNeverSilent) {
  Bay simulated(imported());
  GooseFrame test{.simulated = true};
  simulated.repeat(test, 200 * millisecond, 5, stranger_mac);
  EXPECT_EQ(simulated.h.times("GSE-16"), 1u) << simulated.told();
  Bay second_publisher(imported());
  GooseFrame forged = second_publisher.g;
  forged.st += 50, forged.on = !forged.on;
  for (int i = 0; i < 5; i++) second_publisher.goose(forged, stranger_mac), forged.sq++, second_publisher.repeat(second_publisher.g, 500 * millisecond, 1);
  EXPECT_GT(second_publisher.h.times("GSE-02"), 0u) << second_publisher.told();
  Bay poisoned(imported());
  GooseFrame high = poisoned.g;
  high.st += 50'000;
  for (int i = 0; i < 3; i++) poisoned.goose(high), poisoned.repeat(poisoned.g, 200 * millisecond, 1);
  EXPECT_GT(poisoned.h.of("GSE-"), 0u) << poisoned.told();
  Publishing unknown(imported());                    // of nobody's logical device, and from nobody's address
  GooseFrame strange{.reference = "EVIL/LLN0$GO$g"};
  unknown.repeat(strange, 200 * millisecond, 5, stranger_mac);
  EXPECT_GT(unknown.h.times("GSE-01"), 0u) << unknown.told();
  Publishing named(imported());                      // in the name of a device whose address is declared
  GooseFrame alike{.reference = "IED1LD0/LLN0$GO$gcb77"};
  named.repeat(alike, 200 * millisecond, 5, stranger_mac);
  EXPECT_GT(named.h.times("GSE-01"), 0u) << named.told();
}
TEST(Unreviewed, ThereAreNoMoreOfThemThanTheTableHolds) {
  std::string site = "[site]\nreview = true\n[[host]]\nname = \"ied1\"\nmac = \"00:21:c1:30:10:41\"\n";
  std::vector<std::string> names;
  for (size_t i = 0; i < SilentDifference::most + 200; i++) {
    names.push_back("L" + std::to_string(i) + "/LLN0$GO$g");
    site += "[[publisher]]\nkind = \"goose\"\nreference = \"" + names.back() + "\"\nhost = \"ied1\"\nconf_rev = 7\n";
  }
  Publishing p(site);
  for (size_t i = 0; i < names.size(); i++) p.goose({.reference = names[i], .set = "s"}, ied1_mac, "01:0c:cd:01:00:" + std::to_string(10 + i / 50));
  EXPECT_EQ(p.told(), "");
  EXPECT_EQ(p.h.judge.unreviewed().size(), SilentDifference::most);
  EXPECT_EQ(p.h.judge.counters().unreviewed_unkept, 200u);
  EXPECT_EQ(p.h.judge.counters().unreviewed, SilentDifference::most + 200);
}

TEST(GooseConfiguration, IsHeldAgainstMemoryToo) {
  for (std::string_view id : {"GSE-13", "GSE-18"}) {
    Bay b({"", memory_of({{}})});
    if (id == "GSE-13") b.g.revision = 3;
    else b.g.vlan = 7;
    b.change(b.g), b.repeat(b.g, 500 * millisecond, 4);
    EXPECT_EQ(b.h.times(id), 1u) << b.told();
  }
}

TEST(GooseSimulation, OfATestSetIsOneStory) {
  Bay b;
  GooseFrame test{.st = 1, .simulated = true};
  for (int i = 0; i < 10; i++) b.repeat(test, 200 * millisecond, 1, stranger_mac), b.repeat(b.g, 500 * millisecond, 1);
  EXPECT_EQ(b.h.times("GSE-16") > 0, true) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
  Bay own;
  own.g.simulated = true;
  own.repeat(own.g, 500 * millisecond, 4);
  EXPECT_EQ(own.stories(), 1u) << own.told();
}
TEST(GooseSimulation, InsideWorksIsMarked) {
  std::string site(publishers_site);
  site += "[[window]]\nname = \"relay test\"\nstart = \"2026-11-01\"\nend = \"2026-12-01\"\n";
  Bay b(site);
  GooseFrame test{.simulated = true};
  b.repeat(test, 200 * millisecond, 5, stranger_mac);
  ASSERT_EQ(b.h.times("GSE-16"), 1u) << b.told();
  EXPECT_TRUE(b.h.last("GSE-16").in_window);
  EXPECT_LE(b.h.last("GSE-16").severity, 2);
}
TEST(GooseSimulation, WhereItIsAllowedIsOrdinary) {
  const std::string site = "[[publisher]]\nkind = \"goose\"\nreference = \"IED1LD0/LLN0$GO$gcb01\"\nsimulation_allowed = true\n";
  Publishing p(site);
  GooseFrame g{.simulated = true};
  p.repeat(g, 500 * millisecond, 6);
  EXPECT_EQ(p.told(), "");
}

TEST(GooseQuality, TestOrBlockedIsOfOperations) {
  Bay b;
  b.change(b.g), b.g.quality = 2;           // test
  b.repeat(b.g, 500 * millisecond, 3);
  b.change(b.g), b.repeat(b.g, 500 * millisecond, 3);
  EXPECT_EQ(b.h.times("GSE-17"), 1u) << b.told();
  EXPECT_EQ(b.stories(), 1u) << b.told();
  EXPECT_EQ(b.h.last("GSE-17").detection->audience, Audience::operations);
  Bay c;
  c.change(c.g), c.g.quality = 0x0c00 >> 1; // out of range: a measurement's own affair
  c.repeat(c.g, 500 * millisecond, 3);
  EXPECT_EQ(c.h.times("GSE-17"), 0u) << c.told();
}

TEST(GooseSecurity, AMissingSignatureIsToldWhereItIsDeclaredOrWasThere) {
  const std::string site = "[[publisher]]\nkind = \"goose\"\nreference = \"IED1LD0/LLN0$GO$gcb01\"\nsecured = true\n";
  Publishing p(site);
  GooseFrame g;
  p.repeat(g, 500 * millisecond, 6);
  EXPECT_EQ(p.h.times("GSE-23"), 1u) << p.told();
  Publishing q(site);
  GooseFrame right{.behind = {0xac, 6, 0x85, 4, 1, 2, 3, 4}};
  q.repeat(right, 500 * millisecond, 6);
  EXPECT_EQ(q.told(), "");
  right.behind = {};
  q.repeat(right, 500 * millisecond, 6);
  EXPECT_EQ(q.h.times("GSE-23"), 1u) << q.told();
}

TEST(RoutedGoose, FromAnUnexpectedSenderIsTold) {
  const std::string site = "[[publisher]]\nkind = \"goose\"\nreference = \"IED1LD0/LLN0$GO$gcb01\"\nsource = \"10.20.1.5\"\n";
  const auto datagram = [](uint32_t number, uint32_t st) {
    const Octets pdu = tlv_of(0x61, joined({tlv_of(0x80, octets_of("IED1LD0/LLN0$GO$gcb01")), tlv_of(0x81, {0x0f, 0xa0}), tlv_of(0x82, octets_of("ds")), tlv_of(0x83, octets_of("g")), tlv_of(0x84, Octets(8, 1)),
                                            tlv_of(0x85, number_octets(st, 2)), {0x86, 1, 0}, {0x87, 1, 0}, {0x88, 1, 1}, {0x89, 1, 0}, {0x8a, 1, 1}, tlv_of(0xab, {0x83, 1, uint8_t(st & 1)})}));
    const Octets payload = joined({{0x81, 0, 0, 1}, number_octets(pdu.size(), 2), pdu});
    const Octets rest = joined({number_octets(number, 4), {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, number_octets(payload.size(), 4), payload});
    return joined({{0x01, 0x40, 0xa1, 0x17, 0x80, 0x15}, number_octets(rest.size(), 4), rest});
  };
  Publishing p(site);
  p.hear("goose", datagram(7, 2), "10.20.1.5", "239.1.1.1", 0, 102);
  p.wait(second);
  p.hear("goose", datagram(8, 3), "10.20.1.5", "239.1.1.1", 0, 102);
  EXPECT_EQ(p.h.of("RGS-"), 0u) << p.told();
  p.hear("goose", datagram(1, 2), "10.66.6.6", "239.1.1.1", 0, 102);
  EXPECT_EQ(p.h.times("RGS-01"), 1u) << p.told();
  Publishing q(site);
  q.hear("goose", datagram(7, 2), "10.20.1.5", "239.1.1.1", 0, 102);
  q.wait(second);
  q.hear("goose", datagram(3, 3), "10.20.1.5", "239.1.1.1", 0, 102);
  EXPECT_EQ(q.h.times("RGS-01"), 1u) << q.told();
}

}  // namespace
}  // namespace vidra
