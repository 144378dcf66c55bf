// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "tests/judge/hearing.h"
#include "tests/support/events.h"

namespace vidra {

// A small plant for scripts: a control centre with a stand-in nobody declared, an RTU, an outstation, a controller, and a
// laptop that does not belong there.
inline constexpr std::string_view scada = "10.9.1.10", spare = "10.9.1.11", rtu = "10.1.1.20", outstation = "10.1.1.21", hmi = "10.1.1.30", plc = "10.1.1.60", laptop = "10.1.1.199";
inline constexpr Time start = 1'795'000'000 * second;

inline constexpr std::string_view plant_site = R"(
[site]
prefixes = ["10.1.1.0/24", "10.9.1.0/24"]
[[host]]
name = "scada"
address = "10.9.1.10"
role = "master"
[[host]]
name = "rtu1"
address = "10.1.1.20"
role = "rtu"
[[host]]
name = "rtu2"
address = "10.1.1.21"
role = "rtu"
[[host]]
name = "hmi"
address = "10.1.1.30"
role = "hmi"
[[host]]
name = "plc1"
address = "10.1.1.60"
role = "plc"
[[conversation]]
client = "scada"
server = "rtu1"
protocol = "iec104"
port = 2404
acts = ["reading", "select", "operate", "cancel", "time"]
[[conversation]]
client = "hmi"
server = "rtu1"
protocol = "iec104"
port = 2404
acts = ["reading"]
[[conversation]]
client = "scada"
server = "rtu2"
protocol = "dnp3"
port = 20000
acts = ["reading", "select", "operate", "time"]
origins = [1]
[[conversation]]
client = "hmi"
server = "plc1"
protocol = "modbus"
port = 502
acts = ["reading", "write"]
objects = ["holding register 30", "coil 3"]
[[conversation]]
client = "scada"
server = "plc1"
protocol = "modbus"
port = 502
acts = ["reading"]
[[iec104_point]]
host = "rtu1"
station = 11
address = 5101
count = 6
type = "C_DC_NA_1"
kind = "switchgear"
mode = "select"
feedback = 1101
bay = "J1"
name = "Q0"
[[iec104_point]]
host = "rtu1"
station = 11
address = 5001
count = 8
type = "C_SC_NA_1"
kind = "reset"
mode = "direct"
[[iec104_point]]
host = "rtu1"
station = 11
address = 6001
type = "C_SE_NC_1"
kind = "set_point"
mode = "direct"
min = 0
max = 25
[[iec104_point]]
host = "rtu1"
station = 11
address = 1101
count = 6
type = "M_DP_TB_1"
[[dnp3_point]]
host = "rtu2"
outstation = 10
type = "crob"
index = "0-7"
mode = "select"
feedback = "0-7"
[[dnp3_point]]
host = "rtu2"
outstation = 10
type = "analog_output"
index = 1
mode = "direct"
min = 0
max = 100
[[modbus_point]]
host = "plc1"
unit = 1
table = "holding_register"
address = 30
writable = true
min = 0
max = 1000
)";

// Plays scripts and keeps what was found.
struct Plant {
  explicit Plant(std::string_view site = plant_site) : heard(site) {}
  explicit Plant(Hearing::Options o) : heard(std::move(o)) {}

  Plant& operator()(const Scripted& e) {
    heard.judge.see(e.event());
    return *this;
  }
  void until(Time t) {                         // with something ordinary said at its end
    for (Time at = start + t; now < at;) now = std::min(at, now + 5 * second), heard.judge.tick(now);
    (*this)(iec104_report(now, scada, rtu, M_ME_TF, 3, 11, 2001, 1));
    heard.judge.tick(now + 200 * millisecond);
  }
  size_t times(std::string_view id) const { return heard.times(id); }
  uint64_t weight(std::string_view id) const { return heard.weight(id); }
  const Finding& last(std::string_view id) const { return heard.last(id); }
  size_t stories() const { return heard.stories(); }
  std::string told() const { return heard.told(); }
  size_t of(std::string_view family) const {
    const auto& findings = heard.findings;
    return size_t(std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.detection->id.starts_with(family); }));
  }
  Hearing heard;
  Time now = start;
};

// A memory that learned from a script.
inline Memory learned(const std::vector<Scripted>& script) {
  Memory m;
  for (const Scripted& e : script) m.learn(e.event());
  return m;
}

}  // namespace vidra
