// SPDX-License-Identifier: Apache-2.0
// Several workers on one interface: who hears what, that nobody else does, and that all come back together.
#include "daemon/capture/ring.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/capture/hearing.h"
#include "daemon/capture/live.h"
#include "daemon/capture/spread.h"
#include "tests/support/hex.h"
#include "tests/support/wire.h"

// A kernel that is short of memory for filters: for all, or for those that let something in.
namespace {
enum class Refused { none, letting_in, all };
std::atomic<Refused> refused{Refused::none};
}
extern "C" int setsockopt(int socket, int level, int option, const void* value, socklen_t n) noexcept {
  if (const Refused which = refused; level == SOL_SOCKET && option == SO_ATTACH_FILTER && which != Refused::none) {
    const auto* p = static_cast<const sock_fprog*>(value);
    if (which == Refused::all || p->len > 1 || p->filter->k) return errno = ENOMEM, -1;
  }
  return int(syscall(SYS_setsockopt, socket, level, option, value, n));
}

namespace vidra {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using Octets = std::vector<uint8_t>;

std::string no_network;   // why these tests are skipped, "" when they run

Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Octets word(uint32_t v) { return {uint8_t(v >> 24), uint8_t(v >> 16), uint8_t(v >> 8), uint8_t(v)}; }

const Octets macs = hex("020000000002 020000000001");
Octets padded(Octets f) {
  if (f.size() < 60) f.resize(60, 0);
  return f;
}
Octets udp(uint16_t from, uint16_t to, const Octets& payload = hex("0000")) {
  const uint16_t n = uint16_t(8 + payload.size());
  return Octets{uint8_t(from >> 8), uint8_t(from), uint8_t(to >> 8), uint8_t(to), uint8_t(n >> 8), uint8_t(n), 0, 0} + payload;
}
Octets ip4(uint32_t from, uint32_t to, uint8_t protocol, const Octets& payload, uint16_t fragment = 0) {
  const uint16_t n = uint16_t(20 + payload.size());
  return Octets{0x45, 0, uint8_t(n >> 8), uint8_t(n), 0, 1, uint8_t(fragment >> 8), uint8_t(fragment), 64, protocol, 0, 0} + word(from) + word(to) + payload;
}
Octets ip6(uint32_t from, uint32_t to, uint8_t next, const Octets& payload) {
  return Octets{0x60, 0, 0, 0, uint8_t(payload.size() >> 8), uint8_t(payload.size()), next, 64} + hex("20010DB8 00000000 00000000") + word(from) + hex("20010DB8 00000000 00000000") + word(to) + payload;
}
Octets frame4(const Octets& packet) { return macs + hex("0800") + packet; }
Octets frame6(const Octets& packet) { return macs + hex("86DD") + packet; }
Octets tagged(Octets f, std::initializer_list<const char*> tags) {
  for (const char* t : tags) {
    const Octets tag = hex(t);
    f.insert(f.begin() + 12, tag.begin(), tag.end());
  }
  return f;
}

constexpr uint64_t seed = 7;
const Spread spread(seed);

TEST(Spreading, is_by_the_unordered_pair_of_addresses_whatever_ports_tags_and_tunnels) {
  for (uint32_t n = 1; n < 200; n++) {
    const uint32_t a = 0x0a010100 + n, b = 0x0a010200 + n * 7 % 97;
    const uint32_t of = spread(frame4(ip4(a, b, 17, udp(50'000, 20'000))));
    EXPECT_EQ(spread(frame4(ip4(b, a, 17, udp(20'000, 50'001)))), of) << "the other direction, from another port";
    EXPECT_EQ(spread(frame4(ip4(a, b, 6, hex("C350 0964 00000001 00000000 5002 1000 0000 0000")))), of) << "another protocol";
    EXPECT_EQ(spread(frame4(ip4(a, b, 17, hex("00112233"), 0x2001))), of) << "a fragment";
    EXPECT_EQ(spread(tagged(frame4(ip4(b, a, 17, udp(1, 2))), {"8100 0005"})), of) << "another VLAN";
    EXPECT_EQ(spread(tagged(frame4(ip4(b, a, 17, udp(1, 2))), {"8100 0005", "88A8 0064"})), of) << "two tags";
    EXPECT_EQ(spread(macs + hex("892F 0034 0001 0800") + ip4(a, b, 17, udp(1, 2))), of) << "HSR";
    const Octets inner = frame4(ip4(b, a, 17, udp(3, 4)));
    EXPECT_EQ(spread(frame4(ip4(0x01020304, 0x05060708, 47, hex("1000 88BE 00000001 1000000000000000") + inner))), of) << "ERSPAN II";
    EXPECT_EQ(spread(frame4(ip4(0x01020305, 0x05060708, 47, hex("1000 22EB 00000001 200000000000000000000001 0000000000000000") + inner))), of) << "ERSPAN III";
    EXPECT_EQ(spread(frame4(ip4(0x01020304, 0x05060709, 17, udp(40'000, 4789, hex("0800000000000500") + inner)))), of) << "VXLAN";
    EXPECT_EQ(spread(frame6(ip6(1, 2, 4, ip4(a, b, 17, udp(1, 2))))), of) << "in IPv6";
    const uint32_t six = spread(frame6(ip6(a, b, 17, udp(1, 2))));
    EXPECT_EQ(spread(frame6(ip6(b, a, 6, hex("00")))), six);
    EXPECT_NE(six, of);
  }
}

TEST(Spreading, of_layer_2_is_by_destination_and_appid_or_by_the_kind) {
  const auto goose = [](const char* to, const char* appid) { return hex(to) + hex("020000000001 88B8") + hex(appid) + hex("0008 0000 0000"); };
  EXPECT_NE(spread(goose("010CCD010001", "0001")), spread(goose("010CCD010002", "0001")));
  EXPECT_NE(spread(goose("010CCD010001", "0001")), spread(goose("010CCD010001", "0002")));
  EXPECT_EQ(spread(goose("010CCD010001", "0001")), spread(tagged(goose("010CCD010001", "0001"), {"8100 8000"})));
  const Octets asked = hex("FFFFFFFFFFFF 020000000001 0806 0001"), answered = hex("020000000001 020000000002 0806 0002");
  EXPECT_EQ(spread(asked), spread(answered));
  EXPECT_EQ(spread(hex("0180C2000000 020000000001 0027 424203")), spread(hex("0180C2000000 020000000002 0026 424203"))) << "802.2 is of one kind";
}

TEST(Spreading, is_even_and_bounded) {
  for (unsigned workers : {2u, 3u, 4u, 8u}) {
    std::vector<unsigned> of(workers);
    for (uint32_t n = 0; n < 8'000; n++) of[spread(frame4(ip4(0x0a000001, 0x0a000100 + n, 6, hex("00")))) % workers]++;   // one master, many stations in a row
    for (unsigned each : of) EXPECT_NEAR(each, 8'000.0 / workers, 8'000.0 / workers * 0.15) << workers;
  }
  const Octets whole = frame4(ip4(1, 2, 47, hex("3000 22EB 00000001 00000002 200000000000000000000001 0000000000000000") + frame4(ip4(3, 4, 17, udp(1, 2)))));
  for (size_t n = 0; n <= whole.size(); n++) spread(Bytes(whole).first(n));
  EXPECT_EQ(spread({}), 0u);
}

struct Rings : testing::Test {
  void SetUp() override {
    if (!no_network.empty()) GTEST_SKIP() << no_network;
  }
  void TearDown() override { refused = Refused::none; }
  static LiveSettings settings() {
    LiveSettings s;
    s.interfaces = {{"near", ""}};
    s.buffer_octets = 4 << 20;
    return s;
  }
  struct Queues {
    std::vector<std::unique_ptr<Source>> sources;
    std::vector<std::vector<Octets>> heard;
    std::vector<Packet> packets = std::vector<Packet>(64);
    explicit Queues(size_t n) : heard(n) {
      const LiveSettings s = settings();
      for (auto& t : open_rings("near", 0, s, n, spread)) {
        std::vector<std::unique_ptr<Tap>> one;
        one.push_back(std::move(t));
        sources.push_back(hear(s.interfaces, std::move(one), s.merge_window, 1024));
      }
    }
    size_t all() const {
      size_t n = 0;
      for (const auto& h : heard) n += h.size();
      return n;
    }
    void poll(size_t enough, milliseconds longest, size_t only_the_first = SIZE_MAX) {
      for (const auto end = Clock::now() + longest; all() < enough && Clock::now() < end;)
        for (size_t q = 0; q < std::min(only_the_first, sources.size()); q++) {
          const auto polled = sources[q]->poll(packets);
          for (const Packet& p : std::span(packets).first(polled.packets)) heard[q].emplace_back(p.octets.begin(), p.octets.end());
          sources[q]->release();
        }
    }
  };
};

// Every kind of frame that is looked into; both ways through the cable.
std::vector<Octets> all_kinds() {
  std::vector<Octets> out;
  for (uint32_t n = 0; n < 40; n++) {
    const uint32_t a = 0x0a010100 + n, b = 0x0a010200 + n * 7 % 97;
    const Octets inner = frame4(ip4(a, b, 17, udp(3, 4)));
    out.push_back(frame4(ip4(a, b, 17, udp(1, 2))));
    out.push_back(frame4(ip4(b, a, 6, hex("C350 0964 00000001 00000000 5002 1000 0000 0000"))));
    out.push_back(frame4(ip4(b, a, 17, hex("0011223344556677"), 0x2000)));
    out.push_back(frame6(ip6(a, b, 17, udp(1, 2))));
    out.push_back(tagged(frame4(ip4(a, b, 17, udp(1, 2))), {"8100 0005"}));
    out.push_back(tagged(frame4(ip4(a, b, 17, udp(1, 2))), {"8100 0005", "88A8 0064"}));
    out.push_back(macs + hex("892F 0034 0001 0800") + ip4(a, b, 17, udp(1, 2)));
    out.push_back(macs + hex("892F 0034 0001 88B8") + word(n << 16 | 8));
    out.push_back(frame4(ip4(n, 2, 47, hex("1000 88BE 00000001 1000000000000000") + inner)));
    out.push_back(frame4(ip4(n, 3, 47, hex("0000 88BE") + inner)));
    out.push_back(frame4(ip4(n, 3, 47, hex("3000 22EB 00000001 00000002 200000000000000000000001 0000000000000000") + inner)));
    out.push_back(frame4(ip4(n, 4, 47, hex("8000 22EB 00000000 200000000000000000000000") + inner)));
    out.push_back(frame4(ip4(n, 5, 47, hex("2000 6558 00000009") + tagged(inner, {"8100 0007"}))));
    out.push_back(frame4(ip4(n, 5, 47, hex("0000 0800") + ip4(a, b, 17, udp(5, 6)))));
    out.push_back(frame4(ip4(n, 5, 47, hex("0001 0800") + ip4(a, b, 17, udp(5, 6)))));   // PPTP's, not looked into
    out.push_back(frame4(ip4(n, 6, 17, udp(40'000, 4789, hex("0800000000000500") + inner))));
    out.push_back(frame4(ip4(n, 6, 17, udp(40'000, 4789, hex("0000000000000500") + inner))));
    out.push_back(frame4(ip4(n, 6, 4, ip4(a, b, 17, udp(1, 2)))));
    out.push_back(frame6(ip6(n, 6, 41, ip6(a, b, 17, udp(1, 2)))));
    out.push_back(hex("010CCD0100") + Octets{uint8_t(n)} + hex("020000000001 88B8") + word(n << 16 | 8));
    out.push_back(hex("010CCD0400") + Octets{uint8_t(n)} + hex("020000000001 8100 8000 88BA") + word(n << 16 | 8));
    out.push_back(hex("FFFFFFFFFFFF 020000000001 0806 0001080006040001") + word(a));
    out.push_back(macs + Octets{0x88, uint8_t(n)} + word(n));
    out.push_back(hex("0180C2000000 020000000001 0027 424203"));
    out.push_back(frame4(ip4(n, 6, 47, hex("1000 88BE"))));                              // ends within
  }
  for (Octets& f : out) f = padded(f);
  return out;
}

TEST_F(Rings, the_kernel_spreads_as_the_function_says_and_each_frame_is_heard_once_and_whole) {
  for (const size_t workers : {2u, 3u}) {
    for (const bool outgoing : {false, true}) {
      Cable cable("near", "far");
      Queues q(workers);
      const auto frames = all_kinds();
      Sender sender(outgoing ? "near" : "far");
      std::map<Octets, size_t> sent;
      size_t count = 0;
      for (const Octets& f : frames) {
        ASSERT_TRUE(sender.send(f));
        sent[f]++, count++;
        if (count % 50 == 0) q.poll(count, milliseconds(20));
      }
      q.poll(count, milliseconds(2000));
      ASSERT_EQ(q.all(), count) << workers << outgoing;
      for (size_t w = 0; w < workers; w++)
        for (const Octets& f : q.heard[w]) {
          EXPECT_EQ(spread(f) % workers, w) << "outgoing " << outgoing << " " << f.size() << " octets, type " << int(f[12]) << " " << int(f[13]) << " protocol " << int(f[23]);
          EXPECT_GT(sent[f]--, 0u) << "not as it was sent";
        }
      for (const auto& s : q.sources) EXPECT_EQ(s->counters(0).dropped_by_kernel, 0u);
    }
  }
}

TEST_F(Rings, traffic_that_runs_while_the_queues_join_never_reaches_the_wrong_one) {
  Cable cable("near", "far");
  std::atomic<bool> over{false};
  std::thread sending([&] {
    Sender sender("far");
    for (uint32_t n = 0; !over; n++) {
      const uint32_t a = 0x0a010000 + n % 256, b = 0x0a020000;
      sender.send(padded(n & 256 ? frame4(ip4(a, b, 17, udp(1, 2))) : frame4(ip4(b, a, 17, udp(2, 1)))));
      if (n % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  for (int round = 0; round < 10; round++) {
    Queues q(3);
    q.poll(2000, milliseconds(300));
    EXPECT_GT(q.all(), 100u);
    for (size_t w = 0; w < 3; w++)
      for (const Octets& f : q.heard[w]) ASSERT_EQ(spread(f) % 3, w);
  }
  // And when the link is taken away from all of them and comes back.
  Queues q(3);
  for (int round = 0; round < 3; round++) {
    q.poll(q.all() + 500, milliseconds(500));
    ASSERT_TRUE(shell("ip link set near down"));
    q.poll(SIZE_MAX, milliseconds(200));
    for (const auto& s : q.sources) EXPECT_FALSE(s->up(0));
    ASSERT_TRUE(shell("ip link set near up"));
    const size_t before = q.all();
    q.poll(before + 500, milliseconds(2000));
    EXPECT_GT(q.all(), before) << "heard again";
    for (const auto& s : q.sources) {
      EXPECT_TRUE(s->up(0)) << s->flaw();
      EXPECT_EQ(s->outage(0).count, unsigned(round + 1));
    }
  }
  over = true;
  sending.join();
  for (size_t w = 0; w < 3; w++)
    for (const Octets& f : q.heard[w]) ASSERT_EQ(spread(f) % 3, w);
}

TEST_F(Rings, what_was_sent_is_what_was_delivered_and_what_was_dropped) {
  Cable cable("near", "far");
  Queues q(2);
  uint64_t sent = 0;
  {
    Sender sender("far");
    for (uint32_t n = 0; n < 30'000; n++) sent += sender.send(padded(frame4(ip4(0x0a010000 + n % 64, 0x0a020000, 17, udp(1, 2, Octets(900, 0xAA))))));
  }
  q.poll(SIZE_MAX, milliseconds(500));
  uint64_t dropped = 0;
  for (const auto& s : q.sources) dropped += s->counters(0).dropped_by_kernel;
  EXPECT_GT(dropped, 0u);
  EXPECT_EQ(q.all() + dropped, sent);
}

TEST_F(Rings, drops_before_a_loss_are_told_once_while_others_are_waited_for) {
  Cable cable("near", "far");
  Queues q(2);
  {
    Sender sender("far");
    for (uint32_t n = 0; n < 30'000; n++) sender.send(padded(frame4(ip4(0x0a010000 + n % 64, 0x0a020000, 17, udp(1, 2, Octets(900, 0xAA))))));
  }
  q.poll(SIZE_MAX, milliseconds(300));
  const uint64_t dropped = q.sources[0]->counters(0).dropped_by_kernel;
  ASSERT_GT(dropped, 0u);
  ASSERT_TRUE(shell("ip link set near down"));
  q.poll(SIZE_MAX, milliseconds(200));
  EXPECT_EQ(q.sources[0]->counters(0).dropped_by_kernel, dropped);
  ASSERT_TRUE(shell("ip link set near up"));
  q.poll(SIZE_MAX, milliseconds(300), 1);       // the first is open again, the second does not come yet
  EXPECT_FALSE(q.sources[0]->up(0));
  EXPECT_EQ(q.sources[0]->counters(0).dropped_by_kernel, dropped);
  q.poll(SIZE_MAX, milliseconds(300));
  EXPECT_TRUE(q.sources[0]->up(0)) << q.sources[0]->flaw();
  EXPECT_EQ(q.sources[0]->counters(0).dropped_by_kernel, dropped);
}

TEST_F(Rings, a_kernel_that_refuses_a_filter_for_a_while_leaves_nobody_blind_unsaid) {
  Cable cable("near", "far");
  Queues q(2);
  ASSERT_TRUE(shell("ip link set near down"));
  q.poll(SIZE_MAX, milliseconds(200));
  refused = Refused::letting_in;
  ASSERT_TRUE(shell("ip link set near up"));
  q.poll(SIZE_MAX, milliseconds(500));
  for (const auto& s : q.sources) EXPECT_FALSE(s->up(0)) << "it hears nothing yet";
  refused = Refused::none;
  q.poll(SIZE_MAX, milliseconds(300));
  for (const auto& s : q.sources) EXPECT_TRUE(s->up(0)) << s->flaw();
  const size_t before = q.all();
  Sender sender("far");
  for (uint32_t n = 0; n < 100; n++) ASSERT_TRUE(sender.send(padded(frame4(ip4(0x0a010000 + n, 0x0a020000, 17, udp(1, 2))))));
  q.poll(before + 100, milliseconds(1000));
  EXPECT_EQ(q.all(), before + 100);
}

TEST_F(Rings, two_interfaces_hear_a_conversation_in_the_same_worker) {
  Cable a("near", "far"), b("near1", "far1");
  LiveSettings s = settings();
  s.interfaces = {{"near", "prp"}, {"near1", "prp"}};
  Opened opened = open_live(s, 2);
  ASSERT_EQ(opened.sources.size(), 2u);
  ASSERT_EQ(opened.said.size(), 2u);
  EXPECT_NE(opened.said[1].find("interface near1: heard through 2 rings"), std::string::npos) << opened.said[1];
  Sender first("far"), second_way("far1");
  for (uint32_t n = 0; n < 100; n++) {
    const Octets f = padded(frame4(ip4(0x0a010000 + n, 0x0a020000, 17, udp(1, 2))));
    ASSERT_TRUE(first.send(f) && second_way.send(f));
  }
  std::vector<Packet> packets(64);
  size_t all = 0;
  for (auto& source : opened.sources) {
    std::map<Octets, int> times;
    for (const auto end = Clock::now() + milliseconds(300); Clock::now() < end;) {
      const auto polled = source->poll(packets);
      for (const Packet& p : std::span(packets).first(polled.packets)) times[{p.octets.begin(), p.octets.end()}] += p.interface ? 16 : 1;
      source->release();
    }
    EXPECT_GT(times.size(), 20u);
    for (const auto& [f, seen] : times) EXPECT_EQ(seen, 17) << "by both ways";
    all += times.size();
  }
  EXPECT_EQ(all, 100u);
}

// Frames that wait for their siblings lie in the ring's own memory, and stay there though the ring's interface is gone.
void what_is_held_is_read(Refused while_it_goes) {
  auto a = std::make_unique<Cable>("near", "far");
  Cable b("near1", "far1");
  LiveSettings s = Rings::settings();
  s.receiver = PacketReceiver::ring;
  s.interfaces = {{"near", "tap"}, {"near1", "tap"}};
  s.merge_window = 300 * millisecond;
  auto source = open_live(s);
  std::vector<Packet> packets(16);
  source->poll(packets);
  {
    Sender sender("far");
    for (uint32_t n = 0; n < 50; n++) ASSERT_TRUE(sender.send(padded(frame4(ip4(0x0a010000 + n, 0x0a020000, 17, udp(1, 2))))));
  }
  size_t heard = 0;
  bool removed = false;
  const auto begin = Clock::now();
  while (Clock::now() - begin < milliseconds(1500)) {
    const auto polled = source->poll(packets);
    for (const Packet& p : std::span(packets).first(polled.packets)) {
      EXPECT_EQ(Octets(p.octets.begin(), p.octets.end()), padded(frame4(ip4(0x0a010000 + uint32_t(heard), 0x0a020000, 17, udp(1, 2)))));
      heard++;
    }
    source->release();
    if (!removed && Clock::now() - begin > milliseconds(60)) refused = while_it_goes, a.reset(), removed = true;
  }
  refused = Refused::none;
  EXPECT_EQ(heard, 50u);
  EXPECT_FALSE(source->up(0));
  EXPECT_TRUE(source->up(1));
}
TEST_F(Rings, what_is_held_of_an_interface_that_is_removed_can_still_be_read) { what_is_held_is_read(Refused::none); }
TEST_F(Rings, and_when_the_kernel_has_no_memory_to_close_it) { what_is_held_is_read(Refused::all); }

TEST_F(Rings, several_workers_cannot_share_what_is_for_one) {
  Cable cable("near", "far");
  LiveSettings s = settings();
  s.receiver = PacketReceiver::pcap;
  try {
    open_live(s, 2);
    FAIL() << "opened";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("[capture] source = \"auto\""), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) {
  vidra::no_network = vidra::own_network();   // before any thread begins
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
