// SPDX-License-Identifier: Apache-2.0
// UDP 50000 of SIPROTEC's EN100.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;

const Enrol enrolled("digsi", {
    {"a datagram after which an EN100 hears nothing", {{client, "1149 0000000000000000000000000000 289E"}}, Carrier::udp, false, true},
    {"some other message", {{client, "1149 00010203"}}, Carrier::udp, false, true},
});

TEST(Digsi, the_datagram_that_stops_a_module_is_named) {
  Heard said("digsi");
  const Sentence s = said(client, "1149 0000000000000000000000000000 289E");
  EXPECT_EQ(s.head.act, Act::run);
  EXPECT_EQ(function_name(protocol_named("digsi"), s.head.function, s.head.sub_function), "EN100 denial of service (CVE-2015-5374)");
  EXPECT_EQ(said(client, "1149 0000000000000000000000000000 289F").head.act, Act::other);
}

}  // namespace
}  // namespace vidra
