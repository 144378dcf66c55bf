// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string>

#include "daemon/capture/source.h"

namespace vidra {

// A pcap or pcapng file of any size, plain or compressed with gzip or zstd; "-" is standard input. Every frame is delivered,
// so that the n-th packet is frame n of the capture.
// Throws std::runtime_error with the path, what was found and what is understood when it is no capture.
// What is damaged further on ends the reading and is said by Source::flaw.
std::unique_ptr<Source> open_file(const std::string& path);

}  // namespace vidra
