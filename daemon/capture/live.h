// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/source.h"

namespace vidra {

struct LiveSettings {
  std::vector<Interface> interfaces;           // at least one; those of one group are merged in time order
  size_t buffer_octets = size_t{64} << 20;     // the kernel's ring of each interface: blocks of 256 KiB, at most 1 ms of traffic in each,
                                               // so that 64 MiB bridge a stall of 256 ms
  uint32_t snaplen = 65'535;                   // octets kept of a frame
  std::string filter;                          // pcap-filter(7); "" hears everything
  bool promiscuous = true;
  bool ignore_outgoing = false;                // leave out what this machine itself sends on the interface
  Time merge_window = 10 * millisecond;        // how long a group's frame waits for its siblings on other interfaces
};

// Hears interfaces through libpcap. Never sends. An interface that disappears is looked for again once a second and holds
// nobody back meanwhile; Source::flaw says so. Throws std::runtime_error that says what to type: no such interface, down, no
// permission, a filter that is none.
std::unique_ptr<Source> open_live(const LiveSettings&);

}  // namespace vidra
