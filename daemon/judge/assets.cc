// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/assets.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "daemon/judge/detector.h"

namespace vidra {
namespace {

constexpr std::string_view role_names[] = {"unknown", "master", "HMI", "engineering", "gateway", "RTU", "IED", "merging unit", "PLC", "field device", "remote I/O", "building", "meter", "PMU", "PDC", "OPC server", "historian", "time server", "router", "switch",
                                           "serial server", "server", "workstation"};

// Protocols by what a device that answers in them is for.
enum Family : uint32_t { telecontrol = 1, station_bus = 2, samples = 4, controller = 8, metering = 16, synchrophasor = 32, building_control = 64, opc = 128, office = 256, plumbing = 512, clock = 1024, serial = 2048, io_bus = 4096, redundancy = 8192, terminal = 16384 };

uint32_t family_of(std::string_view p) {
  static const std::map<std::string_view, uint32_t> families = {
      {"iec104", telecontrol}, {"dnp3", telecontrol}, {"iec101", telecontrol}, {"spa", telecontrol}, {"iec103", telecontrol}, {"genisys", telecontrol}, {"bsap", telecontrol}, {"roc", telecontrol},
      {"mms", station_bus}, {"goose", station_bus}, {"sel", station_bus}, {"digsi", station_bus}, {"sv", samples},
      {"modbus", controller}, {"s7", controller}, {"s7plus", controller}, {"enip", controller}, {"fins", controller}, {"slmp", controller}, {"ads", controller}, {"codesys", controller}, {"srtp", controller},
      {"pcom", controller}, {"tristation", controller}, {"hartip", controller}, {"ffhse", controller}, {"profinet", io_bus}, {"ethercat", io_bus}, {"powerlink", io_bus}, {"sercos", io_bus},
      {"dlms", metering}, {"c1222", metering}, {"iec62056", metering}, {"c37118", synchrophasor}, {"bacnet", building_control}, {"opcua", opc},
      {"dns", office}, {"http", office}, {"kerberos", office}, {"ldap", office}, {"smb", office}, {"tds", office}, {"rdp", office}, {"vnc", office}, {"tls", office}, {"syslog", office}, {"dhcp", office}, {"osi", plumbing},
      {"ssh", terminal}, {"telnet", terminal}, {"ftp", terminal}, {"tftp", terminal}, {"snmp", plumbing}, {"lldp", plumbing}, {"cdp", plumbing}, {"stp", plumbing}, {"gmrp", plumbing}, {"igmp", plumbing},
      {"vrrp", redundancy}, {"prp", plumbing}, {"ntp", clock}, {"ptp", clock}, {"moxa", serial}, {"lantronix", serial},
  };
  const auto it = families.find(p);
  return it == families.end() ? 0 : it->second;
}

constexpr ActSet writing = acts({Act::write, Act::select, Act::operate, Act::cancel});
constexpr ActSet engineering_acts = acts({Act::program, Act::run, Act::file});

// What one device did, summed up over its protocols.
struct Deeds {
  uint32_t answers = 0, asks = 0, commands = 0, reports = 0;
  ActSet asked = 0;
  bool keeps_time = false, programs = false, bridges = false, routes = false, connects_io = false;
  bool written = false;                                // something was written to it or run on it
  uint32_t only_modbus = 0;                            // 1: of control it answers Modbus, 2: and something else
  std::string words;                                   // of the model and names, in lower case

  bool says(std::initializer_list<std::string_view> any) const {
    for (const std::string_view w : any)
      if (words.find(w) != words.npos) return true;
    return false;
  }
};

constexpr uint32_t field = telecontrol | station_bus | samples | controller | metering | synchrophasor | building_control | io_bus;
constexpr uint32_t control = field | opc;

AssetRole guess(const Deeds& d, size_t served_below, bool routes) {
  const uint32_t served = (d.answers | (d.reports & (station_bus | samples | synchrophasor))) & control;
  // What it calls itself, where that is plain.
  if (d.says({"merging unit"})) return AssetRole::merging_unit;
  if (d.connects_io) return AssetRole::plc;
  if (!(d.asks & control & ~io_bus) && !(d.answers & control) && d.says({"switch"})) return AssetRole::network_switch;
  if (served) {
    if (d.says({" meter", "energy meter", "power meter"})) return AssetRole::meter;
    if (d.answers & telecontrol) return d.asks & (controller | station_bus | telecontrol | metering) ? AssetRole::gateway : AssetRole::rtu;
    if (served & synchrophasor) return d.asks & synchrophasor ? AssetRole::pdc : AssetRole::pmu;
    if (served & station_bus) return d.asks & (station_bus | controller | telecontrol) && !(d.reports & station_bus) ? AssetRole::gateway : AssetRole::ied;
    if (served & samples) return AssetRole::merging_unit;
    if (served & metering) return AssetRole::meter;
    if (served & building_control) return AssetRole::building;
    if (served & controller) return d.says({"remote i/o", "adapter", " i/o", "opener"}) ? AssetRole::remote_io : d.says({"rtu"}) ? AssetRole::rtu : d.only_modbus == 1 && !d.written ? AssetRole::field_device : AssetRole::plc;
    if (served & opc) return d.asks & field ? AssetRole::gateway : AssetRole::opc_server;
    if (served & io_bus) return AssetRole::remote_io;
  }
  if (routes || d.routes) return AssetRole::router;
  if (d.keeps_time) return AssetRole::time;
  if (d.answers & serial) return AssetRole::serial_server;
  if (d.asks & control) {
    if (d.programs && !(d.commands & (telecontrol | station_bus))) return AssetRole::engineering;
    if ((d.asks & control) == synchrophasor) return AssetRole::pdc;
    if ((d.asks & control) == opc) return d.commands & opc ? AssetRole::hmi : AssetRole::historian;
    if ((d.asks & control) == building_control) return AssetRole::hmi;
    if (d.asks & terminal && d.asks & (station_bus | controller) && served_below >= 2 && !(d.commands & control)) return AssetRole::engineering;
    const uint32_t local = d.asks & (station_bus | controller | opc | building_control);
    if (d.asks & telecontrol && !local) return AssetRole::master;
    if (local) return AssetRole::hmi;
    return AssetRole::master;
  }
  if (d.bridges) return AssetRole::network_switch;
  if (d.reports & io_bus) return AssetRole::remote_io;
  if (d.answers & terminal && d.answers & plumbing) return AssetRole::network_switch;
  if (d.answers & (office | terminal)) return AssetRole::server;
  if (d.answers & plumbing) return AssetRole::network_switch;
  if (d.asks & terminal) return AssetRole::engineering;
  if (d.asks & office) return AssetRole::workstation;
  return AssetRole::unknown;
}

AssetRole of_declared(HostRole r) {
  switch (r) {
    case HostRole::master: return AssetRole::master;
    case HostRole::rtu: return AssetRole::rtu;
    case HostRole::ied: return AssetRole::ied;
    case HostRole::hmi: return AssetRole::hmi;
    case HostRole::plc: return AssetRole::plc;
    case HostRole::meter: return AssetRole::meter;
    case HostRole::engineering: return AssetRole::engineering;
    case HostRole::router: return AssetRole::router;
    case HostRole::time: return AssetRole::time;
    case HostRole::server: return AssetRole::server;
    case HostRole::other: break;
  }
  return AssetRole::unknown;
}

std::string_view protocol_name(uint16_t p) { return p < protocols.size() ? protocols[p]->name : "?"; }

void list(std::string& out, std::string_view what, std::vector<std::string_view> names) {
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.empty()) return;
  out += fmt::format("{}{} ", out.empty() ? "" : "; ", what);
  for (size_t i = 0; i < names.size(); i++) out += fmt::format("{}{}", i ? ", " : "", names[i]);
}

void judge_role(Asset& a, size_t routed) {
  static const int tcp = protocol_index("tcp"), udp = protocol_index("udp");
  Deeds d;
  std::vector<std::string_view> answers, asks, commands, reports, programs;
  for (const SpokenIn& s : a.spoken) {
    if (s.protocol == tcp || s.protocol == udp) continue;
    const std::string_view name = protocol_name(s.protocol);
    const uint32_t f = family_of(name);
    if (s.answers) d.answers |= f, answers.push_back(name);
    if (name == "profinet" && s.asks & acts({Act::session, Act::configure, Act::read})) d.connects_io = true;
    if (s.answers && f & control) {
      d.only_modbus |= name == "modbus" ? 1 : 2;
      d.written |= s.serves & changing_acts & ~bit(Act::time);
    }
    if (s.asks & ~acts({Act::session, Act::other, Act::identify, Act::browse})) {
      d.asks |= f;
      if (s.asks & writing && f & control) d.commands |= f, commands.push_back(name);
      else asks.push_back(name);
    }
    if (s.reports && !s.answers) d.reports |= f, reports.push_back(name);
    d.asked |= s.asks;
    d.keeps_time |= s.keeps_time;
    if (s.asks & engineering_acts && f & (controller | station_bus)) d.programs = true, programs.push_back(name);
    if (name == "stp" && s.reports) d.bridges = true;
    if (name == "vrrp" && s.reports) d.routes = true;
  }
  for (const SelfTold& t : a.told)
    for (const std::string* s : {&t.product, &t.model, &t.name}) {
      d.words += ' ';
      for (char c : *s) d.words += char(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
  if (!a.role_declared) a.role = guess(d, a.commands.size(), routed > 0);
  if (routed) a.because = fmt::format("{} other addresses are heard through it", routed);
  if (d.keeps_time) a.because += fmt::format("{}gives the time", a.because.empty() ? "" : "; ");
  list(a.because, "answers", answers);
  list(a.because, "commands", commands);
  list(a.because, "asks", asks);
  list(a.because, "programs or moves files", programs);
  list(a.because, "says unasked", reports);
  if (a.because.empty()) a.because = "said nothing but who it is";
}

// How much a protocol's word on a device counts: the device's own maker speaks in those of control.
int weight(uint16_t protocol) {
  const std::string_view p = protocol_name(protocol);
  const uint32_t f = family_of(p);
  if (f & (control | serial) && p != "opcua") return 5;
  if (p == "opcua") return 4;
  if (p == "snmp") return 3;
  if (p == "lldp" || p == "cdp") return 2;
  return f & (office | terminal) ? 0 : 1;
}

}  // namespace

std::string_view name_of(AssetRole r) { return role_names[size_t(r)]; }

std::vector<Asset> assets(const Inventory& inventory, const Site& site) {
  // Whose card is it? The address that claimed it, or that the site declares; else, where only one IP address has it, that one.
  struct Card { std::vector<const InventoryEntry*> owners, users; };
  std::map<Mac, Card> cards;
  for (const InventoryEntry& e : inventory.entries()) {
    if (e.address.kind == Address::Kind::mac) continue;
    const HostId id = site.host_of(e.address);
    for (const Mac& m : e.macs) {
      const bool declared = id && site.host_of(m) == id;
      const bool foreign = id && !declared && !site.host(id).macs.empty();
      (declared || (e.own_mac && !foreign && m == e.macs.back()) ? cards[m].owners : cards[m].users).push_back(&e);
    }
  }
  const auto is_ip6 = [](const InventoryEntry* e) { return e->address.kind == Address::Kind::ip6; };
  const auto local6 = [](const Address& a) { return a.kind == Address::Kind::ip6 && a.octets[0] == 0xfe && (a.octets[1] & 0xc0) == 0x80; };
  std::map<Address, size_t> index;                          // of an entry's address: which asset
  std::map<Mac, size_t> routed;                             // how many addresses are heard through a card
  std::vector<Asset> out;
  std::map<Mac, std::vector<size_t>> holders;               // assets with this card
  const auto asset_of = [&](const Address& a, HostId id) -> Asset& {
    if (id)
      for (const Address& other : site.host(id).addresses)
        if (const auto it = index.find(other); it != index.end()) return index[a] = it->second, out[it->second];
    index[a] = out.size();
    Asset& fresh = out.emplace_back();
    fresh.declared = id;
    return fresh;
  };
  const auto take = [&](Asset& a, const InventoryEntry& e) {
    a.addresses.push_back(e.address);
    a.first = a.first ? std::min(a.first, e.first) : e.first;
    a.last = std::max(a.last, e.last);
    for (const SelfTold& t : e.told) a.told.push_back(t);
    for (const SpokenIn& s : e.spoken) {
      const auto same = std::find_if(a.spoken.begin(), a.spoken.end(), [&](const SpokenIn& x) { return x.protocol == s.protocol && x.port == s.port; });
      if (same == a.spoken.end()) a.spoken.push_back(s);
      else {
        same->asks |= s.asks, same->serves |= s.serves;
        same->answers |= s.answers, same->reports |= s.reports, same->keeps_time |= s.keeps_time;
      }
    }
    a.commands.insert(a.commands.end(), e.commands.begin(), e.commands.end());
    a.commanded_by.insert(a.commanded_by.end(), e.commanded_by.begin(), e.commanded_by.end());
  };
  const auto add_macs = [&](Asset& a, const InventoryEntry& e) {
    for (const Mac& m : e.macs) {
      const Card& card = cards[m];
      const bool own = std::find(card.owners.begin(), card.owners.end(), &e) != card.owners.end();
      size_t others4 = 0;                                   // other IPv4 addresses with this card
      for (const auto* list : {&card.owners, &card.users})
        for (const InventoryEntry* x : *list) others4 += x != &e && !is_ip6(x);
      const bool through = !own && (!card.owners.empty() ? card.owners.front() != &e && !local6(e.address) && !(is_ip6(&e) && card.users.size() == 1) : others4 >= 2 && !local6(e.address));
      if (through) {
        a.behind = m;
      } else if (std::find(a.macs.begin(), a.macs.end(), m) == a.macs.end()) {
        a.macs.push_back(m);
        holders[m].push_back(size_t(&a - out.data()));
      }
    }
    if (!a.macs.empty()) a.behind = {};
    else if (!a.behind.empty()) routed[a.behind]++;
  };

  std::vector<const InventoryEntry*> order;
  for (const InventoryEntry& e : inventory.entries()) order.push_back(&e);
  std::sort(order.begin(), order.end(), [](auto a, auto b) { return std::pair(a->address.kind, a->address) < std::pair(b->address.kind, b->address); });
  for (const InventoryEntry* e : order) {                    // IPv4, then IPv6, then hardware addresses
    const HostId id = site.host_of(e->address);
    if (e->address.kind == Address::Kind::ip4) {
      Asset& a = asset_of(e->address, id);
      take(a, *e);
      add_macs(a, *e);
      continue;
    }
    Mac m;
    if (e->address.kind == Address::Kind::mac) std::copy_n(e->address.octets.begin(), 6, m.octets.begin());
    else if (!e->macs.empty()) m = e->macs.back();
    // The device with this card: the one that owns it, or the only one that has it.
    const auto held = holders.find(m);
    if (held == holders.end() || held->second.size() != 1 || (e->address.kind == Address::Kind::ip6 && !local6(e->address) && routed.contains(m))) {
      Asset& a = asset_of(e->address, id);
      take(a, *e);
      if (e->address.kind == Address::Kind::mac) {
        a.macs.push_back(m);
        holders[m].push_back(size_t(&a - out.data()));
      } else add_macs(a, *e);
      continue;
    }
    index[e->address] = held->second[0];
    take(out[held->second[0]], *e);
  }

  for (Asset& a : out) {
    size_t through = 0;
    for (const Mac& m : a.macs)
      if (const auto it = routed.find(m); it != routed.end()) through += it->second;
    if (a.declared) {
      a.name = site.host(a.declared).name;
      a.role = of_declared(site.host(a.declared).role);
      a.role_declared = a.role != AssetRole::unknown;
    }
    std::sort(a.spoken.begin(), a.spoken.end(), [](const SpokenIn& x, const SpokenIn& y) { return std::pair(protocol_name(x.protocol), x.port) < std::pair(protocol_name(y.protocol), y.port); });
    // An open port whose protocol is known says nothing more.
    static const int tcp = protocol_index("tcp"), udp = protocol_index("udp");
    std::vector<uint16_t> understood;
    for (const SpokenIn& s : a.spoken)
      if (s.protocol != tcp && s.protocol != udp && s.port) understood.push_back(s.port);
    std::erase_if(a.spoken, [&](const SpokenIn& s) { return (s.protocol == tcp || s.protocol == udp) && std::find(understood.begin(), understood.end(), s.port) != understood.end(); });
    std::stable_sort(a.told.begin(), a.told.end(), [](const SelfTold& x, const SelfTold& y) { return weight(x.protocol) > weight(y.protocol); });
    for (const SelfTold& t : a.told) {
      // What programs say of themselves is not the device's word, nor is a client's of itself.
      const bool serves = std::any_of(a.spoken.begin(), a.spoken.end(), [&](const SpokenIn& s) { return s.protocol == t.protocol && (s.answers || s.reports); });
      if (!weight(t.protocol) || (!serves && protocol_name(t.protocol) == "opcua")) continue;
      const std::string model = t.model.empty() ? t.product : t.product.empty() || t.model.find(t.product) != t.model.npos ? t.model : t.product + " " + t.model;
      if (a.vendor.empty()) a.vendor = t.vendor;
      if (a.model.empty()) a.model = model;
      if (a.firmware.empty() && (a.model == model || model.empty())) a.firmware = t.firmware;
      if (a.serial.empty()) a.serial = t.serial;
      if (a.name.empty()) a.name = t.name;
    }
    judge_role(a, through);
  }
  std::sort(out.begin(), out.end(), [](const Asset& x, const Asset& y) { return std::pair(x.addresses[0].kind, x.addresses[0]) < std::pair(y.addresses[0].kind, y.addresses[0]); });
  return out;
}

}  // namespace vidra
