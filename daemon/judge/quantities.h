// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>
#include <vector>

#include "daemon/judge/detector.h"

namespace vidra {

// VAL-01 and VAL-02: one quantity that several devices tell, each in its own protocol, and they part. Costs nothing where the site
// declares none.
class Quantities {
 public:
  void declare(const Site&);                         // what was heard before is forgotten
  bool wants(uint16_t protocol) const { return !members_.empty() && protocols_[protocol]; }
  void see(const Event&, const Context&, Findings&);

 private:
  struct Member {
    const QuantityMember* declared = nullptr;
    uint32_t quantity = 0;
    int next = -1;                                   // another member that is the same object: of another quantity
    double value = 0;                                // scaled
    Time at = 0, changed = 0;                        // when it was heard, and when it was last another one
  };
  struct Quantity {
    const SiteQuantity* declared = nullptr;
    std::vector<uint32_t> members;
    Time since = 0;                                  // they are apart; 0 they are not
    bool told = false;
  };
  int find(HostId, uint16_t protocol, uint64_t object) const;
  void name_members(HostId, const Event&);           // of a data set, as a device tells them
  void take(Member&, const Point&, const Event&, const Context&, Findings&);
  void compare(Quantity&, const Event&, const Context&, Findings&);

  std::vector<uint8_t> protocols_, hosts_;           // with members
  std::vector<Member> members_;
  std::vector<Quantity> quantities_;
  std::unordered_map<uint64_t, int> by_object_;      // its first member
  static constexpr size_t most_named = 4096;
  size_t named_ = 0;                                 // of them members of data sets
  int mms_ = -1, sv_ = -1;
};

}  // namespace vidra
