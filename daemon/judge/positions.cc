// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/positions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "daemon/judge/quantity_words.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr Time forgotten = 5 * minute;               // what was said before a silence so long says nothing
constexpr Time pause = 2 * minute;                   // longer than most devices are silent; of others the longest pause is theirs

// Off, on, or nothing: on its way, faulty, no position, or its device is not sure.
std::optional<bool> position_of(const Point& p) {
  constexpr uint32_t unsure = invalid | test_quality | not_topical | substituted | blocked | communication_lost | questionable | offline | restarted | failure | forced_locally | forced_remotely;
  if (p.quality & unsure) return std::nullopt;
  if (p.kind == ValueKind::boolean) return p.raw != 0;
  if (p.kind == ValueKind::double_point && (p.raw == 1 || p.raw == 2)) return p.raw == 2;
  return std::nullopt;
}

}  // namespace

void Positions::declare(const Site& site, Voices& voices) {
  const std::vector<Quantity> before = std::move(quantities_);
  const std::vector<Voice> spoke = std::move(voices_);
  std::unordered_map<uint64_t, const Member*> members;
  std::unordered_map<uint64_t, const Quantity*> names;
  for (const Quantity& q : before) {
    if (q.name) names.emplace(q.name, &q);
    for (const Member& m : q.members) members.emplace(m.key, &m);
  }
  quantities_.clear(), voices_.clear();
  for (const SiteQuantity& d : site.quantities) {
    Quantity q;
    if (d.position) {
      q.declared = &d, q.name = text_key(d.name);
      for (const QuantityMember& m : d.members) {
        const uint32_t voice = voices.add(m.host, m.protocol);
        Member of{&m, member_key(voices.key(voice), m), voice, false, 0, 0};
        if (const auto was = members.find(of.key); was != members.end()) of.on = was->second->on, of.at = was->second->at, of.again = was->second->again;
        q.members.push_back(of);
        if (voices_.size() <= voice) voices_.resize(voice + 1);
        if (std::vector<uint32_t>& of_voice = voices_[voice].quantities; of_voice.empty() || of_voice.back() != quantities_.size()) of_voice.push_back(uint32_t(quantities_.size()));
      }
      const auto same = [](const Member& a, const Member& b) { return a.key == b.key; };
      if (const auto was = names.find(q.name); was != names.end() && std::equal(q.members.begin(), q.members.end(), was->second->members.begin(), was->second->members.end(), same))
        q.since = was->second->since, q.told = was->second->told;
    }
    quantities_.push_back(std::move(q));
  }
  for (size_t i = 0; i < voices_.size(); i++)
    if (const int was = voices.was(uint32_t(i)); was >= 0 && size_t(was) < spoke.size()) voices_[i].last = spoke[size_t(was)].last, voices_[i].longest = spoke[size_t(was)].longest;
}

void Positions::hear(uint32_t voice, const Event& e, const Context& c, Findings& to) {
  if (voice >= voices_.size()) return;
  Voice& v = voices_[voice];
  if (v.quantities.empty()) return;
  const Time now = e.scene.time, before = std::exchange(v.last, now);
  const Time silent = now - before;
  const bool unknown = e.said->after_gap || silent > forgotten;   // a change may be among what was not heard
  const bool paused = silent > std::max(pause, v.longest);
  if (paused && !unknown) v.longest = silent;
  if (unknown || paused) [[unlikely]]
    for (const uint32_t q : v.quantities)
      for (Member& m : quantities_[q].members)
        if (m.voice == voice) {
          m.again = 0;
          if (unknown) m.at = 0;
        }
  if (now / second == before / second) return;       // a gateway has thousands, and says a lot in a second
  for (const uint32_t q : v.quantities)
    if (quantities_[q].since && !quantities_[q].told) compare(quantities_[q], e, c, to);
}

void Positions::take(uint32_t quantity, uint32_t member, const Point& p, const Event& e, const Context& c, Findings& to) {
  Quantity& q = quantities_[quantity];
  Member& m = q.members[member];
  const auto on = position_of(p);
  m.at = on ? e.scene.time : 0;
  if (!on) return;
  m.on = *on;
  compare(q, e, c, to);
}

void Positions::compare(Quantity& q, const Event& e, const Context& c, Findings& to) {
  const Time now = e.scene.time;
  const SiteQuantity& d = *q.declared;
  std::array<Member*, SiteQuantity::most_members> heard;
  size_t n = 0, on = 0;
  for (Member& m : q.members)
    if (m.at && now - m.at <= d.fresh && now - voices_[m.voice].last <= forgotten) heard[n++] = &m, on += m.on;
  if (n < 2 || on == 0 || on == n) {
    q.since = 0;
    if (n >= 2) q.told = false;
    return;
  }
  if (!q.since) {
    q.since = now;
    for (Member& m : q.members) m.again = 0;
  }
  if (q.told || c.learning) return;
  // Who has not said its position since must have been heard for as long: whose link is down when the switch moves tells it when it is back.
  bool settled = now - q.since >= d.settle;
  for (size_t i = 0; i < n; i++) {
    Member& m = *heard[i];
    const Time last = voices_[m.voice].last;
    if (!m.again && last >= q.since) m.again = last;
    settled &= m.at >= q.since || (m.again && last - m.again >= d.settle);
  }
  if (!settled) return;
  q.told = true;
  Finding f = about(d, row("VAL-04"), e, c);
  std::string says;
  for (size_t i = 0; i < n; i++) {
    const Member& m = *heard[i];
    says += fmt::format("{}{}", i ? ", " : "", member_text(*m.declared, c, m.on ? " says on" : " says off"));
    if (n > 2 && (m.on ? on : n - on) == 1) f.source = c.party(m.declared->host);   // alone against all others; of two nobody can say which
  }
  f.what = fmt::format("{}: {}, for {}.", d.name, says, seconds_text(now - q.since));
  f.expected = "They tell the position of the same switch.";
  to.raise(std::move(f));
}

}  // namespace vidra
