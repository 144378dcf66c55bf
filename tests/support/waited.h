// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <filesystem>
#include <fstream>

#include "daemon/base/clock.h"

namespace vidra {

// Nanoseconds for which the threads of this process were ready to run and had no core, so far, all together; 0 where the kernel does
// not say. A limit in seconds is the program's own: what others took of a busy machine is added to it.
inline Time waited_for_a_core() {
  Time all = 0;
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    Time ran = 0, waited = 0;
    if (std::ifstream(task.path() / "schedstat") >> ran >> waited) all += waited;
  }
  return all;
}

}  // namespace vidra
