// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <limits>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr size_t catch_up_batch = 1000;               // entries of a log held at once
constexpr uint64_t catch_up_octets = 128u << 20;      // of all logs together
constexpr uint64_t turn_octets = 8u << 20;            // and where it is done beside hearing sensors
constexpr Time longest_turn = 200 * millisecond;      // of that
constexpr Time longest_away = day;                    // as long as it may have stood still, or been off, and the clock be believed again

}  // namespace

Intake::Intake(Storage& storage, IntakeSettings settings)
    : storage_(storage), settings_(std::move(settings)), logs_(storage, settings_.directory + "/journal", settings_.segment_bytes), clock_(storage, settings_.directory + "/clock") {}

Intake::~Intake() = default;

std::string Intake::open(bool reindex, const std::function<void(uint64_t, uint64_t)>& progress) {
  std::lock_guard lock(mutex_);
  const std::string path = settings_.directory + "/index.db";
  std::error_code ignored;
  bool again = reindex || !std::filesystem::exists(path, ignored) || !index_.open(path, Index::Open::create).empty();
  std::map<Logs::Place, uint64_t> synced;   // what the index has was durable before it got it
  if (!again)
    for (const auto& [sensor, lane, applied] : index_.logs()) synced[{sensor, lane}] = applied;
  if (const std::string e = logs_.open(synced); !e.empty()) return e;
  again = again || !index_agrees();
  clock_.open();   // what it does not give counts as nothing: it is believed a day later
  if (again) {   // lost, damaged, of another version, or ahead of a journal that came back from a backup: made anew
    index_.close();
    Index::remove(path);
    if (const std::string e = index_.open(path, Index::Open::create); !e.empty()) return e;
  }
  rebuilding_ = again;
  bool finished = false;
  std::string wrong = catch_up(progress, !again, 0, finished);
  rebuilding_ = false;
  if (wrong.empty() && again && !index_.finished()) wrong = index_trouble();
  if (!wrong.empty()) {
    if (again) index_.close(), Index::remove(path);   // half of one would be gone on with, and told as news
    return wrong;
  }
  load_streams();
  index_.patience(0);   // from here on nobody who holds the index makes sensors wait: it follows later
  return "";
}

bool Intake::index_agrees() {
  for (const auto& [sensor, lane, applied] : index_.logs()) {
    const auto places = logs_.places();
    if (std::find(places.begin(), places.end(), Logs::Place(sensor, lane)) == places.end() || logs_.last({sensor, lane}) < applied) return false;
  }
  return true;
}

void Intake::load_streams() {
  streams_.clear();
  for (const SensorRow& s : index_.sensors())
    for (const ChainHead& h : index_.heads(s.sensor)) streams_[{s.sensor, h.epoch, h.lane}] = {h.seq, h.seq, h.self, h.self};
}

bool Intake::apply(const std::vector<Entry>& entries, std::vector<News>& news) {
  if (!index_.begin()) return false;
  for (const Entry& e : entries) {
    Indexed record = index_.apply(e);
    if (record.told || !record.troubles.empty()) news.push_back({std::move(record), e.received, e.probation});
  }
  return index_.commit();
}

// Where the journal does not give all that it has there is no going on: the index says where streams stand, and what it does not know
// sensors would send again, to lie in the journal twice.
std::string Intake::catch_up(const std::function<void(uint64_t, uint64_t)>& progress, bool tell, Time until, bool& finished) {
  uint64_t all = 0, done = 0;
  finished = true;
  for (const Logs::Place& p : logs_.places()) all += logs_.last(p) + 1 - std::max(index_.applied(p.first, p.second) + 1, logs_.first(p));
  // In the order of reception over all logs, as it was the first time, or a story that changed its lane would be told anew.
  // It suffices to merge batches: each log is in order, and a batch is as far as the slowest log reaches.
  struct Kept { Entry entry; std::vector<uint8_t> body; };
  struct Source { Logs::Place place; uint64_t next; std::vector<Kept> kept; size_t at = 0; bool done = false; };
  std::vector<Source> sources;
  std::string wrong;
  for (const Logs::Place& p : logs_.places()) sources.push_back({p, std::max(index_.applied(p.first, p.second) + 1, logs_.first(p)), {}, 0, false});
  const uint64_t most = std::clamp<uint64_t>((until ? turn_octets : catch_up_octets) / std::max<size_t>(sources.size(), 1), 64u << 10, 8u << 20);
  const auto fill = [&](Source& s) {
    s.kept.clear();
    s.at = 0;
    uint64_t octets = 0;
    const bool given = logs_.read(s.place, s.next, [&](const Entry& e) {
      s.kept.push_back({e, {e.body.begin(), e.body.end()}});
      s.kept.back().entry.trimmed = rebuilding_ && logs_.first(s.place) > 1;
      s.next = e.number + 1;
      octets += e.body.size();
      return s.kept.size() < catch_up_batch && octets < most;
    }, [&](const Range& gone) { s.next = gone.to + 1; });
    if (!given)
      wrong = fmt::format("{}: {}", logs_.file_of(s.place, s.next), cannot_be_read(fmt::format("entry {} and what follows", s.next), logs_.file_of(s.place, s.next)));
    s.done = s.kept.empty();
    for (Kept& k : s.kept) k.entry.body = k.body;
  };
  for (Source& s : sources) {
    fill(s);
    if (!wrong.empty()) return wrong;
  }
  std::vector<Entry> batch;
  std::vector<News> news;
  const auto flush = [&] {
    news.clear();
    if (!batch.empty() && !apply(batch, news)) {
      wrong = index_trouble();
      return false;
    }
    done += batch.size();
    if (progress) progress(done, all);
    if (tell && on_news)
      for (News& n : news) on_news(std::move(n));
    batch.clear();
    return true;
  };
  for (;;) {
    Source* first = nullptr;
    for (Source& s : sources) {
      if (s.done) continue;
      if (s.at == s.kept.size()) {
        if (!flush()) return wrong;   // its entries are borrowed by the batch
        fill(s);
        if (!wrong.empty()) return wrong;
        if (s.done) continue;
      }
      if (!first || s.kept[s.at].entry.received < first->kept[first->at].entry.received) first = &s;
    }
    if (!first) break;
    batch.push_back(first->kept[first->at++].entry);
    if (until && batch.size() >= catch_up_batch) {
      if (!flush()) return wrong;
      if (monotonic_now() >= until) return finished = false, wrong;
    }
  }
  flush();
  return wrong;
}

std::vector<ChainHead> Intake::heads(const SensorId& sensor) {
  std::lock_guard lock(mutex_);
  std::vector<ChainHead> out;
  for (auto i = streams_.lower_bound({sensor, 0, 0}); i != streams_.end() && std::get<0>(i->first) == sensor; ++i)
    if (i->second.durable) out.push_back({std::get<1>(i->first), std::get<2>(i->first), i->second.durable, i->second.durable_head});
  return out;
}

void Intake::look_for_room() {
  const Time now = monotonic_now();
  if (now - room_asked_ < 100 * millisecond) return;
  room_asked_ = now;
  uint64_t free = 0;
  if (storage_.free_bytes(settings_.directory, free) == 0 && free < settings_.min_free)
    pausing_ = fmt::format("{} are free below {}, which is less than journal.min_free ({}): make room, sensors wait meanwhile", human_bytes(free),
                           settings_.directory, human_bytes(settings_.min_free));
}

bool Intake::intake(const Arrival& a) {
  std::lock_guard lock(mutex_);
  Stream& s = streams_[{a.header.sensor, a.header.epoch, a.header.lane}];
  if (a.header.seq <= s.taken) {
    counters_.duplicates++;
    return true;
  }
  if (pausing_.empty()) look_for_room();
  if (!pausing_.empty()) {
    counters_.refused++;
    return false;
  }
  const uint64_t number = logs_.append(a.header, a.header_bytes, a.body, a.received_ns, a.probation);
  if (!number) {
    counters_.refused++;
    pausing_ = logs_.refusal() + "; sensors wait meanwhile";
    return false;
  }
  s.taken = a.header.seq, s.taken_head = a.header.self;
  held_.push_back({{a.header, {}, a.received_ns, number, a.probation}, {a.body.begin(), a.body.end()}});
  return true;
}

bool Intake::durable() {
  std::vector<News> news;
  bool all = true;
  {
    std::lock_guard lock(mutex_);
    std::map<Logs::Place, bool> failed;
    for (const Logs::Settled& s : logs_.sync()) {
      counters_.syncs++;
      if (!s.error) continue;
      failed[s.place] = true;
      all = false;
      counters_.failures++;
      pausing_ = fmt::format("the journal cannot be written: {}; sensors wait meanwhile", std::strerror(-s.error));
    }
    std::vector<Entry> entries;
    for (Held& h : held_) {
      const Header& header = h.entry.header;
      Stream& s = streams_[{header.sensor, header.epoch, header.lane}];
      if (failed.count({header.sensor, header.lane})) {
        s.taken = s.durable, s.taken_head = s.durable_head;
        continue;
      }
      s.durable = header.seq, s.durable_head = header.self;
      h.entry.body = h.body;
      entries.push_back(h.entry);
    }
    counters_.records += entries.size();
    // The journal has it, and that is what counts: an index that cannot follow now is brought up to it later.
    if (behind_.empty() && !entries.empty() && !apply(entries, news)) behind_ = index_trouble(), news.clear();
    held_.clear();
  }
  if (on_news)
    for (News& n : news) on_news(std::move(n));
  return all;
}

bool Intake::ready() {
  std::lock_guard lock(mutex_);
  if (pausing_.empty()) return true;
  uint64_t free = 0;
  const int e = storage_.free_bytes(settings_.directory, free);
  if (e || free < settings_.min_free + settings_.min_free / 8) return false;   // an eighth more, so that it does not flicker
  pausing_.clear();
  return true;
}

void Intake::upkeep(Time now) {
  std::lock_guard lock(mutex_);
  if (!behind_.empty() && held_.empty()) {
    bool finished = false;
    // First whether it can be written at all: where not, nothing is read for it.
    if (!index_.begin() || !index_.commit()) behind_ = index_trouble();
    else behind_ = catch_up({}, true, monotonic_now() + longest_turn, finished);
    if (behind_.empty() && !finished) behind_ = fmt::format("{}/index.db is being brought up to the journal; what comes is kept, and shown when it is", settings_.directory);
  }
  const bool by_age = clock_is_even(now);
  if (now - retained_ < minute && now >= retained_) return;
  retained_ = now;
  RetentionSettings retention = settings_.retention;
  if (!by_age) retention.keep = std::numeric_limits<Time>::max() / 2;
  logs_.retain(retention, now);
  if (by_age) index_.forget_before(now - retention.keep);
}

void Intake::index_failed() {
  std::lock_guard lock(mutex_);
  if (behind_.empty()) behind_ = index_trouble();
}

void Intake::trust(const SensorId& sensor, const SignPublic& key) {
  std::lock_guard lock(mutex_);
  index_.trust(sensor, key);
}

// A clock that was set may be wrong by years, and what goes by its age is gone for good.
bool Intake::clock_is_even(Time now) {
  const Time ahead = now - boot_now(), before = even_since_, looked = seen_;
  if (!seen_) {   // the first time since the start
    seen_ = Time(clock_.value().next), even_since_ = Time(clock_.value().acknowledged);
    if (!even_since_ || now < seen_ || now - seen_ > longest_away) even_since_ = now;
  } else if (ahead - wall_ahead_ > hour || wall_ahead_ - ahead > hour) {
    even_since_ = now;
  }
  wall_ahead_ = ahead, seen_ = now;
  if (even_since_ != before || now / (10 * minute) != looked / (10 * minute)) clock_.store({uint64_t(even_since_), uint64_t(now), {}});
  return now - even_since_ >= settings_.clock_settles;
}

std::string Intake::index_trouble() const {
  return fmt::format("{}/index.db: cannot be written: {}. What comes is kept in the journal, and shown when it can be, nor is anybody called silent before. Is there room: df -h {}; does another program hold it: fuser -v {}/index.db",
                     settings_.directory, index_.problem(), settings_.directory, settings_.directory);
}

std::string Intake::behind() const {
  std::lock_guard lock(mutex_);
  return behind_;
}

std::string Intake::pausing() const {
  std::lock_guard lock(mutex_);
  return pausing_;
}

Intake::Counters Intake::counters() const {
  std::lock_guard lock(mutex_);
  return counters_;
}

uint64_t Intake::journal_bytes() const {
  std::lock_guard lock(mutex_);
  return logs_.bytes();
}

}  // namespace vidra
