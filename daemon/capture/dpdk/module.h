// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/tap.h"

// The border between the sensor, which does not know DPDK, and vidra-dpdk.so, which is loaded only when a port of DPDK's is named.
namespace vidra {

enum class Hugepages : uint8_t { automatic, yes, no };

struct DpdkWish {
  std::vector<std::string> ports;              // "0000:03:00.0", "net_af_packet0,iface=eth1"
  std::vector<uint16_t> indices;               // of each among the source's interfaces
  size_t queues = 1;
  size_t held = 0;                             // frames of each queue that may wait for those of other interfaces
  uint32_t snaplen = 65'535;
  bool promiscuous = true;
  Hugepages hugepages = Hugepages::automatic;  // automatic: where enough are free; a PCI port needs them
  uint32_t buffers = 0;                        // for each port; 0: as many as descriptors, bursts and `held` need
  uint16_t mtu = 1500;                         // the longest payload of a frame
  bool interrupts = false;                     // sleep until the card calls, where it can
  std::function<bool(Bytes, uint32_t)> admits; // of a frame and its length on the wire; none: all of them
  std::function<void(int, const std::string&)> log;   // levels as in sd-daemon(3); from any thread
};

struct DpdkPorts {
  std::vector<std::vector<std::unique_ptr<Tap>>> taps;   // by port, then by queue
  std::vector<std::string> said;                         // what each port was given, one line
};

// `why` stays empty, or says why not, with what to type.
using DpdkOpen = void (*)(const DpdkWish&, DpdkPorts&, std::string& why);
inline constexpr const char* dpdk_open_name = "vidra_dpdk_open";
inline constexpr const char* dpdk_version_name = "vidra_dpdk_version";   // const char* const: that of the sensor it was built with

// Loads the module, from `path` or, where that is empty, from where it is installed or was built. Null: `why`, with what to type.
DpdkOpen load_dpdk(const std::string& path, std::string& why);

}  // namespace vidra
