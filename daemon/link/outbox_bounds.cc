// SPDX-License-Identifier: Apache-2.0
// What an outbox may keep, and for how long: cursors, bounds, retention.
#include "daemon/link/outbox_epoch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "daemon/base/clock.h"

namespace vidra {

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr int64_t clock_step = 3600 * second;   // less than that is a clock that is kept right
constexpr size_t epochs_most = 16;
}  // namespace

// Calls `each` for every loss in an epoch whose GAP record is not durable yet.
template <class Each> void Outbox::untold(uint64_t epoch, Each each) const {
  std::lock_guard lock(mutex_);
  const auto look = [&](const Waiting& w) {
    if (w.type == MessageType::gap && w.told.epoch == epoch) each(w.told);
  };
  for (const Waiting& w : queue_[0]) look(w);
  for (const EpochPtr& e : epochs_)
    for (const auto& [w, seq] : e->streams[0]->batch) look(w);
}

// Up to here nothing waits: a collector has it, or a GAP record names it. No number behind a loss at the end of a lane will ever be acknowledged.
uint64_t Outbox::settled(const Stream& s) const {
  std::lock_guard lock(mutex_);
  const uint64_t acked = s.acknowledged.load(std::memory_order_acquire);
  const auto t = std::ranges::lower_bound(s.told, acked + 1, {}, &Range::to);
  return t != s.told.end() && t->from <= acked + 1 ? t->to : acked;
}

bool Outbox::store_cursor(Stream& s) {
  if (s.unread) return true;   // what it holds stays as it is: nobody knows better
  CursorValue v;
  v.acknowledged = s.acknowledged.load(std::memory_order_acquire);
  // What was told, and is not acknowledged with what lies behind it, is not told again at the next start: lost at the end, or everywhere
  // while no collector answers.
  {
    std::lock_guard lock(mutex_);
    v.told = s.told;
  }
  // Not beyond a loss that only memory tells of: the next start sees from here that numbers are missing. Better that what was acknowledged
  // behind them is named twice, too, than that nobody ever hears of them.
  untold(s.epoch, [&](const Waiting::Told& t) {
    if (!t.from || t.lane != s.lane) return;
    v.acknowledged = std::min(v.acknowledged, t.from - 1);
    remove(v.told, {t.from, t.to});
  });
  std::erase_if(v.told, [&](const Range& t) { return t.to <= v.acknowledged; });
  if (v.told.size() > CursorValue::told_most) v.told.resize(CursorValue::told_most);
  v.next = s.log.durable() + 1;
  v.head = s.head;
  return (s.cursor.stored() && v == s.cursor.value()) || s.cursor.store(v) == 0;
}

// Lets the oldest segment of a lane go, and says what was in it that no collector has acknowledged.
bool Outbox::evict_from_lane(size_t lane, const char* reason) {
  for (const EpochPtr& epoch : epochs()) {
    Stream& s = *epoch->streams[lane];
    const auto segments = s.log.segments();
    if (segments.empty() || s.unread) continue;
    const uint64_t acked = s.acknowledged.load(std::memory_order_acquire);
    Gap g;
    g.epoch = epoch->number, g.lane = uint8_t(lane), g.reason = reason;
    g.from = std::max(segments[0].first, acked + 1), g.to = segments[0].last;
    if (g.from <= g.to) {
      LogReader reader(storage_, s.log, g.from);
      LogEntry entry;
      Range missing;
      while (reader.at() <= g.to) {
        const auto found = reader.next(entry, missing);
        if (found == LogReader::Found::trouble) break;
        Header h;
        if (found == LogReader::Found::missing || decode(entry.header(), h) != HeaderFlaw::none) continue;
        g.classes[std::string(name_of(entry.type))]++;
        g.first_ns = g.first_ns ? std::min(g.first_ns, h.wall_ns) : h.wall_ns;
        g.last_ns = std::max(g.last_ns, h.wall_ns);
        if (entry.type == MessageType::alert || entry.type == MessageType::update)
          if (const std::string d = detection_in(entry.body()); !d.empty() && (g.detections.size() < 64 || g.detections.contains(d))) g.detections[d]++;
      }
    }
    // The cursor first: when the file has gone, its numbers must still be known to have been used.
    if (!store_cursor(s)) {
      if (epoch == epochs().back()) return false;
      continue;   // an older one whose cursor is broken holds up nothing else
    }
    std::vector<Range> fresh;
    if (g.from <= g.to) {
      std::lock_guard lock(mutex_);
      fresh = beyond({g.from, g.to}, s.told);
      add(s.told, {g.from, g.to});
    }
    if (!s.log.drop_oldest()) {   // it stays: nothing is lost, and nothing told
      std::lock_guard lock(mutex_);
      for (const Range& f : fresh) remove(s.told, f);
      return false;
    }
    if (g.from <= g.to) {
      evicted_[lane].fetch_add(g.to - g.from + 1, std::memory_order_relaxed);
      tell(std::move(g));
    }
    return true;
  }
  return false;
}

// Frees a segment: what was acknowledged, or else state, or else alerts. Those only for a write that there is no room for.
bool Outbox::make_room(bool alerts_too) {
  for (const EpochPtr& epoch : epochs())
    for (const auto& s : epoch->streams) {
      const uint64_t before = s->log.bytes(), acked = s->acknowledged.load(std::memory_order_acquire);
      const auto segments = s->log.segments();
      if (segments.size() < 2 || segments[0].last > acked || s->unread || !store_cursor(*s)) continue;
      s->log.drop_before(acked + 1);
      if (s->log.bytes() < before) return true;
    }
  return evict_from_lane(2, "disk-full") || (alerts_too && evict_from_lane(1, "disk-full"));
}

void Outbox::keep_bounds() {
  for (size_t lane = 0; lane < lane_count; lane++) {
    const uint64_t bound = settings_.lanes[lane].max_bytes;
    const auto held = [&] {
      uint64_t n = 0;
      for (const EpochPtr& e : epochs()) n += e->streams[lane]->log.bytes();
      return n;
    };
    if (!bound || held() <= bound) {
      if (lane == 0) full_.store(false, std::memory_order_relaxed);
      continue;
    }
    for (const EpochPtr& e : epochs()) {   // what was only kept in case of a restored collector goes first
      Stream& s = *e->streams[lane];
      const auto segments = s.log.segments();
      const uint64_t acked = s.acknowledged.load(std::memory_order_acquire);
      for (size_t i = 0; i + 1 < segments.size() && segments[i].last <= acked && held() > bound; i++)
        if (store_cursor(s)) s.log.drop_before(segments[i + 1].first);
    }
    if (lane == 0) full_.store(held() > bound, std::memory_order_relaxed);   // never sacrificed: refused instead, and that is alarming
    else
      while (held() > bound && evict_from_lane(lane, "evicted")) {}
  }
}

void Outbox::retire(const EpochPtr& epoch) {
  {
    std::lock_guard lock(mutex_);
    std::erase(epochs_, epoch);
  }
  generation_.fetch_add(1, std::memory_order_release);
  for (const auto& s : epoch->streams)
    while (s->log.drop_oldest()) {}
  remove_files(*epoch);
}

// What the disk has of an epoch besides its segments. A file that could not be read stays, and its folder with it.
void Outbox::remove_files(const Epoch& epoch) {
  for (size_t lane = 0; lane < lane_count; lane++) {
    const std::string directory = epoch.directory + "/" + std::to_string(lane);
    storage_.remove(directory);
    storage_.remove(directory + ".cursor");
  }
  storage_.remove(epoch.directory + "/identity");
  storage_.remove(epoch.directory);
  storage_.sync_directory(settings_.directory);
  std::vector<std::string> names;
  const std::string kept = settings_.directory + "/lost+found", its = fmt::format("{:016x}.", epoch.number);   // tails that were cut
  if (storage_.list(kept, names) == 0)
    for (const std::string& n : names)
      if (n.starts_with(its)) storage_.remove(kept + "/" + n);
}

void Outbox::upkeep() {
  const int64_t now = boot_now(), wall = wall_now(), ahead = wall - now;
  upkeep_at_ = now + second;
  // Segments bear the wall clock's time. One that was set says nothing of their age until it has gone evenly for as long as that age.
  if (std::abs(ahead - wall_ahead_) > clock_step) even_since_ = now;
  wall_ahead_ = ahead;
  const auto older = [&](int64_t created, int64_t age) { return created < wall - age && now - even_since_ >= age; };
  if (now >= cursors_at_) {
    cursors_at_ = now + 5 * second;
    for (const EpochPtr& e : epochs())
      for (const auto& s : e->streams) store_cursor(*s);
  }
  const auto list = epochs();
  for (const EpochPtr& epoch : list) {
    bool done = true;
    for (const auto& s : epoch->streams) {
      const auto segments = s->log.segments();
      const uint64_t acked = s->acknowledged.load(std::memory_order_acquire);
      size_t free = 0;   // whole, acknowledged, and followed by one that is old enough
      while (free + 1 < segments.size() && segments[free].last <= acked && older(segments[free + 1].created, settings_.retain_acknowledged)) free++;
      if (free && store_cursor(*s)) s->log.drop_before(segments[free].first);
      if (!segments.empty() && (segments.back().last > settled(*s) || !older(segments.back().created, settings_.retain_acknowledged))) done = false;
      if (!s->batch.empty() || s->unread) done = false;
    }
    if (list.size() > epochs_most && epoch == list.front())   // a spool that keeps being torn: history yields to order
      done = std::ranges::all_of(epoch->streams, [&](const auto& s) { return !s->unread && s->log.durable() <= settled(*s); });
    if (done) untold(epoch->number, [&](const Waiting::Told&) { done = false; });   // its files are all that would tell the next start
    if (done && (epoch != list.back() || !writable_)) retire(epoch);
  }
  for (size_t lane = 1; lane < lane_count; lane++)
    if (const int64_t age = settings_.lanes[lane].max_age)
      for (int i = 0; i < 16; i++) {
        bool old = false;
        for (const EpochPtr& e : epochs()) {
          const auto segments = e->streams[lane]->log.segments();
          if (segments.empty()) continue;
          old = segments.size() > 1 && older(segments[1].created, age) && segments[0].last > e->streams[lane]->acknowledged.load();
          break;   // the oldest that there is
        }
        if (!old || !evict_from_lane(lane, "evicted")) break;
      }
  uint64_t free = 0;
  if (settings_.free_floor && storage_.free_bytes(settings_.directory, free) == 0 && free < settings_.free_floor)
    make_room(false);   // one step a second: it may be others who fill the disk, and alerts have their room as long as a write finds it
}

}  // namespace vidra
