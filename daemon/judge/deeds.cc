// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/deeds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "daemon/judge/patterns.h"

namespace vidra {
namespace {

struct Words { std::string client, server, station, object, value, function, reason, times, masters; };

std::string sentence(std::string_view form, const Words& w) {
  return fmt::format(fmt::runtime(form), fmt::arg("client", w.client), fmt::arg("server", w.server), fmt::arg("station", w.station), fmt::arg("object", w.object),
                     fmt::arg("value", w.value), fmt::arg("function", w.function), fmt::arg("reason", w.reason), fmt::arg("times", w.times),
                     fmt::arg("masters", w.masters));
}

// Whether any of those below is set: they lie side by side.
bool any_flag(const Message& m) {
  static_assert(offsetof(Message, midstream) == offsetof(Message, link) + 7 && offsetof(Message, broadcast) == offsetof(Message, link) + 6);
  uint64_t flags;
  std::memcpy(&flags, reinterpret_cast<const char*>(&m) + offsetof(Message, link), sizeof flags);
  return (std::endian::native == std::endian::little ? flags << 8 : flags >> 8) != 0;
}
uint8_t flags_of(const Message& m) {
  return uint8_t(m.refused * Deed::refused | m.malformed * Deed::malformed | m.test * Deed::test | m.simulated * Deed::simulated |
                 m.broadcast * Deed::broadcast | m.encrypted * Deed::encrypted | m.link * Deed::link);
}

// A deed made ready to be compared with: a few words for the first glance, the rest behind.
struct Ready {
  const Deed* deed;
  const Detection* detection;
  uint16_t protocol;
  Ranges functions, reasons, values, qualifiers;
  unsigned times = 1;
  Time window = minute;
  uint64_t number = 0, salt = 0;         // among its protocol's, with its detection's, never 0; the same, mixed
  bool counted = false;                  // nothing but how often it is said is asked, until it is enough

  Ready(const Deed& d)
      : deed(&d), detection(&row(d.detection)), protocol(uint16_t(protocol_index(d.protocol))), functions(*ranges(d.functions)), reasons(*ranges(d.reasons)),
        values(*ranges(d.value)), qualifiers(*ranges(d.qualifiers)) {}

  void settle(const JudgeSettings& s) {
    for (const Threshold& t : detection->thresholds) {
      if (deed->at_once) break;
      if (t.key == "times") times = std::max(1u, unsigned(s.number(*detection, t.key)));
      if (t.key == "window") window = Time(s.number(*detection, t.key) * double(second));
    }
    counted = times > 1 && deed->of == Deed::Of::messages && deed->leave == Leave::nobody && !deed->of_known && !asks_for_point();
  }

  // What the first glance has left open.
  bool says(const Message& m) const {
    if (m.link != bool(deed->flags & Deed::link) || m.continued) return false;
    if (deed->bits && !(m.qualifier & deed->bits)) return false;
    if (!functions.empty() && std::none_of(functions.begin(), functions.end(), [&](const NumberRange& r) { return r.holds(m.function, m.sub_function); })) return false;
    return (!deed->flags || (flags_of(m) & deed->flags) == deed->flags) && any_holds(reasons, m.reason);
  }

  // The point that the deed is about: nullptr where it asks for one and none is like it.
  const Point* point(const Event& e) const {
    for (const Point& p : e.points.first(std::min<size_t>(e.points.size(), 256))) {
      if (!deed->object.empty()) {
        char room[192];                              // asked of every point: no words on the heap
        if (!like(deed->object, describe_object(p.object, e.texts, room))) continue;
      }
      if (!values.empty()) {
        if (!p.has_number() && p.kind != ValueKind::bits) continue;
        const double v = p.has_number() ? p.number() : double(p.raw);
        if (std::none_of(values.begin(), values.end(), [v](const NumberRange& r) { return v >= r.first && v <= r.last; })) continue;
      }
      if (!deed->text.empty()) {
        char room[192];
        if (!like(deed->text, p.kind == ValueKind::text ? e.texts.find(p.raw) : describe_value(p, e.texts, room))) continue;
      }
      if (any_holds(qualifiers, p.qualifier)) return &p;
    }
    return nullptr;
  }
  bool asks_for_point() const { return !deed->object.empty() || !deed->text.empty() || !values.empty() || !qualifiers.empty(); }
  Act needs(const Message& m) const { return deed->needs == Act::other ? m.act : deed->needs; }
};

// What most deeds fail at, side by side.
struct Glance {
  const Ready* ready;
  ActSet acts;
  uint8_t roles;
  bool met;                              // asks only about those who are not known here

  Glance(const Ready& r) : ready(&r), acts(r.deed->acts), roles(r.deed->roles), met(r.deed->leave == Leave::met) {}
};

// The deeds of one protocol, laid out so that a usual message meets few of them: by the lower octet of its function; those that
// want a flag or a bit only where one is set; those that want a reason only where one is given; and the few that want neither.
struct OfProtocol {
  std::vector<Ready> all;
  std::array<uint16_t, 257> begin{};     // of an octet's deeds in `listed`
  std::vector<Glance> listed, flagged, marked, reasoned, others;
  uint8_t flags = 0;
  uint32_t bits = 0;                     // of Message::qualifier
  // The acts that any of an octet's deeds, or of the few, wants in a role: most messages are done with here.
  struct Wanted { ActSet always = 0, unmet = 0; };
  static constexpr size_t roles = 3;
  std::array<Wanted, 256 * roles> wanted{};

  void lay_out() {
    for (size_t i = 0; i < all.size(); i++) all[i].number = (uint64_t(i) << 16 | index_of(*all[i].detection)) + 1, all[i].salt = key_of(all[i].number, 1);
    for (const Ready& r : all) {
      if (r.deed->flags) flags |= r.deed->flags, flagged.emplace_back(r);
      else if (r.deed->bits) bits |= r.deed->bits, marked.emplace_back(r);
      else if (r.functions.empty()) (r.reasons.empty() ? others : reasoned).emplace_back(r);
    }
    for (unsigned octet = 0; octet < 256; octet++) {
      for (const Ready& r : all)
        if (!r.deed->flags && !r.deed->bits && std::any_of(r.functions.begin(), r.functions.end(), [octet](const NumberRange& f) { return f.last - f.first >= 255 || ((octet - f.first) & 255) <= f.last - f.first; }))
          listed.emplace_back(r);
      begin[octet + 1] = uint16_t(listed.size());
      for (size_t role = 0; role < roles; role++) {
        Wanted& w = wanted[octet * roles + role];
        const auto add = [&](const Glance& g) {
          if (g.roles >> role & 1) (g.met ? w.unmet : w.always) |= g.acts;
        };
        std::for_each(listed.begin() + begin[octet], listed.end(), add);
        std::for_each(others.begin(), others.end(), add);
      }
    }
  }
  bool passes(const Message& m, ActSet act, bool known) const {
    const Wanted& w = wanted.data()[(m.function & 255) * roles + size_t(m.role)];
    const bool flagged_so = flags && any_flag(m);
    return !((w.always | (known ? 0 : w.unmet)) & act) && !flagged_so && !(m.qualifier & bits) && (!m.reason || reasoned.empty());
  }
  template <class F> void each(const Message& m, F f) const {   // run by run
    const uint16_t* const from = begin.data() + (m.function & 255);
    f(std::span(listed.data() + from[0], size_t(from[1] - from[0])));
    if (flags && any_flag(m) && flags_of(m) & flags) [[unlikely]] f(std::span(flagged));
    if (m.qualifier & bits) [[unlikely]] f(std::span(marked));
    if (m.reason && !reasoned.empty()) f(std::span(reasoned));
    if (!others.empty()) f(std::span(others));
  }
};

class Deeds final : public Detector {
 public:
  Deeds(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)), of_protocol_(protocols.size()) {
    for (const Family* family : families)
      for (const Deed& d : family->deeds) of_protocol_[size_t(protocol_index(d.protocol))].all.emplace_back(d);
    for (OfProtocol& of : of_protocol_) {
      of.lay_out();
      for (const Ready& r : of.all) wants_.push_back({.protocol = r.deed->protocol, .acts = r.deed->acts, .roles = r.deed->roles});
    }
    settle(s);
  }
  void settle(const JudgeSettings& s) override {
    for (OfProtocol& of : of_protocol_)
      for (Ready& r : of.all) r.settle(s);
  }
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    const ActSet act = bit(m.act);
    const bool known = c.conversation.known() && c.conversation.flow == e.scene.flow;
    const OfProtocol& of = of_protocol_.data()[e.scene.protocol];
    if (of.passes(m, act, known)) [[likely]] return;
    of.each(m, [&](std::span<const Glance> run) {
      for (const Glance& g : run)
        if (g.acts & act && g.roles >> unsigned(m.role) & 1 && !(g.met && known) && g.ready->says(m)) weigh(*g.ready, e, c, to);
    });
  }

 private:
  struct Tally {
    Time first = 0;
    unsigned n = 0;
    bool told = false;
  };
  struct Count : Tally {
    std::array<uint64_t, 64> seen{};     // which of them, a filter of 4,096 bits
  };

  void weigh(const Ready& r, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    if (m.malformed) [[unlikely]] {
      if (!(r.deed->flags & Deed::malformed) && !obeyed_though_broken(e)) return;
      if (m.role == Role::request && m.after_gap) return;
    }
    if (!r.counted) return weigh(r, e, c, to, 0, 1);
    unsigned heard;
    if (const unsigned weight = count(tallies_.at(key_of(c.conversation, m.station) ^ r.salt), r, e, nullptr, heard)) weigh(r, e, c, to, weight, heard);
  }
  // The same, where it was counted and is enough: `weight` is not 0.
  [[gnu::noinline]] void weigh(const Ready& r, const Event& e, const Context& c, Findings& to, uint64_t weight, unsigned heard) {
    const Message& m = *e.said;
    const Leave leave = r.deed->leave;
    if (c.learning && leave != Leave::nobody && leave != Leave::declared) return;
    const Point* p = r.point(e);
    if (!p && r.asks_for_point()) return;
    if (!p && !e.points.empty()) p = &e.points[0];
    const bool by_leave = leave != Leave::nobody || r.deed->of_known;
    Standing standing = by_leave ? shared_->standing(e.scene, c, to) : Standing::unjudged;
    if (r.deed->of_known && (standing == Standing::stranger || standing == Standing::stand_in)) return;
    uint8_t most = 5;
    if (leave != Leave::nobody) {
      if (standing == Standing::unjudged && leave != Leave::declared) return;
      const Known k = known(e.scene, c);
      if (leave == Leave::met && k.any()) return;
      if ((k.group && of_masters & bit(r.needs(m))) || (k.declared && k.declared->allows(r.needs(m)) && (!p || k.declared->objects.empty() || k.declared->names(p->object)))) return;
      if (k.learned) {
        if (leave == Leave::usual && usual(*k.learned, m, p)) return;
        if (leave == Leave::usual && k.learned->knows_function(m.function, m.sub_function)) most = 3;   // a short learning time did not hear all
        if (leave == Leave::declared && done_before(r, *k.learned, m, p)) {
          const DangerMemory* danger = k.learned->danger(m.station, m.act);
          if (danger && danger->approved) return;
          most = 2;
        }
      }
    }
    if (c.learning) most = std::min<uint8_t>(most, 2);
    const uint64_t key = key_of(r.deed->of == Deed::Of::servers ? key_of(e.scene.client.address) : key_of(c.conversation.pair, r.deed->of == Deed::Of::stations ? 0 : m.station), r.number);
    if (r.times > 1 && !r.counted) {
      weight = r.deed->of == Deed::Of::messages ? count(tallies_.at(key), r, e, p, heard) : count(counts_.at(key), r, e, p, heard);
      if (!weight) return;
    }
    if (most == 2 || r.deed->daily) {      // what is told counts for the day, not what is only counted
      Time& last = notices_.at(key_of(key, uint64_t(m.function) << 16 | m.sub_function));
      if (last && e.scene.time - last < day) return;
      last = e.scene.time;
    }
    if (weight <= 1) weight = pacer_.due(key, e.scene.time);
    if (!weight) return;
    if (!by_leave) standing = shared_->standing(e.scene, c, to);   // asked late: few come so far
    if (standing == Standing::stand_in && leave != Leave::declared && leave != Leave::nobody) most = std::min<uint8_t>(most, 3);
    tell(r, e, c, to, p, standing, weight, heard, most);
  }

  // How many are to be told when they are enough: all of them the first time, one more each time after; 0 when too few.
  template <class N> static unsigned count(N& n, const Ready& r, const Event& e, const Point* p, unsigned& heard) {
    if (!n.first || e.scene.time - n.first > r.window) n = {}, n.first = e.scene.time;
    if constexpr (std::is_same_v<N, Tally>) {
      n.n++;
    } else {
      const Message& m = *e.said;
      uint64_t what = m.station;
      if (r.deed->of == Deed::Of::objects) what = p ? p->object.key() : 0;
      else if (r.deed->of == Deed::Of::functions) what = uint64_t(m.function) << 16 | m.sub_function;
      else if (r.deed->of == Deed::Of::servers) what = key_of(e.scene.server.address) + m.station;
      const uint64_t h = key_of(what, 7), place = h & 4095;
      uint64_t& word = n.seen[place >> 6];
      if (!(word >> (place & 63) & 1)) word |= 1ull << (place & 63), n.n++;
    }
    heard = n.n;
    if (n.n < r.times) return 0;
    return std::exchange(n.told, true) ? 1 : n.n;
  }

  static bool usual(const ConversationMemory& learned, const Message& m, const Point* p) {
    // Files have a new name each time: who always fetched, stored or deleted some may do so with others.
    if (!p || !(changing_acts & bit(m.act)) || p->object.kind() == ObjectKind::none || m.act == Act::file) return learned.knows_function(m.function, m.sub_function);
    const StationMemory* s = learned.station(m.station);
    return s && s->written.has(p->object, p->count);
  }

  // Whether the very thing was learned. Where the deed is one of text, value or number, its function alone says nothing of it.
  static bool done_before(const Ready& r, const ConversationMemory& learned, const Message& m, const Point* p) {
    if (!learned.knows_function(m.function, m.sub_function)) return false;
    if (r.times > 1 || !r.deed->text.empty() || !r.deed->value.empty()) return false;
    if (r.deed->object.empty() || !p) return true;
    const StationMemory* s = learned.station(m.station);
    return s && (s->written.has(p->object, p->count) || s->read.has(p->object, p->count));
  }

  static std::string station_of(const Event& e) {
    if (!e.said->station) return {};
    const std::string_view text = e.texts.find(e.said->station);
    return text.empty() ? station_text(e.scene.protocol, e.said->station) : std::string(text);
  }

  void tell(const Ready& r, const Event& e, const Context& c, Findings& to, const Point* p, Standing standing, uint64_t weight, unsigned heard, uint8_t most) {
    const Message& m = *e.said;
    Finding f = finding(*r.detection, e, c);
    if (m.role == Role::response) f.source = c.party(e.scene.client.address), f.target = c.party(e.scene.server.address);   // who asked did it
    // A stranger's first word keeps NET-02 silent, so it weighs as much.
    if (standing == Standing::stranger) f.severity = std::max<uint8_t>(f.severity, c.name(e.scene.client.address).empty() ? 4 : 3);
    f.severity = std::min(f.severity, most);
    f.weight = weight;
    f.cause = m.station;
    f.station = station_of(e);
    if (p && p->object.kind() != ObjectKind::none) {
      f.object = object_label(c, e.scene, m.station, p->object, p->count);
      if (p->object.kind() == ObjectKind::named) f.object = object_text(p->object, 1, e.texts);
    }
    if (r.deed->of == Deed::Of::servers) f.target = {}, f.cause = 1;
    if (r.deed->of == Deed::Of::stations) f.station.clear(), f.cause = 0;
    Words w;
    w.client = c.text(e.scene.client.address);
    w.server = c.text(e.scene.server.address);
    w.station = f.station.empty() ? "" : ", " + f.station;
    w.object = f.object;
    if (e.points.size() > 1 && !f.object.empty() && p->object.kind() != ObjectKind::named) w.object += fmt::format(" and {} more", e.points.size() - 1);
    w.value = p ? value_text(*p, e.texts) : "";
    w.function = function_text(e.scene.protocol, m.function, m.sub_function);
    const Protocol& protocol = *protocols[e.scene.protocol];
    w.reason = protocol.reason ? protocol.reason(m.reason) : std::string_view();
    if (w.reason.empty()) w.reason = fmt::format("reason {}", m.reason);
    w.times = fmt::format("{}", heard);
    w.masters = masters_text(e.scene, c);
    f.what = sentence(r.deed->what, w);
    if (r.times > 1 && r.deed->of == Deed::Of::objects) f.object.clear();
    f.expected = most == 2 && !c.learning ? sentence("It was learned that {client} does so here, and nobody has approved it yet.", w) : sentence(r.deed->expected, w);
    to.raise(std::move(f));
  }

  std::shared_ptr<Shared> shared_;
  std::vector<OfProtocol> of_protocol_;
  std::vector<Want> wants_;
  Recent<Tally> tallies_;                // of messages, which are many: small rows
  Recent<Count> counts_;
  Recent<Time> notices_;
  Pacer pacer_;
};

}  // namespace

void add_deed_detector(Detectors& to, const JudgeSettings& s, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<Deeds>(s, std::move(shared)));
}

std::string flaw(const Deed& d) {
  if (!detection(d.detection)) return fmt::format("no detection {}", d.detection);
  if (protocol_index(d.protocol) < 0) return fmt::format("no protocol {}", d.protocol);
  for (std::string_view list : {d.functions, d.reasons, d.value, d.qualifiers})
    if (!ranges(list)) return fmt::format("\"{}\" is no list of numbers and ranges", list);
  for (std::string_view form : {d.what, d.expected}) {
    if (form.empty()) return "a sentence is missing";
    try {
      sentence(form, Words{});
    } catch (const fmt::format_error& e) {
      return fmt::format("\"{}\": {}", form, e.what());
    }
  }
  return {};
}

}  // namespace vidra
