// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/language_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/report/body.h"
#include "daemon/report/line.h"
#include "daemon/report/reporter.h"
#include "daemon/report/words.h"
#include "tests/report/findings.h"

namespace vidra {
namespace {

constexpr const char* delivered[] = {"bs", "hr", "sr"};
std::string file_of(const std::string& tag) { return VIDRA_SOURCE "/words/" + tag + ".toml"; }

std::shared_ptr<const Language> read(const std::string& tag) {
  Problems problems;
  auto language = load_language(tag, VIDRA_SOURCE "/words", problems);
  EXPECT_TRUE(language) << (problems.empty() ? "" : problems.front());
  return language ? language : std::make_shared<Language>();
}

std::string all_of(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& l : lines) out += l + '\n';
  return out;
}

// A file of words, written for the time of a test.
struct Scribe {
  Scribe() { EXPECT_NE(mkdtemp(folder.data()), nullptr); }
  ~Scribe() { std::filesystem::remove_all(folder); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder + '/' + name) << text;
    return folder + '/' + name;
  }
  std::string refused(const std::string& text) {        // the problems of a file, without its folder
    Problems problems;
    EXPECT_FALSE(load_language("xx", write("xx.toml", text).substr(0, folder.size()), problems)) << text;
    for (std::string& p : problems)
      if (p.rfind(folder, 0) == 0) p = p.substr(folder.size() + 1);
    return all_of(problems);
  }
  std::string folder = std::filesystem::temp_directory_path() / "vidra-words-XXXXXX";
};

TEST(Words, every_row_is_translated_in_every_language_that_is_delivered) {
  for (const std::string tag : delivered) {
    Problems problems;
    const auto c = check_words(file_of(tag), problems);
    ASSERT_TRUE(c) << all_of(problems);
    EXPECT_EQ(c->language.tag, tag);
    EXPECT_EQ(c->rows_right, catalogue.size()) << tag;
    EXPECT_EQ(all_of(c->missing), "") << tag;
    EXPECT_EQ(all_of(c->stale), "") << tag;
    EXPECT_EQ(all_of(c->left_over), "") << tag;
  }
}

// What is typed is tested by the reader (backticks); a figure is a fact in every language.
TEST(Words, figures_are_those_of_the_English) {
  const auto figures = [](std::string_view s) {
    std::vector<std::string> all;
    for (size_t i = 0; i < s.size(); i++)
      if (isdigit(uint8_t(s[i])) && (i == 0 || !isdigit(uint8_t(s[i - 1])))) {
        size_t n = i;
        while (n < s.size() && isdigit(uint8_t(s[n]))) n++;
        all.emplace_back(s.substr(i, n - i));
      }
    std::sort(all.begin(), all.end());
    return all;
  };
  for (const std::string tag : delivered) {
    const auto language = read(tag);
    for (const Detection& d : catalogue) {
      EXPECT_EQ(figures(language->why(d)), figures(d.why)) << tag << ' ' << d.id;
      EXPECT_EQ(figures(language->next(d)), figures(d.next)) << tag << ' ' << d.id;
    }
  }
}

// Each language is written as its own engineers write it: no word of a neighbour's has stayed behind.
TEST(Words, no_language_keeps_its_neighbours_words) {
  const std::map<std::string, std::vector<std::string>> foreign = {
      {"bs", {"tko", "što", "netko", "nitko", "naredba", "naredbu", "sustav", "sustava", "poslužitelj", "promet", "usporedite", "točka", "računalo", "preklopnik", "gde", "pre", "posle", "vrednost", "vreme", "mesto", "proverite", "zahtev", "menja"}},
      {"hr", {"ko", "šta", "neko", "niko", "komanda", "komandu", "sistem", "sistema", "server", "servera", "saobraćaj", "uporedite", "tačka", "računar", "svič", "uopšte", "gde", "pre", "posle", "vrednost", "vreme", "mesto", "proverite", "objekat", "sinhronizacija"}},
      {"sr", {"tko", "što", "netko", "nitko", "naredba", "sustav", "poslužitelj", "promet", "usporedite", "točka", "računalo", "gdje", "prije", "poslije", "vrijednost", "vrijeme", "mjesto", "provjerite", "zahtjev", "mijenja", "promijenjen", "zamijenjen", "uvijek", "dvije", "uspjela", "unaprijed", "izvještaj"}}};
  const std::map<std::string, std::vector<std::string>> own = {{"bs", {"ko", "komanda", "vrijednost"}}, {"hr", {"tko", "naredba", "vrijednost"}}, {"sr", {"ko", "komanda", "vrednost"}}};
  for (const auto& [tag, words] : foreign) {
    const auto language = read(tag);
    std::string text = " ";
    for (const Detection& d : catalogue)
      for (std::string_view part : {language->title(d), language->why(d), language->next(d)}) text.append(part).append(" ");
    for (char& c : text)
      if (std::string_view(".,;:!?()„”\"").find(c) != std::string_view::npos && uint8_t(c) < 0x80) c = ' ';
    for (size_t i = 0; i < text.size(); i++)
      if (text[i] >= 'A' && text[i] <= 'Z') text[i] = char(text[i] + 32);
    for (size_t at; (at = text.find(" na neko vrijeme ")) != text.npos;) text.erase(at, 9);   // right in all of them
    for (const std::string& w : words) {
      if (w == "što" && tag != "hr") continue;             // also a conjunction: "nego što"
      const size_t at = text.find(" " + w + " ");
      EXPECT_EQ(at, std::string::npos) << tag << ": " << w << ": …" << text.substr(at == text.npos ? 0 : at < 30 ? 0 : at - 30, 80);
    }
    for (const std::string& w : own.at(tag)) EXPECT_NE(text.find(" " + w + " "), std::string::npos) << tag << ": " << w;
  }
}

TEST(Words, what_was_made_from_another_English_is_said_in_English) {
  const Detection& d = row("NET-01");
  Language l;
  l.tag = "bs";
  l.rows["NET-01"] = {fingerprint(d), "Nov uređaj", "", "Pronađite ga."};
  EXPECT_EQ(l.title(d), "Nov uređaj");
  EXPECT_EQ(l.why(d), d.why) << "not translated";
  EXPECT_EQ(l.next(d), "Pronađite ga.");
  EXPECT_TRUE(l.has(d));
  l.rows["NET-01"].english = "00000000";
  EXPECT_EQ(l.title(d), d.title);
  EXPECT_FALSE(l.has(d));
  Detection other = d;
  other.next = "Look somewhere else.";
  EXPECT_NE(fingerprint(other), fingerprint(d));
  other = d;
  other.title = "New hos", other.why = "tThe";       // where one ends and the next begins counts
  Detection third = d;
  third.title = "New host", third.why = "The";
  EXPECT_NE(fingerprint(other), fingerprint(third));
}

TEST(Words, phrases_take_their_values_in_order) {
  Language l;
  l.phrases["{} in {}"] = "{} za {}";
  EXPECT_EQ(l.say("{} in {}", {"12 puta", "3 s"}), "12 puta za 3 s");
  EXPECT_EQ(l.say("{} times", {"12"}), "12 times");
  EXPECT_EQ(l.say("{} times", {}), "{} times") << "nothing to put in is survived";
}

TEST(Words, files_that_are_wrong_are_refused_with_their_place) {
  Scribe s;
  EXPECT_EQ(s.refused("name = \"x\"\n"), "xx.toml:1:1: a language file says which language it is: language = \"mk\" (BCP 47)\n");
  EXPECT_EQ(s.refused("language = \"xx\"\n[words]\n\"{} times\" = \"puta\"\n"), "xx.toml:3:1: \"puta\" has 0 {}; its English has 1\n");
  const std::string now = fingerprint(row("NET-16"));
  EXPECT_EQ(s.refused("language = \"xx\"\n[NET-16]\nenglish = \"" + now + "\"\ntitle = \"x\"\nnext = \"vidra liječnik\"\n"),
            "xx.toml:5:1: what stands in backticks is not what stands there in English: " + std::string(row("NET-16").next) + "\n");
  EXPECT_NE(s.refused("language = \"xx\"\n[NET-16]\ntitel = \"x\"\n").find("title"), std::string::npos) << "the nearest right key";
  EXPECT_NE(s.refused("language = \"xx\"\n[NET-16]\ntitle = 5\n").find("xx.toml:3:1"), std::string::npos);
  EXPECT_NE(s.refused("language = \"xx\"\n[NET-16\n").find("xx.toml:2:"), std::string::npos);
  Problems problems;
  EXPECT_FALSE(load_language("hrv", VIDRA_SOURCE "/words", problems));
  EXPECT_EQ(all_of(problems), "there is no language 'hrv' in " VIDRA_SOURCE "/words, did you mean hr?; there are: en, bs-Cyrl, bs-Latn, hr, sr-Cyrl, sr-Latn\n");
  problems.clear();
  EXPECT_FALSE(load_language("hr-Cyrl", VIDRA_SOURCE "/words", problems));
  EXPECT_NE(all_of(problems).find("hr.toml does not say cyrillic = true"), std::string::npos);
}

TEST(Words, a_check_names_what_is_missing_stale_and_left_over) {
  Scribe s;
  const std::string path = s.write("mk.toml", "language = \"mk\"\nname = \"македонски\"\n[words]\n\"who\" = \"кој\"\n\"whom\" = \"x\"\n[NET-01]\nenglish = \"" +
      fingerprint(row("NET-01")) + "\"\ntitle = \"Нов уред\"\nwhy = \"a\"\nnext = \"b\"\n[NET-02]\nenglish = \"12345678\"\ntitle = \"a\"\nwhy = \"b\"\nnext = \"c\"\n[NET-98]\ntitle = \"x\"\n");
  Problems problems;
  const auto c = check_words(path, problems);
  ASSERT_TRUE(c) << all_of(problems);
  EXPECT_EQ(c->rows_right, 1u);
  EXPECT_EQ(c->phrases_right, 1u);
  EXPECT_EQ(c->missing.size(), catalogue.size() - 2 + phrases.size() - 1);
  ASSERT_EQ(c->stale.size(), 1u);
  EXPECT_NE(c->stale[0].find("NET-02: made from the English 12345678, which is now " + fingerprint(row("NET-02"))), std::string::npos) << c->stale[0];
  EXPECT_EQ(all_of(c->left_over), "NET-98\n[words] \"whom\"\n");
  // A file by its path, and a language by a file that was put into the folder.
  EXPECT_EQ(load_language(path, "", problems)->title(row("NET-01")), "Нов уред");
  EXPECT_EQ(load_language("mk", s.folder, problems)->title(row("NET-01")), "Нов уред");
  EXPECT_EQ(languages_in(s.folder), (std::vector<std::string>{"en", "mk"}));
}

TEST(Cyrillic, letters_and_digraphs) {
  const std::vector<std::string> none;
  EXPECT_EQ(in_cyrillic("abvgdđežzijklljmnnjoprstćufhcčdžš", none), "абвгдђежзијклљмнњопрстћуфхцчџш");
  EXPECT_EQ(in_cyrillic("Ljubuški, Njegoš, Džep, ŠĐČĆŽ, LJUTNJOM!Š", none), "Љубушки, Његош, Џеп, ШЂЧЋЖ, ЉУТЊОМ!Ш");
  EXPECT_EQ(in_cyrillic("injekcija konjunktura nadživeti", none), "инјекција конјунктура надживети");
  EXPECT_EQ(in_cyrillic("U i s, o a.", none), "У и с, о а.");
  EXPECT_EQ(in_cyrillic("VEŽBA KRITIČNO", none), "ВЕЖБА КРИТИЧНО") << "capitals with a diacritic are no abbreviation";
}

TEST(Cyrillic, what_is_technical_stays_Latin) {
  const std::vector<std::string> latin{"Modbus", "mirror", "id", "Electric", "Mod"};
  EXPECT_EQ(in_cyrillic("Po IEC 104 i GOOSE poruci", latin), "По IEC 104 и GOOSE поруци");
  EXPECT_EQ(in_cyrillic("stNum, sqNum (maxTime); R-GOOSE, I/O, SNMP-om, RTU-ova", latin), "stNum, sqNum (maxTime); R-GOOSE, I/O, SNMP-ом, RTU-ова");
  EXPECT_EQ(in_cyrillic("pročitajte `vidra decode FILE`, zatim 10.10.1.20:2404 i vidra.toml.", latin), "прочитајте `vidra decode FILE`, затим 10.10.1.20:2404 и vidra.toml.");
  EXPECT_EQ(in_cyrillic("Modbusom, mirror port, ide id, Electrica, Stuxnet, Modul", latin), "Modbus-ом, mirror порт, иде id, Electric-а, Stuxnet, Модул");
  EXPECT_EQ(in_cyrillic("lokalno/daljinski, 37 s od 2017. godine, {} puta, do 20 ms; 104 s", latin), "локално/даљински, 37 s од 2017. године, {} пута, до 20 ms; 104 s");
}

// No letter of the other alphabet stays within a word, in no row of the two languages.
TEST(Cyrillic, every_row_reads_in_one_alphabet) {
  for (const char* tag : {"sr-Cyrl", "bs-Cyrl"}) {
    const auto language = read(tag);
    EXPECT_EQ(language->tag, tag);
    for (const Detection& d : catalogue)
      for (std::string_view text : {language->title(d), language->why(d), language->next(d)}) {
        EXPECT_NE(text.find("\xd0"), std::string_view::npos) << tag << ' ' << d.id << ": nothing Cyrillic in it";
        for (size_t i = 1; i < text.size(); i++) {
          const bool latin_before = isalpha(uint8_t(text[i - 1])), latin_here = isalpha(uint8_t(text[i]));
          EXPECT_FALSE((latin_before && uint8_t(text[i]) >= 0xd0 && uint8_t(text[i]) <= 0xd1) || (i > 1 && latin_here && (text[i - 1] & 0xc0) == 0x80 && (uint8_t(text[i - 2]) & 0xfe) == 0xd0))
              << tag << ' ' << d.id << ": " << text;
        }
        for (const char* left : {"č", "ć", "š", "ž", "đ"}) EXPECT_EQ(text.find(left), std::string_view::npos) << tag << ' ' << d.id << ": " << text;
      }
  }
}

TEST(Search, script_case_and_diacritics_do_not_count) {
  for (const char* s : {"prekidač", "PREKIDAČ", "prekidac", "Прекидач", "ПРЕКИДАЧ", "prekida\xc4\x8d", "prekidac\xcc\x8c"}) EXPECT_EQ(search_form(s), "prekidac") << s;
  for (const char* s : {"uređaj", "uredjaj", "uredaj", "уређај", "UREĐAJ"}) EXPECT_EQ(search_form(s), "uredaj") << s;
  for (const char* s : {"džep", "џеп", "Џеп"}) EXPECT_EQ(search_form(s), "dzep") << s;
  EXPECT_EQ(search_form("Љубљана Ђаковица Његош"), search_form("Ljubljana Đakovica Njegoš"));
  EXPECT_EQ(search_form("Über straße ÇË"), "uber strase ce");
  EXPECT_EQ(search_form("10.10.1.20:2404 I104-05"), "10.10.1.20:2404 i104-05");
  EXPECT_NO_THROW(search_form("\xff\xfe\xc3"));
  EXPECT_TRUE(holds(search_form("Низ команди над прекидачима"), "prekidač niz"));
  EXPECT_FALSE(holds(search_form("Низ команди над прекидачима"), "prekidač rastavljač"));
  EXPECT_TRUE(holds("", ""));
}

TEST(Search, capitals_of_both_alphabets) {
  EXPECT_EQ(capitals("kritično đšžćč"), "KRITIČNO ĐŠŽĆČ");
  EXPECT_EQ(capitals("критично ђјљњћџ"), "КРИТИЧНО ЂЈЉЊЋЏ");
  EXPECT_EQ(capitals("i104 üé ÷ß"), "I104 ÜÉ ÷ß");
}

struct Shown : testing::Test {
  const Time start = 1795295191'344769000;
  Story story = [this] {
    Stories all;
    Finding f = finding(start, row("I104-05"));
    f.in_window = false;
    f.confidence = 0.8;
    Reporter(ReportSettings{}, all).found(std::move(f));
    Story s = all.all.at(0);
    s.count = 66, s.last = start + 879 * millisecond;
    return s;
  }();
  std::string printed(const Told& t, const Language& in) {
    std::ostringstream out;
    print_story(out, t, {false, 90, &in});
    return out.str();
  }
};

TEST_F(Shown, in_Cyrillic_everything_stands_in_line) {
  const auto in = read("sr-Cyrl");
  EXPECT_EQ(printed(told(story, *in), *in),
            "2026-11-21 21:06:31Z  КРИТИЧНО  Низ команди над прекидачима, 66 пута за 879 ms\n"
            "  ко        laptop 10.10.1.199 → rtu1 10.10.1.20:2404, TCP common address 11, objects\n"
            "            5101-5124\n"
            "  виђено    double command OFF to 24 switching objects, 12 of them unknown to the station\n"
            "  очекивано commands to rtu1 from scada (10.10.100.10) alone, at most 2 a minute\n"
            "  даље      Одмах позовите диспечерски центар: да ли је то наложено? Ако није, блокирајте\n"
            "            даљинско управљање.\n"
            "            I104-05, T0806, поузданост 80 %, случај " + story.id.substr(0, 8) + "\n\n");
  std::ostringstream update;
  print_update(update, told(story, *in), {false, 100, in.get()});
  EXPECT_EQ(update.str(), "2026-11-21 21:06:32Z  КРИТИЧНО  Низ команди над прекидачима: до сада 66 пута за 879 ms, laptop 10.1…\n");
}

TEST_F(Shown, a_collector_speaks_its_own_language_whatever_the_sensors) {
  const auto bs = read("bs-Latn"), hr = read("hr");
  Issuer sensor{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  const auto english = nlohmann::json::parse(story_body(story, sensor, start));
  EXPECT_FALSE(english.contains("language"));
  sensor.language = bs;
  const auto bosnian = nlohmann::json::parse(story_body(story, sensor, start));
  EXPECT_EQ(bosnian["language"], "bs-Latn");
  EXPECT_EQ(bosnian["rule"]["name"], "Niz komandi nad prekidačima");
  EXPECT_EQ(bosnian["next"], bs->next(row("I104-05")));
  for (const auto& body : {english, bosnian}) {
    EXPECT_EQ(told(body)->title, "Breaker sweep");
    EXPECT_EQ(told(body, *hr)->title, "Niz naredbi nad prekidačima");
    EXPECT_EQ(told(body, *hr)->next, hr->next(row("I104-05")));
    EXPECT_EQ(told(body, *bs)->why, bs->why(row("I104-05")));
  }
  // A detection that is not in this catalogue stays as it came.
  auto newer = bosnian;
  newer["rule"]["id"] = "I104-99";
  EXPECT_EQ(told(newer, *hr)->title, "Niz komandi nad prekidačima");
  EXPECT_EQ(told(newer)->title, "Niz komandi nad prekidačima");
  // What the site kept to itself does not come back with the translation.
  auto redacted = english;
  redacted.erase("next");
  EXPECT_EQ(told(redacted, *hr)->next, "");
}

TEST_F(Shown, a_search_finds_the_title_in_English_too) {
  const auto in = read("sr-Cyrl");
  const std::string text = searchable(told(story, *in));
  EXPECT_TRUE(holds(text, "Breaker sweep")) << text;
  EXPECT_TRUE(holds(text, "prekidacima rtu1")) << text;
  EXPECT_FALSE(holds(text, "rastavljač"));
}

TEST_F(Shown, replay_lines_keep_their_keys) {
  const auto in = read("hr");
  const auto english = nlohmann::json::parse(replay_line(story)), croatian = nlohmann::json::parse(replay_line(story, *in));
  EXPECT_EQ(croatian["title"], "Niz naredbi nad prekidačima");
  for (const auto& [key, value] : english.items()) {
    if (key == "title" || key == "why" || key == "next") continue;
    EXPECT_EQ(croatian[key], value) << key;
  }
}

}  // namespace
}  // namespace vidra
