// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/commands.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "dissectors/facts.h"

namespace vidra {
namespace {

constexpr std::array<std::string_view, 14> steps = {
    "selected", "operated", "cancelled", "confirmed", "refused", "unasked", "unanswered", "expired", "terminated", "unterminated",
    "already there", "followed", "contradicted", "not followed"};

constexpr uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15ull;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ull;
  return x ^ x >> 29;
}

uint64_t number_of(const Address& a) {
  uint64_t high, low;
  std::memcpy(&high, a.octets.data(), 8);
  std::memcpy(&low, a.octets.data() + 8, 8);
  return mix(high, low + uint64_t(a.kind));
}

uint64_t place_of(const Address& server, uint16_t protocol, uint64_t station) {
  return mix(number_of(server) + protocol, station);
}

// What the command wants of its feedback: a state, a number, or only that it moves.
struct Wanted { enum Kind : uint8_t { nothing, state, number, movement } kind = nothing; bool on = false; double value = 0; };

Wanted wanted(const Point& asked, const Feedback& how) {
  if (how.momentary || asked.kind == ValueKind::step) return {Wanted::movement};
  if (asked.form >> 8 == 12) {                       // DNP3 CROB: trip and close name the state, else latches do (IEEE 1815, A.8.1)
    const unsigned code = asked.qualifier & 0xff, operation = code & 15, trip_close = code >> 6;
    if (trip_close == 1 || trip_close == 2) return {Wanted::state, (trip_close == 1) != how.inverted};
    if (operation == 3 || operation == 4) return {Wanted::state, (operation == 3) != how.inverted};
    return {Wanted::movement};
  }
  switch (asked.kind) {
    case ValueKind::boolean: return {Wanted::state, bool(asked.raw) != how.inverted};
    case ValueKind::double_point:
      if (asked.raw == 1 || asked.raw == 2) return {Wanted::state, (asked.raw == 2) != how.inverted};
      return {};
    case ValueKind::integer: case ValueKind::natural: case ValueKind::real: return {Wanted::number, false, asked.number()};
    default: return {};
  }
}

enum class Says : uint8_t { nothing, yes, no };

Says says(const Wanted& w, const Point& p, const Point* before, const Feedback& how) {
  switch (w.kind) {
    case Wanted::nothing: return Says::nothing;
    case Wanted::movement: return before && before->raw != p.raw ? Says::yes : Says::nothing;
    case Wanted::state:
      if (p.kind == ValueKind::double_point) {
        if (p.raw == 0) return Says::nothing;          // on its way
        return p.raw == (w.on ? 2u : 1u) ? Says::yes : Says::no;
      }
      if (!p.has_number()) return Says::nothing;
      return (p.number() != 0) == w.on ? Says::yes : Says::no;
    case Wanted::number: {
      if (!p.has_number()) return Says::nothing;
      const double near = std::max({how.tolerance, std::fabs(w.value) * 0.02, 1e-6});
      return std::fabs(p.number() * how.scale - w.value) <= near ? Says::yes : Says::no;
    }
  }
  return Says::nothing;
}

}  // namespace

std::string_view name_of(Step s) { return size_t(s) < steps.size() ? steps[size_t(s)] : ""; }

// Answers are tied to requests by object (IEC 60870-5) or by tag (everybody else).
struct Commands::Traits {
  enum Kind : uint8_t { ordinary, connection, sensor, without_commands } kind = ordinary;
  bool by_object = false;
  bool writes = false;               // a write is a command
  bool same_function = false;        // the answer bears the request's function
  bool each_object = true;           // of a request with many, each is a command of its own; else its first stands for all
  bool sequenced = false;            // operate is the request that follows the select
  uint16_t cancel_reason = 0, confirm_reason = 0, cancelled_reason = 0, end_reason = 0;
  uint16_t unanswered_function = 0;
  bool publishes = false;            // no questions: who speaks is the client
  uint16_t directory = 0;            // its answers name a data set, then its members in order
  uint16_t end_function = 0, end_sub_function = 0;   // what ends a command has a function of its own
  bool ends(const Message& m) const { return (end_reason && m.reason == end_reason) || (end_function && m.function == end_function && m.sub_function == end_sub_function); }
  bool has_end() const { return end_reason || end_function; }

  static const std::array<Traits, 9>& table() {
    static const std::array<Traits, 9> t = [] {
      std::array<Traits, 9> a{};
      a[1] = {.by_object = true, .cancel_reason = 8, .confirm_reason = 7, .cancelled_reason = 9, .end_reason = 10};   // iec104
      a[2] = {.writes = true, .same_function = true, .each_object = false};                                          // modbus
      a[3] = {.sequenced = true, .unanswered_function = 6};                                                          // dnp3
      a[4] = {.kind = connection};
      a[5] = {.kind = sensor};
      a[6] = {.kind = without_commands};
      a[7] = {.each_object = false, .directory = 12, .end_function = 256, .end_sub_function = 4};                                      // mms: InformationReport, command termination
      a[8] = {.publishes = true};                                                                                                      // goose
      return a;
    }();
    return t;
  }
  static uint8_t row(std::string_view protocol) {
    if (protocol == "iec104") return 1;
    if (protocol == "modbus") return 2;
    if (protocol == "dnp3") return 3;
    if (protocol == "mms") return 7;
    if (protocol == "goose") return 8;
    if (protocol == "tcp") return 4;
    if (protocol == "sensor") return 5;
    if (protocol == "udp" || protocol == "arp") return 6;
    return 0;
  }
};

Commands::Commands(const Limits& limits)
    : limits_(limits), slots_(limits.commands), heads_(std::bit_ceil(limits.commands * 2), none),
      requests_(std::bit_ceil(limits.commands), none), point_filter_(64), place_filter_(64), losses_(1024), ends_(256) {
  for (uint32_t i = uint32_t(slots_.size()); i-- > 0;) slots_[i].next = free_, free_ = i;
  outcomes_.reserve(limits.outcomes);
  for (const Protocol* p : protocols) {
    traits_of_.push_back(Traits::row(p->name));
    questions_.push_back(Traits::table()[traits_of_.back()].kind == Traits::ordinary);
    if (Traits::table()[traits_of_.back()].by_object) by_object_ = int(traits_of_.size()) - 1;
    if (Traits::table()[traits_of_.back()].directory) directories_ = int(traits_of_.size()) - 1;
  }
}

void Commands::declare(std::span<const Feedback> feedbacks) {
  for (Slot& s : slots_) drop_expectation(s);
  watches_.clear();
  declared_.clear();
  watched_.clear();
  publishers_.clear();
  watch_index_.clear();
  declared_index_.clear();
  point_filter_.assign(std::bit_ceil(std::max<size_t>(64, feedbacks.size() / 4)), 0);   // some 16 bits a point
  place_filter_.assign(64, 0);
  for (const Feedback& f : feedbacks) {
    const uint64_t place = place_of(f.server, f.protocol, f.station);
    if (!declared_index_.try_emplace(mix(place, f.command.key()), uint32_t(declared_.size())).second) continue;
    declared_.push_back(f);
    const uint64_t told = f.tellers.empty() ? place : place_of(f.tellers[0], f.told_in, f.told_station);
    const auto [point, fresh] = watch_index_.try_emplace(mix(told, f.feedback.key()), uint32_t(watches_.size()));
    if (fresh) watches_.emplace_back();
    const uint32_t watch = point->second;
    watched_.push_back(watch);
    watch_for(told, f.feedback, watch);
    const bool published = !f.tellers.empty() && Traits::table()[traits_of_[f.told_in]].publishes;
    for (const Address& a : f.tellers) {
      const uint64_t at = place_of(a, f.told_in, f.told_station);
      watch_for(at, f.feedback, watch);
      for (const Object o : f.also) watch_for(at, o, watch);
      if (!published) continue;
      for (const Address& b : f.tellers) {             // its directory is asked for by MMS, at whichever of its addresses
        const uint64_t answers = place_of(b, uint16_t(directories_), 0);
        std::vector<uint64_t>& list = publishers_[answers];
        if (std::find(list.begin(), list.end(), at) == list.end()) list.push_back(at);
        place_filter_[answers >> 6 & (place_filter_.size() - 1)] |= 1ull << (answers & 63);
      }
    }
  }
  std::erase_if(named_, [&](const auto& n) { return watch_index_.contains(n.first); });   // what is declared itself stays
  for (const auto& [point, n] : named_) link(point, n);
}

void Commands::watch_for(uint64_t place, Object o, uint32_t watch) {
  const uint64_t point = mix(place, o.key());
  watch_index_.try_emplace(point, watch);
  point_filter_[point >> 6 & (point_filter_.size() - 1)] |= 1ull << (point & 63);
  place_filter_[place >> 6 & (place_filter_.size() - 1)] |= 1ull << (place & 63);
}

// Reports say a feedback by its place in a data set. What stands where, clients ask when they connect.
bool Commands::link(uint64_t point, const Named& n) {
  const auto at = watch_index_.find(mix(n.place, n.object));
  if (at == watch_index_.end() || !watch_index_.try_emplace(point, uint32_t(at->second)).second) return false;
  point_filter_[point >> 6 & (point_filter_.size() - 1)] |= 1ull << (point & 63);
  return true;
}

Object data_object(std::string_view name) {
  for (const std::string_view leaf : {"$stVal", "$mag$f", "$mag$i", "$mag", "$mxVal$f", "$mxVal$i", "$mxVal"})
    if (name.ends_with(leaf)) {
      name.remove_suffix(leaf.size());
      break;
    }
  return Object::of_text(text_key(name));
}

void Commands::name_members(const Event& e, uint64_t place) {
  if (e.points.empty() || e.points[0].object.kind() != ObjectKind::named || !watched(place)) return;
  if (const auto publisher = publishers_.find(place); publisher != publishers_.end())
    for (const uint64_t at : publisher->second)
      if (at != place) name_members(e, at);
  for (size_t i = 1; i < e.points.size() && i <= 2048; i++) {
    const std::string_view name = e.texts.find(e.points[i].object.key() & ~(0xffull << 56));
    const Named n{place, name.empty() ? e.points[i].object.key() : data_object(name).key()};
    const uint64_t point = mix(place, Object::of_member(e.points[0].object.key(), uint16_t(i - 1)).key());
    if (const auto was = named_.find(point); was != named_.end()) {
      if (was->second.object == n.object) continue;
      named_.erase(was);                             // the data set was made anew
      watch_index_.erase(point);
    }
    if (named_.size() < most_named && link(point, n)) named_.emplace(point, n);
  }
}

std::span<const Outcome> Commands::tick(Time now) {
  begin(now);
  return outcomes_;
}

void Commands::take(const Event& e) {
  const Message& m = *e.said;
  const Traits& t = Traits::table()[traits_of_[e.scene.protocol]];
  if (t.kind != Traits::ordinary) {
    if (t.kind == Traits::connection) {
      const Fact fact = Fact(m.function);
      if (fact == Fact::gap || fact == Fact::unreadable) lose(e.scene.flow), lose(number_of(e.scene.server.address));
      else if (fact == Fact::reset || fact == Fact::closed) lose(e.scene.flow);
    } else if (t.kind == Traits::sensor && SensorFact(m.function) == SensorFact::dropped) {
      lost_everywhere_ = now_;
    }
    return;
  }
  if (m.after_gap) [[unlikely]] lose(e.scene.flow), lose(number_of(e.scene.server.address));
  if (m.link || (m.malformed && !obeyed_though_broken(e))) return;
  if (m.role == Role::request) {
    const bool command = m.act == Act::select || m.act == Act::operate || m.act == Act::cancel || (t.writes && m.act == Act::write);
    if (command && !e.points.empty()) request(e, t, place_of(e.scene.server.address, e.scene.protocol, m.station));
    return;
  }
  const bool may_answer = m.role == Role::response && (used_ || t.by_object);
  if (!may_answer && watches_.empty()) return;
  if (t.publishes) {                                 // it speaks to a group, and each control block is a station of its own
    const uint64_t place = place_of(e.scene.speaker().address, e.scene.protocol, 0);
    if (m.role == Role::report && watched(place)) hear(e, place);
    return;
  }
  const uint64_t place = place_of(e.scene.server.address, e.scene.protocol, m.station);
  if (t.directory && m.function == t.directory && m.role == Role::response && !m.refused) [[unlikely]] return name_members(e, place);
  if (may_answer) answer(e, t, place);
  if (watched(place)) hear(e, place);
}

// --- requests

void Commands::request(const Event& e, const Traits& t, uint64_t place) {
  const Message& m = *e.said;
  uint32_t first = none;
  for (const Point& p : e.points) {
    const bool declared = declared_index_.contains(mix(place, p.object.key()));
    if (!t.each_object && first != none && !declared) continue;
    const uint32_t at = ask(e, t, place, p);
    if (at == none || at == first) continue;
    slots_[at].sibling = first;
    first = at;
  }
  if (first != none && !t.by_object) requests_[mix(e.scene.flow, m.tag) & (requests_.size() - 1)] = first;
}

uint32_t Commands::ask(const Event& e, const Traits& t, uint64_t place, const Point& p) {
  const Message& m = *e.said;
  const bool cancel = m.act == Act::cancel || (t.cancel_reason && m.reason == t.cancel_reason), select = m.act == Act::select;
  uint32_t at = find(place, p.object);
  if (cancel) {
    if (at == none) return none;
    Slot& s = slots_[at];
    drop_expectation(s);
    s.phase = Phase::done;
    s.selection_open = false;
    s.due = s.end_due = never;
    s.touched = now_;
    s.command.scene = e.scene;
    tell(Step::cancelled, s.command);
    return none;
  }
  if (at == none) at = take(place, p.object);
  Slot& s = slots_[at];
  Command& c = s.command;
  const bool again = t.sequenced && s.phase == Phase::operating && !select && c.tag == m.tag && c.scene.flow == e.scene.flow && c.digest == m.digest;
  if (again) return at;                              // the master repeats itself for want of an answer
  if (c.scene.flow && c.scene.flow != e.scene.flow) s.other_flow = c.scene.flow;
  drop_expectation(s);
  uint16_t flags = m.broadcast || (t.unanswered_function && m.function == t.unanswered_function) ? no_answer_due : 0;
  if (select) {
    c.selector = e.scene.client.address;
    c.selected = now_;
    c.operated = 0;
    s.selection_open = true;
  } else {
    const bool late = m.midstream && now_ - first_ < limits_.selection;
    if (late || lost_since(e.scene.flow, now_ - limits_.selection)) flags |= uncertain;
    if (!s.selection_open || now_ - c.selected > limits_.selection) {
      flags |= without_select;
      c.selector = {};
      c.selected = 0;
    } else {
      if (c.digest && c.digest != m.digest) flags |= digest_differs;   // MMS selects without a value by reading SBO
      if (c.selector != e.scene.client.address) flags |= other_selected;
      if (s.phase == Phase::done && !s.accepted) flags |= select_refused;
      if (t.sequenced && !(flags & other_selected) && m.tag != ((c.tag + 1) & 15)) flags |= sequence_differs;
    }
    s.selection_open = false;
    c.operated = now_;
  }
  c.scene = e.scene;
  c.station = m.station;
  c.origin = m.origin;
  c.digest = m.digest;
  c.object = p.object;
  c.asked = p;
  c.seen = {};
  c.answered = c.terminated = 0;
  c.tag = m.tag;
  c.function = m.function;
  c.reason = c.status = 0;
  c.flags = flags;
  s.sibling = none;
  s.touched = now_;
  s.accepted = flags & no_answer_due;
  s.phase = select ? Phase::selecting : flags & no_answer_due ? Phase::done : Phase::operating;
  s.due = s.phase == Phase::done ? never : now_ + limits_.answer;
  s.end_due = never;
  next_due_ = std::min(next_due_, now_ + std::min(limits_.answer, 10 * second));
  tell(select ? Step::selected : Step::operated, c);
  if (!select && !m.test) expect(at);              // a test leaves the process alone
  return at;
}

// --- answers

void Commands::answer(const Event& e, const Traits& t, uint64_t place) {
  const Message& m = *e.said;
  if (t.by_object) {
    if (m.act != Act::select && m.act != Act::operate && m.act != Act::cancel) return;
    for (const Point& p : e.points) {
      const uint32_t at = find(place, p.object);
      if (at != none) {
        Slot& s = slots_[at];
        // Some stations tell every master; the answer to another asker is not this one's.
        if (s.command.scene.flow == e.scene.flow) answer(s, e, t, p.status, m.refused);
        continue;
      }
      if (m.reason != t.confirm_reason || m.refused || m.test || m.broadcast) continue;
      if ((m.midstream && now_ - first_ < limits_.selection) || lost_since(e.scene.flow, now_ - limits_.selection) ||
          lost_since(number_of(e.scene.server.address), now_ - limits_.selection)) continue;
      Command c;
      c.scene = e.scene;
      c.station = m.station;
      c.origin = m.origin;
      c.digest = m.digest;
      c.object = p.object;
      c.asked = p;
      c.answered = now_;
      c.function = m.function;
      c.reason = m.reason;
      tell(Step::unasked, c);
    }
    return;
  }
  size_t i = 0;
  uint32_t at = requests_[mix(e.scene.flow, m.tag) & (requests_.size() - 1)];
  std::array<uint32_t, 64> run;                      // siblings were chained last first: restore the order they were asked in
  size_t n = 0;
  for (; at != none && n < run.size(); at = slots_[at].sibling) {
    const Slot& s = slots_[at];
    if (s.phase == Phase::free || s.command.scene.flow != e.scene.flow || s.command.tag != m.tag || s.place != place) break;
    if (t.same_function && s.command.function != m.function) break;
    run[n++] = at;
  }
  while (n) {
    Slot& s = slots_[run[--n]];
    const Point* own = nullptr;
    for (size_t k = 0; k < e.points.size() && k < 128; k++) {
      const Point& p = e.points[(i + k) % e.points.size()];
      if (p.object == s.command.object) { own = &p; i = (i + k + 1) % e.points.size(); break; }
    }
    // A response that names none of the objects asked for answers them only by refusing, or where the function says it is theirs.
    if (!own && !m.refused && !t.same_function) continue;
    answer(s, e, t, own ? own->status : 0, own ? own->status != 0 || (m.refused && t.same_function) : m.refused);
  }
}

void Commands::answer(Slot& s, const Event& e, const Traits& t, uint16_t status, bool refused) {
  const Message& m = *e.said;
  Command& c = s.command;
  s.touched = now_;
  if (t.cancelled_reason && m.reason == t.cancelled_reason) return;
  if (t.ends(m)) {
    if (c.terminated || !c.operated) return;
    c.terminated = now_;
    c.reason = m.reason;
    s.end_due = never;
    if (s.phase == Phase::operating) s.phase = Phase::done, s.due = never, s.accepted = !refused;
    Ends& ended = ends(c);
    ended.reported++;
    if (refused) {
      drop_expectation(s);
      return tell(Step::refused, c);
    }
    return tell(Step::terminated, c);
  }
  if (s.phase != Phase::selecting && s.phase != Phase::operating) return;   // said before
  c.answered = now_;
  c.reason = m.reason;
  c.status = status;
  s.accepted = !refused;
  const bool selecting = s.phase == Phase::selecting;
  if (refused) {
    s.phase = Phase::done;
    s.due = never;
    drop_expectation(s);
    return tell(Step::refused, c);
  }
  s.phase = selecting ? Phase::selected : Phase::done;
  s.due = selecting ? c.selected + limits_.selection : never;
  if (!selecting && t.has_end()) {
    const Ends& known = ends(c);
    if (known.reported >= 3 && !known.missed) s.end_due = now_ + limits_.termination;
  }
  tell(Step::confirmed, c);
}

// --- the process

void Commands::expect(uint32_t at) {
  Slot& s = slots_[at];
  const auto d = declared_index_.find(mix(s.place, s.command.object.key()));
  if (d == declared_index_.end()) return;
  const Feedback& how = declared_[d->second];
  const uint32_t w = watched_[d->second];
  Watch& watch = watches_[w];
  const Wanted want = wanted(s.command.asked, how);
  if (want.kind == Wanted::nothing) return;
  if (watch.slot != none) drop_expectation(slots_[watch.slot]);          // the newer command of this process counts
  if (watch.known && want.kind != Wanted::movement && says(want, watch.last, nullptr, how) == Says::yes) {
    s.command.seen = watch.last;
    tell(Step::already_there, s.command);
    s.command.seen = {};
    return;
  }
  watch.slot = at;
  s.watch = w;
  s.declared = d->second;
  s.travel_due = now_ + how.travel;
  next_due_ = std::min(next_due_, s.travel_due);
}

void Commands::drop_expectation(Slot& s) {
  if (s.watch != none) watches_[s.watch].slot = none;
  s.watch = s.declared = none;
  s.travel_due = never;
}

uint32_t Commands::watch_of(const Event& e, uint64_t place, const Point& p, bool& labelled) const {
  const uint64_t point = mix(place, p.object.key());
  if (point_filter_[point >> 6 & (point_filter_.size() - 1)] >> (point & 63) & 1)
    if (const auto at = watch_index_.find(point); at != watch_index_.end()) return at->second;
  const bool named = p.object.kind() == ObjectKind::named;
  if (!named && (p.object.kind() != ObjectKind::member || !labelled)) return none;
  const std::string_view name = e.texts.find(p.object.key() & ~(0xffull << 56));
  if (!named) labelled = !name.empty() || p.object.number() & 0xf800;     // the further values of a structure have no names
  if (name.empty()) return none;
  const auto at = watch_index_.find(mix(place, data_object(name).key()));
  return at == watch_index_.end() ? none : at->second;
}

void Commands::hear(const Event& e, uint64_t place) {
  const Message& m = *e.said;
  if (m.test || m.simulated || m.refused || (m.act != Act::report && m.act != Act::read && m.act != Act::operate && m.act != Act::write)) return;
  const uint64_t teller = number_of(e.scene.speaker().address);
  bool labelled = true;                              // members of a data set may bear their names in the report
  for (const Point& p : e.points) {
    const uint32_t at = watch_of(e, place, p, labelled);
    if (at == none || p.kind == ValueKind::none || p.quality & (invalid | not_topical | communication_lost | test_quality)) continue;
    Watch& w = watches_[at];
    if (w.slot != none) {
      Slot& s = slots_[w.slot];
      const Feedback& how = declared_[s.declared];
      const Says answer = says(wanted(s.command.asked, how), p, w.known ? &w.last : nullptr, how);
      if (answer != Says::nothing) s.command.seen = p;
      if (answer == Says::yes) {
        drop_expectation(s);
        tell(Step::followed, s.command);
      }
    }
    w.last = p;
    w.heard = now_;
    w.teller = teller;
    w.known = true;
  }
}

// --- time

// Nothing is missed while nothing at all is heard: a dead mirror, the end of a recording. A decision waits for the next
// event, from whomever; after a long silence nobody can tell any more.
void Commands::overdue(Slot& s) {
  Command& c = s.command;
  const Time due = std::min({s.due, s.travel_due, s.end_due});
  if (heard_ < due) {
    if (now_ - due < 10 * minute) return;
    lose(c.scene.flow);
  }
  if (now_ >= s.due) {
    const bool selected = s.phase == Phase::selected;
    const Time since = selected ? c.selected : s.phase == Phase::selecting ? c.selected : c.operated;
    s.due = never;
    s.phase = Phase::done;
    s.accepted = selected;
    s.selection_open &= selected;
    if (!selected) drop_expectation(s);
    if (!lost_since(c, since)) tell(selected ? Step::expired : Step::unanswered, c);
  }
  if (now_ >= s.travel_due) {
    const Watch& w = watches_[s.watch];
    const bool spoken = c.seen.object.kind() != ObjectKind::none;
    // Without a state from before, a position already reached looks the same as one never reached.
    const Time since = spoken ? c.operated : std::min(c.operated, w.heard);
    const bool sure = s.accepted && w.known && !lost_since(c, since) && !lost_since(w.teller, since);
    drop_expectation(s);
    if (sure) tell(spoken ? Step::contradicted : Step::not_followed, c);
  }
  if (now_ >= s.end_due) {
    s.end_due = never;
    ends(c).missed = true;
    if (!lost_since(c, c.operated)) tell(Step::unterminated, c);
  }
}

void Commands::expire() {
  Time next = used_ ? now_ + 10 * second : never;
  size_t seen = 0;
  for (uint32_t i = 0; i < slots_.size() && seen < used_; i++) {
    Slot& s = slots_[i];
    if (s.phase == Phase::free) continue;
    seen++;
    if (now_ >= s.due || now_ >= s.travel_due || now_ >= s.end_due) overdue(s);
    const Time due = std::min({s.due, s.travel_due, s.end_due});
    if (due == never && now_ - s.touched > 2 * limits_.selection) { release(i); seen--; continue; }
    next = std::min(next, due);
  }
  next_due_ = used_ ? std::max(next, now_ + 100 * millisecond) : never;   // the walk is long: not at every event
}

// --- tables

uint32_t Commands::find(uint64_t place, Object o) const {
  for (uint32_t i = heads_[mix(place, o.key()) & (heads_.size() - 1)]; i != none; i = slots_[i].next)
    if (slots_[i].place == place && slots_[i].command.object == o) return i;
  return none;
}

uint32_t Commands::take(uint64_t place, Object o) {
  if (free_ == none) {                               // the longest untouched of a few gives way
    uint32_t oldest = cursor_;
    for (uint32_t k = 0; k < 16; k++) {
      cursor_ = (cursor_ + 1) % uint32_t(slots_.size());
      if (slots_[cursor_].touched < slots_[oldest].touched) oldest = cursor_;
    }
    release(oldest);
    forgotten_++;
  }
  const uint32_t i = free_;
  free_ = slots_[i].next;
  slots_[i] = {};
  slots_[i].place = place;
  slots_[i].command.object = o;
  slots_[i].phase = Phase::done;
  uint32_t& head = heads_[mix(place, o.key()) & (heads_.size() - 1)];
  slots_[i].next = head;
  head = i;
  used_++;
  return i;
}

void Commands::release(uint32_t i) {
  Slot& s = slots_[i];
  drop_expectation(s);
  uint32_t* link = &heads_[mix(s.place, s.command.object.key()) & (heads_.size() - 1)];
  while (*link != i) link = &slots_[*link].next;
  *link = s.next;
  s.phase = Phase::free;
  s.command.scene.flow = 0;
  s.next = free_;
  free_ = i;
  used_--;
}

void Commands::tell(Step step, const Command& c) {
  if (outcomes_.size() < limits_.outcomes) outcomes_.push_back({step, c});
  else forgotten_++;
}

void Commands::lose(uint64_t key) { losses_[mix(key, 1) & (losses_.size() - 1)] = {key, now_}; }

bool Commands::lost_since(uint64_t key, Time since) const {
  const Loss& l = losses_[mix(key, 1) & (losses_.size() - 1)];
  return (l.key == key && l.at >= since) || lost_everywhere_ >= since;
}

bool Commands::lost_since(const Command& c, Time since) const {
  return lost_since(c.scene.flow, since) || lost_since(number_of(c.scene.server.address), since);
}

Commands::Ends& Commands::ends(const Command& c) {
  const uint64_t key = mix(place_of(c.scene.server.address, c.scene.protocol, c.station), c.function) | 1;
  Ends& e = ends_[key >> 8 & 255];
  if (e.key != key) e = {key, 0, false};
  return e;
}

}  // namespace vidra
