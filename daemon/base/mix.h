// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>

#include "daemon/base/address.h"

namespace vidra {

// Of splitmix64: every bit of x moves every bit of the result. For tables whose keys nobody outside chooses to collide.
inline uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebull;
  return x ^ x >> 31;
}

// Nobody can tell beforehand which.
uint64_t drawn();

// Anybody can speak under addresses of his choice, and nobody shall choose ones that meet in a table.
inline const uint64_t start_secret = drawn();

// `more` goes into it with the address's kind. Another one at each start: for tables, not for what is kept or told.
inline uint64_t mix(const Address& a, uint64_t more = 0) {
  uint64_t low, high;
  std::memcpy(&low, a.octets.data(), 8);
  std::memcpy(&high, a.octets.data() + 8, 8);
  return mix(low ^ mix((high ^ start_secret) + uint64_t(a.kind) + (more << 8)));
}

}  // namespace vidra
