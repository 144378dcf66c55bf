// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "daemon/judge/field_rules.h"
#include "daemon/judge/indicators.h"

namespace vidra {
namespace {

std::string whole(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream s;
  s << in.rdbuf();
  return s.str();
}

// Everything a setting can be, in one text to compare.
std::string shown(const SensorSettings& s) {
  std::ostringstream o;
  const TrafficSettings& t = s.traffic;
  o << s.name << '|' << s.state << '|' << s.health_every << '|' << s.capture.filter << '|' << s.capture.buffer << '|' << s.capture.snaplen << '|' << t.flows << '|'
    << t.held_octets << '|' << t.held_octets_a_side << '|' << t.parser_octets << '|' << t.history_octets << '|' << t.fragmented << '|' << t.fragment_octets << '|'
    << t.classify << '|' << t.unanswered_after << '|' << t.hole_wait << '|' << t.fragment_wait << '|' << t.tcp_idle << '|' << t.parsed_idle << '|'
    << t.datagram_idle << '|' << t.silent_after << '|' << int(s.judge.mode) << '|' << s.judge.learn_for << '|' << s.memory << '|' << s.judge.flow_limit << '|'
    << s.judge.host_limit << '|' << s.ring << '|' << s.report.quiet << '|' << s.report.update_every << '|' << s.report.open_stories << '|' << s.report.findings << '|'
    << s.report.new_stories << '|' << s.language->tag;
  const EvidenceSettings& e = s.evidence;
  o << '|' << e.keep << '|' << e.folder << '|' << e.quota[0] << '|' << e.quota[1] << '|' << e.quota[2] << '|' << e.longest << '|' << e.memory << '|' << e.before << '|' << e.after << '|' << int(e.severity) << '|'
    << e.story << '|' << e.sets << '|' << e.pinned << '|' << e.spare;
  return o.str();
}

TEST(Settings, the_installed_file_shows_every_default) {
  Problems problems;
  const SensorSettings written = load_settings("config/vidra.toml", problems);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(shown(written), shown(load_settings("", problems)));
}

TEST(Settings, its_examples_are_right_too) {
  // every commented line that looks like TOML is taken at its word
  std::string text = std::regex_replace(whole("config/vidra.toml"), std::regex("\n# (\\[|[a-z_]+ = )"), "\n$1");
  text = std::regex_replace(text, std::regex("interfaces = \\[\\] "), "interfaces = [\"eth1\", \"eth2\"] ");
  text = text.substr(0, text.find("\n[site]"));
  const std::string path = testing::TempDir() + "vidra-settings.toml";
  std::ofstream(path) << text;
  Problems problems;
  const SensorSettings s = load_settings(path, problems);
  EXPECT_EQ(problems, Problems{});
  EXPECT_EQ(s.collectors.size(), 1u);
  EXPECT_EQ(s.capture.groups.size(), 1u);
  EXPECT_EQ(s.traffic.ports.size(), 1u);
  EXPECT_EQ(s.traffic.groups, (std::vector<uint16_t>{1000, 1000}));
  EXPECT_EQ(s.judge.detections.count("NET-05"), 1u);
}

TEST(Settings, what_leaves_is_decided_for_each_collector) {
  const std::string path = testing::TempDir() + "vidra-privacy.toml", head = "endpoint = \"tcp://cert:7421\"\nserver_key = \"0123456789abcdefghijklmnopqrstuvwxyz0123\"\n";
  const auto read = [&](const std::string& text, Problems& problems) {
    std::ofstream(path) << text;
    return load_settings(path, problems);
  };
  Problems problems;
  const SensorSettings s = read("[[collector]]\nname = \"a\"\n" + head + "[[collector]]\nname = \"b\"\n" + head +
                                "tlp = \"GREEN\"\naddresses = \"hidden\"\nforeign = \"pseudonyms\"\nnames = \"plain\"\nidentity = \"hidden\"\nnumbers = \"hidden\"\nfields = [\"src\", \"what\"]\n"
                                "[detection.NET-05]\ntlp = \"RED\"\n", problems);
  EXPECT_EQ(problems, Problems{});
  ASSERT_EQ(s.collectors.size(), 2u);
  const Policy &a = s.collectors[0].policy, &b = s.collectors[1].policy;
  EXPECT_TRUE(a.addresses == Showing::pseudonyms && a.foreign == Showing::plain && a.names == Showing::pseudonyms && a.identity == Showing::plain && a.numbers && a.all_fields);
  EXPECT_TRUE(b.addresses == Showing::hidden && b.foreign == Showing::pseudonyms && b.names == Showing::plain && b.identity == Showing::hidden && !b.numbers && !b.all_fields);
  EXPECT_EQ(b.fields, (std::vector<std::string>{"src", "what"}));
  EXPECT_EQ(s.markings, (Markings{{"NET-05", "RED"}}));
  EXPECT_LT(tlp_level("AMBER"), tlp_level("AMBER+STRICT"));
  for (const auto& [line, wanted] : {std::pair{"names = \"secret\"", ":5:1: "}, {"fields = [\"sorc\"]", ":5:1: 'sorc' is no field that may be left out, perhaps src; these are: src, dst, proto, ics"},
                                     {"numbers = \"pseudonyms\"", ":5:1: "}, {"fields = [\"severity\"]", ":5:1: 'severity' is no field that may be left out"}}) {
    Problems wrong;
    read("[[collector]]\nname = \"a\"\n" + head + line + "\n", wrong);
    ASSERT_EQ(wrong.size(), 1u) << line;
    EXPECT_NE(wrong[0].find(path + wanted), std::string::npos) << wrong[0];
  }
}

TEST(Settings, every_key_that_is_read_stands_in_the_installed_file) {
  const std::string source = whole("daemon/sensor/settings_file.cc"), file = whole("config/vidra.toml");
  const std::regex key("(?:read(?:_[a-z]+)?|octets)\\(\"([a-z_]+)\"");
  size_t n = 0;
  for (std::sregex_iterator i(source.begin(), source.end(), key), end; i != end; ++i, n++)
    EXPECT_NE(file.find((*i)[1].str() + " = "), std::string::npos) << (*i)[1];
  EXPECT_GT(n, 40u);
}

TEST(Settings, a_port_is_of_any_carrier) {
  const std::string path = testing::TempDir() + "vidra-ports.toml";
  std::ofstream(path) << "[[port]]\nnumber = 1502\nprotocol = \"modbus\"\n"
                         "[[port]]\ncarrier = \"udp\"\nnumber = 162\nprotocol = \"snmp\"\n"
                         "[[port]]\ncarrier = \"ethertype\"\nnumber = 0x88b9\nprotocol = \"goose\"\n"
                         "[[port]]\ncarrier = \"llc\"\nnumber = 0x42\nprotocol = \"stp\"\n"
                         "[[port]]\ncarrier = \"ip\"\nnumber = 112\nprotocol = \"vrrp\"\n";
  Problems problems;
  const SensorSettings s = load_settings(path, problems);
  EXPECT_EQ(problems, Problems{});
  ASSERT_EQ(s.traffic.ports.size(), 5u);
  constexpr Carrier carriers[] = {Carrier::tcp, Carrier::udp, Carrier::ethertype, Carrier::llc, Carrier::ip};
  for (size_t i = 0; i < 5; i++) EXPECT_EQ(s.traffic.ports[i].carrier, carriers[i]) << i;
  EXPECT_EQ(s.traffic.ports[3].number, 0x42);
}

TEST(Settings, workers_are_as_many_as_are_named_or_as_the_machine_is_good_for) {
  EXPECT_EQ(automatic_workers(1), 1u);
  EXPECT_EQ(automatic_workers(2), 1u);
  EXPECT_EQ(automatic_workers(4), 2u);
  EXPECT_EQ(automatic_workers(64), 8u);
  const std::string path = testing::TempDir() + "vidra-workers.toml";
  std::ofstream(path) << "[capture]\nworkers = \"auto\"\ncores = [2, 5]\n";
  Problems problems;
  EXPECT_EQ(load_settings(path, problems).capture.cores, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(problems, Problems{});
}

TEST(Settings, several_workers_share_the_bounds_of_one) {
  TrafficSettings all;
  const TrafficSettings part = part_of(all, 2, 4);
  EXPECT_EQ(part.flows, all.flows / 4);
  EXPECT_EQ(part.parser_octets, all.parser_octets / 4);
  EXPECT_LE(4 * most_memory(part), most_memory(all) + (1 << 20));
}

TEST(Settings, evidence_that_cannot_be_kept_is_refused) {
  const std::string path = testing::TempDir() + "vidra-evidence.toml";
  std::ofstream(path) << "[evidence]\nkeep = true\nfolder = \"evidence\"\nbulk = 0\nordinary = \"1 MiB\"\nstory = \"20 MiB\"\nsets = \"10 MiB\"\nseverity = 6\nminutes = 5\n";
  Problems problems;
  const SensorSettings s = load_settings(path, problems);
  ASSERT_EQ(problems.size(), 5u);
  const auto named = [&](const std::string& place, const std::string& what) {
    for (const std::string& p : problems)
      if (p.rfind(path + place, 0) == 0 && p.find(what) != p.npos) return true;
    return false;
  };
  EXPECT_TRUE(named(":3:", "no absolute folder"));
  EXPECT_TRUE(named(":5:", "at least 4 MiB, or 0"));
  EXPECT_TRUE(named(":6:", "make [evidence] sets larger"));
  EXPECT_TRUE(named(":8:", "6"));
  EXPECT_TRUE(named(":9:", "minutes"));
  EXPECT_EQ(s.evidence.quota[size_t(Sort::bulk)], 0u);
  EXPECT_EQ(evidence_folder(load_settings("", problems)), "/var/lib/vidra/evidence");
}

TEST(Settings, mistakes_are_named_with_their_place) {
  struct { const char* text; const char* starts; } cases[] = {
      {"[capture]\ninterfces = [\"eth1\"]\n", ":2:1: unknown key 'interfces' in [capture], did you mean 'interfaces'?"},
      {"[judge]\nmode = \"wach\"\n", ":2:1: 'mode' is \"wach\", did you mean \"watch\"?; allowed: learn, watch"},
      {"[traffic]\nflows = \"many\"\n", ":2:1: 'flows' is a text ('many'); it must be a whole number from 64 to 16777216"},
      {"[detection.NET-55]\noff = true\n", ":1:12: unknown key 'NET-55' in [detection], did you mean 'NET-05'?"},
      {"[detection.NET-05]\nof = true\n", ":2:1: unknown key 'of' in [detection.NET-05], did you mean 'off'?"},
      {"[[collector]]\nname = \"cert\"\nendpoint = \"cert:4711\"\nserver_key = \"short\"\n", ":3:1: 'cert:4711' is no endpoint; write tcp://HOST:PORT"},
      {"[[group]]\nname = \"x\"\nkind = \"tap-pair\"\ninterfaces = [\"eth9\", \"eth8\"]\n", ":4:1: 'eth9' is not among the interfaces of [capture]"},
      {"[[port]]\nnumber = 7\nprotocol = \"modbos\"\n", ":3:1: 'modbos' is no protocol that is dissected; allowed: "},
      {"[[port]]\ncarrier = \"ip\"\nnumber = 256\nprotocol = \"vrrp\"\n", ":3:1: an IP protocol has a number from 1 to 255"},
      {"[capture]\nworkers = \"four\"\n", ":2:1: 'workers' is \"four\"; allowed: auto"},
      {"[capture]\nworkers = 0\n", ":2:1: 'workers' is a whole number (0); it must be a whole number from 1 to 64"},
      {"[capture]\nworkers = 3\ncores = [2, 3]\n", ":3:1: 2 cores for 3 workers; name one core for each worker, or leave workers = \"auto\""},
      {"[capture]\ncores = [2, 2]\n", ":2:1: a core stands here twice; each worker has one of its own"},
      {"[capture]\nworkers = 2\nsource = \"pcap\"\n", ":3:1: \"pcap\" is for one worker; write source = \"auto\" for several"},
  };
  for (const auto& c : cases) {
    const std::string path = testing::TempDir() + "vidra-mistake.toml";
    std::ofstream(path) << c.text;
    Problems problems;
    load_settings(path, problems);
    ASSERT_FALSE(problems.empty()) << c.text;
    EXPECT_EQ(problems[0].rfind(path + c.starts, 0), 0u) << problems[0];
  }
}

// After a power cut there is nobody to correct a list: the sensor hears with what is right of it.
TEST(Settings, a_wrong_line_of_a_list_stops_no_sensor) {
  const std::string folder = testing::TempDir();
  const auto put = [&](const std::string& name, const std::string& text) { std::ofstream(folder + name) << text; };
  put("cert.txt", "198.51.100.7\nnonsense\n198.51.100.8\n");
  put("page.txt", "<html>\n");
  put("rules.toml", "[[rule]]\nname = \"good\"\ntitle = \"Good\"\nprotocol = \"modbus\"\nact = \"write\"\n[[rule]]\nname = \"bad\"\ntitle = \"Bad\"\nprotocol = \"modbus\"\norigin = 3\n");
  put("lists.toml", "[indicators]\nfiles = [\"cert.txt\"]\n");
  Problems problems;
  SensorSettings s = load_settings(folder + "lists.toml", problems);
  EXPECT_EQ(problems, Problems{});
  ASSERT_TRUE(s.judge.indicators);
  EXPECT_EQ(s.judge.indicators->size(), 2u);
  EXPECT_EQ(s.judge.indicators->refused(), 1u);
  ASSERT_EQ(s.judge.list_flaws.size(), 1u);
  EXPECT_NE(s.judge.list_flaws[0].find("cert.txt:2: \"nonsense\" is no indicator"), std::string::npos) << s.judge.list_flaws[0];

  put("lists.toml", "[indicators]\nfiles = [\"cert.txt\", \"page.txt\"]\n[rules]\nfiles = [\"rules.toml\"]\n[[rule]]\nname = \"own\"\ntitle = \"Own\"\nprotocol = \"modbuss\"\nact = \"write\"\n");
  load_settings(folder + "lists.toml", problems);
  EXPECT_EQ(problems.size(), 3u) << "whoever asks is told, and everything is refused";
  problems.clear();
  s = load_settings(folder + "lists.toml", problems, When::starting);
  EXPECT_EQ(problems, Problems{});
  ASSERT_TRUE(s.judge.indicators && s.judge.rules);
  EXPECT_EQ(s.judge.indicators->size(), 2u);
  EXPECT_EQ(s.judge.rules->all().size(), 1u);
  EXPECT_EQ(s.judge.list_flaws.size(), 4u);
  put("lists.toml", "[capture]\ninterfacs = [\"eth1\"]\n");
  load_settings(folder + "lists.toml", problems, When::starting);
  EXPECT_EQ(problems.size(), 1u) << "what else is wrong stops it as before";
}

}  // namespace
}  // namespace vidra
