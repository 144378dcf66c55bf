// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/toml_file.h"
#include "daemon/judge/site.h"

namespace vidra {

// A site from a file of its own. What is wrong is told in problems, each with its place; what could be read is returned.
Site load_site(const std::string& path, Problems&);
// The same from a file that holds other tables too: takes [site] (which may name a file of its own: `file`), [[zone]],
// [[host]], [[conversation]], [[master_group]], [[window]] and the points, and leaves the rest to the caller.
Site read_site(TomlTable&, Problems&);

}  // namespace vidra
