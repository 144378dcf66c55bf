// SPDX-License-Identifier: Apache-2.0
// NET-04: an address claimed by a second hardware address while the first still speaks.
#include <vector>

#include "daemon/judge/net.h"

namespace vidra {

// VRRP (RFC 9568, 7.3), CARP the same, HSRP, GLBP.
bool shared_by_design(const Mac& m) {
  const auto& o = m.octets;
  return (o[0] == 0x00 && o[1] == 0x00 && o[2] == 0x5e && o[3] == 0x00 && (o[4] == 0x01 || o[4] == 0x02)) || (o[0] == 0x00 && o[1] == 0x00 && o[2] == 0x0c && o[3] == 0x07 && o[4] == 0xac) ||
         (o[0] == 0x00 && o[1] == 0x00 && o[2] == 0x0c && o[3] == 0x9f && (o[4] & 0xf0) == 0xf0) || (o[0] == 0x00 && o[1] == 0x07 && o[2] == 0xb4);
}

namespace {

class Claim final : public Detector {
 public:
  explicit Claim(const JudgeSettings& s) : row_(row("NET-04")) {
    settle(s);
    open_.reserve(limit);
  }
  void settle(const JudgeSettings& s) override {
    talking_ = seconds(s.number(row_, "talking"));
  }
  std::span<const Want> wants() const override { return wants_; }
  bool ticks() const override { return true; }

  void see(const Event& e, const Context& c, Findings& out) override {
    ArpWords words;
    if (!arp_words(e, words) || words.sender.kind == Address::Kind::none || words.sender_mac.empty() || words.sender_mac.group()) return;
    if (shared_by_design(words.sender_mac)) return;
    const Mac& claimant = words.sender_mac;
    // Whose address it is: declared, else learned, else whom it was first heard from.
    Mac owner;
    if (const HostId id = c.site.host_of(words.sender); id && !c.site.host(id).macs.empty()) {
      const SiteHost& h = c.site.host(id);
      for (const Mac& m : h.macs)
        if (m == claimant) return settle(words.sender, claimant, c.now);
      for (const Mac& m : h.seen_with)
        if (m == claimant) return;
      owner = h.macs[0];
    } else if (const HostMemory* m = c.learning ? nullptr : c.memory.host(words.sender); m && !m->macs.empty()) {
      for (const Mac& known : m->macs)
        if (known == claimant) return settle(words.sender, claimant, c.now);
      owner = m->macs[0];
    }
    Heard& heard = find(words.sender);
    if (owner.empty()) {
      if (heard.owner.empty() || heard.owner == claimant) {
        heard.owner = claimant;
        heard.spoke = c.now;
        return;
      }
      owner = heard.owner;
      if (shared_by_design(owner)) return;
    }
    heard.owner = owner;
    Open* o = nullptr;
    for (Open& each : open_)
      if (each.address == words.sender && each.claimant == claimant) o = &each;
    if (!o) {
      if (open_.size() == limit) open_.erase(open_.begin());
      o = &open_.emplace_back();
      o->address = words.sender;
      o->owner = owner;
      o->claimant = claimant;
      o->first = c.now;
      o->silent_before = c.now - last_word(words.sender, owner, c, out) > talking_;
    }
    o->scene = e.scene;
    o->last = c.now;
    o->gratuitous |= words.gratuitous;
    o->waiting++;
    if (o->told || !o->silent_before) tell(*o, c, out);
  }

  void tick(const Context& c, Findings& out) override {
    for (size_t i = 0; i < open_.size();) {
      Open& o = open_[i];
      // The old owner was silent: a fail-over. Unless it speaks up again.
      if (!o.told && o.silent_before && last_word(o.address, o.owner, c, out) > o.last) tell(o, c, out);
      if (c.now - o.last > talking_) {
        if (!o.told) find(o.address).owner = o.claimant;      // taken over
        open_.erase(open_.begin() + long(i));
      } else i++;
    }
  }

 private:
  struct Open {
    Address address;
    Mac owner, claimant;
    Time first = 0, last = 0;
    uint64_t waiting = 0, count = 0;
    bool silent_before = false, gratuitous = false, told = false;
    Scene scene;
  };
  struct Heard { Address address; Mac owner; Time spoke = 0; };

  Heard& find(const Address& a) {
    Heard* oldest = &heard_[0];
    for (Heard& h : heard_) {
      if (h.address == a) return h;
      if (h.spoke < oldest->spoke) oldest = &h;
    }
    *oldest = {a, {}, 0};
    return *oldest;
  }
  void settle(const Address& a, const Mac& m, Time now) {
    Heard& h = find(a);
    h.owner = m;
    h.spoke = now;
  }
  // When the owner last used the address: in ARP, or in anything it said.
  Time last_word(const Address& a, const Mac& owner, const Context&, const Findings& out) {
    Time t = 0;
    const Heard& h = find(a);
    if (h.owner == owner) t = h.spoke;
    if (const HeardHost* host = out.heard(a); host && host->mac == owner) t = std::max(t, host->last);
    if (const HeardHost* card = out.heard(Address::of(owner))) t = std::max(t, card->last);
    return t;
  }

  void tell(Open& o, const Context& c, Findings& out) {
    Finding f;
    f.detection = &row_;
    const HostId id = c.site.host_of(o.address);
    f.severity = row_.severity;
    const HostRole role = c.site.role_of(id);
    if (role == HostRole::rtu || role == HostRole::router || role == HostRole::master || role == HostRole::ied || role == HostRole::plc) f.severity = 5;
    f.scene = o.scene;
    f.source = {Address::of(o.claimant), {}};
    if (const HostId who = c.site.host_of(o.claimant)) f.source.name = c.site.host(who).name;
    f.target = c.party(o.address);
    f.weight = o.waiting;
    o.count += o.waiting;
    o.waiting = 0;
    o.told = true;
    f.what = fmt::format("{} claimed the address of {} {}{}, {}.", text_of(o.claimant), c.text(o.address), o.count == 1 ? "once" : fmt::format("{} times", o.count), o.gratuitous ? ", unasked" : "",
                         o.silent_before ? "and the old owner speaks again" : "while its owner speaks");
    f.expected = fmt::format("{} belongs to {}.", text_of(o.address), text_of(o.owner));
    out.raise(std::move(f));
  }

  static constexpr size_t limit = 64;
  static constexpr Want wants_[] = {{.protocol = "arp"}};
  const Detection& row_;
  Time talking_;
  std::vector<Open> open_;
  std::array<Heard, 1024> heard_;
};

}  // namespace

std::unique_ptr<Detector> claim_detector(const JudgeSettings& s) { return std::make_unique<Claim>(s); }

}  // namespace vidra
