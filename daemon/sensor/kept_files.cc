// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/kept_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "daemon/base/output.h"
#include "daemon/base/text.h"
#include "daemon/judge/inventory_file.h"
#include "daemon/judge/memory_file.h"
#include "daemon/record/seal.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

constexpr const char *inventory_file = "/inventory.toml", *learned_file = "/learned.toml";
constexpr Time last_words_every = 15 * minute;

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

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

// Learning goes on over restarts and ends once: whoever cuts the power must not get two weeks in which all he does becomes usual.
void KeptFiles::learned(SensorSettings& s, Memory& memory, Time now) {
  const bool learns = s.judge.mode == JudgeSettings::Mode::learn;
  const std::string path = state_ + learned_file;
  if (learns && !memory.frozen.empty()) {
    s.judge.mode = JudgeSettings::Mode::watch;
    return log_(5, fmt::format("it watches, though [judge] mode is \"learn\": {} was frozen by {} on {}, and on what is frozen nothing is learned", s.memory, printable(memory.frozen.by), iso_time(memory.frozen.at, 0)));
  }
  if ((!learns && !s.memory.empty()) || ::access(path.c_str(), F_OK) != 0) {
    if (learns) log_(6, fmt::format("it begins to learn{}", s.judge.learn_for ? fmt::format(", and watches after {}", human_duration(s.judge.learn_for)) : ""));
    return;
  }
  const bool frozen = is_sealed(text_of_file(path));
  Problems problems;
  Memory before = load_known(path, problems, learns && !frozen ? std::span<const std::string>{} : s.frozen_by);
  const auto watch_knowing_nothing = [&] {
    s.judge.mode = JudgeSettings::Mode::watch;
    memory = Memory{};
    log_(4, fmt::format("{} is refused; nothing that was learned counts{}", path, learns ? ", and it watches. To learn anew, move the file away and start the sensor again" : ""));
  };
  if (!problems.empty()) {
    if (learns && !frozen) return log_(4, refused(learned_file, problems));
    for (const std::string& p : problems) log_(4, p);      // it stays where it is: nothing writes over it
    return watch_knowing_nothing();
  }
  if (learns) {
    Learning& l = before.learning;
    if (!l.begun) {                                        // an older version's: the first day that it knows
      for (const HostMemory& h : before.hosts())
        if (h.first) l.begun = l.begun ? std::min(l.begun, h.first) : h.first;
      for (const ConversationMemory& c : before.conversations())
        if (c.first) l.begun = l.begun ? std::min(l.begun, c.first) : c.first;
    }
    const bool due = !l.ended && !frozen && l.begun && s.judge.learn_for && now && now - l.begun >= s.judge.learn_for;
    if (due) l.ended = l.begun + s.judge.learn_for;
    if (frozen || l.ended) {
      if (!frozen && !s.frozen_by.empty()) {
        log_(4, fmt::format("{}: learning ended on {}, and [judge] frozen_by accepts only what was frozen: vidra memory freeze {} --by \"N. N.\"", path, iso_time(l.ended, 0), path));
        return watch_knowing_nothing();
      }
      if (due) {
        std::ostringstream text;
        write_memory(before, text);
        put(learned_file, text.str());
      }
      s.judge.mode = JudgeSettings::Mode::watch;
      log_(5, fmt::format("it watches, though [judge] mode is \"learn\": {}. To learn one part anew: vidra memory relearn; all of it: move {} away and start the sensor again",
                          frozen ? fmt::format("what it learned was frozen by {} on {}", printable(before.frozen.by), iso_time(before.frozen.at, 0)) : fmt::format("learning ended on {}", iso_time(l.ended, 0)), path));
    } else {
      log_(6, fmt::format("it goes on learning{}{}", l.begun ? ", as since " + iso_time(l.begun, 0) : "", l.begun && s.judge.learn_for ? ", until " + iso_time(l.begun + s.judge.learn_for, 0) : ""));
    }
  }
  memory = std::move(before);
  log_(6, fmt::format("{}: {} hosts and {} conversations were learned before", path, memory.hosts().size(), memory.conversations().size()));
}

bool KeptFiles::put(const std::string& name, const std::string& text) {
  const std::string why = write_whole(state_ + name, text);
  if (!why.empty() && !failed_) log_(4, why + "; what is kept over a restart is older than it should be");
  failed_ = !why.empty();
  return why.empty();
}

bool KeptFiles::write(const Pipeline::Kept& kept, Time now, bool last) {
  if (kept.inventory.version() != version_ || last || now - inventory_written_ >= last_words_every) {
    std::ostringstream text;
    write_inventory(kept.inventory, text);
    if (put(inventory_file, text.str())) version_ = kept.inventory.version(), inventory_written_ = now;
  }
  const bool ended = !kept.learning && !kept.memory.empty();   // what was learned comes once more when learning is over
  if (frozen_ || kept.memory.empty() || !(kept.learning || ended)) return true;
  if (is_sealed(text_of_file(state_ + learned_file))) {    // somebody froze it meanwhile
    frozen_ = true;
    log_(5, fmt::format("{} was frozen: it is not written over, and learning is over", state_ + learned_file));
    return false;
  }
  std::ostringstream text;
  write_memory(kept.memory, text);
  if (!put(learned_file, text.str())) return true;
  memory_written_ = now;
  if (ended) log_(5, fmt::format("learning is over: {} hosts and {} conversations in {}; `vidra memory review` shows them, `vidra memory freeze` makes them count", kept.memory.hosts().size(), kept.memory.conversations().size(), state_ + learned_file));
  return true;
}

}  // namespace vidra
