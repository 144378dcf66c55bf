// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "daemon/judge/settings.h"
#include "daemon/judge/site.h"
#include "daemon/report/said.h"

namespace vidra {

// What the site calls its own: hosts, zones, bays, points, streams, data sets, sequences, quantities, works and the people of them, the
// files in which it says so, its own rules, and the sensor itself.
Declared declared_of(const Site&, const JudgeSettings&, std::string_view sensor);

// The pseudonyms that have left the site and what each stands for: a file of the site, 0600, by which `vidra resolve` finds names again.
// A line each: pseudonym, when it first left, text; parted by tabs. It holds `room` of them; then it becomes FILE.before, and a new one
// begins. Written by a thread of its own: whoever tells is never held up by a disk, and what a full disk does not take waits.
class ToldNames {
 public:
  static constexpr size_t room = 65'536, most_waiting = 65'536;
  static constexpr Time again = second;                 // to wait after the disk took nothing
  explicit ToldNames(std::string path) : path_(std::move(path)) {}
  ~ToldNames();                                         // writes what waits, once
  ToldNames(const ToldNames&) = delete;
  void open();                                          // reads what is there; until `start` only the thread that made it
  void start();                                         // the thread that writes
  void told(const std::string& pseudonym, const std::string& plain);   // from one thread
  uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }   // for which there was no room; they are noted when they leave again
  std::string trouble() const;                          // why the file takes nothing now; "" it does

  struct Told { std::string since, plain; };
  // FILE, FILE.before, and whatever lies beside it as FILE.SOMETHING.
  static std::map<std::string, Told> read(const std::string& path);

 private:
  void write();
  bool write_out(const std::string& lines);
  bool begin_file();
  const std::string path_;
  // Who tells:
  std::unordered_set<std::string> known_;
  size_t lines_ = 0;                                    // of the file as it will be
  std::atomic<uint64_t> lost_{0};
  // Both:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> waiting_;                     // lines; "" : a new file begins
  std::string trouble_;
  bool over_ = false;
  // Who writes:
  int file_ = -1;
  bool torn_ = false;                                   // the file ends within a line
  std::thread writer_;
};

}  // namespace vidra
