// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/clock_votes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr Time fresh = 10 * minute;
constexpr uint64_t enough = 5;                     // offsets, before it is judged and again since it is apart

uint16_t protocol_of(ClockKind k) {
  constexpr std::string_view of[] = {"sensor", "ptp", "ntp", "c37118", "sv", "goose", "mms", "iec104", "dnp3"};
  return uint16_t(std::max(0, protocol_index(of[size_t(k)])));
}

std::string away(Time t) { return fmt::format("{} {}", std::abs(t) < second ? fmt::format("{:.0f} ms", double(std::abs(t)) / double(millisecond)) : seconds_text(std::abs(t)), t < 0 ? "behind" : "ahead of"); }

}  // namespace

void ClockVotes::settle(const JudgeSettings& s) {
  const auto time = [&](const char* key) { return Time(s.number(disagrees_, key) * double(second)); };
  now_ = time("apart"), events_ = time("events"), settled_ = time("settle");
  adrift_ = Time(s.number(lost_, "settle") * double(second));
}

void ClockVotes::tick(const Clocks& clocks, const Context& c, Findings& to) {
  const ClockAgreement& a = clocks.agreement();
  own(a, c, to);
  clocks.each([&](const HeardClock& k) {
    if (k.lost && !says_now(k.kind) && k.kind != ClockKind::samples) lost(k, c, to);   // of the others TIM-02, TIM-07, PMU-03 and SMV-05 speak
    if (k.kind == ClockKind::samples || !k.synchronised || k.heard < enough || c.now - k.last > fresh) return;   // where a second begins: SMV-04
    Kept& kept = kept_.at(key_of(key_of(k.talker), k.station << 4 | uint64_t(k.kind)));
    const Time by = k.recent() - a.offset;
    // Two that disagree prove nothing of either: a third must side with the others.
    if (a.voters < 2 || std::abs(by) <= (says_now(k.kind) ? now_ : events_)) {
      if (a.voters >= 2 && !std::exchange(kept.right, true) && c.learning) right_.push_back({k.talker, {protocol_of(k.kind), k.station}});
      kept.from = kept.before = by, kept.seen = c.now, kept.since = 0, kept.told = false;
      return;
    }
    if (!kept.since) {
      kept.since = c.now, kept.heard = k.heard;
      kept.stepped = kept.right && std::abs(by - kept.before) > (says_now(k.kind) ? now_ : events_) / 2;
    }
    kept.before = by, kept.seen = c.now;
    if (kept.told || c.now - kept.since < settled_ || k.heard - std::min(k.heard, kept.heard) < enough) return;
    // Somebody else must have been heard since it is apart, and not have moved with it: else it may be the capture's clock.
    bool witness = false;
    clocks.each([&](const HeardClock& o) {
      witness |= o.device() != k.device() && o.kind != ClockKind::samples && o.synchronised && o.heard >= enough && o.last > kept.since && std::abs(o.newest() - a.offset) <= (says_now(o.kind) ? now_ : events_);
    });
    if (!witness) return;
    kept.told = true;
    if (!c.learning) apart(k, kept, by, a, c, to);
  });
}

void ClockVotes::apart(const HeardClock& k, Kept& kept, Time by, const ClockAgreement& a, const Context& c, Findings& to) {
  const HostMemory* const learned = c.memory.host(k.talker);
  const bool was_right = kept.right || (learned && learned->right({protocol_of(k.kind), k.station}));
  Finding f;
  f.detection = was_right ? &disagrees_ : &never_;                 // it may never have been set
  f.severity = f.detection->severity;
  f.scene.time = c.now;
  f.scene.protocol = protocol_of(k.kind);
  f.source = c.party(k.talker);
  f.cause = key_of(k.device(), uint64_t(k.kind));      // all control blocks of a device are one story
  f.station = std::string(name_of(k.kind));
  const std::string others = fmt::format("the {} other clocks that are heard{}", a.voters - 1, std::abs(a.offset) <= now_ ? ", and of the sensor's" : "");
  f.what = !kept.right && was_right ? fmt::format("The clock of {} ({}) is {} {}; it was right when Memory learned.", c.text(k.talker), name_of(k.kind), away(by), others)
           : !kept.right    ? fmt::format("The clock of {} ({}) is {} {}, since it is heard.", c.text(k.talker), name_of(k.kind), away(by), others)
           : kept.stepped ? fmt::format("The clock of {} ({}) stepped: it is {} {} now.", c.text(k.talker), name_of(k.kind), away(by), others)
                          : fmt::format("The clock of {} ({}) has drifted: it is {} {} now.", c.text(k.talker), name_of(k.kind), away(by), others);
  f.expected = fmt::format("It says that it is synchronised, and {}.", kept.right ? fmt::format("was {} them before", away(kept.from)) : was_right ? std::string("was right") : std::string("clocks that are agree with each other"));
  to.raise(std::move(f));
}

// It was synchronised, and says since that it is not: twice at least, so long apart. A site that loses its reference is one story.
void ClockVotes::lost(const HeardClock& k, const Context& c, Findings& to) {
  if (k.last - k.lost < adrift_ || c.now - k.last > fresh) return;
  Time& told = lost_told_.at(key_of(k.device(), uint64_t(k.kind)));
  const bool goes_on = told && c.now - told <= minute;             // each of a device's control blocks comes here, every ten seconds
  told = c.now;
  if (goes_on || c.learning) return;
  Finding f;
  f.detection = &lost_;
  f.severity = lost_.severity;
  f.scene.time = c.now;
  f.scene.protocol = protocol_of(k.kind);
  f.object = c.text(k.talker);
  f.what = fmt::format("{} ({}) says since {} that its clock is no longer synchronised.", c.text(k.talker), name_of(k.kind), iso_time(k.lost).substr(11, 8));
  f.expected = "It was synchronised before.";
  to.raise(std::move(f));
}

// Most of those that say what time it is now agree with each other, and not with the capture's stamps.
void ClockVotes::own(const ClockAgreement& a, const Context& c, Findings& to) {
  if (a.voters < 3 || !says_now(a.by) || a.by == ClockKind::none || std::abs(a.offset) <= now_) {
    own_since_ = 0, own_told_ = false;
    return;
  }
  if (!own_since_) own_since_ = c.now;
  if (own_told_ || c.now - own_since_ < settled_) return;
  own_told_ = true;
  Finding f;
  f.detection = &own_;
  f.severity = own_.severity;
  f.scene.time = c.now;
  f.scene.protocol = uint16_t(std::max(0, protocol_index("sensor")));
  f.what = fmt::format("The sensor's clock is {} the {} clocks that it hears.", away(-a.offset), a.voters);
  f.expected = "It is set by one of them, or by a better one; then all agree. If it is right, the time of the whole site was moved.";
  to.raise(std::move(f));
}

}  // namespace vidra
