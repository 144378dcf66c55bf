// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/stream.h"

#include <algorithm>
#include <cstring>

namespace vidra {
namespace {

constexpr uint32_t farthest = 1u << 24;   // where only counting goes on, and no sum of two overflows

}  // namespace

Hold* Holds::open(uint32_t front, bool counted_only) {
  Hold* h = pool_.make<Hold>();
  if (!h) return nullptr;
  h->front = front;
  h->counted_only = counted_only;
  return h;
}

void Holds::close(Hold*& h) {
  if (!h) return;
  pool_.give(h->octets);
  pool_.give(h->ranges);
  pool_.unmake(h);
  h = nullptr;
}

// Room for so many octets from the front on.
bool Holds::reserve(Hold& h, uint32_t n) {
  if (h.counted_only) return n <= farthest;
  if (n > limit_) return false;
  if (h.shift + n <= h.capacity) return true;
  const uint32_t used = std::max(h.whole, h.count ? h.ranges[h.count - 1].end : 0);
  if (n <= h.capacity && (h.shift >= h.capacity / 2 || h.capacity >= limit_)) {
    std::memmove(h.octets, h.octets + h.shift, used);
    h.shift = 0;
    return true;
  }
  uint32_t capacity = std::max<uint32_t>(h.capacity * 2, 64);       // what nobody knows yet is mostly short
  while (capacity < n) capacity *= 2;
  capacity = std::min<uint32_t>(capacity, Pool::largest);
  if (capacity < n) return false;
  auto* octets = static_cast<uint8_t*>(pool_.take(capacity));
  if (!octets) return false;
  if (h.octets) std::memcpy(octets, h.octets + h.shift, used);
  pool_.give(h.octets);
  h.octets = octets;
  h.capacity = capacity;
  h.shift = 0;
  return true;
}

bool Holds::insert(Hold& h, Hold::Range r) {
  // [first, last) are the ranges that touch r: they become one with it.
  Hold::Range* const end = h.ranges + h.count;
  Hold::Range* first = std::lower_bound(h.ranges, end, r.begin, [](const Hold::Range& a, uint32_t begin) { return a.end < begin; });
  Hold::Range* last = first;
  while (last != end && last->begin <= r.end) {
    r.begin = std::min(r.begin, last->begin);
    r.end = std::max(r.end, last->end);
    last++;
  }
  if (first != last) {
    *first = r;
    std::memmove(first + 1, last, size_t(end - last) * sizeof r);
    h.count -= uint32_t(last - first) - 1;
    return true;
  }
  const size_t at = size_t(first - h.ranges);
  if (h.count == h.range_capacity) {
    const uint32_t more = h.range_capacity ? h.range_capacity * 2 : 8;
    if (more > Hold::most_ranges) return false;
    auto* ranges = static_cast<Hold::Range*>(pool_.take(more * sizeof(Hold::Range)));
    if (!ranges) return false;
    if (h.count) std::memcpy(ranges, h.ranges, h.count * sizeof r);
    pool_.give(h.ranges);
    h.ranges = ranges;
    h.range_capacity = more;
  }
  std::memmove(h.ranges + at + 1, h.ranges + at, (h.count - at) * sizeof r);
  h.ranges[at] = r;
  h.count++;
  return true;
}

// Ranges that the whole front has reached belong to it.
void Holds::join(Hold& h) {
  uint32_t n = 0;
  while (n < h.count && h.ranges[n].begin <= h.whole) h.whole = std::max(h.whole, h.ranges[n++].end);
  if (!n) return;
  std::memmove(h.ranges, h.ranges + n, (h.count - n) * sizeof(Hold::Range));
  h.count -= n;
}

Held Holds::keep(Hold& h, uint32_t at, Bytes b) {
  const uint32_t n = uint32_t(b.size());
  if (at > farthest || n > farthest || !reserve(h, at + n)) return Held::no_room;
  bool differs = false;
  if (!h.counted_only) {
    uint8_t* const to = h.octets + h.shift;
    // What is present stays; the pieces between are written.
    uint32_t from = 0;
    auto present = [&](uint32_t begin, uint32_t end) {
      begin = std::max(begin, at), end = std::min(end, at + n);
      if (begin >= end) return;
      if (std::memcmp(to + begin, b.data() + (begin - at), end - begin) != 0) differs = true;
      if (begin - at > from) std::memcpy(to + at + from, b.data() + from, begin - at - from);
      from = std::max(from, end - at);
    };
    present(0, h.whole);
    for (uint32_t i = 0; i < h.count; i++) present(h.ranges[i].begin, h.ranges[i].end);
    if (from < n) std::memcpy(to + at + from, b.data() + from, n - from);
  }
  if (at <= h.whole) h.whole = std::max(h.whole, at + n);
  else if (!insert(h, {at, at + n})) return Held::no_room;
  join(h);
  return differs ? Held::differs : Held::yes;
}

Held Holds::append(Hold& h, Bytes b) {
  const uint32_t n = uint32_t(b.size()), at = h.whole;
  if (n > farthest || at > farthest || !reserve(h, at + n)) return Held::no_room;
  bool differs = false;
  if (!h.counted_only) {
    uint8_t* const to = h.octets + h.shift;
    for (uint32_t i = 0; i < h.count; i++) {
      const uint32_t begin = std::max(h.ranges[i].begin, at), end = std::min(h.ranges[i].end, at + n);
      if (begin < end && std::memcmp(to + begin, b.data() + (begin - at), end - begin) != 0) differs = true;
    }
    if (n) std::memcpy(to + at, b.data(), n);
  }
  h.whole += n;
  join(h);
  return differs ? Held::differs : Held::yes;
}

void Holds::consumed(Hold& h, uint32_t n) {
  h.shift = h.counted_only ? 0 : h.shift + n;
  h.front += n;
  h.whole -= n;
  for (uint32_t i = 0; i < h.count; i++) h.ranges[i].begin -= n, h.ranges[i].end -= n;
  if (h.empty()) h.shift = 0;
}

void Holds::shift(Hold& h, uint32_t n) {
  if (!h.counted_only) h.shift += n;
  h.front += n;
  for (uint32_t i = 0; i < h.count; i++) h.ranges[i].begin -= n, h.ranges[i].end -= n;
}

uint32_t Holds::leap(Hold& h) {
  if (!h.count) return 0;
  const uint32_t missing = h.ranges[0].begin;
  shift(h, missing);
  h.whole = h.ranges[0].end;
  h.count--;
  std::memmove(h.ranges, h.ranges + 1, h.count * sizeof(Hold::Range));
  h.segment_start = true;
  return missing;
}

void Holds::count_only(Hold& h) {
  pool_.give(h.octets);
  h.octets = nullptr;
  h.capacity = h.shift = 0;
  h.counted_only = true;
}

}  // namespace vidra
