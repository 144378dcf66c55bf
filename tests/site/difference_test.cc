// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/difference.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/judge/site_file.h"

namespace vidra {
namespace {

constexpr std::string_view declared = R"(
[site]
name = "Alder"
[[host]]
name = "scada"
address = "10.1.1.10"
role = "master"
[[host]]
name = "rtu1"
address = "10.1.1.20"
mac = "00:0e:8c:00:00:20"
bay = "E01"
[[host]]
name = "ied1"
address = "10.1.1.41"
mac = "00:21:c1:00:00:41"
[[conversation]]
client = "scada"
server = "rtu1"
protocol = "iec104"
acts = ["reading", "operate"]
[[conversation]]
client = "scada"
server = "any"
protocol = "ntp"
[[publisher]]
kind = "goose"
reference = "IED1/LLN0$GO$g"
host = "ied1"
destination = "01:0c:cd:01:00:01"
appid = 1
conf_rev = 1
[[iec104_point]]
host = "rtu1"
station = 11
address = 1101
count = 4
type = 30
[[iec104_point]]
host = "rtu1"
station = 11
address = 5101
type = 46
)";

uint16_t protocol(std::string_view name) { return uint16_t(protocol_index(name)); }
Address ip(std::string_view s) { return *parse_address(s); }
Object ioa(uint32_t n) { return Object(ObjectKind::information_object, n); }

class Differences : public testing::Test {
 protected:
  Differences() {
    auto root = TomlTable::parse(declared, "site.toml", problems_);
    site_ = read_site(*root, problems_);
    EXPECT_TRUE(problems_.empty()) << problems_[0];
  }
  ConversationMemory& conversation(std::string_view client, std::string_view server, std::string_view name, uint16_t port, ActSet set) {
    for (std::string_view a : {client, server}) heard_.add_host(ip(a));
    ConversationMemory& c = heard_.add_conversation(ip(client), ip(server), protocol(name), port);
    c.acts = set;
    return c;
  }
  // All as it is declared.
  void as_declared() {
    ConversationMemory& c = conversation("10.1.1.10", "10.1.1.20", "iec104", 2404, acts({Act::read, Act::operate}));
    StationMemory s;
    s.station = 11;
    s.read.add(ioa(1101), 4), s.read.add(ioa(0)), s.read.add(ioa(5101));
    s.written.add(ioa(5101)), s.written.add(ioa(0));
    c.stations.push_back(std::move(s));
    conversation("10.1.1.10", "10.1.1.41", "ntp", 123, acts({Act::time}));
    PublisherMemory& p = heard_.add_publisher(PublisherKind::goose, "IED1/LLN0$GO$g");
    p.sources = {ip("00:21:c1:00:00:41")}, p.destinations = {ip("01:0c:cd:01:00:01")};
    p.appid = 1, p.conf_rev = 1;
    heard_.add_host(ip("00:21:c1:00:00:41"));
  }
  std::string told() {
    heard_.settle();
    result_ = differences(site_, heard_, names_);
    std::string all;
    for (const DeviceDifferences& d : result_.devices)
      for (const Difference& x : d.list) all += fmt::format("{}|{} {} {}\n", d.device, "-+~"[size_t(x.kind)], x.about, x.what);
    return all;
  }
  Problems problems_;
  Site site_;
  Memory heard_;
  std::unordered_map<uint64_t, std::string> names_;
  SiteDifferences result_;
};

TEST_F(Differences, NoneWhereAllIsAsDeclared) {
  as_declared();
  EXPECT_EQ(told(), "");
  EXPECT_EQ(result_.hosts_as_declared, 3u);
  EXPECT_EQ(result_.conversations_as_declared, 2u);
  EXPECT_EQ(result_.publishers_as_declared, 1u);
  EXPECT_TRUE(result_.undeclared.tables.empty());
}

TEST_F(Differences, WhatIsDeclaredAndWasNeverHeard) {
  heard_.add_host(ip("10.1.1.10")), heard_.add_host(ip("10.1.1.20"));
  EXPECT_EQ(told(),
            "ied1 (10.1.1.41)|- host this host\n"
            "ied1 (10.1.1.41)|- publisher GOOSE IED1/LLN0$GO$g\n"
            "rtu1 (10.1.1.20), bay E01|- conversation scada → rtu1 iec104\n"
            "rtu1 (10.1.1.20), bay E01|- points iec104 common address 11: 4 points never reported or read: information object 1101-1104\n"
            "rtu1 (10.1.1.20), bay E01|- points iec104 common address 11: 1 controls never commanded (which may be right): information object 5101\n"
            "scada (10.1.1.10)|- conversation scada → any ntp\n");
}

TEST_F(Differences, WhatWasHeardAndIsNotDeclaredAndAsTables) {
  as_declared();
  ConversationMemory& c = conversation("10.1.1.99", "10.1.1.20", "iec104", 2404, acts({Act::operate}));
  StationMemory s;
  s.station = 11;
  s.written.add(ioa(5102), 2), s.read.add(ioa(1105), 10), s.read.add(ioa(5102), 2);
  c.stations.push_back(std::move(s));
  heard_.add_mac(heard_.add_host(ip("10.1.1.99")), *parse_mac("00:aa:00:00:00:99"));
  heard_.add_host(ip("00:aa:00:00:00:99"));                // the same device, by a layer 2 protocol
  PublisherMemory& p = heard_.add_publisher(PublisherKind::sampled_values, "MU01");
  p.sources = {ip("00:aa:00:00:00:99")}, p.destinations = {ip("01:0c:cd:04:00:01")};
  p.appid = 0x4000, p.conf_rev = 3;
  EXPECT_EQ(told(),
            "rtu1 (10.1.1.20), bay E01|+ conversation 10.1.1.99 → rtu1 iec104 port 2404: operate\n"
            "rtu1 (10.1.1.20), bay E01|+ points iec104 common address 11: 2 commanded or written: information object 5102-5103\n"
            "rtu1 (10.1.1.20), bay E01|+ points iec104 common address 11: 10 reported or read: information object 1105-1114\n"
            "10.1.1.99|+ host this host at 00:aa:00:00:00:99\n"
            "10.1.1.99|+ publisher sampled values MU01 to 01:0c:cd:04:00:01, APPID 0x4000, confRev 3\n");
  // Taken over, nothing of it is a difference any more.
  auto root = TomlTable::parse(std::string(declared) + toml_text([&] { Declaration d = result_.undeclared; d.name.clear(); return d; }()), "all.toml", problems_);
  ASSERT_TRUE(root) << problems_[0];
  site_ = read_site(*root, problems_);
  ASSERT_TRUE(problems_.empty()) << problems_[0];
  EXPECT_EQ(told(), "");
}

TEST_F(Differences, WhatIsOtherwise) {
  as_declared();
  heard_.conversations()[0].acts |= bit(Act::program);
  heard_.add_mac(heard_.add_host(ip("10.1.1.20")), *parse_mac("00:bb:00:00:00:01"));
  PublisherMemory& p = heard_.add_publisher(PublisherKind::goose, "IED1/LLN0$GO$g");
  p.conf_rev = 2, p.appid = 7, p.simulated = true;
  p.sources = {ip("00:bb:00:00:00:02")};
  heard_.add_host(ip("00:bb:00:00:00:02"));
  const std::string all = told();
  for (std::string_view line : {"ied1 (10.1.1.41)|~ publisher GOOSE IED1/LLN0$GO$g: its source is 00:bb:00:00:00:02, declared ied1", ": APPID is 0x0007, declared 0x0001", ": confRev is 2, declared 1",
                                ": simulation or test is on, declared off", "rtu1 (10.1.1.20), bay E01|~ conversation scada → rtu1 iec104: program, which is not among the acts that are declared",
                                "rtu1 (10.1.1.20), bay E01|~ host 10.1.1.20 is heard with the hardware address 00:bb:00:00:00:01; declared 00:0e:8c:00:00:20"})
    EXPECT_NE(all.find(line), std::string::npos) << line << "\n" << all;
  EXPECT_EQ(result_.otherwise, 6u) << all;
}

// A client of reports writes their settings, and asks a time server for the time: neither is a change of the plant.
TEST_F(Differences, WhatBelongsToAskingIsNoChange) {
  as_declared();
  site_.conversations.push_back({});
  SiteConversation& mms = site_.conversations.back();
  mms.client.kind = mms.server.kind = Selector::Kind::host;
  mms.client.host = 1, mms.server.host = 3;
  mms.protocol = "mms", mms.protocol_index = protocol_index("mms");
  ConversationMemory& c = conversation("10.1.1.10", "10.1.1.41", "mms", 102, acts({Act::read, Act::configure}));
  c.functions = {{5, 15, Role::request, 3}};
  EXPECT_EQ(told(), "");
  heard_.conversations().back().functions.push_back({5, 26, Role::request, 1});   // a setting
  EXPECT_NE(told().find("mms: configure"), std::string::npos);
}

// What only reports may have been asked for from the other end; the broadcast of a range is no device.
TEST_F(Differences, DirectionsAndBroadcasts) {
  as_declared();
  conversation("10.1.1.41", "10.1.1.10", "udp", 123, 0);           // answers, joined in the middle
  heard_.add_conversation(ip("10.1.1.41"), ip("10.1.1.255"), protocol("bacnet"), 47808).acts = acts({Act::browse});
  EXPECT_EQ(told(), "ied1 (10.1.1.41)|+ conversation ied1 → 10.1.1.255 bacnet port 47808: browse\n");
}

// Names come from the wire.
TEST_F(Differences, WhatIsNoUtf8StandsInNoFile) {
  as_declared();
  HostMemory& h = heard_.add_host(ip("10.1.1.66"));
  h.name = "\xffx", h.vendor = "ven\xed\xa0\x80";
  for (const std::string reference : {"I/LLN0$GO$\xff", "I/LLN0$GO$\x1b[31m\"\n[[host]]\xc2\x9b"}) {
    PublisherMemory& p = heard_.add_publisher(PublisherKind::goose, reference);
    p.data_set = "\xc0\x80";
    p.sources.push_back(ip("10.1.1.66"));
  }
  const SiteDifferences d = differences(site_, heard_, {});
  const std::string text = toml_text(d.undeclared);
  EXPECT_TRUE(is_utf8(text));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(text.find("# a name that is no UTF-8 is left out\n# what it says of itself that is no UTF-8 is left out\n[[host]]\nname = \"10.1.1.66\""), std::string::npos) << text;
  EXPECT_NE(text.find("# A publisher of GOOSE from 10.1.1.66 is left out: its reference is no UTF-8."), std::string::npos) << text;
  Problems problems;
  auto root = TomlTable::parse(text, "new.toml", problems);
  ASSERT_TRUE(root) << problems[0];
  const Site site = read_site(*root, problems);
  EXPECT_EQ(site.publishers.size(), 1u);
  EXPECT_EQ(site.publishers[0].reference, "I/LLN0$GO$\x1b[31m\"\n[[host]]\xc2\x9b");
}

TEST(Review, OfAnImportIsKeptBesideItAndAsksForWhoAndWhen) {
  const std::string folder = testing::TempDir() + "vidra-review-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/scd.toml";
  EXPECT_EQ(review_path(path), folder + "/scd.reviewed.toml");
  const auto write = [](const std::string& to, std::string_view text) { std::ofstream(to) << text; };
  write(path, "[site]\nreview = true\n[[host]]\nname = \"ied1\"\naddress = \"10.1.1.41\"\n[[host]]\nname = \"ied2\"\naddress = \"10.1.1.42\"\n");
  write(folder + "/ours.toml", "[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.20\"\n");
  const std::vector<std::string> files{path, folder + "/ours.toml"};
  const auto load = [&](Problems& problems) { return load_site(std::span(files), problems); };
  Problems problems;
  Site site = load(problems);
  ASSERT_TRUE(problems.empty()) << problems[0];
  EXPECT_TRUE(site.unreviewed(site.host_named("ied1")));
  EXPECT_FALSE(site.unreviewed(site.host_named("rtu1"))) << "written by hand";
  write(review_path(path), "[[reviewed]]\nhost = \"ied1\"\nat = \"2026-11-22T15:00:00Z\"\nby = \"N. N.\"\n[[reviewed]]\nhost = \"gone\"\nat = \"2026-11-22T15:00:00Z\"\n");
  site = load(problems);
  ASSERT_TRUE(problems.empty()) << problems[0];
  EXPECT_FALSE(site.unreviewed(site.host_named("ied1")));
  EXPECT_EQ(site.host(site.host_named("ied1")).reviewed.by, "N. N.");
  EXPECT_TRUE(site.unreviewed(site.host_named("ied2")));
  write(review_path(path), "[[reviewed]]\nhost = \"ied1\"\nat = \"yesterday\"\n");
  load(problems);
  ASSERT_FALSE(problems.empty());
  EXPECT_NE(problems[0].find("scd.reviewed.toml:3"), std::string::npos) << problems[0];
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vidra
