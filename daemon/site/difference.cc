// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace vidra {
namespace {

using Kind = Difference::Kind;

std::string words(ActSet set) {
  std::string out;
  for (size_t i = 1; i < act_count; i++)
    if (set & bit(Act(i))) out += fmt::format("{}{}", out.empty() ? "" : ", ", name_of(Act(i)));
  return out.empty() ? "other" : out;
}
std::vector<std::string> act_list(ActSet set) {
  std::vector<std::string> out;
  if (set & reading_acts) out.emplace_back("reading");
  for (size_t i = 0; i < act_count; i++)
    if (set & changing_acts & bit(Act(i))) out.emplace_back(name_of(Act(i)));
  return out;
}
// Kinds that a point list holds.
bool listed(ObjectKind k) {
  switch (k) {
    case ObjectKind::information_object: case ObjectKind::coil: case ObjectKind::discrete_input: case ObjectKind::holding_register: case ObjectKind::input_register:
    case ObjectKind::binary_input: case ObjectKind::double_bit_input: case ObjectKind::binary_output: case ObjectKind::counter: case ObjectKind::analog_input: case ObjectKind::analog_output:
      return true;
    default: return false;
  }
}

// The parts of `from` that are in none of `what`.
std::vector<ObjectRange> without(const std::vector<ObjectRange>& from, const std::vector<ObjectRange>& what) {
  std::vector<ObjectRange> out;
  for (ObjectRange r : from) {
    uint64_t at = r.first.key();
    const uint64_t end = r.last.key();
    for (const ObjectRange& w : what) {                    // sorted
      if (w.last.key() < at) continue;
      if (w.first.key() > end) break;
      if (w.first.key() > at) out.push_back({Object::from_key(at), Object::from_key(w.first.key() - 1)});
      at = w.last.key() + 1;
      if (at > end || at == 0) break;
    }
    if (at <= end && at != 0) out.push_back({Object::from_key(at), r.last});
  }
  return out;
}

class Differ {
 public:
  Differ(const Site& site, const Memory& heard, const std::unordered_map<uint64_t, std::string>& names) : site_(site), heard_(heard), names_(names) {}

  SiteDifferences run() {
    hosts();
    conversations();
    publishers();
    points();
    for (auto& [id, d] : declared_)
      if (!d.list.empty()) out_.devices.push_back(std::move(d));
    std::sort(out_.devices.begin(), out_.devices.end(), [](const auto& a, const auto& b) { return natural_order(a.device) < natural_order(b.device); });
    std::vector<DeviceDifferences> rest;
    for (auto& [address, d] : others_)
      if (!d.list.empty()) rest.push_back(std::move(d));
    std::sort(rest.begin(), rest.end(), [](const auto& a, const auto& b) { return natural_order(a.device) < natural_order(b.device); });
    std::move(rest.begin(), rest.end(), std::back_inserter(out_.devices));
    for (DeviceDifferences& d : out_.devices) {
      std::stable_sort(d.list.begin(), d.list.end(), [](const Difference& a, const Difference& b) { return a.kind < b.kind; });
      for (const Difference& x : d.list) (x.kind == Kind::never_heard ? out_.never_heard : x.kind == Kind::undeclared ? out_.heard_undeclared : out_.otherwise)++;
    }
    return std::move(out_);
  }

 private:
  // A hardware address that only speaks below IP is its host's, where that is known.
  Address home(const Address& a) const {
    if (a.kind != Address::Kind::mac) return a;
    const auto it = by_mac_.find(a);
    return it == by_mac_.end() ? a : it->second;
  }
  HostId host_of(const Address& a) const {
    const HostId id = site_.host_of(a);
    return id ? id : site_.host_of(home(a));
  }
  std::string name(const Address& a) const {
    if (const HostId id = host_of(a)) return site_.host(id).name;
    return text_of(a);
  }
  void tell(const Address& at, Kind kind, std::string_view about, std::string what) {
    if (const HostId id = host_of(at)) return tell(id, kind, about, std::move(what));
    const Address a = home(at);
    DeviceDifferences& d = others_[a];
    if (d.device.empty()) {
      const HostMemory* h = heard_.host(a);
      d.device = text_of(a);
      if (h && !h->name.empty()) d.device += fmt::format(" \"{}\"", h->name);
    }
    d.list.push_back({kind, std::string(about), std::move(what)});
  }
  void tell(HostId id, Kind kind, std::string_view about, std::string what) {
    DeviceDifferences& d = declared_[id];
    if (d.device.empty()) {
      const SiteHost& h = site_.host(id);
      d.device = h.addresses.empty() ? h.macs.empty() ? h.name : fmt::format("{} ({})", h.name, text_of(h.macs[0])) : fmt::format("{} ({})", h.name, text_of(h.addresses[0]));
      if (!h.bay.empty()) d.device += ", bay " + h.bay;
      d.declared = true;
      d.host = id;
    }
    d.list.push_back({kind, std::string(about), std::move(what)});
  }

  void hosts() {
    // Which IP host a hardware address belongs to: where exactly one has it.
    std::map<Address, std::vector<Address>> owners;
    for (const HostMemory& h : heard_.hosts())
      if (h.address.kind != Address::Kind::mac)
        for (const Mac& m : h.macs) owners[Address::of(m)].push_back(h.address);
    for (const auto& [mac, list] : owners)
      if (list.size() == 1) by_mac_.emplace(mac, list[0]);
    std::set<HostId> seen;
    for (const HostMemory& h : heard_.hosts()) {
      const HostId id = host_of(h.address);
      if (!id) {
        if (h.address.kind == Address::Kind::mac && by_mac_.contains(h.address)) continue;   // told as its IP address
        std::string macs, who;
        for (const Mac& m : h.macs) macs += (macs.empty() ? "" : ", ") + text_of(m);
        for (const std::string* s : {&h.vendor, &h.product, &h.model, &h.firmware})
          if (!s->empty()) who += (who.empty() ? "" : " ") + *s;
        tell(h.address, Kind::undeclared, "host", fmt::format("this host{}{}", macs.empty() || h.address.kind == Address::Kind::mac ? "" : " at " + macs, who.empty() ? "" : ", which says it is " + who));
        DeclaredTable t;
        t.order = natural_order(text_of(h.address));
        const bool named = heard(t, "a name", h.name);
        t.text("name", named ? h.name + " " + text_of(h.address) : text_of(h.address));
        if (h.address.kind != Address::Kind::mac) t.text("address", text_of(h.address));
        std::vector<std::string> list;
        for (const Mac& m : h.macs)
          if (owners[Address::of(m)].size() <= 1) list.push_back(text_of(m));                  // not a router's
        if (h.address.kind == Address::Kind::mac && list.empty()) list.push_back(text_of(h.address));
        t.texts("mac", list);
        if (heard(t, "what it says of itself", who)) t.text("note", who);
        out_.undeclared.tables["host"].push_back(std::move(t));
        continue;
      }
      seen.insert(id);
      const SiteHost& d = site_.host(id);
      for (const Mac& m : h.macs) {
        if (d.macs.empty() || h.address.kind == Address::Kind::mac) break;
        const bool known = std::find(d.macs.begin(), d.macs.end(), m) != d.macs.end() || std::find(d.seen_with.begin(), d.seen_with.end(), m) != d.seen_with.end();
        const HostId other = site_.host_of(m);
        if (!known && !(other && site_.role_of(other) == HostRole::router)) tell(id, Kind::otherwise, "host", fmt::format("{} is heard with the hardware address {}; declared {}", text_of(h.address), text_of(m), text_of(d.macs[0])));
      }
    }
    for (size_t i = 0; i < site_.hosts.size(); i++)
      if (seen.contains(HostId(i + 1))) out_.hosts_as_declared++;
      else tell(HostId(i + 1), Kind::never_heard, "host", "this host");
    seen_ = std::move(seen);
  }

  // Whether a text from the wire is there and can stand in a file; where it cannot, the table says so.
  static bool heard(DeclaredTable& t, std::string_view what, const std::string& text) {
    if (is_utf8(text)) return !text.empty();
    t.comment += fmt::format("{}{} that is no UTF-8 is left out", t.comment.empty() ? "" : "\n", what);
    return false;
  }

  // 10.1.1.255, where no host of that address ever spoke.
  bool broadcast(const Address& a) const { return a.kind == Address::Kind::ip4 && a.octets[3] == 255 && !heard_.host(a); }

  // What a client changed, but for what belongs to asking: the time of a time server, the settings of its own reports.
  ActSet changes(const ConversationMemory& c) const {
    ActSet set = c.acts & changing_acts;
    if (is(c.protocol, "ntp") || is(c.protocol, "ptp")) set &= ~bit(Act::time);
    if (is(c.protocol, "mms") && set & bit(Act::configure)) {
      constexpr uint16_t write = 5, report_settings = 15;
      const auto other = [&](const FunctionMemory& f) {
        if (f.role != Role::request || (f.function == write && f.sub_function == report_settings)) return false;
        for (const Function& known : protocols[c.protocol]->functions)
          if (known.number == f.function && (known.sub == f.sub_function || known.sub == 0xffff)) return known.act == Act::configure;
        return false;
      };
      if (!c.functions.empty() && std::none_of(c.functions.begin(), c.functions.end(), other)) set &= ~bit(Act::configure);
    }
    return set;
  }

  static bool is(uint16_t protocol, std::string_view name) { return protocol < protocols.size() && protocols[protocol]->name == name; }

  void conversations() {
    // Bare TCP or UDP is told only where no protocol was understood in it.
    std::set<std::pair<std::pair<Address, Address>, uint16_t>> understood;
    for (const ConversationMemory& c : heard_.conversations())
      if (!is(c.protocol, "tcp") && !is(c.protocol, "udp")) understood.insert({{c.client, c.server}, c.port});
    std::vector<const ConversationMemory*> heard;
    std::set<std::pair<Address, Address>> with_files;              // FTP opens connections of its own for what it carries
    for (const ConversationMemory& c : heard_.conversations())
      if (is(c.protocol, "ftp")) with_files.insert({c.client, c.server}), with_files.insert({c.server, c.client});
    for (const ConversationMemory& c : heard_.conversations()) {
      if (is(c.protocol, "goose") || is(c.protocol, "sv")) continue;
      const bool bare = is(c.protocol, "tcp") || is(c.protocol, "udp");
      if (bare && (understood.contains({{c.client, c.server}, c.port}) || (c.port >= 1024 && with_files.contains({c.client, c.server})))) continue;
      heard.push_back(&c);
    }

    // Each declaration alone, so that one that lies behind a wider one is not taken for unused.
    Site one;
    one.hosts = site_.hosts, one.zones = site_.zones;
    one.index();
    one.conversations.resize(1);
    std::vector<bool> answered(heard.size());
    std::vector<ActSet> allowed(heard.size());
    for (const SiteConversation& d : site_.conversations) {
      one.conversations[0] = d;
      one.index();
      bool used = false;
      for (size_t i = 0; i < heard.size(); i++) {
        const ConversationMemory& c = *heard[i];
        const Address to = broadcast(c.server) ? Address::ip4(0xffffffff) : c.server;
        // What only reports may have been asked for from the other end, or not at all.
        if (!one.conversation({c.client, 0}, {to, c.port}, c.protocol) && !(changes(c) == 0 && one.conversation({to, 0}, {c.client, c.port}, c.protocol))) continue;
        used = answered[i] = true;
        allowed[i] |= d.allowed;
      }
      if (used) out_.conversations_as_declared++;
      else if (d.server.kind == Selector::Kind::host) {
        if (seen_.contains(d.server.host) && (d.client.kind != Selector::Kind::host || seen_.contains(d.client.host))) tell(d.server.host, Kind::never_heard, "conversation", text(d));
      } else if (d.client.kind == Selector::Kind::host && seen_.contains(d.client.host)) tell(d.client.host, Kind::never_heard, "conversation", text(d));
    }
    std::map<std::string, std::pair<const ConversationMemory*, size_t>> groups;   // layer 2 and multicast: one line for each client and protocol
    for (size_t i = 0; i < heard.size(); i++) {
      const ConversationMemory& c = *heard[i];
      const ActSet acts = c.acts;
      const bool group = c.server.group() || broadcast(c.server);
      if (answered[i]) {
        if (const ActSet more = changes(c) & ~allowed[i]; more && !group)
          tell(c.server, Kind::otherwise, "conversation", fmt::format("{} → {} {}: {}, which is not among the acts that are declared", name(c.client), name(c.server), protocols[c.protocol]->name, words(more)));
        continue;
      }
      const std::string port = c.port ? fmt::format(" port {}", c.port) : "";
      const bool declares_server = host_of(c.server) != 0;
      const bool portless = is(c.protocol, "udp") && !c.port;
      const std::string line = fmt::format("{} → {} {}{}: {}", name(c.client), name(c.server), portless ? "icmp" : protocols[c.protocol]->name, port, words(acts | c.reported));
      tell(group || (!declares_server && host_of(c.client)) ? c.client : c.server, Kind::undeclared, "conversation", line);
      DeclaredTable t;
      t.order = natural_order(name(c.server) + "\n" + name(c.client) + "\n" + std::string(protocols[c.protocol]->name));
      const auto end = [&](const Address& a) {
        if (const HostId id = host_of(a)) return site_.host(id).name;
        return (a.group() && a.kind == Address::Kind::mac) || broadcast(a) ? std::string("broadcast") : text_of(home(a));
      };
      if (c.server.kind == Address::Kind::mac && c.server.group()) t.comment = "to " + text_of(c.server);
      t.text("client", end(c.client));
      t.text("server", end(c.server));
      const bool bare = is(c.protocol, "tcp") || is(c.protocol, "udp");
      if (!bare || portless) t.text("protocol", portless ? "icmp" : protocols[c.protocol]->name);
      if (bare && c.port) t.text("port", fmt::format("{}/{}", c.port, protocols[c.protocol]->name));
      t.texts("acts", act_list(acts | bit(Act::read)));
      out_.undeclared.tables["conversation"].push_back(std::move(t));
    }
  }
  std::string text(const SiteConversation& d) const {
    const auto end = [&](const Selector& s) -> std::string {
      switch (s.kind) {
        case Selector::Kind::any: return "any";
        case Selector::Kind::broadcast: return "broadcast";
        case Selector::Kind::host: return site_.host(s.host).name;
        case Selector::Kind::prefix: return text_of(s.prefix);
        case Selector::Kind::zone: return "zone:" + (s.zone < site_.zones.size() ? site_.zones[s.zone].name : "");
      }
      return "";
    };
    std::string ports;
    for (const Port& p : d.ports) ports += fmt::format(" port {}", p.number);
    return fmt::format("{} → {} {}{}", end(d.client), end(d.server), d.protocol.empty() ? "any protocol" : d.protocol, ports);
  }

  static std::string_view kind_text(PublisherKind k) { return k == PublisherKind::goose ? "GOOSE" : "sampled values"; }

  void publishers() {
    std::set<const SitePublisher*> seen;
    for (const PublisherMemory& h : heard_.publishers()) {
      const Address from = h.sources.empty() ? Address{} : h.sources[0], to = h.destinations.empty() ? Address{} : h.destinations[0];
      const SitePublisher* d = site_.publisher(h.kind, text_key(h.reference), from, to);
      const std::string what = fmt::format("{} {}", kind_text(h.kind), h.reference);
      if (!d) {
        std::string detail;
        if (to.kind != Address::Kind::none) detail += " to " + text_of(to);
        tell(from, Kind::undeclared, "publisher", fmt::format("{}{}, APPID 0x{:04X}, confRev {}", what, detail, h.appid, h.conf_rev));
        DeclaredTable t;
        t.order = natural_order((h.kind == PublisherKind::goose ? "g" : "s") + h.reference);
        t.text("kind", h.kind == PublisherKind::goose ? "goose" : "sv");
        if (!heard(t, "reference", h.reference)) {
          out_.undeclared.heading.push_back(fmt::format("A publisher of {} from {} is left out: its reference is no UTF-8.", kind_text(h.kind), text_of(from)));
          continue;
        }
        t.text("reference", h.reference);
        if (const HostId id = host_of(from)) t.text("host", site_.host(id).name);
        else {
          std::vector<std::string> sources;
          for (const Address& a : h.sources) sources.push_back(text_of(a));
          t.texts("source", sources);
        }
        if (to.group()) t.text("destination", text_of(to));
        t.hexadecimal("appid", h.appid, 4);
        t.number("vlan", h.vlan);
        t.number("conf_rev", h.conf_rev);
        if (heard(t, "data_set", h.data_set)) t.text("data_set", h.data_set);
        if (h.entries) t.number("entries", h.entries);
        if (h.kind == PublisherKind::sampled_values) {
          if (h.rate >= 1) t.real("rate", std::round(h.rate));
          if (h.asdus) t.number("asdus", h.asdus);
        }
        out_.undeclared.tables["publisher"].push_back(std::move(t));
        continue;
      }
      seen.insert(d);
      size_t wrong = 0;
      const auto differ = [&](bool same, std::string_view field, const std::string& declared, const std::string& found) {
        if (same) return;
        wrong++;
        const std::string line = fmt::format("{}: {} is {}, declared {}", what, field, found, declared);
        if (d->host) tell(d->host, Kind::otherwise, "publisher", line);
        else tell(from, Kind::otherwise, "publisher", line);
      };
      for (const Address& a : h.sources)
        if (d->host || !d->sources.empty()) differ(site_.publishes(*d, a), "its source", d->sources.empty() ? site_.host(d->host).name : text_of(d->sources[0]), name(a));
      for (const Address& a : h.destinations) differ(d->destination.kind == Address::Kind::none || a == d->destination, "its group address", text_of(d->destination), text_of(a));
      if (d->appid) differ(*d->appid == h.appid, "APPID", fmt::format("0x{:04X}", *d->appid), fmt::format("0x{:04X}", h.appid));
      if (d->vlan && h.vlan) differ(*d->vlan == h.vlan, "VLAN", fmt::format("{}", *d->vlan), fmt::format("{}", h.vlan));   // 0: this mirror shows no tags
      if (d->conf_rev) differ(*d->conf_rev == h.conf_rev, "confRev", fmt::format("{}", *d->conf_rev), fmt::format("{}", h.conf_rev));
      if (!d->data_set.empty() && !h.data_set.empty()) differ(d->data_set == h.data_set, "the data set", d->data_set, h.data_set);
      if (d->entries && h.entries) differ(d->entries == h.entries, "the number of members", fmt::format("{}", d->entries), fmt::format("{}", h.entries));
      if (d->asdus && h.asdus) differ(d->asdus == h.asdus, "the number of ASDUs", fmt::format("{}", d->asdus), fmt::format("{}", h.asdus));
      if (d->rate > 0 && h.rate > 0) differ(std::fabs(d->rate - h.rate) <= 0.05 * d->rate, "the rate", fmt::format("{:g}/s", d->rate), fmt::format("{:.0f}/s", h.rate));
      if (h.simulated && !d->simulation_allowed) differ(false, "simulation or test", "off", "on");
      out_.publishers_as_declared += wrong == 0;
    }
    for (const SitePublisher& d : site_.publishers) {
      if (seen.contains(&d)) continue;
      const std::string what = fmt::format("{} {}", kind_text(d.kind), d.reference);
      if (d.host) tell(d.host, Kind::never_heard, "publisher", what);
      else unplaced_.push_back({Kind::never_heard, "publisher", what});
    }
    if (!unplaced_.empty()) {
      DeviceDifferences& d = declared_[0];
      d.device = "publishers of no declared host", d.declared = true;
      d.list = unplaced_;
    }
  }

  std::string object_text(const ObjectRange& r) const {
    if (r.first == r.last)
      if (const auto it = names_.find(r.first.key()); it != names_.end()) return it->second;
    return text_of(r);
  }
  // "information object 1101-1104, 1203 and 5 more"
  std::string texts(const std::vector<ObjectRange>& list) const {
    std::string out;
    size_t n = 0;
    std::string kind;
    for (const ObjectRange& r : list) {
      if (++n > 6) continue;
      std::string text = object_text(r);
      const size_t number = text.rfind(' ');
      if (number != std::string::npos && text.substr(0, number) == kind) text.erase(0, number + 1);   // the kind once
      else if (number != std::string::npos) kind = text.substr(0, number);
      out += fmt::format("{}{}", out.empty() ? "" : ", ", text);
    }
    return n > 6 ? fmt::format("{} and {} more", out, n - 6) : out;
  }
  static uint64_t objects(const std::vector<ObjectRange>& list) {
    uint64_t n = 0;
    for (const ObjectRange& r : list) n += r.last.key() - r.first.key() + 1;
    return n;
  }
  static void tidy(std::vector<ObjectRange>& list) {          // sorted, apart
    std::sort(list.begin(), list.end(), [](const ObjectRange& a, const ObjectRange& b) { return a.first.key() < b.first.key(); });
    std::vector<ObjectRange> out;
    for (const ObjectRange& r : list)
      if (!out.empty() && r.first.key() <= out.back().last.key() + 1 && listed(r.first.kind())) {
        if (r.last.key() > out.back().last.key()) out.back().last = r.last;
      } else out.push_back(r);
    list = std::move(out);
  }

  void points() {
    struct Station { std::vector<ObjectRange> monitored, controlled, all, read, written; std::vector<const SitePoint*> named; };
    std::map<std::tuple<HostId, uint16_t, uint64_t>, Station> stations;
    for (const SitePoint& p : site_.points) {
      Station& s = stations[{p.host, p.protocol, p.station}];
      s.all.push_back(p.objects);
      (p.direction == Direction::control ? s.controlled : s.monitored).push_back(p.objects);
      if (!listed(p.objects.first.kind())) s.named.push_back(&p);
    }
    for (const ConversationMemory& c : heard_.conversations())
      for (const StationMemory& m : c.stations) {
        const auto it = stations.find({host_of(c.server), c.protocol, m.station});
        if (it == stations.end()) continue;
        // Information object 0 is the station itself: interrogations, clocks.
        const auto take = [](const ObjectSet& from, std::vector<ObjectRange>& to) {
          for (ObjectRange r : from.ranges()) {
            if (!listed(r.first.kind())) continue;
            if (r.first == Object(ObjectKind::information_object, 0)) {
              if (r.last == r.first) continue;
              r.first = r.first.at(1);
            }
            to.push_back(r);
          }
        };
        take(m.read, it->second.read), take(m.written, it->second.written);
        for (const Habit& h : m.habits)                          // of named things only what is commanded
          if (!listed(h.object.kind()) && h.acts & acts({Act::select, Act::operate})) it->second.written.push_back({h.object, h.object});
      }
    for (auto& [key, s] : stations) {
      const auto& [host, protocol, number] = key;
      for (auto* list : {&s.monitored, &s.controlled, &s.all, &s.read, &s.written}) tidy(*list);
      const std::string station = protocol < protocols.size() ? fmt::format("{} {}", protocols[protocol]->name, is(protocol, "iec104") ? fmt::format("common address {}", number)
                                                                : is(protocol, "dnp3") ? fmt::format("outstation {}", number) : is(protocol, "modbus") ? fmt::format("unit {}", number) : "")
                                                              : "";
      const std::string at = station.ends_with(' ') ? station.substr(0, station.size() - 1) : station;
      if (!seen_.contains(host)) continue;                       // said already: the host itself
      if (const auto never = without(s.monitored, s.read); !never.empty()) tell(host, Kind::never_heard, "points", fmt::format("{}: {} points never reported or read: {}", at, objects(never), texts(never)));
      if (const auto never = without(s.controlled, s.written); !never.empty()) {
        std::string list = texts(never);
        if (!s.named.empty()) {                                  // their names are the site's
          list.clear();
          size_t n = 0;
          for (const SitePoint* p : s.named)
            if (std::any_of(never.begin(), never.end(), [&](const ObjectRange& r) { return r.contains(p->objects.first); }) && ++n <= 4) list += fmt::format("{}{}{}", list.empty() ? "" : ", ", p->bay.empty() ? "" : p->bay + " ", p->name);
          if (n > 4) list += fmt::format(" and {} more", n - 4);
        }
        tell(host, Kind::never_heard, "points", fmt::format("{}: {} controls never commanded (which may be right): {}", at, objects(never), list));
      }
      if (const auto more = without(s.written, s.all); !more.empty()) {
        tell(host, Kind::undeclared, "points", fmt::format("{}: {} commanded or written: {}", at, objects(more), texts(more)));
        take_over(host, protocol, number, more, true);
      }
      if (s.monitored.empty()) continue;                         // the list is of controls alone
      std::vector<ObjectRange> known = s.all;
      known.insert(known.end(), s.written.begin(), s.written.end());
      tidy(known);
      if (const auto more = without(s.read, known); !more.empty()) {
        tell(host, Kind::undeclared, "points", fmt::format("{}: {} reported or read: {}", at, objects(more), texts(more)));
        take_over(host, protocol, number, more, false);
      }
    }
  }

  void take_over(HostId host, uint16_t protocol, uint64_t station, const std::vector<ObjectRange>& list, bool control) {
    for (const ObjectRange& r : list) {
      DeclaredTable t;
      const uint32_t first = r.first.number(), last = r.last.number();
      t.order = natural_order(fmt::format("{}\n{}\n{:016x}", site_.host(host).name, station, r.first.key()));
      t.text("host", site_.host(host).name);
      const auto index = [&](std::string_view key) {
        if (first == last) t.number(key, first);
        else t.text(key, fmt::format("{}-{}", first, last));
      };
      std::string kind;
      if (is(protocol, "iec104")) {
        kind = "iec104_point";
        t.number("station", int64_t(station)), t.number("address", first);
        if (last > first) t.number("count", last - first + 1);
        t.text("direction", control ? "control" : "monitor");
      } else if (is(protocol, "dnp3")) {
        kind = "dnp3_point";
        const ObjectKind k = r.first.kind();
        t.number("outstation", int64_t(station));
        t.text("type", k == ObjectKind::binary_output ? control ? "crob" : "binary_output" : k == ObjectKind::analog_output ? "analog_output" : k == ObjectKind::binary_input ? "binary_input"
                       : k == ObjectKind::double_bit_input ? "double_bit_input" : k == ObjectKind::counter ? "counter" : "analog_input");
        index("index");
      } else if (is(protocol, "modbus")) {
        kind = "modbus_point";
        const ObjectKind k = r.first.kind();
        t.number("unit", int64_t(station));
        t.text("table", k == ObjectKind::coil ? "coil" : k == ObjectKind::discrete_input ? "discrete_input" : k == ObjectKind::holding_register ? "holding_register" : "input_register");
        index("address");
        if (control) t.flag("writable", true);
      } else {
        const auto it = names_.find(r.first.key());
        if (!is(protocol, "mms") || it == names_.end()) continue;
        kind = "mms_point";
        if (!heard(t, "object", it->second)) {
          out_.undeclared.heading.push_back(fmt::format("An object of {} is left out: its name is no UTF-8.", site_.host(host).name));
          continue;
        }
        t.text("object", it->second);
      }
      out_.undeclared.tables[kind].push_back(std::move(t));
    }
  }

  const Site& site_;
  const Memory& heard_;
  const std::unordered_map<uint64_t, std::string>& names_;
  SiteDifferences out_;
  std::map<HostId, DeviceDifferences> declared_;
  std::map<Address, DeviceDifferences> others_;
  std::map<Address, Address> by_mac_;
  std::set<HostId> seen_;
  std::vector<Difference> unplaced_;
};

}  // namespace

SiteDifferences differences(const Site& site, const Memory& heard, const std::unordered_map<uint64_t, std::string>& names) { return Differ(site, heard, names).run(); }

}  // namespace vidra
