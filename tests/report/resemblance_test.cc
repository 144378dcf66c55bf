// SPDX-License-Identifier: Apache-2.0
// Which known attack a source's findings are like, and that nothing else changes by it.
#include "daemon/report/resemblance.h"

#include <gtest/gtest.h>

#include "daemon/judge/catalogue.h"
#include "daemon/report/marking.h"
#include "daemon/report/reporter.h"

namespace vidra {
namespace {

constexpr Time start = 1'795'295'000 * second;

Finding found(std::string_view id, Time at, std::string_view object = "", std::string_view source = "10.1.1.99", std::string_view name = "") {
  Finding f;
  f.detection = &row(id);
  f.severity = f.detection->severity;
  f.scene.time = start + at;
  f.source = {*parse_address(source), std::string(name)};
  f.target = {*parse_address("10.1.1.60"), "plc1"};
  f.object = object;
  f.what = "something";
  return f;
}

struct Told final : StorySink {
  void tell(const Story& s) override { all.push_back(s); }
  const Story* last(std::string_view id) const {
    for (size_t i = all.size(); i--;)
      if (all[i].detection->id == id) return &all[i];
    return nullptr;
  }
  std::string like(std::string_view id) const {
    const Story* s = last(id);
    return s && s->resembles ? s->resembles->name : "";
  }
  std::vector<Story> all;
};

// What the stories are like after these findings, each a second after the last.
struct After {
  Told told;
  Reporter reporter{ReportSettings{}, told};
  explicit After(std::vector<Finding> findings) {
    for (Finding& f : findings) reporter.found(std::move(f));
    reporter.tick(reporter_now(findings));
  }
  static Time reporter_now(const std::vector<Finding>& all) { return (all.empty() ? start : all.back().scene.time) + 2 * second; }
};

TEST(Behaviours, AreWellFormed) {
  size_t steps = 0;
  for (const Behaviour& b : behaviours) {
    EXPECT_FALSE(b.name.empty() || b.did.empty() || !b.did.ends_with('.')) << b.name;
    EXPECT_TRUE(b.least >= 2 && b.least <= b.steps.size()) << b.name;
    EXPECT_TRUE(b.confidence > 0 && b.confidence <= 0.8) << b.name << ": never certain";
    EXPECT_GT(b.window, 0) << b.name;
    const auto known = [&](std::string_view list) {
      while (!list.empty()) {
        const size_t comma = list.find(',');
        std::string_view id = list.substr(0, comma);
        list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
        while (id.starts_with(' ')) id.remove_prefix(1);
        EXPECT_NE(detection(id), nullptr) << b.name << " " << id;
      }
    };
    known(b.unless);
    for (const AttackStep& s : b.steps) {
      known(s.detections);
      EXPECT_FALSE(s.says.empty());
      steps++;
    }
  }
  EXPECT_GE(behaviours.size(), 9u);
  EXPECT_GT(steps, 30u);
}

struct Case { std::string_view name; std::vector<Finding> findings; };
TEST(Resemblance, EachBehaviourIsKnownAgainByItsSteps) {
  const Case cases[] = {
      {"Industroyer2 (2022)", {found("I104-01", 0), found("I104-05", second)}},
      {"Industroyer (2016), its IEC 104 part", {found("I104-01", 0), found("I104-04", second), found("I104-05", 2 * second)}},
      {"Industroyer (2016), its IEC 61850 part", {found("MMS-01", 0), found("MMS-24", second), found("MMS-02", 2 * second)}},
      {"FrostyGoop (2024)", {found("MOD-01", 0), found("MOD-02", second, "holding registers 30-33")}},
      {"PIPEDREAM (2022)", {found("CDS-03", 0), found("MOD-22", minute), found("OPC-03", 2 * minute)}},
      {"TRITON (2017)", {found("TRI-01", 0), found("TRI-02", minute)}},
      {"Havex (2014)", {found("NET-06", 0, "ports 102, 502, 11234, 12401, 44818"), found("NET-02", second)}},
      {"Stuxnet (2010)", {found("S7-03", 0, "OB35"), found("S7-03", second, "DB890")}},
      {"Fuxnet (2024)", {found("ENG-04", 0), found("MOD-20", minute)}},
      {"Poland, December 2025", {found("ENG-01", 0, "password"), found("ENG-02", minute, "events.log")}},
      {"Ukraine, December 2015", {found("I104-05", 0, "", "10.1.1.10", "hmi"), found("ENG-05", 2 * minute, "", "10.1.1.10", "hmi")}},
  };
  for (const Case& c : cases) {
    After a(c.findings);
    for (const Finding& f : c.findings) EXPECT_EQ(a.told.like(f.detection->id), c.name) << f.detection->id;
    const Story* s = a.told.last(c.findings.back().detection->id);
    ASSERT_TRUE(s && s->resembles) << c.name;
    EXPECT_FALSE(s->resembles->observed.empty() || s->resembles->did.empty()) << c.name;
    EXPECT_TRUE(s->resembles->confidence > 0 && s->resembles->confidence <= 0.8) << c.name;
    EXPECT_EQ(a.reporter.counters().stories, size_t(std::count_if(a.told.all.begin(), a.told.all.end(), [](const Story& t) { return t.revision == 0; })));
  }
}
TEST(Resemblance, OneStepAloneIsLikeNothing) {
  for (std::string_view id : {"I104-05", "I104-01", "MOD-02", "MOD-01", "TRI-02", "MMS-24", "NET-06", "ENG-02", "S7-03", "CDS-01"})
    EXPECT_EQ(After({found(id, 0, "OB10")}).told.like(id), "") << id;
  EXPECT_EQ(After({found("ENG-02", 0, "password")}).told.like("ENG-02"), "");
  EXPECT_EQ(After({found("I104-05", 0, "", "10.1.1.10", "hmi")}).told.like("I104-05"), "") << "an operator in a hurry is no campaign";
  EXPECT_EQ(After({found("S7-03", 0, "OB100"), found("S7-03", second, "DB8901")}).told.like("S7-03"), "");
}
TEST(Resemblance, StepsOfTwoSourcesAreNotPutTogether) {
  EXPECT_EQ(After({found("I104-01", 0), found("I104-05", second, "", "10.1.1.98")}).told.like("I104-05"), "");
}
TEST(Resemblance, StepsFarApartAreNotPutTogether) {
  EXPECT_EQ(After({found("I104-01", 0), found("I104-05", 6 * minute)}).told.like("I104-05"), "");
}
TEST(Resemblance, WorksAreNoAttack) {
  std::vector<Finding> all{found("MOD-01", 0), found("MOD-02", second, "holding register 3")};
  for (Finding& f : all) f.in_window = true;
  EXPECT_EQ(After(all).told.like("MOD-02"), "");
}
TEST(Resemblance, WhatComesLaterNamesTheStoriesBefore) {
  Told told;
  Reporter r(ReportSettings{}, told);
  r.found(found("I104-01", 0));
  EXPECT_FALSE(told.all[0].resembles);
  r.found(found("I104-05", 500 * millisecond));
  EXPECT_EQ(told.like("I104-05"), "Industroyer2 (2022)") << "with its first word";
  r.tick(start + 2 * second);
  EXPECT_EQ(told.like("I104-01"), "Industroyer2 (2022)") << "with its next word";
  const Story& s = *told.last("I104-05");
  ASSERT_EQ(s.resembles->observed.size(), 2u);
  EXPECT_EQ(texts_of(*s.resembles)[0], "21:03:20 I104-01, a host that is no known master opened the link, or commanded");
  EXPECT_EQ(told.all.size(), 3u) << "two first words and one update";
  EXPECT_EQ(s.severity, row("I104-05").severity) << "a likeness makes nothing graver";
}
// Who may not be told of a detection is not told of it by a likeness either: neither by its step, nor by how sure the likeness is.
TEST(Resemblance, WhatStaysAtTheSiteIsNoStep) {
  After a({found("NET-06", 0), found("MMS-01", second), found("MMS-24", 2 * second), found("MMS-02", 3 * second)});
  const Story s = *a.told.last("MMS-02");
  ASSERT_EQ(s.resembles->observed.size(), 4u);
  const auto told = [&s](const Markings& markings, const std::string& ceiling) {
    const Marked m = marked(s, markings, ceiling);
    EXPECT_FALSE(m.withheld);
    return m.instead ? m.instead->resembles : s.resembles;
  };
  EXPECT_EQ(told({}, "AMBER"), s.resembles);
  EXPECT_EQ(told({{"NET-06", "RED"}}, "RED"), s.resembles);
  const auto less = told({{"NET-06", "RED"}}, "AMBER");
  ASSERT_TRUE(less);
  for (const std::string& step : texts_of(*less)) EXPECT_EQ(step.find("NET-06"), step.npos) << step;
  EXPECT_EQ(less->observed.size(), 3u);
  const Story of_three = *After({found("MMS-01", second), found("MMS-24", 2 * second), found("MMS-02", 3 * second)}).told.last("MMS-02");
  EXPECT_EQ(less, of_three.resembles) << "as if it had not been";
  // Without the step that the likeness needs there is none: its name alone would tell of it.
  EXPECT_FALSE(told({{"MMS-24", "RED"}}, "AMBER"));
  EXPECT_FALSE(told({{"MMS-01", "RED"}, {"MMS-24", "AMBER+STRICT"}, {"NET-06", "RED"}}, "AMBER"));
  const Marked own = marked(s, {{"MMS-02", "RED"}}, "AMBER");
  EXPECT_TRUE(own.withheld);
  EXPECT_EQ(own.tlp, "RED");
  // Who reads of a likeness reads what it consists of.
  EXPECT_EQ(marked(s, {{"MMS-02", "GREEN"}}, "AMBER").tlp, "AMBER");
  EXPECT_EQ(marked(s, {{"MMS-02", "GREEN"}, {"MMS-01", "GREEN"}, {"MMS-24", "GREEN"}, {"NET-06", "CLEAR"}}, "AMBER").tlp, "GREEN");
  EXPECT_EQ(marked(s, {{"MMS-02", "GREEN"}, {"MMS-01", "GREEN"}, {"MMS-24", "GREEN"}, {"NET-06", "RED"}}, "AMBER").tlp, "GREEN") << "without what stays";
  EXPECT_EQ(marked(s, {}, "AMBER").tlp, "AMBER");
}
TEST(Resemblance, TheBetterLikenessWins) {
  After a({found("I104-01", 0), found("I104-05", second), found("I104-04", 2 * second), found("NET-07", 3 * second)});
  EXPECT_EQ(a.told.like("I104-05"), "Industroyer (2016), its IEC 104 part");
}
TEST(Resemblance, SourcesAreBounded) {
  Resemblances r;
  Finding first = found("I104-01", 0);
  r.see(first);
  for (int i = 0; i < 5000; i++) r.see(found("I104-01", Time(i) * millisecond, "", "10.9." + std::to_string(i >> 8) + "." + std::to_string(i & 255)));
  EXPECT_FALSE(r.see(found("I104-05", minute))) << "its first step made room";
  EXPECT_EQ(r.of(first.source.address, first.detection), nullptr);
}

}  // namespace
}  // namespace vidra
