// SPDX-License-Identifier: Apache-2.0
// SNMP v1 (RFC 1157), v2c (RFC 1901, RFC 3416) and v3 (RFC 3412, RFC 3414). Objects are named by their identifiers as text, the system
// and interfaces groups by their names. A community is reduced to none, vendor default or other; a v3 user is only said to be there.
//
// function is the PDU's own tag number, or 256 where v3 keeps it encrypted; frame is the version; tag the request-id (of a v1 trap: its
// generic trap; its specific one is the qualifier); reason the error-status; the object at error-index has it as its status.
// Texts are said where they are of the groups that describe a device (1.3.6.1.2.1); any other string is a number of octets.
#include "dissectors/ber.h"
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"
#include "dissectors/waiting.h"

namespace vidra::snmp {
namespace {

enum Pdu : uint16_t { get = 0, get_next = 1, response = 2, set = 3, trap_v1 = 4, get_bulk = 5, inform = 6, trap = 7, report = 8, encrypted = 256 };

constexpr Function functions[] = {
    {get, 0xffff, "get", Act::read},
    {get_next, 0xffff, "get next", Act::browse},
    {response, 0xffff, "response", Act::read},
    {set, 0xffff, "set", Act::write},
    {trap_v1, 0xffff, "trap (v1)", Act::report},
    {get_bulk, 0xffff, "get bulk", Act::browse},
    {inform, 0xffff, "inform", Act::report},
    {trap, 0xffff, "trap", Act::report},
    {report, 0xffff, "report", Act::diagnose},
    {encrypted, 0xffff, "encrypted PDU", Act::other},
};
constexpr std::string_view frames[] = {"v1", "v2c", "v3"};

std::string_view reason(uint16_t status) {   // RFC 3416, 3
  constexpr std::string_view names[] = {"", "too big", "no such name", "bad value", "read only", "general error", "no access", "wrong type", "wrong length", "wrong encoding", "wrong value",
                                        "no creation", "inconsistent value", "resource unavailable", "commit failed", "undo failed", "authorization error", "not writable", "inconsistent name"};
  return status < std::size(names) ? names[status] : std::string_view{};
}

struct Known { std::string_view oid, name; };
constexpr Known known[] = {   // sorted by nothing: few, and the longest prefix is told by the dot behind it
    {"1.3.6.1.2.1.1.1", "sysDescr"}, {"1.3.6.1.2.1.1.2", "sysObjectID"}, {"1.3.6.1.2.1.1.3", "sysUpTime"}, {"1.3.6.1.2.1.1.4", "sysContact"}, {"1.3.6.1.2.1.1.5", "sysName"},
    {"1.3.6.1.2.1.1.6", "sysLocation"}, {"1.3.6.1.2.1.1.7", "sysServices"}, {"1.3.6.1.2.1.2.1", "ifNumber"}, {"1.3.6.1.2.1.2.2.1.1", "ifIndex"}, {"1.3.6.1.2.1.2.2.1.2", "ifDescr"},
    {"1.3.6.1.2.1.2.2.1.3", "ifType"}, {"1.3.6.1.2.1.2.2.1.4", "ifMtu"}, {"1.3.6.1.2.1.2.2.1.5", "ifSpeed"}, {"1.3.6.1.2.1.2.2.1.6", "ifPhysAddress"},
    {"1.3.6.1.2.1.2.2.1.7", "ifAdminStatus"}, {"1.3.6.1.2.1.2.2.1.8", "ifOperStatus"}, {"1.3.6.1.2.1.2.2.1.10", "ifInOctets"}, {"1.3.6.1.2.1.2.2.1.14", "ifInErrors"},
    {"1.3.6.1.2.1.2.2.1.16", "ifOutOctets"}, {"1.3.6.1.2.1.2.2.1.20", "ifOutErrors"}, {"1.3.6.1.2.1.4.1", "ipForwarding"}, {"1.3.6.1.2.1.31.1.1.1.1", "ifName"},
    {"1.3.6.1.2.1.31.1.1.1.6", "ifHCInOctets"}, {"1.3.6.1.2.1.31.1.1.1.10", "ifHCOutOctets"}, {"1.3.6.1.2.1.31.1.1.1.18", "ifAlias"}, {"1.3.6.1.6.3.1.1.4.1", "snmpTrapOID"},
    {"1.3.6.1.6.3.1.1.5.1", "coldStart"}, {"1.3.6.1.6.3.1.1.5.2", "warmStart"}, {"1.3.6.1.6.3.1.1.5.3", "linkDown"}, {"1.3.6.1.6.3.1.1.5.4", "linkUp"},
    {"1.3.6.1.6.3.1.1.5.5", "authenticationFailure"},
};

// Users, views and communities are indexes of these tables: their names end where the columns end.
constexpr std::string_view secret_tables[] = {"1.3.6.1.6.3.15.", "1.3.6.1.6.3.16.", "1.3.6.1.6.3.18.", "1.3.6.1.6.3.12."};
constexpr size_t secret_arcs = 11;

// An object identifier (X.690, 8.19) as text: "1.3.6.1.2.1.1.1.0".
struct Oid {
  std::array<char, 320> room;
  size_t used = 0, arcs = 0;
  bool cut = false;
  std::string_view text() const { return {room.data(), used}; }
  void arc(uint64_t v) {
    arcs++;
    if (arcs > secret_arcs)
      for (std::string_view t : secret_tables)
        if (text().substr(0, t.size()) == t) cut = true;
    char digits[24];
    size_t n = 0;
    do digits[n++] = char('0' + v % 10), v /= 10;
    while (v);
    if (cut || used + n + 1 > room.size()) {
      cut = true;
      return;
    }
    if (used) room[used++] = '.';
    while (n) room[used++] = digits[--n];
  }
};
void read_oid(Reader b, Oid& to) {
  bool first = true;
  b.require(b.left() <= 512);
  while (b) {
    uint64_t v = 0;
    uint8_t o;
    do o = b.u8(), v = v << 7 | (o & 0x7f), b.require(v < uint64_t{1} << 40);
    while (b.ok() && o & 0x80);
    if (!b.ok()) return;
    if (first) {
      const uint64_t head = std::min<uint64_t>(v / 40, 2);
      to.arc(head), to.arc(v - 40 * head);
      first = false;
    } else {
      to.arc(v);
    }
  }
}
uint64_t oid_text(const Oid& o, Speaker& say) {   // by its name where that is known
  const std::string_view t = o.text();
  for (const Known& k : known)
    if (t.substr(0, k.oid.size()) == k.oid && (t.size() == k.oid.size() || t[k.oid.size()] == '.')) {
      std::array<char, 340> room;
      const std::string_view rest = t.substr(k.oid.size());
      std::memcpy(room.data(), k.name.data(), k.name.size());
      std::memcpy(room.data() + k.name.size(), rest.data(), rest.size());
      return say.text({room.data(), k.name.size() + rest.size()});
    }
  return say.text(t);
}

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, std::max<size_t>(b.size(), 1)}; }   // never asked: datagrams

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    Tlv whole = tlv(r);
    r.require(whole.tag == 0x30);
    r.finish();
    Reader& b = whole.body;
    const uint64_t version = number(b);
    b.require(version == 0 || version == 1 || version == 3);
    m.frame = version == 0 ? 0 : version == 1 ? 1 : 2;
    Identity who;
    if (version == 3) {
      v3(b, m, say, who);
    } else {
      const Tlv community = tlv(b);
      b.require(community.tag == 0x04);
      if (!m.malformed) tell_secret(say, "community", community_kind(text_of(community.body.peek())));
      pdu(b, m, say, who);
      b.finish();
    }
    if (!m.encrypted && !m.malformed) pair(m, from, say.time);
    say.end();
    if (who.product | who.name) say.identity(who);
  }

 private:
  // An answer is of the kind of its question, which has its request-id and came from the other side.
  void pair(Message& m, Side from, Time now) {
    const bool asks = m.role == Role::request || m.function == inform;
    const uint64_t key = uint64_t{m.tag} << 1 | uint64_t((from == Side::client) == asks);
    if (asks) questions_.ask(key, now, m.act);
    else if (m.function == response) m.unpaired = !questions_.answer(key, now, m.act);
  }

  static uint64_t number(Reader& b) {
    Tlv t = tlv(b);
    b.require(t.tag == 0x02);
    return b.ok() ? uint64_t(signed_of(t.body)) : 0;
  }

  static void v3(Reader& b, Message& m, Speaker& say, Identity& who) {
    Tlv header = tlv(b);
    b.require(header.tag == 0x30);
    m.tag = uint32_t(number(header.body));
    number(header.body);
    const Tlv flags_field = tlv(header.body);
    const uint64_t model = number(header.body);
    Reader f = flags_field.body;
    const uint8_t flags = f.u8();
    header.body.finish();
    Tlv security = tlv(b);
    b.require(security.tag == 0x04);
    if (model == 3 && b.ok()) {                                       // RFC 3414, 2.4
      Tlv usm = tlv(security.body);
      usm.body.require(usm.tag == 0x30);
      tlv(usm.body), number(usm.body), number(usm.body);
      const Tlv user = tlv(usm.body);
      tlv(usm.body), tlv(usm.body);
      usm.body.finish();
      if (b.ok()) tell(say, "user", user.body.left() ? "present" : "none");
    }
    if (b.ok()) tell(say, "security", flags & 2 ? "authentication and privacy" : flags & 1 ? "authentication" : "none");
    if (flags & 2) {
      const Tlv secret = tlv(b);
      b.require(secret.tag == 0x04);
      b.finish();
      m.function = encrypted;
      m.encrypted = true;
      return;
    }
    Tlv scoped = tlv(b);
    b.require(scoped.tag == 0x30);
    b.finish();
    tlv(scoped.body), tlv(scoped.body);
    const uint32_t id = m.tag;
    pdu(scoped.body, m, say, who);
    scoped.body.finish();
    if (!m.tag) m.tag = id;
  }

  static void pdu(Reader& b, Message& m, Speaker& say, Identity& who) {
    Tlv p = tlv(b);
    b.require(p.tag >= 0xa0 && p.tag <= 0xa8);
    if (!b.ok()) return;
    m.function = uint16_t(p.tag & 0x1f);
    for (const Function& f : functions)
      if (f.number == m.function) m.act = f.act;
    m.role = m.function == response || m.function == report ? Role::response : m.function == trap || m.function == trap_v1 || m.function == inform ? Role::report : Role::request;
    Reader& r = p.body;
    uint64_t index = 0;
    if (m.function == trap_v1) {
      Tlv enterprise = tlv(r);
      Oid o;
      read_oid(enterprise.body, o);
      if (r.ok()) say.point(Object::of_text(oid_text(o, say)));
      tlv(r);
      m.tag = uint32_t(number(r));
      m.qualifier = uint32_t(number(r));
      tlv(r);
    } else {
      m.tag = uint32_t(number(r));
      const uint64_t status = number(r);
      index = number(r);
      if (m.function == get_bulk) m.qualifier = uint32_t(index), index = 0;
      else if (m.function == response) m.reason = uint16_t(std::min<uint64_t>(status, 0xffff)), m.refused = status != 0;
    }
    Tlv list = tlv(r);
    r.require(list.tag == 0x30);
    r.finish();
    for (uint64_t n = 1; list.body; n++) {
      Tlv pair = tlv(list.body);
      list.body.require(pair.tag == 0x30);
      Tlv name = tlv(pair.body);
      pair.body.require(name.tag == 0x06);
      Tlv value = tlv(pair.body);
      pair.body.finish();
      Oid oid;
      read_oid(name.body, oid);
      if (!list.body.ok()) return;
      Point& point = say.point(Object::of_text(oid_text(oid, say)));
      if (index == n) point.status = m.reason;
      value_of(value, oid, m, point, say, who);
    }
  }

  static void value_of(Tlv value, const Oid& oid, const Message& m, Point& p, Speaker& say, Identity& who) {
    const size_t n = value.body.left();
    switch (value.tag) {
      case 0x02: p.set_integer(signed_of(value.body)); break;
      case 0x41: case 0x42: case 0x46: p.set_natural(unsigned_of(value.body)); break;   // Counter32, Gauge32, Counter64
      case 0x43: p.set_natural(unsigned_of(value.body)); break;                          // TimeTicks: hundredths of a second
      case 0x06: {
        Oid o;
        read_oid(value.body, o);
        p.set_text(oid_text(o, say));
        break;
      }
      case 0x40: {
        Reader& r = value.body;
        std::array<char, 20> room;
        const unsigned a = r.u8(), b = r.u8(), c = r.u8(), d = r.u8();
        const int used = std::snprintf(room.data(), room.size(), "%u.%u.%u.%u", a, b, c, d);
        p.set_text(say.text({room.data(), size_t(used)}));
        break;
      }
      case 0x04: {
        const std::string_view s = text_of(value.body.rest());
        const std::string_view of = oid.text();
        const bool describes = of.substr(0, 12) == "1.3.6.1.2.1.";
        if (!describes || !printable(s) || s.size() > 255) {
          p.set_octets(n);
          break;
        }
        p.set_text(kept_text(say, s));
        if (m.function != response) break;
        if (of == "1.3.6.1.2.1.1.1.0") who.product = p.raw;
        if (of == "1.3.6.1.2.1.1.5.0") who.name = p.raw;
        break;
      }
      case 0x44: p.set_octets(n); break;                                                 // Opaque
      case 0x80: case 0x81: case 0x82: p.quality = bad_reference; break;                 // noSuchObject, noSuchInstance, endOfMibView
      default: break;
    }
  }

  Waiting<Act, 8> questions_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::udp) return {};
  const bool first = !up.empty();
  bool bad = false;
  Reader r{first ? up : down, bad};
  if (r.left() < 10) return {};
  Tlv whole = tlv(r);
  Tlv version = tlv(whole.body);
  Tlv second_field = tlv(whole.body);
  if (bad || r || whole.tag != 0x30 || version.tag != 0x02 || version.body.left() != 1) return {};
  const uint8_t v = version.body.u8();
  const auto side = [first](bool asks) { return asks == first ? Recognised::up : Recognised::down; };
  if (v <= 1 && second_field.tag == 0x04) {
    Tlv p = tlv(whole.body);
    if (bad || whole.body || p.tag < 0xa0 || p.tag > 0xa8 || second_field.body.left() > 64) return {};
    if (p.tag == 0xa4 || p.tag == 0xa7 || p.tag == 0xa6) return {Recognised::yes, Recognised::unknown};
    return {Recognised::yes, side(p.tag != 0xa2)};
  }
  if (v != 3 || second_field.tag != 0x30) return {};
  Tlv security = tlv(whole.body), data = tlv(whole.body);
  Tlv id = tlv(second_field.body), size = tlv(second_field.body), flags = tlv(second_field.body), model = tlv(second_field.body);
  const bool right = !bad && !whole.body && security.tag == 0x04 && (data.tag == 0x30 || data.tag == 0x04) && id.tag == 0x02 && size.tag == 0x02 && flags.tag == 0x04 &&
                     flags.body.left() == 1 && model.tag == 0x02;
  return {right ? Recognised::yes : Recognised::no, Recognised::unknown};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 161}, {Carrier::udp, 162}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"snmp", "SNMP", ports, recognises, open, functions, frames, reason,
                           "RFC 1157, RFC 1901, RFC 3416, RFC 3412, RFC 3414",
                           "encrypted v3 PDUs; strings outside 1.3.6.1.2.1; indexes of user, view and community tables; SNMP over TCP and TLS"};

}  // namespace vidra::snmp
