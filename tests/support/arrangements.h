// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

// The ways by which the same traffic comes to a sensor: a mirror, a mirror that doubles every frame, a tap with a card for each
// direction, a redundant network (PRP) with a card for each LAN, a mirror far away (ERSPAN).
namespace vidra::arrangements {

// Each way that a frame takes: over which of the cables, and as what octets.
struct Way { size_t cable; std::vector<uint8_t> octets; };
using Arrangement = std::vector<Way> (*)(const std::vector<uint8_t>& frame, uint16_t number);

inline std::vector<Way> mirror(const std::vector<uint8_t>& f, uint16_t) { return {{0, f}}; }
inline std::vector<Way> doubled(const std::vector<uint8_t>& f, uint16_t) { return {{0, f}, {0, f}}; }
inline std::vector<Way> tap_pair(const std::vector<uint8_t>& f, uint16_t) {   // one of the two ways, whichever: by the sender's address
  return {{std::equal(f.begin(), f.begin() + 6, f.begin() + 6, f.begin() + 12) ? 0u : std::lexicographical_compare(f.begin(), f.begin() + 6, f.begin() + 6, f.begin() + 12) ? 0u : 1u, f}};
}
inline std::vector<Way> prp_pair(const std::vector<uint8_t>& f, uint16_t number) {   // IEC 62439-3, 4.2.7: sequence number, LAN, size, suffix
  std::vector<uint8_t> a = f;
  if (a.size() < 60) a.resize(60, 0);
  const bool tagged = a[12] == 0x81 && a[13] == 0;
  const uint16_t size = uint16_t(a.size() - (tagged ? 18 : 14) + 6);
  a.insert(a.end(), {uint8_t(number >> 8), uint8_t(number), uint8_t(0xA0 | size >> 8), uint8_t(size), 0x88, 0xFB});
  std::vector<uint8_t> b = a;
  b[b.size() - 4] = uint8_t(0xB0 | size >> 8);
  return {{0, a}, {1, b}};
}
inline std::vector<Way> erspan(const std::vector<uint8_t>& f, uint16_t number) {   // ERSPAN II in GRE with a sequence number
  const uint16_t length = uint16_t(20 + 8 + 8 + f.size());
  std::vector<uint8_t> out = {2, 0, 0, 0, 0xEE, 2, 2, 0, 0, 0, 0xEE, 1, 8, 0, 0x45, 0, uint8_t(length >> 8), uint8_t(length), uint8_t(number >> 8), uint8_t(number),
                              0, 0, 64, 47, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2, 0x10, 0, 0x88, 0xBE, 0, 0, uint8_t(number >> 8), uint8_t(number),
                              0x10, 0, 0, 1, 0, 0, 0, 0};
  out.insert(out.end(), f.begin(), f.end());
  return {{0, out}};
}

}  // namespace vidra::arrangements
