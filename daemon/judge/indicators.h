// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/address.h"

namespace vidra {

// What a list names: an address or range, a domain with all below it, a URL, and by their digits programs and certificates.
struct Indicator {
  enum class Kind : uint8_t { address, name, url, print } kind = Kind::address;
  uint8_t bits = 0;                // of an address's prefix
  uint16_t port = 0;               // of an address: only at this port; 0 any
  uint16_t file = 0;               // into Indicators::files
  uint32_t line = 0;
  uint32_t next = UINT32_MAX;      // another with the same value and another port
  Address address;
  std::string value;               // as it is compared: lower case; of a URL host and path; of a print JA4, HASSH, or hexadecimal digits
  std::string comment;             // what the list says of it, "" nothing
};
inline constexpr size_t indicator_kinds = 4;

// Lists of what is known to be bad. Built once, then immutable; a look-up allocates nothing and costs a hash and a comparison.
class Indicators {
 public:
  static constexpr size_t most = 2'000'000;

  bool add(Indicator);             // false: it was there already
  void pass_over() { passed_over_++; }
  void refuse() { refused_++; }

  const Indicator* address(const Address&, uint16_t port = 0) const;   // the one with the longest prefix
  const Indicator* name(std::string_view domain) const;                // itself, or the nearest above it that is named
  const Indicator* text(Indicator::Kind, std::string_view) const;      // of URLs and prints, whatever their case

  size_t size() const { return all_.size(); }
  size_t count(Indicator::Kind k) const { return counts_[size_t(k)]; }
  size_t passed_over() const { return passed_over_; }                  // lines of kinds that no traffic says, and doubles
  size_t refused() const { return refused_; }                          // lines that are mistakes
  std::string place(const Indicator& i) const;                         // "lists/cert.csv:1207"

  std::vector<std::string> files;

 private:
  uint64_t key_of(const Indicator&) const;
  template <class Same> const Indicator* find(uint64_t key, Same same) const;
  void grow();

  std::vector<Indicator> all_;
  struct Slot { uint64_t key = 0; uint32_t at = UINT32_MAX; };
  std::vector<Slot> slots_;        // open addressing, at most half full
  std::array<size_t, indicator_kinds> counts_{};
  std::array<bool, 33> lengths4_{};
  std::array<bool, 129> lengths6_{};
  size_t passed_over_ = 0, refused_ = 0;
};

}  // namespace vidra
