// SPDX-License-Identifier: Apache-2.0
// What the two ends decide, message by message, without sockets.
#include <limits>

#include "daemon/link/receiving_end.h"
#include "daemon/link/sending_end.h"
#include "daemon/link/socket.h"
#include "tests/link/ends.h"
#include "tests/support/faulty_storage.h"

namespace vidra {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::min();

struct Said { std::string route; MessageType type; std::string body; };

struct Collecting final : ReceivingEnd {
  using ReceivingEnd::ReceivingEnd;
  bool send(const std::string& route, Bytes header, Bytes body) override {
    Header h;
    EXPECT_EQ(check(header, body, h), HeaderFlaw::none);
    said.push_back({route, h.type, std::string(text_of(body))});
    to = h.sensor;
    return true;
  }
  void wake() override {}
  std::vector<Said> said;
  SensorId to{};
};

// A sensor's end that hears what a test says, and whose own words go nowhere.
struct OwnOutbox {
  explicit OwnOutbox(const Keys& of) : own(disk, bounds(), of.sign_secret) {}
  static OutboxSettings bounds() {
    OutboxSettings o;
    o.directory = "/outbox", o.free_floor = 0;
    return o;
  }
  FaultyStorage disk;
  Outbox own;
};
struct SpeaksToNobody final : private OwnOutbox, public SendingEnd {
  explicit SpeaksToNobody(const Keys& of) : OwnOutbox(of), SendingEnd(own, {}, of) {}
  int send(Bytes, Bytes) override { return 0; }
};

struct Ends : testing::Test {
  TempDir dir;
  MemoryJournal journal;
  Heard heard;
  Keys keys = make_keys();
  KnownKeys known;
  ReceiverSettings settings;
  std::unique_ptr<Collecting> collector;

  Ends() {
    std::string error;
    EXPECT_TRUE(known.open(dir.path + "/keys.db", error) && known.add(keys.curve_public, KeyState::active, "", "test", error)) << error;
    settings.heartbeat = 20 * ms;
  }
  void begin() {
    collector = std::make_unique<Collecting>(journal, heard, settings);
    collector->refresh(known);
    collector->begin_turn();
  }
  void hears(const std::string& route, const Header& h, const std::string& body) {
    const HeaderBytes bytes = encode(h);
    std::vector<std::vector<uint8_t>> frames{{route.begin(), route.end()}, {bytes.begin(), bytes.end()}, {body.begin(), body.end()}};
    collector->on_message(frames, 3, keys.curve_public);
  }
  void control(const std::string& route, MessageType type, const std::string& body, uint64_t mono_ns = 1) {
    Header h;
    h.type = type, h.sensor = keys.id, h.wall_ns = 1, h.mono_ns = mono_ns;
    seal(h, bytes_of(body));
    hears(route, h, body);
  }
  std::string hello(const std::string& instance, size_t streams = 1) {
    Hello h;
    h.boot_id = "boot", h.instance = instance, h.sign_key = hex_text(keys.sign_public);
    for (size_t i = 0; i < streams; i++) h.streams.push_back({7 + i / 3, uint8_t(i % 3), 1, 0, 0, 0});
    return body_of(h);
  }
  void turn() {
    std::deque<ReceivingEnd::Job> jobs;
    jobs.swap(collector->queue);
    collector->journal_turn(jobs, known);
    collector->begin_turn();
    collector->end_turn();
  }
  int said(MessageType type, const std::string& route, const std::string& with = "") {
    int n = 0;
    for (const Said& s : collector->said) n += s.type == type && s.route == route && s.body.find(with) != s.body.npos;
    return n;
  }
  Hash prev{};
  void record(uint64_t seq, MessageType type = MessageType::alert, const std::string& body = "{}") {
    Header h;
    h.type = type, h.lane = 1, h.sensor = keys.id, h.epoch = 7, h.seq = seq, h.prev = prev;
    seal(h, bytes_of(body));
    prev = h.self;
    hears("a", h, body);
  }
};

TEST_F(Ends, a_good_bye_reaches_who_waits_for_its_welcome_too) {
  begin();
  control("a", MessageType::hello, hello("one"));
  collector->farewell();
  EXPECT_EQ(said(MessageType::welcome, "a"), 0);
  EXPECT_EQ(said(MessageType::bye, "a"), 1);
  EXPECT_EQ(collector->to, keys.id) << "in its own name, or it is not taken";
  EXPECT_FALSE(collector->all_heard_farewell());
  Ping pong;
  pong.answer = true, pong.t1 = 1;
  const std::string body = body_of(pong);
  Header h;
  h.type = MessageType::ping, h.sensor = keys.id;
  seal(h, bytes_of(body));
  const HeaderBytes bytes = encode(h);
  std::vector<std::vector<uint8_t>> frames{{'a'}, {bytes.begin(), bytes.end()}, {body.begin(), body.end()}};
  collector->after_farewell(frames, 3);
  EXPECT_TRUE(collector->all_heard_farewell());
}

// A machine put back to a snapshot of its memory: same boot, same run, and a clock of before. It may not be kept out until that has caught up.
TEST_F(Ends, a_sensor_whose_clock_since_boot_went_back_is_heard_again_after_a_while) {
  settings.heartbeat = 3'600'000 * ms;
  begin();
  const auto three_heartbeats_pass = [&] {
    collector->settings.heartbeat = ms / 4;
    usleep(2'000);
  };
  control("a", MessageType::hello, hello("one"), 1'000'000);
  turn();
  ASSERT_EQ(said(MessageType::welcome, "a"), 1);
  control("b", MessageType::hello, hello("one"), 500);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "b"), 0) << "it may have been said before";
  EXPECT_EQ(said(MessageType::note, "b", "hello-first"), 1);
  three_heartbeats_pass();   // without a word
  control("b", MessageType::hello, hello("one"), 600);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "b"), 1);
  // Restarted there: another run. What its former one said before is still of before.
  control("c", MessageType::hello, hello("two"), 700);
  turn();
  ASSERT_EQ(said(MessageType::welcome, "c"), 1);
  three_heartbeats_pass();
  control("b", MessageType::hello, hello("one"), 650);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "b"), 1);
  EXPECT_EQ(heard.count(ReceiverEvents::Kind::clone), 0);
}

TEST_F(Ends, a_flood_of_hellos_is_bounded) {
  settings.sensor_bytes = 20'000;
  begin();
  const std::string large = hello("one", 100);
  for (uint64_t i = 0; i < 500; i++) control("a", MessageType::hello, large, i + 1);
  uint64_t held = 0;
  for (const auto& j : collector->queue) held += j.said.streams.size() * 40;
  EXPECT_LE(held, settings.sensor_bytes);
  EXPECT_GT(collector->queue.size(), 1u);
  EXPECT_GE(said(MessageType::note, "a", "over-quota"), 1);
  for (int i = 0; i < 3; i++) turn();
  control("a", MessageType::hello, large, 1000);
  turn();
  EXPECT_GT(said(MessageType::welcome, "a"), 1) << "afterwards as before";
}

// 1,400 epochs of before, as of a box whose outbox is torn at each start: a WELCOME names all that the sensor holds now.
TEST_F(Ends, a_welcome_names_what_the_sensor_holds_however_many_epochs_were_before) {
  begin();
  for (const uint64_t epochs : {uint64_t{90}, uint64_t{1'300}}) {
    for (uint64_t e = 0; e < epochs; e++)
      for (uint8_t lane = 0; lane < 3; lane++) {
        Header h;
        h.type = MessageType::alert, h.lane = lane, h.sensor = keys.id, h.epoch = e << 32, h.seq = 5;
        journal.kept[{uuid_text(keys.id), h.epoch, lane}][5] = {h, "{}", false};
      }
    Hello held;
    held.boot_id = "boot", held.instance = "one", held.sign_key = hex_text(keys.sign_public);
    for (uint8_t lane = 0; lane < 3; lane++) held.streams.push_back({uint64_t{77} << 32, lane, 1, 9, 0, 0}), held.streams.push_back({~uint64_t{0}, lane, 1, 0, 0, 0});
    collector->said.clear();
    control("a", MessageType::hello, body_of(held), epochs);
    turn();
    ASSERT_EQ(said(MessageType::welcome, "a"), 1);
    Welcome w;
    for (const Said& s : collector->said)
      if (s.type == MessageType::welcome) { ASSERT_TRUE(read(bytes_of(s.body), w)); }
    ASSERT_EQ(w.streams.size(), 6u) << epochs;
    for (const StreamState& s : w.streams) {
      EXPECT_EQ(s.durable, s.epoch == ~uint64_t{0} ? 0u : 5u);
      EXPECT_GT(s.credit, 0u);
    }
  }
  EXPECT_EQ(heard.count(ReceiverEvents::Kind::over_quota), 0);
  // But not for ever more: what is kept of each has an end, and that is said.
  for (uint64_t e = 0; e < 4'096; e++) {
    Header h;
    h.type = MessageType::alert, h.lane = 1, h.sensor = keys.id, h.epoch = e << 32, h.seq = 5;
    journal.kept[{uuid_text(keys.id), h.epoch, uint8_t{1}}][5] = {h, "{}", false};
  }
  collector->said.clear();
  control("a", MessageType::hello, hello("one"), 5'000);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "a", "\"streams\":[]"), 1);
  EXPECT_EQ(heard.count(ReceiverEvents::Kind::over_quota), 1);
}

// A collector of before, or one that takes no more epochs.
TEST_F(Ends, a_welcome_that_leaves_out_what_is_held_is_no_connection) {
  SpeaksToNobody sensor(keys);
  Outbox& outbox = sensor.outbox;
  outbox.open();
  sensor.began();
  sensor.shaken_hands();
  Welcome w;
  w.attempt = sensor.attempt;
  const auto take = [&](MessageType type, const std::string& body) { sensor.take(control_header(type, keys.id, body), bytes_of(body)); };
  take(MessageType::welcome, body_of(w));
  EXPECT_EQ(sensor.state(), LinkState::paused);
  EXPECT_NE(sensor.status.text.find("3 of the 3 lanes"), std::string::npos) << sensor.status.text;
  for (const uint8_t lane : {uint8_t{0}, uint8_t{1}}) w.streams.push_back({outbox.epoch(), lane, 0, 0, 0, 100});
  take(MessageType::welcome, body_of(w));
  EXPECT_EQ(sensor.state(), LinkState::paused);
  Ack a;
  a.streams = w.streams;
  take(MessageType::ack, body_of(a));
  EXPECT_EQ(sensor.state(), LinkState::paused) << "what it says of two lanes takes nothing from the third";
  w.streams.push_back({outbox.epoch(), 2, 0, 0, 0, 100});
  take(MessageType::welcome, body_of(w));
  EXPECT_EQ(sensor.state(), LinkState::connected);
}

// An approved key that names itself anew with each HELLO, and alternates.
TEST_F(Ends, greetings_are_rationed_and_clones_told_once_a_minute) {
  settings.heartbeat = 1'000 * ms;
  begin();
  uint64_t at = 1;
  const int64_t began = monotonic_now();
  for (int i = 0; i < 2'000; i++) {
    control(i % 2 ? "a" : "b", MessageType::hello, hello(std::to_string(i / 2 - i % 2)), at++);
    control(i % 2 ? "a" : "b", MessageType::bye, body_of(Bye{"gone"}), at++);
    if (i % 10 == 0) turn();
  }
  turn();
  EXPECT_LE(said(MessageType::welcome, "a") + said(MessageType::welcome, "b") + heard.count(ReceiverEvents::Kind::bye), 8 * (2 + int((monotonic_now() - began) / (1'000 * ms))));
  EXPECT_LE(heard.count(ReceiverEvents::Kind::clone), 1);
  EXPECT_GE(said(MessageType::note, "a", "over-quota") + said(MessageType::note, "b", "over-quota"), 1);
  usleep(300'000);
  collector->said.clear();
  control("c", MessageType::hello, hello("last"), at++);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "c"), 1) << "a moment later it is heard as ever";
}

// 1,024 adjacent ranges, the last first, and as many holes.
TEST_F(Ends, many_declared_ranges_cover_what_they_cover_together) {
  settings.heartbeat = 3'600'000 * ms;
  begin();
  control("a", MessageType::hello, hello("one"));
  turn();
  uint64_t seq = 1;
  record(seq);
  for (int i = 0; i < 600; i++) record(seq += 2);
  for (uint64_t n = seq; n > 1; n -= 2) {
    Gap g;
    g.epoch = 7, g.lane = 1, g.from = n - 1, g.to = n, g.reason = "evicted";
    record(++seq, MessageType::gap, body_of(g));
  }
  Gap backwards;
  backwards.epoch = 7, backwards.lane = 1, backwards.from = 9, backwards.to = 3;
  record(++seq, MessageType::gap, body_of(backwards));
  record(seq += 5);   // five not named
  collector->publish();
  EXPECT_EQ(collector->status.sensors.at(0).gaps, 604u);
  // A hole that several ranges name together is none.
  Gap g;
  g.epoch = 7, g.lane = 1, g.reason = "evicted";
  for (uint64_t n : {seq - 1, seq - 3, seq - 2, seq - 4}) g.from = g.to = n, record(++seq, MessageType::gap, body_of(g));
  record(seq += 2);
  settings.heartbeat = collector->settings.heartbeat = ms;
  usleep(20'000);
  collector->end_turn();
  collector->publish();
  EXPECT_EQ(collector->status.sensors.at(0).undeclared, 1u) << "the last one alone";
}

TEST_F(Ends, times_of_strangers_may_be_any_number) {
  begin();
  control("a", MessageType::hello, hello("one"));
  turn();
  for (int64_t t : {never, never + 1, int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    Ping p;
    p.t1 = t;
    control("a", MessageType::ping, body_of(p));
  }
  EXPECT_EQ(said(MessageType::ping, "a"), 4);

  SpeaksToNobody sensor(keys);
  const auto pong = [&](int64_t t1, int64_t t2, int64_t t3) {
    Ping p;
    p.answer = true, p.t1 = t1, p.t2 = t2, p.t3 = t3;
    const std::string body = body_of(p);
    sensor.take(control_header(MessageType::ping, keys.id, body), bytes_of(body));
  };
  const int64_t now = wall_now();
  for (int64_t a : {never, int64_t{1}, now + 3'600'000 * ms, std::numeric_limits<int64_t>::max()}) pong(a, now, now);
  pong(now, now, never);
  EXPECT_EQ(sensor.round_trip(), 0) << "no round trip takes an hour, or less than nothing";
  EXPECT_EQ(sensor.status.clock_offset, 0);
  pong(wall_now() - 5 * ms, never, never + ms);
  EXPECT_GT(sensor.round_trip(), 0);
  EXPECT_TRUE(sensor.due());
}

}  // namespace
}  // namespace vidra
