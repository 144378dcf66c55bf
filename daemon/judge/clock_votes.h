// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>
#include <vector>

#include "daemon/judge/clocks.h"
#include "daemon/judge/rules.h"

namespace vidra {

// TIM-09 and TIM-10: a clock that all others do not agree with, the capture's own one voter among them. TIM-12: devices that no longer
// say that they are synchronised. TIM-13: one that was apart since it is heard. Asked every ten seconds.
class ClockVotes {
 public:
  explicit ClockVotes(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings&);
  void tick(const Clocks&, const Context&, Findings&);
  // Those that agreed with the others since this was asked last, while Memory learns.
  struct Right { Address talker; HostMemory::Clock clock; };
  std::vector<Right> take_right() { return std::exchange(right_, {}); }

 private:
  struct Kept {
    Time seen = 0, before = 0;             // when it was looked at last, and how far it was from the others then
    Time since = 0;                        // it is apart; 0 it is not
    Time from = 0;                         // how far it was when it was last right
    uint64_t heard = 0;                    // its offsets by `since`
    bool right = false, stepped = false, told = false;
  };
  void apart(const HeardClock&, Kept&, Time by, const ClockAgreement&, const Context&, Findings&);
  void own(const ClockAgreement&, const Context&, Findings&);
  void lost(const HeardClock&, const Context&, Findings&);

  const Detection& disagrees_ = row("TIM-09");
  const Detection& own_ = row("TIM-10");
  const Detection& lost_ = row("TIM-12");
  const Detection& never_ = row("TIM-13");
  Time now_ = 0, events_ = 0, settled_ = 0, adrift_ = 0;
  Recent<Kept> kept_{1024};
  Recent<Time> lost_told_{1024};           // when a device was last known to have lost it
  Time own_since_ = 0;
  bool own_told_ = false;
  std::vector<Right> right_;
};

}  // namespace vidra
