// SPDX-License-Identifier: Apache-2.0
// S7 communication over ISO transport (TPKT, COTP; iso.h), as SIMATIC S7-200, -300, -400 and compatible controllers speak it.
// Siemens has not published it; the meaning of its fields is known from public analyses. One TSDU is one PDU: a header with
// the kind of PDU (ROSCTR), a reference that ties an answer to its question, parameters and data.
//
// What the head says:
//   function      that of the parameters; 256 + function group for user data
//   sub_function  of user data its sub-function, of a program invocation which one
//   tag           the PDU reference; role: from the PDU, either side may ask
//   reason        error class << 8 | error code of the header, or the error of user data
// and the points: form = transport size (1 bit, 2 byte, 4 word, 8 real …), number = bit address, status = return code.
// Passwords are said to be there, never said.
#include <array>
#include <cstdio>
#include <cstring>

#include "dissectors/civil.h"
#include "dissectors/iso.h"
#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"

namespace vidra::s7 {
namespace {

enum : uint8_t {
  cpu_services = 0x00, read_variable = 0x04, write_variable = 0x05, request_download = 0x1a, download_block = 0x1b, download_ended = 0x1c,
  start_upload = 0x1d, upload = 0x1e, end_upload = 0x1f, program_invocation = 0x28, stop = 0x29, setup = 0xf0
};
enum : uint8_t { job = 1, ack = 2, ack_data = 3, user_data = 7 };
constexpr uint16_t group_base = 256, foreign = 511;
enum Group : uint8_t { mode_transition, programmer, cyclic, blocks, cpu, security, bsend, clock_group, nc = 15 };

constexpr Function own[] = {
    {cpu_services, 0xffff, "CPU services", Act::other},
    {read_variable, 0xffff, "read variables", Act::read},
    {write_variable, 0xffff, "write variables", Act::write},
    {request_download, 0xffff, "request download", Act::program},
    {download_block, 0xffff, "download block", Act::program},
    {download_ended, 0xffff, "download ended", Act::program},
    {start_upload, 0xffff, "start upload", Act::program},
    {upload, 0xffff, "upload", Act::program},
    {end_upload, 0xffff, "end upload", Act::program},
    {program_invocation, 1, "insert blocks (_INSE)", Act::program},
    {program_invocation, 2, "delete blocks (_DELE)", Act::program},
    {program_invocation, 3, "start program (P_PROGRAM)", Act::run},
    {program_invocation, 4, "copy RAM to ROM (_MODU)", Act::program},
    {program_invocation, 5, "compress memory (_GARB)", Act::program},
    {program_invocation, 6, "log in (_N_LOGIN_)", Act::session},
    {program_invocation, 7, "log out (_N_LOGOUT)", Act::session},
    {program_invocation, 8, "cancel (_N_CANCEL)", Act::run},
    {program_invocation, 9, "reset (_N_RESET_)", Act::run},
    {program_invocation, 0xffff, "program invocation", Act::program},
    {stop, 0xffff, "stop program", Act::run},
    {setup, 0xffff, "setup communication", Act::session},
    {group_base + mode_transition, 0, "mode transition: STOP", Act::run},
    {group_base + mode_transition, 1, "mode transition: warm restart", Act::run},
    {group_base + mode_transition, 2, "mode transition: RUN", Act::run},
    {group_base + mode_transition, 3, "mode transition: hot restart", Act::run},
    {group_base + mode_transition, 4, "mode transition: HOLD", Act::run},
    {group_base + mode_transition, 6, "mode transition: cold restart", Act::run},
    {group_base + mode_transition, 9, "mode transition: RUN, redundant", Act::run},
    {group_base + mode_transition, 11, "mode transition: link-up", Act::run},
    {group_base + mode_transition, 12, "mode transition: update", Act::run},
    {group_base + mode_transition, 0xffff, "mode transition", Act::run},
    {group_base + programmer, 1, "block status", Act::diagnose},
    {group_base + programmer, 2, "variable status", Act::diagnose},
    {group_base + programmer, 3, "interrupt stack", Act::diagnose},
    {group_base + programmer, 4, "block stack", Act::diagnose},
    {group_base + programmer, 5, "local stack", Act::diagnose},
    {group_base + programmer, 6, "time measurement", Act::diagnose},
    {group_base + programmer, 7, "force selection", Act::diagnose},
    {group_base + programmer, 8, "modify variables", Act::write},
    {group_base + programmer, 9, "force", Act::write},
    {group_base + programmer, 10, "breakpoint", Act::program},
    {group_base + programmer, 11, "exit HOLD", Act::run},
    {group_base + programmer, 12, "memory reset", Act::run},
    {group_base + programmer, 13, "disable job", Act::diagnose},
    {group_base + programmer, 14, "enable job", Act::diagnose},
    {group_base + programmer, 15, "delete job", Act::diagnose},
    {group_base + programmer, 16, "read job list", Act::diagnose},
    {group_base + programmer, 17, "read job", Act::diagnose},
    {group_base + programmer, 18, "replace job", Act::diagnose},
    {group_base + programmer, 19, "block status", Act::diagnose},
    {group_base + programmer, 22, "flash LED", Act::diagnose},
    {group_base + programmer, 0xffff, "programmer commands", Act::diagnose},
    {group_base + cyclic, 1, "cyclic transfer", Act::subscribe},
    {group_base + cyclic, 4, "end cyclic transfer", Act::subscribe},
    {group_base + cyclic, 5, "transfer on change", Act::subscribe},
    {group_base + cyclic, 7, "modify transfer on change", Act::subscribe},
    {group_base + cyclic, 8, "read data record", Act::read},
    {group_base + cyclic, 0xffff, "cyclic services", Act::subscribe},
    {group_base + blocks, 1, "list blocks", Act::browse},
    {group_base + blocks, 2, "list blocks of type", Act::browse},
    {group_base + blocks, 3, "block information", Act::browse},
    {group_base + blocks, 0xffff, "block functions", Act::browse},
    {group_base + cpu, 1, "read SZL", Act::identify},
    {group_base + cpu, 2, "message service", Act::subscribe},
    {group_base + cpu, 3, "diagnostic message", Act::report},
    {group_base + cpu, 5, "ALARM_8", Act::report},
    {group_base + cpu, 6, "NOTIFY", Act::report},
    {group_base + cpu, 7, "lock ALARM_8", Act::configure},
    {group_base + cpu, 8, "unlock ALARM_8", Act::configure},
    {group_base + cpu, 9, "SCAN", Act::report},
    {group_base + cpu, 11, "acknowledge alarm", Act::other},
    {group_base + cpu, 12, "alarm acknowledged", Act::report},
    {group_base + cpu, 13, "alarm locked", Act::report},
    {group_base + cpu, 14, "alarm unlocked", Act::report},
    {group_base + cpu, 17, "ALARM_SQ", Act::report},
    {group_base + cpu, 18, "ALARM_S", Act::report},
    {group_base + cpu, 19, "alarm query", Act::read},
    {group_base + cpu, 22, "NOTIFY_8", Act::report},
    {group_base + cpu, 0xffff, "CPU functions", Act::other},
    {group_base + security, 1, "enter password", Act::session},
    {group_base + security, 2, "withdraw password", Act::session},
    {group_base + security, 0xffff, "security", Act::session},
    {group_base + bsend, 0xffff, "BSEND/BRCV", Act::other},
    {group_base + clock_group, 1, "read clock", Act::time},
    {group_base + clock_group, 2, "set clock", Act::time},
    {group_base + clock_group, 3, "read clock (following)", Act::time},
    {group_base + clock_group, 4, "set clock (following)", Act::time},
    {group_base + clock_group, 0xffff, "time functions", Act::time},
    {group_base + nc, 1, "NC: request download", Act::program},
    {group_base + nc, 2, "NC: download", Act::program},
    {group_base + nc, 3, "NC: continue download", Act::program},
    {group_base + nc, 4, "NC: download ended", Act::program},
    {group_base + nc, 6, "NC: start upload", Act::program},
    {group_base + nc, 7, "NC: upload", Act::program},
    {group_base + nc, 8, "NC: continue upload", Act::program},
    {group_base + nc, 0xffff, "NC programming", Act::program},
    {foreign, 0xffff, "data of another protocol", Act::other},
};
constexpr auto functions = iso::with_transport(own);

// Looked up a record, so unfolded: function groups by sub-function, functions by their code.
constexpr auto acts = [] {
  std::array<Act, 272> a{};
  for (const Function& f : own)
    if (f.number < a.size() && f.sub == 0xffff) a[f.number] = f.act;
  return a;
}();
constexpr auto group_acts = [] {
  std::array<std::array<Act, 32>, 16> a{};
  for (unsigned g = 0; g < 16; g++)
    for (unsigned s = 0; s < 32; s++) a[g][s] = acts[group_base + g];
  for (const Function& f : own)
    if (f.number >= group_base && f.number < group_base + 16 && f.sub < 32) a[f.number - group_base][f.sub] = f.act;
  return a;
}();

constexpr std::string_view frames[] = {"transport", "job", "ack", "ack data", "user data"};

struct Code { uint16_t code; std::string_view name; };
constexpr Code reasons[] = {   // error class << 8 | code of the header; errors of user data
    {0x0110, "invalid block number"}, {0x0111, "invalid request length"}, {0x0112, "invalid parameter"}, {0x0113, "invalid block type"},
    {0x0114, "block not found"}, {0x0115, "block exists already"}, {0x0116, "block is write-protected"}, {0x0117, "block too large"},
    {0x0119, "incorrect password"}, {0x011c, "protocol error"}, {0x011d, "too many blocks"}, {0x0140, "not enough memory"}, {0x0141, "out of resources"},
    {0x8001, "not possible in the block's state"}, {0x8003, "error while transferring the block"}, {0x8100, "service unknown to the module"},
    {0x8104, "service not implemented, or a frame error"}, {0x8204, "types of the object do not agree"}, {0x8205, "a copied block exists already"},
    {0x8301, "not enough work memory"}, {0x8302, "too few resources"}, {0x8304, "no further parallel upload"}, {0x8305, "function not available"},
    {0x8401, "invalid sequence of services"}, {0x8402, "state of the object forbids it"}, {0x8404, "function cannot be performed"},
    {0x8500, "wrong frames"}, {0x8503, "service cancelled by the module"}, {0x8701, "object addressed wrongly"}, {0x8702, "service not supported by the module"},
    {0x8703, "access to the object refused"}, {0x8704, "object damaged"}, {0xd041, "illegal status list"}, {0xd042, "illegal address"},
    {0xd043, "job not found"}, {0xd044, "illegal value"}, {0xd081, "not permitted in this mode"}, {0xd0a1, "not permitted at this protection level"},
    {0xd0a4, "forcing established already"}, {0xd0a5, "job not found"}, {0xd201, "syntax error in the block's name"}, {0xd202, "syntax error in parameters"},
    {0xd209, "block not found on the module"}, {0xd20e, "no further block"}, {0xd210, "invalid block number"}, {0xd216, "invalid user program"},
    {0xd217, "protection level not permitted"}, {0xd23d, "block fails its checksum"}, {0xd240, "coordination rules violated"},
    {0xd241, "not permitted at this protection level"}, {0xd242, "protection violated while processing F blocks"}, {0xd281, "another block function is active"},
    {0xd401, "information not available"}, {0xd402, "information not available"}, {0xd405, "service not supported"}, {0xd406, "information not available now"},
    {0xd601, "syntax error in parameters"}, {0xd602, "incorrect password"}, {0xd603, "password entered already"}, {0xd604, "connection enabled already"},
    {0xd605, "there is no password"}, {0xd801, "invalid address"}, {0xd802, "job does not exist"}, {0xd803, "illegal state of the job"},
    {0xd804, "illegal cycle time"}, {0xd805, "no more cyclic jobs"}, {0xdc01, "invalid date or time"},
};
std::string_view reason(uint16_t code) {
  for (const Code& c : reasons)
    if (c.code == code) return c.name;
  if (const std::string_view transport = iso::reason(code); !transport.empty()) return transport;
  switch (code >> 8) {
    case 0x81: return "application relationship";
    case 0x82: return "object definition";
    case 0x83: return "no resources";
    case 0x84: return "error of service processing";
    case 0x85: return "error of supplies";
    case 0x87: return "access error";
    default: return {};
  }
}
std::string_view status(uint16_t code) {
  switch (code) {
    case 0x01: return "hardware error";
    case 0x03: return "access not allowed";
    case 0x05: return "invalid address";
    case 0x06: return "type not supported";
    case 0x07: return "type inconsistent";
    case 0x0a: return "object does not exist";
    default: return {};
  }
}
constexpr uint8_t success = 0xff;

enum Size : uint8_t { bit = 1, byte = 2, character = 3, word = 4, integer = 5, dword = 6, dinteger = 7, real = 8, time_of_day = 10, duration = 11,
                      s5time = 12, date_and_time = 15, counter = 28, timer = 29 };
std::string_view note(const Point& p) {
  if (p.object.kind() != ObjectKind::data_block && p.object.kind() != ObjectKind::memory_area) return {};
  switch (p.form) {
    case byte: return "BYTE";
    case character: return "CHAR";
    case word: return "WORD";
    case integer: return "INT";
    case dword: return "DWORD";
    case dinteger: return "DINT";
    case real: return "REAL";
    case time_of_day: return "TOD";
    case duration: return "TIME";
    case s5time: return "S5TIME";
    case date_and_time: return "DATE_AND_TIME";
    default: return {};
  }
}
constexpr uint32_t octets_of(uint8_t size) {   // of one element; a bit takes an octet of its own
  switch (size) {
    case word: case integer: case s5time: case counter: case timer: return 2;
    case dword: case dinteger: case real: case time_of_day: case duration: return 4;
    case date_and_time: return 8;
    default: return 1;
  }
}
constexpr bool bit_addressed(uint8_t area) { return area != 0x1c && area != 0x1d && area != 0x1e && area != 0x1f; }
constexpr uint32_t apart(uint8_t area, uint8_t size) { return !bit_addressed(area) || size == bit ? 1 : 8 * octets_of(size); }

std::string_view block_type(uint8_t code) {   // as an ASCII digit behind '0'
  switch (code) {
    case '8': return "OB";
    case 'A': return "DB";
    case 'B': return "SDB";
    case 'C': return "FC";
    case 'D': return "SFC";
    case 'E': return "FB";
    case 'F': return "SFB";
    default: return {};
  }
}

// Year, month, day, hour, minute, second, milliseconds and day of the week, in BCD. 0 where they are no date.
Time date_of(Bytes b) {
  if (b.size() < 8) return 0;
  const Time t = civil(full_year(bcd(b[0])), bcd(b[1]), bcd(b[2]), bcd(b[3]), bcd(b[4]), bcd(b[5]));
  return t ? t + int64_t(bcd(b[6]) * 10 + (b[7] >> 4)) * millisecond : 0;
}

std::string_view trimmed(Bytes b) {
  const std::string_view s = text_of(b);
  const size_t begin = s.find_first_not_of(std::string_view(" \0", 2)), end = s.find_last_not_of(std::string_view(" \0", 2));
  if (begin == s.npos) return {};
  std::string_view t = s.substr(begin, end - begin + 1);
  return t.substr(0, t.find('\0'));
}

// One variable as a request names it.
struct Variable {
  uint64_t key = 0;
  uint32_t count = 0;
  uint8_t size = 0, area = 0;
};
struct Question {
  uint16_t reference = 0, function = 0, sub = 0;
  uint8_t side = 0, variables = 0;
  Variable* asked = nullptr;       // of the pool
  uint64_t block = 0;              // key of a block's name
  char name[16] = {};
};

class Parser final : public vidra::Parser {
 public:
  explicit Parser(Pool& pool) : pool_(&pool), transport_(pool) {}
  ~Parser() override {
    for (size_t i = 0; i < waiting_; i++) pool_->give(questions_[i].asked);
    for (Question& q : cyclic_) pool_->give(q.asked);
  }

  Cut next(Side from, Bytes octets, bool segment_start, bool) override { return transport_.next(from, octets, segment_start); }
  void gap(Side from, uint64_t) override { transport_.gap(from); }

  void parse(Bytes record, Side from, Speaker& say) override {
    const iso::Heard h = transport_.hear(record, from);
    if ((h.kind == iso::Tpdu::request || h.kind == iso::Tpdu::confirm) && !h.malformed && h.called.size() == 2 && h.called[0] >= 1 && h.called[0] <= 3) return connect(h, say);
    if (h.kind != iso::Tpdu::data || h.malformed) return iso::say(h, from, say);
    if (h.whole) pdu(h.tsdu, h.torn, from, say);
  }

 private:
  struct Said { Message& m; Speaker& say; Question* asks; Question q; };

  // The called TSAP: kind of connection, then rack << 5 | slot.
  static void connect(const iso::Heard& h, Speaker& say) {
    Message& m = say.begin();
    m.link = true;
    m.act = Act::session;
    const bool asks = h.kind == iso::Tpdu::request;
    m.function = uint16_t(iso::first_function + unsigned(h.kind));
    m.role = asks ? Role::request : Role::response;
    m.tag = asks ? h.source : h.destination;
    constexpr std::string_view kinds[] = {"programmer", "operator", "basic"};
    say.point(say.named("connection")).set_text(say.text(kinds[h.called[0] - 1]));
    say.point(say.named("rack")).set_natural(h.called[1] >> 5);
    say.point(say.named("slot")).set_natural(h.called[1] & 31);
    say.end();
  }

  void pdu(Bytes octets, bool torn, Side from, Speaker& say) {
    Message& m = say.begin();
    bool bad = false;
    Reader r{octets, bad};
    const uint8_t protocol = r.u8(), kind = r.u8();
    m.frame = kind == job ? 1 : kind == ack ? 2 : kind == ack_data ? 3 : 4;
    if (protocol != 0x32 || (kind != job && kind != ack && kind != ack_data && kind != user_data)) {
      m.frame = 0;
      m.function = foreign;
      m.retained = true;
      m.malformed = !torn;                                 // else it may be the end of a TSDU whose beginning was not heard
      return say.end();
    }
    r.skip(2);
    m.tag = r.be16();
    const uint16_t parameters = r.be16(), data = r.be16();
    if (kind == ack || kind == ack_data) m.reason = r.be16();
    Reader p = r.sub(parameters), d = r.sub(data);
    Said s{m, say, nullptr, {}};
    identity_ = Identity{};
    if (kind == user_data) {
      userdata(s, p, d, from);
    } else if (kind == job) {
      m.role = Role::request;
      m.function = p.u8();
      m.act = m.function < acts.size() ? acts[m.function] : Act::other;
      s.asks = &remember(uint16_t(m.tag), m.function, from);
      ask(s, p, d);
    } else {
      m.role = Role::response;
      s.q = answered(uint16_t(m.tag), from);
      const bool heard = s.q.function != none;
      m.unpaired = !heard;
      if (p) m.function = p.u8();
      else if (heard) m.function = s.q.function;
      if (heard && s.q.function != m.function) m.unpaired = true, release(s.q), s.q = Question{};
      m.act = m.function < acts.size() ? acts[m.function] : Act::other;
      if (!m.unpaired && m.function == program_invocation) m.sub_function = s.q.sub, m.act = invocation_act(m.sub_function);
      m.refused = m.reason != 0;
      answer(s, p, d);
      release(s.q);
    }
    p.finish();
    d.finish();
    r.finish();
    m.malformed |= bad;
    say.end();
    if (identity_.name | identity_.product | identity_.model | identity_.firmware | identity_.serial | identity_.vendor) say.identity(identity_);
  }

  // --- questions

  static constexpr uint16_t none = 0xffff;
  Question& remember(uint16_t reference, uint16_t function, Side from) {
    for (size_t i = 0; i < waiting_; i++)
      if (questions_[i].reference == reference && questions_[i].side == uint8_t(from)) { drop(i); break; }
    if (waiting_ == questions_.size()) drop(0);
    Question& q = questions_[waiting_++];
    q = Question{};
    q.reference = reference, q.function = function, q.side = uint8_t(from);
    return q;
  }
  void drop(size_t i) {
    pool_->give(questions_[i].asked);
    std::copy(questions_.begin() + long(i) + 1, questions_.begin() + long(waiting_), questions_.begin() + long(i));
    waiting_--;
  }
  Question answered(uint16_t reference, Side from) {      // what it remembers is the caller's to release
    for (size_t i = 0; i < waiting_; i++) {
      if (questions_[i].reference != reference || questions_[i].side == uint8_t(from)) continue;
      const Question q = questions_[i];
      questions_[i].asked = nullptr;
      drop(i);
      return q;
    }
    Question nothing;
    nothing.function = none;
    return nothing;
  }
  void release(Question& q) { pool_->give(q.asked), q.asked = nullptr, q.variables = 0; }

  // --- variables

  static Object object(uint8_t area, uint16_t block, uint32_t address) {
    if (area == 0x84 || area == 0x85) return Object(ObjectKind::data_block, address, block);
    return memory(Maker::siemens, area, address);
  }

  // Names are remembered for the answer: the last of them.
  uint64_t name(Said& s, std::string_view text) {
    const uint64_t key = s.say.named(text).key();
    for (const Name& n : names_)
      if (n.key == key) return key;
    Name& n = names_[next_name_++ % names_.size()];
    n.key = key;
    n.size = uint8_t(std::min(text.size(), n.text.size()));
    std::memcpy(n.text.data(), text.data(), n.size);
    return key;
  }
  Object known(const Variable& v, Speaker& say) {
    if (v.key && v.size == 0)
      for (const Name& n : names_)
        if (n.key == v.key) say.text({n.text.data(), n.size});
    return Object::from_key(v.key);
  }

  // A variable specification (0x12, length, syntax); how many points it says.
  void variable(Said& s, Reader& p, bool told) {
    p.require(p.u8() == 0x12);
    Reader v = p.sub(p.u8());
    const uint8_t syntax = v.u8();
    switch (syntax) {
      case 0x10: {                                        // S7ANY
        const uint8_t size = v.u8();
        const uint16_t count = v.be16(), block = v.be16();
        const uint8_t area = v.u8();
        const uint32_t address = v.be24();
        v.finish();
        put(s, {object(area, block, address).key(), count, size, area}, told);
        return;
      }
      case 0xb0: {                                        // DBREAD: runs of octets of several blocks
        for (uint8_t i = 0, n = v.u8(); i < n && v.ok(); i++) {
          const uint8_t octets = v.u8();
          const uint16_t block = v.be16(), address = v.be16();
          put(s, {object(0x84, block, address * 8u).key(), octets, byte, 0x84}, told);
        }
        v.finish();
        return;
      }
      case 0xb2: {                                        // symbolic: area, check sum of the name, local identifiers
        v.skip(1);
        const uint16_t kind = v.be16(), area = v.be16();
        const uint32_t check = v.be32();
        std::array<char, 96> room;
        size_t used = size_t(kind == 0x8a0e ? std::snprintf(room.data(), room.size(), "DB%u", area)
                                            : std::snprintf(room.data(), room.size(), "area %04x.%04x", kind, area));
        used += size_t(std::snprintf(room.data() + used, room.size() - used, " #%08x", check));
        while (v.left() >= 4) {
          const uint32_t id = v.be32();
          if (used + 10 < room.size()) used += size_t(std::snprintf(room.data() + used, room.size() - used, ".%x", id & 0x0fffffff));
        }
        v.finish();
        put(s, {name(s, {room.data(), used}), 0, 0, 0}, told);
        return;
      }
      case 0x82: case 0x83: case 0x84: {                  // numerical control: area and unit, column, line, module, lines
        const uint8_t unit = v.u8();
        const uint16_t column = v.be16(), line = v.be16();
        const uint8_t module = v.u8();
        v.skip(1);
        v.finish();
        std::array<char, 96> room;
        const int n = std::snprintf(room.data(), room.size(), "NCK area %u unit %u module %02x column %u line %u", unit >> 5, unit & 31, module, column, line);
        put(s, {name(s, {room.data(), size_t(n)}), 0, 0, 0}, told);
        return;
      }
      default: {
        v.rest();
        s.m.retained = true;
        put(s, {}, told);
      }
    }
  }
  void put(Said& s, const Variable& v, bool told) {
    if (s.asks) {
      if (!s.asks->asked) s.asks->asked = static_cast<Variable*>(pool_->take(most * sizeof(Variable))), s.asks->variables = 0;
      if (s.asks->asked && s.asks->variables < most) s.asks->asked[s.asks->variables++] = v;
    }
    if (!told) return;
    Point& p = s.say.point(Object::from_key(v.key));
    p.form = v.size;
    const uint64_t bits = uint64_t(v.count) * apart(v.area, v.size);
    if (v.count) p.count = uint32_t(bits ? bits : 1);
  }

  // Data of one variable: return code, how its length is counted, length, octets; filled to an even number unless it is the
  // last. `of` says of which type it is.
  void item(Said& s, Reader& d, const Variable& of, bool asking) {
    const uint8_t code = d.u8(), counted = d.u8();
    const uint16_t length = d.be16();
    const size_t octets = counted == 0 ? 0 : counted >= 3 && counted <= 5 ? (length + 7u) / 8 : length;
    Reader v = d.sub(octets);
    const Object o = known(of, s.say);
    const bool fails = !asking && code != success;
    if (fails || of.size == 0 || (octets < octets_of(of.size) * std::max<uint32_t>(of.count, 1) && !asking)) {
      Point& p = s.say.point(o);
      p.form = of.size;
      if (fails) {
        p.status = code;
        p.quality = invalid;
      } else {
        value_of(v, p, counted, octets);
      }
      v.rest();
    } else {
      const uint32_t step = apart(of.area, of.size), n = std::max<uint32_t>(of.count, 1);
      for (uint32_t i = 0; i < n && v; i++) {
        Point& p = s.say.point(o.at(i * step));
        p.form = of.size;
        typed(v, p, of.size);
      }
      v.rest();
    }
    if (octets % 2 && d) d.skip(1);
  }
  static void value_of(Reader& v, Point& p, uint8_t counted, size_t octets) {   // of an unknown type
    switch (octets) {
      case 0: return;
      case 1: counted == 3 ? p.set(v.u8() & 1) : p.set_natural(v.u8()); return;
      case 2: p.set_natural(v.be16()); return;
      case 4: counted == 7 ? p.set_real(double(v.be_float())) : p.set_natural(v.be32()); return;
      default: p.set_octets(octets);
    }
  }
  static void typed(Reader& v, Point& p, uint8_t size) {
    switch (size) {
      case bit: p.set(v.u8() & 1); break;
      case word: p.set_natural(v.be16()); break;
      case integer: p.set_integer(int16_t(v.be16())); break;
      case dword: p.set_natural(v.be32()); break;
      case dinteger: case duration: p.set_integer(int32_t(v.be32())); break;
      case real: p.set_real(double(v.be_float())); break;
      case time_of_day: p.set_natural(v.be32()); break;
      case s5time: case counter: case timer: p.set_natural(v.be16()); break;
      case date_and_time: p.set_time(date_of(v.bytes(8))); break;
      default: p.set_natural(v.u8());
    }
  }

  // --- jobs

  // "_0800001P": kind of file, type of block, number, where to; "" what it is not.
  uint64_t block(Said& s, Bytes name, bool told = true) {
    std::array<char, 16> room;
    const Bytes b = name.size() == 9 ? name.subspan(1) : name;
    if (b.size() != 8 || b[0] != '0' || block_type(b[1]).empty()) return 0;
    uint32_t number = 0;
    for (uint8_t digit : b.subspan(2, 5)) {
      if (digit < '0' || digit > '9') return 0;
      number = number * 10 + (digit - '0');
    }
    const std::string_view type = block_type(b[1]);
    const int n = std::snprintf(room.data(), room.size(), "%.*s%u", int(type.size()), type.data(), number);
    const uint64_t key = s.say.text({room.data(), size_t(n)});
    if (s.asks) s.asks->block = key, std::memcpy(s.asks->name, room.data(), room.size());
    if (told) s.say.point(Object::of_text(key));
    return key;
  }
  void asked_block(Said& s) {
    if (s.q.block && s.q.function != none) s.say.point(s.say.named(s.q.name));
  }
  static Bytes counted(Reader& r) { return r.bytes(r.u8()); }
  static Act invocation_act(uint16_t sub) { return sub == 3 || sub == 8 || sub == 9 ? Act::run : sub == 6 || sub == 7 ? Act::session : Act::program; }
  static uint16_t invocation(std::string_view name) {
    constexpr std::string_view names[] = {"_INSE", "_DELE", "P_PROGRAM", "_MODU", "_GARB", "_N_LOGIN_", "_N_LOGOUT", "_N_CANCEL", "_N_RESET_"};
    for (size_t i = 0; i < std::size(names); i++)
      if (names[i] == name) return uint16_t(i + 1);
    return 0;
  }
  static void fragment(Said& s, Reader& d) {              // of a block: length, 00 FB, octets
    if (!d) return;
    const uint16_t length = d.be16();
    d.skip(2);
    s.say.point(Object()).set_octets(length);
    s.m.retained = true;
    d.rest();
  }

  void ask(Said& s, Reader& p, Reader& d) {
    Message& m = s.m;
    switch (m.function) {
      case read_variable: case write_variable: {
        const uint8_t n = p.u8();
        const bool writes = m.function == write_variable;
        for (uint8_t i = 0; i < n && p.ok(); i++) variable(s, p, !writes);
        if (!writes) return;
        for (uint8_t i = 0; i < n && d.ok(); i++) item(s, d, s.asks->asked && i < s.asks->variables ? s.asks->asked[i] : Variable{}, true);
        return;
      }
      case setup: {
        p.skip(1);
        s.say.point(s.say.named("jobs at once")).set_natural(p.be16());
        p.skip(2);
        s.say.point(s.say.named("PDU size")).set_natural(p.be16());
        return;
      }
      case request_download: {
        p.skip(7);
        file(s, counted(p));
        if (!p) return;
        const Bytes sizes = counted(p);                   // '1', six digits of load memory, six of code
        if (sizes.size() == 13) {
          uint32_t n = 0;
          for (uint8_t digit : sizes.subspan(1, 6)) n = n * 10 + (digit - '0') % 10;
          s.say.point(s.say.named("load memory")).set_natural(n);
        }
        return;
      }
      case download_block: case download_ended: case start_upload:
        p.skip(7);
        file(s, counted(p));
        return;
      case upload: case end_upload: p.skip(7); return;
      case program_invocation: {
        p.skip(7);
        const Bytes parameters = p.bytes(p.be16());
        const std::string_view name = text_of(counted(p));
        m.sub_function = invocation(name);
        s.asks->sub = m.sub_function;
        m.act = invocation_act(m.sub_function);
        if (m.sub_function == 0) s.say.point(s.say.named("service")).set_text(s.say.text(name));
        if (m.sub_function <= 2 && m.sub_function && parameters.size() >= 2) {
          for (size_t i = 0, at = 2; i < parameters[0] && at + 8 <= parameters.size(); i++, at += 8) block(s, parameters.subspan(at, 8));
        } else if (m.sub_function == 6) {
          s.say.point(s.say.named("password")).set_text(s.say.text(parameters.empty() ? "none" : "other"));
        } else if (!parameters.empty() && m.sub_function >= 3 && m.sub_function <= 5) {
          s.say.point(s.say.named("argument")).set_text(s.say.text(trimmed(parameters)));
        }
        return;
      }
      case stop:
        p.skip(5);
        counted(p);
        return;
      default:
        m.retained = true;
        p.rest(), d.rest();
    }
  }
  void file(Said& s, Bytes name) {
    if (!block(s, name)) s.say.point(s.say.named("file")).set_text(s.say.text(text_of(name)));
  }

  void answer(Said& s, Reader& p, Reader& d) {
    Message& m = s.m;
    switch (m.function) {
      case read_variable: case write_variable: {
        if (!p) { asked_all(s); return; }
        const uint8_t n = p.u8();
        bool refused = false;
        for (uint8_t i = 0; i < n && d; i++) {
          const Variable of = i < s.q.variables ? s.q.asked[i] : Variable{};
          if (m.function == read_variable) { item(s, d, of, false); continue; }
          Point& point = s.say.point(known(of, s.say));
          point.form = of.size;
          if (of.count) point.count = std::max<uint32_t>(1, of.count * apart(of.area, of.size));
          const uint8_t code = d.u8();
          if (code != success) point.status = code, refused = true;
        }
        m.refused |= refused;
        return;
      }
      case setup:
        if (!p) return;
        p.skip(1);
        s.say.point(s.say.named("jobs at once")).set_natural(p.be16());
        p.skip(2);
        s.say.point(s.say.named("PDU size")).set_natural(p.be16());
        return;
      case download_block: case upload:
        asked_block(s);
        p.rest();
        fragment(s, d);
        return;
      case start_upload: asked_block(s); p.rest(); return;
      case request_download: case download_ended: case end_upload: case program_invocation: case stop:
        asked_block(s);
        p.rest(), d.rest();
        return;
      default: m.retained = bool(p) || bool(d); p.rest(), d.rest();
    }
  }
  void asked_all(Said& s) {                               // of a refused question
    for (uint8_t i = 0; i < s.q.variables; i++) {
      Point& p = s.say.point(known(s.q.asked[i], s.say));
      p.form = s.q.asked[i].size;
      if (s.q.asked[i].count) p.count = std::max<uint32_t>(1, s.q.asked[i].count * apart(s.q.asked[i].area, s.q.asked[i].size));
    }
  }

  // --- user data: 00 01 12, length, method, kind and group, sub-function, sequence; of answers data unit, last or not, error

  void userdata(Said& s, Reader& p, Reader& d, Side from) {
    Message& m = s.m;
    const uint32_t head = p.be24();
    p.require(head == 0x000112 || head == 0x010010);       // the second: a mode transition, whose length counts something else
    const uint8_t length = p.u8();
    Reader h = p.sub(head == 0x000112 ? length : p.left());
    const uint8_t method = h.u8(), kind = h.u8(), group = kind & 15, sub = h.u8();
    m.sequence = h.u8();
    m.function = group_base + group;
    m.sub_function = sub;
    m.act = sub < 32 ? group_acts[group][sub] : acts[m.function];
    uint8_t unit = 0;
    bool more = false;
    if (method == 0x12 || h.left() >= 4) {
      unit = h.u8();
      more = h.u8() != 0;
      m.reason = h.be16();
    }
    h.finish();
    switch (kind >> 4) {
      case 0: case 3: m.role = Role::report; break;
      case 8: case 11: m.role = Role::response; break;
      default: m.role = Role::request;
    }
    if (m.role == Role::response) {
      s.q = answered(uint16_t(m.tag), from);
      if (s.q.function != m.function) m.unpaired = true, release(s.q), s.q = Question{};
      m.refused = m.reason != 0;
    } else if (m.role == Role::request) {
      s.asks = &remember(uint16_t(m.tag), m.function, from);
      s.asks->sub = sub;
    }
    if (!d) return release(s.q);
    const uint8_t code = d.u8();
    d.u8();
    Reader v = d.sub(d.be16());
    if (m.role == Role::response && code != success && code != 0) m.refused = true;
    const bool asks = m.role == Role::request, fails = m.role == Role::response && code != success && !v;
    if (fails) { release(s.q); return; }
    switch (group) {
      case mode_transition: v.rest(); break;
      case cyclic:
        cyclic_service(s, v, asks, unit, sub);
        break;
      case blocks: block_service(s, v, asks, sub); break;
      case cpu:
        if (sub == 1) { status_list(s, v, asks, more); break; }
        m.retained = bool(v);
        v.rest();
        break;
      case security:
        if (asks && sub == 1) s.say.point(s.say.named("password")).set_text(s.say.text(v ? "other" : "none"));
        v.rest();
        break;
      case clock_group:
        if (v.left() == 10) {
          v.skip(2);
          const Time t = date_of(v.bytes(8));
          s.say.point(s.say.named("clock")).set_time(t);
        }
        v.rest();
        break;
      default: m.retained = bool(v); v.rest();
    }
    release(s.q);
  }

  // Variables sent again and again: the answer gives the job its number, under which the values come.
  void cyclic_service(Said& s, Reader& v, bool asks, uint8_t unit, uint8_t sub) {
    if (sub != 1 && sub != 5 && (sub != 7 || asks)) {
      s.m.retained = bool(v);
      v.rest();
      return;
    }
    const uint16_t n = v.be16();
    if (asks) {
      const uint8_t base = v.u8(), factor = v.u8();
      for (uint16_t i = 0; i < n && v; i++) variable(s, v, true);
      if (sub == 1 && base < 3) s.say.point(s.say.named("every (ms)")).set_natural(uint64_t(factor) * (base == 0 ? 100 : base == 1 ? 1000 : 10'000));
      v.rest();
      return;
    }
    Question* job_of = nullptr;
    if (s.m.role == Role::response && s.q.asked) {
      Question& kept = cyclic_[unit % cyclic_.size()];
      pool_->give(kept.asked);
      kept = s.q;
      kept.reference = unit;
      s.q.asked = nullptr, s.q.variables = 0;
      job_of = &kept;
    } else if (Question& kept = cyclic_[unit % cyclic_.size()]; kept.asked && kept.reference == unit) {
      job_of = &kept;
    }
    if (s.m.role == Role::report) s.m.act = Act::report;
    for (uint16_t i = 0; i < n && v; i++) item(s, v, job_of && i < job_of->variables ? job_of->asked[i] : Variable{}, false);
    v.rest();
  }

  void block_service(Said& s, Reader& v, bool asks, uint8_t sub) {
    const auto named = [&](uint8_t type, uint32_t number) {
      std::array<char, 16> room;
      const std::string_view name = block_type(type);
      return s.say.named({room.data(), size_t(std::snprintf(room.data(), room.size(), "%.*s%u", int(name.size()), name.data(), number))});
    };
    if (sub == 3 && asks) {
      block(s, v.rest());
    } else if (sub == 3) {
      asked_block(s);
      v.rest();
    } else if (sub == 2 && asks) {
      if (!v) return;                                      // the next part of a list
      v.skip(1);
      const uint8_t type = v.u8();
      if (block_type(type).empty()) return;
      listed_ = type;
      s.say.point(s.say.named(block_type(type)));
    } else if (sub == 2) {                                // numbers, flags, languages
      while (v.left() >= 4) {
        const uint16_t number = v.be16();
        v.skip(2);
        s.say.point(named(s.m.unpaired ? 0 : listed_, number));
      }
      v.finish();
    } else if (sub == 1 && !asks) {                       // how many of each type
      while (v.left() >= 4) {
        v.skip(1);
        const uint8_t type = v.u8();
        const uint16_t number = v.be16();
        s.say.point(s.say.named(block_type(type).empty() ? "other" : block_type(type))).set_natural(number);
      }
      v.finish();
    } else {
      v.rest();
    }
  }

  // The system status list: identification (0x11), characteristics by name (0x1C). A list may come in several PDUs.
  void status_list(Said& s, Reader& v, bool asks, bool more) {
    if (asks) {
      if (v.left() != 4) { v.rest(); return; }             // the next part of a list
      const uint16_t id = v.be16(), index = v.be16();
      s.say.point(list_name(s, id, index));
      return;
    }
    if (!following_) {
      if (v.left() < 8) { v.rest(); return; }
      list_ = v.be16();
      const uint16_t index = v.be16();
      entry_ = v.be16();
      v.skip(2);
      held_ = 0;
      who_ = Who{};
      s.say.point(list_name(s, list_, index));
    }
    following_ = more;
    const uint8_t list = list_ & 0xff;
    if ((list == 0x11 && entry_ == 28) || (list == 0x1c && entry_ == 34)) {
      while (v) {
        const Bytes part = v.bytes(std::min<size_t>(v.left(), entry_ - held_));
        std::memcpy(held_octets_.data() + held_, part.data(), part.size());
        held_ += uint16_t(part.size());
        if (held_ == entry_) learn(list, Bytes(held_octets_).first(entry_)), held_ = 0;
      }
      if (!more) tell(s);
    }
    v.rest();
  }
  static Object list_name(Said& s, uint16_t id, uint16_t index) {
    std::array<char, 32> room;
    return s.say.named({room.data(), size_t(std::snprintf(room.data(), room.size(), "SZL 0x%04X.%04X", id, index))});
  }
  void learn(uint8_t list, Bytes e) {
    const unsigned index = unsigned(e[0] << 8 | e[1]);
    const auto keep = [](std::array<char, 33>& to, std::string_view text) {
      const size_t n = std::min(text.size(), to.size() - 1);
      if (n) std::memcpy(to.data(), text.data(), n);
      to[n] = 0;
    };
    if (list == 0x11) {
      if (index == 1) keep(who_.model, trimmed(e.subspan(2, 20)));
      if (index == 7 && e[24] == 'V') std::snprintf(who_.firmware.data(), who_.firmware.size(), "V%u.%u.%u", e[25], e[26], e[27]);
      return;
    }
    const std::string_view text = trimmed(e.subspan(2, 32));
    switch (index & 0xff) {
      case 1: keep(who_.name, text); break;
      case 4: keep(who_.vendor, text); break;
      case 5: keep(who_.serial, text); break;
      case 7: keep(who_.product, text); break;
      default: break;
    }
  }
  void tell(Said& s) {
    const auto key = [&](const std::array<char, 33>& text) -> uint64_t { return text[0] ? s.say.text(text.data()) : 0; };
    identity_.model = key(who_.model), identity_.firmware = key(who_.firmware), identity_.name = key(who_.name);
    identity_.vendor = key(who_.vendor), identity_.serial = key(who_.serial), identity_.product = key(who_.product);
  }

  static constexpr uint8_t most = 80;                     // variables of one question: a PDU of 960 octets holds no more
  struct Name { uint64_t key = 0; uint8_t size = 0; std::array<char, 95> text{}; };
  struct Who { std::array<char, 33> model{}, firmware{}, name{}, vendor{}, serial{}, product{}; };
  Pool* pool_;
  iso::Transport transport_;
  size_t waiting_ = 0;                                    // oldest first
  std::array<Question, 16> questions_;
  std::array<Question, 8> cyclic_;
  std::array<Name, 16> names_;
  uint32_t next_name_ = 0;
  uint16_t list_ = 0, entry_ = 0, held_ = 0;
  uint8_t listed_ = 0;                                    // type of blocks that are listed
  bool following_ = false;                                // the next answer continues a list
  std::array<uint8_t, 64> held_octets_{};
  Who who_;
  Identity identity_;
};

// --- recognition

iso::Evidence look(Bytes octets) {
  iso::Evidence w;
  if (octets.empty()) return w;
  const iso::Glimpse g = iso::glimpse(octets);
  if (!g.framed) {
    w.possible = octets.size() < 7 && octets[0] == 3 && (octets.size() < 2 || octets[1] == 0);
    return w;
  }
  w.connects = g.requests, w.confirms = g.confirms;
  const auto simatic = [](Bytes tsap) { return tsap.size() == 2 && ((tsap[0] >= 1 && tsap[0] <= 3) || tsap[0] == 0x10 || tsap[0] == 0x4d); };
  if (!g.parts) {
    w.possible = (g.requests || g.confirms) && (simatic(g.called) || simatic(g.calling));
    return w;
  }
  bool bad = false;
  Reader r{g.first, bad};
  const uint8_t protocol = r.u8(), kind = r.u8();
  const uint16_t redundancy = r.be16();
  r.skip(2);
  const uint16_t parameters = r.be16(), data = r.be16();
  if (bad) { w.possible = !g.first.empty() ? protocol == 0x32 : true; return w; }
  w.possible = protocol == 0x32 && redundancy == 0 && (kind == job || kind == ack || kind == ack_data || kind == user_data);
  if (!w.possible) return w;
  if (kind == ack || kind == ack_data) r.skip(2);
  const size_t body = size_t(parameters) + data;
  w.sure = parameters <= 1024 && (kind == ack || parameters >= 2) && (g.first.size() <= (kind == ack || kind == ack_data ? 12u : 10u) + body || g.parts > 1);
  const uint8_t function = r.u8();
  w.asks = kind == job && function != download_block && function != download_ended;
  w.answers = kind == ack_data && function != download_block && function != download_ended;
  if (kind == user_data) {
    r.skip(4);
    const uint8_t what = r.u8() >> 4;
    w.asks = !bad && (what == 4 || what == 7), w.answers = !bad && (what == 8 || what == 11 || what == 0);
  }
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) { return iso::recognise(up, down, carrier, look); }

constexpr Port ports[] = {{Carrier::tcp, 102}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {
    "s7", "S7", ports, recognises, [](Pool& pool) -> vidra::Parser* { return pool.make<Parser>(pool); }, functions, frames, reason,
    "not published; S7 communication as public analyses know it, over RFC 1006 and ISO 8073 class 0",
    "contents of blocks, of programmer commands (forced and modified variables), alarms, BSEND data and NC programming (said by name)",
    status, note};

}  // namespace vidra::s7
