// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/cursor.h"

#include <gtest/gtest.h>

#include "tests/support/faulty_storage.h"

namespace vidra {
namespace {

TEST(Cursor, a_slot_that_is_not_given_is_not_taken_for_an_older_value) {
  FaultyStorage disk;
  disk.make_directories("/c");
  CursorValue v;
  {
    Cursor c(disk, "/c/cursor");
    ASSERT_EQ(c.open(), 0);
    for (uint64_t i = 1; i <= 4; i++) {
      v.next = 10 * i;
      ASSERT_EQ(c.store(v), 0);
    }
  }
  uint64_t refused = 0;
  for (uint64_t at = 1; at <= 6; at++) {
    disk.fail(at, EIO);
    Cursor c(disk, "/c/cursor");
    const int e = c.open();
    ASSERT_TRUE(e == 0 || e == -EIO);
    refused += e != 0;
    if (e == 0) { EXPECT_EQ(c.value(), v) << at; }
    disk.heal();
  }
  EXPECT_EQ(refused, 4u);   // opening, its size, and either slot
}

TEST(Cursor, the_newest_of_two_slots_is_read_wherever_it_lies) {
  FaultyStorage disk;
  Cursor c(disk, "cursor");   // in the folder of the process
  CursorValue v;
  EXPECT_EQ(c.store(v), -EBADF) << "not before it is open";
  ASSERT_EQ(c.open(), 0);
  EXPECT_EQ(Cursor::read(disk.octets("cursor")), v) << "its first value is in the second slot";
  for (uint64_t i = 1; i <= 3; i++) {
    v.acknowledged = i;
    ASSERT_EQ(c.store(v), 0);
    EXPECT_EQ(Cursor::read(disk.octets("cursor")), v);
  }
  const auto octets = disk.octets("cursor");
  EXPECT_EQ(Cursor::read(Bytes(octets).first(4096))->acknowledged, 3u) << "the second is not there";
  EXPECT_EQ(Cursor::read(Bytes(octets).first(63)), std::nullopt);
  EXPECT_EQ(Cursor::read({}), std::nullopt);
}

TEST(Cursor, what_was_read_is_not_taken_for_durable) {
  FaultyStorage disk;
  disk.make_directories("/c");
  CursorValue v;
  {
    Cursor c(disk, "/c/cursor");
    ASSERT_EQ(c.open(), 0);
    EXPECT_TRUE(c.stored());
    v.next = 55;
    ASSERT_EQ(c.store(v), 0);
    v.next = 71;
    disk.fail(2, EIO);                                     // written, and not synced
    EXPECT_EQ(c.store(v), -EIO);
  }
  Cursor c(disk, "/c/cursor");
  ASSERT_EQ(c.open(), 0);
  EXPECT_EQ(c.value().next, 71u) << "as the page cache shows it";
  EXPECT_FALSE(c.stored());
  ASSERT_EQ(c.store(v), 0);
  EXPECT_TRUE(c.stored());
  disk.restore(1);                                         // power lost
  Cursor after(disk, "/c/cursor");
  ASSERT_EQ(after.open(), 0);
  EXPECT_EQ(after.value().next, 71u);
}

TEST(Cursor, either_slot_may_be_torn_at_every_octet) {
  FaultyStorage disk;
  disk.make_directories("/c");
  CursorValue v;
  for (uint64_t i = 1; i <= 4; i++) {
    Cursor c(disk, "/c/cursor");
    ASSERT_EQ(c.open(), 0);
    ASSERT_FALSE(c.damaged());
    EXPECT_EQ(c.value().acknowledged, i == 1 ? 0 : 10 * (i - 1));
    v.acknowledged = 10 * i, v.next = 10 * i + 5;
    ASSERT_EQ(c.store(v), 0);
  }
  for (size_t at = 0; at < disk.octets("/c/cursor").size(); at++) {
    const auto copy = disk.copy();
    copy->octets("/c/cursor")[at] ^= 0x55;
    Cursor c(*copy, "/c/cursor");
    ASSERT_EQ(c.open(), 0);
    ASSERT_FALSE(c.damaged());
    ASSERT_TRUE(c.value().acknowledged == 40 || c.value().acknowledged == 30) << at;
  }
  const auto copy = disk.copy();
  std::fill(copy->octets("/c/cursor").begin(), copy->octets("/c/cursor").end(), uint8_t{0});
  Cursor c(*copy, "/c/cursor");
  ASSERT_EQ(c.open(), 0);
  EXPECT_TRUE(c.damaged());   // said, not taken for the start
}

// A file from before it could say what was told, and one from now read by a program of then.
TEST(Cursor, what_was_told_is_kept_behind_what_older_files_have) {
  FaultyStorage disk;
  disk.make_directories("/c");
  CursorValue v;
  v.acknowledged = 5, v.next = 9, v.told = {{6, 8}, {10, 10}, {12, 19}};
  Cursor c(disk, "/c/cursor");
  ASSERT_EQ(c.open(), 0);
  ASSERT_EQ(c.store(v), 0);
  ASSERT_EQ(c.store(v), 0);   // in the second slot
  Cursor again(disk, "/c/cursor");
  ASSERT_EQ(again.open(), 0);
  EXPECT_EQ(again.value(), v);
  EXPECT_EQ(Cursor::read(disk.octets("/c/cursor")), v);
  disk.octets("/c/cursor").resize(4096 + 84);   // one range
  Cursor younger(disk, "/c/cursor");
  ASSERT_EQ(younger.open(), 0);
  EXPECT_EQ(younger.value().told, (std::vector<Range>{{6, 8}}));
  for (const size_t page : {size_t{0}, size_t{4096}}) std::fill_n(disk.octets("/c/cursor").begin() + ptrdiff_t(page) + 64, 20, uint8_t{0});
  Cursor older(disk, "/c/cursor");
  ASSERT_EQ(older.open(), 0);
  EXPECT_EQ(older.value().acknowledged, 5u);
  EXPECT_TRUE(older.value().told.empty());
  disk.octets("/c/cursor").resize(4096 + 64);
  Cursor oldest(disk, "/c/cursor");
  ASSERT_EQ(oldest.open(), 0);
  EXPECT_EQ(oldest.value().acknowledged, 5u);
  EXPECT_FALSE(oldest.damaged());
}

TEST(Cursor, a_failed_store_leaves_the_value_before) {
  for (uint64_t at = 1; at <= 2; at++) {
    FaultyStorage disk;
    disk.make_directories("/c");
    Cursor c(disk, "/c/cursor");
    ASSERT_EQ(c.open(), 0);
    CursorValue v;
    v.acknowledged = 5;
    ASSERT_EQ(c.store(v), 0);
    for (int i = 0; i < 5; i++) {
      v.acknowledged = 100;
      disk.fail(at, EIO);
      ASSERT_NE(c.store(v), 0);
    }
    disk.restore(at);
    Cursor again(disk, "/c/cursor");
    ASSERT_EQ(again.open(), 0);
    EXPECT_TRUE(again.value().acknowledged == 5 || again.value().acknowledged == 100);
    EXPECT_FALSE(again.damaged());
  }
}

}  // namespace
}  // namespace vidra
