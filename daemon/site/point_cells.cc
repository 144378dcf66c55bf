// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/point_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "daemon/judge/site_file.h"

namespace vidra {

std::string column_name(size_t c) {
  std::string s;
  for (size_t n = c + 1; n; n = (n - 1) / 26) s.insert(s.begin(), char('A' + (n - 1) % 26));
  return s;
}

std::optional<uint32_t> whole(std::string_view s) {
  int base = 10;
  if (s.starts_with("0x") || s.starts_with("0X")) base = 16, s.remove_prefix(2);
  else if (s.starts_with("16#")) base = 16, s.remove_prefix(3);
  else if (s.size() > 1 && (s.back() == 'h' || s.back() == 'H')) base = 16, s.remove_suffix(1);
  uint32_t n = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), n, base);
  if (bad != std::errc() || end != s.data() + s.size() || s.empty()) return std::nullopt;
  return n;
}

std::string_view stripped(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::optional<uint32_t> octets(std::string_view s, size_t least, size_t most, bool low_first) {
  std::vector<uint32_t> parts;
  char between = 0;
  for (size_t from = 0;;) {
    const size_t to = std::min(s.find_first_of("-./:", from), s.size());
    const auto n = whole(stripped(s.substr(from, to - from)));
    if (!n || *n > 255) return std::nullopt;
    parts.push_back(*n);
    if (to == s.size()) break;
    if (between && s[to] != between) return std::nullopt;
    between = s[to];
    from = to + 1;
  }
  if (parts.size() < least || parts.size() > most) return std::nullopt;
  if (low_first) std::reverse(parts.begin(), parts.end());
  uint32_t n = 0;
  for (const uint32_t p : parts) n = n << 8 | p;
  return n;
}

std::optional<Span> span_of(std::string_view s, bool may_be_structured, bool low_first) {
  if (const auto n = whole(s)) return Span{*n, *n, false};
  if (may_be_structured)
    if (const auto n = octets(s, 3, 3, low_first)) return Span{*n, *n, true};
  for (const std::string_view between : {"..", "…", "–", "—", " to ", " do ", " bis ", "-", ":"}) {
    const size_t at = s.find(between);
    if (at == std::string_view::npos || at == 0) continue;
    const std::string_view a = stripped(s.substr(0, at)), b = stripped(s.substr(at + between.size() + (between == ".." && s.substr(at).starts_with("..."))));
    auto first = whole(a), last = whole(b);
    if (may_be_structured && !first) first = octets(a, 3, 3, low_first);
    if (may_be_structured && !last) last = octets(b, 3, 3, low_first);
    if (first && last && *first <= *last) return Span{*first, *last, false};
  }
  return std::nullopt;
}

// The last of point and comma is the decimal one; a lone one is.
std::optional<double> real_of(std::string_view s) {
  std::string digits;
  const size_t point = s.rfind('.'), comma = s.rfind(',');
  size_t decimal = std::string_view::npos;
  if (point != s.npos && comma != s.npos) decimal = std::max(point, comma);
  else if (point != s.npos) decimal = point;
  else if (comma != s.npos) decimal = comma;
  size_t i = 0;
  for (; i < s.size(); i++) {
    const char c = s[i];
    if (c >= '0' && c <= '9') digits += c;
    else if (c == '-' && digits.empty()) digits += c;
    else if (c == '+' && digits.empty()) continue;
    else if (i == decimal) digits += '.';
    else if ((c == '.' || c == ',' || c == ' ' || c == '\'') && decimal != s.npos && i < decimal) continue;   // thousands
    else if (s.substr(i, 2) == "\xC2\xA0") i++;
    else if ((c == 'e' || c == 'E') && !digits.empty()) digits += c;
    else if (c == ' ' && i + 1 < s.size() && s[i + 1] >= '0' && s[i + 1] <= '9') continue;
    else break;
  }
  double v = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (bad != std::errc() || end != digits.data() + digits.size() || !std::isfinite(v)) return std::nullopt;
  for (const char c : s.substr(i))
    if (c >= '0' && c <= '9') return std::nullopt;               // something else follows than a unit
  return v;
}

std::string type_in(std::string_view s) {
  constexpr std::string_view stems[] = {"M_SP", "M_DP", "M_ST", "M_BO", "M_ME", "M_IT", "M_EP", "M_PS", "C_SC", "C_DC", "C_RC", "C_SE", "C_BO", "P_ME", "P_AC"};
  for (size_t i = 0; i + 7 <= s.size(); i++)
    if (std::find(std::begin(stems), std::end(stems), s.substr(i, 4)) != std::end(stems) && s[i + 4] == '_') {
      std::string name = std::string(s.substr(i, 7)) + "_1";
      return iec104_type(name) ? name : std::string();          // not every stem has every ending
    }
  size_t from = s.find_first_of("0123456789");
  if (from == std::string_view::npos) return {};
  unsigned n = 0;
  const auto [end, bad] = std::from_chars(s.data() + from, s.data() + s.size(), n);
  if (bad != std::errc() || n < 1 || n > 127) return {};
  for (size_t i = 0; i < from; i++)
    if (std::string_view("<( =:#TItiKktypeTYPE").find(s[i]) == std::string_view::npos) return {};
  return fmt::format("{}", n);
}

}  // namespace vidra
