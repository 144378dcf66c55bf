// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>

#include "daemon/judge/publishers.h"
#include "daemon/judge/rules.h"

namespace vidra {

// What the detectors of GOOSE and of sampled values share: who publishes what, who else speaks, and whether the sensor could hear.

// What is declared and learned of one control block or stream.
struct KnownPublisher {
  const SitePublisher* site = nullptr;
  const PublisherMemory* learned = nullptr;
  bool any() const { return site || learned; }
  bool from(const Context&, const Address& source) const;       // it may come from there
  std::string sources(const Context&) const;                    // "ied1 (00:21:c1:30:10:41)"
};

// One host that speaks for a control block or stream.
struct Voice {
  Address source, group;
  Time first = 0, last = 0;
  Time silent = 0;                       // when the end of its silence was due, 0: not missed
  uint32_t live = 0;                     // GOOSE: the time allowed to live it said last, ms
  uint64_t words = 0;
};

struct Publication {
  uint64_t key = 0, named = 0;           // `named`: Message::station
  std::string reference;
  const Site* asked = nullptr;           // the site it was held against
  KnownPublisher known;
  std::array<Voice, 4> voices;
  Address spoke;                         // who spoke last
  Time turned = 0;                       // when that changed
  unsigned turns = 0;
  Time strong = 0;                       // when something was told that explains smaller oddities
  // Of what was held against an import: what was ever right, and whether anything that differs was kept silent; then of which device.
  enum Aspect : uint8_t { revision = 1, vlan = 2, group = 4, form = 8, pace = 16 };
  uint8_t right = 0;
  bool silent = false;
  std::string device;
  uint64_t print = 0;                    // SiteHost::print of its device, as it was held against it
  bool again = false;                    // what was silent is held against the site as if it were heard for the first time
  void forget() { asked = nullptr, known = {}; }                    // what it was held against may be gone
  bool lately(Time now, Time within = minute) const { return strong && now - strong < within; }
};

// The time in which anything at all was heard, and when frames were lost. Nobody is missed while nobody is heard.
class Attention {
 public:
  void word(Time now) {
    if (last_ && now - last_ > 3 * second) hole_ = now;
    last_ = now;
  }
  void lost(Time now) { lost_ = now; }
  Time last() const { return last_; }
  bool whole_since(Time t) const { return hole_ <= t && lost_ <= t; }
  bool lossy(Time now) const { return lost_ && now - lost_ < minute; }

 private:
  Time last_ = 0, hole_ = 0, lost_ = 0;
};

// Takes over the sensor's own words and those of others; true where the event is none of `protocol`.
bool others(const Event&, Attention&);

// Holds it against the site and the memory, where another site was adopted since.
void resolve(Publication&, PublisherKind, const Context&);
// The state of one control block or stream at its next word: resolves what is known of it, finds its voice.
Voice& attend(Publication&, PublisherKind, const Event&, const Context&);
// Whether two hosts have spoken for it by turns since: it takes three changes, each within ten seconds.
bool by_turns(Publication&, const Voice&, Time now);
// Another host that was heard to speak for it within the last `within`.
const Voice* rival(const Publication&, const Voice&, Time now, Time within);

// Marks what is no more than a difference between an import and the wire that has been there since the publisher is heard: the caller
// knows that the wire has not changed meanwhile.
void only_differs(Finding&, Publication&, Publication::Aspect, const Context&);
// The same of a publisher that nobody knows, of a device of an import: it speaks with that device's address or in its name, and below IP.
void only_undeclared(Finding&, Publication&, const Voice&, const Context&);

// A finding about a control block or stream; the source is its speaker.
Finding about(const Detection&, const Publication&, const Event&, const Context&);
std::string label(const Publication&);   // "AA1J1Q01A1LD0/LLN0$GO$gcb01 (breaker and trip, E01)"
bool publishers_known(const Context&, PublisherKind);

void add_goose_detectors(Detectors&, const JudgeSettings&);
void add_sampled_value_detectors(Detectors&, const JudgeSettings&);

}  // namespace vidra
