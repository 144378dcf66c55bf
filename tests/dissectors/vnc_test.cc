// SPDX-License-Identifier: Apache-2.0
// RFC 6143 (remote framebuffer).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;
constexpr const char* v8 = "524642203030332e3030380a";   // RFB 003.008
constexpr const char* sixteen = "000102030405060708090a0b0c0d0e0f";
// width, height | pixel format | length, name
constexpr const char* init = "0400 0300 | 20180001 00ff00ff 00ff1008 00000000 | 00000003 484d49";

const Enrol enrolled("vnc", {
    {"a login by password", {{server, v8}, {client, v8}, {server, "02 01 02"}, {client, "02"}, {server, sixteen}, {client, sixteen}, {server, "00000000"}, {client, "01"}, {server, init}, {client, "05"}}},
    {"no password wanted", {{server, v8}, {client, v8}, {server, "01 01"}, {client, "01"}, {server, "00000000"}, {client, "00"}, {server, init}}},
    {"version 3.3, a wrong password", {{server, v8}, {client, "524642203030332e3030330a"}, {server, "00000002"}, {server, sixteen}, {client, sixteen}, {server, "00000001"}}},
    {"another version", {{server, "524642203030332e30307820"}}, Carrier::tcp, true},
});

TEST(Vnc, a_login_and_the_name_of_the_desktop) {
  Heard vnc("vnc");
  vnc(server, v8), vnc(client, v8), vnc(server, "02 01 02");
  const Sentence s = vnc(client, "02");
  EXPECT_EQ(s.text(s.points.at(0).raw), "VNC authentication");
  vnc(server, sixteen), vnc(client, sixteen);
  EXPECT_FALSE(vnc(server, "00000000").head.refused);
  vnc(client, "01");
  vnc(server, init);
  ASSERT_EQ(vnc.identities.size(), 1u);
  EXPECT_EQ(vnc.identity_texts().at(vnc.identities[0].name), "HMI");
}

TEST(Vnc, a_wrong_password_is_refused) {
  Heard vnc("vnc");
  vnc(server, v8), vnc(client, v8), vnc(server, "01 02"), vnc(client, "02"), vnc(server, sixteen), vnc(client, sixteen);
  EXPECT_TRUE(vnc(server, "00000001").head.refused);
}

TEST(Vnc, no_password_wanted_is_said) {
  Heard vnc("vnc");
  vnc(server, v8), vnc(client, v8);
  const Sentence s = vnc(server, "01 01");
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "none");
}

}  // namespace
}  // namespace vidra
