// SPDX-License-Identifier: Apache-2.0
// What an outbox lets go, when, and what it says of that.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "daemon/base/clock.h"
#include "daemon/record/crc32c.h"
#include "tests/link/outboxes.h"

namespace {
std::atomic<int64_t> wall_set{0}, passed{0};   // seconds by which the wall clock was set, and by which time goes on
}
extern "C" int clock_gettime(clockid_t id, timespec* t) noexcept {
  const auto e = int(::syscall(SYS_clock_gettime, id, t));
  if (id == CLOCK_REALTIME) t->tv_sec += wall_set + passed;
  if (id == CLOCK_BOOTTIME) t->tv_sec += passed;
  return e;
}

namespace vidra {
namespace {

constexpr int64_t second = 1'000'000'000, day_in_seconds = 86'400;

struct OutboxBounds : testing::Test {
  FaultyStorage disk;
  Collector c;
  ~OutboxBounds() override { wall_set = passed = 0; }
  static void alerts(Outbox& o, uint64_t from, uint64_t n, Lane lane = Lane::alert) {
    for (uint64_t i = from; i < from + n; i++) {
      ASSERT_NE(o.append(lane, lane == Lane::state ? MessageType::health : MessageType::alert, 1, 0, body(i)), 0u);
      ASSERT_TRUE(o.commit()) << o.status().trouble;
    }
  }
  std::vector<std::string> segments(const std::string& lane) {
    std::vector<std::string> out;
    for (const std::string& p : disk.paths())
      if (p.find("/" + lane + "/") != p.npos && p.ends_with(".seg")) out.push_back(p);
    return out;
  }
};

// 40 MB free, 64 MiB wanted: what others can do without goes, and alerts stay as long as each write finds room.
TEST_F(OutboxBounds, the_free_floor_takes_states_and_no_alert) {
  disk.capacity = 40'000'000;
  OutboxSettings s = small();
  s.free_floor = 64u << 20;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 30);
  alerts(o, 30, 30, Lane::state);
  for (int i = 0; i < 20; i++) o.upkeep();
  EXPECT_EQ(o.status().lanes[1].evicted, 0u);
  EXPECT_EQ(o.status().lanes[2].evicted, 30u);
  o.commit();
  c.hear(o, true);
  for (uint64_t i = 0; i < 30; i++) EXPECT_TRUE(c.bodies().contains(body(i))) << i;
}

// Evicted while no collector answers. The numbers are missing at each start; they are told at the first.
//   lane 1   [1 … evicted …] [kept …]      acknowledged: nothing
TEST_F(OutboxBounds, what_was_evicted_in_an_outage_is_told_once_over_all_starts) {
  OutboxSettings s = small();
  s.lanes[1].max_bytes = 8'000;
  uint64_t epoch = 0, last = 0;
  for (int life = 0; life < 4; life++) {
    Outbox o(disk, s, signing);
    o.open();
    o.start();
    if (!life) {
      epoch = o.epoch();
      for (uint64_t i = 0; i < 60; i++) ASSERT_TRUE(o.wait(Lane::alert, last = o.append(Lane::alert, MessageType::alert, 1, 0, body(i)), 20 * second));
      last = 60;
    }
    o.stop();
    EXPECT_TRUE(life ? o.status().gaps == 0 : o.status().gaps > 0) << life << ": " << o.status().gaps;
    EXPECT_EQ(o.epoch(), epoch);
  }
  Outbox o(disk, s, signing);
  o.open();
  for (int i = 0; i < 3; i++) c.hear(o, false), o.commit();   // it connects, and the connection breaks, and again
  EXPECT_EQ(o.status().gaps, 0u) << "not when the collector is back either";
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(epoch, 1, last), 0u);
  EXPECT_GT(c.named_lost(), 10u);
}

// A record in the middle is damaged, and no collector answers.
TEST_F(OutboxBounds, a_damaged_record_is_told_once_over_all_starts) {
  {
    Outbox o(disk, small(), signing);
    o.open();
    alerts(o, 0, 5);
  }
  auto& octets = disk.octets(segments("1").at(0));
  octets[64 + (octets.size() - 64) / 2] ^= 1;
  uint64_t told = 0;
  for (int life = 0; life < 4; life++) {
    Outbox o(disk, small(), signing);
    o.open();
    o.start();
    o.stop();
    told += o.status().gaps;
  }
  EXPECT_EQ(told, 1u);
}

TEST_F(OutboxBounds, many_holes_are_each_told_once_however_often_it_connects) {
  OutboxSettings s = small();
  s.segment_bytes = 1u << 20;   // two, and the holes in the first
  s.memory_bytes = 64u << 20;
  {
    Outbox o(disk, s, signing);
    o.open();
    for (uint64_t i = 0; i < 10'000; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(1000)), 0u);
    ASSERT_TRUE(o.commit());
    alerts(o, 10'000, 1);
  }
  auto& octets = disk.octets(segments("1").at(0));
  const size_t each = entry_prefix_size + header_size + body(1000).size();
  for (size_t i = 0; i < 5'000; i++) octets[segment_header_size + 2 * i * each + 30] ^= 1;
  Outbox o(disk, s, signing);
  o.open();
  for (int i = 0; i < 3; i++) Collector().hear(o, false), o.commit();   // each time from the beginning
  EXPECT_EQ(o.status().gaps, 5'000u);
}

// The last accepted record is damaged: it is cut, and then that start fails at some call and is made again.
TEST_F(OutboxBounds, a_tail_that_an_earlier_attempt_has_cut_is_told_and_its_number_not_given_again) {
  std::set<Id> given;
  bool twice = false;
  {
    Outbox o(disk, small(), signing);
    o.on_accepted = [&](const Accepted& a) { given.insert({a.epoch, a.lane, a.seq}); };
    o.open();
    alerts(o, 0, 5);
    alerts(o, 5, 5, Lane::state);
  }
  disk.octets(segments("1").back()).back() ^= 1;
  uint64_t again = 0;
  for (uint64_t at = 1; at < 120; at++) {
    const auto copy = disk.copy();
    copy->fail(at, EIO);
    Outbox o(*copy, small(), signing);
    std::set<Id> now = given;
    o.on_accepted = [&](const Accepted& a) { twice |= !now.insert({a.epoch, a.lane, a.seq}).second; };
    o.open();
    again += o.status().failing;
    ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(20)), 0u);
    for (int i = 0; i < 6; i++) o.commit();
    ASSERT_FALSE(twice) << at;
    Collector hears;
    hears.hear(o, true);
    uint64_t torn = 0;
    for (const auto& [id, text] : hears.gaps) torn += text.find("\"torn\"") != text.npos;
    ASSERT_EQ(torn, 1u) << at;
  }
  EXPECT_GT(again, 10u);
}

// A box without a battery starts in 1970, and NTP sets it while no collector answers.
TEST_F(OutboxBounds, a_wall_clock_that_is_set_makes_nothing_old) {
  OutboxSettings s = small();
  s.lanes[1].max_age = s.lanes[2].max_age = day_in_seconds * second;
  wall_set = -wall_now() / second;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 30, Lane::state);
  alerts(o, 30, 30);
  o.upkeep();
  wall_set = 0;
  for (int i = 0; i < 30; i++) o.upkeep();
  passed = day_in_seconds - 60;
  for (int i = 0; i < 30; i++) o.upkeep();
  EXPECT_EQ(o.status().lanes[1].evicted + o.status().lanes[2].evicted, 0u);
  passed = day_in_seconds + 60;   // a day after it was set all that is here is older than that
  for (int i = 0; i < 30; i++) o.upkeep();
  EXPECT_GT(o.status().lanes[2].evicted, 20u);
  EXPECT_GT(o.status().lanes[1].evicted, 20u);
}

// What is too old goes sixteen files at a time; not what was delivered, which stays for its own time, nor what cannot be removed.
TEST_F(OutboxBounds, what_is_too_old_goes_a_few_files_at_a_time) {
  OutboxSettings s = small();
  s.segment_bytes = 300;
  s.lanes[1].max_age = s.lanes[2].max_age = day_in_seconds * second;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 40);
  auto states = o.streams();
  for (StreamState& st : states) st.durable = st.lane == 1 ? st.last : 0, st.credit = 100;
  o.rewind(states);
  alerts(o, 40, 60, Lane::state);
  ASSERT_GT(segments("2").size(), 20u);
  passed = day_in_seconds + 60;
  disk.stays = segments("2").at(0);
  o.upkeep();
  EXPECT_EQ(o.status().lanes[2].evicted, 0u);
  const uint64_t gaps = o.status().gaps;
  EXPECT_EQ(gaps, 0u) << "nothing was lost";
  disk.stays.clear();
  const size_t before = segments("2").size();
  o.upkeep();
  EXPECT_EQ(segments("2").size(), before - 16);
  EXPECT_EQ(o.status().lanes[1].evicted, 0u);
}

// The clock was set back between two files: the oldest is told by its time, wherever it lies.
TEST_F(OutboxBounds, the_oldest_that_waits_is_the_earliest_not_the_first) {
  OutboxSettings s = small();
  s.segment_bytes = 300;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 5);
  wall_set = -1000;
  const int64_t then = wall_now();
  alerts(o, 5, 5);
  wall_set = 0;
  alerts(o, 10, 5);
  EXPECT_LE(std::abs(o.status().lanes[1].oldest_ns - then), 60 * second);
}

// Records of an epoch that ended before its checkpoint was due; the next one has none yet.
TEST_F(OutboxBounds, an_epoch_without_records_has_no_checkpoint) {
  {
    Outbox o(disk, small(), signing);
    o.open();
    alerts(o, 0, 1);
  }
  Outbox o(disk, small(), signing);
  o.open();
  alerts(o, 1, 1, Lane::state);
  auto states = o.streams();
  for (StreamState& st : states) st.durable = st.lane == 1 ? 50 : 0, st.credit = 100;   // none of this run is lost by it
  o.rewind(states);
  passed = 2 * 3600;
  const uint64_t before = o.epoch();
  EXPECT_TRUE(o.commit());
  EXPECT_NE(o.epoch(), before);
  EXPECT_EQ(o.status().checkpoints, 0u);
}

TEST_F(OutboxBounds, a_wall_clock_that_is_set_takes_nothing_from_a_collector_that_is_restored) {
  wall_set = -wall_now() / second;
  Outbox o(disk, small(), signing);
  o.open();
  alerts(o, 0, 60);
  c.hear(o, true);
  o.upkeep();
  wall_set = 0;
  o.upkeep();
  passed = 6 * day_in_seconds;
  o.upkeep();
  Collector restored;
  restored.hear(o, false);
  for (uint64_t i = 0; i < 60; i++) EXPECT_TRUE(restored.bodies().contains(body(i))) << i;
  const uint64_t before = o.status().lanes[1].bytes;
  for (const StreamState& st : o.streams()) o.acknowledge({{st.epoch, st.lane, st.first, st.last, st.last, 100}});
  passed = 7 * day_in_seconds + 60;
  o.upkeep();
  EXPECT_LT(o.status().lanes[1].bytes, before / 2) << "a week is a week";
}

// One lane is not given by the disk at a start, however often it is asked: the next start finds it as it was.
TEST_F(OutboxBounds, a_lane_that_cannot_be_read_keeps_its_place) {
  uint64_t epoch = 0;
  std::string lane;
  {
    Outbox o(disk, small(), signing);
    o.open();
    epoch = o.epoch();
    alerts(o, 0, 30);
    c.hear(o, true);
    o.start();
    o.stop();
  }
  const std::string path = segments("1").at(0);
  const auto well = disk.octets(path);
  auto& octets = disk.octets(path);
  octets[16] ^= 1;                                                       // another sensor's, as far as anybody can tell
  const uint32_t crc = crc32c(Bytes(octets).first(60));
  for (size_t i = 0; i < 4; i++) octets[60 + i] = uint8_t(crc >> 8 * i);
  {
    OutboxSettings s = small();
    s.lanes[1].max_bytes = 1;                                            // nor is it thrown away to make room
    Outbox o(disk, s, signing);
    o.open();
    ASSERT_TRUE(o.commit());
    o.start();
    o.stop();
    EXPECT_NE(o.epoch(), epoch);
  }
  disk.octets(path) = well;
  Outbox o(disk, small(), signing);
  o.open();
  ASSERT_TRUE(o.commit());
  const uint64_t gaps = o.status().gaps;
  EXPECT_EQ(gaps, 0u) << "what was acknowledged is still known to be";
  for (const StreamState& st : o.streams())
    if (st.epoch == epoch && st.lane == 1) { EXPECT_EQ(st.last, 30u); }
  EXPECT_EQ(o.status().lanes[1].unacknowledged, 0u);
}

// The old epoch's cursor can no longer be stored; the new epoch's lane is full.
TEST_F(OutboxBounds, a_broken_cursor_of_an_old_epoch_holds_up_no_eviction) {
  {
    Outbox o(disk, small(), signing);
    o.open();
    alerts(o, 0, 30);
  }
  disk.place = "another";
  OutboxSettings s = small();
  s.lanes[1].max_bytes = 20'000;
  Outbox o(disk, s, signing);
  o.open();
  std::string old;
  for (const std::string& p : disk.paths())
    if (p.ends_with("/1.cursor") && p.find(hex_of(o.epoch())) == p.npos) old = p;
  disk.broken = old;
  for (uint64_t i = 0; i < 200; i++) {
    ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(i)), 0u);
    o.commit();
  }
  EXPECT_LT(o.status().lanes[1].bytes, 24'000u);
  EXPECT_GT(o.status().lanes[1].evicted, 30u);
}

// The disk fails, and the sensor is told to stop before it is to be asked again: what waits is tried once more, or it is gone.
TEST_F(OutboxBounds, a_stop_asks_a_disk_once_more_that_has_just_failed) {
  OutboxSettings s = small();
  s.retry_interval = 3600 * second;
  {
    Outbox o(disk, s, signing);
    o.open();
    o.start();
    disk.fail(1, EIO, 1'000'000);
    ASSERT_NE(o.append(Lane::critical, MessageType::alert, 1, 0, body(1)), 0u);
    for (int i = 0; i < 4'000 && !o.status().failing; i++) usleep(5'000);
    ASSERT_TRUE(o.status().failing);
    disk.heal();
    o.stop();
    EXPECT_EQ(o.accepted(Lane::critical), 1u);
  }
  Outbox o(disk, s, signing);
  o.open();
  c.hear(o, true);
  EXPECT_TRUE(c.bodies().contains(body(1)));
}

}  // namespace
}  // namespace vidra
