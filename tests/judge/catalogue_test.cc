// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/catalogue.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "daemon/judge/deeds.h"
#include "daemon/judge/site_file.h"

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
    EXPECT_TRUE(std::regex_match(std::string(d.rsit), std::regex("[a-z-]+:[a-z0-9-]+"))) << d.id << " " << d.rsit;
    for (std::string_view text : {d.title, d.why, d.next, d.tune}) EXPECT_GE(text.size(), 5u) << d.id;
    for (std::string_view text : {d.why, d.next}) EXPECT_TRUE(text.ends_with('.')) << d.id << ": " << text;
    for (const Threshold& t : d.thresholds) EXPECT_TRUE(!t.key.empty() && t.meaning.ends_with('.') && t.value > 0) << d.id << " " << t.key;
    EXPECT_EQ(detection(d.id), &d);
    EXPECT_EQ(&catalogue[index_of(d)], &d);
  }
  EXPECT_EQ(detection("NET-00"), nullptr);
}

// What a row says to write is TOML that the readers take: whole tables as they are, single keys in the table they belong to.
TEST(Catalogue, WhatToWriteIsUnderstood) {
  const std::string hosts = "[[host]]\nname = \"scada\"\naddress = \"10.0.0.1\"\n[[host]]\nname = \"scada2\"\naddress = \"10.0.0.2\"\n[[host]]\nname = \"hmi\"\naddress = \"10.0.0.3\"\n"
                            "[[host]]\nname = \"hmi2\"\naddress = \"10.0.0.4\"\n[[host]]\nname = \"rtu1\"\naddress = \"10.0.0.5\"\n[[host]]\nname = \"rtu2\"\naddress = \"10.0.0.6\"\n"
                            "[[host]]\nname = \"plc1\"\naddress = \"10.0.0.7\"\n[[host]]\nname = \"ied1\"\naddress = \"10.0.0.8\"\n[[host]]\nname = \"mu1\"\nmac = \"00:0e:8c:92:10:51\"\n";
  const std::string conversation = "[[conversation]]\nclient = \"scada\"\nserver = \"rtu1\"\nprotocol = \"modbus\"\n", point = "[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 5101\ntype = \"C_DC_NA_1\"\n";
  const std::string goose = "[[publisher]]\nkind = \"goose\"\nreference = \"a\"\n", samples = "[[publisher]]\nkind = \"sv\"\nreference = \"a\"\n";
  const std::map<std::string, std::string> belongs = {
      {"travel_time", point}, {"source", goose}, {"max_time", goose}, {"conf_rev", goose}, {"entries", goose}, {"simulation_allowed", goose}, {"vlan", goose}, {"destination", goose}, {"secured", goose},
      {"synchronised", samples}, {"intermittent", samples},
      {"acts", conversation}, {"objects", conversation}, {"mode", point}, {"kind", point}, {"direction", point}, {"feedback", point}, {"min", point}, {"outside", "[site]\n"},
      {"writable", "[[modbus_point]]\nhost = \"plc1\"\nunit = 1\ntable = \"coil\"\naddress = 3\n"}, {"mac", "[[host]]\nname = \"team\"\naddress = \"10.0.0.9\"\n"}};
  for (const Detection& d : catalogue) {
    const std::string tune(d.tune);
    const std::regex span("`([^`]*)`");
    for (std::sregex_iterator at(tune.begin(), tune.end(), span), end; at != end; ++at) {
      std::string code = (*at)[1];
      if (code.find(" = ") == std::string::npos) continue;
      Problems problems;
      if (code.starts_with("[detection.")) {
        auto root = TomlTable::parse(code, "tune", problems);
        ASSERT_TRUE(root && problems.empty()) << d.id << ": " << code;
        std::istringstream lines(code);
        std::string line;
        std::getline(lines, line);
        const Detection* of = detection(line.substr(11, line.size() - 12));
        ASSERT_TRUE(of) << d.id << ": " << line;
        while (std::getline(lines, line)) {
          const std::string key = line.substr(0, line.find(" = "));
          const bool known = key == "off" || key == "severity" || std::any_of(of->thresholds.begin(), of->thresholds.end(), [&](const Threshold& t) { return t.key == key; });
          EXPECT_TRUE(known) << d.id << " has no " << key;
        }
        continue;
      }
      if (!code.starts_with("[")) {
        const auto table = belongs.find(code.substr(0, code.find(" = ")));
        ASSERT_NE(table, belongs.end()) << d.id << ": " << code;
        code = table->second + code;
      }
      auto root = TomlTable::parse(code.starts_with("[site]") ? code + "\n" + hosts : hosts + code, "tune", problems);
      if (root) read_site(*root, problems), root->finish();
      EXPECT_TRUE(problems.empty()) << d.id << ": " << code << "\n" << (problems.empty() ? "" : problems.front());
    }
  }
}

TEST(Catalogue, RowsOfAFamilyAreInOrder) {
  for (const Family* family : families)
    for (size_t i = 1; i < family->rows.size(); i++) EXPECT_LT(family->rows[i - 1].id, family->rows[i].id);
}

TEST(Catalogue, DeedsAreWellFormed) {
  for (const Family* family : families)
    for (const Deed& d : family->deeds) EXPECT_EQ(flaw(d), "") << d.detection << ": " << d.what;
}

TEST(Catalogue, WhatIsNotRaisedHasAReason) {
  for (size_t i = 0; i < not_raised.size(); i++) {
    const NotRaised& n = not_raised[i];
    EXPECT_EQ(detection(n.id), nullptr) << n.id << " is raised";
    EXPECT_TRUE(n.title.size() > 5 && n.reason.size() > 20 && n.reason.ends_with('.')) << n.id;
    if (i) {
      EXPECT_LT(not_raised[i - 1].id, n.id);
    }
  }
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
