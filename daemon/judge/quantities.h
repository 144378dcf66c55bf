// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bitset>
#include <unordered_map>
#include <vector>

#include "daemon/judge/measured_ranges.h"
#include "daemon/judge/positions.h"

namespace vidra {

// VAL-01 and VAL-02: one quantity that several devices tell, each in its own protocol, and they part. Leads what it hears of them to
// positions and ranges, too. Costs nothing where the site declares none.
class Quantities {
 public:
  // What was heard of those that are declared as before stays. The site must live until another is declared.
  void declare(const Site&, const JudgeSettings&);
  bool wants(uint16_t protocol) const { return voices_.has(protocol); }
  void see(const Event&, const Context&, Findings&);

 private:
  struct Member {
    const QuantityMember* declared = nullptr;
    uint64_t key = 0;                                // the same in every site that declares it so
    uint32_t quantity = 0, place = 0;                // among the site's, and among its members
    int next = -1;                                   // another member that is the same object: of another quantity
    double value = 0;                                // scaled
    Time at = 0, changed = 0;                        // when it was heard, and when it was last another one
  };
  struct Quantity {
    const SiteQuantity* declared = nullptr;
    uint64_t name = 0;
    std::vector<uint32_t> members;
    Time since = 0;                                  // they are apart; 0 they are not
    bool told = false;
  };
  struct Heard;
  void declare_members(const Site&);
  void declare_places(const Site&);
  void keep(const Heard& before);
  int find(uint32_t voice, uint64_t object) const;
  int member_of(uint32_t voice, const Point&, const Texts&) const;
  void name_members(HostId, const Event&);           // of a data set, as a device tells them
  void take(Member&, const Point&, const Event&, const Context&, Findings&);
  void compare(Quantity&, const Event&, const Context&, Findings&);
  uint64_t key_of_object(uint32_t voice, uint64_t object) const;
  bool maybe(uint64_t key) const { return known_[key % known_bits]; }
  void know(uint64_t key) { known_[key % known_bits] = true; }

  Voices voices_;
  Positions positions_;
  MeasuredRanges ranges_;
  std::vector<Member> members_;
  std::vector<Quantity> quantities_;                 // as many as the site has
  std::vector<uint8_t> has_members_;                 // by voice
  std::unordered_map<uint64_t, int> by_object_;      // its first member
  static constexpr size_t most_named = 4096;
  struct Placed { uint64_t object = 0; bool heard = false; };
  std::unordered_map<uint64_t, Placed> by_place_;    // what stands where in data sets: as devices told it last, else as declared
  size_t declared_places_ = 0;
  static constexpr size_t known_bits = 1 << 16;
  std::bitset<known_bits> known_;                    // whatever is no key of the two above is rarely asked for there
  int mms_ = -1, sv_ = -1, goose_ = -1;
};

}  // namespace vidra
