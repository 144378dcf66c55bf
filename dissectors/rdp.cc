// SPDX-License-Identifier: Apache-2.0
// RDP's connection (MS-RDPBCGR 1.3.1, 2.2.1): the negotiation in X.224's connection request and confirm with the user's cookie, and the
// client's name where standard security leaves it in the clear. What follows is encrypted, is said so once a direction, and passed over.
//
// function is the X.224 code: 224 request, 208 confirm, 240 data; 256 what is encrypted. qualifier: protocols asked for or chosen, as bits
// (0 RDP, 1 TLS, 2 CredSSP, 8 CredSSP early, 16 AAD). reason is a negotiation failure's code.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::rdp {
namespace {

constexpr uint16_t request = 224, confirm = 208, data = 240, encrypted = 256;
constexpr Function functions[] = {
    {confirm, 0xffff, "connection confirm", Act::session},
    {request, 0xffff, "connection request", Act::session},
    {data, 1, "MCS connect", Act::session},
    {data, 0xffff, "data", Act::session},
    {encrypted, 0xffff, "encrypted", Act::session},
};

std::string_view reason(uint16_t code) {   // MS-RDPBCGR 2.2.1.2.2
  constexpr std::string_view names[] = {"", "TLS required", "TLS not allowed", "no certificate", "flags inconsistent", "CredSSP required", "TLS with user authentication required"};
  return code < std::size(names) ? names[code] : std::string_view{};
}

constexpr size_t tpkt_octets = 4, longest = 8192;
bool is_tpkt(Bytes b) { return b.size() >= 5 && b[0] == 3 && b[1] == 0; }
size_t tpkt_length(Bytes b) { return size_t(b[2]) << 8 | b[3]; }

// The variable part of a connection request or confirm: cookie or routing token, then a negotiation structure of eight octets.
struct Negotiation {
  std::string_view cookie;
  uint8_t type = 0;                // 1 request, 2 response, 3 failure
  uint32_t value = 0;
  bool right = false;              // nothing else stands there
};
Negotiation negotiation_of(Bytes b) {
  Negotiation n;
  if (text_of(b).substr(0, 8) == "Cookie: ") {
    const size_t end = line_octets(b);
    if (!end) return n;
    n.cookie = without_line_end(text_of(b.first(end)));
    b = b.subspan(end);
  }
  bool bad = false;
  Reader r{b, bad};
  if (r) {
    n.type = r.u8();
    r.u8();
    const uint16_t length = r.le16();
    n.value = r.le32();
    if (bad || length != 8 || n.type < 1 || n.type > 3) return n;
    if (n.type == 1 && r.left() == 36) r.rest();          // correlation (2.2.1.1.2)
    if (r) return n;
  }
  n.right = !n.cookie.empty() || n.type;
  return n;
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    bool& over = over_[size_t(side)];
    if (over) return {Cut::skip, std::max<size_t>(b.size(), 1)};
    if (b.size() < tpkt_octets + 1) return closed ? Cut{Cut::lost, 0} : Cut{Cut::need, tpkt_octets + 1};
    if (!is_tpkt(b)) {
      if (confirmed_ && segment_start) return {Cut::take, b.size()};   // fast path or TLS: said once by parse
      return {Cut::lost, 0};
    }
    const size_t n = tpkt_length(b);
    if (n < 7 || n > longest) return {Cut::lost, 0};
    return {Cut::take, n};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = Act::session;
    if (confirmed_ && !record.empty() && !is_tpkt(record)) {
      over_[size_t(side)] = m.encrypted = true;
      m.function = encrypted;
      m.malformed = record.size() < 2;
      return say.end();
    }
    Reader r{record, m.malformed};
    r.require(r.be16() == 0x0300);
    r.require(r.be16() == record.size());
    const uint8_t length = r.u8();
    const uint8_t code = r.u8();
    m.function = code & 0xf0;
    r.require(m.function == request || m.function == confirm || code == data);
    if (m.malformed) return say.end();
    if (code == data) return payload(r, length, side, m, say);
    r.skip(5);
    r.require(length + size_t{1} + tpkt_octets == record.size());
    const Bytes variable = r.rest();
    const Negotiation n = negotiation_of(variable);
    if (!m.malformed) m.malformed = !variable.empty() && !n.right;
    if (m.malformed) return say.end();
    m.role = m.function == request ? Role::request : Role::response;
    if (!n.cookie.empty()) {
      const std::string_view s = n.cookie.substr(8);
      if (begins(s, "mstshash=")) tell(say, "user", s.substr(9));
      else tell_octets(say, "routing token", s.size());
    }
    if (n.type == 3) {
      m.refused = true;
      m.reason = uint16_t(n.value);
    } else if (n.type) {
      m.qualifier = n.value;
      tell(say, n.type == 1 ? "security offered" : "security", n.value & 8 ? "CredSSP early" : n.value & 2 ? "CredSSP" : n.value & 1 ? "TLS" : n.value & 16 ? "AAD" : "RDP");
    }
    if (m.function == confirm && n.type != 3) confirmed_ = true, standard_ = n.type == 0 || n.value == 0;
    say.end();
  }

  void gap(Side side, uint64_t) override {
    if (confirmed_) over_[size_t(side)] = true;
  }

 private:
  void payload(Reader& r, uint8_t length, Side side, Message& m, Speaker& say) {
    m.function = data;
    r.require(length == 2);
    r.u8();
    const Bytes mcs = r.rest();
    if (mcs.size() > 2 && mcs[0] == 0x7f && mcs[1] == 0x65) {   // T.125 Connect-Initial, with GCC's client core data in it (2.2.1.3.2)
      m.sub_function = 1;
      client_name(mcs, say);
    } else if (confirmed_ && standard_ && mcs.size() > 2 && mcs[0] == 0x7f) {
      m.sub_function = 1;
    } else {
      if (++plain_[size_t(side)] > 32) over_[size_t(side)] = m.encrypted = true;
      tell_octets(say, "data", mcs.size());
    }
    say.end();
  }
  static void client_name(Bytes mcs, Speaker& say) {
    for (size_t i = 0; i + 60 < mcs.size(); i++) {
      if (mcs[i] != 0x01 || mcs[i + 1] != 0xc0) continue;
      const size_t n = mcs[i + 2] | size_t(mcs[i + 3]) << 8;
      if (n < 132 || n > 1024 || i + 24 + 32 > mcs.size() || mcs[i + 6] != 0x08) continue;
      std::array<char, 100> room;
      tell(say, "client", utf8_of(mcs.subspan(i + 24, 32), room));
      return;
    }
  }

  bool over_[2] = {}, confirmed_ = false, standard_ = false;
  uint8_t plain_[2] = {};
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  enum class Seen : uint8_t { nothing, no, bare, asks, answers };
  const auto look = [](Bytes b) {
    if (b.empty()) return Seen::nothing;
    if (!is_tpkt(b) || b.size() < 11) return Seen::no;
    const size_t n = tpkt_length(b);
    if (n < 11 || n > b.size() || n > 600 || b[4] != n - 5 || (b[5] != request && b[5] != confirm) || b[10] != 0) return Seen::no;
    const Bytes variable = b.subspan(11, n - 11);
    if (variable.empty()) return Seen::bare;
    const Negotiation g = negotiation_of(variable);
    if (!g.right || (g.type && (g.type == 1) != (b[5] == request)) || (g.value > 0x1f)) return Seen::no;
    return b[5] == request ? Seen::asks : Seen::answers;
  };
  const Seen a = look(up), b = look(down);
  if (a == Seen::asks || b == Seen::answers) return {b == Seen::no && !down.empty() ? Recognised::maybe : Recognised::yes, Recognised::up};
  if (b == Seen::asks || a == Seen::answers) return {a == Seen::no && !up.empty() ? Recognised::maybe : Recognised::yes, Recognised::down};
  if (a == Seen::no || b == Seen::no) return {};
  if (a == Seen::bare) return {Recognised::maybe, up[5] == request ? Recognised::up : Recognised::down};
  if (b == Seen::bare) return {Recognised::maybe, down[5] == request ? Recognised::down : Recognised::up};
  return {};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 3389}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"rdp", "RDP", ports, recognises, open, functions, {}, reason,
                           "MS-RDPBCGR 2.2.1.1, 2.2.1.2, 2.2.1.3.2; X.224 over RFC 1006",
                           "all that follows the negotiation, which is encrypted; UDP transport"};

}  // namespace vidra::rdp
