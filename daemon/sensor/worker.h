// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "daemon/capture/source.h"
#include "daemon/evidence/recorder.h"
#include "daemon/sensor/event_ring.h"
#include "daemon/traffic/overload.h"
#include "daemon/traffic/traffic.h"

namespace vidra {

// What a worker has heard, as of its last look.
struct Seen {
  struct Heard {
    std::string name;                    // of the interface; a recording names its own as it goes
    Counters counters;
    Outage outage;
    bool up = true;
  };
  Accounts accounts;
  std::vector<Heard> interfaces;
  Time now = 0;                          // how far it has heard
  struct Mark { Time stamp = 0; uint64_t number = 0; } first, last;   // its first and its last packet
  Shed shed;
  Plan plan = Plan::all;                 // what it leaves out now
  Plan worst = Plan::all;                // and the most it left out since it was asked last
  Time apart = 0, apart_at = 0;          // how far stamps and times are apart; when that was seen, 0: never
};

// From a source to a ring, to completion, on the thread that calls: it shares nothing with other workers.
class Worker {
 public:
  // `recorder`: stands before the ring and keeps what is heard; null: nothing is kept.
  Worker(const TrafficSettings& s, EventRing& ring, Recorder* recorder = nullptr)
      : traffic_(std::make_unique<Traffic>(s, recorder ? static_cast<EventSink&>(*recorder) : ring)), ring_(ring), recorder_(recorder) {}

  void meet(const Source& s) { look(&s, now_, true); }   // what it will hear is known before anything comes
  void hear(Source&);                    // until it ends
  void finish();                         // nothing follows: what is held is heard or given up
  // From any thread, at any time: what it had seen a second ago, or when its plan last changed.
  Seen seen() {
    const std::lock_guard lock(mutex_);
    Seen s = seen_;
    seen_.worst = seen_.plan;
    return s;
  }

 private:
  void keep_up(Time now, double fill);
  void look(const Source*, Time now, bool last);

  std::unique_ptr<Traffic> traffic_;
  EventRing& ring_;
  Recorder* const recorder_;
  Seen::Mark first_, last_;
  Time now_ = 0, looked_ = 0, apart_ = 0, apart_at_ = 0;
  Overload overload_;
  Plan looked_plan_ = Plan::all;
  std::mutex mutex_;             // held for a copy, once a second
  Seen seen_;
};

// The same interface as several workers heard it: what was counted adds up; it is down when it is for one.
Seen::Heard together(const std::vector<Seen>&, size_t interface);
// Every interface that one of them knows.
std::vector<Seen::Heard> together(const std::vector<Seen>&);

}  // namespace vidra
