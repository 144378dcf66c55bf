// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/pool.h"
#include "dissectors/reader.h"

namespace vidra {

// Octets of one direction that cannot be heard yet: the front of a record whose rest has not come, and segments behind a
// hole. The octets lie at their distance from the front; which of them are present is kept apart, as ranges. Lives in a
// Pool with everything it holds, bounded.
struct Hold {
  struct Range { uint32_t begin, end; };       // distances from the front, end > begin, apart from each other, ascending
  static constexpr uint32_t most_ranges = 512;

  uint8_t* octets = nullptr;
  Range* ranges = nullptr;
  uint32_t capacity = 0, range_capacity = 0;
  uint32_t shift = 0;                          // where the front lies in `octets`
  uint32_t whole = 0;                          // octets present from the front on
  uint32_t count = 0;                          // ranges behind the first hole
  uint32_t wanted = 0;                         // so many octets from the front before it is worth asking again
  int64_t since = 0;                           // when the first hole was noticed, 0 none
  uint32_t front = 0;                          // the front's sequence number
  bool segment_start = false;                  // the front is where a segment's payload began
  bool counted_only = false;                   // nobody reads: ranges without octets

  Bytes present() const { return {octets + shift, counted_only ? 0 : whole}; }
  bool empty() const { return !whole && !count; }
};

enum class Held : uint8_t { yes, differs, no_room };

// The bounded operations on it. `limit`: octets a side may hold.
class Holds {
 public:
  Holds(size_t octets, size_t limit) : pool_(octets), limit_(uint32_t(limit)) {}

  Hold* open(uint32_t front, bool counted_only);
  void close(Hold*&);
  // Keeps a piece that begins `at` octets behind the front. Where octets are there already and differ, the first stay,
  // and `differs` is said. no_room: nothing was kept.
  Held keep(Hold&, uint32_t at, Bytes);
  // Keeps octets that follow the whole front, and prevail over what is held there already (what a receiver hears in order
  // is what it acts on).
  Held append(Hold&, Bytes);
  // The first n whole octets have been heard.
  void consumed(Hold&, uint32_t n);
  // The front moves on by n octets that are not here: no more than to the first range, and nothing whole may be left.
  void shift(Hold&, uint32_t n);
  // Gives up the first hole: the front moves to the first range. Returns how many octets were missing. Nothing whole may
  // be left before it.
  uint32_t leap(Hold&);
  // Keeps no octets from here on, only which came.
  void count_only(Hold&);

  Pool& pool() { return pool_; }

 private:
  bool reserve(Hold&, uint32_t octets);
  bool insert(Hold&, Hold::Range);
  void join(Hold&);
  Pool pool_;
  uint32_t limit_;
};

}  // namespace vidra
