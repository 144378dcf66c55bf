// SPDX-License-Identifier: Apache-2.0
#pragma once
// What rows of data promise, tried with one sentence: who may say it and who may not.
#include <gtest/gtest.h>

#include "tests/judge/hearing.h"

namespace vidra {

inline constexpr std::string_view hmi = "10.1.1.11:50000", ews = "10.1.1.12:50001", laptop = "10.1.1.99:50002", plc = "10.1.1.60:1234";

// An HMI that may read, an engineering workstation that may everything, a controller; whoever else speaks is a stranger.
inline std::string plant_of(std::string_view protocol) {
  std::string s = "[[host]]\nname = \"hmi\"\naddress = \"10.1.1.11\"\n[[host]]\nname = \"ews\"\naddress = \"10.1.1.12\"\n[[host]]\nname = \"plc1\"\naddress = \"10.1.1.60\"\nrole = \"plc\"\n";
  for (std::string_view client : {"hmi", "ews"}) {
    s += "[[conversation]]\nclient = \"" + std::string(client) + "\"\nserver = \"plc1\"\nprotocol = \"" + std::string(protocol) + "\"\n";
    if (client == "ews") s += "acts = [\"reading\", \"select\", \"operate\", \"write\", \"configure\", \"program\", \"run\", \"file\", \"time\"]\n";
  }
  return s;
}

struct Asked { std::string_view id, protocol; uint16_t function, sub = 0; std::vector<Point> points = {}; };

inline Message message_of(const Asked& a, Role role = Role::request) {
  Message m;
  m.function = a.function;
  m.sub_function = a.sub;
  m.role = role;
  for (const Function& f : protocols[size_t(protocol_index(a.protocol))]->functions)
    if (f.number == a.function && (f.sub == a.sub || f.sub == 0xffff)) {
      m.act = f.act;
      break;
    }
  return m;
}

inline size_t times(const Asked& a, Hearing& h, std::string_view who) {
  h.say(a.protocol, who, plc, message_of(a), a.points);
  return h.times(a.id);
}

// Wrong for all but those who are declared to do such things; told even where nothing is known.
inline void only_declared(const Asked& a) {
  for (std::string_view who : {hmi, laptop}) {
    Hearing h(plant_of(a.protocol));
    EXPECT_EQ(times(a, h, who), 1u) << a.id << ' ' << a.function << " by " << who << '\n' << h.told();
  }
  Hearing h(plant_of(a.protocol)), nothing;
  EXPECT_EQ(times(a, h, ews), 0u) << a.id << ' ' << a.function << " by the engineering workstation\n" << h.told();
  EXPECT_EQ(times(a, nothing, ews), 1u) << a.id << ' ' << a.function << " where nothing is known\n" << nothing.told();
}
// The same, but a habit makes it right, so where nothing is known nothing is said.
inline void only_usual(const Asked& a) {
  for (std::string_view who : {hmi, laptop}) {
    Hearing h(plant_of(a.protocol));
    EXPECT_EQ(times(a, h, who), 1u) << a.id << ' ' << a.function << " by " << who << '\n' << h.told();
  }
  Hearing h(plant_of(a.protocol)), nothing;
  EXPECT_EQ(times(a, h, ews), 0u) << a.id << ' ' << a.function << " by the engineering workstation\n" << h.told();
  EXPECT_EQ(times(a, nothing, ews), 0u) << a.id << ' ' << a.function << " where nothing is known\n" << nothing.told();
}
// Everybody whose conversation is known may; strangers may not.
inline void only_met(const Asked& a) {
  for (std::string_view who : {hmi, ews}) {
    Hearing h(plant_of(a.protocol));
    EXPECT_EQ(times(a, h, who), 0u) << a.id << ' ' << a.function << " by " << who << '\n' << h.told();
  }
  Hearing h(plant_of(a.protocol)), nothing;
  EXPECT_EQ(times(a, h, laptop), 1u) << a.id << ' ' << a.function << " by a stranger\n" << h.told();
  EXPECT_EQ(times(a, nothing, laptop), 0u) << a.id << ' ' << a.function << " where nothing is known\n" << nothing.told();
}

// A named point, as dissectors say fields: its name, and its value where that is a text, go into the run.
inline Point named_point(std::string_view name, std::vector<uint8_t>& run, std::string_view text = "") {
  Point p;
  p.object = Hearing::named(name, run);
  if (!text.empty()) {
    Hearing::named(text, run);
    p.set_text(text_key(text));
  }
  return p;
}

}  // namespace vidra
