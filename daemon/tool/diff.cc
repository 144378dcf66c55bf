// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

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
  std::string config, memory, toml;
  bool json = false;
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
        fmt::print("{}\n", nlohmann::ordered_json{{"device", device.device}, {"declared", device.declared}, {"difference", kinds[size_t(x.kind)]}, {"about", x.about}, {"what", x.what}}.dump(
                               -1, ' ', false, nlohmann::json::error_handler_t::replace));
    return status;
  }
  constexpr char marks[] = {'-', '+', '~'};
  bool title = false;
  for (const DeviceDifferences& device : d.devices) {
    if (!device.declared && !title) fmt::print("not declared\n"), title = true;
    fmt::print("{}{}\n", device.declared ? "" : "  ", printable(device.device));      // names were heard on the wire
    for (const Difference& x : device.list) fmt::print("{}  {} {:<12} {}\n", device.declared ? "" : "  ", marks[size_t(x.kind)], x.about, printable(x.what));
  }
  fmt::print("{}{}as declared: {} of {} hosts, {} of {} conversations, {} of {} publishers; - declared and never heard: {}; + heard and not declared: {}; ~ heard otherwise: {}{}\n", d.devices.empty() ? "" : "\n",
             site->name.empty() ? "" : printable(site->name) + " ", d.hosts_as_declared, site->hosts.size(), d.conversations_as_declared, site->conversations.size(), d.publishers_as_declared,
             site->publishers.size(), d.never_heard, d.heard_undeclared, d.otherwise, heard ? fmt::format("; {} heard", human_duration(heard)) : "");
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
  c.footer("Examples:\n  vidra diff --site scd.toml monday.pcap\n  vidra diff --site scd.toml --site points.toml --site ours.toml *.pcap --toml new.toml\n  vidra diff --config /etc/vidra/vidra.toml        declared against learned\n"
            "-  declared and never heard    +  heard and not declared    ~  heard, but otherwise than declared");
  c.runs([o, &status] { status = diff(*o); });
}

}  // namespace vidra
