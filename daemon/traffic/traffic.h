// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <vector>

#include "daemon/capture/source.h"
#include "daemon/judge/event.h"
#include "daemon/traffic/accounts.h"
#include "daemon/traffic/overload.h"

namespace vidra {

// A port at which a site says that a protocol is served: `maybe` is then enough.
struct DeclaredPort {
  Carrier carrier;
  uint16_t number;       // port, or EtherType
  uint16_t protocol;     // index into the protocols
};

// Every bound of the room, with its default. Octets are of memory; times are nanoseconds.
struct TrafficSettings {
  size_t worker = 0, workers = 1;              // of several that share what is heard: each has its part of the bounds below, numbers
                                               // its own conversations, and says of an interface only what it heard of it itself
  size_t interfaces = 1;                       // of the source; those that bring nothing are told as silent
  std::vector<uint16_t> groups;                // of interface i: frames of equal groups meet; beyond the end: group 0
  std::vector<DeclaredPort> ports;

  size_t flows = 65'536;                       // conversations remembered at once
  size_t held_octets = 32 << 20;               // all that waits for its record or behind a hole
  size_t held_octets_a_side = 128 << 10;       // the same of one direction; at least 65,600
  size_t parser_octets = 64 << 20;             // parsers and their state
  size_t history_octets = 256 << 10;           // payloads kept to compare what is sent again
  size_t fragmented = 1'024;                   // IP datagrams in pieces
  size_t fragment_octets = 8 << 20;
  size_t recognise_packets = 64, recognise_octets = 2'048;   // how long a recogniser may wait, a conversation
  uint32_t window = 1 << 20;                   // a sequence number farther off is from elsewhere
  size_t classified = 4'096;                   // conversations that nDPI is asked about at once
  unsigned classify_packets = 16;
  bool classify = true;

  Time unanswered_after = 5 * second;
  Time hole_wait = 1 * second;                 // how long a hole may stay open when nobody acknowledges
  Time fragment_wait = 30 * second;
  Time closed_idle = 10 * second, attempted_idle = 30 * second;
  Time tcp_idle = hour, datagram_idle = 5 * minute, parsed_idle = day;
  Time silent_after = 10 * second;             // an interface without frames; 0: never said
  uint64_t seed = 0;                           // of the hashes; 0: drawn at each start. Nothing that is said depends on it
};

inline constexpr uint32_t few_one_way = 3;      // TCP conversations of which one direction is missing, and none with both: that is the wire

// What one of several workers has of the bounds of all.
TrafficSettings part_of(TrafficSettings, size_t worker, size_t workers);
// The octets of memory that a Traffic of these settings takes at most; most of it is touched only as it is used.
uint64_t most_memory(const TrafficSettings&);

// Packets in, sentences out: frames, flows, streams, the choice of the dissector, and the accounts of it all. One owning
// thread. Memory is taken at the start and from bounded pools; none is asked of the heap once warm.
class Traffic {
 public:
  Traffic(const TrafficSettings&, EventSink&, std::span<const Protocol* const> = protocols);
  ~Traffic();

  void take(const Packet&);
  void take(std::span<const Packet>);
  void tick(Time now);           // time goes on without packets; never goes back
  void keep_to(Plan);            // what may be left out from now on
  void finish();                 // the end of the input: what is held is heard or given up, conversations end
  const Accounts& accounts() const;

 private:
  struct Room;
  std::unique_ptr<Room> room_;
};

}  // namespace vidra
