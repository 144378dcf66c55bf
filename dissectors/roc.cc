// SPDX-License-Identifier: Apache-2.0
// ROC Plus of Emerson's ROC800, FloBoss and DL8000 (ROC Plus Protocol Specification Manual, A6127) over TCP. A record is one
// message: destination, source, opcode, length, data, CRC. The station is unit << 8 | group of the device. A parameter is named
// "TLP type,location,parameter".
#include <algorithm>
#include <cstdio>

#include "dissectors/civil.h"
#include "dissectors/crc.h"
#include "dissectors/protocol.h"
#include "dissectors/waiting.h"

namespace vidra::roc {
namespace {

constexpr Function functions[] = {
    {6, 0xffff, "system configuration", Act::identify},
    {7, 0xffff, "read clock", Act::read},
    {8, 0xffff, "set clock", Act::time},
    {10, 0xffff, "read configurable opcode point data", Act::read},
    {11, 0xffff, "write configurable opcode point data", Act::write},
    {17, 0xffff, "login or logout", Act::session},
    {24, 0xffff, "store and forward", Act::other},
    {50, 0xffff, "request I/O point position", Act::browse},
    {100, 0xffff, "access user-defined information", Act::program},
    {105, 0xffff, "request today's and yesterday's minimum and maximum", Act::read},
    {108, 0xffff, "request history tag and periodic index", Act::read},
    {118, 0xffff, "request alarm data", Act::read},
    {119, 0xffff, "request event data", Act::read},
    {135, 0xffff, "request single history point", Act::read},
    {136, 0xffff, "request multiple history points", Act::read},
    {137, 0xffff, "request history index of a day", Act::read},
    {138, 0xffff, "request daily and periodic history", Act::read},
    {139, 0xffff, "history information", Act::read},
    {166, 0xffff, "set contiguous parameters", Act::write},
    {167, 0xffff, "request contiguous parameters", Act::read},
    {180, 0xffff, "request parameters", Act::read},
    {181, 0xffff, "write parameters", Act::write},
    {203, 0xffff, "file transfer", Act::file},
    {205, 0xffff, "peer-to-peer network message", Act::other},
    {206, 0xffff, "read transaction history", Act::read},
    {224, 0xffff, "spontaneous report by exception", Act::report},
    {225, 0xffff, "acknowledge report by exception", Act::report},
    {255, 0xffff, "error", Act::other},
};

const Function* known(uint8_t code) {
  for (const Function& f : functions)
    if (f.number == code) return &f;
  return nullptr;
}

std::string_view reason(uint16_t code) {
  switch (code) {
    case 1: return "invalid opcode";
    case 2: return "invalid parameter number";
    case 3: return "invalid logical number";
    case 4: return "invalid point type";
    case 5: return "too many data octets";
    case 6: return "too few data octets";
    case 13: return "outside the valid address range";
    case 14: return "invalid history request";
    case 15: return "invalid FST request";
    case 16: return "invalid event entry";
    case 17: return "too many alarms requested";
    case 18: return "too many events requested";
    case 19: return "parameter is read-only";
    case 20: return "security error";
    case 21: return "invalid security logon";
    case 22: return "invalid store and forward path";
    case 24: return "history being configured";
    case 63: return "too many parameters requested";
    default: return {};
  }
}

constexpr size_t header = 6, crc_octets = 2;

// CRC-16 of Modbus's polynomial, low octet first. The start is FFFF in what was heard and 0 in older manuals: both are taken.
bool crc_holds(Bytes b) {
  if (b.size() < header + crc_octets) return false;
  const Bytes body = b.first(b.size() - crc_octets);
  const uint16_t sent = uint16_t(b[b.size() - 2] | b[b.size() - 1] << 8);
  if (crc_modbus(body) == sent) return true;
  uint16_t c = 0;
  for (uint8_t o : body) c = uint16_t(c >> 8 ^ crc_detail::modbus_table[(c ^ o) & 0xff]);
  return c == sent;
}

struct Tlp { uint8_t type, location, parameter; bool operator==(const Tlp&) const = default; };
Tlp tlp(Reader& r) { return {r.u8(), r.u8(), r.u8()}; }
Object named(Tlp t, Speaker& say) {
  char name[24];
  const int n = std::snprintf(name, sizeof name, "TLP %u,%u,%u", t.type, t.location, t.parameter);
  return say.named({name, size_t(n)});
}
void value(Reader& r, size_t n, Point& p) {   // how a parameter is to be read, its type's table says: bits as wide as it is
  switch (n) {
    case 1: p.set_bits(r.u8(), 8); break;
    case 2: p.set_bits(r.le16(), 16); break;
    case 4: p.set_bits(r.le32(), 32); break;
    case 8: p.set_bits(r.le64(), 64); break;
    default: r.skip(n); p.set_octets(n);
  }
}
void octets(Reader& r, Speaker& say) {
  if (r) say.point(Object{}).set_octets(r.rest().size());
}

struct Question { uint8_t opcode, count; std::array<Tlp, 32> tlps; };

class Parser final : public vidra::Parser {
 public:
  Cut next(Side, Bytes b, bool, bool) override {
    if (b.size() < header) return {Cut::need, header};
    const size_t n = header + b[5] + crc_octets;
    if (b.size() < n) return known(b[4]) ? Cut{Cut::take, n} : Cut{Cut::lost, 0};
    return known(b[4]) || crc_holds(b.first(n)) ? Cut{Cut::take, n} : Cut{Cut::lost, 0};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t to_unit = r.u8(), to_group = r.u8(), from_unit = r.u8(), from_group = r.u8();
    const uint8_t opcode = r.u8(), length = r.u8();
    const bool broken = !crc_holds(record);
    r.require(record.size() == header + length + crc_octets);
    Reader body = r.sub(std::min<size_t>(length, r.left()));
    const bool asks = from == Side::client;
    m.role = opcode == 224 ? Role::report : asks ? Role::request : Role::response;
    m.station = asks ? uint64_t{to_unit} << 8 | to_group : uint64_t{from_unit} << 8 | from_group;
    m.function = opcode;
    const Function* f = known(opcode);
    if (f) m.act = f->act;
    if (asks) {
      Question q{opcode, 0, {}};
      if (m.act == Act::write) m.digest = text_key(text_of(body.peek()));
      request(body, m, say, q);
      if (opcode != 224 && opcode != 225) waiting_.ask(0, say.time, q);
    } else {
      Question q{};
      if (opcode != 224) m.unpaired = !waiting_.answer(0, say.time, q) || (opcode != 255 && q.opcode != opcode);
      response(body, m, say, q);
    }
    octets(body, say);
    m.malformed |= broken;
    say.end();
  }

  void gap(Side, uint64_t) override { waiting_.clear(); }

 private:
  static void request(Reader& r, const Message& m, Speaker& say, Question& q) {
    switch (m.function) {
      case 8: return clock(r, say);
      case 17: return login(r, say);
      case 166: case 167: {
        const uint8_t type = r.u8(), location = r.u8(), count = r.u8(), first = r.u8();
        if (!r.ok()) return;
        say.point(named({type, location, first}, say));
        say.point(say.named("parameters")).set_natural(count);
        return;
      }
      case 180: {
        const uint8_t n = r.u8();
        r.require(r.left() == 3u * n);
        for (unsigned i = 0; i < n && r.left() >= 3; i++) {
          const Tlp t = tlp(r);
          if (q.count < q.tlps.size()) q.tlps[q.count++] = t;
          say.point(named(t, say));
        }
        return;
      }
      case 181: return written(r, say);
      case 203: return file(r, say);
      default: return;
    }
  }

  static void response(Reader& r, Message& m, Speaker& say, const Question& q) {
    switch (m.function) {
      case 7: return clock(r, say);
      case 166: case 167: {
        if (!r) return;
        const uint8_t type = r.u8(), location = r.u8(), count = r.u8(), first = r.u8();
        if (!r.ok()) return;
        Point& p = say.point(named({type, location, first}, say));
        if (count == 1) return value(r, r.left(), p);
        say.point(say.named("parameters")).set_natural(count);
        return;
      }
      case 180: {                                        // each with its value: how wide is not said
        const uint8_t n = r.u8();
        if (n == 0 || m.unpaired) return;
        const size_t each = r.left() / n;
        if (each < 4 || each * n != r.left() || n > q.count) return;
        const Bytes all = r.peek();
        for (unsigned i = 0; i < n; i++)
          if (Tlp{all[i * each], all[i * each + 1], all[i * each + 2]} != q.tlps[i]) return;
        for (unsigned i = 0; i < n; i++) {
          const Tlp t = tlp(r);
          value(r, each - 3, say.point(named(t, say)));
        }
        return;
      }
      case 255:
        m.refused = true;
        m.reason = r.u8();
        if (const Function* f = known(q.opcode); f && !m.unpaired) m.act = f->act;
        return;
      default: return;
    }
  }

  static void written(Reader& r, Speaker& say) {
    const uint8_t n = r.u8();
    if (!r.ok()) return;
    if (n != 1) say.point(say.named("parameters")).set_natural(n);
    if (r.left() < 4) return r.require(false);
    const Tlp t = tlp(r);
    Point& p = say.point(named(t, say));
    if (n == 1) value(r, r.left(), p);
  }

  static void clock(Reader& r, Speaker& say) {
    if (!r) return;
    const uint8_t seconds = r.u8(), minutes = r.u8(), hours = r.u8(), date = r.u8(), month = r.u8();
    const uint16_t little = r.le16();
    if (r) r.u8();                                       // day of the week
    if (!r.ok()) return;
    Time t = civil(little, month, date, hours, minutes, seconds);
    if (!t) t = civil(uint16_t(little >> 8 | little << 8), month, date, hours, minutes, seconds);
    if (t) say.point(say.named("clock")).set_time(t);
    else r.require(false);
  }

  // Operator, password, level; what comes after says that it is a logout. "LOI" with 1000 is what devices are delivered with.
  static void login(Reader& r, Speaker& say) {
    const size_t n = r.left();
    const bool enhanced = n >= 70;
    if (n < 5 || n == 13) return;
    Bytes user = r.bytes(enhanced ? 30 : 3);
    while (!user.empty() && (user.back() == ' ' || user.back() == 0)) user = user.first(user.size() - 1);
    std::string_view password = "other";
    if (enhanced) {
      const Bytes p = r.bytes(40);
      if (std::all_of(p.begin(), p.end(), [](uint8_t o) { return o == ' ' || o == 0; })) password = "none";
    } else {
      const uint16_t p = r.le16();
      password = p == 0 ? "none" : p == 1000 && text_of(user) == "LOI" ? "vendor default" : "other";
    }
    if (!r.ok()) return;
    say.point(say.named("user")).set_text(say.text(text_of(user)));
    say.point(say.named("password")).set_text(say.text(password));
    if (r.left() == 6) { r.skip(6); say.point(say.named("logout")).set(true); }
    else if (r.left() == 1) say.point(say.named("access level")).set_natural(r.u8());
  }

  static void file(Reader& r, Speaker& say) {
    const uint8_t command = r.u8();
    if (!r.ok()) return;
    say.point(say.named("command")).set_natural(command);
    if (command != 1 || r.left() < 66) return;           // open: options, path of 64, name of 32
    r.skip(2);
    const Bytes path = r.bytes(64);
    say.point(say.named(text_of(path.first(size_t(std::find(path.begin(), path.end(), 0) - path.begin())))));
  }

  Waiting<Question, 4> waiting_;
};

// --- recognition: opcode, length and CRC, twice or in both directions ---

Recognised recognises(Bytes up, Bytes down, Carrier) {
  size_t whole = 0, partial = 0;
  for (Bytes b : {up, down}) {
    for (size_t n = 0; !b.empty() && n < 8; n++) {
      if (b.size() < header) { partial++; break; }
      const size_t length = header + b[5] + crc_octets;
      if (!known(b[4])) return {};
      if (b.size() < length) { partial++; break; }
      if (!crc_holds(b.first(length))) return {};
      whole++;
      b = b.subspan(length);
    }
  }
  if (whole) return {Recognised::yes, Recognised::unknown};
  return {partial ? Recognised::maybe : Recognised::no, Recognised::unknown};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }

constexpr Port ports[] = {{Carrier::tcp, 4000}, {Carrier::udp, 4000}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"roc", "ROC Plus", ports, recognises, open, functions, {}, reason,
                           "Emerson ROC Plus Protocol Specifications Manual (A6127), opcodes 6 to 255",
                           "types of parameters' values (bits as wide as they are; several written at once only by the first), history, alarms, events, user programs (counted); ROC (not Plus) opcodes of FloBoss 100 and 500"};

}  // namespace vidra::roc
