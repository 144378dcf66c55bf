// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/probe.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "dissectors/reader.h"

namespace vidra {
namespace {

size_t receive(int fd, std::span<uint8_t> to, int wait, bool& closed) {
  size_t got = 0;
  while (got < to.size() && !closed) {
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, wait) != 1) break;
    const ssize_t n = ::recv(fd, to.data() + got, to.size() - got, 0);
    if (n > 0) got += size_t(n);
    else closed = true;
  }
  return got;
}

// Whether the other end can open what is boxed for the key, and box an answer with it.
Probe holds(int fd, const std::string& server_key, int wait) {
  std::array<uint8_t, crypto_box_PUBLICKEYBYTES> server{}, ours{};
  std::array<uint8_t, crypto_box_SECRETKEYBYTES> secret{};
  if (server_key.size() != 40 || !zmq_z85_decode(server.data(), server_key.c_str())) return Probe::wrong_key;
  crypto_box_keypair(ours.data(), secret.data());
  // | flags 4 | length | 5 "HELLO" | version 1 0 | 72 zeros | our key, 32 | nonce, 8 | box of 64 zeros, 80 |
  std::array<uint8_t, 202> hello{};
  hello[0] = 4, hello[1] = 200, hello[2] = 5, hello[8] = 1;
  std::memcpy(hello.data() + 3, "HELLO", 5);
  std::memcpy(hello.data() + 82, ours.data(), ours.size());
  hello[121] = 1;
  std::array<uint8_t, crypto_box_NONCEBYTES> nonce{};
  std::memcpy(nonce.data(), "CurveZMQHELLO---", 16);
  std::memcpy(nonce.data() + 16, hello.data() + 114, 8);
  const std::array<uint8_t, 64> zeros{};
  bool closed = false;
  if (crypto_box_easy(hello.data() + 122, zeros.data(), zeros.size(), nonce.data(), server.data(), secret.data())) return Probe::wrong_key;   // no key at all
  (void)!::send(fd, hello.data(), hello.size(), MSG_NOSIGNAL);
  // | flags 4 | length | 7 "WELCOME" | nonce, 16 | box of their key for this connection and a cookie, 144 |
  std::array<uint8_t, 170> welcome{};
  const size_t got = receive(fd, welcome, wait, closed);
  if (got < welcome.size()) return closed ? Probe::wrong_key : Probe::silent;
  std::array<uint8_t, 128> opened{};
  std::memcpy(nonce.data(), "WELCOME-", 8);
  std::memcpy(nonce.data() + 8, welcome.data() + 10, 16);
  return crypto_box_open_easy(opened.data(), welcome.data() + 26, 144, nonce.data(), server.data(), secret.data()) ? Probe::wrong_key : Probe::collector;
}

}  // namespace

std::string_view name_of(Probe p) {
  static constexpr std::string_view names[] = {"refused", "unreachable", "silent", "another service", "ZeroMQ without CURVE", "a server with another key", "collector"};
  return names[size_t(p)];
}

Probe probe(const std::string& endpoint, const std::string& server_key, int64_t timeout) {
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
  bool closed = false;
  const size_t got = receive(fd, theirs, wait, closed);
  const bool greets = got == theirs.size() && theirs[0] == 0xff && theirs[9] == 0x7f && theirs[10] >= 3;
  Probe answer = got == 0 && !closed ? Probe::silent : Probe::other;
  if (greets && std::memcmp(theirs.data() + 12, "CURVE\0", 6) != 0) answer = Probe::no_curve;
  else if (greets) answer = holds(fd, server_key, wait);
  ::close(fd);
  return answer;
}

}  // namespace vidra
