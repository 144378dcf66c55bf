// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "daemon/base/text.h"
#include "daemon/judge/field_rule_file.h"
#include "daemon/judge/said_fields.h"
#include "daemon/judge/site_file.h"
#include "daemon/report/line.h"
#include "daemon/sensor/settings.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/no_such.h"

namespace vidra {
namespace {

constexpr std::string_view page = R"(# Rules and lists of a site

Written by `./dev docs` from the programs' own tables. What Vidra cannot know, who runs the site can tell it: rules over what is said, and
lists of addresses, names and fingerprints that are known to be bad.

## A rule

```toml
[[rule]]
name = "night-switching"                  # stands in its alerts: RUL-01/night-switching
title = "Switching at night"              # what a tired engineer reads first
severity = 4                              # 1 information … 5 critical; 3 where nothing is said
why = "Nobody switches this station between ten and five without a call."
next = "Ring the control room."
protocol = "iec104"
function = ["C_SC_NA_1*", "C_DC_NA_1*"]   # a name, a pattern with * and ?, or a number
server = ["rtu1", "10.10.2.0/24"]
hours = "22:00-05:00"
```

Rules stand in `vidra.toml` itself, in files that `[rules] files = ["rules.toml"]` names, or in `.toml` files beside the lists of indicators. A folder stands
for what lies in it. `vidra rules check FILE` reads a file of rules (or the whole `vidra.toml`), names every mistake with its place, and says what each rule waits for;
`vidra replay --config vidra.toml CAPTURE` tries them on a recording. The sensor takes files that were written again over by itself, all of them or none; what
stands in `vidra.toml` it reads again at HUP. `config/rules.toml` has examples.

A rule holds when all that it asks for holds; of a list, when one of it does. At least one condition beside the protocol is needed. At most 1000 rules.

| key | what it asks for | how it is written |
|---|---|---|
| `protocol` | needed: whose sentences | `"modbus"`, `["iec104", "dnp3"]` |
| `function` | what is said | a name, a pattern, a number: `"write single register"`, `"write*"`, `6`, `"5-6"`, `"8/4"` (function/sub-function) |
| `act` | the same in words that all protocols share | `"operate"`, `["program", "run"]` |
| `role` | request, response or report; without it requests and reports, with `cause` or `refused` all | `"response"` |
| `client`, `server` | who asks and who serves (a publisher is the client) | a host of the site, an address, a range, `"zone:control"`; with `!` before it: not this one |
| `station` | common address, unit, outstation; or a name | `11`, `"11-14"`, `[1, 3]`, `"AA1*"` |
| `origin` | originator address and the like | `0`, `"1-3"` |
| `cause` | cause of transmission, exception, reason of an answer | a name, a pattern, a number: `"activation"`, `"illegal*"`, `44` |
| `object` | what it is about | `"information object 5101"`, `"holding register 30-33"`, a number alone (`5101`, `"5100-5199"`), a pattern for its text or for the point's name in the site (`"*Pos*"`, `"Q0*"`) |
| `value` | a number or state of that object | `7`, `"10-20"`, `"not 0-400"`, `"> 100"`, `"<= 5"`, `"on"`, `"off"`, `"intermediate"`, `"faulty"` |
| `text` | its text | a pattern: `"*admin*"` |
| `quality` | its quality | `"invalid"`, `["blocked", "substituted"]`, `"good"` |
| `qualifier` | of the message, the protocol's own number | `20`, `"1-3"` |
| `refused`, `malformed`, `test`, `simulated`, `broadcast`, `encrypted` | that it is so, or not | `true`, `false` |
| `hours` | the time of day: of this box, of UTC, or of an offset | `"22:00-06:00"`, `"06:00-14:00 UTC"`, `"22:00-06:00 +01:00"` |
| `days` | the day that it is there | `["sat", "sun"]` |
| `times`, `window` | so often within this time, from one client to one server | `times = 5`, `window = "10s"` |
| `of` | what is counted: `messages`, or different `objects`, `stations`, `servers` (then of one client; at most 64) | `of = "objects"` |
| `what` | the alert's sentence instead of the usual one | `"{client} set {object} of {server}{station} to {value}."`; also `{function}`, `{cause}`, `{times}` |
| `audience`, `technique` | whom it concerns; ATT&CK for ICS | `"operations"`, `"T0836"` |
| `off` | that it rests | `true` |

Objects of one rule hold together: `object`, `value`, `text` and `quality` are asked of the same object. Hours without an offset are the box's own wall time, summer time and
all; a recording that is played elsewhere is judged by the time there (`TZ=Europe/Sarajevo vidra replay …`). What a protocol never says a rule cannot ask of it: the
table below says what each does.

## Lists of indicators

```toml
[indicators]
files = ["lists", "/etc/vidra/misp.csv"]
```

A list is a text with one indicator a line, or a table. In a text, what follows the value is its comment, and `#` or `;` begin a comment of the list's own:

```
198.51.100.7            C2 of the 2025 campaign
203.0.113.0/24
192.0.2.9:8443          only this port
evil[.]example          with all names below it
http://host.example/drop/stage2.bin
t13d1516h2_8daaf6152771_e5627efa2ab1   a program, by its JA4
```

A table has a header with `type` and `value`, perhaps `comment` and `to_ids` (rows with 0 are passed over), as MISP exports it; commas, semicolons or tabs.

| what | where it is heard | MISP's types |
|---|---|---|
| addresses, ranges (IOC-01) | ends of every conversation, tries included; addresses that a name server answers with | `ip-src`, `ip-dst`, `ip-dst\|port`, `domain\|ip` |
| domains (IOC-02) | DNS questions and answers, TLS server names, HTTP hosts, certificates up to TLS 1.2 | `domain`, `hostname` |
| URLs (IOC-03) | HTTP in the clear: host and path, without what follows `?` | `url` |
| programs (IOC-04) | JA4 of TLS clients, HASSH of SSH clients and servers | `ja4`, `hassh-md5`, `hasshserver-md5` |
| certificates (IOC-05) | SHA-1 and SHA-256 thumbprints in TLS up to 1.2, SHA-1 in OPC UA | `x509-fingerprint-sha1`, `x509-fingerprint-sha256`, `sha1`, `sha256` |

Hashes of files are read and never met: contents are not kept. Other types are passed over; `vidra check` says how many. A line that is a mistake is left out, the
rest is in force: `vidra check` and `vidrad --check` name it with its place, the sensor's journal, `vidra status` and its health record do until it is corrected. A list
of which nothing can be used (cut, no text, an error page) is refused whole: while the sensor runs, the lists before are kept; at its start it hears without it and says so.
Rules likewise: a mistake in a rule refuses all that was changed while the sensor runs (the ones before are kept) and fails `--check`; at the start it hears without
that rule, since a sensor that does not start after a power cut hears nothing at all. Written as `evil[.]example` and `hxxp://`, values are understood.
Lists may hold two million indicators.

## What each protocol says

Besides `protocol`, `client`, `server`, `hours`, `days`, `times`, every rule may ask for `function`, `act`, `role` and `malformed`; and

| protocol | what a rule may ask of it |
|---|---|
)";

std::string said_cell(const Said& s) {
  std::string list = list_of(s);
  constexpr std::string_view common = "function, act, role, malformed";
  list = list.size() > common.size() ? list.substr(common.size() + 2) : "";
  std::string out;
  for (char c : list) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::vector<const Protocol*> by_name() {
  std::vector<const Protocol*> all(protocols.begin(), protocols.end());
  std::sort(all.begin(), all.end(), [](const Protocol* a, const Protocol* b) { return a->name < b->name; });
  return all;
}

void write_page(std::ostream& out) {
  out << page;
  for (const Protocol* p : by_name()) out << fmt::format("| {} | {} |\n", p->name, said_cell(said_by(p->name)));
  out << "\n## Their functions\n\nBy name and number; `vidra protocols NAME` says the act of each.\n";
  for (const Protocol* p : by_name()) {
    out << fmt::format("\n### {}\n\n", p->name);
    std::string line;
    for (const Function& f : p->functions)
      line += fmt::format("{}{} ({}{})", line.empty() ? "" : ", ", f.name, f.number, f.sub == 0xffff ? "" : fmt::format("/{}", f.sub));
    out << (line.empty() ? "None." : line) << "\n";
  }
}

int check(const std::string& path, const std::string& site_path) {
  Problems problems;
  Site site;
  std::vector<FieldRule> rules;
  size_t indicators = 0;
  bool settings = false;
  if (auto root = TomlTable::open(path, problems))
    for (const std::string& key : root->keys()) settings |= key != "rule";
  if (problems.empty() && settings) {
    const SensorSettings s = load_settings(path, problems);
    site = *s.site;
    if (s.judge.rules) rules = s.judge.rules->all();
    if (s.judge.indicators) indicators = s.judge.indicators->size();
  } else if (problems.empty()) {
    if (!site_path.empty()) site = *load_settings(site_path, problems).site;
    if (problems.empty()) load_rules(path, site, rules, problems);
  }
  if (!problems.empty()) {
    for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
    fmt::print(stderr, "vidra: {} is refused: {} {}\n", path, problems.size(), problems.size() == 1 ? "mistake" : "mistakes");
    return exit_failed;
  }
  for (const FieldRule& r : rules) fmt::print("{:<32} {:<8} {}\n{:33}{}\n", r.detection->id, severity_name(r.detection->severity), r.detection->title, "", describe(r, site));
  fmt::print("{}: right; {} {}{}\n", path, rules.size(), rules.size() == 1 ? "rule" : "rules", indicators ? fmt::format(", {} indicators", human_count(indicators)) : "");
  return exit_done;
}

int fields(const std::string& name) {
  if (name.empty()) {
    for (const Protocol* p : by_name()) fmt::print("{:<12} {}\n", p->name, list_of(said_by(p->name)));
    return exit_done;
  }
  if (protocol_index(name) < 0) {
    fmt::print(stderr, "vidra: {}\n", no_such_protocol(name));
    return exit_failed;
  }
  fmt::print("{}\nfunctions: `vidra protocols {}`\n", list_of(said_by(name)), name);
  return exit_done;
}

}  // namespace

void add_rules(CommandLine app, int& status) {
  const CommandLine c = app.command("rules", "the site's own rules: whether they are right, what each waits for, what they may ask");
  auto markdown = std::make_shared<bool>(false);
  c.flag("--markdown", *markdown, "as docs/RULES.md is written");
  const CommandLine checks = c.command("check", "says what is wrong in a file of rules or vidra.toml, line by line, or what each rule waits for");
  auto path = std::make_shared<std::string>(), site = std::make_shared<std::string>(), name = std::make_shared<std::string>();
  checks.option("FILE", *path, "rules, or the whole vidra.toml").required();
  checks.option("--site", *site, "the site or vidra.toml whose hosts and zones the rules name");
  const CommandLine says = c.command("fields", "what rules may ask of a protocol");
  says.option("PROTOCOL", *name, "one of them; without it all");
  checks.runs([path, site, &status] { status = check(*path, *site); });
  says.runs([name, &status] { status = fields(*name); });
  c.runs([c, markdown, &status] {
    if (!c.alone()) return;
    status = exit_done;
    if (*markdown) return write_page(std::cout);
    std::cout << c.help();
  });
}

}  // namespace vidra
