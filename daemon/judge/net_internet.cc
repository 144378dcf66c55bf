// SPDX-License-Identifier: Apache-2.0
// NET-12: the control network and the Internet in one conversation.
#include "daemon/base/mix.h"
#include "daemon/judge/net.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class Internet final : public Detector {
 public:
  explicit Internet(const JudgeSettings&) : row_(row("NET-12")), tcp_(protocol_index("tcp")), udp_(protocol_index("udp")), arp_(protocol_index("arp")) {}
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& out) override {
    const Scene& s = e.scene;
    if (s.client.address.kind == Address::Kind::mac || s.client.address.kind == Address::Kind::none || is_protocol(e, arp_)) return;
    if (s.client.address.group() || s.server.address.group()) return;
    const bool client_in = c.site.inside(s.client.address), server_in = c.site.inside(s.server.address);
    if (client_in == server_in) return;                    // between two of ours, or nothing to do with us
    const Address& outside = client_in ? s.server.address : s.client.address;
    const Address& inside = client_in ? s.client.address : s.server.address;
    if (c.site.outside_allowed(outside) || c.conversation.declared) return;
    const bool tcp = is_protocol(e, tcp_), facts = tcp || is_protocol(e, udp_);
    const bool spoken = !facts, ot = is_control(s.protocol) || is_ot_port(s.server.port);
    const HostRole role = c.site.role_of(c.site.host_of(inside));
    const bool controls = role == HostRole::rtu || role == HostRole::ied || role == HostRole::plc || role == HostRole::meter || role == HostRole::master || role == HostRole::hmi;
    if ((c.learning || c.knows_nothing()) && !ot && !controls) return;   // an office's daily bread until somebody says what is right
    if (c.conversation.learned && !ot) return;
    const bool open = spoken || (tcp && (fact_of(e) == Fact::opened || fact_of(e) == Fact::midstream));

    // A host that meets many outsiders is one story; so are all hosts, where more begin to in a second than anybody could read. Of both so
    // many findings a second, with their number. Where a protocol is understood, they are counted apart.
    if (c.now / second != second_) second_ = c.now / second, alone_[0] = alone_[1] = 0;
    const uint64_t who = mix(inside), sort = uint64_t{open} | uint64_t{ot} << 1 | uint64_t{client_in} << 2 | uint64_t{controls} << 3;
    size_t met = 0;
    hosts_.each(c.now, hour, [&](uint64_t h) { met += h >> 32 == who >> 32; });
    const bool many_outsiders = met >= 5, crowd = !many_outsiders && alone_[open] >= most_alone;
    uint64_t weight = 1;
    if (many_outsiders || crowd) {
      if (weight = pacer_.due(key_of(crowd ? 0 : who, sort), c.now); !weight) return;
    } else {
      alone_[open]++;
      hosts_.add(who >> 32 << 32 | uint32_t(mix(outside)), c.now, hour);
    }

    Finding f = finding(row_, e, c);
    f.source = c.party(s.client.address);
    f.target = c.party(s.server.address);
    f.weight = weight;
    f.station.clear();
    f.object.clear();
    f.severity = c.conversation.learned ? 2 : ot && open ? 5 : controls || open ? 4 : 3;
    f.confidence = open ? 1 : 0.7;
    if (crowd) {
      f.source = f.target = Party();
      f.cause = 2;
    } else if (many_outsiders) {
      Party& many = client_in ? f.target : f.source;
      many = Party();                        // gcc 12 makes a text of a null pointer from (a ? b : c) = {}
      f.cause = 1;
    }
    const std::string_view title = s.protocol < protocols.size() ? protocols[s.protocol]->title : "";
    f.what = fmt::format("{}{} {} {} on the Internet by {}{}.", crowd ? "More hosts at once than are told one by one; the last: " : "", c.text(inside), client_in ? (open ? "spoke with" : "tried to speak with") : (open ? "was reached by" : "was tried by"), text_of(outside), title,
                         s.server.port ? fmt::format(" port {}", s.server.port) : "");
    f.expected = c.site.outside.empty() ? "No address outside the site is declared." : fmt::format("Outside the site only the {} declared ranges are spoken with.", c.site.outside.size());
    out.raise(std::move(f));
  }

 private:
  static constexpr Want wants_[] = {{.protocol = "", .first_only = true}, {.protocol = "tcp", .acts = bit(Act::session), .first_only = true}};
  static constexpr uint32_t most_alone = 256;        // told by themselves in a second, of each sort
  const Detection& row_;
  Time second_ = 0;
  uint32_t alone_[2] = {};                           // in this second: of what was tried, of what was open
  int tcp_, udp_, arp_;
  RecentSet<256> hosts_;
  Pacer pacer_;
};

}  // namespace

std::unique_ptr<Detector> internet_detector(const JudgeSettings& s) { return std::make_unique<Internet>(s); }

}  // namespace vidra
