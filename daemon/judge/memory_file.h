// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>

#include "daemon/base/toml_file.h"
#include "daemon/judge/memory.h"

namespace vidra {

// As text: sorted, so that two can be compared line by line; what is read and written again is the same to the octet.
void write_memory(const Memory&, std::ostream&);
Memory load_memory(const std::string& path, Problems&);
bool is_memory(TomlTable& root);                    // and not settings or a site, which have hosts and conversations too
Memory read_memory(std::string_view text, const std::string& path, Problems&);   // the whole of a file, or what is right of it

}  // namespace vidra
