// SPDX-License-Identifier: Apache-2.0
// However a sensor is attached, it hears the same: a mirror, a mirror that doubles every frame, a tap with a card for each
// direction, a redundant network (PRP) with a card for each LAN. The recording of the substation is played over cables and
// heard live; what it says must be what reading the file says.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "daemon/capture/file.h"
#include "daemon/capture/live.h"
#include "daemon/traffic/traffic.h"
#include "tests/peers/network.h"
#include "tests/support/arrangements.h"
#include "tests/support/wire.h"

namespace vidra {
namespace {

using Frames = std::vector<std::vector<uint8_t>>;
using namespace arrangements;

// Everything that devices say, one line a sentence; not when, where and in which frame.
struct Lines final : EventSink {
  std::vector<std::string> lines;
  uint64_t twins_differ = 0;
  void see(const Event& e) override {
    const std::string_view protocol = protocols[e.scene.protocol]->name;
    if (!e.said || protocol == "sensor" || protocol == "tcp" || protocol == "udp") return;
    if (protocol == "arp") return;                 // asked again word for word within the time that a twin may take: played faster than it was
    // Streams speak of themselves by the second, and here seconds pass that were not recorded.
    if (protocol == "goose" || protocol == "sv" || protocol == "ptp" || protocol == "c37118" || (protocol == "enip" && e.said->role == Role::report)) return;
    const Message& m = *e.said;
    std::string line(protocol);
    line += " " + text_of(e.scene.client) + " " + text_of(e.scene.server);
    for (uint64_t n : {uint64_t(e.scene.from), uint64_t(m.role), uint64_t(m.function), uint64_t(m.sub_function), uint64_t(m.reason), uint64_t(m.tag), m.station, uint64_t(m.sequence),
                       uint64_t(m.malformed), uint64_t(m.unpaired), uint64_t(m.refused), uint64_t(m.after_gap), uint64_t(e.points.size())}) line += " " + std::to_string(n);
    for (const Point& p : e.points) line += " " + std::to_string(p.object.key()) + "=" + std::to_string(p.raw);
    lines.push_back(std::move(line));
  }
};

TrafficSettings hearing(size_t interfaces) {
  TrafficSettings s;
  s.interfaces = interfaces;
  s.groups.assign(interfaces, 1);
  s.classify = false;
  s.silent_after = 0;
  return s;
}

// A minute and a half of the recording: its controls, and attacks on Modbus.
Frames recorded() {
  Frames out;
  auto file = open_file("tests/captures/demo-attacks.pcapng.zst");
  std::vector<Packet> packets(256);
  for (bool ended = false; !ended;) {
    const auto polled = file->poll(packets);
    for (const Packet& p : std::span(packets).first(polled.packets))
      if (p.time >= 1'795'295'212 * second && p.time < 1'795'295'302 * second) out.emplace_back(p.octets.begin(), p.octets.end());
    file->release();
    ended = polled.ended;
  }
  return out;
}

struct Case { const char* name; size_t cables; Arrangement arrange; };

class Arrangements : public testing::TestWithParam<Case> {};

TEST_P(Arrangements, say_what_the_file_says) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  const Frames frames = recorded();
  ASSERT_GT(frames.size(), 1000u);
  Lines expected;
  {
    Traffic traffic(hearing(1), expected);
    Time t = 1'795'295'212 * second;
    for (const auto& f : frames) traffic.take(Packet{t += 100 * microsecond, f, uint32_t(f.size()), 0, Link::ethernet, t});
    traffic.finish();
  }
  ASSERT_GT(expected.lines.size(), 500u);

  std::vector<std::unique_ptr<Cable>> cables;
  std::vector<std::unique_ptr<Sender>> senders;
  LiveSettings live;
  live.merge_window = 50 * millisecond;
  for (size_t i = 0; i < GetParam().cables; i++) {
    const std::string n = std::to_string(i);
    cables.push_back(std::make_unique<Cable>("near" + n, "far" + n));
    ASSERT_TRUE(shell("ip link set near" + n + " mtu 2000") && shell("ip link set far" + n + " mtu 2000"));
    senders.push_back(std::make_unique<Sender>("far" + n));
    live.interfaces.push_back({"near" + n, "station"});
  }
  auto source = open_live(live);
  Lines heard;
  Traffic traffic(hearing(live.interfaces.size()), heard);
  std::vector<Packet> packets(256);
  size_t sent = 0, came = 0;
  const auto poll = [&] {
    const auto polled = source->poll(packets);
    came += polled.packets;
    traffic.take(std::span(packets).first(polled.packets));
    traffic.tick(polled.now);
    source->release();
  };
  auto next = std::chrono::steady_clock::now();
  for (size_t i = 0; i < frames.size(); i++) {
    for (const Way& way : GetParam().arrange(frames[i], uint16_t(i))) {
      ASSERT_TRUE(senders[way.cable]->send(way.octets)) << way.octets.size();
      sent++;
    }
    if (std::chrono::steady_clock::now() >= next) {
      poll();
      next = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
    }
  }
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5); came < sent && std::chrono::steady_clock::now() < end;) poll();
  traffic.finish();
  ASSERT_EQ(came, sent);
  ASSERT_EQ(heard.lines.size(), expected.lines.size());
  for (size_t i = 0; i < heard.lines.size(); i++) ASSERT_EQ(heard.lines[i], expected.lines[i]) << "sentence " << i;
}

INSTANTIATE_TEST_SUITE_P(Live, Arrangements, testing::Values(Case{"mirror", 1, mirror}, Case{"doubled_mirror", 1, doubled}, Case{"tap_pair", 2, tap_pair}, Case{"prp_pair", 2, prp_pair}),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace vidra
