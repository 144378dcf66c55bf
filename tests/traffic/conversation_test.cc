// SPDX-License-Identifier: Apache-2.0
// Which dissector hears a conversation, where records begin, and what is said of datagrams, layer 2 and interfaces.
#include <gtest/gtest.h>

#include "tests/support/hex.h"
#include "tests/traffic/heard.h"

namespace vidra::traffic_test {
namespace {
using namespace packets;
using traffic_test::Octets;
using Bodies = std::vector<std::string>;

Octets datagram(uint32_t from, uint32_t to, unsigned source, unsigned destination, const Octets& payload, uint16_t id) {
  return ethernet(ip4(from, to, 17, udp(source, destination, payload), {.id = id}));
}

TEST(Conversation, OnAnyPort) {
  Heard h;
  Connection c(h, host_a, host_b, 40'000, 1502);
  c.open();
  c.up(record("1a"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a"}));
  EXPECT_EQ(h.first(Fact::recognised).message.tag, 1u);
}
TEST(Conversation, MaybeNeedsAPort) {
  for (const unsigned port : {2404u, 9999u}) {
    Heard h;
    Connection c(h, host_a, host_b, 40'000, port);
    c.open();
    c.up(hex("a5"));                                    // could be anything
    EXPECT_EQ(h.count(Fact::recognised), port == 2404 ? 1u : 0u);
    c.up(hex("02 3161"));
    EXPECT_EQ(h.bodies(), (Bodies{"1a"}));
  }
}
TEST(Conversation, MaybeAtADeclaredPort) {
  TrafficSettings s = Heard::quiet();
  s.ports = {{Carrier::tcp, 9999, 0}};
  Heard h(s);
  Connection c(h, host_a, host_b, 40'000, 9999);
  c.open();
  c.up(hex("a5"));
  EXPECT_EQ(h.count(Fact::recognised), 1u);
}
// Two protocols on one port that begin alike: what follows the beginning tells them apart.
TEST(Conversation, TwoMayServeAPort) {
  constexpr auto is_shy = [](Bytes up, Bytes down, Carrier) {
    const auto begins = [](Bytes b) { return !b.empty() && b[0] == 0xa5; };
    return Recognised{begins(up) || begins(down) ? Recognised::maybe : Recognised::no, Recognised::unknown};
  };
  static constexpr Protocol shy = {"shy", "Shy", plain_ports, is_shy, open_plain, {}, {}, nullptr};
  const auto both = [] {
    auto all = test_protocols();
    all.push_back(&shy);
    return all;
  };
  Heard h(Heard::quiet(), both());
  Connection c(h, host_a, host_b, 40'000, 2404);
  c.open();
  c.up(hex("a5"));
  EXPECT_EQ(h.count(Fact::recognised), 0u);
  c.up(hex("02 3161"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a"}));
  EXPECT_EQ(h.first(Fact::recognised).message.tag, 1u);

  Heard undecided(Heard::quiet(), both());
  Connection d(undecided, host_a, host_b, 40'000, 2404);
  d.open();
  d.up(hex("a5"));
  d.fin(0), d.fin(1);
  EXPECT_EQ(undecided.first(Fact::recognised).message.tag, 1u) << "it closed: the first of the table";
}
TEST(Conversation, WhoAsksIsTheClient) {
  Heard h;
  Connection c(h, host_a, host_b, 40'000, 9999);
  c.open();
  c.up(record("2the opener serves"));
  c.down(record("1ask"));
  EXPECT_EQ(h.bodies(), (Bodies{"2the opener serves", "1ask"}));
  EXPECT_EQ(text_of(h.first_record().scene.client), "10.1.1.11:9999");
  EXPECT_EQ(h.first_record().scene.from, Side::server);
  EXPECT_EQ(h.first_record().scene.server_mac, mac_a);
  c.fin(0), c.fin(1);
  EXPECT_EQ(text_of(h.first(Fact::closed).scene.client), "10.1.1.20:40000") << "the connection's opener";
}
TEST(Conversation, RecognisedByItsAnswerHearsTheQuestionFirst) {
  Heard h;
  Connection c(h, host_a, host_b, 40'000, 9999);
  c.open();
  c.up(hex("a5"));                                      // the beginning of a question
  c.down(record("2early answer"));
  c.up(hex("02 3161"));
  EXPECT_EQ(h.bodies(), (Bodies{"2early answer", "1a"}));
  h.finish();
  EXPECT_EQ(h.octets().opaque, 0u);
}
TEST(Conversation, NobodysIsOpaque) {
  Heard h;
  Connection c(h, host_a, host_b, 40'000, 9999);
  c.open();
  for (int i = 0; i < 100; i++) c.up(octets("GET / HTTP/1.1\r\n")), c.down(octets("HTTP/1.1 200 OK\r\n"));
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{3300, 0, 3300, 0}));
  EXPECT_EQ(h.bodies().size(), 0u);
}
TEST(Conversation, OpaqueIsCountedExactlyWithHoles) {
  Heard h;
  Connection c(h, host_a, host_b, 40'000, 9999);
  c.open();
  for (int i = 0; i < 100; i++) c.up(octets("0123456789"));
  c.next[0] += 70'000;                                   // more than a buffer holds: nothing is stored for it
  c.up(octets("0123456789"));
  c.segment(0, c.next[0] - 10 - 70'000, Octets(30'000, 'x'));
  c.segment(0, c.next[0] - 10 - 40'000, Octets(40'000, 'x'));
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{71'010, 0, 71'010, 0}));
}
TEST(Conversation, GarbageBeforeARecordIsHeardOnce) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.up(octets("garbage that is no record") + record("1b") + record("1c"));
  c.up(record("1d"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b", "1c", "1d"}));
  EXPECT_EQ(h.malformed(), 1u);
  EXPECT_EQ(h.first(Fact::unreadable).message.tag, 25u);
  EXPECT_EQ(h.traffic.accounts().resynchronised, 1u);
  h.wait(2 * second);
  EXPECT_EQ(h.count(SensorFact::resynchronised), 1u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{41, 16, 25, 0}));
}
TEST(Conversation, ALossInTheMiddleGoesOnAtTheNextSegment) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  for (int i = 0; i < 20; i++) c.up(octets("nothing"));
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
  EXPECT_EQ(h.malformed(), 1u) << "one loss, one sentence";
  h.finish();
  EXPECT_EQ(h.octets().opaque, 140u);
}
TEST(Conversation, EndsInsideARecord) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.up(hex("a5 10 31"));
  c.fin(0), c.fin(1);
  EXPECT_EQ(h.malformed(), 1u);
  EXPECT_EQ(h.first(Fact::unreadable).message.tag, 3u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{7, 4, 3, 0}));
}
TEST(Conversation, Datagrams) {
  Heard h;
  h.frame(datagram(host_a, host_b, 40'000, 2404, record("1ask"), 1));
  h.frame(datagram(host_b, host_a, 2404, 40'000, record("2answer"), 2));
  EXPECT_EQ(h.bodies(), (Bodies{"1ask", "2answer"}));
  EXPECT_EQ(h.count(Fact::datagrams), 1u);
  EXPECT_EQ(h.said.back().scene.from, Side::server);
  h.wait(10 * second);
  EXPECT_EQ(h.count(Fact::unanswered), 0u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{15, 15, 0, 0}));
}
TEST(Conversation, JoinedAtAnAnswer) {
  Heard h;
  h.frame(datagram(host_b, host_a, 2404, 40'000, record("2answer"), 1));
  EXPECT_EQ(text_of(h.first_record().scene.server), "10.1.1.11:2404");
}
TEST(Conversation, UnansweredDatagrams) {
  Heard h;
  h.frame(datagram(host_a, host_b, 40'000, 9, octets("hello"), 1));
  h.frame(datagram(host_a, 0xe0000001, 40'000, 9, octets("to a group"), 2));
  h.wait(7 * second);
  EXPECT_EQ(h.count(Fact::unanswered), 1u);
  h.wait(60 * second);
  EXPECT_EQ(h.count(Fact::unanswered), 1u);
}
TEST(Conversation, PortUnreachableIsRefused) {
  Heard h;
  const Octets asked = ip4(host_a, host_b, 17, udp(40'000, 9, octets("hello")), {.id = 1});
  h.frame(ethernet(asked));
  h.frame(ethernet(ip4(host_b, host_a, 1, hex("03 03 0000 00000000") + asked, {.id = 2})));
  EXPECT_EQ(h.count(Fact::refused), 1u);
  EXPECT_EQ(h.first(Fact::refused).message.station, 9u);
  h.wait(10 * second);
  EXPECT_EQ(h.count(Fact::unanswered), 1u - 1u);
  EXPECT_EQ(h.count(Fact::datagrams), 1u);                              // the error is part of what it quotes
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{46, 0, 46, 0}));
}
TEST(Conversation, AnErrorAboutNothingHeardIsItsOwn) {
  const Octets asked = ip4(host_a, host_b, 17, udp(40'000, 9, octets("hello")), {.id = 1});
  const auto error = [&asked](uint32_t from, uint32_t to, std::string_view head) { return ethernet(ip4(from, to, 1, hex(head) + asked, {.id = 2})); };
  Heard never;
  never.frame(error(host_b, host_a, "03 03 0000 00000000"));
  EXPECT_EQ(never.count(Fact::datagrams), 1u);

  Heard h;
  h.frame(ethernet(asked));
  h.frame(error(0x0a010101, host_a, "0b 00 0000 00000000"));            // time exceeded, from a router under way
  EXPECT_EQ(h.count(Fact::datagrams), 1u);
  EXPECT_EQ(h.count(Fact::refused), 0u);
  h.frame(error(host_b, host_a, "05 01 0000 0a010101"));                // a redirect moves what it quotes
  EXPECT_EQ(h.count(Fact::datagrams), 2u);
  h.frame(error(host_b, 0x0a010120, "03 03 0000 00000000"));            // sent to who did not ask
  EXPECT_EQ(h.count(Fact::datagrams), 3u);
  EXPECT_EQ(h.count(Fact::refused), 0u);
  Octets cut = error(host_b, host_a, "03 03 0000 00000000");
  cut.resize(40);
  h.frame(cut);
  EXPECT_EQ(h.count(Fact::refused), 0u);
}
TEST(Conversation, LayerTwo) {
  Heard h;
  const Mac group{{1, 0x0c, 0xcd, 1, 0, 1}};
  h.frame(vlan(ethernet(record("1published"), 0x88b5, mac_a, group), 33));
  h.frame(ethernet(record("1nobody's type"), 0x9999, mac_a, group));
  EXPECT_EQ(h.bodies(), (Bodies{"1published"}));
  const auto& said = h.first_record();
  EXPECT_EQ(text_of(said.scene.client), "02:00:00:00:00:0a");
  EXPECT_EQ(text_of(said.scene.server), "01:0c:cd:01:00:01");
  EXPECT_EQ(said.scene.vlan, 33);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{28, 12, 16, 0}));
}
TEST(Conversation, LogicalLinkControl) {
  Heard h;
  const Mac group{{1, 0x80, 0xc2, 0, 0, 0}};
  const Octets said = record("1bridge"), foreign = hex("42 42 03 0000");
  h.frame(padded(ethernet(said, unsigned(said.size()), mac_a, group)));        // its first octet is the DSAP
  h.frame(padded(ethernet(foreign, unsigned(foreign.size()), mac_a, group)));  // another DSAP: another conversation
  EXPECT_EQ(h.bodies(), (Bodies{"1bridge"}));
  EXPECT_EQ(text_of(h.first_record().scene.client), "02:00:00:00:00:0a");
  EXPECT_EQ(h.traffic.accounts().conversations, 2u);
  EXPECT_EQ(h.count(Fact::recognised) + h.count(Fact::datagrams), 0u);         // no facts of connections below IP
  h.cut_frame(ethernet(said, unsigned(said.size()), mac_a, group), 14 + said.size() - 2);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{9 + 5 + 9, 9, 5 + 7, 2}));
}
TEST(Conversation, AnIpProtocolOfItsOwn) {
  Heard h;
  h.frame(ethernet(ip4(host_a, 0xe0000001, 253, record("1on ip"), {.id = 1})));
  h.frame(ethernet(ip4(host_b, host_a, 253, record("2back"), {.id = 2})));
  h.frame(ethernet(ip4(host_a, host_b, 253, record("1asked"), {.id = 3})));
  h.frame(ethernet(ip4(host_a, host_b, 89, record("1nobody's number"), {.id = 4})));
  h.frame(ethernet(ip4(host_a, host_b, 17, octets("\x12"), {.id = 5})));          // no whole UDP header
  h.frame(ethernet(ip4(host_a, host_b, 6, record("1short"), {.id = 6})));
  EXPECT_EQ(h.bodies(), (Bodies{"1on ip", "2back", "1asked"}));
  EXPECT_EQ(text_of(h.first_record().scene.server), "224.0.0.1");
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{8 + 7 + 8 + 18 + 1 + 8, 8 + 7 + 8, 18 + 1 + 8, 0}));
}
TEST(Conversation, CutDatagramIsLostNotMalformed) {
  Heard h;
  const Octets o = datagram(host_a, host_b, 40'000, 2404, record("1whole"), 1);
  h.frame(o);
  h.cut_frame(datagram(host_a, host_b, 40'000, 2404, record("1partly"), 2), o.size() - 3);
  EXPECT_EQ(h.bodies(), (Bodies{"1whole"}));
  EXPECT_EQ(h.malformed(), 0u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{17, 8, 5, 4}));
}
TEST(Conversation, DirectionsMeetWhateverTheirTags) {
  Heard h;
  Connection c(h);
  c.open();
  h.frame(vlan(c.octets(0, c.next[0], c.next[1], record("1a")), 10));
  c.next[0] += 4;
  h.frame(vlan(c.octets(1, c.next[1], c.next[0], record("2b")), 20));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "2b"}));
  EXPECT_EQ(h.said.back().scene.vlan, 20);
  EXPECT_EQ(h.traffic.accounts().conversations, 1u);
}
TEST(Conversation, GroupsMeetAndOthersDoNot) {
  for (const bool together : {true, false}) {
    TrafficSettings s = Heard::quiet();
    s.interfaces = 2;
    s.groups = {0, uint16_t(together ? 0 : 1)};
    Heard h(s);
    Connection c(h);
    h.frame(c.octets(0, 1000, 0, {}, 2), 0);
    h.frame(c.octets(1, 5000, 1001, {}, 0x12), 1);
    h.frame(c.octets(0, 1001, 5001, record("1a")), 0);
    h.frame(c.octets(1, 5001, 1005, record("2b")), 1);
    EXPECT_EQ(h.bodies(), (Bodies{"1a", "2b"}));
    EXPECT_EQ(h.traffic.accounts().conversations, together ? 1u : 2u);
    EXPECT_EQ(h.count(Fact::midstream), 0u);
    h.finish();
    EXPECT_EQ(h.traffic.accounts().interfaces[0].octets.decoded, 4u);
    EXPECT_EQ(h.traffic.accounts().interfaces[1].octets.decoded, 4u);
  }
}
TEST(Conversation, InTunnels) {
  Heard h;
  h.frame(ethernet(ip4(1, 2, 47, hex("0000 6558") + datagram(host_a, host_b, 40'000, 2404, record("1inside"), 1))));
  EXPECT_EQ(h.bodies(), (Bodies{"1inside"}));
  EXPECT_TRUE(h.first_record().scene.tunnelled);
  EXPECT_EQ(h.traffic.accounts().conversations, 1u) << "the tunnel is none";
}
TEST(Conversation, SilentInterfaces) {
  TrafficSettings s = Heard::quiet();
  s.interfaces = 2;
  Heard h(s);
  h.wait(0);
  for (int i = 0; i < 9; i++) h.wait(second);
  EXPECT_EQ(h.count(SensorFact::silent), 0u);
  h.frame(ethernet(record("1a"), 0x88b5), 1);
  h.wait(2 * second);
  EXPECT_EQ(h.count(SensorFact::silent), 1u) << "the one that never brought a packet";
  h.wait(20 * second);
  h.wait(20 * second);
  EXPECT_EQ(h.count(SensorFact::silent), 2u);
  h.frame(ethernet(record("1b"), 0x88b5), 1);
  EXPECT_EQ(h.count(SensorFact::heard_again), 1u);
}
TEST(Conversation, OnlyOneDirectionArrives) {
  Heard h;
  auto poll = [&](unsigned port, bool both) {
    Connection c(h, host_a, host_b, port);
    for (int i = 0; i < 12; i++) {
      c.up(record("1poll"));
      if (both) c.down(record("2yes"));
      else c.next[1] += 6;
    }
  };
  for (unsigned i = 0; i < 4; i++) poll(1000 + i, false);
  for (int i = 0; i < 12; i++) h.wait(second);
  EXPECT_EQ(h.count(SensorFact::one_way), 1u);
  poll(2000, true);
  for (int i = 0; i < 12; i++) h.wait(second);
  EXPECT_EQ(h.count(SensorFact::both_ways), 1u);
}
TEST(Conversation, NdpiNamesWhatNobodyWants) {
  TrafficSettings s = Heard::quiet();
  s.classify = true;
  Heard h(s);
  Connection web(h, host_a, host_b, 40'000, 80);
  web.open();
  web.up(octets("GET /index.html HTTP/1.1\r\nHost: plant.example\r\nUser-Agent: test\r\n\r\n"));
  web.down(octets("HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"));
  for (int i = 0; i < 20; i++) web.up(octets("GET /more HTTP/1.1\r\nHost: plant.example\r\n\r\n"));
  Connection ours(h, host_a, host_b, 40'001, 2404);
  ours.open();
  ours.up(record("1a"));
  if (!h.traffic.accounts().classified) GTEST_SKIP() << "built without nDPI";
  EXPECT_EQ(h.traffic.accounts().classified, 1u) << "only what no dissector wants";
  ASSERT_EQ(h.count(Fact::recognised), 2u);
  EXPECT_EQ(h.first(Fact::recognised).message.tag, 0u);
  EXPECT_EQ(h.first(Fact::recognised).text, "HTTP");
  h.finish();
}
TEST(Conversation, SameInputSameOutput) {
  std::vector<std::string> once;
  for (const uint64_t seed : {1u, 2u, 3u}) {
    TrafficSettings s = Heard::quiet();
    s.seed = seed;
    s.flows = 64;                                        // with evictions
    Heard h(s);
    for (unsigned i = 0; i < 300; i++) {
      Connection c(h, host_a + i % 7, host_b, 1000 + i);
      c.open();
      c.up(record("1" + std::to_string(i)));
      if (i % 3) c.next[0] += 5;
      c.up(record("1x"));
      if (i % 10 == 0) h.wait(3 * second);
    }
    h.finish();
    std::vector<std::string> all;
    for (const auto& e : h.said) all.push_back(std::to_string(e.scene.time) + " " + std::to_string(e.scene.flow) + " " + std::to_string(e.message.function) + e.text);
    if (once.empty()) once = all;
    EXPECT_TRUE(once == all);
  }
}

}  // namespace
}  // namespace vidra::traffic_test
