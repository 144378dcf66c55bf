// SPDX-License-Identifier: Apache-2.0
// GE-SRTP (Service Request Transport Protocol) of Series 90, VersaMax and PACSystems. GE never published it: header and services
// are known from Denton et al., "Leveraging the SRTP protocol for over-the-network memory acquisition of a GE Fanuc Series 90-30"
// (DFRWS 2017), the service requests' bodies and errors from GFK-0529 and GFK-0582 (SNP). A record is 56 octets and what follows.
#include "dissectors/memory_area.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::srtp {
namespace {

constexpr Function functions[] = {
    {0x00, 0xffff, "PLC short status", Act::diagnose},
    {0x03, 0xffff, "return control program names", Act::identify},
    {0x04, 0xffff, "read system memory", Act::read},
    {0x05, 0xffff, "read task memory", Act::read},
    {0x06, 0xffff, "read program memory", Act::program},
    {0x07, 0xffff, "write system memory", Act::write},
    {0x08, 0xffff, "write task memory", Act::write},
    {0x09, 0xffff, "write program memory", Act::program},
    {0x20, 0xffff, "programmer logon", Act::session},
    {0x21, 0xffff, "change privilege level", Act::session},
    {0x22, 0xffff, "set CPU ID", Act::configure},
    {0x23, 0xffff, "set PLC run or stop", Act::run},
    {0x24, 0xffff, "set time and date", Act::time},
    {0x25, 0xffff, "return time and date", Act::read},
    {0x38, 0xffff, "return fault table", Act::diagnose},
    {0x39, 0xffff, "clear fault table", Act::configure},
    {0x3F, 0xffff, "program store (upload from PLC)", Act::program},
    {0x40, 0xffff, "program load (download to PLC)", Act::program},
    {0x43, 0xffff, "return controller type and ID", Act::identify},
    {0x44, 0xffff, "toggle force of system memory", Act::operate},
    {0x4F, 0xffff, "session control", Act::session},
    {256, 0xffff, "connect", Act::session},
    {257, 0xffff, "answer to an unheard request", Act::other},
};

const Function* known(uint16_t service) {
  for (const Function& f : functions)
    if (f.number == service) return &f;
  return nullptr;
}

// GFK-0529, tables 3-12 to 3-14: the major code << 8 | the minor one, where the major is 5 (error in a service request).
std::string_view reason(uint16_t code) {
  struct Row { uint8_t minor; std::string_view name; };
  constexpr Row minors[] = {
      {0xFF, "service aborted"}, {0xFE, "no privilege for the operation"}, {0xFC, "I/O configuration invalid"}, {0xFB, "cannot clear I/O configuration"},
      {0xF9, "task address out of range"}, {0xF8, "invalid task name"}, {0xF7, "log in to a task first"}, {0xF6, "invalid sweep state"}, {0xF5, "invalid password"},
      {0xF4, "invalid parameter"}, {0xF3, "I/O configuration mismatch"}, {0xF2, "invalid program"}, {0xF1, "only valid from a programmer"}, {0xF0, "only valid in stop mode"},
      {0xEF, "programmer already attached"}, {0xEA, "not logged in"}, {0xE9, "segment selector not valid here"}, {0xE8, "no user memory"}, {0xE7, "configuration not valid"},
      {0xE6, "CPU model does not match"}, {0xE4, "no such segment"}, {0xD9, "transfer type invalid for selector"}, {0xD8, "point length not allowed"},
      {0xD5, "invalid block name"}, {0xD4, "configuration checksum mismatch"}, {0xD1, "packet size does not match"}, {0xCF, "device not available"}, {0xCA, "device write-protected"},
      {0xC8, "password already enabled"}, {0xC7, "passwords inactive"}, {0xC6, "not logged in to the main program"}, {0xC2, "OEM key is null"}, {0xC1, "invalid block state transition"},
      {0xBD, "block set not found"}, {0xBC, "block type not found"}, {0xBA, "block set already exists"}, {0xB3, "length limit exceeded"}, {0xB2, "program block already exists"},
  };
  constexpr std::string_view majors[] = {"", "illegal service request", "insufficient privilege", "", "protocol sequence error", "service request error", "illegal mailbox type", "request queue full"};
  for (const Row& r : minors)
    if (r.minor == (code & 0xff)) return r.name;
  return code >> 8 < std::size(majors) ? majors[code >> 8] : std::string_view{};
}

constexpr size_t header = 56;
constexpr size_t longest_text = 8192;
constexpr uint8_t request_short = 0xC0, request_text = 0x80, reply_short = 0xD4, reply_text = 0x94, reply_error = 0xD1;

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
bool zeros(Bytes b) { return std::all_of(b.begin(), b.end(), [](uint8_t o) { return o == 0; }); }

// What a segment selector addresses, and in what: bits of the same memory are numbered alike, by bit or by octet.
struct Segment { uint16_t area = 0; uint8_t unit = 0; };   // unit: 1 bit, 8 octet, 16 word; 0 unknown
Segment segment(uint8_t selector) {
  switch (selector) {
    case 0x08: case 0x0A: case 0x0C: return {selector, 16};
    case 0x10: case 0x12: case 0x14: case 0x16: case 0x18: case 0x1A: case 0x1C: case 0x1E: return {uint16_t(selector + 0x36), 8};
    case 0x38: return {0x56, 8};
    case 0x46: case 0x48: case 0x4A: case 0x4C: case 0x4E: case 0x50: case 0x52: case 0x54: case 0x56: return {selector, 1};
    default: return {};
  }
}

struct Question { uint8_t service, selector; uint16_t offset, count; };

void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.empty()) return {Cut::need, 1};
    if (b[0] > 3 || (b.size() > 1 && b[1] != 0)) return {Cut::lost, 0};
    if (b.size() < 6) return {Cut::need, 6};
    const size_t text = le16(b, 4);
    if (text > longest_text) return {Cut::lost, 0};
    return {Cut::take, header + text};
  }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    Identity who;
    const uint8_t kind = r.u8();
    r.u8();
    m.tag = r.le16();
    const uint16_t text = r.le16();
    if (kind <= 1) {
      m.function = 256;
      m.act = Act::session;
      m.role = kind == 0 ? Role::request : Role::response;
      r.require(record.size() >= header);
      r.rest();
      return say.end();
    }
    r.require(kind <= 3 && record.size() == header + text);
    r.skip(25);
    const uint8_t type = r.u8();
    r.skip(8);
    const uint8_t packet = r.u8(), packets = r.u8();
    r.require(packet <= packets);
    Reader body = r.sub(14);
    Reader more = r.sub(text);
    if (kind == 2) request(body, more, type, m, say);
    else response(body, more, type, m, say, who);
    say.end();
    if (who.name) say.identity(who);
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  void request(Reader& body, Reader& more, uint8_t type, Message& m, Speaker& say) {
    m.role = Role::request;
    body.require(type == request_short || type == request_text);
    if (type == request_text) body.skip(8);              // length of the text, packet numbers; then as the short one
    const uint8_t service = body.u8();
    m.function = service;
    if (const Function* f = known(service)) m.act = f->act;
    Question q{service, 0, 0, 0};
    switch (service) {
      case 0x04: case 0x07: case 0x44: {
        q.selector = body.u8(), q.offset = body.le16(), q.count = body.le16();
        if (!body.ok()) break;
        if (service == 0x44) range(q, say);
        else if (service == 0x04) range(q, say);
        else {
          Reader& data = type == request_text ? more : body;
          m.digest = text_key(text_of(data.peek()));
          values(data, q, say);
        }
        break;
      }
      case 0x21: {                                       // level; a password of up to 8 octets
        const uint8_t level = body.u8();
        if (!body.ok()) break;
        say.point(say.named("level")).set_natural(level);
        const Bytes password = more ? more.rest() : body.rest();
        say.point(say.named("password")).set_text(say.text(zeros(password) ? "none" : "other"));
        break;
      }
      case 0x23: {
        const uint8_t state = body.u8();
        if (body.ok()) say.point(say.named("state")).set_natural(state);
        break;
      }
      default:
        if (m.act == Act::program || m.act == Act::write) m.digest = text_key(text_of(more.peek()));
        break;
    }
    octets(more, say);
    waiting_.ask(m.tag, say.time, q);
  }

  void response(Reader& body, Reader& more, uint8_t type, Message& m, Speaker& say, Identity& who) {
    m.role = Role::response;
    body.require(type == reply_short || type == reply_text || type == reply_error);
    Question q{};
    m.unpaired = !waiting_.answer(m.tag, say.time, q);
    m.function = m.unpaired ? 257 : q.service;
    if (const Function* f = known(m.function)) m.act = f->act;
    const uint8_t major = body.u8(), minor = body.u8();
    if (type == reply_error || major) m.refused = true, m.reason = uint16_t(major << 8 | minor);
    Reader data = body.sub(6);
    const uint8_t program = body.u8(), level = body.u8();
    const uint16_t sweep = body.le16(), status = body.le16();   // rides on every answer
    if (!body.ok()) return;
    m.qualifier = uint32_t{status} << 16 | level;
    if (m.refused) {
      if (q.service == 0x04 || q.service == 0x07) range(q, say);
      return octets(more, say);
    }
    Reader& given = type == reply_text ? more : data;
    switch (m.function) {
      case 0x04: values(given, q, say); break;
      case 0x00: {
        constexpr std::string_view states[] = {"run, I/O enabled", "run, I/O disabled", "stop, I/O disabled", "stop, faulted", "halted", "suspended", "stop, I/O enabled"};
        const unsigned state = status >> 12;
        say.point(say.named("state")).set_text(say.text(state < std::size(states) ? states[state] : "unknown"));
        say.point(say.named("privilege level")).set_natural(level);
        say.point(say.named("sweep time")).set_natural(sweep);
        say.point(say.named("control program")).set_natural(program);
        break;
      }
      case 0x03: case 0x43: {                            // among numbers, the name in ASCII: the longest run of it
        const Bytes all = given.rest();
        size_t best = 0, length = 0;
        for (size_t i = 0, from = 0; i <= all.size(); i++) {
          if (i < all.size() && all[i] > 0x20 && all[i] < 0x7f) continue;
          if (i - from > length) best = from, length = i - from;
          from = i + 1;
        }
        if (length < 2) break;
        who.vendor = say.text("GE");
        who.name = say.text(text_of(all.subspan(best, length)));
        say.point(say.named(m.function == 0x03 ? "program" : "controller")).set_text(who.name);
        break;
      }
      default: break;
    }
    octets(more, say);
  }

  static Object first_of(const Question& q, const Segment& s) {
    return memory(Maker::ge, s.area, s.unit == 8 ? uint32_t{q.offset} * 8 : q.offset);
  }
  static void range(const Question& q, Speaker& say) {
    const Segment s = segment(q.selector);
    if (!s.unit) { say.point(Object(ObjectKind::memory_area, q.offset, uint32_t(Maker::ge) << 16 | q.selector)).count = std::max<uint32_t>(q.count, 1); return; }
    say.point(first_of(q, s)).count = std::max<uint32_t>(s.unit == 8 ? q.count * 8u : q.count, 1);
  }
  // Bits lie as in the controller's memory: the first is bit offset % 8 of the first octet.
  static void values(Reader& r, const Question& q, Speaker& say) {
    const Segment s = segment(q.selector);
    const Object first = first_of(q, s);
    if (s.unit == 16) {
      r.require(r.left() >= 2u * q.count);
      for (uint32_t i = 0; i < q.count && r.left() >= 2; i++) say.point(first.at(i)).set_natural(r.le16());
    } else if (s.unit) {
      const uint32_t bits = s.unit == 8 ? q.count * 8u : q.count, skipped = s.unit == 8 ? 0 : q.offset % 8;
      r.require(r.left() * 8 >= bits + skipped);
      for (uint32_t i = 0; i < bits && r;) {
        const unsigned octet = r.u8();
        for (uint32_t bit = i == 0 ? skipped : 0; bit < 8 && i < bits; bit++, i++) say.point(first.at(i)).set(bool(octet >> bit & 1));
      }
    }
    if (s.unit) r.rest();                                // the rest of six or eight octets is none of it
  }

  Waiting<Question> waiting_;
};

// --- recognition: the length in the header, the message's type at 31, a known service ---

struct Heard { bool any = false, broken = false, hello = false; };
Heard hear(Bytes b, bool asks) {
  Heard h;
  while (!b.empty() && !h.broken) {
    if (b[0] > 3 || (b[0] & 1) == asks || (b.size() > 1 && b[1])) { h.broken = true; break; }
    if (b.size() < header) break;
    const size_t n = header + le16(b, 4);
    if (b[0] <= 1) {
      const bool plain = zeros(b.subspan(1, 7)) && (b[0] == 0 ? zeros(b.first(header)) : b[8] == 0x0F || b[8] == 0);
      if (!plain) h.broken = true;
      h.hello = plain;
    } else {
      const uint8_t type = b[31];
      const bool fits = asks ? (type == request_short && known(b[42])) || (type == request_text && known(b[50])) : type == reply_short || type == reply_text || type == reply_error;
      if (!fits || n > header + longest_text || b[40] > b[41] || b[40] == 0 || (type != request_text && type != reply_text && n != header)) h.broken = true;
      else h.any = true;
    }
    b = b.subspan(std::min(n, b.size()));
  }
  return h;
}

Recognised recognises(Bytes up, Bytes down, Carrier) {
  for (bool straight : {true, false}) {
    const Heard asks = hear(straight ? up : down, true), answers = hear(straight ? down : up, false);
    if (asks.broken || answers.broken) continue;
    const Recognised::Client client = straight ? Recognised::up : Recognised::down;
    if (asks.any || answers.any || (asks.hello && answers.hello)) return {Recognised::yes, client};
    if (asks.hello || answers.hello) return {Recognised::maybe, client};
  }
  return {};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 18245}, {Carrier::tcp, 18246}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"srtp", "GE-SRTP", ports, recognises, open, functions, {}, reason,
                           "not published; Denton et al., DFRWS 2017, tables 1 to 4; GE GFK-0529 and GFK-0582 (SNP) for services, PLC status and errors",
                           "task and program memory, programs, fault tables, times (counted); the value with which run or stop is asked for is said as a number; EGD (UDP 18246) is another protocol"};

}  // namespace vidra::srtp
