// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "daemon/base/mix.h"

namespace vidra {
namespace {

constexpr std::string_view roles[] = {"other", "master", "rtu", "ied", "hmi", "plc", "meter", "engineering", "router", "time", "server"};
constexpr std::string_view point_kinds[] = {"other", "switchgear", "tap", "set_point", "reset", "measurement", "status", "counter"};

bool private_range(const Address& a) {
  if (a.kind == Address::Kind::mac) return true;
  if (a.kind == Address::Kind::ip4) {
    const uint32_t n = a.ip4_number();
    return n >> 24 == 10 || n >> 20 == 0xac1 || n >> 16 == 0xc0a8 || n >> 16 == 0xa9fe || n >> 24 == 127 || n >> 24 == 0;
  }
  if (a.kind == Address::Kind::ip6)      // unique local, link-local, loopback, unspecified
    return (a.octets[0] & 0xfe) == 0xfc || (a.octets[0] == 0xfe && (a.octets[1] & 0xc0) == 0x80) ||
           std::all_of(a.octets.begin(), a.octets.end() - 1, [](uint8_t o) { return o == 0; });
  return true;
}

}  // namespace

std::string_view name_of(HostRole r) { return roles[size_t(r)]; }
std::optional<HostRole> parse_host_role(std::string_view s) {
  for (size_t i = 0; i < std::size(roles); i++)
    if (roles[i] == s) return HostRole(i);
  return std::nullopt;
}
std::string_view name_of(PointKind k) { return point_kinds[size_t(k)]; }
std::string_view name_of(MemberType t) {
  static constexpr std::string_view names[] = {"any", "boolean", "integer", "natural", "real", "double_point", "bits", "quality", "time", "text", "octets", "structure"};
  return names[size_t(t)];
}

std::optional<ObjectRange> parse_object_range(std::string_view s) {
  if (s.starts_with("key 0x")) {
    s.remove_prefix(6);
    uint64_t first = 0, last = 0;
    const char* end = s.data() + s.size();
    auto [stop, bad] = std::from_chars(s.data(), end, first, 16);
    if (bad != std::errc()) return std::nullopt;
    last = first;
    if (stop != end) {
      if (end - stop < 4 || std::string_view(stop, 3) != "-0x") return std::nullopt;
      auto [done, wrong] = std::from_chars(stop + 3, end, last, 16);
      if (wrong != std::errc() || done != end || last < first) return std::nullopt;
    }
    return ObjectRange{Object::from_key(first), Object::from_key(last)};
  }
  std::string text(s);
  std::replace(text.begin(), text.end(), '_', ' ');
  const size_t digit = text.find_last_of(' ');
  if (digit == std::string::npos) return std::nullopt;
  std::string kind_text = text.substr(0, digit);
  ObjectKind kind = ObjectKind::none;
  const auto look = [&] {
    for (size_t k = 0; k < object_kind_count; k++)
      if (name_of(ObjectKind(k)) == kind_text && !kind_text.empty()) kind = ObjectKind(k);
  };
  look();
  if (kind == ObjectKind::none && kind_text.ends_with('s')) kind_text.pop_back(), look();   // people write the plural
  if (kind == ObjectKind::none) return std::nullopt;
  const char* at = text.data() + digit + 1;
  const char* end = text.data() + text.size();
  const auto number = [&](uint32_t& to) {
    const auto [stop, bad] = std::from_chars(at, end, to);
    at = stop;
    return bad == std::errc();
  };
  uint32_t space = 0, first = 0, last = 0;
  if (!number(first)) return std::nullopt;
  if (at != end && *at == '.') {
    space = first;
    if (++at == end || !number(first) || space > 0xffffff) return std::nullopt;
  }
  last = first;
  if (at != end && (*at++ != '-' || !number(last) || at != end || last < first)) return std::nullopt;
  return ObjectRange{Object(kind, first, space), Object(kind, last, space)};
}

std::string text_of(const ObjectRange& r) {
  const Object a = r.first, b = r.last;
  const std::string_view kind = size_t(a.kind()) < object_kind_count ? name_of(a.kind()) : "";
  const bool numbered = !kind.empty() && a.kind() != ObjectKind::member && a.key() >> 32 == b.key() >> 32;
  if (!numbered) return a == b ? fmt::format("key 0x{:016x}", a.key()) : fmt::format("key 0x{:016x}-0x{:016x}", a.key(), b.key());
  std::string s = a.space() ? fmt::format("{} {}.{}", kind, a.space(), a.number()) : fmt::format("{} {}", kind, a.number());
  if (!(a == b)) s += fmt::format("-{}", b.number());
  return s;
}

size_t Site::Hash::operator()(const Address& a) const { return mix(a); }
size_t Site::Hash::operator()(const StationKey& k) const { return mix(k.station ^ mix(uint64_t(k.host) << 16 | k.protocol)); }

void Site::index() {
  by_address_.clear();
  by_mac_.clear();
  stations_.clear();
  publishers_.clear();
  for (size_t i = publishers.size(); i > 0; i--) publishers_.emplace(publisher_key(publishers[i - 1].kind, text_key(publishers[i - 1].reference)), uint32_t(i - 1));
  for (size_t i = 0; i < hosts.size(); i++) {
    for (const Address& a : hosts[i].addresses) by_address_.emplace(a, HostId(i + 1));
    for (const Mac& m : hosts[i].macs) {
      by_mac_.emplace(m.number(), HostId(i + 1));
      by_address_.emplace(Address::of(m), HostId(i + 1));
    }
  }
  for (size_t i = 0; i < points.size(); i++) {
    const SitePoint& p = points[i];
    StationPoints& s = stations_[{p.host, p.protocol, p.station}];
    s.own.push_back({p.objects.first.key(), p.objects.last.key(), uint32_t(i)});
    if (p.feedback.kind() != ObjectKind::none) {
      const uint64_t n = p.objects.last.key() - p.objects.first.key();
      s.feedbacks.push_back({p.feedback.key(), p.feedback.key() + n, uint32_t(i)});
    }
  }
  by_end_.clear();
  wide_.clear();
  by_server_.clear();
  wide_servers_.clear();
  for (size_t i = 0; i < conversations.size(); i++) {
    const SiteConversation& d = conversations[i];
    const Selector* end = d.client.kind == Selector::Kind::host ? &d.client : d.server.kind == Selector::Kind::host ? &d.server : nullptr;
    (end ? by_end_[end->host] : wide_).push_back(uint32_t(i));
    if (d.client.kind == Selector::Kind::host) (d.server.kind == Selector::Kind::host ? by_server_[d.server.host] : wide_servers_).push_back(uint32_t(i));
  }
  for (auto& [key, s] : stations_) {
    lay_out(s.own);
    lay_out(s.feedbacks);
  }
  print_hosts();
}

// By what is declared, never by numbers of hosts or places in files: those change with every table that is added.
void Site::print_hosts() {
  struct Print {
    uint64_t value = 0;
    Print& operator<<(uint64_t v) { return value = mix(value ^ mix(v + 1)), *this; }
    Print& operator<<(std::string_view s) { return *this << text_key(s); }
    Print& operator<<(const Address& a) { return *this << mix(a); }
    Print& operator<<(const std::optional<uint64_t>& v) { return *this << (v ? *v + 1 : 0); }
  };
  for (SiteHost& h : hosts) {
    Print p;
    p << h.name;
    for (const Address& a : h.addresses) p << a;
    for (const Mac& m : h.macs) p << m.number();
    h.print = p.value;
  }
  const auto name_of_host = [&](HostId id) { return id ? std::string_view(host(id).name) : std::string_view{}; };
  for (const SitePublisher& d : publishers) {
    if (!d.host) continue;
    Print p;
    p << uint64_t(d.kind) << d.reference << d.destination << d.appid << d.vlan << d.priority << d.conf_rev << d.data_set << d.go_id << d.entries << uint64_t(d.min_time) << uint64_t(d.max_time)
      << uint64_t(d.rate * 1000) << d.asdus << uint64_t(d.simulation_allowed) << (d.synchronised ? 1u + *d.synchronised : 0u) << uint64_t(d.intermittent) << uint64_t(d.secured);
    for (const Address& a : d.sources) p << a;
    for (const MemberType t : d.types) p << uint64_t(t);
    hosts[d.host - 1].print += p.value;                // in whatever order
  }
  // A conversation is one of its client and of whoever may be its server: that many may be its clients makes them no others.
  const auto serves = [&](const Selector& s, HostId id) {
    const SiteHost& h = host(id);
    for (const Address& a : h.addresses)
      if (matches(s, a, id)) return true;
    for (const Mac& m : h.macs)
      if (matches(s, Address::of(m), id)) return true;
    return matches(s, {}, id);
  };
  for (SiteHost& h : hosts) h.talk_print = h.print;
  for (const SiteConversation& d : conversations) {
    Print p;
    for (const Selector* s : {&d.client, &d.server}) p << uint64_t(s->kind) << name_of_host(s->host) << s->prefix.base << s->prefix.length << (s->kind == Selector::Kind::zone && s->zone < zones.size() ? zones[s->zone].name : "");
    p << d.protocol << d.allowed;
    for (const Port& port : d.ports) p << uint64_t(port.carrier) << port.number;
    if (d.client.kind == Selector::Kind::host) hosts[d.client.host - 1].talk_print += p.value;
    if (d.server.kind == Selector::Kind::host) hosts[d.server.host - 1].talk_print += p.value;
    else
      for (size_t i = 0; i < hosts.size(); i++)
        if (serves(d.server, HostId(i + 1))) hosts[i].talk_print += p.value;
  }
}

HostId Site::host_of(const Address& a) const {
  const auto it = by_address_.find(a);
  return it == by_address_.end() ? 0 : it->second;
}
HostId Site::host_of(const Mac& m) const {
  const auto it = by_mac_.find(m.number());
  return it == by_mac_.end() ? 0 : it->second;
}
HostId Site::host_named(std::string_view name_wanted) const {
  for (size_t i = 0; i < hosts.size(); i++)
    if (hosts[i].name == name_wanted) return HostId(i + 1);
  return 0;
}

bool Site::matches(const Selector& s, const Address& a, HostId id) const {
  switch (s.kind) {
    case Selector::Kind::any: return true;
    case Selector::Kind::broadcast: return a.group();
    case Selector::Kind::host: return id == s.host;
    case Selector::Kind::prefix: return s.prefix.contains(a);
    case Selector::Kind::zone: {
      if (s.zone >= zones.size()) return false;
      if (id && host(id).zone == zones[s.zone].name) return true;
      for (const Prefix& p : zones[s.zone].prefixes)
        if (p.contains(a)) return true;
      return false;
    }
  }
  return false;
}

bool Site::inside(const Address& a) const {
  if (a.kind == Address::Kind::mac || host_of(a)) return true;
  for (const Prefix& p : prefixes)
    if (p.contains(a)) return true;
  return private_range(a);
}

bool Site::outside_allowed(const Address& a) const {
  for (const Prefix& p : outside)
    if (p.contains(a)) return true;
  return false;
}

// The first, in the order of declaration, of those that may be between these two.
template <class F> const SiteConversation* Site::first_between(HostId a, HostId b, F is_it) const {
  const auto of = [&](HostId id) -> std::span<const uint32_t> {
    const auto it = id ? by_end_.find(id) : by_end_.end();
    return it == by_end_.end() ? std::span<const uint32_t>() : it->second;
  };
  std::span<const uint32_t> lists[] = {wide_, of(a), a == b ? of(0) : of(b)};
  for (;;) {
    std::span<const uint32_t>* least = nullptr;
    for (auto& list : lists)
      if (!list.empty() && (!least || list.front() < least->front())) least = &list;
    if (!least) return nullptr;
    const SiteConversation& d = conversations[least->front()];
    if (is_it(d)) return &d;
    *least = least->subspan(1);
  }
}

const SiteConversation* Site::conversation(const Endpoint& client, const Endpoint& server, uint16_t protocol) const {
  const HostId c = host_of(client.address), s = host_of(server.address);
  const std::string_view heard = protocol < protocols.size() ? protocols[protocol]->name : "";
  const Carrier carrier = heard == "tcp" ? Carrier::tcp : heard == "udp" ? Carrier::udp : Carrier::none;
  return first_between(c, s, [&](const SiteConversation& d) {
    if (!d.protocol.empty() && carrier == Carrier::none && d.protocol_index != protocol) return false;
    const auto ends = [&](const Endpoint& a, HostId ida, const Endpoint& b, HostId idb) {
      if (!matches(d.client, a.address, ida) || !matches(d.server, b.address, idb)) return false;
      if (d.ports.empty()) {
        if (d.protocol.empty() || carrier == Carrier::none) return true;
        if (d.protocol_index < 0) return b.port == 0;           // "icmp": no port
        for (const Port& p : protocols[size_t(d.protocol_index)]->ports)
          if (p.number == b.port && p.carrier == carrier) return true;
        return false;
      }
      for (const Port& p : d.ports)
        if (p.number == b.port && (carrier == Carrier::none || p.carrier == Carrier::none || p.carrier == carrier)) return true;
      return false;
    };
    // Of datagrams the first heard may be an answer, or both ends may use the same port.
    return ends(client, c, server, s) || (carrier != Carrier::tcp && ends(server, s, client, c));
  });
}

bool Site::speaks(const Address& client, const Address& server) const {
  const HostId c = host_of(client), s = host_of(server);
  return first_between(c, s, [&](const SiteConversation& d) { return matches(d.client, client, c) && matches(d.server, server, s); });
}

const SitePoint* Site::point(HostId h, uint16_t protocol, uint64_t station, Object o) const {
  const auto it = stations_.find({h, protocol, station});
  if (it == stations_.end()) return nullptr;
  const Placed* at = nearest(it->second.own, o.key());
  return at ? &points[at->point] : nullptr;
}

// A range may hold others that begin later: a single point declared inside it is the nearer one. Cut into pieces of which none holds
// another, so that one search finds the nearest, however many lie in however long a range.
void Site::lay_out(std::vector<Placed>& list) {
  std::sort(list.begin(), list.end(), [](const Placed& a, const Placed& b) { return a.first < b.first || (a.first == b.first && a.point < b.point); });
  bool apart = true;
  for (size_t i = 1; i < list.size() && apart; i++) apart = list[i - 1].last < list[i].first;
  if (apart) return;
  std::vector<uint64_t> edges;
  for (const Placed& p : list) edges.push_back(p.first), edges.push_back(p.last + 1);
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<Placed> pieces;
  std::vector<size_t> open;                                // a heap: the latest of those that have begun
  size_t next = 0;
  for (size_t i = 0; i < edges.size(); i++) {
    for (; next < list.size() && list[next].first == edges[i]; next++) open.push_back(next), std::push_heap(open.begin(), open.end());
    while (!open.empty() && list[open.front()].last < edges[i]) std::pop_heap(open.begin(), open.end()), open.pop_back();
    if (open.empty()) continue;
    const uint32_t point = list[open.front()].point;
    const uint64_t last = i + 1 < edges.size() ? edges[i + 1] - 1 : edges[i];
    if (!pieces.empty() && pieces.back().point == point && pieces.back().last + 1 == edges[i]) pieces.back().last = last;
    else pieces.push_back({edges[i], last, point});
  }
  list = std::move(pieces);
}

const Site::Placed* Site::nearest(const std::vector<Placed>& list, uint64_t key) {
  const auto at = std::upper_bound(list.begin(), list.end(), key, [](uint64_t k, const Placed& p) { return k < p.first; });
  return at != list.begin() && key <= (at - 1)->last ? &*(at - 1) : nullptr;
}

bool Site::has_points(HostId h, uint16_t protocol, uint64_t station) const { return stations_.contains({h, protocol, station}); }
bool Site::has_points(HostId h, uint16_t protocol) const {
  for (const SitePoint& p : points)
    if (p.host == h && p.protocol == protocol) return true;
  return false;
}

const SitePoint* Site::fed_back_by(HostId h, uint16_t protocol, uint64_t station, Object o) const {
  const auto it = stations_.find({h, protocol, station});
  if (it == stations_.end()) return nullptr;
  const Placed* at = nearest(it->second.feedbacks, o.key());
  return at ? &points[at->point] : nullptr;
}

const SitePublisher* Site::publisher(PublisherKind kind, uint64_t reference_key, const Address& source, const Address& destination) const {
  const SitePublisher* best = nullptr;
  int fit = -1;
  const auto [from, to] = publishers_.equal_range(publisher_key(kind, reference_key));
  for (auto at = from; at != to; ++at) {
    const SitePublisher& p = publishers[at->second];
    const int good = 2 * (p.destination == destination) + publishes(p, source);
    if (good > fit || (good == fit && &p < best)) best = &p, fit = good;
  }
  return best;
}
bool Site::has_publishers(PublisherKind kind) const {
  return std::any_of(publishers.begin(), publishers.end(), [&](const SitePublisher& p) { return p.kind == kind; });
}
bool Site::publishes(const SitePublisher& p, const Address& source) const {
  if (std::find(p.sources.begin(), p.sources.end(), source) != p.sources.end()) return true;
  if (!p.sources.empty()) return false;
  if (!p.host) return true;                                // nobody said from where
  const SiteHost& h = host(p.host);
  const bool known = source.kind == Address::Kind::mac ? !h.macs.empty() : !h.addresses.empty();
  return !known || host_of(source) == p.host;
}

const MasterGroup* Site::group(HostId master, HostId station) const {
  const auto holds = [](const std::vector<HostId>& list, HostId id) { return std::find(list.begin(), list.end(), id) != list.end(); };
  for (const MasterGroup& g : groups)
    if (holds(g.stations, station) && (holds(g.members, master) || holds(g.standby, master))) return &g;
  return nullptr;
}
const SiteSequence* Site::sequence(HostId master, HostId host, uint64_t station, Object o, bool on) const {
  if (!master || !host) return nullptr;
  for (const SiteSequence& q : sequences)
    if (q.host == host && (!q.station || *q.station == station) && (!q.to || *q.to == on) && std::find(q.masters.begin(), q.masters.end(), master) != q.masters.end() &&
        std::any_of(q.objects.begin(), q.objects.end(), [&](const ObjectRange& r) { return r.contains(o); }))
      return &q;
  return nullptr;
}
bool Site::has_group(HostId station) const {
  for (const MasterGroup& g : groups)
    if (std::find(g.stations.begin(), g.stations.end(), station) != g.stations.end()) return true;
  return false;
}

const Window* Site::window(Time t, HostId source, HostId target, std::string_view bay, Act act) const {
  const auto within = [](const std::vector<HostId>& list, HostId id) { return std::find(list.begin(), list.end(), id) != list.end(); };
  const auto stands = [&](const Window& w, std::string_view in) { return !in.empty() && std::find(w.bays.begin(), w.bays.end(), in) != w.bays.end(); };
  for (const Window& w : windows) {
    if (t < w.start || t >= w.until() || !(w.allowed & bit(act))) continue;
    if (!w.hosts.empty() && !((source && within(w.hosts, source)) || (target && within(w.hosts, target)))) continue;
    // The point's bay decides; where there is no point, that in which either end stands.
    if (!w.bays.empty() && !(bay.empty() ? (source && stands(w, host(source).bay)) || (target && stands(w, host(target).bay)) : stands(w, bay))) continue;
    return &w;
  }
  return nullptr;
}

}  // namespace vidra
