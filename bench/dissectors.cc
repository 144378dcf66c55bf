// SPDX-License-Identifier: Apache-2.0
// What it costs to understand a record: one object, and each further one; and the samples of every protocol, as the tests
// enrol them. Medians, in nanoseconds of CPU and as ratios of what saying an empty sentence costs in the same run.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "dissectors/crc.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

struct Deaf final : Listener {
  void heard(const Message& m, std::span<const Point> points, Texts) override {
    benchmark::DoNotOptimize(&m);
    benchmark::DoNotOptimize(points.data());
    benchmark::ClobberMemory();
  }
  void heard(const Identity& who, Texts) override { benchmark::DoNotOptimize(&who); }
};

struct Record { Side from; std::vector<uint8_t> octets; };

// Two exchanges that differ in the number of objects only.
struct Case { std::string protocol, name; std::vector<Record> one, many; size_t objects; };

std::vector<uint8_t> iec104(unsigned type, unsigned cause, unsigned n, std::vector<uint8_t> element, bool sequence) {
  std::vector<uint8_t> b = {0x68, 0, 0, 0, 0, 0, uint8_t(type), uint8_t(n | (sequence ? 0x80 : 0)), uint8_t(cause), 0, 10, 0};
  for (unsigned i = 0; i < n; i++) {
    if (!sequence || i == 0) b.insert(b.end(), {uint8_t(100 + i), 0, 0});
    b.insert(b.end(), element.begin(), element.end());
  }
  b[1] = uint8_t(b.size() - 2);
  return b;
}

std::vector<uint8_t> modbus(std::vector<uint8_t> pdu) {
  std::vector<uint8_t> b = {0, 1, 0, 0, 0, uint8_t(pdu.size() + 1), 1};
  b.insert(b.end(), pdu.begin(), pdu.end());
  return b;
}
std::vector<Record> modbus_read(uint8_t function, uint16_t n) {
  const size_t octets = function <= 2 ? (n + 7u) / 8 : 2u * n;
  std::vector<uint8_t> answer = {function, uint8_t(octets)};
  answer.resize(answer.size() + octets, 0x55);
  return {{Side::client, modbus({function, 0, 100, uint8_t(n >> 8), uint8_t(n)})}, {Side::server, modbus(answer)}};
}

// A DNP3 link frame: 05 64, length, control, destination, source, CRC; user data in blocks of 16 with a CRC each.
std::vector<uint8_t> dnp3(bool from_master, const std::vector<uint8_t>& data) {
  std::vector<uint8_t> b = {0x05, 0x64, uint8_t(5 + data.size()), uint8_t(from_master ? 0xC4 : 0x44), uint8_t(from_master ? 10 : 1), 0, uint8_t(from_master ? 1 : 10), 0};
  const auto seal = [&b](size_t start) {
    const uint16_t crc = crc_dnp(Bytes(b).subspan(start));
    b.push_back(uint8_t(crc)), b.push_back(uint8_t(crc >> 8));
  };
  seal(0);
  for (size_t at = 0; at < data.size(); at += 16) {
    const size_t start = b.size();
    b.insert(b.end(), data.begin() + long(at), data.begin() + long(std::min(at + 16, data.size())));
    seal(start);
  }
  return b;
}
// n objects behind one header: by range, or (indexed) with an octet's index before each.
std::vector<Record> dnp3_objects(bool from_master, std::string_view fragment, std::string_view object, unsigned n, bool indexed) {
  std::vector<uint8_t> data = hex(fragment);
  const std::vector<uint8_t> one = hex(object);
  if (indexed) data.insert(data.end(), {0x17, uint8_t(n)});
  else data.insert(data.end(), {0x00, 0, uint8_t(n - 1)});
  for (unsigned i = 0; i < n; i++) {
    if (indexed) data.push_back(uint8_t(i));
    data.insert(data.end(), one.begin(), one.end());
  }
  return {{from_master ? Side::client : Side::server, dnp3(from_master, data)}};
}

// BER: tag, length, parts. Then what carries MMS: presentation, session, COTP, TPKT.
using Octets = std::vector<uint8_t>;
Octets with(Octets a, const Octets& b) { return a.insert(a.end(), b.begin(), b.end()), a; }
Octets ber(uint8_t tag, std::initializer_list<Octets> parts) {
  Octets inside;
  for (const Octets& p : parts) inside.insert(inside.end(), p.begin(), p.end());
  Octets b = {tag};
  if (inside.size() >= 128) b.insert(b.end(), {0x82, uint8_t(inside.size() >> 8)});
  b.push_back(uint8_t(inside.size()));
  b.insert(b.end(), inside.begin(), inside.end());
  return b;
}
Octets ber(uint8_t tag, std::string_view text) { return ber(tag, {Octets(text.begin(), text.end())}); }
Octets mms(const Octets& pdu) {
  const Octets user = ber(0x61, {ber(0x30, {{2, 1, 3}, ber(0xa0, {pdu})})});
  const size_t n = user.size() + 11;
  Octets b = {3, 0, uint8_t(n >> 8), uint8_t(n), 2, 0xf0, 0x80, 1, 0, 1, 0};
  b.insert(b.end(), user.begin(), user.end());
  return b;
}
Octets several(const Octets& one, unsigned n) {
  Octets all;
  for (unsigned i = 0; i < n; i++) all.insert(all.end(), one.begin(), one.end());
  return all;
}
// Measured values with quality and time: float, 13 bits, UTC.
const Octets measured = hex("a218 a207 8705 0842480000 8403 030000 9108 5bc97d7a 0167f40a");
std::vector<Record> mms_report(unsigned n) {
  Octets inclusion = {0x84, uint8_t(1 + (n + 7) / 8), uint8_t((8 - n % 8) % 8)};
  inclusion.resize(inclusion.size() + (n + 7) / 8, 0xff);
  inclusion.back() = uint8_t(0xff << inclusion[2]);
  return {{Side::server, mms(ber(0xa3, {ber(0xa0, {ber(0xa1, {ber(0x80, "RPT")}), ber(0xa0, {ber(0x8a, "LD0/LLN0$BR$brcb01"), hex("8403 067800 860105 8c06 00ce3d6c 3dc4"),
      ber(0x8a, "LD0/LLN0$dsMeas"), inclusion, several(measured, n), several(hex("84020240"), n)})})}))}};
}
std::vector<Record> mms_read(unsigned n) {
  Octets variables;
  for (unsigned i = 0; i < n; i++) {
    const Octets one = ber(0x30, {ber(0xa0, {ber(0xa1, {ber(0x1a, "AA1J1Q01A1LD0"), ber(0x1a, "GGIO1$ST$Ind" + std::to_string(i))})})});
    variables.insert(variables.end(), one.begin(), one.end());
  }
  return {{Side::client, mms(ber(0xa0, {{2, 1, 7}, ber(0xa4, {ber(0xa1, {ber(0xa0, {variables})})})}))},
          {Side::server, mms(ber(0xa1, {{2, 1, 7}, ber(0xa4, {ber(0xa1, {several(hex("a212 830101 8403 030000 9108 5bc97d7a 0167f40a"), n)})})}))}};
}

// Twenty questions in turn, more than are kept: none is known again.
std::vector<Record> mms_asked_anew(unsigned n) {
  std::vector<Record> all;
  for (unsigned question = 0; question < 20; question++) {
    Octets variables;
    for (unsigned i = 0; i < n; i++) variables = with(variables, ber(0x30, {ber(0xa0, {ber(0xa1, {ber(0x1a, "AA1J1Q01A1LD0"), ber(0x1a, "GGIO" + std::to_string(10 + question) + "$ST$Ind" + std::to_string(i))})})}));
    all.push_back({Side::client, mms(ber(0xa0, {{2, 1, 7}, ber(0xa4, {ber(0xa1, {ber(0xa0, {variables})})})}))});
  }
  return all;
}

// OPC UA: n nodes with numeric identifiers are read (the channel's security is known: None), and n items are published.
void le32_into(std::vector<uint8_t>& b, size_t at, uint32_t v) { for (size_t i = 0; i < 4; i++) b[at + i] = uint8_t(v >> 8 * i); }
Record opcua_message(Side from, std::string_view type, std::string_view head, uint32_t n, std::string_view each, std::string_view behind) {
  std::vector<uint8_t> b = hex("4d534746 00000000 01000000 01000000 33000000 07000000");
  const auto add = [&b](std::string_view text) { const auto octets = hex(text); b.insert(b.end(), octets.begin(), octets.end()); };
  add(type);
  add(from == Side::client ? "0000 002c081cfc79dd01 07000000 00000000 ffffffff 88130000 000000" : "002c081cfc79dd01 07000000 00000000 00 00000000 000000");
  add(head);
  const size_t count = b.size();
  add("00000000");
  le32_into(b, count, n);
  for (uint32_t i = 0; i < n; i++) add(each);
  add(behind);
  le32_into(b, 4, uint32_t(b.size()));
  return {from, b};
}
std::vector<Record> opcua_read(uint32_t n) {
  return {opcua_message(Side::client, "01007702", "0000000000000000 02000000", n, "0102e903 0d000000 ffffffff 0000 ffffffff", ""),
          opcua_message(Side::server, "01007a02", "", n, "0d 0b 713d0ad7a3004940 002c081cfc79dd01 002c081cfc79dd01", "00000000")};
}

// S7: n octets of a data block are read; n variables (REAL) are.
std::vector<uint8_t> s7_pdu(std::vector<uint8_t> pdu) {
  std::vector<uint8_t> b = {3, 0, uint8_t((pdu.size() + 7) >> 8), uint8_t(pdu.size() + 7), 2, 0xf0, 0x80};
  b.insert(b.end(), pdu.begin(), pdu.end());
  return b;
}
std::vector<Record> s7_read(unsigned n) {
  std::vector<uint8_t> q = {0x32, 1, 0, 0, 0, 7, uint8_t((2 + 12 * n) >> 8), uint8_t(2 + 12 * n), 0, 0, 4, uint8_t(n)};
  std::vector<uint8_t> a = {0x32, 3, 0, 0, 0, 7, 0, 2, uint8_t(8 * n >> 8), uint8_t(8 * n), 0, 0, 4, uint8_t(n)};
  for (unsigned i = 0; i < n; i++) {
    q.insert(q.end(), {0x12, 0x0a, 0x10, 8, 0, 1, 0, 5, 0x84, 0, uint8_t(i >> 3), uint8_t(i << 5)});
    a.insert(a.end(), {0xff, 7, 0, 4, 0x42, 0x48, 0, 0});
  }
  return {{Side::client, s7_pdu(q)}, {Side::server, s7_pdu(a)}};
}
std::vector<Record> s7_octets(unsigned n) {
  std::vector<uint8_t> a = {0x32, 3, 0, 0, 0, 7, 0, 2, 0, uint8_t(4 + n), 0, 0, 4, 1, 0xff, 4, uint8_t(8 * n >> 8), uint8_t(8 * n)};
  a.resize(a.size() + n, 0x55);
  return {{Side::client, s7_pdu({0x32, 1, 0, 0, 0, 7, 0, 14, 0, 0, 4, 1, 0x12, 0x0a, 0x10, 2, 0, uint8_t(n), 0, 5, 0x84, 0, 0, 0})}, {Side::server, s7_pdu(a)}};
}

// EtherNet/IP: n elements of a tag are read; n tags are, each by a message of its own within one (Multiple_Service_Packet).
void le16_at(Octets& b, size_t at, size_t v) { b[at] = uint8_t(v), b[at + 1] = uint8_t(v >> 8); }
Octets enip(Octets message) {
  Octets b = hex("6F00 0000 22110000 00000000 0100000000000000 00000000 | 000000000000 0200 00000000 B200 0000");
  le16_at(b, 2, message.size() + 16), le16_at(b, 38, message.size());
  b.insert(b.end(), message.begin(), message.end());
  return b;
}
std::vector<Record> enip_elements(unsigned n) {
  Octets q = hex("4C 03 91 04 666C6F77 0000");
  le16_at(q, 8, n);
  return {{Side::client, enip(q)}, {Side::server, enip(with(hex("CC 00 0000 CA00"), several(hex("0000C03F"), n)))}};
}
Octets enip_several(uint8_t service, const std::vector<Octets>& parts) {
  Octets b = service & 0x80 ? Octets{service, 0, 0, 0} : Octets{service, 2, 0x20, 2, 0x24, 1}, inside;
  const size_t offsets = b.size() + 2;
  b.resize(offsets + 2 * parts.size());
  le16_at(b, offsets - 2, parts.size());
  for (size_t i = 0; i < parts.size(); i++) le16_at(b, offsets + 2 * i, 2 + 2 * parts.size() + inside.size()), inside = with(inside, parts[i]);
  return with(b, inside);
}
std::vector<Record> enip_tags(unsigned n) {
  std::vector<Octets> asked, answered;
  for (unsigned i = 0; i < n; i++) {
    const std::string name = "Pump_" + std::to_string(10 + i) + "_Run";
    asked.push_back(with(with(Octets{0x4C, uint8_t(1 + (name.size() + 1) / 2), 0x91, uint8_t(name.size())}, Octets(name.begin(), name.end())), name.size() % 2 ? Octets{0, 1, 0} : Octets{1, 0}));
    answered.push_back(hex("CC 00 0000 C400 4D000000"));
  }
  return {{Side::client, enip(enip_several(0x0A, asked))}, {Side::server, enip(enip_several(0x8A, answered))}};
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<uint8_t> cp56 = {0xe8, 0x03, 0x1e, 0x0c, 0x55, 0x0b, 0x1a};
  const auto i = [&all](std::string name, unsigned type, unsigned n, const std::vector<uint8_t>& element, bool sequence) {
    all.push_back({"iec104", std::move(name), {{Side::server, iec104(type, 3, 1, element, sequence)}}, {{Side::server, iec104(type, 3, n, element, sequence)}}, n});
  };
  i("single point", 1, 60, {1}, false);
  i("single point, sequence", 1, 127, {1}, true);
  i("float", 13, 30, {0, 0, 0x48, 0x42, 0}, false);
  i("float, sequence", 13, 40, {0, 0, 0x48, 0x42, 0}, true);
  i("scaled", 11, 40, {0xd2, 4, 0}, false);
  i("single point, CP56Time2a", 30, 20, with({1}, cp56), false);
  i("float, CP56Time2a", 36, 15, with({0, 0, 0x48, 0x42, 0}, cp56), false);
  all.push_back({"iec104", "double command", {{Side::client, iec104(46, 6, 1, {2}, false)}}, {}, 1});
  all.push_back({"iec104", "S acknowledge", {{Side::client, hex("68 04 01 00 0A 00")}}, {}, 1});
  all.push_back({"modbus", "registers read", modbus_read(3, 1), modbus_read(3, 125), 125});
  all.push_back({"modbus", "coils read", modbus_read(1, 1), modbus_read(1, 2000), 2000});
  all.push_back({"modbus", "register written", {{Side::client, modbus({6, 0, 1, 0, 7})}, {Side::server, modbus({6, 0, 1, 0, 7})}}, {}, 1});
  const auto d = [&all](std::string name, bool from_master, std::string_view fragment, std::string_view object, unsigned n, bool indexed) {
    all.push_back({"dnp3", std::move(name), dnp3_objects(from_master, fragment, object, 1, indexed), dnp3_objects(from_master, fragment, object, n, indexed), n});
  };
  d("binary inputs with flags (g1v2)", false, "C0 C1 81 0000 0102", "81", 200, false);
  d("analog inputs, 16-bit (g30v2)", false, "C0 C1 81 0000 1E02", "01 0500", 60, false);
  d("analog inputs, float (g30v5)", false, "C0 C1 81 0000 1E05", "01 0000C841", 40, false);
  d("binary events with time (g2v2)", false, "C0 F1 82 0000 0202", "81 00688909CD01", 25, true);
  d("analog events with time (g32v3)", false, "C0 F1 82 0000 2003", "01 05000000 00688909CD01", 18, true);
  d("relays operated (g12v1)", true, "C0 C1 05 0C01", "03 01 00000000 00000000 00", 12, true);
  all.push_back({"dnp3", "class poll and confirm", {{Side::client, dnp3(true, hex("C0 C1 01 3C0206 3C0306 3C0406"))}, {Side::client, dnp3(true, hex("C0 C1 00"))}}, {}, 1});
  all.push_back({"mms", "report of measured values", mms_report(1), mms_report(60), 60});
  all.push_back({"mms", "variables read by name", mms_read(1), mms_read(40), 40});
  all.push_back({"mms", "variables asked for anew", mms_asked_anew(1), mms_asked_anew(40), 20 * 39 + 1});
  all.push_back({"opcua", "nodes read", opcua_read(1), opcua_read(100), 100});
  all.push_back({"s7", "variables read", s7_read(1), s7_read(20), 20});
  all.push_back({"s7", "octets of a block read", s7_octets(1), s7_octets(200), 200});
  all.push_back({"enip", "elements of a tag read", enip_elements(1), enip_elements(100), 100});
  all.push_back({"enip", "tags read, a message each", enip_tags(1), enip_tags(20), 20});

  // Streams in their steady state: the counters go round without a seam, so that nothing is said.
  const auto cyclic = [&all](std::string protocol, std::string name, std::string_view frame, size_t at, unsigned step) {
    Case c{std::move(protocol), std::move(name), {}, {}, 1};
    for (unsigned counter = 0; counter < 65'536; counter += step) {
      std::vector<uint8_t> octets = hex(frame);
      octets[at] = uint8_t(counter >> 8), octets[at + 1] = uint8_t(counter);
      c.one.push_back({Side::client, std::move(octets)});
    }
    all.push_back(std::move(c));
  };
  const std::string process(80, '5');                         // 40 octets
  cyclic("profinet", "cyclic data", "C001" + process + "0000 35 00", 42, 128);
  cyclic("ptp", "Sync", "00 02 002C 00 00 0200 0000000000000000 00000000 EC4670FFFE005105 0001 0000 00 00 00000000000000000000", 30, 1);
  all.push_back({"ethercat", "LRW, out and back", {{Side::client, hex("3410 0C 03 00000100 2800 0000" + process + "0000")}, {Side::client, hex("3410 0C 03 00000100 2800 0000" + process + "0300")}}, {}, 1});
  all.push_back({"powerlink", "PRes", {{Side::client, hex("04 FF 11 FD 00 00 00 00 2800" + process)}}, {}, 1});
  all.push_back({"sercos", "AT", {{Side::client, hex("60 14 97F0E343" + process)}}, {}, 1});
  return all;
}

// Nanoseconds a record.
void play(benchmark::State& state, const Protocol& protocol, const std::vector<Record>& records) {
  Deaf deaf;
  Pool pool(1 << 20);
  Speaker say(deaf);
  Parser* parser = protocol.open(pool);
  for (auto _ : state)
    for (const Record& r : records) {
      const Cut cut = parser->next(r.from, r.octets, true, false);
      benchmark::DoNotOptimize(cut);
      parser->parse(r.octets, r.from, say);
    }
  state.SetItemsProcessed(int64_t(state.iterations() * records.size()));
  pool.unmake(parser);
}

// A stream in its steady state: frames of one length played in turn, in each of which a counter goes on and time passes.
struct Steady { std::string protocol, name; std::vector<std::vector<uint8_t>> frames; size_t counter_at, counter_octets; uint32_t returns; Time period; };

std::vector<uint8_t> with_length(std::vector<uint8_t> frame) {
  frame[2] = uint8_t(frame.size() >> 8), frame[3] = uint8_t(frame.size());
  return frame;
}

std::vector<Steady> steady() {
  // Ten members; sqNum has five octets, as with fixed lengths (IEC 61850-8-1, A.3).
  std::vector<uint8_t> fields, goose = hex("0001 0000 0000 0000");
  size_t sq = 0;
  const auto field = [&](uint8_t tag, Bytes octets) {
    fields.insert(fields.end(), {tag, uint8_t(octets.size())});
    if (tag == 0x86) sq = fields.size() + 1;
    fields.insert(fields.end(), octets.begin(), octets.end());
  };
  field(0x80, bytes_of("AA1J1Q01A1LD0/LLN0$GO$gcb01")), field(0x81, hex("1770")), field(0x82, bytes_of("AA1J1Q01A1LD0/LLN0$dsGoose")), field(0x83, bytes_of("AA1J1Q01A1LD0/LLN0.gcb01"));
  field(0x84, hex("66000000 000000 0a")), field(0x85, hex("05")), field(0x86, hex("00 00000001")), field(0x87, hex("00")), field(0x88, hex("01")), field(0x89, hex("00")), field(0x8a, hex("0a"));
  field(0xab, hex("84020680 8403030000 84020680 8403030000 830100 8403030000 830100 830100 830100 830100"));
  goose.insert(goose.end(), {0x61, 0x81, uint8_t(fields.size())});
  sq += goose.size();
  goose.insert(goose.end(), fields.begin(), fields.end());

  Steady sv{"sv", "9-2LE, 80 samples a cycle, steady", {}, 0, 2, 4000, 250 * microsecond};
  for (int n = 0; n < 80; n++) {
    std::vector<uint8_t> frame = hex("4001 0000 0000 0000 60 5c 80 01 01 a2 57 30 55 80 04 4d553031 82 02 0000 83 04 00000001 85 01 02 87 40");
    sv.counter_at = 25;
    for (int c = 0; c < 8; c++) {
      const double value = (c < 4 ? 1.4e6 : 9e6) * std::sin(2 * 3.14159265358979 * (n / 80.0 - c % 4 / 3.0)) * (c % 4 != 3);
      for (int64_t word : {int64_t(value), int64_t{0}})
        for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(uint8_t(word >> shift));
    }
    sv.frames.push_back(with_length(std::move(frame)));
  }
  return {{"goose", "10 members, steady", {with_length(std::move(goose))}, sq, 4, 0, 100 * millisecond}, std::move(sv)};
}

void go_on(benchmark::State& state, const Protocol& protocol, const Steady& steady) {
  Deaf deaf;
  Pool pool(1 << 20);
  Speaker say(deaf);
  Parser* parser = protocol.open(pool);
  auto frames = steady.frames;
  uint32_t count = 1;
  size_t i = 0;
  for (auto _ : state) {
    std::vector<uint8_t>& frame = frames[i];
    if (++i == frames.size()) i = 0;
    for (size_t k = 0; k < steady.counter_octets; k++) frame[steady.counter_at + k] = uint8_t(count >> 8 * (steady.counter_octets - 1 - k));
    if (++count == steady.returns) count = 0;
    say.time += steady.period;
    parser->parse(frame, Side::client, say);
  }
  state.SetItemsProcessed(int64_t(state.iterations()));
  pool.unmake(parser);
}

// What one conversation holds in octets: when it is opened, and when all samples have been heard in it.
std::pair<size_t, size_t> octets_held(const Protocol& protocol, const std::vector<Record>& records) {
  Deaf deaf;
  Pool pool(64 << 20);
  Speaker say(deaf);
  Parser* parser = protocol.open(pool);
  const size_t opened = pool.used();
  for (const Record& r : records) parser->parse(r.octets, r.from, say);
  return {opened, pool.used()};
}

void nothing(benchmark::State& state) {
  Deaf deaf;
  Speaker say(deaf);
  for (auto _ : state) say.begin(), say.end();
  state.SetItemsProcessed(int64_t(state.iterations()));
}

// Keeps the medians, to set them beside each other.
struct Medians final : benchmark::BenchmarkReporter {
  std::map<std::string, double> ns;
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "median") ns[run.run_name.function_name] = 1e9 / double(run.counters.at("items_per_second"));
  }
};

}  // namespace
}  // namespace vidra

// dissectors_bench --play NAME one|many N: one case N times and nothing else, for who counts instructions.
int play_alone(std::string_view name, std::string_view which, long times) {
  using namespace vidra;
  for (const Case& c : cases()) {
    if (c.protocol + ", " + c.name != name) continue;
    Deaf deaf;
    Pool pool(1 << 20);
    Speaker say(deaf);
    Parser* parser = protocols[size_t(protocol_index(c.protocol))]->open(pool);
    for (long n = 0; n < times; n++)
      for (const Record& r : which == "many" ? c.many : c.one) parser->parse(r.octets, r.from, say);
    pool.unmake(parser);
    return 0;
  }
  std::fprintf(stderr, "dissectors_bench: no case \"%.*s\"; there are:\n", int(name.size()), name.data());
  for (const Case& c : cases()) std::fprintf(stderr, "  \"%s, %s\"\n", c.protocol.c_str(), c.name.c_str());
  return 2;
}

int main(int argc, char** argv) {
  using namespace vidra;
  if (argc == 5 && std::string_view(argv[1]) == "--play") return play_alone(argv[2], argv[3], std::atol(argv[4]));
  benchmark::Initialize(&argc, argv);
  const auto enrol = [](const std::string& name, auto&&... what) {
    benchmark::RegisterBenchmark(name.c_str(), what...)->Repetitions(7)->MinTime(0.05)->ReportAggregatesOnly();
  };
  enrol("nothing", nothing);
  const std::vector<Case> all = cases();
  for (const Case& c : all) {
    const int index = protocol_index(c.protocol);
    if (index < 0) continue;
    const Protocol& p = *protocols[size_t(index)];
    enrol(c.protocol + ", " + c.name, play, std::cref(p), std::cref(c.one));
    if (!c.many.empty()) enrol(c.protocol + ", " + c.name + " *", play, std::cref(p), std::cref(c.many));
    if (c.many.size() != 2) continue;
    enrol(c.protocol + ", " + c.name + " ?", play, std::cref(p), std::vector{c.one[0]});
    enrol(c.protocol + ", " + c.name + " *?", play, std::cref(p), std::vector{c.many[0]});
  }
  const std::vector<Steady> streams = steady();
  for (const Steady& s : streams)
    if (const int index = protocol_index(s.protocol); index >= 0) enrol(s.protocol + ", " + s.name, go_on, std::cref(*protocols[size_t(index)]), std::cref(s));
  std::map<std::string, std::vector<Record>> by_protocol;
  for (const Enrolled& e : samples()) {
    if (e.sample.malformed) continue;
    for (const SampleRecord& r : e.sample.records) by_protocol[std::string(e.protocol)].push_back({r.from, hex(r.hex)});
  }
  for (const auto& [name, records] : by_protocol)
    if (const int index = protocol_index(name); index >= 0 && protocols[size_t(index)]->open) enrol("samples of " + name, play, std::cref(*protocols[size_t(index)]), std::cref(records));

  Medians medians;
  benchmark::RunSpecifiedBenchmarks(&medians);
  const double empty = medians.ns["nothing"];
  std::printf("Each further object: of the question, and of the answer or of what nobody asked for.\n");
  std::printf("%-44s %10s %8s %10s %10s %8s\n", "ns of CPU, median of 7", "a record", "ratio", "asked", "said", "limits");
  std::printf("%-44s %10.1f %8.1f\n", "an empty sentence", empty, 1.0);
  for (const Case& c : all) {
    const std::string name = c.protocol + ", " + c.name;
    if (!medians.ns.count(name)) continue;
    const double one = medians.ns[name];
    std::printf("%-44s %10.1f %8.1f", name.c_str(), one, one / empty);
    const double further = c.many.empty() ? 0 : (medians.ns[name + " *"] - one) * double(c.many.size()) / double(c.objects - 1);
    const double asked = c.many.size() == 2 ? (medians.ns[name + " *?"] - medians.ns[name + " ?"]) / double(c.objects - 1) : 0;
    if (c.many.empty()) std::printf(" %10s %10s", "", "");
    else if (c.many.size() == 2) std::printf(" %10.2f %10.2f", asked, further - asked);
    else std::printf(" %10s %10.2f", "", further);
    const bool large = c.protocol != "iec104" && c.protocol != "modbus" && c.protocol != "dnp3";
    std::printf("%s", large ? "  400, 15\n" : "   80, 10\n");
  }
  for (const Steady& s : streams)
    if (const std::string name = s.protocol + ", " + s.name; medians.ns.count(name)) std::printf("%-44s %10.1f %8.1f %10s %10s   80\n", name.c_str(), medians.ns[name], medians.ns[name] / empty, "", "");
  std::printf("\n%-44s %10s %8s %10s %10s %10s\n", "the samples of each protocol", "a record", "ratio", "records", "opened", "after");
  for (const auto& [name, records] : by_protocol) {
    if (!medians.ns.count("samples of " + name)) continue;
    const auto [opened, after] = octets_held(*protocols[size_t(protocol_index(name))], records);
    std::printf("%-44s %10.1f %8.1f %10zu %10zu %10zu\n", name.c_str(), medians.ns["samples of " + name], medians.ns["samples of " + name] / empty, records.size(), opened, after);
  }
}
