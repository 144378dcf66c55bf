// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"

namespace vidra {

inline uint64_t be48(Reader& r) { const uint64_t high = r.be16(); return high << 32 | r.be32(); }

// A short text that is made on the way: addresses, identities. What does not fit is cut.
class Word {
 public:
  static Word mac(uint64_t n) { return octets(n, 6, ':'); }                         // "00:21:c1:30:10:41"
  static Word mac(Bytes six) { Word w; w.hex(six, ':'); return w; }
  static Word octets(uint64_t n, unsigned count, char between) {                     // of a number, from the most significant
    uint8_t b[8];
    for (unsigned i = 0; i < count; i++) b[i] = uint8_t(n >> (8 * (count - 1 - i)));
    Word w;
    w.hex({b, count}, between);
    return w;
  }
  static Word ip4(uint32_t a) { Word w; w.put("%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255); return w; }
  static Word number(const char* before, unsigned n) { Word w; w.put("%s%u", before, n); return w; }
  // What a device wrote, without what would move a terminal; trailing zeros and blanks go.
  static Word written(Bytes b) {
    while (!b.empty() && (b.back() == 0 || b.back() == ' ')) b = b.first(b.size() - 1);
    Word w;
    for (uint8_t o : b.first(std::min(b.size(), size_t{room}))) w.text_[w.n_++] = o < 0x20 || o == 0x7f ? ' ' : char(o);
    return w;
  }
  void hex(Bytes b, char between) {
    constexpr char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < b.size() && n_ + 3 < room; i++) {
      if (i && between) text_[n_++] = between;
      text_[n_++] = digits[b[i] >> 4], text_[n_++] = digits[b[i] & 15];
    }
  }
  void put(std::string_view s) {
    s = s.substr(0, size_t{room} - n_);
    std::copy(s.begin(), s.end(), text_ + n_);
    n_ = uint8_t(n_ + s.size());
  }
  template <class A, class... More> void put(const char* form, A a, More... more) {
    const int n = std::snprintf(text_ + n_, room - n_, form, a, more...);
    if (n > 0) n_ = uint8_t(std::min<size_t>(n_ + size_t(n), room - 1));
  }
  operator std::string_view() const { return {text_, n_}; }

 private:
  static constexpr uint8_t room = 200;
  char text_[room];
  uint8_t n_ = 0;
};

// A field of a sentence that has no number of its own: "system name" = "RELAY-7".
inline Point& field(Speaker& say, std::string_view name) { return say.point(say.named(name)); }
inline void field(Speaker& say, std::string_view name, std::string_view text) {
  const uint64_t key = say.text(text);
  field(say, name).set_text(key);
}

// An object of a device's dictionary: "0x6040:00".
inline Object parameter(Speaker& say, uint16_t index, uint8_t sub, uint32_t device) {
  const Object o(ObjectKind::parameter, uint32_t(index) << 8 | sub, device & 0xffffff);
  Word name;
  name.put("0x%04x:%02x", unsigned(index), unsigned(sub));
  say.label(o, name);
  return o;
}

// The Internet checksum (RFC 1071) over all octets, the checksum's own among them: 0 where it is right.
inline uint16_t internet_checksum(Bytes b) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < b.size(); i += 2) sum += uint32_t(b[i] << 8 | b[i + 1]);
  if (b.size() % 2) sum += uint32_t(b.back()) << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(~sum);
}

// How often a stream is summed up: once a second at most, and of so many frames at least.
inline constexpr Time summary_period = second;
inline constexpr uint32_t summary_frames = 16;

}  // namespace vidra
