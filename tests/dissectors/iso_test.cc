// SPDX-License-Identifier: Apache-2.0
// TPKT (RFC 1006, 6) and TPDUs of class 0 (X.224, 13).
#include "dissectors/iso.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "tests/support/hear.h"

namespace vidra {
namespace {

struct Iso : testing::Test {
  iso::Heard hear(std::string_view record, Side from = Side::client) {
    octets.push_back(hex(record));
    return transport.hear(octets.back(), from);
  }
  Cut next(std::string_view record, bool segment_start = true, Side from = Side::client) { return transport.next(from, hex(record), segment_start); }
  static std::string text(Bytes b) { return std::string(text_of(b)); }
  std::deque<std::vector<uint8_t>> octets;
  Pool pool{4 << 20};
  iso::Transport transport{pool};
};

TEST_F(Iso, a_tpkt_says_its_length) {
  EXPECT_EQ(next("03 00 00 16 11 e0 00").n, 22u);
  EXPECT_EQ(next("03 00 ff ff 02 f0 80").n, 65'535u);
  EXPECT_EQ(next("03").kind, Cut::need);
  EXPECT_EQ(next("03 00 00").n, 4u);
  EXPECT_EQ(next("03 00 00 06 02 f0 80").kind, Cut::lost) << "shorter than any TPDU";
  EXPECT_EQ(next("04 00 00 16 11 e0 00").kind, Cut::lost);
  EXPECT_EQ(next("03 01 00 16 11 e0 00").kind, Cut::lost);
}

TEST_F(Iso, out_of_step_it_takes_only_what_has_a_tpdu_in_it) {
  transport.gap(Side::client);
  EXPECT_EQ(next("03 00 00 16", false).kind, Cut::need);
  EXPECT_EQ(next("03 00 00 16 11 99 00", false).kind, Cut::lost) << "no such code";
  EXPECT_EQ(next("03 00 00 16 02 f0 85", false).kind, Cut::lost) << "class 0 numbers nothing";
  EXPECT_EQ(next("03 00 00 08 02 f0 80 01 | 07 00", false).kind, Cut::lost) << "nothing begins behind it";
  EXPECT_EQ(next("03 00 00 08 02 f0 80 01 | 03 00", false).n, 8u);
}

TEST_F(Iso, a_connection_names_its_tsaps) {
  const iso::Heard h = hear("03 00 00 16 | 11 e0 00 00 00 05 00 | c0 01 0a | c1 02 00 01 | c2 02 01 02");
  EXPECT_FALSE(h.malformed);
  EXPECT_EQ(h.kind, iso::Tpdu::request);
  EXPECT_EQ(h.source, 5);
  EXPECT_EQ(h.size, 10);
  EXPECT_EQ(text(h.calling), std::string("\0\1", 2));
  EXPECT_EQ(text(h.called), "\1\2");
  EXPECT_TRUE(hear("03 00 00 16 | 11 e0 00 00 00 05 00 | c0 01 0a | c1 09 00 01 | c2 02 01 02").malformed) << "a TSAP longer than the header";
}

TEST_F(Iso, a_disconnection_before_the_confirm_refuses) {
  hear("03 00 00 0b 06 e0 00 00 00 05 00");
  iso::Heard h = hear("03 00 00 0b 06 80 00 05 00 00 88", Side::server);
  EXPECT_TRUE(h.opening);
  EXPECT_EQ(iso::reason(uint16_t(iso::disconnect_reasons + h.reason)), "connection request refused");
  hear("03 00 00 0b 06 e0 00 00 00 05 00");
  hear("03 00 00 0b 06 d0 00 05 00 07 00", Side::server);
  EXPECT_FALSE(hear("03 00 00 0b 06 80 00 07 00 05 80").opening);
}

TEST_F(Iso, a_tsdu_is_put_together_to_its_end) {
  hear("03 00 00 0b 06 d0 00 05 00 07 00", Side::server);
  EXPECT_EQ(text(hear("03 00 00 0a 02 f0 80 61 62 63").tsdu), "abc");
  EXPECT_FALSE(hear("03 00 00 09 02 f0 00 61 62").whole);
  EXPECT_EQ(text(hear("03 00 00 09 02 f0 80 7a 7a", Side::server).tsdu), "zz") << "the other direction has its own";
  EXPECT_FALSE(hear("03 00 00 09 02 f0 00 63 64").whole);
  const iso::Heard h = hear("03 00 00 08 02 f0 80 65");
  EXPECT_TRUE(h.whole);
  EXPECT_FALSE(h.torn);
  EXPECT_EQ(text(h.tsdu), "abcde");
  EXPECT_TRUE(hear("03 00 00 07 02 f0 80").whole) << "an empty one keeps the connection alive";
}

TEST_F(Iso, what_began_unheard_is_torn) {
  EXPECT_TRUE(hear("03 00 00 08 02 f0 80 65").torn) << "joined in the middle";
  EXPECT_FALSE(hear("03 00 00 08 02 f0 80 65").torn);
  hear("03 00 00 08 02 f0 00 61");
  transport.gap(Side::client);
  const iso::Heard h = hear("03 00 00 08 02 f0 80 62");
  EXPECT_TRUE(h.torn);
  EXPECT_EQ(text(h.tsdu), "b");
}

TEST_F(Iso, a_tsdu_is_bounded_and_its_room_comes_back) {
  hear("03 00 00 0b 06 d0 00 05 00 07 00", Side::server);
  std::vector<uint8_t> part(60'000, 0x55);
  const uint8_t head[] = {3, 0, uint8_t(part.size() >> 8), uint8_t(part.size()), 2, 0xf0, 0};
  std::copy(std::begin(head), std::end(head), part.begin());
  iso::Heard h;
  for (int i = 0; i < 3; i++) h = transport.hear(part, Side::client);
  EXPECT_FALSE(h.whole);
  h = hear("03 00 00 08 02 f0 80 65");
  EXPECT_TRUE(h.whole);
  EXPECT_TRUE(h.torn);
  EXPECT_EQ(h.tsdu.size(), iso::Transport::longest_tsdu);
  EXPECT_FALSE(hear("03 00 00 08 02 f0 80 65").torn);
  EXPECT_EQ(pool.used(), 0u);
}

TEST_F(Iso, a_full_pool_tears_a_tsdu) {
  Pool none{0};
  iso::Transport poor{none};
  poor.hear(hex("03 00 00 0b 06 d0 00 05 00 07 00"), Side::server);
  poor.hear(hex("03 00 00 08 02 f0 00 61"), Side::client);
  const auto last = hex("03 00 00 08 02 f0 80 62");
  const iso::Heard h = poor.hear(last, Side::client);
  EXPECT_TRUE(h.whole && h.torn && h.tsdu.empty());
}

TEST_F(Iso, a_cut_or_foreign_tpdu_is_malformed) {
  EXPECT_TRUE(hear("03 00 00 09 02 f0 80 61").malformed);
  EXPECT_TRUE(hear("03 00 00 08 09 f0 80 61").malformed) << "a header longer than its TPKT";
  EXPECT_TRUE(hear("03 00 00 08 02 30 80 61").malformed) << "no such code";
}

TEST_F(Iso, a_glimpse_tells_what_begins) {
  const auto up = hex("03 00 00 0f 0a e0 00 00 00 05 00 c1 02 00 01 | 03 00 00 09 02 f0 80 32 01");
  iso::Glimpse g = iso::glimpse(up);
  EXPECT_TRUE(g.framed && g.requests && !g.confirms);
  EXPECT_EQ(g.calling.size(), 2u);
  EXPECT_EQ(g.parts, 1u);
  EXPECT_EQ(text(g.first), "2\1");
  EXPECT_FALSE(iso::glimpse(hex("03 00 00 13 0e e0 00 00 00 00 00 01 00 08 00 03 00 00 00")).framed) << "RDP negotiates where parameters are";
  EXPECT_FALSE(iso::glimpse(hex("03 00 00 08 02 f0 80 61 | 99")).framed);
  EXPECT_FALSE(iso::glimpse({}).framed);
}

}  // namespace
}  // namespace vidra
