// SPDX-License-Identifier: Apache-2.0
// Who is there, what it is, and what changed about it.
#include "daemon/judge/assets.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "daemon/judge/inventory_file.h"
#include "tests/judge/hearing.h"

namespace vidra {
namespace {

Message request(Act act, uint16_t function = 1) {
  Message m;
  m.act = act;
  m.function = function;
  return m;
}
Message answer(uint16_t function = 1) {
  Message m;
  m.role = Role::response;
  m.act = Act::read;
  m.function = function;
  return m;
}
Message report(uint16_t function = 1) {
  Message m;
  m.role = Role::report;
  m.act = Act::report;
  m.function = function;
  return m;
}

struct Network {
  explicit Network(std::string_view site = "") : h(site) {}
  explicit Network(Hearing::Options o) : h(std::move(o)) {}
  Hearing h;
  Judge& judge = h.judge;
  void say(std::string_view protocol, std::string_view client, std::string_view server, const Message& m, std::vector<Point> points = {}, Side from = Side::client) { h.say(protocol, client, server, m, std::move(points), from); }
  void event(std::string_view protocol, const Scene& s, const Message& m) { h.event(protocol, s, m, {}); }
  void arp(uint16_t operation, std::string_view sender, std::string_view mac, std::string_view target) { h.arp(operation, sender, mac, target); }
  void publish(std::string_view protocol, std::string_view mac, std::string_view group) {
    Scene s;
    s.client.address = *parse_address(mac), s.server.address = *parse_address(group);
    s.client_mac = *parse_mac(mac), s.server_mac = *parse_mac(group);
    s.flow = 31 + s.client_mac.octets[5];
    h.event(protocol, s, report(), {});
  }
  size_t times(std::string_view id) const { return h.times(id); }
  const Finding& last(std::string_view id) const { return h.last(id); }
  void asks(std::string_view protocol, std::string_view client, std::string_view server, std::initializer_list<Act> acts) {
    for (const Act a : acts) say(protocol, client, server, request(a));
    say(protocol, client, server, answer(), {}, Side::server);
  }
  // What the server's device calls itself.
  void tells(std::string_view protocol, std::string_view client, std::string_view server, std::string_view model, std::string_view firmware) {
    std::vector<uint8_t> run;
    Identity who;
    Hearing::named(model, run), Hearing::named(firmware, run);
    who.model = text_key(model), who.firmware = text_key(firmware);
    identify(protocol, client, server, who, run);
  }
  void calls(std::string_view protocol, std::string_view client, std::string_view server, uint64_t Identity::*field, std::string_view text, Side from = Side::server) {
    std::vector<uint8_t> run;
    Identity who;
    Hearing::named(text, run);
    who.*field = text_key(text);
    identify(protocol, client, server, who, run, from);
  }
  void identify(std::string_view protocol, std::string_view client, std::string_view server, const Identity& who, const std::vector<uint8_t>& run, Side from = Side::server) {
    Scene s;
    s.client = Hearing::end(client), s.server = Hearing::end(server);
    s.client_mac = Hearing::mac_of(s.client.address), s.server_mac = Hearing::mac_of(s.server.address);
    s.from = from;
    s.flow = 77;
    s.protocol = uint16_t(protocol_index(protocol));
    s.time = h.now;
    judge.see(Event{s, nullptr, &who, {}, Texts(run)});
  }
  Asset of(std::string_view address) {
    for (const Asset& a : assets(judge.inventory(), judge.site()))
      if (std::find(a.addresses.begin(), a.addresses.end(), *parse_address(address)) != a.addresses.end()) return a;
    return {};
  }
  std::string role(std::string_view address) { return std::string(name_of(of(address).role)); }
};

TEST(Inventory, RolesFollowFromWhatIsSaidAndDone) {
  Network n;
  n.asks("iec104", "10.9.1.10:40000", "10.1.1.20:2404", {Act::read, Act::operate});
  n.asks("modbus", "10.1.1.20:40001", "10.1.1.61:502", {Act::read});
  n.asks("dnp3", "10.9.1.10:40002", "10.1.1.21:20000", {Act::read});
  n.asks("mms", "10.1.1.30:40003", "10.1.1.41:102", {Act::read, Act::operate});
  n.asks("s7", "10.1.1.30:40004", "10.1.1.60:102", {Act::read, Act::write});
  n.asks("s7", "10.1.1.90:40005", "10.1.1.60:102", {Act::identify, Act::program});
  n.asks("dlms", "10.9.1.11:40006", "10.1.1.62:4059", {Act::read});
  n.asks("ntp", "10.1.1.20:123", "10.1.1.5:123", {Act::time});
  n.say("ntp", "10.1.1.20:123", "10.1.1.5:123", answer(4), {}, Side::server);
  EXPECT_EQ(n.role("10.9.1.10"), "master");
  EXPECT_EQ(n.role("10.1.1.20"), "gateway");
  EXPECT_EQ(n.role("10.1.1.21"), "RTU");
  EXPECT_EQ(n.role("10.1.1.61"), "field device");
  EXPECT_EQ(n.role("10.1.1.41"), "IED");
  EXPECT_EQ(n.role("10.1.1.60"), "PLC");
  EXPECT_EQ(n.role("10.1.1.30"), "HMI");
  EXPECT_EQ(n.role("10.1.1.90"), "engineering");
  EXPECT_EQ(n.role("10.1.1.62"), "meter");
  EXPECT_EQ(n.role("10.1.1.5"), "time server");
  EXPECT_EQ(n.of("10.1.1.60").commanded_by, (std::vector{*parse_address("10.1.1.30"), *parse_address("10.1.1.90")}));
  EXPECT_EQ(n.of("10.9.1.10").commands, (std::vector{*parse_address("10.1.1.20")}));
}

TEST(Inventory, CyclicDataMakeNoServer) {
  Network n;
  n.asks("enip", "10.1.1.30:40000", "10.1.1.75:44818", {Act::read, Act::write});
  n.say("enip", "10.1.1.75:2222", "10.1.1.30:2222", report());                      // I/O, in both directions
  n.say("enip", "10.1.1.75:2222", "10.1.1.30:2222", report(), {}, Side::server);
  EXPECT_EQ(n.role("10.1.1.30"), "HMI");
  EXPECT_EQ(n.role("10.1.1.75"), "PLC");
}

TEST(Inventory, WhatIsRefusedIsNotServed) {
  Network n;
  Message no = answer();
  no.refused = true;
  n.say("modbus", "10.1.1.30:40000", "10.1.1.41:502", request(Act::read));
  n.say("modbus", "10.1.1.30:40000", "10.1.1.41:502", no, {}, Side::server);
  EXPECT_EQ(n.role("10.1.1.41"), "unknown");
}

// Two hosts of the control centre come through one router; the router itself only asks for addresses.
TEST(Inventory, HostsBehindARouterAreNotItsAddresses) {
  Network n;
  n.arp(1, "10.1.1.1", "00:90:e8:4a:10:01", "10.1.1.20");
  for (const char* client : {"10.9.1.10:40000", "10.9.1.12:40000"}) {
    Scene s;
    s.client = Hearing::end(client), s.server = Hearing::end("10.1.1.20:2404");
    s.client_mac = *parse_mac("00:90:e8:4a:10:01"), s.server_mac = *parse_mac("00:0e:8c:91:10:20");
    s.flow = 5 + s.client.address.octets[3];
    n.event("iec104", s, request(Act::read));
    s.from = Side::server;
    n.event("iec104", s, answer());
  }
  EXPECT_EQ(n.role("10.1.1.1"), "router");
  EXPECT_EQ(text_of(n.of("10.9.1.10").behind), "00:90:e8:4a:10:01");
  EXPECT_TRUE(n.of("10.9.1.12").macs.empty());
  EXPECT_EQ(n.role("10.9.1.12"), "master");
}

// An attacker who claims another's address becomes no router, and the other keeps its card.
TEST(Inventory, AnAddressThatWasStolenDoesNotMakeTheThiefARouter) {
  Network n;
  n.arp(2, "10.1.1.20", "00:0e:8c:91:10:20", "");
  n.asks("iec104", "10.9.1.10:40000", "10.1.1.20:2404", {Act::read});
  n.arp(2, "10.1.1.66", "b8:27:eb:00:00:66", "");
  n.arp(2, "10.1.1.20", "b8:27:eb:00:00:66", "");
  EXPECT_NE(n.role("10.1.1.66"), "router");
  EXPECT_EQ(n.of("10.1.1.20").macs.size(), 3u);              // its own two, and the thief's: shown, not hidden
}

TEST(Inventory, APublisherIsOneDeviceWithTheHostOfItsCard) {
  Network n;
  n.arp(2, "10.1.1.41", "00:21:c1:30:10:41", "");
  n.publish("goose", "00:21:c1:30:10:41", "01:0c:cd:01:00:01");
  n.publish("sv", "00:0e:8c:92:10:51", "01:0c:cd:04:00:01");
  const Asset ied = n.of("10.1.1.41"), unit = n.of("00:0e:8c:92:10:51");
  ASSERT_EQ(ied.addresses.size(), 2u);
  EXPECT_EQ(name_of(ied.role), "IED");
  EXPECT_EQ(name_of(unit.role), "merging unit");
}

TEST(Inventory, DeclaredRolesAndNamesGoBeforeGuesses) {
  Network n("[[host]]\nname = \"meter1\"\naddress = \"10.1.1.61\"\nrole = \"meter\"\n");
  n.asks("modbus", "10.1.1.30:40000", "10.1.1.61:502", {Act::read, Act::write});
  const Asset a = n.of("10.1.1.61");
  EXPECT_EQ(a.name, "meter1");
  EXPECT_EQ(a.role, AssetRole::meter);
  EXPECT_TRUE(a.role_declared);
}

TEST(Inventory, AnotherFirmwareIsToldOnceAndNotWhileLearning) {
  Network n;
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.2.6");
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.2.6");
  EXPECT_EQ(n.times("INV-01"), 0u);
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.3.1");
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.3.1");
  ASSERT_EQ(n.times("INV-01"), 1u);
  EXPECT_EQ(n.last("INV-01").what, "10.1.1.60 says its firmware is 3.3.1 (S7).");
  EXPECT_EQ(n.last("INV-01").expected, "It was 3.2.6.");
  ASSERT_EQ(n.judge.inventory().changes().size(), 1u);
  EXPECT_EQ(n.of("10.1.1.60").firmware, "3.3.1");

  JudgeSettings learning;
  learning.mode = JudgeSettings::Mode::learn;
  Network quiet(Hearing::Options{"", {}, learning});
  quiet.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.2.6");
  quiet.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", "3.3.1");
  EXPECT_EQ(quiet.times("INV-01"), 0u);
}

// A gateway is OPC UA client and server, or serves it at several ports; BACnet says a maker by number and by name.
TEST(Inventory, WhatIsSaidInTwoWaysOrByTwoProgramsIsNoChange) {
  Network n;
  n.calls("opcua", "10.1.1.60:40000", "10.1.1.61:4840", &Identity::product, "urn:gateway:client", Side::client);
  n.calls("opcua", "10.1.1.90:40000", "10.1.1.60:4840", &Identity::product, "urn:gateway:server");
  n.calls("opcua", "10.1.1.60:40000", "10.1.1.61:4840", &Identity::product, "urn:gateway:client", Side::client);
  n.calls("opcua", "10.1.1.90:40000", "10.1.1.60:4840", &Identity::product, "urn:gateway:server");
  n.calls("opcua", "10.1.1.90:40000", "10.1.1.60:4843", &Identity::product, "urn:gateway:historian");
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.70:47808", &Identity::vendor, "ASHRAE (vendor 0)");
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.70:47808", &Identity::vendor, "ASHRAE");
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.71:47808", &Identity::vendor, "vendor 42");
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.71:47808", &Identity::vendor, "Lithonia Lighting");
  EXPECT_EQ(n.times("INV-01"), 0u) << n.h.told();
  n.calls("opcua", "10.1.1.90:40000", "10.1.1.60:4840", &Identity::product, "urn:another");
  EXPECT_EQ(n.times("INV-01"), 1u) << n.h.told();
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.70:47808", &Identity::vendor, "Somebody Else");
  EXPECT_EQ(n.times("INV-01"), 2u) << n.h.told();
  n.calls("bacnet", "10.1.1.90:47808", "10.1.1.71:47808", &Identity::vendor, "vendor 7");
  EXPECT_EQ(n.times("INV-01"), 3u) << n.h.told();
}

struct Card {
  explicit Card(std::string_view site = "") : n(site) {
    n.arp(2, "10.1.1.20", "00:0e:8c:91:10:20", "");
    speak("00:0e:8c:91:10:20");
  }
  void speak(std::string_view mac, uint64_t flow = 9) {
    Scene s;
    s.client = Hearing::end("10.1.1.20:2404"), s.server = Hearing::end("10.9.1.10:40000");
    s.client_mac = *parse_mac(mac), s.server_mac = *parse_mac("00:90:e8:4a:10:01");
    s.flow = flow;
    n.event("modbus", s, request(Act::read));
  }
  Network n;
};

TEST(Inventory, ADeviceThatWasReplacedIsANoticeForOperations) {
  Card c;
  c.n.h.wait(10 * minute);
  c.speak("00:0e:8c:91:10:99");
  c.speak("00:0e:8c:91:10:99");
  ASSERT_EQ(c.n.times("INV-02"), 1u) << c.n.h.told();
  EXPECT_EQ(c.n.last("INV-02").severity, 2);
  EXPECT_EQ(c.n.last("INV-02").detection->audience, Audience::operations);
}

TEST(Inventory, AFailOverADeclaredTwinAndAVirtualRouterAreNone) {
  Card fast;
  fast.n.h.wait(5 * second);                                   // NET-04 tells what is quicker
  fast.speak("00:0e:8c:91:10:99");
  EXPECT_EQ(fast.n.times("INV-02"), 0u);
  Card twin("[[host]]\nname = \"rtu1\"\naddress = \"10.1.1.20\"\nmac = [\"00:0e:8c:91:10:20\", \"00:0e:8c:91:10:99\"]\n");
  twin.n.h.wait(10 * minute);
  twin.speak("00:0e:8c:91:10:99");
  EXPECT_EQ(twin.n.times("INV-02"), 0u);
  Card vrrp;
  vrrp.n.h.wait(10 * minute);
  vrrp.speak("00:00:5e:00:01:07");
  EXPECT_EQ(vrrp.n.times("INV-02"), 0u);
}

// A new device opens connections of its own, and before that it asks for its neighbours.
TEST(Inventory, ADeviceThatWasReplacedIsNoticedWhateverItSaysFirst) {
  for (const bool arp_first : {false, true}) {
    Card c;
    c.n.h.wait(10 * minute);
    if (arp_first) {
      c.n.arp(1, "10.1.1.20", "00:0e:8c:91:10:99", "10.1.1.1");
      EXPECT_EQ(c.n.times("INV-02"), 1u) << c.n.h.told();
      EXPECT_EQ(c.n.times("NET-04"), 0u) << c.n.h.told();
    }
    c.n.h.wait(second);
    c.speak("00:0e:8c:91:10:99", 10);
    c.speak("00:0e:8c:91:10:99", 11);
    c.n.h.wait(5 * minute);
    c.speak("00:0e:8c:91:10:99", 12);
    EXPECT_EQ(c.n.times("INV-02"), 1u) << arp_first << "\n" << c.n.h.told();
  }
}

TEST(Inventory, AnOwnerWhoStillClaimsItsAddressIsNotReplacedAndARouterIsNoCard) {
  Card c;
  for (int i = 0; i < 12; i++) c.n.h.wait(10 * second), c.n.arp(1, "10.1.1.20", "00:0e:8c:91:10:20", "10.1.1.1");
  c.n.arp(2, "10.1.1.20", "00:0e:8c:91:10:99", "");
  EXPECT_EQ(c.n.times("INV-02"), 0u) << c.n.h.told();
  EXPECT_EQ(c.n.times("NET-04"), 1u) << c.n.h.told();
  // A router answers for three others; its stand-in does so after it, and the host's packets come through it by another way.
  Card way;
  for (const char* a : {"10.1.1.41", "10.1.1.42", "10.1.1.43"}) way.n.arp(2, a, "00:90:e8:4a:10:01", "");
  way.n.h.wait(10 * minute);
  way.speak("00:90:e8:4a:10:01", 10);
  EXPECT_EQ(way.n.times("INV-02"), 0u) << way.n.h.told();
  for (const char* a : {"10.1.1.41", "10.1.1.42", "10.1.1.43"}) way.n.arp(2, a, "00:90:e8:4a:10:02", "");
  EXPECT_EQ(way.n.times("INV-02"), 0u) << way.n.h.told();
}

TEST(Inventory, ItsOwnAdviceWorks) {
  for (const std::string_view act : {"program", "read"}) {
    Network n("[[host]]\nname = \"plc1\"\naddress = \"10.1.1.60\"\n[[window]]\nname = \"firmware\"\nstart = \"2026-11-21\"\nend = \"2026-11-23\"\nhosts = [\"plc1\"]\nacts = [\"" + std::string(act) + "\"]\n");
    for (const char* version : {"3.2.6", "3.3.1"}) n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "6ES7 315", version);
    ASSERT_EQ(n.times("INV-01"), 1u) << n.h.told();
    EXPECT_EQ(n.last("INV-01").in_window, act == "program");
  }
}

// Texts in another code page are kept as they can be written, and what is read again is the same.
TEST(Inventory, ATextThatIsNoUtf8DoesNotChangeWithARestart) {
  const std::string model = "Stanica \x8a" "ED-1 \xb0" "C " + std::string(200, '\xe8');
  Network n;
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", model, "3.2");
  const std::string path = testing::TempDir() + "inventory-texts.toml";
  std::ostringstream text;
  write_inventory(n.judge.inventory(), text);
  std::FILE* f = std::fopen(path.c_str(), "w");
  std::fwrite(text.str().data(), 1, text.str().size(), f);
  std::fclose(f);
  Problems problems;
  Network again;
  again.judge.remember(load_inventory(path, 100, problems));
  ASSERT_EQ(problems, Problems{});
  again.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", model, "3.2");
  EXPECT_EQ(again.times("INV-01"), 0u) << again.h.told();
}

// Whoever invents addresses does not keep out those who come after.
TEST(Inventory, WhoNeverAnsweredGoesForOthersTheLongestSilentFirst) {
  JudgeSettings s;
  s.host_limit = 64;
  Network n(Hearing::Options{"[[host]]\nname = \"quiet\"\naddress = \"10.1.1.5\"\n", {}, s});
  n.arp(1, "10.1.1.5", "02:00:00:00:00:05", "10.1.1.1");                    // declared, never answers
  n.asks("iec104", "10.9.1.10:40000", "10.1.1.20:2404", {Act::read});
  for (uint32_t i = 0; i < 1000; i++) n.arp(1, fmt::format("10.7.{}.{}", i / 250, 1 + i % 250), "02:bb:bb:bb:bb:bb", "10.1.1.1"), n.h.wait(millisecond);
  EXPECT_LE(n.judge.inventory().entries().size(), 64u);
  const Inventory& kept = n.judge.inventory();
  EXPECT_NE(kept.find(*parse_address("10.1.1.5")), nullptr);
  EXPECT_NE(kept.find(*parse_address("10.1.1.20")), nullptr);
  EXPECT_NE(kept.find(*parse_address("10.7.3.250")), nullptr) << "the newest";
  EXPECT_EQ(kept.find(*parse_address("10.7.0.1")), nullptr) << "the oldest";
  EXPECT_GT(kept.unkept(), 900u);
}

TEST(Inventory, IsTheSameWhenReadAndWrittenAgain) {
  Network n;
  n.asks("iec104", "10.9.1.10:40000", "10.1.1.20:2404", {Act::read, Act::operate});
  n.arp(2, "10.1.1.20", "00:0e:8c:91:10:20", "");
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "CPU \"315\"\n\xff", "3.2");
  n.tells("s7", "10.1.1.90:40000", "10.1.1.60:102", "CPU 316", "3.2");
  n.publish("goose", "00:21:c1:30:10:41", "01:0c:cd:01:00:01");
  std::ostringstream once, again;
  write_inventory(n.judge.inventory(), once);
  const std::string path = testing::TempDir() + "inventory.toml";
  const auto put = [&](const std::string& text) {
    std::FILE* f = std::fopen(path.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), f);
    std::fclose(f);
  };
  put(once.str());
  Problems problems;
  const Inventory read = load_inventory(path, 100, problems);
  ASSERT_TRUE(problems.empty()) << problems[0];
  write_inventory(read, again);
  EXPECT_EQ(once.str(), again.str());

  put("version = 2\n[[holograms]]\n");
  load_inventory(path, 100, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("inventory.toml:1:"), std::string::npos) << problems[0];
  EXPECT_NE(problems[0].find("newer Vidra"), std::string::npos) << problems[0];

  put("version = 1\n[[asset]]\naddress = \"10.1.1\"\ncolour = 1\n");
  problems.clear();
  load_inventory(path, 100, problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_NE(problems[0].find(":3:"), std::string::npos) << problems[0];
}

TEST(Inventory, AFloodOfAddressesIsCountedAndTheOldOnesStay) {
  JudgeSettings s;
  s.host_limit = 256;
  Network n(Hearing::Options{"", {}, s});
  n.asks("iec104", "10.9.1.10:40000", "10.1.1.20:2404", {Act::read});
  for (int i = 0; i < 5000; i++) n.say("modbus", fmt::format("10.{}.{}.7:4000", 20 + i / 250, i % 250), "10.1.1.20:502", request(Act::read));
  EXPECT_EQ(n.judge.inventory().entries().size(), 256u);
  EXPECT_GT(n.judge.inventory().unkept(), 4000u);
  EXPECT_EQ(n.role("10.1.1.20"), "RTU");
}

// For how many others a card speaks is counted along; it is what going through all of them would give, however they come, change cards and go.
TEST(Inventory, HowManyACardSpeaksForIsCountedAlong) {
  Inventory inventory(8);
  const auto address = [](uint32_t n) { return n % 5 ? Address::ip4(0x0a010100 + n) : Address::of(Mac{{0x02, 0, 0, 0, 1, uint8_t(n)}}); };
  const auto card = [](uint32_t n) { return Mac{{0x02, 0, 0, 0, 0, uint8_t(n)}}; };
  uint64_t dice = 7;
  const auto draw = [&](uint32_t n) { return uint32_t((dice = dice * 6364136223846793005ull + 1442695040888963407ull) >> 33) % n; };
  size_t shared = 0;
  for (Time now = 1; now < 5'000; now++) {
    const Address a = address(draw(24));
    if (draw(4)) inventory.claimed(a, card(draw(4)), now * second);
    else inventory.moved(a, card(draw(4)), card(draw(4)), now * second);
    if (InventoryEntry* e = inventory.find(a); e && !draw(9)) inventory.set_cards(*e, draw(2) ? std::vector{card(draw(4)), card(draw(4))} : std::vector<Mac>{});
    const Inventory copy = inventory;
    for (uint32_t m = 0; m < 4; m++) {
      const size_t all = size_t(std::count_if(inventory.entries().begin(), inventory.entries().end(), [&](const InventoryEntry& e) {
        return e.address.kind != Address::Kind::mac && e.address != a && !e.macs.empty() && e.macs.back() == card(m);
      }));
      ASSERT_EQ(inventory.others_of(card(m), a), all) << now;
      ASSERT_EQ(copy.others_of(card(m), a), all) << now;
      shared = std::max(shared, all);
    }
  }
  EXPECT_GT(shared, 3u);
}

}  // namespace
}  // namespace vidra
