// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>

#include "daemon/base/toml_file.h"
#include "daemon/judge/inventory.h"

namespace vidra {

// The inventory as text: sorted, the same to the octet when it is read and written again. A newer version's file is refused with a problem.
void write_inventory(const Inventory&, std::ostream&);
Inventory load_inventory(const std::string& path, size_t limit, Problems&);

}  // namespace vidra
