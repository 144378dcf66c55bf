// SPDX-License-Identifier: Apache-2.0
// What is heard twice because of how the sensor is attached is passed on once; what was sent twice is not lost.
#include <gtest/gtest.h>

#include "tests/support/hex.h"
#include "tests/traffic/heard.h"

namespace vidra::traffic_test {
namespace {
using namespace packets;
using traffic_test::Octets;
using Bodies = std::vector<std::string>;

Octets asking(const std::string& body, uint16_t id, uint8_t ttl = 64) {
  return ethernet(ip4(host_a, host_b, 17, udp(40'000, 2404, record(body)), {.id = id, .ttl = ttl}));
}

TEST(Twins, AMirrorInBothDirections) {
  Heard h;
  h.step = 5 * microsecond;
  for (uint16_t i = 1; i <= 50; i++) {
    h.frame(asking("1poll", i));
    h.frame(asking("1poll", i));
    h.now += millisecond;
  }
  EXPECT_EQ(h.bodies().size(), 50u);
  EXPECT_EQ(h.traffic.accounts().twins(), 50u);
  h.finish();
  EXPECT_EQ(h.octets().seen, 50u * 7);
}
TEST(Twins, ARoutedCopy) {
  Heard h;
  h.step = 200 * microsecond;
  const Mac router{{2, 0, 0, 0, 0, 0xee}};
  const Octets copy = vlan(ethernet(ip4(host_a, host_b, 17, udp(40'000, 2404, record("1poll")), {.id = 9, .ttl = 63}), 0x0800, router, mac_b), 44);
  h.frame(asking("1poll", 9));
  h.frame(copy);
  EXPECT_EQ(h.bodies().size(), 1u);
  EXPECT_EQ(h.traffic.accounts().twins(), 1u);
}
TEST(Twins, BothLansOfPrpAndBothWaysOfHsr) {
  for (const bool is_prp : {true, false}) {
    Heard h;
    h.step = 3 * millisecond;
    for (unsigned i = 0; i < 20; i++) {
      const Octets frame = ethernet(record("1published"), 0x88b5);
      h.frame(is_prp ? prp(frame, 10, i) : hsr(frame, 0, i), 0);
      h.frame(is_prp ? prp(frame, 11, i) : hsr(frame, 1, i), 0);
    }
    EXPECT_EQ(h.traffic.accounts().twins(), 20u);
    EXPECT_EQ(h.bodies().size(), 20u);
    EXPECT_EQ(h.count(Fact::twin_differs), 0u);
  }
}
TEST(Twins, ATwinThatDiffersIsHeardAndSaid) {
  Heard h;
  h.frame(prp(asking("1close", 5), 10, 77));
  h.frame(prp(asking("1OPENS", 5), 11, 77));
  EXPECT_EQ(h.bodies(), (Bodies{"1close", "1OPENS"}));
  EXPECT_EQ(h.traffic.accounts().twins(), 0u);
  EXPECT_EQ(h.count(Fact::twin_differs), 1u);
}
TEST(Twins, ARetransmissionIsNone) {
  Heard h;
  Connection c(h);
  c.open();
  const uint32_t at = c.next[0];
  c.up(record("1a"));
  c.segment(0, at, record("1a"));                          // another identification
  EXPECT_EQ(h.traffic.accounts().twins(), 0u);
  EXPECT_EQ(h.traffic.accounts().retransmitted_octets, 4u);
}
TEST(Twins, TheSameAgainLaterIsNone) {
  Heard h;
  h.step = 25 * millisecond;
  for (int i = 0; i < 10; i++) h.frame(asking("1poll", 1));   // a small device that counts no identifications
  EXPECT_EQ(h.bodies().size(), 10u);
}
// A cyclic device that repeats itself to the octet is no doubled mirror.
TEST(Twins, CyclicLayerTwoIsNone) {
  Heard h;
  h.step = 50 * microsecond;
  for (int i = 0; i < 100; i++) h.frame(ethernet(record("1same"), 0x88b5));
  EXPECT_EQ(h.bodies().size(), 100u);
  EXPECT_EQ(h.traffic.accounts().twins(), 0u);
}
// Layer 2 names no number: doubling is believed once it is seen, and every sixteenth pair at most is heard twice before.
TEST(Twins, ADoubledMirrorOfLayerTwo) {
  Heard h;
  h.step = 10 * microsecond;
  for (int i = 0; i < 200; i++) {
    h.frame(ethernet(record("1" + std::to_string(i)), 0x88b5));
    h.frame(ethernet(record("1" + std::to_string(i)), 0x88b5));
    h.now += 200 * microsecond;
  }
  EXPECT_GE(h.traffic.accounts().twins(), 200u - 16);
  EXPECT_LE(h.bodies().size(), 216u);
}
TEST(Twins, EveryArrangementSaysTheSame) {
  // The same exchange plainly, doubled, on a pair of taps, over both LANs.
  auto exchange = [](int how) {
    TrafficSettings s = Heard::quiet();
    s.interfaces = 2;
    Heard h(s);
    h.step = how == 1 || how == 3 ? 5 * microsecond : 10 * microsecond;
    Connection c(h);
    unsigned number = 0;
    auto send = [&](int d, const Octets& o, uint8_t flags = 0x18) {
      const Octets frame = c.octets(d, c.next[d], flags == 2 ? 0 : c.next[1 - d], o, flags);
      c.next[d] += uint32_t(o.size()) + (flags & 3 ? 1 : 0);
      number++;
      switch (how) {
        case 0: h.frame(frame); break;
        case 1: h.frame(frame), h.frame(frame); break;
        case 2: h.frame(frame, uint16_t(d)); break;
        case 3: h.frame(prp(frame, 10, number), 0), h.frame(prp(frame, 11, number), 1); break;
      }
      h.now += millisecond;
    };
    send(0, {}, 2), send(1, {}, 0x12), send(0, {}, 0x10);
    for (int i = 0; i < 10; i++) send(0, record("1ask" + std::to_string(i))), send(1, record("2answer"));
    send(0, {}, 0x11), send(1, {}, 0x11);
    h.finish();
    std::vector<std::string> all;
    for (const auto& e : h.said) all.push_back(std::to_string(e.scene.protocol) + " " + std::to_string(e.message.function) + " " + text_of(e.scene.client) + e.text);
    all.push_back(std::to_string(h.octets().seen));
    return all;
  };
  const auto plainly = exchange(0);
  EXPECT_EQ(plainly.size(), 25u);
  for (const int how : {1, 2, 3}) EXPECT_EQ(exchange(how), plainly) << how;
}

}  // namespace
}  // namespace vidra::traffic_test
