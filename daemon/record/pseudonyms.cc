// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/pseudonyms.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "daemon/record/header.h"

namespace vidra {
namespace {

struct Form { std::string_view mark; Address::Kind kind; unsigned octets; };
constexpr Form forms[] = {{"ip4-", Address::Kind::ip4, 4}, {"ip6-", Address::Kind::ip6, 16}, {"mac-", Address::Kind::mac, 6}};
const Form* form_of(Address::Kind k) {
  for (const Form& f : forms)
    if (f.kind == k) return &f;
  return nullptr;
}
bool hexadecimal(std::string_view s) { return !s.empty() && s.find_first_not_of("0123456789abcdef") == s.npos; }

void flip(uint8_t* octets, unsigned place) { octets[place / 8] = uint8_t(octets[place / 8] ^ 0x80 >> place % 8); }

}  // namespace

Pseudonyms::Pseudonyms(const Key& key) : key_(key) {}
Pseudonyms::~Pseudonyms() { sodium_memzero(key_.data(), key_.size()); }

// Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization (2002), theorem 1: a function keeps prefixes exactly when bit i is
// turned over by a function of the bits before it. That function is a keyed BLAKE2b here.
bool Pseudonyms::bit(Address::Kind kind, const uint8_t* octets, unsigned place) const {
  std::array<uint8_t, 18> before{uint8_t(kind), uint8_t(place)};
  std::memcpy(before.data() + 2, octets, place / 8 + (place % 8 ? 1 : 0));
  if (place % 8) before[2 + place / 8] = uint8_t(before[2 + place / 8] & ~(0xff >> place % 8));
  std::array<uint8_t, 16> out;
  crypto_generichash(out.data(), out.size(), before.data(), before.size(), key_.data(), key_.size());
  return out[0] & 1;
}

std::string Pseudonyms::of(const Address& a) const {
  const Form* f = form_of(a.kind);
  if (!f) return "";
  std::array<uint8_t, 16> out = a.octets;
  for (unsigned i = 0; i < f->octets * 8; i++)
    if (bit(a.kind, a.octets.data(), i)) flip(out.data(), i);
  return std::string(f->mark) + hex_text(Bytes(out).first(f->octets));
}

std::string Pseudonyms::of(const Prefix& p) const {
  const Form* f = form_of(p.base.kind);
  if (!f) return "";
  std::array<uint8_t, 16> out{};
  for (unsigned i = 0; i < std::min<unsigned>(p.length, f->octets * 8); i++) {
    const bool one = p.base.octets[i / 8] & 0x80 >> i % 8;
    if (one != bit(p.base.kind, p.base.octets.data(), i)) flip(out.data(), i);
  }
  return std::string(f->mark) + hex_text(Bytes(out).first(f->octets)) + "/" + std::to_string(p.length);
}

std::optional<Address> Pseudonyms::address(std::string_view text) const {
  for (const Form& f : forms) {
    if (!text.starts_with(f.mark)) continue;
    Address a;
    a.kind = f.kind;
    if (text.size() != f.mark.size() + 2 * f.octets || !hexadecimal(text.substr(f.mark.size())) ||
        !parse_hex(text.substr(f.mark.size()), std::span(a.octets).first(f.octets)))
      return {};
    for (unsigned i = 0; i < f.octets * 8; i++)      // the bits before i are the true ones by now
      if (bit(a.kind, a.octets.data(), i)) flip(a.octets.data(), i);
    return a;
  }
  return {};
}

std::string Pseudonyms::of_name(std::string_view kind, std::string_view name) const {
  std::array<uint8_t, 16> out;
  const std::string whole = "name:" + std::string(name);
  crypto_generichash(out.data(), out.size(), reinterpret_cast<const uint8_t*>(whole.data()), whole.size(), key_.data(), key_.size());
  return std::string(kind) + "-" + hex_text(Bytes(out).first(name_digits / 2));
}

std::string Pseudonyms::secret(std::string_view purpose) const {
  std::array<uint8_t, 16> out;
  const std::string whole = "secret:" + std::string(purpose);
  crypto_generichash(out.data(), out.size(), reinterpret_cast<const uint8_t*>(whole.data()), whole.size(), key_.data(), key_.size());
  return hex_text(Bytes(out));
}

bool is_pseudonym(std::string_view s) {
  const size_t dash = s.find('-');
  if (dash == s.npos || dash == 0) return false;
  const std::string_view mark = s.substr(0, dash + 1), digits = s.substr(dash + 1);
  for (const Form& f : forms)
    if (mark == f.mark) return hexadecimal(digits.substr(0, digits.find('/'))) && digits.substr(0, digits.find('/')).size() == 2 * f.octets;
  return digits.size() == name_digits && hexadecimal(digits) && std::all_of(s.begin(), s.begin() + ptrdiff_t(dash), [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace vidra
