// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/judge/publishing.h"

namespace vidra {
namespace {

// A merging unit of 100 samples a second in a network of 5 Hz: the proportions of 9-2LE at a fortieth of its pace.
struct Unit : Publishing {
  explicit Unit(std::string_view site = publishers_site) : Publishing(site) { run(16); }
  explicit Unit(Hearing::Options o) : Publishing(std::move(o)) { run(16); }

  void one(SvFrame v, std::string_view source = mu1_mac, std::string_view group = sv_group) {
    v.angle = double(angle_) * 2 * 3.141592653589793 / 20;
    sv(v, source, group);
  }
  void run(double seconds, std::string_view source = mu1_mac, std::string_view group = sv_group) {
    for (int n = int(seconds * 100); n--;) {
      f.count = uint16_t(at % 100);
      one(f, source, group);
      at++, angle_++;
      wait(10 * millisecond);
    }
  }
  SvFrame f;
  unsigned at = 0;

 private:
  unsigned angle_ = 0;
};

Memory memory_of_unit() {
  JudgeSettings learning;
  learning.mode = JudgeSettings::Mode::learn;
  Unit u({"", {}, learning});
  Memory m;
  for (const PublisherMemory& each : u.h.judge.memory().publishers()) m.add_publisher(each.kind, each.reference) = each;
  return m;
}

TEST(SvNumbers, AreTheDissectorsOwn) {
  const Protocol& sv = *protocols[size_t(protocol_index("sv"))];
  EXPECT_EQ(function_name(sv, 258, 3), "samples lost");
  EXPECT_EQ(function_name(sv, 258, 5), "smpCnt went back");
  EXPECT_EQ(function_name(sv, 258, 8), "smpSynch changed");
  EXPECT_EQ(function_name(sv, 258, 15), "simulation bit changed");
  EXPECT_EQ(function_name(sv, 258, 19), "SPDU number went back");
}

TEST(Sv, AnOrdinaryStreamIsQuiet) {
  Unit u;
  EXPECT_EQ(u.told(), "");
  Unit v("");
  EXPECT_EQ(v.told(), "");
  Unit w({"", memory_of_unit()});
  EXPECT_EQ(w.told(), "");
}

TEST(SvStranger, IsToldWhereStreamsAreKnown) {
  Unit u;
  for (int i = 0; i < 50; i++) u.one({.id = "EVIL", .count = uint16_t(i)}, stranger_mac), u.wait(10 * millisecond);
  EXPECT_EQ(u.h.times("SMV-01"), 1u) << u.told();
  EXPECT_EQ(u.stories(), 1u) << u.told();
  Unit m({"", memory_of_unit()});
  m.one({.id = "EVIL"}, stranger_mac);
  EXPECT_EQ(m.h.times("SMV-01"), 1u) << m.told();
  Unit nobody("");
  nobody.one({.id = "EVIL"}, stranger_mac);
  EXPECT_EQ(nobody.told(), "");
}

TEST(SvTwo, SendersOfOneStreamAreTold) {
  Unit u;
  for (int i = 0; i < 50; i++) u.one({.count = uint16_t(i)}, stranger_mac), u.run(0.01);
  EXPECT_EQ(u.h.times("SMV-02"), 1u) << u.told();
  EXPECT_EQ(u.stories(), 1u) << u.told();
  Unit nobody("");
  for (int i = 0; i < 800; i++) nobody.one({.count = uint16_t(i % 100)}, stranger_mac), nobody.run(0.01);
  EXPECT_EQ(nobody.h.times("SMV-02"), 1u) << nobody.told();
}
TEST(SvTwo, UnitsWithTheMakersIdentifierAreNone) {
  Publishing p;
  for (int i = 0; i < 800; i++) {
    p.sv({.id = "xxxxMUnn01", .count = uint16_t(i % 100)}, mu1_mac, "01:0c:cd:04:00:01");
    p.sv({.id = "xxxxMUnn01", .count = uint16_t((i + 40) % 100)}, mu2_mac, "01:0c:cd:04:00:02");
    p.wait(10 * millisecond);
  }
  EXPECT_EQ(p.told(), "");
}
TEST(SvTwo, SeriesWithOneAddressAreTold) {
  Unit u("");
  for (int i = 0; i < 100; i++) u.one({.count = uint16_t((u.at + 50) % 100)}), u.run(0.01);
  EXPECT_EQ(u.h.times("SMV-02") > 0, true) << u.told();
}

TEST(SvCount, ThatJumpsWithoutAPauseIsTold) {
  Unit u;
  u.at += 6;
  u.run(3);
  EXPECT_EQ(u.h.times("SMV-03"), 1u) << u.told();
  EXPECT_NE(u.h.last("SMV-03").what.find("without a pause"), std::string::npos);
}
TEST(SvCount, ALittleLossIsQuietMuchIsTold) {
  Unit u;
  for (int i = 0; i < 60; i++) u.at++, u.wait(10 * millisecond), u.run(0.99);      // 1 %
  EXPECT_EQ(u.told(), "");
  Unit v;
  for (int i = 0; i < 200; i++) v.at += 2, v.wait(20 * millisecond), v.run(0.08);  // 20 %
  EXPECT_EQ(v.h.times("SMV-03") > 0, true) << v.told();
  EXPECT_LE(v.h.last("SMV-03").severity, 3);
}

TEST(SvCount, ThatJumpsIsToldOfAnImportThatNobodyReviewedToo) {
  std::string site = "[site]\nreview = true\n" + std::string(publishers_site);
  site.replace(site.find("conf_rev = 1\nentries"), 12, "conf_rev = 7");
  Unit u(site);
  ASSERT_EQ(u.h.judge.unreviewed().size(), 1u) << u.kept();     // SMV-07, since its first frame
  for (int i = 0; i < 60; i++) u.one({.count = uint16_t((u.at + (i % 2 ? 40 : 0)) % 100)}), u.at++, u.wait(10 * millisecond);
  EXPECT_GT(u.h.times("SMV-02"), 0u) << u.told();
}

TEST(SvSecond, ThatMovesIsTold) {
  Unit u;
  u.wait(305 * millisecond);                // its clock steps: the count goes on where it was
  u.run(8);
  EXPECT_EQ(u.h.times("SMV-04"), 1u) << u.told();
  Unit late;
  late.wait(30 * millisecond);              // once, in the network
  late.at += 3;
  late.run(8);
  EXPECT_EQ(late.h.times("SMV-04"), 0u) << late.told();
}

TEST(SvSynch, LostIsToldAWorseClockIsLess) {
  Unit u;
  u.f.synch = 0;
  u.run(3);
  EXPECT_EQ(u.h.times("SMV-05"), 1u) << u.told();
  EXPECT_EQ(u.h.last("SMV-05").detection->audience, Audience::operations);
  u.f.synch = 2;
  u.run(3);
  EXPECT_EQ(u.stories(), 1u) << u.told();
  Unit local;
  local.f.synch = 1;
  local.run(3);
  ASSERT_EQ(local.h.times("SMV-05"), 1u);
  EXPECT_EQ(local.h.last("SMV-05").severity, 2);
}
TEST(SvSynch, AUnitWithoutAClockIsQuiet) {
  Publishing p("[[publisher]]\nkind = \"sv\"\nreference = \"MU01\"\nsynchronised = false\n");
  for (int i = 0; i < 800; i++) p.sv({.count = uint16_t(i % 100), .synch = 0}), p.wait(10 * millisecond);
  EXPECT_EQ(p.told(), "");
}
TEST(SvSynch, OfTheUnitsOfABayIsCompared) {
  for (const uint8_t synch : {0, 2}) {
    Publishing p(publishers_site);
    for (int i = 0; i < 1000; i++) {
      p.sv({.count = uint16_t(i % 100)});
      p.sv({.id = "MU02", .count = uint16_t(i % 100), .synch = synch}, mu2_mac, "01:0c:cd:04:00:02");
      p.wait(10 * millisecond);
    }
    EXPECT_EQ(p.h.times("SMV-06"), synch ? 0u : 1u) << p.told();
    EXPECT_EQ(p.stories(), synch ? 0u : 1u) << p.told();
  }
}

TEST(SvForm, AnotherRevisionOrSizeIsTold) {
  Unit u;
  u.f.revision = 2;
  u.run(3);
  EXPECT_EQ(u.h.times("SMV-07"), 1u) << u.told();
  Publishing v(publishers_site);
  for (int i = 0; i < 100; i++) v.sv({.count = uint16_t(2 * i % 100), .asdus = 2}), v.wait(20 * millisecond);
  EXPECT_EQ(v.h.times("SMV-07") > 0, true) << v.told();
  Publishing broken(publishers_site);
  broken.hear("sv", {0x40, 1, 0, 12, 0, 0, 0, 0, 0x60, 9, 0x80, 1}, mu1_mac, sv_group, 5);
  EXPECT_EQ(broken.h.times("SMV-07"), 1u) << broken.told();
}

TEST(SvWaveform, PhasesThatNoLongerAddUpAreTold) {
  Unit u;
  u.f.residual = 60'000;
  u.run(6);
  EXPECT_EQ(u.h.times("SMV-09"), 1u) << u.told();
  Unit rise;                                // a short circuit: more current, and still a sum
  rise.f.amplitude = 900'000;
  rise.run(6);
  EXPECT_EQ(rise.told(), "");
}

TEST(SvQuality, TestOrInvalidIsOfOperations) {
  Unit u;
  u.f.quality = 1 << 11;                    // test
  u.run(3);
  EXPECT_EQ(u.h.times("SMV-10"), 1u) << u.told();
  Unit v;
  v.f.quality = 1 << 13;                    // derived
  v.run(3);
  EXPECT_EQ(v.h.times("SMV-10"), 0u) << v.told();
}

TEST(SvSimulation, IsOneStory) {
  Unit u;
  for (int i = 0; i < 200; i++) u.one({.count = uint16_t(i % 100), .simulated = true}, stranger_mac), u.run(0.01);
  EXPECT_EQ(u.h.times("SMV-11"), 1u) << u.told();
  EXPECT_EQ(u.stories(), 1u) << u.told();
  Publishing allowed("[[publisher]]\nkind = \"sv\"\nreference = \"MU01\"\nsimulation_allowed = true\n");
  for (int i = 0; i < 100; i++) allowed.sv({.count = uint16_t(i), .simulated = true}), allowed.wait(10 * millisecond);
  EXPECT_EQ(allowed.told(), "");
}

TEST(SvStopped, IsToldWhileOthersAreHeard) {
  Unit u;
  u.wait(10 * second);
  EXPECT_EQ(u.h.times("SMV-12"), 1u) << u.told();
  Unit m({"", memory_of_unit()});
  m.wait(10 * second);
  EXPECT_EQ(m.h.times("SMV-12"), 1u) << m.told();
  Unit deaf;
  deaf.h.wait(20 * second);
  EXPECT_EQ(deaf.told(), "");
  Publishing test(publishers_site);         // a test stream may stop
  for (int i = 0; i < 300; i++) test.sv({.id = "TEST", .count = uint16_t(i % 100)}, mu1_mac, "01:0c:cd:04:00:03"), test.wait(10 * millisecond);
  test.wait(10 * second);
  EXPECT_EQ(test.told(), "");
}

TEST(RoutedSv, FromAnUnexpectedSenderIsTold) {
  const std::string site = "[[publisher]]\nkind = \"sv\"\nreference = \"MU01\"\nsource = \"10.20.1.5\"\n";
  const auto datagram = [](uint32_t number, uint16_t count) {
    Octets sample;
    for (int i = 0; i < 8; i++) sample = joined({sample, number_octets(100, 4), number_octets(0, 4)});
    const Octets asdu = tlv_of(0x30, joined({tlv_of(0x80, octets_of("MU01")), tlv_of(0x82, number_octets(count, 2)), tlv_of(0x83, number_octets(1, 4)), {0x85, 1, 2}, tlv_of(0x87, sample)}));
    const Octets pdu = tlv_of(0x60, joined({{0x80, 1, 1}, tlv_of(0xa2, asdu)}));
    const Octets payload = joined({{0x82, 0, 0x40, 1}, number_octets(pdu.size(), 2), pdu});
    const Octets rest = joined({number_octets(number, 4), {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, number_octets(payload.size(), 4), payload});
    return joined({{0x01, 0x40, 0xa2, 0x17, 0x80, 0x15}, number_octets(rest.size(), 4), rest});
  };
  Publishing p(site);
  for (uint16_t i = 0; i < 20; i++) p.hear("sv", datagram(7u + i, i), "10.20.1.5", "239.1.1.1", 0, 102), p.wait(10 * millisecond);
  EXPECT_EQ(p.h.of("RGS-") + p.h.of("SMV-"), 0u) << p.told();
  p.hear("sv", datagram(1, 2), "10.66.6.6", "239.1.1.1", 0, 102);
  EXPECT_EQ(p.h.times("RGS-01"), 1u) << p.told();
}

}  // namespace
}  // namespace vidra
