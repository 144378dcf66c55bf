// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/inventory_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "daemon/base/text.h"
#include "daemon/judge/toml_text.h"

namespace vidra {
namespace {

constexpr int64_t newest_version = 1;

std::string time_text(Time t) { return "\"" + iso_time(t, 9) + "\""; }

std::string act_words(ActSet set) {
  std::string s = "[";
  for (size_t a = 0; a < act_count; a++)
    if (set & bit(Act(a))) s += fmt::format("{}\"{}\"", s.size() > 1 ? ", " : "", name_of(Act(a)));
  return s + "]";
}

template <class T>
std::string texts(const std::vector<T>& list) {
  std::string s = "[";
  for (const T& each : list) s += fmt::format("{}\"{}\"", s.size() > 1 ? ", " : "", text_of(each));
  return s + "]";
}

constexpr std::pair<const char*, std::string SelfTold::*> told_fields[] = {{"vendor", &SelfTold::vendor}, {"product", &SelfTold::product}, {"model", &SelfTold::model},
                                                                           {"firmware", &SelfTold::firmware}, {"serial", &SelfTold::serial}, {"name", &SelfTold::name}};

void read_time(TomlTable& t, std::string_view key, Time& to) {
  std::string s;
  if (!t.read(key, s)) return;
  if (const auto at = parse_iso_time(s)) to = *at;
  else t.complain(key, fmt::format("\"{}\" is no time; it is written like 2026-11-21T08:30:00Z", s));
}

void read_acts(TomlTable& t, std::string_view key, ActSet& to) {
  std::vector<std::string> list;
  t.read(key, list);
  for (const std::string& s : list) {
    size_t a = 0;
    while (a < act_count && name_of(Act(a)) != s) a++;
    if (a < act_count) to |= bit(Act(a));
    else t.complain(key, fmt::format("\"{}\" is no act", s));
  }
}

// A protocol that this build does not have is left out: the file may be an older or a newer build's.
int read_protocol(TomlTable& t) {
  std::string name;
  if (!t.read("protocol", name) && !t.has("protocol")) t.complain("protocol", "its protocol is missing");
  return protocol_index(name);
}

template <class T, class F>
void read_list(TomlTable& t, std::string_view key, std::vector<T>& to, size_t most, F parse) {
  std::vector<std::string> list;
  t.read(key, list);
  for (const std::string& s : list)
    if (const auto v = parse(s); !v) t.complain(key, fmt::format("\"{}\" is no address", s));
    else if (to.size() < most) to.push_back(*v);
}

void read_asset(TomlTable& t, Inventory& inventory) {
  std::string s;
  if (!t.read("address", s) && !t.has("address")) t.complain("address", "an [[asset]] needs its address");
  const auto address = parse_address(s);
  if (!s.empty() && !address) t.complain("address", fmt::format("\"{}\" is no address", s));
  InventoryEntry spare;
  InventoryEntry* kept = address ? inventory.add(*address, 0) : nullptr;
  InventoryEntry& e = kept ? *kept : spare;
  read_time(t, "first", e.first), read_time(t, "last", e.last);
  std::vector<Mac> macs;
  read_list(t, "mac", macs, InventoryEntry::most_macs, parse_mac);
  if (kept) inventory.set_cards(e, std::move(macs));
  t.read("own_mac", e.own_mac);
  for (TomlTable each : t.tables("spoken")) {
    SpokenIn in;
    const int protocol = read_protocol(each);
    each.read("port", in.port, 0, 65'535);
    read_acts(each, "asks", in.asks), read_acts(each, "serves", in.serves);
    each.read("answers", in.answers), each.read("reports", in.reports), each.read("keeps_time", in.keeps_time);
    each.finish();
    if (protocol < 0 || e.spoken.size() >= InventoryEntry::most_spoken) continue;
    in.protocol = uint16_t(protocol);
    e.spoken.push_back(in);
  }
  for (TomlTable each : t.tables("told")) {
    SelfTold told;
    const int protocol = read_protocol(each);
    std::string station;
    if (each.read("station", station)) told.station = std::strtoull(station.c_str(), nullptr, 10);
    for (const auto& [name, field] : told_fields)
      if (each.read(name, told.*field)) (told.*field).resize(std::min((told.*field).size(), InventoryEntry::longest_text));
    read_time(each, "last", told.last);
    each.finish();
    if (protocol < 0 || e.told.size() >= InventoryEntry::most_told) continue;
    told.protocol = uint16_t(protocol);
    e.told.push_back(std::move(told));
  }
  read_list(t, "commands", e.commands, InventoryEntry::most_peers, parse_address);
  read_list(t, "commanded_by", e.commanded_by, InventoryEntry::most_peers, parse_address);
  t.finish();
}

}  // namespace

void write_inventory(const Inventory& inventory, std::ostream& out) {
  std::vector<const InventoryEntry*> entries;
  for (const InventoryEntry& e : inventory.entries()) entries.push_back(&e);
  std::sort(entries.begin(), entries.end(), [](auto a, auto b) { return std::pair(a->address.kind, a->address) < std::pair(b->address.kind, b->address); });
  out << "# Who spoke on this link, as the sensor keeps it. `vidra inventory` shows it. Delete the file to begin anew.\n\nversion = " << newest_version << "\n";
  for (const InventoryEntry* e : entries) {
    out << "\n[[asset]]\naddress = \"" << text_of(e->address) << "\"\nfirst = " << time_text(e->first) << "\nlast = " << time_text(e->last) << "\n";
    if (!e->macs.empty()) out << "mac = " << texts(e->macs) << "\n";
    if (e->own_mac) out << "own_mac = true\n";
    if (!e->spoken.empty()) {
      out << "spoken = [\n";
      for (const SpokenIn& s : e->spoken) {
        out << "  { protocol = \"" << protocols[s.protocol]->name << "\"";
        if (s.port) out << ", port = " << s.port;
        if (s.asks) out << ", asks = " << act_words(s.asks);
        if (s.serves) out << ", serves = " << act_words(s.serves);
        if (s.answers) out << ", answers = true";
        if (s.reports) out << ", reports = true";
        if (s.keeps_time) out << ", keeps_time = true";
        out << " },\n";
      }
      out << "]\n";
    }
    if (!e->told.empty()) {
      out << "told = [\n";
      for (const SelfTold& t : e->told) {
        out << "  { protocol = \"" << protocols[t.protocol]->name << "\"";
        if (t.station) out << ", station = \"" << t.station << "\"";
        for (const auto& [name, field] : told_fields)
          if (!(t.*field).empty()) out << ", " << name << " = " << quoted_toml(clean_utf8(t.*field));
        out << ", last = " << time_text(t.last) << " },\n";
      }
      out << "]\n";
    }
    if (!e->commands.empty()) out << "commands = " << texts(e->commands) << "\n";
    if (!e->commanded_by.empty()) out << "commanded_by = " << texts(e->commanded_by) << "\n";
  }
  for (const InventoryChange& c : inventory.changes()) {
    out << "\n[[change]]\ntime = " << time_text(c.time) << "\naddress = \"" << text_of(c.address) << "\"\n";
    if (!c.field.empty()) out << "protocol = \"" << protocols[c.protocol]->name << "\"\nfield = \"" << c.field << "\"\n";
    out << "before = " << quoted_toml(clean_utf8(c.before)) << "\nnow = " << quoted_toml(clean_utf8(c.now)) << "\n";
  }
}

Inventory load_inventory(const std::string& path, size_t limit, Problems& problems) {
  Inventory inventory(limit);
  auto root = TomlTable::open(path, problems);
  if (!root) return inventory;
  int64_t version = 0;
  if (!root->read("version", version, 1, std::numeric_limits<int64_t>::max())) {
    if (!root->has("version")) root->complain({}, "this is no inventory: it has no version");
    return inventory;
  }
  if (version > newest_version) {
    root->complain("version", fmt::format("it was written by a newer Vidra (version {}, this one reads up to {}); update this one, or delete the file to begin anew", version, newest_version));
    return inventory;
  }
  for (TomlTable t : root->tables("asset")) read_asset(t, inventory);
  for (TomlTable t : root->tables("change")) {
    InventoryChange c;
    std::string address, protocol;
    read_time(t, "time", c.time);
    t.read("address", address), t.read("protocol", protocol), t.read("field", c.field), t.read("before", c.before), t.read("now", c.now);
    const auto a = parse_address(address);
    if (!a) t.complain("address", fmt::format("\"{}\" is no address", address));
    t.finish();
    const int p = protocol_index(protocol);
    if (!a || (!protocol.empty() && p < 0)) continue;
    c.kind = c.field.empty() ? InventoryChange::Kind::hardware : InventoryChange::Kind::identity;
    c.address = *a;
    c.protocol = uint16_t(std::max(p, 0));
    inventory.add(std::move(c));
  }
  root->finish();
  return inventory;
}

}  // namespace vidra
