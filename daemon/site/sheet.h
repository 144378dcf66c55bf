// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

using Problems = std::vector<std::string>;

// A table as people keep it: rows of texts in UTF-8, trimmed, each with the line (or row) in which it stands in its file.
struct Sheet {
  struct Row {
    uint32_t line = 0;
    std::vector<std::string> cells;
    std::string_view operator[](size_t column) const { return column < cells.size() ? std::string_view(cells[column]) : std::string_view(); }
  };
  std::string path, name;                    // name: of an Excel sheet, "" of CSV
  std::string encoding;                      // how it was read: "UTF-8", "WINDOWS-1250", "Excel"
  char delimiter = 0;                        // 0 where there is none
  std::vector<Row> rows;                     // without empty ones
  std::string place(const Row& r) const;     // "path:line", or "path:sheet:row"
};

struct SheetOptions {
  std::string encoding;                      // "" is guessed
  char delimiter = 0;                        // 0 is guessed
};

inline constexpr size_t most_octets = 64u << 20, most_rows = 1'000'000, most_columns = 1024, most_cells = 8'000'000, most_cell = 4096, most_text = 256u << 20;

// The encoding of a text that nobody named: by its byte order mark, its zero octets, whether it is UTF-8, else Windows-1251 where
// most of its letters are above ASCII, Windows-1250 where few are.
std::string guess_encoding(std::string_view octets);
// From any encoding that iconv knows; nothing when an octet has no meaning in it (`at`: which).
std::optional<std::string> to_utf8(std::string_view octets, const std::string& encoding, size_t& at);
char guess_delimiter(std::string_view utf8);
bool may_delimit(char);                      // ASCII: one octet of a longer character would cut others in half

// CSV by RFC 4180 with any delimiter, as one sheet; the sheets of an .xlsx workbook (ISO/IEC 29500). What a file is, its first octets
// tell. Merged cells of a workbook all have the value. Empty with a problem when it cannot be read.
std::vector<Sheet> open_sheets(const std::string& path, const SheetOptions&, Problems&);
std::optional<Sheet> read_csv(std::string_view octets, const std::string& path, const SheetOptions&, Problems&);
std::vector<Sheet> read_xlsx(std::string_view octets, const std::string& path, Problems&);

}  // namespace vidra
