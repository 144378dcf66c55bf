// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/report/body.h"
#include "daemon/report/reporter.h"
#include "daemon/report/words.h"
#include "tests/report/findings.h"

namespace vidra {
namespace {

constexpr Time start = 1795295191'344769000;

Story story(Finding f) {
  Stories told;
  ReportSettings settings;
  Reporter(settings, told).found(std::move(f));
  Story s = told.all.at(0);
  s.count = 66;
  s.last = start + 879 * millisecond;
  return s;
}

std::string printed(const Told& t, size_t width = 100, bool color = false) {
  std::ostringstream out;
  print_story(out, t, {color, width});
  return out.str();
}

TEST(ReplayLine, has_the_keys_that_programs_rely_on) {
  const auto j = nlohmann::json::parse(replay_line(story(finding(start))));
  EXPECT_EQ(j["detection"], "I104-05");
  EXPECT_EQ(j["severity"], 5);
  EXPECT_EQ(j["first"], "1795295191.344769000");
  EXPECT_EQ(j["last"], "1795295192.223769000");
  EXPECT_EQ(j["count"], 66);
  EXPECT_EQ(j["protocol"], "tcp");
  EXPECT_EQ(j["source"], "10.10.1.199");
  EXPECT_EQ(j["source_name"], "laptop");
  EXPECT_EQ(j["target"], "10.10.1.20");
  EXPECT_EQ(j["target_name"], "rtu1");
  EXPECT_EQ(j["station"], "common address 11");
  EXPECT_EQ(j["object"], "objects 5101-5124");
  EXPECT_EQ(j["technique"], "T0806");
  for (const char* key : {"what", "expected", "why", "next", "title", "story"}) EXPECT_FALSE(j[key].get<std::string>().empty()) << key;
  EXPECT_EQ(j["frame"], 4711);
}

TEST(ReplayLine, layer_2_is_named_by_mac) {
  Finding f = finding(start, new_host);
  f.source = {Address::of(*parse_mac("b8:27:eb:5d:10:c7")), ""};
  f.target = {};
  const auto j = nlohmann::json::parse(replay_line(story(std::move(f))));
  EXPECT_EQ(j["source"], "b8:27:eb:5d:10:c7");
  EXPECT_EQ(j["target"], "");
}

TEST(Print, an_alert_is_six_lines_at_a_hundred_columns) {
  Told t = told(story(finding(start)));
  t.site = "Alder 110/20 kV", t.sensor = "alder-1", t.story = "d785b652-5bf0-8d3a-9c2e-2f1f6a3c8e11", t.confidence = 0.9;
  EXPECT_EQ(printed(t),
            "2026-11-21 21:06:31Z  CRITICAL  Breaker sweep, 66 times in 879 ms\n"
            "  who       laptop 10.10.1.199 → rtu1 10.10.1.20:2404, TCP common address 11, objects 5101-5124\n"
            "  seen      double command OFF to 24 switching objects, 12 of them unknown to the station\n"
            "  expected  commands to rtu1 from scada (10.10.100.10) alone, at most 2 a minute\n"
            "  next      Ask the control room whether it is switching; if not, isolate the source.\n"
            "            at Alder 110/20 kV, alder-1, I104-05, T0806, confidence 90 %, story d785b652\n\n");
}

TEST(Print, long_texts_wrap_under_their_label) {
  Told t = told(story(finding(start)));
  t.next = "Ask the control room whether it is switching; if not, isolate the source and put the station under local control.";
  EXPECT_NE(printed(t, 80).find("  next      Ask the control room whether it is switching; if not, isolate the\n"
                                "            source and put the station under local control.\n"), std::string::npos);
}

TEST(Print, no_line_is_wider_than_the_terminal) {
  Finding f = finding(start);
  f.what += std::string(300, 'w') + " Ђорђе šđčćž 変電所変電所変電所変電所変電所変電所変電所変電所変電所変電所変電所変電所変電所";
  const Told t = told(story(std::move(f)));
  for (size_t width = 40; width < 170; width++) {
    std::istringstream lines(printed(t, width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(columns(line), width) << width << ": " << line;
  }
}

TEST(Print, colour_only_when_asked) {
  const Told t = told(story(finding(start)));
  EXPECT_EQ(printed(t).find('\033'), std::string::npos);
  EXPECT_NE(printed(t, 100, true).find("\033[1;97;41mCRITICAL\033[0m"), std::string::npos);
}

// An object's name is heard on the wire: it must not move the reader's cursor, colour his screen or hide a line.
TEST(Print, names_from_the_wire_cannot_draw_on_the_terminal) {
  Finding f = finding(start);
  f.object = "\033[2J\033]0;owned\007\r\nFAKE \xc2\x9b" "31m \xe2\x80\xae" "drawkcab \xff\xfe";
  f.source.name = "a\nb";
  const std::string text = printed(told(story(std::move(f))));
  for (const char* bad : {"\033", "\007", "\r", "\xc2\x9b", "\xe2\x80\xae", "\xff"}) EXPECT_EQ(text.find(bad), std::string::npos);
  EXPECT_NE(text.find("a b 10.10.1.199"), std::string::npos);
}

TEST(Print, the_collector_prints_what_the_sensor_would) {
  const Story s = story(finding(start));
  const Issuer sender{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  auto far = told(nlohmann::json::parse(story_body(s, sender, s.last)));
  ASSERT_TRUE(far);
  EXPECT_EQ(far->site, "Alder 110/20 kV");
  far->site = far->sensor = "";
  EXPECT_EQ(printed(*far), printed(told(s)));
}

TEST(Print, what_concerns_the_operation_leaves_as_a_count) {
  const Issuer sender{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  const std::string body = story_body(story(finding(start, slow)), sender, start);
  for (const char* secret : {"10.10.1", "rtu1", "laptop", "5101", "double command"}) EXPECT_EQ(body.find(secret), std::string::npos) << secret;
  const auto t = told(nlohmann::json::parse(body));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->count, 66u);
  EXPECT_NE(printed(*t).find("states and counts only"), std::string::npos);
}

TEST(Print, an_update_is_one_line) {
  Told t = told(story(finding(start)));
  t.revision = 3;
  std::ostringstream out;
  print_update(out, t, {false, 100});
  EXPECT_EQ(out.str(), "2026-11-21 21:06:32Z  CRITICAL  Breaker sweep: now 66 times in 879 ms, laptop 10.10.1.199 → rtu1 10…\n");
}

TEST(Told, a_body_of_the_wrong_shape_is_survived) {
  using nlohmann::json;
  EXPECT_FALSE(told(json(3)));
  EXPECT_FALSE(told(json::array()));
  EXPECT_FALSE(told(json{{"type", "health"}}));
  const auto t = told(json{{"type", "alert"}, {"severity", 99}, {"rule", "x"}, {"src", {1}}, {"attck", {1}}, {"count", -1}, {"t_start", 5}, {"closed", "no"}});
  ASSERT_TRUE(t);
  EXPECT_EQ(t->severity, 5);
  EXPECT_FALSE(printed(*t).empty());
}

TEST(Words, a_text_is_cut_between_characters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcdefgh", 6), "abc…");
  EXPECT_EQ(shortened("žžžž", 6), "ž…");
}

}  // namespace
TEST(Words, what_fits_is_the_longest_run_of_whole_characters) {
  const std::string text = printable("Prekidač Q0 — Трафостаница Šabac 漢字 e\u0301 \xff end");
  for (size_t width = 0; width < 60; width++) {
    size_t best = 0;
    for (size_t n = 0; n <= text.size(); n++)
      if ((n == text.size() || (uint8_t(text[n]) & 0xc0) != 0x80) && columns(std::string_view(text).substr(0, n)) <= width) best = n;
    EXPECT_EQ(fitting(text, width), best) << width;
  }
}

}  // namespace vidra
