// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

uint64_t member_key(HostId host, uint16_t protocol, uint64_t object) { return key_of(uint64_t(host) << 16 | protocol, object); }

std::string number_text(double v, const std::string& unit) { return unit.empty() ? fmt::format("{:.6g}", v) : fmt::format("{:.6g} {}", v, unit); }

}  // namespace

void Quantities::declare(const Site& site) {
  *this = Quantities{};
  protocols_.resize(protocols.size());
  mms_ = protocol_index("mms"), sv_ = protocol_index("sv"), goose_ = protocol_index("goose");
  hosts_.resize(site.hosts.size() + 1);
  for (const SiteQuantity& q : site.quantities) {
    const uint32_t at = uint32_t(quantities_.size());
    quantities_.push_back({&q, {}, 0, false});
    for (const QuantityMember& m : q.members) {
      protocols_[m.protocol] = 1, hosts_[m.host] = 1;
      quantities_.back().members.push_back(uint32_t(members_.size()));
      const auto [place, fresh] = by_object_.emplace(member_key(m.host, m.protocol, m.object), int(members_.size()));
      members_.push_back({&m, at, fresh ? -1 : place->second, 0, 0, 0, voice_of(m.host, m.protocol)});
      place->second = int(members_.size()) - 1;
      if (q.position) voices_[members_.back().voice].positions.push_back(at);
      if (int(m.protocol) != mms_ && int(m.protocol) != goose_) continue;
      protocols_[size_t(mms_)] = 1;                  // its answers name what GOOSE says by place
      // A client may read the data object, or the value in it.
      for (const std::string_view leaf : {"$stVal", "$mag$f", "$mag", "$cVal$mag$f"})
        if (std::count(m.text.begin(), m.text.end(), '$') >= 2 && m.text.find('[') == m.text.npos)
          by_object_.emplace(member_key(m.host, m.protocol, Object::of_text(text_key(m.text + std::string(leaf))).key()), int(members_.size()) - 1);
    }
  }
  declare_ranges(site);
}

void Quantities::declare_ranges(const Site& site) {
  ranges_.declare(site);
  ranges_.each([&](const SitePoint& p) { protocols_[p.protocol] = 1, hosts_[p.host] = 1; });
  some_ = !members_.empty() || !ranges_.empty();
}

uint32_t Quantities::voice_of(HostId host, uint16_t protocol) {
  const auto [at, fresh] = by_voice_.emplace(uint64_t(host) << 16 | protocol, uint32_t(voices_.size()));
  if (fresh) voices_.emplace_back();
  return at->second;
}

int Quantities::find(HostId host, uint16_t protocol, uint64_t object) const {
  const uint64_t key = member_key(host, protocol, object);
  if (const auto at = by_object_.find(key); at != by_object_.end()) return at->second;
  const auto at = by_place_.find(key);
  return at == by_place_.end() ? -1 : at->second;
}

void Quantities::see(const Event& e, const Context& c, Findings& to) {
  const Message& m = *e.said;
  const HostId speaker = e.scene.from == Side::client ? c.conversation.client : c.conversation.server;
  if (!speaker || !hosts_[speaker]) [[likely]] return;
  if (const auto voice = by_voice_.find(uint64_t(speaker) << 16 | e.scene.protocol); voice != by_voice_.end()) {
    Time& last = voices_[voice->second].last;
    const bool another_second = e.scene.time / second != last / second;
    last = e.scene.time;
    if (m.after_gap) [[unlikely]] {                  // a change of a position may be among what was not heard
      for (Member& of : members_)
        if (of.voice == voice->second && quantities_[of.quantity].declared->position) of.at = 0;
    }
    // Nobody repeats a position: that they differ still is seen by any word. A gateway has thousands.
    if (another_second)
      for (const uint32_t q : voices_[voice->second].positions)
        if (quantities_[q].since && !quantities_[q].told) compare_positions(quantities_[q], e, c, to);
  }
  if (m.role == Role::request || m.malformed || m.refused || m.after_gap || m.test || m.simulated) return;
  if (!ranges_.empty()) ranges_.see(e, speaker, c, to);
  if (members_.empty()) return;
  constexpr uint16_t variable_list = 12, a_second = 257;
  if (e.scene.protocol == mms_ && m.function == variable_list) return name_members(speaker, e);
  if (e.scene.protocol == sv_ && m.function != a_second) return;          // single samples are of a wave, not of a quantity
  for (const Point& p : e.points) {
    if (!p.has_number() || p.count != 1 || p.quality & (invalid | test_quality)) continue;
    int i = find(speaker, e.scene.protocol, p.object.key());
    // A channel is declared by the name that its device gives it.
    if (i < 0 && p.object.kind() != ObjectKind::information_object)
      if (const std::string_view name = e.texts.find(p.object.key() & ~(0xffull << 56)); !name.empty()) i = find(speaker, e.scene.protocol, Object::of_text(text_key(name)).key());
    if (i < 0 && p.object.kind() == ObjectKind::channel) i = find(speaker, e.scene.protocol, Object(ObjectKind::channel, p.object.number()).key());   // "channel 1" of its stream
    for (; i >= 0; i = members_[size_t(i)].next) {
      Member& member = members_[size_t(i)];
      if (!member.declared->station || *member.declared->station == m.station) take(member, p, e, c, to);
    }
  }
}

// An answer to getNamedVariableListAttributes names the data set, then its members in order: reports say them by their places.
void Quantities::name_members(HostId host, const Event& e) {
  if (e.points.size() < 2 || e.points[0].object.kind() != ObjectKind::named) return;
  for (const int protocol : {mms_, goose_})
    for (size_t i = 1; i < e.points.size() && i <= 2048; i++) {
      const int at = find(host, uint16_t(protocol), e.points[i].object.key());
      const uint64_t place = member_key(host, uint16_t(protocol), Object::of_member(e.points[0].object.key(), uint16_t(i - 1)).key());
      if (at < 0) by_place_.erase(place);            // the data set may have been made anew
      else if (by_place_.size() < most_named || by_place_.contains(place)) by_place_.insert_or_assign(place, at);
    }
}

// Off, on, or nothing: on its way, faulty, no position.
static std::optional<double> position_of(const Point& p) {
  if (p.kind == ValueKind::boolean) return double(p.raw != 0);
  if (p.kind == ValueKind::double_point && (p.raw == 1 || p.raw == 2)) return double(p.raw == 2);
  return std::nullopt;
}

void Quantities::take(Member& m, const Point& p, const Event& e, const Context& c, Findings& to) {
  const bool position = quantities_[m.quantity].declared->position;
  constexpr uint32_t unsure = not_topical | substituted | blocked | communication_lost | questionable | offline | restarted;
  if (position && (p.quality & unsure || !position_of(p))) {
    m.at = 0;
    return;
  }
  const double value = position ? *position_of(p) : p.number() * m.declared->scale;
  if (!std::isfinite(value)) return;
  if (!m.at || value != m.value) m.changed = e.scene.time;
  m.value = value, m.at = e.scene.time;
  if (position) compare_positions(quantities_[m.quantity], e, c, to);
  else compare(quantities_[m.quantity], e, c, to);
}

// Positions are told when they change: what was said holds as long as its device is heard.
void Quantities::compare_positions(Quantity& q, const Event& e, const Context& c, Findings& to) {
  const Time now = e.scene.time;
  constexpr Time silent = 5 * minute;
  std::array<const Member*, SiteQuantity::most_members> heard;
  size_t n = 0, on = 0;
  for (const uint32_t i : q.members)
    if (const Member& m = members_[i]; m.at && now - m.at <= q.declared->fresh && now - voices_[m.voice].last <= silent) heard[n++] = &m, on += m.value != 0;
  if (n < 2 || on == 0 || on == n) {
    q.since = 0;
    if (n >= 2) q.told = false;
    return;
  }
  if (!q.since) q.since = now;
  if (q.told || c.learning || now - q.since < q.declared->settle) return;
  q.told = true;
  Finding f = finding(row("VAL-04"), e, c);
  f.source = {}, f.target = {};
  std::string says;
  for (size_t i = 0; i < n; i++) {
    const Member& m = *heard[i];
    const SiteHost& h = c.site.host(m.declared->host);
    says += fmt::format("{}{} ({}, {}) says {}", i ? ", " : "", h.name, protocols[m.declared->protocol]->name, m.declared->text, m.value != 0 ? "on" : "off");
    if (n > 2 && (m.value != 0 ? on : n - on) == 1)   // alone against all others; of two nobody can say which
      f.source = {h.addresses.empty() ? (h.macs.empty() ? Address{} : Address::of(h.macs[0])) : h.addresses[0], h.name};
  }
  f.cause = text_key(q.declared->name);
  f.station.clear();
  f.object = q.declared->name;
  f.what = fmt::format("{}: {}, for {}.", q.declared->name, says, seconds_text(now - q.since));
  f.expected = "They tell the position of the same switch.";
  to.raise(std::move(f));
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
  Finding f = finding(still ? row("VAL-02") : row("VAL-01"), e, c);
  const auto name = [&](const Member& m) { return fmt::format("{} ({}, {})", c.site.host(m.declared->host).name, protocols[m.declared->protocol]->name, m.declared->text); };
  f.source = {};
  if (n > 2 || still) {
    const SiteHost& h = c.site.host(told.declared->host);
    f.source = {h.addresses.empty() ? (h.macs.empty() ? Address{} : Address::of(h.macs[0])) : h.addresses[0], h.name};
  }
  f.target = {};
  f.cause = text_key(d.name);
  f.station.clear();
  f.object = d.name;
  std::string values;
  for (size_t i = 0; i < n; i++) values += fmt::format("{}{} says {}", i ? ", " : "", name(*heard[i]), number_text(heard[i]->value, d.unit));
  f.what = still ? fmt::format("{}: {} has stood at {} for {} while its neighbours moved; {}.", d.name, name(told), number_text(told.value, d.unit), seconds_text(now - told.changed), values)
                 : fmt::format("{}: {}, for {}.", d.name, values, seconds_text(now - q.since));
  f.expected = fmt::format("They are the same quantity and differ by at most {}.", number_text(tolerance, d.unit));
  to.raise(std::move(f));
}

}  // namespace vidra
