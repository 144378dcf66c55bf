// SPDX-License-Identifier: Apache-2.0
#include "dissectors/reader.h"

#include <gtest/gtest.h>

#include "dissectors/ber.h"
#include "dissectors/crc.h"
#include "dissectors/pool.h"
#include "tests/support/hex.h"

namespace vidra {
namespace {

TEST(Reader, reads_both_orders) {
  bool bad = false;
  const auto b = hex("01 | 0203 | 0203 | 040506 | 01020304 | 0102030405060708");
  Reader r{b, bad};
  EXPECT_EQ(r.u8(), 1);
  EXPECT_EQ(r.be16(), 0x0203);
  EXPECT_EQ(r.le16(), 0x0302);
  EXPECT_EQ(r.le24(), 0x060504u);
  EXPECT_EQ(r.be32(), 0x01020304u);
  EXPECT_EQ(r.le64(), 0x0807060504030201u);
  r.finish();
  EXPECT_FALSE(bad);
}

TEST(Reader, reads_real_numbers_of_both_orders) {
  bool bad = false;
  const auto b = hex("3FC00000 | 0000C03F | C004000000000000 | 00000000000004C0");
  Reader r{b, bad};
  EXPECT_EQ(r.be_float(), 1.5f);
  EXPECT_EQ(r.le_float(), 1.5f);
  EXPECT_EQ(r.be_double(), -2.5);
  EXPECT_EQ(r.le_double(), -2.5);
  r.finish();
  EXPECT_FALSE(bad);
}

TEST(Reader, a_read_past_the_end_yields_zero_and_empties_it) {
  bool bad = false;
  const auto b = hex("01 02 03");
  Reader r{b, bad};
  EXPECT_EQ(r.be32(), 0u);
  EXPECT_TRUE(bad);
  EXPECT_EQ(r.left(), 0u);
  EXPECT_EQ(r.u8(), 0);
  EXPECT_FALSE(r);
}

TEST(Reader, a_sub_reader_cannot_see_outside_and_shares_the_flag) {
  bool bad = false;
  const auto b = hex("01 02 03");
  Reader r{b, bad};
  Reader inner = r.sub(2);
  EXPECT_EQ(inner.be32(), 0u);
  EXPECT_TRUE(bad);
  EXPECT_EQ(r.u8(), 3);   // the outer one goes on where the inner ended
}

TEST(Ber, lengths_of_every_form) {
  struct { const char* octets; uint32_t tag; size_t body; bool bad; } cases[] = {
      {"02 01 05", 0x02, 1, false},
      {"30 81 02 AA BB", 0x30, 2, false},
      {"30 82 00 02 AA BB", 0x30, 2, false},
      {"30 84 FF FF FF FF AA", 0x30, 0, true},          // longer than what is there
      {"30 85 00 00 00 00 01 AA", 0x30, 0, true},       // a length of five octets
      {"30 80 02 01 05 00 00", 0x30, 3, false},         // indefinite
      {"30 80 02 01 05", 0x30, 0, true},                // indefinite without its end
      {"BF 49 01 AA", 0xBF49, 1, false},                // high tag number
      {"BF FF FF FF FF 01", 0, 0, true},                // a tag that does not end
  };
  for (const auto& c : cases) {
    bool bad = false;
    const auto b = hex(c.octets);
    Reader r{b, bad};
    const Tlv t = tlv(r);
    EXPECT_EQ(bad, c.bad) << c.octets;
    if (c.bad) continue;
    EXPECT_EQ(t.tag, c.tag) << c.octets;
    EXPECT_EQ(t.body.left(), c.body) << c.octets;
  }
}

TEST(Ber, nesting_is_bounded) {
  bool bad = false;
  std::vector<uint8_t> b;
  for (int i = 0; i < 10'000; i++) b.push_back(0x30), b.push_back(0x80);
  Reader r{b, bad};
  tlv(r);
  EXPECT_TRUE(bad);
}

TEST(Ber, integers) {
  const auto value = [](const char* s) { bool bad = false; const auto b = hex(s); return signed_of(Reader{b, bad}); };
  EXPECT_EQ(value("7F"), 127);
  EXPECT_EQ(value("FF"), -1);
  EXPECT_EQ(value("FF 00"), -256);
  EXPECT_EQ(value("00 FF"), 255);
  EXPECT_EQ(value("80 00 00 00 00 00 00 00"), INT64_MIN);
}

TEST(Crc, known_values) {
  EXPECT_EQ(crc_modbus(hex("01 04 02 FF FF")), 0x80B8);          // sent B8 80, as in the serial line guide
  EXPECT_EQ(crc_dnp(hex("05 64 14 C4 0A 00 01 00")), 0xED8F);    // a recorded link header, its CRC sent 8F ED
  EXPECT_EQ(crc_ccitt(bytes_of("123456789")), 0x29B1);
  EXPECT_EQ(crc_ccitt(bytes_of("12345")), 0x4560);
}

TEST(Pool, what_its_parsers_share_is_one) {
  struct One { int number = 7; };
  struct Two { int number = 8; };
  Pool pool(1 << 20), none(0);
  EXPECT_EQ(pool.shared<One>(), pool.shared<One>());
  EXPECT_EQ(pool.shared<Two>()->number, 8);
  EXPECT_EQ(pool.shared<One>()->number, 7);
  EXPECT_EQ(none.shared<One>(), nullptr);
  EXPECT_EQ(pool.used(), 0u);
  void* const kept = pool.take_shared(100);
  EXPECT_EQ(pool.used(), 0u);
  pool.give(kept);
  void* const own = pool.take(100);
  EXPECT_EQ(pool.used(), 128u);
  pool.give(own);
  EXPECT_EQ(pool.used(), 0u);
}

TEST(Pool, gives_again_what_came_back_and_stops_at_its_limit) {
  Pool pool(1 << 20);
  void* a = pool.take(100);
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 16, 0u);
  pool.give(a);
  if (!Pool::blocks_apart()) { EXPECT_EQ(pool.take(100), a); }
  EXPECT_EQ(pool.take(Pool::largest + 1), nullptr);
  size_t n = 0;
  while (pool.take(4096)) n++;
  EXPECT_GT(n, 100u);
  EXPECT_LE(pool.reserved(), size_t{1} << 20);
  EXPECT_GE(pool.refused(), 2u);
}

}  // namespace
}  // namespace vidra
