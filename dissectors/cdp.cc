// SPDX-License-Identifier: Apache-2.0
// CDP (Cisco Discovery Protocol, versions 1 and 2): what a Cisco switch or one that speaks its language says of itself. SNAP of organisation
// 00-00-0C, protocol 0x2000; each frame is a record. Sub-function 1: it differs from the sender's last. tag is the time to live in seconds.
#include "dissectors/words.h"

namespace vidra::cdp {
namespace {

constexpr Function functions[] = {
    {1, 1, "neighbour, changed", Act::report},
    {1, 0xffff, "neighbour", Act::report},
};

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.function = 1;
    m.act = Act::report;
    m.role = Role::report;
    Identity who;
    Reader r{record, m.malformed};
    r.require(r.be32() == 0xaaaa0300);
    r.require(r.be32() == 0x000c2000);
    const Bytes pdu = r.peek();
    const uint8_t version = r.u8();
    m.tag = r.u8();
    r.skip(2);
    r.require(version == 1 || version == 2);
    // The checksum of an odd number of octets is counted in two ways in the field; only what is beyond doubt is held against it.
    r.require(pdu.size() % 2 || internet_checksum(pdu) == 0);
    uint64_t now = 1;
    while (r) {
      const uint16_t type = r.be16(), length = r.be16();
      r.require(length >= 4);
      Reader v = r.sub(length < 4 ? 0 : length - 4u);
      if (!r.ok()) break;
      if (type <= 0x0b || type == 0x14 || type == 0x16) now = now * 0x100000001b3 ^ text_key(text_of(v.peek())) ^ type;   // not power, which changes all the time
      tlv(type, v, say, m, who);
    }
    const bool changed = now != last_;
    if (!m.malformed) {
      m.sub_function = last_ && changed;
      last_ = now;
    }
    say.end();
    if (changed && !m.malformed && (who.name || who.product || who.firmware)) say.identity(who);
  }

 private:
  static void tlv(uint16_t type, Reader& v, Speaker& say, Message& m, Identity& who) {
    const auto text = [&](std::string_view name) {
      const Word word = Word::written(v.rest());
      field(say, name, word);
      return say.text(word);
    };
    switch (type) {
      case 1: who.name = text("device"); break;
      case 2: addresses("address", v, say); break;
      case 3: text("port"); break;
      case 4: {
        m.qualifier = v.be32();
        if (v.ok()) field(say, "capabilities").set_bits(m.qualifier, 32);
        break;
      }
      case 5: who.firmware = text("software"); break;
      case 6: who.product = text("platform"); break;
      case 9: text("VTP domain"); break;
      case 0x0a: {
        const uint16_t vlan = v.be16();
        if (v.ok()) field(say, "native VLAN").set_natural(vlan);
        break;
      }
      case 0x0b: {
        const uint8_t full = v.u8();
        if (v.ok()) field(say, "full duplex").set(full != 0);
        break;
      }
      case 0x14: text("system name"); break;
      case 0x16: addresses("management address", v, say); break;
      default: break;
    }
  }

  // A list of (protocol type, protocol, address): NLPID 0xCC is IPv4.
  static void addresses(std::string_view name, Reader& v, Speaker& say) {
    const uint32_t count = v.be32();
    for (uint32_t i = 0; i < count && v; i++) {
      v.skip(1);
      const Bytes protocol = v.bytes(v.u8());
      Reader a = v.sub(v.be16());
      if (!v.ok()) return;
      if (protocol.size() == 1 && protocol[0] == 0xcc && a.left() == 4) field(say, name, Word::ip4(a.be32()));
    }
  }

  uint64_t last_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  bool bad = false;
  Reader r{up.empty() ? down : up, bad};
  const bool snap = r.be32() == 0xaaaa0300 && r.be32() == 0x000c2000;
  const uint8_t version = r.u8();
  r.skip(3);
  if (carrier != Carrier::llc || bad || !snap) return {};
  return {version == 1 || version == 2 ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::llc, 0x2000}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"cdp", "CDP", ports, recognises, open, functions, {}, nullptr, "Cisco Discovery Protocol 1 and 2, as Cisco describes them to the public",
                           "power, trust, location and private TLVs; addresses other than IPv4"};

}  // namespace vidra::cdp
