// SPDX-License-Identifier: Apache-2.0
// Over every capture there is, with the dissectors as built: the books balance, time never goes back in what is said, two
// runs under other seeds say the same, and the same capture doubled by a mirror says the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "daemon/capture/file.h"
#include "daemon/traffic/traffic.h"

namespace vidra {
namespace {
namespace fs = std::filesystem;

struct Digest final : EventSink {
  uint64_t sum = 0, events = 0;
  Time last = 0;
  bool back = false;
  void see(const Event& e) override {
    back |= e.scene.time < last;
    last = e.scene.time;
    events++;
    auto mix = [&](uint64_t v) { sum = (sum ^ v) * 0x9e3779b97f4a7c15 + (sum >> 29); };
    mix(e.scene.flow), mix(e.scene.frame), mix(e.scene.protocol), mix(uint64_t(e.scene.from));
    if (!e.said) return;
    mix(e.said->function), mix(e.said->station), mix(e.said->tag), mix(e.said->malformed);
    for (const Point& p : e.points) mix(p.object.key()), mix(p.raw);
  }
};

struct Result { Accounts accounts; Digest digest; };
Result play(const std::string& path, uint64_t seed, bool doubled = false) {
  Result r;
  const auto source = open_file(path);
  TrafficSettings settings;
  settings.interfaces = std::max<size_t>(source->interfaces().size(), 1);
  settings.seed = seed;
  settings.classify = false;
  Traffic traffic(settings, r.digest);
  std::vector<Packet> packets(64);
  for (;;) {
    const auto polled = source->poll(packets);
    for (size_t i = 0; i < polled.packets; i++) {
      traffic.take(packets[i]);
      if (doubled) traffic.take(packets[i]);
    }
    source->release();
    if (polled.ended) break;
  }
  traffic.finish();
  r.accounts = traffic.accounts();
  return r;
}

// Each folder of the corpus is a test case of its own; captures that are too damaged to open are the reader's concern.
void every_capture(const fs::path& folder, const std::function<void(const std::string&)>& each) {
  if (!fs::exists(folder)) GTEST_SKIP() << "no corpus";
  std::vector<std::string> files;
  for (const auto& e : fs::recursive_directory_iterator(folder)) {
    const std::string name = e.path().string();
    const bool capture = name.find(".pcap") != std::string::npos || name.find(".cap") != std::string::npos;
    if (e.is_regular_file() && capture && name.find(".json") == std::string::npos && e.file_size() < 20'000'000) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  for (const std::string& f : files) try {
      each(f);
    } catch (const std::runtime_error&) {}
}

// A mirror that doubles every frame changes no record.
TEST(Corpus, DoubledSaysTheSame) {
  for (const char* folder : {"iec104", "modbus", "dnp3"})
    every_capture(fs::path("../shared/corpus") / folder, [](const std::string& file) {
      const Result plain = play(file, 1), doubled = play(file, 1, true);
      for (size_t p = 0; p < protocols.size(); p++) {
        const std::string_view name = protocols[p]->name;
        if (name != "iec104" && name != "modbus" && name != "dnp3") continue;
        EXPECT_EQ(doubled.accounts.protocols[p].records, plain.accounts.protocols[p].records) << file;
        EXPECT_EQ(doubled.accounts.protocols[p].malformed, plain.accounts.protocols[p].malformed) << file;
      }
      EXPECT_GT(doubled.accounts.twins(), 0u) << file;
    });
}

class Captures : public testing::TestWithParam<const char*> {};

TEST_P(Captures, BalancesAndRepeats) {
  every_capture(fs::path("../shared/corpus") / GetParam(), [](const std::string& file) {
    const Result a = play(file, 1), b = play(file, 2);
    const Octets o = a.accounts.octets();
    EXPECT_EQ(o.seen, o.decoded + o.opaque + o.lost) << file;
    EXPECT_EQ(a.accounts.flows, 0u) << file;
    EXPECT_FALSE(a.digest.back) << file;
    EXPECT_EQ(a.digest.sum, b.digest.sum) << file;
    EXPECT_EQ(o, b.accounts.octets()) << file;
  });
}
INSTANTIATE_TEST_SUITE_P(Corpus, Captures, testing::Values("iec104", "modbus", "dnp3", "mms", "goose", "sv", "s7comm", "bacnet", "profinet", "ptp", "it", "substation_mix", "opcua", "enip_cip", "synphasor", "powerlink"),
                         [](const auto& p) { return std::string(p.param); });

}  // namespace
}  // namespace vidra
