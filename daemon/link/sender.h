// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/link/keys.h"
#include "daemon/link/outbox.h"

namespace vidra {

struct SenderSettings {
  std::string name;                              // the collector's, in texts
  std::vector<std::string> endpoints;            // "tcp://host:port", tried in turn
  std::string server_key;                        // the collector's CURVE public key, Z85
  int64_t heartbeat = 10'000'000'000;            // PING when nothing else was heard; silence for three of them: a new socket
  int64_t handshake = 5'000'000'000;
  int64_t backoff = 1'000'000'000, backoff_longest = 60'000'000'000;   // between sockets, doubled, ± 30 %
  int64_t acknowledge_within = 5'000'000'000;    // or three round trips; then HELLO again
  Hello hello;                                   // software, name, site, contact, policy: the rest is filled in
};

enum class LinkState : uint8_t { stopped, connecting, away, silent, wrong_service, wrong_key, waiting_approval, greeting, connected, paused, refused };
std::string_view name_of(LinkState);

struct LinkStatus {
  LinkState state = LinkState::stopped;
  std::string text;                              // a sentence for people: what is wrong and what to do
  int64_t since = 0;                             // wall time of the last change of state
  int64_t last_heard = 0;                        // wall time of the last valid message, 0 never
  int64_t round_trip = 0, clock_offset = 0;      // nanoseconds, of the last PING; the collector's clock minus ours
  uint64_t sockets = 0, sent = 0, acknowledged = 0, rewinds = 0, notes = 0, bad_messages = 0, handshake_failures = 0;
  uint64_t in_flight = 0;
  Note last_note;
};

// The link to one collector: a thread with one DEALER socket that follows an outbox. It comes back by itself from
// everything the network and the other end can do; what it cannot mend it names in status().
class Sender {
 public:
  Sender(Outbox&, SenderSettings, const Keys&);
  ~Sender();
  Sender(const Sender&) = delete;
  bool start(std::string& error);    // false: an endpoint or key that cannot be one
  void stop();                       // says BYE when connected
  LinkStatus status() const;

 private:
  struct Link;
  std::unique_ptr<Link> link_;
};

}  // namespace vidra
