// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/recorder.h"

#include <algorithm>
#include <cstdlib>

#include "daemon/base/clock.h"

namespace vidra {
namespace {

constexpr uint32_t bit(Act a) { return 1u << unsigned(a); }
constexpr uint32_t changes = bit(Act::select) | bit(Act::operate) | bit(Act::cancel) | bit(Act::write) | bit(Act::configure) | bit(Act::program) | bit(Act::run) | bit(Act::file) | bit(Act::time);
constexpr size_t long_frame = 512;                // beyond, what completed no message is one of many
constexpr uint8_t no_link = 0xff;

// Repeats itself some thousand times a second: sampled values, EtherCAT, POWERLINK, SERCOS III, PROFINET's cyclic data (identifiers below 0xfc00).
bool cyclic(const Packet& p) {
  if (p.link != Link::ethernet) return false;
  const uint8_t* const o = p.octets.data();
  const size_t n = p.octets.size();
  for (size_t at = 12; at + 4 <= n && at <= 24;) {
    const uint16_t type = uint16_t(o[at] << 8 | o[at + 1]);
    switch (type) {
      case 0x8100: case 0x88a8: at += 4; continue;
      case 0x892f: at += 6; continue;             // HSR
      case 0x88ba: case 0x88a4: case 0x88ab: case 0x88cd: return true;
      case 0x8892: return uint16_t(o[at + 2] << 8 | o[at + 3]) < 0xfc00;
      default: return false;
    }
  }
  return false;
}

void count(std::atomic<uint64_t>& c, uint64_t n) { c.store(c.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }

}  // namespace

Recorder::Recorder(EventSink& next, const EvidenceSettings& s, size_t worker, size_t workers, uint32_t run, bool waits) : next_(next), worker_(worker), run_(run), waits_(waits) {
  constexpr size_t sixteenths[] = {2, 8, 4};      // powers of two of the whole, so that nothing more is taken
  for (size_t i = 0; i < sort_count; i++)
    if (s.quota[i]) tapes_[i] = std::make_unique<Tape>(size_t(s.memory) / std::max<size_t>(workers, 1) * sixteenths[i] / 16);
  for (auto& l : links_) l.store(no_link, std::memory_order_relaxed);
}

void Recorder::see(const Event& e) {
  const Sort sort = e.said && changes >> unsigned(e.said->act) & 1 ? Sort::commands : Sort::ordinary;
  if (marks_ && said_[marks_ - 1].frame == e.scene.frame) said_[marks_ - 1].sort = std::min(said_[marks_ - 1].sort, sort);
  else if (marks_ < said_.size()) said_[marks_++] = {e.scene.frame, sort};
  next_.see(e);
}

void Recorder::keep(std::span<const Packet> packets) {
  for (const auto& t : tapes_)
    if (t) t->rewind();
  size_t m = 0;
  for (const Packet& p : packets) {
    frames_ = p.number ? p.number : frames_ + 1;  // as traffic counts them
    while (m < marks_ && said_[m].frame < frames_) m++;
    const Sort sort = m < marks_ && said_[m].frame == frames_ ? said_[m].sort : p.octets.size() > long_frame || cyclic(p) ? Sort::bulk : Sort::ordinary;
    if (!tapes_[size_t(sort)]) continue;          // as the settings say: no loss
    if (!put(p, sort, frames_)) [[unlikely]] put_[size_t(sort)].not_kept++;
  }
  hand_over();
}

bool Recorder::put(const Packet& p, Sort sort, uint64_t number) {
  Tape& tape = *tapes_[size_t(sort)];
  if (p.interface >= most_recorded_interfaces || p.link == Link::unsupported) [[unlikely]] return false;
  const uint8_t link = links_[p.interface].load(std::memory_order_relaxed);
  if (link != uint8_t(p.link)) [[unlikely]] {
    if (link != no_link) return false;            // an interface has one link layer
    links_[p.interface].store(uint8_t(p.link), std::memory_order_relaxed);
  }
  const size_t n = frame_block(p.octets.size());
  uint8_t* to = tape.reserve(n);
  while (!to && waits_ && n <= tape.largest()) {
    hand_over();                                  // there is no room before it is taken
    sleep_for(100 * microsecond);
    to = tape.reserve(n);
  }
  if (!to) [[unlikely]] return false;
  write_frame(to, {p.stamp, p.interface, std::max<uint32_t>(p.wire_length, uint32_t(p.octets.size())), id(run_, worker_, number), p.octets});
  put_[size_t(sort)].newest = p.stamp, put_[size_t(sort)].kept++;
  return true;
}

// What was put since is the writer's: one store for each sort, however many frames they were.
void Recorder::hand_over() {
  for (size_t s = 0; s < sort_count; s++) {
    Put& p = put_[s];
    if (p.kept) {
      newest_[s].store(p.newest, std::memory_order_release);
      tapes_[s]->commit();
      count(kept_[s], p.kept);
    }
    if (p.not_kept) [[unlikely]] count(not_kept_[s], p.not_kept);
    p.kept = p.not_kept = 0;
  }
}

void Recorder::know(std::span<const Interface> all) {
  if (all.size() == names_.size()) return;        // only this thread changes them
  const std::lock_guard lock(mutex_);
  names_.clear();
  for (const Interface& i : all) names_.push_back(i.name);
}

// A step of the wall clock parts them anew: both are remembered, since what was kept before it is still there.
void Recorder::apart(Time t, Time seen) {
  const Time now = apart_now_.load(std::memory_order_relaxed);
  if (std::abs(t - now) >= second) apart_before_.store(now, std::memory_order_relaxed);
  apart_now_.store(t, std::memory_order_relaxed);
  apart_seen_.store(seen, std::memory_order_relaxed);
}

Recorder::Counts Recorder::counts() const {
  Counts c;
  for (size_t i = 0; i < sort_count; i++) c.kept[i] = kept_[i].load(std::memory_order_relaxed), c.not_kept[i] = not_kept_[i].load(std::memory_order_relaxed);
  return c;
}

std::vector<KeptInterface> Recorder::interfaces() const {
  std::vector<KeptInterface> all;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < most_recorded_interfaces; i++) {
    const uint8_t link = links_[i].load(std::memory_order_relaxed);
    if (i >= names_.size() && link == no_link) break;
    all.push_back({i < names_.size() ? names_[i] : "", link == no_link ? Link::ethernet : Link(link)});
  }
  return all;
}

}  // namespace vidra
