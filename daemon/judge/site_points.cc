// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "daemon/judge/commands.h"

namespace vidra {
namespace {

// Type identifications that a point of a list may have, by their first word ("C_DC_NA_1"): those of process information and of parameters
// (IEC 60870-5-101:2003, 7.2.1.1).
const std::vector<std::pair<std::string_view, uint8_t>>& point_types() {
  static const auto all = [] {
    std::vector<std::pair<std::string_view, uint8_t>> to;
    for (const Function& f : protocols[size_t(protocol_index("iec104"))]->functions)
      if (f.number <= 40 || (f.number >= 45 && f.number <= 64) || (f.number >= 110 && f.number <= 113)) to.emplace_back(f.name.substr(0, f.name.find(' ')), uint8_t(f.number));
    return to;
  }();
  return all;
}

PointKind usual_kind(uint16_t type) {
  switch (type) {
    case 46: case 59: case 3: case 4: case 31: return PointKind::switchgear;
    case 47: case 60: case 5: case 6: case 32: return PointKind::tap;
    case 48: case 49: case 50: case 61: case 62: case 63: return PointKind::set_point;
    case 9: case 10: case 11: case 12: case 13: case 14: case 21: case 34: case 35: case 36: return PointKind::measurement;
    case 15: case 16: case 37: return PointKind::counter;
    case 1: case 2: case 30: return PointKind::status;
    default: return PointKind::other;
  }
}

// Each point behind `first` must have an address of its own.
bool fits(TomlTable& t, std::string_view key, uint64_t first, uint64_t behind, uint64_t most) {
  if (first + behind <= most) return true;
  t.complain(key, fmt::format("{} points from {} on reach beyond {}", behind + 1, first, most));
  return false;
}

}  // namespace

uint8_t iec104_type(std::string_view name) {
  for (const auto& [known, number] : point_types())
    if (known == name) return number;
  return 0;
}

SitePoint SiteReader::point(TomlTable& t, std::string_view protocol) {
  SitePoint p;
  p.place = place(t);
  const int index = protocol_index(protocol);
  p.protocol = uint16_t(index < 0 ? 0xffff : index);
  std::string host;
  if (t.read("host", host)) p.host = named(t, "host", host);
  else if (!t.has("host")) t.complain("host", fmt::format("a [[{}]] needs a host: the one that serves it", t.name()));
  size_t choice = 0;
  if (t.read_choice("mode", choice, {"undeclared", "direct", "select"})) p.mode = CommandMode(choice);
  if (t.read_choice("kind", choice, {"other", "switchgear", "tap", "set_point", "reset", "measurement", "status", "counter"})) p.kind = PointKind(choice);
  if (t.read_choice("direction", choice, {"monitor", "control"})) p.direction = Direction(choice);
  double v = 0;
  if (t.read("min", v, -1e30, 1e30)) p.min = v;
  if (t.read("max", v, -1e30, 1e30)) p.max = v;
  if (t.read("step", v, 0, 1e30)) p.step = v;
  if (t.read("scale", v, -1e12, 1e12)) {
    if (v == 0) t.complain("scale", "a scale of 0 makes every number 0; leave it out where the number is in its unit");
    else p.scale = v;
  }
  if (p.min && p.max && *p.min > *p.max) t.complain("min", fmt::format("min is {:g} and max is {:g}; min must not be greater", *p.min, *p.max));
  t.read_duration("travel_time", p.travel_time, millisecond, 10 * minute);
  t.read("name", p.name);
  t.read("bay", p.bay);
  t.read("voltage", p.voltage);
  return p;
}

bool SiteReader::structured(TomlTable& t, std::string_view key, uint32_t& to, uint32_t most) {
  if (!t.is_text(key)) return t.read(key, to, 0, most);
  std::string s;
  t.read(key, s);
  uint32_t n = 0;
  const char* at = s.data();
  const char* end = at + s.size();
  for (;;) {
    unsigned part = 0;
    const auto [stop, bad] = std::from_chars(at, end, part);
    if (bad != std::errc() || part > 255) break;
    n = n << 8 | part;
    if (stop == end) {
      if (n > most) break;
      to = n;
      return true;
    }
    if (*stop != '-' && *stop != '.') break;
    at = stop + 1;
  }
  t.complain(key, fmt::format("\"{}\" is no address; write a number from 0 to {}, or its octets like \"0-19-237\"", s, most));
  return false;
}

bool SiteReader::range(TomlTable& t, std::string_view key, uint32_t& first, uint32_t& last, uint32_t most) {
  if (!t.is_text(key)) {
    if (!t.read(key, first, 0, most)) {
      if (!t.has(key)) t.complain(key, fmt::format("a [[{}]] needs its {}: a number, or a range like \"0-7\"", t.name(), key));
      return false;
    }
    last = first;
    return true;
  }
  std::string s;
  t.read(key, s);
  const char* end = s.data() + s.size();
  const auto [stop, bad] = std::from_chars(s.data(), end, first);
  last = first;
  bool right = bad == std::errc() && (stop == end || *stop == '-');
  if (right && stop != end) {
    const auto [done, wrong] = std::from_chars(stop + 1, end, last);
    right = wrong == std::errc() && done == end;
  }
  if (right && first <= last && last <= most) return true;
  t.complain(key, fmt::format("\"{}\" is no range; write a number from 0 to {}, or a range like \"0-7\"", s, most));
  return false;
}

void SiteReader::add(TomlTable& t, SitePoint p) {
  const bool status_too = p.objects.first.kind() == ObjectKind::binary_output;       // DNP3: a control and its own status
  const auto [first, fresh] = declared_.points.emplace(std::tuple(p.host, p.protocol, p.station, p.objects.first.key(), p.objects.last.key(), status_too ? p.direction : Direction::monitor), "");
  if (fresh) first->second = t.place();
  else t.complain("", fmt::format("the same point is declared in {}; keep one. Of a command and its indication at one address that is the command, with this address as its feedback", first->second));
  if (p.told_by) declared_.told_elsewhere.emplace_back(t, site_.points.size());
  site_.points.push_back(std::move(p));
}

void SiteReader::iec104_point(TomlTable& t) {
  SitePoint p = point(t, "iec104");
  uint32_t station = 0, address = 0, count = 1, feedback = 0;
  if (!structured(t, "station", station, 65535) && !t.has("station")) t.complain("station", "an [[iec104_point]] needs its station: the common address");
  const bool there = structured(t, "address", address, 0xffffff);
  if (!there && !t.has("address")) t.complain("address", "an [[iec104_point]] needs its address: the information object address");
  t.read("count", count, 1, 65536);
  p.station = station;
  if (t.is_text("type")) {
    std::string s;
    t.read("type", s);
    std::vector<std::string_view> names;
    for (const auto& [known, number] : point_types()) names.push_back(known);
    if (!(p.type = iec104_type(s))) t.complain("type", fmt::format("\"{}\" is no type identification{}; write one like \"C_DC_NA_1\" or 46", s, suggestion(s, names)));
  } else t.read("type", p.type, 1, 255);
  if (!t.has("direction")) p.direction = p.type >= 45 && p.type <= 113 ? Direction::control : Direction::monitor;
  if (!t.has("kind")) p.kind = usual_kind(p.type);
  p.writable = p.direction == Direction::control;
  const bool within = fits(t, "count", address, count - 1, 0xffffff);
  p.objects = {Object(ObjectKind::information_object, address), Object(ObjectKind::information_object, address + count - 1)};
  if (!told_elsewhere(t, p) && structured(t, "feedback", feedback, 0xffffff) && within && fits(t, "feedback", feedback, count - 1, 0xffffff)) p.feedback = Object(ObjectKind::information_object, feedback);
  t.finish();
  if (p.host && there && within) add(t, std::move(p));
}

void SiteReader::dnp3_point(TomlTable& t) {
  SitePoint p = point(t, "dnp3");
  struct Kind { std::string_view name; ObjectKind object, feedback; PointKind kind; };
  static constexpr Kind kinds[] = {
      {"crob", ObjectKind::binary_output, ObjectKind::binary_input, PointKind::switchgear},
      {"analog_output", ObjectKind::analog_output, ObjectKind::analog_input, PointKind::set_point},
      {"binary_input", ObjectKind::binary_input, ObjectKind::none, PointKind::status},
      {"double_bit_input", ObjectKind::double_bit_input, ObjectKind::none, PointKind::status},
      {"binary_output", ObjectKind::binary_output, ObjectKind::none, PointKind::status},
      {"analog_input", ObjectKind::analog_input, ObjectKind::none, PointKind::measurement},
      {"counter", ObjectKind::counter, ObjectKind::none, PointKind::counter},
  };
  size_t at = 0;
  const bool typed = t.read_choice("type", at, {"crob", "analog_output", "binary_input", "double_bit_input", "binary_output", "analog_input", "counter"});
  if (!typed && !t.has("type")) t.complain("type", "a [[dnp3_point]] needs its type: crob, analog_output, binary_input, double_bit_input, binary_output, analog_input or counter");
  uint32_t first = 0, last = 0, feedback = 0, feedback_last = 0;
  const bool there = range(t, "index", first, last, 65535);
  t.read("outstation", p.station, 0, 65519);
  if (!t.has("outstation")) t.complain("outstation", "a [[dnp3_point]] needs its outstation: the link address");
  if (!t.has("kind")) p.kind = kinds[at].kind;
  if (!t.has("direction")) p.direction = at <= 1 ? Direction::control : Direction::monitor;
  p.writable = p.direction == Direction::control;
  p.objects = {Object(kinds[at].object, first), Object(kinds[at].object, last)};
  if (!told_elsewhere(t, p) && t.has("feedback") && range(t, "feedback", feedback, feedback_last, 65535)) {
    if (kinds[at].feedback == ObjectKind::none) t.complain("feedback", fmt::format("a {} has no feedback; only crob and analog_output do", kinds[at].name));
    else if (fits(t, "feedback", feedback, last - first, 65535)) p.feedback = Object(kinds[at].feedback, feedback);
  }
  t.finish();
  if (p.host && typed && there) add(t, std::move(p));
}

void SiteReader::modbus_point(TomlTable& t) {
  SitePoint p = point(t, "modbus");
  static constexpr ObjectKind tables[] = {ObjectKind::coil, ObjectKind::discrete_input, ObjectKind::holding_register, ObjectKind::input_register};
  size_t at = 0;
  const bool typed = t.read_choice("table", at, {"coil", "discrete_input", "holding_register", "input_register"});
  if (!typed && !t.has("table")) t.complain("table", "a [[modbus_point]] needs its table: coil, discrete_input, holding_register or input_register");
  uint32_t first = 0, last = 0, feedback = 0, feedback_last = 0;
  const bool there = range(t, "address", first, last, 65535);
  t.read("unit", p.station, 0, 255);
  if (!t.has("unit")) t.complain("unit", "a [[modbus_point]] needs its unit identifier");
  t.read("writable", p.writable);
  if (p.writable && (at == 1 || at == 3)) t.complain("writable", "Modbus cannot write a discrete input or an input register");
  if (!t.has("direction")) p.direction = p.writable ? Direction::control : Direction::monitor;
  if (!t.has("kind")) p.kind = at <= 1 ? PointKind::status : p.writable ? PointKind::set_point : PointKind::measurement;
  p.objects = {Object(tables[at], first), Object(tables[at], last)};
  if (!told_elsewhere(t, p) && t.has("feedback") && range(t, "feedback", feedback, feedback_last, 65535) && fits(t, "feedback", feedback, last - first, 65535)) p.feedback = Object(tables[at], feedback);
  t.finish();
  if (p.host && typed && there) add(t, std::move(p));
}

void SiteReader::mms_point(TomlTable& t) {
  SitePoint p = point(t, "mms");
  std::string name;
  const auto object = [&](std::string_view key, Object& to) {
    if (!t.read(key, name)) return false;
    const size_t slash = name.find('/');
    if (slash == 0 || slash == std::string::npos || name.find('$', slash) == std::string::npos) {
      t.complain(key, fmt::format("\"{}\" is no object of MMS; write it like \"IED1LD0/CSWI1$CO$Pos\"", name));
      return false;
    }
    to = Object::of_text(text_key(name));
    return true;
  };
  Object o;
  const bool there = object("object", o);
  if (!there && !t.has("object")) t.complain("object", "an [[mms_point]] needs its object: \"IED1LD0/CSWI1$CO$Pos\"");
  p.objects = {o, o};
  if (!t.has("direction")) p.direction = name.find("$CO$") != std::string::npos ? Direction::control : Direction::monitor;
  p.writable = p.direction == Direction::control;
  if (p.name.empty()) p.name = name;
  t.read("enhanced", p.enhanced);
  if (!told_elsewhere(t, p)) object("feedback", p.feedback);
  t.finish();
  if (p.host && there) add(t, std::move(p));
}

}  // namespace vidra
