// SPDX-License-Identifier: Apache-2.0
// DNS (RFC 1035, RFC 2136, RFC 6891), multicast DNS (RFC 6762) and LLMNR (RFC 4795), over UDP and TCP (RFC 7766).
//
// function is the opcode (of NetBIOS names, RFC 1002: 0x100 | opcode), sub-function the first question's (or, without one, the first record's) type; reason the response code;
// tag the identifier; qualifier the flags. Objects are the names. A question's point carries what tells a tunnel from a name:
// Point::qualifier is the name's octets, Point::duration those of its longest label; Point::form is its type. Answers have their value;
// what is opaque (TXT, NULL, …) its octets. Texts are cut at 129 octets like all names; the key is over the whole name.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::dns {
namespace {

constexpr Function functions[] = {
    {0, 1, "query A", Act::read},
    {0, 2, "query NS", Act::read},
    {0, 5, "query CNAME", Act::read},
    {0, 6, "query SOA", Act::read},
    {0, 10, "query NULL", Act::read},
    {0, 12, "query PTR", Act::read},
    {0, 13, "query HINFO", Act::read},
    {0, 15, "query MX", Act::read},
    {0, 16, "query TXT", Act::read},
    {0, 28, "query AAAA", Act::read},
    {0, 33, "query SRV", Act::read},
    {0, 35, "query NAPTR", Act::read},
    {0, 43, "query DS", Act::read},
    {0, 47, "query NSEC", Act::read},
    {0, 48, "query DNSKEY", Act::read},
    {0, 64, "query SVCB", Act::read},
    {0, 65, "query HTTPS", Act::read},
    {0, 251, "query IXFR", Act::browse},
    {0, 252, "query AXFR", Act::browse},
    {0, 255, "query any", Act::browse},
    {0, 0xffff, "query", Act::read},
    {1, 0xffff, "inverse query", Act::read},
    {2, 0xffff, "status", Act::diagnose},
    {4, 0xffff, "notify", Act::report},
    {5, 0xffff, "update", Act::write},
    {6, 0xffff, "stateful operation", Act::session},
    {0x100, 33, "NetBIOS status query", Act::browse},
    {0x100, 0xffff, "NetBIOS name query", Act::read},
    {0x105, 0xffff, "NetBIOS name registration", Act::session},
    {0x106, 0xffff, "NetBIOS name release", Act::session},
    {0x107, 0xffff, "NetBIOS wait", Act::session},
    {0x108, 0xffff, "NetBIOS name refresh", Act::session},
    {0x10f, 0xffff, "NetBIOS name registration of several", Act::session},
};
constexpr Act act_of(uint16_t number, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != number) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

std::string_view reason(uint16_t code) {
  constexpr std::string_view names[] = {"", "format error", "server failure", "no such name", "not implemented", "refused", "name exists", "set exists", "no such set", "not authoritative", "not in zone"};
  return code < std::size(names) ? names[code] : code == 16 ? "bad version or signature" : std::string_view{};
}

constexpr size_t head_octets = 12, longest_name = 255;
constexpr uint16_t netbios = 0x100;   // NetBIOS names over UDP (RFC 1002, 4.2): the opcode with this

struct Name {
  std::array<char, 256> room;
  size_t used = 0, octets = 0;
  uint8_t longest = 0;
  std::string_view text() const { return used ? std::string_view{room.data(), used} : std::string_view{"."}; }
  // RFC 1001, 14.1: sixteen octets as 32 letters A to P; the last octet is the kind of name.
  bool netbios() {
    if (longest != 32 || used < 32) return false;
    for (size_t i = 0; i < 32; i++)
      if (room[i] < 'A' || room[i] > 'P') return false;
    std::array<char, 16> plain;
    for (size_t i = 0; i < 16; i++) plain[i] = char((room[2 * i] - 'A') << 4 | (room[2 * i + 1] - 'A'));
    std::memcpy(room.data(), plain.data(), 15);
    used = 15;
    while (used > 1 && (room[used - 1] == ' ' || room[used - 1] == 0)) used--;
    return true;
  }
};

// A name (RFC 1035, 4.1.4) at the reader, with what its pointers add from the message; they point back only.
void read_name(Reader& r, Bytes message, size_t at, Name& to) {
  to.used = to.octets = 0, to.longest = 0;
  bool jumped = false, bad = false;
  size_t limit = at;
  Reader far{message, bad};
  Reader* from = &r;
  for (int labels = 0; from->ok() && labels < 130; labels++) {
    const uint8_t n = from->u8();
    if (!from->ok() || n == 0) break;
    if (n >= 0xc0) {
      const size_t to_where = size_t(n & 0x3f) << 8 | from->u8();
      r.require(to_where < limit && to_where < message.size());
      if (!r.ok()) return;
      limit = to_where;
      far = Reader{message.subspan(to_where), bad};
      from = &far;
      jumped = true;
      continue;
    }
    if (n > 63) return r.require(false);
    const Bytes label = from->bytes(n);
    if (!from->ok()) break;
    to.longest = std::max(to.longest, n);
    to.octets += n + size_t{1};
    if (to.octets > longest_name) return r.require(false);
    if (to.used) to.room[to.used++] = '.';
    std::memcpy(to.room.data() + to.used, label.data(), n);
    to.used += n;
  }
  if (jumped) r.require(!bad);
}

bool sober(Bytes b) {   // flags and counts as they are in use
  const unsigned flags = unsigned(b[2]) << 8 | b[3], opcode = flags >> 11 & 15, questions = unsigned(b[4]) << 8 | b[5], answers = unsigned(b[6]) << 8 | b[7];
  return (opcode <= 2 || (opcode >= 4 && opcode <= 8) || opcode == 15) && !(flags & 0x40) && questions <= 64 && answers <= 512 && b[8] <= 2 && b[10] <= 2;
}

// Strict: counts, names and types must lead exactly to the end.
bool is_message(Bytes b) {
  if (b.size() < head_octets || !sober(b)) return false;
  bool bad = false;
  Reader r{b, bad};
  r.skip(2);
  const uint16_t flags = r.be16(), questions = r.be16();
  const unsigned records = unsigned{r.be16()} + r.be16() + r.be16();
  if (questions + records == 0 || (!(flags & 0x8000) && questions == 0 && (flags >> 11 & 15) == 0)) return false;
  Name name;
  for (unsigned i = 0; i < questions; i++) {
    read_name(r, b, b.size() - r.left(), name);
    const uint16_t type = r.be16();
    const uint16_t family = r.be16() & 0x7fff;
    if (bad || type == 0 || (family != 1 && family != 3 && family != 255) || name.octets == 0) {
      if (!(type && !bad && name.octets == 0 && family == 1)) return false;   // the root is asked for, too
    }
  }
  for (unsigned i = 0; i < records && !bad; i++) {
    read_name(r, b, b.size() - r.left(), name);
    r.skip(8);
    r.skip(r.be16());
  }
  return !bad && !r;
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool) override {   // of streams: a length of two octets stands before each message
    bool& in_step = in_step_[size_t(side)];
    if (b.size() < 2 + head_octets) return in_step || segment_start ? Cut{Cut::need, 2 + head_octets} : Cut{Cut::lost, 0};
    const size_t n = size_t(b[0]) << 8 | b[1];
    if (n < head_octets || !sober(b.subspan(2))) return in_step = false, Cut{Cut::lost, 0};
    if (!in_step && b.size() >= 2 + n && !is_message(b.subspan(2, n)) && lost_[size_t(side)]) return {Cut::lost, 0};
    if (!in_step && !segment_start) return {Cut::lost, 0};
    in_step = true;
    return {Cut::take, 2 + n};
  }
  void gap(Side side, uint64_t) override { in_step_[size_t(side)] = false, lost_[size_t(side)] = true; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Bytes message = record;
    if (record.size() > 2 + head_octets && (size_t(record[0]) << 8 | record[1]) == record.size() - 2 && sober(record.subspan(2))) message = record.subspan(2);
    Reader r{message, m.malformed};
    const size_t size = message.size();
    m.tag = r.be16();
    const uint16_t flags = r.be16();
    const uint16_t questions = r.be16(), answers = r.be16(), authorities = r.be16(), additional = r.be16();
    m.qualifier = flags;
    m.function = flags >> 11 & 15;
    const bool response = flags & 0x8000;
    m.role = !response ? Role::request : questions == 0 && m.tag == 0 ? Role::report : Role::response;
    m.reason = flags & 15;
    m.refused = response && m.reason != 0;
    if (!response) m.reason = 0;
    Name name;
    bool typed = false;
    Identity who;
    for (unsigned i = 0; i < questions && r.ok(); i++) {
      read_name(r, message, size - r.left(), name);
      const uint16_t type = r.be16();
      r.be16();
      if (!r.ok()) break;
      if (!typed) m.sub_function = type, typed = true;
      if ((type == 32 || type == 33) && name.netbios()) m.function |= netbios;
      Point& p = say.point(kept_name(say, name.text()));
      p.qualifier = uint32_t(name.octets), p.duration = name.longest, p.form = type;
    }
    const unsigned records = unsigned{answers} + authorities + additional;
    for (unsigned i = 0; i < records && r.ok(); i++) {
      read_name(r, message, size - r.left(), name);
      const uint16_t type = r.be16();
      r.skip(6);
      const uint16_t length = r.be16();
      const size_t at = size - r.left();
      Reader value = r.sub(length);
      if (!r.ok()) break;
      if (type == 41 || (i >= answers && !(m.function == 5 && i < unsigned{answers} + authorities))) {   // EDNS; authorities and additional say nothing new, but what an update writes
        if (type == 41 && !typed && records == 1) m.sub_function = type, typed = true;
        continue;
      }
      if (!typed) m.sub_function = type, typed = true;
      const bool old = (type == 32 || type == 33) && name.netbios();
      if (old) m.function |= netbios;
      Point& p = say.point(kept_name(say, name.text()));
      p.form = type;
      if (old && type == 33 && value.left() > 18) {         // RFC 1002, 4.2.18: its own names; the first is the host's
        value.u8();
        std::string_view own = text_of(value.bytes(15));
        while (!own.empty() && own.back() == ' ') own.remove_suffix(1);
        p.set_text(kept_text(say, own));
        who.name = p.raw;
      } else if (old) {
        p.set_octets(value.left());
      } else {
        record_value(type, value, message, at, p, say);
      }
      r.require(value.ok());
    }
    m.act = m.role == Role::report ? Act::report : act_of(m.function, m.sub_function);
    say.end();
    if (who.name && !m.malformed) say.identity(who);
  }

 private:
  bool in_step_[2] = {}, lost_[2] = {};

  static void record_value(uint16_t type, Reader& r, Bytes message, size_t at, Point& p, Speaker& say) {
    std::array<char, 48> room;
    Name name;
    switch (type) {
      case 1: {
        if (r.left() != 4) return p.set_octets(r.left());
        const unsigned a = r.u8(), b = r.u8(), c = r.u8(), d = r.u8();
        const int n = std::snprintf(room.data(), room.size(), "%u.%u.%u.%u", a, b, c, d);
        return p.set_text(say.text({room.data(), size_t(n)}));
      }
      case 28: {
        if (r.left() != 16) return p.set_octets(r.left());
        size_t used = 0;
        for (int i = 0; i < 8; i++) {
          const unsigned v = r.be16();
          used += size_t(std::snprintf(room.data() + used, room.size() - used, i ? ":%x" : "%x", v));
        }
        return p.set_text(say.text({room.data(), used}));
      }
      case 2: case 5: case 12: case 39:
        read_name(r, message, at, name);
        return p.set_text(kept_text(say, name.text()));
      case 15:
        r.be16();
        read_name(r, message, at + 2, name);
        return p.set_text(kept_text(say, name.text()));
      case 33:
        r.skip(6);
        read_name(r, message, at + 6, name);
        return p.set_text(kept_text(say, name.text()));
      default: p.set_octets(r.left());
    }
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const auto look = [carrier](Bytes b) {
    if (carrier == Carrier::udp) return b.size() <= 4096 && is_message(b);
    if (b.size() < 2 + head_octets) return false;
    const size_t n = size_t(b[0]) << 8 | b[1];
    return n >= head_octets && 2 + n <= b.size() && is_message(b.subspan(2, n));
  };
  if (carrier != Carrier::udp && carrier != Carrier::tcp) return {};
  const size_t flags = carrier == Carrier::udp ? 2 : 4;
  const bool a = !up.empty() && look(up), b = !down.empty() && look(down);
  if ((!up.empty() && !a) || (!down.empty() && !b) || !(a || b)) return {};
  const Bytes of = a ? up : down;
  const bool response = of[flags] & 0x80;
  if (response && carrier == Carrier::udp && (of[0] | of[1]) == 0) return {Recognised::yes, Recognised::unknown};   // multicast: nobody's client
  return {Recognised::yes, response == a ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 53}, {Carrier::tcp, 53}, {Carrier::udp, 5353}, {Carrier::udp, 5355}, {Carrier::udp, 137}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"dns", "DNS", ports, recognises, open, functions, {}, reason,
                           "RFC 1035 4, RFC 2136, RFC 6891, RFC 7766, RFC 6762 (multicast), RFC 4795 (LLMNR), RFC 1002 4.2 (NetBIOS names)",
                           "authority and additional records but for updates; contents of TXT, NULL and other types beyond A, AAAA, NS, CNAME, PTR, DNAME, MX, SRV; NetBIOS addresses and status; DNS over TLS and HTTPS"};

}  // namespace vidra::dns
