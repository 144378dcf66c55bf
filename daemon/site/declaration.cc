// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/declaration.h"

#include <fmt/format.h>

#include <algorithm>

namespace vidra {

bool is_utf8(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = uint8_t(s[i]);
    const size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : s.size();
    if (more >= s.size() - i) return false;
    for (size_t k = 1; k <= more; k++)
      if ((uint8_t(s[i + k]) & 0xc0) != 0x80) return false;
    const uint8_t next = more ? uint8_t(s[i + 1]) : 0;
    if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next >= 0xa0) || (c == 0xf0 && next < 0x90) || (c == 0xf4 && next >= 0x90)) return false;   // too long, half of a pair, beyond
    i += more + 1;
  }
  return true;
}

std::string toml_quoted(std::string_view s) {
  std::string out = "\"";
  for (size_t i = 0; i < s.size(); i++) {
    const char c = s[i];
    if (uint8_t(c) == 0xc2 && i + 1 < s.size() && uint8_t(s[i + 1]) >= 0x80 && uint8_t(s[i + 1]) < 0xa0) out += fmt::format("\\u{:04X}", uint8_t(s[++i]));   // C1
    else if (c == '"' || c == '\\') out += '\\', out += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (uint8_t(c) < 0x20 || c == 0x7f) out += fmt::format("\\u{:04X}", uint8_t(c));
    else out += c;
  }
  return out += '"';
}

std::string natural_order(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    if (s[i] < '0' || s[i] > '9') { out += s[i++]; continue; }
    size_t end = i;
    while (end < s.size() && s[end] >= '0' && s[end] <= '9') end++;
    while (i + 1 < end && s[i] == '0') i++;
    if (end - i < 12) out.append(12 - (end - i), '0');
    out.append(s.substr(i, end - i));
    i = end;
  }
  return out;
}

void DeclaredTable::text(std::string_view key, std::string_view value) {
  if (!value.empty()) rows.emplace_back(key, toml_quoted(value));
}
void DeclaredTable::texts(std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  if (values.size() == 1) return text(key, values[0]);
  std::string list;
  for (const std::string& v : values) list += fmt::format("{}{}", list.empty() ? "" : ", ", toml_quoted(v));
  rows.emplace_back(key, "[" + list + "]");
}
void DeclaredTable::number(std::string_view key, int64_t value) { rows.emplace_back(key, fmt::format("{}", value)); }
void DeclaredTable::hexadecimal(std::string_view key, uint64_t value, int digits) { rows.emplace_back(key, fmt::format("0x{:0{}X}", value, digits)); }
void DeclaredTable::real(std::string_view key, double value) {
  std::string s = fmt::format("{}", value);
  if (s.find_first_of(".en") == std::string::npos) s += ".0";
  rows.emplace_back(key, std::move(s));
}
void DeclaredTable::flag(std::string_view key, bool value) { rows.emplace_back(key, value ? "true" : "false"); }
void DeclaredTable::milliseconds(std::string_view key, int64_t value) { text(key, value % 1000 ? fmt::format("{}ms", value) : fmt::format("{}s", value / 1000)); }

std::string toml_text(Declaration d) {
  constexpr std::string_view order[] = {"zone", "host", "conversation", "master_group", "publisher", "data_set", "iec104_point", "dnp3_point", "modbus_point", "mms_point", "quantity", "window"};
  std::string out;
  for (const std::string& line : d.heading) out += line.empty() ? "#\n" : "# " + line + "\n";
  if (!d.name.empty() || d.review) out += fmt::format("{}[site]\n", out.empty() ? "" : "\n");
  if (!d.name.empty()) out += fmt::format("name = {}\n", toml_quoted(d.name));
  if (d.review) out += "review = true    # how these devices differ from the wire is silent until read: vidra diff --review\n";
  for (const std::string_view kind : order) {
    const auto it = d.tables.find(std::string(kind));
    if (it == d.tables.end()) continue;
    std::vector<DeclaredTable>& tables = it->second;
    std::stable_sort(tables.begin(), tables.end(), [](const DeclaredTable& a, const DeclaredTable& b) { return a.order != b.order ? a.order < b.order : a.rows < b.rows; });
    for (const DeclaredTable& t : tables) {
      out += out.empty() ? "" : "\n";
      for (size_t from = 0; from < t.comment.size();) {
        const size_t to = std::min(t.comment.find('\n', from), t.comment.size());
        out += "# " + t.comment.substr(from, to - from) + "\n";
        from = to + 1;
      }
      out += fmt::format("[[{}]]\n", kind);
      for (const auto& [key, value] : t.rows) out += fmt::format("{} = {}\n", key, value);
      for (const DeclaredTable& m : t.members) {
        out += fmt::format("[[{}.member]]\n", kind);
        for (const auto& [key, value] : m.rows) out += fmt::format("{} = {}\n", key, value);
      }
    }
  }
  return out;
}

}  // namespace vidra
