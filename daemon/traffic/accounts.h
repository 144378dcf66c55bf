// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "dissectors/message.h"

namespace vidra {

// Payload octets that the network carried: TCP sequence space of each direction once, the payload of UDP and of other IP
// protocols, layer 2 after the EtherType; padding, trailers, twins and retransmissions excluded. When traffic has finished,
// seen == decoded + opaque + lost; before, what is held back for the rest of a record is missing on the right.
struct Octets {
  uint64_t seen = 0;
  uint64_t decoded = 0;    // records that a dissector took
  uint64_t opaque = 0;     // present, but no dissector wants the conversation, or skipped as unreadable
  uint64_t lost = 0;       // sequence space that was not heard, or cut off by the capture

  Octets& operator+=(const Octets& o) { seen += o.seen, decoded += o.decoded, opaque += o.opaque, lost += o.lost; return *this; }
  bool operator==(const Octets&) const = default;
};

struct InterfaceAccount {
  uint64_t packets = 0, wire_octets = 0;          // frames received, and their length on the wire
  Time last = 0;                                  // when its last frame came; 0: none has
  uint64_t twins = 0;                             // frames dropped because the same one had been heard
  uint64_t flawed = 0;                            // frames whose headers break their own rules
  uint64_t too_deep = 0;                          // frames with more than 4 tunnels inside each other
  uint64_t not_understood = 0;                    // frames of which nothing could be read
  Octets octets;

  InterfaceAccount& operator+=(const InterfaceAccount& o) {
    last = std::max(last, o.last);
    packets += o.packets, wire_octets += o.wire_octets, twins += o.twins, flawed += o.flawed, too_deep += o.too_deep, not_understood += o.not_understood;
    octets += o.octets;
    return *this;
  }
  bool operator==(const InterfaceAccount&) const = default;
};

struct ProtocolAccount {
  uint64_t conversations = 0;                     // found to speak it
  uint64_t records = 0;                           // cut and parsed
  uint64_t malformed = 0;                         // sentences said with the flag

  ProtocolAccount& operator+=(const ProtocolAccount& o) { conversations += o.conversations, records += o.records, malformed += o.malformed; return *this; }
  bool operator==(const ProtocolAccount&) const = default;
};

// What traffic has done. One owning thread; those of several workers add up.
struct Accounts {
  uint64_t packets = 0;
  uint64_t conversations = 0;                     // begun
  uint64_t retransmitted_segments = 0, retransmitted_octets = 0;   // TCP payload heard before
  uint64_t out_of_order = 0;                      // TCP segments held until their turn
  uint64_t overlaps = 0, gaps = 0, jumps = 0;     // different data; holes given up; sequence numbers from elsewhere
  uint64_t resynchronised = 0;                    // parsers that lost and found their records
  uint64_t fragments = 0, datagrams_reassembled = 0, datagrams_given_up = 0;
  uint64_t fragment_overlaps = 0;
  uint64_t flows = 0, flows_evicted = 0;          // remembered now; forgotten early because the table was full
  uint64_t evicted_with_parser = 0;               // of them conversations that a dissector read
  uint64_t buffers_refused = 0, parsers_refused = 0, fragments_evicted = 0;   // bounds reached
  // By plan, under overload (Overload): samples not worked out; frames only counted, before it is asked whether they are twins.
  uint64_t samples_left_out = 0, opaque_left_out = 0;
  uint64_t classified = 0, classify_refused = 0;  // conversations asked about by nDPI; asked too many at once
  std::vector<InterfaceAccount> interfaces;       // by number
  std::vector<ProtocolAccount> protocols;         // as the table of protocols

  Accounts& operator+=(const Accounts& o) {
    packets += o.packets, conversations += o.conversations;
    retransmitted_segments += o.retransmitted_segments, retransmitted_octets += o.retransmitted_octets, out_of_order += o.out_of_order;
    overlaps += o.overlaps, gaps += o.gaps, jumps += o.jumps, resynchronised += o.resynchronised;
    fragments += o.fragments, datagrams_reassembled += o.datagrams_reassembled, datagrams_given_up += o.datagrams_given_up, fragment_overlaps += o.fragment_overlaps;
    flows += o.flows, flows_evicted += o.flows_evicted, evicted_with_parser += o.evicted_with_parser;
    buffers_refused += o.buffers_refused, parsers_refused += o.parsers_refused, fragments_evicted += o.fragments_evicted;
    samples_left_out += o.samples_left_out, opaque_left_out += o.opaque_left_out;
    classified += o.classified, classify_refused += o.classify_refused;
    if (interfaces.size() < o.interfaces.size()) interfaces.resize(o.interfaces.size());
    for (size_t i = 0; i < o.interfaces.size(); i++) interfaces[i] += o.interfaces[i];
    if (protocols.size() < o.protocols.size()) protocols.resize(o.protocols.size());
    for (size_t i = 0; i < o.protocols.size(); i++) protocols[i] += o.protocols[i];
    return *this;
  }
  bool operator==(const Accounts&) const = default;

  Octets octets() const {
    Octets all;
    for (const InterfaceAccount& i : interfaces) all += i.octets;
    return all;
  }
  uint64_t twins() const {
    uint64_t n = 0;
    for (const InterfaceAccount& i : interfaces) n += i.twins;
    return n;
  }
};

}  // namespace vidra
