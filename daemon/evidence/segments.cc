// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/segments.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "daemon/base/text.h"
#include "daemon/evidence/walk.h"

namespace vidra {
namespace {

constexpr uint64_t largest_segment = 16 << 20, least_segment = 256 << 10;

std::string name_of(Sort s, size_t worker, Time begun) { return fmt::format("{}-{}-{:019}.pcapng", vidra::name_of(s), worker, begun); }

bool read_name(std::string_view name, Sort& sort, size_t& worker, Time& begun) {
  for (size_t i = 0; i < sort_count; i++) {
    const std::string_view s = vidra::name_of(Sort(i));
    if (!name.starts_with(s) || name.size() < s.size() + 2 || name[s.size()] != '-' || !name.ends_with(".pcapng")) continue;
    const char *at = name.data() + s.size() + 1, *const end = name.data() + name.size() - 7;
    const auto first = std::from_chars(at, end, worker);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return false;
    const auto second_number = std::from_chars(first.ptr + 1, end, begun);
    sort = Sort(i);
    return second_number.ec == std::errc() && second_number.ptr == end && begun >= 0 && begun < std::numeric_limits<Time>::max() - day;
  }
  return false;
}

bool no_room(int error) { return error == -ENOSPC || error == -EDQUOT; }

Time stamp_of(Bytes block) {
  uint32_t high, low;
  std::memcpy(&high, block.data() + 12, 4), std::memcpy(&low, block.data() + 16, 4);
  return Time(uint64_t{high} << 32 | low);
}

}  // namespace

Segments::Segments(Storage& storage, std::string folder, const EvidenceSettings& s, size_t workers) : storage_(storage), folder_(std::move(folder)), settings_(s), workers_(std::max<size_t>(workers, 1)) {}

std::vector<std::string> Segments::open(Time now) {
  std::vector<std::string> said;
  if (const int e = storage_.make_directories(folder_)) {
    fail(folder_, e, now);
    return said;
  }
  ::chmod(folder_.c_str(), 0750);
  std::vector<std::string> names;
  if (const int e = storage_.list(folder_, names)) {
    fail(folder_, e, now);
    return said;
  }
  std::map<Time, Segment> found;
  std::map<Way, Time> newest;
  for (const std::string& name : names) {
    Segment s;
    if (!read_name(name, s.piece.sort, s.piece.worker, s.begun)) continue;
    s.piece.path = folder_ + "/" + name;
    while (found.contains(s.begun)) s.begun++;
    last_name_ = std::max(last_name_, s.begun);
    Time& of = newest[{s.piece.sort, s.piece.worker}];
    of = std::max(of, s.begun);
    found.emplace(s.begun, std::move(s));
  }
  for (auto& [begun, s] : found) {
    // Only the last of each could be torn; of the others the first stamp is enough, the next one's is where they end.
    const std::string why = newest[{s.piece.sort, s.piece.worker}] == begun ? mend(s) : look(s);
    if (!why.empty()) said.push_back(why);
    s.begun = std::min(s.begun, now);      // begun by a clock that went ahead: from now on it grows older
  }
  const std::lock_guard lock(mutex_);
  std::map<Way, Segment*> before;
  for (auto& [begun, s] : found) {
    if (s.unread) {
      s.piece.first = begun, s.piece.last = std::numeric_limits<Time>::max();
    } else if (!s.piece.first) {           // no frame in it
      storage_.remove(s.piece.path);
      continue;
    }
    Segment& here = segments_.emplace(next_++, std::move(s)).first->second;
    Segment*& last = before[{here.piece.sort, here.piece.worker}];
    if (last && last->piece.last == std::numeric_limits<Time>::max()) last->piece.last = std::max(last->piece.first, here.piece.first);
    last = &here;
  }
  return said;
}

std::string Segments::look(Segment& s) {
  std::unique_ptr<File> file;
  std::vector<uint8_t> head(256 << 10);
  const auto unread = [&](int64_t e) { return s.unread = true, fmt::format("{}: {}; it is left as it is", s.piece.path, std::strerror(int(-e))); };
  if (const int e = storage_.open(s.piece.path, Storage::Mode::existing, file)) return unread(e);
  const int64_t size = file->size(), n = file->read(0, head);
  s.octets = size > 0 ? uint64_t(size) : 0;
  if (n < 0) return unread(n);
  BlockReader r;
  for (Bytes rest(head.data(), size_t(std::max<int64_t>(n, 0)));; rest = rest.subspan(r.length)) {
    const auto what = r.next(rest);
    if (what == BlockReader::Found::frame) s.piece.first = r.frame.stamp, s.piece.last = std::numeric_limits<Time>::max();
    if (what == BlockReader::Found::frame || what == BlockReader::Found::end) return {};
    if (what != BlockReader::Found::torn) continue;
    if (r.short_of && size_t(n) < head.size()) return {};                    // it ends within its first frame
    return damaged(s, size_t(n) - rest.size());
  }
}

// Something is in front of its first frame that cannot be read; what lies behind may still be worth much to somebody.
std::string Segments::damaged(Segment& s, uint64_t at) {
  s.unread = true;
  return fmt::format("{}: damaged at octet {}, before its first packet; it is left as it is, and goes when it is old", s.piece.path, at);
}

// Reads a file to its end or to where it is torn, and cuts it there.
std::string Segments::mend(Segment& s) {
  std::unique_ptr<File> file;
  const auto unread = [&](int e) { return s.unread = true, fmt::format("{}: {}; it is left as it is", s.piece.path, std::strerror(-e)); };
  if (const int e = storage_.open(s.piece.path, Storage::Mode::existing, file)) return unread(e);
  const int64_t size = file->size();
  int error = 0;
  BlockReader r;
  const uint64_t at = walk(*file, r, [&](BlockReader::Found what, uint64_t) {
    if (what != BlockReader::Found::frame) return;
    s.piece.first = s.piece.first ? std::min(s.piece.first, r.frame.stamp) : r.frame.stamp;
    s.piece.last = std::max(s.piece.last, r.frame.stamp);
  }, &error);
  s.octets = error && size > 0 ? uint64_t(size) : at;
  if (error) return unread(error);         // nothing is cut off for that
  if (size < 0 || at >= uint64_t(size)) return {};
  if (!s.piece.first && !r.short_of) return s.octets = uint64_t(size), damaged(s, at);
  file->truncate(at);
  return fmt::format("{}: torn at octet {}, as after a power loss; the {} behind were cut off, all before is kept", s.piece.path, at, human_bytes(uint64_t(size) - at));
}

void Segments::fail(const std::string& what, int error, Time now) {
  retry_ = now + second;
  const std::lock_guard lock(mutex_);
  held_.trouble = fmt::format("{}: {}", what, std::strerror(-error));
}

bool Segments::begin(Way way, const std::vector<KeptInterface>& interfaces, Time first, Time now) {
  last_name_ = std::max(last_name_ + 1, now);
  Segment s;
  s.piece = {folder_ + "/" + name_of(way.first, way.second, last_name_), way.first, way.second, first, first};
  s.begun = now;                           // a name may have to lie ahead of it
  Open o;
  o.interfaces = interfaces;
  Blocks head;
  add_section(head, {});
  for (const KeptInterface& i : interfaces) add_interface(head, i);
  int e = storage_.open(s.piece.path, Storage::Mode::create_new, o.file);
  if (e == -ENOENT && storage_.make_directories(folder_) == 0) {           // somebody took the folder away
    ::chmod(folder_.c_str(), 0750);
    e = storage_.open(s.piece.path, Storage::Mode::create_new, o.file);
  }
  if (!e) {
    ::chmod(s.piece.path.c_str(), 0640);
    if ((e = o.file->append(head))) o.file.reset(), storage_.remove(s.piece.path);
  }
  if (no_room(e)) give_way(way.first);
  if (e) return fail(s.piece.path, e, now), false;
  s.octets = head.size();
  const std::lock_guard lock(mutex_);
  o.index = next_;
  segments_.emplace(next_++, std::move(s));
  open_.insert_or_assign(way, std::move(o));
  return true;
}

bool Segments::append(Sort sort, size_t worker, const std::vector<KeptInterface>& interfaces, Bytes blocks, Time newest, Time now) {
  if (now < retry_ && retry_ - now <= second) return false;
  if (cramped_) return false;
  const Way way{sort, worker};
  auto at = open_.find(way);
  if (at != open_.end()) {
    const Segment& s = segments_.at(at->second.index);
    const uint64_t most = std::clamp(settings_.quota[size_t(sort)] / workers_ / 8, least_segment, largest_segment);
    if (s.octets >= most || now - s.begun > settings_.longest / 8 || now < s.begun - minute || at->second.interfaces != interfaces) open_.erase(at), at = open_.end();
  }
  if (at == open_.end()) {
    if (!begin(way, interfaces, stamp_of(blocks), now)) return false;
    at = open_.find(way);
  }
  Segment& s = segments_.at(at->second.index);
  if (const int e = at->second.file->write_at(s.octets, blocks)) {
    const std::string path = s.piece.path;
    const size_t index = at->second.index;
    const bool empty = at->second.empty;
    if (!empty) at->second.file->truncate(s.octets);                      // whole frames only; where that fails too, readers stop there
    open_.erase(at);
    if (empty) {                                                          // or each second that the disk takes nothing would leave a file
      storage_.remove(path);
      const std::lock_guard lock(mutex_);
      segments_.erase(index);
    }
    if (no_room(e)) give_way(sort);
    return fail(path, e, now), false;
  }
  at->second.empty = false;
  const std::lock_guard lock(mutex_);
  s.octets += blocks.size();
  s.piece.first = std::min(s.piece.first, newest), s.piece.last = std::max(s.piece.last, newest);   // a clock may be stepped back
  held_.written += blocks.size();
  held_.trouble.clear();
  return true;
}

uint64_t Segments::octets(Sort sort) const {
  uint64_t n = 0;
  for (const auto& [i, s] : segments_) n += s.piece.sort == sort ? s.octets : 0;
  return n;
}

bool Segments::give_way(Sort up_to) {
  for (const Sort s : {Sort::bulk, Sort::ordinary, Sort::commands})
    if (s >= up_to && (evict(s) || evict(s, true))) return true;
  return false;
}

bool Segments::evict(Sort sort, bool writing_too) {
  for (auto i = segments_.begin(); i != segments_.end(); ++i) {
    const Segment& s = i->second;
    if (s.piece.sort != sort) continue;
    const auto writing = open_.find({sort, s.piece.worker});
    if (writing != open_.end() && writing->second.index == i->first) {
      if (!writing_too) continue;
      open_.erase(writing);
    }
    storage_.remove(s.piece.path);
    const std::lock_guard lock(mutex_);
    held_.evicted[size_t(sort)] += s.octets;
    segments_.erase(i);
    return true;
  }
  return false;
}

void Segments::tend(Time now) {
  for (size_t i = 0; i < sort_count; i++)
    while (octets(Sort(i)) > settings_.quota[i] && evict(Sort(i))) {}
  // No packet lies longer than that: a file goes when its first one is so old.
  std::vector<size_t> old;
  for (const auto& [index, s] : segments_) {
    const auto o = open_.find({s.piece.sort, s.piece.worker});
    const bool writing = o != open_.end() && o->second.index == index;
    if (writing && now - s.begun > settings_.longest / 8) open_.erase(o);  // a quiet link's file ends, too
    else if (!writing && now - s.begun >= settings_.longest) old.push_back(index);
  }
  for (const size_t index : old) {
    const Segment& s = segments_.at(index);
    storage_.remove(s.piece.path);
    const std::lock_guard lock(mutex_);
    held_.evicted[size_t(s.piece.sort)] += s.octets;
    segments_.erase(index);
  }
  // The disk is for others, too: outboxes come before packets.
  uint64_t free = 0;
  const auto room = [&] { return storage_.free_bytes(folder_, free) == 0 && free < settings_.spare; };
  for (int tries = 0; tries < 64 && room() && give_way(Sort::commands); tries++) {}
  const bool cramped = room();
  {
    const std::lock_guard lock(mutex_);
    if (cramped) held_.trouble = fmt::format("{}: {} are free on this disk, and [evidence] spare leaves {} for everything else", folder_, human_bytes(free), human_bytes(settings_.spare));
    else if (cramped_) held_.trouble.clear();
    cramped_ = cramped;
  }
  // What is written to a file that was taken away is lost: it is begun anew.
  if (now - looked_ < 5 * second && now >= looked_) return;
  looked_ = now;
  std::vector<std::string> names;
  if (const int e = storage_.list(folder_, names)) {
    if (e != -ENOENT) return;              // that cannot be told now
    names.clear();
  }
  for (auto o = open_.begin(); o != open_.end();) {
    const Segment& s = segments_.at(o->second.index);
    if (std::binary_search(names.begin(), names.end(), s.piece.path.substr(folder_.size() + 1))) {
      ++o;
      continue;
    }
    const std::lock_guard lock(mutex_);
    segments_.erase(o->second.index);
    o = open_.erase(o);
  }
}

void Segments::stepped(Time by) {
  for (auto& [index, s] : segments_) s.begun += by;
  open_.clear();                           // what follows is named by the clock as it goes now
}

void Segments::close() { open_.clear(); }

std::vector<KeptPiece> Segments::pieces(Time from, Time until) const {
  std::vector<KeptPiece> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [i, s] : segments_)
    if (s.piece.first <= until && s.piece.last >= from) all.push_back(s.piece);
  return all;
}

Segments::Held Segments::held() const {
  const std::lock_guard lock(mutex_);
  Held h = held_;
  for (const auto& [i, s] : segments_) {
    h.octets[size_t(s.piece.sort)] += s.octets;
    Time& oldest = h.oldest[size_t(s.piece.sort)];
    oldest = oldest ? std::min(oldest, s.piece.first) : s.piece.first;
  }
  return h;
}

}  // namespace vidra
