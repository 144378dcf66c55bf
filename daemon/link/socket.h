// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/record/header.h"

namespace vidra {

// libzmq's objects with an owner. Sockets belong to one thread each.
class SocketContext {
 public:
  SocketContext() : context_(zmq_ctx_new()) {}
  ~SocketContext() { zmq_ctx_term(context_); }
  SocketContext(const SocketContext&) = delete;
  void* raw() const { return context_; }

 private:
  void* context_;
};

class Socket {
 public:
  Socket() = default;
  Socket(const SocketContext& c, int type) : socket_(zmq_socket(c.raw(), type)) {}
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(Socket&& other) noexcept {
    close();
    socket_ = other.socket_;
    other.socket_ = nullptr;
    return *this;
  }
  void close() {
    if (socket_) zmq_close(socket_);
    socket_ = nullptr;
  }
  void* raw() const { return socket_; }
  bool set(int option, int value) { return zmq_setsockopt(socket_, option, &value, sizeof value) == 0; }
  bool set(int option, int64_t value) { return zmq_setsockopt(socket_, option, &value, sizeof value) == 0; }
  bool set(int option, const std::string& value) { return zmq_setsockopt(socket_, option, value.data(), value.size()) == 0; }
  bool set_key(int option, const std::string& z85) { return zmq_setsockopt(socket_, option, z85.c_str(), z85.size() + 1) == 0; }

 private:
  void* socket_ = nullptr;
};

// A connection whose other end is gone without a word is closed after about four heartbeats (at least 4 s), by TCP itself: both ends say PING
// anyway. Never by libzmq's own heartbeats (ZMQ_HEARTBEAT_IVL): where a connection is reset while its input is stopped, their timer writes to it all
// the same, and libzmq 4.3.4 ends the process (stream_engine_base.cpp:331, !_io_error). Whoever can reset connections could end both programs.
inline void give_up_on_dead_connections(Socket& socket, int64_t heartbeat) {
  const int seconds = int(std::max<int64_t>(1, heartbeat / 1'000'000'000));
  socket.set(ZMQ_TCP_KEEPALIVE, 1);
  socket.set(ZMQ_TCP_KEEPALIVE_IDLE, seconds);
  socket.set(ZMQ_TCP_KEEPALIVE_INTVL, seconds);
  socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3);
  socket.set(ZMQ_TCP_MAXRT, 4 * seconds * 1000);
}

// One received frame.
class Incoming {
 public:
  Incoming() { zmq_msg_init(&message_); }
  ~Incoming() { zmq_msg_close(&message_); }
  Incoming(const Incoming&) = delete;
  bool receive(void* socket) { return zmq_msg_recv(&message_, socket, ZMQ_DONTWAIT) >= 0; }
  Bytes bytes() { return {static_cast<const uint8_t*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }
  bool more() { return zmq_msg_more(&message_) != 0; }
  // A property that the connection's authentication has set, "" when it has not.
  std::string property(const char* name) {
    const char* v = zmq_msg_gets(&message_, name);
    return v ? v : "";
  }

 private:
  zmq_msg_t message_;
};

// Takes a whole message off a socket: the first `keep` frames, and how many there were. False when there is none.
inline bool receive(void* socket, std::vector<std::vector<uint8_t>>& frames, size_t keep, size_t& count, std::string* user = nullptr) {
  frames.clear();
  count = 0;
  for (;;) {
    Incoming f;
    if (!f.receive(socket)) {
      if (errno == EINTR) continue;
      return false;
    }
    if (frames.size() < keep) frames.emplace_back(f.bytes().begin(), f.bytes().end());
    if (user) *user = f.property("User-Id");
    count++;
    if (!f.more()) return true;
  }
}

// Sends all frames or none: 0, or an errno (EAGAIN: no room or nobody there). Only the first frame can be refused; once it
// is taken libzmq takes the rest.
inline int send(void* socket, std::initializer_list<Bytes> frames) {
  size_t left = frames.size();
  for (const Bytes& f : frames) {
    const int flags = ZMQ_DONTWAIT | (--left ? ZMQ_SNDMORE : 0);
    int r;
    do r = zmq_send(socket, f.data(), f.size(), flags);
    while (r < 0 && errno == EINTR);
    if (r < 0) return errno;
  }
  return 0;
}

// Wakes a thread that polls.
class SocketBell {
 public:
  SocketBell() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~SocketBell() { ::close(fd_); }
  SocketBell(const SocketBell&) = delete;
  int fd() const { return fd_; }
  void ring() const {
    const uint64_t one = 1;
    (void)!::write(fd_, &one, sizeof one);
  }
  void silence() const {
    uint64_t n;
    (void)!::read(fd_, &n, sizeof n);
  }

 private:
  int fd_;
};

// A control message's header: no lane's number, no chain, but sealed like every other.
inline HeaderBytes control_header(MessageType type, const SensorId& sensor, std::string_view body) {
  Header h;
  h.type = type, h.sensor = sensor, h.wall_ns = wall_now(), h.mono_ns = uint64_t(monotonic_now());
  seal(h, bytes_of(body));
  return encode(h);
}

// From `earlier` to `later`, where either may be any number: what a stranger says is his time.
inline int64_t difference(int64_t later, int64_t earlier) { return int64_t(uint64_t(later) - uint64_t(earlier)); }

inline int milliseconds(int64_t ns) { return int(std::max<int64_t>(1, ns / 1'000'000)); }

}  // namespace vidra
