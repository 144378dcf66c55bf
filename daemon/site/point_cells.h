// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vidra {

// What people write into the cells of a list for numbers.
std::optional<uint32_t> whole(std::string_view);       // 5101, 0x13ED, 13EDh, 16#13ED
std::optional<double> real_of(std::string_view);       // 1.5; 1,5; 1.234,5; 1 234,5; 12 %
// Octets with something between them, so many: 0-19-237, 0.19.237, 0/19/237; two of them are a common address.
std::optional<uint32_t> octets(std::string_view, size_t least, size_t most, bool low_first);
// 5101, 5101-5106, 5101..5106, 5101 do 5106, 0x13ED, 0-19-237.
struct Span { uint64_t first = 0, last = 0; bool structured = false; };
std::optional<Span> span_of(std::string_view, bool may_be_structured, bool low_first);
std::string type_in(std::string_view);                 // a type of IEC 104 as its name or number, "" where the cell says neither

std::string_view stripped(std::string_view);           // of spaces at both ends
std::string column_name(size_t column);                // from 0: A, B … Z, AA

}  // namespace vidra
