// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <mutex>
#include <optional>

#include "daemon/link/sender.h"

namespace vidra {

// What the sensor's end of the link knows and decides: whom it has greeted, what may be sent, what was acknowledged, when to ask again.
// It has no socket and no thread: messages are brought to it, and what it says goes through send(). Two implementations: Sender, and in
// the tests one whose network, disks and clocks are simulated. One thread at a time.
struct SendingEnd {
  SendingEnd(Outbox&, SenderSettings, const Keys&);
  virtual ~SendingEnd() = default;
  // Into the connection: 0, or an errno (EAGAIN: no room, or nobody there).
  virtual int send(Bytes header, Bytes body) = 0;

  void began();                        // a new socket, not connected yet
  void shaken_hands();                 // the handshake is done: HELLO
  void lost();                         // the connection is gone
  void take(Bytes header, Bytes body); // a message
  bool due();                          // what time brings; false: nothing was heard for so long that this socket is of no use
  bool deliver();                      // sends what may be sent, at most a handful; true when there may be more

  void set(LinkState, std::string text);
  LinkState state() const;
  template <class F> void count(F f) {
    std::lock_guard lock(mutex);
    f(status);
  }
  bool control(MessageType, const std::string& body);
  void hello();
  int64_t round_trip() const;

  Outbox& outbox;
  SenderSettings settings;
  const Keys keys;
  mutable std::mutex mutex;
  LinkStatus status;

  // Of the socket in use.
  std::string endpoint;
  bool shaken = false, welcome = false;          // handshake done; WELCOME heard
  bool valid_heard = false;
  bool farewell = false;                         // the collector said that it stops, and nobody has answered since
  uint64_t attempt = 0;                          // of the latest HELLO
  std::vector<StreamState> held_streams;         // as it said
  size_t unnamed = 0;                            // of these, those that the WELCOME does not name: nothing of them is sent
  int64_t heard = 0, hello_at = 0, ping_at = 0, oldest_sent = 0;
  int64_t unanswered_since = 0;                  // since when it greets in vain, 0 it does not
  std::optional<Outbox::Outgoing> held;          // there was no room for it
};

}  // namespace vidra
