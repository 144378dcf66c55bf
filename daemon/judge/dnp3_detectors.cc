// SPDX-License-Identifier: Apache-2.0
// What a master may not do on DNP3: DNP-01, 03, 11, 12, 13, 15, 18, 25, 27, 29. Commands' lives are in *_rules.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

enum Code : uint16_t { confirm = 0, read = 1, write = 2, operate_first = 3, operate_last = 6, cold_restart = 13, warm_restart = 14, initialize_data = 15, stop_application = 18,
                       enable_unsolicited = 20, disable_unsolicited = 21, open_file = 25, delete_file = 27, abort_file = 30 };
constexpr uint32_t for_reading = 1;                                     // mode of opening: a record is fetched after each trip
constexpr uint32_t iin_need_time = 1 << 4, iin_restart = 1 << 7;   // IIN1.4, IIN1.7

// DNP-01. A stranger's small acts (a write, unsolicited reports switched off) are told as his, not as stories of their own.
class Master final : public Detector {
 public:
  explicit Master(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dnp3", .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (e.scene.from != Side::client || c.learning || (m.malformed && (m.link || m.after_gap))) return;
    if (c.conversation.known() && knows_address(e, c)) [[likely]] return;
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing == Standing::unjudged) return;
    if (standing == Standing::known && knows_address(e, c)) return;       // of a declared group
    if (standing == Standing::stand_in) return shared_->switch_over(e, c, to);
    const std::string asker = c.text(e.scene.client.address), server = c.text(e.scene.server.address);
    Told& told = told_.at(key_of(e.scene.flow, key_of(c.conversation.pair, m.origin)));
    const bool remarkable = !m.link && m.function != confirm && m.function != read;
    if (told.first && !(remarkable && told.function != m.function + 1u)) {
      if (!remarkable) return;
      const uint64_t weight = pacer_.due(key_of(e.scene.flow, m.origin), e.scene.time);
      if (!weight) return;
      Finding f = start(e, c);
      f.weight = weight;
      say(f, e, c, asker, server, standing);
      return to.raise(std::move(f));
    }
    told.first = true;
    if (remarkable) told.function = m.function + 1u;
    Finding f = start(e, c);
    say(f, e, c, asker, server, standing);
    to.raise(std::move(f));
  }

 private:
  struct Told { bool first = false; uint32_t function = 0; };

  static bool knows_address(const Event& e, const Context& c) {
    const Message& m = *e.said;
    if (!m.has_origin) return true;
    const SiteConversation* d = c.conversation.declared;
    if (d && !d->origins.empty()) {
      for (uint64_t o : d->origins)
        if (o == m.origin) return true;
      return false;
    }
    const ConversationMemory* l = c.conversation.learned;
    if (!d && !l)
      if (const MasterGroup* g = c.site.group(c.conversation.client, c.conversation.server); g && !g->origins.empty())
        return std::find(g->origins.begin(), g->origins.end(), m.origin) != g->origins.end();
    return d || !l || l->origins.empty() || l->knows_origin(m.origin);
  }

  Finding start(const Event& e, const Context& c) const {
    Finding f = finding(row_, e, c);
    if (e.points.size() != 1) f.object.clear();
    return f;
  }

  void say(Finding& f, const Event& e, const Context& c, const std::string& asker, const std::string& server, Standing standing) const {
    const Message& m = *e.said;
    const std::string object = e.points.size() == 1 ? " for " + object_label(c, e.scene, m.station, e.points[0].object, e.points[0].count) : "";
    const std::string request = m.link ? "link frames" : fmt::format("{}{}", function_text(e.scene.protocol, m.function), object);
    if (standing == Standing::known) {
      f.what = fmt::format("{} speaks to {}, {}, as DNP3 master {}: {}.", asker, server, f.station, m.origin, request);
      f.expected = "It has always used another link address.";
    } else {
      f.what = fmt::format("{}, as DNP3 master {}, sent {}, {}: {}.", asker, m.origin, server, f.station, request);
      f.expected = fmt::format("Known to ask this outstation: {}.", masters_text(e.scene, c));
    }
  }

  const Detection& row_ = row("DNP-01");
  std::shared_ptr<Shared> shared_;
  Recent<Told> told_;
  Pacer pacer_;
};

// DNP-03 and DNP-18: writes. Clearing the restart bit and the time are a master's ordinary life.
class Writes final : public Detector {
 public:
  Writes(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    step_ = Time(s.number(time_, "step") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dnp3"}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.role != Role::request) {
      if (m.qualifier & iin_need_time) [[unlikely]] needs_.at(key_of(key_of(e.scene.server.address), m.station)) = e.scene.time;
      return;
    }
    if (m.link || m.function != write || (m.malformed && !obeyed_though_broken(e))) return;
    const Standing standing = shared_->standing(e.scene, c, to);
    if (standing != Standing::known) return;             // a stranger's are told as his; where nothing is known, nothing is new
    bool time = false;
    const Point* other = nullptr;
    for (const Point& p : e.points) {
      const unsigned group = p.form >> 8;
      if (group == 50 || p.object.kind() == ObjectKind::time_and_date) time = true;
      else if (group != 80 && p.object.kind() != ObjectKind::internal_indication && !other) other = &p;
    }
    if (time) set_time(e, c, to);
    if (!other) return;
    const Known k = known(e.scene, c);
    if (k.group || (k.declared && k.declared->allows(m.act))) return;
    const StationMemory* learned = k.learned ? k.learned->station(m.station) : nullptr;
    if (learned && learned->written.has(other->object, other->count)) return;
    const uint64_t weight = pacer_.due(c.conversation.pair, e.scene.time);
    if (!weight) return;
    Finding f = finding(write_, e, c);
    f.weight = weight;
    f.object = object_label(c, e.scene, m.station, other->object, other->count);
    f.what = fmt::format("{} wrote {} of {}, {}: {}.", c.text(e.scene.client.address), f.object, c.text(e.scene.server.address), f.station, value_text(*other, e.texts));
    f.expected = "It writes nothing here but the time and the restart indication.";
    to.raise(std::move(f));
  }

 private:
  void set_time(const Event& e, const Context& c, Findings& to) {
    const Message& m = *e.said;
    const Known k = known(e.scene, c);
    const Point* p = nullptr;
    for (const Point& candidate : e.points)
      if (candidate.kind == ValueKind::time) { p = &candidate; break; }
    const Time offset = p ? Time(p->raw) - e.scene.time : 0;
    const Time* asked = needs_.find(key_of(key_of(e.scene.server.address), m.station));
    const bool usual = k.allows(acts({Act::time, Act::write})) || (asked && *asked && e.scene.time - *asked < 5 * minute);
    std::string expected;
    if (!usual) expected = fmt::format("{} never set this outstation's time, and it did not ask for it (IIN1.4).", c.text(e.scene.client.address));
    else if (p) {
      constexpr Time quarter = 15 * minute;              // local time is whole quarters of an hour away
      const Time zone = (offset + (offset < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter, rest = offset - zone;
      Offset& before = offsets_.at(c.conversation.pair);
      const bool known_before = std::exchange(before.known, true);
      const Time last = std::exchange(before.rest, rest);
      if (std::abs(zone) > 15 * hour) expected = "The time written is the time of day.";
      else if (known_before && std::abs(rest - last) > step_) expected = fmt::format("This master's clock was within {} of its last one.", seconds_text(step_));
    }
    if (expected.empty()) return;
    Finding f = finding(time_, e, c);
    f.object.clear();
    f.what = fmt::format("{} set the time of {}, {}{}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station,
                         p && std::abs(offset) > second ? fmt::format(", {} {} the sensor's", seconds_text(std::abs(offset)), offset < 0 ? "behind" : "ahead of") : "");
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

  struct Offset { Time rest = 0; bool known = false; };
  const Detection& write_ = row("DNP-03");
  const Detection& time_ = row("DNP-18");
  Time step_;
  std::shared_ptr<Shared> shared_;
  Recent<Time> needs_{256};
  Recent<Offset> offsets_{256};
  Pacer pacer_;
};

// DNP-11, DNP-12, DNP-13, DNP-25, DNP-27: functions that few masters ever need.
class RareFunctions final : public Detector {
 public:
  explicit RareFunctions(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dnp3", .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.link || e.scene.from != Side::client) return;
    if (m.broadcast) [[unlikely]] broadcast(e, c, to);
    if (m.function < cold_restart) [[likely]] return;
    const Known k = known(e.scene, c);
    if (m.function <= stop_application) {
      if (k.declared && k.declared->allows(Act::run)) return;
      const Detection& d = m.function == cold_restart ? cold_ : m.function == warm_restart ? warm_ : stop_;
      if (&d == &stop_ && m.function == 17) return;      // start application undoes what was told
      shared_->said(Shared::restart, e.scene);
      return raise(d, e, c, to, m.function <= warm_restart ? "Outstations are restarted by hand, during works." : "A master leaves an outstation's applications alone.");
    }
    if (m.function < open_file || m.function > abort_file) return;
    if (k.declared && k.declared->allows(Act::file)) return;
    if (m.function != open_file && m.function != delete_file && m.function != 29) return;   // the others go with an open one
    if (k.learned && !c.learning && k.learned->knows_function(m.function, 0)) return;
    if (m.function != delete_file && (c.learning || c.knows_nothing())) return;
    if (m.function == open_file && k.any() && only_reads(e.points)) return;
    raise(file_, e, c, to, "Files of this outstation were never touched by this master.");
  }

 private:
  void broadcast(const Event& e, const Context& c, Findings& to) {
    if (c.learning) return;
    const Known k = known(e.scene, c);
    if (k.learned && k.learned->station(e.said->station)) return;
    if (shared_->standing(e.scene, c, to) == Standing::stranger && e.said->function == confirm) return;
    raise(broadcast_, e, c, to, "Requests are addressed to one outstation.");
  }

  // Whether every object of a request to open is one (g70v3, by its name) that is opened for reading.
  static bool only_reads(std::span<const Point> points) {
    return !points.empty() && std::all_of(points.begin(), points.end(), [](const Point& p) { return p.object.kind() == ObjectKind::named && (p.qualifier & 0xffff) == for_reading; });
  }

  void raise(const Detection& d, const Event& e, const Context& c, Findings& to, std::string expected) {
    const uint64_t weight = pacer_.due(key_of(c.conversation.pair, index_of(d)), e.scene.time);
    if (!weight) return;
    Finding f = finding(d, e, c);
    f.weight = weight;
    f.cause = e.said->station;
    if (e.points.size() != 1) f.object.clear();
    std::string of = e.points.size() == 1 ? " for " + f.object : "";
    for (const Point& p : e.points)
      if (p.object.kind() == ObjectKind::named) of = fmt::format(" for \"{}\"", object_text(p.object, 1, e.texts));
    f.what = fmt::format("{} sent {}, {}: {}{}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station, function_text(e.scene.protocol, e.said->function), of);
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

  const Detection& cold_ = row("DNP-11");
  const Detection& warm_ = row("DNP-12");
  const Detection& stop_ = row("DNP-13");
  const Detection& broadcast_ = row("DNP-25");
  const Detection& file_ = row("DNP-27");
  std::shared_ptr<Shared> shared_;
  Pacer pacer_;
};

// DNP-15. At start-up a master switches unsolicited reports off, and on again when it is ready; polling masters leave them off.
class Unsolicited final : public Detector {
 public:
  Unsolicited(const JudgeSettings& s, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    wait_ = Time(s.number(row_, "wait") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dnp3"}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    heard_ = e.scene.time;
    if (c.first) starts_.at(c.conversation.pair) = e.scene.time;
    if (m.role != Role::request) {
      if (m.qualifier & iin_restart) [[unlikely]] starts_.at(c.conversation.pair) = e.scene.time;
      return;
    }
    if (m.link || (m.function != enable_unsolicited && m.function != disable_unsolicited) || e.scene.from != Side::client) return;
    const uint64_t key = key_of(c.conversation, m.station);
    if (m.function == enable_unsolicited) {
      if (Waiting* w = find(key)) w->due = 0;
      return;
    }
    if (c.learning || shared_->standing(e.scene, c, to) == Standing::stranger) return;
    const Time* start = starts_.find(c.conversation.pair);
    if (start && e.scene.time - *start < minute) return;
    const Known k = known(e.scene, c);
    if (k.learned && k.learned->knows_function(disable_unsolicited, 0) && !k.learned->knows_function(enable_unsolicited, 0)) return;
    Waiting* w = find(key);
    if (!w) w = find(0);
    if (!w) return;
    Finding f = finding(row_, e, c);
    f.object.clear();
    f.what = fmt::format("{} switched off the unsolicited reports of {}, {}.", c.text(e.scene.client.address), c.text(e.scene.server.address), f.station);
    f.expected = fmt::format("A master that switches them off at its start switches them on again; {} did not within {}.", c.text(e.scene.client.address), seconds_text(wait_));
    *w = {key, e.scene.time + wait_, std::move(f)};
  }

  void tick(const Context& c, Findings& to) override {
    for (Waiting& w : waiting_)
      if (w.due && c.now >= w.due && heard_ >= w.due - wait_ / 2) w.due = 0, to.raise(std::move(w.finding));
  }

 private:
  struct Waiting { uint64_t key = 0; Time due = 0; Finding finding; };
  Waiting* find(uint64_t key) {
    for (Waiting& w : waiting_)
      if (key ? w.due && w.key == key : !w.due) return &w;
    return nullptr;
  }

  const Detection& row_ = row("DNP-15");
  Time wait_, heard_ = 0;
  std::shared_ptr<Shared> shared_;
  Recent<Time> starts_;
  std::array<Waiting, 32> waiting_;
};

// DNP-29. One may be a serial line behind a gateway.
class BrokenFrames final : public Detector {
 public:
  explicit BrokenFrames(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    frames_ = unsigned(s.number(row_, "frames"));
    window_ = Time(s.number(row_, "window") * double(second));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dnp3"}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (!m.malformed) [[likely]] return;
    if (m.reason != 0x401 && m.reason != 0x402) return;
    if (m.after_gap || m.midstream) return;
    Seen& s = seen_.at(key_of(c.conversation.pair, uint64_t(e.scene.from)));
    if (e.scene.time - s.first > window_) s = {e.scene.time, 0};
    if (++s.count < frames_) return;
    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.speaker().address);
    f.target = c.party(e.scene.listener().address);
    f.cause = uint64_t(e.scene.from);
    f.object.clear();
    f.weight = s.count == frames_ ? s.count : 1;
    f.what = fmt::format("{} sent {} {} DNP3 frames with a wrong CRC or header in {}.", c.text(e.scene.speaker().address), c.text(e.scene.listener().address), s.count,
                         seconds_text(e.scene.time - s.first));
    f.expected = "TCP and UDP deliver what was sent: frames are broken only by who makes them, or by a serial line behind a gateway.";
    to.raise(std::move(f));
  }

 private:
  struct Seen { Time first = 0; unsigned count = 0; };
  const Detection& row_ = row("DNP-29");
  unsigned frames_;
  Time window_;
  Recent<Seen> seen_{256};
};

}  // namespace

void add_dnp3_detectors(Detectors& to, const JudgeSettings& s, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<Master>(shared));
  to.push_back(std::make_unique<Writes>(s, shared));
  to.push_back(std::make_unique<RareFunctions>(shared));
  to.push_back(std::make_unique<Unsolicited>(s, shared));
  to.push_back(std::make_unique<BrokenFrames>(s));
}

}  // namespace vidra
