// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <cstddef>
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

// Wakes one sleeper. `ring` costs a load and, when somebody sleeps, a system call.
class Bell {
 public:
  void ring() {
    rung_.fetch_add(1, std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_seq_cst)) rung_.notify_one();
  }
  uint32_t heard() const { return rung_.load(std::memory_order_acquire); }
  void sleep(uint32_t heard_before) {       // until rung again after `heard_before` was read
    asleep_.store(true, std::memory_order_seq_cst);
    rung_.wait(heard_before, std::memory_order_seq_cst);
    asleep_.store(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint32_t> rung_{0};
  std::atomic<bool> asleep_{false};
};

}  // namespace vidra
