// SPDX-License-Identifier: Apache-2.0
// PROFINET (IEC 61158-6-10:2019, IEC 61784-2): EtherType 0x8892 with cyclic data, alarms, DCP and PTCP by their frame identifier, and IO context
// management over DCE/RPC on UDP (profinet_cm.h). Each frame or datagram is a record.
//
// Cyclic data is a stream for each frame identifier: its first frame is said, a change of the data status, a break of the cycle counter
// or of the transfer status (once a second), and a summary (once a second at most, of 16 frames at least). The data itself stays opaque: what it means is in
// the engineering file.
// Function: DCP's service; 0x100 | operation of a call; 0x140 | packet type of what else RPC says; 0x200… as below.
//   tag         DCP: Xid; call: sequence number; alarm: send sequence
//   sequence    call: session key; cyclic data: cycle counter
//   qualifier   cyclic data: frame identifier | data status << 16; alarm: 1 high, 0 low
#include "dissectors/profinet_cm.h"

namespace vidra::profinet {
namespace {

enum Service : uint16_t { get = 3, set = 4, identify = 5, hello = 6 };
constexpr uint16_t cyclic = 0x200, changed = 0x201, breach = 0x202, summary = 0x203, alarm = 0x210, alarm_control = 0x211, ptcp = 0x220, fragments = 0x230, service = 0x231, reserved = 0x232;

constexpr Function functions[] = {
    {get, 0xffff, "DCP get", Act::read},
    {set, 0x0102, "DCP set IP address", Act::configure},
    {set, 0x0103, "DCP set IP address and name server", Act::configure},
    {set, 0x0202, "DCP set name of station", Act::configure},
    {set, 0x0503, "DCP flash", Act::diagnose},
    {set, 0x0505, "DCP factory reset", Act::run},
    {set, 0x0506, "DCP reset to factory", Act::run},
    {set, 0xffff, "DCP set", Act::configure},
    {identify, 1, "DCP identify all", Act::browse},
    {identify, 0xffff, "DCP identify", Act::identify},
    {hello, 0xffff, "DCP hello", Act::identify},
    {cm + 0, 0xffff, "connect", Act::session},
    {cm + 1, 0xffff, "release", Act::session},
    {cm + 2, 0xffff, "read", Act::read},
    {cm + 3, 0xffff, "write", Act::configure},
    {cm + 4, 0x110, "control, end of parameters", Act::run},
    {cm + 4, 0x111, "control, end of parameters after plugging", Act::run},
    {cm + 4, 0x112, "control, application ready", Act::run},
    {cm + 4, 0x113, "control, application ready after plugging", Act::run},
    {cm + 4, 0x116, "control, ready for companion", Act::run},
    {cm + 4, 0x117, "control, ready for synchronous data", Act::run},
    {cm + 4, 0x118, "control, begin of parameters", Act::configure},
    {cm + 4, 0xffff, "control", Act::run},
    {cm + 5, 0xffff, "read without connection", Act::read},
    {cm + 0x3f, 0xffff, "unknown operation", Act::other},
    {rpc + 1, 0xffff, "RPC ping", Act::session},
    {rpc + 3, 0xffff, "RPC fault", Act::session},
    {rpc + 4, 0xffff, "RPC working", Act::session},
    {rpc + 5, 0xffff, "RPC no call", Act::session},
    {rpc + 6, 0xffff, "RPC reject", Act::session},
    {rpc + 7, 0xffff, "RPC acknowledge", Act::session},
    {rpc + 8, 0xffff, "RPC cancel", Act::session},
    {rpc + 9, 0xffff, "RPC fragment acknowledge", Act::session},
    {rpc + 10, 0xffff, "RPC cancel acknowledge", Act::session},
    {rpc + 11, 0xffff, "RPC fragment", Act::other},
    {mapper, 0xffff, "endpoint mapper", Act::browse},
    {cyclic, 0xffff, "cyclic data", Act::report},
    {changed, 0xffff, "changed data status", Act::report},
    {breach, 1, "breach, cycle counter", Act::report},
    {breach, 2, "breach, transfer status", Act::report},
    {breach, 0xffff, "breach", Act::report},
    {summary, 0xffff, "summary", Act::report},
    {alarm, 1, "alarm, diagnosis", Act::report},
    {alarm, 2, "alarm, process", Act::report},
    {alarm, 3, "alarm, pull", Act::report},
    {alarm, 4, "alarm, plug", Act::report},
    {alarm, 5, "alarm, status", Act::report},
    {alarm, 6, "alarm, update", Act::report},
    {alarm, 7, "alarm, redundancy", Act::report},
    {alarm, 8, "alarm, controlled by supervisor", Act::report},
    {alarm, 9, "alarm, released", Act::report},
    {alarm, 10, "alarm, wrong submodule plugged", Act::report},
    {alarm, 11, "alarm, return of submodule", Act::report},
    {alarm, 12, "alarm, diagnosis gone", Act::report},
    {alarm, 13, "alarm, multicast mismatch", Act::report},
    {alarm, 14, "alarm, port changed", Act::report},
    {alarm, 15, "alarm, synchronisation changed", Act::report},
    {alarm, 16, "alarm, isochronous problem", Act::report},
    {alarm, 17, "alarm, network component problem", Act::report},
    {alarm, 18, "alarm, time changed", Act::report},
    {alarm, 19, "alarm, dynamic frame packing problem", Act::report},
    {alarm, 20, "alarm, media redundancy", Act::report},
    {alarm, 21, "alarm, multiple interface", Act::report},
    {alarm, 30, "alarm, upload and retrieval", Act::report},
    {alarm, 31, "alarm, pull module", Act::report},
    {alarm, 0xffff, "alarm", Act::report},
    {alarm_control, 2, "alarm not acknowledged", Act::session},
    {alarm_control, 3, "alarm received", Act::session},
    {alarm_control, 4, "alarm error", Act::session},
    {alarm_control, 0xffff, "alarm transport", Act::session},
    {ptcp, 1, "PTCP synchronisation", Act::time},
    {ptcp, 2, "PTCP follow-up", Act::time},
    {ptcp, 3, "PTCP delay request", Act::time},
    {ptcp, 4, "PTCP delay response", Act::time},
    {ptcp, 5, "PTCP announcement", Act::time},
    {ptcp, 0xffff, "PTCP", Act::time},
    {fragments, 0xffff, "fragment", Act::report},
    {service, 0xffff, "remote service", Act::other},
    {reserved, 0xffff, "reserved frame identifier", Act::other},
};

constexpr Time breach_period = second;

// One frame identifier's cyclic data.
struct Stream {
  uint16_t frame = 0;
  uint16_t counter = 0, step = 0, guess = 0;   // of the cycle counter, in units of 31.25 µs
  uint8_t status = 0;
  bool known = false, has_told = false;
  uint32_t frames = 0, missed = 0, breaches = 0;
  Time summed = 0, told = 0, used = 0;
};

// PTCP's kinds by frame identifier; 0 for others.
constexpr uint16_t ptcp_kind(uint16_t frame) {
  if (frame <= 0x0fff && (frame <= 0x0021 ? frame >= 0x0020 : frame == 0x0080 || frame == 0x0081)) return 1;
  if (frame == 0xff00 || frame == 0xff01) return 5;
  if (frame == 0xff20 || frame == 0xff21) return 2;
  if (frame == 0xff40) return 3;
  return frame >= 0xff41 && frame <= 0xff43 ? 4 : 0;
}
constexpr bool is_cyclic(uint16_t frame) { return frame >= 0x0100 && frame <= 0xfbff; }

class Profinet final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Call call;
    if (is_call(record, call)) return remote(call, say);
    bool bad = false;
    Reader r{record, bad};
    const uint16_t frame = r.be16();
    if (is_cyclic(frame) && record.size() >= 6) return data(frame, record, say);
    Message& m = say.begin();
    m.role = Role::report;
    m.malformed = bad || is_cyclic(frame);
    Reader body{r.peek(), m.malformed};
    Identity who;
    if (frame >= 0xfefc && frame <= 0xfeff) dcp(frame, body, m, say, who);
    else if (frame == 0xfc01 || frame == 0xfe01) alarms(frame == 0xfc01, body, m, say);
    else if (const uint16_t kind = ptcp_kind(frame)) precise(kind, body, m, say);
    else other(frame, m, say);
    say.end();
    if (!m.malformed && (who.name || who.vendor)) say.identity(who);
  }

  void end(Side side, Speaker& say) override {
    if (side == Side::server) return;
    for (Stream& s : streams_)
      if (s.frames) sum_up(s, say);
  }

 private:
  // ---- cyclic data

  Stream* find(uint16_t frame, Speaker& say) {
    Stream* oldest = &streams_[0];
    for (Stream& s : streams_) {
      if (s.known && s.frame == frame) return &s;
      if (!s.known ? oldest->known : oldest->known && s.used < oldest->used) oldest = &s;
    }
    if (oldest->frames) sum_up(*oldest, say);               // gives way to another
    *oldest = Stream{};
    return oldest;
  }

  // The last four octets: cycle counter, data status, transfer status.
  void data(uint16_t frame, Bytes record, Speaker& say) {
    const uint8_t* const tail = record.data() + record.size() - 4;
    const uint16_t counter = uint16_t(tail[0] << 8 | tail[1]);
    const uint8_t status = tail[2], transfer = tail[3];
    Stream& s = streams_[0].known && streams_[0].frame == frame ? streams_[0] : *find(frame, say);
    s.frames++;
    s.used = say.time;
    if (!s.known) [[unlikely]] {
      s.known = true, s.frame = frame, s.counter = counter, s.status = status, s.summed = say.time;
      head(s, cyclic, 0, say);
      if (record.size() < 46) say.head().malformed = true;    // C_SDU of 40 octets at the least
      tell(status, say);
      if (transfer) field(say, "transfer status").set_bits(transfer, 8);
      return say.end();
    }
    const uint16_t step = uint16_t(counter - s.counter);
    s.counter = counter;
    if (step != s.step) [[unlikely]] {
      if (step && step == s.guess && (!s.step || step < s.step)) s.step = step;   // twice the same: that is its pace
      else if (s.step) missed(s, step, say);
      s.guess = step;
    }
    if (status != s.status) [[unlikely]] {
      s.status = status;
      head(s, changed, 0, say);
      tell(status, say);
      say.end();
    }
    if (transfer) [[unlikely]] broken(s, 2, "transfer status", transfer, say);
    if (s.frames >= summary_frames && say.time - s.summed >= summary_period) [[unlikely]] sum_up(s, say);
  }

  void missed(Stream& s, uint16_t step, Speaker& say) {
    const bool forward = step && step < 0x8000 && step % s.step == 0;
    const uint32_t lost = forward ? step / s.step - 1u : 0;
    s.missed += lost;
    broken(s, 1, forward ? "frames missing" : "counter went by", forward ? lost : step, say);
  }

  static void broken(Stream& s, uint16_t rule, std::string_view what, uint32_t value, Speaker& say) {
    if (s.has_told && say.time - s.told < breach_period) {
      s.breaches++;
      return;
    }
    s.has_told = true, s.told = say.time;
    head(s, breach, rule, say);
    field(say, what).set_natural(value);
    say.end();
  }

  static void head(const Stream& s, uint16_t function, uint16_t sub, Speaker& say) {
    Message& m = say.begin();
    m.function = function;
    m.sub_function = sub;
    m.role = Role::report;
    m.act = Act::report;
    m.sequence = s.counter;
    m.qualifier = uint32_t(s.frame) | uint32_t(s.status) << 16;
  }

  static void tell(uint8_t status, Speaker& say) {
    const uint16_t frame = uint16_t(say.head().qualifier);
    field(say, "frame").set_natural(frame);
    field(say, "running").set(status & 0x10);
    field(say, "valid").set(status & 4);
    field(say, "primary").set(status & 1);
    if (!(status & 0x20)) field(say, "problem").set(true);
    if (status & 0x80) field(say, "ignore").set(true);
  }

  static void sum_up(Stream& s, Speaker& say) {
    head(s, summary, 0, say);
    Message& m = say.head();
    m.tag = s.frames;
    Word name;
    name.put("frame 0x%04x", unsigned(s.frame));
    field(say, name).set_natural(s.frames);
    field(say, "over, s").set_real(double(say.time - s.summed) / double(second));
    if (s.step) field(say, "cycle, ms").set_real(s.step / 32.0);
    if (s.missed) field(say, "missing").set_integer(s.missed);
    if (s.breaches) field(say, "further breaches").set_integer(s.breaches);
    say.end();
    s.frames = s.missed = s.breaches = 0;
    s.summed = say.time;
  }

  // ---- DCP (4.3)

  static void dcp(uint16_t frame, Reader& r, Message& m, Speaker& say, Identity& who) {
    m.function = r.u8();
    const uint8_t kind = r.u8();
    m.tag = r.be32();
    r.skip(2);
    Reader blocks = r.sub(r.be16());
    r.require(m.function >= get && m.function <= hello && (frame == 0xfefc) == (m.function == hello));
    r.require(frame != 0xfefe || (m.function == identify && !(kind & 1)));
    if (m.malformed) {
      if (m.function < get || m.function > hello) m.function = 0;
      return;
    }
    const bool answer = kind & 1;
    m.role = m.function == hello ? Role::report : answer ? Role::response : Role::request;
    m.refused = answer && kind & 4;                         // service not supported
    m.act = m.function == get ? Act::read : m.function == set ? Act::configure : Act::identify;
    if (m.function == get && !answer) {
      while (blocks.left() >= 2) {
        const uint16_t option = blocks.be16();
        say.point(Object(ObjectKind::item, option));
      }
    }
    while (blocks.left() >= 4 && blocks.ok()) {
      const uint8_t option = blocks.u8(), sub = blocks.u8();
      const uint16_t length = blocks.be16();
      Reader v = blocks.sub(length);
      if (length % 2 && blocks) blocks.skip(1);
      if (!blocks.ok()) break;
      if (m.function == identify && !answer && option == 0xff) m.sub_function = 1;
      block(option, sub, v, m, say, who, answer);
    }
    if (m.function == set && !answer) {
      m.act = m.sub_function == 0x0505 || m.sub_function == 0x0506 ? Act::run : m.sub_function == 0x0503 ? Act::diagnose : Act::configure;
    } else if (m.sub_function == 1) {
      m.act = Act::browse;
    }
  }

  static void block(uint8_t option, uint8_t sub, Reader& v, Message& m, Speaker& say, Identity& who, bool answer) {
    const uint16_t what = uint16_t(option << 8 | sub);
    const bool asks = m.role == Role::request;
    if (m.function == set && asks) {
      const auto danger = [](uint16_t w) { return w == 0x0505 || w == 0x0506 ? 3 : w == 0x0102 || w == 0x0103 || w == 0x0202 ? 2 : w == 0x0503 ? 1 : 0; };
      if (danger(what) > danger(m.sub_function) || !m.sub_function) m.sub_function = what;
      const uint16_t qualifier = v.be16();                  // 1: to keep
      m.qualifier = qualifier;
    } else if (m.function != set && (answer || m.function == hello)) {
      v.skip(2);                                            // block info
    }
    if (!v.ok()) return;
    const bool tells = (answer || m.function == hello) && m.function != set;
    switch (what) {
      case 0x0102: case 0x0103: {
        const uint32_t address = v.be32(), mask = v.be32(), gateway = v.be32();
        if (!v.ok()) return;
        field(say, "IP address", Word::ip4(address));
        field(say, "mask", Word::ip4(mask));
        field(say, "gateway", Word::ip4(gateway));
        break;
      }
      case 0x0201: {
        const Word text = Word::written(v.rest());
        field(say, "type of station", text);
        if (tells) who.product = say.text(text);
        break;
      }
      case 0x0202: {
        const Word text = Word::written(v.rest());
        field(say, "name of station", text);
        if (tells) who.name = say.text(text);
        break;
      }
      case 0x0203: {
        const uint16_t vendor = v.be16(), device = v.be16();
        if (!v.ok()) return;
        Word maker, model;
        maker.put("vendor 0x%04x", unsigned(vendor)), model.put("device 0x%04x", unsigned(device));
        field(say, "vendor", maker);
        field(say, "device", model);
        if (tells) who.vendor = say.text(maker), who.model = say.text(model);
        break;
      }
      case 0x0204: {
        const uint8_t role = v.u8();
        if (v.ok()) field(say, "role", role & 2 ? "controller" : role & 8 ? "supervisor" : role & 4 ? "multi-device" : "device");
        break;
      }
      case 0x0206: field(say, "alias", Word::written(v.rest())); break;
      case 0x0504: {                                        // which option is answered, and how
        const uint8_t of = v.u8(), part = v.u8(), error = v.u8();
        if (!v.ok()) return;
        Point& p = say.point(Object(ObjectKind::item, uint32_t(of) << 8 | part));
        p.status = error;
        if (error) m.refused = true, m.reason = error;
        if (m.function == set && !m.sub_function) m.sub_function = uint16_t(of << 8 | part);
        break;
      }
      case 0xffff: break;                                   // all
      default: say.point(Object(ObjectKind::item, what)).set_octets(v.left());
    }
  }

  // ---- alarms (RTA, 4.7): endpoints, type of PDU, sequence, then a notification or its acknowledgement

  static void alarms(bool high, Reader& r, Message& m, Speaker& say) {
    m.function = alarm_control;
    m.act = Act::session;
    m.qualifier = high;
    r.skip(4);
    const uint8_t kind = r.u8();
    r.skip(1);
    m.tag = r.be16();
    r.skip(2);
    Reader v = r.sub(r.be16());
    m.sub_function = kind & 15;
    if (m.malformed) return;
    if ((kind & 15) == 4) {
      const uint32_t status = v.be32();
      if (v.ok()) field(say, "status").set_bits(status, 32);
      m.refused = true;
      return;
    }
    if ((kind & 15) != 1) return;
    const uint16_t block = v.be16();
    v.skip(4);
    const uint16_t type = v.be16();
    v.skip(4);
    const uint16_t slot = v.be16(), subslot = v.be16();
    if (!v.ok()) return;
    m.function = alarm;
    m.sub_function = type;
    m.act = Act::report;
    Point& p = say.point(record_of(say, 0, slot, subslot));
    if (block & 0x8000) {                                   // acknowledged by the application
      m.role = Role::response;
      v.skip(2);
      const uint32_t status = v.be32();
      if (v.ok() && status) p.status = uint16_t(status >> 16), m.refused = true;
      return;
    }
    v.skip(4);
    const uint32_t submodule = v.be32();
    const uint16_t specifier = v.be16();
    if (!v.ok()) return;
    p.set_natural(submodule);
    if (specifier & 0x2000) field(say, "channel diagnosis").set(true);
    if (specifier & 0x4000) field(say, "manufacturer's diagnosis").set(true);
    if (specifier & 0x0800) field(say, "submodule in trouble").set(true);
    m.retained = bool(v);
  }

  // ---- the rest

  static void precise(uint16_t kind, Reader& r, Message& m, Speaker&) {
    m.function = ptcp;
    m.sub_function = kind;
    m.act = Act::time;
    m.role = kind == 3 ? Role::request : kind == 4 ? Role::response : Role::report;
    r.skip(12 + 4 + 2);                                     // reserved, delays; then the sequence
    r.skip(2);
  }

  static void other(uint16_t frame, Message& m, Speaker& say) {
    m.function = frame >= 0xff80 && frame <= 0xff8f ? fragments : frame == 0xfe02 ? service : reserved;
    m.act = m.function == fragments ? Act::report : Act::other;
    if (!m.malformed) field(say, "frame").set_natural(frame);
  }

  static void remote(const Call& c, Speaker& say) {
    Message& m = say.begin();
    m.tag = c.sequence;
    m.role = c.type == 0 || c.type == 1 || c.type == 8 ? Role::request : Role::response;
    m.act = Act::session;
    Identity who;
    Reader all{c.body, m.malformed};
    Reader r = all.sub(c.length);
    r.require(!c.cut);
    if (c.type != 0 && c.type != 2) {
      m.function = uint16_t(rpc + c.type);
      if (c.type == 3 || c.type == 6) {
        m.refused = true;
        const uint32_t status = r.be32();
        if (r.ok()) field(say, "status").set_bits(c.little ? __builtin_bswap32(status) : status, 32);
      }
    } else if (c.fragment) {
      m.function = rpc + 11;
      m.act = Act::other;
    } else if (!c.io) {
      m.function = mapper;
      m.act = Act::browse;
    } else {
      operation(c, r, m, say, who);
    }
    say.end();
    if (!m.malformed && who.vendor) say.identity(who);
  }

  static void operation(const Call& c, Reader& r, Message& m, Speaker& say, Identity& who) {
    constexpr Act acts[] = {Act::session, Act::session, Act::read, Act::configure, Act::run, Act::read};
    m.function = c.operation <= 5 ? uint16_t(cm + c.operation) : uint16_t(cm + 0x3f);
    m.act = c.operation <= 5 ? acts[c.operation] : Act::other;
    const uint32_t first = c.little ? r.le32() : r.be32();  // how long the answer may be; of an answer its status
    r.skip(4 + 4 + 4);
    const uint32_t octets = c.little ? r.le32() : r.be32();
    if (m.role == Role::response && first) {                // error code, decode, code 1, code 2
      m.refused = true;
      m.reason = uint16_t(first >> 24 << 8 | (first >> 8 & 0xff));
      Point& p = field(say, "status");
      p.set_bits(first, 32);
    }
    if (c.flags & 4) {                                      // the first of several fragments: as far as it goes
      bool cut = false;
      Reader part{r.rest(), cut};
      Blocks(say, m, who).read(part);
      m.retained = true;
      return;
    }
    Reader v = r.sub(octets);
    Blocks(say, m, who).read(v);
    if (c.operation == 4 && m.sub_function == 0x118) m.act = Act::configure;
  }

  Stream streams_[16];
};

std::string_view reason_name(uint16_t reason) {
  constexpr std::string_view dcp[] = {"", "option unsupported", "suboption unsupported", "not set", "resource error", "not possible now", "in operation, not possible"};
  if (reason < std::size(dcp)) return dcp[reason];
  switch (reason >> 8) {
    case 0xcf: return "alarm error";
    case 0xda: return "alarm acknowledge error";
    case 0xdb: return "connect refused";
    case 0xdc: return "release refused";
    case 0xdd: return "control refused";
    case 0xde: return "read refused";
    case 0xdf: return "write refused";
    case 0x81: return "CM error";
    default: return {};
  }
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier == Carrier::udp) {
    Call u, d;
    const bool one = is_call(up, u), two = is_call(down, d);
    if ((!one && !up.empty()) || (!two && !down.empty()) || (!one && !two)) return {};
    const auto asks = [](const Call& c) { return c.type == 0 || c.type == 1 || c.type == 8; };
    const bool io = (one && u.io) || (two && d.io);
    const bool up_asks = one ? asks(u) : !asks(d);
    return {io ? Recognised::yes : Recognised::maybe, up_asks ? Recognised::up : Recognised::down};
  }
  if (carrier != Carrier::ethertype || b.size() < 6) return {};
  const uint16_t frame = uint16_t(b[0] << 8 | b[1]);
  bool usual = false;
  if (frame >= 0xfefc && frame <= 0xfeff) {
    usual = b.size() >= 12 && b[2] >= get && b[2] <= hello && (b[3] & 0xfa) == 0 && size_t(b[10] << 8 | b[11]) <= b.size() - 12;
  } else if (frame >= 0x8000 && frame <= 0xfbff && b.size() >= 46) {
    const uint8_t status = b[b.size() - 2];
    usual = (status & 0x48) == 0 && (status & 0x20) != 0 && b[b.size() - 1] == 0;
  }
  return {usual ? Recognised::yes : Recognised::maybe, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Profinet>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x8892}, {Carrier::udp, 34964}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"profinet", "PROFINET", ports, recognises, open, functions, {}, reason_name,
                           "IEC 61158-6-10:2019, 4.3 DCP, 4.7 alarms, 4.8 cyclic data, 5.2 blocks; connectionless DCE/RPC (C706, 12)",
                           "the cyclic data itself, PTCP beyond its kind, calls in several fragments beyond the first, records but I&M0, real-time data over UDP"};

}  // namespace vidra::profinet
