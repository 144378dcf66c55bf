// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "daemon/base/clock.h"
#include "daemon/capture/choose.h"

namespace vidra {

std::string run_folder(const std::string& named) {
  if (!named.empty()) return named;
  const char* made = std::getenv("RUNTIME_DIRECTORY");                // several are divided by colons
  if (!made) return "";
  const std::string all = made;
  return all.substr(0, all.find(':'));
}

Starts::Starts(const std::string& folder) : path_(folder.empty() ? "" : folder + "/starts") {
  if (path_.empty()) return;
  // "3 81234567": unwell in a row, and when the last one began (seconds since boot)
  unsigned before = 0;
  int64_t when = 0;
  if (std::ifstream in(path_); in >> before >> when) unwell_ = before + 1;
  const int64_t now = boot_now() / second;
  if (when > now) unwell_ = 0;                                         // of another boot
  std::ofstream(path_, std::ios::trunc) << std::min(unwell_, 1000u) << ' ' << now << '\n';
}

Time Starts::wait() const { return unwell_ < many ? 0 : std::min<Time>(minute, second << std::min(unwell_ - many, 6u)); }

void Starts::well() {
  if (!path_.empty()) ::unlink(path_.c_str());
  unwell_ = 0;
}

Sandbox sandbox_of(const SensorSettings& s, const std::string& config, const std::string& run) {
  Sandbox box;
  box.captures = !s.capture.interfaces.empty();
  box.dpdk = std::any_of(s.capture.interfaces.begin(), s.capture.interfaces.end(), [&](const std::string& name) { return choose(name, s.capture.source).dpdk; });
  std::error_code none;
  const auto folder_of = [&](const std::string& file) { return std::filesystem::absolute(std::filesystem::path(file), none).parent_path().string(); };
  for (const std::string& file : {config, s.memory, s.site ? s.site->windows_file : std::string{}})
    if (!file.empty()) box.reads.push_back(folder_of(file));
  for (const auto* named : {&s.indicator_files, &s.rule_files})         // they are read again whenever they are written again
    for (const std::string& name : *named) {
      const std::filesystem::path at = std::filesystem::path(s.path).parent_path() / name;
      box.reads.push_back(std::filesystem::is_directory(at, none) ? std::filesystem::absolute(at, none).string() : folder_of(at.string()));
    }
  box.writes.push_back(s.state);
  if (s.evidence.keep) box.writes.push_back(evidence_folder(s));
  if (!run.empty()) box.writes.push_back(run);
  box.connects.push_back(53);                                          // names, where an answer is too long for a datagram
  for (const CollectorLink& c : s.collectors)
    for (const std::string& e : c.endpoints) {
      uint16_t port = 0;
      const size_t colon = e.rfind(':') + 1;
      if (std::from_chars(e.data() + colon, e.data() + e.size(), port).ec == std::errc()) box.connects.push_back(port);
    }
  return box;
}

}  // namespace vidra
