// SPDX-License-Identifier: Apache-2.0
// What of one direction cannot be heard yet: octets at their distances, held against a plain picture of them, and the bounds.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "daemon/traffic/stream.h"

namespace vidra {
namespace {

constexpr size_t plenty = 4u << 20;

struct HoldsTest : testing::Test {
  Holds holds{plenty, 64 * 1024};
  Hold* h = holds.open(1000, false);
  ~HoldsTest() override {
    holds.close(h);
    EXPECT_EQ(holds.pool().used(), 0u);
    holds.close(h);   // nothing
  }
  Held keep(uint32_t at, std::string_view octets) { return holds.keep(*h, at, bytes_of(octets)); }
  Held append(std::string_view octets) { return holds.append(*h, bytes_of(octets)); }
  std::string present() const { return std::string(text_of(h->present())); }
};

TEST_F(HoldsTest, pieces_behind_a_hole_join_when_it_is_filled) {
  EXPECT_TRUE(h->empty());
  EXPECT_EQ(keep(4, "efgh"), Held::yes);
  EXPECT_EQ(present(), "");
  EXPECT_EQ(keep(0, "abcd"), Held::yes);
  EXPECT_EQ(present(), "abcdefgh");
  EXPECT_EQ(keep(2, "cdefghij"), Held::yes) << "what is there already, and more";
  EXPECT_EQ(present(), "abcdefghij");
  EXPECT_EQ(keep(1, "XY"), Held::differs);
  EXPECT_EQ(present(), "abcdefghij") << "the first stay";
  EXPECT_EQ(keep(12, "mn"), Held::yes);
  EXPECT_EQ(append("KL"), Held::yes);
  EXPECT_EQ(present(), "abcdefghijKLmn");
  EXPECT_EQ(keep(15, "p"), Held::yes);
  EXPECT_EQ(append("OP"), Held::differs);
  EXPECT_EQ(present(), "abcdefghijKLmnOP") << "what a receiver hears in order prevails";
  EXPECT_EQ(append(""), Held::yes);
  holds.consumed(*h, 16);
  EXPECT_EQ(h->front, 1016u);
  EXPECT_TRUE(h->empty());
}

TEST_F(HoldsTest, a_hole_is_given_up) {
  EXPECT_EQ(holds.leap(*h), 0u) << "there is none";
  ASSERT_EQ(keep(5, "fg"), Held::yes);
  ASSERT_EQ(keep(9, "jk"), Held::yes);
  holds.shift(*h, 2);
  EXPECT_EQ(h->front, 1002u);
  EXPECT_EQ(holds.leap(*h), 3u);
  EXPECT_EQ(present(), "fg");
  EXPECT_TRUE(h->segment_start);
  EXPECT_EQ(h->front, 1005u);
}

TEST_F(HoldsTest, what_only_counts_keeps_no_octets) {
  ASSERT_EQ(keep(3, "def"), Held::yes);
  holds.count_only(*h);
  EXPECT_EQ(append("abc"), Held::yes);
  EXPECT_EQ(h->whole, 6u);
  EXPECT_EQ(present(), "");
  ASSERT_EQ(keep(10, "k"), Held::yes);
  holds.consumed(*h, 6);
  EXPECT_EQ(holds.leap(*h), 4u);
  EXPECT_EQ(h->whole, 1u);
  EXPECT_EQ(h->octets, nullptr);
}

TEST_F(HoldsTest, holes_are_bounded) {
  for (uint32_t i = 1; i <= Hold::most_ranges; i++) ASSERT_EQ(keep(2 * i, "x"), Held::yes) << i;
  EXPECT_EQ(keep(2 * Hold::most_ranges + 2, "x"), Held::no_room);
  EXPECT_EQ(keep(3, "y"), Held::yes) << "one fewer";
  EXPECT_EQ(h->count, Hold::most_ranges - 1);
}

TEST_F(HoldsTest, octets_are_bounded) {
  const std::string much(64 * 1024 + 1, 'x');
  EXPECT_EQ(append(much), Held::no_room);
  EXPECT_EQ(keep(1, much.substr(1)), Held::no_room);
  EXPECT_EQ(append(much.substr(1)), Held::yes);
  EXPECT_EQ(append("x"), Held::no_room);
  // More than a block may have, whatever the limit is.
  Holds wide(plenty, 1u << 20);
  Hold* w = wide.open(0, false);
  EXPECT_EQ(wide.append(*w, bytes_of(std::string(Pool::largest, 'x'))), Held::yes);
  EXPECT_EQ(wide.append(*w, bytes_of("x")), Held::no_room);
  wide.close(w);
}

// Where nothing is kept but which came, distances still end, and no sum of two wraps.
TEST_F(HoldsTest, distances_are_bounded) {
  const std::vector<uint8_t> far((1u << 24) + 1);
  for (const bool counted : {false, true}) {
    Hold* w = holds.open(0, counted);
    EXPECT_EQ(holds.keep(*w, 0, far), Held::no_room);
    EXPECT_EQ(holds.append(*w, far), Held::no_room);
    EXPECT_EQ(holds.keep(*w, ~uint32_t{0}, bytes_of("x")), Held::no_room);
    holds.close(w);
  }
  Hold* w = holds.open(0, true);
  EXPECT_EQ(holds.append(*w, Bytes(far).first(1u << 24)), Held::yes);
  EXPECT_EQ(holds.append(*w, bytes_of("x")), Held::no_room);
  w->whole++;   // as far as it cannot come
  EXPECT_EQ(holds.append(*w, bytes_of("")), Held::no_room);
  holds.close(w);
}

TEST(Holds, without_memory_nothing_is_held) {
  Holds none(0, 1024);
  EXPECT_EQ(none.open(0, false), nullptr);
  // A little: the place itself, and then neither octets nor ranges.
  for (size_t octets = 64; octets < 1u << 17; octets *= 2) {
    Holds little(octets, 64 * 1024);
    std::vector<Hold*> all;
    while (Hold* h = little.open(0, false)) {
      all.push_back(h);
      const Held held = little.keep(*h, 5, bytes_of("x"));
      EXPECT_TRUE(held == Held::yes || held == Held::no_room);
      EXPECT_EQ(h->count, held == Held::yes ? 1u : 0u);
    }
    for (Hold*& h : all) little.close(h);
    EXPECT_EQ(little.pool().used(), 0u);
  }
}

// Whatever comes in whatever order: the octets that are there are those that came, the first of each place, or the last in order.
TEST(Holds, hold_what_came) {
  std::mt19937 random(7);
  for (int run = 0; run < 80; run++) {
    Holds holds(plenty, 4096);
    Hold* h = holds.open(0, false);
    std::map<uint32_t, uint8_t> picture;
    for (int step = 0; step < 60; step++) {
      std::vector<uint8_t> octets(random() % 40);
      for (uint8_t& o : octets) o = uint8_t(random());
      if (random() % 4 == 0) {
        const uint32_t at = h->whole;
        if (holds.append(*h, octets) != Held::no_room)
          for (uint32_t i = 0; i < octets.size(); i++) picture[at + i] = octets[i];
      } else if (!octets.empty()) {
        const uint32_t at = random() % 600;
        if (holds.keep(*h, at, octets) != Held::no_room)
          for (uint32_t i = 0; i < octets.size(); i++) picture.emplace(at + i, octets[i]);
      }
      uint32_t gone = h->whole ? random() % (h->whole + 1) : 0;
      if (random() % 3 == 0) holds.consumed(*h, gone);
      else if (gone = h->whole ? 0 : h->count; gone && random() % 6 == 0) gone = holds.leap(*h);
      else gone = 0;
      std::map<uint32_t, uint8_t> left;
      for (const auto& [at, o] : picture)
        if (at >= gone) left[at - gone] = o;
      picture = std::move(left);
      uint32_t whole = 0;
      while (picture.contains(whole)) whole++;
      ASSERT_EQ(h->whole, whole) << run << " " << step;
      for (uint32_t i = 0; i < whole; i++) ASSERT_EQ(h->present()[i], picture[i]) << run << " " << step;
      size_t behind = 0;
      for (uint32_t i = 0; i < h->count; i++) {
        ASSERT_LT(h->ranges[i].begin, h->ranges[i].end);
        ASSERT_GT(h->ranges[i].begin, i ? h->ranges[i - 1].end : h->whole);
        behind += h->ranges[i].end - h->ranges[i].begin;
      }
      ASSERT_EQ(behind, picture.size() - whole) << run << " " << step;
    }
    holds.close(h);
  }
}

}  // namespace
}  // namespace vidra
