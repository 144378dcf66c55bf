// SPDX-License-Identifier: Apache-2.0
// LLDP (IEEE 802.1AB-2016 clauses 8, 9): what a neighbour says of itself, with the TLVs of IEEE 802.1, 802.3, LLDP-MED (ANSI/TIA-1057) and
// PROFINET (IEC 61158-6-10). Each frame is a record. Sub-function 1: the frame differs from the sender's last; 2: it takes its leave (TTL 0).
// tag is the time to live in seconds; qualifier the enabled capabilities.
#include "dissectors/words.h"

namespace vidra::lldp {
namespace {

constexpr Function functions[] = {
    {1, 1, "neighbour, changed", Act::report},
    {1, 2, "neighbour, leaving", Act::report},
    {1, 0xffff, "neighbour", Act::report},
};

enum Tlv : uint8_t { last_tlv = 0, chassis = 1, port = 2, ttl = 3, port_description = 4, system_name = 5, system_description = 6, capabilities = 7, management = 8, organisation = 127 };
constexpr uint32_t ieee8021 = 0x0080c2, ieee8023 = 0x00120f, med = 0x0012bb, profinet = 0x000ecf;

// An address as RFC 2677's families number it: 1 IPv4, 2 IPv6, 6 MAC.
Word address(unsigned family, Bytes b) {
  bool bad = false;
  Reader r{b, bad};
  if (family == 1 && b.size() == 4) return Word::ip4(r.be32());
  if (family == 6 && b.size() == 6) return Word::mac(b);
  Word w;
  if (family == 2 && b.size() == 16) for (size_t i = 0; i < 16; i += 2) w.put(i ? ":%x" : "%x", unsigned(b[i] << 8 | b[i + 1]));
  else w.hex(b, ' ');
  return w;
}

// Chassis and port identifiers differ in which of their subtypes are a MAC and which an address (8.5.2.2, 8.5.3.2).
Word identifier(uint8_t subtype, Bytes id, bool of_port) {
  if (subtype == (of_port ? 3 : 4) && id.size() == 6) return Word::mac(id);
  if (subtype == (of_port ? 4 : 5) && !id.empty()) return address(id[0], id.subspan(1));
  return Word::written(id);
}

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.function = 1;
    m.act = Act::report;
    m.role = Role::report;
    Identity who;
    Reader r{record, m.malformed};
    bool ended = false;
    uint64_t now = 1;
    for (unsigned n = 0; r && !ended; n++) {
      const uint16_t head = r.be16();
      const uint8_t type = uint8_t(head >> 9);
      Reader v = r.sub(head & 0x1ff);
      if (n < 3) r.require(type == n + 1);                  // chassis, port and TTL come first, in this order (8.2)
      else r.require(type != chassis && type != port && type != ttl);
      if (!r.ok()) break;
      ended = type == last_tlv;
      if (lasting(type, v.peek())) now = now * 0x100000001b3 ^ text_key(text_of(v.peek())) ^ type;
      tlv(type, v, say, m, who);
    }
    r.require(ended);
    const bool changed = now != last_;
    if (!m.malformed) {
      if (!m.tag) m.sub_function = 2;
      else if (last_ && changed) m.sub_function = 1;
      last_ = now;
    }
    say.end();
    if (changed && !m.malformed && (who.name || who.product || who.model || who.vendor)) say.identity(who);
  }

 private:
  // Delays and the state of a ring and of a clock change all the time, and the neighbour does not.
  static bool lasting(uint8_t type, Bytes v) {
    return type != organisation || v.size() < 4 || !(v[0] == 0 && v[1] == 0x0e && v[2] == 0xcf && (v[3] == 1 || v[3] == 4 || v[3] == 6));
  }

  static void tlv(uint8_t type, Reader& v, Speaker& say, Message& m, Identity& who) {
    switch (type) {
      case chassis: case port: {
        const uint8_t subtype = v.u8();
        const Word id = identifier(subtype, v.rest(), type == port);
        if (!v.ok()) break;
        field(say, type == chassis ? "chassis" : "port", id);
        if (type == chassis && subtype == 7) who.name = say.text(id);   // PROFINET: the name of the station
        break;
      }
      case ttl: m.tag = v.be16(); break;
      case port_description: field(say, "port description", Word::written(v.rest())); break;
      case system_name: {
        const Word name = Word::written(v.rest());
        field(say, "system name", name);
        who.name = say.text(name);
        break;
      }
      case system_description: {
        const Word text = Word::written(v.rest());
        field(say, "system description", text);
        who.product = say.text(text);
        break;
      }
      case capabilities: {
        const uint16_t has = v.be16();
        m.qualifier = v.be16();
        if (!v.ok()) break;
        field(say, "capabilities").set_bits(has, 16);
        field(say, "enabled").set_bits(m.qualifier, 16);
        break;
      }
      case management: {
        Reader a = v.sub(v.u8());
        const uint8_t family = a.u8();
        const Word text = address(family, a.rest());
        v.skip(5);                                          // interface numbering and number
        v.skip(v.u8());                                     // object identifier
        if (v.ok()) field(say, "management address", text);
        break;
      }
      case organisation: {
        const uint32_t oui = v.be24();
        const uint8_t subtype = v.u8();
        if (v.ok()) extension(oui, subtype, v, say, who);
        break;
      }
      default: break;                                       // reserved, and what nobody asks for
    }
  }

  static void extension(uint32_t oui, uint8_t subtype, Reader& v, Speaker& say, Identity& who) {
    if (oui == ieee8021) {
      if (subtype == 1) {
        const uint16_t vlan = v.be16();
        if (v.ok()) field(say, "port VLAN").set_natural(vlan);
      } else if (subtype == 3) {
        const uint16_t vlan = v.be16();
        const Word name = Word::written(v.sub(v.u8()).rest());
        if (v.ok()) field(say, Word::number("VLAN ", vlan), name);
      }
    } else if (oui == ieee8023) {
      if (subtype == 4) {
        const uint16_t longest = v.be16();
        if (v.ok()) field(say, "longest frame").set_natural(longest);
      }
    } else if (oui == med) {
      constexpr std::string_view names[] = {"hardware", "firmware", "software", "serial", "manufacturer", "model", "asset"};
      if (subtype < 5 || subtype > 11) return;
      const Word text = Word::written(v.rest());
      field(say, names[subtype - 5], text);
      const uint64_t key = say.text(text);
      if (subtype == 7 || (subtype == 6 && !who.firmware)) who.firmware = key;
      if (subtype == 8) who.serial = key;
      if (subtype == 9) who.vendor = key;
      if (subtype == 10) who.model = key;
    } else if (oui == profinet) {
      switch (subtype) {
        case 1: field(say, "PROFINET delay values").set_octets(v.left()); break;
        case 2: {
          const uint16_t rt2 = v.be16(), rt3 = v.be16();
          if (v.ok()) field(say, "PROFINET port status").set_bits(uint32_t(rt2) << 16 | rt3, 32);
          break;
        }
        case 3: field(say, "PROFINET alias", Word::written(v.rest())); break;
        case 4: field(say, "PROFINET ring port").set_octets(v.left()); break;
        case 5: {
          const Bytes mac = v.bytes(6);
          if (v.ok()) field(say, "PROFINET device", Word::mac(mac));
          break;
        }
        case 6: field(say, "PROFINET time master").set_octets(v.left()); break;
        default: break;
      }
    }
  }

  uint64_t last_ = 0;   // key of the last frame
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ethertype || b.size() < 6) return {};
  const bool first = b[0] == 2 && b[1] >= 2 && b.size() > size_t{2} + b[1] && b[size_t{2} + b[1]] == 4;   // chassis, then port
  return {first ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88cc}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"lldp", "LLDP", ports, recognises, open, functions, {}, nullptr,
                           "IEEE 802.1AB-2016, 8 and 9; ANSI/TIA-1057 10.2; IEC 61158-6-10, LLDP extension",
                           "LLDP-MED policies, location and power; 802.1 and 802.3 TLVs but VLANs and frame size; PROFINET delays and ring state are counted only"};

}  // namespace vidra::lldp
