// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "daemon/base/toml_file.h"
#include "daemon/judge/indicators.h"

namespace vidra {

// The files behind what [indicators] names: a folder stands for what lies in it (*.txt, *.list, *.csv, *.toml; not what is hidden), by name.
std::vector<std::string> indicator_paths(const std::vector<std::string>& named, const std::string& beside, Problems&);

// One list. A text with one indicator a line, `#` and `;` begin comments, what follows the value belongs to it; or a table as MISP
// exports it: a header with `type` and `value`, perhaps `comment` and `to_ids`. A line that is a mistake is left out, counted and told; at most
// twenty are told one by one. False where nothing of the list can be used.
bool read_indicators(std::string_view text, const std::string& path, Indicators&, Problems&);
bool load_indicators(const std::string& path, Indicators&, Problems&);

}  // namespace vidra
