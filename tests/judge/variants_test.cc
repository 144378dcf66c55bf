// SPDX-License-Identifier: Apache-2.0
// Attacks in many variants, each held against what is declared, what was learned, both, and nothing at all: it must be told, in
// few stories. And the life of a plant that looks like one of them: it must stay quiet.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>

#include "tests/judge/plant.h"

namespace vidra {
namespace {

constexpr Time ms = millisecond;
constexpr std::string_view atk = laptop;
using Script = std::vector<Scripted>;

// A command and its confirmation.
void command(Script& to, Time at, std::string_view master, uint8_t type, uint32_t ioa, double value, bool select = false, uint16_t ca = 11) {
  to.push_back(iec104_command(start + at, master, rtu, type, 6, ca, ioa, value, select));
  to.push_back(iec104_answer(start + at + 2 * ms, master, rtu, type, 7, ca, ioa, value, select));
}
Script commands(std::string_view master, uint8_t type, uint32_t first, uint32_t count, Time pace, double value, bool select = false, uint16_t ca = 11) {
  Script s;
  for (uint32_t i = 0; i < count; i++) command(s, Time(i) * pace, master, type, first + i, value, select, ca);
  return s;
}
Script system_command(std::string_view master, uint8_t type, uint16_t qualifier, double value = 0, uint16_t ca = 11) {
  Scripted e = iec104_command(start, master, rtu, type, 6, ca, 0, 0);
  e.said.qualifier = qualifier;
  if (type == C_CS) e.points[0].set_time(start + Time(value * double(second)));
  return {e};
}
Script modbus(std::string_view client, uint8_t function, uint16_t first, uint16_t count, size_t times, int step, Time pace, std::vector<double> values = {}, uint16_t exception = 0) {
  Script s;
  for (size_t i = 0; i < times; i++) {
    s.push_back(modbus_request(start + Time(i) * pace, client, plc, uint16_t(i + 1), function, uint16_t(first + int(i) * step), count, values));
    Scripted a = modbus_answer(s.back(), s.back().scene.time + 3 * ms, exception);
    if (exception) a.points = s.back().points;
    s.push_back(a);
  }
  return s;
}
Script modbus_other(std::string_view client, uint8_t function, uint16_t sub, Act act) {
  Script s = modbus(client, function, 0, 0, 1, 0, second);
  for (Scripted& e : s) e.said.sub_function = sub, e.said.act = act, e.points.clear();
  return s;
}
Script function_scan(std::string_view client, Time pace) {
  Script s;
  for (uint8_t f = 1; f < 100; f++) {
    Scripted e = modbus_request(start + Time(f) * pace, client, plc, f, f, 0, 1);
    e.points.clear();
    e.said.malformed = f < 25;                      // a bare function code
    s.push_back(e);
    s.push_back(modbus_answer(e, e.scene.time + 2 * ms, 1));
    s.back().said.malformed = false;
  }
  return s;
}
Script unit_scan(std::string_view client) {
  Script s;
  for (uint8_t u = 1; u < 60; u++) {
    s.push_back(modbus_request(start + Time(u) * 200 * ms, client, plc, u, 3, 0, 1, {}, u));
    s.push_back(modbus_answer(s.back(), s.back().scene.time + 2 * ms, u == 1 ? 0 : 11));
  }
  return s;
}
Script flood(std::string_view client) {
  Script s = modbus(client, 3, 0, 10, 2, 0, 100 * ms);
  for (int i = 0; i < 2000; i++) s.push_back(modbus_request(start + second + i * ms, client, plc, uint16_t(i), 3, 0, 10));
  return s;
}
Script cut(Script s) {   // a trailing octet behind each request
  for (Scripted& e : s)
    if (e.said.role == Role::request) e.said.malformed = true;
  return s;
}
Script turned(Script s) {                           // the sides guessed wrong, the conversation joined in its middle
  for (Scripted& e : s) std::swap(e.scene.client, e.scene.server), std::swap(e.scene.client_mac, e.scene.server_mac), e.scene.from = other(e.scene.from), e.said.midstream = true;
  return s;
}
Script dnp3(std::string_view master, uint8_t function, uint16_t station = 10, uint16_t origin = 1) { return {dnp3_request(start, master, outstation, 3, function, station, origin)}; }
Script crobs(std::string_view master, uint8_t function, uint32_t count, Time pace, uint8_t code = 4, bool select = false) {
  Script s;
  for (uint32_t i = 0; i < count; i++) {
    const Time at = start + Time(i) * pace;
    if (select) {
      s.push_back(dnp3_crob(at, master, outstation, uint8_t(2 * i), 3, {i}, code));
      s.push_back(dnp3_response(s.back(), at + 2 * ms));
    }
    s.push_back(dnp3_crob(at + 5 * ms, master, outstation, uint8_t(2 * i + 1), function, {i}, code));
    if (function != 6) s.push_back(dnp3_response(s.back(), at + 7 * ms));
  }
  return s;
}
Script analog(std::string_view master, double value, uint8_t function = 5) {
  Scripted e = dnp3_object(dnp3_request(start, master, outstation, 4, function), ObjectKind::analog_output, 41, 3, 1, value);
  return {e, dnp3_response(e, start + 2 * ms)};
}
Script then(Script a, const Script& b) {
  const Time by = a.empty() ? 0 : a.back().scene.time - start + 100 * ms;
  for (Scripted e : b) e.scene.time += by, a.push_back(e);
  return a;
}
Script datagrams(std::string_view who, Fact answer, int hosts, std::vector<uint16_t> ports, Time pace) {
  Script s;
  int n = 0;
  for (int h = 0; h < hosts; h++)
    for (uint16_t port : ports) {
      for (Fact f : {Fact::datagrams, answer}) {
        s.push_back(fact(start + n * pace, who, "10.1.1." + std::to_string(50 + h), port, f, f == Fact::refused ? Side::server : Side::client));
        s.back().scene.protocol = uint16_t(protocol_index("udp"));
        if (answer == Fact::datagrams) break;
      }
      n++;
    }
  return s;
}
Script tries(std::string_view who, Fact answer, int hosts, int ports, Time pace) {
  Script s;
  int n = 0;
  for (int h = 0; h < hosts; h++)
    for (int p = 0; p < ports; p++, n++) {
      const std::string to = "10.1.1." + std::to_string(50 + h);
      const uint16_t port = ports == 1 ? 502 : uint16_t(20 + 100 * p);
      s.push_back(fact(start + n * pace, who, to, port, Fact::attempted));
      s.push_back(fact(start + n * pace + ms, who, to, port, answer, answer == Fact::reset ? Side::client : Side::server));
    }
  return s;
}

// What an ordinary week says, for the memory.
Script ordinary() {
  Script s;
  for (int round = 0; round < 4; round++) {
    Script r;
    r.push_back(iec104_u(start, scada, rtu, 0x07));
    r.push_back(iec104_command(start + 100 * ms, scada, rtu, C_IC, 6, 11, 0, 0));
    for (Scripted& e : system_command(scada, C_CS, 0)) e.scene.time += 200 * ms, r.push_back(e);
    for (uint32_t i = 0; i < 6; i++)
      for (bool select : {true, false}) command(r, second + i * 30 * second + (select ? 0 : 2 * second), scada, C_DC, 5101 + i, round % 2 + 1, select);
    for (int i = 0; i < 4; i++) command(r, (200 + i) * second, scada, C_SE_NC, 6001, 10 + i);
    for (uint32_t i = 0; i < 3; i++) command(r, 210 * second + i * 20 * second, scada, C_SC, 5001 + i, 1);
    r.push_back(modbus_request(start + 300 * second, hmi, plc, 1, 3, 0, 10));
    r.push_back(modbus_request(start + 301 * second, hmi, plc, 2, 6, 30, 1, {double(round)}));
    r.push_back(modbus_request(start + 301 * second, hmi, plc, 3, 5, 3, 1, {double(round % 2)}));
    r.push_back(modbus_request(start + 302 * second, scada, plc, 1, 3, 0, 10));
    r.push_back(dnp3_request(start + 303 * second, scada, outstation, 1, 1));
    for (uint32_t i = 0; i < 8; i++) {
      const Time at = start + 310 * second + i * 20 * second;
      r.push_back(dnp3_crob(at, scada, outstation, uint8_t(2 * i), 3, {i}, 3));
      r.push_back(dnp3_response(r.back(), at + 2 * ms));
      r.push_back(dnp3_crob(at + second, scada, outstation, uint8_t(2 * i + 1), 4, {i}, 3));
      r.push_back(dnp3_response(r.back(), at + second + 2 * ms));
    }
    for (Scripted& e : r) e.scene.time -= hour - round * 10 * minute, s.push_back(e);
  }
  std::vector<Scripted> answers;                     // nobody is learned who is not answered
  for (const Scripted& e : s)
    if (e.said.role == Role::request) {
      Scripted a = e;
      a.scene.time += 3 * ms;
      a.scene.from = Side::server;
      a.said.role = Role::response;
      answers.push_back(a);
    }
  s.insert(s.end(), answers.begin(), answers.end());
  std::stable_sort(s.begin(), s.end(), [](const Scripted& a, const Scripted& b) { return a.scene.time < b.scene.time; });
  return s;
}

struct Variant {
  std::string_view name;
  std::string_view site, memory, nothing;            // detections that must be told; "" none need be
  size_t most;                                       // stories
  std::function<Script()> script;
};

// The last finding of each detection; that a host or conversation is new is told once for all it does.
std::string brief(Plant& p) {
  std::map<std::string_view, const Finding*> last;
  for (const Finding& f : p.heard.findings) last[f.detection->id] = &f;
  std::string s;
  for (const auto& [id, f] : last) s += std::string(id) + " x" + std::to_string(p.times(id)) + " " + f->what + "\n";
  return s;
}
size_t stories(Plant& p) {
  std::erase_if(p.heard.findings, [](const Finding& f) { return f.detection->id == "NET-01" || f.detection->id == "NET-02"; });
  return p.stories();
}

void play(const Variant& v, std::string_view how, Plant& p, std::string_view must) {
  const Script s = v.script();
  Time last = start;
  for (const Scripted& e : s) {
    while (e.scene.time - last > 10 * second) {      // the plant goes on beside it
      last += 10 * second;
      p.heard.judge.see(iec104_report(last, hmi, rtu, M_ME_TF, 3, 11, 2001, 1).event());
    }
    last = std::max(last, e.scene.time);
    p(e);
  }
  p.now = last;
  p.until(last - start + 10 * second);
  for (size_t i = 0; i < must.size();) {
    const size_t end = std::min(must.find(' ', i), must.size());
    EXPECT_GE(p.times(must.substr(i, end - i)), 1u) << v.name << ", " << how << ": no " << must.substr(i, end - i) << "\n" << brief(p);
    i = end + 1;
  }
  EXPECT_LE(stories(p), v.most) << v.name << ", " << how << "\n" << brief(p);
}

void play(const std::vector<Variant>& table) {
  const Script week = ordinary();
  for (const Variant& v : table) {
    Plant site, memory(Hearing::Options{"", learned(week), {}}), both(Hearing::Options{plant_site, learned(week), {}}), nothing("");
    play(v, "site", site, v.site);
    play(v, "memory", memory, v.memory);
    play(v, "site and memory", both, v.site);
    play(v, "nothing", nothing, v.nothing);
  }
}

TEST(Variants, Iec104) {
  play({
      {"single commands by a stranger", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "", 4, [] { return commands(atk, C_SC, 100, 30, 50 * ms, 1); }},
      {"single commands with time tag", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "", 4, [] { return commands(atk, 58, 100, 30, 50 * ms, 1); }},
      {"double commands", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "I104-05", 4, [] { return commands(atk, C_DC, 5101, 6, 100 * ms, 1); }},
      {"set-points", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "", 4, [] { return commands(atk, C_SE_NC, 6001, 12, 100 * ms, 5); }},
      {"regulating steps", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "", 4, [] { return commands(atk, C_RC, 7001, 12, 100 * ms, 2); }},
      {"bit strings", "I104-01 I104-02", "I104-01 I104-02", "", 4, [] { return commands(atk, 51, 7001, 12, 100 * ms, 2); }},
      {"one every two seconds", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "I104-05", 4, [] { return commands(atk, C_DC, 5101, 6, 2 * second, 1); }},
      {"the master, faster than its people", "I104-05", "I104-05", "I104-05", 4, [] {
         Script s;
         for (uint32_t i = 0; i < 6; i++)
           for (bool select : {true, false}) command(s, i * 600 * ms + (select ? 0 : 100 * ms), scada, C_DC, 5101 + i, 1, select);
         return s;
       }},
      {"the master, direct and fast", "I104-05 I104-07", "I104-05 I104-07", "I104-05", 8, [] { return commands(scada, C_DC, 5101, 6, 400 * ms, 1); }},
      {"the master, every two seconds", "I104-05", "I104-05", "I104-05", 8, [] { return commands(scada, C_DC, 5101, 6, 2 * second, 1); }},
      {"selects without execute", "I104-01 I104-02", "I104-01 I104-02", "", 4, [] { return commands(atk, C_DC, 5101, 6, 200 * ms, 1, true); }},
      {"to all stations", "I104-01 I104-02", "I104-01 I104-02", "", 4, [] { return commands(atk, C_DC, 5101, 3, 200 * ms, 1, false, 0xffff); }},
      {"by the master to all stations", "I104-26", "I104-26", "I104-26", 4, [] {
         Script s = commands(scada, C_DC, 5101, 1, second, 1, false, 0xffff);
         for (Scripted& e : s) e.said.broadcast = true;
         return s;
       }},
      {"reset process by a stranger", "I104-01 I104-21", "I104-01 I104-21", "I104-21", 3, [] { return system_command(atk, C_RP, 1); }},
      {"reset process by the master", "I104-21", "I104-21", "I104-21", 2, [] { return system_command(scada, C_RP, 1); }},
      {"clock by a stranger", "I104-01 I104-20", "I104-01 I104-20", "", 3, [] { return system_command(atk, C_CS, 0, -3600); }},
      {"clock by the master, a year off", "I104-20", "I104-20", "", 2, [] { return system_command(scada, C_CS, 0, 365 * 86400); }},
      {"clock by the master, then seven minutes off", "I104-20", "I104-20", "I104-20", 2, [] { return then(system_command(scada, C_CS, 0), system_command(scada, C_CS, 0, 420)); }},
      {"test command with another pattern", "I104-01 I104-22", "I104-01 I104-22", "I104-22", 3, [] { return system_command(atk, C_TS, 0x1234); }},
      {"interrogation by a stranger", "I104-01", "I104-01", "", 2, [] { return system_command(atk, C_IC, 20); }},
      {"counter interrogation by a stranger", "I104-01", "I104-01", "", 2, [] { return system_command(atk, 101, 5); }},
      {"STARTDT alone", "I104-01", "I104-01", "", 2, [] { return Script{iec104_u(start, atk, rtu, 0x07)}; }},
      {"STOPDT by a stranger", "I104-01", "I104-01", "", 2, [] { return Script{iec104_u(start, atk, rtu, 0x13)}; }},
      {"to and fro", "I104-01 I104-02 I104-06", "I104-01 I104-02 I104-06", "I104-06", 4, [] {
         Script s;
         for (int i = 0; i < 12; i++) command(s, i * 500 * ms, atk, C_SC, 5001, i % 2);
         return s;
       }},
      {"a breaker to and fro by the master", "I104-06", "I104-06", "I104-06", 4, [] {
         Script s;
         for (int i = 0; i < 12; i++)
           for (bool select : {true, false}) command(s, i * second + (select ? 0 : 100 * ms), scada, C_DC, 5101, i % 2 + 1, select);
         return s;
       }},
      {"set-point NaN", "I104-15", "I104-15", "I104-15", 2, [] { return commands(scada, C_SE_NC, 6001, 1, second, std::numeric_limits<double>::quiet_NaN()); }},
      {"set-point just outside", "I104-15", "", "", 2, [] { return commands(scada, C_SE_NC, 6001, 1, second, 25.1); }},
      {"set-point far outside", "I104-15", "I104-15", "", 2, [] { return commands(scada, C_SE_NC, 6001, 1, second, 400); }},
      {"set-point below", "I104-15", "I104-15", "", 2, [] { return commands(scada, C_SE_NC, 6001, 1, second, -40); }},
      {"unknown object by the master", "I104-03", "", "", 2, [] { return commands(scada, C_SC, 5990, 1, second, 1); }},
      {"unknown common address by the master", "I104-03", "I104-03", "", 2, [] { return commands(scada, C_DC, 5101, 1, second, 1, false, 77); }},
      {"objects tried one by one", "I104-04", "I104-04", "I104-04", 4, [] {
         Script s;
         for (uint32_t i = 0; i < 30; i++) {
           s.push_back(iec104_command(start + i * 100 * ms, atk, rtu, 102, 5, 11, 9000 + i, 0));
           s.push_back(iec104_answer(start + i * 100 * ms + ms, atk, rtu, 102, 47, 11, 9000 + i, 0, false, true));
         }
         return s;
       }},
      {"file transfer by a stranger", "I104-01", "I104-01", "", 2, [] { return Script{iec104_command(start, atk, rtu, 122, 13, 11, 1, 0)}; }},
      {"parameter by a stranger", "I104-01", "I104-01", "", 2, [] { return Script{iec104_command(start, atk, rtu, 112, 6, 11, 2001, 5)}; }},
      {"a reader commands", "I104-02", "", "", 3, [] { return commands(hmi, C_DC, 5101, 2, 5 * second, 1); }},
      {"with a trailing octet", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "I104-05", 4, [] { return cut(commands(atk, C_DC, 5101, 6, 100 * ms, 1)); }},
      {"by the master with a trailing octet", "I104-05", "I104-05", "I104-05", 8, [] { return cut(commands(scada, C_DC, 5101, 6, 400 * ms, 1)); }},
      {"with the test bit", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "I104-05", 4, [] {
         Script s = commands(atk, C_DC, 5101, 6, 100 * ms, 1);
         for (Scripted& e : s) e.said.test = true;
         return s;
       }},
      {"joined in the middle with wrong sides", "I104-01 I104-02 I104-05", "I104-01 I104-02 I104-05", "I104-05", 4, [] { return turned(commands(atk, C_DC, 5101, 6, 100 * ms, 1)); }},
      {"after a gap", "I104-01 I104-02", "I104-01 I104-02", "", 4, [] {
         Script s = commands(atk, C_DC, 5101, 2, 100 * ms, 1);
         for (Scripted& e : s) e.said.after_gap = true;
         return s;
       }},
  });
}

TEST(Variants, Modbus) {
  play({
      {"FC 5 by a stranger", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 5, 3, 1, 3, 0, 200 * ms, {1}); }},
      {"FC 6", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 6, 30, 1, 3, 1, 200 * ms, {7}); }},
      {"FC 15", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 15, 3, 1, 3, 0, 200 * ms, {1, 0, 1}); }},
      {"FC 16", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 16, 30, 1, 3, 0, 200 * ms, {1, 2}); }},
      {"FC 22", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 22, 30, 1, 3, 0, 200 * ms, {1}); }},
      {"FC 23", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return modbus(atk, 23, 30, 1, 3, 0, 200 * ms, {1}); }},
      {"a reader writes", "MOD-02", "MOD-02", "", 1, [] { return modbus(scada, 16, 30, 1, 3, 0, 200 * ms, {1, 2}); }},
      {"a writer writes elsewhere", "MOD-03", "MOD-03", "", 1, [] { return modbus(hmi, 6, 100, 1, 5, 1, 200 * ms, {1}); }},
      {"a writer writes another table", "MOD-03", "MOD-03", "", 1, [] { return modbus(hmi, 5, 30, 1, 1, 1, 200 * ms, {1}); }},
      {"a value outside its limits", "MOD-04", "", "", 1, [] { return modbus(hmi, 6, 30, 1, 1, 0, second, {60000}); }},
      {"many, one outside its limits", "MOD-04", "", "", 2, [] { return modbus(hmi, 16, 29, 2, 1, 0, second, {1, 60000}); }},
      {"restart communications", "MOD-01 MOD-08", "MOD-01 MOD-08", "MOD-08", 2, [] { return modbus_other(atk, 8, 1, Act::run); }},
      {"listen only", "MOD-01 MOD-07", "MOD-01 MOD-07", "MOD-07", 2, [] { return modbus_other(atk, 8, 4, Act::run); }},
      {"listen only by a known client", "MOD-07", "MOD-07", "MOD-07", 1, [] { return modbus_other(hmi, 8, 4, Act::run); }},
      {"clear counters by a stranger", "MOD-01", "MOD-01", "", 1, [] { return modbus_other(atk, 8, 10, Act::diagnose); }},
      {"UMAS stop by a stranger", "MOD-01 MOD-22", "MOD-01 MOD-22", "MOD-22", 2, [] { return modbus_other(atk, 90, 0x41, Act::run); }},
      {"UMAS start by a known client", "MOD-22", "MOD-22", "MOD-22", 1, [] { return modbus_other(hmi, 90, 0x40, Act::run); }},
      {"UMAS download by a known client", "MOD-22", "MOD-22", "MOD-22", 1, [] { return modbus_other(hmi, 90, 0x30, Act::program); }},
      {"function scan", "MOD-01 MOD-11", "MOD-01 MOD-11", "MOD-11", 3, [] { return function_scan(atk, 20 * ms); }},
      {"function scan, slow", "MOD-01 MOD-11", "MOD-01 MOD-11", "MOD-11", 3, [] { return function_scan(atk, 2 * second); }},
      {"function scan by a known client", "MOD-11", "MOD-11", "MOD-11", 3, [] { return function_scan(scada, 100 * ms); }},
      {"registers upwards", "MOD-01", "MOD-01 MOD-12", "", 2, [] { return modbus(atk, 3, 0, 100, 90, 100, 20 * ms); }},
      {"registers downwards", "MOD-01", "MOD-01 MOD-12", "", 2, [] { return modbus(atk, 3, 9000, 100, 90, -100, 20 * ms); }},
      {"registers at random", "MOD-01", "MOD-01 MOD-12", "", 2, [] { return modbus(atk, 4, 0, 7, 90, 7919, 20 * ms); }},
      {"absent registers", "MOD-01 MOD-12", "MOD-01 MOD-12", "MOD-12", 2, [] { return modbus(atk, 3, 0, 1, 200, 1, 20 * ms, {}, 2); }},
      {"units one by one", "MOD-01", "MOD-01", "", 3, [] { return unit_scan(atk); }},
      {"flood", "MOD-01 MOD-20", "MOD-01 MOD-20", "MOD-20", 2, [] { return flood(atk); }},
      {"flood by a known client", "MOD-20", "MOD-20", "MOD-20", 1, [] { return flood(hmi); }},
      {"from the Internet", "MOD-01 MOD-25", "MOD-01 MOD-25", "MOD-25", 4, [] { return modbus("8.8.4.4", 3, 0, 10, 3, 0, second); }},
      {"write with a trailing octet", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 3, [] { return cut(modbus(atk, 6, 30, 1, 3, 1, 200 * ms, {7})); }},
      {"write elsewhere with a trailing octet", "MOD-03", "MOD-03", "", 2, [] { return cut(modbus(hmi, 6, 100, 1, 3, 1, 200 * ms, {7})); }},
      {"write with wrong sides", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] { return turned(modbus(atk, 6, 30, 1, 3, 1, 200 * ms, {7})); }},
      {"write by RTU over TCP", "MOD-01 MOD-02", "MOD-01 MOD-02", "", 2, [] {
         Script s = modbus(atk, 6, 30, 1, 3, 1, 200 * ms, {7});
         for (Scripted& e : s) e.said.frame = 1;
         return s;
       }},
  });
}

TEST(Variants, Dnp3) {
  play({
      {"direct operates by another host", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return crobs(atk, 5, 8, 100 * ms); }},
      {"slowly", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return crobs(atk, 5, 8, 2 * second); }},
      {"selected, by another host", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return crobs(atk, 4, 8, 300 * ms, 4, true); }},
      {"by the master, fast", "DNP-06", "DNP-06", "", 2, [] { return crobs(scada, 4, 8, 300 * ms, 4, true); }},
      {"by the master, without select", "DNP-04", "DNP-04", "", 3, [] { return crobs(scada, 5, 1, 20 * second); }},
      {"without acknowledgement by the master", "DNP-05", "DNP-05", "DNP-05", 3, [] { return crobs(scada, 6, 1, 20 * second); }},
      {"without acknowledgement by another host", "DNP-01", "DNP-01", "DNP-05", 3, [] { return crobs(atk, 6, 2, 20 * second); }},
      {"one request with all outputs", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return Script{dnp3_crob(start, atk, outstation, 3, 5, {0, 1, 2, 3, 4, 5, 6, 7}, 4)}; }},
      {"operate differs from select", "DNP-08", "DNP-08", "DNP-08", 2, [] {
         Scripted s = dnp3_crob(start, scada, outstation, 3, 3, {2}, 3), o = dnp3_crob(start + second, scada, outstation, 4, 4, {2}, 4);
         return Script{s, dnp3_response(s, start + ms), o, dnp3_response(o, start + second + ms)};
       }},
      {"cold restart", "DNP-01 DNP-11", "DNP-01 DNP-11", "DNP-11", 2, [] { return dnp3(atk, 13); }},
      {"warm restart by the master", "DNP-12", "DNP-12", "DNP-12", 1, [] { return dnp3(scada, 14); }},
      {"stop application", "DNP-01 DNP-13", "DNP-01 DNP-13", "DNP-13", 2, [] { return dnp3(atk, 18); }},
      {"initialize application", "DNP-01 DNP-13", "DNP-01 DNP-13", "DNP-13", 2, [] { return dnp3(atk, 16); }},
      {"save configuration", "DNP-01", "DNP-01", "", 2, [] { return dnp3(atk, 19); }},
      {"unsolicited off by another host", "DNP-01", "DNP-01", "", 2, [] { return dnp3(atk, 21); }},
      {"time by another host", "DNP-01", "DNP-01", "", 2, [] { return Script{dnp3_object(dnp3_request(start, atk, outstation, 1, 2), ObjectKind::time_and_date, 50, 1, 0, 1e18)}; }},
      {"file delete", "DNP-01 DNP-27", "DNP-01 DNP-27", "DNP-27", 2, [] { return dnp3(atk, 27); }},
      {"file delete by the master", "DNP-27", "DNP-27", "DNP-27", 1, [] { return dnp3(scada, 27); }},
      {"to all outstations", "DNP-01 DNP-25", "DNP-01 DNP-25", "DNP-25", 3, [] { return dnp3(atk, 21, 0xffff); }},
      {"another link address", "DNP-01", "DNP-01", "", 1, [] { return dnp3(scada, 1, 10, 77); }},
      {"analog output by another host", "DNP-01", "DNP-01", "", 2, [] { return analog(atk, 1e9); }},
      {"analog output outside its limits", "DNP-10", "", "", 1, [] { return analog(scada, 1e9); }},
      {"analog output no number", "DNP-10", "DNP-10", "DNP-10", 1, [] { return analog(scada, std::numeric_limits<double>::quiet_NaN()); }},
      {"restart with a trailing octet", "DNP-01 DNP-11", "DNP-01 DNP-11", "DNP-11", 2, [] { return cut(dnp3(atk, 13)); }},
      {"operates with a trailing octet", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return cut(crobs(atk, 5, 8, 100 * ms)); }},
      {"by the master, without select, with a trailing octet", "DNP-04", "DNP-04", "", 3, [] { return cut(crobs(scada, 5, 1, 20 * second)); }},
      {"joined in the middle with wrong sides", "DNP-01 DNP-06", "DNP-01 DNP-06", "", 3, [] { return turned(crobs(atk, 5, 8, 100 * ms)); }},
  });
}

TEST(Variants, Scans) {
  play({
      {"SYN, refused", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::refused, 8, 8, 20 * ms); }},
      {"SYN, unanswered", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::unanswered, 8, 8, 20 * ms); }},
      {"half-open", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::reset, 8, 8, 20 * ms); }},
      {"one port, many hosts", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::refused, 100, 1, 20 * ms); }},
      {"one host, many ports", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::refused, 1, 100, 20 * ms); }},
      {"one every ten seconds", "NET-06", "NET-06", "NET-06", 3, [] { return tries(atk, Fact::refused, 10, 10, 10 * second); }},
      {"datagrams, refused", "NET-06", "NET-06", "NET-06", 2, [] { return datagrams(atk, Fact::refused, 20, {161, 47808, 44818, 20000}, 20 * ms); }},
      {"datagrams, unanswered", "NET-06", "NET-06", "NET-06", 2, [] { return datagrams(atk, Fact::unanswered, 40, {161}, 200 * ms); }},
      {"hosts without ports", "NET-06", "NET-06", "", 1, [] { return datagrams(atk, Fact::datagrams, 100, {0}, 20 * ms); }},
      {"hosts without ports, one every ten seconds", "NET-06", "NET-06", "", 1, [] { return datagrams(atk, Fact::datagrams, 60, {0}, 10 * second); }},
      {"datagrams by a known host", "NET-06", "NET-06", "NET-06", 2, [] { return datagrams(hmi, Fact::refused, 40, {161}, 200 * ms); }},
      {"by a known host", "NET-06", "NET-06", "NET-06", 2, [] { return tries(hmi, Fact::refused, 8, 8, 50 * ms); }},
  });
}

// A claim of an address in each of ARP's forms, by whoever: told once for each address; a router's own are left alone.
TEST(Variants, Arp) {
  constexpr std::string_view bad = "02:bb:bb:bb:bb:bb";
  struct Form { std::string_view name; uint16_t operation; std::string_view target; };
  for (const Form& form : {Form{"reply", 2, hmi}, {"request", 1, hmi}, {"gratuitous reply", 2, ""}, {"gratuitous request", 1, rtu}})
    for (const std::string_view site : {plant_site, std::string_view{}})
      for (const bool knows : {false, true}) {
        Hearing h(Hearing::Options{site, knows ? learned(ordinary()) : Memory{}, {}});
        for (int i = 0; i < 20; i++) {
          h.arp(2, rtu, "02:00:0a:01:01:14", hmi), h.arp(2, hmi, "02:00:0a:01:01:1e", rtu), h.arp(2, "10.1.1.1", "00:00:5e:00:01:07", hmi);
          h.wait(second);
          if (i > 5) h.arp(form.operation, rtu, bad, form.target), h.arp(form.operation, hmi, bad, form.target.empty() ? "" : rtu);   // between the two
          if (i % 5 == 4) h.arp(2, "10.1.1.1", "00:00:0c:07:ac:01", "");
          h.wait(second);
        }
        std::erase_if(h.findings, [](const Finding& f) { return f.detection->id == "NET-01"; });
        EXPECT_GE(h.times("NET-04"), 2u) << form.name << "\n" << h.told();
        EXPECT_EQ(h.stories(), 2u) << form.name << "\n" << h.told();
      }
}

// What looks like it and is not.
TEST(Variants, TheLifeOfAPlantStaysQuiet) {
  play({
      {"restoring six seconds apart", "", "", "", 0, [] {
         Script s;
         for (uint32_t i = 0; i < 4; i++)
           for (bool select : {true, false}) command(s, i * 6 * second + (select ? 0 : 500 * ms), scada, C_DC, 5101 + i, 2, select);
         return s;
       }},
      {"analog output inside its limits", "", "", "", 0, [] { return analog(scada, 99); }},
      {"set-point at its limit", "", "", "", 0, [] { return commands(scada, C_SE_NC, 6001, 1, second, 13); }},
      {"acknowledge all", "", "", "", 0, [] { return commands(scada, C_SC, 5001, 3, 100 * ms, 1); }},
      {"interrogation and clock", "", "", "", 0, [] { return then(system_command(scada, C_IC, 20), system_command(scada, C_CS, 0, 1)); }},
      {"polls and the usual write", "", "", "", 0, [] { return then(modbus(hmi, 3, 0, 10, 20, 0, second), modbus(hmi, 6, 30, 1, 4, 0, second, {5})); }},
      {"one output, selected", "", "", "", 0, [] { return crobs(scada, 4, 1, second, 3, true); }},
      {"class polls", "", "", "", 0, [] { return then(dnp3(scada, 1), dnp3(scada, 1)); }},
  });
}

}  // namespace
}  // namespace vidra
