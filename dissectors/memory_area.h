// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdio>

#include "dissectors/message.h"

namespace vidra {

// Controllers' memory by the names that their programmers know: "D100", "%R00001", "X1F". An object's space is maker << 16 |
// area as the protocol numbers it; its number is the address, for bits of words word << 4 | bit, for bits of octets octet << 3 | bit.
enum class Maker : uint8_t { none, omron, ge, mitsubishi, unitronics, siemens };

constexpr Object memory(Maker maker, uint16_t area, uint32_t number) {
  return Object(ObjectKind::memory_area, number, uint32_t(maker) << 16 | area);
}

struct MemoryArea {
  enum Shape : uint8_t { decimal, hexadecimal, bit_of_word, from_one, bit_of_octet };   // how an address is written
  Maker maker;
  uint16_t area;
  std::string_view name;
  Shape shape;
};

inline constexpr MemoryArea memory_areas[] = {
    // Omron (W342, W227): bits, bits with forced status, words, words with forced status
    {Maker::omron, 0x00, "CIO", MemoryArea::bit_of_word}, {Maker::omron, 0x01, "T/C flag ", MemoryArea::decimal}, {Maker::omron, 0x02, "D", MemoryArea::bit_of_word},
    {Maker::omron, 0x03, "transition flag ", MemoryArea::decimal}, {Maker::omron, 0x04, "step flag ", MemoryArea::decimal},
    {Maker::omron, 0x05, "forced status ", MemoryArea::bit_of_word}, {Maker::omron, 0x06, "TK", MemoryArea::decimal}, {Maker::omron, 0x07, "clock pulse ", MemoryArea::decimal},
    {Maker::omron, 0x09, "T/C flag ", MemoryArea::decimal}, {Maker::omron, 0x0A, "E current ", MemoryArea::bit_of_word}, {Maker::omron, 0x1B, "action flag ", MemoryArea::decimal},
    {Maker::omron, 0x30, "CIO", MemoryArea::bit_of_word}, {Maker::omron, 0x31, "W", MemoryArea::bit_of_word}, {Maker::omron, 0x32, "H", MemoryArea::bit_of_word},
    {Maker::omron, 0x33, "A", MemoryArea::bit_of_word}, {Maker::omron, 0x40, "CIO", MemoryArea::bit_of_word}, {Maker::omron, 0x41, "T/C flag ", MemoryArea::decimal},
    {Maker::omron, 0x43, "transition flag ", MemoryArea::decimal}, {Maker::omron, 0x44, "step ", MemoryArea::decimal}, {Maker::omron, 0x46, "TK", MemoryArea::decimal},
    {Maker::omron, 0x49, "T/C flag ", MemoryArea::decimal}, {Maker::omron, 0x70, "CIO", MemoryArea::bit_of_word}, {Maker::omron, 0x71, "W", MemoryArea::bit_of_word},
    {Maker::omron, 0x72, "H", MemoryArea::bit_of_word}, {Maker::omron, 0x80, "CIO", MemoryArea::decimal}, {Maker::omron, 0x81, "T/C", MemoryArea::decimal},
    {Maker::omron, 0x82, "D", MemoryArea::decimal}, {Maker::omron, 0x84, "step timer ", MemoryArea::decimal}, {Maker::omron, 0x85, "forced status ", MemoryArea::decimal},
    {Maker::omron, 0x89, "T/C", MemoryArea::decimal}, {Maker::omron, 0x98, "E current ", MemoryArea::decimal}, {Maker::omron, 0x9C, "register ", MemoryArea::decimal},
    {Maker::omron, 0xB0, "CIO", MemoryArea::decimal}, {Maker::omron, 0xB1, "W", MemoryArea::decimal}, {Maker::omron, 0xB2, "H", MemoryArea::decimal},
    {Maker::omron, 0xB3, "A", MemoryArea::decimal}, {Maker::omron, 0xBC, "DR", MemoryArea::decimal}, {Maker::omron, 0xC0, "CIO", MemoryArea::decimal},
    {Maker::omron, 0xDC, "IR", MemoryArea::decimal}, {Maker::omron, 0xDD, "interrupt interval ", MemoryArea::decimal}, {Maker::omron, 0xF0, "CIO", MemoryArea::decimal},
    {Maker::omron, 0xF1, "W", MemoryArea::decimal}, {Maker::omron, 0xF2, "H", MemoryArea::decimal},
    // GE Fanuc Series 90: segment selectors, those of bits (by octet it is the same memory)
    {Maker::ge, 0x08, "%R", MemoryArea::from_one}, {Maker::ge, 0x0A, "%AI", MemoryArea::from_one}, {Maker::ge, 0x0C, "%AQ", MemoryArea::from_one},
    {Maker::ge, 0x46, "%I", MemoryArea::from_one}, {Maker::ge, 0x48, "%Q", MemoryArea::from_one}, {Maker::ge, 0x4A, "%T", MemoryArea::from_one},
    {Maker::ge, 0x4C, "%M", MemoryArea::from_one}, {Maker::ge, 0x4E, "%SA", MemoryArea::from_one}, {Maker::ge, 0x50, "%SB", MemoryArea::from_one},
    {Maker::ge, 0x52, "%SC", MemoryArea::from_one}, {Maker::ge, 0x54, "%S", MemoryArea::from_one}, {Maker::ge, 0x56, "%G", MemoryArea::from_one},
    // Mitsubishi: device codes of SLMP
    {Maker::mitsubishi, 0x2C, "RD", MemoryArea::decimal}, {Maker::mitsubishi, 0x50, "LTC", MemoryArea::decimal}, {Maker::mitsubishi, 0x51, "LTS", MemoryArea::decimal},
    {Maker::mitsubishi, 0x52, "LTN", MemoryArea::decimal}, {Maker::mitsubishi, 0x54, "LCC", MemoryArea::decimal}, {Maker::mitsubishi, 0x55, "LCS", MemoryArea::decimal},
    {Maker::mitsubishi, 0x56, "LCN", MemoryArea::decimal}, {Maker::mitsubishi, 0x58, "LSTC", MemoryArea::decimal}, {Maker::mitsubishi, 0x59, "LSTS", MemoryArea::decimal},
    {Maker::mitsubishi, 0x5A, "LSTN", MemoryArea::decimal}, {Maker::mitsubishi, 0x62, "LZ", MemoryArea::decimal}, {Maker::mitsubishi, 0x90, "M", MemoryArea::decimal},
    {Maker::mitsubishi, 0x91, "SM", MemoryArea::decimal}, {Maker::mitsubishi, 0x92, "L", MemoryArea::decimal}, {Maker::mitsubishi, 0x93, "F", MemoryArea::decimal},
    {Maker::mitsubishi, 0x94, "V", MemoryArea::decimal}, {Maker::mitsubishi, 0x98, "S", MemoryArea::decimal}, {Maker::mitsubishi, 0x9C, "X", MemoryArea::hexadecimal},
    {Maker::mitsubishi, 0x9D, "Y", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xA0, "B", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xA1, "SB", MemoryArea::hexadecimal},
    {Maker::mitsubishi, 0xA2, "DX", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xA3, "DY", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xA8, "D", MemoryArea::decimal},
    {Maker::mitsubishi, 0xA9, "SD", MemoryArea::decimal}, {Maker::mitsubishi, 0xAF, "R", MemoryArea::decimal}, {Maker::mitsubishi, 0xB0, "ZR", MemoryArea::decimal},
    {Maker::mitsubishi, 0xB4, "W", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xB5, "SW", MemoryArea::hexadecimal}, {Maker::mitsubishi, 0xC0, "TC", MemoryArea::decimal},
    {Maker::mitsubishi, 0xC1, "TS", MemoryArea::decimal}, {Maker::mitsubishi, 0xC2, "TN", MemoryArea::decimal}, {Maker::mitsubishi, 0xC3, "CC", MemoryArea::decimal},
    {Maker::mitsubishi, 0xC4, "CS", MemoryArea::decimal}, {Maker::mitsubishi, 0xC5, "CN", MemoryArea::decimal}, {Maker::mitsubishi, 0xC6, "STC", MemoryArea::decimal},
    {Maker::mitsubishi, 0xC7, "STS", MemoryArea::decimal}, {Maker::mitsubishi, 0xC8, "STN", MemoryArea::decimal}, {Maker::mitsubishi, 0xCC, "Z", MemoryArea::decimal},
    // Unitronics: of our own numbering, see pcom.cc
    {Maker::unitronics, 1, "MB", MemoryArea::decimal}, {Maker::unitronics, 2, "SB", MemoryArea::decimal}, {Maker::unitronics, 3, "MI", MemoryArea::decimal}, {Maker::unitronics, 4, "SI", MemoryArea::decimal}, {Maker::unitronics, 5, "ML", MemoryArea::decimal},
    {Maker::unitronics, 6, "SL", MemoryArea::decimal}, {Maker::unitronics, 7, "DW", MemoryArea::decimal}, {Maker::unitronics, 8, "SDW", MemoryArea::decimal}, {Maker::unitronics, 9, "MF", MemoryArea::decimal}, {Maker::unitronics, 10, "I", MemoryArea::decimal}, {Maker::unitronics, 11, "O", MemoryArea::decimal},
    // Siemens S7: area codes; peripherals, inputs, outputs, flags, local data by their bits
    {Maker::siemens, 0x03, "system info ", MemoryArea::bit_of_octet}, {Maker::siemens, 0x05, "SM", MemoryArea::bit_of_octet}, {Maker::siemens, 0x06, "AI", MemoryArea::bit_of_octet},
    {Maker::siemens, 0x07, "AQ", MemoryArea::bit_of_octet}, {Maker::siemens, 0x1C, "C", MemoryArea::decimal}, {Maker::siemens, 0x1D, "T", MemoryArea::decimal},
    {Maker::siemens, 0x1E, "C", MemoryArea::decimal}, {Maker::siemens, 0x1F, "T", MemoryArea::decimal}, {Maker::siemens, 0x80, "P", MemoryArea::bit_of_octet},
    {Maker::siemens, 0x81, "I", MemoryArea::bit_of_octet}, {Maker::siemens, 0x82, "Q", MemoryArea::bit_of_octet}, {Maker::siemens, 0x83, "M", MemoryArea::bit_of_octet},
    {Maker::siemens, 0x86, "L", MemoryArea::bit_of_octet}, {Maker::siemens, 0x87, "V", MemoryArea::bit_of_octet},
};

// "D100" into `to`; what was written, or nothing where the area is not known.
inline std::string_view describe_memory_area(Object o, std::span<char> to) {
  const Maker maker = Maker(o.space() >> 16);
  const uint16_t area = uint16_t(o.space());
  uint32_t n = o.number();
  const auto said = [&](int written) { return written < 0 || to.empty() ? std::string_view{} : std::string_view(to.data(), std::min(size_t(written), to.size() - 1)); };
  if (maker == Maker::omron) {   // banks of expansion DM
    if (area >= 0x20 && area <= 0x2C) return said(std::snprintf(to.data(), to.size(), "E%X_%u.%02u", area - 0x20u, n >> 4, n & 15));
    if (area >= 0xA0 && area <= 0xAC) return said(std::snprintf(to.data(), to.size(), "E%X_%u", area - 0xA0u, n));
    if (area >= 0x90 && area <= 0x97) return said(std::snprintf(to.data(), to.size(), "E%X_%u", area - 0x90u, n));
  }
  for (const MemoryArea& a : memory_areas) {
    if (a.maker != maker || a.area != area) continue;
    const int length = int(a.name.size());
    const char* name = a.name.data();
    switch (a.shape) {
      case MemoryArea::decimal: return said(std::snprintf(to.data(), to.size(), "%.*s%u", length, name, n));
      case MemoryArea::hexadecimal: return said(std::snprintf(to.data(), to.size(), "%.*s%X", length, name, n));
      case MemoryArea::bit_of_word: return said(std::snprintf(to.data(), to.size(), "%.*s%u.%02u", length, name, n >> 4, n & 15));
      case MemoryArea::bit_of_octet: return said(std::snprintf(to.data(), to.size(), "%.*s%u.%u", length, name, n >> 3, n & 7));
      case MemoryArea::from_one: return said(std::snprintf(to.data(), to.size(), "%.*s%05llu", length, name, (unsigned long long)n + 1));
    }
  }
  return said(std::snprintf(to.data(), to.size(), "area 0x%02X.%u", area, n));
}

}  // namespace vidra
