// SPDX-License-Identifier: Apache-2.0
// NET-02 and NET-03: a conversation that was neither declared nor learned. It may take a moment to show its protocol, and
// then a detector of that protocol often says more about it than this one could: so the verdict waits a little.
#include <algorithm>
#include <vector>

#include "daemon/judge/net.h"

namespace vidra {
namespace {

class NewConversation final : public Detector {
 public:
  NewConversation(const JudgeSettings& s, std::shared_ptr<const Scanners> scanners) : new_(row("NET-02")), changed_(row("NET-03")), scanners_(std::move(scanners)), tcp_(protocol_index("tcp")), udp_(protocol_index("udp")), arp_(protocol_index("arp")), sensor_(protocol_index("sensor")) {
    settle(s);
    waiting_.reserve(limit);
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
    Waiting* w = find(s.flow);
    if (c.conversation.known() || related(e, c)) {
      if (w) w->flow = 0;                         // its protocol turned out to be known
      return;
    }
    if (!w) {
      w = place(c, out);
      *w = {};
      w->flow = s.flow;
      w->due = c.now + wait_;
    }
    w->scene = s;
    w->spoken = !facts;
  }

  void tick(const Context& c, Findings& out) override {
    for (Waiting& w : waiting_)
      if (w.flow && w.due <= c.now) tell(w, c, out);
  }
  void finish(const Context& c, Findings& out) override {
    for (Waiting& w : waiting_)
      if (w.flow) tell(w, c, out);
  }

 private:
  struct Waiting {
    uint64_t flow = 0;
    Time due = 0;
    Scene scene;
    bool spoken = false;                          // a dissector understood it
    char name[24] = {};                           // what classify calls it
  };

  Waiting* find(uint64_t flow) {
    for (Waiting& w : waiting_)
      if (w.flow == flow) return &w;
    return nullptr;
  }
  // Where all places are taken, the one that has waited longest is told now.
  Waiting* place(const Context& c, Findings& out) {
    for (Waiting& w : waiting_)
      if (!w.flow) return &w;
    if (waiting_.size() < limit) return &waiting_.emplace_back();
    Waiting* oldest = &waiting_[0];
    for (Waiting& w : waiting_)
      if (w.due < oldest->due) oldest = &w;
    tell(*oldest, c, out);
    return oldest;
  }
  void remember_name(const Event& e) {
    Waiting* w = find(e.scene.flow);
    if (!w || e.points.empty()) return;
    const std::string_view name = e.texts.find(e.points[0].raw);
    const size_t n = std::min(name.size(), sizeof w->name - 1);
    std::copy_n(name.data(), n, w->name);
  }
  static bool to_all(const Address& a) { return a.group() || (a.kind == Address::Kind::ip4 && a.octets[3] == 255); }   // of a subnet, too
  static uint64_t pair_key(const Address& a, const Address& b) {
    uint64_t h = 1469598103934665603ull;
    for (const Address* each : {&a, &b})
      for (uint8_t o : each->octets) h = (h ^ o) * 1099511628211ull;
    return h;
  }
  static bool knows(const Context& c, const Address& a) { return c.site.host_of(a) || c.memory.host(a); }
  bool is_udp(const Scene& s) const { return s.protocol == udp_; }
  void decide(uint64_t flow, const Context& c, Findings& out) {
    if (Waiting* w = find(flow)) tell(*w, c, out);
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

  void tell(Waiting& w, const Context& c, Findings& out) {
    Scene scene = w.scene;
    const bool spoken = w.spoken;
    const std::string name = w.name;
    w.flow = 0;
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
    const std::string what = spoken ? carrier : !scene.server.port ? "a protocol without ports (ICMP or another)" : name.empty() ? fmt::format("{} port {}", carrier, scene.server.port) : fmt::format("{} port {} (it looks like {})", carrier, scene.server.port, name);
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
      const uint64_t who = pair_key(scene.client.address, scene.client.address) << 16;
      size_t met = 0;
      strangers_.each(scene.time, hour, [&](uint64_t k) { met += k >> 16 == who >> 16; });
      strangers_.add(who | (key & 0xffff), scene.time, hour);
      if (met >= 6) {
        f.what = fmt::format("{} sends datagrams to one host after the other, {} the last. {} is itself unknown.", c.text(scene.client.address), c.text(scene.server.address), text_of(scene.client.address));
        f.target = {};
        f.cause = 1;
      }
    }
    out.raise(std::move(f));
  }

  static constexpr size_t limit = 1024;
  static constexpr Want wants_[] = {{.protocol = "", .first_only = true}, {.protocol = "tcp"}, {.protocol = "udp"}};
  const Detection& new_;
  const Detection& changed_;
  Time wait_;
  std::shared_ptr<const Scanners> scanners_;
  int tcp_, udp_, arp_, sensor_;
  std::vector<Waiting> waiting_;
  RecentSet<64> transfers_;
  RecentSet<256> strangers_;
};

}  // namespace

std::unique_ptr<Detector> conversation_detector(const JudgeSettings& s, std::shared_ptr<const Scanners> scanners) {
  return std::make_unique<NewConversation>(s, std::move(scanners));
}

}  // namespace vidra
