// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/mix.h"

#include <random>

namespace vidra {

uint64_t drawn() {
  std::random_device device;
  return uint64_t(device()) << 32 | device();
}

}  // namespace vidra
