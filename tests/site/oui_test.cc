// SPDX-License-Identifier: Apache-2.0
// The IEEE's lists of who made a card, in the forms in which Debian's ieee-data has them.
#include "daemon/site/oui.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace vidra {
namespace {

std::string folder(std::initializer_list<std::pair<const char*, const char*>> files) {
  const std::string at = testing::TempDir() + "makers-" + testing::UnitTest::GetInstance()->current_test_info()->name();
  std::filesystem::remove_all(at);
  std::filesystem::create_directories(at);
  for (const auto& [name, text] : files) std::ofstream(at + "/" + name) << text;
  return at;
}

TEST(Makers, TheLongestAssignmentNamesTheMaker) {
  const Makers m = Makers::load(folder({
      {"oui.csv", "Registry,Assignment,Organization Name,Organization Address\r\nMA-L,002272,American Micro-Fuel Device Corp.,2181 Buchanan Loop\r\nMA-L,741AE0,IEEE Registration Authority,445 Hoes Lane\r\n"
                  "MA-L,000E8C,\"Siemens AG, \"\"Energy\"\"\",\"Siemensstr. 1,\nNuremberg\"\r\n"},
      {"mam.csv", "Registry,Assignment,Organization Name,Organization Address\nMA-M,741AE09,Bay Relays,\n"},
      {"oui36.csv", "Registry,Assignment,Organization Name,Organization Address\nMA-S,70B3D5F2F,TELEPLATFORMS,\"Polbina st., 3/1\"\n"},
  }));
  EXPECT_EQ(m.of(*parse_mac("00:22:72:01:02:03")), "American Micro-Fuel Device Corp.");
  EXPECT_EQ(m.of(*parse_mac("00:0e:8c:91:10:20")), "Siemens AG, \"Energy\"");
  EXPECT_EQ(m.of(*parse_mac("74:1a:e0:91:02:03")), "Bay Relays");
  EXPECT_EQ(m.of(*parse_mac("74:1a:e0:81:02:03")), "");                    // the registry's own block
  EXPECT_EQ(m.of(*parse_mac("70:b3:d5:f2:f1:23")), "TELEPLATFORMS");
  EXPECT_EQ(m.of(*parse_mac("70:b3:d5:f3:f1:23")), "");
}

TEST(Makers, TheTextsSayTheSame) {
  const Makers m = Makers::load(folder({
      {"oui.txt", "OUI/MA-L                    Organization\ncompany_id                  Organization\n\n00-22-72   (hex)\t\tAmerican Micro-Fuel Device Corp.\n002272     (base 16)\t\tAmerican Micro-Fuel Device Corp.\n\t\t\t\tUS\n"},
      {"oui36.txt", "70-B3-D5   (hex)\t\tTELEPLATFORMS\nF2F000-F2FFFF     (base 16)\t\tTELEPLATFORMS\n"},
  }));
  EXPECT_EQ(m.of(*parse_mac("00:22:72:01:02:03")), "American Micro-Fuel Device Corp.");
  EXPECT_EQ(m.of(*parse_mac("70:b3:d5:f2:f1:23")), "TELEPLATFORMS");
  EXPECT_EQ(m.of(*parse_mac("70:b3:d5:f3:f1:23")), "");
}

TEST(Makers, WhatNobodyMadeHasNoMaker) {
  const Makers m = Makers::load(folder({{"oui.csv", "x,020000,Nobody,\nx,0000,short,\nx,00ZZ00,letters,\nx,002272,American,"}}));
  EXPECT_EQ(m.of(*parse_mac("02:00:00:01:02:03")), "");                    // locally administered
  EXPECT_EQ(m.of(*parse_mac("00:22:72:01:02:03")), "American");            // no end of line
  EXPECT_TRUE(Makers::load("/nonexistent").empty());
}

TEST(Makers, DebiansListsAreRead) {
  const Makers m = Makers::load();
  if (m.empty()) GTEST_SKIP() << "skipped: no ieee-data";
  EXPECT_GT(m.size(), 30'000u);
  EXPECT_EQ(m.of(*parse_mac("00:30:a7:12:10:21")), "SCHWEITZER ENGINEERING");
}

}  // namespace
}  // namespace vidra
