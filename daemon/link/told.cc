// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/told.h"

#include <algorithm>

namespace vidra {

std::vector<Range> beyond(Range r, const std::vector<Range>& told) {
  std::vector<Range> left;
  for (auto t = std::ranges::lower_bound(told, r.from, {}, &Range::to); t != told.end() && t->from <= r.to; ++t) {
    if (r.from < t->from) left.push_back({r.from, t->from - 1});
    if (t->to >= r.to) return left;
    r.from = t->to + 1;
  }
  left.push_back(r);
  return left;
}

void add(std::vector<Range>& told, Range r) {
  const auto first = std::ranges::lower_bound(told, r.from - 1, {}, &Range::to);
  auto end = first;
  for (; end != told.end() && end->from - 1 <= r.to; ++end) r = {std::min(r.from, end->from), std::max(r.to, end->to)};
  if (first != end || told.size() < told_most) told.insert(told.erase(first, end), r);
}

void remove(std::vector<Range>& told, Range r) {
  std::vector<Range> left;
  for (const Range& t : told)
    for (const Range& l : beyond(t, {r})) left.push_back(l);
  told = std::move(left);
}

}  // namespace vidra
