// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "daemon/link/outbox.h"
#include "tests/support/faulty_storage.h"

namespace vidra {

inline SignSecret new_secret() {
  EXPECT_GE(sodium_init(), 0);
  SignPublic p;
  SignSecret s;
  crypto_sign_keypair(p.data(), s.data());
  return s;
}
inline const SignSecret signing = new_secret();

inline OutboxSettings small() {
  OutboxSettings s;
  s.directory = "/outbox";
  s.sensor[0] = 7;
  s.segment_bytes = 2000;
  s.free_floor = 0;
  s.retry_interval = 0;
  s.checkpoint_interval = 3'600'000'000'000;
  s.checkpoint_records = 8;
  return s;
}

using Id = std::tuple<uint64_t, uint8_t, uint64_t>;   // epoch, lane, number
inline std::string hex_of(uint64_t n) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(n));
  return text.data();
}
inline std::string body(uint64_t n) { return "{\"n\":" + std::to_string(n) + "}"; }

// What a collector would hear: everything that is to be sent, acknowledged at once or not.
struct Collector {
  std::map<Id, std::pair<Hash, std::string>> got;
  std::map<Id, std::string> gaps;
  bool conflict = false;
  void hear(Outbox& o, bool acknowledge, bool greet = true) {
    std::vector<StreamState> states = o.streams();
    if (greet) {
      for (StreamState& s : states) s.durable = durable(s.epoch, s.lane), s.credit = 100'000;
      o.rewind(states);
    }
    Outbox::Outgoing out;
    while (o.next(out)) {
      Header h;
      ASSERT_EQ(check(out.entry.header(), out.entry.body(), h), HeaderFlaw::none);
      const Id id{h.epoch, h.lane, h.seq};
      const auto [at, fresh] = got.try_emplace(id, h.self, std::string(text_of(out.entry.body())));
      if (!fresh && at->second.first != h.self) conflict = true;   // a number used twice
      if (h.type == MessageType::gap) gaps[id] = std::string(text_of(out.entry.body()));
    }
    if (!acknowledge) return;
    for (StreamState& s : states) s.durable = durable(s.epoch, s.lane), s.credit = 100'000;
    o.acknowledge(states);
  }
  uint64_t durable(uint64_t epoch, uint8_t lane) const {
    uint64_t n = 0;
    for (const auto& [id, what] : got)
      if (std::get<0>(id) == epoch && std::get<1>(id) == lane) n = std::max(n, std::get<2>(id));
    return n;
  }
  std::set<std::string> bodies() const {
    std::set<std::string> out;
    for (const auto& [id, what] : got) out.insert(what.second);
    return out;
  }
  // Of numbers 1 to `upto` of a lane, those that neither came nor are named by a GAP record.
  uint64_t unaccounted(uint64_t epoch, uint8_t lane, uint64_t upto) const {
    std::set<uint64_t> open;
    for (uint64_t n = 1; n <= upto; n++)
      if (!got.contains({epoch, lane, n})) open.insert(n);
    for (const auto& [id, text] : gaps)
      if (Gap g; read(bytes_of(text), g) && g.epoch == epoch && g.lane == lane && g.from) open.erase(open.lower_bound(g.from), open.upper_bound(g.to));
    return open.size();
  }
  bool named(const Id& id) const {
    for (const auto& [at, text] : gaps)
      if (Gap g; read(bytes_of(text), g) && Id{g.epoch, g.lane, g.from} <= id && id <= Id{g.epoch, g.lane, g.to}) return true;
    return false;
  }
  // Numbers that GAP records name.
  uint64_t named_lost() const {
    uint64_t n = 0;
    for (const auto& [id, text] : gaps) {
      Gap g;
      if (read(bytes_of(text), g) && g.from) n += g.to - g.from + 1;
    }
    return n;
  }
};

}  // namespace vidra
