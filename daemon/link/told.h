// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include "daemon/record/log.h"

namespace vidra {

// Numbers that a GAP record has named: ranges in order, none touching another, `told_most` at most.
inline constexpr size_t told_most = 65'536;

// What of `r` they do not cover.
std::vector<Range> beyond(Range r, const std::vector<Range>& told);
void add(std::vector<Range>& told, Range r);           // what finds no place is told again
void remove(std::vector<Range>& told, Range r);

}  // namespace vidra
