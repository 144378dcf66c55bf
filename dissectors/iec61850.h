// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/ber.h"
#include "dissectors/protocol.h"

// Values as IEC 61850-8-1 writes them, in MMS, GOOSE and sampled values: ISO 9506-2's Data, quality and time stamps.
namespace vidra::iec61850 {

// IEC 61850-8-1, 8.1.3.2 and 61850-7-3, 6.2: the 13 bits of a quality, the first one highest.
inline constexpr struct { unsigned bit; uint32_t means; } quality_details[] = {
    {10, overflow}, {9, out_of_range}, {8, bad_reference}, {7, chatter}, {6, failure}, {5, not_topical}, {4, inconsistent},
    {3, inaccurate}, {2, substituted}, {1, test_quality}, {0, blocked}};
constexpr uint32_t quality(unsigned bits) {
  const unsigned validity = bits >> 11 & 3;
  uint32_t q = validity == 0 ? good : validity == 3 ? questionable : invalid;
  if ((bits & 0x7ff) == 0) [[likely]] return q;
  for (const auto& d : quality_details)
    if (bits >> d.bit & 1) q |= d.means;
  return q;
}

// 8.1.3.7: seconds and 24 bits of a fraction since 1970, and how good the clock is.
inline Time utc_time(uint64_t octets, uint8_t& flags) {
  flags = uint8_t((octets & 0x40 ? time_invalid : 0) | (octets & 0x20 ? time_unsynchronised : 0));   // failure, not synchronised
  return int64_t(octets >> 32) * second + (int64_t(octets >> 8 & 0xffffff) * second >> 24);
}
inline Time utc_time(Reader& b, uint8_t& flags) {
  const uint64_t seconds = b.be32(), fraction = b.be24();
  const uint8_t clock = b.u8();
  b.finish();
  return utc_time(seconds << 32 | fraction << 8 | clock, flags);
}
inline Time utc_time(Reader&& b, uint8_t& flags) { return utc_time(b, flags); }

// 8.1.3.6, ISO 9506-2 TimeOfDay: milliseconds of a day, and days since 1984-01-01; without a day it is relative.
inline Time binary_time(Reader b, TimeKind& kind) {
  constexpr int64_t to_1984 = 5113;
  b.require(b.left() == 4 || b.left() == 6);
  const int64_t ms = b.be32();
  kind = b ? TimeKind::full : TimeKind::relative;
  const int64_t days = b ? b.be16() + to_1984 : 0;
  return days * day + ms * millisecond;
}

// A BIT STRING of at most 64 bits, its first bit highest; more bits are counted, not said.
struct Bits { uint64_t value = 0; unsigned width = 0; };
inline Bits bits_in_full(Reader& b) {
  const unsigned unused = b.u8();
  b.require(unused < 8 && (b || unused == 0));
  Bits all;
  if (!b.ok()) return all;
  all.width = unsigned(8 * b.left()) - unused;
  if (b.left() > 8) return b.rest(), all;
  while (b) all.value = all.value << 8 | b.u8();
  all.value >>= unused;
  return all;
}
[[gnu::always_inline]] inline Bits bits_of(Reader& b) {
  if (const Bytes o = b.peek(); o.size() == 2 && o[0] < 8) [[likely]] return {uint64_t(o[1] >> o[0]), 8u - o[0]};
  else if (o.size() == 3 && o[0] < 8) return {uint64_t((o[1] << 8 | o[2]) >> o[0]), 16u - o[0]};
  return bits_in_full(b);
}
[[gnu::always_inline]] inline Bits bits_of(Reader&& b) { return bits_of(b); }

// ISO 9506-2, Data: what is no array and no structure. Two bits are a position (61850-7-3, 6.4).
inline void leaf(uint32_t tag, Reader& b, Point& p, Speaker& say) {
  switch (tag) {
    case 0x83: p.set(b.u8() != 0), b.finish(); break;
    case 0x84: case 0x8e: {
      const Bits v = bits_of(b);
      if (v.width == 2) p.set_double_point(unsigned(v.value));
      else if (v.width > 64) p.set_octets((v.width + 7) / 8);
      else p.set_bits(v.value, v.width);
      if (v.width == 13) p.quality = quality(unsigned(v.value));
      break;
    }
    case 0x85: p.set_integer(signed_of(b)); break;
    case 0x86: p.set_natural(unsigned_of(b)); break;
    case 0x87: case 0xa7: {                                // the exponent's width stands before it
      const uint8_t width = b.u8();
      if (b.left() == 8) b.require(width == 11), p.set_real(b.be_double());
      else b.require(width == 8), p.set_real(double(b.be_float())), b.finish();
      break;
    }
    case 0x89: p.set_octets(b.left()); break;
    case 0x8a: case 0x8b: case 0x90: p.set_text(say.text(text_of(b.rest()))); break;
    case 0x8c: {
      const Time t = binary_time(b, p.time_kind);
      p.set_time(t), p.time = t;
      break;
    }
    case 0x8d: p.set_integer(signed_of(b)); break;
    case 0x8f: p.set_octets(b.left()); break;
    case 0x91: {
      const Time t = utc_time(b, p.time_flags);
      p.set_time(t), p.time = t, p.time_kind = TimeKind::full;
      break;
    }
    default: b.require(false);
  }
}
inline void leaf(uint32_t tag, Reader&& b, Point& p, Speaker& say) { leaf(tag, b, p, say); }

}  // namespace vidra::iec61850
