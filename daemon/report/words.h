// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <string_view>

namespace vidra {

inline constexpr size_t longest_sentence = 1024, longest_name = 256;   // octets of a story's texts

// At most `limit` octets, cut between characters and ended by "…" when something was cut.
std::string shortened(std::string_view, size_t limit);

// Fit for a terminal: valid UTF-8, one line, no control and no direction-changing characters (they become U+FFFD), so that
// a name heard on the wire cannot draw on the screen of the one who reads it.
std::string printable(std::string_view);

// For searching: small letters, no diacritics, Cyrillic as Latin, đ and dj as d: "Прекидач", "prekidač" and "PREKIDAC" are
// one. What is no letter stays.
std::string search_form(std::string_view);
// Whether each word of `wanted` occurs in a text that is in that form already.
bool holds(std::string_view text_in_search_form, std::string_view wanted);

// Capitals, of Latin and Cyrillic letters too.
std::string capitals(std::string_view);

// How many columns a printable text takes; combining marks take none, East Asian wide ones two.
size_t columns(std::string_view);
// The longest run of whole characters at its front that takes no more: octets.
size_t fitting(std::string_view, size_t width);

}  // namespace vidra
