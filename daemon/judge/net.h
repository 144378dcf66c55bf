// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <fmt/format.h>

#include "daemon/base/text.h"
#include "daemon/judge/detector.h"
#include "dissectors/facts.h"

// What the detectors of the NET family share.
namespace vidra {

// Virtual router addresses move between routers by design.
bool shared_by_design(const Mac&);

// Tells a story's cause by protocol and port. By the protocol's name: its place in the table changes with every new one, and a
// story keeps its id.
inline uint64_t protocol_cause(uint16_t protocol, uint16_t port = 0) {
  return text_key(protocol < protocols.size() ? protocols[protocol]->name : std::string_view{}) << 16 | port;
}

// Who scans now; the scan detector writes it, the conversation detector reads it, so that a scan is told once.
struct Scanners {
  static constexpr Time moment = 2 * second;   // what a scanner opens so soon after a try belongs to the scan
  struct Entry { Address who; Time last = 0; };
  std::array<Entry, 64> entries;
  bool active(const Address& a, Time now) const {
    for (const Entry& e : entries)
      if (e.who == a && now - e.last < moment) return true;
    return false;
  }
  void note(const Address& a, Time now) {
    Entry* to = &entries[0];
    for (Entry& e : entries) {
      if (e.who == a) { to = &e; break; }
      if (e.last < to->last) to = &e;
    }
    *to = {a, now};
  }
};

// A bounded set of numbers with the time each was last seen; the oldest makes room. Found by hash: a host with much business is asked
// about at each of its conversations.
template <size_t N>
class RecentSet {
 public:
  // True when it was not there, or longer ago than `keep`.
  bool add(uint64_t key, Time now, Time keep) {
    size_t at = home(key);
    for (; index_[at]; at = (at + 1) & mask) {
      Entry& e = entries_[index_[at] - 1u];
      if (e.key != key) continue;
      const bool fresh = now - e.at > keep;
      e.at = now;
      return fresh;
    }
    size_t to = used_;
    if (used_ < N) {
      used_++;
    } else {
      to = 0;
      for (size_t i = 1; i < N; i++)
        if (entries_[i].at < entries_[to].at) to = i;
      drop(to);
      for (at = home(key); index_[at];) at = (at + 1) & mask;
    }
    entries_[to] = {key, now};
    index_[at] = uint16_t(to + 1);
    return true;
  }
  // Whether there are so many.
  bool reaches(size_t n, Time now, Time within) const {
    size_t found = 0;
    for (size_t i = 0; i < used_ && found < n; i++) found += now - entries_[i].at <= within;
    return found >= n;
  }
  size_t count(Time now, Time within) const {
    size_t n = 0;
    for (size_t i = 0; i < used_; i++) n += now - entries_[i].at <= within;
    return n;
  }
  template <class F> void each(Time now, Time within, F f) const {
    for (size_t i = 0; i < used_; i++)
      if (now - entries_[i].at <= within) f(entries_[i].key);
  }

 private:
  static constexpr size_t mask = 2 * N - 1;          // of an index at most half full
  static_assert((N & (N - 1)) == 0 && N < 65'535);
  static size_t home(uint64_t key) { return (key * 0x9e3779b97f4a7c15ull >> 32) & mask; }
  // Out of the index; what lies behind moves up where it may.
  void drop(size_t entry) {
    size_t hole = home(entries_[entry].key);
    while (index_[hole] != entry + 1) hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; index_[at]; at = (at + 1) & mask)
      if (((at - home(entries_[index_[at] - 1u].key)) & mask) >= ((at - hole) & mask)) index_[hole] = index_[at], hole = at;
    index_[hole] = 0;
  }

  struct Entry { uint64_t key = 0; Time at = 0; };
  std::array<Entry, N> entries_{};
  std::array<uint16_t, 2 * N> index_{};              // place in entries_, and 1; 0 none
  size_t used_ = 0;
};

inline Time seconds(double s) { return Time(s * double(second)); }
inline bool is_protocol(const Event& e, int index) { return index >= 0 && e.scene.protocol == index; }
inline Fact fact_of(const Event& e) { return Fact(e.said->function); }

std::unique_ptr<Detector> new_host_detector(const JudgeSettings&);                                     // NET-01
std::unique_ptr<Detector> conversation_detector(const JudgeSettings&, std::shared_ptr<const Scanners>); // NET-02, NET-03
std::unique_ptr<Detector> claim_detector(const JudgeSettings&);                                        // NET-04
std::unique_ptr<Detector> arp_scan_detector(const JudgeSettings&);                                     // NET-05
std::unique_ptr<Detector> scan_detector(const JudgeSettings&, std::shared_ptr<Scanners>);              // NET-06, NET-07
std::unique_ptr<Detector> silence_detector(const JudgeSettings&);                                      // NET-10
std::unique_ptr<Detector> internet_detector(const JudgeSettings&);                                     // NET-12
std::unique_ptr<Detector> segment_detector(const JudgeSettings&);                                      // NET-15
std::unique_ptr<Detector> sensor_detector(const JudgeSettings&);                                       // NET-16, NET-17, NET-21

}  // namespace vidra
