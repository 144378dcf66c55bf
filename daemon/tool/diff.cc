// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/judge/memory_file.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/site/difference.h"
#include "daemon/tool/commands.h"
#include "daemon/base/output.h"
#include "daemon/tool/playing.h"

namespace vidra {
namespace {

struct DiffOptions {
  std::vector<std::string> files, sites;
  std::string config, memory, toml, by;
  std::vector<std::string> devices;
  bool json = false, review = false;
};

struct Learner final : EventSink {
  static constexpr size_t most_names = 100'000;
  void see(const Event& e) override {
    memory.learn(e);
    if (!e.said) return;
    for (const Point& p : e.points)              // what has a name is known by its key alone afterwards
      if (p.object.kind() == ObjectKind::named && e.said->role == Role::request && (e.said->act == Act::operate || e.said->act == Act::select) && names.size() < most_names)
        if (const std::string_view name = e.texts.find(p.object.key() & ~(0xffull << 56)); !name.empty()) names.emplace(p.object.key(), name);
  }
  Memory memory;
  std::unordered_map<uint64_t, std::string> names;
};

int complain(const Problems& problems) {
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", printable(p));
  return exit_failed;
}

std::string reviewer(const DiffOptions& o) {
  if (!o.by.empty()) return o.by;
  const char* who = std::getenv("SUDO_USER");
  const passwd* user = who && *who ? nullptr : ::getpwuid(::getuid());
  return user ? user->pw_name : who ? who : "";
}

// Keeps who has read how devices of an import differ from the wire, beside the file that was imported. From then on they are judged.
int review(const DiffOptions& o, const Site& site) {
  const std::string by = reviewer(o);
  if (by.empty()) return fmt::print(stderr, "vidra: who has reviewed them? Add --by \"N. N.\"\n"), exit_usage;
  std::string awaiting;
  for (size_t i = 0; i < site.hosts.size(); i++)
    if (site.unreviewed(HostId(i + 1))) awaiting += (awaiting.empty() ? "" : ", ") + site.hosts[i].name;
  for (const std::string& name : o.devices) {
    const HostId id = site.host_named(name);
    if (id && site.host(id).imported) continue;
    fmt::print(stderr, "vidra: --device {}: {}; {}\n", printable(name), id ? "no import declares it: its differences are never silent" : "no such host is declared",
               awaiting.empty() ? "no device awaits a review" : "these await a review: " + printable(awaiting));
    return exit_usage;
  }
  std::map<uint16_t, std::vector<ReviewedHost>> fresh;          // by the file that declares them
  size_t n = 0;
  for (size_t i = 0; i < site.hosts.size(); i++) {
    const SiteHost& h = site.hosts[i];
    if (!site.unreviewed(HostId(i + 1)) || (!o.devices.empty() && std::find(o.devices.begin(), o.devices.end(), h.name) == o.devices.end())) continue;
    fresh[h.place.file].push_back({h.name, by, wall_now()});
    n++;
  }
  if (!n) return fmt::print("nothing to review: {}\n", awaiting.empty() ? "no device of an import awaits it" : "they were reviewed before"), exit_done;
  Problems problems;
  for (auto& [file, reviewed] : fresh) {
    const auto& list = reviewed;                 // a lambda of clang 14 takes no part of a pair
    const std::string path = review_path(site.files.at(file));
    std::vector<ReviewedHost> all = load_reviews(path, problems);
    if (!problems.empty()) return complain(problems);
    std::erase_if(all, [&](const ReviewedHost& r) { return std::any_of(list.begin(), list.end(), [&](const ReviewedHost& f) { return f.host == r.host; }); });
    all.insert(all.end(), list.begin(), list.end());
    std::sort(all.begin(), all.end(), [](const ReviewedHost& a, const ReviewedHost& b) { return natural_order(a.host) < natural_order(b.host); });
    std::string text = "# Devices of an import whose differences from the wire somebody has read (`vidra diff --review`): from then on they are judged.\n"
                       "# Delete a table, and they are silent again.\n";
    for (const ReviewedHost& r : all) text += fmt::format("\n[[reviewed]]\nhost = {}\nat = \"{}\"\nby = {}\n", toml_quoted(r.host), iso_time(r.at, 0), toml_quoted(r.by));
    if (const std::string why = write_whole(path, text, site.files.at(file)); !why.empty()) return complain({why + "; you may need to be root"});
    fmt::print("{}: {} reviewed by {}\n", path, list.size() == 1 ? "1 device" : fmt::format("{} devices", list.size()), printable(by));
  }
  fmt::print("What still differs is an alert from now on; a sensor that runs takes it over with: systemctl reload vidra-sensor\n");
  return exit_done;
}

std::string state_of_review(const Site& site, HostId id) {
  if (!id || !site.host(id).imported) return {};
  const SiteReview& r = site.host(id).reviewed;
  return r.at ? fmt::format("reviewed {}{}", iso_time(r.at, 0).substr(0, 10), r.by.empty() ? "" : " by " + r.by) : "awaits review";
}

int diff(const DiffOptions& o) {
  Problems problems;
  std::shared_ptr<const Site> site;
  std::string memory = o.memory;
  TrafficSettings traffic_settings;
  if (!o.sites.empty()) site = std::make_shared<const Site>(load_site(std::span(o.sites), problems));
  else {
    SensorSettings settings = load_settings(o.config, problems);
    site = settings.site, traffic_settings = settings.traffic;
    if (memory.empty() && o.files.empty()) memory = settings.memory;
  }
  if (!problems.empty()) return complain(problems);
  if (site->empty()) {
    fmt::print(stderr, "vidra: nothing is declared; name the site with --site SITE.toml or the sensor's settings with --config vidra.toml\n");
    return exit_failed;
  }
  Learner learner;
  if (!memory.empty()) {
    learner.memory = load_known(memory, problems);
    if (!problems.empty()) return complain(problems);
  }
  if (!o.devices.empty() && !o.review) return fmt::print(stderr, "vidra: --device goes with --review\n"), exit_usage;
  if (o.files.empty() && memory.empty() && o.review) return review(o, *site);      // what the sensor itself heard: vidra status
  if (o.files.empty() && memory.empty()) {
    fmt::print(stderr, "vidra: nothing was heard: name captures, or what was learned with --memory\n");
    return exit_usage;
  }
  traffic_settings.interfaces = 1;
  int status = exit_done;
  Time heard = 0;
  for (const std::string& path : o.files) {
    try {
      Traffic traffic(traffic_settings, learner);
      const Played played = play(path, traffic, nullptr, nullptr);
      heard += played.last - played.first;
      if (!played.flaw.empty()) fmt::print(stderr, "vidra: {}\n", played.flaw), status = exit_damaged;
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      return exit_failed;
    }
  }

  SiteDifferences d = differences(*site, learner.memory, learner.names);
  if (!o.toml.empty()) {
    d.undeclared.heading.insert(d.undeclared.heading.begin(), "Heard and not declared, made by `vidra diff`. Read each table: take over what is right, and name it in [site] file.");
    if (const std::string why = write_whole(o.toml == "-" ? "" : o.toml, toml_text(d.undeclared)); !why.empty()) return complain({why});
    if (o.toml == "-") return status;
  }
  constexpr std::string_view kinds[] = {"never heard", "not declared", "otherwise"};
  if (o.json) {
    for (const DeviceDifferences& device : d.devices)
      for (const Difference& x : device.list)
        fmt::print("{}\n", nlohmann::ordered_json{{"device", device.device}, {"declared", device.declared}, {"difference", kinds[size_t(x.kind)]}, {"about", x.about}, {"what", x.what}, {"review", state_of_review(*site, device.host)}}.dump(
                               -1, ' ', false, nlohmann::json::error_handler_t::replace));
    return o.review && status == exit_done ? review(o, *site) : status;
  }
  constexpr char marks[] = {'-', '+', '~'};
  bool title = false;
  for (const DeviceDifferences& device : d.devices) {
    if (!device.declared && !title) fmt::print("not declared\n"), title = true;
    const std::string state = state_of_review(*site, device.host);
    fmt::print("{}{}{}\n", device.declared ? "" : "  ", printable(device.device), state.empty() ? "" : "   [" + printable(state) + "]");      // names were heard on the wire
    for (const Difference& x : device.list) fmt::print("{}  {} {:<12} {}\n", device.declared ? "" : "  ", marks[size_t(x.kind)], x.about, printable(x.what));
  }
  fmt::print("{}{}as declared: {} of {} hosts, {} of {} conversations, {} of {} publishers; - declared and never heard: {}; + heard and not declared: {}; ~ heard otherwise: {}{}\n", d.devices.empty() ? "" : "\n",
             site->name.empty() ? "" : printable(site->name) + " ", d.hosts_as_declared, site->hosts.size(), d.conversations_as_declared, site->conversations.size(), d.publishers_as_declared,
             site->publishers.size(), d.never_heard, d.heard_undeclared, d.otherwise, heard ? fmt::format("; {} heard", human_duration(heard)) : "");
  size_t awaiting = 0;
  for (size_t i = 0; i < site->hosts.size(); i++) awaiting += site->unreviewed(HostId(i + 1));
  if (o.review) return status == exit_done ? review(o, *site) : status;
  if (awaiting) fmt::print("{} of an import {} a review; until then how {} publishers and links differ raises no alert. When you have read it: the same command with --review\n", awaiting == 1 ? "1 device" : fmt::format("{} devices", awaiting),
                           awaiting == 1 ? "awaits" : "await", awaiting == 1 ? "its" : "their");
  return status;
}

}  // namespace

void add_diff(CommandLine app, int& status) {
  const CommandLine c = app.command("diff", "what the site declares against what was heard, both ways, by device");
  auto o = std::make_shared<DiffOptions>();
  c.option("FILE", o->files, "captures; none: only what was learned");
  c.option("--site", o->sites, "site files, in the place of the settings'").one_word();
  c.option("--config", o->config, "vidra.toml, with its site and memory");
  c.option("--memory", o->memory, "what was learned, from `vidra learn` or the sensor: counts as heard");
  c.option("--toml", o->toml, "write what was heard and not declared as tables to read and take over; - is standard output, and nothing else is written");
  c.flag("--json", o->json, "one difference a line");
  c.flag("--review", o->review, "you have read them: keep that beside the import; what still differs is an alert from then on");
  c.option("--device", o->devices, "with --review: only this device; may be repeated").one_word();
  c.option("--by", o->by, "with --review: who has read them; otherwise your user's name");
  c.footer("Examples:\n  vidra diff --site scd.toml monday.pcap\n  vidra diff --site scd.toml --site points.toml --site ours.toml *.pcap --toml new.toml\n  vidra diff --config /etc/vidra/vidra.toml        declared against learned\n"
              "  vidra diff --site scd.toml monday.pcap --review --device ied1 --by \"N. N.\"\n"
            "-  declared and never heard    +  heard and not declared    ~  heard, but otherwise than declared");
  c.runs([o, &status] { status = diff(*o); });
}

}  // namespace vidra
