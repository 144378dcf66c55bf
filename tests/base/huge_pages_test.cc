// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/huge_pages.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

using namespace vidra;

namespace {

// What it returns in a process of its own: the heap of all others stays as it is. -1 where that process did not end by itself.
template <class F> int in_a_child(F f) {
  const pid_t child = fork();
  if (!child) _exit(f());
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t resident() {
  std::FILE* f = std::fopen("/proc/self/statm", "r");
  unsigned long all = 0, pages = 0;
  if (!f || std::fscanf(f, "%lu %lu", &all, &pages) != 2) pages = 0;
  if (f) std::fclose(f);
  return pages * 4096;
}

// As a start reads a text: a tree of small pieces, then what is made of it, then the tree goes. 0, or what was not as it should be.
int read_and_made() {
  std::vector<std::unique_ptr<std::string>> tree, made;
  tree.reserve(400'000), made.reserve(400'000);
  for (int i = 0; i < 400'000; i++) tree.push_back(std::make_unique<std::string>(100, char('a' + i % 26)));
  for (int i = 0; i < 200'000; i++) made.push_back(std::make_unique<std::string>(100, char('a' + i % 25)));
  tree.clear();
  const size_t before = resident();
  for (int times = 0; times < 2; times++) {      // once more does no harm
    done_reading();
    for (int i = 0; i < 200'000; i++)
      if (*made[size_t(i)] != std::string(100, char('a' + i % 25))) return 1;
  }
  return resident() + (size_t{30} << 20) < before ? 0 : 2;
}

TEST(HugePages, WhatWasReadStaysAndWhatReadingTookGoesBack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer has a heap of its own";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer has a heap of its own";
#endif
#endif
  const int wrong = in_a_child(read_and_made);
  EXPECT_EQ(wrong, 0) << (wrong == 1 ? "what was made is not as it was" : wrong == 2 ? "the tree took 57 MB, and 30 of them did not go back" : "it did not end by itself");
}

int a_table() {
  std::vector<uint64_t> table;
  table.reserve(1 << 20);
  ask_for_huge_pages(table.data(), (1 << 20) * sizeof(uint64_t));
  table.resize(1 << 20);
  for (size_t i = 0; i < table.size(); i++)
    if (table[i]) return 1;
    else table[i] = i;
  ask_for_huge_pages(table.data(), table.size() * sizeof(uint64_t));   // touched: only advice
  for (size_t i = 0; i < table.size(); i++)
    if (table[i] != i) return 2;
  uint64_t small = 7;
  ask_for_huge_pages(&small, sizeof small);
  return small == 7 ? 0 : 3;
}

TEST(HugePages, AskingLeavesATableAsItIs) { EXPECT_EQ(a_table(), 0); }

// How many KiB of the heap are marked for pages of 2 MiB ("hg" among the flags of its mappings, proc(5)).
size_t marked() {
  std::ifstream maps("/proc/self/smaps");
  size_t kib = 0, size = 0;
  bool heap = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ') && line.find(':') > line.find(' ')) heap = line.find("[heap]") != std::string::npos;
    else if (line.rfind("Size:", 0) == 0) size = std::strtoul(line.c_str() + 5, nullptr, 10);
    else if (heap && line.rfind("VmFlags:", 0) == 0 && line.find(" hg") != std::string::npos) kib += size;
  }
  return kib;
}

TEST(HugePages, AreAskedForUnderTheHeap) {
  const int wrong = in_a_child([] {
    malloc_trim(0);                                    // what other tests left at the heap's end
    if (marked()) return 3;
    if (!ask_for_a_huge_heap()) return 2;
    char* const p = static_cast<char*>(std::malloc(100'000));
    const bool in_it = p > static_cast<char*>(sbrk(0)) - (64 << 20) - (1 << 20) && p < static_cast<char*>(sbrk(0));
    return marked() < 32 * 1024 ? 4 : in_it ? 0 : 5;
  });
  if (wrong == 2) GTEST_SKIP() << "another allocator, or a kernel without such pages";
  EXPECT_EQ(wrong, 0);
}

}  // namespace
