// SPDX-License-Identifier: Apache-2.0
// MS-TDS (tabular data stream).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

constexpr const char* prelogin =
    "1201001a0000010000000b00060100110001ff0f000064000002";
constexpr const char* prelogin_answer =
    "0401001a0000010000000b00060100110001ff100003e8000002";
constexpr const char* login =
    "100100a4000001009c00000004000074001000000700000064000000000000000000000000000000000000005e000400660002006a0007007800040080000400880000008800"
    "040090000000900006000000000000009c0000009c0000009c00000000000000570053002d0039007300610023a5f2a543a5e2a5f3a582a586a56f00730071006c0048004900"
    "530054004f004400420043006d0061007300740065007200";
constexpr const char* login_failed =
    "0401005e00000100aa460018480000010e18004c006f00670069006e0020006600610069006c0065006400200066006f00720020007500730065007200200073006100044800"
    "4900530054000001000000fd000000000000000000000000";
constexpr const char* logged_in =
    "0401004a00000100ad32000174000004144d006900630072006f0073006f00660074002000530051004c0020005300650072007600650072000f0007d0fd0000000000000000"
    "00000000";
constexpr const char* batch =
    "0101008c0000010016000000120000000200000000000000000001000000450058004500430020006d00610073007400650072002e002e00780070005f0063006d0064007300"
    "680065006c006c00200027006e00650074002000750073006500720020006800610063006b00650072002000680075006e00740065007200320020002f006100640064002700";
constexpr const char* select =
    "0101006a0000010016000000120000000200000000000000000001000000530045004c0045004300540020006e0061006d0065002000460052004f004d002000740061006700"
    "73002000570048004500520045002000700069006e0020003d0020003400370031003100";
constexpr const char* call =
    "0301002e00000100160000001200000002000000000000000000010000000600730070005f00770068006f000000";

const Enrol enrolled("tds", {
    {"a login that fails", {{client, prelogin}, {server, prelogin_answer}, {client, login}, {server, login_failed}}},
    {"a login, and a command shell", {{client, login}, {server, logged_in}, {client, select}, {client, batch}, {client, call}}},
    {"a packet of no known type", {{client, "05 01 0008 0000 01 00"}}, Carrier::tcp, true},
});

std::string said(const Sentence& s, const std::string& name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return s.text(p.raw);
  return "(not said)";
}

TEST(Tds, a_login_says_who_from_where_with_what_program) {
  Heard tds("tds");
  const Sentence s = tds(client, login);
  EXPECT_EQ(said(s, "user"), "sa");
  EXPECT_EQ(said(s, "password"), "other");
  EXPECT_EQ(said(s, "host"), "WS-9");
  EXPECT_EQ(said(s, "application"), "osql");
  EXPECT_EQ(said(s, "database"), "master");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(Tds, of_SQL_only_the_first_words_are_said) {
  Heard tds("tds");
  Sentence s = tds(client, select);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "SELECT name FROM tags");
  EXPECT_EQ(s.head.act, Act::other);
  s = tds(client, batch);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "EXEC master..xp_cmdshell");
  EXPECT_EQ(s.head.act, Act::run);
  EXPECT_EQ(said(s, "calls"), "xp_cmdshell");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter2"), std::string::npos);
}

TEST(Tds, an_error_refuses_and_a_login_identifies) {
  Heard tds("tds");
  const Sentence s = tds(server, login_failed);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("tds").reason(s.head.reason), "login failed");
  tds(server, logged_in);
  ASSERT_EQ(tds.identities.size(), 1u);
  EXPECT_EQ(tds.identity_texts().at(tds.identities[0].product), "Microsoft SQL Server");
  EXPECT_EQ(tds.identity_texts().at(tds.identities[0].firmware), "15.0.2000");
}

}  // namespace
}  // namespace vidra
