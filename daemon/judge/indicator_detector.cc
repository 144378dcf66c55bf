// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "daemon/judge/indicators.h"
#include "daemon/judge/rules.h"
#include "dissectors/facts.h"

namespace vidra {
namespace {

using Kind = Indicator::Kind;

// Where sentences carry what lists name, by the object that has it as its value. "" is every object's own name and value.
enum class Carries : uint8_t { names, host, subject, print, thumbprint };
struct Place { std::string_view protocol, object; Carries what; };
constexpr Place places[] = {
    {"dns", "", Carries::names},
    {"tls", "server name", Carries::host},
    {"tls", "subject", Carries::subject},
    {"tls", "ja4", Carries::print},
    {"tls", "SHA-1 thumbprint", Carries::thumbprint},
    {"tls", "SHA-256 thumbprint", Carries::thumbprint},
    {"http", "host", Carries::host},
    {"ssh", "hassh", Carries::print},
    {"ssh", "hasshServer", Carries::print},
    {"opcua", "sender's certificate", Carries::thumbprint},
    {"opcua", "receiver's certificate", Carries::thumbprint},
};

// Addresses are looked up at the first event of a conversation, the rest where a protocol says such things: whoever says none
// costs nothing.
class IndicatorDetector final : public Detector {
 public:
  explicit IndicatorDetector(const JudgeSettings& s) {
    for (const Place& p : places) {
      const int protocol = protocol_index(p.protocol);
      if (protocol >= 0) heard_in_.push_back({uint16_t(protocol), p.object.empty() ? 0 : Object::of_text(text_key(p.object)).key(), p.what});
    }
    settle(s);
  }

  void settle(const JudgeSettings& s) override {
    lists_ = s.indicators;
    again_ = Time(s.number(*rows_[0], "again") * double(second));
    wants_.clear();
    if (!lists_ || !lists_->size()) return;
    if (lists_->count(Kind::address)) wants_.push_back({.first_only = true});
    const bool names = lists_->count(Kind::name) || lists_->count(Kind::url) || lists_->count(Kind::address), prints = lists_->count(Kind::print);
    for (const Place& p : places)
      if (p.what <= Carries::subject ? names : prints) wants_.push_back({.protocol = p.protocol});
  }
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (c.first) ends(e, c, to);
    for (const HeardIn& h : heard_in_)
      if (h.protocol == e.scene.protocol) return words(e, c, to);
  }

 private:
  struct HeardIn { uint16_t protocol; uint64_t object; Carries what; };

  void ends(const Event& e, const Context& c, Findings& to) {
    // Who serves is guessed where the beginning was not heard, and of datagrams: the client may be the one that is listed with its port.
    const bool guessed = is(e, "udp") || (e.said && (e.said->midstream || (is(e, "tcp") && e.said->function == uint16_t(Fact::midstream))));
    for (const bool server : {true, false}) {
      const Endpoint& end = server ? e.scene.server : e.scene.client;
      const Indicator* i = lists_->address(end.address, server || guessed ? end.port : 0);
      if (!i) continue;
      const std::string other = c.text((server ? e.scene.client : e.scene.server).address);
      const bool attempt = e.said && is(e, "tcp") && e.said->function != uint16_t(Fact::opened) && e.said->function != uint16_t(Fact::midstream) && e.said->function != uint16_t(Fact::recognised);
      const std::string at = end.port && (server || i->port) ? fmt::format(" at port {}", end.port) : std::string();
      tell(0, *i, e, c, to,
           server ? fmt::format("{} {} {}{}", other, attempt ? "tries to reach" : "speaks with", c.text(end.address), at)
                  : fmt::format("{}{} {} {}", c.text(end.address), at, attempt ? "tries to reach" : "speaks with", other));
    }
  }

  void words(const Event& e, const Context& c, Findings& to) {
    if (is(e, "http") && e.said->role == Role::request && !e.points.empty() && std::none_of(e.points.begin(), e.points.end(), [this](const Point& p) { return p.object.key() == host_; }))
      url(e, c, to, text_of(e.scene.server.address));        // HTTP/1.0, and who leaves the header out: the URL's host is whom it speaks with
    for (const HeardIn& h : heard_in_) {
      if (h.protocol != e.scene.protocol) continue;
      for (const Point& p : e.points.first(std::min<size_t>(e.points.size(), 256))) {
        if (h.object && p.object.key() != h.object) continue;
        const std::string_view value = p.kind == ValueKind::text ? e.texts.find(p.raw) : std::string_view();
        switch (h.what) {
          case Carries::names:
            if (p.object.kind() == ObjectKind::named) name(e, c, to, e.texts.find(p.object.key() & ~(0xffull << 56)), "asked for the name");
            if (!value.empty()) name(e, c, to, value, "was told");
            break;
          case Carries::host: {
            const std::string_view host = without_port(value);
            if (!name(e, c, to, host, is(e, "tls") ? "opened an encrypted connection to the name" : "asked a web server for the name")) url(e, c, to, host);
            break;
          }
          case Carries::subject: subject(e, c, to, value); break;
          case Carries::print:
            if (const Indicator* i = value.empty() ? nullptr : lists_->text(Kind::print, value))
              tell(3, *i, e, c, to, fmt::format("The program at {} greets {} as {}", c.text(e.scene.speaker().address), c.text(e.scene.listener().address), i->value));
            break;
          case Carries::thumbprint:
            if (const Indicator* i = value.empty() ? nullptr : lists_->text(Kind::print, value))
              tell(4, *i, e, c, to, fmt::format("{} showed {} a certificate with the thumbprint {}", c.text(e.scene.speaker().address), c.text(e.scene.listener().address), i->value));
            break;
        }
      }
    }
  }

  bool name(const Event& e, const Context& c, Findings& to, std::string_view text, std::string_view did) {
    if (text.size() < 4) return false;
    if (const Indicator* i = lists_->count(Kind::name) ? lists_->name(text) : nullptr) {
      tell(1, *i, e, c, to, fmt::format("{} {} {}", c.text(e.scene.client.address), did, text));
      return true;
    }
    if (!lists_->count(Kind::address) || !((text[0] >= '0' && text[0] <= '9') || text.find(':') != text.npos)) return false;
    const auto a = parse_address(text);
    const Indicator* i = a ? lists_->address(*a) : nullptr;
    if (i) tell(0, *i, e, c, to, fmt::format("{} {} {}", c.text(e.scene.client.address), is(e, "dns") ? "was given, for a name that it asked for, the address" : did, text));
    return i != nullptr;
  }

  void url(const Event& e, const Context& c, Findings& to, std::string_view host) {
    if (!lists_->count(Kind::url) || e.points.empty() || e.points[0].object.kind() != ObjectKind::named) return;
    const std::string_view path = e.texts.find(e.points[0].object.key() & ~(0xffull << 56));
    if (const Indicator* i = lists_->text(Kind::url, fmt::format("{}{}", host, path)))
      tell(2, *i, e, c, to, fmt::format("{} asked {} for http://{}{}", c.text(e.scene.client.address), c.text(e.scene.server.address), host, path));
  }

  // "CN=*.host.example, O=…"
  void subject(const Event& e, const Context& c, Findings& to, std::string_view text) {
    const size_t at = text.find("CN=");
    if (at == text.npos || !lists_->count(Kind::name)) return;
    std::string_view cn = text.substr(at + 3);
    cn = cn.substr(0, cn.find(','));
    if (cn.starts_with("*.")) cn.remove_prefix(2);
    if (const Indicator* i = lists_->name(cn)) tell(1, *i, e, c, to, fmt::format("{} has a certificate for {}", c.text(e.scene.speaker().address), cn));
  }

  static std::string_view without_port(std::string_view host) {
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    return std::count(host.begin(), host.end(), ':') == 1 ? host.substr(0, host.find(':')) : host;
  }
  static bool is(const Event& e, std::string_view protocol) { return protocols[e.scene.protocol]->name == protocol; }

  // A key for each indicator and each pair: whatever is told often never hides another.
  void tell(size_t row, const Indicator& i, const Event& e, const Context& c, Findings& to, const std::string& what) {
    const uint64_t cause = text_key(i.value) + i.port;
    Told& t = told_.at(key_of(key_of(cause, row + 1), key_of(key_of(e.scene.client.address), key_of(e.scene.server.address))));
    t.waiting++;
    if (t.last && e.scene.time - t.last < again_) return;
    t.last = e.scene.time;
    Finding f = finding(*rows_[row], e, c);
    f.source = c.party(e.scene.client.address), f.target = c.party(e.scene.server.address);
    f.cause = cause;
    f.object = i.value;
    f.weight = std::exchange(t.waiting, 0);
    // In quotation marks, for somebody else wrote it: at the border it is a name, whatever words it is made of.
    std::string comment = i.comment;
    std::replace(comment.begin(), comment.end(), '"', '\'');
    f.what = fmt::format("{}. {} names {}{}.", what, lists_->place(i), i.value, comment.empty() ? "" : fmt::format(": \"{}\"", comment));
    f.expected = "Nothing that the site's lists name is met here.";
    to.raise(std::move(f));
  }

  const uint64_t host_ = Object::of_text(text_key("host")).key();
  struct Told { Time last = 0; uint64_t waiting = 0; };
  const Detection* rows_[5] = {&row("IOC-01"), &row("IOC-02"), &row("IOC-03"), &row("IOC-04"), &row("IOC-05")};
  std::shared_ptr<const Indicators> lists_;
  std::vector<HeardIn> heard_in_;
  std::vector<Want> wants_;
  Recent<Told> told_{4096};
  Time again_ = minute;
};

}  // namespace

void add_list_detectors(Detectors& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<IndicatorDetector>(s));
  add_field_rule_detector(to, s);
}

}  // namespace vidra
