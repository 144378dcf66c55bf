// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-103 (ASDUs of protection equipment), IEC 60870-5-1 (FT1.2).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// 68 L L 68 | control, address | type, qualifier, cause, address, function type, information number … | check sum 16
const Enrol enrolled("iec103", {
    {"a relay comes up and identifies itself", {{client, "10 40 05 45 16"},
        {server, "10 20 05 25 16"},
        {client, "10 7a 05 7f 16"},
        {server, "68 15 15 68 | 08 05 | 05 81 05 05 a0 04 02 37554a3633202020 01020304 | ec 16"}}},
    {"a trip with its times", {{client, "10 5b 05 60 16"},
        {server, "68 12 12 68 | 28 05 | 02 81 01 05 a0 44 02 2300 0100 e8030a0c 00 | c1 16"},
        {client, "10 7a 05 7f 16"},
        {server, "10 09 05 0e 16"}}},
    {"general interrogation", {{client, "68 09 09 68 | 73 05 | 07 81 09 05 ff 00 07 | 14 16"},
        {server, "10 20 05 25 16"},
        {server, "68 0e 0e 68 | 08 05 | 01 81 09 05 a0 12 02 e8030a0c 07 | 59 16"},
        {server, "68 09 09 68 | 08 05 | 08 81 0a 05 ff 00 07 | ab 16"}}},
    {"reclosing is switched off", {{client, "68 0a 0a 68 | 53 05 | 14 81 14 05 a0 10 01 09 | c0 16"},
        {server, "10 20 05 25 16"},
        {server, "68 0e 0e 68 | 08 05 | 01 81 14 05 a0 10 01 e8030a0c 09 | 63 16"}}},
    {"measurands", {{server, "68 10 10 68 | 08 05 | 09 04 02 05 a0 94 0040 00c0 0100 0200 | 58 16"}}},
    {"the clock", {{client, "68 0f 0f 68 | 44 05 | 06 81 08 05 ff 00 e8030a0c160b18 | 16 16"},
        {server, "68 0f 0f 68 | 08 05 | 06 81 08 05 ff 00 e8030a0c160b18 | da 16"}}},
    {"disturbance data", {{server, "68 1c 1c 68 | 08 05 | 17 02 1f 05 a0 00 0100 02 e8030a0c160b18 0200 02 e8030a0c160b18 | 65 16"},
        {client, "68 0d 0d 68 | 53 05 | 18 81 1f 05 a0 00 01 01 0100 00 | b8 16"},
        {server, "68 17 17 68 | 08 05 | 1a 81 1f 05 a0 00 00 01 0100 0a00 04 e803 e803 e8030a0c | 53 16"},
        {server, "68 19 19 68 | 08 05 | 1b 81 1f 05 a0 00 00 01 0100 01 00000000 00000000 00000000 | 70 16"},
        {server, "68 0c 0c 68 | 08 05 | 1c 81 1f 05 a0 00 00 00 0100 | 6f 16"},
        {server, "68 13 13 68 | 08 05 | 1d 02 1f 05 a0 00 0100 02 0000 a04402 a05402 | cf 16"},
        {server, "68 14 14 68 | 08 05 | 1e 81 1f 05 a0 00 00 01 0100 01 02 0000 0100 0200 | 78 16"},
        {server, "68 0d 0d 68 | 08 05 | 1f 81 1f 05 a0 00 20 01 0100 00 | 93 16"},
        {client, "68 0d 0d 68 | 73 05 | 19 81 1f 05 a0 00 40 01 0100 00 | 18 16"}}},
    {"a short circuit's place, generic services", {{server, "68 14 14 68 | 08 05 | 04 81 01 05 80 49 00004842 2300 0100 e8030a0c | 10 16"},
        {client, "68 0d 0d 68 | 73 05 | 15 81 2a 05 fe f1 01 01 0001 01 | 30 16"},
        {server, "68 11 11 68 | 08 05 | 0a 81 2a 05 fe f1 01 01 0001 01 030401 01 | c3 16"},
        {server, "68 0e 0e 68 | 08 05 | 0b 81 2a 05 fe f0 01 0001 01 0a00 | c3 16"},
        {client, "68 11 11 68 | 73 05 | 0a 81 28 05 fe f9 02 01 0001 01 030401 02 | 36 16"}}},
    {"a check sum that is wrong", {{client, "68 0a 0a 68 | 53 05 | 14 81 14 05 a0 10 01 09 | 00 16"}}, Carrier::tcp, true},
});

TEST(Iec103, a_general_command_names_function_number_and_state) {
  Heard iec103("iec103");
  const Sentence s = iec103(client, "68 0a 0a 68 | 53 05 | 14 81 14 05 a0 10 01 09 | c0 16");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.function, 0x214);
  EXPECT_EQ(s.head.act, Act::configure) << "a protection function is switched";
  EXPECT_EQ(s.head.station, 5u);
  EXPECT_EQ(s.head.tag, 9u);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::item, 16, 160));
  EXPECT_EQ(s.points[0].raw, 1u);
  EXPECT_EQ(s.text(s.points[0].object.key()), "overcurrent protection 160/16 auto-recloser");
  const Sentence done = iec103(server, "68 0e 0e 68 | 08 05 | 01 81 15 05 a0 10 01 e8030a0c 09 | 64 16");
  EXPECT_TRUE(done.head.refused);
  EXPECT_EQ(done.head.tag, 9u);
  EXPECT_EQ(protocol_named("iec103").reason(done.head.reason), "general command, negative acknowledgement");
}

TEST(Iec103, a_trip_has_its_fault_and_time) {
  Heard iec103("iec103");
  const Sentence s = iec103(server, "68 12 12 68 | 28 05 | 02 81 01 05 a0 44 02 2300 0100 e8030a0c 00 | c1 16");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::report);
  EXPECT_EQ(s.head.role, Role::report);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].raw, 2u) << "on";
  EXPECT_EQ(s.points[0].duration, 35u) << "ms since the fault began";
  EXPECT_EQ(s.points[0].qualifier, 1u) << "the fault's number";
  EXPECT_EQ(s.points[0].time, 10 * minute + 1 * second);
}

TEST(Iec103, a_relay_identifies_itself) {
  Heard iec103("iec103");
  iec103(server, "68 15 15 68 | 08 05 | 05 81 05 05 a0 04 02 37554a3633202020 01020304 | ec 16");
  ASSERT_EQ(iec103.identities.size(), 1u);
  EXPECT_EQ(iec103.identity_texts().at(iec103.identities[0].product), "7UJ63");
  EXPECT_EQ(iec103.identities[0].station, 5u);
}

TEST(Iec103, measurands_are_fractions_of_their_range) {
  Heard iec103("iec103");
  const Sentence s = iec103(server, "68 10 10 68 | 08 05 | 09 04 02 05 a0 94 0040 00c0 0100 0200 | 58 16");
  ASSERT_EQ(s.points.size(), 4u);
  EXPECT_DOUBLE_EQ(s.points[0].number(), 0.5);
  EXPECT_DOUBLE_EQ(s.points[1].number(), -0.5);
  EXPECT_EQ(s.points[2].quality, uint32_t(overflow));
  EXPECT_EQ(s.points[3].quality, uint32_t(invalid));
}

}  // namespace
}  // namespace vidra
