// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/judge/catalogue.h"

namespace vidra {

// What a row of the catalogue says in another language, and which English it was made from.
struct Wording {
  std::string english;             // fingerprint of the English
  std::string title, why, next;    // "": not translated
};
// Eight hexadecimal digits that change with title, why or next.
std::string fingerprint(const Detection&);

// One language for what people read. English is in the catalogue and the code; every other language is a file of words
// (docs/WORDS.md). What has no translation, or one made from another English, is said in English.
class Language {
 public:
  std::string tag = "en", name = "English";       // BCP 47: "bs", "sr-Cyrl"
  std::map<std::string, Wording, std::less<>> rows;
  std::map<std::string, std::string, std::less<>> phrases;   // by their English

  bool english() const { return tag == "en"; }
  bool has(const Detection& d) const { return title(d).data() != d.title.data(); }   // from the present English
  std::string_view title(const Detection& d) const { return of(d, &Wording::title, d.title); }
  std::string_view why(const Detection& d) const { return of(d, &Wording::why, d.why); }
  std::string_view next(const Detection& d) const { return of(d, &Wording::next, d.next); }
  std::string_view say(std::string_view phrase) const;
  // The phrase with its {} replaced, one after the other.
  std::string say(std::string_view phrase, std::initializer_list<std::string_view> values) const;

 private:
  std::string_view of(const Detection&, std::string Wording::*, std::string_view otherwise) const;
};
extern const Language in_english;

// The phrases that stand around an alert, each with the place where it is read: what a language file translates in [words].
struct Phrase { std::string_view english, where; };
extern const std::vector<Phrase> phrases;

// Serbian or Bosnian Latin text in Cyrillic. What stands in backticks, abbreviations, identifiers, numbers, words with q, w,
// x or y, and the words of `latin` (of five letters or more also with an ending, which a hyphen then parts off) stay Latin.
std::string in_cyrillic(std::string_view, const std::vector<std::string>& latin);
// For a whole language.
Language in_cyrillic(const Language&, const std::vector<std::string>& latin);

}  // namespace vidra
