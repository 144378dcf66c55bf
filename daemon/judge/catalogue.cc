// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/catalogue.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ostream>
#include <vector>

#include "daemon/judge/deeds.h"

namespace vidra {
namespace {

// The families are constants, so they are there before this runs.
const std::vector<Detection> all = [] {
  std::vector<Detection> rows;
  for (const Family* f : families) rows.insert(rows.end(), f->rows.begin(), f->rows.end());
  return rows;
}();

}  // namespace

const std::span<const Detection> catalogue = all;

std::string_view name_of(Audience a) { return a == Audience::security ? "security" : a == Audience::operations ? "operations" : "sensor"; }

const Detection* detection(std::string_view id) {
  for (const Detection& d : catalogue)
    if (d.id == id) return &d;
  return nullptr;
}

const Detection& row(std::string_view id) {
  const Detection* d = detection(id);
  if (!d) {
    fmt::print(stderr, "vidra: the catalogue has no detection {}\n", id);
    std::abort();
  }
  return *d;
}

namespace {

// A code span of several lines becomes a block of its own.
std::string with_blocks(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t open = text.find('`'), close = open == text.npos ? text.npos : text.find('`', open + 1);
    if (close == text.npos) return out.append(text);
    const std::string_view code = text.substr(open + 1, close - open - 1);
    if (code.find('\n') == code.npos) {
      out.append(text.substr(0, close + 1));
      text.remove_prefix(close + 1);
      continue;
    }
    out.append(text.substr(0, open));
    while (out.ends_with(' ')) out.pop_back();
    out.append(fmt::format("\n\n```toml\n{}\n```\n", code));
    text.remove_prefix(close + 1);
    while (!text.empty() && std::string_view(" ,.;").find(text.front()) != std::string_view::npos) text.remove_prefix(1);
    if (!text.empty()) out.append("\n… ");
  }
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

}  // namespace

void write_catalogue(std::ostream& out) {
  out << "# Alerts\n\n"
         "What Vidra can find. This page is generated from the catalogue in `daemon/judge/catalogue_*.cc`; a test fails when the two differ.\n\n"
         "Severity runs from 1 (information) to 5 (critical). The number here is the usual one: the target's role and declared criticality may\n"
         "raise it; works, a habit that was learned, or an attempt without effect may lower it; a setting fixes it. Every detection has a capture or byte script in `tests/judge` that must raise it and one that must not.\n\n"
         "To change one, name it in the settings; to switch it off, say so. Off is off:\n\n"
         "```toml\n[detection.NET-05]\nseverity = 2\ntargets = 60\n\n[detection.NET-17]\noff = true\n```\n";
  for (const Family* f : families) {
    out << "\n## " << f->title << "\n";
    for (const Detection& d : f->rows) {
      out << fmt::format("\n### {} {}\n\n", d.id, d.title);
      out << fmt::format("Severity {}, for {}", d.severity, d.audience == Audience::security ? "security" : d.audience == Audience::operations ? "operations" : "who runs the sensor");
      if (!d.technique.empty()) out << fmt::format(", ATT&CK for ICS {}", d.technique);
      if (!d.rsit.empty()) out << fmt::format(", RSIT `{}`", d.rsit);
      out << ".\n\n" << d.why << "\n\n**Check first.** " << d.next << "\n\n**To tune.** " << with_blocks(d.tune) << "\n";
      if (d.thresholds.empty()) continue;
      out << "\n| threshold | delivered as | meaning |\n| --- | --- | --- |\n";
      for (const Threshold& t : d.thresholds) out << fmt::format("| `{}` | {}{}{} | {} |\n", t.key, t.value, t.unit.empty() ? "" : " ", t.unit, t.meaning);
    }
  }
  out << "\n## Not raised\n\nKnown elsewhere, and not found by this sensor:\n\n| detection | what | why not |\n| --- | --- | --- |\n";
  for (const NotRaised& n : not_raised) out << fmt::format("| {} | {} | {} |\n", n.id, n.title, n.reason);
}

}  // namespace vidra
