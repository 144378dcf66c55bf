// SPDX-License-Identifier: Apache-2.0
// Detections of IEC 60870-5-104.
#include "daemon/judge/catalogue.h"

namespace vidra {
const std::span<const Detection> iec104_rows;
}  // namespace vidra
