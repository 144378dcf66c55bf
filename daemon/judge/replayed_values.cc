// SPDX-License-Identifier: Apache-2.0
// VAL-03: measured values that come again, the same in the same order. Measurement has noise: so many changes in a row, of several
// objects and many values, do not happen twice. Only changes count, so that what is polled or interrogated again is nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

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
      if (!s && !(s = stream(key_of(c.conversation.pair, m.station), e.scene))) return;
      const uint64_t object = (p.object.key() ^ p.object.key() >> 32) * spread, value = (p.raw ^ p.raw >> 29 ^ object) * spread;
      const uint32_t which = uint32_t(object >> 56);
      Last& last = s->last.data()[which];
      if (last.object == uint32_t(object >> 32)) {
        if (last.value == uint32_t(value >> 32)) [[likely]] continue;
        last.value = uint32_t(value >> 32);
        if (s->change((uint32_t(value >> 32) & ~(objects - 1)) | which, e.scene.time, run_)) tell(*s, e, c, to);
      } else {
        unwatched_.objects += last.object != 0;
        last = {uint32_t(object >> 32), uint32_t(value >> 32)};
      }
    }
  }

  const ValuesUnwatched& unwatched() const { return unwatched_; }

 private:
  enum Says : uint16_t { report = 6, information_report = 256 };                   // of MMS
  static constexpr size_t most_points = 64;           // of a message
  static constexpr uint32_t objects = 256;            // of a station, each in its place; a change has it in its lower bits
  static constexpr size_t depth = 2048, grain = 8, reach = depth - depth / 4;   // reach: its times are still there when a run of it is told
  static constexpr Time shortest = 10 * second;       // of a recording, and from the first time to the second
  static constexpr uint64_t spread = 0x9e3779b97f4a7c15ull;
  struct Last { uint32_t object = 0, value = 0; };

  // What one device told of one station in one conversation: its last changes, and where some eights of them were. Which ones, they say
  // themselves, one of eight, so that the second time it is the same ones: what is asked of each change lies close together.
  struct Stream {
    uint64_t print = 0;                               // of the last eight
    uint32_t count = 0;                               // of changes: positions
    uint32_t from = 0, matched = 0;                   // the run that comes again: where it was, and how long it is
    Time first = 0, since = 0, apart = 0;             // when it was told first, when its eighth change came again, and how much later that was
    uint64_t repeated = 0;                            // changes in runs of before
    bool told = false;
    std::array<Last, objects> last{};                 // by the upper eight bits of the object's print
    std::array<uint32_t, depth> changes{}, index{};   // index: by the eight up to there
    std::array<Time, depth / grain> at{};             // of every eighth

    Time time(uint32_t position) const { return at[position / grain % at.size()]; }
    bool is(uint32_t position, uint32_t value) const { return count - position <= depth && changes[position % depth] == value; }

    // True where so many came again.
    bool change(uint32_t value, Time now, uint32_t run) {
      if (matched && is(from + matched, value)) matched++;
      else if (matched) repeated += matched, matched = 0, told = false;
      constexpr uint64_t out = [] { uint64_t p = 1; for (size_t i = 0; i < grain; i++) p *= spread; return p; }();
      print = print * spread + value - (count < grain ? 0 : changes.data()[(count - grain) % depth]) * out;
      changes.data()[count % depth] = value;
      if (count % grain == 0) at[count / grain % at.size()] = now;
      count++;
      if (print >> 61 == 0 && count >= grain) {
        uint32_t& place = index[(print >> 32) % depth];
        if (const uint32_t was = place; !matched && was && count - was >= grain && count - (was - grain) <= reach) {
          bool same = true;
          for (uint32_t i = 0; i < grain; i++) same &= changes[(was - grain + i) % depth] == changes[(count - grain + i) % depth];
          if (same) from = was - grain, matched = grain, first = time(from), since = now, apart = now - time(was);
        }
        place = count;
      }
      return !told && matched >= run && matched % run == 0 && std::has_single_bit(matched / run) && (told = unlike_itself(now, run));
    }

    // A process that always repeats itself, or has few values, repeats what was first heard of it, or many runs, or what it has just
    // said (a swing, a burst): that is how it is. A recording is played at about its own pace: what lay in a buffer comes at once. And it
    // is of several objects: one alone may count round and round.
    bool unlike_itself(Time now, uint32_t run) const {
      if (from < run || repeated * 10 > count || apart < shortest) return false;
      if (const Time then = time(from + matched) - first; then < shortest || now - since < then / 4) return false;
      std::array<uint32_t, depth / 4> seen;
      std::array<uint16_t, objects> of{};
      const uint32_t n = std::min(matched, uint32_t(seen.size()));
      size_t different = 0;
      for (uint32_t i = 0; i < n; i++) seen[i] = changes[(count - n + i) % depth], different += of[seen[i] % objects]++ == 0;
      if (different < 3 || *std::max_element(of.begin(), of.end()) * 2u > n) return false;
      std::sort(seen.begin(), seen.begin() + n);
      return size_t(std::unique(seen.begin(), seen.begin() + n) - seen.begin()) * 2 >= n;
    }
  };

  // Those that are heard first are kept; one that is silent for an hour gives its place. nullptr where there is none.
  Stream* stream(uint64_t key, const Scene& scene) {
    const Time now = scene.time;
    uint16_t& met = met_.data()[(scene.flow * 2 + size_t(scene.from)) % met_.size()];
    if (keys_.data()[met] == key) [[likely]] return places_.data()[met].last = now, places_.data()[met].stream.get();
    return look_for(key, now, met);
  }
  [[gnu::noinline]] Stream* look_for(uint64_t key, Time now, uint16_t& met) {
    const size_t row = (key >> 20) % (keys_.size() / ways) * ways;
    for (size_t i = row; i != row + ways; i++)
      if (keys_[i] == key) return met = uint16_t(i), places_[i].last = now, places_[i].stream.get();
    size_t oldest = row;
    for (size_t i = row + 1; i != row + ways; i++)
      if (places_[i].last < places_[oldest].last) oldest = i;
    Place& p = places_[oldest];
    if (p.stream && now - p.last < hour) return unwatched_.stations++, nullptr;
    if (p.stream) *p.stream = Stream{};
    else p.stream = std::make_unique<Stream>();
    keys_[oldest] = key, p.last = now, met = uint16_t(oldest);
    return p.stream.get();
  }

  static bool late(Time heard, Time said) {
    if (said < heard - day || said > heard + day) [[unlikely]] return true;   // whatever a stranger says: the difference is one
    const Time by = std::abs(heard - said);
    if (by <= minute) [[likely]] return false;
    constexpr Time quarter = 15 * minute;             // whole quarters of an hour are time zones
    return std::abs((by + quarter / 2) % quarter - quarter / 2) > minute;
  }

  void tell(const Stream& s, const Event& e, const Context& c, Findings& to) {
    if (c.learning) return;
    Finding f = finding(row_, e, c);
    f.object.clear();
    f.what = fmt::format("{}{} tells since {} what it told at {}: {} changes of its measured values came again in the same order.", c.text(e.scene.speaker().address), f.station.empty() ? "" : ", " + f.station,
                         iso_time(s.since).substr(11, 8), iso_time(s.first).substr(11, 8), s.matched);
    f.expected = "Measured values are never twice the same for so long: somebody sends what was recorded, or a test generator runs.";
    to.raise(std::move(f));
  }

  const Detection& row_ = row("VAL-03");
  const int mms_ = protocol_index("mms");
  uint32_t run_ = 0;
  ValuesUnwatched unwatched_;
  struct Place { Time last = 0; std::unique_ptr<Stream> stream; };
  static constexpr size_t ways = 8;
  std::array<uint64_t, 512> keys_{};                  // of the places, 0 of an empty one: a row is one line of memory
  std::array<uint16_t, 4096> met_{};                  // the place that a conversation's side had last, so that most times none is looked for
  std::array<Place, 512> places_;
};

}  // namespace

const ValuesUnwatched* values_unwatched(const Detectors& all) {
  for (const auto& d : all)
    if (const auto* found = dynamic_cast<const ReplayedValues*>(d.get())) return &found->unwatched();
  return nullptr;
}

void add_value_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<ReplayedValues>(s)); }

}  // namespace vidra
