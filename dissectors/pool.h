// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace vidra {

// Memory for parsers and their state: free lists by size class, filled from slabs up to a limit in bytes. One owning
// thread. Once warm it never asks the heap; at the limit it yields nullptr and counts.
class Pool {
 public:
  explicit Pool(size_t limit_bytes) : limit_(limit_bytes) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void* take(size_t bytes);               // aligned to 16; nullptr at the limit or above largest
  void give(void* p);                     // what take gave; nullptr is allowed

  template <class T, class... Args> T* make(Args&&... args) {
    static_assert(sizeof(T) <= largest);
    void* p = take(sizeof(T));
    if (!p) return nullptr;
    return new (p) T(std::forward<Args>(args)...);
  }
  // The one T that all parsers of this pool share (a directory that several conversations need): made when it is first asked
  // for, and there as long as the pool; nullptr at the limit.
  template <class T> T* shared() {
    static_assert(std::is_trivially_destructible_v<T> && sizeof(T) <= largest);
    static constexpr char kind = 0;
    for (const Shared& s : shared_)
      if (s.kind == &kind) return static_cast<T*>(s.thing);
    void* const p = take_shared(sizeof(T));
    if (!p) return nullptr;
    T* const made = new (p) T;
    shared_.push_back({&kind, made});
    return made;
  }
  void* take_shared(size_t bytes);        // as take, for what a shared thing keeps: no parser's, not in `used`
  template <class T> void unmake(T* t) {   // T may be the first base of what was made
    if (!t) return;
    t->~T();
    give(t);
  }

  size_t used() const { return used_; }          // bytes handed out, without what is shared
  size_t reserved() const { return reserved_; }  // bytes taken from the heap
  uint64_t refused() const { return refused_; }
  static bool blocks_apart();                    // each of the heap, for a sanitizer's eyes, instead of cut from slabs
  static constexpr size_t largest = 128 * 1024;   // a record of 65,599 octets fits

 private:
  struct Free { Free* next; };
  struct Shared { const void* kind; void* thing; };
  static constexpr size_t classes = 12;          // 64, 128, … 131,072
  static size_t class_of(size_t bytes);
  std::array<Free*, classes> free_{};
  std::vector<std::unique_ptr<std::byte[]>> slabs_;
  std::vector<Shared> shared_;
  size_t limit_, used_ = 0, reserved_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace vidra
