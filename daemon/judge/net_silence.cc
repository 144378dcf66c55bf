// SPDX-License-Identifier: Apache-2.0
// NET-10: a control link that was asked all the time and is asked no more. What engineering stations open they also close.
#include <array>

#include "daemon/judge/net.h"
#include "daemon/judge/rules.h"

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
                                 {.protocol = "s7", .roles = Want::requests},     {.protocol = "mms", .roles = Want::requests}};
    return w;
  }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings&) override {
    const Scene& s = e.scene;
    // After a hole in the hearing every link begins anew: nobody knows what was said meanwhile.
    if (s.time - heard_ > deaf) links_.each([&](Link& l) { l.since = 0; }), noted_.fill({});
    heard_ = s.time;
    if (!c.conversation.known() || c.learning) return;
    Noted& noted = noted_[c.conversation.pair % noted_.size()];        // once a second for each link is often enough
    if (noted.pair == c.conversation.pair && s.time - noted.at < second) [[likely]] return;
    noted = {c.conversation.pair, s.time};
    asked_.at(key_of(key_of(s.server.address), s.protocol)) = s.time;
    Link& l = links_.at(c.conversation.pair);
    const Time pause = l.last ? s.time - l.last : 0;
    if (!l.since || l.told || pause > silence_) l = Link{s.time, s.time, 0, false, s};
    else l.longest = std::max(l.longest, pause), l.last = s.time;
  }

  void tick(const Context& c, Findings& to) override {
    if (c.now - looked_ < second || c.now - heard_ > deaf) return;     // where nobody is heard it is the sensor that is deaf
    looked_ = c.now;
    links_.each([&](Link& l) {
      if (!l.since || l.told || l.last - l.since < steady_ || c.now - l.last < std::max(silence_, 5 * l.longest)) return;
      if (c.site.role_of(c.site.host_of(l.scene.client.address)) == HostRole::engineering) return;
      const Time* asked = asked_.find(key_of(key_of(l.scene.server.address), l.scene.protocol));
      if (asked && c.now - *asked < silence_) return;                  // somebody else asks it now: a switch-over
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
  struct Link { Time since = 0, last = 0, longest = 0; bool told = false; Scene scene; };   // scene: of its first question
  const Detection& row_ = row("NET-10");
  Time steady_, silence_, heard_ = 0, looked_ = 0;
  struct Noted { uint64_t pair = 0; Time at = 0; };
  static constexpr Time deaf = 10 * second;
  std::array<Noted, 1024> noted_{};
  Recent<Link> links_{1024};
  Recent<Time> asked_{1024};                       // each server in a protocol, by whom it knows
};

}  // namespace

std::unique_ptr<Detector> silence_detector(const JudgeSettings& s) { return std::make_unique<SilentLinks>(s); }

}  // namespace vidra
