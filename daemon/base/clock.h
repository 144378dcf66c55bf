// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <time.h>

#include <cstdint>

namespace vidra {

// The machine's clocks, in nanoseconds: the wall (since 1970, may be stepped), the monotonic one (does not count suspension),
// the one since boot (does). What a packet's time is, its Source says; nobody asks these on the packet path.
inline int64_t clock_now(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}
inline int64_t wall_now() { return clock_now(CLOCK_REALTIME); }
inline int64_t monotonic_now() { return clock_now(CLOCK_MONOTONIC); }
inline int64_t boot_now() { return clock_now(CLOCK_BOOTTIME); }

inline void sleep_for(int64_t nanoseconds) {
  const timespec t{time_t(nanoseconds / 1'000'000'000), long(nanoseconds % 1'000'000'000)};
  nanosleep(&t, nullptr);
}

}  // namespace vidra
