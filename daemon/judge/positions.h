// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "daemon/judge/detector.h"
#include "daemon/judge/voices.h"

namespace vidra {

// VAL-04: the position of one switch, told by several devices that part. A position is told when it changes and holds as long as its
// device is heard.
class Positions {
 public:
  void declare(const Site&, Voices&);                // what was said by those that are declared as before, and about them, stays
  // Any word of a device: nobody repeats a position, so that they differ still is seen by whatever else is said.
  void hear(uint32_t voice, const Event&, const Context&, Findings&);
  // A member of a quantity (by its number in the site) says a position, or that it knows none.
  void take(uint32_t quantity, uint32_t member, const Point&, const Event&, const Context&, Findings&);

 private:
  struct Member {
    const QuantityMember* declared = nullptr;
    uint64_t key = 0;
    uint32_t voice = 0;
    bool on = false;
    Time at = 0;                                     // when it was said; 0 nothing is known
    Time again = 0;                                  // first word of its voice since they part, from which on it has gone on speaking; 0 none
  };
  struct Quantity {
    const SiteQuantity* declared = nullptr;          // nullptr: not of a position
    uint64_t name = 0;
    std::vector<Member> members;
    Time since = 0;                                  // they are apart; 0 they are not
    bool told = false;
  };
  struct Voice {
    Time last = 0, longest = 0;                      // its last word, and its longest pause
    std::vector<uint32_t> quantities;                // that it is a member of
  };
  void compare(Quantity&, const Event&, const Context&, Findings&);

  std::vector<Quantity> quantities_;                 // as many as the site has
  std::vector<Voice> voices_;                        // as many as there are at the most
};

}  // namespace vidra
