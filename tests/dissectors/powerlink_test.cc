// SPDX-License-Identifier: Apache-2.0
// EPSG DS 301 4.6: message type, destination and source node, then what the type lays down.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
constexpr std::string_view soc = "01 ff f0 | 00 00 00 | 0000000000000000 0000000000000000 | 0000000000000000000000000000";
constexpr std::string_view preq = "03 11 f0 | 00 01 00 00 00 0400 | 01020304 | 00000000000000000000000000000000000000000000";
constexpr std::string_view pres = "04 ff 11 | fd 00 00 00 00 0400 | 01020304 | 00000000000000000000000000000000000000000000";
constexpr std::string_view stopped = "04 ff 11 | 4d 00 00 00 00 0400 | 01020304 | 00000000000000000000000000000000000000000000";
constexpr std::string_view soa = "05 ff f0 | fd 00 00 00 00 20 | 000000000000000000000000000000000000000000000000000000";
constexpr std::string_view identity =
    "06 ff 11 01 | 0800 1d 00 20 00 c7000000 dc05 0001 0001 d0070000 0000 91010701 6c000001 07000000 02000100 39300000 | 0000000000000000 00000000 00000000 00000000 00000000 |"
    "1164a8c0 00ffffff fe64a8c0 494f2d3137000000000000000000000000000000000000000000000000000000";

const Enrol enrolled("powerlink", {
    {"a cycle", {{client, soc}, {client, preq}, {client, pres}, {client, soa}}, Carrier::ethertype, false, true},
    {"a node stops", {{client, pres}, {client, stopped}}, Carrier::ethertype, false, true},
    {"a node tells who it is", {{client, identity}}, Carrier::ethertype},
    {"a node is reset", {{client, "06 11 f0 04 | 28 00"}}, Carrier::ethertype, false, true},
    //                           ASnd SDO | sequence | command: write by index | size | 1006/00 = 2000
    {"an object is written", {{client, "06 11 f0 05 | 06 06 0000 | 00 01 00 01 0800 0000 | 0610 00 00 d0070000"}}, Carrier::ethertype, false, true},
    {"an object is refused", {{client, "06 f0 11 05 | 06 06 0000 | 00 01 c0 01 0400 0000 | 02000206"}}, Carrier::ethertype, false, true},
    {"a type that there is not", {{client, "0f ff f0 00"}}, Carrier::ethertype, true},
    {"more data than octets", {{client, "03 11 f0 | 00 01 00 00 00 ff00 | 01020304"}}, Carrier::ethertype, true},
});

std::string name(const Sentence& s) { return std::string(function_name(protocol_named("powerlink"), s.head.function, s.head.sub_function)); }

TEST(Powerlink, a_node_is_said_once_and_when_its_state_changes) {
  Heard heard("powerlink");
  EXPECT_EQ(name(heard(client, pres)), "PRes");
  EXPECT_EQ(heard.all.back().head.station, 17u);
  heard(client, pres);
  EXPECT_TRUE(heard.all.empty());
  const Sentence s = heard(client, stopped);
  EXPECT_EQ(name(s), "changed NMT state");
  EXPECT_EQ(s.text(s.points[0].raw), "operational");
  EXPECT_EQ(s.text(s.points[1].raw), "stopped");
}

TEST(Powerlink, commands_objects_identities) {
  Heard heard("powerlink");
  const Sentence reset = heard(client, "06 11 f0 04 | 28 00");
  EXPECT_EQ(name(reset), "NMT reset node");
  EXPECT_EQ(reset.head.act, Act::run);
  EXPECT_EQ(reset.head.station, 17u);
  const Sentence write = heard(client, "06 11 f0 05 | 06 06 0000 | 00 01 00 01 0800 0000 | 0610 00 00 d0070000");
  EXPECT_EQ(name(write), "SDO write");
  EXPECT_EQ(write.head.act, Act::write);
  EXPECT_EQ(write.points[0].object, Object(ObjectKind::parameter, 0x100600, 17));
  EXPECT_EQ(write.points[0].raw, 2000u);
  EXPECT_TRUE(heard(client, "06 f0 11 05 | 06 06 0000 | 00 01 c0 01 0400 0000 | 02000206").head.refused);
  heard(client, identity);
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].vendor), "vendor 0x0100006c");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].serial), "12345");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "IO-17");
}

}  // namespace
}  // namespace vidra
