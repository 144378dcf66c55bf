// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/same_quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "daemon/judge/iec104_types.h"
#include "daemon/site/point_list.h"
#include "dissectors/protocol.h"

namespace vidra {
namespace {

enum class Sort : uint8_t { none, frequency, voltage, current, active, reactive, apparent };
struct UnitWord { std::string_view word; Sort sort; double factor; };
// Folded: a substation has no milliwatts and no megahertz.
constexpr UnitWord units[] = {
    {"hz", Sort::frequency, 1},      {"mhz", Sort::frequency, 1e-3}, {"v", Sort::voltage, 1},      {"kv", Sort::voltage, 1e3},     {"a", Sort::current, 1},        {"ma", Sort::current, 1e-3},
    {"ka", Sort::current, 1e3},      {"w", Sort::active, 1},         {"kw", Sort::active, 1e3},    {"mw", Sort::active, 1e6},      {"gw", Sort::active, 1e9},      {"var", Sort::reactive, 1},
    {"kvar", Sort::reactive, 1e3},   {"mvar", Sort::reactive, 1e6},  {"gvar", Sort::reactive, 1e9}, {"va", Sort::apparent, 1},      {"kva", Sort::apparent, 1e3},   {"mva", Sort::apparent, 1e6},
};
const UnitWord* unit_of(std::string_view text) {
  std::string word;
  for (const char c : folded(text))
    if (c != ' ') word += c;
  for (const UnitWord& u : units)
    if (u.word == word) return &u;
  return nullptr;
}

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : folded(text)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || uint8_t(c) >= 0x80;
    if (letter) out.back() += c;
    else if (!out.back().empty()) out.emplace_back();
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

// Derived values are not what another device measures under the same unit.
constexpr std::string_view derived[] = {
    "max", "min", "maximum", "minimum", "maks", "maksimum", "maksimalna", "minimalna", "average", "avg", "mean", "srednja", "srednji", "prosjek", "prosek", "prosjecna", "prosecna", "demand", "vrsna", "vrsno", "peak",
    "limit", "granica", "granicna", "set", "setpoint", "zadana", "zadata", "nominal", "nazivni", "nazivna", "nominalna", "thd", "harmonic", "harmonik", "harmonika", "neutral", "nulti", "nulta", "zero", "i0", "u0", "3i0", "3u0",
    "in", "un", "diff", "differential", "diferencijalna", "fault", "kvara", "negative", "inverzna", "sequence", "rocof", "df", "mittelwert", "grenzwert",
};

// The phases that a name says, "" where it says none: l1 and r and a are one, l12 and rs and ab. Digits are phases behind an l, or
// where a letter of voltage or current stands before them: t2 is a transformer, s1 a section of a busbar.
void phases_of(std::string_view word, std::set<char>& to) {
  const bool measured = word.size() >= 2 && (word[0] == 'i' || word[0] == 'u' || word[0] == 'v') && word != "is" && word != "it" && word != "us" && word != "vs";
  if (measured) word.remove_prefix(1);
  const bool lines = word.size() >= 2 && word[0] == 'l';
  if (word.empty() || word.size() > 4) return;
  const std::string_view alphabets[] = {"123", "rst", "abc"};
  std::set<char> found;
  for (const char c : word) {
    if (lines && c == 'l') continue;
    bool known = false;
    for (size_t i = lines || measured ? 0 : 1; i < (lines ? 1 : std::size(alphabets)); i++) {
      const size_t at = alphabets[i].find(c);
      // All of one alphabet.
      if (at != std::string_view::npos && (lines || alphabets[i].find(word[0]) != std::string_view::npos)) found.insert(char('1' + at)), known = true;
    }
    if (!known) return;
  }
  if (found.size() <= 2) to.insert(found.begin(), found.end());
}

bool has_digit(std::string_view s) { return s.find_first_of("0123456789") != std::string_view::npos; }

// What makes two points of one bay the same quantity as far as words go; "" where they say too little, or something derived.
std::string likeness(const Measured& m, const UnitWord& unit) {
  std::set<char> phases;
  std::set<std::string> marks;                       // "t2", "hv": what tells two of one bay apart
  for (const std::string& w : words_in(m.name)) {
    if (std::find(std::begin(derived), std::end(derived), w) != std::end(derived)) return {};
    const size_t before = phases.size();
    if (unit.sort == Sort::voltage || unit.sort == Sort::current) phases_of(w, phases);
    if (phases.size() != before) continue;
    if (has_digit(w) || w == "hv" || w == "lv" || w == "vn" || w == "nn" || w == "sn" || w == "primar" || w == "sekundar" || w == "tercijar") marks.insert(w);
  }
  std::string key = fmt::format("{}|", unsigned(unit.sort));
  key.append(phases.begin(), phases.end());
  const std::vector<std::string> bay = words_in(m.bay);
  for (const std::string& w : marks)
    if (std::find(bay.begin(), bay.end(), w) == bay.end()) key += "|" + w;
  return key;
}

// "110 kV", "110", "0,4 kV" in volts; 0 where there is no number.
double volts_of(std::string_view text) {
  const size_t from = text.find_first_of("0123456789");
  if (from == std::string_view::npos) return 0;
  std::string digits;
  size_t i = from;
  for (; i < text.size() && ((text[i] >= '0' && text[i] <= '9') || text[i] == '.' || text[i] == ','); i++) digits += text[i] == ',' ? '.' : text[i];
  double v = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (bad != std::errc()) return 0;
  const UnitWord* unit = unit_of(text.substr(i));
  return v * (unit && unit->sort == Sort::voltage ? unit->factor : 1e3);
}

double rounded(double v) {                           // two digits are enough for a tolerance
  if (v <= 0) return v;
  const double grain = std::pow(10, std::floor(std::log10(v)) - 1);
  return std::stod(fmt::format("{:.6g}", std::round(v / grain) * grain));
}

std::string member_text(const Measured& m) {
  return fmt::format("{} ({}{}, {})", m.host, m.protocol, m.station ? fmt::format(" {}", *m.station) : "", m.object);
}

class Quantifier {
 public:
  Quantifier(Quantify how, const Site& beside, QuantityImport& out) : how_(how), beside_(beside), out_(out) {
    for (const SiteQuantity& q : beside.quantities)
      for (const QuantityMember& m : q.members) taken_.insert({beside.host(m.host).name, m.protocol, m.object, m.station});
  }

  void operator()(std::vector<Measured> all) {
    for (size_t i = 0, n = all.size(); i < n; i++)
      if (!all[i].reference.empty() && all[i].same != "-") by_reference(all[i]);
    std::erase_if(all, [&](const Measured& m) { return m.same == "-" || taken(m); });
    std::map<std::string, std::vector<const Measured*>> groups;
    for (const Measured& m : all)
      if (!m.same.empty()) groups[folded(m.bay) + "\n" + folded(m.same)].push_back(&m);
    for (const auto& [key, group] : groups) {
      if (group.size() > 1) told(group);
      else remark(*group[0], fmt::format("no other row of its bay says \"{}\": one alone is held against nothing", group[0]->same));
    }
    if (how_ != Quantify::guess) return;
    groups.clear();
    for (const Measured& m : all)
      if (const UnitWord* unit = unit_of(m.unit); unit && m.same.empty() && m.scale && !m.bay.empty() && !m.position)
        if (const std::string key = likeness(m, *unit); !key.empty()) groups[folded(m.bay) + "\n" + key].push_back(&m);
    for (const auto& [key, group] : groups) {
      std::set<std::string_view> hosts;
      for (const Measured* m : group) hosts.insert(m->host);
      if (hosts.size() < 2 || hosts.size() != group.size() || std::none_of(group.begin(), group.end(), [](const Measured* m) { return m->own; })) continue;   // several of one host: which, nobody can tell
      write(group, true);
    }
  }

 private:
  struct Taken {
    std::string host;
    uint16_t protocol;
    uint64_t object;
    std::optional<uint64_t> station;                 // nothing, which comes first: any
    auto operator<=>(const Taken&) const = default;
  };
  static uint64_t key_of(const Measured& m) {
    const auto range = parse_object_range(m.object);
    return range ? range->first.key() : Object::of_text(text_key(m.object)).key();
  }
  static Taken place_of(const Measured& m) { return {m.host, uint16_t(std::max(0, protocol_index(m.protocol))), key_of(m), m.station}; }
  bool taken(const Measured& m) const {
    const Taken own = place_of(m);
    Taken any = own;
    any.station.reset();
    if (m.station) return taken_.contains(own) || taken_.contains(any);
    const auto at = taken_.lower_bound(any);
    return at != taken_.end() && std::tie(at->host, at->protocol, at->object) == std::tie(own.host, own.protocol, own.object);
  }

  void remark(const Measured& m, const std::string& what) { out_.remarks.push_back(fmt::format("{}: {}", m.place, what)); }

  // A gateway's list says which object of a device it passes on: two ways of one quantity.
  void by_reference(const Measured& m) {
    const UnitWord* unit = unit_of(m.unit);
    const auto name = mms_name_of(m.reference, m.position ? "ST" : "MX");
    if (!name) return remark(m, fmt::format("\"{}\" is no reference of IEC 61850 to a value; write it like IED1LD0/MMXU1.TotW.mag.f", m.reference));
    const std::string_view domain = std::string_view(*name).substr(0, name->find('/'));
    const SiteHost* const device = device_of(domain, beside_);
    if (!device) {
      if (no_device_++ < 3)
        remark(m, fmt::format("\"{}\" is of no declared device, so it is held against nothing; name the site's other files with --site, the import of the SCD first", m.reference));
      return;
    }
    if (device->name == m.host) return;
    Measured other = m;
    other.host = device->name, other.protocol = "mms", other.station.reset(), other.object = *name, other.reference.clear(), other.min.reset(), other.max.reset();
    if (taken(m) || taken(other)) return;
    if (!m.position) {
      if (!m.scale) return remark(m, fmt::format("is not held against \"{}\": what its number is multiplied with to be in {} is not known; a column \"scale\" says it", m.reference, m.unit.empty() ? "its unit" : m.unit));
      other.scale = m.reference_scale ? m.reference_scale : unit && unit->sort == Sort::frequency ? std::optional<double>(1 / unit->factor) : std::nullopt;
      if (!other.scale)
        return remark(m, fmt::format("is not held against \"{}\": what the device's number is multiplied with to be in {} is not known; a column \"scale\" says it", m.reference, m.unit.empty() ? "its unit" : m.unit));
    }
    write({&m, &other}, false);
  }

  void told(const std::vector<const Measured*>& group) {
    if (group.size() > SiteQuantity::most_members) return remark(*group[0], fmt::format("\"{}\" is said of {} rows; a quantity has {} members at most", group[0]->same, group.size(), SiteQuantity::most_members));
    const UnitWord* first = unit_of(group[0]->unit);
    for (const Measured* m : group) {
      const UnitWord* unit = unit_of(m->unit);
      if (m->position != group[0]->position) return remark(*m, fmt::format("\"{}\" is a position in one row and a value in another", m->same));
      if (!m->position && (first ? !unit || unit->sort != first->sort : folded(m->unit) != folded(group[0]->unit)))
        return remark(*m, fmt::format("\"{}\" is said in \"{}\" and in \"{}\": not one quantity", m->same, group[0]->unit, m->unit));
    }
    write(group, false);
  }

  void write(std::vector<const Measured*> group, bool guessed) {
    const Measured& first = *group[0];
    const UnitWord* unit = unit_of(first.unit);
    const auto factor = [&](const Measured& m) {
      const UnitWord* own = unit_of(m.unit);
      return own && unit ? own->factor / unit->factor : 1;
    };
    DeclaredTable t;
    std::string name = first.same.empty() ? first.name : first.same;
    if (const size_t bracket = name.rfind(" ["); first.same.empty() && bracket != name.npos && name.ends_with(']')) name.resize(bracket);
    if (name.empty()) name = first.object;
    if (!first.bay.empty() && folded(name).find(folded(first.bay)) == name.npos) name += ", " + first.bay;
    t.text("name", name);
    double tolerance = 0;
    if (first.position) t.text("kind", "position");
    else {
      t.text("unit", first.unit);
      if (unit && unit->sort == Sort::frequency) tolerance = 0.2 / unit->factor;
      else {
        double range = 0;
        for (const Measured* m : group)
          for (const auto& limit : {m->min, m->max})
            if (limit) range = std::max(range, std::fabs(*limit) * factor(*m));
        if (!range && unit && unit->sort == Sort::voltage)
          for (const Measured* m : group) range = std::max(range, volts_of(m->voltage) / unit->factor);
        if (!range) {
          if (unranged_++ < 3)
            remark(first, fmt::format("{} and {} look like one quantity, but nothing says its range: give min and max, or write the [[quantity]] by hand", member_text(first), member_text(*group[1])));
          return;
        }
        tolerance = rounded(range * 0.05);
        t.real("percent", 5);
      }
      t.real("tolerance", tolerance);
      t.text("settle", "2min");
    }
    std::string who, where;
    for (const Measured* m : group) {
      DeclaredTable member;
      member.text("host", m->host);
      member.text("protocol", m->protocol);
      if (m->station) member.number("station", int64_t(*m->station));
      member.text("object", m->object);
      const double scale = first.position ? 1 : m->scale.value_or(1) * factor(*m);
      if (scale != 1) member.real("scale", std::stod(fmt::format("{:.9g}", scale)));
      t.members.push_back(std::move(member));
      taken_.insert(place_of(*m));
      who += fmt::format("{}{}{}", who.empty() ? "" : " = ", member_text(*m), scale == 1 ? "" : fmt::format(" × {:.9g}", scale));
      if (where.find(m->place) == where.npos) where += (where.empty() ? "" : " and ") + m->place;
    }
    t.comment = guessed ? fmt::format("Guessed by unit, words and bay, of {}. Not one quantity? Say \"-\" in a column \"quantity\" of that row.", where) : fmt::format("Told by {}.", where);
    t.order = natural_order(first.bay + "\n" + name);
    out_.shown.push_back(fmt::format("  {}  {}: {}{}", guessed ? "guessed" : "told   ", name, who, first.position ? "" : fmt::format(", at most {:g} {} apart", tolerance, first.unit)));
    out_.tables.push_back(std::move(t));
  }

  Quantify how_;
  const Site& beside_;
  QuantityImport& out_;
  std::set<Taken> taken_;
  size_t no_device_ = 0, unranged_ = 0;
};

}  // namespace

std::optional<std::string> mms_name_of(std::string_view s, std::string_view constraint) {
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  std::string of(constraint);
  if (s.size() > 4 && s.back() == ']' && s[s.size() - 4] == '[') {
    of = s.substr(s.size() - 3, 2);
    s.remove_suffix(4);
    while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  }
  const size_t slash = s.find('/');
  if (slash == s.npos || slash == 0 || slash + 1 == s.size() || s.find(' ') != s.npos || s.size() > 129) return std::nullopt;
  const char between = s.find('$', slash) != s.npos ? '$' : '.';
  std::vector<std::string_view> parts;
  for (size_t from = slash + 1; from <= s.size();) {
    const size_t to = std::min(s.find(between, from), s.size());
    parts.push_back(s.substr(from, to - from));
    if (parts.back().empty()) return std::nullopt;
    from = to + 1;
  }
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (parts.size() >= 2 && parts[1].size() == 2 && upper(parts[1][0]) && upper(parts[1][1])) of = parts[1], parts.erase(parts.begin() + 1);
  constexpr std::string_view leaves[] = {"mag", "instMag", "cVal", "instCVal", "f", "i", "stVal"};
  while (parts.size() > 2 && std::find(std::begin(leaves), std::end(leaves), parts.back()) != std::end(leaves)) parts.pop_back();
  if (parts.size() < 2 || parts.back() == "q" || parts.back() == "t" || std::find(parts.begin(), parts.end(), "ang") != parts.end()) return std::nullopt;
  std::string out = fmt::format("{}/{}${}", s.substr(0, slash), parts[0], of);
  for (size_t i = 1; i < parts.size(); i++) out += fmt::format("${}", parts[i]);
  return out;
}

QuantityImport quantities_of(std::vector<Measured> all, Quantify how, const Site& beside) {
  QuantityImport out;
  if (how != Quantify::none) Quantifier(how, beside, out)(std::move(all));
  return out;
}

const SiteHost* device_of(std::string_view domain, const Site& site) {
  for (const SitePublisher& p : site.publishers)
    if (p.host && p.reference.size() > domain.size() && p.reference[domain.size()] == '/' && p.reference.starts_with(domain)) return &site.host(p.host);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const SiteHost* device = nullptr;
  for (const SiteHost& h : site.hosts) {
    if (h.name.empty() || !domain.starts_with(h.name) || (domain.size() > h.name.size() && digit(domain[h.name.size()]) && digit(h.name.back()))) continue;
    if (!device || h.name.size() > device->name.size()) device = &h;
  }
  return device;
}

std::vector<Measured> measured_of(const Site& site) {
  std::vector<Measured> all;
  for (const SitePoint& p : site.points) {
    if (p.direction == Direction::control || p.objects.first != p.objects.last || p.protocol >= protocols.size() || !p.host) continue;
    const bool real = says_engineering_unit(p.type);
    if (p.kind != PointKind::measurement || p.objects.first.kind() == ObjectKind::named) continue;   // of a name only its key is known here
    Measured m;
    m.host = site.host(p.host).name, m.protocol = protocols[p.protocol]->name;
    m.station = p.station;
    m.object = fmt::format("{} {}", name_of(p.objects.first.kind()), p.objects.first.number());
    m.name = p.name, m.bay = p.bay, m.voltage = p.voltage, m.min = p.min, m.max = p.max;
    if (p.scale) m.scale = p.scale;
    else if (real) m.scale = 1;
    if (const size_t bracket = m.name.rfind('['); bracket != std::string::npos && m.name.ends_with(']')) m.unit = m.name.substr(bracket + 1, m.name.size() - bracket - 2), m.name.resize(bracket);
    m.place = p.place.file < site.files.size() ? fmt::format("{}:{}", site.files[p.place.file], p.place.line) : "the site";
    all.push_back(std::move(m));
  }
  return all;
}

}  // namespace vidra
