// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"
#include "daemon/capture/source.h"

// Frames made octet by octet, inside out: ethernet(ip4(a, b, 6, tcp(…, payload))).
namespace vidra::packets {

using Octets = std::vector<uint8_t>;

inline void be16(Octets& o, unsigned v) { o.push_back(uint8_t(v >> 8)), o.push_back(uint8_t(v)); }
inline void be32(Octets& o, uint32_t v) { be16(o, v >> 16), be16(o, v & 0xffff); }
inline Octets operator+(Octets a, const Octets& b) { a.insert(a.end(), b.begin(), b.end()); return a; }
inline Octets octets(std::string_view s) { return {s.begin(), s.end()}; }

inline const Mac mac_a{{2, 0, 0, 0, 0, 0xa}}, mac_b{{2, 0, 0, 0, 0, 0xb}};
inline constexpr uint32_t host_a = 0x0a010114, host_b = 0x0a01010b;   // 10.1.1.20, 10.1.1.11

inline Octets ethernet(const Octets& payload, unsigned type = 0x0800, Mac source = mac_a, Mac destination = mac_b) {
  Octets o(destination.octets.begin(), destination.octets.end());
  o.insert(o.end(), source.octets.begin(), source.octets.end());
  be16(o, type);
  return o + payload;
}
// A tag or header between the addresses and the EtherType of a frame.
inline Octets tagged(const Octets& frame, const Octets& tag) {
  Octets o(frame.begin(), frame.begin() + 12);
  o.insert(o.end(), tag.begin(), tag.end());
  o.insert(o.end(), frame.begin() + 12, frame.end());
  return o;
}
inline Octets vlan(const Octets& frame, unsigned id, unsigned type = 0x8100) {
  Octets tag;
  be16(tag, type), be16(tag, id);
  return tagged(frame, tag);
}
inline Octets hsr(const Octets& frame, unsigned path, unsigned sequence) {
  Octets tag;
  be16(tag, 0x892f), be16(tag, path << 12 | unsigned(frame.size() - 14 + 6)), be16(tag, sequence);
  return tagged(frame, tag);
}
inline Octets padded(Octets frame, size_t to = 60) {
  if (frame.size() < to) frame.resize(to);
  return frame;
}
inline Octets prp(Octets frame, unsigned lan, unsigned sequence) {   // lan: 10 is A, 11 is B
  be16(frame, sequence);
  be16(frame, lan << 12 | unsigned(frame.size() - 14 + 4));
  be16(frame, 0x88fb);
  return frame;
}

struct Ip4 {
  uint16_t id = 0;
  uint8_t ttl = 64;
  unsigned offset = 0;        // of a fragment, octets
  bool more = false;
  Octets options = {};
};
inline Octets ip4(uint32_t source, uint32_t destination, unsigned protocol, const Octets& payload, const Ip4& f = {}) {
  Octets o;
  o.push_back(uint8_t(0x40 | (5 + f.options.size() / 4)));
  o.push_back(0);
  be16(o, unsigned(20 + f.options.size() + payload.size()));
  be16(o, f.id);
  be16(o, (f.more ? 0x2000u : 0u) | f.offset / 8);
  o.push_back(f.ttl);
  o.push_back(uint8_t(protocol));
  be16(o, 0);
  be32(o, source), be32(o, destination);
  return o + f.options + payload;
}
inline Octets ip6(const Octets& source, const Octets& destination, unsigned next, const Octets& payload) {
  Octets o = {0x60, 0, 0, 0};
  be16(o, unsigned(payload.size()));
  o.push_back(uint8_t(next)), o.push_back(64);
  return o + source + destination + payload;
}
inline Octets host6(unsigned n) { return {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, uint8_t(n)}; }
inline Octets extension6(unsigned next, const Octets& rest, size_t eights = 1) {
  Octets o(eights * 8);
  o[0] = uint8_t(next), o[1] = uint8_t(eights - 1);
  return o + rest;
}
inline Octets fragment6(unsigned next, unsigned offset, bool more, uint32_t id, const Octets& rest) {
  Octets o = {uint8_t(next), 0};
  be16(o, offset | (more ? 1u : 0u)), be32(o, id);
  return o + rest;
}

inline Octets udp(unsigned source, unsigned destination, const Octets& payload) {
  Octets o;
  be16(o, source), be16(o, destination), be16(o, unsigned(8 + payload.size())), be16(o, 0);
  return o + payload;
}
struct Tcp {
  unsigned source, destination;
  uint32_t sequence = 0, acknowledged = 0;
  uint8_t flags = 0x18;       // PSH, ACK
  Octets options = {};
};
inline Octets tcp(const Tcp& f, const Octets& payload = {}) {
  Octets o;
  be16(o, f.source), be16(o, f.destination), be32(o, f.sequence), be32(o, f.acknowledged);
  o.push_back(uint8_t((5 + f.options.size() / 4) << 4)), o.push_back(f.flags);
  be16(o, 0xffff), be32(o, 0);
  return o + f.options + payload;
}

inline Packet packet(const Octets& o, Time time = second, uint16_t interface = 0, Link link = Link::ethernet) {
  return {time, {o.data(), o.size()}, uint32_t(o.size()), interface, link};
}

}  // namespace vidra::packets
