// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "daemon/judge/judge.h"
#include "daemon/judge/site_file.h"
#include "daemon/traffic/traffic.h"
#include "dissectors/crc.h"
#include "dissectors/facts.h"
#include "tests/support/packets.h"

// A station, a desk that may only read from it, and everything between a frame and a finding: traffic, dissectors, judge. The desk sends a
// command all the same and tries to hide it.
namespace vidra::evasion {
using packets::Octets, packets::operator+;

inline constexpr uint32_t desk = 0x0a01011e, station = 0x0a010114;          // 10.1.1.30, 10.1.1.20
inline const Octets desk6 = packets::host6(30), station6 = packets::host6(20);
inline constexpr std::string_view plant = R"(
[site]
prefixes = ["10.1.1.0/24", "fd00::/64"]
[[host]]
name = "desk"
address = "10.1.1.30"
role = "hmi"
[[host]]
name = "station"
address = "10.1.1.20"
role = "rtu"
[[host]]
name = "desk6"
address = "fd00::1e"
role = "hmi"
[[host]]
name = "station6"
address = "fd00::14"
role = "rtu"
[[conversation]]
client = "desk6"
server = "station6"
protocol = "iec104"
port = 2404
acts = ["reading"]
[[conversation]]
client = "desk"
server = "station"
protocol = "iec104"
port = 2404
acts = ["reading"]
[[conversation]]
client = "desk"
server = "station"
protocol = "modbus"
port = 502
acts = ["reading"]
[[conversation]]
client = "desk"
server = "station"
protocol = "dnp3"
port = 20000
acts = ["reading"]
)";

inline std::string bytes_as_hex(const Octets& o, size_t most = 40) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string s;
  for (size_t i = 0; i < std::min(o.size(), most); i++) s += digits[o[i] >> 4], s += digits[o[i] & 15], s += ' ';
  return s + (o.size() > most ? "…" : "");
}

inline uint16_t internet_sum(const Octets& o, uint32_t sum = 0) {              // RFC 1071
  for (size_t i = 0; i < o.size(); i++) sum += i % 2 ? o[i] : uint32_t(o[i]) << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(~sum);
}

// How a segment is sent: what the receiver looks at before it takes it.
struct How {
  uint8_t flags = 0x18;
  uint8_t ttl = 64;
  int acknowledged = 0;            // added to what is right
  uint16_t urgent = 0;
  Octets ip_options = {}, tcp_options = {};
  bool ip_sum_wrong = false, tcp_sum_wrong = false, length_wrong = false;
  Mac to = packets::mac_b;
};

class Stand final : public EventSink, private FindingSink {
 public:
  Stand() : judge(site(), {}, small(), *this), traffic(bounds(), *this) {}

  void see(const Event& e) override {
    const bool about_tcp = e.scene.protocol == uint16_t(protocol_index("tcp")) || e.scene.protocol == uint16_t(protocol_index("udp"));
    if (about_tcp) facts[Fact(e.said->function)]++;
    else if (e.said->malformed) malformed++;
    judge.see(e);
  }
  void frame(const Octets& o) {
    now += millisecond;
    traffic.take(packets::packet(o, now));
    judge.tick(now);
    sent.push_back(o);
  }
  void wait(Time t) {
    for (const Time until = now + t; now < until;) now += std::min<Time>(until - now, second), traffic.tick(now), judge.tick(now);
  }
  void finish() {
    wait(3 * second);
    traffic.finish();
    judge.finish(now);
    const auto o = traffic.accounts().octets();
    EXPECT_EQ(o.seen, o.decoded + o.opaque + o.lost) << "the books do not balance";
  }

  // A finding that the desk commanded something.
  bool command() const {
    for (const Finding& f : findings)
      if ((f.act == Act::operate || f.act == Act::write) && (f.source.address == Address::ip4(desk) || f.source.address == Address::ip6(desk6.data()))) return true;
    return false;
  }
  size_t found(std::string_view id) const {
    return size_t(std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.detection->id == id; }));
  }
  // A finding that says with this word why the octets can be understood in two ways.
  bool says(std::string_view word) const {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.detection->id == "NET-15" && f.what.find(word) != std::string::npos; });
  }
  size_t count(Fact f) const { return facts.count(f) ? facts.at(f) : 0; }
  // What says that the octets can be understood in two ways, or could not be understood: "" when nothing does.
  std::string ambiguity() const {
    std::string s;
    const auto add = [&](bool is, std::string_view name) { s += is ? (s.empty() ? "" : ", ") + std::string(name) : ""; };
    add(count(Fact::overlap), "overlap");
    add(count(Fact::fragment_overlap), "fragments overlap");
    add(count(Fact::urgent), "urgent");
    add(count(Fact::unreadable), "unreadable");
    add(count(Fact::gap), "gap");
    add(malformed, "malformed");
    return s;
  }
  std::string told() const {
    std::string s;
    for (const Finding& f : findings) s += std::string(f.detection->id) + " " + f.what + "\n";
    for (const Octets& o : sent) s += bytes_as_hex(o, 140) + "\n";
    return s;
  }

  Time now = 1'795'295'000 * second;
  std::vector<Finding> findings;
  std::map<Fact, size_t> facts;
  size_t malformed = 0;
  std::vector<Octets> sent;
  Judge judge;
  Traffic traffic;

 private:
  static std::shared_ptr<const Site> site() {
    static const auto one = [] {
      Problems problems;
      auto root = TomlTable::parse(plant, "plant.toml", problems);
      auto s = std::make_shared<Site>();
      if (root) *s = read_site(*root, problems), root->finish();
      if (!problems.empty()) throw std::invalid_argument(problems.front());
      return s;
    }();
    return one;
  }
  static JudgeSettings small() {
    JudgeSettings s;
    s.flow_limit = 64, s.host_limit = 64;
    return s;
  }
  static TrafficSettings bounds() {
    TrafficSettings s;
    s.flows = 16, s.classify = false, s.seed = 1, s.fragmented = 32, s.silent_after = 0;
    s.held_octets = s.parser_octets = s.fragment_octets = 1 << 20;
    return s;
  }
  void found(Finding&& f) override { findings.push_back(std::move(f)); }
};

// The connection of the desk (0) with the station (1). Every checksum is right unless it is to be wrong.
class Connection {
 public:
  explicit Connection(Stand& s, uint16_t port = 2404, bool ip6 = false, uint16_t own_port = 40'000) : port_{own_port, port}, ip6_(ip6), stand_(s) {}

  void open() {
    segment(0, next[0]++, {}, {.flags = 2});
    segment(1, next[1]++, {}, {.flags = 0x12});
    segment(0, next[0], {}, {.flags = 0x10});
  }
  void send(int d, const Octets& o) {
    segment(d, next[d], o);
    next[d] += uint32_t(o.size());
    segment(1 - d, next[1 - d], {}, {.flags = 0x10});
  }
  void segment(int d, uint32_t sequence, const Octets& o, const How& how = {}) { stand_.frame(octets(d, sequence, o, how)); }
  Octets octets(int d, uint32_t sequence, const Octets& o, const How& how = {}) { return datagram(d, tcp(d, sequence, o, how), how); }
  Octets tcp(int d, uint32_t sequence, const Octets& o, const How& how = {}) {
    Octets t = packets::tcp({port_[d], port_[1 - d], sequence, how.flags & 0x10 ? next[1 - d] + uint32_t(how.acknowledged) : 0, how.flags, how.tcp_options}, o);
    if (how.urgent) t[13] |= 0x20, t[18] = uint8_t(how.urgent >> 8), t[19] = uint8_t(how.urgent);
    uint32_t pseudo = (host_[0] >> 16) + (host_[0] & 0xffff) + (host_[1] >> 16) + (host_[1] & 0xffff) + 6 + uint32_t(t.size());
    if (ip6_) {
      pseudo = 6 + uint32_t(t.size());
      for (const Octets* h : {&desk6, &station6})
        for (size_t i = 0; i < 16; i += 2) pseudo += uint32_t((*h)[i] << 8 | (*h)[i + 1]);
    }
    const uint16_t sum = uint16_t(internet_sum(t, pseudo) + how.tcp_sum_wrong);
    t[16] = uint8_t(sum >> 8), t[17] = uint8_t(sum);
    return t;
  }
  Octets datagram(int d, const Octets& t, const How& how = {}) {
    const Mac from = d == 0 ? packets::mac_a : packets::mac_b, to = d == 0 ? how.to : packets::mac_a;
    if (ip6_) return packets::ethernet(packets::ip6(d == 0 ? desk6 : station6, d == 0 ? station6 : desk6, 6, t), 0x86dd, from, to);
    Octets ip = packets::ip4(host_[d], host_[1 - d], 6, t, {.id = ++id_, .ttl = how.ttl, .options = how.ip_options});
    if (how.length_wrong) ip[3] = uint8_t(ip[3] + 1);
    const uint16_t sum = uint16_t(internet_sum({ip.begin(), ip.begin() + (ip[0] & 15) * 4}) + how.ip_sum_wrong);
    ip[10] = uint8_t(sum >> 8), ip[11] = uint8_t(sum);
    return packets::ethernet(ip, 0x0800, from, to);
  }

  uint32_t next[2] = {1000, 5'000'000};

 private:
  uint32_t host_[2] = {desk, station};
  uint16_t port_[2];
  bool ip6_;
  uint16_t id_ = 0;
  Stand& stand_;
};

// --- what is sent: IEC 60870-5-104 (68, length, N(S), N(R), type, number, cause, CA, IOA …)

inline Octets u_frame(uint8_t function) { return {0x68, 4, function, 0, 0, 0}; }
inline Octets i_frame(unsigned ns, const Octets& asdu) {
  Octets o = {0x68, uint8_t(4 + asdu.size()), uint8_t(ns << 1), uint8_t(ns >> 7), 0, 0};
  return o + asdu;
}
inline Octets interrogation(unsigned ns) { return i_frame(ns, {100, 1, 6, 0, 11, 0, 0, 0, 0, 20}); }                 // C_IC_NA_1
inline Octets iec104_command(unsigned ns) { return i_frame(ns, {45, 1, 6, 0, 11, 0, 0xed, 0x13, 0, 1}); }              // C_SC_NA_1, 5101, on, execute

// Modbus: transaction, protocol, length, unit, function.
inline Octets modbus_read(uint8_t transaction) { return {0, transaction, 0, 0, 0, 6, 1, 3, 0, 10, 0, 1}; }
inline Octets modbus_command(uint8_t transaction) { return {0, transaction, 0, 0, 0, 6, 1, 5, 0, 7, 0xff, 0}; }        // write single coil 7: on

// DNP3: link header with its check, transport octet, application fragment in blocks of 16 with theirs.
inline Octets dnp3(uint8_t control, const Octets& application) {
  Octets user = Octets{0xc0} + application;
  Octets o = {0x05, 0x64, uint8_t(5 + user.size()), control, 10, 0, 1, 0};
  const auto check = [&](size_t from) {
    const uint16_t c = crc_dnp(Bytes(o).subspan(from));
    o.push_back(uint8_t(c)), o.push_back(uint8_t(c >> 8));
  };
  check(0);
  for (size_t at = 0; at < user.size(); at += 16) {
    const size_t from = o.size();
    o.insert(o.end(), user.begin() + long(at), user.begin() + long(std::min(at + 16, user.size())));
    check(from);
  }
  return o;
}
inline Octets dnp3_read(uint8_t sequence) { return dnp3(0xc4, {uint8_t(0xc0 | sequence), 1, 60, 2, 6}); }              // class 1
inline Octets dnp3_command(uint8_t sequence) {                                                                         // direct operate, CROB 3, latch on
  return dnp3(0xc4, {uint8_t(0xc0 | sequence), 5, 12, 1, 0x17, 1, 3, 3, 1, 0x64, 0, 0, 0, 0x64, 0, 0, 0, 0});
}

struct Wire {
  std::string_view name;
  uint16_t port;
  Octets (*ordinary)(unsigned n), (*command)(unsigned n);
};
inline const Wire wires[] = {
    {"iec104", 2404, [](unsigned n) { return interrogation(n); }, [](unsigned n) { return iec104_command(n); }},
    {"modbus", 502, [](unsigned n) { return modbus_read(uint8_t(n)); }, [](unsigned n) { return modbus_command(uint8_t(n)); }},
    {"dnp3", 20000, [](unsigned n) { return dnp3_read(uint8_t(n)); }, [](unsigned n) { return dnp3_command(uint8_t(n)); }}};

}  // namespace vidra::evasion
