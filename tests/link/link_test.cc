// SPDX-License-Identifier: Apache-2.0
// Both ends over loopback, and what real networks put between and instead of them. Each trap of libzmq that can silence
// a sensor for good is here, with the way out.
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "daemon/link/probe.h"
#include "tests/link/ends.h"
#include "tests/link/fakes.h"
#include "tests/support/sanitized.h"

namespace vidra {
namespace {

using Kind = ReceiverEvents::Kind;

struct Link : testing::Test {
  TempDir dir;
  CollectorEnd collector{dir};
  SensorEnd sensor{dir};
  void begin(KeyState state = KeyState::active) {
    collector.start();
    collector.set(sensor.keys, state);
    sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  }
  void alerts(int from, int to) {
    for (int i = from; i < to; i++) sensor.alert(i);
  }
  void expect_all(int n) {
    EXPECT_TRUE(eventually([&] { return collector.journal.count() >= size_t(n); })) << collector.journal.count() << " of " << n << ": " << sensor.sender->status().text;
    std::set<std::string> seen;
    for (const auto& b : collector.journal.bodies()) EXPECT_TRUE(seen.insert(b).second) << b;
    for (int i = 0; i < n; i++) EXPECT_TRUE(seen.contains("{\"n\":" + std::to_string(i) + "}")) << i;
  }
  bool state(LinkState s) {   // within 5 s
    return eventually([&] { return sensor.sender->status().state == s; }, 5000) || (ADD_FAILURE() << "is " << name_of(sensor.sender->status().state) << ": " << sensor.sender->status().text, false);
  }
};

TEST_F(Link, delivers_in_order_and_is_acknowledged) {
  begin();
  alerts(0, 1000);
  expect_all(1000);
  EXPECT_TRUE(collector.journal.unbroken());
  EXPECT_TRUE(eventually([&] { return sensor.outbox->status().lanes[1].unacknowledged == 0; }));
  EXPECT_EQ(collector.journal.repeated, 0u);
  EXPECT_EQ(sensor.sender->status().state, LinkState::connected) << sensor.sender->status().text;
  EXPECT_TRUE(eventually([&] { return collector.journal.count(MessageType::checkpoint) > 0; }));
  EXPECT_EQ(collector.events.count(Kind::bad_checkpoint), 0);
  EXPECT_TRUE(eventually([&] { return sensor.sender->status().round_trip > 0; }));
}

// A foreign service on the port ends libzmq's session for good (measured, 4.3.4): only a new socket brings it back.
struct Foreign : Link, testing::WithParamInterface<std::tuple<FakeServer::Says, LinkState, Probe>> {};
TEST_P(Foreign, on_the_port_then_the_collector_delivery_resumes) {
  const auto [says, expected, probed] = GetParam();
  {
    FakeServer fake(says);
    EXPECT_EQ(probe(fake.endpoint(), make_keys().curve_public, 200 * ms), probed);
    sensor.start(fake.endpoint(), collector.keys.curve_public);
    alerts(0, 50);
    state(expected);
    EXPECT_TRUE(eventually([&] { return sensor.sender->status().sockets >= 3; }));   // it keeps trying with new sockets
    collector.settings.endpoint = fake.endpoint();
  }
  collector.set(sensor.keys, KeyState::active);
  collector.start();
  expect_all(50);
  state(LinkState::connected);
}
INSTANTIATE_TEST_SUITE_P(Answers, Foreign,
  testing::Values(std::tuple{FakeServer::Says::http, LinkState::wrong_service, Probe::other}, std::tuple{FakeServer::Says::random, LinkState::wrong_service, Probe::other},
                  std::tuple{FakeServer::Says::null_greeting, LinkState::wrong_service, Probe::no_curve}, std::tuple{FakeServer::Says::nothing, LinkState::silent, Probe::silent},
                  std::tuple{FakeServer::Says::closes, LinkState::wrong_service, Probe::other}));

TEST_F(Link, collector_away_then_there) {
  { FakeServer reserve(FakeServer::Says::nothing); collector.settings.endpoint = reserve.endpoint(); }
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  alerts(0, 50);
  state(LinkState::away);
  collector.set(sensor.keys, KeyState::active);
  collector.start();
  expect_all(50);
}

// A collector lets a key that waits run into its handshake's end, which looks like a server that cannot read us: the port is
// asked whether it holds the key. (Said "wrong key" to every sensor whose key was not approved within three seconds.)
TEST_F(Link, a_key_that_waits_is_not_called_a_wrong_server_key) {
  collector.settings.handshake = 200 * ms;
  collector.start();
  EXPECT_EQ(probe(collector.settings.endpoint, collector.keys.curve_public, 1000 * ms), Probe::collector);
  EXPECT_EQ(probe(collector.settings.endpoint, make_keys().curve_public, 1000 * ms), Probe::wrong_key);
  sensor.settings.handshake = sensor.settings.heartbeat = 2000 * ms;   // its own patience is longer than the collector's
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  alerts(0, 20);
  state(LinkState::waiting_approval);
  for (int i = 0; i < 150; i++) {
    EXPECT_NE(sensor.sender->status().state, LinkState::wrong_key) << sensor.sender->status().text;
    usleep(10'000);
  }
  collector.set(sensor.keys, KeyState::active);
  expect_all(20);
}

// ZAP 300, not 400: the sensor that was installed before its key was approved is not dead until its restart.
TEST_F(Link, unknown_key_waits_and_is_approved_while_running) {
  collector.start();
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  alerts(0, 20);
  state(LinkState::waiting_approval);
  EXPECT_NE(sensor.sender->status().text.find(sensor.keys.fingerprint()), std::string::npos);
  KnownKeys known;
  std::string error;
  ASSERT_TRUE(known.open(collector.settings.known_keys, error));
  const auto k = known.find(sensor.keys.curve_public);
  ASSERT_TRUE(k);
  EXPECT_EQ(k->state, KeyState::pending);
  EXPECT_EQ(k->address, "127.0.0.1");
  EXPECT_EQ(k->fingerprint, sensor.keys.fingerprint());
  EXPECT_GT(k->first_seen, 0);
  EXPECT_EQ(collector.events.count(Kind::knock), 1);
  EXPECT_EQ(collector.receiver->status().messages, 0u);
  collector.set(sensor.keys, KeyState::active);
  expect_all(20);
  EXPECT_EQ(known.find(sensor.keys.curve_public)->sensor, uuid_text(sensor.keys.id));
}

// Each with a key of its own, whole handshakes: who has the server's public key can make them without end.
TEST_F(Link, strangers_with_ever_new_keys_are_written_down_one_a_second) {
  collector.start();
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  state(LinkState::waiting_approval);
  const int64_t began = monotonic_now();
  std::vector<std::unique_ptr<RawClient>> strangers;
  const auto refused = [&] { return collector.receiver->status().rejected_handshakes; };
  for (uint64_t i = 0; i < 60; i++) strangers.push_back(std::make_unique<RawClient>(collector.settings.endpoint, collector.keys.curve_public, make_keys()));
  EXPECT_TRUE(eventually([&] { return refused() >= 62; }, 20'000)) << refused();   // the self-test's, the sensor's, and these
  const auto most = size_t(16 + (monotonic_now() - began) / 1'000'000'000 + 1);
  KnownKeys known;
  std::string error;
  ASSERT_TRUE(known.open(collector.settings.known_keys, error));
  EXPECT_LE(known.all().size(), most);
  EXPECT_LE(size_t(collector.events.count(Kind::knock)), most);
  EXPECT_TRUE(known.find(sensor.keys.curve_public));
  strangers.clear();
  collector.set(sensor.keys, KeyState::active);
  alerts(0, 20);
  expect_all(20);
}

// Each that comes is written down when it was last seen: who holds the table of keys meanwhile keeps nobody out.
TEST_F(Link, who_holds_the_table_of_keys_keeps_no_sensor_out) {
  collector.start();
  std::vector<std::unique_ptr<SensorEnd>> all;
  for (int i = 0; i < 5; i++) {
    all.push_back(std::make_unique<SensorEnd>(dir, "outbox" + std::to_string(i)));
    collector.set(all.back()->keys, KeyState::active);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(collector.settings.known_keys.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  for (const auto& s : all) s->start(collector.settings.endpoint, collector.keys.curve_public);
  // Let in, that is; the first HELLO ties the key to the sensor, and waits for the table.
  EXPECT_TRUE(eventually([&] { return std::ranges::all_of(all, [](const auto& s) { return s->sender->status().state == LinkState::greeting; }); }, 3'000));
  for (const auto& s : all) EXPECT_EQ(s->sender->status().state, LinkState::greeting) << s->sender->status().text;
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
}

TEST_F(Link, wrong_server_key_is_named_and_nothing_is_sent) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  sensor.start(collector.settings.endpoint, make_keys().curve_public);
  alerts(0, 5);
  state(LinkState::wrong_key);
  EXPECT_EQ(collector.receiver->status().messages, 0u);
  EXPECT_EQ(sensor.sender->status().sent, 0u);
}

// libzmq asks for authentication once per connection: a live one must be stopped message by message.
TEST_F(Link, key_revoked_with_a_live_connection) {
  begin();
  alerts(0, 10);
  expect_all(10);
  collector.set(sensor.keys, KeyState::revoked);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  alerts(10, 20);
  state(LinkState::refused);
  EXPECT_EQ(collector.journal.count(), 10u);
  EXPECT_GT(eventually([&] { return collector.receiver->status().unauthorised > 0; }), 0);
  collector.set(sensor.keys, KeyState::active);   // and an error of the operator's is mended without a restart
  expect_all(20);
}

TEST_F(Link, suspended_key_resumes) {
  begin();
  alerts(0, 10);
  expect_all(10);
  collector.set(sensor.keys, KeyState::suspended);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  alerts(10, 20);
  state(LinkState::refused);
  collector.set(sensor.keys, KeyState::active);
  expect_all(20);
}

TEST_F(Link, probation_is_told_with_the_record) {
  begin(KeyState::probation);
  alerts(0, 1);
  expect_all(1);
  EXPECT_TRUE(std::get<1>(*collector.journal.kept.begin()).begin()->second.probation);
}

// The routing id is no identity: another sensor with a valid key of its own cannot speak, nor listen, for this one.
TEST_F(Link, routing_id_squat_and_borrowed_sensor_id) {
  begin();
  alerts(0, 10);
  expect_all(10);
  const Keys other = make_keys();
  collector.set(other, KeyState::active);
  RawClient squatter(collector.settings.endpoint, collector.keys.curve_public, other, true, uuid_text(sensor.keys.id));
  squatter.hello(sensor.keys.id);
  const std::string note = squatter.await(MessageType::note);
  EXPECT_NE(note.find("identity"), std::string::npos) << note;
  Header h;
  h.type = MessageType::alert, h.lane = 1, h.sensor = sensor.keys.id, h.epoch = sensor.outbox->epoch(), h.seq = 11;
  seal(h, bytes_of("forged"));
  squatter.say(h, "forged");
  alerts(10, 20);
  expect_all(20);
  EXPECT_EQ(squatter.await(MessageType::ack, 300), "");
  squatter.hello(other.id);   // as itself it is welcome, but still cannot name the other's records as its own
  EXPECT_NE(squatter.await(MessageType::welcome), "");
  squatter.say(h, "forged");
  EXPECT_NE(squatter.await(MessageType::note).find("identity"), std::string::npos);
  EXPECT_EQ(collector.journal.count(), 20u);
  EXPECT_EQ(collector.events.count(Kind::refused), 1);
}

// Without the option that enforces the domain, libzmq lets everybody in while nobody answers for authentication.
TEST_F(Link, authentication_absent_fails_closed) {
  collector.settings.without_zap = true;
  begin();
  alerts(0, 5);
  const Keys stranger = make_keys();
  RawClient client(collector.settings.endpoint, collector.keys.curve_public, stranger);
  client.hello(stranger.id);
  EXPECT_EQ(client.await(MessageType::welcome, 1000), "");
  EXPECT_EQ(collector.receiver->status().messages, 0u);
  EXPECT_EQ(collector.journal.count(), 0u);
}

TEST_F(Link, clients_without_curve_or_with_an_unknown_key_say_nothing_here) {
  collector.start();
  const Keys stranger = make_keys();
  RawClient plain(collector.settings.endpoint, "", stranger, false), unknown(collector.settings.endpoint, collector.keys.curve_public, stranger);
  plain.hello(stranger.id);
  unknown.hello(stranger.id);
  EXPECT_EQ(plain.await(MessageType::welcome, 300), "");
  EXPECT_EQ(unknown.await(MessageType::welcome, 300), "");
  EXPECT_EQ(collector.receiver->status().messages, 0u);
}

// A client fills a queue that nobody reads and is reset. With libzmq's own heartbeats on the socket its process ends two heartbeats later
// (4.3.4: an assertion in the heartbeat's timer); with ours it lives. In processes of their own: one may end, the other is killed.
TEST(Sockets, a_connection_that_is_reset_while_nobody_reads_ends_no_process) {
  int told[2];
  ASSERT_EQ(pipe(told), 0);
  const pid_t server = fork();
  if (server == 0) {
    SocketContext context;
    Socket router(context, ZMQ_ROUTER);
    router.set(ZMQ_RCVHWM, 1);
    router.set(ZMQ_LINGER, 0);
    give_up_on_dead_connections(router, 1000 * ms);
    char endpoint[256] = "";
    size_t n = sizeof endpoint;
    if (zmq_bind(router.raw(), "tcp://127.0.0.1:*") || zmq_getsockopt(router.raw(), ZMQ_LAST_ENDPOINT, endpoint, &n)) _exit(2);
    if (::write(told[1], endpoint, sizeof endpoint) < 0) _exit(2);
    zmq_pollitem_t item{router.raw(), 0, ZMQ_POLLIN, 0};   // asked, not read
    if (zmq_poll(&item, 1, 30'000) != 1 || ::write(told[1], "!", 1) != 1) _exit(3);
    sleep_for(4000 * ms);
    _exit(0);
  }
  char endpoint[256] = "";
  ASSERT_EQ(::read(told[0], endpoint, sizeof endpoint), ssize_t(sizeof endpoint));
  const pid_t client = fork();
  if (client == 0) {
    SocketContext context;
    Socket dealer(context, ZMQ_DEALER);
    zmq_connect(dealer.raw(), endpoint);
    const std::vector<uint8_t> body(1000, 1);
    for (int i = 0; i < 900; i++) send(dealer.raw(), {body});
    sleep_for(30'000 * ms);
    _exit(0);
  }
  char came = 0;
  ASSERT_EQ(::read(told[0], &came, 1), 1);
  sleep_for(100 * ms);
  kill(client, SIGKILL);
  waitpid(client, nullptr, 0);
  int status = 0;
  waitpid(server, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "signal " << WTERMSIG(status);
  close(told[0]);
  close(told[1]);
}

// An authenticated client that reconnects without end once grew a server that did not read by 45 MB per 50 connections.
TEST_F(Link, reconnect_loop_of_a_valid_key_is_bounded) {
  collector.start();
  collector.journal.delay_ms = 1;   // the journal is slow; the socket is drained all the same
  collector.set(sensor.keys, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const auto rss = [] {
    std::ifstream f("/proc/self/statm");
    long total = 0, resident = 0;
    f >> total >> resident;
    return resident * 4096 / 1024 / 1024;
  };
  const auto flood = [&](int rounds) {
    for (int i = 0; i < rounds; i++) {
      RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
      c.hello(c.keys.id, 7, "flood");
      if (i % 2) c.await(MessageType::welcome, 500);
      const std::string body(1000, 'x');
      for (int k = 0; k < 500; k++) c.record(body);
      c.await(MessageType::note, 20);
    }
  };
  if (VIDRA_SANITIZED) GTEST_SKIP() << "a sanitizer keeps freed memory";
  flood(10);
  const auto before = rss();
  flood(60);
  EXPECT_LT(rss() - before, 30) << "MB";
}

TEST_F(Link, half_open_strangers_do_not_keep_a_sensor_out) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  std::vector<int> fds;
  const int port = std::stoi(collector.settings.endpoint.substr(collector.settings.endpoint.rfind(':') + 1));
  for (int i = 0; i < 200; i++) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(uint16_t(port)), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)!::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
    fds.push_back(fd);
  }
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  alerts(0, 10);
  expect_all(10);
  for (int fd : fds) ::close(fd);
}

TEST_F(Link, full_journal_asks_to_wait_and_the_reader_still_drains) {
  begin();
  alerts(0, 100);
  expect_all(100);
  collector.journal.full = true;
  alerts(100, 600);
  state(LinkState::paused);
  EXPECT_EQ(collector.journal.count(), 100u);
  const Keys other = make_keys();
  collector.set(other, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  RawClient second(collector.settings.endpoint, collector.keys.curve_public, other);
  second.hello(other.id);
  const std::string welcome = second.await(MessageType::welcome);   // heard and answered, with credit 0
  Welcome w;
  ASSERT_TRUE(read(bytes_of(welcome), w)) << welcome;
  ASSERT_EQ(w.streams.size(), 3u);
  EXPECT_EQ(w.streams[0].credit, 0u);
  collector.journal.full = false;
  expect_all(600);
  EXPECT_TRUE(collector.journal.unbroken());
  state(LinkState::connected);
}

TEST_F(Link, a_collector_whose_disk_stands_is_no_connection) {
  sensor.settings.heartbeat = 600 * ms;   // twice `acknowledge_within`, as they are
  begin();
  alerts(0, 10);
  expect_all(10);
  state(LinkState::connected);
  collector.journal.sync_ms = 4'000;
  alerts(10, 20);
  EXPECT_TRUE(state(LinkState::paused));
  EXPECT_NE(sensor.sender->status().text.find("its disk is slow or stands still"), std::string::npos) << sensor.sender->status().text;
  EXPECT_EQ(sensor.sender->status().sockets, 1u) << "it is heard";
  collector.journal.sync_ms = 0;
  expect_all(20);
  EXPECT_TRUE(state(LinkState::connected));
}

TEST_F(Link, nothing_is_acknowledged_that_the_journal_could_not_sync) {
  begin();
  collector.journal.failing = true;
  alerts(0, 50);
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::journal_failed) > 0; }));
  EXPECT_EQ(sensor.outbox->status().lanes[1].unacknowledged + sensor.outbox->status().lanes[1].waiting, 50u);
  collector.journal.failing = false;
  expect_all(50);
  EXPECT_TRUE(collector.journal.unbroken());
}

TEST_F(Link, collector_restored_from_a_backup_gets_the_rest_again) {
  begin();
  alerts(0, 100);
  expect_all(100);
  EXPECT_TRUE(eventually([&] { return sensor.outbox->status().lanes[1].unacknowledged == 0; }));
  collector.stop();
  for (auto& [key, rows] : collector.journal.kept) rows.erase(rows.upper_bound(std::get<2>(key) == 1 ? 40 : 1), rows.end());
  collector.start();
  expect_all(100);
  EXPECT_TRUE(collector.journal.unbroken());
}

TEST_F(Link, evicted_records_are_told_with_their_numbers) {
  { FakeServer reserve(FakeServer::Says::nothing); collector.settings.endpoint = reserve.endpoint(); }
  sensor.outbox_settings.lanes[1].max_bytes = 20'000;
  sensor.outbox_settings.segment_bytes = 4'000;
  sensor.start(collector.settings.endpoint, collector.keys.curve_public);
  for (int i = 0; i < 500; i++) {
    const uint64_t t = sensor.outbox->append(Lane::alert, MessageType::alert, 1, 0, R"({"detection":"MOD-01","n":)" + std::to_string(i) + "}");
    ASSERT_NE(t, 0u);
    if (i % 10 == 0) { ASSERT_TRUE(sensor.outbox->wait(Lane::alert, t, 5000 * ms)); }
  }
  EXPECT_TRUE(eventually([&] { return sensor.outbox->status().lanes[1].evicted > 300; }));
  collector.set(sensor.keys, KeyState::active);
  collector.start();
  EXPECT_TRUE(eventually([&] { return sensor.outbox->status().lanes[1].unacknowledged == 0 && sensor.outbox->status().lanes[0].unacknowledged == 0; }));
  uint64_t lost = 0, counted = 0;
  for (const auto& b : collector.journal.bodies(MessageType::gap)) {
    Gap g;
    ASSERT_TRUE(read(bytes_of(b), g));
    EXPECT_EQ(g.reason, "evicted");
    EXPECT_GT(g.first_ns, 0);
    lost += g.to - g.from + 1;
    counted += g.detections["MOD-01"];
  }
  EXPECT_EQ(lost + collector.journal.count(), 500u);   // loss, but no silent loss
  EXPECT_EQ(counted, lost);
  // Ten PINGs of the sensor's later, a second of the collector's own work, it has asked itself that.
  EXPECT_TRUE(eventually([&, before = collector.receiver->status().messages] { return collector.receiver->status().messages >= before + 10; }, 30'000));
  EXPECT_EQ(collector.events.count(Kind::undeclared_gap), 0);
}

TEST_F(Link, a_hole_that_no_gap_record_names_is_an_alarm) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
  c.hello(c.keys.id);
  ASSERT_NE(c.await(MessageType::welcome), "");
  c.record("a");
  c.record("b", 3);
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::undeclared_gap) == 1; }, 3000));
  EXPECT_EQ(collector.events.count(Kind::undeclared_gap), 1);
  EXPECT_EQ(collector.journal.count(), 2u);
}

TEST_F(Link, poison_bodies_and_unknown_types_block_nothing) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
  c.hello(c.keys.id);
  ASSERT_NE(c.await(MessageType::welcome), "");
  c.record(std::string(60'000, '['));
  c.record("\xff\xfe not json");
  c.record("{}", 0, MessageType(200));
  c.record(std::string(500'000, 'x'));
  c.record("last");
  EXPECT_TRUE(eventually([&] { return collector.journal.count() == 4; }));
  EXPECT_EQ(collector.journal.count(MessageType(200)), 1u);
  c.control(MessageType(99), "{}", c.keys.id);
  EXPECT_NE(c.await(MessageType::note).find("unsupported"), std::string::npos);
}

TEST_F(Link, records_before_hello_are_not_taken) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
  c.record("a");
  EXPECT_NE(c.await(MessageType::note).find("hello-first"), std::string::npos);
  EXPECT_EQ(collector.journal.count(), 0u);
}

TEST_F(Link, two_living_sensors_with_one_identity_are_an_alarm) {
  begin();
  alerts(0, 5);
  expect_all(5);
  SensorEnd twin(dir, "twin", &sensor.keys);
  twin.start(collector.settings.endpoint, collector.keys.curve_public);
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::clone) > 0; }));
  EXPECT_TRUE(eventually([&] { return twin.sender->status().state == LinkState::refused; })) << twin.sender->status().text;
  alerts(5, 20);
  expect_all(20);   // the first goes on
}

TEST_F(Link, diverging_chain_is_refused) {
  collector.start();
  collector.set(sensor.keys, KeyState::active);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
  c.hello(c.keys.id);
  ASSERT_NE(c.await(MessageType::welcome), "");
  c.record("a"), c.record("b");
  c.prev[0] ^= 1;   // as a copy would that went another way after "a"
  c.record("c");
  EXPECT_NE(c.await(MessageType::note).find("diverged"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::diverged) == 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));   // notes to one connection are rationed
  c.seq = 0, c.prev = Hash{};
  c.record("A");   // number 1 again, with other content
  EXPECT_NE(c.await(MessageType::note).find("diverged"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return collector.journal.count() == 2; }));
  EXPECT_EQ(collector.journal.bodies(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(Link, a_sensor_that_falls_silent_is_told_from_one_that_says_good_bye) {
  begin();
  state(LinkState::connected);
  sensor.stop();
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::bye) == 1; }));
  RawClient c(collector.settings.endpoint, collector.keys.curve_public, sensor.keys);
  c.hello(c.keys.id);
  ASSERT_NE(c.await(MessageType::welcome), "");
  EXPECT_TRUE(eventually([&] { return collector.events.count(Kind::silent) == 1; }));
}

// libzmq's client throws away what it has not read when the connection goes: the collector stays until its good-bye was heard, or a second.
TEST_F(Link, the_good_bye_of_a_collector_is_heard) {
  begin();
  state(LinkState::connected);
  RawClient slow(collector.settings.endpoint, collector.keys.curve_public, make_keys(), true, "", true);
  collector.set(slow.keys, KeyState::active);
  std::string welcome;
  EXPECT_TRUE(eventually([&] {
    slow.hello(slow.keys.id);
    return (welcome = slow.await(MessageType::welcome, 300)) != "";
  }));
  std::thread stops([&] { collector.stop(); });
  EXPECT_TRUE(eventually([&] { return sensor.sender->status().text.find("said that it stops") != std::string::npos; }, 1000)) << sensor.sender->status().text;
  EXPECT_NE(slow.await(MessageType::bye), "");
  stops.join();
}

TEST_F(Link, more_than_the_quota_is_paused_not_lost) {
  collector.settings.sensor_bytes = 20'000;
  collector.journal.delay_ms = 1;
  begin();
  alerts(0, 1500);
  expect_all(1500);
  EXPECT_GT(collector.events.count(Kind::over_quota), 0);
  EXPECT_TRUE(collector.journal.unbroken());
}

// Either end goes away and comes back at random moments; what was accepted is there in the end, once, in order.
TEST_F(Link, chaos_in_one_process) {
  const uint64_t seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  begin();
  int n = 0;
  for (int round = 0; round < 12; round++) {
    for (uint64_t k = random() % 400; k; k--) sensor.alert(n++, random() % 20 ? Lane::alert : Lane::critical);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
    if (random() % 2) {
      collector.stop();
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
      collector.start();
    } else {
      sensor.stop();   // accepted or not: stop() commits what waits
      sensor.start(collector.settings.endpoint, collector.keys.curve_public);
    }
  }
  expect_all(n);
  EXPECT_TRUE(collector.journal.unbroken());
}

}  // namespace
}  // namespace vidra
