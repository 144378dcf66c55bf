// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <span>

#include "daemon/base/text.h"
#include "daemon/judge/site_reader.h"

namespace vidra {
namespace {

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
    DeclaredBefore none;
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
  DeclaredBefore declared;
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
  DeclaredBefore none;
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

bool reserved_name(std::string_view s) {
  return s == "any" || s == "broadcast" || s.starts_with("zone:") || parse_address(s) || parse_prefix(s);
}

}  // namespace vidra
