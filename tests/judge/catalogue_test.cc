// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/catalogue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "daemon/judge/settings.h"

namespace vidra {
namespace {

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream s;
  s << in.rdbuf();
  return s.str();
}

TEST(Catalogue, IsWhatTheDocsSay) {
  std::ostringstream now;
  write_catalogue(now);
  const std::string path = SOURCE_ROOT "/docs/ALERTS.md";
  if (std::getenv("VIDRA_WRITE_DOCS")) std::ofstream(path, std::ios::binary) << now.str();
  EXPECT_EQ(text_of_file(path), now.str()) << "docs/ALERTS.md is generated; run ./dev docs";
}

TEST(Catalogue, RowsAreComplete) {
  std::set<std::string_view> seen;
  for (const Detection& d : catalogue) {
    EXPECT_TRUE(seen.insert(d.id).second) << d.id << " twice";
    EXPECT_TRUE(std::regex_match(std::string(d.id), std::regex("[A-Z][A-Z0-9]+-[0-9]{2}"))) << d.id;
    EXPECT_TRUE(d.severity >= 1 && d.severity <= 5) << d.id;
    EXPECT_TRUE(d.technique.empty() || std::regex_match(std::string(d.technique), std::regex("T0[0-9]{3}"))) << d.id << " " << d.technique;
    EXPECT_TRUE(d.audience == Audience::sensor || !d.technique.empty()) << d.id << ": what concerns security names its technique";
    for (std::string_view text : {d.title, d.why, d.next, d.tune}) EXPECT_GE(text.size(), 5u) << d.id;
    for (std::string_view text : {d.why, d.next}) EXPECT_TRUE(text.ends_with('.')) << d.id << ": " << text;
    for (const Threshold& t : d.thresholds) EXPECT_TRUE(!t.key.empty() && t.meaning.ends_with('.') && t.value > 0) << d.id << " " << t.key;
    EXPECT_EQ(detection(d.id), &d);
    EXPECT_EQ(&catalogue[index_of(d)], &d);
  }
  EXPECT_EQ(detection("NET-00"), nullptr);
}

TEST(Catalogue, RowsOfAFamilyAreInOrder) {
  for (std::span<const Detection> rows : {net_rows, iec104_rows, modbus_rows, dnp3_rows})
    for (size_t i = 1; i < rows.size(); i++) EXPECT_LT(rows[i - 1].id, rows[i].id);
}

TEST(Catalogue, EveryRowIsTried) {
  std::string tests;
  for (const auto& each : std::filesystem::directory_iterator(SOURCE_ROOT "/tests/judge"))
    if (each.path().extension() == ".cc" && each.path().filename() != "catalogue_test.cc") tests += text_of_file(each.path());
  for (const Detection& d : catalogue) EXPECT_NE(tests.find("\"" + std::string(d.id) + "\""), std::string::npos) << d.id << " has no test that must raise it";
}

TEST(Settings, GiveTheCataloguesNumbersUnlessOneIsSet) {
  JudgeSettings s;
  const Detection& d = row("NET-05");
  EXPECT_EQ(s.number(d, "targets"), d.thresholds[0].value);
  s.detections["NET-05"].numbers["targets"] = 7;
  EXPECT_EQ(s.number(d, "targets"), 7);
  EXPECT_EQ(s.number(d, "window"), d.thresholds[1].value);
}

}  // namespace
}  // namespace vidra
