// SPDX-License-Identifier: Apache-2.0
// Telnet (RFC 854, RFC 855): commands and options; and of what is typed and printed, a line at a time, only what a login is: its
// prompts, who logs in (kind of user), what kind of password, whether it failed. After a login the first word of a command line is
// said where it is one of the words by which relays and controllers are commanded. All other lines are counted octets.
//
// Functions: 240-255 the commands (254 do, 253 will, …) with the option as sub-function; 256… as in the table.
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::telnet {
namespace {

constexpr uint8_t iac = 255, will = 251, sb = 250, se = 240;
constexpr uint16_t prompt_user = 256, prompt_password = 257, user_given = 258, password_given = 259, failed = 260, succeeded = 261, command = 262, input = 263, output = 264;

struct Word { std::string_view word, name; Act act; };
// SEL's commands by access level (SEL-300 and -400 series manuals), and words by which other devices are configured or restarted.
constexpr Word commands[] = {
    {"ACC", "relay access level 1 (ACC)", Act::session},
    {"BAC", "relay breaker level (BAC)", Act::session},
    {"2AC", "relay access level 2 (2AC)", Act::session},
    {"CAL", "relay calibration level (CAL)", Act::session},
    {"PAS", "relay passwords (PAS)", Act::configure},
    {"SET", "settings (SET)", Act::configure},
    {"COP", "copy settings (COP)", Act::configure},
    {"GRO", "setting group (GRO)", Act::configure},
    {"OPE", "open breaker (OPE)", Act::operate},
    {"OPEN", "open breaker (OPEN)", Act::operate},
    {"CLO", "close breaker (CLO)", Act::operate},
    {"CLOSE", "close breaker (CLOSE)", Act::operate},
    {"PUL", "pulse output (PUL)", Act::operate},
    {"PULSE", "pulse output (PULSE)", Act::operate},
    {"CON", "control remote bit (CON)", Act::operate},
    {"TAR", "targets (TAR)", Act::read},
    {"L_D", "load firmware (L_D)", Act::program},
    {"SHO", "show settings (SHO)", Act::read},
    {"MET", "meter (MET)", Act::read},
    {"ID", "identification (ID)", Act::identify},
    {"reboot", "reboot", Act::run},
    {"reset", "reset", Act::run},
    {"restart", "restart", Act::run},
    {"reload", "reload", Act::run},
    {"halt", "halt", Act::run},
    {"shutdown", "shutdown", Act::run},
    {"rm", "remove files (rm)", Act::file},
    {"delete", "delete", Act::file},
    {"erase", "erase", Act::file},
    {"format", "format", Act::file},
    {"dd", "copy raw (dd)", Act::file},
    {"wget", "fetch a file (wget)", Act::file},
    {"tftp", "fetch a file (tftp)", Act::file},
    {"ftpget", "fetch a file (ftpget)", Act::file},
    {"upgrade", "upgrade", Act::program},
    {"configure", "configure", Act::configure},
    {"enable", "enable", Act::session},
    {"passwd", "change a password (passwd)", Act::configure},
};
constexpr size_t word_count = std::size(commands);

constexpr Function fixed[] = {
    {240, 0xffff, "end of subnegotiation", Act::session},
    {241, 0xffff, "no operation", Act::session},
    {242, 0xffff, "data mark", Act::session},
    {243, 0xffff, "break", Act::session},
    {244, 0xffff, "interrupt process", Act::session},
    {245, 0xffff, "abort output", Act::session},
    {246, 0xffff, "are you there", Act::session},
    {247, 0xffff, "erase character", Act::session},
    {248, 0xffff, "erase line", Act::session},
    {249, 0xffff, "go ahead", Act::session},
    {250, 0xffff, "subnegotiation", Act::session},
    {251, 0xffff, "will", Act::session},
    {252, 0xffff, "won't", Act::session},
    {253, 0xffff, "do", Act::session},
    {254, 0xffff, "don't", Act::session},
    {255, 0xffff, "escaped octet", Act::session},
    {prompt_user, 0xffff, "user wanted", Act::session},
    {prompt_password, 0xffff, "password wanted", Act::session},
    {user_given, 0xffff, "user", Act::session},
    {password_given, 0xffff, "password", Act::session},
    {failed, 0xffff, "login failed", Act::session},
    {succeeded, 0xffff, "logged in", Act::session},
};
constexpr auto functions = [] {
  std::array<Function, std::size(fixed) + word_count + 3> all{};
  size_t n = 0;
  for (const Function& f : fixed) all[n++] = f;
  for (size_t i = 0; i < word_count; i++) all[n++] = {command, uint16_t(i + 1), commands[i].name, commands[i].act};
  all[n++] = {command, 0xffff, "command", Act::other};
  all[n++] = {input, 0xffff, "input", Act::other};
  all[n++] = {output, 0xffff, "output", Act::other};
  return all;
}();

std::string_view option_name(uint8_t option) {
  switch (option) {
    case 0: return "binary";
    case 1: return "echo";
    case 3: return "suppress go ahead";
    case 5: return "status";
    case 6: return "timing mark";
    case 24: return "terminal type";
    case 31: return "window size";
    case 32: return "terminal speed";
    case 33: return "remote flow control";
    case 34: return "linemode";
    case 35: return "X display";
    case 36: return "environment";
    case 37: return "authentication";
    case 38: return "encryption";
    case 39: return "new environment";
    case 44: return "COM port control";
    default: return "option";
  }
}

constexpr size_t longest_line = 1024, longest_subnegotiation = 2048;

// How a server's line ends by which it asks; the line end that follows comes only after the answer.
enum class Prompt : uint8_t { none, user, password };
Prompt prompt_of(std::string_view s) {
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  for (std::string_view p : {"ogin:", "user name:", "username:", "user:", "account:", "login name:"})
    if (ends(s, p) && s.size() < 128 && !contains(s, "last login")) return Prompt::user;
  for (std::string_view p : {"assword:", "assword ?", "asscode:", "password for", "passwd:"})
    if (ends(s, p) && s.size() < 128) return Prompt::password;
  return Prompt::none;
}
bool says_failure(std::string_view s) {
  for (std::string_view w : {"incorrect", "invalid password", "invalid login", "login failed", "authentication failed", "access denied", "login invalid", "bad password", "wrong password",
                             "permission denied", "not authorized", "login failure", "logon failure"})
    if (contains(s, w)) return true;
  return false;
}

// Octets of a command that begins with IAC; 0 where more are needed.
size_t command_octets(Bytes b) {
  if (b.size() < 2) return 0;
  if (b[1] == sb) {
    for (size_t i = 2; i + 1 < b.size(); i++) {
      if (b[i] != iac) continue;
      if (b[i + 1] == se) return i + 2;
      i++;
    }
    return 0;
  }
  if (b[1] < will || b[1] == iac) return 2;
  return b.size() < 3 ? 0 : 3;
}

// Octets of a line: up to its end, an IAC, or a prompt; 0 where more are needed. `whole` says that it is one.
size_t line_end(Bytes b, bool server) {
  for (size_t i = 0; i < std::min(b.size(), longest_line); i++) {
    if (b[i] == iac) return i;
    if (b[i] == '\n') return i + 1;
    if (b[i] == '\r') {
      if (i + 1 == b.size()) return 0;
      return i + (b[i + 1] == '\n' || b[i + 1] == 0 ? 2 : 1);
    }
    if (server && b[i] == ':' && prompt_of(text_of(b.first(i + 1))) != Prompt::none) return i + 1;
  }
  return b.size() >= longest_line ? longest_line : 0;
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool, bool closed) override {
    whole_[size_t(side)] = false;
    if (b.empty()) return {Cut::need, 1};
    if (encrypted_) return {Cut::skip, b.size()};
    if (b[0] == iac) {
      if (const size_t n = command_octets(b); n && n <= longest_subnegotiation) return {Cut::take, n};
      if (closed || b.size() >= longest_subnegotiation) return {Cut::take, std::min(b.size(), longest_subnegotiation)};
      return {Cut::need, b.size() + 1};
    }
    if (const size_t n = line_end(b, side == Side::server)) return whole_[size_t(side)] = true, Cut{Cut::take, n};
    if (closed) return {Cut::skip, b.size()};            // a prompt that nobody answered
    return {Cut::need, b.size() + 1};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    if (!record.empty() && record[0] == iac) return control(record, m, say);
    const size_t n = record.empty() ? 0 : line_end(record, side == Side::server);
    m.malformed = record.empty() || (n != record.size() && !whole_[size_t(side)]);   // a line may have ended where a command began
    whole_[size_t(side)] = false;
    const std::string_view line = trimmed(without_line_end(text_of(record)));
    if (side == Side::server) printed(line, record.size(), m, say);
    else typed(line, record.size(), m, say);
    m.act = Act::other;
    for (const Function& f : functions)
      if (f.number == m.function && (f.sub == m.sub_function || f.sub == 0xffff)) {
        m.act = f.act;
        break;
      }
    say.end();
  }

  void gap(Side, uint64_t) override { asked_ = Prompt::none; }

 private:
  void control(Bytes record, Message& m, Speaker& say) {
    Reader r{record, m.malformed};
    r.skip(1);
    m.function = r.u8();
    m.act = Act::session;
    r.require(m.function >= se);
    if (m.function == sb) {
      m.sub_function = r.u8();
      r.require(record.size() >= 5 && record[record.size() - 2] == iac && record.back() == se);
      r.rest();
    } else if (m.function >= will && m.function < iac) {
      m.sub_function = r.u8();
      r.finish();
    }
    if (m.function >= sb && m.function < iac && !m.malformed) {
      const std::string_view name = option_name(uint8_t(m.sub_function));
      const Object o(ObjectKind::item, m.sub_function);
      say.label(o, name);
      say.point(o);
      if (m.function == sb && m.sub_function == 38 && record.size() > 3 && record[3] == 3) encrypted_ = m.encrypted = true;   // RFC 2946: START
    }
    say.end();
  }

  void printed(std::string_view line, size_t octets, Message& m, Speaker& say) {
    const Prompt p = prompt_of(line);
    const bool judged = tried_ && !line.empty();
    if (judged && says_failure(line)) {
      m.function = failed, m.refused = true;
      tried_ = false;
    } else if (p != Prompt::none) {
      m.function = p == Prompt::user ? prompt_user : prompt_password;
      m.refused = tried_;                                 // asked again: the last attempt was in vain
      tried_ = false;
      asked_ = p;
    } else if (judged) {
      m.function = succeeded;
      tried_ = false, in_ = true;
    } else {
      m.function = output;
      tell_octets(say, "text", octets);
    }
  }

  void typed(std::string_view line, size_t octets, Message& m, Speaker& say) {
    if (asked_ == Prompt::user) {
      m.function = user_given;
      user_.set(line);
      tell(say, "user", user_kind(line));
      asked_ = Prompt::none;
      return;
    }
    if (asked_ == Prompt::password) {
      m.function = password_given;
      tell_secret(say, "password", password_kind(user_.view(), line));
      asked_ = Prompt::none, tried_ = true;
      return;
    }
    std::string_view rest = line;
    const std::string_view word = next_word(rest);
    for (size_t i = 0; i < word_count; i++)
      if (same(word, commands[i].word)) {
        m.function = command, m.sub_function = uint16_t(i + 1);
        return;
      }
    m.function = input;
    tell_octets(say, "text", octets);
  }

  static std::string_view user_kind(std::string_view user) {
    if (user.empty()) return "none";
    for (std::string_view w : {"root", "admin", "administrator", "supervisor", "su", "sysadmin"})
      if (same(user, w)) return "administrator";
    for (const DefaultCredential& d : default_credentials)
      if (same(user, d.user)) return "vendor default";
    return "other";
  }

  Kept<48> user_;
  Prompt asked_ = Prompt::none;
  bool tried_ = false, in_ = false, encrypted_ = false, whole_[2] = {};
};

// Negotiation is what begins nearly every session: at least two commands that name options of the IANA list, and nothing foreign.
int negotiations(Bytes b) {
  int n = 0;
  while (!b.empty() && b[0] == iac) {
    const size_t octets = command_octets(b);
    if (!octets) return b.size() < 3 || b[1] == sb ? n : -1;
    if (b[1] < 241 || (octets == 3 && b[2] > 49 && b[2] != 255 && (b[2] < 138 || b[2] > 140))) return -1;
    n += octets >= 3;
    b = b.subspan(octets);
  }
  while (!b.empty()) {                                    // what stands behind it is text
    const size_t octets = b[0] == iac ? command_octets(b) : 1;
    if (!octets) break;
    if (b[0] != iac && b[0] >= 0x80) return -1;
    b = b.subspan(octets);
  }
  return n;
}
bool is_text(Bytes b) {
  for (uint8_t c : b)
    if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t' && c != 0 && c != 8 && c != 27 && c != 7 && c != 3) || c == 0xff) return false;
  return !b.empty();
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const bool up_negotiates = !up.empty() && up[0] == iac, down_negotiates = !down.empty() && down[0] == iac;
  const int a = up_negotiates ? negotiations(up) : 0, b = down_negotiates ? negotiations(down) : 0;
  if (a < 0 || b < 0) return {};
  const auto sober = [](Bytes s, bool negotiates) { return s.empty() || negotiates || is_text(s); };
  if (!sober(up, up_negotiates) || !sober(down, down_negotiates)) return {};
  const auto prompts = [](Bytes s) {
    const std::string_view t = text_of(s);
    return t.find("ogin:") != std::string_view::npos || t.find("assword:") != std::string_view::npos;
  };
  const bool up_prompts = prompts(up), down_prompts = prompts(down);
  const auto client = up_prompts && !down_prompts ? Recognised::down : down_prompts && !up_prompts ? Recognised::up : Recognised::unknown;
  if (a + b >= 2) return {Recognised::yes, client};
  if (up.empty() && down.empty()) return {};
  return {Recognised::maybe, client};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 23}, {Carrier::tcp, 2323}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"telnet", "Telnet", ports, recognises, open, functions, {}, nullptr,
                           "RFC 854, RFC 855, RFC 857, RFC 858, RFC 1091, RFC 1073 (options by name)",
                           "what is typed and printed, but for login dialogues and the words that command relays and controllers; contents of subnegotiations; RFC 2946 encryption"};

}  // namespace vidra::telnet
