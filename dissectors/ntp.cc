// SPDX-License-Identifier: Apache-2.0
// NTP (RFC 5905, RFC 1305 for versions 1 to 3, RFC 4330) and what manages it: control messages (mode 6, RFC 9327) and ntpd's private mode 7.
// Each datagram is a record. Function: the mode; sub-function: the operation code of mode 6, the request code of mode 7.
//   tag         of a question the low half of its transmit time, of its answer the same as it came back; of modes 6 and 7 the sequence
//   unpaired    an answer that returns none of the last questions' transmit times: nobody asked for it here
//   qualifier   leap indicator (0-2; 3: the clock is not synchronised) | version << 2; of modes 6 and 7 version << 2
//   refused     a kiss-of-death (stratum 0), an error of mode 6 or 7; reason says which
// Points are named. "root distance" is half the root delay and the root dispersion: how far off this clock may be, in seconds. "transmit" is the
// sender's clock, to be held against the packet's own time.
#include "dissectors/words.h"

namespace vidra::ntp {
namespace {

constexpr Function functions[] = {
    {1, 0xffff, "symmetric active", Act::time},
    {2, 0xffff, "symmetric passive", Act::time},
    {3, 0xffff, "client", Act::time},
    {4, 0xffff, "server", Act::time},
    {5, 0xffff, "broadcast", Act::time},
    {6, 1, "control, read status", Act::read},
    {6, 2, "control, read variables", Act::read},
    {6, 3, "control, write variables", Act::write},
    {6, 4, "control, read clock variables", Act::read},
    {6, 5, "control, write clock variables", Act::write},
    {6, 6, "control, set trap", Act::subscribe},
    {6, 7, "control, trap response", Act::report},
    {6, 8, "control, configure", Act::configure},
    {6, 9, "control, save configuration", Act::configure},
    {6, 10, "control, read most recently used list", Act::read},
    {6, 11, "control, read ordered list", Act::read},
    {6, 12, "control, request nonce", Act::session},
    {6, 31, "control, unset trap", Act::subscribe},
    {6, 0xffff, "control", Act::other},
    {7, 0, "private, peer list", Act::read},
    {7, 1, "private, peer list summary", Act::read},
    {7, 2, "private, peer information", Act::read},
    {7, 3, "private, peer statistics", Act::read},
    {7, 4, "private, system information", Act::read},
    {7, 5, "private, system statistics", Act::read},
    {7, 6, "private, I/O statistics", Act::read},
    {7, 7, "private, memory statistics", Act::read},
    {7, 8, "private, loop information", Act::read},
    {7, 9, "private, timer statistics", Act::read},
    {7, 10, "private, add a peer", Act::configure},
    {7, 11, "private, remove a peer", Act::configure},
    {7, 12, "private, set a flag", Act::configure},
    {7, 13, "private, clear a flag", Act::configure},
    {7, 14, "private, monitor on", Act::configure},
    {7, 15, "private, monitor off", Act::configure},
    {7, 16, "private, list restrictions", Act::read},
    {7, 17, "private, add restriction flags", Act::configure},
    {7, 18, "private, remove restriction flags", Act::configure},
    {7, 19, "private, remove a restriction", Act::configure},
    {7, 20, "private, monitor list", Act::read},
    {7, 21, "private, reset statistics", Act::diagnose},
    {7, 22, "private, reset peer statistics", Act::diagnose},
    {7, 23, "private, read keys again", Act::configure},
    {7, 26, "private, trust keys", Act::configure},
    {7, 27, "private, distrust keys", Act::configure},
    {7, 28, "private, authentication information", Act::read},
    {7, 29, "private, list traps", Act::read},
    {7, 30, "private, add a trap", Act::subscribe},
    {7, 31, "private, remove a trap", Act::subscribe},
    {7, 32, "private, choose the request key", Act::configure},
    {7, 33, "private, choose the control key", Act::configure},
    {7, 34, "private, control statistics", Act::read},
    {7, 35, "private, leap information", Act::read},
    {7, 36, "private, clock information", Act::read},
    {7, 37, "private, set clock fudge", Act::configure},
    {7, 38, "private, kernel information", Act::read},
    {7, 39, "private, clock debug information", Act::read},
    {7, 41, "private, set precision", Act::configure},
    {7, 42, "private, monitor list (extended)", Act::read},
    {7, 43, "private, associations of a host", Act::read},
    {7, 44, "private, interface statistics", Act::read},
    {7, 45, "private, reload interfaces", Act::configure},
    {7, 0xffff, "private", Act::other},
};

Act act_of(uint16_t number, uint16_t sub) {
  Act any = Act::other;
  for (const Function& f : functions) {
    if (f.number != number) continue;
    if (f.sub == sub) return f.act;
    if (f.sub == 0xffff) any = f.act;
  }
  return any;
}

// Reasons: 1-… a kiss code, 0x100 | error of mode 6, 0x200 | error of mode 7.
constexpr std::string_view kisses[] = {"", "DENY", "RSTR", "RATE", "ACST", "AUTH", "AUTO", "BCST", "CRYP", "DROP", "INIT", "MCST", "NKEY", "NTSN", "RMOT", "STEP"};
constexpr uint16_t other_kiss = 0x80;

std::string_view reason_name(uint16_t reason) {
  constexpr std::string_view kiss[] = {"", "access denied", "access restricted", "asked too often", "from anycast", "authentication failed", "autokey failed", "from broadcast",
                                       "cryptographic failure", "lost contact", "not yet synchronised", "from manycast", "no key", "time security failed",
                                       "altered from afar", "stepped the clock"};
  constexpr std::string_view control[] = {"unspecified error", "authentication failed", "invalid format", "invalid operation", "unknown association", "unknown variable", "invalid value", "not permitted"};
  constexpr std::string_view priv[] = {"", "other implementation", "unknown request", "invalid format", "no data", "", "", "authentication failed"};
  const unsigned n = reason & 0xff;
  switch (reason >> 8) {
    case 0: return n < std::size(kiss) ? kiss[n] : n == other_kiss ? "kiss of death" : std::string_view{};
    case 1: return n < std::size(control) ? control[n] : "reserved error";
    case 2: return n < std::size(priv) ? priv[n] : std::string_view{};
    default: return {};
  }
}

constexpr uint64_t to_1970 = 2'208'988'800;   // seconds from 1900
constexpr double short_unit = 65'536;

// Seconds and fractions since 1900; the era that began in 2036 where the high bit is clear (RFC 4330 3).
Time instant(uint64_t stamp) {
  const uint64_t s = stamp >> 32, seconds = (s & 0x80000000 ? s : s + (uint64_t{1} << 32)) - to_1970;
  return Time(seconds * uint64_t(second) + ((stamp & 0xffffffff) * uint64_t(second) >> 32));
}

// What follows the header: extension fields (RFC 7822), then a MAC of a key's number and 16, 20 or more octets, or nothing.
bool rest_fits(size_t n) { return n == 0 || n == 4 || n == 20 || n == 24 || (n >= 16 && n % 4 == 0); }

class Ntp final : public Parser {
 public:
  Cut next(Side, Bytes octets, bool, bool) override { return {Cut::take, octets.size()}; }

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    const uint8_t first = r.u8(), mode = first & 7, version = first >> 3 & 7;
    m.function = mode;
    m.qualifier = uint32_t(version) << 2;
    r.require(version >= 1 && version <= 4 && mode != 0);
    if (mode == 6) control(r, m, say);
    else if (mode == 7) priv(first, r, m, say);
    else clock(first, r, m, say);
    say.end();
  }

 private:
  void clock(uint8_t first, Reader& r, Message& m, Speaker& say) {
    const uint8_t mode = first & 7, leap = first >> 6;
    m.act = Act::time;
    m.role = mode == 5 ? Role::report : mode == 3 || mode == 1 ? Role::request : Role::response;
    m.qualifier |= leap;
    const uint8_t stratum = r.u8();
    const int poll = int8_t(r.u8()), precision = int8_t(r.u8());
    const uint32_t delay = r.be32(), dispersion = r.be32();
    const Bytes reference = r.bytes(4);
    const uint64_t set = r.be64(), asked = r.be64();
    r.skip(8);
    const uint64_t sent = r.be64();
    r.require(rest_fits(r.left()));
    if (m.malformed) return;
    const bool authenticated = r.left() == 20 || r.left() == 24;
    r.rest();
    if (mode == 3 || mode == 1) {
      m.tag = uint32_t(sent);
      questions_[turn_++ % std::size(questions_)] = sent;
      if (mode == 3) {
        if (authenticated) field(say, "authenticated").set(true);
        return;                                             // the rest is nothing, or what the client believes
      }
    } else if (mode == 4 || mode == 2) {
      m.tag = uint32_t(asked);
      m.unpaired = !asked || std::find(std::begin(questions_), std::end(questions_), asked) == std::end(questions_);
    }
    if (stratum == 0 && mode == 4 && leap == 3) {
      m.refused = true;
      m.reason = other_kiss;
      for (uint16_t i = 1; i < std::size(kisses); i++)
        if (kisses[i] == text_of(reference)) m.reason = i;
    }
    field(say, "stratum").set_natural(stratum);
    const bool word = stratum <= 1 && std::all_of(reference.begin(), reference.end(), [](uint8_t o) { return o == 0 || (o >= 0x20 && o < 0x7f); });   // else an address or driver
    field(say, "reference", word ? Word::written(reference) : Word::ip4(uint32_t(reference[0]) << 24 | uint32_t(reference[1]) << 16 | uint32_t(reference[2]) << 8 | reference[3]));
    if (leap == 3) field(say, "unsynchronised").set(true);
    else if (leap) field(say, "leap second").set_integer(leap == 1 ? 1 : -1);
    field(say, "root delay").set_real(delay / short_unit);
    field(say, "root dispersion").set_real(dispersion / short_unit);
    field(say, "root distance").set_real((delay / 2.0 + dispersion) / short_unit);
    field(say, "poll").set_integer(poll);
    field(say, "precision").set_integer(precision);
    if (set) field(say, "last set").set_time(instant(set));
    if (sent) field(say, "transmit").set_time(instant(sent));
    if (authenticated) field(say, "authenticated").set(true);
  }

  // Response, error, more; operation; sequence, status, association, offset, count (RFC 9327 2).
  static void control(Reader& r, Message& m, Speaker& say) {
    const uint8_t bits = r.u8();
    const uint16_t sequence = r.be16(), status = r.be16(), association = r.be16(), offset = r.be16(), count = r.be16();
    m.sub_function = bits & 31;
    m.act = act_of(6, m.sub_function);
    m.role = m.sub_function == 7 ? Role::report : bits & 0x80 ? Role::response : Role::request;
    m.tag = sequence;
    if (bits & 0x40) m.refused = true, m.reason = uint16_t(0x100 | status >> 8);
    const Bytes data = r.bytes(count);
    r.require(r.left() < 4 || rest_fits(r.left()) || r.left() % 4 == 0);   // padding, and a MAC
    if (m.malformed) return;
    m.retained = !data.empty();
    if (association) field(say, "association").set_natural(association);
    if (offset) field(say, "offset").set_natural(offset);
    if (!data.empty()) field(say, "data").set_octets(data.size());
  }

  // Authenticated and sequence; implementation; request; error and items; size of an item (ntp_request).
  static void priv(uint8_t first, Reader& r, Message& m, Speaker& say) {
    m.role = first & 0x80 ? Role::response : Role::request;
    m.tag = r.u8() & 0x7f;
    const uint8_t implementation = r.u8();
    m.sub_function = r.u8();
    m.act = act_of(7, m.sub_function);
    const uint16_t items = r.be16(), size = r.be16();
    if (items >> 12) m.refused = m.role == Role::response, m.reason = uint16_t(0x200 | items >> 12);
    const size_t data = size_t{items & 0xfffu} * (size & 0xfffu);
    if (m.role == Role::response) r.require(data <= r.left());
    if (m.malformed) return;
    m.retained = r.left() > 0;
    field(say, "implementation").set_natural(implementation);
    if (items & 0xfff) field(say, "items").set_natural(items & 0xfff);
    if (r.left()) field(say, "data").set_octets(r.left());
  }

  uint64_t questions_[8] = {};
  unsigned turn_ = 0;
};

enum class Kind : uint8_t { none, likely, sure };

// A side's first datagram. Sure are only frames with a clock behind them; a bare question has too little to tell it.
Kind kind(Bytes b) {
  if (b.size() < 12) return b.size() >= 8 && (b[0] & 7) == 7 && (b[0] >> 3 & 7) >= 2 && (b[0] >> 3 & 7) <= 4 ? Kind::likely : Kind::none;
  const unsigned mode = b[0] & 7, version = b[0] >> 3 & 7;
  if (!mode || !version || version > 4) return Kind::none;
  if (mode >= 6) return Kind::likely;
  if (b.size() < 48 || !rest_fits(b.size() - 48)) return Kind::none;
  const auto at = [&](size_t i) { return uint32_t(b[i]) << 24 | uint32_t(b[i + 1]) << 16 | uint32_t(b[i + 2]) << 8 | b[i + 3]; };
  const bool plausible = b[1] <= 16 && (b[2] <= 17 || b[2] >= 0xf0) && at(4) < 0x00200000 && at(8) < 0x00200000;
  if (!plausible) return mode == 3 ? Kind::likely : Kind::none;
  // A server's clocks stand within a day of each other, and after 2000.
  const uint32_t received = at(32), sent = at(40);
  const bool clocks = (mode == 4 || mode == 2) && b[3] >= 0xe0 && received > 0xbc17c200 && sent >= received && sent - received < 86'400 && b.size() == 48;
  return clocks ? Kind::sure : Kind::likely;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::udp || (up.empty() && down.empty())) return {};
  const Kind u = kind(up), d = kind(down);
  if ((!up.empty() && u == Kind::none) || (!down.empty() && d == Kind::none)) return {};
  const auto serves = [](Bytes b) {                       // 1 yes, 0 asks, -1 cannot be told
    if (b.empty()) return -1;
    switch (b[0] & 7) {
      case 2: case 4: return 1;
      case 1: case 3: case 5: return 0;                      // who broadcasts is a publisher
      case 6: return b.size() > 1 && b[1] & 0x80 ? 1 : 0;
      default: return b[0] & 0x80 ? 1 : 0;
    }
  };
  const int s = serves(up), t = serves(down);
  Recognised::Client client = Recognised::unknown;
  if (s == 0 || t == 1) client = Recognised::up;
  if ((s == 1 && t != 1) || (t == 0 && s != 0)) client = Recognised::down;
  return {u == Kind::sure || d == Kind::sure ? Recognised::yes : Recognised::maybe, client};
}

Parser* open(Pool& pool) { return pool.make<Ntp>(); }

constexpr Port ports[] = {{Carrier::udp, 123}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ntp", "NTP", ports, recognises, open, functions, {}, reason_name, "RFC 5905 7, RFC 4330, RFC 7822, RFC 9327; mode 7 as ntpd's ntp_request.h numbers it",
                           "extension fields (Autokey, NTS) and message authentication codes are not checked; the data of modes 6 and 7 is counted"};

}  // namespace vidra::ntp
