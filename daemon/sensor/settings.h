// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "daemon/base/toml_file.h"
#include "daemon/capture/live.h"
#include "daemon/evidence/settings.h"
#include "daemon/judge/field_rules.h"
#include "daemon/judge/indicators.h"
#include "daemon/judge/memory.h"
#include "daemon/judge/settings.h"
#include "daemon/judge/site.h"
#include "daemon/link/outbox.h"
#include "daemon/report/border.h"
#include "daemon/report/language.h"
#include "daemon/report/marking.h"
#include "daemon/report/reporter.h"
#include "daemon/traffic/traffic.h"

namespace vidra {

struct CaptureGroup {
  enum class Kind : uint8_t { mirror, tap_pair, prp_pair, remote_mirror } kind = Kind::mirror;
  std::string name;
  std::vector<std::string> interfaces;
};

struct CaptureSettings {
  std::vector<std::string> interfaces;      // by name; none: nothing to hear live
  std::vector<CaptureGroup> groups;
  PacketReceiver source = PacketReceiver::automatic;
  std::string filter;                       // BPF, as tcpdump writes it; "" everything
  uint64_t buffer = 64u << 20;              // octets of the kernel's ring, per interface
  uint32_t snaplen = 65'535;
  DpdkSettings dpdk;
  size_t workers = 0;                       // that hear; 0: by what the machine has
  std::vector<int64_t> cores;               // of each worker; none: wherever there is room
};

inline constexpr size_t most_workers = 64;

// Of so many cores that this process may use: one hears well over half a million packets a second, and the judge, the links
// and the kernel's own part of each packet want the rest.
constexpr size_t automatic_workers(size_t cores) { return cores <= 2 ? 1 : std::min<size_t>(cores / 2, 8); }

// One receiver of what the sensor tells, with an outbox of its own.
struct CollectorLink {
  std::string name;
  std::vector<std::string> endpoints;       // "tcp://host:port"
  std::string server_key;                   // Z85, 40 characters: from `vidra keys fingerprint` at the collector
  std::string tlp = "AMBER", policy_id;     // tlp: the highest that it is told, and the marking of what has none of its own
  bool test = false, operations_in_full = false;
  Policy policy;                            // what of a record leaves, and in which form
  Time heartbeat = 10 * second;             // PING when nothing else was heard; three without an answer: a new connection
  Time retry_longest = minute;              // between two attempts to reach it
  std::array<LaneBounds, lane_count> lanes = OutboxSettings{}.lanes;
};

// All of vidra.toml, with its defaults. Nobody behind it sees TOML.
struct SensorSettings {
  std::string name;                         // "" the host's name
  std::string state = "/var/lib/vidra";     // keys, outboxes
  CaptureSettings capture;
  TrafficSettings traffic;
  JudgeSettings judge;
  std::string memory;                       // file of the learned Memory, "" none
  std::vector<std::string> frozen_by;       // keys whose frozen Memory is accepted; none: any, and one that nobody froze
  ReportSettings report;
  std::shared_ptr<const Language> language; // of what is told; never null
  uint64_t ring = 32u << 20;                // octets between a worker and the judge
  EvidenceSettings evidence;
  Time health_every = minute;
  std::vector<CollectorLink> collectors;
  Markings markings;
  std::shared_ptr<const Site> site;         // never null
  Problems remarks;                         // what is not in force, though the sensor may run: windows of the box that are wrong
  std::string path;                         // where all this was read; files are named relative to it
  std::vector<std::string> indicator_files, rule_files;   // as [indicators] and [rules] name them
  std::vector<FieldRule> own_rules;         // those of vidra.toml itself
  std::vector<int64_t> list_looks;          // looks_of_lists when they were read
};

// At a start, a sensor would rather hear without a list than not hear; whoever checks or reloads settings is still there to correct it.
enum class When : uint8_t { asked, starting };
// Reads vidra.toml. What is wrong is in problems, each with its place; then the settings are not to be used.
// An empty path is the embedded defaults.
SensorSettings load_settings(const std::string& path, Problems&, When = When::asked);
std::string evidence_folder(const SensorSettings&);   // where evidence lies; absolute
// The site's lists and rules, from the files that the settings name, into settings.judge: all of them or, with problems, none. A line
// of a list that is a mistake is no problem but a flaw (judge.list_flaws), and so is, at a start, a whole list or a rule.
void load_lists(SensorSettings&, Problems&, When = When::asked);
std::vector<int64_t> looks_of_lists(const SensorSettings&);   // of these files from outside: other numbers when one was written again
Memory load_learned(const SensorSettings&, Problems&);   // the Memory named in the settings, empty where none is
// A file of what was learned. One that was frozen is refused when it was changed since, or when none of the trusted keys (hexadecimal;
// none: any) signed it; where keys are trusted, one that nobody froze is refused, too.
Memory load_known(const std::string& path, Problems&, std::span<const std::string> trusted = {});

}  // namespace vidra
