// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/site/point_list.h"

namespace vidra {

// The words of point lists, as people write them in English, Bosnian, Croatian, Serbian and German, and what they mean in a site. Folded, as
// `words_of` gives them.
struct Meaning { std::string_view word, means; };
extern const std::span<const Meaning> directions, kinds, modes, writables, dnp3_types, modbus_tables;
std::string_view look_up(std::span<const Meaning>, std::string_view word);   // "" where it is none of them
std::string allowed(std::span<const Meaning>);                              // what they can mean, for people

// Short names of IEC 104 types, whose variant with or without a time they do not say: direction and kind.
struct ShortType { std::string_view word, direction, kind; };
extern const std::span<const ShortType> short_types;

// "  Adresa (IOA) " → "adresa ioa": what is compared.
std::string words_of(std::string_view);
bool contains_words(std::string_view text, std::string_view words);
// What the column below a heading holds.
std::optional<Field> field_of(std::string_view heading);

}  // namespace vidra
