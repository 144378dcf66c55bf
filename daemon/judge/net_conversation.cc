// SPDX-License-Identifier: Apache-2.0
// NET-02 and NET-03: a conversation that was neither declared nor learned. It may take a moment to show its protocol, and
// then a detector of that protocol often says more about it than this one could: so the verdict waits a little.
#include <algorithm>
#include <list>
#include <unordered_map>
#include <vector>

#include "daemon/base/mix.h"
#include "daemon/judge/net.h"

namespace vidra {
namespace {

constexpr uint8_t icmp = 1, icmp6 = 58;

// What IP carries without ports, by its number.
std::string carried_by_ip(uint8_t number) {
  struct Named { uint8_t number; std::string_view name; };
  static constexpr Named names[] = {{icmp, "ICMP"}, {2, "IGMP"}, {4, "IP in IP"}, {41, "IPv6 in IP"}, {47, "GRE"}, {50, "ESP"}, {51, "AH"}, {icmp6, "ICMPv6"}, {88, "EIGRP"}, {89, "OSPF"}, {103, "PIM"}, {112, "VRRP"}, {132, "SCTP"}};
  for (const Named& n : names)
    if (n.number == number) return std::string(n.name);
  return number ? fmt::format("IP protocol {}", number) : "an IP protocol without ports";
}

class NewConversation final : public Detector {
 public:
  NewConversation(const JudgeSettings& s, std::shared_ptr<const Scanners> scanners) : new_(row("NET-02")), changed_(row("NET-03")), scanners_(std::move(scanners)), tcp_(protocol_index("tcp")), udp_(protocol_index("udp")), arp_(protocol_index("arp")), sensor_(protocol_index("sensor")) {
    settle(s);
    by_flow_.reserve(limit), spare_keys_.reserve(limit);
  }
  void settle(const JudgeSettings& s) override {
    wait_ = seconds(s.number(new_, "wait"));
  }
  std::span<const Want> wants() const override { return wants_; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& out) override {
    if (c.learning || c.knows_nothing() || is_protocol(e, arp_) || is_protocol(e, sensor_) || !e.scene.flow) return;
    const Scene& s = e.scene;
    if (to_all(s.server.address) || s.client.address.group()) return;
    if (s.client.address.kind == Address::Kind::mac || s.client.address.kind == Address::Kind::none) return;
    const bool facts = is_protocol(e, tcp_) || is_protocol(e, udp_);
    if (facts) {
      switch (fact_of(e)) {
        case Fact::opened: case Fact::midstream: case Fact::datagrams: break;
        case Fact::recognised: remember_name(e); return;
        case Fact::closed: case Fact::reset: decide(s.flow, c, out); return;
        default: return;
      }
    } else if (!c.first) return;
    const auto found = by_flow_.find(s.flow);
    if (c.conversation.known() || related(e, c)) {
      if (found != by_flow_.end()) forget(found->second);   // its protocol turned out to be known
      return;
    }
    Waiting& w = found != by_flow_.end() ? *found->second : begin(s.flow, c, out);
    w.scene = s;
    w.spoken = !facts;
    if (facts && fact_of(e) == Fact::datagrams) w.carried = uint8_t(e.said->qualifier);
  }

  void tick(const Context& c, Findings& out) override {
    if (crowd_.number && c.now / second != crowded_ / second) tell_crowd(c, out);
    while (!waiting_.empty() && waiting_.front().due <= c.now) end(waiting_.begin(), c, out);
  }
  void finish(const Context& c, Findings& out) override {
    if (crowd_.number) tell_crowd(c, out);
    while (!waiting_.empty()) end(waiting_.begin(), c, out);
  }

 private:
  struct Waiting {
    uint64_t flow = 0;
    Time due = 0;
    Scene scene;
    bool spoken = false;                          // a dissector understood it
    uint8_t carried = 0;                          // IP's number of what has no ports
    char name[24] = {};                           // what classify calls it
  };

  using Place = std::list<Waiting>::iterator;
  // Those for which there was no room, within one second.
  struct Crowd {
    uint64_t number = 0;
    Scene last;
    bool one_client = true, one_server = true;
  };

  // Where all places are taken, the one that has waited longest is told now.
  Waiting& begin(uint64_t flow, const Context& c, Findings& out) {
    if (waiting_.size() >= limit) {
      if (c.now / second != crowded_ / second) {
        if (crowd_.number) tell_crowd(c, out);
        crowded_ = c.now, told_early_ = told_control_ = 0;
      }
      // So many that nobody could read each: they are told by their number. What a protocol of control is about is never among those
      // that one can send without being answered.
      const Waiting& oldest = waiting_.front();
      uint32_t& told = oldest.spoken && is_control(oldest.scene.protocol) ? told_control_ : told_early_;
      if (told < early) told++, end(waiting_.begin(), c, out);
      else if (out.told(oldest.flow) || (!oldest.spoken && scanners_->active(oldest.scene.client.address, oldest.scene.time))) forget(waiting_.begin());
      else {
        crowd_.one_client = !crowd_.number || (crowd_.one_client && crowd_.last.client.address == oldest.scene.client.address);
        crowd_.one_server = !crowd_.number || (crowd_.one_server && crowd_.last.server.address == oldest.scene.server.address);
        crowd_.number++, crowd_.last = oldest.scene;
        forget(waiting_.begin());
      }
    }
    if (spare_.empty()) waiting_.emplace_back();
    else waiting_.splice(waiting_.end(), spare_, spare_.begin()), waiting_.back() = {};
    const Place at = std::prev(waiting_.end());
    at->flow = flow, at->due = c.now + wait_;
    if (spare_keys_.empty()) return by_flow_[flow] = at, *at;
    auto key = std::move(spare_keys_.back());
    spare_keys_.pop_back();
    key.key() = flow, key.mapped() = at;
    by_flow_.insert(std::move(key));
    return *at;
  }
  void forget(Place at) {
    spare_keys_.push_back(by_flow_.extract(at->flow));
    spare_.splice(spare_.end(), waiting_, at);
  }
  void end(Place at, const Context& c, Findings& out) {
    const Waiting w = *at;
    forget(at);
    tell(w, c, out);
  }
  void tell_crowd(const Context& c, Findings& out) {
    const Crowd crowd = std::exchange(crowd_, {});
    Finding f;
    f.detection = &new_;
    f.severity = new_.severity;
    f.scene = crowd.last;
    if (crowd.one_client) f.source = c.party(crowd.last.client.address);
    if (crowd.one_server) f.target = c.party(crowd.last.server.address);
    f.cause = 2;
    f.weight = crowd.number;
    f.what = fmt::format("{} more conversations that nobody knows began within a second, too many to look at each; the last is of {} with {}.", crowd.number, c.text(crowd.last.client.address), c.text(crowd.last.server.address));
    f.expected = "Each is told by itself where there are fewer.";
    out.raise(std::move(f));
  }
  void remember_name(const Event& e) {
    const auto found = by_flow_.find(e.scene.flow);
    if (found == by_flow_.end() || e.points.empty()) return;
    Waiting& w = *found->second;
    const std::string_view name = e.texts.find(e.points[0].raw);
    const size_t n = std::min(name.size(), sizeof w.name - 1);
    std::copy_n(name.data(), n, w.name);
  }
  static bool to_all(const Address& a) { return a.group() || (a.kind == Address::Kind::ip4 && a.octets[3] == 255); }   // of a subnet, too
  static uint64_t pair_key(const Address& a, const Address& b) { return mix(mix(a) ^ mix(b, 1)); }
  static bool knows(const Context& c, const Address& a) { return c.site.host_of(a) || c.memory.host(a); }
  bool is_udp(const Scene& s) const { return s.protocol == udp_; }
  void decide(uint64_t flow, const Context& c, Findings& out) {
    if (const auto found = by_flow_.find(flow); found != by_flow_.end()) end(found->second, c, out);
  }

  // A file transfer opens its data connections on ports that nobody can declare; an answer may be heard before its question.
  bool related(const Event& e, const Context& c) const {
    const Scene& s = e.scene;
    const auto speaks = [&](const Endpoint& client, const Endpoint& server, int protocol) {
      return c.site.conversation(client, server, uint16_t(protocol)) || c.memory.conversation(client.address, server.address, uint16_t(protocol), server.port);
    };
    if (is_protocol(e, udp_) && speaks(s.server, s.client, udp_)) return true;
    if (c.conversation.client && c.conversation.server && (is_control(s.protocol) || is_ot_port(s.server.port)) && c.site.group(c.conversation.client, c.conversation.server)) return true;
    if (is_protocol(e, tcp_) && fact_of(e) == Fact::midstream && speaks(s.server, s.client, tcp_)) return true;
    if (is_protocol(e, tcp_) && s.server.port > 1023 && speaks({s.client.address, 0}, {s.server.address, 21}, tcp_)) return true;   // passive
    if (is_protocol(e, tcp_) && s.client.port == 20 && speaks({s.server.address, 0}, {s.client.address, 21}, tcp_)) return true;    // active
    return false;
  }

  void tell(const Waiting& w, const Context& c, Findings& out) {
    Scene scene = w.scene;
    const bool spoken = w.spoken;
    const std::string name = w.name;
    if (out.told(scene.flow) || out.told(scene.client.address, scene.server)) return;   // somebody said more about it already
    // What somebody said of a file transfer covers the connections that carry its data.
    if (scene.protocol == tcp_ && !spoken && scene.server.port > 1023 && out.told(scene.client.address, Endpoint{scene.server.address, 21})) return;
    if (!spoken && scanners_->active(scene.client.address, scene.time)) return;   // opened and left: the scan tells it
    // A known host that sends datagrams from a service's port answers, to a broadcast for one: the unknown one began it.
    if (is_udp(scene) && (scene.client.port <= scene.server.port || is_ot_port(scene.client.port)) && knows(c, scene.client.address) && !knows(c, scene.server.address)) {
      std::swap(scene.client, scene.server);
      std::swap(scene.client_mac, scene.server_mac);
      scene.from = other(scene.from);
    }
    const auto pair = [&](const Address& a, const Address& b) { return c.site.speaks(a, b) || c.memory.speaks(a, b); };
    const bool forward = pair(scene.client.address, scene.server.address), backward = pair(scene.server.address, scene.client.address);
    if (!spoken && !scene.client.port && !scene.server.port && (forward || backward)) return;   // who speaks with another may ping it
    const HostId server = c.site.host_of(scene.server.address);
    const bool client_known = knows(c, scene.client.address), server_known = knows(c, scene.server.address);
    // So may any two that belong here: whoever looks for a fault does it. Many one after the other are a scan.
    if (!spoken && (w.carried == icmp || w.carried == icmp6) && client_known && server_known) return;
    const bool ot = (spoken && is_control(scene.protocol)) || is_ot_port(scene.server.port);
    const bool changed = ot && client_known && server_known && (forward || backward);

    Finding f;
    f.detection = changed ? &changed_ : &new_;
    f.severity = f.detection->severity;
    const HostRole role = c.site.role_of(server);
    if (!changed && !client_known && (role == HostRole::rtu || role == HostRole::ied || role == HostRole::plc || role == HostRole::meter)) f.severity = 4;
    f.scene = scene;
    f.source = c.party(scene.client.address);
    f.target = c.party(scene.server.address);
    f.cause = protocol_cause(scene.protocol, scene.server.port);
    // The data connections of a file transfer belong to its story.
    const uint64_t key = pair_key(scene.client.address, scene.server.address);
    if (scene.protocol == tcp_ && scene.server.port == 21) transfers_.add(key, scene.time, 0);
    else if (scene.protocol == tcp_ && scene.server.port > 1023 && !ot)
      transfers_.each(scene.time, 10 * minute, [&](uint64_t k) {
        if (k == key) f.cause = protocol_cause(scene.protocol, 21);
      });
    const std::string carrier(scene.protocol < protocols.size() ? protocols[scene.protocol]->title : "");
    const std::string what = spoken ? carrier : !scene.server.port ? carried_by_ip(w.carried) : name.empty() ? fmt::format("{} port {}", carrier, scene.server.port) : fmt::format("{} port {} (it looks like {})", carrier, scene.server.port, name);
    // Two devices of an import that speak a protocol of control, and the import does not say so: what is commanded is judged by itself.
    // Of two that have long been heard it is no difference from what was planned, but new.
    const auto recent = [&](const Address& a) {
      const HeardHost* h = out.heard(a);
      return h && scene.time - h->first <= day && !c.memory.host(a);
    };
    if (spoken && is_control(scene.protocol) && c.site.unreviewed(server) && c.site.unreviewed(c.site.host_of(scene.client.address)) && (recent(scene.client.address) || recent(scene.server.address)))
      f.difference = true, f.device = server;
    f.what = fmt::format("{} spoke {} with {}.", c.text(scene.client.address), what, c.text(scene.server.address));
    if (changed && !forward) f.what += fmt::format(" Until now only {} asked {}: their roles are reversed.", c.text(scene.server.address), c.text(scene.client.address));
    else if (changed) f.what += " The two speak with each other, but never did in this protocol.";
    else if (!client_known) f.what += fmt::format(" {} is itself unknown.", text_of(scene.client.address));
    f.expected = changed ? "These two keep to the protocols that are declared or learned between them."
                         : fmt::format("No conversation of this kind is declared or learned between them ({} are declared, {} were learned).", c.site.conversations.size(), c.memory.conversations().size());
    // An unknown host that sends datagrams to one after the other is one story.
    if (is_udp(scene) && !spoken && !client_known) {
      const uint64_t who = pair_key(scene.client.address, scene.client.address) << 32;
      size_t met = 0;
      strangers_.each(scene.time, hour, [&](uint64_t k) { met += k >> 32 == who >> 32; });
      strangers_.add(who | uint32_t(key), scene.time, hour);
      if (met >= 6) {
        f.what = fmt::format("{} sends datagrams to one host after the other, {} the last. {} is itself unknown.", c.text(scene.client.address), c.text(scene.server.address), text_of(scene.client.address));
        f.target = {};
        f.cause = 1;
      }
    }
    out.raise(std::move(f));
  }

  static constexpr size_t limit = 1024;
  static constexpr uint32_t early = 256;          // told before their time in a second, of each sort
  static constexpr Want wants_[] = {{.protocol = "", .first_only = true}, {.protocol = "tcp"}, {.protocol = "udp"}};
  const Detection& new_;
  const Detection& changed_;
  Time wait_;
  std::shared_ptr<const Scanners> scanners_;
  int tcp_, udp_, arp_, sensor_;
  std::list<Waiting> waiting_, spare_;            // in the order in which they began; those that no longer wait: a flood allocates nothing
  std::unordered_map<uint64_t, Place> by_flow_;
  std::vector<std::unordered_map<uint64_t, Place>::node_type> spare_keys_;
  Crowd crowd_;
  Time crowded_ = 0;                              // of this second
  uint32_t told_early_ = 0, told_control_ = 0;
  RecentSet<64> transfers_;
  RecentSet<256> strangers_;
};

}  // namespace

std::unique_ptr<Detector> conversation_detector(const JudgeSettings& s, std::shared_ptr<const Scanners> scanners) {
  return std::make_unique<NewConversation>(s, std::move(scanners));
}

}  // namespace vidra
