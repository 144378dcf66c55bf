// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/ring.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace vidra
