// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/hex.h"
#include "tests/traffic/heard.h"

namespace vidra::traffic_test {
namespace {
using namespace packets;
using traffic_test::Octets;
using Bodies = std::vector<std::string>;

Octets part(const Octets& o, size_t from, size_t to) { return {o.begin() + long(from), o.begin() + long(to)}; }
// A fragment of an IP payload, by octets [from, to).
Octets piece4(const Octets& payload, size_t from, size_t to, uint16_t id = 7, unsigned protocol = 17) {
  return ethernet(ip4(host_a, host_b, protocol, part(payload, from, to), {.id = id, .offset = unsigned(from), .more = to < payload.size()}));
}
Octets piece6(const Octets& payload, size_t from, size_t to, uint32_t id = 7, unsigned protocol = 17) {
  return ethernet(ip6(host6(1), host6(2), 44, fragment6(protocol, unsigned(from), to < payload.size(), id, part(payload, from, to))), 0x86dd);
}
Octets piece(int version, const Octets& payload, size_t from, size_t to) { return version == 4 ? piece4(payload, from, to) : piece6(payload, from, to); }

TEST(Fragments, InAnyOrder) {
  const Octets whole = udp(40'000, 2404, record("1the quick brown fox jumps over"));   // 41 octets
  for (const int version : {4, 6})
    for (const auto& order : std::vector<std::vector<int>>{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 0, 2, 1}}) {
      Heard h;
      const size_t at[] = {0, 16, 32, whole.size()};
      for (const int i : order) h.frame(piece(version, whole, at[i], at[i + 1]));
      EXPECT_EQ(h.bodies(), (Bodies{"1the quick brown fox jumps over"}));
      EXPECT_EQ(h.count(Fact::fragmented), 1u);
      EXPECT_EQ(h.count(Fact::fragment_overlap), 0u);
      h.finish();
      EXPECT_EQ(h.octets(), (vidra::Octets{33, 33, 0, 0}));
    }
}
TEST(Fragments, ACommandOverTcp) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  const Octets segment = tcp({40'000, 2404, c.next[0], c.next[1]}, record("1hidden in fragments"));
  h.frame(piece4(segment, 0, 24, 99, 6));
  h.frame(piece4(segment, 24, segment.size(), 99, 6));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1hidden in fragments"}));
  EXPECT_EQ(h.count(Fact::fragmented), 1u);
}
struct Relation { const char* name; size_t a, b, c, d; };
constexpr Relation relations[] = {
    {"before", 8, 16, 24, 32}, {"after", 24, 32, 8, 16}, {"meets", 8, 16, 16, 24}, {"met by", 16, 24, 8, 16}, {"overlaps", 8, 24, 16, 32}, {"overlapped by", 16, 32, 8, 24},
    {"starts", 8, 16, 8, 32}, {"started by", 8, 32, 8, 16}, {"during", 16, 24, 8, 32}, {"contains", 8, 32, 16, 24}, {"finishes", 16, 32, 8, 32}, {"finished by", 8, 32, 16, 32}, {"equals", 8, 32, 8, 32}};

TEST(Fragments, AllensRelations) {
  const Octets all = udp(40'000, 2404, record("1the quick brown fox jumps ov"));       // 8 + 31
  const Octets other = udp(40'001, 2405, record("2THE QUICK BROWN FOX JUMPS OV"));
  for (const int version : {4, 6})
    for (const Relation& r : relations)
      for (const bool same : {true, false}) {
        Heard h;
        h.frame(piece(version, all, r.a, r.b));
        h.frame(piece(version, same ? all : other, r.c, r.d));
        h.frame(piece(version, all, 0, all.size()));             // not a fragment in IPv4: the same datagram again, whole
        for (size_t at = 0; at < all.size(); at += 8) h.frame(piece(version, all, at, std::min(at + 8, all.size())));
        EXPECT_GE(h.bodies().size(), 1u);
        EXPECT_EQ(h.count(Fact::fragment_overlap) > 0, !same) << version << r.name;
        h.finish();
      }
}
TEST(Fragments, TwoEnds) {
  const Octets all = udp(40'000, 2404, record("1the quick brown fox"));
  Heard h;
  h.frame(piece4(all, 16, all.size()));
  Octets shorter(all.begin(), all.end() - 5);
  h.frame(piece4(shorter, 16, shorter.size()));
  EXPECT_EQ(h.count(Fact::fragment_overlap), 1u);
  EXPECT_EQ(h.first(Fact::fragment_overlap).scene.client.address, Address::ip4(host_a));
}
TEST(Fragments, ForgottenAfterThirtySecondsAndCounted) {
  const Octets all = udp(40'000, 2404, record("1the quick brown fox"));
  Heard h;
  h.frame(piece4(all, 0, 16));
  h.wait(31 * second);
  h.wait(second);
  EXPECT_EQ(h.traffic.accounts().datagrams_given_up, 1u);
  h.frame(piece4(all, 16, all.size()));
  EXPECT_EQ(h.bodies().size(), 0u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{30 + 16, 0, 30, 16}));       // what came is opaque; the second half says how much it lacks
}
TEST(Fragments, TheLargest) {
  Octets payload;
  while (payload.size() + 62 < 65'507) payload = payload + record(std::string(60, '1'));
  const Octets whole = udp(40'000, 2404, payload);
  Heard h;
  for (size_t at = whole.size() / 1480 * 1480;; at -= 1480) {
    h.frame(piece4(whole, at, std::min(at + 1480, whole.size())));
    if (!at) break;
  }
  EXPECT_EQ(h.traffic.accounts().datagrams_reassembled, 1u);
  h.finish();
  EXPECT_EQ(h.octets().seen, payload.size());
}
TEST(Fragments, BeyondTheLargestIsAFlaw) {
  Heard h;
  h.frame(ethernet(ip4(host_a, host_b, 17, Octets(1400, 'x'), {.id = 1, .offset = 65'528, .more = false})));
  h.frame(ethernet(ip4(host_a, host_b, 17, Octets(13, 'x'), {.id = 2, .offset = 8, .more = true})));
  EXPECT_EQ(h.traffic.accounts().interfaces[0].flawed, 2u);
  h.finish();
}

}  // namespace
}  // namespace vidra::traffic_test
