// SPDX-License-Identifier: Apache-2.0
// IGMP (RFC 1112, 2236, 3376; IP protocol 2): who joins and leaves which group, and who asks. Each datagram is a record; the groups are its
// points (address objects), and where sources are listed too, their number is said. Function: the type; of a version 3 report the record's
// type is the sub-function where all its records are of one type.
#include "dissectors/words.h"

namespace vidra::igmp {
namespace {

constexpr Function functions[] = {
    {0x11, 1, "general query", Act::browse},
    {0x11, 2, "group query", Act::browse},
    {0x11, 0xffff, "query", Act::browse},
    {0x12, 0xffff, "join (version 1)", Act::report},
    {0x13, 0xffff, "DVMRP", Act::other},
    {0x14, 0xffff, "PIM version 1", Act::other},
    {0x16, 0xffff, "join", Act::report},
    {0x17, 0xffff, "leave", Act::report},
    {0x1e, 0xffff, "multicast traceroute response", Act::diagnose},
    {0x1f, 0xffff, "multicast traceroute", Act::diagnose},
    {0x22, 1, "member of sources", Act::report},
    {0x22, 2, "member", Act::report},
    {0x22, 3, "leave", Act::report},
    {0x22, 4, "join", Act::report},
    {0x22, 5, "join sources", Act::report},
    {0x22, 6, "leave sources", Act::report},
    {0x22, 0xffff, "membership", Act::report},
    {0x30, 0xffff, "multicast router advertisement", Act::report},
    {0x31, 0xffff, "multicast router solicitation", Act::browse},
    {0x32, 0xffff, "multicast router termination", Act::report},
};

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    r.require(internet_checksum(record) == 0);
    m.function = r.u8();
    const uint8_t code = r.u8();
    r.skip(2);
    m.role = Role::report;
    m.act = Act::report;
    switch (m.function) {
      case 0x11: {
        m.role = Role::request;
        m.act = Act::browse;
        m.qualifier = code;                                // longest response time, tenths of a second
        const uint32_t group = r.be32();
        m.sub_function = group ? 2 : 1;
        if (m.malformed) break;
        say.point(Object(ObjectKind::address, group));
        if (!r) break;                                     // versions 1 and 2
        r.skip(2);
        const uint16_t sources = r.be16();
        r.skip(size_t{sources} * 4);
        if (sources && !m.malformed) say.points().back().set_text(say.text(Word::number("sources: ", sources)));
        break;
      }
      case 0x12: case 0x16: case 0x17: {
        const uint32_t group = r.be32();
        if (!m.malformed) say.point(Object(ObjectKind::address, group));
        break;
      }
      case 0x22: {
        r.skip(2);
        const uint16_t count = r.be16();
        for (unsigned i = 0; i < count && !m.malformed; i++) {
          const uint8_t type = r.u8(), auxiliary = r.u8();
          const uint16_t sources = r.be16();
          const uint32_t group = r.be32();
          r.skip(size_t{sources} * 4 + size_t{auxiliary} * 4);
          if (m.malformed) break;
          r.require(type >= 1 && type <= 6);
          if (i == 0) m.sub_function = type;
          else if (m.sub_function != type) m.sub_function = 0;
          Point& p = say.point(Object(ObjectKind::address, group));
          p.qualifier = type;
          if (sources) p.set_text(say.text(Word::number("sources: ", sources)));
        }
        break;
      }
      default: {
        m.act = Act::other;
        bool known = false;
        for (const Function& f : functions)
          if (f.number == m.function) m.act = f.act, known = true;
        r.require(known);
      }
    }
    say.end();
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ip || b.size() < 8) return {};
  const bool usual = internet_checksum(b.first(b.size())) == 0 && (b[0] == 0x11 || b[0] == 0x12 || b[0] == 0x16 || b[0] == 0x17 || b[0] == 0x22);
  return {usual ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::ip, 2}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"igmp", "IGMP", ports, recognises, open, functions, {}, nullptr, "RFC 1112, RFC 2236, RFC 3376 4", "what DVMRP, PIM and multicast traceroute say; IPv6's MLD"};

}  // namespace vidra::igmp
