// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace vidra {

extern std::string no_network;   // why tests on links of their own are skipped, "" when they run

}  // namespace vidra
