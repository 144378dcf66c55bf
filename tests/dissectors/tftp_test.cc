// SPDX-License-Identifier: Apache-2.0
// RFC 1350 (TFTP), RFC 2347 (options).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//                     | opcode | name 0 mode 0 options …
const Enrol enrolled("tftp", {
    {"a configuration is read", {{client, "0001 72 75 6e 2e 63 66 67 00 6f 63 74 65 74 00"}, {server, "0005 0001 6e6f 00"}}, Carrier::udp},
    {"firmware is fetched, with options", {{client, "0001 66 77 2e 62 69 6e 00 6f 63 74 65 74 00 74 73 69 7a 65 00 30 00"}, {server, "0006 74 73 69 7a 65 00 35 31 32 00"}, {client, "0004 0000"}}, Carrier::udp, false, true},
    {"a file is written", {{client, "0002 61 00 6e 65 74 61 73 63 69 69 00"}, {server, "0004 0000"}}, Carrier::udp},
    {"a block", {{client, "0002 61 00 6f 63 74 65 74 00"}, {client, "0003 0001 48 65 6c 6c 6f"}}, Carrier::udp, false, true},
    {"an opcode it does not have", {{client, "0009 00"}}, Carrier::udp, true},
});

TEST(Tftp, requests_name_file_and_mode) {
  Heard tftp("tftp");
  const Sentence s = tftp(client, "0001 72 75 6e 2e 63 66 67 00 4f 43 54 45 54 00");
  EXPECT_EQ(s.head.act, Act::file);
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "run.cfg");
  EXPECT_EQ(s.text(s.points.at(1).raw), "OCTET");
}

TEST(Tftp, firmware_is_a_program) {
  Heard tftp("tftp");
  const Sentence s = tftp(client, words(std::string("\0\2/new/FIRMWARE_1.2\0octet\0", 26)));
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::program);
}

TEST(Tftp, an_error_refuses) {
  Heard tftp("tftp");
  const Sentence s = tftp(server, "0005 0002 6e6f 00");
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("tftp").reason(s.head.reason), "access violation");
}

TEST(Tftp, a_transfer_is_known_again_by_its_full_first_block) {
  std::vector<uint8_t> block = hex("0003 0001");
  block.resize(516, 0x55);
  EXPECT_EQ(protocol_named("tftp").recognises(block, {}, Carrier::udp).sure, Recognised::yes);
  block.pop_back();
  EXPECT_EQ(protocol_named("tftp").recognises(block, {}, Carrier::udp).sure, Recognised::maybe);
}

}  // namespace
}  // namespace vidra
