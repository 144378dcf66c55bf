// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/live.h"

#include <fmt/format.h>

#include <stdexcept>

#include "daemon/base/mix.h"
#include "daemon/base/text.h"
#include "daemon/capture/choose.h"
#include "daemon/capture/dpdk/module.h"
#include "daemon/capture/hearing.h"
#include "daemon/capture/pcap_tap.h"
#include "daemon/capture/ring.h"
#include "daemon/capture/spread.h"

namespace vidra {
namespace {

constexpr size_t frames_each = 8192;            // held of one interface while others are waited for
constexpr size_t most_workers = 64;

void open_ports(const LiveSettings& settings, size_t workers, DpdkWish& wish, std::vector<std::vector<std::unique_ptr<Tap>>>& taps, std::vector<std::string>& said) {
  std::string why;
  const DpdkOpen open = load_dpdk(settings.dpdk.module, why);
  if (!open) throw std::runtime_error(why);
  wish.queues = workers;
  wish.held = settings.interfaces.size() > 1 ? frames_each : 0;
  wish.snaplen = settings.snaplen;
  wish.promiscuous = settings.promiscuous;
  wish.hugepages = settings.dpdk.hugepages;
  wish.buffers = settings.dpdk.buffers;
  wish.mtu = settings.dpdk.mtu;
  wish.interrupts = settings.dpdk.interrupts;
  wish.log = settings.log;
  if (!settings.filter.empty()) wish.admits = frame_filter(settings.filter, settings.snaplen);
  DpdkPorts ports;
  open(wish, ports, why);
  if (!why.empty()) throw std::runtime_error(why);
  for (size_t p = 0; p < wish.ports.size(); p++)
    for (size_t w = 0; w < workers; w++) taps[w][wish.indices[p]] = std::move(ports.taps[p][w]);
  for (std::string& line : ports.said) said.push_back(std::move(line));
}

}  // namespace

Opened open_live(const LiveSettings& settings, size_t workers) {
  if (settings.interfaces.empty()) throw std::runtime_error("no interface is named; type: ip -br link, and name one");
  if (settings.snaplen < 64 || settings.snaplen > 262'144)
    throw std::runtime_error(fmt::format("snaplen {}: 64 to 262144 octets of a frame can be kept; the usual is 65535", settings.snaplen));
  if (workers == 0 || workers > most_workers) throw std::runtime_error(fmt::format("{} workers: from 1 to {} can hear", workers, most_workers));
  if (settings.receiver == PacketReceiver::pcap && workers > 1)
    throw std::runtime_error(fmt::format("source = \"pcap\" is for one worker, and there are {}; set [capture] source = \"auto\"", workers));

  std::vector<Choice> choices;
  DpdkWish wish;
  for (size_t i = 0; i < settings.interfaces.size(); i++) {
    choices.push_back(choose(settings.interfaces[i].name, settings.receiver));
    if (!choices[i].refusal.empty()) throw std::runtime_error(choices[i].refusal);
    if (choices[i].dpdk) wish.ports.push_back(choices[i].name), wish.indices.push_back(uint16_t(i));
  }

  Opened out;
  const Spread spread(drawn());                                   // of every interface the same
  std::vector<std::vector<std::unique_ptr<Tap>>> taps(workers);   // by worker, then by interface
  for (auto& each : taps) each.resize(settings.interfaces.size());
  if (!wish.ports.empty()) open_ports(settings, workers, wish, taps, out.said);
  for (size_t i = 0; i < settings.interfaces.size(); i++) {
    if (choices[i].dpdk) continue;
    const std::string& name = choices[i].name;
    const std::string why = choices[i].why.empty() ? "" : fmt::format("; {}", choices[i].why);
    const auto card_of = [](const Tap& t) { return t.counters().dropped_by_card == Counters::unknown ? "; what its card loses cannot be known, as /sys shows another network; type: mount -t sysfs none /sys" : ""; };
    const bool ring = settings.receiver == PacketReceiver::ring || workers > 1;
    if (!ring) {
      taps[0][i] = open_pcap(name, uint16_t(i), settings);
      out.said.push_back(fmt::format("interface {}: heard through libpcap, as there is one worker; {} of ring{}", name, human_bytes(settings.buffer_octets), why) + card_of(*taps[0][i]));
      continue;
    }
    auto queues = open_rings(name, uint16_t(i), settings, workers, spread);
    for (size_t w = 0; w < workers; w++) taps[w][i] = std::move(queues[w]);
    out.said.push_back(fmt::format("interface {}: heard through {} of the kernel's, {} each, {}{}", name, workers == 1 ? "a ring" : fmt::format("{} rings", workers),
                                   human_bytes(settings.buffer_octets), settings.receiver == PacketReceiver::ring ? "source = \"ring\"" : "as there are several workers", why) + card_of(*taps[0][i]));
  }
  for (auto& each : taps) out.sources.push_back(hear(settings.interfaces, std::move(each), settings.merge_window, frames_each));
  return out;
}

std::unique_ptr<Source> open_live(const LiveSettings& settings) { return std::move(open_live(settings, 1).sources.front()); }

}  // namespace vidra
