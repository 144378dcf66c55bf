// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <limits>
#include <memory>
#include <vector>

#include "daemon/base/queue.h"
#include "daemon/base/ring.h"
#include "daemon/judge/event.h"

namespace vidra {

// What was left out on its way to the judge, by kind: by plan (Overload), or because there was no room.
struct Shed {
  uint64_t samples = 0, opaque = 0;              // sampled values not worked out; frames with payloads that no dissector wants, only counted
  uint64_t reports = 0, reads = 0;               // telemetry; polling
  uint64_t others = 0;                           // commands, writes, sessions, the sensor's own facts: never by plan
  uint64_t total() const { return samples + opaque + reports + reads + others; }
};

// A worker's end of the way to the judge: events laid flat in a ring, and the time up to which nothing more will come. The
// last quarter of the ring admits only what changes something, sessions and the sensor's own facts. A recording's worker
// waits for room instead: nothing hurries it.
class EventRing final : public EventSink {
 public:
  static constexpr Time closed = std::numeric_limits<Time>::max();   // watermark of a worker that is done

  explicit EventRing(size_t octets, Bell& bell, bool waits = false) : ring_(octets), bell_(bell), waits_(waits) {}

  void see(const Event&) override;               // worker
  // Worker: at each poll, busy or idle. It never goes back: a next recording may begin earlier. Where `more` waits behind it already,
  // the judge is called only now and then: it has enough to do, or sleeps a moment longer and wakes up for more.
  void publish(Time watermark, bool more = false) {
    if (watermark > watermark_.load(std::memory_order_relaxed)) watermark_.store(watermark, std::memory_order_release);
    if (more && ++uncalled_ < polls_a_call) return;
    uncalled_ = 0;
    bell_.ring();
  }
  void close() {                                 // worker: nothing more
    closed_.store(true, std::memory_order_release);
    bell_.ring();
  }
  Time watermark() const { return closed_.load(std::memory_order_acquire) ? closed : reached(); }
  Time reached() const { return watermark_.load(std::memory_order_acquire); }   // the same, closed or not
  Shed shed() const { return {0, 0, reports_.load(std::memory_order_relaxed), reads_.load(std::memory_order_relaxed), others_.load(std::memory_order_relaxed)}; }
  double fill() const { return double(ring_.used()) / double(ring_.capacity()); }
  void leave_out_measurements(bool yes) { thrifty_ = yes; }   // worker: they are counted and not handed on
  bool crowded() const { return ring_.used() > ring_.capacity() / 2; }

  // Judge: when the oldest event takes its turn among those of other workers, or nothing; and the event itself handed on.
  struct Turn {
    Time time; uint64_t frame;
    bool before(const Turn& t) const { return time != t.time ? time < t.time : frame < t.frame; }
  };
  bool front(Turn&);
  void take(EventSink& to);

 private:
  static constexpr unsigned polls_a_call = 16;   // of full bursts: a thousand packets, a quarter of a millisecond of one core
  void count_out(const Event&, bool weighty);

  Ring ring_;
  Bell& bell_;
  const bool waits_;
  bool thrifty_ = false;
  unsigned uncalled_ = 0;
  std::atomic<Time> watermark_{0};
  std::atomic<bool> closed_{false};
  std::atomic<uint64_t> reports_{0}, reads_{0}, others_{0};
};

// The judge's end: the events of all workers in time order. What one worker says waits until every other has said something
// later or published a later time; not for one that publishes nothing for so long as `patience`, nor when a ring is more than half
// full. Patience 0 waits for all: the same order whatever the threads do.
class EventMerge {
 public:
  EventMerge(std::vector<std::unique_ptr<EventRing>>& rings, Time patience) : rings_(rings), ways_(rings.size()), patience_(patience) {}
  // Hands on everything that may be handed on now; how many, and up to what time.
  size_t drain(EventSink& to, Time& until);
  size_t worker() const { return worker_; }      // whose event is being handed on
  uint64_t late() const { return late_; }        // times that a worker was not waited for

 private:
  struct Way {
    Time watermark = 0, moved = 0;
    EventRing::Turn turn{};
    bool full = false, late = false;             // turn is of an event that waits; it is not waited for
  };
  std::vector<std::unique_ptr<EventRing>>& rings_;
  std::vector<Way> ways_;
  Time patience_, until_ = 0;
  size_t worker_ = 0;
  uint64_t late_ = 0;
};

}  // namespace vidra
