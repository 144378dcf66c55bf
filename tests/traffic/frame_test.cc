// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/frame.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/support/hex.h"
#include "tests/support/packets.h"

namespace vidra {
namespace {
using namespace packets;

const Octets body = octets("abcdefgh");
Octets inner() { return ip4(host_a, host_b, 17, udp(7, 9, body)); }

// What is inside, whatever was around it.
void expect_body(const Frame& f) {
  ASSERT_EQ(f.kind, Frame::Kind::udp);
  EXPECT_EQ(text_of(f.payload), "abcdefgh");
  EXPECT_EQ(f.source_port, 7);
  EXPECT_EQ(f.destination_port, 9);
  EXPECT_EQ(f.missing, 0u);
}
// A frame borrows its octets: the last few are kept.
Frame read(const Octets& o, Link link = Link::ethernet) {
  static std::deque<Octets> kept;
  kept.push_back(o);
  if (kept.size() > 8) kept.pop_front();
  return decode(packet(kept.back(), 0, 0, link));
}

TEST(Frame, Ethernet) {
  const Frame f = read(ethernet(inner()));
  expect_body(f);
  EXPECT_EQ(f.source, mac_a);
  EXPECT_EQ(f.destination, mac_b);
  EXPECT_EQ(text_of(f.source_address()), "10.1.1.20");
  EXPECT_EQ(text_of(f.destination_address()), "10.1.1.11");
  EXPECT_EQ(f.flaws, 0u);
}
TEST(Frame, Tags) {
  const Frame one = read(vlan(ethernet(inner()), 100));
  expect_body(one);
  EXPECT_EQ(one.vlan, 100);
  const Frame two = read(vlan(vlan(ethernet(inner()), 7), 200, 0x88a8));
  expect_body(two);
  EXPECT_EQ(two.vlan, 200);
  EXPECT_EQ(two.inner_vlan, 7);
  Octets many = ethernet(inner());
  for (unsigned i = 0; i < 8; i++) many = vlan(many, i);
  expect_body(read(many));
  EXPECT_TRUE(read(vlan(many, 9)).flaws & too_many_headers);
}
TEST(Frame, PaddingIsNoPayload) {
  expect_body(read(padded(ethernet(inner()))));
  Octets arp = hex("0001 0800 06 04 0001 020000000a0a 0a010114 000000000000 0a01010b");
  EXPECT_EQ(read(padded(ethernet(arp, 0x0806))).payload.size(), 28u);
  Octets goose = hex("0001 000c 0000 0000 61020102");
  EXPECT_EQ(read(padded(ethernet(goose, 0x88b8))).payload.size(), 12u);
}
TEST(Frame, Prp) {
  const Frame f = read(prp(padded(ethernet(inner())), 10, 4711));
  expect_body(f);
  EXPECT_EQ(f.redundancy, Redundancy::prp);
  EXPECT_EQ(f.lan, 10);
  EXPECT_EQ(f.redundancy_sequence, 4711);
  EXPECT_EQ(read(prp(vlan(ethernet(inner()), 3), 11, 1)).redundancy, Redundancy::prp);   // size without the tag: 14 + 4 + …
  Octets wrong = prp(ethernet(inner()), 10, 1);
  wrong[wrong.size() - 3] ^= 1;                                                            // the size is another
  EXPECT_EQ(read(wrong).redundancy, Redundancy::none);
  Octets goose = hex("0001 000c 0000 0000 61020102");
  EXPECT_EQ(read(prp(ethernet(goose, 0x88b8), 11, 5)).payload.size(), 12u);
}
TEST(Frame, Hsr) {
  const Frame f = read(hsr(ethernet(inner()), 1, 99));
  expect_body(f);
  EXPECT_EQ(f.redundancy, Redundancy::hsr);
  EXPECT_EQ(f.redundancy_sequence, 99);
  expect_body(read(vlan(hsr(ethernet(inner()), 1, 99), 5)));
}
TEST(Frame, LengthAndLlc) {
  const Octets bpdu = hex("42 42 03 0000 00 00");
  const Frame f = read(padded(ethernet(bpdu, 7)));
  EXPECT_EQ(f.kind, Frame::Kind::link);
  EXPECT_EQ(f.ethertype, 0);
  EXPECT_EQ(f.llc, 0x42);
  EXPECT_EQ(f.payload.size(), 7u);
  EXPECT_EQ(read(padded(ethernet(hex("aaaa03 00000c 2000 02b4"), 10))).llc, 0x2000);   // SNAP of Cisco: CDP
  EXPECT_EQ(read(padded(ethernet(hex("aaaa03 00000c 0042 02b4"), 10))).llc, 0xaa);     // SNAP's number would look like a DSAP
  EXPECT_EQ(read(padded(ethernet(hex("aaaa03 00000c 20"), 7))).llc, 0xaa);
  EXPECT_EQ(read(padded(ethernet({}, 0))).llc, 0);
  const Octets snap = hex("aaaa03 000000 0800");
  expect_body(read(padded(ethernet(snap + inner(), unsigned(snap.size() + inner().size())))));
}
TEST(Frame, Mpls) {
  expect_body(read(ethernet(hex("00010 0 40  00020 1 40") + inner(), 0x8847)));
  const Frame pseudowire = read(ethernet(hex("00010 1 40  00000000") + ethernet(inner()), 0x8847));
  expect_body(pseudowire);
  EXPECT_EQ(pseudowire.tunnels, 1);
}
TEST(Frame, Ip4Options) { expect_body(read(ethernet(ip4(host_a, host_b, 17, udp(7, 9, body), {.options = hex("01010101 01010101")})))); }
TEST(Frame, Ip6ExtensionHeaders) {
  for (size_t n = 0; n <= 16; n++) {
    Octets o = udp(7, 9, body);
    unsigned next = 17;
    for (size_t i = 0; i < n; i++) o = extension6(next, o, 1 + i % 2), next = 60;
    const Frame f = read(ethernet(ip6(host6(1), host6(2), next, o), 0x86dd));
    expect_body(f);
    EXPECT_EQ(text_of(f.source_address()), "fd00::1");
  }
  Octets o = udp(7, 9, body);
  unsigned next = 17;
  for (size_t i = 0; i < 17; i++) o = extension6(next, o), next = 60;
  EXPECT_TRUE(read(ethernet(ip6(host6(1), host6(2), next, o), 0x86dd)).flaws & too_many_headers);
}
TEST(Frame, AtomicFragmentIsWhole) { expect_body(read(ethernet(ip6(host6(1), host6(2), 44, fragment6(17, 0, false, 1, udp(7, 9, body))), 0x86dd))); }
TEST(Frame, Tcp) {
  const Frame f = read(ethernet(ip4(host_a, host_b, 6, tcp({1, 2, 3, 4, 0x18, hex("01010101")}, body))));
  EXPECT_EQ(f.kind, Frame::Kind::tcp);
  EXPECT_EQ(f.sequence, 3u);
  EXPECT_EQ(f.acknowledged, 4u);
  EXPECT_EQ(text_of(f.payload), "abcdefgh");
}
TEST(Frame, Gre) {
  expect_body(read(ethernet(ip4(1, 2, 47, hex("0000 0800") + inner()))));
  expect_body(read(ethernet(ip4(1, 2, 47, hex("b000 0800 00000000 00000001 00000002") + inner()))));   // checksum, key, sequence
  expect_body(read(ethernet(ip4(1, 2, 47, hex("0000 6558") + ethernet(inner())))));
}
TEST(Frame, Erspan) {
  const Octets mirrored = vlan(ethernet(inner()), 12);
  for (const Octets& header : {hex("0000 88be"), hex("1000 88be 00000001  1001 0000 00000000"), hex("1000 22eb 00000001  2001 0000 00000000 0000 0000"),
                               hex("1000 22eb 00000001  2001 0000 00000000 0000 0001  0000000000000000")}) {
    const Frame f = read(ethernet(ip4(1, 2, 47, header + mirrored)));
    expect_body(f);
    EXPECT_EQ(f.vlan, 12) << "the mirrored frame's own tag";
    EXPECT_EQ(f.tunnels, 1);
  }
}
TEST(Frame, WhatATunnelCarriesWithoutIpHasNoneOfTheTunnelsAddresses) {
  const Frame f = read(ethernet(ip4(1, 2, 47, hex("0000 88be") + padded(ethernet(hex("424203 0000000000"), 8)))));
  EXPECT_EQ(f.kind, Frame::Kind::link);
  EXPECT_EQ(f.llc, 0x42) << "spanning tree";
  EXPECT_EQ(f.version, 0);
  EXPECT_EQ(f.source_address(), Address{});
}
TEST(Frame, Vxlan) { expect_body(read(ethernet(ip4(1, 2, 17, udp(50'000, 4789, hex("08000000 000123 00") + ethernet(inner())))))); }
TEST(Frame, IpInIp) {
  expect_body(read(ethernet(ip4(1, 2, 4, inner()))));
  expect_body(read(ethernet(ip4(1, 2, 41, ip6(host6(1), host6(2), 17, udp(7, 9, body))))));
}
TEST(Frame, DeeperThanFourIsSaid) {
  Octets o = inner();
  for (int i = 0; i < 4; i++) o = ip4(1, 2, 4, o);
  expect_body(read(ethernet(o)));
  const Frame f = read(ethernet(ip4(1, 2, 4, o)));
  EXPECT_EQ(f.kind, Frame::Kind::ip);
  EXPECT_TRUE(f.flaws & too_deep);
}
TEST(Frame, OtherLinks) {
  expect_body(read(inner(), Link::raw_ip));
  expect_body(read(ip6(host6(1), host6(2), 17, udp(7, 9, body)), Link::raw_ip));
  expect_body(read(hex("0000 0001 0006 02000000000a 0000 0800") + inner(), Link::linux_cooked));
  expect_body(read(hex("0800 0000 00000003 0001 00 06 02000000000a 0000") + inner(), Link::linux_cooked2));
  expect_body(read(hex("02000000") + inner(), Link::null_loopback));
  expect_body(read(hex("00000002") + inner(), Link::null_loopback));
  EXPECT_EQ(read(hex("0000 0001 0006 02000000000a 0000 0800") + inner(), Link::linux_cooked).source, mac_a);
}
TEST(Frame, CutByTheCaptureIsMissingNotMalformed) {
  const Octets whole = ethernet(inner());
  Packet p = packet(whole);
  p.octets = p.octets.first(whole.size() - 3);
  const Frame f = decode(p);
  EXPECT_EQ(text_of(f.payload), "abcde");
  EXPECT_EQ(f.missing, 3u);
  EXPECT_EQ(f.flaws, 0u);
}
TEST(Frame, LengthsThatLie) {
  Octets o = ethernet(inner());
  o[16] = 0xff;                                  // IP total length
  EXPECT_TRUE(read(o).flaws & length_lies);
  EXPECT_EQ(text_of(read(o).payload), "abcdefgh");
  o = ethernet(ip4(host_a, host_b, 6, tcp({1, 2, 3, 4})));
  o[14 + 20 + 12] = 0x10;                        // TCP header of 4 octets
  EXPECT_TRUE(read(o).flaws & length_lies);
  EXPECT_EQ(read(o).kind, Frame::Kind::ip);
}
TEST(Frame, EveryTruncationAndEveryOctetTurned) {
  const Octets samples[] = {
      vlan(ethernet(inner()), 1), prp(ethernet(inner()), 10, 1), hsr(ethernet(inner()), 1, 1), ethernet(ip4(1, 2, 47, hex("b000 0800 00000000 00000001 00000002") + inner())),
      ethernet(ip4(1, 2, 17, udp(50'000, 4789, hex("08000000 000123 00") + ethernet(inner())))), ethernet(hex("00010 1 40  00000000") + ethernet(inner()), 0x8847),
      ethernet(ip6(host6(1), host6(2), 60, extension6(44, fragment6(6, 0, false, 1, tcp({1, 2}, body)))), 0x86dd),
      ethernet(ip4(1, 2, 47, hex("1000 22eb 00000001  2001 0000 00000000 0000 0001  0000000000000000") + ethernet(inner())))};
  for (const Octets& whole : samples) {
    for (size_t n = 0; n <= whole.size(); n++) {
      const Octets cut(whole.begin(), whole.begin() + long(n));   // a buffer of its own, so that a sanitizer sees its end
      read(cut);
      Packet p = packet(cut);
      p.wire_length = uint32_t(whole.size());
      const Frame f = decode(p);
      EXPECT_LE(f.payload.size() + f.missing, whole.size());
    }
    for (size_t at = 0; at < whole.size(); at++)
      for (const uint8_t v : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        Octets turned = whole;
        turned[at] = v;
        for (const Link link : {Link::ethernet, Link::raw_ip, Link::linux_cooked, Link::linux_cooked2, Link::null_loopback}) EXPECT_LE(read(turned, link).payload.size(), whole.size());
      }
  }
}

}  // namespace
}  // namespace vidra
