// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "dissectors/reader.h"

namespace vidra {

// CRC-32C (Castagnoli; RFC 3720, 12.1): start and end inverted. `before` continues an earlier result.
uint32_t crc32c(Bytes, uint32_t before = 0);

}  // namespace vidra
