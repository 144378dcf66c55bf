// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/segments.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/record/crc32c.h"

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
    std::ifstream in(paths[i], std::ios::binary);
    const std::vector<uint8_t> all{std::istreambuf_iterator<char>(in), {}};
    for (size_t at = segment_header_size; at + entry_prefix_size <= all.size();) {
      bool bad = false;
      Reader r(Bytes(all).subspan(at), bad);
      const bool magic = r.le32() == log_entry_magic;
      const uint32_t length = r.le32(), crc = r.le32();
      if (!magic || length > max_entry || at + entry_prefix_size + length > all.size() ||
          crc32c(Bytes(all).subspan(at + 12, entry_prefix_size - 12 + length)) != crc) {
        at++;
        continue;
      }
      const uint64_t word = r.le64();
      const Bytes payload = Bytes(all).subspan(at + entry_prefix_size, length);
      at += entry_prefix_size + length;
      if (word >> 8 <= last) continue;
      last = word >> 8;
      if (!each({word >> 8, MessageType(word & 0xff), {payload.begin(), payload.end()}})) return true;
    }
  }
  return true;
}

}  // namespace vidra
