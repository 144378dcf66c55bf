// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace vidra {
namespace {

constexpr Time quiet = 20 * second;              // t3 of IEC 60870-5-104, 9.6: a living link speaks within it

// Where a master asks all the time and another takes its place. Elsewhere silence is usual and proves nothing.
bool taken_over(uint16_t protocol) {
  const std::string_view name = protocols[protocol]->name;
  return name == "iec104" || name == "dnp3" || name == "modbus";
}

bool contains(const std::vector<HostId>& list, HostId id) { return std::find(list.begin(), list.end(), id) != list.end(); }

bool same_network(const Address& a, const Address& b) {
  if (a.kind != b.kind) return false;
  const long n = a.kind == Address::Kind::ip4 ? 3 : 8;
  return a.kind != Address::Kind::mac && std::equal(a.octets.begin(), a.octets.begin() + n, b.octets.begin());
}

// A link that was only kept alive while Memory learned: the other front end's, of a redundancy group (IEC 60870-5-104, 10).
bool kept_alive_only(const ConversationMemory& m) { return m.acts && !(m.acts & ~bit(Act::session)); }

// Each master that the site declares, or that was learned, for this server in this protocol; some more than once.
template <class Each> void each_master(const Scene& s, const Context& c, Each each) {
  const auto all_of = [&](HostId id) {
    for (const Address& a : c.site.host(id).addresses) each(a);
  };
  const HostId server = c.site.host_of(s.server.address);
  c.site.clients_of(s.server.address, server, s.protocol, all_of);
  for (const MasterGroup& g : c.site.groups) {
    if (!contains(g.stations, server)) continue;
    for (HostId id : g.members) all_of(id);
    for (HostId id : g.standby) all_of(id);
  }
  for (const ConversationMemory* m : c.memory.conversations_with(s.server.address))
    if (m->protocol == s.protocol) each(m->client);
}

// A stand-in is a host of the plant, or comes from where the masters are: their network, or through their router; but a
// stranger in the station's own network is none.
bool stands_in(const Scene& s, const Context& c, const Findings& findings) {
  bool near = c.site.host_of(s.client.address) || c.memory.host(s.client.address);
  const bool outside = !same_network(s.client.address, s.server.address);
  bool any = false, one_speaks = false;
  each_master(s, c, [&](const Address& a) {
    any = true;
    const HeardHost* h = findings.heard(a);
    one_speaks |= h && s.time - h->last < quiet;
    if (!outside || one_speaks) return;
    near |= same_network(a, s.client.address) || (h && h->mac == s.client_mac);
    if (const HostMemory* m = c.memory.host(a)) near |= std::find(m->macs.begin(), m->macs.end(), s.client_mac) != m->macs.end();
  });
  return any && !one_speaks && near;               // without masters there is nobody to stand in for
}

}  // namespace

bool may_stand_in(const Scene& s, const Context& c, const Findings& findings) {
  if (is_control(s.protocol)) return taken_over(s.protocol) && stands_in(s, c, findings);
  Scene as = s;                                    // its first octets are still to come
  const uint16_t port = s.server.port;
  const std::string_view name = port == 2404 ? "iec104" : port == 20000 ? "dnp3" : port == 502 ? "modbus" : "";
  if (name.empty()) return false;
  as.protocol = uint16_t(protocol_index(name));
  return stands_in(as, c, findings);
}

uint64_t key_of(const Address& a) {
  uint64_t high, low;
  std::memcpy(&high, a.octets.data(), 8);
  std::memcpy(&low, a.octets.data() + 8, 8);
  return key_of(high, low + uint64_t(a.kind));
}

bool Known::allows(ActSet acts) const { return (group && acts & of_masters) || (declared && declared->allowed & acts) || (learned && learned->acts & acts); }

Known known(const Scene& s, const Context& c) {
  Known k;
  HostId client, server;
  if (c.conversation.flow == s.flow && c.conversation.protocol == s.protocol && s.flow) {
    k = {c.conversation.declared, c.conversation.learned, false};
    client = c.conversation.client, server = c.conversation.server;
  } else {
    k = {c.site.conversation(s.client, s.server, s.protocol), c.memory.conversation(s.client.address, s.server.address, s.protocol, s.server.port), false};
    client = c.site.host_of(s.client.address), server = c.site.host_of(s.server.address);
  }
  k.group = client && server && is_control(s.protocol) && c.site.group(client, server);
  return k;
}

Standing Shared::standing(const Scene& s, const Context& c, const Findings& findings) {
  if (!first_) first_ = s.time;
  if (c.learning || c.knows_nothing()) return Standing::unjudged;
  if (const Known k = known(s, c); k.any()) return taken_over(s.protocol) && !k.declared && !k.group && kept_alive_only(*k.learned) ? Standing::stand_in : Standing::known;
  if (!taken_over(s.protocol)) return Standing::stranger;
  bool fresh;
  Judged& j = judged_.at(pair_key(s), &fresh);
  // A stand-in stays one when those for whom it stood come back: they are the stand-ins then.
  if (fresh || (j.standing == Standing::unjudged && s.time - j.at >= second) || s.time - j.at > day) {
    j.at = s.time;
    // Before a living link must have spoken, its silence means nothing.
    j.standing = !stands_in(s, c, findings) ? Standing::stranger : s.time - first_ < quiet ? Standing::unjudged : Standing::stand_in;
  }
  return j.standing;
}

void Shared::switch_over(const Event& e, const Context& c, Findings& to) {
  const Scene& s = e.scene;
  if (std::exchange(switched_.at(pair_key(s)), true)) return;
  const uint32_t servers = ++taken_over_.at(key_of(s.client.address)).servers;
  Finding f = finding(row("NET-22"), e, c);
  f.source = c.party(s.client.address), f.target = {};
  f.cause = 1;
  f.confidence = 0.5;
  f.station.clear(), f.object.clear();
  const std::string masters = masters_text(s, c);
  const bool by_link = known(s, c).any();
  f.what = servers > 1 ? fmt::format("Switch-over? {} has taken over {} stations, {} the last.", c.text(s.client.address), servers, c.text(s.server.address))
           : by_link   ? fmt::format("Switch-over? {} has started its link to {}, which it only kept alive until now.", c.text(s.client.address), c.text(s.server.address))
                       : fmt::format("Switch-over? {} has taken over {} while {} is silent.", c.text(s.client.address), c.text(s.server.address), masters);
  f.expected = fmt::format("{} asks this station. Declare the stand-in as a member of its master group.", masters);
  to.raise(std::move(f));
}

std::string object_label(const Context& c, const Scene& s, uint64_t station, Object o, uint32_t count) {
  const std::string plain = object_text(o, count);
  const SitePoint* p = c.site.point(c.site.host_of(s.server.address), s.protocol, station, o);
  if (!p || p->name.empty() || count > 1) return plain;
  return p->bay.empty() ? fmt::format("{} ({})", p->name, plain) : fmt::format("{} {} ({})", p->bay, p->name, plain);
}

std::string seconds_text(Time t) {
  if (t >= 10 * second) return fmt::format("{} s", t / second);
  if (t >= 100 * millisecond) return fmt::format("{:.1f} s", double(t) / double(second));
  return fmt::format("{} ms", std::max<Time>((t + millisecond - 1) / millisecond, 1));
}

std::string masters_text(const Scene& s, const Context& c) {
  std::vector<Address> list;
  each_master(s, c, [&](const Address& a) { list.push_back(a); });
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  std::erase(list, s.client.address);
  if (list.empty()) return "nobody that is known";
  std::string text;
  for (size_t i = 0; i < list.size() && i < 6; i++) text += (i ? ", " : "") + c.text(list[i]);
  return list.size() > 6 ? text + ", …" : text;
}

std::string function_text(uint16_t protocol, uint16_t function, uint16_t sub) {
  const std::string_view name = function_name(*protocols[protocol], function, sub);
  return name.empty() ? fmt::format("function {}", function) : std::string(name);
}

std::string Lived::object() const {
  const std::string_view name = command.object.kind() == ObjectKind::named ? shared.name(command.object.key()) : std::string_view();
  if (name.empty()) return object_label(context, command.scene, command.station, command.object);
  if (!point || point->name.empty() || point->name == name) return std::string(name);
  return point->bay.empty() ? fmt::format("{} ({})", point->name, name) : fmt::format("{} {} ({})", point->bay, point->name, name);
}

std::string Lived::place() const {
  const std::string at = station_text(command.scene.protocol, command.station);
  return at.empty() ? server() : fmt::format("{}, {}", server(), at);
}

Finding Lived::finding(const Detection& d) const {
  Message m;
  m.station = command.station;
  m.function = command.function;
  m.act = Act::operate;
  Point p = command.asked;
  p.object = command.object;
  Scene s = command.scene;
  s.time = context.now;
  s.from = Side::client;
  Finding f = vidra::finding(d, Event{s, &m, nullptr, {&p, 1}, {}}, context);
  f.object = object();
  return f;
}

}  // namespace vidra
