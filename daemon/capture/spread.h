// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <vector>

#include "daemon/capture/source.h"

struct sock_filter;

namespace vidra {

// Which of several workers a frame belongs to: by the unordered pair of its addresses, never by ports, so that both directions,
// all fragments and every VLAN of a conversation meet; GOOSE and sampled values by destination and APPID; every other kind of
// layer 2 by its EtherType. VLAN and HSR tags are looked through, and one tunnel (GRE, ERSPAN, VXLAN, IP in IP) where it is whole.
// The same answer as a program for the kernel and as a function for what no card and no kernel spreads.
class Spread {
 public:
  explicit Spread(uint64_t seed);
  // To be taken modulo the number of workers. 0 of a frame that ends within what is asked.
  uint32_t operator()(Bytes frame, Link = Link::ethernet) const;
  // For PACKET_FANOUT_CBPF on an interface with Ethernet headers, or with none.
  std::vector<sock_filter> program(bool ethernet) const;

 private:
  uint32_t first_, second_, third_;   // odd multipliers
};

}  // namespace vidra
