// SPDX-License-Identifier: Apache-2.0
// Either end of a link as a process that can be killed at any moment. What happened is witnessed on stdout, outside of it.
//   chaos_peer keys DIR                          makes DIR/collector.key and DIR/sensor.key, approves the sensor
//   chaos_peer sender DIR PORT FROM COUNT RATE   offers alerts numbered from FROM; prints "accepted N" for each that is durable
//   chaos_peer receiver DIR PORT                 keeps a journal in DIR/journal; prints "kept EPOCH LANE SEQ SELF BODY" after each sync, "again N" when
//                                                N records came that it knows
// With VIDRA_FORGETFUL set, what was written and not synced dies with the process.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "daemon/link/receiver.h"
#include "daemon/link/sender.h"
#include "tests/support/forgetful_storage.h"

using namespace vidra;

namespace {

constexpr int64_t ms = 1'000'000;
volatile sig_atomic_t stopping = 0;

Storage& disk() {
  static ForgetfulStorage forgetful;
  return std::getenv("VIDRA_FORGETFUL") ? static_cast<Storage&>(forgetful) : real_storage();
}

int fail(const std::string& what) {
  std::fprintf(stderr, "chaos_peer: %s\n", what.c_str());
  return 2;
}

// Lines reach the pipe before anything that follows from them; half a line, of a process killed in it, the reader drops.
void say(const std::string& line) {
  size_t at = 0;
  while (at < line.size()) {
    const ssize_t n = ::write(1, line.data() + at, line.size() - at);
    if (n <= 0) _exit(3);
    at += size_t(n);
  }
}

// A journal on disk: the record's frames in the log that the outbox uses too, numbered in order of arrival.
struct DiskJournal : Journal {
  explicit DiskJournal(const std::string& directory) : log(disk(), [&] { LogSettings s; s.directory = directory; s.epoch = 1; s.segment_bytes = 1 << 20; return s; }()) {}
  bool open() {
    if (log.open()) return false;
    LogReader reader(disk(), log, log.first());
    LogEntry e;
    Range missing;
    for (;;) {
      const auto f = reader.next(e, missing);
      if (f == LogReader::Found::nothing) return true;
      if (f != LogReader::Found::entry) return false;
      Header h;
      if (check(e.header(), e.body(), h) != HeaderFlaw::none) return false;
      newest[{h.epoch, h.lane}] = {h.epoch, h.lane, h.seq, h.self};
    }
  }
  std::vector<ChainHead> heads(const SensorId&) override {
    std::vector<ChainHead> out;
    for (const auto& [k, h] : newest) out.push_back(h);
    return out;
  }
  bool intake(const Arrival& a) override {
    const auto at = newest.find({a.header.epoch, a.header.lane});
    if (at != newest.end() && a.header.seq <= at->second.seq) return true;   // here already
    fresh[{a.header.epoch, a.header.lane}] = {a.header.epoch, a.header.lane, a.header.seq, a.header.self};
    log.append(a.header.type, a.header_bytes, a.body, a.received_ns);
    lines += "kept " + std::to_string(a.header.epoch) + " " + std::to_string(a.header.lane) + " " + std::to_string(a.header.seq) + " " + hex_text(Bytes(a.header.self).first(8)) + " " +
             std::string(text_of(a.body)) + "\n";
    return true;
  }
  bool durable() override {
    if (log.sync()) {
      log.forget_batch();
      fresh.clear(), lines.clear();
      return false;
    }
    for (auto& [k, h] : fresh) newest[k] = h;
    fresh.clear();
    say(lines);
    lines.clear();
    return true;
  }
  Log log;
  std::map<std::pair<uint64_t, uint8_t>, ChainHead> newest, fresh;
  std::string lines;
};

struct Events : ReceiverEvents {
  void happened(Kind k, const std::string&, const std::string& text) override {
    if (k == Kind::clone || k == Kind::diverged || k == Kind::undeclared_gap || k == Kind::bad_checkpoint || k == Kind::journal_failed)
      say("alarm " + std::string(name_of(k)) + ": " + text + "\n");
  }
};

int make(const std::string& dir) {
  Keys collector, sensor;
  KnownKeys known;
  std::string error;
  if (!load_or_make_keys(dir + "/collector.key", collector, error) || !load_or_make_keys(dir + "/sensor.key", sensor, error) || !known.open(dir + "/keys.db", error) ||
      !known.add(sensor.curve_public, KeyState::active, "chaos", "chaos", error)) return fail(error);
  return 0;
}

int run_sender(const std::string& dir, const std::string& port, uint64_t from, uint64_t count, uint64_t rate) {
  Keys collector, sensor;
  std::string error;
  if (!load_keys(dir + "/collector.key", collector, error) || !load_keys(dir + "/sensor.key", sensor, error)) return fail(error);
  OutboxSettings o;
  o.directory = dir + "/outbox", o.sensor = sensor.id, o.segment_bytes = 256 << 10, o.free_floor = 0;
  Outbox outbox(disk(), o, sensor.sign_secret);
  std::array<std::map<uint64_t, uint64_t>, lane_count> number;   // ticket → the alert's number
  std::mutex mutex;
  outbox.on_accepted = [&](const Accepted& a) {
    std::lock_guard lock(mutex);
    const auto n = number[a.lane].find(a.ticket);
    say("accepted " + std::to_string(n->second) + "\n");
    number[a.lane].erase(n);
  };
  outbox.open();
  SenderSettings s;
  s.name = "chaos", s.endpoints = {"tcp://127.0.0.1:" + port}, s.server_key = collector.curve_public;
  s.heartbeat = 200 * ms, s.handshake = 500 * ms, s.backoff = 20 * ms, s.backoff_longest = 200 * ms, s.acknowledge_within = 500 * ms;
  Sender sender(outbox, s, sensor);
  if (!sender.start(error)) return fail(error);
  outbox.start();
  for (uint64_t n = from; n < from + count && !stopping;) {
    const Lane lane = n % 17 == 0 ? Lane::critical : Lane::alert;
    {
      std::lock_guard lock(mutex);
      const uint64_t ticket = outbox.append(lane, MessageType::alert, 50, 0, std::to_string(n));
      if (ticket) number[size_t(lane)][ticket] = n++;
    }
    if (rate) ::usleep(useconds_t(1'000'000 / rate));
  }
  say("offered\n");
  while (!stopping) {
    const OutboxStatus now = outbox.status();
    if (!now.lanes[0].waiting && !now.lanes[1].waiting && !now.lanes[0].unacknowledged && !now.lanes[1].unacknowledged && outbox.accepted(Lane::alert)) {
      say("delivered\n");
      break;
    }
    ::usleep(20'000);
  }
  sender.stop();
  outbox.stop();
  return 0;
}

int run_receiver(const std::string& dir, const std::string& port) {
  Keys collector;
  std::string error;
  if (!load_keys(dir + "/collector.key", collector, error)) return fail(error);
  DiskJournal journal(dir + "/journal");
  if (!journal.open()) return fail("the journal is damaged");
  Events events;
  ReceiverSettings s;
  s.endpoint = "tcp://127.0.0.1:" + port, s.known_keys = dir + "/keys.db", s.heartbeat = 500 * ms, s.handshake = 500 * ms;
  Receiver receiver(journal, events, s, collector);
  if (!receiver.start(error)) return fail(error);
  say("ready\n");
  for (uint64_t known = 0; !stopping; ::usleep(10'000))
    if (const uint64_t now = receiver.status().duplicates; now > known) say("again " + std::to_string(now - known) + "\n"), known = now;
  receiver.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "", dir = argc > 2 ? argv[2] : "";
  signal(SIGTERM, [](int) { stopping = 1; });
  if (what == "keys") return make(dir);
  if (what == "sender" && argc == 7) return run_sender(dir, argv[3], std::strtoull(argv[4], nullptr, 10), std::strtoull(argv[5], nullptr, 10), std::strtoull(argv[6], nullptr, 10));
  if (what == "receiver" && argc == 4) return run_receiver(dir, argv[3]);
  return fail("usage: chaos_peer keys DIR | sender DIR PORT FROM COUNT RATE | receiver DIR PORT");
}
