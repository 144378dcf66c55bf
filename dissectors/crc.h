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
inline constexpr auto x25_table = reflected_table<0x8408>();

// tables[k]: an octet with k octets behind it.
inline constexpr auto dnp_tables = [] {
  std::array<std::array<uint16_t, 256>, 16> t{};
  t[0] = reflected_table<0xA6BC>();
  for (unsigned k = 1; k < 16; k++)
    for (unsigned i = 0; i < 256; i++) t[k][i] = uint16_t(t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff]);
  return t;
}();
inline uint64_t little(uint64_t v) { return std::endian::native == std::endian::little ? v : __builtin_bswap64(v); }
inline uint16_t dnp_step(uint16_t c, uint64_t v) {   // the first octet is the lowest
  v ^= c;
  const auto& t = dnp_tables;
  return uint16_t(t[7][v & 0xff] ^ t[6][v >> 8 & 0xff] ^ t[5][v >> 16 & 0xff] ^ t[4][v >> 24 & 0xff] ^
                  t[3][v >> 32 & 0xff] ^ t[2][v >> 40 & 0xff] ^ t[1][v >> 48 & 0xff] ^ t[0][v >> 56]);
}
inline uint16_t dnp_block(uint64_t v, uint64_t w) {   // sixteen octets from 0: no look-up waits for another
  const auto& t = dnp_tables;
  const unsigned first = unsigned(t[15][v & 0xff] ^ t[14][v >> 8 & 0xff] ^ t[13][v >> 16 & 0xff] ^ t[12][v >> 24 & 0xff]);
  const unsigned second = unsigned(t[11][v >> 32 & 0xff] ^ t[10][v >> 40 & 0xff] ^ t[9][v >> 48 & 0xff] ^ t[8][v >> 56]);
  return uint16_t(first ^ second ^ dnp_step(uint16_t{0}, w));
}

// Most significant bit first: tables[k] is an octet with k octets behind it.
inline constexpr auto ccitt_tables = [] {
  std::array<std::array<uint16_t, 256>, 8> t{};
  for (unsigned i = 0; i < 256; i++) {
    uint16_t c = uint16_t(i << 8);
    for (int bit = 0; bit < 8; bit++) c = uint16_t(c & 0x8000 ? c << 1 ^ 0x1021 : c << 1);
    t[0][i] = c;
  }
  for (unsigned k = 1; k < 8; k++)
    for (unsigned i = 0; i < 256; i++) t[k][i] = uint16_t(t[k - 1][i] << 8 ^ t[0][t[k - 1][i] >> 8]);
  return t;
}();
}  // namespace crc_detail

// CRC-16 of Modbus RTU (MODBUS over Serial Line V1.02, 6.2.2): start 0xFFFF, sent low octet first.
inline uint16_t crc_modbus(Bytes b) {
  uint16_t c = 0xFFFF;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ o) & 0xff]);
  return c;
}

// Frame check sequence of HDLC (ISO/IEC 13239, 4.2.5.2; also ANSI C12.18): start 0xFFFF, inverted, sent low octet first.
inline uint16_t crc_x25(Bytes b) {
  uint16_t c = 0xFFFF;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::x25_table[(c ^ o) & 0xff]);
  return uint16_t(~c);
}

// CRC of the DNP3 link layer (IEEE 1815-2012, 9.2.4.3): start 0, inverted, sent low octet first. Eight octets a step; since
// it starts from 0, zeros put before the first octets cost nothing, so that what does not fill a step goes first.
inline uint16_t crc_dnp(Bytes b) {
  const uint8_t* p = b.data();
  size_t n = b.size();
  uint16_t c = 0;
  if (n == 16) {                        // a whole block
    uint64_t v, w;
    std::memcpy(&v, p, 8);
    std::memcpy(&w, p + 8, 8);
    return uint16_t(~crc_detail::dnp_block(crc_detail::little(v), crc_detail::little(w)));
  }
  if (const size_t head = n % 8) {
    uint64_t v = 0;
    if (n >= 8) std::memcpy(&v, p, 8), v = crc_detail::little(v) << (64 - 8 * head);
    else for (size_t i = 0; i < head; i++) v |= uint64_t{p[i]} << (64 - 8 * head + 8 * i);
    c = crc_detail::dnp_step(0, v);
    p += head, n -= head;
  }
  for (; n; p += 8, n -= 8) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    c = crc_detail::dnp_step(c, crc_detail::little(v));
  }
  return uint16_t(~c);
}

// CRC-CCITT as IEEE C37.118.2 has it (annex B): polynomial 0x1021, start 0xFFFF, most significant bit first, sent high octet first.
inline uint16_t crc_ccitt(Bytes b) {
  const auto& t = crc_detail::ccitt_tables;
  const uint8_t* p = b.data();
  size_t n = b.size();
  uint16_t c = 0xFFFF;
  for (; n >= 8; p += 8, n -= 8)
    c = uint16_t(t[7][p[0] ^ c >> 8] ^ t[6][p[1] ^ (c & 0xff)] ^ t[5][p[2]] ^ t[4][p[3]] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]]);
  for (; n; p++, n--) c = uint16_t(c << 8 ^ t[0][(c >> 8 ^ *p) & 0xff]);
  return c;
}

}  // namespace vidra
