// SPDX-License-Identifier: Apache-2.0
// RFC 3768 5.1: version and type, virtual router, priority, count, authentication, interval, checksum, addresses, authentication data.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
constexpr std::string_view active = "21 05 64 01 00 01 6fed | 0a0a0101 | 0000000000000000";

const Enrol enrolled("vrrp", {
    {"the active router", {{client, active}}, Carrier::ip},
    {"it resigns", {{client, active}, {client, "21 05 00 01 00 01 d3ed | 0a0a0101 | 0000000000000000"}}, Carrier::ip},
    {"version 3", {{client, "31 05 64 02 00 64 1234 | 0a0a0101 0a0a0102"}}, Carrier::ip},
    {"CARP", {{client, "21 0a 00 07 00 01 1234 | 0000000000000001 | 000102030405060708090a0b0c0d0e0f10111213"}}, Carrier::ip},
    {"a wrong checksum", {{client, "21 05 64 01 00 01 6fee | 0a0a0101 | 0000000000000000"}}, Carrier::ip, true},
});

std::string name(const Sentence& s) { return std::string(function_name(protocol_named("vrrp"), s.head.function, s.head.sub_function)); }

TEST(Vrrp, who_answers_for_which_address) {
  Heard heard("vrrp");
  const Sentence s = heard(client, active);
  EXPECT_EQ(name(s), "advertisement");
  EXPECT_EQ(s.head.station, 5u);
  EXPECT_EQ(s.head.qualifier, 100u);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::address, 0x0a0a0101));
  EXPECT_EQ(name(heard(client, active)), "advertisement");
  EXPECT_EQ(name(heard(client, "21 05 c8 01 00 01 0bed | 0a0a0101 | 0000000000000000")), "advertisement, changed");
  EXPECT_EQ(name(heard(client, "21 05 00 01 00 01 d3ed | 0a0a0101 | 0000000000000000")), "advertisement, resigns");
}

TEST(Vrrp, a_password_is_only_said_to_be_one) {
  Heard heard("vrrp");
  const Sentence s = heard(client, "21 05 64 01 01 01 32a1 | 0a0a0101 | 7365637265740000");   // "secret"
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.text(s.points.back().raw), "password");
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace vidra
