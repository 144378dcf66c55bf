// SPDX-License-Identifier: Apache-2.0
// S7comm-plus over ISO transport, as SIMATIC S7-1200 and S7-1500 speak it. Siemens has not published it; its outline is known
// from public analyses. A PDU is 72, version, length, the data, and behind its last part 72, version, 0000. Data are an
// operation (request, response, notification), a function, a sequence number, and object identifiers of variable length.
//
// What the head says: function that of the PDU, 256 and up for what has none; tag the sequence number; sequence the session's
// identifier; qualifier the version, 0x100 where an integrity part is there; reason the error code of an answer.
#include <array>
#include <cstdio>
#include <cstring>

#include "dissectors/iso.h"
#include "dissectors/protocol.h"

namespace vidra::s7plus {
namespace {

enum : uint16_t {
  notification = 256, part, tls, system_event, unreadable,
  explore = 0x04bb, create_object = 0x04ca, delete_object = 0x04d4, set_variable = 0x04f2, get_link = 0x0524, set_multi = 0x0542, get_multi = 0x054c,
  begin_sequence = 0x0556, end_sequence = 0x0560, invoke = 0x056b, set_streamed = 0x057c, get_streamed = 0x0586, get_address = 0x0590, abort_ = 0x059a,
  error = 0x05a9, init_ssl = 0x05b3
};
constexpr Function low[] = {
    {notification, 0xffff, "notification", Act::report},
    {part, 0xffff, "part of a PDU", Act::other},
    {tls, 0xffff, "TLS record", Act::other},
    {system_event, 0xffff, "system event", Act::other},
    {unreadable, 0xffff, "data of another form", Act::other},
};
constexpr Function high[] = {
    {explore, 0xffff, "explore", Act::browse},
    {create_object, 1, "create session", Act::session},
    {create_object, 2, "create object of the session", Act::subscribe},
    {create_object, 0xffff, "create object", Act::configure},
    {delete_object, 1, "delete session", Act::session},
    {delete_object, 0xffff, "delete object", Act::configure},
    {set_variable, 1, "write variable of the session", Act::session},
    {set_variable, 0xffff, "write variable", Act::write},
    {get_link, 0xffff, "get link", Act::browse},
    {set_multi, 1, "set session attributes", Act::session},
    {set_multi, 0xffff, "write variables", Act::write},
    {get_multi, 0xffff, "read variables", Act::read},
    {begin_sequence, 0xffff, "begin sequence", Act::program},
    {end_sequence, 0xffff, "end sequence", Act::program},
    {invoke, 0xffff, "invoke", Act::run},
    {set_streamed, 0xffff, "write streamed", Act::program},
    {get_streamed, 0xffff, "read streamed", Act::program},
    {get_address, 0xffff, "get addresses of variables", Act::browse},
    {abort_, 0xffff, "abort", Act::session},
    {error, 0xffff, "error", Act::other},
    {init_ssl, 0xffff, "begin TLS", Act::session},
};
constexpr auto functions = [] {
  std::array<Function, std::size(low) + std::size(iso::functions) + std::size(high)> all{};
  size_t n = 0;
  for (const Function& f : low) all[n++] = f;
  for (const Function& f : iso::functions) all[n++] = f;
  for (const Function& f : high) all[n++] = f;
  return all;
}();
Act act_of(uint16_t function, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : high)
    if (f.number == function) {
      if (f.sub == sub) return f.act;
      if (f.sub == 0xffff) any = f.act;
    }
  return any;
}
bool known(uint16_t function) {
  for (const Function& f : high)
    if (f.number == function) return true;
  return false;
}

constexpr std::string_view frames[] = {"transport", "version 1", "version 2", "version 3", "other"};
enum : uint8_t { asks = 0x31, answers = 0x32, notifies = 0x33, answers_streamed = 0x02 };
constexpr uint32_t cpu_unit = 52;                        // whose attribute 2167 is the operating state that is called for
constexpr uint32_t session_container = 285;              // object in which sessions are created

uint32_t variable(Reader& r) {                           // seven bits an octet, the highest first
  uint32_t v = 0;
  for (unsigned i = 0; i < 5; i++) {
    const uint8_t o = r.u8();
    v = v << 7 | (o & 0x7f);
    if (!(o & 0x80)) return v;
  }
  r.require(false);
  return v;
}
uint64_t variable64(Reader& r) {                         // the ninth octet has eight bits
  uint64_t v = 0;
  for (unsigned i = 0; i < 8; i++) {
    const uint8_t o = r.u8();
    v = v << 7 | (o & 0x7f);
    if (!(o & 0x80)) return v;
  }
  return v << 8 | r.u8();
}

struct Question { uint16_t sequence = 0, function = 0, sub = 0; };

class Parser final : public vidra::Parser {
 public:
  explicit Parser(Pool& pool) : transport_(pool) {}
  Cut next(Side from, Bytes octets, bool segment_start, bool) override { return transport_.next(from, octets, segment_start); }
  void gap(Side from, uint64_t) override { transport_.gap(from), open_[size_t(from)] = false; }
  void parse(Bytes record, Side from, Speaker& say) override {
    const iso::Heard h = transport_.hear(record, from);
    if (h.kind != iso::Tpdu::data || h.malformed) return iso::say(h, from, say);
    if (h.whole) tsdu(h.tsdu, h.torn, from, say);
  }

 private:
  void tsdu(Bytes octets, bool torn, Side from, Speaker& say) {
    Message& m = say.begin();
    bool bad = false;
    Reader r{octets, bad};
    m.role = from == Side::client ? Role::request : Role::response;
    const uint8_t mark = r.u8(), version = r.u8();
    if (mark >= 0x14 && mark <= 0x17 && version == 3) {
      m.function = tls;
      m.encrypted = true;
      m.frame = 4;
      r.skip(1);
      r.skip(r.be16());
      m.malformed = bad;                                 // a TSDU may hold several records
      return say.end();
    }
    const uint16_t length = r.be16();
    m.frame = version >= 1 && version <= 3 ? version : 4;
    m.qualifier = version;
    if (mark != 0x72 || bad) {
      m.frame = 0;
      m.function = unreadable;
      m.retained = true;
      m.malformed = !torn || bad;
      return say.end();
    }
    if (version == 0xfe || version == 0xff) {
      m.function = system_event;
      m.role = Role::report;
      r.skip(length);
      m.malformed = bad;
      return say.end();
    }
    Reader d = r.sub(length);
    const bool last = bool(r);
    if (last) {
      r.require(r.u8() == 0x72 && r.u8() == version && r.be16() == 0);
      r.finish();
    }
    bool& open = open_[size_t(from)];
    if (open) {                                          // goes on
      open = !last;
      m.function = part;
      m.link = true;
      m.malformed = bad;
      return say.end();
    }
    open = !last && !bad;
    const Bytes whole = d.peek();
    bool body_bad = false;
    Reader b{whole, body_bad};
    if (version == 3 && b && whole[0] == 0x20) b.skip(33), m.qualifier |= 0x100;
    if (version >= 2 && whole.size() > 33 && whole[whole.size() - 33] == 0x20 && last) {
      m.qualifier |= 0x100;
      b = Reader{whole.first(whole.size() - 33), body_bad};
      if (version == 3 && whole[0] == 0x20) b.skip(33);
    }
    Identity who;
    pdu(b, whole, m, say, who);
    if (!last) m.retained = true;
    m.malformed |= bad || body_bad;
    say.end();
    if (who.model | who.firmware) say.identity(who);
  }

  void pdu(Reader& r, Bytes whole, Message& m, Speaker& say, Identity& who) {
    const uint8_t operation = r.u8();
    if (operation == notifies) {
      m.function = notification;
      m.role = Role::report;
      m.act = Act::report;
      say.point(Object(ObjectKind::item, r.be32()));
      m.retained = true;
      return;
    }
    if (operation != asks && operation != answers && operation != answers_streamed) {
      m.function = unreadable;
      m.retained = true;
      return;
    }
    r.skip(2);
    m.function = r.be16();
    r.skip(2);
    m.tag = r.be16();
    m.role = operation == asks ? Role::request : Role::response;
    if (operation == asks) {
      m.sequence = r.be32();
      r.skip(1);
      request(r, m, say);
      m.act = act_of(m.function, m.sub_function);
      Question& q = questions_[next_question_++ % questions_.size()];
      q = {uint16_t(m.tag), m.function, m.sub_function};
      session_ = m.sequence;
      return;
    }
    m.sequence = session_;
    m.unpaired = true;
    for (Question& q : questions_)
      if (q.sequence == m.tag && q.function == m.function) m.unpaired = false, m.sub_function = q.sub, q = Question{};
    m.act = act_of(m.function, m.sub_function);
    if (operation == answers_streamed) { m.retained = bool(r); return; }
    r.skip(1);
    const uint64_t result = variable64(r);
    if (int16_t(result & 0xffff) < 0) m.refused = true, m.reason = uint16_t(result & 0xffff);
    if (m.function == create_object && !m.refused) {
      for (uint8_t i = 0, n = r.u8(); i < n && r.ok(); i++) say.point(Object(ObjectKind::item, variable(r)));
      identity(whole, say, who);
    }
    m.retained |= bool(r);
  }

  void request(Reader& r, Message& m, Speaker& say) {
    switch (m.function) {
      case create_object: {
        const uint32_t where = r.be32();
        if (where == session_container) m.sub_function = 1;
        else if (where == m.sequence) m.sub_function = 2;          // subscriptions: another number with each session
        else say.point(Object(ObjectKind::item, where));
        m.retained = true;
        return;
      }
      case delete_object: {
        const uint32_t what = r.be32();
        if (what == m.sequence) m.sub_function = 1;
        else say.point(Object(ObjectKind::item, what));
        return;
      }
      case set_multi: case get_multi: {
        const uint32_t of = r.be32(), items = variable(r);
        uint32_t fields = variable(r);
        if (of) {                                        // attributes of one object
          const bool session = of == m.sequence;
          if (session && m.function == set_multi) m.sub_function = 1;
          for (uint32_t i = 0; i < items && r.ok(); i++) {
            const uint32_t attribute = variable(r);
            if (!session) { say.point(Object(ObjectKind::item, of, attribute)); continue; }
            std::array<char, 24> room;
            say.point(say.named({room.data(), size_t(std::snprintf(room.data(), room.size(), "attribute %u", attribute))}));
          }
        } else {
          for (uint32_t i = 0; i < items && fields && r.ok(); i++) address(r, fields, say);
        }
        m.retained |= m.function == set_multi;
        return;
      }
      case set_variable: {
        const uint32_t where = r.be32();
        if (where == m.sequence) m.sub_function = 1;
        else if (where == cpu_unit && variable(r)) say.point(Object(ObjectKind::item, where, variable(r)));
        else say.point(Object(ObjectKind::item, where));
        m.retained = bool(r);
        return;
      }
      case explore: case get_link: case invoke: case get_streamed: case set_streamed:
        say.point(Object(ObjectKind::item, r.be32()));
        m.retained = bool(r);
        return;
      default: m.retained = bool(r);
    }
  }

  // A variable by name: check sum, area, how many identifiers, area within, identifiers.
  static void address(Reader& r, uint32_t& fields, Speaker& say) {
    const uint32_t check = variable(r), area = variable(r);
    uint32_t n = variable(r);
    fields -= std::min(fields, n + 3);
    std::array<char, 96> room;
    size_t used = 0;
    switch (area) {
      case 80: used = size_t(std::snprintf(room.data(), room.size(), "I")); break;
      case 81: used = size_t(std::snprintf(room.data(), room.size(), "Q")); break;
      case 82: used = size_t(std::snprintf(room.data(), room.size(), "M")); break;
      case 83: used = size_t(std::snprintf(room.data(), room.size(), "C")); break;
      case 84: used = size_t(std::snprintf(room.data(), room.size(), "T")); break;
      default:
        used = size_t(area >> 16 == 0x8a0e ? std::snprintf(room.data(), room.size(), "DB%u", area & 0xffff) : std::snprintf(room.data(), room.size(), "object %u", area));
    }
    if (check) used += size_t(std::snprintf(room.data() + used, room.size() - used, " #%08x", check));
    for (; n && r.ok(); n--) {
      const uint32_t id = variable(r);
      if (used + 12 < room.size()) used += size_t(std::snprintf(room.data() + used, room.size() - used, ".%x", id));
    }
    if (r.ok()) say.point(say.named({room.data(), used}));
  }

  // "1;6ES7 212-1BE31-0XB0 ;V3.0" in the attributes of a new session.
  static void identity(Bytes whole, Speaker& say, Identity& who) {
    const std::string_view text = text_of(whole);
    const size_t at = text.find("1;6");
    if (at == text.npos) return;
    const size_t second = text.find(";V", at + 2);
    if (second == text.npos || second - at > 40) return;
    std::string_view model = text.substr(at + 2, second - at - 2);
    while (!model.empty() && model.back() == ' ') model.remove_suffix(1);
    size_t end = second + 1;
    while (end < text.size() && end < second + 12 && (text[end] == 'V' || text[end] == '.' || (text[end] >= '0' && text[end] <= '9'))) end++;
    for (char c : model)
      if (c < ' ' || c > '~') return;
    who.model = say.text(model);
    who.firmware = say.text(text.substr(second + 1, end - second - 1));
  }

  iso::Transport transport_;
  std::array<bool, 2> open_{};                           // a PDU's further parts are awaited
  uint32_t session_ = 0;
  std::array<Question, 16> questions_;
  uint32_t next_question_ = 0;
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
  const auto root = [](Bytes tsap) { return text_of(tsap).substr(0, 12) == "SIMATIC-ROOT"; };
  if (!g.parts) {
    w.possible = root(g.called) || root(g.calling);
    return w;
  }
  bool bad = false;
  Reader r{g.first, bad};
  const uint8_t mark = r.u8(), version = r.u8();
  const uint16_t length = r.be16();
  if (bad) { w.possible = mark == 0x72 || g.first.empty(); return w; }
  if (mark >= 0x14 && mark <= 0x17 && version == 3) {    // joined after TLS began
    w.possible = true;
    return w;
  }
  w.possible = mark == 0x72 && (version == 1 || version == 2 || version == 3 || version >= 0xfe) && length >= 1;
  if (!w.possible) return w;
  if (version == 3 && r && r.peek()[0] == 0x20) r.skip(33);
  const uint8_t operation = r.u8();
  const uint16_t zero = r.be16(), function = r.be16();
  if (bad) return w;
  w.asks = operation == asks, w.answers = operation == answers || operation == notifies || operation == answers_streamed;
  w.sure = operation == notifies ? zero != 0xffff : (w.asks || w.answers) && zero == 0 && known(function);
  return w;
}
Recognised recognises(Bytes up, Bytes down, Carrier carrier) { return iso::recognise(up, down, carrier, look); }

constexpr Port ports[] = {{Carrier::tcp, 102}};
std::string_view reason(uint16_t code) { return iso::reason(code); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {
    "s7plus", "S7comm-plus", ports, recognises, [](Pool& pool) -> vidra::Parser* { return pool.make<Parser>(pool); }, functions, frames, reason,
    "not published; S7comm-plus as public analyses know it (versions 1 to 3), over RFC 1006 and ISO 8073 class 0",
    "values, programs, results of explore, contents of notifications; integrity parts are seen, not checked; what TLS carries"};

}  // namespace vidra::s7plus
