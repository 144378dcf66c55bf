// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/publisher_watch.h"
#include "daemon/judge/works.h"

namespace vidra {

Detectors all_detectors(const JudgeSettings& settings) {
  Detectors all;
  add_net_detectors(all, settings);
  add_time_detectors(all, settings);
  add_command_detectors(all, settings);
  add_goose_detectors(all, settings);
  add_sampled_value_detectors(all, settings);
  add_value_detectors(all, settings);
  add_list_detectors(all, settings);
  all.push_back(std::make_unique<Works>());
  return all;
}

}  // namespace vidra
