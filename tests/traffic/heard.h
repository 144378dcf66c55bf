// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "daemon/traffic/traffic.h"
#include "dissectors/facts.h"
#include "tests/support/packets.h"

// A protocol for the tests, small enough to see through: a5, length, body. Its first body octet is the function, and a
// record with an odd function is a request. The whole body comes back as a text.
namespace vidra::traffic_test {

using packets::Octets;

struct PlainParser final : Parser {
  static inline uint64_t gaps[2] = {}, gap_octets[2] = {};
  bool in_step[2] = {true, true};

  Cut next(Side side, Bytes b, bool segment_start, bool) override {
    bool& step = in_step[size_t(side)];
    if (b[0] != 0xa5) return step = false, Cut{Cut::lost, 0};
    if (b.size() < 2) return {Cut::need, 2};
    const size_t n = size_t{2} + b[1];
    if (!b[1]) return step = false, Cut{Cut::lost, 0};
    // Out of step and in the middle of a segment only a record with a true neighbour, or the last of all, is believed.
    if (!step && !segment_start && (b.size() < n || (b.size() > n && b[n] != 0xa5))) return {Cut::lost, 0};
    step = true;
    return {Cut::take, n};
  }
  void parse(Bytes record, Side, Speaker& say) override {
    Message& m = say.begin();
    Reader r{record, m.malformed};
    r.require(r.u8() == 0xa5);
    Reader body = r.sub(r.u8());
    r.finish();
    const Bytes all = body.peek();
    m.function = body.u8();
    m.role = m.function & 1 ? Role::request : Role::response;
    say.point(say.named(text_of(all)));
    say.end();
  }
  void gap(Side side, uint64_t n) override {
    gaps[size_t(side)]++;
    gap_octets[size_t(side)] += n;
    in_step[size_t(side)] = false;
  }
};

inline Recognised recognises_plain(Bytes up, Bytes down, Carrier carrier) {
  auto looks = [&](Bytes b) { return b.size() >= 2 && b[0] == 0xa5 && b[1] && b.size() >= size_t{2} + b[1]; };
  auto could = [&](Bytes b) { return !b.empty() && b[0] == 0xa5; };
  if (carrier == Carrier::ethertype || carrier == Carrier::llc) return {could(up) || could(down) ? Recognised::yes : Recognised::no, Recognised::unknown};
  if (looks(up)) return {Recognised::yes, up[2] & 1 ? Recognised::up : Recognised::down};
  if (looks(down)) return {Recognised::yes, down[2] & 1 ? Recognised::down : Recognised::up};
  if (could(up) || could(down)) return {Recognised::maybe, Recognised::unknown};
  return {};
}
inline Parser* open_plain(Pool& pool) { return pool.make<PlainParser>(); }
inline constexpr Port plain_ports[] = {{Carrier::tcp, 2404}, {Carrier::udp, 2404}, {Carrier::ethertype, 0x88b5}, {Carrier::llc, 0xa5}, {Carrier::ip, 253}};
inline constexpr Protocol plain = {"plain", "Plain", plain_ports, recognises_plain, open_plain, {}, {}, nullptr};

inline std::vector<const Protocol*> test_protocols() {
  std::vector<const Protocol*> all = {&plain};
  for (const char* name : {"tcp", "udp", "sensor"}) all.push_back(protocols[size_t(protocol_index(name))]);
  return all;
}

// One record with this text for a body.
inline Octets record(std::string_view body) {
  Octets o = {0xa5, uint8_t(body.size())};
  return packets::operator+(o, packets::octets(body));
}
inline Octets records(const std::vector<std::string>& bodies) {
  Octets all;
  for (const std::string& b : bodies) all = packets::operator+(all, record(b));
  return all;
}

// Traffic with everything it says, written down.
class Heard final : public EventSink {
 public:
  struct Said {
    Scene scene;
    Message message;
    std::string text;
  };

  explicit Heard(TrafficSettings settings = quiet(), std::vector<const Protocol*> all = test_protocols()) : all_(std::move(all)), traffic(settings, *this, all_) {
    for (auto& n : PlainParser::gaps) n = 0;
    for (auto& n : PlainParser::gap_octets) n = 0;
  }
  static TrafficSettings quiet() {
    TrafficSettings s;
    s.classify = false;
    s.flows = 1024;
    return s;
  }

  void see(const Event& e) override {
    EXPECT_GE(e.scene.time, last_time_) << "an event's time never goes back";
    last_time_ = e.scene.time;
    Said s{e.scene, *e.said, {}};
    if (!e.points.empty()) s.text = e.texts.find(e.points[0].object.kind() == ObjectKind::named ? e.points[0].object.key() & ~(0xffull << 56) : e.points[0].raw);
    said.push_back(s);
  }
  void frame(const Octets& o, uint16_t interface = 0, Link link = Link::ethernet) {
    now += step;
    traffic.take(packets::packet(o, now, interface, link));
  }
  void cut_frame(Octets o, size_t keep) {
    now += step;
    const uint32_t wire = uint32_t(o.size());
    o.resize(keep);
    traffic.take({now, {o.data(), o.size()}, wire, 0, Link::ethernet});
  }
  void wait(Time t) { now += t; traffic.tick(now); }

  std::vector<std::string> bodies() const {
    std::vector<std::string> b;
    for (const Said& s : said)
      if (s.scene.protocol == 0 && !s.message.malformed) b.push_back(s.text);
    return b;
  }
  size_t malformed() const { return size_t(std::count_if(said.begin(), said.end(), [](const Said& s) { return s.scene.protocol == 0 && s.message.malformed; })); }
  size_t count(Fact f) const {
    return size_t(std::count_if(said.begin(), said.end(), [&](const Said& s) { return (s.scene.protocol == 1 || s.scene.protocol == 2) && s.message.function == uint16_t(f); }));
  }
  size_t count(SensorFact f) const {
    return size_t(std::count_if(said.begin(), said.end(), [&](const Said& s) { return s.scene.protocol == 3 && s.message.function == uint16_t(f); }));
  }
  const Said& first(Fact f) const {
    for (const Said& s : said)
      if ((s.scene.protocol == 1 || s.scene.protocol == 2) && s.message.function == uint16_t(f)) return s;
    throw std::runtime_error("that was not said");
  }
  const Said& first_record() const {
    for (const Said& s : said)
      if (s.scene.protocol == 0) return s;
    throw std::runtime_error("no record was heard");
  }
  // Ends it, and checks that the books balance.
  Octets::size_type finish() {
    traffic.finish();
    const vidra::Octets o = traffic.accounts().octets();
    EXPECT_EQ(o.seen, o.decoded + o.opaque + o.lost);
    EXPECT_EQ(traffic.accounts().flows, 0u);
    return said.size();
  }
  vidra::Octets octets() const { return traffic.accounts().octets(); }

  Time now = second, step = millisecond;
  std::vector<Said> said;

 private:
  std::vector<const Protocol*> all_;
  Time last_time_ = 0;

 public:
  Traffic traffic;
};

// One TCP connection, both ends in step unless told otherwise.
class Connection {
 public:
  Connection(Heard& to, uint32_t client = packets::host_a, uint32_t server = packets::host_b, unsigned client_port = 40'000, unsigned server_port = 2404)
      : to_(to), host_{client, server}, port_{client_port, server_port} {}

  void open() {
    segment(0, next[0], {}, 2);
    next[0]++;
    segment(1, next[1], {}, 0x12);
    next[1]++;
    segment(0, next[0], {}, 0x10);
  }
  void up(const Octets& o) { send(0, o); }
  void down(const Octets& o) { send(1, o); }
  void send(int d, const Octets& o) {
    segment(d, next[d], o);
    next[d] += uint32_t(o.size());
  }
  void acknowledge(int d) { segment(d, next[d], {}, 0x10); }   // what the other side has sent
  void fin(int d) { segment(d, next[d]++, {}, 0x11); }
  void rst(int d) { segment(d, next[d], {}, 0x14); }
  void segment(int d, uint32_t sequence, const Octets& o, uint8_t flags = 0x18) { segment(d, sequence, flags == 2 ? 0 : next[1 - d], o, flags); }
  void segment(int d, uint32_t sequence, uint32_t ack, const Octets& o, uint8_t flags) { to_.frame(octets(d, sequence, ack, o, flags)); }
  Octets octets(int d, uint32_t sequence, uint32_t ack, const Octets& o, uint8_t flags = 0x18) {
    using namespace packets;
    return ethernet(ip4(host_[d], host_[1 - d], 6, tcp({port_[d], port_[1 - d], sequence, ack, flags}, o), {.id = ++id_}), 0x0800,
                    d == 0 ? mac_a : mac_b, d == 0 ? mac_b : mac_a);
  }

  uint32_t next[2] = {1000, 5'000'000};

 private:
  Heard& to_;
  uint32_t host_[2];
  unsigned port_[2];
  uint16_t id_ = 0;
};

}  // namespace vidra::traffic_test
