// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>
#include <vector>

#include "daemon/judge/site.h"

namespace vidra {

// Declared devices of which values are listened to, each in one protocol, numbered from 0. Numbers are of one site; what was heard of a
// voice goes over to its number in the next by `was`.
class Voices {
 public:
  void declare(const Site&);                         // those of the site before become the former ones; none yet of this one
  uint32_t add(HostId, uint16_t protocol);
  int find(HostId host, uint16_t protocol) const {   // -1 none
    int i = first_[host];
    while (i >= 0 && list_[size_t(i)].protocol != protocol) i = list_[size_t(i)].next;
    return i;
  }
  bool has(uint16_t protocol) const { return protocol < protocols_.size() && protocols_[protocol]; }
  uint64_t key(uint32_t voice) const { return list_[voice].key; }   // by the host's name: the same in every site
  int was(uint32_t voice) const { return list_[voice].was; }        // its number in the site before, -1 none
  size_t size() const { return list_.size(); }

 private:
  struct Voice {
    uint64_t key = 0;
    uint16_t protocol = 0;
    int next = -1, was = -1;                         // another voice of the same host
  };
  std::vector<Voice> list_;
  std::vector<int> first_;                           // by host
  std::vector<uint64_t> names_;
  std::vector<uint8_t> protocols_;
  std::unordered_map<uint64_t, int> former_;
};

}  // namespace vidra
