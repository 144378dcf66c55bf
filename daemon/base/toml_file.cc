// SPDX-License-Identifier: Apache-2.0
#include "daemon/base/toml_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/base/text.h"

namespace vidra {
namespace {

std::string shown(const toml::node& node) {
  std::ostringstream s;
  node.visit([&](const auto& n) { s << n; });
  std::string text = s.str();
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a point";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

// "12 MiB" → 12, "MiB"
bool split_unit(std::string_view text, double& number, std::string& unit) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  unit.assign(end, text.data() + text.size());
  unit.erase(std::remove(unit.begin(), unit.end(), ' '), unit.end());
  return true;
}

// A text without its comments, everything else where it was: the parser looks at each octet of them at length, and a learned
// memory is a fifth comments. With texts of several lines it is left as it is.
std::string without_comments(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const bool whole = text.find("\"\"\"") != text.npos || text.find("'''") != text.npos;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    size_t keep = whole ? line.size() : std::min(line.find('#'), line.size());
    if (keep < line.size()) {                            // unless it stands in quotes
      char quote = 0;
      for (keep = 0; keep < line.size() && (quote || line[keep] != '#'); keep++) {
        const char c = line[keep];
        if (quote == '"' && c == '\\') keep++;
        else if (quote) quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'') quote = c;
      }
      keep = std::min(keep, line.size());
    }
    out += line.substr(0, keep);
    if (end < text.size()) out += '\n';
    at = end + 1;
  }
  return out;
}

// Where a key has more parts than any that means something: each is a table inside the other, and whoever walks through them does so
// by recursion. Texts, comments and values are passed over.
constexpr size_t most_dots = 64;
std::optional<std::pair<size_t, size_t>> too_deep(std::string_view s) {      // line, column
  size_t dots = 0, line = 1, begun = 0;
  std::vector<size_t> above;                                       // tables in a line lie under its key
  for (size_t at = 0; at < s.size(); at++) {
    const char c = s[at];
    switch (c) {
      case '.':
        if (++dots > most_dots) return std::pair(line, at - begun + 1);
        break;
      case '\n': line++, begun = at + 1, dots = above.empty() ? 0 : above.back(); break;
      case '{': above.push_back(dots); break;
      case '}':
        if (!above.empty()) dots = above.back(), above.pop_back();
        break;
      case '[': case ']': case ',': dots = above.empty() ? 0 : above.back(); break;
      case '#': at = std::min(s.find('\n', at), s.size()) - 1; break;
      case '"': case '\'': {
        const std::string_view three = s.substr(at, 3);
        const bool several = three.size() == 3 && three[1] == c && three[2] == c;
        size_t end = at + (several ? 3 : 1);
        for (; end < s.size(); end++) {
          if (c == '"' && s[end] == '\\') { end++; continue; }
          if (s[end] == '\n') {
            if (!several) break;                                  // the parser says that nothing closes it
            line++, begun = end + 1;
          }
          if (s[end] == c && (!several || (s.substr(end, 3) == three))) break;
        }
        if (end < s.size() && s[end] == '\n') at = end - 1;
        else at = several ? end + 2 : end;
        break;
      }
      default: break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> TomlTable::text_of(const std::string& path, Problems& problems) {
  if (std::error_code none; std::filesystem::is_directory(path, none)) {
    problems.push_back(path + ": is a directory; name a file");
    return {};
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    problems.push_back(path + ": cannot be opened: " + std::strerror(errno));
    return {};
  }
  std::string text;
  for (size_t n = 1; n; text.resize(text.size() - (1 << 20) + n)) {
    text.resize(text.size() + (1 << 20));
    n = size_t(in.read(text.data() + text.size() - (1 << 20), 1 << 20).gcount());
  }
  if (in.bad()) {
    problems.push_back(path + ": cannot be read");
    return {};
  }
  return text;
}

std::optional<TomlTable> TomlTable::open(const std::string& path, Problems& problems) {
  const auto text = text_of(path, problems);
  return text ? parse(*text, path, problems) : std::nullopt;
}

std::optional<TomlTable> TomlTable::parse(std::string_view text, const std::string& path, Problems& problems, size_t lines_before) {
  if (const auto at = too_deep(text)) {
    problems.push_back(fmt::format("{}:{}:{}: a key of more than {} parts; none that means something has so many", path, lines_before + at->first, at->second, most_dots));
    return {};
  }
  try {
    auto root = std::make_shared<toml::table>(toml::parse(std::string_view(without_comments(text)), path));
    const toml::table* table = root.get();
    return TomlTable(std::move(root), table, "", std::make_shared<const std::string>(path), problems, lines_before);
  } catch (const toml::parse_error& e) {
    problems.push_back(fmt::format("{}:{}:{}: {}", path, lines_before + e.source().begin.line, e.source().begin.column, e.description()));
    return {};
  }
}

constexpr size_t parts_ahead = 2;                     // parsing one takes twice as long as reading it
constexpr size_t worth_a_thread = size_t{1} << 20;

TomlParts::TomlParts(std::string_view text, std::string path, std::initializer_list<std::string_view> rows, Problems& problems, size_t part_octets)
    : text_(text), path_(std::move(path)), rows_(rows), problems_(&problems), part_octets_(part_octets), alone_(text.size() < worth_a_thread), whole_(text.find("\"\"\"") != text.npos || text.find("'''") != text.npos) {
  look_ahead();
}

// Where after so many octets the next table of a row begins.
size_t TomlParts::end_of_part() const {
  if (whole_) return text_.size();
  for (size_t at = part_octets_; (at = text_.find("\n[[", at)) < text_.size(); at++) {
    const std::string_view rest = text_.substr(at + 3);
    for (const std::string_view row : rows_)
      if (rest.starts_with(row) && rest.substr(row.size()).starts_with("]]\n")) return at + 1;
  }
  return text_.size();
}

void TomlParts::look_ahead() {
  do {
    const std::string_view part = text_.substr(0, end_of_part());
    auto parse = [part, lines = lines_, read = std::exchange(given_, nullptr), this]() mutable {
      read.reset();
      Parsed p;
      p.table = TomlTable::parse(part, path_, p.problems, lines);
      return p;
    };
    // A thread has a part of the heap for itself: what is made of a tree and stays does not come to lie between the pieces of what is freed.
    try {
      ahead_.push_back(std::async(alone_ ? std::launch::deferred : std::launch::async, parse));
    } catch (const std::system_error&) {          // no thread is to be had
      ahead_.push_back(std::async(std::launch::deferred, parse));
    }
    lines_ += size_t(std::count(part.begin(), part.end(), '\n'));
    text_.remove_prefix(part.size());
  } while (!text_.empty() && ahead_.size() < parts_ahead);
}

std::optional<TomlTable> TomlParts::next() {
  if (failed_ || ahead_.empty()) return {};
  Parsed p = ahead_.front().get();
  ahead_.pop_front();
  problems_->insert(problems_->end(), p.problems.begin(), p.problems.end());
  failed_ = !p.table;
  if (p.table && !text_.empty()) look_ahead();
  if (p.table) p.table->problems_ = problems_, given_ = p.table->root_;
  return std::move(p.table);
}

std::string TomlTable::place(std::string_view key) const {
  toml::source_position at = table_->source().begin;
  if (!key.empty())
    for (const auto& [k, node] : *table_)
      if (k.str() == key) at = k.source().begin;
  return at.line ? fmt::format("{}:{}:{}", *path_, lines_before_ + at.line, at.column) : fmt::format("{}:{}:1", *path_, lines_before_ + 1);
}

void TomlTable::complain(std::string_view key, const std::string& what) { problems_->push_back(place(key) + ": " + what); }

const toml::node* TomlTable::find(std::string_view key) {
  if (asked_.empty()) asked_.reserve(16);
  asked_.emplace_back(key);
  return table_->get(key);
}

bool TomlTable::wrong(std::string_view key, const toml::node& node, const std::string& wanted) {
  complain(key, fmt::format("'{}' is {} ({}); it must be {}", key, type_name(node), shown(node), wanted));
  return false;
}

bool TomlTable::read(std::string_view key, bool& to) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto v = node->value_exact<bool>();
  if (!v) return wrong(key, *node, "true or false");
  to = *v;
  return true;
}

bool TomlTable::read(std::string_view key, std::string& to) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto v = node->value_exact<std::string>();
  if (!v) return wrong(key, *node, "a text in quotes");
  to = *v;
  return true;
}

bool TomlTable::read(std::string_view key, double& to, double least, double most) {
  const toml::node* node = find(key);
  if (!node) return false;
  double v;
  if (const auto d = node->value_exact<double>()) v = *d;
  else if (const auto i = node->value_exact<int64_t>()) v = double(*i);
  else return wrong(key, *node, fmt::format("a number from {:g} to {:g}", least, most));
  if (!(v >= least && v <= most)) return wrong(key, *node, fmt::format("from {:g} to {:g}", least, most));
  to = v;
  return true;
}

bool TomlTable::read(std::string_view key, int64_t& to, int64_t least, int64_t most) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto v = node->value_exact<int64_t>();
  if (!v || *v < least || *v > most) return wrong(key, *node, fmt::format("a whole number from {} to {}", least, most));
  to = *v;
  return true;
}

bool TomlTable::read(std::string_view key, std::vector<std::string>& to) {
  const toml::node* node = find(key);
  if (!node) return false;
  if (const auto one = node->value_exact<std::string>()) return to = {*one}, true;
  const toml::array* list = node->as_array();
  if (!list) return wrong(key, *node, "a text or a list of texts");
  std::vector<std::string> all;
  for (const toml::node& each : *list) {
    const auto v = each.value_exact<std::string>();
    if (!v) return wrong(key, each, "a list of texts in quotes");
    all.push_back(*v);
  }
  to = std::move(all);
  return true;
}

bool TomlTable::read(std::string_view key, std::vector<int64_t>& to, int64_t least, int64_t most) {
  const toml::node* node = find(key);
  if (!node) return false;
  std::vector<int64_t> all;
  const auto take = [&](const toml::node& n) {
    const auto v = n.value_exact<int64_t>();
    if (!v || *v < least || *v > most) return wrong(key, n, fmt::format("whole numbers from {} to {}", least, most));
    all.push_back(*v);
    return true;
  };
  if (const toml::array* list = node->as_array()) {
    for (const toml::node& each : *list)
      if (!take(each)) return false;
  } else if (!take(*node)) return false;
  to = std::move(all);
  return true;
}

bool TomlTable::read_choice(std::string_view key, size_t& to, std::initializer_list<std::string_view> allowed) {
  const toml::node* node = find(key);
  if (!node) return false;
  const std::vector<std::string_view> words(allowed);
  const auto v = node->value_exact<std::string>();
  if (!v) return wrong(key, *node, "one of " + joined(words));
  const auto at = std::find(words.begin(), words.end(), *v);
  if (at == words.end()) {
    complain(key, fmt::format("'{}' is \"{}\"{}; allowed: {}", key, *v, suggestion(*v, words), joined(words)));
    return false;
  }
  to = size_t(at - words.begin());
  return true;
}

bool TomlTable::read_duration(std::string_view key, int64_t& to, int64_t least, int64_t most) {
  const toml::node* node = find(key);
  if (!node) return false;
  const auto wanted = [&] { return fmt::format("a duration from {} to {}, like \"250ms\", \"5s\", \"10min\", \"2h\" or \"7d\"", human_duration(least), human_duration(most)); };
  const auto v = node->value_exact<std::string>();
  double number;
  std::string unit;
  if (!v || !split_unit(*v, number, unit)) return wrong(key, *node, wanted());
  const double scale = unit == "us" ? 1e3 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : unit == "min" ? 60e9 : unit == "h" ? 3600e9 : unit == "d" ? 86400e9 : 0;
  const double ns = number * scale;
  if (scale == 0 || ns < double(least) || ns > double(most)) return wrong(key, *node, wanted());
  to = int64_t(ns);
  return true;
}

bool TomlTable::read_size(std::string_view key, uint64_t& to, uint64_t least, uint64_t most) {
  const toml::node* node = find(key);
  if (!node) return false;
  const std::string wanted = fmt::format("a size from {} to {}, like \"64 MiB\"", human_bytes(least), human_bytes(most));
  double octets;
  if (const auto i = node->value_exact<int64_t>()) octets = double(*i);
  else {
    const auto v = node->value_exact<std::string>();
    std::string unit;
    if (!v || !split_unit(*v, octets, unit)) return wrong(key, *node, wanted);
    const double scale = unit == "B" ? 1 : unit == "KiB" ? 1024.0 : unit == "MiB" ? 1048576.0 : unit == "GiB" ? 1073741824.0 : unit == "TiB" ? 1099511627776.0 : 0;
    if (scale == 0) return wrong(key, *node, wanted);
    octets *= scale;
  }
  if (octets < double(least) || octets > double(most)) return wrong(key, *node, wanted);
  to = uint64_t(octets);
  return true;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) {
  const toml::node* node = find(key);
  if (!node) return {};
  const toml::table* t = node->as_table();
  if (!t) {
    wrong(key, *node, fmt::format("a table: [{}]", name_.empty() ? std::string(key) : name_ + "." + std::string(key)));
    return {};
  }
  return TomlTable(root_, t, name_.empty() ? std::string(key) : name_ + "." + std::string(key), path_, *problems_, lines_before_);
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) {
  const toml::node* node = find(key);
  std::vector<TomlTable> all;
  if (!node) return all;
  const std::string name = name_.empty() ? std::string(key) : name_ + "." + std::string(key);
  const toml::array* list = node->as_array();
  bool right = list != nullptr;
  if (list)
    for (const toml::node& each : *list) {
      const toml::table* t = each.as_table();
      if (!t) right = false;
      else all.push_back(TomlTable(root_, t, name, path_, *problems_, lines_before_));
    }
  if (!right) wrong(key, *node, fmt::format("tables: [[{}]]", name));
  return all;
}

void TomlTable::finish() {
  for (const auto& [k, node] : *table_) {
    if (std::find(asked_.begin(), asked_.end(), k.str()) != asked_.end()) continue;
    std::vector<std::string_view> allowed(asked_.begin(), asked_.end());
    std::sort(allowed.begin(), allowed.end());
    allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
    const std::string_view near = nearest(k.str(), allowed);
    complain(k.str(), fmt::format("unknown key '{}'{}{}; allowed: {}", k.str(), name_.empty() ? "" : fmt::format(" in [{}]", name_),
                                  near.empty() ? "" : fmt::format(", did you mean '{}'?", near), joined(allowed)));
  }
}

std::string joined(const std::vector<std::string_view>& words, size_t at_most) {
  std::string out;
  for (size_t i = 0; i < words.size() && i < at_most; i++) out += fmt::format("{}{}", out.empty() ? "" : ", ", words[i]);
  return words.size() > at_most ? out + fmt::format(" and {} more", words.size() - at_most) : out;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& words) {
  const std::string_view near = nearest(word, words);
  return near.empty() ? std::string() : fmt::format(", did you mean \"{}\"?", near);
}

}  // namespace vidra
