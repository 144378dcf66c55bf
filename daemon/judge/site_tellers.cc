// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "daemon/judge/commands.h"
#include "daemon/judge/detector.h"

namespace vidra {
namespace {

// "IED1LD0/LLN0$dsMeas[2]": what reports and GOOSE say third of a data set.
std::optional<Object> member_of(std::string_view s) {
  const size_t open = s.rfind('[');
  if (open == s.npos || open == 0 || !s.ends_with(']') || s.find('$') == s.npos) return std::nullopt;
  unsigned n = 0;
  const auto [end, bad] = std::from_chars(s.data() + open + 1, s.data() + s.size() - 1, n);
  if (bad != std::errc() || end != s.data() + s.size() - 1 || n > 2047) return std::nullopt;
  return Object::of_member(text_key(s.substr(0, open)), uint16_t(n));
}

bool says_position(ObjectKind k) {
  switch (k) {
    case ObjectKind::channel: case ObjectKind::holding_register: case ObjectKind::input_register: case ObjectKind::file_record: case ObjectKind::fifo_queue: case ObjectKind::counter:
    case ObjectKind::frozen_counter: case ObjectKind::analog_input: case ObjectKind::frozen_analog_input: case ObjectKind::analog_output: case ObjectKind::time_and_date: case ObjectKind::octet_string: return false;
    default: return true;
  }
}

bool tells_number(const SitePoint& p) { return p.kind == PointKind::set_point || p.kind == PointKind::tap; }

}  // namespace

void SiteReader::quantity(TomlTable& t) {
  SiteQuantity q;
  q.place = place(t);
  if (!t.read("name", q.name)) t.complain("name", "a [[quantity]] needs a name: what is measured, and where");
  t.read("unit", q.unit);
  size_t kind = 0;
  if (t.read_choice("kind", kind, {"value", "position"}) && kind) {
    q.position = true, q.fresh = day;
    for (std::string_view key : {"tolerance", "percent", "unit"})
      if (t.has(key)) t.complain(key, "a position is off or on: it has no tolerance and no unit");
  }
  const bool absolute = t.read("tolerance", q.tolerance, 0, 1e12), relative = t.read("percent", q.percent, 0, 100);
  if (!q.position && !absolute && !relative && !t.has("tolerance") && !t.has("percent")) t.complain("tolerance", "a [[quantity]] needs a tolerance (in its unit) or a percent: how far apart its members may be");
  t.read_duration("settle", q.settle, 0, day);
  t.read_duration("fresh", q.fresh, second, day);
  for (TomlTable m : t.tables("member")) member(m, q);
  if (q.members.size() < 2) t.complain("member", "a [[quantity]] needs two members or more: [[quantity.member]] with host, protocol and object");
  if (q.members.size() > SiteQuantity::most_members) t.complain("member", fmt::format("a [[quantity]] has {} members at most; this one has {}", SiteQuantity::most_members, q.members.size()));
  t.finish();
  site_.quantities.push_back(std::move(q));
}

void SiteReader::member(TomlTable& t, SiteQuantity& q) { q.members.push_back(teller(t, "a [[quantity.member]]", q.position)); }

QuantityMember SiteReader::teller(TomlTable& t, std::string_view whose, bool position) {
  QuantityMember m;
  std::string host, protocol;
  if (t.read("host", host)) m.host = named(t, "host", host);
  else if (!t.has("host")) t.complain("host", fmt::format("{} needs its host: the one that tells it", whose));
  if (t.read("protocol", protocol)) {
    if (const int i = protocol_index(protocol); i >= 0) m.protocol = uint16_t(i);
    else t.complain("protocol", fmt::format("\"{}\" is no protocol that is read here; `vidra protocols` lists them", protocol));
  } else if (!t.has("protocol")) t.complain("protocol", fmt::format("{} needs its protocol: \"iec104\", \"mms\", \"goose\" …", whose));
  int64_t station = 0;
  if (t.read("station", station, 0, 65535)) m.station = uint64_t(station);
  if (std::string stream; t.read("stream", stream)) m.station = text_key(stream);
  if (t.read("object", m.text)) {
    if (const auto r = parse_object_range(m.text)) {
      m.object = r->first.key();
      if (r->last != r->first) t.complain("object", fmt::format("\"{}\" is several objects; a member is one object", m.text));
      else if (position && !says_position(r->first.kind()))
        t.complain("object", fmt::format("\"{}\" is a number and says no position: it would never be compared; a position is said by a coil, a discrete input, a binary or double-bit input, a binary output, an information object, or an object by name", m.text));
    } else if (const auto of = member_of(m.text)) {
      m.object = of->key();
    } else m.object = Object::of_text(text_key(m.text)).key();
  } else if (!t.has("object")) t.complain("object", fmt::format("{} needs its object: \"information object 2001\", \"AA1J1Q01A1LD0/MMXU1$MX$Hz\", \"ALDER-BUS1/frequency\"", whose));
  t.read("scale", m.scale, -1e12, 1e12);
  t.finish();
  return m;
}

bool SiteReader::told_elsewhere(TomlTable& t, SitePoint& p) {
  if (!t.is_table("feedback")) return false;
  TomlTable f = *t.table("feedback");
  const size_t before = f.problems();
  QuantityMember m = teller(f, "a feedback that another device or protocol tells", false);
  if (f.problems() != before) return true;
  const std::string_view protocol = protocols[m.protocol]->name;
  const Object o = Object::from_key(m.object);
  if (p.objects.first != p.objects.last) {
    t.complain("feedback", "several commands have no one feedback at another device; declare each of them in a table of its own");
    return true;
  }
  struct Suits { std::string_view protocol, written; bool station; std::initializer_list<ObjectKind> kinds; };
  static const Suits all[] = {
      {"iec104", "\"information object 1101\"", true, {ObjectKind::information_object}},
      {"dnp3", "\"binary input 3\" or \"double-bit input 3\"", true, {ObjectKind::binary_input, ObjectKind::double_bit_input, ObjectKind::binary_output, ObjectKind::analog_input, ObjectKind::analog_output}},
      {"modbus", "\"discrete input 3\" or \"input register 3\"", true, {ObjectKind::coil, ObjectKind::discrete_input, ObjectKind::holding_register, ObjectKind::input_register}},
      {"mms", "\"IED1LD0/XCBR1$ST$Pos\", or a place in a data set: \"IED1LD0/LLN0$dsPos[0]\"", false, {ObjectKind::named, ObjectKind::member}},
      {"goose", "a place in its data set: \"IED1LD0/LLN0$dsPos[0]\", or \"IED1LD0/XCBR1$ST$Pos\"", false, {ObjectKind::named, ObjectKind::member}},
  };
  const auto at = std::find_if(std::begin(all), std::end(all), [&](const Suits& s) { return s.protocol == protocol; });
  if (at == std::end(all)) f.complain("protocol", fmt::format("what becomes of a command is not looked for in \"{}\"; allowed: iec104, dnp3, modbus, mms, goose", protocol));
  else if (std::find(at->kinds.begin(), at->kinds.end(), o.kind()) == at->kinds.end() || (o.kind() == ObjectKind::named && (m.text.find('/') == m.text.npos || m.text.find('$') == m.text.npos)))
    f.complain("object", fmt::format("\"{}\" is nothing that {} tells; write {}", m.text, protocol, at->written));
  else if (at->station && !m.station) f.complain("station", fmt::format("a feedback by {} needs its station: the common address, outstation or unit that \"{}\" belongs to", protocol, m.text));
  else if (!at->station && m.station) f.complain("station", fmt::format("{} has no stations; leave it out", protocol));
  else if (m.text.find("$CO$") != m.text.npos) f.complain("object", fmt::format("\"{}\" is a command; its state is under $ST$, of a set-point under $MX$", m.text));
  else if (o.kind() == ObjectKind::named && (m.text.ends_with("$q") || m.text.ends_with("$t")))
    f.complain("object", fmt::format("\"{}\" is a quality or a time, no state; write \"{}\"", m.text, m.text.substr(0, m.text.size() - 2)));
  else if (m.scale == 0) f.complain("scale", "a scale of 0 makes every number 0; leave it out where the number is in the command's unit");
  else {
    if (o.kind() == ObjectKind::named) m.object = data_object(m.text).key();
    p.told_by = std::make_shared<const QuantityMember>(std::move(m));
  }
  return true;
}

std::string SiteReader::wrong_teller(const SitePoint& p) const {
  const QuantityMember& m = *p.told_by;
  const Object o = Object::from_key(m.object);
  const std::string& host = site_.host(m.host).name;
  if (m.station) {                                       // of protocols with points
    if (!site_.has_points(m.host, m.protocol, *m.station)) return {};
    const SitePoint* of = site_.point(m.host, m.protocol, *m.station, o);
    if (!of) return fmt::format("\"{}\" is not among the points that are declared of {}, {}; declare it, or name another", m.text, host, station_text(m.protocol, *m.station));
    if (of->direction == Direction::control && o.kind() == ObjectKind::information_object && of->feedback != o)
      return fmt::format("\"{}\" of {} is a command ({}), which tells no state", m.text, host, site_.text_of(of->place));
    const bool number = of->kind == PointKind::measurement || of->kind == PointKind::counter, state = of->kind == PointKind::status || of->kind == PointKind::switchgear;
    if (number && p.kind == PointKind::switchgear) return fmt::format("\"{}\" of {} is a number ({}); the feedback of a switch is off or on", m.text, host, site_.text_of(of->place));
    if (state && tells_number(p)) return fmt::format("\"{}\" of {} is off or on ({}); the feedback of a {} is a number", m.text, host, site_.text_of(of->place), p.kind == PointKind::tap ? "tap" : "set-point");
    return {};
  }
  if (o.kind() == ObjectKind::member) return wrong_place(p, m, o.number() & 0x7ff);
  if (protocols[m.protocol]->name != "goose") return {};
  bool any = false;
  for (const SiteDataSet& set : site_.data_sets)
    for (const std::string& name : set.members)
      if (set.host == m.host && (any = true, data_object(name) == o)) return {};
  return any ? fmt::format("\"{}\" is in none of the data sets that are declared of {}; declare its [[data_set]], or name another", m.text, host) : std::string();
}

std::string SiteReader::wrong_place(const SitePoint& p, const QuantityMember& m, size_t at) const {
  const std::string name = m.text.substr(0, m.text.rfind('['));
  const std::string& host = site_.host(m.host).name;
  std::vector<std::string_view> known;
  const auto too_far = [&](size_t entries) { return fmt::format("\"{}\": the data set has {} members, so the last is [{}]", m.text, entries, entries - 1); };
  for (const SiteDataSet& set : site_.data_sets) {
    if (set.host != m.host) continue;
    known.push_back(set.name);
    if (set.name != name) continue;
    if (at >= set.members.size()) return too_far(set.members.size());
    const std::string& of = set.members[at];
    return of.ends_with("$q") || of.ends_with("$t") ? fmt::format("\"{}\" is {}: a quality or a time, no state", m.text, of) : std::string();
  }
  if (protocols[m.protocol]->name != "goose") return {};
  for (const SitePublisher& d : site_.publishers) {
    if (d.kind != PublisherKind::goose || d.host != m.host || d.data_set.empty()) continue;
    known.push_back(d.data_set);
    if (d.data_set != name) continue;
    if (d.entries && at >= d.entries) return too_far(d.entries);
    if (at >= d.types.size()) return {};
    const MemberType type = d.types[at];
    const bool number = type == MemberType::integer || type == MemberType::natural || type == MemberType::real, state = type == MemberType::boolean || type == MemberType::double_point;
    if (type == MemberType::any || type == MemberType::structure || (state && !tells_number(p)) || (number && p.kind != PointKind::switchgear)) return {};
    return fmt::format("\"{}\" is a {} ({}); the feedback of a {} is {}", m.text, name_of(type), site_.text_of(d.place), p.kind == PointKind::set_point ? "set-point" : p.kind == PointKind::tap ? "tap" : "switch",
                       tells_number(p) ? "a number" : "a boolean or a double_point");
  }
  return known.empty() ? std::string() : fmt::format("{} publishes no data set \"{}\"{}; declared: {}", host, name, suggestion(name, known), joined(known));
}

void SiteReader::data_set(TomlTable& t) {
  SiteDataSet d;
  d.place = place(t);
  std::string host;
  if (t.read("host", host)) d.host = named(t, "host", host);
  else if (!t.has("host")) t.complain("host", "a [[data_set]] needs its host: the device that has it");
  if (!t.read("name", d.name) && !t.has("name")) t.complain("name", "a [[data_set]] needs its name: \"IED1LD0/LLN0$dsPos\"");
  if (!d.name.empty() && (d.name.find('/') == d.name.npos || d.name.find('$') == d.name.npos)) t.complain("name", fmt::format("\"{}\" is no data set of MMS; write it like \"IED1LD0/LLN0$dsPos\"", d.name));
  t.read("members", d.members);
  if (!t.has("members")) t.complain("members", "a [[data_set]] needs its members, in their order: [\"IED1LD0/XCBR1$ST$Pos$stVal\", \"IED1LD0/XCBR1$ST$Pos$q\"]");
  if (d.members.size() > 2048) t.complain("members", fmt::format("{} members; a data set that GOOSE or reports send has 2048 at most", d.members.size()));
  for (const std::string& s : d.members)
    if (s.find('/') == s.npos || s.find('$') == s.npos) {
      t.complain("members", fmt::format("\"{}\" is no object of MMS; write it like \"IED1LD0/XCBR1$ST$Pos$stVal\"", s));
      break;
    }
  if (!declared_.data_sets.emplace(d.host, d.name).second) t.complain("name", fmt::format("the data set \"{}\" of this host is declared twice", d.name));
  t.finish();
  if (d.host && !d.name.empty()) site_.data_sets.push_back(std::move(d));
}

}  // namespace vidra
