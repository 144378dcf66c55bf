// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>

#include "dissectors/message.h"

namespace vidra {

// Questions that wait for their answers, oldest first. Bounded: the oldest goes. One that was asked again under the same key
// a second later was never answered; after a minute nothing is awaited.
template <class Question, size_t limit = 16>
class Waiting {
 public:
  static constexpr Time asked_again_after = second, forget_after = minute;

  void ask(uint64_t key, Time now, const Question& question) {
    size_t kept = 0;
    for (size_t i = 0; i < count_; i++) {
      const bool over = rows_[i].key == key && now - rows_[i].asked > asked_again_after;
      if (over || now - rows_[i].asked > forget_after) continue;
      if (kept != i) rows_[kept] = rows_[i];
      kept++;
    }
    count_ = kept;
    if (count_ == limit) drop(0);
    rows_[count_++] = {key, now, question};
  }
  // The oldest question of this key, which is then answered; false: nobody asked.
  bool answer(uint64_t key, Time now, Question& question) {
    for (size_t i = 0; i < count_; i++) {
      if (rows_[i].key != key || now - rows_[i].asked > forget_after) continue;
      question = rows_[i].question;
      drop(i);
      return true;
    }
    return false;
  }
  void clear() { count_ = 0; }

 private:
  struct Row { uint64_t key; Time asked; Question question; };
  void drop(size_t i) {
    std::copy(rows_.begin() + long(i) + 1, rows_.begin() + long(count_), rows_.begin() + long(i));
    count_--;
  }
  std::array<Row, limit> rows_{};
  size_t count_ = 0;
};

}  // namespace vidra
