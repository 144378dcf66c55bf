// SPDX-License-Identifier: Apache-2.0
// LDAP version 2 and 3 (RFC 4511) over TCP and connectionless over UDP: binds by name and kind, searches by base, changes, results.
//
// function is the operation's application tag; tag the message id; reason the result code. A simple bind's password is reduced to none,
// vendor default or other; of SASL the mechanism is said, of NTLM who and whence. Behind StartTLS and a security layer of SASL
// nothing is read (256, once a direction).
#include "dissectors/ber.h"
#include "dissectors/ntlm.h"
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::ldap {
namespace {

enum Operation : uint16_t { bind = 0, bind_response = 1, unbind = 2, search = 3, entry = 4, done = 5, modify = 6, add = 8, del = 10, modify_dn = 12, compare = 14, abandon = 16, reference = 19,
                            extended = 23, extended_response = 24, intermediate = 25, protected_layer = 256 };
constexpr Function functions[] = {
    {0, 0xffff, "bind", Act::session},
    {1, 0xffff, "bind result", Act::session},
    {2, 0xffff, "unbind", Act::session},
    {3, 0xffff, "search", Act::browse},
    {4, 0xffff, "search entry", Act::browse},
    {5, 0xffff, "search done", Act::browse},
    {6, 0xffff, "modify", Act::write},
    {7, 0xffff, "modify result", Act::write},
    {8, 0xffff, "add", Act::write},
    {9, 0xffff, "add result", Act::write},
    {10, 0xffff, "delete", Act::write},
    {11, 0xffff, "delete result", Act::write},
    {12, 0xffff, "modify DN", Act::write},
    {13, 0xffff, "modify DN result", Act::write},
    {14, 0xffff, "compare", Act::read},
    {15, 0xffff, "compare result", Act::read},
    {16, 0xffff, "abandon", Act::session},
    {19, 0xffff, "search reference", Act::browse},
    {23, 0xffff, "extended", Act::session},
    {24, 0xffff, "extended result", Act::session},
    {25, 0xffff, "intermediate", Act::session},
    {256, 0xffff, "protected message", Act::other},
};
constexpr auto known = [] {
  std::array<bool, 32> k{};
  for (const Function& f : functions)
    if (f.number < 32) k[f.number] = true;
  return k;
}();

std::string_view reason(uint16_t code) {   // RFC 4511, 4.1.9
  switch (code) {
    case 1: return "operations error";
    case 2: return "protocol error";
    case 3: return "time limit exceeded";
    case 4: return "size limit exceeded";
    case 5: return "compare false";
    case 6: return "compare true";
    case 7: return "authentication method not supported";
    case 8: return "stronger authentication required";
    case 10: return "referral";
    case 11: return "administrative limit exceeded";
    case 12: return "critical extension unavailable";
    case 13: return "confidentiality required";
    case 14: return "SASL bind in progress";
    case 16: return "no such attribute";
    case 20: return "attribute or value exists";
    case 32: return "no such object";
    case 34: return "invalid DN syntax";
    case 48: return "inappropriate authentication";
    case 49: return "invalid credentials";
    case 50: return "insufficient access rights";
    case 51: return "busy";
    case 52: return "unavailable";
    case 53: return "unwilling to perform";
    case 65: return "object class violation";
    case 68: return "entry already exists";
    case 80: return "other";
    default: return {};
  }
}

constexpr size_t looked_at = 16'384, longest = 4 << 20;

// Octets of the message that begins here by its BER length; 0 where that is still to come, longest + 1 where none begins.
size_t message_octets(Bytes b) {
  if (b.empty()) return 0;
  if (b[0] != 0x30) return longest + 1;
  if (b.size() < 2) return 0;
  if (b[1] < 0x80) return size_t{2} + b[1];
  const size_t more = b[1] & 0x7f;
  if (more == 0 || more > 4) return longest + 1;
  if (b.size() < 2 + more) return 0;
  size_t n = 0;
  for (size_t i = 0; i < more; i++) n = n << 8 | b[2 + i];
  return n > longest ? longest + 1 : 2 + more + n;
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    Half& h = half_[size_t(side)];
    if (h.rest) {
      const size_t n = h.rest;
      h.rest = 0;
      return {Cut::skip, n};
    }
    if (encrypted_) return {Cut::skip, std::max<size_t>(b.size(), 1)};
    if (layered_ && !b.empty() && b[0] != 0x30) {          // RFC 4422, 3.7: a length, then what the mechanism protects
      if (b.size() < 4) return {Cut::need, 4};
      const size_t n = size_t(b[0]) << 24 | size_t(b[1]) << 16 | size_t(b[2]) << 8 | b[3];
      if (n == 0 || n > longest) return {Cut::lost, 0};
      if (h.told) return {Cut::skip, 4 + n};
      if (4 + n > looked_at) return h.told = true, Cut{Cut::skip, 4 + n};
      return {Cut::take, 4 + n};
    }
    const size_t n = message_octets(b);
    if (n > longest || (!h.in_step && !segment_start)) return h.in_step = false, Cut{Cut::lost, 0};
    if (n == 0) return closed ? Cut{Cut::lost, 0} : Cut{Cut::need, b.size() + 1};
    h.in_step = true;
    return {Cut::take, std::min(n, looked_at)};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    for (size_t n = message_octets(record); n && n < record.size() && record.size() <= looked_at; n = message_octets(record)) {   // a datagram may hold several
      one(record.first(n), side, say);
      record = record.subspan(n);
    }
    one(record, side, say);
  }

  void gap(Side side, uint64_t) override { half_[size_t(side)] = {}; }

 private:
  struct Half { size_t rest = 0; bool in_step = false, told = false; };

  void one(Bytes record, Side side, Speaker& say) {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    Half& h = half_[size_t(side)];
    if (layered_ && !record.empty() && record[0] != 0x30) {
      m.function = protected_layer, m.encrypted = h.told = true;
      Reader r{record, m.malformed};
      r.skip(r.be32());
      r.finish();
      return say.end();
    }
    bool bad = false;                                       // of a message whose end was passed over, the end is not missed
    Reader r{record, bad};
    const size_t whole = message_octets(record);
    const bool long_one = record.size() == looked_at && whole > looked_at && whole <= longest;
    m.malformed = whole != record.size() && !long_one;
    m.retained = long_one;
    if (long_one) {
      h.rest = whole - looked_at;
      r.skip(2 + (record[1] & 0x80 ? record[1] & 0x7fu : 0));
      message(r, m, say, true);
    } else {
      Tlv t = tlv(r);
      message(t.body, m, say, false);
      m.malformed |= bad;
    }
    say.end();
  }

  static Object dn(Speaker& say, std::string_view s) { return kept_name(say, s.empty() ? std::string_view("(root)") : s); }
  static std::string_view text(Reader& r, uint32_t tag = 0x04) {
    Tlv t = tlv(r);
    r.require(t.tag == tag);
    return r.ok() ? text_of(t.body.peek()) : std::string_view{};
  }

  void message(Reader& b, Message& m, Speaker& say, bool long_one) {
    Tlv id = tlv(b);
    b.require(id.tag == 0x02);
    if (b.ok()) m.tag = uint32_t(unsigned_of(id.body));
    if (long_one) {                                         // its operation's end lies in what was passed over
      m.function = b.u8() & 0x1f;
      for (const Function& f : functions)
        if (f.number == m.function) m.act = f.act;
      return;
    }
    Tlv op = tlv(b);
    b.require((op.tag & 0xc0) == 0x40 && op.tag <= 0x7f && known[op.tag & 0x1f]);
    m.function = op.tag & 0x1f;
    for (const Function& f : functions)
      if (f.number == m.function) m.act = f.act;
    if (!b.ok()) return;
    if (b) {                                                // controls
      const Tlv controls = tlv(b);
      b.require(controls.tag == 0xa0);
    }
    b.finish();
    Reader& r = op.body;
    m.role = m.function == bind || m.function == unbind || m.function == search || m.function == modify || m.function == add || m.function == del || m.function == modify_dn ||
                     m.function == compare || m.function == abandon || m.function == extended ? Role::request : Role::response;
    switch (m.function) {
      case bind: {
        tlv(r);
        const std::string_view name = text(r);
        Tlv how = tlv(r);
        if (!r.ok()) break;
        if (how.tag == 0x80) {
          say.point(dn(say, name));
          tell(say, "authentication", name.empty() && !how.body.left() ? "anonymous" : "simple");
          tell_secret(say, "password", password_kind(common_name(name), text_of(how.body.peek())));
        } else if (how.tag == 0xa3) {
          const std::string_view mechanism = text(how.body);
          tell(say, "authentication", mechanism);
          if (how.body) tell_ntlm(ntlm_in(how.body.peek()), say);
          sasl_ = true;
        } else {
          tell(say, "authentication", how.tag == 0x89 || how.tag == 0x8a || how.tag == 0x8b ? "NTLM" : "other");   // MS-ADTS 5.1.1.1.3
          tell_ntlm(ntlm_in(how.body.peek()), say);
          sasl_ = true;
        }
        break;
      }
      case search: {
        say.point(dn(say, text(r)));
        Tlv scope = tlv(r);
        if (r.ok()) {
          const uint64_t s = unsigned_of(scope.body);
          tell(say, "scope", s == 0 ? "base" : s == 1 ? "one level" : s == 2 ? "subtree" : "other");
        }
        break;
      }
      case del: say.point(kept_name(say, text_of(r.rest()))); break;
      case entry: case modify: case add: case modify_dn: case compare: {
        say.point(dn(say, text(r)));
        if (m.function == modify) {                          // which attributes; their values are not said
          Tlv changes = tlv(r);
          for (int n = 0; changes.body && n < 16; n++) {
            Tlv change = tlv(changes.body);
            tlv(change.body);
            Tlv attribute = tlv(change.body);
            const std::string_view name = text(attribute.body);
            if (r.ok()) tell(say, "attribute", name);
          }
        }
        break;
      }
      case bind_response: case done: case 7: case 9: case 11: case 13: case 15: case extended_response: {
        Tlv code = tlv(r);
        r.require(code.tag == 0x0a);
        if (!r.ok()) break;
        m.reason = uint16_t(std::min<uint64_t>(unsigned_of(code.body), 0xffff));
        m.refused = m.reason != 0 && m.reason != 14 && m.reason != 5 && m.reason != 6 && m.reason != 10;
        if (m.function == bind_response && m.reason == 0 && sasl_) layered_ = true;
        if (m.function == extended_response && m.reason == 0 && tls_asked_) encrypted_ = true;
        break;
      }
      case extended: {
        const std::string_view name = text(r, 0x80);
        if (r.ok()) tell(say, "operation", name == "1.3.6.1.4.1.1466.20037" ? "StartTLS" : name == "1.3.6.1.4.1.4203.1.11.1" ? "password modify" : name);
        tls_asked_ = name == "1.3.6.1.4.1.1466.20037";
        break;
      }
      default: break;
    }
  }

  static std::string_view common_name(std::string_view dn) {   // "admin" of "cn=admin,dc=alder"
    const size_t equals = dn.find('=');
    if (equals == std::string_view::npos) return dn.substr(0, dn.find('@'));
    return dn.substr(equals + 1, dn.find(',') - equals - 1);
  }

  Half half_[2];
  bool sasl_ = false, layered_ = false, tls_asked_ = false, encrypted_ = false;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp && carrier != Carrier::udp) return {};
  enum class Seen : uint8_t { nothing, no, asks, answers };
  const auto look = [](Bytes b) {
    if (b.empty()) return Seen::nothing;
    bool bad = false;
    Reader r{b, bad};
    const size_t n = message_octets(b);
    if (n == 0 || n > longest) return Seen::no;
    r.skip(2 + (b[1] & 0x80 ? b[1] & 0x7fu : 0));
    Tlv id = tlv(r);
    const uint8_t op = r.u8();
    if (bad || id.tag != 0x02 || id.body.left() < 1 || id.body.left() > 4 || (op & 0xc0) != 0x40 || !known[op & 0x1f]) return Seen::no;
    const uint16_t o = op & 0x1f;
    const bool primitive = o == unbind || o == del || o == abandon;
    if (primitive == ((op & 0x20) != 0)) return Seen::no;
    uint64_t length = r.u8();                              // the operation must end with the message, or leave room for controls
    if (length > 0x80 && length <= 0x84) {
      unsigned octets = unsigned(length & 0x7f);
      for (length = 0; octets; octets--) length = length << 8 | r.u8();
    } else if (length >= 0x80) {
      return Seen::no;
    }
    const size_t at = b.size() - r.left();
    if (bad || at + length > n) return Seen::no;
    if (at + length < n && at + length < b.size() && b[at + length] != 0xa0) return Seen::no;
    if (o == unbind && length != 0) return Seen::no;
    if (length < 3 && !primitive) return Seen::no;
    if (o == bind && (r.u8() != 0x02 || r.u8() != 1 || (r.u8() | 1) != 3)) return Seen::no;
    if ((o == search || o == entry || o == add || o == modify || o == modify_dn || o == compare) && r.u8() != 0x04) return Seen::no;
    if ((o == bind_response || o == done || (o >= 7 && o <= 15 && o % 2)) && (r.u8() != 0x0a || r.u8() != 1)) return Seen::no;
    return o == bind || o == unbind || o == search || o == modify || o == add || o == del || o == modify_dn || o == compare || o == abandon || o == extended ? Seen::asks : Seen::answers;
  };
  const Seen a = look(up), b = look(down);
  if (a == Seen::no || b == Seen::no || (a == Seen::nothing && b == Seen::nothing) || a == b) return {};
  return {Recognised::yes, a == Seen::asks || b == Seen::answers ? Recognised::up : Recognised::down};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 389}, {Carrier::udp, 389}, {Carrier::tcp, 3268}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ldap", "LDAP", ports, recognises, open, functions, {}, reason,
                           "RFC 4511 4, RFC 4513 (StartTLS), RFC 4422 3.7, MS-ADTS 5.1.1.1.3, MS-NLMP in SASL",
                           "filters, attributes of entries and all values; controls; messages behind a SASL security layer or StartTLS"};

}  // namespace vidra::ldap
