// SPDX-License-Identifier: Apache-2.0
// Unitronics PCOM Protocol (2011): transaction, mode, length; "/" unit command … sum CR.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("pcom", {
    {"a PLC says who it is", {{client, "0100650008002F3030494445440D"}, {server, "0100650014002F4130304944523120204230303230303331370D"}}},
    {"a PLC is stopped and set to run", {{client, "0200650009002F303043435333390D"}, {server, "0200650009002F413030434345360D"}, {client, "0300650009002F303043435233380D"}, {server, "0300650009002F413030434345360D"}}},
    {"integers are read", {{client, "040065000E002F3030525730303041303233430D"}, {server, "0400650011002F4130305257303030314646464645320D"}}},
    {"bits are written", {{client, "0500650011002F3030534230303130303331303141420D"}, {server, "0500650009002F413030534246350D"}}},
    {"longs are read", {{client, "060065000F002F3030524E4C30303030303136440D"}, {server, "0600650011002F413030524E303030303030313038310D"}}},
    {"a name is asked for", {{client, "070066001B002F5F4F504C4301FE010000000C00000000000000000038FD00005C"}, {server, "0700660021002F5F4F504C4301FE010000008C000000000000000600B2FC50756D7020310DFE5C"}}},
    {"operands are read", {{client, "080066001F002F5F4F504C4301FE010000004D000000000000000400F3FC0000000000005C"}, {server, "080066001F002F5F4F504C4301FE01000000CD00000000000000040073FC0000000000005C"}}},
    {"a wrong sum", {{client, "0200650009002F303043435330300D"}}, Carrier::tcp, true},
});

TEST(Pcom, values_carry_the_operands_that_were_asked) {
  Heard said("pcom");
  EXPECT_EQ(shown(said(client, "040065000E002F3030525730303041303233430D")), "MI10 x2");
  const Sentence s = said(server, "0400650011002F4130305257303030314646464645320D");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(shown(s), "MI10=1 MI11=-1");
  EXPECT_EQ(shown(said(client, "0500650011002F3030534230303130303331303141420D")), "MB16=on MB17=off MB18=on");
}

TEST(Pcom, stopping_is_an_act_of_running) {
  const Sentence s = Heard("pcom")(client, "0200650009002F303043435333390D");
  EXPECT_EQ(s.head.act, Act::run);
  EXPECT_EQ(function_name(protocol_named("pcom"), s.head.function, s.head.sub_function), "stop");
}

TEST(Pcom, a_plc_is_known_by_its_answer) {
  Heard said("pcom");
  said(client, "0100650008002F3030494445440D");
  said(server, "0100650014002F4130304944523120204230303230303331370D");
  ASSERT_EQ(said.identities.size(), 1u);
  EXPECT_EQ(said.identity_texts().at(said.identities[0].product), "R1");
  EXPECT_EQ(said.identity_texts().at(said.identities[0].firmware), "B002003");
}

}  // namespace
}  // namespace vidra
