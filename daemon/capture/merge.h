// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <memory>
#include <vector>

#include "daemon/capture/source.h"

namespace vidra {

// Brings the frames of several interfaces into one order of time, so that a tap's two directions and a redundant network's
// two LANs meet. A frame leaves when every interface is known to bring nothing earlier, or when one interface's queue is
// full: an idle interface says how far it has heard and holds nobody back, a lost one is let go by `heard_until(never)`.
// Holds what it is given by value; the octets stay where they are.
class Merge {
 public:
  static constexpr Time never = std::numeric_limits<Time>::max();

  Merge(size_t interfaces, size_t frames_each) : queues_(interfaces) {
    size_t n = 1;
    while (n < frames_each) n *= 2;
    for (Queue& q : queues_) q.ring = std::make_unique<Packet[]>(n);
    mask_ = n - 1;
  }

  size_t room(size_t interface) const { return mask_ + 1 - size_t(queues_[interface].head - queues_[interface].tail); }
  size_t held(size_t interface) const { return size_t(queues_[interface].head - queues_[interface].tail); }

  void add(size_t interface, const Packet& p) {   // there is room; an interface's frames come in its own order
    Queue& q = queues_[interface];
    q.ring[q.head++ & mask_] = p;
  }
  // This interface brings no frame before t any more.
  void heard_until(size_t interface, Time t) { queues_[interface].until = t; }

  // The earliest time of which some interface has not been heard to the end.
  Time heard() const {
    Time t = never;
    for (const Queue& q : queues_) t = std::min(t, q.until);
    return t;
  }

  // Fills `to` with what may leave, in order of time, of equal times by interface. `hold` false: all that is here.
  size_t take(std::span<Packet> to, bool hold = true) {
    const Time limit = hold ? heard() : never;
    size_t n = 0;
    while (n < to.size()) {
      Queue* first = nullptr;
      bool full = false;
      for (Queue& q : queues_) {
        if (q.head == q.tail) continue;
        full |= size_t(q.head - q.tail) > mask_;
        if (!first || q.front(mask_).time < first->front(mask_).time) first = &q;
      }
      if (!first || (first->front(mask_).time > limit && !full)) break;
      to[n++] = first->ring[first->tail++ & mask_];
    }
    return n;
  }

 private:
  struct Queue {
    std::unique_ptr<Packet[]> ring;
    uint64_t head = 0, tail = 0;
    Time until = 0;
    const Packet& front(size_t mask) const { return ring[tail & mask]; }
  };
  std::vector<Queue> queues_;
  size_t mask_ = 0;
};

}  // namespace vidra
