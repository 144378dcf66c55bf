// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dissectors/reader.h"

// Inputs in one file, each behind its length (two octets, low first).
namespace vidra::fuzz {

namespace fs = std::filesystem;

inline void write(const fs::path& path, const std::vector<uint8_t>& octets) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), std::streamsize(octets.size()));
}

inline std::vector<uint8_t> octets_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Each> bool unpack(const fs::path& pack, Each each) {
  const auto all = octets_of(pack);
  bool bad = false;
  Reader r{all, bad};
  while (r) each(r.bytes(r.le16()));
  return !bad;
}

inline int pack(const fs::path& from, const fs::path& to) {
  std::vector<fs::path> files(fs::directory_iterator(from), fs::directory_iterator{});
  std::sort(files.begin(), files.end());
  std::vector<uint8_t> all;
  for (const fs::path& f : files) {
    const auto octets = octets_of(f);
    if (octets.empty() || octets.size() > 0xffff) continue;
    all.push_back(uint8_t(octets.size()));
    all.push_back(uint8_t(octets.size() >> 8));
    all.insert(all.end(), octets.begin(), octets.end());
  }
  write(to, all);
  return all.empty();
}

inline void unpack_into(const fs::path& pack, const fs::path& folder) {
  size_t i = 0;
  unpack(pack, [&](Bytes input) { write(folder / ("pack-" + std::to_string(i++)), {input.begin(), input.end()}); });
}

}  // namespace vidra::fuzz
