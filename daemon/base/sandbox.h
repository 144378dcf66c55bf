// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace vidra {

// What a daemon still needs once its sockets and files are open. Everything else is given up for good, in this thread and in all that it starts:
// call `enter` before there are others.
struct Sandbox {
  std::vector<std::string> reads, writes;   // folders, and what is below them; those that do not exist are passed over
  std::vector<uint16_t> connects, binds;    // TCP ports (kernels that know: Landlock 4, Linux 6.7)
  bool captures = false;                    // opens packet sockets again: keeps CAP_NET_RAW
  bool listens = false;                     // listen(2) is still to come
  bool dpdk = false;                        // drivers in this process: keeps CAP_NET_ADMIN and CAP_IPC_LOCK too, and /dev, /run, /sys, /tmp

  // Capabilities, Landlock, seccomp, no dumps. What was put in place, in one line; what the kernel does not have is named there and is no error.
  // Does nothing in a build with sanitizers. `refused`: a folder that is to be written to and that the disk did not give now, with the reason and
  // what to do; without it on the list nothing could ever be written there, so who is told that should end, and be started again.
  std::string enter(std::string& refused) const;
};

// Packet sockets have numbers from here on: `socket` of this program sees to it, also for the libraries it uses. Inside the sandbox nothing
// can be written to a descriptor that high.
inline constexpr int first_capture_descriptor = 768;

// Keeps it out of swap and dumps. False where the limit for locked memory is reached.
bool lock_secret(const void* secret, size_t octets);

}  // namespace vidra
