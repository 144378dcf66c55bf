// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vidra {

using Problems = std::vector<std::string>;

struct XmlAttribute { std::string_view name, value; };

// One element of a document. Names are without the prefix of the document's own name space; what belongs to another one is not
// kept. Views hold as long as the document.
struct XmlElement {
  std::string_view name;
  std::string_view text;                     // its own characters, without white space around
  std::span<const XmlAttribute> attributes;
  uint32_t line = 0;
  uint32_t parent = 0, first_child = 0, last_child = 0, next = 0;   // positions in the document, 0 none

  std::string_view operator[](std::string_view attribute) const {   // "" where it is absent
    for (const XmlAttribute& a : attributes)
      if (a.name == attribute) return a.value;
    return {};
  }
};

struct XmlLimits {
  uint64_t octets = uint64_t{512} << 20;     // of the document
  uint64_t kept = uint64_t{1} << 30;         // of names, values and texts
  uint32_t elements = 8'000'000;
  uint32_t depth = 100;
};

// A whole document in memory, read in one pass. Entities other than XML's own five are refused together with the DOCTYPE that
// would declare them, so nothing is fetched and nothing swells.
class XmlDocument {
 public:
  // `skipped`: elements that are not kept, with all in them. A problem is "path:line:column: <element>: what; what to do".
  static std::optional<XmlDocument> open(const std::string& path, std::span<const std::string_view> skipped, Problems&, const XmlLimits& = {});
  static std::optional<XmlDocument> parse(std::string_view text, const std::string& path, std::span<const std::string_view> skipped, Problems&, const XmlLimits& = {});

  const XmlElement& root() const { return elements_[1]; }
  const std::string& path() const { return path_; }
  std::string place(const XmlElement&) const;                       // "path:line: <name>"

  const XmlElement* first(const XmlElement& of, std::string_view name = {}) const { return matching(of.first_child, name); }
  const XmlElement* next(const XmlElement& e, std::string_view name = {}) const { return matching(e.next, name); }
  const XmlElement* parent(const XmlElement& e) const { return e.parent ? &elements_[e.parent] : nullptr; }
  // Calls f(const XmlElement&) for each child of that name, "" every one.
  template <class F> void each(const XmlElement& of, std::string_view name, F f) const {
    for (const XmlElement* c = first(of, name); c; c = next(*c, name)) f(*c);
  }

 private:
  friend class XmlReader;
  XmlDocument() = default;
  const XmlElement* matching(uint32_t at, std::string_view name) const {
    for (; at; at = elements_[at].next)
      if (name.empty() || elements_[at].name == name) return &elements_[at];
    return nullptr;
  }

  std::string path_;
  std::vector<XmlElement> elements_;                    // the first is none
  std::vector<std::unique_ptr<char[]>> pages_;
  std::vector<std::unique_ptr<XmlAttribute[]>> lists_;
};

}  // namespace vidra
