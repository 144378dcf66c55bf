// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/receiver.h"

#include <fmt/format.h>
#include <poll.h>
#include <sodium.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "daemon/link/receiving_end.h"
#include "daemon/link/socket.h"

namespace vidra {

std::string_view name_of(ReceiverEvents::Kind k) {
  static constexpr std::string_view names[] = {"connected", "bye", "silent", "key knocks", "clone", "diverged", "undeclared gap", "gap", "bad checkpoint", "refused", "over quota",
                                               "journal failed", "keys failed"};
  return names[size_t(k)];
}

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr int enforce_domain = 93;   // ZMQ_ZAP_ENFORCE_DOMAIN: libzmq 4.3.4 has it, its stable header hides it
constexpr const char* zap_address = "inproc://zeromq.zap.01";
constexpr const char* domain = "crp-data";
constexpr size_t knockers_most = 4096;
constexpr double unknown_a_second = 1, unknown_at_once = 16;   // keys that nobody knows and that are written down
}  // namespace

// The end with its socket and its threads.
struct Receiver::Hub final : ReceivingEnd {
  Hub(Journal& j, ReceiverEvents& e, ReceiverSettings s, const Keys& k) : ReceivingEnd(j, e, std::move(s)), keys(k) {}

  bool send(const std::string& route, Bytes header, Bytes body) override { return vidra::send(router.raw(), {bytes_of(route), header, body}) == 0; }
  void wake() override { bell.ring(); }

  const Keys keys;
  std::optional<SocketContext> context;
  Socket zap, router;
  std::string endpoint;
  std::thread zap_thread, socket_thread, journal_thread;
  std::atomic<bool> stopping{false}, lets_in{true};   // who waits at the door is answered to the end, or would take it for another
  SocketBell bell;

  std::atomic<uint64_t> zap_beat{0};
  std::string self_test_key;                // set before the threads run
  std::atomic<bool> self_test_seen{false};

  // Of the authentication thread: what there is room for, and what there was not.
  double unknown_room = unknown_at_once;
  int64_t unknown_asked = monotonic_now(), turned_away_told = 0;
  uint64_t turned_away = 0;

  // Whoever has this collector's public key, and every sensor has it, can knock with ever new keys. Each that is written down costs two
  // syncs, pushes out another, and tells people: so many a second, and no more.
  bool room_for_unknown(int64_t now) {
    unknown_room = std::min(unknown_at_once, unknown_room + unknown_a_second * double(now - unknown_asked) / double(second));
    unknown_asked = now;
    if (unknown_room < 1) {
      if (!turned_away++) turned_away_told = now;
      return false;
    }
    unknown_room--;
    return true;
  }
  void tell_turned_away(int64_t now) {
    if (!turned_away || now - turned_away_told < 60 * second) return;
    events.happened(Kind::knock, "", fmt::format("{} more knocks of keys that nobody knows were not written down within a minute: somebody tries keys, or many sensors are new (they knock again by themselves). "
                                                 "Those written down: vidra keys", turned_away));
    turned_away = 0;
  }

  // --- the authentication thread (27/ZAP): who may connect at all

  void authenticate(KnownKeys& known, std::map<std::string, int64_t>& written) {
    std::vector<std::vector<uint8_t>> f;
    size_t n = 0;
    while (receive(zap.raw(), f, 7, n)) {
      const auto text = [&](size_t i) { return std::string(text_of(Bytes(f[i]))); };
      std::string code = "400", reason = "not a CURVE client", user;
      if (n == 7 && text(0) == "1.0" && text(2) == domain && text(5) == "CURVE" && f[6].size() == 32) {
        char z85[41];
        zmq_z85_encode(z85, f[6].data(), 32);
        const std::string key = z85;
        if (key == self_test_key) {
          self_test_seen = true;
          reason = "self-test";
        } else {
          const auto known_now = keys_now();
          const auto at = known_now->find(key);
          const int64_t now = monotonic_now();
          const std::string address = text(3).starts_with("::ffff:") ? text(3).substr(7) : text(3);   // IPv4 on a socket that hears both
          // Each knock is a write to disk: few of them, whoever knocks and however fast.
          const bool first = at == known_now->end();
          const auto last = written.find(key);
          if ((last == written.end() || now - last->second > 10 * second) && (!first || room_for_unknown(now))) {
            written[key] = now;
            const bool written_down = known.knock(key, address, wall_now());
            if (!written_down && first) events.happened(Kind::keys_failed, "", "a knocking key could not be written down");
            else if (first) events.happened(Kind::knock, "", fmt::format("a sensor that nobody knows asks to be let in from {}: fingerprint {}; vidra keys approve {}", address,
                                                                         fingerprint_of_z85(key), fingerprint_of_z85(key).substr(0, 9)));
            if (first) refresh(known);
            knocks++;
          }
          if (written.size() > knockers_most) written.clear();
          // Not yet approved is told as 300, "try again": after a 400 libzmq's client is silent for ever.
          if (at == known_now->end() || at->second.state == KeyState::pending || at->second.state == KeyState::suspended) code = "300", reason = "waiting for approval";
          else if (at->second.state == KeyState::revoked) reason = "revoked";
          else code = "200", reason = "", user = key;
        }
      }
      if (code != "200") rejected++;
      const std::string id = n > 1 ? text(1) : "";
      vidra::send(zap.raw(), {bytes_of("1.0"), bytes_of(id), bytes_of(code), bytes_of(reason), bytes_of(user), Bytes{}});
    }
  }

  void run_zap(KnownKeys& known) {
    std::map<std::string, int64_t> written;
    while (lets_in) {
      zmq_pollitem_t item{zap.raw(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, milliseconds(std::min<int64_t>(settings.revisit_keys, second)));
      if (item.revents) authenticate(known, written);
      tell_turned_away(monotonic_now());
      if (known.changed()) {
        refresh(known);
        bell.ring();
      }
      zap_beat++;
    }
  }

  void run_journal(KnownKeys& known) {
    for (;;) {
      std::deque<Job> jobs;
      {
        std::unique_lock lock(queue_mutex);
        queue_wake.wait_for(lock, std::chrono::milliseconds(250), [&] { return !queue.empty() || stopping; });
        if (queue.empty() && stopping) return;
        jobs.swap(queue);
      }
      journal_turn(jobs, known);
    }
  }

  void run_socket() {
    std::vector<std::vector<uint8_t>> f;
    std::string user;
    size_t n = 0;
    uint64_t beat = 0;
    int64_t beat_at = monotonic_now();
    while (!stopping) {
      zmq_pollitem_t items[] = {{router.raw(), 0, ZMQ_POLLIN, 0}, {nullptr, bell.fd(), ZMQ_POLLIN, 0}};
      zmq_poll(items, 2, milliseconds(std::min<int64_t>(settings.heartbeat / 4, second / 10)));
      bell.silence();
      begin_turn();
      for (int i = 0; i < 1024 && receive(router.raw(), f, 3, n, &user); i++) on_message(f, n, user);
      end_turn();
      const int64_t now = monotonic_now();
      if (zap_beat != beat) beat = zap_beat, beat_at = now;
      else if (!settings.without_zap && now - beat_at > 10 * second) {
        beat_at = now;
        events.happened(Kind::keys_failed, "", "the authentication thread does not move; nobody new is let in");
      }
    }
    farewell();
    for (const int64_t until = monotonic_now() + second; !all_heard_farewell() && monotonic_now() < until;) {
      zmq_pollitem_t item{router.raw(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, 10);
      while (receive(router.raw(), f, 3, n)) after_farewell(f, n);   // what it brings is not taken: it will come again
    }
    router.set(ZMQ_LINGER, 200);
    router.close();
    publish();
  }

  // Knocks with a key that nobody can know. 0: refused as it must be.
  bool self_test(const std::string& z85_public, const std::string& z85_secret, std::string& error) {
    std::string to = endpoint;
    for (const char* any : {"0.0.0.0", "[::]"})
      if (const size_t a = to.find(any); a != std::string::npos) to.replace(a, std::strlen(any), "127.0.0.1");
    SocketContext own;
    Socket client(own, ZMQ_DEALER), monitor(own, ZMQ_PAIR);
    client.set_key(ZMQ_CURVE_SERVERKEY, keys.curve_public);
    client.set_key(ZMQ_CURVE_PUBLICKEY, z85_public);
    client.set_key(ZMQ_CURVE_SECRETKEY, z85_secret);
    client.set(ZMQ_LINGER, 0);
    monitor.set(ZMQ_LINGER, 0);
    zmq_socket_monitor(client.raw(), "inproc://events", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    zmq_connect(monitor.raw(), "inproc://events");
    zmq_connect(client.raw(), to.c_str());
    bool inside = false, outside = false;
    const int64_t until = monotonic_now() + 3 * second;
    std::vector<std::vector<uint8_t>> f;
    size_t n = 0;
    while (!inside && !outside && monotonic_now() < until) {
      if (settings.without_zap && monotonic_now() > until - 5 * second / 2) break;
      zmq_pollitem_t item{monitor.raw(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, 50);
      while (receive(monitor.raw(), f, 2, n)) {
        bool flaw = false;
        const uint16_t event = Reader(f[0], flaw).le16();
        inside = inside || event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        outside = outside || event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
      }
    }
    zmq_socket_monitor(client.raw(), nullptr, 0);
    if (inside) error = fmt::format("{}: a key that nobody knows was let in: authentication does not work; refusing to run", endpoint);
    else if (!self_test_seen && !settings.without_zap) error = fmt::format("{}: authentication did not answer within 3 s; refusing to run", endpoint);
    else return true;
    return false;
  }

  bool start(std::string& error) {
    auto for_zap = std::make_unique<KnownKeys>(), for_journal = std::make_unique<KnownKeys>();
    if (!for_zap->open(settings.known_keys, error) || !for_journal->open(settings.known_keys, error)) return false;
    for_zap->patience(100);   // who knocked when is not worth that all others wait, and their handshakes with them
    refresh(*for_zap);
    const Keys stranger = make_keys();
    self_test_key = stranger.curve_public;
    context.emplace();
    if (!settings.without_zap) {
      // Bound before any listener: libzmq lets everybody in who comes while nobody answers for authentication.
      zap = Socket(*context, ZMQ_REP);
      zap.set(ZMQ_LINGER, 0);
      if (zmq_bind(zap.raw(), zap_address)) {
        error = fmt::format("authentication cannot be set up: {}", zmq_strerror(errno));
        return false;
      }
      zap_thread = std::thread([this, k = std::shared_ptr<KnownKeys>(std::move(for_zap))] { run_zap(*k); });
    }
    router = Socket(*context, ZMQ_ROUTER);
    const bool safe = router.set(ZMQ_CURVE_SERVER, 1) && router.set_key(ZMQ_CURVE_SECRETKEY, keys.curve_secret) && router.set(ZMQ_ZAP_DOMAIN, std::string(domain)) &&
                      router.set(enforce_domain, 1);
    if (!safe) {
      error = fmt::format("this libzmq cannot be told to refuse who is not authenticated: {}", zmq_strerror(errno));
      return false;
    }
    router.set(ZMQ_ROUTER_MANDATORY, 1);
    router.set(ZMQ_ROUTER_HANDOVER, 0);
    router.set(ZMQ_IPV6, 1);
    router.set(ZMQ_LINGER, 0);
    router.set(ZMQ_SNDHWM, 1000);
    router.set(ZMQ_RCVHWM, 1000);
    router.set(ZMQ_MAXMSGSIZE, int64_t{max_body});
    router.set(ZMQ_BACKLOG, 1024);
    router.set(ZMQ_HANDSHAKE_IVL, milliseconds(settings.handshake));
    give_up_on_dead_connections(router, settings.heartbeat);
    if (zmq_bind(router.raw(), settings.endpoint.c_str())) {
      error = fmt::format("{} cannot be listened on: {}; allowed is tcp://ADDRESS:PORT with a free port", settings.endpoint, zmq_strerror(errno));
      return false;
    }
    char bound[256] = "";
    size_t length = sizeof bound;
    zmq_getsockopt(router.raw(), ZMQ_LAST_ENDPOINT, bound, &length);
    endpoint = bound;
    if (!self_test(stranger.curve_public, stranger.curve_secret, error)) return false;
    journal_thread = std::thread([this, k = std::shared_ptr<KnownKeys>(std::move(for_journal))] { run_journal(*k); });
    socket_thread = std::thread([this] { run_socket(); });
    return true;
  }

  void stop() {
    stopping = true;
    bell.ring();
    queue_wake.notify_all();
    if (socket_thread.joinable()) socket_thread.join();
    if (journal_thread.joinable()) journal_thread.join();
    lets_in = false;
    if (zap_thread.joinable()) zap_thread.join();
    router.close();
    zap.close();
  }
};

Receiver::Receiver(Journal& journal, ReceiverEvents& events, ReceiverSettings settings, const Keys& keys)
    : hub_(std::make_unique<Hub>(journal, events, std::move(settings), keys)) {}
Receiver::~Receiver() { stop(); }

bool Receiver::start(std::string& error) {
  if (hub_->start(error)) return true;
  hub_->stop();
  return false;
}
void Receiver::stop() { hub_->stop(); }
std::string Receiver::endpoint() const { return hub_->endpoint; }
ReceiverStatus Receiver::status() const {
  std::lock_guard lock(hub_->mutex);
  return hub_->status;
}

}  // namespace vidra
