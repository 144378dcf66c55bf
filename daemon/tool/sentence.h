// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/judge/event.h"

namespace vidra {

// An event as one line for people: "operate C_SC_NA_1 single command, station 11, information object 5001 = off, activation".
// At most `points` objects are written out.
std::string sentence(const Event&, size_t points = 8);

// An event with every field it carries, one object; names beside numbers. `stamp` is the frame's time as the capture wrote it.
nlohmann::ordered_json sentence_json(const Event&, Time stamp);

}  // namespace vidra
