// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <vector>

#include "daemon/base/queue.h"
#include "daemon/base/ring.h"
#include "daemon/judge/event.h"

namespace vidra {

// What found no room on its way to the judge, by kind.
struct Shed {
  uint64_t reports = 0, reads = 0, others = 0;   // telemetry; polling; commands, writes, sessions, the sensor's own facts
  uint64_t total() const { return reports + reads + others; }
};

// A worker's end of the way to the judge: events laid flat in a ring, and the time up to which nothing more will come. The
// last quarter of the ring admits only what changes something, sessions and the sensor's own facts.
class EventRing final : public EventSink {
 public:
  explicit EventRing(size_t octets, Bell& bell) : ring_(octets), bell_(bell) {}

  void see(const Event&) override;               // worker
  void publish(Time watermark) {                 // worker: at each poll, busy or idle
    watermark_.store(watermark, std::memory_order_release);
    bell_.ring();
  }
  Time watermark() const { return watermark_.load(std::memory_order_acquire); }
  Shed shed() const { return {reports_.load(std::memory_order_relaxed), reads_.load(std::memory_order_relaxed), others_.load(std::memory_order_relaxed)}; }

  // Judge: the time of the oldest event, or nothing; and the event itself handed on.
  bool front(Time& time);
  void take(EventSink& to);

 private:
  Ring ring_;
  Bell& bell_;
  std::atomic<Time> watermark_{0};
  std::atomic<uint64_t> reports_{0}, reads_{0}, others_{0};
};

// The judge's end: the events of all workers in time order, up to what every worker has published.
class EventMerge {
 public:
  explicit EventMerge(std::vector<std::unique_ptr<EventRing>>& rings) : rings_(rings) {}
  // Hands on everything that may be handed on now; how many, and up to what time.
  size_t drain(EventSink& to, Time& until);

 private:
  std::vector<std::unique_ptr<EventRing>>& rings_;
};

}  // namespace vidra
