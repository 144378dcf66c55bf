// SPDX-License-Identifier: Apache-2.0
// vidra inventory: who is on this network, what it is, and why we think so.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/base/text.h"
#include "daemon/judge/assets.h"
#include "daemon/judge/inventory_file.h"
#include "daemon/judge/judge.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/line.h"
#include "daemon/report/words.h"
#include "daemon/sensor/settings.h"
#include "daemon/site/oui.h"
#include "daemon/tool/commands.h"
#include "daemon/base/output.h"
#include "daemon/tool/playing.h"
#include "daemon/tool/table.h"

namespace vidra {
namespace {

struct InventoryOptions {
  std::vector<std::string> files, sites;
  std::string config, state, output, makers = Makers::folder, only;
  bool csv = false, json = false, in_full = false, changes = false, as_state = false;
};

struct Nothing final : FindingSink {
  void found(Finding&&) override {}
};

int complain(const Problems& problems) {
  for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
  return exit_failed;
}

// The protocols by what is done in them: "serves iec104 :2404, mms; asks ntp; publishes goose".
std::string speaks(const Asset& a, bool ports) {
  static const int tcp = protocol_index("tcp"), udp = protocol_index("udp");
  std::string serves, asks, reports, open;
  const auto add = [](std::string& to, std::string_view what) {
    const std::string whole = ", " + to + ",";
    if (whole.find(fmt::format(", {},", what)) == std::string::npos) to += fmt::format("{}{}", to.empty() ? "" : ", ", what);
  };
  for (const SpokenIn& s : a.spoken) {
    const std::string_view name = protocols[s.protocol]->name;
    if (s.protocol == tcp || s.protocol == udp) {
      add(open, fmt::format("{} {}", name, s.port));
      continue;
    }
    if (s.answers) add(serves, ports && s.port ? fmt::format("{} {}", name, s.port) : std::string(name));
    else if (s.reports) add(reports, name);
    if (s.asks) add(asks, name);
  }
  std::string out;
  for (const auto& [word, list] : {std::pair<const char*, const std::string&>{"serves", serves}, {"asks", asks}, {"publishes", reports}, {"open", open}})
    if (!list.empty()) out += fmt::format("{}{} {}", out.empty() ? "" : "; ", word, list);
  return out;
}

std::string device(const Asset& a) {
  std::string out = a.vendor;
  for (const auto& [word, text] : {std::pair<const char*, const std::string&>{"", a.model}, {"firmware ", a.firmware}, {"serial ", a.serial}})
    if (!text.empty() && (*word || out.find(text) == std::string::npos)) out += fmt::format("{}{}{}", out.empty() ? "" : *word ? ", " : " ", word, text);
  return printable(out);
}

Mac card(const Asset& a) { return a.macs.empty() ? Mac{} : a.macs.back(); }

std::string maker(const Makers& makers, const Mac& m) {
  if (m.empty()) return "";
  if (Makers::local(m)) return "(made up locally)";
  if (makers.empty()) return "";
  const std::string_view who = makers.of(m);
  return who.empty() ? "(unassigned)" : printable(who);
}

std::string address(const Asset& a) { return text_of(a.addresses[0]); }
std::string role(const Asset& a) { return a.role == AssetRole::unknown ? "" : fmt::format("{}{}", name_of(a.role), a.role_declared ? "" : "?"); }

std::string named(const Address& a, const std::vector<Asset>& all) {
  for (const Asset& x : all)
    if (std::find(x.addresses.begin(), x.addresses.end(), a) != x.addresses.end()) return x.name.empty() ? text_of(a) : printable(x.name);
  return text_of(a);
}

std::string seen(Time t, Time newest) {
  const std::string s = iso_time(t, 0);
  return newest - t < day && s.substr(0, 10) == iso_time(newest, 0).substr(0, 10) ? s.substr(11, 5) : s.substr(0, 10);
}

std::string csv_field(std::string_view s) {
  std::string out = printable(s);
  if (!out.empty() && std::string_view("=+-@").find(out[0]) != std::string_view::npos) out.insert(0, "'");   // a spreadsheet would calculate it
  if (out.find_first_of(",;\"\n") == out.npos) return out;
  std::string quoted = "\"";
  for (const char c : out) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

template <class T, class F>
std::string joined(const std::vector<T>& list, F text) {
  std::string out;
  for (const T& each : list) out += fmt::format("{}{}", out.empty() ? "" : " ", text(each));
  return out;
}

std::string as_csv(const std::vector<Asset>& all, const Makers& makers) {
  std::string out = "name,addresses,hardware,behind,card_maker,role,role_from,because,vendor,model,firmware,serial,protocols,commands,commanded_by,first,last\r\n";
  for (const Asset& a : all) {
    const auto text = [](const auto& x) { return text_of(x); };
    const std::string fields[] = {a.name, joined(a.addresses, text), joined(a.macs, text), a.behind.empty() ? "" : text_of(a.behind), maker(makers, card(a)), a.role == AssetRole::unknown ? "" : std::string(name_of(a.role)),
                                  a.role_declared ? "declared" : a.role == AssetRole::unknown ? "" : "guessed", a.because, a.vendor, a.model, a.firmware, a.serial, speaks(a, true), joined(a.commands, text),
                                  joined(a.commanded_by, text), iso_time(a.first, 0), iso_time(a.last, 0)};
    for (size_t i = 0; i < std::size(fields); i++) out += (i ? "," : "") + csv_field(fields[i]);
    out += "\r\n";
  }
  return out;
}

std::string as_json(const std::vector<Asset>& all, const Makers& makers) {
  std::string out;
  for (const Asset& a : all) {
    nlohmann::ordered_json j;
    const auto list = [](const auto& from) {
      auto to = nlohmann::ordered_json::array();
      for (const auto& each : from) to.push_back(text_of(each));
      return to;
    };
    j["name"] = printable(a.name), j["declared"] = a.declared != 0;
    j["addresses"] = list(a.addresses), j["hardware"] = list(a.macs), j["behind"] = a.behind.empty() ? "" : text_of(a.behind), j["card_maker"] = maker(makers, card(a));
    j["role"] = a.role == AssetRole::unknown ? "" : std::string(name_of(a.role)), j["role_declared"] = a.role_declared, j["because"] = a.because;
    for (const auto& [key, text] : {std::pair<const char*, const std::string&>{"vendor", a.vendor}, {"model", a.model}, {"firmware", a.firmware}, {"serial", a.serial}}) j[key] = printable(text);
    auto& told = j["told"] = nlohmann::ordered_json::array();
    for (const SelfTold& t : a.told) {
      nlohmann::ordered_json each{{"protocol", protocols[t.protocol]->name}, {"station", t.station}};
      for (const auto& [key, text] : {std::pair<const char*, const std::string&>{"vendor", t.vendor}, {"product", t.product}, {"model", t.model}, {"firmware", t.firmware}, {"serial", t.serial}, {"name", t.name}})
        if (!text.empty()) each[key] = printable(text);
      told.push_back(std::move(each));
    }
    auto& spoken = j["protocols"] = nlohmann::ordered_json::array();
    for (const SpokenIn& s : a.spoken) {
      nlohmann::ordered_json each{{"name", protocols[s.protocol]->name}, {"port", s.port}, {"answers", s.answers}, {"reports", s.reports}};
      for (const auto& [key, set] : {std::pair<const char*, ActSet>{"asks", s.asks}, {"serves", s.serves}}) {
        auto& words = each[key] = nlohmann::ordered_json::array();
        for (size_t i = 0; i < act_count; i++)
          if (set & bit(Act(i))) words.push_back(name_of(Act(i)));
      }
      spoken.push_back(std::move(each));
    }
    j["commands"] = list(a.commands), j["commanded_by"] = list(a.commanded_by);
    j["first"] = epoch_time(a.first), j["last"] = epoch_time(a.last);
    out += j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return out;
}

std::string in_full(const std::vector<Asset>& all, const std::vector<Asset>& whole, const Makers& makers) {
  std::string out;
  for (const Asset& a : all) {
    out += fmt::format("{}{}\n", a.name.empty() ? "" : printable(a.name) + "  ", joined(a.addresses, [](const Address& x) { return text_of(x); }));
    const auto line = [&](std::string_view what, const std::string& text) {
      if (!text.empty()) out += fmt::format("  {:<13}{}\n", what, text);
    };
    line("role", a.role == AssetRole::unknown ? "unknown: " + a.because : fmt::format("{}, {}: {}", name_of(a.role), a.role_declared ? "declared" : "guessed", a.because));
    for (const Mac& m : a.macs) line("hardware", fmt::format("{}  {}", text_of(m), makers.empty() && !Makers::local(m) ? "maker unknown: no ieee-data" : maker(makers, m)));
    if (!a.behind.empty()) line("hardware", fmt::format("never heard itself: behind {}", named(Address::of(a.behind), whole)));
    for (const SelfTold& t : a.told) {
      std::string text;
      for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"vendor", t.vendor}, {"product", t.product}, {"model", t.model}, {"firmware", t.firmware}, {"serial", t.serial}, {"name", t.name}})
        if (!value.empty()) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, printable(value));
      line("says", fmt::format("{} ({}{})", text, protocols[t.protocol]->name, t.station && t.station < 65'536 ? fmt::format(", {}", t.station) : ""));
    }
    line("speaks", speaks(a, true));
    line("commands", joined(a.commands, [&](const Address& x) { return named(x, whole); }));
    line("commanded by", joined(a.commanded_by, [&](const Address& x) { return named(x, whole); }));
    line("heard", fmt::format("{} to {}", iso_time(a.first, 0), iso_time(a.last, 0)));
    out += "\n";
  }
  return out;
}

int inventory(const InventoryOptions& o) {
  Problems problems;
  SensorSettings settings = load_settings(o.config, problems);
  if (!o.sites.empty()) settings.site = std::make_shared<const Site>(load_site(std::span(o.sites), problems));
  if (!problems.empty()) return complain(problems);
  Inventory kept(settings.judge.host_limit);
  std::string state = o.state;
  if (state.empty() && o.files.empty()) state = settings.state;
  if (!state.empty()) {
    if (state.size() < 5 || state.substr(state.size() - 5) != ".toml") state += "/inventory.toml";
    if (::access(state.c_str(), R_OK) != 0 && o.files.empty()) {
      fmt::print(stderr, "vidra: {}: {}; the sensor writes it once a minute. Name a capture instead, or the sensor's state with --state\n", state, std::strerror(errno));
      return exit_failed;
    }
    if (::access(state.c_str(), F_OK) == 0) kept = load_inventory(state, settings.judge.host_limit, problems);
    if (!problems.empty()) return complain(problems);
  }
  Nothing nobody;
  Judge judge(settings.site, Memory{}, settings.judge, nobody, Detectors{});
  judge.remember(std::move(kept));
  settings.traffic.interfaces = 1;
  int status = exit_done;
  for (const std::string& path : o.files) {
    try {
      Traffic traffic(settings.traffic, judge);
      const Played played = play(path, traffic, nullptr, nullptr);
      if (!played.flaw.empty()) fmt::print(stderr, "vidra: {}\n", played.flaw), status = exit_damaged;
    } catch (const std::runtime_error& e) {
      fmt::print(stderr, "vidra: {}\n", e.what());
      return exit_failed;
    }
  }
  const Inventory& heard = judge.inventory();
  if (o.as_state) {
    std::ostringstream text;
    write_inventory(heard, text);
    if (const std::string why = write_whole(o.output, text.str()); !why.empty()) return complain({why});
    return status;
  }
  const Makers makers = Makers::load(o.makers);
  const std::vector<Asset> whole = assets(heard, *settings.site);
  if (o.changes) {
    for (const InventoryChange& c : heard.changes())
      fmt::print("{}  {}  {}: {} → {}\n", iso_time(c.time, 0), named(c.address, whole), c.field.empty() ? "hardware address" : fmt::format("{} ({})", c.field, protocols[c.protocol]->name), printable(c.before), printable(c.now));
    if (heard.changes().empty()) fmt::print("nothing has changed\n");
    return status;
  }
  std::vector<Asset> shown = whole;
  if (!o.only.empty()) {
    const auto wanted = parse_address(o.only);
    std::erase_if(shown, [&](const Asset& a) {
      const auto mac = parse_mac(o.only);
      return a.name != o.only && !(wanted && std::find(a.addresses.begin(), a.addresses.end(), *wanted) != a.addresses.end()) && !(mac && std::find(a.macs.begin(), a.macs.end(), *mac) != a.macs.end());
    });
    if (shown.empty()) {
      std::vector<std::string_view> names;
      for (const Asset& a : whole) names.push_back(a.name);
      const std::string_view near = nearest(o.only, names);
      fmt::print(stderr, "vidra: no device \"{}\" was heard{}\n", o.only, near.empty() ? "; name one by its name or an address" : fmt::format(", did you mean \"{}\"?", near));
      return exit_failed;
    }
  }
  if (o.csv || o.json) {
    if (const std::string why = write_whole(o.output, o.csv ? as_csv(shown, makers) : as_json(shown, makers)); !why.empty()) return complain({why});
    return status;
  }
  if (o.in_full || !o.only.empty()) {
    fmt::print("{}", in_full(shown, whole, makers));
    return status;
  }
  Table table({"ADDRESS", "NAME", "ROLE", "MAKER OF THE CARD", "DEVICE", "SPEAKS", "HEARD"});
  Time newest = 0;
  for (const Asset& a : shown) newest = std::max(newest, a.last);
  size_t declared = 0, guessed = 0, unknown = 0;
  for (const Asset& a : shown) {
    table.add({address(a), printable(a.name), role(a), a.macs.empty() && !a.behind.empty() ? "behind " + named(Address::of(a.behind), whole) : maker(makers, card(a)), device(a), speaks(a, false), seen(a.last, newest)});
    declared += a.declared != 0;
    (a.role == AssetRole::unknown ? unknown : guessed) += !a.role_declared;
  }
  if (table.empty()) fmt::print("nobody was heard\n");
  else fmt::print("{}", table.text(width_of(STDOUT_FILENO), style_of(STDOUT_FILENO).color));
  std::fflush(stdout);
  fmt::print(stderr, "{} {}, {} declared{}{}\n", shown.size(), shown.size() == 1 ? "device" : "devices", declared, guessed ? fmt::format("; {} roles guessed (?)", guessed) : "",
             unknown ? fmt::format("; {} unknown", unknown) : "");
  if (heard.unkept()) fmt::print(stderr, "{} addresses found no room: raise [judge] hosts\n", heard.unkept());
  if (makers.empty()) fmt::print(stderr, "vendor unknown: no ieee-data; apt install ieee-data\n");
  return status;
}

}  // namespace

void add_inventory(CommandLine app, int& status) {
  const CommandLine c = app.command("inventory", "who is on this network: addresses, makers, roles, firmware, protocols");
  auto o = std::make_shared<InventoryOptions>();
  c.option("FILE", o->files, "captures; none: what the sensor keeps");
  c.option("--config", o->config, "the sensor's settings, or a site file: names and declared roles");
  c.option("--site", o->sites, "site files instead; may be given again").one_word();
  c.option("--state", o->state, "the sensor's state folder, or an inventory file; captures are added to it");
  c.option("--only", o->only, "one device in full, by name or address");
  c.flag("--full", o->in_full, "every device in full: why its role, all that it said, whom it commands");
  c.flag("--changes", o->changes, "what changed: hardware addresses, firmware, models, serial numbers");
  const Option csv = c.flag("--csv", o->csv, "as CSV");
  const Option json = c.flag("--json", o->json, "one device a line, as JSON").excludes(csv);
  c.flag("--keep", o->as_state, "the inventory itself, to be read again with --state").excludes(csv).excludes(json);
  c.option("-o,--output", o->output, "write CSV, JSON or the inventory here");
  c.option("--makers", o->makers, "folder with the IEEE's lists").shows_default();
  c.runs([o, &status] {
    if (!o->output.empty() && !o->csv && !o->json && !o->as_state) refuse("--output", "a table is for the terminal; with it: --csv, --json or --keep");
    status = inventory(*o);
  });
}

}  // namespace vidra
