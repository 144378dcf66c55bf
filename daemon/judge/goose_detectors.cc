// SPDX-License-Identifier: Apache-2.0
// GOOSE: who publishes, whether the numbering goes on as IEC 61850-8-1, 18 wants it, whether the data set is the declared one. GSE-01 to
// GSE-20, GSE-23, RGS-01. Two series of one control block, or a second publisher, explain all the smaller oddities of that minute.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "daemon/judge/publisher_watch.h"

namespace vidra {
namespace {

using namespace publishing;

// Message::sub_function of a breach; its name is in the protocol's functions.
enum Breach : uint16_t {
  not_well_formed = 1, expired, rev_changed, set_changed, id_changed, appid_changed, simulation_changed, test_changed, commissioning_changed, security_changed,
  key_changed, spdu_jumped, spdu_back, entries_differ, types_changed, st_jumped, st_back, sq_jumped, sq_repeated, sq_back, sq_not_zero, values_changed,
  nothing_changed, t_changed, t_back, t_same, forgotten
};
constexpr uint16_t restarted = 3;
constexpr Time settling = 900 * millisecond;      // a jump may prove to be a second series; then that is told instead

// How often something happened in a window, told again with what was added.
struct Often {
  Time first = 0;
  unsigned count = 0;
  bool told = false;
  unsigned add(Time now, Time window) {
    if (now - first > window) *this = {now, 0, false};
    return ++count;
  }
};

struct Control : Publication {
  uint32_t st = 0, before = 0;            // the last state's number; the one before a step back or a jump
  Time stepped = 0;                       // when it went back to 1: a restart, unless the old series goes on
  bool back_to_one = false;
  Time jumped = 0;
  uint32_t jumped_from = 0, jumped_to = 0;
  bool jump_waits = false;
  Scene jump_scene;
  Often gaps, idle, curve;
  uint64_t frames = 0;                    // since gaps.first
  Time offset = 0;                        // of t to the sensor's clock, at the last new state
  bool has_offset = false, off = false;
  Time t = 0;                             // of the last new state
  uint64_t steady = 0;                    // repetitions heard with the same t
  bool restamps = false;                  // it always writes a new t
  bool test_told = false, simulated = false, secured = false, commissioning_told = false, differs_told = false;
  bool differs_kept = false;              // its data set differs from an import, and that was kept silent
  uint32_t told_revision = 0, told_entries = 0;
  uint64_t told_set = 0, told_vlan = 0, told_group = 0;
  Time flood = 0;
  bool form_again = false;                // its data set likewise, at the next state: only that brings it whole
  bool replayed = false;
  uint64_t waiting = 0;                   // steps to and fro that were not told yet
  Time told = 0;
  uint64_t due(Time now) {                // at once, then at most once a second
    waiting++;
    strong = now;
    if (told && now - told < second) return 0;
    told = now;
    return std::exchange(waiting, 0);
  }
};

class Goose final : public Detector {
 public:
  explicit Goose(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    poison_ = s.number(gse05_, "jump");
    gaps_ = unsigned(s.number(gse06_, "gaps"));
    share_ = s.number(gse06_, "share") / 100;
    idle_ = unsigned(s.number(gse08_, "times"));
    skew_ = Time(s.number(gse09_, "skew") * double(second));
    grace_ = Time(s.number(gse10_, "grace") * double(second));
    factor_ = s.number(gse11_, "factor");
    slow_ = unsigned(s.number(gse11_, "times"));
    flood_ = s.number(gse12_, "frames");
    controls_.each([](Control& p) { p.forget(); });
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "goose"}, {.protocol = "sv"}, {.protocol = "tcp"}, {.protocol = "udp"}, {.protocol = "arp"}, {.protocol = "sensor"}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (others(e, attention_) || !e.said || kind_of(e.scene.protocol) != PublisherKind::goose) return;
    const Message& m = *e.said;
    if (m.function != changed && m.function != summary && m.function != breach) return;
    if (m.function == breach && m.sub_function == forgotten) return;
    if (!m.station) return broken(e, c, to);
    Control& p = controls_.at(m.station);
    p.key = m.station;
    Voice& v = attend(p, PublisherKind::goose, e, c);
    const Time before = v.last;
    v.last = e.scene.time;
    v.silent = 0;
    if (const auto live = number(e, "timeAllowedtoLive"); live && m.function != breach) v.live = std::max(uint32_t(*live), v.live - v.live / 4);
    if (m.malformed) return broken(e, c, to);
    const bool afresh = std::exchange(p.again, false);
    if (afresh) p.told_revision = 0, p.told_vlan = p.told_group = 0, p.differs_kept = p.curve.told = false;
    if ((m.function == changed && m.sub_function == first_heard) || afresh) {
      p.form_again = afresh && m.function != changed;
      arrives(p, v, e, c, to);
    } else if (m.function == changed && std::exchange(p.form_again, false)) {
      forms(p, e, c, to);
    }
    turns(p, v, e, c, to);
    switch (m.function) {
      case changed: state(p, v, e, c, to); break;
      case summary: repeated(p, v, before, e, c, to); break;
      default: odd(p, v, e, c, to); break;
    }
  }

  void tick(const Context& c, Findings& to) override {
    controls_.each([&](Control& p) {
      resolve(p, PublisherKind::goose, c);
      if (p.jump_waits && c.now - p.jumped >= settling) {
        p.jump_waits = false;
        if (!p.lately(c.now, settling) && !attention_.lossy(c.now)) jump(p, c, to);
      }
      for (Voice& v : p.voices) lost(p, v, c, to);
    });
  }

 private:
  // ---- who publishes

  void arrives(Control& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    const bool allowed = p.known.from(c, v.source);
    if (!c.learning && publishers_known(c, PublisherKind::goose) && !allowed && !m.simulated && !m.test) stranger(p, v, e, c, to);
    v.first = e.scene.time;
    declared(p, e, c, to);
    if (p.known.any() || !publishers_known(c, PublisherKind::goose)) forms(p, e, c, to);
    simulation(p, e, c, to);
  }

  // GSE-01, GSE-02, RGS-01.
  void stranger(Control& p, const Voice& v, const Event& e, const Context& c, Findings& to) {
    const std::string who = c.text(v.source);
    if (v.source.kind != Address::Kind::mac && v.source.kind != Address::Kind::none) {
      Finding f = about(rgs01_, p, e, c);
      f.what = fmt::format("{} publishes {} by R-GOOSE to {}.", who, label(p), c.text(v.group));
      f.expected = p.known.any() ? fmt::format("It comes from {}.", p.known.sources(c)) : "No such control block is declared or was learned.";
      return tell(p, std::move(f), e.scene.time, to);
    }
    if (!p.known.any()) {
      // Many unknown control blocks of one source are one story.
      Finding f = about(gse01_, p, e, c);
      f.cause = key_of(key_of(v.source), 1);
      f.what = fmt::format("{} publishes the GOOSE control block {} to {}, APPID {:#06x}; nobody knows it.", who, label(p), c.text(v.group), unsigned(number(e, "APPID").value_or(0)));
      f.expected = fmt::format("{} GOOSE publishers are {}.", c.site.has_publishers(PublisherKind::goose) ? "Declared" : "Learned", known_list(c));
      only_undeclared(f, p, v, c);
      if (!f.difference) f.weight = pacer_.due(f.cause, e.scene.time);
      if (f.weight) tell(p, std::move(f), e.scene.time, to);
      return;
    }
    const Voice* other = rival(p, v, e.scene.time, std::max<Time>(3 * second, 2 * Time(longest_live(p, v)) * millisecond));
    Finding f = about(other ? gse02_ : gse01_, p, e, c);
    if (other)
      f.what = fmt::format("{} publishes {} (stNum {}), and so does {} at the same time.", who, label(p), e.said->tag, c.text(other->source));
    else
      f.what = fmt::format("{} publishes {}, which is another device's control block.", who, label(p));
    f.expected = fmt::format("It comes from {} alone.", p.known.sources(c));
    tell(p, std::move(f), e.scene.time, to);
  }

  static std::string known_list(const Context& c) {
    std::string text;
    size_t n = 0;
    const auto add = [&](const std::string& s) {
      if (n++ < 4) text += (text.empty() ? "" : ", ") + s;
    };
    if (c.site.has_publishers(PublisherKind::goose)) {
      for (const SitePublisher& p : c.site.publishers)
        if (p.kind == PublisherKind::goose) add(p.reference);
    } else {
      for (const PublisherMemory& p : c.memory.publishers())
        if (p.kind == PublisherKind::goose) add(p.reference);
    }
    return n > 4 ? fmt::format("{} and {} more", text, n - 4) : text;
  }
  static uint32_t longest_live(const Publication& p, const Voice& but) {
    uint32_t live = 0;
    for (const Voice& v : p.voices)
      if (v.last && v.source != but.source) live = std::max(live, v.live);
    return live;
  }

  // Without knowledge: two hosts that speak by turns.
  void turns(Control& p, const Voice& v, const Event& e, const Context& c, Findings& to) {
    if (!by_turns(p, v, e.scene.time) || v.source.kind != Address::Kind::mac) return;
    const Voice* other = rival(p, v, e.scene.time, 10 * second);
    if (!other || e.said->simulated || p.lately(e.scene.time, 10 * minute)) return;
    p.turns = 0;
    Finding f = about(gse02_, p, e, c);
    f.cause = p.key;
    f.what = fmt::format("{} and {} publish {} at the same time.", c.text(v.source), c.text(other->source), label(p));
    f.expected = "One device publishes a control block; a stand-in begins when the other is silent.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // ---- a state

  void state(Control& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    const bool first = m.sub_function == first_heard;
    p.frames++;
    if (m.sub_function == restarted) p.jump_waits = false, p.back_to_one = false;
    clock(p, first || m.sub_function == restarted, e, c, to);
    if (!first) qualities(p, e, c, to), declared(p, e, c, to);
    if (m.simulated || m.test) p.simulated = true;
    p.st = m.tag;
    flood(p, v, e, c, to);
  }

  // GSE-17: members that a new state brings with test, blocked or old values.
  void qualities(Control& p, const Event& e, const Context& c, Findings& to) {
    if (c.learning || p.lately(e.scene.time) || p.simulated) return;
    for (const Point& q : e.points) {
      if (q.object.kind() != ObjectKind::member || !(q.qualifier & 1)) continue;
      const uint32_t bad = q.quality & (test_quality | blocked | not_topical);
      if (!bad) continue;
      if (p.test_told) return;
      p.test_told = true;
      std::array<char, 96> words;
      Finding f = about(gse17_, p, e, c);
      f.object = object_text(q.object, 1, e.texts);
      f.what = fmt::format("{} publishes {} with the quality {} in {}.", c.text(e.scene.speaker().address), f.object, describe_quality(q.quality, words), label(p));
      f.expected = "In operation values are neither marked as test nor blocked nor old.";
      return to.raise(std::move(f));
    }
    p.test_told = false;
  }

  // GSE-09: t is the instant of the state's change (18.2.3), so of a new state it is about now.
  void clock(Control& p, bool fresh, const Event& e, const Context& c, Findings& to) {
    const Point* t = point(e, "t");
    if (!t || t->kind != ValueKind::time) return;
    const Time was = std::exchange(p.t, t->time);
    p.steady = 0;
    if (fresh) {
      p.has_offset = false;                       // an old t of a quiet publisher is right
      return;
    }
    if (t->time_flags & (time_invalid | time_unsynchronised)) { p.has_offset = false; return; }
    const Time offset = t->time - e.scene.time, before = p.offset;
    const bool known = std::exchange(p.has_offset, true);
    p.offset = offset;
    const bool off = std::abs(offset) > skew_;
    if (!known || c.learning || p.lately(e.scene.time)) { p.off = off; return; }
    if (std::exchange(p.off, off) || !off || std::abs(before) > 10 * second || was == p.t) return;
    Finding f = about(gse09_, p, e, c);
    f.what = fmt::format("{} says of a new state (stNum {}) of {} that it is {} {} than now.", c.text(e.scene.speaker().address), e.said->tag, label(p),
                         seconds_text(std::abs(offset)), offset < 0 ? "older" : "later");
    f.expected = fmt::format("The time in a new state is that of the change; before, this publisher's was right to {}.", seconds_text(std::max<Time>(std::abs(before), 100 * millisecond)));
    to.raise(std::move(f));
  }

  // ---- once a second

  void repeated(Control& p, Voice& v, Time before, const Event& e, const Context& c, Findings& to) {
    const uint32_t frames = uint32_t(number(e, "frames").value_or(0));
    p.frames += frames;
    p.steady += uint64_t(number(e, "sqNum one more").value_or(0));
    if (e.scene.time - p.gaps.first > minute) p.frames = frames;
    flood(p, v, e, c, to, frames, before);
    curve(p, e, c, to);
    declared(p, e, c, to);
  }

  // GSE-12.
  void flood(Control& p, const Voice& v, const Event& e, const Context& c, Findings& to, uint32_t frames = 0, Time before = 0) {
    if (c.learning || !frames) return;
    const double passed = std::max(1.0, double(e.scene.time - (before ? before : v.first)) / double(second));
    const double rate = frames / passed;
    double most = flood_;
    if (p.known.learned) most = std::max(most, 2.0 * p.known.learned->busiest);
    if (rate < most) return;
    Finding f = about(gse12_, p, e, c);
    f.weight = frames;
    f.what = fmt::format("{} sends {:.0f} GOOSE frames of {} in a second.", c.text(v.source), rate, label(p));
    f.expected = p.known.learned ? fmt::format("At most {} in a second were learned; a burst after a change has about ten.", p.known.learned->busiest)
                                 : fmt::format("Fewer than {:.0f} in a second: a burst after a change has about ten.", flood_);
    p.strong = p.flood = e.scene.time;
    to.raise(std::move(f));
  }

  // GSE-11: the time between two frames of which none was lost.
  void curve(Control& p, const Event& e, const Context& c, Findings& to) {
    const Time limit = p.known.site && p.known.site->max_time ? p.known.site->max_time : p.known.learned ? p.known.learned->longest : 0;
    if (!limit || c.learning || p.lately(e.scene.time) || attention_.lossy(e.scene.time)) return;
    const auto one = number(e, "interval (ms)"), longest = one ? one : number(e, "longest interval (ms)");
    for (const char* odd : {"time allowed to live expired", "stNum jumped", "stNum went back", "sqNum jumped", "sqNum repeated", "sqNum went back", "restarted"})
      if (number(e, odd)) return;
    const Time t = Time(longest.value_or(0) * double(millisecond));
    if (double(t) < factor_ * double(limit) || t < limit + 20 * millisecond) {
      if (t) p.right |= Publication::pace;
      return;
    }
    if (p.curve.add(e.scene.time, 10 * minute) < slow_) return;
    Finding f = about(gse11_, p, e, c);
    f.weight = std::exchange(p.curve.told, true) ? 1 : p.curve.count;
    f.what = fmt::format("{} repeats {} every {} now; {} such intervals in ten minutes, and no frame is missing.", c.text(e.scene.speaker().address), label(p), seconds_text(t), p.curve.count);
    f.expected = fmt::format("At least every {}, as {}.", seconds_text(limit), p.known.site && p.known.site->max_time ? "the site declares" : "was learned");
    only_differs(f, p, Publication::pace, c);
    to.raise(std::move(f));
  }

  // ---- what is declared or learned of the control block: GSE-13, 14, 15, 18, 19, 23

  void declared(Control& p, const Event& e, const Context& c, Findings& to) {
    if (c.learning) return;
    const Message& m = *e.said;
    const SitePublisher* s = p.known.site;
    const PublisherMemory* l = p.known.learned;
    const Scene& scene = e.scene;
    if (scene.vlan) tags_shown_ = true;
    if (s && s->secured && !m.encrypted && !std::exchange(p.secured, true)) insecure(p, e, c, to, "without the signature of IEC 62351-6");
    if (!p.known.from(c, scene.speaker().address)) return;             // a stranger has his own story
    if (const uint32_t wanted = s && s->conf_rev ? *s->conf_rev : l && !s ? l->conf_rev : m.qualifier; m.qualifier == wanted) {
      if (s) p.right |= Publication::revision;
    } else if (p.told_revision != m.qualifier + 1) {
      revision(p, wanted, e, c, to);
    }
    if (s && s->vlan && *s->vlan == scene.vlan) p.right |= Publication::vlan;
    if (s ? s->vlan && *s->vlan != scene.vlan && tags_shown_ : l && l->vlan && l->vlan != scene.vlan && tags_shown_) {
      const uint16_t wanted = s ? *s->vlan : l->vlan;
      if (const uint64_t before = p.told_vlan; before != scene.vlan + 1u) {
        p.told_vlan = scene.vlan + 1u;
        Finding f = about(gse18_, p, e, c);
        f.what = fmt::format("{} comes {} from {}.", label(p), scene.vlan ? fmt::format("in VLAN {}", scene.vlan) : "without a VLAN tag", c.text(scene.speaker().address));
        f.expected = fmt::format("It comes in VLAN {}.", wanted);
        if (!before) only_differs(f, p, Publication::vlan, c);
        to.raise(std::move(f));
      }
    }
  }

  void revision(Control& p, uint32_t wanted, const Event& e, const Context& c, Findings& to) {
    const uint32_t before = std::exchange(p.told_revision, e.said->qualifier + 1);
    Finding f = about(gse13_, p, e, c);
    f.what = fmt::format("{} publishes {} with configuration revision {}.", c.text(e.scene.speaker().address), label(p), e.said->qualifier);
    f.expected = fmt::format("confRev {} {}: subscribers ignore any other.", wanted, p.known.site && p.known.site->conf_rev ? "is declared" : "was learned");
    if (!before) only_differs(f, p, Publication::revision, c);
    tell(p, std::move(f), e.scene.time, to);
  }

  // What a whole state says of its data set, and where it goes.
  void forms(Control& p, const Event& e, const Context& c, Findings& to) {
    if (c.learning) return;
    const SitePublisher* s = p.known.site;
    const PublisherMemory* l = p.known.learned;
    const Address& group = e.scene.listener().address;
    if (const Point* nds = point(e, "ndsCom"); nds && nds->raw && !(l && l->commissioning) && !std::exchange(p.commissioning_told, true)) commissioning(p, e, c, to);
    if (group.kind == Address::Kind::mac && !group.group()) {
      if (p.told_group != key_of(group)) {
        p.told_group = key_of(group);
        Finding f = about(gse19_, p, e, c);
        f.what = fmt::format("{} sends {} to the one host {}.", c.text(e.scene.speaker().address), label(p), c.text(group));
        f.expected = "GOOSE goes to a group address from 01:0c:cd:01:00:00 on.";
        to.raise(std::move(f));
      }
    } else if (p.known.any() && p.known.from(c, e.scene.speaker().address)) {
      const bool right = s && s->destination.kind != Address::Kind::none ? s->destination == group
                                                                         : !l || s || std::find(l->destinations.begin(), l->destinations.end(), group) != l->destinations.end();
      if (right && s) p.right |= Publication::group;
      if (!right && p.told_group != key_of(group)) {
        const uint64_t before = std::exchange(p.told_group, key_of(group));
        Finding f = about(gse19_, p, e, c);
        f.what = fmt::format("{} sends {} to {}.", c.text(e.scene.speaker().address), label(p), text_of(group));
        f.expected = fmt::format("It goes to {}.", text_of(s ? s->destination : l->destinations.front()));
        if (!before) only_differs(f, p, Publication::group, c);
        to.raise(std::move(f));
      }
    }
    if (!p.known.from(c, e.scene.speaker().address) || e.said->function != changed) return;
    const auto entries = number(e, "numDatSetEntries");
    const uint32_t wanted = s && s->entries ? s->entries : l && !s ? l->entries : 0;
    std::string what, expected;
    if (wanted && entries && uint32_t(*entries) != wanted) {
      what = fmt::format("with {:.0f} members", *entries);
      expected = fmt::format("Its data set has {} members.", wanted);
    } else if (const Point* d = point(e, "datSet"); d && d->kind == ValueKind::text && !(s ? s->data_set : l ? l->data_set : std::string()).empty()) {
      const std::string& name = s ? s->data_set : l->data_set;
      if (d->raw != text_key(name)) what = fmt::format("with the data set {}", e.texts.find(d->raw)), expected = fmt::format("Its data set is {}.", name);
    }
    if (what.empty() && s && !s->types.empty()) {
      for (const Point& q : e.points) {
        if (q.object.kind() != ObjectKind::member) continue;
        const unsigned position = unsigned(q.object.key() & 0x7ff), part = unsigned(q.object.key() >> 11 & 0x1f);
        if (part || position >= s->types.size()) continue;
        const MemberType wants = s->types[position];
        if (matches(wants, q)) continue;
        what = fmt::format("with a {} as member {}", q.qualifier & 2 ? "structure" : std::string(name_of(q.kind)), position);
        expected = fmt::format("The site declares a {} there.", name_of(wants));
        break;
      }
    }
    if (what.empty() && s) p.right |= Publication::form;
    if (what.empty() || p.differs_told || p.differs_kept) return;
    Finding f = about(gse14_, p, e, c);
    f.what = fmt::format("{} publishes {} {}.", c.text(e.scene.speaker().address), label(p), what);
    f.expected = expected;
    only_differs(f, p, Publication::form, c);
    (f.difference ? p.differs_kept : p.differs_told) = true;
    tell(p, std::move(f), e.scene.time, to);
  }

  static bool matches(MemberType t, const Point& q) {
    if (t == MemberType::any) return true;
    if (q.qualifier & 2) return t == MemberType::structure;
    switch (t) {
      case MemberType::boolean: return q.kind == ValueKind::boolean;
      case MemberType::integer: return q.kind == ValueKind::integer || q.kind == ValueKind::natural;
      case MemberType::natural: return q.kind == ValueKind::natural || q.kind == ValueKind::integer;
      case MemberType::real: return q.kind == ValueKind::real;
      case MemberType::double_point: return q.kind == ValueKind::double_point;
      case MemberType::bits: return q.kind == ValueKind::bits;
      case MemberType::quality: return q.kind == ValueKind::bits && q.width == 13;
      case MemberType::time: return q.kind == ValueKind::time;
      case MemberType::text: return q.kind == ValueKind::text;
      case MemberType::octets: return q.kind == ValueKind::octets || q.kind == ValueKind::bits;
      default: return false;
    }
  }

  void commissioning(Control& p, const Event& e, const Context& c, Findings& to) {
    Finding f = about(gse15_, p, e, c);
    f.what = fmt::format("{} publishes {} with ndsCom set: the control block needs commissioning.", c.text(e.scene.speaker().address), label(p));
    f.expected = "In operation the flag is off: its data set and its addresses are complete.";
    to.raise(std::move(f));
  }
  void insecure(Control& p, const Event& e, const Context& c, Findings& to, std::string_view how) {
    Finding f = about(gse23_, p, e, c);
    f.what = fmt::format("{} publishes {} {}.", c.text(e.scene.speaker().address), label(p), how);
    f.expected = p.known.site && p.known.site->secured ? "The site declares it secured." : "It was secured before.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // GSE-16: in operation nobody simulates.
  void simulation(Control& p, const Event& e, const Context& c, Findings& to, bool began = false) {
    const Message& m = *e.said;
    if (!m.simulated && !m.test) return;
    if (c.learning || (p.known.site && p.known.site->simulation_allowed) || (!p.known.site && p.known.learned && p.known.learned->simulated)) return;
    if (!began && !publishers_known(c, PublisherKind::goose)) return;
    const bool own = p.known.from(c, e.scene.speaker().address);
    Finding f = about(gse16_, p, e, c);
    if (!own && m.simulated) f.severity = std::min<uint8_t>(f.severity, 3);   // as a test set does, from an address of its own
    f.what = fmt::format("{} publishes {} marked as {} (stNum {}){}.", c.text(e.scene.speaker().address), label(p), m.simulated ? "simulation" : "test", m.tag,
                         own || !p.known.any() ? "" : "; it is not the device this control block belongs to");
    f.expected = own ? "Its own device marks nothing as simulation in operation; a relay test set does, during works."
                     : "In operation no frame is marked; a relay test set does so, during works.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // ---- breaches

  void odd(Control& p, Voice& v, const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    const Time now = e.scene.time;
    switch (m.sub_function) {
      case st_back: return back(p, e, c, to);
      case st_jumped: return jumped(p, e, c, to);
      case values_changed: return data(p, e, c, to);
      case simulation_changed: case test_changed: return simulation(p, e, c, to, true);
      case rev_changed: return declared(p, e, c, to);
      case commissioning_changed:
        if (!c.learning && number(e, "ndsCom").value_or(0) != 0 && !std::exchange(p.commissioning_told, true)) commissioning(p, e, c, to);
        return;
      case security_changed:
        if (!m.encrypted && !c.learning && !std::exchange(p.secured, true)) insecure(p, e, c, to, "without the signature of IEC 62351-6 from now on");
        return;
      case spdu_back: {
        if (c.learning || m.tag <= 1 || p.lately(now)) return;
        Finding f = about(rgs01_, p, e, c);
        f.what = fmt::format("The session number of R-GOOSE {} from {} went back from {:.0f} to {:.0f}.", label(p), c.text(v.source), number(e, "SPDU number before").value_or(0), number(e, "SPDU number").value_or(0));
        f.expected = "It rises with each datagram; older ones are sent by who recorded them.";
        return tell(p, std::move(f), now, to);
      }
      case entries_differ: case types_changed: case set_changed: return changed_set(p, e, c, to);
      case t_changed: return stamped(p, e, c, to);
      case t_back: {
        const Point *was = point(e, "t before"), *is = point(e, "t");
        if (c.learning || !was || !is || p.lately(now) || was->time - is->time < 2 * second || (is->time_flags & (time_invalid | time_unsynchronised))) return;
        if (std::abs(was->time - now) < std::abs(is->time - now)) {
          Finding f = about(gse09_, p, e, c);
          f.what = fmt::format("The time in a new state (stNum {}) of {} went back by {}.", m.tag, label(p), seconds_text(was->time - is->time));
          f.expected = "A later state has a later time; an older one comes from a recording, or from a clock that was set.";
          to.raise(std::move(f));
        }
        return;
      }
      case nothing_changed: {
        if (c.learning || p.lately(now) || attention_.lossy(now) || p.simulated || p.idle.add(now, 10 * minute) < idle_) return;
        Finding f = about(gse08_, p, e, c);
        f.weight = std::exchange(p.idle.told, true) ? 1 : p.idle.count;
        f.what = fmt::format("{} raised stNum of {} {} times in ten minutes although no value changed.", c.text(v.source), label(p), p.idle.count);
        f.expected = "A new stNum says that a value or its quality changed.";
        return to.raise(std::move(f));
      }
      case sq_jumped: case sq_repeated: case sq_back: case sq_not_zero: return gap(p, e, c, to);
      default: return;
    }
  }

  // GSE-03: an older state comes after a newer one. A restart begins at 1, and the old series is over.
  void back(Control& p, const Event& e, const Context& c, Findings& to) {
    const uint32_t was = uint32_t(number(e, "stNum before").value_or(0)), is = e.said->tag;
    const Time now = e.scene.time;
    if (p.jump_waits || (p.jumped && now - p.jumped < minute && is >= p.jumped_from && is < p.jumped_to)) {
      // The jump was no row of lost frames: two series, and receivers will now ignore the older one.
      p.jump_waits = false;
      const uint64_t weight = p.due(now);
      if (!weight) return;
      Finding f = about(gse05_, p, e, c);
      f.weight = weight;
      f.what = fmt::format("stNum of {} jumped from {} to {} and is back at {}: somebody else speaks with the address of {}.", label(p), p.jumped_from, p.jumped_to, is, c.text(e.scene.speaker().address));
      f.expected = "One device counts its states one by one. Subscribers ignore the lower number from now on, which is the true device's.";
      return tell(p, std::move(f), now, to);
    }
    if (is == 1 && e.said->sequence <= 1) {
      p.back_to_one = true, p.before = was, p.stepped = now;
      return;
    }
    if (attention_.lossy(now)) return;
    if (p.lately(now, 10 * second) && !p.replayed) {          // told by another name
      p.strong = now;
      return;
    }
    p.replayed = true;
    const uint64_t weight = p.due(now);
    if (!weight) return;
    Finding f = about(gse03_, p, e, c);
    f.weight = weight;
    f.what = fmt::format("stNum of {} went back from {} to {}: an old state is sent again with the address of {}.", label(p), was, is, c.text(e.scene.speaker().address));
    f.expected = "It rises with each change; only a restarted device begins again, at 1.";
    tell(p, std::move(f), now, to);
  }

  // GSE-04, GSE-05.
  void jumped(Control& p, const Event& e, const Context& c, Findings& to) {
    const uint32_t was = uint32_t(number(e, "stNum before").value_or(0)), is = e.said->tag;
    const Time now = e.scene.time;
    if (p.back_to_one && now - p.stepped < 2 * minute && is >= p.before && is - p.before < 16) {
      p.back_to_one = false;
      Finding f = about(gse03_, p, e, c);
      f.what = fmt::format("stNum of {} went back from {} to 1, and {} afterwards the old series goes on at {}: two senders with the address of {}.", label(p), p.before,
                           seconds_text(now - p.stepped), is, c.text(e.scene.speaker().address));
      f.expected = "A device that restarts begins at 1 and does not return to its old number.";
      return tell(p, std::move(f), now, to);
    }
    if (p.lately(now)) {
      p.strong = now;
      return;
    }
    p.jumped = now, p.jumped_from = was, p.jumped_to = is;
    if (is - was >= poison_ || is > 0xffffff00u) {
      if (c.learning) return;
      Finding f = about(gse05_, p, e, c);
      f.what = fmt::format("stNum of {} jumped from {} to {}.", label(p), was, is);
      f.expected = "A device counts its states one by one; with so high a number subscribers ignore the true device from now on.";
      return tell(p, std::move(f), now, to);
    }
    if (c.learning) return;
    p.jump_waits = true;
    p.jump_scene = e.scene;
  }

  void jump(Control& p, const Context& c, Findings& to) {
    if (c.learning || !publishers_known(c, PublisherKind::goose)) return;    // frames are lost everywhere
    Message m;
    m.station = p.key;
    Finding f = about(gse04_, p, Event{p.jump_scene, &m, nullptr, {}, {}}, c);
    if (p.jumped_to - p.jumped_from < 4) f.severity = 2;
    f.what = fmt::format("stNum of {} jumped from {} to {}: {} states were not heard.", label(p), p.jumped_from, p.jumped_to, p.jumped_to - p.jumped_from - 1);
    f.expected = "Each state is repeated several times, so that none is missed; the sensor lost no frame that it knows of.";
    to.raise(std::move(f));
  }

  // GSE-07.
  void data(Control& p, const Event& e, const Context& c, Findings& to) {
    std::string list;
    size_t n = 0;
    for (const Point& q : e.points)
      if (q.object.kind() == ObjectKind::member && q.qualifier & 1 && n++ < 3)
        list += fmt::format("{}{} is {}", list.empty() ? "" : ", ", object_text(q.object, 1, e.texts), value_text(q, e.texts));
    Finding f = about(gse07_, p, e, c);
    f.what = fmt::format("The values of {} changed without a new stNum ({}): {}.", label(p), e.said->tag, list.empty() ? "other octets" : list);
    f.expected = "Each change of a value is a new state with the next stNum; frames made by hand forget it.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // GSE-14: its shape is another than a moment ago, and confRev says nothing.
  void changed_set(Control& p, const Event& e, const Context& c, Findings& to) {
    if (c.learning || p.lately(e.scene.time) || (e.said->sub_function == entries_differ && p.differs_kept) || std::exchange(p.differs_told, true)) return;
    Finding f = about(gse14_, p, e, c);
    const Point* set = point(e, "datSet");
    f.what = e.said->sub_function == entries_differ
                 ? fmt::format("{} says in {} that it has {:.0f} members and sends {:.0f}.", c.text(e.scene.speaker().address), label(p), number(e, "numDatSetEntries").value_or(0), number(e, "values").value_or(0))
             : e.said->sub_function == types_changed ? fmt::format("The types of the values of {} are others than in the frame before.", label(p))
                                                     : fmt::format("The data set of {} is {} from one frame to the next.", label(p), set ? e.texts.find(set->raw) : "another");
    f.expected = "A data set changes only with the configuration, and confRev with it.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // GSE-09: t must stay while the state does.
  void stamped(Control& p, const Event& e, const Context& c, Findings& to) {
    if (p.steady < 20) p.restamps = true;           // it always does
    if (p.restamps || c.learning || p.lately(e.scene.time)) return;
    Finding f = about(gse09_, p, e, c);
    f.what = fmt::format("{} changed the time of the state (stNum {}) of {} without a new stNum.", c.text(e.scene.speaker().address), e.said->tag, label(p));
    f.expected = "The time is that of the state's change and stays as long as the state.";
    tell(p, std::move(f), e.scene.time, to);
  }

  // GSE-06.
  void gap(Control& p, const Event& e, const Context& c, Findings& to) {
    const Time now = e.scene.time;
    if (c.learning || !publishers_known(c, PublisherKind::goose) || p.lately(now) || attention_.lossy(now)) return;
    if (now - p.gaps.first > minute) p.frames = 0;
    const unsigned n = p.gaps.add(now, minute);
    if (n < gaps_ || double(n) < share_ * double(p.frames + n)) return;
    Finding f = about(gse06_, p, e, c);
    f.weight = std::exchange(p.gaps.told, true) ? 1 : n;
    f.what = fmt::format("sqNum of {} from {} does not count on: {} times in a minute, last from {:.0f} to {}.", label(p), c.text(e.scene.speaker().address), n, number(e, "sqNum before").value_or(0), e.said->sequence);
    f.expected = "It rises by one with each repetition and is 0 with a new state; the sensor lost no frame that it knows of.";
    to.raise(std::move(f));
  }

  // GSE-10.
  void lost(Control& p, Voice& v, const Context& c, Findings& to) {
    if (!v.last || v.silent || c.learning || !p.known.any() || v.words < 3 || !p.known.from(c, v.source)) return;
    Time live = Time(v.live) * millisecond;
    if (p.known.site && p.known.site->max_time) live = std::max(live, 2 * p.known.site->max_time);
    else if (p.known.learned) live = std::max(live, 2 * p.known.learned->longest);
    const Time due = v.last + std::max<Time>(live, second) + grace_;
    if (c.now < due || attention_.last() < due) return;
    v.silent = due;
    if (!attention_.whole_since(v.last)) return;
    Message m;
    m.station = p.key;
    Scene s;
    s.time = c.now;
    s.protocol = uint16_t(std::max(0, protocol_index("goose")));
    s.client.address = v.source, s.server.address = v.group;
    Finding f = about(gse10_, p, Event{s, &m, nullptr, {}, {}}, c);
    f.what = fmt::format("{} fell silent: {} sent no frame for {}.", label(p), c.text(v.source), seconds_text(c.now - v.last));
    f.expected = fmt::format("A frame at least every {}; its subscribers now work without it.", seconds_text(live));
    to.raise(std::move(f));
  }

  // GSE-20.
  void broken(const Event& e, const Context& c, Findings& to) {
    if (!e.said->malformed || c.learning) return;
    const uint64_t key = key_of(e.scene.speaker().address);
    const uint64_t weight = malformed_.due(key, e.scene.time);
    if (!weight) return;
    Finding f = finding(gse20_, e, c);
    f.source = c.party(e.scene.speaker().address), f.target = c.party(e.scene.listener().address);
    f.station.clear(), f.object.clear();
    f.weight = weight;
    f.what = fmt::format("{} sent a GOOSE frame to {} that is not well formed{}.", c.text(e.scene.speaker().address), c.text(e.scene.listener().address),
                         e.said->station && !e.texts.find(e.said->station).empty() ? fmt::format(", as {}", e.texts.find(e.said->station)) : "");
    f.expected = "A device's frames are well formed; what is not comes from tests, tools, or a fault, and may stop subscribers.";
    to.raise(std::move(f));
  }

  void tell(Control& p, Finding&& f, Time now, Findings& to) {
    if (!f.difference) p.strong = now;              // what is kept silent explains nothing away
    to.raise(std::move(f));
  }

  const Detection &gse01_ = row("GSE-01"), &gse02_ = row("GSE-02"), &gse03_ = row("GSE-03"), &gse04_ = row("GSE-04"), &gse05_ = row("GSE-05"), &gse06_ = row("GSE-06"),
                  &gse07_ = row("GSE-07"), &gse08_ = row("GSE-08"), &gse09_ = row("GSE-09"), &gse10_ = row("GSE-10"), &gse11_ = row("GSE-11"), &gse12_ = row("GSE-12"),
                  &gse13_ = row("GSE-13"), &gse14_ = row("GSE-14"), &gse15_ = row("GSE-15"), &gse16_ = row("GSE-16"), &gse17_ = row("GSE-17"), &gse18_ = row("GSE-18"),
                  &gse19_ = row("GSE-19"), &gse20_ = row("GSE-20"), &gse23_ = row("GSE-23"), &rgs01_ = row("RGS-01");
  double poison_ = 0, share_ = 0, factor_ = 0, flood_ = 0;
  unsigned gaps_ = 0, idle_ = 0, slow_ = 0;
  Time skew_ = 0, grace_ = 0;
  Recent<Control> controls_{1024};
  Attention attention_;
  Pacer pacer_, malformed_;
  bool tags_shown_ = false;
};

}  // namespace

void add_goose_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<Goose>(s)); }

}  // namespace vidra
