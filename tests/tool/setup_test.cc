// SPDX-License-Identifier: Apache-2.0
// What `vidra setup` writes is what the sensor reads: every way of being attached, with and without each answer.
#include "daemon/tool/setup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace vidra {
namespace {

using Kind = CaptureGroup::Kind;

const std::string key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";   // the public test key of ZeroMQ's own manual

SensorSettings loaded(const std::string& text, Problems& problems) {
  const std::string path = testing::TempDir() + "setup_test.toml";
  std::ofstream(path) << text;
  const SensorSettings s = load_settings(path, problems);
  std::filesystem::remove(path);
  return s;
}

TEST(Setup, EveryCombinationIsAcceptedBySensor) {
  int tried = 0;
  for (const Kind kind : {Kind::mirror, Kind::tap_pair, Kind::prp_pair, Kind::remote_mirror})
    for (const size_t cards : {1, 2})
      for (const std::string site : {"", "Alder 110/20 kV", "quo\"te \\ back"})
        for (const std::string zone : {"", "station_bus"})
          for (const bool ranges : {false, true})
            for (const std::string collector : {"", "tcp://cert.example:7421", "tcp://[fd00::1]:7421"})
              for (const std::string_view tlp : tlps)
                for (const bool full : {false, true}) {
                  if ((kind == Kind::tap_pair || kind == Kind::prp_pair) != (cards == 2) && kind != Kind::mirror) continue;
                  if (ranges && zone.empty()) continue;
                  Answers a;
                  a.attached = kind;
                  a.interfaces = cards == 2 ? std::vector<std::string>{"eth1", "eth2"} : std::vector<std::string>{"eth1"};
                  a.site = site, a.zone = zone, a.collector = collector, a.tlp = tlp, a.operations_in_full = full, a.learn_for = "12h";
                  if (ranges) a.prefixes = {"10.10.1.0/24", "fd00::/8"};
                  if (!collector.empty()) a.key = key;
                  Problems problems;
                  const std::string text = settings_text(a);
                  const SensorSettings s = loaded(text, problems);
                  ASSERT_TRUE(problems.empty()) << problems.front() << "\n" << text;
                  tried++;
                  EXPECT_EQ(s.capture.interfaces, a.interfaces);
                  if (kind != Kind::mirror || cards == 2) {
                    ASSERT_EQ(s.capture.groups.size(), 1u);
                    EXPECT_EQ(s.capture.groups[0].kind, kind);
                    EXPECT_EQ(s.capture.groups[0].interfaces, a.interfaces);
                  }
                  EXPECT_EQ(s.site->name, site);
                  ASSERT_EQ(s.site->zones.size(), zone.empty() ? 0u : 1u);
                  if (!zone.empty()) {
                    EXPECT_EQ(s.site->zones[0].prefixes.size(), ranges ? 2u : 0u);
                  }
                  ASSERT_EQ(s.collectors.size(), collector.empty() ? 0u : 1u);
                  if (!collector.empty()) {
                    EXPECT_EQ(s.collectors[0].endpoints, std::vector<std::string>{collector});
                    EXPECT_EQ(s.collectors[0].server_key, key);
                    EXPECT_EQ(s.collectors[0].tlp, tlp);
                    EXPECT_EQ(s.collectors[0].operations_in_full, full);
                  }
                  EXPECT_EQ(s.judge.mode, JudgeSettings::Mode::learn);
                  EXPECT_EQ(s.judge.learn_for, 12 * hour);
                }
  EXPECT_EQ(tried, (2 + 1 + 1 + 1) * 3 * 3 * 3 * 5 * 2);
}

TEST(Setup, SaysWhatIsWrongWithAnAnswer) {
  EXPECT_NE(flaw_of_interfaces(Kind::mirror, {}), "");
  EXPECT_NE(flaw_of_interfaces(Kind::tap_pair, {"eth1"}), "");
  EXPECT_NE(flaw_of_interfaces(Kind::prp_pair, {"eth1", "eth1"}), "");
  EXPECT_EQ(flaw_of_interfaces(Kind::prp_pair, {"eth1", "eth2"}), "");
  for (const char* wrong : {"", "cert.example:7421", "tcp://", "tcp://host", "tcp://host:", "tcp://host:0", "tcp://host:70000", "tcp://host:12x", "tcp://ho st:12", "udp://h:1"}) EXPECT_NE(flaw_of_endpoint(wrong), "") << wrong;
  for (const char* right : {"tcp://cert.example:7421", "tcp://[fd00::1]:1", "tcp://10.0.0.1:65535"}) EXPECT_EQ(flaw_of_endpoint(right), "") << right;
  EXPECT_EQ(flaw_of_key(key), "");
  EXPECT_NE(flaw_of_key(key.substr(1)), "");
  EXPECT_NE(flaw_of_key(std::string(40, '"')), "");
  for (const char* wrong : {"", "14", "d", "-1d", "91d", "3 weeks", "1.5h"}) EXPECT_NE(flaw_of_duration(wrong), "") << wrong;
  for (const char* right : {"0s", "30min", "12h", "90d"}) EXPECT_EQ(flaw_of_duration(right), "") << right;
  EXPECT_NE(flaw_of_prefix("10.10.1.0/33"), "");
  EXPECT_NE(flaw_of_collector_name("../x"), "");
}

// A name with a line break cannot smuggle a key into the settings.
TEST(Setup, AnswersStayAnswers) {
  Answers a;
  a.interfaces = {"eth1"};
  a.site = "x\"\n[sensor]\nstate = \"/tmp";
  Problems problems;
  const SensorSettings s = loaded(settings_text(a), problems);
  EXPECT_TRUE(problems.empty()) << problems.front();
  EXPECT_EQ(s.site->name, a.site);
  EXPECT_EQ(s.state, "/var/lib/vidra");
}

}  // namespace
}  // namespace vidra
