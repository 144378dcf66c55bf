// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/field_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <deque>

#include "daemon/judge/detector.h"

namespace vidra {
namespace {

std::optional<double> real(std::string_view s) {
  s = trimmed(s);
  double v = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), v);
  return bad == std::errc() && end == s.data() + s.size() && !s.empty() ? std::optional(v) : std::nullopt;
}

// "10-20", "-5-5", "-20--10": a minus after a digit parts them.
bool between(std::string_view s, double& least, double& most) {
  for (size_t i = 1; i < s.size(); i++) {
    if (s[i] != '-' || s[i - 1] == 'e' || s[i - 1] == 'E') continue;
    const auto a = real(s.substr(0, i)), b = real(s.substr(i + 1));
    if (a && b && *a <= *b) return least = *a, most = *b, true;
  }
  return false;
}

std::string text_of(const Selector& s, const Site& site) {
  switch (s.kind) {
    case Selector::Kind::any: return "any";
    case Selector::Kind::broadcast: return "broadcast";
    case Selector::Kind::host: return s.host && s.host <= site.hosts.size() ? site.host(s.host).name : fmt::format("host {}", s.host);
    case Selector::Kind::prefix: return s.prefix.length == (s.prefix.base.kind == Address::Kind::ip4 ? 32 : 128) ? vidra::text_of(s.prefix.base) : vidra::text_of(s.prefix);
    case Selector::Kind::zone: return s.zone < site.zones.size() ? "zone:" + site.zones[s.zone].name : fmt::format("zone {}", s.zone);
  }
  return {};
}

}  // namespace

bool ValueTest::holds(const Point& p) const {
  const bool state = how >= How::off;
  if (state) {
    if (p.kind == ValueKind::double_point) return p.raw == (how == How::off ? 1u : how == How::on ? 2u : how == How::intermediate ? 0u : 3u);
    return p.kind == ValueKind::boolean && (how == How::off ? p.raw == 0 : how == How::on && p.raw != 0);
  }
  if (!p.has_number() && p.kind != ValueKind::bits) return false;
  const double v = p.has_number() ? p.number() : double(p.raw);
  switch (how) {
    case How::between: return v >= least && v <= most;
    case How::outside: return v < least || v > most;
    case How::less: return v < least;
    case How::less_equal: return v <= least;
    case How::greater: return v > least;
    case How::greater_equal: return v >= least;
    case How::equal: return v == least;
    case How::unequal: return v != least;
    default: return false;
  }
}

std::optional<ValueTest> parse_value_test(std::string_view text) {
  using How = ValueTest::How;
  std::string_view s = trimmed(text);
  struct Word { std::string_view word; How how; };
  constexpr Word words[] = {{"off", How::off}, {"open", How::off}, {"false", How::off}, {"on", How::on}, {"closed", How::on}, {"true", How::on}, {"intermediate", How::intermediate}, {"faulty", How::faulty}};
  for (const Word& w : words)
    if (s == w.word) return ValueTest{w.how, 0, 0};
  constexpr Word signs[] = {{"<=", How::less_equal}, {">=", How::greater_equal}, {"!=", How::unequal}, {"<", How::less}, {">", How::greater}, {"=", How::equal}};
  for (const Word& w : signs)
    if (s.starts_with(w.word)) {
      const auto v = real(s.substr(w.word.size()));
      return v ? std::optional(ValueTest{w.how, *v, *v}) : std::nullopt;
    }
  const bool outside = s.starts_with("not ");
  if (outside) s = trimmed(s.substr(4));
  if (const auto v = real(s)) return ValueTest{outside ? How::unequal : How::equal, *v, *v};
  ValueTest c;
  c.how = outside ? How::outside : How::between;
  return between(s, c.least, c.most) ? std::optional(c) : std::nullopt;
}

bool Hours::holds(Time t) const {
  if (any && days == 0x7f) return true;
  int of_day, weekday;                       // minutes; Monday 0
  if (local) {
    const time_t seconds = time_t(t / second);
    tm parts{};
    localtime_r(&seconds, &parts);
    of_day = parts.tm_hour * 60 + parts.tm_min;
    weekday = (parts.tm_wday + 6) % 7;
  } else {
    const Time shifted = t + offset * minute, days_since = shifted >= 0 ? shifted / day : (shifted - day + 1) / day;
    of_day = int((shifted - days_since * day) / minute);
    weekday = int(((days_since + 3) % 7 + 7) % 7);       // 1970-01-01 was a Thursday
  }
  if (!(days >> weekday & 1)) return false;
  return any || (from <= until ? of_day >= from && of_day < until : of_day >= from || of_day < until);
}

std::optional<Hours> parse_hours(std::string_view s) {
  Hours h;
  h.any = false;
  const auto clock = [](std::string_view c, uint16_t& to) {
    if (c.size() != 5 || c[2] != ':') return false;
    const auto a = number(c.substr(0, 2)), b = number(c.substr(3));
    if (!a || !b || *a > 24 || *b > 59 || (*a == 24 && *b)) return false;
    to = uint16_t(*a * 60 + *b);
    return true;
  };
  s = trimmed(s);
  if (s.size() < 11 || s[5] != '-' || !clock(s.substr(0, 5), h.from) || !clock(s.substr(6, 5), h.until) || h.from == h.until) return {};
  const std::string_view where = trimmed(s.substr(11));
  if (where.empty()) return h;
  h.local = false;
  if (where == "UTC" || where == "Z") return h;
  uint16_t off = 0;
  if ((where[0] != '+' && where[0] != '-') || !clock(where.substr(1), off) || off > 14 * 60) return {};
  h.offset = int16_t(where[0] == '-' ? -int(off) : int(off));
  return h;
}

const Detection* row_of_rule(std::string_view name, std::string_view title, uint8_t severity, Audience audience, std::string_view technique, std::string_view why, std::string_view next,
                             std::string_view place) {
  struct Kept { std::string id, title, technique, why, next, tune; Detection row; };
  static std::deque<Kept> kept;              // grows by what people write
  const Detection& general = row("RUL-01");
  const std::string id = fmt::format("RUL-01/{}", name);
  const std::string tune = fmt::format("The rule `{}` stands at {}: correct it there, or write `off = true` into it.", name, place);
  if (why.empty()) why = general.why;
  if (next.empty()) next = general.next;
  if (technique.empty()) technique = general.technique;
  for (const Kept& k : kept)
    if (k.id == id && k.title == title && k.row.severity == severity && k.row.audience == audience && k.technique == technique && k.why == why && k.next == next && k.tune == tune) return &k.row;
  kept.push_back({id, std::string(title), std::string(technique), std::string(why), std::string(next), tune, {}});
  Kept& k = kept.back();
  k.row = {k.id, k.title, severity, audience, k.technique, general.rsit, k.why, k.next, k.tune, {}, &general};
  return &k.row;
}

std::string rule_sentence(std::string_view form, const std::array<std::string, 8>& w) {
  return fmt::format(fmt::runtime(form), fmt::arg("client", w[0]), fmt::arg("server", w[1]), fmt::arg("station", w[2]), fmt::arg("object", w[3]), fmt::arg("value", w[4]),
                     fmt::arg("function", w[5]), fmt::arg("cause", w[6]), fmt::arg("times", w[7]));
}

FieldRules::FieldRules(std::vector<FieldRule> rules) : all_(std::move(rules)), where_(protocols.size()) {
  for (const FieldRule& r : all_)
    for (const FieldRule::Of& of : r.protocols)
      if (!where_[of.protocol]) tables_.emplace_back(), where_[of.protocol] = uint16_t(tables_.size());
  for (size_t p = 0; p < where_.size(); p++) {
    if (!where_[p]) continue;
    Table& t = tables_[where_[p] - 1u];
    for (unsigned octet = 0; octet < 256; octet++) {
      for (const FieldRule& r : all_)
        for (const FieldRule::Of& of : r.protocols) {
          if (of.protocol != p) continue;
          const bool meets = of.functions.empty() || std::any_of(of.functions.begin(), of.functions.end(), [octet](const NumberRange& f) {
            return f.last - f.first >= 255 || ((octet - f.first) & 255) <= f.last - f.first;
          });
          if (meets) t.listed.push_back({&r, &of});
        }
      t.begin[octet + 1] = uint32_t(t.listed.size());
    }
  }
}

std::string describe(const FieldRule& r, const Site& site) {
  std::string out;
  const auto put = [&out](std::string_view word, const std::string& text) {
    if (!text.empty()) out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", word, word.empty() ? "" : " ", text);
  };
  const auto numbers = [](const Ranges& all) {
    std::string s;
    for (const NumberRange& f : all) s += fmt::format("{}{}", s.empty() ? "" : " or ", f.first == f.last ? fmt::format("{}", f.first) : fmt::format("{}-{}", f.first, f.last));
    return s;
  };
  for (const FieldRule::Of& of : r.protocols) {
    const Protocol& p = *protocols[of.protocol];
    std::string names;
    for (const NumberRange& f : of.functions) {
      const std::string_view name = f.first == f.last ? function_name(p, uint16_t(f.first), f.sub_last == UINT32_MAX ? uint16_t(0xffff) : uint16_t(f.sub_first)) : std::string_view();
      names += fmt::format("{}{}", names.empty() ? "" : " or ", name.empty() ? numbers({f}) : fmt::format("{} ({}{})", name, f.first, f.sub_last == UINT32_MAX ? "" : fmt::format("/{}", f.sub_first)));
    }
    out += fmt::format("{}{}{}", out.empty() ? "" : "; ", p.title, names.empty() ? "" : ": " + names);
    std::string causes;
    for (const NumberRange& c : of.causes) {
      const std::string_view name = p.reason && c.first == c.last ? p.reason(uint16_t(c.first)) : std::string_view();
      causes += fmt::format("{}{}", causes.empty() ? "" : " or ", name.empty() ? numbers({c}) : std::string(name));
    }
    put("because of", causes);
  }
  std::string words;
  for (unsigned i = 0; i < 3; i++)
    if (r.roles >> i & 1) words += fmt::format("{}{}", words.empty() ? "" : " or ", i == 0 ? "requests" : i == 1 ? "answers" : "reports");
  put("in", words);
  words.clear();
  if (r.acts != all_acts)
    for (size_t a = 0; a < act_count; a++)
      if (r.acts >> a & 1) words += fmt::format("{}{}", words.empty() ? "" : " or ", name_of(Act(a)));
  put("that", words);
  const auto ends = [&site](const std::vector<Selector>& all) {
    std::string s;
    for (const Selector& each : all) s += fmt::format("{}{}", s.empty() ? "" : " or ", text_of(each, site));
    return s;
  };
  put("from", ends(r.clients)), put("not from", ends(r.not_clients)), put("to", ends(r.servers)), put("not to", ends(r.not_servers));
  put("station", numbers(r.stations) + (r.station_names.empty() ? "" : fmt::format("{}", fmt::join(r.station_names, " or "))));
  put("origin", numbers(r.origins));
  words.clear();
  for (const ObjectRange& o : r.objects) words += fmt::format("{}{}", words.empty() ? "" : " or ", vidra::text_of(o));
  put("object", words), put("object", numbers(r.numbers)), put("object like", fmt::format("{}", fmt::join(r.object_patterns, " or ")));
  put("text like", fmt::format("{}", fmt::join(r.texts, " or ")));
  put("value", fmt::format("{}", fmt::join(r.value_words, " or ")));
  constexpr std::string_view flags[] = {"refused", "malformed", "test", "simulated", "broadcast", "encrypted"};
  for (unsigned i = 0; i < 6; i++) {
    if (r.flags_set >> i & 1) put("and", std::string(flags[i]));
    if (r.flags_unset >> i & 1) put("and not", std::string(flags[i]));
  }
  if (r.hours && !r.hours->any)
    put("at", fmt::format("{:02}:{:02}-{:02}:{:02} {}", r.hours->from / 60, r.hours->from % 60, r.hours->until / 60, r.hours->until % 60,
                          r.hours->local ? "of this box" : fmt::format("UTC{:+03}:{:02}", r.hours->offset / 60, std::abs(r.hours->offset) % 60)));
  if (r.hours && r.hours->days != 0x7f) {
    constexpr std::string_view week[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    words.clear();
    for (unsigned i = 0; i < 7; i++)
      if (r.hours->days >> i & 1) words += fmt::format("{}{}", words.empty() ? "" : " ", week[i]);
    put("on", words);
  }
  if (r.times > 1) {
    constexpr std::string_view each[] = {"times", "different objects", "different stations", "different servers"};
    put("", fmt::format("{} {} in {:g} s", r.times, each[size_t(r.of)], double(r.window) / double(second)));
  }
  return out;
}

}  // namespace vidra
