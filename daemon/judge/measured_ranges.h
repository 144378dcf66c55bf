// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>

#include "daemon/judge/detector.h"

namespace vidra {

// VAL-05: a measured value of good quality that lies far outside the range which its point declares, and stays there.
class MeasuredRanges {
 public:
  void declare(const Site&);                       // the site must live as long as this
  bool empty() const { return ranges_.empty(); }
  void see(const Event&, HostId speaker, const Context&, Findings&);
  template <class F> void each(F f) const {
    for (const auto& [place, range] : ranges_) f(*range.point);
  }

 private:
  struct Range {
    const SitePoint* point = nullptr;
    Time since = 0;                                // it is beyond; 0 it is not
    bool told = false;
  };
  void look(Range&, const Point&, const Event&, const Context&, Findings&);

  static constexpr size_t most = 262'144;
  std::unordered_map<uint64_t, Range> ranges_;     // grows only while declaring
};

}  // namespace vidra
