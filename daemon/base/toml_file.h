// SPDX-License-Identifier: Apache-2.0
#pragma once
#define TOML_HEADER_ONLY 0
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <cstdint>
#include <deque>
#include <future>
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
  static std::optional<std::string> text_of(const std::string& path, Problems&);
  static std::optional<TomlTable> open(const std::string& path, Problems&);
  static std::optional<TomlTable> parse(std::string_view text, const std::string& path, Problems&, size_t lines_before = 0);

  bool has(std::string_view key) const { return table_->contains(key); }
  bool is_text(std::string_view key) const { return (*table_)[key].is_string(); }   // of keys that may hold either
  bool is_table(std::string_view key) const { return (*table_)[key].is_table(); }
  bool list_of_texts(std::string_view key) const { return (*table_)[key].is_array() && (*table_)[key].as_array()->is_homogeneous<std::string>(); }
  const std::string& path() const { return *path_; }
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
  friend class TomlParts;
  TomlTable(std::shared_ptr<toml::table> root, const toml::table* table, std::string name, std::shared_ptr<const std::string> path, Problems& problems, size_t lines_before)
      : root_(std::move(root)), table_(table), name_(std::move(name)), path_(std::move(path)), problems_(&problems), lines_before_(lines_before) {}
  const toml::node* find(std::string_view key);
  bool wrong(std::string_view key, const toml::node&, const std::string& wanted);

  std::shared_ptr<toml::table> root_;
  const toml::table* table_;
  std::string name_;
  std::shared_ptr<const std::string> path_;
  Problems* problems_;
  size_t lines_before_;                            // of the file, where this is a part of its text
  std::vector<std::string> asked_;
};

// A long text of which most is tables in a row ([[host]], …), in parts of which one is parsed while the one before it is read: it is never in
// memory as a whole tree. A part begins where one of `rows` does; a table that may stand only once ([frozen]) can stand in two parts. A text
// with strings of several lines is one part.
class TomlParts {
 public:
  TomlParts(std::string_view text, std::string path, std::initializer_list<std::string_view> rows, Problems&, size_t part_octets = size_t{128} << 10);
  std::optional<TomlTable> next();                 // nothing: the end, or a problem
  bool failed() const { return failed_; }          // a part was no TOML

 private:
  struct Parsed {
    std::optional<TomlTable> table;
    Problems problems;
  };
  size_t end_of_part() const;
  void look_ahead();

  std::string_view text_;
  std::string path_;
  std::vector<std::string_view> rows_;
  Problems* problems_;
  size_t part_octets_, lines_ = 0;
  bool alone_, whole_, failed_ = false;
  std::shared_ptr<toml::table> given_;             // what was read last: who made it takes it apart, too
  std::deque<std::future<Parsed>> ahead_;
};

// For complaints: "a, b, c", beyond `at_most` how many more there are; and ", did you mean "b"?", or nothing where none is near.
std::string joined(const std::vector<std::string_view>& words, size_t at_most = ~size_t{0});
std::string suggestion(std::string_view word, const std::vector<std::string_view>& words);

}  // namespace vidra
