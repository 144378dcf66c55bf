// SPDX-License-Identifier: Apache-2.0
// What the two ends decide, message by message, without sockets.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <limits>

#include "daemon/base/clock.h"
#include "daemon/link/receiving_end.h"
#include "daemon/link/sending_end.h"
#include "daemon/link/socket.h"
#include "tests/link/ends.h"
#include "tests/support/faulty_storage.h"

namespace {
std::atomic<int64_t> passed{0};   // seconds by which time goes on
}
extern "C" int clock_gettime(clockid_t id, timespec* t) noexcept {
  const auto e = int(::syscall(SYS_clock_gettime, id, t));
  if (id == CLOCK_MONOTONIC) t->tv_sec += passed;
  return e;
}

namespace vidra {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::min();

struct Said { std::string route; MessageType type; std::string body; };

struct Collecting final : ReceivingEnd {
  using ReceivingEnd::ReceivingEnd;
  bool send(const std::string& route, Bytes header, Bytes body) override {
    Header h;
    EXPECT_EQ(check(header, body, h), HeaderFlaw::none);
    if (h.type == deaf_for) return false;
    said.push_back({route, h.type, std::string(text_of(body))});
    to = h.sensor;
    return true;
  }
  void wake() override {}
  MessageType deaf_for = MessageType::none;   // the connection takes none of these
  std::vector<Said> said;
  SensorId to{};
};

// A sensor's end that hears what a test says, and whose own words are only remembered.
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
  explicit SpeaksToNobody(const Keys& of, SenderSettings with = {}) : OwnOutbox(of), SendingEnd(own, std::move(with), of) {}
  int send(Bytes header, Bytes) override {
    if (full) return EAGAIN;
    Header h;
    EXPECT_EQ(decode(header, h), HeaderFlaw::none);
    said[h.type]++;
    return 0;
  }
  void hears(MessageType type, const std::string& body) { take(control_header(type, keys.id, body), bytes_of(body)); }
  void welcomed(uint32_t credit = 100) {
    Welcome w;
    w.attempt = attempt;
    w.streams = outbox.streams();
    for (StreamState& s : w.streams) s.first = s.last = 0, s.credit = credit;
    hears(MessageType::welcome, body_of(w));
  }
  bool full = false;
  std::map<MessageType, int> said;
};

struct Ends : testing::Test {
  TempDir dir;
  MemoryJournal journal;
  Heard heard;
  Keys keys = make_keys();
  KnownKeys known;
  ReceiverSettings settings;
  std::unique_ptr<Collecting> collector;

  ~Ends() override { passed = 0; }
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
    collector->on_message(frames, 3, user.empty() ? keys.curve_public : user);
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
  // Speaks as another sensor, once.
  std::string greeting(const Keys& k, const std::string& instance = "other") {
    Hello h;
    h.boot_id = "boot", h.instance = instance, h.sign_key = hex_text(k.sign_public), h.streams = {{7, 1, 1, 0, 0, 0}};
    return body_of(h);
  }
  template <class F> void as(const Keys& other, F what) {
    std::string error;
    if (!known.find(other.curve_public)) { EXPECT_TRUE(known.add(other.curve_public, KeyState::active, "", "test", error)) << error; }
    collector->refresh(known);
    collector->begin_turn();
    const SensorId own = keys.id;
    const Hash last = prev;
    user = other.curve_public, keys.id = other.id, prev = {};
    what();
    user.clear(), keys.id = own, prev = last;
  }
  int events(ReceiverEvents::Kind kind) { return heard.count(kind); }
  SensorLink link(const std::string& key) {
    collector->publish();
    for (const SensorLink& l : collector->status.sensors)
      if (l.key == key) return l;
    return {};
  }
  std::string user;             // whose key a connection has proved; "" the sensor's
  Hash prev{};
  uint64_t epoch = 7;
  void record(uint64_t seq, MessageType type = MessageType::alert, const std::string& body = "{}") {
    Header h;
    h.type = type, h.lane = 1, h.sensor = keys.id, h.epoch = epoch, h.seq = seq, h.prev = prev;
    seal(h, bytes_of(body));
    prev = h.self;
    hears(records_on, h, body);
  }
  std::string records_on = "a";
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

// --- the collector's end

TEST_F(Ends, who_may_not_speak_is_told_why) {
  begin();
  using Frames = std::vector<std::vector<uint8_t>>;
  Frames none, one{{'a'}};
  collector->on_message(none, 0, keys.curve_public);
  collector->on_message(one, 1, "");
  EXPECT_TRUE(collector->said.empty());
  const Keys stranger = make_keys(), waits = make_keys();
  user = stranger.curve_public;
  control("s", MessageType::hello, hello("one"));
  EXPECT_EQ(said(MessageType::note, "s", "revoked"), 1) << "nobody knows it any more";
  std::string error;
  ASSERT_TRUE(known.add(waits.curve_public, KeyState::pending, "", "test", error));
  collector->refresh(known);
  collector->begin_turn();
  user = waits.curve_public;
  control("w", MessageType::hello, hello("one"));
  EXPECT_EQ(said(MessageType::note, "w", "pending"), 1);
  user.clear();
  collector->on_message(one, 1, keys.curve_public);   // of a friend, and no message
  collector->publish();
  EXPECT_EQ(collector->status.unauthorised, 4u);
  EXPECT_EQ(collector->status.bad, 1u);
  EXPECT_EQ(link(keys.curve_public).bad, 1u);
  for (int i = 0; i < 5'000; i++) user = stranger.curve_public, control(std::to_string(i), MessageType::hello, hello("one"));
  EXPECT_EQ(said(MessageType::note, "4999", "revoked"), 1) << "each connection, however many";
  user.clear();
  control("a", MessageType::hello, hello("one"));
  turn();
  EXPECT_EQ(said(MessageType::welcome, "a"), 1);
}

TEST_F(Ends, a_hello_that_cannot_be_is_refused) {
  begin();
  Hello h;
  h.boot_id = "boot", h.instance = "one", h.sign_key = hex_text(keys.sign_public);
  Hello later = h, before = h, unsigned_one = h;
  later.protocol_from = later.protocol_to = 2, before.protocol_from = before.protocol_to = 0;
  unsigned_one.sign_key = "no key";
  for (const std::string& body : {std::string("{"), body_of(later), body_of(before)}) {
    collector->said.clear(), passed += 1;
    control("a", MessageType::hello, body);
    EXPECT_EQ(said(MessageType::note, "a", "unsupported"), 1) << body;
  }
  for (int i = 0; i < 2; i++) {
    collector->said.clear();
    control("a", MessageType::hello, body_of(unsigned_one));
    turn();
    EXPECT_EQ(said(MessageType::note, "a", "identity"), 1);
  }
  EXPECT_EQ(events(ReceiverEvents::Kind::refused), 1) << "once a minute";
  passed += 61;
  control("a", MessageType::hello, body_of(unsigned_one));
  turn();
  EXPECT_EQ(events(ReceiverEvents::Kind::refused), 2);
  // It is refused when another connection of it already holds the place.
  control("b", MessageType::hello, body_of(unsigned_one));
  control("c", MessageType::hello, hello("one"));
  turn();
  EXPECT_EQ(said(MessageType::welcome, "c"), 1);
}

TEST_F(Ends, what_a_sensor_says_beside_records) {
  begin();
  Hello h;
  h.boot_id = "boot", h.instance = "one", h.name = "Alder", h.sign_key = hex_text(keys.sign_public), h.streams = {{7, 1, 1, 0, 0, 0}, {7, 1, 1, 0, 0, 0}};
  control("a", MessageType::hello, body_of(h));
  turn();
  EXPECT_EQ(link(keys.curve_public).name, "Alder");
  EXPECT_EQ(link(keys.curve_public).durable.size(), 1u) << "a lane that is named twice is one";
  control("a", MessageType::ping, "{");
  EXPECT_EQ(link(keys.curve_public).bad, 1u);
  Ping pong;
  pong.answer = true;
  control("a", MessageType::ping, body_of(pong));
  control("a", MessageType::note, body_of(Note{NoteCode::none, "hm"}));
  EXPECT_EQ(said(MessageType::ping, "a") + said(MessageType::note, "a"), 0) << "no answer to an answer";
  control("a", MessageType::drill, "{}");
  EXPECT_EQ(said(MessageType::note, "a", "unsupported"), 1);
}

// What it says that it lost: some of it was never a number, some is no loss at all.
TEST_F(Ends, gaps_of_all_kinds_are_told) {
  settings.heartbeat = 3'600'000 * ms;
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  uint64_t seq = 0;
  const auto gap = [&](uint64_t of, uint64_t from, uint64_t to) {
    Gap g;
    g.epoch = of, g.lane = 1, g.from = from, g.to = to, g.reason = "evicted";
    record(++seq, MessageType::gap, body_of(g));
  };
  gap(7, 0, 0);
  gap(6, 5, 9);   // of an epoch that it does not hold any more
  gap(7, 9, 5);   // cannot be read
  EXPECT_EQ(events(ReceiverEvents::Kind::gap), 2);
  for (const auto& [unread, from] : {std::pair{"unreadable lane", 31}, std::pair{"unreadable cursor", 0}}) {
    Gap g;
    g.epoch = 5, g.lane = 2, g.from = uint64_t(from), g.to = from ? 105 : 0, g.reason = "corrupt", g.classes[unread] = 1;
    record(++seq, MessageType::gap, body_of(g));
  }
  EXPECT_EQ(heard.texts.at(heard.texts.size() - 2), "gap: lost 75 records (31 to 105) in lane 2: corrupt, and all that follows there, which the sensor cannot read");
  EXPECT_EQ(heard.texts.back(), "gap: lost records that had no number yet in lane 2: corrupt, and what had gone there before, which the sensor cannot know any more");
  record(seq += 2);
  for (uint64_t n = 1; n <= 1'100; n++) gap(6, 10 * n, 10 * n);
  gap(7, 5, 5);
  // As many holes as are remembered, and more: none is named, each is counted.
  for (int i = 0; i < 1'100; i++) record(seq += 2);
  collector->settings.heartbeat = ms;
  usleep(20'000);
  collector->end_turn();
  EXPECT_EQ(link(keys.curve_public).gaps, 1'101u);
  EXPECT_EQ(link(keys.curve_public).undeclared, 1'024u);
}

TEST_F(Ends, a_checkpoint_that_does_not_fit_is_told) {
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  record(1);
  const Hash first = prev;
  record(2);
  const auto says = [&](uint64_t seq, const SignSecret& secret, std::vector<ChainHead> heads) { record(seq, MessageType::checkpoint, body_of(sign(keys.id, std::move(heads), secret))); };
  says(3, keys.sign_secret, {{7, 1, 1, first}, {7, 1, 9, {}}, {99, 1, 1, first}});
  EXPECT_EQ(events(ReceiverEvents::Kind::bad_checkpoint), 0);
  says(4, keys.sign_secret, {{7, 1, 2, first}});
  EXPECT_EQ(events(ReceiverEvents::Kind::bad_checkpoint), 1) << "another record than came";
  says(5, make_keys().sign_secret, {{7, 1, 1, first}});
  EXPECT_EQ(events(ReceiverEvents::Kind::bad_checkpoint), 2) << "another's signature";
  record(6, MessageType::checkpoint, "{");
  EXPECT_EQ(events(ReceiverEvents::Kind::bad_checkpoint), 3);
}

TEST_F(Ends, a_chain_begins_with_nothing_before_it) {
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  prev[0] = 1;
  record(1);
  EXPECT_EQ(said(MessageType::note, "a", "diverged"), 1);
  EXPECT_EQ(events(ReceiverEvents::Kind::diverged), 1);
  prev[0] = 2;
  record(1);
  EXPECT_EQ(events(ReceiverEvents::Kind::diverged), 1) << "people hear it once a minute";
}

TEST_F(Ends, lanes_that_no_hello_named_go_on_where_the_journal_is) {
  begin();
  control("a", MessageType::hello, hello("one"));
  turn();
  for (int i = 0; i < 2; i++) {
    prev = {};
    record(1);
    record(2);
    turn();
    control("a", MessageType::hello, body_of([&] {
      Hello h;
      h.boot_id = "boot", h.instance = "one", h.sign_key = hex_text(keys.sign_public);
      return h;
    }()), uint64_t(i) + 2);
    turn();
  }
  EXPECT_EQ(journal.count(), 2u);
  EXPECT_EQ(link(keys.curve_public).duplicates, 2u) << "they are known, from the journal";
  for (uint64_t e = 100; e < 400; e++) epoch = e, prev = {}, record(1);
  EXPECT_GE(said(MessageType::note, "a", "over-quota"), 1);
  turn();
  EXPECT_LE(link(keys.curve_public).durable.size(), 256u);
}

// It holds more epochs than are kept of one sensor: what is known goes on, of what is not people hear once a minute.
TEST_F(Ends, epochs_beyond_the_most_are_not_taken) {
  for (uint64_t e = 1; e <= 4'096; e++) {
    Header h;
    h.type = MessageType::alert, h.lane = 1, h.sensor = keys.id, h.epoch = e << 32, h.seq = 5;
    journal.kept[{uuid_text(keys.id), h.epoch, uint8_t{1}}][5] = {h, "{}", false};
  }
  begin();
  Hello h;
  h.boot_id = "boot", h.instance = "one", h.sign_key = hex_text(keys.sign_public);
  h.streams = {{uint64_t{1} << 32, 1, 1, 9, 0, 0}, {7, 1, 1, 0, 0, 0}, {8, 1, 1, 0, 0, 0}};
  for (int i = 0; i < 2; i++) {
    control("a", MessageType::hello, body_of(h), uint64_t(i) + 1);
    turn();
    EXPECT_EQ(link(keys.curve_public).durable.size(), 1u);
  }
  EXPECT_EQ(events(ReceiverEvents::Kind::over_quota), 1);
  record(1);
  EXPECT_EQ(said(MessageType::note, "a", "over-quota"), 1);
  EXPECT_EQ(events(ReceiverEvents::Kind::over_quota), 1);
}

TEST_F(Ends, more_records_than_agreed_are_asked_to_wait) {
  settings.sensor_records_per_second = 3;
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  for (uint64_t n = 1; n <= 5; n++) record(n);
  EXPECT_EQ(said(MessageType::note, "a", "over-quota"), 1);
  EXPECT_EQ(said(MessageType::ack, "a", "\"credit\":0"), 1);
  EXPECT_EQ(events(ReceiverEvents::Kind::over_quota), 1);
  // A second time within the minute, on a connection that takes no acknowledgement.
  collector->deaf_for = MessageType::ack;
  turn();
  control("a", MessageType::hello, hello("one", 3), 2);
  turn();
  for (uint64_t n = 4; n <= 8; n++) record(n);
  turn();
  EXPECT_EQ(events(ReceiverEvents::Kind::over_quota), 1);
  EXPECT_EQ(said(MessageType::ack, "a"), 1);
  // Nor a welcome: it is not greeted then.
  collector->deaf_for = MessageType::welcome;
  control("a", MessageType::hello, hello("one", 3), 3);
  turn();
  collector->said.clear(), passed += 1;
  record(9);
  EXPECT_EQ(said(MessageType::note, "a", "hello-first"), 1);
}

// Two that live with one identity, in turn, each with connections of its own.
TEST_F(Ends, copies_of_a_sensor_are_told_however_many_they_are) {
  settings.heartbeat = 100'000 * ms;
  begin();
  uint64_t at = 0;
  const auto says = [&](const std::string& route, const std::string& instance) {
    passed += 1;
    control(route, MessageType::hello, hello(instance), ++at);
    turn();
  };
  says("a", "one");
  says("b", "two");
  says("a", "one");
  EXPECT_EQ(said(MessageType::note, "a", "hello-first"), 1) << "it may be read late";
  says("a", "one");
  EXPECT_EQ(said(MessageType::note, "a", "hello-first"), 2) << "a quarter of a heartbeat is not over";
  EXPECT_EQ(events(ReceiverEvents::Kind::clone), 0);
  passed += 30;
  says("a", "one");
  EXPECT_EQ(events(ReceiverEvents::Kind::clone), 1);
  EXPECT_EQ(said(MessageType::note, "b", "clone"), 1);
  // Each newcomer is the first one's copy: more than are remembered, and people hear once a minute.
  for (int i = 0; i < 100; i++) {
    says("c", "copy " + std::to_string(i));
    says("d" + std::to_string(i), "one");
  }
  EXPECT_GT(events(ReceiverEvents::Kind::clone), 2);
  EXPECT_LT(events(ReceiverEvents::Kind::clone), 10);
  EXPECT_GT(said(MessageType::note, "c", "clone"), 90);
  for (int i = 0; i < 100; i++) says("e", "restart " + std::to_string(i));   // and one that was only started often
  EXPECT_EQ(said(MessageType::welcome, "e"), 100);
}

// Nothing is taken, for nobody; people hear it once, each sensor is asked to wait, and all go on when it is over.
TEST_F(Ends, a_journal_that_takes_nothing_holds_everybody_up_once) {
  settings.heartbeat = 3'600'000 * ms;
  begin();
  const Keys birch = make_keys(), cedar = make_keys();
  control("a", MessageType::hello, hello("one", 3));
  as(birch, [&] { control("b", MessageType::hello, greeting(birch)); });
  as(cedar, [&] { control("c", MessageType::hello, greeting(cedar)); });
  turn();
  ASSERT_EQ(said(MessageType::welcome, "b") + said(MessageType::welcome, "c"), 2);
  as(cedar, [&] { control("c", MessageType::bye, body_of(Bye{"gone"})); });
  record(1);
  turn();
  EXPECT_EQ(journal.count(), 1u);
  // What was taken cannot be made durable, and what comes behind it is not taken.
  journal.room = 1, journal.failing = true;
  record(2);
  record(3);
  record(4);
  records_on = "b";
  as(birch, [&] { record(1); });
  records_on = "a";
  turn();
  EXPECT_EQ(events(ReceiverEvents::Kind::journal_failed), 1);
  EXPECT_EQ(journal.count(), 1u);
  EXPECT_TRUE(link(keys.curve_public).paused);
  EXPECT_TRUE(link(birch.curve_public).paused);
  record(5);   // drained
  turn();
  passed += 2;
  turn();
  EXPECT_TRUE(collector->pausing) << "it is asked, and still takes nothing";
  collector->said.clear();
  journal.room = 1'000'000, journal.failing = false;
  passed += 2;
  turn();
  EXPECT_FALSE(collector->pausing);
  EXPECT_EQ(said(MessageType::note, "a", "rewind"), 1);
  EXPECT_EQ(said(MessageType::note, "b", "rewind"), 1);
  EXPECT_EQ(said(MessageType::note, "", "rewind"), 0) << "who has gone is not called";
  passed += 2;
  turn();
  EXPECT_EQ(said(MessageType::note, "a", "rewind"), 2) << "until it comes";
}

// It failed, and was well again before the thread of the socket heard of it.
TEST_F(Ends, a_hole_in_the_journal_is_asked_for_again_at_once) {
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  record(1);
  journal.failing = true;
  std::deque<ReceivingEnd::Job> jobs;
  jobs.swap(collector->queue);
  collector->journal_turn(jobs, known);
  journal.failing = false;
  passed += 2;
  jobs.clear();
  collector->journal_turn(jobs, known);
  EXPECT_FALSE(collector->pausing);
  collector->begin_turn();
  EXPECT_GE(said(MessageType::note, "a", "rewind"), 1);
}

// Answers of the journal for lanes that a later HELLO has not named, for one that has come again, and of what is known.
TEST_F(Ends, late_answers_of_the_journal_do_no_harm) {
  begin();
  control("a", MessageType::hello, hello("one", 3));
  turn();
  record(1);
  std::deque<ReceivingEnd::Job> jobs;
  jobs.swap(collector->queue);
  collector->journal_turn(jobs, known);
  {
    std::lock_guard lock(collector->mutex);
    ASSERT_EQ(collector->done.size(), 1u);
    collector->done.push_back(collector->done[0]);
    collector->done.push_back(collector->done[0]);
    collector->done.back().heads = {{99, 1, 5, {}}};
  }
  collector->begin_turn();
  collector->publish();
  EXPECT_EQ(collector->status.durable, 1u);
  control("a", MessageType::hello, hello("one", 3), 2);
  jobs.clear();
  jobs.swap(collector->queue);
  control("b", MessageType::hello, hello("one", 3), 3);
  collector->journal_turn(jobs, known);
  collector->begin_turn();
  EXPECT_EQ(said(MessageType::welcome, "b"), 0);
  turn();
  EXPECT_EQ(said(MessageType::welcome, "b"), 1);
}

// The sensor falls silent while it is to say HELLO again, after it said good-bye, and ever.
TEST_F(Ends, silence_is_told_once) {
  settings.heartbeat = 1'000 * ms;
  begin();
  control("a", MessageType::hello, hello("one"));
  turn();
  passed += 10;
  turn();
  EXPECT_EQ(events(ReceiverEvents::Kind::silent), 1);
  passed += 10;
  turn();
  EXPECT_EQ(events(ReceiverEvents::Kind::silent), 1);
  journal.failing = true;
  record(1);
  turn();
  control("a", MessageType::bye, body_of(Bye{"gone"}));
  journal.failing = false;
  collector->said.clear(), passed += 2;
  turn();
  passed += 2;
  turn();
  EXPECT_EQ(said(MessageType::note, "a"), 0) << "nobody is there";
}

TEST_F(Ends, a_farewell_counts_as_heard_when_it_is_answered) {
  begin();
  control("a", MessageType::hello, hello("one"));
  turn();
  collector->deaf_for = MessageType::ping;
  collector->farewell();
  EXPECT_TRUE(collector->all_heard_farewell()) << "one whose connection takes no more is not waited for";
  collector->deaf_for = MessageType::bye;
  collector->farewell();
  EXPECT_TRUE(collector->all_heard_farewell());
  collector->deaf_for = MessageType::none;
  collector->farewell();
  Ping ping, pong;
  pong.answer = true;
  const auto answers = [&](MessageType type, const std::string& body, size_t frames, uint8_t damage = 0) {
    Header h;
    h.type = type, h.sensor = keys.id;
    seal(h, bytes_of(body));
    HeaderBytes bytes = encode(h);
    bytes[40] ^= damage;
    std::vector<std::vector<uint8_t>> f{{'a'}, {bytes.begin(), bytes.end()}, {body.begin(), body.end()}};
    collector->after_farewell(f, frames);
    return collector->all_heard_farewell();
  };
  EXPECT_FALSE(answers(MessageType::ping, body_of(pong), 2));
  EXPECT_FALSE(answers(MessageType::ping, body_of(pong), 3, 1));
  EXPECT_FALSE(answers(MessageType::alert, body_of(pong), 3));
  EXPECT_FALSE(answers(MessageType::ping, "{", 3));
  EXPECT_FALSE(answers(MessageType::ping, body_of(ping), 3));
  EXPECT_TRUE(answers(MessageType::ping, body_of(pong), 3));
}

// --- the sensor's end

struct SensorsEnd : testing::Test {
  ~SensorsEnd() override { passed = 0; }
  SensorsEnd() {
    settings.heartbeat = 10'000 * ms;
    settings.acknowledge_within = 5'000 * ms;
    settings.hello.boot_id = "this boot";
  }
  void begin(bool welcome = true) {
    end = std::make_unique<SpeaksToNobody>(keys, settings);
    end->outbox.open();
    end->began();
    end->shaken_hands();
    if (welcome) end->welcomed();
  }
  void alert() {
    ASSERT_NE(end->outbox.append(Lane::alert, MessageType::alert, 1, 0, "{}"), 0u);
    ASSERT_TRUE(end->outbox.commit());
  }
  Keys keys = make_keys();
  SenderSettings settings;
  std::unique_ptr<SpeaksToNobody> end;
};

TEST_F(SensorsEnd, what_cannot_be_read_is_counted_and_changes_nothing) {
  begin();
  EXPECT_EQ(end->settings.hello.boot_id, "this boot");
  for (const MessageType type : {MessageType::welcome, MessageType::ack, MessageType::note, MessageType::ping}) end->hears(type, "{");
  EXPECT_EQ(end->status.bad_messages, 4u);
  const std::string body = body_of(Bye{"another's"});
  end->take(control_header(MessageType::bye, make_keys().id, body), bytes_of(body));
  HeaderBytes header = control_header(MessageType::bye, keys.id, body);
  header[40] ^= 1;
  end->take(header, bytes_of(body));
  EXPECT_EQ(end->status.bad_messages, 6u);
  end->hears(MessageType::drill, "{}");   // of a later version
  EXPECT_EQ(end->status.bad_messages, 6u);
  EXPECT_EQ(end->state(), LinkState::connected);
}

TEST_F(SensorsEnd, only_the_answer_to_the_latest_hello_counts) {
  begin(false);
  Ack a;
  a.streams = end->outbox.streams();
  end->hears(MessageType::ack, body_of(a));
  EXPECT_EQ(end->status.acknowledged, 0u) << "not before the WELCOME";
  Welcome w;
  w.streams = end->outbox.streams();
  w.streams.insert(w.streams.begin(), {77, 0, 0, 0, 0, 1});   // of an epoch that is not here
  for (StreamState& s : w.streams) s.first = s.last = 0, s.credit = 1;
  w.attempt = 9;
  end->hears(MessageType::welcome, body_of(w));
  EXPECT_EQ(end->state(), LinkState::greeting);
  w.attempt = 0;   // of a collector that does not say which
  end->hears(MessageType::welcome, body_of(w));
  EXPECT_EQ(end->state(), LinkState::connected);
}

TEST_F(SensorsEnd, a_collector_that_asks_to_wait_is_waited_for) {
  begin();
  Ack a;
  end->hears(MessageType::ack, body_of(a));
  EXPECT_EQ(end->state(), LinkState::connected) << "of no lane";
  a.streams = end->outbox.streams();
  for (StreamState& s : a.streams) s.first = s.last = 0;
  end->hears(MessageType::ack, body_of(a));
  EXPECT_EQ(end->state(), LinkState::paused);
  a.streams[0].credit = 1;
  end->hears(MessageType::ack, body_of(a));
  EXPECT_EQ(end->state(), LinkState::connected);
  for (const NoteCode code : {NoteCode::maintenance, NoteCode::over_quota}) {
    end->hears(MessageType::note, body_of(Note{code, "later"}));
    EXPECT_EQ(end->state(), LinkState::paused);
    end->hears(MessageType::ack, body_of(a));
    EXPECT_EQ(end->state(), LinkState::connected);
  }
  end->hears(MessageType::note, body_of(Note{NoteCode::unsupported, "what is that"}));
  EXPECT_EQ(end->state(), LinkState::connected);
  EXPECT_EQ(end->status.last_note.text, "what is that");
}

TEST_F(SensorsEnd, who_is_refused_asks_again_at_leisure) {
  for (const NoteCode code : {NoteCode::pending_approval, NoteCode::revoked, NoteCode::suspended, NoteCode::clone, NoteCode::identity, NoteCode::diverged}) {
    settings.heartbeat = 4'000 * ms;
    begin();
    end->hears(MessageType::note, body_of(Note{code, "no"}));
    EXPECT_EQ(end->state(), code == NoteCode::pending_approval ? LinkState::waiting_approval : LinkState::refused);
    const int before = end->said[MessageType::hello];
    passed += 6;
    EXPECT_TRUE(end->due());
    EXPECT_EQ(end->said[MessageType::hello], before);
    end->heard = monotonic_now();
    passed += 7;
    EXPECT_TRUE(end->due());
    EXPECT_EQ(end->said[MessageType::hello], before + 1);
  }
}

TEST_F(SensorsEnd, who_was_refused_and_is_asked_to_wait_then_waits) {
  settings.heartbeat = 20'000 * ms;
  begin();
  end->hears(MessageType::note, body_of(Note{NoteCode::suspended, "no"}));
  end->hears(MessageType::note, body_of(Note{NoteCode::maintenance, "later"}));
  EXPECT_EQ(end->state(), LinkState::paused);
  passed += 4;
  EXPECT_TRUE(end->due());
  EXPECT_EQ(end->said[MessageType::hello], 1);
  for (int asked = 2; asked <= 6; asked++) {
    passed += 6;
    EXPECT_TRUE(end->due());
    EXPECT_EQ(end->said[MessageType::hello], asked) << "an answer may have been lost";
  }
  EXPECT_NE(end->status.text.find("asks to wait: later"), std::string::npos) << end->status.text;
}

TEST_F(SensorsEnd, a_new_epoch_is_announced) {
  begin();
  auto states = end->outbox.streams();
  for (StreamState& s : states) s.durable = 50, s.credit = 100;
  end->outbox.rewind(states);   // the collector knows more than is here
  ASSERT_TRUE(end->outbox.commit());
  ASSERT_TRUE(end->outbox.unannounced());
  const int before = end->said[MessageType::hello];
  EXPECT_TRUE(end->due());
  EXPECT_EQ(end->said[MessageType::hello], before) << "a moment after the last one";
  passed += 1;
  EXPECT_TRUE(end->due());
  EXPECT_EQ(end->said[MessageType::hello], before + 1);
}

TEST_F(SensorsEnd, a_record_for_which_there_was_no_room_is_the_next) {
  begin();
  alert();
  end->full = true;
  EXPECT_FALSE(end->deliver());
  EXPECT_EQ(end->status.sent, 0u);
  EXPECT_FALSE(end->deliver());
  end->full = false;
  EXPECT_FALSE(end->deliver());
  EXPECT_EQ(end->said[MessageType::alert], 1);
  EXPECT_EQ(end->status.sent, 1u);
  alert();
  EXPECT_FALSE(end->deliver());
  // Not acknowledged for long: asked, and sent again.
  const int before = end->said[MessageType::hello];
  passed += 6;
  EXPECT_TRUE(end->due());
  EXPECT_EQ(end->said[MessageType::hello], before + 1);
  end->welcomed();
  EXPECT_FALSE(end->deliver());
  EXPECT_GE(end->said[MessageType::alert], 4);
}

TEST_F(SensorsEnd, pings_are_answered_and_answers_are_not) {
  begin();
  Ping ping;
  ping.t1 = 5;
  end->hears(MessageType::ping, body_of(ping));
  EXPECT_EQ(end->said[MessageType::ping], 1);
  ping.answer = true, ping.t1 = 0;   // to nothing that was asked
  end->hears(MessageType::ping, body_of(ping));
  EXPECT_EQ(end->said[MessageType::ping], 1);
  EXPECT_EQ(end->round_trip(), 0);
  passed += 11;
  EXPECT_TRUE(end->due());
  EXPECT_EQ(end->said[MessageType::ping], 2);
  passed += 30;
  EXPECT_FALSE(end->due()) << "nothing was heard for so long";
}

}  // namespace
}  // namespace vidra
