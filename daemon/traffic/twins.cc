// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/twins.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vidra {

Twins::Twins(uint64_t seed) : keyed_(seed), memory_(zeroed(size)), sequences_(zeroed(size / 4)) {
  static_assert(sizeof secret_ == XXH_SECRET_DEFAULT_SIZE);
  XXH3_generateSecret_fromSeed(secret_, keyed_.seed());
}

constexpr uint64_t not_0 = 1 << 23;                    // of a print: a bit that nobody looks at

[[gnu::noinline]] uint64_t Twins::of_long(uint64_t begun, const uint8_t* body, size_t n) const { return keyed_.more(begun, XXH3_64bits_withSecret(body, n, secret_, sizeof secret_)); }

uint64_t Twins::print(const Frame& f) const {
  const Bytes n = f.network;
  uint64_t front = 0, back = 0;
  size_t from = 0;
  // IPv4: without TTL and checksum. IPv6: without the hop limit.
  if (f.version == 4 && n.size() >= 20) {
    std::memcpy(&front, n.data(), 8);
    back = n[9];
    from = 12;
  } else if (f.version == 6 && n.size() >= 40) {
    std::memcpy(&front, n.data(), 7);
    from = 8;
  } else {
    std::memcpy(&front, f.source.octets.data(), 6);
    std::memcpy(&back, f.destination.octets.data(), 6);
    front |= uint64_t{f.ethertype} << 48;
  }
  if (n.size() <= from) return 0;
  const uint64_t begun = keyed_(front, back);
  const uint8_t* const body = n.data() + from;
  const size_t size_of_body = n.size() - from;
  return (size_of_body <= 256 ? keyed_.run(begun, body, size_of_body) : of_long(begun, body, size_of_body)) | not_0;
}

Twins::Word Twins::ask(const Frame& f, uint64_t hash, uint16_t interface, Time now) {
  if (!hash) return Word::first;
  const uint64_t path = uint64_t(f.vlan) << 8 | uint64_t(f.lan) << 4 | (interface & 15);
  const uint64_t mark = hash >> 24 << 24 | path;

  const bool tagged = f.redundancy != Redundancy::none;
  const bool has_id = f.version == 4 && f.fragment_id;
  int& doubled = doubled_[interface & 15];
  Entry& e = heard_[hash & (size - 1)];
  if (e.mark >> 24 == mark >> 24 && e.time) {
    const Time age = now - (e.time - 1);
    const bool same_way = (e.mark & 0xfffff) == path;
    const Time limit = tagged && !same_way ? redundant : has_id || !same_way ? identified : f.version ? bare_ip : bare_link;
    if (age >= 0 && age <= limit) {
      if (!same_way) return Word::twin;
      if (has_id) return doubled = std::min(doubled + 2, most), Word::twin;
      if (!(e.mark & copied)) {
        e.mark |= copied;
        doubled = std::min(doubled + 2, most);
        return doubled >= enough ? Word::twin : Word::first;
      }
      doubled = std::max(doubled - 8, 0);               // a third: this device says the same again and again
    }
  }
  doubled = std::max(doubled - 1, 0);
  e = {mark, now + 1};
  if (!tagged) return Word::first;

  // The other LAN's frame with this sequence had other content.
  const uint64_t who = keyed_.more(keyed_(f.source.number(), f.redundancy_sequence), 1);
  Entry& s = sequences_[who & (size / 4 - 1)];
  const bool differs = s.mark >> 24 == who >> 24 && (s.mark & 15) != f.lan && s.time && now - (s.time - 1) <= redundant && now >= s.time - 1;
  s = {who >> 24 << 24 | f.lan, now + 1};
  return differs ? Word::differs : Word::first;
}

}  // namespace vidra
