// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/frame.h"

#include "dissectors/reader.h"

namespace vidra {
namespace {

constexpr unsigned deepest = 4, most_tags = 8, most_extensions = 16;

// Octets still to be opened, and how many more the wire carried after them that the capture cut off.
struct Rest {
  Bytes octets;
  size_t beyond;
  size_t on_wire() const { return octets.size() + beyond; }
  Rest first(size_t n) const {   // the first n octets of what the wire carried
    const size_t here = std::min(n, octets.size());
    return {octets.first(here), std::min(n - here, beyond)};
  }
  Rest from(size_t n) const { return {octets.subspan(std::min(n, octets.size())), beyond}; }
};

void ethernet(Frame&, Rest);
void network(Frame&, uint16_t ethertype, Rest);
void transport(Frame&, Rest);

uint16_t be16(Bytes b, size_t at) { return uint16_t(b[at] << 8 | b[at + 1]); }   // the caller has checked

// How many octets of a padded layer-2 payload are its own, by the length that the payload itself states; all of it where
// it states none.
size_t own_length(uint16_t ethertype, Bytes b) {
  switch (ethertype) {
    case 0x0806: return b.size() >= 8 ? 8 + 2 * (size_t{b[4]} + b[5]) : b.size();              // ARP: RFC 826
    case 0x88b8: case 0x88b9: case 0x88ba: return b.size() >= 8 ? be16(b, 2) : b.size();       // GOOSE, GSE, SV: IEC 61850-8-1 C.2
    case 0x88f7: return b.size() >= 34 ? be16(b, 2) : b.size();                                // PTP: IEEE 1588 13.3.2.4
    default: return b.size();
  }
}

void link_layer(Frame& f, uint16_t ethertype, Rest rest) {
  f.kind = Frame::Kind::link;
  f.version = 0;                               // that of a tunnel it came in is not its own
  f.ethertype = ethertype;
  const size_t own = own_length(ethertype, rest.octets);
  if (own && own < rest.on_wire()) rest = rest.first(own);
  f.network = f.payload = rest.octets;
  f.missing = uint32_t(rest.beyond);
}

bool deeper(Frame& f) {
  if (f.tunnels == deepest) return f.flaws |= too_deep, false;
  f.tunnels++;
  return true;
}

void other_ip(Frame& f, Rest rest) {
  f.kind = f.protocol == 1 || f.protocol == 58 ? Frame::Kind::icmp : Frame::Kind::ip;
  f.payload = rest.octets;
  f.missing = uint32_t(rest.beyond);
}

// RFC 2784, 2890; ERSPAN as draft-foschiano-erspan-03.
void gre(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  const uint16_t flags = r.be16(), type = r.be16();
  if (flags & 0xc000) r.skip(4);
  if (flags & 0x2000) r.skip(4);
  if (flags & 0x1000) r.skip(4);
  const bool knows = type == 0x0800 || type == 0x86dd || type == 0x6558 || type == 0x88be || type == 0x22eb || type == 0x8847;
  if (bad || flags & 7 || !knows || !deeper(f)) return other_ip(f, rest);
  if (type == 0x88be && flags & 0x1000) r.skip(8);       // type II; type I has no header of its own
  if (type == 0x22eb) {
    const Bytes head = r.bytes(12);
    if (!head.empty() && head[11] & 1) r.skip(8);        // the optional subheader
  }
  if (bad) { f.flaws |= cut_short; return; }
  const Rest inner{r.peek(), rest.beyond};
  if (type == 0x0800 || type == 0x86dd || type == 0x8847) return network(f, type, inner);
  ethernet(f, inner);
}

void tcp(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  f.source_port = r.be16();
  f.destination_port = r.be16();
  f.sequence = r.be32();
  f.acknowledged = r.be32();
  const size_t header = size_t(r.u8() >> 4) * 4;
  f.tcp_flags = r.u8();
  if (bad) { f.flaws |= cut_short; return other_ip(f, rest); }
  if (header < 20 || header > rest.on_wire()) { f.flaws |= length_lies; return other_ip(f, rest); }
  f.kind = Frame::Kind::tcp;
  const size_t cut = header > rest.octets.size() ? header - rest.octets.size() : 0;   // options that the capture cut off
  rest = rest.from(header);
  f.payload = rest.octets;
  f.missing = uint32_t(rest.beyond - cut);
}

void udp(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  f.source_port = r.be16();
  f.destination_port = r.be16();
  const size_t length = r.be16();
  r.skip(2);
  if (bad) { f.flaws |= cut_short; return other_ip(f, rest); }
  if (length >= 8 && length <= rest.on_wire()) rest = rest.first(length);
  else if (length) f.flaws |= length_lies;                // 0 is a jumbogram or an offloaded send: all of it
  rest = rest.from(8);
  if (f.destination_port == 4789 && rest.octets.size() >= 8 + 14 && rest.octets[0] == 8 && !rest.octets[7] && deeper(f))   // VXLAN: RFC 7348 5
    return ethernet(f, rest.from(8));
  f.kind = Frame::Kind::udp;
  f.payload = rest.octets;
  f.missing = uint32_t(rest.beyond);
}

void transport(Frame& f, Rest rest) {
  switch (f.protocol) {
    case 6: return tcp(f, rest);
    case 17: return udp(f, rest);
    case 47: return gre(f, rest);
    case 4: return deeper(f) ? network(f, 0x0800, rest) : other_ip(f, rest);
    case 41: return deeper(f) ? network(f, 0x86dd, rest) : other_ip(f, rest);
    default: return other_ip(f, rest);
  }
}

void fragment(Frame& f, Rest rest) {
  f.kind = Frame::Kind::fragment;
  f.fragmented = true;
  if (f.more_fragments && rest.on_wire() % 8) f.flaws |= bad_fragment;
  if (f.fragment_offset + rest.on_wire() > 65'535) f.flaws |= bad_fragment;
  f.payload = rest.octets;
  f.missing = uint32_t(rest.beyond);
}

void ip4(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  const uint8_t first = r.u8();
  r.skip(1);
  const size_t total = r.be16();
  const uint16_t id = r.be16(), offset = r.be16();
  r.skip(1);
  const uint8_t protocol = r.u8();
  r.skip(2);
  const Bytes addresses = r.bytes(8);
  const size_t header = size_t(first & 15) * 4;
  if (bad) { f.flaws |= cut_short; return link_layer(f, 0x0800, rest); }
  if (first >> 4 != 4) { f.flaws |= bad_version; return link_layer(f, 0x0800, rest); }
  if (header < 20 || header > rest.octets.size()) { f.flaws |= header < 20 ? length_lies : cut_short; return link_layer(f, 0x0800, rest); }
  f.ethertype = 0x0800;
  f.version = 4;
  f.addresses = addresses.data();
  f.protocol = protocol;
  f.fragment_id = id;
  if (total >= header && total <= rest.on_wire()) rest = rest.first(total);
  else if (total) f.flaws |= length_lies;                 // 0: segmentation offload
  f.network = rest.octets;
  rest = rest.from(header);
  f.fragment_offset = uint16_t((offset & 0x1fff) * 8);
  f.more_fragments = offset & 0x2000;
  if (f.more_fragments || f.fragment_offset) [[unlikely]] return fragment(f, rest);
  transport(f, rest);
}

void ip6(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  const uint8_t first = r.u8();
  r.skip(3);
  const size_t length = r.be16();
  uint8_t next = r.u8();
  r.skip(1);
  const Bytes addresses = r.bytes(32);
  if (bad) { f.flaws |= cut_short; return link_layer(f, 0x86dd, rest); }
  if (first >> 4 != 6) { f.flaws |= bad_version; return link_layer(f, 0x86dd, rest); }
  f.ethertype = 0x86dd;
  f.version = 6;
  f.addresses = addresses.data();
  if (length && length + 40 <= rest.on_wire()) rest = rest.first(length + 40);
  else if (length) f.flaws |= length_lies;
  f.network = rest.octets;
  rest = rest.from(40);
  for (unsigned n = 0;; n++) {
    f.protocol = next;
    const bool extension = next == 0 || next == 43 || next == 60 || next == 135 || next == 51 || next == 44;
    if (!extension) break;
    if (n == most_extensions) { f.flaws |= too_many_headers; return other_ip(f, rest); }
    Reader h{rest.octets, bad};
    const uint8_t after = h.u8(), size = h.u8();
    if (next == 44) {                                     // RFC 8200 4.5
      const uint16_t where = h.be16();
      f.fragment_id = h.be32();
      if (bad) { f.flaws |= cut_short; return other_ip(f, rest); }
      f.protocol = next = after;
      rest = rest.from(8);
      f.fragment_offset = where & 0xfff8;
      f.more_fragments = where & 1;
      if (f.fragment_offset || f.more_fragments) return fragment(f, rest);
      continue;                                           // an atomic fragment is whole: RFC 6946
    }
    const size_t octets = next == 51 ? (size_t{size} + 2) * 4 : (size_t{size} + 1) * 8;
    if (bad || octets > rest.octets.size()) { f.flaws |= cut_short; return other_ip(f, rest); }
    next = after;
    rest = rest.from(octets);
  }
  transport(f, rest);
}

void mpls(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  for (unsigned n = 0; n < most_tags; n++) {
    const uint32_t label = r.be32();
    if (bad) { f.flaws |= cut_short; return; }
    if (!(label & 0x100)) continue;                       // not the bottom of the stack: RFC 3032
    const Rest inner{r.peek(), rest.beyond};
    if (inner.octets.empty()) { f.flaws |= cut_short; return; }
    switch (inner.octets[0] >> 4) {
      case 4: return network(f, 0x0800, inner);
      case 6: return network(f, 0x86dd, inner);
      case 0: return ethernet(f, inner.from(4));          // a pseudowire's control word: RFC 4448
      default: return ethernet(f, inner);
    }
  }
  f.flaws |= too_many_headers;
}

void network(Frame& f, uint16_t type, Rest rest) {
  switch (type) {
    case 0x0800: return ip4(f, rest);
    case 0x86dd: return ip6(f, rest);
    case 0x8847: case 0x8848:
      if (!deeper(f)) return link_layer(f, type, rest);
      return mpls(f, rest);
    default: return link_layer(f, type, rest);
  }
}

// The redundancy control trailer: sequence, LAN and size of what it closes, 0x88fb (IEC 62439-3 4.2.7.3). The size is
// counted with or without the VLAN tags, as the sender sees them.
bool trailer(Frame& f, Rest& rest, size_t tag_octets) {
  const size_t n = rest.octets.size();
  if (rest.beyond || n < 6 || rest.octets[n - 2] != 0x88 || rest.octets[n - 1] != 0xfb) return false;
  const uint16_t word = be16(rest.octets, n - 4);
  const uint8_t lan = uint8_t(word >> 12);
  const size_t size = word & 0xfff;
  if ((lan != 10 && lan != 11) || (size != n && size != n + tag_octets)) return false;
  f.redundancy = Redundancy::prp;
  f.lan = lan;
  f.redundancy_sequence = be16(rest.octets, n - 6);
  rest.octets = rest.octets.first(n - 6);
  return true;
}

void ethernet(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  const Bytes macs = r.bytes(12);
  uint16_t type = r.be16();
  if (bad) { f.flaws |= cut_short; return; }
  std::memcpy(f.destination.octets.data(), macs.data(), 6);
  std::memcpy(f.source.octets.data(), macs.data() + 6, 6);
  f.tags = 0;
  f.vlan = f.inner_vlan = 0;                              // a mirrored frame's own tags count, not the tunnel's
  size_t tag_octets = 0;
  for (unsigned n = 0;; n++) {
    if (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200) {
      const uint16_t id = r.be16() & 0xfff;
      if (!f.tags) f.vlan = id;
      else if (f.tags == 1) f.inner_vlan = id;
      f.tags++;
      tag_octets += 4;
    } else if (type == 0x892f) {                          // HSR: IEC 62439-3 5.6
      const uint16_t word = r.be16();
      f.redundancy = Redundancy::hsr;
      f.lan = uint8_t(word >> 12);
      f.redundancy_sequence = r.be16();
    } else break;
    type = r.be16();
    if (bad) { f.flaws |= cut_short; return; }
    if (n == most_tags) { f.flaws |= too_many_headers; break; }
  }
  Rest inner{r.peek(), rest.beyond};
  trailer(f, inner, tag_octets);
  if (type > 1535) [[likely]] return network(f, type, inner);
  if (type <= inner.on_wire()) inner = inner.first(type);
  else f.flaws |= length_lies;
  // LLC: DSAP, SSAP, control; SNAP (aa aa 03) names an EtherType where its organisation is 0.
  const Bytes b = inner.octets;
  if (b.size() >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 3 && !b[3] && !b[4] && !b[5]) return network(f, be16(b, 6), inner.from(8));
  f.kind = Frame::Kind::link;
  f.version = 0;
  f.ethertype = 0;
  f.llc = b.empty() ? 0 : b[0];
  if (b.size() >= 8 && b[0] == 0xaa && b[1] == 0xaa && b[2] == 3 && b[6]) f.llc = be16(b, 6);
  f.network = f.payload = inner.octets;
  f.missing = uint32_t(inner.beyond);
}

// The protocol field of a cooked header is an EtherType, or 1 to 4 for things that are none.
void cooked(Frame& f, Rest rest, bool second) {
  bool bad = false;
  Reader r{rest.octets, bad};
  uint16_t type = second ? r.be16() : 0;
  r.skip(second ? 9 : 4);                                 // reserved, interface, hardware, packet type | packet type, hardware
  const size_t length = second ? r.u8() : r.be16();
  const Bytes address = r.bytes(8);
  if (!second) type = r.be16();
  if (bad) { f.flaws |= cut_short; return; }
  if (length == 6) std::memcpy(f.source.octets.data(), address.data(), 6);
  Rest inner{r.peek(), rest.beyond};
  while (type == 0x8100 || type == 0x88a8) {
    const uint16_t id = r.be16() & 0xfff;
    if (!f.tags++) f.vlan = id;
    type = r.be16();
    if (bad || f.tags > most_tags) { f.flaws |= cut_short; return; }
    inner = {r.peek(), rest.beyond};
  }
  network(f, type, inner);
}

void null_loopback(Frame& f, Rest rest) {
  bool bad = false;
  Reader r{rest.octets, bad};
  uint32_t family = r.be32();
  if (bad) { f.flaws |= cut_short; return; }
  if (family > 0xffff) family = __builtin_bswap32(family);   // in the byte order of whoever captured
  const Rest inner{r.peek(), rest.beyond};
  if (family == 2) return network(f, 0x0800, inner);
  if (family == 24 || family == 28 || family == 30 || family == 10) return network(f, 0x86dd, inner);   // as each system numbers it
  link_layer(f, 0, inner);
}

// Most frames are TCP in IPv4 without options, whole, with one tag at most: read here in one go, every length checked first. Anything
// else is left to the general way, which reads these as well.
bool plain_tcp(const Packet& p, Frame& f) {
  const size_t n = p.octets.size();
  const uint8_t* const b = p.octets.data();
  if (n < 18 + 40 || p.wire_length != n || (b[n - 2] == 0x88 && b[n - 1] == 0xfb)) return false;
  auto word = [](const uint8_t* at) { return uint32_t(at[0]) << 24 | uint32_t(at[1]) << 16 | uint32_t(at[2]) << 8 | at[3]; };
  auto half = [](const uint8_t* at) { return uint16_t(at[0] << 8 | at[1]); };
  const bool tagged = half(b + 12) == 0x8100;
  const uint8_t* const ip = b + (tagged ? 18 : 14);
  const uint8_t* const tcp = ip + 20;
  const size_t total = half(ip + 2), header = size_t(tcp[12] >> 4) * 4;
  const bool plain = half(ip - 2) == 0x0800 && ip[0] == 0x45 && !(half(ip + 6) & 0x3fff) && ip[9] == 6 && header >= 20 && total >= 20 + header && size_t(ip - b) + total <= n;
  if (!plain) return false;
  std::memcpy(f.destination.octets.data(), b, 6);
  std::memcpy(f.source.octets.data(), b + 6, 6);
  f.vlan = tagged ? half(b + 14) & 0xfff : 0;
  f.inner_vlan = 0;
  f.ethertype = 0x0800;
  f.llc = 0;
  f.tags = tagged;
  f.tunnels = 0;
  f.kind = Frame::Kind::tcp;
  f.version = 4;
  f.protocol = 6;
  f.tcp_flags = tcp[13];
  f.source_port = half(tcp);
  f.destination_port = half(tcp + 2);
  f.redundancy = Redundancy::none;
  f.lan = 0;
  f.redundancy_sequence = 0;
  f.fragmented = f.more_fragments = false;
  f.fragment_offset = 0;
  f.fragment_id = half(ip + 4);
  f.sequence = word(tcp + 4);
  f.acknowledged = word(tcp + 8);
  f.missing = f.flaws = 0;
  f.addresses = ip + 12;
  f.network = {ip, total};
  f.payload = {tcp + header, total - 20 - header};
  return true;
}

}  // namespace

Address Frame::source_address() const {
  if (version == 4) return Address::ip4(uint32_t(addresses[0]) << 24 | uint32_t(addresses[1]) << 16 | uint32_t(addresses[2]) << 8 | addresses[3]);
  return version == 6 ? Address::ip6(addresses) : Address{};
}

Address Frame::destination_address() const {
  if (version == 4) return Address::ip4(uint32_t(addresses[4]) << 24 | uint32_t(addresses[5]) << 16 | uint32_t(addresses[6]) << 8 | addresses[7]);
  return version == 6 ? Address::ip6(addresses + 16) : Address{};
}

void decode(const Packet& p, Frame& f) {
  if (p.link == Link::ethernet && plain_tcp(p, f)) [[likely]] return;
  f = Frame{};
  const Rest rest{p.octets, p.wire_length > p.octets.size() ? p.wire_length - p.octets.size() : 0};
  switch (p.link) {
    case Link::ethernet: return ethernet(f, rest);
    case Link::raw_ip:
      if (rest.octets.empty()) { f.flaws |= cut_short; return; }
      return network(f, rest.octets[0] >> 4 == 6 ? 0x86dd : 0x0800, rest);
    case Link::linux_cooked: return cooked(f, rest, false);
    case Link::linux_cooked2: return cooked(f, rest, true);
    case Link::null_loopback: return null_loopback(f, rest);
    case Link::unsupported: return;
  }
}

Frame decode(const Packet& p) {
  Frame f;
  decode(p, f);
  return f;
}

void decode_reassembled(Frame& f, Bytes octets) {
  f.missing = 0;
  transport(f, {octets, 0});
}

}  // namespace vidra
