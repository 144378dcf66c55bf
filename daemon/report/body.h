// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/report/border.h"
#include "daemon/report/language.h"
#include "daemon/report/story.h"

namespace vidra {

// Who speaks, and under which agreement. What a collector is told of a story is made once for each collector.
struct Issuer {
  std::string id;                     // UUID text of the sensor
  std::string name, site;
  std::string tlp = "AMBER";          // Traffic Light Protocol 2.0: CLEAR, GREEN, AMBER, AMBER+STRICT, RED
  std::string policy_id;              // of the agreement under which this is sent; "" none
  bool test = false;                  // exercise: real in form, not in fact
  bool operations_in_full = false;    // false: stories for operations leave as states and counts only
  std::shared_ptr<const Border> border;       // what may leave, and how; none: everything as it is, for those who stay on site
  std::shared_ptr<const Language> language;   // of title, why and next; none: English
};

// The body of an ALERT (first telling) or UPDATE (later ones), docs/record-body.schema.json. `detected`: when it was told.
std::string story_body(const Story&, const Issuer&, Time detected);

// What the sensor says of itself. Counters count since `since`.
struct Health {
  struct Interface {
    std::string name;
    uint64_t packets = 0, octets = 0, dropped = 0;
    std::optional<Time> silent;       // nanoseconds without a frame; none: not silent
    bool up = true;
  };
  struct Lane {
    uint64_t waiting = 0, octets = 0, evicted = 0;   // records not yet acknowledged, their size, given up
    Time oldest = 0;                                 // when the oldest of them was made; 0 none
  };
  Time since = 0, now = 0;
  std::string version, rules, boot;   // software, hash of settings and memory, boot identifier
  std::vector<Interface> interfaces;
  std::map<std::string, Lane> lanes;  // "critical", "alert", "state"
  std::map<std::string, uint64_t> counts;            // "packets", "malformed", "findings", "octets_lost" …: what the pipeline counts
  std::string clock = "free-running"; // free-running, NTP, PTP, GNSS
  Time clock_error = 0;               // estimated, nanoseconds; 0 unknown
  std::optional<double> cpu;          // cores in use
  uint64_t memory = 0, disk_free = 0; // octets; 0 unknown
  std::vector<std::string> complaints;               // what an operator should know, one sentence each
};
std::string health_body(const Health&, const Issuer&);

}  // namespace vidra
