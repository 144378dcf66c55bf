// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vidra {

// What rows of data and people's rules are written in: lists of numbers, and patterns for texts.

// Numbers first … last, of functions with a range of sub-functions.
struct NumberRange {
  uint32_t first = 0, last = 0, sub_first = 0, sub_last = UINT32_MAX;
  bool holds(uint32_t n) const { return n >= first && n <= last; }
  bool holds(uint32_t n, uint32_t sub) const { return holds(n) && sub >= sub_first && sub <= sub_last; }
};
using Ranges = std::vector<NumberRange>;

std::string_view trimmed(std::string_view);
std::optional<uint32_t> number(std::string_view);      // 41, 0x29
std::optional<Ranges> ranges(std::string_view list);   // "26-28, 5/1, 0x29"; nothing when it is no such list
inline bool any_holds(const Ranges& list, uint32_t n) {   // an empty list holds every number
  if (list.empty()) return true;
  for (const NumberRange& r : list)
    if (r.holds(n)) return true;
  return false;
}
bool like(std::string_view pattern, std::string_view text);   // * any run, ? one character; ASCII case does not matter

}  // namespace vidra
