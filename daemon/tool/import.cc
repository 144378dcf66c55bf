// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "daemon/judge/site_file.h"
#include "daemon/site/scl.h"
#include "daemon/tool/commands.h"
#include "daemon/tool/output.h"

namespace vidra {
namespace {

struct ImportScdOptions {
  std::vector<std::string> files;
  std::string output;
  std::vector<std::string> addresses;
  SclOptions scl;
  bool strict = false, all_remarks = false;
};

void say(const Problems& problems, bool all) {
  constexpr size_t shown = 40;
  for (size_t i = 0; i < problems.size() && (all || i < shown); i++) fmt::print(stderr, "vidra: {}\n", problems[i]);
  if (!all && problems.size() > shown) fmt::print(stderr, "vidra: … and {} more remarks; --remarks shows all\n", problems.size() - shown);
}

std::string counted(size_t n, std::string_view one, std::string_view several) { return fmt::format("{} {}", n, n == 1 ? one : several); }

int import_files(ImportScdOptions& o) {
  Problems problems;
  for (const std::string& a : o.addresses) {
    const size_t equals = a.find('=');
    if (equals == 0 || equals == std::string::npos || !parse_address(a.substr(equals + 1))) {
      fmt::print(stderr, "vidra: --address {}: write it like --address IED1=10.10.1.41 or IED1=00:21:c1:30:10:41\n", a);
      return exit_usage;
    }
    o.scl.addresses[a.substr(0, equals)].push_back(a.substr(equals + 1));
  }
  SclImport import = import_scl(o.files, o.scl, problems);
  if (!problems.empty()) {
    say(problems, true);
    fmt::print(stderr, "vidra: nothing was imported\n");
    return exit_failed;
  }
  say(import.remarks, o.all_remarks);
  if (o.strict && !import.remarks.empty()) {
    fmt::print(stderr, "vidra: nothing was imported: --strict, and there are {}\n", counted(import.remarks.size(), "remark", "remarks"));
    return exit_failed;
  }
  const Declaration& d = import.declared;
  const std::string summary = fmt::format("{}, {}, {}, {}", counted(d.count("host"), "host", "hosts"), counted(d.count("conversation"), "conversation", "conversations"),
                                          counted(d.count("publisher"), "publisher", "publishers"), counted(d.count("mms_point"), "controllable object", "controllable objects"));
  if (d.tables.empty()) {
    fmt::print(stderr, "vidra: nothing to declare is in {}: no device with an address, no control block; import the SCD of the substation\n", counted(o.files.size(), "file", "these files"));
    return exit_failed;
  }
  const std::string text = toml_text(import.declared);
  // What is written is what the sensor reads: it is read here first.
  if (auto root = TomlTable::parse(text, o.output.empty() ? "(import)" : o.output, problems)) {
    read_site(*root, problems);
    root->finish();
  }
  if (!problems.empty()) {
    say(problems, true);
    fmt::print(stderr, "vidra: nothing was imported: the files contradict themselves, as said above\n");
    return exit_failed;
  }
  if (const std::string why = write_whole(o.output, text); !why.empty()) {
    fmt::print(stderr, "vidra: {}\n", why);
    return exit_failed;
  }
  fmt::print(stderr, "{}{}{}\n", o.output.empty() ? "" : o.output + ": ", summary, import.remarks.empty() ? "" : fmt::format("; {}", counted(import.remarks.size(), "remark", "remarks")));
  if (!o.output.empty()) fmt::print(stderr, "read it, try it with `vidra diff --site {} CAPTURE`, then name it in vidra.toml: [site] file = \"{}\"\n", o.output, o.output);
  return exit_done;
}

}  // namespace

void add_import(CLI::App& app, int& status) {
  auto* import = app.add_subcommand("import", "makes a site file of what engineering files and point lists declare");
  import->require_subcommand(1);

  auto* scd = import->add_subcommand("scd", "IEC 61850 files (SCD, CID, IID, ICD; editions 1 to 2.1): hosts, publishers, report clients, controls");
  auto o = std::make_shared<ImportScdOptions>();
  scd->add_option("FILE", o->files, "one or more; of a device in several, CID goes before IID, SCD, ICD")->required();
  scd->add_option("-o,--output", o->output, "write it here rather than to standard output; nothing is written unless all went well");
  scd->add_option("--address", o->addresses, "IED=ADDRESS of a device whose address the files do not say, or say wrong; IP or hardware address");
  scd->add_option("--frequency", o->scl.frequency, "of the grid in Hz, for streams that count samples a period")->check(CLI::IsMember({"16.7", "50", "60"}))->capture_default_str();
  scd->add_flag("--strict", o->strict, "write nothing if anything had to be left out");
  scd->add_flag("--remarks", o->all_remarks, "show every remark, not only the first 40");
  scd->footer("Examples:\n  vidra import scd alder.scd -o site-scd.toml\n  vidra import scd alder.scd bay1/*.cid -o site-scd.toml     the CIDs are newer than the SCD\n"
              "  vidra import scd alder.scd | diff site-scd.toml -          what has changed since the last import\n"
              "Each remark says file, line and element of what was left out.");
  scd->callback([o, &status] { status = import_files(*o); });
}

}  // namespace vidra
