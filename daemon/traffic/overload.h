// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "dissectors/message.h"

namespace vidra {

// What a worker leaves out while more comes than it can work through; each step with those before it. Commands, writes, sessions,
// what publishers of GOOSE say and the sensor's own facts are never left out.
enum class Plan : uint8_t {
  all,            // nothing is
  samples,        // of sampled values one in eight is worked out; their counters and headers are read of all
  opaque,         // payloads that no dissector wants are counted, not put in order; nobody is asked what they are
  measurements,   // reports of values and polling are counted, not judged
};

// In words, for people.
constexpr std::string_view text_of(Plan p) {
  constexpr std::string_view steps[] = {
      "nothing is left out", "of sampled values one in eight is worked out, their counters and headers all",
      "of sampled values one in eight is worked out, and payloads that no dissector wants are only counted",
      "of sampled values one in eight is worked out, payloads that no dissector wants are only counted, and so are reports of values and polling"};
  return steps[size_t(p)];
}

// Decides by how full the buffers on the way are: up at once, down one step when it has been calm for a second.
class Overload {
 public:
  // The fullest buffer, 0 to 1. `now` never goes back.
  Plan look(Time now, double fill) {
    while (plan_ < Plan::measurements && fill >= enter[size_t(plan_) + 1]) plan_ = Plan(size_t(plan_) + 1);
    if (plan_ == Plan::all || fill >= enter[size_t(plan_)] / 2) calm_since_ = now;
    else if (now - calm_since_ >= second) plan_ = Plan(size_t(plan_) - 1), calm_since_ = now;
    return plan_;
  }
  Plan plan() const { return plan_; }

  static constexpr std::array<double, 4> enter = {0, 0.3, 0.5, 0.7};

 private:
  Plan plan_ = Plan::all;
  Time calm_since_ = 0;
};

}  // namespace vidra
