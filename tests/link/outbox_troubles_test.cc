// SPDX-License-Identifier: Apache-2.0
// What an outbox does where its files, the disk below them or the collector's answers are not as they should be.
#include <unistd.h>

#include "daemon/record/crc32c.h"
#include "daemon/record/octets.h"
#include "tests/link/outboxes.h"

namespace vidra {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int reads = 12;   // more than an outbox asks a disk that does not give what earlier runs left

struct OutboxTroubles : testing::Test {
  FaultyStorage disk;
  Collector c;
  OutboxSettings s = small();

  static void alerts(Outbox& o, uint64_t from, uint64_t n, Lane lane = Lane::alert) {
    for (uint64_t i = from; i < from + n; i++) {
      ASSERT_NE(o.append(lane, MessageType::alert, 1, 0, body(i)), 0u);
      ASSERT_TRUE(o.commit()) << o.status().trouble;
    }
  }
  // A run of n alerts, of which the collector has heard the first; its epoch.
  uint64_t run(uint64_t n, uint64_t acknowledged = 0) {
    Outbox o(disk, s, signing);
    o.open();
    const uint64_t epoch = o.epoch();
    for (uint64_t i = 0; i < n; i++) {
      EXPECT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(i)), 0u);
      EXPECT_TRUE(o.commit());
      if (i + 1 == acknowledged) c.hear(o, true);
    }
    o.start(), o.stop();   // stores the cursors
    return epoch;
  }
  std::vector<std::string> files(const std::string& with, const std::string& end = ".seg") {
    std::vector<std::string> out;
    for (const std::string& p : disk.paths())
      if (p.find(with) != p.npos && p.ends_with(end)) out.push_back(p);
    return out;
  }
  static std::string lane_of(uint64_t epoch, const std::string& lane) { return hex_of(epoch) + "/" + lane + "/"; }
  static void greet(Outbox& o, uint64_t durable, uint8_t lane = 1) {
    auto states = o.streams();
    for (StreamState& st : states) st.durable = st.lane == lane ? durable : 0, st.credit = 1000;
    o.rewind(states);
  }
  static void make_anothers(std::vector<uint8_t>& segment) {
    segment[16] ^= 1;
    const uint32_t crc = crc32c(Bytes(segment).first(60));
    for (size_t i = 0; i < 4; i++) segment[60 + i] = uint8_t(crc >> 8 * i);
  }
  uint64_t told(const std::string& what) const {
    uint64_t n = 0;
    for (const auto& [id, text] : c.gaps) n += text.find(what) != text.npos;
    return n;
  }
};

TEST_F(OutboxTroubles, folders_of_strangers_are_none_of_its_epochs) {
  const uint64_t epoch = run(3);
  for (const char* name : {"zzzzzzzz-0123456789abcdef", "00000009-0123456789abcdeg", "00000009.0123456789abcdef", "notes"}) disk.make_directories(std::string("/outbox/") + name);
  for (int life = 0; life < 2; life++) EXPECT_EQ(run(1), epoch);
}

// What had been delivered, nobody knows any more: it is sent again, and said.
TEST_F(OutboxTroubles, a_cursor_that_is_never_given_is_told_once) {
  const uint64_t epoch = run(5, 3);
  disk.unreadable = files(hex_of(epoch) + "/1", ".cursor").at(0);
  Outbox o(disk, s, signing);
  o.open();
  EXPECT_TRUE(o.status().failing);
  ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(5)), 0u);
  for (int i = 0; i < reads; i++) o.commit();
  EXPECT_NE(o.epoch(), epoch);
  Collector all;
  all.hear(o, true);
  for (uint64_t i = 0; i < 6; i++) EXPECT_TRUE(all.bodies().contains(body(i))) << i;
  c = all;
  EXPECT_EQ(told("unreadable cursor"), 1u);
  EXPECT_EQ(c.gaps.size(), 1u);
}

TEST_F(OutboxTroubles, a_lane_that_is_never_given_is_told_where_something_waited_in_it) {
  const uint64_t older = run(5, 5);
  disk.place = "another";
  const uint64_t newer = run(5);
  for (const bool waited : {false, true}) {
    disk.shut = files(lane_of(waited ? newer : older, "1")).at(0);
    const auto copy = disk.copy();
    copy->shut = disk.shut, copy->place = disk.place;
    Outbox o(*copy, s, signing);
    o.open();
    for (int i = 0; i < reads; i++) o.commit();
    EXPECT_EQ(o.epoch() == newer, !waited);
    c.gaps.clear();
    c.hear(o, true);
    EXPECT_EQ(told("unreadable lane"), waited ? 1u : 0u);
  }
}

// A lane whose last file cannot be opened the second time, at each start: its first files are known. They are neither let go nor told.
TEST_F(OutboxTroubles, a_lane_that_is_half_read_keeps_all_it_has) {
  const uint64_t epoch = run(30);
  const auto its = files(lane_of(epoch, "1"));
  ASSERT_GT(its.size(), 2u);
  int times = 0;
  disk.before_opening = [&](const std::string& path) {
    if (path == its.back()) disk.shut = ++times % 2 ? "" : path;
  };
  s.lanes[1].max_bytes = 1;
  s.free_floor = 64u << 20;
  disk.capacity = 20'000'000;
  Outbox o(disk, s, signing);
  o.open();
  for (int i = 0; i < reads; i++) o.commit();
  ASSERT_NE(o.epoch(), epoch) << o.status().trouble;
  alerts(o, 30, 30);
  EXPECT_GT(o.status().lanes[1].evicted, 0u) << "of the new epoch";
  greet(o, 30);
  o.upkeep();
  EXPECT_EQ(files(lane_of(epoch, "1")), its);
}

// As a later program may have left it: an entry that is whole, and no record that is known here.
TEST_F(OutboxTroubles, a_last_entry_that_is_no_record_begins_an_epoch) {
  const uint64_t epoch = run(3);
  LogSettings lane;
  lane.directory = files(lane_of(epoch, "1")).at(0);
  lane.directory.resize(lane.directory.rfind('/'));
  lane.sensor = s.sensor, lane.epoch = epoch, lane.lane = 1;
  {
    Log log(disk, lane);
    ASSERT_EQ(log.open(), 0);
    log.append(MessageType::alert, bytes_of("no header"), {});
    ASSERT_EQ(log.sync(), 0);
  }
  s.lanes[1].max_bytes = 1;
  Outbox o(disk, s, signing);
  o.open();
  EXPECT_NE(o.epoch(), epoch);
  ASSERT_TRUE(o.commit());   // and lets it go
  ASSERT_TRUE(o.commit());
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(epoch, 1, 4), 0u);
  EXPECT_EQ(told(R"("alert":3)"), 1u) << "what it was, nobody knows";
}

// Of many detections, the first 64 by name.
TEST_F(OutboxTroubles, what_is_let_go_is_counted_by_kind) {
  s.segment_bytes = 1u << 20;
  const auto detection = [](int i) { return R"({"detection":"D-)" + std::to_string(i) + "\"}"; };
  uint64_t epoch = 0;
  {
    Outbox o(disk, s, signing);
    o.open();
    epoch = o.epoch();
    for (int i = 0; i < 150; i++) o.append(Lane::alert, i % 2 ? MessageType::alert : MessageType::update, 1, 0, detection(i % 75));
    o.append(Lane::alert, MessageType::evidence, 1, 0, "{}");
    ASSERT_TRUE(o.commit());
  }
  disk.octets(files(lane_of(epoch, "1")).at(0))[segment_header_size + entry_prefix_size + 40] ^= 1;   // the first of them
  s.lanes[1].max_bytes = 1;
  Outbox o(disk, s, signing);
  o.open();
  ASSERT_TRUE(o.commit());
  ASSERT_TRUE(o.commit());
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(epoch, 1, 151), 0u);
  Gap g;
  for (const auto& [id, text] : c.gaps)
    if (text.find("evicted") != text.npos) { ASSERT_TRUE(read(bytes_of(text), g)); }
  EXPECT_EQ(g.classes["alert"] + g.classes["update"] + g.classes["evidence"], 150u);
  EXPECT_EQ(g.detections.size(), 64u);
  EXPECT_EQ(g.detections["D-70"], 0u);
  EXPECT_EQ(g.detections["D-7"], 2u);
}

TEST_F(OutboxTroubles, what_memory_lets_go_is_counted_by_kind) {
  s.memory_bytes = 100'000;
  s.checkpoint_records = 1;
  {
    Outbox o(disk, s, signing);
    o.open();
    disk.fail(1, EIO, 1'000'000);
    for (int i = 0; i < 150; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, R"({"detection":"D-)" + std::to_string(i % 75) + "\"}"), 0u);
    while (o.append(Lane::critical, MessageType::alert, 1, 0, body(1))) {}
    ASSERT_EQ(o.status().lanes[1].lost, 150u);
    EXPECT_FALSE(o.commit());
    disk.heal();
    o.start(), o.stop();   // the last chance of what memory alone knows
  }
  Outbox o(disk, s, signing);
  o.open();
  c.hear(o, true);
  ASSERT_EQ(told("disk-full"), 1u);
  Gap g;
  for (const auto& [id, text] : c.gaps) { ASSERT_TRUE(read(bytes_of(text), g)); }
  EXPECT_EQ(g.classes["alert"], 150u);
  EXPECT_EQ(g.detections.size(), 64u);
  EXPECT_EQ(g.detections["D-7"], 2u);
}

TEST_F(OutboxTroubles, a_record_without_end_is_refused) {
  Outbox o(disk, s, signing);
  o.open();
  EXPECT_EQ(o.append(Lane::critical, MessageType::alert, 1, 0, std::string(max_body + 1, ' ')), 0u);
  EXPECT_EQ(o.status().lanes[0].refused, 1u);
}

// The disk takes nothing while the collector knows more than this outbox: what waits gets its numbers from the new epoch.
TEST_F(OutboxTroubles, what_the_old_epoch_could_not_keep_begins_again_in_the_new_one) {
  Outbox o(disk, s, signing);
  std::map<uint64_t, Accepted> accepted;
  o.on_accepted = [&](const Accepted& a) { accepted[a.ticket] = a; };
  o.open();
  const uint64_t before = o.epoch();
  alerts(o, 1, 1);
  disk.fail(1, EIO, 1'000'000);
  for (uint64_t i = 2; i <= 4; i++) ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(i)), 0u);
  EXPECT_FALSE(o.commit());
  greet(o, 50);
  EXPECT_FALSE(o.commit()) << "nor an epoch begun";
  EXPECT_EQ(o.epoch(), before);
  disk.heal();
  EXPECT_TRUE(o.commit()) << "asked again";
  EXPECT_NE(o.epoch(), before);
  ASSERT_EQ(accepted.size(), 4u);
  for (uint64_t ticket = 2; ticket <= 4; ticket++) {
    EXPECT_EQ(accepted[ticket].epoch, o.epoch());
    EXPECT_EQ(accepted[ticket].seq, ticket - 1);
  }
  c.hear(o, true);
  for (uint64_t i = 2; i <= 4; i++) EXPECT_TRUE(c.bodies().contains(body(i))) << i;
}

TEST_F(OutboxTroubles, a_disk_that_failed_is_left_alone_for_a_while) {
  s.retry_interval = 3600 * second;
  Outbox o(disk, s, signing);
  o.open();
  disk.fail(1, EIO);
  ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(1)), 0u);
  disk.fail(1, EIO, 8);
  EXPECT_FALSE(o.commit());
  disk.heal();
  const uint64_t calls = disk.calls();
  EXPECT_FALSE(o.commit());
  EXPECT_EQ(disk.calls(), calls);
}

// Nothing that is critical is let go: no more is taken, until a collector has what there is.
TEST_F(OutboxTroubles, a_full_critical_lane_refuses_until_it_is_heard) {
  s.lanes[0].max_bytes = 8'000;
  Outbox o(disk, s, signing);
  o.open();
  uint64_t n = 0;
  for (; o.append(Lane::critical, MessageType::alert, 1, 0, body(n)); n++) ASSERT_TRUE(o.commit());
  EXPECT_GT(n, 10u);
  EXPECT_NE(o.status().trouble.find("critical lane is full"), std::string::npos);
  EXPECT_EQ(o.status().lanes[0].evicted, 0u);
  disk.fail(1, EIO, 1'000'000);
  ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(n)), 0u);
  EXPECT_FALSE(o.commit());
  EXPECT_EQ(o.status().trouble.find("critical lane is full"), std::string::npos) << "why it is, says more";
  disk.heal();
  c.hear(o, true);
  // Where they stand must be known before they go.
  disk.broken = files(hex_of(o.epoch()) + "/0", ".cursor").at(0);
  EXPECT_TRUE(o.commit());
  EXPECT_EQ(o.append(Lane::critical, MessageType::alert, 1, 0, body(n)), 0u);
  disk.broken.clear();
  EXPECT_TRUE(o.commit());
  EXPECT_NE(o.append(Lane::critical, MessageType::alert, 1, 0, body(n)), 0u) << "what is only kept for a restored collector goes, as much as must";
  EXPECT_EQ(o.status().lanes[0].evicted, 0u);
  EXPECT_GT(o.status().lanes[0].bytes, 4'000u);
}

TEST_F(OutboxTroubles, a_lane_without_bound_keeps_all) {
  for (auto& lane : s.lanes) lane.max_bytes = 0;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 60);
  EXPECT_EQ(o.status().lanes[1].evicted, 0u);
}

// The disk is too full, and the oldest file cannot be removed: others are.
TEST_F(OutboxTroubles, a_file_that_stays_does_not_keep_others_from_making_room) {
  Outbox o(disk, [&] { s.free_floor = 64u << 20; return s; }(), signing);
  o.open();
  alerts(o, 0, 30);
  alerts(o, 30, 30, Lane::state);
  c.hear(o, true);
  const auto alerts_files = files("/1/"), states = files("/2/");
  const uint64_t bytes = o.status().lanes[1].bytes;
  o.upkeep();
  EXPECT_EQ(o.status().lanes[1].bytes, bytes) << "there is room";
  disk.capacity = 40'000'000;
  disk.free_fails = EIO;
  o.upkeep();
  EXPECT_EQ(o.status().lanes[1].bytes, bytes) << "nobody knows";
  disk.free_fails = 0;
  disk.stays = alerts_files.at(0);
  o.upkeep();
  EXPECT_EQ(files("/1/"), alerts_files);
  EXPECT_LT(files("/2/").size(), states.size());
  EXPECT_EQ(o.status().lanes[2].evicted, 0u) << "they had been heard";
}

TEST_F(OutboxTroubles, an_epoch_that_goes_takes_its_cut_tails_along) {
  s.retain_acknowledged = 0;
  const uint64_t epoch = run(5);
  disk.octets(files(lane_of(epoch, "1")).back()).back() ^= 1;
  disk.put("/outbox/lost+found/0000000000000001.1.of another", {1});
  Outbox o(disk, s, signing);
  o.open();
  ASSERT_NE(o.epoch(), epoch);
  ASSERT_EQ(files("lost+found", ".tail").size(), 1u);
  for (int i = 0; i < 3; i++) {
    ASSERT_TRUE(o.commit());
    c.hear(o, true);
  }
  EXPECT_EQ(o.status().lanes[1].unacknowledged, 0u) << "what was cut is named, and is waited for no longer";
  o.upkeep();
  EXPECT_EQ(o.status().epochs, 1u);
  EXPECT_EQ(files("lost+found", ".tail").size(), 0u);
  EXPECT_EQ(files("lost+found", "another").size(), 1u);
}

// A tail was cut that had no numbers, and room is made before that is told.
TEST_F(OutboxTroubles, a_loss_without_numbers_holds_no_cursor_back) {
  const uint64_t epoch = run(5);
  {
    Outbox o(disk, s, signing);
    o.open();
    alerts(o, 0, 20, Lane::state);
  }
  disk.octets(files(lane_of(epoch, "1")).back()).back() ^= 1;
  s.free_floor = 64u << 20;
  disk.capacity = 40'000'000;
  Outbox o(disk, s, signing);
  o.open();
  ASSERT_GT(o.status().gaps, 0u);
  o.upkeep();
  EXPECT_GT(o.status().lanes[2].evicted, 0u);
  for (int i = 0; i < 3; i++) ASSERT_TRUE(o.commit());
  c.hear(o, true);
  EXPECT_EQ(told("torn"), 1u);
  EXPECT_EQ(c.unaccounted(epoch, 2, 20), 0u);
}

TEST_F(OutboxTroubles, nothing_goes_whose_cursor_cannot_be_stored) {
  s.retain_acknowledged = 0;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 30);
  c.hear(o, true);
  const auto its = files("/1/");
  disk.broken = files("/1", ".cursor").at(0);
  o.upkeep();
  EXPECT_EQ(files("/1/"), its);
  disk.broken.clear();
  o.upkeep();
  EXPECT_LT(files("/1/").size(), its.size());
}

// A box whose spool is torn at each start: of what was delivered the oldest epochs go before their time.
TEST_F(OutboxTroubles, more_than_sixteen_epochs_are_history_that_yields) {
  for (int i = 0; i < 20; i++) disk.place = std::to_string(i), run(1);
  {
    const auto copy = disk.copy();
    copy->place = disk.place;
    Outbox o(*copy, s, signing);
    o.open();
    for (int i = 0; i < 10; i++) o.upkeep();
    EXPECT_EQ(o.status().epochs, 20u) << "not what nobody has heard";
    c.hear(o, true);
    for (int i = 0; i < 10; i++) o.upkeep();
    EXPECT_EQ(o.status().epochs, 16u);
  }
  make_anothers(disk.octets(files("/1/").at(0)));
  Outbox o(disk, s, signing);
  o.open();
  ASSERT_TRUE(o.commit());
  c.hear(o, true);
  for (int i = 0; i < 10; i++) o.upkeep();
  EXPECT_EQ(o.status().epochs, 20u) << "nor what could not be read";
}

// What was delivered is over, and there is no room for a new epoch yet: none at all is an outbox too.
TEST_F(OutboxTroubles, the_last_epoch_may_go_before_the_next_can_be_begun) {
  s.retain_acknowledged = 0;
  run(3, 3);
  disk.place = "another";
  uint64_t none = 0;
  for (uint64_t at = 1; at < 120; at++) {
    const auto copy = disk.copy();
    copy->place = disk.place;
    copy->fail(at, EROFS, 1'000'000);
    Outbox o(*copy, s, signing);
    o.open();
    copy->heal();
    Collector hears = c;
    hears.hear(o, true);
    o.upkeep();
    none += o.status().epochs == 0 && at > 40;
    ASSERT_NE(o.append(Lane::alert, MessageType::alert, 1, 0, body(9)), 0u);
    ASSERT_TRUE(o.commit()) << at;
    hears.hear(o, true);
    ASSERT_TRUE(hears.bodies().contains(body(9))) << at;
    ASSERT_FALSE(hears.conflict) << at;
    ASSERT_EQ(o.status().gaps, 0u) << at;
  }
  EXPECT_GT(none, 5u);
}

TEST_F(OutboxTroubles, states_go_together_when_enough_have_come) {
  s.group_interval = 3600 * second;
  s.group_records = 8;
  Outbox o(disk, s, signing);
  o.open();
  o.start();
  uint64_t last = 0;
  for (uint64_t i = 0; i < 7; i++) last = o.append(Lane::state, MessageType::health, 1, 0, body(i));
  EXPECT_FALSE(o.wait(Lane::state, last, second / 20));
  EXPECT_TRUE(o.wait(Lane::state, o.append(Lane::state, MessageType::health, 1, 0, body(8)), 20 * second));
}

TEST_F(OutboxTroubles, a_collector_that_knows_more_is_answered_at_once) {
  Outbox o(disk, s, signing);
  EXPECT_FALSE(o.unannounced()) << "of none";
  o.open();
  o.start();
  const uint64_t before = o.epoch();
  o.streams();
  EXPECT_FALSE(o.unannounced());
  greet(o, 50);
  for (int i = 0; i < 4'000 && o.epoch() == before; i++) usleep(5'000);
  EXPECT_NE(o.epoch(), before) << "nothing was appended";
  EXPECT_TRUE(o.unannounced());
  o.stop();
  o.stop();   // it may be said twice
}

TEST_F(OutboxTroubles, a_hello_names_the_newest_epochs) {
  for (int i = 0; i < 66; i++) {
    disk.place = std::to_string(i);
    Outbox o(disk, s, signing);
    o.open();
    for (size_t lane = 0; lane < lane_count; lane++) alerts(o, 0, 1, Lane(lane));
  }
  Outbox o(disk, s, signing);
  o.open();
  const auto states = o.streams();
  EXPECT_EQ(states.size(), 192u);
  EXPECT_EQ(states.back().epoch, o.epoch());
  for (int i = 0; i < 2; i++) c.hear(o, true);
  EXPECT_EQ(o.status().lanes[1].unacknowledged, 0u) << "the others once these are through";
}

TEST_F(OutboxTroubles, what_a_collector_says_of_others_lanes_is_passed_over) {
  Outbox o(disk, s, signing);
  std::map<uint8_t, uint64_t> acknowledged;
  o.on_acknowledged = [&](uint64_t, uint8_t lane, uint64_t upto) { acknowledged[lane] = upto; };
  o.open();
  alerts(o, 0, 3);
  Outbox::Outgoing out;
  EXPECT_FALSE(o.next(out)) << "it waits for its WELCOME";
  auto states = o.streams();
  states.push_back({o.epoch(), 9, 0, 0, 5, 100}), states.push_back({77, 1, 0, 0, 5, 100});
  o.rewind(states);
  for (StreamState& st : states) st.durable = 2, st.credit = 100;
  o.acknowledge(states);
  EXPECT_EQ(acknowledged, (std::map<uint8_t, uint64_t>{{1, 2}}));
  EXPECT_EQ(o.status().lanes[1].unacknowledged, 1u);
  o.pause();
  EXPECT_FALSE(o.next(out));
}

// In the middle of a lane one file is not given any more.
TEST_F(OutboxTroubles, what_cannot_be_read_for_long_is_told_and_the_next_is_sent) {
  s.read_patience = 0;
  Outbox o(disk, s, signing);
  o.open();
  alerts(o, 0, 60);
  const auto its = files("/1/");
  ASSERT_GT(its.size(), 3u);
  disk.unreadable = its[1];
  c.hear(o, true);
  ASSERT_TRUE(o.commit());
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(o.epoch(), 1, 60), 0u);
  EXPECT_EQ(told("corrupt"), 1u);
  EXPECT_LT(c.named_lost(), 20u);
  EXPECT_TRUE(c.bodies().contains(body(59)));
}

// The later of two records is damaged first.
TEST_F(OutboxTroubles, a_loss_before_one_that_was_told_is_told_by_itself) {
  s.segment_bytes = 1u << 20;
  const uint64_t epoch = run(30);
  auto& octets = disk.octets(files(lane_of(epoch, "1")).at(0));
  const size_t each = (octets.size() - segment_header_size) / 30;
  uint64_t gaps = 0;
  for (const size_t record : {size_t{20}, size_t{10}}) {
    octets[segment_header_size + record * each + each / 2] ^= 1;
    Outbox o(disk, s, signing);
    o.open();
    o.start(), o.stop();
    gaps += o.status().gaps;
    EXPECT_EQ(o.epoch(), epoch);
  }
  EXPECT_EQ(gaps, 2u);
  Outbox o(disk, s, signing);
  o.open();
  c.hear(o, true);
  EXPECT_EQ(c.unaccounted(epoch, 1, 30), 0u);
  EXPECT_EQ(c.named_lost(), 2u);
}

// A lane of which each second number is missing, 65,600 times: each is told; of the last ones it is not known later that they were.
TEST_F(OutboxTroubles, losses_without_end_are_told_and_memory_of_them_is_bounded) {
  const uint64_t epoch = run(1);
  constexpr uint64_t holes = 65'600, kept = 65'536;
  auto& octets = disk.octets(files(lane_of(epoch, "1")).at(0));
  octets.resize(segment_header_size);
  for (uint64_t number = 2; number <= 2 * holes; number += 2) {
    std::array<uint8_t, entry_prefix_size + 1> entry{};
    Writer w(entry);
    w.le32(log_entry_magic), w.le32(1), w.le32(0), w.le64(uint64_t(MessageType::alert) | number << 8), w.u8('x');
    Writer(std::span(entry).subspan(8)).le32(crc32c(Bytes(entry).subspan(12)));
    octets.insert(octets.end(), entry.begin(), entry.end());
  }
  Outbox o(disk, s, signing);
  o.open();
  EXPECT_EQ(o.status().gaps, holes);
  for (int i = 1; i <= 2; i++) {   // it connects, and again
    greet(o, 0);
    Outbox::Outgoing out;
    for (auto states = o.streams(); o.next(out);) {
      for (StreamState& st : states) st.durable = 0, st.credit = 1'000'000;
      o.acknowledge(states);
    }
    EXPECT_EQ(o.status().gaps, holes + uint64_t(i) * (holes - kept));
  }
  o.start(), o.stop();   // of these a cursor has room for the first
  EXPECT_EQ(Cursor::read(disk.octets(files(hex_of(epoch) + "/1", ".cursor").at(0)))->told.size(), CursorValue::told_most);
}

}  // namespace
}  // namespace vidra
