// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "daemon/report/line.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

constexpr size_t gap = 2, least = 8;   // a column is not made narrower than that

// The text in so many columns, filled up; what does not fit ends in "…".
std::string fitted(const std::string& s, size_t width, bool fill) {
  const size_t wide = columns(s);
  if (wide <= width) return fill ? s + std::string(width - wide, ' ') : s;
  std::string out = s;
  while (!out.empty() && columns(out) + 1 > width) {
    while (!out.empty() && (uint8_t(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty()) out.pop_back();
  }
  out += "…";
  if (fill) out += std::string(width - std::min(width, columns(out)), ' ');
  return out;
}

}  // namespace

std::string Table::text(size_t width, bool color) const {
  const size_t n = rows_[0].size();
  std::vector<size_t> wide(n, 0);
  for (size_t c = 0; c < n; c++) {
    bool any = false;
    for (size_t r = 1; r < rows_.size(); r++) any |= !rows_[r][c].empty();
    if (!any) continue;
    for (const auto& row : rows_) wide[c] = std::max(wide[c], columns(row[c]));
  }
  if (width) {
    size_t total = 0;
    for (const size_t w : wide) total += w ? w + gap : 0;
    total -= std::min(total, gap);
    while (total > width) {                                  // the widest gives way
      const auto widest = std::max_element(wide.begin(), wide.end());
      if (*widest <= least) break;
      --*widest, --total;
    }
  }
  std::string out;
  for (size_t r = 0; r < rows_.size(); r++) {
    std::string line;
    size_t last = n;
    while (last && !wide[last - 1]) last--;
    for (size_t c = 0; c < last; c++)
      if (wide[c]) line += fitted(rows_[r][c], wide[c], c + 1 < last) + (c + 1 < last ? std::string(gap, ' ') : "");
    while (!line.empty() && line.back() == ' ') line.pop_back();
    out += !r && color ? "\033[2m" + line + "\033[0m\n" : line + "\n";
  }
  return out;
}

size_t width_of(int descriptor) {
  if (const char* set = std::getenv("COLUMNS"))
    if (const long n = std::strtol(set, nullptr, 10); n >= 40) return size_t(n);
  return isatty(descriptor) ? style_of(descriptor).width : 0;
}

}  // namespace vidra
