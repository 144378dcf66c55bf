// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "dissectors/message.h"

namespace vidra {

// Wall time that never goes back and never jumps: it runs with the monotonic clock and leans towards the wall clock by at
// most one per cent of the time that passes. After a step of the wall clock, silence and timeouts go on undisturbed.
class SteadyWall {
 public:
  SteadyWall(Time monotonic, Time wall) : monotonic_(monotonic), now_(wall) {}

  // Both clocks, read together; returns the steady time.
  Time advance(Time monotonic, Time wall) {
    const Time passed = std::max<Time>(0, monotonic - monotonic_);
    monotonic_ += passed;
    now_ += passed;
    const Time lean = std::clamp(wall - now_, -passed / 100, passed / 100);
    now_ += lean;
    skew_ = wall - now_;
    return now_;
  }
  // How far the wall clock, and so whatever was stamped by it, is ahead.
  Time skew() const { return skew_; }

 private:
  Time monotonic_, now_, skew_ = 0;
};

}  // namespace vidra
