// SPDX-License-Identifier: Apache-2.0
// Each row of the OPC UA family: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

enum : uint16_t { fault_of_transport = 258, abort_chunk = 262, open_channel = 446, create_session = 461, activate_session = 467, browse = 527, read_service = 631, write_service = 673, call = 712 };

Message said(uint16_t function, uint16_t sub = 0, Role role = Role::request) { return message_of({"", "opcua", function, sub}, role); }
Point node(uint32_t n) { return Point{Object(ObjectKind::node, n, 2)}; }

TEST(OpcUa, WhatNotEverybodyMayDo) {
  only_met({"OPC-02", "opcua", activate_session, 1});
  for (uint16_t f : {write_service, call}) only_usual({"OPC-05", "opcua", f, 0, {node(7)}});
  only_declared({"OPC-06", "opcua", 500, 0, {node(7)}});
  only_usual({"OPC-06", "opcua", 488, 0, {node(7)}});
  Hearing h(plant_of("opcua"));
  h.say("opcua", laptop, plc, said(read_service), {node(7)});
  EXPECT_EQ(h.times("OPC-05"), 0u) << h.told();
}

TEST(OpcUa, APasswordInPlainText) {                              // "OPC-02"
  for (std::string_view kind : {"encrypted", "other, not encrypted"}) {
    Hearing h(plant_of("opcua"));
    std::vector<uint8_t> run;
    const Point p = named_point("password", run, kind);
    h.say("opcua", laptop, plc, said(activate_session, 2), {p}, Side::client, Texts{run});
    EXPECT_EQ(h.times("OPC-02"), kind == "encrypted" ? 0u : 1u) << h.told();
  }
}

TEST(OpcUa, AClientThatLosesItsSecurity) {                       // "OPC-01"
  Hearing h;
  Message m = said(activate_session, 2);
  m.qualifier = 1;
  h.say("opcua", hmi, plc, m);
  EXPECT_EQ(h.times("OPC-01"), 0u) << "it never had any\n" << h.told();
  Message secured = said(260);
  secured.encrypted = true;
  secured.qualifier = 3;
  h.say("opcua", hmi, plc, secured);
  h.say("opcua", hmi, plc, said(428));
  h.say("opcua", ews, plc, m);
  EXPECT_EQ(h.times("OPC-01"), 0u) << "endpoints are asked for without; another client may use another endpoint\n" << h.told();
  h.say("opcua", hmi, plc, m);
  EXPECT_EQ(h.times("OPC-01"), 1u) << h.told();
}

TEST(OpcUa, AStrangerWithoutSecurityWhereOthersHaveIt) {         // "OPC-01"
  Hearing h(plant_of("opcua"));
  Message m = said(activate_session, 2), secured = said(260);
  m.qualifier = 1, secured.qualifier = 3;
  h.say("opcua", hmi, plc, secured);
  h.say("opcua", ews, plc, m);
  EXPECT_EQ(h.times("OPC-01"), 0u) << h.told();
  h.say("opcua", laptop, plc, m);
  EXPECT_EQ(h.times("OPC-01"), 1u) << h.told();
}

TEST(OpcUa, Guessing) {                                          // "OPC-03"
  Hearing h;
  Message m = said(activate_session, 2, Role::response);
  m.refused = true;
  m.reason = 0x801f;
  for (int i = 0; i < 4; i++) h.say("opcua", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("OPC-03"), 0u) << h.told();
  h.wait(2 * minute);
  for (int i = 0; i < 4; i++) h.say("opcua", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("OPC-03"), 0u) << "one in half a minute is a client with an old password\n" << h.told();
  h.say("opcua", hmi, plc, m, {}, Side::server);
  ASSERT_EQ(h.times("OPC-03"), 1u) << h.told();
  EXPECT_EQ(text_of(h.last("OPC-03").source.address), "10.1.1.11") << "the guesser is the source";
}

TEST(OpcUa, AWalkThroughTheAddressSpace) {                       // "OPC-04"
  Hearing h(plant_of("opcua"));
  for (uint32_t i = 0; i < 40; i++) h.say("opcua", hmi, plc, said(browse), {node(i % 8)});
  for (uint32_t i = 0; i < 100; i++) h.say("opcua", ews, plc, said(browse), {node(i)});
  EXPECT_EQ(h.times("OPC-04"), 0u) << "a declared client may read the tree\n" << h.told();
  for (uint32_t i = 0; i < 20; i++) h.say("opcua", laptop, plc, said(browse), {node(i)});
  EXPECT_EQ(h.times("OPC-04"), 0u) << h.told();
  for (uint32_t i = 20; i < 90; i++) h.say("opcua", laptop, plc, said(browse), {node(i)});
  EXPECT_GE(h.times("OPC-04"), 1u) << h.told();
  EXPECT_EQ(h.stories(), 1u + h.times("NET-01")) << "one walk is one story\n" << h.told();
}

TEST(OpcUa, AnotherCertificate) {                                // "OPC-07"
  Hearing h;
  const auto opens = [&](std::string_view client, std::string_view policy, std::string_view thumbprint) {
    std::vector<uint8_t> run;
    const std::vector<Point> points = {named_point("security policy", run, policy), named_point("sender's certificate", run, thumbprint)};
    h.say("opcua", client, plc, said(open_channel, 0, Role::response), points, Side::server, Texts{run});
  };
  opens(hmi, "Basic256Sha256", "aa11");
  opens(ews, "Basic256Sha256", "aa11");
  opens(hmi, "ECC_nistP256", "bb22");
  EXPECT_EQ(h.times("OPC-07"), 0u) << "one for each policy\n" << h.told();
  opens(hmi, "Basic256Sha256", "cc33");
  EXPECT_EQ(h.times("OPC-07"), 1u) << h.told();
}

TEST(OpcUa, ARefusedCertificateAndBrokenMessages) {              // "OPC-07", "OPC-08"
  Hearing h;
  Message m = said(fault_of_transport, 0, Role::response);
  m.refused = true;
  m.reason = 0x801a;
  h.say("opcua", hmi, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("OPC-07"), 1u) << h.told();
  m.reason = 0x8080;
  Message broken = said(read_service);
  broken.malformed = true;
  for (int i = 0; i < 2; i++) h.say("opcua", hmi, plc, broken), h.say("opcua", ews, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("OPC-08"), 0u) << h.told();
  h.say("opcua", hmi, plc, broken);
  h.say("opcua", ews, plc, m, {}, Side::server);
  EXPECT_EQ(h.times("OPC-08"), 2u) << h.told();
}

}  // namespace
}  // namespace vidra
