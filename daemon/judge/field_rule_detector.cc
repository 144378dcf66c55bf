// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "daemon/judge/field_rules.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

bool matches(const std::vector<Selector>& any, const std::vector<Selector>& none, const Address& a, HostId id, const Site& site) {
  const auto is = [&](const Selector& s) { return site.matches(s, a, id); };
  return (any.empty() || std::any_of(any.begin(), any.end(), is)) && std::none_of(none.begin(), none.end(), is);
}

class FieldRuleDetector final : public Detector {
 public:
  explicit FieldRuleDetector(const JudgeSettings& s) { settle(s); }

  void settle(const JudgeSettings& s) override {
    if (s.rules == rules_) return;
    rules_ = s.rules;
    counts_.clear();                         // of other rules
    wants_.clear();
    if (!rules_) return;
    size_t counting = 0;
    for (const FieldRule& r : rules_->all()) {
      counting += r.times > 1;
      for (const FieldRule::Of& of : r.protocols) wants_.push_back({.protocol = protocols[of.protocol]->name, .acts = r.acts, .roles = r.roles});
    }
    // Rows of its own for each: what floods one rule leaves what another has half counted.
    for (const FieldRule& r : rules_->all())
      counts_.emplace_back(r.times > 1 ? std::clamp<size_t>(std::bit_floor(counted_octets / counting / (r.times * sizeof(Counted))), 4, 1024) : 4);
  }
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& to) override {
    for (const auto& [rule, of] : rules_->of(e.scene.protocol, e.said->function))
      if (head(*rule, *of, *e.said)) [[unlikely]] weigh(*rule, e, c, to);
  }

 private:
  using Counted = std::pair<Time, uint64_t>;       // when, and of different ones which
  struct Count {
    std::vector<Counted> last;                     // at most as many as the rule counts to
    size_t next = 0;                               // the oldest, once there are so many
  };
  static constexpr size_t counted_octets = 16u << 20;   // of all rules together; the four rows that each has at least come on top, FieldRules::most_counted bounds them

  static bool head(const FieldRule& r, const FieldRule::Of& of, const Message& m) {
    if (!(r.acts & bit(m.act)) || !(r.roles >> unsigned(m.role) & 1) || (m.link && !r.link)) return false;
    if (!of.functions.empty() && std::none_of(of.functions.begin(), of.functions.end(), [&](const NumberRange& f) { return f.holds(m.function, m.sub_function); })) return false;
    if (!of.causes.empty() && (!m.reason || !any_holds(of.causes, m.reason))) return false;
    const auto flags = uint8_t(m.refused * 1 | m.malformed * 2 | m.test * 4 | m.simulated * 8 | m.broadcast * 16 | m.encrypted * 32);
    if ((flags & r.flags_set) != r.flags_set || flags & r.flags_unset) return false;
    if (m.continued && !r.asks_for_point()) return false;
    // Garbage says nothing; a broken request that names what it wants is obeyed by many devices.
    if (m.malformed && !(r.flags_set & 2) && (m.role != Role::request || !m.points || m.after_gap)) return false;
    if (!r.qualifiers.empty() && !any_holds(r.qualifiers, m.qualifier)) return false;
    if (!r.origins.empty() && (!m.has_origin || m.origin > UINT32_MAX || !any_holds(r.origins, uint32_t(m.origin)))) return false;
    return r.stations.empty() || !r.station_names.empty() || (m.station <= UINT32_MAX && any_holds(r.stations, uint32_t(m.station)));
  }

  static bool station(const FieldRule& r, const Event& e) {
    if (r.station_names.empty()) return true;
    const uint64_t key = e.said->station;
    if (!r.stations.empty() && key <= UINT32_MAX && any_holds(r.stations, uint32_t(key))) return true;
    const std::string_view name = e.texts.find(key);
    return !name.empty() && std::any_of(r.station_names.begin(), r.station_names.end(), [&](const std::string& p) { return like(p, name); });
  }

  static bool holds(const FieldRule& r, const Point& p, const Event& e, const Context& c) {
    if (r.quality || r.quality_good) {
      if (!(p.quality & r.quality) && !(r.quality_good && p.quality == good)) return false;
    }
    if (!r.values.empty() && std::none_of(r.values.begin(), r.values.end(), [&](const ValueTest& v) { return v.holds(p); })) return false;
    char room[224];                                // asked of every point: no words on the heap
    if (!r.texts.empty()) {
      const std::string_view shown = p.kind == ValueKind::text ? e.texts.find(p.raw) : describe_value(p, e.texts, std::span(room).first(192));
      if (std::none_of(r.texts.begin(), r.texts.end(), [&](const std::string& t) { return like(t, shown); })) return false;
    }
    if (r.objects.empty() && r.numbers.empty() && r.object_patterns.empty()) return true;
    // A range that is named without values holds where one of its objects does.
    const uint64_t last = p.object.key() + p.count - 1;
    for (const ObjectRange& o : r.objects)
      if (p.object.key() <= o.last.key() && last >= o.first.key()) return true;
    for (const NumberRange& n : r.numbers)
      if (p.object.kind() != ObjectKind::named && p.object.number() <= n.last && uint64_t(p.object.number()) + p.count - 1 >= n.first) return true;
    if (r.object_patterns.empty()) return false;
    const std::string_view shown = objects_in(p.object, p.count, e.texts, room);
    const SitePoint* declared = c.site.point(c.site.host_of(e.scene.server.address), e.scene.protocol, e.said->station, p.object);
    for (const std::string& each : r.object_patterns)
      if (like(each, shown) || (declared && !declared->name.empty() && like(each, declared->name))) return true;
    return false;
  }

  void weigh(const FieldRule& r, const Event& e, const Context& c, Findings& to) {
    if (!station(r, e)) return;
    const bool ends = !r.clients.empty() || !r.not_clients.empty() || !r.servers.empty() || !r.not_servers.empty();
    if (ends && (!matches(r.clients, r.not_clients, e.scene.client.address, c.site.host_of(e.scene.client.address), c.site) ||
                 !matches(r.servers, r.not_servers, e.scene.server.address, c.site.host_of(e.scene.server.address), c.site)))
      return;
    const Point* p = nullptr;
    if (r.asks_for_point()) {
      for (const Point& each : some(e.points))
        if (holds(r, each, e, c)) {
          p = &each;
          break;
        }
      if (!p) return;
    } else if (!e.points.empty()) p = &e.points[0];
    if (r.hours && !r.hours->holds(e.scene.time)) return;
    const uint64_t name = text_key(r.name);
    uint32_t heard = 1;
    if (r.times > 1) {
      const uint64_t ends_key = r.of == FieldRule::Each::servers ? key_of(e.scene.client.address) : pair_key(e.scene);
      Count& n = counts_[size_t(&r - rules_->all().data())].at(ends_key);
      if (r.of == FieldRule::Each::objects) {
        for (const Point& each : some(e.points))
          if (!r.asks_for_point() || holds(r, each, e, c)) count(n, r, e.scene.time, each.object.key());
      } else count(n, r, e.scene.time, r.of == FieldRule::Each::stations ? e.said->station : r.of == FieldRule::Each::servers ? key_of(e.scene.server.address) : 0);
      if (n.last.size() < r.times) return;
      if (r.of == FieldRule::Each::messages) {         // they lie in order: the oldest says of all
        if (e.scene.time - n.last[n.next].first > r.window) return;
        heard = r.times;
      } else heard = uint32_t(std::count_if(n.last.begin(), n.last.end(), [&](const Counted& at) { return e.scene.time - at.first <= r.window; }));
      if (heard < r.times) return;
    }
    const uint64_t weight = pacer_.due(key_of(key_of(name, pair_key(e.scene)), cause(r, *e.said)), e.scene.time);
    if (weight) tell(r, e, c, to, p, heard, weight);
  }

  static uint64_t cause(const FieldRule& r, const Message& m) { return r.of == FieldRule::Each::messages ? m.station : 0; }
  static std::span<const Point> some(std::span<const Point> all) { return all.first(std::min<size_t>(all.size(), 256)); }

  // As object_text says it, without the heap: "holding registers 30-33".
  static std::string_view objects_in(Object o, uint32_t count, const Texts& texts, std::span<char> room) {
    const std::string_view one = describe_object(o, texts, room.first(192));
    if (count < 2 || o.kind() == ObjectKind::named) return one;
    char number[192];
    const std::string_view digits(number, std::min(one.rfind(' '), one.size()) < one.size() ? one.size() - one.rfind(' ') : 0);
    std::copy(one.end() - ptrdiff_t(digits.size()), one.end(), number);
    char* const end = room.data() + (one.size() - digits.size());
    return {room.data(), size_t(fmt::format_to_n(end, room.size() - (one.size() - digits.size()), "s{}-{}", digits, uint64_t(o.number()) + count - 1).out - room.data())};
  }

  // The last so many, messages as they come, others each once.
  static void count(Count& n, const FieldRule& r, Time now, uint64_t what) {
    if (r.of != FieldRule::Each::messages)
      for (auto& [at, key] : n.last)
        if (key == what) {
          at = now;
          return;
        }
    if (n.last.size() < r.times) return n.last.emplace_back(now, what), void();
    if (r.of != FieldRule::Each::messages) n.next = size_t(std::min_element(n.last.begin(), n.last.end()) - n.last.begin());
    n.last[n.next] = {now, what};
    n.next = (n.next + 1) % n.last.size();
  }

  void tell(const FieldRule& r, const Event& e, const Context& c, Findings& to, const Point* p, uint32_t heard, uint64_t weight) {
    const Message& m = *e.said;
    Finding f = finding(*r.detection, e, c);
    if (m.role != Role::report) f.source = c.party(e.scene.client.address), f.target = c.party(e.scene.server.address);
    f.cause = cause(r, m);
    f.weight = weight;
    const std::string_view named = m.station ? e.texts.find(m.station) : std::string_view();
    if (!named.empty()) f.station = named;
    f.object.clear();
    if (p && p->object.kind() != ObjectKind::none)
      f.object = p->object.kind() == ObjectKind::named ? object_text(p->object, 1, e.texts) : object_label(c, e.scene, m.station, p->object, p->count);
    const Protocol& protocol = *protocols[e.scene.protocol];
    std::string why(protocol.reason && m.reason ? protocol.reason(m.reason) : std::string_view());
    if (why.empty() && m.reason) why = fmt::format("cause {}", m.reason);
    const std::string value = p ? value_text(*p, e.texts) : std::string(), function = function_text(e.scene.protocol, m.function, m.sub_function);
    const std::string client = c.text(e.scene.client.address), server = c.text(e.scene.server.address), place = f.station.empty() ? "" : ", " + f.station;
    if (!r.what.empty()) {
      f.what = rule_sentence(r.what, {client, server, place, f.object, value, function, why, fmt::format("{}", heard)});
    } else {
      const bool asks = m.role == Role::request;
      f.what = fmt::format("{} {} {}{}: {}{}{}{}{}{}.", asks ? client : server, asks ? "asked" : m.role == Role::response ? "answered" : "reported to", asks ? server : client, place, function,
                           f.object.empty() ? "" : ", " + f.object, value.empty() ? "" : " = " + value, why.empty() ? "" : ", " + why, m.refused ? ", refused" : "",
                           heard > 1 ? fmt::format("; {} times in {}", heard, seconds_text(r.window)) : "");
    }
    f.expected = fmt::format("The rule {} of this site ({}) says that this should not be.", r.name, r.place);
    to.raise(std::move(f));
  }

  std::shared_ptr<const FieldRules> rules_;
  std::vector<Want> wants_;
  std::vector<Recent<Count>> counts_;      // by rule
  Pacer pacer_;
};

}  // namespace

void add_field_rule_detector(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<FieldRuleDetector>(s)); }

}  // namespace vidra
