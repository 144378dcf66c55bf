// SPDX-License-Identifier: Apache-2.0
// A flow keeps no key: it is known by the addresses of its scene, whichever end opened it and whichever end serves.
#include "daemon/traffic/flow.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace vidra;

namespace {

struct Drawn {
  FlowKey key;
  Endpoint low, high;
};

Drawn drawn(std::mt19937& random) {
  const auto kind = Carried::Kind(random() % 4);
  const auto address = [&] {
    if (kind == Carried::ip4) return Address::ip4(0x0a000000 + random() % 16);   // few, so that pairs share ends, and sums
    uint8_t octets[16] = {};
    for (uint8_t& o : octets) o = uint8_t(random() % 2);
    if (kind == Carried::ip6) return Address::ip6(octets);
    Mac mac;
    std::copy(octets, octets + 6, mac.octets.begin());
    return Address::of(mac);
  };
  Drawn d;
  d.low = {address(), kind <= Carried::ip6 ? uint16_t(random() % 3) : uint16_t(0)};
  d.high = {address(), kind <= Carried::ip6 ? uint16_t(random() % 3) : uint16_t(0)};
  if (kind == Carried::ip4) {
    uint32_t a, b;
    std::memcpy(&a, d.low.address.octets.data(), 4);
    std::memcpy(&b, d.high.address.octets.data(), 4);
    if (!ip4_key(a, b, d.low.port, d.high.port, 6, 0, d.key)) std::swap(d.low, d.high);
    return d;
  }
  std::memcpy(d.key.low, d.low.address.octets.data(), 16);
  std::memcpy(d.key.high, d.high.address.octets.data(), 16);
  d.key.carried.word = uint64_t{d.low.port} << 48 | uint64_t{d.high.port} << 32 | uint64_t{17} << 24 | uint64_t{kind} << 16;
  return d;
}

auto words(const FlowKey& k) { return std::array{k.low[0], k.low[1], k.high[0], k.high[1], k.carried.word}; }

TEST(Flow, IsKnownByTheAddressesOfItsSceneWhoeverOpensAndWhoeverServes) {
  std::mt19937 random(4);
  const Keyed keyed(7);
  FlowTable table(4'000, keyed);
  std::set<std::array<uint64_t, 5>> there;
  std::vector<std::pair<Drawn, Flow*>> made;
  for (int i = 0; i < 4'000; i++) {
    const Drawn d = drawn(random);
    const uint64_t hash = d.key.hash(keyed);
    ASSERT_EQ(table.find(d.key, hash) != nullptr, there.count(words(d.key)) > 0) << i;
    if (!there.insert(words(d.key)).second || table.in_the_way(hash)) continue;
    Flow& f = table.make(d.key.carried, hash, Rank::plain, second);
    f.up_is_low = random() % 2;
    f.flipped = random() % 2;
    f.scene.client = f.up_is_low != f.flipped ? d.low : d.high;
    f.scene.server = f.up_is_low != f.flipped ? d.high : d.low;
    made.emplace_back(d, &f);
  }
  ASSERT_GT(made.size(), 1'500u);
  for (const auto& [d, f] : made) {
    EXPECT_EQ(table.find(d.key, d.key.hash(keyed)), f);
    EXPECT_EQ(words(f->key()), words(d.key));
    for (const auto& [other, g] : made) ASSERT_EQ(f->is(other.key), f == g) << text_of(d.low) << " " << text_of(d.high) << " and " << text_of(other.low) << " " << text_of(other.high);
  }
  for (const auto& [d, f] : made) {
    table.drop(*f);
    EXPECT_EQ(table.find(d.key, d.key.hash(keyed)), nullptr);
  }
  EXPECT_EQ(table.used(), 0u);
}

TEST(Flow, TakesThreeLinesOfMemory) { EXPECT_EQ(sizeof(Flow), 192u); }

}  // namespace
