// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>

#include "daemon/base/text.h"
#include "daemon/judge/commands.h"
#include "daemon/judge/detector.h"

namespace vidra {
namespace {

// Type identifications that a point list names (IEC 60870-5-101:2003, 7.2.1.1).
struct TypeName { uint8_t number; std::string_view name; };
constexpr TypeName type_names[] = {
    {1, "M_SP_NA_1"}, {2, "M_SP_TA_1"}, {3, "M_DP_NA_1"}, {4, "M_DP_TA_1"}, {5, "M_ST_NA_1"}, {6, "M_ST_TA_1"}, {7, "M_BO_NA_1"}, {8, "M_BO_TA_1"},
    {9, "M_ME_NA_1"}, {10, "M_ME_TA_1"}, {11, "M_ME_NB_1"}, {12, "M_ME_TB_1"}, {13, "M_ME_NC_1"}, {14, "M_ME_TC_1"}, {15, "M_IT_NA_1"}, {16, "M_IT_TA_1"},
    {17, "M_EP_TA_1"}, {18, "M_EP_TB_1"}, {19, "M_EP_TC_1"}, {20, "M_PS_NA_1"}, {21, "M_ME_ND_1"}, {30, "M_SP_TB_1"}, {31, "M_DP_TB_1"}, {32, "M_ST_TB_1"},
    {33, "M_BO_TB_1"}, {34, "M_ME_TD_1"}, {35, "M_ME_TE_1"}, {36, "M_ME_TF_1"}, {37, "M_IT_TB_1"}, {38, "M_EP_TD_1"}, {39, "M_EP_TE_1"}, {40, "M_EP_TF_1"},
    {45, "C_SC_NA_1"}, {46, "C_DC_NA_1"}, {47, "C_RC_NA_1"}, {48, "C_SE_NA_1"}, {49, "C_SE_NB_1"}, {50, "C_SE_NC_1"}, {51, "C_BO_NA_1"}, {58, "C_SC_TA_1"},
    {59, "C_DC_TA_1"}, {60, "C_RC_TA_1"}, {61, "C_SE_TA_1"}, {62, "C_SE_TB_1"}, {63, "C_SE_TC_1"}, {64, "C_BO_TA_1"}, {110, "P_ME_NA_1"}, {111, "P_ME_NB_1"},
    {112, "P_ME_NC_1"}, {113, "P_AC_NA_1"},
};

PointKind usual_kind(uint16_t type) {
  switch (type) {
    case 46: case 59: case 3: case 4: case 31: return PointKind::switchgear;
    case 47: case 60: case 5: case 6: case 32: return PointKind::tap;
    case 48: case 49: case 50: case 61: case 62: case 63: return PointKind::set_point;
    case 9: case 10: case 11: case 12: case 13: case 14: case 21: case 34: case 35: case 36: return PointKind::measurement;
    case 15: case 16: case 37: return PointKind::counter;
    case 1: case 2: case 30: return PointKind::status;
    default: return PointKind::other;
  }
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::string_view w : words) out += fmt::format("{}{}", out.empty() ? "" : ", ", w);
  return out;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& words) {
  const std::string_view near = nearest(word, words);
  return near.empty() ? std::string() : fmt::format(", did you mean \"{}\"?", near);
}

// What must not be declared twice, over all files.
struct Declared {
  std::map<std::tuple<HostId, uint16_t, uint64_t, uint64_t, uint64_t, Direction>, std::string> points;   // where
  std::set<std::tuple<PublisherKind, std::string, Address>> publishers;
  std::set<std::pair<HostId, std::string>> data_sets;
  std::vector<std::pair<TomlTable, size_t>> told_elsewhere;   // points whose feedback another device or protocol tells: looked for when all is read
};

class SiteReader {
 public:
  SiteReader(Site& site, TomlTable& root, Declared& declared) : site_(site), root_(root), declared_(declared) {
    for (size_t i = 0; i < site_.hosts.size(); i++) {
      by_name_.emplace(site_.hosts[i].name, HostId(i + 1));
      for (const Address& a : site_.hosts[i].addresses) by_address_.emplace(a, HostId(i + 1));
    }
  }

  // Hosts and zones first, of every file: the other tables name them.
  void read_hosts() {
    for (TomlTable t : root_.tables("zone")) zone(t);
    std::vector<TomlTable> hosts = root_.tables("host");
    for (TomlTable& t : hosts) host(t);
  }
  void read_windows(GoneHosts gone) {
    on_the_box_ = true, gone_ = gone;
    for (TomlTable t : root_.tables("window")) window(t);
  }
  void read_others() {
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

  // Whether what a feedback names is declared, and tells a state.
  void check_feedbacks() {
    for (auto& [t, i] : declared_.told_elsewhere)
      if (const std::string wrong = wrong_teller(site_.points[i]); !wrong.empty()) t.complain("feedback", wrong);
  }

  void prefixes(TomlTable& t, std::string_view key, std::vector<Prefix>& to) {
    std::vector<std::string> texts;
    t.read(key, texts);
    for (const std::string& s : texts)
      if (const auto p = parse_prefix(s)) to.push_back(*p);
      else t.complain(key, fmt::format("\"{}\" is no address range; write it like \"10.10.1.0/24\" or \"fd00::/8\"", s));
  }

 private:
  // "file:line:column" of a table.
  SitePlace place(const TomlTable& t) {
    const std::string at = t.place();
    const size_t column = at.rfind(':'), line = column == at.npos ? at.npos : at.rfind(':', column - 1);
    if (line == at.npos) return {};
    const std::string file = at.substr(0, line);
    size_t i = site_.files.size();
    while (i && site_.files[i - 1] != file) i--;
    if (!i) site_.files.push_back(file), i = site_.files.size();
    return {uint16_t(i - 1), uint32_t(std::strtoul(at.c_str() + line + 1, nullptr, 10))};
  }

  void macs(TomlTable& t, std::string_view key, std::vector<Mac>& to) {
    std::vector<std::string> texts;
    t.read(key, texts);
    for (const std::string& s : texts)
      if (const auto m = parse_mac(s)) to.push_back(*m);
      else t.complain(key, fmt::format("\"{}\" is no MAC address; write it like \"00:21:c1:30:10:41\"", s));
  }

  bool words(TomlTable& t, std::string_view key, ActSet& to) {
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

  std::vector<std::string_view> host_names() const {
    std::vector<std::string_view> names;
    for (const SiteHost& h : site_.hosts) names.push_back(h.name);
    return names;
  }

  HostId named(TomlTable& t, std::string_view key, const std::string& name) {
    if (const HostId id = name.empty() ? 0 : find_host(name)) return id;
    const std::vector<std::string_view> names = host_names();
    t.complain(key, fmt::format("\"{}\" is no declared host{}; declared: {}", name, suggestion(name, names), names.size() > 40 ? fmt::format("{} hosts", names.size()) : joined(names)));
    return 0;
  }

  HostId find_host(const std::string& name) const {
    if (const auto at = by_name_.find(name); at != by_name_.end()) return at->second;
    if (const auto a = parse_address(name))
      if (const auto at = by_address_.find(*a); at != by_address_.end()) return at->second;
    return 0;
  }

  std::vector<HostId> named_list(TomlTable& t, std::string_view key) {
    std::vector<std::string> texts;
    t.read(key, texts);
    std::vector<HostId> ids;
    for (const std::string& s : texts)
      if (const HostId id = named(t, key, s)) ids.push_back(id);
    return ids;
  }

  std::vector<uint64_t> numbers(TomlTable& t, std::string_view key, int64_t most) {
    std::vector<int64_t> list;
    t.read(key, list, 0, most);
    return {list.begin(), list.end()};
  }

  void zone(TomlTable& t) {
    SiteZone z;
    if (!t.read("name", z.name)) t.complain("name", "a [[zone]] needs a name");
    prefixes(t, "prefixes", z.prefixes);
    t.finish();
    site_.zones.push_back(std::move(z));
  }

  void host(TomlTable& t) {
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

  void selector(TomlTable& t, std::string_view key, Selector& to) {
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

  bool port(TomlTable& t, std::string_view text, SiteConversation& c) {
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

  void conversation(TomlTable& t) {
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

  void object_ranges(TomlTable& t, std::vector<ObjectRange>& to) {
    std::vector<std::string> objects;
    t.read("objects", objects);
    for (const std::string& s : objects)
      if (const auto r = parse_object_range(s)) to.push_back(*r);
      else t.complain("objects", fmt::format("\"{}\" names no objects; write them like \"holding register 30\", \"coil 3-5\" or \"information object 5101\"", s));
  }

  void sequence(TomlTable& t) {
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

  void quantity(TomlTable& t) {
    SiteQuantity q;
    q.place = place(t);
    if (!t.read("name", q.name)) t.complain("name", "a [[quantity]] needs a name: what is measured, and where");
    t.read("unit", q.unit);
    size_t kind = 0;
    if (t.read_choice("kind", kind, {"value", "position"}) && kind) {
      q.position = true, q.fresh = day;
      for (std::string_view key : {"tolerance", "percent", "unit"})
        if (t.has(key)) t.complain(key, "a position is off or on: it has no tolerance and no unit");
    }
    const bool absolute = t.read("tolerance", q.tolerance, 0, 1e12), relative = t.read("percent", q.percent, 0, 100);
    if (!q.position && !absolute && !relative && !t.has("tolerance") && !t.has("percent")) t.complain("tolerance", "a [[quantity]] needs a tolerance (in its unit) or a percent: how far apart its members may be");
    t.read_duration("settle", q.settle, 0, day);
    t.read_duration("fresh", q.fresh, second, day);
    for (TomlTable m : t.tables("member")) member(m, q);
    if (q.members.size() < 2) t.complain("member", "a [[quantity]] needs two members or more: [[quantity.member]] with host, protocol and object");
    if (q.members.size() > SiteQuantity::most_members) t.complain("member", fmt::format("a [[quantity]] has {} members at most; this one has {}", SiteQuantity::most_members, q.members.size()));
    t.finish();
    site_.quantities.push_back(std::move(q));
  }

  // "IED1LD0/LLN0$dsMeas[2]": what reports and GOOSE say third of a data set.
  static std::optional<Object> member_of(std::string_view s) {
    const size_t open = s.rfind('[');
    if (open == s.npos || open == 0 || !s.ends_with(']') || s.find('$') == s.npos) return std::nullopt;
    unsigned n = 0;
    const auto [end, bad] = std::from_chars(s.data() + open + 1, s.data() + s.size() - 1, n);
    if (bad != std::errc() || end != s.data() + s.size() - 1 || n > 2047) return std::nullopt;
    return Object::of_member(text_key(s.substr(0, open)), uint16_t(n));
  }

  static bool says_position(ObjectKind k) {
    switch (k) {
      case ObjectKind::channel: case ObjectKind::holding_register: case ObjectKind::input_register: case ObjectKind::file_record: case ObjectKind::fifo_queue: case ObjectKind::counter:
      case ObjectKind::frozen_counter: case ObjectKind::analog_input: case ObjectKind::frozen_analog_input: case ObjectKind::analog_output: case ObjectKind::time_and_date: case ObjectKind::octet_string: return false;
      default: return true;
    }
  }

  void member(TomlTable& t, SiteQuantity& q) { q.members.push_back(teller(t, "a [[quantity.member]]", q.position)); }

  QuantityMember teller(TomlTable& t, std::string_view whose, bool position) {
    QuantityMember m;
    std::string host, protocol;
    if (t.read("host", host)) m.host = named(t, "host", host);
    else if (!t.has("host")) t.complain("host", fmt::format("{} needs its host: the one that tells it", whose));
    if (t.read("protocol", protocol)) {
      if (const int i = protocol_index(protocol); i >= 0) m.protocol = uint16_t(i);
      else t.complain("protocol", fmt::format("\"{}\" is no protocol that is read here; `vidra protocols` lists them", protocol));
    } else if (!t.has("protocol")) t.complain("protocol", fmt::format("{} needs its protocol: \"iec104\", \"mms\", \"goose\" …", whose));
    int64_t station = 0;
    if (t.read("station", station, 0, 65535)) m.station = uint64_t(station);
    if (std::string stream; t.read("stream", stream)) m.station = text_key(stream);
    if (t.read("object", m.text)) {
      if (const auto r = parse_object_range(m.text)) {
        m.object = r->first.key();
        if (r->last != r->first) t.complain("object", fmt::format("\"{}\" is several objects; a member is one object", m.text));
        else if (position && !says_position(r->first.kind()))
          t.complain("object", fmt::format("\"{}\" is a number and says no position: it would never be compared; a position is said by a coil, a discrete input, a binary or double-bit input, a binary output, an information object, or an object by name", m.text));
      } else if (const auto of = member_of(m.text)) {
        m.object = of->key();
      } else m.object = Object::of_text(text_key(m.text)).key();
    } else if (!t.has("object")) t.complain("object", fmt::format("{} needs its object: \"information object 2001\", \"AA1J1Q01A1LD0/MMXU1$MX$Hz\", \"ALDER-BUS1/frequency\"", whose));
    t.read("scale", m.scale, -1e12, 1e12);
    t.finish();
    return m;
  }

  // `feedback = { host = …, protocol = …, object = … }`: another device, or the same in another protocol, tells what became of a command.
  // False where it is the device's own.
  bool told_elsewhere(TomlTable& t, SitePoint& p) {
    if (!t.is_table("feedback")) return false;
    TomlTable f = *t.table("feedback");
    const size_t before = f.problems();
    QuantityMember m = teller(f, "a feedback that another device or protocol tells", false);
    if (f.problems() != before) return true;
    const std::string_view protocol = protocols[m.protocol]->name;
    const Object o = Object::from_key(m.object);
    if (p.objects.first != p.objects.last) {
      t.complain("feedback", "several commands have no one feedback at another device; declare each of them in a table of its own");
      return true;
    }
    struct Suits { std::string_view protocol, written; bool station; std::initializer_list<ObjectKind> kinds; };
    static const Suits all[] = {
        {"iec104", "\"information object 1101\"", true, {ObjectKind::information_object}},
        {"dnp3", "\"binary input 3\" or \"double-bit input 3\"", true, {ObjectKind::binary_input, ObjectKind::double_bit_input, ObjectKind::binary_output, ObjectKind::analog_input, ObjectKind::analog_output}},
        {"modbus", "\"discrete input 3\" or \"input register 3\"", true, {ObjectKind::coil, ObjectKind::discrete_input, ObjectKind::holding_register, ObjectKind::input_register}},
        {"mms", "\"IED1LD0/XCBR1$ST$Pos\", or a place in a data set: \"IED1LD0/LLN0$dsPos[0]\"", false, {ObjectKind::named, ObjectKind::member}},
        {"goose", "a place in its data set: \"IED1LD0/LLN0$dsPos[0]\", or \"IED1LD0/XCBR1$ST$Pos\"", false, {ObjectKind::named, ObjectKind::member}},
    };
    const auto at = std::find_if(std::begin(all), std::end(all), [&](const Suits& s) { return s.protocol == protocol; });
    if (at == std::end(all)) f.complain("protocol", fmt::format("what becomes of a command is not looked for in \"{}\"; allowed: iec104, dnp3, modbus, mms, goose", protocol));
    else if (std::find(at->kinds.begin(), at->kinds.end(), o.kind()) == at->kinds.end() || (o.kind() == ObjectKind::named && (m.text.find('/') == m.text.npos || m.text.find('$') == m.text.npos)))
      f.complain("object", fmt::format("\"{}\" is nothing that {} tells; write {}", m.text, protocol, at->written));
    else if (at->station && !m.station) f.complain("station", fmt::format("a feedback by {} needs its station: the common address, outstation or unit that \"{}\" belongs to", protocol, m.text));
    else if (!at->station && m.station) f.complain("station", fmt::format("{} has no stations; leave it out", protocol));
    else if (m.text.find("$CO$") != m.text.npos) f.complain("object", fmt::format("\"{}\" is a command; its state is under $ST$, of a set-point under $MX$", m.text));
    else if (o.kind() == ObjectKind::named && (m.text.ends_with("$q") || m.text.ends_with("$t")))
      f.complain("object", fmt::format("\"{}\" is a quality or a time, no state; write \"{}\"", m.text, m.text.substr(0, m.text.size() - 2)));
    else if (m.scale == 0) f.complain("scale", "a scale of 0 makes every number 0; leave it out where the number is in the command's unit");
    else {
      if (o.kind() == ObjectKind::named) m.object = data_object(m.text).key();
      p.told_by = std::make_shared<const QuantityMember>(std::move(m));
    }
    return true;
  }

  static bool tells_number(const SitePoint& p) { return p.kind == PointKind::set_point || p.kind == PointKind::tap; }

  std::string wrong_teller(const SitePoint& p) const {
    const QuantityMember& m = *p.told_by;
    const Object o = Object::from_key(m.object);
    const std::string& host = site_.host(m.host).name;
    if (m.station) {                                       // of protocols with points
      if (!site_.has_points(m.host, m.protocol, *m.station)) return {};
      const SitePoint* of = site_.point(m.host, m.protocol, *m.station, o);
      if (!of) return fmt::format("\"{}\" is not among the points that are declared of {}, {}; declare it, or name another", m.text, host, station_text(m.protocol, *m.station));
      if (of->direction == Direction::control && o.kind() == ObjectKind::information_object && of->feedback != o)
        return fmt::format("\"{}\" of {} is a command ({}), which tells no state", m.text, host, site_.text_of(of->place));
      const bool number = of->kind == PointKind::measurement || of->kind == PointKind::counter, state = of->kind == PointKind::status || of->kind == PointKind::switchgear;
      if (number && p.kind == PointKind::switchgear) return fmt::format("\"{}\" of {} is a number ({}); the feedback of a switch is off or on", m.text, host, site_.text_of(of->place));
      if (state && tells_number(p)) return fmt::format("\"{}\" of {} is off or on ({}); the feedback of a {} is a number", m.text, host, site_.text_of(of->place), p.kind == PointKind::tap ? "tap" : "set-point");
      return {};
    }
    if (o.kind() == ObjectKind::member) return wrong_place(p, m, o.number() & 0x7ff);
    if (protocols[m.protocol]->name != "goose") return {};
    bool any = false;
    for (const SiteDataSet& set : site_.data_sets)
      for (const std::string& name : set.members)
        if (set.host == m.host && (any = true, data_object(name) == o)) return {};
    return any ? fmt::format("\"{}\" is in none of the data sets that are declared of {}; declare its [[data_set]], or name another", m.text, host) : std::string();
  }

  // "IED1LD0/LLN0$dsPos[3]", where the publishers or the data sets of the device are declared.
  std::string wrong_place(const SitePoint& p, const QuantityMember& m, size_t at) const {
    const std::string name = m.text.substr(0, m.text.rfind('['));
    const std::string& host = site_.host(m.host).name;
    std::vector<std::string_view> known;
    const auto too_far = [&](size_t entries) { return fmt::format("\"{}\": the data set has {} members, so the last is [{}]", m.text, entries, entries - 1); };
    for (const SiteDataSet& set : site_.data_sets) {
      if (set.host != m.host) continue;
      known.push_back(set.name);
      if (set.name != name) continue;
      if (at >= set.members.size()) return too_far(set.members.size());
      const std::string& of = set.members[at];
      return of.ends_with("$q") || of.ends_with("$t") ? fmt::format("\"{}\" is {}: a quality or a time, no state", m.text, of) : std::string();
    }
    if (protocols[m.protocol]->name != "goose") return {};
    for (const SitePublisher& d : site_.publishers) {
      if (d.kind != PublisherKind::goose || d.host != m.host || d.data_set.empty()) continue;
      known.push_back(d.data_set);
      if (d.data_set != name) continue;
      if (d.entries && at >= d.entries) return too_far(d.entries);
      if (at >= d.types.size()) return {};
      const MemberType type = d.types[at];
      const bool number = type == MemberType::integer || type == MemberType::natural || type == MemberType::real, state = type == MemberType::boolean || type == MemberType::double_point;
      if (type == MemberType::any || type == MemberType::structure || (state && !tells_number(p)) || (number && p.kind != PointKind::switchgear)) return {};
      return fmt::format("\"{}\" is a {} ({}); the feedback of a {} is {}", m.text, name_of(type), site_.text_of(d.place), p.kind == PointKind::set_point ? "set-point" : p.kind == PointKind::tap ? "tap" : "switch",
                         tells_number(p) ? "a number" : "a boolean or a double_point");
    }
    return known.empty() ? std::string() : fmt::format("{} publishes no data set \"{}\"{}; declared: {}", host, name, suggestion(name, known), joined(known));
  }

  void data_set(TomlTable& t) {
    SiteDataSet d;
    d.place = place(t);
    std::string host;
    if (t.read("host", host)) d.host = named(t, "host", host);
    else if (!t.has("host")) t.complain("host", "a [[data_set]] needs its host: the device that has it");
    if (!t.read("name", d.name) && !t.has("name")) t.complain("name", "a [[data_set]] needs its name: \"IED1LD0/LLN0$dsPos\"");
    if (!d.name.empty() && (d.name.find('/') == d.name.npos || d.name.find('$') == d.name.npos)) t.complain("name", fmt::format("\"{}\" is no data set of MMS; write it like \"IED1LD0/LLN0$dsPos\"", d.name));
    t.read("members", d.members);
    if (!t.has("members")) t.complain("members", "a [[data_set]] needs its members, in their order: [\"IED1LD0/XCBR1$ST$Pos$stVal\", \"IED1LD0/XCBR1$ST$Pos$q\"]");
    if (d.members.size() > 2048) t.complain("members", fmt::format("{} members; a data set that GOOSE or reports send has 2048 at most", d.members.size()));
    for (const std::string& s : d.members)
      if (s.find('/') == s.npos || s.find('$') == s.npos) {
        t.complain("members", fmt::format("\"{}\" is no object of MMS; write it like \"IED1LD0/XCBR1$ST$Pos$stVal\"", s));
        break;
      }
    if (!declared_.data_sets.emplace(d.host, d.name).second) t.complain("name", fmt::format("the data set \"{}\" of this host is declared twice", d.name));
    t.finish();
    if (d.host && !d.name.empty()) site_.data_sets.push_back(std::move(d));
  }

  void group(TomlTable& t) {
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

  // What is common to the points of every protocol.
  SitePoint point(TomlTable& t, std::string_view protocol) {
    SitePoint p;
    p.place = place(t);
    const int index = protocol_index(protocol);
    p.protocol = uint16_t(index < 0 ? 0xffff : index);
    std::string host;
    if (t.read("host", host)) p.host = named(t, "host", host);
    else if (!t.has("host")) t.complain("host", fmt::format("a [[{}]] needs a host: the one that serves it", t.name()));
    size_t choice = 0;
    if (t.read_choice("mode", choice, {"undeclared", "direct", "select"})) p.mode = CommandMode(choice);
    if (t.read_choice("kind", choice, {"other", "switchgear", "tap", "set_point", "reset", "measurement", "status", "counter"})) p.kind = PointKind(choice);
    if (t.read_choice("direction", choice, {"monitor", "control"})) p.direction = Direction(choice);
    double v = 0;
    if (t.read("min", v, -1e30, 1e30)) p.min = v;
    if (t.read("max", v, -1e30, 1e30)) p.max = v;
    if (t.read("step", v, 0, 1e30)) p.step = v;
    if (t.read("scale", v, -1e12, 1e12)) {
      if (v == 0) t.complain("scale", "a scale of 0 makes every number 0; leave it out where the number is in its unit");
      else p.scale = v;
    }
    if (p.min && p.max && *p.min > *p.max) t.complain("min", fmt::format("min is {:g} and max is {:g}; min must not be greater", *p.min, *p.max));
    t.read_duration("travel_time", p.travel_time, millisecond, 10 * minute);
    t.read("name", p.name);
    t.read("bay", p.bay);
    t.read("voltage", p.voltage);
    return p;
  }

  // 5101 or "0-19-237": octets of an address, the highest first.
  bool structured(TomlTable& t, std::string_view key, uint32_t& to, uint32_t most) {
    if (!t.is_text(key)) return t.read(key, to, 0, most);
    std::string s;
    t.read(key, s);
    uint32_t n = 0;
    const char* at = s.data();
    const char* end = at + s.size();
    for (;;) {
      unsigned part = 0;
      const auto [stop, bad] = std::from_chars(at, end, part);
      if (bad != std::errc() || part > 255) break;
      n = n << 8 | part;
      if (stop == end) {
        if (n > most) break;
        to = n;
        return true;
      }
      if (*stop != '-' && *stop != '.') break;
      at = stop + 1;
    }
    t.complain(key, fmt::format("\"{}\" is no address; write a number from 0 to {}, or its octets like \"0-19-237\"", s, most));
    return false;
  }

  // `key`: a number, or a text "0-7" for a range.
  bool range(TomlTable& t, std::string_view key, uint32_t& first, uint32_t& last, uint32_t most) {
    if (!t.is_text(key)) {
      if (!t.read(key, first, 0, most)) {
        if (!t.has(key)) t.complain(key, fmt::format("a [[{}]] needs its {}: a number, or a range like \"0-7\"", t.name(), key));
        return false;
      }
      last = first;
      return true;
    }
    std::string s;
    t.read(key, s);
    const char* end = s.data() + s.size();
    const auto [stop, bad] = std::from_chars(s.data(), end, first);
    last = first;
    bool right = bad == std::errc() && (stop == end || *stop == '-');
    if (right && stop != end) {
      const auto [done, wrong] = std::from_chars(stop + 1, end, last);
      right = wrong == std::errc() && done == end;
    }
    if (right && first <= last && last <= most) return true;
    t.complain(key, fmt::format("\"{}\" is no range; write a number from 0 to {}, or a range like \"0-7\"", s, most));
    return false;
  }

  // Each point behind `first` must have an address of its own.
  static bool fits(TomlTable& t, std::string_view key, uint64_t first, uint64_t behind, uint64_t most) {
    if (first + behind <= most) return true;
    t.complain(key, fmt::format("{} points from {} on reach beyond {}", behind + 1, first, most));
    return false;
  }
  // A range may hold an exception, which counts there (Site::point); of the same range twice one would be lost in silence.
  void add(TomlTable& t, SitePoint p) {
    const bool status_too = p.objects.first.kind() == ObjectKind::binary_output;       // DNP3: a control and its own status
    const auto [first, fresh] = declared_.points.emplace(std::tuple(p.host, p.protocol, p.station, p.objects.first.key(), p.objects.last.key(), status_too ? p.direction : Direction::monitor), "");
    if (fresh) first->second = t.place();
    else t.complain("", fmt::format("the same point is declared in {}; keep one. Of a command and its indication at one address that is the command, with this address as its feedback", first->second));
    if (p.told_by) declared_.told_elsewhere.emplace_back(t, site_.points.size());
    site_.points.push_back(std::move(p));
  }

  void iec104_point(TomlTable& t) {
    SitePoint p = point(t, "iec104");
    uint32_t station = 0, address = 0, count = 1, feedback = 0;
    if (!structured(t, "station", station, 65535) && !t.has("station")) t.complain("station", "an [[iec104_point]] needs its station: the common address");
    const bool there = structured(t, "address", address, 0xffffff);
    if (!there && !t.has("address")) t.complain("address", "an [[iec104_point]] needs its address: the information object address");
    t.read("count", count, 1, 65536);
    p.station = station;
    if (t.is_text("type")) {
      std::string s;
      t.read("type", s);
      std::vector<std::string_view> names;
      for (const TypeName& n : type_names) names.push_back(n.name);
      if (!(p.type = iec104_type(s))) t.complain("type", fmt::format("\"{}\" is no type identification{}; write one like \"C_DC_NA_1\" or 46", s, suggestion(s, names)));
    } else t.read("type", p.type, 1, 255);
    if (!t.has("direction")) p.direction = p.type >= 45 && p.type <= 113 ? Direction::control : Direction::monitor;
    if (!t.has("kind")) p.kind = usual_kind(p.type);
    p.writable = p.direction == Direction::control;
    const bool within = fits(t, "count", address, count - 1, 0xffffff);
    p.objects = {Object(ObjectKind::information_object, address), Object(ObjectKind::information_object, address + count - 1)};
    if (!told_elsewhere(t, p) && structured(t, "feedback", feedback, 0xffffff) && within && fits(t, "feedback", feedback, count - 1, 0xffffff)) p.feedback = Object(ObjectKind::information_object, feedback);
    t.finish();
    if (p.host && there && within) add(t, std::move(p));
  }

  void dnp3_point(TomlTable& t) {
    SitePoint p = point(t, "dnp3");
    struct Kind { std::string_view name; ObjectKind object, feedback; PointKind kind; };
    static constexpr Kind kinds[] = {
        {"crob", ObjectKind::binary_output, ObjectKind::binary_input, PointKind::switchgear},
        {"analog_output", ObjectKind::analog_output, ObjectKind::analog_input, PointKind::set_point},
        {"binary_input", ObjectKind::binary_input, ObjectKind::none, PointKind::status},
        {"double_bit_input", ObjectKind::double_bit_input, ObjectKind::none, PointKind::status},
        {"binary_output", ObjectKind::binary_output, ObjectKind::none, PointKind::status},
        {"analog_input", ObjectKind::analog_input, ObjectKind::none, PointKind::measurement},
        {"counter", ObjectKind::counter, ObjectKind::none, PointKind::counter},
    };
    size_t at = 0;
    const bool typed = t.read_choice("type", at, {"crob", "analog_output", "binary_input", "double_bit_input", "binary_output", "analog_input", "counter"});
    if (!typed && !t.has("type")) t.complain("type", "a [[dnp3_point]] needs its type: crob, analog_output, binary_input, double_bit_input, binary_output, analog_input or counter");
    uint32_t first = 0, last = 0, feedback = 0, feedback_last = 0;
    const bool there = range(t, "index", first, last, 65535);
    t.read("outstation", p.station, 0, 65519);
    if (!t.has("outstation")) t.complain("outstation", "a [[dnp3_point]] needs its outstation: the link address");
    if (!t.has("kind")) p.kind = kinds[at].kind;
    if (!t.has("direction")) p.direction = at <= 1 ? Direction::control : Direction::monitor;
    p.writable = p.direction == Direction::control;
    p.objects = {Object(kinds[at].object, first), Object(kinds[at].object, last)};
    if (!told_elsewhere(t, p) && t.has("feedback") && range(t, "feedback", feedback, feedback_last, 65535)) {
      if (kinds[at].feedback == ObjectKind::none) t.complain("feedback", fmt::format("a {} has no feedback; only crob and analog_output do", kinds[at].name));
      else if (fits(t, "feedback", feedback, last - first, 65535)) p.feedback = Object(kinds[at].feedback, feedback);
    }
    t.finish();
    if (p.host && typed && there) add(t, std::move(p));
  }

  void modbus_point(TomlTable& t) {
    SitePoint p = point(t, "modbus");
    static constexpr ObjectKind tables[] = {ObjectKind::coil, ObjectKind::discrete_input, ObjectKind::holding_register, ObjectKind::input_register};
    size_t at = 0;
    const bool typed = t.read_choice("table", at, {"coil", "discrete_input", "holding_register", "input_register"});
    if (!typed && !t.has("table")) t.complain("table", "a [[modbus_point]] needs its table: coil, discrete_input, holding_register or input_register");
    uint32_t first = 0, last = 0, feedback = 0, feedback_last = 0;
    const bool there = range(t, "address", first, last, 65535);
    t.read("unit", p.station, 0, 255);
    if (!t.has("unit")) t.complain("unit", "a [[modbus_point]] needs its unit identifier");
    t.read("writable", p.writable);
    if (p.writable && (at == 1 || at == 3)) t.complain("writable", "Modbus cannot write a discrete input or an input register");
    if (!t.has("direction")) p.direction = p.writable ? Direction::control : Direction::monitor;
    if (!t.has("kind")) p.kind = at <= 1 ? PointKind::status : p.writable ? PointKind::set_point : PointKind::measurement;
    p.objects = {Object(tables[at], first), Object(tables[at], last)};
    if (!told_elsewhere(t, p) && t.has("feedback") && range(t, "feedback", feedback, feedback_last, 65535) && fits(t, "feedback", feedback, last - first, 65535)) p.feedback = Object(tables[at], feedback);
    t.finish();
    if (p.host && typed && there) add(t, std::move(p));
  }

  // A controllable object of IEC 61850, by its MMS name.
  void mms_point(TomlTable& t) {
    SitePoint p = point(t, "mms");
    std::string name;
    const auto object = [&](std::string_view key, Object& to) {
      if (!t.read(key, name)) return false;
      const size_t slash = name.find('/');
      if (slash == 0 || slash == std::string::npos || name.find('$', slash) == std::string::npos) {
        t.complain(key, fmt::format("\"{}\" is no object of MMS; write it like \"IED1LD0/CSWI1$CO$Pos\"", name));
        return false;
      }
      to = Object::of_text(text_key(name));
      return true;
    };
    Object o;
    const bool there = object("object", o);
    if (!there && !t.has("object")) t.complain("object", "an [[mms_point]] needs its object: \"IED1LD0/CSWI1$CO$Pos\"");
    p.objects = {o, o};
    if (!t.has("direction")) p.direction = name.find("$CO$") != std::string::npos ? Direction::control : Direction::monitor;
    p.writable = p.direction == Direction::control;
    if (p.name.empty()) p.name = name;
    t.read("enhanced", p.enhanced);
    if (!told_elsewhere(t, p)) object("feedback", p.feedback);
    t.finish();
    if (p.host && there) add(t, std::move(p));
  }

  // A key that only one kind of publisher has.
  static void only(TomlTable& t, bool right, std::string_view kind, std::initializer_list<std::string_view> keys) {
    if (right) return;
    for (std::string_view key : keys)
      if (t.has(key)) t.complain(key, fmt::format("only kind = \"{}\" has {}", kind, key));
  }

  void publisher(TomlTable& t) {
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

  void window(TomlTable& t) {
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

  HostId stand_in(const std::string& name) {
    SiteHost h;
    h.name = name;
    site_.hosts.push_back(std::move(h));
    return by_name_[name] = HostId(site_.hosts.size());
  }

  bool on_the_box_ = false;
  GoneHosts gone_ = GoneHosts::left_out;
  Site& site_;
  std::unordered_map<std::string, HostId> by_name_;   // the first of each name
  std::map<Address, HostId> by_address_;
  TomlTable& root_;
  Declared& declared_;
};

// What [site] itself says. True when it names files, which then declare everything.
bool read_head(Site& site, TomlTable& root, std::vector<std::string>* files, bool& review) {
  review = false;
  auto head = root.table("site");
  if (!head) return false;
  if (files && head->has("file")) {
    head->read("file", *files);
    for (std::string& file : *files)
      if (!std::filesystem::path(file).is_absolute()) file = (std::filesystem::path(root.path()).parent_path() / file).string();
    for (std::string_view key : {"zone", "host", "conversation", "master_group", "sequence", "quantity", "data_set", "iec104_point", "dnp3_point", "modbus_point", "mms_point", "publisher", "window"})
      if (root.has(key)) root.complain(key, fmt::format("the site is declared in \"{}\"; put [[{}]] there", fmt::join(*files, "\", \""), key));
  } else {
    std::string name;
    if (head->read("name", name) && site.name.empty()) site.name = name;
    Declared none;
    SiteReader reader(site, root, none);
    reader.prefixes(*head, "prefixes", site.prefixes);
    reader.prefixes(*head, "outside", site.outside);
    head->read("review", review);
  }
  if (files) head->read("windows", site.windows_file);
  head->finish();
  return files && !files->empty();
}

// Names that the import no longer declares are left: it may declare them again.
void take_reviews(Site& site, size_t first, TomlTable& root) {
  Problems problems;
  for (const ReviewedHost& r : load_reviews(review_path(root.path()), problems))
    for (size_t i = first; i < site.hosts.size(); i++)
      if (site.hosts[i].name == r.host) site.hosts[i].reviewed = {r.at, r.by};
  for (const std::string& p : problems) root.complain("site", "its reviews cannot be used: " + p);
}

// `reviews`: of each text whether its devices' differences are silent until somebody has read them.
void read_roots(Site& site, std::span<TomlTable> roots, const std::vector<bool>& reviews) {
  Declared declared;
  for (size_t i = 0; i < roots.size(); i++) {
    const size_t first = site.hosts.size();
    SiteReader(site, roots[i], declared).read_hosts();
    if (!reviews[i]) continue;
    for (size_t h = first; h < site.hosts.size(); h++) site.hosts[h].imported = true;
    take_reviews(site, first, roots[i]);
  }
  for (TomlTable& root : roots) SiteReader(site, root, declared).read_others();
  site.index();
  if (!roots.empty()) SiteReader(site, roots[0], declared).check_feedbacks();
}

}  // namespace

Site load_site(std::span<const std::string> paths, Problems& problems) {
  Site site;
  const size_t before = problems.size();
  std::vector<TomlTable> roots;
  for (const std::string& path : paths)
    if (auto root = TomlTable::open(path, problems)) roots.push_back(std::move(*root));
  if (problems.size() != before) return site;            // what one file lacks the others would miss
  return read_site(std::span(roots));
}

Site read_site(std::span<TomlTable> roots) {
  Site site;
  std::vector<bool> reviews;
  for (TomlTable& root : roots) {
    bool review;
    read_head(site, root, nullptr, review);
    reviews.push_back(review);
  }
  read_roots(site, roots, reviews);
  for (TomlTable& root : roots) root.finish();
  return site;
}
Site load_site(const std::string& path, Problems& problems) { return load_site(std::span(&path, 1), problems); }

Site read_site(TomlTable& root, Problems& problems, Problems* remarks) {
  Site site;
  std::vector<std::string> files;
  bool review;
  const bool elsewhere = read_head(site, root, &files, review);
  const std::filesystem::path here = root.path(), named = site.windows_file.empty() ? "windows.toml" : site.windows_file;
  if (elsewhere) site = load_site(files, problems);
  else read_roots(site, std::span(&root, 1), {review});
  // Only what lies on a disk has something beside it.
  std::error_code none;
  if (named.is_absolute() || std::filesystem::exists(here, none)) site.windows_file = (named.is_absolute() ? named : here.parent_path() / named).string();
  if (problems.empty()) read_windows(site, remarks ? *remarks : problems);     // what is wrong in the site would be told of its windows too
  return site;
}

bool read_windows(Site& site, Problems& remarks, GoneHosts gone) {
  std::error_code error;
  const bool there = !site.windows_file.empty() && std::filesystem::exists(site.windows_file, error);
  if (error) return remarks.push_back(fmt::format("{}: cannot be read: {}", site.windows_file, error.message())), false;
  std::optional<TomlTable> root;
  if (there && !(root = TomlTable::open(site.windows_file, remarks))) return false;
  std::erase_if(site.windows, [](const Window& w) { return w.on_the_box; });
  if (root) read_windows(site, *root, gone);
  return true;
}

void read_windows(Site& site, TomlTable& root, GoneHosts gone) {
  Declared none;
  SiteReader(site, root, none).read_windows(gone);
  root.finish();
}

std::string review_path(const std::string& site_file) {
  std::filesystem::path p = site_file;
  return p.replace_extension(".reviewed.toml").string();
}

std::vector<ReviewedHost> load_reviews(const std::string& path, Problems& problems) {
  std::vector<ReviewedHost> all;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return all;
  auto root = TomlTable::open(path, problems);
  if (!root) return all;
  for (TomlTable t : root->tables("reviewed")) {
    ReviewedHost r;
    std::string at;
    if (!t.read("host", r.host) && !t.has("host")) t.complain("host", "a [[reviewed]] needs its host: the name of a declared one");
    t.read("by", r.by);
    if (!t.read("at", at)) {
      if (!t.has("at")) t.complain("at", "a [[reviewed]] needs its at: when it was reviewed");
    } else if (const auto time = parse_iso_time(at); time && *time > 0) r.at = *time;
    else t.complain("at", fmt::format("\"{}\" is no time; it is written like \"2026-11-21T08:30:00Z\"", at));
    t.finish();
    if (!r.host.empty() && r.at) all.push_back(std::move(r));
  }
  root->finish();
  return all;
}

uint8_t iec104_type(std::string_view name) {
  for (const TypeName& n : type_names)
    if (n.name == name) return n.number;
  return 0;
}

bool reserved_name(std::string_view s) {
  return s == "any" || s == "broadcast" || s.starts_with("zone:") || parse_address(s) || parse_prefix(s);
}

}  // namespace vidra
