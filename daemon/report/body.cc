// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/body.h"

#include <nlohmann/json.hpp>

#include "daemon/base/text.h"

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;

// The end of every body, and the only one: what its collector may not know is gone behind it. Names come from the wire: what is no UTF-8
// becomes U+FFFD, never an exception.
std::string written(Json&& j, const Issuer& who) {
  if (who.border) who.border->passed(j);
  return j.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json begun(std::string_view type, const Issuer& who) {
  Json j;
  j["schema"] = "vidra-record/1";
  j["type"] = type;
  j["sensor"] = {{"id", who.id}, {"name", who.name}, {"site", who.site}};
  j["tlp"] = who.tlp;
  if (!who.policy_id.empty()) j["policy_id"] = who.policy_id;
  if (who.test) j["test"] = true;
  return j;
}

Json party(const Party& p, uint16_t port) {
  Json j = Json::object();
  if (p.address.kind != Address::Kind::none) j[p.address.kind == Address::Kind::mac ? "mac" : "ip"] = text_of(p.address);
  if (port) j["port"] = port;
  if (!p.name.empty()) j["name"] = p.name;
  return j;
}

std::string_view audience(Audience a) { return a == Audience::security ? "security" : a == Audience::operations ? "operations" : "sensor"; }

void put_unless_empty(Json& j, const char* key, std::string_view text) {
  if (!text.empty()) j[key] = text;
}

}  // namespace

std::string story_body(const Story& s, const Issuer& who, Time detected) {
  const Detection& d = *s.detection;
  const Language& language = who.language ? *who.language : in_english;
  Json j = begun(s.revision ? "update" : "alert", who);
  if (!language.english()) j["language"] = language.tag;
  j["story"] = s.id;
  j["number"] = s.number;
  j["revision"] = s.revision;
  if (s.closed) j["closed"] = true;
  j["t_start"] = iso_time(s.first, 9);
  j["t_end"] = iso_time(s.last, 9);
  j["t_detect"] = iso_time(detected, 9);
  if (s.clock_error) j["clock"] = {{"source", s.clock}, {"error_ns", s.clock_error}};
  j["severity"] = s.severity;
  j["confidence"] = s.confidence;
  j["class"] = d.rsit;
  j["audience"] = audience(d.audience);
  j["rule"] = {{"id", d.id}, {"rev", VIDRA_VERSION}, {"name", language.title(d)}, {"source", d.under ? "site" : "vidra"}};
  j["attck"] = Json::array();
  if (!d.technique.empty()) j["attck"].push_back(d.technique);
  j["count"] = s.count;
  if (s.in_window) j["in_window"] = true;
  if (d.audience == Audience::operations && !who.operations_in_full) {
    j["redactions"] = {"src", "dst", "ics", "what", "expected", "next", "tune", "steps", "resembles", "frame"};
    put_unless_empty(j, "why", language.why(d));
    return written(std::move(j), who);
  }
  j["src"] = party(s.source, 0);
  j["dst"] = party(s.target, s.port);
  j["proto"] = Json::array();
  if (!s.protocol.empty()) j["proto"].push_back(s.protocol);
  Json ics = Json::object();
  put_unless_empty(ics, "proto", s.protocol);
  put_unless_empty(ics, "station", s.station);
  put_unless_empty(ics, "obj", s.object);
  if (!s.station.empty() || !s.object.empty()) j["ics"] = ics;
  j["what"] = s.what;
  j["expected"] = s.expected;
  j["why"] = language.why(d);
  j["next"] = language.next(d);
  put_unless_empty(j, "tune", d.tune);
  if (!s.steps.empty()) j["steps"] = texts_of(s.steps);
  if (s.resembles)
    j["resembles"] = {{"name", s.resembles->name}, {"observed", texts_of(*s.resembles)}, {"assessment", "What this source has done is like what is known of it: " + s.resembles->did},
                      {"confidence", s.resembles->confidence}, {"note", no_attribution}};
  if (s.frame) j["frame"] = s.frame;
  return written(std::move(j), who);
}

std::string health_body(const Health& h, const Issuer& who) {
  Json j = begun("health", who);
  j["t_start"] = iso_time(h.since, 9);
  j["t_end"] = iso_time(h.now, 9);
  j["uptime_s"] = (h.now - h.since) / second;
  put_unless_empty(j, "version", h.version);
  put_unless_empty(j, "rules", h.rules);
  put_unless_empty(j, "boot", h.boot);
  j["interfaces"] = Json::array();
  for (const Health::Interface& i : h.interfaces) {
    const uint64_t all = i.packets + i.dropped;
    Json x = {{"name", i.name}, {"packets", i.packets}, {"octets", i.octets}, {"dropped", i.dropped}, {"up", i.up}};
    x["loss_permille"] = all ? double(i.dropped) * 1000 / double(all) : 0.0;
    if (i.silent) x["silent_s"] = *i.silent / second;
    j["interfaces"].push_back(std::move(x));
  }
  j["lanes"] = Json::object();
  for (const auto& [name, lane] : h.lanes) {
    Json x = {{"waiting", lane.waiting}, {"octets", lane.octets}, {"evicted", lane.evicted}};
    if (lane.oldest) x["oldest"] = iso_time(lane.oldest, 9);
    j["lanes"][name] = std::move(x);
  }
  j["counts"] = Json::object();
  for (const auto& [name, n] : h.counts) j["counts"][name] = n;
  j["clock"] = {{"source", h.clock}};
  if (h.clock_error) j["clock"]["error_ns"] = h.clock_error;
  if (h.cpu) j["cpu"] = *h.cpu;
  if (h.memory) j["memory"] = h.memory;
  if (h.disk_free) j["disk_free"] = h.disk_free;
  j["complaints"] = h.complaints;
  return written(std::move(j), who);
}

}  // namespace vidra
