// SPDX-License-Identifier: Apache-2.0
// Detections of works: windows in which findings are kept, marked and never urgent.
#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Detection rows[] = {
    {"WRK-01", "Works ended: what stayed changed", 1, Audience::sensor, "", "other:other",
     "Inside a window findings are not urgent, so its end is the time to look at what it leaves behind: new hosts, values, settings, programs.",
     "Hold the list against the permit, and undo what does not belong to it; `vidra diff` shows the rest.",
     "`[detection.WRK-01]\noff = true`."},
    {"WRK-02", "Works overdue", 2, Audience::sensor, "", "other:other",
     "A window that nobody closed means works that go on without a permit, or a crew that left something behind. After its end nothing is softened.",
     "Ask the crew, then `vidra window close`, or open the next window with the new permit.",
     "`[detection.WRK-02]\nseverity = 1`."},
};

}  // namespace

extern constexpr Family works_family = {"Works", rows};

}  // namespace vidra
