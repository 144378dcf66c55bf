// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "daemon/judge/detector.h"

namespace vidra {

// Of measured values what VAL-03 did not look at.
struct ValuesUnwatched {
  uint64_t stations = 0;   // messages of stations beyond those that it follows
  uint64_t objects = 0;    // values of objects that share a place with others of their station
  uint64_t points = 0;     // values behind the 64th of a message
};
// Of the detector among these; nullptr where there is none.
const ValuesUnwatched* values_unwatched(const Detectors&);

}  // namespace vidra
