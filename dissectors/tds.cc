// SPDX-License-Identifier: Apache-2.0
// TDS (MS-TDS 7.x), which Microsoft SQL Server speaks: pre-login, login, batches and calls by their first words, errors. A record is a packet;
// of a message in several packets the first says what there is to say.
//
// function is the packet type; sub-function 1 of a batch, a call: it names xp_cmdshell or another way to the operating system (Act::run).
// reason is an error's number where it fits 16 bits; tag the SPID. Of a login user, application and host are said, of its password the
// kind; of SQL at most four words without any literal. A login without encryption is rare: pre-login usually leads into TLS (encrypted).
#include "dissectors/ntlm.h"
#include "dissectors/protocol.h"
#include "dissectors/secrets.h"

namespace vidra::tds {
namespace {

enum Type : uint8_t { batch = 1, old_login = 2, rpc = 3, response = 4, attention = 6, bulk = 7, federated = 8, transaction = 14, login = 16, sspi = 17, prelogin = 18 };
constexpr uint16_t shell = 1, encrypted = 256;
constexpr Function functions[] = {
    {1, shell, "SQL batch with a command shell", Act::run},
    {1, 0xffff, "SQL batch", Act::other},
    {2, 0xffff, "login before version 7", Act::session},
    {3, shell, "procedure call with a command shell", Act::run},
    {3, 0xffff, "procedure call", Act::other},
    {4, 0xffff, "response", Act::other},
    {6, 0xffff, "attention", Act::session},
    {7, 0xffff, "bulk load", Act::write},
    {8, 0xffff, "federated authentication token", Act::session},
    {14, 0xffff, "transaction", Act::session},
    {16, 0xffff, "login", Act::session},
    {17, 0xffff, "SSPI", Act::session},
    {18, 0xffff, "pre-login", Act::session},
    {encrypted, 0xffff, "encrypted", Act::session},
};

std::string_view reason(uint16_t number) {
  switch (number) {
    case 102: return "syntax error";
    case 208: return "no such object";
    case 229: return "permission denied";
    case 233: return "connection closed";
    case 2812: return "no such procedure";
    case 4060: return "cannot open database";
    case 15281: return "component is turned off";
    case 18452: return "login from an untrusted domain";
    case 18456: return "login failed";
    case 18470: return "account disabled";
    case 18486: return "account locked out";
    case 18487: return "password expired";
    case 18488: return "password must change";
    default: return {};
  }
}

constexpr size_t head_octets = 8, longest = 32'767;
bool known(uint8_t type) { return (type >= 1 && type <= 4) || (type >= 6 && type <= 8) || type == 14 || (type >= 16 && type <= 18); }
bool is_head(Bytes b) {   // MS-TDS 2.2.3.1
  if (b.size() < head_octets || !known(b[0]) || (b[1] & 0xe4)) return false;
  const size_t n = size_t(b[2]) << 8 | b[3];
  return n >= head_octets && n <= longest && b[7] == 0;
}
size_t packet_octets(Bytes b) { return size_t(b[2]) << 8 | b[3]; }

// UTF-16 text that contains an ASCII word, without regard to case.
bool holds(Bytes utf16, std::string_view word) {
  for (size_t i = 0; i + 2 * word.size() <= utf16.size(); i++) {
    size_t k = 0;
    while (k < word.size() && utf16[i + 2 * k + 1] == 0 && lower(char(utf16[i + 2 * k])) == word[k]) k++;
    if (k == word.size()) return true;
  }
  return false;
}
constexpr std::string_view shells[] = {"xp_cmdshell", "sp_oacreate", "sp_start_job", "xp_regwrite"};
std::string_view shell_in(Bytes utf16) {
  for (std::string_view s : shells)
    if (holds(utf16, s)) return s;
  return {};
}

// The first words of a statement: letters and what names are made of; a quote, a digit or a sign ends them.
std::string_view first_words(Bytes utf16, std::array<char, 64>& to) {
  size_t used = 0;
  int words = 0;
  bool space = false;
  for (size_t i = 0; i + 1 < utf16.size() && used + 1 < to.size(); i += 2) {
    const char c = utf16[i + 1] ? '\0' : char(utf16[i]);
    if (c == ' ' || c == '\r' || c == '\n' || c == '\t') {
      space = used > 0;
      continue;
    }
    if (!is_letter(c) && c != '_' && c != '.' && c != '[' && c != ']') break;
    if (space && ++words == 4) break;
    if (space) to[used++] = ' ';
    space = false;
    to[used++] = c;
  }
  return {to.data(), used};
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    Half& h = half_[size_t(side)];
    if (h.over) return {Cut::skip, std::max<size_t>(b.size(), 1)};
    if (b.size() < head_octets) return closed || (!b.empty() && !known(b[0]) && !is_tls(b)) ? Cut{Cut::lost, 0} : Cut{Cut::need, head_octets};
    if (is_head(b) && (h.in_step || segment_start)) return h.in_step = true, Cut{Cut::take, packet_octets(b)};
    if (h.in_step && is_tls(b)) return {Cut::take, b.size()};   // TDS 8, or after login: said once, then passed over
    h.in_step = false;
    return {Cut::lost, 0};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    Half& h = half_[size_t(side)];
    if (is_tls(record)) {
      m.function = encrypted, m.act = Act::session;
      m.encrypted = h.over = true;
      return say.end();
    }
    Reader r{record, m.malformed};
    m.function = r.u8();
    const uint8_t status = r.u8();
    r.require(r.be16() == record.size());
    m.tag = r.be16();
    r.be16();
    r.require(known(uint8_t(m.function)));
    if (m.malformed) return say.end();
    m.role = m.function == response || (m.function == prelogin && side == Side::server) ? Role::response : Role::request;
    const Bytes body = r.rest();
    const bool first = !h.goes_on;
    h.goes_on = !(status & 1);
    m.retained = h.goes_on || !first;
    for (const Function& f : functions)
      if (f.number == m.function && f.sub == 0xffff) m.act = f.act;
    if (!first) {
      tell_octets(say, "more", body.size());
      return say.end();
    }
    Identity who;
    switch (m.function) {
      case prelogin: before(body, m, say); break;
      case login: log_in(body, m, say); break;
      case batch: statement(body, m, say); break;
      case rpc: call(body, m, say); break;
      case response: answer(body, m, say, who); break;
      case sspi: tell_ntlm(ntlm_in(body), say); break;
      default: break;
    }
    say.end();
    if (who.product) say.identity(who);
  }

  void gap(Side side, uint64_t) override { half_[size_t(side)].goes_on = half_[size_t(side)].in_step = false; }

 private:
  struct Half { bool goes_on = false, over = false, in_step = false; };
  static bool is_tls(Bytes b) { return b.size() >= 3 && b[0] >= 20 && b[0] <= 23 && b[1] == 3 && b[2] <= 4; }

  static void before(Bytes body, Message& m, Speaker& say) {   // 2.2.6.5
    if (body.size() >= 3 && is_tls(body)) {
      m.encrypted = true;
      return;
    }
    Reader r{body, m.malformed};
    for (int i = 0; i < 16 && r; i++) {
      const uint8_t token = r.u8();
      if (token == 0xff) break;
      const uint16_t offset = r.be16(), n = r.be16();
      r.require(offset <= body.size() && n <= body.size() - std::min<size_t>(offset, body.size()));
      if (!r.ok()) break;
      const Bytes value = body.subspan(offset, n);
      std::array<char, 16> room;
      if (token == 0 && n >= 4) {
        const int used = std::snprintf(room.data(), room.size(), "%u.%u.%u", value[0], value[1], unsigned(value[2]) << 8 | value[3]);
        tell(say, "version", {room.data(), size_t(used)});
      } else if (token == 1 && n >= 1) {
        constexpr std::string_view names[] = {"off", "on", "not supported", "required"};
        tell(say, "encryption", value[0] < 4 ? names[value[0]] : std::string_view("other"));
      } else if (token == 2 && n > 1) {
        const std::string_view s = text_of(value).substr(0, text_of(value).find('\0'));
        if (!s.empty()) tell(say, "instance", s);
      }
    }
  }

  static void log_in(Bytes body, Message& m, Speaker& say) {   // 2.2.6.4
    Reader r{body, m.malformed};
    r.skip(36);
    std::array<char, 400> room;
    const auto field = [&]() -> Bytes {
      const uint16_t offset = r.le16(), characters = r.le16();
      if (offset > body.size() || size_t{2} * characters > body.size() - offset) return {};
      return body.subspan(offset, size_t{2} * characters);
    };
    const Bytes host = field(), user = field(), password = field(), application = field(), server = field();
    r.skip(4);
    const Bytes library = field();
    field();
    const Bytes database = field();
    r.skip(6);
    const uint16_t sspi_offset = r.le16(), sspi_octets = r.le16();
    if (m.malformed) return;
    std::array<char, 130> name;
    const std::string_view who = utf8_of(user, name);
    if (!user.empty() || !password.empty()) {
      tell(say, "user", who);
      std::array<uint8_t, 128> clear;                       // nibbles swapped, each octet XOR A5
      const size_t n = std::min(password.size(), clear.size());
      for (size_t i = 0; i < n; i++) {
        const uint8_t o = password[i] ^ 0xa5;
        clear[i] = uint8_t(o << 4 | o >> 4);
      }
      tell_secret(say, "password", password_kind(who, utf8_of(Bytes(clear).first(n), room)));
      clear.fill(0), room.fill(0);
    }
    for (const auto& [what, octets] : {std::pair<std::string_view, Bytes>{"host", host}, {"application", application}, {"server", server}, {"library", library}, {"database", database}})
      if (!octets.empty()) tell(say, what, utf8_of(octets, room));
    if (sspi_offset <= body.size() && sspi_octets <= body.size() - sspi_offset) tell_ntlm(ntlm_in(body.subspan(sspi_offset, sspi_octets)), say);
  }

  static void statement(Bytes body, Message& m, Speaker& say) {   // 2.2.6.7, 2.2.5.3
    bool bad = false;
    Reader r{body, bad};
    const uint32_t headers = r.le32();
    const Bytes sql = headers >= 4 && headers <= body.size() && headers < 512 ? body.subspan(headers) : body;
    std::array<char, 64> room;
    const std::string_view words = first_words(sql, room);
    if (!words.empty()) say.point(kept_name(say, words));
    command_shell(sql, m, say);
  }

  static void call(Bytes body, Message& m, Speaker& say) {   // 2.2.6.6
    bool bad = false;
    Reader r{body, bad};
    const uint32_t headers = r.le32();
    if (headers >= 4 && headers < 512 && headers <= body.size()) r = Reader{body.subspan(headers), bad};
    else r = Reader{body, bad};
    const uint16_t n = r.le16();
    std::array<char, 300> room;
    if (n == 0xffff) {
      constexpr std::string_view names[] = {"", "sp_cursor", "sp_cursoropen", "sp_cursorprepare", "sp_cursorexecute", "sp_cursorprepexec", "sp_cursorunprepare", "sp_cursorfetch", "sp_cursoroption",
                                            "sp_cursorclose", "sp_executesql", "sp_prepare", "sp_execute", "sp_prepexec", "sp_prepexecrpc", "sp_unprepare"};
      const uint16_t id = r.le16();
      if (!bad) say.point(say.named(id < std::size(names) && id ? names[id] : std::string_view("procedure")));
    } else if (size_t{2} * n <= r.left() && n <= 130) {
      const std::string_view name = utf8_of(r.bytes(size_t{2} * n), room);
      if (!name.empty()) say.point(kept_name(say, name));
    }
    command_shell(body, m, say);
  }

  static void command_shell(Bytes sql, Message& m, Speaker& say) {
    const std::string_view s = shell_in(sql);
    if (s.empty()) return;
    m.sub_function = shell, m.act = Act::run;
    tell(say, "calls", s);
  }

  static void answer(Bytes body, Message& m, Speaker& say, Identity& who) {   // 2.2.7: the tokens up to the first rows
    bool bad = false;
    Reader r{body, bad};
    std::array<char, 300> room;
    for (int i = 0; i < 32 && r; i++) {
      const uint8_t token = r.u8();
      if (token == 0xfd || token == 0xfe || token == 0xff) {   // DONE, DONEPROC, DONEINPROC
        r.skip(12);
        continue;
      }
      if (token != 0xaa && token != 0xab && token != 0xad && token != 0xe3 && token != 0xed) return;
      Reader t = r.sub(r.le16());
      if (bad) return;
      if (token == 0xaa) {
        const uint32_t number = t.le32();
        t.u8();
        const uint8_t severity = t.u8();
        m.refused = true;
        m.reason = uint16_t(std::min<uint32_t>(number, 0xffff));
        if (!bad) tell_number(say, "severity", severity);
      } else if (token == 0xad) {
        t.skip(5);
        const std::string_view program = utf8_of(t.bytes(size_t{2} * t.u8()), room);
        const unsigned major = t.u8(), minor = t.u8(), build = t.be16();
        if (bad) return;
        m.act = Act::session;
        tell(say, "logged in", program);
        who.product = kept_text(say, program);
        std::array<char, 24> version;
        const int used = std::snprintf(version.data(), version.size(), "%u.%u.%u", major, minor, build);
        who.firmware = say.text({version.data(), size_t(used)});
      } else if (token == 0xed) {
        tell_ntlm(ntlm_in(t.peek()), say);
      }
    }
  }

  Half half_[2];
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  enum class Seen : uint8_t { nothing, no, maybe, asks, answers };
  const auto look = [](Bytes b) {
    if (b.empty()) return Seen::nothing;
    if (!is_head(b)) return Seen::no;
    const size_t n = packet_octets(b);
    bool bad = false;
    Reader r{b.subspan(head_octets), bad};
    switch (b[0]) {
      case prelogin:                                        // version first, six octets long, right behind a list of options
        return r.u8() == 0 && r.be16() >= 11 && r.be16() == 6 && !bad && b.size() >= n ? Seen::asks : Seen::maybe;
      case response:                                        // the server's answer to a pre-login looks like one; others begin with a token
        if (r.left() >= 5 && b[head_octets] == 0) return r.u8() == 0 && r.be16() >= 11 && r.be16() == 6 && !bad ? Seen::answers : Seen::no;
        return n > head_octets && (b[1] & 1) && b.size() > 10 &&
                       ((b[head_octets] == 0xe3 || b[head_octets] == 0xaa || b[head_octets] == 0xab || b[head_octets] == 0xad) && (b[head_octets + 1] | b[head_octets + 2] << 8) <= int(n) - 11)
                   ? Seen::answers : Seen::maybe;
      case login: {
        const uint32_t length = r.le32();
        const uint32_t version = r.le32();
        return !bad && length + head_octets == n && (version >> 24 == 0x70 || version >> 24 == 0x71 || version >> 24 == 0x72 || version >> 24 == 0x73 || version >> 24 == 0x74) ? Seen::asks : Seen::no;
      }
      case batch: case rpc: {                               // headers: total 22, header 18, type 2 (2.2.5.3.2)
        const uint32_t total = r.le32(), one = r.le32();
        const uint16_t type = r.le16();
        return !bad && total == 22 && one == 18 && type == 2 ? Seen::asks : Seen::maybe;
      }
      default: return Seen::maybe;
    }
  };
  const Seen a = look(up), b = look(down);
  if (a == Seen::no || b == Seen::no || (a == Seen::asks && b == Seen::asks)) return {};
  if (a == Seen::asks || b == Seen::answers) return {Recognised::yes, Recognised::up};
  if (b == Seen::asks || a == Seen::answers) return {Recognised::yes, Recognised::down};
  return {a == Seen::maybe || b == Seen::maybe ? Recognised::maybe : Recognised::no, Recognised::unknown};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 1433}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"tds", "TDS (MS SQL)", ports, recognises, open, functions, {}, reason,
                           "MS-TDS 2.2.3, 2.2.5.3, 2.2.6.4 to 2.2.6.7, 2.2.7 (error, login acknowledgement, SSPI)",
                           "rows and their description, bulk data, SQL beyond its first words, later packets of a message, everything inside TLS; the browser service (UDP 1434)"};

}  // namespace vidra::tds
