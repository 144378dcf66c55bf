// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/record/checkpoint.h"

namespace vidra {

using Json = nlohmann::json;

namespace {

constexpr std::string_view note_names[] = {"none", "pending-approval", "revoked", "suspended", "over-quota", "unsupported", "maintenance-until",
                                           "rewind", "hello-first", "clone", "identity", "diverged"};

std::optional<Json> object(Bytes b) {
  if (!modest(b)) return std::nullopt;
  Json j = Json::parse(b.begin(), b.end(), nullptr, false);
  if (!j.is_object()) return std::nullopt;
  return j;
}

// Foreign JSON: a key of the wrong type is as good as absent.
std::string text_in(const Json& j, const char* key, size_t longest = 256) {
  const auto i = j.find(key);
  return i != j.end() && i->is_string() ? i->get_ref<const std::string&>().substr(0, longest) : std::string{};
}
template <class T>
T number_in(const Json& j, const char* key, T otherwise = 0) {
  const auto i = j.find(key);
  if (i == j.end() || !i->is_number_integer()) return otherwise;
  if constexpr (std::is_signed_v<T>) return i->get<T>();
  if (!i->is_number_unsigned()) return otherwise;
  const uint64_t v = i->get<uint64_t>();
  return v > uint64_t(std::numeric_limits<T>::max()) ? otherwise : T(v);
}
uint64_t epoch_in(const Json& j) {
  const auto i = j.find("epoch");
  if (i == j.end() || !i->is_string()) return 0;
  const auto& s = i->get_ref<const std::string&>();
  uint64_t v = 0;
  const auto [end, e] = std::from_chars(s.data(), s.data() + s.size(), v);
  return e == std::errc{} && end == s.data() + s.size() ? v : 0;
}

Json json_of(const std::vector<StreamState>& streams) {
  Json list = Json::array();
  for (const StreamState& s : streams) {
    Json j{{"epoch", std::to_string(s.epoch)}, {"lane", s.lane}};
    if (s.first || s.last) j["first"] = s.first, j["last"] = s.last;
    else j["durable"] = s.durable, j["credit"] = s.credit;
    list.push_back(std::move(j));
  }
  return list;
}
bool streams_in(const Json& j, std::vector<StreamState>& out) {
  const auto list = j.find("streams");
  if (list == j.end() || !list->is_array() || list->size() > 256) return false;
  for (const Json& s : *list) {
    if (!s.is_object()) return false;
    StreamState v;
    v.epoch = epoch_in(s);
    v.lane = number_in<uint8_t>(s, "lane", 255);
    v.first = number_in<uint64_t>(s, "first"), v.last = number_in<uint64_t>(s, "last");
    v.durable = number_in<uint64_t>(s, "durable"), v.credit = number_in<uint32_t>(s, "credit");
    if (!v.epoch || v.lane >= lane_count) return false;
    out.push_back(v);
  }
  return true;
}

std::map<std::string, uint64_t> counts_in(const Json& j, const char* key) {
  std::map<std::string, uint64_t> out;
  if (const auto i = j.find(key); i != j.end() && i->is_object())
    for (const auto& [name, n] : i->items())
      if (n.is_number_unsigned() && out.size() < 256) out[name.substr(0, 64)] = n.get<uint64_t>();
  return out;
}

std::string dump(const Json& j) { return j.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string_view name_of(NoteCode c) { return note_names[size_t(c)]; }

bool modest(Bytes json, size_t length, size_t depth) {
  if (json.size() > length) return false;
  size_t open = 0;
  bool in_text = false, escaped = false;
  for (uint8_t c : json) {
    if (in_text) {
      if (escaped) escaped = false;
      else if (c == '\\') escaped = true;
      else if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++open > depth) return false;
    } else if (c == '}' || c == ']') {
      if (open) open--;
    }
  }
  return true;
}

std::string detection_in(Bytes body) {
  const auto j = object(body);
  if (!j) return "";
  if (const auto rule = j->find("rule"); rule != j->end() && rule->is_object()) return text_in(*rule, "id", 64);
  return text_in(*j, "detection", 64);
}

std::string body_of(const Hello& h) {
  return dump({{"protocol", {h.protocol_from, h.protocol_to}}, {"software", h.software}, {"boot", h.boot_id}, {"instance", h.instance},
    {"name", h.name}, {"site", h.site}, {"contact", h.contact}, {"policy", h.policy}, {"sign_key", h.sign_key}, {"attempt", h.attempt}, {"streams", json_of(h.streams)}});
}
bool read(Bytes b, Hello& h) {
  const auto j = object(b);
  if (!j) return false;
  if (const auto p = j->find("protocol"); p != j->end() && p->is_array() && p->size() == 2 && (*p)[0].is_number_unsigned() && (*p)[1].is_number_unsigned())
    h.protocol_from = (*p)[0].get<uint32_t>(), h.protocol_to = (*p)[1].get<uint32_t>();
  h.software = text_in(*j, "software"), h.boot_id = text_in(*j, "boot"), h.instance = text_in(*j, "instance");
  h.name = text_in(*j, "name"), h.site = text_in(*j, "site"), h.contact = text_in(*j, "contact");
  h.policy = text_in(*j, "policy"), h.sign_key = text_in(*j, "sign_key");
  h.attempt = number_in<uint64_t>(*j, "attempt");
  return streams_in(*j, h.streams);
}

std::string body_of(const Welcome& w) {
  return dump({{"protocol", w.protocol}, {"attempt", w.attempt}, {"software", w.software}, {"contact", w.contact}, {"time", w.wall_ns}, {"streams", json_of(w.streams)}});
}
bool read(Bytes b, Welcome& w) {
  const auto j = object(b);
  if (!j) return false;
  w.protocol = number_in<uint32_t>(*j, "protocol", 1);
  w.attempt = number_in<uint64_t>(*j, "attempt");
  w.software = text_in(*j, "software"), w.contact = text_in(*j, "contact");
  w.wall_ns = number_in<int64_t>(*j, "time");
  return streams_in(*j, w.streams);
}

std::string body_of(const Note& n) { return dump({{"code", std::string(name_of(n.code))}, {"text", n.text}}); }
bool read(Bytes b, Note& n) {
  const auto j = object(b);
  if (!j) return false;
  const std::string code = text_in(*j, "code");
  const auto at = std::ranges::find(note_names, code);
  n.code = at == std::end(note_names) ? NoteCode::none : NoteCode(at - std::begin(note_names));
  n.text = text_in(*j, "text", 1024);
  return true;
}

std::string body_of(const Ack& a) { return dump({{"streams", json_of(a.streams)}}); }
bool read(Bytes b, Ack& a) {
  const auto j = object(b);
  return j && streams_in(*j, a.streams);
}

std::string body_of(const Gap& g) {
  Json j{{"epoch", std::to_string(g.epoch)}, {"lane", g.lane}, {"from", g.from}, {"to", g.to}, {"reason", g.reason}};
  j["count"] = g.from ? g.to - g.from + 1 : [&] { uint64_t n = 0; for (const auto& c : g.classes) n += c.second; return n; }();
  if (!g.classes.empty()) j["classes"] = g.classes;
  if (!g.detections.empty()) j["detections"] = g.detections;
  if (g.first_ns) j["first"] = g.first_ns, j["last"] = g.last_ns;
  return dump(j);
}
bool read(Bytes b, Gap& g) {
  const auto j = object(b);
  if (!j) return false;
  g.epoch = epoch_in(*j);
  g.lane = number_in<uint8_t>(*j, "lane", 255);
  g.from = number_in<uint64_t>(*j, "from"), g.to = number_in<uint64_t>(*j, "to");
  g.reason = text_in(*j, "reason", 64);
  g.classes = counts_in(*j, "classes"), g.detections = counts_in(*j, "detections");
  g.first_ns = number_in<int64_t>(*j, "first"), g.last_ns = number_in<int64_t>(*j, "last");
  return g.epoch && g.lane < lane_count && g.from <= g.to;
}

std::string body_of(const Ping& p) { return dump({{"answer", p.answer}, {"t1", p.t1}, {"t2", p.t2}, {"t3", p.t3}}); }
bool read(Bytes b, Ping& p) {
  const auto j = object(b);
  if (!j) return false;
  const auto a = j->find("answer");
  p.answer = a != j->end() && a->is_boolean() && a->get<bool>();
  p.t1 = number_in<int64_t>(*j, "t1"), p.t2 = number_in<int64_t>(*j, "t2"), p.t3 = number_in<int64_t>(*j, "t3");
  return true;
}

std::string body_of(const Bye& b) { return dump({{"reason", b.reason}}); }
bool read(Bytes b, Bye& bye) {
  const auto j = object(b);
  if (!j) return false;
  bye.reason = text_in(*j, "reason");
  return true;
}

std::string body_of(const Checkpoint& c) {
  Json heads = Json::array();
  for (const ChainHead& h : c.heads)
    heads.push_back({{"epoch", std::to_string(h.epoch)}, {"lane", h.lane}, {"seq", h.seq}, {"self", hex_text(h.self)}});
  return dump({{"heads", heads}, {"key", c.key}, {"signature", hex_text(c.signature)}});
}
bool read(Bytes b, Checkpoint& c) {
  const auto j = object(b);
  if (!j) return false;
  const auto heads = j->find("heads");
  if (heads == j->end() || !heads->is_array() || heads->size() > 256) return false;
  for (const Json& h : *heads) {
    if (!h.is_object()) return false;
    ChainHead v;
    v.epoch = epoch_in(h), v.lane = number_in<uint8_t>(h, "lane", 255), v.seq = number_in<uint64_t>(h, "seq");
    if (!v.epoch || v.lane >= lane_count || !parse_hex(text_in(h, "self"), v.self)) return false;
    c.heads.push_back(v);
  }
  c.key = text_in(*j, "key");
  return parse_hex(text_in(*j, "signature"), c.signature);
}

}  // namespace vidra
