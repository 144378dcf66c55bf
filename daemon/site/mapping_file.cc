// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "daemon/base/toml_file.h"
#include "daemon/site/point_list.h"

namespace vidra {

PointMapping load_mapping(const std::string& path, Problems& problems) {
  PointMapping m;
  auto root = TomlTable::open(path, problems);
  if (!root) return m;
  if (auto t = root->table("columns")) {
    for (size_t f = 0; f < field_count; f++) {
      const std::string key(name_of(Field(f)));
      t->ignore(key);                          // it is allowed, though absent
      if (!t->has(key)) continue;
      std::vector<int64_t> numbers;
      if (t->is_text(key) || t->list_of_texts(key)) t->read(key, m.columns[f]);
      else if (t->read(key, numbers, 1, int64_t(most_columns)))
        for (const int64_t n : numbers) m.columns[f].push_back(fmt::format("{}", n));
    }
    t->finish();
  }
  if (auto t = root->table("list")) {
    size_t choice = 0;
    if (t->read_choice("protocol", choice, {"guess", "iec104", "dnp3", "modbus"})) m.protocol = ListProtocol(choice);
    t->read("host", m.host);
    std::string text;
    int64_t number = 0;
    if (t->is_text("station") ? t->read("station", text) : t->read("station", number, 0, 65535)) m.station = text.empty() ? fmt::format("{}", number) : text;
    t->read("sheet", m.sheet);
    t->read("header", m.header, 1, int64_t(most_rows));
    t->read("encoding", m.reading.encoding);
    if (t->read("delimiter", text)) {
      if (text == "tab") text = "\t";
      if (text.size() == 1 && may_delimit(text[0])) m.reading.delimiter = text[0];
      else t->complain("delimiter", fmt::format("\"{}\" is no delimiter; write one character of ASCII, or \"tab\"", text));
    }
    t->read("low_octet_first", m.low_octet_first);
    if (t->read_choice("quantities", choice, {"guess", "told", "none"})) m.quantities = Quantify(choice);
    t->finish();
  }
  if (auto all = root->table("words")) {
    for (const Field f : {Field::type, Field::table, Field::direction, Field::kind, Field::mode, Field::writable}) {
      const std::string key(name_of(f));
      if (auto t = all->table(key))
        for (const std::string& word : t->keys()) {
          std::string ours;
          if (t->read(word, ours)) m.words[key][folded(word)] = ours;
        }
    }
    all->finish();
  }
  root->finish();
  return m;
}

}  // namespace vidra
