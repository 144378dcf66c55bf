// SPDX-License-Identifier: Apache-2.0
// NET-01: a host that nobody declared and nothing learned.
#include "daemon/base/mix.h"
#include "daemon/judge/net.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class NewHost final : public Detector {
 public:
  explicit NewHost(const JudgeSettings&) : row_(row("NET-01")), goose_(protocol_index("goose")), sv_(protocol_index("sv")) {}
  std::span<const Want> wants() const override { return wants_; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& out) override {
    const HeardHost& h = *c.newcomer;
    if (h.address.kind == Address::Kind::ip4 && h.address.octets[0] == 127) return;   // a host's voice to itself
    if (c.learning || c.knows_nothing() || h.known()) return;
    if (!c.site.inside(h.address)) return;                       // from outside: that is NET-12's to tell
    const bool by_mac = h.address.kind == Address::Kind::mac;
    if (c.site.host_of(h.mac) || c.memory.owns(h.mac)) {
      // A known host's card: its layer-2 voice and its link-local address are no new hosts.
      const bool link_local = h.address.kind == Address::Kind::ip6 && h.address.octets[0] == 0xfe && (h.address.octets[1] & 0xc0) == 0x80;
      if (by_mac || link_local) return;
    }
    if (by_mac) {
      if (!told_macs_.add(h.mac.number(), c.now, day)) return;
      // Who publishes under another's name is told as that, in the same breath.
      if (room() && (is_protocol(e, goose_) || is_protocol(e, sv_))) return hold(e, h, c.now);
      return tell(e, c, out, h);
    }
    if (room() && e.scene.client.address == h.address && may_stand_in(e.scene, c, out)) return hold(e, h, c.now);   // a switch-over says so itself
    // ARP brings the MAC first and the address with it: one host, one story.
    tell(e, c, out, h);
  }

  void tick(const Context& c, Findings& out) override {
    for (size_t i = 0; i < held_count_;) {
      const Held h = held_[i];
      if (c.now < h.due) { i++; continue; }
      held_[i] = held_[--held_count_];
      decide(h, c, out);
    }
  }
  void finish(const Context& c, Findings& out) override {
    while (held_count_) decide(held_[--held_count_], c, out);
  }

 private:
  struct Held {
    Scene scene;
    HeardHost host;
    Time due = 0;
  };
  static constexpr Time publisher_wait = 200 * millisecond, stand_in_wait = 5 * second;

  bool room() const { return held_count_ < held_.size(); }
  void hold(const Event& e, const HeardHost& h, Time now) {
    held_[held_count_++] = {e.scene, h, now + (h.address.kind == Address::Kind::mac ? publisher_wait : stand_in_wait)};
  }
  void decide(const Held& h, const Context& c, Findings& out) {
    if (out.told(h.scene.flow) || out.told(h.scene.client.address, h.scene.server)) return;
    const Message none{};
    tell(Event{h.scene, &none, nullptr, {}, {}}, c, out, h.host);
  }

  void tell(const Event& e, const Context& c, Findings& out, const HeardHost& h) {
    Finding f = finding(row_, e, c);
    f.source = c.party(h.address);
    f.target = {};
    f.station.clear();
    f.object.clear();
    // Many at once are one event: a flood of invented senders, or a cable to another network.
    recent_.add(mix(h.address), c.now, minute);
    const size_t many = recent_.count(c.now, minute);
    if (many > flood) {
      f.source = {};
      f.cause = 1;
      f.what = fmt::format("{} hosts that were never heard before spoke within one minute, the last of them {} ({}).", many == recent_size ? "More than " + std::to_string(many) : std::to_string(many),
                           text_of(h.address), text_of(h.mac));
    } else {
      f.what = fmt::format("A host spoke that was never heard before: {}{}.", text_of(h.address),
                           h.address.kind == Address::Kind::mac ? "" : fmt::format(" with the hardware address {}{}", text_of(h.mac), owner_of(h.mac, c)));
      if (h.address.kind != Address::Kind::mac && e.scene.server.address.kind != Address::Kind::mac && e.scene.client.address == h.address && !e.scene.server.address.group())
        f.what += fmt::format(" Its first words went to {}.", c.text(e.scene.server.address));
    }
    f.expected = fmt::format("Only the {} declared and {} learned hosts speak here.", c.site.hosts.size(), c.memory.hosts().size());
    out.raise(std::move(f));
  }

  // Whose card it is known to be: a known host that got another address, or a router with somebody behind it, is looked for elsewhere than a
  // stranger's laptop.
  static std::string owner_of(const Mac& mac, const Context& c) {
    if (const HostId declared = c.site.host_of(mac)) return " of " + c.site.host(declared).name;
    if (!c.memory.owns(mac)) return "";
    const Address* one = nullptr;
    size_t n = 0;
    for (const HostMemory& m : c.memory.hosts())
      if (m.address.kind != Address::Kind::mac && std::binary_search(m.macs.begin(), m.macs.end(), mac)) one = &m.address, n++;
    if (n > 1) return fmt::format(", with which {} learned hosts speak", n);
    return one ? fmt::format(", with which {} speaks", c.text(*one)) : "";
  }

  static constexpr size_t flood = 20, recent_size = 256;
  static constexpr Want wants_[] = {{.protocol = "", .newcomers = true}};
  const Detection& row_;
  const int goose_, sv_;
  std::array<Held, 32> held_{};
  size_t held_count_ = 0;
  RecentSet<recent_size> recent_;
  RecentSet<64> told_macs_;
};

}  // namespace

std::unique_ptr<Detector> new_host_detector(const JudgeSettings& s) { return std::make_unique<NewHost>(s); }

}  // namespace vidra
