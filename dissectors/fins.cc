// SPDX-License-Identifier: Apache-2.0
// Omron FINS in UDP and FINS/TCP: W342 (commands reference, CS/CJ), W227 (FINS commands, CV), W421 (FINS/TCP). A record is one
// FINS frame. The station is unit << 16 | network << 8 | node of the controller. Words of ladder program, parameter areas,
// routing and data link tables are counted, not understood.
#include "dissectors/civil.h"
#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::fins {
namespace {

// 0 to 6 are FINS/TCP's own, the rest the command codes (W342, 5-1).
constexpr Function functions[] = {
    {0x0000, 0xffff, "node address asked for", Act::session},
    {0x0001, 0xffff, "node address given", Act::session},
    {0x0002, 0xffff, "frame", Act::session},
    {0x0003, 0xffff, "frame error", Act::session},
    {0x0006, 0xffff, "connection confirmation", Act::session},
    {0x0101, 0xffff, "memory area read", Act::read},
    {0x0102, 0xffff, "memory area write", Act::write},
    {0x0103, 0xffff, "memory area fill", Act::write},
    {0x0104, 0xffff, "multiple memory area read", Act::read},
    {0x0105, 0xffff, "memory area transfer", Act::write},
    {0x0201, 0xffff, "parameter area read", Act::read},
    {0x0202, 0xffff, "parameter area write", Act::configure},
    {0x0203, 0xffff, "parameter area clear", Act::configure},
    {0x0220, 0xffff, "data link table read", Act::read},
    {0x0221, 0xffff, "data link table write", Act::configure},
    {0x0304, 0xffff, "program area protect", Act::configure},
    {0x0305, 0xffff, "program area protect clear", Act::configure},
    {0x0306, 0xffff, "program area read", Act::program},
    {0x0307, 0xffff, "program area write", Act::program},
    {0x0308, 0xffff, "program area clear", Act::program},
    {0x0401, 0xffff, "run", Act::run},
    {0x0402, 0xffff, "stop", Act::run},
    {0x0403, 0xffff, "reset", Act::run},
    {0x0501, 0xffff, "controller data read", Act::identify},
    {0x0502, 0xffff, "connection data read", Act::identify},
    {0x0601, 0xffff, "controller status read", Act::diagnose},
    {0x0602, 0xffff, "network status read", Act::diagnose},
    {0x0603, 0xffff, "data link status read", Act::diagnose},
    {0x0620, 0xffff, "cycle time read", Act::diagnose},
    {0x0701, 0xffff, "clock read", Act::read},
    {0x0702, 0xffff, "clock write", Act::time},
    {0x0801, 0xffff, "loop-back test", Act::diagnose},
    {0x0802, 0xffff, "broadcast test results read", Act::diagnose},
    {0x0803, 0xffff, "broadcast test data send", Act::diagnose},
    {0x0920, 0xffff, "message read or clear", Act::diagnose},
    {0x0C01, 0xffff, "access right acquire", Act::session},
    {0x0C02, 0xffff, "access right forced acquire", Act::session},
    {0x0C03, 0xffff, "access right release", Act::session},
    {0x2101, 0xffff, "error clear", Act::diagnose},
    {0x2102, 0xffff, "error log read", Act::diagnose},
    {0x2103, 0xffff, "error log clear", Act::configure},
    {0x2140, 0xffff, "access log read", Act::diagnose},
    {0x2141, 0xffff, "access log clear", Act::configure},
    {0x2201, 0xffff, "file name read", Act::file},
    {0x2202, 0xffff, "single file read", Act::file},
    {0x2203, 0xffff, "single file write", Act::file},
    {0x2204, 0xffff, "file memory format", Act::file},
    {0x2205, 0xffff, "file delete", Act::file},
    {0x2206, 0xffff, "volume label create or delete", Act::file},
    {0x2207, 0xffff, "file copy", Act::file},
    {0x2208, 0xffff, "file name change", Act::file},
    {0x2209, 0xffff, "file data check", Act::file},
    {0x220A, 0xffff, "memory area file transfer", Act::file},
    {0x220B, 0xffff, "parameter area file transfer", Act::configure},
    {0x220C, 0xffff, "program area file transfer", Act::program},
    {0x220F, 0xffff, "file memory index read", Act::file},
    {0x2210, 0xffff, "file memory read", Act::file},
    {0x2211, 0xffff, "file memory write", Act::file},
    {0x2215, 0xffff, "directory create or delete", Act::file},
    {0x2220, 0xffff, "memory cassette transfer", Act::program},
    {0x2301, 0xffff, "forced set/reset", Act::operate},
    {0x2302, 0xffff, "forced set/reset cancel", Act::operate},
    {0x230A, 0xffff, "multiple forced status read", Act::read},
    {0x2601, 0xffff, "name set", Act::configure},
    {0x2602, 0xffff, "name delete", Act::configure},
    {0x2603, 0xffff, "name read", Act::identify},
    {0x2801, 0xffff, "CompoWay/F command", Act::other},
};

const Function* known(uint16_t command) {
  const auto* f = std::lower_bound(std::begin(functions), std::end(functions), command, [](const Function& row, uint16_t n) { return row.number < n; });
  return f != std::end(functions) && f->number == command && command > 6 ? f : nullptr;
}

// End codes (W342, 5-1-3) without the relay error and CPU error flags; those of FINS/TCP (W421) under 0xFF00.
std::string_view reason(uint16_t code) {
  struct Row { uint16_t code; std::string_view name; };
  constexpr Row rows[] = {
      {0x0001, "service was interrupted"}, {0x0101, "local node not in network"}, {0x0102, "token timeout"}, {0x0103, "retries failed"},
      {0x0104, "too many send frames"}, {0x0105, "node address out of range"}, {0x0106, "node address duplicated"}, {0x0201, "destination node not in network"},
      {0x0202, "no such unit"}, {0x0203, "third node not in network"}, {0x0204, "destination node busy"}, {0x0205, "response timeout"},
      {0x0301, "communications controller error"}, {0x0302, "CPU unit error"}, {0x0303, "controller error"}, {0x0304, "unit number error"},
      {0x0401, "undefined command"}, {0x0402, "not supported by model or version"}, {0x0501, "destination address not in routing tables"},
      {0x0502, "no routing tables"}, {0x0503, "routing table error"}, {0x0504, "too many relays"}, {0x1001, "command too long"}, {0x1002, "command too short"},
      {0x1003, "elements and data do not match"}, {0x1004, "command format error"}, {0x1005, "header error"}, {0x1101, "area classification missing"},
      {0x1102, "access size error"}, {0x1103, "address out of range"}, {0x1104, "address range exceeded"}, {0x1106, "program missing"},
      {0x1109, "relational error"}, {0x110A, "duplicate data access"}, {0x110B, "response too long"}, {0x110C, "parameter error"},
      {0x2002, "protected"}, {0x2003, "table missing"}, {0x2004, "data missing"}, {0x2005, "program missing"}, {0x2006, "file missing"}, {0x2007, "data mismatch"},
      {0x2101, "read-only"}, {0x2102, "protected"}, {0x2103, "cannot register"}, {0x2105, "program missing"}, {0x2106, "file missing"},
      {0x2107, "file name already exists"}, {0x2108, "cannot change"}, {0x2201, "not possible during execution"}, {0x2202, "not possible while running"},
      {0x2203, "wrong PLC mode: program"}, {0x2204, "wrong PLC mode: debug"}, {0x2205, "wrong PLC mode: monitor"}, {0x2206, "wrong PLC mode: run"},
      {0x2207, "specified node not polling node"}, {0x2208, "step cannot be executed"}, {0x2301, "file device missing"}, {0x2302, "memory missing"},
      {0x2303, "clock missing"}, {0x2401, "table missing"}, {0x2502, "memory error"}, {0x2503, "I/O setting error"}, {0x2504, "too many I/O points"},
      {0x2505, "CPU bus error"}, {0x2506, "I/O duplication"}, {0x2507, "I/O bus error"}, {0x2509, "SYSMAC BUS/2 error"}, {0x250A, "CPU bus unit error"},
      {0x250D, "SYSMAC BUS number duplication"}, {0x250F, "memory error"}, {0x2510, "SYSMAC BUS terminator missing"}, {0x2601, "no protection"},
      {0x2602, "incorrect password"}, {0x2604, "protected"}, {0x2605, "service already executing"}, {0x2606, "service stopped"}, {0x2607, "no execution right"},
      {0x2608, "settings required before execution"}, {0x2609, "necessary items not set"}, {0x260A, "number already defined"}, {0x260B, "error will not clear"},
      {0x3001, "no access right"}, {0x4001, "service aborted"},
      {0xFF01, "header is not FINS"}, {0xFF02, "data length too long"}, {0xFF03, "command not supported"}, {0xFF20, "all connections in use"},
      {0xFF21, "node already connected"}, {0xFF22, "protected node, unspecified IP address"}, {0xFF23, "client node address out of range"},
      {0xFF24, "client and server have the same node address"}, {0xFF25, "no node address left"},
  };
  for (const Row& r : rows)
    if (r.code == code) return r.name;
  return {};
}

constexpr size_t header = 10, tcp_header = 16, least_length = 8;
constexpr uint32_t longest_length = 4096;   // FINS frames have at most 2,012 octets
constexpr uint8_t magic[] = {'F', 'I', 'N', 'S'};

constexpr uint32_t be32(Bytes b, size_t at) { return uint32_t{b[at]} << 24 | uint32_t{b[at + 1]} << 16 | uint32_t{b[at + 2]} << 8 | b[at + 3]; }
bool begins_tcp(Bytes b) { return std::equal(b.begin(), b.begin() + long(std::min(b.size(), sizeof magic)), magic); }

// How much one element of an area takes (W342, 5-2-2).
struct Width { uint8_t octets; bool bit, forced; };
Width width(uint8_t area) {
  if (area == 0xDC) return {4, false, false};
  if (area == 0xDD) return {2, false, false};
  if (area < 0x40) return {1, true, false};
  if (area < 0x80) return {1, true, true};
  if (area < 0xC0) return {2, false, false};
  return {4, false, true};
}

struct Address { uint8_t area; uint16_t word; uint8_t bit; };
Address address(Reader& r) { return {r.u8(), r.be16(), r.u8()}; }
Object object(const Address& a) {
  const uint8_t area = a.area;                               // flags of timers, steps and tasks have no bits
  const bool in_word = area == 0 || area == 2 || area == 5 || area == 0x0A || (area >= 0x20 && area <= 0x33) || area == 0x40 || (area >= 0x70 && area <= 0x72);
  return memory(Maker::omron, a.area, in_word ? uint32_t{a.word} << 4 | (a.bit & 15) : a.word);
}

void value(Reader& r, Point& p, Width w) {
  if (w.bit) {
    const uint8_t v = r.u8();
    p.set(v & 1);
    if (w.forced && (v & 2)) p.quality |= forced_remotely;
  } else if (w.octets == 2) {
    p.set_natural(r.be16());
  } else if (w.forced) {
    p.set_natural(r.be16());
    if (r.be16()) p.quality |= forced_remotely;
  } else {
    p.set_natural(r.be32());
  }
}

Bytes trimmed(Bytes b) {   // text up to its first NUL, without the spaces that fill it
  b = b.first(size_t(std::find(b.begin(), b.end(), 0) - b.begin()));
  while (!b.empty() && b.back() == ' ') b = b.first(b.size() - 1);
  return b;
}

void number(Speaker& say, std::string_view name, uint64_t v) { say.point(say.named(name)).set_natural(v); }
void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}
void file_name(Reader& r, Speaker& say, std::string_view name = "file") {
  const Bytes text = trimmed(r.bytes(12));
  if (r.ok() && !text.empty()) say.point(say.named(name)).set_text(say.text(text_of(text)));
}

struct Question { Address first; uint16_t count; };

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (!begins_tcp(b)) return {Cut::lost, 0};
    if (b.size() < 8) return {Cut::need, 8};
    const uint32_t length = be32(b, 4);
    if (length < least_length || length > longest_length) return {Cut::take, 8};   // said as malformed; what follows is searched
    return {Cut::take, 8 + size_t{length}};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    if (record.size() >= 4 && begins_tcp(record)) {
      r.skip(4);
      const uint32_t length = r.be32(), command = r.be32(), error = r.be32();
      r.require(length == record.size() - 8 && command <= 6);
      if (command != 2) return envelope(r, m, say, command, error);
      if (error) m.reason = uint16_t(0xFF00 | error);
    }
    frame(r, m, say);
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  static void envelope(Reader& r, Message& m, Speaker& say, uint32_t command, uint32_t error) {
    m.function = uint16_t(command <= 6 ? command : 2);
    m.act = Act::session;
    m.role = command == 1 || command == 3 ? Role::response : Role::request;
    if (error) m.refused = true, m.reason = uint16_t(0xFF00 | (error & 0xff));
    if (command == 0 && r) number(say, "client node", r.be32());
    if (command == 1 && r) {
      number(say, "client node", r.be32());
      const uint32_t node = r.be32();
      if (r.ok()) number(say, "server node", node), m.station = node & 0xff;
    }
    octets(r, say);
    r.require(command < 2 || command == 3 || command == 6);
    say.end();
  }

  void frame(Reader& r, Message& m, Speaker& say) {
    const uint8_t icf = r.u8();
    r.u8();
    const uint8_t gateways = r.u8();
    const uint8_t to_network = r.u8(), to_node = r.u8(), to_unit = r.u8(), from_network = r.u8(), from_node = r.u8(), from_unit = r.u8();
    m.tag = r.u8();
    m.function = r.be16();
    const bool answers = icf & 0x40;
    m.role = answers ? Role::response : Role::request;
    m.station = answers ? uint64_t{from_unit} << 16 | uint64_t{from_network} << 8 | from_node : uint64_t{to_unit} << 16 | uint64_t{to_network} << 8 | to_node;
    m.broadcast = !answers && to_node == 0xFF;
    m.qualifier = uint32_t(icf) << 8 | gateways;
    const Function* f = known(m.function);
    if (f) m.act = f->act;
    else if (r.ok()) m.function = m.function <= 6 ? 2 : m.function;
    const uint64_t key = uint64_t{m.function} << 8 | m.tag;   // not the node: one asked as 0 answers by its number
    identity_ = Identity{};
    if (answers) {
      Question q{};
      m.unpaired = !waiting_.answer(key, say.time, q);
      const uint16_t end = r.be16();
      const uint16_t code = end & 0x7F3F;   // bit 15: a relay's error; bits 7 and 6: a CPU error beside the answer
      if (code) m.refused = true, m.reason = code;
      if (m.refused) {
        if (q.count) say.point(object(q.first)).count = q.count;
        octets(r, say);
      } else {
        response(r, m, say, q);
      }
    } else {
      Question q{};
      if (m.act == Act::write || m.act == Act::program || m.act == Act::operate) m.digest = text_key(text_of(r.peek()));
      request(r, m, say, q);
      if (!m.broadcast && !(icf & 1)) waiting_.ask(key, say.time, q);
    }
    r.finish();
    say.end();
    if (identity_.product || identity_.name) {
      identity_.station = say.head().station;
      say.identity(identity_);
    }
  }

  static void request(Reader& r, Message& m, Speaker& say, Question& q) {
    switch (m.function) {
      case 0x0101: case 0x230A: {
        q = {address(r), r.be16()};
        if (r.ok()) say.point(object(q.first)).count = q.count ? q.count : 1;
        return;
      }
      case 0x0102: {
        q = {address(r), r.be16()};
        return values(r, say, q);
      }
      case 0x0103: {
        q = {address(r), r.be16()};
        if (r.ok()) say.point(object(q.first)).count = q.count ? q.count : 1;
        const uint16_t fill = r.be16();
        if (r.ok()) number(say, "fill", fill);
        return;
      }
      case 0x0104:
        while (r) {
          const Address a = address(r);
          if (r.ok()) say.point(object(a));
        }
        return;
      case 0x0105: {
        const Address from = address(r), to = address(r);
        const uint16_t n = r.be16();
        if (!r.ok()) return;
        say.point(object(from)).count = n;
        say.point(object(to)).count = n;
        return;
      }
      case 0x0201: case 0x0202: case 0x0203: {
        const uint16_t area = r.be16(), first = r.be16(), n = r.be16();
        if (!r.ok()) return;
        say.point(say.named(parameter_area(area)));
        number(say, "first word", first);
        number(say, "words", n & 0x7fffu);
        return octets(r, say);
      }
      case 0x0304: case 0x0305: {
        const uint16_t program = r.be16();
        const uint8_t code = r.u8();
        const uint32_t first = r.be32(), last = r.be32();
        if (!r.ok()) return;
        number(say, "program", program);
        number(say, "protect code", code);
        number(say, "first word", first);
        number(say, "last word", last);
        const Bytes password = r.bytes(4);
        if (r.ok()) say.point(say.named("password")).set_text(say.text(trimmed(password).empty() ? "none" : "other"));
        return;
      }
      case 0x0306: case 0x0307: return program_words(r, say);
      case 0x0308: case 0x0402:
        if (!r) return;
        number(say, "program", r.be16());
        if (m.function == 0x0308) number(say, "clear code", r.u8());
        return;
      case 0x0401:
        if (!r) return;
        number(say, "program", r.be16());
        if (r) say.point(say.named("mode")).set_text(say.text(mode(r.u8())));
        return;
      case 0x0501: case 0x0620: if (r) number(say, "parameter", r.u8()); return;
      case 0x0502:
        number(say, "first unit", r.u8());
        if (r) number(say, "units", r.u8());
        return;
      case 0x0702: return clock(r, say);
      case 0x2101: number(say, "FAL", r.be16()); return;
      case 0x2202: disk(r, say); file_name(r, say); return octets(r, say);
      case 0x2203:
        disk(r, say);
        r.be16();                                            // new, append, overwrite
        file_name(r, say);
        return octets(r, say);
      case 0x2205: {
        disk(r, say);
        unsigned n = r.be16();
        for (; n && r; n--) file_name(r, say);
        r.require(n == 0);
        return octets(r, say);
      }
      case 0x2207: disk(r, say); file_name(r, say, "from"); disk(r, say, false); file_name(r, say, "to"); return octets(r, say);
      case 0x2208: disk(r, say); file_name(r, say, "to"); file_name(r, say, "from"); return octets(r, say);
      case 0x2209: disk(r, say); file_name(r, say); return octets(r, say);
      case 0x220A: {
        number(say, "transfer", r.be16());                   // 0 area to file, 1 file to area, 2 compare
        const Address a = address(r);
        const uint16_t n = r.be16();
        if (r.ok()) say.point(object(a)).count = n ? n : 1;
        disk(r, say);
        file_name(r, say);
        return octets(r, say);
      }
      case 0x220B: number(say, "transfer", r.be16()); r.skip(6); disk(r, say); file_name(r, say); return octets(r, say);
      case 0x220C: number(say, "transfer", r.be16()); r.skip(10); disk(r, say); file_name(r, say); return octets(r, say);
      case 0x2301: {
        unsigned n = r.be16();
        for (; n && r; n--) {
          const uint16_t what = r.be16();
          const Address a = address(r);
          if (!r.ok()) return;
          Point& p = say.point(object(a));
          p.qualifier = what;                                // 0 reset, 1 set, 0x8000 and 0x8001 released, 0xFFFF back to its own
          if (what < 2) p.set(what == 1);
        }
        r.require(n == 0);
        return;
      }
      case 0x2601: {
        const Bytes name = trimmed(r.rest());
        if (!name.empty()) say.point(say.named("name")).set_text(say.text(text_of(name)));
        return;
      }
      default: return octets(r, say);
    }
  }

  void response(Reader& r, const Message& m, Speaker& say, const Question& q) {
    switch (m.function) {
      case 0x0101:
        if (m.unpaired || !q.count) return octets(r, say);
        r.require(r.left() == size_t{width(q.first.area).octets} * q.count);
        return values(r, say, q);
      case 0x0104:
        while (r) {                                          // each with the code of its area
          const uint8_t area = r.u8();
          const Width w = width(area);
          if (r.left() < w.octets) { r.skip(w.octets); return; }
          value(r, say.point(Object{}), w);
        }
        return;
      case 0x0306: case 0x0307: return program_words(r, say);
      case 0x0401: case 0x0402: case 0x0403: return;
      case 0x0501: {
        const Bytes model = r.bytes(20), version = r.bytes(20);
        if (!r.ok()) return;
        identity_.vendor = say.text("Omron");
        identity_.product = say.text(text_of(trimmed(model)));
        identity_.firmware = say.text(text_of(trimmed(version)));
        say.point(say.named("model")).set_text(identity_.product);
        say.point(say.named("version")).set_text(identity_.firmware);
        return octets(r, say);
      }
      case 0x0502: {
        unsigned n = r.u8() & 0x7f;
        for (; n && r; n--) {
          const uint8_t unit = r.u8();
          const Bytes model = trimmed(r.bytes(20));
          if (r.ok()) say.point(Object(ObjectKind::item, unit)).set_text(say.text(text_of(model)));
        }
        r.require(n == 0);
        return;
      }
      case 0x0601: {
        const uint8_t status = r.u8(), mode_code = r.u8();
        const uint16_t fatal = r.be16(), non_fatal = r.be16(), message = r.be16(), fals = r.be16();
        const Bytes text = trimmed(r.bytes(16));
        if (!r.ok()) return;
        say.point(say.named("running")).set(status & 1);
        say.point(say.named("mode")).set_text(say.text(mode(mode_code)));
        say.point(say.named("fatal errors")).set_bits(fatal, 16);
        say.point(say.named("non-fatal errors")).set_bits(non_fatal, 16);
        say.point(say.named("messages")).set_bits(message, 16);
        number(say, "FAL", fals);
        if (!text.empty()) say.point(say.named("error")).set_text(say.text(text_of(text)));
        return;
      }
      case 0x0620:
        if (!r) return;
        for (std::string_view name : {"cycle time", "longest cycle time", "shortest cycle time"})
          if (const uint32_t v = r.be32(); r.ok()) number(say, name, v);   // 0.1 ms
        return;
      case 0x0701: return clock(r, say);
      case 0x2603: {
        const Bytes name = trimmed(r.rest());
        identity_.vendor = say.text("Omron");
        identity_.name = say.text(text_of(name));
        return say.point(say.named("name")).set_text(identity_.name);
      }
      default: return octets(r, say);
    }
  }

  static std::string_view mode(uint8_t code) {
    switch (code) {
      case 0: return "program";
      case 1: return "debug";
      case 2: return "monitor";
      case 4: return "run";
      default: return "unknown";
    }
  }

  static std::string_view parameter_area(uint16_t code) {    // W342, 5-2-2
    switch (code) {
      case 0x8010: return "PLC setup";
      case 0x8011: return "peripheral device settings";
      case 0x8012: return "I/O table";
      case 0x8013: return "routing table";
      case 0x8002: return "CPU bus unit settings";
      case 0x8000: return "all parameters";
      default: return "parameters";
    }
  }

  static void disk(Reader& r, Speaker& say, bool said = true) {
    const uint16_t number_of = r.be16();                     // 0x8000 memory card, 0x8001 EM file memory
    if (r.ok() && said && number_of) number(say, "disk", number_of);
  }

  static void values(Reader& r, Speaker& say, const Question& q) {
    const Width w = width(q.first.area);
    const Object first = object(q.first);
    uint32_t i = 0;
    for (; i < q.count && r.left() >= w.octets; i++) value(r, say.point(first.at(i)), w);
    r.require(i == q.count);
  }

  static void program_words(Reader& r, Speaker& say) {
    number(say, "program", r.be16());
    const uint32_t first = r.be32();
    const uint16_t n = r.be16();
    if (!r.ok()) return;
    number(say, "first word", first);
    number(say, "octets", n & 0x7fffu);
    if (n & 0x8000) say.point(say.named("last block")).set(true);
    octets(r, say);
  }

  static void clock(Reader& r, Speaker& say) {
    const unsigned year = full_year(bcd(r.u8())), month = bcd(r.u8()), date = bcd(r.u8()), hours = bcd(r.u8()), minutes = bcd(r.u8());
    const unsigned seconds = r ? bcd(r.u8()) : 0;            // seconds and the day of the week may be left out
    if (r) r.u8();
    if (!r.ok()) return;
    const Time t = civil(year, month, date, hours, minutes, seconds);
    r.require(t != 0);
    if (t) say.point(say.named("clock")).set_time(t);
  }

  Waiting<Question> waiting_;
  Identity identity_;
};

// --- recognition ---

// One FINS frame from its header on: reserved bits and octet, gateways, a known command and what of its length is known.
bool is_frame(Bytes b, bool& answers) {
  if (b.size() < header + 2 || !(b[0] & 0x80) || (b[0] & 0x3E) || b[1] != 0 || b[2] > 8) return false;
  answers = b[0] & 0x40;
  const uint16_t command = uint16_t(b[10] << 8 | b[11]);
  if (!known(command) || b.size() > 2012 + header) return false;
  const size_t n = b.size() - header - 2;
  if (answers) return n >= 2;
  switch (command) {
    case 0x0101: return n == 6;
    case 0x0102: return n > 6;
    case 0x0103: return n == 8;
    case 0x0105: return n == 10;
    case 0x0701: return n == 0;
    default: return true;
  }
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    bool answers = false, directed = false;
    if (carrier == Carrier::tcp) {
      if (b.size() < 4 || !begins_tcp(b)) return {};
      if (b.size() < tcp_header || be32(b, 4) < least_length || be32(b, 4) > longest_length || be32(b, 8) > 6) {
        if (b.size() >= tcp_header) return {};
        found.sure = std::max(found.sure, Recognised::maybe);
        continue;
      }
      const uint32_t command = be32(b, 8);
      answers = command == 1;
      directed = command == 0 || command == 1 || (command == 2 && is_frame(b.subspan(tcp_header, std::min(b.size() - tcp_header, size_t{be32(b, 4)} - 8)), answers));
    } else {
      if (!is_frame(b, answers)) return {};
      directed = true;
    }
    found.sure = Recognised::yes;
    if (directed) found.client = answers == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 9600}, {Carrier::tcp, 9600}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"fins", "Omron FINS", ports, recognises, open, functions, {}, reason,
                           "Omron W342 (FINS commands of CS, CJ, CP, NSJ), section 5; W227 (CV); W421 (FINS/TCP), section 7",
                           "program words, parameter areas, routing and data link tables, logs and file contents (counted); CompoWay/F inside; Host Link frames on serial lines"};

}  // namespace vidra::fins
