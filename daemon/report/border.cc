// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/border.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;
using Kind = FieldKind;

constexpr BodyField rows[] = {
  {"schema", Kind::key, "which form of body this is"},
  {"type", Kind::key, "alert, update, health"},
  {"sensor.id", Kind::key, "the sensor's: random, made once"},
  {"sensor.name", Kind::identity, "what the sensor is called"},
  {"sensor.site", Kind::identity, "what the site is called"},
  {"tlp", Kind::key, "how far the collector may pass it on"},
  {"policy_id", Kind::key, "of the agreement"},
  {"language", Kind::key, "of rule.name, why and next"},
  {"test", Kind::key, "an exercise"},
  {"story", Kind::key, "the story's own: made with a secret of the site, so that nobody finds its addresses by trying"},
  {"number", Kind::number, "of the story"},
  {"revision", Kind::number, "0 the first telling"},
  {"closed", Kind::key, "no update will follow"},
  {"t_start", Kind::number, "first seen"},
  {"t_end", Kind::number, "last seen"},
  {"t_detect", Kind::number, "told"},
  {"severity", Kind::number, "1 to 5"},
  {"confidence", Kind::number, "0 to 1"},
  {"class", Kind::key, "of the incident taxonomy"},
  {"audience", Kind::key, "security, operations, sensor"},
  {"rule.id", Kind::title, "of the detection; behind a slash the name of a site's own rule"},
  {"rule.rev", Kind::key, "version of the rules"},
  {"rule.name", Kind::title, "its title"},
  {"rule.source", Kind::key, "vidra or site"},
  {"attck[]", Kind::key, "MITRE ATT&CK for ICS"},
  {"count", Kind::number, "how often"},
  {"in_window", Kind::key, "during works"},
  {"redactions[]", Kind::key, "which fields were left out"},
  {"src.ip", Kind::address, "who did it", true},
  {"src.mac", Kind::address, "who did it, below IP", true},
  {"src.port", Kind::number, "its port", true},
  {"src.name", Kind::name, "what it is called", true},
  {"dst.ip", Kind::address, "to whom", true},
  {"dst.mac", Kind::address, "to whom, below IP", true},
  {"dst.port", Kind::number, "the service's port", true},
  {"dst.name", Kind::name, "what it is called", true},
  {"proto[]", Kind::key, "the protocols", true},
  {"ics.proto", Kind::key, "the control protocol", true},
  {"ics.station", Kind::text, "common address, unit, outstation, control block", true},
  {"ics.obj", Kind::text, "the object, file, register", true},
  {"what", Kind::text, "what was seen", true},
  {"expected", Kind::text, "what it was compared with", true},
  {"why", Kind::title, "why it matters: the same for every story of the detection", true},
  {"next", Kind::title, "what to check first: likewise", true},
  {"tune", Kind::title, "how the site tunes it: likewise", true},
  {"resembles.name", Kind::key, "a known attack with these steps", true},
  {"resembles.observed[]", Kind::text, "which steps were seen", true},
  {"resembles.assessment", Kind::key, "how that is assessed", true},
  {"resembles.confidence", Kind::number, "how sure that is", true},
  {"resembles.note", Kind::key, "that it is no attribution", true},
  {"frame", Kind::number, "number of the packet in the site's own capture", true},
  {"uptime_s", Kind::number, "seconds since the start"},
  {"version", Kind::key, "of the software"},
  {"rules", Kind::key, "hash of settings and memory"},
  {"boot", Kind::key, "of the machine: random at each boot"},
  {"interfaces[].name", Kind::name, "of the capture port"},
  {"interfaces[].packets", Kind::number, "heard on it"},
  {"interfaces[].octets", Kind::number, "likewise"},
  {"interfaces[].dropped", Kind::number, "lost before they were heard"},
  {"interfaces[].up", Kind::key, "whether it can bring frames"},
  {"interfaces[].loss_permille", Kind::number, "share of what was lost"},
  {"interfaces[].silent_s", Kind::number, "seconds without a frame"},
  {"lanes.*.waiting", Kind::number, "records of a lane not yet acknowledged"},
  {"lanes.*.octets", Kind::number, "their size"},
  {"lanes.*.evicted", Kind::number, "given up"},
  {"lanes.*.oldest", Kind::number, "when the oldest was made"},
  {"counts.*", Kind::number, "what the sensor counts"},
  {"clock.source", Kind::key, "what sets the sensor's clock"},
  {"clock.error_ns", Kind::number, "how far it may be off"},
  {"cpu", Kind::number, "cores in use"},
  {"memory", Kind::number, "octets in use"},
  {"disk_free", Kind::number, "octets free"},
  {"complaints[]", Kind::text, "what its operator should know"},
};

const BodyField* row_of(std::string_view path) {
  for (const BodyField& f : rows)
    if (f.path == path) return &f;
  return nullptr;
}

// Whether anything lies at this path or under it.
bool leads_somewhere(std::string_view path) {
  return std::any_of(std::begin(rows), std::end(rows), [&](const BodyField& f) {
    return f.path.starts_with(path) && (f.path.size() == path.size() || f.path[path.size()] == '.' || f.path[path.size()] == '[');
  });
}

bool word(std::string_view s) { return !s.empty() && s.size() <= 40 && s.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == s.npos; }

std::string under(const std::string& path, const std::string& key) {
  const std::string exact = path.empty() ? key : path + "." + key;
  const std::string any = path + ".*";
  return leads_somewhere(exact) || !word(key) || !leads_somewhere(any) ? exact : any;
}

void look(const Json& value, const std::string& path, std::vector<std::string>& unlisted) {
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) look(each, under(path, key), unlisted);
  } else if (value.is_array()) {
    for (const auto& each : value) look(each, path + "[]", unlisted);
  } else if (!row_of(path)) {
    unlisted.push_back(path);
  }
}

// Of everybody, and of no site: they say what was done, and there is nothing to hide in them.
bool common(const Address& a) {
  switch (a.kind) {
    case Address::Kind::none: return true;
    case Address::Kind::mac: return std::all_of(a.octets.begin(), a.octets.begin() + 6, [](uint8_t o) { return o == 0xff; }) || std::all_of(a.octets.begin(), a.octets.begin() + 6, [](uint8_t o) { return o == 0; });
    case Address::Kind::ip4: return a.ip4_number() == 0 || a.ip4_number() == 0xffffffff || a.octets[0] == 127 || a.ip4_number() >> 8 == 0xe00000;   // 224.0.0.0/24
    case Address::Kind::ip6: return (a.octets[0] == 0xff && (a.octets[1] & 0x0f) <= 2) || std::all_of(a.octets.begin(), a.octets.begin() + 15, [](uint8_t o) { return o == 0; });
  }
  return false;
}

}  // namespace

const std::span<const BodyField> body_fields = rows;

std::string_view name_of(Showing s) { return s == Showing::plain ? "plain" : s == Showing::pseudonyms ? "pseudonyms" : "hidden"; }
std::string_view name_of(FieldKind k) {
  switch (k) {
    case Kind::key: return "key";
    case Kind::number: return "number";
    case Kind::identity: return "identity";
    case Kind::address: return "address";
    case Kind::name: return "name";
    case Kind::title: return "title";
    case Kind::text: return "text";
  }
  return "";
}

std::vector<std::string_view> optional_fields() {
  std::vector<std::string_view> all;
  for (const BodyField& f : rows) {
    const std::string_view top = f.path.substr(0, f.path.find_first_of(".["));
    if (f.optional && (all.empty() || all.back() != top)) all.push_back(top);
  }
  return all;
}

Border::Border(Policy policy, std::shared_ptr<const Pseudonyms> pseudonyms, std::shared_ptr<const Declared> site)
    : policy_(std::move(policy)), pseudonyms_(std::move(pseudonyms)), site_(std::move(site)) {
  if (!site_) site_ = std::make_shared<Declared>();
}

std::vector<std::string> Border::unlisted(const Json& body) {
  std::vector<std::string> all;
  for (const auto& [key, value] : body.items())
    if (key != "privacy") look(value, key, all);
  return all;
}

std::string Border::told(std::string pseudonym, const std::string& plain) const {
  if (told_as) told_as(pseudonym, plain);
  return pseudonym;
}

Json Border::name(std::string_view kind, const std::string& plain) const {
  if (policy_.names == Showing::plain || plain == "several" || plain.empty()) return plain;
  if (policy_.names == Showing::hidden || !pseudonyms_) return nullptr;
  return told(pseudonyms_->of_name(kind, plain), plain);
}

Json Border::address(const Address& a) const {
  if (known_.size() > 65'536) known_.clear();
  const auto [known, fresh] = known_.try_emplace(a);
  if (fresh) {
    Showing how = site_->own(a) ? policy_.addresses : policy_.foreign;
    if (common(a)) how = Showing::plain;
    if (how == Showing::plain) known->second = text_of(a);
    else if (how == Showing::pseudonyms && pseudonyms_) known->second = told(pseudonyms_->of(a), text_of(a));
  }
  return known->second.empty() ? Json(nullptr) : Json(known->second);
}

std::string Border::identity(std::string_view kind, std::string_view name) const {
  if (policy_.identity == Showing::plain || name.empty()) return std::string(name);
  if (policy_.identity == Showing::hidden || !pseudonyms_) return "";
  return told(pseudonyms_->of_name(kind, name), std::string(name));
}

// A sentence leaves as its key, in which each {} stands for something, and what stands there; a sentence without any as it is.
Json Border::said(const std::string& sentence) const {
  std::string key;
  Json values = Json::array();
  for (const Piece& p : pieces(sentence, *site_, parties_)) {
    if (p.kind == Piece::Kind::words) {
      key += p.text;
      continue;
    }
    key += "{}";
    switch (p.kind) {
      case Piece::Kind::address: values.push_back(address(*parse_address(p.text))); break;
      case Piece::Kind::prefix: {
        const Prefix range = *parse_prefix(p.text);
        const Json base = address(range.base);
        if (base.is_null()) values.push_back(nullptr);
        else if (base == text_of(range.base)) values.push_back(p.text);
        else values.push_back(told(pseudonyms_->of(range), p.text));
        break;
      }
      case Piece::Kind::number:
        if (policy_.numbers) values.push_back(p.text);
        else values.push_back(nullptr);
        break;
      default: values.push_back(name(p.of, p.text));
    }
  }
  if (values.empty()) return sentence;
  return {{"key", key}, {"values", values}};
}

Json Border::passed(Json value, const std::string& path, bool own_rule) const {
  if (value.is_object()) {
    Json out = Json::object();
    for (auto& [key, each] : value.items()) {
      const std::string where = under(path, key);
      if (!leads_somewhere(where)) continue;             // not even its name
      const BodyField* row = row_of(where);
      Json left = passed(each, where, own_rule);
      if (left.is_null()) continue;
      // A pseudonym stands under a key of its own, so that nobody takes it for an address.
      if (row && row->kind == Kind::address && left != each) out["pseudonym"] = std::move(left);
      else out[key] = std::move(left);
    }
    return out;
  }
  if (value.is_array()) {
    Json out = Json::array();
    for (auto& each : value)
      if (Json left = passed(each, path + "[]", own_rule); !left.is_null()) out.push_back(std::move(left));
    return out;
  }
  const BodyField* row = row_of(path);
  if (!row) return nullptr;
  switch (row->kind) {
    case Kind::key: return value;
    case Kind::number:
      if (value.is_number() || value.is_boolean() || (value.is_string() && parse_address(value.get<std::string>()) == std::nullopt && value.get<std::string>().find_first_not_of("0123456789TZ:.-") == std::string::npos)) return value;
      return nullptr;
    case Kind::identity: return value.is_string() ? Json(identity(path == "sensor.site" ? "site" : "sensor", value.get<std::string>())) : Json(nullptr);
    case Kind::address: {
      const auto a = value.is_string() ? parse_address(value.get<std::string>()) : std::nullopt;
      return a ? address(*a) : Json(nullptr);
    }
    case Kind::name: {
      if (!value.is_string()) return nullptr;
      const std::string plain = value.get<std::string>();
      const auto known = site_->names.find(plain);
      if (path.starts_with("interfaces")) {
        const Json left = name("interface", plain);
        return left.is_null() ? Json("") : left;         // it is told how many there are
      }
      return name(known != site_->names.end() ? known->second : "host", plain);
    }
    case Kind::title: {
      if (!value.is_string()) return nullptr;
      std::string text = value.get<std::string>();
      if (!own_rule || policy_.names == Showing::plain) return value;
      const Json left = name("rule", path == "rule.id" ? text.substr(std::min(text.size(), text.find('/') + 1)) : text);
      if (path == "rule.id") return text.substr(0, text.find('/')) + "/" + (left.is_null() ? "own" : left.get<std::string>());
      if (path == "rule.name") return left.is_null() ? Json("a rule of the site's own") : left;
      return {{"key", "{}"}, {"values", Json::array({left})}};
    }
    case Kind::text: return value.is_string() ? said(value.get<std::string>()) : Json(nullptr);
  }
  return nullptr;
}

void Border::passed(Json& body) const {
  Json redactions = Json::array();
  if (const auto r = body.find("redactions"); r != body.end()) redactions = *r;
  if (!policy_.all_fields)
    for (const std::string_view field : optional_fields())
      if (std::find(policy_.fields.begin(), policy_.fields.end(), field) == policy_.fields.end())
        if (body.contains(field)) body.erase(std::string(field)), redactions.push_back(field);
  if (!redactions.empty()) body["redactions"] = redactions;
  if (policy_.plain()) return;
  parties_.clear();
  for (const char* party : {"src", "dst"})
    if (const auto p = body.find(party); p != body.end() && p->is_object())
      if (const auto n = p->find("name"); n != p->end() && n->is_string() && *n != "several") parties_[n->get<std::string>()] = "host";
  // What was heard on the wire and holds anything but words and numbers is one name: "AA1J1Q01A1LD0/CSWI1$CO$Pos", "plan of bay 3.pdf".
  if (const auto ics = body.find("ics"); ics != body.end() && ics->is_object())
    for (const char* key : {"station", "obj"})
      if (const auto o = ics->find(key); o != ics->end() && o->is_string()) {
        const std::string whole = o->get<std::string>();
        const auto parts = pieces(whole, *site_);
        if (std::any_of(parts.begin(), parts.end(), [](const Piece& p) { return p.kind == Piece::Kind::name; })) parties_.emplace(whole, *key == 's' ? "station" : "object");
      }
  for (auto& [name, kind] : parties_)
    if (const auto declared = site_->names.find(name); declared != site_->names.end()) kind = declared->second;
  const auto rule = body.find("rule");
  const bool own_rule = rule != body.end() && rule->is_object() && rule->value("source", "") == "site";
  body = passed(std::move(body), "", own_rule);
  body["privacy"] = {{"addresses", name_of(policy_.addresses)}, {"foreign", name_of(policy_.foreign)}, {"names", name_of(policy_.names)},
                     {"identity", name_of(policy_.identity)}, {"numbers", policy_.numbers ? "plain" : "hidden"}};
  if (const auto sensor = body.find("sensor"); sensor != body.end())
    for (const char* key : {"name", "site"})
      if (!sensor->contains(key)) (*sensor)[key] = "";
}

std::string sentence_of(const nlohmann::json& j) {
  if (j.is_string()) return j.get<std::string>();
  if (!j.is_object()) return "";
  const auto key = j.find("key"), values = j.find("values");
  if (key == j.end() || !key->is_string()) return "";
  std::string out;
  size_t n = 0;
  const std::string text = key->get<std::string>();
  for (size_t at = 0; at < text.size(); at++) {
    if (text.compare(at, 2, "{}") != 0) {
      out += text[at];
      continue;
    }
    at++;
    const bool there = values != j.end() && values->is_array() && n < values->size() && (*values)[n].is_string();
    out += there ? (*values)[n].get<std::string>() : "(kept at the site)";
    n++;
  }
  return out;
}

}  // namespace vidra
