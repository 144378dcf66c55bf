// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/toml_file.h"
#include "daemon/sensor/settings.h"

namespace vidra {

// What `vidra setup` asks, in its order.
struct Answers {
  CaptureGroup::Kind attached = CaptureGroup::Kind::mirror;
  bool told_how = false;                       // `attached` was answered
  std::vector<std::string> interfaces;         // a pair has two
  std::string name;                            // of the sensor; "" the host's
  std::string site, zone;
  std::vector<std::string> prefixes;           // address ranges of the zone: "10.10.1.0/24"
  std::string collector;                       // "tcp://host:port"; "" none
  std::string key;                             // its server_key
  std::string collector_name = "cert";
  std::string tlp = "AMBER";
  bool operations_in_full = false;
  std::string learn_for = "14d";
};

inline constexpr std::string_view attachments[] = {"mirror", "tap-pair", "prp-pair", "remote-mirror"};   // by CaptureGroup::Kind
inline constexpr std::string_view tlps[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"};

// What is wrong with one answer, as a sentence that says what is allowed; "" nothing.
std::string flaw_of_interfaces(CaptureGroup::Kind, const std::vector<std::string>&);
std::string flaw_of_prefix(const std::string&);
std::string flaw_of_endpoint(const std::string&);
std::string flaw_of_key(const std::string&);
std::string flaw_of_collector_name(const std::string&);
std::string flaw_of_duration(const std::string&);

// vidra.toml of these answers: short, commented, accepted by the sensor.
std::string settings_text(const Answers&);

// Reads the same answers from a file (setup_file.cc): attached, interfaces, name, site, zone, prefixes, collector, key, collector_name, tlp,
// operations_in_full, learn_for. What the file does not say stays as it was.
void read_answers(const std::string& path, Answers&, Problems&);

}  // namespace vidra
