// SPDX-License-Identifier: Apache-2.0
// Frames, and the streams made of them.
#include <cstring>

#include "daemon/traffic/frame.h"
#include "daemon/traffic/traffic.h"
#include "tests/fuzz/room.h"
#include "tests/support/packets.h"

namespace vidra::fuzz {
using packets::Octets, packets::operator+;

void play_frame(Bytes input) {
  if (input.empty()) return;
  // The first octet: how much of the frame the capture has cut off, and the link type.
  const Bytes octets = input.subspan(1);
  const uint32_t beyond = input[0] >> 3;
  const auto inside = [](Bytes part, Bytes whole) { return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()); };
  const Link link = Link(input[0] & 7);
  if (link > Link::unsupported) return;
  Frame f;
  decode({second, octets, uint32_t(octets.size()) + beyond, 0, link}, f);
  demand(inside(f.payload, octets) && inside(f.network, octets), "a payload lies in its frame");
  demand(f.missing <= beyond, "no more is missing than the capture cut off");
  demand(!f.addresses || f.version == 4 || f.version == 6 || !f.version, "an address has a version");
  if (f.version) demand(inside({f.addresses, size_t(f.version == 4 ? 8 : 32)}, octets), "the addresses lie in the frame");
  if (f.version) (void)f.source_address(), (void)f.destination_address();
  if (f.kind == Frame::Kind::fragment) {
    const Bytes whole = f.payload;
    decode_reassembled(f, whole);
    demand(inside(f.payload, whole), "a payload lies in its datagram");
  }
}
std::vector<Input> frame_seeds() {
  using namespace packets;
  const Octets body = octets("octets of a payload"), t = tcp({40'000, 2404, 1, 1}, body), u = udp(1, 4789, body), whole = ethernet(ip4(host_a, host_b, 6, t));
  std::vector<Octets> frames = {whole, vlan(vlan(whole, 4), 5, 0x88a8), hsr(whole, 1, 7), prp(padded(whole), 10, 7), ethernet(ip6(host6(1), host6(2), 6, t), 0x86dd),
                                ethernet(ip6(host6(1), host6(2), 0, extension6(60, extension6(44, fragment6(17, 0, true, 1, u)))), 0x86dd), ethernet(ip4(host_a, host_b, 17, u, {.id = 1, .offset = 8, .more = true})),
                                ethernet(ip4(host_a, host_b, 17, udp(50'000, 4789, Octets{8, 0, 0, 0, 0, 1, 2, 0} + whole))), ethernet(ip4(host_a, host_b, 4, ip4(host_a, host_b, 6, t))),
                                ethernet(ip4(host_a, host_b, 47, Octets{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 0, 0, 0, 0, 0} + whole)), ethernet(Octets{0, 1, 0x11, 0xff} + ip4(host_a, host_b, 6, t), 0x8847),
                                ethernet(Octets{0xaa, 0xaa, 3, 0, 0, 0, 8, 0} + ip4(host_a, host_b, 6, t), 68)};
  std::vector<Input> out;
  for (const Octets& f : frames) out.push_back(Octets{0} + f);
  out.push_back(Octets{uint8_t(Link::raw_ip)} + ip4(host_a, host_b, 6, t));
  return out;
}

namespace {
struct Quiet final : EventSink {
  void see(const Event& e) override {
    demand(e.scene.time >= last, "time does not go back");
    last = e.scene.time;
  }
  Time last = 0;
};
}  // namespace

// Pieces: an octet that says what (0 up, 1 down: a segment; 2 a fragment of a segment; 3 time goes on), then what each needs.
void play_stream(Bytes input) {
  TrafficSettings s;
  s.flows = 8, s.classify = false, s.seed = 1, s.fragmented = 4, s.silent_after = 0, s.history_octets = 4'096;
  s.held_octets = s.parser_octets = s.fragment_octets = 1 << 19;
  Quiet sink;
  Traffic traffic(s, sink);
  Time now = second;
  uint16_t id = 0;
  bool bad = false;
  Reader r{input, bad};
  for (int n = 0; r && n < 200; n++) {
    const uint8_t what = r.u8();
    now += millisecond;
    if ((what & 3) == 3) {
      traffic.tick(now += Time(r.u8()) * 50 * millisecond);
      continue;
    }
    const int d = what & 1;
    const uint8_t flags = r.u8();
    const uint32_t sequence = 1'000u + uint32_t(int32_t(int16_t(r.le16()))), acknowledged = 1'000u + uint32_t(int32_t(int16_t(r.le16())));
    const Bytes taken = r.bytes(std::min<size_t>(r.u8(), r.left()));
    Octets t = packets::tcp({d ? 2404u : 40'000u, d ? 40'000u : 2404u, sequence, acknowledged, flags}, {taken.begin(), taken.end()});
    packets::Ip4 ip{.id = ++id};
    if ((what & 3) == 2) {
      const size_t from = std::min<size_t>(size_t(what >> 4) * 8, t.size()), to = std::min(t.size(), from + 8 + size_t(flags >> 5) * 8);
      ip = {.id = 9, .offset = unsigned(from), .more = to < t.size()};
      t = {t.begin() + long(from), t.begin() + long(to)};
    }
    const uint32_t a = packets::host_a, b = packets::host_b;
    const Octets frame = packets::ethernet(packets::ip4(d ? b : a, d ? a : b, 6, t, ip));
    Packet p = packets::packet(frame, now);
    if (what & 8) p.octets = p.octets.first(p.octets.size() - std::min<size_t>(p.octets.size(), what >> 4));   // the capture cut it
    traffic.take(p);
  }
  traffic.finish();
  const auto o = traffic.accounts().octets();
  demand(o.seen == o.decoded + o.opaque + o.lost, "the books balance");
  demand(traffic.accounts().flows == 0, "every conversation ends");
}
std::vector<Input> stream_seeds() {
  // SYN, SYN-ACK, then STARTDT and an interrogation: in order, in two, backwards, twice, with a hole, in fragments, cut.
  const Octets start = {0, 2, 0xff, 0xff, 0, 0, 0, 1, 0x12, 0xff, 0xff, 0, 0, 0}, apdus = {0x68, 4, 7, 0, 0, 0, 0x68, 14, 0, 0, 0, 0, 100, 1, 6, 0, 11, 0, 0, 0, 0, 20};
  const auto segment = [&](uint8_t what, size_t from, size_t to) { return Octets{what, 0x18, uint8_t(from), 0, 0, 0, uint8_t(to - from)} + Octets(apdus.begin() + long(from), apdus.begin() + long(to)); };
  const size_t n = apdus.size();
  return {start + segment(0, 0, n), start + segment(0, 0, 9) + segment(0, 9, n), start + segment(0, 9, n) + segment(0, 0, 9), start + segment(0, 0, n) + segment(0, 0, n) + Octets{3, 60},
          start + segment(0, 6, n) + Octets{3, 200}, start + segment(2, 0, n) + segment(0x32, 0, n) + segment(0x62, 0, n), start + segment(0x28, 0, n) + segment(0, 6, n)};
}

}  // namespace vidra::fuzz
