// SPDX-License-Identifier: Apache-2.0
// Kerberos 5 (RFC 4120) over UDP and TCP: who asks for which ticket in which realm, with which encryption, and why it is refused.
//
// function is the message type (10 AS-REQ … 30 KRB-ERROR); reason an error's code; qualifier the encryption type of the ticket given, or
// the first one asked for. Where an AS-REQ proves nothing beforehand, "pre-authentication" says "none".
#include "dissectors/ber.h"
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::kerberos {
namespace {

enum Type : uint8_t { as_request = 10, as_reply = 11, ticket_request = 12, ticket_reply = 13, ap_request = 14, ap_reply = 15, safe = 20, priv = 21, cred = 22, error = 30 };
constexpr Function functions[] = {
    {10, 0xffff, "AS request", Act::session},
    {11, 0xffff, "AS reply", Act::session},
    {12, 0xffff, "TGS request", Act::session},
    {13, 0xffff, "TGS reply", Act::session},
    {14, 0xffff, "AP request", Act::session},
    {15, 0xffff, "AP reply", Act::session},
    {20, 0xffff, "safe message", Act::session},
    {21, 0xffff, "private message", Act::session},
    {22, 0xffff, "credentials", Act::session},
    {30, 0xffff, "error", Act::session},
};

std::string_view reason(uint16_t code) {   // RFC 4120, 7.5.9
  switch (code) {
    case 3: return "protocol version";
    case 6: return "client unknown";
    case 7: return "server unknown";
    case 9: return "null key";
    case 12: return "policy";
    case 13: return "bad option";
    case 14: return "encryption type not supported";
    case 18: return "credentials revoked";
    case 23: return "password expired";
    case 24: return "pre-authentication failed";
    case 25: return "pre-authentication required";
    case 29: return "service unavailable";
    case 31: return "integrity check failed";
    case 32: return "ticket expired";
    case 33: return "ticket not yet valid";
    case 34: return "request is a replay";
    case 35: return "not for us";
    case 37: return "clock skew";
    case 41: return "message modified";
    case 52: return "answer too big";
    case 60: return "generic error";
    case 68: return "wrong realm";
    default: return {};
  }
}

std::string_view encryption(int64_t type) {   // RFC 3961, 3962, 4757
  switch (type) {
    case 1: return "DES-CBC-CRC";
    case 3: return "DES-CBC-MD5";
    case 16: return "DES3-CBC-SHA1";
    case 17: return "AES128";
    case 18: return "AES256";
    case 19: return "AES128-SHA256";
    case 20: return "AES256-SHA384";
    case 23: return "RC4";
    case 24: return "RC4-export";
    default: return "other";
  }
}

bool known(uint8_t type) {
  for (const Function& f : functions)
    if (f.number == type) return true;
  return false;
}

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes b, bool, bool) override {   // of streams: a length of four octets (RFC 4120, 7.2.2)
    if (b.size() < 5) return b.empty() || b[0] == 0 ? Cut{Cut::need, 5} : Cut{Cut::lost, 0};
    const size_t n = size_t(b[0]) << 24 | size_t(b[1]) << 16 | size_t(b[2]) << 8 | b[3];
    if (n < 10 || n > 65'535 || (b[4] & 0xe0) != 0x60 || !known(b[4] & 0x1f)) return {Cut::lost, 0};
    return {Cut::take, 4 + n};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = Act::session;
    Reader r{record, m.malformed};
    if (!record.empty() && record[0] == 0) r.require(r.be32() == record.size() - std::min<size_t>(record.size(), 4));
    Tlv t = tlv(r);
    r.finish();
    r.require((t.tag & 0xe0) == 0x60 && known(t.tag & 0x1f));
    m.function = t.tag & 0x1f;
    Tlv sequence = tlv(t.body);
    r.require(sequence.tag == 0x30);
    if (m.malformed) return say.end();
    Reader& b = sequence.body;
    switch (m.function) {
      case as_request: case ticket_request: ask(b, m, say); break;
      case as_reply: case ticket_reply: give(b, m, say); break;
      case error: refuse(b, m, say); break;
      default: break;
    }
    say.end();
  }

  void gap(Side, uint64_t) override {}

 private:
  // RFC 4120, 5.2.2: name-type, sequence of texts; said with slashes.
  static std::string_view principal(Reader b, std::array<char, 200>& to) {
    Tlv s = tlv(b);
    tlv(s.body);
    Tlv names = tlv(s.body), list = tlv(names.body);
    size_t used = 0;
    for (int i = 0; list.body && i < 8; i++) {
      const Tlv one = tlv(list.body);
      const Bytes n = one.body.peek();
      if (used + n.size() + 1 > to.size()) break;
      if (used) to[used++] = '/';
      if (!n.empty()) std::memcpy(to.data() + used, n.data(), n.size());
      used += n.size();
    }
    return {to.data(), used};
  }
  static int64_t integer(Reader b) {
    Tlv t = tlv(b);
    return b.ok() && t.body.left() ? signed_of(t.body) : 0;
  }
  static void realm(Reader b, Speaker& say) {
    const Tlv t = tlv(b);
    if (b.ok()) tell(say, "realm", text_of(t.body.peek()));
  }

  void ask(Reader& b, Message& m, Speaker& say) {   // KDC-REQ, 5.4.1
    std::array<char, 200> room;
    bool proves = false;
    m.role = Role::request;
    while (b) {
      Tlv field = tlv(b);
      if (field.tag == 0xa3) {                         // PA-DATA: 2 encrypted timestamp, 16 and 17 PKINIT, 138 challenge
        Tlv list = tlv(field.body);
        for (int i = 0; list.body && i < 32; i++) {
          Tlv one = tlv(list.body);
          const Tlv type = tlv(one.body);
          const int64_t p = integer(type.body);
          proves |= p == 2 || p == 14 || p == 15 || p == 16 || p == 138;
        }
      } else if (field.tag == 0xa4) {
        Tlv body = tlv(field.body);
        while (body.body) {
          Tlv f = tlv(body.body);
          if (f.tag == 0xa1) tell(say, "client", principal(f.body, room));
          else if (f.tag == 0xa2) realm(f.body, say);
          else if (f.tag == 0xa3) tell(say, "service", principal(f.body, room));
          else if (f.tag == 0xa8) {
            Tlv types = tlv(f.body);
            Tlv first = tlv(types.body);
            if (b.ok() && first.body.left()) {
              const int64_t e = signed_of(first.body);
              m.qualifier = uint32_t(e);
              tell(say, "encryption", encryption(e));
            }
          }
        }
      }
    }
    if (m.function == as_request && b.ok()) tell(say, "pre-authentication", proves ? "given" : "none");
  }

  void give(Reader& b, Message& m, Speaker& say) {   // KDC-REP, 5.4.2
    std::array<char, 200> room;
    m.role = Role::response;
    while (b) {
      Tlv field = tlv(b);
      if (field.tag == 0xa3) realm(field.body, say);
      else if (field.tag == 0xa4) tell(say, "client", principal(field.body, room));
      else if (field.tag == 0xa5) {                    // the ticket, 5.3
        Tlv ticket = tlv(field.body), s = tlv(ticket.body);
        while (s.body) {
          Tlv f = tlv(s.body);
          if (f.tag == 0xa2) tell(say, "service", principal(f.body, room));
          if (f.tag == 0xa3) {
            Tlv part = tlv(f.body);
            const Tlv type = tlv(part.body);
            const int64_t e = integer(type.body);
            m.qualifier = uint32_t(e);
            if (b.ok()) tell(say, "encryption", encryption(e));
          }
        }
      }
    }
  }

  void refuse(Reader& b, Message& m, Speaker& say) {   // KRB-ERROR, 5.9.1
    std::array<char, 200> room;
    m.role = Role::response;
    m.refused = true;
    while (b) {
      Tlv field = tlv(b);
      if (field.tag == 0xa6) m.reason = uint16_t(integer(field.body));
      else if (field.tag == 0xa8) tell(say, "client", principal(field.body, room));
      else if (field.tag == 0xa9) realm(field.body, say);
      else if (field.tag == 0xaa) tell(say, "service", principal(field.body, room));
    }
    m.refused = m.reason != 25;                        // "pre-authentication required" is an ordinary first answer
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp && carrier != Carrier::udp) return {};
  // APPLICATION n { SEQUENCE { [0 or 1] INTEGER 5, [1 or 2] INTEGER n …: version and type say the same as the tag
  const auto look = [carrier](Bytes b) -> uint8_t {
    if (carrier == Carrier::tcp) {
      if (b.size() < 20 || b[0] != 0 || b[1] != 0) return 0;
      b = b.subspan(4);
    }
    if (b.size() < 16 || (b[0] & 0xe0) != 0x60 || !known(b[0] & 0x1f)) return 0;
    const auto head = [](uint8_t o) { return o < 0x80 ? size_t{2} : size_t{2} + (o & 0x7f); };
    size_t at = head(b[1]);
    if (at + 2 > b.size() || b[at] != 0x30) return 0;
    at += head(b[at + 1]);
    if (at + 10 > b.size()) return 0;
    const Bytes v = b.subspan(at, 10);
    const uint8_t type = b[0] & 0x1f;
    const uint8_t first = type == as_request || type == ticket_request ? 0xa1 : 0xa0;
    return v[0] == first && v[1] == 3 && v[2] == 2 && v[3] == 1 && v[4] == 5 && v[5] == first + 1 && v[6] == 3 && v[7] == 2 && v[8] == 1 && v[9] == type ? type : uint8_t(0);
  };
  const uint8_t a = up.empty() ? 0 : look(up), b = down.empty() ? 0 : look(down);
  if (!(a | b)) return {};
  if ((!up.empty() && !a) || (!down.empty() && !b)) return {Recognised::maybe, Recognised::unknown};   // one way from the middle of a message
  const auto asks = [](uint8_t t) { return t == as_request || t == ticket_request || t == ap_request; };
  return {Recognised::yes, a ? (asks(a) ? Recognised::up : Recognised::down) : asks(b) ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 88}, {Carrier::tcp, 88}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"kerberos", "Kerberos", ports, recognises, open, functions, {}, reason,
                           "RFC 4120 (5.2, 5.3, 5.4, 5.9, 7.2), RFC 3961, RFC 4757",
                           "encrypted parts, options, addresses and times; Kerberos inside other protocols; password changes (port 464)"};

}  // namespace vidra::kerberos
