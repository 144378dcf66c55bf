// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/language_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "daemon/base/text.h"

namespace vidra {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t largest_file = 4u << 20;

// What a language file holds, as it is written.
struct Words {
  Language language;
  bool cyrillic = false;
  std::vector<std::string> latin;
};

size_t holes(std::string_view s) {
  size_t n = 0;
  for (size_t at = s.find("{}"); at != s.npos; at = s.find("{}", at + 2)) n++;
  return n;
}

// What stands in backticks is typed into a machine: it is the same in every language, whatever its order.
std::vector<std::string> typed(std::string_view s) {
  std::vector<std::string> all;
  for (size_t open = s.find('`'); open != s.npos;) {
    const size_t close = s.find('`', open + 1);
    if (close == s.npos) {
      all.emplace_back("(one that is not closed)");
      break;
    }
    all.emplace_back(s.substr(open + 1, close - open - 1));
    open = s.find('`', close + 1);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<Words> read_words(const std::string& path, Problems& problems) {
  const size_t before = problems.size();
  std::error_code none;
  if (const auto size = fs::file_size(path, none); !none && size > largest_file) {
    problems.push_back(fmt::format("{}: has {}; a language file has at most {}", path, human_bytes(size), human_bytes(largest_file)));
    return {};
  }
  auto root = TomlTable::open(path, problems);
  if (!root) return {};
  Words w;
  w.language.tag.clear(), w.language.name.clear();
  root->read("language", w.language.tag);
  if (w.language.tag.empty()) root->complain("language", "a language file says which language it is: language = \"mk\" (BCP 47)");
  root->read("name", w.language.name);
  root->read("cyrillic", w.cyrillic);
  root->read("latin", w.latin);
  std::vector<std::string_view> ids;
  for (const Detection& d : catalogue) ids.push_back(d.id);
  for (const std::string& key : root->keys()) {
    if (key == "language" || key == "name" || key == "cyrillic" || key == "latin") continue;
    auto t = root->table(key);
    if (!t) continue;
    if (key == "words") {
      for (const std::string& english : t->keys()) {
        std::string said;
        if (!t->read(english, said) || said.empty()) continue;
        if (holes(said) != holes(english)) t->complain(english, fmt::format("\"{}\" has {} {{}}; its English has {}", said, holes(said), holes(english)));
        w.language.phrases[english] = said;
      }
      continue;
    }
    Wording& row = w.language.rows[key];
    t->read("english", row.english);
    t->read("title", row.title);
    t->read("why", row.why);
    t->read("next", row.next);
    t->finish();
    if (const Detection* d = detection(key); d && row.english == fingerprint(*d)) {
      const auto same = [&](std::string_view part, const std::string& said, std::string_view english) {
        if (!said.empty() && typed(said) != typed(english)) t->complain(part, fmt::format("what stands in backticks is not what stands there in English: {}", english));
      };
      same("title", row.title, d->title);
      same("why", row.why, d->why);
      same("next", row.next, d->next);
    }
  }
  if (problems.size() != before) return {};
  return w;
}

std::string listed(const std::vector<std::string>& all) {
  std::string out;
  for (const std::string& s : all) out += (out.empty() ? "" : ", ") + s;
  return out;
}

// The two scripts of one file: what is asked for, without its script.
bool ends_off(std::string& tag, std::string_view script) {
  if (tag.size() <= script.size() || tag.compare(tag.size() - script.size(), script.size(), script) != 0) return false;
  tag.resize(tag.size() - script.size());
  return true;
}

}  // namespace

std::string words_folder(const std::string& named) {
  if (!named.empty()) return named;
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  const fs::path beside = (program.parent_path() / "../share/vidra/words").lexically_normal();
  if (fs::is_directory(beside, none)) return beside.string();
  const fs::path built = (program.parent_path() / "../../words").lexically_normal();
  return (fs::is_directory(built, none) ? built : beside).string();
}

std::vector<std::string> languages_in(const std::string& folder) {
  std::vector<std::string> all;
  std::error_code none;
  for (fs::directory_iterator i(folder, none), end; !none && i != end; i.increment(none)) {
    if (i->path().extension() != ".toml") continue;
    Problems problems;
    const std::string tag = i->path().stem().string();
    const auto w = read_words(i->path().string(), problems);
    if (w && w->cyrillic) all.push_back(tag + "-Latn"), all.push_back(tag + "-Cyrl");
    else if (w) all.push_back(tag);
  }
  std::sort(all.begin(), all.end());
  all.insert(all.begin(), "en");
  return all;
}

std::shared_ptr<const Language> load_language(const std::string& asked, const std::string& folder, Problems& problems) {
  if (asked.empty() || asked == "en") return std::shared_ptr<const Language>(std::shared_ptr<void>(), &in_english);
  std::string tag = asked, path = asked;
  const bool file = asked.find('/') != asked.npos || asked.ends_with(".toml");
  bool cyrillic = false;
  if (!file) {
    cyrillic = ends_off(tag, "-Cyrl");
    if (!cyrillic) ends_off(tag, "-Latn");
    path = fmt::format("{}/{}.toml", folder, tag);
    std::error_code none;
    if (!fs::exists(path, none)) {
      const std::vector<std::string> all = languages_in(folder);
      const std::string_view near = nearest(asked, {all.begin(), all.end()});
      problems.push_back(fmt::format("there is no language '{}' in {}{}; there are: {}", asked, folder, near.empty() ? "" : fmt::format(", did you mean {}?", near), listed(all)));
      return {};
    }
  }
  auto w = read_words(path, problems);
  if (!w) return {};
  if (cyrillic && !w->cyrillic) {
    problems.push_back(fmt::format("{} does not say cyrillic = true: it is not shown in Cyrillic", path));
    return {};
  }
  if (cyrillic) w->language = in_cyrillic(w->language, w->latin);
  w->language.tag = file ? w->language.tag : asked;
  return std::make_shared<const Language>(std::move(w->language));
}

std::optional<WordsCheck> check_words(const std::string& path, Problems& problems) {
  auto w = read_words(path, problems);
  if (!w) return {};
  WordsCheck c;
  c.rows = catalogue.size();
  for (const Detection& d : catalogue) {
    const auto i = w->language.rows.find(d.id);
    const Wording none, &row = i == w->language.rows.end() ? none : i->second;
    std::vector<std::string> lacks;
    if (row.title.empty()) lacks.emplace_back("title");
    if (row.why.empty()) lacks.emplace_back("why");
    if (row.next.empty()) lacks.emplace_back("next");
    if (!lacks.empty()) c.missing.push_back(fmt::format("{}: {}", d.id, listed(lacks)));
    const std::string now = fingerprint(d);
    if (lacks.size() < 3 && row.english != now)
      c.stale.push_back(fmt::format("{}: made from the English {}, which is now {}\n    title  {}\n    why    {}\n    next   {}", d.id, row.english.empty() ? "(not said)" : row.english, now, d.title, d.why, d.next));
    c.rows_right += lacks.empty() && row.english == now;
  }
  for (const Phrase& p : phrases)
    if (w->language.phrases.count(p.english)) c.phrases_right++;
    else c.missing.push_back(fmt::format("[words] \"{}\"{}{}", p.english, p.where.empty() ? "" : ": ", p.where));
  for (const auto& [id, row] : w->language.rows)
    if (!detection(id)) c.left_over.push_back(id);
  for (const auto& entry : w->language.phrases)
    if (std::none_of(phrases.begin(), phrases.end(), [&](const Phrase& p) { return p.english == entry.first; }))
      c.left_over.push_back(fmt::format("[words] \"{}\"", entry.first));
  c.language = std::move(w->language);
  return c;
}

}  // namespace vidra
