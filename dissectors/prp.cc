// SPDX-License-Identifier: Apache-2.0
// Supervision of PRP and HSR (IEC 62439-3:2010 and later, 4.2.7.6 and 5.6; EtherType 0x88FB): which node lives, in which mode, behind which RedBox.
// Each frame is a record; padding follows its last TLV. Function: the type of the first TLV; sub-function 30: a RedBox speaks for it.
// sequence is the supervision's own, qualifier its path (high 4 bits) and version. Points: named by the MAC; the text says the part.
#include "dissectors/words.h"

namespace vidra::prp {
namespace {

constexpr uint8_t discard = 20, accept = 21, hsr = 23, redbox = 30, redbox_vdan = 31, last_tlv = 0;
constexpr Function functions[] = {
    {discard, redbox, "PRP node behind a RedBox", Act::report},
    {discard, 0xffff, "PRP node", Act::report},
    {accept, redbox, "PRP node that accepts duplicates, behind a RedBox", Act::report},
    {accept, 0xffff, "PRP node that accepts duplicates", Act::report},
    {22, 0xffff, "PRP, other mode", Act::report},
    {hsr, redbox, "HSR node behind a RedBox", Act::report},
    {hsr, 0xffff, "HSR node", Act::report},
};

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.role = Role::report;
    m.act = Act::report;
    Reader r{record, m.malformed};
    m.qualifier = r.be16();
    m.sequence = r.be16();
    m.function = r.u8();
    r.require(m.function >= discard && m.function <= hsr);
    const uint8_t length = r.u8();
    r.require(length == 6 || (length == 12 && !(m.qualifier & 0xfff)));   // the edition of 2008 names both ports' MAC
    const uint64_t node = be48(r);
    if (!m.malformed) field(say, Word::mac(node), "node");
    if (length == 12) {
      const uint64_t other = be48(r);
      if (!m.malformed && other != node) field(say, Word::mac(other), "node's second port");
      return say.end();                                     // no further TLV in that edition
    }
    for (;;) {
      const uint8_t type = r.u8();
      Reader v = r.sub(r.u8());
      if (!r.ok() || type == last_tlv) break;
      if (type != redbox && type != redbox_vdan) continue;
      m.sub_function = redbox;
      const uint64_t box = be48(v);
      if (v.ok()) field(say, Word::mac(box), "RedBox");
    }
    say.end();
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  bool bad = false;
  Reader r{up.empty() ? down : up, bad};
  r.skip(4);
  const uint8_t type = r.u8(), length = r.u8();
  r.skip(6);
  if (carrier != Carrier::ethertype || bad) return {};
  const bool usual = type >= discard && type <= hsr && (length == 6 || length == 12);
  return {usual ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88fb}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"prp", "PRP and HSR supervision", ports, recognises, open, functions, {}, nullptr, "IEC 62439-3:2016, 4.2.7.6 and 5.6; the edition of 2008 by its length",
    "TLVs of vendors (counted)"};

}  // namespace vidra::prp
