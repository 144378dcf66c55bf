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
    // What stands in quotation marks somebody else wrote, also where it begins with a name of the site.
    {"names 203.0.113.9: \"rtu1 reads the station\", \"rtu1\" and (\"10.10.1.20\").", "names <A 203.0.113.9>: \"<name rtu1 reads the station>\", \"<host rtu1>\" and (\"<A 10.10.1.20>\")."},
    {"in the name of \"Petar of bay\".", "in the name of \"<name Petar of bay>\"."},
    {"10.10.1 and 1.2.840.10045 and 3.5 and -2 and 30-33 and 0x01 and 50%", "<name 10.10.1> and <name 1.2.840.10045> and <N 3.5> and <N -2> and <N 30-33> and <N 0x01> and <N 50%>"},
    {"the file plan of bay 3.pdf", "the file <object plan of bay 3.pdf>"},
    {"12:30:05 I104-05, read/write", "<N 12:30:05> I104-05, read/write"},
    // What the catalogue has is ours; what only looks like it is a device.
    {"FIC-101 and PLC-07 and I104-99 and MMS-02", "<name FIC-101> and <name PLC-07> and <name I104-99> and MMS-02"},
    {"host-10-10-1-20, 10-10-1-20, 10/10/1/20 and bay-7", "<name host-10-10-1-20>, <name 10-10-1-20>, <name 10/10/1/20> and <name bay-7>"},
    {"10-10-1 and 10:10:1.20 and host=10=10 and 1:20:300", "<name 10-10-1> and <name 10:10:1.20> and <name host=10=10> and <name 1:20:300>"},
    {"in a session of IEC 60870-5-104", "in a session of IEC 60870-5-104"},
    {"30/5 and port=5 and read/write and one-way on 2026-11-21", "<N 30>/<N 5> and port=<N 5> and read/write and one-way on <N 2026-11-21>"},
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

// An IPv6 address that is made of an IPv4 address of the site is the site's own.
TEST(Said, what_is_the_sites_own) {
  const Declared d = alder();
  for (const char* own : {"10.10.1.20", "80.81.82.5", "192.168.1.1", "fe80::1", "fd00::1", "ff02::fb", "::ffff:10.10.1.20", "::10.10.1.20", "::ffff:0:10.10.1.20", "64:ff9b::10.10.1.20", "64:ff9b::80.81.82.5",
                          "64:ff9b:1::1", "2002:0a0a:114::1", "2001:0:4136:e378:8000:63bf:f5f5:feeb", "2001:db8::5efe:10.10.1.20", "2001:db8::200:5efe:10.10.1.20", "00:21:c1:30:10:42"})
    EXPECT_TRUE(d.own(*parse_address(own))) << own;
  for (const char* foreign : {"203.0.113.9", "2001:db8::1", "::ffff:203.0.113.9", "64:ff9b::203.0.113.9", "2002:cb00:7109::1", "2001:db8::5eff:10.10.1.20"}) EXPECT_FALSE(d.own(*parse_address(foreign))) << foreign;
}

TEST(Said, the_vocabulary_is_sorted_and_holds_no_address_and_no_number) {
  ASSERT_GT(vocabulary.size(), 1000u);
  for (size_t i = 0; i < vocabulary.size(); i++) {
    ASSERT_TRUE(!i || vocabulary[i - 1] < vocabulary[i]) << vocabulary[i];
    EXPECT_FALSE(parse_address(vocabulary[i])) << vocabulary[i];
    const bool standard = vocabulary[i][0] == '6' && vocabulary[i].find('-') == 5;          // "60870-5-104"
    EXPECT_FALSE(vocabulary[i][0] >= '0' && vocabulary[i][0] <= '9' && !standard) << vocabulary[i];
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

// Groups that are the same everywhere stay; those that are made of somebody's address do not.
TEST_F(Across, solicited_node_addresses_are_addresses) {
  Finding f = finding(1795295191'000000000);
  f.what = "ff02::1 and ff02::fb and ff02::1:2 and 224.0.0.251 and ff02::1:ff12:3456 and ff02::2:ff12:3456 and ff12::1 and ff32:20:fd00::1 and ::5";
  const Json j = body(f, Policy{});
  EXPECT_EQ(j["what"]["values"].size(), 9u);
  for (const size_t plain : {0, 1, 2, 3}) EXPECT_FALSE(is_pseudonym(j["what"]["values"][plain].get<std::string>())) << plain;
  for (const size_t pseudonym : {4, 5, 6, 7}) EXPECT_TRUE(is_pseudonym(j["what"]["values"][pseudonym].get<std::string>())) << pseudonym;
}

// The sender's own names go by `identity` wherever they stand, also in sentences, and in what else is called so.
TEST_F(Across, the_senders_names_go_by_identity) {
  Declared d = alder();
  d.add("host", "alder-1");                // a host that is called as the sensor
  d.add("sensor", "alder-1");
  site = std::make_shared<const Declared>(d);
  Finding f = finding(1795295191'000000000);
  f.what = "The sensor alder-1 of Alder 110/20 kV heard rtu1";
  Policy names_plain = open_policy();
  names_plain.identity = Showing::hidden;
  Json j = body(f, names_plain);
  EXPECT_EQ(j["what"]["values"], Json::array({nullptr, nullptr, "rtu1"}));
  EXPECT_EQ(j["sensor"]["name"], "");
  names_plain.identity = Showing::pseudonyms;
  j = body(f, names_plain);
  EXPECT_EQ(j["what"]["values"], Json::array({pseudonyms->of_name("host", "alder-1"), pseudonyms->of_name("site", "Alder 110/20 kV"), "rtu1"}));
  EXPECT_EQ(j["sensor"]["site"], pseudonyms->of_name("site", "Alder 110/20 kV"));
  j = body(f, Policy{});                   // names are not to be known; how the site is called is
  EXPECT_EQ(j["what"]["values"], Json::array({pseudonyms->of_name("host", "alder-1"), "Alder 110/20 kV", pseudonyms->of_name("host", "rtu1")}));
}

// A rule's own sentence is the site's: its words are names, what was filled in keeps its place.
TEST_F(Across, the_sentence_of_a_rule_of_the_sites_own) {
  const Detection own{"RUL-01/operate", "Pump house at night", 3, Audience::security, "", "other:other", "Because Petar said so.", "Call Petar.", "", {}, &new_host};
  Finding f = finding(1795295191'000000000, own);
  f.object = "plan of bay 3.pdf";
  f.what = "Somebody operated the station before: plan of bay 3.pdf of rtu1 (10.10.1.20), 7 times";
  f.expected = "The rule operate of this site (rules.toml:12) says that this should not be.";
  const auto told_of = [&](bool declared, bool own_sentence) {
    Declared d = alder();
    if (declared) d.rules["operate"] = own_sentence;
    site = std::make_shared<const Declared>(d);
    return body(f, Policy{});
  };
  for (const Json& j : {told_of(true, true), told_of(false, false)}) {
    EXPECT_EQ(j["what"]["key"], "{} {} {}: {} {} {} ({}), {} {}");
    EXPECT_EQ(told.at(j["what"]["values"][0]), "Somebody operated the");
    EXPECT_EQ(told.at(j["what"]["values"][1]), "station");
    EXPECT_EQ(told.at(j["what"]["values"][2]), "before");
    EXPECT_EQ(j["what"]["values"][3], pseudonyms->of_name("object", "plan of bay 3.pdf"));
    EXPECT_EQ(j["what"]["values"][6], pseudonyms->of(ip(10, 10, 1, 20)));
    EXPECT_EQ(j["what"]["values"][7], "7");
    EXPECT_EQ(j["expected"]["key"], "The rule {} of this site ({}) says that this should not be.");
    EXPECT_EQ(j["expected"]["values"], Json::array({pseudonyms->of_name("rule", "operate"), pseudonyms->of_name("name", "rules.toml:12")}));
    EXPECT_EQ(j["rule"]["id"], "RUL-01/" + pseudonyms->of_name("rule", "operate"));
  }
  // A rule without a sentence of its own says one of ours.
  EXPECT_EQ(told_of(true, false)["what"]["key"], "Somebody operated the {} before: {} of {} ({}), {} times");
  // It did once: its stories of then may still be told.
  Declared before = alder(), now = alder();
  before.rules["operate"] = true, now.rules["operate"] = false;
  Border border(Policy{}, pseudonyms, std::make_shared<const Declared>(before));
  border.declare(std::make_shared<const Declared>(now));
  Json j = {{"rule", {{"id", "RUL-01/operate"}, {"source", "site"}}}, {"what", "operated before"}};
  border.passed(j);
  EXPECT_EQ(j["what"]["key"], "{}");
  EXPECT_EQ(body(f, open_policy())["what"], f.what);
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
  full.steps = {{full.detection, full.first, 3, 5, "laptop opened the plan of Petar's bay"}, {full.detection, full.last, 1, 4, "laptop operated 5004"}};
  full.resembles = Resemblance{.name = "Industroyer", .did = "It opened breakers.", .observed = {{second, "I104-05", "opened breakers"}}, .confidence = 0.5};
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
  // It does not leave, under a policy that has everything plain neither; and what leaves has only rows of the table.
  for (const Policy& policy : {Policy{}, open_policy(), hidden()}) {
    Json left = more;
    Border(policy, pseudonyms, site).passed(left);
    // Of further steps the words stay where anything is hidden: which detection, when and how often is what leaves.
    EXPECT_EQ(left.dump().find("plan of") != std::string::npos, policy.plain() && left.contains("steps")) << left.dump();
    left.erase("steps");
    EXPECT_EQ(left.dump().find("etar"), std::string::npos) << left.dump();
    EXPECT_EQ(Border::unlisted(left), std::vector<std::string>{}) << left.dump();
  }
}

TEST(Border, the_table_has_each_field_once) {
  std::set<std::string_view> all;
  for (const BodyField& f : body_fields) EXPECT_TRUE(all.insert(f.path).second) << f.path;
  EXPECT_EQ(optional_fields(), (std::vector<std::string_view>{"src", "dst", "proto", "ics", "what", "expected", "why", "next", "tune", "steps", "resembles", "frame"}));
}

}  // namespace
}  // namespace vidra
