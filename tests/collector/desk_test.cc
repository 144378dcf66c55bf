// SPDX-License-Identifier: Apache-2.0
// The collector whole, on loopback, with real sensors' ends: what it takes, keeps, shows, and how it comes back.
#include "daemon/collector/desk.h"

#include <gtest/gtest.h>

#include <sqlite3.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "tests/collector/records.h"
#include "tests/link/ends.h"
#include "tests/support/waited.h"

namespace vidra {
namespace {

// Somebody writes in the index, and takes his time.
struct IndexHeld {
  explicit IndexHeld(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~IndexHeld() { sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr), sqlite3_close(db); }
  IndexHeld(const IndexHeld&) = delete;
  sqlite3* db = nullptr;
};

struct DeskTest : testing::Test {
  TempDir dir;
  TestStorage disk;
  CollectorSettings settings;
  std::ostringstream alerts, remarks;
  std::unique_ptr<Desk> desk;
  SensorEnd sensor{dir};
  FakeSensor story_of{1, "alder-1"};   // for bodies

  DeskTest() {
    settings.state = dir.path + "/collector";
    settings.listen = "127.0.0.1:0";
    settings.link.heartbeat = 200 * ms, settings.link.handshake = 300 * ms, settings.link.revisit_keys = 20 * ms;
    settings.intake.min_free = 1 << 20;
    settings.silent_after = second;
    settings.update_every = 0;
    sensor.settings.hello.name = "alder-1", sensor.settings.hello.site = "Alder 110/20 kV";
    story_of.id = sensor.keys.id;
  }
  ~DeskTest() override { sensor.stop(); }
  void open() {
    desk.reset();
    desk = std::make_unique<Desk>(disk, settings, alerts, remarks, Style{});
    ASSERT_EQ(desk->start(false), "");
    settings.listen = "127.0.0.1" + desk->endpoint().substr(desk->endpoint().rfind(':'));   // the same port next time
  }
  void connect() { sensor.start("tcp://" + settings.listen, desk->public_key()); }
  void let_in(KeyState state = KeyState::active) {
    KnownKeys known;
    std::string error;
    ASSERT_TRUE(known.open(settings.state + "/keys.db", error)) << error;
    if (known.find(sensor.keys.curve_public)) ASSERT_TRUE(known.set_state(sensor.keys.curve_public, state, "test", error)) << error;
    else ASSERT_TRUE(known.add(sensor.keys.curve_public, state, "", "test", error)) << error;
  }
  void open_with_sensor() {
    open();
    let_in();
    connect();
  }
  void first_story() {
    tell(1);
    ASSERT_TRUE(turns_until([&] { return stories() == 1 && unacknowledged() == 0; })) << remarks.str();
  }
  void tell(uint64_t number, uint32_t revision = 0, const Detection& d = sweep) {
    const std::string body = story_body(story_of.story(number, revision, d), story_of.sender(), 1795295191 * second);
    ASSERT_NE(sensor.outbox->append(Lane::alert, revision ? MessageType::update : MessageType::alert, 50, 0, body), 0u);
  }
  bool turns_until(const std::function<bool()>& holds, int milliseconds = 15'000) {
    for (int i = 0; i < milliseconds / 20; i++) {
      if (holds()) return true;
      desk->turn(20 * millisecond);
    }
    return holds();
  }
  size_t shown(const std::string& text) const {
    size_t n = 0;
    const std::string all = alerts.str();
    for (size_t at = 0; (at = all.find(text, at)) != all.npos; at++) n++;
    return n;
  }
  bool remarked(const std::string& text) const { return remarks.str().find(text) != std::string::npos; }
  uint64_t unacknowledged() { return sensor.outbox->status().lanes[1].unacknowledged + sensor.outbox->status().lanes[1].waiting; }
  uint64_t stories() { return desk->intake().with_index([](Index& i) { return i.count_stories(); }); }
};

TEST_F(DeskTest, a_sensor_knocks_is_let_in_and_its_alerts_reach_the_terminal) {
  open();
  connect();
  tell(1);
  ASSERT_TRUE(turns_until([&] { return remarked("asks to be let in") && remarked(sensor.keys.fingerprint()); })) << remarks.str();
  EXPECT_TRUE(remarked("vidra keys approve"));
  EXPECT_EQ(alerts.str(), "");
  let_in();
  ASSERT_TRUE(turns_until([&] { return shown("Breaker sweep") == 1; })) << remarks.str() << sensor.sender->status().text;
  EXPECT_EQ(shown("Alder 110/20 kV"), 1u);
  tell(1, 1);
  ASSERT_TRUE(turns_until([&] { return shown("now twice in") == 1; })) << alerts.str();
  EXPECT_TRUE(turns_until([&] { return unacknowledged() == 0; }));
  EXPECT_TRUE(remarked("alder-1 at Alder 110/20 kV: connected")) << remarks.str();
}

TEST_F(DeskTest, what_it_shows_is_on_disk_and_survives_its_end) {
  open_with_sensor();
  for (uint64_t n = 1; n <= 300; n++) tell(n);
  ASSERT_TRUE(turns_until([&] { return shown("Breaker sweep") >= 100; })) << remarks.str();
  open();   // stopped and started again in the middle of it
  for (uint64_t n = 301; n <= 400; n++) tell(n);
  ASSERT_TRUE(turns_until([&] { return stories() == 400 && unacknowledged() == 0; })) << stories() << remarks.str();
  desk->turn(0);
  EXPECT_EQ(shown("Breaker sweep"), 400u) << "each once";
  for (const SensorRow& r : desk->intake().with_index([](Index& i) { return i.sensors(); })) EXPECT_EQ(r.missing + r.breaks + r.quarantined, 0u);
}

TEST_F(DeskTest, another_step_that_leads_is_shown_in_full) {
  open_with_sensor();
  tell(1, 0, new_master);
  ASSERT_TRUE(turns_until([&] { return shown("New controlling station\n") == 1; })) << alerts.str();
  tell(1, 1, sweep);                                   // as severe as who came before it
  ASSERT_TRUE(turns_until([&] { return shown("Breaker sweep") == 1; })) << alerts.str();
  EXPECT_EQ(shown("  next      "), 2u) << alerts.str();
  tell(1, 2, sweep);
  ASSERT_TRUE(turns_until([&] { return shown("times in") == 1; })) << alerts.str();
  EXPECT_EQ(shown("  next      "), 2u) << "how often, in one line";
}

TEST_F(DeskTest, json_lines_for_programs) {
  settings.show = Show::json;
  settings.severity = 4;
  open_with_sensor();
  tell(1), tell(2, 0, new_host), tell(3);
  ASSERT_TRUE(turns_until([&] { return shown("\n") == 2; })) << alerts.str();
  std::istringstream lines(alerts.str());
  for (std::string line; std::getline(lines, line);) {
    const auto j = nlohmann::json::parse(line);
    EXPECT_EQ(j["rule"]["id"], "I104-05");
    EXPECT_EQ(j["sensor"]["name"], "alder-1");
    EXPECT_EQ(j["received"].get<std::string>().size(), 30u);
  }
}

TEST_F(DeskTest, a_full_disk_makes_sensors_wait_and_loses_nothing) {
  open_with_sensor();
  first_story();
  disk.only_below = "/journal/";
  disk.write_error = -ENOSPC;
  disk.free = 0;
  for (uint64_t n = 2; n <= 50; n++) tell(n);
  ASSERT_TRUE(turns_until([&] { return remarked("sensors wait meanwhile"); })) << remarks.str();
  ASSERT_TRUE(turns_until([&] { return sensor.sender->status().state == LinkState::paused; })) << sensor.sender->status().text;
  EXPECT_EQ(stories(), 1u);
  EXPECT_GE(sensor.sender->status().last_heard, 1) << "the line stays up";
  disk.write_error = 0;
  disk.free = 1ull << 40;
  ASSERT_TRUE(turns_until([&] { return stories() == 50 && unacknowledged() == 0; })) << stories() << " " << sensor.sender->status().text;
  EXPECT_TRUE(turns_until([&] { return remarked("there is room again"); }));
  EXPECT_EQ(shown("Breaker sweep"), 50u);
}

TEST_F(DeskTest, silence_is_told_and_a_farewell_is_told_apart) {
  open_with_sensor();
  first_story();
  sensor.sender->stop();   // says good-bye
  ASSERT_TRUE(turns_until([&] { return remarked("good-bye"); })) << remarks.str();
  turns_until([] { return false; }, 2500);
  EXPECT_FALSE(remarked("SILENT")) << remarks.str();
  sensor.stop();
  connect();
  ASSERT_TRUE(turns_until([&] { return desk->receiver().status().sensors.at(0).connected; }));
  turns_until([] { return false; }, 1500);
  EXPECT_FALSE(remarked("SILENT")) << "it lives: it only has nothing to tell";
  // cut off without a word
  let_in(KeyState::suspended);
  ASSERT_TRUE(turns_until([&] { return remarked("alder-1 at Alder 110/20 kV is SILENT"); })) << remarks.str();
  let_in();
  ASSERT_TRUE(turns_until([&] { return remarked("is heard again"); }, 20'000)) << remarks.str() << sensor.sender->status().text;
}

// Somebody holds the index: nobody waits for him, and a good-bye that is said meanwhile is no silence afterwards.
TEST_F(DeskTest, who_holds_the_index_stops_neither_turns_nor_good_byes) {
  open_with_sensor();
  first_story();
  std::optional<IndexHeld> held(std::in_place, settings.state + "/index.db");
  tell(2);
  ASSERT_TRUE(turns_until([&] { return unacknowledged() == 0; })) << "the journal has it";
  sensor.sender->stop();
  ASSERT_TRUE(turns_until([&] { return remarked("good-bye"); })) << remarks.str();
  const Time began = monotonic_now(), waited = waited_for_a_core();
  for (int i = 0; i < 3; i++) sleep_for(1'100 * millisecond), desk->turn(0);
  EXPECT_LT(monotonic_now() - began, 6 * second + (waited_for_a_core() - waited));
  held.reset();
  ASSERT_TRUE(turns_until([&] { return stories() == 2; }));
  turns_until([] { return false; }, 2500);
  EXPECT_FALSE(remarked("SILENT")) << remarks.str();
}

// Silence is told from the index: while that cannot be written nobody is called silent, and a sensor that is silent brings nothing that
// would show it.
TEST_F(DeskTest, an_index_that_nobody_can_write_is_said_though_nothing_comes) {
  open_with_sensor();
  first_story();
  std::optional<IndexHeld> held(std::in_place, settings.state + "/index.db");
  let_in(KeyState::suspended);
  EXPECT_TRUE(turns_until([&] { return remarked("index.db: cannot be written: database is locked"); }, 30'000)) << remarks.str();
  EXPECT_TRUE(remarked("nor is anybody called silent")) << remarks.str();
  held.reset();
  EXPECT_TRUE(turns_until([&] { return remarked("SILENT") && remarked("the index is up to the journal again"); })) << remarks.str();
}

// The watchdog is fed between two turns, and the clock is looked at in them.
TEST_F(DeskTest, a_disk_that_stands_keeps_no_turn) {
  open_with_sensor();
  first_story();
  disk.only_below = "/journal/";
  desk->turn(0);
  disk.sync_takes = 4 * second;
  tell(2);
  ASSERT_TRUE(turns_until([&] { return disk.syncing == 1; }));
  Time longest = 0;
  for (const Time until = monotonic_now() + 3 * second; monotonic_now() < until;) {
    const Time began = monotonic_now(), waited = waited_for_a_core();
    desk->turn(20 * millisecond);
    longest = std::max(longest, monotonic_now() - began - (waited_for_a_core() - waited));
  }
  disk.sync_takes = 0;
  EXPECT_LT(longest, second);
  ASSERT_TRUE(turns_until([&] { return stories() == 2 && unacknowledged() == 0; })) << remarks.str();
}

// Nobody shows what arrives for a while: what waits is bounded by its octets, too, all of it is kept, and it is said.
TEST_F(DeskTest, long_alerts_that_wait_for_a_slow_terminal_are_bounded) {
  open_with_sensor();
  constexpr uint64_t all = 1'250;
  Story s = story_of.story(1);
  s.what = std::string(60'000, 'w');                   // nearly as long as is read
  for (uint64_t n = 1; n <= all; n++) {
    s.number = n, s.id = story_of.story(n).id;
    const uint64_t ticket = sensor.outbox->append(Lane::alert, MessageType::alert, 50, 0, story_body(s, story_of.sender(), 1795295191 * second));
    ASSERT_TRUE(ticket && sensor.outbox->wait(Lane::alert, ticket, 20 * second));
  }
  for (int i = 0; i < 3'000 && unacknowledged(); i++) sleep_for(20 * millisecond);
  ASSERT_EQ(unacknowledged(), 0u) << sensor.sender->status().text;
  ASSERT_TRUE(turns_until([&] { return remarked("alerts came faster than they could be shown"); })) << remarks.str();
  EXPECT_LT(shown("Breaker sweep"), all);
  EXPECT_GT(shown("Breaker sweep"), 800u);
  EXPECT_TRUE(turns_until([&] { return stories() == all; }));
}

TEST_F(DeskTest, two_collectors_do_not_share_a_folder) {
  open();
  CollectorSettings mine = settings;
  mine.listen = "127.0.0.1:0";
  Desk second_desk(disk, mine, alerts, remarks, Style{});
  EXPECT_NE(second_desk.start(false).find("another collector works in this folder"), std::string::npos);
}

TEST_F(DeskTest, a_port_in_use_is_named) {
  open();
  CollectorSettings mine = settings;
  mine.state = dir.path + "/other";
  Desk second_desk(disk, mine, alerts, remarks, Style{});
  const std::string error = second_desk.start(false);
  EXPECT_NE(error.find("in use"), std::string::npos) << error;
  EXPECT_NE(error.find(settings.listen.substr(settings.listen.rfind(':'))), std::string::npos) << error;
}

}  // namespace
}  // namespace vidra
