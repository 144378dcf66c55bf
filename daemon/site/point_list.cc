// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/point_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "daemon/base/text.h"
#include "daemon/judge/iec104_types.h"
#include "daemon/judge/site_file.h"
#include "daemon/site/point_cells.h"
#include "daemon/site/point_words.h"

namespace vidra {
namespace {

class List {
 public:
  List(const Sheet& sheet, const PointMapping& mapping, PointImport& out, Problems& problems) : sheet_(sheet), mapping_(mapping), out_(out), problems_(problems) {}

  // How many headings the best row has; 0 when the sheet is no list.
  size_t find_headings() {
    header_ = sheet_.rows.size();
    size_t best = 0;
    for (size_t r = 0; r < sheet_.rows.size() && r < 200; r++) {
      const Sheet::Row& row = sheet_.rows[r];
      if (mapping_.header && row.line != mapping_.header) continue;
      std::set<Field> found;
      for (size_t c = 0; c < row.cells.size(); c++) {
        if (const auto f = field_of(row[c])) found.insert(*f);
        for (size_t f = 0; f < field_count; f++)
          for (const std::string& wanted : mapping_.columns[f])
            if (!row[c].empty() && !whole(wanted) && words_of(wanted) == words_of(row[c])) found.insert(Field(f));   // a number is a column's
      }
      const size_t score = found.contains(Field::address) || mapping_.header ? found.size() + mapping_.header : 0;
      if (score > best && (score >= 2 || mapping_.header)) best = score, header_ = r;
    }
    return best;
  }

  void read() {
    if (!columns()) return;
    if (!protocol()) return;
    show_columns();
    rows();
  }

 private:
  struct Column { std::vector<size_t> at; std::string said; };

  void wrong(const Sheet::Row& row, Field f, std::string_view cell, const std::string& what) {
    const std::string text = fmt::format("{}: {} \"{}\": {}", sheet_.place(row), of(f), cell.substr(0, 60), what);
    if (mapping_.skip) { bad_row_ = true; if (out_.remarks.size() < 10'000) out_.remarks.push_back(text + "; the row is left out"); }
    else if (problems_.size() < 1000) problems_.push_back(text);
    bad_row_ = true;
  }
  std::string of(Field f) const {
    const Column& c = columns_[size_t(f)];
    return c.at.empty() ? std::string(name_of(f)) : fmt::format("{} (column {})", name_of(f), column_name(c.at[0]));
  }

  bool columns() {
    const Sheet::Row* head = header_ < sheet_.rows.size() ? &sheet_.rows[header_] : nullptr;
    for (size_t f = 0; f < field_count; f++)
      for (const std::string& wanted : mapping_.columns[f]) {
        size_t at = SIZE_MAX;
        if (head)
          for (size_t c = 0; c < head->cells.size(); c++)
            if (words_of((*head)[c]) == words_of(wanted)) { at = c; break; }
        if (at == SIZE_MAX)
          if (const auto n = whole(wanted); n && *n >= 1 && *n <= most_columns) at = *n - 1;
        if (at == SIZE_MAX && !wanted.empty() && wanted.size() <= 2 && std::all_of(wanted.begin(), wanted.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
          at = 0;
          for (const char c : wanted) at = at * 26 + size_t(c - 'A' + 1);
          at--;
        }
        if (at == SIZE_MAX) {
          std::vector<std::string_view> all;
          if (head)
            for (const std::string& c : head->cells)
              if (!c.empty()) all.push_back(c);
          std::string list;
          for (std::string_view c : all) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", c);
          problems_.push_back(fmt::format("{}: {} = \"{}\" is no column{}; write a heading, a letter like \"C\" or a number", head ? sheet_.place(*head) : sheet_.path, name_of(Field(f)), wanted,
                                          head ? fmt::format(" of this list, which has {}", list) : ": no headings were found"));
          continue;
        }
        columns_[f].at.push_back(at);
        columns_[f].said = "as told";
      }
    if (!problems_.empty()) return false;
    std::set<size_t> taken;
    for (const Column& c : columns_) taken.insert(c.at.begin(), c.at.end());
    if (head)
      for (size_t c = 0; c < head->cells.size(); c++) {
        const auto f = field_of((*head)[c]);
        if (!f || taken.contains(c)) continue;
        Column& column = columns_[size_t(*f)];
        if (!column.at.empty() && (column.said == "as told" || *f != Field::name)) continue;   // the first of its kind; names are joined
        column.at.push_back(c);
        taken.insert(c);
      }
    if (columns_[size_t(Field::address)].at.empty()) {
      problems_.push_back(fmt::format("{}: no column with addresses was found; say which with --columns MAP.toml: [columns] address = \"C\" (a letter, a number or its heading)", sheet_.path));
      return false;
    }
    if (!head) {                                              // all columns were told: begin where addresses do
      header_ = SIZE_MAX;
      for (size_t r = 0; r < sheet_.rows.size(); r++)
        if (span_of(cell(sheet_.rows[r], Field::address), true, false)) {
          header_ = r - 1;                                      // of the first row: none
          break;
        }
    }
    return true;
  }

  std::string cell(const Sheet::Row& row, Field f) const {
    std::string all;
    for (const size_t c : columns_[size_t(f)].at) {
      const std::string_view s = row[c];
      if (!s.empty()) all += (all.empty() ? "" : " ") + std::string(s);
    }
    return all;
  }

  bool protocol() {
    protocol_ = mapping_.protocol;
    if (protocol_ == ListProtocol::guess) {
      size_t votes[4] = {};
      std::string head;
      if (header_ < sheet_.rows.size())
        for (const std::string& c : sheet_.rows[header_].cells) head += " " + words_of(c) + " ";
      for (const std::string_view w : {" ioa ", " asdu ", " casdu ", " coa "}) votes[1] += 5 * (head.find(w) != std::string::npos);
      for (const std::string_view w : {" outstation ", " dnp ", " dnp3 ", " crob "}) votes[2] += 5 * (head.find(w) != std::string::npos);
      for (const std::string_view w : {" register ", " registar ", " unit id ", " slave ", " fc ", " modbus "}) votes[3] += 5 * (head.find(w) != std::string::npos);
      for (size_t r = header_ + 1; r < sheet_.rows.size() && r < header_ + 200; r++) {
        const std::string type = cell(sheet_.rows[r], Field::type), table = cell(sheet_.rows[r], Field::table);
        votes[1] += type.find("_N") != std::string::npos || type.find("_T") != std::string::npos;
        votes[2] += words_of(type) == "crob" || words_of(type) == "binary input" || words_of(type) == "analog input";
        votes[3] += !look_up(modbus_tables, words_of(table)).empty() || words_of(type).find("register") != std::string::npos || words_of(type) == "coil";
      }
      const size_t best = size_t(std::max_element(votes, votes + 4) - votes);
      if (votes[best] == 0) {
        problems_.push_back(fmt::format("{}: which protocol these points are of was not to be guessed; add --protocol iec104, dnp3 or modbus", sheet_.path));
        return false;
      }
      protocol_ = ListProtocol(best);
    }
    // "Unit" is the unit identifier in a Modbus list without another one, where it holds numbers.
    Column& station = columns_[size_t(Field::station)];
    Column& unit = columns_[size_t(Field::unit)];
    if (protocol_ == ListProtocol::modbus && station.at.empty() && !unit.at.empty() && !mapping_.station) {
      bool numbers = true, any = false;
      for (size_t r = header_ + 1; r < sheet_.rows.size(); r++) {
        const std::string s = cell(sheet_.rows[r], Field::unit);
        if (!s.empty()) any = true, numbers &= whole(s).has_value();
      }
      if (numbers && any) std::swap(station, unit);
    }
    // 40031 and the like: the reference notation, whose first digit is the table.
    if (protocol_ == ListProtocol::modbus && columns_[size_t(Field::table)].at.empty() && !mapping_.words.contains("table")) {
      bool all = true, any = false, typed = false;
      for (size_t r = header_ + 1; r < sheet_.rows.size(); r++) {
        typed |= !look_up(modbus_tables, words_of(cell(sheet_.rows[r], Field::type))).empty();
        const auto s = span_of(cell(sheet_.rows[r], Field::address), false, false);
        if (!s) continue;
        any |= s->first > 10'000;                                // below it, nothing tells a table
        all &= s->first >= 1 && reference_table(s->first) && reference_table(s->first) == reference_table(s->last);
      }
      if (typed) std::swap(columns_[size_t(Field::table)], columns_[size_t(Field::type)]);   // the type column holds the table
      else reference_notation_ = all && any;
    }
    return true;
  }
  static const char* reference_table(uint64_t n) {
    const uint64_t digit = n >= 100'000 ? n / 100'000 : n / 10'000;
    return n >= 500'000 ? nullptr : digit == 0 ? "coil" : digit == 1 ? "discrete_input" : digit == 3 ? "input_register" : digit == 4 ? "holding_register" : nullptr;
  }

  void show_columns() {
    constexpr std::string_view names[] = {"", "IEC 60870-5-104", "DNP3", "Modbus"};
    const std::string apart = sheet_.delimiter == '\t' ? ", columns apart by tabs" : sheet_.delimiter ? fmt::format(", columns apart by \"{}\"", sheet_.delimiter) : "";
    out_.shown.push_back(fmt::format("{}{}: {}{}; {} points{}", sheet_.path, sheet_.name.empty() ? "" : fmt::format(", sheet \"{}\"", sheet_.name), sheet_.encoding, apart, names[size_t(protocol_)],
                                     header_ < sheet_.rows.size() ? fmt::format("; headings in line {}", sheet_.rows[header_].line) : ""));
    for (size_t f = 0; f < field_count; f++) {
      const Column& c = columns_[f];
      if (c.at.empty()) continue;
      std::string from;
      for (const size_t at : c.at) {
        const std::string_view heading = header_ < sheet_.rows.size() ? sheet_.rows[header_][at] : std::string_view();
        from += fmt::format("{}column {}{}", from.empty() ? "" : " and ", column_name(at), heading.empty() ? "" : fmt::format(" \"{}\"", heading));
      }
      out_.shown.push_back(fmt::format("  {:<12} {}", name_of(Field(f)), from));
    }
    if (reference_notation_) out_.shown.push_back("  addresses are in reference notation: 40031 is holding register 30");
    std::string left;
    if (header_ < sheet_.rows.size())
      for (size_t c = 0; c < sheet_.rows[header_].cells.size(); c++) {
        const bool used = std::any_of(columns_.begin(), columns_.end(), [&](const Column& k) { return std::find(k.at.begin(), k.at.end(), c) != k.at.end(); });
        if (!used && !sheet_.rows[header_][c].empty()) left += fmt::format("{}\"{}\"", left.empty() ? "" : ", ", sheet_.rows[header_][c]);
      }
    if (!left.empty()) out_.shown.push_back("  not used     " + left);
  }

  // The list's own word for something, as ours; else by the table.
  std::string meaning(Field f, const std::string& text, std::span<const Meaning> table) const {
    const auto own = mapping_.words.find(name_of(f));
    if (own != mapping_.words.end())
      if (const auto it = own->second.find(folded(text)); it != own->second.end()) return it->second;
    const std::string words = words_of(text);
    return std::string(look_up(table, words));
  }
  std::string own_word(Field f, const std::string& text) const {
    const auto own = mapping_.words.find(name_of(f));
    if (own == mapping_.words.end()) return {};
    const auto it = own->second.find(folded(text));
    return it == own->second.end() ? std::string() : it->second;
  }

  void rows() {
    std::string bay, host, station, voltage, heading;
    std::map<std::string, Seen> seen;
    const std::string kind = protocol_ == ListProtocol::iec104 ? "iec104_point" : protocol_ == ListProtocol::dnp3 ? "dnp3_point" : "modbus_point";
    uint32_t most = protocol_ == ListProtocol::iec104 ? 0xffffff : 65535;
    for (size_t r = header_ == SIZE_MAX ? 0 : header_ + 1; r < sheet_.rows.size(); r++) {
      const Sheet::Row& row = sheet_.rows[r];
      bad_row_ = false;
      const std::string address = cell(row, Field::address);
      const size_t filled = size_t(std::count_if(row.cells.begin(), row.cells.end(), [](const std::string& c) { return !c.empty(); }));
      // A row with a title alone heads the rows below: "Polje E01".
      if (address.empty() || (filled == 1 && !span_of(address, protocol_ == ListProtocol::iec104, mapping_.low_octet_first))) {
        if (filled == 1 && columns_[size_t(Field::bay)].at.empty())
          for (const std::string& c : row.cells)
            if (!c.empty()) heading = c;
        if (const std::string b = cell(row, Field::bay); !b.empty()) bay = b;
        if (filled > 1) out_.without_address++;
        continue;
      }
      if (header_ < sheet_.rows.size() && address == cell(sheet_.rows[header_], Field::address)) continue;   // the headings again, on a new page
      // What is written once for several rows holds until the next.
      const auto carried = [&](Field f, std::string& to) {
        if (const std::string s = cell(row, f); !s.empty()) to = s;
        return to;
      };
      carried(Field::bay, bay), carried(Field::host, host), carried(Field::station, station), carried(Field::voltage, voltage);
      out_.rows++;
      DeclaredTable t;
      const std::string& server = host.empty() ? mapping_.host : host;
      if (server.empty()) {
        problems_.push_back(fmt::format("{}: which host serves these points is not in the list; add --host NAME", sheet_.place(row)));
        return;
      }
      t.text("host", server);

      const std::string where = station.empty() ? mapping_.station.value_or("") : station;
      auto number = whole(where);
      if (!number && protocol_ == ListProtocol::iec104) number = octets(where, 2, 2, mapping_.low_octet_first);
      if (where.empty()) {
        problems_.push_back(fmt::format("{}: the station (common address, outstation or unit) is not in the list; add --station NUMBER", sheet_.place(row)));
        return;
      }
      const uint32_t most_station = protocol_ == ListProtocol::modbus ? 255 : protocol_ == ListProtocol::dnp3 ? 65519 : 65535;
      if (!number || *number > most_station) {
        wrong(row, Field::station, where, fmt::format("is no {}; write a number from 0 to {}", protocol_ == ListProtocol::iec104 ? "common address" : protocol_ == ListProtocol::dnp3 ? "outstation" : "unit identifier", most_station));
        continue;
      }
      auto span = span_of(address, protocol_ == ListProtocol::iec104, mapping_.low_octet_first);
      if (span && !columns_[size_t(Field::last)].at.empty())
        if (const std::string last = cell(row, Field::last); !last.empty()) {
          const auto to = span_of(last, protocol_ == ListProtocol::iec104, mapping_.low_octet_first);
          if (!to || to->first < span->first) { wrong(row, Field::last, last, "is no address behind the first"); continue; }
          span->last = to->first, span->structured = false;
        }
      if (const std::string count = cell(row, Field::count); span && !count.empty()) {
        const auto n = whole(count);
        if (!n || *n < 1 || *n > 65536) { wrong(row, Field::count, count, "is no number of points, from 1 to 65536"); continue; }
        span->last = span->first + *n - 1;
      }
      std::string table;
      if (span && reference_notation_) {
        table = reference_table(span->first);
        const uint64_t base = span->first >= 100'000 ? span->first / 100'000 * 100'000 : span->first / 10'000 * 10'000;
        if (span->first == base) span.reset();
        else span->first -= base + 1, span->last -= base + 1;
      }
      if (!span || span->last > most || span->last - span->first >= 65536) {
        wrong(row, Field::address, address, fmt::format("is no address; write a number from 0 to {}, 0x13ED, a range like 5101-5106{}", most, protocol_ == ListProtocol::iec104 ? ", or octets like 0-19-237" : ""));
        continue;
      }
      t.number(protocol_ == ListProtocol::dnp3 ? "outstation" : protocol_ == ListProtocol::modbus ? "unit" : "station", *number);

      std::string direction = cell(row, Field::direction), kind_word = cell(row, Field::kind), type = cell(row, Field::type);
      std::string implied_direction, implied_kind;
      bool commands = false;                                   // of DNP3: a type that can
      if (!direction.empty()) {
        const std::string means = meaning(Field::direction, direction, directions);
        if (means.empty()) { wrong(row, Field::direction, direction, "is neither control nor monitor; tell what it means with [words.direction] in --columns MAP.toml"); continue; }
        direction = means;
      }
      if (protocol_ == ListProtocol::iec104) {
        if (span->structured && !mapping_.low_octet_first) t.text("address", fmt::format("{}-{}-{}", span->first >> 16, span->first >> 8 & 255, span->first & 255));
        else t.number("address", span->first);
        if (span->last > span->first) t.number("count", span->last - span->first + 1);
        if (!type.empty()) {
          const std::string own = own_word(Field::type, type);
          const std::string known = type_in(own.empty() ? type : own);
          const std::string words = words_of(own.empty() ? type : own);
          const ShortType* brief = nullptr;
          for (const ShortType& s : short_types)
            if (s.word == words) brief = &s;
          if (!known.empty() && known[0] >= '0' && known[0] <= '9') t.number("type", std::stoi(known));
          else if (!known.empty()) t.text("type", known);
          else if (brief) implied_direction = brief->direction, implied_kind = brief->kind;
          else { wrong(row, Field::type, type, "is no type identification like C_DC_NA_1 or 46; tell what it means with [words.type] in --columns MAP.toml"); continue; }
        }
      } else if (protocol_ == ListProtocol::dnp3) {
        std::string means = meaning(Field::type, type, dnp3_types);
        if (means.empty())
          for (const Meaning& m : dnp3_types)
            if (m.means == type) means = type;
        if (means == "binary_output" && direction == "control") means = "crob";
        if (means.empty()) {
          wrong(row, Field::type, type, fmt::format("is no type of a DNP3 point; allowed: {}; or tell what it means with [words.type] in --columns MAP.toml", allowed(dnp3_types)));
          continue;
        }
        t.text("type", means);
        commands = means == "crob" || means == "analog_output";
        if (span->last > span->first) t.text("index", fmt::format("{}-{}", span->first, span->last));
        else t.number("index", span->first);
      } else {
        std::string text = cell(row, Field::table);
        if (table.empty() && !text.empty()) {
          table = meaning(Field::table, text, modbus_tables);
          for (const Meaning& m : modbus_tables)
            if (table.empty() && m.means == text) table = text;
        }
        if (table.empty()) {
          wrong(row, Field::table, text, fmt::format("is no table of Modbus; allowed: {}, or a function code", allowed(modbus_tables)));
          continue;
        }
        t.text("table", table);
        // A value of 32 bits lies in two registers.
        const std::string words = words_of(type);
        const uint32_t registers = table == "coil" || table == "discrete_input" || span->last > span->first ? 1
                                   : words.find("64") != std::string::npos || words == "double" ? 4
                                   : words.find("32") != std::string::npos || words == "float" || words == "real" || words == "dword" || words == "dint" || words == "udint" ? 2 : 1;
        span->last += registers - 1;
        if (span->last > most) {
          wrong(row, Field::address, address, fmt::format("and the {} registers of \"{}\" reach beyond {}", registers, type, most));
          continue;
        }
        if (span->last > span->first) t.text("address", fmt::format("{}-{}", span->first, span->last));
        else t.number("address", span->first);
        bool writes = direction == "control" && (table == "coil" || table == "holding_register");
        if (const std::string w = cell(row, Field::writable); !w.empty()) {
          const std::string means = meaning(Field::writable, w, writables);
          if (means.empty()) { wrong(row, Field::writable, w, "is neither read nor write; tell what it means with [words.writable] in --columns MAP.toml"); continue; }
          writes = means == "yes" && (table == "coil" || table == "holding_register");
        }
        if (writes) t.flag("writable", true);
      }
      if (direction.empty()) direction = implied_direction;
      t.text("direction", direction);
      if (!kind_word.empty()) {
        std::string means = meaning(Field::kind, kind_word, kinds);
        if (means.empty())
          for (const Meaning& m : kinds)
            if (means.empty() && (m.means == kind_word || contains_words(words_of(kind_word), m.word))) means = m.means;
        if (means.empty()) remark(row, Field::kind, kind_word, fmt::format("says none of {}; left open (or tell with [words.kind])", allowed(kinds)));
        else t.text("kind", means);
      } else t.text("kind", implied_kind);
      if (const std::string mode = cell(row, Field::mode); !mode.empty()) {
        const std::string means = meaning(Field::mode, mode, modes);
        if (means == "select" || means == "direct") t.text("mode", means);
        else if (mode != "-" && mode != "/") remark(row, Field::mode, mode, "says neither select nor direct; left open (or tell with [words.mode])");
      }
      bool right = true;
      std::optional<double> low, high;
      for (const auto& [f, to] : {std::pair<Field, std::optional<double>*>{Field::min, &low}, {Field::max, &high}, {Field::step, nullptr}}) {
        const std::string s = cell(row, f);
        if (s.empty() || s == "-" || s == "/") continue;
        const auto v = real_of(s);
        if (!v || (f == Field::step && *v < 0)) { wrong(row, f, s, "is no number"), right = false; break; }
        if (std::fabs(*v) > 1e30) { remark(row, f, s, "is left out: so wide is no limit"); continue; }
        if (to) *to = v;
        else t.real(name_of(f), *v);
      }
      if (!right) continue;
      if (low && high && *low == *high) {                        // columns that somebody filled with zeros
        remark(row, Field::min, cell(row, Field::min), "and max are the same: left out");
        low.reset(), high.reset();
      }
      for (const auto& [f, limit] : {std::pair(Field::min, low), {Field::max, high}})
        if (limit) t.real(name_of(f), *limit);
      std::optional<ReferredFeedback> referred;
      std::optional<double> scale, device_scale;
      const bool real = protocol_ == ListProtocol::iec104 && is_real(t);
      if (const std::string s = cell(row, Field::scale); !s.empty() && s != "-" && s != "/") {
        scale = real_of(s);
        if (!scale || *scale == 0 || std::fabs(*scale) > 1e12) { wrong(row, Field::scale, s, "is no scale; write what the number is multiplied with, like 0.1"); continue; }
        if (real) device_scale = std::exchange(scale, 1);        // a real number is in its unit: the scale is that of what it is made of
        else t.real("scale", *scale);
      } else if (real) scale = 1;
      if (low && high && *low > *high) { wrong(row, Field::min, cell(row, Field::min), fmt::format("is greater than max, {}", cell(row, Field::max))); continue; }
      if (const std::string s = cell(row, Field::feedback); !s.empty() && s != "-" && s != "/") {
        const auto f = span_of(s, protocol_ == ListProtocol::iec104, mapping_.low_octet_first);
        if (!f && s.find('/') != s.npos) {
          if (span->first != span->last) { wrong(row, Field::feedback, s, "is the feedback of one command, and the row has several; write a row for each"); continue; }
          if (!(referred = reference_of(s))) { wrong(row, Field::feedback, s, "is no reference of IEC 61850 to a state; write it like IED1LD0/XCBR1.Pos.stVal, of what GOOSE tells like \"goose IED1LD0/LLN0$dsPos[0]\""); continue; }
        } else if (!f || f->last > most) { wrong(row, Field::feedback, s, "is no address, and no reference of IEC 61850 like IED1LD0/XCBR1.Pos.stVal"); continue; }
        if (!referred && f->first + (span->last - span->first) > most) {
          wrong(row, Field::feedback, s, fmt::format("{} points from there on reach beyond {}", span->last - span->first + 1, most));
          continue;
        }
        if (protocol_ == ListProtocol::dnp3 && !commands) remark(row, Field::feedback, s, "is left out: only of a crob and an analog_output there is a feedback"), referred.reset();
        else if (referred) {                                     // whose it is, the site's other files say
        } else if (f->structured && !mapping_.low_octet_first) t.text("feedback", fmt::format("{}-{}-{}", f->first >> 16, f->first >> 8 & 255, f->first & 255));
        else t.number("feedback", f->first);
      }
      if (const std::string s = cell(row, Field::travel_time); !s.empty() && s != "-" && s != "/") {
        const auto v = real_of(s);
        const std::string words = words_of(s);
        const bool milli = words.ends_with("ms"), minutes = words.ends_with("min");
        const double ms = v ? *v * (milli ? 1 : minutes ? 60'000 : 1000) : -1;
        if (ms < 1 || ms > 600'000) { wrong(row, Field::travel_time, s, "is no time up to 10 minutes; write it like 20 s or 500 ms"); continue; }
        t.milliseconds("travel_time", std::llround(ms));
      }
      std::string name = cell(row, Field::name);
      if (const std::string unit = cell(row, Field::unit); !unit.empty() && unit != "-" && unit != "/") name += fmt::format("{}[{}]", name.empty() ? "" : " ", unit);
      t.text("name", name);
      t.text("bay", columns_[size_t(Field::bay)].at.empty() ? heading : bay);
      if (!voltage.empty()) t.text("voltage", real_of(voltage) && voltage.find_first_not_of("0123456789., ") == std::string::npos ? voltage + " kV" : voltage);
      if (bad_row_) continue;

      if (span->first == span->last)
        if (const auto position = measures(t, direction)) {
          Measured m;
          m.host = server, m.protocol = std::string(kind.substr(0, kind.find('_'))), m.station = *number;
          m.object = fmt::format("{} {}", object_kind(t), span->first);
          m.name = cell(row, Field::name), m.bay = columns_[size_t(Field::bay)].at.empty() ? heading : bay, m.voltage = voltage, m.unit = cell(row, Field::unit);
          m.same = cell(row, Field::quantity), m.reference = cell(row, Field::reference), m.min = low, m.max = high, m.scale = scale, m.reference_scale = device_scale;
          m.position = *position, m.own = true, m.place = sheet_.place(row);
          out_.measured.push_back(std::move(m));
        }

      std::string type_key;                                    // of DNP3 and Modbus the address counts within a table
      if (protocol_ != ListProtocol::iec104)
        for (const auto& [key, value] : t.rows)
          if (key == "type" || key == "table") type_key = value;
      const std::string key = fmt::format("{}/{}/{}/{}-{}", server, *number, type_key, span->first, span->last);
      const bool command = protocol_ == ListProtocol::iec104 && is_command(t, direction);
      const auto [first, fresh] = seen.emplace(key, Seen{row.line, out_.declared.tables[kind].size(), command});
      if (!fresh && (protocol_ != ListProtocol::iec104 || command == first->second.command || first->second.both)) {
        wrong(row, Field::address, address, fmt::format("the same point is in line {}; keep one of them, or leave such rows out with --skip", first->second.line));
        continue;
      }
      if (!fresh) {                                            // a command and the position that it sets, under one address: one point
        auto& kept = out_.declared.tables[kind][first->second.table];
        if (command) {
          t.order = kept.order, kept = std::move(t);
          if (referred) refer(*referred, row, kind, first->second.table);
        }
        const bool told = std::any_of(out_.referred.begin(), out_.referred.end(), [&, table = first->second.table](const ReferredFeedback& of) { return of.kind == kind && of.table == table; });
        if (!told && std::none_of(kept.rows.begin(), kept.rows.end(), [](const auto& of) { return of.first == "feedback"; })) kept.number("feedback", span->first);
        remark(row, Field::address, address, fmt::format("is the command to the position of line {}, or the position to its command: one point, whose feedback is itself", first->second.line));
        first->second.both = true;
        continue;
      }
      placed_[fmt::format("{}/{}/{}", server, *number, type_key)].push_back({span->first, span->last, &row});
      t.order = natural_order(fmt::format("{}/{}/{}/{:010}", server, *number, protocol_ == ListProtocol::iec104 ? "" : type_key, span->first));
      if (out_.declared.count(kind) < 3) {
        std::string line;
        for (const auto& [k, v] : t.rows) line += fmt::format("{}{} = {}", line.empty() ? "" : ", ", k, v);
        out_.shown.push_back(fmt::format("line {}: {}", row.line, line));
      }
      if (referred) refer(*referred, row, kind, out_.declared.tables[kind].size());
      out_.declared.tables[kind].push_back(std::move(t));
    }
    overlaps();
  }

  // "AA1J1Q01A1LD0/XCBR1.Pos.stVal [ST]", "goose AA1J1Q01A1LD0/LLN0$dsPos[2]": by reports and answers of MMS, or by GOOSE.
  static std::optional<ReferredFeedback> reference_of(std::string_view s) {
    ReferredFeedback r;
    r.said = s, r.protocol = "mms";
    for (const std::string_view word : {"goose", "mms"})
      if (folded(s.substr(0, word.size())) == word && s.size() > word.size() && (s[word.size()] == ' ' || s[word.size()] == ':')) {
        r.protocol = word;
        s = stripped(s.substr(word.size() + 1));
        break;
      }
    const size_t open = s.rfind('[');
    if (open != s.npos && s.back() == ']' && open + 2 < s.size() && whole(s.substr(open + 1, s.size() - open - 2)) && s.find('/') != s.npos && s.find(' ') == s.npos) {
      r.object = s;                                            // a place in a data set
      if (r.object.find('$') == r.object.npos) std::replace(r.object.begin() + long(r.object.find('/')), r.object.end(), '.', '$');
      if (r.object.find('$') == r.object.npos) return std::nullopt;
      return r;
    }
    const auto name = mms_name_of(s, "ST");
    if (!name) return std::nullopt;
    r.object = *name;
    return r;
  }
  void refer(ReferredFeedback r, const Sheet::Row& row, const std::string& kind, size_t table) {
    r.kind = kind, r.table = table, r.place = sheet_.place(row);
    out_.referred.push_back(std::move(r));
  }

  static std::string_view said(const DeclaredTable& t, std::string_view key) {
    for (const auto& [k, value] : t.rows)
      if (k == key) return std::string_view(value).substr(value.starts_with('"'), value.size() - 2 * value.starts_with('"'));
    return {};
  }
  static unsigned type_number(const DeclaredTable& t) {
    const std::string text(said(t, "type"));
    return text.empty() ? 0 : text[0] >= '0' && text[0] <= '9' ? unsigned(std::stoi(text)) : iec104_type(text);
  }
  static bool is_real(const DeclaredTable& t) { return says_engineering_unit(type_number(t)); }
  // Whether a point measures something: false a value, true the position of a switch.
  std::optional<bool> measures(const DeclaredTable& t, std::string_view direction) const {
    if (direction == "control") return std::nullopt;
    const std::string_view kind = said(t, "kind");
    if (kind == "counter" || kind == "set_point" || kind == "reset") return std::nullopt;
    if (protocol_ == ListProtocol::iec104) {
      const unsigned n = type_number(t);
      if (n == 3 || n == 4 || n == 31) return true;
      if ((n >= 9 && n <= 14) || n == 21 || (n >= 34 && n <= 36) || (!n && kind == "measurement")) return false;
      return std::nullopt;
    }
    if (protocol_ == ListProtocol::dnp3) return said(t, "type") == "analog_input" ? std::optional(false) : said(t, "type") == "double_bit_input" ? std::optional(true) : std::nullopt;
    if (said(t, "table").ends_with("register") && said(t, "writable").empty()) return false;
    return std::nullopt;
  }
  std::string object_kind(const DeclaredTable& t) const {
    if (protocol_ == ListProtocol::iec104) return "information object";
    if (said(t, "type") == "double_bit_input") return std::string(name_of(ObjectKind::double_bit_input));
    std::string text(said(t, protocol_ == ListProtocol::dnp3 ? "type" : "table"));
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
  }

  // A point of IEC 104 that is commanded: the row says so, or its type does.
  static bool is_command(const DeclaredTable& t, std::string_view direction) {
    if (!direction.empty()) return direction == "control";
    for (const auto& [key, value] : t.rows)
      if (key == "type") return value.starts_with("\"C_") || (value >= "45" && value <= "64" && value.size() == 2);
    return false;
  }

  // What begins later counts where two share an address (Site::point): that may be meant, and is told.
  void overlaps() {
    for (auto& [station, all] : placed_) {
      std::stable_sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) { return a.first != b.first ? a.first < b.first : a.last > b.last; });
      const Placed* wide = nullptr;                            // what reaches farthest of those before
      for (const Placed& p : all) {
        if (wide && p.first <= wide->last)
          remark(*p.row, Field::address, cell(*p.row, Field::address), fmt::format("is also among {}-{} of line {}; there this one counts", wide->first, wide->last, wide->row->line));
        if (!wide || p.last > wide->last) wide = &p;
      }
    }
  }

  void remark(const Sheet::Row& row, Field f, std::string_view cell_text, const std::string& what) {
    if (out_.remarks.size() < 10'000) out_.remarks.push_back(fmt::format("{}: {} \"{}\" {}", sheet_.place(row), of(f), cell_text.substr(0, 60), what));
  }

  const Sheet& sheet_;
  const PointMapping& mapping_;
  PointImport& out_;
  Problems& problems_;
  struct Seen { size_t line, table; bool command, both = false; };
  struct Placed { uint64_t first, last; const Sheet::Row* row; };
  std::map<std::string, std::vector<Placed>> placed_;          // by station and table
  std::array<Column, field_count> columns_;
  size_t header_ = 0;
  ListProtocol protocol_ = ListProtocol::guess;
  bool reference_notation_ = false, bad_row_ = false;
};

}  // namespace

void refer_feedbacks(PointImport& import, const Site& beside) {
  size_t shown = 0;
  for (const ReferredFeedback& r : import.referred) {
    const SiteHost* device = device_of(std::string_view(r.object).substr(0, r.object.find('/')), beside);
    if (!device) {
      import.remarks.push_back(fmt::format("{}: feedback \"{}\" is of no declared device, and left out; name the site's other files with --site, the import of the SCD first", r.place, r.said));
      continue;
    }
    DeclaredTable& t = import.declared.tables[r.kind][r.table];
    if (shown++ < 3) import.shown.push_back(fmt::format("{}: feedback \"{}\" is {} of {}, by {}", r.place, r.said, r.object, device->name, r.protocol == "goose" ? "GOOSE" : "MMS"));
    t.rows.emplace_back("feedback", fmt::format("{{ host = {}, protocol = {}, object = {} }}", toml_quoted(device->name), toml_quoted(r.protocol), toml_quoted(r.object)));
  }
}

PointImport import_points(const std::string& path, const PointMapping& mapping, Problems& problems) {
  PointImport out;
  const std::vector<Sheet> sheets = open_sheets(path, mapping.reading, problems);
  if (!problems.empty()) return out;
  const Sheet* best = nullptr;
  size_t most = 0;
  std::string names;
  for (const Sheet& s : sheets) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", s.name);
    if (!mapping.sheet.empty() && s.name != mapping.sheet) continue;
    PointImport nothing;
    const size_t found = List(s, mapping, nothing, problems).find_headings();
    if (!best || found > most) best = &s, most = found;
  }
  if (!best) return problems.push_back(fmt::format("{}: there is no sheet \"{}\"; there are {}", path, mapping.sheet, names)), out;
  List list(*best, mapping, out, problems);
  list.find_headings();
  list.read();
  if (!problems.empty()) out.declared.tables.clear();
  else if (out.declared.tables.empty()) problems.push_back(fmt::format("{}: no row of it has an address that could be read", path));
  if (out.without_address) out.remarks.push_back(fmt::format("{}: {} without an address left out", path, out.without_address == 1 ? "1 row" : fmt::format("{} rows", out.without_address)));
  out.declared.heading.push_back("Declared by a point list, and made by `vidra import points`. Import again and compare rather than edit.");
  return out;
}

}  // namespace vidra
