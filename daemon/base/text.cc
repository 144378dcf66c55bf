// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace vidra {

namespace {
constexpr int64_t second = 1'000'000'000;

// Whole seconds and the fraction, for times before 1970 too.
std::pair<int64_t, int64_t> split(int64_t ns) {
  int64_t s = ns / second, rest = ns % second;
  if (rest < 0) s--, rest += second;
  return {s, rest};
}
}  // namespace

std::string iso_time(int64_t ns, int digits) {
  const auto [s, rest] = split(ns);
  const time_t t = time_t(s);
  std::tm tm{};
  gmtime_r(&t, &tm);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (digits > 0) out += "." + fmt::format("{:09}", rest).substr(0, size_t(std::min(digits, 9)));
  return out + "Z";
}

std::optional<int64_t> parse_iso_time(std::string_view s) {
  size_t at = 0;
  const auto digits = [&](size_t least, size_t most) -> std::optional<int> {
    int v = 0;
    size_t n = 0;
    while (n < most && at < s.size() && s[at] >= '0' && s[at] <= '9') v = v * 10 + (s[at++] - '0'), n++;
    return n >= least ? std::optional(v) : std::nullopt;
  };
  const auto mark = [&](std::string_view any) { return at < s.size() && any.find(s[at]) != any.npos ? ++at != 0 : false; };
  std::tm tm{};
  const auto year = digits(4, 4);
  if (!year || !mark("-")) return {};
  const auto month = digits(2, 2);
  if (!month || !mark("-")) return {};
  const auto day = digits(2, 2);
  if (!day || *year < 1970 || *year > 2261 || *month < 1 || *month > 12 || *day < 1 || *day > 31) return {};
  int64_t fraction = 0;
  if (mark("T ")) {
    const auto h = digits(2, 2);
    if (!h || *h > 23 || !mark(":")) return {};
    const auto m = digits(2, 2);
    if (!m || *m > 59) return {};
    tm.tm_hour = *h, tm.tm_min = *m;
    if (mark(":")) {
      const auto sec = digits(2, 2);
      if (!sec || *sec > 60) return {};
      tm.tm_sec = *sec;
      if (mark(".")) {
        const size_t from = at;
        const auto f = digits(1, 9);
        if (!f) return {};
        fraction = *f;
        for (size_t n = at - from; n < 9; n++) fraction *= 10;
      }
    }
    mark("Z");
  }
  if (at != s.size()) return {};
  tm.tm_year = *year - 1900, tm.tm_mon = *month - 1, tm.tm_mday = *day;
  const time_t t = timegm(&tm);
  if (tm.tm_mday != *day) return {};   // 30 February became March
  return int64_t(t) * second + fraction;
}

std::string epoch_time(int64_t ns) {
  if (ns < 0) return "-" + epoch_time(-ns);
  return fmt::format("{}.{:09}", ns / second, ns % second);
}

std::string human_bytes(uint64_t n) {
  if (n < 1024) return fmt::format("{} B", n);
  constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double v = double(n);
  int unit = -1;
  while (v >= 1024 && unit < 5) v /= 1024, unit++;
  return fmt::format("{:.1f} {}", v, units[unit]);
}

std::string human_count(uint64_t n) {
  std::string s = std::to_string(n);
  for (int i = int(s.size()) - 3; i > 0; i -= 3) s.insert(size_t(i), " ");
  return s;
}

std::string human_duration(int64_t ns) {
  if (ns < 0) return "-" + human_duration(ns == INT64_MIN ? INT64_MAX : -ns);
  if (ns < 1'000) return fmt::format("{} ns", ns);
  if (ns < 1'000'000) return fmt::format("{:.3g} µs", double(ns) / 1e3);
  if (ns < second) return fmt::format("{:.3g} ms", double(ns) / 1e6);
  const int64_t s = ns / second;
  if (s < 60) return fmt::format("{:.1f} s", double(ns) / 1e9);
  if (s < 3600) return s % 60 ? fmt::format("{} min {} s", s / 60, s % 60) : fmt::format("{} min", s / 60);
  if (s < 86400) return s % 3600 / 60 ? fmt::format("{} h {} min", s / 3600, s % 3600 / 60) : fmt::format("{} h", s / 3600);
  return s % 86400 / 3600 ? fmt::format("{} d {} h", s / 86400, s % 86400 / 3600) : fmt::format("{} d", s / 86400);
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  size_t best_edits = (word.size() < 4 ? 1 : std::max<size_t>(2, word.size() / 3)) + 1;
  std::vector<size_t> row;
  for (std::string_view c : candidates) {
    row.resize(c.size() + 1);
    for (size_t j = 0; j <= c.size(); j++) row[j] = j;
    for (size_t i = 1; i <= word.size(); i++) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= c.size(); j++) {
        const size_t above = row[j];
        row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (word[i - 1] != c[j - 1])});
        diagonal = above;
      }
    }
    if (row[c.size()] < best_edits) best_edits = row[c.size()], best = c;
  }
  return best;
}

}  // namespace vidra
