// SPDX-License-Identifier: Apache-2.0
// Floods against small bounds: memory stays, what matters is still heard, and the bound is told.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/support/hex.h"
#include "tests/traffic/heard.h"

namespace vidra::traffic_test {
namespace {
using namespace packets;
using traffic_test::Octets;

TrafficSettings small() {
  TrafficSettings s = Heard::quiet();
  s.flows = 64;
  s.held_octets = 1 << 20;
  s.parser_octets = 1 << 20;
  s.history_octets = 1 << 16;
  s.fragmented = 32;
  s.fragment_octets = 1 << 20;
  return s;
}

// An established conversation that a dissector reads, kept alive among what floods in.
class Canary {
 public:
  explicit Canary(Heard& h) : heard_(h), connection_(h) { connection_.open(), sing(); }
  void sing() {
    connection_.up(record("1canary"));
    sung_++;
  }
  void expect_heard() const {
    const auto b = heard_.bodies();
    EXPECT_EQ(size_t(std::count(b.begin(), b.end(), "1canary")), sung_);
  }

 private:
  Heard& heard_;
  Connection connection_;
  size_t sung_ = 0;
};

TEST(Hostile, SynFlood) {
  Heard h(small());
  h.step = microsecond;
  Canary canary(h);
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; i++) {
    h.frame(ethernet(ip4(uint32_t(random()), host_b, 6, tcp({unsigned(random() & 0xffff), 2404, uint32_t(random()), 0, 2}), {.id = uint16_t(random())})));
    if (i % 1000 == 0) canary.sing(), h.said.erase(std::remove_if(h.said.begin(), h.said.end(), [](auto& s) { return s.scene.protocol != 0; }), h.said.end());
  }
  canary.expect_heard();
  EXPECT_LE(h.traffic.accounts().flows, 64u);
  EXPECT_EQ(h.traffic.accounts().evicted_with_parser, 0u);
  EXPECT_EQ(h.traffic.accounts().flows_evicted, h.traffic.accounts().conversations - h.traffic.accounts().flows);
  h.wait(2 * second);
  EXPECT_GE(h.count(SensorFact::bound_hit), 1u);
  h.finish();
}
TEST(Hostile, PlainConversationsFlood) {
  Heard h(small());
  h.step = microsecond;
  Canary canary(h);
  for (uint32_t i = 0; i < 5'000; i++) {
    h.frame(ethernet(ip4(0x0b000000 + i, host_b, 17, udp(i & 0xffff, 53, octets("what is this")), {.id = uint16_t(i + 1)})));
    if (i % 100 == 0) canary.sing();
  }
  canary.expect_heard();
  EXPECT_EQ(h.traffic.accounts().evicted_with_parser, 0u);
  h.finish();
  EXPECT_EQ(h.octets().opaque, 5'000u * 12);
}
TEST(Hostile, ConversationsThatLookRightFlood) {
  Heard h(small());
  h.step = microsecond;
  for (uint32_t i = 0; i < 2'000; i++) {
    Connection c(h, 0x0b000000 + i);
    c.open();
    c.up(record("1mine"));
  }
  EXPECT_LE(h.traffic.accounts().flows, 64u);
  EXPECT_EQ(h.bodies().size(), 2'000u) << "each was heard before it was forgotten";
  EXPECT_GT(h.traffic.accounts().evicted_with_parser, 1'900u);
  h.finish();
}
TEST(Hostile, FirstFragmentsOnly) {
  Heard h(small());
  h.step = microsecond;
  Canary canary(h);
  for (uint32_t i = 0; i < 20'000; i++) {
    h.frame(ethernet(ip4(host_a, host_b, 17, Octets(1400, 'x'), {.id = uint16_t(i + 1), .offset = i % 2 ? 0u : 64'000u, .more = true})));
    if (i % 1000 == 0) canary.sing();
  }
  canary.expect_heard();
  EXPECT_GE(h.traffic.accounts().datagrams_given_up, 20'000u - 32);
  h.finish();
}
TEST(Hostile, HolesEverywhere) {
  TrafficSettings s = small();
  s.flows = 4096;
  Heard h(s);
  h.step = microsecond;
  Canary canary(h);
  for (uint32_t i = 0; i < 1'000; i++) {
    Connection c(h, 0x0b000000 + i);
    c.open();
    c.up(record("1x"));
    for (uint32_t at = 60'000; at > 1'000; at -= 6'000) c.segment(0, c.next[0] + at, Octets(1'000, 'x'), 0x10);
    if (i % 50 == 0) canary.sing();
  }
  canary.expect_heard();
  EXPECT_GT(h.traffic.accounts().buffers_refused, 0u);
  h.wait(2 * second);
  EXPECT_GE(h.count(SensorFact::bound_hit), 1u);
  h.finish();
}
TEST(Hostile, EverySecondOctetOfALongStream) {
  Heard h(small());
  h.step = microsecond;
  Connection c(h);
  c.open();
  c.up(record("1x"));
  for (uint32_t at = 1; at < 20'000; at += 2) c.segment(0, c.next[0] + at, {0x55}, 0x10);
  h.finish();
  EXPECT_EQ(h.octets().seen, 4u + 19'999 + 1 - 0u);
}
TEST(Hostile, NoRoomForParsers) {
  TrafficSettings s = small();
  s.parser_octets = 0;
  Heard h(s);
  Connection c(h);
  c.open();
  c.up(record("1a"));
  EXPECT_EQ(h.bodies().size(), 0u);
  EXPECT_GE(h.traffic.accounts().parsers_refused, 1u);
  h.finish();
  EXPECT_EQ(h.octets().opaque, 4u);
}
// Frames turned at random, a canary after every thousand.
TEST(Hostile, RandomFrames) {
  Heard h(small());
  h.step = 100 * microsecond;
  Canary canary(h);
  std::mt19937 random(3);
  Connection other(h, host_a, host_b, 41'000, 502);
  const Octets whole = records({"1one", "1two", "2three"});
  const std::vector<Octets> samples = {
      other.octets(0, 1, 1, whole), other.octets(1, 1, 1, whole, 0x11), other.octets(0, 1, 1, {}, 2), vlan(ethernet(record("1l2"), 0x88b5), 4),
      ethernet(ip4(host_a, host_b, 17, udp(1, 2404, whole), {.id = 1, .offset = 0, .more = true})), ethernet(ip6(host6(1), host6(2), 60, extension6(44, fragment6(6, 0, true, 1, tcp({1, 2404}, whole)))), 0x86dd),
      ethernet(ip4(1, 2, 47, hex("1000 88be 00000001  1001 0000 00000000") + ethernet(ip4(host_a, host_b, 6, tcp({3, 2404, 5, 6}, whole))))), prp(other.octets(0, 1, 1, whole), 10, 7),
      ethernet(ip4(host_b, host_a, 1, hex("03 03 0000 00000000") + ip4(host_a, host_b, 17, udp(1, 2404, whole))))};
  for (int i = 0; i < 60'000; i++) {
    Octets o = samples[random() % samples.size()];
    const size_t turns = random() % 6;
    for (size_t t = 0; t < turns; t++) o[random() % o.size()] = uint8_t(random());
    if (random() % 8 == 0) o.resize(random() % (o.size() + 1));
    if (random() % 16 == 0) h.cut_frame(o, random() % (o.size() + 1));
    else h.frame(o);
    if (i % 1000 == 0) canary.sing(), h.said.erase(std::remove_if(h.said.begin(), h.said.end(), [](auto& s) { return s.text != "1canary"; }), h.said.end());
  }
  canary.expect_heard();
  h.finish();
}
// A stream of one conversation, mangled in every way a network or an attacker can: the books balance, nothing hangs.
TEST(Hostile, RandomSegments) {
  std::mt19937 random(5);
  std::vector<std::string> bodies;
  for (int i = 0; i < 400; i++) bodies.push_back("1" + std::to_string(i));
  const Octets all = records(bodies);
  for (int run = 0; run < 300; run++) {
    TrafficSettings s = small();
    s.held_octets_a_side = 1 << (10 + random() % 7);
    Heard h(s);
    h.step = Time(random() % 5) * 10 * millisecond + microsecond;
    Connection c(h);
    if (random() % 3) c.open();
    for (int i = 0; i < 200; i++) {
      const size_t at = random() % all.size(), n = random() % 200;
      const int d = random() % 4 == 0;
      const uint8_t flags = random() % 20 == 0 ? uint8_t(random() & 0x1f) : 0x18;
      Octets o(all.begin() + long(at), all.begin() + long(std::min(at + n, all.size())));
      const uint32_t sequence = random() % 40 == 0 ? uint32_t(random()) : uint32_t(1001 + at) + (random() % 10 == 0 ? 1 : 0);
      if (random() % 10 == 0) h.cut_frame(c.octets(d, sequence, uint32_t(random() % 5 ? 5'000'001 + at : random()), o, flags), 54 + random() % (o.size() + 1));
      else c.segment(d, sequence, uint32_t(random() % 5 ? 1001 + at : random()), o, flags);
    }
    if (random() % 2) h.wait(3 * second);
    h.finish();
  }
}

}  // namespace
}  // namespace vidra::traffic_test
