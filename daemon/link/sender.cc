// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/sender.h"

#include <fmt/format.h>
#include <poll.h>
#include <sodium.h>

#include <algorithm>
#include <optional>
#include <random>

#include "daemon/link/probe.h"
#include "daemon/link/socket.h"

namespace vidra {

std::string_view name_of(LinkState s) {
  static constexpr std::string_view names[] = {"stopped", "connecting", "away", "silent", "wrong service", "wrong key", "waiting for approval", "greeting", "connected",
                                               "paused", "refused"};
  return names[size_t(s)];
}

struct Sender::Link {
  Link(Outbox& o, SenderSettings s, const Keys& k) : outbox(o), settings(std::move(s)), keys(k), random(std::random_device{}()) {
    std::array<uint8_t, 8> id;
    randombytes_buf(id.data(), id.size());
    settings.hello.instance = hex_text(id);
    settings.hello.sign_key = hex_text(keys.sign_public);
    if (settings.hello.boot_id.empty()) settings.hello.boot_id = settings.hello.instance;
    jitter = std::uniform_real_distribution<double>(0.7, 1.3)(random);
  }

  Outbox& outbox;
  SenderSettings settings;
  const Keys keys;
  Bell bell;
  std::thread thread;
  std::atomic<bool> stopping{false};
  mutable std::mutex mutex;
  LinkStatus status;
  std::mt19937 random;
  double jitter;

  // Of the socket in use.
  std::string endpoint;
  bool shaken = false, welcome = false;          // handshake done; WELCOME heard
  uint64_t attempt = 0;            // of the latest HELLO
  int64_t heard = 0, hello_at = 0, ping_at = 0, oldest_sent = 0;
  bool valid_heard = false;
  uint64_t acknowledged_before = 0;
  std::optional<Outbox::Outgoing> held;          // libzmq had no room for it
  int probes = 0;

  void set(LinkState state, std::string text) {
    std::lock_guard lock(mutex);
    if (status.state != state) status.since = wall_now();
    status.state = state;
    status.text = std::move(text);
  }
  LinkState state() const {
    std::lock_guard lock(mutex);
    return status.state;
  }
  template <class F> void count(F f) {
    std::lock_guard lock(mutex);
    f(status);
  }

  bool control(void* socket, MessageType type, const std::string& body) {
    return send(socket, {control_header(type, keys.id, body), bytes_of(body)}) == 0;
  }

  void hello(void* socket) {
    Hello h = settings.hello;
    h.streams = outbox.streams();
    h.attempt = ++attempt;
    outbox.pause();
    held.reset();
    welcome = false;
    hello_at = monotonic_now();
    control(socket, MessageType::hello, body_of(h));
  }

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

  void event(void* socket, uint16_t kind, uint32_t value) {
    switch (kind) {
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        shaken = true;
        farewell = false;
        set(LinkState::greeting, fmt::format("connected to {}, greeting", endpoint));
        hello(socket);
        break;
      case ZMQ_EVENT_DISCONNECTED:
        outbox.pause();
        held.reset();
        if (shaken && !stopping && !farewell) set(LinkState::connecting, fmt::format("the connection to {} was lost; coming back", endpoint));
        else diagnose_due = true;
        shaken = welcome = false;
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
  bool farewell = false;           // the collector said that it stops, and nobody has answered since

  void take(void* socket, Bytes header, Bytes body) {
    Header h;
    if (check(header, body, h) != HeaderFlaw::none || h.sensor != keys.id) return count([](LinkStatus& s) { s.bad_messages++; });
    const int64_t now = monotonic_now();
    bool good = true;
    switch (h.type) {
      case MessageType::welcome: {
        Welcome w;
        if (!(good = read(body, w))) break;
        // Only the answer to the latest HELLO counts: the collector drops what is sent between two, and takes up behind a hole.
        if (w.attempt && w.attempt != attempt) break;
        outbox.rewind(w.streams);
        welcome = true;
        oldest_sent = 0;
        const bool credit = std::ranges::any_of(w.streams, [](const StreamState& s) { return s.credit > 0; }) || w.streams.empty();
        set(credit ? LinkState::connected : LinkState::paused, credit ? fmt::format("connected to {}", endpoint) : fmt::format("{} asks to wait: its journal is full or slow", endpoint));
        count([](LinkStatus& s) { s.rewinds++; });
        break;
      }
      case MessageType::ack: {
        Ack a;
        if (!(good = read(body, a)) || !welcome) break;
        outbox.acknowledge(a.streams);
        oldest_sent = outbox.in_flight() ? now : 0;
        const bool credit = std::ranges::any_of(a.streams, [](const StreamState& s) { return s.credit > 0; });
        if (credit && state() == LinkState::paused) set(LinkState::connected, fmt::format("connected to {}", endpoint));
        if (!credit && !a.streams.empty()) set(LinkState::paused, fmt::format("{} asks to wait: its journal is full or slow", endpoint));
        count([](LinkStatus& s) { s.acknowledged++; });
        break;
      }
      case MessageType::note: {
        Note n;
        if (!(good = read(body, n))) break;
        count([&](LinkStatus& s) { s.notes++, s.last_note = n; });
        switch (n.code) {
          case NoteCode::rewind:
          case NoteCode::hello_first:
            if (now - hello_at > settings.heartbeat / 20) hello(socket);
            break;
          case NoteCode::pending_approval:
            welcome = false, outbox.pause();
            set(LinkState::waiting_approval, fmt::format("waiting for approval, fingerprint {}; there: vidra keys approve {}", keys.fingerprint(), keys.fingerprint().substr(0, 9)));
            break;
          case NoteCode::revoked:
          case NoteCode::suspended:
          case NoteCode::clone:
          case NoteCode::identity:
          case NoteCode::diverged:
            welcome = false, outbox.pause();
            set(LinkState::refused, fmt::format("the collector refuses this sensor: {} ({}), fingerprint {}", name_of(n.code), n.text, keys.fingerprint()));
            break;
          case NoteCode::over_quota:
          case NoteCode::maintenance:
            set(LinkState::paused, fmt::format("{} asks to wait: {}", endpoint, n.text));
            break;
          default: break;
        }
        break;
      }
      case MessageType::ping: {
        Ping p;
        if (!(good = read(body, p))) break;
        if (!p.answer) {
          p.answer = true, p.t2 = p.t3 = wall_now();
          control(socket, MessageType::ping, body_of(p));
        } else if (p.t1) {
          const int64_t t4 = wall_now();
          count([&](LinkStatus& s) { s.round_trip = (t4 - p.t1) - (p.t3 - p.t2), s.clock_offset = ((p.t2 - p.t1) + (p.t3 - t4)) / 2; });
        }
        break;
      }
      case MessageType::bye:
        outbox.pause();
        welcome = false;
        farewell = true;
        set(LinkState::away, fmt::format("collector away: {} said that it stops; tried again by itself, nothing is lost meanwhile", endpoint));
        break;
      default: break;   // of a later version: passed over
    }
    if (!good) return count([](LinkStatus& s) { s.bad_messages++; });
    heard = now;
    valid_heard = true;
    count([](LinkStatus& s) { s.last_heard = wall_now(); });
  }

  // Lives as long as one socket does; whether anything valid was heard on it.
  bool live() {
    Context context;
    Socket dealer(context, ZMQ_DEALER), monitor(context, ZMQ_PAIR);
    dealer.set_key(ZMQ_CURVE_SERVERKEY, settings.server_key);
    dealer.set_key(ZMQ_CURVE_PUBLICKEY, keys.curve_public);
    dealer.set_key(ZMQ_CURVE_SECRETKEY, keys.curve_secret);
    dealer.set(ZMQ_IPV6, 1);
    dealer.set(ZMQ_LINGER, 0);
    dealer.set(ZMQ_IMMEDIATE, 1);
    dealer.set(ZMQ_SNDHWM, 1024);
    dealer.set(ZMQ_RCVHWM, 1000);
    dealer.set(ZMQ_MAXMSGSIZE, int64_t{1} << 20);
    dealer.set(ZMQ_HANDSHAKE_IVL, milliseconds(settings.handshake));
    dealer.set(ZMQ_CONNECT_TIMEOUT, milliseconds(settings.handshake));
    dealer.set(ZMQ_RECONNECT_IVL, milliseconds(int64_t(double(settings.backoff) * jitter)));
    dealer.set(ZMQ_RECONNECT_IVL_MAX, milliseconds(settings.backoff_longest));
    dealer.set(ZMQ_HEARTBEAT_IVL, milliseconds(settings.heartbeat));
    dealer.set(ZMQ_HEARTBEAT_TIMEOUT, milliseconds(3 * settings.heartbeat));
    dealer.set(ZMQ_HEARTBEAT_TTL, milliseconds(4 * settings.heartbeat));
    zmq_socket_monitor(dealer.raw(), "inproc://events", ZMQ_EVENT_ALL);
    monitor.set(ZMQ_LINGER, 0);
    zmq_connect(monitor.raw(), "inproc://events");
    count([](LinkStatus& s) { s.sockets++; });
    shaken = welcome = valid_heard = diagnose_due = failed_before_collector = false;
    auth_code = 0;
    probes = 0;
    held.reset();
    const int64_t born = monotonic_now();
    heard = born;
    ping_at = born + settings.heartbeat;
    if (zmq_connect(dealer.raw(), endpoint.c_str())) {
      set(LinkState::away, fmt::format("{} cannot be connected to: {}", endpoint, zmq_strerror(errno)));
      return false;
    }
    std::vector<std::vector<uint8_t>> frames;
    size_t n = 0;
    bool more = false;
    while (!stopping) {
      const int64_t now = monotonic_now();
      if (now - heard > 3 * settings.heartbeat) {
        if (!shaken) diagnose(false);
        break;   // whatever state libzmq's session is in, it is of no use: a new socket
      }
      if (diagnose_due && probes < 2) diagnose_due = false, probes++, diagnose(false);
      // Refused for now is not refused for ever: asked again, at leisure.
      const bool refused = shaken && !welcome && (state() == LinkState::refused || state() == LinkState::waiting_approval);
      if (shaken && !welcome && now - hello_at > (refused ? 3 * settings.heartbeat : settings.acknowledge_within)) hello(dealer.raw());
      if (welcome && oldest_sent && now - oldest_sent > std::max(settings.acknowledge_within, 3 * status_round_trip())) oldest_sent = 0, hello(dealer.raw());
      if (shaken && now >= ping_at) {
        ping_at = now + settings.heartbeat;
        Ping p;
        p.t1 = wall_now();
        control(dealer.raw(), MessageType::ping, body_of(p));
      }
      zmq_pollitem_t items[] = {{dealer.raw(), 0, ZMQ_POLLIN, 0}, {monitor.raw(), 0, ZMQ_POLLIN, 0}, {nullptr, bell.fd(), ZMQ_POLLIN, 0}};
      const int64_t next = std::min({heard + 3 * settings.heartbeat, shaken ? ping_at : now + settings.heartbeat, now + 250'000'000});
      zmq_poll(items, 3, more ? 0 : held ? 2 : long(std::max<int64_t>(1, (next - now) / 1'000'000)));
      if (items[2].revents) bell.silence();
      if (items[1].revents)
        while (receive(monitor.raw(), frames, 2, n)) {
          if (frames[0].size() != 6) continue;
          bool bad = false;
          Reader r(frames[0], bad);
          const uint16_t kind = r.le16();
          event(dealer.raw(), kind, r.le32());
        }
      if (items[0].revents)
        for (int i = 0; i < 256 && receive(dealer.raw(), frames, 2, n); i++) {
          if (n == 2) take(dealer.raw(), frames[0], frames[1]);
          else count([](LinkStatus& s) { s.bad_messages++; });
        }
      more = welcome && deliver(dealer.raw());
    }
    if (stopping && shaken) {
      dealer.set(ZMQ_LINGER, 300);
      control(dealer.raw(), MessageType::bye, body_of(Bye{"the sensor stops"}));
    }
    outbox.pause();
    zmq_socket_monitor(dealer.raw(), nullptr, 0);
    return valid_heard;
  }

  int64_t status_round_trip() const {
    std::lock_guard lock(mutex);
    return status.round_trip;
  }

  // Sends what may be sent, at most a handful; true when there may be more.
  bool deliver(void* socket) {
    uint64_t sent = 0;
    bool more = true;
    for (int i = 0; i < 128; i++) {
      Outbox::Outgoing out;
      if (held) out = std::move(*held), held.reset();
      else if (!outbox.next(out)) { more = false; break; }
      const int e = send(socket, {out.entry.header(), out.entry.body()});
      if (e) {
        held = std::move(out);
        more = false;
        break;
      }
      sent++;
    }
    if (sent) {
      if (!oldest_sent) oldest_sent = monotonic_now();
      const uint64_t flying = outbox.in_flight();
      count([&](LinkStatus& s) { s.sent += sent, s.in_flight = flying; });
    }
    return more;
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
