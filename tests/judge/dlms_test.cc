// SPDX-License-Identifier: Apache-2.0
// Each row of the DLMS family: what must raise it and what must not.
#include "tests/judge/asked.h"

namespace vidra {
namespace {

enum : uint16_t { aarq = 0x60, aare = 0x61, get = 0xc0, set = 0xc1, action = 0xc3, glo_get = 0xc8, ded_get = 0xd0, data_notification = 0x0f };

// One request for an object, as the dissector names it.
size_t asks(Hearing& h, std::string_view id, std::string_view who, uint16_t function, std::string_view object, Act act, std::string_view meter = plc) {
  std::vector<uint8_t> run;
  Message m = message_of({"", "dlms", function, 1});
  m.act = act;
  const Point p = named_point(object, run);
  h.say("dlms", who, meter, m, {p}, Side::client, Texts{run});
  return h.times(id);
}

struct Case { std::string_view id; uint16_t function; std::string_view object; Act act; bool declared; };
constexpr Case cases[] = {
    {"DLM-03", action, "image transfer 0-0:44.0.0.255 method 1", Act::program, true},
    {"DLM-04", action, "security setup 0-0:43.0.0.255 method 2", Act::configure, true},
    {"DLM-04", set, "security setup 0-0:43.0.0.255 attribute 2", Act::configure, true},
    {"DLM-04", set, "association LN 0-0:40.0.0.255 attribute 7", Act::configure, true},
    {"DLM-06", set, "clock 0-0:1.0.0.255 attribute 2", Act::time, false},
    {"DLM-06", action, "activity calendar 0-0:13.0.0.255 method 1", Act::configure, false},
    {"DLM-08", action, "disconnect control 0-0:96.3.10.255 method 1", Act::operate, false},
};

TEST(Dlms, WhatNotEverybodyMayDo) {
  for (const Case& c : cases) {
    for (std::string_view who : {hmi, laptop}) {
      Hearing h(plant_of("dlms"));
      EXPECT_EQ(asks(h, c.id, who, c.function, c.object, c.act), 1u) << c.object << " by " << who << '\n' << h.told();
    }
    Hearing h(plant_of("dlms")), nothing;
    EXPECT_EQ(asks(h, c.id, ews, c.function, c.object, c.act), 0u) << c.object << '\n' << h.told();
    EXPECT_EQ(asks(nothing, c.id, ews, c.function, c.object, c.act), c.declared ? 1u : 0u) << c.object << '\n' << nothing.told();
  }
  Hearing h(plant_of("dlms"));
  asks(h, "", hmi, get, "disconnect control 0-0:96.3.10.255 attribute 2", Act::read);
  asks(h, "", hmi, action, "association LN 0-0:40.0.0.255 method 1", Act::session);
  EXPECT_TRUE(h.findings.empty()) << "its state is read; the answer to a challenge\n" << h.told();
}

TEST(Dlms, AssociationsWithoutSecurity) {                        // "DLM-01"
  for (uint16_t mechanism : {0, 1, 5}) {
    Hearing h(plant_of("dlms"));
    h.say("dlms", hmi, plc, message_of({"", "dlms", aarq, mechanism}));
    EXPECT_EQ(h.times("DLM-01"), 0u) << h.told();
    h.say("dlms", laptop, plc, message_of({"", "dlms", aarq, mechanism}));
    EXPECT_EQ(h.times("DLM-01"), mechanism < 2 ? 1u : 0u) << h.told();
  }
  for (std::string_view kind : {"vendor default", "other"}) {
    Hearing h;
    std::vector<uint8_t> run;
    const Point p = named_point("password", run, kind);
    h.say("dlms", hmi, plc, message_of({"", "dlms", aarq, 1}), {p}, Side::client, Texts{run});
    EXPECT_EQ(h.times("DLM-01"), kind == "other" ? 0u : 1u) << h.told();
  }
}

TEST(Dlms, ManyMetersAreDisconnected) {                          // "DLM-02"
  Hearing h(plant_of("dlms"));
  for (int i = 0; i < 20; i++) asks(h, "", ews, action, "disconnect control 0-0:96.3.10.255 method 1", Act::operate, "10.1.1.60:4059");
  EXPECT_EQ(h.times("DLM-02"), 0u) << "one meter, again and again\n" << h.told();
  for (int i = 61; i <= 70; i++) asks(h, "", ews, action, "disconnect control 0-0:96.3.10.255 method 2", Act::operate, "10.1.1." + std::to_string(i) + ":4059");
  EXPECT_EQ(h.times("DLM-02"), 0u) << "connected again\n" << h.told();
  for (int i = 61; i <= 64; i++) asks(h, "", ews, action, "disconnect control 0-0:96.3.10.255 method 1", Act::operate, "10.1.1." + std::to_string(i) + ":4059");
  ASSERT_EQ(h.times("DLM-02"), 1u) << h.told();
  EXPECT_EQ(h.last("DLM-02").weight, 5u);
}

void secured(Hearing& h, uint16_t function, uint32_t counter, std::string_view who = hmi, Side from = Side::client) {
  std::vector<uint8_t> run;
  Message m = message_of({"", "dlms", function}, from == Side::client ? Role::request : Role::response);
  m.encrypted = true;
  m.qualifier = 0x30;
  Point p = named_point("invocation counter", run);
  p.set_natural(counter);
  h.say("dlms", who, plc, m, {p}, from, Texts{run});
}

TEST(Dlms, ACounterThatDoesNotGoOn) {                            // "DLM-05"
  Hearing h;
  for (uint32_t i : {10u, 11u, 15u, 900u, 900u}) secured(h, glo_get, i), h.wait(second);
  secured(h, glo_get, 3, ews);
  secured(h, glo_get, 5, hmi, Side::server);
  for (uint32_t i : {1u, 2u, 1u, 2u}) secured(h, ded_get, i);
  EXPECT_EQ(h.times("DLM-05"), 0u) << "a gap, a repetition, others' counters, an association's own\n" << h.told();
  h.wait(minute);
  secured(h, glo_get, 11);
  EXPECT_EQ(h.times("DLM-05"), 1u) << h.told();
  h.wait(minute);
  secured(h, glo_get, 900);
  EXPECT_EQ(h.times("DLM-05"), 2u) << h.told();
}

TEST(Dlms, ATitleTwice) {                                        // "DLM-07"
  Hearing h;
  const auto says = [&](std::string_view meter, std::string_view title) {
    std::vector<uint8_t> run;
    const Point p = named_point("system title", run, title);
    h.say("dlms", hmi, meter, message_of({"", "dlms", aare}, Role::response), {p}, Side::server, Texts{run});
  };
  says("10.1.1.60:4059", "ABC 0000000001");
  says("10.1.1.61:4059", "ABC 0000000002");
  says("10.1.1.61:4059", "ABC 0000000001");
  EXPECT_EQ(h.times("DLM-07"), 1u) << h.told();
  h.wait(hour);
  says("10.1.1.62:4059", "ABC 0000000002");
  EXPECT_EQ(h.times("DLM-07"), 1u) << "the meter has got another address\n" << h.told();
}

TEST(Dlms, APushOfAnUnknownMeter) {                              // "DLM-07"
  Hearing h(plant_of("dlms"));
  h.say("dlms", hmi, plc, message_of({"", "dlms", data_notification}, Role::report), {}, Side::server);
  EXPECT_EQ(h.times("DLM-07"), 0u) << h.told();
  h.wait(minute);
  h.say("dlms", hmi, "10.1.1.77:4059", message_of({"", "dlms", data_notification}, Role::report), {}, Side::server);
  EXPECT_EQ(h.times("DLM-07"), 1u) << h.told();
}

}  // namespace
}  // namespace vidra
