// SPDX-License-Identifier: Apache-2.0
// ANSI/ASHRAE 135-2020: annex J (BVLL), clause 6 (NPDU), clause 20 (APDU, encoding), clauses 13-17 (services).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// BVLL: type, function, length | NPDU: version, control … | APDU | service
const Enrol enrolled("bacnet", {
    {"a device is looked for and answers", {{client, "81 0b 0010 | 01 20 ffff 00 ff | 10 08 | 09 05 19 0a"},
        {server, "81 0a 0015 | 01 00 | 10 00 | c4 02000007 22 05c4 91 03 22 0104"}}, Carrier::udp},
    {"a property is read", {{client, "81 0a 0011 | 01 04 | 00 05 07 0c | 0c 00800001 19 55"},
        {server, "81 0a 0017 | 01 00 | 30 07 0c | 0c 00800001 19 55 3e 44 42c60000 3f"}}, Carrier::udp},
    {"the model's name is read", {{client, "81 0a 0011 | 01 04 | 00 05 08 0c | 0c 02000007 19 46"},
        {server, "81 0a 001a | 01 00 | 30 08 0c | 0c 02000007 19 46 3e 75 06 00 414c432d33 3f"}}, Carrier::udp},
    {"a breaker is switched at priority 8", {{client, "81 0a 0017 | 01 04 | 00 05 09 0f | 0c 01000003 19 55 3e 91 01 3f 49 08"},
        {server, "81 0a 0009 | 01 00 | 20 09 0f"}}, Carrier::udp},
    {"it is released, and the device refuses", {{client, "81 0a 0016 | 01 04 | 00 05 0a 0f | 0c 01000003 19 55 3e 00 3f 49 08"},
        {server, "81 0a 000d | 01 00 | 50 0a 0f | 91 02 91 28"}}, Carrier::udp},
    {"an element of the priority array is read", {{client, "81 0a 0013 | 01 04 | 00 05 0b 0c | 0c 00400002 19 57 29 08"},
        {server, "81 0a 0019 | 01 00 | 30 0b 0c | 0c 00400002 19 57 29 08 3e 44 41200000 3f"}}, Carrier::udp},
    {"several properties are read, one of them unknown", {{client, "81 0a 001e | 01 04 | 00 05 0c 0e | 0c 00000001 1e 09 55 09 6f 1f 0c 00000002 1e 09 55 1f"},
        {server, "81 0a 002f | 01 00 | 30 0c 0e | 0c 00000001 1e 29 55 4e 44 40490fdb 4f 29 6f 4e 82 04 00 4f 1f 0c 00000002 1e 29 55 5e 91 01 91 1f 5f 1f"}}, Carrier::udp},
    {"several properties are written", {{client, "81 0a 0021 | 01 04 | 00 05 0d 10 | 0c 00400001 1e 09 55 2e 44 41f00000 2f 39 0a 09 51 2e 10 2f 1f"},
        {server, "81 0a 0009 | 01 00 | 20 0d 10"}}, Carrier::udp},
    {"a device is silenced with a password", {{client, "81 0a 0019 | 01 04 | 00 05 0e 11 | 09 3c 19 01 2d 09 00 68756e7465723232"},
        {server, "81 0a 000d | 01 00 | 50 0e 11 | 91 04 91 1a"}}, Carrier::udp},
    {"a device is restarted without one", {{client, "81 0a 000c | 01 04 | 00 05 0f 14 | 09 00"},
        {server, "81 0a 0009 | 01 00 | 20 0f 14"}}, Carrier::udp},
    {"a subscription and its notification", {{client, "81 0a 0016 | 01 04 | 00 05 10 05 | 09 01 1c 00c00004 29 00 3a 012c"},
        {server, "81 0a 0009 | 01 00 | 20 10 05"},
        {server, "81 0a 0026 | 01 00 | 10 02 | 09 01 1c 02000007 2c 00c00004 3a 0100 4e 09 55 2e 91 01 2f 09 6f 2e 82 04 80 2f 4f"}}, Carrier::udp},
    {"an alarm and its acknowledgement", {{server, "81 0a 0043 | 01 04 | 00 05 11 02 | 09 01 1c 02000007 2c 00000001 3e 19 05 3f 49 03 59 64 69 05 7d 10 00 6f696c2074656d7065726174757265 89 00 99 01 a9 00 b9 03 ce 0e 0c 42480000 0f cf"},
        {client, "81 0a 0009 | 01 00 | 20 11 02"},
        {client, "81 0a 0026 | 01 04 | 00 05 12 00 | 09 01 1c 00000001 29 03 3e 19 05 3f 4d 09 00 6f70657261746f72 5e 19 06 5f"},
        {server, "81 0a 0009 | 01 00 | 20 12 00"}}, Carrier::udp},
    {"a file is read and written", {{client, "81 0a 0016 | 01 04 | 00 05 13 06 | c4 02800001 0e 31 00 22 0200 0f"},
        {server, "81 0a 0016 | 01 00 | 30 13 06 | 11 0e 31 00 65 06 010203040506 0f"},
        {client, "81 0a 0018 | 01 04 | 00 05 14 07 | c4 02800001 0e 31 00 64 aabbccdd 0f"},
        {server, "81 0a 000b | 01 00 | 30 14 07 | 09 00"}}, Carrier::udp},
    {"objects come and go", {{client, "81 0a 001e | 01 04 | 00 05 15 0a | 0e 1c 03c00001 0f 1e 09 4d 2e 75 05 00 646f6f72 2f 1f"},
        {server, "81 0a 000e | 01 00 | 30 15 0a | c4 03c00001"},
        {client, "81 0a 000f | 01 04 | 00 05 16 0b | c4 03c00001"},
        {server, "81 0a 000d | 01 00 | 50 16 0b | 91 01 91 17"}}, Carrier::udp},
    {"the clock is set", {{client, "81 0b 0016 | 01 20 ffff 00 ff | 10 06 | a4 7e0b1607 b4 0c223800"},
        {client, "81 0b 0016 | 01 20 ffff 00 ff | 10 09 | a4 7e0b1607 b4 0b223800"}}, Carrier::udp},
    {"an object is looked for by its name", {{client, "81 0b 0015 | 01 20 ffff 00 ff | 10 07 | 3d 07 00 50554d502d31"},
        {server, "81 0b 001f | 01 20 ffff 00 ff | 10 01 | c4 02000007 c4 01000003 75 07 00 50554d502d31"}}, Carrier::udp},
    {"lists, ranges, events", {{client, "81 0a 0015 | 01 04 | 00 05 17 08 | 0c 03c00001 19 66 3e 21 05 3f"},
        {server, "81 0a 0009 | 01 00 | 20 17 08"},
        {client, "81 0a 0017 | 01 04 | 00 05 18 1a | 0c 05000001 19 83 3e 21 01 31 0a 3f"},
        {server, "81 0a 002a | 01 00 | 30 18 1a | 0c 05000001 19 83 3a 05 c0 49 01 5e 0e a4 7e0b1607 b4 0c000000 0f 1e 2c 3f800000 1f 5f"},
        {client, "81 0a 000a | 01 04 | 00 05 19 1d"},
        {server, "81 0a 002c | 01 00 | 30 19 1d | 0e 0c 00000001 19 03 2a 05 e0 3e 19 01 19 02 19 03 3f 49 00 5a 05 e0 6e 21 01 21 02 21 03 6f 0f 19 00"}}, Carrier::udp},
    {"another vendor's services, and words", {{client, "81 0a 0013 | 01 04 | 00 05 1a 12 | 0a 0104 19 08 2e 21 01 2f"},
        {server, "81 0a 0009 | 01 00 | 60 1a 09"},
        {client, "81 0b 001a | 01 20 ffff 00 ff | 10 05 | 0c 02000009 29 00 3d 05 00 73746f70"}}, Carrier::udp},
    {"a question is aborted", {{client, "81 0a 0011 | 01 04 | 00 05 1b 0c | 0c 02000007 19 4c"},
        {server, "81 0a 0009 | 01 00 | 71 1b 04"}}, Carrier::udp},
    {"an answer in two segments", {{client, "81 0a 0011 | 01 04 | 02 75 1c 0c | 0c 02000007 19 4c"},
        {server, "81 0a 0018 | 01 00 | 3c 1c 00 02 0c | 0c 02000007 19 4c 3e c4 02000007"},
        {client, "81 0a 000a | 01 00 | 40 1c 00 02"},
        {server, "81 0a 0016 | 01 00 | 38 1c 01 02 0c | c4 00000001 c4 01000003 3f"},
        {client, "81 0a 000a | 01 00 | 40 1c 01 02"}}, Carrier::udp},
    {"behind a router", {{client, "81 0a 0016 | 01 24 0005 01 0c ff | 00 05 1d 0c | 0c 00000001 19 55"},
        {server, "81 0a 001b | 01 08 0005 01 0c | 30 1d 0c | 0c 00000001 19 55 3e 44 41a00000 3f"}}, Carrier::udp},
    {"routers", {{client, "81 0b 0009 | 01 80 | 00 0007"},
        {server, "81 0b 000b | 01 80 | 01 0007 0009"},
        {server, "81 0a 000a | 01 80 | 03 01 0007"},
        {client, "81 0b 0007 | 01 80 | 12"},
        {server, "81 0b 000a | 01 80 | 13 0007 00"}}, Carrier::udp},
    {"a foreign device registers, and reads what the BBMD knows", {{client, "81 05 0006 | 003c"},
        {server, "81 00 0006 | 0000"},
        {client, "81 02 0004 | "},
        {server, "81 03 000e | 0a0a014c bac0 ffffff00"},
        {client, "81 06 0004 | "},
        {server, "81 07 000e | 0a0a01c7 bac0 003c 0020"},
        {client, "81 08 000a | 0a0a01c7 bac0"},
        {server, "81 00 0006 | 0050"},
        {client, "81 01 000e | 0a0a014c bac0 ffffffff"},
        {server, "81 00 0006 | 0010"}}, Carrier::udp},
    {"a broadcast that a BBMD forwards", {{client, "81 04 0012 | 0a0a02c7 bac0 | 01 20 ffff 00 ff | 10 08"},
        {client, "81 09 000c | 01 20 ffff 00 ff | 10 08"}}, Carrier::udp},
    {"secured", {{client, "81 0c 0008 | 00112233"}}, Carrier::udp},
    {"on IPv6", {{client, "82 06 0007 | 000007"},
        {client, "82 09 0009 | 000007 003c"},
        {client, "82 02 000f | 000007 | 01 20 ffff 00 ff | 10 08"}}, Carrier::udp},
    {"all other services", {{client, "81 0a 000a | 01 04 | 00 05 1e 03"},
        {server, "81 0a 0013 | 01 00 | 30 1e 03 | c4 00000001 91 03 82 05 a0"},
        {client, "81 0a 000c | 01 04 | 00 05 1f 04 | 09 00"},
        {server, "81 0a 0016 | 01 00 | 30 1f 04 | c4 00000001 91 05 91 03 21 64 21 01"},
        {client, "81 0a 0015 | 01 04 | 00 05 20 09 | 0c 03c00001 19 66 3e 21 05 3f"},
        {server, "81 0a 0011 | 01 00 | 50 20 09 | 0e 91 02 91 28 0f 19 01"},
        {client, "81 0a 0015 | 01 04 | 00 05 21 13 | 0c 02000009 29 01 3b 00 676f"},
        {server, "81 0a 0009 | 01 00 | 20 21 13"},
        {client, "81 0a 000e | 01 04 | 00 05 22 15 | 91 00 21 01"},
        {server, "81 0a 000b | 01 00 | 30 22 15 | 21 02"},
        {client, "81 0a 0011 | 01 04 | 00 05 23 17 | 21 02 62 0d0a 21 00"},
        {server, "81 0a 000b | 01 00 | 30 23 17 | 09 01"},
        {client, "81 0a 000c | 01 04 | 00 05 24 16 | 21 02"},
        {server, "81 0a 0009 | 01 00 | 20 24 16"},
        {client, "81 0a 001e | 01 04 | 00 05 25 1b | 09 01 1d 09 00 6f70657261746f72 29 04 3c 05400001"},
        {server, "81 0a 0009 | 01 00 | 20 25 1b"},
        {client, "81 0a 0019 | 01 04 | 00 05 26 1c | 09 01 1c 00000001 29 01 39 3c 4e 09 55 4f"},
        {server, "81 0a 0009 | 01 00 | 20 26 1c"},
        {client, "81 0a 0022 | 01 04 | 00 05 27 1e | 09 01 19 01 29 3c 4e 0c 00000001 1e 0e 09 55 0f 1c 3f800000 1f 4f"},
        {server, "81 0a 0009 | 01 00 | 20 27 1e"},
        {server, "81 0a 0025 | 01 04 | 00 05 28 1f | 09 01 1c 02000007 29 3c 4e 0c 00000001 1e 09 55 2e 44 41a00000 2f 1f 4f"},
        {client, "81 0a 0009 | 01 00 | 20 28 1f"},
        {server, "81 0a 0020 | 01 04 | 00 05 29 01 | 09 01 1c 02000007 2c 00c00004 39 00 4e 09 55 2e 91 01 2f 4f"},
        {client, "81 0a 0009 | 01 00 | 20 29 01"},
        {client, "81 0b 001b | 01 20 ffff 00 ff | 10 0a | 09 01 19 08 2e 09 02 19 05 44 42000000 2f"},
        {server, "81 0b 0027 | 01 20 ffff 00 ff | 10 0b | 09 01 1c 02000007 29 3c 4e 0c 00000001 1e 09 55 2e 44 41a00000 2f 1f 4f"},
        {server, "81 0b 002a | 01 20 ffff 00 ff | 10 03 | 09 01 1c 02000007 2c 00000001 3e 19 05 3f 49 03 59 64 69 05 89 00 99 01 a9 00 b9 03"},
        {server, "81 0b 0010 | 01 20 ffff 00 ff | 10 04 | 09 07 19 01"},
        {server, "81 0b 0019 | 01 20 ffff 00 ff | 10 0d | 22 022b 74 00 4c4d43 74 00 313233"},
        {client, "81 0b 001e | 01 20 ffff 00 ff | 10 0e | 22 022b 74 00 4c4d43 74 00 313233 c4 02000003"}}, Carrier::udp},
    {"on Ethernet", {{client, "82 82 03 | 01 20 ffff 00 ff | 10 08"}, {server, "82 82 03 | 01 00 | 10 00 | c4 02000007 22 05c4 91 03 22 0104"}}, Carrier::llc},
    {"a length that lies", {{client, "81 0b 000f | 01 20 ffff 00 ff | 10 08"}}, Carrier::udp, true},
    {"a value that is never closed", {{client, "81 0a 0016 | 01 04 | 00 05 09 0f | 0c 01000003 19 55 3e 91 01 49 08"}}, Carrier::udp, true},
    {"a length of 2^31", {{client, "81 0a 0018 | 01 04 | 00 05 09 0f | 0c 01000003 19 55 3e 75 ff 80000000"}}, Carrier::udp, true},
});

Object object(uint32_t type, uint32_t instance, uint32_t property) { return Object(ObjectKind::bacnet_object, type << 22 | instance, property); }

TEST(Bacnet, a_write_names_object_property_value_and_priority) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(client, "81 0a 0017 | 01 04 | 00 05 09 0f | 0c 01000003 19 55 3e 91 01 3f 49 08");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::write);
  EXPECT_EQ(s.head.function, 15);
  EXPECT_EQ(s.head.tag, 9u);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].object, object(4, 3, 85));
  EXPECT_EQ(s.points[0].kind, ValueKind::boolean);
  EXPECT_EQ(s.points[0].raw, 1u);
  EXPECT_EQ(s.points[0].qualifier & 0xff, 8u);
  EXPECT_EQ(shown(s), "binary-output 3 present-value=on");
  const Sentence refused = bacnet(server, "81 0a 000d | 01 00 | 50 09 0f | 91 02 91 28");
  EXPECT_TRUE(refused.head.refused);
  EXPECT_FALSE(refused.head.unpaired);
  EXPECT_EQ(protocol_named("bacnet").reason(refused.head.reason), "write-access-denied");
  EXPECT_EQ(shown(refused), "binary-output 3 present-value");   // what the question was about
}

TEST(Bacnet, to_relinquish_is_to_write_null) {
  Heard bacnet("bacnet");
  EXPECT_EQ(shown(bacnet(client, "81 0a 0016 | 01 04 | 00 05 0a 0f | 0c 01000003 19 55 3e 00 3f 49 08")), "binary-output 3 present-value=null");
}

TEST(Bacnet, writing_program_change_is_to_program) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(client, "81 0a 0015 | 01 04 | 00 05 0a 0f | 0c 04000001 19 5a 3e 91 01 3f");
  EXPECT_EQ(s.head.act, Act::program);
  EXPECT_EQ(shown(s), "program 1 program-change=1");
}

TEST(Bacnet, an_array_index_goes_with_its_point) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(client, "81 0a 0013 | 01 04 | 00 05 0b 0c | 0c 00400002 19 57 29 08");
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].qualifier >> 8, 9u);   // one more than the index
}

TEST(Bacnet, a_password_is_only_said_to_be_there) {
  struct { const char* octets; uint32_t qualifier; const char* what; } cases[] = {
      {"81 0a 0019 | 01 04 | 00 05 0e 11 | 09 3c 19 01 2d 09 00 68756e7465723232", 2, "duration, minutes=60 password=other"},
      {"81 0a 0017 | 01 04 | 00 05 0e 11 | 19 01 2d 09 00 66696c6973746572", 1, "password=vendor default"},
      {"81 0a 000c | 01 04 | 00 05 0e 11 | 19 01", 0, "password=none"},
  };
  for (const auto& c : cases) {
    Heard bacnet("bacnet");
    const Sentence s = bacnet(client, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.what;
    EXPECT_EQ(s.head.qualifier, c.qualifier) << c.what;
    EXPECT_EQ(s.head.sub_function, 1) << "disable";
    EXPECT_EQ(s.head.act, Act::run);
    EXPECT_EQ(shown(s), c.what);
    for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("hunter"), std::string::npos);
  }
}

TEST(Bacnet, a_device_identifies_itself) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(server, "81 0a 0015 | 01 00 | 10 00 | c4 02000007 22 05c4 91 03 22 0104");
  EXPECT_EQ(shown(s), "device 7");
  ASSERT_EQ(bacnet.identities.size(), 1u);
  EXPECT_EQ(bacnet.identity_texts().at(bacnet.identities[0].vendor), "BACnet Stack at SourceForge (vendor 260)");
}

TEST(Bacnet, segments_become_one_answer) {
  Heard bacnet("bacnet");
  bacnet(client, "81 0a 0011 | 01 04 | 02 75 1c 0c | 0c 02000007 19 4c");
  const Sentence first = bacnet(server, "81 0a 0018 | 01 00 | 3c 1c 00 02 0c | 0c 02000007 19 4c 3e c4 02000007");
  EXPECT_TRUE(first.head.retained);
  EXPECT_FALSE(first.head.malformed);
  EXPECT_TRUE(first.points.empty());
  bacnet(client, "81 0a 000a | 01 00 | 40 1c 00 02");
  const Sentence last = bacnet(server, "81 0a 0016 | 01 00 | 38 1c 01 02 0c | c4 00000001 c4 01000003 3f");
  EXPECT_FALSE(last.head.malformed);
  EXPECT_FALSE(last.head.unpaired);
  EXPECT_EQ(shown(last), "device 7 object-list=device 7 device 7 object-list=analog-input 1 device 7 object-list=binary-output 3");
}

TEST(Bacnet, a_missing_segment_leaves_the_contents_out) {
  Heard bacnet("bacnet");
  bacnet(server, "81 0a 0018 | 01 00 | 3c 1c 00 02 0c | 0c 02000007 19 4c 3e c4 02000007");
  const Sentence last = bacnet(server, "81 0a 0016 | 01 00 | 38 1c 02 02 0c | c4 00000001 c4 01000003 3f");
  EXPECT_TRUE(last.head.retained);
  EXPECT_FALSE(last.head.malformed);
  EXPECT_TRUE(last.points.empty());
}

TEST(Bacnet, a_device_behind_a_router_is_the_station) {
  Heard bacnet("bacnet");
  const Sentence q = bacnet(client, "81 0a 0016 | 01 24 0005 01 0c ff | 00 05 1d 0c | 0c 00000001 19 55");
  EXPECT_EQ(q.text(q.head.station), "network 5 address 0c");
  const Sentence a = bacnet(server, "81 0a 001b | 01 08 0005 01 0c | 30 1d 0c | 0c 00000001 19 55 3e 44 41a00000 3f");
  EXPECT_EQ(a.head.station, q.head.station);
  EXPECT_FALSE(a.head.unpaired);
}

TEST(Bacnet, who_is_names_a_range_of_devices) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(client, "81 0b 0010 | 01 20 ffff 00 ff | 10 08 | 09 05 19 0a");
  EXPECT_TRUE(s.head.broadcast);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.points[0].object, object(8, 5, 0xffffff));
  EXPECT_EQ(s.points[0].count, 6u);
}

TEST(Bacnet, each_of_several_properties_has_its_own_answer) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(server, "81 0a 002f | 01 00 | 30 0c 0e | 0c 00000001 1e 29 55 4e 44 40490fdb 4f 29 6f 4e 82 04 00 4f 1f 0c 00000002 1e 29 55 5e 91 01 91 1f 5f 1f");
  ASSERT_EQ(s.points.size(), 3u);
  EXPECT_EQ(s.points[0].object, object(0, 1, 85));
  EXPECT_NEAR(s.points[0].number(), 3.14159, 1e-5);
  EXPECT_EQ(s.points[1].object, object(0, 1, 111));
  EXPECT_EQ(s.points[1].width, 4);
  EXPECT_EQ(protocol_named("bacnet").reason(s.points[2].status), "unknown-object");
}

TEST(Bacnet, the_longest_name_of_a_vendor_fits) {
  Heard bacnet("bacnet");
  const Sentence s = bacnet(client, "81 0a 0011 | 01 04 | 00 05 1a 12 | 09 63 1c ffffffff");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(shown(s), "service 4294967295 of Mitsubishi Electric Corporation Air Conditioning & Refrigeration Systems Works, vendor 99");
}

TEST(Bacnet, nesting_is_bounded) {
  std::string octets = "81 0a 0038 | 01 04 | 00 05 09 0f | 0c 01000003 19 55 3e ";
  for (int i = 0; i < 38; i++) octets += "1e ";
  Heard bacnet("bacnet");
  EXPECT_TRUE(bacnet(client, octets).head.malformed);
}

TEST(Bacnet, who_asks_follows_from_the_apdu) {
  const auto recognises = protocol_named("bacnet").recognises;
  const auto ack = hex("81 0a 0009 | 01 00 | 20 09 0f"), lies = hex("81 0a 0010 | 01 00 | 20 09 0f");
  EXPECT_EQ(recognises(ack, {}, Carrier::udp).client, Recognised::down);
  EXPECT_EQ(recognises(lies, {}, Carrier::udp).sure, Recognised::no);
  EXPECT_EQ(recognises(ack, {}, Carrier::tcp).sure, Recognised::no);
}

}  // namespace
}  // namespace vidra
