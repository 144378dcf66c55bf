// SPDX-License-Identifier: Apache-2.0
// RFC 2236 2, RFC 3376 4: type, code, checksum, group; version 3: group records.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

const Enrol enrolled("igmp", {
    {"who is a member of anything", {{client, "11 64 ee9b 00000000"}}, Carrier::ip},
    {"who is a member of this group", {{client, "11 0a 54f4 efffaa01"}}, Carrier::ip},
    {"version 3 asks", {{client, "11 64 ec1e 00000000 | 02 7d 0000"}}, Carrier::ip},
    {"version 3 asks about sources", {{client, "11 64 f818 e8010101 | 02 7d 0001 0a010101"}}, Carrier::ip},
    {"version 1 joins", {{client, "12 00 53fe efffaa01"}}, Carrier::ip},
    {"version 2 joins", {{client, "16 00 4ffe efffaa01"}}, Carrier::ip},
    {"version 2 leaves", {{client, "17 00 4efe efffaa01"}}, Carrier::ip},
    {"version 3 joins", {{client, "22 00 3ffd 0000 0001 | 04 00 0000 efffaa01"}}, Carrier::ip},
    {"version 3 leaves", {{client, "22 00 40fd 0000 0001 | 03 00 0000 efffaa01"}}, Carrier::ip},
    {"two records of version 3", {{client, "22 00 4af6 0000 0002 | 04 00 0000 efffaa01 | 01 00 0001 e8010101 0a010101"}}, Carrier::ip},
    {"a wrong checksum", {{client, "16 00 4fff efffaa01"}}, Carrier::ip, true},
    {"more records than octets", {{client, "22 00 ddfe 0000 ffff"}}, Carrier::ip, true},
});

TEST(Igmp, who_joins_leaves_and_asks) {
  struct { const char* octets; const char* name; Role role; uint32_t group; } cases[] = {
      {"11 64 ee9b 00000000", "general query", Role::request, 0},
      {"11 0a 54f4 efffaa01", "group query", Role::request, 0xefffaa01},
      {"12 00 53fe efffaa01", "join (version 1)", Role::report, 0xefffaa01},
      {"16 00 4ffe efffaa01", "join", Role::report, 0xefffaa01},
      {"17 00 4efe efffaa01", "leave", Role::report, 0xefffaa01},
      {"22 00 3ffd 0000 0001 | 04 00 0000 efffaa01", "join", Role::report, 0xefffaa01},
      {"22 00 40fd 0000 0001 | 03 00 0000 efffaa01", "leave", Role::report, 0xefffaa01},
  };
  Heard heard("igmp");
  for (const auto& c : cases) {
    const Sentence s = heard(client, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.octets;
    EXPECT_EQ(s.head.role, c.role) << c.octets;
    EXPECT_EQ(function_name(protocol_named("igmp"), s.head.function, s.head.sub_function), c.name) << c.octets;
    ASSERT_EQ(s.points.size(), 1u);
    EXPECT_EQ(s.points[0].object, Object(ObjectKind::address, c.group));
  }
}

TEST(Igmp, records_of_several_kinds) {
  Heard heard("igmp");
  const Sentence s = heard(client, "22 00 4af6 0000 0002 | 04 00 0000 efffaa01 | 01 00 0001 e8010101 0a010101");
  EXPECT_EQ(function_name(protocol_named("igmp"), s.head.function, s.head.sub_function), "membership");
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_EQ(s.points[0].qualifier, 4u);
  EXPECT_EQ(s.text(s.points[1].raw), "sources: 1");
}

}  // namespace
}  // namespace vidra
