// SPDX-License-Identifier: Apache-2.0
// Lists of indicators: what they may hold, where it is met, and that nothing told hides another.
#include "daemon/judge/indicators.h"

#include <gtest/gtest.h>

#include "daemon/judge/indicator_file.h"
#include "tests/judge/asked.h"

namespace vidra {
namespace {

struct Read {
  std::shared_ptr<Indicators> lists = std::make_shared<Indicators>();
  Problems problems;
  explicit Read(std::string_view text) { read_indicators(text, "lists/cert.txt", *lists, problems); }
  bool has(std::string_view address, uint16_t port = 0) const { return lists->address(*parse_address(address), port) != nullptr; }
  bool names(std::string_view domain) const { return lists->name(domain) != nullptr; }
  std::string problem() const { return problems.empty() ? "" : problems[0]; }
};

TEST(Indicators, AddressesAndRanges) {
  const Read r("# of the CERT\n198.51.100.7  C2 of the 2025 campaign\n\n203.0.113.0/24\n2001:db8:bad::/48\n192.0.2.9:8443\n198[.]51[.]100[.]8 ; written so that nobody follows it\n10.0.0.0/8\n");
  EXPECT_EQ(r.problem(), "");
  EXPECT_TRUE(r.has("198.51.100.7") && r.has("198.51.100.8") && r.has("203.0.113.255") && r.has("2001:db8:bad:1::5") && r.has("10.1.1.1"));
  EXPECT_FALSE(r.has("198.51.100.9") || r.has("203.0.114.0") || r.has("2001:db8:bae::1") || r.has("11.0.0.0"));
  EXPECT_TRUE(r.has("192.0.2.9", 8443));
  EXPECT_FALSE(r.has("192.0.2.9", 443));
  const Indicator* i = r.lists->address(*parse_address("198.51.100.7"));
  ASSERT_TRUE(i);
  EXPECT_EQ(i->comment, "C2 of the 2025 campaign");
  EXPECT_EQ(r.lists->place(*i), "lists/cert.txt:2");
}
TEST(Indicators, TheLongestPrefixIsTold) {
  const Read r("203.0.113.0/24 the provider\n203.0.113.7 the host\n");
  EXPECT_EQ(r.lists->address(*parse_address("203.0.113.7"))->comment, "the host");
  EXPECT_EQ(r.lists->address(*parse_address("203.0.113.8"))->comment, "the provider");
}
TEST(Indicators, PortsOfOneAddress) {
  const Read r("192.0.2.9:80 a\n192.0.2.9:81 b\n192.0.2.9:81 again\n192.0.2.9 all\n192.0.2.9:82 never\n");
  EXPECT_EQ(r.lists->count(Indicator::Kind::address), 3u);
  EXPECT_EQ(r.lists->passed_over(), 2u);
  EXPECT_EQ(r.lists->address(*parse_address("192.0.2.9"), 81)->comment, "b");
  EXPECT_EQ(r.lists->address(*parse_address("192.0.2.9"), 9)->comment, "all");
}
TEST(Indicators, NamesHoldForAllBelowThem) {
  const Read r("evil[.]example\nCDN.Other.Example\n*.third.example.\n");
  EXPECT_EQ(r.problem(), "");
  EXPECT_TRUE(r.names("evil.example") && r.names("a.b.EVIL.example") && r.names("cdn.other.example") && r.names("x.third.example") && r.names("third.example."));
  EXPECT_FALSE(r.names("notevil.example") || r.names("other.example") || r.names("example") || r.names("evil.example.org") || r.names("") || r.names("."));
}
TEST(Indicators, UrlsAndFingerprints) {
  const Read r("hxxps://drop.example:8443/a/Stage2.bin?id=1\nt13d1516h2_8daaf6152771_e5627efa2ab1\nAB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01\n");
  EXPECT_EQ(r.problem(), "");
  EXPECT_TRUE(r.lists->text(Indicator::Kind::print, "abcdef0123456789abcdef0123456789abcdef01"));
  const Read table("type,value,comment\nurl,hxxps://drop.example:8443/a/Stage2.bin?id=1,\nx509-fingerprint-sha1,AB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01,theirs\n");
  EXPECT_EQ(table.problem(), "");
  EXPECT_TRUE(table.lists->text(Indicator::Kind::url, "drop.example/a/Stage2.bin"));
  EXPECT_TRUE(table.lists->text(Indicator::Kind::print, "abcdef0123456789abcdef0123456789abcdef01"));
  EXPECT_TRUE(r.lists->text(Indicator::Kind::print, "t13d1516h2_8daaf6152771_e5627efa2ab1"));
}
TEST(Indicators, TablesAsMispExportsThem) {
  const Read r("uuid,event_id,category,type,value,comment,to_ids,date\n"
               "\"1\",7,\"Network activity\",ip-dst,\"198.51.100.7\",\"C2, seen\nin \"\"Kyiv\"\"\",1,20260101\n"
               "\"2\",7,Network activity,domain|ip,evil.example|198.51.100.9,,1,20260101\n"
               "\"3\",7,Network activity,ip-dst|port,198.51.100.10|8080,,1,\n"
               "\"4\",7,Network activity,ip-dst,198.51.100.11,not for detection,0,\n"
               "\"5\",7,Payload,yara,\"rule x { condition: true }\",,1,\n"
               "\"6\",7,Network activity,hostname,www.evil2.example,,1,\n");
  EXPECT_EQ(r.problem(), "");
  EXPECT_EQ(r.lists->size(), 5u);
  EXPECT_EQ(r.lists->passed_over(), 2u);
  EXPECT_TRUE(r.has("198.51.100.7") && r.has("198.51.100.9") && r.names("evil.example") && r.has("198.51.100.10", 8080) && r.names("www.evil2.example"));
  EXPECT_FALSE(r.has("198.51.100.11") || r.has("198.51.100.10", 80));
  EXPECT_EQ(r.lists->address(*parse_address("198.51.100.7"))->comment, "C2, seen\nin \"Kyiv\"");
  EXPECT_EQ(r.lists->address(*parse_address("198.51.100.9"))->line, 4u) << "lines count on inside quotes";
}
TEST(Indicators, MistakesHaveTheirPlace) {
  EXPECT_EQ(Read("198.51.100.7\n198.51.100.300\n").problem().substr(0, 53), "lists/cert.txt:2: \"198.51.100.300\" is no indicator; w");
  EXPECT_EQ(Read("0.0.0.0/0\n").problem(), "lists/cert.txt:1: \"0.0.0.0/0\" names a large part of the world; at least /8 bits are needed");
  EXPECT_NE(Read("com\n").problem(), "");
  EXPECT_NE(Read("two words.example\n").problem(), "") << "a comment begins behind the value: two is none";
  EXPECT_NE(Read("\xff\xfe" "a\0b").problem().find("save it as UTF-8"), std::string::npos);
  EXPECT_NE(Read("{\"type\": \"bundle\"}").problem().find("export it as CSV"), std::string::npos);
  EXPECT_EQ(Read("type,value\nip-dst,evil.example\n").problem(), "lists/cert.txt:2: \"evil.example\" is no ip-dst; correct the value or its type");
  EXPECT_EQ(Read("type,value\nip-dst\n").problem(), "lists/cert.txt:2: the row has 1 fields, its value is the 2th; a quote may be missing");
  EXPECT_EQ(Read("aa:bb:cc:dd:ee:ff\n").problems.size(), 1u) << "hardware addresses are no indicators";
  std::string many;
  for (int i = 0; i < 500; i++) many += "?\n";
  EXPECT_EQ(Read(many).problems.size(), 21u) << "twenty, and how many more";
}
TEST(Indicators, AMistakeCostsItsLineAndNoOther) {
  Read r("198.51.100.7\nnonsense\n198.51.100.8\n");
  EXPECT_EQ(r.problems.size(), 1u);
  EXPECT_EQ(r.lists->refused(), 1u);
  EXPECT_TRUE(r.has("198.51.100.7") && r.has("198.51.100.8"));
  EXPECT_TRUE(read_indicators("198.51.100.9\n?\n", "b", *r.lists, r.problems));
  EXPECT_TRUE(read_indicators("# nothing today\n", "c", *r.lists, r.problems));
  EXPECT_FALSE(read_indicators("404 not found\n", "d", *r.lists, r.problems)) << "nothing of it is an indicator";
  EXPECT_FALSE(read_indicators("<html>", "e", *r.lists, r.problems));
}
TEST(Indicators, NobodysAddressesArePassedOver) {
  const Read r("0.0.0.0\n127.0.0.1\n255.255.255.255\n224.0.0.1\n::1\n");
  EXPECT_EQ(r.problem(), "");
  EXPECT_EQ(r.lists->size(), 0u);
  EXPECT_EQ(r.lists->passed_over(), 5u);
}
TEST(Indicators, AHundredThousandAreFoundOneByOne) {
  std::string text;
  for (int i = 0; i < 100'000; i++) text += i % 2 ? "100." + std::to_string(i >> 16 & 255) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255) + "\n" : "h" + std::to_string(i) + ".example\n";
  const Read r(text);
  EXPECT_EQ(r.problem(), "");
  EXPECT_EQ(r.lists->size(), 100'000u);
  for (int i = 0; i < 100'000; i += 997) {
    if (i % 2) EXPECT_TRUE(r.lists->address(Address::ip4(100u << 24 | unsigned(i)))) << i;
    else EXPECT_TRUE(r.names("www.h" + std::to_string(i) + ".example")) << i;
  }
  EXPECT_FALSE(r.names("h1.example"));
}

JudgeSettings with(std::string_view text) {
  const Read r(text);
  EXPECT_EQ(r.problem(), "");
  JudgeSettings s;
  s.indicators = r.lists;
  return s;
}
Hearing hearing(std::string_view list) { return Hearing(Hearing::Options{plant_of("iec104"), {}, with(list)}); }

TEST(IndicatorDetector, AddressOfAnEnd) {
  Hearing h = hearing("203.0.113.7 C2\n");
  h.fact(Fact::attempted, "10.1.1.11:40000", "203.0.113.7:443");
  ASSERT_EQ(h.times("IOC-01"), 1u) << h.told();
  EXPECT_EQ(h.last("IOC-01").what, "hmi (10.1.1.11) tries to reach 203.0.113.7 at port 443. lists/cert.txt:1 names 203.0.113.7: \"C2\".");
  EXPECT_EQ(h.last("IOC-01").source.name, "hmi");
  h.fact(Fact::attempted, "203.0.113.7:5555", "10.1.1.60:2404");    // and the other way
  EXPECT_EQ(h.times("IOC-01"), 2u) << h.told();
  h.fact(Fact::attempted, "10.1.1.11:40001", "203.0.113.8:443");
  h.fact(Fact::attempted, "10.1.1.11:40001", "10.1.1.60:2404");
  EXPECT_EQ(h.times("IOC-01"), 2u) << h.told();
}
TEST(IndicatorDetector, WhatIsToldOftenHidesNoOther) {
  Hearing h = hearing("203.0.113.0/24\n");
  for (int i = 0; i < 1000; i++) h.fact(Fact::attempted, "10.1.1.11:" + std::to_string(10'000 + i), "203.0.113.7:443");
  EXPECT_EQ(h.times("IOC-01"), 1u) << "one indicator between the same two is told once a minute";
  h.fact(Fact::attempted, "10.1.1.11:40000", "203.0.113.8:443");
  EXPECT_EQ(h.times("IOC-01"), 2u) << h.told();
  h.fact(Fact::attempted, "10.1.1.12:40000", "203.0.113.7:443");
  EXPECT_EQ(h.times("IOC-01"), 3u) << h.told();
  h.wait(2 * minute);
  h.fact(Fact::attempted, "10.1.1.11:50000", "203.0.113.7:443");
  EXPECT_EQ(h.times("IOC-01"), 4u);
  EXPECT_EQ(h.last("IOC-01").weight, 1000u) << "those in between are counted";
}

Message asked(uint16_t function, Act act, Role role = Role::request) {
  Message m;
  m.function = function, m.act = act, m.role = role;
  return m;
}
void query(Hearing& h, std::string_view name, std::string_view answer = "") {
  std::vector<uint8_t> run;
  std::vector<Point> points{named_point(name, run, answer)};
  h.say("dns", "10.1.1.11:5353", "10.1.1.53:53", asked(0, Act::read, answer.empty() ? Role::request : Role::response), points, answer.empty() ? Side::client : Side::server, Texts(run));
}
TEST(IndicatorDetector, NamesAskedFor) {
  Hearing h = hearing("evil.example the second stage\n198.51.100.9\n");
  query(h, "time.example");
  query(h, "time.example", "198.51.100.8");
  EXPECT_EQ(h.of("IOC"), 0u) << h.told();
  query(h, "CDN.evil.example");
  ASSERT_EQ(h.times("IOC-02"), 1u) << h.told();
  EXPECT_EQ(h.last("IOC-02").what, "hmi (10.1.1.11) asked for the name CDN.evil.example. lists/cert.txt:1 names evil.example: \"the second stage\".");
  query(h, "good.example", "198.51.100.9");
  EXPECT_EQ(h.times("IOC-01"), 1u) << h.told();
}
TEST(IndicatorDetector, NamesAndProgramsOfTls) {
  Hearing h = hearing("evil.example\nt13d1516h2_8daaf6152771_e5627efa2ab1 an implant\n");
  const auto hello = [&](std::string_view name, std::string_view ja4) {
    std::vector<uint8_t> run;
    std::vector<Point> points{named_point("server name", run, name), named_point("ja4", run, ja4)};
    h.say("tls", "10.1.1.11:40000", "10.1.1.60:443", asked(1, Act::session), points, Side::client, Texts(run));
  };
  hello("good.example", "t13d1516h2_8daaf6152771_000000000000");
  EXPECT_EQ(h.of("IOC"), 0u) << h.told();
  hello("www.evil.example", "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(h.times("IOC-02"), 1u) << h.told();
  EXPECT_EQ(h.times("IOC-04"), 1u) << h.told();
}
TEST(IndicatorDetector, Certificates) {
  Hearing h = hearing("abcdef0123456789abcdef0123456789abcdef01\n");
  const auto shown = [&](std::string_view digits) {
    std::vector<uint8_t> run;
    std::vector<Point> points{named_point("SHA-1 thumbprint", run, digits)};
    h.say("tls", "10.1.1.11:40000", "10.1.1.60:443", asked(11, Act::session, Role::response), points, Side::server, Texts(run));
  };
  shown("abcdef0123456789abcdef0123456789abcdef02");
  EXPECT_EQ(h.times("IOC-05"), 0u) << h.told();
  shown("ABCDEF0123456789abcdef0123456789abcdef01");
  EXPECT_EQ(h.times("IOC-05"), 1u) << h.told();
}
TEST(IndicatorDetector, UrlsOfHttp) {
  Hearing h = hearing("http://drop.example/a/stage2.bin\n");
  const auto get = [&](std::string_view path, std::string_view host) {
    std::vector<uint8_t> run;
    std::vector<Point> points{named_point(path, run), named_point("host", run, host)};
    h.say("http", "10.1.1.11:40000", "10.1.1.60:80", asked(257, Act::read), points, Side::client, Texts(run));
  };
  get("/a/stage1.bin", "drop.example");
  get("/a/stage2.bin", "other.example");
  EXPECT_EQ(h.of("IOC"), 0u) << h.told();
  get("/a/stage2.bin", "drop.example:8080");
  EXPECT_EQ(h.times("IOC-03"), 1u) << h.told();
}
TEST(IndicatorDetector, UrlsWithoutAHostAreHeldAgainstTheServersAddress) {
  Hearing h = hearing("http://203.0.113.7/drop/stage2.bin\n");
  for (const char* path : {"/index.html", "/drop/stage2.bin"}) {
    std::vector<uint8_t> run;
    std::vector<Point> points{named_point(path, run)};
    h.say("http", "10.1.1.11:40000", "203.0.113.7:80", asked(257, Act::read), points, Side::client, Texts(run));
  }
  EXPECT_EQ(h.times("IOC-03"), 1u) << h.told();
}
TEST(IndicatorDetector, APortIsMetAtBothEndsWhereSidesAreGuessed) {
  Hearing h = hearing("203.0.113.7:8443 C2\n");
  h.fact(Fact::attempted, "203.0.113.7:8443", "10.1.1.11:40000");           // heard from its beginning: it is the client's own port
  EXPECT_EQ(h.times("IOC-01"), 0u) << h.told();
  h.fact(Fact::midstream, "203.0.113.7:8443", "10.1.1.12:40001");
  ASSERT_EQ(h.times("IOC-01"), 1u) << h.told();
  EXPECT_NE(h.last("IOC-01").what.find("203.0.113.7 at port 8443 speaks with ews"), std::string::npos) << h.told();
}
TEST(IndicatorDetector, ListsAreReplacedWhileConversationsGoOn) {
  Hearing h = hearing("203.0.113.7\n");
  h.fact(Fact::opened, "10.1.1.11:40000", "203.0.113.8:443");
  EXPECT_EQ(h.of("IOC"), 0u);
  h.judge.adopt(Hearing::site_of(plant_of("iec104")), with("203.0.113.8\n"));
  h.fact(Fact::closed, "10.1.1.11:40000", "203.0.113.8:443");
  EXPECT_EQ(h.times("IOC-01"), 1u) << "a conversation that goes on is held against the new lists\n" << h.told();
  h.fact(Fact::attempted, "10.1.1.11:40002", "203.0.113.7:443");
  EXPECT_EQ(h.times("IOC-01"), 1u) << "what is off the list is not told";
  h.judge.adopt(Hearing::site_of(plant_of("iec104")), {});
  h.fact(Fact::attempted, "10.1.1.12:40002", "203.0.113.8:443");
  EXPECT_EQ(h.times("IOC-01"), 1u) << "without lists nothing is asked for";
}
TEST(IndicatorDetector, OffIsOff) {
  JudgeSettings s = with("203.0.113.7\n");
  s.detections["IOC-01"].off = true;
  Hearing h(Hearing::Options{"", {}, s});
  h.fact(Fact::attempted, "10.1.1.11:40000", "203.0.113.7:443");
  EXPECT_EQ(h.of("IOC"), 0u);
}

}  // namespace
}  // namespace vidra
