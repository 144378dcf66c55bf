// SPDX-License-Identifier: Apache-2.0
// libFuzzer over one protocol, the only one of this program's table.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vidra::play(*vidra::protocols.front(), {data, size});
  return 0;
}
