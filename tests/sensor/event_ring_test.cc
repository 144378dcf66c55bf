// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/event_ring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

namespace vidra {
namespace {

struct Spoken {
  Scene scene;
  Message message;
  std::vector<Point> points;
  std::vector<uint8_t> texts;
  Event event() const { return {scene, &message, nullptr, points, Texts(texts)}; }
};

Spoken spoken(Time at, Act act, size_t points = 1) {
  Spoken s;
  s.scene.time = at;
  s.message.act = act;
  s.points.resize(points);
  for (size_t i = 0; i < points; i++) s.points[i].object = Object(ObjectKind::coil, uint32_t(i)), s.points[i].set_natural(uint64_t(at) + i);
  return s;
}

struct Heard final : EventSink {
  void see(const Event& e) override {
    times.push_back(e.scene.time);
    points += e.points.size();
    if (!e.points.empty()) last = e.points.back().raw;
    if (e.said) continued += e.said->continued;
    if (e.identity) identities++;
  }
  std::vector<Time> times;
  size_t points = 0, continued = 0, identities = 0;
  uint64_t last = 0;
};

TEST(EventRing, several_workers_are_heard_in_time_order_up_to_what_all_have_published) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 16, bell));
  EventMerge merge(rings, 0);
  for (Time t : {1, 4, 9}) rings[0]->see(spoken(t, Act::read).event());
  rings[0]->publish(9);
  Heard heard;
  Time until = 0;
  EXPECT_EQ(merge.drain(heard, until), 0u);          // the second has published nothing: it may still bring a 1
  for (Time t : {2, 3, 7}) rings[1]->see(spoken(t, Act::read).event());
  rings[1]->publish(7);
  merge.drain(heard, until);
  EXPECT_EQ(heard.times, (std::vector<Time>{1, 2, 3, 4, 7}));
  EXPECT_EQ(until, 7);
  rings[1]->publish(50);                             // idle, but awake: holds nobody back
  merge.drain(heard, until);
  EXPECT_EQ(heard.times.back(), 9);
  rings[1]->publish(60), rings[1]->close(), rings[0]->close();
  merge.drain(heard, until);
  EXPECT_EQ(until, 60);
}

TEST(EventRing, of_equal_times_the_earlier_frame_is_first) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 16, bell));
  Spoken early = spoken(5, Act::read), late = spoken(5, Act::read);
  early.scene.frame = 10, early.points[0].raw = 1;
  late.scene.frame = 11, late.points[0].raw = 2;
  rings[0]->see(late.event()), rings[1]->see(early.event());
  rings[0]->close(), rings[1]->close();
  Heard heard;
  Time until = 0;
  EventMerge(rings, 0).drain(heard, until);
  EXPECT_EQ(heard.last, 2u);
}

TEST(EventRing, a_worker_that_stands_still_is_waited_for_only_so_long) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 16, bell));
  EventMerge merge(rings, 30 * millisecond);
  rings[0]->see(spoken(5, Act::operate).event());
  rings[0]->publish(6);
  rings[1]->publish(1);
  Heard heard;
  Time until = 0;
  EXPECT_EQ(merge.drain(heard, until), 0u);
  EXPECT_EQ(until, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  rings[0]->publish(7);
  EXPECT_EQ(merge.drain(heard, until), 1u);
  EXPECT_EQ(until, 7);
  EXPECT_EQ(merge.late(), 1u);
  rings[1]->see(spoken(2, Act::operate).event());    // what it says after all is heard
  rings[1]->publish(8);
  EXPECT_EQ(merge.drain(heard, until), 1u);
  EXPECT_EQ(until, 7);
}

TEST(EventRing, a_ring_that_fills_is_not_held_back_by_an_empty_one) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 14, bell));
  EventMerge merge(rings, minute);
  while (!rings[0]->crowded()) rings[0]->see(spoken(5, Act::operate).event());
  Heard heard;
  Time until = 0;
  EXPECT_GT(merge.drain(heard, until), 0u);
}

TEST(EventRing, a_worker_whose_time_goes_back_is_as_far_as_it_was) {   // its next recording begins before the end of the last
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 16, bell, true));
  EventMerge merge(rings, 0);
  rings[0]->publish(100);
  rings[0]->publish(10);
  EXPECT_EQ(rings[0]->watermark(), 100);
  rings[1]->see(spoken(50, Act::operate).event());
  rings[1]->publish(60);
  Heard heard;
  Time until = 0;
  EXPECT_EQ(merge.drain(heard, until), 1u) << "nothing before 100 comes from the first any more";
  EXPECT_EQ(until, 60);
}

// Clocks of workers that stand, leap, go back and are far apart, rings that are full: whoever waits for room waits for somebody who moves.
TEST(EventRing, whatever_the_clocks_do_somebody_goes_on) {
  for (unsigned seed = 1; seed <= 20; seed++) {
    std::mt19937 random(seed);
    Bell bell;
    std::vector<std::unique_ptr<EventRing>> rings;
    struct At { Time now; int left; bool closed; uint64_t frame; };
    std::vector<At> workers;
    for (unsigned i = 0; i < 2 + seed % 3; i++) {
      rings.push_back(std::make_unique<EventRing>(1 << 14, bell, true));
      workers.push_back({Time(random() % 3) * minute, 2'000, false, 0});
    }
    EventMerge merge(rings, 0);
    Heard heard;
    Time until = 0, before = 0;
    const auto has_room = [&](size_t i) { return rings[i]->fill() < 0.7; };   // a record is far shorter than the rest
    size_t idle = 0;
    for (bool all = false; !all; idle++) {
      all = true;
      bool moved = false;
      for (size_t i = 0; i < workers.size(); i++) {
        At& w = workers[i];
        if (w.closed) continue;
        all = false;
        if (!has_room(i) || random() % 4 == 0) continue;             // it waits in see(), or has no core
        moved = true;
        switch (random() % 16) {
          case 0: break;                                             // its clock stands
          case 1: w.now -= Time(random() % 60) * second; break;
          case 2: w.now += Time(random() % 60) * second; break;
          default: w.now += Time(random() % 1'000);
        }
        for (unsigned n = random() % 8; n && w.left && has_room(i); n--, w.left--) {
          Spoken s = spoken(std::max(w.now, rings[i]->reached()), Act::report);   // as Traffic stamps it: never back
          s.scene.frame = ++w.frame;
          rings[i]->see(s.event());
        }
        rings[i]->publish(w.now);
        if (!w.left) rings[i]->close(), w.closed = true;
      }
      const size_t n = merge.drain(heard, until);
      ASSERT_GE(until, before) << "time goes back for the judge";
      before = until;
      if (n || moved) idle = 0;
      ASSERT_LT(idle, 200u) << "all wait for each other, seed " << seed;
    }
    while (merge.drain(heard, until)) {}
    EXPECT_EQ(heard.times.size(), workers.size() * 2'000);
    for (const auto& r : rings) EXPECT_EQ(r->shed().total(), 0u);
  }
}

TEST(EventRing, who_waits_for_room_long_calls_seldom) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  for (int i = 0; i < 2; i++) rings.push_back(std::make_unique<EventRing>(1 << 14, bell, true));
  EventMerge merge(rings, 0);
  std::thread worker([&] {
    for (Time t = 1; t <= 200; t++) rings[0]->see(spoken(t, Act::report).event());
    rings[0]->close();
  });
  Heard heard;
  Time until = 0;
  while (rings[0]->fill() < 0.9) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(merge.drain(heard, until), 0u) << "the other has said nothing yet";
  const uint32_t before = bell.heard();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(bell.heard() - before, 400u);             // 40 of 5 ms; each 100 microseconds it would be 1,300
  rings[1]->close();
  while (heard.times.size() < 200) merge.drain(heard, until);
  worker.join();
}

TEST(EventRing, of_a_recording_nothing_is_shed) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  rings.push_back(std::make_unique<EventRing>(1 << 14, bell, true));
  std::thread worker([&] {
    for (Time t = 1; t <= 5000; t++) rings[0]->see(spoken(t, Act::report).event());
    rings[0]->close();
  });
  Heard heard;
  EventMerge merge(rings, 0);
  Time until = 0;
  while (heard.times.size() < 5000) {
    const uint32_t rung = bell.heard();
    if (!merge.drain(heard, until)) bell.sleep(rung);
  }
  worker.join();
  EXPECT_EQ(rings[0]->shed().total(), 0u);
}

TEST(EventRing, the_last_quarter_is_for_commands_and_what_finds_no_room_is_counted) {
  Bell bell;
  EventRing ring(1 << 14, bell);
  for (int i = 0; i < 1000; i++) ring.see(spoken(i, Act::report).event());
  const Shed telemetry = ring.shed();
  EXPECT_GT(telemetry.reports, 0u);
  EXPECT_EQ(telemetry.others, 0u);
  ring.see(spoken(1, Act::operate).event());
  EXPECT_EQ(ring.shed().others, 0u);                 // there was room for it
}

TEST(EventRing, a_sentence_longer_than_the_ring_takes_crosses_in_runs) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  rings.push_back(std::make_unique<EventRing>(1 << 16, bell));
  rings[0]->see(spoken(5, Act::operate, 900).event());   // 43 KiB of points, a quarter of 64 KiB is the longest piece
  rings[0]->publish(5);
  Heard heard;
  Time until;
  EXPECT_EQ(EventMerge(rings, 0).drain(heard, until), 3u);
  EXPECT_EQ(heard.points, 900u);
  EXPECT_EQ(heard.continued, 2u);
  EXPECT_EQ(heard.last, 5u + 899u);
}

TEST(EventRing, across_threads_nothing_is_lost_while_there_is_room) {
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings;
  rings.push_back(std::make_unique<EventRing>(1 << 22, bell));
  constexpr Time count = 50'000;
  std::thread worker([&] {
    for (Time t = 1; t <= count; t++) {
      const uint64_t before = rings[0]->shed().total();
      do {
        rings[0]->see(spoken(t, Act::operate, size_t(t % 5)).event());
        if (rings[0]->shed().total() == before) break;
        std::this_thread::yield();
      } while (false);
      if (t % 64 == 0) rings[0]->publish(t);
    }
    rings[0]->publish(count);
  });
  Heard heard;
  EventMerge merge(rings, 0);
  Time until = 0;
  while (until < count) {
    const uint32_t seen = bell.heard();
    merge.drain(heard, until);
    if (until < count) bell.sleep(seen);
  }
  worker.join();
  merge.drain(heard, until);
  EXPECT_EQ(heard.times.size() + rings[0]->shed().total(), size_t(count));
  EXPECT_TRUE(std::is_sorted(heard.times.begin(), heard.times.end()));
}

TEST(Queue, hands_over_what_owns_memory) {
  Queue<std::string> queue(4);
  std::thread producer([&] {
    for (int i = 0; i < 1000; i++) {
      std::string s(50, char('a' + i % 26));
      while (!queue.push(std::move(s))) std::this_thread::yield();
    }
  });
  for (int i = 0; i < 1000; i++) {
    std::optional<std::string> s;
    while (!(s = queue.pop())) std::this_thread::yield();
    ASSERT_EQ(*s, std::string(50, char('a' + i % 26)));
  }
  producer.join();
}

}  // namespace
}  // namespace vidra
