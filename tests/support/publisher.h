// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/support/hear.h"

// Frames of GOOSE and of sampled values as their standards draw them, in hex, and what a publisher of them is heard to do.
namespace vidra {

inline std::string two(size_t n) {         // of octets
  char b[8];
  std::snprintf(b, sizeof b, "%02zx", n & 255);
  return b;
}
inline std::string four(size_t n) { return two(n >> 8) + two(n); }
inline std::string text(std::string_view s) {
  std::string out;
  for (char c : s) out += two(uint8_t(c));
  return out;
}
// Tag, length, contents (X.690).
inline std::string element(std::string_view tag, std::string_view octets) {
  const size_t n = hex(octets).size();
  return std::string(tag) + " " + (n < 128 ? two(n) : n < 256 ? "81" + two(n) : "82" + four(n)) + " " + std::string(octets) + " ";
}
// APPID, length, reserved 1 and 2, the PDU.
inline std::string framed(std::string_view appid, std::string_view reserved, std::string_view pdu) {
  return std::string(appid) + four(8 + hex(pdu).size()) + " " + std::string(reserved) + " | " + std::string(pdu);
}

// IEC 61850-8-1, annex G: CLTP, SI, the common header with its SPDU number and key, one payload (its kind, simulation, APPID; then the PDU).
inline std::string routed_by(std::string_view session, std::string_view number, std::string_view key, std::string_view payload, std::string_view pdu, std::string_view behind = "") {
  const size_t n = hex(pdu).size();
  std::string rest(number);
  rest.append("0002 00000000 0000 ").append(key).append("00 | 0000").append(four(n + 6)).append(payload).append(four(n)).append(pdu).append(behind);
  return std::string("01 40 ").append(session).append(" 17 80 15 0000").append(four(hex(rest).size())).append(rest);
}

// The value of this name in a sentence.
inline const Point* point(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (p.object.kind() == ObjectKind::named && s.text(p.object.key()) == name) return &p;
  return nullptr;
}
inline uint64_t number(const Sentence& s, std::string_view name) {
  const Point* p = point(s, name);
  EXPECT_NE(p, nullptr) << name;
  return p ? p->raw : 0;
}

// What a publisher did, a frame at a time; so much time passes before each.
class Publisher : public testing::Test {
 protected:
  Publisher(std::string_view protocol, Time period) : heard(protocol), protocol_(protocol), period_(period) {}
  Sentence says(std::string_view octets) { return says(octets, period_); }
  Sentence says(std::string_view octets, Time passed) {
    heard.say.time += passed;
    return heard(Side::client, octets);
  }
  // The breaches that one frame is.
  using Names = std::vector<std::string_view>;
  Names breaches(std::string_view octets) { return breaches(octets, period_); }
  Names breaches(std::string_view octets, Time passed) {
    says(octets, passed);
    Names all;
    for (const Sentence& s : heard.all)
      if (s.head.function == breach) all.push_back(function_name(protocol_named(protocol_), breach, s.head.sub_function));
    return all;
  }

  enum : uint16_t { changed = 256, summary = 257, breach = 258 };
  Heard heard;

 private:
  std::string_view protocol_;
  Time period_;
};

}  // namespace vidra
