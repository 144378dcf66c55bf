// SPDX-License-Identifier: Apache-2.0
// TCP: what reaches the parser, and what is said about the connection.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/hex.h"
#include "tests/traffic/heard.h"

namespace vidra::traffic_test {
namespace {
using packets::host_a, packets::host_b, packets::octets;
using Bodies = std::vector<std::string>;

Octets part(const Octets& o, size_t from, size_t to) { return {o.begin() + long(from), o.begin() + long(to)}; }

TEST(Stream, OneConnection) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1ask"));
  c.down(record("2answer"));
  c.fin(0), c.fin(1), c.acknowledge(0);
  EXPECT_EQ(h.bodies(), (Bodies{"1ask", "2answer"}));
  EXPECT_EQ(h.count(Fact::attempted), 1u);
  EXPECT_EQ(h.count(Fact::opened), 1u);
  EXPECT_EQ(h.count(Fact::closed), 1u);
  EXPECT_EQ(h.count(Fact::recognised), 1u);
  EXPECT_EQ(h.first(Fact::attempted).scene.client_mac, packets::mac_a);
  const auto& said = h.first_record();
  EXPECT_EQ(text_of(said.scene.client), "10.1.1.20:40000");
  EXPECT_EQ(text_of(said.scene.server), "10.1.1.11:2404");
  EXPECT_EQ(said.scene.from, Side::client);
  EXPECT_EQ(said.scene.frame, 4u);
  EXPECT_EQ(said.scene.client_mac, packets::mac_a);
  EXPECT_FALSE(said.message.midstream);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{15, 15, 0, 0}));
}
TEST(Stream, RefusedUnansweredReset) {
  Heard h;
  Connection refused(h, host_a, host_b, 1, 9);
  refused.segment(0, 1000, {}, 2);
  refused.segment(1, 0, 1001, {}, 0x14);
  EXPECT_EQ(h.count(Fact::refused), 1u);
  EXPECT_EQ(h.first(Fact::refused).message.station, 9u);
  Connection silent(h, host_a, host_b, 2, 9);
  for (int i = 0; i < 3; i++) silent.segment(0, 1000, {}, 2), h.wait(second);
  EXPECT_EQ(h.count(Fact::attempted), 2u) << "once a connection, however often it is tried";
  EXPECT_EQ(h.count(Fact::unanswered), 0u);
  h.wait(6 * second);
  EXPECT_EQ(h.count(Fact::unanswered), 1u);
  Connection reset(h, host_a, host_b, 3, 9);
  reset.open();
  reset.rst(1);
  EXPECT_EQ(h.count(Fact::reset), 1u);
  EXPECT_EQ(h.first(Fact::reset).scene.from, Side::server);
  h.finish();
}
TEST(Stream, ResetWithAForeignNumberIsNoReset) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.segment(1, c.next[1] - 5000, {}, 0x04);
  c.segment(1, c.next[1] + 0x40000000, {}, 0x04);
  EXPECT_EQ(h.count(Fact::reset), 0u);
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
}
TEST(Stream, GoesOnAfterAResetThatNobodyBelieved) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.rst(0);
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
}
TEST(Stream, SplitAtEveryOctet) {
  const Octets all = records({"1first", "1second record", "1x"});
  for (size_t at = 0; at <= all.size(); at++) {
    Heard h;
    Connection c(h);
    c.open();
    if (at) c.up(part(all, 0, at));
    if (at < all.size()) c.up(part(all, at, all.size()));
    EXPECT_EQ(h.bodies(), (Bodies{"1first", "1second record", "1x"})) << at;
    EXPECT_EQ(h.malformed(), 0u);
    h.finish();
    EXPECT_EQ(h.octets().decoded, all.size());
  }
}
TEST(Stream, OneOctetSegments) {
  Heard h;
  Connection c(h);
  c.open();
  for (const uint8_t o : records({"1first", "1second", "1third"})) c.up({o});
  EXPECT_EQ(h.bodies(), (Bodies{"1first", "1second", "1third"}));
  EXPECT_EQ(h.count(Fact::overlap), 0u);
}
TEST(Stream, OneOctetSegmentsReversed) {
  const Octets all = records({"1first", "1second", "1third"});
  Heard h;
  Connection c(h);
  c.open();
  for (size_t i = all.size(); i-- > 0;) c.segment(0, c.next[0] + uint32_t(i), {all[i]});
  EXPECT_EQ(h.bodies(), (Bodies{"1first", "1second", "1third"}));
  EXPECT_EQ(h.count(Fact::gap), 0u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{all.size(), all.size(), 0, 0}));
}
TEST(Stream, FiveHundredOutOfOrderAndTwice) {
  std::vector<std::string> bodies;
  for (int i = 0; i < 500; i++) bodies.push_back("1record " + std::to_string(i));
  std::vector<Octets> segments;
  std::vector<uint32_t> at;
  uint32_t sequence = 1001;
  for (const std::string& b : bodies) segments.push_back(record(b)), at.push_back(sequence), sequence += uint32_t(segments.back().size());
  std::vector<size_t> order;
  for (size_t i = 0; i < 500; i++) order.push_back(i), order.push_back(i);
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  Heard h;
  h.step = 10 * microsecond;
  Connection c(h);
  c.open();
  for (const size_t i : order) c.segment(0, at[i], segments[i]);
  EXPECT_EQ(h.bodies(), bodies);
  EXPECT_EQ(h.count(Fact::overlap), 0u);
  h.finish();
  EXPECT_EQ(h.octets().lost, 0u);
  EXPECT_EQ(h.octets().seen, sequence - 1001);
}
TEST(Stream, RetransmissionIsHeardOnce) {
  Heard h;
  Connection c(h);
  c.open();
  const uint32_t at = c.next[0];
  c.up(record("1a"));
  c.segment(0, at, record("1a"));
  c.up(record("1b"));
  c.segment(0, at, records({"1a", "1b", "1c"}));       // more than before
  c.next[0] += 4;
  c.up(record("1d"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b", "1c", "1d"}));
  EXPECT_EQ(h.traffic.accounts().retransmitted_octets, 4u + 8);
  EXPECT_EQ(h.count(Fact::overlap), 0u);
  h.finish();
  EXPECT_EQ(h.octets().seen, 16u);
}
TEST(Stream, KeepAliveIsNoOverlap) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.acknowledge(1);
  for (int i = 0; i < 3; i++) {
    c.segment(0, c.next[0] - 1, {0x77}, 0x10);          // an octet of anything at SND.NXT - 1
    c.segment(0, c.next[0] - 1, {}, 0x10);
    c.acknowledge(1);
  }
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
  EXPECT_EQ(h.count(Fact::overlap), 0u);
}
TEST(Stream, AcknowledgedOctetsSentAgainAreNoOverlap) {
  Heard h;
  Connection c(h);
  c.open();
  const uint32_t at = c.next[0];
  c.up(record("1a"));
  c.acknowledge(1);
  c.segment(0, at, record("1z"));
  EXPECT_EQ(h.count(Fact::overlap), 0u);
  EXPECT_EQ(h.bodies(), (Bodies{"1a"}));
}
TEST(Stream, OverlapAfterDeliveryIsSaidOnce) {
  Heard h;
  Connection c(h);
  c.open();
  const uint32_t at = c.next[0];
  c.up(record("1a"));
  c.segment(0, at, record("1b"));
  c.segment(0, at, record("1c"));
  EXPECT_EQ(h.count(Fact::overlap), 1u);
  EXPECT_EQ(h.traffic.accounts().overlaps, 2u);
  EXPECT_EQ(h.first(Fact::overlap).scene.from, Side::client);
  EXPECT_EQ(h.bodies(), (Bodies{"1a"}));
}
// The end of a command is sent ahead with other content; then the whole command, in order: that is what the receiver acts on.
TEST(Stream, WhatComesInOrderPrevailsOverWhatWasHeld) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1hello"));
  const Octets command = record("1open breaker 1"), other = record("1open breaker 2");
  c.segment(0, c.next[0] + 8, part(other, 8, other.size()), 0x10);
  c.segment(0, c.next[0], command);
  EXPECT_EQ(h.bodies(), (Bodies{"1hello", "1open breaker 1"}));
  EXPECT_EQ(h.count(Fact::overlap), 1u);
}

// Allen's thirteen relations of two intervals: [a, b) is sent first, [c, d) second, then everything in order.
struct Relation { const char* name; uint32_t a, b, c, d; };
constexpr Relation relations[] = {
    {"before", 4, 8, 12, 16}, {"after", 12, 16, 4, 8}, {"meets", 4, 8, 8, 12}, {"met by", 8, 12, 4, 8}, {"overlaps", 4, 10, 8, 14}, {"overlapped by", 8, 14, 4, 10},
    {"starts", 4, 8, 4, 12}, {"started by", 4, 12, 4, 8}, {"during", 6, 9, 4, 12}, {"contains", 4, 12, 6, 9}, {"finishes", 8, 12, 4, 12}, {"finished by", 4, 12, 8, 12}, {"equals", 4, 12, 4, 12}};

TEST(Stream, AllensRelationsAheadOfTheirTurn) {
  const Octets all = record("1the quick brown fox"), other = record("2THE QUICK BROWN FOX");
  for (const Relation& r : relations)
    for (const bool same : {true, false}) {
      Heard h;
      Connection c(h);
      c.open();
      c.segment(0, c.next[0] + r.a, part(all, r.a, r.b));
      c.segment(0, c.next[0] + r.c, part(same ? all : other, r.c, r.d));
      c.segment(0, c.next[0], all);
      EXPECT_EQ(h.bodies(), (Bodies{"1the quick brown fox"})) << r.name << same;
      EXPECT_EQ(h.count(Fact::overlap), same ? 0u : 1u) << r.name << same;   // the second, or what comes in order, differs
      h.finish();
      EXPECT_EQ(h.octets().seen, all.size());
    }
}
TEST(Stream, AllensRelationsAfterDelivery) {
  const Octets all = record("1the quick brown fox"), other = record("2THE QUICK BROWN FOX");
  for (const Relation& r : relations)
    for (const bool same : {true, false}) {
      Heard h;
      Connection c(h);
      c.open();
      c.segment(0, c.next[0], part(all, 0, r.a));
      c.segment(0, c.next[0] + r.a, part(all, r.a, r.b));
      c.segment(0, c.next[0] + r.c, part(same ? all : other, r.c, r.d));
      c.segment(0, c.next[0], all);
      EXPECT_EQ(h.count(Fact::overlap), same ? 0u : 1u) << r.name << same;
      if (same) {
        EXPECT_EQ(h.bodies(), (Bodies{"1the quick brown fox"})) << r.name;
      }
      h.finish();
    }
}
TEST(Stream, GapIsToldAndTheNextRecordHeard) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.next[0] += 100;                                      // not heard
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a"})) << "it may be late";
  c.acknowledge(1);
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"})) << "the receiver has it";
  EXPECT_TRUE(h.said.back().scene.protocol == 0 && h.said.back().message.after_gap);
  EXPECT_EQ(PlainParser::gap_octets[0], 100u);
  EXPECT_EQ(h.first(Fact::gap).message.tag, 100u);
  EXPECT_EQ(h.malformed(), 0u);
  c.up(record("1c"));
  EXPECT_FALSE(h.said.back().message.after_gap);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{112, 12, 0, 100}));
}
TEST(Stream, GapByWaiting) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.next[0] += 10;
  c.up(record("1b"));
  h.wait(100 * millisecond);
  EXPECT_EQ(h.bodies().size(), 1u) << "100 ms late is not lost";
  h.wait(3 * second);
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
}
TEST(Stream, GapInsideARecord) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  const Octets long_one = record(std::string(100, '1'));
  c.up(part(long_one, 0, 30));
  c.next[0] += 40;
  c.up(part(long_one, 70, 102));                          // the end of it begins a segment, and is no record
  c.up(record("1b"));
  c.acknowledge(1);
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
  EXPECT_EQ(h.malformed(), 0u) << "lost is not malformed";
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{110, 8, 62, 40}));
}
// Acknowledged before it was heard, and what was held reaches just as far: each octet is counted once.
TEST(Stream, WhatIsHeldReachesTheAcknowledgedSegment) {
  Heard h;
  Connection c(h);
  c.open();
  const uint32_t base = c.next[1];
  c.next[1] += 1000;
  c.up(record("1a"));                                    // acknowledges a thousand octets that were not heard
  const auto answer = [&](uint32_t from, size_t n) { c.segment(1, base + from, Octets(n, uint8_t('0' + from % 10))); };
  answer(1100, 100);
  answer(500, 200);
  answer(700, 50);
  answer(750, 400);
  h.finish();
  EXPECT_EQ(h.octets().seen, 1200u + record("1a").size());
  EXPECT_EQ(h.octets().seen, h.octets().decoded + h.octets().opaque + h.octets().lost);
}
TEST(Stream, EndAcknowledgedButNotHeard) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.next[0] += 50;
  c.acknowledge(1);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{54, 4, 0, 50}));
}
TEST(Stream, StartInTheMiddle) {
  const Octets all = records({"1aaaaaaaaaa", "1b"});
  for (size_t at = 0; at < all.size(); at++) {
    Heard h;
    Connection c(h);
    c.up(part(all, at, all.size()));
    c.up(record("1c"));
    c.up(record("1d"));
    const Bodies b = h.bodies();
    ASSERT_GE(b.size(), 2u) << at;
    EXPECT_EQ(b.back(), "1d") << at;
    EXPECT_EQ(b[b.size() - 2], "1c") << at;
    EXPECT_EQ(h.malformed(), 0u) << at;
    EXPECT_EQ(h.count(Fact::midstream), 1u);
    EXPECT_TRUE(h.first_record().message.midstream);
    h.finish();
    EXPECT_EQ(h.octets().seen, all.size() - at + 8);
  }
}
TEST(Stream, MidstreamSidesByThePort) {
  Heard h;
  Connection c(h);
  c.down(record("2answer"));
  EXPECT_EQ(text_of(h.first_record().scene.server), "10.1.1.11:2404");
  EXPECT_EQ(h.first_record().scene.from, Side::server);
}
TEST(Stream, OneDirectionMissing) {
  Heard h;
  Connection c(h);
  c.segment(0, 1000, {}, 2);
  c.next[0]++;
  for (int i = 0; i < 5; i++) c.next[1] += 20, c.up(record("1poll" + std::to_string(i)));
  EXPECT_EQ(h.bodies().size(), 5u);
  c.next[0] += 7;
  c.up(record("1late"));
  h.wait(3 * second);
  EXPECT_EQ(h.bodies().size(), 6u) << "nobody acknowledges: the wait is bounded";
  h.finish();
}
TEST(Stream, SequenceNumbersWrap) {
  Heard h;
  Connection c(h);
  c.next[0] = 0xfffffff0, c.next[1] = 0xfffffffe;
  c.open();
  const Octets all = records({"1aaaaaaaa", "1bbbbbbbbb", "1cccccccc"});
  c.segment(0, c.next[0] + 20, part(all, 20, all.size()));
  c.segment(0, c.next[0], part(all, 0, 20));
  c.next[0] += uint32_t(all.size());
  c.down(record("2yes"));
  EXPECT_EQ(h.bodies(), (Bodies{"1aaaaaaaa", "1bbbbbbbbb", "1cccccccc", "2yes"}));
  h.finish();
  EXPECT_EQ(h.octets().lost, 0u);
}
TEST(Stream, SynWithData) {
  Heard h;
  Connection c(h);
  c.segment(0, 1000, record("1early"), 2);
  c.next[0] = 1001 + 8;
  c.segment(1, c.next[1], {}, 0x12);
  c.next[1]++;
  c.up(record("1later"));
  EXPECT_EQ(h.bodies(), (Bodies{"1early", "1later"}));
}
TEST(Stream, SynAgainWithAnotherNumber) {
  for (const bool takes_second : {false, true}) {
    Heard h;
    Connection c(h);
    c.segment(0, 1000, {}, 2);
    c.segment(0, 77'000, {}, 2);
    c.next[0] = takes_second ? 77'001 : 1001;
    c.segment(1, c.next[1]++, {}, 0x12);
    c.up(record("1a"));
    EXPECT_EQ(h.bodies(), (Bodies{"1a"})) << takes_second;
    EXPECT_EQ(h.count(Fact::attempted), 1u);
    h.finish();
    EXPECT_EQ(h.octets().lost, 0u);
  }
}
TEST(Stream, SynIntoAnEstablishedConnectionHidesNothing) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.segment(0, 0x70000000, {}, 2);                        // nobody answers it
  c.up(record("1b"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b"}));
}
TEST(Stream, ThePortsAreUsedAgain) {
  Heard h;
  for (int i = 0; i < 3; i++) {
    Connection c(h);
    c.next[0] = 1000 + 900'000'000u * uint32_t(i);
    c.next[1] = 5'000'000 + 700'000'000u * uint32_t(i);
    c.open();
    c.up(record("1a" + std::to_string(i)));
    if (i == 0) c.fin(0), c.fin(1);                       // the second just stops
  }
  EXPECT_EQ(h.bodies(), (Bodies{"1a0", "1a1", "1a2"}));
  EXPECT_EQ(h.count(Fact::attempted), 3u);
  EXPECT_EQ(h.count(Fact::opened), 3u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{15, 15, 0, 0}));
  EXPECT_EQ(h.traffic.accounts().conversations, 3u);
}
TEST(Stream, NumbersFromElsewhereAreHeard) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  c.next[0] += 0x30000000;
  c.up(record("1b"));
  c.next[0] -= 0x31000000;
  c.up(record("1c"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b", "1c"}));
  EXPECT_EQ(h.traffic.accounts().jumps, 2u);
  h.finish();
  EXPECT_EQ(h.octets().lost, 0u);
}
TEST(Stream, FinWithDataAndFinOutOfOrder) {
  Heard h;
  Connection c(h);
  c.open();
  const Octets all = records({"1aa", "1bb"});
  c.segment(0, c.next[0] + 5, part(all, 5, 10), 0x19);    // the last octets and the FIN first
  EXPECT_EQ(h.count(Fact::closed), 0u);
  c.segment(0, c.next[0], part(all, 0, 5));
  c.next[0] += 11;
  c.fin(1);
  EXPECT_EQ(h.bodies(), (Bodies{"1aa", "1bb"}));
  EXPECT_EQ(h.count(Fact::closed), 1u);
}
TEST(Stream, CutByTheCapture) {
  Heard h;
  Connection c(h);
  c.open();
  c.up(record("1a"));
  const Octets whole = records({"1b", std::string("1") + std::string(80, 'x')});
  Octets frame = c.octets(0, c.next[0], c.next[1], whole);
  h.cut_frame(frame, frame.size() - 60);
  c.next[0] += uint32_t(whole.size());
  c.up(record("1c"));
  EXPECT_EQ(h.bodies(), (Bodies{"1a", "1b", "1c"}));
  EXPECT_EQ(h.malformed(), 0u);
  h.finish();
  EXPECT_EQ(h.octets(), (vidra::Octets{4 + whole.size() + 4, 12, whole.size() - 4 - 60, 60}));
}
TEST(Stream, SixtyKilobytesBehindAHole) {
  Heard h;
  std::vector<std::string> bodies;
  for (int i = 0; i < 500; i++) bodies.push_back("1" + std::string(119, char('a' + i % 26)));
  const Octets all = records(bodies);
  Connection c(h);
  c.open();
  for (size_t at = all.size() / 1000 * 1000; at > 0; at -= 1000) c.segment(0, c.next[0] + uint32_t(at), part(all, at, std::min(at + 1000, all.size())));
  EXPECT_EQ(h.bodies().size(), 0u);
  c.segment(0, c.next[0], part(all, 0, 1000));
  EXPECT_TRUE(h.bodies() == bodies);
}
// Any order, any cut, any repetition gives the same sentences and the same sum.
TEST(Stream, AnyOrderGivesTheSame) {
  std::mt19937 random(11);
  std::vector<std::string> bodies;
  for (int i = 0; i < 60; i++) bodies.push_back("1" + std::string(random() % 90, char('a' + i % 26)));
  const Octets all = records(bodies);
  for (int run = 0; run < 60; run++) {
    Heard h;
    h.step = 20 * microsecond;
    Connection c(h);
    c.open();
    struct Piece { size_t from, to; };
    std::vector<Piece> pieces;
    for (size_t at = 0; at < all.size();) {
      const size_t n = std::min<size_t>(1 + random() % 120, all.size() - at);
      pieces.push_back({at, at + n});
      if (random() % 4 == 0) pieces.push_back({at, std::min(at + n + random() % 50, all.size())});
      at += n;
    }
    const size_t reach = 1 + random() % 30;
    for (size_t i = 0; i < pieces.size(); i++) std::swap(pieces[i], pieces[std::min(i + random() % reach, pieces.size() - 1)]);
    for (const Piece& p : pieces) c.segment(0, c.next[0] + uint32_t(p.from), part(all, p.from, p.to), 0x10);
    EXPECT_EQ(h.bodies(), bodies) << run;
    EXPECT_EQ(h.count(Fact::overlap) + h.count(Fact::gap), 0u);
    h.finish();
    EXPECT_EQ(h.octets(), (vidra::Octets{all.size(), all.size(), 0, 0}));
  }
}

}  // namespace
}  // namespace vidra::traffic_test
