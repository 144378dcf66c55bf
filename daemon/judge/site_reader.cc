// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "daemon/base/text.h"

namespace vidra {
namespace {

// A key that only one kind of publisher has.
void only(TomlTable& t, bool right, std::string_view kind, std::initializer_list<std::string_view> keys) {
  if (right) return;
  for (std::string_view key : keys)
    if (t.has(key)) t.complain(key, fmt::format("only kind = \"{}\" has {}", kind, key));
}

}  // namespace

SiteReader::SiteReader(Site& site, TomlTable& root, DeclaredBefore& declared) : site_(site), root_(root), declared_(declared) {
  for (size_t i = 0; i < site_.hosts.size(); i++) {
    by_name_.emplace(site_.hosts[i].name, HostId(i + 1));
    for (const Address& a : site_.hosts[i].addresses) by_address_.emplace(a, HostId(i + 1));
  }
}

void SiteReader::read_hosts() {
  for (TomlTable t : root_.tables("zone")) zone(t);
  std::vector<TomlTable> hosts = root_.tables("host");
  for (TomlTable& t : hosts) host(t);
}

void SiteReader::read_windows(GoneHosts gone) {
  on_the_box_ = true, gone_ = gone;
  for (TomlTable t : root_.tables("window")) window(t);
}

void SiteReader::read_others() {
  for (TomlTable t : root_.tables("conversation")) conversation(t);
  for (TomlTable t : root_.tables("master_group")) group(t);
  for (TomlTable t : root_.tables("sequence")) sequence(t);
  for (TomlTable t : root_.tables("quantity")) quantity(t);
  for (TomlTable t : root_.tables("data_set")) data_set(t);
  for (TomlTable t : root_.tables("iec104_point")) iec104_point(t);
  for (TomlTable t : root_.tables("dnp3_point")) dnp3_point(t);
  for (TomlTable t : root_.tables("modbus_point")) modbus_point(t);
  for (TomlTable t : root_.tables("mms_point")) mms_point(t);
  for (TomlTable t : root_.tables("publisher")) publisher(t);
  for (TomlTable t : root_.tables("window")) window(t);
}

void SiteReader::check_feedbacks() {
  for (auto& [t, i] : declared_.told_elsewhere)
    if (const std::string wrong = wrong_teller(site_.points[i]); !wrong.empty()) t.complain("feedback", wrong);
}

void SiteReader::prefixes(TomlTable& t, std::string_view key, std::vector<Prefix>& to) {
  std::vector<std::string> texts;
  t.read(key, texts);
  for (const std::string& s : texts)
    if (const auto p = parse_prefix(s)) to.push_back(*p);
    else t.complain(key, fmt::format("\"{}\" is no address range; write it like \"10.10.1.0/24\" or \"fd00::/8\"", s));
}

SitePlace SiteReader::place(const TomlTable& t) {
  const std::string at = t.place();
  const size_t column = at.rfind(':'), line = column == at.npos ? at.npos : at.rfind(':', column - 1);
  if (line == at.npos) return {};
  const std::string file = at.substr(0, line);
  size_t i = site_.files.size();
  while (i && site_.files[i - 1] != file) i--;
  if (!i) site_.files.push_back(file), i = site_.files.size();
  return {uint16_t(i - 1), uint32_t(std::strtoul(at.c_str() + line + 1, nullptr, 10))};
}

void SiteReader::macs(TomlTable& t, std::string_view key, std::vector<Mac>& to) {
  std::vector<std::string> texts;
  t.read(key, texts);
  for (const std::string& s : texts)
    if (const auto m = parse_mac(s)) to.push_back(*m);
    else t.complain(key, fmt::format("\"{}\" is no MAC address; write it like \"00:21:c1:30:10:41\"", s));
}

bool SiteReader::words(TomlTable& t, std::string_view key, ActSet& to) {
  std::vector<std::string> texts;
  if (!t.read(key, texts)) return false;
  ActSet set = 0;
  std::vector<std::string_view> allowed;
  for (size_t i = 0; i < act_count; i++) allowed.push_back(name_of(Act(i)));
  for (const std::string& s : texts) {
    const auto at = std::find(allowed.begin(), allowed.end(), s);
    if (at != allowed.end()) set |= bit(Act(at - allowed.begin()));
    else if (s == "reading") set |= reading_acts;
    else t.complain(key, fmt::format("\"{}\" is no act{}; allowed: reading (all that change nothing), {}", s, suggestion(s, allowed), joined(allowed)));
  }
  to = set;
  return true;
}

std::vector<std::string_view> SiteReader::host_names() const {
  std::vector<std::string_view> names;
  for (const SiteHost& h : site_.hosts) names.push_back(h.name);
  return names;
}

HostId SiteReader::named(TomlTable& t, std::string_view key, const std::string& name) {
  if (const HostId id = name.empty() ? 0 : find_host(name)) return id;
  const std::vector<std::string_view> names = host_names();
  t.complain(key, fmt::format("\"{}\" is no declared host{}; declared: {}", name, suggestion(name, names), names.size() > 40 ? fmt::format("{} hosts", names.size()) : joined(names)));
  return 0;
}

HostId SiteReader::find_host(const std::string& name) const {
  if (const auto at = by_name_.find(name); at != by_name_.end()) return at->second;
  if (const auto a = parse_address(name))
    if (const auto at = by_address_.find(*a); at != by_address_.end()) return at->second;
  return 0;
}

std::vector<HostId> SiteReader::named_list(TomlTable& t, std::string_view key) {
  std::vector<std::string> texts;
  t.read(key, texts);
  std::vector<HostId> ids;
  for (const std::string& s : texts)
    if (const HostId id = named(t, key, s)) ids.push_back(id);
  return ids;
}

std::vector<uint64_t> SiteReader::numbers(TomlTable& t, std::string_view key, int64_t most) {
  std::vector<int64_t> list;
  t.read(key, list, 0, most);
  return {list.begin(), list.end()};
}

void SiteReader::zone(TomlTable& t) {
  SiteZone z;
  if (!t.read("name", z.name)) t.complain("name", "a [[zone]] needs a name");
  prefixes(t, "prefixes", z.prefixes);
  t.finish();
  site_.zones.push_back(std::move(z));
}

void SiteReader::host(TomlTable& t) {
  SiteHost h;
  h.place = place(t);
  if (!t.read("name", h.name)) t.complain("name", "a [[host]] needs a name");
  if (!h.name.empty() && by_name_.contains(h.name)) t.complain("name", fmt::format("the host \"{}\" is declared twice", h.name));
  std::vector<std::string> addresses;
  t.read("address", addresses);
  for (const std::string& s : addresses)
    if (const auto a = parse_address(s)) h.addresses.push_back(*a);
    else t.complain("address", fmt::format("\"{}\" is no address; write it like \"10.10.1.20\" or \"fd00::20\"", s));
  macs(t, "mac", h.macs);
  macs(t, "seen_with", h.seen_with);
  if (addresses.empty() && h.macs.empty()) t.complain("address", "a [[host]] needs an address or a mac");
  if (reserved_name(h.name)) {                            // an address may be the name of the host that has it
    const auto a = parse_address(h.name);
    const bool own = a && (std::find(h.addresses.begin(), h.addresses.end(), *a) != h.addresses.end() ||
                           std::any_of(h.macs.begin(), h.macs.end(), [&](const Mac& m) { return Address::of(m) == *a; }));
    if (!own)
      t.complain("name", fmt::format("\"{}\" cannot be the name of {}; write another name", h.name, a ? "a host that has another address" : "a host: a [[conversation]] means more than one host with it"));
  }
  for (const Address& a : h.addresses)
    if (const auto other = by_address_.find(a); other != by_address_.end())
      t.complain("address", fmt::format("{} is the address of \"{}\" already; declare it once", text_of(a), site_.hosts[other->second - 1].name));
  size_t role = 0;
  if (t.read_choice("role", role, {"other", "master", "rtu", "ied", "hmi", "plc", "meter", "engineering", "router", "time", "server"})) h.role = HostRole(role);
  if (t.read("zone", h.zone)) {
    std::vector<std::string_view> names;
    for (const SiteZone& z : site_.zones) names.push_back(z.name);
    if (std::find(names.begin(), names.end(), h.zone) == names.end())
      t.complain("zone", fmt::format("\"{}\" is no declared zone{}; declared: {}", h.zone, suggestion(h.zone, names), joined(names)));
  }
  t.read("criticality", h.criticality, 0, 2);
  t.read("bay", h.bay);
  t.read("note", h.note);
  t.finish();
  by_name_.emplace(h.name, HostId(site_.hosts.size() + 1));
  for (const Address& a : h.addresses) by_address_.emplace(a, HostId(site_.hosts.size() + 1));
  site_.hosts.push_back(std::move(h));
}

void SiteReader::selector(TomlTable& t, std::string_view key, Selector& to) {
  std::string s;
  if (!t.read(key, s)) {
    if (!t.has(key)) t.complain(key, fmt::format("a [[conversation]] needs a {}: a host, an address, a range, \"zone:NAME\", \"any\" or \"broadcast\"", key));
    return;
  }
  if (s == "any") to.kind = Selector::Kind::any;
  else if (s == "broadcast") to.kind = Selector::Kind::broadcast;
  else if (s.starts_with("zone:")) {
    to.kind = Selector::Kind::zone;
    std::vector<std::string_view> names;
    for (const SiteZone& z : site_.zones) names.push_back(z.name);
    const auto at = std::find(names.begin(), names.end(), std::string_view(s).substr(5));
    if (at == names.end()) t.complain(key, fmt::format("\"{}\" is no declared zone; declared: {}", s.substr(5), joined(names)));
    else to.zone = uint16_t(at - names.begin());
  } else if (const HostId id = find_host(s)) {
    to.kind = Selector::Kind::host;
    to.host = id;
  } else if (const auto p = parse_prefix(s)) {
    to.kind = Selector::Kind::prefix;
    to.prefix = *p;
  } else named(t, key, s);
}

bool SiteReader::port(TomlTable& t, std::string_view text, SiteConversation& c) {
  uint16_t number = 0;
  const auto [stop, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest = text.substr(size_t(stop - text.data()));
  if (bad != std::errc() || number == 0 || !(rest.empty() || rest == "/tcp" || rest == "/udp")) {
    t.complain("port", fmt::format("\"{}\" is no port; write it like 2404, \"2404/tcp\" or \"47808/udp\"", text));
    return false;
  }
  c.ports.push_back({rest == "/tcp" ? Carrier::tcp : rest == "/udp" ? Carrier::udp : Carrier::none, number});
  return true;
}

void SiteReader::conversation(TomlTable& t) {
  SiteConversation c;
  c.place = place(t);
  selector(t, "client", c.client);
  selector(t, "server", c.server);
  if (t.read("protocol", c.protocol)) {
    if (c.protocol == "any") c.protocol.clear();
    else c.protocol_index = protocol_index(c.protocol);
  }
  if (t.is_text("port") || t.list_of_texts("port")) {
    std::vector<std::string> list;
    t.read("port", list);
    for (const std::string& s : list) port(t, s, c);
  } else {
    std::vector<int64_t> list;
    t.read("port", list, 1, 65535);
    for (int64_t n : list) c.ports.push_back({Carrier::none, uint16_t(n)});
  }
  words(t, "acts", c.allowed);
  object_ranges(t, c.objects);
  c.stations = numbers(t, "stations", 65535);
  c.origins = numbers(t, "origins", 65535);
  t.read("note", c.note);
  if (!c.protocol.empty() && c.protocol_index < 0 && c.ports.empty() && c.protocol != "icmp")
    t.complain("protocol", fmt::format("\"{}\" is not dissected, so its conversation is known by its port; add port = …", c.protocol));
  t.finish();
  site_.conversations.push_back(std::move(c));
}

void SiteReader::object_ranges(TomlTable& t, std::vector<ObjectRange>& to) {
  std::vector<std::string> objects;
  t.read("objects", objects);
  for (const std::string& s : objects)
    if (const auto r = parse_object_range(s)) to.push_back(*r);
    else t.complain("objects", fmt::format("\"{}\" names no objects; write them like \"holding register 30\", \"coil 3-5\" or \"information object 5101\"", s));
}

void SiteReader::sequence(TomlTable& t) {
  SiteSequence q;
  q.place = place(t);
  if (!t.read("name", q.name)) t.complain("name", "a [[sequence]] needs a name: the order, as the control centre calls it");
  q.masters = named_list(t, "masters");
  std::string host;
  if (t.read("host", host)) q.host = named(t, "host", host);
  int64_t station = 0;
  if (t.read("station", station, 0, 65535)) q.station = uint64_t(station);
  object_ranges(t, q.objects);
  std::string to;
  if (t.read("to", to)) {
    if (to == "on" || to == "off") q.to = to == "on";
    else t.complain("to", fmt::format("\"{}\" is no direction; allowed: \"on\", \"off\", or nothing for either", to));
  }
  if (!t.has("masters")) t.complain("masters", "a [[sequence]] needs masters: the hosts whose program gives the order");
  if (!t.has("host")) t.complain("host", "a [[sequence]] needs its host: the one that serves the objects");
  if (!t.has("objects")) t.complain("objects", "a [[sequence]] needs its objects: what is switched, like \"information object 5101-5106\"");
  t.finish();
  site_.sequences.push_back(std::move(q));
}

void SiteReader::group(TomlTable& t) {
  MasterGroup g;
  g.place = place(t);
  if (!t.read("name", g.name)) t.complain("name", "a [[master_group]] needs a name");
  g.members = named_list(t, "members");
  g.standby = named_list(t, "standby");
  g.stations = named_list(t, "stations");
  g.origins = numbers(t, "origins", 65535);
  if (!t.has("members")) t.complain("members", "a [[master_group]] needs members: the hosts that command together");
  if (!t.has("stations")) t.complain("stations", "a [[master_group]] needs stations: the hosts that it commands");
  t.finish();
  site_.groups.push_back(std::move(g));
}

void SiteReader::publisher(TomlTable& t) {
  SitePublisher p;
  p.place = place(t);
  size_t choice = 0;
  if (t.read_choice("kind", choice, {"goose", "sv"})) p.kind = choice ? PublisherKind::sampled_values : PublisherKind::goose;
  else if (!t.has("kind")) t.complain("kind", "a [[publisher]] needs its kind: \"goose\" or \"sv\"");
  const bool goose = p.kind == PublisherKind::goose;
  if (!t.read("reference", p.reference) && !t.has("reference"))
    t.complain("reference", "a [[publisher]] needs its reference: the gocbRef (\"IED1LD0/LLN0$GO$gcb01\") or the svID");
  std::string text;
  if (t.read("host", text)) p.host = named(t, "host", text);
  const auto address = [&](std::string_view key, const std::string& s, Address& to) {
    if (const auto a = parse_address(s)) return to = *a, true;
    t.complain(key, fmt::format("\"{}\" is no address; write it like \"01:0c:cd:01:00:01\", of a routed publisher like \"239.1.1.1\"", s));
    return false;
  };
  std::vector<std::string> list;
  t.read("source", list);
  Address a;
  for (const std::string& s : list)
    if (address("source", s, a)) p.sources.push_back(a);
  if (text.clear(), t.read("destination", text) && address("destination", text, a)) {
    if (!a.group()) t.complain("destination", fmt::format("\"{}\" is one host's address; a publisher speaks to a group, like \"{}\"", text, goose ? "01:0c:cd:01:00:01" : "01:0c:cd:04:00:01"));
    else p.destination = a;
  }
  const auto number = [&](std::string_view key, auto& to, int64_t least, int64_t most) {
    if (int64_t n = 0; t.read(key, n, least, most)) to = typename std::remove_reference_t<decltype(to)>::value_type(n);
  };
  number("appid", p.appid, 0, 0xffff);
  number("vlan", p.vlan, 0, 4095);
  number("priority", p.priority, 0, 7);
  number("conf_rev", p.conf_rev, 0, 0xffffffff);
  t.read("data_set", p.data_set);
  t.read("entries", p.entries, 1, 2048);
  list.clear();
  t.read("types", list);
  std::vector<std::string_view> words;
  for (unsigned i = 0; i <= unsigned(MemberType::structure); i++) words.push_back(name_of(MemberType(i)));
  for (const std::string& s : list) {
    const auto at = std::find(words.begin(), words.end(), s);
    if (at != words.end()) p.types.push_back(MemberType(at - words.begin()));
    else t.complain("types", fmt::format("\"{}\" is no type of a member{}; allowed: {}", s, suggestion(s, words), joined(words)));
  }
  if (!list.empty() && !t.has("entries")) p.entries = uint32_t(list.size());
  if (!list.empty() && p.entries != list.size()) t.complain("types", fmt::format("{} types for {} entries; write one for each", list.size(), p.entries));
  only(t, goose, "goose", {"go_id", "min_time", "max_time"});
  only(t, !goose, "sv", {"rate", "asdus", "synchronised", "intermittent"});
  t.read("go_id", p.go_id);
  t.read_duration("min_time", p.min_time, microsecond, hour);
  t.read_duration("max_time", p.max_time, millisecond, hour);
  if (p.min_time && p.max_time && p.min_time > p.max_time) t.complain("min_time", "min_time is longer than max_time");
  t.read("rate", p.rate, 0.001, 1e6);
  t.read("asdus", p.asdus, 1, 128);
  if (bool b = false; t.read("synchronised", b)) p.synchronised = b;
  t.read("intermittent", p.intermittent);
  t.read("simulation_allowed", p.simulation_allowed);
  t.read("secured", p.secured);
  t.read("name", p.name);
  t.read("bay", p.bay);
  if (!p.reference.empty() && !declared_.publishers.emplace(p.kind, p.reference, goose ? Address{} : p.destination).second)
    t.complain("reference", fmt::format("\"{}\" is declared twice", p.reference));
  t.finish();
  if (!p.reference.empty()) site_.publishers.push_back(std::move(p));
}

void SiteReader::window(TomlTable& t) {
  const size_t before = t.problems();
  Window w;
  w.place = place(t);
  if (!t.read("name", w.name)) t.complain("name", "a [[window]] needs a name");
  t.read("permit", w.permit);
  t.read("opener", w.opener);
  std::optional<Time> start, end, closed;
  for (auto [key, to] : {std::pair<std::string_view, std::optional<Time>*>{"start", &start}, {"end", &end}, {"closed", &closed}}) {
    std::string s;
    if (!t.read(key, s)) {
      if (!t.has(key) && to != &closed) t.complain(key, fmt::format("a [[window]] needs its {}", key));
      continue;
    }
    if (*to = parse_iso_time(s); !*to) t.complain(key, fmt::format("\"{}\" is no time; write it in UTC like \"2026-11-21T08:30:00Z\"", s));
  }
  if (start && end && *end <= *start) t.complain("end", "the window ends before it starts");
  if (start && end && *end - *start > Window::longest) t.complain("end", fmt::format("works last at most {} days; open the next window when this one ends", Window::longest / day));
  w.start = start.value_or(0), w.end = end.value_or(0), w.closed = closed.value_or(0);
  w.on_the_box = on_the_box_;
  std::string gone;
  if (!on_the_box_) w.hosts = named_list(t, "hosts");
  else {
    std::vector<std::string> names;
    t.read("hosts", names);
    for (const std::string& name : names)
      if (const HostId id = find_host(name)) w.hosts.push_back(id);
      else if (gone_ == GoneHosts::kept) w.hosts.push_back(stand_in(name));
      else gone += fmt::format("{}\"{}\"", gone.empty() ? "" : ", ", name);
  }
  t.read("bays", w.bays);
  words(t, "acts", w.allowed);
  t.finish();
  if (on_the_box_ && t.problems() != before) return;
  // Works outlive hosts: what was closed is history, of the rest it is told. Without its hosts a window would hold everywhere.
  if (!gone.empty() && !w.closed)
    t.complain("hosts", fmt::format("the works \"{}\" name {}, which the site no longer declares; {}", w.name, gone,
                                    w.hosts.empty() ? "they are not in force. Close them with `vidra window close`" : "they are in force for its other hosts"));
  if (!gone.empty() && w.hosts.empty()) return;
  site_.windows.push_back(std::move(w));
}

HostId SiteReader::stand_in(const std::string& name) {
  SiteHost h;
  h.name = name;
  site_.hosts.push_back(std::move(h));
  return by_name_[name] = HostId(site_.hosts.size());
}

}  // namespace vidra
