// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/measured_ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/judge/iec104_types.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr Time pause = 2 * minute;                 // after such a silence only the value itself shows that it stands

// How wide its range is; 0 where nothing tells how far is far: of `min = 0` alone, or where both are the same, as in columns that
// somebody filled with zeros.
double span_of(const SitePoint& p) {
  if (p.min && p.max) return std::max(0.0, *p.max - *p.min);
  return std::abs(p.max ? *p.max : p.min.value_or(0));
}

bool has_range(const SitePoint& p) { return p.host && p.direction != Direction::control && !p.writable && p.kind != PointKind::counter && span_of(p) > 0; }

// What a point's number is in its unit; nothing where only the device knows: raw counts, parts of a full scale.
std::optional<double> value_of(const SitePoint& s, const Point& p, const Event& e) {
  static const int iec104 = protocol_index("iec104");
  if (!s.scale && (p.kind != ValueKind::real || (e.scene.protocol == iec104 && !says_engineering_unit(e.said->function)))) return std::nullopt;
  return s.scaled(p.number());
}

// A dead feeder measures next to nothing, whatever its range is. False of what is no number.
bool within(const SitePoint& s, double v, double beyond) {
  if (std::abs(v) <= 0.1 * std::max(std::abs(s.min.value_or(0)), std::abs(s.max.value_or(0)))) return true;
  return (!s.min || v >= *s.min - beyond) && (!s.max || v <= *s.max + beyond) && !std::isnan(v);
}

}  // namespace

void MeasuredRanges::declare(const Site& site, Voices& voices, const JudgeSettings& settings) {
  static const Detection& far_outside = row("VAL-05");
  margin_ = settings.number(far_outside, "margin") / 100, settle_ = Time(settings.number(far_outside, "settle") * double(second));
  std::vector<Voice> before = std::move(voices_);
  std::vector<int> now_called(before.size(), -1);
  voices_.clear();
  waiting_ = 0;
  for (const SitePoint& p : site.points) {
    if (!has_range(p)) continue;
    const uint32_t i = voices.add(p.host, p.protocol);
    if (voices_.size() <= i) voices_.resize(i + 1);
    Voice& v = voices_[i];
    if (v.first > v.last) {
      if (const int was = voices.was(i); was >= 0 && size_t(was) < before.size()) {
        Voice& old = before[size_t(was)];
        now_called[size_t(was)] = int(i);
        v.word = old.word, v.lost = old.lost, v.waiting = std::move(old.waiting);
        waiting_ += v.waiting.size();
      }
      v.host = p.host, v.protocol = p.protocol, v.key = voices.key(i);
    }
    v.first = std::min(v.first, p.objects.first.key()), v.last = std::max(v.last, p.objects.last.key());
  }
  site_ = &site;
  for (auto at = outside_.begin(); at != outside_.end();) {
    Outside& o = at->second;
    const SitePoint* const before_it = o.point;
    o.point = nullptr;
    if (const int voice = now_called[o.voice]; voice >= 0) {
      const Voice& v = voices_[o.voice = uint32_t(voice)];
      o.point = site.point(v.host, v.protocol, o.station, o.object);
    }
    const bool same = o.point && has_range(*o.point) && before_it->min == o.point->min && before_it->max == o.point->max && before_it->scale == o.point->scale;
    at = same ? std::next(at) : outside_.erase(at);
  }
}

void MeasuredRanges::hear(uint32_t voice, const Event& e, const Context& c, Findings& to) {
  if (voice >= voices_.size()) return;
  Voice& v = voices_[voice];
  const Time now = e.scene.time, before = std::exchange(v.word, now);
  if (e.said->after_gap) [[unlikely]] v.lost = now;   // that it is right again may be among what was not heard
  if (e.said->after_gap || now - before > pause) [[unlikely]] {
    waiting_ -= v.waiting.size();
    v.waiting.clear();
  }
  while (!v.waiting.empty() && now - v.waiting.front().since >= settle_ && !c.learning) {
    const Waiting w = v.waiting.front();
    v.waiting.pop_front(), waiting_--;
    if (const auto at = outside_.find(w.place); at != outside_.end() && at->second.since == w.since && !at->second.told) tell(at->second, e, c, to);
  }
}

void MeasuredRanges::see(uint32_t voice, const Event& e, const Context& c, Findings& to) {
  if (voice >= voices_.size()) return;
  const Voice& v = voices_[voice];
  for (const Point& p : e.points) {
    if (p.object.key() < v.first || p.object.key() > v.last || !p.has_number() || p.count != 1) continue;
    const SitePoint* const s = site_->point(v.host, v.protocol, e.said->station, p.object);
    if (s && has_range(*s)) look(voice, *s, p, e, c, to);
  }
}

void MeasuredRanges::look(uint32_t voice, const SitePoint& s, const Point& p, const Event& e, const Context& c, Findings& to) {
  Voice& v = voices_[voice];
  const uint64_t place = key_of(key_of(v.key, e.said->station), p.object.key());
  const auto value = p.quality == good ? value_of(s, p, e) : std::nullopt;
  if (!value || within(s, *value, margin_ * span_of(s))) {
    if (!outside_.empty()) outside_.erase(place);
    return;
  }
  if (outside_.size() >= most && !outside_.contains(place)) return;
  const auto [at, fresh] = outside_.try_emplace(place);
  Outside& o = at->second;
  if (fresh || (!o.told && o.since < v.lost)) {
    o = {&s, e.said->station, p.object, voice, 0, e.scene.time, false};
    if (waiting_ < most) v.waiting.push_back({place, o.since}), waiting_++;
  }
  o.value = *value;
  if (!o.told && !c.learning && e.scene.time - o.since >= settle_) tell(o, e, c, to);
}

void MeasuredRanges::tell(Outside& o, const Event& e, const Context& c, Findings& to) {
  const SitePoint& s = *o.point;
  o.told = true;
  Finding f = finding(row("VAL-05"), e, c);
  f.cause = key_of(o.station, o.object.key());
  f.station = station_text(e.scene.protocol, o.station);
  f.object = object_label(c, e.scene, o.station, o.object);
  f.bay = s.bay;
  f.what = fmt::format("{} says that {} is {:.6g}, since {}, and calls it good.", c.text(e.scene.speaker().address), f.object, o.value, seconds_text(e.scene.time - o.since));
  f.expected = fmt::format("The site declares {} to {} for it.", s.min ? fmt::format("{:g}", *s.min) : "-∞", s.max ? fmt::format("{:g}", *s.max) : "∞");
  to.raise(std::move(f));
}

}  // namespace vidra
