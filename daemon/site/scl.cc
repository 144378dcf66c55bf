// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/scl.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "daemon/base/address.h"
#include "daemon/base/text.h"
#include "daemon/judge/site_file.h"

namespace vidra {
namespace {

using Element = XmlElement;

constexpr std::string_view skipped[] = {"Private", "Text", "History", "Labels"};
constexpr size_t most_types = 4096;          // members of one data set whose types are written
// Types make much of little: so many tables, octets of text and objects that are looked at are more than any site has.
constexpr size_t most_name = 255;
constexpr size_t most_tables = 250'000, most_written = 256u << 20, most_looked_at = 20'000'000;

// How near a kind of file is to the device: the CID was loaded into it.
int rank_of(std::string_view path) {
  const size_t dot = path.rfind('.');
  std::string end(dot == std::string_view::npos ? "" : path.substr(dot + 1));
  for (char& c : end) c = char(std::tolower(uint8_t(c)));
  return end == "cid" ? 5 : end == "iid" ? 4 : end == "scd" ? 3 : end == "sed" ? 2 : end == "icd" ? 1 : end == "ssd" ? 0 : 3;
}

template <class... T> std::string joined(std::string_view between, const T&... parts) {
  std::string out;
  const auto add = [&](std::string_view s) {
    if (s.empty()) return;
    if (!out.empty()) out += between;
    out += s;
  };
  (add(parts), ...);
  return out;
}

std::optional<uint64_t> number_in(std::string_view s, int base) {
  if (base == 16 && (s.starts_with("0x") || s.starts_with("0X"))) s.remove_prefix(2);
  uint64_t n = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), n, base);
  if (bad != std::errc() || end != s.data() + s.size() || s.empty()) return std::nullopt;
  return n;
}
std::optional<double> real_in(std::string_view s) {
  double v = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (bad != std::errc() || end != s.data() + s.size() || !std::isfinite(v)) return std::nullopt;
  return v;
}

// One file, its templates by their identifiers, and where its devices stand in the switchyard.
struct File {
  XmlDocument document;
  int rank;
  std::unordered_map<std::string_view, const Element*> nodes, objects, attributes, enums;   // LNodeType, DOType, DAType, EnumType
  std::unordered_map<std::string_view, std::vector<const Element*>> connected;              // ConnectedAP by IED
  const Element* own = nullptr;              // of an IID's or CID's devices the one that it is for
};

// Where a logical node stands: substation, voltage level, bay, equipment, as far as the file says.
struct Place {
  std::string substation, voltage, bay, equipment;
  auto operator<=>(const Place&) const = default;
};

// One device, from the file that is nearest to it.
struct Device {
  const File* file = nullptr;
  const Element* ied = nullptr;
  const File* network = nullptr;             // whose Communication section is taken
  std::vector<std::string> addresses, macs;
  bool declared = false;                     // has an address, so that it can be a host
  bool commandable = false;
};

class Scl {
 public:
  Scl(const SclOptions& options, SclImport& out, Problems& problems) : options_(options), out_(out), problems_(problems) {}

  bool open(const std::string& path, Problems& problems) {
    auto document = XmlDocument::open(path, skipped, problems);
    if (!document) return false;
    if (document->root().name != "SCL") {
      problems.push_back(fmt::format("{}: this is no SCL file, whose first element is <SCL>; import the SCD, CID or ICD of the substation", document->place(document->root())));
      return false;
    }
    auto file = std::make_unique<File>(File{std::move(*document), rank_of(path), {}, {}, {}, {}, {}, nullptr});
    const XmlDocument& d = file->document;
    d.each(d.root(), "DataTypeTemplates", [&](const Element& templates) {
      const auto index = [&](std::string_view kind, auto& to) {
        d.each(templates, kind, [&](const Element& e) {
          if (!to.emplace(e["id"], &e).second) remark(d, e, fmt::format("the type \"{}\" stands here twice; the first is taken", e["id"]));
        });
      };
      index("LNodeType", file->nodes), index("DOType", file->objects), index("DAType", file->attributes), index("EnumType", file->enums);
    });
    d.each(d.root(), "Communication", [&](const Element& c) {
      d.each(c, "SubNetwork", [&](const Element& net) {
        d.each(net, "ConnectedAP", [&](const Element& ap) { file->connected[ap["iedName"]].push_back(&ap); });
      });
    });
    files_.push_back(std::move(file));
    return true;
  }

  void read() {
    devices();
    for (const auto& [name, addresses] : options_.addresses)
      if (!devices_.contains(name)) {
        std::vector<std::string_view> names;
        for (const auto& [n, d] : devices_) names.push_back(n);
        const std::string_view near = nearest(name, names);
        problems_.push_back(fmt::format("--address {}={}: no device of that name is in {}{}", name, addresses.empty() ? "" : addresses[0], files_.size() == 1 ? files_[0]->document.path() : "these files",
                                        near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
      }
    if (!problems_.empty()) return;
    for (const auto& file : files_)
      for (std::string_view kind : {"Substation", "Line", "Process"})
        file->document.each(file->document.root(), kind, [&](const Element& e) {
          if (kind == "Substation" && out_.declared.name.empty()) out_.declared.name = joined(" ", e["name"], e["desc"] == e["name"] ? std::string_view() : e["desc"]);
          places(*file, e, kind == "Substation" ? Place{std::string(e["name"]), "", "", ""} : Place{"", "", std::string(e["name"]), ""}, 0);
        });
    for (auto& [name, d] : devices_) network(name, d);
    for (auto& [name, d] : devices_) host(name, d);
    for (auto& [name, d] : devices_) model(name, d);
    clients();
  }

 private:
  void remark(const XmlDocument& d, const Element& e, const std::string& what) {
    if (out_.remarks.size() < 10'000) out_.remarks.push_back(fmt::format("{}: {}", d.place(e), what.size() > 1000 ? what.substr(0, 1000) + "…" : what));
  }
  void too_much(const std::string& what) {
    if (!std::exchange(full_, true)) problems_.push_back(fmt::format("{}: {}; is this the file of one substation? Import fewer at once", files_.empty() ? "" : files_[0]->document.path(), what));
  }
  void declare(const std::string& kind, DeclaredTable t) {
    for (const auto& [key, value] : t.rows) written_ += key.size() + value.size();
    if (++tables_ > most_tables || written_ > most_written) return too_much(fmt::format("more than {} tables or {} MiB would be declared", most_tables, most_written >> 20));
    out_.declared.tables[kind].push_back(std::move(t));
  }

  static size_t weight(const XmlDocument& d, const Element& ied) {          // a stub has few logical nodes
    size_t n = 0;
    d.each(ied, "AccessPoint", [&](const Element& ap) {
      d.each(ap, "Server", [&](const Element& s) { d.each(s, "LDevice", [&](const Element& ld) { d.each(ld, {}, [&](const Element&) { n++; }); }); });
      d.each(ap, {}, [&](const Element&) { n++; });
    });
    return n;
  }

  void devices() {
    const bool alone = files_.size() == 1;
    for (const auto& file : files_) {
      const XmlDocument& d = file->document;
      // Of a CID's devices one is its own; what it says of the others is only what it needs of them.
      size_t most = 0;
      d.each(d.root(), "IED", [&](const Element& e) {
        if (const size_t w = weight(d, e); !file->own || w > most) file->own = &e, most = w;
      });
      d.each(d.root(), "IED", [&](const Element& e) {
        const std::string name(e["name"]);
        if (name.empty()) return remark(d, e, "a device without a name; give it one, or it stays undeclared");
        if (name.size() > most_name) return remark(d, e, fmt::format("a device with a name of {} octets; left out", name.size()));
        if (reserved_name(name)) return remark(d, e, fmt::format("\"{}\" cannot be the name of a host: in a [[conversation]] it means something else. The device is left out; declare it by hand under another name", name));
        if (name == "TEMPLATE" && !alone) return remark(d, e, "a device type, not a device of this site; its name is TEMPLATE, so it is left out");
        Device& known = devices_[name];
        if (known.ied) {
          if (known.file == file.get()) return remark(d, e, fmt::format("the device \"{}\" is declared twice, first in line {}; the first is taken", name, known.ied->line));
          const int mine = nearness(*file, e), its = nearness(*known.file, *known.ied);
          if (mine == its && mine >= 0)
            remark(d, e, fmt::format("the device \"{}\" is also in {}:{}; the file named later is taken", name, known.file->document.path(), known.ied->line));
          if (mine < its) return;
        }
        known.file = file.get();
        known.ied = &e;
      });
    }
  }
  static int nearness(const File& f, const Element& ied) { return f.rank >= 4 && &ied != f.own ? -1 : f.rank; }

  // Walks the switchyard down to the logical nodes. A later file says it again; what it says is taken.
  void places(const File& f, const Element& at, const Place& here, int depth) {
    const XmlDocument& d = f.document;
    if (depth > 40) return;
    d.each(at, {}, [&](const Element& e) {
      if (e.name == "LNode") {
        const std::string ied(e["iedName"]);
        if (ied.empty() || ied == "None") return;
        places_[joined("\n", ied, fmt::format("{}/{}{}{}", e["ldInst"], e["prefix"], e["lnClass"], e["lnInst"]))] = here;
        standing_[ied].insert(here.equipment.empty() ? here : Place{here.substation, here.voltage, here.bay, ""});
        return;
      }
      Place next = here;
      const std::string name(e["name"]);
      if (e.name == "VoltageLevel") {
        next.voltage = name;
        if (const Element* v = d.first(e, "Voltage"); v && real_in(v->text)) next.voltage = fmt::format("{} {}V", v->text, (*v)["multiplier"]);
      } else if (e.name == "Bay") next.bay = name;
      else if (e.name == "ConductingEquipment" || e.name == "PowerTransformer" || e.name == "GeneralEquipment") next.equipment = name;
      places(f, e, next, depth + 1);
    });
  }

  Place place_of(const std::string& ied, std::string_view ld, std::string_view ln) const {
    if (const auto it = places_.find(joined("\n", ied, fmt::format("{}/{}", ld, ln))); it != places_.end()) return it->second;
    const auto all = standing_.find(ied);
    return all != standing_.end() && all->second.size() == 1 ? *all->second.begin() : common(ied);
  }
  Place common(const std::string& ied) const {            // what all of a device's places share
    const auto all = standing_.find(ied);
    if (all == standing_.end() || all->second.empty()) return {};
    const auto [at, fresh] = common_.try_emplace(ied);
    Place& p = at->second;
    if (!fresh) return p;
    p = *all->second.begin();
    for (const Place& q : all->second) {
      if (q.substation != p.substation) p.substation.clear();
      if (q.voltage != p.voltage) p.voltage.clear();
      if (q.bay != p.bay) p.bay.clear();
    }
    p.equipment.clear();
    return p;
  }

  // ---- Communication

  // A P element of an address; Ed. 1 files may also have it as tP_….
  static const Element* parameter(const XmlDocument& d, const Element& of, std::string_view type) {
    const Element* found = nullptr;
    d.each(of, "Address", [&](const Element& a) {
      d.each(a, "P", [&](const Element& p) {
        if (!found && p["type"] == type && !p.text.empty()) found = &p;
      });
    });
    return found;
  }

  void network(const std::string& name, Device& d) {
    // The device's own file may say nothing of the network: then the nearest that does.
    for (const auto& f : files_)
      if (f->connected.contains(name) && (!d.network || (f.get() == d.file) || (d.network != d.file && f->rank >= d.network->rank))) d.network = f.get();
    if (!d.network) return given(name, d);
    const XmlDocument& doc = d.network->document;
    for (const Element* ap : d.network->connected.at(name)) {
      for (std::string_view type : {"IP", "IPv6"}) {
        const Element* p = parameter(doc, *ap, type);
        if (!p) continue;
        const auto a = parse_address(p->text);
        if (!a || a->kind == Address::Kind::mac) { remark(doc, *p, fmt::format("\"{}\" of {} is no IP address; left out", p->text, name)); continue; }
        if (a->group() || text_of(*a) == "0.0.0.0" || text_of(*a) == "::" || text_of(*a).starts_with("127.")) {
          remark(doc, *p, fmt::format("{} of {} is no address of a device in a network; left out", p->text, name));
          continue;
        }
        const auto [first, fresh] = owners_.emplace(text_of(*a), name);
        if (!fresh && first->second != name) {
          remark(doc, *p, fmt::format("{} is the address of {} and of {}; it is left out here, declare it by hand where it is right", p->text, first->second, name));
          continue;
        }
        if (std::find(d.addresses.begin(), d.addresses.end(), text_of(*a)) == d.addresses.end()) d.addresses.push_back(text_of(*a));
      }
      if (const Element* p = parameter(doc, *ap, "MAC-Address")) {
        const auto m = parse_mac(p->text);
        if (!m || m->group()) remark(doc, *p, fmt::format("\"{}\" of {} is no hardware address of a device; left out", p->text, name));
        else if (std::find(d.macs.begin(), d.macs.end(), text_of(*m)) == d.macs.end()) d.macs.push_back(text_of(*m));
      }
    }
    given(name, d);
  }

  // What the files do not say, or say wrong, somebody types.
  void given(const std::string& name, Device& d) {
    if (const auto it = options_.addresses.find(name); it != options_.addresses.end()) {
      d.addresses.clear(), d.macs.clear();
      for (const std::string& s : it->second)
        if (const auto a = parse_address(s)) (a->kind == Address::Kind::mac ? d.macs : d.addresses).push_back(text_of(*a));
    }
    d.declared = !d.addresses.empty() || !d.macs.empty();
  }

  // ---- devices

  template <class F> void each_device(const Device& d, F f) const {          // f(LDevice)
    const XmlDocument& doc = d.file->document;
    doc.each(*d.ied, "AccessPoint", [&](const Element& ap) {
      doc.each(ap, "Server", [&](const Element& s) { doc.each(s, "LDevice", f); });
    });
  }
  template <class F> void each_node(const XmlDocument& doc, const Element& ld, F f) const {   // f(LN or LN0)
    doc.each(ld, "LN0", f);
    doc.each(ld, "LN", f);
  }
  static std::string node_name(const Element& ln) { return ln.name == "LN0" ? "LLN0" : fmt::format("{}{}{}", ln["prefix"], ln["lnClass"], ln["inst"]); }
  static std::string domain(const std::string& ied, const Element& ld) {     // 61850-8-1: the MMS domain
    return ld["ldName"].empty() ? ied + std::string(ld["inst"]) : std::string(ld["ldName"]);
  }

  void host(const std::string& name, Device& d) {
    const XmlDocument& doc = d.file->document;
    std::set<std::string, std::less<>> classes;
    bool serves = false;
    const auto hear = [&](const Element& ln) { classes.emplace(ln["lnClass"]); };
    doc.each(*d.ied, "AccessPoint", [&](const Element& ap) {
      doc.each(ap, "LN", hear);
      serves |= doc.first(ap, "Server") != nullptr;
    });
    each_device(d, [&](const Element& ld) { each_node(doc, ld, hear); });
    const auto has = [&](std::string_view c) { return classes.contains(c); };
    const char* role = has("IHMI") ? "hmi" : has("ITCI") ? "master" : has("ITMI") ? "engineering" : has("IARC") ? "server" : "ied";
    if (serves && classes.size() > 4) role = has("ITCI") ? "rtu" : "ied";    // a gateway serves, too
    roles_[name] = role;
    const Place p = common(name);
    const std::string type = joined(" ", (*d.ied)["manufacturer"], (*d.ied)["type"]);
    std::string where = joined(", ", p.substation, p.voltage, p.bay.empty() ? "" : "bay " + p.bay);
    if (p.bay.empty() && standing_.contains(name)) {
      std::set<std::string> bays;
      for (const Place& q : standing_.at(name))
        if (!q.bay.empty()) bays.insert(q.bay);
      std::string list;
      for (const std::string& b : bays) list += (list.empty() ? "bays " : ", ") + b;
      where = joined(", ", where, list);
    }
    if (!d.declared) {
      remark(doc, *d.ied, fmt::format("no address of {} is in the files; nothing is declared of it but what it publishes. Add --address {}=ADDRESS", name, name));
      return;
    }
    DeclaredTable t;
    t.order = natural_order(name);
    t.text("name", name);
    t.texts("address", d.addresses);
    t.texts("mac", d.macs);
    t.text("role", role);
    t.text("bay", p.bay);
    t.text("note", joined("; ", (*d.ied)["desc"], type, where));
    declare("host", std::move(t));
  }

  // ---- types

  const Element* node_type(const File& f, const Element& ln) const {
    const auto it = f.nodes.find(ln["lnType"]);
    return it == f.nodes.end() ? nullptr : it->second;
  }
  // The first of that name. Types stand for many instances: of one with many parts an index is kept.
  const Element* named(const XmlDocument& d, const Element& in, std::string_view kind, std::string_view name) const {
    size_t n = 0;
    const Element* e = d.first(in);
    for (; e && n < 32; e = d.next(*e), n++)
      if (e->name == kind && (*e)["name"] == name) return e;
    if (!e) return nullptr;
    auto& parts = wide_[&in];
    if (parts.empty()) d.each(in, {}, [&](const Element& each) { parts.emplace(joined("\n", each.name, each["name"]), &each); });
    const auto it = parts.find(joined("\n", kind, name));
    return it == parts.end() ? nullptr : it->second;
  }
  // DOType of "A" or "A.phsA" in a logical node.
  const Element* object_type(const File& f, const Element& ln, std::string_view path) const {
    const Element* type = node_type(f, ln);
    std::string_view kind = "DO";
    while (type && !path.empty()) {
      const size_t dot = std::min(path.find('.'), path.size());
      const Element* o = named(f.document, *type, kind, strip_index(path.substr(0, dot)));
      if (!o) return nullptr;
      const auto it = f.objects.find((*o)["type"]);
      type = it == f.objects.end() ? nullptr : it->second;
      path.remove_prefix(std::min(dot + 1, path.size()));
      kind = "SDO";
    }
    return type;
  }
  static std::string_view strip_index(std::string_view s) { return s.substr(0, std::min(s.find('('), s.size())); }
  // DA or BDA of "stVal" or "mag.f".
  const Element* attribute_of(const File& f, const Element* type, std::string_view path) const {
    const Element* found = nullptr;
    std::string_view kind = "DA";
    while (type && !path.empty()) {
      const size_t dot = std::min(path.find('.'), path.size());
      const std::string_view part = strip_index(path.substr(0, dot));
      found = named(f.document, *type, kind, part);
      if (!found && kind == "DA") {                                          // Ed. 1 writes a sub-object here, too
        if (const Element* sub = named(f.document, *type, "SDO", part)) {
          const auto it = f.objects.find((*sub)["type"]);
          type = it == f.objects.end() ? nullptr : it->second;
          path.remove_prefix(std::min(dot + 1, path.size()));
          continue;
        }
      }
      if (!found) return nullptr;
      const auto it = f.attributes.find((*found)["type"]);
      type = it == f.attributes.end() ? nullptr : it->second;
      path.remove_prefix(std::min(dot + 1, path.size()));
      kind = "BDA";
    }
    return found;
  }
  // What a value of a basic type is on the wire (61850-8-1, 8.1.2), in the words of [[publisher]] types.
  static std::string_view wire_type(const Element& a) {
    const std::string_view b = a["bType"];
    if (!a["count"].empty() && a["count"] != "0") return "structure";        // an array
    if (b == "BOOLEAN") return "boolean";
    if (b == "Dbpos" || b == "Tcmd") return "double_point";
    if (b == "Quality") return "quality";
    if (b == "Timestamp") return "time";
    if (b == "Struct") return "structure";
    if (b == "Check" || b == "OptFlds" || b == "TrgOps" || b == "SvOptFlds") return "bits";
    if (b == "Octet64" || b == "EntryID") return "octets";
    if (b == "EntryTime") return "time";
    if (b.starts_with("VisString") || b.starts_with("Unicode") || b == "ObjRef" || b == "Currency" || b == "PhyComAddr") return "text";
    if (b.starts_with("FLOAT")) return "real";
    if (b.starts_with("INT") && b.ends_with("U")) return "natural";
    if (b.starts_with("INT") || b == "Enum") return "integer";
    return "any";
  }

  // Each member of a data set as it lies on the wire; "any" where the templates do not tell. Many blocks may send one set.
  const std::vector<std::string>& members(const Device& d, const Element& set) {
    const XmlDocument& doc = d.file->document;
    const auto [kept, fresh] = sets_.try_emplace(&set);
    std::vector<std::string>& types = kept->second;
    if (!fresh) return types;
    doc.each(set, {}, [&](const Element& m) {
      if (m.name != "FCDA" && m.name != "FCCB") return;
      if (types.size() >= most_types) return;
      std::string type = "any";
      const Element* ln = nullptr;
      const std::string_view ln_class = m["lnClass"];
      if (const auto at = nodes_.find(fmt::format("{}/{}", m["ldInst"], ln_class == "LLN0" ? "LLN0" : fmt::format("{}{}{}", m["prefix"], ln_class, m["lnInst"]))); at != nodes_.end()) ln = at->second;
      if (!ln) remark(doc, m, fmt::format("the data set \"{}\" names {}{}{} of {}, which is not there; its type stays open", set["name"], m["prefix"], m["lnClass"], m["lnInst"], m["ldInst"]));
      else if (const Element* object = object_type(*d.file, *ln, m["doName"])) {
        if (m["daName"].empty()) type = "structure";                           // a whole object, seen through its constraint
        else if (const Element* a = attribute_of(*d.file, object, m["daName"])) type = wire_type(*a);
      }
      types.push_back(std::move(type));
    });
    return types;
  }

  // ---- control blocks and controls

  void model(const std::string& name, Device& d) {
    const XmlDocument& doc = d.file->document;
    nodes_.clear(), sent_.clear(), controls_.clear(), domains_.clear();
    each_device(d, [&](const Element& ld) { domains_.emplace(ld["inst"], domain(name, ld)); });
    if (d.network)
      for (const Element* ap : d.network->connected.at(name))
        for (std::string_view kind : {"GSE", "SMV"})
          d.network->document.each(*ap, kind, [&](const Element& e) { sent_.emplace(block_key(kind, e["ldInst"], e["cbName"]), &e); });
    each_device(d, [&](const Element& ld) { each_node(doc, ld, [&](const Element& ln) { nodes_.emplace(fmt::format("{}/{}", ld["inst"], node_name(ln)), &ln); }); });
    each_device(d, [&](const Element& ld) {
      each_node(doc, ld, [&](const Element& ln) {
        doc.each(ln, "GSEControl", [&](const Element& cb) { publisher(name, d, ld, ln, cb, true), data_set(name, d, ld, ln, cb); });
        doc.each(ln, "SampledValueControl", [&](const Element& cb) { publisher(name, d, ld, ln, cb, false); });
        doc.each(ln, "ReportControl", [&](const Element& cb) {
          data_set(name, d, ld, ln, cb);
          doc.each(cb, "RptEnabled", [&](const Element& e) {
            doc.each(e, "ClientLN", [&](const Element& c) { client(name, doc, c, c["iedName"], c["lnClass"], domain(name, ld) + "/" + node_name(ln) + (cb["buffered"] == "true" ? "$BR$" : "$RP$") + std::string(cb["name"])); });
          });
        });
        controls(name, d, ld, ln);
      });
    });
    doc.each(*d.ied, "AccessPoint", [&](const Element& ap) {
      doc.each(ap, "Server", [&](const Element& s) {
        doc.each(s, "Association", [&](const Element& a) { client(name, doc, a, a["iedName"], a["lnClass"], {}); });
      });
    });
  }

  // The GSE or SMV element of a control block, where one of the files has a network.
  const Element* sent_as(std::string_view kind, std::string_view ld, std::string_view cb) const {
    const auto it = sent_.find(block_key(kind, ld, cb));
    return it == sent_.end() ? nullptr : it->second;
  }
  static std::string block_key(std::string_view kind, std::string_view ld, std::string_view cb) { return fmt::format("{}\n{}\n{}", kind, ld, cb); }

  // What stands where in a data set that is sent, where it holds the state of something that can be commanded: a feedback may name it.
  void data_set(const std::string& name, const Device& d, const Element& ld, const Element& ln, const Element& cb) {
    const XmlDocument& doc = d.file->document;
    const Element* set = d.declared && !cb["datSet"].empty() ? named(doc, ln, "DataSet", cb["datSet"]) : nullptr;
    if (!set || !told_sets_.insert(set).second) return;
    std::vector<std::string> members;
    bool state = false, whole = true;
    doc.each(*set, {}, [&](const Element& m) {
      if (m.name != "FCDA" && m.name != "FCCB") return;
      const auto at = domains_.find(m["ldInst"]);
      whole = whole && at != domains_.end() && !m["lnClass"].empty() && !m["doName"].empty() && !m["fc"].empty() && members.size() < 2048;
      if (!whole) return;
      const std::string node = m["lnClass"] == "LLN0" ? "LLN0" : fmt::format("{}{}{}", m["prefix"], m["lnClass"], m["lnInst"]);
      std::string path(m["doName"]);
      if (!m["daName"].empty()) path += "." + std::string(m["daName"]);
      std::replace(path.begin(), path.end(), '.', '$');
      members.push_back(fmt::format("{}/{}${}${}", at->second, node, m["fc"], path));
      if (state || m["fc"] != "ST") return;
      const auto of = nodes_.find(fmt::format("{}/{}", m["ldInst"], node));
      const Element* object = of == nodes_.end() ? nullptr : object_type(*d.file, *of->second, m["doName"]);
      state = m["doName"] == "Pos" || (object && named(doc, *object, "DA", "ctlModel"));
    });
    if (!state || !whole || members.empty()) return;         // what is missing of it was told where its types are read
    DeclaredTable t;
    t.text("host", name);
    t.text("name", fmt::format("{}/{}${}", domain(name, ld), node_name(ln), cb["datSet"]));
    std::string list;
    for (const std::string& s : members) list += (list.empty() ? "" : ", ") + toml_quoted(s);
    t.rows.emplace_back("members", "[" + list + "]");
    t.order = natural_order(fmt::format("{}/{}${}", domain(name, ld), node_name(ln), cb["datSet"]));
    declare("data_set", std::move(t));
  }

  void publisher(const std::string& name, const Device& d, const Element& ld, const Element& ln, const Element& cb, bool goose) {
    const XmlDocument& doc = d.file->document;
    const Place p = place_of(name, ld["inst"], node_name(ln));
    const std::string node = domain(name, ld) + "/" + node_name(ln);
    if (goose && cb["type"] == "GSSE") return remark(doc, cb, fmt::format("GSSE of {} is not declared: edition 1 gave it up and nobody hears it", node));
    if (cb["datSet"].empty()) return;                                         // a block that has nothing to send yet
    if (!goose && cb["multicast"] == "false") return remark(doc, cb, fmt::format("{} is sent to one subscriber only; such streams are not declared", cb["smvID"]));
    DeclaredTable t;
    t.text("kind", goose ? "goose" : "sv");
    const std::string reference = goose ? node + "$GO$" + std::string(cb["name"]) : std::string(cb["smvID"]);
    if (reference.empty()) return remark(doc, cb, "no smvID, so the stream has no name; declare it by hand");
    t.text("reference", reference);
    if (d.declared) t.text("host", name);
    const Element* address = sent_as(goose ? "GSE" : "SMV", ld["inst"], cb["name"]);
    std::string destination;
    if (!address) remark(doc, cb, fmt::format("{} is not in the Communication section; its APPID, VLAN and group address stay open", reference));
    else {
      const XmlDocument& net = d.network->document;
      if (const Element* e = parameter(net, *address, "MAC-Address")) {
        if (const auto m = parse_mac(e->text); m && m->group()) destination = text_of(*m);
        else remark(net, *e, fmt::format("\"{}\" of {} is no group address; left out", e->text, reference));
      } else if (const Element* routed = parameter(net, *address, "IP")) {
        if (const auto a = parse_address(routed->text); a && a->group()) destination = text_of(*a);
      }
      t.text("destination", destination);
      // All three are hexadecimal but the priority (61850-6, table of P types).
      const auto field = [&](std::string_view type, std::string_view key, int base, uint64_t most, int digits) {
        const Element* e = parameter(net, *address, type);
        if (!e) return;
        const auto n = number_in(e->text, base);
        if (!n || *n > most) return remark(net, *e, fmt::format("\"{}\" is no {} of {} ({}0 to {:X}); left out", e->text, type, reference, base == 16 ? "hexadecimal, " : "", most));
        if (digits) t.hexadecimal(key, *n, digits);
        else t.number(key, int64_t(*n));
      };
      field("APPID", "appid", 16, 0xffff, 4);
      field("VLAN-ID", "vlan", 16, 0xfff, 0);
      field("VLAN-PRIORITY", "priority", 10, 7, 0);
    }
    const auto [twin, fresh] = publishers_.emplace(joined("\n", goose ? "goose" : "sv", reference, goose ? "" : destination), &cb);
    if (!fresh) return remark(doc, cb, fmt::format("\"{}\" is published twice, first in line {}; only the first is declared", reference, twin->second->line));
    if (const auto rev = number_in(cb["confRev"], 10); rev && *rev <= 0xffffffff) t.number("conf_rev", int64_t(*rev));
    t.text("data_set", node + "$" + std::string(cb["datSet"]));
    const Element* set = named(doc, ln, "DataSet", cb["datSet"]);
    if (!set) remark(doc, cb, fmt::format("the data set \"{}\" of {} is not there; its members stay open", cb["datSet"], reference));
    else {
      const std::vector<std::string>& types = members(d, *set);
      if (goose && !types.empty() && types.size() <= 2048) {
        t.number("entries", int64_t(types.size()));
        if (std::any_of(types.begin(), types.end(), [](const std::string& s) { return s != "any"; })) {
          std::string list;
          for (const std::string& s : types) list += (list.empty() ? "" : ", ") + toml_quoted(s);
          t.rows.emplace_back("types", "[" + list + "]");
        }
      }
      if (!goose) {                                                           // a channel is a value with its quality
        const size_t channels = size_t(std::count_if(types.begin(), types.end(), [](const std::string& s) { return s != "quality" && s != "time"; }));
        if (channels && channels <= 2048) t.number("entries", int64_t(channels));
      }
    }
    if (goose) {
      t.text("go_id", cb["appID"]);
      const auto interval = [&](std::string_view element) -> int64_t {
        const Element* e = address ? d.network->document.first(*address, element) : nullptr;
        const auto ms = e ? real_in(e->text) : std::nullopt;
        return ms && *ms >= 1 && *ms <= 3.6e6 ? int64_t(*ms) : 0;
      };
      const int64_t least = interval("MinTime"), longest = interval("MaxTime");
      if (least && longest && least > longest) remark(d.network->document, *address, fmt::format("MinTime of {} is longer than MaxTime ({} and {} ms); both are left out", reference, least, longest));
      else {
        if (least) t.milliseconds("min_time", least);
        if (longest) t.milliseconds("max_time", longest);
      }
    } else {
      if (const auto rate = number_in(cb["smpRate"], 10); rate && *rate) {
        const double a_second = cb["smpMod"] == "SmpPerSec" ? double(*rate) : cb["smpMod"] == "SecPerSmp" ? 1 / double(*rate) : double(*rate) * options_.frequency;
        if (a_second >= 0.001 && a_second <= 1e6) t.real("rate", a_second);
        else remark(doc, cb, fmt::format("{} samples a second of {} cannot be; the rate stays open", a_second, reference));
      }
      if (const auto n = number_in(cb["nofASDU"], 10); n && *n >= 1 && *n <= 128) t.number("asdus", int64_t(*n));
    }
    if (cb["securityEnable"] == "Signature" || cb["securityEnable"] == "SignatureAndEncryption") t.flag("secured", true);
    t.text("name", cb["desc"].empty() ? joined(" ", p.bay, p.equipment) : std::string(cb["desc"]));
    t.text("bay", p.bay);
    t.order = natural_order((goose ? "g" : "s") + reference + " " + destination);
    declare("publisher", std::move(t));
  }

  // ---- who may ask whom

  struct Client { std::set<std::string> blocks; bool operates = false; };

  void client(const std::string& server, const XmlDocument& doc, const Element& at, std::string_view ied, std::string_view ln_class, const std::string& block) {
    if (ied.empty() || ied == server || ied == "None") return;
    const auto it = devices_.find(std::string(ied));
    if (it == devices_.end()) {
      if (missing_.insert(std::string(ied)).second) remark(doc, at, fmt::format("the client \"{}\" is in none of the files; declare it as a [[host]] and its [[conversation]]s by hand", ied));
      return;
    }
    if (!it->second.declared || !devices_.at(server).declared) return;        // said already: no address
    Client& c = clients_[{std::string(ied), server}];
    if (!block.empty()) c.blocks.insert(block);
    c.operates |= ln_class == "IHMI" || ln_class == "ITCI";                    // 61850-7-4: they exist to command
  }

  void clients() {
    for (const auto& [ends, c] : clients_) {
      const auto& [from, to] = ends;
      DeclaredTable t;
      t.order = natural_order(to + "\n" + from);
      t.text("client", from);
      t.text("server", to);
      t.text("protocol", "mms");
      const bool operates = (c.operates || roles_[from] == "hmi" || roles_[from] == "master") && devices_.at(to).commandable;
      t.texts("acts", operates ? std::vector<std::string>{"reading", "select", "operate", "cancel"} : std::vector<std::string>{"reading"});
      std::string blocks;
      size_t n = 0;
      for (const std::string& b : c.blocks)
        if (++n <= 4) blocks += (blocks.empty() ? "reports of " : ", ") + b;
      if (n > 4) blocks += fmt::format(" and {} more", n - 4);
      t.text("note", blocks);
      declare("conversation", std::move(t));
    }
  }

  // ---- what can be commanded

  // The value of an attribute of an object: the instance's, then the types'.
  std::string_view value(const File& f, const Element* doi, const Element* type, std::string_view path) const {
    const XmlDocument& d = f.document;
    if (doi) {
      const Element* at = doi;
      std::string_view left = path;
      while (at && !left.empty()) {
        const size_t dot = std::min(left.find('.'), left.size());
        const std::string_view part = left.substr(0, dot);
        left.remove_prefix(std::min(dot + 1, left.size()));
        at = named(d, *at, left.empty() ? "DAI" : "SDI", part);
      }
      if (at)
        if (const Element* v = d.first(*at, "Val"); v && !v->text.empty()) return v->text;
    }
    if (const Element* a = attribute_of(f, type, path))
      if (const Element* v = d.first(*a, "Val")) return v->text;
    return {};
  }

  void controls(const std::string& name, Device& d, const Element& ld, const Element& ln) {
    const XmlDocument& doc = d.file->document;
    const Element* type = node_type(*d.file, ln);
    if (!type) {
      if (ln["lnType"].empty() || untyped_.insert(joined("\n", doc.path(), ln["lnType"])).second)
        remark(doc, ln, fmt::format("the type \"{}\" of {} is not in DataTypeTemplates; its controls stay undeclared", ln["lnType"], node_name(ln)));
      return;
    }
    std::unordered_map<std::string_view, const Element*> instances;
    doc.each(ln, "DOI", [&](const Element& i) { instances.emplace(i["name"], &i); });
    doc.each(*type, "DO", [&](const Element& o) {
      if (full_) return;
      if (++looked_at_ > most_looked_at) return too_much(fmt::format("its logical nodes have more than {} objects", most_looked_at));
      const auto it = d.file->objects.find(o["type"]);
      if (it == d.file->objects.end()) return;
      const Element* object = it->second;
      const auto instance = instances.find(o["name"]);
      const Element* doi = instance == instances.end() ? nullptr : instance->second;
      const std::string_view model_text = value(*d.file, doi, object, "ctlModel");
      if (!named(doc, *object, "DA", "ctlModel")) return;
      // 61850-7-2, CtlModels: by name, or by its number.
      constexpr std::string_view models[] = {"status-only", "direct-with-normal-security", "sbo-with-normal-security", "direct-with-enhanced-security", "sbo-with-enhanced-security"};
      size_t model = 0;
      while (model < 5 && models[model] != model_text) model++;
      if (model == 5)
        if (const auto n = number_in(model_text, 10); n && *n < 5) model = size_t(*n);
      const std::string node = node_name(ln), reference = domain(name, ld) + "/" + node;
      if (model == 0) return;
      if (model == 5 && !model_text.empty()) remark(doc, doi ? *doi : o, fmt::format("\"{}\" of {}.{} is no control model; its mode stays open", model_text, reference, o["name"]));
      if (model == 5 && !named(doc, *object, "DA", "Oper")) return;          // nothing to operate with
      d.commandable = true;
      if (!d.declared) return;
      const auto [first, fresh] = controls_.emplace(fmt::format("{}$CO${}", reference, o["name"]), &ln);
      if (!fresh) return remark(doc, ln, fmt::format("{} of {} is declared twice, first in line {}; the first is taken", first->first, name, first->second->line));
      const Place p = place_of(name, ld["inst"], node);
      const std::string_view cdc = (*object)["cdc"], ln_class = ln["lnClass"];
      DeclaredTable t;
      t.text("host", name);
      t.text("object", fmt::format("{}$CO${}", reference, o["name"]));
      t.text("name", joined(" ", !p.equipment.empty() ? p.equipment : !ln["desc"].empty() ? std::string(ln["desc"]) : node,
                            doi && !(*doi)["desc"].empty() ? (*doi)["desc"] : !o["desc"].empty() && o["desc"] != o["name"] ? o["desc"] : o["name"]));
      t.text("bay", p.bay);
      t.text("voltage", p.voltage);
      const std::string_view object_name = o["name"];
      const bool switches = ln_class == "XCBR" || ln_class == "XSWI" || ln_class == "CSWI";
      t.text("kind", object_name.ends_with("Rs") || object_name.find("Reset") != std::string_view::npos ? "reset"
                     : cdc == "BSC" || cdc == "ISC" || object_name.starts_with("TapOp") || object_name == "TapChg" ? "tap"
                     : cdc == "APC" || cdc == "BAC" ? "set_point"
                     : cdc == "DPC" || (switches && cdc == "SPC" && object_name == "Pos") ? "switchgear" : "other");
      if (model < 5) t.text("mode", model == 2 || model == 4 ? "select" : "direct");
      if (model == 3 || model == 4) t.flag("enhanced", true);
      const auto limit = [&](std::string_view attribute, std::string_view key) {
        std::optional<double> v;
        for (const std::string_view end : {".f", ".i", ""})
          if (!v) v = real_in(value(*d.file, doi, object, fmt::format("{}{}", attribute, end)));
        if (v && std::fabs(*v) > 1e30) v.reset();               // the largest there is, where nobody set a limit
        if (v) t.real(key, *v);
        return v;
      };
      if (cdc == "APC" || cdc == "INC" || cdc == "ISC" || cdc == "BSC") {
        const auto low = limit("minVal", "min"), high = limit("maxVal", "max");
        if (low && high && *low > *high) {
          remark(doc, doi ? *doi : o, fmt::format("minVal of {}.{} is greater than maxVal; both are left out", reference, o["name"]));
          t.rows.resize(t.rows.size() - 2);
        }
      }
      const std::string_view status = cdc == "APC" ? "mxVal" : cdc == "BSC" || cdc == "ISC" ? "valWTr" : "stVal";
      if (named(doc, *object, "DA", status)) t.text("feedback", fmt::format("{}${}${}", reference, cdc == "APC" ? "MX" : "ST", o["name"]));
      if (const auto ms = real_in(value(*d.file, doi, object, "operTimeout")); ms && *ms >= 1 && *ms <= 600'000) t.milliseconds("travel_time", int64_t(*ms));
      t.order = natural_order(reference + "$" + std::string(o["name"]));
      declare("mms_point", std::move(t));
    });
  }

  const SclOptions& options_;
  SclImport& out_;
  Problems& problems_;
  std::vector<std::unique_ptr<File>> files_;
  std::map<std::string, Device> devices_;
  std::unordered_map<std::string, const Element*> nodes_;       // of the device that is read: "LD0/CSWI1"
  std::unordered_map<std::string, Place> places_;               // by IED and logical node
  std::unordered_map<std::string, std::set<Place>> standing_;   // of a device
  std::map<std::string, std::string> owners_;                   // of addresses
  std::map<std::string, std::string> roles_;
  std::map<std::pair<std::string, std::string>, Client> clients_;
  std::map<std::string, const Element*> publishers_;
  std::unordered_map<std::string, const Element*> sent_, controls_;   // of the device that is read: GSE and SMV; controls, by their node
  std::unordered_map<const Element*, std::vector<std::string>> sets_;
  std::unordered_map<std::string_view, std::string> domains_;   // of the device that is read: by instance
  std::set<const Element*> told_sets_;
  mutable std::unordered_map<const Element*, std::unordered_map<std::string, const Element*>> wide_;
  mutable std::unordered_map<std::string, Place> common_;
  size_t tables_ = 0, written_ = 0, looked_at_ = 0;
  bool full_ = false;
  std::set<std::string> missing_, untyped_;
};

}  // namespace

SclImport import_scl(const std::vector<std::string>& paths, const SclOptions& options, Problems& problems) {
  SclImport out;
  Scl scl(options, out, problems);
  for (const std::string& path : paths) scl.open(path, problems);
  if (!problems.empty()) return {};
  scl.read();
  if (!problems.empty()) return {};
  out.declared.heading.push_back("Declared by IEC 61850 engineering files, and made by `vidra import scd`. Import again and compare rather than edit;");
  out.declared.heading.push_back("what people declare stands better in a file of its own.");
  out.declared.review = true;
  return out;
}

}  // namespace vidra
