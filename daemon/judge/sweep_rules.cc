// SPDX-License-Identifier: Apache-2.0
// Many switching devices operated faster than people do (I104-05, DNP-06, MMS-07), and one of them to and fro (I104-06).
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

bool single_or_double(uint16_t type) { return type == 45 || type == 46 || type == 58 || type == 59; }
bool double_command(uint16_t type) { return type == 46 || type == 59; }

// Whether this is a command to a switching device. Where the point list says nothing, the type does: double commands and
// DNP3's trip and close name switches, single commands may as well be acknowledgements.
enum class Switching : uint8_t { no, perhaps, yes };
Switching switching(const Lived& l) {
  if (l.point && l.point->kind != PointKind::other) return l.point->kind == PointKind::switchgear ? Switching::yes : Switching::no;
  if (l.is("iec104")) return double_command(l.command.function) ? Switching::yes : single_or_double(l.command.function) ? Switching::perhaps : Switching::no;
  if (l.is("dnp3")) return l.command.asked.form >> 8 == 12 || l.command.object.kind() == ObjectKind::binary_output ? Switching::perhaps : Switching::no;
  if (l.is("mms")) {                               // LD/CSWI1$CO$Pos; a prefix may stand before the class
    const std::string name = l.object();
    const size_t slash = name.find('/'), ln = slash == std::string::npos ? 0 : slash + 1, co = name.find("$CO$Pos", ln);
    if (co == std::string::npos) return Switching::no;
    for (const char* node : {"CSWI", "XCBR", "XSWI"})
      if (const size_t at = name.find(node, ln); at < co) return Switching::yes;
  }
  return Switching::no;
}

class Sweep final : public CommandRule {
 public:
  explicit Sweep(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    objects_ = size_t(std::max(2.0, s.number(iec104_, "objects")));
    pace_ = Time(s.number(iec104_, "pace") * double(second));
    dnp3_objects_ = size_t(std::max(2.0, s.number(dnp3_, "objects")));
    dnp3_pace_ = Time(s.number(dnp3_, "pace") * double(second));
    mms_objects_ = size_t(std::max(2.0, s.number(mms_, "objects")));
    mms_pace_ = Time(s.number(mms_, "pace") * double(second));
  }

  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated) return;
    const bool iec104 = l.is("iec104"), dnp3 = l.is("dnp3"), mms = l.is("mms");
    if (!iec104 && !dnp3 && !mms) return;
    const Switching kind = switching(l);
    const bool unknown_master = l.standing == Standing::stranger || !l.permitted;
    if (kind == Switching::no && !unknown_master) return;
    const bool on = l.command.asked.kind == ValueKind::double_point ? l.command.asked.raw == 2 : l.command.asked.raw != 0;
    if (!unknown_master && l.context.site.sequence(l.context.site.host_of(l.command.scene.client.address), l.context.site.host_of(l.command.scene.server.address), l.command.station, l.command.object, on)) return;
    size_t needed = iec104 ? objects_ : mms ? mms_objects_ : dnp3_objects_;
    if (unknown_master) needed = std::min<size_t>(needed, 3);
    else if (kind == Switching::perhaps && !l.point && l.standing == Standing::unjudged) needed *= 2;
    Time pace = iec104 ? pace_ : mms ? mms_pace_ : dnp3_pace_;
    // Who was learned to be quicker may be; a sequence that runs by itself is part of the plant.
    if (!unknown_master && l.known.learned && l.known.learned->shortest_pace) pace = std::min(pace, l.known.learned->shortest_pace * 4 / 5);

    const Time now = l.context.now;
    // A bay's device has a few switches: over MMS all that one client operates belongs together.
    Burst& b = bursts_.at(mms ? key_of(key_of(l.command.scene.client.address), l.command.scene.protocol) : pair_key(l.command.scene));
    const uint64_t object = key_of(l.command.object.key(), mms ? key_of(l.command.scene.server.address) : l.command.station);
    for (size_t i = 0; i < std::min(b.count, recent); i++)
      if (b.objects[i] == object && now - b.times[i] < minute) return;
    if (b.count && now - b.last > std::max<Time>(2 * pace, second)) end(b, l.context, to), b = Burst{};
    if (!b.count) b.first = now, b.scene = l.command.scene;
    b.objects[b.count % recent] = object;
    b.times[b.count % recent] = now;
    b.count++;
    b.last = now;
    // Single commands to on, none selected: all alarms are acknowledged like that, and nobody said what these objects are.
    b.resets &= iec104 && !unknown_master && kind == Switching::perhaps && !l.point && on && !l.command.selected && !(l.habit && l.habit->selected);
    b.unheard |= !l.habit;
    b.several |= l.command.scene.server.address != b.scene.server.address;
    if (b.names.size() < 240) {
      std::string name = l.object();
      const size_t at = name.ends_with(')') ? 0 : name.rfind(' ') + 1;          // "information object 5101, 5102, 5103"
      if (at && b.kind == name.substr(0, at)) name.erase(0, at);
      else b.kind = name.substr(0, at);
      b.names += (b.names.empty() ? "" : ", ") + name;
    }
    else if (!b.names.ends_with("…")) b.names += ", …";
    if (!b.alike || b.value != l.value()) b.alike = b.count == 1, b.value = l.value();
    if (b.told) {
      l.shared.said(Shared::sweep, l.command.scene);
      return;
    }
    if (b.count < needed) return;
    const size_t window = std::min(needed, recent);
    if (now - b.times[(b.count - window) % recent] > Time(window - 1) * pace) return;
    b.detection = iec104 ? &iec104_ : mms ? &mms_ : &dnp3_;
    b.station = l.finding(*b.detection).station;
    b.common_address = l.command.station;
    b.stranger = unknown_master;
    b.unsure = kind == Switching::perhaps && !l.point && l.standing == Standing::unjudged;
    l.shared.said(Shared::sweep, l.command.scene);
    tell(b, l.context, to);
  }

  void tick(const Context& c, Findings& to) override {
    bursts_.each([&](Burst& b) {
      if (b.told && b.told < b.count && c.now - b.last >= 3 * second) end(b, c, to);
    });
  }

 private:
  static constexpr size_t recent = 16;
  struct Burst {
    std::array<uint64_t, recent> objects{};
    std::array<Time, recent> times{};
    size_t count = 0, told = 0;
    Time first = 0, last = 0;
    Scene scene;
    const Detection* detection = nullptr;
    std::string names, kind, value, station;
    uint64_t common_address = 0;
    bool alike = true, stranger = false, unsure = false, several = false, resets = true, unheard = false;
  };

  void end(Burst& b, const Context& c, Findings& to) {
    if (b.told && b.told < b.count) tell(b, c, to);
  }

  void tell(Burst& b, const Context& c, Findings& to) {
    Message m;
    Scene s = b.scene;
    s.time = b.last;
    Finding f = finding(b.resets && b.unheard ? unheard_ : *b.detection, Event{s, &m, nullptr, {}, {}}, c);   // one story with what is told of unheard objects
    if (b.resets) f.severity = 3, f.confidence = 0.5;
    if (b.resets && b.unheard) f.cause = b.common_address;
    if (b.unsure) f.severity = std::min<uint8_t>(f.severity, 4), f.confidence = 0.5;   // nobody said that these switch anything, nor who may
    f.weight = b.count - b.told;
    f.station = b.station;
    f.object = fmt::format("{} objects", b.count);
    if (b.several) f.target = {}, f.cause = 1;
    f.what = fmt::format("{} operated {} different objects of {}{} in {}{}: {}.", c.text(s.client.address), b.count, c.text(s.server.address), b.several ? " and other devices" : "",
                         seconds_text(b.last - b.first), b.alike ? ", all to " + b.value : "", b.names);
    f.expected = b.stranger ? fmt::format("Known to command this station: {}; and people leave seconds between two switching devices.", masters_text(s, c))
                : b.resets ? std::string("Perhaps all alarms were acknowledged; declare these objects as `kind = \"reset\"`. Operators leave seconds to minutes between two switching devices.")
                            : std::string("Operators leave seconds to minutes between two switching devices.");
    b.told = b.count;
    to.raise(std::move(f));
  }

  const Detection& iec104_ = row("I104-05");
  const Detection& dnp3_ = row("DNP-06");
  const Detection& mms_ = row("MMS-07");
  const Detection& unheard_ = row("I104-47");
  size_t objects_;
  Time pace_;
  size_t mms_objects_;
  Time mms_pace_;
  size_t dnp3_objects_;
  Time dnp3_pace_;
  Recent<Burst> bursts_{256};
};

class Toggle final : public CommandRule {
 public:
  explicit Toggle(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    changes_ = unsigned(s.number(row_, "changes"));
    window_ = Time(s.number(row_, "window") * double(second));
  }

  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated || !l.is("iec104") || !single_or_double(l.command.function)) return;
    if (l.permitted && l.point && (l.point->kind == PointKind::tap || l.point->kind == PointKind::reset)) return;
    if (always_toggled(l) && !(l.point && l.point->kind == PointKind::switchgear)) return;
    const Scene& s = l.command.scene;
    const Time now = l.context.now;
    Turns& t = turns_.at(key_of(key_of(key_of(s.server.address), l.command.station), l.command.object.key()));
    if (t.last && now - t.last > window_) t = Turns{};
    if (t.last && t.value != l.command.asked.raw) {
      t.at[t.count++ % t.at.size()] = now;
      const size_t need = std::clamp<size_t>(changes_, 2, t.at.size());
      if (t.count >= need && now - t.at[(t.count - need) % t.at.size()] <= window_ && !l.shared.lately(Shared::sweep, s)) {
        Finding f = l.finding(row_);
        f.cause = l.command.object.key();
        f.weight = t.told ? 1 : t.count;
        f.what = fmt::format("{} switched {} of {}, {}, to and fro: {} changes in {}, now {}.", l.who(), l.object(), l.server(), f.station, t.count,
                             seconds_text(now - t.first), l.value());
        f.expected = fmt::format("Fewer than {} changes of one object in {}.", changes_, seconds_text(window_));
        t.told = true;
        to.raise(std::move(f));
      }
    }
    if (!t.first) t.first = now;
    t.last = now;
    t.value = l.command.asked.raw;
  }

 private:
  struct Turns {
    std::array<Time, 16> at{};
    size_t count = 0;
    Time first = 0, last = 0;
    uint64_t value = 0;
    bool told = false;
  };
  // What was always toggled as fast is a watchdog or a sequence of the plant; what was switched daily is not.
  bool always_toggled(const Lived& l) const {
    if (!l.habit || l.habit->times < 20 || !l.known.learned) return false;
    for (const FunctionMemory& f : l.known.learned->functions)
      if (f.function == l.command.function && f.role == Role::request && f.period)
        return double(f.period) * double(f.times) / double(l.habit->times) <= double(window_) / std::max(1u, changes_);
    return false;
  }

  const Detection& row_ = row("I104-06");
  unsigned changes_;
  Time window_;
  Recent<Turns> turns_{4096};
};

}  // namespace

void add_sweep_rules(CommandRules& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<Sweep>(s));
  to.push_back(std::make_unique<Toggle>(s));
}

}  // namespace vidra
