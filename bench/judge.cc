// SPDX-License-Identifier: Apache-2.0
// What it costs to judge an event that is known and unchanged, with a Memory that was learned from the same traffic.
//
//   judge_bench CAPTURE [SITE.toml]      median of seven runs; nanoseconds of CPU an event, and allocations
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <vector>

#include "daemon/capture/file.h"
#include "daemon/judge/judge.h"
#include "daemon/judge/site_file.h"
#include "daemon/traffic/traffic.h"

namespace {
uint64_t allocations = 0;
}
void* operator new(size_t n) {
  allocations++;
  if (void* p = std::malloc(n ? n : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace vidra {
namespace {

// Events with all that they borrow.
struct Tape final : EventSink {
  struct Kept { Scene scene; Message said; size_t first, points; };
  void see(const Event& e) override {
    if (!e.said) return;
    events.push_back({e.scene, *e.said, points.size(), e.points.size()});
    points.insert(points.end(), e.points.begin(), e.points.end());
  }
  void play(Judge& judge) const {
    for (const Kept& k : events) judge.see(Event{k.scene, &k.said, nullptr, std::span(points).subspan(k.first, k.points), Texts{}});
  }
  std::vector<Kept> events;
  std::vector<Point> points;
};

struct Counted final : FindingSink {
  void found(Finding&& f) override { if (n++ < 3) std::fprintf(stderr, "%s: %s\n", std::string(f.detection->id).c_str(), f.what.c_str()); }
  uint64_t n = 0;
};

double cpu() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

int run(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "judge_bench CAPTURE [SITE.toml]\n"), 2;
  Problems problems;
  auto site = std::make_shared<const Site>(argc > 2 ? load_site(argv[2], problems) : Site{});
  for (const std::string& p : problems) std::fprintf(stderr, "%s\n", p.c_str());
  Tape tape;
  {
    const auto source = open_file(argv[1]);
    TrafficSettings settings;
    settings.seed = 1;
    Traffic traffic(settings, tape);
    std::array<Packet, 64> burst;
    for (;;) {
      const auto polled = source->poll(burst);
      traffic.take(std::span<const Packet>(burst).first(polled.packets));
      source->release();
      if (polled.ended) break;
    }
    traffic.finish();
  }
  Counted found;
  std::vector<double> watched, learned;
  uint64_t warm = 0;
  for (int i = 0; i < 7; i++) {
    JudgeSettings settings;
    settings.mode = JudgeSettings::Mode::learn;
    Judge judge(site, {}, settings, found);
    double t = cpu();
    tape.play(judge);
    learned.push_back((cpu() - t) / double(tape.events.size()) * 1e9);
    judge.watch();
    tape.play(judge);           // warm
    const uint64_t before = allocations;
    t = cpu();
    tape.play(judge);
    watched.push_back((cpu() - t) / double(tape.events.size()) * 1e9);
    warm = allocations - before;
  }
  std::sort(watched.begin(), watched.end());
  std::sort(learned.begin(), learned.end());
  std::printf("%zu events, %zu points: %.1f ns an event watching, %.1f ns learning; %llu allocations while watching; %llu findings\n", tape.events.size(), tape.points.size(), watched[3], learned[3],
              (unsigned long long)warm, (unsigned long long)found.n);
  return 0;
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) { return vidra::run(argc, argv); }
