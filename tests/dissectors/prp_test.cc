// SPDX-License-Identifier: Apache-2.0
// IEC 62439-3: path and version, sequence, TLV of the node, TLV of the RedBox, end; padding.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

const Enrol enrolled("prp", {
    {"a PRP node", {{client, "0001 0123 | 14 06 0021c1301041 | 00 00"}}, Carrier::ethertype},
    {"a node behind a RedBox", {{client, "0001 0124 | 14 06 0021c1301041 | 1e 06 0080a1100900 | 00 00"}}, Carrier::ethertype},
    {"an HSR node", {{client, "0001 0125 | 17 06 0021c1301042 | 00 00"}}, Carrier::ethertype},
    {"the edition of 2008", {{client, "0000 0126 | 14 0c 0021c1301041 0021c1301041"}}, Carrier::ethertype},
    {"a node without a MAC", {{client, "0001 0123 | 14 00 | 00 00 0000000000"}}, Carrier::ethertype, true},
});

TEST(Prp, which_node_and_how) {
  struct { const char* octets; const char* name; const char* node; const char* box; } cases[] = {
      {"0001 0123 | 14 06 0021c1301041 | 00 00 | 000000000000", "PRP node", "00:21:c1:30:10:41", ""},
      {"0001 0124 | 14 06 0021c1301041 | 1e 06 0080a1100900 | 00 00", "PRP node behind a RedBox", "00:21:c1:30:10:41", "00:80:a1:10:09:00"},
      {"0001 0125 | 15 06 0021c1301041 | 00 00", "PRP node that accepts duplicates", "00:21:c1:30:10:41", ""},
      {"0001 0126 | 17 06 0021c1301042 | 00 00", "HSR node", "00:21:c1:30:10:42", ""},
      {"0000 0127 | 14 0c 0021c1301041 0021c1301041", "PRP node", "00:21:c1:30:10:41", ""},
  };
  Heard heard("prp");
  uint32_t sequence = 0x123;
  for (const auto& c : cases) {
    const Sentence s = heard(client, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.name;
    EXPECT_EQ(s.head.sequence, sequence++) << c.name;
    EXPECT_EQ(function_name(protocol_named("prp"), s.head.function, s.head.sub_function), c.name);
    ASSERT_EQ(s.points.size(), *c.box ? 2u : 1u) << c.name;
    EXPECT_EQ(s.text(s.points[0].object.key()), c.node);
    if (*c.box) { EXPECT_EQ(s.text(s.points[1].object.key()), c.box); }
  }
}

}  // namespace
}  // namespace vidra
