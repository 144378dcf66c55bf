// SPDX-License-Identifier: Apache-2.0
#include "dissectors/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <ostream>

#include "daemon/base/text.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/no_such.h"
#include "daemon/tool/protocols.h"

namespace vidra {
namespace {

std::string text_of(const Port& p) {
  switch (p.carrier) {
    case Carrier::tcp: return fmt::format("TCP {}", p.number);
    case Carrier::udp: return fmt::format("UDP {}", p.number);
    case Carrier::ethertype: return fmt::format("EtherType 0x{:04X}", p.number);
    case Carrier::llc: return p.number > 255 ? fmt::format("SNAP 0x{:04X}", p.number) : fmt::format("LLC 0x{:02X}", p.number);
    case Carrier::ip: return fmt::format("IP protocol {}", p.number);
    case Carrier::none: break;
  }
  return {};
}

// "TCP 102, 3782, UDP 102"
std::string ports_of(const Protocol& p) {
  std::string out;
  Carrier last = Carrier::none;
  for (const Port& port : p.ports) {
    const bool again = port.carrier == last && (port.carrier == Carrier::tcp || port.carrier == Carrier::udp);
    out += (out.empty() ? "" : ", ") + (again ? std::to_string(port.number) : text_of(port));
    last = port.carrier;
  }
  return out;
}

std::string number_of(const Function& f) { return f.sub == 0xffff ? std::to_string(f.number) : fmt::format("{}.{}", f.number, f.sub); }

std::string cell(std::string_view text) {        // a bar would end a table's cell
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::vector<const Protocol*> by_title() {
  std::vector<const Protocol*> all;
  for (const Protocol* p : protocols)
    if (p->open) all.push_back(p);
  std::sort(all.begin(), all.end(), [](const Protocol* a, const Protocol* b) { return a->name < b->name; });
  return all;
}

}  // namespace

void write_protocols(std::ostream& out) {
  out << "# What Vidra understands, and what it does not\n\n"
         "Written by `./dev docs` from the dissectors' own tables. A protocol is recognised by its structure, on any port; the ports named here are where\n"
         "structure alone need not be certain. *Opaque* is what a dissector is known not to understand: it is counted, never guessed.\n\n"
         "| name | protocol | usual places | functions known |\n|---|---|---|---|\n";
  for (const Protocol* p : by_title())
    out << fmt::format("| [{}](#{}) | {} | {} | {} |\n", p->name, p->name, cell(p->title), ports_of(*p), p->functions.size());
  for (const Protocol* p : by_title()) {
    out << fmt::format("\n## {}\n\n{}.", p->name, p->title);
    if (!p->standard.empty()) out << fmt::format(" After {}.", p->standard);
    if (!p->opaque.empty()) out << fmt::format(" **Opaque:** {}.", p->opaque);
    out << "\n\n";
    Act act = Act::other;
    for (size_t a = 0; a < act_count; a++) {
      act = Act(a);
      std::string line;
      for (const Function& f : p->functions)
        if (f.act == act) line += fmt::format("{}{} ({})", line.empty() ? "" : ", ", f.name, number_of(f));
      if (!line.empty()) out << fmt::format("* *{}*: {}\n", name_of(act), line);
    }
  }
}

void add_protocols(CommandLine app, int& status) {
  const CommandLine c = app.command("protocols", "every protocol that is understood, from which standard, and what of it is not");
  auto markdown = std::make_shared<bool>(false);
  auto name = std::make_shared<std::string>();
  c.flag("--markdown", *markdown, "as docs/PROTOCOLS.md is written");
  c.option("NAME", *name, "one of them, with every function");
  c.runs([markdown, name, &status] {
    status = exit_done;
    if (*markdown) return write_protocols(std::cout);
    if (name->empty()) {
      for (const Protocol* p : by_title()) fmt::print("{:<12} {:<44} {:>4} functions  {}\n", p->name, p->title, p->functions.size(), ports_of(*p));
      return;
    }
    const int index = protocol_index(*name);
    if (index < 0) {
      fmt::print(stderr, "vidra: {}\n", no_such_protocol(*name));
      status = exit_failed;
      return;
    }
    const Protocol& p = *protocols[size_t(index)];
    fmt::print("{}: {}\nports     {}\nstandard  {}\nopaque    {}\n", p.name, p.title, ports_of(p), p.standard, p.opaque);
    for (const Function& f : p.functions) fmt::print("{:>9}  {:<10} {}\n", number_of(f), name_of(f.act), f.name);
  });
}

}  // namespace vidra
