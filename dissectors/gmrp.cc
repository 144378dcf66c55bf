// SPDX-License-Identifier: Apache-2.0
// Registration of groups and VLANs at switches: GMRP and GVRP (GARP, IEEE 802.1D-1998 12; LLC 0x42, protocol 1) and their successors MMRP and MVRP
// (MRP, IEEE 802.1Q-2018 10; EtherTypes 0x88F6, 0x88F5). One sentence for each run of attributes with the same event: the function; of MRP a vector
// of several events is one sentence, and each point's qualifier its event.
// Points: named "group 01:0c:cd:01:00:01", "VLAN 5" or "service 0".
#include "dissectors/words.h"

namespace vidra::gmrp {
namespace {

constexpr uint16_t mrp = 16;   // MRP numbers its events anew
constexpr Function functions[] = {
    {0, 0xffff, "leave all", Act::report},
    {1, 0xffff, "join, empty", Act::report},
    {2, 0xffff, "join", Act::report},
    {3, 0xffff, "leave, empty", Act::report},
    {4, 0xffff, "leave", Act::report},
    {5, 0xffff, "empty", Act::report},
    {mrp + 0, 0xffff, "new", Act::report},
    {mrp + 1, 0xffff, "join", Act::report},
    {mrp + 2, 0xffff, "registered", Act::report},
    {mrp + 3, 0xffff, "join, empty", Act::report},
    {mrp + 4, 0xffff, "empty", Act::report},
    {mrp + 5, 0xffff, "leave", Act::report},
    {mrp + 6, 0xffff, "leave all", Act::report},
    {mrp + 7, 0xffff, "several events", Act::report},
};

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    bool bad = false, open = false;
    Reader r{record, bad};
    const auto event = [&](uint16_t e) {                    // a run goes on, or another begins
      if (open && say.head().function == e) return;
      if (open) say.end();
      Message& m = say.begin();
      m.function = e;
      m.role = Role::report;
      m.act = Act::report;
      open = true;
    };
    if (record.size() >= 3 && record[0] == 0x42) garp(r, say, event);
    else vectors(r, say, event);
    if (!open) event(bad ? 0 : mrp + 7);
    say.head().malformed |= bad;
    say.end();
  }

 private:
  static void value(uint64_t v, size_t octets, Speaker& say) {
    if (octets == 6) {
      Word w;
      w.put("group ");
      w.put(Word::mac(v));
      say.point(say.named(w));
    } else {
      say.point(say.named(Word::number(octets == 2 ? "VLAN " : "service ", unsigned(v))));
    }
  }
  static uint64_t number(Bytes b) {
    uint64_t v = 0;
    for (uint8_t o : b) v = v << 8 | o;
    return v;
  }

  // Messages of attributes, each list ended by 0, the PDU by another; the PDU's end ends them too (12.10).
  template <class Event> static void garp(Reader& r, Speaker& say, Event&& event) {
    r.require(r.be24() == 0x424203 && r.be16() == 1);
    while (r) {
      const uint8_t type = r.u8();
      if (!type) return;                                    // the PDU's end mark
      while (r) {
        const uint8_t length = r.u8();
        if (!length) break;
        r.require(length >= 2);
        const uint8_t what = r.u8();
        const Bytes v = r.bytes(length < 2 ? 0 : length - 2u);
        r.require(what <= 5 && (what == 0 || v.size() == 6 || v.size() == 2 || v.size() == 1));
        if (!r.ok()) return;
        event(what);
        if (what) value(number(v), v.size(), say);
      }
    }
  }

  // Vectors of attributes that follow each other, three events packed in an octet (10.8).
  template <class Event> static void vectors(Reader& r, Speaker& say, Event&& event) {
    r.require(r.u8() == 0);                                // protocol version
    while (r) {
      const uint8_t type = r.u8();
      const uint8_t length = r.u8();
      if (!type) return r.require(length == 0);            // the end mark has two octets
      r.require(length == 1 || length == 2 || length == 6);
      while (r) {
        const uint16_t head = r.be16();
        if (!r.ok()) return;
        if (!head) break;
        const uint16_t count = head & 0x1fff;
        if (head >> 13) event(mrp + 6);
        const uint64_t first = number(r.bytes(length));
        const Bytes packed = r.bytes((count + 2u) / 3);
        if (!r.ok()) return;
        if (!count) continue;
        const auto at = [&](unsigned i) {
          constexpr uint8_t weights[] = {36, 6, 1};
          return uint8_t(packed[i / 3] / weights[i % 3] % 6);
        };
        unsigned same = 1;
        while (same < count && at(same) == at(0)) same++;
        event(uint16_t(mrp + (same == count ? at(0) : 7)));
        for (unsigned i = 0; i < count; i++) {
          value(first + i, length, say);
          say.points().back().qualifier = at(i);
        }
      }
    }
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  bool bad = false;
  Reader r{up.empty() ? down : up, bad};
  const Recognised::Client who = up.empty() ? Recognised::down : Recognised::up;
  if (carrier == Carrier::llc) {
    const bool garp = r.be24() == 0x424203 && r.be16() == 1;
    const uint8_t type = r.u8();
    if (bad || !garp) return {};
    return {type && type <= 3 ? Recognised::yes : Recognised::maybe, who};
  }
  if (carrier != Carrier::ethertype) return {};
  const uint8_t version = r.u8(), type = r.u8(), length = r.u8();
  const uint16_t head = r.be16();
  r.skip(length);
  r.skip(((head & 0x1fffu) + 2) / 3);                       // the first vector fits
  if (bad || version) return {};
  const bool attribute = (type == 1 && (length == 1 || length == 2)) || (type == 2 && length == 6);
  return {attribute && (head & 0x1fff) && head >> 13 <= 1 ? Recognised::yes : Recognised::maybe, who};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::llc, 0x42}, {Carrier::ethertype, 0x88f5}, {Carrier::ethertype, 0x88f6}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"gmrp", "GMRP, GVRP, MRP", ports, recognises, open, functions, {}, nullptr, "IEEE 802.1D-1998, 10, 11 and 12; IEEE 802.1Q-2018, 10 and 11", "stream reservation (MSRP)"};

}  // namespace vidra::gmrp
