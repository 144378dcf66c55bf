// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "daemon/record/checkpoint.h"

namespace vidra {

// Who froze a text that a person reviewed, and when.
struct Seal {
  std::string by, note;
  int64_t at = 0;              // ns, UTC
};

// The TOML text with a table [frozen] at its end: who, when, the key, and an Ed25519 signature over all octets before it. A seal
// that the text has already is replaced.
std::string sealed(std::string_view text, const Seal&, const SignPublic&, const SignSecret&);
std::string_view unsealed(std::string_view text);          // without its seal
bool is_sealed(std::string_view text);
// What is wrong with a sealed text, as half a sentence; "" nothing. `trusted`: public keys in hexadecimal; empty: any.
std::string seal_flaw(std::string_view text, std::span<const std::string> trusted);
std::string hex_of(const SignPublic&);

}  // namespace vidra
