// SPDX-License-Identifier: Apache-2.0
// FTP's control connection (RFC 959, RFC 1123 4.1, RFC 2228, RFC 2389, RFC 2428, RFC 3659): a record is a command line, or a reply
// with all its lines. After AUTH and its 234 everything is encrypted and passed over.
//
// Commands have no numbers: they are 257… in the table's order, a reply is 256 with its code as sub-function. A reply's reason is its
// code where it refuses (4xx, 5xx). Passwords are reduced to none, vendor default or other; what a device says in its greeting (220)
// and of its system (215) is an identity. The data connection is not read.
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::ftp {
namespace {

constexpr uint16_t reply = 256, firmware = 1;
struct Is { enum : uint16_t { user = 257, pass, acct, cwd, cdup, smnt, quit, rein, port, pasv, type, stru, mode, retr, stor, stou, appe, allo, rest, rnfr, rnto, abor, dele,
                          rmd, mkd, pwd, list, nlst, site, syst, stat, help, noop, feat, opts, auth, pbsz, prot, ccc, eprt, epsv, lang, mdtm, mfmt, mlsd, mlst, size, host, clnt, other }; };

struct Verb { std::string_view word; uint16_t code; bool sure; };   // sure: a line that begins so is FTP and nothing else
constexpr Verb verbs[] = {
    {"USER", Is::user, false}, {"PASS", Is::pass, false}, {"ACCT", Is::acct, false}, {"CWD", Is::cwd, true}, {"XCWD", Is::cwd, true}, {"CDUP", Is::cdup, true}, {"XCUP", Is::cdup, true},
    {"SMNT", Is::smnt, true}, {"QUIT", Is::quit, false}, {"REIN", Is::rein, false}, {"PORT", Is::port, true}, {"PASV", Is::pasv, true}, {"TYPE", Is::type, true}, {"STRU", Is::stru, true},
    {"MODE", Is::mode, false}, {"RETR", Is::retr, false}, {"STOR", Is::stor, true}, {"STOU", Is::stou, true}, {"APPE", Is::appe, true}, {"ALLO", Is::allo, true}, {"REST", Is::rest, false},
    {"RNFR", Is::rnfr, true}, {"RNTO", Is::rnto, true}, {"ABOR", Is::abor, true}, {"DELE", Is::dele, false}, {"RMD", Is::rmd, true}, {"XRMD", Is::rmd, true}, {"MKD", Is::mkd, true},
    {"XMKD", Is::mkd, true}, {"PWD", Is::pwd, true}, {"XPWD", Is::pwd, true}, {"LIST", Is::list, false}, {"NLST", Is::nlst, true}, {"SITE", Is::site, true}, {"SYST", Is::syst, true},
    {"STAT", Is::stat, false}, {"HELP", Is::help, false}, {"NOOP", Is::noop, false}, {"FEAT", Is::feat, true}, {"OPTS", Is::opts, true}, {"AUTH", Is::auth, false}, {"PBSZ", Is::pbsz, true},
    {"PROT", Is::prot, true}, {"CCC", Is::ccc, false}, {"EPRT", Is::eprt, true}, {"EPSV", Is::epsv, true}, {"LANG", Is::lang, false}, {"MDTM", Is::mdtm, true}, {"MFMT", Is::mfmt, true},
    {"MLSD", Is::mlsd, true}, {"MLST", Is::mlst, true}, {"SIZE", Is::size, true}, {"HOST", Is::host, false}, {"CLNT", Is::clnt, true},
};

constexpr Function functions[] = {
    {reply, 125, "data connection open, transfer starts", Act::file},
    {reply, 150, "transfer starts", Act::file},
    {reply, 200, "ok", Act::session},
    {reply, 211, "status", Act::session},
    {reply, 213, "file status", Act::file},
    {reply, 215, "system type", Act::identify},
    {reply, 220, "greeting", Act::session},
    {reply, 221, "goodbye", Act::session},
    {reply, 226, "transfer complete", Act::file},
    {reply, 227, "passive mode", Act::session},
    {reply, 229, "extended passive mode", Act::session},
    {reply, 230, "logged in", Act::session},
    {reply, 234, "encryption accepted", Act::session},
    {reply, 250, "file action done", Act::file},
    {reply, 257, "path", Act::file},
    {reply, 331, "password wanted", Act::session},
    {reply, 332, "account wanted", Act::session},
    {reply, 350, "file action awaits more", Act::file},
    {reply, 421, "service not available", Act::session},
    {reply, 425, "no data connection", Act::file},
    {reply, 426, "transfer aborted", Act::file},
    {reply, 450, "file busy", Act::file},
    {reply, 451, "action aborted", Act::file},
    {reply, 452, "no space", Act::file},
    {reply, 500, "command unknown", Act::session},
    {reply, 501, "argument error", Act::session},
    {reply, 502, "command not implemented", Act::session},
    {reply, 503, "bad sequence", Act::session},
    {reply, 504, "parameter not implemented", Act::session},
    {reply, 530, "not logged in", Act::session},
    {reply, 532, "account needed", Act::session},
    {reply, 550, "file unavailable", Act::file},
    {reply, 552, "quota exceeded", Act::file},
    {reply, 553, "file name not allowed", Act::file},
    {reply, 0xffff, "reply", Act::session},
    {Is::user, 0xffff, "user", Act::session},
    {Is::pass, 0xffff, "password", Act::session},
    {Is::acct, 0xffff, "account", Act::session},
    {Is::cwd, 0xffff, "change directory", Act::browse},
    {Is::cdup, 0xffff, "change to parent directory", Act::browse},
    {Is::smnt, 0xffff, "structure mount", Act::file},
    {Is::quit, 0xffff, "quit", Act::session},
    {Is::rein, 0xffff, "reinitialize", Act::session},
    {Is::port, 0xffff, "data port", Act::session},
    {Is::pasv, 0xffff, "passive", Act::session},
    {Is::type, 0xffff, "type", Act::session},
    {Is::stru, 0xffff, "structure", Act::session},
    {Is::mode, 0xffff, "mode", Act::session},
    {Is::retr, 0xffff, "retrieve", Act::file},
    {Is::stor, firmware, "store firmware", Act::program},
    {Is::stor, 0xffff, "store", Act::file},
    {Is::stou, firmware, "store firmware unique", Act::program},
    {Is::stou, 0xffff, "store unique", Act::file},
    {Is::appe, firmware, "append to firmware", Act::program},
    {Is::appe, 0xffff, "append", Act::file},
    {Is::allo, 0xffff, "allocate", Act::file},
    {Is::rest, 0xffff, "restart at", Act::file},
    {Is::rnfr, 0xffff, "rename from", Act::file},
    {Is::rnto, 0xffff, "rename to", Act::file},
    {Is::abor, 0xffff, "abort", Act::session},
    {Is::dele, 0xffff, "delete", Act::file},
    {Is::rmd, 0xffff, "remove directory", Act::file},
    {Is::mkd, 0xffff, "make directory", Act::file},
    {Is::pwd, 0xffff, "print directory", Act::browse},
    {Is::list, 0xffff, "list", Act::browse},
    {Is::nlst, 0xffff, "name list", Act::browse},
    {Is::site, 0xffff, "site", Act::configure},
    {Is::syst, 0xffff, "system", Act::identify},
    {Is::stat, 0xffff, "status", Act::browse},
    {Is::help, 0xffff, "help", Act::browse},
    {Is::noop, 0xffff, "no operation", Act::session},
    {Is::feat, 0xffff, "features", Act::browse},
    {Is::opts, 0xffff, "options", Act::session},
    {Is::auth, 0xffff, "authentication and security", Act::session},
    {Is::pbsz, 0xffff, "protection buffer size", Act::session},
    {Is::prot, 0xffff, "data protection", Act::session},
    {Is::ccc, 0xffff, "clear command channel", Act::session},
    {Is::eprt, 0xffff, "extended data port", Act::session},
    {Is::epsv, 0xffff, "extended passive", Act::session},
    {Is::lang, 0xffff, "language", Act::session},
    {Is::mdtm, 0xffff, "modification time", Act::browse},
    {Is::mfmt, 0xffff, "modify modification time", Act::file},
    {Is::mlsd, 0xffff, "machine list of directory", Act::browse},
    {Is::mlst, 0xffff, "machine list", Act::browse},
    {Is::size, 0xffff, "size", Act::browse},
    {Is::host, 0xffff, "host", Act::session},
    {Is::clnt, 0xffff, "client", Act::session},
    {Is::other, 0xffff, "other command", Act::other},
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
  for (const Function& f : functions)
    if (f.number == reply && f.sub == code && code >= 400) return f.name;
  return {};
}

constexpr size_t longest_line = 4096, longest_reply = 8192;

const Verb* verb_of(std::string_view word) {
  for (const Verb& v : verbs)
    if (same(word, v.word)) return &v;
  return nullptr;
}
std::string_view first_word(std::string_view line) { return line.substr(0, line.find(' ')); }

// The code of a reply whose line begins here, 0 where none does.
unsigned code_of(std::string_view s) {
  if (s.size() < 4 || s[0] < '1' || s[0] > '6' || !is_digit(s[1]) || !is_digit(s[2]) || (s[3] != ' ' && s[3] != '-' && s[3] != '\r' && s[3] != '\n')) return 0;
  return unsigned(s[0] - '0') * 100 + unsigned(s[1] - '0') * 10 + unsigned(s[2] - '0');
}
bool may_be_reply(std::string_view s) {   // as far as it goes
  for (size_t i = 0; i < std::min<size_t>(s.size(), 3); i++)
    if (!is_digit(s[i])) return false;
  return s.size() < 4 || code_of(s) != 0;
}
bool may_be_command(std::string_view s) {
  size_t n = 0;
  while (n < s.size() && is_letter(s[n])) n++;
  if (n == s.size()) return n <= 4;
  return n >= 3 && n <= 4 && (s[n] == ' ' || s[n] == '\r' || s[n] == '\n') && verb_of(s.substr(0, n));
}

// A reply of several lines ends with the line that begins with its code and a space (RFC 959, 4.2).
size_t reply_octets(Bytes b) {
  const std::string_view s = text_of(b);
  size_t end = line_octets(b);
  if (end == 0 || !code_of(s) || s[3] != '-') return end;
  while (end < b.size()) {
    const std::string_view line = s.substr(end);
    const size_t n = line_octets(b.subspan(end));
    if (n == 0) return 0;
    end += n;
    if (line.size() >= 4 && line.substr(0, 3) == s.substr(0, 3) && line[3] != '-') return end;
  }
  return 0;
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    if (b.empty()) return {Cut::need, 1};
    if (encrypted_) return {Cut::skip, b.size()};
    bool& in_step = in_step_[size_t(side)];
    const std::string_view s = text_of(b);
    const bool server = side == Side::server;
    if (!in_step) {
      if (!segment_start || !(server ? may_be_reply(s) : may_be_command(s))) return {Cut::lost, 0};
    }
    const size_t n = server ? reply_octets(b) : line_octets(b);
    const size_t most = server ? longest_reply : longest_line;
    if (n && n <= most) return in_step = true, Cut{Cut::take, n};
    if (b.size() >= most || closed) {
      const size_t line = line_octets(b);
      return {Cut::take, line ? line : b.size()};
    }
    return {Cut::need, b.size() + 1};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    const std::string_view text = text_of(record);
    m.malformed = text.empty() || text.back() != '\n';
    if (side == Side::server) answer(text, m, say);
    else ask(text, m, say);
  }

  void gap(Side side, uint64_t) override {
    in_step_[size_t(side)] = false;
    asked_ = 0;
  }

 private:
  void ask(std::string_view text, Message& m, Speaker& say) {
    while (!text.empty() && uint8_t(text.front()) >= 0xf0) text.remove_prefix(1);   // Telnet's signals before ABOR
    std::string_view rest = without_line_end(text);
    const std::string_view word = first_word(rest);
    const std::string_view argument = word.size() < rest.size() ? rest.substr(word.size() + 1) : std::string_view{};
    const Verb* v = verb_of(word);
    m.function = v ? v->code : uint16_t(Is::other);
    m.malformed |= word.empty() || !printable(word);
    switch (m.function) {
      case Is::user:
        user_.set(argument);
        say.point(kept_name(say, argument));
        break;
      case Is::pass: case Is::acct: tell_secret(say, "password", password_kind(user_.view(), argument)); break;
      case Is::auth: case Is::type: case Is::mode: case Is::stru: case Is::prot: case Is::pbsz: case Is::rest: case Is::opts: case Is::lang: case Is::clnt:
        if (!argument.empty()) say.point(kept_name(say, argument.substr(0, argument.find(' '))));
        break;
      case Is::port: endpoint(argument, m, say); break;
      case Is::site: say.point(kept_name(say, first_word(argument))); break;   // its arguments are the server's own: a password may be one
      case Is::other: say.point(kept_name(say, word.size() <= 16 && printable(word) ? word : std::string_view("?"))); break;
      default:
        if (!argument.empty()) say.point(kept_name(say, argument));
        if ((m.function == Is::stor || m.function == Is::stou || m.function == Is::appe) && names_firmware(argument)) m.sub_function = firmware;
    }
    m.act = act_of(m.function, m.sub_function);
    asked_ = m.function;
    say.end();
  }

  void answer(std::string_view text, Message& m, Speaker& say) {
    const unsigned code = code_of(text);
    m.role = Role::response;
    m.function = reply;
    m.malformed |= code == 0 || reply_octets(bytes_of(text)) != text.size();
    m.sub_function = uint16_t(code);
    m.act = act_of(reply, m.sub_function);
    m.refused = code >= 400;
    m.reason = m.refused ? uint16_t(code) : uint16_t(0);
    const std::string_view line = without_line_end(text.substr(0, text.find('\n')));
    const std::string_view words = line.size() > 4 ? line.substr(4) : std::string_view{};
    if (code == 227) {                                  // h1,h2,h3,h4,p1,p2 in parentheses or not (RFC 1123, 4.1.2.6)
      const size_t at = words.find_first_of("0123456789");
      if (at != std::string_view::npos) endpoint(words.substr(at), m, say);
    } else if (code == 229) {
      const size_t at = words.find("|||");
      if (uint64_t n; at != std::string_view::npos && number(words.substr(at + 3, words.find('|', at + 3) - at - 3), n) && n < 65'536) tell_number(say, "data port", n);
    }
    if (code == 234 && asked_ == Is::auth) encrypted_ = m.encrypted = true;
    say.end();
    if ((code == 220 && !greeted_) || code == 215) {
      greeted_ = true;
      say.begin();
      Identity who;
      who.product = kept_text(say, words);
      if (!words.empty()) say.identity(who);
    }
  }

  static void endpoint(std::string_view s, Message& m, Speaker& say) {
    uint64_t n[6] = {};
    for (uint64_t& each : n) {
      std::string_view part = trimmed(next_part(s, ','));
      size_t digits = 0;
      while (digits < part.size() && is_digit(part[digits])) digits++;
      if (!number(part.substr(0, digits), each) || each > 255) {
        m.malformed = true;
        return;
      }
    }
    say.point(Object(ObjectKind::address, uint32_t(n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3])));
    tell_number(say, "data port", n[4] << 8 | n[5]);
  }

  Kept<64> user_;
  uint16_t asked_ = 0;
  bool in_step_[2] = {}, encrypted_ = false, greeted_ = false;
};

enum class Seen : uint8_t { nothing, foreign, likely_command, sure_command, likely_reply, sure_reply };
Seen seen(Bytes b) {
  const size_t n = line_octets(b);
  if (b.empty()) return Seen::nothing;
  if (n == 0 || n > longest_line) return Seen::foreign;
  const std::string_view line = without_line_end(text_of(b.first(n)));
  if (!printable(line)) return Seen::foreign;
  if (const unsigned code = code_of(text_of(b))) {
    const std::string_view all = text_of(b.first(std::min<size_t>(b.size(), 512)));
    if (code == 220 && contains(all, "ftp")) return Seen::sure_reply;
    if ((code == 227 && contains(line, "entering passive")) || (code == 229 && line.find("(|||") != std::string_view::npos)) return Seen::sure_reply;
    return code < 600 ? Seen::likely_reply : Seen::foreign;
  }
  const Verb* v = verb_of(first_word(line));
  if (!v) return Seen::foreign;
  return v->sure ? Seen::sure_command : Seen::likely_command;
}

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const Seen a = seen(up), b = seen(down);
  if (carrier != Carrier::tcp || a == Seen::foreign || b == Seen::foreign) return {};
  const auto asks = [](Seen s) { return s == Seen::likely_command || s == Seen::sure_command; };
  const auto answers = [](Seen s) { return s == Seen::likely_reply || s == Seen::sure_reply; };
  if ((asks(a) && asks(b)) || (answers(a) && answers(b))) return {};
  const bool sure = a == Seen::sure_command || b == Seen::sure_command || a == Seen::sure_reply || b == Seen::sure_reply;
  if (a == Seen::nothing && b == Seen::nothing) return {};
  return {sure ? Recognised::yes : Recognised::maybe, asks(a) || answers(b) ? Recognised::up : Recognised::down};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 21}, {Carrier::tcp, 2121}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"ftp", "FTP", ports, recognises, open, functions, {}, reason,
                           "RFC 959 (4, 5.3), RFC 1123 4.1, RFC 2228, RFC 2389, RFC 2428, RFC 3659",
                           "the data connection; everything after AUTH TLS; arguments of SITE; the words of replies"};

}  // namespace vidra::ftp
