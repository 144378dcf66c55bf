// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/sets.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "daemon/base/text.h"

namespace vidra {

constexpr size_t most_gone = 1000;           // of one manifest, which is read whole
constexpr unsigned most_unread = 4;

Sets::Sets(Storage& storage, std::string folder, const EvidenceSettings& s, Witness w) : storage_(storage), folder_(std::move(folder)), settings_(s), witness_(std::move(w)) {}

std::vector<std::string> Sets::open(Time) {
  std::vector<std::string> said;
  for (const std::string& f : {folder_, folder_ + "/pinned"}) {
    if (const int e = storage_.make_directories(f)) return {fmt::format("{}: {}", f, std::strerror(-e))};
    ::chmod(f.c_str(), 0750);
  }
  std::vector<std::string> names;
  if (const int e = storage_.list(folder_, names)) return {fmt::format("{}: {}", folder_, std::strerror(-e))};   // or the chain would begin anew
  for (const std::string& n : names)
    if (n.ends_with(".tmp")) storage_.remove(folder_ + "/" + n);
  sets_.clear(), manifests_.clear();
  last_ = 0, last_hash_ = no_previous;
  const std::vector<KeptSet> all = read_sets(storage_, folder_, said);
  made_ = true;
  for (const KeptSet& s : all) {
    const Manifest& m = s.manifest;
    manifests_[m.number] = s.name;
    if (s.on_disk) sets_[m.number] = {s.name, m.story, m.file, m.sha256, s.on_disk};
    if (m.number >= last_) last_ = m.number, last_hash_ = s.text_hash;
  }
  // What follows names the hash of the last one as it lies there, whole or not; where the disk does not give it now, it is asked again.
  uint64_t newest = 0;
  std::string its_name;
  for (const std::string& n : names)
    if (n.ends_with(".json") && number_of(n) >= newest) newest = number_of(n), its_name = n;
  if (newest > last_) {
    int error = 0;
    const auto text = whole_file(storage_, folder_ + "/" + its_name, error);
    if (!text && ++unread_ < most_unread) return made_ = false, std::vector<std::string>{fmt::format("{}/{}: {}", folder_, its_name, std::strerror(-error))};
    if (text) last_hash_ = sha256_text({reinterpret_cast<const uint8_t*>(text->data()), text->size()});
    last_ = newest;
  }
  // Packets for which no manifest was written any more would lie here for ever, and nobody would know of them.
  const std::set<std::string> pins = pinned();
  for (const std::string& n : names)
    if (n.ends_with(".pcapng") && number_of(n) > last_ && std::none_of(pins.begin(), pins.end(), [&](const std::string& p) { return n.find(p) != n.npos; }))
      storage_.remove(folder_ + "/" + n), said.push_back(fmt::format("{}/{}: no manifest was written for it, as after a power loss; removed", folder_, n));
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
    if (going.size() == most_gone) break;
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
  return going.size() == most_gone ? make_room(octets, now) : "";
}

// The recorder gives way where less than all of the spare is free; sets may take half of it meanwhile.
std::string Sets::spare(uint64_t octets) {
  uint64_t free = 0;
  if (!settings_.spare || storage_.free_bytes(folder_, free) || free >= octets + settings_.spare / 2) return {};
  return fmt::format("{}: {} are free on this disk, and half of [evidence] spare = {} stays free for the outboxes", folder_, human_bytes(free), human_bytes(settings_.spare));
}

std::string Sets::add(const Wish& w, const Excerpt& c, std::vector<std::string> missing, Time now) {
  if (!made_)
    if (const auto said = open(now); !made_) return said.front();
  if (c.file.size() > settings_.sets) missing.push_back(fmt::format("all its packets: {} are more than [evidence] sets holds", human_bytes(c.file.size())));
  const bool fits = !c.file.empty() && c.file.size() <= settings_.sets;
  if (fits)
    for (const std::string& why : {make_room(c.file.size(), now), spare(c.file.size())})
      if (!why.empty()) return why;
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
