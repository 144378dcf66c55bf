// SPDX-License-Identifier: Apache-2.0
// What is kept over a restart: learning goes on where it was, and ends once.
#include "daemon/sensor/kept_files.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/base/text.h"
#include "daemon/judge/memory_file.h"
#include "daemon/record/seal.h"

namespace vidra {
namespace {

constexpr Time began = 1'795'295'000 * second;

struct State : testing::Test {
  State() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    settings.state = folder;
    settings.judge.mode = JudgeSettings::Mode::learn;
    settings.judge.learn_for = 14 * day;
    crypto_sign_keypair(open.data(), secret.data());
  }
  static Memory some(Time begun, Time ended = 0) {
    Memory m;
    m.add_host(*parse_address("10.1.1.20")).first = began;
    m.learning = {begun, ended};
    return m;
  }
  void put(const std::string& text) { std::ofstream(learned) << text; }
  std::string got() const {
    std::ifstream in(learned);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string text_of(const Memory& m) {
    std::ostringstream o;
    write_memory(m, o);
    return o.str();
  }
  std::string frozen(const Memory& m) const { return sealed(text_of(m), {"N. N.", "", began}, open, secret); }
  // As at a start: what the memory holds, and whether it learns.
  bool starts(Time now) {
    SensorSettings s = settings;
    said.clear();
    KeptFiles files(folder, [this](int, const std::string& line) { said += line + "\n"; });
    memory = Memory{};
    files.learned(s, memory, now);
    return s.judge.mode == JudgeSettings::Mode::learn;
  }

  const std::string folder = testing::TempDir() + "vidra-kept", learned = folder + "/learned.toml";
  SensorSettings settings;
  SignPublic open{};
  SignSecret secret{};
  Memory memory;
  std::string said;
};

TEST_F(State, LearningGoesOnWhereItWas) {
  EXPECT_TRUE(starts(began)) << said;
  put(text_of(some(began)));
  EXPECT_TRUE(starts(began + 13 * day)) << said;
  EXPECT_EQ(memory.hosts().size(), 1u);
  EXPECT_EQ(memory.learning.begun, began);
  EXPECT_NE(said.find("until 2026-12-05"), std::string::npos) << said;
}

TEST_F(State, LearningThatIsOverDoesNotBeginAnewWithAPowerCut) {
  put(text_of(some(began)));
  EXPECT_FALSE(starts(began + 180 * day)) << said;
  EXPECT_EQ(memory.hosts().size(), 1u);
  EXPECT_NE(said.find("learning ended on 2026-12-05"), std::string::npos) << said;
  EXPECT_NE(got().find("ended = \"2026-12-05"), std::string::npos) << got();
  settings.judge.learn_for = 90 * day;                       // it stays over
  EXPECT_FALSE(starts(began + 15 * day)) << said;
}

TEST_F(State, AnOlderVersionsFileCountsFromItsFirstDay) {
  put("version = 2\n[[host]]\naddress = \"10.1.1.20\"\nfirst = \"2026-05-01\"\nlast = \"2026-05-14\"\n");
  EXPECT_FALSE(starts(began)) << said;
  EXPECT_NE(said.find("learning ended on 2026-05-15"), std::string::npos) << said;
}

TEST_F(State, WhatWasFrozenIsNotLearnedOnAndNotWrittenOver) {
  put(frozen(some(began)));
  EXPECT_FALSE(starts(began + day)) << said;
  EXPECT_EQ(memory.hosts().size(), 1u);
  EXPECT_NE(said.find("frozen by N. N."), std::string::npos) << said;
  settings.frozen_by = {std::string(64, '0')};
  EXPECT_FALSE(starts(began + day)) << "another's seal\n" << said;
  EXPECT_TRUE(memory.hosts().empty());
  settings.frozen_by = {};
  std::string changed = got();
  changed.replace(changed.find("10.1.1.20"), 9, "10.1.1.21");
  put(changed);
  EXPECT_FALSE(starts(began + day)) << "changed since\n" << said;
  EXPECT_TRUE(memory.hosts().empty());
  EXPECT_EQ(got(), changed);
}

TEST_F(State, WhatNobodyFrozeCountsWhileItLearnsOnlyWhereASealIsAskedFor) {
  settings.frozen_by = {hex_of(open)};
  put(text_of(some(began)));
  EXPECT_TRUE(starts(began + day)) << said;
  EXPECT_EQ(memory.hosts().size(), 1u);
  EXPECT_FALSE(starts(began + 15 * day)) << said;
  EXPECT_TRUE(memory.hosts().empty());
  EXPECT_NE(said.find("vidra memory freeze"), std::string::npos) << said;
}

TEST_F(State, WhatWasLearnedAndItsEndAreWrittenThoughItEndsInTheFirstMinute) {
  KeptFiles files(folder, [this](int, const std::string& line) { said += line + "\n"; });
  EXPECT_TRUE(files.write({Inventory{}, some(began, began + 14 * day), false}, minute, false));
  EXPECT_NE(got().find("ended = \"2026-12-05"), std::string::npos) << got();
  EXPECT_NE(said.find("learning is over"), std::string::npos) << said;
  said.clear();
  EXPECT_TRUE(files.write({Inventory{}, Memory{}, false}, 2 * minute, false));
  EXPECT_NE(got().find("10.1.1.20"), std::string::npos);
  EXPECT_EQ(said, "");
}

TEST_F(State, FreezingWhileItLearnsEndsLearning) {
  KeptFiles files(folder, [this](int, const std::string& line) { said += line + "\n"; });
  EXPECT_TRUE(files.write({Inventory{}, some(began), true}, 10 * minute, false));
  EXPECT_NE(got().find("10.1.1.20"), std::string::npos);
  const std::string seal = frozen(some(began));
  put(seal);
  EXPECT_FALSE(files.write({Inventory{}, some(began), true}, 30 * minute, false)) << said;
  EXPECT_TRUE(files.write({Inventory{}, some(began, began + hour), false}, 31 * minute, false));
  EXPECT_EQ(got(), seal);
}

TEST_F(State, AFrozenMemoryThatTheSettingsNameIsNotLearnedOn) {
  settings.memory = "/etc/vidra/memory.toml";
  SensorSettings s = settings;
  KeptFiles files(folder, [this](int, const std::string& line) { said += line + "\n"; });
  Memory named = some(0);
  named.frozen = {"N. N.", "", "00", "00", began};
  files.learned(s, named, began);
  EXPECT_EQ(s.judge.mode, JudgeSettings::Mode::watch) << said;
}

}  // namespace
}  // namespace vidra
