// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <set>

#include "daemon/judge/site_file.h"
#include "daemon/report/words.h"
#include "daemon/site/point_list.h"
#include "daemon/site/scl.h"
#include "daemon/tool/commands.h"
#include "daemon/base/output.h"

namespace vidra {
namespace {

struct ImportScdOptions {
  std::vector<std::string> files;
  std::string output;
  std::vector<std::string> addresses;
  SclOptions scl;
  bool strict = false, all_remarks = false;
};

// What other people wrote into their files does not draw on the screen.
void say(const Problems& problems, bool all) {
  constexpr size_t shown = 40;
  for (size_t i = 0; i < problems.size() && (all || i < shown); i++) fmt::print(stderr, "vidra: {}\n", printable(problems[i]));
  if (!all && problems.size() > shown) fmt::print(stderr, "vidra: … and {} more remarks; --remarks shows all\n", problems.size() - shown);
}

std::string counted(size_t n, std::string_view one, std::string_view several) { return fmt::format("{} {}", n, n == 1 ? one : several); }

// What is written is what the sensor reads: it is read here first, with the hosts that another file declares.
bool reads_well(const std::string& text, const std::string& output, const std::vector<std::string>& beside, Problems& problems) {
  std::vector<TomlTable> roots;
  if (auto root = TomlTable::parse(text, output.empty() ? "(import)" : output, problems)) roots.push_back(std::move(*root));
  for (const std::string& file : beside)
    if (auto root = TomlTable::open(file, problems)) roots.push_back(std::move(*root));
  if (problems.empty()) read_site(std::span(roots));
  return problems.empty();
}

// Where nobody names the site's files: the hosts that a list names, as if they were declared.
std::string hosts_of(const std::string& text) {
  Problems none;
  std::set<std::string> names;
  if (auto root = TomlTable::parse(text, "", none))
    for (std::string_view kind : {"iec104_point", "dnp3_point", "modbus_point"})
      for (TomlTable t : root->tables(kind))
        if (std::string name; t.read("host", name)) names.insert(name);
  std::string out;
  for (const std::string& name : names) {
    const auto own = parse_address(name);
    out += fmt::format("[[host]]\nname = {}\n{} = \"{}\"\n", toml_quoted(name), own && own->kind == Address::Kind::mac ? "mac" : "address", own ? text_of(*own) : fmt::format("fd76:6964:7261::{:x}:{:x}", out.size() >> 16, out.size() & 0xffff));
  }
  return out;
}

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
  if (!reads_well(text, o.output, {}, problems)) {
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

struct ImportPointsOptions {
  std::string file, output, columns, protocol, host, station, sheet, encoding, delimiter, quantities;
  std::vector<std::string> sites;
  uint32_t header = 0;
  bool accept = false, skip = false, low_octet_first = false, all_remarks = false;
};

// Which of the list's points are the same quantity, among themselves and with what the site's other files declare.
void compare_with(const std::vector<std::string>& sites, Quantify how, PointImport& import, Problems& problems) {
  std::vector<TomlTable> roots;
  for (const std::string& file : sites)
    if (auto root = TomlTable::open(file, problems)) roots.push_back(std::move(*root));
  if (!problems.empty()) return;
  const Site beside = roots.empty() ? Site() : read_site(std::span(roots));
  if (!problems.empty()) return;
  refer_feedbacks(import, beside);
  std::vector<Measured> all = import.measured;
  for (Measured& m : measured_of(beside)) all.push_back(std::move(m));
  QuantityImport q = quantities_of(std::move(all), how, beside);
  import.remarks.insert(import.remarks.end(), q.remarks.begin(), q.remarks.end());
  if (q.tables.empty()) return;
  constexpr size_t most = 40;
  import.shown.push_back(fmt::format("{} that more than one of them tells; if one is not what it seems, say \"-\" in a column \"quantity\" of its rows:", counted(q.tables.size(), "quantity", "quantities")));
  import.shown.insert(import.shown.end(), q.shown.begin(), q.shown.begin() + long(std::min(most, q.shown.size())));
  if (q.shown.size() > most) import.shown.push_back(fmt::format("  … and {} more, in what is written", q.shown.size() - most));
  import.declared.tables["quantity"] = std::move(q.tables);
}

int import_list(const ImportPointsOptions& o) {
  Problems problems;
  PointMapping m;
  if (!o.columns.empty()) m = load_mapping(o.columns, problems);
  if (!problems.empty()) return say(problems, true), exit_failed;
  if (o.protocol == "iec104") m.protocol = ListProtocol::iec104;
  else if (o.protocol == "dnp3") m.protocol = ListProtocol::dnp3;
  else if (o.protocol == "modbus") m.protocol = ListProtocol::modbus;
  if (!o.host.empty()) m.host = o.host;
  if (!o.station.empty()) m.station = o.station;
  if (!o.sheet.empty()) m.sheet = o.sheet;
  if (!o.encoding.empty()) m.reading.encoding = o.encoding;
  if (!o.delimiter.empty()) {
    const std::string one = o.delimiter == "tab" || o.delimiter == "\\t" ? "\t" : o.delimiter;
    if (one.size() != 1 || !may_delimit(one[0])) {
      fmt::print(stderr, "vidra: --delimiter {}: write one character of ASCII, like \";\", or tab\n", printable(o.delimiter));
      return exit_usage;
    }
    m.reading.delimiter = one[0];
  }
  if (o.header) m.header = o.header;
  m.skip = o.skip;
  m.low_octet_first |= o.low_octet_first;

  if (!o.quantities.empty()) m.quantities = o.quantities == "guess" ? Quantify::guess : o.quantities == "told" ? Quantify::told : Quantify::none;
  PointImport import = import_points(o.file, m, problems);
  if (problems.empty()) {
    compare_with(o.sites, m.quantities, import, problems);
    if (!problems.empty()) {
      say(problems, o.all_remarks);
      fmt::print(stderr, "vidra: nothing was imported: correct {} first\n", fmt::join(o.sites, ", "));
      return exit_failed;
    }
  }
  for (const std::string& line : import.shown) fmt::print(stderr, "{}\n", printable(line));
  say(import.remarks, o.all_remarks);
  if (!problems.empty()) {
    say(problems, o.all_remarks);
    fmt::print(stderr, "vidra: nothing was imported: {}{}\n", counted(problems.size(), "mistake", "mistakes"), import.rows > problems.size() && !o.skip ? "; --skip leaves out the rows that cannot be read" : "");
    return exit_failed;
  }
  const std::string text = toml_text(import.declared);
  const size_t quantities = import.declared.count("quantity");
  size_t points = 0;
  for (const auto& [kind, tables] : import.declared.tables) points += tables.size();
  points -= quantities;
  const std::string made = counted(points, "point", "points") + (quantities ? ", " + counted(quantities, "quantity", "quantities") : "");
  if (!(o.sites.empty() ? reads_well(text + hosts_of(text), o.output, {}, problems) : reads_well(text, o.output, o.sites, problems))) {
    say(problems, o.all_remarks);
    if (o.sites.empty()) fmt::print(stderr, "vidra: nothing was imported: the sensor would refuse it, as said above\n");
    else fmt::print(stderr, "vidra: nothing was imported: it does not go with {}\n", fmt::join(o.sites, ", "));
    return exit_failed;
  }
  if (!o.accept) {
    if (!isatty(STDIN_FILENO)) {
      fmt::print(stderr, "vidra: {} are ready. If the lines above are right, say so with --accept; if not, tell what is with --columns MAP.toml, --encoding, --sheet or --header{}\n", made,
                 quantities ? "; without the quantities: --quantities none" : "");
      return exit_failed;
    }
    fmt::print(stderr, "{}. Is this right? [y/N] ", made);
    std::string answer;
    if (!std::getline(std::cin, answer) || (answer != "y" && answer != "Y" && answer != "yes" && answer != "d" && answer != "da")) {
      fmt::print(stderr, "vidra: nothing was imported\n");
      return exit_failed;
    }
  }
  if (const std::string why = write_whole(o.output, text); !why.empty()) {
    fmt::print(stderr, "vidra: {}\n", why);
    return exit_failed;
  }
  fmt::print(stderr, "{}{}\n", o.output.empty() ? "" : o.output + ": ", made);
  return exit_done;
}

}  // namespace

void add_import(CommandLine app, int& status) {
  const CommandLine import = app.command("import", "makes a site file of what engineering files and point lists declare");
  import.needs_command();

  const CommandLine scd = import.command("scd", "IEC 61850 files (SCD, CID, IID, ICD; editions 1 to 2.1): hosts, publishers, report clients, controls");
  auto o = std::make_shared<ImportScdOptions>();
  scd.option("FILE", o->files, "one or more; of a device in several, CID goes before IID, SCD, ICD").required();
  scd.option("-o,--output", o->output, "write it here rather than to standard output; nothing is written unless all went well");
  scd.option("--address", o->addresses, "IED=ADDRESS of a device whose address the files do not say, or say wrong; IP or hardware address").one_word();
  scd.option("--frequency", o->scl.frequency, "of the grid in Hz, for streams that count samples a period").one_of({"16.7", "50", "60"}).shows_default();
  scd.flag("--strict", o->strict, "write nothing if anything had to be left out");
  scd.flag("--remarks", o->all_remarks, "show every remark, not only the first 40");
  scd.footer("Examples:\n  vidra import scd alder.scd -o site-scd.toml\n  vidra import scd alder.scd bay1/*.cid -o site-scd.toml     the CIDs are newer than the SCD\n"
              "  vidra import scd alder.scd | diff site-scd.toml -          what has changed since the last import\n"
              "Each remark says file, line and element of what was left out.");
  scd.runs([o, &status] { status = import_files(*o); });

  const CommandLine points = import.command("points", "a point list (CSV, .xlsx) of IEC 60870-5-104, DNP3 or Modbus, whatever its columns are called");
  auto p = std::make_shared<ImportPointsOptions>();
  points.option("FILE", p->file, "the list").required();
  points.option("-o,--output", p->output, "write it here rather than to standard output; nothing is written unless all went well");
  points.flag("--accept", p->accept, "what was guessed is right: do not ask");
  points.option("--host", p->host, "the declared host that serves these points, where no column names it");
  points.option("--station", p->station, "common address, outstation or unit of every row, where no column has it");
  points.option("--protocol", p->protocol, "of the points, where it cannot be guessed").one_of({"iec104", "dnp3", "modbus"});
  points.option("--site", p->sites, "the site's other files: the hosts of the list are looked for in them").one_word();
  points.option("--columns", p->columns, "a TOML file that says which column is what, and what the list's own words mean");
  points.option("--sheet", p->sheet, "of a workbook; otherwise the one with the most headings");
  points.option("--header", p->header, "line of the headings, where it is not found");
  points.option("--encoding", p->encoding, "of a CSV file: UTF-8, UTF-16, WINDOWS-1250, WINDOWS-1251, CP852 …; otherwise guessed");
  points.option("--delimiter", p->delimiter, "of a CSV file, one character or tab; otherwise guessed");
  points.option("--quantities", p->quantities, "which rows are one quantity ([[quantity]]): guess, told (by columns alone) or none; otherwise what the mapping says, or guess").one_of({"guess", "told", "none"});
  points.flag("--low-octet-first", p->low_octet_first, "structured addresses (237-19-0) begin with the lowest octet");
  points.flag("--skip", p->skip, "leave out rows that cannot be read, instead of refusing the list");
  points.flag("--remarks", p->all_remarks, "show every remark, not only the first 40");
  points.footer("Examples:\n  vidra import points rtu1.xlsx --host rtu1 -o points.toml            shows what it guessed and three rows, and asks\n"
                 "  vidra import points lista.csv --host rtu1 --station 11 --columns map.toml --accept -o points.toml\n"
                 "map.toml:\n  [columns]                     # a heading, a letter, or a number from 1; several are joined\n  address = \"IOA\"\n  name = [\"C\", \"Opis\"]\n"
                 "  [list]\n  protocol = \"iec104\"\n  station = 11\n  [words.type]                  # the list's own word = ours\n  DPK = \"C_DC_NA_1\"\n"
                 "Columns: host, station, address, last, count, type, table, direction, kind, mode, min, max, step, unit, feedback, travel_time, name, bay, voltage, writable,\n"
                 "feedback: an address of the same station; what another device tells, by its reference (AA1J1Q01A1LD0/XCBR1.Pos.stVal; \"goose …\" what GOOSE tells), with --site;\n"
                 "quantity (rows of one bay with the same text are one quantity; \"-\": of none), scale (its number times this is in the unit), reference (the same in IEC 61850).");
  points.runs([p, &status] { status = import_list(*p); });
}

}  // namespace vidra
