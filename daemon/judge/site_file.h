// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <span>

#include "daemon/base/toml_file.h"
#include "daemon/judge/site.h"

namespace vidra {

// A site from a file of its own. What is wrong is told in problems, each with its place; what could be read is returned.
Site load_site(const std::string& path, Problems&);
// The same from several files, whose tables may name each other's hosts and zones.
Site load_site(std::span<const std::string> paths, Problems&);
Site read_site(std::span<TomlTable> files);
// The same from a file that holds other tables too: takes [site] (which may name a file of its own, or several: `file`), [[zone]],
// [[host]], [[conversation]], [[master_group]], [[publisher]], [[window]] and the points, and leaves the rest to the caller.
Site read_site(TomlTable&, Problems&);

// Reads the windows that were opened on the box again, from Site::windows_file; where there is no such file there are none.
void read_windows(Site&, Problems&);
void read_windows(Site&, TomlTable&);      // adds those of this text

}  // namespace vidra
