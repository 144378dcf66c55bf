// SPDX-License-Identifier: Apache-2.0
// Lantronix UDS-10 User Guide, chapter 8: three zeros, a function, its data.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

#define REST "00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"

const Enrol enrolled("lantronix", {
    {"the firmware is asked for", {{client, "000000 F6"}, {server, "000000 F7 00000000 5835 0000000000000000 1234 0001 2A12"}}, Carrier::udp},
    {"the setup record is read", {{client, "000000 F8"}, {server, "000000 F9 C0A80105 00000000 41424344 C0A80101" REST}}, Carrier::udp},
    {"the setup is changed", {{client, "000000 FA C0A80105 00000000 00000000 C0A80101" REST}, {server, "000000 FB"}}, Carrier::udp},
    {"an address is set", {{client, "000000 FC 49502D5345545550 0000 2A12 81000102"}}, Carrier::udp},
    {"a node is reset", {{client, "000000 03 3351"}}, Carrier::udp},
});

TEST(Lantronix, a_setup_record_tells_whether_a_password_is_set_and_no_more) {
  Heard said("lantronix");
  const Sentence s = said(server, "000000 F9 C0A80105 00000000 41424344 C0A80101" REST);
  EXPECT_EQ(shown(s), "IP address=192.168.1.5 password=other gateway=192.168.1.1 =104 octets");
  EXPECT_EQ(shown(said(client, "000000 FA C0A80105 00000000 00000000 00000000" REST)), "IP address=192.168.1.5 password=none =104 octets");
  EXPECT_EQ(said.all.at(0).head.act, Act::configure);
}

TEST(Lantronix, a_reset_is_an_act_of_running) { EXPECT_EQ(Heard("lantronix")(client, "000000 03 3351").head.act, Act::run); }

TEST(Lantronix, a_device_server_is_known_by_its_firmware) {
  Heard said("lantronix");
  EXPECT_EQ(shown(said(server, "000000 F7 00000000 5835 0000000000000000 1234 0001 2A12")), "software type=X5 serial number=10770");
  ASSERT_EQ(said.identities.size(), 1u);
  EXPECT_EQ(said.identity_texts().at(said.identities[0].vendor), "Lantronix");
}

}  // namespace
}  // namespace vidra
