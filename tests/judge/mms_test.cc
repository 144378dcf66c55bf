// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "daemon/judge/memory_file.h"
#include "tests/judge/hearing.h"

namespace vidra {
namespace {

constexpr std::string_view station_hmi = "10.1.1.30", centre = "10.9.1.10", engineer = "10.1.1.90", laptop = "10.1.1.199", ied1 = "10.1.1.41", ied2 = "10.1.1.42", ied3 = "10.1.1.43";
constexpr std::string_view site = R"(
[[host]]
name = "hmi"
address = "10.1.1.30"
role = "hmi"
[[host]]
name = "centre"
address = "10.9.1.10"
[[host]]
name = "ews"
address = "10.1.1.90"
role = "engineering"
[[host]]
name = "ied1"
address = "10.1.1.41"
role = "ied"
[[host]]
name = "ied2"
address = "10.1.1.42"
role = "ied"
[[host]]
name = "ied3"
address = "10.1.1.43"
role = "ied"
[[conversation]]
client = "hmi"
server = "10.1.1.40/29"
protocol = "mms"
acts = ["reading", "select", "operate", "cancel"]
[[conversation]]
client = "centre"
server = "10.1.1.40/29"
protocol = "mms"
acts = ["reading", "select", "operate", "cancel"]
[[conversation]]
client = "ews"
server = "ied2"
protocol = "mms"
[[mms_point]]
host = "ied1"
object = "IED1LD0/CSWI1$CO$Pos"
kind = "switchgear"
mode = "select"
feedback = "IED1LD0/CSWI1$ST$Pos"
travel_time = "10s"
)";

// Sentences as the dissector of MMS says them, with their names.
class Bay final : private Listener {
 public:
  explicit Bay(std::string_view with = site) : Bay(Hearing::Options{with}) {}
  explicit Bay(Hearing::Options o) : h(std::move(o)) {}

  struct Value { std::string_view name; double number = 0; uint32_t qualifier = 0; std::string_view text = ""; };
  Bay& say(std::string_view client, std::string_view server, Message m, std::vector<Value> values = {}, std::string_view origin = "") {
    scene_ = {};
    scene_.protocol = uint16_t(protocol_index("mms"));
    scene_.client = {*parse_address(client), 40'000}, scene_.server = {*parse_address(server), 102};
    scene_.client_mac = Hearing::mac_of(scene_.client.address), scene_.server_mac = Hearing::mac_of(scene_.server.address);
    scene_.flow = std::hash<std::string>{}(std::string(client) + std::string(server)) >> 2 | 1;
    scene_.from = m.role == Role::request ? Side::client : Side::server;
    scene_.time = speaker_.time = h.now;
    scene_.frame = ++h.frames;
    Message& head = speaker_.begin();
    head = m;
    if (!origin.empty()) head.origin = speaker_.text(origin), head.has_origin = true;
    for (const Value& v : values) {
      Point& p = speaker_.point(speaker_.named(v.name));
      if (!v.text.empty()) p.set_text(speaker_.text(v.text));
      else if (m.act == Act::operate || m.act == Act::select || v.number == 0 || v.number == 1) p.set(v.number != 0);
      if (v.number > 1) p.set_integer(int64_t(v.number));
      p.qualifier = v.qualifier;
      p.status = m.refused ? m.reason : 0;
    }
    speaker_.end();
    h.wait(5 * millisecond);
    return *this;
  }
  static Message request(uint16_t function, uint16_t sub, Act act, uint32_t tag = 1) {
    Message m;
    m.function = function, m.sub_function = sub, m.act = act, m.role = Role::request, m.tag = tag;
    return m;
  }
  static Message response(uint16_t function, uint16_t sub, Act act, uint32_t tag = 1) {
    Message m = request(function, sub, act, tag);
    m.role = Role::response;
    return m;
  }
  static Message refusal(uint16_t function, uint16_t sub, Act act, uint16_t reason, uint32_t tag = 1) {
    Message m = response(function, sub, act, tag);
    m.refused = true, m.reason = reason;
    return m;
  }
  void associates(std::string_view client, std::string_view server, uint16_t how = 0) {
    say(client, server, request(280, how, Act::session), {{"maximum PDU size", 65'000}});
    say(client, server, response(281, 0, Act::session));
  }
  static constexpr uint32_t control(unsigned checks, unsigned category = 2) { return 1u << 31 | category << 8 | checks; }
  // Select, operate and the end of it, as an operator does it.
  void switches(std::string_view client, std::string_view server, std::string_view object, bool on, unsigned checks = 3, std::string_view origin = "HMI01", bool select = true, uint32_t category = 2) {
    const uint32_t q = control(checks, category);
    if (select) {
      tag_++;
      say(client, server, request(5, 1, Act::select, tag_), {{object, double(on), q}}, origin);
      say(client, server, response(5, 1, Act::select, tag_), {{object, double(on)}});
    }
    tag_++;
    say(client, server, request(5, 2, Act::operate, tag_), {{object, double(on), q}}, origin);
    say(client, server, response(5, 2, Act::operate, tag_), {{object, double(on)}});
    Message end = response(256, 4, Act::operate, tag_);
    say(client, server, end, {{object, double(on), q}}, origin);
  }
  void writes(std::string_view client, std::string_view server, uint16_t meaning, Act act, std::string_view object, double value) {
    say(client, server, request(5, meaning, act, ++tag_), {{object, value, meaning}});
    say(client, server, response(5, meaning, act, tag_), {{object, value}});
  }
  std::string told() const {
    std::string s;
    for (const Finding& f : h.findings)
      if (!f.detection->id.starts_with("NET-")) s += std::string(f.detection->id) + " (" + std::to_string(f.severity) + ") " + f.what + " | " + f.expected + "\n";
    return s;
  }
  size_t times(std::string_view id) const { return h.times(id); }
  Hearing h;

 private:
  void heard(const Message& m, std::span<const Point> points, Texts texts) override { h.judge.see(Event{scene_, &m, nullptr, points, texts}); }
  void heard(const Identity& who, Texts texts) override { h.judge.see(Event{scene_, nullptr, &who, {}, texts}); }

 public:
  void identity(std::string_view client, std::string_view server, std::string_view vendor, std::string_view model, std::string_view revision) {
    say(client, server, response(2, 0, Act::identify), {{"vendor", 0, 0, vendor}});
    speaker_.begin();
    speaker_.identity({.vendor = speaker_.text(vendor), .model = speaker_.text(model), .firmware = speaker_.text(revision)});
  }

 private:
  Scene scene_;
  Speaker speaker_{*this};
  uint32_t tag_ = 1;
};

Memory learned(const std::function<void(Bay&)>& life) {
  JudgeSettings learning;
  learning.mode = JudgeSettings::Mode::learn;
  Bay b({"", {}, learning});
  life(b);
  std::ostringstream text;
  write_memory(b.h.judge.memory(), text);
  Problems problems;
  Memory m = read_memory(text.str(), "memory.toml", problems);
  EXPECT_TRUE(problems.empty()) << problems.front();
  return m;
}

constexpr std::string_view q1 = "IED1LD0/CSWI1$CO$Pos", q2 = "IED1LD0/CSWI2$CO$Pos", q3 = "IED2LD0/CSWI1$CO$Pos", q4 = "IED2LD0/XCBR1$CO$Pos", q5 = "IED3LD0/CSWI1$CO$Pos";

TEST(MmsNumbers, AreTheDissectorsOwn) {
  const Protocol& mms = *protocols[size_t(protocol_index("mms"))];
  EXPECT_EQ(function_name(mms, 5, 1), "select with value");
  EXPECT_EQ(function_name(mms, 5, 2), "operate");
  EXPECT_EQ(function_name(mms, 256, 4), "operate: terminated");
  EXPECT_EQ(function_name(mms, 5, 10), "subscribe: RptEna");
  EXPECT_EQ(function_name(mms, 5, 16), "configure: GoEna");
  EXPECT_EQ(function_name(mms, 5, 22), "configure: active setting group");
  EXPECT_EQ(function_name(mms, 280, 1), "initiate, password");
  EXPECT_EQ(function_name(mms, 4, 40), "read the bilateral table's identifier");
  EXPECT_EQ(mms.reason(0x103), "object-access-denied");
}

TEST(Mms, AnOrdinaryShiftIsQuiet) {
  Bay b;
  b.associates(station_hmi, ied1), b.associates(station_hmi, ied2), b.associates(engineer, ied2);
  for (int i = 0; i < 6; i++) {
    b.switches(station_hmi, ied1, q1, i % 2), b.h.wait(4 * second);
    b.say(station_hmi, ied1, Bay::response(4, 0, Act::read), {{"IED1LD0/CSWI1$ST$Pos", double(i % 2)}});
    b.switches(station_hmi, ied2, q3, i % 2), b.h.wait(20 * second);
  }
  for (int i = 0; i < 40; i++) b.say(engineer, ied2, Bay::request(1, 0, Act::browse), {{"IED2LD0"}}), b.say(engineer, ied2, Bay::request(4, 0, Act::read), {{"IED2LD0/MMXU1$MX$A"}});
  for (int i = 0; i < 3; i++) b.writes(station_hmi, ied1, 10, Act::subscribe, "IED1LD0/LLN0$BR$brcb01$RptEna", 0), b.writes(station_hmi, ied1, 11, Act::subscribe, "IED1LD0/LLN0$BR$brcb01$PurgeBuf", 1),
      b.writes(station_hmi, ied1, 10, Act::subscribe, "IED1LD0/LLN0$BR$brcb01$RptEna", 1), b.h.wait(2 * minute);
  EXPECT_EQ(b.told(), "");
}

TEST(MmsClient, ThatNobodyKnowsIsOneStory) {
  Bay b;
  b.associates(station_hmi, ied1);
  for (std::string_view s : {ied1, ied2, ied3}) b.associates(laptop, s), b.h.wait(second), b.associates(station_hmi, s);
  EXPECT_EQ(b.h.weight("MMS-01"), 3u) << b.told();
  EXPECT_EQ(b.h.stories() <= 2, true) << b.told();
  Bay nobody("");
  nobody.associates(laptop, ied1);
  EXPECT_EQ(nobody.told(), "");
}

TEST(MmsCommand, OfAStrangerIsTold) {
  Bay b;
  b.associates(station_hmi, ied1), b.associates(laptop, ied1);
  b.switches(laptop, ied1, q1, false, 0, "x");
  EXPECT_EQ(b.times("MMS-02") > 0, true) << b.told();
  EXPECT_NE(b.h.last("MMS-02").what.find("IED1LD0/CSWI1$CO$Pos"), std::string::npos) << b.told();
  EXPECT_EQ(b.times("MMS-03") + b.times("MMS-05") + b.times("MMS-06"), 0u) << "said by MMS-02";
}
TEST(MmsCommand, OfAClientThatMayOnlyReadIsTold) {
  Bay b;
  b.associates(engineer, ied2);
  b.switches(engineer, ied2, q3, false);
  EXPECT_EQ(b.times("MMS-02") > 0, true) << b.told();
}

TEST(MmsSelect, LeftOutIsToldWhereItIsDeclaredOrLearned) {
  Bay b;
  b.switches(station_hmi, ied1, q1, false, 3, "HMI01", false);
  b.h.wait(3 * second);
  b.switches(station_hmi, ied1, q2, false, 3, "HMI01", false);     // nobody said how this one is operated
  EXPECT_EQ(b.times("MMS-03"), 1u) << b.told();
  Bay m({"", learned([](Bay& x) {
           for (int i = 0; i < 3; i++) x.switches(station_hmi, ied1, q2, i % 2), x.h.wait(30 * second);
         })});
  m.switches(station_hmi, ied1, q2, true, 3, "HMI01", false);
  EXPECT_EQ(m.times("MMS-03"), 1u) << m.told();
}
TEST(MmsSelect, ARowOfSelectsForNothingIsAProbe) {
  Bay b;
  for (int i = 0; i < 4; i++) {
    b.say(station_hmi, ied1, Bay::request(5, 1, Act::select, uint32_t(i + 10)), {{q1, 0, Bay::control(3)}}, "HMI01");
    b.say(station_hmi, ied1, Bay::response(5, 1, Act::select, uint32_t(i + 10)), {{q1, 0}});
    for (int k = 0; k < 14; k++) b.h.wait(5 * second), b.say(station_hmi, ied1, Bay::request(4, 0, Act::read), {{"IED1LD0/LLN0$ST$Mod"}});
  }
  EXPECT_EQ(b.times("MMS-03") > 0, true) << b.told();
}

TEST(MmsSelection, OfAnotherClientTakenOverOrCancelledIsTold) {
  Bay b;
  b.say(station_hmi, ied1, Bay::request(5, 1, Act::select, 7), {{q1, 0, Bay::control(3)}}, "HMI01");
  b.say(station_hmi, ied1, Bay::response(5, 1, Act::select, 7), {{q1, 0}});
  b.say(centre, ied1, Bay::request(5, 3, Act::cancel, 3), {{q1, 0, Bay::control(3)}}, "CC");
  EXPECT_EQ(b.times("MMS-04"), 1u) << b.told();
  Bay own;
  own.say(station_hmi, ied1, Bay::request(5, 1, Act::select, 7), {{q1, 0, Bay::control(3)}}, "HMI01");
  own.say(station_hmi, ied1, Bay::response(5, 1, Act::select, 7), {{q1, 0}});
  own.say(station_hmi, ied1, Bay::request(5, 3, Act::cancel, 8), {{q1, 0, Bay::control(3)}}, "HMI01");
  EXPECT_EQ(own.told(), "");
}

TEST(MmsChecks, LeftOutByWhoAlwaysHadThemIsTold) {
  Bay b;
  for (int i = 0; i < 4; i++) b.switches(station_hmi, ied1, q1, i % 2), b.h.wait(30 * second);
  EXPECT_EQ(b.told(), "");
  b.switches(station_hmi, ied1, q1, true, 0);
  EXPECT_EQ(b.times("MMS-05"), 1u) << b.told();
  Bay never;
  for (int i = 0; i < 6; i++) never.switches(station_hmi, ied1, q1, i % 2, 0), never.h.wait(30 * second);
  EXPECT_EQ(never.told(), "");
  Bay m({"", learned([](Bay& x) {
           for (int i = 0; i < 3; i++) x.switches(station_hmi, ied1, q2, i % 2), x.h.wait(30 * second);
         })});
  m.switches(station_hmi, ied1, q2, true, 1);
  EXPECT_EQ(m.times("MMS-05"), 1u) << m.told();
  EXPECT_NE(m.h.last("MMS-05").what.find("without interlock check"), std::string::npos);
}

TEST(MmsOrigin, OfAnotherNameIsTold) {
  Bay b;
  for (int i = 0; i < 4; i++) b.switches(station_hmi, ied1, q1, i % 2), b.h.wait(30 * second);
  b.switches(station_hmi, ied1, q1, true, 3, "OPERATOR");
  EXPECT_EQ(b.times("MMS-06"), 1u) << b.told();
  EXPECT_NE(b.h.last("MMS-06").what.find("OPERATOR"), std::string::npos);
  Bay m({"", learned([](Bay& x) {
           for (std::string_view who : {"HMI01", "HMI02"}) x.switches(station_hmi, ied1, q2, who == "HMI01", 3, who), x.h.wait(30 * second);
         })});
  m.switches(station_hmi, ied1, q2, true, 3, "HMI02"), m.h.wait(30 * second);
  EXPECT_EQ(m.told(), "");
  m.switches(station_hmi, ied1, q2, true, 3, "HMI03");
  EXPECT_EQ(m.times("MMS-06"), 1u) << m.told();
}

TEST(MmsSweep, OverSeveralDevicesIsOneStory) {
  Bay b;
  for (auto [server, object] : {std::pair(ied1, q1), {ied1, q2}, {ied2, q3}, {ied2, q4}, {ied3, q5}}) b.switches(station_hmi, server, object, false), b.h.wait(300 * millisecond);
  b.h.wait(10 * second);
  EXPECT_EQ(b.h.weight("MMS-07"), 5u) << b.told();
  EXPECT_EQ(b.h.stories(), 1u) << b.told();
  EXPECT_NE(b.h.last("MMS-07").what.find("5 different objects"), std::string::npos) << b.told();
  Bay operator_;
  for (auto [server, object] : {std::pair(ied1, q1), {ied1, q2}, {ied2, q3}, {ied2, q4}, {ied3, q5}}) operator_.switches(station_hmi, server, object, false), operator_.h.wait(3 * second);
  for (int i = 0; i < 8; i++) operator_.switches(station_hmi, ied1, "IED1LD0/GGIO1$CO$SPCSO" + std::to_string(i), true), operator_.h.wait(100 * millisecond);    // acknowledged, reset
  EXPECT_EQ(operator_.times("MMS-07"), 0u) << operator_.told();
}

TEST(MmsAnswer, ARefusalIsOfOperations) {
  Bay b;
  b.say(station_hmi, ied1, Bay::request(5, 2, Act::operate, 9), {{q2, 0, Bay::control(3)}}, "HMI01");
  b.say(station_hmi, ied1, Bay::refusal(5, 2, Act::operate, 0x40a, 9), {{q2, 0}});
  EXPECT_EQ(b.times("MMS-08"), 1u) << b.told();
  EXPECT_NE(b.h.last("MMS-08").what.find("blocked by interlocking"), std::string::npos) << b.told();
  EXPECT_EQ(b.h.last("MMS-08").severity, 2);
}

TEST(MmsPosition, ThatDoesNotFollowIsTold) {
  for (bool moves : {true, false}) {
    Bay b;
    b.say(station_hmi, ied1, Bay::response(4, 0, Act::read), {{"IED1LD0/CSWI1$ST$Pos", 1}});
    b.h.wait(second);
    b.switches(station_hmi, ied1, q1, false);
    for (int i = 0; i < 12; i++) b.h.wait(2 * second), b.say(station_hmi, ied1, Bay::response(4, 0, Act::read), {{"IED1LD0/CSWI1$ST$Pos", double(!moves)}});
    EXPECT_EQ(b.times("MMS-09"), moves ? 0u : 1u) << b.told();
  }
}

// Reports say it by its place in a data set: the place is learned from an answer, or the report itself names its members.
TEST(MmsPosition, ThatAReportBringsIsFollowed) {
  constexpr std::string_view set = "IED1LD0/LLN0$dsPos";
  for (const bool directory : {true, false})
    for (const bool moves : {true, false}) {
      Bay b;
      const auto report = [&](bool on) {
        std::vector<uint8_t> run;
        Message m;
        m.function = 256, m.role = Role::report, m.act = Act::report;
        std::vector<Point> points;
        for (uint16_t i = 0; i < 2; i++) points.emplace_back(Point{Object::of_member(text_key(set), i)}).set_double_point(i ? 1 : on ? 2 : 1);
        if (!directory)
          for (uint16_t i = 0; i < 2; i++) {
            Hearing::named(i ? "IED1LD0/CSWI2$ST$Pos" : "IED1LD0/CSWI1$ST$Pos", run);
            const uint64_t key = points[i].object.key() & ~(0xffull << 56);
            std::copy_n(reinterpret_cast<const uint8_t*>(&key), 8, run.end() - (8 + 2 + 20));
          }
        b.h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, points, Side::server, Texts{run});
      };
      if (directory) b.say(station_hmi, ied1, Bay::response(12, 0, Act::browse), {{set}, {"IED1LD0/CSWI1$ST$Pos$stVal"}, {"IED1LD0/CSWI2$ST$Pos$stVal"}});
      report(true);
      b.h.wait(second);
      b.switches(station_hmi, ied1, q1, false);
      for (int i = 0; i < 12; i++) b.h.wait(2 * second), report(!moves);
      EXPECT_EQ(b.times("MMS-09"), moves ? 0u : 1u) << directory << b.told();
    }
}

// A data set that is made anew, with the same name and another order, and one that has lost it.
TEST(MmsPosition, IsLookedForWhereTheDataSetHasItNow) {
  constexpr std::string_view set = "IED1LD0/LLN0$dsPos";
  for (const bool moves : {true, false}) {
    Bay b;
    const auto report = [&](bool first, bool second) {
      Message m;
      m.function = 256, m.role = Role::report, m.act = Act::report;
      std::vector<Point> points;
      for (uint16_t i = 0; i < 2; i++) points.emplace_back(Point{Object::of_member(text_key(set), i)}).set_double_point((i ? second : first) ? 2 : 1);
      b.h.say("mms", "10.1.1.30:40000", "10.1.1.41:102", m, points, Side::server);
    };
    b.say(station_hmi, ied1, Bay::response(12, 0, Act::browse), {{set}, {"IED1LD0/CSWI1$ST$Pos$stVal"}, {"IED1LD0/CSWI2$ST$Pos$stVal"}});
    b.say(station_hmi, ied1, Bay::response(12, 0, Act::browse), {{set}, {"IED1LD0/CSWI2$ST$Pos$stVal"}, {"IED1LD0/CSWI1$ST$Pos$stVal"}});
    report(false, true);
    b.h.wait(second);
    b.switches(station_hmi, ied1, q1, false);
    for (int i = 0; i < 12; i++) b.h.wait(2 * second), report(moves, !moves);
    EXPECT_EQ(b.times("MMS-09"), moves ? 0u : 1u) << b.told();
  }
}

// What is told by a row of deeds: who did it, and that the allowed one is quiet.
TEST(MmsDeeds, AreToldOfStrangersOrOfAnybodyAndNotOfWhoMay) {
  struct {
    std::string_view id;
    uint16_t function, sub;
    Act act;
    std::string_view object;
    double value;
    bool anybody;
  } cases[] = {
      {"MMS-10", 5, 2, Act::operate, "IED1LD0/LLN0$CO$Mod", 5, true},
      {"MMS-11", 5, 2, Act::operate, "IED1LD0/LPHD1$CO$Sim", 1, true},
      {"MMS-12", 5, 26, Act::configure, "IED1LD0/PTOC1$SP$StrVal$setMag$f", 7, false},
      {"MMS-12", 5, 24, Act::configure, "IED1LD0/LLN0$SP$SGCB$CnfEdit", 1, false},
      {"MMS-13", 5, 22, Act::configure, "IED1LD0/LLN0$SP$SGCB$ActSG", 2, false},
      {"MMS-15", 5, 11, Act::subscribe, "IED1LD0/LLN0$BR$brcb01$PurgeBuf", 1, false},
      {"MMS-17", 5, 16, Act::configure, "IED1LD0/LLN0$GO$gcb01$GoEna", 0, false},
      {"MMS-18", 5, 18, Act::configure, "IED1LD0/LLN0$MS$msvcb01$SvEna", 0, false},
      {"MMS-19", 5, 17, Act::configure, "IED1LD0/LLN0$GO$gcb01$DatSet", 1, false},
      {"MMS-19", 13, 0, Act::configure, "IED1LD0/LLN0$ds1", 0, false},
      {"MMS-20", 76, 0, Act::file, "COMTRADE/FR0007.DAT", 0, false},
      {"MMS-21", 46, 0, Act::file, "firmware.bin", 0, false},
      {"MMS-22", 72, 0, Act::file, "COMTRADE/FR0007.DAT", 0, false},
      {"MMS-23", 36, 0, Act::program, "LOGIC", 0, false},
      {"MMS-23", 44, 0, Act::run, "LOGIC", 0, false},
      {"MMS-33", 5, 29, Act::write, "IED1LD0/XCBR1$SV$Pos$subEna", 1, false},
  };
  std::string all(site);
  all += "[[conversation]]\nclient = \"ews\"\nserver = \"ied1\"\nprotocol = \"mms\"\nacts = [\"reading\", \"write\", \"configure\", \"file\", \"program\", \"run\", \"operate\"]\n";
  for (const auto& each : cases) {
    Bay b;
    b.associates(station_hmi, ied1), b.associates(laptop, ied1);
    b.say(laptop, ied1, Bay::request(each.function, each.sub, each.act, 5), {{each.object, each.value, each.function == 5 ? each.sub : 0u}});
    EXPECT_EQ(b.times(each.id), 1u) << each.id << " " << each.object << "\n" << b.told();
    Bay may(all);
    may.associates(engineer, ied1);
    may.say(engineer, ied1, Bay::request(each.function, each.sub, each.act, 5), {{each.object, each.value, each.function == 5 ? each.sub : 0u}});
    EXPECT_EQ(may.times(each.id), each.anybody ? 1u : 0u) << each.id << " " << each.object << "\n" << may.told();
  }
  Bay back(all);                             // on again, and out of test: ordinary
  back.say(engineer, ied1, Bay::request(5, 2, Act::operate, 5), {{"IED1LD0/LLN0$CO$Mod", 1, 2}});
  back.say(engineer, ied1, Bay::request(5, 2, Act::operate, 6), {{"IED1LD0/LPHD1$CO$Sim", 0, 2}});
  EXPECT_EQ(back.told(), "");
}

TEST(MmsReports, SwitchedOffByOthersAreTold) {
  constexpr std::string_view enable = "IED1LD0/LLN0$BR$brcb01$RptEna";
  Bay b;
  b.associates(station_hmi, ied1);
  b.writes(station_hmi, ied1, 10, Act::subscribe, enable, 1);
  b.writes(centre, ied1, 10, Act::subscribe, enable, 0);
  EXPECT_EQ(b.times("MMS-14"), 1u) << b.told();
  Bay c;
  c.associates(station_hmi, ied1);
  c.writes(laptop, ied1, 10, Act::subscribe, enable, 0);
  EXPECT_EQ(c.times("MMS-14"), 1u) << c.told();
  Bay left;                                  // its own client forgets it
  left.writes(station_hmi, ied1, 10, Act::subscribe, enable, 1);
  left.writes(station_hmi, ied1, 10, Act::subscribe, enable, 0);
  for (int i = 0; i < 30; i++) left.h.wait(4 * second), left.say(station_hmi, ied1, Bay::request(4, 0, Act::read), {{"IED1LD0/LLN0$ST$Mod"}});
  ASSERT_EQ(left.times("MMS-14"), 1u) << left.told();
  EXPECT_EQ(left.h.last("MMS-14").severity, 2);
}
TEST(MmsReports, OverflowIsToldOnceAnHour) {
  Bay b;
  Message m = Bay::response(256, 6, Act::report);
  m.role = Role::report;
  b.say(station_hmi, ied1, m, {{"brcb01", 0}});
  EXPECT_EQ(b.told(), "");
  m.qualifier = 1u << 31;
  b.associates(station_hmi, ied1);           // what was kept for it while it was away
  b.writes(station_hmi, ied1, 10, Act::subscribe, "IED1LD0/LLN0$BR$brcb01$RptEna", 1);
  for (int i = 0; i < 5; i++) b.say(station_hmi, ied1, m, {{"brcb01", 0}});
  EXPECT_EQ(b.told(), "");
  b.h.wait(5 * minute);
  for (int i = 0; i < 5; i++) b.say(station_hmi, ied1, m, {{"brcb01", 0}}), b.h.wait(minute);
  EXPECT_EQ(b.times("MMS-16"), 1u) << b.told();
}

TEST(MmsCuriosity, ListingReadingAndTryingAreToldOfStrangers) {
  Bay b;
  b.associates(station_hmi, ied1);
  for (int i = 0; i < 60; i++) b.say(laptop, i % 2 ? ied1 : ied2, Bay::request(6, 0, Act::browse), {{"IED1LD0/LN" + std::string(1, char('A' + i % 26))}}), b.h.wait(20 * millisecond), b.say(station_hmi, ied1, Bay::request(4, 0, Act::read), {{"IED1LD0/LLN0$ST$Mod"}});
  EXPECT_EQ(b.times("MMS-24") > 0, true) << b.told();
  std::vector<std::string> names;
  for (int i = 0; i < 80; i++) names.push_back("IED1LD0/GGIO" + std::to_string(i) + "$ST$Ind1");
  for (const std::string& n : names) b.say(laptop, ied1, Bay::request(4, 0, Act::read), {{n}}), b.say(laptop, ied1, Bay::refusal(4, 0, Act::read, 0x10a), {{n}});
  EXPECT_EQ(b.times("MMS-25") > 0, true) << b.told();
  EXPECT_EQ(b.times("MMS-26") > 0, true) << b.told();
  Bay known;
  for (const std::string& n : names)
    known.say(station_hmi, ied1, Bay::request(4, 0, Act::read), {{n}}), known.say(station_hmi, ied1, Bay::refusal(4, 0, Act::read, 0x10a), {{n}}), known.say(station_hmi, ied1, Bay::request(6, 0, Act::browse), {{n}});
  EXPECT_EQ(known.told(), "");
}

TEST(MmsState, ThatIsNotInOrderIsOfOperations) {
  Bay b;
  b.say(station_hmi, ied1, Bay::response(0, 0, Act::diagnose), {{"VMD logical status", 0}});
  EXPECT_EQ(b.told(), "");
  b.say(station_hmi, ied1, Bay::response(0, 0, Act::diagnose), {{"VMD logical status", 2}});
  EXPECT_EQ(b.times("MMS-27"), 1u) << b.told();
}

TEST(MmsAuthentication, LeftOutOrFailedIsTold) {
  Bay b;
  b.associates(station_hmi, ied1, 1), b.associates(station_hmi, ied1, 1);
  EXPECT_EQ(b.told(), "");
  b.associates(station_hmi, ied1, 0);
  EXPECT_EQ(b.times("MMS-28"), 1u) << b.told();
  Bay wrong;
  wrong.say(station_hmi, ied1, Bay::request(280, 1, Act::session));
  wrong.say(station_hmi, ied1, Bay::refusal(289, 0, Act::session, 0x60d));
  EXPECT_EQ(wrong.times("MMS-28"), 1u) << wrong.told();
}

TEST(MmsFlood, OfAssociationsOrBrokenRecordsIsTold) {
  Bay b;
  for (int i = 0; i < 40; i++) b.associates(station_hmi, ied1);
  EXPECT_EQ(b.times("MMS-29") > 0, true) << b.told();
  Bay slow;
  for (int i = 0; i < 40; i++) slow.associates(station_hmi, ied1), slow.h.wait(2 * second);
  EXPECT_EQ(slow.told(), "");
  Message broken = Bay::request(272, 0, Act::other);
  broken.malformed = true;
  Bay c;
  for (int i = 0; i < 2; i++) c.say(station_hmi, ied1, broken), c.h.wait(5 * minute);
  EXPECT_EQ(c.told(), "");
  for (int i = 0; i < 4; i++) c.say(station_hmi, ied1, broken), c.h.wait(second);
  EXPECT_EQ(c.times("MMS-30") > 0, true) << c.told();
}

TEST(MmsIdentity, ThatChangedIsTold) {
  Bay b;
  for (int i = 0; i < 3; i++) b.identity(station_hmi, ied1, "Northline", "BCU-61", "2.14");
  EXPECT_EQ(b.told(), "");
  b.identity(station_hmi, ied1, "Northline", "BCU-61", "2.99");
  EXPECT_EQ(b.times("MMS-31"), 1u) << b.told();
}

TEST(Tase2, PeersTablesDevicesAndTransferSetsAreTold) {
  Bay b;
  b.associates(station_hmi, ied1), b.associates(laptop, ied1);
  b.say(laptop, ied1, Bay::request(4, 40, Act::read), {{"Bilateral_Table_ID", 0, 40}});
  b.say(laptop, ied1, Bay::request(5, 51, Act::operate, 4), {{"ICC1/Breaker7", 1, 51}});
  b.say(laptop, ied1, Bay::request(4, 43, Act::subscribe), {{"ICC1/Next_DSTransfer_Set", 0, 43}});
  for (int i = 0; i < 4; i++) b.say(laptop, ied1, Bay::request(4, 0, Act::read), {{"ICC1/Secret"}}), b.say(laptop, ied1, Bay::refusal(4, 40, Act::read, 0x103), {{"ICC1/Secret"}});
  for (std::string_view id : {"ICP-01", "ICP-02", "ICP-03", "ICP-05"}) EXPECT_EQ(b.times(id) > 0, true) << id << "\n" << b.told();
  Bay peer;                                  // the declared one
  peer.associates(centre, ied1);
  for (int i = 0; i < 5; i++) {
    peer.say(centre, ied1, Bay::request(4, 40, Act::read), {{"Bilateral_Table_ID", 0, 40}});
    peer.say(centre, ied1, Bay::response(4, 40, Act::read), {{"Bilateral_Table_ID", 0, 40, "BLT7"}});
    peer.say(centre, ied1, Bay::request(4, 43, Act::subscribe), {{"ICC1/Next_DSTransfer_Set", 0, 43}});
    peer.say(centre, ied1, Bay::request(5, 51, Act::operate, 4), {{"ICC1/Breaker7", 1, 51}});
  }
  EXPECT_EQ(peer.told(), "");
  peer.say(centre, ied1, Bay::response(4, 40, Act::read), {{"Bilateral_Table_ID", 0, 40, "BLT8"}});
  EXPECT_EQ(peer.times("ICP-01"), 1u) << peer.told();
}

}  // namespace
}  // namespace vidra
