// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "daemon/judge/catalogue.h"
#include "daemon/judge/patterns.h"
#include "daemon/judge/site.h"

namespace vidra {

// What a value is held against: a number and how, or a word that every form of a state has.
struct ValueTest {
  enum class How : uint8_t { between, outside, less, less_equal, greater, greater_equal, equal, unequal, off, on, intermediate, faulty } how = How::equal;
  double least = 0, most = 0;
  bool holds(const Point&) const;
};
std::optional<ValueTest> parse_value_test(std::string_view);   // "> 100", "10-20", "not 0-400", "on", "7"

// When a rule holds, in the wall time of the box, of UTC, or of an offset from it.
struct Hours {
  uint16_t from = 0, until = 24 * 60;      // minutes of the day; until may lie before from: over midnight
  uint8_t days = 0x7f;                     // a bit each, Monday the lowest
  bool any = true, local = true;
  int16_t offset = 0;                      // minutes east of UTC, where it is not local
  bool holds(Time) const;
};
std::optional<Hours> parse_hours(std::string_view);             // "22:00-06:00", "06:00-14:00 UTC", "… +01:00"

// A rule that somebody wrote for one site, ready to be compared with. What is empty is not asked for.
struct FieldRule {
  const Detection* detection = nullptr;    // its own row; lives as long as the program
  std::string name, what;                  // what: a sentence with {client} {server} {station} {object} {value} {function} {cause} {times}; "" made up
  std::string place;                       // "rules.toml:12"
  struct Of { uint16_t protocol = 0; Ranges functions, causes; };
  std::vector<Of> protocols;
  ActSet acts = all_acts;
  uint8_t roles = 0;                       // of Want::Roles
  uint8_t flags_set = 0, flags_unset = 0;  // refused 1, malformed 2, test 4, simulated 8, broadcast 16, encrypted 32
  bool link = false;                       // frames of the link, too
  Ranges stations, origins, qualifiers;
  std::vector<std::string> station_names;  // patterns
  std::vector<Selector> clients, not_clients, servers, not_servers;
  std::vector<ObjectRange> objects;
  Ranges numbers;                          // of objects, whatever their kind
  std::vector<std::string> object_patterns, texts;
  std::vector<ValueTest> values;
  std::vector<std::string> value_words;    // as they were written
  uint32_t quality = 0;                    // any of these
  bool quality_good = false;
  std::optional<Hours> hours;
  uint32_t times = 1;
  Time window = minute;
  enum class Each : uint8_t { messages, objects, stations, servers } of = Each::messages;

  bool asks_for_point() const { return !objects.empty() || !numbers.empty() || !object_patterns.empty() || !texts.empty() || !values.empty() || quality || quality_good; }
};

// The site's own rules, laid out so that a message meets only those of its protocol and function.
class FieldRules {
 public:
  static constexpr size_t most = 1000, most_counted = 200'000;   // rules; what all of them count to together
  explicit FieldRules(std::vector<FieldRule>);
  const std::vector<FieldRule>& all() const { return all_; }
  struct Placed { const FieldRule* rule; const FieldRule::Of* of; };
  std::span<const Placed> of(uint16_t protocol, uint16_t function) const {
    const uint16_t at = where_[protocol];
    if (!at) return {};
    const Table& t = tables_[at - 1u];
    return std::span(t.listed).subspan(t.begin[function & 255], t.begin[(function & 255) + 1u] - t.begin[function & 255]);
  }

 private:
  struct Table {
    std::array<uint32_t, 257> begin{};
    std::vector<Placed> listed;
  };
  std::vector<FieldRule> all_;
  std::vector<uint16_t> where_;            // by protocol: 1 + its table; 0 none
  std::vector<Table> tables_;
};

// A row for a rule: the same words give the same row, which is never forgotten, for stories may outlive the settings.
const Detection* row_of_rule(std::string_view name, std::string_view title, uint8_t severity, Audience, std::string_view technique, std::string_view why, std::string_view next,
                             std::string_view place);
std::string describe(const FieldRule&, const Site&);   // for people: what it waits for
std::string rule_sentence(std::string_view form, const std::array<std::string, 8>& words);   // throws fmt::format_error for a wrong form

}  // namespace vidra
