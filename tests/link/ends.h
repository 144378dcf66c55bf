// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "daemon/link/receiver.h"
#include "daemon/link/sender.h"

namespace vidra {

inline constexpr int64_t ms = 1'000'000;

// A directory that goes with the test.
struct TempDir {
  TempDir() {
    char name[] = "/tmp/vidra-link-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

inline bool eventually(const std::function<bool()>& holds, int milliseconds = 10'000) {
  for (int i = 0; i < milliseconds / 5; i++) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

// A journal in memory that behaves like one on a disk: what is not yet durable is gone at a crash.
struct MemoryJournal : Journal {
  using Key = std::tuple<std::string, uint64_t, uint8_t>;   // sensor, epoch, lane
  struct Row { Header header; std::string body; bool probation; };

  std::vector<ChainHead> heads(const SensorId& id) override {
    std::lock_guard lock(mutex);
    std::vector<ChainHead> out;
    for (const auto& [key, rows] : kept)
      if (std::get<0>(key) == uuid_text(id) && !rows.empty()) {
        const Header& h = rows.rbegin()->second.header;
        out.push_back({h.epoch, h.lane, h.seq, h.self});
      }
    return out;
  }
  bool intake(const Arrival& a) override {
    std::lock_guard lock(mutex);
    if (full || room == 0) return false;
    room--;
    if (delay_ms) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
    fresh.push_back({a.header, std::string(text_of(a.body)), a.probation});
    return true;
  }
  bool durable() override {
    std::lock_guard lock(mutex);
    std::set<std::pair<SensorId, uint8_t>> logs;
    for (const Row& r : fresh) logs.emplace(r.header.sensor, r.header.lane);
    std::this_thread::sleep_for(std::chrono::milliseconds(sync_ms * int(logs.size())));
    if (failing) {
      fresh.clear();
      return false;
    }
    for (Row& r : fresh) {
      auto& rows = kept[{uuid_text(r.header.sensor), r.header.epoch, r.header.lane}];
      const bool known = !rows.emplace(r.header.seq, r).second;
      if (known) repeated++;
    }
    fresh.clear();
    return true;
  }
  bool ready() override { return !full && !failing && room != 0; }

  // Bodies of all records that are no gap, checkpoint or health, in order of lane and number.
  std::vector<std::string> bodies(MessageType type = MessageType::alert) {
    std::lock_guard lock(mutex);
    std::vector<std::string> out;
    for (const auto& [key, rows] : kept)
      for (const auto& [seq, r] : rows)
        if (r.header.type == type) out.push_back(r.body);
    return out;
  }
  size_t count(MessageType type = MessageType::alert) { return bodies(type).size(); }
  // Whether every lane is one unbroken chain from 1 on.
  bool unbroken() {
    std::lock_guard lock(mutex);
    for (const auto& [key, rows] : kept) {
      uint64_t next = 1;
      Hash prev{};
      for (const auto& [seq, r] : rows) {
        if (seq != next++ || r.header.prev != prev) return false;
        prev = r.header.self;
      }
    }
    return true;
  }

  std::mutex mutex;
  std::vector<Row> fresh;
  std::map<Key, std::map<uint64_t, Row>> kept;
  std::atomic<uint64_t> repeated{0};
  std::atomic<bool> full{false}, failing{false};
  std::atomic<int> delay_ms{0}, sync_ms{0};   // of each record; of each log at a sync
  std::atomic<uint64_t> room{~uint64_t{0}};   // for so many records
};

struct Heard : ReceiverEvents {
  void happened(Kind k, const std::string&, const std::string& text) override {
    std::lock_guard lock(mutex);
    counts[k]++;
    texts.push_back(std::string(name_of(k)) + ": " + text);
  }
  int count(Kind k) {
    std::lock_guard lock(mutex);
    return counts[k];
  }
  std::mutex mutex;
  std::map<Kind, int> counts;
  std::vector<std::string> texts;
};

// A collector with short intervals. `start` again after `stop` makes a new receiver with the same keys and journal.
struct CollectorEnd {
  explicit CollectorEnd(const TempDir& dir) : keys(make_keys()) {
    settings.endpoint = "tcp://127.0.0.1:0";
    settings.known_keys = dir.path + "/keys.db";
    settings.heartbeat = 200 * ms;
    settings.handshake = 300 * ms;
    settings.revisit_keys = 20 * ms;
  }
  void start() {
    receiver = std::make_unique<Receiver>(journal, events, settings, keys);
    std::string error;
    ASSERT_TRUE(receiver->start(error)) << error;
    settings.endpoint = receiver->endpoint();   // the same port next time
  }
  void stop() { receiver.reset(); }
  void set(const Keys& k, KeyState s) {
    KnownKeys known;
    std::string error;
    ASSERT_TRUE(known.open(settings.known_keys, error)) << error;
    if (known.find(k.curve_public)) ASSERT_TRUE(known.set_state(k.curve_public, s, "test", error)) << error;
    else ASSERT_TRUE(known.add(k.curve_public, s, "", "test", error)) << error;
  }
  Keys keys;
  ReceiverSettings settings;
  MemoryJournal journal;
  Heard events;
  std::unique_ptr<Receiver> receiver;
};

// A sensor with short intervals.
struct SensorEnd {
  SensorEnd(const TempDir& dir, const std::string& name = "outbox", const Keys* k = nullptr) : keys(k ? *k : make_keys()) {
    outbox_settings.directory = dir.path + "/" + name;
    outbox_settings.sensor = keys.id;
    outbox_settings.free_floor = 0;
    outbox_settings.checkpoint_interval = 100 * ms;
    settings.name = "test";
    settings.heartbeat = 100 * ms;
    settings.handshake = 300 * ms;
    settings.backoff = 20 * ms;
    settings.backoff_longest = 200 * ms;
    settings.acknowledge_within = 300 * ms;
  }
  void start(const std::string& endpoint, const std::string& server_key) {
    settings.endpoints = {endpoint};
    settings.server_key = server_key;
    outbox = std::make_unique<Outbox>(real_storage(), outbox_settings, keys.sign_secret);
    outbox->open();
    outbox->start();
    sender = std::make_unique<Sender>(*outbox, settings, keys);
    std::string error;
    ASSERT_TRUE(sender->start(error)) << error;
  }
  void stop() {
    sender.reset();
    outbox.reset();
  }
  void alert(int n, Lane lane = Lane::alert) { ASSERT_NE(outbox->append(lane, MessageType::alert, 50, 0, "{\"n\":" + std::to_string(n) + "}"), 0u); }
  Keys keys;
  OutboxSettings outbox_settings;
  SenderSettings settings;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Sender> sender;
};

}  // namespace vidra
