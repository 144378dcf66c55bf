// SPDX-License-Identifier: Apache-2.0
// ABB 34 SPACOM 2 EN1: ">" slave kind item [":" data] ":" checksum CR, answers with "<".
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("spa", {
    {"a slave says who it is", {{client, "3E313252463A31330D"}, {server, "3C3132443A5350414A2031343020433A30350D"}}},
    {"a setting is read", {{client, "3E3132523253313A30350D"}, {server, "3C3132443A302E35303A36300D"}}},
    {"a setting is written", {{client, "3E3132573253313A302E37353A32360D"}, {server, "3C3132413A34340D"}}},
    {"an output is operated, and refused", {{client, "3E313257314F313A313A31340D"}, {server, "3C31324E3A333A34320D"}}},
    {"a wrong checksum", {{client, "3E313252463A30300D"}}, Carrier::tcp, true},
});

TEST(Spa, items_keep_their_names) {
  Heard said("spa");
  EXPECT_EQ(shown(said(client, "3E3132523253313A30350D")), "2S1");
  const Sentence s = said(server, "3C3132443A302E35303A36300D");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  EXPECT_EQ(s.head.station, 12u);
  EXPECT_EQ(shown(s), "2S1=0.50");
}

TEST(Spa, outputs_are_operated_and_settings_configured) {
  Heard said("spa");
  EXPECT_EQ(said(client, "3E313257314F313A313A31340D").head.act, Act::operate);
  EXPECT_EQ(said(client, "3E3132573253313A302E37353A32360D").head.act, Act::configure);
}

TEST(Spa, a_password_is_not_said) { EXPECT_EQ(shown(Heard("spa")(client, "3E313257563136303A3132333A33420D")), "V160=other"); }

TEST(Spa, a_relay_is_known_by_its_designation) {
  Heard said("spa");
  said(client, "3E313252463A31330D");
  said(server, "3C3132443A5350414A2031343020433A30350D");
  ASSERT_EQ(said.identities.size(), 1u);
  EXPECT_EQ(said.identity_texts().at(said.identities[0].product), "SPAJ 140 C");
}

}  // namespace
}  // namespace vidra
