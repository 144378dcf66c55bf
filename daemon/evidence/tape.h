// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

namespace vidra {

// One producer, one consumer, octets in pieces that are never divided; the consumer takes many pieces at once, as they lie.
// Nothing waits here: `reserve` fails when there is no room. Of the memory as much is touched as is behind at the worst: when
// the consumer has taken all, the producer begins at the front again, so that the octets of a quiet disk stay in the cache.
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

  // Producer: room for n octets in one piece, or nullptr; all that was reserved is handed over by `commit`.
  uint8_t* reserve(size_t n) {
    if (n > largest()) [[unlikely]] return nullptr;
    const size_t to_end = capacity() - place(pending_), pad = n > to_end ? to_end : 0;
    if (capacity() - size_t(pending_ - seen_tail_) < n + pad) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (capacity() - size_t(pending_ - seen_tail_) < n + pad) return nullptr;
    }
    if (pad) wrapped_.store(pending_, std::memory_order_relaxed);   // a second end of a lap cannot be reserved before this one was taken
    const uint64_t from = pending_ + pad;
    pending_ = from + n;
    return memory_.get() + place(from);
  }
  void commit() { head_.store(pending_, std::memory_order_release); }
  // Producer, with nothing reserved since `commit`: goes back to the front where all was taken.
  void rewind() {
    if (place(pending_) < mask_ / 64) return;
    seen_tail_ = tail_.load(std::memory_order_acquire);
    if (seen_tail_ == pending_) base_ = pending_;
  }

  // Consumer: the oldest octets, as many as lie in one piece; empty when there are none. `pop` gives n of them back.
  std::span<const uint8_t> front() {
    for (;;) {
      const uint64_t head = head_.load(std::memory_order_acquire), tail = tail_.load(std::memory_order_relaxed);
      if (head == tail) return {};
      const uint64_t lap = base_ + ((tail - base_) | mask_) + 1;
      uint64_t end = head;
      if (head > lap) {
        const uint64_t wrapped = wrapped_.load(std::memory_order_relaxed);   // there is at most one end of a lap between tail and head
        end = wrapped >= tail && wrapped < lap ? wrapped : lap;
        if (end == tail) {
          tail_.store(lap, std::memory_order_release);
          continue;
        }
      }
      return {memory_.get() + place(tail), size_t(end - tail)};
    }
  }
  void pop(size_t n) { tail_.store(tail_.load(std::memory_order_relaxed) + n, std::memory_order_release); }

 private:
  size_t place(uint64_t position) const { return size_t(position - base_) & mask_; }

  std::unique_ptr<uint8_t[]> memory_;
  size_t mask_ = 0;
  alignas(64) std::atomic<uint64_t> head_{0};
  std::atomic<uint64_t> wrapped_{~uint64_t{0}};   // where the newest lap ended early
  uint64_t base_ = 0;                             // the position at the front of the memory; changed by the producer while nothing lies here, and the consumer reads it only when something does
  uint64_t seen_tail_ = 0, pending_ = 0;
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace vidra
