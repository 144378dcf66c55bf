// SPDX-License-Identifier: Apache-2.0
// RFC 854 (Telnet), RFC 855 (options).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("telnet", {
    {"options, then a login that fails and one that does not", {
        {server, "ff fd 18"}, {server, "ff fd 20"}, {client, "ff fb 18"}, {client, "ff fc 20"}, {server, "ff fa 18 01 ff f0"}, {client, "ff fa 18 00 78 74 65 72 6d ff f0"},
        {server, words("\r\n")}, {server, words("rtu-7 login:")}, {client, words("root\r\n")}, {server, words(" root\r\n")}, {server, words("Password:")}, {client, "733363723374 0d00"},
        {server, words("\r\n")}, {server, words("Login incorrect\r\n")}, {server, words("login:")}, {client, words("engineer\r\n")}, {server, words("Password:")},
        {client, words("0ther-s3cret\r\n")}, {server, words("Last login: Mon\r\n")}, {client, words("ls\r\n")}, {client, words("OPE 1\r\n")}, {client, "ff f4"}}},
    {"a relay by its levels", {
        {server, "ff fb 01"}, {server, "ff fb 03"}, {client, words("ACC\r\n")}, {server, words("Password:")}, {client, words("OTTER\r\n")}, {server, words("Level 1\r\n")},
        {client, words("2AC\r\n")}, {client, words("PUL OUT101\r\n")}, {server, words("Are you sure (Y/N) ?\r\n")}}},
    {"a command that Telnet does not have", {{client, "ff 01"}}, Carrier::tcp, true},
});

TEST(Telnet, negotiation_names_its_option) {
  Heard telnet("telnet");
  const Sentence s = telnet(server, "ff fd 18");
  EXPECT_EQ(s.head.function, 253);
  EXPECT_EQ(s.points.at(0).object, Object(ObjectKind::item, 24));
  EXPECT_EQ(s.text(s.points[0].object.key()), "terminal type");
}

TEST(Telnet, a_login_is_reduced_to_kinds) {
  Heard telnet("telnet");
  telnet(server, words("SEL-2032 login:"));
  Sentence s = telnet(client, words("Admin\r\n"));
  EXPECT_EQ(s.text(s.points.at(0).raw), "administrator");
  telnet(server, words("Password:"));
  s = telnet(client, words("admin\r\n"));
  EXPECT_EQ(s.text(s.points.at(0).raw), "vendor default");
  s = telnet(server, words("Access denied.\r\n"));
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(function_name(protocol_named("telnet"), s.head.function, 0), "login failed");
}

TEST(Telnet, a_password_asked_again_was_wrong) {
  Heard telnet("telnet");
  telnet(server, words("Password:"));
  telnet(client, words("x\r\n"));
  EXPECT_TRUE(telnet(server, words("Password:")).head.refused);
}

TEST(Telnet, a_breaker_command_is_an_operation) {
  Heard telnet("telnet");
  const Sentence s = telnet(client, words("clo 1\r\n"));
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(function_name(protocol_named("telnet"), s.head.function, s.head.sub_function), "close breaker (CLO)");
  EXPECT_EQ(telnet(client, words("date\r\n")).head.act, Act::other);
}

TEST(Telnet, a_prompt_is_heard_before_its_line_ends) {
  Heard telnet("telnet");
  Feed feed(telnet.parser(), telnet.say);
  feed.offer(server, hex(words("login: ")));
  EXPECT_EQ(feed.records, 1u);
  feed.offer(client, hex(words("ad")));
  feed.offer(client, hex(words("min\r\n")));
  EXPECT_EQ(feed.records, 2u);
}

}  // namespace
}  // namespace vidra
