// SPDX-License-Identifier: Apache-2.0
// IEC 62056-5-3 (xDLMS), IEC 62056-6-2 (COSEM), IEC 62056-47 (wrapper), IEC 62056-46 (HDLC).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// wrapper: version, source, destination, length | APDU: tag, choice, invoke id | class, OBIS, attribute, selection …
const Enrol enrolled("dlms", {
    {"a public client associates and leaves", {{client, "0001 0010 0001 001f | 60 1d a109 0607 60857405080101 | be10 040e 01000000065f1f0400007e1f04b0"},
        {server, "0001 0001 0010 002b | 61 29 a109 0607 60857405080101 | a203 020100 | a305 a103 020100 | be10 040e 0800065f1f0400001e1d04c80007"},
        {client, "0001 0010 0001 0002 | 62 00"},
        {server, "0001 0001 0010 0002 | 63 00"}}},
    {"a client with a password is refused", {{client, "0001 0001 0001 0038 | 60 36 a109 0607 60857405080101 | 8a02 0780 | 8b07 60857405080201 | ac0a 8008 3132333435363738 | be10 040e 01000000065f1f0400007e1f04b0"},
        {server, "0001 0001 0001 0019 | 61 17 a109 0607 60857405080101 | a203 020101 | a305 a103 02010d"}}},
    {"a client that authenticates with GMAC", {{client, "0001 0010 0001 004b | 60 49 a109 0607 60857405080103 | a60a 0408 4d4d4d0000bc614e | 8a02 0780 | 8b07 60857405080205 | ac0a 8008 4b35366956616759 | be17 0415 2113 30 01234567 801302ff8a7874133d414ced9b42"},
        {server, "0001 0001 0010 003e | 61 3c a109 0607 60857405080103 | a203 020100 | a305 a103 02010e | a40a 0408 4c475a1122334455 | 8802 0780 | 8907 60857405080205 | aa0a 8008 5036774a32323146"}}},
    {"a register is read", {{client, "0001 0010 0001 000d | c0 01 c1 | 0003 0100010800ff 02 00"},
        {server, "0001 0001 0010 0009 | c4 01 c1 00 | 06 0001e240"}}},
    {"an attribute that is denied", {{client, "0001 0010 0001 000d | c0 01 c2 | 000f 0000280000ff 07 00"},
        {server, "0001 0001 0010 0005 | c4 01 c2 01 03"}}},
    {"a profile in two blocks", {{client, "0001 0010 0001 0020 | c0 01 c3 | 0007 0100630100ff 02 | 01 02 0204 0600000001 0600000002 120001 120000"},
        {server, "0001 0001 0010 0016 | c4 02 c3 00 00000001 00 0c | 0101 0202 090c 07e80b16050c"},
        {client, "0001 0010 0001 0007 | c0 02 c3 00000001"},
        {server, "0001 0001 0010 0015 | c4 02 c3 01 00000002 00 0b | 2238ff800000 06 00000007"}}},
    {"a list is read", {{client, "0001 0010 0001 0018 | c0 03 c4 02 | 0003 0100010800ff 02 00 | 0008 0000010000ff 02 00"},
        {server, "0001 0001 0010 0019 | c4 03 c4 02 | 00 06 00000005 | 00 090c 07e80b16050c2238ff800000"}}},
    {"the clock is set", {{client, "0001 0010 0001 001b | c1 01 c5 | 0008 0000010000ff 02 00 | 090c 07e80b16050c2238ff800000"},
        {server, "0001 0001 0010 0004 | c5 01 c5 00"}}},
    {"several are set", {{client, "0001 0010 0001 001d | c1 04 c6 02 | 0001 0000600100ff 02 00 | 0001 0000600101ff 02 00 | 02 11 05 1601"},
        {server, "0001 0001 0010 0006 | c5 05 c6 02 00 03"}}},
    {"a supply is cut off remotely", {{client, "0001 0010 0001 000f | c3 01 c7 | 0046 000060030aff 01 01 | 0f 00"},
        {server, "0001 0001 0010 0005 | c7 01 c7 00 00"}}},
    {"firmware is transferred", {{client, "0001 0010 0001 001a | c3 01 c8 | 0012 00002c0000ff 01 01 | 0202 0904 46573031 06 00001000"},
        {server, "0001 0001 0010 0005 | c7 01 c8 00 00"},
        {client, "0001 0010 0001 0018 | c3 04 c9 | 0012 00002c0000ff 02 | 00 00000001 06 0202 06000000"},
        {server, "0001 0001 0010 0007 | c7 04 c9 00000001"},
        {client, "0001 0010 0001 000e | c3 06 c9 | 01 00000002 05 00 0902 aabb"},
        {server, "0001 0001 0010 0005 | c7 01 c9 00 00"}}},
    {"actions in a list", {{client, "0001 0010 0001 001c | c3 03 ca 02 | 0009 00000a0064ff 01 | 0003 0100010800ff 01 | 02 120001 0f00"},
        {server, "0001 0001 0010 0008 | c7 03 ca 02 00 00 00 00"}}},
    {"a set in two blocks", {{client, "0001 0010 0001 0017 | c1 02 cb | 0014 00000d0000ff 07 00 | 00 00000001 04 0102 0203"},
        {server, "0001 0001 0010 0007 | c5 02 cb 00000001"},
        {client, "0001 0010 0001 0010 | c1 03 cb | 01 00000002 07 0901 01 00 00 1105"},
        {server, "0001 0001 0010 0008 | c5 03 cb 00 00000002"}}},
    {"pushed", {{server, "0001 0001 0010 0026 | 0f 00000005 0c 07e80b16050c2238ff800000 | 0202 090b 4c475a3130303030303031 06 000004d2"},
        {server, "0001 0001 0010 0010 | c2 00 | 0003 0100010800ff 02 06 00000001"}}},
    {"ciphered", {{client, "0001 0010 0001 0020 | c8 1e | 30 00000012 0102030405060708090a0b0c0d0e0f10111213141516171819"},
        {server, "0001 0001 0010 0017 | cc 15 | 30 00000013 0102030405060708090a0b0c0d0e0f10"},
        {client, "0001 0010 0001 0015 | db 08 4c475a1122334455 0a | 30 00000014 0102030405"},
        {server, "0001 0001 0010 0003 | d8 01 05"},
        {server, "0001 0001 0010 0007 | d8 01 06 00000020"}}},
    {"general ciphering, signing, blocks", {{client, "0001 0010 0001 0025 | dd 01 07 | 08 4c475a1122334455 | 08 4c475a1122334466 | 00 | 00 | 01 00 00 | 0a 31 00000001 0102030405"},
        {client, "0001 0010 0001 0015 | df 01 07 | 08 4c475a1122334455 | 00 | 00 | 00 | 02 c001 | 02 aabb"},
        {client, "0001 0010 0001 000b | e0 81 0001 0000 04 c001c100"}}},
    {"access", {{client, "0001 0010 0001 002b | d9 00000009 00 02 | 01 0003 0100010800ff 02 | 02 0008 0000010000ff 02 | 02 00 090c 07e80b16050c2238ff800000"},
        {server, "0001 0001 0010 0013 | da 00000009 00 00 02 | 06 00000005 00 | 02 01 00 02 00"}}},
    {"short names", {{client, "0001 0010 0001 0008 | 05 02 | 02 fa00 | 02 fa08"},
        {server, "0001 0001 0010 000a | 0c 02 | 00 06 00000001 | 01 03"},
        {client, "0001 0010 0001 0008 | 06 01 | 02 fa10 | 01 1105"},
        {server, "0001 0001 0010 0003 | 0d 01 00"},
        {client, "0001 0010 0001 0008 | 16 01 | 02 fa10 | 01 1105"},
        {server, "0001 0001 0010 000c | 18 00 01 | 02 fa00 | 01 06 00000001"},
        {server, "0001 0001 0010 0004 | 0e 01 01 00"}}},
    {"on UDP", {{client, "0001 0010 0001 000d | c0 01 c1 | 0003 0100010800ff 02 00"},
        {server, "0001 0001 0010 0009 | c4 01 c1 00 | 06 0001e240"}}, Carrier::udp},
    {"on HDLC", {{client, "7e a007 03 21 93 0f01 7e"},
        {server, "7e a01e 21 03 73 c37a | 8180 12 050180 060180 070400000001 080400000001 | 533b 7e"},
        {client, "7e a02b 03 21 10 fbaf | e6e600 60 1d a109 0607 60857405080101 | be10 040e 01000000065f1f0400007e1f04b0 | caea 7e"},
        {server, "7e a037 21 03 30 6c7c | e6e700 61 29 a109 0607 60857405080101 | a203 020100 | a305 a103 020100 | be10 040e 0800065f1f0400001e1d04c80007 | b86a 7e"},
        {client, "7e a019 03 21 32 6fd8 | e6e600 c0 01 c1 | 000f 0000280000ff 02 00 | 9153 7e"},
        {server, "7e a813 21 03 52 e79b | e6e700 c4 01 c1 00 | 0102 02 | 50cb 7e"},
        {client, "7e a007 03 21 51 11e4 7e"},
        {server, "7e a016 21 03 54 a6ca | 02 1200 01 1101 02 02 120003 1102 | 5fe2 7e"},
        {client, "7e a007 03 21 53 03c7 7e"},
        {server, "7e a007 21 03 73 0140 7e"}}},
    {"a frame with a wrong check", {{client, "7e a007 03 21 93 0101 7e"}}, Carrier::tcp, true},
    {"arrays in arrays", {{client, "0001 0010 0001 005e | c1 01 c5 | 0001 0000600100ff 02 00 | 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 0101 00"}}, Carrier::tcp, true},
    {"a length of 2^31", {{client, "0001 0010 0001 0013 | c1 01 c5 | 0001 0000600100ff 02 00 | 09 84 80000000"}}, Carrier::tcp, true},
});

TEST(Dlms, a_supply_cut_off_names_the_object_and_its_state) {
  Heard dlms("dlms");
  const Sentence s = dlms(client, "0001 0010 0001 000f | c3 01 c7 | 0046 000060030aff 01 01 | 0f 00");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(s.head.station, 1u);
  EXPECT_EQ(s.head.origin, 16u);
  EXPECT_EQ(shown(s), "disconnect control 0-0:96.3.10.255 method 1=off");
  EXPECT_EQ(s.points[0].form, 70) << "the class";
  const Sentence done = dlms(server, "0001 0001 0010 0005 | c7 01 c7 03 00");
  EXPECT_TRUE(done.head.refused);
  EXPECT_EQ(protocol_named("dlms").reason(done.head.reason), "read-write denied");
  EXPECT_EQ(shown(done), "disconnect control 0-0:96.3.10.255 method 1");
}

TEST(Dlms, an_answer_names_what_was_asked) {
  Heard dlms("dlms");
  EXPECT_EQ(shown(dlms(client, "0001 0010 0001 000d | c0 01 c1 | 0003 0100010800ff 02 00")), "register 1-0:1.8.0.255 attribute 2");
  EXPECT_EQ(shown(dlms(server, "0001 0001 0010 0009 | c4 01 c1 00 | 06 0001e240")), "register 1-0:1.8.0.255 attribute 2=123456");
  EXPECT_TRUE(dlms(server, "0001 0001 0010 0009 | c4 01 c4 00 | 06 0001e240").head.unpaired);
}

TEST(Dlms, what_is_set_says_what_kind_of_act_it_is) {
  struct { const char* octets; Act act; } cases[] = {
      {"0001 0010 0001 001b | c1 01 c5 | 0008 0000010000ff 02 00 | 090c 07e80b16050c2238ff800000", Act::time},
      {"0001 0010 0001 000f | c1 01 c5 | 0014 00000d0000ff 07 00 | 1105", Act::configure},
      {"0001 0010 0001 000f | c1 01 c5 | 0001 0000600100ff 02 00 | 1105", Act::write},
      {"0001 0010 0001 000f | c3 01 c5 | 0012 00002c0000ff 03 01 | 0f00", Act::program},
      {"0001 0010 0001 000f | c3 01 c5 | 0040 00002b0000ff 01 01 | 1601", Act::configure},
  };
  for (const auto& c : cases) {
    Heard dlms("dlms");
    const Sentence s = dlms(client, c.octets);
    EXPECT_FALSE(s.head.malformed) << c.octets;
    EXPECT_EQ(s.head.act, c.act) << c.octets;
  }
}

TEST(Dlms, the_mechanism_of_an_association_is_its_sub_function_and_the_password_stays_out) {
  Heard dlms("dlms");
  const Sentence none = dlms(client, "0001 0010 0001 001f | 60 1d a109 0607 60857405080101 | be10 040e 01000000065f1f0400007e1f04b0");
  EXPECT_EQ(none.head.sub_function, 0);
  const Sentence low = dlms(client, "0001 0001 0001 0038 | 60 36 a109 0607 60857405080101 | 8a02 0780 | 8b07 60857405080201 | ac0a 8008 7365637265743132 | be10 040e 01000000065f1f0400007e1f04b0");
  EXPECT_FALSE(low.head.malformed);
  EXPECT_EQ(low.head.sub_function, 1);
  EXPECT_EQ(shown(low), "password=other");
  for (const auto& [key, text] : low.texts) EXPECT_EQ(text.find("secret"), std::string::npos);
  const Sentence refused = dlms(server, "0001 0001 0001 0019 | 61 17 a109 0607 60857405080101 | a203 020101 | a305 a103 02010d");
  EXPECT_TRUE(refused.head.refused);
  EXPECT_EQ(protocol_named("dlms").reason(refused.head.reason), "authentication failure");
}

TEST(Dlms, a_secret_that_is_set_is_only_counted) {
  Heard dlms("dlms");
  const Sentence s = dlms(client, "0001 0010 0001 0017 | c1 01 c5 | 000f 0000280000ff 07 00 | 0908 7365637265743132");
  EXPECT_EQ(shown(s), "association LN 0-0:40.0.0.255 attribute 7=8 octets");
  EXPECT_EQ(s.head.act, Act::configure);
  for (const auto& [key, text] : s.texts) EXPECT_EQ(text.find("secret"), std::string::npos);
}

TEST(Dlms, what_is_ciphered_shows_its_counter) {
  Heard dlms("dlms");
  const Sentence s = dlms(client, "0001 0010 0001 0015 | db 08 4c475a1122334455 0a | 30 00000014 0102030405");
  EXPECT_TRUE(s.head.encrypted);
  EXPECT_EQ(s.head.qualifier, 0x30u);
  EXPECT_EQ(s.head.sequence, 20u);
  EXPECT_EQ(shown(s), "system title=LGZ 1122334455 invocation counter=20 security=authenticated and encrypted");
}

TEST(Dlms, blocks_become_one_answer) {
  Heard dlms("dlms");
  dlms(client, "0001 0010 0001 000d | c0 01 c3 | 0007 0100630100ff 02 00");
  EXPECT_TRUE(dlms(server, "0001 0001 0010 0016 | c4 02 c3 00 00000001 00 0c | 0101 0202 090c 07e80b16050c").head.retained);
  dlms(client, "0001 0010 0001 0007 | c0 02 c3 00000001");
  const Sentence s = dlms(server, "0001 0001 0010 0015 | c4 02 c3 01 00000002 00 0b | 2238ff800000 06 00000007");
  EXPECT_FALSE(s.head.malformed);
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_EQ(s.points[0].kind, ValueKind::time);
  EXPECT_EQ(Time(s.points[0].raw), 1732278896 * second);
  EXPECT_EQ(s.points[1].raw, 7u);
}

TEST(Dlms, a_meter_names_itself) {
  Heard dlms("dlms");
  dlms(client, "0001 0010 0001 000d | c0 01 c1 | 0001 00002a0000ff 02 00");
  dlms(server, "0001 0001 0010 000e | c4 01 c1 00 | 0908 4c475a3132333435");
  ASSERT_EQ(dlms.identities.size(), 1u);
  EXPECT_EQ(dlms.identity_texts().at(dlms.identities[0].name), "LGZ12345");
}

TEST(Dlms, segments_of_hdlc_become_one_apdu) {
  Heard dlms("dlms");
  dlms(client, "7e a019 03 21 32 6fd8 | e6e600 c0 01 c1 | 000f 0000280000ff 02 00 | 9153 7e");
  EXPECT_EQ(dlms(server, "7e a813 21 03 52 e79b | e6e700 c4 01 c1 00 | 0102 02 | 50cb 7e").head.function, 0x109);
  const Sentence s = dlms(server, "7e a016 21 03 54 a6ca | 02 1200 01 1101 02 02 120003 1102 | 5fe2 7e");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.function, 0xc4);
  EXPECT_EQ(shown(s), "association LN 0-0:40.0.0.255 attribute 2=1 association LN 0-0:40.0.0.255 attribute 2=1 "
                      "association LN 0-0:40.0.0.255 attribute 2=3 association LN 0-0:40.0.0.255 attribute 2=2");
}

TEST(Dlms, frames_that_share_a_flag_are_two) {
  Heard dlms("dlms");
  Feed feed(dlms.parser(), dlms.say);
  feed.offer(client, hex("7ea0070321930f017e a0070321930f017e 7e7e"));
  EXPECT_EQ(feed.records, 2u);
  EXPECT_EQ(feed.losses, 0u);
}

}  // namespace
}  // namespace vidra
