// SPDX-License-Identifier: Apache-2.0
#include "daemon/report/border.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "daemon/report/body.h"
#include "daemon/report/line.h"
#include "daemon/report/reporter.h"
#include "daemon/report/said.h"
#include "tests/report/findings.h"

namespace vidra {
namespace {

using Json = nlohmann::ordered_json;

Declared alder() {
  Declared d;
  d.prefixes = {*parse_prefix("10.10.0.0/16"), *parse_prefix("80.81.82.0/24")};
  d.add("host", "rtu1");
  d.add("host", "scada");
  d.add("host", "Old mill pump 3");
  d.add("zone", "station");          // a word of ours, too
  d.add("site", "Alder 110/20 kV");
  d.add("host", "7");
  return d;
}

std::string shown(const std::vector<Piece>& all) {
  std::string out;
  for (const Piece& p : all) out += p.kind == Piece::Kind::words ? p.text : (p.kind == Piece::Kind::address ? "<A " : p.kind == Piece::Kind::prefix ? "<P " : p.kind == Piece::Kind::number ? "<N " : "<" + p.of + " ") + p.text + ">";
  return out;
}

TEST(Said, is_taken_apart) {
  const Declared d = alder();
  const std::map<std::string, std::string> more{{"ENG LAPTOP", "host"}, {"plan of bay 3.pdf", "object"}};
  const std::pair<const char*, const char*> rows[] = {
    {"10.10.1.199 operated information object 5004 of rtu1 (10.10.1.20), common address 11: on (C_SC_NA_1 single command).",
     "<A 10.10.1.199> operated information object <N 5004> of <host rtu1> (<A 10.10.1.20>), common address <N 11>: on (C_SC_NA_1 single command)."},
    {"Known to ask this device: scada (10.10.100.10), nobody.", "Known to ask this device: <host scada> (<A 10.10.100.10>), nobody."},
    {"ENG LAPTOP asked Old mill pump 3.", "<host ENG LAPTOP> asked <host Old mill pump 3>."},
    {"the station of rtu1's", "the <zone station> of <host rtu1>'s"},
    {"rtu1-old and xrtu1 and rtu1.", "<name rtu1-old> and <name xrtu1> and <host rtu1>."},
    {"asked for DB10.DBX8.0: 255", "asked for <name DB10.DBX8.0>: <N 255>"},
    {"from 10.0.0.1:2404 to [fd00::1]:102 in 10.10.1.0/24", "from <A 10.0.0.1>:<N 2404> to [<A fd00::1>]:<N 102> in <P 10.10.1.0/24>"},
    {"address of 00:21:c1:30:10:42.", "address of <A 00:21:c1:30:10:42>."},
    {"clock b8:27:eb:ff:fe:5d:10:c7 is", "clock <clock b8:27:eb:ff:fe:5d:10:c7> is"},
    {"in the name of \"Petar of bay\".", "in the name of \"<name Petar of bay>\"."},
    {"10.10.1 and 1.2.840.10045 and 3.5 and -2 and 30-33 and 0x01 and 50%", "<name 10.10.1> and <name 1.2.840.10045> and <N 3.5> and <N -2> and <N 30-33> and <N 0x01> and <N 50%>"},
    {"the file plan of bay 3.pdf", "the file <object plan of bay 3.pdf>"},
    {"12:30:05 I104-05, read/write", "<N 12:30:05> I104-05, read/write"},
    {"seen by müller", "seen by <name müller>"},
    {"", ""},
    {"  ", "  "},
    {"{} {0}", "<name {}> <name {0}>"},
  };
  for (const auto& [said, wanted] : rows) {
    const auto parts = pieces(said, d, more);
    EXPECT_EQ(shown(parts), wanted);
    std::string again;
    for (const Piece& p : parts) again += p.text;
    EXPECT_EQ(again, said);
  }
}

TEST(Said, the_vocabulary_is_sorted_and_holds_no_address_and_no_number) {
  ASSERT_GT(vocabulary.size(), 1000u);
  for (size_t i = 0; i < vocabulary.size(); i++) {
    ASSERT_TRUE(!i || vocabulary[i - 1] < vocabulary[i]) << vocabulary[i];
    EXPECT_FALSE(parse_address(vocabulary[i])) << vocabulary[i];
    EXPECT_FALSE(vocabulary[i][0] >= '0' && vocabulary[i][0] <= '9') << vocabulary[i];
  }
}

// Whatever is put into a sentence, joined in whatever way: what is no word of ours comes out as something of the site's.
TEST(Said, random_sentences_hide_what_is_put_in) {
  const Declared d = alder();
  uint64_t seed = 1;
  const auto random = [&seed](size_t n) { return seed = seed * 6364136223846793005u + 1442695040888963407u, size_t(seed >> 33) % n; };
  const char* marks[] = {" ", ", ", ": ", " (", ") ", ". ", " \"", "\" ", " → ", "; "};
  for (int round = 0; round < 20'000; round++) {
    std::string said;
    for (int i = 0; i < 8; i++) {
      said += vocabulary[random(vocabulary.size())];
      said += marks[random(std::size(marks))];
      if (random(2)) said += "qzx" + std::to_string(random(1000)) + (random(2) ? "-v" : "");
      else said += "10.10." + std::to_string(random(256)) + "." + std::to_string(random(256)) + (random(2) ? ":2404" : "");
      said += marks[random(std::size(marks))];
    }
    for (const Piece& p : pieces(said, d))
      if (p.kind == Piece::Kind::words || p.kind == Piece::Kind::number) {
        ASSERT_EQ(p.text.find("qzx"), p.text.npos) << said << "\n" << shown(pieces(said, d));
        ASSERT_EQ(p.text.find("10.10."), p.text.npos) << said << "\n" << shown(pieces(said, d));
      }
  }
}

struct Across : testing::Test {
  std::shared_ptr<const Pseudonyms> pseudonyms = std::make_shared<const Pseudonyms>(Pseudonyms::Key{});
  std::shared_ptr<const Declared> site = std::make_shared<const Declared>(alder());
  std::map<std::string, std::string> told;
  Json body(const Finding& f, const Policy& policy, bool with_key = true) {
    Stories stories;
    Reporter(ReportSettings{}, stories).found(Finding(f));
    Issuer who{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
    who.operations_in_full = true;
    auto border = std::make_shared<Border>(policy, with_key ? pseudonyms : nullptr, site);
    border->told_as = [this](const std::string& p, const std::string& plain) { told[p] = plain; };
    who.border = border;
    return Json::parse(story_body(stories.all.at(0), who, f.scene.time));
  }
  static Policy hidden() {
    Policy p;
    p.addresses = p.foreign = p.names = p.identity = Showing::hidden, p.numbers = false;
    return p;
  }
};

TEST_F(Across, everything_plain_is_the_body_as_it_is) {
  Stories stories;
  Reporter(ReportSettings{}, stories).found(finding(1795295191'000000000));
  const Issuer who{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  EXPECT_EQ(body(finding(1795295191'000000000), open_policy()), Json::parse(story_body(stories.all.at(0), who, 1795295191'000000000)));
  EXPECT_TRUE(told.empty());
}

TEST_F(Across, the_default_names_nothing_and_joins_everything) {
  const Json j = body(finding(1795295191'000000000), Policy{});
  const std::string text = j.dump();
  for (const char* secret : {"10.10.1.199", "10.10.1.20", "10.10.100.10", "laptop", "rtu1", "scada"}) EXPECT_EQ(text.find(secret), text.npos) << secret << " in " << text;
  EXPECT_EQ(j["src"]["pseudonym"], pseudonyms->of(ip(10, 10, 1, 199)));
  EXPECT_FALSE(j["src"].contains("ip"));
  EXPECT_EQ(j["dst"]["name"], pseudonyms->of_name("host", "rtu1"));
  EXPECT_EQ(j["dst"]["port"], 2404);
  EXPECT_EQ(j["sensor"]["site"], "Alder 110/20 kV");
  EXPECT_EQ(j["expected"]["key"], "commands to {} from {} ({}) alone, at most {} a minute");
  EXPECT_EQ(j["expected"]["values"], Json::array({pseudonyms->of_name("host", "rtu1"), pseudonyms->of_name("host", "scada"), pseudonyms->of(ip(10, 10, 100, 10)), "2"}));
  EXPECT_EQ(j["privacy"]["addresses"], "pseudonyms");
  // Both ends are in one /24, and so are their pseudonyms; they are resolved by the list and by the key.
  EXPECT_EQ(j["src"]["pseudonym"].get<std::string>().substr(0, 10), j["dst"]["pseudonym"].get<std::string>().substr(0, 10));
  EXPECT_EQ(told.at(j["dst"]["name"]), "rtu1");
  EXPECT_EQ(pseudonyms->address(j["dst"]["pseudonym"].get<std::string>()), ip(10, 10, 1, 20));
  // The same host has the same pseudonym in every record.
  Finding other = finding(1795295192'000000000, new_host);
  other.target = {ip(10, 10, 1, 20), "rtu1"};
  EXPECT_EQ(body(other, Policy{})["dst"], j["dst"]);
  // And is shown as what it is.
  const auto t = vidra::told(nlohmann::json(j));
  ASSERT_TRUE(t);
  EXPECT_EQ(t->source, pseudonyms->of(ip(10, 10, 1, 199)));
  EXPECT_TRUE(t->pseudonyms);
  EXPECT_EQ(t->expected, "commands to " + pseudonyms->of_name("host", "rtu1") + " from " + pseudonyms->of_name("host", "scada") + " (" + pseudonyms->of(ip(10, 10, 100, 10)) + ") alone, at most 2 a minute");
}

TEST_F(Across, an_attacker_from_outside_is_named) {
  Finding f = finding(1795295191'000000000);
  f.source = {ip(203, 0, 113, 9), ""};
  f.what = "203.0.113.9 sent rtu1 (10.10.1.20) and 80.81.82.5 a command";
  const Json j = body(f, Policy{});
  EXPECT_EQ(j["src"]["ip"], "203.0.113.9");
  EXPECT_EQ(j["what"]["values"][0], "203.0.113.9");
  EXPECT_EQ(j["what"]["values"][3], pseudonyms->of(ip(80, 81, 82, 5)));      // public, and the site's own
  Policy all;
  all.foreign = Showing::pseudonyms;
  EXPECT_EQ(body(f, all)["src"]["pseudonym"], pseudonyms->of(ip(203, 0, 113, 9)));
}

TEST_F(Across, hidden_is_hidden) {
  const Json j = body(finding(1795295191'000000000), hidden());
  const std::string text = j.dump();
  for (const char* secret : {"10.10.1.199", "10.10.1.20", "10.10.100.10", "laptop", "rtu1", "scada", "Alder", "alder", "5101", "24"}) EXPECT_EQ(text.find(std::string("\"") + secret), text.npos) << secret << " in " << text;
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(j["what"]["key"], "double command {} to {} switching objects, {} of them unknown to the {}");
  for (const Json& v : j["what"]["values"]) EXPECT_TRUE(v.is_null());
  // Without a key nothing leaves as a pseudonym; it does not leave.
  const Json keyless = body(finding(1795295191'000000000), Policy{}, false);
  EXPECT_FALSE(keyless["src"].contains("pseudonym"));
  EXPECT_FALSE(keyless["src"].contains("name"));
}

TEST_F(Across, fields_that_are_not_wanted_stay_and_are_named) {
  Policy p = open_policy();
  p.all_fields = false;
  p.fields = {"src", "dst", "proto", "what"};
  const Json j = body(finding(1795295191'000000000), p);
  for (const char* gone : {"ics", "expected", "why", "next", "tune", "frame"}) EXPECT_FALSE(j.contains(gone)) << gone;
  EXPECT_EQ(j["redactions"], Json::array({"ics", "expected", "why", "next", "tune", "frame"}));
  EXPECT_TRUE(j.contains("what"));
}

TEST_F(Across, what_was_heard_on_the_wire_is_one_name) {
  Finding f = finding(1795295191'000000000);
  f.object = "plan of bay 3.pdf";
  f.what = "laptop read the file plan of bay 3.pdf of rtu1 in the name of \"Petar Petrović\"";
  const Json j = body(f, Policy{});
  EXPECT_EQ(j["ics"]["obj"]["values"], Json::array({pseudonyms->of_name("object", "plan of bay 3.pdf")}));
  EXPECT_EQ(j["what"]["key"], "{} read the file {} of {} in the name of \"{}\"");
  EXPECT_EQ(told.at(j["what"]["values"][3]), "Petar Petrović");
}

TEST_F(Across, a_rule_of_the_sites_own_is_a_name) {
  const Detection own{"NET-01/night-shift", "Pump house at night", 3, Audience::security, "", "other:other", "Because Petar said so.", "Call Petar.", "", {}, &new_host};
  const Json j = body(finding(1795295191'000000000, own), Policy{});
  const std::string text = j.dump();
  for (const char* secret : {"night-shift", "Pump house", "Petar"}) EXPECT_EQ(text.find(secret), text.npos) << secret << " in " << text;
  EXPECT_EQ(j["rule"]["id"].get<std::string>().substr(0, 12), "NET-01/rule-");
  EXPECT_EQ(told.at(j["rule"]["name"]), "Pump house at night");
}

// Each field that a body has stands in the table; one that does not is found here, and does not leave.
TEST_F(Across, a_field_without_a_row_is_refused) {
  Issuer who{.id = "6f1d1f5a-0000-4000-8000-000000000001", .name = "alder-1", .site = "Alder 110/20 kV"};
  who.policy_id = "p", who.test = true, who.operations_in_full = true;
  Story full;
  Stories stories;
  Reporter(ReportSettings{}, stories).found(finding(1795295191'000000000));
  full = stories.all.at(0);
  full.closed = full.in_window = true, full.protocol = "iec104";
  full.resembles = Resemblance{.name = "Industroyer", .did = "It opened breakers.", .observed = {"12:00:01 I104-05, opened breakers"}, .confidence = 0.5};
  Story layer2 = full;
  layer2.source.address = Address::of(*parse_mac("00:21:c1:30:10:42"));
  Health h;
  h.version = h.rules = h.boot = "x", h.clock_error = 1, h.cpu = 1, h.memory = 1, h.disk_free = 1;
  h.interfaces = {{"eth1", 1, 1, 1, second, true}};
  h.lanes["alert"] = {1, 1, 1, 1};
  h.counts["packets"] = 1;
  h.complaints = {"eth1 is down"};
  who.language = nullptr;
  for (const std::string& text : {story_body(full, who, full.last), story_body(layer2, who, full.last), health_body(h, who)}) EXPECT_EQ(Border::unlisted(Json::parse(text)), std::vector<std::string>{}) << text;
  Json more = Json::parse(story_body(full, who, full.last));
  more["operator"] = "Petar";
  more["src"]["user"] = "petar";
  more["counts"] = {{"Petar's", 3}};
  EXPECT_EQ(Border::unlisted(more), (std::vector<std::string>{"src.user", "operator", "counts.Petar's"}));
  Border(Policy{}, pseudonyms, site).passed(more);
  EXPECT_EQ(more.dump().find("etar"), std::string::npos) << more.dump();
}

TEST(Border, the_table_has_each_field_once) {
  std::set<std::string_view> all;
  for (const BodyField& f : body_fields) EXPECT_TRUE(all.insert(f.path).second) << f.path;
  EXPECT_EQ(optional_fields(), (std::vector<std::string_view>{"src", "dst", "proto", "ics", "what", "expected", "why", "next", "tune", "resembles", "frame"}));
}

}  // namespace
}  // namespace vidra
