// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "daemon/judge/event.h"
#include "daemon/sensor/event_ring.h"
#include "dissectors/facts.h"

namespace vidra {

// Between several workers and the judge. An interface is silent when no worker hears it, and brings one direction when no
// worker hears both: what each says of its own part is put together here and told once. Everything else passes.
class Ears final : public EventSink {
 public:
  Ears(EventSink& to, const EventMerge& merge, size_t workers);
  void see(const Event&) override;

 private:
  struct Ear {
    std::vector<uint8_t> silent, counted;        // by worker
    Time last = 0;                               // that any of them heard it
    bool told_silent = false, told_one_way = false;
    uint64_t one_way = 0, two_way = 0;           // conversations, until all have said theirs
  };
  void tell(const Event&, SensorFact, uint64_t tag);
  static bool all(const std::vector<uint8_t>&);

  EventSink& to_;
  const EventMerge& merge_;
  size_t workers_;
  int sensor_;
  std::vector<Ear> ears_;                        // by interface
};

}  // namespace vidra
