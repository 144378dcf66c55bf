// SPDX-License-Identifier: Apache-2.0
// Moxa on UDP 4800: function, status, length, transaction | product line, model, hardware address | data.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("moxa", {
    {"devices are searched for", {{client, "01 00 0008 00000000"}, {server, "81 00 0018 00000000 | 00555555 1A51 0090E8AABBCC | C0A87FFE"}}, Carrier::udp},
    {"a name is asked for",
     {{client, "10 00 0014 00000001 | 00555555 1A51 0090E8AABBCC"},
      {server, "90 00 003C 00000001 | 00555555 1A51 0090E8AABBCC | 4E503531313041 00 0000000000000000000000000000000000000000000000000000000000000000"}}, Carrier::udp},
    {"the SNMP configuration is read", {{client, "28 00 0014 00000002 | 00555555 1A51 0090E8AABBCC"},
                                        {server, "A8 00 0040 00000002 | 00555555 1A51 0090E8AABBCC | 00000000 7075626C6963 0000 0000000000000000000000000000000000000000000000000000000000000000"}}, Carrier::udp},
    {"a request is not known", {{client, "10 00 0014 00000003 | 00555555 1A51 0090E8AABBCC"}, {server, "90 04 0014 00000003 | 00555555 1A51 0090E8AABBCC"}}, Carrier::udp},
});

TEST(Moxa, a_device_answers_a_search) {
  Heard said("moxa");
  const Sentence s = said(server, "81 00 0018 00000000 | 00555555 1A51 0090E8AABBCC | C0A87FFE");
  EXPECT_EQ(s.head.act, Act::identify);
  EXPECT_EQ(shown(s), "device=00:90:e8:aa:bb:cc IP address=192.168.127.254 model=511A");
  ASSERT_EQ(said.identities.size(), 1u);
  EXPECT_EQ(said.identity_texts().at(said.identities[0].model), "511A");
}

TEST(Moxa, a_community_is_none_the_vendors_or_another) {
  Heard said("moxa");
  EXPECT_EQ(shown(said(server, "A8 00 0040 00000002 | 00555555 1A51 0090E8AABBCC | 00000000 7075626C6963 0000 0000000000000000000000000000000000000000000000000000000000000000")),
            "device=00:90:e8:aa:bb:cc community=vendor default");
}

}  // namespace
}  // namespace vidra
