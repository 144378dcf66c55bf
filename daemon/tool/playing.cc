// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/playing.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>

#include "daemon/base/text.h"
#include "daemon/capture/file.h"
#include "daemon/tool/commands.h"

namespace vidra {
namespace {

// One line that is drawn over itself, at most five times a second, and wiped at the end.
class Bar {
 public:
  explicit Bar(std::string what) : what_(std::move(what)), on_(isatty(STDERR_FILENO)) {}
  ~Bar() { if (drawn_) std::fputs("\r\033[K", stderr); }
  void draw(double part, uint64_t packets) {
    if (!on_ || ++calls_ % 256) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    drawn_ = true;
    constexpr int width = 30;
    const int full = part < 0 ? 0 : int(part * width);
    std::string bar;
    for (int i = 0; i < width; i++) bar += i < full ? "█" : "░";
    if (part < 0) std::fprintf(stderr, "\r\033[K%s  %s packets", what_.c_str(), human_count(packets).c_str());
    else std::fprintf(stderr, "\r\033[K%s  %s %3.0f %%  %s packets", what_.c_str(), bar.c_str(), 100 * part, human_count(packets).c_str());
    std::fflush(stderr);
  }

 private:
  std::string what_;
  bool on_, drawn_ = false;
  unsigned calls_ = 0;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace

Played play(const std::string& path, Traffic& traffic, const std::function<void(const Packet&)>& before, const std::function<void(Time)>& after,
            bool finish) {
  const auto source = open_file(path);
  Played out;
  Bar bar(path);
  std::array<Packet, 64> burst;
  for (;;) {
    const auto polled = source->poll(burst);
    const std::span<const Packet> packets = std::span(burst).first(polled.packets);
    if (before) {
      for (const Packet& p : packets) {
        before(p);
        traffic.take(std::span(&p, 1));
      }
    } else {
      traffic.take(packets);
    }
    if (!packets.empty()) {
      if (!out.packets) out.first = packets.front().stamp;
      out.last = packets.back().stamp;
      out.packets += packets.size();
    }
    source->release();
    traffic.tick(polled.now);
    if (after) after(polled.now);
    bar.draw(source->progress(), out.packets);
    if (polled.ended) break;
  }
  if (finish) traffic.finish();
  if (after) after(out.last);
  out.flaw = source->flaw();
  return out;
}

void PlayedFiles::flawed(const std::string& flaw) {
  if (flaw.empty()) return;
  fmt::print(stderr, "vidra: {}\n", flaw);
  if (status == exit_done) status = exit_damaged;
}

PlayedFiles play_files(const std::vector<std::string>& paths, Traffic& traffic, const std::function<void(Time)>& after) {
  PlayedFiles out;
  for (const std::string& path : paths) {
    try {
      const Played played = play(path, traffic, nullptr, after, false);
      out.packets += played.packets;
      if (!out.first) out.first = played.first;
      out.last = played.last;
      out.flawed(played.flaw);
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      out.status = exit_failed;
    }
  }
  traffic.finish();
  return out;
}

}  // namespace vidra
