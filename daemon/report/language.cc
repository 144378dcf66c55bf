// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/language.h"

#include <fmt/format.h>

namespace vidra {

const Language in_english{};

const std::vector<Phrase> phrases = {
    {"info", "severity, shown in capitals"},
    {"low", "severity"},
    {"medium", "severity"},
    {"high", "severity"},
    {"critical", "severity"},
    {"who", "beginning of a line, at most ten letters: who did it, to whom"},
    {"seen", "beginning of a line: what was seen"},
    {"expected", "beginning of a line: what was expected"},
    {"steps", "beginning of a line: what each of several detections told of one cause, in order"},
    {"like", "beginning of a line: which known attack it resembles"},
    {"next", "beginning of a line: what to do next"},
    {"once", "how often: 1"},
    {"twice", "how often: 2"},
    {"{} times", "how often"},
    {"{} in {}", "how often, in how long: 12 times in 3 s"},
    {"{} at once", "how often, at one time: 12 times at once"},
    {"now {}", "how often by now"},
    {"over", "the story has ended"},
    {"over, {}", "the story has ended, and how often it happened"},
    {"at {}", "site and sensor"},
    {"confidence {} %", ""},
    {"in a maintenance window", ""},
    {"pseudonyms: the site resolves them", "at the end of an alert whose addresses or names are pseudonyms"},
    {"story {}", "number of the story"},
    {"several", "instead of a name: more than one"},
    {"EXERCISE", "before the title: real in form, not in fact"},
    {"severity {} ({}), {}", "vidra catalogue ID: number, word, for whom"},
    {"security", "for whom a detection is"},
    {"operations", "for whom a detection is"},
    {"sensor", "for whom a detection is"},
    {"why", "vidra catalogue ID: why it matters"},
    {"tune", "vidra catalogue ID: how to tune it"},
    {"told as states and counts only: the site keeps the rest of what concerns its operation", "instead of what was seen"},
};

std::string fingerprint(const Detection& d) {
  uint32_t h = 2166136261u;
  for (std::string_view text : {d.title, d.why, d.next}) {
    for (char c : text) h = (h ^ uint8_t(c)) * 16777619u;
    h *= 16777619u;      // an end
  }
  return fmt::format("{:08x}", h);
}

std::string_view Language::of(const Detection& d, std::string Wording::*part, std::string_view otherwise) const {
  const auto i = rows.find(d.id);
  return i == rows.end() || (i->second.*part).empty() || i->second.english != fingerprint(d) ? otherwise : i->second.*part;
}

std::string_view Language::say(std::string_view phrase) const {
  const auto i = phrases.find(phrase);
  return i == phrases.end() ? phrase : i->second;
}

std::string Language::say(std::string_view phrase, std::initializer_list<std::string_view> values) const {
  const std::string_view form = say(phrase);
  std::string out;
  size_t from = 0;
  for (std::string_view v : values) {
    const size_t at = form.find("{}", from);
    if (at == form.npos) break;
    out.append(form.substr(from, at - from)).append(v);
    from = at + 2;
  }
  return out.append(form.substr(from));
}

}  // namespace vidra
