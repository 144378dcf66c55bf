// SPDX-License-Identifier: Apache-2.0
// RFC 1035 (DNS), RFC 6762 (multicast DNS).
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//                            | id   flags | questions answers authority additional | name | type class | …
constexpr const char* question = "1234 0100 | 0001 0000 0000 0000 | 03 727475 05 616c646572 00 | 0001 0001";
constexpr const char* answer = "1234 8180 | 0001 0001 0000 0000 | 03 727475 05 616c646572 00 | 0001 0001 | c00c 0001 0001 0000003c 0004 0a0a013c";

const Enrol enrolled("dns", {
    {"an address is asked for", {{client, question}, {server, answer}}, Carrier::udp},
    {"over TCP", {{client, "001b 1234 0100 0001 0000 0000 0000 03 727475 05 616c646572 00 0001 0001"}, {server, "001b 1234 8183 0001 0000 0000 0000 03 727475 05 616c646572 00 0001 0001"}}},
    {"a text, with EDNS", {{client, "0001 0120 | 0001 0000 0000 0001 | 01 78 00 | 0010 0001 | 00 0029 04d0 00000000 0000"}, {server, "0001 8180 | 0001 0001 0000 0000 | 01 78 00 | 0010 0001 | c00c 0010 0001 00000000 0005 04 61626364"}}, Carrier::udp},
    {"multicast: a service announces itself", {{server, "0000 8400 | 0000 0001 0000 0000 | 05 5f68747470 05 6c6f63616c 00 000c 8001 00000078 0004 01 78 c00c"}}, Carrier::udp},
    {"a NetBIOS name is sought", {{client, "8001 0110 | 0001 0000 0000 0000 | 20 4549454a4644464545504643454a4542454f4341434143414341434143414341 00 | 0020 0001"}}, Carrier::udp},
    {"names that point at themselves", {{client, "1234 0100 0001 0000 0000 0000 c00c 0001 0001"}}, Carrier::udp, true},
});

TEST(Dns, a_question_carries_what_tells_a_tunnel) {
  Heard dns("dns");
  const Sentence s = dns(client, question);
  ASSERT_EQ(s.points.size(), 1u);
  EXPECT_EQ(s.text(s.points[0].object.key()), "rtu.alder");
  EXPECT_EQ(s.points[0].qualifier, 10u);
  EXPECT_EQ(s.points[0].duration, 5u);
  EXPECT_EQ(function_name(protocol_named("dns"), s.head.function, s.head.sub_function), "query A");
}

TEST(Dns, an_answer_has_its_value) {
  Heard dns("dns");
  const Sentence s = dns(server, answer);
  ASSERT_EQ(s.points.size(), 2u);
  EXPECT_EQ(s.text(s.points[1].raw), "10.10.1.60");
}

TEST(Dns, no_such_name_refuses) {
  Heard dns("dns");
  const Sentence s = dns(server, "1234 8183 | 0001 0000 0000 0000 | 03 727475 05 616c646572 00 | 0001 0001");
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("dns").reason(s.head.reason), "no such name");
}

TEST(Dns, a_text_is_octets) {
  Heard dns("dns");
  const Sentence s = dns(server, "0001 8180 | 0001 0001 0000 0000 | 01 78 00 | 0010 0001 | c00c 0010 0001 00000000 0005 04 61626364");
  EXPECT_EQ(s.points.at(1).kind, ValueKind::octets);
  EXPECT_EQ(s.points.at(1).raw, 5u);
}

TEST(Dns, NetBIOS_names_are_put_into_letters) {
  Heard dns("dns");
  const Sentence s = dns(client, "8001 0110 | 0001 0000 0000 0000 | 20 4549454a4644464545504643454a4542454f4341434143414341434143414341 00 | 0020 0001");
  EXPECT_EQ(s.text(s.points.at(0).object.key()), "HISTORIAN");
  EXPECT_EQ(function_name(protocol_named("dns"), s.head.function, s.head.sub_function), "NetBIOS name query");
}

TEST(Dns, pointers_only_go_back) {
  for (const char* loop : {"1234 0100 0001 0000 0000 0000 c00c 0001 0001", "1234 0100 0001 0000 0000 0000 c00e c00c 0001 0001"}) {
    Heard dns("dns");
    EXPECT_TRUE(dns(client, loop).head.malformed);
    EXPECT_EQ(protocol_named("dns").recognises(hex(loop), {}, Carrier::udp).sure, Recognised::no);
  }
}

}  // namespace
}  // namespace vidra
