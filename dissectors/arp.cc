// SPDX-License-Identifier: Apache-2.0
// ARP (RFC 826) for IPv4 on Ethernet, address conflict detection (RFC 5227), and reverse ARP (RFC 903) by name.
#include "dissectors/protocol.h"

namespace vidra::arp {
namespace {

// Sub-functions are told from the addresses, not from a field: 1 a probe (the sender has no address yet), 2 an announcement
// of one's own address, asked for (request) or told unasked (gratuitous reply).
constexpr Function functions[] = {
    {1, 1, "probe", Act::other},
    {1, 2, "announcement", Act::other},
    {1, 0xffff, "request", Act::other},
    {2, 2, "gratuitous reply", Act::other},
    {2, 0xffff, "reply", Act::other},
    {3, 0xffff, "reverse request", Act::other},
    {4, 0xffff, "reverse reply", Act::other},
    {8, 0xffff, "inverse request", Act::other},
    {9, 0xffff, "inverse reply", Act::other},
};

constexpr uint16_t ethernet = 1, ieee802 = 6, ip4 = 0x0800;

uint64_t be48(Reader& r) { const uint64_t high = r.be16(); return high << 32 | r.be32(); }

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }   // never asked: each frame is a record

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint16_t hardware = r.be16(), network = r.be16();
    const uint8_t hardware_length = r.u8(), network_length = r.u8();
    m.function = r.be16();
    m.role = m.function % 2 ? Role::request : Role::response;
    if ((hardware != ethernet && hardware != ieee802) || network != ip4) {   // of another kind: named only, if it is all there
      r.skip(size_t{2} * (hardware_length + network_length));
      return say.end();
    }
    r.require(hardware_length == 6 && network_length == 4);
    const uint64_t sender_mac = be48(r);
    const uint32_t sender = r.be32();
    const uint64_t target_mac = be48(r);
    const uint32_t target = r.be32();                    // the rest is padding
    r.require(m.function != 0);
    if (m.malformed) return say.end();

    const bool own = sender == target && sender != 0;
    if (m.function <= 2 && own) m.sub_function = 2, m.role = Role::report;
    else if (m.function == 1 && sender == 0) m.sub_function = 1;
    const auto claim = [&](uint32_t address, uint64_t mac) { say.point(Object(ObjectKind::address, address)).set_natural(mac); };
    switch (m.function) {
      case 3: break;                                     // asks for its own address by its MAC: nobody claims one
      case 4: claim(target, target_mac); break;          // the server tells the asker its address
      default: if (sender != 0) claim(sender, sender_mac);
    }
    if (m.function == 1 && !own) say.point(Object(ObjectKind::address, target));
    say.end();
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  bool bad = false;
  Reader r{up.empty() ? down : up, bad};
  const uint16_t hardware = r.be16(), network = r.be16(), lengths = r.be16(), operation = r.be16();
  r.skip(20);
  if (bad || carrier != Carrier::ethertype) return {};
  const bool on_ethernet = (hardware == ethernet || hardware == ieee802) && network == ip4 && lengths == 0x0604;
  const bool usual = on_ethernet && operation >= 1 && operation <= 9;
  return {usual ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x0806}, {Carrier::ethertype, 0x8035}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"arp", "ARP", ports, recognises, open, functions, {}, nullptr,
    "RFC 826, RFC 5227, RFC 903, RFC 2390",
    "other hardware than Ethernet, other protocols than IPv4 (named)"};

}  // namespace vidra::arp
