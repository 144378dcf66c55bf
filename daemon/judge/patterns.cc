// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/patterns.h"

#include <charconv>

namespace vidra {
namespace {

constexpr char low(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

bool span_of(std::string_view s, uint32_t& first, uint32_t& last) {
  const size_t dash = s.find('-');
  const auto a = number(s.substr(0, dash)), b = dash == s.npos ? a : number(s.substr(dash + 1));
  if (!a || !b || *b < *a) return false;
  first = *a, last = *b;
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view s) {
  while (s.starts_with(' ')) s.remove_prefix(1);
  while (s.ends_with(' ')) s.remove_suffix(1);
  return s;
}

std::optional<uint32_t> number(std::string_view s) {
  s = trimmed(s);
  const bool hex = s.starts_with("0x");
  if (hex) s.remove_prefix(2);
  uint32_t n = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n, hex ? 16 : 10);
  return error == std::errc() && end == s.data() + s.size() && !s.empty() ? std::optional(n) : std::nullopt;
}

std::optional<Ranges> ranges(std::string_view list) {
  Ranges all;
  while (!trimmed(list).empty()) {
    const size_t comma = list.find(','), slash = list.substr(0, comma).find('/');
    const std::string_view item = list.substr(0, comma);
    list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
    NumberRange r;
    if (!span_of(item.substr(0, slash), r.first, r.last)) return std::nullopt;
    if (slash != item.npos && !span_of(item.substr(slash + 1), r.sub_first, r.sub_last)) return std::nullopt;
    all.push_back(r);
  }
  return all;
}

bool like(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = pattern.npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') star = p++, mark = t;
    else if (p < pattern.size() && (pattern[p] == '?' || low(pattern[p]) == low(text[t]))) p++, t++;
    else if (star != pattern.npos) p = star + 1, t = ++mark;
    else return false;
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

}  // namespace vidra
