// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace vidra {

// Measured values that are short floating point numbers in their unit: M_ME_NC_1, M_ME_TC_1 and M_ME_TF_1 (IEC 60870-5-101, 7.3.1). Scaled
// values and parts of a full scale need to be told what they are multiplied with.
constexpr bool says_engineering_unit(unsigned type) { return type == 13 || type == 14 || type == 36; }

}  // namespace vidra
