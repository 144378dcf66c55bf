// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "daemon/traffic/frame.h"
#include "daemon/traffic/hash.h"
#include "dissectors/pool.h"

namespace vidra {

// Puts IP datagrams together from their fragments (RFC 791, RFC 8200 4.5). Bounded in datagrams, octets and time; the
// oldest goes first. Where fragments overlap the first copy stays, and a difference is told.
class Fragments {
 public:
  struct Word {
    bool whole = false;      // `octets` is the datagram's payload, until the next call
    bool differs = false;    // this fragment contradicts an earlier one; said once more when the ports are known
    Bytes octets;
    Bytes head;              // the first octets of the datagram, where they are known
  };
  // A datagram that will not be whole: how much of it came, and how much is known to be missing.
  struct GivenUp { uint64_t present, missing; uint16_t interface; };

  Fragments(size_t datagrams, size_t octets, uint64_t seed) : keyed_(seed), limit_(uint32_t(datagrams)), index_(datagrams), slots_(new Slot[datagrams]), pool_(octets) {}

  // Makes room first when there is none: `gone` hears of what that costs.
  template <class Gone> Word take(const Frame& f, uint16_t group, uint16_t interface, Time now, Gone&& gone) {
    release();
    const Key key = key_of(f, group);
    const uint64_t hash = key.hash(keyed_);
    uint32_t i = index_.find(hash, [&](uint32_t s) { return slots_[s].key == key; });
    if (i == HashIndex::none) {
      if (used_ == limit_) { gone(give_up(first_)); evicted_++; }
      i = open(key, hash, interface, now);
    }
    while (!room(slots_[i], f)) {
      if (first_ == i) return {};
      gone(give_up(first_));
      evicted_++;
    }
    return put(i, f);
  }
  template <class Gone> void expire(Time before, Gone&& gone) {
    release();
    while (first_ != none && slots_[first_].since < before) gone(give_up(first_));
  }
  uint64_t evicted() const { return evicted_; }
  size_t used() const { return used_; }
  size_t reserved() const { return pool_.reserved(); }

 private:
  static constexpr uint32_t none = ~uint32_t{0};
  struct Key {
    uint64_t a[2], b[2], rest;
    bool operator==(const Key&) const = default;
    uint64_t hash(const Keyed& k) const { return k.more(k.more(k(a[0], b[0]), k(a[1], b[1])), rest); }
  };
  struct Slot {
    Key key;
    Time since;
    uint64_t hash;
    uint8_t* octets;          // the payload; behind it one bit for each 8 octets that are present
    uint32_t capacity;        // octets of payload, a multiple of 64
    uint32_t total;           // known from the last fragment, 0 before
    uint32_t present;
    uint32_t newer, older;
    uint16_t interface;
    bool nameless;            // a contradiction was told before the first octets came
  };

  static Key key_of(const Frame&, uint16_t group);
  uint32_t open(const Key&, uint64_t hash, uint16_t interface, Time now);
  bool room(Slot&, const Frame&);
  Word put(uint32_t, const Frame&);
  GivenUp give_up(uint32_t);
  void drop(uint32_t);
  void release() { if (done_ != none) drop(done_), done_ = none; }

  Keyed keyed_;
  uint32_t limit_, used_ = 0, high_ = 0, free_ = none, first_ = none, last_ = none, done_ = none;
  HashIndex index_;
  std::unique_ptr<Slot[]> slots_;
  Pool pool_;
  uint64_t evicted_ = 0;
};

}  // namespace vidra
