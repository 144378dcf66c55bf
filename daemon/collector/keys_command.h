// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/command_line.h"

namespace vidra {

// `vidra keys`: which sensors may speak to a collector on this machine; list, approve, suspend, revoke, fingerprint.
void add_keys(CommandLine, int& status);

}  // namespace vidra
