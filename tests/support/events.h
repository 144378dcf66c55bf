// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/judge/event.h"
#include "dissectors/facts.h"

namespace vidra {

// One event with everything it borrows, so that a test can write down a conversation line by line and play it.
struct Scripted {
  Scene scene;
  Message said;
  std::vector<Point> points;
  Event event() const { return {scene, &said, nullptr, points, {}}; }

  Scripted&& midstream() && { said.midstream = true; return std::move(*this); }
  Scripted&& after_gap() && { said.after_gap = true; return std::move(*this); }
  Scripted&& test() && { said.test = true; return std::move(*this); }
  Scripted&& quality(uint32_t q) && { for (Point& p : points) p.quality = q; return std::move(*this); }
  Scripted&& flow(uint64_t f) && { scene.flow = f; return std::move(*this); }
  Scripted&& origin(uint64_t o) && { said.origin = o; said.has_origin = true; return std::move(*this); }
  Scripted&& malformed() && { said.malformed = true; return std::move(*this); }
  Scripted&& broadcast() && { said.broadcast = true; return std::move(*this); }
  Scripted&& unpaired() && { said.unpaired = true; return std::move(*this); }
};

// Who talks: addresses as text, the conversation's flow made of both ends.
inline Scene scene(Time at, std::string_view protocol, std::string_view client, std::string_view server, uint16_t port, Side from) {
  Scene s;
  s.time = at;
  s.frame = uint64_t(at / millisecond);
  s.client = {parse_address(client).value(), 40'000};
  s.server = {parse_address(server).value(), port};
  s.flow = uint64_t(s.client.address.ip4_number()) << 32 | (uint64_t(s.server.address.ip4_number() & 0xffff) << 16) | port;
  const auto mac = [](const Address& a) { const uint32_t n = a.ip4_number(); return Mac{{2, 0, uint8_t(n >> 24), uint8_t(n >> 16), uint8_t(n >> 8), uint8_t(n)}}; };
  s.client_mac = mac(s.client.address);
  s.server_mac = mac(s.server.address);
  const int index = protocol_index(protocol);
  if (index < 0) throw std::invalid_argument("no such protocol");
  s.protocol = uint16_t(index);
  s.from = from;
  return s;
}

// A connection's fact, as traffic says it.
inline Scripted fact(Time at, std::string_view client, std::string_view server, uint16_t port, Fact what, Side from = Side::client) {
  Scripted e{scene(at, "tcp", client, server, port, from), {}, {}};
  e.said.function = uint16_t(what);
  e.said.act = Act::session;
  e.said.role = Role::report;
  e.said.station = port;
  return e;
}

// --- IEC 60870-5-104

enum : uint8_t { C_SC = 45, C_DC = 46, C_RC = 47, C_SE_NC = 50, C_IC = 100, C_CS = 103, C_TS = 104, C_RP = 105, C_TS_TA = 107, M_SP_TB = 30, M_DP_TB = 31, M_ME_TF = 36 };

inline void iec104_value(Point& p, uint8_t type, double value) {
  if (type == C_SC || type == 58 || type == 1 || type == M_SP_TB) p.set(value != 0);
  else if (type == C_DC || type == 59 || type == 3 || type == M_DP_TB) p.set_double_point(unsigned(value));
  else if (type == C_RC || type == 60) p.set_step(unsigned(value));
  else if (type == 49 || type == 11) p.set_integer(int64_t(value));
  else p.set_real(value);
}

inline Act iec104_act(uint8_t type, bool select, uint16_t cause) {
  if (cause == 8 || cause == 9) return Act::cancel;
  if ((type >= 45 && type <= 51) || (type >= 58 && type <= 64)) return select ? Act::select : Act::operate;
  return type == C_CS ? Act::time : type == C_RP ? Act::run : type == C_TS || type == C_TS_TA ? Act::diagnose : type >= 110 && type <= 113 ? Act::configure : type >= 120 && type <= 127 ? Act::file : Act::read;
}

// What a master asks of a station (cause 6 activation, 8 deactivation).
inline Scripted iec104_command(Time at, std::string_view master, std::string_view rtu, uint8_t type, uint16_t cause, uint16_t ca, uint32_t ioa, double value, bool select = false) {
  Scripted e{scene(at, "iec104", master, rtu, 2404, Side::client), {}, {}};
  Message& m = e.said;
  m.role = Role::request;
  m.act = iec104_act(type, select, cause);
  m.function = type;
  m.reason = cause;
  m.station = ca;
  m.broadcast = ca == 0xffff;
  m.has_origin = true;
  m.digest = uint64_t(type) << 48 | uint64_t(ioa) << 8 | (std::bit_cast<uint64_t>(value) >> 13);
  m.points = 1;
  Point p;
  p.object = Object(ObjectKind::information_object, ioa);
  if (type < 100) iec104_value(p, type, value);
  e.points.push_back(p);
  return e;
}

// The same, many objects at once, is not used on 104: one command, one object.
// What the station answers (7 confirmation, 10 termination, 44 to 47 unknown).
inline Scripted iec104_answer(Time at, std::string_view master, std::string_view rtu, uint8_t type, uint16_t cause, uint16_t ca, uint32_t ioa, double value, bool select = false, bool negative = false) {
  Scripted e = iec104_command(at, master, rtu, type, cause, ca, ioa, value, select);
  e.scene.from = Side::server;
  e.said.role = Role::response;
  e.said.refused = negative || (cause >= 44 && cause <= 47);
  return e;
}

// What the station reports (3 spontaneous, 11 return information, 20 interrogated).
inline Scripted iec104_report(Time at, std::string_view master, std::string_view rtu, uint8_t type, uint16_t cause, uint16_t ca, uint32_t ioa, double value) {
  Scripted e = iec104_command(at, master, rtu, type, cause, ca, ioa, 0);
  e.scene.from = Side::server;
  e.said.role = Role::report;
  e.said.act = Act::report;
  e.said.digest = 0;
  iec104_value(e.points[0], type, value);
  return e;
}

// A U frame by its first control octet: 0x07 STARTDT act, 0x0b con, 0x13 STOPDT act, 0x43 TESTFR act, 0x83 con.
inline Scripted iec104_u(Time at, std::string_view master, std::string_view rtu, uint8_t control, Side from = Side::client) {
  Scripted e{scene(at, "iec104", master, rtu, 2404, from), {}, {}};
  e.said.role = control == 0x0b || control == 0x23 || control == 0x83 ? Role::response : Role::request;
  e.said.act = Act::session;
  e.said.function = control;
  e.said.frame = 2;
  e.said.link = true;
  return e;
}

// --- Modbus

inline Act modbus_act(uint8_t function) {
  switch (function) {
    case 5: case 6: case 15: case 16: case 21: case 22: case 23: return Act::write;
    case 8: return Act::diagnose;
    case 17: case 43: return Act::identify;
    case 1: case 2: case 3: case 4: case 20: case 24: return Act::read;
    default: return Act::other;
  }
}
inline ObjectKind modbus_kind(uint8_t function) {
  switch (function) {
    case 1: case 5: case 15: return ObjectKind::coil;
    case 2: return ObjectKind::discrete_input;
    case 4: return ObjectKind::input_register;
    default: return ObjectKind::holding_register;
  }
}

// A request: a range where it reads, values where it writes.
inline Scripted modbus_request(Time at, std::string_view client, std::string_view server, uint16_t tag, uint8_t function, uint16_t address, uint16_t count, std::vector<double> values = {}, uint8_t unit = 1) {
  Scripted e{scene(at, "modbus", client, server, 502, Side::client), {}, {}};
  Message& m = e.said;
  m.act = modbus_act(function);
  m.function = function;
  m.tag = tag;
  m.station = unit;
  m.broadcast = unit == 0;
  const bool addressed = (function >= 1 && function <= 6) || function == 15 || function == 16 || (function >= 20 && function <= 24);
  if (addressed && values.empty()) {
    Point p;
    p.object = Object(modbus_kind(function), address);
    p.count = count;
    e.points.push_back(p);
  }
  for (size_t i = 0; i < values.size(); i++) {
    Point p;
    p.object = Object(modbus_kind(function), uint32_t(address + i));
    if (modbus_kind(function) == ObjectKind::coil) p.set(values[i] != 0);
    else p.set_natural(uint64_t(values[i]));
    e.points.push_back(p);
  }
  m.points = uint32_t(e.points.size());
  return e;
}
inline Scripted modbus_sub(Scripted e, uint16_t sub) { e.said.sub_function = sub; return e; }

// Its answer, `exception` 0 for a good one.
inline Scripted modbus_answer(const Scripted& request, Time at, uint16_t exception = 0) {
  Scripted e = request;
  e.scene.time = at;
  e.scene.from = Side::server;
  e.said.role = Role::response;
  e.said.refused = exception != 0;
  e.said.reason = exception;
  if (exception) e.points.clear();
  e.said.points = uint32_t(e.points.size());
  return e;
}

// --- DNP3

inline Act dnp3_act(uint8_t function) {
  switch (function) {
    case 1: case 129: return Act::read;
    case 2: return Act::write;
    case 3: return Act::select;
    case 4: case 5: case 6: return Act::operate;
    case 13: case 14: case 15: case 16: case 17: case 18: return Act::run;
    case 20: case 21: return Act::subscribe;
    case 23: case 24: return Act::time;
    case 19: case 22: case 31: return Act::configure;
    case 25: case 26: case 27: case 28: case 29: case 30: return Act::file;
    case 130: return Act::report;
    default: return Act::other;
  }
}

inline Scripted dnp3_request(Time at, std::string_view master, std::string_view outstation, uint8_t sequence, uint8_t function, uint16_t station = 10, uint16_t origin = 1) {
  Scripted e{scene(at, "dnp3", master, outstation, 20000, Side::client), {}, {}};
  Message& m = e.said;
  m.act = dnp3_act(function);
  m.function = function;
  m.tag = sequence & 15;
  m.station = station;
  m.origin = origin;
  m.has_origin = true;
  m.broadcast = station >= 0xfffd;
  return e;
}
// Control relay output blocks: latch on (3), latch off (4), close (0x41), trip (0x81).
inline Scripted dnp3_crob(Time at, std::string_view master, std::string_view outstation, uint8_t sequence, uint8_t function, std::vector<uint32_t> indices, uint8_t code, uint16_t origin = 1) {
  Scripted e = dnp3_request(at, master, outstation, sequence, function, 10, origin);
  for (uint32_t i : indices) {
    Point p;
    p.object = Object(ObjectKind::binary_output, i);
    p.form = 12 << 8 | 1;
    p.qualifier = uint32_t(code) | 1 << 8;
    p.set((code & 15) == 3 || (code & 15) == 1);
    p.duration = 100;
    e.points.push_back(p);
    e.said.digest = e.said.digest * 31 + i * 257 + code;
  }
  e.said.points = uint32_t(e.points.size());
  return e;
}
// An object that a request or report carries: group and variation, index, value.
inline Scripted dnp3_object(Scripted e, ObjectKind kind, uint8_t group, uint8_t variation, uint32_t index, double value) {
  Point p;
  p.object = Object(kind, index);
  p.form = uint16_t(group << 8 | variation);
  if (kind == ObjectKind::binary_input || kind == ObjectKind::internal_indication) p.set(value != 0);
  else if (kind == ObjectKind::time_and_date) p.set_time(Time(value));
  else p.set_real(value);
  e.points.push_back(p);
  e.said.digest = e.said.digest * 31 + index * 257 + (std::bit_cast<uint64_t>(value) >> 13);
  e.said.points = uint32_t(e.points.size());
  return e;
}
inline Scripted dnp3_response(const Scripted& request, Time at, uint8_t status = 0, uint16_t iin = 0) {
  Scripted e = request;
  e.scene.time = at;
  e.scene.from = Side::server;
  e.said.role = Role::response;
  e.said.function = 129;
  e.said.act = Act::read;
  e.said.qualifier = iin;
  e.said.refused = status || (iin & 0x0007);
  for (Point& p : e.points) p.status = status;
  return e;
}
inline Scripted dnp3_unsolicited(Time at, std::string_view master, std::string_view outstation, uint8_t sequence, uint32_t index, bool value) {
  Scripted e = dnp3_request(at, master, outstation, sequence, 130);
  e.scene.from = Side::server;
  e.said.role = Role::report;
  return dnp3_object(std::move(e), ObjectKind::binary_input, 2, 2, index, value);
}

}  // namespace vidra
