// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <vector>

#include "daemon/capture/tap.h"

namespace vidra {

// A Source over taps, one for each interface; those of one group are merged in time order over a window. `room`: frames that
// may be held of each where there are several.
std::unique_ptr<Source> hear(std::vector<Interface>, std::vector<std::unique_ptr<Tap>>, Time merge_window, size_t room);

}  // namespace vidra
