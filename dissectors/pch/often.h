// SPDX-License-Identifier: Apache-2.0
// Read once for the room in builds with sanitizers (meson.build).
#include <algorithm>
#include <array>

#include "dissectors/protocol.h"
