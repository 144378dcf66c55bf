// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/base/address.h"

namespace vidra {

// The words of the program's own sentences, sorted by octets: written from the sources when the program is built (vocabulary.py).
extern const std::span<const std::string_view> vocabulary;

// What a site calls its own, and where it lies. Plain values: whoever knows the site fills it.
struct Declared {
  std::vector<Prefix> prefixes;                          // the site's address ranges; private ranges are its own in any case
  std::unordered_map<std::string, std::string> names;    // "rtu1" is a "host", "Alder 110/20 kV" the "site"
  std::unordered_set<std::string> sender;                // of the names those by which the sender is called: of the sensor and of the site
  std::map<std::string, bool, std::less<>> rules;        // the site's own, by name: whether the site wrote the sentence that they say
  void add(std::string_view kind, std::string_view name);   // what is empty or only digits is no name
  bool own(const Address&) const;                        // also one in which an IPv4 address of its own is embedded
  size_t longest_at(std::string_view text) const;        // of the names that begin as this text does; 0 none

 private:
  std::unordered_map<uint16_t, size_t> longest_;         // by the first two octets
};

// One piece of a sentence: words of the program with what stands between them, or something that was put in.
struct Piece {
  enum class Kind : uint8_t { words, address, prefix, number, name } kind = Kind::words;
  std::string text;
  std::string of = {};                                   // of a name: "host", "zone" …; "name" where nothing is known of it
};

// Whether a text is one word of the program's sentences.
bool own_word(std::string_view);
// Takes a sentence of a finding apart. What is not an address, a number, or a word of the program's own is a name, and so is each name
// of the site, whatever words it is made of; `more` are further names with what they are. Put together again the pieces are the sentence.
std::vector<Piece> pieces(std::string_view sentence, const Declared&, const std::map<std::string, std::string>& more = {});

}  // namespace vidra
