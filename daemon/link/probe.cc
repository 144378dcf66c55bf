// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "dissectors/reader.h"

namespace vidra {

std::string_view name_of(Probe p) {
  static constexpr std::string_view names[] = {"refused", "unreachable", "silent", "another service", "ZeroMQ without CURVE", "collector"};
  return names[size_t(p)];
}

Probe probe(const std::string& endpoint, int64_t timeout) {
  const size_t colon = endpoint.find_last_of(':');
  if (!endpoint.starts_with("tcp://") || colon < 7) return Probe::unreachable;
  std::string host = endpoint.substr(6, colon - 6);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), endpoint.substr(colon + 1).c_str(), &hints, &found) || !found) return Probe::unreachable;
  const int wait = int(std::max<int64_t>(timeout / 1'000'000, 1));
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int e = fd < 0 ? errno : ::connect(fd, found->ai_addr, found->ai_addrlen) ? errno : 0;
  freeaddrinfo(found);
  if (fd < 0) return Probe::unreachable;
  pollfd p{fd, POLLOUT, 0};
  if (e == EINPROGRESS) {
    if (::poll(&p, 1, wait) != 1) e = ETIMEDOUT;
    else {
      socklen_t n = sizeof e;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
    }
  }
  if (e) {
    ::close(fd);
    return e == ECONNREFUSED ? Probe::refused : Probe::unreachable;
  }
  // | signature FF 0000000000000001 7F | version 3 0 | mechanism, 20 octets | as-server | filler, 31 |
  std::array<uint8_t, 64> ours{}, theirs{};
  ours[0] = 0xff, ours[8] = 1, ours[9] = 0x7f, ours[10] = 3;
  std::memcpy(ours.data() + 12, "CURVE", 5);
  (void)!::send(fd, ours.data(), ours.size(), MSG_NOSIGNAL);
  size_t got = 0;
  bool closed = false;
  while (got < theirs.size() && !closed) {
    p.events = POLLIN;
    if (::poll(&p, 1, wait) != 1) break;
    const ssize_t n = ::recv(fd, theirs.data() + got, theirs.size() - got, 0);
    if (n > 0) got += size_t(n);
    else closed = true;
  }
  ::close(fd);
  if (got == 0) return closed ? Probe::other : Probe::silent;
  if (got < theirs.size() || theirs[0] != 0xff || theirs[9] != 0x7f || theirs[10] < 3) return Probe::other;
  return std::memcmp(theirs.data() + 12, "CURVE\0", 6) == 0 ? Probe::collector : Probe::no_curve;
}

}  // namespace vidra
