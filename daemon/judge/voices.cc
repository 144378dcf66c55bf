// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/voices.h"

#include "daemon/judge/rules.h"

namespace vidra {

void Voices::declare(const Site& site) {
  former_.clear();
  for (size_t i = 0; i < list_.size(); i++) former_.emplace(list_[i].key, int(i));
  list_.clear();
  first_.assign(site.hosts.size() + 1, -1);
  protocols_.assign(protocols.size(), 0);
  names_.assign(1, 0);
  for (const SiteHost& h : site.hosts) names_.push_back(text_key(h.name));
}

uint32_t Voices::add(HostId host, uint16_t protocol) {
  if (const int at = find(host, protocol); at >= 0) return uint32_t(at);
  const uint64_t key = key_of(names_[host], protocol);
  const auto was = former_.find(key);
  list_.push_back({key, protocol, first_[host], was == former_.end() ? -1 : was->second});
  protocols_[protocol] = 1;
  return uint32_t(first_[host] = int(list_.size()) - 1);
}

}  // namespace vidra
