// SPDX-License-Identifier: Apache-2.0
// The whole of hearing and judging asks nothing of the heap once it is warm.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "daemon/capture/file.h"
#include "daemon/judge/judge.h"
#include "daemon/traffic/traffic.h"
#include "tests/support/heap.h"

namespace vidra {
namespace {

struct Nobody final : FindingSink {
  void found(Finding&&) override { n++; }
  uint64_t n = 0;
};

struct Learner final : EventSink {
  void see(const Event& e) override { memory.learn(e); }
  Memory memory;
};

template <class Each> void play(const std::string& path, Traffic& traffic, Each each) {
  const auto source = open_file(path);
  std::array<Packet, 64> burst;
  for (uint64_t packets = 0;;) {
    const auto polled = source->poll(burst);
    traffic.take(std::span<const Packet>(burst).first(polled.packets));
    packets += polled.packets;
    source->release();
    traffic.tick(polled.now);
    each(packets, polled.now);
    if (polled.ended) break;
  }
}

TEST(Allocation, none_per_packet_once_warm) {
  if (!heap_is_counted()) GTEST_SKIP() << "the sanitizer brings an allocator of its own";
  const char* mix = std::getenv("VIDRA_MIX");
  ASSERT_NE(mix, nullptr);
  const std::string capture = testing::TempDir() + "vidra-mix.pcap";
  ASSERT_EQ(std::system((std::string(mix) + " " + capture + " 300000 200 >/dev/null").c_str()), 0);
  Learner learner;
  {
    Traffic traffic(TrafficSettings{}, learner);
    play(capture, traffic, [](uint64_t, Time) {});
  }
  Nobody nobody;
  Judge judge(std::make_shared<const Site>(), std::move(learner.memory), JudgeSettings{}, nobody);
  Traffic traffic(TrafficSettings{}, judge);
  uint64_t warm = 0, before = 0, after = 0;
  play(capture, traffic, [&](uint64_t packets, Time now) {
    judge.tick(now);
    if (!warm && packets >= 150'000) warm = packets, before = heap_requests();
    after = heap_requests();
  });
  EXPECT_EQ(after - before, 0u) << "over the last half of 300,000 packets";
  EXPECT_EQ(nobody.n, 0u);             // what was learned from it is not told about it
  std::remove(capture.c_str());
}

}  // namespace
}  // namespace vidra
