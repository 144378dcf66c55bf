// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/inventory.h"

#include <algorithm>
#include <utility>

#include "daemon/base/mix.h"
#include "daemon/judge/detector.h"
#include "daemon/judge/toml_text.h"
#include "dissectors/facts.h"

namespace vidra {
namespace {

constexpr ActSet commanding = acts({Act::write, Act::select, Act::operate, Act::configure, Act::program, Act::run});

struct Numbers {
  int tcp = protocol_index("tcp"), udp = protocol_index("udp"), arp = protocol_index("arp"), ptp = protocol_index("ptp"), ntp = protocol_index("ntp"), snmp = protocol_index("snmp"),
      lldp = protocol_index("lldp"), profinet = protocol_index("profinet"), cdp = protocol_index("cdp"), sensor = protocol_index("sensor"), opcua = protocol_index("opcua");
};
const Numbers& numbers() {
  static const Numbers n;
  return n;
}

// A device's words without the blanks and zeros it fills them up with, as the file keeps them: what is read again is compared with what is said.
std::string_view kept(std::string_view s, std::string& room) {
  while (!s.empty() && (uint8_t(s.back()) <= ' ')) s.remove_suffix(1);
  while (!s.empty() && (uint8_t(s.front()) <= ' ')) s.remove_prefix(1);
  s = s.substr(0, InventoryEntry::longest_text);
  if (std::all_of(s.begin(), s.end(), [](char c) { return c >= ' ' && c < 0x7f; })) return s;
  return room = clean_utf8(s);                               // never longer
}

}  // namespace

size_t Inventory::Hash::operator()(const Address& a) const { return mix(a); }

Inventory::Inventory(const Inventory& o) : limit_(o.limit_), entries_(o.entries_), changes_(o.changes_), unkept_(o.unkept_), version_(o.version_) {
  for (InventoryEntry& e : entries_) by_address_.emplace(e.address, &e), count_card(e, 1);
}

InventoryEntry* Inventory::find(const Address& a) {
  const auto it = by_address_.find(a);
  return it == by_address_.end() ? nullptr : it->second;
}

InventoryEntry* Inventory::add(const Address& a, Time now) {
  if (a.kind == Address::Kind::none || a.group()) return nullptr;
  if (a.kind != Address::Kind::mac && std::all_of(a.octets.begin(), a.octets.end(), [](uint8_t o) { return o == 0; })) return nullptr;   // nobody yet
  if (InventoryEntry* e = find(a)) return e;
  InventoryEntry* room = nullptr;
  if (entries_.size() >= limit_) {
    unkept_++;
    if (!(room = vacate())) return nullptr;
  }
  InventoryEntry& e = room ? *room : entries_.emplace_back();
  e.address = a;
  e.first = e.last = now;
  by_address_.emplace(a, &e);
  version_++;
  return &e;
}

// Whoever invents addresses must not keep out those who come after. One look finds the next sixteenth of all who may go, so that each
// costs a look at sixteen, however many there are.
InventoryEntry* Inventory::vacate() {
  const auto idle = [](const InventoryEntry& e) {
    return e.told.empty() && e.commands.empty() && e.commanded_by.empty() &&
           std::none_of(e.spoken.begin(), e.spoken.end(), [](const SpokenIn& s) { return s.answers || s.reports || s.keeps_time || s.serves; });
  };
  const size_t many = std::max<size_t>(limit_ / 16, 1);
  for (bool looked = false;; looked = true) {
    while (!leaving_.empty()) {
      const Leaving next = leaving_.back();
      leaving_.pop_back();
      InventoryEntry& e = *next.entry;
      if (!idle(e) || e.last > next.last || (last_word && last_word(e.address) > next.last)) continue;   // it spoke meanwhile
      by_address_.erase(e.address);
      count_card(e, -1);
      return &(e = InventoryEntry{});
    }
    if (looked || (looked_ && unkept_ - looked_ < many)) return nullptr;
    looked_ = unkept_;
    for (InventoryEntry& e : entries_) {
      if (!idle(e)) continue;
      const Time heard = last_word ? last_word(e.address) : 0;
      if (heard != for_good) leaving_.push_back({!e.spoken.empty(), std::max(e.last, heard), &e});
    }
    const auto later = [](const Leaving& a, const Leaving& b) { return std::pair(a.asked, a.last) > std::pair(b.asked, b.last); };
    if (leaving_.size() > many) {
      std::nth_element(leaving_.begin(), leaving_.end() - long(many), leaving_.end(), later);
      leaving_.erase(leaving_.begin(), leaving_.end() - long(many));
    }
    std::sort(leaving_.begin(), leaving_.end(), later);
  }
}

size_t Inventory::others_of(const Mac& m, const Address& a) const {
  const auto all = spoke_last_.find(Address::of(m));
  if (all == spoke_last_.end()) return 0;
  const auto e = by_address_.find(a);
  return all->second - (e != by_address_.end() && a.kind != Address::Kind::mac && !e->second->macs.empty() && e->second->macs.back() == m);
}

void Inventory::count_card(const InventoryEntry& e, int by) {
  if (e.address.kind == Address::Kind::mac || e.macs.empty()) return;
  const auto at = spoke_last_.emplace(Address::of(e.macs.back()), 0).first;
  if (!(at->second += uint32_t(by))) spoke_last_.erase(at);
}

void Inventory::set_cards(InventoryEntry& e, std::vector<Mac> macs) {
  count_card(e, -1);
  e.macs = std::move(macs);
  count_card(e, 1);
}

void Inventory::add(InventoryChange c) {
  if (changes_.size() >= most_changes) changes_.pop_front();
  changes_.push_back(std::move(c));
  version_++;
}

void Inventory::spoke(const Address& a, Time last) {
  if (InventoryEntry* e = find(a)) e->last = std::max(e->last, last);
}

void Inventory::see_mac(InventoryEntry& e, const Mac& m, bool own) {
  if (m.empty() || m.group()) return;
  if (!e.macs.empty() && e.macs.back() == m) {
    if (own && !e.own_mac) e.own_mac = true, version_++;
    return;
  }
  if (e.own_mac && !own && !e.macs.empty()) {               // what it claimed itself counts more than who brings its packets
    if (std::find(e.macs.begin(), e.macs.end(), m) != e.macs.end() || e.macs.size() >= InventoryEntry::most_macs) return;
    e.macs.insert(e.macs.end() - 1, m);
    version_++;
    return;
  }
  count_card(e, -1);
  if (const auto at = std::find(e.macs.begin(), e.macs.end(), m); at != e.macs.end()) e.macs.erase(at);
  else if (e.macs.size() >= InventoryEntry::most_macs) e.macs.erase(e.macs.begin());
  e.macs.push_back(m);
  count_card(e, 1);
  e.own_mac = own;
  version_++;
}

void Inventory::moved(const Address& a, const Mac& before, const Mac& now, Time time) {
  InventoryEntry* e = find(a);
  if (!e) return;
  const bool met = std::find(e->macs.begin(), e->macs.end(), now) != e->macs.end();
  see_mac(*e, now, false);
  now_changed_.clear();
  if (met) return;
  now_changed_.push_back({InventoryChange::Kind::hardware, time, a, "", text_of(before), text_of(now), 0});
  add(now_changed_.back());
}

void Inventory::claimed(const Address& a, const Mac& m, Time now) {
  if (InventoryEntry* e = add(a, now)) see_mac(*e, m, true), e->claimed = now;
}

void Inventory::keep(std::vector<Address>& list, const Address& a, InventoryEntry& of) {
  if (std::find(list.begin(), list.end(), a) != list.end()) return;
  if (list.size() >= InventoryEntry::most_peers) of.unkept++;
  else list.push_back(a);
}

SpokenIn* Inventory::spoken(InventoryEntry& e, uint16_t protocol, uint16_t port) {
  const bool facts = protocol == numbers().tcp || protocol == numbers().udp;
  size_t of_facts = 0;
  for (SpokenIn& s : e.spoken) {
    if (s.protocol == protocol && (s.port == port || !facts)) {
      if (!s.port) s.port = port;                            // one that asked before serves now
      return &s;
    }
    of_facts += s.protocol == numbers().tcp || s.protocol == numbers().udp;
  }
  if (e.spoken.size() >= InventoryEntry::most_spoken || (facts && of_facts >= InventoryEntry::most_facts)) {
    e.unkept++;
    return nullptr;
  }
  version_++;
  return &e.spoken.emplace_back(SpokenIn{protocol, port});
}

// BACnet says its vendor by number ("ASHRAE (vendor 0)", "vendor 42") and by name.
static bool same_maker(std::string_view a, std::string_view b) {
  const auto by_number = [](std::string_view s) { return s.starts_with("vendor ") && s.size() > 7 && s.find_first_not_of("0123456789", 7) == s.npos; };
  const auto by_both = [](std::string_view s) { return s.ends_with(')') && s.find(" (vendor ") != s.npos; };
  if (by_number(a) || by_number(b)) return !(by_number(a) && by_number(b)) && !by_both(a) && !by_both(b);
  return (by_both(a) && a.substr(0, a.rfind(" (vendor ")) == b) || (by_both(b) && b.substr(0, b.rfind(" (vendor ")) == a);
}

void Inventory::identify(InventoryEntry& who, const Event& e) {
  const Scene& s = e.scene;
  const bool serves = s.from == Side::server;
  const Numbers& n = numbers();
  const bool by_port = !is_control(s.protocol) || s.protocol == n.opcua;      // several servers of one host are ordinary
  const uint64_t station = e.identity->station ? e.identity->station : serves && by_port ? s.server.port : 0;
  // What a server or a beacon says of itself is its own; programs of one client may call themselves as they like.
  const bool own = (serves || s.server.address.group() || s.server.address.kind == Address::Kind::mac) &&
                   (is_control(s.protocol) || s.protocol == n.snmp || s.protocol == n.lldp || s.protocol == n.cdp);
  static constexpr std::string SelfTold::*fields[] = {&SelfTold::vendor, &SelfTold::product, &SelfTold::model, &SelfTold::firmware, &SelfTold::serial, &SelfTold::name};
  static constexpr std::string_view names[] = {"vendor", "product", "model", "firmware", "serial", "name"};
  const uint64_t keys[] = {e.identity->vendor, e.identity->product, e.identity->model, e.identity->firmware, e.identity->serial, e.identity->name};
  std::string_view now[std::size(fields)];
  bool any = false;
  std::string clean[std::size(fields)];
  for (size_t i = 0; i < std::size(fields); i++)
    if (keys[i]) now[i] = kept(e.texts.find(keys[i]), clean[i]), any |= !now[i].empty();
  if (!any) return;
  SelfTold* was = nullptr;
  for (SelfTold& t : who.told)
    if (t.protocol == s.protocol && t.station == station) was = &t;
  if (!was) {
    if (who.told.size() >= InventoryEntry::most_told) {
      who.unkept++;
      return;
    }
    SelfTold& fresh = who.told.emplace_back();
    fresh.protocol = s.protocol, fresh.station = station, fresh.last = s.time, fresh.own = own;
    for (size_t i = 0; i < std::size(fields); i++) fresh.*fields[i] = now[i];
    version_++;
    return;
  }
  was->last = s.time;
  if (was->own && !own && is_control(s.protocol)) return;    // a client and a server of one host: the server's words stay
  const bool compared = std::exchange(was->own, own) && own;
  for (size_t i = 0; i < std::size(fields); i++) {
    std::string& old = was->*fields[i];
    if (now[i].empty() || now[i] == old || (!i && compared && same_maker(old, now[i]))) continue;
    if (!old.empty() && compared) {
      now_changed_.push_back({InventoryChange::Kind::identity, s.time, who.address, std::string(names[i]), old, std::string(now[i]), s.protocol});
      add(now_changed_.back());
    }
    old = now[i];
    version_++;
  }
}

void Inventory::see(const Event& e, uint64_t words, Time now) {
  now_changed_.clear();
  const Scene& s = e.scene;
  const Numbers& n = numbers();
  if (s.client.address.kind == Address::Kind::none || s.protocol == n.sensor) return;
  const bool client_speaks = s.from == Side::client;
  if (s.protocol == n.arp) return;                           // `claimed` hears of it
  InventoryEntry* const speaker = add(s.speaker().address, now);
  if (speaker) {
    speaker->last = std::max(speaker->last, now);
    see_mac(*speaker, client_speaks ? s.client_mac : s.server_mac, s.speaker().address.kind == Address::Kind::mac);
    if (e.identity) identify(*speaker, e);
  }
  if (!e.said || e.said->link) return;
  const Message& m = *e.said;
  if (s.protocol == n.tcp || s.protocol == n.udp) {
    // An open connection: the server answered, whatever it speaks.
    if (m.function != uint16_t(Fact::opened)) return;
    if (InventoryEntry* server = add(s.server.address, now)) {
      server->last = std::max(server->last, now);
      see_mac(*server, s.server_mac, false);
      if (SpokenIn* in = spoken(*server, s.protocol, s.server.port)) in->answers = true;
    }
    return;
  }
  if (m.malformed || !speaker) return;
  const uint16_t port = s.server.port;
  if (m.role == Role::request && client_speaks) {
    SpokenIn* in = spoken(*speaker, s.protocol, 0);
    if (in && !(in->asks & bit(m.act))) in->asks |= bit(m.act), version_++;
    InventoryEntry* const server = find(s.server.address);
    if (server)
      for (SpokenIn& x : server->spoken)
        if (x.protocol == s.protocol && x.answers) x.serves |= bit(m.act);
    // A PROFINET device says that it is ready in the same form.
    if (commanding & bit(m.act) && is_control(s.protocol) && !s.server.address.group() && !(s.protocol == n.profinet && m.act == Act::run)) {
      const size_t known = speaker->commands.size();
      keep(speaker->commands, s.server.address, *speaker);
      if (server) keep(server->commanded_by, speaker->address, *server);
      if (speaker->commands.size() > known) version_++;
    }
  } else if (!client_speaks) {
    SpokenIn* in = spoken(*speaker, s.protocol, port);
    if (!in) return;
    const SpokenIn before = *in;
    // Data that nobody asked for in this conversation make no server: both ends of cyclic I/O send them.
    if (!m.refused && (m.role == Role::response || words & asked_mask)) in->answers = true;
    if (m.role == Role::report) in->reports = true;
    in->serves |= ActSet(words & asked_mask);
    if (s.protocol == n.ntp && m.function == 4) in->keeps_time = true;
    if (words & commanding & asked_mask && is_control(s.protocol) && s.protocol != n.profinet) keep(speaker->commanded_by, s.client.address, *speaker);
    version_ += *in != before;
  } else {
    SpokenIn* in = spoken(*speaker, s.protocol, 0);
    if (!in) return;
    const SpokenIn before = *in;
    if (m.role == Role::report) in->reports = true;
    if ((s.protocol == n.ptp && m.function == 11) || (s.protocol == n.ntp && (m.function == 4 || m.function == 5))) in->keeps_time = true;
    version_ += *in != before;
  }
}

}  // namespace vidra
