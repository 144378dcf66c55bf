// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

namespace vidra {

// How often the heap was asked, in programs that compile tests/support/heap.cc. Not counted under a sanitizer, which brings
// an allocator of its own.
bool heap_is_counted();
size_t heap_requests();

}  // namespace vidra
