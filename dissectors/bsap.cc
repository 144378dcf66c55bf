// SPDX-License-Identifier: Apache-2.0
// BSAP (Bristol Standard Asynchronous Protocol) of Bristol Babcock's and Emerson's RTUs: in IP (UDP 1234, framing not published)
// and as the serial protocol (Network 3000 Communications Configuration Guide, D5080) in datagrams of taps and terminal servers
// (UDP 1235). A record is one datagram. Of remote database access, names and addresses are said, values where they were
// asked by name.
#include <algorithm>

#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::bsap {
namespace {

// Application functions of the serial protocol: A0 remote database (sub-function: its own function code), A1 its extension.
// 0, 5 and 6 with 256 added: messages of BSAP in IP that carry none.
constexpr Function functions[] = {
    {0x03, 0xffff, "answer", Act::other},
    {0x04, 0xffff, "diagnostics", Act::diagnose},
    {0x06, 0xffff, "flash download", Act::program},
    {0x10, 0xffff, "flash configuration", Act::configure},
    {0x85, 0xffff, "poll", Act::session},
    {0x86, 0xffff, "acknowledge, no data", Act::session},
    {0x87, 0xffff, "acknowledge", Act::session},
    {0x88, 0xffff, "time synchronisation and node routing table", Act::time},
    {0x95, 0xffff, "not acknowledged", Act::session},
    {0xA0, 0x00, "read signals by address", Act::read},
    {0xA0, 0x02, "read logical signals by address", Act::read},
    {0xA0, 0x04, "read signals by name", Act::read},
    {0xA0, 0x06, "read logical signals by name", Act::read},
    {0xA0, 0x0C, "read signals by list", Act::read},
    {0xA0, 0x0D, "read signals by list, continued", Act::read},
    {0xA0, 0x0E, "read logical signals by list", Act::read},
    {0xA0, 0x0F, "read logical signals by list, continued", Act::read},
    {0xA0, 0x80, "write signals by address", Act::write},
    {0xA0, 0x84, "write signals by name", Act::write},
    {0xA0, 0x8C, "write signals by list", Act::write},
    {0xA0, 0x8D, "write signals by list, continued", Act::write},
    {0xA0, 0xffff, "remote database access", Act::other},
    {0xA1, 0x0101, "reset system", Act::run},
    {0xA1, 0x0102, "reset diagnostics", Act::diagnose},
    {0xA1, 0x0201, "read date and time", Act::read},
    {0xA1, 0x0202, "read date", Act::read},
    {0xA1, 0x0203, "read time", Act::read},
    {0xA1, 0x0281, "write date and time", Act::time},
    {0xA1, 0x0400, "change local node address", Act::configure},
    {0xA1, 0xffff, "remote database extension", Act::other},
    {256, 0xffff, "poll (IP)", Act::session},
    {257, 0xffff, "acknowledge (IP)", Act::session},
    {261, 0xffff, "answer (IP)", Act::other},
    {262, 0xffff, "request (IP)", Act::other},
};

Act act_of(uint16_t function, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != function) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}
bool named(uint16_t function) { return std::any_of(std::begin(functions), std::end(functions), [&](const Function& f) { return f.number == function; }); }

constexpr uint8_t dle = 0x10, stx = 0x02, etx = 0x03, rdb = 0xA0, rdb_extension = 0xA1, pei = 0x03;
constexpr size_t ip_header = 14;
constexpr size_t longest = 1600;

constexpr uint16_t le16(Bytes b, size_t at) { return uint16_t(b[at] | b[at + 1] << 8); }
constexpr uint32_t le32(Bytes b, size_t at) { return uint32_t{le16(b, at)} | uint32_t{le16(b, at + 2)} << 16; }

// The serial frame without its DLEs: from the address to ETX; `holds`: framed, and its CRC (CCITT, start FFFF, not inverted) right.
struct Serial {
  std::array<uint8_t, longest> octets;
  size_t size = 0;
  bool holds = false;
};
void unframe(Bytes b, Serial& s) {
  s.size = 0, s.holds = false;
  if (b.size() < 2 || b[0] != dle || b[1] != stx) return;
  uint16_t c = 0xFFFF;
  const auto take = [&](uint8_t o) {
    c ^= o;
    for (int bit = 0; bit < 8; bit++) c = uint16_t(c & 1 ? c >> 1 ^ 0x8408 : c >> 1);
  };
  for (size_t i = 2; i < b.size() && s.size < s.octets.size(); i++) {
    if (b[i] == dle) {
      if (++i == b.size()) return;
      if (b[i] == etx) {
        take(etx);
        s.holds = i + 3 == b.size() && le16(b, i + 1) == c;
        return;
      }
      if (b[i] != dle) return;
    }
    take(b[i]);
    s.octets[s.size++] = b[i];
  }
}

// Kinds of datagrams with messages in them: answers (5, rarely 1) and requests.
constexpr bool carries(uint16_t kind) { return kind == 1 || kind == 5 || kind == 6; }

bool is_ip(Bytes b) {
  if (b.size() < ip_header || le16(b, 0) != ip_header) return false;
  const uint16_t messages = le16(b, 2), kind = le16(b, 4);
  if (b.size() == ip_header) return kind <= 1;
  if (messages < 1 || messages > 64 || !carries(kind) || b.size() < ip_header + 10) return false;
  const uint32_t first = le32(b, ip_header), all = uint32_t(b.size() - ip_header);
  return messages == 1 ? first == all : first >= 10 && first < all;
}

// What was asked of signals by name: which fields of each (D5080, field select bytes), and as many names as are kept.
struct Question {
  static constexpr size_t kept = 8, longest_name = 40;
  std::array<std::array<char, longest_name>, kept> name{};
  std::array<uint8_t, kept> lengths{};
  uint8_t code = 0, fields = 0, more_fields = 0, count = 0, names = 0;
};

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, b.size()}; }   // datagrams only

  void parse(Bytes record, Side, Speaker& say) override {
    if (record.size() < 2 || record[0] != dle || record[1] != stx) return ip(record, say);
    serial(record, say.begin(), say);
    say.end();
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  void serial(Bytes record, Message& m, Speaker& say) {
    unframe(record, serial_);
    const bool broken = !serial_.holds;
    Reader r{Bytes(serial_.octets).first(serial_.size), m.malformed};
    const uint8_t address = r.u8();
    m.station = address & 0x7f;
    r.u8();                                              // the link's serial number
    if (address & 0x80) r.skip(5);                       // global: destination, source, control
    const uint8_t to = r.u8();
    if (!r) {                                            // polls and their answers
      m.function = named(to) ? to : 0x85;
      m.act = act_of(m.function, 0);
      m.role = to == 0x85 || to == 0x88 ? Role::request : Role::response;
      m.malformed |= broken;
      return;
    }
    m.tag = r.le16();
    const uint8_t from = r.u8();
    m.qualifier = r.u8();                                // node status
    const bool answers = to == pei;
    m.role = answers ? Role::response : Role::request;
    m.function = answers ? from : to;
    if (m.function == rdb) database(r, m, say, answers);
    else if (m.function == rdb_extension && !answers) m.sub_function = r.be16();
    m.act = act_of(m.function, m.sub_function);
    if (r) say.point(Object{}).set_octets(r.rest().size());
    m.malformed |= broken;
  }

  // A header, and as many messages as it says, each with its length before it, which counts itself.
  void ip(Bytes record, Speaker& say) {
    bool bad = false;
    Reader r{record, bad};
    r.require(r.le16() == ip_header);
    const uint16_t messages = r.le16(), kind = r.le16();
    const uint32_t sequence = r.le32(), answered = r.le32();
    const bool bare = !r;
    r.require(bare ? kind <= 1 && record.size() == ip_header : messages >= 1 && carries(kind));
    for (unsigned i = 0; i == 0 || (i < messages && r); i++) {
      Message& m = say.begin();
      m.sequence = sequence;
      if (bare) {
        m.function = messages ? 257 : 256;
        m.act = Act::session;
        m.role = Role::request;
        m.tag = answered;
      } else {
        const uint32_t length = r.le32();
        r.require(length > 4);
        Reader one = r.sub(length - 4);
        message(one, kind != 6, m, say);
        if (i + 1u == messages) r.finish();
        else r.require(bool(r));                         // the next one
      }
      m.malformed = bad;
      say.end();
    }
  }

  void message(Reader& r, bool answers, Message& m, Speaker& say) {
    r.u8();                                              // what stands before it
    m.tag = r.le32();
    m.role = answers ? Role::response : Role::request;
    if (answers) {
      m.function = rdb;
      database(r, m, say, true);
    } else {
      m.function = r.u8();
      m.qualifier = r.u8();
      if (m.function == rdb) database(r, m, say, false);
      else if (m.function == rdb_extension) m.sub_function = r.be16();
      else if (!named(m.function)) m.function = 262;
    }
    m.act = act_of(m.function, m.sub_function);
    if (r) say.point(Object{}).set_octets(r.rest().size());
  }

  void database(Reader& r, Message& m, Speaker& say, bool answers) {
    if (answers) {
      Question q{};
      m.unpaired = !waiting_.answer(m.tag, say.time, q);
      m.sub_function = m.unpaired ? 0xfe : q.code;       // no such function
      const uint8_t status = r.u8();                     // of all; each element may have one of its own
      if (status & 0x80) m.refused = true, m.reason = status;
      const uint8_t elements = r.u8();
      if (!r.ok()) return;
      if (q.code == 0x04 && status == 0 && elements == q.count && elements <= q.names && signals(r, q, elements, say)) return;
      say.point(say.named("elements")).set_natural(elements);
      return;
    }
    const uint8_t code = r.u8();
    m.sub_function = code;
    if (code & 0x80) m.digest = text_key(text_of(r.peek()));
    Question q;
    q.code = code;
    if (code == 0x04 || code == 0x84 || code == 0x06) {  // signals are named in the clear
      bool bad = false;
      Reader look{r.peek(), bad};
      const uint8_t selected = look.u8();                // which field select bytes follow
      if (selected & 1) q.fields = look.u8();
      if (selected & 2) q.more_fields = look.u8();
      if (selected & ~3) q.fields |= 0x2F;               // fields we cannot measure
      look.u8();                                         // security level
      q.count = look.u8();
      const Bytes all = r.peek();
      for (size_t i = 0; i < all.size();) {
        if (all[i] != '@' && !(all[i] >= 'A' && all[i] <= 'Z')) { i++; continue; }
        const size_t end = size_t(std::find(all.begin() + long(i), all.end(), 0) - all.begin());
        const Bytes name = all.subspan(i, end - i);
        if (end < all.size() && name.size() >= 3 && std::all_of(name.begin(), name.end(), [](uint8_t o) { return o >= 0x21 && o < 0x7f; })) {
          say.point(say.named(text_of(name)));
          if (q.names < Question::kept && name.size() <= Question::longest_name) {
            std::copy(name.begin(), name.end(), q.name[q.names].begin());
            q.lengths[q.names++] = uint8_t(name.size());
          }
          i = end + 1;
        } else {
          i++;
        }
      }
      if (r.ok() && !bad) waiting_.ask(m.tag, say.time, q);
      if (code != 0x84) r.rest();
      return;
    }
    if (r.ok()) waiting_.ask(m.tag, say.time, q);
    if (code == 0x80) {                                  // version, security level, how many; then each address and what is done to it
      r.skip(2);
      r.u8();
      unsigned n = r.u8();
      for (; n && r.left() >= 3; n--) {
        const uint16_t address = r.le16();
        say.point(Object(ObjectKind::item, address)).set_bits(r.u8(), 8);
        if (n > 1 && r.left() < 3) break;
      }
    }
  }

  // Each element: type and inhibits (if asked), value (a logical one in an octet, an analog one as a float), address, version.
  // Said only if all of them come out even.
  static bool signals(Reader& r, const Question& q, unsigned n, Speaker& say) {
    if ((q.fields & 0x2F) || !(q.fields & 0x40) || (q.more_fields & 0xFE)) return false;
    if (!(q.fields & 0x80) && n != 1) return false;
    const size_t behind = (q.fields & 0x10 ? 2u : 0u) + (q.more_fields & 1 ? 2u : 0u);
    for (bool said : {false, true}) {
      bool bad = false;
      Reader look{r.peek(), bad};
      for (unsigned i = 0; i < n; i++) {
        const uint8_t type = q.fields & 0x80 ? look.u8() : look.left() == 4 + behind ? uint8_t{2} : uint8_t{0};
        if ((type & 3) == 1 || (type & 3) == 3) return false;
        Point* p = said ? &say.point(say.named({q.name[i].data(), q.lengths[i]})) : nullptr;
        if ((type & 3) == 2) {
          const float v = look.le_float();
          if (p) p->set_real(double(v));
        } else {
          const uint8_t v = look.u8();
          if (p) p->set(v & 1);
        }
        look.skip(behind);
      }
      look.finish();
      if (bad) return false;
    }
    r.rest();
    return true;
  }

  Waiting<Question> waiting_;
  Serial serial_;
};

Recognised recognises(Bytes up, Bytes down, Carrier) {
  Recognised found;
  Serial s;
  for (bool first : {true, false}) {
    const Bytes b = first ? up : down;
    if (b.empty()) continue;
    if (b[0] == dle) {
      unframe(b, s);
      if (!s.holds || s.size < 3) return {};
      found.sure = Recognised::yes;
      const size_t at = s.octets[0] & 0x80 ? 7 : 2;
      if (s.size > at + 1) found.client = (s.octets[at] == pei) == first ? Recognised::down : Recognised::up;
    } else {
      if (!is_ip(b)) return {};
      const bool data = b.size() > ip_header;
      found.sure = std::max(found.sure, data ? Recognised::yes : Recognised::maybe);
      if (data) found.client = (le16(b, 4) != 6) == first ? Recognised::down : Recognised::up;
    }
  }
  return found;
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::udp, 1234}, {Carrier::udp, 1235}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"bsap", "BSAP", ports, recognises, open, functions, {}, nullptr,
                           "Emerson Network 3000 Communications (D5080, D5052): framing, RDB functions; BSAP in IP is not published (ICSNPP's analysis)",
                           "values of strings, of lists and by address, texts and descriptors of signals, alarms, report by exception, flash download's contents (counted); BSAP over serial lines inside TCP"};

}  // namespace vidra::bsap
