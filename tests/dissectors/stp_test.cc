// SPDX-License-Identifier: Apache-2.0
// IEEE 802.1D-2004 9.3: LLC 42 42 03, protocol 0, version, type, flags, root, cost, bridge, port, four times in 1/256 s.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
constexpr std::string_view config = "424203 0000 00 00 | 00 | 8000 0080a1100900 | 00000004 | 8001 0021c1301041 | 8003 | 0100 1400 0200 0f00";
constexpr std::string_view rapid = "424203 0000 02 02 | 3c | 8000 0080a1100900 | 00004e20 | 8000 0021c1301041 | 8003 | 0100 1400 0200 0f00 | 00";
constexpr std::string_view per_vlan = "aaaa03 00000c 010b 0000 02 02 | 3d | 8005 0080a1100900 | 00000000 | 8005 0080a1100900 | 8003 | 0000 1400 0200 0f00 | 00 | 0000 0002 0005";
// Region "bay1", revision 2, digest, internal cost 20000, internal bridge, hops; one further tree (1).
constexpr std::string_view multiple =
    "424203 0000 03 02 | 7c | 8000 0080a1100900 | 00000000 | 8000 0080a1100900 | 8003 | 0000 1400 0200 0f00 | 00 | 0050 |"
    "00 6261793100000000000000000000000000000000000000000000000000000000 0002 000102030405060708090a0b0c0d0e0f | 00004e20 | 8000 0021c1301041 | 14 |"
    "7c 8001 0021c1301041 00000000 80 80 14";

const Enrol enrolled("stp", {
    {"a configuration", {{client, config}}, Carrier::llc},
    {"rapid", {{client, rapid}}, Carrier::llc},
    {"of a VLAN (PVST+)", {{client, per_vlan}}, Carrier::llc},
    {"multiple spanning trees", {{client, multiple}}, Carrier::llc},
    {"the topology changes", {{client, "424203 0000 00 80"}}, Carrier::llc},
    {"a type that there is not", {{client, "424203 0000 00 03 | 00 | 8000 0080a1100900 | 00000004 | 8001 0021c1301041 | 8003 | 0100 1400 0200 0f00"}}, Carrier::llc, true},
});

std::string field(const Sentence& s, std::string_view name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return p.kind == ValueKind::text ? s.text(p.raw) : std::to_string(p.number());
  return "nothing";
}

TEST(Stp, root_bridge_and_port) {
  Heard heard("stp");
  const Sentence s = heard(client, config);
  EXPECT_EQ(s.head.function, 0);
  EXPECT_EQ(s.head.tag, 4u);
  EXPECT_EQ(field(s, "root"), "32768.0.00:80:a1:10:09:00");
  EXPECT_EQ(field(s, "bridge"), "32768.1.00:21:c1:30:10:41");
  EXPECT_EQ(field(s, "hello"), std::to_string(2.0));
  EXPECT_EQ(heard(client, "424203 0000 00 80").head.function, 128);
}

TEST(Stp, another_root_is_a_change) {
  Heard heard("stp");
  EXPECT_EQ(heard(client, rapid).head.sub_function, 2);
  EXPECT_EQ(heard(client, rapid).head.sub_function, 2);
  const Sentence s = heard(client, "424203 0000 02 02 | 3d | 0000 b827eb5d10c7 | 00000000 | 0000 b827eb5d10c7 | 8001 | 0000 1400 0200 0f00 | 00");
  EXPECT_EQ(function_name(protocol_named("stp"), s.head.function, s.head.sub_function), "rapid configuration, changed");
  EXPECT_EQ(field(s, "root"), "0.0.b8:27:eb:5d:10:c7");
  EXPECT_EQ(field(s, "topology change"), std::to_string(1.0));
}

TEST(Stp, each_vlan_has_a_tree_of_its_own) {
  Heard heard("stp");
  EXPECT_EQ(heard(client, per_vlan).head.station, 5u);
  std::string other(per_vlan);
  for (size_t at; (at = other.find("8005")) != std::string::npos;) other.replace(at, 4, "8006");
  other.replace(other.size() - 4, 4, "0006");
  EXPECT_EQ(heard(client, other).head.sub_function, 2);
  EXPECT_EQ(heard(client, per_vlan).head.sub_function, 2);
}

TEST(Stp, a_region_and_its_trees) {
  Heard heard("stp");
  const Sentence s = heard(client, multiple);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.sub_function, 3);
  EXPECT_EQ(field(s, "region"), "bay1");
  EXPECT_EQ(field(s, "regional root of tree 1"), "32768.1.00:21:c1:30:10:41");
}

}  // namespace
}  // namespace vidra
