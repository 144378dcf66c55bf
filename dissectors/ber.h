// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/reader.h"

namespace vidra {

// ASN.1 BER, as X.690 lays it out: tag, length, contents. The contents are a Reader of their own, so an element cannot
// see past its end. A high tag number keeps its identifier octets, so 0x1f.. tags never collide with low ones.
struct Tlv { uint32_t tag; Reader body; };

inline constexpr int ber_depth = 32;   // nesting of indefinite lengths; deeper is malformed

Tlv tlv_in_full(Reader& r, int depth);
[[gnu::always_inline]] inline Tlv tlv(Reader& r, int depth = ber_depth) {
  const Bytes b = r.peek();                            // nearly all: one octet of tag, one of length
  if (b.size() >= 2 && (b[0] & 0x1f) != 0x1f && b[1] < 0x80 && b[1] <= b.size() - 2) [[likely]] {
    r.skip(2);
    return {b[0], r.sub(b[1])};
  }
  return tlv_in_full(r, depth);
}

[[gnu::noinline]] inline Tlv tlv_in_full(Reader& r, int depth) {
  uint32_t tag = r.u8();
  if ((tag & 0x1f) == 0x1f) {                          // X.690 8.1.2.4: high tag number, 7 bits an octet
    uint8_t b;
    do { b = r.u8(); tag = tag << 8 | b; r.require(tag < 1u << 24); } while (r.ok() && (b & 0x80));
  }
  uint64_t n = r.u8();
  if (n == 0x80) {                                     // X.690 8.1.3.6: indefinite, up to end-of-contents
    bool lost = false;                                 // looking ahead is not reading
    Reader walk{r.peek(), lost};
    walk.require(depth > 0);
    const size_t before = walk.left();
    n = 0;
    while (!lost) {
      const size_t here = walk.left();
      const Tlv inner = tlv(walk, depth - 1);
      if (lost || (inner.tag == 0 && inner.body.left() == 0)) { n = before - here; break; }
    }
    r.require(!lost);
    Tlv t{tag, r.sub(size_t(n))};
    r.skip(2);
    return t;
  }
  if (n > 0x80) {                                      // X.690 8.1.3.5: long form
    unsigned octets = n & 0x7f;
    r.require(octets <= 4);
    for (n = 0; octets > 0 && r.ok(); octets--) n = n << 8 | r.u8();
  }
  return {tag, r.sub(size_t(n))};
}

// X.690 8.3: INTEGER contents of at most nine octets (a leading zero before eight), as unsigned.
inline uint64_t unsigned_of(Reader b) {
  b.require(b.left() >= 1 && b.left() <= 9);
  uint64_t v = 0;
  while (b) v = v << 8 | b.u8();
  return v;
}

// X.690 8.3: INTEGER contents of at most eight octets, two's complement.
inline int64_t signed_of(Reader b) {
  b.require(b.left() >= 1 && b.left() <= 8);
  const size_t octets = b.left();
  uint64_t v = 0;
  while (b) v = v << 8 | b.u8();
  if (octets == 0 || octets >= 8) return int64_t(v);
  const unsigned shift = unsigned(64 - 8 * octets);
  return int64_t(v << shift) >> shift;
}

}  // namespace vidra
