// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "daemon/judge/quantity_words.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

std::string number_text(double v, const std::string& unit) { return unit.empty() ? fmt::format("{:.6g}", v) : fmt::format("{:.6g} {}", v, unit); }

}  // namespace

struct Quantities::Heard {
  std::vector<Member> members;
  std::vector<Quantity> quantities;
  std::unordered_map<uint64_t, Placed> by_place;
};

void Quantities::declare(const Site& site, const JudgeSettings& settings) {
  mms_ = protocol_index("mms"), sv_ = protocol_index("sv"), goose_ = protocol_index("goose");
  const Heard before{std::move(members_), std::move(quantities_), std::move(by_place_)};
  members_.clear(), quantities_.clear(), by_place_.clear(), by_object_.clear(), has_members_.clear();
  known_.reset();
  voices_.declare(site);
  declare_members(site);
  positions_.declare(site, voices_);
  ranges_.declare(site, voices_, settings);
  has_members_.resize(voices_.size());
  keep(before);
  declare_places(site);
}

void Quantities::declare_members(const Site& site) {
  std::vector<std::pair<uint64_t, uint64_t>> read_as;   // the value in an object, and the object
  for (const SiteQuantity& q : site.quantities) {
    const uint32_t quantity = uint32_t(quantities_.size());
    quantities_.push_back({&q, text_key(q.name), {}, 0, false});
    for (const QuantityMember& m : q.members) {
      const uint32_t voice = voices_.add(m.host, m.protocol);
      if (has_members_.size() <= voice) has_members_.resize(voice + 1);
      has_members_[voice] = 1;
      const auto [first, fresh] = by_object_.emplace(key_of_object(voice, m.object), int(members_.size()));
      const uint32_t place = uint32_t(quantities_.back().members.size());
      quantities_.back().members.push_back(uint32_t(members_.size()));
      members_.push_back({&m, member_key(voices_.key(voice), m), quantity, place, fresh ? -1 : first->second, 0, 0, 0});
      first->second = int(members_.size()) - 1;
      if (int(m.protocol) != mms_ && int(m.protocol) != goose_) continue;
      voices_.add(m.host, uint16_t(mms_));           // its answers name what GOOSE says by place
      // A client may read the data object, or the value in it.
      for (const std::string_view leaf : {"$stVal", "$mag$f", "$mag", "$cVal$mag$f"})
        if (std::count(m.text.begin(), m.text.end(), '$') >= 2 && m.text.find('[') == m.text.npos)
          read_as.emplace_back(key_of_object(voice, Object::of_text(text_key(fmt::format("{}{}", m.text, leaf))).key()), key_of_object(voice, m.object));
    }
  }
  for (const auto& [value, object] : read_as) by_object_.emplace(value, int(by_object_.at(object)));   // its members are all there now
  for (const auto& [key, member] : by_object_) know(key);
}

// A site is read again whenever works begin or a list changes: what devices said holds as before.
void Quantities::keep(const Heard& before) {
  for (const auto& [place, of] : before.by_place)
    if (of.heard && (!of.object || by_object_.contains(of.object))) by_place_.emplace(place, of), know(place);
  std::unordered_map<uint64_t, const Member*> members;
  for (const Member& m : before.members) members.emplace(m.key, &m);
  for (Member& m : members_)
    if (const auto was = members.find(m.key); was != members.end()) m.value = was->second->value, m.at = was->second->at, m.changed = was->second->changed;
  std::unordered_map<uint64_t, const Quantity*> quantities;
  for (const Quantity& q : before.quantities) quantities.emplace(q.name, &q);
  for (Quantity& q : quantities_)
    if (const auto was = quantities.find(q.name); was != quantities.end() &&
        std::equal(q.members.begin(), q.members.end(), was->second->members.begin(), was->second->members.end(), [&](uint32_t a, uint32_t b) { return members_[a].key == before.members[b].key; }))
      q.since = was->second->since, q.told = was->second->told;
}

// Until a device says otherwise.
void Quantities::declare_places(const Site& site) {
  declared_places_ = 0;
  for (const SiteDataSet& set : site.data_sets)
    for (const int protocol : {mms_, goose_}) {
      const int voice = voices_.find(set.host, uint16_t(protocol));
      for (size_t i = 0; voice >= 0 && i < set.members.size(); i++) {
        const uint64_t object = key_of_object(uint32_t(voice), Object::of_text(text_key(set.members[i])).key());
        const uint64_t place = key_of_object(uint32_t(voice), Object::of_member(text_key(set.name), uint16_t(i)).key());
        if (by_object_.contains(object) && by_place_.emplace(place, Placed{object, false}).second) declared_places_++, know(place);
      }
    }
}

uint64_t Quantities::key_of_object(uint32_t voice, uint64_t object) const { return key_of(voices_.key(voice), object); }

int Quantities::find(uint32_t voice, uint64_t object) const {
  const uint64_t key = key_of_object(voice, object);
  if (!maybe(key)) [[likely]] return -1;
  auto at = by_object_.find(key);
  if (at == by_object_.end())
    if (const auto place = by_place_.find(key); place != by_place_.end()) at = by_object_.find(place->second.object);
  return at == by_object_.end() ? -1 : at->second;
}

int Quantities::member_of(uint32_t voice, const Point& p, const Texts& texts) const {
  int i = find(voice, p.object.key());
  // A channel is declared by the name that its device gives it.
  if (i < 0 && p.object.kind() != ObjectKind::information_object)
    if (const std::string_view name = texts.find(p.object.key() & ~(0xffull << 56)); !name.empty()) i = find(voice, Object::of_text(text_key(name)).key());
  if (i < 0 && p.object.kind() == ObjectKind::channel) i = find(voice, Object(ObjectKind::channel, p.object.number()).key());   // "channel 1" of its stream
  return i;
}

void Quantities::see(const Event& e, const Context& c, Findings& to) {
  const Message& m = *e.said;
  const HostId speaker = e.scene.from == Side::client ? c.conversation.client : c.conversation.server;
  if (!speaker) [[likely]] return;
  const int found = voices_.find(speaker, e.scene.protocol);
  if (found < 0) [[likely]] return;
  const uint32_t voice = uint32_t(found);
  positions_.hear(voice, e, c, to);
  ranges_.hear(voice, e, c, to);
  if (m.role == Role::request || m.malformed || m.refused || m.after_gap || m.test || m.simulated) return;
  ranges_.see(voice, e, c, to);
  constexpr uint16_t variable_list = 12, a_second = 257;
  if (e.scene.protocol == mms_ && m.function == variable_list) return name_members(speaker, e);
  if (!has_members_[voice]) return;
  if (e.scene.protocol == sv_ && m.function != a_second) return;          // single samples are of a wave, not of a quantity
  for (const Point& p : e.points) {
    if (!p.has_number() || p.count != 1) continue;
    for (int i = member_of(voice, p, e.texts); i >= 0; i = members_[size_t(i)].next) {
      Member& member = members_[size_t(i)];
      if (member.declared->station && *member.declared->station != m.station) continue;
      if (quantities_[member.quantity].declared->position) positions_.take(member.quantity, member.place, p, e, c, to);
      else if (p.quality & (invalid | test_quality)) member.at = 0;      // what it said before is no longer what it says
      else take(member, p, e, c, to);
    }
  }
}

// An answer to getNamedVariableListAttributes names the data set, then its members in order: reports say them by their places.
void Quantities::name_members(HostId host, const Event& e) {
  if (e.points.size() < 2 || e.points[0].object.kind() != ObjectKind::named) return;
  for (const int protocol : {mms_, goose_}) {
    const int voice = voices_.find(host, uint16_t(protocol));
    if (voice < 0) continue;
    for (size_t i = 1; i < e.points.size() && i <= 2048; i++) {
      const uint64_t object = key_of_object(uint32_t(voice), e.points[i].object.key());
      const uint64_t place = key_of_object(uint32_t(voice), Object::of_member(e.points[0].object.key(), uint16_t(i - 1)).key());
      const auto at = by_place_.find(place);
      if (by_object_.contains(object)) {
        if (at != by_place_.end() || by_place_.size() < most_named + declared_places_) by_place_.insert_or_assign(place, Placed{object, true}), know(place);
      } else if (at != by_place_.end()) {
        if (at->second.heard && at->second.object) by_place_.erase(at);   // the data set was made anew
        else at->second = {0, true};                                      // it is otherwise than declared, also when the site is read again
      }
    }
  }
}

void Quantities::take(Member& m, const Point& p, const Event& e, const Context& c, Findings& to) {
  const double value = p.number() * m.declared->scale;
  if (!std::isfinite(value)) return;
  if (!m.at || value != m.value) m.changed = e.scene.time;
  m.value = value, m.at = e.scene.time;
  compare(quantities_[m.quantity], e, c, to);
}

void Quantities::compare(Quantity& q, const Event& e, const Context& c, Findings& to) {
  const Time now = e.scene.time;
  const SiteQuantity& d = *q.declared;
  std::array<const Member*, SiteQuantity::most_members> heard;
  size_t n = 0;
  for (const uint32_t i : q.members)
    if (const Member& m = members_[i]; m.at && now - m.at <= d.fresh) heard[n++] = &m;
  if (n < 2) {
    q.since = 0;
    return;
  }
  std::sort(heard.begin(), heard.begin() + long(n), [](const Member* a, const Member* b) { return a->value < b->value; });
  const double middle = n % 2 ? heard[n / 2]->value : (heard[n / 2 - 1]->value + heard[n / 2]->value) / 2;
  const double tolerance = std::max(d.tolerance, d.percent / 100 * std::abs(middle));
  if (heard[n - 1]->value - heard[0]->value <= tolerance) {
    q.since = 0, q.told = false;
    return;
  }
  if (!q.since) q.since = now;
  if (q.told || c.learning || now - q.since < d.settle) return;
  q.told = true;
  // Of three and more the one farthest from the middle; of two nobody can say which.
  const Member& odd = middle - heard[0]->value > heard[n - 1]->value - middle ? *heard[0] : *heard[n - 1];
  const Member* still = nullptr;                     // one that has not moved since before they parted, while another has
  for (size_t i = 0; i < n; i++)
    if (heard[i]->changed < q.since && (n == 2 || heard[i] == &odd) && std::any_of(heard.begin(), heard.begin() + long(n), [&](const Member* o) { return o->changed >= q.since; })) still = heard[i];
  const Member& told = still ? *still : odd;
  Finding f = about(d, row(still ? "VAL-02" : "VAL-01"), e, c);
  if (n > 2 || still) f.source = c.party(told.declared->host);
  std::string values;
  for (size_t i = 0; i < n; i++) values += fmt::format("{}{} says {}", i ? ", " : "", member_text(*heard[i]->declared, c), number_text(heard[i]->value, d.unit));
  f.what = still ? fmt::format("{}: {} has stood at {} for {} while its neighbours moved; {}.", d.name, member_text(*told.declared, c), number_text(told.value, d.unit), seconds_text(now - told.changed), values)
                 : fmt::format("{}: {}, for {}.", d.name, values, seconds_text(now - q.since));
  f.expected = fmt::format("They are the same quantity and differ by at most {}.", number_text(tolerance, d.unit));
  to.raise(std::move(f));
}

}  // namespace vidra
