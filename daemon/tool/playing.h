// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "daemon/capture/source.h"
#include "daemon/traffic/traffic.h"

namespace vidra {

// What came of playing a file: what was wrong with it ("" nothing) and how many frames it held.
struct Played {
  uint64_t packets = 0;
  Time first = 0, last = 0;   // stamps
  std::string flaw;
};

// Plays a capture through Traffic on this thread, deterministic, with a progress bar on stderr where that is a terminal.
// `before` is called for each packet before it is taken, `after` for each burst with the source's time.
// `finish`: nothing will follow this file. Throws std::runtime_error when the file is no capture.
Played play(const std::string& path, Traffic&, const std::function<void(const Packet&)>& before, const std::function<void(Time)>& after,
            bool finish = true);

// What came of several files.
struct PlayedFiles {
  uint64_t packets = 0;
  Time first = 0, last = 0;   // stamps
  int status = 0;             // as the command ends

  void flawed(const std::string& flaw);   // tells it on stderr, "" nothing
};

// Plays one after the other; what cannot be read is told on stderr, and the others are played all the same.
PlayedFiles play_files(const std::vector<std::string>& paths, Traffic&, const std::function<void(Time)>& after);

}  // namespace vidra
