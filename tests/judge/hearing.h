// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>
#include <vector>

#include "daemon/judge/judge.h"
#include "daemon/judge/site_file.h"
#include "dissectors/facts.h"

namespace vidra {

// Lets a test say who said what, one line an event, and collects what the judge found.
class Hearing final : private FindingSink {
 public:
  struct Options {
    std::string_view site = "";          // TOML
    Memory memory = {};
    JudgeSettings settings = {};
  };

  explicit Hearing(Options o) : judge(site_of(o.site), std::move(o.memory), std::move(o.settings), *this) {}
  explicit Hearing(std::string_view site = "") : Hearing(Options{site}) {}

  static std::shared_ptr<const Site> site_of(std::string_view text) {
    Problems problems;
    auto root = TomlTable::parse(text, "test.toml", problems);
    auto site = std::make_shared<Site>();
    if (root) *site = read_site(*root, problems), root->finish();
    if (!problems.empty()) throw std::invalid_argument(problems.front());
    return site;
  }

  // A fact about a connection from client to server, "10.1.1.1:40000" to "10.1.1.2:502".
  void fact(Fact f, std::string_view client, std::string_view server, std::string_view carrier = "tcp", Side from = Side::client) {
    Message m;
    m.function = uint16_t(f);
    m.act = Act::session;
    m.station = end(server).port;
    say(carrier, client, server, m, {}, from);
  }
  void opened(std::string_view client, std::string_view server) {
    fact(Fact::attempted, client, server);
    fact(Fact::opened, client, server, "tcp");
  }
  void say(std::string_view protocol, std::string_view client, std::string_view server, Message m, std::vector<Point> points = {}, Side from = Side::client, Texts texts = {}) {
    Scene s;
    s.client = end(client);
    s.server = end(server);
    s.client_mac = mac_of(s.client.address);
    s.server_mac = mac_of(s.server.address);
    s.from = from;
    s.flow = flow_of(s);
    event(protocol, s, m, points, texts);
  }
  // A named object, whose name is put into a run of texts: key, length, octets.
  static Object named(std::string_view name, std::vector<uint8_t>& run) {
    const uint64_t key = text_key(name);
    const uint16_t length = uint16_t(name.size());
    const auto* k = reinterpret_cast<const uint8_t*>(&key);
    const auto* n = reinterpret_cast<const uint8_t*>(&length);
    run.insert(run.end(), k, k + sizeof key);
    run.insert(run.end(), n, n + sizeof length);
    run.insert(run.end(), name.begin(), name.end());
    return Object::of_text(key);
  }
  // One ARP packet: sender 10.1.1.1 with its MAC asks for, or claims (operation 2, or target "").
  void arp(uint16_t operation, std::string_view sender, std::string_view mac, std::string_view target) {
    Message m;
    m.function = operation;
    m.role = operation == 1 ? Role::request : Role::response;
    std::vector<Point> points;
    Point p;
    if (!sender.empty()) {
      p.object = Object(ObjectKind::address, parse_address(sender)->ip4_number());
      p.set_natural(parse_mac(mac)->number());
      points.push_back(p);
    }
    if (target.empty()) m.sub_function = 2, m.role = Role::report;
    else if (operation == 1) points.push_back(Point{Object(ObjectKind::address, parse_address(target)->ip4_number())});
    Scene s;
    s.client_mac = *parse_mac(mac);
    s.server_mac = *parse_mac("ff:ff:ff:ff:ff:ff");
    s.client.address = Address::of(s.client_mac);
    s.server.address = Address::of(s.server_mac);
    event("arp", s, m, points);
  }
  void sensor(SensorFact f, uint32_t tag, uint32_t interface = 0) {
    Message m;
    m.function = uint16_t(f);
    m.act = Act::diagnose;
    m.tag = tag;
    event("sensor", {}, m, {Point{Object(ObjectKind::capture, interface)}});
  }
  void event(std::string_view protocol, Scene s, const Message& m, const std::vector<Point>& points, Texts texts = {}) {
    s.protocol = uint16_t(protocol_index(protocol));
    s.time = now;
    s.frame = ++frames;
    Message said = m;
    said.points = uint32_t(points.size());
    judge.see(Event{s, &said, nullptr, points, texts});
  }
  void wait(Time t) {
    now += t;
    judge.tick(now);
  }

  // How many were found of a detection, by weight or by number; and the last.
  size_t times(std::string_view id) const {
    size_t n = 0;
    for (const Finding& f : findings) n += f.detection->id == id;
    return n;
  }
  size_t of(std::string_view family) const {
    size_t n = 0;
    for (const Finding& f : findings) n += f.detection->id.starts_with(family);
    return n;
  }
  uint64_t weight(std::string_view id) const {
    uint64_t n = 0;
    for (const Finding& f : findings)
      if (f.detection->id == id) n += f.weight;
    return n;
  }
  const Finding& last(std::string_view id) const {
    for (size_t i = findings.size(); i--;)
      if (findings[i].detection->id == id) return findings[i];
    static const Finding none;
    return none;
  }
  // Stories: findings of one detection, source, target and cause.
  size_t stories() const {
    std::vector<std::string> keys;
    for (const Finding& f : findings) {
      std::string k = std::string(f.detection->id) + text_of(f.source.address) + text_of(f.target.address) + std::to_string(f.cause);
      if (std::find(keys.begin(), keys.end(), k) == keys.end()) keys.push_back(k);
    }
    return keys.size();
  }
  std::string told() const {
    std::string s;
    for (const Finding& f : findings) s += std::string(f.detection->id) + " (" + std::to_string(f.severity) + ") " + f.what + " | " + f.expected + "\n";
    return s;
  }

  std::vector<Finding> findings;
  Time now = 1'795'295'000 * second;
  uint64_t frames = 0;
  Judge judge;

  static Endpoint end(std::string_view s) {
    const size_t colon = s.rfind(':');
    if (colon == std::string_view::npos) return {*parse_address(s), 0};
    return {*parse_address(s.substr(0, colon)), uint16_t(std::stoi(std::string(s.substr(colon + 1))))};
  }
  static Mac mac_of(const Address& a) {
    if (a.kind == Address::Kind::mac) {
      Mac m;
      std::copy_n(a.octets.begin(), 6, m.octets.begin());
      return m;
    }
    return Mac{{2, 0, a.octets[0], a.octets[1], a.octets[2], a.octets[3]}};
  }

 private:
  static uint64_t flow_of(const Scene& s) {
    const std::string k = text_of(s.client) + text_of(s.server);
    return std::hash<std::string>{}(k) | 1;
  }
  void found(Finding&& f) override { findings.push_back(std::move(f)); }
};

}  // namespace vidra
