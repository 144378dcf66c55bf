// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/detector.h"

namespace vidra {

// The dissector says who claims an address as a point with the hardware address for value, and whom a request asks for as a
// point without one. A probe claims nothing (RFC 5227).
bool arp_words(const Event& e, ArpWords& to) {
  static const int arp = protocol_index("arp");
  if (!e.said || arp < 0 || e.scene.protocol != arp || e.said->malformed || e.said->function > 2) return false;
  to.operation = e.said->function;
  for (const Point& p : e.points) {
    if (p.object.kind() != ObjectKind::address) continue;
    if (p.kind == ValueKind::natural) {
      to.sender = Address::ip4(p.object.number());
      for (size_t i = 0; i < 6; i++) to.sender_mac.octets[i] = uint8_t(p.raw >> (40 - 8 * i));
    } else to.target = Address::ip4(p.object.number());
  }
  to.gratuitous = e.said->sub_function == 2;
  return to.sender.kind != Address::Kind::none || to.target.kind != Address::Kind::none;
}

}  // namespace vidra
