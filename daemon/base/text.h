// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

// "2026-11-21T22:05:06.123456789Z", UTC; `digits` of the fraction, 0 to 9.
std::string iso_time(int64_t nanoseconds, int digits = 3);
// The way back, UTC: "2026-11-21", "2026-11-21T22:05", "2026-11-21 22:05:06.5Z"; nothing when it is no such time.
std::optional<int64_t> parse_iso_time(std::string_view);
// "1795295191.344769000": epoch seconds with nine decimals.
std::string epoch_time(int64_t nanoseconds);
// "1.2 GiB", "512 B".
std::string human_bytes(uint64_t);
// "1 234 567".
std::string human_count(uint64_t);
// "3.2 s", "15 ms", "2 h 5 min".
std::string human_duration(int64_t nanoseconds);
// The candidate with the fewest edits to `word`, "" when none is near (at most a third of its length, two at the least).
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace vidra
