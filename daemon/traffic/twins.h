// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>
#include <memory>

#include "daemon/traffic/frame.h"
#include "daemon/traffic/hash.h"

namespace vidra {

// Remembers for a short time what was heard, so that the second copy of a frame is known: doubled by a mirror in both
// directions, routed past the mirror twice, or sent over both LANs of PRP or both ways of an HSR ring. Compared is
// everything but tags, trailers, padding, MAC addresses (of IP), TTL and header checksum.
//
// How long depends on what else may look the same. A redundancy twin names its LAN and its sequence. An IPv4
// identification is not used again within milliseconds, so a retransmission (which has a new one, and comes later) is no
// twin. Where there is neither, devices may well say the same thing twice: a copy that came the same way counts only at a
// mirror's distance, and only on an interface that has been doubling what it brings, each frame once.
class Twins {
 public:
  static constexpr Time redundant = 400 * millisecond, identified = 20 * millisecond, bare_ip = 500 * microsecond, bare_link = 100 * microsecond;

  enum class Word : uint8_t { first, twin, differs };

  explicit Twins(uint64_t seed);

  // What a frame is compared by; 0 where there is nothing to compare. `fetch`: it will be asked for soon.
  uint64_t print(const Frame&) const;
  void fetch(uint64_t print) const { __builtin_prefetch(&heard_[print & (size - 1)], 1); }
  Word ask(const Frame&, uint64_t print, uint16_t interface, Time);

 private:
  struct Entry { uint64_t mark; Time time; };           // mark: 40 bits of the hash, then which way it came
  struct Free { void operator()(Entry* e) const { std::free(e); } };
  using Table = std::unique_ptr<Entry[], Free>;
  static constexpr size_t size = 8192;
  static constexpr uint64_t copied = 1 << 20;           // in a mark: one copy has been heard
  static constexpr int enough = 16, most = 64;          // evidence of doubling: each copy 2, each original -1
  static Table zeroed(size_t n) {
    Table t(static_cast<Entry*>(std::calloc(n, sizeof(Entry))));
    if (!t) std::abort();
    return t;
  }

  uint64_t of_long(uint64_t begun, const uint8_t*, size_t) const;

  Keyed keyed_;
  uint8_t secret_[192];                                 // of XXH3, from the seed
  Table memory_, sequences_;
  Entry* const heard_ = memory_.get();
  int doubled_[16] = {};                                // by interface
};

}  // namespace vidra
