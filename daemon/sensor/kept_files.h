// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>

#include "daemon/sensor/pipeline.h"

namespace vidra {

// What the judge keeps over a restart, in the state folder: inventory.toml, and while it learns learned.toml.
class KeptFiles {
 public:
  using Log = std::function<void(int level, const std::string&)>;
  KeptFiles(std::string state, Log log) : state_(std::move(state)), log_(std::move(log)) {}

  // A file that cannot be read is told; one that would be written over is put aside (.refused), and it begins anew.
  Inventory inventory(size_t limit);
  // What was learned here before, where it counts: while learning, or where [judge] memory names no file. Where learning is over
  // (learn_for has passed since it began, however often the sensor was started; or it was frozen), the mode becomes watch. It is
  // told why. `now`: the wall's time, 0 for a recording, whose own time decides.
  void learned(SensorSettings&, Memory&, Time now);
  // The inventory when something in it is new (or its last words are 15 minutes old), what was learned every ten minutes and at its end.
  // False when learning is to end, for what was learned was frozen by somebody: that is not written over.
  bool write(const Pipeline::Kept&, Time now, bool last);
  // Asked each minute: whether the Memory is wanted with it.
  bool wants_memory(Time now) const { return !memory_written_ || now - memory_written_ >= learned_every; }
  static constexpr Time every = minute, learned_every = 10 * minute;

 private:
  bool put(const std::string& name, const std::string& text);
  std::string refused(const std::string& name, const Problems&);
  std::string state_;
  Log log_;
  uint64_t version_ = 0;
  Time inventory_written_ = 0, memory_written_ = 0;
  bool failed_ = false, frozen_ = false;
};

}  // namespace vidra
