// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>
#include <vector>

#include "daemon/judge/measured_ranges.h"

namespace vidra {

// VAL-01, VAL-02 and VAL-04: one quantity, or the position of one switch, that several devices tell, each in its own protocol, and they
// part. VAL-05: what lies outside its range. Costs nothing where the site declares none.
class Quantities {
 public:
  void declare(const Site&);                         // what was heard before is forgotten
  bool wants(uint16_t protocol) const { return some_ && protocols_[protocol]; }
  void see(const Event&, const Context&, Findings&);

 private:
  struct Member {
    const QuantityMember* declared = nullptr;
    uint32_t quantity = 0;
    int next = -1;                                   // another member that is the same object: of another quantity
    double value = 0;                                // scaled
    Time at = 0, changed = 0;                        // when it was heard, and when it was last another one
    uint32_t voice = 0;
  };
  struct Voice {                                     // a device in one protocol, whatever it says
    Time last = 0;
    std::vector<uint32_t> positions;                 // quantities that it is a member of
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
  void compare_positions(Quantity&, const Event&, const Context&, Findings&);
  void declare_ranges(const Site&);
  uint32_t voice_of(HostId, uint16_t protocol);

  bool some_ = false;
  std::vector<uint8_t> protocols_, hosts_;           // with members, or points with a range
  MeasuredRanges ranges_;
  std::vector<Member> members_;
  std::vector<Quantity> quantities_;
  std::unordered_map<uint64_t, int> by_object_;      // its first member
  std::unordered_map<uint64_t, uint32_t> by_voice_;
  std::vector<Voice> voices_;
  static constexpr size_t most_named = 4096;
  std::unordered_map<uint64_t, int> by_place_;       // the same by places in data sets, as devices told them last
  int mms_ = -1, sv_ = -1, goose_ = -1;
};

}  // namespace vidra
