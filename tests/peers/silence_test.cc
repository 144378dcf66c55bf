// SPDX-License-Identifier: Apache-2.0
// A mirror that goes silent is noticed by the time that a live source delivers without packets.
#include <gtest/gtest.h>

#include <chrono>

#include "daemon/capture/live.h"
#include "daemon/traffic/traffic.h"
#include "dissectors/facts.h"
#include "tests/peers/network.h"
#include "tests/support/hex.h"
#include "tests/support/wire.h"

namespace vidra {
namespace {

struct Facts final : EventSink {
  std::string heard;   // "silent 0, heard again 0, "
  void see(const Event& e) override {
    if (!e.said || protocols[e.scene.protocol]->name != "sensor") return;
    if (e.said->function == uint16_t(SensorFact::silent)) heard += "silent " + std::to_string(e.scene.interface) + ", ";
    if (e.said->function == uint16_t(SensorFact::heard_again)) heard += "heard again " + std::to_string(e.scene.interface) + ", ";
  }
};

TEST(Silence, of_one_mirror_is_said_while_the_other_goes_on) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  Cable a("near0", "far0"), b("near1", "far1");
  LiveSettings live;
  live.interfaces = {{"near0", "mirror"}, {"near1", "mirror"}};
  auto source = open_live(live);
  Facts facts;
  TrafficSettings settings;
  settings.interfaces = 2;
  settings.classify = false;
  settings.silent_after = second;
  Traffic traffic(settings, facts);
  Sender talker("far0"), silent("far1");
  const auto frame = hex("FFFFFFFFFFFF 020000000001 88B5 00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000");

  std::vector<Packet> packets(64);
  size_t heard = 0, sent = 0;
  const auto go_on = [&](std::chrono::milliseconds so_long, bool both) {
    const auto end = std::chrono::steady_clock::now() + so_long;
    auto next = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < end) {
      if (std::chrono::steady_clock::now() >= next) {
        sent += talker.send(frame);
        if (both) sent += silent.send(frame);
        next += std::chrono::milliseconds(20);
      }
      const auto polled = source->poll(packets);
      heard += polled.packets;
      traffic.take(std::span(packets).first(polled.packets));
      traffic.tick(polled.now);
      source->release();
    }
  };
  go_on(std::chrono::milliseconds(300), true);
  EXPECT_EQ(facts.heard, "");
  go_on(std::chrono::milliseconds(1500), false);
  EXPECT_EQ(facts.heard, "silent 1, ");
  EXPECT_GT(heard, 60u) << "the silent one held the other back";
  go_on(std::chrono::milliseconds(200), true);
  EXPECT_EQ(facts.heard, "silent 1, heard again 1, ");
  go_on(std::chrono::milliseconds(50), false);
  EXPECT_GE(heard + 8, sent);
}

}  // namespace
}  // namespace vidra
