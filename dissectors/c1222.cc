// SPDX-License-Identifier: Apache-2.0
// ANSI C12.22-2008 (IEEE 1703) over TCP and UDP: ACSE messages with EPSEM services, over the tables of ANSI C12.19. A record is one
// message; each of its services is a sentence. Ciphertext is named and kept opaque; passwords are only said to be there.
#include <algorithm>
#include <array>
#include <cstdio>

#include "dissectors/ber.h"
#include "dissectors/protocol.h"

namespace vidra::c1222 {
namespace {

constexpr uint16_t answer = 0x100, ciphertext = 0x101;

constexpr Function functions[] = {
    {0x20, 0xffff, "identification", Act::identify},
    {0x21, 0xffff, "terminate", Act::session},
    {0x22, 0xffff, "disconnect", Act::session},
    {0x24, 0xffff, "deregistration", Act::session},
    {0x25, 0xffff, "resolve", Act::browse},
    {0x26, 0xffff, "trace", Act::browse},
    {0x27, 0xffff, "registration", Act::session},
    {0x30, 0xffff, "full read", Act::read},
    {0x31, 0xffff, "partial read, 1 index", Act::read},
    {0x32, 0xffff, "partial read, 2 indices", Act::read},
    {0x33, 0xffff, "partial read, 3 indices", Act::read},
    {0x34, 0xffff, "partial read, 4 indices", Act::read},
    {0x35, 0xffff, "partial read, 5 indices", Act::read},
    {0x3e, 0xffff, "default read", Act::read},
    {0x3f, 0xffff, "partial read by offset", Act::read},
    {0x40, 0xffff, "full write", Act::write},
    {0x41, 0xffff, "partial write, 1 index", Act::write},
    {0x42, 0xffff, "partial write, 2 indices", Act::write},
    {0x43, 0xffff, "partial write, 3 indices", Act::write},
    {0x44, 0xffff, "partial write, 4 indices", Act::write},
    {0x45, 0xffff, "partial write, 5 indices", Act::write},
    {0x4e, 0xffff, "default write", Act::write},
    {0x4f, 0xffff, "partial write by offset", Act::write},
    {0x50, 0xffff, "logon", Act::session},
    {0x51, 0xffff, "security", Act::session},
    {0x52, 0xffff, "logoff", Act::session},
    {0x53, 0xffff, "authenticate", Act::session},
    {0x60, 0xffff, "negotiate", Act::session},
    {0x70, 0xffff, "wait", Act::session},
    {0x71, 0xffff, "timing setup", Act::session},
    {answer, 0xffff, "answer", Act::other},
    {ciphertext, 0xffff, "enciphered services", Act::other},
};
Act act_of(uint16_t f) {
  for (const Function& row : functions)
    if (row.number == f) return row.act;
  return Act::other;
}
bool is_service(uint8_t c) { return c >= 0x20 && c <= 0x71 && (act_of(c) != Act::other || (c >= 0x61 && c <= 0x6b)); }

std::string_view reason(uint16_t code) {   // <nok>
  constexpr std::string_view names[] = {"ok", "error", "service not supported", "insufficient security clearance", "operation not possible", "inappropriate action requested",
                                        "device busy", "data not ready", "data locked", "renegotiate request", "invalid service sequence state", "security mechanism error",
                                        "unknown application title", "network time-out", "network not reachable", "request too large", "response too large",
                                        "segmentation not possible", "segmentation error"};
  return code < std::size(names) ? names[code] : std::string_view{};
}

// Tables of C12.19 whose name says what touching them means.
std::string_view table_name(uint16_t t) {
  switch (t) {
    case 0: return "general configuration";
    case 1: return "manufacturer identification";
    case 3: return "end device mode status";
    case 5: return "device identification";
    case 6: return "utility information";
    case 7: return "procedure initiate";
    case 8: return "procedure response";
    case 23: return "current register data";
    case 42: return "security";
    case 43: return "default access control";
    case 44: return "access control";
    case 45: return "key";
    case 51: return "actual time and TOU";
    case 52: return "clock";
    case 54: return "calendar";
    case 64: return "load profile data set 1";
    case 74: return "history log data";
    case 76: return "event log data";
    case 112: return "load control status";
    case 113: return "load control configuration";
    default: return {};
  }
}
std::string_view procedure_name(uint16_t p) {
  switch (p) {
    case 0: return "cold start";
    case 1: return "warm start";
    case 2: return "save configuration";
    case 3: return "clear data";
    case 4: return "reset list pointers";
    case 6: return "change end device mode";
    case 9: return "remote reset";
    case 10: return "set date and time";
    case 21: return "direct load control";
    case 22: return "modify credit";
    case 24: return "start secured session";
    default: return {};
  }
}
Act act_of_procedure(uint16_t p) {
  switch (p) {
    case 0: case 1: return Act::run;
    case 2: case 3: case 4: case 6: case 9: return Act::configure;
    case 10: return Act::time;
    default: return Act::operate;
  }
}

uint32_t length_of(Reader& r) {
  const uint8_t n = r.u8();
  if (n < 0x80) return n;
  r.require(n == 0x81 || n == 0x82);
  return n == 0x81 ? r.u8() : r.be16();
}

// What an answer needs of its question: the services in their order, the first ones' tables.
constexpr size_t most_services = 8, most_questions = 8;
struct Question { uint64_t id = 0; uint8_t count = 0; uint8_t services[most_services] = {}; uint16_t tables[most_services] = {}; bool open = false; };

struct C1222 final : Parser {
  Cut next(Side from, Bytes o, bool segment_start, bool) override {
    bool& seeking = seeking_[from == Side::client ? 0 : 1];
    if (o.empty()) return {Cut::need, 1};
    if (o[0] != 0x60) return seeking = true, Cut{Cut::lost, 0};
    if (o.size() < 2) return {Cut::need, 2};
    const size_t head = o[1] < 0x80 ? 2 : o[1] == 0x81 ? 3 : o[1] == 0x82 ? 4 : 0;
    if (!head) return seeking = true, Cut{Cut::lost, 0};
    if (o.size() < head) return {Cut::need, head};
    const size_t n = head == 2 ? o[1] : head == 3 ? o[2] : size_t(o[2] << 8 | o[3]);
    if (seeking && !segment_start) {
      if (o.size() < head + 1) return {Cut::need, head + 1};
      if ((o[head] & 0xe0) != 0xa0 || n < 8) return {Cut::lost, 0};
    }
    seeking = false;
    return {Cut::take, head + n};
  }
  void gap(Side from, uint64_t) override { seeking_[from == Side::client ? 0 : 1] = true; questions_ = {}; }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = begin(from, say);
    head_ = {};
    Reader outer{record, m.malformed};
    outer.require(outer.u8() == 0x60);
    const uint32_t n = length_of(outer);
    Reader r = outer.sub(n);
    outer.finish();
    Bytes epsem;
    bool has_epsem = false;
    while (r && r.ok()) {
      Tlv t = tlv(r);
      switch (t.tag) {
        case 0xa2: head_.called = tlv_octets(t.body, head_.called_kind); break;
        case 0xa4: head_.called_id = unsigned_of(tlv(t.body).body), head_.answers = true; break;
        case 0xa6: head_.calling = tlv_octets(t.body, head_.calling_kind); break;
        case 0xa8: head_.calling_id = unsigned_of(tlv(t.body).body); break;
        case 0xac: head_.authenticated = true; break;
        case 0xbe: {
          Tlv external = tlv(t.body);
          external.body.require(external.tag == 0x28);
          Tlv octets = tlv(external.body);
          octets.body.require(octets.tag == 0x81);
          epsem = octets.body.rest();
          has_epsem = true;
          break;
        }
        default: break;
      }
    }
    r.require(has_epsem);
    if (m.malformed || epsem.empty()) { say.head().malformed = true; place(say); return say.end(); }
    services(epsem, from, say);
  }

 private:
  struct Head {
    Bytes called, calling;
    uint32_t called_kind = 0, calling_kind = 0;
    uint64_t called_id = 0, calling_id = 0;
    bool answers = false, authenticated = false;
  };

  static Bytes tlv_octets(Reader& body, uint32_t& kind) {
    Tlv t = tlv(body);
    kind = t.tag;
    return t.body.rest();
  }
  static Message& begin(Side from, Speaker& say) {
    Message& m = say.begin();
    m.role = from == Side::client ? Role::request : Role::response;
    m.function = answer;
    return m;
  }

  // An application title: an object identifier, or one relative to the utility's. The last ones are kept in words: writing them costs.
  struct Title { size_t octets = 0, length = 0; uint32_t kind = 0; uint8_t oid[40]; char text[128]; };
  uint64_t title(Bytes oid, uint32_t kind, Title& kept, Speaker& say) {
    if (oid.empty()) return 0;
    if (oid.size() > sizeof kept.oid) oid = oid.first(sizeof kept.oid);
    if (kept.octets != oid.size() || kept.kind != kind || !std::equal(oid.begin(), oid.end(), kept.oid)) {
      std::copy(oid.begin(), oid.end(), kept.oid);
      kept.octets = oid.size(), kept.kind = kind, kept.length = 0;
      const auto put = [&kept](uint64_t v) {
        char digits[24];
        const size_t room = sizeof kept.text - kept.length;
        const int n = std::snprintf(digits, sizeof digits, kept.length ? ".%llu" : "%llu", (unsigned long long)v);
        if (n <= 0 || size_t(n) > room) return;
        std::copy(digits, digits + n, kept.text + kept.length);
        kept.length += size_t(n);
      };
      uint64_t v = 0;
      bool first = kind == 0x06;
      for (uint8_t o : oid) {
        v = (v & 0x00ffffffffffffff) << 7 | (o & 0x7f);
        if (o & 0x80) continue;
        if (first) put(v < 80 ? v / 40 : 2), put(v < 80 ? v % 40 : v - 80);
        else put(v);
        first = false, v = 0;
      }
    }
    return say.text({kept.text, kept.length});
  }
  void place(Speaker& say) {
    Message& m = say.head();
    const bool from_asker = m.role != Role::response;
    const uint64_t called = title(head_.called, head_.called_kind, titles_[from_asker], say), calling = title(head_.calling, head_.calling_kind, titles_[!from_asker], say);
    const bool answers = m.role == Role::response;
    m.station = answers ? calling : called;
    m.origin = answers ? called : calling;
    m.has_origin = m.origin != 0;
    m.tag = uint32_t(answers ? head_.called_id : head_.calling_id);
  }

  void services(Bytes epsem, Side from, Speaker& say) {
    bool bad = false;
    Reader r{epsem, bad};
    const uint8_t control = r.u8();
    if (control & 0x10) r.skip(4);                          // end device class
    const unsigned mode = control >> 2 & 3;
    if (mode == 2) {
      Message& m = say.head();
      m.role = head_.answers ? Role::response : Role::request;
      m.function = ciphertext;
      m.encrypted = true;
      m.qualifier = control;
      place(say);
      r.rest();
      return say.end();
    }
    if (mode == 1) { const size_t n = r.left(); r.require(n >= 4); if (r.ok()) r = Reader{r.peek().first(n - 4), bad}; }   // behind them the MAC
    Question asked;
    asked.id = head_.calling_id, asked.open = true;
    const Question* q = nullptr;
    if (head_.answers)
      for (Question& each : questions_)
        if (each.open && each.id == head_.called_id) q = &each;
    size_t count = 0;
    do {
      if (count) begin(from, say);
      Message& m = say.head();
      m.qualifier = control;
      const uint32_t n = length_of(r);
      Reader s = r.sub(n);
      const uint8_t code = s.u8();
      bool wrong = !s.ok();
      bool inner = false;
      Reader body{s.peek(), inner};
      s.rest();
      if (!wrong && is_service(code)) {
        const uint16_t table = service(code, body, say);
        if (asked.count < most_services) asked.services[asked.count] = code, asked.tables[asked.count] = table, asked.count++;
      } else if (!wrong && code < 0x20) {
        reply(code, q, count, body, say);
      } else {
        m.function = answer, wrong = true;
      }
      m.malformed = wrong || inner || bad;
      place(say);
      say.end();
      if (who_.serial || who_.vendor) {
        who_.station = m.station;
        if (!m.malformed) say.identity(who_);
        who_ = {};
      }
      count++;
    } while (r && !bad);
    if (asked.count) questions_[turn_++ % most_questions] = asked;
  }

  static Object object_of(uint16_t table, Speaker& say) {
    const Object o(ObjectKind::item, table & 0x0fff);
    const std::string_view name = table & 0x0800 ? std::string_view{} : table_name(table);
    char text[64];
    const int n = table & 0x0800 ? std::snprintf(text, sizeof text, "manufacturer table %u", table & 0x7ff) : std::snprintf(text, sizeof text, "table %u%s%.*s", table, name.empty() ? "" : " ", int(name.size()), name.data());
    say.label(o, {text, size_t(n)});
    return o;
  }

  static uint16_t service(uint8_t code, Reader& r, Speaker& say) {
    Message& m = say.head();
    m.role = Role::request;
    m.function = code >= 0x61 && code <= 0x6b ? uint16_t(0x60) : code;
    m.act = act_of(m.function);
    if (code >= 0x30 && code <= 0x4f) {
      const bool writes = code >= 0x40;
      const unsigned kind = code & 0x0f;
      if (kind == 0x0e) { r.rest(); return 0; }
      const uint16_t table = r.be16();
      Point& p = say.point(object_of(table, say));
      if (kind == 0x0f) p.qualifier = r.be24();             // offset
      else for (unsigned i = 0; i < kind; i++) { const uint16_t index = r.be16(); if (i == 0) p.qualifier = index; }
      if (kind && !writes) p.duration = 0, p.count = 1, r.be16();
      if (writes) {
        const uint16_t n = r.be16();
        Reader data = r.sub(n);
        p.set_octets(n);
        r.u8();                                             // check sum
        if (table >= 40 && table <= 46) m.act = Act::configure;
        if (table == 7 && kind == 0 && n >= 3) {            // C12.19, 9.1.8: number, selector; sequence
          const uint16_t procedure = data.le16();
          m.tag = data.u8();
          const std::string_view name = procedure & 0x800 ? std::string_view{} : procedure_name(procedure & 0x7ff);
          m.act = procedure & 0x800 ? Act::operate : act_of_procedure(procedure & 0x7ff);
          char text[64];
          const int k = std::snprintf(text, sizeof text, "%sprocedure %u%s%.*s", procedure & 0x800 ? "manufacturer " : "", procedure & 0x7ff, name.empty() ? "" : " ", int(name.size()), name.data());
          say.point(say.named({text, size_t(k)}));
        }
      }
      r.finish();
      return table;
    }
    switch (code) {
      case 0x50: {
        const uint16_t id = r.be16();
        const Bytes user = r.bytes(10);
        std::string_view text = text_of(user);
        while (!text.empty() && (text.back() == ' ' || text.back() == 0)) text.remove_suffix(1);
        if (r.ok()) {
          Point& p = say.point(say.named("user"));
          p.set_text(say.text(text)), p.qualifier = id;
        }
        r.rest();
        break;
      }
      case 0x51: {
        const Bytes password = r.bytes(20);
        bool empty = true;
        for (uint8_t o : password) empty &= o == 0 || o == ' ';
        if (r.ok()) say.point(say.named("password")).set_text(say.text(empty ? "none" : "other"));
        r.rest();
        break;
      }
      case 0x53: m.encrypted = true; r.rest(); break;
      default: r.rest();
    }
    return 0;
  }

  void reply(uint8_t code, const Question* q, size_t index, Reader& r, Speaker& say) {
    Message& m = say.head();
    m.role = Role::response;
    m.refused = code != 0;
    m.reason = code;
    m.unpaired = !q || index >= q->count;
    if (m.unpaired) { r.rest(); return; }
    const uint8_t asked = q->services[index];
    const uint16_t table = q->tables[index];
    m.function = asked >= 0x61 && asked <= 0x6b ? uint16_t(0x60) : asked;
    m.act = act_of(m.function);
    if (asked < 0x30 || asked > 0x4f) { r.rest(); return; }
    Point& p = say.point(object_of(table, say));
    if (asked >= 0x40 || code) { r.rest(); return; }
    const uint16_t n = r.be16();
    Reader data = r.sub(n);
    r.u8();
    p.set_octets(n);
    if (table == 1 && asked == 0x30 && n >= 32) {            // C12.19: manufacturer, model, versions, serial number
      const auto trimmed = [&say](Bytes b) {
        std::string_view s = text_of(b);
        while (!s.empty() && (s.back() == ' ' || s.back() == 0)) s.remove_suffix(1);
        return s.empty() ? uint64_t{0} : say.text(s);
      };
      who_.vendor = trimmed(data.bytes(4)), who_.model = trimmed(data.bytes(8));
      data.be16();
      char text[16];
      const unsigned version = data.u8(), revision = data.u8();
      who_.firmware = say.text({text, size_t(std::snprintf(text, sizeof text, "%u.%u", version, revision))});
      who_.serial = trimmed(data.bytes(16));
    }
    r.finish();
  }

  bool seeking_[2] = {};
  Head head_;
  Title titles_[2];                                         // the asker's, the asked one's
  std::array<Question, most_questions> questions_{};
  uint32_t turn_ = 0;
  Identity who_;
};

// One side's messages; how many are whole, and whether the first one answers.
struct Walk { int messages = 0, asks = 0; bool broken = false; };
Walk walk(Bytes o) {
  Walk w;
  while (!o.empty()) {
    bool bad = false;
    Reader r{o, bad};
    if (r.u8() != 0x60) { w.broken = true; break; }
    const uint32_t n = length_of(r);
    if (bad || n > r.left()) { w.broken |= n > 0xffff; break; }
    Reader body = r.sub(n);
    bool found = false, answers = false;
    while (body && !bad) {
      Tlv t = tlv(body);
      if ((t.tag & 0xe0) != 0xa0 && (t.tag & 0xc0) != 0x80) bad = true;
      answers |= t.tag == 0xa4;
      if (t.tag != 0xbe || bad) continue;
      Tlv external = tlv(t.body);
      Tlv octets = tlv(external.body);
      found = !bad && external.tag == 0x28 && octets.tag == 0x81 && octets.body && (octets.body.peek()[0] & 0x80) && !external.body && !t.body;
    }
    if (bad || !found) { w.broken = true; break; }
    w.messages++;
    w.asks += answers ? -1 : 1;
    o = r.peek();
  }
  return w;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp && carrier != Carrier::udp) return r;
  const Walk a = walk(up), b = walk(down);
  if (a.messages + b.messages == 0 || a.broken || b.broken) return r;
  r.sure = Recognised::yes;
  const int asks = a.asks - b.asks;
  r.client = asks > 0 ? Recognised::up : asks < 0 ? Recognised::down : Recognised::unknown;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 1153}, {Carrier::udp, 1153}};
Parser* open(Pool& pool) { return pool.make<C1222>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"c1222", "ANSI C12.22", ports, recognises, open, functions, {}, reason,
                           "ANSI C12.22-2008 (EPSEM, ACSE), ANSI C12.19 (tables and procedures by number)",
                           "enciphered services (by name), segmented messages, tables' contents (counted) but the manufacturer's identification"};

}  // namespace vidra::c1222
