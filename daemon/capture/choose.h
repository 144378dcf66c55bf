// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "daemon/capture/live.h"

namespace vidra {

// Who has what is named in [capture] interfaces: an interface of the kernel's, a PCI address, a virtual device of DPDK's.
struct Choice {
  bool dpdk = false;
  std::string name;        // the kernel's interface, or DPDK's port
  std::string why;         // "bound to vfio-pci"
  std::string refusal;     // not empty: it cannot be heard so; what to type
};
// Looks at how the machine's cards are bound (below `sys`); opens nothing.
Choice choose(const std::string& named, PacketReceiver, const std::string& sys = "/sys");

}  // namespace vidra
