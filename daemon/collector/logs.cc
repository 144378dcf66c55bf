// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "daemon/base/text.h"
#include "daemon/record/octets.h"

namespace vidra {
namespace {

constexpr size_t mark_size = 16;   // received (8), flags (1), zeros
constexpr uint8_t probation_mark = 1;

int64_t taken_in(Bytes payload) {
  bool bad = false;
  Reader r(payload.subspan(payload.size() < mark_size ? payload.size() : payload.size() - mark_size), bad);
  return int64_t(r.le64());
}

// Why a log cannot be opened, and what a person does about it. The service manager tries again by itself.
std::string refused(const std::string& file, int error, int unsynced) {
  const char* why = std::strerror(-(error ? error : unsynced));
  if (error == -EPROTO) return fmt::format("{}: belongs to another sensor or lane, or is of a later version. Put it where it belongs, or to start without it: mv {} {}.away", file, file, file);
  if (error) return fmt::format("{}: {}", file, cannot_be_read(why, file));
  if (unsynced == -ENOSPC || unsynced == -EDQUOT)
    return fmt::format("{}: {}: there is no room beside it for a copy, and without one what a killed collector wrote last is not safe. It is tried again; make room on its disk: df -h {}", file, why, file);
  return fmt::format("{}: {}: what a killed collector wrote last cannot be made durable. It is tried again; look at the disk: dmesg", file, why);
}

}  // namespace

std::string cannot_be_read(std::string_view why, const std::string& file) {
  return fmt::format("cannot be read: {}. It is tried again; if it stays so, look at the disk: dmesg. To start without it, and lack what is in it: mv {} {}.away", why, file, file);
}

Logs::Logs(Storage& storage, std::string directory, uint64_t segment_bytes)
    : storage_(storage), directory_(std::move(directory)), segment_bytes_(segment_bytes) {}

std::string Logs::folder(const Place& p) const { return fmt::format("{}/{}/{}", directory_, uuid_text(p.first), name_of(Lane(p.second))); }

Log* Logs::log(const Place& place, uint64_t synced) {
  const auto [at, fresh] = logs_.try_emplace(place);
  if (!fresh) return at->second.get();
  LogSettings settings;
  settings.directory = folder(place), settings.segment_bytes = segment_bytes_, settings.sensor = place.first, settings.lane = place.second, settings.taken_in = taken_in;
  auto opened = std::make_unique<Log>(storage_, std::move(settings));
  const int e = opened->open(1, synced);
  const Recovery& r = opened->recovery();
  if (e || r.unsynced) {   // what is not durable would be promised to sensors
    refusal_ = refused(r.at, e, r.unsynced);
    logs_.erase(at);
    return nullptr;
  }
  if (r.cut_bytes)
    troubles_.push_back(fmt::format("{}: {} behind the last whole record were cut off{}", folder(place), human_bytes(r.cut_bytes),
                                    r.kept_in.empty() ? "" : "; they are kept in " + r.kept_in));
  for (const Range& m : r.missing) troubles_.push_back(fmt::format("{}: entries {} to {} are damaged", folder(place), m.from, m.to));
  at->second = std::move(opened);
  return at->second.get();
}

std::string Logs::open(const std::map<Place, uint64_t>& synced) {
  if (const int e = storage_.make_directories(directory_)) return refused(directory_, e, 0);
  std::vector<std::string> sensors;
  if (const int e = storage_.list(directory_, sensors)) return refused(directory_, e, 0);
  for (const std::string& name : sensors) {
    SensorId sensor;
    if (!parse_uuid(name, sensor)) continue;
    std::vector<std::string> lanes;
    if (const int e = storage_.list(directory_ + "/" + name, lanes)) return refused(directory_ + "/" + name, e, 0);
    for (uint8_t lane = 0; lane < lane_count; lane++) {
      if (std::ranges::find(lanes, name_of(Lane(lane))) == lanes.end()) continue;
      const auto known = synced.find({sensor, lane});
      if (!log({sensor, lane}, known == synced.end() ? 0 : known->second)) return refusal_;
    }
  }
  return "";
}

uint64_t Logs::append(const Header& h, Bytes header, Bytes body, Time received, bool probation) {
  Log* to = log({h.sensor, h.lane}, 0);
  if (!to) return 0;
  std::vector<uint8_t> marked(body.size() + mark_size);
  Writer w(marked);
  w.bytes(body), w.le64(uint64_t(received)), w.u8(probation ? probation_mark : 0);
  const uint64_t number = to->append(h.type, header, marked, received);
  touched_.try_emplace({h.sensor, h.lane}, number);
  return number;
}

std::vector<Logs::Settled> Logs::sync() {
  std::vector<Settled> out;
  for (const auto& [place, first] : touched_) {
    Log& l = *logs_.at(place);
    const uint64_t last = l.next() - 1;
    const int e = l.sync();
    if (e) l.forget_batch();
    out.push_back({place, first, last, e});
  }
  touched_.clear();
  return out;
}

bool Logs::unpack(const LogEntry& held, Entry& e) {
  const Bytes rest = held.body();
  if (decode(held.header(), e.header) != HeaderFlaw::none || rest.size() != e.header.body_len + mark_size) return false;
  e.body = rest.first(e.header.body_len);
  bool bad = false;
  Reader r(rest.subspan(e.header.body_len), bad);
  e.received = Time(r.le64());
  e.probation = r.u8() & probation_mark;
  e.number = held.number;
  return true;
}

std::vector<Logs::Place> Logs::places() const {
  std::vector<Place> out;
  for (const auto& [place, log] : logs_) out.push_back(place);
  return out;
}

uint64_t Logs::first(const Place& p) const { return logs_.at(p)->first(); }
uint64_t Logs::last(const Place& p) const { return logs_.at(p)->durable(); }

uint64_t Logs::bytes() const {
  uint64_t n = 0;
  for (const auto& [place, log] : logs_) n += log->bytes();
  return n;
}

std::string Logs::file_of(const Place& p, uint64_t number) const {
  for (const SegmentInfo& s : logs_.at(p)->segments())
    if (s.first <= number && number <= s.last) return folder(p) + "/" + s.name;
  return folder(p);
}

size_t Logs::retain(const RetentionSettings& want, Time now) {
  size_t removed = 0;
  for (const auto& [place, log] : logs_) {
    // A segment's newest entry is older than the next segment's birth.
    const auto segments = log->segments();
    size_t old = 0;
    Time floor = 0;
    for (size_t i = 0; i < segments.size(); i++) {
      const Time born = segments[i].created;
      if (born > now || born < floor) continue;   // by a clock that was wrong: the one before or after it tells
      floor = born;
      if (born < now - want.keep) old = i;
    }
    if (old && log->drop_before(segments[old].first) == 0) removed += old;
    // Tails that were cut go with the segments of their time.
    std::vector<std::string> tails;
    const std::string kept = folder(place) + "/lost+found";
    if (storage_.list(kept, tails) == 0)
      for (const std::string& t : tails)
        if (const size_t lane = t.find('.'), at = t.find('.', lane == t.npos ? lane : lane + 1); at != t.npos && t.ends_with(".tail") &&
            std::strtoull(t.substr(at + 1, 16).c_str(), nullptr, 16) < log->first()) storage_.remove(kept + "/" + t);
  }
  while (bytes() > want.max_bytes) {
    // From whom most is held, of those from whom anything can go: who floods pushes out what is his own.
    std::map<SensorId, uint64_t> held;
    std::set<SensorId> can_give;
    for (const auto& [place, log] : logs_) {
      held[place.first] += log->bytes();
      if (log->segments().size() > 1) can_give.insert(place.first);
    }
    if (can_give.empty()) break;
    const SensorId most = *std::ranges::max_element(can_give, {}, [&](const SensorId& s) { return held[s]; });
    Log* from = nullptr;
    uint64_t to = 0;
    int64_t oldest = INT64_MAX;
    bool state = false;
    for (const auto& [place, log] : logs_) {
      const auto segments = log->segments();
      if (place.first != most || segments.size() < 2) continue;
      const bool is_state = place.second == uint8_t(Lane::state);
      if (from && state && !is_state) continue;
      if (!from || (is_state && !state) || segments[0].created < oldest) from = log.get(), to = segments[1].first, oldest = segments[0].created, state = is_state;
    }
    if (!from || from->drop_before(to)) break;   // what is left is the newest of each log
    removed++;
  }
  return removed;
}

}  // namespace vidra
