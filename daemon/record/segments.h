// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "daemon/record/log.h"

namespace vidra {

// Reads what lies in a log's folder, in order, and changes nothing: for those who look while its owner works. Damaged records are
// passed over; a file that is being written ends with its last whole record. `each` returns false to end. False where the folder
// cannot be read.
bool read_segments(const std::string& directory, const std::function<bool(const LogEntry&)>& each);

}  // namespace vidra
