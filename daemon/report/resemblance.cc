// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/resemblance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/base/text.h"

namespace vidra {
namespace {

std::string_view next_of(std::string_view& list) {
  const size_t comma = list.find(',');
  std::string_view word = list.substr(0, comma);
  list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
  while (word.starts_with(' ')) word.remove_prefix(1);
  return word;
}

// A word stands alone: OB1 is not in OB100.
bool says_word(std::string_view text, std::string_view word) {
  const auto part = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1))
    if ((at == 0 || !part(text[at - 1]) || !part(word.front())) && (at + word.size() == text.size() || !part(text[at + word.size()]))) return true;
  return false;
}

bool object_fits(std::string_view wanted, std::string_view object) {
  if (wanted.empty()) return true;
  const bool none = wanted.starts_with('!');
  if (none) wanted.remove_prefix(1);
  while (!wanted.empty())
    if (says_word(object, next_of(wanted))) return !none;
  return none;
}

constexpr std::string_view stranger_104 = "I104-01, I104-02, NET-01, NET-02, NET-03, NET-12";

constexpr AttackStep industroyer_104[] = {
    {"objects of a station tried one by one", "I104-04", true},
    {"breakers operated faster than people do", "I104-05, I104-06", true},
    {"by a host that is no known master", stranger_104},
    {"after a search for control protocols", "NET-06, NET-07"},
    {"stations interrogated or read", "I104-27"},
};
constexpr AttackStep industroyer_61850[] = {
    {"the data models of devices listed", "MMS-24", true},
    {"switches operated by a client that may not", "MMS-02, MMS-07, MMS-03", true},
    {"by a new MMS client", "MMS-01"},
    {"after a search for control protocols", "NET-06, NET-07"},
};
constexpr AttackStep industroyer2[] = {
    {"a host that is no known master opened the link, or commanded", stranger_104, true},
    {"breakers operated faster than people do", "I104-05", true},
    {"objects switched to and fro", "I104-06"},
    {"commands that stations refuse", "I104-10, I104-03"},
    {"executed without the select that belongs to it", "I104-07"},
};
constexpr AttackStep frostygoop[] = {
    {"a client that the plant does not know", "MOD-01, MOD-25, NET-01, NET-02, NET-03, NET-12", true},
    {"holding registers written", "MOD-02, MOD-03, MOD-04", true, "register, registers"},
    {"registers read one after the other", "MOD-12"},
    {"from outside the site", "MOD-25, NET-12"},
};
constexpr AttackStep pipedream[] = {
    {"what it was made for: CODESYS, Schneider's UMAS or Omron's FINS", "CDS-01, CDS-02, CDS-05, MOD-22, FIN-01, FIN-02, CDS-03, CDS-04, FIN-03, FIN-04", true},
    {"CODESYS runtimes found, logged on to or changed", "CDS-01, CDS-02, CDS-03, CDS-04, CDS-05"},
    {"Schneider controllers programmed, or their functions tried", "MOD-22, MOD-11"},
    {"Omron controllers asked, switched or loaded (FINS)", "FIN-01, FIN-02, FIN-03, FIN-04"},
    {"OPC UA servers browsed, logons guessed, values written", "OPC-02, OPC-03, OPC-04, OPC-05"},
    {"web pages or terminals of devices misused", "ENG-01, ENG-03"},
    {"a search for control protocols", "NET-07"},
};
constexpr AttackStep triton[] = {
    {"a safety controller was spoken to", "TRI-01"},
    {"its program or its state was changed", "TRI-02", true},
    {"it was asked for its status with a body, the way to an implant", "TRI-03"},
    {"its key switch stood in PROGRAM", "TRI-04"},
};
constexpr AttackStep havex[] = {
    {"ports 11234 and 12401 tried, that few others look for", "NET-06, NET-07", true, "11234, 12401"},
    {"ports 102, 502 and 44818 tried", "NET-06, NET-07", false, "44818"},
    {"a conversation that was never there (DCOM lists OPC servers so)", "NET-02, NET-03"},
    {"contact with the Internet", "NET-12"},
};
constexpr AttackStep stuxnet[] = {
    {"the controller's cyclic program loaded: OB1 or OB35", "S7-03, S7-05", true, "OB1, OB35"},
    {"DB890 loaded", "S7-03, S7-05", false, "DB890"},
    {"blocks read or controller asked what it is", "S7-04, S7-08"},
    {"further blocks loaded", "S7-03", false, "!OB1, OB35, DB890"},
    {"a database entered by its default password", "ITO-04"},
};
constexpr AttackStep fuxnet[] = {
    {"gateways entered by SSH or terminal", "ENG-04, ENG-01, ITO-05", true},
    {"a field bus flooded with frames", "MOD-20, MOD-18", true},
    {"gateways or serial servers set or reset", "ENG-05, ENG-03"},
    {"firmware moved", "ENG-07"},
};
constexpr AttackStep poland[] = {
    {"devices entered with a vendor's password", "ENG-01, ENG-02, ENG-03", true, "password"},
    {"files of devices deleted or replaced", "ENG-02, MMS-20, ITO-03", true, "!password"},
    {"their terminals or web pages used", "ENG-01, ENG-03, ENG-04", false, "!password"},
    {"firmware loaded", "ENG-07, CIP-10, DLM-03, MMS-21"},
    {"serial servers set or reset", "ENG-05"},
    {"files of workstations deleted in bulk", "ITO-03"},
    {"hosts taken over by Windows' own means", "ITO-01, ITO-02"},
    {"over the Internet's edge", "NET-12"},
};
constexpr AttackStep ukraine_2015[] = {
    {"a host that the site knows operated breakers faster than people do", "I104-05, MMS-07, DNP-06", true},
    {"it opened remote desktops, or was reached by a remote access tool", "ITO-01, ITO-07"},
    {"serial servers set or reset, firmware moved", "ENG-05, ENG-07"},
};

constexpr Behaviour rows[] = {
    {"Industroyer2 (2022)", "A program that knew its targets' objects connected as an IEC 104 master, sent STARTDT and switched dozens of objects off within seconds.", industroyer2, 2, 5 * minute, 0.6, "I104-04"},
    {"Industroyer (2016), its IEC 104 part", "It tried the information objects of stations for those that answer, then looped commands over them.", industroyer_104, 2, 15 * minute, 0.6},
    {"Industroyer (2016), its IEC 61850 part", "It listed the models of the devices on the network, looked for switch controllers in them and operated those.", industroyer_61850, 2, 15 * minute, 0.5},
    {"FrostyGoop (2024)", "A program with a list of targets read and wrote holding registers of heating controllers over Modbus, from outside the plant.", frostygoop, 2, hour, 0.5, "MOD-22"},
    {"PIPEDREAM (2022)", "A tool box that finds and attacks controllers of several makers: CODESYS, Schneider (Modbus, UMAS), Omron (FINS, web), and OPC UA servers.", pipedream, 3, 2 * hour, 0.5},
    {"TRITON (2017)", "It loaded a program into a safety controller over TriStation and reached it later by status requests.", triton, 2, day, 0.6},
    {"Havex (2014)", "It listed OPC servers over DCOM and tried the ports 102, 502, 11234, 12401 and 44818 of all it could reach.", havex, 3, hour, 0.5},
    {"Stuxnet (2010)", "It loaded changed blocks into S7 controllers: OB1, OB35, DB890.", stuxnet, 2, hour, 0.5},
    {"Fuxnet (2024)", "Hundreds of sensor gateways were entered, wiped, and made to flood the meters' buses with frames.", fuxnet, 2, 2 * hour, 0.4},
    {"Poland, December 2025", "Devices of wind and solar sites were entered with vendors' passwords, firmware was spoilt, files were deleted, serial servers reset: no control protocol was needed.", poland, 2, 2 * hour, 0.5},
    {"Ukraine, December 2015", "Operators' own screens were taken over, and the breakers were opened by the host that is allowed to.", ukraine_2015, 2, 2 * hour, 0.5, "NET-01, I104-01, I104-02, MMS-01, MMS-02",
     Behaviour::Source::named},
};

// How sure its steps make it, in the order of the table; then they are put in time. False: too few, or one that is needed is not there.
bool sure(Resemblance& r, const Behaviour& b) {
  // One finding is one step, though several tell of it.
  unsigned steps = 0;
  std::vector<std::string_view> counted;
  for (const AttackStep& step : b.steps) {
    const auto taken = std::find_if(r.observed.begin(), r.observed.end(), [&step](const Resemblance::Step& s) { return s.says == step.says; });
    if (taken == r.observed.end()) {
      if (step.needed) return false;
      continue;
    }
    if (std::find(counted.begin(), counted.end(), taken->detection) == counted.end() || !step.object.empty()) steps++;
    counted.push_back(taken->detection);
  }
  if (steps < b.least) return false;
  r.confidence = std::min(0.8, std::round(100 * (b.confidence + 0.1 * (steps - b.least))) / 100);
  std::stable_sort(r.observed.begin(), r.observed.end(), [](const Resemblance::Step& x, const Resemblance::Step& y) { return x.at < y.at; });
  return true;
}

}  // namespace

constinit const std::span<const Behaviour> behaviours = rows;

std::vector<std::string> texts_of(const Resemblance& r) {
  std::vector<std::string> all;
  for (const Resemblance::Step& s : r.observed) all.push_back(fmt::format("{} {}, {}", iso_time(s.at, 0).substr(11, 8), s.detection, s.says));
  return all;
}

std::optional<Resemblance> without(const Resemblance& whole, const std::function<bool(std::string_view)>& untold) {
  Resemblance rest = whole;
  std::erase_if(rest.observed, [&](const Resemblance::Step& s) { return untold(s.detection); });
  const auto behaviour = std::find_if(behaviours.begin(), behaviours.end(), [&](const Behaviour& b) { return b.name == whole.name; });
  if (behaviour == behaviours.end() || !sure(rest, *behaviour)) return {};
  return rest;
}

std::string_view confidence_word(double c) { return c < 0.45 ? "low" : c < 0.75 ? "moderate" : "high"; }

Resemblances::Resemblances() {
  uint16_t at = 0;
  for (size_t i = 0; i < behaviours.size(); i++) {
    first_step_.push_back(at);
    for (const AttackStep& s : behaviours[i].steps) {
      uint16_t place = 0;
      for (std::string_view list = s.detections; !list.empty();) told_by_.push_back({next_of(list), at, uint16_t(i), place++});
      at++;
    }
    // What contradicts has a place of its own behind the steps.
    for (std::string_view list = behaviours[i].unless; !list.empty();) told_by_.push_back({next_of(list), at, uint16_t(i), 0});
    at++;
  }
  std::sort(told_by_.begin(), told_by_.end(), [](const Told& a, const Told& b) { return a.detection < b.detection; });
  static_assert([] {
    size_t n = 0;
    for (const Behaviour& b : rows) n += b.steps.size() + 1;
    return n;
  }() <= most_steps);
}

bool Resemblances::see(const Finding& f) {
  if (f.in_window || f.source.address.kind == Address::Kind::none) return false;   // works are no attack
  const auto first = std::lower_bound(told_by_.begin(), told_by_.end(), f.detection->id, [](const Told& t, std::string_view id) { return t.detection < id; });
  if (first == told_by_.end() || first->detection != f.detection->id) return false;
  Source* who = nullptr;
  for (Source& s : sources_)
    if (s.address == f.source.address) who = &s;
  if (!who) {
    if (sources_.size() < most_sources) who = &sources_.emplace_back();
    else who = &*std::min_element(sources_.begin(), sources_.end(), [](const Source& a, const Source& b) { return a.last < b.last; });
    *who = {};
    who->address = f.source.address;
  }
  std::erase_if(who->likes, [&f](const Like& l) { return f.scene.time - l.last > behaviours[l.behaviour].window; });
  who->last = f.scene.time;
  who->named = !f.source.name.empty();
  uint64_t touched = 0;
  for (auto t = first; t != told_by_.end() && t->detection == f.detection->id; ++t) {
    const Behaviour& b = behaviours[t->behaviour];
    const size_t step = size_t(t->step - first_step_[t->behaviour]);
    if (step < b.steps.size() && !object_fits(b.steps[step].object, f.object)) continue;
    Seen& seen = who->seen[t->step];
    if (f.scene.time - seen.last > b.window) seen = {};
    // What is listed first says most of the step.
    if (!seen.detection || t->place < seen.place) seen.first = f.scene.time, seen.detection = f.detection, seen.place = t->place;
    seen.listed |= 1u << t->place;
    seen.last = std::max(seen.last, f.scene.time);
    touched |= uint64_t{1} << t->behaviour;
  }
  bool changed = false;
  for (size_t i = 0; i < behaviours.size(); i++)
    if (touched >> i & 1) changed |= weigh(*who, i);
  return changed;
}

bool Resemblances::weigh(Source& who, size_t behaviour) {
  const Behaviour& b = behaviours[behaviour];
  if (b.source != Behaviour::Source::any && who.named != (b.source == Behaviour::Source::named)) return false;
  const Seen* const seen = &who.seen[first_step_[behaviour]];
  const auto lately = [&](const Seen& s) { return s.detection && who.last - s.last <= b.window; };
  if (lately(seen[b.steps.size()])) return false;
  Like like{behaviour, who.last, {}, {}};
  for (size_t i = 0; i < b.steps.size(); i++) {
    const AttackStep& step = b.steps[i];
    if (!lately(seen[i])) {
      if (step.needed) return false;
      continue;
    }
    like.said.observed.push_back({seen[i].first, seen[i].detection->id, step.says});
    unsigned place = 0;
    for (std::string_view list = step.detections; !list.empty(); place++)
      if (const std::string_view id = next_of(list); seen[i].listed >> place & 1) like.parts.push_back(id);
  }
  if (!sure(like.said, b)) return false;
  like.said.name = b.name;
  like.said.did = b.did;
  const auto before = std::find_if(who.likes.begin(), who.likes.end(), [behaviour](const Like& l) { return l.behaviour == behaviour; });
  if (before == who.likes.end()) return who.likes.push_back(std::move(like)), true;
  if (like.said.observed.size() < before->said.observed.size()) return before->last = who.last, false;   // what was observed stays so
  const bool changed = before->said != like.said || before->parts != like.parts;
  *before = std::move(like);
  return changed;
}

const Resemblance* Resemblances::of(const Address& source, const Detection* d) const {
  const Resemblance* likeliest = nullptr;
  for (const Source& s : sources_) {
    if (!(s.address == source)) continue;
    for (const Like& l : s.likes)
      if (std::find(l.parts.begin(), l.parts.end(), d->id) != l.parts.end() && (!likeliest || l.said.confidence > likeliest->confidence)) likeliest = &l.said;
  }
  return likeliest;
}

}  // namespace vidra
