// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

// What an import found, before it is text: the tables of a site (docs/SITE.md), each a row of keys in the order in which they
// are written.
struct DeclaredTable {
  std::string order;                              // tables of one kind are sorted by it
  std::string comment;                            // lines written before it, "" none
  std::vector<std::pair<std::string, std::string>> rows;   // key, value as TOML
  std::vector<DeclaredTable> members;             // [[kind.member]], in this order

  void text(std::string_view key, std::string_view value);                     // left out where the value is empty
  void texts(std::string_view key, const std::vector<std::string>& values);    // one alone is no list
  void number(std::string_view key, int64_t value);
  void hexadecimal(std::string_view key, uint64_t value, int digits);
  void real(std::string_view key, double value);
  void flag(std::string_view key, bool value);
  void milliseconds(std::string_view key, int64_t value);                      // "20s", "500ms"
};

struct Declaration {
  std::string name;                               // of the site, "" none
  bool review = false;                            // differences from the wire are silent until somebody has read them
  std::vector<std::string> heading;               // comment lines at the top
  std::map<std::string, std::vector<DeclaredTable>> tables;   // by kind: "host", "conversation" …
  size_t count(const std::string& kind) const { const auto it = tables.find(kind); return it == tables.end() ? 0 : it->second.size(); }
};

// The site's text: kinds in a fixed order, tables sorted, the same input the same octets.
std::string toml_text(Declaration);
std::string toml_quoted(std::string_view);        // "…", as TOML writes a text
bool is_utf8(std::string_view);                   // what TOML can hold
// A number that compares inside a text: "Bay 2" before "Bay 10".
std::string natural_order(std::string_view);

}  // namespace vidra
