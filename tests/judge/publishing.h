// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/judge/hearing.h"

namespace vidra {

using Octets = std::vector<uint8_t>;

inline Octets joined(std::initializer_list<Octets> parts) {
  Octets all;
  for (const Octets& p : parts) all.insert(all.end(), p.begin(), p.end());
  return all;
}
inline Octets number_octets(uint64_t v, int n) {
  Octets o;
  while (n--) o.push_back(uint8_t(v >> 8 * n));
  return o;
}
inline Octets octets_of(std::string_view s) { return {s.begin(), s.end()}; }
inline Octets tlv_of(uint8_t tag, const Octets& body) {
  Octets o{tag};
  if (body.size() < 128) o.push_back(uint8_t(body.size()));
  else o.push_back(0x82), o.push_back(uint8_t(body.size() >> 8)), o.push_back(uint8_t(body.size()));
  o.insert(o.end(), body.begin(), body.end());
  return o;
}

// One GOOSE frame (IEC 61850-8-1, annex C), written with the values that an ordinary one has.
struct GooseFrame {
  std::string_view reference = "IED1LD0/LLN0$GO$gcb01", set = "IED1LD0/LLN0$ds";
  uint32_t st = 1, sq = 0, revision = 1, live = 4000;
  bool on = false;                           // a position: off or on
  uint16_t quality = 0;                      // as a 13-bit string
  bool trip = false;
  Time t = 0;                                // of the state; 0: now
  uint16_t appid = 1, vlan = 5;
  bool simulated = false, test = false, commissioning = false;
  int entries = 3;                           // said
  Octets behind = {};                        // IEC 62351-6
  bool broken = false;
};
// One frame of sampled values (IEC 61850-9-2, 8) with eight channels.
struct SvFrame {
  std::string_view id = "MU01";
  uint16_t count = 0;
  uint8_t synch = 2;
  uint32_t revision = 1, quality = 0;
  double angle = 0, amplitude = 100'000, residual = 0;   // of the phases; a part added to phase A only
  uint16_t appid = 0x4001, vlan = 5;
  bool simulated = false;
  int asdus = 1;
};

inline constexpr std::string_view ied1_mac = "00:21:c1:30:10:41", ied2_mac = "00:21:c1:30:10:42", mu1_mac = "00:0e:8c:92:10:51", mu2_mac = "00:0e:8c:92:10:52",
                                  stranger_mac = "b8:27:eb:5d:10:c7", goose_group = "01:0c:cd:01:00:01", sv_group = "01:0c:cd:04:00:01";

// Publishes frames through the real dissectors: what they say is what the judge hears.
class Publishing {
 public:
  explicit Publishing(std::string_view site = "") : Publishing(Hearing::Options{site}) {}
  explicit Publishing(Hearing::Options o) : h(std::move(o)) {}

  void goose(const GooseFrame& g, std::string_view source = ied1_mac, std::string_view group = goose_group) {
    const Time t = g.t ? g.t : h.now;
    const Octets stamp = joined({number_octets(uint64_t(t / second), 4), number_octets(uint64_t((t % second << 24) / second), 3), {0x0a}});
    const Octets data = joined({{0x84, 2, 6, uint8_t(g.on ? 0x80 : 0x40)}, {0x84, 3, 3, uint8_t(g.quality << 3 >> 8), uint8_t(g.quality << 3)}, {0x83, 1, uint8_t(g.trip)}});
    const Octets pdu = tlv_of(0x61, joined({tlv_of(0x80, octets_of(g.reference)), tlv_of(0x81, number_octets(g.live, 4)), tlv_of(0x82, octets_of(g.set)), tlv_of(0x83, octets_of("g1")),
                                            tlv_of(0x84, stamp), tlv_of(0x85, number_octets(g.st, 5)), tlv_of(0x86, number_octets(g.sq, 5)), {0x87, 1, uint8_t(g.test)},
                                            tlv_of(0x88, number_octets(g.revision, 4)), {0x89, 1, uint8_t(g.commissioning)}, {0x8a, 1, uint8_t(g.entries)}, tlv_of(0xab, data), g.behind}));
    Octets frame = joined({number_octets(g.appid, 2), number_octets(pdu.size() + 8, 2), {uint8_t(g.simulated ? 0x80 : 0), 0, 0, 0}, pdu});
    if (g.broken) frame[frame.size() - 3] = 0x7f;
    hear("goose", frame, source, group, g.vlan);
  }
  void sv(const SvFrame& v, std::string_view source = mu1_mac, std::string_view group = sv_group) {
    Octets sample;
    for (int i = 0; i < 8; i++) {
      const double phase = i % 4 == 3 ? 0 : v.amplitude * std::sin(v.angle - i % 4 * 2.0943951023931953) + (i % 4 == 0 ? v.residual * std::sin(v.angle) : 0);
      sample = joined({sample, number_octets(uint32_t(int32_t(std::lround(phase))), 4), number_octets(v.quality, 4)});
    }
    Octets all;
    for (int i = 0; i < v.asdus; i++)
      all = joined({all, tlv_of(0x30, joined({tlv_of(0x80, octets_of(v.id)), tlv_of(0x82, number_octets(uint16_t(v.count + i), 2)), tlv_of(0x83, number_octets(v.revision, 4)), {0x85, 1, v.synch}, tlv_of(0x87, sample)}))});
    const Octets pdu = tlv_of(0x60, joined({{0x80, 1, uint8_t(v.asdus)}, tlv_of(0xa2, all)}));
    hear("sv", joined({number_octets(v.appid, 2), number_octets(pdu.size() + 8, 2), {uint8_t(v.simulated ? 0x80 : 0), 0, 0, 0}, pdu}), source, group, v.vlan);
  }
  void hear(std::string_view protocol, const Octets& octets, std::string_view source, std::string_view group, uint16_t vlan, uint16_t port = 0) {
    Talk& talk = talks_[std::string(protocol) + std::string(source) + std::string(group)];
    if (!talk.parser) {
      talk.to = std::make_unique<Hears>(h);
      talk.say = std::make_unique<Speaker>(*talk.to);
      talk.parser = protocols[size_t(protocol_index(protocol))]->open(pool_);
      Scene& s = talk.to->scene;
      s.flow = talks_.size();
      s.protocol = uint16_t(protocol_index(protocol));
      s.client = {*parse_address(source), port}, s.server = {*parse_address(group), port};
      s.client_mac = Hearing::mac_of(s.client.address), s.server_mac = Hearing::mac_of(s.server.address);
    }
    talk.to->scene.vlan = vlan;
    talk.to->scene.time = talk.say->time = h.now;
    talk.to->scene.frame = ++h.frames;
    talk.parser->parse(octets, Side::client, *talk.say);
  }
  // Somebody else is heard, so that silence is silence; time passes in tenths.
  void wait(Time t) {
    for (Time end = h.now + t; h.now < end;) {
      h.wait(std::min<Time>(100 * millisecond, end - h.now));
      if (h.now - spoken_ >= second) spoken_ = h.now, h.arp(2, "10.1.1.77", "00:14:22:c0:10:77", "10.1.1.1");
    }
  }
  // An ordinary publisher for a while: a frame each `period`, in order.
  void repeat(GooseFrame& g, Time period, int n, std::string_view source = ied1_mac) {
    if (!g.t) g.t = h.now;
    while (n--) goose(g, source), g.sq++, wait(period);
  }
  void change(GooseFrame& g) { g.st++, g.sq = 0, g.t = h.now, g.on = !g.on; }

  // What was told of publishers; hosts that are new have their own tests.
  std::string told() const {
    std::string s;
    for (const Finding& f : h.findings)
      if (!f.detection->id.starts_with("NET-")) s += std::string(f.detection->id) + " (" + std::to_string(f.severity) + ") " + f.what + " | " + f.expected + "\n";
    return s;
  }
  size_t stories() const {
    std::vector<std::string> keys;
    for (const Finding& f : h.findings) {
      std::string k = std::string(f.detection->id) + text_of(f.source.address) + text_of(f.target.address) + std::to_string(f.cause);
      if (!k.starts_with("NET-") && std::find(keys.begin(), keys.end(), k) == keys.end()) keys.push_back(k);
    }
    return keys.size();
  }

  std::string kept() const {                 // of an import, and silent
    std::string s;
    for (const SilentDifference& d : h.judge.unreviewed()) s += std::string(d.detection->id) + " " + d.device + ": " + d.what + "\n";
    return s;
  }

  ~Publishing() {
    for (auto& [key, talk] : talks_) pool_.unmake(talk.parser);
  }
  Hearing h;

 private:
  struct Hears final : Listener {
    explicit Hears(Hearing& to) : h(to) {}
    void heard(const Message& m, std::span<const Point> points, Texts texts) override { h.judge.see(Event{scene, &m, nullptr, points, texts}); }
    void heard(const Identity& who, Texts texts) override { h.judge.see(Event{scene, nullptr, &who, {}, texts}); }
    Hearing& h;
    Scene scene;
  };
  struct Talk {
    std::unique_ptr<Hears> to;
    std::unique_ptr<Speaker> say;
    Parser* parser = nullptr;
  };
  Pool pool_{64 << 20};
  std::map<std::string, Talk> talks_;
  Time spoken_ = 0;
};

inline constexpr std::string_view publishers_site = R"(
[[host]]
name = "ied1"
address = "10.1.1.41"
mac = "00:21:c1:30:10:41"
role = "ied"
[[host]]
name = "ied2"
mac = "00:21:c1:30:10:42"
role = "ied"
[[host]]
name = "mu1"
mac = "00:0e:8c:92:10:51"
[[host]]
name = "mu2"
mac = "00:0e:8c:92:10:52"
[[host]]
name = "other"
address = ["10.1.1.77", "10.1.1.1"]
mac = "00:14:22:c0:10:77"
[[publisher]]
kind = "goose"
reference = "IED1LD0/LLN0$GO$gcb01"
host = "ied1"
destination = "01:0c:cd:01:00:01"
appid = 1
vlan = 5
conf_rev = 1
data_set = "IED1LD0/LLN0$ds"
types = ["double_point", "quality", "boolean"]
max_time = "2s"
[[publisher]]
kind = "sv"
reference = "MU01"
host = "mu1"
destination = "01:0c:cd:04:00:01"
appid = 0x4001
vlan = 5
conf_rev = 1
entries = 8
asdus = 1
synchronised = true
bay = "E01"
[[publisher]]
kind = "sv"
reference = "MU02"
host = "mu2"
destination = "01:0c:cd:04:00:02"
bay = "E01"
[[publisher]]
kind = "sv"
reference = "TEST"
host = "mu1"
destination = "01:0c:cd:04:00:03"
intermittent = true
)";

}  // namespace vidra
