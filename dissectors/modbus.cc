// SPDX-License-Identifier: Apache-2.0
// Modbus/TCP and Modbus RTU over TCP. MODBUS Application Protocol V1.1b3; MODBUS Messaging on TCP/IP V1.0b; MODBUS over
// Serial Line V1.02. UMAS is Schneider Electric's function 90; its sub-functions are known from public analyses only.
#include <algorithm>
#include <array>
#include <cstring>

#include "dissectors/crc.h"
#include "dissectors/protocol.h"

namespace vidra::modbus {
namespace {

// Functions 9, 10, 13, 14, 18, 19, 40, 125 and 126 are reserved by the standard for what older controllers made of them.
constexpr Function functions[] = {
    {1, 0xffff, "read coils", Act::read},
    {2, 0xffff, "read discrete inputs", Act::read},
    {3, 0xffff, "read holding registers", Act::read},
    {4, 0xffff, "read input registers", Act::read},
    {5, 0xffff, "write single coil", Act::write},
    {6, 0xffff, "write single register", Act::write},
    {7, 0xffff, "read exception status", Act::diagnose},
    {8, 0, "return query data", Act::diagnose},
    {8, 1, "restart communications", Act::run},
    {8, 2, "return diagnostic register", Act::diagnose},
    {8, 3, "change ASCII input delimiter", Act::diagnose},
    {8, 4, "force listen only mode", Act::run},
    {8, 10, "clear counters and diagnostic register", Act::diagnose},
    {8, 11, "return bus message count", Act::diagnose},
    {8, 12, "return bus communication error count", Act::diagnose},
    {8, 13, "return bus exception error count", Act::diagnose},
    {8, 14, "return server message count", Act::diagnose},
    {8, 15, "return server no response count", Act::diagnose},
    {8, 16, "return server NAK count", Act::diagnose},
    {8, 17, "return server busy count", Act::diagnose},
    {8, 18, "return bus character overrun count", Act::diagnose},
    {8, 19, "return IOP overrun count", Act::diagnose},
    {8, 20, "clear overrun counter and flag", Act::diagnose},
    {8, 21, "get or clear Modbus Plus statistics", Act::diagnose},
    {8, 0xffff, "diagnostics", Act::diagnose},
    {9, 0xffff, "program (484)", Act::other},
    {10, 0xffff, "poll (484)", Act::other},
    {11, 0xffff, "get comm event counter", Act::diagnose},
    {12, 0xffff, "get comm event log", Act::diagnose},
    {13, 0xffff, "program (584, 984)", Act::other},
    {14, 0xffff, "poll (584, 984)", Act::other},
    {15, 0xffff, "write multiple coils", Act::write},
    {16, 0xffff, "write multiple registers", Act::write},
    {17, 0xffff, "report server ID", Act::identify},
    {18, 0xffff, "program (884)", Act::other},
    {19, 0xffff, "reset comm link (884)", Act::other},
    {20, 0xffff, "read file record", Act::read},
    {21, 0xffff, "write file record", Act::write},
    {22, 0xffff, "mask write register", Act::write},
    {23, 0xffff, "read/write multiple registers", Act::write},
    {24, 0xffff, "read FIFO queue", Act::read},
    {40, 0xffff, "program (Concept)", Act::other},
    {43, 13, "CANopen general reference", Act::other},
    {43, 14, "read device identification", Act::identify},
    {43, 0xffff, "encapsulated interface transport", Act::other},
    {90, 0x01, "UMAS init communication", Act::session},
    {90, 0x02, "UMAS read ID", Act::identify},
    {90, 0x03, "UMAS read project info", Act::identify},
    {90, 0x04, "UMAS read PLC info", Act::identify},
    {90, 0x06, "UMAS read card info", Act::identify},
    {90, 0x0A, "UMAS repeat", Act::diagnose},
    {90, 0x10, "UMAS take PLC reservation", Act::session},
    {90, 0x11, "UMAS release PLC reservation", Act::session},
    {90, 0x12, "UMAS keep alive", Act::session},
    {90, 0x20, "UMAS read memory block", Act::read},
    {90, 0x21, "UMAS write memory block", Act::write},
    {90, 0x22, "UMAS read variables", Act::read},
    {90, 0x23, "UMAS write variables", Act::write},
    {90, 0x24, "UMAS read coils and registers", Act::read},
    {90, 0x25, "UMAS write coils and registers", Act::write},
    {90, 0x26, "UMAS data dictionary", Act::browse},
    {90, 0x30, "UMAS initialize upload", Act::program},
    {90, 0x31, "UMAS upload block", Act::program},
    {90, 0x32, "UMAS end upload", Act::program},
    {90, 0x33, "UMAS initialize download", Act::program},
    {90, 0x34, "UMAS download block", Act::program},
    {90, 0x35, "UMAS end download", Act::program},
    {90, 0x36, "UMAS backup", Act::program},
    {90, 0x37, "UMAS preload blocks", Act::program},
    {90, 0x38, "UMAS signed function", Act::other},
    {90, 0x39, "UMAS read Ethernet master data", Act::read},
    {90, 0x3A, "UMAS backup", Act::program},
    {90, 0x40, "UMAS start PLC", Act::run},
    {90, 0x41, "UMAS stop PLC", Act::run},
    {90, 0x42, "UMAS init PLC", Act::run},
    {90, 0x43, "UMAS swap blocks", Act::program},
    {90, 0x50, "UMAS monitor PLC", Act::read},
    {90, 0x58, "UMAS check PLC", Act::diagnose},
    {90, 0x6E, "UMAS authentication", Act::session},
    {90, 0x70, "UMAS read I/O object", Act::read},
    {90, 0x71, "UMAS write I/O object", Act::write},
    {90, 0x73, "UMAS get module status", Act::diagnose},
    {90, 0xFD, "UMAS answer: error", Act::other},
    {90, 0xFE, "UMAS answer: ok", Act::other},
    {90, 0xffff, "UMAS", Act::other},
    {125, 0xffff, "firmware replacement", Act::other},
    {126, 0xffff, "program (584, 984)", Act::other},
};

constexpr Act act_of(uint16_t function, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != function) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}
// Looked up a record, so unfolded: acts by function, by diagnostic sub-function, by UMAS code.
constexpr auto acts = [] { std::array<Act, 128> a{}; for (uint16_t i = 0; i < 128; i++) a[i] = act_of(i, 0xffff); return a; }();
constexpr auto diagnostic_acts = [] { std::array<Act, 32> a{}; for (uint16_t i = 0; i < 32; i++) a[i] = act_of(8, i); return a; }();
constexpr auto umas_acts = [] { std::array<Act, 256> a{}; for (uint16_t i = 0; i < 256; i++) a[i] = act_of(90, i); return a; }();

constexpr std::string_view frames[] = {"TCP", "RTU"};

std::string_view reason(uint16_t code) {   // Application Protocol V1.1b3, 7
  constexpr std::string_view names[] = {
      "", "illegal function", "illegal data address", "illegal data value", "server device failure", "acknowledge", "server device busy",
      "negative acknowledge", "memory parity error", "", "gateway path unavailable", "gateway target device failed to respond"};
  return code < std::size(names) ? names[code] : std::string_view{};
}

constexpr size_t mbap = 6, unit_and_function = 2;   // octets before and in what the length field counts
constexpr uint16_t longest = 254, longest_umas = 1100;   // UMAS negotiates frames of 1,021 octets and more
constexpr size_t longest_rtu = 256;
constexpr uint8_t umas = 90, umas_ok = 0xFE, umas_error = 0xFD;

constexpr uint16_t be16(Bytes b, size_t at) { return uint16_t(b[at] << 8 | b[at + 1]); }
constexpr size_t octets_for(size_t coils) { return (coils + 7) / 8; }

constexpr uint16_t most(uint8_t function) {   // objects that one PDU may name
  switch (function) {
    case 1: case 2: return 2000;
    case 15: return 1968;
    case 16: return 123;
    default: return 125;
  }
}

// How long a PDU is (function code included) by its function and direction: `known`; `more`, so many octets are needed to
// tell; `any`, the function does not say.
struct Extent { enum Kind : uint8_t { known, more, any } kind; size_t n; };

Extent identification_extent(Bytes pdu) {   // 6.21: a list of objects, each with its length
  size_t at = 7;
  if (pdu.size() < at) return {Extent::more, at};
  for (unsigned i = pdu[6]; i; i--) {
    if (pdu.size() < at + 2) return {Extent::more, at + 2};
    at += size_t{2} + pdu[at + 1];
    if (at > longest) return {Extent::any, 0};
  }
  return {Extent::known, at};
}

Extent extent(Bytes pdu, Role role) {
  const auto counted = [&](size_t at) -> Extent {   // octet `at` counts the octets after it
    if (pdu.size() <= at) return {Extent::more, at + 1};
    return {Extent::known, at + 1 + pdu[at]};
  };
  if (pdu.empty()) return {Extent::more, 1};
  const uint8_t code = pdu[0];
  if (code & 0x80) return role == Role::response ? Extent{Extent::known, 2} : Extent{Extent::any, 0};
  const bool asks = role == Role::request;
  switch (code) {
    case 1: case 2: case 3: case 4: return asks ? Extent{Extent::known, 5} : counted(1);
    case 5: case 6: return {Extent::known, 5};
    case 7: return {Extent::known, size_t{asks ? 1u : 2u}};
    case 8:
      if (pdu.size() < 3) return {Extent::more, 3};
      if (be16(pdu, 1) == 0 || be16(pdu, 1) == 21) return {Extent::any, 0};   // query data of any length; statistics
      return {Extent::known, 5};
    case 11: return {Extent::known, size_t{asks ? 1u : 5u}};
    case 12: case 17: return asks ? Extent{Extent::known, 1} : counted(1);
    case 15: case 16: return asks ? counted(5) : Extent{Extent::known, 5};
    case 20: case 21: return counted(1);
    case 22: return {Extent::known, 7};
    case 23: return asks ? counted(9) : counted(1);
    case 24:
      if (asks) return {Extent::known, 3};
      if (pdu.size() < 3) return {Extent::more, 3};
      return {Extent::known, size_t{3} + be16(pdu, 1)};
    case 43:
      if (pdu.size() < 2) return {Extent::more, 2};
      if (pdu[1] != 14) return {Extent::any, 0};
      return asks ? Extent{Extent::known, 4} : identification_extent(pdu);
    default: return {Extent::any, 0};
  }
}

// Whether these octets are a whole PDU of this direction that keeps the rules of a function whose rules are known.
bool fits(Bytes pdu, Role role) {
  if (pdu.empty()) return false;
  const uint8_t code = pdu[0];
  const bool asks = role == Role::request;
  if (code == umas) return pdu.size() >= 3 && (pdu[2] >= umas_error) != asks && pdu[2] != 0xFF && pdu[2] != 0;
  const Extent e = extent(pdu, role);
  if (code == 8 && e.kind == Extent::any) return pdu.size() >= 5;
  if (e.kind != Extent::known || e.n != pdu.size()) return false;
  const auto quantity = [&](size_t at, unsigned limit) {
    const unsigned n = be16(pdu, at);
    return n != 0 && n <= limit && be16(pdu, at - 2) + n <= 0x10000;
  };
  if (code & 0x80) return pdu[1] >= 1 && pdu[1] <= 11 && (code & 0x7f) != 0;
  switch (code) {
    case 1: case 2: return asks ? quantity(3, most(code)) : pdu[1] != 0;
    case 3: case 4: return asks ? quantity(3, most(code)) : pdu[1] != 0 && pdu[1] % 2 == 0;
    case 5: return be16(pdu, 3) == 0 || be16(pdu, 3) == 0xFF00;
    case 15: return quantity(3, most(code)) && (!asks || pdu[5] == octets_for(be16(pdu, 3)));
    case 16: return quantity(3, most(code)) && (!asks || pdu[5] == 2 * be16(pdu, 3));
    case 20: return asks ? pdu[1] != 0 && pdu[1] % 7 == 0 && pdu[2] == 6 : pdu[1] >= 2 && pdu[3] == 6;
    case 21: return pdu[1] >= 9 && pdu[2] == 6;
    case 23: return asks ? quantity(3, 125) && quantity(7, 121) && pdu[9] == 2 * be16(pdu, 7) : pdu[1] != 0 && pdu[1] % 2 == 0;
    case 24: return asks || (pdu.size() >= 5 && be16(pdu, 1) == 2 + 2 * be16(pdu, 3));
    case 43: return asks || (pdu[2] >= 1 && pdu[2] <= 4);
    default: return true;
  }
}

bool crc_holds(Bytes frame) {
  const size_t n = frame.size() - 2;
  return frame.size() >= 4 && crc_modbus(frame.first(n)) == (frame[n] | frame[n + 1] << 8);
}

// The whole RTU frame that these octets begin with, by its function's length and its CRC; 0 where there is none.
size_t rtu_frame(Bytes b, Role role) {
  if (b.size() < 4) return 0;
  const Extent e = extent(b.subspan(1), role);
  const size_t n = e.n + 3;
  return e.kind == Extent::known && n <= b.size() && n <= longest_rtu && crc_holds(b.first(n)) ? n : 0;
}
// The same for a function that does not say its length: the shortest frame whose CRC holds.
size_t rtu_frame_by_crc(Bytes b) {
  uint16_t c = 0xFFFF;
  for (size_t i = 0; i + 2 < std::min(b.size(), longest_rtu); i++) {
    c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ b[i]) & 0xff]);
    if (i >= 1 && b[i + 1] == (c & 0xff) && b[i + 2] == c >> 8) return i + 3;
  }
  return 0;
}

ObjectKind table_of(uint8_t function) {
  switch (function) {
    case 1: case 5: case 15: return ObjectKind::coil;
    case 2: return ObjectKind::discrete_input;
    case 4: return ObjectKind::input_register;
    default: return ObjectKind::holding_register;
  }
}

// What was asked and waits for its answer.
struct Question {
  Time asked;
  uint64_t digest;
  uint16_t tag, first, count;
  uint16_t written_first, written_count, sub;
  uint8_t unit, function;
  bool stale;        // its client has asked again under the same transaction since: answers go to the newer one first
};

class Parser final : public vidra::Parser {
 public:
  explicit Parser(Pool& pool) : pool_(pool) {}
  Parser(const Parser&) = delete;
  ~Parser() override {
    if (questions_ != few_.data()) pool_.give(questions_);
    pool_.give(files_);
  }

  Cut next(Side from, Bytes b, bool segment_start, bool) override {
    bool& in_step = in_step_[size_t(from)];
    if (mode_ == Mode::unknown) {
      if (const size_t wanted = choose_mode(b, role_of(from))) return {Cut::need, wanted};
    }
    const auto next_record = mode_ == Mode::rtu ? next_rtu : next_tcp;
    const Cut cut = next_record(b, role_of(from), segment_start, in_step);
    if (cut.kind == Cut::lost) in_step = false;
    return cut;
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    if (mode_ == Mode::unknown && choose_mode(record, role_of(from))) mode_ = Mode::tcp;   // a datagram, and a short one
    bool broken = false;   // the envelope; the body keeps a flag of its own, so that it is read even so
    Message& m = say.begin();
    Reader r{record, m.malformed};
    Bytes pdu;
    if (mode_ == Mode::rtu) {
      m.frame = 1;
      broken = !crc_holds(record);
      Reader frame = r.sub(record.size() >= 4 ? record.size() - 2 : record.size());
      m.station = frame.u8();
      pdu = frame.rest();
    } else {
      m.tag = r.be16();
      const uint16_t protocol = r.be16(), rest = r.be16();
      broken = protocol != 0 || rest != r.left() || rest < unit_and_function;
      if (r) m.station = r.u8();
      pdu = r.rest();
      broken |= rest > (!pdu.empty() && pdu[0] == umas ? longest_umas : longest);
    }
    learn_sides(pdu, from);
    const Role role = role_of(from);
    m.role = role;
    Reader body{pdu, m.malformed};
    const uint8_t code = body.u8();
    m.function = code & 0x7f;
    m.act = acts[m.function];
    m.broadcast = mode_ == Mode::rtu && m.station == 0;
    broken |= m.function == 0;
    Identity who;
    if (role == Role::request) {
      Question q{say.time, 0, uint16_t(m.tag), 0, 0, 0, 0, 0, uint8_t(m.station), uint8_t(m.function), false};
      if (code & 0x80) broken = true, body.rest();
      else request(body, m, say, q);
      q.digest = m.digest;
      if (!m.broadcast) remember(q);   // also one that breaks the rules: its refusal is an answer
    } else {
      const Question q = answered(pdu, m, say.time);
      if (code & 0x80) {
        m.refused = true;
        m.reason = body.u8();
        m.sub_function = q.sub;
        m.act = act(m.function, m.sub_function);
        asked_points(q, say);
      } else {
        response(body, m, say, q, who);
      }
    }
    body.finish();
    m.malformed |= broken;
    say.end();
    if (who.vendor | who.product | who.model | who.firmware | who.serial | who.name | who.url) {
      who.station = say.head().station;
      say.identity(who);
    }
  }

  void gap(Side side, uint64_t) override {
    in_step_[size_t(side)] = false;
    for (size_t i = 0; i < waiting_; i++) questions_[i].stale = true;   // their answers may be what was lost
  }

 private:
  enum class Mode : uint8_t { unknown, tcp, rtu };

  Role role_of(Side s) const { return (s == Side::client) != swapped_ ? Role::request : Role::response; }

  static Act act(uint16_t function, uint16_t sub) {
    switch (function) {
      case 8: return sub < diagnostic_acts.size() ? diagnostic_acts[sub] : Act::diagnose;
      case 43: return sub == 14 ? Act::identify : Act::other;
      case umas: return umas_acts[sub & 0xff];
      default: return acts[function & 0x7f];
    }
  }

  // --- where a record ends ---

  static bool header(Bytes b, size_t at) {
    return b.size() >= at + mbap && be16(b, at + 2) == 0 && be16(b, at + 4) >= unit_and_function && be16(b, at + 4) <= longest;
  }

  // Sets the mode by the first octets; or says how many are needed to tell. Address 0 and few registers make an RTU frame
  // look like the head of a TCP one, so the CRC is asked first.
  size_t choose_mode(Bytes b, Role role) {
    const size_t frame = rtu_frame(b, role);
    if (!frame && b.size() < 8) return 8;
    const size_t whole = b.size() >= 8 && header(b, 0) ? mbap + be16(b, 4) : 0;
    bool tcp = false;
    if (whole) {
      const Bytes pdu = b.subspan(7, std::min(whole, b.size()) - 7);
      const Extent e = extent(pdu, role);
      tcp = e.kind == Extent::any || (e.kind == Extent::known ? 7 + e.n == whole : b.size() < whole);
    }
    if (frame) {
      mode_ = tcp && frame != b.size() && b.size() >= whole ? Mode::tcp : Mode::rtu;
      return 0;
    }
    if (!tcp) {
      const Extent e = extent(b.subspan(1), role);
      if (e.kind == Extent::more) return e.n + 1;
      if (e.kind == Extent::known && e.n + 3 > b.size() && e.n + 3 <= longest_rtu) return e.n + 3;
    }
    mode_ = !tcp && rtu_frame_by_crc(b) == b.size() ? Mode::rtu : Mode::tcp;
    return 0;
  }

  // The length field decides, unless it names more than there is while the function's own length ends exactly here or before
  // the next header: some servers go by that, and a false length must not hide the commands that follow.
  static Cut next_tcp(Bytes b, Role role, bool segment_start, bool& in_step) {
    if (b.size() < mbap) return in_step || segment_start ? Cut{Cut::need, mbap} : Cut{Cut::lost, 0};
    const uint16_t protocol = be16(b, 2), rest = be16(b, 4);
    const size_t whole = mbap + rest;
    if (rest > longest && b.size() < 8 && (in_step || segment_start)) return {Cut::need, 8};
    const bool usable = rest >= unit_and_function && rest <= (b.size() > 7 && b[7] == umas ? longest_umas : longest);
    if (!in_step) {
      if (protocol != 0 || !usable) return {Cut::lost, 0};
      if (b.size() < whole) return segment_start ? Cut{Cut::need, whole} : Cut{Cut::lost, 0};
      in_step = fits(b.subspan(7, rest - 1u), role) || (segment_start && b.size() == whole);
      return in_step ? Cut{Cut::take, whole} : Cut{Cut::lost, 0};
    }
    if (protocol == 0 && usable && b.size() == whole) [[likely]] return {Cut::take, whole};
    if (b.size() > 7 && protocol == 0 && rest >= unit_and_function) {
      const Extent e = extent(b.subspan(7), role);
      const size_t end = 7 + e.n;
      const bool ends_there = e.kind == Extent::known && end != whole && (end == b.size() || header(b, end));
      if (ends_there && !(usable && header(b, whole))) return {Cut::take, end};
    }
    if (usable) return {Cut::take, whole};
    if (rest < unit_and_function) return protocol == 0 || b.size() == whole ? Cut{Cut::take, whole} : Cut{Cut::lost, 0};
    if (protocol != 0) return {Cut::lost, 0};
    in_step = false;   // longer than any record: this segment's octets are one broken record, the next segment begins anew
    return {Cut::take, std::min(b.size(), whole)};
  }

  static Cut next_rtu(Bytes b, Role role, bool segment_start, bool& in_step) {
    if (b.size() < 4) return in_step || segment_start ? Cut{Cut::need, 4} : Cut{Cut::lost, 0};
    if (const size_t n = rtu_frame(b, role)) return in_step = true, Cut{Cut::take, n};
    const Extent e = extent(b.subspan(1), role);
    if (!in_step && !segment_start) return {Cut::lost, 0};
    if (e.kind == Extent::more) return {Cut::need, e.n + 1};
    if (e.kind == Extent::known && e.n + 3 > b.size() && e.n + 3 <= longest_rtu) return {Cut::need, e.n + 3};
    if (const size_t n = rtu_frame_by_crc(b)) return in_step = true, Cut{Cut::take, n};
    if (!in_step || b.size() > longest_rtu) return {Cut::lost, 0};
    in_step = false;   // a frame whose CRC does not hold
    return {Cut::take, b.size()};
  }

  // --- who asks ---

  // Sides taken the wrong way round show as answers from the client and questions from the server, both, and never the reverse.
  void learn_sides(Bytes pdu, Side from) {
    if (sides_known_) [[likely]] return;
    const bool asks = fits(pdu, Role::request), answers = fits(pdu, Role::response);
    if (asks == answers) return;
    if (asks == (from == Side::client)) { sides_known_ = true; return; }
    wrong_way_ |= uint8_t(1 << size_t(from));
    if (wrong_way_ == 3) sides_known_ = swapped_ = true, waiting_ = 0;
  }

  // --- questions and answers ---

  static constexpr Time forget_after = minute;         // gateways to slow serial lines answer late
  static constexpr Time asked_again_after = 200 * millisecond;

  void remember(const Question& q) {
    size_t kept = 0;
    for (size_t i = 0; i < waiting_; i++) {
      Question& old = questions_[i];
      if (q.asked - old.asked > forget_after) continue;
      if (old.tag == q.tag && old.unit == q.unit && q.asked - old.asked > asked_again_after) old.stale = true;
      if (kept != i) questions_[kept] = old;
      kept++;
    }
    if (kept == room_ && !make_room()) {                 // the oldest goes
      std::copy(questions_ + 1, questions_ + kept, questions_);
      kept--;
    }
    questions_[kept] = q;
    waiting_ = uint8_t(kept + 1);
  }

  // Most clients wait for the answer before they ask again.
  [[gnu::noinline]] bool make_room() {
    if (room_ == most_questions) return false;
    void* const more = pool_.take(most_questions * sizeof(Question));
    if (!more) return false;
    std::memcpy(more, questions_, room_ * sizeof(Question));
    questions_ = static_cast<Question*>(more);
    room_ = most_questions;
    return true;
  }

  // The question that this answer answers, and out of the table with it. Transaction, unit and function must agree, and
  // what the answer repeats of the question. Many clients never change their transaction id: the oldest that still waits,
  // and only then, the newest of those that were asked again.
  Question answered(Bytes pdu, Message& m, Time now) {
    size_t found = most_questions;
    if (is_echo(m.function) && pdu.size() > 1 && !(pdu[0] & 0x80)) m.digest = text_key(text_of(pdu.subspan(1)));
    for (size_t i = 0; i < waiting_; i++) {
      const Question& q = questions_[i];
      if (q.tag != m.tag || q.unit != m.station || q.function != m.function) continue;
      if (now - q.asked > forget_after || !answers(q, pdu, m.digest)) continue;
      found = i;
      if (!q.stale) break;
    }
    if (found == most_questions) {
      m.unpaired = true;
      return {};
    }
    const Question q = questions_[found];
    std::copy(questions_ + found + 1, questions_ + waiting_, questions_ + found);
    waiting_--;
    m.digest = q.digest;
    return q;
  }

  static bool is_echo(uint16_t function) { return function == 5 || function == 6 || function == 21 || function == 22; }

  static bool answers(const Question& q, Bytes pdu, uint64_t digest) {
    if (pdu.empty()) return false;
    if (pdu[0] & 0x80) return true;
    switch (q.function) {
      case 1: case 2: return pdu.size() > 1 && pdu[1] == octets_for(q.count);
      case 3: case 4: case 23: return pdu.size() > 1 && pdu[1] == 2 * q.count;
      case 5: case 6: case 21: case 22: return digest == q.digest;
      case 15: case 16: return pdu.size() >= 5 && be16(pdu, 1) == q.written_first && be16(pdu, 3) == q.written_count;
      case 8: return pdu.size() >= 3 && be16(pdu, 1) == q.sub;
      case 43: return pdu.size() >= 2 && pdu[1] == q.sub;
      default: return true;
    }
  }

  // What a refused question had asked for, without values.
  static void asked_points(const Question& q, Speaker& say) {
    if (q.count) say.point(Object(q.function == 24 ? ObjectKind::fifo_queue : table_of(q.function), q.first)).count = q.count;
    if (q.written_count) say.point(Object(table_of(q.function), q.written_first)).count = q.written_count;
  }

  // --- what a PDU says ---

  static void range(Reader& r, Speaker& say, ObjectKind kind, unsigned limit, uint16_t& first, uint16_t& count) {
    first = r.be16();
    count = r.be16();
    if (!r.ok()) return;
    say.point(Object(kind, first)).count = count;
    r.require(count != 0 && count <= limit && first + count <= 0x10000);
  }

  static void registers(Reader& r, Speaker& say, ObjectKind kind, uint32_t first) {
    while (r.left() >= 2) say.point(Object(kind, first++)).set_natural(r.be16());
  }
  static void coils(Reader& r, Speaker& say, ObjectKind kind, uint32_t first, unsigned count) {
    for (unsigned i = 0; i < count && r;) {
      const unsigned octet = r.u8();
      for (unsigned bit = 0; bit < 8 && i < count; bit++, i++) say.point(Object(kind, first + i)).set(bool(octet >> bit & 1));
    }
  }
  static void octets(Reader& r, Speaker& say) {
    if (r) say.point(Object{}).set_octets(r.rest().size());
  }
  static void number(Reader& r, Speaker& say) {
    const uint16_t v = r.be16();
    if (r.ok()) say.point(Object{}).set_natural(v);
  }

  void request(Reader& r, Message& m, Speaker& say, Question& q) {
    const ObjectKind table = table_of(uint8_t(m.function));
    if (m.act == Act::write) m.digest = text_key(text_of(r.peek()));
    switch (m.function) {
      case 1: case 2: case 3: case 4: return range(r, say, table, most(uint8_t(m.function)), q.first, q.count);
      case 5: case 6: return single(r, m, say, q.written_first, q.written_count);
      case 7: case 11: case 12: case 17: return;
      case 8: diagnostics(r, m, say); q.sub = m.sub_function; return;
      case 15: case 16: {
        q.written_first = r.be16();
        q.written_count = r.be16();
        written(r, m, say, q.written_first, q.written_count);
        return;
      }
      case 20: return file_requests(r, say);
      case 21: return file_writes(r, say);
      case 22: return mask(r, say, q.written_first, q.written_count);
      case 23: {
        range(r, say, table, 125, q.first, q.count);
        q.written_first = r.be16();
        q.written_count = r.be16();
        written(r, m, say, q.written_first, q.written_count);
        return;
      }
      case 24:
        q.first = r.be16();
        q.count = 1;
        if (r.ok()) say.point(Object(ObjectKind::fifo_queue, q.first));
        return;
      case 43:
        q.sub = r.u8();
        m.sub_function = q.sub;
        m.act = act(43, q.sub);
        if (q.sub != 14) return octets(r, say);
        m.qualifier = r.u8();   // 1 basic, 2 regular, 3 extended: a stream of objects; 4: one object
        r.require(m.qualifier >= 1 && m.qualifier <= 4);
        if (const uint8_t id = r.u8(); r.ok()) say.point(Object(ObjectKind::device_identification, id));
        return;
      case umas: umas_request(r, m, say); q.sub = m.sub_function; return;
      default: return octets(r, say);
    }
  }

  void response(Reader& r, Message& m, Speaker& say, const Question& q, Identity& who) {
    const ObjectKind table = table_of(uint8_t(m.function));
    uint16_t first = 0, count = 0;
    switch (m.function) {
      case 1: case 2: {
        Reader data = counted(r);
        data.require(bool(data));
        return m.unpaired ? octets(data, say) : coils(data, say, table, q.first, q.count);
      }
      case 3: case 4: case 23: {
        Reader data = counted(r);
        data.require(data && data.left() % 2 == 0);
        return m.unpaired ? octets(data, say) : registers(data, say, table, q.first);
      }
      case 5: case 6: return single(r, m, say, first, count);
      case 7:
        if (const uint8_t status = r.u8(); r.ok()) say.point(Object{}).set_bits(status, 8);
        return;
      case 8: return diagnostics(r, m, say);
      case 11: m.qualifier = r.be16(); return number(r, say);   // status word; event count
      case 12: {
        Reader data = counted(r);
        m.qualifier = data.be16();
        number(data, say);   // events
        number(data, say);   // messages
        return octets(data, say);
      }
      case 15: case 16: return range(r, say, table, most(uint8_t(m.function)), first, count);
      case 17: {
        Reader data = counted(r);
        server_id(data, say, who);
        return;
      }
      case 20: return file_answers(r, m, say);
      case 21: return file_writes(r, say);
      case 22: return mask(r, say, first, count);
      case 24: {
        Reader data = r.sub(r.be16());
        const uint16_t n = data.be16();
        data.require(n <= 31 && data.left() == 2u * n);
        if (m.unpaired) return octets(data, say);
        for (uint32_t i = 0; data.left() >= 2; i++) say.point(Object(ObjectKind::fifo_queue, q.first, i)).set_natural(data.be16());
        return;
      }
      case 43: return encapsulated(r, m, say, who);
      case umas: return umas_response(r, m, say, q, who);
      default: return octets(r, say);
    }
  }

  static Reader counted(Reader& r) { const size_t n = r.u8(); return r.sub(n); }

  static void single(Reader& r, const Message& m, Speaker& say, uint16_t& first, uint16_t& count) {
    first = r.be16();
    const uint16_t v = r.be16();
    if (!r.ok()) return;
    count = 1;
    Point& p = say.point(Object(table_of(uint8_t(m.function)), first));
    if (m.function == 6) return p.set_natural(v);
    if (v == 0 || v == 0xFF00) p.set(v != 0);
    else p.set_bits(v, 16);
    r.require(v == 0 || v == 0xFF00);
  }

  // Values to be written: their quantity, the octets that carry it, and the octets.
  static void written(Reader& r, const Message& m, Speaker& say, uint16_t first, uint16_t count) {
    Reader data = counted(r);
    const bool bits = m.function == 15;
    const unsigned limit = m.function == 23 ? 121 : most(uint8_t(m.function));
    const bool holds = r.ok() && count != 0 && count <= limit && first + count <= 0x10000 &&
                       data.left() == (bits ? octets_for(count) : 2u * count);
    if (bits) coils(data, say, ObjectKind::coil, first, count);
    else registers(data, say, ObjectKind::holding_register, first);
    r.require(holds);
  }

  static void mask(Reader& r, Speaker& say, uint16_t& first, uint16_t& count) {   // 6.16: (old and And) or (Or and not And)
    first = r.be16();
    const uint16_t keep = r.be16(), put = r.be16();
    if (!r.ok()) return;
    count = 1;
    Point& p = say.point(Object(ObjectKind::holding_register, first));
    p.set_bits(uint16_t(put & ~keep), 16);
    p.qualifier = uint32_t{keep} << 16 | put;
  }

  static void diagnostics(Reader& r, Message& m, Speaker& say) {   // 6.8
    const uint16_t sub = r.be16();
    m.sub_function = sub;
    m.act = act(8, sub);
    const Bytes data = r.peek();
    switch (sub) {
      case 0: case 21: return octets(r, say);
      case 1:
        if (const uint16_t v = r.be16(); r.ok()) {
          say.point(Object{}).set(v == 0xFF00);          // whether the event log is cleared too
          r.require(v == 0 || v == 0xFF00);
        }
        return;
      case 2:
        if (const uint16_t v = r.be16(); r.ok() && m.role == Role::response) say.point(Object{}).set_bits(v, 16);
        break;
      case 3: return number(r, say);
      default:
        if (const uint16_t v = r.be16(); r.ok() && m.role == Role::response && sub >= 11 && sub <= 19) say.point(Object{}).set_natural(v);
        else if (sub > 21 || (sub >= 5 && sub <= 9)) octets(r, say);
    }
    if (m.role == Role::request && sub <= 20 && data.size() >= 2) r.require(be16(data, 0) == 0);
  }

  // --- file records (6.14, 6.15): reference type 6, file, record, length ---

  struct FileRecord { uint16_t file, record, length; };

  void file_requests(Reader& r, Speaker& say) {
    Reader list = counted(r);
    files_asked_ = 0;
    list.require(list.left() >= 7 && list.left() % 7 == 0);
    while (list) {
      list.require(list.u8() == 6);
      const FileRecord f{list.be16(), list.be16(), list.be16()};
      if (!list.ok()) return;
      say.point(Object(ObjectKind::file_record, f.record, f.file)).count = f.length;
      if (!files_) files_ = static_cast<FileRecord*>(pool_.take(most_files * sizeof(FileRecord)));
      if (files_ && files_asked_ < most_files) files_[files_asked_++] = f;
    }
  }

  void file_answers(Reader& r, const Message& m, Speaker& say) {
    Reader list = counted(r);
    for (size_t i = 0; list; i++) {
      Reader group = counted(list);
      group.require(group.u8() == 6 && group.left() % 2 == 0);
      if (!m.unpaired && i < files_asked_ && group.left() == 2u * files_[i].length) {
        registers_of_file(group, say, files_[i]);
      } else {
        octets(group, say);
      }
    }
    files_asked_ = 0;
  }

  static void file_writes(Reader& r, Speaker& say) {
    Reader list = counted(r);
    list.require(list.left() >= 9);
    while (list) {
      list.require(list.u8() == 6);
      const FileRecord f{list.be16(), list.be16(), list.be16()};
      Reader data = list.sub(size_t{2} * f.length);
      registers_of_file(data, say, f);
    }
  }

  static void registers_of_file(Reader& r, Speaker& say, const FileRecord& f) {
    for (uint32_t i = 0; r.left() >= 2; i++) say.point(Object(ObjectKind::file_record, f.record + i, f.file)).set_natural(r.be16());
  }

  // --- who the device says it is ---

  // 6.13: server ID and run indicator as the device has them, then mostly its name in ASCII: the longest run of it.
  static void server_id(Reader& r, Speaker& say, Identity& who) {
    const Bytes all = r.rest();
    size_t best = 0, length = 0;
    for (size_t i = 0, from = 0; i <= all.size(); i++) {
      if (i < all.size() && all[i] >= 0x20 && all[i] < 0x7f) continue;
      if (i - from > length) best = from, length = i - from;
      from = i + 1;
    }
    if (!all.empty()) say.point(Object{}).set_octets(all.size());
    if (length >= 3) who.name = say.text(text_of(all.subspan(best, length)));   // each maker's own text: no product that others say too
  }

  static void encapsulated(Reader& r, Message& m, Speaker& say, Identity& who) {
    m.sub_function = r.u8();
    m.act = act(43, m.sub_function);
    if (m.sub_function != 14) return octets(r, say);
    m.qualifier = r.u8();
    const uint8_t conformity = r.u8();
    const uint8_t more = r.u8();
    r.u8();                                              // the object to ask for next
    r.require(m.qualifier >= 1 && m.qualifier <= 4 && (conformity & 0x7f) >= 1 && (conformity & 0x7f) <= 3 && (more == 0 || more == 0xFF));
    for (unsigned i = r.u8(); i && r; i--) {
      const uint8_t id = r.u8();
      const Bytes value = counted(r).rest();
      if (!r.ok()) break;
      const uint64_t key = say.text(text_of(value));
      say.point(Object(ObjectKind::device_identification, id)).set_text(key);
      switch (id) {
        case 0: who.vendor = key; break;
        case 1: who.model = key; break;                       // ProductCode: in the basic answer and in the regular one
        case 2: who.firmware = key; break;
        case 3: who.url = key; break;
        case 4: who.product = key; break;
        case 6: who.name = key; break;
        default: break;
      }
    }
  }

  // --- UMAS: session key, function; answers repeat the key and say ok or error instead of the function ---

  static void umas_request(Reader& r, Message& m, Speaker& say) {
    const uint8_t key = r.u8();
    m.qualifier = key;
    m.sub_function = r.u8();
    m.act = act(umas, m.sub_function);
    if (m.act == Act::write || m.act == Act::program) m.digest = text_key(text_of(r.peek()));
    switch (m.sub_function) {
      case 0x20: if (r.left() == 9) return umas_block(r, say); break;
      case 0x21: if (r.left() >= 9) umas_block(r, say); break;
      case 0x22: case 0x23: if (r.left() >= 5) umas_variables(r, say, m.sub_function == 0x23); break;
      case 0x10: {                                       // who reserves: four octets, then the engineering station's name
        const Bytes b = r.peek();
        if (b.size() < 6 || b[4] != b.size() - 5) break;
        r.skip(5);
        say.point(say.named("owner")).set_text(say.text(text_of(r.rest())));
        break;
      }
      default: break;
    }
    octets(r, say);
  }

  static void umas_block(Reader& r, Speaker& say) {      // which memory, block, offset, how many octets
    r.u8();
    const uint16_t block = r.le16();
    const uint32_t offset = r.le32();
    say.point(Object(ObjectKind::memory_area, offset, block)).count = r.le16();
  }

  // The project's checksum, how many; then size and whether an array, block, base, offset, and for a write the value. Taken only
  // where it comes out even: the layout is known from analyses.
  static void umas_variables(Reader& r, Speaker& say, bool writes) {
    bool bad = false;
    Reader look{r.peek(), bad};
    look.skip(4);
    const unsigned n = look.u8();
    for (bool said : {false, true}) {
      Reader v{r.peek(), bad};
      v.skip(5);
      unsigned i = 0;
      for (; i < n && v; i++) {
        const uint8_t kind = v.u8();
        const uint16_t block = v.le16();
        if (!writes) v.require(v.u8() == 1);
        const uint16_t base = v.le16();
        const uint16_t offset = writes ? v.le16() : v.u8();
        const uint32_t count = kind & 0xF0 ? v.le16() : 1u;
        const unsigned size = 1u << (((kind & 15) - 1) & 3);
        v.require((kind & 15) >= 1 && (kind & 15) <= 4 && (kind >> 4) <= 1);
        if (bad) return;
        Point* p = said ? &say.point(Object(ObjectKind::memory_area, base * 256u + offset, block)) : nullptr;
        if (!writes) {
          if (p) p->count = std::max(count, 1u);
          continue;
        }
        if (count != 1 || size == 8) {
          v.skip(size_t{size} * count);
          if (p) p->set_octets(size_t{size} * count);
        } else {
          const uint32_t value = size == 1 ? v.u8() : size == 2 ? v.le16() : v.le32();
          if (p) p->set_bits(value, 8 * size);
        }
      }
      v.finish();
      if (bad || n == 0 || i != n) return;
    }
    r.rest();
  }

  static void umas_response(Reader& r, Message& m, Speaker& say, const Question& q, Identity& who) {
    m.qualifier = r.u8();
    const uint8_t answer = r.u8();
    m.sub_function = m.unpaired ? answer : q.sub;
    m.act = act(umas, m.sub_function);
    m.refused = answer == umas_error;
    r.require(answer == umas_ok || answer == umas_error);
    if (m.refused && r.left() >= 2) m.reason = r.le16();
    if (!m.refused && !m.unpaired && q.sub == 0x02) umas_identity(r.peek(), say, who);
    octets(r, say);
  }

  static void umas_identity(Bytes b, Speaker& say, Identity& who) {   // 22 octets of numbers, then the module's name
    bool bad = false;
    Reader r{b, bad};
    r.skip(22);
    const Bytes name = counted(r).rest();
    if (!bad && !name.empty()) who.product = say.text(text_of(name));
  }

  Mode mode_ = Mode::unknown;
  bool in_step_[2] = {true, true};
  bool sides_known_ = false, swapped_ = false;
  uint8_t wrong_way_ = 0;
  uint8_t waiting_ = 0;                                  // questions, oldest first
  uint8_t files_asked_ = 0;                              // records of the last file question; an older one's stay unnamed
  uint8_t room_ = few;                                   // for questions
  static constexpr uint8_t few = 2, most_questions = 16; // Messaging Guide V1.0b, 4.4.1.1: a client has at most 16 transactions open
  static constexpr uint8_t most_files = 35;              // as many as a request holds
  Pool& pool_;
  std::array<Question, few> few_;
  Question* questions_ = few_.data();                    // or of the pool: most_questions
  FileRecord* files_ = nullptr;                          // of the pool, once somebody asks for file records
};
static_assert(sizeof(Parser) <= 128);

// --- recognition ---

constexpr uint32_t refusal = 0xffffffff;

// What one direction's octets may be.
struct Heard {
  struct Record {
    uint16_t tag;
    uint8_t unit, function;
    bool asks, answers;
    uint32_t wanted = 0, given = 0;   // see hear_rtu
    bool answered_by(const Record& a) const { return asks && a.answers && (a.given == refusal || a.given == wanted); }
  };
  std::array<Record, 8> records;
  size_t count = 0;
  bool asks = true, answers = true;   // all of them can be questions, answers
  bool broken = false;                // something cannot be Modbus
  bool odd = false;                   // records whose envelopes hold and whose PDUs break the rules, or are of unknown functions
  bool begun = false;                 // a record's head, not yet whole

  void add(uint16_t tag, Bytes unit_and_pdu, bool q, bool a) {
    asks &= q, answers &= a;
    records[count++] = {tag, unit_and_pdu[0], uint8_t(unit_and_pdu[1] & 0x7f), q, a};
  }
};

// Walks the envelopes. PDUs that fit no rule (unknown functions, wrong quantities) neither speak for Modbus nor against it,
// as long as the envelopes follow each other; a protocol identifier other than 0 only where they do so to the end.
Heard hear_tcp(Bytes b) {
  Heard h;
  const uint16_t first_protocol = b.size() >= 4 ? be16(b, 2) : 0;
  while (!b.empty() && h.count < h.records.size()) {
    if (b.size() < mbap + unit_and_function) {
      const bool plausible = first_protocol == 0 && (b.size() < 3 || b[2] == 0) && (b.size() < 4 || b[3] == 0) && (b.size() < 5 || b[4] == 0);
      (plausible ? h.begun : h.broken) = true;
      h.odd &= first_protocol == 0;
      return h;
    }
    const uint16_t protocol = be16(b, 2), rest = be16(b, 4);
    const size_t whole = mbap + rest;
    if (protocol != first_protocol || rest < unit_and_function || rest > (b[7] == umas ? longest_umas : longest)) {
      h.odd |= protocol == 0 && whole == b.size();                       // a length of 0 or 1
      const size_t n = std::min(b.size() - 7, extent(b.subspan(7), Role::request).n);
      h.odd |= protocol == 0 && rest > longest && fits(b.subspan(7, n), Role::request);
      h.broken = true;
      h.odd &= first_protocol == 0;
      return h;
    }
    if (b.size() < whole) {
      const Extent q = extent(b.subspan(7), Role::request), a = extent(b.subspan(7), Role::response);
      h.begun = protocol == 0 && (q.kind != Extent::known || a.kind != Extent::known || 7 + q.n == whole || 7 + a.n == whole);
      h.broken = !h.begun;
      return h;
    }
    const Bytes pdu = b.subspan(7, rest - 1u);
    const bool asks = protocol == 0 && fits(pdu, Role::request), answers = protocol == 0 && fits(pdu, Role::response);
    if (asks || answers) h.add(be16(b, 0), b.subspan(6), asks, answers);
    else h.odd = true;
    b = b.subspan(whole);
  }
  return h;
}

// A CRC of 16 bits and a length are little: other serial protocols end in the same CRC. So what an answer gives must be what
// its question wanted: as many octets, or the same range or value again.
Heard hear_rtu(Bytes b) {
  Heard h;
  while (!b.empty() && h.count < h.records.size()) {
    const size_t q = rtu_frame(b, Role::request), a = rtu_frame(b, Role::response);
    const bool asks = q && fits(b.subspan(1, q - 3), Role::request), answers = a && fits(b.subspan(1, a - 3), Role::response);
    if (!asks && !answers) { h.broken = true; return h; }
    const size_t n = std::max(asks ? q : 0, answers ? a : 0);
    h.add(0, b, asks && q == n, answers && a == n);
    Heard::Record& r = h.records[h.count - 1];
    const bool again = r.function == 5 || r.function == 6 || r.function == 15 || r.function == 16 || r.function == 22;
    if (r.asks && again) r.wanted = uint32_t(be16(b, 2)) << 16 | be16(b, 4);
    if (r.answers && again && !(b[1] & 0x80)) r.given = uint32_t(be16(b, 2)) << 16 | be16(b, 4);
    const bool bits = r.function <= 2;
    if (r.asks && (r.function <= 4 || r.function == 23)) r.wanted = uint32_t(bits ? octets_for(be16(b, 4)) : 2u * be16(b, 4));
    if (r.answers && (r.function <= 4 || r.function == 23) && !(b[1] & 0x80)) r.given = b[2];
    if (r.answers && (b[1] & 0x80)) r.given = refusal;
    b = b.subspan(n);
  }
  return h;
}

Recognised judge(const Heard& up, const Heard& down, bool rtu) {
  const bool up_asks = up.asks && down.answers, down_asks = up.answers && down.asks;
  Recognised::Client client = Recognised::unknown;
  if (up_asks != down_asks) client = up_asks ? Recognised::up : Recognised::down;
  bool paired = false;
  for (size_t i = 0; i < up.count; i++)
    for (size_t j = 0; j < down.count; j++) {
      const auto &u = up.records[i], &d = down.records[j];
      if (u.tag != d.tag || u.unit != d.unit || u.function != d.function) continue;
      paired |= u.answered_by(d) || d.answered_by(u);
    }
  const bool enough = rtu ? (up.count >= 3 && up.asks) || (down.count >= 3 && down.asks) : up.count >= 2 || down.count >= 2;
  const bool doubtful = rtu && (up.broken || down.broken || (!up_asks && !down_asks));
  if (!doubtful && ((paired && (up_asks || down_asks)) || enough)) return {Recognised::yes, client};
  if (up.count + down.count) return {Recognised::maybe, client};
  const bool possible = (up.begun || up.odd || !up.broken) && (down.begun || down.odd || !down.broken);
  return {possible && (up.begun || up.odd || down.begun || down.odd) ? Recognised::maybe : Recognised::no, Recognised::unknown};
}

Recognised recognises(Bytes up, Bytes down, Carrier) {
  const Recognised tcp = judge(hear_tcp(up), hear_tcp(down), false);
  if (tcp.sure == Recognised::yes) return tcp;
  const Recognised rtu = judge(hear_rtu(up), hear_rtu(down), true);
  return rtu.sure > tcp.sure ? rtu : tcp;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(pool); }

constexpr Port ports[] = {{Carrier::tcp, 502}, {Carrier::udp, 502}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"modbus", "Modbus", ports, recognises, open, functions, frames, reason,
    "MODBUS Application Protocol V1.1b3, Messaging on TCP/IP V1.0b, over Serial Line V1.02; UMAS (0x5A) as publicly described",
    "what UMAS sub-functions carry (named), CANopen behind 43/13, private function codes"};

}  // namespace vidra::modbus
