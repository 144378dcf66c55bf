// SPDX-License-Identifier: Apache-2.0
// Floods against the bounds as they are installed (a share of both under a sanitizer), hearing and judging together: what is open stays, and a command inside is told.
// With VIDRA_FLOODS ten million conversations, and 100,000 that meet in one place.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "daemon/judge/judge.h"
#include "daemon/traffic/flow.h"
#include "daemon/traffic/traffic.h"
#include "dissectors/pool.h"
#include "tests/support/packets.h"
#include "tests/support/sanitized.h"

namespace vidra {
namespace {

using namespace packets;
using Frame = packets::Octets;

const bool whole = std::getenv("VIDRA_FLOODS") != nullptr;

TrafficSettings installed() {
  TrafficSettings s;
  s.classify = false;
  s.silent_after = 0;
  s.flows /= share;
  return s;
}

// Octets of memory that are no file's.
uint64_t resident() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0, pages = 0, shared = 0;
  if (!f || std::fscanf(f, "%lu %lu %lu", &all, &pages, &shared) != 3) ADD_FAILURE() << "/proc/self/statm cannot be read";
  if (f) std::fclose(f);
  return (pages - shared) * uint64_t(sysconf(_SC_PAGESIZE));
}

struct Found final : FindingSink {
  void found(Finding&& f) override {
    modbus += f.detection->id.substr(0, 3) == "MOD";
    all++, weight += f.weight;
  }
  uint64_t modbus = 0, all = 0, weight = 0;
};

// Who is declared, so that whoever is not is somebody: what a judge without a site says nothing of.
std::shared_ptr<const Site> declared() {
  auto site = std::make_shared<Site>();
  for (const auto& [name, address] : {std::pair("master", host_a), {"plc", host_b}}) {
    SiteHost& h = site->hosts.emplace_back();
    h.name = name;
    h.addresses.push_back(Address::ip4(address));
  }
  SiteConversation& c = site->conversations.emplace_back();
  c.client.kind = c.server.kind = Selector::Kind::host;
  c.client.host = 1, c.server.host = 2;
  c.protocol = "modbus", c.protocol_index = protocol_index("modbus");
  c.ports.push_back({Carrier::tcp, 502});
  site->index();
  return site;
}

// With a site, and without one.
class Flood : public testing::TestWithParam<bool> {
 protected:
  explicit Flood(const TrafficSettings& s = installed()) : settings_(s) {}

  // An established Modbus connection that goes on polling through the flood, and in the end stops the device's answers.
  void open() {
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_ - 1, 0, 2}))));
    send(ethernet(ip4(host_b, host_a, 6, tcp({502, 40000, down_ - 1, up_, 0x12})), 0x0800, mac_b, mac_a));
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_, down_, 0x10}))));
    for (int i = 0; i < 4; i++) poll();
    ASSERT_EQ(found_.modbus, 0u);
  }
  void poll() {
    up({3, 0, 0, 0, 1});
    const Frame answer = adu({3, 2, 0, 7});
    send(ethernet(ip4(host_b, host_a, 6, tcp({502, 40000, down_, up_}, answer)), 0x0800, mac_b, mac_a));
    down_ += uint32_t(answer.size());
    number_++;
  }
  void up(const Frame& pdu) {
    const Frame o = adu(pdu);
    send(ethernet(ip4(host_a, host_b, 6, tcp({40000, 502, up_, down_}, o))));
    up_ += uint32_t(o.size());
  }
  Frame adu(const Frame& pdu) const {
    Frame o;
    be16(o, number_), be16(o, 0), be16(o, unsigned(1 + pdu.size()));
    o.push_back(1);
    return o + pdu;
  }
  void send(const Frame& f) {
    traffic_.take(packet(f, now_ += microsecond));
    if (++frames_ % 64 == 0) traffic_.tick(now_), judge_.tick(now_);
  }
  // After so much of it all tables are full: what comes later may take no more. In the long form only: a sanitizer keeps what is given back.
  void settled() { if (whole) before_ = resident(); }
  void expect_told() {
    const Accounts& a = traffic_.accounts();
    EXPECT_EQ(a.evicted_with_parser, 0u) << "nobody who was understood gave way";
    EXPECT_LE(a.flows, settings_.flows);
    if (before_ && !Pool::blocks_apart()) {
      EXPECT_LE(resident(), before_ + before_ / 20) << "never more than the bounds and a twentieth";
    }
    EXPECT_GT(polls_, 50u);
    EXPECT_EQ(a.protocols[size_t(protocol_index("modbus"))].records, 2 * (polls_ + 4)) << "each poll and each answer";
    EXPECT_EQ(found_.modbus, 0u);
    // A flood is told, and by far fewer findings than it has conversations: who reads them waits for the judge otherwise.
    const uint64_t seconds = uint64_t((now_ - began_) / second) + 1;
    EXPECT_LE(found_.all, 1'500 + 1'000 * seconds) << found_.weight << " in " << seconds << " s";
    up({8, 0, 4, 0, 0});                               // force listen only mode
    judge_.tick(now_ += 10 * second);
    EXPECT_GT(found_.modbus, 0u) << "the command inside the flood";
  }

  static constexpr Time began_ = 1'795'000'000 * second;
  Time now_ = began_;
  uint32_t up_ = 1000, down_ = 5000;
  uint16_t number_ = 1;
  uint64_t frames_ = 0, polls_ = 0;
  uint64_t before_ = 0;
  const uint32_t part_ = GetParam() ? 4 : 1;           // beside a site an event costs more
  const TrafficSettings settings_;
  Found found_;
  Judge judge_{GetParam() ? declared() : std::make_shared<const Site>(), Memory{}, JudgeSettings{}, found_};
  Traffic traffic_{settings_, judge_};
};

TEST_P(Flood, of_a_million_sources_that_only_knock) {
  open();
  std::mt19937 random(1);
  const uint32_t all = 1'000'000 / share / part_;
  for (uint32_t i = 0; i < all; i++) {
    send(ethernet(ip4(0x20000000 + i * 7, host_b, 6, tcp({1024 + (i & 0x7fff), 502, uint32_t(random()), 0, 2}), {.id = uint16_t(random())})));
    if (i % (10'000 / share / part_) == 0) poll(), polls_++;
  }
  EXPECT_GT(traffic_.accounts().flows_evicted, all - 100'000u / share);
  expect_told();
}

TEST_P(Flood, of_conversations_of_one_datagram) {
  open();
  const uint32_t all = whole ? 10'000'000 : 2'000'000 / share / part_;
  for (uint32_t i = 0; i < all; i++) {
    send(ethernet(ip4(0x20000000 + i / 16, host_b, 17, udp(1024 + i % 16, 9999, {1, 2, 3, 4}), {.id = uint16_t(i + 1)})));
    if (i % (20'000 / share / part_) == 0) poll(), polls_++;
    if (i == 1'500'000 / share) settled();
  }
  EXPECT_GT(traffic_.accounts().flows_evicted, all - 100'000u / share);
  if (GetParam()) {
    judge_.tick(now_ += 10 * second);
    EXPECT_GT(found_.weight, all - all / 50) << "each of them is in some finding's number";
  }
  expect_told();
}

TEST_P(Flood, of_fragments_that_are_never_whole) {
  open();
  const Frame piece(1400, 'x');
  const uint32_t all = whole ? 2'000'000 : 200'000;
  for (uint32_t i = 0; i < all; i++) {
    send(ethernet(ip4(0x20000000 + i, host_b, 17, piece, {.id = uint16_t(i), .offset = i % 3 * 1400 / 8 * 8, .more = true})));
    if (i % 2'000 == 0) poll(), polls_++;
    if (i == 150'000) settled();
  }
  EXPECT_GT(traffic_.accounts().datagrams_given_up, all - 10'000);
  expect_told();
}

// Who knows the secrets of the table: every conversation of his has the place of the one that matters.
class FloodOfOnePlace : public Flood {
 protected:
  static constexpr uint64_t known = 7;
  static TrafficSettings of_known_seed() {
    TrafficSettings s = installed();
    s.seed = known;
    s.flows = whole ? 8192 : 1024;       // to find what meets in a larger one takes minutes
    return s;
  }
  FloodOfOnePlace() : Flood(of_known_seed()) {}
};

TEST_P(FloodOfOnePlace, is_bounded) {
  open();
  const uint32_t all = whole ? 100'000 : 20'000 / share, mask = uint32_t(2 * settings_.flows - 1);
  const Keyed keyed(known);
  const auto place = [&](uint32_t from, uint16_t port, uint16_t to, uint8_t protocol) {
    FlowKey k;
    ip4_key(htonl(from), htonl(host_b), port, to, protocol, 0, k);
    return uint32_t(k.hash(keyed)) & mask;
  };
  const uint32_t mine = place(host_a, 40'000, 502, 6);
  uint64_t tried = 0;
  for (uint32_t i = 0; i < all; tried++) {
    const uint32_t from = 0x20000000 + uint32_t(tried >> 15);
    const uint16_t port = uint16_t(1024 + (tried & 0x7fff));
    const bool knocks = i % 2;
    if (place(from, port, knocks ? 502 : 9999, knocks ? 6 : 17) != mine) continue;
    if (knocks) send(ethernet(ip4(from, host_b, 6, tcp({port, 502, i, 0, 2}), {.id = uint16_t(i + 1)})));
    else send(ethernet(ip4(from, host_b, 17, udp(port, 9999, {1, 2, 3, 4}), {.id = uint16_t(i + 1)})));
    if (++i % (200 / share) == 0) poll(), polls_++;
  }
  EXPECT_LE(traffic_.accounts().flows, FlowTable::reach) << "no packet is looked for among more";
  EXPECT_GE(traffic_.accounts().flows_evicted, all - FlowTable::reach);
  expect_told();
}

const auto named = [](const testing::TestParamInfo<bool>& p) { return std::string(p.param ? "beside_a_declared_site" : "of_nothing_known"); };
INSTANTIATE_TEST_SUITE_P(Site, Flood, testing::Bool(), named);
INSTANTIATE_TEST_SUITE_P(Site, FloodOfOnePlace, testing::Bool(), named);

}  // namespace
}  // namespace vidra
