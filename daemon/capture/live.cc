// SPDX-License-Identifier: Apache-2.0
// libpcap on Linux (AF_PACKET, TPACKET_V3). Immediate mode is a trap: it costs a wake-up per frame and loses them at rates
// that blocks carry with ease. In blocking mode pcap_dispatch waits for ever on a silent link, so handles are non-blocking
// and the waiting is our own.
#include "daemon/capture/live.h"

#define PCAP_DONT_INCLUDE_PCAP_BPF_H   // its bpf_insn clashes with linux/bpf.h
#include <linux/if_packet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <poll.h>

extern "C" {   // of pcap/bpf.h, which is left out
struct bpf_insn;
struct bpf_program { unsigned int bf_len; struct bpf_insn* bf_insns; };
}

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/capture/link.h"
#include "daemon/capture/merge.h"
#include "daemon/capture/steady_wall.h"

namespace vidra {
namespace {

constexpr int block_timeout_ms = 1;             // how long the kernel may hold a block that is not full
constexpr Time block_lag = 10 * millisecond;    // and how much later its frames may show, at the slowest kernel tick
constexpr int wait_ms = 10;                     // the longest that poll waits
constexpr size_t frames_each = 8192;            // held of one interface
constexpr size_t arena_octets = size_t{4} << 20;

std::string interfaces_here() {
  char why[PCAP_ERRBUF_SIZE];
  pcap_if_t* all = nullptr;
  if (pcap_findalldevs(&all, why) != 0) return {};
  std::string out;
  for (const pcap_if_t* i = all; i; i = i->next) {
    const std::string name = i->name;
    if (name == "any" || !(i->flags & PCAP_IF_UP)) continue;
    constexpr std::string_view others[] = {"nflog", "nfqueue", "usbmon", "bluetooth", "dbus"};   // what libpcap lists beside networks
    if (std::any_of(std::begin(others), std::end(others), [&](std::string_view o) { return name.rfind(o, 0) == 0; })) continue;
    out += (out.empty() ? "" : ", ") + name;
  }
  pcap_freealldevs(all);
  return out;
}

// What went wrong when an interface was to be opened, and what to type.
std::string refusal(const std::string& name, int status, pcap_t* handle) {
  const std::string detail = pcap_geterr(handle);
  switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE: {
      const std::string here = interfaces_here();
      return fmt::format("interface {}: there is none of that name{}; type: ip -br link", name, here.empty() ? "" : "; there are " + here);
    }
    case PCAP_ERROR_PERM_DENIED: case PCAP_ERROR_PROMISC_PERM_DENIED:
      return fmt::format("interface {}: no permission to hear it; run as root, or type: setcap cap_net_raw,cap_net_admin=ep PROGRAM "
                         "(the systemd unit grants both)", name);
    case PCAP_ERROR_IFACE_NOT_UP: return fmt::format("interface {}: it is down; type: ip link set {} up", name, name);
    default: return fmt::format("interface {}: {}{}{}", name, pcap_statustostr(status), detail.empty() ? "" : ": ", detail);
  }
}

// One interface: its libpcap handle, and room for the frames that have been heard and not yet been done with. libpcap's own
// memory goes back to the kernel block by block while we read, so frames are copied once.
class Tap {
 public:
  Tap(std::string name, uint16_t index, const LiveSettings& s) : name_(std::move(name)), index_(index), settings_(s) {
    arena_.resize(arena_octets + s.snaplen);   // a frame that begins before arena_octets may end behind it
    const std::string why = open();
    if (!why.empty()) throw std::runtime_error(why);
  }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;
  ~Tap() { close(); }

  bool open_now() const { return handle_ != nullptr; }
  int descriptor() const { return handle_ ? pcap_get_selectable_fd(handle_) : -1; }
  const std::string& flaw() const { return flaw_; }

  // Reads what there is into the merge. True when nothing was left behind.
  bool read(Merge& merge, Time skew) {
    if (!handle_) return true;
    merge_ = &merge;
    skew_ = skew;
    for (;;) {
      const size_t most = std::min(merge.room(index_), room());
      if (most == 0) return false;
      const int n = pcap_dispatch(handle_, int(std::min<size_t>(most, 1024)), heard, reinterpret_cast<u_char*>(this));
      if (n == 0) return true;
      if (n < 0) {
        lose(n == PCAP_ERROR ? pcap_geterr(handle_) : pcap_statustostr(n));
        return true;
      }
    }
  }

  void reopen(Time now) {
    if (handle_ || now < again_) return;
    again_ = now + second;
    const std::string why = open();
    flaw_ = why.empty() ? "" : why;
  }

  void delivered(const Packet& p) { borrowed_until_ = size_t(p.octets.data() - arena_.data()) + p.octets.size(), borrowed_ = true; }
  void release(bool nothing_held) {
    if (nothing_held) head_ = tail_ = 0, wrapped_ = false;
    else if (borrowed_) {
      if (borrowed_until_ < tail_) wrapped_ = false;
      tail_ = borrowed_until_;
    }
    borrowed_ = false;
  }

  Time last() const { return last_; }

  Counters counters() const {
    Counters c = counted_;
    const Lost now = handle_ ? lost() : Lost{};
    c.dropped_by_kernel = lost_before_.kernel + now.kernel;
    if (settings_.promiscuous) c.dropped_by_card = lost_before_.card + now.card;   // libpcap asks the card only then
    return c;
  }
  void count(const Packet& p) {
    counted_.delivered++;
    counted_.octets += p.octets.size();
    if (p.link == Link::unsupported) counted_.unsupported++;
  }

 private:
  struct Lost { uint64_t kernel = 0, card = 0; };

  std::string open() {
    char why[PCAP_ERRBUF_SIZE] = "";
    pcap_t* h = pcap_create(name_.c_str(), why);
    if (!h) return fmt::format("interface {}: {}", name_, why);
    pcap_set_snaplen(h, int(settings_.snaplen));
    pcap_set_promisc(h, settings_.promiscuous);
    pcap_set_timeout(h, block_timeout_ms);
    pcap_set_buffer_size(h, int(std::min(settings_.buffer_octets, size_t{std::numeric_limits<int>::max()})));
    pcap_set_tstamp_precision(h, PCAP_TSTAMP_PRECISION_NANO);
    std::string refused;
    if (const int status = pcap_activate(h); status < 0) refused = refusal(name_, status, h);
    else if (pcap_setnonblock(h, 1, why) != 0) refused = fmt::format("interface {}: {}", name_, why);
    else if (pcap_get_selectable_fd(h) < 0) refused = fmt::format("interface {}: it cannot be waited for; name a network interface", name_);
    else refused = narrow(h);
    if (!refused.empty()) {
      pcap_close(h);
      return refused;
    }
    handle_ = h;
    link_ = link_of(uint32_t(pcap_datalink(h)));
    unit_ = pcap_get_tstamp_precision(h) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    seen_ = {}, lost_ = {};
    return {};
  }

  std::string narrow(pcap_t* h) const {
    if (!settings_.filter.empty()) {
      bpf_program program{};
      if (pcap_compile(h, &program, settings_.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
        return fmt::format("interface {}: filter '{}': {}; see: man pcap-filter", name_, settings_.filter, pcap_geterr(h));
      const int status = pcap_setfilter(h, &program);
      pcap_freecode(&program);
      if (status != 0) return fmt::format("interface {}: filter '{}': {}", name_, settings_.filter, pcap_geterr(h));
    }
    if (settings_.ignore_outgoing) {
      const int one = 1;
      if (setsockopt(pcap_fileno(h), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 && pcap_setdirection(h, PCAP_D_IN) != 0)
        return fmt::format("interface {}: cannot leave out what this machine sends: {}; set ignore_outgoing = false", name_,
                           pcap_geterr(h));
    }
    return {};
  }

  void close() {
    if (!handle_) return;
    const Lost now = lost();
    lost_before_.kernel += now.kernel, lost_before_.card += now.card;
    pcap_close(handle_);
    handle_ = nullptr;
  }
  void lose(const std::string& why) {
    flaw_ = fmt::format("interface {}: {}; looked for again each second", name_, why);
    close();
  }

  // Since the handle was opened. libpcap counts in 32 bits, which a busy interface wraps.
  Lost lost() const {
    pcap_stat s{};
    if (pcap_stats(handle_, &s) != 0) return lost_;
    lost_.kernel += uint32_t(s.ps_drop - seen_.ps_drop);
    lost_.card += uint32_t(s.ps_ifdrop - seen_.ps_ifdrop);
    seen_ = s;
    return lost_;
  }

  // How many frames fit for certain.
  size_t room() {
    if (!wrapped_ && head_ >= arena_octets) head_ = 0, wrapped_ = true;
    if (wrapped_) return (tail_ - std::min(tail_, head_)) / settings_.snaplen;
    return (arena_octets - head_ - 1) / settings_.snaplen + 1;
  }

  static void heard(u_char* self, const pcap_pkthdr* h, const u_char* octets) { reinterpret_cast<Tap*>(self)->keep(*h, octets); }
  void keep(const pcap_pkthdr& h, const u_char* octets) {
    const size_t n = std::min<size_t>(h.caplen, settings_.snaplen);
    uint8_t* at = arena_.data() + head_;
    std::memcpy(at, octets, n);
    head_ += n;
    const Time stamp = Time(h.ts.tv_sec) * second + Time(h.ts.tv_usec) * unit_;
    last_ = std::max(last_, stamp - skew_);
    merge_->add(index_, {last_, {at, n}, std::max<uint32_t>(h.len, uint32_t(n)), index_, link_, stamp});
  }

  std::string name_, flaw_;
  uint16_t index_;
  const LiveSettings& settings_;
  pcap_t* handle_ = nullptr;
  Link link_ = Link::unsupported;
  Time unit_ = 1, last_ = 0, again_ = 0, skew_ = 0;
  Merge* merge_ = nullptr;
  std::vector<uint8_t> arena_;                 // frames lie from tail_ to head_; wrapped_: head_ has begun anew before tail_
  size_t head_ = 0, tail_ = 0, borrowed_until_ = 0;
  bool wrapped_ = false, borrowed_ = false;
  Counters counted_;
  Lost lost_before_;                           // of handles that are closed
  mutable Lost lost_;
  mutable pcap_stat seen_{};
};

class Live final : public Source {
 public:
  explicit Live(const LiveSettings& s)
      : settings_(s), merge_(s.interfaces.size(), frames_each), stop_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (stop_ < 0) throw std::runtime_error(fmt::format("eventfd: {}", std::strerror(errno)));
    for (size_t i = 0; i < settings_.interfaces.size(); i++) {
      const Interface& here = settings_.interfaces[i];
      taps_.push_back(std::make_unique<Tap>(here.name, uint16_t(i), settings_));
      for (size_t k = 0; k < i; k++) grouped_ |= !here.group.empty() && settings_.interfaces[k].group == here.group;
    }
    waits_.resize(taps_.size() + 1);
  }
  ~Live() override { close(stop_); }

  Polled poll(std::span<Packet> to) override {
    for (bool waited = false;; waited = true) {
      if (stopped_.load(std::memory_order_relaxed)) return {0, now_, true};
      read();
      const size_t n = merge_.take(to, grouped_);
      for (Packet& p : to.first(n)) {
        p.time = now_ = std::max(now_, p.time);
        taps_[p.interface]->count(p);
        taps_[p.interface]->delivered(p);
      }
      if (n == 0) now_ = std::max(now_, heard_);
      if (n > 0 || waited) return {n, now_, false};
      wait();
    }
  }

  void release() override {
    for (size_t i = 0; i < taps_.size(); i++) taps_[i]->release(merge_.held(i) == 0);
  }

  Counters counters(uint16_t i) const override { return i < taps_.size() ? taps_[i]->counters() : Counters{}; }
  std::span<const Interface> interfaces() const override { return settings_.interfaces; }

  void stop() override {
    stopped_ = true;
    const uint64_t one = 1;
    if (write(stop_, &one, sizeof one) < 0) return;   // full: it wakes all the same
  }

  bool live() const override { return true; }
  bool up(uint16_t i) const override { return i >= taps_.size() || taps_[i]->flaw().empty(); }
  std::string flaw() const override {
    std::string all;
    for (const auto& t : taps_)
      if (!t->flaw().empty()) all += (all.empty() ? "" : "; ") + t->flaw();
    return all;
  }

 private:
  void read() {
    const Time now = clock_.advance(monotonic_now(), wall_now());
    heard_ = Merge::never;
    for (size_t i = 0; i < taps_.size(); i++) {
      Tap& t = *taps_[i];
      t.reopen(now);
      const bool drained = t.read(merge_, clock_.skew());
      // What was left behind is not before the last frame read; of what is not yet here, nothing is older than a block waits.
      const Time until = !t.open_now() ? now : drained ? now - block_lag : t.last();
      merge_.heard_until(i, !t.open_now() ? Merge::never : drained ? now - settings_.merge_window : t.last());
      heard_ = std::min(heard_, until);
    }
  }

  void wait() {
    size_t n = 0;
    waits_[n++] = {stop_, POLLIN, 0};
    bool held = false;
    for (size_t i = 0; i < taps_.size(); i++) {
      if (taps_[i]->descriptor() >= 0) waits_[n++] = {taps_[i]->descriptor(), POLLIN, 0};
      held |= merge_.held(i) > 0;
    }
    ::poll(waits_.data(), nfds_t(n), held ? 1 : wait_ms);
  }

  LiveSettings settings_;
  Merge merge_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::vector<pollfd> waits_;
  SteadyWall clock_{monotonic_now(), wall_now()};
  Time now_ = 0, heard_ = 0;
  bool grouped_ = false;
  int stop_;
  std::atomic<bool> stopped_{false};
};

}  // namespace

std::unique_ptr<Source> open_live(const LiveSettings& settings) {
  if (settings.interfaces.empty()) throw std::runtime_error("no interface is named; type: ip -br link, and name one");
  if (settings.snaplen < 64 || settings.snaplen > 262'144)
    throw std::runtime_error(fmt::format("snaplen {}: 64 to 262144 octets of a frame can be kept; the usual is 65535", settings.snaplen));
  return std::make_unique<Live>(settings);
}

}  // namespace vidra
