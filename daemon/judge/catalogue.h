// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace vidra {

// Who is helped by knowing it. `operations` leaves the site as states and counts only.
enum class Audience : uint8_t { security, operations, sensor };
std::string_view name_of(Audience);

// One row of the catalogue: data, from which alerts, docs/ALERTS.md and the settings' keys are generated.
struct Detection {
  std::string_view id;         // "I104-05"
  std::string_view title;      // "Breaker sweep": what a tired engineer reads first
  uint8_t severity;            // 1 information … 5 critical
  Audience audience;
  std::string_view technique;  // ATT&CK for ICS, "T0806"; "" where none fits
  std::string_view rsit;       // Reference Security Incident Taxonomy, "intrusions:system-compromise"
  std::string_view why;        // why it matters, one or two sentences
  std::string_view next;       // what to check first
  std::string_view tune;       // how to tune it: the TOML to write
};

extern const std::span<const Detection> catalogue;   // sorted by id as printed in the docs
const Detection* detection(std::string_view id);     // nullptr when there is none

}  // namespace vidra
