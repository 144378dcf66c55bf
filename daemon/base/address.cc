// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <cstring>

namespace vidra {

Address Address::ip4(uint32_t n) {
  Address a;
  a.kind = Kind::ip4;
  a.octets[0] = uint8_t(n >> 24), a.octets[1] = uint8_t(n >> 16), a.octets[2] = uint8_t(n >> 8), a.octets[3] = uint8_t(n);
  return a;
}

Address Address::ip6(const uint8_t* sixteen) {
  Address a;
  a.kind = Kind::ip6;
  std::memcpy(a.octets.data(), sixteen, 16);
  return a;
}

Address Address::of(const Mac& m) {
  Address a;
  a.kind = Kind::mac;
  std::memcpy(a.octets.data(), m.octets.data(), 6);
  return a;
}

bool Address::group() const {
  switch (kind) {
    case Kind::ip4: return octets[0] >= 224;
    case Kind::ip6: return octets[0] == 0xff;
    case Kind::mac: return octets[0] & 1;
    default: return false;
  }
}

std::string text_of(const Mac& m) {
  char s[18];
  std::snprintf(s, sizeof s, "%02x:%02x:%02x:%02x:%02x:%02x", m.octets[0], m.octets[1], m.octets[2], m.octets[3], m.octets[4], m.octets[5]);
  return s;
}

std::string text_of(const Address& a) {
  char s[INET6_ADDRSTRLEN];
  switch (a.kind) {
    case Address::Kind::ip4: return inet_ntop(AF_INET, a.octets.data(), s, sizeof s);
    case Address::Kind::ip6: return inet_ntop(AF_INET6, a.octets.data(), s, sizeof s);
    case Address::Kind::mac: {
      Mac m;
      std::memcpy(m.octets.data(), a.octets.data(), 6);
      return text_of(m);
    }
    default: return {};
  }
}

std::string text_of(const Endpoint& e) {
  std::string s = text_of(e.address);
  if (!e.port) return s;
  if (e.address.kind == Address::Kind::ip6) s = "[" + s + "]";
  return s + ":" + std::to_string(e.port);
}

std::optional<Mac> parse_mac(std::string_view s) {
  Mac m;
  if (s.size() != 17) return {};
  for (size_t i = 0; i < 6; i++) {
    if (i && s[3 * i - 1] != ':' && s[3 * i - 1] != '-') return {};
    const char* at = s.data() + 3 * i;
    if (auto [end, error] = std::from_chars(at, at + 2, m.octets[i], 16); error != std::errc{} || end != at + 2) return {};
  }
  return m;
}

std::optional<Address> parse_address(std::string_view s) {
  if (auto m = parse_mac(s)) return Address::of(*m);
  const std::string text(s);
  uint8_t octets[16];
  if (inet_pton(AF_INET, text.c_str(), octets) == 1)
    return Address::ip4(uint32_t(octets[0]) << 24 | uint32_t(octets[1]) << 16 | uint32_t(octets[2]) << 8 | octets[3]);
  if (inet_pton(AF_INET6, text.c_str(), octets) == 1) return Address::ip6(octets);
  return {};
}

bool Prefix::contains(const Address& a) const {
  if (a.kind != base.kind) return false;
  const size_t whole = length / 8, rest = length % 8;
  if (std::memcmp(a.octets.data(), base.octets.data(), whole) != 0) return false;
  if (!rest) return true;
  const uint8_t mask = uint8_t(0xff << (8 - rest));
  return (a.octets[whole] & mask) == (base.octets[whole] & mask);
}

std::optional<Prefix> parse_prefix(std::string_view s) {
  const size_t slash = s.find('/');
  const auto base = parse_address(s.substr(0, slash));
  if (!base) return {};
  const uint8_t longest = base->kind == Address::Kind::ip4 ? 32 : base->kind == Address::Kind::ip6 ? 128 : 48;
  Prefix p{*base, longest};
  if (slash == std::string_view::npos) return p;
  const std::string_view bits = s.substr(slash + 1);
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), p.length);
  if (error != std::errc{} || end != bits.data() + bits.size() || p.length > longest) return {};
  return p;
}

std::string text_of(const Prefix& p) { return text_of(p.base) + "/" + std::to_string(p.length); }

}  // namespace vidra
