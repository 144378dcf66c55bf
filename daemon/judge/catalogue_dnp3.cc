// SPDX-License-Identifier: Apache-2.0
// Detections of DNP3.
#include "daemon/judge/catalogue.h"

namespace vidra {
const std::span<const Detection> dnp3_rows;
}  // namespace vidra
