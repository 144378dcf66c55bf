// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/sender.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <random>

#include "daemon/link/probe.h"
#include "daemon/link/sending_end.h"
#include "daemon/link/socket.h"

namespace vidra {

std::string_view name_of(LinkState s) {
  static constexpr std::string_view names[] = {"stopped", "connecting", "away", "silent", "wrong service", "wrong key", "waiting for approval", "greeting", "connected",
                                               "paused", "refused"};
  return names[size_t(s)];
}

// The end with its socket and its thread.
struct Sender::Link final : SendingEnd {
  Link(Outbox& o, SenderSettings s, const Keys& k) : SendingEnd(o, std::move(s), k), random(std::random_device{}()) {
    jitter = std::uniform_real_distribution<double>(0.7, 1.3)(random);
  }
  int send(Bytes header, Bytes body) override { return vidra::send(dealer, {header, body}); }

  SocketBell bell;
  std::thread thread;
  std::atomic<bool> stopping{false};
  std::mt19937 random;
  double jitter;
  void* dealer = nullptr;          // the socket in use
  int probes = 0;

  // What nobody says openly must be found out: the port is asked what it is.
  void diagnose(bool refused_connection) {
    if (welcome || stopping) return;
    const Probe p = refused_connection ? Probe::refused : probe(endpoint, settings.server_key, std::min<int64_t>(settings.handshake, 1'000'000'000));
    switch (p) {
      case Probe::refused:
      case Probe::unreachable:
        if (farewell) return;   // it said why
        return set(LinkState::away, fmt::format("collector away: nobody answers at {}; tried again by itself, nothing is lost meanwhile", endpoint));
      case Probe::silent:
        return set(LinkState::silent, fmt::format("{} accepts connections but says nothing: no collector runs there, or it is overloaded", endpoint));
      case Probe::other:
        return set(LinkState::wrong_service, fmt::format("wrong server on the port: what answers at {} is no collector (it does not speak ZMTP 3)", endpoint));
      case Probe::no_curve:
        return set(LinkState::wrong_service, fmt::format("wrong server on the port: {} speaks ZeroMQ without CURVE, a collector does not", endpoint));
      case Probe::wrong_key:
        return set(LinkState::wrong_key, fmt::format("the server at {} does not hold the key that the settings name (server_key {}...): wrong key here, or another server there",
                                                     endpoint, settings.server_key.substr(0, 8)));
      case Probe::collector: break;
    }
    // It is the collector. If what failed was before it took the port, the next attempt will tell.
    if (failed_before_collector) return set(LinkState::connecting, fmt::format("connecting to {}", endpoint));
    if (auth_code == 400)
      return set(LinkState::refused, fmt::format("the collector refuses this sensor's key (revoked), fingerprint {}; ask its operator", keys.fingerprint()));
    set(LinkState::waiting_approval, fmt::format("key unknown: waiting for approval at the collector, fingerprint {}; there: vidra keys approve {}", keys.fingerprint(),
                                                 keys.fingerprint().substr(0, 9)));
  }
  int auth_code = 0;
  bool failed_before_collector = false;   // the handshake broke in a way in which a collector does not break it

  void event(uint16_t kind, uint32_t value) {
    switch (kind) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        shaken_hands();
        break;
      case ZMQ_EVENT_DISCONNECTED:
        if (shaken && !stopping && !farewell) set(LinkState::connecting, fmt::format("the connection to {} was lost; coming back", endpoint));
        else diagnose_due = true;
        lost();
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        count([](LinkStatus& s) { s.handshake_failures++; });
        diagnose_due = failed_before_collector = true;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        count([](LinkStatus& s) { s.handshake_failures++; });
        auth_code = int(value);
        diagnose_due = true;
        break;
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        count([](LinkStatus& s) { s.handshake_failures++; });
        diagnose_due = true;   // a key that waits (ZAP 300): the collector lets the handshake time out
        break;
      case ZMQ_EVENT_CLOSED:
      case ZMQ_EVENT_CONNECT_RETRIED:
        if (!shaken && kind == ZMQ_EVENT_CLOSED) diagnose(true);
        break;
      default: break;
    }
  }
  bool diagnose_due = false;

  // Lives as long as one socket does; whether anything valid was heard on it.
  bool live() {
    SocketContext context;
    Socket own(context, ZMQ_DEALER), monitor(context, ZMQ_PAIR);
    dealer = own.raw();
    own.set_key(ZMQ_CURVE_SERVERKEY, settings.server_key);
    own.set_key(ZMQ_CURVE_PUBLICKEY, keys.curve_public);
    own.set_key(ZMQ_CURVE_SECRETKEY, keys.curve_secret);
    own.set(ZMQ_IPV6, 1);
    own.set(ZMQ_LINGER, 0);
    own.set(ZMQ_IMMEDIATE, 1);
    own.set(ZMQ_SNDHWM, 1024);
    own.set(ZMQ_RCVHWM, 1000);
    own.set(ZMQ_MAXMSGSIZE, int64_t{1} << 20);
    own.set(ZMQ_HANDSHAKE_IVL, milliseconds(settings.handshake));
    own.set(ZMQ_CONNECT_TIMEOUT, milliseconds(settings.handshake));
    own.set(ZMQ_RECONNECT_IVL, milliseconds(int64_t(double(settings.backoff) * jitter)));
    own.set(ZMQ_RECONNECT_IVL_MAX, milliseconds(settings.backoff_longest));
    give_up_on_dead_connections(own, settings.heartbeat);
    zmq_socket_monitor(dealer, "inproc://events", ZMQ_EVENT_ALL);
    monitor.set(ZMQ_LINGER, 0);
    zmq_connect(monitor.raw(), "inproc://events");
    count([](LinkStatus& s) { s.sockets++; });
    diagnose_due = failed_before_collector = false;
    auth_code = 0;
    probes = 0;
    began();
    if (zmq_connect(dealer, endpoint.c_str())) {
      set(LinkState::away, fmt::format("{} cannot be connected to: {}", endpoint, zmq_strerror(errno)));
      return false;
    }
    std::vector<std::vector<uint8_t>> frames;
    size_t n = 0;
    bool more = false;
    while (!stopping) {
      if (diagnose_due && probes < 2) diagnose_due = false, probes++, diagnose(false);
      if (!due()) {
        if (!shaken) diagnose(false);
        break;   // a new socket
      }
      const int64_t now = monotonic_now();
      zmq_pollitem_t items[] = {{dealer, 0, ZMQ_POLLIN, 0}, {monitor.raw(), 0, ZMQ_POLLIN, 0}, {nullptr, bell.fd(), ZMQ_POLLIN, 0}};
      const int64_t next = std::min({heard + 3 * settings.heartbeat, shaken ? ping_at : now + settings.heartbeat, now + 250'000'000});
      zmq_poll(items, 3, more ? 0 : held ? 2 : long(std::max<int64_t>(1, (next - now) / 1'000'000)));
      if (items[2].revents) bell.silence();
      if (items[0].revents)   // first: a good-bye is heard before the connection's end
        for (int i = 0; i < 256 && receive(dealer, frames, 2, n); i++) {
          if (n == 2) take(frames[0], frames[1]);
          else count([](LinkStatus& s) { s.bad_messages++; });
        }
      if (items[1].revents)
        while (receive(monitor.raw(), frames, 2, n)) {
          if (frames[0].size() != 6) continue;
          bool bad = false;
          Reader r(frames[0], bad);
          const uint16_t kind = r.le16();
          event(kind, r.le32());
        }
      more = welcome && deliver();
    }
    if (stopping && shaken) {
      own.set(ZMQ_LINGER, 300);
      control(MessageType::bye, body_of(Bye{"the sensor stops"}));
    }
    outbox.pause();
    zmq_socket_monitor(dealer, nullptr, 0);
    return valid_heard;
  }

  void run() {
    uint64_t failures = 0;
    size_t at = 0;
    while (!stopping) {
      endpoint = settings.endpoints[at % settings.endpoints.size()];
      if (failures == 0) set(LinkState::connecting, fmt::format("connecting to {}", endpoint));
      failures = live() ? 0 : failures + 1;
      if (failures && failures % 10 == 0) at++;
      if (stopping) break;
      const int doublings = int(std::min<uint64_t>(failures, 16));
      const double spread = std::uniform_real_distribution<double>(0.7, 1.3)(random);
      const int64_t wait = int64_t(double(std::min(settings.backoff << doublings, settings.backoff_longest)) * spread);
      const int64_t until = monotonic_now() + wait;
      while (!stopping && monotonic_now() < until) {
        pollfd p{bell.fd(), POLLIN, 0};
        ::poll(&p, 1, milliseconds(until - monotonic_now()));
        if (p.revents) bell.silence();
      }
    }
    set(LinkState::stopped, "stopped");
  }
};

Sender::Sender(Outbox& outbox, SenderSettings settings, const Keys& keys) : link_(std::make_unique<Link>(outbox, std::move(settings), keys)) {}
Sender::~Sender() { stop(); }

bool Sender::start(std::string& error) {
  const auto& s = link_->settings;
  if (fingerprint_of_z85(s.server_key).empty()) {
    error = fmt::format("collector '{}': server_key '{}' is no CURVE public key; allowed are the 40 characters that 'vidra keys' at the collector shows", s.name, s.server_key);
    return false;
  }
  if (s.endpoints.empty()) {
    error = fmt::format("collector '{}': no endpoint; write endpoint = \"tcp://HOST:7421\"", s.name);
    return false;
  }
  for (const std::string& e : s.endpoints)
    if (!e.starts_with("tcp://") || e.find_last_of(':') < 7 || e.find_last_of(':') + 1 >= e.size()) {
      error = fmt::format("collector '{}': endpoint '{}': allowed is tcp://HOST:PORT", s.name, e);
      return false;
    }
  link_->outbox.wake_with([link = link_.get()] { link->bell.ring(); });
  link_->thread = std::thread([link = link_.get()] { link->run(); });
  return true;
}

void Sender::stop() {
  if (link_->stopping) return;
  link_->outbox.wake_with({});
  link_->stopping = true;
  link_->bell.ring();
  if (link_->thread.joinable()) link_->thread.join();
}

LinkStatus Sender::status() const {
  std::lock_guard lock(link_->mutex);
  return link_->status;
}

}  // namespace vidra
