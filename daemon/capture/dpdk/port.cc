// SPDX-License-Identifier: Apache-2.0
// DPDK's receive path. The only file that knows DPDK; it becomes vidra-dpdk.so. No transmit queue is ever set up, and nothing
// here can send: tests/e2e/never_sends.py reads the symbols.
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_thread.h>
#include <rte_version.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "daemon/capture/dpdk/hugepages.h"
#include "daemon/capture/dpdk/module.h"

namespace vidra {
namespace {

constexpr unsigned burst = 64;
constexpr uint16_t wanted_descriptors = 4096;    // 4 ms of a million frames a second
constexpr unsigned cache = 256;                  // of each worker's thread
constexpr Time look_every = 250 * millisecond, seek_every = second;
constexpr Time unplugged_for = 1500 * millisecond;

// Toeplitz with this key gives both directions of a conversation the same number, and every bit of it counts.
constexpr uint8_t symmetric[] = {0x6d, 0x5a};

bool is_pci(const std::string& port) { return port.rfind("net_", 0) != 0; }
std::string name_of_port(const std::string& port) { return port.substr(0, port.find(',')); }

// ---- what EAL says goes to ours, and the last complaint into our own message

class Voice {
 public:
  void to(std::function<void(int, const std::string&)> log) {
    const std::lock_guard lock(mutex_);
    log_ = std::move(log);
  }
  void say(int level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string line(text.substr(0, end));
      text.remove_prefix(std::min(text.size(), end + 1));
      if (line.empty()) continue;
      if (level <= 4) complaint_ = line;
      if (log_) log_(level, "dpdk: " + line);
    }
  }
  std::string complaint() {
    const std::lock_guard lock(mutex_);
    return std::exchange(complaint_, {});
  }

 private:
  std::mutex mutex_;
  std::function<void(int, const std::string&)> log_;
  std::string complaint_;
};
Voice& voice() {
  static Voice v;
  return v;
}
ssize_t write_log(void*, const char* text, size_t n) {
  voice().say(std::max(0, rte_log_cur_msg_loglevel() - 1), {text, n});
  return ssize_t(n);
}

std::string because(int error) {
  const std::string complaint = voice().complaint();
  return complaint.empty() ? std::string(std::strerror(std::abs(error))) : fmt::format("{} ({})", std::strerror(std::abs(error)), complaint);
}

// ---- memory

uint64_t free_hugepage_octets() {
  uint64_t all = 0;
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string size = e.path().filename().string();   // hugepages-2048kB
    uint64_t pages = 0;
    if (std::ifstream(e.path() / "free_hugepages") >> pages) all += pages * std::strtoull(size.c_str() + 10, nullptr, 10) * 1024;
  }
  return all;
}

uint64_t hugepages_to_set(uint64_t octets) {
  std::ifstream meminfo("/proc/meminfo");
  return hugepages_for(octets, meminfo);
}

struct Size { uint32_t buffers, room; uint64_t octets; };
Size size_of(const DpdkWish& w) {
  Size s;
  s.room = uint32_t(std::max<unsigned>(2048, (unsigned{w.mtu} + 40 + 63) / 64 * 64) + RTE_PKTMBUF_HEADROOM);   // header, two tags, a redundancy trailer, checksum
  uint64_t n = w.buffers;
  if (!n) n = w.queues * (uint64_t{wanted_descriptors} + 4 * burst + w.held + cache * 3 / 2);
  uint64_t power = 1024;
  while (power < n + 1) power *= 2;
  s.buffers = uint32_t(power - 1);              // what a ring of a power of two holds
  s.octets = power * (s.room + sizeof(rte_mbuf) + 64);
  return s;
}

// ---- EAL, once in a process

class Eal {
 public:
  std::string start(const DpdkWish& w) {
    const std::lock_guard lock(mutex_);
    if (started_) {
      for (const std::string& p : w.ports)
        if (is_pci(p) && std::find(allowed_.begin(), allowed_.end(), p) == allowed_.end()) return "DPDK was started without it; start the sensor anew";
      return {};
    }
    if (failed_) return "DPDK could not be started; mend that, and start the sensor anew";
    uint64_t wanted = (size_of(w).octets * w.ports.size() + (uint64_t{48} << 20)) >> 20 << 20;
    const bool pci = std::any_of(w.ports.begin(), w.ports.end(), is_pci);
    const uint64_t there = free_hugepage_octets();
    const bool huge = w.hugepages != Hugepages::no && there >= wanted;
    if (!huge && (pci || w.hugepages == Hugepages::yes))
      return fmt::format("{} MiB of hugepages are needed, and {} MiB are free; type: sysctl -w vm.nr_hugepages={}   (lasting: echo vm.nr_hugepages={} > /etc/sysctl.d/80-vidra.conf){}", wanted >> 20,
                         there >> 20, hugepages_to_set(wanted), hugepages_to_set(wanted), w.hugepages == Hugepages::no ? "; and set [dpdk] hugepages = \"auto\": a card needs them" : "");
    // Of small pages a buffer takes whole ones. What is reserved is taken only as it is touched.
    if (!huge) wanted = std::max<uint64_t>(2 * wanted, uint64_t{256} << 20);
    memory_ = huge ? fmt::format("{} MiB of hugepages", wanted >> 20) : fmt::format("{} MiB without hugepages", wanted >> 20);

    cpu_set_t cores;
    int core = 0;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
      while (core < CPU_SETSIZE - 1 && !CPU_ISSET(core, &cores)) core++;
    std::vector<std::string> words = {"vidra", fmt::format("--lcores=0@{}", core), "--no-telemetry", "--file-prefix=vidra"};
    if (huge) words.push_back("--in-memory");
    else words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(wanted >> 20)});
    for (const std::string& p : w.ports)
      if (is_pci(p)) words.insert(words.end(), {"-a", p}), allowed_.push_back(p);
    if (!pci) words.push_back("--no-pci");      // never another card of the machine

    static FILE* stream = fopencookie(nullptr, "w", {nullptr, write_log, nullptr, nullptr});
    setvbuf(stream, nullptr, _IOLBF, 4096);
    rte_openlog_stream(stream);
    int rc = -1, error = 0;
    std::string early;
    // In a thread of its own: EAL ties its caller to a core, and its threads must not take the sensor's signals.
    std::thread([&] {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      const int kept = memfd_create("eal", MFD_CLOEXEC), out = fcntl(1, F_DUPFD_CLOEXEC, 3), err = fcntl(2, F_DUPFD_CLOEXEC, 3);
      std::fflush(stdout);
      if (kept >= 0 && out >= 0 && err >= 0) dup2(kept, 1), dup2(kept, 2);   // what it says before it knows our log, and its usage text
      std::vector<char*> arguments;
      for (std::string& s : words) arguments.push_back(s.data());
      rc = rte_eal_init(int(arguments.size()), arguments.data());
      error = rte_errno;
      std::fflush(stdout);
      if (out >= 0) dup2(out, 1), close(out);
      if (err >= 0) dup2(err, 2), close(err);
      if (kept < 0) return;
      early.resize(size_t(std::max<off_t>(0, lseek(kept, 0, SEEK_END))));
      if (pread(kept, early.data(), early.size(), 0) < 0) early.clear();
      close(kept);
    }).join();
    std::string said;
    for (size_t at = 0; at < early.size();) {   // its complaints only
      const size_t end = std::min(early.find('\n', at), early.size());
      const std::string line = early.substr(at, end - at);
      at = end + 1;
      if (line.rfind("EAL:", 0) == 0) voice().say(rc < 0 ? 4 : 7, line), said = line;
    }
    if (rc < 0) {
      failed_ = true;
      return fmt::format("EAL does not start: {}{}; its words: {}", std::strerror(error), error == EACCES || error == EPERM ? " (run as root, or see docs/OPERATING.md, DPDK ports)" : "", said);
    }
    started_ = true;
    return {};
  }
  const std::string& memory() const { return memory_; }

 private:
  std::mutex mutex_;
  bool started_ = false, failed_ = false;
  std::vector<std::string> allowed_;
  std::string memory_;
};
Eal& eal() {
  static Eal e;
  return e;
}

// ---- one port, shared by the taps of its queues

class Port {
 public:
  Port(std::string port, const DpdkWish& w) : devargs_(std::move(port)), name_(name_of_port(devargs_)), wish_(w) {
    // What af_packet has by default loses two thirds of half a million frames a second.
    if (name_.rfind("net_af_packet", 0) == 0) {
      if (const size_t at = devargs_.find(",iface="); at != std::string::npos) interface_ = devargs_.substr(at + 7, devargs_.find(',', at + 7) - at - 7);
      const auto given = [&](const char* key) { return devargs_.find(fmt::format(",{}=", key)) != std::string::npos; };
      if (!given("qpairs")) devargs_ += fmt::format(",qpairs={}", w.queues);
      if (!given("framecnt") && !given("blocksz") && !given("framesz")) devargs_ += ",blocksz=1048576,framesz=2048,framecnt=16384";
    }
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() {
    shut();
    if (lock_ >= 0) close(lock_);
    // Frames that are still read from are given back before this; the pool outlives the port.
    rte_mempool_free(pool_);
  }

  std::string open() {
    if (const std::string why = lock(); !why.empty()) return why;
    return start();
  }
  const std::string& said() const { return said_; }
  uint16_t id() const { return id_; }
  const std::string& name() const { return name_; }
  const DpdkWish& wish() const { return wish_; }
  bool hides_its_drops() const { return hides_; }
  bool interrupts() const { return interrupts_; }

  // A queue enters before it looks whether the port is gone, and it is shut only when it is gone and nobody is in.
  bool gone() const { return gone_.load(); }
  void leave() { polling_.fetch_sub(1); }
  void enter() { polling_.fetch_add(1); }

  // On the first queue's thread, when the port is gone and nobody polls it any more.
  bool come_back() {
    if (polling_.load()) return false;
    shut();
    if (!start().empty()) {
      shut();
      return false;
    }
    gone_.store(false);
    return true;
  }

  // On the first queue's thread; the others read what it found.
  void look() {
    if (!interface_.empty()) {                  // its driver does not look
      const auto [index, up] = ask_kernel();
      link_up_.store(up, std::memory_order_relaxed);
      if (index != kernel_index_) gone_.store(true);
      return;
    }
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(id_, &link) == 0) link_up_.store(link.link_status == RTE_ETH_LINK_UP, std::memory_order_relaxed);
  }
  bool link_up() const { return link_up_.load(std::memory_order_relaxed); }

  void tell_statistics() {
    const int n = rte_eth_xstats_get(id_, nullptr, 0);
    if (n <= 0) return;
    std::vector<rte_eth_xstat> values(static_cast<size_t>(n));
    std::vector<rte_eth_xstat_name> names(values.size());
    if (rte_eth_xstats_get(id_, values.data(), unsigned(n)) != n || rte_eth_xstats_get_names(id_, names.data(), unsigned(n)) != n) return;
    std::string line;
    for (const rte_eth_xstat& v : values)
      if (v.value && v.id < names.size()) line += fmt::format(" {}={}", names[v.id].name, v.value);
    voice().say(6, fmt::format("port {}:{}", name_, line.empty() ? " nothing was counted" : line));
  }

 private:
  // One sensor on a port: two would each hear a part. The lock goes with the process.
  std::string lock() {
    lock_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const std::string key = fmt::format("vidra-dpdk-{:016x}", std::hash<std::string>{}(is_pci(devargs_) ? name_ : devargs_));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + 1, key.data(), std::min(key.size(), sizeof a.sun_path - 1));
    if (lock_ < 0 || bind(lock_, reinterpret_cast<const sockaddr*>(&a), socklen_t(offsetof(sockaddr_un, sun_path) + 1 + key.size())) != 0)
      return errno == EADDRINUSE ? fmt::format("port {}: another sensor hears it; type: systemctl status vidra-sensor; pgrep -a vidrad", name_)
                                 : fmt::format("port {}: {}", name_, std::strerror(errno));
    return {};
  }

  std::pair<int, bool> ask_kernel() const {     // the interface's number, 0 without one; whether frames can come
    ifreq r{};
    std::memcpy(r.ifr_name, interface_.data(), std::min(interface_.size(), sizeof r.ifr_name - 1));
    const int index = ioctl(lock_, SIOCGIFINDEX, &r) == 0 ? r.ifr_ifindex : 0;
    return {index, index && ioctl(lock_, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_UP && r.ifr_flags & IFF_RUNNING};
  }

  std::string start() {
    if (!interface_.empty()) kernel_index_ = ask_kernel().first;
    const auto fail = [&](const std::string& what) { return fmt::format("port {}: {}", name_, what); };
    voice().complaint();
    if (rte_eth_dev_get_port_by_name(name_.c_str(), &id_) != 0) {
      const int rc = rte_dev_probe(devargs_.c_str());
      if (rc != 0 || rte_eth_dev_get_port_by_name(name_.c_str(), &id_) != 0)
        return fail(is_pci(devargs_) ? fmt::format("no driver of DPDK's takes it: {}; type: dpdk-devbind.py --status-dev net", because(rc))
                                     : fmt::format("it cannot be made: {}; are its arguments right, does its interface or file exist, and may this user open it?", because(rc)));
    }
    rte_eth_dev_info info{};
    if (const int rc = rte_eth_dev_info_get(id_, &info); rc != 0) return fail(because(rc));
    const uint16_t queues = uint16_t(wish_.queues);
    if (queues > info.max_rx_queues)
      return fail(fmt::format("it has {} receive queue{}, and there are {} workers; take fewer workers or a card with more queues{}", info.max_rx_queues, info.max_rx_queues == 1 ? "" : "s", queues,
                              name_.rfind("net_af_packet", 0) == 0 ? fmt::format(", or write qpairs={} in its arguments", queues) : ""));
    const bool knows_most = info.max_mtu && info.max_mtu != UINT16_MAX;
    const unsigned longest = knows_most ? info.max_mtu : info.max_rx_pktlen > RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN ? info.max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN : 1500;
    if (wish_.mtu > 1500 && wish_.mtu > longest) return fail(fmt::format("it takes frames of at most {} octets of payload, and mtu is {}; set [dpdk] mtu = {}", longest, wish_.mtu, longest));

    rte_eth_conf conf{};
    // Two tags and the trailer of PRP, or HSR's tag, are on the wire beyond the payload.
    conf.rxmode.mtu = std::min<uint32_t>(wish_.mtu + 14u, longest);
    if (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    // Addresses only: ports would part a conversation from its fragments.
    std::array<uint8_t, 64> key;
    for (size_t i = 0; i < key.size(); i++) key[i] = symmetric[i % 2];
    const uint64_t by_addresses = (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX) &
                                  info.flow_type_rss_offloads;
    const bool rss = queues > 1 && by_addresses && info.hash_key_size <= key.size();
    if (rss) {
      conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
      conf.rx_adv_conf.rss_conf.rss_key = key.data();
      conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size ? info.hash_key_size : 40;
      conf.rx_adv_conf.rss_conf.rss_hf = by_addresses;
    }
    conf.intr_conf.rxq = wish_.interrupts;
    int rc = rte_eth_dev_configure(id_, queues, 0, &conf);
    if (rc != 0 && wish_.interrupts) {
      conf.intr_conf.rxq = 0;
      rc = rte_eth_dev_configure(id_, queues, 0, &conf);
    }
    if (rc != 0 && conf.rxmode.mtu > wish_.mtu) {
      conf.rxmode.mtu = wish_.mtu;
      rc = rte_eth_dev_configure(id_, queues, 0, &conf);
    }
    interrupts_ = rc == 0 && conf.intr_conf.rxq;
    if (rc != 0)
      return fail(fmt::format("its driver does not go with {} receive queue{} and no transmit queue: {}; this sensor never sets up one to transmit. Let the kernel have the port: name its interface", queues,
                              queues == 1 ? "" : "s", because(rc)));
    uint16_t descriptors = wanted_descriptors, none = 0;
    if ((rc = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &descriptors, &none)) != 0) return fail(because(rc));
    const Size size = size_of(wish_);
    const int node = rte_eth_dev_socket_id(id_);
    if (!pool_) pool_ = rte_pktmbuf_pool_create(fmt::format("vidra-{:08x}", uint32_t(std::hash<std::string>{}(name_))).c_str(), size.buffers, cache, 0, uint16_t(size.room), node);
    if (!pool_) return fail(fmt::format("no memory for {} buffers of {} octets on node {}: {}; lower [dpdk] buffers, or type: sysctl -w vm.nr_hugepages={}", size.buffers, size.room, node,
                                        rte_strerror(rte_errno), hugepages_to_set(size.octets * wish_.ports.size())));   // others may come after it
    for (uint16_t q = 0; q < queues; q++)
      if ((rc = rte_eth_rx_queue_setup(id_, q, descriptors, unsigned(node), nullptr, pool_)) != 0)
        return fail(fmt::format("queue {} with buffers of {} octets: {}; a frame that does not fit wants a larger [dpdk] mtu, or a smaller framesz of the device", q, size.room, because(rc)));
    // A card that is pulled, or a virtual device that somebody takes away.
    rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_INTR_RMV, removed, this);
    rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_DESTROY, removed, this);
    listening_ = true;
    // Pause frames are transmitted: off before the first may be, and looked at again, because drivers set them anew at the start.
    no_pause_frames();
    rc = rte_eth_dev_start(id_);
    // A virtual function may be allowed no more than what is usual.
    if (rc != 0 && conf.rxmode.mtu > wish_.mtu && rte_eth_dev_set_mtu(id_, wish_.mtu) == 0) rc = rte_eth_dev_start(id_);
    if (rc != 0)
      return fail(fmt::format("it does not start: {}{}", because(rc), rc == -EPERM || rc == -EACCES ? "; run as root, or give it what docs/OPERATING.md, DPDK ports, lists" : ""));
    const Pause pause = no_pause_frames();
    if (!pause.why.empty()) {
      rte_eth_dev_stop(id_);
      return fail(fmt::format("its pause frames cannot be switched off: {}; so the card may transmit. Bind it to the kernel's driver, type: ethtool -A IFACE rx off tx off, and name that interface", pause.why));
    }
    interrupts_ = interrupts_ && rte_eth_dev_rx_intr_enable(id_, 0) == 0 && rte_eth_dev_rx_intr_ctl_q_get_fd(id_, 0) >= 0;
    const bool sees_all = !wish_.promiscuous || rte_eth_promiscuous_enable(id_) == 0;
    rte_eth_allmulticast_enable(id_);
    look();

    const std::string driver = info.driver_name ? info.driver_name : "";
    hides_ = driver == "net_af_packet" || driver == "net_af_xdp";
    said_ = fmt::format("port {}: heard through DPDK {}, driver {}, {} queue{}, {} descriptors, bursts of {}, {} buffers of {} octets (of {}) on node {}, {}; {}; no transmit queue{}{}{}{}", name_,
                        rte_version() + 5, driver, queues, queues == 1 ? "" : "s", descriptors, burst, size.buffers, size.room, eal().memory(), node,
                        queues == 1 ? "one worker" : rss ? "spread by addresses, both directions alike" : "spread as the device does it", pause.known ? "pause frames off" : "pause frames: the driver has none", sees_all ? "" : "; it does not hear frames for others",
                        wish_.interrupts && !interrupts_ ? "; it cannot call, so it is asked" : "", hides_ ? "; its driver does not count what it loses: source = \"ring\" does" : "",
                        driver == "net_i40e" || driver == "net_ice" ? "; its firmware may speak LLDP: see docs/OPERATING.md, DPDK ports" : "");
    return {};
  }

  struct Pause { bool known; std::string why; };   // known: the driver has them; why they are not off
  Pause no_pause_frames() {
    rte_eth_fc_conf fc{};
    int rc = rte_eth_dev_flow_ctrl_get(id_, &fc), set = 0;
    if (rc == 0 && fc.mode != RTE_ETH_FC_NONE) {
      fc.mode = RTE_ETH_FC_NONE;
      fc.autoneg = 0;
      set = rte_eth_dev_flow_ctrl_set(id_, &fc);
      rc = rte_eth_dev_flow_ctrl_get(id_, &fc);
    }
    if (rc == -ENOTSUP) return {false, {}};
    if (rc != 0) return {true, fmt::format("its driver does not say whether they are on: {}", because(rc))};
    if (fc.mode != RTE_ETH_FC_NONE) return {true, set ? because(set) : "they stay on"};
    return {true, {}};
  }

  void shut() {
    if (id_ == none_) return;
    if (listening_) {
      rte_eth_dev_callback_unregister(id_, RTE_ETH_EVENT_INTR_RMV, removed, this);
      rte_eth_dev_callback_unregister(id_, RTE_ETH_EVENT_DESTROY, removed, this);
    }
    listening_ = false;
    if (rte_eth_dev_is_valid_port(id_)) {
      rte_eth_dev_info info{};
      rte_device* device = rte_eth_dev_info_get(id_, &info) == 0 ? info.device : nullptr;
      rte_eth_dev_stop(id_);
      rte_eth_dev_close(id_);
      if (device && (gone() || !is_pci(devargs_))) rte_dev_remove(device);   // or it could not be taken anew
    }
    id_ = none_;
  }

  static int removed(uint16_t, rte_eth_event_type, void* self, void*) {
    static_cast<Port*>(self)->gone_.store(true);
    return 0;
  }

  static constexpr uint16_t none_ = UINT16_MAX;
  std::string devargs_, name_, said_;
  std::string interface_;                       // of the kernel's, that the device reads from
  int kernel_index_ = 0;
  DpdkWish wish_;
  uint16_t id_ = none_;
  rte_mempool* pool_ = nullptr;
  bool hides_ = false, interrupts_ = false, listening_ = false;
  int lock_ = -1;
  std::atomic<bool> gone_{false}, link_up_{true};
  std::atomic<int> polling_{0};
};

// A worker's thread with a number of EAL's has a cache of buffers of its own.
struct Registered {
  Registered() : mine(rte_lcore_id() == LCORE_ID_ANY && rte_thread_register() == 0) {}
  ~Registered() { if (mine) rte_thread_unregister(); }
  bool mine;
};

class Queue final : public Tap {
 public:
  Queue(std::shared_ptr<Port> port, uint16_t queue, uint16_t index) : port_(std::move(port)), queue_(queue), index_(index) {
    size_t n = 1;
    while (n < port_->wish().held + 4 * burst) n *= 2;
    held_.resize(n);
    copies_.resize(n);
    port_->enter();
    in_ = true;
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() override {
    while (tail_ != head_) drop_oldest();
    if (queue_ == 0 && in_) port_->tell_statistics();
    if (in_) port_->leave();
  }

  size_t read(std::span<Packet> to, Time now, Time skew) override {
    static thread_local const Registered registered;
    size_t n = 0;
    drained_ = true;
    if (armed_) {                               // the call is answered: it is an eventfd, which does not block
      uint64_t calls;
      armed_ = ::read(descriptor(), &calls, sizeof calls) < 0 && errno == EAGAIN;
      if (!armed_) rte_eth_dev_rx_intr_disable(port_->id(), queue_);
    }
    // A filter that refuses all that comes must not keep us here for ever.
    for (size_t bursts = held_.size() / burst; n < to.size(); bursts--) {
      if (bursts == 0) { drained_ = false; break; }
      const size_t room = held_.size() - size_t(head_ - tail_);
      const uint16_t most = uint16_t(std::min({size_t{burst}, to.size() - n, room}));
      if (most == 0) { drained_ = false; break; }
      rte_mbuf* got[burst];
      const uint16_t came = rte_eth_rx_burst(port_->id(), queue_, got, most);
      if (came) last_ = std::max(last_, now);
      for (uint16_t i = 0; i < came; i++) n += take(got[i], to[n], skew);
      if (came < most) break;
      drained_ = n < to.size();
    }
    if (n == 0 && !armed_ && port_->interrupts()) armed_ = rte_eth_dev_rx_intr_enable(port_->id(), queue_) == 0;
    return n;
  }

  void done(size_t frames, Bytes) override {
    while (frames) {                            // in runs that do not wrap
      const size_t at = tail_ & (held_.size() - 1);
      const size_t run = std::min({frames, held_.size() - at, size_t(head_ - tail_)});
      rte_pktmbuf_free_bulk(&held_[at], unsigned(run));
      if (copied_) for (size_t i = at; i < at + run; i++) copies_[i].reset();
      tail_ += run;
      frames -= run;
    }
    if (head_ == tail_) copied_ = false;
  }

  bool drained() const override { return drained_; }
  Time last() const override { return last_; }
  Time lag() const override { return 0; }       // frames bear the time at which they were asked for
  bool open() const override { return in_; }
  // Nothing comes through a link that is down: it is not asked between two looks of the loop, until something did come.
  bool polled() const override { return descriptor() < 0 && !(dark() && counted_.delivered == heard_at_look_); }
  int descriptor() const override {
    if (!in_ || !port_->interrupts()) return -1;
    return rte_eth_dev_rx_intr_ctl_q_get_fd(port_->id(), queue_);
  }

  void tend(Time now, bool) override {
    if (!alive_) alive_ = now;
    if (in_ && port_->gone()) {
      in_ = armed_ = false;
      port_->leave();
      black("it was removed", alive_);
    }
    if (!in_) {
      if (now < look_) return;
      look_ = now + seek_every;
      if (port_->gone() && (queue_ != 0 || !port_->come_back())) return;
      port_->enter();
      if (port_->gone()) return port_->leave();   // the first queue may be shutting it
      in_ = true;
      missed_before_ = missed_, without_room_before_ = without_room_;   // it counts from nothing again
      light(now);
      return;
    }
    if (now < look_) return;
    look_ = now + look_every;
    if (queue_ == 0) port_->look();
    if (!port_->link_up() && counted_.delivered == heard_at_look_) {
      if (!unplugged_) unplugged_ = now;
      if (!dark() && now - unplugged_ >= unplugged_for) black("its link is down", unplugged_);
    } else {
      unplugged_ = 0;
      if (dark()) light(now);
      alive_ = now;
    }
    heard_at_look_ = counted_.delivered;
  }

  Counters counters() const override {
    Counters c = counted_;
    if (queue_ != 0) {                          // the port's own are told once
      c.dropped_by_card = c.dropped_by_kernel = 0;
      return c;
    }
    rte_eth_stats s{};
    if (in_ && !port_->gone() && rte_eth_stats_get(port_->id(), &s) == 0) {
      missed_ = missed_before_ + s.imissed + s.ierrors;   // ierrors: longer than the card takes, or broken
      without_room_ = without_room_before_ + s.rx_nombuf;
    }
    if (!port_->hides_its_drops()) c.dropped_by_card = missed_;
    c.dropped_by_kernel = 0;
    c.dropped_by_us = without_room_;
    return c;
  }
  const Outage& outage() const override { return outage_; }
  std::string flaw() const override { return why_.empty() ? std::string{} : fmt::format("port {}: {}; looked for again each second", port_->name(), why_); }

 private:
  size_t take(rte_mbuf* m, Packet& p, Time skew) {
    const size_t at = head_ & (held_.size() - 1);
    if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) put_tag_back(m);
    const size_t whole = m->pkt_len, cut = std::min<size_t>(whole, port_->wish().snaplen);
    const uint8_t* octets = rte_pktmbuf_mtod(m, const uint8_t*);
    if (m->nb_segs > 1 && cut > m->data_len) {  // in pieces: laid out anew
      copies_[at] = std::make_unique_for_overwrite<uint8_t[]>(cut);
      octets = static_cast<const uint8_t*>(rte_pktmbuf_read(m, 0, uint32_t(cut), copies_[at].get()));
      copied_ = true;
    }
    if (const auto& admits = port_->wish().admits; admits && !admits({octets, cut}, uint32_t(whole))) {
      copies_[at].reset();
      rte_pktmbuf_free(m);
      return 0;
    }
    held_[at] = m;
    head_++;
    p = {last_, {octets, cut}, uint32_t(whole), index_, Link::ethernet, last_ + skew};
    counted_.delivered++;
    counted_.octets += cut;
    return 1;
  }
  static void put_tag_back(rte_mbuf* m) {
    auto* front = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(m, 4));
    if (!front) return;
    std::memmove(front, front + 4, 12);
    front[12] = 0x81, front[13] = 0, front[14] = uint8_t(m->vlan_tci >> 8), front[15] = uint8_t(m->vlan_tci);
  }
  void drop_oldest() {
    const size_t at = tail_++ & (held_.size() - 1);
    rte_pktmbuf_free(held_[at]);
    copies_[at].reset();
  }
  bool dark() const { return outage_.count && !outage_.until; }
  void black(const std::string& why, Time from) {
    why_ = why;
    if (!dark()) outage_ = {outage_.count + 1, from, 0, why};
  }
  void light(Time now) {
    why_.clear();
    alive_ = now;
    if (dark()) outage_.until = std::max(now, outage_.from + 1);
  }

  std::shared_ptr<Port> port_;
  uint16_t queue_, index_;
  std::vector<rte_mbuf*> held_;                 // from tail_ to head_, modulo its size
  std::vector<std::unique_ptr<uint8_t[]>> copies_;   // of those that came in pieces
  uint64_t head_ = 0, tail_ = 0;
  bool copied_ = false, drained_ = true, in_ = false, armed_ = false;
  Time last_ = 0, look_ = 0, alive_ = 0, unplugged_ = 0;
  uint64_t heard_at_look_ = 0;
  uint64_t missed_before_ = 0, without_room_before_ = 0;   // of the device before it went away
  mutable uint64_t missed_ = 0, without_room_ = 0;
  Counters counted_;
  std::string why_;
  Outage outage_;
};

}  // namespace

extern "C" {

[[gnu::visibility("default")]] extern const char* const vidra_dpdk_version;
const char* const vidra_dpdk_version = VIDRA_VERSION;

[[gnu::visibility("default")]] void vidra_dpdk_open(const DpdkWish& wish, DpdkPorts& out, std::string& why);
void vidra_dpdk_open(const DpdkWish& wish, DpdkPorts& out, std::string& why) {
  voice().to(wish.log);
  why = eal().start(wish);
  if (!why.empty()) why = fmt::format("port {}: {}", name_of_port(wish.ports.front()), why);
  for (size_t i = 0; i < wish.ports.size() && why.empty(); i++) {
    auto port = std::make_shared<Port>(wish.ports[i], wish);
    if (why = port->open(); !why.empty()) break;
    std::vector<std::unique_ptr<Tap>> queues;
    for (size_t q = 0; q < wish.queues; q++) queues.push_back(std::make_unique<Queue>(port, uint16_t(q), wish.indices[i]));
    out.taps.push_back(std::move(queues));
    out.said.push_back(port->said());
  }
}

}

}  // namespace vidra
