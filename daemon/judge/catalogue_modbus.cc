// SPDX-License-Identifier: Apache-2.0
// Detections of Modbus.
#include "daemon/judge/catalogue.h"

namespace vidra {
const std::span<const Detection> modbus_rows;
}  // namespace vidra
