// SPDX-License-Identifier: Apache-2.0
// The recordings of a substation, with their labels: what is labelled an attack must be found, what is labelled ordinary
// must not, and the recording without attacks must be quiet.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/capture/file.h"
#include "daemon/judge/judge.h"
#include "daemon/judge/memory_file.h"
#include "daemon/judge/site_file.h"
#include "daemon/traffic/traffic.h"

namespace vidra {
namespace {

struct Found final : FindingSink {
  void found(Finding&& f) override { all.push_back(std::move(f)); }
  std::string told() const {
    std::string s;
    for (const Finding& f : all)
      s += fmt::format("{:.3f} {} ({}) {} → {} x{}: {} | {}\n", double(f.scene.time) / 1e9, f.detection->id, f.severity, text_of(f.source.address), text_of(f.target.address), f.weight, f.what, f.expected);
    return s;
  }
  std::vector<Finding> all;
};

void play(const std::string& name, Judge& judge) {
  const auto source = open_file(SOURCE_ROOT "/tests/captures/" + name);
  TrafficSettings settings;
  settings.seed = 1;
  Traffic traffic(settings, judge);
  std::array<Packet, 64> burst;
  Time last = 0;
  for (;;) {
    const auto polled = source->poll(burst);
    traffic.take(std::span<const Packet>(burst).first(polled.packets));
    source->release();
    traffic.tick(polled.now);
    judge.tick(polled.now);
    if (polled.packets) last = polled.now;
    if (polled.ended) break;
  }
  traffic.finish();
  judge.finish(last);
}

class Lab : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Problems problems;
    site = std::make_shared<const Site>(load_site(SOURCE_ROOT "/config/sites/alder.toml", problems));
    ASSERT_TRUE(problems.empty()) << problems.front();
    Found found;
    JudgeSettings settings;
    settings.mode = JudgeSettings::Mode::learn;
    Judge judge(site, {}, settings, found);
    play("demo-baseline.pcapng.zst", judge);
    learning = found.told();
    std::ostringstream text;
    write_memory(judge.memory(), text);
    memory = text.str();
  }
  static Memory learned() {
    Problems problems;
    Memory m = read_memory(memory, "memory.toml", problems);
    EXPECT_TRUE(problems.empty()) << problems.front();
    return m;
  }
  static inline std::shared_ptr<const Site> site;
  static inline std::string memory, learning;
};

TEST_F(Lab, TheOrdinaryRecordingIsQuietWhileItIsLearnedAndAfterwards) {
  EXPECT_EQ(learning, "");
  Found found;
  Judge judge(site, learned(), {}, found);
  play("demo-baseline.pcapng.zst", judge);
  EXPECT_EQ(found.told(), "");
}
TEST_F(Lab, TheOrdinaryRecordingIsQuietForASensorThatKnowsNothing) {
  Found found;
  JudgeSettings settings;
  settings.mode = JudgeSettings::Mode::learn;
  Judge judge(nullptr, {}, settings, found);
  play("demo-baseline.pcapng.zst", judge);
  EXPECT_EQ(found.told(), "");
}
TEST_F(Lab, AllThatIsLearnedIsReadBack) {
  std::ostringstream again;
  write_memory(learned(), again);
  EXPECT_EQ(again.str(), memory);
}
TEST_F(Lab, AttacksOnTheNetworkAreFoundAndWhatIsOrdinaryIsNot) {
  Found found;
  Judge judge(site, learned(), {}, found);
  play("demo-attacks.pcapng.zst", judge);
  if (std::getenv("VIDRA_SHOW")) fmt::print("{}", found.told());
  const auto has = [&](std::string_view id, double from, double to, std::string_view source) {
    for (const Finding& f : found.all) {
      const double t = double(f.scene.time) / 1e9;
      if (f.detection->id == id && t >= from - 0.01 && t <= to + 4 && text_of(f.source.address) == source) return true;
    }
    return false;
  };
  EXPECT_TRUE(has("NET-01", 1795295167, 1795295170, "10.10.1.199")) << found.told();
  EXPECT_TRUE(has("NET-05", 1795295167, 1795295170, "10.10.1.199")) << found.told();
  EXPECT_TRUE(has("NET-06", 1795295171, 1795295172, "10.10.1.199")) << found.told();
  EXPECT_TRUE(has("NET-07", 1795295171, 1795295172, "10.10.1.199")) << found.told();
  EXPECT_TRUE(has("NET-15", 1795295477, 1795295482, "10.10.1.198")) << found.told();
  EXPECT_TRUE(has("NET-15", 1795295488, 1795295493, "10.10.1.198")) << found.told();
  EXPECT_TRUE(has("NET-04", 1795295500, 1795295504, "b8:27:eb:5d:10:c7")) << found.told();
  uint64_t swept = 0;
  for (const Finding& f : found.all)
    if (f.detection->id == "NET-05" && f.scene.time < 1795295170 * second) swept += f.weight;
  EXPECT_EQ(swept, 494u);
  // Nothing of this family is told about the declared hosts but what an attacker did to them.
  for (const Finding& f : found.all)
    if (f.detection->id.starts_with("NET-0") && f.source.address.kind == Address::Kind::ip4 && site->host_of(f.target.address)) {
      EXPECT_FALSE(site->host_of(f.source.address)) << f.what;
    }
}

}  // namespace
}  // namespace vidra
