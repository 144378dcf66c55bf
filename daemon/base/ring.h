// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace vidra {

// One producer, one consumer, records of any length in a ring of octets. Nothing waits here: `reserve` fails when there
// is no room, `front` when there is nothing. Records are aligned to 8. The memory is in pieces, and the free piece that was
// used last is used next: who keeps up goes round in two of them, which a cache holds, and never touches the others.
class Ring {
 public:
  explicit Ring(size_t octets) {          // a power of two is made of it, at least 4 KiB
    while (capacity_ < octets) capacity_ *= 2;
    while (piece() > largest_piece || count() < 4) shift_--;
    memory_ = std::make_unique_for_overwrite<std::byte[]>(capacity_ + piece());   // one more: the oldest and the newest may both be half full
    free_ = std::make_unique<uint32_t[]>(count() + 1);
    while (free_count_ <= count()) free_[free_count_] = uint32_t(count() - free_count_), free_count_++;
    place_ = std::make_unique<uint32_t[]>(2 * count());
  }

  size_t capacity() const { return capacity_; }
  size_t used() const { return size_t(head_.load(std::memory_order_acquire) - tail_.load(std::memory_order_acquire)); }
  size_t largest() const { return piece() - 8; }

  // Producer: room for a record of n octets, or nullptr. `spare`: how many octets must stay free beside it.
  void* reserve(size_t n, size_t spare = 0) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    const size_t need = (n + 8 + 7) & ~size_t{7};
    const size_t left = -size_t(head) & (piece() - 1);
    const size_t pad = need > left ? left : 0;       // a record lies in one piece
    if (n > largest() || capacity_ - size_t(head - seen_tail_) < need + pad + spare) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (n > largest() || capacity_ - size_t(head - seen_tail_) < need + pad + spare) return nullptr;
    }
    if (pad) put_length(head, skip_mark);
    pending_ = head + pad;
    pending_need_ = need;
    if (begun_ <= pending_ >> shift_) begin_piece();
    put_length(pending_, n);
    return at(pending_) + 8;
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
      const uint64_t n = length(tail);
      if (n != skip_mark) return {at(tail) + 8, size_t(n)};
      tail_.store((tail | (piece() - 1)) + 1, std::memory_order_release);
    }
  }
  void pop() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    tail_.store(tail + ((length(tail) + 8 + 7) & ~uint64_t{7}), std::memory_order_release);
  }

 private:
  static constexpr uint64_t skip_mark = ~uint64_t{0};
  static constexpr size_t largest_piece = size_t{256} << 10;     // the longest message with all its points and texts fits
  size_t piece() const { return size_t{1} << shift_; }
  size_t count() const { return capacity_ >> shift_; }
  std::byte* at(uint64_t position) const {
    return memory_.get() + (size_t{place_[size_t(position >> shift_) & (2 * count() - 1)]} << shift_) + (size_t(position) & (piece() - 1));
  }
  void put_length(uint64_t position, uint64_t n) { std::memcpy(at(position), &n, 8); }
  uint64_t length(uint64_t position) const { uint64_t n; std::memcpy(&n, at(position), 8); return n; }

  void begin_piece() {
    seen_tail_ = tail_.load(std::memory_order_acquire);
    for (; reclaimed_ < seen_tail_ >> shift_; reclaimed_++) free_[free_count_++] = place_[size_t(reclaimed_) & (2 * count() - 1)];
    place_[size_t(begun_++) & (2 * count() - 1)] = free_[--free_count_];
  }

  size_t capacity_ = 4096;
  unsigned shift_ = 24;
  std::unique_ptr<std::byte[]> memory_;
  std::unique_ptr<uint32_t[]> place_;                // by the piece of a position: which of the memory's it is
  alignas(64) std::atomic<uint64_t> head_{0};        // positions only grow; a piece of them is the same number of octets
  uint64_t seen_tail_ = 0, pending_ = 0;
  size_t pending_need_ = 0;
  uint64_t begun_ = 0, reclaimed_ = 0;               // pieces of positions: that have memory or had it, whose memory is free again
  std::unique_ptr<uint32_t[]> free_;
  size_t free_count_ = 0;
  alignas(64) std::atomic<uint64_t> tail_{0};
  uint64_t seen_head_ = 0;
};

}  // namespace vidra
