// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "tests/support/hear.h"

namespace vidra {

// What a sentence says of its objects: "D107=555 D108=0", a range "D107 x3", a value without an object "=5".
inline std::string shown(const Sentence& s) {
  std::string out;
  for (const Point& p : s.points) {
    char a[160], b[160];
    std::string value(describe_value(p, Texts{}, b));
    if (p.kind == ValueKind::text) value = s.text(p.raw);
    if (!out.empty()) out += ' ';
    out += p.object.kind() == ObjectKind::named ? s.text(p.object.key()) : std::string(describe_object(p.object, Texts{}, a));
    if (p.count != 1) out += " x" + std::to_string(p.count);
    if (p.kind != ValueKind::none) out += "=" + value;
  }
  return out;
}

}  // namespace vidra
