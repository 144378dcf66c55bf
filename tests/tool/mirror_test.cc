// SPDX-License-Identifier: Apache-2.0
// What `vidra doctor` says of a mirror: a right one in each way of being attached, then one capture for each fault.
#include "daemon/tool/mirror.h"

#include <gtest/gtest.h>

#include "tests/support/packets.h"
#include "tests/support/sanitized.h"

namespace vidra {
namespace {

using namespace packets;
using packets::Octets;
using Kind = CaptureGroup::Kind;
using Grade = MirrorLook::Grade;

const Mac goose_group{{0x01, 0x0c, 0xcd, 0x01, 0, 1}}, broadcast{{255, 255, 255, 255, 255, 255}};

std::vector<MirrorLook::Port> cards(Kind kind, bool two) {
  std::vector<MirrorLook::Port> ports;
  for (const char* name : {"eth1", "eth2"}) {
    MirrorLook::Port p;
    p.name = name, p.group = two ? "pair" : "", p.kind = kind, p.longest = 1528;
    if (ports.empty() || two) ports.push_back(p);
  }
  return ports;
}

// A mirror in the hand: frames go in as fast as written down, a millisecond apart.
struct Tried {
  std::vector<MirrorLook::Port> ports;
  MirrorLook look;
  Time now = second;
  explicit Tried(std::vector<MirrorLook::Port> p) : ports(p), look(std::move(p)) {}
  explicit Tried(Kind kind = Kind::mirror, bool two = false) : Tried(cards(kind, two)) {}

  void hear(const Octets& o, uint16_t port = 0, Time later = millisecond) { look.take(packet(o, now += later, port)); }
  void hear_cut(const Octets& o, size_t kept) {
    Packet p = packet(o, now += millisecond);
    p.octets = p.octets.first(kept);
    look.take(p);
  }
  std::vector<MirrorLook::Remark> said(Grade grade) const {
    std::vector<MirrorLook::Remark> out;
    for (const auto& r : look.verdict(minute))
      if (r.grade == grade) out.push_back(r);
    return out;
  }
  bool complains_of(std::string_view words, Grade grade = Grade::bad) const {
    for (const auto& r : said(grade))
      if (r.found.find(words) != std::string::npos) return !r.todo.empty() && !r.where.empty();
    return false;
  }
  std::string all() const {
    std::string s;
    for (const auto& r : look.verdict(minute)) s += (r.grade == Grade::good ? "ok " : r.grade == Grade::odd ? "look " : "BAD ") + r.what + ": " + r.found + " | " + r.todo + "\n";
    return s;
  }
  bool well() const { return said(Grade::bad).empty() && said(Grade::odd).empty() && !said(Grade::good).empty(); }
};

// One step of conversation n: a question of a's and an answer of b's, each with an identification of its own.
struct Talk {
  uint16_t id = 1;
  Octets segment(unsigned n, unsigned step, bool answer, uint8_t ttl = 64, size_t octets_long = 40) {
    const uint32_t a = host_a, b = host_b + n;
    Ip4 ip;
    ip.id = id++, ip.ttl = ttl;
    const Tcp t = answer ? Tcp{2404, 30'000, 500 + step * 40, 900 + step * 40} : Tcp{30'000, 2404, 900 + step * 40, 500 + step * 40};
    const Octets inside = answer ? ip4(b, a, 6, tcp(t, Octets(octets_long, uint8_t(step))), ip) : ip4(a, b, 6, tcp(t, Octets(octets_long, uint8_t(step + 128))), ip);
    return answer ? ethernet(inside, 0x0800, mac_b, mac_a) : ethernet(inside);
  }
};

Octets goose_frame(unsigned n, bool tag) {
  Octets body;
  be16(body, 0x0001), be16(body, 40), be32(body, 0);
  be32(body, n);
  body.resize(48);
  const Octets f = ethernet(body, 0x88b8, mac_a, goose_group);
  return tag ? vlan(f, 4 << 13) : f;
}
Octets arp(unsigned n) {
  Octets body = {0, 1, 8, 0, 6, 4, 0, 1};
  be32(body, n), be32(body, host_a + n);
  return padded(ethernet(body, 0x0806, mac_a, broadcast));
}

TEST(Mirror, ARightOneIsRight) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear(talk.segment(i % 5, i, false)), t.hear(talk.segment(i % 5, i, true)), t.hear(i % 4 ? arp(i) : goose_frame(i, true));
  EXPECT_TRUE(t.well()) << t.all();
}

TEST(Mirror, ARightTapIsRight) {
  Tried t(Kind::tap_pair, true);
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear(talk.segment(i % 5, i, false), 0), t.hear(talk.segment(i % 5, i, true), 1);
  EXPECT_TRUE(t.well()) << t.all();
}

TEST(Mirror, ARightPrpPairIsRight) {
  Tried t(Kind::prp_pair, true);
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      const Octets f = padded(talk.segment(i % 5, i, answer));
      t.hear(prp(f, 10, i * 2 + answer), 0), t.hear(prp(f, 11, i * 2 + answer), 1, 20 * microsecond);
    }
  EXPECT_TRUE(t.well()) << t.all();
}

TEST(Mirror, ARightRemoteMirrorIsRight) {
  Tried t(Kind::remote_mirror);
  Talk talk;
  const auto gre = [&](const Octets& inner) {
    Octets head;
    be16(head, 0), be16(head, 0x6558);
    return ethernet(ip4(host_a + 100, host_b + 100, 47, head + inner, {talk.id++}));
  };
  for (unsigned i = 0; i < 50; i++) t.hear(gre(talk.segment(i % 5, i, false))), t.hear(gre(talk.segment(i % 5, i, true)));
  EXPECT_TRUE(t.well()) << t.all();
  Tried none(Kind::remote_mirror);
  for (unsigned i = 0; i < 50; i++) none.hear(talk.segment(0, i, false)), none.hear(talk.segment(0, i, true));
  EXPECT_TRUE(none.complains_of("none of them a mirror's tunnel")) << none.all();
}

TEST(Mirror, NothingAtAll) {
  Tried t;
  EXPECT_TRUE(t.complains_of("not one frame")) << t.all();
}

TEST(Mirror, OnlyMulticast) {
  Tried t;
  for (unsigned i = 0; i < 200; i++) t.hear(arp(i));
  EXPECT_TRUE(t.complains_of("all of 200 frames are broadcast or multicast")) << t.all();
}

TEST(Mirror, AProcessBusIsAllMulticastAndNotWrong) {
  Tried t;
  for (unsigned i = 0; i < 200; i++) t.hear(goose_frame(i, true));
  EXPECT_TRUE(t.said(Grade::bad).empty()) << t.all();
  EXPECT_TRUE(t.complains_of("process bus", Grade::odd)) << t.all();
}

TEST(Mirror, OneDirection) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear(talk.segment(i % 5, i, false));
  EXPECT_TRUE(t.complains_of("of 5 TCP conversations, 5 are heard in one direction only")) << t.all();
  Tried tap(Kind::tap_pair, true);
  for (unsigned i = 0; i < 100; i++) tap.hear(talk.segment(i % 5, i, false), 0);
  EXPECT_TRUE(tap.complains_of("one direction of the TAP is missing")) << tap.all();
}

TEST(Mirror, SomeWaysLeadPast) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 200; i++) {
    t.hear(talk.segment(i % 20, i, false));
    if (i % 20 >= 3) t.hear(talk.segment(i % 20, i, true));
  }
  EXPECT_TRUE(t.complains_of("3 are heard in one direction only", Grade::odd)) << t.all();
  EXPECT_TRUE(t.said(Grade::bad).empty()) << t.all();
}

// A scan is one-way by nature: nobody answers.
TEST(Mirror, AScanIsNoOneWayMirror) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 50; i++) t.hear(talk.segment(i % 5, i, false)), t.hear(talk.segment(i % 5, i, true));
  for (unsigned i = 0; i < 500; i++)
    t.hear(ethernet(ip4(host_a, host_b + i, 6, tcp({40'000, 1 + i, 1, 0, tcp_syn}), {talk.id++})));
  EXPECT_TRUE(t.well()) << t.all();
}

TEST(Mirror, Doubled) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      const Octets f = talk.segment(i % 5, i, answer);
      t.hear(f), t.hear(f, 0, 3 * microsecond);
    }
  EXPECT_TRUE(t.complains_of("50 % of the frames are copies", Grade::odd)) << t.all();
}

// What TCP sends again comes later and has an identification of its own.
TEST(Mirror, RetransmissionsAreNoCopies) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++) {
    t.hear(talk.segment(i % 5, i, false)), t.hear(talk.segment(i % 5, i, false));
    const Octets old = talk.segment(i % 5, i, true);
    t.hear(old), t.hear(old, 0, 200 * millisecond);
  }
  EXPECT_TRUE(t.well()) << t.all();
}

TEST(Mirror, RoutedCopies) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      Octets f = talk.segment(i % 5, i, answer);
      t.hear(f);
      f[14 + 8]--, f[5] ^= 0x10, f[11] ^= 0x20;   // TTL and MACs, as a router leaves them
      t.hear(f, 0, 30 * microsecond);
    }
  EXPECT_TRUE(t.complains_of("copies from behind a router", Grade::odd)) << t.all();
  EXPECT_FALSE(t.complains_of("what enters and what leaves", Grade::odd)) << t.all();
}

TEST(Mirror, TwoVlans) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      const Octets f = talk.segment(i % 5, i, answer);
      t.hear(f), t.hear(vlan(f, 10), 0, 3 * microsecond);
    }
  EXPECT_TRUE(t.complains_of("once with and once without a tag", Grade::odd)) << t.all();
}

TEST(Mirror, TagsStripped) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear(talk.segment(i % 5, i, false)), t.hear(talk.segment(i % 5, i, true)), t.hear(goose_frame(i, false));
  EXPECT_TRUE(t.complains_of("tags are stripped", Grade::odd)) << t.all();
}

TEST(Mirror, CutFrames) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear_cut(talk.segment(i % 5, i, false, 64, 400), 96), t.hear_cut(talk.segment(i % 5, i, true, 64, 400), 96);
  EXPECT_TRUE(t.complains_of("cut, at 96 octets")) << t.all();
  Tried sliced;                        // cut before they came here: their own headers say so
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      Octets f = talk.segment(i % 5, i, answer, 64, 400);
      f.resize(128);
      sliced.hear(f);
    }
  EXPECT_TRUE(sliced.complains_of("somebody cuts them on the way")) << sliced.all();
}

TEST(Mirror, JoinedSegments) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 50; i++) t.hear(talk.segment(i % 5, i, false, 64, 4000)), t.hear(talk.segment(i % 5, i, true));
  EXPECT_TRUE(t.complains_of("the card joins segments", Grade::odd)) << t.all();
}

TEST(Mirror, NoRedundancyTrailers) {
  Tried t(Kind::prp_pair, true);
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      const Octets f = talk.segment(i % 5, i, answer);
      t.hear(f, 0), t.hear(f, 1, 20 * microsecond);
    }
  EXPECT_TRUE(t.complains_of("no LAN of a PRP network, or the trailers are cut off")) << t.all();
  EXPECT_TRUE(t.complains_of("both cards bring the same frames")) << t.all();
}

TEST(Mirror, BothCardsInOneLan) {
  Tried t(Kind::prp_pair, true);
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) t.hear(prp(padded(talk.segment(i % 5, i, answer)), 10, i * 2 + answer), uint16_t(i & 1));
  EXPECT_TRUE(t.complains_of("both cards are in the same LAN")) << t.all();
}

TEST(Mirror, HalfOfPrpHeardByAMirror) {
  Tried t;
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) t.hear(prp(padded(talk.segment(i % 5, i, answer)), 11, i * 2 + answer));
  EXPECT_TRUE(t.complains_of("all of LAN B", Grade::odd)) << t.all();
}

TEST(Mirror, ATapThatGivesBothDirectionsTwice) {
  Tried t(Kind::tap_pair, true);
  Talk talk;
  for (unsigned i = 0; i < 100; i++)
    for (const bool answer : {false, true}) {
      const Octets f = talk.segment(i % 5, i, answer);
      t.hear(f, 0), t.hear(f, 1, microsecond);
    }
  EXPECT_TRUE(t.complains_of("through both cards", Grade::odd)) << t.all();
}

TEST(Mirror, TheMachineSpeaksThroughIt) {
  auto ports = cards(Kind::mirror, false);
  ports[0].own = mac_a;
  Tried t(ports);
  Talk talk;
  for (unsigned i = 0; i < 100; i++) t.hear(talk.segment(i % 5, i, false)), t.hear(talk.segment(i % 5, i, true));
  EXPECT_TRUE(t.complains_of("to or from this machine itself", Grade::odd)) << t.all();
}

TEST(Mirror, TooFewToSay) {
  Tried t;
  Talk talk;
  t.hear(talk.segment(0, 0, false));
  EXPECT_TRUE(t.complains_of("1 frame in", Grade::odd)) << t.all();
  EXPECT_TRUE(t.said(Grade::bad).empty()) << t.all();
}

// Its memory is bounded whatever comes.
TEST(Mirror, HundredsOfThousandsOfConversations) {
  Tried t;
  for (uint32_t i = 0; i < 300'000 / share; i++) t.hear(ethernet(ip4(0x0a000000 + i, host_b, 6, tcp({1000, 2404, i, 1}), {uint16_t(i)})), 0, microsecond);
  EXPECT_EQ(t.look.frames(), 300'000u / share);
}

}  // namespace
}  // namespace vidra
