// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/quantity_words.h"

#include <fmt/format.h>

#include <bit>

#include "daemon/judge/rules.h"

namespace vidra {

Finding about(const SiteQuantity& q, const Detection& d, const Event& e, const Context& c) {
  Finding f = finding(d, e, c);
  f.source = {}, f.target = {};
  f.cause = text_key(q.name);
  f.station.clear();
  f.object = q.name;
  return f;
}

std::string member_text(const QuantityMember& m, const Context& c, std::string_view more) {
  return fmt::format("{} ({}, {}){}", c.site.host(m.host).name, protocols[m.protocol]->name, m.text, more);
}

uint64_t member_key(uint64_t voice_key, const QuantityMember& m) {
  return key_of(key_of(voice_key, m.object), key_of(m.station.value_or(~uint64_t{0}), std::bit_cast<uint64_t>(m.scale)));
}

}  // namespace vidra
