// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

namespace vidra {

// A table for a terminal: columns as wide as they need to be, and where that is more than there is, the widest are cut with "…".
// Written to a file or a pipe nothing is cut.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { rows_.push_back(std::move(heading)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }   // texts that nobody heard on a wire, or `printable`
  bool empty() const { return rows_.size() == 1; }
  // `width`: columns of the terminal, 0 without end. Columns that are empty throughout are left out.
  std::string text(size_t width, bool color) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// The width for what goes to this descriptor: 0 where it is no terminal. COLUMNS overrides it.
size_t width_of(int descriptor);

}  // namespace vidra
