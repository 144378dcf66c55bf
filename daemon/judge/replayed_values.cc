// SPDX-License-Identifier: Apache-2.0
// VAL-03: measured values that come again, the same in the same order. Measurement has noise: so many changes in a row, of several
// objects and many values, do not happen twice. Only changes count, so that what is polled or interrogated again is nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/base/text.h"
#include "daemon/judge/replayed_values.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class ReplayedValues final : public Detector {
 public:
  explicit ReplayedValues(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override { run_ = uint32_t(std::clamp<double>(s.number(row_, "run"), 16, depth / 4)); }
  std::span<const Want> wants() const override {
    constexpr ActSet telling = bit(Act::report) | bit(Act::read);
    static constexpr Want w[] = {{.protocol = "iec104", .acts = telling, .roles = Want::reports | Want::responses}, {.protocol = "dnp3", .acts = telling, .roles = Want::reports | Want::responses},
                                 {.protocol = "modbus", .acts = telling, .roles = Want::responses},                {.protocol = "mms", .acts = telling, .roles = Want::reports | Want::responses}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.malformed || m.refused || m.after_gap || e.points.empty()) return;
    Stream* s = nullptr;
    const Point* at = e.points.data();
    const Point* end = at + e.points.size();
    if (e.points.size() > most_points) [[unlikely]] unwatched_.points += e.points.size() - most_points, end = at + most_points;
    // What a report of IEC 61850 is called stands in front, with the number of its entry, which is always new, and the time of all that follows.
    if (m.sub_function == report && m.function == information_report && m.role == Role::report && e.scene.protocol == mms_) [[unlikely]] {
      if (at->time_kind == TimeKind::full && late(e.scene.time, at->time)) return;
      at++;
    }
    for (; at != end; at++) {
      const Point& p = *at;
      if (p.kind < ValueKind::integer || p.kind > ValueKind::real || p.count != 1 || p.quality & (invalid | test_quality)) continue;
      if (p.time_kind == TimeKind::full && late(e.scene.time, p.time)) [[unlikely]] continue;   // a buffer that is told again after a break says so by its times
      if (!s && !(s = stream(key_of(c.conversation, m.station), e.scene))) return;
      // Neighbours lie side by side, each block of them where its hash says; of the block and of the value there is half a print.
      const uint64_t key = p.object.key(), block = (key >> 8) * spread;
      const uint32_t which = uint32_t(key + (block >> 56)) % objects, value = uint32_t((p.raw ^ p.raw >> 29 ^ block ^ key) * spread >> 32);
      const uint32_t now = (uint32_t(block >> 24) & 0xffff0000) | value >> 16, before = std::exchange(objects_.data()[s - streams_.data()].said.data()[which], now);
      if (before == now) continue;
      if ((before ^ now) >> 16) [[unlikely]] unwatched_.objects += before != 0;
      else change(*s, (value & ~(objects - 1)) | which, e, c, to);
    }
  }

  const ValuesUnwatched& unwatched() const { return unwatched_; }

 private:
  enum Says : uint16_t { report = 6, information_report = 256 };                   // of MMS
  static constexpr size_t most_points = 64;           // of a message
  static constexpr uint32_t objects = 256;            // of a station, each in its place; a change has it in its lower bits
  static constexpr size_t depth = 2048, grain = 8, reach = depth - depth / 4;   // reach: its times are still there when a run of it is told
  static constexpr Time shortest = 10 * second;       // of a recording, and from the first time to the second
  static constexpr size_t places = 512, ways = 8, nowhere = places;
  static constexpr uint64_t spread = 0x9e3779b97f4a7c15ull;

  // What one device told of one station in one conversation. A change asks for one line of memory; they are looked at eight by eight,
  // when the next one comes.
  struct Eight { Time at = 0; std::array<uint32_t, grain> changes{}; };      // at: of the first
  struct alignas(64) Stream {
    uint64_t print = 0;                               // of the last eight of those that were looked at: older ones have left it at the top
    Time last = 0;                                    // its last word
    Eight now;                                        // those that wait
    uint32_t count = 0, matched = 0;                  // of changes: positions; of those that were looked at, how many come again
  };
  static_assert(sizeof(Stream) == 64);
  struct alignas(64) Objects { std::array<uint32_t, objects> said{}; };   // half a print of the object, and of its value

  // Its last changes, and where some eights of them were. Which ones, they say themselves, one of eight, so that the second time it is
  // the same ones.
  struct alignas(64) History {
    std::array<Eight, depth / grain> eights{};
    std::array<uint16_t, depth> index{};              // by an eight's print: the position behind it, its lower half
    uint32_t from = 0;                                // the run that comes again: where it was
    Time first = 0, since = 0, apart = 0;             // when it was told first, when its eighth change came again, and how much later that was
    uint64_t repeated = 0;                            // changes in runs of before
    bool told = false;

    Eight& eight(uint32_t position) { return eights.data()[position / grain % eights.size()]; }
    Time time(uint32_t position) const { return eights[position / grain % eights.size()].at; }
    uint32_t change(uint32_t position) const { return eights[position / grain % eights.size()].changes[position % grain]; }
    // Whether the eight before this position is one of before.
    bool seek(uint64_t print, uint32_t end, Time now) {
      const uint32_t ago = uint16_t(end - std::exchange(index.data()[(print >> 32) % depth], uint16_t(end))), was = end - ago;
      if (was < grain || ago < grain || ago + grain > reach) return false;
      for (uint32_t i = 0; i < grain; i++)
        if (change(was - grain + i) != change(end - grain + i)) return false;
      from = was - grain, first = time(from), since = now, apart = now - time(was);
      return true;
    }
  };

  void change(Stream& s, uint32_t value, const Event& e, const Context& c, Findings& to) {
    const uint32_t position = s.count % grain;
    if (position == 0) {
      if (s.count) look(s, e, c, to);
      s.now.at = e.scene.time;
    }
    s.now.changes.data()[position] = value;
    s.count++;
  }
  // At the eight that are there.
  [[gnu::noinline]] void look(Stream& s, const Event& e, const Context& c, Findings& to) {
    History& h = *history_.data()[&s - streams_.data()];
    const uint32_t begin = s.count - grain;
    h.eight(begin) = s.now;
    for (uint32_t i = 0; i < grain; i++) {
      const uint32_t value = s.now.changes[i], end = begin + i + 1;
      if (s.matched) [[unlikely]] {                   // as many changes ago as when it began: the history has it
        if (h.change(h.from + s.matched) == value) s.matched++;
        else h.repeated += s.matched, s.matched = 0, h.told = false;
      }
      s.print = (s.print << 64 / grain) + value * spread;
      // Found anew while a run goes on, it is where it was last; the run goes on where it began.
      if (s.print >> 61 == 0 && end >= grain) {
        if (s.matched) [[unlikely]] h.index.data()[(s.print >> 32) % depth] = uint16_t(end);
        else if (h.seek(s.print, end, s.now.at)) [[unlikely]] s.matched = grain;
      }
      if (s.matched >= run_ && !h.told && s.matched % run_ == 0 && std::has_single_bit(s.matched / run_)) [[unlikely]]
        if ((h.told = unlike_itself(h, end, s.matched, s.now.at))) tell(h, s.matched, e, c, to);
    }
  }

  // A process that always repeats itself, or has few values, repeats what was first heard of it, or many runs, or what it has just
  // said (a swing, a burst): that is how it is. A recording is played at about its own pace: what lay in a buffer comes at once. And it
  // is of several objects: one alone may count round and round.
  [[gnu::noinline]] bool unlike_itself(const History& h, uint32_t count, uint32_t matched, Time now) const {
    if (h.from < run_ || h.repeated * 10 > count || h.apart < shortest) return false;
    if (const Time then = h.time(h.from + matched) - h.first; then < shortest || now - h.since < then / 4) return false;
    std::array<uint32_t, depth / 4> seen;
    std::array<uint16_t, objects> of{};
    const uint32_t n = std::min(matched, uint32_t(seen.size()));
    size_t different = 0;
    for (uint32_t i = 0; i < n; i++) seen[i] = h.change(count - n + i), different += of[seen[i] % objects]++ == 0;
    if (different < 3 || *std::max_element(of.begin(), of.end()) * 2u > n) return false;
    std::sort(seen.begin(), seen.begin() + n);
    return size_t(std::unique(seen.begin(), seen.begin() + n) - seen.begin()) * 2 >= n;
  }

  // Those that are heard first are kept; one that is silent for an hour gives its place. nullptr where there is none.
  Stream* stream(uint64_t key, const Scene& scene) {
    const Time now = scene.time;
    uint64_t& met = met_.data()[(scene.flow * 2 + size_t(scene.from)) % met_.size()];
    if ((met ^ key) / 1024 == 0) [[likely]] {
      const size_t place = met % 1024;
      if (place != nowhere) return streams_.data()[place].last = now, streams_.data() + place;
      if (now < free_.data()[row_of(key)]) return unwatched_.stations++, nullptr;
    }
    return look_for(key, now, met);
  }
  [[gnu::noinline]] Stream* look_for(uint64_t key, Time now, uint64_t& met) {
    const size_t row = row_of(key) * ways;
    size_t oldest = row;
    for (size_t i = row; i != row + ways; i++) {
      if (keys_[i] == key) return met = key / 1024 * 1024 + i, streams_[i].last = now, &streams_[i];
      if (streams_[i].last < streams_[oldest].last) oldest = i;
    }
    Stream& s = streams_[oldest];
    if (keys_[oldest] && now - s.last < hour) {
      met = key / 1024 * 1024 + nowhere, free_[row_of(key)] = s.last + hour;
      return unwatched_.stations++, nullptr;
    }
    if (keys_[oldest]) std::replace_if(met_.begin(), met_.end(), [&](uint64_t m) { return m % 1024 == oldest; }, nowhere);
    if (objects_.empty()) objects_.resize(places);
    s = {}, objects_[oldest] = {}, history_[oldest] = std::make_unique<History>();
    keys_[oldest] = key, s.last = now, met = key / 1024 * 1024 + oldest;
    return &s;
  }
  size_t row_of(uint64_t key) const { return (key >> 20) % (places / ways); }

  static bool late(Time heard, Time said) {
    if (said < heard - day || said > heard + day) [[unlikely]] return true;   // whatever a stranger says: the difference is one
    const Time by = std::abs(heard - said);
    if (by <= minute) [[likely]] return false;
    constexpr Time quarter = 15 * minute;             // whole quarters of an hour are time zones
    return std::abs((by + quarter / 2) % quarter - quarter / 2) > minute;
  }

  [[gnu::noinline]] void tell(const History& h, uint32_t matched, const Event& e, const Context& c, Findings& to) {
    if (c.learning) return;
    Finding f = finding(row_, e, c);
    f.object.clear();
    f.what = fmt::format("{}{} tells since {} what it told at {}: {} changes of its measured values came again in the same order.", c.text(e.scene.speaker().address), f.station.empty() ? "" : ", " + f.station,
                         iso_time(h.since).substr(11, 8), iso_time(h.first).substr(11, 8), matched);
    f.expected = "Measured values are never twice the same for so long: somebody sends what was recorded, or a test generator runs.";
    to.raise(std::move(f));
  }

  const Detection& row_ = row("VAL-03");
  const int mms_ = protocol_index("mms");
  uint32_t run_ = 0;
  ValuesUnwatched unwatched_;
  std::array<Stream, places> streams_{};
  std::array<uint64_t, places> keys_{};               // of the streams, 0 of an empty place
  std::array<Time, places / ways> free_{};            // of a row that was full: no place before then
  // The place that a conversation's side had last, in the lower bits of its key, so that most times none is looked for.
  std::array<uint64_t, 4096> met_ = [] { std::array<uint64_t, 4096> none; none.fill(nowhere); return none; }();
  std::vector<Objects> objects_;                      // of the streams, once there is one
  std::array<std::unique_ptr<History>, places> history_;
};

}  // namespace

const ValuesUnwatched* values_unwatched(const Detectors& all) {
  for (const auto& d : all)
    if (const auto* found = dynamic_cast<const ReplayedValues*>(d.get())) return &found->unwatched();
  return nullptr;
}

void add_value_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<ReplayedValues>(s)); }

}  // namespace vidra
