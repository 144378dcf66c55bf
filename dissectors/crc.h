// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "dissectors/reader.h"

namespace vidra {

namespace crc_detail {
template <uint16_t reflected_polynomial>
constexpr std::array<uint16_t, 256> reflected_table() {
  std::array<uint16_t, 256> t{};
  for (unsigned i = 0; i < 256; i++) {
    uint16_t c = uint16_t(i);
    for (int bit = 0; bit < 8; bit++) c = uint16_t(c & 1 ? c >> 1 ^ reflected_polynomial : c >> 1);
    t[i] = c;
  }
  return t;
}
inline constexpr auto modbus_table = reflected_table<0xA001>();
inline constexpr auto dnp_table = reflected_table<0xA6BC>();
}  // namespace crc_detail

// CRC-16 of Modbus RTU (MODBUS over Serial Line V1.02, 6.2.2): start 0xFFFF, sent low octet first.
inline uint16_t crc_modbus(Bytes b) {
  uint16_t c = 0xFFFF;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ o) & 0xff]);
  return c;
}

// CRC of the DNP3 link layer (IEEE 1815-2012, 9.2.4.3): start 0, inverted, sent low octet first.
inline uint16_t crc_dnp(Bytes b) {
  uint16_t c = 0;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::dnp_table[(c ^ o) & 0xff]);
  return uint16_t(~c);
}

}  // namespace vidra
