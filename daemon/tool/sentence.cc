// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/sentence.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "daemon/base/text.h"
#include "dissectors/memory_area.h"
#include "dissectors/tls_ports.h"

namespace vidra {
namespace {

std::string shown(Object o, const Texts& texts) {
  std::array<char, 256> room;
  return std::string(describe_object(o, texts, room));
}

std::string shown(const Point& p, const Texts& texts, const Protocol& protocol) {
  std::array<char, 256> room;
  std::string out(describe_value(p, texts, room));
  if (p.object.kind() == ObjectKind::address && p.kind == ValueKind::natural) {   // who claims it
    Mac mac;
    for (size_t i = 0; i < 6; i++) mac.octets[i] = uint8_t(p.raw >> (40 - 8 * i));
    out = text_of(mac);
  }
  if (p.quality != good) {
    const std::string_view q = describe_quality(p.quality, room);
    out += fmt::format("{}[{}]", out.empty() ? "" : " ", q);
  }
  if (p.status) {
    const std::string_view name = protocol.status ? protocol.status(p.status) : std::string_view{};
    out += name.empty() ? fmt::format("{}(status {})", out.empty() ? "" : " ", p.status) : fmt::format("{}({})", out.empty() ? "" : " ", name);
  }
  return out;
}

std::string_view reason_name(const Protocol& p, uint16_t reason) { return p.reason ? p.reason(reason) : std::string_view{}; }

struct Flag { std::string_view name; bool Message::*set; };
constexpr Flag flags[] = {
    {"link", &Message::link}, {"refused", &Message::refused}, {"malformed", &Message::malformed}, {"test", &Message::test},
    {"simulated", &Message::simulated}, {"encrypted", &Message::encrypted}, {"broadcast", &Message::broadcast},
    {"midstream", &Message::midstream}, {"after gap", &Message::after_gap}, {"unpaired", &Message::unpaired},
    {"continued", &Message::continued}, {"retained", &Message::retained}};

uint64_t position_of(Object o) { return o.kind() == ObjectKind::member ? o.key() & 0x7ff : o.number(); }

// "LD0/LLN0$ds[0-2] = on 0x0 off", "channel 1-8 = …": neighbours of one dataset or stream without names of their own, as one. How many
// points it took; 0 where they are said one by one.
size_t neighbours(std::string& out, const Event& e, const Protocol& protocol, size_t from, size_t limit) {
  const Object first = e.points[from].object;
  const bool member = first.kind() == ObjectKind::member;
  const auto named = [&](Object o) { return !e.texts.find(o.key() & ~(0xffull << 56)).empty(); };
  const auto follows = [&](Object before, Object o) {
    if (named(o)) return false;
    if (!member) return o == before.at(1);
    return o.key() >> 16 == first.key() >> 16 && (position_of(o) == position_of(before) || position_of(o) == position_of(before) + 1);
  };
  if (named(first)) return 0;
  size_t n = 1;
  while (from + n < e.points.size() && follows(e.points[from + n - 1].object, e.points[from + n].object)) n++;
  if (n == 1) return 0;
  std::string name = shown(first, e.texts);
  const uint64_t last = position_of(e.points[from + n - 1].object);
  if (last != position_of(first)) name.insert(name.size() - name.ends_with(']'), fmt::format("-{}", last));
  out += fmt::format(", {} =", name);
  const size_t most = limit + 24;                    // short values, of which a dataset has many
  for (size_t k = 0; k < std::min(n, most); k++) {
    const Point& p = e.points[from + k];
    const std::string_view word = protocol.note ? protocol.note(p) : std::string_view{};
    out += fmt::format(" {}{}{}{}", shown(p, e.texts, protocol), word.empty() ? "" : " (", word, word.empty() ? "" : ")");
  }
  if (n > most) out += " …";
  return n;
}

// "holding registers 10-12 = 1 2 3": neighbours of one kind are said together.
void objects(std::string& out, const Event& e, const Protocol& protocol, size_t limit) {
  const auto note = [&protocol](const Point& p) { return protocol.note ? protocol.note(p) : std::string_view{}; };
  size_t said = 0;
  for (size_t i = 0; i < e.points.size();) {
    if (said == limit) {
      out += fmt::format(", and {} more", e.points.size() - i);
      return;
    }
    const Point& first = e.points[i];
    if ((first.object.kind() == ObjectKind::member && protocol.name == "goose") || first.object.kind() == ObjectKind::channel) {   // all of a dataset, each time
      if (const size_t took = neighbours(out, e, protocol, i, limit - said)) {
        i += took, said++;
        continue;
      }
    }
    size_t n = 1;
    const bool bacnet = first.object.kind() == ObjectKind::bacnet_object;
    const auto kind = [&first](ObjectKind k) { return first.object.kind() == k; };
    const bool numbered = !kind(ObjectKind::named) && !kind(ObjectKind::member) && !kind(ObjectKind::node) && !kind(ObjectKind::address) && !bacnet &&
                          first.count == 1 && e.texts.find(first.object.key() & ~(0xffull << 56)).empty();
    while (numbered && i + n < e.points.size() && e.points[i + n].object == first.object.at(uint32_t(n)) && e.points[i + n].count == 1 && note(e.points[i + n]) == note(first)) n++;
    while (bacnet && i + n < e.points.size() && e.points[i + n].object == first.object && e.points[i + n].qualifier == first.qualifier && first.count == 1) n++;   // of one array or list
    const bool array = (first.object.kind() == ObjectKind::node || first.object.kind() == ObjectKind::named) && first.count == 1 && first.kind != ValueKind::none;
    if (array) while (i + n < e.points.size() && e.points[i + n].object == first.object && e.points[i + n].kind != ValueKind::none && e.points[i + n].time == first.time) n++;
    // Octets and words of a controller lie some bits apart.
    const bool bits = first.object.kind() == ObjectKind::data_block || (first.object.kind() == ObjectKind::memory_area && Maker(first.object.space() >> 16) == Maker::siemens);
    const uint32_t apart = bits && n == 1 && i + 1 < e.points.size() ? e.points[i + 1].object.number() - first.object.number() : 1;
    if (apart > 1 && apart <= 64 && first.count == 1)
      while (i + n < e.points.size() && e.points[i + n].object == first.object.at(uint32_t(n) * apart) && e.points[i + n].count == 1 && note(e.points[i + n]) == note(first)) n++;
    const size_t span = first.count > 1 ? first.count : bacnet || array ? 1 : n;
    const bool written_otherwise = bacnet || bits || (first.object.kind() == ObjectKind::memory_area && first.object.space() >> 16);   // hexadecimal, bits of words
    if (span > 1 && written_otherwise) out += fmt::format(", {}-{}", shown(first.object, e.texts), shown(first.object.at(uint32_t(span - 1) * (bits && first.count == 1 ? apart : 1)), e.texts));
    else if (span > 1) out += fmt::format(", {}-{}", shown(first.object, e.texts), uint64_t(first.object.number() & (first.object.kind() == ObjectKind::attribute ? 0xff : ~0u)) + span - 1);
    else if (first.object.kind() == ObjectKind::member && i && e.points[i - 1].object.kind() == ObjectKind::member && (e.points[i - 1].object.key() ^ first.object.key()) < 0x10000) {
      const std::string name = shown(first.object, e.texts);             // of the same data set: its name was said
      const size_t position = name.rfind('[');
      out += ", " + (position == std::string::npos ? name : name.substr(position));
    }
    else if (first.object.kind() != ObjectKind::none) out += ", " + shown(first.object, e.texts);
    else out += ",";
    if (bacnet && first.qualifier >> 8) out += fmt::format("[{}]", (first.qualifier >> 8) - 1);
    if (const std::string_view word = note(first); !word.empty()) out += fmt::format(" {}", word);
    std::string values;
    for (size_t k = 0; k < n && said < limit; k++, said++) {
      const std::string v = shown(e.points[i + k], e.texts, protocol);
      if (!v.empty()) values += (values.empty() ? "" : " ") + v;
      if (said + 1 == limit && k + 1 < n) values += " …";
    }
    if (!values.empty()) out += (first.object.kind() == ObjectKind::none ? " " : " = ") + values;
    if (bacnet && first.qualifier & 0xff) out += fmt::format(" at priority {}", first.qualifier & 0xff);
    i += n;
  }
}

// A station is a number, or the key of a name.
std::string place(uint64_t key, const Texts& texts) {
  const std::string_view name = texts.find(key);
  return name.empty() ? fmt::format("{}", key) : std::string(name);
}

nlohmann::ordered_json point_json(const Point& p, const Texts& texts, const Protocol& protocol) {
  nlohmann::ordered_json j;
  std::array<char, 256> room;
  j["object"] = describe_object(p.object, texts, room);
  j["kind"] = name_of(p.object.kind());
  if (p.object.kind() != ObjectKind::named && p.object.kind() != ObjectKind::member) {
    j["number"] = p.object.number();
    if (p.object.space()) j["space"] = p.object.space();
  }
  j["key"] = fmt::format("{:016x}", p.object.key());
  if (p.count > 1) j["count"] = p.count;
  if (p.object.kind() == ObjectKind::member) {
    if (const std::string_view set = texts.find_low(p.object.key() >> 16 & 0xffffffffffull); !set.empty()) j["dataset"] = set;
    j["position"] = position_of(p.object);
    if (const uint64_t part = p.object.key() >> 11 & 0x1f) j["part"] = part;
  }
  const bool dnp3 = p.object.kind() >= ObjectKind::binary_input && p.object.kind() <= ObjectKind::other_dnp3;
  if (p.form && dnp3) j["group"] = p.form >> 8, j["variation"] = p.form & 0xff;
  else if (p.form) j["form"] = p.form;
  switch (p.kind) {
    case ValueKind::none: break;
    case ValueKind::boolean: j["value"] = p.raw != 0; break;
    case ValueKind::integer: j["value"] = int64_t(p.raw); break;
    case ValueKind::real: j["value"] = p.number(); break;
    case ValueKind::time: j["value"] = epoch_time(Time(p.raw)); break;
    case ValueKind::text: j["value"] = texts.find(p.raw); break;
    default: j["value"] = p.raw;
  }
  if (p.kind != ValueKind::none) j["value_kind"] = name_of(p.kind);
  if (p.quality != good) j["quality"] = describe_quality(p.quality, room);
  if (p.time_kind != TimeKind::none) {
    j["time"] = epoch_time(p.time);
    if (p.time_kind != TimeKind::full) j["time_kind"] = p.time_kind == TimeKind::in_hour ? "in hour" : "relative";
    if (p.time_flags) j["time_flags"] = p.time_flags;
  }
  if (p.status) {
    j["status"] = p.status;
    if (protocol.status) j["status_name"] = protocol.status(p.status);
  }
  if (const std::string_view word = protocol.note ? protocol.note(p) : std::string_view{}; !word.empty()) j["note"] = word;
  if (p.qualifier) j["qualifier"] = p.qualifier;
  if (p.duration) j["duration_ms"] = p.duration;
  return j;
}

}  // namespace

std::string sentence(const Event& e, size_t limit) {
  const Protocol& p = *protocols[e.scene.protocol];
  if (e.identity) {
    std::string out = "identifies itself";
    const Identity& id = *e.identity;
    const std::pair<const char*, uint64_t> fields[] = {{"vendor", id.vendor}, {"product", id.product}, {"model", id.model}, {"firmware", id.firmware},
                                                       {"serial", id.serial}, {"name", id.name}, {"url", id.url}};
    for (const auto& [name, key] : fields)
      if (key) out += fmt::format(", {} \"{}\"", name, e.texts.find(key));
    return out;
  }
  const Message& m = *e.said;
  const std::string_view name = function_name(p, m.function, m.sub_function);
  const bool fact = p.open == nullptr;             // said by the sensor itself
  std::string out;
  if (!m.link && !fact && m.role != Role::request) out = m.role == Role::report ? "reports " : m.refused ? "refuses " : "answers ";
  // The act, unless the function's name says it already.
  const std::string_view act = name_of(m.act);
  if (!m.link && !fact && m.act != Act::other && m.act != Act::report && name.substr(0, act.size()) != act) out += fmt::format("{} ", act);
  out += name.empty() ? fmt::format("function {}", m.function) : std::string(name);
  if (p.name == "tls")
    if (const std::string_view inside = tls_carries(e.scene.server.port); !inside.empty()) out += fmt::format(" for {}", inside);
  if (!m.link && !fact && m.station) out += fmt::format(", station {}", place(m.station, e.texts));
  objects(out, e, p, limit);
  if (m.reason) {
    const std::string_view reason = reason_name(p, m.reason);
    out += reason.empty() ? fmt::format(", reason {}", m.reason) : fmt::format(", {}", reason);
  }
  if (m.has_origin && m.origin) {
    const std::string_view who = e.texts.find(m.origin);
    out += who.empty() ? fmt::format(", origin {}", m.origin) : fmt::format(", origin \"{}\"", who);
  }
  for (const Flag& f : flags)
    if (f.set != &Message::link && f.set != &Message::midstream && f.set != &Message::refused && m.*f.set) out += fmt::format(", {}", f.name);
  return out;
}

nlohmann::ordered_json sentence_json(const Event& e, Time stamp) {
  const Protocol& p = *protocols[e.scene.protocol];
  nlohmann::ordered_json j;
  j["frame"] = e.scene.frame;
  j["time"] = epoch_time(stamp);
  j["protocol"] = p.name;
  j["client"] = text_of(e.scene.client);
  j["server"] = text_of(e.scene.server);
  j["from"] = e.scene.from == Side::client ? "client" : "server";
  if (e.scene.vlan) j["vlan"] = e.scene.vlan;
  if (e.identity) {
    nlohmann::ordered_json id;
    const std::pair<const char*, uint64_t> fields[] = {{"vendor", e.identity->vendor}, {"product", e.identity->product}, {"model", e.identity->model},
                                                       {"firmware", e.identity->firmware}, {"serial", e.identity->serial}, {"name", e.identity->name}, {"url", e.identity->url}};
    for (const auto& [name, key] : fields)
      if (key) id[name] = e.texts.find(key);
    j["station"] = e.identity->station;
    j["identity"] = id;
    return j;
  }
  const Message& m = *e.said;
  j["role"] = name_of(m.role);
  j["act"] = name_of(m.act);
  j["function"] = m.function;
  if (m.sub_function) j["sub_function"] = m.sub_function;
  j["name"] = function_name(p, m.function, m.sub_function);
  if (p.name == "tls")
    if (const std::string_view inside = tls_carries(e.scene.server.port); !inside.empty()) j["carries"] = inside;
  if (!p.frames.empty()) j["frame_kind"] = m.frame < p.frames.size() ? p.frames[m.frame] : "";
  if (m.reason) j["reason"] = m.reason, j["reason_name"] = reason_name(p, m.reason);
  j["station"] = m.station;
  if (const std::string_view name = e.texts.find(m.station); !name.empty()) j["station_name"] = name;
  if (m.has_origin) j["origin"] = m.origin;
  if (const std::string_view name = m.has_origin ? e.texts.find(m.origin) : std::string_view{}; !name.empty()) j["origin_name"] = name;
  if (m.tag) j["tag"] = m.tag;
  if (m.qualifier) j["qualifier"] = m.qualifier;
  if (m.sequence) j["sequence"] = m.sequence;
  if (m.digest) j["digest"] = fmt::format("{:016x}", m.digest);
  nlohmann::ordered_json set = nlohmann::ordered_json::array();
  for (const Flag& f : flags)
    if (m.*f.set) set.push_back(f.name);
  if (!set.empty()) j["flags"] = set;
  nlohmann::ordered_json points = nlohmann::ordered_json::array();
  for (const Point& each : e.points) points.push_back(point_json(each, e.texts, p));
  if (!points.empty()) j["points"] = points;
  return j;
}

}  // namespace vidra
