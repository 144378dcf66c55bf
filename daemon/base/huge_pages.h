// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace vidra {

// Asks for huge pages under a large table that nothing has touched yet: with 100,000 conversations half of a packet's time went into finding
// small ones. Only where transparent huge pages are not switched off; small tables stay as they are.
inline void ask_for_huge_pages(void* table, size_t octets) {
  constexpr size_t worth = size_t{4} << 20, page = 4096;
  if (octets < worth) return;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(table) + page - 1) & ~(page - 1), end = (reinterpret_cast<uintptr_t>(table) + octets) & ~(page - 1);
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

// Asks for them under the heap's first 64 MiB, for who calls it first of all: what is kept of a thousand conversations lies in more small
// pages than a processor knows addresses of (decision 0222). Memory is taken as it is used, as before, but 2 MiB at a time. False where
// there is nothing to ask: another allocator than the library's, or a kernel without such pages.
bool ask_for_a_huge_heap();

// To be called when what a start reads has been read, before there are threads. What reading took goes back to the machine, and what came of
// it, where it lies close together and is large, into huge pages. Where the kernel has none for who asks, only the first.
void done_reading();

}  // namespace vidra
