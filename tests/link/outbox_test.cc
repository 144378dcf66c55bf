// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "daemon/record/crc32c.h"
#include "tests/link/outboxes.h"

namespace vidra {
namespace {

// A sanitizer takes ten times as long for the same.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t sparser = 6;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t sparser = 6;
#else
constexpr size_t sparser = 1;
#endif
#else
constexpr size_t sparser = 1;
#endif

TEST(Outbox, gives_numbers_chains_and_goes_on_after_a_restart) {
  FaultyStorage disk;
  Collector c;
  uint64_t epoch = 0;
  for (int life = 0; life < 3; life++) {
    Outbox o(disk, small(), signing);
    o.open();
    if (!life) epoch = o.epoch();
    EXPECT_EQ(o.epoch(), epoch);
    for (uint64_t i = 0; i < 20; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 5, 0, body(uint64_t(life) * 20 + i)), 0u);
    EXPECT_EQ(o.accepted(Lane::alert), 0u);
    EXPECT_TRUE(o.commit());
    EXPECT_EQ(o.accepted(Lane::alert), 20u);
    EXPECT_TRUE(o.commit());
    c.hear(o, true);
  }
  EXPECT_EQ(c.durable(epoch, 1), 60u);
  EXPECT_TRUE(c.gaps.empty());
  EXPECT_FALSE(c.conflict);
}

TEST(Outbox, a_copy_elsewhere_begins_its_own_epoch_and_still_sends_what_it_holds) {
  FaultyStorage disk;
  {
    Outbox o(disk, small(), signing);
    o.open();
    o.append(Lane::alert, MessageType::alert, 5, 0, body(1));
    o.commit();
  }
  const auto copy = disk.copy();
  copy->place = "another box";
  Outbox original(disk, small(), signing), cloned(*copy, small(), signing);
  original.open();
  cloned.open();
  EXPECT_NE(original.epoch(), cloned.epoch());
  cloned.append(Lane::alert, MessageType::alert, 5, 0, body(2));
  cloned.commit();
  Collector c;
  c.hear(cloned, true);
  EXPECT_TRUE(c.bodies().contains(body(1)));
  EXPECT_TRUE(c.bodies().contains(body(2)));
}

TEST(Outbox, a_collector_that_knows_more_makes_it_begin_a_new_epoch) {
  FaultyStorage disk;
  Outbox o(disk, small(), signing);
  o.open();
  o.append(Lane::alert, MessageType::alert, 5, 0, body(1));
  o.commit();
  const uint64_t before = o.epoch();
  auto states = o.streams();
  for (auto& s : states) s.durable = 50, s.credit = 10;
  o.rewind(states);   // this disk has forgotten 49 records: their numbers are not given out again
  o.append(Lane::alert, MessageType::alert, 5, 0, body(2));
  EXPECT_TRUE(o.commit());
  EXPECT_NE(o.epoch(), before);
}

// A disk put back from a snapshot; the sensor writes before it hears of it.
//   here       1 … 50 | 51 … 60 accepted, others than the collector has under these numbers
//   collector  1 … 100
TEST(Outbox, what_was_accepted_under_forgotten_numbers_is_told_as_lost) {
  FaultyStorage disk;
  uint64_t before = 0;
  {
    Outbox o(disk, small(), signing);
    o.open();
    before = o.epoch();
    for (uint64_t i = 0; i < 50; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 5, 0, body(i)), 0u);
    ASSERT_TRUE(o.commit());
  }
  Outbox o(disk, small(), signing);
  o.open();
  ASSERT_EQ(o.epoch(), before);
  for (uint64_t i = 50; i < 60; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 5, 0, body(i)), 0u);
  ASSERT_TRUE(o.commit());
  const auto greet = [&] {
    auto states = o.streams();
    for (auto& s : states) {
      s.credit = 1000;
      if (s.epoch == before && s.lane == 1) s.durable = 100;
    }
    o.rewind(states);
  };
  greet();
  ASSERT_NE(o.append(Lane::alert, MessageType::alert, 5, 0, body(60)), 0u);
  ASSERT_TRUE(o.commit());
  const uint64_t after = o.epoch();
  EXPECT_NE(after, before);
  for (int i = 0; i < 3; i++) greet(), o.commit();
  EXPECT_EQ(o.epoch(), after) << "one new epoch, not one each time that it connects";
  std::vector<Range> told;
  Outbox::Outgoing out;
  greet();
  while (o.next(out)) {
    if (out.lane == 1) { EXPECT_EQ(out.epoch, after) << "the collector has others under these numbers"; }
    Gap g;
    if (out.entry.type != MessageType::gap || !read(out.entry.body(), g)) continue;
    EXPECT_EQ(g.reason, "restored");
    EXPECT_EQ(g.epoch, before);
    told.push_back({g.from, g.to});
  }
  EXPECT_EQ(told, (std::vector<Range>{{51, 60}}));
}

// Numbers whose records are all gone live in the cursor alone: a read of it that fails must not give them out again.
TEST(Outbox, no_number_is_given_out_twice_whatever_is_not_read_at_the_start) {
  OutboxSettings s = small();
  s.lanes[1].max_bytes = 1;
  for (uint64_t times : {uint64_t{1}, uint64_t{3}, uint64_t{1000}})
    for (uint64_t at = 1; at < 60; at++) {
      FaultyStorage disk;
      std::set<Id> given;
      bool twice = false;
      for (int life = 0; life < 2; life++) {
        Outbox o(disk, s, signing);
        o.on_accepted = [&](const Accepted& a) { twice |= !given.insert({a.epoch, a.lane, a.seq}).second; };
        if (life) disk.fail(at, EIO, times);
        o.open();
        for (uint64_t i = 0; i < 12; i++) {
          ASSERT_NE(o.append(Lane::alert, MessageType::alert, 0, 0, body(i)), 0u);
          if (i == 6) disk.heal();
          o.commit();
        }
        for (int i = 0; i < 12; i++) o.commit();
        ASSERT_EQ(given.size(), life ? 24u : 12u) << at << " x " << times << ": " << o.status().trouble;
      }
      ASSERT_FALSE(twice) << at << " x " << times;
    }
}

// A new epoch wants a few KiB: on a full disk (or at a quota, of which statvfs knows nothing) they are made free in the order of sacrifice.
TEST(Outbox, a_full_disk_makes_room_for_a_new_epoch) {
  for (const int full : {ENOSPC, EDQUOT}) {
    FaultyStorage disk;
    disk.full = full;
    {
      Outbox o(disk, small(), signing);
      o.open();
      for (uint64_t i = 0; i < 60; i++) o.append(Lane::state, MessageType::health, 0, 0, body(i) + std::string(300, ' ')), o.commit();
    }
    for (const std::string& p : disk.paths()) disk.capacity += disk.octets(p).size();
    disk.place = "another";
    Outbox o(disk, small(), signing);
    o.open();
    ASSERT_NE(o.append(Lane::critical, MessageType::alert, 0, 0, body(1)), 0u);
    for (int i = 0; i < 5 && !o.accepted(Lane::critical); i++) o.commit();
    EXPECT_EQ(o.accepted(Lane::critical), 1u) << o.status().trouble;
    EXPECT_GT(o.status().lanes[2].evicted, 0u);
  }
}

TEST(Outbox, an_epoch_that_cannot_be_begun_leaves_nothing) {
  for (uint64_t at = 1; at < 40; at++) {
    FaultyStorage disk;
    disk.fail(at, EROFS);
    Outbox o(disk, small(), signing);
    o.open();
    o.append(Lane::alert, MessageType::alert, 0, 0, body(1));
    for (int i = 0; i < 3; i++) o.commit();
    ASSERT_EQ(o.accepted(Lane::alert), 1u);
    disk.heal();
    std::vector<std::string> names;
    ASSERT_EQ(disk.list("/outbox", names), 0);
    ASSERT_EQ(names.size(), 1u) << at;
  }
}

// Two epochs, the older one not delivered and not to be read.
TEST(Outbox, an_older_epoch_that_cannot_be_read_is_told_once) {
  FaultyStorage disk;
  uint64_t first = 0;
  for (const char* place : {"one", "two"}) {
    disk.place = place;
    Outbox o(disk, small(), signing);
    o.open();
    if (!first) first = o.epoch();
    for (uint64_t i = 0; i < 10; i++) o.append(Lane::alert, MessageType::alert, 0, 0, body(i));
    ASSERT_TRUE(o.commit());
    o.start(), o.stop();   // stores the cursors
  }
  std::string older;
  for (const std::string& p : disk.paths())
    if (p.find(hex_of(first) + "/1/") != p.npos) older = p;
  ASSERT_NE(older, "");
  auto& octets = disk.octets(older);
  octets[16] ^= 1;                                                       // another sensor's, as far as anybody can tell
  const uint32_t crc = crc32c(Bytes(octets).first(60));
  for (size_t i = 0; i < 4; i++) octets[60 + i] = uint8_t(crc >> 8 * i);
  Outbox o(disk, small(), signing);
  o.open();
  ASSERT_TRUE(o.commit());
  Collector c;
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(first, 1, 10), 0u);
  EXPECT_EQ(c.named_lost(), 10u);
  o.upkeep();
  EXPECT_EQ(disk.octets(older).size(), octets.size()) << "it is left as it is";
}

TEST(Outbox, losses_are_told_once_however_often_the_disk_is_asked) {
  FaultyStorage disk;
  {
    Outbox o(disk, small(), signing);
    o.open();
    for (uint64_t i = 0; i < 60; i++) o.append(Lane::alert, MessageType::alert, 0, 0, body(i)), o.commit();
  }
  std::vector<std::string> segments;
  for (const std::string& p : disk.paths())
    if (p.find("/1/") != p.npos) segments.push_back(p);
  ASSERT_GT(segments.size(), 2u);
  disk.remove(segments[0]);   // the oldest is gone: a loss
  disk.place = "another";
  { Outbox(disk, small(), signing).open(); }
  for (uint64_t at = 1; at < 80; at++) {
    const auto copy = disk.copy();
    copy->place = disk.place;
    copy->fail(at, EIO);
    Outbox o(*copy, small(), signing);
    o.open();
    for (int i = 0; i < 4; i++) o.commit();
    Collector c;
    c.hear(o, true);
    uint64_t told = 0;
    for (const auto& [id, text] : c.gaps) told += text.find("wiped") != text.npos;
    ASSERT_EQ(told, 1u) << at;
  }
}

TEST(Outbox, the_order_of_sacrifice_in_memory) {
  FaultyStorage disk;
  OutboxSettings s = small();
  s.memory_bytes = 20'000;
  Outbox o(disk, s, signing);
  o.open();
  disk.fail(1, EIO, 1'000'000);
  const std::string big(500, ' ');
  for (int i = 0; i < 20; i++) EXPECT_NE(o.append(Lane::state, MessageType::health, 0, 0, big), 0u);
  for (int i = 0; i < 40; i++) EXPECT_NE(o.append(Lane::alert, MessageType::alert, 0, 0, R"({"detection":"NET-01"})" + big), 0u);
  EXPECT_EQ(o.status().lanes[2].waiting, 0u);   // state went first
  EXPECT_GT(o.status().lanes[1].lost, 0u);
  EXPECT_EQ(o.append(Lane::state, MessageType::health, 0, 0, std::string(30'000, ' ')), 0u);
  uint64_t critical = 0;
  while (o.append(Lane::critical, MessageType::alert, 0, 0, big)) critical++;
  EXPECT_GT(critical, 20u);                     // critical ones push out all others, then are refused, never dropped
  EXPECT_EQ(o.status().lanes[1].waiting, 0u);
  EXPECT_GT(o.status().lanes[0].refused, 0u);
  EXPECT_FALSE(o.commit());
  EXPECT_TRUE(o.status().failing);
  EXPECT_FALSE(o.status().trouble.empty());
  disk.heal();
  EXPECT_TRUE(o.commit());
  EXPECT_TRUE(o.commit());
  EXPECT_EQ(o.accepted(Lane::critical), critical);
  EXPECT_FALSE(o.status().failing);
  Collector c;
  c.hear(o, true);
  uint64_t counted = 0;
  for (const auto& [id, text] : c.gaps) {
    Gap g;
    ASSERT_TRUE(read(bytes_of(text), g));
    for (const auto& [k, n] : g.classes) counted += n;
    EXPECT_TRUE(g.lane == 2 || g.detections["NET-01"] > 0);
  }
  EXPECT_EQ(counted, 60u);   // what had no number yet is told by count
}

TEST(Outbox, full_disk_sacrifices_state_then_alerts_and_says_how_many) {
  for (const int full : {ENOSPC, EDQUOT}) {
    FaultyStorage disk;
    disk.capacity = 60'000, disk.full = full;
    Outbox o(disk, small(), signing);
    o.open();
    uint64_t accepted = 0;
    o.on_accepted = [&](const Accepted&) { accepted++; };
    for (uint64_t i = 0; i < 50; i++) o.append(Lane::state, MessageType::health, 0, 0, body(i) + std::string(200, ' ')), o.commit();
    for (uint64_t i = 50; i < 200; i++) o.append(Lane::alert, MessageType::alert, 0, 0, body(i) + std::string(200, ' ')), o.commit();
    for (uint64_t i = 200; i < 240; i++) {
      ASSERT_NE(o.append(Lane::critical, MessageType::alert, 0, 0, body(i) + std::string(200, ' ')), 0u);
      o.commit();
    }
    for (int i = 0; i < 20; i++) o.commit();
    EXPECT_EQ(accepted, 240u) << o.status().trouble;
    EXPECT_GT(o.status().lanes[2].evicted, 40u);
    EXPECT_EQ(o.status().lanes[0].evicted, 0u);
    Collector c;
    c.hear(o, true);
    uint64_t others = 0;
    for (const auto& [id, what] : c.got) others += what.second.starts_with("{\"n\":") ? 1 : 0;
    EXPECT_EQ(others + c.named_lost(), 240u);
    for (uint64_t i = 200; i < 240; i++) EXPECT_TRUE(c.bodies().contains(body(i) + std::string(200, ' '))) << i;
  }
}

// A GAP record in memory ends with the process. The disk must then still show what was lost:
//   lane 1   [1 … evicted …] [kept …]      acknowledged up to the last; GAP waits
//   cursor   not beyond the evicted ones
TEST(Outbox, a_loss_that_only_memory_tells_of_is_told_after_a_restart) {
  FaultyStorage disk;
  Collector c;
  OutboxSettings s = small();
  s.retain_acknowledged = 0;
  s.lanes[1].max_bytes = 8'000;
  uint64_t epoch = 0;
  {
    Outbox o(disk, s, signing);
    o.open();
    epoch = o.epoch();
    for (uint64_t i = 0; i < 60; i++) {
      o.append(Lane::alert, MessageType::alert, 0, 0, body(i));
      ASSERT_TRUE(i % 20 != 19 || o.commit());
    }
    ASSERT_GT(o.status().lanes[1].evicted, 0u);
    ASSERT_GT(o.status().lanes[0].waiting, 0u) << "the GAP record is not durable";
    c.hear(o, true);
    ASSERT_EQ(c.durable(epoch, 1), 60u);
    o.upkeep();   // stores how far it was acknowledged
  }
  EXPECT_GT(c.unaccounted(epoch, 1, 60), 0u);
  Outbox again(disk, s, signing);
  again.open();
  ASSERT_TRUE(again.commit());
  c.hear(again, true);
  EXPECT_EQ(c.unaccounted(epoch, 1, 60), 0u);
}

TEST(Outbox, an_epoch_that_lost_all_stays_until_that_is_told) {
  FaultyStorage disk;
  Collector c;
  OutboxSettings s = small();
  s.retain_acknowledged = 0;
  uint64_t epoch = 0;
  {
    Outbox o(disk, s, signing);
    o.open();
    epoch = o.epoch();
    for (uint64_t i = 0; i < 60; i++) {
      o.append(Lane::alert, MessageType::alert, 0, 0, body(i));
      ASSERT_TRUE(o.commit());
    }
  }
  disk.place = "another";   // an epoch of its own; the old one is only sent
  {
    OutboxSettings tight = s;
    tight.lanes[1].max_bytes = 1;
    Outbox o(disk, tight, signing);
    o.open();
    ASSERT_NE(o.epoch(), epoch);
    ASSERT_TRUE(o.commit());
    ASSERT_EQ(o.status().lanes[1].evicted, 60u);
    c.hear(o, true);
    o.upkeep();
    EXPECT_EQ(o.status().epochs, 2u);
  }
  {
    Outbox again(disk, s, signing);
    again.open();
    ASSERT_TRUE(again.commit());
    c.hear(again, true);
    EXPECT_EQ(c.unaccounted(epoch, 1, 60), 0u);
    again.upkeep();
    EXPECT_EQ(again.status().epochs, 1u) << "it is told: now it may go";
  }
}

TEST(Outbox, acknowledged_segments_go_after_their_time_and_come_back_for_a_restored_collector) {
  FaultyStorage disk;
  for (int64_t retain : {int64_t{0}, int64_t{3'600'000'000'000}}) {
    OutboxSettings s = small();
    s.directory = "/outbox" + std::to_string(retain);
    s.retain_acknowledged = retain;
    Outbox o(disk, s, signing);
    o.open();
    for (uint64_t i = 0; i < 100; i++) o.append(Lane::alert, MessageType::alert, 0, 0, body(i)), o.commit();
    Collector c;
    c.hear(o, true);
    o.upkeep();
    Collector restored;
    restored.hear(o, true);   // it has nothing any more
    o.commit();
    restored.hear(o, true);
    uint64_t have = 0;
    for (uint64_t i = 0; i < 100; i++) have += restored.bodies().contains(body(i));
    if (retain) {
      EXPECT_EQ(have, 100u);
    } else {
      EXPECT_LT(have, 30u);
      bool told = false;
      for (const auto& [id, text] : restored.gaps) told = told || text.find("restored") != std::string::npos;
      EXPECT_TRUE(told);
    }
  }
}

TEST(Outbox, a_long_outage_does_not_fill_the_critical_lane_with_checkpoints) {
  FaultyStorage disk;
  Outbox o(disk, small(), signing);
  o.open();
  for (uint64_t i = 0; i < 5000; i++) o.append(Lane::alert, MessageType::alert, 0, 0, body(i)), o.commit();
  EXPECT_LT(o.status().checkpoints, 15u);
  Collector c;
  c.hear(o, true);
  for (uint64_t i = 0; i < 5000; i++) {
    o.append(Lane::alert, MessageType::alert, 0, 0, body(i)), o.commit();
    if (i % 8 == 0) c.hear(o, true, false);
  }
  EXPECT_GT(o.status().checkpoints, 100u);
}

// The promise: what was accepted reaches the collector, or a GAP record names it; no number is ever used twice. Power
// goes at a random call, again and again, with a collector that hears some of it in between.
TEST(Outbox, power_loss_at_seeded_points_loses_nothing_accepted) {
  const char* asked = std::getenv("VIDRA_POWER_LOSSES");
  const uint64_t seeds = asked ? std::strtoull(asked, nullptr, 10) : 300;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    FaultyStorage disk;
    Collector c;
    std::set<std::string> accepted;
    uint64_t n = 0;
    for (int life = 0; life < 4; life++) {
      disk.cut_power(1 + random() % 200);
      {
        Outbox o(disk, small(), signing);
        o.open();
        std::map<uint64_t, std::string> waiting[lane_count];
        o.on_accepted = [&](const Accepted& a) { accepted.insert(waiting[a.lane][a.ticket]); };
        for (int i = 0; i < 30 && !disk.dead(); i++) {
          for (uint64_t k = random() % 5; k; k--) {
            const size_t lane = random() % 2;
            const std::string b = body(n++);
            if (const uint64_t t = o.append(Lane(lane), MessageType::alert, 1, 0, b)) waiting[lane][t] = b;
          }
          o.commit();
          if (random() % 4 == 0) c.hear(o, random() % 2);
          if (random() % 6 == 0) o.upkeep();
        }
      }
      disk.restore(seed * 100 + uint64_t(life));
      ASSERT_FALSE(c.conflict);
    }
    Outbox o(disk, small(), signing);
    o.open();
    o.commit();
    c.hear(o, true);
    o.commit();
    c.hear(o, true);
    ASSERT_FALSE(c.conflict);
    const auto got = c.bodies();
    for (const std::string& b : accepted) ASSERT_TRUE(got.contains(b)) << b;
    ASSERT_EQ(o.status().failing, false);
  }
}

// Taken from the queue, not yet on the disk: whoever waits for everything to be delivered must not be told that nothing waits.
TEST(Outbox, what_the_disk_has_not_taken_yet_is_waiting) {
  FaultyStorage disk;
  Outbox o(disk, small(), signing);
  o.open();
  disk.fail(1, EIO, 1'000'000);
  ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(1)), 0u);
  o.commit();
  const auto held = o.status().lanes[1];
  EXPECT_EQ(held.waiting + held.unacknowledged, 1u);
  disk.heal();
  o.commit();
  const auto durable = o.status().lanes[1];
  EXPECT_EQ(durable.waiting, 0u);
  EXPECT_EQ(durable.unacknowledged, 1u);
}

// Every call fails once, three times, or until healed: the outbox comes back by itself, accepted records are delivered. With VIDRA_EVERY
// really every one, until a run has no more.
TEST(Outbox, every_call_may_fail) {
  const bool every = std::getenv("VIDRA_EVERY");
  for (int error : {ENOSPC, EIO, EROFS})
    for (uint64_t times : {uint64_t{1}, uint64_t{4}, uint64_t{100'000}}) {
      uint64_t calls = ~uint64_t{0};
      for (uint64_t at = 1; at <= calls && (every || at < 150); at += every || times == 1 ? 1 : 3) {
        SCOPED_TRACE(std::to_string(error) + " at " + std::to_string(at) + " x " + std::to_string(times));
        FaultyStorage disk;
        disk.fail(at, error, times);
        Outbox o(disk, small(), signing);
        o.open();
        std::map<std::string, Id> accepted;
        std::map<uint64_t, std::string> waiting;
        o.on_accepted = [&](const Accepted& a) { accepted[waiting[a.ticket]] = {a.epoch, a.lane, a.seq}; };
        Collector c;
        for (uint64_t i = 0; i < 40; i++) {
          const uint64_t t = o.append(Lane::alert, MessageType::alert, 1, 0, body(i));
          ASSERT_NE(t, 0u);
          waiting[t] = body(i);
          o.commit();
          if (i % 5 == 0) c.hear(o, true);
          if (i % 11 == 0) o.upkeep();
          if (i == 30) calls = disk.calls(), disk.heal();
        }
        for (int i = 0; i < 20; i++) o.commit(), c.hear(o, true);
        const auto got = c.bodies();
        ASSERT_FALSE(c.conflict);
        ASSERT_EQ(accepted.size() + o.status().lanes[1].lost, 40u);
        for (const auto& [b, id] : accepted)
          if (!got.contains(b)) { ASSERT_TRUE(c.named(id)) << b; }
        if (!o.status().lanes[1].evicted) { ASSERT_EQ(c.named_lost(), 0u); }
      }
    }
}

// What was acknowledged has been removed, and at the next start a call fails: nothing is told as lost, for nothing is.
TEST(Outbox, a_start_that_fails_at_any_call_tells_no_loss) {
  OutboxSettings s = small();
  s.retain_acknowledged = 0;
  FaultyStorage disk;
  Collector before;
  {
    Outbox o(disk, s, signing);
    o.open();
    o.start();
    for (uint64_t n = 0; n < 60; n++) {
      const auto lane = Lane(n % lane_count);
      ASSERT_TRUE(o.wait(lane, o.append(lane, MessageType::alert, 1, 0, body(n)), 20'000'000'000));
      if (n % 20 == 19) before.hear(o, true);
    }
    o.stop();
    before.hear(o, true);
    o.upkeep();
    for (const StreamState& st : o.streams()) { ASSERT_GT(st.first, 1u) << int(st.lane); }
  }
  uint64_t hit = 0;
  for (const int error : {EIO, EROFS})
    for (const uint64_t times : {uint64_t{1}, uint64_t{3}})
      for (uint64_t at = 1; at < 120; at += sparser) {
        SCOPED_TRACE(std::to_string(error) + " at " + std::to_string(at) + " x " + std::to_string(times));
        const auto copy = disk.copy();
        copy->fail(at, error, times);
        Outbox o(*copy, s, signing);
        o.open();
        Collector c = before;
        ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, "\"after\""), 0u);
        for (int i = 0; i < 12; i++) o.commit();
        hit += copy->calls() >= at;
        copy->heal();
        for (int i = 0; i < 4; i++) o.commit(), c.hear(o, true);
        ASSERT_EQ(o.status().gaps, 0u) << c.gaps.begin()->second;
        ASSERT_TRUE(c.bodies().contains("\"after\""));
        ASSERT_FALSE(c.conflict);
      }
  EXPECT_GT(hit, 120 / sparser);
}

// Each octet of each file that an outbox keeps is damaged in one of six ways (with VIDRA_EVERY in each of them, and the records are as long
// as alerts): at most the record that it lies in is lost, and that is told, once; what comes after is accepted and delivered.
TEST(Outbox, every_damaged_octet_of_its_files) {
  const bool every = std::getenv("VIDRA_EVERY");
  const auto text = [&](uint64_t n) { return "{\"n\":" + std::to_string(n) + ",\"why\":\"" + std::string(every ? 300 : 8, 'w') + "\"}"; };
  OutboxSettings s = small();
  s.segment_bytes = every ? 3000 : 900;
  FaultyStorage disk;
  Collector before, whole;
  {
    Outbox o(disk, s, signing);
    o.open();
    o.start();
    for (uint64_t n = 0; n < 36; n++) {
      const auto lane = Lane(n % lane_count);
      ASSERT_TRUE(o.wait(lane, o.append(lane, MessageType::alert, 1, 0, text(n)), 20'000'000'000));
      if (n == 17) before.hear(o, true);            // half of it has been acknowledged
    }
    whole = before;
    whole.hear(o, false, false);
    o.stop();
  }
  ASSERT_GE(before.got.size(), 18u);
  ASSERT_GE(whole.got.size(), 36u);
  const uint64_t epoch = std::get<0>(whole.got.begin()->first);
  uint64_t tried = 0, lost_one = 0, began_anew = 0;
  const auto damage = [&](const std::string& path, size_t at, unsigned way) {
    const auto copy = disk.copy();
    uint8_t& octet = copy->octets(path)[at];
    static constexpr uint8_t flips[] = {0x01, 0x10, 0x80, 0xff};
    const uint8_t was = octet;
    octet = way < 4 ? octet ^ flips[way] : way == 4 ? 0 : uint8_t(0x20);
    if (octet == was) return;
    tried++;
    SCOPED_TRACE(path + " octet " + std::to_string(at) + " way " + std::to_string(way));
    Collector c = before;
    const auto gaps = [&] {
      std::string out;
      for (const auto& [id, told] : c.gaps) out += told + "\n";
      return out;
    };
    uint64_t epochs = 0;
    for (int life = 0; life < 2; life++) {
      Outbox o(*copy, s, signing);
      o.open();
      o.start();
      if (life == 0) { ASSERT_TRUE(o.wait(Lane::critical, o.append(Lane::critical, MessageType::alert, 1, 0, "\"after\""), 20'000'000'000)); }
      c.hear(o, true);
      o.stop();                                     // a loss that was found while it was read is told now
      c.hear(o, true);
      const OutboxStatus status = o.status();
      ASSERT_LE(status.gaps, life == 0 ? 2u : 0u) << gaps();  // once: the octets that were cut, and the number that lay in them, where the cursor knows it
      ASSERT_FALSE(status.failing) << status.trouble;
      if (life == 0) epochs = status.epochs;
      ASSERT_EQ(status.epochs, epochs);             // and that is over
      if (life == 0 && epochs > 1) began_anew++;
    }
    ASSERT_FALSE(c.conflict);
    ASSERT_TRUE(c.bodies().contains("\"after\""));
    uint64_t lost = 0;
    for (const auto& [id, what] : whole.got) {
      const auto at_collector = c.got.find(id);
      if (at_collector == c.got.end()) lost++;
      else ASSERT_EQ(at_collector->second, what);
    }
    ASSERT_LE(lost, 1u);
    lost_one += lost;
    uint64_t torn = 0, unnamed = 0;
    for (const auto& [id, body_of_gap] : c.gaps) torn += body_of_gap.find("\"torn\"") != std::string::npos;
    for (uint8_t lane = 0; lane < lane_count; lane++) unnamed += c.unaccounted(epoch, lane, whole.durable(epoch, lane));
    ASSERT_LE(unnamed, torn);                       // without the cursor a tail that was cut has no numbers, only octets
    ASSERT_LE(torn, 1u);
    ASSERT_LE(c.named_lost(), 1u);
  };
  for (const std::string& path : disk.paths())
    for (size_t at = 0, n = disk.octets(path).size(); at < n; at += every ? 1 : sparser * (path.ends_with(".seg") ? 5 : 37))
      for (unsigned way = every ? 0 : unsigned(at / (5 * sparser) % 6), end = every ? 6 : way + 1; way < end; way++) {
        damage(path, at, way);
        if (HasFatalFailure()) return;
      }
  printf("%llu tried: %llu cost a record, which was told; %llu began an epoch\n", static_cast<unsigned long long>(tried), static_cast<unsigned long long>(lost_one),
         static_cast<unsigned long long>(began_anew));
  EXPECT_GT(lost_one, tried / 10);
}

// Three threads append, one makes durable, one follows and acknowledges: also run under the thread sanitizer.
TEST(OutboxThreads, many_write_one_follows) {
  FaultyStorage disk;
  OutboxSettings s = small();
  s.segment_bytes = 20'000;
  s.retain_acknowledged = 0;
  Outbox o(disk, s, signing);
  std::atomic<uint64_t> accepted{0}, wakes{0};
  o.on_accepted = [&](const Accepted&) { accepted++; };
  o.wake_with([&] { wakes++; });
  o.open();
  o.start();
  constexpr uint64_t each = 1500;
  std::atomic<bool> done{false};
  Collector c;
  std::thread follower([&] {
    bool greeted = false;
    for (int i = 0; !done || i < 3; i++) {
      c.hear(o, true, !greeted || i % 50 == 0);
      greeted = true;
      if (done) i++;
      std::this_thread::yield();
      (void)o.status();
    }
    c.hear(o, true);
  });
  std::vector<std::thread> writers;
  for (size_t lane = 0; lane < lane_count; lane++)
    writers.emplace_back([&, lane] {
      uint64_t last = 0;
      for (uint64_t i = 0; i < each; i++) {
        while (!(last = o.append(Lane(lane), MessageType::alert, 1, 0, body(lane * each + i)))) std::this_thread::yield();
        if (i % 100 == 99) { EXPECT_TRUE(o.wait(Lane(lane), last, 20'000'000'000)); }
      }
      EXPECT_TRUE(o.wait(Lane(lane), last, 20'000'000'000));
    });
  for (auto& w : writers) w.join();
  done = true;
  follower.join();
  EXPECT_EQ(accepted, 3 * each);
  EXPECT_GT(wakes, 0u);
  o.stop();
  const auto got = c.bodies();
  for (uint64_t i = 0; i < 3 * each; i++) EXPECT_TRUE(got.contains(body(i))) << i;
}

}  // namespace
}  // namespace vidra
