// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vidra {

// Copies a short text by what a register holds: a compiler that knows how long they can be takes a string instruction, which costs
// more to begin than most of them to copy. `to` and `from` do not overlap.
[[gnu::always_inline]] inline void copy_text(void* to, const void* from, size_t n) {
  auto* const t = static_cast<char*>(to);
  const auto* const f = static_cast<const char*>(from);
  if (n >= 16) {
    for (size_t i = 0; i < n - 16; i += 16) std::memcpy(t + i, f + i, 16);
    std::memcpy(t + n - 16, f + n - 16, 16);
  } else if (n >= 8) {
    std::memcpy(t, f, 8), std::memcpy(t + n - 8, f + n - 8, 8);
  } else if (n >= 4) {
    std::memcpy(t, f, 4), std::memcpy(t + n - 4, f + n - 4, 4);
  } else if (n > 0) {
    t[0] = f[0], t[n / 2] = f[n / 2], t[n - 1] = f[n - 1];
  }
}

// Whether two short texts of n octets are equal, likewise.
[[gnu::always_inline]] inline bool same_text(const char* a, const char* b, size_t n) {
  const auto differ = [a, b]<class Word>(Word, size_t at) {
    Word x, y;
    std::memcpy(&x, a + at, sizeof x), std::memcpy(&y, b + at, sizeof y);
    return x ^ y;
  };
  if (n >= 8) {
    for (size_t i = 0; i < n - 8; i += 8)
      if (differ(uint64_t{}, i)) return false;
    return !differ(uint64_t{}, n - 8);
  }
  if (n >= 4) return !(differ(uint32_t{}, 0) | differ(uint32_t{}, n - 4));
  for (size_t i = 0; i < n; i++)
    if (a[i] != b[i]) return false;
  return true;
}

}  // namespace vidra
