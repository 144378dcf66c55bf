// SPDX-License-Identifier: Apache-2.0
// What a controlling station may not do on IEC 60870-5-104: I104-01, 03, 04, 20, 21, 22, 49. And I104-17: values that turn bad together. Commands' lives are in *_rules.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr uint16_t startdt_act = 0x07, stopdt_act = 0x13, fixed_pattern = 0x55aa;
enum : uint16_t { clock_sync = 103, test_command = 104, reset_process = 105 };

bool refuses_unknown(const Message& m) { return m.role == Role::response && m.reason >= 44 && m.reason <= 47; }

// I104-01. STARTDT, or in a conversation joined later its first request of any kind.
class ControllingStation final : public Detector {
 public:
  explicit ControllingStation(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    const ConversationMemory* const learned = c.conversation.learned;
    if (c.conversation.known() && !c.learning && !(learned && learned->acts == bit(Act::session) && m.link && m.function == startdt_act)) [[likely]] return;
    if (e.scene.from != Side::client || (m.link && m.function != startdt_act && m.function != stopdt_act)) return;
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing != Standing::stranger && standing != Standing::stand_in) return;
    Standing& told = told_.at(key_of(e.scene.flow, c.conversation.pair));
    if (told == standing) return;                          // once for each connection
    told = standing;
    if (standing == Standing::stand_in) return shared_->switch_over(e, c, to);
    const uint64_t weight = pacer_.due(c.conversation.pair, e.scene.time);
    if (!weight) return;
    Finding f = finding(row_, e, c);
    f.weight = weight;
    f.object.clear();
    if (m.link) f.station.clear();
    f.what = fmt::format("{} {} {} as a controlling station.", c.text(e.scene.client.address),
                         m.link ? (m.function == startdt_act ? "opened (STARTDT)" : "stopped (STOPDT)") : fmt::format("asks ({})", function_text(e.scene.protocol, m.function)), c.text(e.scene.server.address));
    f.expected = fmt::format("Known to control this station: {}.", masters_text(e.scene, c));
    to.raise(std::move(f));
  }

 private:
  const Detection& row_ = row("I104-01");
  std::shared_ptr<Shared> shared_;
  Recent<Standing> told_;
  Pacer pacer_;
};

// I104-03. By a master that may command: what others command is told about them.
class UnknownObject final : public Detector {
 public:
  explicit UnknownObject(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .acts = acts({Act::select, Act::operate}), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (c.learning || m.broadcast || e.points.empty() || (m.malformed && !obeyed_though_broken(e))) return;   // to all: I104-26
    if (shared_->standing(e.scene, c, to) != Standing::known || !known(e.scene, c).allows(acts({Act::operate, Act::select}))) return;
    const HostId server = c.conversation.server;
    std::string expected;
    if (!c.site.has_points(server, e.scene.protocol, m.station)) {
      const ConversationMemory* learned = c.conversation.learned;
      const bool others = c.site.has_points(server, e.scene.protocol);
      if (!others && (c.conversation.declared || !learned || learned->stations.empty() || learned->station(m.station))) return;
      expected = others ? fmt::format("The site's point lists for {} have no common address {}.", c.text(e.scene.server.address), m.station)
                        : fmt::format("Common address {} was never spoken to behind {}.", m.station, c.text(e.scene.server.address));
    } else {
      for (const Point& p : e.points) {
        const SitePoint* declared = c.site.point(server, e.scene.protocol, m.station, p.object);
        if (declared && declared->direction == Direction::control) continue;
        expected = declared ? "The site's point list has it as a monitored point, not as a command." : "The site's point list has no such information object.";
        break;
      }
      if (expected.empty()) return;
    }
    const uint64_t weight = pacer_.due(c.conversation.pair, e.scene.time);
    if (!weight) return;
    Finding f = finding(row_, e, c);
    f.cause = m.station;
    f.weight = weight;
    f.what = fmt::format("{} {} {} of {}, {}, to {} ({}).", c.text(e.scene.client.address), m.act == Act::select ? "selected" : "operated", f.object, c.text(e.scene.server.address),
                         f.station, value_text(e.points[0], e.texts), function_text(e.scene.protocol, m.function));
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

 private:
  const Detection& row_ = row("I104-03");
  std::shared_ptr<Shared> shared_;
  Pacer pacer_;
};

// I104-04. Needs no knowledge: a station says itself what it does not have.
class Enumeration final : public Detector {
 public:
  Enumeration(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    objects_ = unsigned(s.number(row_, "objects"));
    window_ = Time(s.number(row_, "window") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .roles = Want::responses}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (!refuses_unknown(m)) [[likely]] return;
    Tried& t = tried_.at(c.conversation.pair);
    if (e.scene.time - t.first > window_) t = Tried{e.scene.time};
    const uint64_t key = key_of(m.station, e.points.empty() ? 0 : e.points[0].object.key());
    for (unsigned i = 0; i < std::min(t.count, Tried::kept); i++)
      if (t.keys[i] == key) return;
    t.keys[t.count++ % Tried::kept] = key;
    if (t.count < objects_) return;
    if (shared_->lately(Shared::sweep, e.scene)) return;   // the sweep is the worse word for the same thing
    const uint64_t weight = t.told ? pacer_.due(c.conversation.pair, e.scene.time) : t.count;
    if (!weight) return;
    t.told = true;
    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.client.address);
    f.target = c.party(e.scene.server.address);
    f.weight = weight;
    f.what = fmt::format("{} asked {} for {} objects or addresses it does not have in {}, {} of {} the last.", c.text(e.scene.client.address), c.text(e.scene.server.address), t.count,
                         seconds_text(e.scene.time - t.first), f.object.empty() ? "a station" : f.object, f.station);
    f.expected = "A master knows its station's objects by its own point list.";
    to.raise(std::move(f));
  }

 private:
  struct Tried {
    static constexpr unsigned kept = 64;
    Time first = 0;
    unsigned count = 0;
    bool told = false;
    uint64_t keys[kept] = {};
  };
  const Detection& row_ = row("I104-04");
  unsigned objects_;
  Time window_;
  std::shared_ptr<Shared> shared_;
  Recent<Tried> tried_{256};
  Pacer pacer_;
};

// I104-20, I104-21, I104-22: system commands.
class SystemCommands final : public Detector {
 public:
  SystemCommands(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    step_ = Time(s.number(clock_, "step") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .acts = acts({Act::time, Act::run, Act::diagnose}), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.reason != 6) return;
    if (m.function == clock_sync) return clock(e, c, to);
    if (m.function == reset_process) {
      const Known k = known(e.scene, c);
      if (k.declared && k.declared->allows(Act::run)) return;
      Finding f = finding(reset_, e, c);
      f.object.clear();
      f.what = fmt::format("{} sent {}, {}, a reset process command{}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                           m.qualifier == 1 ? " for the whole process" : m.qualifier == 2 ? " that drops its time-tagged events" : fmt::format(" with qualifier {}", m.qualifier));
      f.expected = "Stations are reset by hand, during works.";
      return to.raise(std::move(f));
    }
    if (m.function == test_command && m.qualifier != fixed_pattern) {     // 107's counter is free (104, 8.7)
      Finding f = finding(test_, e, c);
      f.object.clear();
      f.what = fmt::format("{} sent {}, {}, a test command with pattern {:04X}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station, m.qualifier);
      f.expected = "The fixed test pattern is 55AA.";
      to.raise(std::move(f));
    }
  }

 private:
  void clock(const Event& e, const Context& c, Findings& to) {
    const Standing standing = shared_->standing(e.scene, c, to);
    std::string expected;
    Time offset = 0;
    const bool valued = !e.points.empty() && e.points[0].kind == ValueKind::time && !(e.points[0].time_flags & time_invalid);
    if (valued) offset = Time(e.points[0].raw) - e.scene.time;
    if (standing == Standing::stranger) expected = fmt::format("Known to control this station: {}.", masters_text(e.scene, c));
    else if (standing == Standing::known && !known(e.scene, c).allows(bit(Act::time)))
      expected = fmt::format("{} may not set this station's clock.", c.text(e.scene.client.address));
    else if (valued) {
      // Local time and summer time are whole quarters of an hour away; the rest is compared with what this master sent before.
      constexpr Time quarter = 15 * minute;
      const Time zone = (offset + (offset < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter, rest = offset - zone;
      Offset& before = offsets_.at(c.conversation.pair);
      const bool known_before = std::exchange(before.known, true);
      const Time last = std::exchange(before.rest, rest);
      if (std::abs(zone) > 15 * hour) expected = "The time a master sends is the hour of day, in UTC or local time.";
      else if (known_before && std::abs(rest - last) > step_) expected = fmt::format("This master's clock was within {} of its last one.", seconds_text(step_));
      else return;
    } else {
      return;
    }
    Finding f = finding(clock_, e, c);
    f.object.clear();
    f.what = fmt::format("{} set the clock of {}, {}{}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                         valued && std::abs(offset) > second ? fmt::format(", {} {} the sensor's", seconds_text(std::abs(offset)), offset < 0 ? "behind" : "ahead of") : "");
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

  struct Offset { Time rest = 0; bool known = false; };
  const Detection& clock_ = row("I104-20");
  const Detection& reset_ = row("I104-21");
  const Detection& test_ = row("I104-22");
  Time step_;
  std::shared_ptr<Shared> shared_;
  Recent<Offset> offsets_{256};
};

// I104-49. A known master under an originator address that it never had: another of its operators, or another program on its host.
class Originator final : public Detector {
 public:
  explicit Originator(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .acts = changing_acts, .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (c.learning || !m.has_origin || m.link || m.malformed) return;
    const SiteConversation* d = c.conversation.declared;
    const ConversationMemory* l = c.conversation.learned;
    if (d && !d->origins.empty()) {
      if (std::find(d->origins.begin(), d->origins.end(), m.origin) != d->origins.end()) [[likely]] return;
    } else if (d || !l || l->origins.empty() || l->knows_origin(m.origin)) {
      return;
    }
    if (shared_->standing(e.scene, c, to) != Standing::known) return;
    const uint64_t weight = pacer_.due(key_of(c.conversation.pair, m.origin), e.scene.time);
    if (!weight) return;
    Finding f = finding(row_, e, c);
    f.cause = m.origin;
    f.weight = weight;
    f.what = fmt::format("{} sent {}, {}, {} under originator address {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                         function_text(e.scene.protocol, m.function), m.origin);
    f.expected = "It has always used another originator address.";
    to.raise(std::move(f));
  }

 private:
  const Detection& row_ = row("I104-49");
  std::shared_ptr<Shared> shared_;
  Pacer pacer_;
};

// I104-17. Told by what is reported spontaneously, so that it has just happened: what an interrogation brings may have been so for years,
// and so may what was bad before and says it again.
class QualityBurst final : public Detector {
 public:
  explicit QualityBurst(const JudgeSettings& s) { settle(s); }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .acts = bit(Act::report), .roles = Want::reports}};
    return w;
  }
  void settle(const JudgeSettings& s) override {
    points_ = size_t(s.number(row_, "points"));
    share_ = s.number(row_, "share") / 100;
    window_ = Time(s.number(row_, "window") * double(second));
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    uint32_t quality = 0;
    if (e.said->reason == spontaneous || e.said->reason >= interrogated)
      for (const Point& p : e.points) quality |= p.quality;
    if (quality & bad || stations_with_bad_) [[unlikely]] look(e, c, to, quality);
  }

 private:
  // `quality`: of all points, 0 where they tell nothing new.
  [[gnu::noinline]] void look(const Event& e, const Context& c, Findings& to, uint32_t quality) {
    const Message& m = *e.said;
    const bool turns = m.reason == spontaneous, any = quality & bad;
    if (m.malformed || m.test) return;
    const uint64_t key = key_of(c.conversation, m.station);
    if (!any && !stations_.find(key)) return;
    Station& s = stations_.at(key);
    const bool was_bad = !s.objects.empty();
    bool fresh = false;
    for (const Point& p : e.points) {
      if (!(p.quality & bad)) good(s, p.object.key());
      else if (any) fresh |= turn(s, p.object.key(), e.scene.time, turns ? e.scene.time : long_ago);
    }
    stations_with_bad_ += !s.objects.empty() - was_bad;
    if (s.objects.empty()) s.told = long_ago;
    // What goes on is told again when as many more have turned, in a window of their own.
    if (!fresh || !turns || c.learning || s.objects.size() < points_ || (s.told != long_ago && e.scene.time - s.told < window_)) return;
    const Time since = std::max(e.scene.time - window_, s.told + 1);
    const size_t n = size_t(std::count_if(s.objects.begin(), s.objects.end(), [&](const auto& o) { return o.second >= since; }));
    if (n < points_) return;
    size_t of = 0;                                         // measured or indicated, where a list says how many there are
    for (const SitePoint& p : c.site.points)
      if (p.host == c.conversation.server && p.protocol == e.scene.protocol && p.station == m.station && p.direction == Direction::monitor) of += p.objects.last.key() - p.objects.first.key() + 1;
    if (double(n) < share_ * double(of)) return;
    s.told = e.scene.time;
    Finding f = finding(row_, e, c);
    f.cause = m.station;
    f.object.clear();
    f.what = fmt::format("{} of {}, {}, turned bad within {}, {} the last: {}.", n < most ? fmt::format("{} values", n) : fmt::format("More than {} values", most),
                         c.text(e.scene.server.address), f.station, seconds_text(window_), object_label(c, e.scene, m.station, e.points.empty() ? Object{} : e.points.back().object), words_of(quality));
    f.expected = of ? fmt::format("Its list has {} points, and of {} % of them the station vouches.", of, int(100 - share_ * 100)) : std::string("Single points turn bad; many together have one cause.");
    to.raise(std::move(f));
  }

  static std::string words_of(uint32_t quality) {
    char text[160];
    return std::string(describe_quality(quality & bad, text));
  }
  static constexpr uint32_t bad = invalid | not_topical | substituted | blocked;
  static constexpr uint16_t spontaneous = 3, interrogated = 20;
  static constexpr size_t most = 4096;
  static constexpr Time long_ago = 0;
  using Objects = std::unordered_map<uint64_t, Time>;        // what is bad, and when it turned
  struct Station { Objects objects; Time told = long_ago, cleared = 0; };

  // A value that goes to and fro takes and gives the same place: nothing of the heap for each.
  void good(Station& s, uint64_t object) {
    Objects::node_type place = s.objects.extract(object);
    if (place && free_.size() < most) free_.push_back(std::move(place));
  }
  // Whether it was not known to be bad.
  bool turn(Station& s, uint64_t object, Time now, Time turned) {
    if (s.objects.contains(object)) return false;
    if (s.objects.size() >= most && now - s.cleared >= window_) {
      s.cleared = now;
      std::erase_if(s.objects, [&](const auto& o) { return now - o.second > window_; });
    }
    if (s.objects.size() >= most) return false;
    if (free_.empty()) return s.objects.emplace(object, turned).second;
    Objects::node_type place = std::move(free_.back());
    free_.pop_back();
    place.key() = object, place.mapped() = turned;
    return s.objects.insert(std::move(place)).inserted;
  }

  const Detection& row_ = row("I104-17");
  size_t points_ = 0;
  double share_ = 0;
  Time window_ = 0;
  int stations_with_bad_ = 0;                              // one that made room for others stays counted: then it is only looked at in vain
  std::vector<Objects::node_type> free_;
  Recent<Station> stations_{256};
};

}  // namespace

void add_iec104_detectors(Detectors& to, const JudgeSettings& s, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<ControllingStation>(shared));
  to.push_back(std::make_unique<UnknownObject>(shared));
  to.push_back(std::make_unique<Enumeration>(s, shared));
  to.push_back(std::make_unique<SystemCommands>(s, shared));
  to.push_back(std::make_unique<Originator>(shared));
  to.push_back(std::make_unique<QualityBurst>(s));
}

}  // namespace vidra
