// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "daemon/collector/settings.h"
#include "tests/collector/records.h"

namespace vidra {
namespace {

struct CollectorSettingsTest : testing::Test {
  Scratch scratch;
  CollectorSettings settings;
  std::vector<std::string> problems;
  bool read(const std::string& text) {
    const std::string path = scratch.path + "/c.toml";
    std::ofstream(path) << text;
    problems.clear();
    settings = {};
    const bool good = read_collector_settings(path, settings, problems);
    for (std::string& p : problems) p = p.substr(scratch.path.size() + 1);
    return good;
  }
  std::string only() const { return problems.size() == 1 ? problems[0] : std::to_string(problems.size()) + " problems"; }
};

// Every key once: taken from the shipped file with another value each, so that a key that is not read is noticed.
TEST_F(CollectorSettingsTest, the_shipped_file_shows_every_default) {
  const char* path = VIDRA_SOURCE "/config/collector.toml";
  CollectorSettings shipped;
  ASSERT_TRUE(read_collector_settings(path, shipped, problems)) << problems.at(0);
  const CollectorSettings d;
  EXPECT_EQ(shipped.state, d.state);
  EXPECT_EQ(shipped.listen, d.listen);
  EXPECT_EQ(shipped.contact, d.contact);
  EXPECT_EQ(shipped.link.heartbeat, d.link.heartbeat);
  EXPECT_EQ(shipped.link.handshake, d.link.handshake);
  EXPECT_EQ(shipped.link.credit, d.link.credit);
  EXPECT_EQ(shipped.link.sensor_bytes, d.link.sensor_bytes);
  EXPECT_EQ(shipped.link.sensor_records_per_second, d.link.sensor_records_per_second);
  EXPECT_EQ(shipped.intake.retention.keep, d.intake.retention.keep);
  EXPECT_EQ(shipped.intake.retention.max_bytes, d.intake.retention.max_bytes);
  EXPECT_EQ(shipped.intake.segment_bytes, d.intake.segment_bytes);
  EXPECT_EQ(shipped.intake.min_free, d.intake.min_free);
  EXPECT_EQ(shipped.silent_after, d.silent_after);
  EXPECT_EQ(shipped.show, d.show);
  EXPECT_EQ(shipped.severity, d.severity);
  EXPECT_EQ(shipped.language, d.language);
  EXPECT_EQ(shipped.words, d.words);
  EXPECT_EQ(shipped.update_every, d.update_every);
  // An unknown key's message lists the allowed ones: the shipped file has all of them.
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  read("[collector]\nx=1\n[link]\nx=1\n[journal]\nx=1\n[sensors]\nx=1\n[show]\nx=1\n");
  ASSERT_EQ(problems.size(), 5u);
  size_t keys = 0;
  for (const std::string& p : problems) {
    std::istringstream words(p.substr(p.find("allowed: ") + 9));
    for (std::string key; std::getline(words >> std::ws, key, ','); keys++) EXPECT_NE(text.str().find("\n" + key + " = "), std::string::npos) << key;
  }
  EXPECT_EQ(keys, 18u);
}

TEST_F(CollectorSettingsTest, values_are_taken) {
  ASSERT_TRUE(read("[collector]\nstate = \"/x\"\nlisten = \"[fd00::1]:1\"\ncontact = \"c\"\n[link]\nheartbeat = \"5s\"\ncredit = 9\n[journal]\nkeep = \"2d\"\n"
                   "size = \"1 GiB\"\nsegment = \"1 MiB\"\nmin_free = \"2 MiB\"\n[sensors]\nsilent_after = \"1h\"\n[show]\nalerts = \"json\"\nseverity = 4\n"));
  EXPECT_EQ(settings.state, "/x");
  EXPECT_EQ(settings.listen, "[fd00::1]:1");
  EXPECT_EQ(settings.link.heartbeat, 5 * second);
  EXPECT_EQ(settings.link.credit, 9u);
  EXPECT_EQ(settings.intake.retention.keep, 2 * day);
  EXPECT_EQ(settings.intake.min_free, 2u << 20);
  EXPECT_EQ(settings.silent_after, hour);
  EXPECT_EQ(settings.show, Show::json);
  EXPECT_EQ(settings.severity, 4);
}

TEST_F(CollectorSettingsTest, mistakes_are_named_with_their_place_and_what_is_allowed) {
  EXPECT_FALSE(read("[colector]\n"));
  EXPECT_EQ(only(), "c.toml:1:2: unknown key 'colector', did you mean 'collector'?; allowed: collector, journal, link, sensors, show");
  EXPECT_FALSE(read("\n[collector]\nlisten = 7421\n"));
  EXPECT_EQ(only(), "c.toml:3:1: 'listen' is a whole number (7421); it must be a text in quotes");
  EXPECT_FALSE(read("[show]\nalerts = \"txt\"\n"));
  EXPECT_EQ(only(), "c.toml:2:1: 'alerts' is \"txt\", did you mean \"text\"?; allowed: text, json, nothing");
  EXPECT_FALSE(read("[show]\nseverity = 6\n"));
  EXPECT_EQ(only(), "c.toml:2:1: 'severity' is a whole number (6); it must be a whole number from 1 to 5");
  EXPECT_FALSE(read("[journal\n"));
  EXPECT_EQ(only().substr(0, 9), "c.toml:1:");
}

TEST_F(CollectorSettingsTest, contradictions_are_refused) {
  EXPECT_FALSE(read("[sensors]\nsilent_after = \"10s\"\n"));
  EXPECT_EQ(only(), "c.toml:2:1: 'silent_after' in [sensors] (10.0 s) is less than two of 'heartbeat' in [link] (10.0 s): every sensor would be called silent");
  EXPECT_FALSE(read("[journal]\nsize = \"20 MiB\"\n"));
  EXPECT_NE(only().find("'segment' (16.0 MiB) is more than a quarter of 'size' (20.0 MiB)"), std::string::npos);
  for (const char* listen : {"7421", "tcp://*:7421", "*:", "*:70000", ":7421", "[]:1", "10.0.0.1:x", "fd00::1:7421"}) {
    EXPECT_FALSE(read(std::string("[collector]\nlisten = \"") + listen + "\"\n")) << listen;
    EXPECT_EQ(only().substr(0, 12), "c.toml:2:1: ");
  }
}

TEST_F(CollectorSettingsTest, a_file_that_is_not_there) {
  EXPECT_FALSE(read_collector_settings(scratch.path + "/none.toml", settings, problems));
  EXPECT_NE(problems.at(0).find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace vidra
