// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/last_heard.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace vidra {
namespace {

constexpr Time morning = 1'795'000'000 * second;

struct Heard : testing::Test {
  void SetUp() override {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  std::string folder = testing::TempDir() + "last_heard_test";
};

TEST_F(Heard, AFirstRunMissedNothing) {
  LastHeard l(folder);
  EXPECT_EQ(l.missed(morning).ends, 0u);
  EXPECT_FALSE(std::filesystem::exists(folder + "/hearing")) << "a start that never hears leaves nothing";
}
TEST_F(Heard, OneThatEndedAsItShouldLeavesNothing) {
  LastHeard l(folder);
  l.heard(morning, 0);
  EXPECT_TRUE(std::filesystem::exists(folder + "/hearing"));
  l.well();
  EXPECT_EQ(LastHeard(folder).missed(morning + hour).ends, 0u);
}
TEST_F(Heard, OneThatDiedIsToldByTheNext) {
  LastHeard(folder).heard(morning, 0);
  LastHeard l(folder);
  const LastHeard::Missed m = l.missed(morning + minute);
  EXPECT_EQ(m.ends, 1u);
  EXPECT_EQ(m.from, morning);
  EXPECT_EQ(m.until, morning + minute);
}
TEST_F(Heard, OneThatDiesInItsFirstSecondsAgainAndAgainIsOneTimeThatGrows) {
  LastHeard(folder).heard(morning, 0);
  for (unsigned i = 1; i <= 4; i++) {
    LastHeard l(folder);
    const LastHeard::Missed m = l.missed(morning + i * minute);
    EXPECT_EQ(m.ends, i);
    EXPECT_EQ(m.from, morning);
    l.heard(m.until, 0);
    l.heard(m.until + 4 * second, 4 * second);
  }
  LastHeard l(folder);
  l.heard(morning + hour, LastHeard::counts);            // what was missed is told by now
  const LastHeard::Missed m = LastHeard(folder).missed(morning + 2 * hour);
  EXPECT_EQ(m.ends, 1u);
  EXPECT_EQ(m.from, morning + hour);
}
TEST_F(Heard, AClockThatGoesBehindSaysNoTime) {
  LastHeard(folder).heard(morning, 0);
  const LastHeard::Missed m = LastHeard(folder).missed(morning - hour);
  EXPECT_EQ(m.ends, 1u);
  EXPECT_EQ(m.from, 0);
}
TEST_F(Heard, WhatCannotBeReadWasLeftAllTheSame) {
  for (const char* text : {"", "rubbish", "-5 -5", "99999999999999999999999999 99999999999", "1795000000000000000"}) {
    std::ofstream(folder + "/hearing", std::ios::trunc) << text;
    EXPECT_EQ(LastHeard(folder).missed(morning).ends, 1u) << text;
  }
}
TEST_F(Heard, WithoutAFolderNothingIsKept) {
  LastHeard l("");
  EXPECT_FALSE(l.heard(morning, 0));
  EXPECT_EQ(l.missed(morning).ends, 0u);
  LastHeard gone(folder + "/gone");
  EXPECT_FALSE(gone.heard(morning, 0));
}

}  // namespace
}  // namespace vidra
