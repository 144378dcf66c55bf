// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/kept_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "daemon/base/output.h"
#include "daemon/judge/inventory_file.h"
#include "daemon/judge/memory_file.h"

namespace vidra {
namespace {

constexpr const char *inventory_file = "/inventory.toml", *learned_file = "/learned.toml";
constexpr Time last_words_every = 15 * minute;

}  // namespace

std::string KeptFiles::refused(const std::string& name, const Problems& problems) {
  for (const std::string& p : problems) log_(4, p);
  const std::string path = state_ + name, aside = path + ".refused";
  return std::rename(path.c_str(), aside.c_str()) == 0 ? fmt::format("{} is refused and lies in {} now; it begins anew", path, aside) : fmt::format("{} is refused; it begins anew", path);
}

Inventory KeptFiles::inventory(size_t limit) {
  if (::access((state_ + inventory_file).c_str(), F_OK) != 0) return Inventory(limit);
  Problems problems;
  Inventory kept = load_inventory(state_ + inventory_file, limit, problems);
  if (problems.empty()) {
    version_ = kept.version();
    return kept;
  }
  log_(4, refused(inventory_file, problems));
  return Inventory(limit);
}

void KeptFiles::learned(const SensorSettings& s, Memory& memory) {
  const bool learning = s.judge.mode == JudgeSettings::Mode::learn;
  if ((!learning && !s.memory.empty()) || ::access((state_ + learned_file).c_str(), F_OK) != 0) return;
  Problems problems;
  Memory before = load_known(state_ + learned_file, problems, learning ? std::span<const std::string>{} : s.frozen_by);
  if (!problems.empty()) {
    if (learning) return log_(4, refused(learned_file, problems));
    for (const std::string& p : problems) log_(4, p);      // it stays where it is: nothing writes over it
    return log_(4, fmt::format("{} is refused; nothing that was learned counts", state_ + learned_file));
  }
  memory = std::move(before);
  log_(6, fmt::format("{}: {} hosts and {} conversations were learned before", state_ + learned_file, memory.hosts().size(), memory.conversations().size()));
}

bool KeptFiles::put(const std::string& name, const std::string& text) {
  const std::string why = write_whole(state_ + name, text);
  if (!why.empty() && !failed_) log_(4, why + "; what is kept over a restart is older than it should be");
  failed_ = !why.empty();
  return why.empty();
}

void KeptFiles::write(const Pipeline::Kept& kept, Time now, bool last) {
  if (kept.inventory.version() != version_ || last || now - inventory_written_ >= last_words_every) {
    std::ostringstream text;
    write_inventory(kept.inventory, text);
    if (put(inventory_file, text.str())) version_ = kept.inventory.version(), inventory_written_ = now;
  }
  const bool ended = learning_ && !kept.learning;
  if (kept.memory.empty() || !(kept.learning || ended)) return;
  std::ostringstream text;
  write_memory(kept.memory, text);
  if (!put(learned_file, text.str())) return;
  memory_written_ = now;
  learning_ = kept.learning;
  if (ended) log_(5, fmt::format("learning is over: {} hosts and {} conversations in {}; `vidra memory review` shows them, `vidra memory freeze` makes them count", kept.memory.hosts().size(), kept.memory.conversations().size(), state_ + learned_file));
}

}  // namespace vidra
