// SPDX-License-Identifier: Apache-2.0
// Read once for the room in builds with sanitizers (meson.build).
#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/text.h"
#include "daemon/judge/deeds.h"
#include "daemon/judge/net.h"
#include "daemon/judge/rules.h"
