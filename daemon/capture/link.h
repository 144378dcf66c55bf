// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/capture/source.h"

namespace vidra {

// Of a file's LINKTYPE or libpcap's DLT number, which agree for every link that is understood.
constexpr Link link_of(uint32_t type) {
  switch (type) {
    case 1: return Link::ethernet;
    case 0: case 108: return Link::null_loopback;
    case 12: case 14: case 101: case 228: case 229: return Link::raw_ip;
    case 113: return Link::linux_cooked;
    case 276: return Link::linux_cooked2;
    default: return Link::unsupported;
  }
}

}  // namespace vidra
