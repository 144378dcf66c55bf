// SPDX-License-Identifier: Apache-2.0
// Mitsubishi SLMP and the MC protocol: 3E and 4E frames, binary and ASCII (SH-080956ENG, SLMP reference; SH-080008, MC protocol),
// 1E frames in binary; and MELSOFT, what engineering stations speak with CPUs (frames 57 and D7), whose layout is not published:
// its commands are those of the MC protocol where they are known. A record is one frame. The station is network << 8 | station.
#include <algorithm>
#include <cstdio>

#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::slmp {
namespace {

constexpr Function functions[] = {
    {0x0000, 0xffff, "1E read bits", Act::read},
    {0x0001, 0xffff, "1E read words", Act::read},
    {0x0002, 0xffff, "1E write bits", Act::write},
    {0x0003, 0xffff, "1E write words", Act::write},
    {0x0004, 0xffff, "1E write random bits", Act::write},
    {0x0005, 0xffff, "1E write random words", Act::write},
    {0x0013, 0xffff, "1E remote run", Act::run},
    {0x0014, 0xffff, "1E remote stop", Act::run},
    {0x0015, 0xffff, "1E read CPU type", Act::identify},
    {0x0016, 0xffff, "1E loopback test", Act::diagnose},
    {0x0101, 0xffff, "read CPU type", Act::identify},
    {0x0114, 0xffff, "read CPU status", Act::diagnose},
    {0x0121, 0xffff, "read CPU type (MELSOFT)", Act::identify},
    {0x0401, 0xffff, "read devices", Act::read},
    {0x0403, 0xffff, "read random devices", Act::read},
    {0x0406, 0xffff, "read device blocks", Act::read},
    {0x0410, 0xffff, "read devices (MELSOFT)", Act::read},
    {0x041A, 0xffff, "read array labels", Act::read},
    {0x041C, 0xffff, "read random labels", Act::read},
    {0x0601, 0xffff, "read intelligent module", Act::read},
    {0x0613, 0xffff, "read buffer memory", Act::read},
    {0x0619, 0xffff, "loopback test", Act::diagnose},
    {0x0801, 0xffff, "register monitoring", Act::subscribe},
    {0x0802, 0xffff, "execute monitoring", Act::read},
    {0x0E30, 0xffff, "read network diagnosis", Act::diagnose},
    {0x1001, 0xffff, "remote run", Act::run},
    {0x1002, 0xffff, "remote stop", Act::run},
    {0x1003, 0xffff, "remote pause", Act::run},
    {0x1005, 0xffff, "remote latch clear", Act::run},
    {0x1006, 0xffff, "remote reset", Act::run},
    {0x1401, 0xffff, "write devices", Act::write},
    {0x1402, 0xffff, "write random devices", Act::write},
    {0x1406, 0xffff, "write device blocks", Act::write},
    {0x1410, 0xffff, "write devices (MELSOFT)", Act::write},
    {0x141A, 0xffff, "write array labels", Act::write},
    {0x141B, 0xffff, "write random labels", Act::write},
    {0x1601, 0xffff, "write intelligent module", Act::write},
    {0x1613, 0xffff, "write buffer memory", Act::write},
    {0x1617, 0xffff, "clear error", Act::configure},
    {0x1630, 0xffff, "remote password unlock", Act::session},
    {0x1631, 0xffff, "remote password lock", Act::session},
    {0x1810, 0xffff, "read directory", Act::file},
    {0x1811, 0xffff, "search directory", Act::file},
    {0x1820, 0xffff, "new file", Act::program},
    {0x1822, 0xffff, "delete file", Act::program},
    {0x1824, 0xffff, "copy file", Act::program},
    {0x1825, 0xffff, "change file attribute", Act::file},
    {0x1826, 0xffff, "change file date", Act::file},
    {0x1827, 0xffff, "open file", Act::file},
    {0x1828, 0xffff, "read file", Act::program},
    {0x1829, 0xffff, "write file", Act::program},
    {0x182A, 0xffff, "close file", Act::file},
    {0x2101, 0xffff, "on-demand data", Act::report},
    {0x3070, 0xffff, "set IP address", Act::configure},
    {0x3071, 0xffff, "search for nodes", Act::identify},
    {0x8000, 0xffff, "answer to an unheard request", Act::other},
    {0x8001, 0xffff, "MELSOFT", Act::other},
    {0x8002, 0xffff, "MELSOFT search", Act::identify},
};

const Function* known(uint16_t command) {
  const auto* f = std::lower_bound(std::begin(functions), std::end(functions), command, [](const Function& row, uint16_t n) { return row.number < n; });
  return f != std::end(functions) && f->number == command ? f : nullptr;
}

std::string_view reason(uint16_t code) {   // end codes of the Ethernet modules and of the CPUs
  struct Row { uint16_t code; std::string_view name; };
  constexpr Row rows[] = {
      {0x0055, "write during run not permitted"}, {0xC050, "ASCII cannot be converted"}, {0xC051, "too many points"}, {0xC052, "too many points"}, {0xC053, "too many points"},
      {0xC054, "too many points"}, {0xC056, "device out of range"}, {0xC058, "length does not match"}, {0xC059, "command not supported"}, {0xC05B, "device cannot be accessed"},
      {0xC05C, "wrong request"}, {0xC05D, "monitoring not registered"}, {0xC05F, "request cannot be executed"}, {0xC060, "wrong request data"}, {0xC061, "length does not match"},
      {0xC06F, "ASCII and binary mixed"}, {0xC070, "device memory extension not possible"}, {0xC0B5, "data cannot be handled"}, {0xC200, "password mismatch"},
      {0xC201, "locked by the remote password"}, {0xC204, "password locked by another"}, {0xC810, "password mismatch"}, {0xC815, "password locked for a while"},
      {0xC816, "password locked out"}, {0x4000, "checksum error"}, {0x4002, "command not supported"}, {0x4003, "command not supported"}, {0x4005, "data too long"},
      {0x4010, "not while running"}, {0x4013, "not while running"}, {0x4021, "drive not there"}, {0x4022, "file not found"}, {0x4030, "device not there"},
      {0x4031, "device out of range"}, {0x4040, "module not supported"}, {0x4050, "write-protected"}, {0x4053, "program error"}, {0x4080, "request data error"},
      {0x5B, "abnormal end (1E)"},
  };
  for (const Row& r : rows)
    if (r.code == code) return r.name;
  return {};
}

enum class Kind : uint8_t { none, e3, e4, e3_ascii, e4_ascii, e1, melsoft };
constexpr std::string_view frames[] = {"none", "3E", "4E", "3E ASCII", "4E ASCII", "1E", "MELSOFT"};
constexpr size_t longest = 8192;

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
int digit(uint8_t o) { return o >= '0' && o <= '9' ? o - '0' : o >= 'A' && o <= 'F' ? o - 'A' + 10 : o >= 'a' && o <= 'f' ? o - 'a' + 10 : -1; }
int hex(Bytes b, size_t at, size_t digits) {   // -1: no hexadecimal digits
  int v = 0;
  for (size_t i = 0; i < digits; i++) {
    const int d = digit(b[at + i]);
    if (d < 0) return -1;
    v = v << 4 | d;
  }
  return v;
}

struct Head { Kind kind = Kind::none; bool answers = false; size_t size = 0, length = 0; };   // size: up to and with the length

// What begins here, if its head is whole: `need` says how much is wanted otherwise.
Head head(Bytes b, size_t& need) {
  need = 0;
  if (b.size() < 4) { need = 4; return {}; }
  const uint16_t sub = uint16_t(b[0] << 8 | b[1]);
  if (sub == 0x5000 || sub == 0xD000) {
    if (b.size() < 9) { need = 9; return {}; }
    return {Kind::e3, sub == 0xD000, 9, le16(b, 7)};
  }
  if (sub == 0x5400 || sub == 0xD400) {
    if (b.size() < 13) { need = 13; return {}; }
    if (b[4] || b[5]) return {};
    return {Kind::e4, sub == 0xD400, 13, le16(b, 11)};
  }
  if ((b[0] == 0x57 || b[0] == 0xD7) && b[1] < 0x20) {
    if (b.size() < 21) { need = 21; return {}; }
    if (b[4] != 0 || b[5] != 0x11 || b[6] != 0x11) return {};
    return {Kind::melsoft, b[0] == 0xD7, 21, le16(b, 19)};
  }
  const std::string_view text = text_of(b.first(4));
  if (text == "5000" || text == "D000" || text == "5400" || text == "D400") {
    const bool serial = text[1] == '4';
    const size_t n = serial ? 26 : 18;
    if (b.size() < n) { need = n; return {}; }
    const int length = hex(b, n - 4, 4);
    if (length < 0 || hex(b, 4, n - 8) == -1) return {};
    return {serial ? Kind::e4_ascii : Kind::e3_ascii, text[0] == 'D', n, size_t(length)};
  }
  return {};
}

// A 1E frame tells its length by its command, an answer by its question.
size_t e1_request(Bytes b) {
  if (b.size() < 4) return 0;
  switch (b[0]) {
    case 0x00: case 0x01: return 12;
    case 0x02: return b.size() < 11 ? 0 : size_t{12} + (b[10] + 1u) / 2;
    case 0x03: return b.size() < 11 ? 0 : size_t{12} + 2u * b[10];
    case 0x13: case 0x14: case 0x15: return 4;
    case 0x16: return b.size() < 5 ? 0 : size_t{5} + b[4];
    default: return 0;
  }
}
bool e1_fits(Bytes b) {
  const size_t n = e1_request(b);
  if (n == 0 || n != b.size() || (b[1] != 0xFF && b[1] > 0x40)) return false;
  if (b[0] > 3) return true;
  const uint16_t device = le16(b, 8);
  for (uint16_t known_device : {0x4420, 0x5220, 0x544E, 0x5453, 0x5443, 0x434E, 0x4353, 0x4343, 0x5820, 0x5920, 0x4D20, 0x5320, 0x5720, 0x4220, 0x4620})
    if (device == known_device) return b[11] == 0;
  return false;
}

// Numbers of either code: binary with the low octet first, or hexadecimal digits with the high one first.
struct Fields {
  Reader& r;
  bool ascii;
  uint32_t take(unsigned octets) {
    uint32_t v = 0;
    if (!ascii) {
      for (unsigned i = 0; i < octets; i++) v |= uint32_t{r.u8()} << (8 * i);
      return v;
    }
    for (unsigned i = 0; i < 2 * octets; i++) {
      const int d = digit(r.u8());
      r.require(d >= 0);
      v = v << 4 | uint32_t(std::max(d, 0));
    }
    return v;
  }
  uint16_t u16() { return uint16_t(take(2)); }
  uint8_t u8() { return uint8_t(take(1)); }
};

uint8_t code_of_name(std::string_view name) {   // as ASCII frames write it, filled up with *
  while (!name.empty() && (name.back() == '*' || name.back() == ' ')) name.remove_suffix(1);
  for (const MemoryArea& a : memory_areas)
    if (a.maker == Maker::mitsubishi && a.name == name) return uint8_t(a.area);
  return 0;
}
bool hexadecimal(uint8_t code) {
  for (const MemoryArea& a : memory_areas)
    if (a.maker == Maker::mitsubishi && a.area == code) return a.shape == MemoryArea::hexadecimal;
  return false;
}
bool double_word(uint8_t code) { return code == 0x52 || code == 0x56 || code == 0x5A || code == 0x62; }   // long timers, counters, index

struct Question { uint16_t command, sub, count; Object first; };

void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side from, Bytes b, bool, bool) override {
    size_t need = 0;
    const Head h = head(b, need);
    if (need) {
      if (b.empty() || b[0] == 0x50 || b[0] == 0xD0 || b[0] == 0x54 || b[0] == 0xD4 || b[0] == 0x57 || b[0] == 0xD7 || b[0] == '5' || b[0] == 'D') return {Cut::need, need};
    }
    if (h.kind != Kind::none) return h.length > longest ? Cut{Cut::lost, 0} : Cut{Cut::take, h.size + h.length};
    if (from == Side::client) {
      if (b[0] <= 0x16 && b.size() < 12 && !e1_request(b)) return {Cut::need, std::max<size_t>(b.size() + 1, 4)};
      const size_t n = e1_request(b);
      return n ? Cut{Cut::take, n} : Cut{Cut::lost, 0};
    }
    if (b[0] >= 0x80 && b[0] <= 0x96) {
      if (b.size() < 2) return {Cut::need, 2};
      return {Cut::take, b[1] == 0x5B ? 4 : size_t{2} + e1_answer_};
    }
    return {Cut::lost, 0};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    identity_ = Identity{};
    size_t need = 0;
    const Head h = head(record, need);
    m.frame = uint8_t(h.kind);
    switch (h.kind) {
      case Kind::none:
        if (record.size() >= 1 && (record[0] == 0x5A || record[0] == 0xDA) && record.size() >= 4) search(r, record, m, say);
        else if (need && record.size() < need && !record.empty() && (record[0] == 0x50 || record[0] == 0xD0 || record[0] == 0x54 || record[0] == 0xD4 || record[0] == 0x57 || record[0] == 0xD7 || record[0] == '5' || record[0] == 'D')) m.function = 0x8000, r.require(false);
        else if (from == Side::client) e1_ask(r, m, say);
        else e1_tell(r, m, say);
        break;
      case Kind::melsoft: melsoft(r, h, record, m, say); break;
      default: slmp(r, h, record, m, say);
    }
    say.end();
    if (identity_.product) {
      identity_.vendor = text_key("Mitsubishi Electric");
      say.text("Mitsubishi Electric");
      identity_.station = say.head().station;
      say.identity(identity_);
    }
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  void slmp(Reader& r, const Head& h, Bytes record, Message& m, Speaker& say) {
    const bool ascii = h.kind == Kind::e3_ascii || h.kind == Kind::e4_ascii, serial = h.kind == Kind::e4 || h.kind == Kind::e4_ascii;
    Fields f{r, ascii};
    r.skip(ascii ? 4 : 2);
    if (serial) m.tag = f.u16(), f.u16();
    const uint8_t network = f.u8(), station = f.u8();
    const uint16_t module = f.u16();
    f.u8();
    f.u16();
    m.station = uint64_t{network} << 8 | station;
    m.qualifier = module;
    r.require(h.size + h.length == record.size());
    if (h.answers) return answer(r, ascii, m, say);
    m.role = Role::request;
    f.u16();                                             // how long the device may take
    const uint16_t command = f.u16();
    const uint16_t sub = f.u16();
    m.function = command;
    m.sub_function = sub;
    if (const Function* k = known(command)) m.act = k->act;
    if (m.act == Act::write || m.act == Act::program) m.digest = text_key(text_of(r.peek()));
    Question q{command, sub, 0, {}};
    ask(r, ascii, m, say, q);
    if (r.ok() && command != 0x2101) waiting_.ask(m.tag, say.time, q);
  }

  static Object device(Reader& r, bool ascii, uint16_t sub) {
    const bool wide = (sub & 2) != 0;                    // iQ-R: longer numbers and codes
    if (!ascii) {
      const uint32_t number = wide ? r.le32() : r.le24();
      const uint8_t code = uint8_t(wide ? r.le16() : r.u8());
      return memory(Maker::mitsubishi, code, number);
    }
    const uint8_t code = code_of_name(text_of(r.bytes(wide ? 4 : 2)));
    const bool base16 = hexadecimal(code);
    uint32_t number = 0;
    for (int i = wide ? 8 : 6; i > 0; i--) {
      const int d = digit(r.u8());
      r.require(d >= 0 && (base16 || d < 10));
      number = number * (base16 ? 16 : 10) + uint32_t(std::max(d, 0));
    }
    return memory(Maker::mitsubishi, code, number);
  }

  static void bits(Reader& r, bool ascii, uint32_t n, Object first, Speaker& say) {
    for (uint32_t i = 0; i < n && r; i++) {
      if (ascii) { say.point(first.at(i)).set(r.u8() == '1'); continue; }
      const uint8_t two = r.u8();                        // the higher half is the first
      say.point(first.at(i)).set((two >> 4) & 1);
      if (++i < n) say.point(first.at(i)).set(two & 1);
    }
  }
  static void words(Reader& r, bool ascii, uint32_t n, Object first, Speaker& say) {
    Fields f{r, ascii};
    const bool wide = double_word(uint8_t(first.space()));
    for (uint32_t i = 0; i < n && r; i++) {
      const uint32_t v = f.take(wide ? 4 : 2);
      if (r.ok()) say.point(first.at(i)).set_natural(v);
    }
  }
  static bool by_bit(uint16_t sub) { return sub & 1; }

  static void ask(Reader& r, bool ascii, Message& m, Speaker& say, Question& q) {
    Fields f{r, ascii};
    if (q.sub & ~3) return octets(r, say);               // extended device specifications
    switch (m.function) {
      case 0x0401: case 0x1401: {
        q.first = device(r, ascii, q.sub);
        q.count = f.u16();
        if (!r.ok()) return;
        if (m.function == 0x0401) { say.point(q.first).count = std::max<uint32_t>(q.count, 1); return r.finish(); }
        const size_t wanted = by_bit(q.sub) ? (ascii ? q.count : (q.count + 1u) / 2) : q.count * (ascii ? 4u : 2u) * (double_word(uint8_t(q.first.space())) ? 2u : 1u);
        r.require(r.left() == wanted);
        return by_bit(q.sub) ? bits(r, ascii, q.count, q.first, say) : words(r, ascii, q.count, q.first, say);
      }
      case 0x0403: {
        unsigned n = f.u8();
        n += f.u8();
        for (; n && r; n--) { const Object o = device(r, ascii, q.sub); if (r.ok()) say.point(o); }
        r.require(n == 0);
        return octets(r, say);
      }
      case 0x1402: {
        const unsigned n = f.u8(), wide = by_bit(q.sub) ? 0 : f.u8();
        unsigned left = n + wide;
        for (unsigned i = 0; left && r; left--, i++) {
          const Object o = device(r, ascii, q.sub);
          const uint32_t v = f.take(by_bit(q.sub) ? (q.sub & 2 ? 2 : 1) : i < n ? 2 : 4);
          if (!r.ok()) return;
          if (by_bit(q.sub)) say.point(o).set(v != 0);
          else say.point(o).set_natural(v);
        }
        r.require(left == 0);
        return octets(r, say);
      }
      case 0x0406: case 0x1406: {
        const unsigned of_words = f.u8(), of_bits = f.u8();
        unsigned left = of_words + of_bits;
        for (; left && r; left--) {
          const Object o = device(r, ascii, q.sub);
          const uint32_t n = f.u16();
          if (!r.ok()) return;
          if (m.function == 0x0406) say.point(o).count = std::max<uint32_t>(n, 1);
          else if (left > of_bits) words(r, ascii, n, o, say);
          else { say.point(o).count = std::max<uint32_t>(n * 16, 1); r.skip(n * (ascii ? 4u : 2u)); }
        }
        r.require(left == 0);
        return octets(r, say);
      }
      case 0x1001: case 0x1003: {                        // mode: 1 not forced, 3 forced
        const uint16_t mode = f.u16();
        if (r.ok()) say.point(say.named("forced")).set(mode == 3);
        if (m.function == 0x1001 && r) say.point(say.named("clear mode")).set_natural(f.u8());
        return octets(r, say);
      }
      case 0x1630: case 0x1631: {
        const uint16_t n = f.u16();
        const size_t there = r.rest().size();
        r.require(n <= there);
        say.point(say.named("password")).set_text(say.text(n ? "other" : "none"));
        return;
      }
      default: return octets(r, say);
    }
  }

  void answer(Reader& r, bool ascii, Message& m, Speaker& say) {
    m.role = Role::response;
    Question q{};
    m.unpaired = !waiting_.answer(m.tag, say.time, q);
    m.function = m.unpaired ? 0x8000 : q.command;
    m.sub_function = q.sub;
    if (const Function* k = known(m.function)) m.act = k->act;
    Fields f{r, ascii};
    const uint16_t end = f.u16();
    if (end) {
      m.refused = true;
      m.reason = end;
      if (q.count) say.point(q.first).count = q.count;
      return octets(r, say);
    }
    switch (m.function) {
      case 0x0101: {
        Bytes model = r.bytes(16);
        while (!model.empty() && (model.back() == ' ' || model.back() == 0)) model = model.first(model.size() - 1);
        if (!r.ok()) return;
        identity_.product = say.text(text_of(model));
        say.point(say.named("CPU")).set_text(identity_.product);
        const uint16_t code = f.u16();
        if (r.ok()) say.point(say.named("model code")).set_natural(code);
        return;
      }
      case 0x0401: {
        if (q.sub & ~3) return octets(r, say);
        const size_t wanted = by_bit(q.sub) ? (ascii ? q.count : (q.count + 1u) / 2) : q.count * (ascii ? 4u : 2u) * (double_word(uint8_t(q.first.space())) ? 2u : 1u);
        r.require(r.left() == wanted);
        return by_bit(q.sub) ? bits(r, ascii, q.count, q.first, say) : words(r, ascii, q.count, q.first, say);
      }
      default: return octets(r, say);
    }
  }

  // --- 1E ---

  void e1_ask(Reader& r, Message& m, Speaker& say) {
    m.frame = uint8_t(Kind::e1);
    const size_t whole = e1_request(r.peek());
    r.require(whole && whole == r.left());
    m.function = r.u8();
    m.station = r.u8();
    if (const Function* k = known(m.function); k && m.function < 0x100) m.act = k->act;
    r.le16();
    Question q{m.function, 0, 0, {}};
    if (m.function <= 3) {
      const uint32_t number = r.le32();
      const uint16_t name = r.le16();
      char letters[3] = {char(name >> 8), char(name & 0xff), 0};
      q.count = r.u8();
      r.u8();
      if (!r.ok()) return;
      q.first = memory(Maker::mitsubishi, code_of_name({letters, letters[1] == ' ' ? 1u : 2u}), number);
      if (m.act == Act::write) m.digest = text_key(text_of(r.peek()));
      if (m.function <= 1) say.point(q.first).count = std::max<uint32_t>(q.count, 1);
      else if (m.function == 2) bits(r, false, q.count, q.first, say);
      else words(r, false, q.count, q.first, say);
    }
    e1_answer_ = m.function == 0 ? (q.count + 1u) / 2 : m.function == 1 ? 2u * q.count : m.function == 0x15 ? 2 : 0;
    octets(r, say);
    waiting_.ask(0x10000, say.time, q);
  }

  void e1_tell(Reader& r, Message& m, Speaker& say) {
    m.frame = uint8_t(Kind::e1);
    m.role = Role::response;
    const uint8_t code = r.u8();
    m.function = code & 0x7f;
    r.require(code & 0x80);
    if (const Function* k = known(m.function); k && m.function < 0x100) m.act = k->act;
    Question q{};
    m.unpaired = !waiting_.answer(0x10000, say.time, q) || q.command != m.function;
    const uint8_t end = r.u8();
    if (end) {
      m.refused = true;
      m.reason = end;
      if (end == 0x5B) r.skip(2);
    } else if (!m.unpaired && m.function == 0) {
      r.require(r.left() == (q.count + 1u) / 2);
      bits(r, false, q.count, q.first, say);
    } else if (!m.unpaired && m.function == 1) {
      r.require(r.left() == 2u * q.count);
      words(r, false, q.count, q.first, say);
    }
    octets(r, say);
  }

  // --- MELSOFT ---

  void melsoft(Reader& r, const Head& h, Bytes record, Message& m, Speaker& say) {
    r.require(h.size + h.length == record.size());
    r.skip(21);
    m.role = h.answers ? Role::response : Role::request;
    m.function = 0x8001;
    if (record.size() < 49 + (h.answers ? 4u : 0u)) return octets(r, say);
    r.skip(24);
    const uint16_t status = h.answers ? r.le16() : uint16_t{0};
    const uint16_t command = r.be16();
    m.tag = r.le16();
    if (const Function* k = known(command); k && command >= 0x100 && command < 0x8000) m.function = command, m.act = k->act;
    else m.sub_function = command;
    if (!h.answers) {
      if (m.act == Act::write || m.act == Act::program || m.act == Act::run) m.digest = text_key(text_of(r.peek()));
      waiting_.ask(uint64_t{command} << 16 | m.tag, say.time, {command, 0, 0, {}});
      return octets(r, say);
    }
    Question q{};
    m.unpaired = !waiting_.answer(uint64_t{command} << 16 | m.tag, say.time, q);
    r.le16();
    if (status) m.refused = true, m.reason = status;
    if (command == 0x0121 && !status && r.left() >= 16) {
      const Bytes all = r.bytes(16), model = all.first(size_t(std::find(all.begin(), all.end(), 0) - all.begin()));
      identity_.product = say.text(text_of(model));
      say.point(say.named("CPU")).set_text(identity_.product);
    }
    octets(r, say);
  }

  static void search(Reader& r, Bytes record, Message& m, Speaker& say) {
    m.frame = uint8_t(Kind::melsoft);
    m.function = 0x8002;
    m.act = Act::identify;
    m.role = record[0] == 0xDA ? Role::response : Role::request;
    r.skip(4);
    octets(r, say);
  }

  Waiting<Question> waiting_;
  size_t e1_answer_ = 0;                                 // octets behind the end code of the answer that is awaited
  Identity identity_;
};

// --- recognition: the length in the head, a known command and route; 1E and MELSOFT's search only at their ports ---

Recognised one(Bytes b, Carrier carrier, bool& answers) {
  size_t need = 0;
  const Head h = head(b, need);
  answers = h.answers;
  if (h.kind == Kind::none) {
    if (carrier == Carrier::udp && b.size() >= 4 && b.size() <= 64 && (b[0] == 0x5A || b[0] == 0xDA) && b[1] == 0) { answers = b[0] == 0xDA; return {Recognised::maybe}; }
    if (need && b.size() < need && (b[0] == 0x50 || b[0] == 0xD0 || b[0] == 0x54 || b[0] == 0xD4 || b[0] == 0x57 || b[0] == 0xD7 || b[0] == '5' || b[0] == 'D')) return {Recognised::maybe};
    return {e1_fits(b) || (b.size() >= 2 && b.size() <= 130 && b[0] >= 0x80 && b[0] <= 0x95 && b[1] == 0) ? Recognised::maybe : Recognised::no};
  }
  if (h.length > longest || (carrier == Carrier::udp && h.size + h.length != b.size())) return {};
  const bool ascii = h.kind == Kind::e3_ascii || h.kind == Kind::e4_ascii;
  if (h.kind == Kind::melsoft) return {h.length >= 28 && b.size() >= h.size ? Recognised::yes : Recognised::maybe};
  if (h.length < (h.answers ? 2u : 6u) * (ascii ? 2u : 1u)) return {};
  const size_t at = (h.size - (ascii ? 14 : 7));          // network, station, module, multidrop, length
  const int module = ascii ? hex(b, at + 4, 4) : le16(b, at + 2);
  if (module < 0x3D0 || module > 0x3FF) return {h.kind == Kind::e3 && module == 0 ? Recognised::maybe : Recognised::no};
  if (h.answers) return {ascii || h.kind == Kind::e3 || h.kind == Kind::e4 ? Recognised::yes : Recognised::maybe};
  const size_t command_at = h.size + (ascii ? 4 : 2);
  if (b.size() < command_at + (ascii ? 4 : 2)) return {Recognised::maybe};
  const int command = ascii ? hex(b, command_at, 4) : le16(b, command_at);
  return {command >= 0x100 && command < 0x8000 && known(uint16_t(command)) ? Recognised::yes : Recognised::no};
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised found;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    bool answers = false;
    const Recognised r = one(b, carrier, answers);
    if (r.sure == Recognised::no) return {};
    found.sure = std::max(found.sure, r.sure);
    size_t need = 0;
    if (r.sure == Recognised::yes || head(b, need).kind != Kind::none) found.client = answers == first ? Recognised::down : Recognised::up;
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 5000}, {Carrier::tcp, 5001}, {Carrier::tcp, 5002}, {Carrier::tcp, 5006}, {Carrier::tcp, 5007}, {Carrier::tcp, 5562},
                          {Carrier::udp, 5000}, {Carrier::udp, 5001}, {Carrier::udp, 5006}, {Carrier::udp, 5007}, {Carrier::udp, 5008}, {Carrier::udp, 5560}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"slmp", "SLMP, MELSEC", ports, recognises, open, functions, frames, reason,
                           "Mitsubishi SH-080956ENG (SLMP), 5; SH-080008 (MELSEC communication protocol), 3E, 4E and 1E frames; MELSOFT from captures and public analyses",
                           "labels, buffer memory, files, network diagnosis and what MELSOFT carries but CPU models and commands' numbers (counted); 1E in ASCII, 1C to 4C on serial lines; extended device specifications (octets)"};

}  // namespace vidra::slmp
