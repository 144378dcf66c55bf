// SPDX-License-Identifier: Apache-2.0
#pragma once
#define TOML_HEADER_ONLY 0
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

// What is wrong with a text that somebody wrote, each as "file:line:column: what was found; what is allowed".
using Problems = std::vector<std::string>;

// One table of a TOML text, read key by key. What is read is checked for type and range; what was not asked for is an
// unknown key, reported by `finish` with the nearest right one. Nothing throws; every problem is collected.
class TomlTable {
 public:
  // The whole text of a file, or nothing and a problem.
  static std::optional<TomlTable> open(const std::string& path, Problems&);
  static std::optional<TomlTable> parse(std::string_view text, const std::string& path, Problems&);

  bool has(std::string_view key) const { return table_->contains(key); }
  bool is_text(std::string_view key) const { return (*table_)[key].is_string(); }   // of keys that may hold either
  bool is_table(std::string_view key) const { return (*table_)[key].is_table(); }
  bool list_of_texts(std::string_view key) const { return (*table_)[key].is_array() && (*table_)[key].as_array()->is_homogeneous<std::string>(); }
  const std::string& path() const { return path_; }
  std::vector<std::string> keys() const {          // of a table whose keys are its own
    std::vector<std::string> all;
    for (const auto& [k, node] : *table_) all.emplace_back(k.str());
    return all;
  }
  // Each leaves `to` as it was when the key is absent or wrong; true when it was set.
  bool read(std::string_view key, bool& to);
  bool read(std::string_view key, std::string& to);
  bool read(std::string_view key, double& to, double least, double most);
  bool read(std::string_view key, int64_t& to, int64_t least, int64_t most);
  template <class Int> bool read(std::string_view key, Int& to, int64_t least, int64_t most) requires std::is_integral_v<Int> {
    int64_t v = int64_t(to);
    if (!read(key, v, least, most)) return false;
    to = Int(v);
    return true;
  }
  bool read(std::string_view key, std::vector<std::string>& to);                          // a text alone is a list of one
  bool read(std::string_view key, std::vector<int64_t>& to, int64_t least, int64_t most); // a number alone too
  // A text that must be one of `allowed`; its position.
  bool read_choice(std::string_view key, size_t& to, std::initializer_list<std::string_view> allowed);
  // "250ms", "5s", "10min", "2h", "7d" as nanoseconds.
  bool read_duration(std::string_view key, int64_t& nanoseconds, int64_t least, int64_t most);
  // "64 MiB", "2 GiB", "512 KiB" or a number of octets.
  bool read_size(std::string_view key, uint64_t& octets, uint64_t least, uint64_t most);
  // A sub-table or an array of tables; empty where absent.
  std::optional<TomlTable> table(std::string_view key);
  std::vector<TomlTable> tables(std::string_view key);

  // A problem at a key's place (or the table's, where the key is absent).
  void complain(std::string_view key, const std::string& what);
  std::string place(std::string_view key = {}) const;   // "file:line:column"
  // Keys that nobody read become problems. Call it last.
  void finish();
  const std::string& name() const { return name_; }
  size_t problems() const { return problems_->size(); }             // that were told so far, of all texts that share them
  void ignore(std::string_view key) { asked_.emplace_back(key); }   // somebody else's key

 private:
  TomlTable(std::shared_ptr<toml::table> root, const toml::table* table, std::string name, std::string path, Problems& problems)
      : root_(std::move(root)), table_(table), name_(std::move(name)), path_(std::move(path)), problems_(&problems) {}
  const toml::node* find(std::string_view key);
  bool wrong(std::string_view key, const toml::node&, const std::string& wanted);

  std::shared_ptr<toml::table> root_;
  const toml::table* table_;
  std::string name_, path_;
  Problems* problems_;
  std::vector<std::string> asked_;
};

// For complaints: "a, b, c", beyond `at_most` how many more there are; and ", did you mean "b"?", or nothing where none is near.
std::string joined(const std::vector<std::string_view>& words, size_t at_most = ~size_t{0});
std::string suggestion(std::string_view word, const std::vector<std::string_view>& words);

}  // namespace vidra
