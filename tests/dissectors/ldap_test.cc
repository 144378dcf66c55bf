// SPDX-License-Identifier: Apache-2.0
// RFC 4511 (LDAP).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

constexpr const char* bind =
    "3024020101601f0201030411636e3d61646d696e2c64633d616c646572800768756e74657232";
constexpr const char* bind_refused =
    "300c02010161070a013104000400";
constexpr const char* anonymous =
    "300c020102600702010304008000";
constexpr const char* bound =
    "300c02010261070a010004000400";
constexpr const char* search =
    "302d0201036328040864633d616c6465720a01020a0100020100020100010100870b6f626a656374436c6173733000";
constexpr const char* entry =
    "30160201036411040d636e3d612c64633d616c6465723000";
constexpr const char* done =
    "300c02010365070a010004000400";
constexpr const char* modify =
    "302d0201046628040d636e3d612c64633d616c646572301730150a0102301004066d656d62657231060404636e3d62";
constexpr const char* deletion =
    "30120201054a0d636e3d612c64633d616c646572";
constexpr const char* unbind =
    "30050201064200";
constexpr const char* start_tls =
    "301d02010777188016312e332e362e312e342e312e313436362e3230303337";
constexpr const char* tls_started =
    "300c02010778070a010004000400";
constexpr const char* spnego =
    "301d02010860180201030400a311040a4753532d53504e45474f0403616263";
constexpr const char* spnego_done =
    "300c02010861070a010004000400";
constexpr const char* protected_message =
    "0000000c05060708090a0b0c0d0e0f10";

const Enrol enrolled("ldap", {
    {"a bind that fails", {{client, bind}, {server, bind_refused}}},
    {"anonymous, a search, changes", {{client, anonymous}, {server, bound}, {client, search}, {server, entry}, {server, done}, {client, modify}, {client, deletion}, {client, unbind}}},
    {"a security layer", {{client, spnego}, {server, spnego_done}, {client, protected_message}, {server, protected_message}}},
    {"connectionless", {{client, search}, {server, entry}}, Carrier::udp},
    {"an operation it does not have", {{client, "3005 020101 7f00"}}, Carrier::tcp, true},
});

TEST(Ldap, a_bind_says_who_and_what_kind_of_password) {
  Heard ldap("ldap");
  const Sentence s = ldap(client, bind);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "cn=admin,dc=alder");
  EXPECT_EQ(s.text(s.points.at(1).raw), "simple");
  EXPECT_EQ(s.text(s.points.at(2).raw), "other");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter2"), std::string::npos);
  const Sentence r = ldap(server, bind_refused);
  EXPECT_TRUE(r.head.refused);
  EXPECT_EQ(protocol_named("ldap").reason(r.head.reason), "invalid credentials");
}

TEST(Ldap, a_search_names_its_base) {
  Heard ldap("ldap");
  const Sentence s = ldap(client, search);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "dc=alder");
  EXPECT_EQ(s.text(s.points.at(1).raw), "subtree");
}

TEST(Ldap, behind_StartTLS_nothing_is_read) {
  Heard ldap("ldap");
  Feed feed(ldap.parser(), ldap.say);
  feed.offer(client, hex(start_tls));
  feed.offer(server, hex(tls_started));
  feed.offer(client, hex("160301 0005 0100000103"));
  EXPECT_EQ(feed.records, 2u);
  EXPECT_EQ(feed.losses, 0u);
}

}  // namespace
}  // namespace vidra
