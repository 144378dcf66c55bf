// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "daemon/base/address.h"
#include "daemon/capture/source.h"

namespace vidra {

enum class Redundancy : uint8_t { none, prp, hsr };   // IEC 62439-3

// What is wrong with a frame's headers. What could be read is read all the same.
enum Flaw : uint32_t {
  cut_short = 1,         // the octets end inside a header
  length_lies = 2,       // a length names more octets than the wire carried, or fewer than its own header
  bad_version = 4,       // an IP version other than the one announced
  too_deep = 8,          // more than 4 tunnels inside each other: not opened further
  too_many_headers = 16, // more than 8 tags or labels, or 16 extension headers
  bad_fragment = 32,     // a fragment that is not a multiple of 8 octets long, or ends beyond 65,535
};

// What one packet carries, down to the transport's payload. Borrows the packet's octets.
struct Frame {
  enum class Kind : uint8_t { nothing, link, ip, tcp, udp, icmp, fragment };   // what `payload` is the payload of

  Mac source, destination;               // of the innermost Ethernet header
  uint16_t vlan = 0, inner_vlan = 0;     // identifiers of the two outermost tags, 0 for none
  uint16_t ethertype = 0;                // 0 for 802.3 with LLC
  uint16_t llc = 0;                      // of 802.3: the DSAP, or SNAP's protocol where it is above 255; the payload begins with the LLC header
  uint8_t tags = 0;                      // VLAN tags
  uint8_t tunnels = 0;                   // opened: GRE, ERSPAN, VXLAN, MPLS, IP in IP
  Kind kind = Kind::nothing;
  uint8_t version = 0;                   // of IP: 4, 6 or 0
  uint8_t protocol = 0;                  // IP protocol number of the payload
  uint8_t tcp_flags = 0;
  uint16_t source_port = 0, destination_port = 0;
  Redundancy redundancy = Redundancy::none;
  uint8_t lan = 0;                       // PRP: 10 is A, 11 is B; HSR: path identifier
  uint16_t redundancy_sequence = 0;
  bool fragmented = false;               // came in IP fragments
  bool more_fragments = false;
  uint16_t fragment_offset = 0;          // octets
  uint32_t fragment_id = 0;              // IPv4: the identification, in every packet
  uint32_t sequence = 0, acknowledged = 0;   // TCP
  uint32_t missing = 0;                  // octets of the payload that the network carried and the capture cut off
  uint32_t flaws = 0;
  const uint8_t* addresses = nullptr;    // source, destination: 4 or 16 octets each
  Bytes network;                         // from the IP header on; for layer 2 the payload
  Bytes payload;                         // padding and trailers excluded

  Address source_address() const;        // none where there is no IP
  Address destination_address() const;
};

inline constexpr uint8_t tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_psh = 8, tcp_ack = 16, tcp_urg = 32;

void decode(const Packet&, Frame& into);
Frame decode(const Packet&);
// Goes on where decode stopped at a fragment: `octets` is the payload of the whole IP datagram.
void decode_reassembled(Frame&, Bytes octets);

}  // namespace vidra
