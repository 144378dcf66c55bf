// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/logs.h"

#include <fmt/format.h>

#include <cstring>

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

}  // namespace

Logs::Logs(Storage& storage, std::string directory, uint64_t segment_bytes)
    : storage_(storage), directory_(std::move(directory)), segment_bytes_(segment_bytes) {}

std::string Logs::folder(const Place& p) const { return fmt::format("{}/{}/{}", directory_, uuid_text(p.first), name_of(Lane(p.second))); }

Log* Logs::log(const SensorId& sensor, uint8_t lane, bool make) {
  const auto [at, fresh] = logs_.try_emplace({sensor, lane});
  if (!fresh) return at->second.get();
  const std::string directory = folder({sensor, lane});
  LogSettings settings;
  settings.directory = directory, settings.segment_bytes = segment_bytes_, settings.sensor = sensor, settings.lane = lane, settings.taken_in = taken_in;
  auto opened = std::make_unique<Log>(storage_, std::move(settings));
  if (const int e = opened->open(); e) {
    if (!make) troubles_.push_back(fmt::format("{}: {}", directory, std::strerror(-e)));
    logs_.erase(at);
    return nullptr;
  }
  const Recovery& r = opened->recovery();
  if (r.unsynced) {   // it would be promised to sensors as durable
    if (!make) troubles_.push_back(fmt::format("{}: what is there cannot be made durable; look at the disk", directory));
    logs_.erase(at);
    return nullptr;
  }
  if (r.cut_bytes)
    troubles_.push_back(fmt::format("{}: {} behind the last whole record were cut off{}", directory, human_bytes(r.cut_bytes),
                                    r.kept_in.empty() ? "" : "; they are kept in " + r.kept_in));
  for (const Range& m : r.missing) troubles_.push_back(fmt::format("{}: entries {} to {} are damaged", directory, m.from, m.to));
  at->second = std::move(opened);
  return at->second.get();
}

std::string Logs::open() {
  if (const int e = storage_.make_directories(directory_)) return fmt::format("{}: {}", directory_, std::strerror(-e));
  std::vector<std::string> sensors;
  if (const int e = storage_.list(directory_, sensors)) return fmt::format("{}: {}", directory_, std::strerror(-e));
  for (const std::string& name : sensors) {
    SensorId sensor;
    if (!parse_uuid(name, sensor)) continue;
    std::vector<std::string> lanes;
    if (const int e = storage_.list(directory_ + "/" + name, lanes)) return fmt::format("{}/{}: {}", directory_, name, std::strerror(-e));
    for (uint8_t lane = 0; lane < lane_count; lane++)
      for (const std::string& each : lanes)
        if (each == name_of(Lane(lane)) && !log(sensor, lane, false)) return troubles_.back();
  }
  return "";
}

uint64_t Logs::append(const Header& h, Bytes header, Bytes body, Time received, bool probation) {
  Log* to = log(h.sensor, h.lane, true);
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
    while (old + 1 < segments.size() && segments[old + 1].created < now - want.keep) old++;
    if (old && log->drop_before(segments[old].first) == 0) removed += old;
  }
  while (bytes() > want.max_bytes) {
    Log* from = nullptr;
    uint64_t to = 0;
    int64_t oldest = INT64_MAX;
    bool state = false;
    for (const auto& [place, log] : logs_) {
      const auto segments = log->segments();
      if (segments.size() < 2) continue;
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
