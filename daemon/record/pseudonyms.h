// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/base/address.h"

namespace vidra {

// Stand-ins for what identifies a site, from a key that stays there. Addresses keep their prefixes: two that share their first n bits
// have pseudonyms that share their first n bits, and no more. They are written "ip4-c31f9007", "ip6-…", "mac-…", which no program
// takes for an address. Names become short words, "host-7f3a9c21d0"; the same name has the same digits whatever it names.
class Pseudonyms {
 public:
  using Key = std::array<uint8_t, 32>;
  explicit Pseudonyms(const Key&);
  ~Pseudonyms();                                        // wipes the key
  Pseudonyms(const Pseudonyms&) = delete;

  std::string of(const Address&) const;                 // "" for none
  std::string of(const Prefix&) const;                  // "ip4-c31f9000/24": of the whole range, the digits behind it zero
  // What an address's pseudonym stands for; nothing when the text is no pseudonym of an address. There is no wrong key here: another
  // key gives another address.
  std::optional<Address> address(std::string_view pseudonym) const;
  std::string of_name(std::string_view kind, std::string_view name) const;
  // For what others must be unable to guess, though they know everything that it is made of: 32 hexadecimal digits.
  std::string secret(std::string_view purpose) const;

 private:
  bool bit(Address::Kind, const uint8_t* octets, unsigned place) const;
  Key key_;
};

// Whether a text has the form of a pseudonym: of an address, or of a name.
bool is_pseudonym(std::string_view);
inline constexpr size_t name_digits = 10;

}  // namespace vidra
