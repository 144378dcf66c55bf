// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "daemon/judge/catalogue.h"
#include "daemon/judge/event.h"

namespace vidra {

// One end of what happened, as an alert names it.
struct Party {
  Address address;         // MAC for layer 2
  std::string name;        // declared, "" unknown
};

// One conclusion of one detector: which detection, between whom, about what, what was seen and what was expected. Made
// rarely, so it may own strings.
struct Finding {
  const Detection* detection = nullptr;
  uint8_t severity = 0;    // 1 to 5; the catalogue's, adjusted by role, window or threshold
  double confidence = 1;   // 0 to 1
  Scene scene;             // of the event that completed the proof
  Party source, target;    // who did it, to whom
  uint64_t cause = 0;      // findings with the same detection, source, target and cause are one story
  std::string station;     // "common address 11", "unit 1", "outstation 10", "" where there is none
  std::string object;      // "information object 5101", "holding registers 0-9"
  std::string what;        // one sentence: what was seen, with names and numbers
  std::string expected;    // one sentence: what the site declares or has learned
  uint64_t weight = 1;     // how many occurrences this finding stands for
  Act act = Act::other;    // what was done, and the bay of what it was done to: works may be confined to them
  std::string bay;
  Time clock_error = 0;    // how wrong the scene's time may be, by the clocks that are heard; 0: nothing to tell it by
  std::string_view clock;  // by which kind of them: "NTP"
  uint32_t device = 0;     // of a difference the declared host that it is about, where that is not the source
  bool difference = false; // no more than that the wire differs from what is declared, and always did: silent where that is an import nobody reviewed
  bool in_window = false;  // inside a declared maintenance window: kept, marked, never urgent
};

struct FindingSink {
  virtual void found(Finding&&) = 0;

 protected:
  ~FindingSink() = default;
};

}  // namespace vidra
