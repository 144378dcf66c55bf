// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"

namespace vidra {

// Who made a network card, by the IEEE's registries (Debian's package ieee-data): MA-L of 24 bits, MA-M of 28, MA-S and IAB of 36.
class Makers {
 public:
  static constexpr const char* folder = "/usr/share/ieee-data";
  // Reads oui.csv, mam.csv, oui36.csv and iab.csv, or the .txt of the same name where there is no .csv. Nothing there: nobody is known.
  static Makers load(const std::string& from = folder);
  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  // The longest assignment that holds it; "" unknown. Addresses that somebody gave himself belong to no maker.
  std::string_view of(const Mac&) const;
  static bool local(const Mac& m) { return m.octets[0] & 2; }

 private:
  struct Assigned { uint64_t first; uint8_t bits; uint32_t at, length; };   // name: in names_
  void add(std::string_view hex, std::string_view name);
  void read_csv(std::string_view);
  void read_txt(std::string_view);
  std::vector<Assigned> list_;       // sorted by first, then bits
  std::string names_;
};

}  // namespace vidra
