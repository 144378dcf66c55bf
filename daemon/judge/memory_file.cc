// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/memory_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ostream>

#include "daemon/base/text.h"
#include "daemon/judge/toml_text.h"

namespace vidra {
namespace {

constexpr int64_t most = std::numeric_limits<int64_t>::max(), memory_version = 2;

std::string words(ActSet set) {
  std::string s = "[";
  for (size_t a = 0; a < act_count; a++)
    if (set & bit(Act(a))) s += fmt::format("{}\"{}\"", s.size() > 1 ? ", " : "", name_of(Act(a)));
  return s + "]";
}

std::string objects(const ObjectSet& set) {
  std::string s = "[";
  for (const ObjectRange& r : set.ranges()) s += fmt::format("{}\"{}\"", s.size() > 1 ? ", " : "", text_of(r));
  return s + "]";
}

std::string period(Time t) { return fmt::format("\"{}ms\"", t / millisecond); }

}  // namespace

void write_memory(const Memory& memory, std::ostream& out) {
  std::vector<const HostMemory*> hosts;
  for (const HostMemory& h : memory.hosts()) hosts.push_back(&h);
  std::sort(hosts.begin(), hosts.end(), [](auto a, auto b) { return a->address < b->address; });
  std::vector<const ConversationMemory*> conversations;
  for (const ConversationMemory& c : memory.conversations()) conversations.push_back(&c);
  const auto key = [](const ConversationMemory* c) { return std::tuple(c->client, c->server, c->protocol < protocols.size() ? protocols[c->protocol]->name : "", c->port); };
  std::sort(conversations.begin(), conversations.end(), [&](auto a, auto b) { return key(a) < key(b); });

  out << "# What Vidra learned by listening. Sorted: compare two with diff. Delete what should not be; set approved = true where a\n"
         "# dangerous habit is right. Check it with: vidra check\n\nversion = 2\n";
  if (memory.learning.begun) {
    out << "\n[learning]\nbegun = \"" << iso_time(memory.learning.begun, 0) << "\"\n";
    if (memory.learning.ended) out << "ended = \"" << iso_time(memory.learning.ended, 0) << "\"\n";
  }
  // Whole days: two memories of the same plant differ in little else.
  const auto days = [&](Time first, Time last) {
    if (first) out << "first = \"" << iso_time(first, 0).substr(0, 10) << "\"\n";
    if (last) out << "last = \"" << iso_time(last, 0).substr(0, 10) << "\"\n";
  };
  for (const HostMemory* h : hosts) {
    out << "\n[[host]]\naddress = \"" << text_of(h->address) << "\"\n";
    if (!h->macs.empty()) {
      out << "mac = [";
      for (size_t i = 0; i < h->macs.size(); i++) out << (i ? ", " : "") << '"' << text_of(h->macs[i]) << '"';
      out << "]\n";
    }
    for (auto [name, value] : {std::pair<const char*, const std::string*>{"vendor", &h->vendor}, {"product", &h->product}, {"model", &h->model}, {"firmware", &h->firmware}, {"serial", &h->serial}, {"name", &h->name}})
      if (!value->empty()) out << name << " = " << quoted_toml(clean_utf8(*value)) << "\n";
    std::string clocks;
    for (const HostMemory::Clock& c : h->clocks)
      if (c.protocol < protocols.size()) clocks += fmt::format("{}\"{} {}\"", clocks.empty() ? "" : ", ", protocols[c.protocol]->name, c.station);
    if (!clocks.empty()) out << "clocks = [" << clocks << "]\n";
    days(h->first, h->last);
  }
  for (const ConversationMemory* c : conversations) {
    out << "\n[[conversation]]\nclient = \"" << text_of(c->client) << "\"\nserver = \"" << text_of(c->server) << "\"\nprotocol = \"" << std::get<2>(key(c)) << "\"\n";
    if (c->port) out << "port = " << c->port << "\n";
    if (c->acts) out << "acts = " << words(c->acts) << "\n";
    if (c->reported) out << "reported = " << words(c->reported) << "\n";
    if (!c->origins.empty()) {
      out << "origins = [";
      for (size_t i = 0; i < c->origins.size(); i++) out << (i ? ", " : "") << c->origins[i];
      out << "]\n";
    }
    if (c->shortest_pace / millisecond) out << "pace = " << period(c->shortest_pace) << "\n";
    if (c->fragments) out << "fragments = true\n";
    days(c->first, c->last);
    if (!c->functions.empty()) {
      out << "functions = [\n";
      for (const FunctionMemory& f : c->functions) {
        const std::string_view name = c->protocol < protocols.size() ? function_name(*protocols[c->protocol], f.function, f.sub_function) : "";
        out << "  { number = " << f.function;
        if (f.sub_function) out << ", sub = " << f.sub_function;
        out << ", role = \"" << name_of(f.role) << "\", times = " << f.times;
        if (f.period / millisecond) out << ", period = " << period(f.period);
        out << " },";
        if (!name.empty()) out << "  # " << name;
        out << "\n";
      }
      out << "]\n";
    }
    for (const DangerMemory& d : c->dangers)
      out << "\n[[conversation.danger]]\nstation = " << d.station << "\nact = \"" << name_of(d.act) << "\"\ntimes = " << d.times << "\napproved = " << (d.approved ? "true" : "false") << "\n";
    for (const StationMemory& s : c->stations) {
      out << "\n[[conversation.station]]\nnumber = " << s.station << "\n";
      if (!s.read.ranges().empty()) out << "read = " << objects(s.read) << "\n";
      if (!s.written.ranges().empty()) out << "written = " << objects(s.written) << "\n";
      if (s.habits.empty()) continue;
      out << "habits = [\n";
      for (const Habit& h : s.habits) {
        out << "  { object = \"" << text_of(ObjectRange{h.object, h.object}) << "\", acts = " << words(h.acts);
        if (h.times) out << ", times = " << h.times;
        if (h.selected) out << ", selected = " << h.selected;
        if (h.checks) out << ", checks = " << unsigned(h.checks);
        if (h.numbers) out << fmt::format(", min = {}, max = {}, step = {}", h.min, h.max, h.step);
        out << " },\n";
      }
      out << "]\n";
    }
  }
  std::vector<const PublisherMemory*> publishers;
  for (const PublisherMemory& p : memory.publishers()) publishers.push_back(&p);
  std::sort(publishers.begin(), publishers.end(), [](auto a, auto b) { return std::tie(a->kind, a->reference) < std::tie(b->kind, b->reference); });
  const auto addresses = [&](const char* name, const std::vector<Address>& list) {
    if (list.empty()) return;
    out << name << " = [";
    for (size_t i = 0; i < list.size(); i++) out << (i ? ", " : "") << '"' << text_of(list[i]) << '"';
    out << "]\n";
  };
  const auto number = [&](const char* name, uint64_t n) { if (n) out << name << " = " << n << "\n"; };
  const auto flag = [&](const char* name, bool b) { if (b) out << name << " = true\n"; };
  for (const PublisherMemory* p : publishers) {
    if (clean_utf8(p->reference) != p->reference) continue;           // could not be found again
    out << "\n[[publisher]]\nkind = \"" << (p->kind == PublisherKind::goose ? "goose" : "sv") << "\"\nreference = " << quoted_toml(p->reference) << "\n";
    addresses("source", p->sources);
    addresses("destination", p->destinations);
    out << fmt::format("appid = 0x{:04x}\n", p->appid);
    number("vlan", p->vlan);
    number("conf_rev", p->conf_rev);
    if (!p->data_set.empty()) out << "data_set = " << quoted_toml(clean_utf8(p->data_set)) << "\n";
    number("entries", p->entries);
    number("asdus", p->asdus);
    if (p->live) out << "live = \"" << p->live << "ms\"\n";
    if (p->shortest / microsecond) out << "shortest = \"" << p->shortest / microsecond << "us\"\n";
    if (p->longest / microsecond) out << "longest = \"" << p->longest / microsecond << "us\"\n";
    number("busiest", p->busiest);
    if (p->rate > 0) out << fmt::format("rate = {}\n", p->rate);
    number("synch", p->synch);
    flag("simulated", p->simulated);
    flag("secured", p->secured);
    flag("commissioning", p->commissioning);
    flag("pauses", p->pauses);
    number("times", p->times);
  }
}

namespace {

bool read_acts(TomlTable& t, std::string_view name, ActSet& to) {
  std::vector<std::string> list;
  if (!t.read(name, list)) return false;
  to = 0;
  std::vector<std::string_view> allowed;
  for (size_t a = 0; a < act_count; a++) allowed.push_back(name_of(Act(a)));
  for (const std::string& s : list) {
    const auto at = std::find(allowed.begin(), allowed.end(), s);
    if (at != allowed.end()) to |= bit(Act(at - allowed.begin()));
    else {
      const std::string_view near = nearest(s, allowed);
      t.complain(name, fmt::format("\"{}\" is no act{}", s, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
    }
  }
  return true;
}

void read_objects(TomlTable& t, std::string_view name, ObjectSet& to) {
  std::vector<std::string> list;
  t.read(name, list);
  for (const std::string& s : list)
    if (const auto r = parse_object_range(s)) to.add(r->first, uint32_t(r->last.key() - r->first.key() + 1));
    else t.complain(name, fmt::format("\"{}\" names no objects; they are written like \"holding register 0-9\"", s));
}

std::optional<Address> read_address(TomlTable& t, std::string_view name) {
  std::string s;
  if (!t.read(name, s)) {
    if (!t.has(name)) t.complain(name, fmt::format("a [[{}]] needs its {}", t.name(), name));
    return std::nullopt;
  }
  const auto a = parse_address(s);
  if (!a) t.complain(name, fmt::format("\"{}\" is no address", s));
  return a;
}

void read_days(TomlTable& t, Time& first, Time& last) {
  for (const auto& [key, to] : {std::pair<const char*, Time*>{"first", &first}, {"last", &last}}) {
    std::string s;
    if (!t.read(key, s)) continue;
    if (const auto at = parse_iso_time(s)) *to = *at;
    else t.complain(key, fmt::format("\"{}\" is no day; it is written like \"2026-11-21\"", s));
  }
}

void read_host(TomlTable& t, Memory& memory) {
  const auto address = read_address(t, "address");
  HostMemory spare;
  HostMemory& h = address ? memory.add_host(*address) : spare;
  std::vector<std::string> macs;
  t.read("mac", macs);
  for (const std::string& s : macs)
    if (const auto m = parse_mac(s)) {
      if (address) memory.add_mac(h, *m);
    } else t.complain("mac", fmt::format("\"{}\" is no MAC address", s));
  for (auto [name, to] : {std::pair<const char*, std::string*>{"vendor", &h.vendor}, {"product", &h.product}, {"model", &h.model}, {"firmware", &h.firmware}, {"serial", &h.serial}, {"name", &h.name}}) t.read(name, *to);
  std::vector<std::string> clocks;
  t.read("clocks", clocks);
  for (const std::string& s : clocks) {
    const size_t space = std::min(s.find(' '), s.size());
    const int protocol = protocol_index(std::string_view(s).substr(0, space));
    HostMemory::Clock c{uint16_t(std::max(0, protocol)), 0};
    const auto [end, bad] = std::from_chars(s.data() + std::min(space + 1, s.size()), s.data() + s.size(), c.station);
    if (protocol < 0 || bad != std::errc() || end != s.data() + s.size()) t.complain("clocks", fmt::format("\"{}\" is no clock; it is written like \"iec104 11\": a protocol and the station", s));
    else if (address) memory.add_clock(*address, c);
  }
  read_days(t, h.first, h.last);
  t.finish();
}

void read_station(TomlTable& t, StationMemory& s) {
  t.read("number", s.station, 0, most);
  read_objects(t, "read", s.read);
  read_objects(t, "written", s.written);
  for (TomlTable each : t.tables("habits")) {
    Habit h;
    std::string object;
    if (each.read("object", object)) {
      const auto r = parse_object_range(object);
      if (r && r->first == r->last) h.object = r->first;
      else each.complain("object", fmt::format("\"{}\" is no object; it is written like \"coil 3\"", object));
    }
    read_acts(each, "acts", h.acts);
    each.read("times", h.times, 0, most);
    each.read("selected", h.selected, 0, most);
    each.read("checks", h.checks, 0, 3);
    const bool low = each.read("min", h.min, -1.7e308, 1.7e308), high = each.read("max", h.max, -1.7e308, 1.7e308);
    h.numbers = low && high;
    each.read("step", h.step, 0, 1.7e308);
    each.finish();
    if (h.object.key()) s.habits.push_back(h);
  }
  std::sort(s.habits.begin(), s.habits.end(), [](const Habit& a, const Habit& b) { return a.object.key() < b.object.key(); });
}

void read_conversation(TomlTable& t, Memory& memory, int64_t version) {
  const auto client = read_address(t, "client"), server = read_address(t, "server");
  std::string name;
  uint16_t port = 0;
  if (!t.read("protocol", name) && !t.has("protocol")) t.complain("protocol", "a [[conversation]] needs its protocol");
  t.read("port", port, 0, 65535);
  const int protocol = protocol_index(name);
  if (!name.empty() && protocol < 0) {
    std::vector<std::string_view> names;
    for (const Protocol* p : protocols) names.push_back(p->name);
    const std::string_view near = nearest(name, names);
    t.complain("protocol", fmt::format("\"{}\" is no protocol of this build{}", name, near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
  }
  ConversationMemory spare;
  ConversationMemory& c = client && server && protocol >= 0 ? memory.add_conversation(*client, *server, uint16_t(protocol), port) : spare;
  read_acts(t, "acts", c.acts);
  read_acts(t, "reported", c.reported);
  std::vector<int64_t> origins;
  t.read("origins", origins, 0, most);
  c.origins.assign(origins.begin(), origins.end());
  std::sort(c.origins.begin(), c.origins.end());
  t.read_duration("pace", c.shortest_pace, millisecond, 366 * day);
  if (version < 2) c.shortest_pace = 0;                  // there it was the least pause of any two commands: a master would be taken for quicker than he is
  t.read("fragments", c.fragments);
  read_days(t, c.first, c.last);
  for (TomlTable each : t.tables("functions")) {
    FunctionMemory f;
    size_t role = 0;
    each.read("number", f.function, 0, 65535);
    each.read("sub", f.sub_function, 0, 65535);
    if (each.read_choice("role", role, {"request", "response", "report"})) f.role = Role(role);
    each.read("times", f.times, 0, most);
    each.read_duration("period", f.period, millisecond, 366 * day);
    each.finish();
    c.functions.push_back(f);
  }
  std::sort(c.functions.begin(), c.functions.end(), [](const FunctionMemory& a, const FunctionMemory& b) { return std::tuple(a.function, a.sub_function, a.role) < std::tuple(b.function, b.sub_function, b.role); });
  for (TomlTable each : t.tables("danger")) {
    DangerMemory d;
    size_t act = 0;
    each.read("station", d.station, 0, most);
    static constexpr Act dangers[] = {Act::operate, Act::program, Act::run, Act::configure};
    if (each.read_choice("act", act, {"operate", "program", "run", "configure"})) d.act = dangers[act];
    each.read("times", d.times, 0, most);
    each.read("approved", d.approved);
    each.finish();
    c.dangers.push_back(d);
  }
  std::sort(c.dangers.begin(), c.dangers.end(), [](const DangerMemory& a, const DangerMemory& b) { return std::pair(a.station, a.act) < std::pair(b.station, b.act); });
  for (TomlTable each : t.tables("station")) {
    read_station(each, c.stations.emplace_back());
    each.finish();
  }
  std::sort(c.stations.begin(), c.stations.end(), [](const StationMemory& a, const StationMemory& b) { return a.station < b.station; });
  t.finish();
}

void read_publisher(TomlTable& t, Memory& memory) {
  size_t kind = 0;
  std::string reference;
  const bool named = t.read_choice("kind", kind, {"goose", "sv"});
  if (!t.read("reference", reference) && !t.has("reference")) t.complain("reference", "a [[publisher]] needs its reference");
  PublisherMemory spare;
  PublisherMemory& p = named && !reference.empty() ? memory.add_publisher(kind ? PublisherKind::sampled_values : PublisherKind::goose, reference) : spare;
  const auto addresses = [&](std::string_view key, std::vector<Address>& to) {
    std::vector<std::string> list;
    t.read(key, list);
    for (const std::string& s : list)
      if (const auto a = parse_address(s)) to.push_back(*a);
      else t.complain(key, fmt::format("\"{}\" is no address", s));
    std::sort(to.begin(), to.end());
  };
  addresses("source", p.sources);
  addresses("destination", p.destinations);
  t.read("appid", p.appid, 0, 65535);
  t.read("vlan", p.vlan, 0, 4095);
  t.read("conf_rev", p.conf_rev, 0, 0xffffffff);
  t.read("data_set", p.data_set);
  t.read("entries", p.entries, 0, 65535);
  t.read("asdus", p.asdus, 0, 65535);
  Time live = 0;
  if (t.read_duration("live", live, millisecond, 366 * day)) p.live = uint32_t(std::min<Time>(live / millisecond, 0xffffffff));
  t.read_duration("shortest", p.shortest, microsecond, 366 * day);
  t.read_duration("longest", p.longest, microsecond, 366 * day);
  t.read("busiest", p.busiest, 0, 0xffffffff);
  t.read("rate", p.rate, 0, 1e9);
  t.read("synch", p.synch, 0, 255);
  t.read("simulated", p.simulated);
  t.read("secured", p.secured);
  t.read("commissioning", p.commissioning);
  t.read("pauses", p.pauses);
  t.read("times", p.times, 0, most);
  t.finish();
}

void read_frozen(TomlTable& t, Frozen& f) {
  std::string at;
  t.read("by", f.by), t.read("note", f.note), t.read("key", f.key);
  if (!t.read("signature", f.signature)) t.complain({}, "a frozen memory needs its signature; freeze it again with `vidra memory freeze`");
  if (t.read("at", at))
    if (const auto time = parse_iso_time(at)) f.at = *time;
  t.finish();
}

void read_learning(TomlTable& t, Learning& l) {
  for (const auto& [key, to] : {std::pair<const char*, Time*>{"begun", &l.begun}, {"ended", &l.ended}}) {
    std::string s;
    if (!t.read(key, s)) continue;
    if (const auto at = parse_iso_time(s)) *to = *at;
    else t.complain(key, fmt::format("\"{}\" is no time; it is written like \"2026-11-21T08:30:00Z\"", s));
  }
  t.finish();
}

}  // namespace

Memory read_memory(std::string_view text, const std::string& path, Problems& problems) {
  Memory memory;
  int64_t version = 1;
  bool frozen = false, learning = false;
  TomlParts parts(text, path, {"host", "conversation", "publisher"}, problems);
  for (bool first = true; auto part = parts.next(); first = false) {
    if (first) part->read("version", version, 1, most);        // keys without a table stand before all tables
    if (version > memory_version) {
      part->complain("version", fmt::format("it was written by a newer Vidra (version {}, this one reads 1 to {}); update this one, or learn again with `vidra learn`", version, memory_version));
      return memory;
    }
    if (auto t = part->table("frozen")) {
      if (std::exchange(frozen, true)) t->complain({}, "[frozen] stands here twice");
      read_frozen(*t, memory.frozen);
    }
    if (auto t = part->table("learning")) {
      if (std::exchange(learning, true)) t->complain({}, "[learning] stands here twice");
      read_learning(*t, memory.learning);
    }
    for (TomlTable t : part->tables("host")) read_host(t, memory);
    for (TomlTable t : part->tables("conversation")) read_conversation(t, memory, version);
    for (TomlTable t : part->tables("publisher")) read_publisher(t, memory);
    part->finish();
  }
  if (parts.failed()) return {};
  memory.settle();
  return memory;
}

bool is_memory(TomlTable& root) { return root.has("version") && !root.has("site") && !root.has("sensor") && !root.has("capture") && !root.has("judge"); }

Memory load_memory(const std::string& path, Problems& problems) {
  const auto text = TomlTable::text_of(path, problems);
  return text ? read_memory(*text, path, problems) : Memory{};
}

}  // namespace vidra
