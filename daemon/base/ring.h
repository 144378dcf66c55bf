// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace vidra {

// One producer, one consumer, records of any length in a ring of octets. Nothing waits here: `reserve` fails when there
// is no room, `front` when there is nothing. Records are aligned to 8.
class Ring {
 public:
  explicit Ring(size_t octets) {          // a power of two is made of it, at least 4 KiB
    size_t n = 4096;
    while (n < octets) n *= 2;
    mask_ = n - 1;
    memory_ = std::make_unique_for_overwrite<std::byte[]>(n);   // touched as it is used
  }

  size_t capacity() const { return mask_ + 1; }
  size_t used() const { return size_t(head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire)); }
  size_t largest() const { return capacity() / 4; }

  // Producer: room for a record of n octets, or nullptr. `spare`: how many octets must stay free beside it.
  void* reserve(size_t n, size_t spare = 0) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t need = (n + 8 + 7) & ~size_t{7};
    const size_t at = size_t(head) & mask_, to_end = capacity() - at;
    const size_t pad = need > to_end ? to_end : 0;   // a record lies in one piece
    if (n > largest() || capacity() - size_t(head - seen_tail_) < need + pad + spare) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (n > largest() || capacity() - size_t(head - seen_tail_) < need + pad + spare) return nullptr;
    }
    if (pad) put_length(at, skip_mark);
    pending_ = head + pad;
    pending_need_ = need;
    put_length(size_t(pending_) & mask_, n);
    return memory_.get() + (size_t(pending_) & mask_) + 8;
  }
  void commit() { head_.store(pending_ + pending_need_, std::memory_order_release); }

  // Consumer: the oldest record, empty when there is none; `pop` lets it go.
  std::span<const std::byte> front() {
    for (;;) {
      const uint64_t tail = tail_.load(std::memory_order_relaxed);
      if (tail == seen_head_) {
        seen_head_ = head_.load(std::memory_order_acquire);
        if (tail == seen_head_) return {};
      }
      const size_t at = size_t(tail) & mask_;
      const uint64_t n = length(at);
      if (n != skip_mark) return {memory_.get() + at + 8, size_t(n)};
      tail_.store(tail + (capacity() - at), std::memory_order_release);
    }
  }
  void pop() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    tail_.store(tail + ((length(size_t(tail) & mask_) + 8 + 7) & ~uint64_t{7}), std::memory_order_release);
  }

 private:
  static constexpr uint64_t skip_mark = ~uint64_t{0};
  void put_length(size_t at, uint64_t n) { std::memcpy(memory_.get() + at, &n, 8); }
  uint64_t length(size_t at) const { uint64_t n; std::memcpy(&n, memory_.get() + at, 8); return n; }

  std::unique_ptr<std::byte[]> memory_;
  size_t mask_ = 0;
  alignas(64) std::atomic<uint64_t> head_{0};
  uint64_t seen_tail_ = 0, pending_ = 0;
  size_t pending_need_ = 0;
  alignas(64) std::atomic<uint64_t> tail_{0};
  uint64_t seen_head_ = 0;
};

}  // namespace vidra
