// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/text.h"

#include <gtest/gtest.h>

namespace vidra {
namespace {

TEST(Text, times) {
  EXPECT_EQ(iso_time(1795295191'344769000, 6), "2026-11-21T21:06:31.344769Z");
  EXPECT_EQ(iso_time(-1, 0), "1969-12-31T23:59:59Z");
  EXPECT_EQ(epoch_time(1795295191'000000001), "1795295191.000000001");
}

TEST(Text, a_written_time_comes_back) {
  EXPECT_EQ(parse_iso_time("2026-11-21T21:06:31.344769Z"), 1795295191'344769000);
  EXPECT_EQ(parse_iso_time("2026-11-21 21:06"), 1795295160'000000000);
  EXPECT_EQ(parse_iso_time("1970-01-02"), 86400'000000000);
  for (const char* wrong : {"", "2026", "2026-13-01", "2026-02-30", "2026-11-21T24:00", "2026-11-21T21:06:31.", "2026-11-21T21:06 or so", "2026-11-21T"})
    EXPECT_FALSE(parse_iso_time(wrong)) << wrong;
}

TEST(Text, sizes_for_people) {
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_count(1234567), "1 234 567");
  EXPECT_EQ(human_duration(90'000'000'000), "1 min 30 s");
  EXPECT_EQ(human_duration(INT64_MIN), "-106751 d 23 h");
}

TEST(Text, the_nearest_word_helps_a_typist) {
  EXPECT_EQ(nearest("interfce", {"interface", "source"}), "interface");
  EXPECT_EQ(nearest("bogus", {"interface", "source"}), "");
}

}  // namespace
}  // namespace vidra
