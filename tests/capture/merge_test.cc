// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/merge.h"

#include <gtest/gtest.h>

namespace vidra {
namespace {

Packet at(Time t, uint16_t interface) { return {t, {}, 60, interface, Link::ethernet, t}; }

std::string order(Merge& merge, bool hold = true) {
  Packet out[16];
  std::string text;
  for (const Packet& p : std::span(out).first(merge.take(out, hold))) text += std::to_string(p.interface) + "@" + std::to_string(p.time) + " ";
  return text;
}

TEST(Merge, frames_meet_in_order_of_time_and_equal_times_by_interface) {
  Merge merge(2, 8);
  merge.add(0, at(10, 0)), merge.add(0, at(30, 0)), merge.add(0, at(40, 0));
  merge.add(1, at(20, 1)), merge.add(1, at(30, 1));
  merge.heard_until(0, 100), merge.heard_until(1, 100);
  EXPECT_EQ(order(merge), "0@10 1@20 0@30 1@30 0@40 ");
}

TEST(Merge, a_frame_waits_until_nothing_earlier_can_come) {
  Merge merge(2, 8);
  merge.add(0, at(10, 0)), merge.add(0, at(20, 0));
  merge.heard_until(0, 20), merge.heard_until(1, 15);
  EXPECT_EQ(order(merge), "0@10 ");
  merge.add(1, at(17, 1));
  merge.heard_until(1, 17);
  EXPECT_EQ(order(merge), "1@17 ");
  merge.heard_until(1, 25);                         // idle, but heard so far
  EXPECT_EQ(order(merge), "0@20 ");
}

TEST(Merge, a_lost_interface_holds_nobody_back) {
  Merge merge(2, 8);
  merge.add(0, at(10, 0));
  merge.heard_until(0, 10), merge.heard_until(1, 0);
  EXPECT_EQ(order(merge), "");
  merge.heard_until(1, Merge::never);
  EXPECT_EQ(order(merge), "0@10 ");
}

TEST(Merge, a_full_queue_lets_the_earliest_go) {
  Merge merge(2, 4);
  for (Time t = 1; t <= 4; t++) merge.add(0, at(t, 0));
  EXPECT_EQ(merge.room(0), 0u);
  merge.heard_until(0, 4), merge.heard_until(1, 0);
  EXPECT_EQ(order(merge), "0@1 ");                  // then there is room again, and the rest waits
  EXPECT_EQ(merge.room(0), 1u);
  EXPECT_EQ(order(merge, false), "0@2 0@3 0@4 ");   // without holding all goes
}

TEST(Merge, takes_no_more_than_asked) {
  Merge merge(1, 8);
  for (Time t = 1; t <= 8; t++) merge.add(0, at(t, 0));
  merge.heard_until(0, 8);
  Packet two[2];
  EXPECT_EQ(merge.take(two), 2u);
  EXPECT_EQ(merge.held(0), 6u);
}

}  // namespace
}  // namespace vidra
