// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-101 (ASDUs), IEC 60870-5-1 (FT1.2), IEC 60870-5-2 (link procedures).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// variable: 68 L L 68 | control, address | type, qualifier, cause, common address, object … | check sum 16; fixed: 10 control address check sum 16
const Enrol enrolled("iec101", {
    {"a link comes up and is polled", {{client, "10 49 01 4a 16"},
        {server, "10 0b 01 0c 16"},
        {client, "10 40 01 41 16"},
        {server, "e5"},
        {client, "10 5b 01 5c 16"},
        {server, "68 0c 0c 68 | 08 01 | 01 02 03 01 0100 01 0200 00 | 14 16"},
        {client, "10 7a 01 7b 16"},
        {server, "10 09 01 0a 16"}}},
    {"a breaker is closed", {{client, "68 09 09 68 | 73 01 | 2e 01 06 01 1001 82 | 3d 16"},
        {server, "10 20 01 21 16"},
        {client, "10 5a 01 5b 16"},
        {server, "68 09 09 68 | 28 01 | 2e 01 07 01 1001 82 | f3 16"},
        {client, "68 09 09 68 | 53 01 | 2e 01 06 01 1001 02 | 9d 16"},
        {server, "e5"}}},
    {"measured values with quality", {{server, "68 15 15 68 | 08 01 | 0b 03 14 01 0002 1027 00 0102 f0d8 10 0202 0000 80 | c4 16"},
        {server, "68 11 11 68 | 08 01 | 09 83 01 01 0003 0040 00 00c0 00 0000 00 | 9a 16"}}},
    {"a station with the field sizes of 104", {{client, "68 0d 0d 68 | 73 0100 | 64 01 06 00 0500 000000 14 | f8 16"},
        {server, "10 20 0100 21 16"},
        {server, "68 14 14 68 | 08 0100 | 1e 01 03 00 0500 010000 01 e8030a0c160b18 | 6c 16"},
        {server, "68 18 18 68 | 08 0100 | 24 01 03 00 0500 014000 00004842 00 e8030a0c160b18 | 3b 16"}}},
    {"a clock is set, a process is reset", {{client, "68 0f 0f 68 | 73 01 | 67 01 06 01 0000 e8030a0c160b18 | 1d 16"},
        {client, "68 09 09 68 | 53 01 | 69 01 06 01 0000 01 | c6 16"}}},
    {"a file's directory", {{server, "68 15 15 68 | 08 01 | 7e 01 05 01 0100 0200 000100 00 e8030a0c160b18 | cc 16"}}},
    {"a check sum that is wrong", {{client, "68 09 09 68 | 53 01 | 2d 01 06 01 1001 01 | 00 16"}}, Carrier::tcp, true},
});

TEST(Iec101, a_command_names_station_object_and_value) {
  Heard iec101("iec101");
  const Sentence s = iec101(client, "68 09 09 68 | 73 01 | 2e 01 06 01 1001 82 | 3d 16");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.function, 46);
  EXPECT_EQ(s.head.act, Act::select);
  EXPECT_EQ(s.head.station, 1u);
  EXPECT_EQ(s.head.role, Role::request);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::information_object, 0x110));
  EXPECT_EQ(s.points[0].kind, ValueKind::double_point);
  EXPECT_EQ(s.points[0].raw, 2u);
}

TEST(Iec101, field_sizes_are_inferred_and_kept) {
  Heard iec101("iec101");
  // Link and common address, cause and object of 2, 2, 2 and 3 octets: only so do the lengths agree.
  const Sentence s = iec101(server, "68 18 18 68 | 08 0100 | 24 01 03 00 0500 014000 00004842 00 e8030a0c160b18 | 3b 16");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.station, 5u);
  EXPECT_EQ(s.head.sequence & 0xffff, 1u) << "the link address";
  EXPECT_EQ(shown(s), "information object 16385=50");
  // What alone would be read with smaller fields is read with those.
  EXPECT_EQ(shown(iec101(server, "68 14 14 68 | 08 0100 | 1e 01 03 00 0500 010000 01 e8030a0c160b18 | 6c 16")), "information object 1=on");
}

TEST(Iec101, the_link_speaks_of_itself) {
  struct { const char* octets; Side from; uint16_t function; Role role; } cases[] = {
      {"10 49 01 4a 16", client, 0x109, Role::request}, {"10 40 01 41 16", client, 0x100, Role::request}, {"e5", server, 0x120, Role::response},
      {"10 0b 01 0c 16", server, 0x11b, Role::response}, {"10 40 0100 41 16", client, 0x100, Role::request}};
  for (const auto& c : cases) {
    Heard iec101("iec101");
    const Sentence s = iec101(c.from, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.octets;
    EXPECT_TRUE(s.head.link) << c.octets;
    EXPECT_EQ(s.head.function, c.function) << c.octets;
    EXPECT_EQ(s.head.role, c.role) << c.octets;
  }
}

TEST(Iec101, a_frame_is_found_again_behind_foreign_octets) {
  Heard iec101("iec101");
  Feed feed(iec101.parser(), iec101.say);
  feed.offer(client, hex("10 5a 01 5b 16 ff 68 00 10 5b 01 5c 16"));
  EXPECT_EQ(feed.records, 2u);
  EXPECT_EQ(feed.losses, 1u);
}

TEST(Iec101, m_bus_and_103_are_others) {
  const auto recognises = protocol_named("iec101").recognises;
  const auto m_bus = hex("68 0f 0f 68 | 08 01 72 | 78563412 2d2c 01 04 0a 00 0000 | ca 16"), frame_103 = hex("68 0e 0e 68 | 08 05 | 01 81 01 05 a0 44 02 e8030a0c 00 | 7c 16");
  EXPECT_NE(recognises({}, m_bus, Carrier::tcp).sure, Recognised::yes);
  EXPECT_NE(recognises({}, frame_103, Carrier::tcp).sure, Recognised::yes);
}

}  // namespace
}  // namespace vidra
