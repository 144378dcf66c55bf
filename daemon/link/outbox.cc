// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/outbox.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>

#include "daemon/base/clock.h"

namespace vidra {

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr int most_reads = 10;
constexpr int64_t clock_step = 3600 * second;   // less than that is a clock that is kept right
constexpr size_t told_most = 65'536, epochs_most = 16, named_most = 192, entry_overhead = entry_prefix_size + header_size;

// Ranges that were told are in order, none touching another. What of `r` they do not cover:
std::vector<Range> beyond(Range r, const std::vector<Range>& told) {
  std::vector<Range> left;
  for (auto t = std::ranges::lower_bound(told, r.from, {}, &Range::to); t != told.end() && t->from <= r.to; ++t) {
    if (r.from < t->from) left.push_back({r.from, t->from - 1});
    if (t->to >= r.to) return left;
    r.from = t->to + 1;
  }
  left.push_back(r);
  return left;
}

void add(std::vector<Range>& told, Range r) {
  const auto first = std::ranges::lower_bound(told, r.from - 1, {}, &Range::to);
  auto end = first;
  for (; end != told.end() && end->from - 1 <= r.to; ++end) r = {std::min(r.from, end->from), std::max(r.to, end->to)};
  if (first != end || told.size() < told_most) told.insert(told.erase(first, end), r);   // what finds no place is told again
}

// An epoch's folder: its ordinal and its number, in hexadecimal. Others are nobody's here.
bool parse_folder(std::string_view name, uint64_t& highest, uint64_t& epoch) {
  std::array<uint8_t, 4> ordinal{};
  std::array<uint8_t, 8> number{};
  if (name.size() != 25 || name[8] != '-' || !parse_hex(name.substr(0, 8), ordinal) || !parse_hex(name.substr(9), number)) return false;
  bool bad = false;
  highest = std::max<uint64_t>(highest, Reader(ordinal, bad).be32());
  epoch = Reader(number, bad).be64();
  return true;
}

void remove(std::vector<Range>& told, Range r) {
  std::vector<Range> left;
  for (const Range& t : told)
    for (const Range& l : beyond(t, {r})) left.push_back(l);
  told = std::move(left);
}
}  // namespace

// One lane of one epoch.
struct Outbox::Stream {
  Stream(Storage& storage, LogSettings s, std::string cursor_path)
      : lane(s.lane), epoch(s.epoch), log(storage, std::move(s)), cursor(storage, std::move(cursor_path)), reader(storage, log, 1) {}
  const uint8_t lane;
  const uint64_t epoch;
  Log log;
  Cursor cursor;
  std::atomic<uint64_t> acknowledged{0};
  std::vector<Range> told;                 // missing numbers that a GAP record has named, in order, none touching another; under the outbox's mutex

  uint64_t since = 1;                      // the first number that was given out since open()
  bool unread = false;                     // the disk did not give it

  // The outbox's thread.
  Hash head{}, batch_head{};               // of the last durable record; of the last one in the batch
  std::vector<std::pair<Waiting, uint64_t>> batch;   // with their numbers, until they are durable

  // The link thread.
  LogReader reader;
  std::deque<uint64_t> sent;               // not acknowledged
  uint64_t highest = 0;                    // ever acknowledged
  uint32_t credit = 0;
  int64_t trouble_since = 0;               // when it could not be read, 0 it can
};

struct Outbox::Epoch {
  uint64_t number = 0;
  std::string directory;
  std::array<std::unique_ptr<Stream>, lane_count> streams;
};

Outbox::Outbox(Storage& storage, OutboxSettings settings, const SignSecret& secret) : storage_(storage), settings_(std::move(settings)), secret_(secret) {
  for (size_t i = 0; i < lane_count; i++) lost_[i].lane = uint8_t(i);
}

Outbox::~Outbox() {
  stop();
  sodium_memzero(secret_.data(), secret_.size());
}

std::vector<Outbox::EpochPtr> Outbox::epochs() const {
  std::lock_guard lock(mutex_);
  return epochs_;
}

void Outbox::failed(int error, const char* doing) {
  failing_.store(true, std::memory_order_relaxed);
  sync_failures_.fetch_add(1, std::memory_order_relaxed);
  retry_at_ = boot_now() + settings_.retry_interval;
  std::lock_guard lock(mutex_);
  trouble_ = fmt::format("{}: {} failed: {}; records wait in memory, tried again every {} ms", settings_.directory, doing, std::strerror(-error),
                         settings_.retry_interval / 1'000'000);
}

void Outbox::wake_with(std::function<void()> waker) {
  std::lock_guard lock(waker_mutex_);
  waker_ = std::move(waker);
}

// --- recovery

void Outbox::open() {
  upkeep_at_ = cursors_at_ = checkpoint_at_ = boot_now() + second;
  even_since_ = boot_now(), wall_ahead_ = wall_now() - even_since_;
  if (read_back() && !writable_)
    if (const int e = begin_epoch()) failed(e, "beginning an epoch");
}

// What earlier runs have left. Where the disk does not give it now it is asked again before anything is written, a while: or it would lie
// there, undelivered, until the next start.
bool Outbox::read_back() {
  std::vector<std::string> names;
  int e = storage_.make_directories(settings_.directory);
  if (!e || e == -EROFS) e = storage_.list(settings_.directory, names);
  if (e) return failed(e, "opening the outbox"), false;
  std::vector<EpochPtr> found;
  for (const std::string& n : names)
    if (auto epoch = std::make_shared<Epoch>(); parse_folder(n, ordinal_, epoch->number)) epoch->directory = settings_.directory + "/" + n, found.push_back(std::move(epoch));
  reads_++;
  unreadable_ = false;
  std::vector<Gap> lost;   // told once all could be read: or they would be told at each attempt
  for (size_t i = 0; i < found.size() && !unreadable_; i++) writable_ = open_epoch(found[i], i + 1 == found.size(), lost);
  if (unreadable_) {
    writable_ = false;
    std::lock_guard lock(mutex_);
    epochs_.clear();
    generation_.fetch_add(1, std::memory_order_release);
    return false;
  }
  was_read_ = true;
  cut_.clear();
  for (Gap& g : lost) tell(std::move(g));
  return true;
}

LogSettings Outbox::lane_of(const Epoch& epoch, size_t lane) const {
  LogSettings s;
  s.directory = epoch.directory + "/" + std::to_string(lane);
  s.lost_and_found = settings_.directory + "/lost+found";
  s.segment_bytes = settings_.segment_bytes;
  s.sensor = settings_.sensor;
  s.epoch = epoch.number;
  s.lane = uint8_t(lane);
  s.with_holes = reads_ >= most_reads;
  return s;
}

bool Outbox::open_epoch(const EpochPtr& epoch, bool newest, std::vector<Gap>& lost) {
  bool good = newest;
  {
    // A copy on another disk or machine must not go on counting where the original may do so too.
    std::unique_ptr<File> f;
    std::string text(512, 0);
    int64_t n = storage_.open(epoch->directory + "/identity", Storage::Mode::existing, f);
    if (n == 0) n = f->read(0, std::span(reinterpret_cast<uint8_t*>(text.data()), text.size()));
    text.resize(size_t(std::max<int64_t>(n, 0)));
    if (text != storage_.identity(epoch->directory)) good = false;
  }
  for (size_t lane = 0; lane < lane_count; lane++) {
    epoch->streams[lane] = std::make_unique<Stream>(storage_, lane_of(*epoch, lane), epoch->directory + "/" + std::to_string(lane) + ".cursor");
    Stream& stream = *epoch->streams[lane];
    // What is not given now may be given later: asked again.
    const auto ask_again = [&](int e, const char* doing) {
      failed(e, doing);
      return unreadable_ = reads_ < most_reads;
    };
    Gap gap;
    gap.epoch = epoch->number, gap.lane = uint8_t(lane);
    if (const int e = stream.cursor.open()) {
      if (ask_again(e, "reading a cursor")) return false;
      good = false;
      gap.reason = "corrupt";   // what had gone before, nobody knows
      gap.classes["unreadable cursor"] = 1;
      lost.push_back(gap);
      gap.classes.clear();
    }
    if (stream.cursor.damaged()) good = false;
    const CursorValue c = stream.cursor.value();
    const int e = stream.log.open(c.next, c.next - 1);
    const Recovery& r = stream.log.recovery();
    cut_bytes_.fetch_add(r.cut_bytes, std::memory_order_relaxed);
    uint64_t& cut = cut_[{epoch->number, lane}];
    cut += r.cut_bytes;   // what an earlier attempt cut, this one does not see any more
    if (e) {
      if (e != -EPROTO && ask_again(e, "reading a lane")) return false;
      // Nothing of this lane can be read: say so, once, and leave the files as they are.
      good = false;
      stream.unread = true;
      gap.reason = "corrupt";
      gap.classes["unreadable lane"] = 1;
      if (c.next > c.acknowledged + 1) gap.from = c.acknowledged + 1, gap.to = c.next - 1;
      if (newest || gap.from) lost.push_back(gap);
      continue;
    }
    stream.since = stream.log.next();
    stream.acknowledged = std::min(c.acknowledged, stream.log.durable());
    for (const Range& t : c.told) add(stream.told, t);
    if (r.in_doubt || cut) good = false;
    // The head of the chain: from the last record; with no record left, from the cursor.
    LogEntry last;
    Range none;
    bool head = stream.log.durable() == 0;
    if (!head) {
      LogReader reader(storage_, stream.log, stream.log.durable());
      Header h;
      if (reader.next(last, none) == LogReader::Found::entry && check(last.header(), last.body(), h) == HeaderFlaw::none) stream.head = h.self, head = true;
      else if (c.next == stream.log.next()) stream.head = c.head, head = stream.log.bytes() == 0;
    }
    if (!head) good = false;
    stream.batch_head = stream.head;
    if (cut) {
      // It may hold records that were never accepted, or one that was: the octets are kept, the numbers are not used again.
      gap.reason = "torn";
      gap.classes["octets cut"] = cut;
      lost.push_back(gap);
      gap.classes.clear();
    }
    for (Range m : r.missing) {
      m.from = std::max(m.from, stream.acknowledged + 1);
      if (m.from > m.to) continue;
      for (const Range& fresh : beyond(m, stream.told)) {
        add(stream.told, fresh);
        gap.reason = "corrupt", gap.from = fresh.from, gap.to = fresh.to;
        lost.push_back(gap);
      }
    }
    if (const uint64_t first = stream.log.first(), acked = stream.acknowledged; first > acked + 1)
      for (const Range& wiped : beyond({acked + 1, first - 1}, stream.told)) {
        add(stream.told, wiped);
        gap.reason = "wiped", gap.from = wiped.from, gap.to = wiped.to;
        lost.push_back(gap);
      }
    stream.highest = stream.acknowledged;
    stream.reader.seek(stream.acknowledged + 1);
  }
  {
    std::lock_guard lock(mutex_);
    epochs_.push_back(epoch);
  }
  generation_.fetch_add(1, std::memory_order_release);
  if (good) epoch_.store(epoch->number, std::memory_order_release);
  return good;
}

int Outbox::make_epoch(Epoch& epoch) {
  if (const int e = storage_.make_directories(epoch.directory)) return e;
  for (size_t lane = 0; lane < lane_count; lane++) {
    epoch.streams[lane] = std::make_unique<Stream>(storage_, lane_of(epoch, lane), epoch.directory + "/" + std::to_string(lane) + ".cursor");
    if (const int e = epoch.streams[lane]->log.open()) return e;
    if (const int e = epoch.streams[lane]->cursor.open()) return e;
  }
  // The identity comes last: an epoch without it is never gone on with.
  std::unique_ptr<File> f;
  if (const int e = storage_.open(epoch.directory + "/identity", Storage::Mode::create_new, f)) return e;
  if (const int e = f->append(bytes_of(storage_.identity(epoch.directory)))) return e;
  if (const int e = f->sync()) return e;
  if (const int e = storage_.sync_directory(epoch.directory)) return e;
  return storage_.sync_directory(settings_.directory);
}

int Outbox::begin_epoch() {
  EpochPtr epoch;
  int e = 0;
  do {
    epoch = std::make_shared<Epoch>();
    epoch->number = new_epoch(wall_now());
    epoch->directory = fmt::format("{}/{:08x}-{:016x}", settings_.directory, ++ordinal_, epoch->number);   // a name once used stays used
    e = make_epoch(*epoch);
    if (e) remove_files(*epoch);
  } while ((e == -ENOSPC || e == -EDQUOT) && make_room(true));
  if (e) return e;
  std::lock_guard lock(mutex_);
  if (writable_)   // what the old epoch could not make durable begins again in the new one
    for (size_t lane = 0; lane < lane_count; lane++) {
      Stream& old = *epochs_.back()->streams[lane];
      old.log.forget_batch();
      for (auto i = old.batch.rbegin(); i != old.batch.rend(); ++i) {
        queue_bytes_[lane] += i->first.body.size() + entry_overhead;
        queue_[lane].push_front(std::move(i->first));
      }
      old.batch.clear();
      in_hand_[lane].store(0, std::memory_order_relaxed);
    }
  epochs_.push_back(epoch);
  last_checkpoint_ = 0;
  writable_ = true;
  epoch_.store(epoch->number, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  return 0;
}

// --- taking in

bool Outbox::enqueue(size_t lane, Waiting&& w, bool own) {
  std::lock_guard lock(mutex_);
  return enqueue_locked(lane, std::move(w), own);
}

bool Outbox::enqueue_locked(size_t lane, Waiting&& w, bool own) {
  const uint64_t need = w.body.size() + entry_overhead;
  const auto held = [&] { return queue_bytes_[0] + queue_bytes_[1] + queue_bytes_[2]; };
  const uint64_t bound = lane == 0 ? settings_.memory_bytes : settings_.memory_bytes - settings_.memory_bytes / 10;
  // The order of sacrifice: state, then alerts, the oldest first; never what is critical.
  for (size_t victim = lane_count - 1; !own && victim >= std::max<size_t>(lane, 1) && held() + need > bound; victim--)
    while (!queue_[victim].empty() && held() + need > bound) {
      Waiting& out = queue_[victim].front();
      Gap& g = lost_[victim];
      g.classes[std::string(name_of(out.type))]++;
      if (const std::string d = detection_in(bytes_of(out.body)); !d.empty() && (g.detections.size() < 64 || g.detections.contains(d))) g.detections[d]++;
      g.first_ns = g.first_ns ? std::min(g.first_ns, out.wall_ns) : out.wall_ns;
      g.last_ns = std::max(g.last_ns, out.wall_ns);
      lost_count_[victim].fetch_add(1, std::memory_order_relaxed);
      queue_bytes_[victim] -= out.body.size() + entry_overhead;
      queue_[victim].pop_front();
    }
  if (!own && held() + need > bound) return false;
  queue_bytes_[lane] += need;
  queue_[lane].push_back(std::move(w));
  wake_.notify_one();
  return true;
}

uint64_t Outbox::append(Lane lane, MessageType type, uint8_t prio, uint8_t flags, std::string body) {
  const size_t l = size_t(lane);
  if (body.size() > max_body || (l == 0 && full_.load(std::memory_order_relaxed))) {
    refused_[l].fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  const uint64_t ticket = tickets_[l].fetch_add(1, std::memory_order_relaxed) + 1;
  if (enqueue(l, {ticket, type, std::min<uint8_t>(prio, 100), flags, wall_now(), uint64_t(boot_now()), std::move(body), {}}, false)) return ticket;
  refused_[l].fetch_add(1, std::memory_order_relaxed);
  return 0;
}

// Own records (gaps, checkpoints) carry no ticket and are never turned away: they are few, and silence would be worse.
void Outbox::tell(Gap g) {
  std::lock_guard lock(mutex_);
  tell_locked(std::move(g));
}

void Outbox::tell_locked(Gap g) {
  gaps_.fetch_add(1, std::memory_order_relaxed);
  enqueue_locked(0, {0, MessageType::gap, 60, 0, wall_now(), uint64_t(boot_now()), body_of(g), {g.epoch, g.from, g.to, g.lane}}, true);
}

void Outbox::tell_missing(Stream& s, Range r, const char* reason) {
  // Under one lock: a cursor that is stored between the two would say that it was told, and a kill then that it never is.
  std::lock_guard lock(mutex_);
  for (const Range& f : beyond(r, s.told)) {
    add(s.told, f);
    Gap g;
    g.epoch = s.epoch, g.lane = s.lane, g.from = f.from, g.to = f.to, g.reason = reason;
    tell_locked(std::move(g));
  }
}

bool Outbox::wait(Lane lane, uint64_t ticket, int64_t timeout) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, std::chrono::nanoseconds(timeout), [&] { return accepted(lane) >= ticket; });
}

// --- making durable

bool Outbox::commit_lane(Epoch& epoch, size_t lane) {
  Stream& s = *epoch.streams[lane];
  if (s.batch.empty()) {
    std::deque<Waiting> taken;
    {
      std::lock_guard lock(mutex_);
      taken.swap(queue_[lane]);
      queue_bytes_[lane] = 0;
      in_hand_[lane].store(taken.size(), std::memory_order_relaxed);
    }
    if (taken.empty()) return true;
    s.batch_head = s.head;
    for (Waiting& w : taken) {
      Header h;
      h.type = w.type, h.flags = w.flags, h.lane = uint8_t(lane), h.prio = w.prio;
      h.sensor = settings_.sensor, h.epoch = epoch.number, h.seq = s.log.next();
      h.wall_ns = w.wall_ns, h.mono_ns = w.mono_ns, h.clock = settings_.clock;
      h.prev = s.batch_head;
      seal(h, bytes_of(w.body));
      s.batch_head = h.self;
      s.log.append(w.type, encode(h), bytes_of(w.body), w.wall_ns);
      s.batch.emplace_back(std::move(w), h.seq);
    }
  }
  int e = s.log.sync();
  while ((e == -ENOSPC || e == -EDQUOT) && make_room(true)) e = s.log.sync();
  syncs_.fetch_add(1, std::memory_order_relaxed);
  if (e) {
    failed(e, "writing");
    return false;
  }
  s.head = s.batch_head;
  uint64_t ticket = 0;
  for (const auto& [w, seq] : s.batch) {
    if (w.type == MessageType::checkpoint) last_checkpoint_ = seq;
    else since_checkpoint_++;
    if (!w.ticket) continue;
    ticket = w.ticket;
    accepted_count_[lane].fetch_add(1, std::memory_order_relaxed);
    if (on_accepted) on_accepted({w.ticket, uint8_t(lane), epoch.number, seq});
  }
  s.batch.clear();
  in_hand_[lane].store(0, std::memory_order_release);   // they are durable by now
  if (ticket) {
    {
      std::lock_guard lock(mutex_);
      accepted_[lane].store(ticket, std::memory_order_release);
    }
    settled_.notify_all();
  }
  return true;
}

void Outbox::checkpoint(Epoch& epoch) {
  std::vector<ChainHead> heads;
  for (const auto& s : epoch.streams)
    if (s->log.durable()) heads.push_back({epoch.number, s->lane, s->log.durable(), s->head});
  if (heads.empty()) return;
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  enqueue(0, {0, MessageType::checkpoint, 0, 0, wall_now(), uint64_t(boot_now()), body_of(sign(settings_.sensor, std::move(heads), secret_)), {}}, true);
}

bool Outbox::commit() {
  const int64_t now = boot_now();
  if (failing_.load(std::memory_order_relaxed) && now < retry_at_) return false;
  if (!was_read_ && !read_back()) return false;
  if (!writable_ || renew_.exchange(false)) {
    if (const int e = begin_epoch()) {
      if (writable_) renew_ = true;
      failed(e, "beginning an epoch");
      return false;
    }
  }
  const EpochPtr epoch = epochs().back();
  bool good = true;
  for (size_t lane = 0; lane < lane_count && good; lane++) good = commit_lane(*epoch, lane);
  if (good) {
    failing_.store(false, std::memory_order_relaxed);
    std::array<Gap, lane_count> lost;
    {
      std::lock_guard lock(mutex_);
      trouble_.clear();
      for (size_t lane = 0; lane < lane_count; lane++)
        if (!lost_[lane].classes.empty()) {
          lost[lane] = std::move(lost_[lane]);
          lost_[lane] = Gap{};
          lost_[lane].lane = uint8_t(lane);
        }
    }
    for (Gap& g : lost)
      if (!g.classes.empty()) {
        g.epoch = epoch->number;
        g.reason = "disk-full";
        tell(std::move(g));
      }
    if (since_checkpoint_ && (since_checkpoint_ >= settings_.checkpoint_records * checkpoint_factor_ || now >= checkpoint_at_)) {
      // A long outage must not fill the critical lane with signatures: one over many records is as good as many over few.
      const bool heard = epoch->streams[0]->acknowledged.load(std::memory_order_acquire) >= last_checkpoint_;
      checkpoint_factor_ = heard ? 1 : std::min<uint64_t>(checkpoint_factor_ * 2, 4096);
      since_checkpoint_ = 0;
      checkpoint_at_ = now + settings_.checkpoint_interval * int64_t(checkpoint_factor_);
      checkpoint(*epoch);
    }
  }
  {
    std::lock_guard lock(waker_mutex_);
    if (waker_) waker_();
  }
  keep_bounds();
  return good;
}

// --- bounds

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
  return v == s.cursor.value() || s.cursor.store(v) == 0;
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

// --- the thread

void Outbox::start() {
  thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
    retry_at_ = 0;   // the last chance of what waits in memory: a disk that failed a moment ago is asked once more
    commit();
    if (since_checkpoint_) checkpoint(*epochs().back());
    commit();        // that, and what the first has told
    for (const EpochPtr& e : epochs())
      for (const auto& s : e->streams) store_cursor(*s);
  }
}

void Outbox::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const int64_t now = boot_now();
    const bool failing = failing_.load(std::memory_order_relaxed);
    int64_t until = upkeep_at_;
    if (since_checkpoint_) until = std::min(until, checkpoint_at_);
    bool due = false;
    if (failing) {
      until = std::min(until, retry_at_);
      due = now >= retry_at_;
    } else if (!queue_[0].empty() || !queue_[1].empty()) {
      due = true;   // as soon as the disk is free: what arrives while it works is the next group
    } else if (!queue_[2].empty()) {
      const int64_t at = int64_t(queue_[2].front().mono_ns) + settings_.group_interval;
      due = queue_[2].size() >= settings_.group_records || now >= at;
      until = std::min(until, at);
    }
    due = due || renew_.load(std::memory_order_relaxed) || (since_checkpoint_ && now >= checkpoint_at_);
    if (!due && now < until) {
      wake_.wait_for(lock, std::chrono::nanoseconds(until - now));
      continue;
    }
    lock.unlock();
    if (due) commit();
    if (boot_now() >= upkeep_at_) upkeep();
    lock.lock();
  }
}

// --- the link thread

void Outbox::follow() {
  const uint64_t g = generation_.load(std::memory_order_acquire);
  if (g == following_generation_) return;
  following_generation_ = g;
  following_ = epochs();
}

std::vector<StreamState> Outbox::streams() {
  follow();
  announced_ = following_.empty() ? 0 : following_.back()->number;
  std::vector<StreamState> out, delivered;
  for (const EpochPtr& e : following_)
    for (const auto& s : e->streams) {
      StreamState v;
      v.epoch = e->number, v.lane = s->lane;
      v.last = s->log.durable();
      v.first = std::min(s->log.first(), v.last + 1);
      if (v.first > v.last && e != following_.back()) continue;
      (e == following_.back() || v.last > settled(*s) ? out : delivered).push_back(v);
    }
  // Bounded in the message too: what waits counts most, of that the newest epochs; then what is kept in case of a restored collector.
  if (out.size() > named_most) out.erase(out.begin(), out.end() - named_most);
  delivered.erase(delivered.begin(), delivered.end() - ptrdiff_t(std::min(delivered.size(), named_most - out.size())));
  out.insert(out.begin(), delivered.begin(), delivered.end());
  return out;
}

void Outbox::rewind(const std::vector<StreamState>& durable) {
  follow();
  paused_ = false;
  in_flight_ = 0;
  for (const EpochPtr& e : following_)
    for (const auto& s : e->streams) {
      s->sent.clear();
      s->credit = 0;
      for (const StreamState& d : durable) {
        if (d.epoch != s->epoch || d.lane != s->lane) continue;
        const uint64_t here = s->log.durable();
        if (d.durable > here) {
          // The collector has what this disk has forgotten: its numbers must not be given out a second time. Those that were, since
          // this process began, are others than it has under them: they cannot be sent any more.
          if (here >= s->since) tell_missing(*s, {s->since, here}, "restored");
          if (e == following_.back()) renew_.store(true), wake_.notify_one();
        }
        s->acknowledged.store(std::min(d.durable, here), std::memory_order_release);
        s->credit = d.credit;
        s->reader.seek(std::min(d.durable, std::numeric_limits<uint64_t>::max() - 1) + 1);
      }
    }
}

bool Outbox::unannounced() {
  follow();
  return !following_.empty() && following_.back()->number != announced_;
}

void Outbox::pause() { paused_ = true; }

bool Outbox::next(Outgoing& out) {
  if (paused_) return false;
  follow();
  for (size_t lane = 0; lane < lane_count; lane++)
    for (const EpochPtr& e : following_) {
      Stream& s = *e->streams[lane];
      while (s.sent.size() < s.credit) {
        Range missing;
        const auto found = s.reader.next(out.entry, missing);
        if (found == LogReader::Found::nothing) break;
        if (found == LogReader::Found::trouble) {
          const int64_t now = boot_now();
          if (!s.trouble_since) s.trouble_since = now;
          if (now - s.trouble_since < settings_.read_patience) break;   // asked again at the next turn
          missing = {s.reader.at(), s.log.durable()};
          for (const SegmentInfo& i : s.log.segments())                 // the next one may be well
            if (i.first <= missing.from && missing.from <= i.last) missing.to = std::min(missing.to, i.last);
          s.reader.seek(missing.to + 1);
        }
        if (found != LogReader::Found::entry) {
          tell_missing(s, missing, missing.to <= s.highest ? "restored" : "corrupt");
          s.trouble_since = 0;
          continue;
        }
        s.trouble_since = 0;
        s.sent.push_back(out.entry.number);
        in_flight_++;
        out.epoch = s.epoch, out.lane = s.lane;
        return true;
      }
    }
  return false;
}

void Outbox::acknowledge(const std::vector<StreamState>& durable) {
  follow();
  for (const StreamState& d : durable)
    for (const EpochPtr& e : following_) {
      if (e->number != d.epoch || d.lane >= lane_count) continue;
      Stream& s = *e->streams[d.lane];
      s.credit = d.credit;
      const uint64_t upto = std::min(d.durable, s.log.durable());
      if (upto > s.acknowledged.load(std::memory_order_relaxed)) {
        s.acknowledged.store(upto, std::memory_order_release);
        if (on_acknowledged) on_acknowledged(s.epoch, s.lane, upto);
      }
      s.highest = std::max(s.highest, upto);
      while (!s.sent.empty() && s.sent.front() <= upto) s.sent.pop_front(), in_flight_--;
    }
}

OutboxStatus Outbox::status() const {
  OutboxStatus out;
  {
    std::lock_guard lock(mutex_);
    for (size_t l = 0; l < lane_count; l++) out.lanes[l].waiting = queue_[l].size() + in_hand_[l].load(std::memory_order_acquire);
    out.trouble = trouble_;
    out.epochs = epochs_.size();
  }
  for (const EpochPtr& e : epochs())
    for (const auto& s : e->streams) {
      auto& l = out.lanes[s->lane];
      const uint64_t durable = s->log.durable(), from = std::max(settled(*s) + 1, s->log.first());
      l.bytes += s->log.bytes();
      if (durable < from) continue;
      l.unacknowledged += durable - from + 1;
      for (const SegmentInfo& i : s->log.segments())
        if (i.last >= from && (!l.oldest_ns || i.created < l.oldest_ns)) l.oldest_ns = i.created;
    }
  for (size_t l = 0; l < lane_count; l++) {
    auto& lane = out.lanes[l];
    lane.accepted = accepted_count_[l], lane.evicted = evicted_[l], lane.lost = lost_count_[l], lane.refused = refused_[l];
  }
  out.epoch = epoch(), out.syncs = syncs_, out.sync_failures = sync_failures_, out.gaps = gaps_, out.cut_bytes = cut_bytes_, out.checkpoints = checkpoints_;
  out.failing = failing_;
  if (full_ && out.trouble.empty()) out.trouble = "the critical lane is full: new critical records are refused";
  return out;
}

}  // namespace vidra
