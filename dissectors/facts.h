// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

// What the sensor itself says in the same kind of sentence as any protocol: facts about connections (said by traffic) and
// about its own hearing (said by capture and the pipeline). The numbers are Message::function.
namespace vidra {

// Protocols "tcp" and "udp": station = server's port; tag = attempts or datagrams; the event names both ends.
enum class Fact : uint16_t {
  attempted = 1,       // a SYN; points: none. Said once per connection
  opened = 2,          // the three-way handshake was heard
  refused = 3,         // RST (TCP) or ICMP unreachable in answer to the first segment
  unanswered = 4,      // nothing came back in time
  reset = 5,           // an established connection was reset; the event's `from` did it
  closed = 6,          // FIN both ways
  midstream = 7,       // joined in the middle
  datagrams = 8,       // first datagram of a conversation (UDP, and IP protocols without ports)
  recognised = 9,      // the conversation's protocol became known; tag = protocol index + 1, or 0 and a text from classify
  overlap = 10,        // the same sequence numbers carried different octets
  fragment_overlap = 11,  // the same offsets of an IP datagram carried different octets
  gap = 12,            // octets that the network carried and the sensor did not hear; tag = how many
  twin_differs = 13,   // a redundancy or mirror twin differs from its first copy
  unreadable = 14,     // a recogniser's conversation lost its records; tag = octets skipped
  fragmented = 15,     // a conversation's octets came in IP fragments
  urgent = 16,         // octets marked urgent (URG): whether they belong to the stream is the receiver's choice
};

// Protocol "sensor": objects are ObjectKind::capture, number = interface.
enum class SensorFact : uint16_t {
  silent = 1,          // an interface brought no frame for `tag` seconds
  heard_again = 2,
  dropped = 3,         // frames lost before us; tag = how many since the last word
  one_way = 4,         // only one direction of the conversations arrives
  both_ways = 5,
  resynchronised = 6,  // a parser skipped octets to find its next record
  bound_hit = 7,       // a table was full and something was forgotten; tag = how many; text = which
  interface_down = 8,
  interface_up = 9,
  clock_stepped = 10,  // the sensor's own clock was set; tag = seconds; points: capture, then 1 ahead, 0 back
  degraded = 11,       // more comes than can be worked through; tag = the step of the plan (1 samples, 2 opaque, 3 measurements); points: since when
  recovered = 12,      // points: from when to when; then what was left out: samples, opaque frames, reports, reads
  not_running = 13,    // the sensor itself ended without a good-bye; tag = how often; points: from when (0: not known) to when it heard nothing
};

}  // namespace vidra
