// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/report/story.h"

namespace vidra {

inline constexpr std::string_view tlp_levels[] = {"CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"};   // Traffic Light Protocol 2.0, the strictest last
inline size_t tlp_level(std::string_view tlp) { return size_t(std::find(std::begin(tlp_levels), std::end(tlp_levels), tlp) - std::begin(tlp_levels)); }
using Markings = std::map<std::string, std::string, std::less<>>;   // traffic light of single detections, by id

// How a story stands to a collector that is told up to `ceiling`: whoever sends, previews or counts goes by this alone.
struct Marked {
  bool withheld = false;           // it stays here
  std::string tlp;                 // its marking; the ceiling where it has none of its own
  std::optional<Story> instead;    // to be told in its place: without what it would say of other detections that stay here
};
Marked marked(const Story&, const Markings&, const std::string& ceiling);

}  // namespace vidra
