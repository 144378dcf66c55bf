// SPDX-License-Identifier: Apache-2.0
// Commands whose end another device tells, in another protocol: 104, DNP3 and Modbus by GOOSE, by reports and answers of MMS, by another list.
#include <gtest/gtest.h>

#include <functional>

#include "tests/judge/plant.h"
#include "tests/judge/publishing.h"

namespace vidra {
namespace {

constexpr std::string_view bay = "10.1.1.41", bay_mac = "00:21:c1:30:10:41", set_name = "IED1LD0/LLN0$dsPos", position = "IED1LD0/XCBR1$ST$Pos";

constexpr std::string_view devices = R"(
[[host]]
name = "ied1"
address = "10.1.1.41"
mac = "00:21:c1:30:10:41"
role = "ied"
[[conversation]]
client = "hmi"
server = "ied1"
protocol = "mms"
)";

// Who tells the position, and how.
struct Teller {
  std::string name, declared, more;         // `feedback` in its point; tables beside it
  std::function<void(Plant&, Time)> before;   // what a client asks when it connects
  std::function<void(Plant&, Time, bool)> says;
};

Scene ied_scene(Time at, std::string_view protocol) {
  const bool goose = protocol == "goose";
  Scene s = scene(start + at, "mms", "10.1.1.30", bay, 102, Side::server);
  s.protocol = uint16_t(protocol_index(protocol));
  if (!goose) return s;
  s.client = {Address::of(*parse_mac(bay_mac)), 0}, s.server = {*parse_address("01:0c:cd:01:00:01"), 0};
  s.client_mac = *parse_mac(bay_mac), s.from = Side::client, s.flow = 77;
  return s;
}
void say(Plant& p, const Scene& s, const Message& m, const std::vector<Point>& points, const std::vector<uint8_t>& run = {}) { p.heard.judge.see(Event{s, &m, nullptr, points, Texts{run}}); }

// The third and fourth member are this position, its value and its quality.
void goose(Plant& p, Time at, bool on, bool simulated = false) {
  Message m;
  m.role = Role::report, m.act = Act::report, m.station = text_key("IED1LD0/LLN0$GO$gcb01"), m.function = 1, m.simulated = simulated;
  std::vector<Point> points(4);
  for (uint16_t i = 0; i < 4; i++) {
    points[i].object = Object::of_member(text_key(set_name), i);
    if (i % 2) points[i].set_bits(0, 13);
    else points[i].set_double_point(i == 0 || on ? 2 : 1);
  }
  say(p, ied_scene(at, "goose"), m, points);
}
void report(Plant& p, Time at, bool on) {
  Message m;
  m.function = 256, m.role = Role::report, m.act = Act::report;
  Point value{Object::of_member(text_key(set_name), 2)};
  value.set_double_point(on ? 2 : 1);
  say(p, ied_scene(at, "mms"), m, {value});
}
void read(Plant& p, Time at, bool on) {
  Message m;
  m.function = 4, m.role = Role::response, m.act = Act::read;
  std::vector<uint8_t> run;
  Point value{Hearing::named(std::string(position) + "$stVal", run)};
  value.set_double_point(on ? 2 : 1);
  say(p, ied_scene(at, "mms"), m, {value}, run);
}
void directory(Plant& p, Time at) {
  Message m;
  m.function = 12, m.role = Role::response, m.act = Act::browse;
  std::vector<uint8_t> run;
  std::vector<Point> points;
  for (std::string_view name : {set_name, std::string_view("IED1LD0/XSWI1$ST$Pos$stVal"), std::string_view("IED1LD0/XSWI1$ST$Pos$q"), std::string_view("IED1LD0/XCBR1$ST$Pos$stVal"), std::string_view("IED1LD0/XCBR1$ST$Pos$q")})
    points.push_back(Point{Hearing::named(name, run)});
  say(p, ied_scene(at, "mms"), m, points, run);
}

std::vector<Teller> tellers() {
  const std::string named = "object = \"IED1LD0/XCBR1$ST$Pos\" }\n", place = "object = \"IED1LD0/LLN0$dsPos[2]\" }\n";
  const std::string data_set = "[[data_set]]\nhost = \"ied1\"\nname = \"IED1LD0/LLN0$dsPos\"\n"
                               "members = [\"IED1LD0/XSWI1$ST$Pos$stVal\", \"IED1LD0/XSWI1$ST$Pos$q\", \"IED1LD0/XCBR1$ST$Pos$stVal\", \"IED1LD0/XCBR1$ST$Pos$q\"]\n";
  const auto nothing = [](Plant&, Time) {};
  const auto by_goose = [](Plant& p, Time at, bool on) { goose(p, at, on); };
  const std::string goose_of = "feedback = { host = \"ied1\", protocol = \"goose\", ", mms_of = "feedback = { host = \"ied1\", protocol = \"mms\", ";
  return {
      {"goose, place", goose_of + place, "", nothing, by_goose},
      {"goose, name, directory heard", goose_of + named, "", directory, by_goose},
      {"goose, name, declared", goose_of + named, data_set, nothing, by_goose},
      {"report, place", mms_of + place, "", nothing, report},
      {"report, name, directory heard", mms_of + named, "", directory, report},
      {"report, name, declared", mms_of + named, data_set, nothing, report},
      {"answer to a read", mms_of + named, "", nothing, read},
      {"another station's list", "feedback = { host = \"rtu1\", protocol = \"iec104\", station = 12, object = \"information object 77\" }\n", "", nothing,
       [](Plant& p, Time at, bool on) { p(iec104_report(start + at, scada, rtu, M_DP_TB, 3, 12, 77, on ? 2 : 1)); }},
  };
}

// Who is commanded: the point, its command to on at a time and the answer, and the row that tells of it.
struct Commanded {
  std::string point;
  std::string_view row;
  std::function<void(Plant&, Time)> on;
};
std::vector<Commanded> commanded() {
  return {
      {"[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5201\ntype = \"C_DC_NA_1\"\nmode = \"direct\"\ntravel_time = \"10s\"\n", "I104-12",
       [](Plant& p, Time at) {
         p(iec104_command(start + at, scada, rtu, C_DC, 6, 11, 5201, 2))(iec104_answer(start + at + 1, scada, rtu, C_DC, 7, 11, 5201, 2));
       }},
      {"[[dnp3_point]]\nhost = \"rtu2\"\noutstation = 10\ntype = \"crob\"\nindex = 20\nmode = \"direct\"\ntravel_time = \"10s\"\n", "DNP-37",
       [](Plant& p, Time at) {
         const Scripted e = dnp3_crob(start + at, scada, outstation, 3, 5, {20}, 3);
         p(e)(dnp3_response(e, start + at + 1));
       }},
      {"[[modbus_point]]\nhost = \"plc1\"\nunit = 1\ntable = \"coil\"\naddress = 3\nwritable = true\nkind = \"switchgear\"\ntravel_time = \"10s\"\n", "MOD-27",
       [](Plant& p, Time at) {
         const Scripted e = modbus_request(start + at, hmi, plc, 9, 5, 3, 1, {1});
         p(e)(modbus_answer(e, start + at + 1));
       }},
  };
}

void pass(Plant& p, const Teller& t, Time from, Time to, bool silent, bool on) {
  for (Time at = from; at < to; at += second) {
    if (!silent) t.says(p, at, on);
    p.heard.judge.tick(start + at + 200 * millisecond);
  }
  p.now = std::max(p.now, start + to);
}

TEST(FollowedElsewhere, RightWrongLateOrMissing) {
  for (const Commanded& c : commanded())
    for (const Teller& t : tellers()) {
      const std::string site = std::string(plant_site) + std::string(devices) + c.point + t.declared + t.more;
      enum Story { right, wrong, late, missing, already, again, unheard };
      for (const Story story : {right, wrong, late, missing, already, again, unheard}) {
        Plant p(site);
        t.before(p, 0);
        if (story != unheard) t.says(p, second, story == already);
        c.on(p, 2 * second);
        pass(p, t, 3 * second, 7 * second, story == missing || story == unheard, story == already);
        const bool moved = story == right || story == already || story == again;
        pass(p, t, 7 * second, 20 * second, story == missing || story == unheard, moved);
        if (story == late) pass(p, t, 20 * second, 25 * second, false, true);
        if (story == again) {                         // off by its own will, and the next command is not followed
          pass(p, t, 20 * second, 30 * second, false, false);
          c.on(p, 30 * second);
          pass(p, t, 31 * second, 50 * second, false, false);
        }
        p.until(60 * second);
        const size_t expected = story == wrong || story == late || story == missing || story == again;
        EXPECT_EQ(p.times(c.row), expected) << c.row << ", " << t.name << ", " << int(story) << "\n" << p.told();
        if (!expected || p.times(c.row) != expected) continue;
        const Finding& f = p.last(c.row);
        EXPECT_NE(f.what.find(t.declared.find("ied1") == std::string::npos ? "rtu1 (iec104, information object 77)" : t.declared.find("goose") != std::string::npos ? "ied1 (goose, IED1LD0/" : "ied1 (mms, IED1LD0/"), std::string::npos) << f.what;
        EXPECT_NE(f.what.find(story == missing ? "told no movement after" : "says off after"), std::string::npos) << f.what;
        EXPECT_NE(f.expected.find("within 10 s"), std::string::npos) << f.expected;
      }
    }
}

// Who injects simulated frames does not make a command followed; neither does another publisher's data set of the same name.
TEST(FollowedElsewhere, OnlyByWhoIsDeclaredAndNotBySimulation) {
  const Teller t = tellers()[0];
  for (const bool simulated : {true, false}) {
    Plant p(std::string(plant_site) + std::string(devices) + commanded()[0].point + t.declared);
    goose(p, second, false);
    commanded()[0].on(p, 2 * second);
    for (Time at = 3 * second; at < 20 * second; at += second) goose(p, at, false), goose(p, at + 100 * millisecond, true, simulated);
    p.until(30 * second);
    EXPECT_EQ(p.times("I104-12"), simulated ? 1u : 0u) << p.told();
  }
}

// Frames as they are, through their dissector: changes, and what repeats them.
TEST(FollowedElsewhere, ByFramesOfGoose) {
  const std::string point = "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5201\ntype = \"C_DC_NA_1\"\nmode = \"direct\"\ntravel_time = \"5s\"\n"
                            "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$ds[0]\" }\n";
  for (const bool moves : {true, false}) {
    Publishing p(std::string(plant_site) + std::string(devices) + point);
    GooseFrame g;
    p.repeat(g, second, 3);
    const auto command = [&](Scripted e) {
      e.scene.time = p.h.now;
      p.h.judge.see(e.event());
    };
    command(iec104_command(0, scada, rtu, C_DC, 6, 11, 5201, 2)), command(iec104_answer(0, scada, rtu, C_DC, 7, 11, 5201, 2));
    p.wait(second);
    if (moves) p.change(g);
    p.repeat(g, second, 15);
    EXPECT_EQ(p.h.times("I104-12"), moves ? 0u : 1u) << p.told();
  }
}

// A set-point in raw counts, and what became of it in the unit.
TEST(FollowedElsewhere, ASetPointByItsScale) {
  const std::string point = "[[modbus_point]]\nhost = \"plc1\"\nunit = 1\ntable = \"holding_register\"\naddress = 31\nwritable = true\ntravel_time = \"10s\"\n"
                            "feedback = { host = \"ied1\", protocol = \"mms\", object = \"IED1LD0/MMXU1$MX$TotW\", scale = 10 }\n";
  for (const double reached : {12.0, 20.0}) {
    Plant p(std::string(plant_site) + std::string(devices) + point);
    const auto measured = [&](Time at, double v) {
      Message m;
      m.function = 4, m.role = Role::response, m.act = Act::read;
      std::vector<uint8_t> run;
      Point value{Hearing::named("IED1LD0/MMXU1$MX$TotW$mag$f", run)};
      value.set_real(v);
      say(p, ied_scene(at, "mms"), m, {value}, run);
    };
    measured(second, 5);
    const Scripted e = modbus_request(start + 2 * second, hmi, plc, 9, 6, 31, 1, {200});
    p(e)(modbus_answer(e, start + 2 * second + 1));
    for (Time at = 3 * second; at < 20 * second; at += second) measured(at, std::min(reached, 5.0 + 3.0 * double(at / second)));
    p.until(30 * second);
    EXPECT_EQ(p.times("MOD-27"), reached == 20 ? 0u : 1u) << p.told();
  }
}

TEST(FollowedElsewhere, WhatCannotBeIsToldAtTheStart) {
  const std::string point = "[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5201\ntype = \"C_DC_NA_1\"\n";
  const std::string publisher = "[[publisher]]\nkind = \"goose\"\nreference = \"IED1LD0/LLN0$GO$gcb01\"\nhost = \"ied1\"\ndata_set = \"IED1LD0/LLN0$dsPos\"\ntypes = [\"double_point\", \"quality\", \"real\"]\n";
  const std::string data_set = "[[data_set]]\nhost = \"ied1\"\nname = \"IED1LD0/LLN0$dsPos\"\nmembers = [\"IED1LD0/XCBR1$ST$Pos$stVal\", \"IED1LD0/XCBR1$ST$Pos$q\"]\n";
  const std::string other_list = "[[iec104_point]]\nhost = \"rtu1\"\nstation = 12\naddress = 77\ntype = 13\n[[iec104_point]]\nhost = \"rtu1\"\nstation = 12\naddress = 78\ntype = 45\n";
  const auto said = [&](const std::string& text) {
    const std::string site = std::string(plant_site) + std::string(devices) + text;
    try {
      Hearing::site_of(site);
      return std::string();
    } catch (const std::invalid_argument& wrong) {
      const std::string what = wrong.what();                            // file, line and column, and it is the line of the feedback
      const size_t line = size_t(std::stoul(what.substr(what.find(':') + 1)));
      size_t at = 0;
      for (size_t i = 1; i < line; i++) at = site.find('\n', at) + 1;
      const std::string_view there = std::string_view(site).substr(at, site.find('\n', at) - at);
      return what + " | " + std::string(there);
    }
  };
  const struct { std::string text; std::string_view says; } cases[] = {
      {point + "feedback = { host = \"ied9\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[0]\" }\n", "\"ied9\" is no declared host, did you mean \"ied1\"?"},
      {point + "feedback = { host = \"ied1\", protocol = \"gose\", object = \"IED1LD0/LLN0$dsPos[0]\" }\n", "is no protocol that is read here"},
      {point + "feedback = { host = \"ied1\", protocol = \"sv\", object = \"channel 1\" }\n", "allowed: iec104, dnp3, modbus, mms, goose"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"information object 1101\" }\n", "is nothing that goose tells; write a place in its data set"},
      {point + "feedback = { host = \"ied1\", protocol = \"mms\", object = \"Pos\" }\n", "is nothing that mms tells"},
      {point + "feedback = { host = \"ied1\", protocol = \"mms\" }\n", "needs its object"},
      {point + "feedback = { host = \"ied1\", protocol = \"mms\", object = \"IED1LD0/XCBR1$CO$Pos\" }\n", "is a command; its state is under $ST$"},
      {point + "feedback = { host = \"ied1\", protocol = \"mms\", object = \"IED1LD0/XCBR1$ST$Pos$q\" }\n", "is a quality or a time, no state; write \"IED1LD0/XCBR1$ST$Pos\""},
      {point + "feedback = { host = \"ied1\", protocol = \"mms\", object = \"IED1LD0/XCBR1$ST$Pos\", station = 3 }\n", "mms has no stations"},
      {point + "feedback = { host = \"rtu1\", protocol = \"iec104\", object = \"information object 77\" }\n", "needs its station"},
      {point + "feedback = { host = \"rtu1\", protocol = \"iec104\", station = 12, object = \"information object 79\" }\n" + other_list, "is not among the points that are declared of rtu1, common address 12"},
      {point + "feedback = { host = \"rtu1\", protocol = \"iec104\", station = 12, object = \"information object 78\" }\n" + other_list, "is a command (test.toml:"},
      {point + "feedback = { host = \"rtu1\", protocol = \"iec104\", station = 12, object = \"information object 77\" }\n" + other_list, "is a number (test.toml:"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPoz[0]\" }\n" + publisher, "publishes no data set \"IED1LD0/LLN0$dsPoz\", did you mean \"IED1LD0/LLN0$dsPos\"?"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[3]\" }\n" + publisher, "the data set has 3 members, so the last is [2]"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[1]\" }\n" + publisher, "is a quality"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[2]\" }\n" + publisher, "is a real"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[1]\" }\n" + data_set, "is IED1LD0/XCBR1$ST$Pos$q: a quality or a time"},
      {point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/XCBR2$ST$Pos\" }\n" + data_set, "is in none of the data sets that are declared of ied1"},
      {"[[iec104_point]]\nhost = \"rtu1\"\nstation = 11\naddress = 5201\ncount = 2\nfeedback = { host = \"ied1\", protocol = \"mms\", object = \"IED1LD0/XCBR1$ST$Pos\" }\n", "several commands have no one feedback at another device"},
  };
  for (const auto& each : cases) {
    const std::string what = said(each.text);
    EXPECT_NE(what.find(each.says), std::string::npos) << each.text << what;
    EXPECT_NE(what.find("| feedback = {"), std::string::npos) << each.text << what;
  }
  EXPECT_EQ(said(point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/LLN0$dsPos[0]\" }\n" + publisher), "");
  EXPECT_EQ(said(point + "feedback = { host = \"ied1\", protocol = \"goose\", object = \"IED1LD0/XCBR1$ST$Pos$stVal\" }\n" + data_set + publisher), "");
  EXPECT_NE(said(data_set + data_set).find("is declared twice"), std::string::npos);
  EXPECT_NE(said("[[data_set]]\nhost = \"ied1\"\nname = \"dsPos\"\nmembers = [\"a\"]\n").find("is no data set of MMS"), std::string::npos);
}

}  // namespace
}  // namespace vidra
