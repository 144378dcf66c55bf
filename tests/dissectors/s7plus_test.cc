// SPDX-License-Identifier: Apache-2.0
// S7comm-plus, as TPKT | COTP | header | parameters | data, and what it says.
#include <gtest/gtest.h>

#include "tests/support/shown.h"

namespace vidra {
namespace {

const Enrol enrolled("s7plus", {
    {"a session is created, used and deleted",
        {
         {Side::client, "03000024 | 1fe00000000100 | c1020620c21053494d415449432d524f4f542d484d49c0010a"},
         {Side::server, "03000024 | 1fd00001000200 | c1020620c21053494d415449432d524f4f542d484d49c0010a"},
         {Side::client, "0300002e | 02f080 | 7201001f | 31000004ca0000000100000120340000011d00040000000000a1000000d300 | 72010000"},
         {Side::server, "0300003f | 02f080 | 72010030 | "
          "32000004ca00000001340002873e8723a3823f00151a313b36455337203531312d31414b30302d304142303b56312e30 | "
          "72010000"},
         {Side::client, "03000046 | 02f080 | 72020037 | "
          "310000054200000002000003be34000003be010182320100170000013a0000000004e88969001200000000896a001300896b "
          "0004000000 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000054200000002340000000000 | 72020000"},
         {Side::client, "0300003a | 02f080 | 7202002b | "
          "31000004d400000003000003be34000003be00000004e88969001200000000896a001300896b0004000000 | 72020000"},
         {Side::server, "0300001f | 02f080 | 72020010 | 32000004d4000000033400000003be00 | 72020000"}}},
    {"variables are read and written",
        {
         {Side::client, "03000050 | 02f080 | 72020041 | "
          "310000054c00000001000003be3400000000020a81ffccb57788d0b880030293760a005202936a0100000004e88969001200 "
          "000000896a001300896b0004000000 | 72020000"},
         {Side::server, "03000025 | 02f080 | 72020016 | 320000054c00000001340001000a0302100200000000 | 72020000"},
         {Side::client, "03000052 | 02f080 | 72020043 | "
          "310000054200000002000003be3400000000010581ffccb57788d0b880030293760a01000e42c800000000000004e8896900 "
          "1200000000896a001300896b0004000000 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000054200000002340000000000 | 72020000"},
         {Side::client, "03000040 | 02f080 | 72020031 | "
          "310000054c00000003000003be34000000200202913d9c6800000004e88969001200000000896a001300896b0004000000 | "
          "72020000"},
         {Side::server, "03000022 | 02f080 | 72020013 | 320000054c000000033480808080808080808c | 72020000"},
         {Side::server, "03000022 | 02f080 | 72020013 | 320000054c00000003348fff8080808083fff4 | 72020000"}}},
    {"every function",
        {
         {Side::client, "03000023 | 02f080 | 72020014 | 31000004bb00000014000003be34000000030000 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000004bb00000014340000000000 | 72020000"},
         {Side::client, "03000023 | 02f080 | 72020014 | 31000004ca00000015000003be34000000110004 | 72020000"},
         {Side::server, "0300001c | 02f080 | 7202000d | 32000004ca0000001534000000 | 72020000"},
         {Side::client, "03000021 | 02f080 | 72020012 | 31000004d400000016000003be3400000063 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000004d400000016340000000000 | 72020000"},
         {Side::client, "03000023 | 02f080 | 72020014 | 31000004f200000017000003be34000000340102 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000004f200000017340000000000 | 72020000"},
         {Side::client, "03000022 | 02f080 | 72020013 | 310000052400000018000003be340000003101 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000052400000018340000000000 | 72020000"},
         {Side::client, "0300001f | 02f080 | 72020010 | 310000055600000019000003be340102 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000055600000019340000000000 | 72020000"},
         {Side::client, "0300001e | 02f080 | 7202000f | 31000005600000001a000003be3401 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000005600000001a340000000000 | 72020000"},
         {Side::client, "03000023 | 02f080 | 72020014 | 310000056b0000001b000003be34000000340001 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000056b0000001b340000000000 | 72020000"},
         {Side::client, "03000022 | 02f080 | 72020013 | 310000057c0000001c000003be340000000501 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000057c0000001c340000000000 | 72020000"},
         {Side::client, "03000022 | 02f080 | 72020013 | 31000005860000001d000003be340000000501 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000005860000001d340000000000 | 72020000"},
         {Side::client, "0300001f | 02f080 | 72020010 | 31000005900000001e000003be340102 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000005900000001e340000000000 | 72020000"},
         {Side::client, "0300001d | 02f080 | 7202000e | 310000059a0000001f000003be34 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 320000059a0000001f340000000000 | 72020000"},
         {Side::client, "0300001e | 02f080 | 7202000f | 31000005a900000020000003be3401 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000005a900000020340000000000 | 72020000"},
         {Side::client, "0300001e | 02f080 | 7202000f | 31000005b300000021000003be3400 | 72020000"},
         {Side::server, "0300001e | 02f080 | 7202000f | 32000005b300000021340000000000 | 72020000"}}},
    {"integrity parts of versions 2 and 3",
        {
         {Side::client, "03000069 | 02f080 | 7202005a | "
          "310000054c00000001000003be3400000000010581ffccb57788d0b880030293760a00000004e88969001200000000896a00 "
          "1300896b0004012001080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da | 72020000"},
         {Side::server, "03000043 | 02f080 | 72020034 | "
          "320000054c00000001340001000200000000012001080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5cc "
          "d3da | 72020000"},
         {Side::client, "0300006b | 02f080 | 7203005c | "
          "2001080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da310000054c00000009000003be34000000 "
          "00010581ffccb57788d0b880030293760a00000004e88969001200000000896a001300896b0004000000 | 72030000"},
         {Side::server, "0300003d | 02f080 | 7203002e | "
          "2001080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3da3370000c890000000000000000 | 72030000"}}},
    {"a notification, a system event, an answer in streams",
        {
         {Side::server, "0300001e | 02f080 | 7202000f | 3370000c8900000000000000000000 | 72020000"},
         {Side::server, "0300000d | 02f080 | 72ff00020102"},
         {Side::client, "03000022 | 02f080 | 72020013 | 310000058600000001000003be340000003201 | 72020000"},
         {Side::server, "0300001b | 02f080 | 7202000c | 020000058600000001340102 | 72020000"}}},
    {"a PDU in three parts",
        {
         {Side::client, "03000022 | 02f080 | 72020013 | 310000058600000001000003be340000003201 | 72020000"},
         {Side::server, "03000018 | 02f080 | 7202000d | 32000005860000000134000000"},
         {Side::server, "03000033 | 02f080 | 72020028 | "
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"},
         {Side::server, "03000041 | 02f080 | 72020032 | "
          "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031 | "
          "72020000"}}},
    {"what TLS carries",
        {
         {Side::client, "03000024 | 1fe00000000100 | c1020620c21053494d415449432d524f4f542d484d49c0010a"},
         {Side::server, "03000024 | 1fd00001000200 | c1020620c21053494d415449432d524f4f542d484d49c0010a"},
         {Side::client, "03000020 | 02f080 | 72010011 | 31000005b3000000010000012034000000 | 72010000"},
         {Side::server, "0300001e | 02f080 | 7201000f | 32000005b300000001340000000000 | 72010000"},
         {Side::client, "03000011 | 02f080 | 160301000568656c6c6f"},
         {Side::server, "0300000f | 02f080 | 1703030003616263"}}},
    {"a length that lies",
        {
         {Side::client, "03000010 | 02f080 | 72020200 | 310000054c"}},
     Carrier::tcp, true},
    {"items without end",
        {
         {Side::client, "0300002e | 02f080 | 7202001f | 310000054c00000001000003be34000000008fffffff7f8fffffff7f010203 | 72020000"}},
     Carrier::tcp, true},
    {"numbers without end",
        {
         {Side::client, "0300003f | 02f080 | 72020030 | "
          "310000054c00000001000003be3400000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff | "
          "72020000"}},
     Carrier::tcp, true},
    {"data of another form",
        {
         {Side::client, "03000023 | 02f080 | 72020014 | 310000054c00000001000003be34000000000000 | 72020000"},
         {Side::client, "03000012 | 02f080 | 3201000000000001000004"}},
     Carrier::tcp, true},
});

TEST(S7Plus, what_each_service_says) {
  const Says cases[] = {
      {"a session is created, used and deleted",
       {"request COTP CR connection request: calling TSAP=\"06.20\" called TSAP=\"SIMATIC-ROOT-HMI\"",
        "response COTP CC connection confirm: calling TSAP=\"06.20\" called TSAP=\"SIMATIC-ROOT-HMI\"",
        "request create session retained",
        "response create session retained: item 958 item 931",
        "request set session attributes retained: attribute 306",
        "response set session attributes retained",
        "request delete session",
        "response delete session retained"}},
      {"variables are read and written",
       {"request read variables: DB3 #1ff31af7.9f6.a M.9ea.1",
        "response read variables retained",
        "request write variables retained: DB3 #1ff31af7.9f6.a",
        "response write variables retained",
        "request read variables: item 2237.32 item 3688.32",
        "response read variables",
        "response read variables refused  unpaired"}},
      {"every function",
       {"request explore retained: item 3",
        "response explore retained",
        "request create object retained: item 17",
        "response create object retained",
        "request delete object: item 99",
        "response delete object retained",
       "request write variable: item 2.52",
        "response write variable retained",
        "request get link retained: item 49",
        "response get link retained",
        "request begin sequence retained",
        "response begin sequence retained",
        "request end sequence retained",
        "response end sequence retained",
        "request invoke retained: item 52",
        "response invoke retained",
        "request write streamed retained: item 5",
        "response write streamed retained",
        "request read streamed retained: item 5",
        "response read streamed retained",
        "request get addresses of variables retained",
        "response get addresses of variables retained",
        "request abort",
        "response abort retained",
        "request error retained",
        "response error retained",
        "request begin TLS retained",
        "response begin TLS retained"}},
      {"integrity parts of versions 2 and 3",
       {"request read variables: DB3 #1ff31af7.9f6.a",
        "response read variables retained",
        "request read variables: DB3 #1ff31af7.9f6.a",
        "report notification retained: item 1879051401"}},
      {"a notification, a system event, an answer in streams",
       {"report notification retained: item 1879051401",
        "report system event",
        "request read streamed retained: item 50",
        "response read streamed retained"}},
      {"a PDU in three parts",
       {"request read streamed retained: item 50",
        "response read streamed retained",
        "response part of a PDU",
        "response part of a PDU"}},
      {"what TLS carries",
       {"request COTP CR connection request: calling TSAP=\"06.20\" called TSAP=\"SIMATIC-ROOT-HMI\"",
        "response COTP CC connection confirm: calling TSAP=\"06.20\" called TSAP=\"SIMATIC-ROOT-HMI\"",
        "request begin TLS retained",
        "response begin TLS retained",
        "request TLS record encrypted",
        "response TLS record encrypted"}},
      {"a length that lies",
       {"request data of another form malformed retained"}},
      {"items without end",
       {"request read variables malformed"}},
      {"numbers without end",
       {"request read variables malformed"}},
      {"data of another form",
       {"request read variables",
        "request data of another form malformed retained"}},
  };
  expect_said("s7plus", cases);
}

TEST(S7Plus, a_session_says_which_controller_and_keeps_its_number) {
  Heard heard("s7plus");
  std::vector<Sentence> all;
  for (const Enrolled& e : samples())
    if (e.protocol == "s7plus" && e.sample.name == "a session is created, used and deleted")
      for (const SampleRecord& r : e.sample.records) all.push_back(heard(r.from, r.hex));
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(all[2].head.act, Act::session);
  EXPECT_EQ(all[2].head.sequence, 288u) << "the session without a session";
  EXPECT_EQ(all[4].head.sequence, 0x3beu);
  EXPECT_EQ(all[5].head.sequence, 0x3beu) << "an answer belongs to the session that asked";
  EXPECT_FALSE(all[5].head.unpaired);
  EXPECT_EQ(all[4].head.qualifier, 2u) << "version";
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].model), "6ES7 511-1AK00-0AB0");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].firmware), "V1.0");
}

TEST(S7Plus, an_integrity_part_is_seen) {
  Heard heard("s7plus");
  for (const Enrolled& e : samples())
    if (e.protocol == "s7plus" && e.sample.name == "integrity parts of versions 2 and 3")
      for (const SampleRecord& r : e.sample.records) {
        EXPECT_EQ(heard(r.from, r.hex).head.qualifier & 0x100, 0x100u) << r.hex;
      }
}

}  // namespace
}  // namespace vidra
