// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/record/pseudonyms.h"
#include "daemon/report/said.h"

namespace vidra {

enum class Showing : uint8_t { plain, pseudonyms, hidden };
std::string_view name_of(Showing);

// What one collector may be told: the keys of its [[collector]] (docs/decisions/0186).
struct Policy {
  Showing addresses = Showing::pseudonyms;   // of the site: IP, MAC
  Showing foreign = Showing::plain;          // addresses of others
  Showing names = Showing::pseudonyms;       // hosts, IEDs, stations, data sets, files, users, free text
  Showing identity = Showing::plain;         // of the sender: what the sensor and the site are called
  bool numbers = true;                       // figures in sentences: object and station numbers, values, counts
  bool all_fields = true;
  std::vector<std::string> fields;           // of those that may be left out; with all_fields every one
  bool plain() const { return addresses == Showing::plain && foreign == Showing::plain && names == Showing::plain && identity == Showing::plain && numbers; }
};
inline Policy open_policy() { return {Showing::plain, Showing::plain, Showing::plain, Showing::plain, true, true, {}}; }

// What a field of a record's body is; the policy decides by this alone.
enum class FieldKind : uint8_t {
  key,        // a word of the program, or a random number in hexadecimal: leaves as it is
  number,     // a count, a time, a figure of the sensor's own
  identity,   // what the sender is called
  address,
  name,       // of something at the site
  rule,       // a detection's id; what stands behind a slash is a name
  title,      // a text of the catalogue; of a site's own rule a name
  text,       // a sentence with names, addresses and numbers in it
  heard,      // likewise, from the wire: where it is more than words of the program and numbers it is one name
};
std::string_view name_of(FieldKind);

// One row for every field that a body can have. `path`: "src.ip"; "[]" each of a list, "*" any word as key. What has no row does not leave.
struct BodyField {
  std::string_view path;
  FieldKind kind;
  std::string_view meaning;
  bool optional = false;      // a [[collector]] may leave it out: the first part of its path
  std::string_view of = {};   // what is named: the word before the digits of its pseudonym
  bool of_rule = false;       // of a rule of the site's own the site wrote it
  const char* instead = nullptr;   // stands there where nothing may, and then always as a text; null: the field goes
};
extern const std::span<const BodyField> body_fields;
std::vector<std::string_view> optional_fields();

// The border of the site towards one collector: the one place where a body becomes what leaves. One thread.
class Border {
 public:
  Border(Policy, std::shared_ptr<const Pseudonyms>, std::shared_ptr<const Declared>);

  void passed(nlohmann::ordered_json& body) const;      // leaves of it what may leave, in the form in which it may
  std::string identity(std::string_view kind, std::string_view name) const;   // of the sender, as HELLO says it
  const Policy& policy() const { return policy_; }
  void declare(std::shared_ptr<const Declared> site);
  // Each pseudonym before it leaves, and what it stands for.
  std::function<void(const std::string& pseudonym, const std::string& plain)> told_as;
  // Fields without a row: what `passed` takes away, under every policy.
  static std::vector<std::string> unlisted(const nlohmann::ordered_json& body);

 private:
  // `own_rule`: the story is of a rule of the site's own; `own_words`: which says a sentence that the site wrote.
  struct Of { bool own_rule = false, own_words = false; };
  nlohmann::ordered_json passed(nlohmann::ordered_json value, const std::string& path, Of) const;
  nlohmann::ordered_json said(const std::string& sentence, bool own_words) const;
  nlohmann::ordered_json name(std::string_view kind, const std::string& plain) const;       // null: hidden
  nlohmann::ordered_json address(const Address&) const;
  std::string told(std::string pseudonym, const std::string& plain) const;

  Policy policy_;
  std::shared_ptr<const Pseudonyms> pseudonyms_;
  std::shared_ptr<const Declared> site_;
  mutable std::map<Address, std::string> known_;        // how addresses leave, so that each is worked out once; "" not at all
  mutable std::map<std::string, std::string> parties_;  // of the body at hand: names with what they are
  std::set<std::string, std::less<>> own_sentences_;    // rules that once said a sentence of the site's: its stories may outlive it
};

// A text of a body for people, as it came or put together from its key and values; "" when it is neither.
std::string sentence_of(const nlohmann::json&);

}  // namespace vidra
