// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "daemon/judge/finding.h"
#include "daemon/report/resemblance.h"

namespace vidra {

// The packet that completed a finding: its time and number (Scene), and between whom.
struct Deciding {
  Time time = 0;
  uint64_t frame = 0;
  Address client, server;
};
inline constexpr size_t most_deciding = 64;   // of a telling

// What one detection told of a story that several tell.
struct StoryStep {
  const Detection* detection = nullptr;
  Time first = 0;
  uint64_t count = 0;          // its findings, by weight
  uint8_t severity = 0;
  std::string what;            // the words of its first finding
  Party target;                // of that one, too
  uint16_t port = 0;
  std::string protocol;
};
std::vector<std::string> texts_of(const std::vector<StoryStep>&);   // "21:03:20 I104-01: laptop opened rtu1 …", with a count where there is one
inline constexpr size_t most_steps_of_story = 16;

// Findings of one cause, told as one: when it began, when it was last seen, how often, and the words of the worst of them.
struct Story {
  uint64_t number = 0;         // the same in every run over the same input; unique within a sensor's epoch
  std::string id;              // UUID text, the same at every collector
  const Detection* detection = nullptr;
  uint8_t severity = 0;
  double confidence = 1;
  Time first = 0, last = 0;
  Time clock_error = 0;        // how wrong these times may be, the worst of its findings; 0: nothing was heard to tell it by
  std::string clock;           // "PTP", "NTP" …: what tells it
  uint64_t count = 0;          // findings, by weight
  uint32_t revision = 0;       // 0 the first telling, then one more with each update
  bool turned = false;         // since it was told last it became more severe, or another step leads it
  uint64_t frame = 0;          // of the first finding's event
  std::string protocol;        // name
  Party source, target;
  uint16_t port = 0;           // server's, 0 for none
  std::string station, object, what, expected;
  std::vector<StoryStep> steps;           // in their order, where several detections tell of one cause; none: only `detection` does
  std::optional<Resemblance> resembles;   // a known attack, with all that its source has done
  bool in_window = false;
  bool closed = false;         // no update will follow
  std::vector<Deciding> deciding;   // since it was told last; beyond most_deciding the last ones are not named
  bool on_wire = false;             // packets decided it, at this telling or before
};

struct StorySink {
  virtual void tell(const Story&) = 0;

 protected:
  ~StorySink() = default;
};

}  // namespace vidra
