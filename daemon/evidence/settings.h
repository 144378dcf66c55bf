// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "dissectors/message.h"

namespace vidra {

// Frames are kept apart by what they are worth: those that completed a command or a change; everything else; and what comes in
// masses and says nothing new (sampled values, cyclic process data, long frames that completed no message).
enum class Sort : uint8_t { commands, ordinary, bulk };
inline constexpr size_t sort_count = 3;
constexpr std::string_view name_of(Sort s) {
  constexpr std::string_view names[] = {"commands", "ordinary", "bulk"};
  return names[size_t(s)];
}

// Octets are of disk unless said otherwise.
struct EvidenceSettings {
  bool keep = false;
  std::string folder;                     // "" `evidence` in the sensor's state folder
  std::array<uint64_t, sort_count> quota = {128u << 20, 512u << 20, 128u << 20};   // of the last packets, by Sort; 0: this sort is not kept
  Time longest = day;                     // a packet that belongs to no story lies no longer
  uint64_t memory = 32u << 20;            // octets of memory between hearing and writing, all workers together
  Time before = 10 * second, after = 2 * second;   // of a story: kept before its first deciding packet, and behind its last
  uint8_t severity = 2;                   // of the least story whose packets are set aside
  uint64_t story = 16u << 20;             // one set of packets at most
  uint64_t sets = uint64_t{1} << 30;      // all sets that are not pinned; then the oldest go
  uint64_t pinned = uint64_t{1} << 30;    // beyond, `vidra evidence --pin` refuses
  uint64_t spare = uint64_t{1} << 30;     // left free on that disk for everything else
};

}  // namespace vidra
