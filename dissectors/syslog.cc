// SPDX-License-Identifier: Apache-2.0
// Syslog over UDP (RFC 3164, RFC 5424, RFC 5426): severity, facility, who says it. The text itself is not said: it may hold anything.
//
// function is the severity; frame the format; qualifier the facility's number.
#include "dissectors/protocol.h"
#include "dissectors/text.h"

namespace vidra::syslog {
namespace {

constexpr Function functions[] = {
    {0, 0xffff, "emergency", Act::report},
    {1, 0xffff, "alert", Act::report},
    {2, 0xffff, "critical", Act::report},
    {3, 0xffff, "error", Act::report},
    {4, 0xffff, "warning", Act::report},
    {5, 0xffff, "notice", Act::report},
    {6, 0xffff, "informational", Act::report},
    {7, 0xffff, "debug", Act::report},
};
constexpr std::string_view frames[] = {"other", "RFC 3164", "RFC 5424"};
constexpr std::string_view facilities[] = {"kernel", "user", "mail", "daemon", "security", "syslog", "printer", "news", "UUCP", "clock", "authorization", "FTP", "NTP", "audit", "console", "cron",
                                           "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};

// "<n>" (RFC 5424, 6.2.1); the octets it takes, 0 where there is none.
size_t priority(std::string_view s, unsigned& to) {
  if (s.size() < 3 || s[0] != '<') return 0;
  to = 0;
  for (size_t i = 1; i < std::min<size_t>(s.size(), 5); i++) {
    if (s[i] == '>') return i > 1 && to <= 191 ? i + 1 : 0;
    if (!is_digit(s[i]) || i == 4) return 0;
    to = to * 10 + unsigned(s[i] - '0');
  }
  return 0;
}
// "Jan  5 12:00:00 " (RFC 3164, 4.1.2)
bool dated(std::string_view s) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (s.size() < 16 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':' || s[15] != ' ') return false;
  const size_t m = months.find(s.substr(0, 3));
  return m != std::string_view::npos && m % 3 == 0 && is_digit(s[5]) && is_digit(s[7]) && is_digit(s[8]);
}

struct Parser final : vidra::Parser {
  Cut next(Side, Bytes b, bool, bool) override { return {Cut::take, std::max<size_t>(b.size(), 1)}; }   // never asked: datagrams

  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    m.role = Role::report;
    m.act = Act::report;
    std::string_view s = text_of(record);
    unsigned pri = 0;
    const size_t n = priority(s, pri);
    m.malformed = n == 0;
    if (!m.malformed) {
      m.function = pri & 7;
      m.qualifier = pri >> 3;
      tell(say, "facility", facilities[pri >> 3]);
      s = s.substr(n);
      if (s.substr(0, 2) == "1 ") {
        m.frame = 2;
        next_word(s), next_word(s);                       // version, time
        field(say, "host", next_word(s));
        field(say, "application", next_word(s));
        next_word(s);
        field(say, "message", next_word(s));
      } else if (dated(s)) {
        m.frame = 1;
        s = s.substr(16);
        field(say, "host", next_word(s));
        std::string_view tag = next_word(s);
        if (const size_t end = tag.find_first_of("[:"); end != std::string_view::npos) field(say, "application", tag.substr(0, end));
      }
      tell_octets(say, "text", s.size());
    }
    say.end();
  }

 private:
  static void field(Speaker& say, std::string_view name, std::string_view value) {
    if (!value.empty() && value != "-" && value.size() <= 129) tell(say, name, value);
  }
};

Recognised recognises(Bytes up, Bytes down, Carrier carrier) {
  const std::string_view s = text_of(up.empty() ? down : up);
  unsigned pri;
  const size_t n = carrier == Carrier::udp ? priority(s, pri) : 0;
  if (!n || !printable(without_line_end(s.substr(0, 200)))) return {};
  const std::string_view rest = s.substr(n);
  const bool sure = dated(rest) || (rest.size() > 12 && rest.substr(0, 2) == "1 " && (rest[2] == '-' || (is_digit(rest[2]) && rest[6] == '-' && rest[9] == '-')));
  return {sure ? Recognised::yes : Recognised::maybe, up.empty() ? Recognised::down : Recognised::up};
}

vidra::Parser* open(Pool& pool) { return pool.make<Parser>(); }
constexpr Port ports[] = {{Carrier::udp, 514}};

}  // namespace

extern const Protocol protocol;
const Protocol protocol = {"syslog", "Syslog", ports, recognises, open, functions, frames, nullptr,
                           "RFC 5424 6, RFC 3164 4.1, RFC 5426",
                           "the text and structured data; syslog over TCP and TLS"};

}  // namespace vidra::syslog
