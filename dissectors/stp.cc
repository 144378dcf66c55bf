// SPDX-License-Identifier: Apache-2.0
// Spanning tree BPDUs: STP (IEEE 802.1D-1998 9.3), RSTP (802.1D-2004 9.3), MSTP (802.1Q-2018 14), and Cisco's PVST+ (SNAP 00-00-0C 0x010B, with the
// VLAN it is about). A record begins with the LLC header. Function: the BPDU's type; sub-function: its protocol version, or 16 where the root,
// the bridge or the path to the root is another than the port said before.
// station is the number of the VLAN in PVST+, tag the root path cost, qualifier the flags.
#include "dissectors/words.h"

namespace vidra::stp {
namespace {

constexpr uint16_t changed = 16;
constexpr Function functions[] = {
    {0, changed, "configuration, changed", Act::report},
    {0, 0xffff, "configuration", Act::report},
    {2, 3, "multiple spanning trees", Act::report},
    {2, 4, "shortest path trees", Act::report},
    {2, changed, "rapid configuration, changed", Act::report},
    {2, 0xffff, "rapid configuration", Act::report},
    {128, 0xffff, "topology change notification", Act::report},
};

constexpr uint8_t topology_change = 1;

// Priority and system identifier (4 and 12 bits), MAC.
Word bridge(uint64_t id) {
  Word w;
  w.put("%u.%u.", unsigned(id >> 48 & 0xf000), unsigned(id >> 48 & 0x0fff));
  uint8_t mac[6];
  for (unsigned i = 0; i < 6; i++) mac[i] = uint8_t(id >> (40 - 8 * i));
  w.hex({mac, 6}, ':');
  return w;
}

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.role = Role::report;
    m.act = Act::report;
    Reader r{record, m.malformed};
    const bool snap = !record.empty() && record[0] == 0xaa;
    if (snap) r.require(r.be32() == 0xaaaa0300 && r.be32() == 0x000c010b);
    else r.require(r.be24() == 0x424203);
    r.require(r.be16() == 0);
    const uint8_t version = r.u8();
    m.function = r.u8();
    if (m.function == 128) return say.end();
    m.sub_function = version;
    r.require((m.function == 0 && version == 0) || (m.function == 2 && version >= 2));
    m.qualifier = r.u8();
    const uint64_t root = r.be64();
    m.tag = r.be32();
    const uint64_t self = r.be64();
    const uint16_t port = r.be16(), age = r.be16(), longest = r.be16(), hello = r.be16(), delay = r.be16();
    if (m.function == 2) r.skip(1);                       // version 1 length
    if (m.malformed) return say.end();
    field(say, "root", bridge(root));
    field(say, "bridge", bridge(self));
    field(say, "port").set_natural(port);
    field(say, "root path cost").set_natural(m.tag);
    field(say, "message age").set_real(age / 256.0);
    field(say, "maximum age").set_real(longest / 256.0);
    field(say, "hello").set_real(hello / 256.0);
    field(say, "forward delay").set_real(delay / 256.0);
    if (m.qualifier & topology_change) field(say, "topology change").set(true);
    if (version == 3) region(r, say);
    if (snap && m.function <= 2) {
      const uint16_t type = r.be16(), length = r.be16(), vlan = r.be16();
      if (!m.malformed && type == 0 && length == 2) m.station = vlan, field(say, "VLAN").set_natural(vlan);
    }
    if (!m.malformed) {
      Tree& t = trees_[m.station % std::size(trees_)];
      if (t.known && t.vlan == m.station && (root != t.root || self != t.self || m.tag != t.cost)) m.sub_function = changed;
      t = {true, uint16_t(m.station), m.tag, root, self};
    }
    say.end();
  }

 private:
  // The MST configuration identifier, the internal tree, and a message of each further tree (802.1Q 14.4).
  static void region(Reader& r, Speaker& say) {
    Reader v = r.sub(r.be16());
    v.skip(1);
    const Word name = Word::written(v.bytes(32));
    const uint16_t revision = v.be16();
    v.skip(16);
    const uint32_t cost = v.be32();
    const uint64_t self = v.be64();
    v.skip(1);
    if (!v.ok()) return;
    field(say, "region", name);
    field(say, "revision").set_natural(revision);
    field(say, "internal path cost").set_natural(cost);
    field(say, "internal bridge", bridge(self));
    while (v.left() >= 16 && v.ok()) {
      v.skip(1);
      const uint64_t root = v.be64();
      v.skip(7);
      field(say, Word::number("regional root of tree ", unsigned(root >> 48 & 0xfff)), bridge(root));
    }
    v.finish();
  }

  struct Tree { bool known; uint16_t vlan; uint32_t cost; uint64_t root, self; };
  Tree trees_[32] = {};   // PVST+ has one a VLAN
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  bool bad = false;
  const Bytes b = up.empty() ? down : up;
  Reader r{b, bad};
  if (carrier != Carrier::llc || b.size() < 7) return {};
  if (b[0] == 0xaa) {
    if (r.be32() != 0xaaaa0300 || r.be32() != 0x000c010b) return {};
  } else if (r.be24() != 0x424203) {
    return {};
  }
  if (r.be16() != 0) return {};
  const uint8_t version = r.u8(), type = r.u8();
  if (bad) return {};
  const bool usual = (type == 128 || (type == 0 && version == 0) || (type == 2 && version >= 2 && version <= 4));
  return {usual ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::llc, 0x42}, {Carrier::llc, 0x010b}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"stp", "Spanning tree", ports, recognises, open, functions, {}, nullptr,
                           "IEEE 802.1D-1998 and -2004, 9.3; IEEE 802.1Q-2018, 14; PVST+ as observed", "digests of the MST configuration; shortest path bridging"};

}  // namespace vidra::stp
