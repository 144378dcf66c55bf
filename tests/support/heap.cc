// SPDX-License-Identifier: Apache-2.0
// In a file of its own, so that the compiler does not see both ends and pair them.
#include "tests/support/heap.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/sanitized.h"

#if VIDRA_SANITIZED
bool vidra::heap_is_counted() { return false; }
size_t vidra::heap_requests() { return 0; }
#else
static std::atomic<size_t> requests;
bool vidra::heap_is_counted() { return true; }
size_t vidra::heap_requests() { return requests; }

void* operator new(size_t n) {
  requests++;
  if (void* p = std::malloc(n ? n : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
#endif
