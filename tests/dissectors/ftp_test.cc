// SPDX-License-Identifier: Apache-2.0
// RFC 959 (FTP), RFC 2428 (EPRT, EPSV).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("ftp", {
    {"a login and a file stored", {
        {server, words("220 RTU560 FTP server ready.\r\n")}, {client, words("USER engineer\r\n")}, {server, words("331 Password please.\r\n")},
        {client, words("PASS s3cr3t-of-mine\r\n")}, {server, words("230-Welcome\r\n Substation 7\r\n230 Logged in.\r\n")}, {client, words("SYST\r\n")}, {server, words("215 UNIX Type: L8\r\n")},
        {client, words("CWD /firmware\r\n")}, {server, words("250 ok\r\n")}, {client, words("PASV\r\n")}, {server, words("227 Entering Passive Mode (10,10,1,60,195,80)\r\n")},
        {client, words("STOR rtu.bin\r\n")}, {server, words("150 ok\r\n")}, {server, words("226 done\r\n")}, {client, words("QUIT\r\n")}, {server, words("221 bye\r\n")}}},
    {"files are listed, renamed and deleted", {
        {client, words("PORT 10,10,1,90,4,1\r\n")}, {server, words("200 ok\r\n")}, {client, words("NLST\r\n")}, {server, words("425 no connection\r\n")}, {client, words("RNFR old.cfg\r\n")},
        {server, words("350 go on\r\n")}, {client, words("RNTO new.cfg\r\n")}, {server, words("250 ok\r\n")}, {client, words("DELE a.cfg\r\n")}, {server, words("550 no such file\r\n")},
        {client, words("EPSV\r\n")}, {server, words("229 Entering Extended Passive Mode (|||6446|)\r\n")}, {client, words("RETR c.xml\r\n")}, {server, words("450 busy\r\n")}}},
    {"a wrong password", {{server, words("220 VxWorks FTP server ready\r\n")}, {client, words("USER target\r\n")}, {server, words("331 next\r\n")}, {client, words("PASS password\r\n")}, {server, words("530 no\r\n")}}},
    {"encryption is asked for", {{server, words("220 FTP\r\n")}, {client, words("AUTH TLS\r\n")}, {server, words("534 no\r\n")}}},
    {"no FTP at all", {{client, words("\x01\x02\x03\x04\r\n")}, {server, words("hello\r\n")}}, Carrier::tcp, true},
});

TEST(Ftp, a_password_is_only_said_by_its_kind) {
  struct { const char *user, *password, *kind; } cases[] = {
      {"engineer", "s3cr3t", "other"}, {"sysdiag", "factorycast@schneider", "vendor default"}, {"ADMIN", "Admin", "vendor default"}, {"x", "", "none"}, {"2AC", "TAIL", "vendor default"}};
  for (const auto& c : cases) {
    Heard ftp("ftp");
    ftp(client, words(std::string("USER ") + c.user + "\r\n"));
    const Sentence s = ftp(client, words(std::string("PASS ") + c.password + "\r\n"));
    ASSERT_EQ(s.points.size(), 1u);
    EXPECT_EQ(s.text(s.points[0].object.key()), "password");
    EXPECT_EQ(s.text(s.points[0].raw), c.kind) << c.user;
  }
}

TEST(Ftp, what_is_stored_under_a_firmware_s_name_is_a_program) {
  Heard ftp("ftp");
  EXPECT_EQ(ftp(client, words("STOR /a/notes.txt\r\n")).head.act, Act::file);
  const Sentence s = ftp(client, words("STOR /a/REL_670.BIN\r\n"));
  EXPECT_EQ(s.head.act, Act::program);
  EXPECT_EQ(s.text(s.points[0].object.key()), "/a/REL_670.BIN");
  EXPECT_EQ(function_name(protocol_named("ftp"), s.head.function, s.head.sub_function), "store firmware");
}

TEST(Ftp, replies_say_their_code_and_whether_they_refuse) {
  Heard ftp("ftp");
  EXPECT_FALSE(ftp(server, words("226 done\r\n")).head.refused);
  const Sentence s = ftp(server, words("530 Login incorrect.\r\n"));
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(s.head.reason, 530);
  const Sentence p = ftp(server, words("227 =10,10,1,60,195,80\r\n"));
  EXPECT_EQ(p.points.at(0).object, Object(ObjectKind::address, 0x0a0a013c));
  EXPECT_EQ(p.points.at(1).raw, 50'000u);
}

TEST(Ftp, a_greeting_tells_who_it_is) {
  Heard ftp("ftp");
  ftp(server, words("220-NOE 771\r\n220 FTP server (VxWorks 5.4) ready.\r\n"));
  ASSERT_EQ(ftp.identities.size(), 1u);
  EXPECT_EQ(ftp.identity_texts().at(ftp.identities[0].product), "NOE 771");
}

TEST(Ftp, behind_auth_tls_nothing_is_read) {
  Heard ftp("ftp");
  Feed feed(ftp.parser(), ftp.say);
  feed.offer(server, hex(words("220 FTP ready\r\n")));
  feed.offer(client, hex(words("AUTH TLS\r\n")));
  feed.offer(server, hex(words("234 go\r\n")));
  feed.offer(client, hex("160301 0002 0100"));
  feed.offer(server, hex("160303 0002 0200"));
  EXPECT_EQ(feed.records, 3u);
  EXPECT_EQ(feed.losses, 0u);
}

TEST(Ftp, is_not_taken_for_what_else_speaks_in_lines) {
  const auto sure = [](const char* up, const char* down) { return protocol_named("ftp").recognises(hex(words(up)), hex(words(down)), Carrier::tcp).sure; };
  EXPECT_EQ(sure("EHLO there\r\n", "220 mail ESMTP\r\n"), Recognised::no);
  EXPECT_EQ(sure("USER me\r\n", "+OK POP3\r\n"), Recognised::no);
  EXPECT_EQ(sure("", "220 mail ESMTP\r\n"), Recognised::maybe);
  EXPECT_EQ(sure("GET / HTTP/1.1\r\n", ""), Recognised::no);
  EXPECT_EQ(sure("", "SSH-2.0-x\r\n"), Recognised::no);
  EXPECT_EQ(sure("PASV\r\n", ""), Recognised::yes);
}

}  // namespace
}  // namespace vidra
