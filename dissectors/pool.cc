// SPDX-License-Identifier: Apache-2.0
#include "dissectors/pool.h"

#include <sys/mman.h>

namespace vidra {
namespace {

// Where an address sanitizer watches, each block is of the heap and of the size that was asked for, so that it sees what lies
// outside; otherwise blocks are cut from slabs and used again.
#if defined(__SANITIZE_ADDRESS__) || defined(VIDRA_BLOCKS_APART)
constexpr bool apart = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool apart = true;
#else
constexpr bool apart = false;
#endif
#else
constexpr bool apart = false;
#endif

constexpr size_t smallest = 64, slab_bytes = 256 * 1024;
// A pool that has become large goes on in whole huge pages, where the kernel has them for who asks: finding small ones costs more than
// what lies in them.
constexpr size_t large = 16 << 20, huge_page = 2 << 20;
struct alignas(16) Header { uint32_t size_class, place = 0; bool shared = false; };   // place: among the slabs, where blocks are apart
Header& header_of(void* p) { return *reinterpret_cast<Header*>(static_cast<std::byte*>(p) - sizeof(Header)); }

}  // namespace

bool Pool::blocks_apart() { return apart; }

size_t Pool::class_of(size_t bytes) {
  size_t c = 0;
  for (size_t room = smallest; room < bytes; room *= 2) c++;
  return c;
}

void* Pool::take(size_t bytes) {
  const size_t c = class_of(bytes);
  if (c >= classes) return refused_++, nullptr;
  const size_t room = smallest << c, block = room + sizeof(Header);
  if constexpr (apart) {
    if (reserved_ + block > limit_) return refused_++, nullptr;
    slabs_.push_back(std::make_unique<std::byte[]>(bytes + sizeof(Header)));
    std::byte* const at = slabs_.back().get();
    new (at) Header{uint32_t(c), uint32_t(slabs_.size() - 1)};
    used_ += room, reserved_ += block;
    return at + sizeof(Header);
  }
  if (!free_[c]) {
    const bool huge = reserved_ >= large && limit_ - reserved_ >= huge_page && block < slab_bytes;
    const size_t blocks = huge ? huge_page / block : block >= slab_bytes ? 1 : slab_bytes / block;
    if (reserved_ + blocks * block > limit_) return refused_++, nullptr;
    slabs_.push_back(std::make_unique_for_overwrite<std::byte[]>(huge ? 2 * huge_page : blocks * block));   // of twice as much one page lies whole
    reserved_ += blocks * block;
    std::byte* at = slabs_.back().get();
    if (huge) {
      at += huge_page - (reinterpret_cast<uintptr_t>(at) & (huge_page - 1));
      madvise(at, huge_page, MADV_HUGEPAGE);
    }
    for (size_t i = 0; i < blocks; i++, at += block) {
      new (at) Header{uint32_t(c)};
      free_[c] = new (at + sizeof(Header)) Free{free_[c]};
    }
  }
  Free* p = free_[c];
  free_[c] = p->next;
  used_ += room;
  return p;
}

void* Pool::take_shared(size_t bytes) {
  void* const p = take(bytes);
  if (!p) return nullptr;
  Header& h = header_of(p);
  h.shared = true;
  used_ -= smallest << h.size_class;
  return p;
}

void Pool::give(void* p) {
  if (!p) return;
  Header& h = header_of(p);
  const size_t c = h.size_class;
  if (!h.shared) used_ -= smallest << c;
  h.shared = false;
  if constexpr (apart) {
    reserved_ -= (smallest << c) + sizeof(Header);
    const size_t place = h.place;
    reinterpret_cast<Header*>(slabs_.back().get())->place = uint32_t(place);
    std::swap(slabs_[place], slabs_.back());
    return slabs_.pop_back();
  }
  free_[c] = new (p) Free{free_[c]};
}

}  // namespace vidra
