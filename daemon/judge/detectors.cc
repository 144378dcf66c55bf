// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/publisher_watch.h"

namespace vidra {

Detectors all_detectors(const JudgeSettings& settings) {
  Detectors all;
  add_net_detectors(all, settings);
  add_time_detectors(all, settings);
  add_command_detectors(all, settings);
  add_goose_detectors(all, settings);
  add_sampled_value_detectors(all, settings);
  return all;
}

}  // namespace vidra
