// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "daemon/base/command_line.h"

namespace vidra {

// Where the commands find a collector's folder: --state, or the settings file's, or the usual one.
struct AtState {
  std::string config, state;
  std::string language, words;   // as the settings file has them, where it was read
  void add_options(CommandLine);
  // Settles `state`; as root, goes on as the folder's owner, so that no file of the collector becomes root's. False, with a
  // word on standard error about what to type, when there is no collector.
  bool find();
};

}  // namespace vidra
