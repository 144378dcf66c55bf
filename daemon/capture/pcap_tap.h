// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/capture/live.h"
#include "daemon/capture/tap.h"

struct sock_filter;

namespace vidra {

// One interface through libpcap. Throws std::runtime_error that says what to type.
std::unique_ptr<Tap> open_pcap(const std::string& name, uint16_t index, const LiveSettings&);

// The filter as the kernel takes it, for that interface, with snaplen as what it lets through; throws likewise.
std::vector<sock_filter> compile_filter(const std::string& interface, const std::string& expression, uint32_t snaplen);

// The filter as a function of an Ethernet frame and its length on the wire, for what no kernel filters; throws likewise.
std::function<bool(Bytes, uint32_t)> frame_filter(const std::string& expression, uint32_t snaplen);

}  // namespace vidra
