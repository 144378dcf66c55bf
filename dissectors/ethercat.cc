// SPDX-License-Identifier: Apache-2.0
// EtherCAT (IEC 61158-4-12 and -6-12, ETG.1000; EtherType 0x88A4, UDP 34980): datagrams by command and address, the state machine, mailboxes with CoE,
// FoE, SoE, EoE. Each frame is a record; a frame passes twice, out (working counter 0: request) and back (response).
//
// Process data is a stream. Said are: each command's first datagram; writes of registers that write something else than last time; AL control and
// a changed AL status; every mailbox message; a working counter other than before (once a second); a summary by command (once a second
// at most, of 16 frames at least).
//   station     ADP: the configured station address, or the position as it came
//   tag         the datagram's index, of the mailbox its counter
//   qualifier   ADO, or the logical address
#include "dissectors/words.h"

namespace vidra::ethercat {
namespace {

constexpr uint16_t al_control = 0x100, al_status = 0x101, mailbox_error = 0x110, aoe = 0x111, eoe = 0x112, coe = 0x113, foe = 0x114, soe = 0x115, voe = 0x11f, variables = 0x120,
                   breach = 0x201, summary = 0x202, other_type = 0x203;
enum Command : uint8_t { nop, aprd, apwr, aprw, fprd, fpwr, fprw, brd, bwr, brw, lrd, lwr, lrw, armw, frmw };
constexpr std::string_view commands[] = {"NOP", "APRD", "APWR", "APRW", "FPRD", "FPWR", "FPRW", "BRD", "BWR", "BRW", "LRD", "LWR", "LRW", "ARMW", "FRMW"};

constexpr Function functions[] = {
    {nop, 0xffff, "NOP", Act::other},
    {aprd, 0xffff, "APRD", Act::read},
    {apwr, 0xffff, "APWR", Act::write},
    {aprw, 0xffff, "APRW", Act::write},
    {fprd, 0xffff, "FPRD", Act::read},
    {fpwr, 0xffff, "FPWR", Act::write},
    {fprw, 0xffff, "FPRW", Act::write},
    {brd, 0xffff, "BRD", Act::read},
    {bwr, 0xffff, "BWR", Act::write},
    {brw, 0xffff, "BRW", Act::write},
    {lrd, 0xffff, "LRD", Act::report},
    {lwr, 0xffff, "LWR", Act::report},
    {lrw, 0xffff, "LRW", Act::report},
    {armw, 0xffff, "ARMW", Act::time},
    {frmw, 0xffff, "FRMW", Act::time},
    {al_control, 1, "state requested: INIT", Act::run},
    {al_control, 2, "state requested: PREOP", Act::run},
    {al_control, 3, "state requested: BOOT", Act::run},
    {al_control, 4, "state requested: SAFEOP", Act::run},
    {al_control, 8, "state requested: OP", Act::run},
    {al_control, 0xffff, "state requested", Act::run},
    {al_status, 1, "state is INIT", Act::report},
    {al_status, 2, "state is PREOP", Act::report},
    {al_status, 3, "state is BOOT", Act::report},
    {al_status, 4, "state is SAFEOP", Act::report},
    {al_status, 8, "state is OP", Act::report},
    {al_status, 0xffff, "states differ", Act::report},
    {mailbox_error, 0xffff, "mailbox error", Act::session},
    {aoe, 0xffff, "ADS over EtherCAT", Act::other},
    {eoe, 0, "Ethernet over EtherCAT, fragment", Act::other},
    {eoe, 2, "Ethernet over EtherCAT, set IP address", Act::configure},
    {eoe, 3, "Ethernet over EtherCAT, set IP address, answer", Act::configure},
    {eoe, 4, "Ethernet over EtherCAT, set filter", Act::configure},
    {eoe, 5, "Ethernet over EtherCAT, set filter, answer", Act::configure},
    {eoe, 0xffff, "Ethernet over EtherCAT", Act::other},
    {coe, 0x100, "emergency", Act::report},
    {coe, 0x200, "SDO download segment", Act::write},
    {coe, 0x201, "SDO download", Act::write},
    {coe, 0x202, "SDO upload", Act::read},
    {coe, 0x203, "SDO upload segment", Act::read},
    {coe, 0x204, "SDO abort", Act::session},
    {coe, 0x300, "SDO upload segment, answer", Act::read},
    {coe, 0x301, "SDO download segment, answer", Act::write},
    {coe, 0x302, "SDO upload, answer", Act::read},
    {coe, 0x303, "SDO download, answer", Act::write},
    {coe, 0x304, "SDO abort", Act::session},
    {coe, 0x800, "SDO information", Act::browse},
    {coe, 0xffff, "CANopen over EtherCAT", Act::other},
    {foe, 1, "file read", Act::file},
    {foe, 2, "file write", Act::file},
    {foe, 3, "file data", Act::file},
    {foe, 4, "file acknowledge", Act::file},
    {foe, 5, "file error", Act::file},
    {foe, 6, "file busy", Act::file},
    {foe, 0xffff, "file over EtherCAT", Act::file},
    {soe, 1, "servo read", Act::read},
    {soe, 2, "servo read, answer", Act::read},
    {soe, 3, "servo write", Act::write},
    {soe, 4, "servo write, answer", Act::write},
    {soe, 5, "servo notification", Act::report},
    {soe, 6, "servo emergency", Act::report},
    {soe, 0xffff, "servo over EtherCAT", Act::other},
    {voe, 0xffff, "vendor's protocol over EtherCAT", Act::other},
    {variables, 0xffff, "network variables", Act::report},
    {breach, 0xffff, "breach, working counter", Act::report},
    {summary, 0xffff, "summary", Act::report},
    {other_type, 0xffff, "other frame", Act::other},
};

Act act_of(uint16_t number, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != number) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

constexpr bool logical(uint8_t c) { return c >= lrd && c <= lrw; }
constexpr bool writes(uint8_t c) { return c == apwr || c == fpwr || c == bwr || c == aprw || c == fprw || c == brw; }
constexpr bool reads(uint8_t c) { return c == aprd || c == fprd || c == brd; }
constexpr uint16_t register_control = 0x0120, register_status = 0x0130, first_memory = 0x1000;

struct Datagram {
  uint8_t command = 0, index = 0;
  uint32_t address = 0;             // ADP | ADO << 16, or logical
  Bytes data;
  uint16_t counter = 0;             // working counter
  uint16_t station() const { return uint16_t(address); }
  uint16_t offset() const { return uint16_t(address >> 16); }
};

class Ethercat final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    bool bad = false;
    Reader r{record, bad};
    const uint16_t head = r.le16();
    Reader body = r.sub(head & 0x7ff);                      // padding may follow
    const uint8_t type = uint8_t(head >> 12);
    if (frames_++ == 0) summed_ = say.time;
    if (type == 1) datagrams(body, say);
    else if (type == 5 && !bad) mailbox(body.rest(), {}, say);
    else if (type == 4 && !bad) publish(body, say);
    else if (!bad) named(type, say);
    if (bad) {
      Message& m = say.begin();
      m.function = other_type;
      m.role = Role::request;
      m.malformed = true;
      say.end();
    }
    if (frames_ >= summary_frames && say.time - summed_ >= summary_period) [[unlikely]] sum_up(say);
  }

  void end(Side side, Speaker& say) override {
    if (side == Side::client && frames_) sum_up(say);
  }

 private:
  struct Slot {
    uint64_t key = 0;               // command, address, length
    uint64_t value = 0;             // hash of what was written or read last
    uint16_t counter = 0;           // last working counter that was not 0
    bool zero = false, seen = false;
  };

  Slot* slot(uint64_t key, bool& first) {
    const size_t from = size_t(key * 0x9e3779b97f4a7c15 >> 56);
    for (size_t i = 0; i < 8; i++) {
      Slot& s = slots_[(from + i) % std::size(slots_)];
      if (s.key == key) return first = false, &s;
      if (!s.key) return s.key = key, first = true, &s;
    }
    first = false;
    return nullptr;                                         // too many addresses: this one is counted only
  }

  void datagrams(Reader& r, Speaker& say) {
    for (bool more = true; more;) {
      Datagram d;
      d.command = r.u8(), d.index = r.u8();
      d.address = r.le32();
      const uint16_t length = r.le16();
      r.skip(2);                                            // external event
      d.data = r.bytes(length & 0x7ff);
      d.counter = r.le16();
      more = length & 0x8000;
      r.require(d.command <= frmw);
      if (!r.ok()) return;
      hear(d, say);
    }
  }

  void hear(const Datagram& d, Speaker& say) {
    counts_[d.command]++;
    const bool new_command = !(heard_ >> d.command & 1);
    heard_ |= uint16_t(1u << d.command);
    bool first = false;
    if (logical(d.command)) {
      Slot* const s = slot(uint64_t(d.command + 1) << 48 | uint64_t(d.address) << 16 | d.data.size(), first);
      if (s) working(d, *s, say);
      if (new_command) access(d, say);
      return;
    }
    if (d.offset() >= first_memory && (writes(d.command) || (reads(d.command) && d.counter)) && mailbox(d.data, d, say)) return;
    const bool status = reads(d.command) && d.offset() == register_status && d.data.size() >= 2;
    if (status ? d.counter == 0 : !writes(d.command) || d.offset() >= first_memory) {
      if (new_command) access(d, say);
      return;
    }
    Slot* const s = slot(uint64_t(d.command + 1) << 48 | uint64_t(d.address) << 16 | d.data.size(), first);
    const uint64_t value = text_key(text_of(status ? d.data.first(2) : d.data)) ^ uint64_t(d.counter != 0) << 60;
    if (s && !first && s->value == value) return;
    if (s) s->value = value;
    else if (!new_command) return;
    if (d.offset() == register_control && d.data.size() >= 2) state(d, al_control, say);
    else if (status) state(d, al_status, say);
    else access(d, say);
  }

  // As many slaves as before have done what the datagram wants. 0 is how it goes out; twice in a row nobody answered.
  void working(const Datagram& d, Slot& s, Speaker& say) {
    const bool broken = s.seen && (d.counter ? d.counter != s.counter : s.zero);
    s.zero = !d.counter;
    const uint16_t before = s.counter;
    if (d.counter) s.counter = d.counter, s.seen = true;
    else if (broken) s.seen = false;                        // said once
    if (!broken) [[likely]] return;
    if (has_told_ && say.time - told_ < second) {
      breaches_++;
      return;
    }
    has_told_ = true, told_ = say.time;
    Message& m = head(d, breach, say);
    m.role = Role::report;
    field(say, "of", commands[d.command]);
    field(say, "awaited").set_natural(before);
    field(say, "heard").set_natural(d.counter);
    say.end();
  }

  static Message& head(const Datagram& d, uint16_t function, Speaker& say) {
    Message& m = say.begin();
    m.function = function;
    m.act = act_of(function, 0xffff);
    m.role = d.counter ? Role::response : Role::request;
    m.tag = d.index;
    m.station = logical(d.command) ? 0 : d.station();
    m.qualifier = logical(d.command) ? d.address : d.offset();
    m.broadcast = d.command == brd || d.command == bwr || d.command == brw;
    return m;
  }

  static void value(Point& p, Bytes data) {
    if (data.empty()) return;
    if (data.size() > 8) return p.set_octets(data.size());
    uint64_t v = 0;
    for (size_t i = data.size(); i-- > 0;) v = v << 8 | data[i];
    p.set_bits(v, unsigned(data.size() * 8));
  }

  static void access(const Datagram& d, Speaker& say) {
    head(d, d.command, say);
    const Object o = logical(d.command) ? Object(ObjectKind::item, d.address) : Object(ObjectKind::memory_area, d.offset(), d.station());
    Word name;
    if (logical(d.command)) name.put("logical 0x%08x", d.address);
    else name.put("register 0x%04x", unsigned(d.offset()));
    say.label(o, name);
    Point& p = say.point(o);
    if (d.counter || writes(d.command)) value(p, d.data);
    if (d.counter) field(say, "working counter").set_natural(d.counter);
    say.end();
  }

  static void state(const Datagram& d, uint16_t function, Speaker& say) {
    Message& m = head(d, function, say);
    m.sub_function = d.data[0] & 15;
    if (function == al_status) m.role = Role::report;
    if (d.data[0] & 0x10) field(say, function == al_control ? "acknowledges the error" : "error").set(true);
    if (function == al_status && d.data.size() >= 6 && (d.data[4] | d.data[5])) field(say, "status code").set_bits(uint64_t(d.data[4] | d.data[5] << 8), 16);
    if (d.counter > 1) field(say, "devices").set_natural(d.counter);
    say.end();
  }

  // Length, address, channel and priority, type and counter (ETG.1000.4, 5.6); then the service. False where it is none.
  static bool mailbox(Bytes data, const Datagram& d, Speaker& say) {
    bool bad = false;
    Reader r{data, bad};
    const uint16_t length = r.le16(), address = r.le16();
    r.skip(1);
    const uint8_t kind = r.u8();
    if (bad || length < 2 || length > r.left() || kind & 0x80) return false;
    const uint8_t type = kind & 15;
    if (type > 5 && type != 15) return false;
    Reader v = r.sub(length);
    const uint16_t word = v.le16();
    if (type == 3 && (word & 0x0e00 || word >> 12 == 0 || word >> 12 > 8)) return false;
    if (type == 4 && (word < 1 || word > 6)) return false;
    Message& m = head(d, uint16_t(mailbox_error + type), say);
    m.tag = kind >> 4;
    m.station = d.data.empty() ? address : d.station();
    m.role = writes(d.command) ? Role::request : Role::response;
    Reader body{v.peek(), m.malformed};
    switch (type) {
      case 0: {
        m.refused = true;
        const uint16_t detail = body.le16();
        if (body.ok()) field(say, "detail").set_bits(detail, 16);
        break;
      }
      case 2: m.sub_function = word & 15; break;
      case 3: canopen(word, body, m, say); break;
      case 4: file(word, body, m, say); break;
      case 5: servo(word, body, m, say); break;
      default: break;
    }
    m.act = act_of(m.function, m.sub_function);
    say.end();
    return true;
  }

  static void canopen(uint16_t word, Reader& r, Message& m, Speaker& say) {
    const uint8_t service = uint8_t(word >> 12);
    m.sub_function = uint16_t(service << 8);
    if (service == 1) {
      m.role = Role::report;
      const uint16_t code = r.le16();
      const uint8_t error = r.u8();
      if (r.ok()) field(say, "error code").set_bits(code, 16), field(say, "error register").set_bits(error, 8);
      return;
    }
    if (service != 2 && service != 3) return;
    const uint8_t command = r.u8();
    m.sub_function = uint16_t(service << 8 | command >> 5);
    m.role = service == 2 ? Role::request : Role::response;
    const uint8_t what = command >> 5;
    const bool initiates = service == 2 ? what == 1 || what == 2 || what == 4 : what == 2 || what == 3 || what == 4;
    if (!initiates) {
      m.retained = bool(r);
      return;
    }
    const uint16_t index = r.le16();
    const uint8_t sub = r.u8();
    const Bytes data = r.bytes(4);
    if (!r.ok()) return;
    Point& p = say.point(parameter(say, index, sub, uint32_t(m.station)));
    if (what == 4) {
      m.refused = true;
      m.reason = uint16_t(data[3] << 8 | data[2]);
      p.status = uint16_t(data[1] << 8 | data[0]);
      return;
    }
    if ((service == 2 && what != 1) || (service == 3 && what != 2)) return;    // no data in a question to read, or an answer to a write
    if (command & 2) value(p, data.first(command & 1 ? 4u - (command >> 2 & 3u) : 4u));
    else p.set_octets(uint32_t(data[0] | data[1] << 8 | data[2] << 16) | uint32_t(data[3]) << 24), m.retained = true;
  }

  static void file(uint16_t operation, Reader& r, Message& m, Speaker& say) {
    m.sub_function = operation;
    const uint32_t word = r.le32();
    if (!r.ok()) return;
    switch (operation) {
      case 1: case 2:
        field(say, "file", Word::written(r.rest()));
        field(say, "password", word ? "other" : "none");
        break;
      case 3: field(say, "packet").set_natural(word), m.retained = bool(r); break;
      case 5:
        m.refused = true;
        field(say, "error").set_bits(word, 32);
        field(say, "says", Word::written(r.rest()));
        break;
      default: break;
    }
  }

  static void servo(uint16_t word, Reader& r, Message& m, Speaker& say) {
    m.sub_function = word & 7;
    m.role = m.sub_function == 1 || m.sub_function == 3 ? Role::request : m.sub_function <= 4 ? Role::response : Role::report;
    m.refused = word & 0x10;
    const uint16_t idn = r.le16();
    if (!r.ok()) return;
    Point& p = say.point(Object(ObjectKind::parameter, uint32_t(idn) << 8 | (word >> 8 & 0xff), uint32_t(m.station) & 0xffffff));   // drive and elements beside it
    if (m.sub_function == 2 || m.sub_function == 3) value(p, r.rest());
  }

  void publish(Reader& r, Speaker& say) {
    r.skip(6);
    const uint16_t count = r.le16();
    if (!r.ok() || published_) return;
    published_ = true;
    Message& m = say.begin();
    m.function = variables;
    m.role = Role::report;
    m.act = Act::report;
    field(say, "variables").set_natural(count);
    say.end();
  }

  static void named(uint8_t type, Speaker& say) {
    Message& m = say.begin();
    m.function = other_type;
    m.role = Role::report;
    field(say, "type").set_natural(type);
    say.end();
  }

  void sum_up(Speaker& say) {
    Message& m = say.begin();
    m.function = summary;
    m.role = Role::report;
    m.act = Act::report;
    m.tag = frames_;
    for (size_t i = 0; i < std::size(counts_); i++)
      if (counts_[i]) field(say, commands[i]).set_natural(counts_[i]), counts_[i] = 0;
    field(say, "over, s").set_real(double(say.time - summed_) / double(second));
    if (breaches_) field(say, "further breaches").set_integer(breaches_);
    say.end();
    frames_ = breaches_ = 0;
    summed_ = say.time;
  }

  Slot slots_[256];
  uint32_t counts_[15] = {};
  uint32_t frames_ = 0, breaches_ = 0;
  uint16_t heard_ = 0;
  bool has_told_ = false, published_ = false;
  Time told_ = 0, summed_ = 0;
};

// SDO abort codes, by their high half (ETG.1000.6, table 41).
std::string_view reason_name(uint16_t reason) {
  switch (reason) {
    case 0x0503: return "toggle bit";
    case 0x0504: return "protocol timeout or unknown command";
    case 0x0601: return "access not supported";
    case 0x0602: return "no such object";
    case 0x0604: return "cannot be mapped or incompatible";
    case 0x0606: return "hardware error";
    case 0x0607: return "wrong length";
    case 0x0609: return "no such subindex, or wrong value";
    case 0x0800: return "general error or wrong state";
    default: return {};
  }
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Bytes b = up.empty() ? down : up;
  if (carrier != Carrier::ethertype && carrier != Carrier::udp) return {};
  bool bad = false;
  Reader r{b, bad};
  const uint16_t head = r.le16();
  Reader body = r.sub(head & 0x7ff);
  const uint8_t type = uint8_t(head >> 12);
  if (bad || head & 0x0800) return {};
  const Recognised::Sure otherwise = carrier == Carrier::ethertype ? Recognised::maybe : Recognised::no;
  if (type != 1) return {type == 4 || type == 5 ? otherwise : Recognised::no, Recognised::unknown};
  for (unsigned n = 0; n < 128; n++) {
    const uint8_t command = body.u8();
    body.skip(5);
    const uint16_t length = body.le16();
    body.skip(2 + size_t{length & 0x7ffu} + 2);
    if (bad || command > frmw || length & 0x3800) return {otherwise, Recognised::unknown};
    if (!(length & 0x8000)) break;
  }
  return {!body && (head & 0x7ff) >= 12 ? Recognised::yes : otherwise, Recognised::unknown};
}

Parser* open(Pool& pool) { return pool.make<Ethercat>(); }

constexpr Port ports[] = {{Carrier::ethertype, 0x88a4}, {Carrier::udp, 34980}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ethercat", "EtherCAT", ports, recognises, open, functions, {}, reason_name, "IEC 61158-4-12 and -6-12 (ETG.1000.4 5, ETG.1000.6 5)",
                           "process data, the contents of segments, files and tunnelled Ethernet, ADS in mailboxes, network variables' values"};

}  // namespace vidra::ethercat
