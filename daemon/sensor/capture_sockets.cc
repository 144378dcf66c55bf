// SPDX-License-Identifier: Apache-2.0
// This program's own socket(2), which the libraries it is linked with use too: a packet socket gets a number from first_capture_descriptor on, so
// that the sandbox knows it by that, also when libpcap or a driver opens an interface again. Everything else is as the kernel makes it.
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/sandbox.h"

extern "C" __attribute__((visibility("default"))) int socket(int domain, int type, int protocol) noexcept {
  const long fd = ::syscall(SYS_socket, domain, type, protocol);
  if (fd < 0 || domain != AF_PACKET || fd >= vidra::first_capture_descriptor) return int(fd);
  const int high = ::fcntl(int(fd), type & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, vidra::first_capture_descriptor);
  const int why = errno;
  ::close(int(fd));
  if (high < 0) errno = why == EINVAL ? EMFILE : why;   // the limit of descriptors is lower (`ulimit -n`): one that could be written to is not given out
  return high;
}
