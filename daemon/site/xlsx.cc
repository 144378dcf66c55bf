// SPDX-License-Identifier: Apache-2.0
// Workbooks as ISO/IEC 29500-1 (SpreadsheetML) has them: workbook.xml names the sheets, shared strings hold the texts.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "daemon/site/sheet.h"
#include "daemon/site/xml.h"
#include "daemon/site/zip.h"

namespace vidra {
namespace {

constexpr size_t most_member = 256u << 20, most_sheets = 64;

// At most what a cell may hold, whole characters.
std::string cut(std::string s) {
  size_t n = std::min(s.size(), most_cell);
  while (n > 0 && n < s.size() && (uint8_t(s[n]) & 0xc0) == 0x80) n--;
  s.resize(n);
  return s;
}

// All texts of an <si> or <is>: plain, or in runs; phonetic readings (rPh) are none.
std::string text_in(const XmlDocument& d, const XmlElement& e) {
  std::string all;
  d.each(e, "t", [&](const XmlElement& t) { all += t.text; });
  d.each(e, "r", [&](const XmlElement& r) {
    d.each(r, "t", [&](const XmlElement& t) {
      if (!all.empty() && !t.text.empty() && all.back() != ' ') all += ' ';
      all += t.text;
    });
  });
  return cut(std::move(all));
}

// "BC12": column 54 (from 0), row 12.
bool reference(std::string_view s, size_t& column, uint32_t& row) {
  size_t n = 0, c = 0;
  while (n < s.size() && s[n] >= 'A' && s[n] <= 'Z' && n < 3) c = c * 26 + size_t(s[n++] - 'A' + 1);
  const auto [end, bad] = std::from_chars(s.data() + n, s.data() + s.size(), row);
  if (n == 0 || bad != std::errc() || end != s.data() + s.size()) return false;
  column = c - 1;
  return true;
}

// "5101" of "5101.0" and "5.101E3": Excel keeps all numbers as real ones.
std::string number_text(std::string_view s) {
  double v = 0;
  const auto [end, bad] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (bad != std::errc() || end != s.data() + s.size()) return std::string(s);
  if (v > -1e15 && v < 1e15 && v == double(int64_t(v))) return fmt::format("{}", int64_t(v));
  return fmt::format("{:.15g}", v);                     // 0.1, not the sum of binary parts
}

class Workbook {
 public:
  Workbook(std::string_view octets, const std::string& path, Problems& problems) : octets_(octets), path_(path), problems_(problems) {}

  std::vector<Sheet> read() {
    std::vector<Sheet> sheets;
    std::string why;
    auto zip = Zip::open(octets_, why);
    if (!zip) return no(why), sheets;
    zip_ = &*zip;
    if (!zip->has("xl/workbook.xml")) return no("this archive is no .xlsx workbook; save the list as .xlsx or CSV"), sheets;
    const auto book = part("xl/workbook.xml"), relations = part("xl/_rels/workbook.xml.rels");
    if (!book || !relations) return sheets;
    if (zip->has("xl/sharedStrings.xml")) {
      const auto strings = part("xl/sharedStrings.xml");
      if (!strings) return sheets;
      strings->each(strings->root(), "si", [&](const XmlElement& si) { strings_.push_back(text_in(*strings, si)); });
    }
    std::map<std::string, std::string> targets;
    relations->each(relations->root(), "Relationship", [&](const XmlElement& r) {
      std::string to(r["Target"]);
      targets[std::string(r["Id"])] = to.starts_with('/') ? to.substr(1) : "xl/" + to;
    });
    book->each(book->root(), "sheets", [&](const XmlElement& list) {
      book->each(list, "sheet", [&](const XmlElement& s) {
        if (sheets.size() >= most_sheets || failed_) return;
        std::string_view id;
        for (const XmlAttribute& a : s.attributes)
          if (a.name.ends_with(":id")) id = a.value;
        const auto at = targets.find(std::string(id));
        if (at == targets.end() || at->second.find("worksheets/") == std::string::npos || !zip->has(at->second)) return;   // charts
        if (!read_.insert(at->second).second) return no(fmt::format("two of its sheets lie in {}; a workbook has one for each", at->second));
        if (auto sheet = read_sheet(at->second, std::string(s["name"]))) sheets.push_back(std::move(*sheet));
      });
    });
    if (failed_) sheets.clear();
    else if (sheets.empty()) no("there is nothing in its sheets");
    return sheets;
  }

 private:
  void no(const std::string& what) { failed_ = true, problems_.push_back(fmt::format("{}: {}", path_, what)); }

  std::optional<XmlDocument> part(const std::string& name) {
    std::string why;
    const auto text = zip_->read(name, most_member, why);
    if (!text) return no(why), std::nullopt;
    auto d = XmlDocument::parse(*text, path_ + ":" + name, {}, problems_);
    failed_ |= !d;
    return d;
  }

  std::optional<Sheet> read_sheet(const std::string& name, const std::string& title) {
    const auto d = part(name);
    if (!d) return std::nullopt;
    Sheet sheet;
    sheet.path = path_, sheet.name = title, sheet.encoding = "Excel";
    std::map<uint32_t, size_t> rows;                       // row → position
    uint32_t last = 0;
    d->each(d->root(), "sheetData", [&](const XmlElement& data) {
      d->each(data, "row", [&](const XmlElement& row) {
        if (sheet.rows.size() >= most_rows || failed_) return;
        uint32_t number = last + 1;
        std::from_chars(row["r"].data(), row["r"].data() + row["r"].size(), number);
        last = number;
        Sheet::Row out{number, {}};
        size_t next = 0;
        d->each(row, "c", [&](const XmlElement& c) {
          size_t column = next;
          uint32_t same = 0;
          if (!c["r"].empty() && !reference(c["r"], column, same)) return;
          if (column >= most_columns) return;
          next = column + 1;
          const std::string_view type = c["t"];
          std::string text;
          if (type == "inlineStr") {
            if (const XmlElement* is = d->first(c, "is")) text = text_in(*d, *is);
          } else if (const XmlElement* v = d->first(c, "v")) {
            size_t n = 0;
            if (type == "s") {
              std::from_chars(v->text.data(), v->text.data() + v->text.size(), n);
              if (n < strings_.size()) text = strings_[n];
            } else if (type == "b") text = v->text == "1" ? "yes" : "no";
            else if (type == "e") text.clear();            // #N/A
            else text = type == "str" ? std::string(v->text) : number_text(v->text);
          }
          if (text.empty() || failed_) return;
          if (out.cells.size() <= column) {
            cells_ += column + 1 - out.cells.size();
            if (cells_ > most_cells) return failed_ ? void() : no(fmt::format("more than {} cells", most_cells));
            out.cells.resize(column + 1);
          }
          text = cut(std::move(text));
          if ((text_ += text.size()) > most_text) return failed_ ? void() : no(fmt::format("more than {} MiB of text in its cells", most_text >> 20));
          out.cells[column] = std::move(text);
        });
        rows[number] = sheet.rows.size();
        sheet.rows.push_back(std::move(out));
      });
    });
    // What is merged belongs to all of its rows: bays, mostly.
    d->each(d->root(), "mergeCells", [&](const XmlElement& list) {
      d->each(list, "mergeCell", [&](const XmlElement& m) {
        const std::string_view ref = m["ref"];
        const size_t colon = ref.find(':');
        size_t c1 = 0, c2 = 0;
        uint32_t r1 = 0, r2 = 0;
        if (colon == std::string_view::npos || !reference(ref.substr(0, colon), c1, r1) || !reference(ref.substr(colon + 1), c2, r2) || c1 >= most_columns) return;
        const auto from = rows.find(r1);
        if (from == rows.end()) return;
        const std::string value(sheet.rows[from->second][c1]);
        if (value.empty() || c1 != c2) return;             // a title across columns stays where it is
        if (failed_) return;
        for (auto it = rows.upper_bound(r1); it != rows.end() && it->first <= r2; ++it) {
          Sheet::Row& row = sheet.rows[it->second];
          if (++merged_ > most_cells || (text_ += value.size()) > most_text) return no(fmt::format("its merged cells would fill more than {} cells or {} MiB", most_cells, most_text >> 20));
          if (row.cells.size() <= c1) {
            if ((cells_ += c1 + 1 - row.cells.size()) > most_cells) return no(fmt::format("more than {} cells", most_cells));
            row.cells.resize(c1 + 1);
          }
          row.cells[c1] = value;
        }
      });
    });
    std::erase_if(sheet.rows, [](const Sheet::Row& r) { return std::all_of(r.cells.begin(), r.cells.end(), [](const std::string& c) { return c.empty(); }); });
    sheet.rows.shrink_to_fit();
    if (sheet.rows.empty()) return std::nullopt;
    return sheet;
  }

  std::string_view octets_;
  const std::string& path_;
  Problems& problems_;
  const Zip* zip_ = nullptr;
  std::vector<std::string> strings_;
  std::set<std::string> read_;
  size_t cells_ = 0, text_ = 0, merged_ = 0;
  bool failed_ = false;
};

}  // namespace

std::vector<Sheet> read_xlsx(std::string_view octets, const std::string& path, Problems& problems) { return Workbook(octets, path, problems).read(); }

}  // namespace vidra
