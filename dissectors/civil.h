// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>

#include "dissectors/message.h"

namespace vidra {

// An instant from a calendar that has no zone of its own (it is taken as UTC); 0 where there is no such date.
constexpr Time civil(unsigned year, unsigned month, unsigned date, unsigned hours, unsigned minutes, unsigned seconds) {
  constexpr std::array<uint16_t, 13> before = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || date < 1 || hours > 23 || minutes > 59 || seconds > 60) return 0;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (date > unsigned(before[month] - before[month - 1]) + (leap && month == 2)) return 0;
  const unsigned y = year - 1;
  const unsigned days = y * 365 + y / 4 - y / 100 + y / 400 - 719'162 + before[month - 1] + (leap && month > 2) + date - 1;   // 719,162: 1969-12-31
  return int64_t(days) * day + hours * hour + minutes * minute + int64_t(seconds) * second;
}
static_assert(civil(1970, 1, 1, 0, 0, 0) == 0 && civil(2000, 3, 1, 0, 0, 1) == 951'868'801 * second);

// Two decimal digits in an octet; 255 where they are none.
constexpr unsigned bcd(uint8_t octet) { return (octet >> 4) > 9 || (octet & 15) > 9 ? 255u : (octet >> 4) * 10u + (octet & 15); }
// A year of two digits: 1970 to 2069.
constexpr unsigned full_year(unsigned two_digits) { return two_digits > 99 ? 0 : two_digits < 70 ? 2000 + two_digits : 1900 + two_digits; }

}  // namespace vidra
