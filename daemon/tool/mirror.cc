// SPDX-License-Identifier: Apache-2.0
#include "daemon/tool/mirror.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr uint16_t goose = 0x88b8, sampled_values = 0x88ba, ethercat = 0x88a4, profinet = 0x8892;
constexpr uint64_t few = 20;           // frames of a kind, below which nothing is concluded
constexpr Time copy_ip = 20 * millisecond, copy_link = 2 * millisecond;   // a retransmission comes later; the next GOOSE differs

uint64_t mixed(uint64_t h, Bytes b) {  // FNV-1a
  for (const uint8_t o : b) h = (h ^ o) * 1'099'511'628'211u;
  return h;
}
uint64_t mixed(uint64_t h, uint64_t v) {
  for (int i = 0; i < 8; i++, v >>= 8) h = (h ^ (v & 255)) * 1'099'511'628'211u;
  return h;
}
constexpr uint64_t seed = 14'695'981'039'346'656'037u;

std::string share(uint64_t part, uint64_t all) {
  if (part == 0 || all == 0) return "none";
  if (part == all) return "all";
  const double p = 100.0 * double(part) / double(all);
  return p < 1 ? fmt::format("{} of {}", human_count(part), human_count(all)) : fmt::format("{:.0f} %", p);
}

bool tenth(uint64_t part, uint64_t all) { return part >= few && part * 10 >= all; }

}  // namespace

MirrorLook::MirrorLook(std::vector<Port> ports) : ports_(std::move(ports)), heard_(ports_.size()), copies_(most_copies) {
  for (size_t p = 0; p < ports_.size(); p++) {
    auto v = std::find_if(views_.begin(), views_.end(), [&](const View& w) { return !ports_[p].group.empty() && w.name == ports_[p].group; });
    if (v == views_.end()) {
      views_.emplace_back();
      v = views_.end() - 1;
      v->name = ports_[p].group.empty() ? ports_[p].name : ports_[p].group;
      v->kind = ports_[p].kind;
    }
    view_of_.push_back(size_t(v - views_.begin()));
    v->ports.push_back(p);
  }
}

uint64_t MirrorLook::frames() const {
  uint64_t n = 0;
  for (const Heard& h : heard_) n += h.frames;
  return n;
}

void MirrorLook::take(const Packet& p) {
  if (p.interface >= ports_.size()) return;
  Heard& h = heard_[p.interface];
  View& view = views_[view_of_[p.interface]];
  const Port& port = ports_[p.interface];
  const Frame f = decode(p);
  h.frames++, view.frames++;
  h.longest = std::max(h.longest, p.wire_length);
  if (p.octets.size() < p.wire_length) h.cut++, h.longest_kept = std::max(h.longest_kept, uint32_t(p.octets.size()));
  else if (f.version && f.flaws & (length_lies | cut_short)) h.lying++;
  if (port.longest && p.wire_length > port.longest) h.too_long++;
  h.tunnelled += f.tunnels > 0;
  // A remote mirror's own frames are the tunnel; what is judged is inside.
  if (port.kind == Kind::remote_mirror && !f.tunnels) return;
  const bool ethernet = p.link == Link::ethernet || f.tunnels > 0;
  if (ethernet && !f.destination.empty()) {
    if (f.destination.group()) h.group++;
    else if (port.own && !f.tunnels && (f.destination == *port.own || f.source == *port.own)) h.own++;
    else h.unicast++;
  } else {
    h.unicast++;                       // of a link without addresses nothing is known
  }
  if (f.redundancy == Redundancy::prp) (f.lan == 10 ? h.lan_a : h.lan_b)++;
  h.hsr += f.redundancy == Redundancy::hsr;
  if (f.kind == Frame::Kind::link && (f.ethertype == goose || f.ethertype == sampled_values)) h.publishers++, h.publishers_untagged += f.tags == 0;
  h.fieldbus += f.kind == Frame::Kind::link && (f.ethertype == ethercat || f.ethertype == profinet);
  if (f.kind == Frame::Kind::nothing) return;
  look_for_copy(f, p, view);
  // An attempt that nobody answers is one-way by nature; a connection is not.
  if (f.kind == Frame::Kind::tcp && !(f.tcp_flags & tcp_syn) && !(f.tcp_flags & tcp_rst)) {
    const Endpoint a{f.source_address(), f.source_port}, b{f.destination_address(), f.destination_port};
    const Endpoint &low = a < b ? a : b, &high = a < b ? b : a;
    uint64_t key = mixed(seed, uint64_t(view_of_[p.interface]));
    for (const Endpoint* e : {&low, &high}) key = mixed(mixed(key, Bytes(e->address.octets)), uint64_t(e->port));
    if (conversations_.size() < most_conversations || conversations_.contains(key)) {
      Conversation& c = conversations_[key];
      c.view = view_of_[p.interface];
      c.frames[a < b ? 0 : 1]++;
    }
  }
}

void MirrorLook::look_for_copy(const Frame& f, const Packet& p, View& view) {
  Copy now;
  now.time = p.time, now.vlan = f.vlan, now.port = p.interface, now.lan = f.lan;
  now.macs = f.source.number() * 31 + f.destination.number();
  uint64_t h = mixed(seed, uint64_t(&view - views_.data()));
  if (f.version == 4 && f.network.size() >= 20) {
    now.ttl = f.network[8];
    h = mixed(mixed(mixed(h, f.network.first(8)), f.network.subspan(9, 1)), f.network.subspan(12));
  } else if (f.version == 6 && f.network.size() >= 40) {
    now.ttl = f.network[7];
    h = mixed(mixed(h, f.network.first(7)), f.network.subspan(8));
  } else {
    h = mixed(mixed(mixed(h, now.macs), uint64_t(f.ethertype) << 16 | f.llc), f.payload);
  }
  now.hash = h;
  Copy& before = copies_[h % most_copies];
  const Copy was = before;
  before = now;
  const Time apart = p.time - was.time;
  if (was.hash != h || !was.time || apart < 0 || apart > (f.version ? copy_ip : copy_link)) return;
  if (f.redundancy != Redundancy::none && was.lan && was.lan != now.lan) view.twins++;          // as it should be
  else if (was.ttl != now.ttl) view.routed++;
  else if (was.port != now.port) view.doubled_ports++;
  else if (was.vlan != now.vlan) view.doubled_vlans++;
  else if (f.version && was.macs != now.macs) view.routed++;
  else view.doubled++;
}

void MirrorLook::judge_port(const View& view, size_t index, Time listened, std::vector<Remark>& out) const {
  const Port& port = ports_[index];
  const Heard& h = heard_[index];
  const bool remote = port.kind == Kind::remote_mirror, tap = port.kind == Kind::tap_pair;
  const std::string at = tap ? "at the TAP" : "at the switch";
  const auto say = [&](Grade g, std::string found, std::string where, std::string todo) { out.push_back({g, port.name, std::move(found), std::move(where), std::move(todo)}); };
  if (h.frames == 0) {
    const bool others = view.frames > 0;
    say(Grade::bad, fmt::format("not one frame in {}{}", human_duration(listened), others && tap ? ": one direction of the TAP is missing" : others ? ", while the others of its group hear" : ""), at,
        tap ? "is this card in the monitor port of the other direction, and is the link through the TAP up?" : remote ? "does the mirror session send to this machine's address, and does the firewall on the way let it?"
                                                                                                       : "is this card in the mirror's destination port, and has the session sources?");
    return;
  }
  const size_t remarks = out.size();
  if (remote && h.tunnelled == 0) {
    say(Grade::bad, fmt::format("{} frames, and none of them a mirror's tunnel (GRE, ERSPAN, VXLAN)", human_count(h.frames)), at, "send the session to this machine's address; or attach as an ordinary mirror: vidra setup");
    return;
  }
  const uint64_t judged = h.group + h.unicast;
  if (judged < few) say(Grade::odd, fmt::format("{} in {}: too few to judge the mirror", judged == 1 ? "1 frame" : fmt::format("{} frames", judged), human_duration(listened)), "type", "vidra doctor --listen 600");
  else if (h.unicast == 0 || h.unicast * 200 < h.group) {
    // A process bus is all multicast, and nothing is wrong with it.
    const bool bus = (h.publishers + h.fieldbus) * 2 > judged;
    say(bus ? Grade::odd : Grade::bad,
        fmt::format("{} of {} frames are broadcast or multicast{}", h.unicast ? "nearly all" : "all", human_count(judged),
                    bus ? ", most of them GOOSE, sampled values or a field bus's: as it should be on a process bus, not on a station bus" : ": this is what every port of a switch gets; the conversations are missing"),
        at, "make this port the destination of a mirror session; its sources: the ports of control centre, gateway and devices, both directions");
  }
  if (h.cut) {
    say(h.cut * 100 > h.frames ? Grade::bad : Grade::odd, fmt::format("{} of the frames are cut, at {} octets: what is cut off counts as lost", share(h.cut, h.frames), h.longest_kept), "type", "in [capture], snaplen = 65535; or, where the switch cuts: no truncation in the session (mtu)");
  } else if (tenth(h.lying, h.frames) || (h.lying >= few && h.longest <= 512)) {
    say(Grade::bad, fmt::format("{} of the frames end before their own headers say so; the longest has {} octets: somebody cuts them on the way", share(h.lying, h.frames), h.longest), at, "no truncation (slicing, mtu) in the mirror session or packet broker");
  }
  if (h.too_long) say(Grade::odd, fmt::format("{} longer than the port's frames can be: the card joins segments, and what was on the wire is not what is heard", h.too_long == 1 ? "1 frame is" : fmt::format("{} frames are", human_count(h.too_long))), "type", fmt::format("ethtool -K {} gro off lro off", port.name));
  if (h.publishers >= few && h.publishers_untagged * 10 > h.publishers * 9)
    say(Grade::odd, fmt::format("{} of {} GOOSE and sampled-value frames come without a VLAN tag; devices send them with one (IEC 61850-8-1): tags are stripped on the way", share(h.publishers_untagged, h.publishers), human_count(h.publishers)), at,
        "keep tags in the mirror (encapsulation replicate, or: destination port tagged); priorities and VLANs cannot be checked without");
  if (port.kind == Kind::prp_pair && judged >= few && (h.lan_a + h.lan_b) * 10 < judged)
    say(Grade::bad, fmt::format("{} of {} frames have a redundancy trailer: this is no LAN of a PRP network, or the trailers are cut off", share(h.lan_a + h.lan_b, judged), human_count(judged)), at,
        "attach the card to a port of LAN A or B itself, not behind a RedBox; or attach as a mirror: vidra setup");
  else if (port.kind == Kind::prp_pair && h.lan_a >= few && h.lan_b >= few)
    say(Grade::odd, "frames of both LANs come through this card", at, "one card for LAN A, one for LAN B: a LAN that fails is noticed only so");
  if (h.own * 10 > h.frames && h.own >= few && !remote)
    say(Grade::odd, fmt::format("{} of the frames are to or from this machine itself: it speaks through the monitored card", share(h.own, h.frames)), "type", fmt::format("ip addr show dev {}", port.name));
  if (out.size() == remarks)
    say(Grade::good, fmt::format("{} frames in {}, {} between two hosts{}", human_count(h.frames), human_duration(listened), share(h.unicast, judged), h.lan_a || h.lan_b ? fmt::format(", PRP LAN {}", !h.lan_b ? "A" : !h.lan_a ? "B" : "A and B") : ""), "", "");
}

void MirrorLook::judge_view(const View& view, size_t index, std::vector<Remark>& out) const {
  const auto say = [&](Grade g, std::string found, std::string where, std::string todo) { out.push_back({g, view.name, std::move(found), std::move(where), std::move(todo)}); };
  uint64_t both = 0, one = 0, lan_a = 0, lan_b = 0, hsr = 0;
  for (const auto& [key, c] : conversations_) {
    if (c.view != index) continue;
    if (c.frames[0] && c.frames[1]) both++;
    else if (c.frames[0] + c.frames[1] >= 4) one++;
  }
  for (const size_t p : view.ports) lan_a += heard_[p].lan_a, lan_b += heard_[p].lan_b, hsr += heard_[p].hsr;
  const std::string at = view.kind == Kind::tap_pair ? "at the TAP" : "at the switch";
  if (one > both && one >= 2)
    say(Grade::bad, fmt::format("of {} TCP conversations, {} are heard in one direction only", human_count(one + both), human_count(one)), at,
        view.kind == Kind::tap_pair ? "both cards in monitor ports of the same TAP: one brings what A sends, the other what B sends"
        : view.ports.size() > 1 ? "mirror both directions (rx and tx) of the source ports" : "mirror both directions (rx and tx) of the source ports; where a TAP gives each direction a port of its own: two cards, vidra setup --attached tap-pair");
  else if (one * 10 > both && one >= 2)
    say(Grade::odd, fmt::format("of {} TCP conversations, {} are heard in one direction only: some ways lead past the mirror", human_count(one + both), human_count(one)), at, "mirror both directions (rx and tx) of every port on the way");
  else if (both)
    say(Grade::good, fmt::format("{}, both directions{}", both == 1 ? "1 TCP conversation" : fmt::format("{} TCP conversations", human_count(both)), one ? fmt::format("; {} in one only", human_count(one)) : ""), "", "");

  if (tenth(view.doubled_ports, view.frames)) {
    if (view.kind == Kind::tap_pair)
      say(Grade::odd, fmt::format("{} of the frames come through both cards: each monitor port brings both directions", share(view.doubled_ports * 2, view.frames)), at, "let the TAP give each direction a port of its own (breakout, not aggregation), or use one card");
    else if (view.kind == Kind::prp_pair)
      say(Grade::bad, "both cards bring the same frames, without trailers that tell the LANs apart", at, "one card in LAN A, one in LAN B");
    else say(Grade::odd, fmt::format("{} of the frames come through two cards of the group: the mirrors overlap", share(view.doubled_ports * 2, view.frames)), at, "each source port in one session only; Vidra leaves the copies out, but they cost room");
  }
  if (tenth(view.doubled, view.frames))
    say(Grade::odd, fmt::format("{} of the frames are copies: the mirror brings what enters and what leaves the switch", share(view.doubled, view.frames)), at, "mirror one direction (rx) of all ports, or both of one side only; Vidra leaves the copies out, but they cost room");
  if (tenth(view.doubled_vlans, view.frames))
    say(Grade::odd, fmt::format("{} of the frames come in two VLANs, or once with and once without a tag", share(view.doubled_vlans, view.frames)), at, "a trunk and its access ports are both mirrored: one of them is enough");
  if (tenth(view.routed, view.frames))
    say(Grade::odd, fmt::format("{} of the frames are copies from behind a router: they are heard before and after it", share(view.routed, view.frames)), at, "mirror the router's port in one VLAN only; Vidra leaves the copies out, but they cost room");
  if (view.kind == Kind::prp_pair && lan_a + lan_b >= few && (lan_a == 0 || lan_b == 0))
    say(Grade::bad, fmt::format("every redundancy trailer is of LAN {}: both cards are in the same LAN, or the other one is dead", lan_a ? "A" : "B"), at, fmt::format("the second card into LAN {}", lan_a ? "B" : "A"));
  if (view.kind != Kind::prp_pair && lan_a + lan_b >= few && (lan_a == 0 || lan_b == 0))
    say(Grade::odd, fmt::format("frames have PRP trailers, all of LAN {}: what fails in the other LAN is not heard", lan_a ? "A" : "B"), "type", "a card in the other LAN, then: vidra setup --attached prp-pair");
  if (view.kind == Kind::prp_pair && lan_a && lan_b && out.size() && tenth(view.twins, view.frames))
    say(Grade::good, fmt::format("{} of the frames have their twin of the other LAN", share(view.twins * 2, view.frames)), "", "");
  if (hsr >= few) say(Grade::good, fmt::format("{} HSR frames", human_count(hsr)), "", "");
}

std::vector<MirrorLook::Remark> MirrorLook::verdict(Time listened) const {
  std::vector<Remark> out;
  for (size_t v = 0; v < views_.size(); v++) {
    for (const size_t p : views_[v].ports) judge_port(views_[v], p, listened, out);
    if (views_[v].frames) judge_view(views_[v], v, out);
  }
  return out;
}

}  // namespace vidra
