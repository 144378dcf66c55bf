// SPDX-License-Identifier: Apache-2.0
#include "dissectors/pool.h"

namespace vidra {
namespace {

constexpr size_t smallest = 64, slab_bytes = 256 * 1024;
struct alignas(16) Header { uint32_t size_class; bool shared = false; };
Header& header_of(void* p) { return *reinterpret_cast<Header*>(static_cast<std::byte*>(p) - sizeof(Header)); }

}  // namespace

size_t Pool::class_of(size_t bytes) {
  size_t c = 0;
  for (size_t room = smallest; room < bytes; room *= 2) c++;
  return c;
}

void* Pool::take(size_t bytes) {
  const size_t c = class_of(bytes);
  if (c >= classes) return refused_++, nullptr;
  const size_t room = smallest << c, block = room + sizeof(Header);
  if (!free_[c]) {
    const size_t blocks = block >= slab_bytes ? 1 : slab_bytes / block;
    if (reserved_ + blocks * block > limit_) return refused_++, nullptr;
    slabs_.push_back(std::make_unique<std::byte[]>(blocks * block));
    reserved_ += blocks * block;
    std::byte* at = slabs_.back().get();
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
  free_[c] = new (p) Free{free_[c]};
}

}  // namespace vidra
