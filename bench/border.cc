// SPDX-License-Identifier: Apache-2.0
// What a border between hearing and telling would cost: the events of a recording through the sensor's own ring (EventRing, EventMerge), from
// one thread to another and from one process to another, with the ring in memory that both have.
//
//   border_bench CAPTURE [ROUNDS]        ways in turn, A B A B …; medians
//
// Ways: `threads` as the sensor does it; `processes` with the ring in MAP_SHARED memory, the judge's end in a child. An event lies flat in
// the ring and holds no pointer; the sensor's bell does not reach into another process (private futex), so that one is the bench's.
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include "bench/tape.h"
#include "daemon/base/clock.h"
#include "daemon/judge/judge.h"
#include "daemon/sensor/event_ring.h"

namespace {

// Arrays that are made while this is set lie in memory that both processes have: so the ring is the sensor's own, as it is.
struct Arena { std::byte *at = nullptr, *end = nullptr; } sharing;

}  // namespace

void* operator new[](size_t n) {
  if (sharing.at) {
    std::byte* p = sharing.at;
    sharing.at += (n + 4095) & ~size_t{4095};
    if (sharing.at > sharing.end) throw std::bad_alloc();
    return p;
  }
  if (void* p = std::malloc(n ? n : 1)) return p;
  throw std::bad_alloc();
}
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }

namespace vidra {
namespace {

constexpr size_t ring_octets = 32 << 20;               // [judge] ring
constexpr size_t burst = 64;

enum class Way { threads, processes };
constexpr const char* names[] = {"threads", "processes"};
enum class Work { touch, judge };

struct SharedBell {
  std::atomic<uint32_t> rung{0}, asleep{0};
  void ring() {
    rung.fetch_add(1, std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_seq_cst)) syscall(SYS_futex, &rung, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  void sleep(uint32_t before) {
    asleep.store(1, std::memory_order_seq_cst);
    syscall(SYS_futex, &rung, FUTEX_WAIT, before, nullptr, nullptr, 0);
    asleep.store(0, std::memory_order_relaxed);
  }
};

struct End { double first = 0, cpu = 0; long faults = 0, sleeps = 0; };   // seconds of CPU of the ring's first lap, of all after it; faults of the first

// What both have.
struct Border {
  explicit Border() : ring(ring_octets, bell, true) {}
  Bell bell;
  SharedBell shared;
  EventRing ring;
  End producer, consumer;
  std::atomic<bool> ready{false};
  uint64_t sum = 0, events = 0;
  uint64_t heard = 0, pss = 0;                          // PSS of the end that hears, and of the other
  size_t waits = 0;
  int64_t waited[4096];
};

double cpu() { return double(clock_now(CLOCK_THREAD_CPUTIME_ID)) * 1e-9; }
long faults() {
  rusage u{};
  getrusage(RUSAGE_THREAD, &u);
  return u.ru_minflt;
}
uint64_t pss() {
  std::ifstream all("/proc/self/smaps_rollup");
  for (std::string word; all >> word;)
    if (word == "Pss:") return all >> word, std::stoull(word) << 10;
  return 0;
}

// Events with all that they borrow.
struct Nobody final : FindingSink {
  void found(Finding&&) override {}
};

struct Sink final : EventSink {
  Sink(Border& b, Judge* j, bool stamps) : border(b), judge(j), stamped(stamps) {}
  void see(const Event& e) override {
    if (judge) judge->see(e);
    else {
      border.sum += uint64_t(e.scene.time) + e.scene.server.port + e.said->function;
      for (const Point& p : e.points) border.sum += p.object.key() + p.raw;
    }
    if (stamped && border.waits < std::size(border.waited)) border.waited[border.waits++] = monotonic_now() - e.scene.time;
    n++;
  }
  Border& border;
  Judge* judge;
  bool stamped;
  uint64_t n = 0;
};

struct Load { size_t lap, events; double rate; bool stamps; };   // of the first lap, of all; a second, 0: as many as there is room for; what is said bears the time

void produce(Border& b, Way way, const Tape& tape, const Load& load) {
  while (!b.ready) sleep_for(100 * microsecond);
  const auto ring = [&] { if (way != Way::threads) b.shared.ring(); };
  const Time start = monotonic_now();
  double before = cpu();
  const long first = faults();
  for (size_t i = 0; i < load.events; i++) {
    if (i == load.lap) {
      b.producer.first = cpu() - before, b.producer.faults = faults() - first;
      before = cpu();
    }
    if (load.rate > 0 && (load.stamps || i % burst == 0))
      for (Time due = start + Time(double(i) / load.rate * 1e9), now; (now = monotonic_now()) < due;) sleep_for(due - now);
    const Event e = tape.at(i % tape.events.size());
    if (load.stamps) {
      Scene now = e.scene;
      now.time = monotonic_now();
      b.ring.see({now, e.said, nullptr, e.points, e.texts});
    } else b.ring.see(e);
    if (load.stamps || i % burst == burst - 1) b.ring.publish(1), ring();
  }
  b.producer.cpu = cpu() - before;
  b.heard = pss();                                      // while both are there
  b.ring.close();
  ring();
}

void consume(Border& b, Way way, const Tape& tape, const Load& load, Work work) {
  Nobody nobody;
  std::optional<Judge> judge;
  if (work == Work::judge) {
    JudgeSettings settings;
    settings.mode = JudgeSettings::Mode::learn;
    judge.emplace(std::make_shared<const Site>(), Memory{}, settings, nobody);
    for (int lap = 0; lap < 2; lap++) {
      for (size_t i = 0; i < tape.events.size(); i++) judge->see(tape.at(i));
      judge->watch();
    }
  }
  Sink sink(b, judge ? &*judge : nullptr, load.stamps);
  std::vector<std::unique_ptr<EventRing>> rings;
  rings.emplace_back(&b.ring);
  {
    EventMerge merge(rings, 250 * millisecond);
    b.ready = true;
    double before = cpu();
    const long first = faults();
    bool lapped = false;
    for (;;) {
      const uint32_t rung = way == Way::threads ? b.bell.heard() : b.shared.rung.load(std::memory_order_acquire);
      const bool last = b.ring.watermark() == EventRing::closed;
      Time until = 0;
      const size_t n = merge.drain(sink, until);
      if (!lapped && sink.n >= load.lap) {
        lapped = true;
        b.consumer.first = cpu() - before, b.consumer.faults = faults() - first;
        before = cpu();
      }
      if (n) continue;
      if (last) break;
      b.consumer.sleeps++;
      if (way == Way::threads) b.bell.sleep(rung);
      else b.shared.sleep(rung);
    }
    b.consumer.cpu = cpu() - before;
  }
  rings[0].release();
  b.events = sink.n;
  b.pss = pss();
}

struct Result { double producer, consumer, first, wall; long faults; long sleeps; double median_wait, long_wait, pss; };

Result run(Way way, Work work, const Tape& tape, Load load) {
  const size_t octets = ring_octets + (1 << 20);
  void* memory = mmap(nullptr, octets, PROT_READ | PROT_WRITE, (way == Way::processes ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::perror("mmap"), std::exit(1);
  Border* b;
  if (way == Way::processes) {
    auto* at = static_cast<std::byte*>(memory);
    sharing = {at + (256 << 10), at + octets};
    b = new (memory) Border;
    sharing = {};
  } else b = new (memory) Border;                       // the ring's own memory from the heap, as in the sensor
  const Time start = monotonic_now();
  double producers = 0;
  if (way == Way::processes) {
    const pid_t child = fork();
    if (child == 0) {
      consume(*b, way, tape, load, work);
      _exit(0);
    }
    produce(*b, way, tape, load);
    producers = double(b->heard);
    int status = 0;
    waitpid(child, &status, 0);
    if (status) std::fprintf(stderr, "the child ended with %d\n", status), std::exit(1);
  } else {
    std::thread consumer([&] { consume(*b, way, tape, load, work); });
    produce(*b, way, tape, load);
    consumer.join();
  }
  const double wall = double(monotonic_now() - start) * 1e-9;
  if (b->events != load.events) std::fprintf(stderr, "%llu events of %zu came\n", (unsigned long long)b->events, load.events), std::exit(1);
  Result r{};
  const double rest = double(load.events - load.lap);
  r.producer = b->producer.cpu / rest * 1e9, r.consumer = b->consumer.cpu / rest * 1e9;
  r.first = (b->producer.first + b->consumer.first) / double(load.lap) * 1e9;
  r.faults = b->producer.faults + b->consumer.faults, r.sleeps = b->consumer.sleeps, r.wall = wall;
  if (b->waits) {
    std::sort(b->waited, b->waited + b->waits);
    r.median_wait = double(b->waited[b->waits / 2]) / 1e3, r.long_wait = double(b->waited[b->waits * 99 / 100]) / 1e3;
  }
  r.pss = (double(b->pss) + producers) / 1e6;
  if (way != Way::processes) b->~Border();
  munmap(memory, octets);
  return r;
}

template <class Of>
double middle(const std::vector<Result>& all, Of of) {
  std::vector<double> v;
  for (const Result& r : all) v.push_back(double(of(r)));
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(const char* title, Work work, const Tape& tape, const Load& load, int rounds) {
  std::vector<Result> all[2];
  for (int i = 0; i < rounds; i++)
    for (const Way way : {Way::threads, Way::processes}) all[size_t(way)].push_back(run(way, work, tape, load));
  fmt::print("\n{}\n{:<18}{:>12}{:>12}{:>12}{:>14}{:>12}{:>12}{:>14}{:>14}{:>12}\n", title, "", "hearing ns", "judge ns", "both ns", "first lap ns", "its faults", "sleeps", "wait us, mid", "wait us, 99%", "PSS MB");
  for (const Way way : {Way::threads, Way::processes}) {
    const std::vector<Result>& r = all[size_t(way)];
    fmt::print("{:<18}{:>12.1f}{:>12.1f}{:>12.1f}{:>14.1f}{:>12.0f}{:>12.0f}{:>14.1f}{:>14.1f}{:>12.1f}\n", names[size_t(way)], middle(r, [](auto& x) { return x.producer; }), middle(r, [](auto& x) { return x.consumer; }),
               middle(r, [](auto& x) { return x.producer + x.consumer; }), middle(r, [](auto& x) { return x.first; }), middle(r, [](auto& x) { return x.faults; }), middle(r, [](auto& x) { return x.sleeps; }),
               middle(r, [](auto& x) { return x.median_wait; }), middle(r, [](auto& x) { return x.long_wait; }), middle(r, [](auto& x) { return x.pss; }));
  }
  std::fflush(stdout);
}

int main_of(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "border_bench CAPTURE [ROUNDS]\n"), 2;
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 9;
  Tape tape;
  tape.record(argv[1]);
  const size_t lap = ring_octets / (sizeof(Scene) + sizeof(Message) + 16 + sizeof(Point) * tape.points.size() / tape.events.size());
  fmt::print("{} events, {} points; a lap of the ring is some {} events; {} rounds\n", tape.events.size(), tape.points.size(), lap, rounds);
  compare("as fast as they go, the judge's end only reads them", Work::touch, tape, {lap, 20 * lap, 0, false}, rounds);
  compare("as fast as they go, judged", Work::judge, tape, {lap, 6 * lap, 0, false}, rounds);
  compare("20,000 a second in bursts of 64, only read", Work::touch, tape, {1'000, 41'000, 20'000, false}, rounds);
  compare("one each millisecond, only read", Work::touch, tape, {1, 2'001, 1'000, true}, rounds);
  return 0;
}

}  // namespace
}  // namespace vidra

int main(int argc, char** argv) { return vidra::main_of(argc, argv); }
