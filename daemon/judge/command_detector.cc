// SPDX-License-Identifier: Apache-2.0
// Owns the engine of commands and asks every rule about each of its steps.
#include <algorithm>

#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

constexpr Want wanted[] = {
    {.protocol = "iec104"}, {.protocol = "modbus"}, {.protocol = "dnp3"}, {.protocol = "mms"}, {.protocol = "tcp", .roles = Want::reports}, {.protocol = "sensor"},
    {.protocol = "goose", .roles = Want::reports},
};
constexpr uint32_t expanded = 65'536;            // points of one declared range whose feedback is followed

class CommandDetector final : public Detector {
 public:
  CommandDetector(const JudgeSettings& settings, std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {
    add_permission_rules(rules_, settings);
    add_sweep_rules(rules_, settings);
    add_select_rules(rules_, settings);
    add_answer_rules(rules_, settings);
    add_process_rules(rules_, settings);
  }

  void settle(const JudgeSettings& s) override {
    for (const auto& r : rules_) r->settle(s);
    site_ = nullptr;                               // another site may lie where a former one lay
  }
  std::span<const Want> wants() const override { return wanted; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& f) override {
    if (site_ != &c.site) [[unlikely]] declare(c.site);
    if (e.scene.protocol == goose_ && !commands_.hears_publishers()) return;
    if (e.said && e.scene.protocol == mms_ && e.said->role == Role::request) [[unlikely]] remember(e);
    if (const auto outcomes = commands_.see(e); !outcomes.empty()) [[unlikely]] tell(outcomes, c, f);
  }
  void tick(const Context& c, Findings& f) override {
    shared_->goes_on(c.now);
    tell(commands_.tick(c.now), c, f);
    for (const auto& r : rules_) r->tick(c, f);
  }

 private:
  [[gnu::noinline]] void tell(std::span<const Outcome> outcomes, const Context& c, Findings& f) {
    for (const Outcome& o : outcomes) {
      const Scene& s = o.command.scene;
      const Known k = known(s, c);
      const Standing standing = shared_->standing(s, c, f);
      const StationMemory* station = k.learned ? k.learned->station(o.command.station) : nullptr;
      constexpr ActSet commanding = acts({Act::select, Act::operate, Act::write});
      const Lived lived{o, c, *shared_, o.command, c.site.point(c.site.host_of(s.server.address), s.protocol, o.command.station, o.command.object),
                        station ? station->habit(o.command.object) : nullptr, k, standing,
                        standing == Standing::unjudged || standing == Standing::stand_in || k.allows(commanding)};
      for (const auto& r : rules_) r->see(lived, f);
    }
  }

  // Commands outlive their sentence, and with it the names of what they command.
  [[gnu::noinline]] void remember(const Event& e) {
    const Act a = e.said->act;
    if (a != Act::select && a != Act::operate && a != Act::cancel) return;
    for (const Point& p : e.points)
      if (p.object.kind() == ObjectKind::named) shared_->keep_name(p.object.key(), e.texts.find(p.object.key() & ~(0xffull << 56)));
    if (e.said->has_origin) shared_->keep_name(e.said->origin, e.texts.find(e.said->origin));
  }

  [[gnu::noinline]] void declare(const Site& site) {
    site_ = &site;
    std::vector<Feedback> list;
    for (const SitePoint& p : site.points) {
      if (p.told_by && p.host) elsewhere(site, p, list);
      if (p.feedback.kind() == ObjectKind::none || !p.host) continue;
      const uint64_t count = std::min<uint64_t>(p.objects.last.key() - p.objects.first.key(), expanded - 1) + 1;
      for (const Address& a : site.host(p.host).addresses)
        for (uint32_t i = 0; i < count; i++) {
          Feedback f{a, p.protocol, p.station, p.objects.first.at(i), p.feedback.at(i)};
          if (p.travel_time) f.travel = p.travel_time;
          f.momentary = p.kind == PointKind::tap || p.kind == PointKind::reset;
          list.push_back(f);
        }
    }
    commands_.declare(list);
  }

  void elsewhere(const Site& site, const SitePoint& p, std::vector<Feedback>& to) const {
    const QuantityMember& m = *p.told_by;
    const SiteHost& teller = site.host(m.host);
    Feedback f{Address{}, p.protocol, p.station, p.objects.first, Object::from_key(m.object)};
    if (p.travel_time) f.travel = p.travel_time;
    f.momentary = p.kind == PointKind::tap || p.kind == PointKind::reset;
    f.tellers = teller.addresses;
    for (const Mac& mac : teller.macs) f.tellers.push_back(Address::of(mac));
    f.told_in = m.protocol, f.told_station = m.station.value_or(0);
    f.scale = m.scale / p.scale.value_or(1);
    if (f.feedback.kind() == ObjectKind::named)
      for (const SiteDataSet& set : site.data_sets)
        for (size_t i = 0; set.host == m.host && i < set.members.size(); i++)
          if (data_object(set.members[i]) == f.feedback) f.also.push_back(Object::of_member(text_key(set.name), uint16_t(i)));
    if (f.tellers.empty()) return;
    for (const Address& a : site.host(p.host).addresses) f.server = a, to.push_back(f);
  }

  std::shared_ptr<Shared> shared_;
  CommandRules rules_;
  Commands commands_;
  const Site* site_ = nullptr;
  const int mms_ = protocol_index("mms"), goose_ = protocol_index("goose");
};

}  // namespace

void add_command_detectors(Detectors& to, const JudgeSettings& settings) {
  const auto shared = std::make_shared<Shared>();
  add_iec104_detectors(to, settings, shared);
  add_modbus_detectors(to, settings, shared);
  add_dnp3_detectors(to, settings, shared);
  add_opcua_detectors(to, shared);
  add_c37118_detectors(to, settings);
  add_dlms_detectors(to);
  add_profinet_detectors(to, settings);
  add_mms_detectors(to, settings, shared);
  to.push_back(std::make_unique<CommandDetector>(settings, shared));
  add_deed_detector(to, settings, shared);
}

}  // namespace vidra
