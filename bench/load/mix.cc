// SPDX-License-Identifier: Apache-2.0
// Writes the generated mix that the benchmarks run on: IEC 104, Modbus and DNP3 conversations with handshakes and answered
// requests, GOOSE and SV frames between them, as many objects per ASDU as real captures have (three of four carry one).
//
//   mix FILE PACKETS [FLOWS] [SEED] [plain] [closed]      2,000,000 packets over 1,000 flows have a mean of 78 octets
//                                                         plain: conversations of no protocol that is known instead
//                                                         closed: each connection ends in the end, so that the file can be played in a loop
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dissectors/crc.h"

namespace {

using Octets = std::vector<uint8_t>;

struct Writer {
  explicit Writer(const char* path) : out(std::fopen(path, "wb")) {
    if (!out) std::perror(path), std::exit(1);
    std::setvbuf(out, nullptr, _IOFBF, 1 << 20);
    const uint32_t head[6] = {0xa1b23c4d, 0x00040002, 0, 0, 65535, 1};
    std::fwrite(head, sizeof head, 1, out);
  }
  void frame(const Octets& f) {
    const uint32_t head[4] = {uint32_t(now / 1'000'000'000), uint32_t(now % 1'000'000'000), uint32_t(f.size()), uint32_t(f.size())};
    std::fwrite(head, sizeof head, 1, out);
    std::fwrite(f.data(), f.size(), 1, out);
    now += 10'000;   // 100,000 packets a second
    packets++;
    octets += f.size();
  }
  std::FILE* out;
  uint64_t now = 1'795'000'000ull * 1'000'000'000, packets = 0, octets = 0;
};

void be16(Octets& o, unsigned v) { o.push_back(uint8_t(v >> 8)), o.push_back(uint8_t(v)); }
void be32(Octets& o, uint32_t v) { be16(o, v >> 16), be16(o, v & 0xffff); }
void le16(Octets& o, unsigned v) { o.push_back(uint8_t(v)), o.push_back(uint8_t(v >> 8)); }
void le24(Octets& o, unsigned v) { le16(o, v & 0xffff), o.push_back(uint8_t(v >> 16)); }
void le_float(Octets& o, float v) { uint32_t b; std::memcpy(&b, &v, 4); le16(o, b & 0xffff), le16(o, b >> 16); }

uint16_t checksum(const uint8_t* p, size_t n, uint32_t sum) {
  for (size_t i = 0; i + 1 < n; i += 2) sum += uint32_t(p[i] << 8 | p[i + 1]);
  if (n & 1) sum += uint32_t(p[n - 1] << 8);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(~sum);
}

struct Flow {
  enum Kind { iec104, modbus, dnp3, plain } kind;
  uint32_t client, server;
  uint16_t port, server_port;
  uint32_t sequence[2];
  uint16_t ip_id[2] = {1, 1};
  unsigned step = 0;
  // protocol state
  uint16_t sent[2] = {0, 0};          // IEC 104 N(S) of either side
  unsigned unacknowledged = 0;
  uint16_t transaction = 0;
  uint8_t application = 0, transport[2] = {0, 0};
  std::vector<float> values;
};

Octets tcp(Flow& f, int from, uint8_t flags, const Octets& payload) {
  Octets p;
  p.reserve(54 + payload.size());
  const uint8_t macs[12] = {0x00, 0x30, 0xa7, uint8_t(f.server >> 16), uint8_t(f.server >> 8), uint8_t(f.server),
                            0x00, 0x50, 0x56, uint8_t(f.client >> 16), uint8_t(f.client >> 8), uint8_t(f.client)};
  p.insert(p.end(), macs + (from ? 6 : 0), macs + (from ? 12 : 6));
  p.insert(p.end(), macs + (from ? 0 : 6), macs + (from ? 6 : 12));
  be16(p, 0x0800);
  const size_t ip = p.size();
  p.push_back(0x45), p.push_back(0);
  be16(p, unsigned(40 + payload.size()));
  be16(p, f.ip_id[from]++);
  be16(p, 0x4000);
  p.push_back(64), p.push_back(6);
  be16(p, 0);
  be32(p, from ? f.server : f.client);
  be32(p, from ? f.client : f.server);
  const uint16_t ip_sum = checksum(p.data() + ip, 20, 0);
  p[ip + 10] = uint8_t(ip_sum >> 8), p[ip + 11] = uint8_t(ip_sum);
  const size_t t = p.size();
  be16(p, from ? f.server_port : f.port);
  be16(p, from ? f.port : f.server_port);
  be32(p, f.sequence[from]);
  be32(p, flags & 0x10 ? f.sequence[1 - from] : 0);
  p.push_back(0x50), p.push_back(flags);
  be16(p, 8192);
  be16(p, 0), be16(p, 0);
  p.insert(p.end(), payload.begin(), payload.end());
  uint32_t sum = 6 + uint32_t(20 + payload.size());
  for (uint32_t a : {f.client, f.server}) sum += (a >> 16) + (a & 0xffff);
  const uint16_t tcp_sum = checksum(p.data() + t, p.size() - t, sum);
  p[t + 16] = uint8_t(tcp_sum >> 8), p[t + 17] = uint8_t(tcp_sum);
  f.sequence[from] += uint32_t(payload.size()) + (flags & 0x03 ? 1 : 0);
  return p;
}

class Mix {
 public:
  Mix(Writer& out, unsigned flows, uint32_t seed, bool plain) : out_(out), random_(seed), plain_(plain) {
    for (unsigned i = 0; i < flows; i++) {
      Flow f{};
      const unsigned part = i % 10;
      f.kind = plain ? Flow::plain : part < 5 ? Flow::iec104 : part < 8 ? Flow::modbus : Flow::dnp3;
      f.client = 0x0a010000 + 1 + i / 50;                       // a master serves fifty stations
      f.server = 0x0a020000 + 1 + i;
      f.port = uint16_t(20'000 + i % 40'000);
      f.server_port = f.kind == Flow::iec104 ? 2404 : f.kind == Flow::modbus ? 502 : f.kind == Flow::dnp3 ? 20000 : 9'999;
      f.sequence[0] = random_(), f.sequence[1] = random_();
      if (!plain) f.values.resize(64);
      for (float& v : f.values) v = float(random_() % 1000) / 10;
      flows_.push_back(std::move(f));
    }
  }

  void run(uint64_t packets) {
    for (Flow& f : flows_) {
      out_.frame(tcp(f, 0, 0x02, {}));
      out_.frame(tcp(f, 1, 0x12, {}));
      out_.frame(tcp(f, 0, 0x10, {}));
      if (f.kind == Flow::iec104) {
        out_.frame(tcp(f, 0, 0x18, {0x68, 4, 0x07, 0, 0, 0}));
        out_.frame(tcp(f, 1, 0x18, {0x68, 4, 0x0b, 0, 0, 0}));
      }
    }
    while (out_.packets < packets) {
      Flow& f = pick();
      if (f.kind == Flow::iec104) iec104(f);
      else if (f.kind == Flow::modbus) modbus(f);
      else if (f.kind == Flow::dnp3) dnp3(f);
      else nothing(f);
      if (random_() % 100 < share_) layer2();
    }
  }
  void close() {
    for (Flow& f : flows_)
      for (const auto& [from, flags] : {std::pair{0, 0x11}, {1, 0x11}, {0, 0x10}}) out_.frame(tcp(f, from, uint8_t(flags), {}));
  }

 private:
  Flow& pick() {                       // 45 : 27 : 18 by packets; a question and its answer are two
    if (plain_) return flows_[random_() % flows_.size()];
    const unsigned part = random_() % 135;
    const Flow::Kind kind = part < 90 ? Flow::iec104 : part < 117 ? Flow::modbus : Flow::dnp3;
    for (;;) {
      Flow& f = flows_[random_() % flows_.size()];
      if (f.kind == kind) return f;
    }
  }

  void iec104(Flow& f) {
    if (f.unacknowledged >= 8) {
      f.unacknowledged = 0;
      Octets s{0x68, 4, 0x01, 0};
      le16(s, unsigned(f.sent[1] << 1));
      out_.frame(tcp(f, 0, 0x18, s));
      return;
    }
    if (f.step++ % 400 == 399) {       // a general interrogation and its confirmation
      for (int from : {0, 1}) {
        Octets a{0x68, 14};
        le16(a, unsigned(f.sent[from]++ << 1)), le16(a, unsigned(f.sent[1 - from] << 1));
        a.insert(a.end(), {100, 1, uint8_t(from ? 7 : 6), 0});
        le16(a, 1), le24(a, 0), a.push_back(20);
        out_.frame(tcp(f, from, 0x18, a));
      }
      f.unacknowledged++;
      return;
    }
    const unsigned dice = random_() % 100;
    const unsigned objects = dice < 75 ? 1 : dice < 86 ? 4 : dice < 94 ? 10 : 16;
    Octets body;
    const bool run = objects > 4;
    const uint8_t type = dice % 4 == 0 ? 36 : dice % 4 == 1 ? 13 : dice % 4 == 2 ? 30 : 11;
    if (run) le24(body, 2001);
    for (unsigned i = 0; i < objects; i++) {
      const unsigned at = run ? i : random_() % 48;
      if (!run) le24(body, 2001 + at);
      float& v = f.values[at];
      v += float(int(random_() % 21) - 10) / 100;
      if (v < 0 || v > 200) v = 50;
      if (type == 36 && !run) le_float(body, v), body.push_back(0), time(body);
      else if (type == 30 && !run) body.push_back(uint8_t(random_() & 1)), time(body);
      else if (type == 11) le16(body, unsigned(v * 100)), body.push_back(0);
      else le_float(body, v), body.push_back(0);
    }
    const uint8_t written = run && type != 11 ? 13 : type;
    Octets a{0x68, uint8_t(10 + body.size())};
    le16(a, unsigned(f.sent[1]++ << 1)), le16(a, unsigned(f.sent[0] << 1));
    a.insert(a.end(), {written, uint8_t(objects | (run ? 0x80 : 0)), 3, 0});
    le16(a, 1);
    a.insert(a.end(), body.begin(), body.end());
    f.sent[1] &= 0x7fff;
    f.unacknowledged++;
    out_.frame(tcp(f, 1, 0x18, a));
  }

  void nothing(Flow& f) {
    Octets o(8 + random_() % 24);
    for (uint8_t& v : o) v = uint8_t(random_());
    out_.frame(tcp(f, int(f.step++ & 1), 0x18, o));
  }

  void time(Octets& o) {               // CP56Time2a
    const uint64_t ms = out_.now / 1'000'000;
    le16(o, unsigned(ms % 60'000));
    o.insert(o.end(), {uint8_t(ms / 60'000 % 60), uint8_t(ms / 3'600'000 % 24), 21, 11, 26});
  }

  void modbus(Flow& f) {
    const unsigned count = random_() % 100 < 60 ? 1 : random_() % 2 ? 5 : 12;
    Octets q;
    be16(q, ++f.transaction), be16(q, 0), be16(q, 6);
    q.insert(q.end(), {1, 3});
    be16(q, 100), be16(q, count);
    out_.frame(tcp(f, 0, 0x18, q));
    Octets a;
    be16(a, f.transaction), be16(a, 0), be16(a, 3 + 2 * count);
    a.insert(a.end(), {1, 3, uint8_t(2 * count)});
    for (unsigned i = 0; i < count; i++) {
      float& v = f.values[i];
      v += float(int(random_() % 21) - 10) / 100;
      if (v < 0 || v > 200) v = 50;
      be16(a, unsigned(v * 10));
    }
    out_.frame(tcp(f, 1, 0x18, a));
  }

  void dnp3(Flow& f) {
    f.application = (f.application + 1) & 0x0f;
    link(f, 0, {uint8_t(0xc0 | f.application), 1, 60, 2, 6, 60, 3, 6, 60, 4, 6});
    const unsigned count = random_() % 100 < 70 ? 1 : 4;
    Octets a{uint8_t(0xc0 | f.application), 129, 0, 0, 30, 2, 0x17, uint8_t(count)};
    for (unsigned i = 0; i < count; i++) {
      float& v = f.values[i];
      v += float(int(random_() % 21) - 10) / 100;
      if (v < 0 || v > 200) v = 50;
      a.push_back(uint8_t(i)), a.push_back(1), le16(a, unsigned(v * 10));
    }
    link(f, 1, a);
  }

  void link(Flow& f, int from, const Octets& application) {
    Octets user{uint8_t(0xc0 | (f.transport[from]++ & 0x3f))};
    user.insert(user.end(), application.begin(), application.end());
    Octets frame{0x05, 0x64, uint8_t(5 + user.size()), uint8_t(from ? 0x44 : 0xc4)};
    le16(frame, from ? 1 : 10), le16(frame, from ? 10 : 1);
    le16(frame, vidra::crc_dnp(frame));
    for (size_t at = 0; at < user.size(); at += 16) {
      const Octets block(user.begin() + long(at), user.begin() + long(std::min(at + 16, user.size())));
      frame.insert(frame.end(), block.begin(), block.end());
      le16(frame, vidra::crc_dnp(block));
    }
    out_.frame(tcp(f, from, 0x18, frame));
  }

  static void tlv(Octets& o, uint8_t tag, const Octets& contents) {
    o.push_back(tag), o.push_back(uint8_t(contents.size()));
    o.insert(o.end(), contents.begin(), contents.end());
  }
  static void tlv(Octets& o, uint8_t tag, const std::string& contents) { tlv(o, tag, Octets(contents.begin(), contents.end())); }
  static Octets number(uint32_t v) { Octets o; be32(o, v & 0x7fffffff); return o; }

  // Eight GOOSE publishers that repeat a state, eight merging units that count samples (IEC 61850-8-1, 9-2).
  void layer2() {
    const bool sv = random_() % 2;
    const uint8_t who = uint8_t(random_() % 8);
    Octets p{0x01, 0x0c, 0xcd, uint8_t(sv ? 4 : 1), 0, who, 0x00, 0x21, 0xc1, 0x30, 0x10, who};
    be16(p, sv ? 0x88ba : 0x88b8);
    be16(p, (sv ? 0x4000u : 0u) + who);
    Octets pdu;
    if (sv) {
      Octets asdu, list;
      tlv(asdu, 0x80, "MU0" + std::to_string(who));
      Octets count;
      be16(count, samples_[who]++ % 4000u);
      tlv(asdu, 0x82, count), tlv(asdu, 0x83, number(1)), tlv(asdu, 0x85, Octets{2});
      Octets values;
      for (int i = 0; i < 4; i++) be32(values, random_() % 10'000), be32(values, 0);
      tlv(asdu, 0x87, values);
      tlv(list, 0x30, asdu);
      Octets body;
      tlv(body, 0x80, Octets{1}), tlv(body, 0xa2, list);
      tlv(pdu, 0x60, body);
    } else {
      Octets body, data;
      const std::string ied = "IED" + std::to_string(who) + "LD0/LLN0$";
      tlv(body, 0x80, ied + "GO$g1"), tlv(body, 0x81, Octets{0x0f, 0xa0}), tlv(body, 0x82, ied + "ds1");
      Octets t = number(1'795'000'000);
      t.insert(t.end(), {0, 0, 0, 0x0a});
      tlv(body, 0x84, t), tlv(body, 0x85, number(1)), tlv(body, 0x86, number(++samples_[8 + who]));
      tlv(body, 0x87, Octets{0}), tlv(body, 0x88, Octets{1}), tlv(body, 0x89, Octets{0}), tlv(body, 0x8a, Octets{2});
      tlv(data, 0x83, Octets{1}), tlv(data, 0x84, Octets{3, 0, 0});
      tlv(body, 0xab, data);
      tlv(pdu, 0x61, body);
    }
    be16(p, unsigned(8 + pdu.size())), be16(p, 0), be16(p, 0);
    p.insert(p.end(), pdu.begin(), pdu.end());
    out_.frame(p);
  }

  static constexpr unsigned share_ = 15;   // of a hundred steps, some of which write two packets: a tenth of all packets
  uint32_t samples_[16] = {};
  Writer& out_;
  std::mt19937 random_;
  bool plain_;
  std::vector<Flow> flows_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: mix FILE PACKETS [FLOWS] [SEED] [plain] [closed]\n"), 2;
  bool plain = false, closed = false;
  for (int i = 5; i < argc; i++)
    if (const std::string_view word = argv[i]; word == "plain") plain = true;
    else if (word == "closed") closed = true;
    else return std::fprintf(stderr, "mix: '%s' is neither plain nor closed\n", argv[i]), 2;
  Writer out(argv[1]);
  Mix mix(out, argc > 3 ? unsigned(std::atoi(argv[3])) : 1000, argc > 4 ? uint32_t(std::atoi(argv[4])) : 1, plain);
  mix.run(std::strtoull(argv[2], nullptr, 10));
  if (closed) mix.close();
  std::fclose(out.out);
  std::printf("%llu packets, mean %.1f octets\n", static_cast<unsigned long long>(out.packets), double(out.octets) / double(out.packets));
}
