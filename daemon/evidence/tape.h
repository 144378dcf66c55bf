// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

namespace vidra {

// One producer, one consumer, octets in pieces that are never divided; the consumer takes many pieces at once, as they lie.
// Nothing waits here: `reserve` fails when there is no room.
class Tape {
 public:
  explicit Tape(size_t octets) {          // the power of two that is no more, at least 64 KiB
    size_t n = 64 << 10;
    while (n * 2 <= octets) n *= 2;
    mask_ = n - 1;
    memory_ = std::make_unique_for_overwrite<uint8_t[]>(n);   // touched as it is used
  }
  size_t capacity() const { return mask_ + 1; }
  size_t largest() const { return capacity() / 2; }
  size_t used() const { return size_t(head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire)); }   // either end

  // Producer: room for n octets in one piece, or nullptr; they are handed over by `commit`.
  uint8_t* reserve(size_t n) {
    if (n > largest()) [[unlikely]] return nullptr;
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t to_end = capacity() - (size_t(head) & mask_), pad = n > to_end ? to_end : 0;
    if (capacity() - size_t(head - seen_tail_) < n + pad) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (capacity() - size_t(head - seen_tail_) < n + pad) return nullptr;
    }
    if (pad) wrapped_.store(head, std::memory_order_relaxed);
    pending_ = head + pad + n;
    return memory_.get() + (size_t(head + pad) & mask_);
  }
  void commit() { head_.store(pending_, std::memory_order_release); }

  // Consumer: the oldest octets, as many as lie in one piece; empty when there are none. `pop` gives n of them back.
  std::span<const uint8_t> front() {
    for (;;) {
      const uint64_t head = head_.load(std::memory_order_acquire), tail = tail_.load(std::memory_order_relaxed);
      const uint64_t lap = (tail | mask_) + 1;
      uint64_t end = head;
      if (head > lap) {
        const uint64_t wrapped = wrapped_.load(std::memory_order_relaxed);   // there is at most one end of a lap between tail and head
        end = wrapped >= tail && wrapped < lap ? wrapped : lap;
        if (end == tail) {
          tail_.store(lap, std::memory_order_release);
          continue;
        }
      }
      return {memory_.get() + (size_t(tail) & mask_), size_t(end - tail)};
    }
  }
  void pop(size_t n) { tail_.store(tail_.load(std::memory_order_relaxed) + n, std::memory_order_release); }

 private:
  std::unique_ptr<uint8_t[]> memory_;
  size_t mask_ = 0;
  alignas(64) std::atomic<uint64_t> head_{0};
  std::atomic<uint64_t> wrapped_{~uint64_t{0}};   // where the newest lap ended early
  uint64_t seen_tail_ = 0, pending_ = 0;
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace vidra
