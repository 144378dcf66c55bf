// SPDX-License-Identifier: Apache-2.0
// NET-05, NET-06, NET-07: somebody looks for what is there. Kept for each searcher: the different targets he tried, with
// their times, so that a slow search counts too; all of it bounded.
#include <algorithm>
#include <vector>

#include "daemon/base/mix.h"
#include "daemon/judge/net.h"

namespace vidra {
namespace {

// Tells at once when a limit is reached, then again at most once a second with what was added.
struct Pace {
  uint64_t pending = 0, total = 0;
  Time first = 0, last_told = 0;
  bool told = false;
};

class ArpScan final : public Detector {
 public:
  explicit ArpScan(const JudgeSettings& s) : row_(row("NET-05")) { settle(s); }
  void settle(const JudgeSettings& s) override {
    targets_ = size_t(s.number(row_, "targets"));
    window_ = seconds(s.number(row_, "window"));
  }
  std::span<const Want> wants() const override { return wants_; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& out) override {
    ArpWords words;
    if (!arp_words(e, words) || words.operation != 1 || words.gratuitous || words.target.kind == Address::Kind::none) return;
    const Address& sender = words.sender;
    // Those it has business with do not count: a master that starts asks for all of its stations.
    if (sender.kind != Address::Kind::none && (c.site.speaks(sender, words.target) || c.site.speaks(words.target, sender) || c.memory.speaks(sender, words.target) || c.memory.speaks(words.target, sender))) return;
    Searcher& s = find(e.scene.client_mac.empty() ? words.sender_mac : e.scene.client_mac, c.now);
    if (s.address.kind == Address::Kind::none) s.address = sender;   // the first it gave: a router has many, its story one
    const bool fresh = s.targets.add(words.target.ip4_number(), c.now, window_);
    s.last = c.now;
    s.pace.pending++;
    s.scene = e.scene;
    if (!fresh && !s.pace.told) return;
    if (s.pace.told) {
      if (c.now - s.pace.last_told >= second) tell(s, c, out);
      return;
    }
    if (s.targets.count(c.now, window_) < targets_) return;
    // While little is known a start-up looks like a search; those that answer are no part of one.
    size_t unheard = 0;
    s.targets.each(c.now, window_, [&](uint64_t a) { unheard += out.heard(Address::ip4(uint32_t(a))) == nullptr; });
    if ((c.learning || c.knows_nothing()) && unheard < targets_) return;
    tell(s, c, out);
  }

  void tick(const Context& c, Findings& out) override {
    for (auto& s : searchers_) {
      if (!s) continue;
      if (s->pace.told && s->pace.pending && c.now - s->pace.last_told >= second) tell(*s, c, out);
      // A search that is over begins anew; what its host asks for afterwards is another matter.
      if (c.now - s->last > (s->pace.told ? 2 * second : window_)) s.reset();
    }
  }
  void finish(const Context& c, Findings& out) override {
    for (auto& s : searchers_)
      if (s && s->pace.told && s->pace.pending) tell(*s, c, out);
  }

 private:
  struct Searcher {
    Mac mac;
    Address address;
    RecentSet<1024> targets;
    Pace pace;
    Time last = 0;
    Scene scene;
  };

  Searcher& find(const Mac& mac, Time now) {
    std::unique_ptr<Searcher>* to = &searchers_[0];
    for (auto& s : searchers_) {
      if (s && s->mac == mac) return *s;
      if (!s || (*to && s->last < (*to)->last)) to = &s;
    }
    *to = std::make_unique<Searcher>();
    (*to)->mac = mac;
    (*to)->pace.first = now;
    return **to;
  }

  void tell(Searcher& s, const Context& c, Findings& out) {
    Finding f;
    f.detection = &row_;
    f.severity = row_.severity;
    f.scene = s.scene;
    const bool by_address = s.address.kind != Address::Kind::none;
    f.source = by_address ? c.party(s.address) : Party{Address::of(s.mac), {}};
    f.weight = s.pace.pending;
    s.pace.total += s.pace.pending;
    s.pace.pending = 0;
    s.pace.last_told = c.now;
    s.pace.told = true;
    uint32_t low = ~0u, high = 0;
    s.targets.each(s.last, window_, [&](uint64_t a) { low = std::min(low, uint32_t(a)); high = std::max(high, uint32_t(a)); });
    f.object = fmt::format("addresses {} to {}", text_of(Address::ip4(low)), text_of(Address::ip4(high)));
    f.what = fmt::format("{}{} asked for {} different addresses ({} requests) from {} to {}.", by_address ? c.text(s.address) : text_of(s.mac), by_address ? ", hardware address " + text_of(s.mac) + "," : "",
                         s.targets.count(s.last, window_), s.pace.total, text_of(Address::ip4(low)), text_of(Address::ip4(high)));
    f.expected = fmt::format("A host asks for the few it speaks with: fewer than {} others in {}.", targets_, human_duration(window_));
    out.raise(std::move(f));
  }

  static constexpr Want wants_[] = {{.protocol = "arp"}};
  const Detection& row_;
  size_t targets_;
  Time window_;
  std::array<std::unique_ptr<Searcher>, 64> searchers_;
};

class Scan final : public Detector {
 public:
  Scan(const JudgeSettings& s, std::shared_ptr<Scanners> scanners) : scan_(row("NET-06")), search_(row("NET-07")), tcp_(protocol_index("tcp")), scanners_(std::move(scanners)) { settle(s); }
  void settle(const JudgeSettings& s) override {
    targets_ = size_t(s.number(scan_, "targets"));
    slow_targets_ = size_t(s.number(scan_, "slow_targets"));
    ports_ = size_t(s.number(search_, "ports"));
    window_ = seconds(s.number(scan_, "window"));
    slow_window_ = seconds(s.number(scan_, "slow_window"));
    search_window_ = seconds(s.number(search_, "window"));
  }
  std::span<const Want> wants() const override { return wants_; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& out) override {
    const bool unsure = c.learning || c.knows_nothing();
    switch (fact_of(e)) {
      case Fact::attempted: if (unsure) return; break;      // an attempt is nothing while any conversation may be new
      case Fact::datagrams:                                 // of known hosts only what finds nobody counts
        if (unsure || c.site.host_of(e.scene.client.address) || c.memory.host(e.scene.client.address)) return;
        break;
      case Fact::refused: case Fact::unanswered: break;
      case Fact::reset: if (e.scene.from != Side::client) return; break;   // half-open: asked, answered, dropped
      default: return;
    }
    if (c.conversation.known() || e.scene.server.address.group()) return;
    const bool tcp = is_protocol(e, tcp_), attempt = fact_of(e) == Fact::attempted || fact_of(e) == Fact::datagrams;
    if (!tcp && e.scene.server.address.kind == Address::Kind::ip4 && e.scene.server.address.octets[3] == 255) return;   // to all of a subnet
    if (!tcp && e.scene.client.port && (e.scene.client.port < 1024 || is_ot_port(e.scene.client.port))) return;   // a service answers
    if (c.memory.speaks(e.scene.client.address, e.scene.server.address) && fact_of(e) == Fact::reset) return;
    const Endpoint& to = e.scene.server;
    Searcher& s = find(e.scene.client.address, c.now);
    s.last = c.now;
    if (tcp || !s.tcp) s.scene = e.scene;
    const bool fresh = s.pairs.add(key(to), c.now, slow_window_);
    if (fresh) s.last_fresh = c.now;
    // Tried again soon after is part of it; tried again later is a conversation that others tell.
    (tcp ? s.tcp : s.udp) = true;
    if ((attempt || unsure) && c.now - s.last_fresh < 10 * second) {
      s.pace.pending++;
      s.search_pace.pending += is_ot_port(to.port);
      if (s.pace.told) scanners_->note(s.address, c.now);
    }
    if (fresh && is_ot_port(to.port)) s.ot_ports.add(to.port, c.now, search_window_);
    if (fresh) s.hosts.add(mix(to.address), c.now, slow_window_), s.ports.add(to.port, c.now, slow_window_), s.last_host = to.address;

    const size_t scale = unsure ? 2 : 1;                    // a front-end that starts finds some of its stations switched off
    if (!s.pace.told && fresh && (s.pairs.reaches(targets_ * scale, c.now, window_) || s.pairs.reaches(slow_targets_ * scale, c.now, slow_window_))) tell_scan(s, c, out);
    if (!s.search_pace.told && fresh && is_ot_port(to.port) && s.ot_ports.reaches(ports_ * scale, c.now, search_window_)) tell_search(s, c, out);
  }

  void tick(const Context& c, Findings& out) override {
    if (c.now - swept_ < second) return;
    swept_ = c.now;
    for (auto& s : searchers_) {
      if (!s) continue;
      if (s->pace.told && s->pace.pending) tell_scan(*s, c, out);
      if (s->search_pace.told && s->search_pace.pending) tell_search(*s, c, out);
      if (c.now - s->last_fresh > (s->pace.told ? minute : slow_window_)) s.reset();   // over: the next one begins anew
    }
  }
  void finish(const Context& c, Findings& out) override {
    for (auto& s : searchers_) {
      if (!s) continue;
      if (s->pace.told && s->pace.pending) tell_scan(*s, c, out);
      if (s->search_pace.told && s->search_pace.pending) tell_search(*s, c, out);
    }
  }

 private:
  struct Searcher {
    Address address;
    RecentSet<512> pairs;
    RecentSet<256> hosts;
    RecentSet<64> ports;
    RecentSet<32> ot_ports;
    Pace pace, search_pace;
    Address last_host, target;
    bool many = false, tcp = false, udp = false;
    Time last = 0, last_fresh = 0;
    Scene scene;
  };

  static uint64_t key(const Endpoint& e) { return mix(e.address, e.port); }

  Searcher& find(const Address& a, Time now) {
    std::unique_ptr<Searcher>* to = &searchers_[0];
    for (auto& s : searchers_) {
      if (s && s->address == a) return *s;
      if (!s) {
        if (*to) to = &s;
      } else if (*to && s->last < (*to)->last) to = &s;
    }
    *to = std::make_unique<Searcher>();
    (*to)->address = a;
    (*to)->pace.first = (*to)->search_pace.first = now;
    return **to;
  }

  static std::string lasting(Time t) { return t < second ? "less than a second" : human_duration(t); }
  static std::string list(const auto& set, Time now, Time within) {
    std::vector<uint64_t> all;
    set.each(now, within, [&](uint64_t p) { all.push_back(p); });
    std::sort(all.begin(), all.end());
    std::string s;
    for (size_t i = 0; i < all.size() && i < 12; i++) s += fmt::format("{}{}", i ? ", " : "", all[i]);
    if (all.size() > 12) s += " …";
    return s;
  }

  Finding start(const Detection& d, Searcher& s, Pace& pace, const Context& c) {
    Finding f;
    f.detection = &d;
    f.severity = d.severity;
    f.scene = s.scene;
    f.scene.flow = 0;                              // of many conversations, not of this one
    f.source = c.party(s.address);
    f.weight = std::max<uint64_t>(1, pace.pending);
    pace.total += f.weight;
    pace.pending = 0;
    pace.told = true;
    return f;
  }

  void tell_scan(Searcher& s, const Context& c, Findings& out) {
    if (!s.pace.told) scanners_->note(s.address, c.now);
    Finding f = start(scan_, s, s.pace, c);
    const size_t hosts = s.hosts.count(s.last, slow_window_), ports = s.ports.count(s.last, slow_window_);
    if (s.target.kind == Address::Kind::none && !s.many && hosts == 1) s.target = s.last_host;   // named when first told, and kept: one story
    s.many = s.target.kind == Address::Kind::none;
    if (!s.many) f.target = c.party(s.target);
    const std::string_view carrier = !s.udp ? "TCP" : s.tcp ? "TCP and UDP" : "UDP";
    const std::string all_ports = list(s.ports, s.last, slow_window_);
    f.object = all_ports == "0" ? "no ports" : fmt::format("ports {}", all_ports);
    if (all_ports == "0") f.what = fmt::format("{} tried {} hosts one by one without ports (ICMP or another protocol), {} attempts in {}.", c.text(s.address), hosts, s.pace.total, lasting(s.last - s.pace.first));
    else f.what = fmt::format("{} tried {} {} targets on {} {} and {} {} ({}), {} attempts in {}.", c.text(s.address), s.pairs.count(s.last, slow_window_), carrier, hosts, hosts == 1 ? "host" : "hosts", ports,
                         ports == 1 ? "port" : "ports", all_ports, s.pace.total, lasting(s.last - s.pace.first));
    f.expected = fmt::format("Fewer than {} undeclared targets in {} and {} in {}.", targets_, human_duration(window_), slow_targets_, human_duration(slow_window_));
    out.raise(std::move(f));
  }

  void tell_search(Searcher& s, const Context& c, Findings& out) {
    Finding f = start(search_, s, s.search_pace, c);
    const size_t hosts = s.hosts.count(s.last, slow_window_);
    f.object = fmt::format("ports {}", list(s.ot_ports, s.last, search_window_));
    f.what = fmt::format("{} looked for {} control protocols on {}: ports {}.", c.text(s.address), s.ot_ports.count(s.last, search_window_), hosts == 1 ? c.text(s.last_host) : fmt::format("{} hosts", hosts),
                         list(s.ot_ports, s.last, search_window_));
    f.expected = fmt::format("No host tries {} or more control ports where nothing is declared for it.", ports_);
    out.raise(std::move(f));
  }

  static constexpr Want wants_[] = {{.protocol = "tcp"}, {.protocol = "udp"}};
  const Detection& scan_;
  const Detection& search_;
  size_t targets_, slow_targets_, ports_;
  Time window_, slow_window_, search_window_, swept_ = 0;
  int tcp_;
  std::shared_ptr<Scanners> scanners_;
  std::array<std::unique_ptr<Searcher>, 128> searchers_;
};

}  // namespace

std::unique_ptr<Detector> arp_scan_detector(const JudgeSettings& s) { return std::make_unique<ArpScan>(s); }
std::unique_ptr<Detector> scan_detector(const JudgeSettings& s, std::shared_ptr<Scanners> scanners) { return std::make_unique<Scan>(s, std::move(scanners)); }

}  // namespace vidra
