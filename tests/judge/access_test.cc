// SPDX-License-Identifier: Apache-2.0
// Engineering access and office protocols: each deed by a stranger, by whom it was declared for, and with nothing known.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

namespace vidra {
namespace {

std::string plant() {
  std::string s = R"(
[[host]]
name = "ews"
address = "10.1.1.12"
[[host]]
name = "rtu1"
address = "10.1.1.20"
role = "rtu"
)";
  for (const char* p : {"telnet", "sel", "ftp", "http", "ssh", "lantronix", "moxa", "spa", "tftp", "snmp", "rdp", "smb", "tds", "vnc", "tcp"})
    s += std::string("[[conversation]]\nclient = \"ews\"\nserver = \"rtu1\"\nprotocol = \"") + p +
         "\"\nacts = [\"reading\", \"write\", \"operate\", \"file\", \"program\", \"run\", \"configure\", \"time\"]\n";
  return s;
}
constexpr std::string_view ews = "10.1.1.12:50001", laptop = "10.1.1.99:50002", rtu = "10.1.1.20:21";

// Who is told: strangers only, when something is known; or everybody, even with nothing known, but whom it was declared for; or all.
enum class Told { strangers, undeclared, always };
struct Case {
  std::string_view id, protocol;
  uint16_t function, sub;
  Told told;
  std::string_view object = "", text = "";
};
constexpr std::string_view word = "vendor default";
const Case cases[] = {
    {"ENG-01", "telnet", 258, 0, Told::strangers}, {"ENG-01", "telnet", 259, 0, Told::undeclared, "password", word}, {"ENG-01", "telnet", 262, 6, Told::strangers},
    {"ENG-01", "telnet", 262, 9, Told::undeclared}, {"ENG-01", "telnet", 262, 30, Told::undeclared}, {"ENG-01", "sel", 1042, 0, Told::strangers}, {"ENG-01", "sel", 1045, 0, Told::strangers},
    {"ENG-01", "sel", 227, 0, Told::strangers}, {"ENG-01", "sel", 1048, 0, Told::undeclared},
    {"ENG-02", "ftp", 257, 0, Told::strangers, "root"}, {"ENG-02", "ftp", 258, 0, Told::undeclared, "password", word}, {"ENG-02", "ftp", 271, 1, Told::undeclared, "fw.bin"},
    {"ENG-02", "ftp", 271, 0, Told::strangers, "a.set"}, {"ENG-02", "ftp", 279, 0, Told::strangers, "a.set"}, {"ENG-02", "ftp", 285, 0, Told::strangers, "CHMOD"},
    {"ENG-03", "http", 257, 0, Told::undeclared, "password", word}, {"ENG-03", "http", 259, 1, Told::undeclared, "/upgrade"}, {"ENG-03", "http", 260, 1, Told::undeclared, "/upgrade"},
    {"ENG-03", "http", 259, 2, Told::strangers, "/config"}, {"ENG-03", "http", 261, 0, Told::strangers, "/config"}, {"ENG-03", "http", 259, 0, Told::strangers, "/index"},
    {"ENG-03", "http", 259, 0, Told::undeclared, "/cgi-bin/ecat.fcgi"},
    {"ENG-04", "ssh", 256, 0, Told::strangers}, {"ENG-05", "lantronix", 252, 0, Told::undeclared}, {"ENG-05", "lantronix", 3, 0, Told::undeclared}, {"ENG-05", "moxa", 43, 0, Told::undeclared},
    {"ENG-05", "moxa", 33, 0, Told::strangers}, {"ENG-06", "digsi", 4425, 10398, Told::always}, {"ENG-06", "spa", 87, 83, Told::strangers},
    {"ENG-07", "tftp", 2, 1, Told::undeclared, "fw.bin"}, {"ENG-07", "tftp", 2, 0, Told::strangers, "x"}, {"ENG-07", "tftp", 1, 0, Told::strangers, "x"},
    {"ENG-08", "snmp", 3, 0, Told::strangers, "sysName.0"}, {"ENG-08", "snmp", 0, 0, Told::strangers, "community", word},
    {"ITO-01", "rdp", 224, 0, Told::strangers}, {"ITO-02", "smb", 371, 0, Told::strangers}, {"ITO-02", "smb", 3, 0, Told::undeclared, "\\\\RTU1\\admin$"},
    {"ITO-02", "smb", 3, 0, Told::undeclared, "\\\\RTU1\\C$"}, {"ITO-02", "smb", 5, 1, Told::undeclared, "\\\\RTU1\\IPC$\\svcctl"}, {"ITO-02", "smb", 9, 1, Told::strangers, "\\\\RTU1\\share\\a.exe"},
    {"ITO-03", "smb", 9, 0, Told::undeclared, "\\\\DC\\SYSVOL\\alder\\Policies\\x"}, {"ITO-04", "tds", 1, 1, Told::undeclared, "exec master..xp_cmdshell"},
    {"ITO-04", "tds", 16, 0, Told::undeclared, "password", word}, {"ITO-07", "vnc", 262, 0, Told::strangers}, {"ITO-07", "tcp", 9, 0, Told::strangers, "AnyDesk"},
};

void say(Hearing& h, const Case& c, std::string_view who, std::string_view object = "") {
  Message m;
  m.function = c.function, m.sub_function = c.sub;
  for (const Function& f : protocols[size_t(protocol_index(c.protocol))]->functions)
    if (f.number == c.function && (f.sub == c.sub || f.sub == 0xffff)) {
      m.act = f.act;
      break;
    }
  std::vector<uint8_t> run;
  std::vector<Point> points;
  if (object.empty()) object = c.object;
  if (!object.empty()) {
    Point p;
    p.object = Hearing::named(object, run);
    if (!c.text.empty()) p.set_text(text_key(c.text)), Hearing::named(c.text, run);
    points.push_back(p);
  }
  h.say(c.protocol, who, rtu, m, points, Side::client, Texts{run});
}
bool told(const Hearing& h, const Case& c) {                        // by this deed or a wider one of its detection
  return h.times(c.id) > 0;
}

TEST(Access, WhoMayDoWhat) {
  for (const Case& c : cases) {
    const std::string name = std::string(c.id) + " " + std::string(c.protocol) + " " + std::to_string(c.function) + "/" + std::to_string(c.sub) + " " + std::string(c.object);
    Hearing by_stranger(plant()), by_ews(plant()), nothing_known;
    say(by_stranger, c, laptop);
    EXPECT_TRUE(told(by_stranger, c)) << name << " by a stranger\n" << by_stranger.told();
    say(by_ews, c, ews);
    EXPECT_EQ(told(by_ews, c), c.told == Told::always) << name << " by whom it was declared for\n" << by_ews.told();
    say(nothing_known, c, laptop);
    EXPECT_EQ(told(nothing_known, c), c.told != Told::strangers) << name << " with nothing known\n" << nothing_known.told();
  }
}

TEST(Access, WhatEverybodyDoes) {
  const Case ordinary[] = {
      {"ENG", "ftp", 270, 0, Told::always, "FR0001.CFG"}, {"ENG", "ftp", 258, 0, Told::always, "password", "other"}, {"ENG", "http", 257, 0, Told::always, "/"}, {"ENG", "snmp", 0, 0, Told::always, "sysUpTime.0"},
      {"ENG", "telnet", 262, 19, Told::always}, {"ENG", "moxa", 1, 0, Told::always}, {"ENG", "lantronix", 246, 0, Told::always}, {"ITO", "smb", 3, 0, Told::always, "\\\\RTU1\\IPC$"},
      {"ITO", "smb", 8, 0, Told::always, "\\\\DC\\SYSVOL\\alder\\Policies\\x"}, {"ITO", "tds", 1, 0, Told::always, "select"},
  };
  for (const Case& c : ordinary) {
    Hearing h;
    say(h, c, laptop);
    EXPECT_TRUE(h.findings.empty()) << c.protocol << " " << c.function << "\n" << h.told();
  }
}

TEST(Access, FilesHaveNewNamesEachTime) {
  Memory m;
  ConversationMemory& c = m.add_conversation(*parse_address("10.1.1.12"), *parse_address("10.1.1.20"), uint16_t(protocol_index("ftp")), 21);
  c.acts = acts({Act::file});
  c.functions.push_back({279, 0, Role::request, 9});
  m.settle();
  Hearing h({.memory = std::move(m)});
  const Case removed{"ENG-02", "ftp", 279, 0, Told::always, "FR0001.CFG"};
  say(h, removed, ews, "FR0002.CFG");
  EXPECT_EQ(h.times("ENG-02"), 0u) << h.told();
  say(h, removed, laptop);
  EXPECT_EQ(h.times("ENG-02"), 1u) << h.told();
}

TEST(Access, FilesDeletedInBulk) {
  Hearing h;
  const Case removed{"ITO-03", "smb", 17, 13, Told::always};
  for (int i = 0; i < 49; i++) say(h, removed, laptop, "\\\\HMI\\share\\" + std::to_string(i)), h.wait(second / 2);
  for (int i = 0; i < 20; i++) say(h, removed, laptop, "\\\\HMI\\share\\same");
  EXPECT_LE(h.times("ITO-03"), 21u);
  for (int i = 100; i < 120; i++) say(h, removed, laptop, "\\\\HMI\\share\\" + std::to_string(i));
  EXPECT_GE(h.times("ITO-03"), 1u) << h.told();
  EXPECT_EQ(h.stories(), 1u) << h.told();
}

void refuse(Hearing& h, std::string_view protocol, uint16_t function, uint16_t sub, uint16_t reason, int times, std::string_view who = laptop) {
  Message m;
  m.function = function, m.sub_function = sub, m.reason = reason, m.role = Role::response, m.act = Act::session, m.refused = true;
  for (int i = 0; i < times; i++) h.say(protocol, who, rtu, m, {}, Side::server), h.wait(second);
}

TEST(Access, LoginsRefused) {                                        // "ITO-05"
  struct { std::string_view protocol; uint16_t function, sub, reason; } const refusals[] = {
      {"ftp", 256, 530, 530}, {"telnet", 260, 0, 0}, {"smb", 1, 0, 0x6d}, {"ldap", 1, 0, 49}, {"kerberos", 30, 0, 24}, {"tds", 4, 0, 18456}, {"vnc", 261, 0, 0}};
  for (const auto& r : refusals) {
    Hearing h;
    refuse(h, r.protocol, r.function, r.sub, r.reason, 4);
    EXPECT_EQ(h.times("ITO-05"), 0u) << r.protocol << "\n" << h.told();
    refuse(h, r.protocol, r.function, r.sub, r.reason, 1);
    ASSERT_EQ(h.times("ITO-05"), 1u) << r.protocol << "\n" << h.told();
    EXPECT_EQ(text_of(h.last("ITO-05").source.address), "10.1.1.99") << "the guesser is the source";
  }
  Hearing h;
  refuse(h, "smb", 1, 0, 0x22, 9);                                   // access denied to something else
  refuse(h, "http", 257, 0, 401, 9);                                 // programs that ask without a password first
  EXPECT_TRUE(h.findings.empty()) << h.told();
  refuse(h, "http", 257, 0, 401, 25);
  EXPECT_GE(h.times("ENG-03"), 1u) << h.told();
}

TEST(Access, NamesThatCarryData) {                                   // "ITO-09"
  for (size_t octets : {40, 120}) {
    Hearing h;
    for (int i = 0; i < 40; i++) {
      std::vector<uint8_t> run;
      Message m;
      m.sub_function = 16, m.act = Act::read;
      Point p;
      p.object = Hearing::named(std::to_string(i) + std::string(octets, 'x') + ".example", run);
      p.qualifier = uint32_t(octets);
      h.say("dns", laptop, "10.1.1.8:53", m, {p}, Side::client, Texts{run});
    }
    EXPECT_EQ(h.times("ITO-09") > 0, octets > 90) << h.told();
  }
}

TEST(Access, ANeighbourThatChanged) {                                // "ENG-09"
  Hearing h;
  std::vector<uint8_t> run;
  Message m;
  m.function = 1, m.role = Role::report, m.act = Act::report;
  Point p;
  p.object = Hearing::named("chassis", run);
  h.say("lldp", "10.1.1.9:0", "10.1.1.10:0", m, {p}, Side::client, Texts{run});
  EXPECT_TRUE(h.findings.empty()) << h.told();
  m.sub_function = 1;
  h.say("lldp", "10.1.1.9:0", "10.1.1.10:0", m, {p}, Side::client, Texts{run});
  EXPECT_EQ(h.times("ENG-09"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
