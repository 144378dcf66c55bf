// SPDX-License-Identifier: Apache-2.0
// Read once for the room in builds with sanitizers (meson.build).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "daemon/base/text.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"
