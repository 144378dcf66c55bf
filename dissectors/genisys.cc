// SPDX-License-Identifier: Apache-2.0
// Genisys (Union Switch & Signal) over TCP, as serial device servers carry it: control of signals, pumps and field stations. Not
// published in full; the framing is known from the comments of a dissector offered to Wireshark (issue 3422). A record is one
// message: header, station, octets by address, CRC, terminator; what equals a header is escaped.
#include <algorithm>

#include "dissectors/crc.h"
#include "dissectors/protocol.h"

namespace vidra::genisys {
namespace {

constexpr Function functions[] = {
    {0xF1, 0xffff, "acknowledge", Act::session},
    {0xF2, 0xffff, "indication data", Act::read},
    {0xF3, 0xffff, "control data checkback", Act::select},
    {0xF9, 0xffff, "common control data", Act::operate},
    {0xFA, 0xffff, "acknowledge indication and poll", Act::read},
    {0xFB, 0xffff, "poll", Act::read},
    {0xFC, 0xffff, "control data", Act::operate},
    {0xFD, 0xffff, "recall", Act::read},
    {0xFE, 0xffff, "execute controls", Act::operate},
};

constexpr uint8_t escape = 0xF0, terminator = 0xF6;
constexpr size_t longest = 1200;

constexpr bool is_header(uint8_t o) { return (o >= 0xF1 && o <= 0xF3) || (o >= 0xF9 && o <= 0xFE); }

// CRC-16 of Modbus, low octet first. It starts from FFFF in what was heard, from 0 in the description: both are taken.
bool crc_is(Bytes b, uint16_t sent) {
  if (crc_modbus(b) == sent) return true;
  uint16_t c = 0;
  for (uint8_t o : b) c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ o) & 0xff]);
  return c == sent;
}

// The message up to a terminator, without its escapes. Some stations do not escape the CRC: an octet above the escape is taken
// as it is.
struct Plain {
  std::array<uint8_t, longest> octets;
  size_t size = 0, wire = 0;                             // wire: its length as it was sent; 0: no terminator
  bool broken = false;
};
void plain(Bytes b, Plain& p, size_t from = 1) {         // the first terminator at or behind `from`
  p.size = p.wire = 0;
  p.broken = b.empty() || !is_header(b[0]);
  bool escaped = false;
  for (size_t i = 0; i < std::min(b.size(), longest); i++) {
    const uint8_t o = b[i];
    if (i >= from && o == terminator) {
      p.broken |= escaped;
      p.wire = i + 1;
      return;
    }
    if (escaped) p.octets[p.size++] = uint8_t(escape | (o & 15)), escaped = false;
    else if (i > 0 && o == escape) escaped = true;
    else p.octets[p.size++] = o;
  }
  p.broken |= b.size() >= longest;
}

bool bare(const Plain& p) { return p.size == 2 && (p.octets[0] == 0xF1 || p.octets[0] == 0xFB); }   // these may come without a CRC
bool crc_holds(const Plain& p) {
  return p.size >= 4 && crc_is(Bytes(p.octets).first(p.size - 2), uint16_t(p.octets[p.size - 2] | p.octets[p.size - 1] << 8));
}

// The same where the two octets of the CRC were sent as they are.
void plain_with_bare_crc(Bytes b, Plain& p, size_t wire) {
  if (wire < 5) return;
  plain(b.first(wire - 3), p);
  if (p.size + 2 > p.octets.size()) return;
  p.octets[p.size++] = b[wire - 3];
  p.octets[p.size++] = b[wire - 2];
  p.wire = wire;
}

// The message that begins here: up to the first terminator that leaves a right CRC (it may contain F6 itself), or to the first.
void message(Bytes b, Plain& p) {
  plain(b, p);
  if (!p.wire || bare(p) || crc_holds(p)) return;
  const size_t first = p.wire;
  plain_with_bare_crc(b, p, first);
  if (crc_holds(p) && !p.broken) return;
  for (size_t tries = 0, from = p.wire; tries < 2 && from <= first + 2; tries++) {
    plain(b, p, from);
    if (!p.wire || p.wire > first + 2) break;
    if (crc_holds(p)) return;
    from = p.wire;
  }
  plain(b.first(first), p);
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.empty()) return {Cut::need, 1};
    if (!is_header(b[0])) return {Cut::lost, 0};
    message(b, plain_);
    if (plain_.wire) return {Cut::take, plain_.wire};
    return b.size() >= longest ? Cut{Cut::lost, 0} : Cut{Cut::need, b.size() + 1};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    message(record, plain_);
    Message& m = say.begin();
    const bool broken = plain_.broken || plain_.wire != record.size() || (!bare(plain_) && !crc_holds(plain_));
    const size_t body = plain_.size >= 4 && !bare(plain_) ? plain_.size - 2 : plain_.size;
    Reader r{Bytes(plain_.octets).first(body), m.malformed};
    m.function = r.u8();
    if (r) m.station = r.u8();
    for (const Function& f : functions)
      if (f.number == m.function) m.act = f.act;
    m.role = m.function <= 0xF3 ? Role::response : Role::request;
    m.broadcast = m.function == 0xF9;
    if (m.act == Act::operate || m.act == Act::select) m.digest = text_key(text_of(r.peek()));
    while (r.left() >= 2) {
      const uint8_t address = r.u8();
      say.point(Object(ObjectKind::item, address)).set_bits(r.u8(), 8);
    }
    if (r) say.point(Object{}).set_octets(r.rest().size());
    m.malformed |= broken;
    say.end();
  }

 private:
  Plain plain_;
};

Recognised recognises(Bytes up, Bytes down, Carrier) {
  if ((!up.empty() && !is_header(up[0])) || (!down.empty() && !is_header(down[0]))) return {};   // most that is asked of
  Recognised::Client client = Recognised::unknown;
  size_t sure = 0, any = 0;
  Plain p;
  for (bool first : {true, false}) {
    Bytes b = first ? up : down;
    for (size_t n = 0; !b.empty() && n < 8; n++) {
      message(b, p);
      if (p.broken) return {};
      if (!p.wire) break;
      if (!bare(p) && !crc_holds(p)) return {};
      sure += !bare(p), any++;
      client = (p.octets[0] >= 0xF9) == first ? Recognised::up : Recognised::down;
      b = b.subspan(p.wire);
    }
  }
  if (sure >= 2 || (sure && any > sure)) return {Recognised::yes, client};
  return {any ? Recognised::maybe : Recognised::no, client};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 10001}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"genisys", "Genisys", ports, recognises, open, functions, {}, nullptr,
                           "not published in full; Union Switch & Signal's framing as described in Wireshark's issue 3422 and by ICSNPP",
                           "what a bit at an address means is the site's; mode octets are said as any other; undefined headers F4, F5, F7, F8"};

}  // namespace vidra::genisys
