// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/support/publisher.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

// A frame is drawn as IEC 61850-9-2 has it: APPID, length, reserved 1 and 2; 60, noASDU (80), the ASDUs (A2) with svID (80) to gmIdentity (89).
std::string channel(int32_t v, uint32_t quality = 0) { return four(uint32_t(v) >> 16) + four(uint32_t(v)) + four(quality >> 16) + four(quality) + " "; }

// 9-2LE: three currents and their neutral, three voltages and theirs.
std::string phases(double angle, uint32_t quality = 0) {
  constexpr double third = 2 * std::numbers::pi / 3;
  std::string out;
  for (double amplitude : {1'414'214.0, 9'000'000.0})
    for (int i = 0; i < 4; i++) out += channel(i == 3 ? 0 : int32_t(std::lround(amplitude * std::sin(angle - i * third))), i == 3 ? 0x2000 : quality);
  return out;
}

struct Sv { std::string_view id = "MU01"; uint16_t count = 0; std::string_view synch = "02", revision = "00000001"; std::string sample = phases(0); std::string_view rest = "", set = "", reference = ""; };
std::string asdu(const Sv& a) {
  std::string out = element("80", text(a.id));
  if (!a.set.empty()) out += element("81", text(a.set));
  out += element("82", four(a.count)) + element("83", a.revision);
  if (!a.reference.empty()) out += element("84", a.reference);
  out += element("85", a.synch);
  const size_t rate = a.rest.substr(0, 2) == "86" ? 10 : 0;   // smpRate stands before the sample, smpMod and gmIdentity behind it
  out.append(a.rest.substr(0, rate)).append(element("87", a.sample)).append(a.rest.substr(rate));
  return element("30", out);
}
std::string apdu(std::string_view asdus, size_t n) { return element("60", element("80", two(n)) + element("a2", asdus)); }
std::string frame_of(std::string_view pdu, std::string_view appid = "4001", std::string_view reserved = "0000 0000") { return framed(appid, reserved, pdu); }
std::string frame(const Sv& a) { return frame_of(apdu(asdu(a), 1)); }

std::string routed(const Sv& a, std::string_view number) { return routed_by("a2", number, "00000000 ", "82 00 4001 ", apdu(asdu(a), 1)); }

const std::string c0 = frame({.count = 3998}), c1 = frame({.count = 3999}), c2 = frame({.count = 0}), gap = frame({.count = 7}),
                  two_asdus = frame_of(apdu(asdu({.count = 10}) + asdu({.count = 11}), 2)), next_two = frame_of(apdu(asdu({.count = 12}) + asdu({.count = 13}), 2)),
                  two_streams = frame_of(apdu(asdu({.id = "A", .count = 10}) + asdu({.id = "B", .count = 10}), 2)),
                  full = frame({.count = 1, .rest = "86 02 12c0 88 02 0001 | 89 08 0011223344556677", .set = "MU/LLN0$PhsMeas1", .reference = "66000000 000000 0a"}),
                  opaque = frame({.count = 1, .sample = "41c80000 41c80000 0000"}), session = routed({.count = 5}, "00000001"), session_next = routed({.count = 6}, "00000002"),
                  short_count = frame_of(element("60", element("80", "01") + element("a2", element("30", element("80", "41") + element("82", "01") + element("83", "00000001") +
                                                                                                           element("85", "02") + element("87", channel(1))))));

const Enrol enrolled("sv", {
    {"9-2LE: the last sample of a second and the first of the next", {{Side::client, c0}, {Side::client, c1}, {Side::client, c2}}, Carrier::ethertype},
    {"samples are lost", {{Side::client, c2}, {Side::client, gap}}, Carrier::ethertype},
    {"61869-9: two ASDUs of one stream", {{Side::client, two_asdus}, {Side::client, next_two}}, Carrier::ethertype},
    {"two streams in a frame", {{Side::client, two_streams}}, Carrier::ethertype},
    {"all fields", {{Side::client, full}}, Carrier::ethertype},
    {"a dataset of another layout", {{Side::client, opaque}}, Carrier::ethertype},
    {"smpCnt of one octet", {{Side::client, short_count}}, Carrier::ethertype, /*malformed=*/true},
    {"R-SV", {{Side::client, session}, {Side::client, session_next}}, Carrier::udp},
});

std::vector<Point> channels(const Sentence& s, uint32_t measure = 0) {
  std::vector<Point> all;
  for (const Point& p : s.points)
    if (p.object.kind() == ObjectKind::channel && p.object.number() >> 16 == measure) all.push_back(p);
  return all;
}

class SampledValues : public Publisher {
 protected:
  SampledValues() : Publisher("sv", 250 * microsecond) {}
  Heard& sv = heard;
};

TEST_F(SampledValues, what_is_heard_first_is_said_with_its_channels) {
  const Sentence s = says(full);
  EXPECT_EQ(function_name(protocol_named("sv"), s.head.function, s.head.sub_function), "first heard");
  EXPECT_EQ(s.text(s.head.station), "MU01");
  EXPECT_EQ(s.head.sequence, 1u);    // smpCnt
  EXPECT_EQ(s.head.tag, 2u);         // smpSynch
  EXPECT_EQ(s.head.qualifier, 1u);   // confRev
  EXPECT_EQ(number(s, "APPID"), 0x4001u);
  EXPECT_EQ(number(s, "smpRate"), 4800u);
  EXPECT_EQ(number(s, "smpMod"), 1u);
  EXPECT_EQ(number(s, "gmIdentity"), 0x0011223344556677u);
  EXPECT_EQ(s.text(point(s, "datSet")->raw), "MU/LLN0$PhsMeas1");
  EXPECT_EQ(point(s, "refrTm")->time, Time(0x66000000) * second);
  const auto c = channels(s);
  ASSERT_EQ(c.size(), 8u);
  EXPECT_EQ(int64_t(c[1].raw), -1'224'745);
  EXPECT_EQ(c[3].qualifier, 0x2000u);   // derived
  EXPECT_EQ(c[3].quality, uint32_t(good));
}

// A second of 80 samples a cycle at 50 Hz.
TEST_F(SampledValues, a_second_becomes_rms_and_frequency) {
  const auto sample = [](int n) { return frame({.count = uint16_t(n % 4000), .sample = phases(2 * std::numbers::pi * 50 * n / 4000.0)}); };
  says(sample(0));
  Sentence s;
  int n = 1;
  for (; n <= 4000 && s.points.empty(); n++) s = says(sample(n));
  ASSERT_EQ(s.head.function, summary);
  EXPECT_EQ(number(s, "samples"), 4001u);
  s = {};
  for (; n <= 8001 && s.points.empty(); n++) s = says(sample(n));
  ASSERT_EQ(s.head.function, summary);
  EXPECT_EQ(number(s, "samples"), 4000u);
  EXPECT_EQ(number(s, "smpCnt returns after"), 4000u);
  EXPECT_EQ(point(s, "samples a second")->number(), 4000.0);
  EXPECT_NEAR(point(s, "jitter (us)")->number(), 0, 1e-6);
  EXPECT_EQ(number(s, "shortest interval (us)"), 250u);
  const auto rms = channels(s), frequency = channels(s, 1), residual = channels(s, 2);
  ASSERT_EQ(rms.size(), 8u);
  EXPECT_NEAR(rms[0].number(), 1'000'000, 1);
  EXPECT_NEAR(rms[4].number(), 9'000'000 / std::sqrt(2), 1);
  EXPECT_EQ(rms[3].number(), 0.0);
  ASSERT_EQ(frequency.size(), 6u) << "the neutrals have none";
  for (const Point& f : frequency) EXPECT_NEAR(f.number(), 50, 1e-4);
  ASSERT_EQ(residual.size(), 2u);
  EXPECT_NEAR(residual[0].number(), 0, 2);
}

TEST_F(SampledValues, lost_samples_are_said_at_once) {
  says(c2);
  EXPECT_EQ(breaches(gap), (Names{"samples lost"}));
  EXPECT_EQ(number(sv.all[0], "lost"), 6u);
  EXPECT_EQ(number(sv.all[0], "smpCnt before"), 0u);
}

TEST_F(SampledValues, a_second_publisher_of_one_stream_goes_back_and_forth) {
  says(frame({.count = 1000}));
  EXPECT_EQ(breaches(frame({.count = 5})), (Names{"smpCnt went back"}));
  EXPECT_EQ(breaches(frame({.count = 1001})), (Names{"samples lost"}));
  EXPECT_EQ(breaches(frame({.count = 1001})), (Names{"smpCnt repeated"}));
  EXPECT_EQ(breaches(frame({.count = 1002})), (Names{}));
}

TEST_F(SampledValues, where_the_count_returns_is_learned) {
  says(c0), says(c1);
  EXPECT_EQ(breaches(c2), (Names{}));
  EXPECT_EQ(breaches(frame({.count = 1})), (Names{}));
  says(frame({.count = 3998}));
  EXPECT_EQ(breaches(frame({.count = 3999})), (Names{}));
  EXPECT_EQ(breaches(frame({.count = 4000})), (Names{"smpCnt wraps elsewhere"}));
}

TEST_F(SampledValues, lost_samples_around_the_end_of_a_second) {
  says(c0), says(c1), says(c2), says(frame({.count = 1})), says(frame({.count = 3998}));
  EXPECT_EQ(breaches(frame({.count = 3})), (Names{"samples lost"}));
  EXPECT_EQ(number(sv.all[0], "lost"), 4u);
}

TEST_F(SampledValues, each_breach_is_its_own_word) {
  says(frame({.count = 1}));
  EXPECT_EQ(breaches(frame({.count = 2, .synch = "00"})), (Names{"smpSynch changed"}));
  EXPECT_EQ(sv.all[0].head.tag, 0u);
  EXPECT_EQ(breaches(frame({.count = 3, .synch = "00", .revision = "00000002"})), (Names{"confRev changed"}));
  EXPECT_EQ(breaches(frame({.count = 4, .synch = "00", .revision = "00000002", .set = "x"})), (Names{"datSet changed"}));
  EXPECT_EQ(breaches(frame({.count = 5, .synch = "00", .revision = "00000002", .sample = channel(1), .set = "x"})), (Names{"size of a sample changed"}));
  EXPECT_EQ(breaches(frame_of(apdu(asdu({.count = 6, .synch = "00", .revision = "00000002", .sample = channel(1), .set = "x"}), 1), "4002", "8000 0000")),
            (Names{"APPID changed", "simulation bit changed"}));
  EXPECT_EQ(breaches(frame_of(apdu(asdu({.count = 7, .synch = "00", .revision = "00000002", .sample = channel(1), .rest = "86 02 12c0", .set = "x"}), 2), "4002", "8000 0000")),
            (Names{"smpRate or smpMod changed", "noASDU is not the number of ASDUs"}));
}

TEST_F(SampledValues, quality_that_changes_is_said_with_the_values) {
  says(frame({.count = 1}));
  const Sentence s = says(frame({.count = 2, .sample = phases(0.1, 1)}));
  EXPECT_EQ(function_name(protocol_named("sv"), s.head.function, s.head.sub_function), "quality changed");
  EXPECT_EQ(channels(s)[0].quality, uint32_t(invalid));
  says(frame({.count = 3, .sample = phases(0.2, 1)}));
  EXPECT_TRUE(sv.all.empty());
}

TEST_F(SampledValues, a_silence_is_one_by_the_streams_own_period) {
  for (int n = 0; n < 200; n++) says(frame({.count = uint16_t(n % 25)}), 40 * millisecond);   // 25 samples a second
  EXPECT_EQ(breaches(frame({.count = 0}), 150 * millisecond), (Names{}));
  EXPECT_EQ(breaches(frame({.count = 1}), 200 * millisecond), (Names{"stream was silent"}));
  EXPECT_EQ(number(sv.all[0], "silence (us)"), 200'000u);
}

TEST_F(SampledValues, several_asdus_are_one_stream_or_several) {
  says(two_asdus);
  EXPECT_EQ(sv.all.size(), 1u);
  says(next_two);
  EXPECT_TRUE(sv.all.empty());
  says(two_streams);
  EXPECT_EQ(sv.all.size(), 2u);
}

TEST_F(SampledValues, another_layout_is_counted_not_read) {
  const Sentence s = says(opaque);
  EXPECT_TRUE(channels(s).empty());
  EXPECT_EQ(number(s, "sample"), 10u);
  says(frame({.count = 2, .sample = "41c90000 41c80000 0000"}));
  EXPECT_TRUE(sv.all.empty());
}

// Measurements sent as samples, twenty in a second, each with its time.
TEST_F(SampledValues, values_with_a_time_are_channels) {
  sv.say.time = Time(0x645b2302) * second;
  const Sentence s = says(frame({.count = 1, .sample = "0000001a 645b2302 5d70a300"}));
  const auto c = channels(s);
  ASSERT_EQ(c.size(), 1u);
  EXPECT_EQ(c[0].raw, 26u);
  EXPECT_EQ(c[0].time / second, Time(0x645b2302));
  says(frame({.count = 2, .sample = "0000001e 645b2302 6d70a300"}), 50 * millisecond);
  EXPECT_TRUE(sv.all.empty());
  const Sentence sum = says(frame({.count = 3, .sample = "0000001e 645b2303 6d70a300"}), second);
  EXPECT_NEAR(channels(sum)[0].number(), std::sqrt((26.0 * 26 + 30 * 30 + 30 * 30) / 3), 1e-6);
}

TEST_F(SampledValues, more_streams_than_there_is_room_for_are_forgotten_aloud) {
  size_t forgotten = 0;
  for (size_t i = 0; i < 200; i++)
    for (std::string_view b : breaches(frame({.id = "MU" + std::to_string(i)}), 10 * millisecond)) forgotten += b == "too many streams, one forgotten";
  EXPECT_EQ(forgotten, 72u);
}

TEST_F(SampledValues, a_session_counts_its_datagrams) {
  says(session);
  says(session_next);
  EXPECT_TRUE(sv.all.empty());
  EXPECT_EQ(breaches(routed({.count = 7}, "00000009")), (Names{"SPDU number jumped"}));
  EXPECT_EQ(breaches(routed({.count = 8}, "00000003")), (Names{"SPDU number went back"}));
}

}  // namespace
}  // namespace vidra
