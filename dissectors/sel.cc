// SPDX-License-Identifier: Apache-2.0
// Relays of Schweitzer Engineering Laboratories over TCP (serial servers, a relay's own ports): the ASCII dialogue of access levels and
// commands, and the binary Fast Messages (Fast Meter, Fast Operate, Fast SER) as far as application guides show them. A record is one
// line that says something, or one message. Passwords are only said to be there; what is not understood of the dialogue is passed over.
#include <algorithm>
#include <cstdio>

#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::sel {
namespace {

// Binary messages have their second octet (the first is A5), Fast SER's functions begin at 256, what the dialogue says at 1024.
constexpr uint16_t ser_from = 0x100, prompt = 0x400, password = 0x401, denied = 0x402, identity = 0x403, command_from = 0x410;

struct Word { std::string_view word, name; Act act; };
constexpr Word words[] = {   // the first three letters decide; the order is that of the functions
    {"ACC", "access level 1 (ACC)", Act::session}, {"BAC", "breaker level (BAC)", Act::session}, {"2AC", "access level 2 (2AC)", Act::session},
    {"CAL", "calibration level (CAL)", Act::session}, {"PAS", "passwords (PAS)", Act::configure}, {"SET", "settings (SET)", Act::configure},
    {"COP", "copy settings (COP)", Act::configure}, {"GRO", "setting group (GRO)", Act::configure}, {"OPE", "open breaker (OPE)", Act::operate},
    {"CLO", "close breaker (CLO)", Act::operate}, {"PUL", "pulse output (PUL)", Act::operate}, {"CON", "control remote bit (CON)", Act::operate},
    {"L_D", "load firmware (L_D)", Act::program}, {"DAT", "date (DAT)", Act::time}, {"TIM", "time (TIM)", Act::time}, {"RES", "reset (RES)", Act::configure},
    {"SHO", "show settings (SHO)", Act::read}, {"MET", "meter (MET)", Act::read}, {"TAR", "targets (TAR)", Act::read}, {"STA", "status (STA)", Act::read},
    {"HIS", "history (HIS)", Act::read}, {"EVE", "event report (EVE)", Act::read}, {"CEV", "compressed event report (CEV)", Act::read},
    {"SER", "sequential events (SER)", Act::read}, {"ID", "identification (ID)", Act::identify}, {"FIL", "files (FIL)", Act::file},
    {"POR", "port pass-through (POR)", Act::session}, {"QUI", "quit (QUI)", Act::session}, {"TES", "test (TES)", Act::diagnose}};

constexpr Function fixed[] = {
    {0x46, 0xffff, "Fast SER", Act::other},
    {0xb9, 0xffff, "clear status bits", Act::other},
    {0xc0, 0xffff, "relay definition", Act::identify},
    {0xc1, 0xffff, "Fast Meter configuration", Act::browse},
    {0xc2, 0xffff, "demand Fast Meter configuration", Act::browse},
    {0xc3, 0xffff, "peak demand Fast Meter configuration", Act::browse},
    {0xcd, 0xffff, "Fast Operate reset definition", Act::browse},
    {0xce, 0xffff, "Fast Operate configuration", Act::browse},
    {0xcf, 0xffff, "alternate Fast Operate configuration", Act::browse},
    {0xd1, 0xffff, "Fast Meter data", Act::read},
    {0xd2, 0xffff, "demand Fast Meter data", Act::read},
    {0xd3, 0xffff, "peak demand Fast Meter data", Act::read},
    {0xe0, 0xffff, "Fast Operate, remote bit", Act::operate},
    {0xe3, 0xffff, "Fast Operate, breaker", Act::operate},
    {0xe5, 0xffff, "alternate Fast Operate, open", Act::operate},
    {0xe6, 0xffff, "alternate Fast Operate, close", Act::operate},
    {0xe7, 0xffff, "alternate Fast Operate, set", Act::operate},
    {0xe8, 0xffff, "alternate Fast Operate, clear", Act::operate},
    {0xe9, 0xffff, "alternate Fast Operate, pulse", Act::operate},
    {0xed, 0xffff, "Fast Operate, reset", Act::operate},
    {0x101, 0xffff, "Fast SER: enable unsolicited data", Act::subscribe},
    {0x102, 0xffff, "Fast SER: disable unsolicited data", Act::subscribe},
    {0x105, 0xffff, "Fast SER: ping", Act::diagnose},
    {0x110, 0xffff, "Fast SER: read", Act::read},
    {0x112, 0xffff, "Fast SER: unsolicited data", Act::report},
    {0x116, 0xffff, "Fast SER: state of events", Act::read},
    {0x118, 0xffff, "Fast SER: unsolicited events", Act::report},
    {0x120, 0xffff, "Fast SER: unsolicited write", Act::write},
    {0x130, 0xffff, "Fast SER: device description", Act::identify},
    {0x131, 0xffff, "Fast SER: data format", Act::browse},
    {0x133, 0xffff, "Fast SER: bit labels", Act::browse},
    {prompt, 0, "prompt, access level 0", Act::session},
    {prompt, 1, "prompt, access level 1", Act::session},
    {prompt, 2, "prompt, access level 2", Act::session},
    {prompt, 3, "prompt, breaker level", Act::session},
    {prompt, 4, "prompt, calibration level", Act::session},
    {password, 0xffff, "password", Act::session},
    {denied, 0xffff, "access denied", Act::session},
    {identity, 0xffff, "firmware identification", Act::identify},
};
constexpr auto functions = [] {
  std::array<Function, std::size(fixed) + std::size(words)> all{};
  size_t n = 0;
  for (const Function& f : fixed) all[n++] = f;
  for (size_t i = 0; i < std::size(words); i++) all[n++] = {uint16_t(command_from + i), 0xffff, words[i].name, words[i].act};
  return all;
}();
const Function* find(uint16_t number) {
  for (const Function& f : functions)
    if (f.number == number) return &f;
  return nullptr;
}

constexpr bool is_break(uint8_t o) { return o == '\r' || o == '\n' || o == 0 || o == 2 || o == 3; }
constexpr bool is_binary(uint8_t second) { return second == 0x46 || second == 0xb9 || (second >= 0xc0 && second <= 0xc3) || (second >= 0xcd && second <= 0xcf) || (second >= 0xd1 && second <= 0xd3) || (second >= 0xe0 && second <= 0xed); }
constexpr bool polled(uint8_t second) { return second == 0xb9 || (second >= 0xc0 && second <= 0xd3); }   // of the master, two octets are all
constexpr uint8_t iac = 255;
constexpr size_t longest_line = 512;

uint8_t sum(Bytes b) {
  unsigned s = 0;
  for (uint8_t o : b) s += o;
  return uint8_t(s);
}
int word_of(std::string_view line) {
  const size_t end = line.find_first_of(" \t,");
  const std::string_view w = line.substr(0, end);
  for (size_t i = 0; i < std::size(words); i++) {
    const std::string_view known = words[i].word;
    if (known.size() == 3 ? w.size() >= 3 && w.size() <= 9 && begins(w, known) : same(w, known)) return int(i);
  }
  return -1;
}
// "=", "=>", "=>>", "==>", "==>>" before what the relay echoes: the access level, -1 where there is no prompt.
int level_of(std::string_view s, size_t& length) {
  size_t equals = 0, arrows = 0;
  while (equals < s.size() && s[equals] == '=') equals++;
  while (equals + arrows < s.size() && s[equals + arrows] == '>') arrows++;
  length = equals + arrows;
  if (equals == 1) return arrows == 0 ? 0 : arrows == 1 ? 1 : arrows == 2 ? 2 : -1;
  if (equals == 2) return arrows == 1 ? 3 : arrows == 2 ? 4 : -1;
  return -1;
}

struct Sel final : Parser {
  Cut next(Side from, Bytes o, bool, bool) override {
    if (o.empty()) return {Cut::need, 1};
    if (o[0] == iac) {                                      // telnet's own, between the relay's
      if (o.size() < 2) return {Cut::need, 2};
      return {Cut::skip, size_t(o[1] >= 251 && o[1] <= 254 ? 3 : 2)};
    }
    if (o[0] == 0xa5) {
      if (o.size() < 2) return {Cut::need, 2};
      if (!is_binary(o[1])) return {Cut::lost, 0};
      if (from == Side::client && polled(o[1])) return {Cut::take, 2};
      if (o.size() < 3) return {Cut::need, 3};
      return o[2] < 4 ? Cut{Cut::lost, 0} : Cut{Cut::take, o[2]};
    }
    if (is_break(o[0])) return {Cut::skip, 1};
    for (size_t i = 1; i < std::min(o.size(), longest_line); i++)
      if (is_break(o[i])) return from == Side::client || tells(text_of(o.first(i))) ? Cut{Cut::take, i + 1} : Cut{Cut::skip, i + 1};
    return o.size() < longest_line ? Cut{Cut::need, o.size() + 1} : Cut{Cut::skip, o.size()};
  }

  void parse(Bytes record, Side from, Speaker& say) override {
    Message& m = say.begin();
    who_ = {};
    m.role = from == Side::client ? Role::request : Role::response;
    if (!record.empty() && record[0] == 0xa5) binary(record, from, say);
    else if (record.empty() || !is_break(record.back())) m.malformed = true;
    else if (from == Side::client) typed(text_of(record.first(record.size() - 1)), say);
    else printed(text_of(record.first(record.size() - 1)), say);
    say.end();
    if (who_.vendor && !m.malformed) say.identity(who_);
  }

  void gap(Side, uint64_t) override { password_next_ = false; }

 private:
  static bool tells(std::string_view s) {
    size_t n = 0;
    return level_of(s, n) >= 0 || begins(s, "\"FID=") || begins(s, "FID=") || contains(s, "Invalid Password") || contains(s, "Access Denied");
  }
  static void named(Message& m, uint16_t function) {
    m.function = function;
    if (const Function* f = find(function)) m.act = f->act;
  }

  void binary(Bytes o, Side from, Speaker& say) {
    Message& m = say.head();
    Reader r{o, m.malformed};
    r.u8();
    const uint8_t kind = r.u8();
    named(m, kind);
    m.malformed |= !is_binary(kind);
    if (o.size() == 2 && polled(kind) && from == Side::client) return;
    const uint8_t length = r.u8();
    r.require(length == o.size() && length >= 4);
    if (!r.ok()) return;
    if (kind == 0x46) {                                     // routing, status, function, sequence …; a CRC ends it
      r.skip(5);
      m.qualifier = r.u8();
      const uint8_t function = r.u8();
      if (!r.ok()) return;
      named(m, uint16_t(ser_from + (function & 0x7f)));
      if (!find(m.function)) m.function = 0x46, m.act = Act::other;
      m.role = m.act == Act::report ? Role::report : function & 0x80 ? Role::response : Role::request;
      if (r) m.tag = r.u8();
      return;
    }
    r.require(sum(o.first(o.size() - 1)) == o.back());
    if (kind < 0xe0 || !r.ok()) return;
    m.role = Role::request;
    const uint8_t code = r.u8(), valid = r.u8();
    r.require(kind >= 0xe5 || valid == uint8_t(code * 4 + 1));   // the code again, so that noise operates nothing
    if (!r.ok()) return;
    char text[32];
    if (kind == 0xe3) {                                     // 11 hex closes breaker 1, 31 opens it
      const unsigned breaker = code & 0x0f;
      Point& p = say.point(say.named({text, size_t(std::snprintf(text, sizeof text, "breaker %u", breaker))}));
      r.require((code >> 4) == 1 || (code >> 4) == 3);
      p.set((code >> 4) == 1);
    } else if (kind == 0xe0) {                              // 00 clears remote bit 1, 20 sets it, 40 pulses it
      Point& p = say.point(say.named({text, size_t(std::snprintf(text, sizeof text, "remote bit %u", (code & 0x1fu) + 1))}));
      p.qualifier = code >> 5;
      p.set((code >> 5) != 0);
    } else {
      say.point(say.named({text, size_t(std::snprintf(text, sizeof text, "point %u", unsigned(code)))}));
    }
  }

  void typed(std::string_view line, Speaker& say) {
    Message& m = say.head();
    line = trimmed(line);
    const int w = word_of(line);
    if (w < 0 || (password_next_ && w > 4)) {
      if (password_next_) {
        named(m, password);
        password_next_ = false;
        const Secret kind = password_kind("", line);
        m.qualifier = uint32_t(kind);
        tell_secret(say, "password", kind);
        return;
      }
      m.function = prompt;                                  // words that nobody knows: how many octets
      m.sub_function = uint16_t(level_);
      m.act = Act::session;
      say.point(say.named("typed")).set_octets(line.size());
      return;
    }
    named(m, uint16_t(command_from + unsigned(w)));
    m.qualifier = uint32_t(level_);
    const std::string_view rest = line.find_first_of(" \t") == line.npos ? std::string_view{} : trimmed(line.substr(line.find_first_of(" \t")));
    password_next_ = w <= 4;
    if (w == 4) {                                           // PAS names the level whose password it changes; what follows is secret
      const std::string_view level = rest.substr(0, std::min(rest.find(' '), size_t{1}));
      if (!level.empty()) say.point(say.named("level")).set_text(say.text(level));
    } else if (!rest.empty()) {
      say.point(say.named("operand")).set_text(say.text(rest.substr(0, 32)));
    }
  }

  void printed(std::string_view line, Speaker& say) {
    Message& m = say.head();
    size_t n = 0;
    const int level = level_of(line, n);
    if (level >= 0) {
      named(m, prompt);
      m.sub_function = uint16_t(level_ = level);
      return;
    }
    if (contains(line, "Invalid Password") || contains(line, "Access Denied")) {
      named(m, denied);
      m.refused = true;
      return;
    }
    named(m, identity);
    const size_t at = line.find("FID=");
    if (at == line.npos) return;
    std::string_view fid = line.substr(at + 4);
    fid = fid.substr(0, std::min(fid.find('"'), size_t{64}));
    const size_t revision = fid.find("-R");
    who_.vendor = say.text("SEL");
    who_.model = say.text(fid.substr(0, revision));
    if (revision != fid.npos) who_.firmware = say.text(fid.substr(revision + 1));
    say.point(say.named("FID")).set_text(say.text(fid));
  }

  bool password_next_ = false;
  int level_ = 0;
  Identity who_;
};

// A relay's prompt stands at the beginning of a line; with the marks of its blocks, or with its name, there is no doubt.
bool prompts(Bytes o, bool& marked) {
  while (o.size() >= 3 && o[0] == iac && o[1] >= 251 && o[1] <= 254) o = o.subspan(3);   // telnet's options
  if (!std::all_of(o.begin(), o.end(), [](uint8_t c) { return (c >= 0x20 && c < 0x7f) || (c >= 7 && c <= 13) || c == 2 || c == 3; })) return false;
  const std::string_view s = text_of(o);
  marked = s.find('\x03') != s.npos || s.find("FID=SEL-") != s.npos || s.find("SEL-") != s.npos;
  for (size_t at = 0; (at = s.find("\n=", at)) != s.npos; at++) {
    size_t n = 0;
    const std::string_view rest = s.substr(at + 1);
    if (level_of(rest, n) < 0) continue;
    const std::string_view echoed = rest.substr(n, rest.find_first_of("\r\n", n) == rest.npos ? rest.npos : rest.find_first_of("\r\n", n) - n);
    if (trimmed(echoed).empty() || word_of(trimmed(echoed)) >= 0) return true;
  }
  return false;
}
// Binary messages only: 1 a master's, -1 a relay's, 0 none.
int speaks_binary(Bytes o) {
  if (o.size() >= 6 && o[0] == 0xa5 && o[1] >= 0xe0 && o[1] <= 0xe3 && o[2] == 6) return o[4] == uint8_t(o[3] * 4 + 1) && sum(o.first(5)) == o[5] ? 1 : 0;
  if (o.size() < 8 || o[0] != 0xa5 || !polled(o[1]) || o[2] < 8 || o[2] > o.size()) return 0;
  return sum(o.first(size_t{o[2]} - 1)) == o[size_t{o[2]} - 1] ? -1 : 0;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  Recognised r;
  if (carrier != Carrier::tcp) return r;
  const int a = speaks_binary(up), b = speaks_binary(down);
  if (a || b) {                                             // what a relay answers, to a poll
    const bool polls = a < 0 ? down.size() >= 2 && down[0] == 0xa5 && down[1] == up[1] : b < 0 && up.size() >= 2 && up[0] == 0xa5 && up[1] == down[1];
    r.sure = a > 0 || b > 0 || polls ? Recognised::yes : Recognised::maybe;
    r.client = a - b > 0 ? Recognised::up : Recognised::down;
    return r;
  }
  bool up_marked = false, down_marked = false;
  const bool c = prompts(up, up_marked), d = prompts(down, down_marked);
  if (c == d) return r;
  r.sure = (c ? up_marked : down_marked) ? Recognised::yes : Recognised::maybe;
  r.client = d ? Recognised::up : Recognised::down;
  return r;
}

constexpr Port ports[] = {{Carrier::tcp, 23}, {Carrier::tcp, 1024}, {Carrier::tcp, 4001}, {Carrier::tcp, 4002}};
Parser* open(Pool& pool) { return pool.make<Sel>(); }

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"sel", "SEL relay dialogue and Fast Messages", ports, recognises, open, functions, {}, nullptr,
                           "SEL application guides and instruction manuals (ASCII access levels and commands; Fast Meter, Fast Operate, Fast SER)",
                           "Mirrored Bits and the contents of Fast Meter and Fast SER messages (by name); what a relay prints but its prompts, denials and firmware identification"};

}  // namespace vidra::sel
