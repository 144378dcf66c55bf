// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "daemon/capture/source.h"
#include "daemon/evidence/pcapng.h"
#include "daemon/evidence/settings.h"
#include "daemon/evidence/tape.h"
#include "daemon/judge/event.h"

namespace vidra {

inline constexpr size_t most_recorded_interfaces = 64;

// A worker's end of the recorder. It stands between traffic and the ring to the judge: what is said on the way tells which sort a
// frame is of. Each frame is copied once, as it will lie on disk; where there is no room it is counted, nothing waits. A recording's
// worker waits for room instead: nothing hurries it.
class Recorder final : public EventSink {
 public:
  Recorder(EventSink& next, const EvidenceSettings&, size_t worker, size_t workers, uint32_t run, bool waits);

  // Worker, for each burst: `begin`, then traffic hears it (and calls `see`), then `keep`.
  void begin() { marks_ = 0; }
  void see(const Event&) override;
  void keep(std::span<const Packet>);
  void know(std::span<const Interface>);   // the source's interfaces, when there are more than before
  void apart(Time stamp_less_time, Time now);   // how far stamps and times are apart; the time at which that was seen

  // Names a frame of this worker's among all that were heard since the start: 12 bits of the run, 6 of the worker, 46 of its number.
  static uint64_t id(uint32_t run, size_t worker, uint64_t number) { return uint64_t(run & 0xfff) << 52 | uint64_t(worker & 63) << 46 | (number & number_mask); }
  static constexpr uint64_t number_mask = (uint64_t{1} << 46) - 1;

  // From any thread.
  struct Counts { std::array<uint64_t, sort_count> kept{}, not_kept{}; };
  Counts counts() const;
  struct Apart { Time now = 0, before = 0, seen = 0; };   // before the last step; when it was seen, 0: never
  Apart apart() const { return {apart_now_.load(std::memory_order_relaxed), apart_before_.load(std::memory_order_relaxed), apart_seen_.load(std::memory_order_relaxed)}; }

  // The writer's thread. The interfaces are at least those of the octets that `front` gave before.
  Tape& tape(Sort s) { return *tapes_[size_t(s)]; }
  Time newest(Sort s) const { return newest_[size_t(s)].load(std::memory_order_acquire); }   // stamp; never of less than `front` gave
  std::vector<KeptInterface> interfaces() const;

 private:
  struct Mark { uint64_t frame; Sort sort; };
  bool put(const Packet&, Sort, uint64_t number);
  void hand_over();

  EventSink& next_;
  std::array<std::unique_ptr<Tape>, sort_count> tapes_;   // null: this sort is not kept
  const size_t worker_;
  const uint32_t run_;
  const bool waits_;
  uint64_t frames_ = 0;
  std::array<Mark, 160> said_;
  size_t marks_ = 0;
  struct Put { Time newest = 0; uint32_t kept = 0, not_kept = 0; };
  std::array<Put, sort_count> put_{};      // since it was handed over last
  std::array<std::atomic<uint64_t>, sort_count> kept_{}, not_kept_{};
  std::array<std::atomic<Time>, sort_count> newest_{};
  std::atomic<Time> apart_now_{0}, apart_before_{0}, apart_seen_{0};
  std::array<std::atomic<uint8_t>, most_recorded_interfaces> links_;   // of each interface, as its first frame had it
  mutable std::mutex mutex_;               // held for a copy of the names
  std::vector<std::string> names_;
};

}  // namespace vidra
