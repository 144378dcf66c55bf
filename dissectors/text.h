// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstring>
#include <string_view>

#include "dissectors/protocol.h"

// What protocols of lines and words share: where a line ends, words without regard to case, and texts that are fit to be said.
namespace vidra {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

constexpr bool same(std::string_view a, std::string_view b) {   // ASCII, without regard to case
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}
constexpr bool begins(std::string_view s, std::string_view with) { return s.size() >= with.size() && same(s.substr(0, with.size()), with); }
constexpr bool ends(std::string_view s, std::string_view with) { return s.size() >= with.size() && same(s.substr(s.size() - with.size()), with); }
constexpr bool contains(std::string_view s, std::string_view what) {
  for (size_t i = 0; i + what.size() <= s.size(); i++)
    if (lower(s[i]) == lower(what[0]) && same(s.substr(i, what.size()), what)) return true;
  return false;
}

// Octets up to and with the first LF; 0 where there is none.
inline size_t line_octets(Bytes b) {
  const void* lf = b.empty() ? nullptr : std::memchr(b.data(), '\n', b.size());
  return lf ? size_t(static_cast<const uint8_t*>(lf) - b.data()) + 1 : 0;
}
constexpr std::string_view without_line_end(std::string_view s) {
  while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == '\0')) s.remove_suffix(1);
  return s;
}
constexpr std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}
// The next word up to a space or tab; `rest` begins with the word after it.
constexpr std::string_view next_word(std::string_view& rest) {
  rest = trimmed(rest);
  size_t n = 0;
  while (n < rest.size() && rest[n] != ' ' && rest[n] != '\t') n++;
  const std::string_view w = rest.substr(0, n);
  rest = trimmed(rest.substr(n));
  return w;
}
// The part up to `mark`; `rest` begins after it, or is empty.
constexpr std::string_view next_part(std::string_view& rest, char mark) {
  const size_t n = rest.find(mark);
  const std::string_view part = rest.substr(0, n);
  rest = n == std::string_view::npos ? std::string_view{} : rest.substr(n + 1);
  return part;
}
// Decimal digits and nothing else, at most 18 of them.
constexpr bool number(std::string_view s, uint64_t& to) {
  if (s.empty() || s.size() > 18) return false;
  uint64_t v = 0;
  for (char c : s) {
    if (!is_digit(c)) return false;
    v = v * 10 + uint64_t(c - '0');
  }
  return to = v, true;
}
constexpr bool printable(std::string_view s) {   // ASCII without control characters; octets above 127 are some alphabet's
  for (char c : s)
    if ((uint8_t(c) < 0x20 && c != '\t') || c == 0x7f) return false;
  return true;
}

// A text as it may be shown: control characters, which could steer a terminal, become dots.
inline uint64_t kept_text(Speaker& say, std::string_view s) {
  if (printable(s)) return say.text(s);
  std::array<char, 256> clean;
  const size_t n = std::min(s.size(), clean.size());
  for (size_t i = 0; i < n; i++) clean[i] = printable(s.substr(i, 1)) && s[i] != '\t' ? s[i] : '.';
  return say.text({clean.data(), n});
}
inline Object kept_name(Speaker& say, std::string_view s) { return Object::of_text(kept_text(say, s)); }

// Adds "name = text", "name = number", "name = n octets".
inline void tell(Speaker& say, std::string_view name, std::string_view text) {
  Point& p = say.point(say.named(name));
  p.set_text(kept_text(say, text));
}
inline void tell_number(Speaker& say, std::string_view name, uint64_t n) { say.point(say.named(name)).set_natural(n); }
inline void tell_octets(Speaker& say, std::string_view name, uint64_t n) { say.point(say.named(name)).set_octets(n); }

// UTF-16 (little endian) as UTF-8, at most what fits; what is no character becomes a dot.
template <size_t size> std::string_view utf8_of(Bytes utf16, std::array<char, size>& to) {
  size_t used = 0;
  for (size_t i = 0; i + 1 < utf16.size() && used + 3 <= size; i += 2) {
    const unsigned c = utf16[i] | unsigned(utf16[i + 1]) << 8;
    if (c == 0) break;
    if (c < 0x80) {
      to[used++] = c < 0x20 || c == 0x7f ? '.' : char(c);
    } else if (c < 0x800) {
      to[used++] = char(0xc0 | c >> 6), to[used++] = char(0x80 | (c & 0x3f));
    } else if (c >= 0xd800 && c < 0xe000) {
      to[used++] = '.';
    } else {
      to[used++] = char(0xe0 | c >> 12), to[used++] = char(0x80 | (c >> 6 & 0x3f)), to[used++] = char(0x80 | (c & 0x3f));
    }
  }
  return {to.data(), used};
}

// RFC 4648, 4: what these characters encode, at most what fits; empty where they are no base64.
template <size_t size> Bytes base64(std::string_view s, std::array<uint8_t, size>& to) {
  size_t used = 0;
  uint32_t bits = 0;
  unsigned have = 0;
  for (char c : s) {
    if (c == '=') break;
    const int v = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : is_digit(c) ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
    if (v < 0) return {};
    bits = bits << 6 | uint32_t(v);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    if (used == size) break;
    to[used++] = uint8_t(bits >> have);
  }
  return {to.data(), used};
}

template <size_t size> std::string_view hex_text(Bytes b, std::array<char, size>& to) {
  constexpr char digits[] = "0123456789abcdef";
  size_t used = 0;
  for (uint8_t o : b) {
    if (used + 2 > size) break;
    to[used++] = digits[o >> 4], to[used++] = digits[o & 15];
  }
  return {to.data(), used};
}

// File names that devices take for their firmware or program, by their ending or the words in them.
constexpr bool names_firmware(std::string_view name) {
  constexpr std::string_view endings[] = {".bin", ".fw", ".hex", ".img", ".rom", ".upd", ".fwu", ".frm", ".s19", ".srec", ".mot", ".dfu", ".ubi", ".trx", ".chk", ".elf", ".swu", ".upg", ".pfw", ".z19"};
  constexpr std::string_view words[] = {"firmware", "fwupdate", "fwupgrade", "flashimage", "bootloader", "sysupgrade"};
  for (std::string_view e : endings)
    if (ends(name, e)) return true;
  for (std::string_view w : words)
    if (contains(name, w)) return true;
  return false;
}

// A text of bounded length that a parser keeps between records.
template <size_t size> class Kept {
 public:
  void set(std::string_view s) {
    used_ = uint8_t(std::min(s.size(), size));
    if (used_) std::memcpy(octets_.data(), s.data(), used_);
  }
  void clear() { used_ = 0; }
  std::string_view view() const { return {octets_.data(), used_}; }
  bool empty() const { return used_ == 0; }

 private:
  static_assert(size < 256);
  std::array<char, size> octets_;
  uint8_t used_ = 0;
};

}  // namespace vidra
