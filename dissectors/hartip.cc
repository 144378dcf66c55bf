// SPDX-License-Identifier: Apache-2.0
// HART-IP (FieldComm Group FCG TS20085) over UDP and TCP, and the HART commands in it (TS20099 token-passing PDUs, TS20127 universal and TS20151 common
// practice commands). A record is one HART-IP message; a datagram may hold several.
//
// What the fields hold:
//   function, sub_function   the command; 31 carries extended commands, whose number is the sub-function. 0xFF00 | message id where there is no PDU
//   frame                    the message's id; "inner" for the further commands of a direct PDU
//   station                  the device's unique address (38 bits), or its polling address
//   tag                      HART-IP sequence number
//   qualifier                device status (high octet) and response code of an answer, as sent
//   reason                   response code; 0x100 | flags of a communication error; 0x200 | status of the HART-IP header
// Points: device variables by their code (244 percent of range, 245 loop current, 246-249 PV to QV), with their unit code as qualifier.
#include <algorithm>
#include <array>

#include "dissectors/protocol.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vidra::hartip {
namespace {

enum Id : uint8_t { initiate, close, keep_alive, token_passing, direct, audit_log };
constexpr std::string_view frames[] = {"session initiate", "session close", "keep alive", "token-passing PDU", "direct PDU", "read audit log", "other", "inner"};
enum Frame : uint8_t { frame_other = 6, frame_inner };
constexpr uint16_t of_message = 0xFF00;

constexpr Function functions[] = {
    {0, 0xffff, "read unique identifier", Act::identify},
    {1, 0xffff, "read primary variable", Act::read},
    {2, 0xffff, "read loop current and percent of range", Act::read},
    {3, 0xffff, "read dynamic variables and loop current", Act::read},
    {6, 0xffff, "write polling address", Act::configure},
    {7, 0xffff, "read loop configuration", Act::read},
    {8, 0xffff, "read dynamic variable classifications", Act::browse},
    {9, 0xffff, "read device variables with status", Act::read},
    {11, 0xffff, "read unique identifier by tag", Act::identify},
    {12, 0xffff, "read message", Act::read},
    {13, 0xffff, "read tag, descriptor and date", Act::identify},
    {14, 0xffff, "read primary variable transducer information", Act::read},
    {15, 0xffff, "read device information", Act::read},
    {16, 0xffff, "read final assembly number", Act::identify},
    {17, 0xffff, "write message", Act::configure},
    {18, 0xffff, "write tag, descriptor and date", Act::configure},
    {19, 0xffff, "write final assembly number", Act::configure},
    {20, 0xffff, "read long tag", Act::identify},
    {21, 0xffff, "read unique identifier by long tag", Act::identify},
    {22, 0xffff, "write long tag", Act::configure},
    {31, 0xffff, "extended command", Act::other},
    {33, 0xffff, "read device variables", Act::read},
    {34, 0xffff, "write primary variable damping", Act::configure},
    {35, 0xffff, "write primary variable range values", Act::configure},
    {36, 0xffff, "set primary variable upper range value", Act::configure},
    {37, 0xffff, "set primary variable lower range value", Act::configure},
    {38, 0xffff, "reset configuration changed flag", Act::configure},
    {39, 0xffff, "EEPROM control", Act::configure},
    {40, 0xffff, "enter or exit fixed current mode", Act::operate},
    {41, 0xffff, "perform self test", Act::diagnose},
    {42, 0xffff, "perform device reset", Act::run},
    {43, 0xffff, "set primary variable zero", Act::configure},
    {44, 0xffff, "write primary variable units", Act::configure},
    {45, 0xffff, "trim loop current zero", Act::configure},
    {46, 0xffff, "trim loop current gain", Act::configure},
    {47, 0xffff, "write primary variable transfer function", Act::configure},
    {48, 0xffff, "read additional device status", Act::diagnose},
    {49, 0xffff, "write primary variable transducer serial number", Act::configure},
    {50, 0xffff, "read dynamic variable assignments", Act::browse},
    {51, 0xffff, "write dynamic variable assignments", Act::configure},
    {52, 0xffff, "set device variable zero", Act::configure},
    {53, 0xffff, "write device variable units", Act::configure},
    {54, 0xffff, "read device variable information", Act::browse},
    {55, 0xffff, "write device variable damping", Act::configure},
    {56, 0xffff, "write device variable transducer serial number", Act::configure},
    {57, 0xffff, "read unit tag, descriptor and date", Act::identify},
    {58, 0xffff, "write unit tag, descriptor and date", Act::configure},
    {59, 0xffff, "write number of response preambles", Act::configure},
    {60, 0xffff, "read analog channel and percent of range", Act::read},
    {61, 0xffff, "read dynamic variables and primary analog channel", Act::read},
    {62, 0xffff, "read analog channels", Act::read},
    {63, 0xffff, "read analog channel information", Act::browse},
    {64, 0xffff, "write analog channel additional damping", Act::configure},
    {65, 0xffff, "write analog channel range values", Act::configure},
    {66, 0xffff, "enter or exit fixed analog channel mode", Act::operate},
    {67, 0xffff, "trim analog channel zero", Act::configure},
    {68, 0xffff, "trim analog channel gain", Act::configure},
    {69, 0xffff, "write analog channel transfer function", Act::configure},
    {70, 0xffff, "read analog channel endpoint values", Act::read},
    {71, 0xffff, "lock device", Act::configure},
    {72, 0xffff, "squawk", Act::diagnose},
    {73, 0xffff, "find device", Act::identify},
    {74, 0xffff, "read I/O system capabilities", Act::browse},
    {75, 0xffff, "poll sub-device", Act::identify},
    {76, 0xffff, "read lock device state", Act::read},
    {77, 0xffff, "send command to sub-device", Act::other},
    {78, 0xffff, "read aggregated commands", Act::read},
    {79, 0xffff, "write device variable", Act::operate},
    {80, 0xffff, "read device variable trim points", Act::read},
    {81, 0xffff, "read device variable trim guidelines", Act::read},
    {82, 0xffff, "write device variable trim point", Act::configure},
    {83, 0xffff, "reset device variable trim", Act::configure},
    {84, 0xffff, "read sub-device identity summary", Act::identify},
    {85, 0xffff, "read I/O channel statistics", Act::diagnose},
    {86, 0xffff, "read sub-device statistics", Act::diagnose},
    {87, 0xffff, "write I/O system master mode", Act::configure},
    {88, 0xffff, "write I/O system retry count", Act::configure},
    {89, 0xffff, "set real-time clock", Act::time},
    {90, 0xffff, "read real-time clock", Act::time},
    {91, 0xffff, "read trend configuration", Act::read},
    {92, 0xffff, "write trend configuration", Act::configure},
    {93, 0xffff, "read trend", Act::read},
    {94, 0xffff, "read I/O system client-side statistics", Act::diagnose},
    {95, 0xffff, "read device message statistics", Act::diagnose},
    {96, 0xffff, "read synchronous action", Act::read},
    {97, 0xffff, "configure synchronous action", Act::configure},
    {98, 0xffff, "read command action", Act::read},
    {99, 0xffff, "configure command action", Act::configure},
    {101, 0xffff, "read sub-device to burst message map", Act::browse},
    {102, 0xffff, "map sub-device to burst message", Act::configure},
    {103, 0xffff, "write burst period", Act::subscribe},
    {104, 0xffff, "write burst trigger", Act::subscribe},
    {105, 0xffff, "read burst mode configuration", Act::browse},
    {106, 0xffff, "flush delayed responses", Act::session},
    {107, 0xffff, "write burst device variables", Act::subscribe},
    {108, 0xffff, "write burst mode command number", Act::subscribe},
    {109, 0xffff, "burst mode control", Act::subscribe},
    {110, 0xffff, "read all dynamic variables", Act::read},
    {111, 0xffff, "transfer service control", Act::file},
    {112, 0xffff, "transfer service", Act::file},
    {113, 0xffff, "catch device variable", Act::configure},
    {114, 0xffff, "read caught device variable", Act::read},
    {115, 0xffff, "read event notification summary", Act::read},
    {116, 0xffff, "write event notification bit mask", Act::configure},
    {117, 0xffff, "write event notification timing", Act::configure},
    {118, 0xffff, "event notification control", Act::configure},
    {119, 0xffff, "acknowledge event notification", Act::configure},
    {of_message | initiate, 0xffff, "session initiate", Act::session},
    {of_message | close, 0xffff, "session close", Act::session},
    {of_message | keep_alive, 0xffff, "keep alive", Act::session},
    {of_message | token_passing, 0xffff, "token-passing PDU without a command", Act::other},
    {of_message | direct, 0xffff, "direct PDU without a command", Act::other},
    {of_message | audit_log, 0xffff, "read audit log", Act::diagnose},
    {of_message | 0xff, 0xffff, "another message", Act::other},
};
Act act_of(unsigned command) {
  const auto at = std::lower_bound(std::begin(functions), std::end(functions), command, [](const Function& f, unsigned n) { return f.number < n; });
  return at != std::end(functions) && at->number == command ? at->act : Act::other;
}

// Response codes that every command shares (TS20307); 0x100 | of a communication error (its bits 6 to 1), 0x200 | of HART-IP.
std::string_view reason_name(uint16_t reason) {
  switch (reason) {
    case 1: return "undefined";
    case 2: return "invalid selection";
    case 3: return "parameter too large";
    case 4: return "parameter too small";
    case 5: return "too few data octets";
    case 6: return "device-specific error";
    case 7: return "in write protect mode";
    case 9: return "lower range value too high, or in the wrong mode";
    case 10: return "lower range value too low";
    case 11: return "upper range value too high";
    case 12: return "upper range value too low";
    case 13: return "span out of limits";
    case 15: return "loop current not active, or all in use";
    case 16: return "access restricted";
    case 17: return "invalid device variable index";
    case 18: return "invalid units code";
    case 19: return "device variable index not allowed";
    case 20: return "invalid extended command number";
    case 21: return "invalid I/O card number";
    case 22: return "invalid channel number";
    case 23: return "sub-device response too long";
    case 28: return "invalid range units code";
    case 32: return "busy";
    case 33: return "delayed response initiated";
    case 34: return "delayed response running";
    case 35: return "delayed response dead";
    case 36: return "delayed response conflict";
    case 64: return "command not implemented";
    default: break;
  }
  switch (reason) {                                                   // TS20085, table 9
    case 0x202: return "invalid selection";
    case 0x205: return "too few octets";
    case 0x206: return "device-specific error";
    case 0x208: return "set to the nearest possible value";
    case 0x20F: return "sessions all in use";
    case 0x210: return "access restricted";
    default: break;
  }
  return reason & 0x100 ? "communication error" : std::string_view{};
}
// Warnings are no refusals (TS20307, 5.4).
bool refuses(uint8_t code) {
  return code != 0 && code != 8 && code != 14 && !(code >= 24 && code <= 27) && code != 30 && code != 31 && code != 33 && code != 34 && !(code >= 96 && code <= 127 && code != 96);
}

constexpr size_t header_octets = 8;
uint16_t u16(const uint8_t* p) { return uint16_t(p[0] << 8 | p[1]); }

bool begins(Bytes b) {
  if (b.size() < header_octets) return false;
  const unsigned type = b[1] & 0x0f;
  return (b[0] == 1 || b[0] == 2) && (b[1] & 0x70) == 0 && (type <= 2 || type == 15) && (b[2] <= audit_log || b[2] >= 128) && u16(&b[6]) >= header_octets;
}
uint8_t parity(Bytes b) {
  uint8_t x = 0;
  for (uint8_t o : b) x ^= o;
  return x;
}

struct HartIp final : Parser {
  Cut next(Side from, Bytes octets, bool segment_start, bool) override {
    bool& seeking = seeking_[from == Side::client ? 0 : 1];
    if (!octets.empty() && octets[0] != 1 && octets[0] != 2) return seeking = true, Cut{Cut::lost, 0};
    if (octets.size() < header_octets) return {Cut::need, header_octets};
    if (!begins(octets)) return seeking = true, Cut{Cut::lost, 0};
    const size_t size = u16(&octets[6]);
    if (seeking) {
      if (!segment_start && !(octets[2] == token_passing && size > header_octets)) return {Cut::lost, 0};
      if (octets[2] == token_passing) {
        if (octets.size() < size) return {Cut::need, size};
        if (parity(octets.subspan(header_octets, size - header_octets)) != 0) return {Cut::lost, 0};
      }
      seeking = false;
    }
    return {Cut::take, size};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    do {
      const size_t size = begins(record) ? std::min<size_t>(u16(&record[6]), record.size()) : record.size();
      message(record.first(size), from, say);
      record = record.subspan(size);
    } while (!record.empty());
  }

  void gap(Side from, uint64_t) override { seeking_[from == Side::client ? 0 : 1] = true; }

 private:
  void message(Bytes octets, Side from, Speaker& say) {
    Message& m = say.begin();
    Reader r{octets, m.malformed};
    const uint8_t version = r.u8(), kind = r.u8(), id = r.u8(), status = r.u8();
    const uint16_t sequence = r.be16(), size = r.be16();
    r.require((version == 1 || version == 2) && size == octets.size());
    const unsigned type = kind & 0x0f;
    m.tag = sequence;
    m.frame = id <= audit_log ? id : uint8_t{frame_other};
    m.function = uint16_t(of_message | (id <= audit_log ? id : 0xff));
    m.role = type == 0 ? Role::request : type == 2 ? Role::report : Role::response;
    m.act = id <= keep_alive ? Act::session : id == audit_log ? Act::diagnose : Act::other;
    if (type == 0) asked_[next_++ % asked_.size()] = m.tag + 1;
    else if (type == 1 || type == 15) m.unpaired = !answered(m.tag + 1);
    if (status && type != 0) {
      m.reason = uint16_t(0x200 | status);
      m.refused = m.role == Role::response && refuses(status);
    }
    switch (id) {
      case initiate:
        if (type == 15 || (status && !r)) break;
        m.qualifier = r.u8();                                         // 1 primary, 0 secondary master
        named("close when idle for, ms", say).set_natural(r.be32());
        r.finish();
        break;
      case close: case keep_alive: r.finish(); break;
      case token_passing: if (r) return pdu(r, from, say); break;
      case direct: if (r) return directs(r, say); break;
      default: if (r) say.point({}).set_octets(r.rest().size()); break;
    }
    say.end();
  }

  bool answered(uint32_t sequence) {
    for (uint32_t& a : asked_)
      if (a == sequence) return a = 0, true;
    return false;
  }

  // TS20081, 5: delimiter, address, expansion, command, count, data, check octet over all of it.
  void pdu(Reader& r, Side, Speaker& say) {
    Message& m = say.head();
    m.malformed |= parity(r.peek()) != 0;
    const uint8_t delimiter = r.u8();
    const unsigned type = delimiter & 7;                              // 1 burst, 2 from a master, 6 from a device
    r.require(type == 1 || type == 2 || type == 6);
    if (delimiter & 0x80) {
      const uint64_t high = r.u8() & 0x3f;                            // without the master's and the burst bit
      m.station = high << 32 | r.be32();
    } else {
      m.station = r.u8() & 0x3f;
    }
    r.skip(delimiter >> 5 & 3);
    const uint8_t command = r.u8();
    Reader data = r.sub(r.u8());
    r.skip(1);
    r.finish();
    m.role = type == 2 ? Role::request : type == 1 ? Role::report : Role::response;
    if (m.role == Role::report) m.unpaired = false;
    one(command, data, say);
    m.malformed |= !data.ok();
    tell(say);
  }

  // TS20085: device status, extended status; then commands of 16 bits with a count each, answers with their response code.
  void directs(Reader& r, Speaker& say) {
    const Message like = say.head();
    const uint8_t device = r.u8();
    r.skip(1);
    bool first = true;
    do {
      Message& m = say.begin();
      m = like;
      Reader in{r.peek(), m.malformed};
      if (!first) m.frame = frame_inner;
      const uint16_t command = in.be16();
      Reader data = in.sub(in.u8());
      direct_status_ = device;
      const size_t used = r.left() - in.left();
      one(command, data, say, true);
      tell(say);
      r.skip(used);
      first = false;
    } while (r);
  }

  void tell(Speaker& say) {
    const bool known = knows_;
    const Identity who = who_;
    knows_ = false;
    who_ = {};
    say.end();
    if (known) say.identity(who);
  }

  void one(unsigned command, Reader& data, Speaker& say, bool is_direct = false) {
    Message& m = say.head();
    const bool answers = m.role != Role::request;
    if (answers) {
      const uint8_t code = data.u8();
      const uint8_t device = is_direct ? direct_status_ : data.u8();
      m.qualifier = uint32_t{device} << 8 | code;
      if (code & 0x80) m.reason = uint16_t(0x100 | (code & 0x7f)), m.refused = m.role == Role::response;
      else if (code) m.reason = code, m.refused = m.role == Role::response && refuses(code);
    }
    if (command == 31 && data.left() >= 2) m.sub_function = data.be16();
    m.function = uint16_t(command);
    m.act = act_of(command);
    if (!answers && (m.act == Act::configure || m.act == Act::operate || m.act == Act::run || m.act == Act::time || m.act == Act::subscribe)) {
      const Bytes all = data.peek();
      m.digest = XXH3_64bits_withSeed(all.data(), all.size(), uint64_t{command} << 40 | m.station);
    }
    if (!data) return;
    if (answers && m.refused) {
      say.point({}).set_octets(data.rest().size());
      return;
    }
    values(command, data, answers, say);
    if (data) {                                                       // revisions add fields at the end
      const size_t n = data.rest().size();
      if (say.points().empty() && !knows_) say.point({}).set_octets(n);
    }
  }

  static Object variable(unsigned code) { return Object(ObjectKind::item, code, 1); }
  static void label(Object o, Speaker& say) {
    switch (o.number()) {
      case 244: say.label(o, "percent of range"); break;
      case 245: say.label(o, "loop current"); break;
      case 246: say.label(o, "PV"); break;
      case 247: say.label(o, "SV"); break;
      case 248: say.label(o, "TV"); break;
      case 249: say.label(o, "QV"); break;
      default: {
        std::array<char, 12> name = {'v', 'a', 'r', 'i', 'a', 'b', 'l', 'e', ' '};
        size_t n = 9;
        for (unsigned v = o.number(), tens = v >= 100 ? 100 : v >= 10 ? 10 : 1; tens; tens /= 10) name[n++] = char('0' + v / tens % 10);
        say.label(o, {name.data(), n});
      }
    }
  }
  static Point& measured(unsigned code, unsigned unit, double v, Speaker& say) {
    const Object o = variable(code);
    label(o, say);
    Point& p = say.point(o);
    p.set_real(v);
    p.qualifier = unit;
    if (v != v) p.quality = invalid;
    return p;
  }
  static Point& named(std::string_view name, Speaker& say) { return say.point(say.named(name)); }

  // Six bits a character (TS20099, 5.2): 0x20-0x5F.
  static std::string_view packed(Bytes b, std::span<char> room) {
    size_t n = 0;
    for (size_t i = 0; i + 3 <= b.size() && n + 4 <= room.size(); i += 3) {
      const uint32_t v = uint32_t{b[i]} << 16 | uint32_t{b[i + 1]} << 8 | b[i + 2];
      for (int shift = 18; shift >= 0; shift -= 6) {
        const unsigned c = v >> shift & 0x3f;
        room[n++] = char(c < 0x20 ? c + 0x40 : c);
      }
    }
    while (n && room[n - 1] == ' ') n--;
    return {room.data(), n};
  }
  static std::string_view trimmed(Bytes b) {
    std::string_view s = text_of(b);
    s = s.substr(0, s.find('\0'));
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
    return s;
  }
  static std::string_view hexadecimal(uint64_t v, unsigned digits, std::string_view word, std::span<char> room) {
    size_t n = size_t(std::copy(word.begin(), word.end(), room.begin()) - room.begin());
    for (unsigned i = digits; i-- > 0;) room[n++] = "0123456789ABCDEF"[v >> (4 * i) & 15];
    return {room.data(), n};
  }

  void values(unsigned command, Reader& r, bool answers, Speaker& say) {
    std::array<char, 40> room;
    const auto text = [&](std::string_view name, std::string_view s) {
      const uint64_t key = say.text(s);
      named(name, say).set_text(key);
      return key;
    };
    const auto real = [&r] { return double(r.be_float()); };
    if (answers) {
      switch (command) {
        case 0: case 11: case 21: {
          r.require(r.u8() == 254);
          const uint16_t type = r.be16();
          r.skip(2);                                                  // preambles, universal revision
          const uint8_t revision = r.u8(), software = r.u8();
          r.skip(2);
          const uint32_t serial = r.be24();
          if (!r.ok()) return;
          uint16_t maker = type >> 8;
          if (r.left() >= 7) r.skip(5), maker = r.be16();
          who_ = {};
          who_.station = say.head().station;
          who_.model = text("device type", hexadecimal(type, 4, "type ", room));
          who_.vendor = text("manufacturer", hexadecimal(maker, 4, "manufacturer ", room));
          who_.serial = text("device", hexadecimal(serial, 6, "", room));
          who_.firmware = text("software revision", hexadecimal(uint64_t{revision} << 8 | software, 4, "", room));
          knows_ = true;
          return;
        }
        case 1: { const unsigned unit = r.u8(); measured(246, unit, real(), say); return; }
        case 2: measured(245, 39, real(), say), measured(244, 57, real(), say); return;
        case 3: case 61: {
          if (command == 61) r.skip(1);
          measured(245, command == 61 ? 0 : 39, real(), say);
          for (unsigned i = 0; i < 4 && r.left() >= 5; i++) { const unsigned unit = r.u8(); measured(246 + i, unit, real(), say); }
          return;
        }
        case 110:
          for (unsigned i = 0; i < 4 && r.left() >= 5; i++) { const unsigned unit = r.u8(); measured(246 + i, unit, real(), say); }
          return;
        case 9: {                                                     // extended status; code, class, unit, value, status each; a time
          r.skip(1);
          while (r.left() >= 8) {
            const unsigned code = r.u8();
            r.skip(1);
            const unsigned unit = r.u8();
            Point& p = measured(code, unit, real(), say);
            const uint8_t status = r.u8();
            if (status != 0xC0) p.status = status;                    // good, not limited
            if (status >> 6 == 0) p.quality |= invalid;               // bad
            else if (status >> 6 == 1) p.quality |= questionable;     // poor accuracy
            else if (status >> 6 == 2) p.quality |= forced_locally;   // fixed
          }
          return;
        }
        case 33:
          while (r.left() >= 6) { const unsigned code = r.u8(), unit = r.u8(); measured(code, unit, real(), say); }
          return;
        case 48: {
          Point& p = named("additional status", say);
          const size_t n = r.left();
          uint64_t v = 0;
          for (size_t i = 0; i < n && i < 8; i++) v = v << 8 | r.u8();
          p.set_bits(v, unsigned(8 * std::min<size_t>(n, 8)));
          r.rest();
          return;
        }
        case 7: named("polling address", say).set_natural(r.u8()), named("loop current mode", say).set((r.u8() & 1) != 0); return;
        case 16: named("final assembly number", say).set_natural(r.be24()); return;
        default: break;
      }
    }
    switch (command) {                                                // written, and said back
      case 6: named("polling address", say).set_natural(r.u8()); if (r) named("loop current mode", say).set((r.u8() & 1) != 0); return;
      case 11: text("tag", packed(r.bytes(6), room)); return;
      case 12: case 17: text("message", packed(r.bytes(24), room)); return;
      case 13: case 18: {
        const uint64_t tag = text("tag", packed(r.bytes(6), room));
        text("descriptor", packed(r.bytes(12), room));
        r.skip(3);
        if (answers && r.ok()) who_ = {}, who_.station = say.head().station, who_.name = tag, knows_ = true;
        return;
      }
      case 19: named("final assembly number", say).set_natural(r.be24()); return;
      case 20: case 21: case 22: {
        const uint64_t tag = text("long tag", trimmed(r.bytes(32)));
        if (answers && r.ok()) who_ = {}, who_.station = say.head().station, who_.name = tag, knows_ = true;
        return;
      }
      case 34: named("damping", say).set_real(real()); return;
      case 35: {
        const unsigned unit = r.u8();
        Point& upper = named("upper range value", say);
        upper.qualifier = unit, upper.set_real(real());
        Point& lower = named("lower range value", say);
        lower.qualifier = unit, lower.set_real(real());
        return;
      }
      case 40: case 45: case 46: measured(245, 39, real(), say); return;
      case 44: named("unit", say).set_natural(r.u8()); return;
      case 71: named("lock", say).set_natural(r.u8()); return;
      case 79: {
        const unsigned code = r.u8(), mode = r.u8(), unit = r.u8();
        Point& p = measured(code, unit, real(), say);
        p.status = 0;
        if (mode) p.quality |= forced_remotely;                       // 1: fixed; 0: normal again
        if (r) r.skip(1);
        return;
      }
      default: break;
    }
  }

  std::array<bool, 2> seeking_{};
  std::array<uint32_t, 16> asked_{};
  uint32_t next_ = 0;
  uint8_t direct_status_ = 0;
  bool knows_ = false;
  Identity who_;
};

// ---- recognising

struct Sight { Recognised::Sure sure = Recognised::no; int asks = 0; };

Sight sight(Bytes b, Carrier carrier) {
  if (b.empty()) return {};
  if (b.size() < header_octets) return {b[0] == 1 || b[0] == 2 ? Recognised::maybe : Recognised::no, 0};
  if (!begins(b)) return {};
  const size_t size = u16(&b[6]);
  const unsigned type = b[1] & 0x0f;
  const int asks = type == 0 ? 1 : -1;
  if (size > b.size()) return {carrier == Carrier::tcp ? Recognised::maybe : Recognised::no, asks};
  if (size < b.size() && !begins(b.subspan(size)) && (carrier == Carrier::udp || b.size() - size >= header_octets)) return {};
  if (b[2] == token_passing && size >= header_octets + 5) {
    const Bytes pdu = b.subspan(header_octets, size - header_octets);
    const size_t command = 1u + (pdu[0] & 0x80 ? 5u : 1u) + (pdu[0] >> 5 & 3u);
    if (pdu.size() >= command + 3 && parity(pdu) == 0 && command + 3 + pdu[command + 1] == pdu.size() && ((pdu[0] & 7) == 1 || (pdu[0] & 7) == 2 || (pdu[0] & 7) == 6))
      return {Recognised::yes, asks};
    return {};
  }
  if (b[2] == initiate && size == 13 && b[8] <= 1 && b[3] <= 16) return {Recognised::yes, asks};
  return {size == header_octets || b[2] >= direct || b[2] == initiate ? Recognised::maybe : Recognised::no, asks};
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Sight u = sight(up, carrier), d = sight(down, carrier);
  if (!up.empty() && u.sure == Recognised::no && d.sure != Recognised::yes) return {};
  const auto sure = std::max(u.sure, d.sure);
  if (sure == Recognised::no) return {};
  const int asks = u.sure >= d.sure && u.asks ? u.asks : -d.asks;
  return {sure, asks > 0 ? Recognised::up : asks < 0 ? Recognised::down : Recognised::unknown};
}

constexpr Port ports[] = {{Carrier::udp, 5094}, {Carrier::tcp, 5094}};

}  // namespace
extern const Protocol protocol;
const Protocol protocol = {"hartip", "HART-IP", ports, recognises, [](Pool& pool) -> Parser* { return pool.make<HartIp>(); }, functions, frames, reason_name,
                           "FieldComm Group TS20085 (HART-IP), TS20081 (token-passing PDUs), TS20127 and TS20151 (universal and common practice commands)",
                           "device-specific and wireless commands, extended commands beyond their number; the security of version 2"};
}  // namespace vidra::hartip
