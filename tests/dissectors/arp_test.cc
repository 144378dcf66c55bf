// SPDX-License-Identifier: Apache-2.0
// RFC 826 (ARP), RFC 5227 (IPv4 address conflict detection), RFC 903 (reverse ARP).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

//                       | hardware | protocol | lengths | operation | sender MAC | sender | target MAC | target
const Enrol enrolled("arp", {
    {"who has", {{client, "0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A011E"}}, Carrier::ethertype},
    {"is at", {{client, "0001 0800 06 04 0002 0021C1301042 0A0A011E 0021C1301041 0A0A0114"}}, Carrier::ethertype},
    {"a probe", {{client, "0001 0800 06 04 0001 0021C1301041 00000000 000000000000 0A0A0114"}}, Carrier::ethertype},
    {"an announcement", {{client, "0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A0114"}}, Carrier::ethertype},
    {"a gratuitous reply", {{client, "0001 0800 06 04 0002 0021C1301041 0A0A0114 FFFFFFFFFFFF 0A0A0114"}}, Carrier::ethertype},
    {"a reverse request", {{client, "0001 0800 06 04 0003 0021C1301041 00000000 0021C1301041 00000000"}}, Carrier::ethertype},
    {"a reverse reply", {{client, "0001 0800 06 04 0004 0021C1301042 0A0A011E 0021C1301041 0A0A0114"}}, Carrier::ethertype},
    {"an address length of 5", {{client, "0001 0800 05 04 0001 0021C13010 0A0A0114 0000000000 0A0A011E 0000"}}, Carrier::ethertype, true},
});

TEST(Arp, who_claims_which_address_and_who_is_sought) {
  struct { const char* octets; uint16_t function, sub; Role role; const char* name; uint32_t claimed; uint64_t mac; uint32_t sought; } cases[] = {
      {"0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A011E", 1, 0, Role::request, "request", 0x0A0A0114, 0x0021C1301041, 0x0A0A011E},
      {"0001 0800 06 04 0002 0021C1301042 0A0A011E 0021C1301041 0A0A0114", 2, 0, Role::response, "reply", 0x0A0A011E, 0x0021C1301042, 0},
      {"0001 0800 06 04 0001 0021C1301041 00000000 000000000000 0A0A0114", 1, 1, Role::request, "probe", 0, 0, 0x0A0A0114},
      {"0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A0114", 1, 2, Role::report, "announcement", 0x0A0A0114, 0x0021C1301041, 0},
      {"0001 0800 06 04 0002 0021C1301041 0A0A0114 FFFFFFFFFFFF 0A0A0114", 2, 2, Role::report, "gratuitous reply", 0x0A0A0114, 0x0021C1301041, 0},
      {"0001 0800 06 04 0003 0021C1301041 00000000 0021C1301041 00000000", 3, 0, Role::request, "reverse request", 0, 0, 0},
      {"0001 0800 06 04 0004 0021C1301042 0A0A011E 0021C1301041 0A0A0114", 4, 0, Role::response, "reverse reply", 0x0A0A0114, 0x0021C1301041, 0},
  };
  Heard heard("arp");
  for (const auto& c : cases) {
    const Sentence s = heard(client, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.name;
    EXPECT_EQ(s.head.function, c.function) << c.name;
    EXPECT_EQ(s.head.sub_function, c.sub) << c.name;
    EXPECT_EQ(s.head.role, c.role) << c.name;
    EXPECT_EQ(function_name(protocol_named("arp"), s.head.function, s.head.sub_function), c.name);
    ASSERT_EQ(s.points.size(), size_t(c.claimed != 0) + (c.sought != 0)) << c.name;
    if (c.claimed) {
      EXPECT_EQ(s.points[0].object, Object(ObjectKind::address, c.claimed)) << c.name;
      EXPECT_EQ(s.points[0].kind, ValueKind::natural) << c.name;
      EXPECT_EQ(s.points[0].raw, c.mac) << c.name;
    }
    if (c.sought) {
      EXPECT_EQ(s.points.back().object, Object(ObjectKind::address, c.sought)) << c.name;
      EXPECT_EQ(s.points.back().kind, ValueKind::none) << c.name;
    }
  }
}

TEST(Arp, padding_is_no_flaw_and_a_short_frame_is) {
  Heard heard("arp");
  EXPECT_FALSE(heard(client, "0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A011E 000000000000000000000000000000000000").head.malformed);
  EXPECT_TRUE(heard(client, "0001 0800 06 04 0001 0021C1301041 0A0A0114 000000000000 0A0A01").head.malformed);
}

TEST(Arp, another_kind_of_network_is_named_only) {
  Heard heard("arp");
  const Sentence s = heard(client, "0018 0800 08 04 0001 0011223344556677 0A0A0114 0000000000000000 0A0A011E");   // FireWire
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.function, 1);
  EXPECT_TRUE(s.points.empty());
}

}  // namespace
}  // namespace vidra
