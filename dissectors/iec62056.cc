// SPDX-License-Identifier: Apache-2.0
// IEC 62056-21:2002 (direct local data exchange of meters) over TCP, as serial servers and modems carry it. A record is one line or one
// block. The parity bit that some servers leave in an octet is taken off. Passwords are only said to be there.
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"

namespace vidra::iec62056 {
namespace {

enum : uint16_t { sign_on = 1, identification = 2, option = 3, readout = 4, acknowledge = 5, refuse = 6, data = 7, commands = 0x100 };
constexpr uint16_t command(char letter, char type) { return uint16_t(commands + (letter << 4 & 0x1f0) + (type - '0')); }

constexpr Function functions[] = {
    {sign_on, 0xffff, "sign-on", Act::session},
    {identification, 0xffff, "identification", Act::identify},
    {option, 0, "option select: data readout", Act::read},
    {option, 1, "option select: programming mode", Act::session},
    {option, 2, "option select: binary mode", Act::session},
    {option, 0xffff, "option select", Act::session},
    {readout, 0xffff, "data readout", Act::read},
    {acknowledge, 0xffff, "acknowledge", Act::session},
    {refuse, 0xffff, "repeat request", Act::session},
    {data, 0xffff, "data", Act::read},
    {command('B', '0'), 0xffff, "break", Act::session},
    {command('E', '2'), 0xffff, "execute", Act::operate},
    {command('P', '0'), 0xffff, "password operand", Act::session},
    {command('P', '1'), 0xffff, "password", Act::session},
    {command('P', '2'), 0xffff, "password, algorithm", Act::session},
    {command('R', '1'), 0xffff, "read", Act::read},
    {command('R', '2'), 0xffff, "read formatted", Act::read},
    {command('R', '3'), 0xffff, "read block", Act::read},
    {command('R', '4'), 0xffff, "read formatted block", Act::read},
    {command('R', '5'), 0xffff, "read profile", Act::read},
    {command('R', '6'), 0xffff, "read profile block", Act::read},
    {command('W', '1'), 0xffff, "write", Act::write},
    {command('W', '2'), 0xffff, "write formatted", Act::write},
    {command('W', '3'), 0xffff, "write block", Act::write},
    {command('W', '4'), 0xffff, "write formatted block", Act::write},
    {command('W', '5'), 0xffff, "write data set", Act::write},
};
static_assert([] {
  for (size_t i = 1; i < std::size(functions); i++)
    if (functions[i - 1].number > functions[i].number) return false;
  return true;
}());
const Function* find(uint16_t number) {
  for (const Function& f : functions)
    if (f.number == number) return &f;
  return nullptr;
}

constexpr uint8_t soh = 1, stx = 2, etx = 3, eot = 4, ack = 6, nak = 0x15;
constexpr size_t longest_line = 128, longest_block = 60'000;
constexpr uint8_t plain(uint8_t o) { return o & 0x7f; }

// A manufacturer's three letters, the baud rate's character, what the meter calls itself, CR LF (6.3.2).
bool identifies(Bytes o) {
  if (o.size() < 7 || plain(o[0]) != '/' || plain(o[o.size() - 2]) != '\r') return false;
  for (size_t i = 1; i <= 3; i++)
    if (!((plain(o[i]) >= 'A' && plain(o[i]) <= 'Z') || (plain(o[i]) >= 'a' && plain(o[i]) <= 'z'))) return false;
  const uint8_t baud = plain(o[4]);
  return (baud >= '0' && baud <= '9') || (baud >= 'A' && baud <= 'I');
}

struct Iec62056 final : Parser {
  Cut next(Side from, Bytes o, bool, bool) override {
    if (o.empty()) return {Cut::need, 1};
    const auto line = [&]() -> Cut {                          // up to CR LF
      const size_t n = std::min(o.size(), longest_line);
      for (size_t i = 1; i < n; i++)
        if (plain(o[i]) == '\n' && plain(o[i - 1]) == '\r') return {Cut::take, i + 1};
      return o.size() < longest_line ? Cut{Cut::need, o.size() + 1} : Cut{Cut::lost, 0};
    };
    switch (plain(o[0])) {
      case '/': return line();
      case nak: return {Cut::take, 1};
      case ack:                                               // alone it acknowledges; of the reader, it may begin an option
        if (from == Side::server || (o.size() > 1 && !(plain(o[1]) >= '0' && plain(o[1]) <= '9'))) return {Cut::take, 1};
        return o.size() < 6 ? Cut{Cut::need, 6} : Cut{Cut::take, size_t(plain(o[4]) == '\r' && plain(o[5]) == '\n' ? 6 : 1)};
      case soh: case stx:                                     // up to ETX or EOT and the block check character
        for (size_t i = 1; i < std::min(o.size(), longest_block); i++)
          if (plain(o[i]) == etx || plain(o[i]) == eot) return {Cut::take, i + 2};
        return o.size() < longest_block ? Cut{Cut::need, o.size() + 1} : Cut{Cut::lost, 0};
      default: return {Cut::lost, 0};
    }
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    who_ = {};
    m.role = from == Side::client ? Role::request : Role::response;
    octets_ = 0;
    for (uint8_t o : record.first(std::min(record.size(), sizeof line_))) line_[octets_++] = char(plain(o));
    const std::string_view s(line_, octets_);
    switch (s.empty() ? 0 : s[0]) {
      case '/': line(s, record, m, say); break;
      case char(ack): {
        if (s.size() == 1) { named(m, acknowledge), m.role = from == Side::client ? Role::request : Role::response; break; }
        named(m, option);
        m.role = Role::request;
        m.malformed = s.size() != 6 || s[4] != '\r' || s[5] != '\n';
        m.sub_function = s.size() >= 4 && s[3] >= '0' && s[3] <= '9' ? uint16_t(s[3] - '0') : uint16_t{0xff};
        if (m.sub_function == 0) m.act = Act::read;
        break;
      }
      case char(nak): named(m, refuse); m.refused = true; break;
      case char(soh): case char(stx): block(s, record, m, say); break;
      default: m.malformed = true;
    }
    say.end();
    if (!m.malformed && who_.vendor) say.identity(who_);
  }

 private:
  static void named(Message& m, uint16_t function) {
    m.function = function;
    if (const Function* f = find(function)) m.act = f->act;
    if (function == option) m.act = Act::session;
  }

  void line(std::string_view s, Bytes record, Message& m, Speaker& say) {
    m.malformed = s.size() < 5 || s[s.size() - 2] != '\r' || s.back() != '\n';
    if (s.size() >= 2 && s[1] == '?') {                       // 6.3.1: / ? address ! CR LF
      named(m, sign_on);
      m.role = Role::request;
      const size_t end = s.find('!');
      m.malformed |= end == s.npos;
      if (end != s.npos && end > 2) m.station = say.text(s.substr(2, std::min<size_t>(end - 2, 32)));
      return;
    }
    named(m, identification);
    m.role = Role::response;
    m.malformed |= !identifies(record);
    if (m.malformed) return;
    std::string_view rest = s.substr(5, s.size() - 7);
    while (rest.size() >= 2 && rest[0] == '\\') m.qualifier = uint8_t(rest[1]), rest.remove_prefix(2);   // mode E
    who_.vendor = say.text(s.substr(1, 3));
    who_.model = rest.empty() ? 0 : say.text(rest);
    say.point(say.named("meter")).set_text(who_.model ? who_.model : who_.vendor);
  }

  void block(std::string_view s, Bytes record, Message& m, Speaker& say) {
    uint8_t check = 0;
    const size_t n = record.size();
    bool ended = false;
    if (n >= 3) {
      for (size_t i = 1; i + 1 < n; i++) check ^= plain(record[i]);
      const uint8_t last = plain(record[n - 2]);
      ended = (last == etx || last == eot) && check == plain(record[n - 1]);
    }
    m.malformed = !ended;
    m.retained = record.size() > sizeof line_;
    if (s[0] == char(stx)) {
      const bool whole = n >= 5 && plain(record[n - 3]) == '\n' && plain(record[n - 4]) == '\r' && plain(record[n - 5]) == '!';
      named(m, whole ? readout : data);                       // 6.3.6: the data readout ends in ! CR LF ETX
      m.role = Role::response;
      if (!whole && s.size() >= 6 && s.substr(1, 3) == "(ER") m.refused = true;
      return sets(s.substr(1), false, say);
    }
    const uint16_t function = s.size() >= 3 && s[2] >= '0' && s[2] <= '9' && s[1] >= 'A' && s[1] <= 'Z' ? command(s[1], s[2]) : uint16_t{0};
    named(m, function);
    m.malformed |= !find(function);
    m.role = function == command('P', '0') ? Role::response : Role::request;
    if (s.size() < 3) return;
    if (s[1] == 'P') {
      const size_t open = s.find('('), close = s.find(')');
      const std::string_view inside = open != s.npos && close != s.npos && close > open ? s.substr(open + 1, close - open - 1) : std::string_view{};
      const bool usual = !inside.empty() && (inside == "00000000" || inside == "0000000" || inside == "000000" || inside == "11111111" || inside == "12345678" || inside == "1234567");
      if (s[2] != '0') m.qualifier = inside.empty() ? 0 : usual ? 1 : 2, say.point(say.named("password")).set_text(say.text(inside.empty() ? "none" : usual ? "vendor default" : "other"));
      return;
    }
    const size_t at = s.find(char(stx));
    if (at != s.npos) sets(s.substr(at + 1), s[1] == 'W', say);
  }

  // Data sets: address(value*unit). What is written may be a password: of addresses of identification (C.) and security only that they are.
  static void sets(std::string_view s, bool written, Speaker& say) {
    for (size_t said = 0; said < 512 && !s.empty();) {
      const size_t open = s.find('('), close = s.find(')');
      if (open == s.npos || close == s.npos || close < open) return;
      std::string_view address = s.substr(0, open), value = s.substr(open + 1, close - open - 1);
      while (!address.empty() && (address[0] == '\r' || address[0] == '\n' || address[0] == char(stx))) address.remove_prefix(1);
      std::string_view unit;
      if (const size_t star = value.find('*'); star != value.npos) unit = value.substr(star + 1), value = value.substr(0, star);
      Point& p = say.point(say.named(address.empty() ? "data" : address.substr(0, 32)));
      double v = 0;
      if (written && (address.empty() || address[0] == 'C' || address.find("C.") != address.npos)) p.set_octets(value.size());
      else if (number(value, v)) p.set_real(v);
      else if (!value.empty()) p.set_text(say.text(value.substr(0, 64)));
      said++;
      s.remove_prefix(close + 1);
      if (s.empty() || s[0] == char(etx) || s[0] == '!') return;
    }
  }
  static bool number(std::string_view s, double& v) {
    if (s.empty() || s.size() > 15) return false;
    double whole = 0, scale = 0;
    const bool minus = s[0] == '-';
    for (char c : s.substr(minus)) {
      if (c == '.' && scale == 0) { scale = 1; continue; }
      if (c < '0' || c > '9') return false;
      whole = whole * 10 + (c - '0');
      if (scale != 0) scale *= 10;
    }
    v = (minus ? -whole : whole) / (scale != 0 ? scale : 1);
    return s.size() > size_t(minus);
  }

  char line_[8192];
  size_t octets_ = 0;
  Identity who_;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp) return r;
  // / ? … ! CR LF asks; / XXX b … CR LF answers.
  const auto asks = [](Bytes o) {
    if (o.size() < 5 || plain(o[0]) != '/' || plain(o[1]) != '?') return false;
    for (size_t i = 2; i + 2 < std::min<size_t>(o.size(), 40); i++) {
      if (plain(o[i]) == '!') return plain(o[i + 1]) == '\r' && plain(o[i + 2]) == '\n';
      const uint8_t c = plain(o[i]);
      if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ')) return false;
    }
    return false;
  };
  const auto answers = [](Bytes o) {
    for (size_t i = 6; i < std::min<size_t>(o.size(), 32); i++)
      if (plain(o[i]) == '\n') return identifies(o.first(i + 1));
    return false;
  };
  // A programming command: SOH letter digit STX … ETX and its check.
  const auto commanded = [](Bytes o) {
    if (o.size() < 5 || plain(o[0]) != soh || !find(command(char(plain(o[1])), char(plain(o[2])))) || !(plain(o[3]) == stx || plain(o[3]) == etx)) return false;
    uint8_t check = 0;
    for (size_t i = 1; i < std::min<size_t>(o.size(), 256); i++) {
      check ^= plain(o[i]);
      if (plain(o[i]) == etx) return i + 1 < o.size() && plain(o[i + 1]) == check;
    }
    return false;
  };
  const bool a = asks(up) || commanded(up), b = asks(down) || commanded(down), c = answers(up), d = answers(down);
  if (a || b) r.sure = Recognised::yes, r.client = a ? Recognised::up : Recognised::down;
  else if (c || d) r.sure = Recognised::maybe, r.client = d ? Recognised::up : Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 4001}, {Carrier::tcp, 4002}, {Carrier::tcp, 4003}, {Carrier::tcp, 4004}};
Parser* open(Pool& pool) { return pool.make<Iec62056>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"iec62056", "IEC 62056-21 over TCP", ports, recognises, open, functions, {}, nullptr,
                           "IEC 62056-21:2002 (6: modes A to D; sign-on of mode E)",
                           "mode E's HDLC after the sign-on (62056-46 is heard as dlms in a conversation of its own); what manufacturers write in their commands"};

}  // namespace vidra::iec62056
