// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>

#include "dissectors/reader.h"

namespace vidra {

// The TCP payloads heard last, of all conversations in one ring, so that octets sent again can be compared with those
// delivered. A direction keeps the place of its newest payload; each names the one before it. What the ring has
// overwritten cannot be compared any more.
class History {
 public:
  explicit History(size_t octets) {
    while (size_ < octets) size_ *= 2;
    memory_.reset(new uint8_t[size_]);
  }

  // Writes a payload down; returns its place, never 0.
  [[gnu::always_inline]] inline uint32_t note(uint32_t before, uint32_t owner, uint32_t sequence, Bytes octets) {
    if (octets.size() > size_ / 4) [[unlikely]] octets = octets.first(size_ / 4);
    const size_t need = (sizeof(Head) + octets.size() + 7) & ~size_t{7};
    size_t at = size_t(written_) & (size_ - 1);
    if (size_ - at < need) written_ += size_ - at, at = 0;
    const Head head{before, owner, sequence, uint32_t(octets.size())};
    std::memcpy(memory_.get() + at, &head, sizeof head);
    uint8_t* const to = memory_.get() + at + sizeof head;
    if (const size_t n = octets.size(); n - 16 <= 32) {   // 16 to 48: three moves, perhaps over each other, and no call
      std::memcpy(to, octets.data(), 16);
      std::memcpy(to + (n >= 32 ? 16 : 0), octets.data() + (n >= 32 ? 16 : 0), 16);
      std::memcpy(to + n - 16, octets.data() + n - 16, 16);
    } else if (n) {
      std::memcpy(to, octets.data(), n);
    }
    const uint32_t place = uint32_t(written_ / 8);
    written_ += need;
    return place ? place : 1;
  }

  // Do the octets from `sequence` on differ from those noted? Only from `floor` on, in sequence order. Behind more payloads than
  // are looked at they are said to where nobody has acknowledged them: no ordinary sender has as many on their way, and they may
  // stand there to hide it.
  bool differs(uint32_t place, uint32_t owner, uint32_t sequence, Bytes octets, uint32_t floor, bool acknowledges) const {
    for (int steps = 0; place; steps++) {
      if (steps == most_steps) return acknowledges && int32_t(floor - sequence) < int64_t(octets.size());
      const uint64_t back = uint64_t(uint32_t(uint32_t(written_ / 8) - place)) * 8;
      if (!back || back > size_ || back > written_) return false;
      const size_t at = size_t(written_ - back) & (size_ - 1);
      Head head;
      std::memcpy(&head, memory_.get() + at, sizeof head);
      if (head.owner != owner || head.length > size_ - at - sizeof head) return false;
      // Everything as distances from the offered sequence number, so that it may wrap.
      const int64_t noted = int32_t(head.sequence - sequence), low = int32_t(floor - sequence);
      const int64_t begin = std::max({noted, low, int64_t{0}}), end = std::min(noted + int64_t{head.length}, int64_t(octets.size()));
      if (begin < end && std::memcmp(memory_.get() + at + sizeof head + (begin - noted), octets.data() + begin, size_t(end - begin)) != 0) return true;
      if (head.before == place) return false;
      place = head.before;
    }
    return false;
  }

 private:
  static constexpr int most_steps = 2'048;
  struct Head { uint32_t before, owner, sequence, length; };
  size_t size_ = 4096;
  uint64_t written_ = 8;
  std::unique_ptr<uint8_t[]> memory_;
};

}  // namespace vidra
