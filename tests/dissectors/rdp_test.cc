// SPDX-License-Identifier: Apache-2.0
// MS-RDPBCGR 2.2.1 (connection sequence).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// TPKT | length, CR, destination, source, class | "Cookie: mstshash=operator" | negotiation: type, flags, length, protocols
constexpr const char* request = "0300 002e | 29 e0 0000 0000 00 | 436f6f6b69653a206d737473686173683d6f70657261746f72 0d0a | 01 00 0800 03000000";
constexpr const char* confirm = "0300 0013 | 0e d0 0000 1234 00 | 02 1f 0800 02000000";

const Enrol enrolled("rdp", {
    {"a user asks, CredSSP is chosen", {{client, request}, {server, confirm}}},
    {"standard security, refused", {{client, "0300 0013 | 0e e0 0000 0000 00 | 01 00 0800 00000000"}, {server, "0300 0013 | 0e d0 0000 1234 00 | 03 00 0800 05000000"}}},
    {"an old client", {{client, "0300 000b | 06 e0 0000 0000 00"}, {server, "0300 000b | 06 d0 0000 1234 00"}}},
    {"a TPKT of another length", {{client, "0300 0014 0e e0 0000 0000 00 01 00 0800 00000000"}}, Carrier::tcp, true},
});

TEST(Rdp, a_request_names_its_user_and_what_protects) {
  Heard rdp("rdp");
  const Sentence s = rdp(client, request);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "user");
  EXPECT_EQ(s.text(s.points.at(0).raw), "operator");
  EXPECT_EQ(s.head.qualifier, 3u);
  EXPECT_EQ(rdp(server, confirm).head.qualifier, 2u);
}

TEST(Rdp, what_follows_is_passed_over) {
  Heard rdp("rdp");
  Feed feed(rdp.parser(), rdp.say);
  feed.offer(client, hex(request));
  feed.offer(server, hex(confirm));
  for (int i = 0; i < 3; i++) feed.offer(client, hex("160301 0005 0100000103")), feed.offer(server, hex("170303 0005 0102030405"));
  EXPECT_EQ(feed.records, 4u);
  EXPECT_EQ(feed.losses, 0u);
}

TEST(Rdp, other_users_of_COTP_are_left_to_others) {
  const auto sure = [](const char* up, const char* down) { return protocol_named("rdp").recognises(hex(up), hex(down), Carrier::tcp).sure; };
  EXPECT_EQ(sure("0300 0016 11e0 0000 0001 00 c1020100 c2020102 c0010a", ""), Recognised::no);
  EXPECT_EQ(sure("0300 000b 06e0 0000 0000 00", ""), Recognised::maybe);
  EXPECT_EQ(sure(request, ""), Recognised::yes);
}

}  // namespace
}  // namespace vidra
