// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "dissectors/message.h"

namespace vidra {

// What else than function, act and role the sentences of a protocol bear: what a rule may ask of it.
enum SaidField : uint32_t {
  said_station = 1, said_origin = 2, said_cause = 4, said_object = 8, said_value = 16, said_text = 32, said_quality = 64, said_qualifier = 128,
  said_refused = 256, said_test = 512, said_simulated = 1024, said_broadcast = 2048, said_encrypted = 4096,
};
inline constexpr std::string_view said_field_names[] = {"station", "origin", "cause", "object", "value", "text", "quality", "qualifier",
                                                        "refused", "test", "simulated", "broadcast", "encrypted"};

struct Said {
  std::string_view protocol;
  uint32_t fields = 0;           // of SaidField
  uint64_t kinds = 0;            // of ObjectKind, a bit each
};
// Of the dissectors' samples and of recordings; tests/every holds it against the samples. All fields where a protocol is not listed.
Said said_by(std::string_view protocol);
std::string list_of(const Said&);          // "station, cause, object (information object), value"

// Adds to `s` what one sentence bears.
void add_said(Said& s, const Message&, const Point* points, size_t count);

}  // namespace vidra
