// SPDX-License-Identifier: Apache-2.0
// RFC 4253 (SSH transport).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// length | padding length | payload | padding
std::string packet(const std::string& payload_hex) {
  const size_t n = hex(payload_hex).size();
  char head[16];
  std::snprintf(head, sizeof head, "%08zx04", n + 5);
  return head + payload_hex + "00000000";
}
std::string_view kept(std::string s) {
  static std::deque<std::string> all;
  return all.emplace_back(std::move(s));
}
// 20 | cookie | ten lists: kex, host key, encryption, encryption, MAC, MAC, compression, compression, languages | 0 | reserved
const std::string lists = std::string(
    "14 000102030405060708090a0b0c0d0e0f 00000001 61 | 00000003 62 2c 78 | 00000001 63 | 00000001 64 | 00000001 65 | 00000001 66 | 00000004 6e6f6e65 | 00000004 6e6f6e65 | 00000000 | 00000000 | 00 00000000");

const Enrol enrolled("ssh", {
    {"from the identification to the new keys", {
        {server, words("SSH-2.0-dropbear_2019.78\r\n")}, {client, words("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")}, {client, kept(packet(lists))}, {server, kept(packet(lists))},
        {client, kept(packet("1e 00000001 04"))}, {server, kept(packet("1f 00000001 05"))}, {server, kept(packet("15"))}, {client, kept(packet("15"))}}},
    {"turned away", {{client, words("SSH-2.0-PuTTY_Release_0.78\r\n")}, {server, words("SSH-1.99-Cisco-1.25\n")}, {server, kept(packet("01 0000000c 00000001 78 00000000"))}}},
    {"an identification that is none", {{client, words("SSH-\r\n")}}, Carrier::tcp, true},
});

TEST(Ssh, an_identification_is_an_identity) {
  Heard ssh("ssh");
  const Sentence s = ssh(server, words("SSH-2.0-RomSShell_4.62\r\n"));
  EXPECT_EQ(s.text(s.points.at(0).raw), "2.0");
  ASSERT_EQ(ssh.identities.size(), 1u);
  EXPECT_EQ(ssh.identity_texts().at(ssh.identities[0].product), "RomSShell_4.62");
}

TEST(Ssh, a_program_is_known_by_the_digest_of_its_offer) {
  Heard ssh("ssh");
  ssh(client, words("SSH-2.0-x\r\n"));
  ssh(server, words("SSH-2.0-y\r\n"));
  Sentence s = ssh(client, packet(lists));
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "hassh");
  EXPECT_EQ(s.text(s.points.at(0).raw), "33572a8993950e16067ba7a3d6240288");   // md5 of "a;c;e;none"
  s = ssh(server, packet(lists));
  EXPECT_EQ(s.text(s.points.at(0).raw), "fce4a27c49332c343ba61f3d84fad17f");   // md5 of "a;d;f;none"
}

TEST(Ssh, behind_new_keys_nothing_is_read) {
  Heard ssh("ssh");
  Feed feed(ssh.parser(), ssh.say);
  feed.offer(client, hex(words("SSH-2.0-x\r\n")));
  feed.offer(client, hex(packet("15")));
  feed.offer(client, hex("deadbeef 00112233 44556677"));
  feed.offer(client, hex("00000000"));
  EXPECT_EQ(feed.records, 2u);
  EXPECT_EQ(feed.losses, 0u);
}

TEST(Ssh, other_lines_may_stand_before_the_identification) {
  Heard ssh("ssh");
  Feed feed(ssh.parser(), ssh.say);
  feed.offer(server, hex(words("Only for staff\r\nSSH-2.0-x\r\n")));
  EXPECT_EQ(feed.records, 1u);
  EXPECT_EQ(feed.losses, 0u);
}

}  // namespace
}  // namespace vidra
