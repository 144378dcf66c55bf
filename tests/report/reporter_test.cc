// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/reporter.h"

#include <gtest/gtest.h>

#include <set>

#include "daemon/report/marking.h"
#include "tests/report/findings.h"

namespace vidra {
namespace {

constexpr Time start = 1795295191 * second;

struct ReporterTest : testing::Test {
  Stories told;
  ReportSettings settings;
};

TEST_F(ReporterTest, the_first_finding_leaves_at_once) {
  Reporter r(settings, told);
  r.found(finding(start));
  ASSERT_EQ(told.all.size(), 1u);
  const Story& s = told.all[0];
  EXPECT_EQ(s.revision, 0u);
  EXPECT_EQ(s.number, 1u);
  EXPECT_EQ(s.count, 1u);
  EXPECT_EQ(s.protocol, "tcp");
  EXPECT_EQ(s.port, 2404);
  EXPECT_EQ(s.target.name, "rtu1");
  EXPECT_EQ(s.frame, 4711u);
  EXPECT_FALSE(s.closed);
}

TEST_F(ReporterTest, later_findings_are_updates_at_most_one_a_second) {
  Reporter r(settings, told);
  for (int i = 0; i < 66; i++) r.found(finding(start + i * 15 * millisecond));   // 0.975 s
  EXPECT_EQ(told.all.size(), 1u);
  r.tick(start + second - 1);
  EXPECT_EQ(told.all.size(), 1u);
  r.tick(start + second);
  ASSERT_EQ(told.all.size(), 2u);
  EXPECT_EQ(told.all[1].revision, 1u);
  EXPECT_EQ(told.all[1].count, 66u);
  EXPECT_EQ(told.all[1].last, start + 65 * 15 * millisecond);
  EXPECT_EQ(told.all[1].id, told.all[0].id);
  r.tick(start + 5 * second);   // nothing new, nothing to say
  EXPECT_EQ(told.all.size(), 2u);
}

TEST_F(ReporterTest, a_finding_stands_for_its_weight) {
  Reporter r(settings, told);
  Finding f = finding(start);
  f.weight = 40;
  r.found(std::move(f));
  r.found(finding(start + 2 * second));
  EXPECT_EQ(told.all.back().count, 41u);
}

TEST_F(ReporterTest, what_differs_is_another_story) {
  Reporter r(settings, told);
  r.found(finding(start, sweep, 1));
  r.found(finding(start, sweep, 2));      // another cause
  r.found(finding(start, new_host, 1));   // another detection
  Finding f = finding(start);
  f.target.address = ip(10, 10, 1, 21);   // another target
  r.found(std::move(f));
  f = finding(start);
  f.source.address = ip(10, 10, 1, 198);  // another source
  r.found(std::move(f));
  std::set<std::string> ids;
  for (const Story& s : told.all) ids.insert(s.id);
  EXPECT_EQ(ids.size(), 5u);
}

// What a stranger does in the first minute of his session is what he came for: one story, and each new step is told at once.
constexpr Detection opened{"I104-01", "New controlling station", 5, Audience::security, "T0848", "intrusions:system-compromise", "why", "next", ""};
constexpr Detection operated{"I104-02", "Command by a master that may not command", 5, Audience::security, "T0855", "intrusions:system-compromise", "why", "next", ""};
constexpr Detection twice{"NET-15", "The same octets twice", 4, Audience::security, "T0830", "intrusions:system-compromise", "why", "next", ""};
Finding said(Time t, const Detection& d, const char* what, uint64_t cause = 1) {
  Finding f = finding(t, d, cause);
  f.what = what;
  return f;
}

TEST_F(ReporterTest, what_follows_from_one_cause_is_a_step_of_its_story) {
  Reporter r(settings, told);
  r.found(said(start, opened, "laptop opened rtu1"));
  r.found(said(start + 400 * millisecond, twice, "laptop sent the same octets twice"));
  r.found(said(start + 500 * millisecond, operated, "laptop operated 5004"));
  ASSERT_EQ(told.all.size(), 3u) << "a new step leaves at once";
  const Story s = told.all.back();
  EXPECT_TRUE(s.turned && !told.all[0].turned && !told.all[1].turned) << "another step leads";
  EXPECT_EQ(s.id, told.all[0].id);
  EXPECT_EQ(s.detection->id, "I104-02") << "what was done says more than that somebody came";
  EXPECT_EQ(s.what, "laptop operated 5004");
  EXPECT_EQ(s.count, 3u);
  EXPECT_EQ(texts_of(s.steps), (std::vector<std::string>{"21:06:31 I104-01: laptop opened rtu1", "21:06:31 NET-15: laptop sent the same octets twice", "21:06:31 I104-02: laptop operated 5004"}));
  r.found(said(start + 20 * second, twice, "laptop sent the same octets twice, again"));      // the step goes on, and its words do not lead
  r.found(said(start + 90 * second, operated, "laptop operated 5005"));
  r.finish(start + hour);
  EXPECT_EQ(told.all.back().id, s.id);
  EXPECT_EQ(told.all.back().what, "laptop operated 5005");
  EXPECT_EQ(texts_of(told.all.back().steps)[1], "21:06:31 NET-15: laptop sent the same octets twice (2 times)");
  EXPECT_EQ(r.counters().stories, 1u);
  EXPECT_EQ(r.counters().steps, 2u);
  EXPECT_EQ(r.open(), 0u);
}

// Whose words are not read does not give the story its name either.
TEST_F(ReporterTest, a_step_in_a_flood_leads_with_its_own_words_or_not_at_all) {
  Reporter r(settings, told);
  for (uint32_t i = 0; i < settings.findings_of_story + 20; i++) r.found(said(start, opened, "laptop opened rtu1"));
  r.found(said(start + 500 * millisecond, operated, "laptop operated 5004"));
  for (const Story& s : told.all) EXPECT_EQ(s.what, s.detection->id == operated.id ? "laptop operated 5004" : "laptop opened rtu1") << s.detection->id;
  EXPECT_EQ(told.all.back().detection->id, "I104-02");
}

TEST_F(ReporterTest, what_is_of_another_cause_is_another_story) {
  const auto stories = [&](Finding second_) {
    Stories all;
    Reporter r(settings, all);
    r.found(said(start, opened, "laptop opened rtu1"));
    r.found(std::move(second_));
    r.finish(start + hour);
    return r.counters().stories;
  };
  Finding f = said(start + second, operated, "laptop operated 5004");
  EXPECT_EQ(stories(f), 1u);
  f.scene.server.port = 502;                             // another service
  EXPECT_EQ(stories(f), 2u);
  f = said(start + second, operated, "laptop operated 5004"), f.target.address = ip(10, 10, 1, 21);
  EXPECT_EQ(stories(f), 2u);
  f = said(start + second, operated, "somebody operated 5004"), f.source.address = ip(10, 10, 1, 11);
  EXPECT_EQ(stories(f), 2u);
  EXPECT_EQ(stories(said(start + 61 * second, operated, "laptop operated 5004")), 2u) << "long after it came";
  EXPECT_EQ(stories(said(start + second, slow, "no reports")), 2u) << "for other people";
  Detection own = operated;
  own.under = &operated;
  EXPECT_EQ(stories(said(start + second, own, "the site's own rule")), 2u);
}

// Who asks device after device what it is asks one question.
TEST_F(ReporterTest, who_asks_everybody_what_he_is_is_one_story) {
  constexpr Detection s7{"S7-08", "Controller asked what it is", 4, Audience::security, "T0888", "information-gathering:scanner", "why", "next", ""};
  constexpr Detection cip{"CIP-07", "Device asked what it is", 4, Audience::security, "T0888", "information-gathering:scanner", "why", "next", ""};
  Reporter r(settings, told);
  Finding a = said(start, s7, "laptop asks plc1"), b = said(start + 2 * second, cip, "laptop asks cip1"), c = said(start + 3 * second, cip, "laptop writes cip1");
  a.act = b.act = Act::identify, c.act = Act::write, c.cause = 7;
  b.target = c.target = {ip(10, 10, 1, 75), "cip1"};
  r.found(std::move(a)), r.found(std::move(b)), r.found(std::move(c));
  r.finish(start + hour);
  EXPECT_EQ(r.counters().stories, 2u);
  EXPECT_EQ(told.all[1].detection->id, "S7-08");
  EXPECT_EQ(told.all[1].target.name, "rtu1");
  EXPECT_EQ(told.all[1].steps.size(), 2u);
  // Where the question to the first stays at the site, whom it went to does, too.
  const Marked rest = marked(told.all[1], {{"S7-08", "RED"}}, "AMBER");
  ASSERT_TRUE(rest.instead);
  EXPECT_EQ(rest.instead->detection->id, "CIP-07");
  EXPECT_EQ(rest.instead->target.name, "cip1");
  EXPECT_EQ(text_of(rest.instead->target.address), "10.10.1.75");
}

TEST_F(ReporterTest, steps_that_stay_at_the_site_are_not_told_of) {
  Reporter r(settings, told);
  r.found(said(start, opened, "laptop opened rtu1"));
  r.found(said(start + second, operated, "laptop operated 5004"));
  const Story s = told.all.back();
  EXPECT_FALSE(marked(s, {}, "AMBER").instead);
  const Marked rest = marked(s, {{"I104-02", "RED"}}, "AMBER");
  ASSERT_TRUE(rest.instead && !rest.withheld);
  EXPECT_EQ(rest.instead->detection->id, "I104-01");
  EXPECT_EQ(rest.instead->what, "laptop opened rtu1");
  EXPECT_EQ(rest.instead->count, 1u);
  EXPECT_TRUE(rest.instead->steps.empty());
  const Marked other = marked(s, {{"I104-01", "RED"}}, "AMBER");
  ASSERT_TRUE(other.instead);
  EXPECT_EQ(other.instead->what, "laptop operated 5004");
  EXPECT_TRUE(marked(s, {{"I104-01", "RED"}, {"I104-02", "RED"}}, "AMBER").withheld);
  // Who reads it reads each step, so it is marked as the strictest of them.
  EXPECT_EQ(marked(s, {{"I104-01", "CLEAR"}, {"I104-02", "CLEAR"}}, "AMBER").tlp, "CLEAR");
  EXPECT_EQ(marked(s, {{"I104-02", "CLEAR"}}, "AMBER").tlp, "AMBER");
  EXPECT_EQ(marked(s, {{"I104-01", "GREEN"}, {"I104-02", "CLEAR"}}, "AMBER").tlp, "GREEN");
  EXPECT_EQ(marked(s, {{"I104-01", "RED"}, {"I104-02", "CLEAR"}}, "AMBER").tlp, "CLEAR");
}

// However many: bounded, and none is lost.
TEST_F(ReporterTest, a_story_has_sixteen_steps_at_most) {
  Reporter r(settings, told);
  r.found(said(start, opened, "laptop opened rtu1"));
  for (uint64_t cause = 0; cause < 40; cause++) r.found(said(start + second, operated, "laptop operated", cause));
  r.finish(start + hour);
  EXPECT_EQ(r.counters().stories + r.counters().steps, 41u - r.counters().folded + (r.counters().folded ? 1 : 0));
  uint64_t counted = 0;
  for (const Story& s : told.all) {
    EXPECT_LE(s.steps.size(), most_steps_of_story);
    if (s.closed) counted += s.count;
  }
  EXPECT_EQ(counted, 41u);
}

TEST_F(ReporterTest, a_quiet_story_is_closed_and_the_next_one_is_new) {
  Reporter r(settings, told);
  r.found(finding(start));
  r.tick(start + 10 * minute - 1);
  EXPECT_EQ(told.all.size(), 1u);
  r.tick(start + 10 * minute);
  ASSERT_EQ(told.all.size(), 2u);
  EXPECT_TRUE(told.all[1].closed);
  EXPECT_EQ(told.all[1].revision, 1u);
  EXPECT_EQ(r.open(), 0u);
  r.found(finding(start + 11 * minute));
  EXPECT_EQ(told.all[2].revision, 0u);
  EXPECT_NE(told.all[2].id, told.all[0].id);
  EXPECT_EQ(told.all[2].number, 2u);
}

TEST_F(ReporterTest, the_words_are_those_of_the_worst_then_the_newest) {
  Reporter r(settings, told);
  const auto say = [&](Time t, uint8_t severity, const char* what) {
    Finding f = finding(t);
    f.severity = severity;
    f.what = what;
    r.found(std::move(f));
    return told.all.back().what;
  };
  EXPECT_EQ(say(start, 3, "three"), "three");
  EXPECT_EQ(say(start + 1 * second, 3, "three again"), "three again");
  EXPECT_EQ(say(start + 2 * second, 5, "five"), "five");
  EXPECT_TRUE(told.all.back().turned) << "to the worse";
  EXPECT_EQ(say(start + 3 * second, 3, "three once more"), "five");
  EXPECT_FALSE(told.all.back().turned);
  EXPECT_EQ(told.all.back().severity, 5);
  EXPECT_EQ(told.all.back().count, 4u);
}

TEST_F(ReporterTest, a_maintenance_window_takes_the_urgency_until_something_happens_outside_it) {
  Reporter r(settings, told);
  Finding f = finding(start);
  f.in_window = true;
  r.found(std::move(f));
  EXPECT_EQ(told.all.back().severity, 2);
  EXPECT_TRUE(told.all.back().in_window);
  r.found(finding(start + 2 * second));
  EXPECT_EQ(told.all.back().severity, 5);
  EXPECT_FALSE(told.all.back().in_window);
}

// A scanner with forged sources makes every finding a story of its own. The breaker sweep in the middle of it is told at once.
TEST_F(ReporterTest, a_flood_is_told_as_one_and_hides_nothing_else) {
  Reporter r(settings, told);
  for (uint32_t i = 0; i < 5000; i++) {
    Finding f = finding(start + i * 100 * microsecond, new_host);
    f.source.address = Address::ip4(0x0b000000 + i);
    r.found(std::move(f));
    if (i == 2500) {
      r.found(finding(start + i * 100 * microsecond, sweep));
      EXPECT_EQ(told.all.back().detection, &sweep);
    }
  }
  r.finish(start + second);
  uint64_t new_hosts = 0, stories = 0;
  const Story* collective = nullptr;
  for (const Story& s : told.all)
    if (s.closed && s.detection == &new_host) {
      new_hosts += s.count, stories++;
      if (s.source.name == "several") collective = &s;
    }
  EXPECT_EQ(new_hosts, 5000u) << "every finding is counted in some story";
  EXPECT_EQ(stories, settings.new_stories_of_kind + 1);
  ASSERT_TRUE(collective);
  EXPECT_EQ(collective->count, 5000u - settings.new_stories_of_kind);
  EXPECT_EQ(collective->source.address.kind, Address::Kind::none);
  EXPECT_EQ(r.counters().folded, collective->count);
}

TEST_F(ReporterTest, a_worse_finding_of_the_flooding_kind_leaves_at_once_too) {
  Reporter r(settings, told);
  for (uint32_t i = 0; i < 100; i++) {
    Finding f = finding(start, new_host);
    f.source.address = Address::ip4(0x0b000000 + i);
    r.found(std::move(f));
  }
  Finding f = finding(start, new_host);
  f.severity = 5;
  f.source.address = ip(12, 0, 0, 1);
  r.found(std::move(f));
  EXPECT_EQ(text_of(told.all.back().source.address), "12.0.0.1");
  EXPECT_EQ(told.all.back().severity, 5);
}

TEST_F(ReporterTest, within_one_story_a_flood_is_counted_but_the_worst_is_read) {
  Reporter r(settings, told);
  for (int i = 0; i < 1000; i++) {
    Finding f = finding(start + i * microsecond);
    f.severity = 3;
    f.what = "number " + std::to_string(i);
    r.found(std::move(f));
  }
  Finding f = finding(start + millisecond);
  f.what = "the worst";
  r.found(std::move(f));
  r.tick(start + second);
  EXPECT_EQ(told.all.back().count, 1001u);
  EXPECT_EQ(told.all.back().what, "the worst");
  EXPECT_EQ(r.counters().unread, 1000 - settings.findings_of_story);
}

TEST_F(ReporterTest, when_the_house_is_full_the_least_severe_and_longest_quiet_story_goes_first) {
  settings.open_stories = 3;
  Reporter r(settings, told);
  r.found(finding(start, sweep, 1));
  r.found(finding(start + second, new_host, 2));
  r.found(finding(start + 2 * second, new_host, 3));
  r.found(finding(start + 3 * second, new_host, 2));   // heard again: number 3 is now the quieter one
  r.found(finding(start + 4 * second, sweep, 4));
  EXPECT_EQ(r.open(), 3u);
  EXPECT_EQ(r.counters().closed_early, 1u);
  const Story& closed = told.all[told.all.size() - 2];
  EXPECT_TRUE(closed.closed);
  EXPECT_EQ(closed.number, 3u);
}

std::vector<std::string> story_of_everything(ReportSettings settings, Time tick_every) {
  Stories told;
  Reporter r(settings, told);
  Time ticked = start;
  for (uint32_t i = 0; i < 3000; i++) {
    const Time t = start + Time(i * i) * 97 * microsecond;
    if (tick_every)
      for (; ticked + tick_every <= t; ticked += tick_every) r.tick(ticked + tick_every);
    r.found(finding(t, i % 3 ? new_host : sweep, i * 2654435761u % 40));
  }
  r.finish(start + hour);
  std::vector<std::string> out;
  for (const Story& s : told.all)
    out.push_back(s.id + " " + std::to_string(s.revision) + " " + std::to_string(s.count) + (s.closed ? " closed" : ""));
  return out;
}

// A replay asks never, a live sensor a hundred times a second: they tell the same, in the same order.
TEST_F(ReporterTest, how_often_it_is_asked_changes_nothing) {
  settings.quiet = 5 * second;
  settings.open_stories = 30;
  const auto once = story_of_everything(settings, 0);
  EXPECT_GT(once.size(), 500u);
  EXPECT_EQ(story_of_everything(settings, 10 * millisecond), once);
  EXPECT_EQ(story_of_everything(settings, 700 * millisecond), once);
}

TEST_F(ReporterTest, the_id_is_of_the_sensor_and_of_what_happened) {
  const auto id = [&](std::string sensor, Time t) {
    Stories s;
    ReportSettings mine;
    mine.sensor = sensor;
    Reporter(mine, s).found(finding(t));
    return s.all.at(0).id;
  };
  EXPECT_EQ(id("a", start), id("a", start));
  EXPECT_NE(id("a", start), id("b", start));
  EXPECT_NE(id("a", start), id("a", start + 1));
  EXPECT_EQ(id("", start)[14], '5') << "a UUID of version 5";
}

TEST_F(ReporterTest, texts_are_bounded_and_cut_between_characters) {
  Reporter r(settings, told);
  Finding f = finding(start);
  f.what = std::string(3000, 'x');
  f.object.clear();
  for (int i = 0; i < 500; i++) f.object += "ž";
  r.found(std::move(f));
  EXPECT_LE(told.all[0].what.size(), 1024u);
  EXPECT_LE(told.all[0].object.size(), 256u);
  EXPECT_EQ(told.all[0].object.size() % 2, 1u) << "whole ž and the three octets of …";
}

TEST_F(ReporterTest, the_end_tells_every_open_story_once_in_the_order_of_numbers) {
  Reporter r(settings, told);
  for (uint64_t cause : {9, 3, 7, 1}) r.found(finding(start, sweep, cause));
  told.all.clear();
  r.finish(start + second);
  ASSERT_EQ(told.all.size(), 4u);
  for (size_t i = 0; i < 4; i++) EXPECT_EQ(told.all[i].number, i + 1);
  r.finish(start + 2 * second);
  EXPECT_EQ(told.all.size(), 4u);
}

}  // namespace
}  // namespace vidra
