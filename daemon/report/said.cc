// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/said.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "daemon/judge/catalogue.h"

namespace vidra {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || uint8_t(c) >= 0x80; }
bool in_word(char c) { return digit(c) || letter(c) || c == '_' || c == '$'; }
bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::string_view signs[] = {"→", "–", "—", "…", "×", "≥", "≤", "±", "µs", "°C", "‰", "%", "²", "Ω", "-", "+", "=", "/", "&", "*", "<", ">", "?"};
constexpr std::string_view thin_spaces[] = {"\u00a0", "\u202f", "\u2009"};

const std::unordered_set<std::string_view>& words() {
  static const std::unordered_set<std::string_view> all(vocabulary.begin(), vocabulary.end());
  return all;
}

}  // namespace

bool own_word(std::string_view w) {
  if (words().contains(w) || std::find(std::begin(signs), std::end(signs), w) != std::end(signs)) return true;
  if (w.ends_with("'s")) return own_word(w.substr(0, w.size() - 2));
  if (w.empty() || w[0] < 'A' || w[0] > 'Z') return false;
  std::string small(w);                                  // at the beginning of a sentence
  small[0] = char(small[0] + ('a' - 'A'));
  return words().contains(small);
}

namespace {

size_t digits_at(std::string_view s, size_t at) {
  size_t n = 0;
  while (at + n < s.size() && digit(s[at + n])) n++;
  return n;
}

// 12, -3.5, 1e-05, 30-33, 0x0424.0000, 12:30:05.25, 2026-11-21T22:05:06Z, 50%. Never with two points: that may be half an address.
bool number(std::string_view s) {
  if (s.ends_with("%")) s.remove_suffix(1);
  if (!s.empty() && (s[0] == '-' || s[0] == '+' || s[0] == '#')) s.remove_prefix(1);
  if (s.empty()) return false;
  if (s.starts_with("0x")) {
    s.remove_prefix(2);
    return !s.empty() && s.find_first_not_of("0123456789abcdefABCDEF.") == s.npos && std::count(s.begin(), s.end(), '.') <= 1;
  }
  const auto shape = [&](std::string_view form) {        // 0: one or more digits, d: one, Z: an optional Z; else the character itself
    size_t at = 0;
    for (const char c : form) {
      if (c == 'd') {
        if (at >= s.size() || !digit(s[at])) return false;
        at++;
      } else if (c == '0') {
        const size_t n = digits_at(s, at);
        if (!n) return false;
        at += n;
      } else if (c == 'Z') {
        if (at < s.size() && s[at] == 'Z') at++;
      } else {
        if (at >= s.size() || s[at] != c) return false;
        at++;
      }
    }
    return at == s.size();
  };
  for (const std::string_view form : {"0", "0.0", "0-0", "0e-0", "0e+0", "0.0e-0", "0.0e+0", "d:ddZ", "dd:ddZ", "d:dd:ddZ", "dd:dd:ddZ", "dd:dd:dd.0Z", "dddd-dd-dd", "dddd-dd-ddTdd:ddZ",
                                      "dddd-dd-ddTdd:dd:ddZ", "dddd-dd-ddTdd:dd:dd.0Z"})
    if (shape(form)) return true;
  return false;
}

struct Builder {
  const Declared& site;
  std::vector<Piece> out = {};
  void words(std::string_view s) {
    if (s.empty()) return;
    if (out.empty() || out.back().kind != Piece::Kind::words) out.push_back({Piece::Kind::words, {}, {}});
    out.back().text += s;
  }
  void put(Piece::Kind k, std::string_view s, std::string_view of = {}) { out.push_back({k, std::string(s), std::string(of)}); }
};

// What stands between two spaces, without its punctuation.
void core(Builder& b, std::string_view s) {
  if (s.empty()) return;
  if (own_word(s)) return b.words(s);
  // An EUI-64, b8:27:eb:ff:fe:5d:10:c7, has the form of an IPv6 address, and is the name of a clock.
  const bool eui64 = s.size() == 23 && std::count(s.begin(), s.end(), ':') == 7 && s.find("::") == s.npos;
  if (eui64) return b.put(Piece::Kind::name, s, "clock");
  if (parse_address(s)) return b.put(Piece::Kind::address, s);
  if (s.find('/') != s.npos && parse_prefix(s)) return b.put(Piece::Kind::prefix, s);
  if (const size_t colon = s.rfind(':'); colon != s.npos && colon + 1 < s.size() && digits_at(s, colon + 1) == s.size() - colon - 1) {   // with its port
    std::string_view host = s.substr(0, colon);
    const bool six = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (six) host = host.substr(1, host.size() - 2);
    if (const auto a = parse_address(host); a && (six || a->kind == Address::Kind::ip4)) {
      if (six) b.words("[");
      b.put(Piece::Kind::address, host);
      b.words(six ? "]:" : ":");
      return b.put(Piece::Kind::number, s.substr(colon + 1));
    }
  }
  if (number(s)) return b.put(Piece::Kind::number, s);
  if (detection(s)) return b.words(s);                   // "I104-05", and not "FIC-101": what the catalogue has
  // read/write, one-way, port=5, 30/5: each part for itself, where all of them are words or numbers. Devices are called "PLC-07" and
  // "host-10-10-1-20": no figure stands beside words behind a hyphen, and nowhere so many that they could be an address.
  for (const char between : {'/', '-', ':', '='}) {
    if (s.find(between) == s.npos) continue;
    bool all = true;
    size_t texts = 0, figures = 0;
    for (size_t at = 0; all && at <= s.size();) {
      const size_t end = std::min(s.find(between, at), s.size());
      const std::string_view part = s.substr(at, end - at);
      const bool figure = !part.empty() && digits_at(part, 0) == part.size();
      all = figure || (own_word(part) && !b.site.names.contains(std::string(part)));
      ++(figure ? figures : texts);
      at = end + 1;
    }
    if (!all || (texts ? figures > (between == '-' ? 0 : 1) : figures > 2)) continue;
    for (size_t at = 0; at <= s.size();) {
      const size_t end = std::min(s.find(between, at), s.size());
      const std::string_view part = s.substr(at, end - at);
      if (digit(part[0])) b.put(Piece::Kind::number, part);
      else b.words(part);
      if (end < s.size()) b.words(s.substr(end, 1));
      at = end + 1;
    }
    return;
  }
  b.put(Piece::Kind::name, s, "name");
}

constexpr std::string_view opening = "([\"'", closing = ")]\"'.,;:!?";

void chunk(Builder& b, std::string_view s) {
  for (const std::string_view thin : thin_spaces)
    if (const size_t at = s.find(thin); at != s.npos) {
      chunk(b, s.substr(0, at));
      b.words(thin);
      return chunk(b, s.substr(at + thin.size()));
    }
  if (own_word(s)) return b.words(s);
  size_t from = 0, to = s.size();
  while (from < to && opening.find(s[from]) != opening.npos) from++;
  while (to > from && closing.find(s[to - 1]) != closing.npos) to--;
  if (from && s[from - 1] == '[' && s.substr(from, to - from).find("]:") != s.npos) from--;   // [2001:db8::1]:102
  b.words(s.substr(0, from));
  core(b, s.substr(from, to - from));
  b.words(s.substr(to));
}

// Where an IPv6 address is made of an IPv4 address: mapped and compatible (RFC 4291, 2.5.5), translated (RFC 2765, 2.1; RFC 6052, 2.1),
// 6to4 (RFC 3056, 2), Teredo's client (RFC 4380, 4), ISATAP (RFC 5214, 6.1).
std::optional<Address> embedded_ip4(const Address& a) {
  if (a.kind != Address::Kind::ip6) return {};
  const uint8_t* const o = a.octets.data();
  const auto begins = [o](std::initializer_list<uint8_t> with) { return std::equal(with.begin(), with.end(), o); };
  const auto at = [o](size_t n, uint8_t turned = 0) { return Address::ip4(uint32_t(o[n] ^ turned) << 24 | uint32_t(o[n + 1] ^ turned) << 16 | uint32_t(o[n + 2] ^ turned) << 8 | uint32_t(o[n + 3] ^ turned)); };
  if (begins({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) || begins({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) || begins({0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}) ||
      begins({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
    return at(12);
  if (begins({0x20, 0x02})) return at(2);
  if (begins({0x20, 0x01, 0, 0})) return at(12, 0xff);
  if (!(o[8] & ~2) && !o[9] && o[10] == 0x5e && o[11] == 0xfe) return at(12);
  return {};
}

uint16_t start_of(std::string_view s) { return uint16_t((s.empty() ? 0 : uint8_t(s[0])) << 8 | (s.size() < 2 ? 0 : uint8_t(s[1]))); }

}  // namespace

void Declared::add(std::string_view kind, std::string_view name) {
  if (name.empty() || digits_at(name, 0) == name.size()) return;
  names.emplace(name, kind);
  if (kind == "site" || kind == "sensor") sender.emplace(name);
  size_t& longest = longest_[start_of(name)];
  longest = std::max(longest, name.size());
}

size_t Declared::longest_at(std::string_view text) const {
  size_t longest = 0;
  for (const uint16_t start : {start_of(text), start_of(text.substr(0, 1))})
    if (const auto i = longest_.find(start); i != longest_.end()) longest = std::max(longest, i->second);
  return longest;
}

bool Declared::own(const Address& a) const {
  if (a.kind == Address::Kind::mac) return true;
  if (const auto inner = embedded_ip4(a); inner && own(*inner)) return true;
  for (const Prefix& p : prefixes)
    if (p.contains(a)) return true;
  static const std::vector<Prefix> private_ones = [] {
    std::vector<Prefix> all;
    for (const char* s : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "224.0.0.0/4", "fc00::/7", "fe80::/10", "ff00::/8", "64:ff9b:1::/48"}) all.push_back(*parse_prefix(s));
    return all;
  }();
  return std::any_of(private_ones.begin(), private_ones.end(), [&](const Prefix& p) { return p.contains(a); });
}

std::vector<Piece> pieces(std::string_view s, const Declared& site, const std::map<std::string, std::string>& more) {
  Builder b{site};
  // A name ends where no further word character follows, and no sign that binds one: "ied1" is not in "ied1-old".
  const auto ends = [&](size_t at) {
    if (at >= s.size()) return true;
    if (in_word(s[at])) return false;
    return !((s[at] == '-' || s[at] == '.' || s[at] == '/' || s[at] == ':' || s[at] == '@') && at + 1 < s.size() && in_word(s[at + 1]));
  };
  size_t at = 0;
  while (at < s.size()) {
    if (space(s[at])) {
      size_t n = at;
      while (n < s.size() && space(s[n])) n++;
      b.words(s.substr(at, n - at));
      at = n;
      continue;
    }
    // "…": what somebody else wrote, as a whole, whatever names and words are in it.
    if (const size_t quote = s.find_first_not_of("(", at); quote != s.npos && s[quote] == '"') {
      if (const size_t close = s.find('"', quote + 1); close != s.npos && close > quote + 1) {
        b.words(s.substr(at, quote + 1 - at));
        const std::string inside(s.substr(quote + 1, close - quote - 1));
        const auto declared = site.names.find(inside);
        const auto one = more.find(inside);
        if (one != more.end()) b.put(Piece::Kind::name, inside, one->second);
        else if (declared != site.names.end()) b.put(Piece::Kind::name, inside, declared->second);
        else if (parse_address(inside)) b.put(Piece::Kind::address, inside);
        else b.put(Piece::Kind::name, inside, "name");
        b.words("\"");
        at = close + 1;
        continue;
      }
    }
    // Behind opening punctuation a name of the site may begin; the longest one counts.
    size_t from = at;
    const std::string* found = nullptr;
    size_t found_end = 0, found_from = 0;
    for (;; from++) {
      found_end = from;
      const size_t most = std::min(site.longest_at(s.substr(from)), s.size() - from);
      for (size_t end = from + 1; end <= from + most; end++)
        if (ends(end))
          if (const auto i = site.names.find(std::string(s.substr(from, end - from))); i != site.names.end()) found = &i->second, found_end = end, found_from = from;
      for (const auto& [name, of] : more)
        if (s.substr(from).starts_with(name) && from + name.size() >= found_end && !name.empty() && ends(from + name.size())) found = &of, found_end = from + name.size(), found_from = from;
      if (found || from + 1 >= s.size() || opening.find(s[from]) == opening.npos) break;
    }
    if (found) {
      b.words(s.substr(at, found_from - at));
      b.put(Piece::Kind::name, s.substr(found_from, found_end - found_from), *found);
      at = found_end;
      // What follows without a space is punctuation, and may hold another chunk.
      size_t n = at;
      while (n < s.size() && closing.find(s[n]) != closing.npos) n++;
      b.words(s.substr(at, n - at));
      at = n;
      continue;
    }
    size_t n = at;
    while (n < s.size() && !space(s[n])) n++;
    chunk(b, s.substr(at, n - at));
    at = n;
  }
  return std::move(b.out);
}

}  // namespace vidra
