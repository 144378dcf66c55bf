// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/judge/inventory.h"
#include "daemon/judge/memory.h"
#include "daemon/report/story.h"
#include "daemon/sensor/settings.h"
#include "daemon/traffic/accounts.h"

namespace vidra {

// What the judge made of recordings: the stories in their last state, in the order in which they began.
struct Judged {
  std::vector<Story> stories;
  Inventory inventory;
  uint64_t packets = 0, conversations = 0, records = 0;
  Octets octets;
  Time first = 0, last = 0;
  int status = 0;                     // as the command ends: what could not be read was told
};
Judged judge_files(const std::vector<std::string>& files, SensorSettings, Memory);

// The differences between two judgements of the same recordings. Stories meet by detection, source, target, station and object, in
// the order in which they began.
struct Comparison {
  std::vector<const Story*> only_old, only_new;
  std::vector<std::pair<const Story*, const Story*>> changed;   // in severity, count or works
  size_t same = 0;
};
Comparison compared(const std::vector<Story>& before, const std::vector<Story>& after);

// "Breaker sweep: scada (10.10.100.10) → rtu1 (10.10.1.20)", fit for a terminal.
std::string headline(const Story&);

}  // namespace vidra
