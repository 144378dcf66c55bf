// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process (LD_PRELOAD), it makes its wall clock one that somebody sets: the file named in VIDRA_CLOCK holds, as eight octets
// of the machine's order, how many nanoseconds it is ahead of the machine's. Whoever writes there steps it. The other clocks go on.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr int64_t second = 1'000'000'000;
const std::atomic<int64_t>* ahead = nullptr;

// Before the program has a sandbox.
__attribute__((constructor)) void begin() {
  const char* path = getenv("VIDRA_CLOCK");
  const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* const at = mmap(nullptr, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (at != MAP_FAILED) ahead = static_cast<const std::atomic<int64_t>*>(at);
}

int machine(clockid_t id, timespec* t) {
  using Ask = int (*)(clockid_t, timespec*);
  static const Ask ask = reinterpret_cast<Ask>(dlsym(RTLD_NEXT, "clock_gettime"));
  return ask(id, t);
}

int64_t wall() {
  timespec t{};
  machine(CLOCK_REALTIME, &t);
  const int64_t now = int64_t{t.tv_sec} * second + t.tv_nsec + (ahead ? ahead->load(std::memory_order_relaxed) : 0);
  return now < 0 ? 0 : now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t id, timespec* t) noexcept {
  if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) return machine(id, t);
  const int64_t now = wall();
  t->tv_sec = time_t(now / second), t->tv_nsec = long(now % second);
  return 0;
}

int gettimeofday(timeval* t, void*) noexcept {
  const int64_t now = wall();
  t->tv_sec = time_t(now / second), t->tv_usec = suseconds_t(now % second / 1000);
  return 0;
}

time_t time(time_t* t) noexcept {
  const auto now = time_t(wall() / second);
  if (t) *t = now;
  return now;
}

}  // extern "C"
