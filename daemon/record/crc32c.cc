// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/crc32c.h"

#include <array>

namespace vidra {

namespace {
// Slicing by 8: table[k][b] is the CRC of octet b followed by k zeros.
constexpr auto tables = [] {
  std::array<std::array<uint32_t, 256>, 8> t{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0x82F63B78 : c >> 1;
    t[0][i] = c;
  }
  for (size_t k = 1; k < 8; k++)
    for (size_t i = 0; i < 256; i++) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
  return t;
}();
}  // namespace

uint32_t crc32c(Bytes b, uint32_t before) {
  uint32_t c = ~before;
  bool bad = false;
  Reader r(b, bad);
  while (r.left() >= 8) {
    const uint64_t v = r.le64() ^ c;
    c = tables[7][v & 0xff] ^ tables[6][v >> 8 & 0xff] ^ tables[5][v >> 16 & 0xff] ^ tables[4][v >> 24 & 0xff] ^ tables[3][v >> 32 & 0xff] ^
        tables[2][v >> 40 & 0xff] ^ tables[1][v >> 48 & 0xff] ^ tables[0][v >> 56];
  }
  while (r) c = c >> 8 ^ tables[0][(c ^ r.u8()) & 0xff];
  return ~c;
}

}  // namespace vidra
