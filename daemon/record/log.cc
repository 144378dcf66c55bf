// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/record/crc32c.h"
#include "daemon/record/entry.h"
#include "daemon/record/octets.h"

namespace vidra {

namespace {
constexpr uint32_t segment_magic = 0x4c505243;   // "CRPL"
constexpr uint16_t segment_version = 1;
constexpr size_t window_size = 256 * 1024;
constexpr std::string_view unfinished = ".seg.new";   // a segment that was to take the place of another

std::string segment_name(uint64_t first, uint32_t attempt) {
  return attempt ? fmt::format("{:016x}.{:04x}.seg", first, attempt) : fmt::format("{:016x}.seg", first);
}

bool parse_name(const std::string& name, uint64_t& first, uint32_t& attempt) {
  std::array<uint8_t, 8> n;
  std::array<uint8_t, 2> a{};
  const std::string_view s = name;
  if (!(s.size() == 20 || (s.size() == 25 && s[16] == '.')) || !s.ends_with(".seg") || !parse_hex(s.substr(0, 16), n)) return false;
  if (s.size() == 25 && !parse_hex(s.substr(17, 4), a)) return false;
  bool bad = false;
  first = Reader(n, bad).be64();
  attempt = Reader(a, bad).be16();
  return true;
}

std::array<uint8_t, segment_header_size> segment_header(const LogSettings& s, uint64_t first, int64_t created) {
  std::array<uint8_t, segment_header_size> out{};
  Writer w(out);
  w.le32(segment_magic), w.le16(segment_version), w.u8(s.lane), w.u8(0);
  w.bytes(s.sensor), w.le64(s.epoch), w.le64(first), w.le64(uint64_t(created));
  w.le64(0), w.le32(0);
  w.le32(crc32c(Bytes(out).first(60)));
  return out;
}

enum class HeaderState : uint8_t { good, bad, foreign };
HeaderState parse_segment_header(Bytes b, const LogSettings& s, uint64_t& first, int64_t& created) {
  bool bad = false;
  Reader r(b, bad);
  r.require(r.le32() == segment_magic);
  const uint16_t version = r.le16();
  const uint8_t lane = r.u8();
  r.u8();
  const Bytes sensor = r.bytes(16);
  const uint64_t epoch = r.le64(), n = r.le64();
  const int64_t t = int64_t(r.le64());
  r.skip(12);
  r.require(r.le32() == crc32c(b.first(std::min<size_t>(60, b.size()))));
  if (bad) return HeaderState::bad;
  if (version != segment_version || lane != s.lane || epoch != s.epoch || !std::ranges::equal(sensor, s.sensor)) return HeaderState::foreign;
  first = n, created = t;
  return HeaderState::good;
}
}  // namespace

Log::Log(Storage& storage, LogSettings settings) : storage_(storage), settings_(std::move(settings)) {}
Log::~Log() = default;

int Log::open(uint64_t at_least, uint64_t synced) {
  recovery_.at = settings_.directory;
  if (const int e = storage_.make_directories(settings_.directory)) return e;
  std::vector<std::string> names;
  if (const int e = storage_.list(settings_.directory, names)) return e;
  for (const std::string& name : names) {
    Segment s;
    if (name.ends_with(unfinished)) storage_.remove(settings_.directory + "/" + name);   // killed while it was made
    if (!parse_name(name, s.first, s.attempt)) continue;
    s.name = name;
    s.path = recovery_.at = settings_.directory + "/" + name;
    std::unique_ptr<File> f;
    if (const int e = storage_.open(s.path, Storage::Mode::existing, f)) return e;
    std::array<uint8_t, segment_header_size> head{};
    uint64_t first = 0;
    const int64_t got = f->read(0, head), size = f->size();
    if (size < 0 || (got < 0 && !settings_.with_holes)) return int(got < 0 ? got : size);
    s.bytes = uint64_t(size);
    switch (parse_segment_header(Bytes(head).first(size_t(std::max<int64_t>(got, 0))), settings_, first, s.created)) {
      case HeaderState::good: s.first = first; break;   // the header outweighs the name: files may have been swapped
      case HeaderState::bad: break;                     // its records carry their own numbers
      case HeaderState::foreign: return -EPROTO;        // another lane, epoch, sensor or version: not ours to touch
    }
    segments_.push_back(std::move(s));
  }
  std::ranges::sort(segments_, [](const Segment& a, const Segment& b) { return std::pair(a.first, a.attempt) < std::pair(b.first, b.attempt); });
  next_ = std::max<uint64_t>(at_least, 1);
  durable_.store(next_ - 1, std::memory_order_release);
  // The last file may end in the middle of a write. One without any whole record was never durable, or is damaged all over.
  while (!segments_.empty()) {
    const size_t before = segments_.size();
    if (const int e = scan_last(synced)) return e;
    if (segments_.size() == before) break;
  }
  // A later attempt begins where the sync of an earlier file failed: the earlier one's copies of those records do not count.
  for (size_t i = 0; i + 1 < segments_.size();)
    if (segments_[i].first == segments_[i + 1].first) storage_.remove(segments_[i].path), segments_.erase(segments_.begin() + ptrdiff_t(i));
    else i++;
  // A file may be there whose name was never made durable.
  if (!segments_.empty())
    if (const int e = storage_.sync_directory(settings_.directory)) recovery_.in_doubt = true, recovery_.unsynced = e;
  uint64_t total = 0;
  for (const Segment& s : segments_) total += s.bytes;
  bytes_.store(total, std::memory_order_relaxed);
  return 0;
}

// Walks the last segment: finds its end, cuts what is behind, or drops the file when it holds nothing.
int Log::scan_last(uint64_t synced) {
  Segment& s = segments_.back();
  recovery_.at = s.path;
  std::unique_ptr<File> f;
  if (const int e = storage_.open(s.path, Storage::Mode::existing, f)) return e;
  std::vector<uint8_t> all(s.bytes);
  const int64_t given = f->read(0, all);
  const bool readable = given == int64_t(all.size());
  if (!readable && !settings_.with_holes) return given < 0 ? int(given) : -EIO;
  if (!readable) {
    // A bad sector: what lies around it can still be read, piece by piece.
    for (size_t at = 0; at < all.size(); at += 4096) {
      const std::span<uint8_t> piece = std::span(all).subspan(at, std::min<size_t>(4096, all.size() - at));
      if (f->read(at, piece) != int64_t(piece.size())) std::ranges::fill(piece, uint8_t{0});
    }
    recovery_.in_doubt = true;
  }
  uint64_t last = s.first - 1, good_end = segment_header_size;
  size_t at = segment_header_size;
  bool any = false;
  std::vector<Range> missing;
  struct Hole { uint64_t end, last; int64_t behind; };   // where it begins, the number before it; when the record behind it was taken in
  std::vector<Hole> holes;
  int64_t newest = 0;
  while (at + entry_prefix_size <= all.size()) {
    const auto entry = entry_in(Bytes(all).subspan(at));
    if (!entry) { at++; continue; }   // look for the next magic: what lies between is damaged
    const uint64_t number = entry->number;
    const int64_t taken_in = settings_.taken_in ? settings_.taken_in(entry->payload) : 0;
    newest = std::max(newest, taken_in);
    if (number > last) {
      if (number > last + 1) missing.push_back({last + 1, number - 1}), holes.push_back({good_end, last, taken_in});
      last = number;
    }
    any = true;
    at += entry->length();
    good_end = at;
  }
  if (settings_.taken_in)
    for (size_t i = 0; i < holes.size(); i++)
      if (holes[i].behind > newest - 60'000'000'000) {
        good_end = holes[i].end, last = holes[i].last;
        missing.resize(i);
        any = last >= s.first;
        break;
      }
  const uint64_t end = any ? good_end : 0;
  const bool only_header = !any && all.size() <= segment_header_size;   // made, and then nothing: no record was ever in it
  if (end < all.size() && !only_header) {
    // Keep the tail for support: bounded, once, and only then cut it.
    const Bytes tail = Bytes(all).subspan(size_t(end));
    const bool zeros = std::ranges::all_of(tail, [](uint8_t o) { return o == 0; });
    const std::string place = settings_.lost_and_found.empty() ? settings_.directory + "/lost+found" : settings_.lost_and_found;
    const std::string file = fmt::format("{}/{:016x}.{}.{}.tail", place, settings_.epoch, settings_.lane, s.name);
    std::unique_ptr<File> kept;
    std::vector<std::string> held;
    if (!zeros && storage_.make_directories(place) == 0 && storage_.list(place, held) == 0 && held.size() < 16 &&
        storage_.open(file, Storage::Mode::create, kept) == 0 && kept->append(tail.first(std::min<size_t>(tail.size(), 1u << 20))) == 0 && kept->sync() == 0)
      recovery_.kept_in = file;
    recovery_.cut_bytes += tail.size();
    recovery_.in_doubt = true;
  }
  for (const Range& m : missing) recovery_.missing.push_back(m);
  if (!any) {
    next_ = std::max(next_, s.first);
    durable_.store(next_ - 1, std::memory_order_release);
    if (readable) storage_.remove(s.path);
    segments_.pop_back();
    return 0;
  }
  if (readable && end < all.size() && f->truncate(end)) recovery_.in_doubt = true;
  // Records that a killed process wrote may still be in the page cache only: durable before anybody sends them. Where an earlier sync
  // has failed the cache shows them and calls them clean: the file is written once more and takes its own place. Never in place: power
  // lost in the middle of that costs what was well.
  int e = 0;
  if (!readable) {
    e = f->sync();   // what was not read is not written over
  } else if (last > synced) {
    const std::string fresh = s.path + ".new";
    std::unique_ptr<File> copy;
    storage_.remove(fresh);
    e = storage_.open(fresh, Storage::Mode::create_new, copy);
    if (!e) e = copy->write_at(0, Bytes(all).first(size_t(end)));
    if (!e) e = copy->sync();
    if (!e) e = storage_.rename(fresh, s.path);
    if (!e) f = std::move(copy);
    else storage_.remove(fresh);
  }
  if (e) recovery_.in_doubt = true, recovery_.unsynced = e;
  s.bytes = end;
  next_ = std::max(next_, last + 1);
  durable_.store(next_ - 1, std::memory_order_release);
  writing_ = s;
  if (last + 1 == next_ && !recovery_.in_doubt) file_ = std::move(f);   // go on in this file
  return 0;
}

uint64_t Log::first() const {
  std::lock_guard lock(mutex_);
  return segments_.empty() ? durable() + 1 : segments_.front().first;
}

std::vector<SegmentInfo> Log::segments() const {
  std::lock_guard lock(mutex_);
  std::vector<SegmentInfo> out;
  for (size_t i = 0; i < segments_.size(); i++) {
    const Segment& s = segments_[i];
    out.push_back({s.name, s.first, i + 1 < segments_.size() ? segments_[i + 1].first - 1 : durable(), s.bytes, s.created});
  }
  return out;
}

uint64_t Log::append(MessageType type, Bytes header, Bytes body, int64_t wall_ns) {
  const uint64_t number = next_++;
  if (batch_.empty()) batch_first_ = number, batch_wall_ = wall_ns ? wall_ns : wall_now();
  const size_t at = batch_.size(), length = header.size() + body.size();
  batch_.resize(at + entry_prefix_size + length);
  const std::span<uint8_t> out = std::span(batch_).subspan(at);
  Writer w(out);
  w.le32(log_entry_magic), w.le32(uint32_t(length)), w.le32(0), w.le64(uint64_t(type) | number << 8);
  w.bytes(header), w.bytes(body);
  Writer(out.subspan(8)).le32(crc32c(Bytes(out).subspan(12)));
  return number;
}

void Log::forget_batch() {
  if (!batch_.empty()) next_ = batch_first_;
  batch_.clear();
}

int Log::begin_segment() {
  uint32_t attempt = writing_.first == batch_first_ ? writing_.attempt + 1 : 0;   // one of that number that holds only what lies before it: this is the later one
  file_.reset();
  Segment s;
  s.first = batch_first_;
  s.created = batch_wall_;
  int e = -EEXIST;
  for (int tries = 0; e == -EEXIST && tries < 1000; tries++, attempt++) {
    s.attempt = attempt;
    s.name = segment_name(s.first, attempt);
    s.path = settings_.directory + "/" + s.name;
    e = storage_.open(s.path, Storage::Mode::create_new, file_);
  }
  if (e) return e;
  if ((e = file_->write_at(0, segment_header(settings_, s.first, s.created)))) {
    file_.reset();
    discard(s.path);
    return e;
  }
  std::erase(left_, s.path);
  s.bytes = segment_header_size;
  writing_ = std::move(s);
  fresh_ = true;
  return 0;
}

int Log::sync() {
  if (batch_.empty()) return 0;
  int e = 0;
  for (int attempt = 0; attempt < 2; attempt++) {
    if (file_ && writing_.bytes >= settings_.segment_bytes) file_.reset();
    if (!file_ && (e = begin_segment())) continue;
    e = file_->write_at(writing_.bytes, batch_);
    const bool written = e == 0;
    if (!e) e = file_->sync();
    if (!e && fresh_) e = storage_.sync_directory(settings_.directory);
    if (!e) {
      {
        std::lock_guard lock(mutex_);
        writing_.bytes += batch_.size();
        if (fresh_) {
          segments_.push_back(writing_);
          bytes_.fetch_add(segment_header_size, std::memory_order_relaxed);
        } else {
          segments_.back().bytes = writing_.bytes;
        }
      }
      fresh_ = false;
      bytes_.fetch_add(batch_.size(), std::memory_order_relaxed);
      durable_.store(next_ - 1, std::memory_order_release);
      batch_.clear();
      if (!left_.empty())
        for (const std::string& path : std::exchange(left_, {})) discard(path);
      return 0;
    }
    // No room: the same file will do later. Anything else: what this file holds beyond its durable end is not to be trusted.
    if (fresh_) {
      file_.reset();
      discard(writing_.path);
      writing_ = segments_.empty() ? Segment{} : segments_.back();
      fresh_ = false;
    } else if (!written && (e == -ENOSPC || e == -EDQUOT)) {
      if (file_->truncate(writing_.bytes)) file_.reset();
    } else {
      file_.reset();
    }
    if (e == -ENOSPC || e == -EDQUOT || e == -EROFS) return e;
  }
  return e;
}

// Left to a later start, when the records that were written again elsewhere may be gone, it would be taken for them.
void Log::discard(const std::string& path) {
  if (const int e = storage_.remove(path); e && e != -ENOENT) left_.push_back(path);
}

int Log::remove_segment(size_t index) {
  const Segment s = segments_[index];
  if (const int e = storage_.remove(s.path); e && e != -ENOENT) return e;   // it stays: forgotten, it would be back at the next start
  {
    std::lock_guard lock(mutex_);
    segments_.erase(segments_.begin() + ptrdiff_t(index));
  }
  if (file_ && s.path == writing_.path) file_.reset();
  bytes_.fetch_sub(std::min(s.bytes, bytes()), std::memory_order_relaxed);
  return 0;
}

int Log::drop_before(uint64_t number) {
  int e = 0;
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (segments_.size() < 2 || segments_[1].first > number) break;
    }
    if (const int r = remove_segment(0)) return r;
    if (const int r = storage_.sync_directory(settings_.directory)) e = r;   // each: or a loss of power leaves holes
  }
  return e;
}

std::optional<Range> Log::drop_oldest() {
  Range gone;
  {
    std::lock_guard lock(mutex_);
    if (segments_.empty()) return std::nullopt;
    gone = {segments_.front().first, segments_.size() > 1 ? segments_[1].first - 1 : durable()};
  }
  if (remove_segment(0)) return std::nullopt;
  storage_.sync_directory(settings_.directory);
  return gone;
}

std::optional<Log::View> Log::view(uint64_t number) const {
  std::lock_guard lock(mutex_);
  const uint64_t durable = durable_.load(std::memory_order_acquire);
  for (size_t i = 0; i < segments_.size(); i++) {
    const uint64_t last = i + 1 < segments_.size() ? segments_[i + 1].first - 1 : durable;
    if (last >= number && last >= segments_[i].first) return View{segments_[i].path, segments_[i].first, last, segments_[i].bytes};
  }
  return std::nullopt;
}

void LogReader::seek(uint64_t number) {
  at_ = number;
  leave();
}

void LogReader::leave() {
  file_.reset();
  window_.clear();
}

// Never beyond the durable end: what is read there would be stale by the time it counts.
bool LogReader::fill(uint64_t offset, size_t n) {
  if (offset >= window_at_ && offset + n <= window_at_ + window_.size()) return true;
  window_.resize(size_t(std::min<uint64_t>(std::max(window_size, n), size_ - offset)));
  window_at_ = offset;
  const int64_t got = file_->read(offset, window_);
  trouble_ = got < 0;
  window_.resize(size_t(std::max<int64_t>(got, 0)));
  return window_.size() >= n;
}

LogReader::Look LogReader::look(uint64_t offset, LogEntry& entry, size_t& length) {
  if (offset + entry_prefix_size > size_ || !fill(offset, entry_prefix_size)) return Look::end;
  const auto n = entry_payload(Bytes(window_).subspan(size_t(offset - window_at_)));
  if (!n || offset + entry_prefix_size + *n > size_) return Look::bad;
  if (!fill(offset, entry_prefix_size + *n)) return trouble_ ? Look::end : Look::bad;
  const auto here = entry_in(Bytes(window_).subspan(size_t(offset - window_at_)));
  if (!here) return Look::bad;
  entry.type = here->type, entry.number = here->number;
  entry.payload.assign(here->payload.begin(), here->payload.end());
  length = here->length();
  return Look::entry;
}

LogReader::Found LogReader::miss(uint64_t to, Range& missing) {
  missing = {at_, to};
  at_ = to + 1;
  return Found::missing;
}

LogReader::Found LogReader::next(LogEntry& entry, Range& missing) {
  for (;;) {   // every turn moves on in the file or in the numbers
    if (at_ > log_.durable()) return Found::nothing;
    if (!file_ || at_ > last_) {
      const auto v = log_.view(at_);
      if (!v) return miss(log_.durable(), missing);   // durable once, but no segment holds it or anything after it
      if (!file_ || v->path != path_) {
        leave();
        path_ = v->path;
        offset_ = segment_header_size;
        if (const int e = storage_.open(path_, Storage::Mode::existing, file_)) {
          file_.reset();
          const auto again = log_.view(at_);
          if (again && again->path != path_) continue;   // it was removed between the two
          if (e != -ENOENT) return Found::trouble;
          return miss(v->last, missing);
        }
      }
      first_ = v->first, last_ = v->last, size_ = v->bytes;
      if (first_ > at_) return miss(first_ - 1, missing);
    }
    size_t length = 0;
    switch (look(offset_, entry, length)) {
      case Look::entry:
        if (entry.number < at_ || entry.number > last_) {   // read before, or another segment's block: not in its place
          offset_ += length;
          break;
        }
        if (entry.number > at_) return miss(entry.number - 1, missing);
        offset_ += length;
        at_++;
        return Found::entry;
      case Look::bad: offset_++; break;
      case Look::end:
        if (trouble_) {
          window_.clear();
          return Found::trouble;
        }
        return miss(last_, missing);
    }
  }
}

}  // namespace vidra
