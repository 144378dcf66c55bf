// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/ring.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "daemon/capture/kernel.h"
#include "daemon/capture/pcap_tap.h"
#include "daemon/capture/spread.h"

namespace vidra {
namespace {

constexpr size_t block_octets = size_t{128} << 10;   // holds what the kernel joins of a stream (64 KiB); each tick takes one, so the more the longer nobody need read
constexpr unsigned block_timeout_ms = 1;        // how long the kernel may hold a block that is not full
constexpr Time block_lag = 10 * millisecond;    // and how much later its frames may show, at the slowest kernel tick
constexpr size_t tag_octets = 4;                // of the tag that the kernel lays beside the frame

// The queues of one interface. They come and go together.
class Fanout {
 public:
  explicit Fanout(size_t queues) : queues_(queues) {}
  size_t queues() const { return queues_; }

  // Adds a bound socket when it is its turn; "" or why not. `generation`: which one it has joined, or another that leaves at
  // once would not be noticed.
  std::string join(size_t queue, int socket, const std::vector<sock_filter>& spread, unsigned& generation) {
    const std::lock_guard lock(mutex_);
    if (joined_ != queue) return "it waits for the other workers";
    if (queues_ > 1) {
      const unsigned how = PACKET_FANOUT_CBPF | (queue == 0 ? unsigned(PACKET_FANOUT_FLAG_UNIQUEID) : 0u);
      int group = int((queue == 0 ? 0u : id_) | how << 16);
      if (setsockopt(socket, SOL_PACKET, PACKET_FANOUT, &group, sizeof group) != 0) return fmt::format("PACKET_FANOUT: {}", std::strerror(errno));
      if (queue == 0) {
        socklen_t n = sizeof group;
        if (getsockopt(socket, SOL_PACKET, PACKET_FANOUT, &group, &n) != 0) return fmt::format("PACKET_FANOUT: {}", std::strerror(errno));
        id_ = unsigned(group) & 0xffff;
        const sock_fprog program{uint16_t(spread.size()), const_cast<sock_filter*>(spread.data())};
        if (setsockopt(socket, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) != 0) return fmt::format("PACKET_FANOUT_DATA: {}", std::strerror(errno));
      }
    }
    joined_++;
    generation = generation_.load(std::memory_order_relaxed);
    complete_.store(joined_ == queues_, std::memory_order_release);
    return {};
  }
  void leave(unsigned generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_.load(std::memory_order_relaxed)) return;   // somebody else was first
    joined_ = 0;
    complete_.store(false, std::memory_order_relaxed);
    generation_.store(generation + 1, std::memory_order_release);
  }
  bool complete() const { return complete_.load(std::memory_order_acquire); }
  unsigned generation() const { return generation_.load(std::memory_order_acquire); }
  bool turn_of(size_t queue) const {
    const std::lock_guard lock(mutex_);
    return joined_ == queue;
  }

 private:
  mutable std::mutex mutex_;                    // for the opening, never on the way of a frame
  size_t queues_, joined_ = 0;
  unsigned id_ = 0;
  std::atomic<bool> complete_{false};
  std::atomic<unsigned> generation_{0};
};

std::string trouble(const char* what) {
  if (errno == EPERM || errno == EACCES) return std::string(no_permission);
  if (errno == ENOMEM) return fmt::format("{}: no memory for the ring; lower [capture] buffer", what);
  return fmt::format("{}: {}", what, std::strerror(errno));
}

// A socket and the memory it shares with the kernel. Blocks are read in their order and go back in their order, each when the
// last of its frames is done with.
class Store {
 public:
  explicit Store(size_t blocks) : frames_(blocks) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() {
    if (memory_) munmap(memory_, octets());
    if (socket >= 0) ::close(socket);
  }
  bool map() {
    void* m = mmap(nullptr, octets(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, socket, 0);
    if (m != MAP_FAILED) memory_ = static_cast<uint8_t*>(m);
    return memory_;
  }
  size_t octets() const { return frames_.size() * block_octets; }
  size_t blocks() const { return frames_.size(); }
  bool borrowed() const { return outstanding_ > 0; }
  bool all_held() const { return held_ == frames_.size(); }
  // Of the blocks that are not lent, those that the kernel has filled; they lie in a row. However few blocks there are, a burst that is
  // being worked through is no overload.
  double fill() const {
    if (all_held()) return 1;
    if (!filled(next_)) return 0;                 // as nearly always, and known already
    size_t ready = 0, least = 0, most = frames_.size() - held_;
    while (least < most) {                        // a few looks, by halves
      const size_t n = (least + most + 1) / 2;
      if (filled((next_ + n - 1) % frames_.size())) ready = least = n;
      else most = n - 1;
    }
    return double(ready) / double(frames_.size() - held_);
  }

  // The next frame, or null when the kernel has filled no further block.
  tpacket3_hdr* next() {
    while (left_ == 0) {
      if (all_held()) return nullptr;
      if (!filled(next_)) return nullptr;
      const tpacket_block_desc* b = block(next_);
      left_ = frames_[next_] = b->hdr.bh1.num_pkts;
      at_ = memory_ + next_ * block_octets + b->hdr.bh1.offset_to_first_pkt;
      next_ = next_ + 1 == frames_.size() ? 0 : next_ + 1;
      held_++;
      give_back();
    }
    auto* h = reinterpret_cast<tpacket3_hdr*>(at_);
    at_ += h->tp_next_offset;
    left_--;
    outstanding_++;
    return h;
  }
  // Of its oldest frames as many as it has lent; how many.
  size_t done(size_t frames) {
    const size_t all = std::min(frames, outstanding_);
    outstanding_ -= all;
    for (size_t n = all; n;) {
      const size_t here = std::min<size_t>(n, frames_[oldest_]);
      frames_[oldest_] -= uint32_t(here);
      n -= here;
      give_back();
    }
    return all;
  }

  int socket = -1;

 private:
  tpacket_block_desc* block(size_t i) const { return reinterpret_cast<tpacket_block_desc*>(memory_ + i * block_octets); }
  bool filled(size_t i) const { return __atomic_load_n(&block(i)->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER; }
  void give_back() {
    for (; held_ && frames_[oldest_] == 0; held_--) {
      __atomic_store_n(&block(oldest_)->hdr.bh1.block_status, uint32_t{TP_STATUS_KERNEL}, __ATOMIC_RELEASE);
      oldest_ = oldest_ + 1 == frames_.size() ? 0 : oldest_ + 1;
    }
  }

  uint8_t* memory_ = nullptr;
  std::vector<uint32_t> frames_;               // of each block: those that are not done with
  size_t next_ = 0, oldest_ = 0, held_ = 0, outstanding_ = 0;
  uint8_t* at_ = nullptr;                      // the next frame of the block that is read
  uint32_t left_ = 0;                          // frames of it
};

class Ring final : public KernelTap {
 public:
  Ring(std::string name, uint16_t index, const LiveSettings& s, std::shared_ptr<Fanout> fanout, size_t queue, const Spread& spread)
      : KernelTap(std::move(name)), index_(index), queue_(queue), settings_(s), fanout_(std::move(fanout)), spread_(spread) {
    filter_ = compile_filter(name_, s.filter, s.snaplen);
    begin();
  }
  ~Ring() override { close_card(); }

  // Once all have joined: what was let in waits for the first read.
  void start() {
    if (std::string why = let_in(); !why.empty()) throw std::runtime_error(fmt::format("interface {}: {}", name_, why));
  }

  int descriptor() const override { return store_ ? store_->socket : -1; }
  bool drained() const override { return drained_; }
  Time lag() const override { return block_lag; }
  double fill() const override { return store_ ? store_->fill() : 0; }

  size_t read(std::span<Packet> to, Time now, Time skew) override {
    drained_ = false;
    size_t n = 0;
    for (; n < to.size(); n++) {
      tpacket3_hdr* h = store_->next();
      if (!h) {
        drained_ = !store_->all_held();
        break;
      }
      take(*h, to[n], now, skew);
    }
    return n;
  }

  void done(size_t frames, Bytes) override {
    while (frames && !before_.empty()) {
      frames -= before_.front()->done(frames);
      if (!before_.front()->borrowed()) before_.erase(before_.begin());
    }
    if (frames && store_) store_->done(frames);
  }

 private:
  void take(tpacket3_hdr& h, Packet& p, Time now, Time skew) {
    uint8_t* octets = reinterpret_cast<uint8_t*>(&h) + h.tp_mac;
    size_t captured = h.tp_snaplen, whole = h.tp_len;
    if (h.tp_status & TP_STATUS_VLAN_VALID && captured >= 12) {   // back to where it was on the wire
      const uint16_t kind = h.tp_status & TP_STATUS_VLAN_TPID_VALID ? h.hv1.tp_vlan_tpid : uint16_t{0x8100}, tag = uint16_t(h.hv1.tp_vlan_tci);
      std::memmove(octets - tag_octets, octets, 12);
      octets -= tag_octets;
      octets[12] = uint8_t(kind >> 8), octets[13] = uint8_t(kind), octets[14] = uint8_t(tag >> 8), octets[15] = uint8_t(tag);
      captured += tag_octets, whole += tag_octets;
    }
    captured = std::min<size_t>(captured, settings_.snaplen);
    const Time stamp = Time(h.tp_sec) * second + h.tp_nsec;
    p = {stamped(stamp, skew, now), {octets, captured}, uint32_t(std::max(whole, captured)), index_, link_, stamp};
    count(p);
  }

  std::string open_card(const Kernel::Card& card, bool& waits) override {
    if (!fanout_->turn_of(queue_)) return "it waits for the other workers";
    switch (card.hardware) {
      case ARPHRD_ETHER: case ARPHRD_LOOPBACK: link_ = Link::ethernet; break;
      case ARPHRD_NONE: case ARPHRD_RAWIP: case ARPHRD_TUNNEL: case ARPHRD_TUNNEL6: case ARPHRD_SIT: case ARPHRD_PPP: link_ = Link::raw_ip; break;
      default: return fmt::format("its frames are of hardware type {}, which the ring does not know; set [capture] source = \"pcap\"", card.hardware);
    }
    std::string why = make(card);
    waits = fanout_->queues() > 1;
    if (why.empty() && !waits) why = let_in();
    if (!why.empty()) close_card();
    return why;
  }

  std::string make(const Kernel::Card& card) {
    // What waits for its siblings keeps its block, and each millisecond takes one.
    const size_t least = settings_.interfaces.size() > 1 ? size_t(4 * settings_.merge_window / millisecond) : 4;
    store_ = std::make_unique<Store>(std::max<size_t>({4, least, settings_.buffer_octets / block_octets}));
    const int s = store_->socket = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);   // protocol 0: nothing comes before it is bound
    if (s < 0) return trouble("AF_PACKET");
    const auto set = [&](int option, const auto& value) { return setsockopt(s, SOL_PACKET, option, &value, sizeof value) == 0; };
    if (!set(PACKET_VERSION, int{TPACKET_V3})) return trouble("TPACKET_V3");
    if (!set(PACKET_RESERVE, unsigned{tag_octets})) return trouble("PACKET_RESERVE");
    // Frames are stamped as they come in, not as they reach the ring: a processor that is busy would swap them.
    if (const int one = 1; setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) != 0) return trouble("SO_TIMESTAMPNS");
    // On the loopback each frame goes out and comes in.
    if ((settings_.ignore_outgoing || card.hardware == ARPHRD_LOOPBACK) && !set(PACKET_IGNORE_OUTGOING, int{1})) return trouble("PACKET_IGNORE_OUTGOING");
    tpacket_req3 ring{};
    ring.tp_block_size = block_octets;
    ring.tp_block_nr = unsigned(store_->blocks());
    ring.tp_frame_size = 2048;                  // says only how the blocks are counted
    ring.tp_frame_nr = unsigned(store_->octets() / 2048);
    ring.tp_retire_blk_tov = block_timeout_ms;
    if (!set(PACKET_RX_RING, ring)) return trouble("PACKET_RX_RING");
    if (!store_->map()) return trouble("mmap");
    // Nothing comes in until every queue is there to take its share.
    if (const std::string why = attach({{BPF_RET | BPF_K, 0, 0, 0}}); !why.empty()) return why;
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_ALL);
    to.sll_ifindex = card.index;
    if (bind(s, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return trouble("bind");
    if (settings_.promiscuous) {
      packet_mreq all{};
      all.mr_ifindex = card.index;
      all.mr_type = PACKET_MR_PROMISC;
      if (!set(PACKET_ADD_MEMBERSHIP, all)) return trouble("promiscuous mode");
    }
    const std::string why = fanout_->join(queue_, s, spread_.program(link_ == Link::ethernet), generation_);
    joined_ = why.empty();
    return why;
  }

  std::string attach(const std::vector<sock_filter>& filter) {
    const sock_fprog program{uint16_t(filter.size()), const_cast<sock_filter*>(filter.data())};
    return setsockopt(store_->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? std::string{} : trouble("filter");
  }
  std::string let_in() {
    tpacket_stats_v3 none{};
    socklen_t n = sizeof none;
    getsockopt(store_->socket, SOL_PACKET, PACKET_STATISTICS, &none, &n);
    std::string why = attach(filter_);
    waiting_ = !why.empty();                    // it is tried again
    return why;
  }

  bool still_waits() override {
    if (!waiting_) return false;
    if (!fanout_->complete()) return true;
    return !let_in().empty();
  }
  bool left() override { return generation_ != fanout_->generation(); }

  std::string broken() override {
    int error = 0;
    socklen_t n = sizeof error;
    if (getsockopt(store_->socket, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || !error) return {};
    return error == ENETDOWN ? "it went down" : std::strerror(error);
  }

  void close_card() override {
    if (joined_) fanout_->leave(generation_);
    joined_ = false;
    waiting_ = true;
    drained_ = true;
    lost_ = 0;
    if (!store_) return;
    // What is still read from stays, and with it the socket: it hears no more, or what it hears is never read.
    if (store_->borrowed()) {
      attach({{BPF_RET | BPF_K, 0, 0, 0}});
      before_.push_back(std::move(store_));
    }
    store_.reset();
  }

  uint64_t lost_in_kernel() const override {
    tpacket_stats_v3 s{};                       // since it was asked last
    socklen_t n = sizeof s;
    if (store_ && !waiting_ && getsockopt(store_->socket, SOL_PACKET, PACKET_STATISTICS, &s, &n) == 0) lost_ += s.tp_drops;
    return lost_;
  }

  uint16_t index_;
  size_t queue_;
  LiveSettings settings_;
  std::shared_ptr<Fanout> fanout_;
  Spread spread_;
  std::vector<sock_filter> filter_;
  Link link_ = Link::unsupported;
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<Store>> before_; // of cards that are gone, still read from
  bool drained_ = true, waiting_ = true, joined_ = false;
  unsigned generation_ = 0;
  mutable uint64_t lost_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Tap>> open_rings(const std::string& name, uint16_t index, const LiveSettings& settings, size_t queues, const Spread& spread) {
  const auto fanout = std::make_shared<Fanout>(queues);
  std::vector<std::unique_ptr<Tap>> taps;
  std::vector<Ring*> rings;
  for (size_t i = 0; i < queues; i++) {
    auto ring = std::make_unique<Ring>(name, index, settings, fanout, i, spread);
    rings.push_back(ring.get());
    taps.push_back(std::move(ring));
  }
  for (Ring* r : rings) r->start();
  return taps;
}

}  // namespace vidra
