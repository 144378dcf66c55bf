// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <string_view>

#include "dissectors/message.h"

namespace vidra {

// Asks nDPI what a conversation is that no dissector wants. A hint and no more: its states are bounded, taken once, and free
// again at the verdict. Built without nDPI it never answers.
class Classifier {
 public:
  explicit Classifier(size_t states);
  ~Classifier();

  static bool available();
  // A state's number, 0 when all are in use.
  uint32_t open();
  void close(uint32_t state);
  // One packet, from its IP header on. The protocol's name once it is known, "" before; `last`: guess nothing further.
  std::string_view look(uint32_t state, Bytes ip, Time);

 private:
  struct Room;
  std::unique_ptr<Room> room_;
};

}  // namespace vidra
