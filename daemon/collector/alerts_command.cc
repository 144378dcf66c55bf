// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/alerts_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"
#include "daemon/collector/at_state.h"
#include "daemon/collector/index.h"
#include "daemon/report/language_file.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

// "2026-11-21", "2026-11-21T22:05", or how long ago: "90s", "15min", "2h", "7d".
bool parse_since(const std::string& text, Time& to) {
  if (const auto t = parse_iso_time(text)) return to = *t, true;
  size_t used = 0;
  double n = 0;
  try {
    n = std::stod(text, &used);
  } catch (const std::exception&) {
    return false;
  }
  const std::string unit = text.substr(used);
  const Time scale = unit == "s" ? second : unit == "min" ? minute : unit == "h" ? hour : unit == "d" ? day : 0;
  if (!scale || !(n >= 0 && n < 1e6)) return false;
  to = wall_now() - Time(n * double(scale));
  return true;
}

bool parse_severity(const std::string& text, int& to) {
  if (text.size() == 1 && text[0] >= '1' && text[0] <= '5') return to = text[0] - '0', true;
  for (int s = 1; s <= 5; s++)
    if (text == severity_name(s)) return to = s, true;
  return false;
}

bool open_index(AtState& at, Index& index) {
  if (!at.find()) return false;
  const std::string path = at.state + "/index.db";
  const std::string error = index.open(path, Index::Open::read);
  if (error.empty()) return true;
  std::cerr << error << "\n  is a collector working in this folder? systemctl status vidra-collector\n  may this user read it? sudo vidra alerts\n";
  return false;
}

// Whether the words occur in what is shown, or in what came.
bool found(const StoryRow& row, const std::string& words, const Language& in) {
  if (words.empty()) return true;
  const auto body = nlohmann::json::parse(row.body, nullptr, false);
  const auto t = told(body, in);
  if (!t) return false;
  std::string all = searchable(*t);
  if (const auto rule = body.find("rule"); rule != body.end() && rule->is_object())
    if (const auto name = rule->find("name"); name != rule->end() && name->is_string()) all += '\n' + search_form(name->get<std::string>());
  return holds(all, words);
}

void print_row(const StoryRow& row, bool json, bool whole, const Style& style) {
  auto body = nlohmann::ordered_json::parse(row.body, nullptr, false);
  if (json) {
    body["received"] = iso_time(row.received, 9);
    body["updated"] = iso_time(row.updated, 9);
    std::cout << body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    return;
  }
  const auto t = told(nlohmann::json::parse(row.body, nullptr, false), *style.language);
  if (!t) return;
  if (whole) print_story(std::cout, *t, style);
  else print_update(std::cout, *t, style);
}

struct AlertsOptions {
  AtState at;
  std::string since, severity, sensor, detection, story, search;
  size_t limit = 20;
  bool json = false, follow = false, open = false, probation = false, brief = false;
};

int alerts(AlertsOptions& o) {
  StoryQuery q;
  if (!o.since.empty() && !parse_since(o.since, q.since))
    return std::cerr << fmt::format("--since '{}': a time like 2026-11-21T22:05 (UTC), or how long ago: 90s, 15min, 2h, 7d\n", o.since), 2;
  if (!o.severity.empty() && !parse_severity(o.severity, q.severity))
    return std::cerr << fmt::format("--severity '{}': 1 to 5, or info, low, medium, high, critical\n", o.severity), 2;
  q.sensor = o.sensor, q.detection = o.detection, q.story = o.story, q.open = o.open, q.probation = o.probation, q.limit = o.limit;
  Index index;
  if (!open_index(o.at, index)) return 1;
  Problems problems;
  const auto in = load_language(o.at.language, words_folder(o.at.words), problems);
  for (const std::string& p : problems) std::cerr << p << '\n';
  if (!in) return 1;
  Style style = style_of(1);
  style.language = in.get();
  int64_t change = index.last_change();
  if (!o.search.empty()) q.limit = 0;       // of those that are found
  auto rows = index.stories(q);
  rows.erase(std::remove_if(rows.begin(), rows.end(), [&](const StoryRow& row) { return !found(row, o.search, *in); }), rows.end());
  if (!o.search.empty() && o.limit && rows.size() > o.limit) rows.erase(rows.begin(), rows.end() - std::ptrdiff_t(o.limit));
  for (const StoryRow& row : rows) print_row(row, o.json, !o.brief, style);
  std::cout.flush();
  if (!o.follow) {
    if (rows.empty() && !o.json) {
      const uint64_t all = index.count_stories();
      std::cerr << (all ? fmt::format("None of the {} alerts here is what you ask for.\n", human_count(all))
                        : std::string("No alerts yet. Who has been heard: vidra sensors. Who waits to be let in: vidra keys\n"));
      if (!o.sensor.empty()) {
        std::vector<std::string> names;
        for (const SensorRow& s : index.sensors()) names.push_back(s.name);
        const std::string_view near = nearest(o.sensor, {names.begin(), names.end()});
        if (!near.empty() && near != o.sensor) std::cerr << fmt::format("Did you mean the sensor '{}'?\n", near);
      }
    }
    return 0;
  }
  q.limit = 0;
  while (std::cout) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const int64_t now = index.last_change();
    if (now < change) change = 0;   // the index was made anew
    if (now == change) continue;
    q.changed_after = change;
    for (const StoryRow& row : index.stories(q)) {
      const auto body = nlohmann::json::parse(row.body, nullptr, false);
      if (found(row, o.search, *in)) print_row(row, o.json, !o.brief && body.is_object() && body.value("revision", 0) == 0, style);
      change = row.change;
    }
    change = std::max(change, now);
    std::cout.flush();
  }
  return 0;
}

struct SensorsOptions {
  AtState at;
  bool json = false;
  size_t troubles = 10;
};

std::string ago(Time now, Time then) { return then ? human_duration((now - then) / second * second) + " ago" : "never"; }

int sensors(SensorsOptions& o) {
  Index index;
  if (!open_index(o.at, index)) return 1;
  const Time now = wall_now();
  const auto rows = index.sensors();
  if (o.json) {
    for (const SensorRow& r : rows) {
      nlohmann::ordered_json j{{"sensor", uuid_text(r.sensor)}, {"name", r.name}, {"site", r.site}, {"first_heard", iso_time(r.first_heard, 9)},
          {"last_heard", iso_time(r.last_heard, 9)}, {"silent", r.silent}, {"farewell", r.farewell}, {"probation", r.probation}, {"records", r.records}, {"missing", r.missing},
          {"chain_breaks", r.breaks}, {"quarantined", r.quarantined}, {"clock_offset_ns", r.clock_offset}};
      j["verified"] = r.verified ? nlohmann::ordered_json(iso_time(r.verified, 9)) : nlohmann::ordered_json();
      j["health"] = nlohmann::ordered_json::parse(r.health, nullptr, false);
      if (j["health"].is_discarded()) j["health"] = nullptr;
      std::cout << j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    }
    return 0;
  }
  if (rows.empty()) return std::cerr << "No sensor has been heard yet. Who waits to be let in: vidra keys\n", 0;
  const Style style = style_of(1);
  size_t wide = 6;
  for (const SensorRow& r : rows) wide = std::max(wide, columns(r.name));
  for (const SensorRow& r : rows) {
    const std::string name = r.name.empty() ? uuid_text(r.sensor).substr(0, 8) : r.name;
    const std::string state = r.silent ? "SILENT" : !r.farewell.empty() ? "stopped" : "alive";
    const std::string_view code = !style.color ? "" : r.silent ? "\033[1;31m" : state == "alive" ? "\033[32m" : "\033[2m";
    std::string line = fmt::format("{}{:<7}{}  {}{}  heard {}", code, state, code.empty() ? "" : "\033[0m", name, std::string(wide - std::min(wide, columns(name)), ' '), ago(now, r.last_heard));
    if (!r.farewell.empty()) line += fmt::format(" ({})", r.farewell);
    if (!r.site.empty()) line += ", " + r.site;
    line += fmt::format(", {} records", human_count(r.records));
    if (r.missing) line += fmt::format(", {} MISSING", human_count(r.missing));
    if (r.breaks) line += fmt::format(", chain broken {} times", human_count(r.breaks));
    if (r.quarantined) line += fmt::format(", {} set aside", human_count(r.quarantined));
    if (r.probation) line += ", on probation";
    if (r.clock_offset > second || r.clock_offset < -second) line += fmt::format(", its clock is off by {}", human_duration(r.clock_offset));
    if (const auto health = nlohmann::json::parse(r.health, nullptr, false); health.is_object())
      if (const auto c = health.find("complaints"); c != health.end() && c->is_array())
        for (const auto& each : *c)
          if (each.is_string()) line += fmt::format("\n{}{}", std::string(11 + wide, ' '), printable(each.get<std::string>()));
    std::cout << line << '\n';
  }
  const auto troubles = index.troubles(0, o.troubles);
  if (!troubles.empty()) std::cout << "\nlatest troubles\n";
  for (const TroubleRow& t : troubles) {
    std::string name = uuid_text(t.sensor).substr(0, 8);
    for (const SensorRow& r : rows)
      if (r.sensor == t.sensor && !r.name.empty()) name = r.name;
    std::cout << fmt::format("  {}  {}: {}\n", iso_time(t.at, 0), name, t.text);
  }
  return 0;
}

}  // namespace

void add_alerts(CommandLine app, int& status) {
  const CommandLine c = app.command("alerts", "what this machine's collector has been told");
  auto o = std::make_shared<AlertsOptions>();
  c.option("--since", o->since, "last seen since: 2026-11-21T22:05 (UTC), or how long ago: 90s, 15min, 2h, 7d");
  c.option("--severity", o->severity, "at least: 1 to 5, or info, low, medium, high, critical");
  c.option("--sensor", o->sensor, "name, site or id of the sensor");
  c.option("--detection", o->detection, "such as I104-05");
  c.option("--story", o->story, "one story, by the beginning of its id");
  c.option("--search", o->search, "those with these words, whatever their script and diacritics: prekidac, прекидач");
  c.option("--language", o->at.language, "en, bs-Latn, hr, sr-Cyrl …: `vidra words` lists them; without it, [show] language of the settings");
  c.option("-n,--limit", o->limit, "the newest so many, 0 for all").shows_default();
  c.flag("--open", o->open, "only what is not over yet");
  c.flag("--probation", o->probation, "those of sensors on probation instead");
  c.flag("--brief", o->brief, "one line each");
  c.flag("--json", o->json, "one object a line: the body as it came, and when");
  c.flag("-f,--follow", o->follow, "go on with what comes");
  o->at.add_options(c);
  c.runs([o, &status] { status = alerts(*o); });
}

void add_sensors(CommandLine app, int& status) {
  const CommandLine c = app.command("sensors", "who was heard and when, who is silent, what is missing");
  auto o = std::make_shared<SensorsOptions>();
  c.flag("--json", o->json, "one object a line");
  c.option("--troubles", o->troubles, "how many of the latest troubles are shown").shows_default();
  o->at.add_options(c);
  c.runs([o, &status] { status = sensors(*o); });
}

}  // namespace vidra
