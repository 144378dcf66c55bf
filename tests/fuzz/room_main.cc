// SPDX-License-Identifier: Apache-2.0
// libFuzzer over one room (-DROOM=play_…).
#include "tests/fuzz/room.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vidra::fuzz::ROOM({data, size});
  return 0;
}
