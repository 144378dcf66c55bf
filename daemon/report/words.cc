// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/words.h"

#include <algorithm>
#include <cstdint>

namespace vidra {
namespace {

constexpr char32_t broken = 0xfffd;

// The next character, U+FFFD for an octet that begins none (overlong forms, surrogates and beyond U+10FFFF included).
char32_t next(std::string_view s, size_t& at) {
  const uint8_t b = uint8_t(s[at++]);
  if (b < 0x80) return b;
  const int more = b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : 0;
  if (more == 0 || at + size_t(more) > s.size()) return broken;
  char32_t c = b & (0x3f >> more);
  for (int i = 0; i < more; i++) {
    const uint8_t f = uint8_t(s[at + size_t(i)]);
    if ((f & 0xc0) != 0x80) return broken;
    c = c << 6 | (f & 0x3f);
  }
  if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return broken;
  at += size_t(more);
  return c;
}

bool draws_elsewhere(char32_t c) {   // controls, line separators, marks that change direction or hide
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

void put(std::string& out, char32_t c) {
  if (c < 0x80) out += char(c);
  else if (c < 0x800) out += char(0xc0 | c >> 6), out += char(0x80 | (c & 0x3f));
  else if (c < 0x10000) out += char(0xe0 | c >> 12), out += char(0x80 | (c >> 6 & 0x3f)), out += char(0x80 | (c & 0x3f));
  else out += char(0xf0 | c >> 18), out += char(0x80 | (c >> 12 & 0x3f)), out += char(0x80 | (c >> 6 & 0x3f)), out += char(0x80 | (c & 0x3f));
}

}  // namespace

std::string shortened(std::string_view s, size_t limit) {
  if (s.size() <= limit) return std::string(s);
  constexpr std::string_view dots = "…";
  size_t n = limit > dots.size() ? limit - dots.size() : 0;
  while (n > 0 && (uint8_t(s[n]) & 0xc0) == 0x80) n--;
  return std::string(s.substr(0, n)) + std::string(dots);
}

std::string printable(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const char32_t c = next(s, at);
    put(out, c == '\n' || c == '\t' ? U' ' : draws_elsewhere(c) ? broken : c);
  }
  return out;
}

namespace {

// U+00C0 … U+017F without what stands above or below; a space where it is no letter. Æ, Þ and their like by their sound's first letter.
constexpr std::string_view latin_1 = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty";
constexpr std::string_view latin_extended = "aaaaaacccccccc" "dddd" "eeeeeeeeee" "gggggggg" "hhhh" "iiiiiiiiii" "ii" "jj" "kkk" "llllllllll" "nnnnnnnnn"
                                            "oooooo" "oo" "rrrrrr" "ssssssss" "tttttt" "uuuuuuuuuuuu" "ww" "yyy" "zzzzzz" "s";
static_assert(latin_1.size() == 64 && latin_extended.size() == 128);
// U+0400 … U+045F, small and great alike, in the Latin of the Western Balkans.
constexpr std::string_view cyrillic[] = {"e", "e", "d", "g", "e", "dz", "i", "i", "j", "lj", "nj", "c", "k", "i", "u", "dz",
    "a", "b", "v", "g", "d", "e", "z", "z", "i", "j", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "h", "c", "c", "s", "s", "", "i", "", "e", "u", "a"};

}  // namespace

std::string search_form(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (size_t at = 0; at < s.size();) {
    const char32_t c = next(s, at);
    if (c < 0x80) out += char(c >= 'A' && c <= 'Z' ? c + 32 : c);
    else if (c >= 0xc0 && c < 0x100) out += latin_1[c - 0xc0];
    else if (c >= 0x100 && c < 0x180) out += latin_extended[c - 0x100];
    else if (c >= 0x400 && c < 0x460) out += cyrillic[c < 0x410 ? c - 0x400 : c < 0x430 ? c - 0x400 : c < 0x450 ? c - 0x420 : c - 0x450];
    else if (c >= 0x300 && c < 0x370) continue;        // a mark of its own
    else put(out, c);
  }
  for (size_t i = 0; (i = out.find("dj", i)) != out.npos; i++) out.erase(i + 1, 1);
  return out;
}

bool holds(std::string_view text, std::string_view wanted) {
  const std::string all = search_form(wanted);
  for (size_t at = 0; at < all.size();) {
    const size_t end = std::min(all.find(' ', at), all.size());
    if (text.find(std::string_view(all).substr(at, end - at)) == text.npos) return false;
    at = end + 1;
  }
  return true;
}

std::string capitals(std::string_view s) {
  std::string out;
  for (size_t at = 0; at < s.size();) {
    char32_t c = next(s, at);
    if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c < 0xff && c != 0xf7) || (c >= 0x430 && c < 0x450)) c -= 0x20;
    else if (c >= 0x450 && c < 0x460) c -= 0x50;
    else if (((c >= 0x100 && c < 0x138) || (c >= 0x14a && c < 0x178)) && c % 2 == 1 && c != 0x131) c -= 1;
    else if (((c >= 0x139 && c < 0x149) || (c >= 0x179 && c < 0x17f)) && c % 2 == 0) c -= 1;
    put(out, c);
  }
  return out;
}

namespace {

size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (c < 0x370 || (c >= 0x1ab0 && c < 0x1b00) || (c >= 0x20d0 && c < 0x2100) || (c >= 0xfe00 && c < 0xfe10)) return 0;
  const bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00) ||
                    (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) || (c >= 0x1f300 && c < 0x1fa00) || (c >= 0x20000 && c < 0x3fffe);
  return wide ? 2 : 1;
}

}  // namespace

size_t columns(std::string_view s) {
  size_t n = 0;
  for (size_t at = 0; at < s.size();) n += width_of(next(s, at));
  return n;
}

size_t fitting(std::string_view s, size_t width) {
  size_t used = 0;
  for (size_t at = 0; at < s.size();) {
    const size_t before = at;
    used += width_of(next(s, at));
    if (used > width) return before;
  }
  return s.size();
}

}  // namespace vidra
