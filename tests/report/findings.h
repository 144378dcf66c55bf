// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "daemon/report/story.h"

namespace vidra {

// A small catalogue of the tests' own.
inline constexpr Detection sweep{"I104-05", "Breaker sweep", 5, Audience::security, "T0806", "intrusions:system-compromise",
    "Many switching objects in a short time is how Industroyer2 opened breakers.",
    "Ask the control room whether it is switching; if not, isolate the source.",
    "[detections.I104-05]\nthreshold = 10"};
inline constexpr Detection new_master{"I104-01", "New controlling station", 5, Audience::security, "T0848", "intrusion-attempts:exploit-vuln",
    "Who opens the connection may command.", "Find the host and whoever runs it.", ""};
inline constexpr Detection new_host{"NET-01", "New host", 3, Audience::security, "T0864", "information-gathering:scanner",
    "A machine nobody declared speaks in the control network.", "Find the machine by its MAC address on the switch.", ""};
inline constexpr Detection slow{"I104-20", "Reports stopped", 3, Audience::operations, "", "availability:outage",
    "The control room is blind for this station.", "Look at the telecontrol link.", ""};

inline Address ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) { return Address::ip4(a << 24 | b << 16 | c << 8 | d); }

// The attacker's sweep of the lab recording.
inline Finding finding(Time t, const Detection& d = sweep, uint64_t cause = 1) {
  Finding f;
  f.detection = &d;
  f.severity = d.severity;
  f.scene.time = t;
  f.scene.frame = 4711;
  f.scene.client = {ip(10, 10, 1, 199), 40112};
  f.scene.server = {ip(10, 10, 1, 20), 2404};
  f.scene.protocol = uint16_t(protocol_index("tcp"));
  f.source = {ip(10, 10, 1, 199), "laptop"};
  f.target = {ip(10, 10, 1, 20), "rtu1"};
  f.cause = cause;
  f.station = "common address 11";
  f.object = "objects 5101-5124";
  f.what = "double command OFF to 24 switching objects, 12 of them unknown to the station";
  f.expected = "commands to rtu1 from scada (10.10.100.10) alone, at most 2 a minute";
  return f;
}

// Keeps every telling whole.
struct Stories final : StorySink {
  std::vector<Story> all;
  void tell(const Story& s) override { all.push_back(s); }
};

}  // namespace vidra
