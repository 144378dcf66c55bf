// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/live.h"

#include <fmt/format.h>

#include <random>
#include <stdexcept>

#include "daemon/base/text.h"
#include "daemon/capture/hearing.h"
#include "daemon/capture/pcap_tap.h"
#include "daemon/capture/ring.h"
#include "daemon/capture/spread.h"

namespace vidra {
namespace {

constexpr size_t frames_each = 8192;            // held of one interface while others are waited for
constexpr size_t most_workers = 64;

}  // namespace

Opened open_live(const LiveSettings& settings, size_t workers) {
  if (settings.interfaces.empty()) throw std::runtime_error("no interface is named; type: ip -br link, and name one");
  if (settings.snaplen < 64 || settings.snaplen > 262'144)
    throw std::runtime_error(fmt::format("snaplen {}: 64 to 262144 octets of a frame can be kept; the usual is 65535", settings.snaplen));
  if (workers == 0 || workers > most_workers) throw std::runtime_error(fmt::format("{} workers: from 1 to {} can hear", workers, most_workers));
  if (settings.receiver == Receiver::pcap && workers > 1)
    throw std::runtime_error(fmt::format("source = \"pcap\" is for one worker, and there are {}; set [capture] source = \"auto\" or workers = 1", workers));

  Opened out;
  const Spread spread((uint64_t{std::random_device{}()} << 32) + std::random_device{}());   // of every interface the same
  std::vector<std::vector<std::unique_ptr<Tap>>> taps(workers);                             // by worker, then by interface
  for (size_t i = 0; i < settings.interfaces.size(); i++) {
    const std::string& name = settings.interfaces[i].name;
    const bool ring = settings.receiver == Receiver::ring || workers > 1;
    if (!ring) {
      taps[0].push_back(open_pcap(name, uint16_t(i), settings));
      out.said.push_back(fmt::format("interface {}: heard through libpcap, as there is one worker; {} of ring", name, human_bytes(settings.buffer_octets)));
      continue;
    }
    auto queues = open_rings(name, uint16_t(i), settings, workers, spread);
    for (size_t w = 0; w < workers; w++) taps[w].push_back(std::move(queues[w]));
    out.said.push_back(fmt::format("interface {}: heard through {} of the kernel's, {} each; {}", name, workers == 1 ? "a ring" : fmt::format("{} rings", workers),
                                   human_bytes(settings.buffer_octets), settings.receiver == Receiver::ring ? "source = \"ring\"" : "as there are several workers"));
  }
  for (auto& each : taps) out.sources.push_back(hear(settings.interfaces, std::move(each), settings.merge_window, frames_each));
  return out;
}

std::unique_ptr<Source> open_live(const LiveSettings& settings) { return std::move(open_live(settings, 1).sources.front()); }

}  // namespace vidra
