// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "daemon/capture/source.h"

namespace vidra {

// Plays a recording at a multiple of the pace it was recorded at (1: as recorded, 20: twenty times as fast). Packets keep their
// recorded times; between them time is delivered without packets, as a live source does. Waits by sleeping, a millisecond at least.
std::unique_ptr<Source> paced(std::unique_ptr<Source> recording, double pace);

}  // namespace vidra
