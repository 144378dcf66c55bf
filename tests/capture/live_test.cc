// SPDX-License-Identifier: Apache-2.0
// Heard through libpcap and through the kernel's ring on veth pairs in a network namespace of the test's own.
#include "daemon/capture/live.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <sys/mount.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/capture/pcap_tap.h"
#include "daemon/capture/ring.h"
#include "daemon/capture/spread.h"
#include "tests/support/hex.h"
#include "tests/support/waited.h"
#include "tests/support/wire.h"

namespace {
std::atomic<unsigned> addresses_asked{0};
}
// What lists every interface waits for whoever configures the network.
extern "C" int getifaddrs(ifaddrs** all) noexcept {
  static const auto real = reinterpret_cast<int (*)(ifaddrs**)>(dlsym(RTLD_NEXT, "getifaddrs"));
  addresses_asked++;
  return real(all);
}

namespace vidra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string no_network;   // why these tests are skipped, "" when they run
std::string no_mounts;    // likewise those that show another sysfs

struct Heard {
  Time time, stamp;
  uint16_t interface;
  uint32_t wire_length;
  std::vector<uint8_t> octets;
};

// An Ethernet frame of a local experimental EtherType (IEEE 802), numbered.
std::vector<uint8_t> frame(uint32_t number, size_t octets = 60) {
  std::vector<uint8_t> f = hex("FFFFFFFFFFFF 020000000001 88B5");
  for (int shift : {24, 16, 8, 0}) f.push_back(uint8_t(number >> shift));
  f.resize(octets, 0xAA);
  return f;
}
uint32_t number_of(const std::vector<uint8_t>& f) { return uint32_t(f[14]) << 24 | uint32_t(f[15]) << 16 | uint32_t(f[16]) << 8 | f[17]; }

class Live : public testing::TestWithParam<PacketReceiver> {
 protected:
  void SetUp() override {
    if (!no_network.empty()) GTEST_SKIP() << no_network;
  }
  // Polls until `enough` frames have come or the time is over: at least once, and longer by what this process waited for a core.
  static std::vector<Heard> hear(Source& source, size_t enough, milliseconds longest = milliseconds(20'000), size_t burst = 64) {
    std::vector<Heard> out;
    std::vector<Packet> packets(burst);
    Time now = 0;
    const Time waited = waited_for_a_core();
    const auto end = Clock::now() + longest;
    do {
      const auto polled = source.poll(packets);
      EXPECT_GE(polled.now, now) << "time went back";
      for (const Packet& p : std::span(packets).first(polled.packets)) {
        EXPECT_GE(p.time, now) << "a frame before the time that was said";
        out.push_back({p.time, p.stamp, p.interface, p.wire_length, {p.octets.begin(), p.octets.end()}});
      }
      now = polled.now;
      source.release();
      if (polled.ended) break;
    } while (out.size() < enough && (Clock::now() < end || Clock::now() < end + std::chrono::nanoseconds(waited_for_a_core() - waited)));
    return out;
  }
  // Hears until each of `sent` frames has come or was dropped; a machine may be slow, so that it gives up late.
  static std::vector<Heard> hear_all(Source& source, uint64_t sent, size_t burst = 64) {
    std::vector<Heard> all;
    const auto end = Clock::now() + std::chrono::seconds(100);
    while (all.size() + source.counters(0).dropped_by_kernel < sent && Clock::now() < end)
      for (Heard& h : hear(source, 500, milliseconds(100), burst)) all.push_back(std::move(h));
    return all;
  }
  LiveSettings hearing(std::initializer_list<Interface> interfaces) {
    LiveSettings s;
    s.interfaces = interfaces;
    s.buffer_octets = 32 << 20;
    s.receiver = GetParam();
    return s;
  }
  static std::string refusal(const LiveSettings& s) {
    try {
      open_live(s);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "opened";
  }
};

TEST_P(Live, hears_every_frame_whole_and_sends_none) {
  Cable cable("near", "far");
  const auto before = frames_of("far");
  auto source = open_live(hearing({{"near", ""}}));
  Sender sender("far");
  const Time waited = waited_for_a_core();
  for (uint32_t i = 0; i < 500; i++) ASSERT_TRUE(sender.send(frame(i, 60 + i)));
  const auto all = hear(*source, 500);
  ASSERT_EQ(all.size(), 500u);
  bool below_a_microsecond = false;
  for (uint32_t i = 0; i < 500; i++) {
    EXPECT_EQ(all[i].octets, frame(i, 60 + i));
    EXPECT_EQ(all[i].wire_length, 60 + i);
    below_a_microsecond |= all[i].stamp % 1000 != 0;
    EXPECT_LT(std::abs(all[i].time - all[i].stamp), 50 * millisecond + waited_for_a_core() - waited);
  }
  EXPECT_TRUE(below_a_microsecond) << "stamps are nanoseconds";
  const auto after = frames_of("far");
  EXPECT_EQ(after.received - before.received, 0u) << "the sensor sent something";
  EXPECT_EQ(after.sent - before.sent, 500u);
  const Counters c = source->counters(0);
  EXPECT_EQ(c.delivered, 500u);
  EXPECT_EQ(c.dropped_by_kernel, 0u);
}

TEST_P(Live, more_octets_than_its_own_room_pass_through_it_in_small_bursts) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  std::thread sending([&] {
    Sender sender("far");
    for (uint32_t i = 0; i < 12'000; i++) {
      while (!sender.send(frame(i, 1500))) std::this_thread::sleep_for(milliseconds(1));
      if (i % 50 == 0) std::this_thread::sleep_for(milliseconds(2));
    }
  });
  const auto all = hear_all(*source, 12'000, 17);   // 18 MB, of 4 MiB at hand
  sending.join();
  ASSERT_EQ(all.size() + source->counters(0).dropped_by_kernel, 12'000u);
  for (size_t i = 1; i < all.size(); i++) ASSERT_LT(number_of(all[i - 1].octets), number_of(all[i].octets));
  for (const Heard& h : all) ASSERT_EQ(h.octets, frame(number_of(h.octets), 1500));
}

// A start that reads a large memory meanwhile is no overload; what is behind later is, where the buffer cannot say how full it is.
TEST_P(Live, what_came_before_it_was_asked_first_is_not_more_than_can_be_taken) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  Sender sender("far");
  for (uint32_t i = 0; i < 4'000; i++) ASSERT_TRUE(sender.send(frame(i)));
  std::this_thread::sleep_for(milliseconds(1500));
  std::vector<Packet> packets(1);
  const auto fullest = [&](milliseconds so_long) {
    double most = 0;
    for (const auto end = Clock::now() + so_long; Clock::now() < end; std::this_thread::sleep_for(milliseconds(2))) {
      EXPECT_EQ(source->poll(packets).packets, 1u);
      source->release();
      most = std::max(most, source->fill());
    }
    return most;
  };
  const auto first = Clock::now();
  const double behind = fullest(milliseconds(900));
  // A ring says how full it is, and blocks that a slow sender leaves nearly empty are full.
  if (GetParam() == PacketReceiver::pcap && Clock::now() - first < milliseconds(1400)) { EXPECT_LT(behind, 0.3); }
  EXPECT_EQ(hear(*source, 4'000, milliseconds(300)).empty(), false);
  for (uint32_t i = 0; i < 4'000; i++) ASSERT_TRUE(sender.send(frame(i)));
  const double later = fullest(milliseconds(900));
  if (GetParam() == PacketReceiver::pcap) { EXPECT_GE(later, 0.9); }
}

// Nor is what came while the machine gave no core: its reader is as far behind as it was away, and catches up.
TEST_P(Live, what_came_while_the_machine_stood_is_not_more_than_can_be_taken) {
  Cable cable("near", "far");
  auto s = hearing({{"near", ""}});
  s.buffer_octets = GetParam() == PacketReceiver::ring ? 64 << 20 : 256 << 20;
  auto source = open_live(s);
  Sender sender("far");
  std::vector<Packet> packets(64);
  while (source->poll(packets).packets) source->release();
  for (uint32_t i = 0; i < 300; i++) {
    ASSERT_TRUE(sender.send(frame(i)));
    std::this_thread::sleep_for(std::chrono::microseconds(700));   // a ring takes a block for what comes in a tick, however little that is
  }
  double most = 0;
  size_t heard = 0;
  for (const auto end = Clock::now() + milliseconds(5000); heard < 300 && Clock::now() < end;) {
    heard += source->poll(packets).packets;
    source->release();
    most = std::max(most, source->fill());
  }
  EXPECT_EQ(heard, 300u);
  EXPECT_LT(most, 0.3);
}

TEST_P(Live, vlan_tags_stay_in_their_place) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  auto tagged = hex("010CCD010001 020000000001 8100 8005 88B8 0001 0008");
  tagged.resize(64, 0);
  ASSERT_TRUE(Sender("far").send(tagged));
  const auto all = hear(*source, 1);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].octets, tagged);
}

TEST_P(Live, a_cut_frame_says_how_long_it_was) {
  Cable cable("near", "far");
  auto s = hearing({{"near", ""}});
  s.snaplen = 100;
  auto source = open_live(s);
  ASSERT_TRUE(Sender("far").send(frame(7, 900)));
  const auto all = hear(*source, 1);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].octets.size(), 100u);
  EXPECT_EQ(all[0].wire_length, 900u);
}

TEST_P(Live, a_filter_is_kept_and_outgoing_frames_are_left_out_where_asked) {
  Cable cable("near", "far");
  auto s = hearing({{"near", ""}});
  s.filter = "ether proto 0x88b5 and ether[14:4] != 2";
  auto both_ways = open_live(s);
  s.ignore_outgoing = true;
  auto incoming = open_live(s);
  Sender far("far"), near("near");
  for (uint32_t i = 1; i <= 3; i++) far.send(frame(i));
  near.send(frame(4));
  std::string a, b;
  for (const Heard& h : hear(*both_ways, 3)) a += std::to_string(number_of(h.octets));
  for (const Heard& h : hear(*incoming, 3, milliseconds(100))) b += std::to_string(number_of(h.octets));
  EXPECT_EQ(a, "134");
  EXPECT_EQ(b, "13");
}

TEST_P(Live, silence_brings_time) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  std::vector<Packet> packets(8);
  const auto begin = Clock::now();
  const Time waited = waited_for_a_core();
  const Time first = source->poll(packets).now;
  Time last = first;
  int polls = 0;
  while (Clock::now() - begin < milliseconds(300)) {
    const auto polled = source->poll(packets);
    EXPECT_EQ(polled.packets, 0u);
    last = polled.now;
    polls++;
  }
  const double late = double(waited_for_a_core() - waited);
  EXPECT_NEAR(double(last - first), 300e6, 40e6 + late) << "time passes as on the wall";
  EXPECT_GE(polls, late < 100e6 ? 10 : 1) << "no poll waits longer than some milliseconds";
  EXPECT_LE(polls, 100) << "nor does it spin";
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  EXPECT_NEAR(double(last), double(Time(wall.tv_sec) * second + wall.tv_nsec), 100e6 + late);
}

TEST_P(Live, a_wall_clock_that_is_stepped_back_does_not_stop_the_time) {
  Cable cable("near", "far");
  const LiveSettings s = hearing({{"near", ""}});
  const auto tap = GetParam() == PacketReceiver::pcap ? open_pcap("near", 0, s) : std::move(open_rings("near", 0, s, 1, Spread(0)).front());
  std::vector<Packet> packets(8);
  const auto read = [&](Time skew) {             // one frame, as it is read at a skew of the clocks
    EXPECT_TRUE(Sender("far").send(frame(1)));
    for (const auto end = Clock::now() + milliseconds(20'000); Clock::now() < end;) {
      const Time now = wall_now() - skew;
      tap->tend(now, false);
      if (tap->read(packets, now, skew)) return tap->done(1, packets[0].octets), packets[0].time - now;
      std::this_thread::sleep_for(milliseconds(1));
    }
    return Time{minute};
  };
  EXPECT_LT(std::abs(read(0)), second);
  const Time now = wall_now();
  // It waited, and meanwhile the wall clock went back by an hour: its stamp is of the old clock, the skew of the new one.
  ASSERT_TRUE(Sender("far").send(frame(2)));
  for (size_t n = 0; n == 0; n = tap->read(packets, now, -hour)) ASSERT_LT(wall_now() - now, 20 * second);
  EXPECT_LT(packets[0].time, now + 200 * millisecond);
  EXPECT_LT(std::abs(packets[0].stamp - now), 2 * second) << "its stamp is left as it was";
  tap->done(1, packets[0].octets);
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_LT(std::abs(read(0)), second) << "and goes on";
}

TEST_P(Live, the_loopback_is_heard_once) {
  auto source = open_live(hearing({{"lo", ""}}));
  Sender lo("lo");
  for (uint32_t i = 0; i < 3; i++) ASSERT_TRUE(lo.send(frame(i)));
  std::string heard;
  for (const Heard& h : hear(*source, 6, milliseconds(300))) heard += std::to_string(number_of(h.octets));
  EXPECT_EQ(heard, "012");
}

TEST_P(Live, a_frame_that_waits_for_its_siblings_does_not_make_it_spin) {
  Cable a("near0", "far0"), b("near1", "far1");
  auto s = hearing({{"near0", "tap"}, {"near1", "tap"}});
  s.merge_window = 500 * millisecond;
  auto source = open_live(s);
  hear(*source, 1, milliseconds(50));
  std::vector<Packet> packets(8);
  const auto begin = Clock::now();
  ASSERT_TRUE(Sender("far0").send(frame(1)));
  int polls = 0;
  for (size_t n = 0; n == 0 && polls < 100'000; polls++) {
    n = source->poll(packets).packets;
    source->release();
  }
  EXPECT_GE(Clock::now() - begin, milliseconds(400)) << "the window";
  EXPECT_LE(polls, 1000) << "each waits a millisecond";
}

TEST_P(Live, a_group_meets_in_order_of_time_and_a_silent_member_holds_nobody_back) {
  Cable a("near0", "far0"), b("near1", "far1");
  auto s = hearing({{"near0", "tap"}, {"near1", "tap"}});
  s.merge_window = 200 * millisecond;            // a busy machine shows frames late
  auto source = open_live(s);
  std::thread sending([] {
    Sender first("far0"), second_way("far1");
    for (uint32_t i = 0; i < 400; i++) {
      (i % 2 ? second_way : first).send(frame(i));
      std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
  });
  const auto all = hear(*source, 400);
  sending.join();
  ASSERT_EQ(all.size(), 400u);
  for (uint32_t i = 0; i < 400; i++) {
    ASSERT_EQ(number_of(all[i].octets), i) << "as they were sent, whatever card they came by";
    ASSERT_EQ(all[i].interface, i % 2);
  }
  Sender only("far0");
  for (uint32_t i = 0; i < 20; i++) ASSERT_TRUE(only.send(frame(i)));
  const auto begin = Clock::now();
  const Time waited = waited_for_a_core();
  std::string heard;
  for (const Heard& h : hear(*source, 20)) heard += std::to_string(number_of(h.octets)) + " ";
  EXPECT_EQ(heard, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 ") << source->counters(0).delivered << " " << source->counters(0).dropped_by_kernel;
  EXPECT_LT(Clock::now() - begin, milliseconds(500) + std::chrono::nanoseconds(waited_for_a_core() - waited)) << "one way is silent";
}

TEST_P(Live, drops_are_counted) {
  Cable cable("near", "far");
  auto s = hearing({{"near", ""}});
  s.buffer_octets = 128 << 10;
  s.filter = "ether proto 0x88b5";
  auto source = open_live(s);
  Sender sender("far");
  uint64_t sent = 0;
  for (uint32_t i = 0; i < 20'000; i++) sent += sender.send(frame(i, 1000));
  const auto all = hear_all(*source, sent);
  const Counters c = source->counters(0);
  EXPECT_EQ(all.size(), c.delivered);
  EXPECT_GT(c.dropped_by_kernel, 0u);
  EXPECT_EQ(c.delivered + c.dropped_by_kernel, sent);
}

// A sysfs in which the test plays the driver.
struct Drivers {
  Drivers() {
    if (mount("none", "/sys/class/net", "tmpfs", 0, "") != 0) throw std::runtime_error("no tmpfs can be mounted");
  }
  ~Drivers() { umount("/sys/class/net"); }
  static void count(const std::string& card, uint64_t missed, uint64_t fifo = 0, uint64_t length = 0) {
    const std::filesystem::path folder = "/sys/class/net/" + card;
    std::filesystem::create_directories(folder / "statistics");
    std::ofstream(folder / "ifindex") << if_nametoindex(card.c_str()) << "\n";
    std::ofstream(folder / "statistics/rx_missed_errors") << missed << "\n";
    std::ofstream(folder / "statistics/rx_fifo_errors") << fifo << "\n";
    std::ofstream(folder / "statistics/rx_length_errors") << length << "\n";
  }
};

TEST_P(Live, what_the_card_missed_is_counted_once_whatever_becomes_of_its_driver_and_name) {
  if (!no_mounts.empty()) GTEST_SKIP() << no_mounts;
  auto cable = std::make_unique<Cable>("near", "far");
  const Drivers drivers;
  drivers.count("near", 5, 1, 2);
  auto source = open_live(hearing({{"near", ""}}));
  const auto missed = [&] { return source->counters(0).dropped_by_card; };
  hear(*source, 1, milliseconds(20));
  EXPECT_EQ(missed(), 0u) << "what was before is not ours";
  const unsigned asked = addresses_asked;
  drivers.count("near", 10, 3, 5);
  EXPECT_EQ(missed(), 10u) << "without room, and longer than the card takes";
  EXPECT_EQ(missed(), 10u);
  drivers.count("near", 0x7fff'0000, 3, 5);
  missed();
  drivers.count("near", 0xfffe'0000, 3, 5);
  const uint64_t before = missed();
  drivers.count("near", 0x1'0000'0000, 3, 5);
  EXPECT_EQ(missed(), before + 0x2'0000) << "past 32 bits";
  drivers.count("near", 0);
  EXPECT_EQ(missed(), before + 0x2'0000) << "a driver that begins anew has not missed four thousand million frames";
  drivers.count("near", 4);
  EXPECT_EQ(missed(), before + 0x2'0004);
  EXPECT_EQ(addresses_asked, asked) << "asked each second, while somebody configures the network";
  drivers.count("near", 0);
  missed();
  std::filesystem::remove_all("/sys/class/net/near");
  if (shell("ip link set near name other")) {
    drivers.count("other", 0);
    EXPECT_EQ(missed(), before + 0x2'0004) << "before its new name is known";
    hear(*source, 1, milliseconds(400));
    drivers.count("other", 7);
    EXPECT_EQ(missed(), before + 0x2'000b);
    std::filesystem::remove_all("/sys/class/net/other");
    shell("ip link del other");
  }
  cable.reset();
  const uint64_t last = missed();
  hear(*source, 1, milliseconds(300));
  EXPECT_FALSE(source->up(0));
  EXPECT_EQ(missed(), last) << "what is gone has missed no more";
  EXPECT_LE(last, before + 0x2'000b);
}

// What lists all interfaces stood for two seconds while others were made and removed, and the one who hears with it.
TEST_P(Live, where_sysfs_shows_another_network_what_the_card_missed_is_not_known_and_nobody_waits_for_it) {
  if (!no_mounts.empty()) GTEST_SKIP() << no_mounts;
  Cable cable("near", "far");
  const Drivers nobody;
  const unsigned asked = addresses_asked;
  Opened opened = open_live(hearing({{"near", ""}}), 1);
  EXPECT_NE(opened.said.at(0).find("type: mount -t sysfs none /sys"), std::string::npos) << opened.said.at(0);
  Source& source = *opened.sources.front();
  hear(source, 1, milliseconds(600));
  EXPECT_EQ(source.counters(0).dropped_by_card, Counters::unknown);
  EXPECT_EQ(addresses_asked, asked);
  nobody.count("near", 5);
  EXPECT_EQ(source.counters(0).dropped_by_card, 0u) << "from now on";
  nobody.count("near", 7);
  EXPECT_EQ(source.counters(0).dropped_by_card, 2u);
}

TEST_P(Live, an_interface_that_goes_away_is_said_and_heard_again_when_it_is_back) {
  auto away = std::make_unique<Cable>("near0", "far0");
  Cable stays("near1", "far1");
  auto source = open_live(hearing({{"near0", "lan"}, {"near1", "lan"}}));
  EXPECT_EQ(source->flaw(), "");
  away.reset();
  hear(*source, 1, milliseconds(200));
  EXPECT_NE(source->flaw().find("near0"), std::string::npos) << source->flaw();
  Sender("far1").send(frame(1));
  EXPECT_EQ(hear(*source, 1).size(), 1u) << "the other goes on";
  away = std::make_unique<Cable>("near0", "far0");
  hear(*source, 1, milliseconds(1300));
  EXPECT_EQ(source->flaw(), "");
  Sender("far0").send(frame(2));
  const auto again = hear(*source, 1);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(number_of(again[0].octets), 2u);
}

TEST_P(Live, stop_ends_it_from_another_thread) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  std::thread stopping([&] {
    std::this_thread::sleep_for(milliseconds(50));
    source->stop();
  });
  std::vector<Packet> packets(8);
  const auto begin = Clock::now();
  while (!source->poll(packets).ended) ASSERT_LT(Clock::now() - begin, milliseconds(20'000));
  stopping.join();
  EXPECT_TRUE(source->poll(packets).ended) << "and it stays so";
}

TEST_P(Live, what_cannot_be_opened_says_what_to_type) {
  Cable cable("near", "far");
  std::string why = refusal(hearing({{"nowhere9", ""}}));
  EXPECT_NE(why.find("interface nowhere9: there is none of that name"), std::string::npos) << why;
  EXPECT_NE(why.find("near"), std::string::npos) << "those that there are: " << why;
  shell("ip link set near down");
  why = refusal(hearing({{"near", ""}}));
  EXPECT_NE(why.find("ip link set near up"), std::string::npos) << why;
  shell("ip link set near up");
  auto s = hearing({{"near", ""}});
  s.filter = "prt 502";
  why = refusal(s);
  EXPECT_NE(why.find("filter 'prt 502'"), std::string::npos) << why;
  s.snaplen = 0;
  EXPECT_NE(refusal(s).find("snaplen 0: 64 to 262144"), std::string::npos);
  EXPECT_NE(refusal(LiveSettings{}).find("no interface is named"), std::string::npos);
  if (getuid() != 0 || seteuid(65534) != 0) return;
  why = refusal(hearing({{"near", ""}}));
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_NE(why.find("no permission"), std::string::npos) << why;
}

// What may happen to an interface, how long it is left so, and how it comes back.
struct Mishap { const char* name; std::vector<std::string> away, back; const char* why; };
const Mishap mishaps[] = {
    {"down", {"ip link set near down"}, {"ip link set near up"}, "down"},
    {"removed", {"ip link del near"}, {"ip link add near type veth peer name far", "ip link set near up", "ip link set far up"}, "removed"},
    {"renamed_while_down", {"ip link set near down", "ip link set near name other"}, {"ip link set other up"}, "down"},
    {"moved_away", {"ip link set near down", "ip link set near name other", "ip link add near type veth peer name far2"},
     {"ip link set near up", "ip link set far2 up", "ip link set far name far1", "ip link set far2 name far"}, "down"},
};

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

TEST_P(Live, after_every_mishap_it_hears_again_within_two_seconds_says_how_long_it_was_blind_and_does_not_spin) {
  for (const Mishap& m : mishaps) {
    SCOPED_TRACE(m.name);
    Cable cable("near", "far");
    auto source = open_live(hearing({{"near", ""}}));
    ASSERT_TRUE(Sender("far").send(frame(1)));
    ASSERT_EQ(hear(*source, 1).size(), 1u);
    EXPECT_TRUE(source->up(0));
    EXPECT_EQ(source->outage(0).count, 0u);

    const Time before = wall_now(), ready = waited_for_a_core();
    for (const std::string& c : m.away) ASSERT_TRUE(shell(c)) << c;
    const double cpu = cpu_seconds();
    hear(*source, 1, milliseconds(1000));
    EXPECT_LT(cpu_seconds() - cpu, 0.1) << "of one second";
    EXPECT_FALSE(source->up(0));
    EXPECT_NE(source->outage(0).why.find(m.why), std::string::npos) << source->outage(0).why;
    EXPECT_NE(source->flaw().find("interface near"), std::string::npos);
    EXPECT_EQ(source->outage(0).until, 0);
    EXPECT_NEAR(double(source->outage(0).from - before), 0, 400e6 + double(waited_for_a_core() - ready));

    for (const std::string& c : m.back) ASSERT_TRUE(shell(c)) << c;
    const auto back = Clock::now();
    const Time again = wall_now(), waited = waited_for_a_core();
    std::vector<Heard> heard;
    Sender far("far");
    while (heard.empty() && Clock::now() - back < milliseconds(4000)) {
      far.send(frame(2));
      heard = hear(*source, 1, milliseconds(20));
    }
    EXPECT_LT(Clock::now() - back, milliseconds(2000) + std::chrono::nanoseconds(waited_for_a_core() - waited));
    ASSERT_FALSE(heard.empty());
    EXPECT_EQ(number_of(heard[0].octets), 2u);
    EXPECT_TRUE(source->up(0));
    const Outage o = source->outage(0);
    EXPECT_EQ(o.count, 1u);
    EXPECT_GT(o.until, o.from);
    EXPECT_NEAR(double(o.until - again), 0, 1000e6 + double(waited_for_a_core() - waited));
    shell("ip link del other");
    shell("ip link del far");
  }
}

TEST_P(Live, an_interface_renamed_while_it_is_up_is_heard_on) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  hear(*source, 1, milliseconds(20));
  if (!shell("ip link set near name other")) GTEST_SKIP() << "this kernel renames no interface that is up";
  hear(*source, 1, milliseconds(400));
  EXPECT_TRUE(source->up(0));
  EXPECT_NE(source->flaw().find("it is called other now"), std::string::npos) << source->flaw();
  ASSERT_TRUE(Sender("far").send(frame(9)));
  EXPECT_EQ(hear(*source, 1).size(), 1u);
  shell("ip link del other");
}

TEST_P(Live, a_cable_that_is_pulled_is_said_though_the_interface_stays_up) {
  Cable cable("near", "far");
  auto source = open_live(hearing({{"near", ""}}));
  hear(*source, 1, milliseconds(1200));
  EXPECT_TRUE(source->up(0)) << source->flaw();
  ASSERT_TRUE(shell("ip link set far down"));
  hear(*source, 1, milliseconds(3000));
  EXPECT_FALSE(source->up(0));
  EXPECT_NE(source->flaw().find("nothing is plugged in"), std::string::npos) << source->flaw();
  ASSERT_TRUE(shell("ip link set far up"));
  hear(*source, 1, milliseconds(2000));
  EXPECT_TRUE(source->up(0)) << source->flaw();
}

INSTANTIATE_TEST_SUITE_P(Through, Live, testing::Values(PacketReceiver::pcap, PacketReceiver::ring), [](const auto& of) { return of.param == PacketReceiver::pcap ? "libpcap" : "ring"; });

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) {
  vidra::no_network = vidra::own_network();   // before any thread begins
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) vidra::no_mounts = "no mount namespace for a test";
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
