// SPDX-License-Identifier: Apache-2.0
#include "daemon/record/header.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/record/checkpoint.h"
#include "daemon/record/crc32c.h"
#include "daemon/record/messages.h"
#include "tests/support/hex.h"

#include <sodium.h>

namespace vidra {
namespace {

Header example() {
  Header h;
  h.type = MessageType::alert, h.flags = record_flag::test, h.lane = 1, h.prio = 70;
  for (size_t i = 0; i < 16; i++) h.sensor[i] = uint8_t(0xa0 + i);
  h.epoch = 0x1122334455667788, h.seq = 9, h.wall_ns = 0x0102030405060708, h.mono_ns = 0x1112131415161718;
  h.clock = ClockState::ntp, h.clock_error = 0x000203;
  h.prev.fill(0xee);
  return h;
}

TEST(Header, lies_as_the_contract_draws_it) {
  Header h = example();
  seal(h, bytes_of("{}"));
  auto expected = hex(
    "43525031 | 04 02 01 46                      // CRP1, alert, test, lane 1, prio 70\n"
    "a0a1a2a3 a4a5a6a7 a8a9aaab acadaeaf         // sensor\n"
    "88776655 44332211 | 09000000 00000000       // epoch, seq\n"
    "08070605 04030201 | 18171615 14131211       // wall, mono\n"
    "01 030200 | 02000000                        // NTP, error 515 x 100 us; body of 2\n");
  expected.insert(expected.end(), 32, 0xee);
  const HeaderBytes b = encode(h);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), b.begin()));
  EXPECT_EQ(hex_text(Bytes(b).subspan(96)), hex_text(h.self));
  Header back;
  ASSERT_EQ(check(b, bytes_of("{}"), back), HeaderFlaw::none);
  EXPECT_EQ(encode(back), b);
}

TEST(Header, every_flipped_bit_is_noticed) {
  Header h = example();
  const std::string body = R"({"what":"operate"})";
  seal(h, bytes_of(body));
  const HeaderBytes good = encode(h);
  for (size_t bit = 0; bit < 8 * good.size(); bit++) {
    HeaderBytes b = good;
    b[bit / 8] = uint8_t(b[bit / 8] ^ 1 << bit % 8);
    Header back;
    EXPECT_NE(check(b, bytes_of(body), back), HeaderFlaw::none) << bit;
  }
  for (size_t bit = 0; bit < 8 * body.size(); bit++) {
    std::string s = body;
    s[bit / 8] = char(s[bit / 8] ^ 1 << bit % 8);
    Header back;
    EXPECT_EQ(check(good, bytes_of(s), back), HeaderFlaw::hash);
  }
}

TEST(Header, ranges_are_checked) {
  const auto flaw = [](auto change) {
    Header h = example(), back;
    change(h);
    return decode(encode(h), back);
  };
  EXPECT_EQ(flaw([](Header& h) { h.lane = 3; }), HeaderFlaw::lane);
  EXPECT_EQ(flaw([](Header& h) { h.prio = 101; }), HeaderFlaw::prio);
  EXPECT_EQ(flaw([](Header& h) { h.type = MessageType::none; }), HeaderFlaw::type);
  EXPECT_EQ(flaw([](Header& h) { h.clock = ClockState(4); }), HeaderFlaw::clock);
  EXPECT_EQ(flaw([](Header& h) { h.body_len = max_body + 1; }), HeaderFlaw::body_length);
  EXPECT_EQ(flaw([](Header& h) { h.type = MessageType(77); }), HeaderFlaw::none);   // a later version's: kept and passed on
  Header h;
  EXPECT_EQ(decode(hex("00"), h), HeaderFlaw::size);
}

TEST(RecordId, is_text_and_a_repeatable_uuid) {
  SensorId id;
  ASSERT_TRUE(parse_uuid("00112233-4455-6677-8899-aabbccddeeff", id));
  EXPECT_EQ(record_id(id, 7, 1, 42), "crp:00112233-4455-6677-8899-aabbccddeeff:7:1:42");
  EXPECT_EQ(uuid_of("http://www.example.org/"), "d832f77b-25c1-529a-83f4-09e632486128");   // computed by another implementation
  EXPECT_EQ(uuid_of("crp:00112233-4455-6677-8899-aabbccddeeff:7:1:42"), "8fbd95ab-6cd4-539e-ac98-a41cd2eae3dc");
  EXPECT_FALSE(parse_uuid("00112233-4455-6677-8899-aabbccddeefg", id));
  EXPECT_FALSE(parse_uuid("0011223344556677-8899-aabbccddeeff00", id));
}

TEST(Crc32c, known_answers) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);   // RFC 3720, B.4 uses the same polynomial
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0)), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::vector<uint8_t>(32, 0xff)), 0x62A8AB43u);
  const std::string s(1000, 'x');
  for (size_t cut = 0; cut < s.size(); cut += 7) EXPECT_EQ(crc32c(bytes_of(s).subspan(cut), crc32c(bytes_of(s).first(cut))), crc32c(bytes_of(s)));
}

TEST(Checkpoint, vouches_for_heads_and_for_nothing_else) {
  ASSERT_GE(sodium_init(), 0);
  SignPublic pub;
  SignSecret secret;
  crypto_sign_keypair(pub.data(), secret.data());
  SensorId id{};
  id[0] = 1;
  ChainHead head{5, 1, 99, {}};
  head.self.fill(7);
  Checkpoint c, back;
  c = sign(id, {head}, secret);
  ASSERT_TRUE(read(bytes_of(body_of(c)), back));
  EXPECT_EQ(back.heads, c.heads);
  EXPECT_TRUE(verify(id, back, pub));
  SensorId other{};
  EXPECT_FALSE(verify(other, back, pub));
  for (auto change : std::initializer_list<void (*)(Checkpoint&)>{[](Checkpoint& x) { x.heads[0].seq++; }, [](Checkpoint& x) { x.heads[0].self[3] ^= 1; },
         [](Checkpoint& x) { x.heads[0].lane = 0; }, [](Checkpoint& x) { x.heads[0].epoch++; }, [](Checkpoint& x) { x.signature[9] ^= 1; }, [](Checkpoint& x) { x.heads.push_back({}); }}) {
    Checkpoint forged = back;
    change(forged);
    EXPECT_FALSE(verify(id, forged, pub));
  }
}

TEST(Messages, say_what_was_said) {
  Hello h, h2;
  h.software = "vidrad 0.1", h.instance = "x", h.sign_key = "ab", h.streams = {{18'000'000'000'000'000'000u, 2, 1, 0, 0, 0}, {5, 0, 3, 9, 0, 0}};
  ASSERT_TRUE(read(bytes_of(body_of(h)), h2));
  ASSERT_EQ(h2.streams.size(), 2u);
  EXPECT_EQ(h2.streams[0].epoch, 18'000'000'000'000'000'000u);
  EXPECT_EQ(h2.streams[1].last, 9u);
  Ack a, a2;
  a.streams = {{5, 1, 0, 0, 77, 256}};
  ASSERT_TRUE(read(bytes_of(body_of(a)), a2));
  EXPECT_EQ(a2.streams[0].durable, 77u);
  EXPECT_EQ(a2.streams[0].credit, 256u);
  Note n, n2;
  n.code = NoteCode::hello_first, n.text = "\xff not UTF-8";
  ASSERT_TRUE(read(bytes_of(body_of(n)), n2));
  EXPECT_EQ(n2.code, NoteCode::hello_first);
  Gap g, g2;
  g.epoch = 9, g.lane = 1, g.from = 4, g.to = 6, g.reason = "evicted", g.classes["alert"] = 3, g.detections["I104-05"] = 2;
  ASSERT_TRUE(read(bytes_of(body_of(g)), g2));
  EXPECT_EQ(g2.classes, g.classes);
  EXPECT_EQ(g2.detections, g.detections);
}

TEST(Messages, hostile_bodies_are_refused_quietly) {
  for (const std::string& s : {std::string(), std::string("null"), std::string("[]"), std::string("{"), std::string("{\"streams\":5}"), std::string(R"({"streams":[{"epoch":5,"lane":1}]})"),
         std::string(R"({"streams":[{"epoch":"5","lane":9}]})"), std::string(R"({"streams":[{"epoch":"99999999999999999999999","lane":1}]})"),
         std::string(1 << 20, ' '), std::string(60'000, '['), "{\"a\":" + std::string(17, '[') + std::string(17, ']') + ",\"streams\":[]}"}) {
    Ack a;
    EXPECT_FALSE(read(bytes_of(s), a)) << s.substr(0, 60);
  }
  EXPECT_TRUE(modest(bytes_of("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[\"}")));
  EXPECT_EQ(detection_in(bytes_of(R"({"rule":{"id":"I104-05"}})")), "I104-05");
  EXPECT_EQ(detection_in(bytes_of(R"({"detection":"MOD-01"})")), "MOD-01");
  EXPECT_EQ(detection_in(bytes_of("zstd?")), "");
}

}  // namespace
}  // namespace vidra
