// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/indicators.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/mix.h"

namespace vidra {
namespace {

constexpr char low(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

// From the end to the front, so that a name's own domains are met on the way.
constexpr uint64_t seed = 0xcbf29ce484222325ull;
constexpr uint64_t stirred(uint64_t h, char c) { return (h ^ uint8_t(low(c))) * 0x100000001b3ull; }
uint64_t text_hash(Indicator::Kind k, std::string_view s) {
  uint64_t h = seed + uint64_t(k);
  for (size_t i = s.size(); i--;) h = stirred(h, s[i]);
  return mix(h);
}

uint64_t address_hash(const Address& a, unsigned bits) { return mix(a, bits); }

Address masked(Address a, unsigned bits) {
  for (size_t i = 0; i < a.octets.size(); i++) {
    const unsigned whole = unsigned(i) * 8;
    if (whole >= bits) a.octets[i] = 0;
    else if (bits - whole < 8) a.octets[i] = uint8_t(a.octets[i] & 0xff00 >> (bits - whole));
  }
  return a;
}

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return low(x) == low(y); });
}

}  // namespace

uint64_t Indicators::key_of(const Indicator& i) const { return i.kind == Indicator::Kind::address ? address_hash(i.address, i.bits) : text_hash(i.kind, i.value); }

template <class Same> const Indicator* Indicators::find(uint64_t key, Same same) const {
  if (slots_.empty()) return nullptr;
  for (size_t at = key & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& s = slots_[at];
    if (s.at == UINT32_MAX) return nullptr;
    if (s.key == key && same(all_[s.at])) return &all_[s.at];
  }
}

void Indicators::grow() {
  std::vector<Slot> wider(std::max<size_t>(1024, slots_.size() * 2));
  for (const Slot& s : slots_) {
    if (s.at == UINT32_MAX) continue;
    size_t at = s.key & (wider.size() - 1);
    while (wider[at].at != UINT32_MAX) at = (at + 1) & (wider.size() - 1);
    wider[at] = s;
  }
  slots_ = std::move(wider);
}

bool Indicators::add(Indicator i) {
  if (i.kind == Indicator::Kind::address) {
    i.address = masked(i.address, i.bits);
    (i.address.kind == Address::Kind::ip4 ? lengths4_[std::min<size_t>(i.bits, 32)] : lengths6_[std::min<size_t>(i.bits, 128)]) = true;
  }
  const uint64_t key = key_of(i);
  const auto same = [&](const Indicator& o) { return o.kind == i.kind && o.bits == i.bits && o.address == i.address && (o.kind == Indicator::Kind::address || same_text(o.value, i.value)); };
  const uint32_t at = uint32_t(all_.size());
  if (const Indicator* there = find(key, same)) {
    for (;; there = &all_[there->next]) {
      if (there->port == i.port || !there->port) return passed_over_++, false;
      if (there->next == UINT32_MAX) break;
    }
    all_[size_t(there - all_.data())].next = at;
  } else {
    if (slots_.size() < 2 * (all_.size() + 1)) grow();
    size_t slot = key & (slots_.size() - 1);
    while (slots_[slot].at != UINT32_MAX) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {key, at};
  }
  counts_[size_t(i.kind)]++;
  all_.push_back(std::move(i));
  return true;
}

const Indicator* Indicators::address(const Address& a, uint16_t port) const {
  if (a.kind != Address::Kind::ip4 && a.kind != Address::Kind::ip6) return nullptr;
  const bool four = a.kind == Address::Kind::ip4;
  for (unsigned bits = four ? 33 : 129; bits--;) {
    if (!(four ? lengths4_[bits] : lengths6_[bits])) continue;
    const Address base = masked(a, bits);
    const Indicator* i = find(address_hash(base, bits), [&](const Indicator& o) { return o.kind == Indicator::Kind::address && o.bits == bits && o.address == base; });
    for (; i; i = i->next == UINT32_MAX ? nullptr : &all_[i->next])
      if (!i->port || i->port == port) return i;
  }
  return nullptr;
}

const Indicator* Indicators::name(std::string_view s) const {
  while (s.ends_with('.')) s.remove_suffix(1);
  const Indicator* nearest = nullptr;
  uint64_t h = seed + uint64_t(Indicator::Kind::name);
  for (size_t i = s.size(); i--;) {
    if (s[i] == '.' || i == 0) {
      const std::string_view tail = i == 0 && s[0] != '.' ? s : s.substr(i + 1);
      if (i == 0 && s[0] != '.') h = stirred(h, s[0]);
      if (const Indicator* found = find(mix(h), [&](const Indicator& o) { return o.kind == Indicator::Kind::name && same_text(o.value, tail); })) nearest = found;
    }
    h = stirred(h, s[i]);
  }
  return nearest;
}

const Indicator* Indicators::text(Indicator::Kind k, std::string_view s) const {
  return find(text_hash(k, s), [&](const Indicator& o) { return o.kind == k && same_text(o.value, s); });
}

std::string Indicators::place(const Indicator& i) const { return fmt::format("{}:{}", i.file < files.size() ? files[i.file] : "?", i.line); }

}  // namespace vidra
