// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iosfwd>

namespace vidra {

// docs/PROTOCOLS.md: every protocol that is parsed, from its own table.
void write_protocols(std::ostream&);

}  // namespace vidra
