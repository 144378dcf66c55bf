// SPDX-License-Identifier: Apache-2.0
// DPDK's real receive paths, without a card: a file, the kernel's packet sockets on a veth pair, rings, nothing at all.
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/capture/dpdk/hugepages.h"
#include "daemon/capture/file.h"
#include "daemon/capture/live.h"
#include "tests/support/hex.h"
#include "tests/support/waited.h"
#include "tests/support/wire.h"

// What a card does that no virtual device does: the driver's answers for the port of this name come from here.
namespace {
struct Card {
  std::string port;
  rte_eth_fc_mode pause = RTE_ETH_FC_FULL, pause_after_start = RTE_ETH_FC_FULL;
  int get = 0, set = 0;                          // what its driver answers
  bool started = false, paused_at_start = false; // it was started; with pause frames on
  uint16_t longest = UINT16_MAX;                 // it starts with no more
  uint64_t missed = 0, broken = 0, without_room = 0;
} card;
bool played(uint16_t id) {
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  return !card.port.empty() && rte_eth_dev_get_name_by_port(id, name) == 0 && card.port == name;
}
template <class F>
F* real(F*, const char* name) { return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name)); }
}
extern "C" {
int rte_eth_dev_flow_ctrl_get(uint16_t id, rte_eth_fc_conf* c) {
  if (!played(id)) return real(rte_eth_dev_flow_ctrl_get, "rte_eth_dev_flow_ctrl_get")(id, c);
  c->mode = card.pause;
  return card.get;
}
int rte_eth_dev_flow_ctrl_set(uint16_t id, rte_eth_fc_conf* c) {
  if (!played(id)) return real(rte_eth_dev_flow_ctrl_set, "rte_eth_dev_flow_ctrl_set")(id, c);
  if (card.set == 0) card.pause = c->mode;
  return card.set;
}
int rte_eth_dev_start(uint16_t id) {
  const bool ours = played(id);
  uint16_t mtu = 0;
  if (ours && rte_eth_dev_get_mtu(id, &mtu) == 0 && mtu > card.longest) return -EINVAL;
  const int rc = real(rte_eth_dev_start, "rte_eth_dev_start")(id);
  if (ours && rc == 0) card.started = true, card.paused_at_start = card.pause != RTE_ETH_FC_NONE, card.pause = card.pause_after_start;
  return rc;
}
int rte_eth_dev_stop(uint16_t id) {
  if (played(id)) card.started = false;
  return real(rte_eth_dev_stop, "rte_eth_dev_stop")(id);
}
int rte_eth_stats_get(uint16_t id, rte_eth_stats* s) {
  const int rc = real(rte_eth_stats_get, "rte_eth_stats_get")(id, s);
  if (played(id)) s->imissed = card.missed, s->ierrors = card.broken, s->rx_nombuf = card.without_room;
  return rc;
}
}

namespace vidra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using Octets = std::vector<uint8_t>;
namespace fs = std::filesystem;

std::string no_network;   // why tests on links are skipped, "" when they run
std::vector<std::string> logged;
std::mutex logging;

Octets numbered(uint8_t n, size_t octets = 60) {
  Octets f = hex("FFFFFFFFFFFF 020000000001 88B5");
  f.push_back(n);
  f.resize(octets, n);
  return f;
}

LiveSettings hearing(std::vector<Interface> interfaces) {
  LiveSettings s;
  s.interfaces = std::move(interfaces);
  s.dpdk.module = VIDRA_DPDK_MODULE;
  s.dpdk.hugepages = Hugepages::automatic;
  s.log = [](int level, const std::string& text) {
    const std::lock_guard lock(logging);
    logged.push_back(std::to_string(level) + " " + text);
  };
  return s;
}
std::string refusal(const LiveSettings& s, size_t workers = 1) {
  try {
    open_live(s, workers);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "opened";
}

struct Ears {
  Opened opened;
  std::vector<std::vector<Octets>> heard;
  explicit Ears(Opened o) : opened(std::move(o)), heard(opened.sources.size()) {}
  size_t all() const {
    size_t n = 0;
    for (const auto& h : heard) n += h.size();
    return n;
  }
  void poll(size_t enough, milliseconds longest) {
    std::vector<Packet> packets(100);
    for (const auto end = Clock::now() + longest; all() < enough && Clock::now() < end;)
      for (size_t i = 0; i < opened.sources.size(); i++) {
        const auto polled = opened.sources[i]->poll(packets);
        for (const Packet& p : std::span(packets).first(polled.packets)) {
          EXPECT_EQ(p.wire_length, p.octets.size());
          heard[i].emplace_back(p.octets.begin(), p.octets.end());
        }
        opened.sources[i]->release();
      }
  }
  std::map<Octets, int> together() const {
    std::map<Octets, int> out;
    for (const auto& h : heard)
      for (const Octets& f : h) out[f]++;
    return out;
  }
};

// Frames of a recording, as a file that every reader reads.
struct Recording {
  fs::path path = fs::temp_directory_path() / ("vidra-dpdk-" + std::to_string(getpid()) + ".pcap");
  std::vector<Octets> frames;
  explicit Recording(size_t most) {
    auto file = open_file("tests/captures/demo-attacks.pcapng.zst");
    std::vector<Packet> packets(256);
    for (bool ended = false; !ended && frames.size() < most;) {
      const auto polled = file->poll(packets);
      for (const Packet& p : std::span(packets).first(polled.packets))
        if (frames.size() < most) frames.emplace_back(p.octets.begin(), p.octets.end());
      file->release();
      ended = polled.ended;
    }
    std::ofstream out(path, std::ios::binary);
    const auto le = [&](uint64_t v, int n) { for (int i = 0; i < n; i++) out.put(char(v >> 8 * i)); };
    le(0xa1b2c3d4, 4), le(2, 2), le(4, 2), le(0, 8), le(65'535, 4), le(1, 4);
    for (const Octets& f : frames) {
      le(1'795'295'212, 4), le(0, 4), le(f.size(), 4), le(f.size(), 4);
      out.write(reinterpret_cast<const char*>(f.data()), std::streamsize(f.size()));
    }
  }
  ~Recording() { fs::remove(path); }
  std::map<Octets, int> together() const {
    std::map<Octets, int> out;
    for (const Octets& f : frames) out[f]++;
    return out;
  }
};
const Recording& recording() {
  static const Recording r(6000);
  return r;
}

TEST(Dpdk, a_file_through_net_pcap_brings_every_frame_in_its_order) {
  const Recording& r = recording();
  ASSERT_GT(r.frames.size(), 5000u);
  Ears ears(open_live(hearing({{"net_pcap0,rx_pcap=" + r.path.string(), ""}}), 1));
  ASSERT_EQ(ears.opened.said.size(), 1u);
  EXPECT_NE(ears.opened.said[0].find("port net_pcap0: heard through DPDK"), std::string::npos) << ears.opened.said[0];
  EXPECT_NE(ears.opened.said[0].find("driver net_pcap, 1 queue"), std::string::npos) << ears.opened.said[0];
  EXPECT_NE(ears.opened.said[0].find("no transmit queue"), std::string::npos) << ears.opened.said[0];
  ears.poll(r.frames.size(), milliseconds(5000));
  EXPECT_EQ(ears.heard[0], r.frames);
  const Counters c = ears.opened.sources[0]->counters(0);
  EXPECT_EQ(c.delivered, r.frames.size());
  EXPECT_EQ(c.dropped_by_us, 0u);
  EXPECT_EQ(c.dropped_by_card, 0u);
}

TEST(Dpdk, a_file_in_a_loop_never_ends_and_never_runs_out_of_buffers) {
  LiveSettings s = hearing({{"net_pcap5,rx_pcap=" + recording().path.string() + ",infinite_rx=1", ""}});
  s.dpdk.buffers = 16'000;                       // the driver keeps the file in them
  Ears ears(open_live(s, 1));
  ears.poll(40'000, milliseconds(5000));
  ASSERT_GE(ears.all(), 40'000u);
  for (size_t i = 0; i < 40'000; i++) ASSERT_EQ(ears.heard[0][i], recording().frames[i % recording().frames.size()]) << i;
}

// The same recording over a veth pair: libpcap, a ring for each of two workers, DPDK on packet sockets with one and two queues.
TEST(Dpdk, and_the_kernel_hear_the_same_octets) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  struct Case { const char* name; const char* port; PacketReceiver receiver; size_t workers; };
  for (const Case& c : {Case{"libpcap", "near", PacketReceiver::automatic, 1}, Case{"two rings", "near", PacketReceiver::automatic, 2}, Case{"DPDK", "net_af_packet1,iface=near", PacketReceiver::automatic, 1},
                        Case{"DPDK, two queues", "net_af_packet2,iface=near", PacketReceiver::dpdk, 2}}) {
    SCOPED_TRACE(c.name);
    Cable cable("near", "far");
    ASSERT_TRUE(shell("ip link set near mtu 2000") && shell("ip link set far mtu 2000"));
    const auto before = frames_of("far");
    LiveSettings s = hearing({{c.port, ""}});
    s.receiver = c.receiver;
    Ears ears(open_live(s, c.workers));
    Sender sender("far");
    size_t sent = 0;
    for (const Octets& f : recording().frames) {
      ASSERT_TRUE(sender.send(f)) << f.size();
      if (++sent % 100 == 0) ears.poll(sent, milliseconds(50));
    }
    ears.poll(sent, milliseconds(3000));
    EXPECT_EQ(ears.together(), recording().together()) << ears.all();
    for (const auto& h : ears.heard) EXPECT_FALSE(h.empty()) << "a worker with nothing to do";
    EXPECT_EQ(frames_of("far").received, before.received) << "the sensor sent something";
    const bool dpdk = std::string_view(c.port) != "near";
    if (dpdk) { EXPECT_EQ(ears.opened.sources[0]->counters(0).dropped_by_card, Counters::unknown) << "what a driver hides is not called zero"; }
  }
}

TEST(Dpdk, a_link_that_goes_down_is_said_and_heard_again) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  Cable cable("near", "far");
  Ears ears(open_live(hearing({{"net_af_packet3,iface=near", ""}}), 1));
  Source& source = *ears.opened.sources[0];
  ears.poll(1, milliseconds(300));
  EXPECT_TRUE(source.up(0)) << source.flaw();
  ASSERT_TRUE(shell("ip link set far down"));
  ears.poll(1, milliseconds(2500));
  EXPECT_FALSE(source.up(0));
  EXPECT_NE(source.flaw().find("its link is down"), std::string::npos) << source.flaw();
  ASSERT_TRUE(shell("ip link set far up"));
  ears.poll(1, milliseconds(1500));
  EXPECT_TRUE(source.up(0)) << source.flaw();
  ASSERT_TRUE(Sender("far").send(numbered(0)));
  ears.poll(1, milliseconds(1000));
  EXPECT_EQ(ears.all(), 1u);
  EXPECT_GT(source.outage(0).until, source.outage(0).from);

  ASSERT_TRUE(shell("ip link del near"));
  ears.poll(2, milliseconds(1000));
  EXPECT_EQ(source.outage(0).why, "it was removed");
  ASSERT_TRUE(shell("ip link add near type veth peer name far && ip link set near up && ip link set far up"));
  const auto back = Clock::now();
  const Time waited = waited_for_a_core();
  for (Sender far("far"); ears.all() < 2 && Clock::now() - back < milliseconds(4000); ears.poll(2, milliseconds(20))) far.send(numbered(1));
  EXPECT_LT(Clock::now() - back, milliseconds(2000) + std::chrono::nanoseconds(waited_for_a_core() - waited));
  EXPECT_EQ(source.outage(0).count, 2u);
  EXPECT_TRUE(source.up(0)) << source.flaw();
}

// Frames put into DPDK's own rings, as a card would.
struct Injected {
  std::vector<rte_ring*> rings;
  rte_mempool* pool;
  explicit Injected(const char* name, size_t queues) {
    for (size_t q = 0; q < queues; q++) rings.push_back(rte_ring_create((std::string(name) + std::to_string(q)).c_str(), 1024, 0, RING_F_SP_ENQ | RING_F_SC_DEQ));
    pool = rte_pktmbuf_pool_create((std::string(name) + "pool").c_str(), 2047, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    rte_eth_from_rings(name, rings.data(), unsigned(queues), rings.data(), unsigned(queues), 0);
  }
  rte_mbuf* frame(const Octets& f) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool);
    std::memcpy(rte_pktmbuf_append(m, uint16_t(f.size())), f.data(), f.size());
    return m;
  }
  void put(size_t q, rte_mbuf* m) { ASSERT_EQ(rte_ring_enqueue(rings[q], m), 0); }
  unsigned lent() const { return rte_mempool_in_use_count(pool); }
};
// EAL runs from the first opening on.
void start_eal() { Ears ears(open_live(hearing({{"net_null9", ""}}), 1)); }

TEST(Dpdk, rings_bring_each_queue_its_own_and_every_buffer_goes_back) {
  start_eal();
  Injected in("ring_a", 2);
  {
    LiveSettings s = hearing({{"net_ring_ring_a", ""}});
    s.snaplen = 2000;
    Ears ears(open_live(s, 2));
    for (uint8_t n = 0; n < 200; n++) in.put(n % 2, in.frame(numbered(n)));
    // One in pieces, one whose tag the card took off, one longer than what is kept.
    rte_mbuf* first = in.frame(numbered(201, 500));
    rte_mbuf* rest = in.frame(Octets(400, 7));
    ASSERT_EQ(rte_pktmbuf_chain(first, rest), 0);
    in.put(0, first);
    rte_mbuf* bare = in.frame(numbered(202));
    bare->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    bare->vlan_tci = 0x6005;
    in.put(1, bare);
    ears.poll(202, milliseconds(2000));
    ASSERT_EQ(ears.heard[0].size(), 101u);
    ASSERT_EQ(ears.heard[1].size(), 101u);
    for (uint8_t n = 0; n < 200; n++) EXPECT_EQ(ears.heard[n % 2][n / 2], numbered(n));
    Octets whole = numbered(201, 500);
    whole.resize(900, 7);
    EXPECT_EQ(ears.heard[0][100], whole);
    Octets tagged = numbered(202);
    const Octets tag = hex("8100 6005");
    tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
    EXPECT_EQ(ears.heard[1][100], tagged);
    EXPECT_EQ(in.lent(), 0u);
    in.put(0, in.frame(numbered(1)));
    std::vector<Packet> packets(4);
    while (ears.opened.sources[0]->poll(packets).packets == 0) {}
    EXPECT_EQ(in.lent(), 1u) << "borrowed until it is done with";
    ears.opened.sources[0]->release();
    EXPECT_EQ(in.lent(), 0u);
  }
}

TEST(Dpdk, a_filter_and_a_snaplen_hold_for_dpdk_too) {
  start_eal();
  Injected in("ring_b", 1);
  LiveSettings s = hearing({{"net_ring_ring_b", ""}});
  s.filter = "ether proto 0x88b5 and ether[14] != 2";
  s.snaplen = 100;
  Opened o = open_live(s, 1);
  for (uint8_t n = 1; n <= 3; n++) in.put(0, in.frame(numbered(n, 300)));
  std::vector<Packet> packets(16);
  std::string heard;
  for (int i = 0; i < 20; i++) {
    const auto polled = o.sources[0]->poll(packets);
    for (const Packet& p : std::span(packets).first(polled.packets)) {
      heard += std::to_string(p.octets[14]);
      EXPECT_EQ(p.octets.size(), 100u);
      EXPECT_EQ(p.wire_length, 300u);
    }
    o.sources[0]->release();
  }
  EXPECT_EQ(heard, "13");
  EXPECT_EQ(in.lent(), 0u);
  s.filter = "prt 502";
  EXPECT_NE(refusal(s).find("filter 'prt 502'"), std::string::npos);
}

TEST(Dpdk, a_port_and_an_interface_of_one_group_meet) {
  if (!no_network.empty()) GTEST_SKIP() << no_network;
  start_eal();
  Cable cable("near", "far");
  Injected in("ring_c", 1);
  Ears ears(open_live(hearing({{"net_ring_ring_c", "tap"}, {"near", "tap"}}), 1));
  EXPECT_EQ(ears.opened.said.size(), 2u);
  Sender sender("far");
  std::thread injecting([&] {
    for (uint8_t n = 0; n < 40; n++) {
      if (n % 2) in.put(0, in.frame(numbered(n)));
      else sender.send(numbered(n));
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  ears.poll(40, milliseconds(3000));
  injecting.join();
  EXPECT_EQ(ears.all(), 40u);
  EXPECT_EQ(in.lent(), 0u);
}

TEST(Dpdk, a_device_that_is_taken_away_is_said_and_heard_again_when_it_is_back) {
  Ears ears(open_live(hearing({{"net_null3,size=100", ""}}), 1));
  Source& source = *ears.opened.sources[0];
  ears.poll(100, milliseconds(500));
  EXPECT_GE(ears.all(), 100u);
  ASSERT_EQ(rte_vdev_uninit("net_null3"), 0);
  std::vector<Packet> packets(16);
  source.poll(packets);
  source.release();
  source.poll(packets);
  EXPECT_EQ(source.outage(0).why, "it was removed");
  const size_t before = ears.all();
  ears.poll(before + 100, milliseconds(3000));
  EXPECT_GT(ears.all(), before) << source.flaw();
  EXPECT_TRUE(source.up(0));
  EXPECT_EQ(source.outage(0).count, 1u);
  EXPECT_GT(source.outage(0).until, source.outage(0).from);
}

TEST(Dpdk, pause_frames_are_off_before_the_start_and_after_it_or_the_port_is_not_heard) {
  const auto says = [](const std::string& why, const std::string& what) { EXPECT_NE(why.find(what), std::string::npos) << why; };
  card = {"net_null10"};
  {
    const Opened o = open_live(hearing({{"net_null10", ""}}), 1);
    EXPECT_TRUE(card.started);
    EXPECT_FALSE(card.paused_at_start);
    EXPECT_EQ(card.pause, RTE_ETH_FC_NONE) << "though its driver set them anew";
    says(o.said[0], "; pause frames off; no transmit queue");
  }
  card = {"net_null11"};
  card.set = -EIO;
  says(refusal(hearing({{"net_null11", ""}})), "port net_null11: its pause frames cannot be switched off: Input/output error");
  EXPECT_FALSE(card.started);
  card = {"net_null12", RTE_ETH_FC_NONE, RTE_ETH_FC_TX_PAUSE};
  card.set = -ENOTSUP;
  says(refusal(hearing({{"net_null12", ""}})), "type: ethtool -A IFACE rx off tx off");
  EXPECT_FALSE(card.started);
  card = {"net_null13"};
  card.get = -EIO;
  says(refusal(hearing({{"net_null13", ""}})), "its driver does not say whether they are on: Input/output error");
  card = {"net_null14"};
  card.get = -ENOTSUP;
  says(open_live(hearing({{"net_null14", ""}}), 1).said[0], "pause frames: the driver has none");
  card = {};
}

TEST(Dpdk, a_frame_with_two_tags_and_a_redundancy_trailer_is_not_too_long) {
  const auto mtu_of = [](const char* name, uint16_t longest) {
    card = {name, RTE_ETH_FC_NONE, RTE_ETH_FC_NONE};
    card.longest = longest;
    const Opened o = open_live(hearing({{name, ""}}), 1);
    uint16_t id = 0, mtu = 0;
    EXPECT_EQ(rte_eth_dev_get_port_by_name(name, &id), 0);
    EXPECT_EQ(rte_eth_dev_get_mtu(id, &mtu), 0);
    card = {};
    return mtu;
  };
  EXPECT_EQ(mtu_of("net_null15", UINT16_MAX), 1500 + 8 + 6);
  EXPECT_EQ(mtu_of("net_null16", 1500), 1500) << "a virtual function that may do no more";
}

TEST(Dpdk, drops_are_kept_when_a_device_comes_back_and_counts_from_nothing) {
  card = {"net_null17", RTE_ETH_FC_NONE, RTE_ETH_FC_NONE};
  card.missed = 100, card.broken = 20, card.without_room = 3;
  Ears ears(open_live(hearing({{"net_null17", ""}}), 1));
  Source& source = *ears.opened.sources[0];
  ears.poll(1, milliseconds(500));
  EXPECT_EQ(source.counters(0).dropped_by_card, 120u) << "without room, and longer than it takes or broken";
  EXPECT_EQ(source.counters(0).dropped_by_us, 3u);
  ASSERT_EQ(rte_vdev_uninit("net_null17"), 0);
  card.missed = 5, card.broken = card.without_room = 0;
  ears.poll(SIZE_MAX, milliseconds(50));
  for (const auto end = Clock::now() + milliseconds(4000); !source.outage(0).until && Clock::now() < end;) ears.poll(SIZE_MAX, milliseconds(20));
  ASSERT_TRUE(source.up(0)) << source.flaw();
  EXPECT_EQ(source.counters(0).dropped_by_card, 125u);
  EXPECT_EQ(source.counters(0).dropped_by_us, 3u);
  card = {};
}

TEST(Dpdk, a_filter_that_refuses_all_of_a_stream_without_end_holds_nobody) {
  LiveSettings s = hearing({{"net_null18", ""}});   // gives as many frames as are asked for
  s.filter = "ether proto 0x88b5";
  Opened o = open_live(s, 1);
  std::vector<Packet> packets(64);
  const Time first = o.sources[0]->poll(packets).now;
  std::this_thread::sleep_for(milliseconds(20));
  const auto polled = o.sources[0]->poll(packets);
  EXPECT_EQ(polled.packets, 0u);
  EXPECT_GE(polled.now - first, 15 * millisecond) << "and time goes on";
}

TEST(Dpdk, hugepages_to_type_are_all_there_have_to_be) {
  const auto of = [](uint64_t octets, const std::string& text) {
    std::istringstream in(text);
    return hugepages_for(octets, in);
  };
  const std::string none = "MemTotal:       8052360 kB\nHugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugepagesize:       2048 kB\n";
  EXPECT_EQ(of(100 << 20, none), 50u + 8);
  EXPECT_EQ(of((100 << 20) + 1, none), 51u + 8);
  EXPECT_EQ(of(100 << 20, "HugePages_Total:    512\nHugePages_Free:       20\nHugePages_Rsvd:        5\nHugepagesize:       2048 kB\n"), 497u + 50 + 8) << "others use 497";
  EXPECT_EQ(of(100 << 20, "HugePages_Total:      4\nHugePages_Free:        1\nHugePages_Rsvd:        0\nHugepagesize:    1048576 kB\n"), 3u + 1 + 8);
}

TEST(Dpdk, what_cannot_be_opened_says_what_to_type) {
  start_eal();
  const auto says = [](const std::string& why, const std::string& what) { EXPECT_NE(why.find(what), std::string::npos) << why; };
  says(refusal(hearing({{"net_pcap1,rx_pcap=/nowhere/there.pcap", ""}})), "port net_pcap1: it cannot be made");
  says(refusal(hearing({{"net_nonsense0", ""}})), "port net_nonsense0: it cannot be made");
  says(refusal(hearing({{"0000:fe:1f.7", ""}})), "dpdk-devbind.py --status-dev net");
  says(refusal(hearing({{"net_pcap2,rx_pcap=" + recording().path.string(), ""}}), 2), "port net_pcap2: it has 1 receive queue, and there are 2 workers; take fewer workers");
  {
    Ears first(open_live(hearing({{"net_null4", ""}}), 1));
    says(refusal(hearing({{"net_null4", ""}})), "port net_null4: another sensor hears it; type: systemctl status vidra-sensor");
  }
  EXPECT_EQ(refusal(hearing({{"net_null4", ""}})), "opened") << "once the first is gone";
  LiveSettings s = hearing({{"net_null6", ""}});
  s.dpdk.module = "/nowhere/vidra-dpdk.so";
  says(refusal(s), "there is no vidra-dpdk.so (looked for /nowhere/vidra-dpdk.so); build it: apt install libdpdk-dev");
  if (no_network.empty()) {
    Cable cable("near", "far");
    s = hearing({{"net_af_packet4,iface=near", ""}});
    s.dpdk.mtu = 9000;
    says(refusal(s), "octets of payload, and mtu is 9000; set [dpdk] mtu = 15");
    s = hearing({{"net_af_packet5,iface=near,blocksz=65536,framesz=16384,framecnt=512", ""}});
    says(refusal(s), "wants a larger [dpdk] mtu, or a smaller framesz");
    says(refusal(hearing({{"net_af_packet6,iface=nowhere9", ""}})), "port net_af_packet6: it cannot be made");
  }
}

// EAL starts once in a process, so what it is started with is tried in processes of their own: this program again.
std::pair<int, std::string> apart(const std::string& how) {
  const std::string command = "VIDRA_ALONE='" + how + "' /proc/" + std::to_string(getpid()) + "/exe 2>&1";
  FILE* p = popen(command.c_str(), "r");
  std::string out;
  char part[512];
  while (std::fgets(part, sizeof part, p)) out += part;
  const int status = pclose(p);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), out};
}
int alone(const std::string& how) {
  LiveSettings s = hearing({{"net_null0,size=128", ""}});
  if (how == "no hugepages") s.dpdk.hugepages = Hugepages::yes, s.dpdk.buffers = 200'000'000;
  if (how == "small pages") s.dpdk.hugepages = Hugepages::no;
  if (how == "interrupts") s.dpdk.interrupts = true;
  if (how == "nobody" && setuid(65534) != 0) return 4;
  try {
    Ears ears(open_live(s, 1));
    ears.poll(1000, milliseconds(2000));
    std::printf("%s; %zu frames\n", ears.opened.said[0].c_str(), ears.all());
    return ears.all() >= 1000 ? 0 : 3;
  } catch (const std::runtime_error& e) {
    std::printf("%s\n", e.what());
    return 1;
  }
}

TEST(DpdkAlone, without_hugepages_it_hears_and_says_so) {
  const auto [status, out] = apart("small pages");
  EXPECT_EQ(status, 0) << out;
  EXPECT_NE(out.find("MiB without hugepages"), std::string::npos) << out;
  EXPECT_EQ(out.find("Usage"), std::string::npos) << out;
}
TEST(DpdkAlone, hugepages_that_are_asked_for_and_missing_are_a_command_to_type) {
  const auto [status, out] = apart("no hugepages");
  EXPECT_EQ(status, 1) << out;
  EXPECT_NE(out.find("type: sysctl -w vm.nr_hugepages="), std::string::npos) << out;
}
TEST(DpdkAlone, an_unprivileged_user_can_hear_a_device_that_needs_no_right) {
  if (getuid() != 0) GTEST_SKIP() << "not root: every test here is unprivileged";
  if (seteuid(65534) != 0) GTEST_SKIP() << "this root may not become another user";
  const bool reachable = faccessat(AT_FDCWD, VIDRA_DPDK_MODULE, R_OK, AT_EACCESS) == 0;
  ASSERT_EQ(seteuid(0), 0);
  if (!reachable) GTEST_SKIP() << "other users may not read this build directory";
  const auto [status, out] = apart("nobody");
  EXPECT_EQ(status, 0) << out;
}
TEST(DpdkAlone, a_device_that_cannot_call_is_asked) {
  const auto [status, out] = apart("interrupts");
  EXPECT_EQ(status, 0) << out;
  EXPECT_NE(out.find("it cannot call, so it is asked"), std::string::npos) << out;
}

}  // namespace
}  // namespace vidra

// What EAL keeps until the process ends is its own affair.
extern "C" const char* __lsan_default_suppressions() { return "leak:librte_\nleak:libibverbs\nleak:libnuma\n"; }

int main(int argc, char** argv) {
  if (const char* how = std::getenv("VIDRA_ALONE")) return vidra::alone(how);
  vidra::no_network = vidra::own_network();   // before any thread begins
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
