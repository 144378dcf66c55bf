// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "daemon/link/keys.h"
#include "daemon/link/socket.h"
#include "daemon/record/messages.h"

namespace vidra {

// Something else on the collector's port.
class FakeServer {
 public:
  enum class Says { http, random, null_greeting, nothing, closes };
  explicit FakeServer(Says says, int port = 0) : says_(says) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = htons(uint16_t(port)), a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&a), sizeof a);
    ::listen(listener_, 64);
    socklen_t n = sizeof a;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &n);
    port_ = ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
    for (int fd : clients_) ::close(fd);
    ::close(listener_);
  }
  std::string endpoint() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }

 private:
  void run() {
    while (!stop_) {
      pollfd p{listener_, POLLIN, 0};
      if (::poll(&p, 1, 10) != 1) continue;
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) continue;
      connections_++;
      std::string answer;
      switch (says_) {
        case Says::http: answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"; break;
        case Says::random:
          for (unsigned i = 0, x = 1; i < 200; i++) x = x * 1664525 + 1013904223, answer += char(x >> 24);
          break;
        case Says::null_greeting:   // 23/ZMTP: signature, version 3.1, mechanism NULL, as-server 0, filler
          answer = std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL", 16) + std::string(48, '\0') + std::string("\4\x1a\5READY\x0bSocket-Type\0\0\0\6ROUTER", 28);
          break;
        case Says::nothing: break;
        case Says::closes: break;
      }
      (void)!::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (says_ == Says::closes) ::close(fd);
      else clients_.push_back(fd);
    }
  }
  Says says_;
  int listener_ = -1, port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<bool> stop_{false};
  std::vector<int> clients_;
  std::thread thread_;
};

// A DEALER driven by hand: what an ill-meaning or broken sensor might send.
class RawClient {
 public:
  RawClient(const std::string& endpoint, const std::string& server_key, const Keys& k, bool curve = true, const std::string& routing_id = "", bool immediate = false)
      : keys(k), socket_(context_, ZMQ_DEALER) {
    if (immediate) socket_.set(ZMQ_IMMEDIATE, 1);   // as a sensor: nothing is sent before it is connected, nothing kept when it is not
    if (curve) {
      socket_.set_key(ZMQ_CURVE_SERVERKEY, server_key);
      socket_.set_key(ZMQ_CURVE_PUBLICKEY, keys.curve_public);
      socket_.set_key(ZMQ_CURVE_SECRETKEY, keys.curve_secret);
    }
    if (!routing_id.empty()) socket_.set(ZMQ_ROUTING_ID, routing_id);
    socket_.set(ZMQ_LINGER, 0);
    zmq_connect(socket_.raw(), endpoint.c_str());
  }
  void say(const Header& h, const std::string& body) { send(socket_.raw(), {encode(h), bytes_of(body)}); }
  void control(MessageType type, const std::string& body, const SensorId& as) { send(socket_.raw(), {control_header(type, as, body), bytes_of(body)}); }
  void hello(const SensorId& as, uint64_t epoch = 7, const std::string& instance = "raw") {
    Hello h;
    h.instance = instance, h.sign_key = hex_text(keys.sign_public);
    for (uint8_t lane = 0; lane < 3; lane++) h.streams.push_back({epoch, lane, 1, 0, 0, 0});
    control(MessageType::hello, body_of(h), as);
  }
  // The next record of lane 1, chained; `skip` numbers are left out before it.
  void record(const std::string& body, uint64_t skip = 0, MessageType type = MessageType::alert, uint64_t epoch = 7) {
    Header h;
    h.type = type, h.lane = 1, h.sensor = keys.id, h.epoch = epoch, h.seq = seq + 1 + skip, h.prev = prev;
    seal(h, bytes_of(body));
    seq = h.seq, prev = h.self;
    say(h, body);
  }
  // Waits for a message of this type; its body, or "" after the time.
  std::string await(MessageType type, int milliseconds = 3000) {
    const int64_t until = monotonic_now() + int64_t{milliseconds} * 1'000'000;
    std::vector<std::vector<uint8_t>> f;
    size_t n = 0;
    while (monotonic_now() < until) {
      zmq_pollitem_t item{socket_.raw(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, 20);
      while (receive(socket_.raw(), f, 2, n)) {
        Header h;
        if (n == 2 && check(f[0], f[1], h) == HeaderFlaw::none && h.type == type) return std::string(text_of(Bytes(f[1])));
      }
    }
    return "";
  }
  const Keys keys;
  uint64_t seq = 0;
  Hash prev{};

 private:
  SocketContext context_;
  Socket socket_;
};

}  // namespace vidra
