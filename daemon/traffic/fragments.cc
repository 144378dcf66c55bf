// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/fragments.h"

#include <algorithm>
#include <cstring>

namespace vidra {

Fragments::Key Fragments::key_of(const Frame& f, uint16_t group) {
  Key k{};
  if (f.version == 4) {
    std::memcpy(&k.a[0], f.addresses, 4);
    std::memcpy(&k.b[0], f.addresses + 4, 4);
  } else {
    std::memcpy(k.a, f.addresses, 16);
    std::memcpy(k.b, f.addresses + 16, 16);
  }
  k.rest = uint64_t(f.fragment_id) << 32 | uint64_t(f.protocol) << 24 | uint64_t(f.version) << 16 | group;
  return k;
}

uint32_t Fragments::open(const Key& key, uint64_t hash, uint16_t interface, Time now) {
  uint32_t i = free_;
  if (i != none) free_ = slots_[i].newer;
  else i = high_++;
  slots_[i] = {key, now, hash, nullptr, 0, 0, 0, none, last_, interface, false};
  if (last_ != none) slots_[last_].newer = i;
  else first_ = i;
  last_ = i;
  index_.put(hash, i);
  used_++;
  return i;
}

void Fragments::drop(uint32_t i) {
  Slot& s = slots_[i];
  index_.drop(s.hash, i);
  if (s.older != none) slots_[s.older].newer = s.newer;
  else first_ = s.newer;
  if (s.newer != none) slots_[s.newer].older = s.older;
  else last_ = s.older;
  pool_.give(s.octets);
  s.octets = nullptr;
  s.newer = free_;
  free_ = i;
  used_--;
}

Fragments::GivenUp Fragments::give_up(uint32_t i) {
  const Slot& s = slots_[i];
  const GivenUp g{s.present, s.total > s.present ? s.total - s.present : 0, s.interface};
  drop(i);
  return g;
}

bool Fragments::room(Slot& s, const Frame& f) {
  const uint32_t end = uint32_t(std::min<size_t>(f.fragment_offset + f.payload.size(), 65'536));
  if (end <= s.capacity) return true;
  uint32_t capacity = std::max<uint32_t>(s.capacity * 2, 2048);
  while (capacity < end) capacity *= 2;
  auto* octets = static_cast<uint8_t*>(pool_.take(capacity + capacity / 64));
  if (!octets) return false;
  std::memset(octets + capacity, 0, capacity / 64);
  if (s.octets) {
    std::memcpy(octets, s.octets, s.capacity);
    std::memcpy(octets + capacity, s.octets + s.capacity, s.capacity / 64);
    pool_.give(s.octets);
  }
  s.octets = octets;
  s.capacity = capacity;
  return true;
}

Fragments::Word Fragments::put(uint32_t i, const Frame& f) {
  Slot& s = slots_[i];
  Word w;
  const uint32_t begin = f.fragment_offset;
  uint32_t n = uint32_t(f.payload.size());
  if (begin + n > 65'535) n = begin < 65'535 ? 65'535 - begin : 0;
  const bool last = !f.more_fragments && !f.missing;
  if (!last) n &= ~uint32_t{7};                      // what is no multiple of 8 cannot be followed
  if (last) {
    if (s.total && s.total != begin + n) w.differs = true;
    else if (!s.total) s.total = begin + n;
  }
  uint8_t* const bits = s.octets + s.capacity;
  for (uint32_t at = 0; at < n; at += 8) {
    const uint32_t block = (begin + at) / 8, size = std::min<uint32_t>(8, n - at);
    uint8_t& bit = bits[block / 8];
    const uint8_t mark = uint8_t(1u << (block & 7));
    uint8_t* const to = s.octets + begin + at;
    if (bit & mark) {
      w.differs |= std::memcmp(to, f.payload.data() + at, size) != 0;
      continue;
    }
    std::memcpy(to, f.payload.data() + at, size);
    bit |= mark;
    s.present += size;
  }
  if (s.total && begin + n > s.total) w.differs = true;   // octets behind the end
  if (s.octets && bits[0] & 1) {
    w.head = {s.octets, 8};
    w.differs |= s.nameless;
    s.nameless = false;
  } else if (w.differs) s.nameless = true;
  // Whole when no block of the total is missing; the count tells it but for contradictions.
  if (!s.total || s.present < s.total) return w;
  for (uint32_t block = 0; block < (s.total + 7) / 8; block++)
    if (!(bits[block / 8] >> (block & 7) & 1)) return w;
  w.whole = true;
  w.octets = {s.octets, s.total};
  done_ = i;
  return w;
}

}  // namespace vidra
