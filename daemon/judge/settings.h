// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/judge/catalogue.h"
#include "dissectors/message.h"

namespace vidra {

class Indicators;
class FieldRules;

// What an operator changed about one detection.
struct DetectionSettings {
  bool off = false;                                     // off is off: nothing of it is found, told or counted
  uint8_t severity = 0;                                 // 1 to 5; 0 leaves the catalogue's
  std::map<std::string, double, std::less<>> numbers;   // thresholds by key
};

// How the judge is to work. `learn` takes in what it hears and raises only what needs no knowledge; `watch` compares.
struct JudgeSettings {
  enum class Mode : uint8_t { learn, watch } mode = Mode::watch;
  Time learn_for = 0;              // in mode learn: after so much of the traffic's time, watch; 0: until told
  size_t flow_limit = 32'768;      // conversations whose resolution is kept, a power of two is made of it
  size_t host_limit = 16'384;      // hosts whose last word is kept
  std::map<std::string, DetectionSettings, std::less<>> detections;   // by id
  std::shared_ptr<const Indicators> indicators;   // the site's lists; nullptr none
  std::shared_ptr<const FieldRules> rules;        // its own rules; nullptr none
  std::vector<std::string> list_flaws;            // what of both is not in force, each with its place

  // A threshold of a detection: what the operator set, else the catalogue's. The key must be in the catalogue.
  double number(const Detection&, std::string_view key) const;
};

}  // namespace vidra
