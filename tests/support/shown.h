// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

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

// All of a sentence: "response read: ns=2;i=1001=50.01", with notes (.REAL), indices ([3]), status (!…) and times (@seconds).
inline std::string in_words(const Sentence& s, const Protocol& protocol) {
  std::string out = std::string(name_of(s.head.role)) + ' ' + std::string(function_name(protocol, s.head.function, s.head.sub_function));
  if (s.head.refused) out += " refused " + std::string(protocol.reason(s.head.reason));
  for (const auto& [is, word] : {std::pair{s.head.encrypted, " encrypted"}, {s.head.malformed, " malformed"}, {s.head.unpaired, " unpaired"}, {s.head.retained, " retained"}})
    if (is) out += word;
  if (!s.points.empty()) out += ':';
  for (const Point& p : s.points) {
    std::array<char, 300> a, b;
    std::string object(describe_object(p.object, Texts{}, a));
    if (p.object.kind() == ObjectKind::named) object = s.text(p.object.key());
    if (!object.empty() || p.kind != ValueKind::none) out += ' ' + object;
    if (const auto note = protocol.note ? protocol.note(p) : std::string_view{}; !note.empty()) out += '.' + std::string(note);
    if (p.qualifier >> 16) out += '[' + std::to_string(p.qualifier >> 16) + ']';
    if (p.kind != ValueKind::none) out += '=' + (p.kind == ValueKind::text ? '"' + s.text(p.raw) + '"' : std::string(describe_value(p, Texts{}, b)));
    if (p.status && protocol.status) out += '!' + std::string(protocol.status(p.status));
    if (p.time) out += '@' + std::to_string(p.time / second);
  }
  return out;
}

// Each of these samples, played from its first record on, says these sentences.
using Says = std::pair<const char*, std::vector<std::string>>;
inline void expect_said(std::string_view protocol, std::span<const Says> samples_say) {
  for (const auto& [name, says] : samples_say) {
    Heard heard(protocol);
    std::vector<std::string> said;
    for (const Enrolled& e : samples()) {
      if (e.protocol != protocol || e.sample.name != name) continue;
      for (const SampleRecord& r : e.sample.records) {
        heard(r.from, r.hex);
        for (const Sentence& s : heard.all) said.push_back(in_words(s, protocol_named(protocol)));
      }
    }
    EXPECT_EQ(said.size(), says.size()) << name;
    for (size_t i = 0; i < std::min(said.size(), says.size()); i++) EXPECT_EQ(said[i], says[i]) << name << ", sentence " << i;
  }
}

}  // namespace vidra
