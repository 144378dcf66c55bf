// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/steady_wall.h"

#include <gtest/gtest.h>

namespace vidra {
namespace {

constexpr Time noon = 1'795'262'400 * second;

TEST(SteadyWall, runs_with_the_wall) {
  SteadyWall clock(5 * second, noon);
  EXPECT_EQ(clock.advance(6 * second, noon + second), noon + second);
  EXPECT_EQ(clock.skew(), 0);
}

TEST(SteadyWall, a_step_of_the_wall_clock_is_no_time_that_passed) {
  for (const Time step : {hour, -hour}) {
    SteadyWall clock(0, noon);
    const Time after = clock.advance(10 * millisecond, noon + 10 * millisecond + step);
    EXPECT_NEAR(double(after - noon), 10e6, 0.1e6) << "one per cent at most";
    EXPECT_EQ(after + clock.skew(), noon + 10 * millisecond + step) << "what is stamped by the wall keeps its place";
  }
}

TEST(SteadyWall, leans_to_the_wall_until_it_is_there) {
  SteadyWall clock(0, noon);
  Time last = noon;
  for (int i = 1; i <= 10'000; i++) {            // stepped back by half a second, looked at every 10 ms
    const Time t = clock.advance(i * 10 * millisecond, noon + i * 10 * millisecond - second / 2);
    ASSERT_GT(t, last);
    last = t;
    if (i == 1'000) { EXPECT_EQ(clock.skew(), -second / 2 + 100 * millisecond); }
  }
  EXPECT_EQ(clock.skew(), 0);
  EXPECT_EQ(last, noon + 100 * second - second / 2);
}

TEST(SteadyWall, a_monotonic_clock_read_twice_adds_nothing) {
  SteadyWall clock(second, noon);
  EXPECT_EQ(clock.advance(second, noon), noon);
  EXPECT_EQ(clock.advance(second / 2, noon), noon);
}

}  // namespace
}  // namespace vidra
