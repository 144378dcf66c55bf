// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/segments.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/record/entry.h"

namespace vidra {

bool read_segments(const std::string& directory, const std::function<bool(const LogEntry&)>& each) {
  std::error_code wrong;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory, wrong))
    if (entry.path().extension() == ".seg") paths.push_back(entry.path().string());
  if (wrong) return false;
  std::ranges::sort(paths);            // by first number, then by attempt
  const auto first_of = [](const std::string& path) { return std::filesystem::path(path).filename().string().substr(0, 16); };
  uint64_t last = 0;
  for (size_t i = 0; i < paths.size(); i++) {
    if (i + 1 < paths.size() && first_of(paths[i]) == first_of(paths[i + 1])) continue;   // written again in a later attempt
    // A file that could not be written or synced was left, and what it held behind its durable end begins the next one.
    const uint64_t until = i + 1 < paths.size() ? std::strtoull(first_of(paths[i + 1]).c_str(), nullptr, 16) : UINT64_MAX;
    std::ifstream in(paths[i], std::ios::binary);
    const std::vector<uint8_t> all{std::istreambuf_iterator<char>(in), {}};
    for (size_t at = segment_header_size; at + entry_prefix_size <= all.size();) {
      const auto entry = entry_in(Bytes(all).subspan(at));
      at += entry ? entry->length() : 1;
      if (!entry || entry->number <= last || entry->number >= until) continue;
      last = entry->number;
      if (!each({entry->number, entry->type, {entry->payload.begin(), entry->payload.end()}})) return true;
    }
  }
  return true;
}

}  // namespace vidra
