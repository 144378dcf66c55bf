// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <mutex>

namespace vidra {

// A mutex for two threads or three: who lets it go and wants it again at once comes behind who waits for it. With one of the standard
// library's a thread that holds it nearly always, over each sync of a slow disk, keeps the others out for seconds.
class FairMutex {
 public:
  void lock() {
    const std::lock_guard turn(next_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex next_, mutex_;
};

}  // namespace vidra
