// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "daemon/base/sandbox.h"
#include "daemon/sensor/settings.h"

namespace vidra {

// The folder that the service manager made for sockets, or what `--run` names; "" none.
std::string run_folder(const std::string& named);

// Starts that did not end well, counted in the run folder: after three in a row the next waits 1 s, then 2, 4 … at most a minute, before it opens
// anything. What has heard for a minute is well again.
class Starts {
 public:
  explicit Starts(const std::string& folder);       // "": nothing is counted
  unsigned unwell() const { return unwell_; }        // in a row, before this one
  Time wait() const;                                 // before anything is opened
  static constexpr unsigned many = 3;                // after so many the next one waits
  void well();                                       // it has heard for a minute, or ends as it should

 private:
  std::string path_;
  unsigned unwell_ = 0;
};

// What the sensor needs once everything is open.
Sandbox sandbox_of(const SensorSettings&, const std::string& config, const std::string& run);

}  // namespace vidra
