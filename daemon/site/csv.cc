// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "daemon/site/declaration.h"
#include "daemon/site/sheet.h"

namespace vidra {
namespace {

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view blank = " \t\r\n", wide = "\xC2\xA0";        // also the no-break space of Excel, whole: Š ends with half of it
  for (bool more = true; more && !s.empty();) {
    if (blank.find(s.front()) != blank.npos) s.remove_prefix(1);
    else if (s.starts_with(wide)) s.remove_prefix(2);
    else if (blank.find(s.back()) != blank.npos) s.remove_suffix(1);
    else if (s.ends_with(wide)) s.remove_suffix(2);
    else more = false;
  }
  return s;
}

bool known_encoding(const std::string& name) {
  const iconv_t convert = iconv_open("UTF-8", name.c_str());
  return convert != iconv_t(-1) && iconv_close(convert) == 0;
}

// Calls f(line, cells, flaw) for each row; false where f said so or the text is not to be read.
template <class F> bool each_row(std::string_view s, char delimiter, F f) {
  std::vector<std::string> cells;
  std::string cell;
  uint32_t line = 1, begun = 1;
  bool quoted = false, any = false;
  for (size_t i = 0; i <= s.size(); i++) {
    const bool end = i == s.size();
    const char c = end ? '\n' : s[i];
    if (end && !any && cell.empty()) break;
    if (quoted && !end) {
      if (c == '"' && i + 1 < s.size() && s[i + 1] == '"') cell += '"', i++;
      else if (c == '"') quoted = false;
      else cell += c, line += c == '\n';
      if (cell.size() > 1 << 20) return f(begun, cells, "a quotation mark that nothing closes");
      continue;
    }
    if (c == '"' && trimmed(cell).empty()) cell.clear(), quoted = true, any = true;
    else if (c == delimiter) {
      cells.push_back(std::move(cell)), cell.clear(), any = true;
      if (cells.size() > most_columns) return f(begun, cells, nullptr);     // which refuses it, before it is whole
    }
    else if (c == '\n' || (c == '\r' && (i + 1 == s.size() || s[i + 1] != '\n'))) {
      cells.push_back(std::move(cell));
      cell.clear();
      if (!f(begun, cells, quoted ? "a quotation mark that nothing closes" : nullptr)) return false;
      cells.clear();
      begun = ++line;
      any = false;
    } else cell += c, any = true;
  }
  return true;
}

}  // namespace

std::string guess_encoding(std::string_view o) {
  if (o.starts_with("\xEF\xBB\xBF")) return "UTF-8";
  if (o.starts_with("\xFF\xFE")) return "UTF-16LE";
  if (o.starts_with("\xFE\xFF")) return "UTF-16BE";
  const std::string_view head = o.substr(0, 1 << 16);
  size_t zero[2] = {0, 0};
  for (size_t i = 0; i < head.size(); i++) zero[i & 1] += head[i] == 0;
  if (zero[1] * 4 > head.size()) return "UTF-16LE";
  if (zero[0] * 4 > head.size()) return "UTF-16BE";
  if (is_utf8(o)) return "UTF-8";
  // Of Cyrillic words all letters are high, of Latin ones only those with marks.
  size_t high = 0, beside = 0;
  for (size_t i = 0; i < o.size(); i++)
    if (uint8_t(o[i]) >= 0x80) high++, beside += i > 0 && uint8_t(o[i - 1]) >= 0x80;
  return beside * 2 > high ? "WINDOWS-1251" : "WINDOWS-1250";
}

std::optional<std::string> to_utf8(std::string_view octets, const std::string& encoding, size_t& at) {
  at = 0;
  const iconv_t convert = iconv_open("UTF-8", encoding.c_str());
  if (convert == iconv_t(-1)) return std::nullopt;
  std::string out;
  std::array<char, 8192> buffer;
  char* from = const_cast<char*>(octets.data());
  size_t left = octets.size();
  bool good = true;
  while (left && good) {
    char* into = buffer.data();
    size_t room = buffer.size();
    if (iconv(convert, &from, &left, &into, &room) == size_t(-1) && errno != E2BIG) good = false;
    out.append(buffer.data(), size_t(into - buffer.data()));
  }
  at = octets.size() - left;
  iconv_close(convert);
  if (!good) return std::nullopt;
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  return out;
}

bool may_delimit(char c) { return c == '\t' || (c >= 0x20 && c < 0x7f && c != '"'); }

char guess_delimiter(std::string_view s) {
  if (s.starts_with("sep=") && s.size() > 4 && may_delimit(s[4])) return s[4];       // Excel's own word
  char best = ';';
  size_t most = 0;
  for (const char d : {'\t', ';', ',', '|'}) {
    std::map<size_t, size_t> widths;                             // columns → rows
    size_t rows = 0;
    each_row(s.substr(0, 1 << 16), d, [&](uint32_t, std::vector<std::string>& cells, const char*) {
      if (cells.size() > 1) widths[cells.size()]++;
      return ++rows < 200;
    });
    size_t score = 0;
    for (const auto& [columns, n] : widths) score = std::max(score, n * (columns - 1) * n);   // many rows of one width weigh most
    if (score > most) most = score, best = d;
  }
  return best;
}

std::string Sheet::place(const Row& r) const { return name.empty() ? fmt::format("{}:{}", path, r.line) : fmt::format("{}:{}:{}", path, name, r.line); }

std::optional<Sheet> read_csv(std::string_view octets, const std::string& path, const SheetOptions& options, Problems& problems) {
  const auto no = [&](std::string what) { return problems.push_back(std::move(what)), std::nullopt; };
  Sheet sheet;
  sheet.path = path;
  sheet.encoding = options.encoding.empty() ? guess_encoding(octets) : options.encoding;
  size_t at = 0;
  const auto text = to_utf8(octets, sheet.encoding, at);
  if (!text && !known_encoding(sheet.encoding))
    return no(fmt::format("the encoding \"{}\" is not known; write one like UTF-8, UTF-16, WINDOWS-1250 or WINDOWS-1251", sheet.encoding));
  if (!text) {
    const auto line = 1 + std::count(octets.begin(), octets.begin() + ptrdiff_t(at), '\n');
    return no(fmt::format("{}:{}: octet 0x{:02X} means nothing in {}; say the right one with --encoding", path, line, at < octets.size() ? uint8_t(octets[at]) : 0, sheet.encoding));
  }
  std::string_view body = *text;
  if (body.find('\0') != std::string_view::npos) return no(fmt::format("{}: this is no text; import CSV or .xlsx (older .xls: save it as one of them)", path));
  sheet.delimiter = options.delimiter ? options.delimiter : guess_delimiter(body);
  bool first = true;
  size_t all = 0;
  const bool whole = each_row(body, sheet.delimiter, [&](uint32_t line, std::vector<std::string>& cells, const char* flaw) {
    const auto refuse = [&](std::string what) { return problems.push_back(fmt::format("{}:{}: {}", path, line, what)), false; };
    if (flaw) return refuse(fmt::format("{}; close it, or double it where it belongs to the text", flaw));
    if (cells.size() > most_columns) return refuse(fmt::format("more than {} columns", most_columns));
    if (std::exchange(first, false) && cells[0].starts_with("sep=")) return true;
    if (sheet.rows.size() >= most_rows) return refuse(fmt::format("more than {} rows", most_rows));
    if ((all += cells.size()) > most_cells) return refuse(fmt::format("more than {} cells", most_cells));
    bool empty = true;
    for (std::string& c : cells) {
      c = std::string(trimmed(c));
      if (c.size() > most_cell) return refuse(fmt::format("a cell of {} octets; at most {}", c.size(), most_cell));
      empty &= c.empty();
    }
    if (!empty) sheet.rows.push_back({line, std::move(cells)});
    return true;
  });
  if (!whole) return std::nullopt;
  if (sheet.rows.empty()) return no(fmt::format("{}: there is nothing in it", path));
  return sheet;
}

std::vector<Sheet> open_sheets(const std::string& path, const SheetOptions& options, Problems& problems) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return problems.push_back(fmt::format("{}: {}", path, std::strerror(errno))), std::vector<Sheet>();
  std::string octets;
  std::array<char, 65536> piece;
  for (size_t n; (n = std::fread(piece.data(), 1, piece.size(), file.get())) > 0;) {
    octets.append(piece.data(), n);
    if (octets.size() > most_octets) return problems.push_back(fmt::format("{}: more than {} MiB; is this a point list?", path, most_octets >> 20)), std::vector<Sheet>();
  }
  if (std::ferror(file.get())) return problems.push_back(fmt::format("{}: {}", path, std::strerror(errno))), std::vector<Sheet>();
  if (octets.starts_with("PK\x03\x04")) return read_xlsx(octets, path, problems);
  if (octets.starts_with("\xD0\xCF\x11\xE0"))
    return problems.push_back(fmt::format("{}: a workbook of the old form (.xls), or one with a password; save it as .xlsx or CSV", path)), std::vector<Sheet>();
  if (octets.starts_with("%PDF")) return problems.push_back(fmt::format("{}: a PDF; ask for the list as Excel or CSV", path)), std::vector<Sheet>();
  std::vector<Sheet> sheets;
  if (auto sheet = read_csv(octets, path, options, problems)) sheets.push_back(std::move(*sheet));
  return sheets;
}

}  // namespace vidra
