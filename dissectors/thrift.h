// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace vidra {

// What all parsers of a pool may leave out while more comes than can be worked through, and what they left out (Pool::shared).
struct Thrift {
  static constexpr uint64_t kept = 8;   // of sampled values one in so many is worked out; counters and headers are read of all
  bool samples = false;                 // leave out the others
  uint64_t samples_left_out = 0;
};

}  // namespace vidra
