// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <bit>
#include <cstring>

#include "dissectors/reader.h"

namespace vidra {

// SHA-1 (FIPS 180-4, 6.1): the thumbprint by which certificates are named. About 2 ns an octet: for handshakes only.
inline std::array<uint8_t, 20> sha1(Bytes data) {
  std::array<uint32_t, 5> h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto block = [&h](const uint8_t* at) {
    std::array<uint32_t, 80> w;
    for (size_t i = 0; i < 16; i++) w[i] = uint32_t(at[4 * i]) << 24 | uint32_t(at[4 * i + 1]) << 16 | uint32_t(at[4 * i + 2]) << 8 | at[4 * i + 3];
    for (size_t i = 16; i < 80; i++) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = h;
    for (size_t i = 0; i < 80; i++) {
      const uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
      const uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
      const uint32_t t = std::rotl(a, 5) + f + e + k + w[i];
      e = d, d = c, c = std::rotl(b, 30), b = a, a = t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
  };
  size_t at = 0;
  for (; at + 64 <= data.size(); at += 64) block(data.data() + at);
  std::array<uint8_t, 128> tail{};
  const size_t rest = data.size() - at, padded = rest < 56 ? 64 : 128;
  if (rest) std::memcpy(tail.data(), data.data() + at, rest);
  tail[rest] = 0x80;
  const uint64_t bits = uint64_t(data.size()) * 8;
  for (size_t i = 0; i < 8; i++) tail[padded - 1 - i] = uint8_t(bits >> 8 * i);
  block(tail.data());
  if (padded == 128) block(tail.data() + 64);
  std::array<uint8_t, 20> out;
  for (size_t i = 0; i < 20; i++) out[i] = uint8_t(h[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}

}  // namespace vidra
