// SPDX-License-Identifier: Apache-2.0
// libpcap on Linux (AF_PACKET, TPACKET_V3). Immediate mode is a trap: it costs a wake-up per frame and loses them at rates
// that blocks carry with ease. In blocking mode pcap_dispatch waits for ever on a silent link, so handles are non-blocking
// and the waiting is our own.
#include "daemon/capture/pcap_tap.h"

#define PCAP_DONT_INCLUDE_PCAP_BPF_H   // its bpf_insn clashes with linux/bpf.h
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <pcap/pcap.h>

extern "C" {   // of pcap/bpf.h, which is left out
struct bpf_insn { unsigned short code; unsigned char jt, jf; unsigned int k; };
struct bpf_program { unsigned int bf_len; struct bpf_insn* bf_insns; };
}

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "daemon/capture/kernel.h"
#include "daemon/capture/link.h"

namespace vidra {
namespace {

constexpr int block_timeout_ms = 1;             // how long the kernel may hold a block that is not full
constexpr Time block_lag = 10 * millisecond;    // and how much later its frames may show, at the slowest kernel tick
constexpr int DLT_EN10MB_ = 1;                  // of pcap/dlt.h, which comes with what is left out
constexpr size_t arena_octets = size_t{4} << 20;

// What went wrong when an interface was to be opened, and what to type.
std::string refusal(const std::string& name, int status, pcap_t* handle) {
  const std::string detail = pcap_geterr(handle);
  switch (status) {
    case PCAP_ERROR_PERM_DENIED: case PCAP_ERROR_PROMISC_PERM_DENIED: return std::string(no_permission);
    case PCAP_ERROR_IFACE_NOT_UP: return fmt::format("it is down; type: ip link set {} up", name);
    default: return fmt::format("{}{}{}", pcap_statustostr(status), detail.empty() ? "" : ": ", detail);
  }
}

// libpcap's own memory goes back to the kernel block by block while we read, so frames are copied once, into room of the
// interface's own for those that have been heard and not yet been done with.
class PcapTap final : public KernelTap {
 public:
  PcapTap(std::string name, uint16_t index, const LiveSettings& s) : KernelTap(std::move(name)), index_(index), settings_(s) {
    arena_.resize(arena_octets + s.snaplen);   // a frame that begins before arena_octets may end behind it
    begin();
  }
  PcapTap(const PcapTap&) = delete;
  PcapTap& operator=(const PcapTap&) = delete;
  ~PcapTap() override { close_card(); }

  int descriptor() const override { return handle_ ? pcap_get_selectable_fd(handle_) : -1; }
  bool drained() const override { return drained_; }
  Time lag() const override { return block_lag; }

  size_t read(std::span<Packet> to, Time now, Time skew) override {
    to_ = to, now_ = now, skew_ = skew, filled_ = 0, drained_ = false;
    while (handle_) {
      const size_t most = std::min(to.size() - filled_, room());
      if (most == 0) break;
      const int n = pcap_dispatch(handle_, int(most), heard, reinterpret_cast<u_char*>(this));
      if (n > 0) continue;
      drained_ = true;
      if (n < 0) lose(n == PCAP_ERROR ? pcap_geterr(handle_) : pcap_statustostr(n), now);
      break;
    }
    return filled_;
  }

  void done(size_t frames, Bytes last) override {
    held_ -= frames;
    const size_t until = size_t(last.data() - arena_.data()) + last.size();
    if (held_ == 0) head_ = tail_ = 0, wrapped_ = false;
    else {
      if (until < tail_) wrapped_ = false;
      tail_ = until;
    }
  }

 private:
  std::string open_card(const Kernel::Card& card, bool&) override {
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t* h = pcap_create(card.name.c_str(), why);
    if (!h) return why;
    pcap_set_snaplen(h, int(settings_.snaplen));
    pcap_set_promisc(h, settings_.promiscuous);
    pcap_set_timeout(h, block_timeout_ms);
    pcap_set_buffer_size(h, int(std::min(settings_.buffer_octets, size_t{std::numeric_limits<int>::max()})));
    pcap_set_tstamp_precision(h, PCAP_TSTAMP_PRECISION_NANO);
    std::string refused;
    if (const int status = pcap_activate(h); status < 0) refused = refusal(card.name, status, h);
    else if (pcap_setnonblock(h, 1, why) != 0) refused = why;
    else if (pcap_get_selectable_fd(h) < 0) refused = "it cannot be waited for; name a network interface";
    else refused = narrow(h);
    if (!refused.empty()) {
      pcap_close(h);
      return refused;
    }
    handle_ = h;
    link_ = link_of(uint32_t(pcap_datalink(h)));
    unit_ = pcap_get_tstamp_precision(h) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    seen_ = lost_ = 0;
    return {};
  }

  std::string narrow(pcap_t* h) const {
    if (!settings_.filter.empty()) {
      bpf_program program{};
      if (pcap_compile(h, &program, settings_.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
        return fmt::format("filter '{}': {}; see: man pcap-filter", settings_.filter, pcap_geterr(h));
      const int status = pcap_setfilter(h, &program);
      pcap_freecode(&program);
      if (status != 0) return fmt::format("filter '{}': {}", settings_.filter, pcap_geterr(h));
    }
    if (settings_.ignore_outgoing) {
      const int one = 1;
      if (setsockopt(pcap_fileno(h), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 && pcap_setdirection(h, PCAP_D_IN) != 0)
        return fmt::format("cannot leave out what this machine sends: {}; set ignore_outgoing = false", pcap_geterr(h));
    }
    return {};
  }

  void close_card() override {
    if (handle_) pcap_close(handle_);
    handle_ = nullptr;
  }

  std::string broken() override {               // libpcap finds it at the next read
    return {};
  }

  // Since the handle was opened. libpcap counts in 32 bits, which a busy interface wraps.
  uint64_t lost_in_kernel() const override {
    pcap_stat s{};
    if (!handle_ || pcap_stats(handle_, &s) != 0) return lost_;
    lost_ += uint32_t(s.ps_drop - seen_);
    seen_ = s.ps_drop;
    return lost_;
  }

  // How many frames fit for certain.
  size_t room() {
    if (!wrapped_ && head_ >= arena_octets) head_ = 0, wrapped_ = true;
    if (wrapped_) return (tail_ - std::min(tail_, head_)) / settings_.snaplen;
    return (arena_octets - head_ - 1) / settings_.snaplen + 1;
  }

  static void heard(u_char* self, const pcap_pkthdr* h, const u_char* octets) { reinterpret_cast<PcapTap*>(self)->keep(*h, octets); }
  void keep(const pcap_pkthdr& h, const u_char* octets) {
    const size_t n = std::min<size_t>(h.caplen, settings_.snaplen);
    uint8_t* at = arena_.data() + head_;
    std::memcpy(at, octets, n);
    head_ += n;
    held_++;
    const Time stamp = Time(h.ts.tv_sec) * second + Time(h.ts.tv_usec) * unit_;
    const Packet& p = to_[filled_++] = {stamped(stamp, skew_, now_), {at, n}, std::max<uint32_t>(h.len, uint32_t(n)), index_, link_, stamp};
    count(p);
  }

  uint16_t index_;
  LiveSettings settings_;
  pcap_t* handle_ = nullptr;
  Link link_ = Link::unsupported;
  Time unit_ = 1, now_ = 0, skew_ = 0;          // the last two: of the read that goes on
  std::span<Packet> to_;                       // of the read that goes on
  size_t filled_ = 0;
  bool drained_ = true;
  std::vector<uint8_t> arena_;                 // frames lie from tail_ to head_; wrapped_: head_ has begun anew before tail_
  size_t head_ = 0, tail_ = 0, held_ = 0;
  bool wrapped_ = false;
  mutable uint64_t lost_ = 0;
  mutable uint32_t seen_ = 0;
};

}  // namespace

std::unique_ptr<Tap> open_pcap(const std::string& name, uint16_t index, const LiveSettings& settings) { return std::make_unique<PcapTap>(name, index, settings); }

std::vector<sock_filter> compile_filter(const std::string& interface, const std::string& expression, uint32_t snaplen) {
  static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
  if (expression.empty()) return {{BPF_RET | BPF_K, 0, 0, snaplen}};
  // Compiled for a handle that is open: only then does libpcap know that tags lie beside the frame.
  char why[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> h(pcap_create(interface.c_str(), why), pcap_close);
  if (!h) throw std::runtime_error(fmt::format("interface {}: {}", interface, why));
  pcap_set_snaplen(h.get(), int(snaplen));
  pcap_set_buffer_size(h.get(), 1 << 20);
  if (const int status = pcap_activate(h.get()); status < 0) throw std::runtime_error(fmt::format("interface {}: {}", interface, refusal(interface, status, h.get())));
  bpf_program program{};
  if (pcap_compile(h.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw std::runtime_error(fmt::format("interface {}: filter '{}': {}; see: man pcap-filter", interface, expression, pcap_geterr(h.get())));
  std::vector<sock_filter> out(program.bf_len);
  std::memcpy(out.data(), program.bf_insns, out.size() * sizeof(sock_filter));
  pcap_freecode(&program);
  return out;
}

std::function<bool(Bytes, uint32_t)> frame_filter(const std::string& expression, uint32_t snaplen) {
  struct Compiled {
    bpf_program program{};
    ~Compiled() { pcap_freecode(&program); }
  };
  const auto compiled = std::make_shared<Compiled>();
  const std::unique_ptr<pcap_t, void (*)(pcap_t*)> h(pcap_open_dead(DLT_EN10MB_, int(snaplen)), pcap_close);
  if (pcap_compile(h.get(), &compiled->program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    throw std::runtime_error(fmt::format("filter '{}': {}; see: man pcap-filter", expression, pcap_geterr(h.get())));
  return [compiled](Bytes octets, uint32_t whole) {
    pcap_pkthdr head{};
    head.caplen = uint32_t(octets.size());
    head.len = whole;
    return pcap_offline_filter(&compiled->program, &head, octets.data()) != 0;
  };
}

}  // namespace vidra
