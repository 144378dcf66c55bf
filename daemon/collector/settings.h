// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/collector/intake.h"
#include "daemon/link/receiver.h"

namespace vidra {

inline constexpr const char* collector_config = "/etc/vidra/collector.toml";
inline constexpr const char* collector_state = "/var/lib/vidra-collector";

enum class Show : uint8_t { text, json, nothing };

// All that a collector can be told; the values here are the defaults that config/collector.toml shows.
struct CollectorSettings {
  std::string state = collector_state;       // keys, table of sensors' keys, journal, index
  std::string listen = "*:7421";
  std::string contact;                       // whom sensors' operators call
  ReceiverSettings link;                     // endpoint, known_keys, software and contact are filled in at the start
  IntakeSettings intake;                     // directory likewise
  Time silent_after = 45 * second;           // a sensor unheard for so long is silent
  Show show = Show::text;                    // on standard output
  int severity = 1;                          // what is shown, at least
  std::string language = "en", words;        // of what is shown; folder of the language files, "" the installed one
  Time update_every = 10 * second;           // an alert that goes on is shown again at most so often
};

// Reads a settings file; false with problems when anything in it is wrong (file:line:column, what was found, what is allowed).
bool read_collector_settings(const std::string& path, CollectorSettings&, std::vector<std::string>& problems);

}  // namespace vidra
