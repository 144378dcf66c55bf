// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "daemon/base/huge_pages.h"

namespace vidra {

// A multiply-and-fold hash (as wyhash) under secrets drawn at each start, so that nobody can choose addresses that meet.
class Keyed {
 public:
  explicit Keyed(uint64_t seed) {
    for (uint64_t& s : secret_) {                    // splitmix64; odd, so that no secret is zero
      uint64_t z = seed += 0x9e3779b97f4a7c15;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
      z = (z ^ z >> 27) * 0x94d049bb133111eb;
      s = (z ^ z >> 31) | 1;
    }
  }
  uint64_t operator()(uint64_t a, uint64_t b) const { return mix(a ^ secret_[0], b ^ secret_[1]); }
  uint64_t more(uint64_t h, uint64_t a) const { return mix(h ^ secret_[2], a ^ secret_[3]); }
  // Of a run of octets, after h: sixteen a step, the last ones once more where they do not fill one. For short runs.
  uint64_t run(uint64_t h, const uint8_t* p, size_t n) const {
    uint64_t a = 0, b = 0;
    if (n > 16) [[likely]] {
      const uint8_t* const last = p + n - 16;
      for (; p < last; p += 16) h = mix(read<uint64_t>(p) ^ secret_[0], read<uint64_t>(p + 8) ^ h);
      a = read<uint64_t>(last), b = read<uint64_t>(last + 8);
    } else if (n >= 8) {
      a = read<uint64_t>(p), b = read<uint64_t>(p + n - 8);
    } else if (n >= 4) {
      a = read<uint32_t>(p), b = read<uint32_t>(p + n - 4);
    } else if (n) {
      a = uint64_t{p[0]} << 16 | uint64_t{p[n / 2]} << 8 | p[n - 1];
    }
    return mix(a ^ secret_[1], b ^ h ^ uint64_t{n} << 48);
  }
  uint64_t seed() const { return secret_[2]; }

 private:
  template <class Word> static Word read(const uint8_t* p) {
    Word v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static uint64_t mix(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = Wide{a} * b;
    return uint64_t(product) ^ uint64_t(product >> 64);
  }
  uint64_t secret_[4];
};

// Finds slots by hash: open addressing, linear probing, deletion by shifting back; sized once for so many slots at half
// load. The table's memory is touched only where it is used. A slot lies at most `reach` from its place, so that whoever knew the
// secrets, and chose what meets there, gains no longer walk: who puts in more asks for `room` first, and makes some.
class HashIndex {
 public:
  static constexpr uint32_t none = ~uint32_t{0};

  explicit HashIndex(size_t slots, uint32_t reach = none) : reach_(reach) {
    size_t n = 16;
    while (n < 2 * slots) n *= 2;
    mask_ = uint32_t(n - 1);
    memory_.reset(static_cast<Entry*>(std::calloc(n, sizeof(Entry))));
    if (!memory_) std::abort();
    ask_for_huge_pages(memory_.get(), n * sizeof(Entry));
    entries_ = memory_.get();
  }

  void prefetch(uint64_t hash) const { __builtin_prefetch(&entries_[uint32_t(hash) & mask_]); }

  // The first slot that may be the one sought, else slot 0: without a branch, for who only fetches it.
  uint32_t likely(uint64_t hash) const {
    const Entry e = entries_[uint32_t(hash) & mask_];
    return (e.slot - (e.slot != 0)) & (e.tag == uint32_t(hash) ? ~uint32_t{0} : 0);
  }
  template <class Same> uint32_t find(uint64_t hash, Same&& same) const {
    const uint32_t tag = uint32_t(hash);
    uint32_t at = tag & mask_;
    for (uint32_t left = reach_; left; left--, at = (at + 1) & mask_) {
      const Entry e = entries_[at];
      if (!e.slot) return none;
      if (e.tag == tag && same(e.slot - 1)) return e.slot - 1;
    }
    return none;
  }
  // Whether another may be put at this place; where not, `visit` has been shown each slot within reach of it.
  template <class Visit> bool room(uint64_t hash, Visit&& visit) const {
    const uint32_t place = uint32_t(hash);
    for (uint32_t n = 0; n < reach_; n++)
      if (!entries_[(place + n) & mask_].slot) return true;
    for (uint32_t n = 0; n < reach_; n++) visit(entries_[(place + n) & mask_].slot - 1);
    return false;
  }
  void put(uint64_t hash, uint32_t slot) {
    uint32_t at = uint32_t(hash) & mask_;
    while (entries_[at].slot) at = (at + 1) & mask_;
    entries_[at] = {uint32_t(hash), slot + 1};
  }
  void drop(uint64_t hash, uint32_t slot) {
    uint32_t at = uint32_t(hash) & mask_;
    while (entries_[at].slot != slot + 1) {
      if (!entries_[at].slot) return;
      at = (at + 1) & mask_;
    }
    for (uint32_t hole = at;;) {
      at = (at + 1) & mask_;
      const Entry e = entries_[at];
      if (!e.slot || ((at - hole) & mask_) >= reach_) { entries_[hole] = {}; return; }   // nobody behind may move so far
      if (((at - e.tag) & mask_) >= ((at - hole) & mask_)) entries_[hole] = e, hole = at;   // it may move up to the hole
    }
  }

 private:
  struct Entry { uint32_t tag, slot; };
  struct Free { void operator()(Entry* e) const { std::free(e); } };
  std::unique_ptr<Entry[], Free> memory_;
  Entry* entries_;
  uint32_t mask_, reach_;
};

}  // namespace vidra
