// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/judge/event.h"

namespace vidra {

class Site;
class Memory;

// In what way a clock is heard. The first three say their time within milliseconds of sending it; sampled values say where their
// second begins; the others date events, which they may tell late.
enum class ClockKind : uint8_t { none, ptp, ntp, c37118, samples, goose, mms, iec104, dnp3 };
std::string_view name_of(ClockKind);
ClockKind kind_of(std::string_view name);           // none where it is no such name
inline bool says_now(ClockKind k) { return k <= ClockKind::c37118; }

// One clock of one talker as it is heard: how far it is from the clock of the capture. Ahead is positive.
class HeardClock {
 public:
  static constexpr size_t kept = 32;       // the newest offsets
  static constexpr Time farthest = 60 * 365 * day;   // an offset beyond is taken for this: sums of a few stay within Time

  Address talker;
  ClockKind kind = ClockKind::none;
  uint64_t station = 0;                    // where one talker has several: identity, IDCODE, common address, outstation, stream
  uint64_t heard = 0;                      // offsets taken, at most one a second
  Time first = 0, last = 0;                // when, by the capture's clock
  Time zone = 0;                           // whole quarters of an hour that were taken off the last: local time
  bool claims = false;                     // it says whether it is synchronised …
  bool synchronised = true;                // … and what it last said
  Time lost = 0;                           // since when it says that it no longer is; 0: it is, or never was

  size_t count() const { return size_t(std::min<uint64_t>(heard, kept)); }
  // The middle of the newest; of those that date events the upper quarter, for they may tell late and never early.
  Time offset() const { return offset_; }
  Time spread() const { return spread_; }  // the middle of the distances from it
  Time newest() const { return heard ? offsets_[(heard - 1) % kept] : 0; }
  Time recent() const { return recent_; }  // the same of the last five: what a step is seen by
  void take(Time offset, Time now) {
    offsets_[heard++ % kept] = offset;
    if (!first) first = now;
    last = now;
  }
  void settle();                           // brings offset, spread and recent up to what was taken
  // Whose clock it is: what one device tells in several ways, or of several control blocks, is one voice. Stations, outstations and
  // PMUs behind one address are devices of their own.
  uint64_t device() const;

 private:
  std::array<Time, kept> offsets_{};
  Time offset_ = 0, spread_ = 0, recent_ = 0;
  uint64_t settled_ = 0;                   // `heard` by then
};

// What the clocks agree on, the capture's own with one voice: how far it is behind them, and how wrong its stamps may be.
struct ClockAgreement {
  Time offset = 0;                         // of the agreed time to the capture's clock
  Time error = 0;                          // of the capture's stamps; 0: nothing to tell it by
  ClockKind by = ClockKind::none;          // the best that is heard, synchronised
  unsigned voters = 0;                     // devices, without the capture's own
};

// The table of the clocks that are heard. Bounded: what finds no room takes the place of the one of four that was heard least lately.
class Clocks {
 public:
  static constexpr size_t limit = 512;

  Clocks();
  // Whether this protocol's sentences may say a time.
  bool wants(uint16_t protocol) const { return kinds_.data()[protocol] != ClockKind::none; }
  void see(const Event&);
  void agree(Time now);                    // anew, from those heard within ten minutes; what each clock is said to be off is as of now
  const ClockAgreement& agreement() const { return agreement_; }
  template <class F> void each(F f) const {
    for (const HeardClock& c : table_)
      if (c.kind != ClockKind::none) f(c);
  }
  uint64_t forgotten() const { return forgotten_; }

 private:
  HeardClock* place(const Event&, const Address&, ClockKind, uint64_t station);
  void take(const Event&, const Address& talker, ClockKind, uint64_t station, Time said, bool claims, bool synchronised, Time quarter);
  void hear(const Event&, ClockKind);
  void ptp(const Event&);

  std::vector<ClockKind> kinds_;           // by protocol
  std::vector<uint64_t> keys_;             // of the table's rows, so that a look costs one line of memory
  std::array<uint16_t, 4096> met_{};       // the row that a conversation's side was last heard in, so that most times none is looked for
  std::vector<HeardClock> table_;
  ClockAgreement agreement_;
  uint64_t forgotten_ = 0;
  struct TimeScale { uint64_t station = 0; Time offset = 0; bool known = false; };
  std::array<TimeScale, 32> scales_{};     // of PTP clocks: how far their scale is from UTC, as they announce
};

// A line of the matrix, plain values; those farthest off come first.
struct ClockLine {
  std::string clock;                       // "time1 (10.10.1.5)"
  std::string_view kind;
  uint64_t station = 0;                    // common address, outstation, IDCODE; 0 none
  uint64_t heard = 0;
  Time offset = 0, spread = 0, zone = 0, last = 0;
  std::string_view synchronised;           // "yes", "no", "not said"
};
std::vector<ClockLine> clock_lines(const Clocks&, const Site&, const Memory&, size_t most = 64);
std::string clock_text(const std::vector<ClockLine>&, const ClockAgreement&, Time now);   // as a table, a line each

}  // namespace vidra
