// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/live.h"
#include "daemon/capture/tap.h"

namespace vidra {

class Spread;

// One interface through rings of the kernel's (AF_PACKET, TPACKET_V3), one for each of `queues` workers; frames are spread
// by `spread`. No frame is let in before the last queue has joined, and after a loss of the interface all join anew, in the same
// order: queue i of one interface and queue i of another hear the same conversations. Each tap belongs to one thread.
// Throws std::runtime_error that says what to type.
std::vector<std::unique_ptr<Tap>> open_rings(const std::string& name, uint16_t index, const LiveSettings&, size_t queues, const Spread& spread);

}  // namespace vidra
