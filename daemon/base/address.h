// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace vidra {

struct Mac {
  std::array<uint8_t, 6> octets{};
  constexpr auto operator<=>(const Mac&) const = default;
  constexpr bool group() const { return octets[0] & 1; }   // multicast or broadcast
  constexpr bool empty() const { return *this == Mac{}; }
  constexpr uint64_t number() const {
    uint64_t n = 0;
    for (uint8_t o : octets) n = n << 8 | o;
    return n;
  }
};

// Where a host is: an IPv4 or IPv6 address, or a MAC where a protocol has no network layer.
struct Address {
  enum class Kind : uint8_t { none, ip4, ip6, mac };
  std::array<uint8_t, 16> octets{};   // IPv4 in the first four, MAC in the first six, the rest zero
  Kind kind = Kind::none;

  constexpr auto operator<=>(const Address&) const = default;
  bool operator==(const Address& o) const {          // in two words: the compiler would call memcmp, and this is asked everywhere
    std::array<uint64_t, 2> a, b;
    std::memcpy(a.data(), octets.data(), sizeof a), std::memcpy(b.data(), o.octets.data(), sizeof b);
    return !((a[0] ^ b[0]) | (a[1] ^ b[1])) && kind == o.kind;
  }
  static Address ip4(uint32_t host_order);
  static Address ip6(const uint8_t* sixteen);
  static Address of(const Mac&);
  uint32_t ip4_number() const { return uint32_t(octets[0]) << 24 | uint32_t(octets[1]) << 16 | uint32_t(octets[2]) << 8 | octets[3]; }
  bool group() const;                 // multicast or broadcast
};

struct Endpoint {
  Address address;
  uint16_t port = 0;                  // 0 where there is none
  constexpr auto operator<=>(const Endpoint&) const = default;
  bool operator==(const Endpoint&) const = default;
};

std::string text_of(const Mac&);
std::string text_of(const Address&);   // "10.1.2.3", "2001:db8::1", "00:21:c1:30:10:41", "" for none
std::string text_of(const Endpoint&);  // "10.1.2.3:2404", "[2001:db8::1]:102"
std::optional<Mac> parse_mac(std::string_view);         // aa:bb:cc:dd:ee:ff or with dashes
std::optional<Address> parse_address(std::string_view); // any of the three kinds

// An address range: 10.0.0.0/8, fd00::/8; a lone address is a range of one.
struct Prefix {
  Address base;
  uint8_t length = 0;                 // bits
  bool contains(const Address&) const;
  bool operator==(const Prefix&) const = default;
};
std::optional<Prefix> parse_prefix(std::string_view);
std::string text_of(const Prefix&);

}  // namespace vidra
