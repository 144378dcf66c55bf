// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/command_line.h"

namespace vidra {

// `vidra alerts`: what a collector on this machine has been told, selected, as text or JSON lines, once or as it comes.
void add_alerts(CommandLine, int& status);
// `vidra sensors`: who was heard and when, who is silent, what is missing.
void add_sensors(CommandLine, int& status);

}  // namespace vidra
