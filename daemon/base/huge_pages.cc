// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/huge_pages.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25   // Linux 6.1
#endif

namespace vidra {
namespace {

constexpr uintptr_t small = 4096, huge = uintptr_t{2} << 20;
constexpr size_t worth_giving_back = size_t{32} << 20;
constexpr size_t dense = huge / small * 7 / 8;   // so many small pages of a huge one must be there: what it costs beyond is at most a seventh

}  // namespace

bool ask_for_a_huge_heap() {
#ifdef M_TOP_PAD
  constexpr uintptr_t room = uintptr_t{64} << 20;
  // What is larger is mapped by itself, as before; by itself the library would move this bound as soon as such a piece is given back.
  constexpr int apart = 128 << 10;
  const auto brk = [] { return reinterpret_cast<uintptr_t>(sbrk(0)); };
  const uintptr_t before = brk();
  if (!mallopt(M_MMAP_THRESHOLD, apart) || !mallopt(M_TOP_PAD, int(room))) return false;
  // The heap grows when what is left of it is too small: by all of the room at once, less what was left.
  void* volatile pieces[64];                          // volatile: or the compiler sees that nobody uses them
  size_t n = 0;
  while (n < std::size(pieces) && brk() == before) pieces[n++] = std::malloc(apart - 4096);
  while (n) std::free(pieces[--n]);
  const uintptr_t end = brk() / huge * huge, begin = (before + huge - 1) / huge * huge;
  return end > begin + room / 2 && madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE) == 0;
#else
  return false;
#endif
}

void done_reading() {
#ifdef M_TOP_PAD                                 // the library's own allocator
  // Little is kept for what comes next: giving it back would take the heap's first huge pages apart.
  const struct mallinfo2 heap = mallinfo2();
  if (heap.fordblks - heap.keepcost < worth_giving_back) return;
#endif
  malloc_trim(0);
  std::FILE* const maps = std::fopen("/proc/self/maps", "re");
  if (!maps) return;
  uintptr_t begin = 0, end = 0;                  // of the heap, in however many pieces it is listed
  for (char line[512]; std::fgets(line, sizeof line, maps);) {
    unsigned long from, to;
    if (std::strstr(line, "[heap]") && std::sscanf(line, "%lx-%lx", &from, &to) == 2) begin = begin ? begin : from, end = to;
  }
  std::fclose(maps);
  for (uintptr_t at = (begin + huge - 1) & ~(huge - 1); at + huge <= end; at += huge) {
    unsigned char there[huge / small];
    void* const page = reinterpret_cast<void*>(at);
    if (mincore(page, huge, there) != 0) continue;
    if (size_t(std::count_if(there, there + sizeof there, [](unsigned char t) { return t & 1; })) < dense) continue;
    if (madvise(page, huge, MADV_HUGEPAGE) != 0) return;
    madvise(page, huge, MADV_COLLAPSE);          // at once; before Linux 6.1 by the kernel's own daemon, later
  }
}

}  // namespace vidra
