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
// What is wrong with the windows of the box goes to `remarks` where there are any: they are not in force, and nothing else is.
Site read_site(TomlTable&, Problems&, Problems* remarks = nullptr);

// Where it is kept which devices of an import were reviewed: beside its file, "scd.toml" → "scd.reviewed.toml".
std::string review_path(const std::string& site_file);
// Whose differences somebody has read: the whole text of that file.
struct ReviewedHost {
  std::string host, by;
  Time at = 0;
};
std::vector<ReviewedHost> load_reviews(const std::string& path, Problems&);   // where there is no such file, none

// What becomes of the hosts in a window of the box that the site no longer declares. Kept: each stands in the site by its name alone,
// without an address, for those who write the windows again.
enum class GoneHosts : uint8_t { left_out, kept };
// Reads the windows that were opened on the box again, from Site::windows_file; where there is no such file there are none. A window
// that is wrong is left out. False when nothing of the file could be read; then the windows are those of before.
bool read_windows(Site&, Problems& remarks, GoneHosts = GoneHosts::left_out);
void read_windows(Site&, TomlTable&, GoneHosts = GoneHosts::left_out);      // adds those of this text

// The number of a type identification that a point list may name, "C_DC_NA_1"; 0 none.
uint8_t iec104_type(std::string_view name);
// What a [[conversation]] understands as something else than a host's name: "any", "broadcast", "zone:…", an address, a range.
bool reserved_name(std::string_view);

}  // namespace vidra
