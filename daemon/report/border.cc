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
  {"sensor.name", Kind::identity, "what the sensor is called", false, "sensor"},
  {"sensor.site", Kind::identity, "what the site is called", false, "site"},
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
  {"rule.id", Kind::rule, "of the detection; behind a slash the name of a site's own rule", false, "rule", true, "own"},
  {"rule.rev", Kind::key, "version of the rules"},
  {"rule.name", Kind::title, "its title", false, "rule", true, "a rule of the site's own"},
  {"rule.source", Kind::key, "vidra or site"},
  {"attck[]", Kind::key, "MITRE ATT&CK for ICS"},
  {"count", Kind::number, "how often"},
  {"in_window", Kind::key, "during works"},
  {"redactions[]", Kind::key, "which fields were left out"},
  {"src.ip", Kind::address, "who did it", true},
  {"src.mac", Kind::address, "who did it, below IP", true},
  {"src.port", Kind::number, "its port", true},
  {"src.pseudonym", Kind::address, "in place of either, where the policy says so", true},
  {"src.name", Kind::name, "what it is called", true, "host"},
  {"dst.ip", Kind::address, "to whom", true},
  {"dst.mac", Kind::address, "to whom, below IP", true},
  {"dst.port", Kind::number, "the service's port", true},
  {"dst.pseudonym", Kind::address, "in place of either, where the policy says so", true},
  {"dst.name", Kind::name, "what it is called", true, "host"},
  {"proto[]", Kind::key, "the protocols", true},
  {"ics.proto", Kind::key, "the control protocol", true},
  {"ics.station", Kind::heard, "common address, unit, outstation, control block", true, "station"},
  {"ics.obj", Kind::heard, "the object, file, register", true, "object"},
  {"what", Kind::text, "what was seen", true, "text", true},
  {"expected", Kind::text, "what it was compared with", true},
  {"why", Kind::title, "why it matters: the same for every story of the detection", true, "rule", true},
  {"next", Kind::title, "what to check first: likewise", true, "rule", true},
  {"tune", Kind::title, "how the site tunes it: likewise", true, "rule", true},
  {"steps[]", Kind::text, "what each of several detections told of it, in order", true},
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
  {"interfaces[].name", Kind::name, "of the capture port", false, "interface", false, ""},
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
  {"privacy.addresses", Kind::key, "the policy under which this left; the whole field only where not everything is plain"},
  {"privacy.foreign", Kind::key, "likewise"},
  {"privacy.names", Kind::key, "likewise"},
  {"privacy.identity", Kind::key, "likewise"},
  {"privacy.numbers", Kind::key, "likewise"},
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

// A text as it leaves, taken apart.
bool apart(const Json& value) { return value.is_object() && value.size() == 2 && value.contains("key") && value.contains("values"); }

void look(const Json& value, const std::string& path, std::vector<std::string>& unlisted) {
  if (const BodyField* row = row_of(path); row && apart(value) && (row->kind == Kind::text || row->kind == Kind::heard || row->kind == Kind::title)) return;
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) look(each, under(path, key), unlisted);
  } else if (value.is_array()) {
    for (const auto& each : value) look(each, path + "[]", unlisted);
  } else if (!row_of(path)) {
    unlisted.push_back(path);
  }
}

// Takes away what has no row. False: nothing is left of it.
bool listed(Json& value, const std::string& path) {
  if (value.is_object()) {
    for (auto i = value.begin(); i != value.end();) {
      const std::string where = under(path, i.key());
      if (leads_somewhere(where) && listed(i.value(), where)) ++i;
      else i = value.erase(i);
    }
    return true;
  }
  if (value.is_array()) {
    const std::string each = path + "[]";
    if (!leads_somewhere(each)) return false;
    for (auto i = value.begin(); i != value.end();) {
      if (listed(*i, each)) ++i;
      else i = value.erase(i);
    }
    return true;
  }
  return row_of(path);
}

// The field of a body that a path without lists names; null: not there.
const Json* at(const Json& body, std::string_view path) {
  const Json* value = &body;
  while (value && !path.empty()) {
    const size_t dot = path.find('.');
    const auto found = value->is_object() ? value->find(std::string(path.substr(0, dot))) : value->end();
    value = found == value->end() ? nullptr : &*found;
    path.remove_prefix(dot == path.npos ? path.size() : dot + 1);
  }
  return value;
}

// Of everybody, and of no site: they say what was done, and there is nothing to hide in them.
bool common(const Address& a) {
  switch (a.kind) {
    case Address::Kind::none: return true;
    case Address::Kind::mac: return std::all_of(a.octets.begin(), a.octets.begin() + 6, [](uint8_t o) { return o == 0xff; }) || std::all_of(a.octets.begin(), a.octets.begin() + 6, [](uint8_t o) { return o == 0; });
    case Address::Kind::ip4: return a.ip4_number() == 0 || a.ip4_number() == 0xffffffff || a.octets[0] == 127 || a.ip4_number() >> 8 == 0xe00000;   // 224.0.0.0/24
    case Address::Kind::ip6: {
      // Permanent groups of an interface or a link (RFC 4291, 2.7): "ff02::1", "ff02::1:2". Not those made of somebody's address or name:
      // ff02::1:ffXX:XXXX ends as the address does whose owner it asks for (2.7.1), ff02::2:ffXX:XXXX is the sum of a name (RFC 4620, 5).
      const auto zero = [&a](size_t from, size_t until) { return std::all_of(a.octets.begin() + ptrdiff_t(from), a.octets.begin() + ptrdiff_t(until), [](uint8_t o) { return o == 0; }); };
      if (a.octets[0] == 0xff) return (a.octets[1] == 1 || a.octets[1] == 2) && zero(2, 12) && a.octets[12] == 0;
      return zero(0, 15) && a.octets[15] <= 1;
    }
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
    case Kind::rule: return "rule";
    case Kind::title: return "title";
    case Kind::heard: return "heard";
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
  look(body, "", all);
  return all;
}

void Border::declare(std::shared_ptr<const Declared> site) {
  for (const auto& [rule, own_words] : site_->rules)
    if (own_words) own_sentences_.insert(rule);
  site_ = std::move(site);
  known_.clear();
}

std::string Border::told(std::string pseudonym, const std::string& plain) const {
  if (told_as) told_as(pseudonym, plain);
  return pseudonym;
}

Json Border::name(std::string_view kind, const std::string& plain) const {
  Showing how = policy_.names;
  // The sender's own names go by `identity` wherever they stand; a host that is called the same by whichever is stricter.
  if (site_->sender.contains(plain)) how = kind == "site" || kind == "sensor" ? policy_.identity : std::max(how, policy_.identity);
  if (how == Showing::plain || plain == "several" || plain.empty()) return plain;
  if (how == Showing::hidden || !pseudonyms_) return nullptr;
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

// A sentence leaves as its key, in which each {} stands for something, and what stands there; a sentence without any as it is. Of what the
// site wrote the words are names, too.
Json Border::said(const std::string& sentence, bool own_words) const {
  std::string key;
  Json values = Json::array();
  for (const Piece& p : pieces(sentence, *site_, parties_)) {
    if (p.kind == Piece::Kind::words) {
      constexpr std::string_view around = " \t\n\r()[]\"'.,;:!?";
      const size_t from = own_words && policy_.names != Showing::plain ? p.text.find_first_not_of(around) : p.text.npos;
      if (from == p.text.npos) {
        key += p.text;
        continue;
      }
      const size_t to = p.text.find_last_not_of(around) + 1;
      key += p.text.substr(0, from) + "{}" + p.text.substr(to);
      values.push_back(name("text", p.text.substr(from, to - from)));
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

Json Border::passed(Json value, const std::string& path, Of story) const {
  if (value.is_object()) {
    Json out = Json::object();
    for (auto& [key, each] : value.items()) {
      const std::string where = under(path, key);
      if (!leads_somewhere(where)) continue;             // not even its name
      const BodyField* row = row_of(where);
      Json left = passed(each, where, story);
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
      if (Json left = passed(each, path + "[]", story); !left.is_null()) out.push_back(std::move(left));
    return out;
  }
  const BodyField* row = row_of(path);
  if (!row) return nullptr;
  switch (row->kind) {
    case Kind::key: return value;
    case Kind::number:
      if (value.is_number() || value.is_boolean() || (value.is_string() && parse_address(value.get<std::string>()) == std::nullopt && value.get<std::string>().find_first_not_of("0123456789TZ:.-") == std::string::npos)) return value;
      return nullptr;
    case Kind::identity: return value.is_string() ? Json(identity(row->of, value.get<std::string>())) : Json(nullptr);
    case Kind::address: {
      const auto a = value.is_string() ? parse_address(value.get<std::string>()) : std::nullopt;
      return a ? address(*a) : Json(nullptr);
    }
    case Kind::name: {
      if (!value.is_string()) return nullptr;
      const std::string plain = value.get<std::string>();
      const auto known = site_->names.find(plain);
      const Json left = name(known == site_->names.end() ? row->of : known->second, plain);
      return left.is_null() && row->instead ? Json(row->instead) : left;
    }
    case Kind::rule: {
      if (!value.is_string()) return nullptr;
      const std::string id = value.get<std::string>();
      const size_t slash = id.find('/');
      if (!story.own_rule || slash == id.npos) return value;
      const Json left = name(row->of, id.substr(slash + 1));
      return id.substr(0, slash + 1) + (left.is_null() ? row->instead : left.get<std::string>());
    }
    case Kind::title: {
      if (!value.is_string() || !story.own_rule || policy_.names == Showing::plain) return value.is_string() ? value : Json(nullptr);
      const Json left = name(row->of, value.get<std::string>());
      if (row->instead) return left.is_null() ? Json(row->instead) : left;
      return {{"key", "{}"}, {"values", Json::array({left})}};
    }
    case Kind::text:
    case Kind::heard: return value.is_string() ? said(value.get<std::string>(), story.own_words && row->of_rule) : Json(nullptr);
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
  if (policy_.plain()) return void(listed(body, ""));
  // Sentences of further steps speak of hosts and objects that stand nowhere else in this body, so nothing tells their names apart: which
  // detection spoke, when and how often is what leaves.
  if (const auto steps = body.find("steps"); steps != body.end() && steps->is_array())
    for (Json& step : *steps) {
      if (!step.is_string()) continue;
      const std::string text = step.get<std::string>();
      const size_t id = text.find(": "), times = text.ends_with(" times)") ? text.rfind(" (") : text.npos;
      step = text.substr(0, id) + (id == text.npos || times == text.npos ? "" : text.substr(times));
    }
  parties_.clear();
  Of story;
  const Json *const id = at(body, "rule.id"), *const source = at(body, "rule.source");
  story.own_rule = source && *source == "site";
  if (story.own_rule && id && id->is_string()) {
    const std::string rule = id->get<std::string>(), own = rule.substr(std::min(rule.size(), rule.find('/') + 1));
    const auto known = site_->rules.find(own);
    story.own_words = known == site_->rules.end() || known->second || own_sentences_.contains(own);
    if (rule.find('/') != rule.npos) parties_[own] = "rule";
  }
  for (const BodyField& f : rows) {
    if (f.kind != Kind::heard && (f.kind != Kind::name || f.path.find('[') != f.path.npos)) continue;
    const Json* const value = at(body, f.path);
    if (!value || !value->is_string() || *value == "several") continue;
    const std::string plain = value->get<std::string>();
    if (f.kind == Kind::name) {
      parties_[plain] = f.of;
      continue;
    }
    // What was heard and holds anything but words and numbers is one name: "AA1J1Q01A1LD0/CSWI1$CO$Pos", "plan of bay 3.pdf".
    const auto parts = pieces(plain, *site_);
    if (std::any_of(parts.begin(), parts.end(), [](const Piece& p) { return p.kind == Piece::Kind::name; })) parties_.emplace(plain, f.of);
  }
  for (auto& [name, kind] : parties_)
    if (const auto declared = site_->names.find(name); declared != site_->names.end()) kind = declared->second;
  body = passed(std::move(body), "", story);
  body["privacy"] = {{"addresses", name_of(policy_.addresses)}, {"foreign", name_of(policy_.foreign)}, {"names", name_of(policy_.names)},
                     {"identity", name_of(policy_.identity)}, {"numbers", policy_.numbers ? "plain" : "hidden"}};
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
