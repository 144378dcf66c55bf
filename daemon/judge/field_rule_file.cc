// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/field_rule_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/base/text.h"
#include "daemon/judge/detector.h"
#include "daemon/judge/said_fields.h"

namespace vidra {
namespace {

constexpr size_t most_named = 60;

std::string low(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = char(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out;
}

// All causes of a protocol that have a name: looked for once.
const std::vector<std::pair<uint16_t, std::string>>& causes_of(uint16_t protocol) {
  static std::map<uint16_t, std::vector<std::pair<uint16_t, std::string>>> all;
  auto& list = all[protocol];
  if (list.empty() && protocols[protocol]->reason)
    for (uint32_t n = 0; n <= 0xffff; n++)
      if (const std::string_view name = protocols[protocol]->reason(uint16_t(n)); !name.empty()) list.emplace_back(uint16_t(n), name);
  return list;
}

class RuleReader {
 public:
  RuleReader(TomlTable& t, const Site& site, Problems& problems) : t_(t), site_(site), problems_(problems), before_(problems.size()) {}

  // Nothing where the rule is off or wrong.
  std::optional<FieldRule> read(const std::vector<FieldRule>& others) {
    r_.place = t_.place();
    r_.place = r_.place.substr(0, r_.place.rfind(':'));        // the line is enough for people
    head(others);
    if (!protocol()) {
      for (std::string_view key : keys) t_.ignore(key);         // said again when the protocol is right
      t_.finish();
      return {};
    }
    what_is_said();
    who();
    when();
    if (const std::string form = text("what"); !form.empty()) {
      try {
        rule_sentence(form, {});
        r_.what = form;
      } catch (const std::exception&) {
        t_.complain("what", fmt::format("\"{}\" is no sentence that can be filled in; allowed in braces: {{client}}, {{server}}, {{station}}, {{object}}, {{value}}, {{function}}, {{cause}}, {{times}}", form));
      }
    }
    t_.finish();
    if (problems_.size() != before_) return {};
    if (!narrow_) {
      t_.complain({}, fmt::format("the rule \"{}\" would hold for everything that is said in its protocol; add a function, act, object, client or another condition", r_.name));
      return {};
    }
    if (off_) return {};
    return std::move(r_);
  }

 private:
  static constexpr std::string_view keys[] = {"function", "act", "role", "station", "origin", "cause", "object", "value", "text", "quality", "qualifier", "refused", "malformed", "test", "simulated",
                                              "broadcast", "encrypted", "client", "server", "hours", "days", "times", "window", "of", "what"};

  std::string text(std::string_view key) {
    std::string s;
    t_.read(key, s);
    return s;
  }

  // Texts and numbers alike, a lone one is a list of one.
  std::vector<std::string> list(std::string_view key) {
    std::vector<std::string> texts;
    if (!t_.has(key)) return t_.ignore(key), texts;
    if (t_.is_text(key) || t_.list_of_texts(key)) {
      t_.read(key, texts);
    } else {
      std::vector<int64_t> numbers;
      t_.read(key, numbers, INT32_MIN, UINT32_MAX);
      for (int64_t n : numbers) texts.push_back(std::to_string(n));
    }
    if (texts.size() > 256) t_.complain(key, fmt::format("'{}' lists {} things; at most 256 are allowed, ranges are shorter", key, texts.size())), texts.clear();
    return texts;
  }

  void head(const std::vector<FieldRule>& others) {
    size_t severity = row("RUL-01").severity;
    std::string title, technique, why, next;
    if (!t_.read("name", r_.name)) t_.complain("name", "a [[rule]] needs a name, like name = \"night-switching\": it stands in its alerts");
    else if (r_.name.empty() || r_.name.size() > 48 || r_.name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != std::string::npos)
      t_.complain("name", fmt::format("'{}' is no name of a rule: letters, digits, - and _, at most 48", r_.name));
    for (const FieldRule& o : others)
      if (o.name == r_.name) t_.complain("name", fmt::format("two rules are called '{}'; the other stands at {}", r_.name, o.place));
    if (!t_.read("title", title) || title.empty()) t_.complain("title", "a [[rule]] needs a title: what a tired engineer reads first, like title = \"Switching at night\"");
    t_.read("severity", severity, 1, 5);
    t_.read("why", why), t_.read("next", next), t_.read("off", off_);
    size_t audience = 0;
    t_.read_choice("audience", audience, {"security", "operations", "sensor"});
    if (t_.read("technique", technique) && (technique.size() != 5 || !technique.starts_with("T0") || technique.find_first_not_of("0123456789", 1) != std::string::npos))
      t_.complain("technique", fmt::format("'{}' is no technique of ATT&CK for ICS; write it like \"T0855\"", technique));
    if (problems_.size() == before_) r_.detection = row_of_rule(r_.name, title, uint8_t(severity), Audience(audience), technique, why, next, r_.place);
  }

  bool protocol() {
    const std::vector<std::string> names = list("protocol");
    std::vector<std::string_view> known;
    for (const Protocol* p : protocols) known.push_back(p->name);
    if (names.empty()) t_.complain("protocol", fmt::format("a [[rule]] needs a protocol; allowed: {}", joined(known, 100)));
    for (const std::string& name : names) {
      const int i = protocol_index(name);
      if (i < 0) t_.complain("protocol", fmt::format("\"{}\" is no protocol{}; allowed: {}", name, suggestion(name, known), joined(known, 100)));
      else r_.protocols.push_back({uint16_t(i), {}, {}});
    }
    return !names.empty() && r_.protocols.size() == names.size();
  }

  // Whether every protocol of the rule says this; otherwise a problem that lists what it does say.
  bool said(std::string_view key, uint32_t field) {
    if (!t_.has(key)) return false;
    for (const FieldRule::Of& of : r_.protocols) {
      const Said s = said_by(protocols[of.protocol]->name);
      if (s.fields & field) continue;
      t_.complain(key, fmt::format("'{}' is never said by {}; it says: {}", key, s.protocol, list_of(s)));
      t_.ignore(key);
      return false;
    }
    narrow_ = true;
    return true;
  }

  void functions() {
    for (const std::string& each : list("function")) {
      narrow_ = true;
      const auto numbers = ranges(each);
      bool found = false;
      for (FieldRule::Of& of : r_.protocols) {
        if (numbers && !numbers->empty()) of.functions.insert(of.functions.end(), numbers->begin(), numbers->end()), found = true;
        else
          for (const Function& f : protocols[of.protocol]->functions)
            if (like(each, f.name)) of.functions.push_back({f.number, f.number, f.sub == 0xffff ? 0u : f.sub, f.sub == 0xffff ? UINT32_MAX : f.sub}), found = true;
      }
      if (found) continue;
      std::vector<std::string_view> names;
      for (const FieldRule::Of& of : r_.protocols)
        for (const Function& f : protocols[of.protocol]->functions) names.push_back(f.name);
      const std::string_view first = protocols[r_.protocols[0].protocol]->name;
      t_.complain("function", fmt::format("\"{}\" is no function of {}{}; write a name, a pattern with *, or a number (5, \"5/1\", \"26-28\"); `vidra protocols {}` lists them", each, first,
                                          suggestion(each, names), first));
    }
    // Of several protocols one may lack the name: then the rule does not hold for it.
    const bool any = std::any_of(r_.protocols.begin(), r_.protocols.end(), [](const auto& of) { return !of.functions.empty(); });
    if (any) std::erase_if(r_.protocols, [](const auto& of) { return of.functions.empty(); });
  }

  void causes() {
    if (!said("cause", said_cause)) return;
    for (const std::string& each : list("cause")) {
      const auto numbers = ranges(each);
      bool found = false;
      std::vector<std::string_view> names;
      for (FieldRule::Of& of : r_.protocols) {
        if (numbers && !numbers->empty()) of.causes.insert(of.causes.end(), numbers->begin(), numbers->end()), found = true;
        else
          for (const auto& [n, name] : causes_of(of.protocol)) {
            names.push_back(name);
            if (like(each, name)) of.causes.push_back({n, n}), found = true;
          }
      }
      if (!found) t_.complain("cause", fmt::format("\"{}\" is no cause of {}{}; write a number or one of: {}", each, protocols[r_.protocols[0].protocol]->name, suggestion(each, names), joined(names, most_named)));
    }
  }

  Ranges numbers(std::string_view key) {
    Ranges all;
    for (const std::string& each : list(key)) {
      const auto r = ranges(each);
      if (!r || r->empty()) t_.complain(key, fmt::format("\"{}\" is no number or range; write 11, \"11-14\" or [11, 13]", each));
      else all.insert(all.end(), r->begin(), r->end());
    }
    return all;
  }

  void what_is_said() {
    functions();
    causes();
    std::vector<std::string_view> acts;
    for (size_t i = 0; i < act_count; i++) acts.push_back(name_of(Act(i)));
    if (t_.has("act")) r_.acts = 0;
    for (const std::string& each : list("act")) {
      const auto at = std::find(acts.begin(), acts.end(), each);
      if (at != acts.end()) r_.acts |= bit(Act(at - acts.begin())), narrow_ = true;
      else t_.complain("act", fmt::format("\"{}\" is no act{}; allowed: {}", each, suggestion(each, acts), joined(acts, most_named)));
    }
    constexpr std::string_view roles[] = {"request", "response", "report"};
    for (const std::string& each : list("role")) {
      const auto at = std::find(std::begin(roles), std::end(roles), each);
      if (at != std::end(roles)) r_.roles = uint8_t(r_.roles | 1 << (at - std::begin(roles)));
      else t_.complain("role", fmt::format("\"{}\" is no role; allowed: request, response, report", each));
    }
    constexpr std::pair<std::string_view, uint32_t> flags[] = {{"refused", said_refused}, {"malformed", 0}, {"test", said_test}, {"simulated", said_simulated}, {"broadcast", said_broadcast},
                                                               {"encrypted", said_encrypted}};
    for (size_t i = 0; i < std::size(flags); i++) {
      const auto& [key, field] = flags[i];
      if (field ? !said(key, field) : !t_.has(key)) {
        t_.ignore(key);
        continue;
      }
      bool set = true;
      if (!t_.read(key, set)) continue;
      narrow_ = true;
      uint8_t& to = set ? r_.flags_set : r_.flags_unset;
      to = uint8_t(to | 1u << i);
    }
    // What only answers bear is waited for in answers; else what is mirrored in them would count twice.
    if (!r_.roles) r_.roles = t_.has("cause") || (r_.flags_set & 3) ? Want::any_role : Want::requests | Want::reports;
    r_.link = t_.has("function");
    if (said("station", said_station))
      for (const std::string& each : list("station")) {
        const auto n = ranges(each);
        if (n && !n->empty()) r_.stations.insert(r_.stations.end(), n->begin(), n->end());
        else r_.station_names.push_back(each);
      }
    else t_.ignore("station");
    if (said("origin", said_origin)) r_.origins = numbers("origin");
    else t_.ignore("origin");
    if (said("qualifier", said_qualifier)) r_.qualifiers = numbers("qualifier");
    else t_.ignore("qualifier");
    objects();
    values();
  }

  void objects() {
    if (!said("object", said_object)) return t_.ignore("object");
    for (const std::string& each : list("object")) {
      if (const auto n = ranges(each); n && !n->empty()) {
        r_.numbers.insert(r_.numbers.end(), n->begin(), n->end());
        continue;
      }
      if (const auto o = parse_object_range(each)) {
        const ObjectKind kind = o->first.kind();
        for (const FieldRule::Of& of : r_.protocols) {
          const Said s = said_by(protocols[of.protocol]->name);
          if (s.kinds && !(s.kinds >> unsigned(kind) & 1)) t_.complain("object", fmt::format("\"{}\" is never said by {}; it says: {}", each, s.protocol, list_of(s)));
        }
        r_.objects.push_back(*o);
        continue;
      }
      if (each.find_first_of("*?") == std::string::npos && each.find(' ') != std::string::npos && each.find_first_of("0123456789") != std::string::npos)
        for (size_t k = 1; k < object_kind_count; k++)
          if (low(each).starts_with(std::string(name_of(ObjectKind(k))) + " "))
            t_.complain("object", fmt::format("\"{}\" names no objects; write them like \"information object 5101\", \"holding register 30-33\" or as a pattern with *", each));
      r_.object_patterns.push_back(each);
    }
  }

  void values() {
    if (said("value", said_value | said_text))
      for (const std::string& each : list("value")) {
        if (const auto c = parse_value_test(each)) r_.values.push_back(*c), r_.value_words.push_back(each);
        else t_.complain("value", fmt::format("\"{}\" is no value; write a number, a range \"10-20\", \"not 0-400\", \"> 100\", on, off, intermediate or faulty; for texts use text = \"…\"", each));
      }
    else t_.ignore("value");
    if (said("text", said_text)) r_.texts = list("text");
    else t_.ignore("text");
    if (!said("quality", said_quality)) return t_.ignore("quality");
    std::vector<std::string> words;
    for (uint32_t bit = 1; bit && bit <= transient; bit <<= 1) {
      char room[64];
      words.emplace_back(describe_quality(bit, room));
    }
    for (const std::string& each : list("quality")) {
      if (each == "good") {
        r_.quality_good = true;
        continue;
      }
      const auto at = std::find(words.begin(), words.end(), each);
      if (at != words.end()) r_.quality |= 1u << (at - words.begin());
      else {
        std::vector<std::string_view> views(words.begin(), words.end());
        views.insert(views.begin(), "good");
        t_.complain("quality", fmt::format("\"{}\" is no quality{}; allowed: {}", each, suggestion(each, views), joined(views, most_named)));
      }
    }
  }

  void ends(std::string_view key, std::vector<Selector>& to, std::vector<Selector>& not_to) {
    for (const std::string& each : list(key)) {
      const bool no = each.starts_with('!');
      const std::string name = no ? each.substr(1) : each;
      narrow_ = true;
      Selector s;
      if (name.starts_with("zone:")) {
        std::vector<std::string_view> zones;
        for (const SiteZone& z : site_.zones) zones.push_back(z.name);
        const auto at = std::find(zones.begin(), zones.end(), std::string_view(name).substr(5));
        if (at == zones.end()) {
          t_.complain(key, fmt::format("\"{}\" is no declared zone{}; declared: {}", name.substr(5), suggestion(name.substr(5), zones), zones.empty() ? "none; a rule is read together with its site" : joined(zones, most_named)));
          continue;
        }
        s.kind = Selector::Kind::zone;
        s.zone = uint16_t(at - zones.begin());
      } else if (const HostId id = site_.host_named(name)) {
        s.kind = Selector::Kind::host;
        s.host = id;
      } else if (const auto p = parse_prefix(name)) {
        s.kind = Selector::Kind::prefix;
        s.prefix = *p;
      } else {
        std::vector<std::string_view> hosts;
        for (const SiteHost& h : site_.hosts) hosts.push_back(h.name);
        t_.complain(key, fmt::format("\"{}\" is no declared host, address, range or zone:NAME{}; declared: {}", name, suggestion(name, hosts),
                                     hosts.empty() ? "no host; a rule is read together with its site" : joined(hosts, 40)));
        continue;
      }
      (no ? not_to : to).push_back(s);
    }
  }
  void who() {
    ends("client", r_.clients, r_.not_clients);
    ends("server", r_.servers, r_.not_servers);
  }

  void when() {
    if (t_.has("hours") || t_.has("days")) r_.hours.emplace(), narrow_ = true;
    if (const std::string s = text("hours"); !s.empty()) {
      if (const auto h = parse_hours(s)) r_.hours = *h;
      else t_.complain("hours", fmt::format("\"{}\" are no hours; write \"22:00-06:00\" (this box's local time), \"06:00-14:00 UTC\" or \"22:00-06:00 +01:00\"", s));
    }
    constexpr std::string_view week[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    uint8_t days = 0;
    for (const std::string& each : list("days")) {
      const auto at = std::find(std::begin(week), std::end(week), each);
      if (at != std::end(week)) days = uint8_t(days | 1 << (at - std::begin(week)));
      else t_.complain("days", fmt::format("\"{}\" is no day; allowed: mon, tue, wed, thu, fri, sat, sun", each));
    }
    if (days && r_.hours) r_.hours->days = days;
    t_.read("times", r_.times, 1, 10'000);
    t_.read_duration("window", r_.window, 10 * millisecond, day);
    size_t of = 0;
    if (t_.read_choice("of", of, {"messages", "objects", "stations", "servers"})) r_.of = FieldRule::Each(of);
    if (r_.times > 1 && !t_.has("window")) t_.complain("times", fmt::format("'times' is {}; say in which time, like window = \"10s\"", r_.times));
    if (r_.times == 1 && (t_.has("window") || t_.has("of"))) t_.complain(t_.has("window") ? "window" : "of", "nothing is counted: add times, like times = 5");
    if (r_.of != FieldRule::Each::messages && r_.times > 64) t_.complain("times", fmt::format("'times' is {}; of different {} at most 64 are counted", r_.times, std::array{"messages", "objects", "stations", "servers"}[size_t(r_.of)]));
  }

  TomlTable& t_;
  const Site& site_;
  Problems& problems_;
  size_t before_;
  FieldRule r_;
  bool off_ = false, narrow_ = false;
};

}  // namespace

void read_rules(TomlTable& root, const Site& site, std::vector<FieldRule>& to, Problems& problems) {
  std::vector<TomlTable> tables = root.tables("rule");
  if (to.size() + tables.size() > FieldRules::most) {
    root.complain("rule", fmt::format("there are {} rules; at most {} are allowed", to.size() + tables.size(), FieldRules::most));
    return;
  }
  size_t counted = 0;
  for (const FieldRule& r : to) counted += r.times > 1 ? r.times : 0;
  for (TomlTable& t : tables)
    if (auto r = RuleReader(t, site, problems).read(to)) {
      counted += r->times > 1 ? r->times : 0;
      if (counted > FieldRules::most_counted) {
        t.complain("times", fmt::format("the rules count to {} together; at most {} are allowed: lower 'times'", counted, FieldRules::most_counted));
        return;
      }
      to.push_back(std::move(*r));
    }
}

void load_rules(const std::string& path, const Site& site, std::vector<FieldRule>& to, Problems& problems) {
  auto root = TomlTable::open(path, problems);
  if (!root) return;
  read_rules(*root, site, to, problems);
  root->finish();
}

}  // namespace vidra
