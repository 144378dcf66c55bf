// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string_view>

#include "daemon/judge/event.h"
#include "daemon/judge/site.h"

// What the judge reads in the sentences about GOOSE control blocks and sampled-value streams: both are followed by their dissector,
// which says a new state, a breach of the rules, and a summary once a second.
namespace vidra::publishing {

// Message::function, in both protocols.
enum Says : uint16_t { changed = 256, summary = 257, breach = 258, management = 259, session = 260 };
inline constexpr uint16_t first_heard = 1;       // Message::sub_function of `changed`

inline std::optional<PublisherKind> kind_of(uint16_t protocol) {
  static const int goose = protocol_index("goose"), sv = protocol_index("sv");
  if (protocol == goose) return PublisherKind::goose;
  if (protocol == sv) return PublisherKind::sampled_values;
  return std::nullopt;
}

// A point by its name, nullptr where the sentence has none; its number.
inline const Point* point(const Event& e, std::string_view name) {
  const Object o = Object::of_text(text_key(name));
  for (const Point& p : e.points)
    if (p.object == o) return &p;
  return nullptr;
}
inline std::optional<double> number(const Event& e, std::string_view name) {
  const Point* p = point(e, name);
  if (!p || !p->has_number()) return std::nullopt;
  return p->number();
}

// Channels of a sample: those that bear values, not what was worked out of them.
inline uint32_t channels(const Event& e) {
  uint32_t n = 0;
  for (const Point& p : e.points) n += p.object.kind() == ObjectKind::channel && p.object.number() <= 0xffff;
  return n;
}

}  // namespace vidra::publishing
