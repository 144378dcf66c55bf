// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/judge/memory.h"
#include "daemon/judge/site.h"
#include "daemon/site/declaration.h"

namespace vidra {

// One difference between what a site declares and what was heard.
struct Difference {
  enum class Kind : uint8_t { never_heard, undeclared, otherwise } kind = Kind::never_heard;
  std::string about;           // "host", "conversation", "publisher", "points"
  std::string what;            // one line
};

// What concerns one device.
struct DeviceDifferences {
  std::string device;          // "rtu1 (10.10.1.20)"
  bool declared = false;
  HostId host = 0;             // which one, where it is declared
  std::vector<Difference> list;
};

struct SiteDifferences {
  std::vector<DeviceDifferences> devices;     // declared ones first, by name; then the others, by address
  Declaration undeclared;                     // what was heard and not declared, as tables to read and take over
  size_t hosts_as_declared = 0, conversations_as_declared = 0, publishers_as_declared = 0;
  size_t never_heard = 0, heard_undeclared = 0, otherwise = 0;
};

// Held against each other both ways: hosts, conversations, publishers, points. What only answers a question or was never answered
// teaches nothing (`Memory`) and is no difference. `names`: of named objects, by key.
SiteDifferences differences(const Site&, const Memory& heard, const std::unordered_map<uint64_t, std::string>& names);

}  // namespace vidra
