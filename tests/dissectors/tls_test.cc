// SPDX-License-Identifier: Apache-2.0
// RFC 5246 (TLS 1.2), RFC 8446 (TLS 1.3).
#include <gtest/gtest.h>

#include "dissectors/tls_ports.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

// server name rtu-7.alder, h2, versions 1.3 and 1.2, and values of RFC 8701 in between
constexpr const char* client_hello =
    "16030100730100006f0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000081a1a13011303c02f0100003e0a0a"
    "000000000010000e00000b7274752d372e616c646572001000050003026832000d0006000404030804002b0007067a7a03040303000a00040002001d";
constexpr const char* server_hello =
    "160303002a020000260303202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f00c02f00";
constexpr const char* server_hello_13 =
    "16030300320200002e0303202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f001301000006002b00020304";
// CN=rtu-7, O=Alder, serial 1234 (hexadecimal), signed by itself
constexpr const char* certificate =
    "16030301910b00018d00018a0001873082018330820129a00302010202021234300a06082a8648ce3d0403023020310e300c06035504030c05727475"
    "2d37310e300c060355040a0c05416c646572301e170d3236313132323031353430315a170d3336313131393031353430315a3020310e300c06035504"
    "030c057274752d37310e300c060355040a0c05416c6465723059301306072a8648ce3d020106082a8648ce3d0301070342000449f9b296677ee74f67"
    "9a2e7ecd2edaeec343bc3adb75a9e4316aba6f3c668ae2f94443d5087f21c61e0aeb698fa62568bb901b0865389ddc4fefcf29d0b20ad6a353305130"
    "1d0603551d0e041604143b1ccef9ecc9cc4ec3ced1fcbd6480f24cc43169301f0603551d230418301680143b1ccef9ecc9cc4ec3ced1fcbd6480f24c"
    "c43169300f0603551d130101ff040530030101ff300a06082a8648ce3d0403020348003045022100e4521b6358de36be2e7b9dcdd8760799f7786dea"
    "4fc98ceac1f2f52a95e654df022021dba8db104a0e4e2ca359b77582584803359cd0603273af9ab3371a7d700eb3";
constexpr const char *server_done = "16030300040e000000", *key = "1603030009100000050461626364", *change = "140303000101";
constexpr const char *finished = "1603030028000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627";
constexpr const char* data = "1703030020404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f";
constexpr const char* refusal = "1503030002022a";

const Enrol enrolled("tls", {
    {"version 1.2, from the hello to data", {{client, client_hello}, {server, server_hello}, {server, certificate}, {server, server_done}, {client, key}, {client, change}, {client, finished},
                                           {server, change}, {server, finished}, {client, data}, {server, data}}},
    {"version 1.3", {{client, client_hello}, {server, server_hello_13}, {server, change}, {server, data}, {client, change}, {client, data}}},
    {"refused", {{client, client_hello}, {server, refusal}}},
    {"a record of no known kind", {{client, "63 0303 0002 0000"}}, Carrier::tcp, true},
});

std::string said(const Sentence& s, const std::string& name) {
  for (const Point& p : s.points)
    if (s.text(p.object.key()) == name) return s.text(p.raw);
  return "(not said)";
}

TEST(Tls, a_client_hello_says_whom_it_wants_and_what_program_it_is) {
  Heard tls("tls");
  const Sentence s = tls(client, client_hello);
  EXPECT_EQ(s.head.function, 1);
  EXPECT_EQ(said(s, "server name"), "rtu-7.alder");
  EXPECT_EQ(said(s, "application protocol"), "h2");
  EXPECT_EQ(said(s, "version"), "TLS 1.3");
  EXPECT_EQ(said(s, "ja4"), "t13d0305h2_5cf3574d6e68_fbabbea27ee8");   // computed apart, from FoxIO's description
}

TEST(Tls, a_certificate_says_whose_and_how_long) {
  Heard tls("tls");
  const Sentence s = tls(server, certificate);
  EXPECT_EQ(said(s, "subject"), "CN=rtu-7, O=Alder");
  EXPECT_EQ(said(s, "issuer"), "CN=rtu-7, O=Alder");
  EXPECT_EQ(said(s, "serial"), "1234");
  EXPECT_EQ(Time(s.points.at(4).raw), 2110672441 * second);
  EXPECT_EQ(s.points.at(5).raw, 1u);
  EXPECT_EQ(said(s, "SHA-1 thumbprint"), "40126ec6ff379f948c68b712465dacee1fdd39f5");   // as openssl x509 -fingerprint says
  EXPECT_EQ(said(s, "SHA-256 thumbprint"), "defe18d77174c3e0cc17c438ae1f413b372fcd4d00d4b9581c27b14939e6b3d0");
}

TEST(Tls, a_message_may_lie_across_records) {
  const auto whole = hex(certificate);
  for (size_t first : {size_t{1}, size_t{3}, size_t{100}}) {
    Heard tls("tls");
    const auto record = [](Bytes part) {
      std::vector<uint8_t> r = {22, 3, 3, uint8_t(part.size() >> 8), uint8_t(part.size())};
      r.insert(r.end(), part.begin(), part.end());
      return r;
    };
    const Bytes body = Bytes(whole).subspan(5);
    Feed feed(tls.parser(), tls.say);
    feed.offer(server, record(body.first(first)));
    feed.offer(server, record(body.subspan(first)));
    EXPECT_EQ(feed.records, 2u);
    tls.parser().gap(server, 0);
  }
}

TEST(Tls, what_is_encrypted_is_named_once_and_is_never_malformed) {
  Heard tls("tls");
  tls(client, client_hello);
  const Sentence s = tls(server, server_hello_13);
  EXPECT_EQ(said(s, "version"), "TLS 1.3");
  const Sentence first = tls(server, data);
  EXPECT_TRUE(first.head.encrypted);
  EXPECT_FALSE(first.head.malformed);
  const auto octets = hex(data);
  EXPECT_EQ(tls.parser().next(server, octets, true, false).kind, Cut::skip);
}

TEST(Tls, an_alert_refuses) {
  Heard tls("tls");
  const Sentence s = tls(server, refusal);
  EXPECT_TRUE(s.head.refused);
  EXPECT_EQ(protocol_named("tls").reason(s.head.reason), "bad certificate");
}

TEST(Tls, ports_of_secured_energy_protocols_have_names) {
  EXPECT_EQ(tls_carries(19998), "IEC 60870-5-104");
  EXPECT_EQ(tls_carries(3782), "MMS");
  EXPECT_EQ(tls_carries(1), "");
}

}  // namespace
}  // namespace vidra
