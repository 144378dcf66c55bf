// SPDX-License-Identifier: Apache-2.0
// NET-10: a control link that was asked all the time and is asked no more. What engineering stations open they also close.
#include <array>

#include "daemon/judge/net.h"
#include "daemon/judge/rules.h"
#include "dissectors/facts.h"

namespace vidra {
namespace {

class SilentLinks final : public Detector {
 public:
  explicit SilentLinks(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    steady_ = seconds(s.number(row_, "steady"));
    silence_ = seconds(s.number(row_, "silence"));
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "iec104", .roles = Want::requests}, {.protocol = "dnp3", .roles = Want::requests}, {.protocol = "modbus", .roles = Want::requests},
                                 {.protocol = "s7", .roles = Want::requests},     {.protocol = "mms", .roles = Want::requests},  {.protocol = "sensor"}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings&) override {
    const Scene& s = e.scene;
    if (s.protocol == sensor_) [[unlikely]] return hearing(e);
    // Between the bursts of a site that polls each minute nobody speaks; a longer hole is one in the hearing, and silence counts from its end.
    if (s.time - heard_ > deaf()) deaf_.fill(s.time);
    heard_ = s.time;
    if (!c.conversation.known() || c.learning) return;
    const bool starts = e.said->link && s.protocol == iec104_ && e.said->function == startdt_act;
    Noted& noted = noted_[c.conversation.pair % noted_.size()];        // once a second for each link is often enough
    if (noted.pair == c.conversation.pair && s.time - noted.at < second && !starts) [[likely]] return;
    noted = {c.conversation.pair, s.time};
    Link& l = links_.at(c.conversation.pair);
    const Time pause = l.last ? s.time - l.last : 0;
    if (!l.since || l.told || pause > silence_) l = Link{s.time, s.time, 0, l.started, false, s};
    else l.longest = std::max(l.longest, pause), l.last = s.time;
    if (starts) l.started = s.time;
  }

  void tick(const Context& c, Findings& to) override {
    if (c.now - looked_ < second || c.now - heard_ > deaf()) return;   // where nobody is heard it is the sensor that is deaf
    looked_ = c.now;
    links_.each([&](Link& l) {
      if (!l.since || l.told || l.last - l.since < steady_) return;
      if (c.now - std::max(l.last, deaf_[place(l.scene.interface)]) < std::max(silence_, 5 * l.longest)) return;
      if (c.site.role_of(c.site.host_of(l.scene.client.address)) == HostRole::engineering) return;
      if (taken_over(l, c.now)) return;
      l.told = true;
      Finding f;
      f.detection = &row_;
      f.severity = row_.severity;
      f.scene = l.scene;
      f.scene.time = c.now;
      f.source = c.party(l.scene.client.address);
      f.target = c.party(l.scene.server.address);
      f.cause = protocol_cause(l.scene.protocol);
      f.what = fmt::format("{} has not asked {} for {} by {}.", c.text(l.scene.client.address), c.text(l.scene.server.address), human_duration(c.now - l.last), protocols[l.scene.protocol]->title);
      f.expected = fmt::format("It asked at least every {} before.", human_duration(std::max<Time>(l.longest, second)));
      to.raise(std::move(f));
    });
  }

 private:
  struct Link { Time since = 0, last = 0, longest = 0, started = 0; bool told = false; Scene scene; };   // started: by STARTDT; scene: of its first question

  Time deaf() const { return std::max<Time>(silence_ / 2, 10 * second); }
  static size_t place(uint32_t interface) { return std::min<size_t>(interface, 63); }

  // What an interface did not bring was not silence.
  void hearing(const Event& e) {
    const auto what = SensorFact(e.said->function);
    if (what != SensorFact::silent && what != SensorFact::heard_again && what != SensorFact::dropped && what != SensorFact::interface_down && what != SensorFact::interface_up) return;
    for (const Point& p : e.points)
      if (p.object.kind() == ObjectKind::capture) deaf_[place(p.object.number())] = e.scene.time;
  }

  // Whether somebody else began to ask this server when this one ended: a switch-over. Who asked it all the time, one of several
  // control centres, took nothing over. A standby's keep-alives on IEC 104 are not asking: there it begins with STARTDT.
  bool taken_over(const Link& l, Time now) {
    bool taken = false;
    links_.each([&](const Link& o) {
      if (o.scene.server.address != l.scene.server.address || o.scene.protocol != l.scene.protocol || o.scene.client.address == l.scene.client.address || now - o.last >= silence_) return;
      taken |= std::max(o.since, o.started) > l.last - silence_;
    });
    return taken;
  }

  const Detection& row_ = row("NET-10");
  Time steady_, silence_, heard_ = 0, looked_ = 0;
  const int sensor_ = protocol_index("sensor"), iec104_ = protocol_index("iec104");
  static constexpr uint16_t startdt_act = 7;
  std::array<Time, 64> deaf_{};                    // by interface: until when it may have missed what was said
  struct Noted { uint64_t pair = 0; Time at = 0; };
  std::array<Noted, 1024> noted_{};
  Recent<Link> links_{1024};
};

}  // namespace

std::unique_ptr<Detector> silence_detector(const JudgeSettings& s) { return std::make_unique<SilentLinks>(s); }

}  // namespace vidra
