// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "daemon/judge/site.h"
#include "daemon/report/said.h"

namespace vidra {

// What the site calls its own: hosts, zones, bays, points, streams, data sets, works and the people of them, and the sensor itself.
Declared declared_of(const Site&, std::string_view sensor);

// The pseudonyms that have left the site and what each stands for: a file of the site, 0600, by which `vidra resolve` finds names again.
// A line each: pseudonym, when it first left, text; parted by tabs. It holds `room` of them; then it becomes FILE.before, and a new one
// begins. One thread.
class ToldNames {
 public:
  static constexpr size_t room = 65'536;
  explicit ToldNames(std::string path) : path_(std::move(path)) {}
  void open();                                          // reads what is there
  void told(const std::string& pseudonym, const std::string& plain);
  uint64_t lost() const { return lost_; }               // that could not be written

  struct Told { std::string since, plain; };
  static std::map<std::string, Told> read(const std::string& path);   // FILE.before too

 private:
  std::string path_;
  std::unordered_set<std::string> known_;
  size_t lines_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace vidra
