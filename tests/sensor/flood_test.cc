// SPDX-License-Identifier: Apache-2.0
// Floods against the bounds as they are installed, hearing and judging together: what is open stays, and a command inside is told.
#include <gtest/gtest.h>

#include <random>

#include "daemon/judge/judge.h"
#include "daemon/traffic/traffic.h"
#include "tests/support/packets.h"

namespace vidra {
namespace {

using namespace packets;
using Frame = packets::Octets;

struct Found final : FindingSink {
  void found(Finding&& f) override { modbus += f.detection->id.substr(0, 3) == "MOD"; }
  uint64_t modbus = 0;
};

class Flood : public testing::Test {
 protected:
  // An established Modbus connection that goes on polling through the flood, and in the end stops the device's answers.
  void open() {
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_ - 1, 0, 2}))));
    send(ethernet(ip4(host_b, host_a, 6, tcp({502, 40000, down_ - 1, up_, 0x12})), 0x0800, mac_b, mac_a));
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_, down_, 0x10}))));
    for (int i = 0; i < 4; i++) poll();
    ASSERT_EQ(found_.modbus, 0u);
  }
  void poll() {
    up({3, 0, 0, 0, 1});
    const Frame answer = adu({3, 2, 0, 7});
    send(ethernet(ip4(host_b, host_a, 6, tcp({502, 40000, down_, up_}, answer)), 0x0800, mac_b, mac_a));
    down_ += uint32_t(answer.size());
    number_++;
  }
  void up(const Frame& pdu) {
    const Frame o = adu(pdu);
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_, down_}, o))));
    up_ += uint32_t(o.size());
  }
  Frame adu(const Frame& pdu) const {
    Frame o;
    be16(o, number_), be16(o, 0), be16(o, unsigned(1 + pdu.size()));
    o.push_back(1);
    return o + pdu;
  }
  void send(const Frame& f) {
    traffic_.take(packet(f, now_ += microsecond));
    if (++frames_ % 64 == 0) traffic_.tick(now_), judge_.tick(now_);
  }
  void expect_told() {
    const Accounts& a = traffic_.accounts();
    EXPECT_EQ(a.evicted_with_parser, 0u) << "nobody who was understood gave way";
    EXPECT_LE(a.flows, TrafficSettings{}.flows);
    EXPECT_GT(polls_, 50u);
    EXPECT_EQ(a.protocols[size_t(protocol_index("modbus"))].records, 2 * (polls_ + 4)) << "each poll and each answer";
    EXPECT_EQ(found_.modbus, 0u);
    up({8, 0, 4, 0, 0});                               // force listen only mode
    judge_.tick(now_ += 10 * second);
    EXPECT_GT(found_.modbus, 0u) << "the command inside the flood";
  }

  Time now_ = 1'795'000'000 * second;
  uint32_t up_ = 1000, down_ = 5000;
  uint16_t number_ = 1;
  uint64_t frames_ = 0, polls_ = 0;
  Found found_;
  Judge judge_{std::make_shared<const Site>(), Memory{}, JudgeSettings{}, found_};
  Traffic traffic_{[] { TrafficSettings s; s.classify = false, s.silent_after = 0; return s; }(), judge_};
};

TEST_F(Flood, of_a_million_sources_that_only_knock) {
  open();
  std::mt19937 random(1);
  for (uint32_t i = 0; i < 1'000'000; i++) {
    send(ethernet(ip4(0x20000000 + i * 7, host_b, 6, tcp({1024 + (i & 0x7fff), 502, uint32_t(random()), 0, 2}), {.id = uint16_t(random())})));
    if (i % 10'000 == 0) poll(), polls_++;
  }
  EXPECT_GT(traffic_.accounts().flows_evicted, 900'000u);
  expect_told();
}

TEST_F(Flood, of_two_million_conversations_of_one_datagram) {
  open();
  for (uint32_t i = 0; i < 2'000'000; i++) {
    send(ethernet(ip4(0x20000000 + i / 16, host_b, 17, udp(1024 + i % 16, 9999, {1, 2, 3, 4}), {.id = uint16_t(i + 1)})));
    if (i % 20'000 == 0) poll(), polls_++;
  }
  EXPECT_GT(traffic_.accounts().flows_evicted, 1'900'000u);
  expect_told();
}

TEST_F(Flood, of_fragments_that_are_never_whole) {
  open();
  const Frame piece(1400, 'x');
  for (uint32_t i = 0; i < 200'000; i++) {
    send(ethernet(ip4(0x20000000 + i, host_b, 17, piece, {.id = uint16_t(i), .offset = i % 3 * 1400 / 8 * 8, .more = true})));
    if (i % 2'000 == 0) poll(), polls_++;
  }
  EXPECT_GT(traffic_.accounts().datagrams_given_up, 190'000u);
  expect_told();
}

}  // namespace
}  // namespace vidra
