// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/address.h"
#include "dissectors/protocol.h"

namespace vidra {

// When, where and between whom something was said. Plain; 136 octets or so.
struct Scene {
  Time time = 0;             // of the packet that completed the record; never goes back within a worker
  uint64_t frame = 0;        // number of that packet in its capture, from 1
  uint64_t flow = 0;         // the conversation, the same for both directions; 0 for none
  Endpoint client, server;   // who asks and who serves; a publisher is the client, its group address the server
  Mac client_mac, server_mac;  // as seen on this link
  uint16_t vlan = 0;         // outer VLAN identifier, 0 untagged
  uint16_t inner_vlan = 0;
  uint16_t interface = 0;
  uint16_t protocol = 0;     // index into protocols
  Side from = Side::client;  // who said it
  bool tunnelled = false;    // came in ERSPAN, GRE, VXLAN or MPLS

  const Endpoint& speaker() const { return from == Side::client ? client : server; }
  const Endpoint& listener() const { return from == Side::client ? server : client; }
};

// What crosses from hearing to judging: a sentence and its scene, borrowed for the call. Either `said` or `identity` is set.
struct Event {
  const Scene& scene;
  const Message* said = nullptr;
  const Identity* identity = nullptr;
  std::span<const Point> points;
  Texts texts;
};

// A request that breaks its protocol's rules and yet says what it wants of which object. Many devices obey it, so it is judged
// as the request it is; not so what a loss of octets has cut.
inline bool obeyed_though_broken(const Event& e) {
  if (!e.said || !e.said->malformed || e.said->role != Role::request || e.said->link || e.said->after_gap || e.points.empty()) return false;
  switch (e.said->act) {
    case Act::select: case Act::operate: case Act::cancel: case Act::write: case Act::configure: case Act::program: case Act::run: case Act::file: case Act::time: return true;
    default: return false;
  }
}

struct EventSink {
  virtual void see(const Event&) = 0;

 protected:
  ~EventSink() = default;
};

}  // namespace vidra
