// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "daemon/evidence/walk.h"
#include "tests/evidence/frames.h"

namespace vidra {
namespace {

EvidenceSettings quotas(uint64_t commands, uint64_t ordinary, uint64_t bulk) {
  EvidenceSettings s;
  s.quota = {commands, ordinary, bulk};
  s.spare = 0;
  return s;
}

size_t frames_of(Storage& storage, const std::string& path) {
  std::unique_ptr<File> file;
  if (storage.open(path, Storage::Mode::existing, file)) return 0;
  BlockReader r;
  size_t n = 0;
  walk(*file, r, [&](BlockReader::Found what, uint64_t) { n += what == BlockReader::Found::frame; });
  return n;
}
size_t frames_of(Storage& storage, const std::vector<KeptPiece>& all, Sort sort) {
  size_t n = 0;
  for (const KeptPiece& p : all)
    if (p.sort == sort) n += frames_of(storage, p.path);
  return n;
}
constexpr Time always = std::numeric_limits<Time>::max();

TEST(Segments, the_oldest_of_a_sort_go_and_no_other_sort_gives_way) {
  FaultyStorage disk;
  Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
  EXPECT_TRUE(s.open(noon).empty());
  EXPECT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(100, noon), noon + 100 * millisecond, noon));
  for (int i = 0; i < 200; i++) {          // 200 × 1000 frames of 190 octets: 38 MB into 4 MiB
    const Time at = noon + (1 + i) * second;
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(1000, at), at + 999 * millisecond, at));
    s.tend(at);
  }
  const auto held = s.held();
  EXPECT_LE(held.octets[size_t(Sort::ordinary)], (4u << 20) + (600u << 10));
  EXPECT_GT(held.octets[size_t(Sort::ordinary)], 3u << 20);
  EXPECT_GT(held.evicted[size_t(Sort::ordinary)], 30u << 20);
  EXPECT_EQ(held.evicted[size_t(Sort::commands)], 0u);
  EXPECT_EQ(frames_of(disk, s.pieces(0, always), Sort::commands), 100u);
  EXPECT_EQ(held.oldest[size_t(Sort::commands)], noon);
  // What is asked for by time is found by time.
  for (const KeptPiece& p : s.pieces(noon + 199 * second, noon + 200 * second)) EXPECT_GE(p.last, noon + 199 * second) << p.path;
  EXPECT_GE(frames_of(disk, s.pieces(noon + 195 * second, noon + 201 * second), Sort::ordinary), 6'000u);
}

TEST(Segments, what_is_too_old_goes_though_there_is_room) {
  FaultyStorage disk;
  EvidenceSettings set = quotas(64 << 20, 64 << 20, 64 << 20);
  set.longest = hour;
  Segments s(disk, "/e/last", set, 1);
  s.open(noon);
  for (int i = 0; i < 300; i++) {          // five hours
    const Time at = noon + i * minute;
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(1, at), at, at));
    s.tend(at);
  }
  const Time end = noon + 299 * minute, oldest = s.held().oldest[size_t(Sort::ordinary)];
  EXPECT_GE(oldest, end - hour);           // never longer
  EXPECT_LE(oldest, end - 50 * minute);
  s.tend(end + 3 * hour);                  // nothing comes any more
  s.tend(end + 3 * hour);
  EXPECT_EQ(s.held().octets[size_t(Sort::ordinary)], 0u);
}

TEST(Segments, a_full_disk_is_said_the_masses_go_first_and_it_goes_on) {
  FaultyStorage disk;
  disk.capacity = 8 << 20;
  Segments s(disk, "/e/last", quotas(64 << 20, 64 << 20, 64 << 20), 1);
  s.open(noon);
  Time at = noon;
  ASSERT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(1000, at), at, at));
  for (int i = 0; i < 30; i++, at += second) ASSERT_TRUE(s.append(Sort::bulk, 0, one_interface, blocks(1000, at), at, at)) << i;
  bool refused = false;
  for (int i = 0; i < 60; i++, at += 2 * second) refused |= !s.append(Sort::ordinary, 0, one_interface, blocks(1000, at), at, at);
  EXPECT_TRUE(refused);
  EXPECT_EQ(frames_of(disk, s.pieces(0, always), Sort::commands), 1000u);
  EXPECT_GT(s.held().evicted[size_t(Sort::bulk)], 0u);
  EXPECT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(1, at), at, at + minute));
  EXPECT_EQ(s.held().trouble, "");
}

TEST(Segments, the_last_of_the_disk_is_left_to_others) {
  FaultyStorage disk;
  disk.capacity = 16 << 20;
  EvidenceSettings set = quotas(64 << 20, 64 << 20, 64 << 20);
  set.spare = 8 << 20;
  Segments s(disk, "/e/last", set, 1);
  s.open(noon);
  Time at = noon;
  for (int i = 0; i < 30; i++, at += second) s.append(Sort::bulk, 0, one_interface, blocks(1000, at), at, at), s.append(Sort::commands, 0, one_interface, blocks(1000, at), at, at), s.tend(at);
  uint64_t free = 0;
  disk.free_bytes("/e", free);
  EXPECT_GE(free, 8u << 20);
  EXPECT_GT(s.held().evicted[size_t(Sort::bulk)], s.held().evicted[size_t(Sort::commands)]);
  disk.put("/other", std::vector<uint8_t>(10 << 20));                    // somebody else needs it
  s.tend(at), s.tend(at + second);
  EXPECT_NE(s.held().trouble.find("spare"), std::string::npos) << s.held().trouble;
  EXPECT_FALSE(s.append(Sort::commands, 0, one_interface, blocks(1, at), at, at + 10 * second));
  disk.remove("/other");
  s.tend(at + 11 * second);
  EXPECT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(1, at), at, at + 12 * second));
  EXPECT_EQ(s.held().trouble, "");
}

TEST(Segments, every_call_of_the_disk_may_fail_and_nothing_else_does) {
  for (uint64_t n = 1; n < 60; n++) {
    FaultyStorage disk;
    disk.fail(n, n % 2 ? EIO : EROFS, 3);
    Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 2);
    s.open(noon);
    size_t taken = 0;
    for (int i = 0; i < 40; i++) {
      const Time at = noon + i * second;
      taken += s.append(Sort(i % 3), size_t(i % 2), one_interface, blocks(10, at), at, at);
      s.tend(at);
    }
    EXPECT_GE(taken, 30u) << n;                                           // it comes back by itself
    EXPECT_EQ(s.held().trouble, "") << n;
    size_t frames = 0;
    for (const KeptPiece& p : s.pieces(0, always)) frames += frames_of(disk, p.path);
    EXPECT_GE(frames, 10 * taken - 100) << n;
  }
}

TEST(Segments, what_power_loss_tore_is_read_up_to_there_and_said_once) {
  const std::string folder = testing::TempDir() + "vidra-torn";
  std::filesystem::remove_all(folder);
  Storage& disk = real_storage();
  {
    Segments s(disk, folder, quotas(4 << 20, 4 << 20, 4 << 20), 1);
    s.open(noon);
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(500, noon), noon + 499 * millisecond, noon));
  }
  std::string path;
  for (const auto& f : std::filesystem::directory_iterator(folder)) path = f.path();
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0640));
  EXPECT_EQ(std::filesystem::status(folder).permissions(), std::filesystem::perms(0750));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 77);
  {
    Segments s(disk, folder, quotas(4 << 20, 4 << 20, 4 << 20), 1);
    const auto said = s.open(noon + minute);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].find("torn at octet"), std::string::npos) << said[0];
    EXPECT_EQ(frames_of(disk, s.pieces(noon, noon + second), Sort::ordinary), 499u);
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(5, noon + minute), noon + minute, noon + minute));
  }
  Segments s(disk, folder, quotas(4 << 20, 4 << 20, 4 << 20), 1);
  EXPECT_TRUE(s.open(noon + hour).empty());
  EXPECT_EQ(frames_of(disk, s.pieces(0, always), Sort::ordinary), 504u);
  // Somebody takes the folder away while it is written to.
  ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(5, noon + hour), noon + hour, noon + hour));
  std::filesystem::remove_all(folder);
  s.tend(noon + hour + 10 * second);
  ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(7, noon + hour), noon + hour, noon + hour + 11 * second));
  EXPECT_EQ(frames_of(disk, s.pieces(noon + hour, always), Sort::ordinary), 7u);
  std::filesystem::remove_all(folder);
}

TEST(Segments, what_the_disk_does_not_give_at_the_start_is_neither_removed_nor_cut) {
  FaultyStorage disk;
  for (int run = 0; run < 3; run++) {
    Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
    s.open(noon + run * hour);
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(50, noon + run * hour), noon + run * hour, noon + run * hour));
  }
  for (uint64_t n = 1; n < 14; n++) {
    const auto here = disk.copy();
    here->fail(n, EIO);
    {
      Segments s(*here, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
      s.open(noon + day / 2);
    }
    here->heal();
    Segments s(*here, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
    EXPECT_TRUE(s.open(noon + day / 2).empty()) << n;
    EXPECT_EQ(frames_of(*here, s.pieces(0, always), Sort::ordinary), 150u) << n;
  }
}

TEST(Segments, what_is_damaged_before_its_first_packet_is_left_as_it_is_and_said) {
  for (const bool zeros : {false, true}) {
    FaultyStorage disk;
    for (int run = 0; run < 3; run++) {
      Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
      s.open(noon + run * hour);
      ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(50, noon + run * hour), noon + run * hour, noon + run * hour));
    }
    std::vector<std::string> paths = disk.paths();
    std::sort(paths.begin(), paths.end());
    ASSERT_EQ(paths.size(), 3u);
    for (const size_t i : {size_t(0), size_t(2)}) {                        // an older one, and the newest
      std::vector<uint8_t> o = disk.octets(paths[i]);
      std::fill_n(o.begin() + (zeros ? 0 : 4), zeros ? 512 : 4, uint8_t(0));
      disk.put(paths[i], o);
    }
    Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
    const auto said = s.open(noon + 3 * hour);
    ASSERT_EQ(said.size(), 2u);
    for (const std::string& line : said) EXPECT_NE(line.find("damaged at octet 0"), std::string::npos) << line;
    EXPECT_EQ(disk.paths().size(), 3u);
    EXPECT_GT(disk.octets(paths[2]).size(), 5'000u);
    EXPECT_EQ(frames_of(disk, s.pieces(0, always), Sort::ordinary), 50u);
    EXPECT_GT(s.held().octets[size_t(Sort::ordinary)], 15'000u);
    s.tend(noon + 2 * day), s.tend(noon + 2 * day);
    EXPECT_EQ(disk.paths().size(), 0u);                                   // and they lie no longer than others
  }
}

TEST(Segments, a_clock_that_was_years_ahead_makes_no_file_for_each_write) {
  FaultyStorage disk;
  EvidenceSettings set = quotas(4 << 20, 4 << 20, 4 << 20);
  set.longest = hour;
  {
    Segments s(disk, "/e/last", set, 1);
    s.open(noon + 20 * 365 * day);
    ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(1, noon), noon, noon + 20 * 365 * day));
  }
  Segments s(disk, "/e/last", set, 1);
  s.open(noon);
  for (int i = 0; i < 40; i++) ASSERT_TRUE(s.append(Sort::ordinary, 0, one_interface, blocks(1, noon), noon, noon + i * 50 * millisecond));
  EXPECT_EQ(disk.paths().size(), 2u);
  s.tend(noon + hour - minute);
  s.tend(noon + hour - minute);
  EXPECT_EQ(disk.paths().size(), 2u);
  s.tend(noon + hour + second);            // and they, too, lie no longer than that
  EXPECT_EQ(disk.paths().size(), 0u);
}

TEST(Segments, a_step_of_the_clock_makes_nothing_old) {
  FaultyStorage disk;
  Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
  s.open(noon);
  Time now = noon;
  ASSERT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(10, now), now, now));
  for (const Time by : {30 * day, -60 * day, 365 * day}) {
    now += by;
    s.stepped(by);
    ASSERT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(10, now), now, now));
    ASSERT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(10, now), now, now + minute));
    s.tend(now + minute);
  }
  EXPECT_EQ(frames_of(disk, s.pieces(0, always), Sort::commands), 70u);
  EXPECT_LE(disk.paths().size(), 5u);
  EXPECT_EQ(s.held().evicted[0], 0u);
  s.tend(now + day + minute), s.tend(now + day + minute);
  EXPECT_EQ(disk.paths().size(), 0u);
}

TEST(Segments, a_disk_that_takes_no_packets_is_not_filled_with_files) {
  FaultyStorage inner;
  AskedDisk disk(inner);
  disk.on_write = [](const std::string&, uint64_t offset) { return offset ? -EIO : 0; };   // what a file begins with is taken
  Segments s(disk, "/e/last", quotas(4 << 20, 4 << 20, 4 << 20), 1);
  s.open(noon);
  for (int i = 0; i < 30; i++) EXPECT_FALSE(s.append(Sort::ordinary, 0, one_interface, blocks(1, noon), noon, noon + i * 2 * second));
  EXPECT_EQ(inner.paths().size(), 0u);
  EXPECT_NE(s.held().trouble, "");
}

TEST(Segments, where_not_even_a_file_can_be_begun_the_masses_go) {
  FaultyStorage disk;
  Segments s(disk, "/e/last", quotas(64 << 20, 64 << 20, 64 << 20), 1);
  s.open(noon);
  ASSERT_TRUE(s.append(Sort::bulk, 0, one_interface, blocks(1000, noon), noon, noon));
  disk.capacity = disk.octets(disk.paths().at(0)).size() + 10;
  EXPECT_FALSE(s.append(Sort::commands, 0, one_interface, blocks(3, noon), noon, noon));
  EXPECT_TRUE(s.append(Sort::commands, 0, one_interface, blocks(3, noon), noon, noon + 2 * second)) << s.held().trouble;
  EXPECT_GT(s.held().evicted[size_t(Sort::bulk)], 0u);
}

TEST(Segments, killed_at_any_moment_what_was_written_is_read) {
  const std::string folder = testing::TempDir() + "vidra-killed";
  std::filesystem::remove_all(folder);
  size_t before = 0;
  for (int round = 0; round < 6; round++) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Segments s(real_storage(), folder, quotas(64 << 20, 64 << 20, 64 << 20), 1);
      s.open(noon + round * hour);
      for (Time at = noon + round * hour;; at += second) s.append(Sort(at / second % 3), 0, one_interface, blocks(500, at), at, at);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 17 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    Segments s(real_storage(), folder, quotas(64 << 20, 64 << 20, 64 << 20), 1);
    s.open(noon + round * hour + 30 * minute);
    size_t frames = 0;
    for (const KeptPiece& p : s.pieces(0, always)) {
      std::unique_ptr<File> file;
      ASSERT_EQ(real_storage().open(p.path, Storage::Mode::existing, file), 0);
      BlockReader r;
      EXPECT_EQ(walk(*file, r, [&](BlockReader::Found what, uint64_t) { frames += what == BlockReader::Found::frame; }), uint64_t(file->size())) << p.path;
    }
    EXPECT_GE(frames, before);
    before = frames;
  }
  EXPECT_GT(before, 500u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vidra
