// SPDX-License-Identifier: Apache-2.0
// VNC's remote framebuffer (RFC 6143, and RealVNC's older versions) up to its screen: version, kinds of security offered and chosen,
// whether the login succeeded, the desktop's name. What is shown and typed is passed over.
//
// Functions: 256 version, 257 securities offered, 258 security chosen, 259 challenge, 260 response to it, 261 result, 262 client init,
// 263 server init (the name is an identity), 264 what follows.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::vnc {
namespace {

constexpr uint16_t version = 256, offered = 257, chosen = 258, challenge = 259, response = 260, result = 261, client_init = 262, server_init = 263, screen = 264;
constexpr Function functions[] = {
    {version, 0xffff, "version", Act::session},
    {offered, 0xffff, "securities offered", Act::session},
    {chosen, 0xffff, "security chosen", Act::session},
    {challenge, 0xffff, "challenge", Act::session},
    {response, 0xffff, "response to the challenge", Act::session},
    {result, 0xffff, "security result", Act::session},
    {client_init, 0xffff, "client initialisation", Act::session},
    {server_init, 0xffff, "server initialisation", Act::session},
    {screen, 0xffff, "screen, keyboard and pointer", Act::operate},
};

std::string_view security_name(uint8_t s) {
  switch (s) {
    case 0: return "invalid";
    case 1: return "none";
    case 2: return "VNC authentication";
    case 5: return "RA2";
    case 6: return "RA2 without encryption";
    case 16: return "Tight";
    case 17: return "Ultra";
    case 18: return "TLS";
    case 19: return "VeNCrypt";
    case 20: return "SASL";
    case 30: return "Apple";
    default: return "other";
  }
}

bool is_version(Bytes b) {   // "RFB 003.008\n"
  const std::string_view s = text_of(b);
  return s.size() >= 12 && s.substr(0, 4) == "RFB " && is_digit(s[4]) && is_digit(s[5]) && is_digit(s[6]) && s[7] == '.' && is_digit(s[8]) && is_digit(s[9]) && is_digit(s[10]) && s[11] == '\n';
}

struct Parser final : vidra::Parser {
  Cut next(Side side, Bytes b, bool segment_start, bool closed) override {
    if (b.empty()) return {Cut::need, 1};
    const Step s = step(side);
    if (s == Step::over) return {Cut::skip, b.size()};
    if (s == Step::greet && !segment_start) return {Cut::lost, 0};
    if (s == Step::greet && std::memcmp(b.data(), "RFB 00", std::min<size_t>(b.size(), 6)) != 0) return {Cut::lost, 0};
    const size_t n = octets(s, b);
    if (n == 0) return closed ? Cut{Cut::lost, 0} : Cut{Cut::need, b.size() + 1};
    return {Cut::take, n};
  }

  void parse(Bytes record, Side side, Speaker& say) override {
    Message& m = say.begin();
    m.role = side == Side::client ? Role::request : Role::response;
    m.act = Act::session;
    const Step s = step(side);
    const size_t n = record.empty() ? 0 : octets(s, record);
    m.malformed = s != Step::over && n != record.size();
    Reader r{record, m.malformed};
    Identity who;
    Step& mine = step_[size_t(side)];
    switch (s) {
      case Step::greet: {
        m.function = version;
        r.require(is_version(record));
        if (m.malformed) break;
        const std::string_view v = text_of(record);
        tell(say, "version", v.substr(6, 5));
        const uint8_t minor = uint8_t((v[8] - '0') * 100 + (v[9] - '0') * 10 + (v[10] - '0'));
        minor_ = side == Side::client ? minor : std::min(minor_, minor);
        mine = side == Side::client ? Step::choice : Step::offer;
        break;
      }
      case Step::offer:
        m.function = offered;
        if (m.malformed) break;
        if (minor_ < 7) {                                   // the server decides (RFC 6143, 7.1.2 notes)
          const uint32_t only = r.be32();
          choose(uint8_t(std::min<uint32_t>(only, 255)));
          say.point(say.named(security_name(security_))).set(true);
          m.refused = only == 0;
          step_[0] = security_ == 2 ? Step::answer : Step::join;
        } else {
          const uint8_t count = r.u8();
          m.refused = count == 0;
          for (int i = 0; i < count && r; i++) say.point(say.named(security_name(r.u8()))).set(true);
          mine = Step::challenging;
          if (count == 0) mine = Step::over;
        }
        break;
      case Step::choice:
        m.function = chosen;
        if (m.malformed) break;
        choose(r.u8());
        tell(say, "security", security_name(security_));
        mine = security_ == 2 ? Step::answer : security_ == 1 ? Step::join : Step::over;
        break;
      case Step::challenging:
        m.function = challenge;
        if (!m.malformed) mine = Step::verdict;
        break;
      case Step::answer:
        m.function = response;
        if (!m.malformed) mine = Step::join;
        break;
      case Step::verdict: {
        m.function = result;
        if (m.malformed) break;
        const uint32_t code = r.be32();
        m.refused = code != 0;
        mine = code ? Step::over : Step::describe;
        break;
      }
      case Step::join:
        m.function = client_init;
        if (m.malformed) break;
        say.point(say.named("shared")).set(r.u8() != 0);
        mine = Step::input;
        break;
      case Step::describe: {
        m.function = server_init;
        if (m.malformed) break;
        const unsigned width = r.be16(), height = r.be16();
        r.skip(16);
        const std::string_view desktop = text_of(r.bytes(r.be32()));
        tell_number(say, "width", width), tell_number(say, "height", height);
        tell(say, "desktop", desktop);
        who.name = kept_text(say, desktop);
        mine = Step::over;
        break;
      }
      case Step::input:                                      // the first of what is typed or pointed, then nothing more is read
        m.function = screen, m.act = Act::operate;
        mine = Step::over;
        break;
      case Step::over:
        m.function = screen;
        m.malformed = record.empty();
        break;
    }
    say.end();
    if (who.name && !m.malformed) say.identity(who);
  }

  void gap(Side side, uint64_t) override {
    if (step_[size_t(side)] != Step::greet) step_[0] = step_[1] = Step::over;
  }

 private:
  enum class Step : uint8_t { greet, offer, choice, challenging, answer, verdict, join, describe, input, over };

  // What this side says next. The server's step after its offer depends on what the client chose.
  Step step(Side side) const {
    const Step s = step_[size_t(side)];
    if (side == Side::client || s != Step::challenging) return s;
    if (security_ == 2) return Step::challenging;
    if (security_ == 1) return minor_ >= 8 ? Step::verdict : Step::describe;
    return security_ ? Step::over : Step::challenging;
  }
  void choose(uint8_t s) {
    security_ = s;
    if (s == 2) step_[1] = Step::challenging;
    else if (s == 1) step_[1] = minor_ >= 8 ? Step::verdict : Step::describe;
    else step_[1] = Step::over;
  }

  // Octets of the message of a step that begins here; 0 where more are needed.
  size_t octets(Step s, Bytes b) const {
    const auto whole = [&b](size_t n) { return b.size() < n ? size_t{0} : n; };
    switch (s) {
      case Step::greet: return whole(12);
      case Step::offer: return minor_ < 7 ? whole(4) : whole(b[0] ? size_t{1} + b[0] : size_t{1});
      case Step::choice: case Step::join: return 1;
      case Step::challenging: case Step::answer: return whole(16);
      case Step::verdict: return whole(4);
      case Step::describe: {
        if (b.size() < 24) return 0;
        const size_t n = size_t(b[20]) << 24 | size_t(b[21]) << 16 | size_t(b[22]) << 8 | b[23];
        return n > 1024 ? b.size() : whole(24 + n);
      }
      case Step::input: return 1;
      default: return b.size();
    }
  }

  Step step_[2] = {Step::greet, Step::greet};
  uint8_t minor_ = 8, security_ = 0;
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  if (carrier != Carrier::tcp) return {};
  const bool a = is_version(up), b = is_version(down);
  if ((!a && !b) || (!up.empty() && !a) || (!down.empty() && !b)) return {};
  return {Recognised::yes, Recognised::unknown};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::tcp, 5900}, {Carrier::tcp, 5901}, {Carrier::tcp, 5902}, {Carrier::tcp, 5800}, {Carrier::tcp, 5500}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"vnc", "VNC", ports, recognises, open, functions, {}, nullptr,
                           "RFC 6143 (7.1, 7.2, 7.3)",
                           "all that follows initialisation: screen, keyboard, pointer, clipboard; securities other than none and VNC authentication"};

}  // namespace vidra::vnc
