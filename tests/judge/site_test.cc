// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/site.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/judge/site_file.h"

namespace vidra {
namespace {

Site site_of(std::string_view text, Problems& problems) {
  auto root = TomlTable::parse(text, "site.toml", problems);
  if (!root) return {};
  Site s = read_site(*root, problems);
  root->finish();
  return s;
}

constexpr std::string_view small = R"(
[site]
name = "Alder"
prefixes = ["10.10.1.0/24"]
outside = ["100.64.0.0/10"]
[[zone]]
name = "bay"
prefixes = ["10.10.1.0/25"]
[[host]]
name = "scada"
address = "10.10.100.10"
role = "master"
[[host]]
name = "rtu1"
address = ["10.10.1.20", "10.10.1.21"]
mac = "00:0e:8c:91:10:20"
role = "rtu"
zone = "bay"
criticality = 1
[[conversation]]
client = "scada"
server = "rtu1"
protocol = "iec104"
port = "2404/tcp"
acts = ["reading", "operate"]
objects = ["information object 5101-5106"]
[[conversation]]
client = "zone:bay"
server = "10.10.1.5"
protocol = "ntp"
port = "123/udp"
[[master_group]]
name = "dispatch"
members = ["scada"]
stations = ["rtu1"]
[[iec104_point]]
host = "rtu1"
station = 11
address = "0-19-237"   # 5101
count = 6
type = "C_DC_NA_1"
mode = "select"
feedback = 1101
name = "Q0"
bay = "E01"
travel_time = "20s"
[[iec104_point]]
host = "rtu1"
station = 11
address = 5103
type = 46
mode = "direct"
[[publisher]]
kind = "goose"
reference = "RTU1LD0/LLN0$GO$gcb01"
host = "rtu1"
destination = "01:0c:cd:01:00:01"
appid = 0x0001
vlan = 5
types = ["double_point", "quality"]
max_time = "2s"
[[publisher]]
kind = "sv"
reference = "xxxxMUnn01"
source = ["00:0e:8c:91:10:21"]
destination = "01:0c:cd:04:00:01"
rate = 4000
synchronised = true
[[publisher]]
kind = "sv"
reference = "xxxxMUnn01"
destination = "01:0c:cd:04:00:02"
[[window]]
name = "relay test"
permit = "P-17"
start = "2026-11-21T08:00Z"
end = "2026-11-21T16:00:00Z"
hosts = ["rtu1"]
)";

Endpoint at(std::string_view address, uint16_t port) { return {*parse_address(address), port}; }

class SmallSite : public ::testing::Test {
 protected:
  void SetUp() override {
    site = site_of(small, problems);
    ASSERT_TRUE(problems.empty()) << problems.front();
  }
  Problems problems;
  Site site;
  const uint16_t tcp = uint16_t(protocol_index("tcp")), udp = uint16_t(protocol_index("udp"));
};

TEST_F(SmallSite, FindsHostsByEveryAddress) {
  EXPECT_EQ(site.host_of(*parse_address("10.10.1.21")), site.host_named("rtu1"));
  EXPECT_EQ(site.host_of(*parse_mac("00:0e:8c:91:10:20")), site.host_named("rtu1"));
  EXPECT_EQ(site.host_of(*parse_address("10.10.1.22")), 0u);
  EXPECT_EQ(site.role_of(site.host_named("rtu1")), HostRole::rtu);
}

TEST_F(SmallSite, KnowsDeclaredConversationsByTheirPort) {
  EXPECT_NE(site.conversation(at("10.10.100.10", 40000), at("10.10.1.20", 2404), tcp), nullptr);
  EXPECT_EQ(site.conversation(at("10.10.100.10", 40000), at("10.10.1.20", 2405), tcp), nullptr) << "another port";
  EXPECT_EQ(site.conversation(at("10.10.1.20", 40000), at("10.10.100.10", 2404), tcp), nullptr) << "the other way round";
  EXPECT_EQ(site.conversation(at("10.10.100.10", 40000), at("10.10.1.20", 2404), udp), nullptr) << "another carrier";
  EXPECT_NE(site.conversation(at("10.10.1.20", 123), at("10.10.1.5", 123), udp), nullptr) << "zone and lone address";
  EXPECT_NE(site.conversation(at("10.10.1.5", 123), at("10.10.1.20", 123), udp), nullptr) << "the answer was heard first";
  EXPECT_TRUE(site.conversations[0].allows(Act::read));
  EXPECT_TRUE(site.conversations[0].allows(Act::operate));
  EXPECT_FALSE(site.conversations[0].allows(Act::run));
  EXPECT_FALSE(site.conversations[1].allows(Act::write)) << "what names no acts may read";
  EXPECT_TRUE(site.conversations[0].names(Object(ObjectKind::information_object, 5106)));
  EXPECT_FALSE(site.conversations[0].names(Object(ObjectKind::information_object, 5107)));
}

TEST_F(SmallSite, FindsThePointOfARangeAndItsFeedback) {
  const int iec104 = protocol_index("iec104");
  if (iec104 < 0) GTEST_SKIP() << "skipped: no iec104 in this build";
  const HostId rtu = site.host_named("rtu1");
  const SitePoint* p = site.point(rtu, uint16_t(iec104), 11, Object(ObjectKind::information_object, 5106));
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->mode, CommandMode::select);
  EXPECT_EQ(p->kind, PointKind::switchgear);
  EXPECT_EQ(p->travel_time, 20 * second);
  EXPECT_EQ(p->feedback_of(Object(ObjectKind::information_object, 5106)), Object(ObjectKind::information_object, 1106));
  EXPECT_EQ(site.fed_back_by(rtu, uint16_t(iec104), 11, Object(ObjectKind::information_object, 1104)), p);
  const SitePoint* single = site.point(rtu, uint16_t(iec104), 11, Object(ObjectKind::information_object, 5103));
  ASSERT_NE(single, nullptr);
  EXPECT_EQ(single->mode, CommandMode::direct) << "the point declared alone is nearer than the range around it";
  EXPECT_EQ(site.point(rtu, uint16_t(iec104), 11, Object(ObjectKind::information_object, 5104)), p);
  EXPECT_EQ(site.point(rtu, uint16_t(iec104), 11, Object(ObjectKind::information_object, 5107)), nullptr);
  EXPECT_EQ(site.point(rtu, uint16_t(iec104), 12, Object(ObjectKind::information_object, 5101)), nullptr) << "another station";
}

TEST_F(SmallSite, FindsThePublisherOfAReference) {
  const Address own = *parse_address("00:0e:8c:91:10:20"), other = *parse_address("00:0e:8c:91:10:21");
  const Address first = *parse_address("01:0c:cd:04:00:01"), second_group = *parse_address("01:0c:cd:04:00:02");
  const SitePublisher* g = site.publisher(PublisherKind::goose, text_key("RTU1LD0/LLN0$GO$gcb01"), other, first);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->entries, 2u) << "as many as types";
  EXPECT_EQ(g->appid, 1);
  EXPECT_FALSE(g->conf_rev);
  EXPECT_TRUE(site.publishes(*g, own)) << "the host's own hardware address";
  EXPECT_FALSE(site.publishes(*g, other));
  EXPECT_EQ(site.publisher(PublisherKind::sampled_values, text_key("RTU1LD0/LLN0$GO$gcb01"), own, first), nullptr) << "another kind";
  const SitePublisher* s = site.publisher(PublisherKind::sampled_values, text_key("xxxxMUnn01"), own, first);
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->rate, 4000);
  EXPECT_FALSE(site.publishes(*s, own)) << "only from where it is declared";
  s = site.publisher(PublisherKind::sampled_values, text_key("xxxxMUnn01"), own, second_group);
  ASSERT_NE(s, nullptr);
  EXPECT_EQ(s->rate, 0) << "the one that goes there";
  EXPECT_TRUE(site.has_publishers(PublisherKind::goose));
  EXPECT_FALSE(Site{}.has_publishers(PublisherKind::goose));
}

TEST_F(SmallSite, KnowsInsideAndOutside) {
  EXPECT_TRUE(site.inside(*parse_address("10.10.1.77")));
  EXPECT_TRUE(site.inside(*parse_address("192.168.7.7"))) << "private";
  EXPECT_TRUE(site.inside(*parse_address("fd00::1")));
  EXPECT_FALSE(site.inside(*parse_address("203.0.113.7")));
  EXPECT_TRUE(site.outside_allowed(*parse_address("100.100.1.1")));
  EXPECT_FALSE(site.outside_allowed(*parse_address("203.0.113.7")));
}

TEST_F(SmallSite, OpensAWindowForItsHostsAndTimeOnly) {
  const HostId rtu = site.host_named("rtu1"), scada = site.host_named("scada");
  const Time eight = 1795248000 * second;   // 2026-11-21T08:00:00Z
  EXPECT_NE(site.window(eight, 0, rtu, "", Act::operate), nullptr);
  EXPECT_EQ(site.window(eight - 1, 0, rtu, "", Act::operate), nullptr);
  EXPECT_EQ(site.window(eight + 8 * hour, 0, rtu, "", Act::operate), nullptr);
  EXPECT_EQ(site.window(eight, scada, 0, "", Act::operate), nullptr);
}

TEST(SiteFile, SaysWhereWhatWasFoundAndWhatIsAllowed) {
  struct { std::string_view text, says; } cases[] = {
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1\"\n", "site.toml:3:1: \"10.1.1\" is no address"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\nrole = \"enginering\"\n", "did you mean \"engineering\"?"},
      {"[[host]]\nname = \"a\"\naddres = \"10.1.1.1\"\n", "unknown key 'addres' in [host], did you mean 'address'?"},
      {"[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n[[conversation]]\nclient = \"rtu2\"\nserver = \"any\"\n", "\"rtu2\" is no declared host, did you mean \"rtu1\"?"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[conversation]]\nclient = \"a\"\nserver = \"any\"\nacts = [\"opperate\"]\n", "site.toml:7:1: \"opperate\" is no act, did you mean \"operate\"?"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[conversation]]\nclient = \"a\"\nserver = \"any\"\nport = \"http\"\n", "\"http\" is no port"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[conversation]]\nclient = \"a\"\nserver = \"any\"\nprotocol = \"frobnicate\"\n", "add port"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[modbus_point]]\nhost = \"a\"\nunit = 1\ntable = \"input_register\"\naddress = 3\nwritable = true\n", "cannot write"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[iec104_point]]\nhost = \"a\"\nstation = 1\naddress = 70000000\n", "a whole number from 0 to 16777215"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[iec104_point]]\nhost = \"a\"\nstation = 1\naddress = 7\ntype = \"C_DC_NA\"\n", "did you mean \"C_DC_NA_1\"?"},
      {"[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n[[iec104_point]]\nhost = \"a\"\nstation = 1\naddress = 7\nmin = 5\nmax = 4\n", "min must not be greater"},
      {"[[publisher]]\nkind = \"goos\"\nreference = \"a\"\n", "goos"},
      {"[[publisher]]\nkind = \"goose\"\n", "needs its reference"},
      {"[[publisher]]\nkind = \"goose\"\nreference = \"a\"\nrate = 4000\n", "site.toml:4:1: only kind = \"sv\" has rate"},
      {"[[publisher]]\nkind = \"goose\"\nreference = \"a\"\nentries = 3\ntypes = [\"boolean\"]\n", "1 types for 3 entries"},
      {"[[publisher]]\nkind = \"sv\"\nreference = \"a\"\ntypes = [\"bolean\"]\n", "did you mean \"boolean\"?"},
      {"[[publisher]]\nkind = \"sv\"\nreference = \"a\"\ndestination = \"00:21:c1:30:10:41\"\n", "a publisher speaks to a group"},
      {"[[publisher]]\nkind = \"goose\"\nreference = \"a\"\n[[publisher]]\nkind = \"goose\"\nreference = \"a\"\n", "site.toml:6:1: \"a\" is declared twice"},
      {"[[window]]\nname = \"w\"\nstart = \"yesterday\"\nend = \"2026-11-21\"\n", "\"yesterday\" is no time"},
      {"[site]\nfile = \"/nowhere/site.toml\"\n", "/nowhere/site.toml: cannot be opened"},
  };
  for (const auto& c : cases) {
    Problems problems;
    site_of(c.text, problems);
    std::string all;
    for (const std::string& p : problems) all += p + "\n";
    EXPECT_NE(all.find(c.says), std::string::npos) << c.text << "says\n" << all;
  }
}

TEST(SiteFile, ReadsTheWorkedExampleWithoutComplaint) {
  Problems problems;
  const Site site = load_site(SOURCE_ROOT "/config/sites/alder.toml", problems);
  EXPECT_TRUE(problems.empty()) << problems.front();
  EXPECT_EQ(site.hosts.size(), 23u);
  EXPECT_EQ(site.conversations.size(), 34u);
  EXPECT_EQ(site.name, "Alder 110/20 kV");
  EXPECT_TRUE(site.inside(*parse_address("10.10.100.10")));
}

TEST(SiteFile, FollowsAReferenceBesideIt) {
  const std::filesystem::path dir = std::filesystem::temp_directory_path() / ("vidra-site-" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "site.toml") << "[[host]]\nname = \"a\"\naddress = \"10.1.1.1\"\n";
  std::ofstream(dir / "vidra.toml") << "[site]\nfile = \"site.toml\"\n[elsewhere]\nx = 1\n";
  Problems problems;
  auto root = TomlTable::open((dir / "vidra.toml").string(), problems);
  ASSERT_TRUE(root);
  const Site site = read_site(*root, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(site.hosts.size(), 1u);
  std::filesystem::remove_all(dir);
}

TEST(ObjectRange, IsReadInTheFieldsTerms) {
  EXPECT_EQ(parse_object_range("holding registers 30-35")->last, Object(ObjectKind::holding_register, 35));
  EXPECT_EQ(parse_object_range("coil 3")->first, Object(ObjectKind::coil, 3));
  EXPECT_EQ(parse_object_range("holding_register 7")->first, Object(ObjectKind::holding_register, 7));
  EXPECT_FALSE(parse_object_range("coil"));
  EXPECT_FALSE(parse_object_range("coil x"));
  EXPECT_FALSE(parse_object_range("coil 5-3"));
  EXPECT_FALSE(parse_object_range("lamp 5"));
}

TEST(Site, ControlsOfMms) {
  Problems problems;
  const std::string host = "[[host]]\nname = \"ied1\"\naddress = \"10.1.1.41\"\nbay = \"E01\"\n";
  const Site site = site_of(host + "[[mms_point]]\nhost = \"ied1\"\nobject = \"LD0/CSWI1$CO$Pos\"\nmode = \"select\"\nenhanced = true\nfeedback = \"LD0/CSWI1$ST$Pos\"\n", problems);
  ASSERT_TRUE(problems.empty()) << problems[0];
  EXPECT_EQ(site.hosts[0].bay, "E01");
  const SitePoint* p = site.point(1, uint16_t(protocol_index("mms")), 0, Object::of_text(text_key("LD0/CSWI1$CO$Pos")));
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->enhanced && p->writable && p->mode == CommandMode::select);
  EXPECT_EQ(p->name, "LD0/CSWI1$CO$Pos");
  EXPECT_EQ(site.fed_back_by(1, p->protocol, 0, Object::of_text(text_key("LD0/CSWI1$ST$Pos"))), p);
  site_of(host + "[[mms_point]]\nhost = \"ied1\"\nobject = \"CSWI1.Pos\"\n", problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("is no object of MMS"), std::string::npos) << problems[0];
}

// A [[conversation]] means everybody with "any": a host of that name would open the site, one named as another's address would stand for it.
TEST(SiteFile, NamesThatMeanSomethingElse) {
  for (const std::string name : {"any", "broadcast", "zone:x", "10.1.1.77", "10.1.1.0/24", "fd00::1", "00:21:c1:30:10:41"}) {
    Problems problems;
    site_of("[[host]]\nname = \"" + name + "\"\naddress = \"10.1.1.2\"\n", problems);
    ASSERT_EQ(problems.size(), 1u) << name;
    EXPECT_NE(problems[0].find("\"" + name + "\" cannot be the name of a host"), std::string::npos) << problems[0];
  }
  Problems problems;
  site_of("[[host]]\nname = \"10.1.1.2\"\naddress = \"10.1.1.2\"\n[[host]]\nname = \"00:21:c1:30:10:41\"\nmac = \"00:21:c1:30:10:41\"\n", problems);
  EXPECT_TRUE(problems.empty()) << problems[0];                // its own
}

TEST(SiteFile, TimesOfWorks) {
  const auto said = [](const std::string& start, const std::string& end) {
    Problems problems;
    site_of("[[window]]\nname = \"w\"\nstart = \"" + start + "\"\nend = \"" + end + "\"\n", problems);
    return problems.size() == 1 ? problems[0].substr(problems[0].find(": ") + 2) : std::to_string(problems.size());
  };
  EXPECT_EQ(said("2026-11-21", "2026-11-21T08:30Z"), "0");
  EXPECT_NE(said("1970-01-01", "2026-11-21").find("at most 90 days"), std::string::npos);
  EXPECT_NE(said("2026-02-01", "2026-02-31").find("\"2026-02-31\" is no time"), std::string::npos);
  EXPECT_NE(said("2026-02-01", "2611-01-01").find("is no time"), std::string::npos);
  EXPECT_NE(said("99999999999999999999-01-01", "2026-01-01").find("is no time"), std::string::npos);
  EXPECT_NE(said("2026-02-03", "2026-02-03").find("ends before it starts"), std::string::npos);
}

TEST(SiteFile, WhatContradictsItself) {
  const std::string host = "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n";
  const auto said = [&](const std::string& text) {
    Problems problems;
    site_of(host + text, problems);
    return problems.size() == 1 ? problems[0] : std::to_string(problems.size());
  };
  EXPECT_NE(said("[[host]]\nname = \"b\"\naddress = \"10.1.1.1\"\n").find("site.toml:6:1: 10.1.1.1 is the address of \"rtu1\" already"), std::string::npos);
  const std::string iec = "[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 5101\n";
  EXPECT_NE(said(iec + "type = 46\nmode = \"select\"\n" + iec + "type = 45\nmode = \"direct\"\n").find("the same point is declared in site.toml:4:1"), std::string::npos);
  EXPECT_EQ(said(iec + "type = 46\n[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 5100\ncount = 6\ntype = 45\n"), "0");   // the nearer one counts
  EXPECT_NE(said("[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 16777215\ncount = 2\n").find("beyond 16777215"), std::string::npos);
  EXPECT_NE(said("[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 1\ncount = 6\nfeedback = 16777215\n").find("beyond 16777215"), std::string::npos);
  EXPECT_NE(said("[[modbus_point]]\nhost = \"rtu1\"\nunit = 1\ntable = \"coil\"\naddress = \"0-7\"\nfeedback = 65535\n").find("beyond 65535"), std::string::npos);
  const std::string dnp3 = "[[dnp3_point]]\nhost = \"rtu1\"\noutstation = 1\nindex = 1\ntype = ";
  EXPECT_EQ(said(dnp3 + "\"crob\"\n" + dnp3 + "\"binary_output\"\n"), "0");       // a control and its own status
  EXPECT_NE(said(dnp3 + "\"crob\"\n" + dnp3 + "\"crob\"\n").find("the same point"), std::string::npos);
  const std::string mms = "[[mms_point]]\nhost = \"rtu1\"\nobject = \"LD0/CSWI1$CO$Pos\"\n";
  EXPECT_NE(said(mms + mms).find("the same point"), std::string::npos);
}

// What was imported and what people wrote are files of their own, and name each other's hosts.
TEST(Site, SeveralFiles) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("vidra_site_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "points.toml") << "[[iec104_point]]\nhost = \"rtu1\"\nstation = 1\naddress = 5\ntype = 45\n";
  std::ofstream(folder / "hosts.toml") << "[site]\nname = \"Alder\"\n[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.1\"\n";
  Problems problems;
  auto root = TomlTable::parse("[site]\nfile = [\"points.toml\", \"hosts.toml\"]\n", (folder / "vidra.toml").string(), problems);
  ASSERT_TRUE(root);
  const Site site = read_site(*root, problems);
  root->finish();
  EXPECT_TRUE(problems.empty()) << problems[0];
  EXPECT_EQ(site.name, "Alder");
  EXPECT_EQ(site.hosts.size(), 1u);
  ASSERT_EQ(site.points.size(), 1u);
  EXPECT_EQ(site.points[0].host, 1u);
  std::ofstream(folder / "hosts.toml") << "[[host]]\nname = \"rtu2\"\naddress = \"10.1.1.1\"\n";
  auto again = TomlTable::parse("[site]\nfile = [\"points.toml\", \"hosts.toml\", \"absent.toml\"]\n", (folder / "vidra.toml").string(), problems);
  read_site(*again, problems);
  ASSERT_EQ(problems.size(), 1u);                      // not also that rtu1 is unknown
  EXPECT_NE(problems[0].find("absent.toml"), std::string::npos);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace vidra
