// SPDX-License-Identifier: Apache-2.0
// SEL relays: the ASCII dialogue, Fast Messages.
#include <gtest/gtest.h>

#include "tests/support/hear.h"
#include "tests/support/samples.h"
#include "tests/support/shown.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

const Enrol enrolled("sel", {
    {"Fast Operate", {{client, "a5c0"}, {server, "a5c00c010203040506070895"}, {client, "a5e30631c584"}, {client, "a5e00620812c"}}},
    {"a breaker is closed", {{client, "a5e3061145e4"}}},
    {"a wrong check sum", {{client, "a5e30631c500"}}, Carrier::tcp, true},
});

std::vector<uint8_t> text(std::string_view s) { return {s.begin(), s.end()}; }
// What the relay and its operator say, as the sensor hears it: streams.
struct Dialogue {
  Heard heard{"sel"};
  Keeper keeper;
  Speaker say{keeper};
  Feed feed{heard.parser(), say};
  void relay(std::string_view s) { feed.offer(server, text(s)); }
  void types(std::string_view s) { feed.offer(client, text(s)); }
};

TEST(Sel, levels_and_breaker_commands_are_told_and_passwords_are_not) {
  Dialogue d;
  d.relay("\x02\r\nFEEDER 1  STATION A\r\n\x03\r\n=");
  d.types("ACC\r\n");
  d.relay("ACC\r\nPassword: ? ");
  d.types("hunter22\r\n");
  d.relay("@@@@@@\r\n=>");
  d.types("2AC\r\n");
  d.relay("2AC\r\nPassword: ? ");
  d.types("TAIL\r\n");
  d.relay("@@@@\r\n=>>");
  d.types("OPE 1\r\n");
  d.relay("OPE 1\r\n");
  EXPECT_EQ(d.feed.losses, 0u);
  std::string heard;
  for (const Sentence& s : d.keeper.sentences) {
    EXPECT_FALSE(s.head.malformed);
    heard += std::string(function_name(protocol_named("sel"), s.head.function, s.head.sub_function)) + " " + shown(s) + "\n";
    for (const auto& [key, kept] : s.texts) EXPECT_TRUE(kept.find("hunter") == std::string::npos && kept.find("TAIL") == std::string::npos);
  }
  EXPECT_EQ(heard, "access level 1 (ACC) \nprompt, access level 0 \npassword password=other\naccess level 2 (2AC) \nprompt, access level 1 \n"
                   "password password=vendor default\nopen breaker (OPE) operand=1\nprompt, access level 2 \n");
}

TEST(Sel, a_relay_identifies_itself) {
  Dialogue d;
  d.relay("\r\n\"FID=SEL-351-5-R505-V0-Z003003-D20040401\",\"0916\"\r\n");
  ASSERT_EQ(d.keeper.identities.size(), 1u);
  EXPECT_EQ(d.keeper.identity_texts.at(d.keeper.identities[0].model), "SEL-351-5");
  EXPECT_EQ(d.keeper.identity_texts.at(d.keeper.identities[0].firmware), "R505-V0-Z003003-D20040401");
}

TEST(Sel, fast_operate_names_breaker_and_state) {
  Heard sel("sel");
  const Sentence s = sel(client, "a5e30631c584");
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(s.head.act, Act::operate);
  EXPECT_EQ(shown(s), "breaker 1=off");
  EXPECT_TRUE(sel(client, "a5e3063100 0f").head.malformed) << "the code's second copy differs";
}

TEST(Sel, the_dialogue_is_recognised_by_its_prompt) {
  const auto recognises = protocol_named("sel").recognises;
  const auto relay = text("\x02\r\nFEEDER 1\r\n\x03\r\n=>"), shell = text("\r\n$ a=b\r\n=\r\n"), typed = text("ACC\r\n");
  EXPECT_EQ(recognises(typed, relay, Carrier::tcp).sure, Recognised::yes);
  EXPECT_EQ(recognises(typed, relay, Carrier::tcp).client, Recognised::up);
  EXPECT_NE(recognises(typed, shell, Carrier::tcp).sure, Recognised::yes);
}

}  // namespace
}  // namespace vidra
