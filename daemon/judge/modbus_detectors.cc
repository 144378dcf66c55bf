// SPDX-License-Identifier: Apache-2.0
// Modbus: who asks and who writes (MOD-01 to 06), functions that stop or reprogram (MOD-07 08 22), probing and breaking
// (MOD-11 12 16 18 20), and over the site's borders (MOD-25).
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "daemon/judge/rules.h"
#include "dissectors/facts.h"

namespace vidra {
namespace {

constexpr uint16_t illegal_function = 1, illegal_address = 2, diagnostics = 8, restart_communications = 1, listen_only = 4, umas = 90;

Time seconds_of(const JudgeSettings& s, const Detection& d, std::string_view key) { return Time(s.number(d, key) * double(second)); }

// Whether this client may write these objects: by its declared conversation, by the point list, or because it always did.
bool may_write(const Context& c, const Scene& s, const Known& k, uint64_t station, Object o, uint32_t count) {
  if (k.declared && !k.declared->objects.empty()) {
    if (k.declared->names(o) && (count == 1 || k.declared->names(o.at(count - 1)))) return true;
  }
  const HostId server = c.site.host_of(s.server.address);
  const bool listed = c.site.has_points(server, s.protocol, station);
  if (listed) {
    const SitePoint* p = c.site.point(server, s.protocol, station, o);
    if (p && (p->writable || p->direction == Direction::control)) return true;
  }
  const StationMemory* learned = k.learned ? k.learned->station(station) : nullptr;
  if (learned && learned->written.has(o, count)) return true;
  // Nothing says which objects: then the leave to write is a leave for all of them.
  return (k.group || (k.declared && k.declared->objects.empty() && k.declared->allows(Act::write))) && !listed && !(learned && !learned->habits.empty());
}

class Clients final : public Detector {
 public:
  Clients(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    turns_ = unsigned(s.number(fight_, "changes"));
    fight_window_ = seconds_of(s, fight_, "window");
    toggles_ = unsigned(s.number(toggle_, "changes"));
    toggle_window_ = seconds_of(s, toggle_, "window");
    learned_ = unsigned(s.number(limit_, "learned"));
    spans_ = s.number(limit_, "spans");
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "modbus", .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    const bool writes = m.act == Act::write;
    if (c.conversation.known() && !writes) [[likely]] return;
    if (c.learning || e.scene.from != Side::client) return;
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing == Standing::stranger || standing == Standing::stand_in) client(e, c, to, standing);
    if (!writes || (m.malformed && !obeyed_though_broken(e)) || standing == Standing::unjudged) return;
    const Known k = known(e.scene, c);
    const bool permitted = standing == Standing::stand_in || k.allows(acts({Act::write, Act::operate}));
    if (!permitted) unpermitted(e, c, to, standing);
    else if (standing == Standing::known && !e.points.empty()) address(e, c, to, k);
    if (standing == Standing::known && permitted) limits(e, c, to, k);
    for (size_t i = 0; i < e.points.size() && i < 32; i++) rewritten(e, c, to, k, e.points[i], permitted);
  }

 private:
  struct Told { Standing standing = Standing::unjudged; };
  struct Written {
    Address writer, other;
    uint64_t value = 0;
    Time last = 0, first_turn = 0;
    unsigned turns = 0;                  // from one writer's value to another's
    bool known = false, other_known = false;
    std::array<Time, 16> toggles{};
    unsigned changes = 0;
  };

  void client(const Event& e, const Context& c, Findings& to, Standing standing) {
    Told& told = told_.at(key_of(e.scene.flow, c.conversation.pair));
    if (told.standing == standing) return;
    told.standing = standing;
    if (standing == Standing::stand_in) return shared_->switch_over(e, c, to);
    const uint64_t weight = pacer_.due(key_of(c.conversation.pair, 1), e.scene.time);
    if (!weight) return;
    Finding f = finding(client_, e, c);
    f.weight = weight;
    f.object.clear();
    const std::string known_clients = masters_text(e.scene, c);
    f.what = fmt::format("{} asks {}, {}: {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                         function_text(e.scene.protocol, e.said->function, e.said->sub_function));
    f.expected = fmt::format("Known to ask this device: {}.", known_clients);
    to.raise(std::move(f));
  }

  void unpermitted(const Event& e, const Context& c, Findings& to, Standing standing) {
    if (shared_->lately(Shared::scan, e.scene)) return;                  // a function scan tries the writes too
    const uint64_t weight = pacer_.due(c.conversation.pair, e.scene.time);
    if (!weight) return;
    Finding f = finding(write_, e, c);
    describe(f, e, c);
    f.weight = weight;
    f.expected = standing == Standing::known ? fmt::format("{} only reads here.", c.text(e.scene.client.address))
                                             : fmt::format("Known to ask this device: {}.", masters_text(e.scene, c));
    to.raise(std::move(f));
  }

  void address(const Event& e, const Context& c, Findings& to, const Known& k) {
    const Point* wrong = nullptr;
    for (size_t i = 0; i < e.points.size() && !wrong; i++)
      if (!may_write(c, e.scene, k, e.said->station, e.points[i].object, e.points[i].count)) wrong = &e.points[i];
    if (!wrong) return;
    const uint64_t weight = pacer_.due(key_of(c.conversation.pair, 3), e.scene.time);
    if (!weight) return;
    Finding f = finding(address_, e, c);
    describe(f, e, c);
    f.object = object_label(c, e.scene, e.said->station, wrong->object, wrong->count);
    f.weight = weight;
    if (!k.declared) f.severity = std::min<uint8_t>(f.severity, 3);      // what a short learning time did not see is not forbidden
    f.expected = k.declared ? fmt::format("{} may write here, but not {}.", c.text(e.scene.client.address), f.object)
                            : fmt::format("{} was never written by {}.", f.object, c.text(e.scene.client.address));
    to.raise(std::move(f));
  }

  void limits(const Event& e, const Context& c, Findings& to, const Known& k) {
    const bool listed = c.site.has_points(c.conversation.server, e.scene.protocol, e.said->station);
    const StationMemory* learned = k.learned ? k.learned->station(e.said->station) : nullptr;
    if (!listed && !learned) return;
    for (const Point& p : e.points) {
      if (!p.has_number()) continue;
      const SitePoint* declared = listed ? c.site.point(c.conversation.server, e.scene.protocol, e.said->station, p.object) : nullptr;
      const Habit* habit = learned && e.points.size() == 1 && p.kind != ValueKind::boolean ? learned->habit(p.object) : nullptr;   // two registers may be one number
      std::string expected;
      const bool limited = declared && (declared->min || declared->max);
      if (limited) {
        if (!((declared->min && declared->scaled(p.number()) < *declared->min) || (declared->max && declared->scaled(p.number()) > *declared->max))) continue;
        expected = fmt::format("The site declares {} to {} for it.", declared->min ? fmt::format("{:g}", *declared->min) : "-∞", declared->max ? fmt::format("{:g}", *declared->max) : "∞");
      } else if (habit && habit->times >= learned_ && strange(e, p, *habit)) {
        expected = fmt::format("{:g} to {:g} in {} writes learned.", habit->min, habit->max, habit->times);
      } else {
        continue;
      }
      Finding f = finding(limit_, e, c);
      f.cause = p.object.key();
      f.object = object_label(c, e.scene, e.said->station, p.object);
      f.what = fmt::format("{} wrote {} to {} of {}, {}.", c.text(e.scene.client.address), value_text(p), f.object, c.text(e.scene.server.address), f.station);
      if (!limited) f.severity = std::min<uint8_t>(f.severity, 3);   // as with the addresses of MOD-03
      f.expected = std::move(expected);
      return to.raise(std::move(f));
    }
  }

  // A register is a set-point, but also a choice, a word of bits, a time of day, a counter: only what is twice as large as anything before
  // is strange, and neither what is small, nor a single bit, nor what counts on, over the register's end too.
  bool strange(const Event& e, const Point& p, const Habit& habit) const {
    if (p.raw < 16 || std::has_single_bit(p.raw)) return false;
    const Written* w = written_.find(key_of(key_of(key_of(e.scene.server.address), e.said->station), p.object.key()));
    const double before = w && w->last ? double(w->value) : std::numeric_limits<double>::quiet_NaN();
    return habit.strange(p.number(), before, spans_, 1) && habit.strange(p.number(), before > p.number() ? before - 65536 : before + 65536, spans_, 1);
  }

  void rewritten(const Event& e, const Context& c, Findings& to, const Known& k, const Point& p, bool permitted) {
    if (!p.has_number()) return;
    const Time now = e.scene.time;
    Written& w = written_.at(key_of(key_of(key_of(e.scene.server.address), e.said->station), p.object.key()));
    const Address& writer = e.scene.client.address;
    const bool right = permitted && may_write(c, e.scene, k, e.said->station, p.object, 1);
    if (w.last && now - w.last > std::max(fight_window_, toggle_window_)) w = Written{};
    const bool changed = w.last && w.value != p.raw;
    if (changed && w.writer != writer) {
      if (!w.first_turn || now - w.first_turn > fight_window_) w.first_turn = now, w.turns = 0;
      w.other = w.writer, w.other_known = w.known;
      w.turns++;
      // Redundant servers that both belong here toggle their watchdogs for ever.
      if (w.turns >= turns_ && !(right && w.other_known)) {
        const bool intruder = !right;
        Finding f = finding(fight_, e, c);
        f.source = c.party(intruder ? writer : w.other);
        f.cause = p.object.key();
        f.object = object_label(c, e.scene, e.said->station, p.object);
        f.weight = w.turns == turns_ ? w.turns : 1;
        f.what = fmt::format("{} and {} write {} of {}, {}, against each other: {} times in {}, now {}.", c.text(writer), c.text(w.other), f.object,
                             c.text(e.scene.server.address), f.station, w.turns, seconds_text(now - w.first_turn), value_text(p));
        f.expected = fmt::format("Only {} writes it.", c.text(intruder ? w.other : writer));
        to.raise(std::move(f));
      }
    }
    if (changed && p.kind == ValueKind::boolean) {
      w.toggles[w.changes++ % w.toggles.size()] = now;
      const StationMemory* learned = k.learned ? k.learned->station(e.said->station) : nullptr;
      const Habit* habit = learned ? learned->habit(p.object) : nullptr;
      const unsigned need = std::clamp(permitted ? toggles_ : std::min(toggles_, 4u), 2u, unsigned(w.toggles.size()));
      const Time window = permitted ? toggle_window_ : minute;
      if (!(habit && habit->times >= 8) && w.changes >= need && now - w.toggles[(w.changes - need) % w.toggles.size()] <= window) {
        const uint64_t weight = w.changes == need ? need : pacer_.due(p.object.key(), now);
        if (weight) {
          Finding f = finding(toggle_, e, c);
          f.cause = p.object.key();
          f.object = object_label(c, e.scene, e.said->station, p.object);
          f.weight = weight;
          f.what = fmt::format("{} switched {} of {}, {}, to and fro, {} changes up to now.", c.text(writer), f.object, c.text(e.scene.server.address), f.station, w.changes);
          f.expected = fmt::format("Fewer than {} changes in {}; no watchdog is known at this coil.", need, seconds_text(window));
          to.raise(std::move(f));
        }
      }
    }
    w.writer = writer;
    w.known = right;
    w.value = p.raw;
    w.last = now;
  }

  void describe(Finding& f, const Event& e, const Context& c) const {
    const Message& m = *e.said;
    std::string values;
    if (!e.points.empty()) {
      const Point& first = e.points[0];
      const bool row = e.points.back().object.key() == first.object.key() + e.points.size() - 1;
      f.object = object_label(c, e.scene, m.station, first.object, row ? uint32_t(e.points.size()) : 1);
      for (size_t i = 0; i < e.points.size() && i < 4; i++) values += (i ? ", " : "") + value_text(e.points[i]);
      if (e.points.size() > 4) values += ", …";
    }
    const std::string how = function_text(e.scene.protocol, m.function, m.sub_function);
    f.what = e.points.empty() ? fmt::format("{} sent {}, {}, a write: {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station, how)
                              : fmt::format("{} wrote {} to {} of {}, {} ({}).", c.text(e.scene.client.address), values, f.object, c.text(e.scene.server.address), f.station, how);
  }

  const Detection& client_ = row("MOD-01");
  const Detection& write_ = row("MOD-02");
  const Detection& address_ = row("MOD-03");
  const Detection& limit_ = row("MOD-04");
  const Detection& fight_ = row("MOD-05");
  const Detection& toggle_ = row("MOD-06");
  unsigned turns_;
  Time fight_window_;
  unsigned toggles_;
  Time toggle_window_;
  unsigned learned_;
  double spans_;
  std::shared_ptr<Shared> shared_;
  Recent<Told> told_;
  Recent<Written> written_{4096};
  Pacer pacer_;
};

// MOD-07, MOD-08, MOD-22.
class DangerousFunctions final : public Detector {
 public:
  explicit DangerousFunctions(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "modbus", .acts = acts({Act::run, Act::program, Act::write}), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    const Known k = known(e.scene, c);
    if (m.function == diagnostics && (m.sub_function == listen_only || m.sub_function == restart_communications)) {
      if (k.declared && k.declared->allows(Act::run)) return;
      const bool silence = m.sub_function == listen_only;
      return raise(silence ? silence_ : restart_, e, c, to, silence ? "A device that listens only answers nobody until it is restarted." : "Communications are restarted by hand, during works.", 0);
    }
    if (m.function != umas || shared_->lately(Shared::scan, e.scene)) return;
    if (k.declared && k.declared->allows(m.act)) return;
    const DangerMemory* danger = k.learned && !c.learning ? k.learned->danger(m.station, m.act) : nullptr;
    if (danger && danger->approved) return;
    if (m.act == Act::write && k.allows(bit(Act::write))) return;
    raise(program_, e, c, to, "Controllers are programmed and stopped from a declared engineering station, during works.", danger ? 3 : 0);
  }

 private:
  void raise(const Detection& d, const Event& e, const Context& c, Findings& to, std::string expected, uint8_t most) {
    const uint64_t weight = pacer_.due(key_of(c.conversation.pair, index_of(d)), e.scene.time);
    if (!weight) return;
    Finding f = finding(d, e, c);
    f.object.clear();
    f.weight = weight;
    if (most) f.severity = std::min(f.severity, most);
    f.what = fmt::format("{} sent {}, {}: {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                         function_text(e.scene.protocol, e.said->function, e.said->sub_function));
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

  const Detection& silence_ = row("MOD-07");
  const Detection& restart_ = row("MOD-08");
  const Detection& program_ = row("MOD-22");
  std::shared_ptr<Shared> shared_;
  Pacer pacer_;
};

// MOD-11, MOD-12, MOD-16, MOD-18, MOD-20: counted for each pair of client and server.
class Probing final : public Detector {
 public:
  Probing(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    functions_ = unsigned(s.number(scan_, "functions"));
    refusals_ = unsigned(s.number(scan_, "refusals"));
    scan_window_ = seconds_of(s, scan_, "window");
    ranges_ = unsigned(s.number(sweep_, "ranges"));
    absent_ = unsigned(s.number(sweep_, "absent"));
    sweep_window_ = seconds_of(s, sweep_, "window");
    answers_ = unsigned(s.number(unasked_, "answers"));
    answers_window_ = seconds_of(s, unasked_, "window");
    frames_ = unsigned(s.number(broken_, "frames"));
    frames_window_ = seconds_of(s, broken_, "window");
    unanswered_ = unsigned(s.number(flood_, "unanswered"));
    flood_window_ = seconds_of(s, flood_, "window");
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "modbus"}, {.protocol = "tcp", .roles = Want::reports}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (e.scene.protocol != modbus_) [[unlikely]] {
      if (Fact(m.function) == Fact::gap || Fact(m.function) == Fact::unreadable) {
        Scene s = e.scene;
        s.protocol = modbus_;
        if (pairs_.find(pair_key(s))) pairs_.at(pair_key(s)).lost = s.time;
      }
      return;
    }
    const Time now = e.scene.time;
    Pair& p = pairs_.at(c.conversation.pair);
    if (!p.first) p.first = now;
    if (m.after_gap) [[unlikely]] p.lost = now;
    if (m.malformed) [[unlikely]] {
      broken(e, c, to, p);
      if (m.role != Role::request || m.after_gap) return;
    }
    if (m.role == Role::request) {
      if (now - p.asked_since > flood_window_) p.asked_since = now, p.asked = 0;
      if (++p.asked >= unanswered_ && !m.broadcast) [[unlikely]] flood(e, c, to, p);
      function(e, c, to, p);
      if (m.act == Act::read && !e.points.empty()) range(e, c, to, p, ranges_, false);
    } else {
      p.answers++;
      p.asked -= p.asked > 0;
      if (m.unpaired) [[unlikely]] unasked(e, c, to, p);
      if (m.refused) [[unlikely]] {
        if (m.reason == illegal_function) p.refusals++, scanned(e, c, to, p, true);
        else if (m.reason == illegal_address && !e.points.empty()) range(e, c, to, p, absent_, true);
      }
    }
  }

 private:
  struct Ranges { Time first = 0; unsigned count = 0; bool told = false; std::array<uint64_t, 64> keys{}; };
  struct Pair {
    Time first = 0, lost = 0;
    Time scan_since = 0, scan_last = 0;
    uint64_t asked_functions[2] = {};
    unsigned functions = 0, refusals = 0, tried = 0;
    bool scan_told = false;
    Ranges unknown, absent;
    Time unasked_since = 0, broken_since = 0, asked_since = 0;
    unsigned unasked = 0, broken = 0, asked = 0;
    uint64_t answers = 0;
    Time flood_told = 0;
  };

  void function(const Event& e, const Context& c, Findings& to, Pair& p) {
    const Message& m = *e.said;
    const unsigned f = m.function & 127;
    const Time now = e.scene.time;
    // A scan under way goes on until it has been quiet for the window: a boundary in its midst would tell it twice.
    if (now - (p.scan_told ? p.scan_last : p.scan_since) > scan_window_ && (p.functions || p.refusals)) {
      p.scan_since = now, p.functions = p.refusals = p.tried = 0, p.scan_told = false;
      p.asked_functions[0] = p.asked_functions[1] = 0;
    }
    if (p.asked_functions[f >> 6] >> (f & 63) & 1) [[likely]] return;
    p.asked_functions[f >> 6] |= 1ull << (f & 63);
    if (!p.scan_since) p.scan_since = now;
    p.scan_last = now;
    if (c.conversation.learned && !c.learning && c.conversation.learned->knows_function(m.function, m.sub_function)) return;
    p.functions++;
    scanned(e, c, to, p, false);
  }

  void scanned(const Event& e, const Context& c, Findings& to, Pair& p, bool refusal) {
    if (p.functions < functions_ || p.refusals < refusals_) return;
    shared_->said(Shared::scan, e.scene);
    if (p.scan_told && refusal) return;                                  // each function once, by its request
    Finding f = finding(scan_, e, c);
    f.source = c.party(e.scene.client.address);
    f.target = c.party(e.scene.server.address);
    f.object.clear();
    f.weight = p.scan_told ? 1 : p.functions;
    p.scan_told = true;
    f.what = fmt::format("{} tried {} different functions of {}, {}, in {}; {} are not supported.", c.text(e.scene.client.address), p.functions, c.text(e.scene.server.address), f.station,
                         seconds_text(e.scene.time - p.scan_since), p.refusals);
    f.expected = "A client uses the few functions that its device has.";
    to.raise(std::move(f));
  }

  void range(const Event& e, const Context& c, Findings& to, Pair& p, unsigned most, bool absent) {
    const Message& m = *e.said;
    const Point& o = e.points[0];
    if (!absent) {                                                       // ranges that are nobody's habit; without knowledge nothing is unusual
      if (c.learning || c.knows_nothing()) return;
      const StationMemory* learned = c.conversation.learned ? c.conversation.learned->station(m.station) : nullptr;
      if (learned && learned->read.has(o.object, o.count)) [[likely]] return;
      if (c.conversation.declared && !c.conversation.learned && c.memory.empty()) return;
      if (c.site.point(c.conversation.server, e.scene.protocol, m.station, o.object)) return;
    }
    Ranges& r = absent ? p.absent : p.unknown;
    const Time now = e.scene.time;
    if (absent && p.unknown.told && now - p.unknown.first <= sweep_window_) return;   // told by the questions
    if (now - r.first > sweep_window_) r = Ranges{now};
    const uint64_t key = key_of(m.station, o.object.key());
    for (unsigned i = 0; i < std::min<unsigned>(r.count, r.keys.size()); i++)
      if (r.keys[i] == key) return;
    r.keys[r.count++ % r.keys.size()] = key;
    if (r.count < most || shared_->lately(Shared::scan, e.scene, 2 * second)) return;
    const uint64_t weight = r.told ? pacer_.due(c.conversation.pair, now) : r.count;
    if (!weight) return;
    Finding f = finding(sweep_, e, c);
    f.source = c.party(e.scene.client.address);
    f.target = c.party(e.scene.server.address);
    f.weight = weight;
    r.told = true;
    f.what = absent ? fmt::format("{} asked {}, {}, for {} different addresses that it does not have, {} the last.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station, r.count, f.object)
                    : fmt::format("{} read {} different ranges of {}, {}, in {}, {} the last.", c.text(e.scene.client.address), r.count, c.text(e.scene.server.address), f.station,
                                  seconds_text(now - r.first), f.object);
    f.expected = "A client reads the registers that its configuration names, again and again.";
    to.raise(std::move(f));
  }

  void unasked(const Event& e, const Context& c, Findings& to, Pair& p) {
    const Message& m = *e.said;
    const Time now = e.scene.time;
    if (m.after_gap || now - p.lost < 10 * second || (m.midstream && now - p.first < minute)) return;
    if (now - p.unasked_since > answers_window_) p.unasked_since = now, p.unasked = 0;
    if (++p.unasked < answers_) return;
    const uint64_t weight = p.unasked == answers_ ? answers_ : pacer_.due(key_of(c.conversation.pair, 16), now);
    if (!weight) return;
    Finding f = finding(unasked_, e, c);
    f.source = c.party(e.scene.server.address);
    f.target = c.party(e.scene.client.address);
    f.weight = weight;
    f.what = fmt::format("{} got {} answers from {}, {}, that fit none of its requests, the last to {}.", c.text(e.scene.client.address), p.unasked, c.text(e.scene.server.address), f.station,
                         function_text(e.scene.protocol, m.function));
    f.expected = "Each answer repeats the transaction, unit, function and length of one request; a second one to the same request is somebody else's.";
    to.raise(std::move(f));
  }

  void broken(const Event& e, const Context& c, Findings& to, Pair& p) {
    const Message& m = *e.said;
    const Time now = e.scene.time;
    if (m.frame == 1 || m.after_gap || now - p.lost < second || (m.midstream && now - p.first < second)) return;   // serial lines are noisy
    if (now - p.broken_since > frames_window_) p.broken_since = now, p.broken = 0;
    p.broken++;
    if (p.broken < frames_ || shared_->lately(Shared::scan, e.scene)) return;
    const uint64_t weight = p.broken == frames_ ? frames_ : pacer_.due(key_of(c.conversation.pair, 18), now);
    if (!weight) return;
    Finding f = finding(broken_, e, c);
    f.source = c.party(e.scene.speaker().address);
    f.target = c.party(e.scene.listener().address);
    f.cause = uint64_t(e.scene.from);
    f.object.clear();
    f.weight = weight;
    f.what = fmt::format("{} sent {} {} records that break the rules of Modbus, {} the last.", c.text(e.scene.speaker().address), c.text(e.scene.listener().address), p.broken,
                         function_text(e.scene.protocol, m.function, m.sub_function));
    f.expected = "Protocol identifier 0, a length that fits the function, a function from 1 to 127.";
    to.raise(std::move(f));
  }

  void flood(const Event& e, const Context& c, Findings& to, Pair& p) {
    if (!p.answers || e.scene.time - p.lost < flood_window_ || e.scene.time - p.flood_told < second) return;   // a mirror of one direction hears no answers
    Finding f = finding(flood_, e, c);
    f.object.clear();
    f.weight = p.flood_told ? 1 : p.asked;
    p.flood_told = e.scene.time;
    f.what = fmt::format("{} has sent {}, {}, {} requests more than it answered, within {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station, p.asked,
                         seconds_text(std::max(e.scene.time - p.asked_since, 100 * millisecond)));
    f.expected = fmt::format("Fewer than {} unanswered requests in {}.", unanswered_, seconds_text(flood_window_));
    to.raise(std::move(f));
  }

  const Detection& scan_ = row("MOD-11");
  const Detection& sweep_ = row("MOD-12");
  const Detection& unasked_ = row("MOD-16");
  const Detection& broken_ = row("MOD-18");
  const Detection& flood_ = row("MOD-20");
  const uint16_t modbus_ = uint16_t(protocol_index("modbus"));
  unsigned functions_, refusals_;
  Time scan_window_;
  unsigned ranges_, absent_;
  Time sweep_window_;
  unsigned answers_;
  Time answers_window_;
  unsigned frames_;
  Time frames_window_;
  unsigned unanswered_;
  Time flood_window_;
  std::shared_ptr<Shared> shared_;
  Recent<Pair> pairs_;
  Pacer pacer_;
};

// MOD-25.
class Borders final : public Detector {
 public:
  explicit Borders(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "modbus", .roles = Want::requests, .first_only = true}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Address &client = e.scene.client.address, &server = e.scene.server.address;
    std::string what, expected;
    // A plant that nobody declared may have been given public addresses: between neighbours no border is crossed.
    const bool neighbours = c.site.prefixes.empty() && client.kind == server.kind && std::equal(client.octets.begin(), client.octets.begin() + 2, server.octets.begin());
    for (const Address* a : {&client, &server}) {
      if (neighbours) break;
      if (a->group() || c.site.inside(*a) || c.site.outside_allowed(*a)) continue;
      what = fmt::format("{} asks {} by Modbus: {} is outside the site.", c.text(client), c.text(server), text_of(*a));
      expected = "Modbus has no authentication and stays inside; what comes from outside is declared (`outside`).";
    }
    if (what.empty()) {
      const std::string_view from = zone(c.site, client), into = zone(c.site, server);
      if (from.empty() || into.empty() || from == into || shared_->standing(e.scene, c, to) != Standing::stranger) return;
      what = fmt::format("{} in zone {} asks {} in zone {} by Modbus.", c.text(client), from, c.text(server), into);
      expected = "Conversations between zones are declared.";
    } else if (c.conversation.declared) {
      return;
    }
    Finding f = finding(row_, e, c);
    f.object.clear();
    f.what = std::move(what);
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

 private:
  static std::string_view zone(const Site& s, const Address& a) {
    if (const HostId id = s.host_of(a); id && !s.host(id).zone.empty()) return s.host(id).zone;
    for (const SiteZone& z : s.zones)
      for (const Prefix& p : z.prefixes)
        if (p.contains(a)) return z.name;
    return {};
  }

  const Detection& row_ = row("MOD-25");
  std::shared_ptr<Shared> shared_;
};

}  // namespace

void add_modbus_detectors(Detectors& to, const JudgeSettings& s, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<Probing>(s, shared));
  to.push_back(std::make_unique<Clients>(s, shared));
  to.push_back(std::make_unique<DangerousFunctions>(shared));
  to.push_back(std::make_unique<Borders>(shared));
}

}  // namespace vidra
