// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/sets.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "daemon/base/text.h"

namespace vidra {

Sets::Sets(Storage& storage, std::string folder, const EvidenceSettings& s, Witness w) : storage_(storage), folder_(std::move(folder)), settings_(s), witness_(std::move(w)) {}

std::vector<std::string> Sets::open(Time) {
  std::vector<std::string> said;
  for (const std::string& f : {folder_, folder_ + "/pinned"}) {
    if (const int e = storage_.make_directories(f)) return {fmt::format("{}: {}", f, std::strerror(-e))};
    ::chmod(f.c_str(), 0750);
  }
  made_ = true;
  std::vector<std::string> names;
  storage_.list(folder_, names);
  for (const std::string& n : names)
    if (n.ends_with(".tmp")) storage_.remove(folder_ + "/" + n);
  sets_.clear(), manifests_.clear();
  last_ = 0, last_hash_ = no_previous;
  const std::vector<KeptSet> all = read_sets(storage_, folder_, said);
  for (const KeptSet& s : all) {
    const Manifest& m = s.manifest;
    manifests_[m.number] = s.name;
    if (s.on_disk) sets_[m.number] = {s.name, m.story, m.file, m.sha256, s.on_disk};
    if (m.number >= last_) last_ = m.number, last_hash_ = s.text_hash;
  }
  // A manifest that cannot be read any more keeps its number: the names tell it.
  for (const std::string& n : names)
    if (n.ends_with(".json") && n.size() > 8 && n.find_first_not_of("0123456789") == 8) last_ = std::max<uint64_t>(last_, std::stoull(n.substr(0, 8)));
  for (const std::string& flaw : chain_flaws(all)) said.push_back(folder_ + "/" + flaw);
  return said;
}

std::string Sets::put(const std::string& name, Bytes octets) {
  const std::string path = folder_ + "/" + name, beside = path + ".tmp";
  storage_.remove(beside);
  std::unique_ptr<File> file;
  int e = storage_.open(beside, Storage::Mode::create_new, file);
  if (e == -ENOENT && storage_.make_directories(folder_ + "/pinned") == 0) e = storage_.open(beside, Storage::Mode::create_new, file);
  if (!e) ::chmod(beside.c_str(), 0640);
  if (!e) e = file->write_at(0, octets);
  if (!e) e = file->sync();
  file.reset();
  if (!e) e = storage_.rename(beside, path);
  if (!e) e = storage_.sync_directory(folder_);
  if (e) storage_.remove(beside);
  return e ? fmt::format("{}: {}", path, std::strerror(-e)) : "";
}

// Numbered, chained, signed, written; only then does the number count.
std::string Sets::tell(Manifest& m, const std::string& name) {
  m.number = last_ + 1;
  m.previous = last_hash_;
  m.sensor = witness_.sensor, m.sensor_name = witness_.name, m.site = witness_.site;
  const std::string text = manifest_text(m, witness_.key, witness_.secret);
  const Bytes octets{reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  if (const std::string why = put(name + ".json", octets); !why.empty()) return why;
  last_ = m.number;
  last_hash_ = sha256_text(octets);
  manifests_[m.number] = name;
  while (manifests_.size() > most_manifests) {
    if (sets_.contains(manifests_.begin()->first)) break;
    storage_.remove(folder_ + "/" + manifests_.begin()->second + ".json");
    manifests_.erase(manifests_.begin());
  }
  return {};
}

std::set<std::string> Sets::pinned() {
  std::vector<std::string> names;
  storage_.list(folder_ + "/pinned", names);
  return {names.begin(), names.end()};
}

// The oldest go; what went is said in a manifest of its own, before it goes.
std::string Sets::make_room(uint64_t octets, Time now) {
  const std::set<std::string> pins = pinned();
  uint64_t there = octets;
  for (const auto& [n, s] : sets_) there += pins.contains(s.story) ? 0 : s.octets;
  Manifest m;
  m.kind = Manifest::Kind::evicted;
  m.made = now;
  std::vector<uint64_t> going;
  for (const auto& [n, s] : sets_) {
    if (there <= settings_.sets) break;
    if (pins.contains(s.story)) continue;
    there -= s.octets;
    going.push_back(n);
    m.gone.push_back(fmt::format("{} sha256 {}", s.file, s.sha256));
  }
  if (going.empty()) return {};
  if (const std::string why = tell(m, fmt::format("{:08}-evicted", last_ + 1)); !why.empty()) return why;
  for (const uint64_t n : going) {
    storage_.remove(folder_ + "/" + sets_[n].file);
    sets_.erase(n);
    counts_.evicted++;
  }
  return {};
}

std::string Sets::add(const Wish& w, const Excerpt& c, std::vector<std::string> missing, Time now) {
  if (!made_)
    if (const auto said = open(now); !made_) return said.front();
  if (c.file.size() > settings_.sets) missing.push_back(fmt::format("all its packets: {} are more than [evidence] sets holds", human_bytes(c.file.size())));
  const bool fits = !c.file.empty() && c.file.size() <= settings_.sets;
  if (fits)
    if (const std::string why = make_room(c.file.size(), now); !why.empty()) return why;
  Manifest m;
  m.made = now;
  m.story = w.story, m.detection = w.detection, m.what = w.what, m.source = w.source, m.target = w.target;
  m.severity = w.severity, m.part = w.part, m.first = w.first, m.last = w.last;
  m.from = w.from + w.apart[0], m.until = w.until + w.apart[0];
  m.missing = std::move(missing);
  const std::string name = fmt::format("{:08}-{}-{}", last_ + 1, w.story, w.part);
  if (fits) {
    m.file = name + ".pcapng";
    m.octets = c.file.size(), m.packets = c.packets, m.deciding = c.deciding, m.interfaces = c.interfaces;
    m.sha256 = sha256_text(c.file);
    if (const std::string why = put(m.file, c.file); !why.empty()) return why;
  }
  if (const std::string why = tell(m, name); !why.empty()) {
    if (fits) storage_.remove(folder_ + "/" + m.file);
    return why;
  }
  if (fits) sets_[m.number] = {name, w.story, m.file, m.sha256, m.octets};
  counts_.written++;
  return {};
}

Sets::Counts Sets::counts() {
  Counts c = counts_;
  const std::set<std::string> pins = pinned();
  for (const auto& [n, s] : sets_) {
    c.sets++, c.octets += s.octets;
    if (pins.contains(s.story)) c.pinned++, c.pinned_octets += s.octets;
  }
  c.last = last_;
  return c;
}

}  // namespace vidra
