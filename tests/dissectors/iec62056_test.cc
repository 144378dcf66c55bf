// SPDX-License-Identifier: Apache-2.0
// IEC 62056-21: sign-on, data readout, programming mode.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("iec62056", {
    {"a meter is read out", {{client, "2f3f3132333435363738210d0a"},
        {server, "2f4c475a355a4d44333130312e4232310d0a"},
        {client, "063035300d0a"},
        {server, "02462e46283030290d0a302e302e30283132333435363738290d0a312e382e30283030303132332e34352a6b5768290d0a210d0a035d"}}, Carrier::tcp, false, /*open_ended=*/true},
    {"programming mode with a password", {{client, "2f3f210d0a"},
        {server, "2f49534b354d543137342d303030310d0a"},
        {client, "063035310d0a"},
        {server, "01503002283132333435363738290368"},
        {client, "015031022868756e7465723232290371"},
        {server, "06"},
        {client, "01523102312e382e302829035a"},
        {server, "02283030303132332e34352a6b5768290353"},
        {client, "01573102302e392e3128313233343536290359"},
        {server, "06"},
        {client, "01573102432e312e30286e65777061737331290378"},
        {server, "15"},
        {client, "0145320239362e332e3130283029037a"},
        {server, "06"},
        {client, "0142300371"}}, Carrier::tcp, false, /*open_ended=*/true},
    {"octets that still have their parity", {{client, "af3f218d0a"}}},
    {"a check character that is wrong", {{client, "01523102312e382e3028290300"}}, Carrier::tcp, true},
});

TEST(Iec62056, a_readout_is_values_by_their_codes) {
  Heard meter("iec62056");
  const Sentence s = meter(server, "02462e46283030290d0a302e302e30283132333435363738290d0a312e382e30283030303132332e34352a6b5768290d0a210d0a035d");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::read);
  EXPECT_EQ(shown(s), "F.F=0 0.0.0=1.234568e+07 1.8.0=123.45");
}

TEST(Iec62056, a_meter_identifies_itself) {
  Heard meter("iec62056");
  meter(server, "2f4c475a355a4d44333130312e4232310d0a");
  ASSERT_EQ(meter.identities.size(), 1u);
  EXPECT_EQ(meter.identity_texts().at(meter.identities[0].vendor), "LGZ");
  EXPECT_EQ(meter.identity_texts().at(meter.identities[0].model), "ZMD3101.B21");
}

TEST(Iec62056, passwords_stay_out) {
  Heard meter("iec62056");
  const Sentence given = meter(client, "015031022868756e7465723232290371");   // P1 (hunter22)
  EXPECT_EQ(shown(given), "password=other");
  const Sentence changed = meter(client, "01573102432e312e30286e65777061737331290378");   // W1 C.1.0(newpass1)
  EXPECT_EQ(changed.head.act, Act::write);
  EXPECT_EQ(shown(changed), "C.1.0=8 octets");
  for (const auto* s : {&given, &changed})
    for (const auto& [key, text] : s->texts) EXPECT_TRUE(text.find("hunter") == std::string::npos && text.find("newpass") == std::string::npos);
}

TEST(Iec62056, to_execute_is_to_operate) {
  Heard meter("iec62056");
  const Sentence s = meter(client, "0145320239362e332e3130283029037a");
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(shown(s), "96.3.10=0");
}

}  // namespace
}  // namespace vidra
