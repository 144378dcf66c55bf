// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <istream>
#include <string>

namespace vidra {

// What vm.nr_hugepages has to be for `octets` more, from the text of /proc/meminfo: it is the number of all pages, those that are in use
// or promised to others among them.
inline uint64_t hugepages_for(uint64_t octets, std::istream& meminfo) {
  uint64_t total = 0, free = 0, promised = 0, size = 2048;   // KiB
  std::string word;
  for (uint64_t value = 0; meminfo >> word;) {
    uint64_t* const to = word == "HugePages_Total:" ? &total : word == "HugePages_Free:" ? &free : word == "HugePages_Rsvd:" ? &promised : word == "Hugepagesize:" ? &size : nullptr;
    if (to && meminfo >> value) *to = value;
  }
  const uint64_t page = std::max<uint64_t>(size, 1) * 1024, ours = free > promised ? free - promised : 0;
  return total - std::min(total, ours) + (octets + page - 1) / page + 8;
}

}  // namespace vidra
