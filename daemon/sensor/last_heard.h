// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include "daemon/judge/event.h"

namespace vidra {

// Until when the sensor has heard, in its state folder: `hearing` lies there while it runs. What ends without a good-bye (a crash, a kill, a
// loss of power) leaves it, and the next start tells from when to when nobody listened. It is not synced: a process that dies loses nothing
// of it, and what a loss of power takes makes the time that is told longer.
class LastHeard {
 public:
  explicit LastHeard(const std::string& folder);    // reads what the last run left, and counts this one; "": nothing is kept
  ~LastHeard();
  LastHeard(const LastHeard&) = delete;

  struct Missed {
    Time from = 0, until = 0;            // wall; `from` 0: not known
    unsigned ends = 0;                   // without a good-bye, since then; 0: the last run ended as it should
  };
  // When it hears again, at `now`: what was missed before. `ends` 0: nothing.
  Missed missed(Time now) const;
  // It has heard up to `now`, the wall's time, for so long. Before `counts` what was missed may not have been told, and stays: who dies in his
  // first seconds again and again tells one time that grows. False: the disk did not take it.
  bool heard(Time now, Time for_so_long);
  void well();                           // it ends as it should
  static constexpr Time counts = 5 * second;

 private:
  bool open(int flags);
  bool put(Time from, unsigned ends);
  std::string path_;
  int fd_ = -1;
  Time from_ = 0;
  unsigned ends_ = 0;
};

}  // namespace vidra
