// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

// "68 04 07 00 | 00 00  // STARTDT act" as octets: white space and | are for reading, // ends a line.
inline std::vector<uint8_t> hex(std::string_view text) {
  std::vector<uint8_t> out;
  int high = -1;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
      while (i < text.size() && text[i] != '\n') i++;
      continue;
    }
    int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (v < 0) {
      if (c == ' ' || c == '|' || c == '\n' || c == '\t') continue;
      throw std::invalid_argument("not hexadecimal");
    }
    if (high < 0) high = v;
    else out.push_back(uint8_t(high << 4 | v)), high = -1;
  }
  if (high >= 0) throw std::invalid_argument("half an octet");
  return out;
}

// A text as hex, for samples of protocols that are words; kept as long as the program runs.
inline std::string_view words(std::string_view text) {
  static std::deque<std::string> all;
  std::string& out = all.emplace_back();
  for (const char c : text)
    for (const int nibble : {uint8_t(c) >> 4, c & 15}) out += "0123456789abcdef"[nibble];
  return out;
}

}  // namespace vidra
