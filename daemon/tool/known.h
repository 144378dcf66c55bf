// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/judge/memory.h"
#include "daemon/judge/site.h"

namespace vidra {

// A host that somebody named: by its declared or learned name, or an address.
struct Who {
  Address address;                    // the first one; none: nobody of this name
  HostId id = 0;
  std::string name;                   // "" unknown
  bool known() const { return address.kind != Address::Kind::none; }
  std::string text() const;           // "rtu1 (10.10.1.20)"
  std::string toml() const { return name.empty() || !id ? text_of(address) : name; }   // as a site names it
};
Who who_is(const std::string&, const Site&, const Memory&);
Who who_is(const Address&, const Site&, const Memory&);
std::vector<std::string> names_of(const Site&, const Memory&);

// "reading, write, operate": acts as a site says them.
std::string acts_text(ActSet);
std::string acts_toml(ActSet);        // ["reading", "write"]
std::optional<Act> act_named(std::string_view);
// "2026-11-20 to 2026-11-21", "on 2026-11-21", "on an unknown day".
std::string days_text(Time first, Time last);
// "common address 11", "unit 1": "" where the protocol has none.
std::string station_words(uint16_t protocol, uint64_t station);

}  // namespace vidra
