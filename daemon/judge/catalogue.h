// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string_view>

namespace vidra {

// Who is helped by knowing it. `operations` leaves the site as states and counts only.
enum class Audience : uint8_t { security, operations, sensor };
std::string_view name_of(Audience);

// A number that a detection compares with; may be set for a site under [detection.ID].
struct Threshold {
  std::string_view key;        // "targets", as in the settings
  double value;                // as delivered
  std::string_view unit;       // "s", "objects", "" none
  std::string_view meaning;    // one sentence
};

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
  std::span<const Threshold> thresholds = {};
  const Detection* under = nullptr;   // of a site's own rule: the row of the catalogue whose settings it obeys
};

extern const std::span<const Detection> catalogue;   // family after family, by number
const Detection* detection(std::string_view id);     // nullptr when there is none
const Detection& row(std::string_view id);           // one that is known to be there; ends the program where it is not
inline size_t index_of(const Detection& d) { return size_t(&d - catalogue.data()); }   // in the catalogue

// A detection that is known elsewhere and that this sensor does not raise.
struct NotRaised { std::string_view id, title, reason; };
extern const std::span<const NotRaised> not_raised;   // sorted

void write_catalogue(std::ostream&);                 // docs/ALERTS.md

}  // namespace vidra
