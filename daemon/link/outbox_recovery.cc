// SPDX-License-Identifier: Apache-2.0
// What earlier runs have left, and how an epoch begins.
#include "daemon/link/outbox_epoch.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "daemon/base/clock.h"

namespace vidra {

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr int most_reads = 10;

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
}  // namespace

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

}  // namespace vidra
