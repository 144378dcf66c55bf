// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace vidra {

// One producer, one consumer, a fixed number of places for values that own memory. Nothing waits here.
template <class T>
class Queue {
 public:
  explicit Queue(size_t places) : places_(places) {}

  bool push(T&& value) {                    // false: full, the value is left alone
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == places_.size()) return false;
    places_[head % places_.size()] = std::move(value);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  std::optional<T> pop() {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return {};
    std::optional<T> value(std::move(places_[tail % places_.size()]));
    tail_.store(tail + 1, std::memory_order_release);
    return value;
  }

 private:
  std::vector<T> places_;
  alignas(64) std::atomic<size_t> head_{0};
  alignas(64) std::atomic<size_t> tail_{0};
};

// Wakes one sleeper. `ring` costs a load and, when somebody sleeps, a system call. The futex is asked here: libstdc++'s wait
// gives the core away four times before it sleeps, which at a thousand calls a second was a third of what the sleeper cost.
class Bell {
 public:
  void ring() {
    rung_.fetch_add(1, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst)) futex(FUTEX_WAKE_PRIVATE, 1);
  }
  uint32_t heard() const { return rung_.load(std::memory_order_acquire); }
  void sleep(uint32_t heard_before) {       // until rung again after `heard_before` was read
    while (rung_.load(std::memory_order_seq_cst) == heard_before) {
      asleep_.store(true, std::memory_order_seq_cst);
      futex(FUTEX_WAIT_PRIVATE, heard_before);      // comes back at once when it was rung meanwhile
    }
    asleep_.store(false, std::memory_order_relaxed);
  }

 private:
  void futex(int what, uint32_t n) { syscall(SYS_futex, &rung_, what, n, nullptr, nullptr, 0); }

  std::atomic<uint32_t> rung_{0};
  std::atomic<bool> asleep_{false};
  static_assert(sizeof rung_ == 4 && std::atomic<uint32_t>::is_always_lock_free);
};

}  // namespace vidra
