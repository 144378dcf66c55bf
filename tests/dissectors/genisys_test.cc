// SPDX-License-Identifier: Apache-2.0
// Genisys: header, station, (address, octet)…, CRC, F6; octets from F0 on are sent as F0 and their low half.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("genisys", {
    {"a station is polled", {{client, "FB0182F000F6"}, {server, "F101F6"}, {client, "FB0182F000F6"}, {server, "F101F6"}}},
    {"all is recalled", {{client, "FD018150F6"}, {server, "F2010005010402F0035345F6"}}},
    {"a control is checked back and executed", {{client, "FC01018061A0F6"}, {server, "F301018062B4F6"}, {client, "FE0181A0F6"}, {server, "F101F6"}}},
    {"a wrong CRC", {{client, "FC0101800000F6"}}, Carrier::tcp, true},
});

TEST(Genisys, octets_are_named_by_their_address_and_escapes_are_undone) {
  const Sentence s = Heard("genisys")(server, "F2010005010402F0035345F6");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_EQ(s.head.station, 1u);
  EXPECT_EQ(shown(s), "item 0=0x5 item 1=0x4 item 2=0xf3");
}

TEST(Genisys, a_control_and_its_checkback_compare) {
  Heard said("genisys");
  const Sentence control = said(client, "FC01018061A0F6"), checkback = said(server, "F301018062B4F6");
  EXPECT_EQ(control.head.act, Act::operate);
  EXPECT_EQ(checkback.head.act, Act::select);
  EXPECT_EQ(control.head.digest, checkback.head.digest);
  EXPECT_EQ(said(client, "FE0181A0F6").head.act, Act::operate);
}

}  // namespace
}  // namespace vidra
