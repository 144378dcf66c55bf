// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "daemon/report/language.h"

namespace vidra {
namespace {

// Digraphs first.
constexpr std::pair<std::string_view, std::string_view> letters[] = {
    {"lj", "љ"}, {"Lj", "Љ"}, {"LJ", "Љ"}, {"nj", "њ"}, {"Nj", "Њ"}, {"NJ", "Њ"}, {"dž", "џ"}, {"Dž", "Џ"}, {"DŽ", "Џ"},
    {"a", "а"}, {"b", "б"}, {"v", "в"}, {"g", "г"}, {"d", "д"}, {"đ", "ђ"}, {"e", "е"}, {"ž", "ж"}, {"z", "з"}, {"i", "и"}, {"j", "ј"},
    {"k", "к"}, {"l", "л"}, {"m", "м"}, {"n", "н"}, {"o", "о"}, {"p", "п"}, {"r", "р"}, {"s", "с"}, {"t", "т"}, {"ć", "ћ"}, {"u", "у"},
    {"f", "ф"}, {"h", "х"}, {"c", "ц"}, {"č", "ч"}, {"š", "ш"},
    {"A", "А"}, {"B", "Б"}, {"V", "В"}, {"G", "Г"}, {"D", "Д"}, {"Đ", "Ђ"}, {"E", "Е"}, {"Ž", "Ж"}, {"Z", "З"}, {"I", "И"}, {"J", "Ј"},
    {"K", "К"}, {"L", "Л"}, {"M", "М"}, {"N", "Н"}, {"O", "О"}, {"P", "П"}, {"R", "Р"}, {"S", "С"}, {"T", "Т"}, {"Ć", "Ћ"}, {"U", "У"},
    {"F", "Ф"}, {"H", "Х"}, {"C", "Ц"}, {"Č", "Ч"}, {"Š", "Ш"},
};

// Where a prefix ends in n or d and the stem begins with j or ž, the two are letters of their own.
constexpr std::string_view parted[] = {"injek", "Injek", "konjunk", "Konjunk", "konjug", "Konjug", "vanjez", "Vanjez", "nadživ", "Nadživ", "podžan", "Podžan", "odžal", "Odžal"};

bool small(char c) { return c >= 'a' && c <= 'z'; }
bool capital(char c) { return c >= 'A' && c <= 'Z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool plain(std::string_view s) {
  for (char c : s)
    if (uint8_t(c) >= 0x80) return false;
  return true;
}

std::string letter_by_letter(std::string_view word) {
  size_t apart = std::string_view::npos;      // here no digraph begins
  for (std::string_view p : parted)
    if (word.substr(0, p.size()) == p) apart = p.find_first_of("jž") - 1;
  std::string out;
  for (size_t at = 0; at < word.size();) {
    size_t took = 0;
    for (const auto& [latin, cyrillic] : letters)
      if (word.substr(at, latin.size()) == latin && !(at == apart && latin.size() > 1 && uint8_t(latin[0]) < 0x80)) {
        out += cyrillic;
        took = latin.size();
        break;
      }
    if (!took) out += word[at], took = 1;
    at += took;
  }
  return out;
}

// An abbreviation, an identifier, a foreign word.
bool stays(std::string_view part) {
  if (!plain(part)) return false;
  size_t capitals = 0, smalls = 0;
  for (size_t i = 0; i < part.size(); i++) {
    const char c = part[i];
    if (digit(c) || std::string_view("qwxyQWXY_.@=:\\{}%&").find(c) != std::string_view::npos) return true;
    capitals += capital(c), smalls += small(c);
    if (i > 0 && capital(c) && smalls) return true;           // stNum
  }
  return capitals > 1;                                         // GOOSE, PLCs
}

// Empty: it is an ordinary word. Else the word, or a word of five letters or more and its ending.
std::string kept(std::string_view part, const std::vector<std::string>& latin) {
  for (const std::string& word : latin)
    if (part == word) return word;
  for (const std::string& word : latin) {
    if (word.size() < 5 || part.size() <= word.size() || part.substr(0, word.size()) != word) continue;   // "id" begins "ide"
    const std::string_view ending = part.substr(word.size());
    if (ending.size() <= 3 && small(ending[0])) return word + "-" + letter_by_letter(ending);
  }
  return stays(part) ? std::string(part) : std::string();
}

bool is_unit(std::string_view word) {
  while (!word.empty() && std::string_view(",.;:)").find(word.back()) != std::string_view::npos) word.remove_suffix(1);
  for (std::string_view u : {"s", "ms", "min", "h", "d", "V", "kV", "A", "Hz", "m", "km"})
    if (word == u) return true;
  return false;
}

std::string word_in_cyrillic(std::string_view word, const std::vector<std::string>& latin) {
  constexpr std::string_view around = "(),.;:!?\"'";
  const size_t begin = word.find_first_not_of(around);
  if (begin == word.npos) return std::string(word);
  const size_t end = word.find_last_not_of(around) + 1;
  const std::string_view core = word.substr(begin, end - begin);
  std::string out(word.substr(0, begin));
  if (core.find('/') == core.npos && core.find('-') == core.npos && core.find('.') != core.npos) {   // 7.2.4, vidra.toml
    out.append(core);
  } else {
    std::vector<std::string_view> parts;
    for (size_t at = 0; at <= core.size();) {
      const size_t to = std::min(core.find_first_of("-/", at), core.size());
      parts.push_back(core.substr(at, to - at));
      at = to + 1;
    }
    bool technical = false;               // R-GOOSE: the R too; I/O
    size_t single = 0;
    for (std::string_view p : parts) technical |= parts.size() > 1 && stays(p), single += p.size() == 1 && capital(p[0]);
    technical |= parts.size() > 1 && single == parts.size();
    for (size_t i = 0, at = 0; i < parts.size(); at += parts[i].size() + 1, i++) {
      if (i) out += core[at - 1];
      const std::string as_it_is = kept(parts[i], latin);
      if (!as_it_is.empty()) out += as_it_is;
      else if (technical && parts[i].size() == 1 && capital(parts[i][0])) out += parts[i];
      else out += letter_by_letter(parts[i]);
    }
  }
  return out.append(word.substr(end));
}

}  // namespace

std::string in_cyrillic(std::string_view text, const std::vector<std::string>& latin) {
  std::string out;
  bool number = false;                    // the word before was one: what follows may be its unit
  for (size_t at = 0; at < text.size();) {
    size_t end;
    if (text[at] == '`') {
      end = text.find('`', at + 1);
      end = end == text.npos ? text.size() : end + 1;
      out.append(text.substr(at, end - at));
    } else if (text[at] == ' ' || text[at] == '\n') {
      end = at + 1;
      out += text[at];
    } else {
      end = std::min(text.find_first_of(" \n`", at), text.size());
      const std::string_view word = text.substr(at, end - at);
      out += number && is_unit(word) ? std::string(word) : word_in_cyrillic(word, latin);
      number = digit(word.back());
    }
    at = end;
  }
  return out;
}

Language in_cyrillic(const Language& from, const std::vector<std::string>& latin) {
  Language to = from;
  for (std::string* s : {&to.name}) *s = in_cyrillic(*s, latin);
  for (auto& [id, w] : to.rows)
    for (std::string* s : {&w.title, &w.why, &w.next}) *s = in_cyrillic(*s, latin);
  for (auto& [english, said] : to.phrases) said = in_cyrillic(said, latin);
  return to;
}

}  // namespace vidra
