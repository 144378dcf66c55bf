// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <deque>
#include <unordered_map>
#include <vector>

#include "daemon/judge/detector.h"
#include "daemon/judge/voices.h"

namespace vidra {

// VAL-05: a measured value of good quality that lies far outside the range which its point declares, and stays there. Only what lies
// outside now is kept.
class MeasuredRanges {
 public:
  void declare(const Site&, Voices&, const JudgeSettings&);   // the site must live until another is declared; what lies outside stays
  // Any word of a device: whoever reports by exception says such a value once.
  void hear(uint32_t voice, const Event&, const Context&, Findings&);
  void see(uint32_t voice, const Event&, const Context&, Findings&);   // what a device says and means

 private:
  struct Outside {
    const SitePoint* point = nullptr;
    uint64_t station = 0;
    Object object;
    uint32_t voice = 0;
    double value = 0;
    Time since = 0;
    bool told = false;
  };
  struct Waiting { uint64_t place = 0; Time since = 0; };
  struct Voice {
    HostId host = 0;
    uint16_t protocol = 0;
    uint64_t key = 0;                                // Voices::key
    uint64_t first = ~uint64_t{0}, last = 0;         // keys of objects with a range lie between; none where first is greater
    Time word = 0, lost = 0;                         // its last, and when octets of it were last missed
    std::deque<Waiting> waiting;                     // in the order in which they are due
  };
  void look(uint32_t voice, const SitePoint&, const Point&, const Event&, const Context&, Findings&);
  void tell(Outside&, const Event&, const Context&, Findings&);

  static constexpr size_t most = 65'536;             // outside at once; more are not looked at
  const Site* site_ = nullptr;
  double margin_ = 0;                                // part of a range
  Time settle_ = 0;
  std::vector<Voice> voices_;                        // as many as there are at the most
  std::unordered_map<uint64_t, Outside> outside_;
  size_t waiting_ = 0;                               // in all voices
};

}  // namespace vidra
