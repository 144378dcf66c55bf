// SPDX-License-Identifier: Apache-2.0
// What each receiver costs, in nanoseconds of CPU a frame: DPDK's virtual devices at full speed; on a veth pair at a given rate the
// kernel's receivers beside a bare ring reader, which does nothing but walk the blocks. In a network namespace of its own.
//   receive_bench [RECORDING.pcap]
//   receive_bench --bare INTERFACE SECONDS      the bare reader alone, where others send
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "daemon/base/clock.h"
#include "daemon/capture/file.h"
#include "daemon/capture/live.h"
#include "tests/support/wire.h"

namespace vidra {
namespace {

struct Run { uint64_t frames = 0, lost = 0; double cpu = 0, wall = 0; };

double cpu_now() { return double(clock_now(CLOCK_THREAD_CPUTIME_ID)) / 1e9; }

// Polls for so long, or until the source ends; a source that lasts is given a tenth of the time first.
Run poll(Source& source, Time so_long, const std::function<void()>& begin = [] {}) {
  std::vector<Packet> packets(64);
  uint64_t octets = 0;
  const auto go = [&](Time until, Run& r) {
    while (monotonic_now() < until) {
      const auto polled = source.poll(packets);
      for (const Packet& p : std::span(packets).first(polled.packets)) octets += p.octets[0];
      r.frames += polled.packets;
      source.release();
      if (polled.ended) break;
    }
  };
  Run warm, r;
  if (source.live()) go(monotonic_now() + so_long / 10, warm);
  begin();
  const double cpu = cpu_now();
  const Time start = monotonic_now();
  go(start + so_long, r);
  r.wall = double(monotonic_now() - start) / 1e9;
  r.cpu = cpu_now() - cpu;
  const Counters c = source.counters(0);
  for (uint64_t n : {c.dropped_by_card, c.dropped_by_kernel, c.dropped_by_us})
    if (n != Counters::unknown) r.lost += n;
  if (octets == 1) std::puts("");              // it was read
  return r;
}

Run bare(const char* interface, Time so_long) {
  const int s = socket(AF_PACKET, SOCK_RAW, 0);
  int version = TPACKET_V3;
  setsockopt(s, SOL_PACKET, PACKET_VERSION, &version, sizeof version);
  tpacket_req3 ring{};
  ring.tp_block_size = 256 << 10, ring.tp_block_nr = 256, ring.tp_frame_size = 2048, ring.tp_frame_nr = 256 * 128, ring.tp_retire_blk_tov = 1;
  setsockopt(s, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring);
  const size_t all = size_t{256} << 18;
  auto* memory = static_cast<uint8_t*>(mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s, 0));
  if (memory == MAP_FAILED) return {};
  sockaddr_ll to{};
  to.sll_family = AF_PACKET, to.sll_protocol = htons(ETH_P_ALL), to.sll_ifindex = int(if_nametoindex(interface));
  if (bind(s, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return {};
  Run r;
  const double cpu = cpu_now();
  const Time start = monotonic_now();
  uint64_t octets = 0;
  for (size_t at = 0; monotonic_now() - start < so_long;) {
    auto* b = reinterpret_cast<tpacket_block_desc*>(memory + at * (256 << 10));
    if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
      pollfd p{s, POLLIN, 0};
      ::poll(&p, 1, 10);
      continue;
    }
    const uint8_t* f = reinterpret_cast<uint8_t*>(b) + b->hdr.bh1.offset_to_first_pkt;
    for (uint32_t n = b->hdr.bh1.num_pkts; n; n--) {
      const auto* h = reinterpret_cast<const tpacket3_hdr*>(f);
      octets += f[h->tp_mac];
      f += h->tp_next_offset;
    }
    r.frames += b->hdr.bh1.num_pkts;
    __atomic_store_n(&b->hdr.bh1.block_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
    at = (at + 1) % 256;
  }
  r.wall = double(monotonic_now() - start) / 1e9;
  r.cpu = cpu_now() - cpu;
  tpacket_stats_v3 lost{};
  socklen_t n = sizeof lost;
  getsockopt(s, SOL_PACKET, PACKET_STATISTICS, &lost, &n);
  r.lost = lost.tp_drops;
  munmap(memory, all);
  close(s);
  if (octets == 1) std::puts("");
  return r;
}

// A process that sends so many frames a second until it is stopped.
pid_t send(unsigned rate) {
  const pid_t child = fork();
  if (child) return child;
  Sender sender("far");
  std::vector<uint8_t> frame(78, 0x20);
  const Time start = monotonic_now();
  for (uint64_t sent = 0;;) {
    const uint64_t due = uint64_t(double(monotonic_now() - start) / 1e9 * rate);
    for (; sent < due; sent++) sender.send(frame);
    sleep_for(500 * microsecond);
  }
}

void row(const std::string& what, const Run& r) {
  fmt::print("{:<34} {:>11} {:>9.1f} {:>9.2f} {:>8.2f} {:>8}\n", what, r.frames, r.frames ? r.cpu * 1e9 / double(r.frames) : 0, r.wall > 0 ? double(r.frames) / r.wall / 1e6 : 0, r.wall > 0 ? 100 * r.cpu / r.wall : 0, r.lost);
  std::fflush(stdout);
}

int run(const char* recording) {
  const std::string why = own_network();
  fmt::print("{:<34} {:>11} {:>9} {:>9} {:>8} {:>8}\n", "receiver", "frames", "ns CPU", "M a s", "% core", "lost");
  LiveSettings s;
#ifdef VIDRA_DPDK_MODULE
  s.dpdk.module = VIDRA_DPDK_MODULE;
#endif
  const auto try_port = [&](const std::string& what, const std::string& port, uint32_t buffers) {
    s.interfaces = {{port, ""}};
    s.dpdk.buffers = buffers;
    try {
      row(what, poll(*open_live(s), 3 * second));
    } catch (const std::exception& e) {
      fmt::print("{:<34} skipped: {}\n", what, e.what());
    }
  };
  if (recording) {
    const Run whole = poll(*open_file(recording), 600 * second);
    row("file, mapped", whole);
    // The driver keeps the whole loop in buffers of the port's.
    uint32_t buffers = 65'536;
    while (buffers < whole.frames + 3 * 8'192) buffers *= 2;
    try_port("DPDK net_pcap, looped", fmt::format("net_pcap0,rx_pcap={},infinite_rx=1", recording), buffers - 1);
  }
  try_port("DPDK net_null, 128 octets", "net_null0,size=128", 0);
  if (!why.empty()) return fmt::print("live receivers skipped: {}\n", why), 0;
  s.dpdk.buffers = 0;
  for (const unsigned rate : {20'000u, 100'000u})
    for (const auto& [what, port, receiver] : {std::tuple{"bare ring reader", "", PacketReceiver::ring}, {"ring", "near", PacketReceiver::ring}, {"libpcap", "near", PacketReceiver::pcap}, {"DPDK net_af_packet", "net_af_packet0,iface=near", PacketReceiver::dpdk}}) {
      Cable cable("near", "far");
      const pid_t sender = send(rate);
      const std::string name = fmt::format("{}, {} frames/s", what, rate);
      try {
        if (!*port) row(name, bare("near", 5 * second));
        else {
          s.interfaces = {{port, ""}};
          s.receiver = receiver;
          row(name, poll(*open_live(s), 5 * second));
        }
      } catch (const std::exception& e) {
        fmt::print("{:<34} skipped: {}\n", name, e.what());
      }
      kill(sender, SIGKILL);
      waitpid(sender, nullptr, 0);
    }
  return 0;
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) {
  using namespace vidra;
  if (argc == 4 && std::string_view(argv[1]) == "--bare") {
    const Run r = bare(argv[2], Time(std::atof(argv[3]) * 1e9));
    fmt::print("{} frames, {} lost, {:.4f} s of CPU in {:.4f} s\n", r.frames, r.lost, r.cpu, r.wall);
    return 0;
  }
  return run(argc > 1 ? argv[1] : nullptr);
}
