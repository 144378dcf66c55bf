// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/dpdk/module.h"
#include "daemon/capture/source.h"

namespace vidra {

// Who brings the frames. `automatic`: DPDK for a port that is bound to it, else libpcap for one worker and the ring for several.
enum class PacketReceiver : uint8_t { automatic, dpdk, ring, pcap };

// Of ports of DPDK's; what is not set here is sized by itself.
struct DpdkSettings {
  Hugepages hugepages = Hugepages::automatic;
  uint32_t buffers = 0;                        // for each port; 0: as many as are needed
  uint16_t mtu = 1500;                         // the longest payload of a frame
  bool interrupts = false;                     // sleep until the card calls, where it can
  std::string module;                          // vidra-dpdk.so; "" where it is installed
};

struct LiveSettings {
  std::vector<Interface> interfaces;           // at least one; those of one group are merged in time order
  PacketReceiver receiver = PacketReceiver::automatic;
  size_t buffer_octets = size_t{64} << 20;     // the kernel's ring of each interface and worker: blocks of 256 KiB, at most 1 ms of
                                               // traffic in each, so that 64 MiB bridge a stall of 256 ms
  uint32_t snaplen = 65'535;                   // octets kept of a frame
  std::string filter;                          // pcap-filter(7); "" hears everything
  bool promiscuous = true;
  bool ignore_outgoing = false;                // leave out what this machine itself sends on the interface
  Time merge_window = 10 * millisecond;        // how long a group's frame waits for its siblings on other interfaces
  DpdkSettings dpdk;
  std::function<void(int, const std::string&)> log;   // what a driver says, levels as in sd-daemon(3); from any thread
};

// Sources for so many workers: worker i hears queue i of every interface, and a conversation is heard by one worker whatever
// interface it comes by (Spread). `said`: what was chosen for each interface and why, one line each.
struct Opened {
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::string> said;
};

// Hears interfaces. Never sends. An interface that disappears is looked for again ten times a second and holds nobody back
// meanwhile; Source::flaw and Source::outage say so. Throws std::runtime_error that says what to type: no such interface, down,
// no permission, a filter that is none.
Opened open_live(const LiveSettings&, size_t workers);
std::unique_ptr<Source> open_live(const LiveSettings&);   // for one

}  // namespace vidra
