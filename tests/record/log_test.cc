// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/log.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "daemon/record/crc32c.h"
#include "tests/support/faulty_storage.h"

namespace vidra {
namespace {

LogSettings here(uint64_t segment_bytes = 1 << 20) {
  LogSettings s;
  s.directory = "/log";
  s.segment_bytes = segment_bytes;
  s.epoch = 5, s.lane = 1;
  return s;
}

std::string body(uint64_t n) { return "record " + std::to_string(n) + std::string(n % 5, '.'); }

void write(Storage& disk, uint64_t records, uint64_t segment_bytes = 1 << 20) {
  Log log(disk, here(segment_bytes));
  ASSERT_EQ(log.open(), 0);
  for (uint64_t i = 0; i < records; i++) {
    const uint64_t n = log.next();
    log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(n)));
    ASSERT_EQ(log.sync(), 0);
  }
}

struct Read {
  std::vector<uint64_t> numbers;
  std::vector<Range> missing;
  bool forged = false;
  uint64_t durable = 0;
  Recovery recovery;
};
Read read(Storage& disk, uint64_t segment_bytes = 1 << 20, uint64_t from = 1) {
  Read out;
  Log log(disk, here(segment_bytes));
  EXPECT_EQ(log.open(), 0);
  out.durable = log.durable();
  out.recovery = log.recovery();
  LogReader reader(disk, log, from);
  LogEntry e;
  Range m;
  for (;;) {
    const auto f = reader.next(e, m);
    if (f == LogReader::Found::nothing || f == LogReader::Found::trouble) break;
    if (f == LogReader::Found::missing) out.missing.push_back(m);
    else {
      out.numbers.push_back(e.number);
      if (text_of(Bytes(e.payload)) != "H:" + body(e.number) || e.type != MessageType::alert) out.forged = true;
    }
  }
  return out;
}

using Numbers = std::vector<uint64_t>;

void set_in_header(std::vector<uint8_t>& segment, size_t at, uint8_t value) {
  segment[at] = value;
  const uint32_t crc = crc32c(Bytes(segment).first(60));
  for (size_t i = 0; i < 4; i++) segment[60 + i] = uint8_t(crc >> 8 * i);
}

TEST(Log, keeps_what_it_was_given_over_many_segments) {
  FaultyStorage disk;
  write(disk, 100, 300);
  const Read r = read(disk, 300);
  ASSERT_EQ(r.numbers.size(), 100u);
  EXPECT_TRUE(r.missing.empty());
  EXPECT_FALSE(r.forged);
  EXPECT_FALSE(r.recovery.in_doubt);
  EXPECT_GT(disk.paths().size(), 10u);
  EXPECT_EQ(read(disk, 300, 60).numbers.front(), 60u);
}

TEST(Log, works_on_the_machines_files) {
  char name[] = "/tmp/vidra-log-XXXXXX";
  LogSettings s = here(300);
  s.directory = std::string(mkdtemp(name)) + "/a/b";
  for (int run = 0; run < 3; run++) {
    Log log(real_storage(), s);
    ASSERT_EQ(log.open(), 0);
    EXPECT_EQ(log.durable(), uint64_t(run) * 20);
    for (int i = 0; i < 20; i++) {
      log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next())), 1);
      ASSERT_EQ(log.sync(), 0);
    }
    EXPECT_EQ(log.drop_before(7), 0);
  }
  [[maybe_unused]] const int gone = std::system(("rm -r " + std::string(name)).c_str());
}

// Each octet of a segment of three records changed in three ways: at most the record it lies in is lost, the loss is told
// with its number, or as a cut tail, and nothing is invented.
TEST(Log, survives_every_damaged_octet) {
  FaultyStorage disk;
  write(disk, 3);
  const std::string path = disk.paths().at(0);
  const size_t size = disk.octets(path).size();
  for (size_t at = 0; at < size; at++)
    for (uint8_t change : {0x01, 0x80, 0xff}) {
      const auto copy = disk.copy();
      copy->octets(path)[at] ^= change;
      const Read r = read(*copy);
      ASSERT_FALSE(r.forged) << at;
      const size_t record = entry_prefix_size + 2 + body(1).size();
      const size_t first = segment_header_size, second = first + record, third = second + entry_prefix_size + 2 + body(2).size();
      const Numbers expected = at < first ? Numbers{1, 2, 3} : at < second ? Numbers{2, 3} : at < third ? Numbers{1, 3} : Numbers{1, 2};
      ASSERT_EQ(r.numbers, expected) << at;
      ASSERT_EQ(r.missing.size(), at >= first && at < third ? 1u : 0u) << at;
      ASSERT_EQ(r.recovery.in_doubt && r.recovery.cut_bytes > 0, at >= third) << at;   // a number that was cut is not used again
    }
}

TEST(Log, torn_tail_at_every_offset_is_cut_once) {
  FaultyStorage disk;
  write(disk, 3);
  const std::string path = disk.paths().at(0);
  const auto whole = disk.octets(path);
  const size_t one = segment_header_size + entry_prefix_size + 2 + body(1).size(), two = one + entry_prefix_size + 2 + body(2).size();
  for (size_t size = 0; size < whole.size(); size++) {
    const auto copy = disk.copy();
    copy->octets(path).resize(size);
    const size_t whole_records = size < one ? 0 : size < two ? 1 : 2;
    const Read r = read(*copy);
    ASSERT_EQ(r.numbers.size(), whole_records) << size;
    const bool torn = size != one && size != two && size > segment_header_size;
    ASSERT_EQ(r.recovery.cut_bytes > 0, torn) << size;
    ASSERT_EQ(r.recovery.kept_in.starts_with("/log/lost+found/"), torn) << size;
    ASSERT_EQ(read(*copy).recovery.cut_bytes, 0u) << size;   // once
    write(*copy, 2);
    ASSERT_EQ(read(*copy).numbers.size(), whole_records + 2) << size;
  }
}

TEST(Log, duplicated_swapped_zeroed_and_missing_segments) {
  FaultyStorage disk;
  write(disk, 60, 300);
  std::vector<std::string> paths = disk.paths();
  {   // two segments exchange their names
    const auto copy = disk.copy();
    std::swap(copy->octets(paths[1]), copy->octets(paths[2]));
    EXPECT_EQ(read(*copy, 300).numbers.size(), 60u);
  }
  {   // a block is written twice
    const auto copy = disk.copy();
    auto& v = copy->octets(paths[1]);
    const std::vector<uint8_t> block(v.begin() + segment_header_size, v.end());
    v.insert(v.end(), block.begin(), block.end());
    const Read r = read(*copy, 300);
    EXPECT_EQ(r.numbers.size(), 60u);
    EXPECT_TRUE(r.missing.empty());
  }
  {   // the last one, too, and another that holds its block before its own
    const auto copy = disk.copy();
    auto& last = copy->octets(paths.back());
    const std::vector<uint8_t> block(last.begin() + segment_header_size, last.end());
    last.insert(last.end(), block.begin(), block.end());
    copy->octets(paths[1]).insert(copy->octets(paths[1]).begin() + segment_header_size, block.begin(), block.end());
    const Read r = read(*copy, 300);
    EXPECT_EQ(r.numbers.size(), 60u);
    EXPECT_TRUE(r.missing.empty());
  }
  {   // a page of zeros
    const auto copy = disk.copy();
    auto& v = copy->octets(paths[1]);
    std::fill(v.begin(), v.end(), uint8_t{0});
    const Read r = read(*copy, 300);
    ASSERT_EQ(r.missing.size(), 1u);
    EXPECT_EQ(r.numbers.size() + r.missing[0].count(), 60u);
  }
  {   // the first file and one in the middle are gone
    const auto copy = disk.copy();
    copy->remove(paths[0]);
    copy->remove(paths[3]);
    const Read r = read(*copy, 300);
    ASSERT_EQ(r.missing.size(), 2u);
    EXPECT_EQ(r.missing[0].from, 1u);
    EXPECT_EQ(r.numbers.size() + r.missing[0].count() + r.missing[1].count(), 60u);
  }
}

TEST(Log, another_lanes_files_are_not_touched) {
  FaultyStorage disk;
  write(disk, 3);
  LogSettings s = here();
  s.lane = 2;
  Log log(disk, s);
  EXPECT_EQ(log.open(), -EPROTO);
  s = here();
  s.epoch = 6;
  EXPECT_EQ(Log(disk, s).open(), -EPROTO);
  s = here();
  s.sensor[3] = 1;
  EXPECT_EQ(Log(disk, s).open(), -EPROTO);
  {   // of a later program
    const auto copy = disk.copy();
    set_in_header(copy->octets(disk.paths()[0]), 4, 2);
    EXPECT_EQ(Log(*copy, here()).open(), -EPROTO);
  }
  EXPECT_EQ(read(disk).numbers.size(), 3u);
}

// Names that are nearly those of segments.
TEST(Log, other_files_are_left_alone) {
  FaultyStorage disk;
  write(disk, 3);
  for (const char* name : {"0000000000000001.sex", "000000000000000g.seg", "0000000000000001-0001.seg", "0000000000000001.000g.seg", "0000000000000001.01.seg", "notes"})
    disk.put(std::string("/log/") + name, {1, 2, 3});
  const Read r = read(disk);
  EXPECT_EQ(r.numbers.size(), 3u);
  EXPECT_FALSE(r.recovery.in_doubt);
  EXPECT_EQ(disk.paths().size(), 7u);
}

// A file of the first number that is to be written next, and of a later attempt, which holds only what lies before it: what is written now
// must not be taken for the copies of an earlier attempt.
TEST(Log, what_follows_a_file_that_is_not_in_its_place_is_kept) {
  FaultyStorage disk;
  write(disk, 3);
  const std::string path = disk.paths()[0];
  auto octets = disk.octets(path);
  set_in_header(octets, 32, 4);
  disk.remove(path);
  disk.put("/log/0000000000000004.0001.seg", octets);
  disk.sync_directory("/log");
  {
    Log log(disk, here());
    ASSERT_EQ(log.open(), 0);
    ASSERT_EQ(log.next(), 4u);
    LogReader reader(disk, log, 1);
    LogEntry e;
    Range m;
    ASSERT_EQ(reader.next(e, m), LogReader::Found::missing) << "in no segment that begins so early";
    EXPECT_EQ(m, (Range{1, 3}));
    // It cannot go on there: another file it is.
    log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(4)));
    disk.fail(1, EIO);
    ASSERT_EQ(log.sync(), 0);
  }
  EXPECT_EQ(read(disk, 1 << 20, 4).numbers, Numbers{4});
}

// The file is shorter than it says, for whatever reason.
TEST(Log, a_read_that_gives_less_is_no_end) {
  FaultyStorage disk;
  write(disk, 10);
  disk.gives = 200;
  EXPECT_EQ(Log(disk, here()).open(), -EIO);
  LogSettings s = here();
  s.with_holes = true;
  {
    Log log(disk, s);
    ASSERT_EQ(log.open(), 0);
    EXPECT_TRUE(log.recovery().in_doubt);
  }
  disk.gives = ~uint64_t{0};
  EXPECT_EQ(read(disk).numbers.size(), 10u) << "nothing was cut";
}

// Records that do not fit into what is read at once: the rest of one is not given, or is not there any more.
TEST(Log, a_reader_that_is_given_half_a_record_asks_again) {
  FaultyStorage disk;
  Log log(disk, here(8 << 20));
  ASSERT_EQ(log.open(), 0);
  const std::string large(100'000, 'x');
  for (int i = 0; i < 4; i++) log.append(MessageType::alert, bytes_of("H:"), bytes_of(large));
  ASSERT_EQ(log.sync(), 0);
  LogEntry e;
  Range m;
  LogReader reader(disk, log, 1);
  ASSERT_EQ(reader.next(e, m), LogReader::Found::entry);
  ASSERT_EQ(reader.next(e, m), LogReader::Found::entry);
  disk.unreadable = disk.paths()[0];
  EXPECT_EQ(reader.next(e, m), LogReader::Found::trouble);
  disk.unreadable.clear();
  ASSERT_EQ(reader.next(e, m), LogReader::Found::entry);
  EXPECT_EQ(e.number, 3u);
  disk.gives = 399'000;   // of 400,144
  LogReader again(disk, log, 1);
  for (int i = 0; i < 3; i++) ASSERT_EQ(again.next(e, m), LogReader::Found::entry);
  EXPECT_EQ(again.next(e, m), LogReader::Found::missing);
  EXPECT_EQ(m, (Range{4, 4}));
  EXPECT_EQ(again.next(e, m), LogReader::Found::nothing);
}

// The oldest segment goes while a reader is about to open it, or has gone without the log.
TEST(Log, a_reader_goes_on_behind_what_is_removed) {
  FaultyStorage disk;
  write(disk, 30, 300);
  for (const bool last : {false, true}) {
    const auto copy = disk.copy();
    Log log(*copy, here(300));
    ASSERT_EQ(log.open(), 0);
    while (last && log.segments().size() > 1) ASSERT_TRUE(log.drop_oldest());
    const auto segments = log.segments();
    LogReader reader(*copy, log, segments[0].first);
    copy->before_opening = [&](const std::string&) {
      copy->before_opening = nullptr;
      log.drop_oldest();
    };
    LogEntry e;
    Range m;
    ASSERT_EQ(reader.next(e, m), LogReader::Found::missing);
    EXPECT_EQ(m, (Range{segments[0].first, segments[0].last}));
    EXPECT_EQ(reader.next(e, m), last ? LogReader::Found::nothing : LogReader::Found::entry);
  }
  Log log(disk, here(300));
  ASSERT_EQ(log.open(), 0);
  const auto segments = log.segments();
  disk.remove("/log/" + segments[0].name);
  LogReader reader(disk, log, 1);
  LogEntry e;
  Range m;
  ASSERT_EQ(reader.next(e, m), LogReader::Found::missing);
  EXPECT_EQ(m, (Range{1, segments[0].last}));
  ASSERT_EQ(reader.next(e, m), LogReader::Found::entry);
  EXPECT_EQ(e.number, segments[1].first);
  EXPECT_EQ(log.drop_before(segments[1].first), 0) << "who else removed it has done no harm";
  EXPECT_EQ(log.first(), segments[1].first);
}

// A thousand files of the next number, from wherever: it is said, and goes on when there is a name.
TEST(Log, no_name_for_a_new_segment_is_an_error) {
  FaultyStorage disk;
  write(disk, 3, 80);
  Log log(disk, here(80));
  ASSERT_EQ(log.open(), 0);
  EXPECT_EQ(log.sync(), 0) << "of nothing";
  const auto name = [](int attempt) {
    char text[64];
    snprintf(text, sizeof text, attempt ? "/log/0000000000000004.%04x.seg" : "/log/0000000000000004.seg", unsigned(attempt));
    return std::string(text);
  };
  for (int i = 0; i < 1000; i++) disk.put(name(i), {});
  log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(4)));
  EXPECT_EQ(log.sync(), -EEXIST);
  disk.remove(name(7));
  EXPECT_EQ(log.sync(), 0);
  EXPECT_EQ(log.durable(), 4u);
}

// Sixteen tails are kept for whoever looks into it.
TEST(Log, cut_tails_do_not_fill_the_disk) {
  FaultyStorage disk;
  write(disk, 3);
  disk.octets(disk.paths()[0]).back() ^= 1;
  for (int i = 0; i < 16; i++) disk.put("/log/lost+found/" + std::to_string(i), {1});
  const Read r = read(disk);
  EXPECT_GT(r.recovery.cut_bytes, 0u);
  EXPECT_EQ(r.recovery.kept_in, "");
  EXPECT_EQ(disk.paths().size(), 17u);
}

// What sync() has confirmed must be there after the disk failed at any call, in any way, and after power was lost besides.
TEST(Log, what_was_confirmed_stays_whatever_fails_when) {
  for (int error : {ENOSPC, EDQUOT, EIO, EROFS})
    for (uint64_t times : {uint64_t{1}, uint64_t{3}, uint64_t{1000}}) {
      uint64_t calls = ~uint64_t{0};                // of a run, until the disk is healed: each of them
      for (uint64_t at = 1; at <= calls; at++) {
        FaultyStorage disk;
        Numbers confirmed, pending;
        bool healed = false;
        {
          Log log(disk, here(200));
          disk.fail(at, error, times);
          if (log.open()) {
            disk.heal();
            continue;
          }
          for (int i = 0; i < 20; i++) {
            pending.push_back(log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next()))));
            if (log.sync() == 0) confirmed.insert(confirmed.end(), pending.begin(), pending.end()), pending.clear();
            if (i == 15) calls = disk.calls(), disk.heal(), healed = true;
          }
          ASSERT_EQ(confirmed.size(), 20u) << error << " at " << at;   // it came back by itself
          LogReader reader(disk, log, 1);
          LogEntry e;
          Range m;
          for (uint64_t n = 1; n <= 20; n++) {
            ASSERT_EQ(reader.next(e, m), LogReader::Found::entry) << n;
            ASSERT_EQ(text_of(Bytes(e.payload)), "H:" + body(n));
          }
        }
        ASSERT_TRUE(healed);
        disk.restore(at);
        const Read r = read(disk, 200);
        ASSERT_FALSE(r.forged);
        ASSERT_EQ(r.numbers, confirmed) << error << " at " << at << " x " << times;
      }
      ASSERT_GT(calls, 40u);
      ASSERT_LT(calls, 10'000u);
    }
}

TEST(Log, power_loss_at_seeded_points_loses_nothing_confirmed) {
  const char* asked = std::getenv("VIDRA_POWER_LOSSES");
  const uint64_t seeds = asked ? std::strtoull(asked, nullptr, 10) : 300;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    std::mt19937_64 random(seed);
    FaultyStorage disk;
    uint64_t confirmed = 0, dropped = 0;
    for (int life = 0; life < 4; life++) {
      disk.cut_power(1 + random() % 60);
      {
        Log log(disk, here(400));
        if (log.open() == 0) {
          ASSERT_GE(log.durable(), confirmed) << "seed " << seed;
          for (int i = 0; i < 40 && !disk.dead(); i++) {
            for (uint64_t k = random() % 4; k < 4; k++) log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next())));
            if (log.sync() == 0) confirmed = log.durable();
            if (random() % 8 == 0) log.drop_before(dropped = confirmed);   // also while deleting
          }
        }
      }
      disk.restore(seed * 10 + uint64_t(life));
      const Read r = read(disk, 400);
      ASSERT_FALSE(r.forged) << "seed " << seed;
      ASSERT_GE(r.durable, confirmed) << "seed " << seed;
      // Missing may be what was deleted (some of it may come back), and holes among writes that were never confirmed.
      for (const Range& m : r.missing) ASSERT_TRUE(m.to < dropped || m.from > confirmed) << "seed " << seed << ": " << m.from << "-" << m.to << " of " << confirmed;
      confirmed = r.durable;
    }
  }
}

// A disk that does not read for a moment: whatever open() makes of it, the next one finds all.
TEST(Log, what_the_disk_does_not_give_now_is_neither_cut_nor_removed) {
  FaultyStorage disk;
  write(disk, 60, 300);
  uint64_t refused = 0, holed = 0;
  for (bool with_holes : {false, true})
    for (uint64_t times : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{40}})
      for (uint64_t at = 1; at < 60; at++) {
        const auto copy = disk.copy();
        LogSettings s = here(300);
        s.with_holes = with_holes;
        copy->fail(at, EIO, times);
        {
          Log log(*copy, s);
          const int e = log.open();
          ASSERT_TRUE(e == 0 || e == -EIO);
          refused += e != 0;
          if (e == 0 && log.durable() < 60) {
            holed++;
            ASSERT_TRUE(with_holes && log.recovery().in_doubt) << at << " x " << times;
          }
        }
        copy->heal();
        const Read r = read(*copy, 300);
        ASSERT_EQ(r.numbers.size(), 60u) << at << " x " << times;
        ASSERT_TRUE(r.missing.empty());
      }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(holed, 0u);
}

// No room for a copy of the last file: it is left as it is, wherever power goes meanwhile, and said.
TEST(Log, a_full_disk_at_the_start_costs_nothing_that_was_well) {
  FaultyStorage disk;
  write(disk, 10);
  for (uint64_t at = 1; at < 30; at++)
    for (uint64_t seed = 0; seed < 20; seed++) {
      const auto copy = disk.copy();
      copy->capacity = copy->octets(copy->paths()[0]).size();
      copy->cut_power(at);
      {
        Log log(*copy, here());
        if (log.open() == 0 && !copy->dead()) {
          EXPECT_EQ(log.recovery().unsynced, -ENOSPC);
          EXPECT_TRUE(log.recovery().in_doubt);
        }
      }
      copy->capacity = 0;
      copy->restore(seed);
      ASSERT_EQ(read(*copy).numbers.size(), 10u) << at << " seed " << seed;
    }
}

TEST(Log, what_is_known_to_be_durable_is_not_written_again) {
  FaultyStorage disk;
  write(disk, 10);
  const std::string path = disk.paths().at(0);
  const auto opened = [&](uint64_t synced) {
    disk.capacity = disk.octets(path).size();   // a copy finds no room
    Log log(disk, here());
    EXPECT_EQ(log.open(1, synced), 0);
    disk.capacity = 0;
    return log.recovery().unsynced;
  };
  EXPECT_EQ(opened(9), -ENOSPC);
  EXPECT_EQ(opened(10), 0);
  Log log(disk, here());
  ASSERT_EQ(log.open(1, 10), 0);
  log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next())));
  ASSERT_EQ(log.sync(), 0);
  EXPECT_EQ(disk.paths().size(), 1u) << "it goes on in the same file";
  EXPECT_EQ(read(disk).numbers.size(), 11u);
}

// A disk that does not remove: what stays is still known, and a loss of power leaves no hole in the middle.
TEST(Log, what_cannot_be_removed_is_not_forgotten) {
  FaultyStorage disk;
  write(disk, 60, 300);
  for (uint64_t at = 1; at < 30; at++)
    for (uint64_t times : {uint64_t{1}, uint64_t{5}}) {
      const auto copy = disk.copy();
      {
        Log log(*copy, here(300));
        ASSERT_EQ(log.open(), 0);
        copy->fail(at, EIO, times);
        log.drop_before(40);
        copy->heal();
        const auto list = log.segments();
        std::vector<std::string> names;
        ASSERT_EQ(copy->list("/log", names), 0);
        ASSERT_EQ(list.size(), names.size()) << at;
        if (at % 2) { ASSERT_TRUE(log.drop_oldest()); }
      }
      copy->restore(at);
      const Read r = read(*copy, 300);
      ASSERT_LE(r.missing.size(), 1u) << at << " x " << times;
      if (!r.missing.empty()) { ASSERT_EQ(r.missing[0].from, 1u) << at; }
    }
}

// Neither written nor removed: as soon as the disk does either again, nothing of it is left to be taken for records later.
TEST(Log, a_file_that_failed_is_removed_later) {
  for (uint64_t at = 1; at < 12; at++)
    for (uint64_t times : {uint64_t{2}, uint64_t{3}, uint64_t{4}, uint64_t{6}}) {
      FaultyStorage disk;
      Log log(disk, here(200));
      ASSERT_EQ(log.open(), 0);
      disk.fail(at, EIO, times);
      for (int i = 0; i < 12; i++) {
        log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next())));
        if (log.sync()) log.forget_batch();
      }
      disk.heal();
      log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(log.next())));
      ASSERT_EQ(log.sync(), 0);
      std::vector<std::string> names;
      ASSERT_EQ(disk.list("/log", names), 0);
      ASSERT_EQ(names.size(), log.segments().size()) << at << " x " << times;
    }
}

// Somebody else removes it before the log can.
TEST(Log, a_file_that_failed_and_is_gone_is_no_trouble) {
  FaultyStorage disk;
  Log log(disk, here(200));
  ASSERT_EQ(log.open(), 0);
  log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(1)));
  disk.broken = disk.stays = "/log/0000000000000001.seg";
  ASSERT_EQ(log.sync(), 0) << "in a file of the second attempt";
  EXPECT_EQ(log.segments().size(), 1u);
  EXPECT_EQ(disk.paths().size(), 2u);
  disk.broken.clear(), disk.stays.clear();
  disk.remove("/log/0000000000000001.seg");
  log.append(MessageType::alert, bytes_of("H:"), bytes_of(body(2)));
  ASSERT_EQ(log.sync(), 0);
  EXPECT_EQ(disk.paths().size(), 1u);
  EXPECT_EQ(read(disk).numbers.size(), 2u);
}

TEST(Log, half_a_copy_of_a_killed_process_is_removed) {
  FaultyStorage disk;
  write(disk, 30, 300);
  disk.put(disk.paths()[0] + ".new", {1, 2, 3});
  disk.put("/log/notes.txt", {1});
  const size_t files = disk.paths().size();
  EXPECT_EQ(read(disk, 300).numbers.size(), 30u);
  EXPECT_EQ(disk.paths().size(), files - 1);
}

// A hole is cut with what is behind it where that is less than a minute older than the newest; the newest need not be the last.
//   1   2 damaged   3 at 0 s   4 at 600 s   5 at 0 s: the clock was set back
TEST(Log, the_newest_is_the_latest_not_the_last) {
  for (int64_t middle : {0, 600}) {
    FaultyStorage disk;
    LogSettings s = here();
    s.taken_in = [](Bytes payload) { return int64_t{payload[0]} * 10'000'000'000; };
    {
      Log log(disk, s);
      ASSERT_EQ(log.open(), 0);
      for (int64_t t : {int64_t{0}, int64_t{0}, int64_t{0}, middle, int64_t{0}}) {
        const uint8_t tens = uint8_t(t / 10);
        log.append(MessageType::alert, Bytes(&tens, 1), bytes_of("x"));
      }
      ASSERT_EQ(log.sync(), 0);
    }
    disk.octets(disk.paths()[0])[segment_header_size + (entry_prefix_size + 2) + 1] ^= 1;
    Log log(disk, s);
    ASSERT_EQ(log.open(), 0);
    EXPECT_EQ(log.durable(), middle ? 5u : 1u);
  }
}

}  // namespace
}  // namespace vidra
