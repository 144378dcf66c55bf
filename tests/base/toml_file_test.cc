// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/toml_file.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vidra {
namespace {

TEST(TomlTable, reads_what_is_right) {
  Problems problems;
  auto t = TomlTable::parse("name = \"a\"\nn = 7\nwait = \"250ms\"\nroom = \"2 MiB\"\nkind = \"live\"\nlist = [\"x\", \"y\"]\n[[group]]\nid = 1\n[[group]]\nid = 2\n", "x.toml", problems);
  ASSERT_TRUE(t);
  std::string name;
  uint16_t n = 0;
  int64_t wait = 0;
  uint64_t room = 0;
  size_t kind = 9;
  std::vector<std::string> list;
  EXPECT_TRUE(t->read("name", name));
  EXPECT_TRUE(t->read("n", n, 1, 100));
  EXPECT_TRUE(t->read_duration("wait", wait, 0, 1'000'000'000));
  EXPECT_TRUE(t->read_size("room", room, 1, 1 << 30));
  EXPECT_TRUE(t->read_choice("kind", kind, {"file", "live"}));
  EXPECT_TRUE(t->read("list", list));
  EXPECT_EQ(t->tables("group").size(), 2u);
  t->finish();
  EXPECT_EQ(wait, 250'000'000);
  EXPECT_EQ(room, 2u << 20);
  EXPECT_EQ(kind, 1u);
  EXPECT_EQ(problems, Problems{});
}

TEST(TomlTable, what_is_wrong_names_the_place_what_was_found_and_what_is_allowed) {
  struct { const char* text; const char* problem; } cases[] = {
      {"n = 1.5", "x.toml:1:1: 'n' is a number with a point (1.5); it must be a whole number from 1 to 9"},
      {"n = 10", "x.toml:1:1: 'n' is a whole number (10); it must be a whole number from 1 to 9"},
      {"\n  n = \"7\"", "x.toml:2:3: 'n' is a text ('7'); it must be a whole number from 1 to 9"},
      {"knid = \"live\"", "x.toml:1:1: unknown key 'knid', did you mean 'kind'?; allowed: kind, n, wait"},
      {"kind = \"liev\"", "x.toml:1:1: 'kind' is \"liev\", did you mean \"live\"?; allowed: file, live"},
      {"wait = 5", "x.toml:1:1: 'wait' is a whole number (5); it must be a duration from 0 ns to 1.0 s, like \"250ms\", \"5s\", \"10min\", \"2h\" or \"7d\""},
  };
  for (const auto& c : cases) {
    Problems problems;
    auto t = TomlTable::parse(c.text, "x.toml", problems);
    ASSERT_TRUE(t) << c.text;
    int n = 1;
    size_t kind = 0;
    int64_t wait = 0;
    t->read("n", n, 1, 9);
    t->read_choice("kind", kind, {"file", "live"});
    t->read_duration("wait", wait, 0, 1'000'000'000);
    t->finish();
    EXPECT_EQ(problems, Problems{c.problem});
  }
}

TEST(TomlTable, a_key_of_very_many_parts_is_refused_with_its_place) {
  const auto said = [](const std::string& text) {
    Problems problems;
    const bool read = TomlTable::parse(text, "x.toml", problems).has_value();
    EXPECT_EQ(read, problems.empty());
    return problems.empty() ? "" : problems[0];
  };
  const auto times = [](std::string_view part, int n) {
    std::string all;
    for (int i = 0; i < n; i++) all += part;
    return all;
  };
  EXPECT_EQ(said("b = 1\n" + times("a.", 50'000) + "a = 1\n"), "x.toml:2:130: a key of more than 64 parts; none that means something has so many");
  EXPECT_NE(said("[" + times("a . ", 50'000) + "a]\n").find("x.toml:1:"), std::string::npos);
  EXPECT_NE(said("[" + times("'a'.", 50'000) + "a]\n").find("x.toml:1:"), std::string::npos);
  EXPECT_NE(said("x = " + times("{" + times("a.", 60) + "a = ", 200) + "1" + times("}", 200)).find("x.toml:1:"), std::string::npos);
  EXPECT_EQ(said(times("a.", 40) + "a = 1\n"), "");
  // Dots that are in no key.
  EXPECT_EQ(said("a = \"" + times(".", 100) + "\" # " + times(".", 100) + "\nb = '" + times("\".", 100) + "'\nc = \"\"\"\n" + times(".", 100) + "\\\"\n\"\"\"\n"), "");
  EXPECT_EQ(said("a = [" + times("1.5, ", 100) + "]\nb = [" + times("{ x = 1.5, y.z = [ 2.5, 3.5 ] }, ", 100) + "]\n"), "");
  EXPECT_NE(said("a = \"x\n" + times("a.", 100) + "a = 1\n"), "");
}

TEST(TomlTable, a_text_that_is_no_toml_names_its_line) {
  Problems problems;
  EXPECT_FALSE(TomlTable::parse("a = 1\nb = = 2\n", "x.toml", problems));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].rfind("x.toml:2:", 0), 0u) << problems[0];
  EXPECT_FALSE(TomlTable::open("/nonexistent.toml", problems));
}

// A long text of rows in parts: each row once and in order, places those of the whole text, whatever stands in it that looks like a row.
TEST(TomlParts, say_what_the_whole_says) {
  std::string text = "version = 2\n[other]\nx = 1\n";
  for (int i = 0; i < 100; i++) text += "\n[[row]]\nn = " + std::to_string(i) + "\nlist = [\n[[1]],\n[[2]] ]\n[[row.inner]]\nm = 1\n";
  const auto read = [](const std::string& all, size_t part, Problems& problems) {
    std::vector<std::pair<int, std::string>> rows;
    TomlParts parts(all, "x.toml", {"row"}, problems, part);
    size_t n = 0;
    for (; auto each = parts.next(); n++)
      for (TomlTable& row : each->tables("row")) {
        int64_t number = -1;
        row.read("n", number, 0, 1000);
        rows.emplace_back(number, row.place("n"));
      }
    return std::pair(parts.failed() ? 0 : n, rows);
  };
  Problems problems;
  const auto [one, whole] = read(text, text.size(), problems);
  EXPECT_EQ(one, 1u);
  ASSERT_EQ(whole.size(), 100u);
  EXPECT_EQ(whole[99], std::pair(99, std::string("x.toml:798:1")));
  for (const size_t part : {1u, 50u, 300u, 4000u}) {
    const auto [n, rows] = read(text, part, problems);
    EXPECT_EQ(rows, whole) << part;
    EXPECT_GT(n, 1u) << part;
  }
  EXPECT_EQ(problems, Problems{});
  // Text of several lines: one part.
  EXPECT_EQ(read(text + "s = \"\"\"\n[[row]]\n\"\"\"\n", 50, problems).first, 1u);
  EXPECT_EQ(problems, Problems{});
  // What is wrong is told at its place, and nothing after it is read.
  const auto [none, before] = read(text + "\n[[row]]\nn = = 7\n[[row]]\nn = 8\n", 300, problems);
  EXPECT_EQ(none, 0u);
  EXPECT_LE(before.size(), 100u);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].rfind("x.toml:806:", 0), 0u) << problems[0];
  // Long enough for threads.
  std::string longer;
  while (longer.size() < (3u << 20)) longer += text.substr(text.find("\n[[row]]") + 1) + "\n";
  problems.clear();
  const auto [parts, rows] = read(longer, 128u << 10, problems);
  EXPECT_GT(parts, 20u);
  EXPECT_EQ(rows.size() % 100, 0u);
  for (size_t i = 0; i < rows.size(); i++) ASSERT_EQ(rows[i].first, int(i % 100));
  EXPECT_EQ(rows.back().second, "x.toml:" + std::to_string(std::count(longer.begin(), longer.end(), '\n') - 6) + ":1");
}

}  // namespace
}  // namespace vidra
