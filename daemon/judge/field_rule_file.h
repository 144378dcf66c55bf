// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/toml_file.h"
#include "daemon/judge/field_rules.h"

namespace vidra {

// The [[rule]] tables of a text, added to `to`. The site's hosts and zones may be named. What is wrong is told with its place.
void read_rules(TomlTable& root, const Site&, std::vector<FieldRule>& to, Problems&);
// A file of nothing but rules.
void load_rules(const std::string& path, const Site&, std::vector<FieldRule>& to, Problems&);

}  // namespace vidra
