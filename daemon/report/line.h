// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <ostream>
#include <string>

#include "daemon/report/language.h"
#include "daemon/report/story.h"

namespace vidra {

// `vidra replay --json`: one story as one JSON object in one line, without the line's end. Its keys are stable
// (docs/OPERATING.md): detection, title, severity, first, last (epoch seconds as strings with nine decimals), count,
// protocol, source, source_name, target, target_name, port, station, object, technique, what, expected, why, next,
// confidence, in_window, story, number, frame. All are always there; what is not known is "" (port, frame: 0). Only a story
// that resembles a known attack has `resembles`.
std::string replay_line(const Story&, const Language& = in_english);

// How a story is shown to people.
struct Style {
  bool color = false;
  size_t width = 100;      // columns, at least 40
  const Language* language = &in_english;
};
// Colour and width of the terminal behind a file descriptor; no colour when it is none, or NO_COLOR is set.
Style style_of(int descriptor);

// A story as the eye wants it: what is shown, whether it comes from a Story or from the body of a record.
struct Told {
  Time first = 0, last = 0;
  uint8_t severity = 1;
  double confidence = 1;
  uint64_t count = 1;
  uint32_t revision = 0;
  bool closed = false, in_window = false, test = false, redacted = false, pseudonyms = false;   // pseudonyms: ip4-…, host-… stand for what the site keeps
  std::string detection, title, technique, site, sensor, story;
  std::string protocol, source, source_name, target, target_name, station, object;   // target with its port
  std::string what, expected, why, next;
  std::vector<std::string> steps;   // what each of several detections told of it, in order
  std::string like;        // which known attack it resembles, with the evidence; "" none
};
Told told(const Story&, const Language& = in_english);
// None when it is no alert and no update. Title, why and next are said in the language asked for, whatever the sensor's, where
// the catalogue here has the detection; otherwise as they came.
std::optional<Told> told(const nlohmann::json& body, const Language& = in_english);
// What a search looks at, in its form (report/words.h): every text of it, and its English title.
std::string searchable(const Told&);

// The whole alert: when, how bad, what and how often; who did it to which object of which station; what was seen, what was
// expected, what to do next; where to look it up. Six lines when each fits, more on a narrow terminal; then an empty line.
void print_story(std::ostream&, const Told&, const Style&);
// One line for what has been shown before: how often by now, since when, whether it is over.
void print_update(std::ostream&, const Told&, const Style&);

std::string_view severity_name(int severity);   // "info", "low", "medium", "high", "critical"; a phrase of each language

}  // namespace vidra
