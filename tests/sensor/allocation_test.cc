// SPDX-License-Identifier: Apache-2.0
// The whole of hearing and judging asks nothing of the heap once it is warm.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include "daemon/capture/file.h"
#include "daemon/judge/judge.h"
#include "daemon/traffic/traffic.h"
#include "tests/support/heap.h"
#include "tests/support/packets.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

struct Nobody final : FindingSink {
  void found(Finding&&) override { n++; }
  uint64_t n = 0;
};

struct Learner final : EventSink {
  void see(const Event& e) override { memory.learn(e); }
  Memory memory;
};

struct Unheeded final : EventSink {
  void see(const Event&) override {}
};

template <class Each> void play(const std::string& path, Traffic& traffic, Each each) {
  const auto source = open_file(path);
  std::array<Packet, 64> burst;
  for (uint64_t packets = 0;;) {
    const auto polled = source->poll(burst);
    traffic.take(std::span<const Packet>(burst).first(polled.packets));
    packets += polled.packets;
    source->release();
    traffic.tick(polled.now);
    each(packets, polled.now);
    if (polled.ended) break;
  }
}

TEST(Allocation, none_per_packet_once_warm) {
  if (!heap_is_counted()) GTEST_SKIP() << "the sanitizer brings an allocator of its own";
  const char* mix = std::getenv("VIDRA_MIX");
  ASSERT_NE(mix, nullptr);
  const std::string capture = testing::TempDir() + "vidra-mix.pcap";
  ASSERT_EQ(std::system((std::string(mix) + " " + capture + " 300000 200 >/dev/null").c_str()), 0);
  Learner learner;
  {
    Traffic traffic(TrafficSettings{}, learner);
    play(capture, traffic, [](uint64_t, Time) {});
  }
  Nobody nobody;
  Judge judge(std::make_shared<const Site>(), std::move(learner.memory), JudgeSettings{}, nobody);
  Traffic traffic(TrafficSettings{}, judge);
  uint64_t warm = 0, before = 0, after = 0;
  play(capture, traffic, [&](uint64_t packets, Time now) {
    judge.tick(now);
    if (!warm && packets >= 150'000) warm = packets, before = heap_requests();
    after = heap_requests();
  });
  EXPECT_EQ(after - before, 0u) << "over the last half of 300,000 packets";
  EXPECT_EQ(nobody.n, 0u);             // what was learned from it is not told about it
  std::remove(capture.c_str());
}

// Every sample of every protocol as a conversation of its own, that goes on for as many rounds as it is asked.
class Everybody {
 public:
  Everybody() {
    for (const Enrolled& e : samples()) {
      const int protocol = protocol_index(e.protocol);
      if (protocol < 0) continue;
      Talk t{e.protocol, e.sample.carrier, 0, {}, {1'000, 2'000}, uint32_t(talks_.size())};
      for (const Port& p : protocols[size_t(protocol)]->ports)
        if (p.carrier == t.carrier && !t.number) t.number = p.number;
      if (!t.number) continue;
      for (const SampleRecord& r : e.sample.records) t.records.push_back({r.from, hex(r.hex)});
      talks_.push_back(std::move(t));
    }
  }
  size_t protocols_spoken() const {
    std::set<std::string_view> all;
    for (const Talk& t : talks_) all.insert(t.protocol);
    return all.size();
  }

  // One round: every conversation's records in their order. `each` is called for each frame.
  template <class Each> void round(Each each) {
    using namespace packets;
    for (Talk& t : talks_) {
      const uint32_t client = 0x0a400000 + t.at, server = 0x0a500000 + t.at;
      const auto mac = [&](Side s) { return Mac{{2, 0, uint8_t(s == Side::client ? 1 : 2), uint8_t(t.at >> 16), uint8_t(t.at >> 8), uint8_t(t.at)}}; };
      for (const auto& [from, payload] : t.records) {
        const bool up = from == Side::client;
        const auto port = [&](bool mine) { return uint16_t(mine == up ? 50'000 : t.number); };
        packets::Octets frame;
        if (t.carrier == Carrier::tcp) {
          uint32_t &mine = t.next[up ? 0 : 1], theirs = t.next[up ? 1 : 0];
          frame = ethernet(ip4(up ? client : server, up ? server : client, 6, tcp({port(true), port(false), mine, theirs}, payload)), 0x0800, mac(from), mac(up ? Side::server : Side::client));
          mine += uint32_t(payload.size());
        } else if (t.carrier == Carrier::udp) {
          frame = ethernet(ip4(up ? client : server, up ? server : client, 17, udp(port(true), port(false), payload)), 0x0800, mac(from), mac(up ? Side::server : Side::client));
        } else if (t.carrier == Carrier::ethertype) {
          frame = padded(ethernet(payload, t.number, mac(from), mac(up ? Side::server : Side::client)));
        } else {
          continue;
        }
        each(frame);
      }
    }
  }

 private:
  struct Talk {
    std::string_view protocol;
    Carrier carrier;
    uint16_t number;
    std::vector<std::pair<Side, std::vector<uint8_t>>> records;
    uint32_t next[2];
    uint32_t at;
  };
  std::vector<Talk> talks_;
};

// Hearing asks nothing of the heap, whatever is said: samples of all protocols, malformed ones too. Nor does judging, with a memory that has
// heard them and a site that declares others, where no finding comes of it; but a few command rules (MMS, DNP3, ADS) find their words before
// they know that nobody is to be told.
TEST(Allocation, none_for_any_protocol_once_warm) {
  if (!heap_is_counted()) GTEST_SKIP() << "the sanitizer brings an allocator of its own";
  Learner learner;
  const Time start = 1'795'000'000 * second;
  {
    Everybody everybody;
    Traffic traffic(TrafficSettings{}, learner);
    Time now = start;
    for (int round = 0; round < 3; round++)
      everybody.round([&](const packets::Octets& f) { traffic.take(Packet{now, f, uint32_t(f.size()), 0, Link::ethernet, now}), now += millisecond; });
    traffic.finish();
  }
  auto site = std::make_shared<Site>();
  for (uint32_t i = 0; i < 1'000; i++) {
    SiteHost h;
    h.name = "h" + std::to_string(i);
    h.addresses.push_back(Address::ip4(0x0a600000 + i));
    site->hosts.push_back(h);
  }
  site->index();
  Everybody everybody;
  EXPECT_GE(everybody.protocols_spoken(), 55u);
  Nobody nobody;
  Judge judge(site, std::move(learner.memory), JudgeSettings{}, nobody);
  Traffic traffic(TrafficSettings{}, judge);
  Unheeded unheeded;
  Traffic hearing(TrafficSettings{}, unheeded);
  Time now = start + hour;
  uint64_t counted = 0, asked = 0, asked_by_hearing = 0;
  std::map<std::string, uint64_t> by, by_hearing;        // EtherType, ports: of the packets that asked
  const auto note = [](std::map<std::string, uint64_t>& to, const packets::Octets& f, uint64_t requests, int round) {
    char key[80];
    std::snprintf(key, sizeof key, "EtherType %02x%02x ports %u, %u, round %d", f[12], f[13], f.size() > 38 ? f[34] << 8 | f[35] : 0, f.size() > 38 ? f[36] << 8 | f[37] : 0, round);
    to[key] += requests;
  };
  for (int round = 0; round < 16; round++)
    everybody.round([&](const packets::Octets& f) {
      const uint64_t findings = nobody.n;
      const size_t at_first = heap_requests();
      hearing.take(Packet{now, f, uint32_t(f.size()), 0, Link::ethernet, now});
      hearing.tick(now);
      const size_t before = heap_requests();
      traffic.take(Packet{now, f, uint32_t(f.size()), 0, Link::ethernet, now});
      traffic.tick(now);
      judge.tick(now);
      const size_t requests = heap_requests() - before;
      now += millisecond;
      if (round < 8) return;
      if (before != at_first) asked_by_hearing += before - at_first, note(by_hearing, f, before - at_first, round);
      if (nobody.n != findings) return;                  // a finding is words, and words are memory
      counted++;
      if (requests) asked += requests, note(by, f, requests, round);
    });
  const auto text = [](const std::map<std::string, uint64_t>& of) {
    std::string which;
    for (const auto& [key, n] : of) which += "\n" + key + ": " + std::to_string(n);
    return which;
  };
  EXPECT_GT(counted, 5'000u);
  // ADS's samples subscribe each round and never end it: such a list doubles now and then, and the pool takes another piece, perhaps with a longer list of its pieces.
  EXPECT_LE(asked_by_hearing, 2u) << text(by_hearing);
  EXPECT_LE(asked, counted / 300) << "over " << counted << " packets" << text(by);
}

}  // namespace
}  // namespace vidra
