// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "daemon/base/text.h"
#include "daemon/report/border.h"
#include "daemon/report/words.h"

namespace vidra {
namespace {

constexpr std::string_view severities[] = {"info", "info", "low", "medium", "high", "critical"};
constexpr std::string_view severity_colors[] = {"", "\033[2m", "\033[36m", "\033[1;33m", "\033[1;31m", "\033[1;97;41m"};
constexpr size_t label_columns = 12;   // "  expected  "
constexpr size_t longest_field = 5;    // lines of one field, whatever it holds

std::string colored(std::string_view text, std::string_view code, const Style& style) {
  return style.color && !code.empty() ? fmt::format("{}{}\033[0m", code, text) : std::string(text);
}
std::string dim(std::string_view text, const Style& style) { return colored(text, "\033[2m", style); }

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() <= longest_field) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    size_t n = fitting(text, width);
    if (n < text.size()) {
      const size_t space = text[n] == ' ' ? n : text.rfind(' ', n);
      if (space != text.npos && space > 0) n = space;
    }
    if (n == 0) break;
    std::string line(text.substr(0, n));
    text.remove_prefix(n);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
  }
  if (lines.size() > longest_field) {
    lines.resize(longest_field);
    std::string& last = lines.back();
    last = last.substr(0, fitting(last, width - 1)) + "…";
  }
  return lines;
}

std::string padded(std::string_view text, size_t width) { return std::string(text) + std::string(width - std::min(width, columns(text)), ' '); }

void field(std::ostream& out, std::string_view label, std::string_view text, const Style& style) {
  if (text.empty()) return;
  const std::string clean = printable(text), name = printable(style.language->say(label));
  bool first = true;
  for (const std::string& line : wrapped(clean, std::max<size_t>(style.width, 40) - label_columns)) {
    out << dim("  " + padded(first ? name.substr(0, fitting(name, label_columns - 3)) : "", label_columns - 2), style) << line << '\n';
    first = false;
  }
}

std::string who(std::string_view name, std::string_view address) {
  if (name.empty()) return std::string(address);
  return address.empty() ? std::string(name) : fmt::format("{} {}", name, address);
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& p : parts)
    if (!p.empty()) out += (out.empty() ? "" : std::string(between)) + p;
  return out;
}

std::string parties(const Told& t, const Language& in) {
  const auto name = [&](const std::string& n, const std::string& address) { return address.empty() && n == "several" ? std::string(in.say(n)) : n; };
  const std::string source = who(name(t.source_name, t.source), t.source), target = who(name(t.target_name, t.target), t.target);
  return source.empty() ? target : target.empty() ? source : fmt::format("{} → {}", source, target);
}

std::string protocol_title(std::string_view name) {
  const int i = protocol_index(name);
  return std::string(i < 0 ? name : protocols[size_t(i)]->title);
}

std::string often(const Told& t, const Language& in) {
  if (t.count <= 1) return std::string(in.say("once"));
  const std::string n = t.count == 2 ? std::string(in.say("twice")) : in.say("{} times", {human_count(t.count)});
  return t.last > t.first ? in.say("{} in {}", {n, human_duration(t.last - t.first)}) : in.say("{} at once", {n});
}

std::string when(Time t) {
  std::string s = iso_time(t, 0);   // 2026-11-21T22:05:06Z
  s[10] = ' ';
  return s;
}

constexpr size_t badge_columns = 8;    // so that what follows stands in line
std::string badge(const Told& t, const Style& style) {
  const std::string name = printable(capitals(style.language->say(severity_name(t.severity))));
  const std::string word = padded(name.substr(0, fitting(name, badge_columns)), badge_columns);
  return colored(word, severity_colors[std::clamp<int>(t.severity, 0, 5)], style);
}
constexpr size_t head_columns = 20 + 2 + badge_columns + 2;   // time, badge

std::string place(const Told& t) { return join({t.site, t.sensor == t.site ? "" : t.sensor}, ", "); }

std::string text_at(const nlohmann::json& j, const char* key) {
  const auto i = j.find(key);
  return i != j.end() && i->is_string() ? i->get<std::string>() : std::string();
}

// A sentence, or its key with what stands in it.
std::string said_at(const nlohmann::json& j, const char* key) {
  const auto i = j.find(key);
  return i == j.end() ? std::string() : sentence_of(*i);
}

template <class Number>
Number number_at(const nlohmann::json& j, const char* key, Number otherwise) {
  const auto i = j.find(key);
  return i != j.end() && i->is_number() ? i->get<Number>() : otherwise;
}

bool true_at(const nlohmann::json& j, const char* key) {
  const auto i = j.find(key);
  return i != j.end() && i->is_boolean() && i->get<bool>();
}

std::pair<std::string, std::string> party_at(const nlohmann::json& body, const char* key) {   // address, name
  const auto i = body.find(key);
  if (i == body.end() || !i->is_object()) return {};
  std::string address = text_at(*i, "ip");
  const bool six = address.find(':') != address.npos;
  if (address.empty()) address = text_at(*i, "mac");
  if (address.empty()) address = text_at(*i, "pseudonym");
  else if (const auto port = number_at<uint64_t>(*i, "port", 0); port) address = fmt::format("{}{}{}:{}", six ? "[" : "", address, six ? "]" : "", port);
  return {address, text_at(*i, "name")};
}

// Observation, assessment, confidence: each said as what it is.
std::string likeness(std::string_view name, double confidence, const std::vector<std::string>& observed, std::string_view did) {
  return fmt::format("resembles {}, confidence {}. Observed: {}. {}{}{}", name, confidence_word(confidence), join(observed, "; "), did, did.empty() ? "" : " ", no_attribution);
}

}  // namespace

std::string_view severity_name(int s) { return severities[size_t(std::clamp(s, 0, 5))]; }

Style style_of(int descriptor) {
  Style style;
  if (!isatty(descriptor)) return style;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) style.width = std::min<size_t>(size.ws_col, 160);
  const char* term = std::getenv("TERM");
  const char* none = std::getenv("NO_COLOR");
  style.color = term && std::string_view(term) != "dumb" && (!none || !*none);
  return style;
}

std::string replay_line(const Story& s, const Language& language) {
  const Detection& d = *s.detection;
  nlohmann::ordered_json j;
  j["detection"] = d.id;
  j["title"] = language.title(d);
  j["severity"] = s.severity;
  j["confidence"] = s.confidence;
  j["first"] = epoch_time(s.first);
  j["last"] = epoch_time(s.last);
  if (s.clock_error) j["clock"] = s.clock, j["clock_error_ns"] = s.clock_error;
  j["count"] = s.count;
  j["protocol"] = s.protocol;
  j["source"] = text_of(s.source.address);
  j["source_name"] = s.source.name;
  j["target"] = text_of(s.target.address);
  j["target_name"] = s.target.name;
  j["port"] = s.port;
  j["station"] = s.station;
  j["object"] = s.object;
  j["technique"] = d.technique;
  j["what"] = s.what;
  j["expected"] = s.expected;
  j["why"] = language.why(d);
  j["next"] = language.next(d);
  if (!s.steps.empty()) j["steps"] = texts_of(s.steps);
  if (s.resembles) j["resembles"] = {{"name", s.resembles->name}, {"observed", texts_of(*s.resembles)}, {"confidence", s.resembles->confidence}};
  j["in_window"] = s.in_window;
  j["story"] = s.id;
  j["number"] = s.number;
  j["frame"] = s.frame;
  return j.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Told told(const Story& s, const Language& language) {
  const Detection& d = *s.detection;
  Told t;
  t.first = s.first, t.last = s.last;
  t.severity = s.severity;
  t.confidence = s.confidence;
  t.count = s.count;
  t.revision = s.revision;
  t.closed = s.closed, t.in_window = s.in_window;
  t.detection = d.id, t.title = language.title(d), t.technique = d.technique;
  t.story = s.id;
  t.protocol = s.protocol;
  t.source = text_of(s.source.address), t.source_name = s.source.name;
  t.target = s.port && s.target.address.kind != Address::Kind::none && s.target.address.kind != Address::Kind::mac
                 ? text_of(Endpoint{s.target.address, s.port}) : text_of(s.target.address);
  t.target_name = s.target.name;
  t.station = s.station, t.object = s.object;
  t.what = s.what, t.expected = s.expected, t.why = language.why(d), t.next = language.next(d);
  t.steps = texts_of(s.steps);
  if (s.resembles) t.like = likeness(s.resembles->name, s.resembles->confidence, texts_of(*s.resembles), s.resembles->did);
  return t;
}

std::optional<Told> told(const nlohmann::json& body, const Language& language) {
  if (!body.is_object()) return {};
  const std::string type = text_at(body, "type");
  if (type != "alert" && type != "update") return {};
  Told t;
  t.first = parse_iso_time(text_at(body, "t_start")).value_or(0);
  t.last = parse_iso_time(text_at(body, "t_end")).value_or(t.first);
  t.severity = uint8_t(std::clamp<int64_t>(number_at<int64_t>(body, "severity", 1), 1, 5));
  t.confidence = number_at<double>(body, "confidence", 1);
  t.count = number_at<uint64_t>(body, "count", 1);
  t.revision = number_at<uint32_t>(body, "revision", 0);
  t.closed = true_at(body, "closed"), t.in_window = true_at(body, "in_window"), t.test = true_at(body, "test");
  if (const auto i = body.find("redactions"); i != body.end() && i->is_array()) t.redacted = !i->empty();
  if (const auto i = body.find("rule"); i != body.end() && i->is_object()) t.detection = text_at(*i, "id"), t.title = text_at(*i, "name");
  if (const auto i = body.find("attck"); i != body.end() && i->is_array() && !i->empty() && i->front().is_string()) t.technique = i->front();
  if (const auto i = body.find("sensor"); i != body.end() && i->is_object()) t.sensor = text_at(*i, "name"), t.site = text_at(*i, "site");
  if (const auto i = body.find("proto"); i != body.end() && i->is_array() && !i->empty() && i->front().is_string()) t.protocol = i->front();
  if (const auto i = body.find("ics"); i != body.end() && i->is_object()) t.station = said_at(*i, "station"), t.object = said_at(*i, "obj");
  t.story = text_at(body, "story");
  std::tie(t.source, t.source_name) = party_at(body, "src");
  std::tie(t.target, t.target_name) = party_at(body, "dst");
  t.what = said_at(body, "what"), t.expected = said_at(body, "expected"), t.why = said_at(body, "why"), t.next = said_at(body, "next");
  if (const auto i = body.find("privacy"); i != body.end() && i->is_object())
    t.pseudonyms = text_at(*i, "addresses") == "pseudonyms" || text_at(*i, "names") == "pseudonyms" || text_at(*i, "foreign") == "pseudonyms";
  if (const auto i = body.find("steps"); i != body.end() && i->is_array())
    for (const auto& each : *i) t.steps.push_back(sentence_of(each));
  if (const auto i = body.find("resembles"); i != body.end() && i->is_object()) {
    std::vector<std::string> observed;
    if (const auto o = i->find("observed"); o != i->end() && o->is_array())
      for (const auto& each : *o)
        observed.push_back(sentence_of(each));
    t.like = likeness(text_at(*i, "name"), number_at<double>(*i, "confidence", 0), observed, "");
  }
  const std::string said_in = text_at(body, "language");
  const bool in_it_already = (said_in.empty() ? "en" : said_in) == language.tag;
  if (const Detection* d = detection(t.detection))
    if (!in_it_already || language.has(*d)) {
      t.title = language.title(*d);
      if (!t.why.empty()) t.why = language.why(*d);      // what was kept back stays away
      if (!t.next.empty()) t.next = language.next(*d);
    }
  return t;
}

std::string searchable(const Told& t) {
  std::string all;
  for (const std::string* s : {&t.detection, &t.title, &t.technique, &t.site, &t.sensor, &t.story, &t.protocol, &t.source, &t.source_name, &t.target, &t.target_name,
                               &t.station, &t.object, &t.what, &t.expected, &t.why, &t.next})
    all.append(*s).append("\n");
  for (const std::string& step : t.steps) all.append(step).append("\n");
  if (const Detection* d = detection(t.detection)) all += d->title;
  return search_form(all);
}

void print_story(std::ostream& out, const Told& t, const Style& style) {
  const Language& in = *style.language;
  const std::string title = printable(fmt::format("{}{}{}{}", t.test ? fmt::format("{}: ", in.say("EXERCISE")) : "", t.title.empty() ? t.detection : t.title,
                                                  t.count > 1 ? ", " : "", t.count > 1 ? often(t, in) : ""));
  const size_t width = std::max<size_t>(style.width, 40);
  const bool narrow = width < head_columns + 30;   // then the title has a line of its own
  out << when(t.first) << "  " << badge(t, style) << (narrow ? "\n" : "  ");
  bool first = true;
  for (const std::string& line : wrapped(title, width - (narrow ? 2 : head_columns))) {
    out << std::string(narrow ? 2 : first ? 0 : head_columns, ' ') << colored(line, "\033[1m", style) << '\n';
    first = false;
  }
  const std::string stage = join({t.station, t.object}, ", ");
  field(out, "who", join({parties(t, in), join({t.protocol.empty() ? "" : protocol_title(t.protocol), stage}, " ")}, ", "), style);
  if (t.redacted && t.what.empty()) field(out, "seen", in.say("told as states and counts only: the site keeps the rest of what concerns its operation"), style);
  field(out, "seen", t.what, style);
  field(out, "expected", t.expected, style);
  for (const std::string& step : t.steps) field(out, &step == &t.steps.front() ? "steps" : "", step, style);
  field(out, "like", t.like, style);
  field(out, "next", t.next, style);
  std::vector<std::string> notes{place(t).empty() ? "" : in.say("at {}", {place(t)}), t.detection, t.technique};
  if (t.confidence < 0.995) notes.push_back(in.say("confidence {} %", {fmt::format("{:.0f}", t.confidence * 100)}));
  if (t.in_window) notes.emplace_back(in.say("in a maintenance window"));
  if (t.closed) notes.emplace_back(in.say("over"));
  if (t.pseudonyms) notes.emplace_back(in.say("pseudonyms: the site resolves them"));
  if (!t.story.empty()) notes.push_back(in.say("story {}", {t.story.substr(0, 8)}));
  for (const std::string& line : wrapped(printable(join(notes, ", ")), width - label_columns))
    out << std::string(label_columns, ' ') << dim(line, style) << '\n';
  out << '\n';
}

void print_update(std::ostream& out, const Told& t, const Style& style) {
  const Language& in = *style.language;
  const std::string text = printable(fmt::format("{}{}: {}", t.test ? fmt::format("{}: ", in.say("EXERCISE")) : "", t.title.empty() ? t.detection : t.title,
      join({in.say(t.closed ? "over, {}" : "now {}", {often(t, in)}), parties(t, in), place(t), t.story.empty() ? "" : in.say("story {}", {t.story.substr(0, 8)})}, ", ")));
  const size_t width = std::max<size_t>(style.width, 40), room = width > head_columns + 20 ? width - head_columns : 20;
  out << dim(when(t.last), style) << "  " << badge(t, style) << "  "
      << (columns(text) <= room ? text : text.substr(0, fitting(text, room - 1)) + "…") << '\n';
}

}  // namespace vidra
