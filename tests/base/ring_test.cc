// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/ring.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace vidra {
namespace {

TEST(Ring, records_of_any_length_in_order_across_threads) {
  Ring ring(4096);
  constexpr uint32_t count = 200'000;
  std::thread producer([&] {
    for (uint32_t i = 0; i < count; i++) {
      const size_t n = 4 + i % 200;
      void* at;
      while (!(at = ring.reserve(n))) std::this_thread::yield();
      std::memcpy(at, &i, 4);
      std::memset(static_cast<char*>(at) + 4, int(i & 0xff), n - 4);
      ring.commit();
    }
  });
  for (uint32_t i = 0; i < count; i++) {
    std::span<const std::byte> record;
    while ((record = ring.front()).empty()) std::this_thread::yield();
    uint32_t seen;
    std::memcpy(&seen, record.data(), 4);
    ASSERT_EQ(seen, i);
    ASSERT_EQ(record.size(), 4 + i % 200);
    ASSERT_EQ(uint8_t(record.back()), record.size() > 4 ? uint8_t(i) : uint8_t(i >> 24));
    ring.pop();
  }
  producer.join();
}

TEST(Ring, full_is_an_answer_and_spare_room_is_kept) {
  Ring ring(4096);
  EXPECT_EQ(ring.reserve(2000), nullptr);                 // longer than a quarter
  size_t n = 0;
  while (ring.reserve(56, 1024)) ring.commit(), n++;      // 64 octets each with the length
  EXPECT_EQ(n, (4096u - 1024u) / 64u);
  while (ring.reserve(56)) ring.commit(), n++;            // the last quarter admits what may use it
  EXPECT_EQ(n, 64u);
  ring.front(), ring.pop();
  EXPECT_NE(ring.reserve(56), nullptr);
}

// Whoever keeps up goes round in two pieces of the memory; whoever does not gets all of it, and the same two afterwards.
TEST(Ring, memory_is_touched_only_as_far_as_the_consumer_is_behind) {
  Ring ring(size_t{1} << 20);                             // pieces of 256 KiB
  const auto go_on = [&](size_t records, size_t behind) {
    std::set<uintptr_t> pages;
    size_t in = 0, out = 0;
    while (out < records) {
      for (; in < records && in - out < behind; in++) {
        void* at = ring.reserve(1000);
        if (!at) break;
        std::memcpy(at, &in, sizeof in);
        pages.insert(reinterpret_cast<uintptr_t>(at) >> 12);
        ring.commit();
      }
      size_t seen = ~size_t{0};
      if (const auto record = ring.front(); record.size() == 1000) std::memcpy(&seen, record.data(), sizeof seen);
      EXPECT_EQ(seen, out);
      if (seen != out) break;
      ring.pop(), out++;
    }
    return pages.size();
  };
  EXPECT_LE(go_on(10'000, 20), 2u * 65);
  EXPECT_GE(go_on(10'000, 10'000), 4u * 63);              // full, over and over: each piece, and one more for the two ends
  EXPECT_LE(go_on(10'000, 10'000), 5u * 65);
  EXPECT_LE(go_on(10'000, 20), 2u * 65);
  EXPECT_EQ(ring.used(), 0u);
}

}  // namespace
}  // namespace vidra
