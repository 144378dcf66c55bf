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

// A bounded set of numbers with the time each was last seen; the oldest makes room.
template <size_t N>
class RecentSet {
 public:
  // True when it was not there, or longer ago than `keep`.
  bool add(uint64_t key, Time now, Time keep) {
    size_t oldest = 0;
    for (size_t i = 0; i < used_; i++) {
      if (entries_[i].key == key) {
        const bool fresh = now - entries_[i].at > keep;
        entries_[i].at = now;
        return fresh;
      }
      if (entries_[i].at < entries_[oldest].at) oldest = i;
    }
    entries_[used_ < N ? used_++ : oldest] = {key, now};
    return true;
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
  struct Entry { uint64_t key = 0; Time at = 0; };
  std::array<Entry, N> entries_{};
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
