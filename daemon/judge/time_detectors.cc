// SPDX-License-Identifier: Apache-2.0
// Who gives the time: PTP grandmasters (TIM-01 to 05), NTP servers (TIM-06, 07), and the nodes of redundant networks,
// which announce themselves in the same manner (PRP-03).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "daemon/base/text.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

Object named(std::string_view name) { return Object::of_text(text_key(name)); }

const Point* field(const Event& e, Object name) {
  for (const Point& p : e.points)
    if (p.object == name) return &p;
  return nullptr;
}

class Grandmasters final : public Detector {
 public:
  explicit Grandmasters(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override { together_ = Time(s.number(two_, "together") * double(second)); }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "ptp", .acts = bit(Act::time), .roles = Want::reports}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.malformed) return;
    if (m.function == announce || m.function == changed) announced(e, c, to);
    else if (m.function == summary) summed(e, c, to);
    else if (m.function == breach && m.sub_function == stepped) jumped(e, c, to);
  }

 private:
  static constexpr uint16_t announce = 11, changed = 0x200, breach = 0x201, summary = 0x202, stepped = 4;
  enum class Standing : uint8_t { unjudged, known, strange };
  struct Clock {
    uint64_t station = 0, master = 0;
    uint32_t domain = 0;
    uint16_t vlan = 0, interface = 0;
    Address source;
    std::string text;                    // the master's identity
    Time since = 0, used = 0;            // since: it announces this master
    Time goes_on[2] = {};                // the last summary with announces: its beginning and end
    std::array<uint64_t, 6> rank = {};   // in the order of IEEE 1588, 9.3.4: less is better
    int64_t utc_offset = 0;
    Standing standing = Standing::unjudged;
    bool offset_valid = false, leap = false, told_two = false;
    uint64_t grade() const { return rank[1]; }
  };

  void announced(const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    Clock& k = place(e);
    Clock now = k;
    for (size_t i = 0; i < ranked_.size(); i++)
      if (const Point* p = field(e, ranked_[i])) now.rank[i] = p->raw;
    if (const Point* p = field(e, offset_)) now.utc_offset = int64_t(p->raw);
    const Point* valid = field(e, valid_);
    now.offset_valid = valid && valid->raw;
    now.leap = field(e, leap_added_) || field(e, leap_removed_);
    now.source = e.scene.client.address;
    now.vlan = e.scene.vlan, now.interface = e.scene.interface;
    if (k.master == m.origin) {
      if (k.grade() <= in_holdover && now.grade() >= out_of_holdover) worse(now, e, c, to);
      if (k.offset_valid && now.offset_valid && k.utc_offset != now.utc_offset && !k.leap && k.standing != Standing::strange) offset_changed(k, now, e, c, to);
      k = std::move(now);
      return;
    }
    now.master = m.origin;
    now.since = e.scene.time;
    now.text = std::string(e.texts.find(m.origin));
    now.told_two = false;
    now.goes_on[0] = now.goes_on[1] = 0;
    now.standing = standing(e, c, now.text);
    if (now.standing == Standing::strange) strange(now, e, c, to);
    k = std::move(now);
  }

  void summed(const Event& e, const Context& c, Findings& to) {
    Clock* a = find(e);
    const Point* announces = field(e, announces_);
    const Point* over = field(e, over_);
    if (!a || !announces || !over) return;
    a->used = e.scene.time;
    a->goes_on[0] = e.scene.time - Time(over->number() * double(second)), a->goes_on[1] = e.scene.time;
    if (a->standing == Standing::strange || a->told_two) return;             // TIM-01 said so
    for (Clock& b : clocks_) {
      if (&b == a || !b.master || b.domain != a->domain || b.master == a->master || b.vlan != a->vlan || b.interface != a->interface) continue;
      if (b.standing == Standing::strange || e.scene.time - b.goes_on[1] > minute) continue;
      if (a->goes_on[0] < b.since + together_ || b.goes_on[0] < a->since + together_) continue;
      a->told_two = b.told_two = true;
      Finding f = start(two_, *a, e, c);
      f.what = fmt::format("Two PTP grandmasters announce themselves in domain {}: {} ({}, priority 1 is {}, class {}) and {} ({}, priority 1 is {}, class {}).", a->domain & 255,
                           a->text, c.text(a->source), a->rank[0], a->rank[1], b.text, c.text(b.source), b.rank[0], b.rank[1]);
      f.expected = "The worse of two is silent while it hears the better one.";
      return to.raise(std::move(f));
    }
  }

  // Whoever follows another grandmaster than before takes over its time: that is no jump of its own.
  void jumped(const Event& e, const Context& c, Findings& to) {
    Clock* k = find(e);
    if (!k || e.scene.time - k->since < minute || k->standing == Standing::strange) return;
    const Point* by = field(e, by_);
    Finding f = start(odd_, *k, e, c);
    f.what = fmt::format("The PTP clock {} ({}) jumped by {} against the sensor's.", e.texts.find(e.said->station), c.text(e.scene.client.address), by ? human_duration(std::abs(int64_t(by->raw))) : "more than a second");
    f.expected = "A grandmaster's clock runs on.";
    to.raise(std::move(f));
  }

  // Known is whom the site declares as a host that gives time, or who was learned to announce; or a clock behind such a one.
  static Standing standing(const Event& e, const Context& c, std::string_view identity) {
    if (c.learning || c.knows_nothing()) return Standing::unjudged;
    const Scene& s = e.scene;
    if (c.conversation.declared) return Standing::known;
    if (c.conversation.learned && c.conversation.learned->knows_function(announce, 0)) return Standing::known;
    if (c.site.role_of(c.site.host_of(s.client.address)) == HostRole::time || c.site.role_of(c.site.host_of(s.client_mac)) == HostRole::time) return Standing::known;
    // A clock's identity is its MAC with two octets put in (IEEE 1588, 7.5.2.2.2).
    if (identity.size() == 23)
      if (const auto mac = parse_mac(fmt::format("{}{}", identity.substr(0, 8), identity.substr(14))); mac && c.site.role_of(c.site.host_of(*mac)) == HostRole::time) return Standing::known;
    bool learned_any = false;
    for (const ConversationMemory& m : c.memory.conversations()) {
      if (m.protocol != s.protocol || !m.knows_function(announce, 0)) continue;
      learned_any = true;
      if (m.station(e.said->origin)) return Standing::known;
    }
    if (learned_any || !c.memory.empty()) return Standing::strange;
    const bool declared = std::any_of(c.site.hosts.begin(), c.site.hosts.end(), [](const SiteHost& h) { return h.role == HostRole::time && !h.macs.empty(); });
    return declared ? Standing::strange : Standing::unjudged;
  }

  void strange(const Clock& k, const Event& e, const Context& c, Findings& to) {
    const Clock* best = nullptr;
    for (const Clock& b : clocks_)
      if (b.master && b.master != k.master && b.domain == k.domain && b.standing != Standing::strange && e.scene.time - b.used < minute && (!best || b.rank < best->rank)) best = &b;
    Finding f = start(new_, k, e, c);
    f.what = fmt::format("{} announces itself as PTP grandmaster {} in domain {}: priority 1 is {}, class {}", c.text(k.source), k.text, k.domain & 255, k.rank[0], k.rank[1]);
    if (!best) {
      f.what += ".";
      f.expected = "No clock that announces this grandmaster is declared or was learned.";
    } else if (k.rank < best->rank) {
      f.what += fmt::format(". It is better than {} (priority 1 is {}, class {}), so all clocks follow it.", best->text, best->rank[0], best->rank[1]);
      f.expected = fmt::format("Time is given by {}.", c.text(best->source));
    } else {
      f.severity = std::min<uint8_t>(f.severity, 3);
      f.what += fmt::format(". It is worse than {}, so clocks follow it only when that one is gone.", best->text);
      f.expected = fmt::format("Time is given by {}.", c.text(best->source));
    }
    to.raise(std::move(f));
  }

  void worse(const Clock& k, const Event& e, const Context& c, Findings& to) {
    Finding f = start(worse_, k, e, c);
    f.what = fmt::format("Grandmaster {} ({}) says that its time is no longer within its specification: class {}.", k.text, c.text(k.source), k.grade());
    f.expected = "Class 6 with satellites, 7 in holdover.";
    to.raise(std::move(f));
  }

  void offset_changed(const Clock& before, const Clock& k, const Event& e, const Context& c, Findings& to) {
    Finding f = start(utc_, k, e, c);
    f.what = fmt::format("Grandmaster {} ({}) changed the offset to UTC from {} to {} s.", k.text, c.text(k.source), before.utc_offset, k.utc_offset);
    f.expected = "It changes with a leap second, which is announced before.";
    to.raise(std::move(f));
  }

  static Finding start(const Detection& d, const Clock& k, const Event& e, const Context& c) {
    Finding f = finding(d, e, c);
    f.source = c.party(k.source);
    f.target = {};
    f.cause = k.domain;
    f.station = k.text;
    f.object.clear();
    return f;
  }

  Clock* find(const Event& e) {
    const uint32_t domain = e.said->qualifier & 0xffff;
    for (Clock& k : clocks_)
      if (k.station == e.said->station && k.domain == domain && k.master) return &k;
    return nullptr;
  }
  Clock& place(const Event& e) {
    Clock* k = find(e);
    if (!k) {
      k = &*std::min_element(clocks_.begin(), clocks_.end(), [](const Clock& a, const Clock& b) { return a.used < b.used; });
      *k = Clock{};
      k->station = e.said->station;
      k->domain = e.said->qualifier & 0xffff;
    }
    k->used = e.scene.time;
    return *k;
  }

  static constexpr uint64_t in_holdover = 14, out_of_holdover = 52;
  const Detection& new_ = row("TIM-01");
  const Detection& worse_ = row("TIM-02");
  const Detection& odd_ = row("TIM-03");
  const Detection& utc_ = row("TIM-04");
  const Detection& two_ = row("TIM-05");
  const std::array<Object, 5> ranked_ = {named("priority 1"), named("class"), named("accuracy"), named("variance"), named("priority 2")};
  const Object offset_ = named("UTC offset"), valid_ = named("UTC offset valid"), leap_added_ = named("leap second added"), leap_removed_ = named("leap second removed"),
               announces_ = named("Announce"), over_ = named("over, s"), by_ = named("by, ns");
  Time together_;
  std::array<Clock, 32> clocks_;
};

class TimeServers final : public Detector {
 public:
  explicit TimeServers(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    off_ = Time(s.number(new_, "offset") * double(second));
    step_ = Time(s.number(jump_, "step") * double(second));
    long_ = Time(s.number(jump_, "unsynchronised") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "ntp", .acts = bit(Act::time)}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.function != server && m.function != broadcast) return;
    if (m.malformed || m.refused || m.after_gap) return;
    if (strange(e, c)) return tell_strange(e, c, to);
    follow(e, c, to);
  }

 private:
  static constexpr uint16_t server = 4, broadcast = 5;

  static bool is_known(const Context& c, const Address& a) { return c.site.host_of(a) || c.memory.host(a); }

  // Serves time though nobody declared or learned that it does, to somebody of the plant.
  static bool strange(const Event& e, const Context& c) {
    if (c.learning || c.knows_nothing() || c.conversation.known()) return false;
    const Address& who = e.scene.speaker().address;
    const HostId host = c.site.host_of(who);
    if (c.site.role_of(host) == HostRole::time) return false;
    if (e.said->function == server && !is_known(c, e.scene.listener().address)) return false;
    for (const SiteConversation& d : c.site.conversations)
      if (d.protocol_index == e.scene.protocol && d.server.kind != Selector::Kind::any && c.site.matches(d.server, who, host)) return false;
    for (const ConversationMemory& m : c.memory.conversations())
      if (m.protocol == e.scene.protocol && (m.server == who || (m.client == who && m.knows_function(broadcast, 0)))) return false;
    return true;
  }

  Time offset(const Event& e, bool& has) const {
    const Point* p = field(e, transmit_);
    has = p && p->kind == ValueKind::time;
    return has ? Time(p->raw) - e.scene.time : 0;
  }
  static std::string away(Time offset) { return fmt::format("{} {} the sensor's clock", seconds_text(std::abs(offset)), offset < 0 ? "behind" : "ahead of"); }

  void tell_strange(const Event& e, const Context& c, Findings& to) {
    const Scene& s = e.scene;
    if (s.speaker().address.group()) return;
    const uint64_t weight = pacer_.due(key_of(s.speaker().address), s.time);
    if (!weight) return;
    bool has;
    const Time off = offset(e, has);
    Finding f = finding(new_, e, c);
    f.source = c.party(s.speaker().address);
    f.target = {};
    f.object.clear();
    f.weight = weight;
    if (has && std::abs(off) > off_) f.severity = std::max<uint8_t>(f.severity, 4);
    f.what = fmt::format("{} gives the time to {}{}.", c.text(s.speaker().address), e.said->function == broadcast ? "all that listen" : c.text(s.listener().address),
                         has && std::abs(off) > off_ ? ", " + away(off) : std::string());
    f.expected = "It is neither declared nor learned as a time server.";
    to.raise(std::move(f));
  }

  void follow(const Event& e, const Context& c, Findings& to) {
    const Scene& s = e.scene;
    bool has;
    const Time off = offset(e, has);
    Server& v = servers_.at(key_of(s.speaker().address));
    const bool adrift = (e.said->qualifier & 3) == 3;
    if (!adrift) v.adrift_since = 0, v.told = false;
    else if (!v.adrift_since) v.adrift_since = s.time;
    std::string what, expected;
    const bool had = v.has;
    const Time step = off - v.offset;
    if (has && !adrift) v.offset = off, v.has = true;
    if (has && !adrift && had) vote(e, c, std::abs(step) > step_ ? step : 0, to);
    if (adrift && !v.told && s.time - v.adrift_since >= long_) {
      v.told = true;
      what = fmt::format("Time server {} has said for {} that it has no time.", c.text(s.speaker().address), human_duration(s.time - v.adrift_since));
      expected = "It has a reference again soon after its start.";
    }
    if (what.empty()) return;
    Finding f = finding(jump_, e, c);
    f.source = c.party(s.speaker().address);
    f.target = {};
    f.object.clear();
    f.what = std::move(what);
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

  // Where another server jumps by as much it was the sensor's clock, one voter among others: nothing is told. Where it did not, or
  // nobody else is there to ask, the jump is told.
  void vote(const Event& e, const Context& c, Time step, Findings& to) {
    const Address& who = e.scene.speaker().address;
    const auto as_much = [](Time a, Time b) { return std::abs(a - b) <= std::max<Time>(second, std::abs(a) / 50); };
    if (step && sensor_jump_ && as_much(step, sensor_jump_) && e.scene.time - sensor_jumped_ < hour) return;
    if (waiting_.detection && (who != waiting_.source.address || e.scene.time - waiting_.scene.time > 15 * minute)) {
      Finding f = std::exchange(waiting_, Finding{});
      if (who != f.source.address && step && as_much(step, waiting_step_)) {
        sensor_jump_ = step, sensor_jumped_ = e.scene.time;
        return;
      }
      to.raise(std::move(f));
    }
    if (!step || waiting_.detection) return;
    waiting_ = finding(jump_, e, c);
    waiting_.source = c.party(who);
    waiting_.target = {};
    waiting_.object.clear();
    waiting_.what = fmt::format("The clock of time server {} jumped by {}; it is now {}.", c.text(who), human_duration(std::abs(step)), away(servers_.at(key_of(who)).offset));
    waiting_.expected = "A time server's clock runs on.";
    waiting_step_ = step;
  }

  struct Server { Time offset = 0, adrift_since = 0; bool has = false, told = false; };
  const Detection& new_ = row("TIM-06");
  const Detection& jump_ = row("TIM-07");
  const Object transmit_ = named("transmit");
  Time off_, step_, long_;
  Finding waiting_;                      // a jump that another server may explain
  Time waiting_step_ = 0, sensor_jump_ = 0, sensor_jumped_ = 0;
  Recent<Server> servers_{256};
  Pacer pacer_;
};

// A node that is off says nothing either: it is for those who run the plant. While nobody is heard, it is the sensor that is deaf.
class RedundantNodes final : public Detector {
 public:
  explicit RedundantNodes(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override { silence_ = Time(s.number(row_, "silence") * double(second)); }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "prp", .roles = Want::reports}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context&, Findings&) override {
    if (e.said->malformed) return;
    const Scene& s = e.scene;
    const uint64_t key = key_of(s.client.address) | 1;
    Node* free = &nodes_[0];
    for (Node& n : nodes_) {
      if (n.key == key) { free = &n; break; }
      if (n.scene.time < free->scene.time) free = &n;
    }
    if (free->key != key) *free = Node{};
    free->key = key;
    if (s.time - free->scene.time > second) free->heard++;
    free->scene = s;
    free->told = false;
    last_ = s.time;
  }

  void tick(const Context& c, Findings& to) override {
    if (c.now - last_ > 5 * second) return;
    for (Node& n : nodes_) {
      if (!n.key || n.told || n.heard < regularly || c.now - n.scene.time < silence_) continue;
      n.told = true;
      n.heard = 0;
      Finding f;
      f.detection = &row_;
      f.severity = row_.severity;
      f.scene = n.scene;
      f.scene.time = c.now;
      f.source = c.party(n.scene.client.address);
      f.what = fmt::format("Node {} of the redundant network has said nothing for {}; others go on.", c.text(n.scene.client.address), human_duration(c.now - n.scene.time));
      f.expected = "It announced itself every two seconds.";
      to.raise(std::move(f));
    }
  }

 private:
  static constexpr unsigned regularly = 10;
  struct Node { uint64_t key = 0; unsigned heard = 0; bool told = false; Scene scene; };
  const Detection& row_ = row("PRP-03");
  Time silence_, last_ = 0;
  std::array<Node, 128> nodes_;
};

}  // namespace

void add_time_detectors(Detectors& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<Grandmasters>(s));
  to.push_back(std::make_unique<TimeServers>(s));
  to.push_back(std::make_unique<RedundantNodes>(s));
}

}  // namespace vidra
