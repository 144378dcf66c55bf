// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/measured_ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

uint64_t place_of(HostId host, uint16_t protocol, uint64_t station, Object o) { return key_of(key_of(uint64_t(host) << 16 | protocol, station), o.key()); }

// What a point's number is in its unit; nothing where only the device knows: raw counts, parts of a full scale.
std::optional<double> value_of(const SitePoint& s, const Point& p, const Event& e) {
  static const int iec104 = protocol_index("iec104");
  const uint16_t type = e.said->function;
  const bool part_of_full_scale = e.scene.protocol == iec104 && (type == 9 || type == 10 || type == 21 || type == 34);
  if (!s.scale && (p.kind != ValueKind::real || part_of_full_scale)) return std::nullopt;
  return s.scaled(p.number());
}

// A dead feeder measures next to nothing, whatever its range is. False of what is no number.
bool within(const SitePoint& s, double v, double beyond) {
  if (std::abs(v) <= 0.1 * std::max(std::abs(s.min.value_or(0)), std::abs(s.max.value_or(0)))) return true;
  return (!s.min || v >= *s.min - beyond) && (!s.max || v <= *s.max + beyond) && !std::isnan(v);
}

}  // namespace

void MeasuredRanges::declare(const Site& site) {
  ranges_.clear();
  for (const SitePoint& p : site.points) {
    if (p.direction == Direction::control || p.writable || !p.host || (!p.min && !p.max) || p.kind == PointKind::counter) continue;
    for (uint64_t key = p.objects.first.key(); key <= p.objects.last.key() && ranges_.size() < most; key++)
      if (const Object o = Object::from_key(key); site.point(p.host, p.protocol, p.station, o) == &p) ranges_.emplace(place_of(p.host, p.protocol, p.station, o), Range{&p, 0, false});
  }
}

void MeasuredRanges::see(const Event& e, HostId host, const Context& c, Findings& to) {
  const Message& m = *e.said;
  for (const Point& p : e.points) {
    if (!p.has_number() || p.count != 1) continue;
    const auto at = ranges_.find(place_of(host, e.scene.protocol, m.station, p.object));
    if (at != ranges_.end()) look(at->second, p, e, c, to);
  }
}

void MeasuredRanges::look(Range& r, const Point& p, const Event& e, const Context& c, Findings& to) {
  static const Detection& far_outside = row("VAL-05");
  const SitePoint& s = *r.point;
  const auto v = p.quality == good ? value_of(s, p, e) : std::nullopt;
  const double span = s.min && s.max ? *s.max - *s.min : std::abs(s.max ? *s.max : *s.min);
  if (!v || within(s, *v, 0) || within(s, *v, c.settings.number(far_outside, "margin") / 100 * span)) {
    r.since = 0, r.told = false;
    return;
  }
  if (!r.since) r.since = e.scene.time;
  if (r.told || c.learning || e.scene.time - r.since < Time(c.settings.number(far_outside, "settle") * double(second))) return;
  r.told = true;
  Finding f = finding(far_outside, e, c);
  f.cause = p.object.key();
  f.object = object_label(c, e.scene, e.said->station, p.object);
  f.what = fmt::format("{} says that {} is {:.6g}, since {}, and calls it good.", c.text(e.scene.speaker().address), f.object, *v, seconds_text(e.scene.time - r.since));
  f.expected = fmt::format("The site declares {} to {} for it.", s.min ? fmt::format("{:g}", *s.min) : "-∞", s.max ? fmt::format("{:g}", *s.max) : "∞");
  to.raise(std::move(f));
}

}  // namespace vidra
