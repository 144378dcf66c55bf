// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/clocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "daemon/base/text.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr size_t ways = 4;
constexpr Time fresh = 10 * minute, quarter_hour = 15 * minute;
constexpr size_t enough = 3;                       // offsets before a clock has a voice

constexpr std::string_view names[] = {"", "PTP", "NTP", "C37.118", "SV smpCnt", "GOOSE t", "MMS", "IEC 104 CP56", "DNP3"};
constexpr std::pair<std::string_view, ClockKind> of_protocol[] = {
    {"ptp", ClockKind::ptp}, {"ntp", ClockKind::ntp}, {"c37118", ClockKind::c37118}, {"sv", ClockKind::samples}, {"goose", ClockKind::goose},
    {"mms", ClockKind::mms}, {"iec104", ClockKind::iec104}, {"dnp3", ClockKind::dnp3},
};

struct Words {
  Object t = word("t"), clock = word("clock"), transmit = word("transmit"), utc = word("UTC offset"), utc_valid = word("UTC offset valid"),
         began = word("smpCnt 0 after the second (us)"), synch = word("smpSynch");
  static Object word(std::string_view s) { return Object::of_text(text_key(s)); }
};
const Words& words() {
  static const Words w;
  return w;
}

const Point* field(const Event& e, Object o) {
  for (const Point& p : e.points)
    if (p.object == o) return &p;
  return nullptr;
}

// The newest instant that the points of a report carry; nullptr none.
const Point* newest(const Event& e) {
  const Point* best = nullptr;
  for (const Point& p : e.points.first(std::min<size_t>(e.points.size(), 64)))
    if (p.time_kind == TimeKind::full && (!best || p.time > best->time)) best = &p;
  return best;
}
// What a device says is any number of 64 bits; beyond the year 2200 it is none that is compared.
Time instant(uint64_t raw) { return Time(std::min<uint64_t>(raw, uint64_t(230 * 365) * uint64_t(day))); }
bool sure(const Point& p) { return !(p.time_flags & (time_invalid | time_unsynchronised)); }

Time middle(Time* first, size_t n, size_t at) {
  std::nth_element(first, first + at, first + n);
  return first[at];
}

}  // namespace

std::string_view name_of(ClockKind k) { return names[size_t(k)]; }

ClockKind kind_of(std::string_view name) {
  for (size_t i = 1; i < std::size(names); i++)
    if (names[i] == name) return ClockKind(i);
  return ClockKind::none;
}

uint64_t HeardClock::device() const {
  const bool several = kind == ClockKind::iec104 || kind == ClockKind::dnp3 || kind == ClockKind::c37118;
  return key_of(key_of(talker), several ? station : 0);
}

void HeardClock::settle() {
  if (settled_ == heard) return;
  settled_ = heard;
  std::array<Time, kept> sorted = offsets_;
  const size_t n = count();
  offset_ = middle(sorted.data(), n, says_now(kind) || kind == ClockKind::samples ? n / 2 : n * 3 / 4);
  const size_t few = std::min<size_t>(n, 5);
  std::array<Time, 5> last_few{};
  for (size_t i = 0; i < few; i++) last_few[i] = offsets_[(heard - 1 - i) % kept];
  recent_ = says_now(kind) || kind == ClockKind::samples ? middle(last_few.data(), few, few / 2) : *std::max_element(last_few.begin(), last_few.begin() + few);
  for (size_t i = 0; i < n; i++) sorted[i] = std::abs(offsets_[i] - offset_);
  spread_ = middle(sorted.data(), n, n / 2);
}

Clocks::Clocks() : kinds_(protocols.size(), ClockKind::none), keys_(limit), table_(limit) {
  for (const auto& [name, kind] : of_protocol)
    if (const int i = protocol_index(name); i >= 0) kinds_[size_t(i)] = kind;
}

HeardClock* Clocks::place(const Event& e, const Address& talker, ClockKind kind, uint64_t station) {
  uint16_t& met = met_[(e.scene.flow * 2 + size_t(e.scene.from)) % met_.size()];
  HeardClock* const likely = table_.data() + met;
  if (likely->kind == kind && likely->station == station && likely->talker == talker) [[likely]] return likely;
  const uint64_t key = key_of(key_of(talker), station << 4 | uint64_t(kind));
  const size_t row = (key >> 17) % (limit / ways) * ways;
  for (size_t i = row; i != row + ways; i++)
    if (keys_[i] == key && table_[i].kind != ClockKind::none) return met = uint16_t(i), &table_[i];
  HeardClock* oldest = &table_[row];
  for (size_t i = row + 1; i != row + ways; i++)
    if (table_[i].last < oldest->last) oldest = &table_[i];
  keys_[size_t(oldest - table_.data())] = key;
  forgotten_ += oldest->kind != ClockKind::none;
  *oldest = HeardClock{};
  oldest->talker = talker, oldest->kind = kind, oldest->station = station, oldest->last = e.scene.time;
  met = uint16_t(oldest - table_.data());
  return oldest;
}

// `quarter`: whole quarters of an hour are time zones.
void Clocks::take(const Event& e, const Address& talker, ClockKind kind, uint64_t station, Time said, bool claims, bool synchronised, Time quarter) {
  const Time now = e.scene.time;
  HeardClock* c = place(e, talker, kind, station);
  c->claims |= claims || !synchronised;
  c->synchronised = synchronised;
  if (synchronised) c->lost = 0;
  else if (c->last = now; !c->lost && c->heard >= enough) c->lost = now;
  if (!synchronised || (c->heard && now - c->last < second && now >= c->last)) return;
  Time offset = std::clamp(instant(uint64_t(std::max<Time>(said, 0))) - now, -HeardClock::farthest, HeardClock::farthest);
  if (quarter && std::abs(offset) < day) {
    c->zone = (offset + (offset < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter;
    offset -= c->zone;
  }
  c->take(offset, now);
}

void Clocks::ptp(const Event& e) {
  constexpr uint16_t announce = 11, changed = 0x200, summary = 0x202;
  const Message& m = *e.said;
  TimeScale* scale = nullptr;
  for (TimeScale& s : scales_)
    if (s.known && s.station == m.station) scale = &s;
  if (m.function == announce || m.function == changed) {
    const Point *utc = field(e, words().utc), *valid = field(e, words().utc_valid);
    if (!utc || !valid || !valid->raw) return;
    if (!scale) scale = &scales_[m.station % scales_.size()];
    *scale = {m.station, std::clamp<Time>(Time(utc->raw), INT16_MIN, INT16_MAX) * second, true};
    return;
  }
  if (m.function != summary) return;
  const Point* clock = field(e, words().clock);
  if (!clock || clock->kind != ValueKind::time || clock->time_kind != TimeKind::full) return;
  // Without a word on its scale: TAI is 37 s ahead of UTC since 2017.
  Time said = instant(clock->raw) + (e.scene.time - clock->time);
  const Time off = said - e.scene.time;
  said -= scale ? scale->offset : std::abs(off - 37 * second) < std::abs(off) ? 37 * second : 0;
  take(e, e.scene.speaker().address, ClockKind::ptp, m.station, said, false, true, 0);
}

void Clocks::see(const Event& e) {
  const Message& m = *e.said;
  if (m.malformed || m.after_gap || e.points.empty()) return;
  const ClockKind kind = kinds_[e.scene.protocol];
  if (kind >= ClockKind::mms && m.role != Role::request && !newest(e)) [[likely]] return;      // of most nothing is timed
  hear(e, kind);
}

void Clocks::hear(const Event& e, ClockKind kind) {
  const Message& m = *e.said;
  const Address& talker = e.scene.speaker().address;
  switch (kind) {
    case ClockKind::ptp: return ptp(e);
    case ClockKind::ntp: {
      if (m.function != 4 && m.function != 5) return;                             // an answer, a broadcast
      const Point* p = field(e, words().transmit);
      if (p && p->kind == ValueKind::time) take(e, talker, kind, 0, instant(p->raw), true, !m.refused && (m.qualifier & 3) != 3, 0);
      return;
    }
    case ClockKind::c37118: {
      if (m.function != 256) return;                                              // its summary
      if (const Point* p = newest(e)) take(e, talker, kind, m.station, p->time, true, sure(*p), 0);
      return;
    }
    case ClockKind::samples: {
      if (m.function != 257) return;                                              // its summary
      const Point *began = field(e, words().began), *synch = field(e, words().synch);
      if (!began || !synch) return;
      Time after = Time(began->raw % 1'000'000) * microsecond;                    // a second that begins later is a clock that is behind
      if (after > second / 2) after -= second;
      const uint64_t s = synch->raw;
      take(e, talker, kind, m.station, e.scene.time - after, true, s == 2 || (s >= 5 && s <= 254), 0);
      return;
    }
    case ClockKind::goose: {
      if (m.function != 256 || m.sequence > 1) return;                            // a new state's t alone is of now
      const Point* p = field(e, words().t);
      if (p && p->kind == ValueKind::time) take(e, talker, kind, m.station, p->time, true, sure(*p), 0);
      return;
    }
    case ClockKind::mms: {
      if (m.role != Role::report) return;
      // What is repeated keeps its time: only what has just changed tells of the clock.
      if (const Point* p = newest(e); p && e.scene.time - p->time < minute) take(e, talker, kind, 0, p->time, true, sure(*p), 0);
      return;
    }
    case ClockKind::iec104: {
      if (m.function == 103 && m.role == Role::request && m.reason == 6) {        // a master sets the clock
        const Point& p = e.points[0];
        if (p.kind == ValueKind::time) take(e, talker, kind, 0, instant(p.raw), true, !(p.time_flags & time_invalid), quarter_hour);
        return;
      }
      if (m.role != Role::report || m.reason != 3) return;
      if (const Point* p = newest(e)) take(e, talker, kind, m.station, p->time, true, !(p->time_flags & time_invalid), quarter_hour);
      return;
    }
    case ClockKind::dnp3: {
      if (m.role == Role::request || e.scene.from == Side::client) return;
      if (const Point* p = newest(e)) take(e, talker, kind, m.station, p->time, true, sure(*p), 0);
      return;
    }
    case ClockKind::none: return;
  }
}

void Clocks::agree(Time now) {
  for (HeardClock& c : table_) c.settle();
  ClockAgreement a;
  struct Voice { uint64_t device; bool late; Time offset; };
  std::array<Voice, limit> all;
  size_t heard = 0;
  for (const HeardClock& c : table_) {
    if (c.kind == ClockKind::none || c.kind == ClockKind::samples || c.heard < enough || !c.synchronised || now - c.last > fresh) continue;
    all[heard++] = {c.device(), !says_now(c.kind), c.recent()};
    const Time error = std::abs(c.offset()) + 2 * std::min(c.spread(), HeardClock::farthest);
    if (a.by == ClockKind::none || says_now(c.kind) > says_now(a.by) || (says_now(c.kind) == says_now(a.by) && error < a.error)) a.by = c.kind, a.error = error;
  }
  // Of each device the middle of what it says, of the best way in which it says it.
  std::sort(all.begin(), all.begin() + long(heard), [](const Voice& x, const Voice& y) { return std::tuple(x.device, x.late, x.offset) < std::tuple(y.device, y.late, y.offset); });
  std::array<Time, limit + 1> voices;
  size_t n = 0;
  voices[n++] = 0;                                   // the capture's own
  for (size_t i = 0; i < heard;) {
    size_t end = i, same = i;
    while (end < heard && all[end].device == all[i].device) same += all[end].late == all[i].late, end++;
    voices[n++] = all[i + (same - i) / 2].offset;
    a.voters++;
    i = end;
  }
  a.offset = middle(voices.data(), n, n / 2);
  // The best of the clocks may itself be the one that is off: then what all agree on is the measure.
  if (a.voters > 2) a.error = std::max(a.error, std::abs(a.offset));
  if (a.by != ClockKind::none) a.error = std::max(a.error, microsecond);
  agreement_ = a;
}

std::vector<ClockLine> clock_lines(const Clocks& clocks, const Site& site, const Memory& memory, size_t most) {
  std::vector<ClockLine> lines;
  clocks.each([&](const HeardClock& c) {
    if (!c.heard && c.synchronised) return;
    std::string name;
    if (const HostId id = site.host_of(c.talker)) name = site.host(id).name;
    else if (const HostMemory* m = memory.host(c.talker)) name = m->name;
    const std::string address = text_of(c.talker);
    const bool numbered = c.kind == ClockKind::iec104 || c.kind == ClockKind::dnp3 || c.kind == ClockKind::c37118;
    lines.push_back({name.empty() ? address : fmt::format("{} ({})", name, address), name_of(c.kind), numbered ? c.station : 0, c.heard, c.offset(), c.spread(), c.zone, c.last,
                     !c.claims ? "not said" : c.synchronised ? "yes" : "no"});
  });
  std::sort(lines.begin(), lines.end(), [](const ClockLine& a, const ClockLine& b) {
    return std::tuple(-std::abs(a.offset), std::string_view(a.clock), a.kind, a.station) < std::tuple(-std::abs(b.offset), std::string_view(b.clock), b.kind, b.station);
  });
  if (lines.size() > most) lines.resize(most);
  return lines;
}

namespace {
std::string fine(Time t, bool sign) {
  const double s = double(t) / double(second);
  const double size = std::abs(s);
  const std::string plus = sign && t >= 0 ? "+" : "";
  return plus + (size < 0.001 ? fmt::format("{:.0f} us", s * 1e6) : size < 1 ? fmt::format("{:.1f} ms", s * 1e3) : fmt::format("{:.1f} s", s));
}
}  // namespace

std::string clock_text(const std::vector<ClockLine>& lines, const ClockAgreement& a, Time now) {
  if (lines.empty()) return {};
  std::string out = fmt::format("{:<34} {:<13} {:>11} {:>10} {:>8} {:>9}  {}\n", "clock", "by", "offset", "spread", "zone", "last", "synchronised");
  for (const ClockLine& l : lines)
    out += fmt::format("{:<34} {:<13} {:>11} {:>10} {:>8} {:>9}  {}\n", l.station ? fmt::format("{} {}", l.clock, l.station) : l.clock, l.kind, l.last ? fine(l.offset, true) : "-", l.last ? fine(l.spread, false) : "-",
                       l.zone ? fmt::format("{}{}:{:02} h", l.zone < 0 ? "-" : "+", std::abs(l.zone) / hour, std::abs(l.zone) % hour / minute) : "", human_duration(std::max<Time>(0, now - l.last)), l.synchronised);
  out += a.by == ClockKind::none ? std::string("Offsets are to the capture's stamps; nothing is heard to hold these against.\n")
                                 : fmt::format("Offsets are to the capture's stamps, which are right to {} by {}.\n", fine(a.error, false), name_of(a.by));
  return out;
}

}  // namespace vidra
