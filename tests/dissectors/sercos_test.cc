// SPDX-License-Identifier: Apache-2.0
// IEC 61158-4-19: type octet, phase octet, CRC.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client;
#define TELEGRAM(type, phase) type phase " 97f0e343 | 00000000000000000000000000000000000000000000000000000000000000000000000000000000"

const Enrol enrolled("sercos", {
    {"telegrams of phase 4", {{client, TELEGRAM("20", "04")}, {client, TELEGRAM("60", "04")}}, Carrier::ethertype, false, true},
    {"the phase changes", {{client, TELEGRAM("20", "03")}, {client, TELEGRAM("20", "84")}}, Carrier::ethertype, false, true},
    {"a phase that there is not", {{client, TELEGRAM("00", "0f")}}, Carrier::ethertype, true},
});

TEST(Sercos, kinds_and_phases) {
  Heard heard("sercos");
  const Sentence m = heard(client, TELEGRAM("20", "13"));
  EXPECT_EQ(m.head.function, 0);
  EXPECT_EQ(m.head.sequence, 3u);
  heard(client, TELEGRAM("20", "23"));                      // the cycle count goes on
  EXPECT_TRUE(heard.all.empty());
  EXPECT_EQ(heard(client, TELEGRAM("e1", "23")).head.function, 1);
  EXPECT_EQ(heard.all.back().head.sub_function, 17);        // AT1 on the secondary channel
  const Sentence c = heard(client, TELEGRAM("20", "34"));
  EXPECT_EQ(function_name(protocol_named("sercos"), c.head.function, c.head.sub_function), "changed phase");
  EXPECT_EQ(c.points[0].raw, 4u);
}

}  // namespace
}  // namespace vidra
