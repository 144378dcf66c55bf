// SPDX-License-Identifier: Apache-2.0
// vidra words: the languages there are, and what a language file lacks.
#include <fmt/format.h>

#include <memory>

#include "daemon/report/language_file.h"
#include "daemon/tool/commands.h"

namespace vidra {
namespace {

int list() {
  const std::string folder = words_folder({});
  fmt::print("en       English: the catalogue itself\n");
  for (const std::string& tag : languages_in(folder)) {
    if (tag == "en") continue;
    Problems problems;
    const auto language = load_language(tag, folder, problems);
    if (!language) continue;
    size_t right = 0;
    for (const Detection& d : catalogue)
      if (const auto i = language->rows.find(d.id); i != language->rows.end()) right += !i->second.title.empty() && i->second.english == fingerprint(d);
    fmt::print("{:<8} {}: {} of {} detections\n", tag, language->name, right, catalogue.size());
  }
  fmt::print("from {}; `vidra words new mk > mk.toml` begins another\n", folder);
  return exit_done;
}

void section(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  fmt::print("\n{}:\n", title);
  for (const std::string& line : lines) fmt::print("  {}\n", line);
}

int check(const std::string& path) {
  Problems problems;
  const auto c = check_words(path, problems);
  if (!c) {
    for (const std::string& p : problems) fmt::print(stderr, "vidra: {}\n", p);
    fmt::print(stderr, "vidra: {} is refused: {} {}\n", path, problems.size(), problems.size() == 1 ? "mistake" : "mistakes");
    return exit_failed;
  }
  fmt::print("{}: {} ({}), {} of {} detections and {} of {} phrases\n", path, c->language.name, c->language.tag, c->rows_right, c->rows, c->phrases_right, phrases.size());
  section("missing, said in English", c->missing);
  section("the English has changed since, said in English until english = \"…\" names it", c->stale);
  section("left over, used by nothing", c->left_over);
  const bool whole = c->missing.empty() && c->stale.empty() && c->left_over.empty();
  if (!whole) fmt::print("\n{} missing, {} stale, {} left over\n", c->missing.size(), c->stale.size(), c->left_over.size());
  return whole ? exit_done : exit_failed;
}

std::string in_quotes(std::string_view s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out + '"';
}

int begin_with(const std::string& tag) {
  fmt::print("# Words of Vidra in another language: docs/WORDS.md. `vidra words check FILE` says what is missing.\n"
             "language = {}\nname = \"\"\n\n[words]\n", in_quotes(tag));
  for (const Phrase& p : phrases) fmt::print("{} = \"\"{}{}\n", in_quotes(p.english), p.where.empty() ? "" : "   # ", p.where);
  for (const Detection& d : catalogue)
    fmt::print("\n# {}\n# {}\n# {}\n[{}]\nenglish = \"{}\"\ntitle = \"\"\nwhy = \"\"\nnext = \"\"\n", d.title, d.why, d.next, d.id, fingerprint(d));
  return exit_done;
}

}  // namespace

void add_words(CommandLine app, int& status) {
  const CommandLine c = app.command("words", "the languages there are; what a language file lacks");
  auto path = std::make_shared<std::string>(), tag = std::make_shared<std::string>();
  const CommandLine check_one = c.command("check", "what is missing, left over, or made from an English that has changed");
  check_one.option("FILE", *path, "a language file").required();
  const CommandLine begin_one = c.command("new", "the beginning of another language file, on standard output");
  begin_one.option("LANGUAGE", *tag, "its tag (BCP 47), like mk, sq, cnr").required();
  check_one.runs([path, &status] { status = check(*path); });
  begin_one.runs([tag, &status] { status = begin_with(*tag); });
  c.runs([c, &status] {
    if (c.alone()) status = list();
  });
}

}  // namespace vidra
