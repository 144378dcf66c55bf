// SPDX-License-Identifier: Apache-2.0
// IEEE 802.1AB-2016: TLVs of 7 bits type, 9 bits length. Chassis, port and TTL first, the end last.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

//                                  | chassis: MAC       | port: local     | TTL       | name: sw01    | capabilities      | end
constexpr std::string_view plain = "0207 04 008063a11009 | 0404 05 312f37 | 0602 0078 | 0a04 73773031 | 0e04 0004 0004 | 0000";
// Chassis and port as PROFINET names them, management address 10.1.1.20, port VLAN 33, PROFINET port status and chassis MAC, end.
constexpr std::string_view relay =
    "0208 07 72656c61792d37 | 0409 07 706f72742d303031 | 0602 0014 | 0c07 53495052454320 | 100c 05 01 0a010114 02 00000001 00 |"
    "fe06 0080c2 01 0021 | fe08 000ecf 02 0000 0000 | fe0a 000ecf 05 001b1b010203 | 0000";
// LLDP-MED: firmware, serial, manufacturer, model.
constexpr std::string_view phone =
    "0207 04 00070f010203 | 0407 03 00070f010203 | 0602 0e10 | fe07 0012bb 07 342e32 | fe08 0012bb 08 53313233 | fe08 0012bb 09 41636d65 | fe06 0012bb 0a 5831 | 0000";

const Enrol enrolled("lldp", {
    {"a switch", {{client, plain}}, Carrier::ethertype},
    {"a PROFINET device", {{client, relay}}, Carrier::ethertype},
    {"LLDP-MED", {{client, phone}}, Carrier::ethertype},
    {"a device leaves", {{client, plain}, {client, "0207 04 008063a11009 | 0404 05 312f37 | 0602 0000 | 0000"}}, Carrier::ethertype},
    {"no end", {{client, "0207 04 008063a11009 | 0404 05 312f37 | 0602 0078"}}, Carrier::ethertype, true},
    {"the port before the chassis", {{client, "0404 05 312f37 | 0207 04 008063a11009 | 0602 0078 | 0000"}}, Carrier::ethertype, true},
    {"a length beyond the frame", {{client, "0207 04 008063a11009 | 0404 05 312f37 | 0602 0078 | fff0 0012bb"}}, Carrier::ethertype, true},
});

std::string value(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return p.kind == ValueKind::text ? s.text(p.raw) : std::to_string(p.raw);
  return "nothing";
}

TEST(Lldp, who_where_and_for_how_long) {
  Heard heard("lldp");
  const Sentence s = heard(client, plain);
  EXPECT_EQ(s.head.role, Role::report);
  EXPECT_EQ(s.head.tag, 120u);
  EXPECT_EQ(value(s, "chassis"), "00:80:63:a1:10:09");
  EXPECT_EQ(value(s, "system name"), "sw01");
  EXPECT_EQ(value(s, "enabled"), "4");
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "sw01");
}

TEST(Lldp, a_profinet_device_is_named_by_its_chassis) {
  Heard heard("lldp");
  const Sentence s = heard(client, relay);
  EXPECT_EQ(value(s, "management address"), "10.1.1.20");
  EXPECT_EQ(value(s, "port VLAN"), "33");
  EXPECT_EQ(value(s, "PROFINET device"), "00:1b:1b:01:02:03");
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].name), "relay-7");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].product), "SIPREC");
}

TEST(Lldp, only_what_changes_is_another_identity) {
  Heard heard("lldp");
  EXPECT_EQ(heard(client, plain).head.sub_function, 0);
  EXPECT_EQ(heard(client, plain).head.sub_function, 0);
  EXPECT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard(client, "0207 04 008063a11009 | 0404 05 312f38 | 0602 0078 | 0a04 73773031 | 0000").head.sub_function, 1);   // another port
  EXPECT_EQ(heard(client, "0207 04 008063a11009 | 0404 05 312f38 | 0602 0000 | 0000").head.sub_function, 2);
  EXPECT_EQ(heard.identities.size(), 2u);
}

TEST(Lldp, delays_of_profinet_are_no_change) {
  Heard heard("lldp");
  for (const char* delay : {"00000001", "00000002"}) {
    const std::string frame = std::string("0207 04 008063a11009 | 0404 05 312f37 | 0602 0078 | fe08 000ecf 01 ") + delay + " | 0000";
    EXPECT_EQ(heard(client, frame).head.sub_function, 0);
  }
}

}  // namespace
}  // namespace vidra
