// SPDX-License-Identifier: Apache-2.0
// Ethernet POWERLINK (EPSG DS 301 1.3.0; EtherType 0x88AB, SDO also on UDP 3819): frames by kind, node and NMT state; ASnd services with NMT commands, SDO and identities.
// Version 1 (EtherType 0x3E3F) is recognised by its kinds. Each frame is a record.
//
// SoC, PReq, PRes and SoA are a stream: a node's first of each kind is said, a changed NMT state, and a summary (once a second at most, of 16 frames at
// least). ASnd is always said.
//   station     the node that a request is for, or that a response is from
//   origin      the sending node
#include "dissectors/words.h"

namespace vidra::powerlink {
namespace {

constexpr uint16_t asnd = 6, changed = 0x200, summary = 0x201;
constexpr Function functions[] = {
    {1, 0xffff, "SoC", Act::report},
    {3, 0xffff, "PReq", Act::report},
    {4, 0xffff, "PRes", Act::report},
    {5, 0xffff, "SoA", Act::report},
    {asnd, 1, "identity", Act::identify},
    {asnd, 2, "status", Act::report},
    {asnd, 3, "NMT request", Act::run},
    {asnd, 4, "NMT command", Act::run},
    {asnd, 5, "SDO", Act::other},
    {asnd, 6, "SDO sequence", Act::session},
    {asnd, 0x101, "SDO write", Act::write},
    {asnd, 0x102, "SDO read", Act::read},
    {asnd, 0x103, "SDO write all", Act::write},
    {asnd, 0x104, "SDO read all", Act::read},
    {asnd, 0x105, "SDO write by name", Act::write},
    {asnd, 0x106, "SDO read by name", Act::read},
    {asnd, 0x120, "SDO file write", Act::file},
    {asnd, 0x121, "SDO file read", Act::file},
    {asnd, 0x131, "SDO write several", Act::write},
    {asnd, 0x132, "SDO read several", Act::read},
    {asnd, 0x170, "SDO segment size", Act::session},
    {asnd, 0x221, "NMT start node", Act::run},
    {asnd, 0x222, "NMT stop node", Act::run},
    {asnd, 0x223, "NMT enter pre-operational 2", Act::run},
    {asnd, 0x224, "NMT enable ready to operate", Act::run},
    {asnd, 0x228, "NMT reset node", Act::run},
    {asnd, 0x229, "NMT reset communication", Act::run},
    {asnd, 0x22a, "NMT reset configuration", Act::run},
    {asnd, 0x22b, "NMT software reset", Act::run},
    {asnd, 0x262, "NMT set host name", Act::configure},
    {asnd, 0x263, "NMT flush ARP", Act::configure},
    {asnd, 0xffff, "ASnd", Act::other},
    {7, 0xffff, "AMNI", Act::session},
    {13, 0xffff, "AInv", Act::session},
    {changed, 0xffff, "changed NMT state", Act::report},
    {summary, 0xffff, "summary", Act::report},
};

Act act_of(uint16_t sub) {
  for (const Function& f : functions)
    if (f.number == asnd && (f.sub == sub || f.sub == 0xffff)) return f.act;
  return Act::other;
}

constexpr std::string_view kinds[16] = {"", "SoC", "", "PReq", "PRes", "SoA", "ASnd", "AMNI", "", "", "", "", "", "AInv"};

std::string_view state_name(uint8_t state) {
  switch (state) {
    case 0x00: return "off";
    case 0x19: return "initialising";
    case 0x29: return "reset application";
    case 0x39: return "reset communication";
    case 0x79: return "reset configuration";
    case 0x1c: return "not active";
    case 0x1d: return "pre-operational 1";
    case 0x5d: return "pre-operational 2";
    case 0x6d: return "ready to operate";
    case 0xfd: return "operational";
    case 0x4d: return "stopped";
    case 0x1e: return "basic Ethernet";
    default: return "other";
  }
}

class Powerlink final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    bool bad = false;
    Reader r{record, bad};
    const uint8_t kind = r.u8() & 0x7f, to = r.u8(), from = r.u8();
    r.require(kind < 16 && !kinds[kind & 15].empty());
    constexpr uint8_t least[16] = {3, 24, 3, 10, 10, 9, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    r.require(record.size() >= least[kind & 15]);
    const uint16_t size = !bad && (kind == 3 || kind == 4) ? uint16_t(record[8] | record[9] << 8) : 0;
    r.require(size <= 1490 && size + (size ? 10u : 0u) <= record.size());
    if (bad) {
      Message& m = head(kind < 16 && !kinds[kind].empty() ? kind : 1, to, from, say);
      m.malformed = true;
      return say.end();
    }
    if (frames_++ == 0) summed_ = say.time;
    counts_[kind]++;
    if (kind == asnd) return service(record, to, from, say), due(say);
    const uint8_t node = kind == 3 ? to : from;
    uint64_t& heard = heard_[kind & 7][node >> 6];
    const bool first = !(heard >> (node & 63) & 1);
    heard |= uint64_t{1} << (node & 63);
    const bool has_state = kind == 4 || kind == 5;
    if (first) [[unlikely]] {
      head(kind, to, from, say);
      if (has_state) states_[from] = record[3], field(say, "NMT state", state_name(record[3]));
      if (size) field(say, "process data").set_octets(size);
      say.end();
    } else if (has_state && states_[from] != record[3]) [[unlikely]] {
      head(changed, to, from, say);
      field(say, "from", state_name(states_[from]));
      field(say, "to", state_name(record[3]));
      states_[from] = record[3];
      say.end();
    }
    due(say);
  }

  void end(Side side, Speaker& say) override {
    if (side == Side::client && frames_) sum_up(say);
  }

 private:
  static Message& head(uint16_t function, uint8_t to, uint8_t from, Speaker& say) {
    Message& m = say.begin();
    m.function = function;
    m.role = Role::report;
    m.act = Act::report;
    m.origin = from;
    m.has_origin = true;
    m.station = function == 3 ? to : from;
    m.broadcast = to == 255;
    return m;
  }

  static void service(Bytes record, uint8_t to, uint8_t from, Speaker& say) {
    Message& m = head(asnd, to, from, say);
    Reader r{record, m.malformed};
    r.skip(3);
    const uint8_t id = r.u8();
    m.sub_function = id;
    Identity who;
    switch (id) {
      case 1: identity(r, m, say, who); break;
      case 2: {
        r.skip(2);
        const uint8_t state = r.u8();
        if (r.ok()) field(say, "NMT state", state_name(state));
        break;
      }
      case 3: {
        m.role = Role::request;
        const uint8_t command = r.u8(), target = r.u8();
        if (!r.ok()) break;
        field(say, "command").set_bits(command, 8);
        field(say, "node").set_natural(target);
        break;
      }
      case 4: {
        m.role = Role::request;
        m.station = to;
        const uint8_t command = r.u8();
        if (!r.ok()) break;
        m.sub_function = uint16_t(0x200 | command);
        if (function_name_known(m.sub_function)) break;
        m.sub_function = 4;
        field(say, "command").set_bits(command, 8);
        break;
      }
      case 5: sdo(r, to, m, say); break;
      default: m.retained = true;
    }
    m.act = act_of(m.sub_function);
    say.end();
    if (!m.malformed && who.vendor) say.identity(who);
  }
  static bool function_name_known(uint16_t sub) {
    for (const Function& f : functions) if (f.number == asnd && f.sub == sub) return true;
    return false;
  }

  // IdentResponse (7.3.3.2.1).
  static void identity(Reader& r, Message& m, Speaker& say, Identity& who) {
    r.skip(2);
    const uint8_t state = r.u8();
    r.skip(1 + 1 + 1 + 4 + 2 + 2 + 2 + 4 + 2);
    const uint32_t device = r.le32(), vendor = r.le32(), product = r.le32(), revision = r.le32(), serial = r.le32();
    r.skip(8 + 16);
    const uint32_t address = r.le32();
    r.skip(8);
    const Word host = Word::written(r.bytes(32));
    if (m.malformed) return;
    field(say, "NMT state", state_name(state));
    field(say, "device type").set_bits(device, 32);
    field(say, "IP address", Word::ip4(address));
    Word maker, model, version, number;
    maker.put("vendor 0x%08x", vendor), model.put("product 0x%08x", product), version.put("0x%08x", revision), number.put("%u", serial);
    who.vendor = say.text(maker);
    who.model = say.text(model);
    who.firmware = say.text(version);
    if (serial && serial != 0xffffffff) who.serial = say.text(number);
    if (!std::string_view(host).empty()) who.name = say.text(host);
    who.station = m.station;
  }

  // Sequence layer of 4 octets, command layer of 8 and the data (6.3).
  static void sdo(Reader& r, uint8_t to, Message& m, Speaker& say) {
    r.skip(4);
    if (r.left() < 8) {
      m.sub_function = 6;                                   // the sequence alone
      return;
    }
    r.skip(1);
    m.tag = r.u8();
    const uint8_t flags = r.u8(), command = r.u8();
    const uint16_t size = r.le16();
    r.skip(2);
    const bool answers = flags & 0x80, first = (flags >> 4 & 3) <= 1;
    if (!command && !size) {
      m.sub_function = 6;
      return;
    }
    m.sub_function = uint16_t(0x100 | command);
    if (!function_name_known(m.sub_function)) m.sub_function = 5;
    m.role = answers ? Role::response : Role::request;
    if (!answers) m.station = to;
    Reader v = r.sub(size);
    if (!v.ok()) return;
    if ((flags >> 4 & 3) == 1) v.skip(4);                   // of several segments: how many octets in all
    if (flags & 0x40) {
      m.refused = true;
      const uint32_t code = v.le32();
      if (v.ok()) field(say, "abort").set_bits(code, 32);
      return;
    }
    if (!first || answers || (command != 1 && command != 2 && command != 3 && command != 4)) {
      m.retained = bool(v);
      return;
    }
    const uint16_t index = v.le16();
    const uint8_t sub = v.u8();
    v.skip(1);
    if (!v.ok()) return;
    Point& p = say.point(parameter(say, index, sub, to));
    const Bytes data = v.rest();
    if (command == 2 || command == 4 || data.empty()) return;
    if (data.size() > 8) return p.set_octets(data.size());
    uint64_t value = 0;
    for (size_t i = data.size(); i-- > 0;) value = value << 8 | data[i];
    p.set_bits(value, unsigned(data.size() * 8));
  }

  void due(Speaker& say) {
    if (frames_ >= summary_frames && say.time - summed_ >= summary_period) [[unlikely]] sum_up(say);
  }
  void sum_up(Speaker& say) {
    Message& m = say.begin();
    m.function = summary;
    m.role = Role::report;
    m.act = Act::report;
    m.tag = frames_;
    for (size_t i = 0; i < std::size(counts_); i++)
      if (counts_[i]) field(say, kinds[i]).set_natural(counts_[i]), counts_[i] = 0;
    field(say, "over, s").set_real(double(say.time - summed_) / double(second));
    say.end();
    frames_ = 0;
    summed_ = say.time;
  }

  uint64_t heard_[8][4] = {};       // by kind, a bit each node
  uint8_t states_[256] = {};
  uint32_t counts_[16] = {};
  uint32_t frames_ = 0;
  Time summed_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (b.size() < 4) return {};
  if (carrier == Carrier::udp) return {b[0] == asnd && b[3] == 5 && b.size() >= 8 && !b[6] && !b[7] ? Recognised::maybe : Recognised::no, Recognised::unknown};   // SDO on UDP
  if (carrier != Carrier::ethertype) return {};
  const uint8_t kind = b[0] & 0x7f;
  if (kind > 13 || kinds[kind].empty()) return {};
  bool sure = false;
  if (kind == 1) sure = b.size() >= 36 && b[1] == 255 && b[2] == 240;
  if (kind == 5) sure = b.size() >= 36 && b[1] == 255 && b[2] == 240 && (b[8] >> 4) <= 2;
  if (kind == 4) sure = b.size() >= 36 && b[1] == 255 && size_t(b[8] | b[9] << 8) + 10 <= b.size();
  if (kind == 3) sure = b.size() >= 36 && b[2] == 240 && b[1] && b[1] != 255 && size_t(b[8] | b[9] << 8) + 10 <= b.size();
  return {sure ? Recognised::yes : Recognised::maybe, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Powerlink>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88ab}, {Carrier::udp, 3819}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"powerlink", "POWERLINK", ports, recognises, open, functions, {}, nullptr, "EPSG DS 301 1.3.0, 4.6, 6.3 and 7.3", "process data, openSAFETY inside it, SDO segments but the first, version 1"};

}  // namespace vidra::powerlink
