// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include <string>
#include <vector>

#include "daemon/base/text.h"
#include "dissectors/protocol.h"

namespace vidra {

// What is said of a name that nothing here bears, with the nearest that something does.
inline std::string no_such(std::string_view kind, std::string_view name, const std::vector<std::string_view>& all, std::string_view where) {
  const std::string_view near = nearest(name, all);
  return fmt::format("there is no {} {}{}; {}", kind, name, near.empty() ? "" : fmt::format(", did you mean {}?", near), where);
}

inline std::string no_such_protocol(std::string_view name) {
  std::vector<std::string_view> all;
  for (const Protocol* p : protocols) all.push_back(p->name);
  return no_such("protocol", name, all, "`vidra protocols` lists them");
}

}  // namespace vidra
