// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/publisher.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

// A frame is drawn as annex C of IEC 61850-8-1 has it: APPID, length, reserved 1 and 2; then 61 and the PDU's fields 80 to AB. Lengths are
// put in where the drawing has them.
constexpr std::string_view before_noon = "66000000 800000 0a", at_noon = "66000010 000000 0a";
constexpr std::string_view closed = "84 02 06 80 | 84 03 03 0000 | 83 01 00 ", opened = "84 02 06 40 | 84 03 03 0000 | 83 01 00 ";

struct Pdu {
  std::string_view reference = "LD0/LLN0$GO$g1";
  std::string_view st = "05", sq = "07", t = before_noon, data = closed, live = "07d0", revision = "01", entries = "03", test = "00", set = "LD0/LLN0$ds", commissioning = "00";
  std::string_view behind = "";
};
std::string pdu(const Pdu& p) {
  return element("61", element("80", text(p.reference)) + element("81", p.live) + element("82", text(p.set)) + element("83", text("g1")) + element("84", p.t) + element("85", p.st) +
                           element("86", p.sq) + element("87", p.test) + element("88", p.revision) + element("89", p.commissioning) + element("8a", p.entries) +
                           element("ab", p.data) + std::string(p.behind));
}
std::string frame_of(std::string_view pdu, std::string_view appid = "0001", std::string_view reserved = "0000 0000") { return framed(appid, reserved, pdu); }
std::string frame(const Pdu& p, std::string_view appid = "0001", std::string_view reserved = "0000 0000") { return frame_of(pdu(p), appid, reserved); }

std::string routed(const Pdu& p, std::string_view number, std::string_view key = "00000000", bool is_signed = false, std::string_view kind = "a1") {
  return routed_by(kind, number, key, "81 00 0001 ", pdu(p), is_signed ? "85 04 01020304" : "");
}

constexpr std::string_view structure = "a2 18 a2 07 87 05 08 41c80000 | 84 03 03 c000 | 91 08 66000000 000000 2a ";   // a measured value: mag.f, q, t
constexpr std::string_view fixed =                                                                                  // 8-1, A.3
    "83 01 01 | 85 05 00 00000007 | 86 05 00 ffffffff | 85 09 ff ffffffffffffff80 | 87 05 08 3f800000 | 84 02 06 40 | 84 03 03 0800 | 8a 02 4f4b | 89 03 010203 ";

const std::string first = frame({}), again = frame({.sq = "08"}), trip = frame({.st = "06", .sq = "00", .t = at_noon, .data = opened}), after = frame({.st = "06", .sq = "01", .t = at_noon, .data = opened}),
                  replayed = frame({.sq = "09"}), structured = frame({.data = structure, .entries = "01"}), typed = frame({.data = fixed, .entries = "09"}),
                  simulated = frame({.test = "ff"}, "0001", "8000 0000"), wrong_tag = frame({.data = "8c 02 0000 ", .entries = "01"}),
                  secured = frame({.behind = "ac 06 85 04 01020304"}), session = routed({}, "00000007"), session_again = routed({.sq = "08"}, "00000008"),
                  signed_session = routed({}, "00000007", "00000001", true),
                  ask = frame_of("60 1d 80 01 07 | a1 18 a2 16 80 0e 4c44302f4c4c4e3024474f246731 | a1 04 1a 02 6473 "),
                  answer = frame_of("60 28 80 01 07 | a2 23 a2 21 80 0e 4c44302f4c4c4e3024474f246731 | 81 01 02 | a2 0c 80 02 6473 | a1 06 80 01 01 82 01 03 ");

const Enrol enrolled("goose", {
    {"a state is repeated, changes and is repeated", {{Side::client, first}, {Side::client, again}, {Side::client, trip}, {Side::client, after}}, Carrier::ethertype},
    {"an old frame after a new state", {{Side::client, first}, {Side::client, trip}, {Side::client, replayed}}, Carrier::ethertype},
    {"a structure", {{Side::client, structured}}, Carrier::ethertype},
    {"fixed lengths", {{Side::client, typed}}, Carrier::ethertype},
    {"simulation", {{Side::client, first}, {Side::client, simulated}}, Carrier::ethertype},
    {"a signature in the PDU", {{Side::client, secured}}, Carrier::ethertype},
    {"a value of no known type", {{Side::client, wrong_tag}}, Carrier::ethertype, /*malformed=*/true},
    {"R-GOOSE", {{Side::client, session}, {Side::client, session_again}}, Carrier::udp},
    {"R-GOOSE, signed", {{Side::client, signed_session}}, Carrier::udp},
    {"members are asked for by number", {{Side::client, ask}, {Side::server, answer}}, Carrier::ethertype},
});

std::vector<Point> members(const Sentence& s) {
  std::vector<Point> all;
  for (const Point& p : s.points)
    if (p.object.kind() == ObjectKind::member) all.push_back(p);
  return all;
}

enum : uint16_t { gse = 259, session_says = 260 };

class Goose : public Publisher {
 protected:
  Goose() : Publisher("goose", 100 * millisecond) {}
  Heard& goose = heard;
};

TEST_F(Goose, what_is_heard_first_is_said_with_all_its_values) {
  const Sentence s = says(first);
  EXPECT_EQ(function_name(protocol_named("goose"), s.head.function, s.head.sub_function), "first heard");
  EXPECT_EQ(s.head.act, Act::report);
  EXPECT_EQ(s.text(s.head.station), "LD0/LLN0$GO$g1");
  EXPECT_EQ(s.head.tag, 5u);         // stNum
  EXPECT_EQ(s.head.sequence, 7u);    // sqNum
  EXPECT_EQ(s.head.qualifier, 1u);   // confRev
  EXPECT_FALSE(s.head.simulated || s.head.test || s.head.malformed || s.head.encrypted);
  EXPECT_EQ(number(s, "timeAllowedtoLive"), 2000u);
  EXPECT_EQ(number(s, "APPID"), 1u);
  EXPECT_EQ(number(s, "numDatSetEntries"), 3u);
  EXPECT_EQ(s.text(point(s, "datSet")->raw), "LD0/LLN0$ds");
  EXPECT_EQ(s.text(point(s, "goID")->raw), "g1");
  EXPECT_EQ(point(s, "t")->time, Time(0x66000000) * second + second / 2);
  const auto m = members(s);
  ASSERT_EQ(m.size(), 3u);
  EXPECT_EQ(m[0].object, Object::of_member(text_key("LD0/LLN0$ds"), 0));
  EXPECT_EQ(m[0].kind, ValueKind::double_point);
  EXPECT_EQ(m[0].raw, 2u);
  EXPECT_EQ(m[1].kind, ValueKind::bits);
  EXPECT_EQ(m[2].kind, ValueKind::boolean);
}

TEST_F(Goose, repetitions_are_only_counted) {
  says(first);
  for (int sq = 8; sq < 17; sq++) {
    says(frame({.sq = two(size_t(sq))}));
    EXPECT_TRUE(goose.all.empty()) << sq;
  }
  const Sentence s = says(frame({.sq = "11"}));            // a second after the first
  ASSERT_EQ(s.head.function, summary);
  EXPECT_EQ(number(s, "frames"), 11u);
  EXPECT_EQ(number(s, "sqNum one more"), 10u);
  EXPECT_EQ(number(s, "timeAllowedtoLive"), 2000u);
  EXPECT_NEAR(point(s, "interval (ms)")->number(), 100, 1e-9);
  EXPECT_EQ(s.text(s.head.station), "LD0/LLN0$GO$g1");
}

TEST_F(Goose, a_longer_number_is_still_a_repetition) {
  says(frame({.sq = "7f"}));
  says(frame({.sq = "0080"}));
  says(frame({.sq = "0081"}));
  EXPECT_TRUE(goose.all.empty());
}

TEST_F(Goose, a_new_state_says_what_changed) {
  says(first);
  const Sentence s = says(trip);
  ASSERT_EQ(goose.all.size(), 1u);
  EXPECT_EQ(s.head.function, changed);
  EXPECT_EQ(s.head.tag, 6u);
  const auto m = members(s);
  ASSERT_EQ(m.size(), 3u);
  EXPECT_EQ(m[0].raw, 1u);
  EXPECT_EQ(m[0].qualifier, 1u);    // changed
  EXPECT_EQ(m[2].qualifier, 0u);
}

TEST_F(Goose, a_replayed_frame_goes_back_and_so_does_the_next_true_one) {
  says(first), says(trip);
  EXPECT_EQ(breaches(replayed), (Names{"stNum went back", "sqNum not 0 in a new state", "t went back"}));
  EXPECT_EQ(goose.all.back().head.function, changed);      // its values are said
  EXPECT_EQ(breaches(after), (Names{"sqNum not 0 in a new state"}));
}

TEST_F(Goose, a_poisoned_state_number_jumps) {
  says(first);
  EXPECT_EQ(breaches(frame({.st = "00fffffffe", .sq = "00", .t = at_noon, .data = opened})), (Names{"stNum jumped"}));
  EXPECT_EQ(number(goose.all[0], "stNum before"), 5u);
  EXPECT_EQ(number(goose.all[0], "stNum"), 0xfffffffeu);
}

TEST_F(Goose, values_under_an_old_state_number_are_a_breach_with_the_values) {
  says(first);
  EXPECT_EQ(breaches(frame({.sq = "08", .data = opened})), (Names{"values changed without a new stNum"}));
  EXPECT_EQ(goose.all[0].head.act, Act::report);
  EXPECT_EQ(members(goose.all[0])[0].raw, 1u);
}

TEST_F(Goose, each_breach_is_its_own_word) {
  says(first);
  EXPECT_EQ(breaches(frame({.sq = "09"})), (Names{"sqNum jumped"}));
  EXPECT_EQ(breaches(frame({.sq = "09"})), (Names{"sqNum repeated"}));
  EXPECT_EQ(breaches(frame({.sq = "08"})), (Names{"sqNum went back"}));
  EXPECT_EQ(breaches(frame({.sq = "09", .revision = "02"})), (Names{"confRev changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0a", .revision = "02", .set = "LD0/LLN0$dx"})), (Names{"datSet changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0b", .revision = "02", .set = "LD0/LLN0$dx", .commissioning = "01"})), (Names{"ndsCom changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0c"})), (Names{"confRev changed", "datSet changed", "ndsCom changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0d"}, "0002")), (Names{"APPID changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0e"}, "0002", "8000 0000")), (Names{"simulation bit changed"}));
  EXPECT_EQ(breaches(frame({.sq = "0f", .test = "01"})), (Names{"APPID changed", "simulation bit changed", "test changed"}));
  EXPECT_EQ(breaches(frame({.sq = "10", .entries = "04"})), (Names{"test changed", "numDatSetEntries is not the number of values"}));
  EXPECT_EQ(breaches(frame({.sq = "11"})), (Names{}));
  EXPECT_EQ(breaches(frame({.sq = "12", .t = at_noon})), (Names{"t changed without a new stNum"}));
  EXPECT_EQ(breaches(frame({.st = "06", .sq = "00", .t = at_noon})), (Names{"new stNum without changed values", "new stNum with the same t"}));
  EXPECT_EQ(breaches(frame({.st = "07", .sq = "00", .data = "83 01 00 | 83 01 00 | 83 01 00 "})), (Names{"types of values changed", "t went back"}));
  EXPECT_EQ(breaches(frame({.st = "07", .sq = "01", .data = "83 01 00 | 83 01 00 | 83 01 00 ", .behind = "8c 02 0102"})), (Names{"security changed"}));
  EXPECT_TRUE(goose.all[0].head.encrypted);
}

TEST_F(Goose, the_time_allowed_to_live_is_the_publishers_word) {
  says(first);
  EXPECT_EQ(breaches(again, 2001 * millisecond), (Names{"time allowed to live expired"}));
  EXPECT_EQ(number(goose.all[0], "silence (ms)"), 2001u);
  EXPECT_EQ(breaches(frame({.sq = "09"}), 2000 * millisecond), (Names{}));
}

// 18.2.3: after a restart stNum begins with 1. It is one only after silence.
TEST_F(Goose, a_restart_is_no_replay) {
  says(first);
  EXPECT_EQ(breaches(frame({.st = "01", .sq = "01", .t = at_noon}), 30 * second), (Names{"time allowed to live expired"}));
  EXPECT_EQ(function_name(protocol_named("goose"), goose.all[1].head.function, goose.all[1].head.sub_function), "restarted");
  says(trip);
  EXPECT_EQ(breaches(frame({.st = "01", .sq = "01", .t = before_noon})).front(), "stNum went back");
}

TEST_F(Goose, a_flood_of_breaches_is_counted) {
  says(first);
  size_t said = 0;
  for (int i = 0; i < 1000; i++) says(first, 100 * microsecond), said += goose.all.size();
  EXPECT_EQ(said, 64u);
  const Sentence s = says(first, second);
  EXPECT_EQ(s.head.function, summary);
  EXPECT_EQ(number(s, "sqNum repeated"), 1001u);
  EXPECT_EQ(number(s, "frames"), 1002u);
}

TEST_F(Goose, quality_and_time_of_a_structure_belong_to_its_values) {
  const auto m = members(says(structured));
  ASSERT_EQ(m.size(), 1u);
  EXPECT_EQ(m[0].number(), 25.0);
  EXPECT_EQ(m[0].quality, uint32_t(questionable));
  EXPECT_EQ(m[0].time, Time(0x66000000) * second);
  EXPECT_EQ(m[0].time_flags, time_unsynchronised);
}

TEST_F(Goose, quality_in_a_flat_dataset_belongs_to_the_value_before_it) {
  const auto m = members(says(frame({.data = "83 01 01 | 84 03 03 0040 | 83 01 00 | 84 03 03 0000 ", .entries = "04"})));
  ASSERT_EQ(m.size(), 4u);
  EXPECT_EQ(m[0].quality, uint32_t(inaccurate)) << "0040: bit 9 of the thirteen";
  EXPECT_EQ(m[2].quality, uint32_t(good));
  const auto apart = members(Heard("goose")(Side::client, frame({.data = "83 01 01 | 83 01 01 | 84 03 03 0010 | 84 03 03 0010 ", .entries = "04"})));
  EXPECT_EQ(apart[1].quality, uint32_t(good)) << "two values, two qualities: whose is whose the SCD says";
}

TEST_F(Goose, fixed_lengths_are_read) {
  const auto m = members(says(typed));
  ASSERT_EQ(m.size(), 9u);
  EXPECT_EQ(int64_t(m[1].raw), 7);
  EXPECT_EQ(m[2].raw, 0xffffffffu);
  EXPECT_EQ(int64_t(m[3].raw), -128);
  EXPECT_EQ(m[4].number(), 1.0);
  EXPECT_EQ(m[5].quality, uint32_t(bad_reference)) << "0800: bit 4 of the thirteen";
}

TEST_F(Goose, simulation_stands_in_the_head) {
  EXPECT_TRUE(says(simulated).head.simulated);
  EXPECT_TRUE(goose.all[0].head.test);
}

TEST_F(Goose, several_control_blocks_of_one_publisher_are_followed_apart) {
  says(first);
  EXPECT_EQ(says(frame({.reference = "LD0/LLN0$GO$g2", .st = "01", .sq = "00"})).head.function, changed);
  says(again);
  EXPECT_TRUE(goose.all.empty());
  says(frame({.reference = "LD0/LLN0$GO$g2", .st = "01", .sq = "01"}));
  EXPECT_TRUE(goose.all.empty());
}

TEST_F(Goose, more_control_blocks_than_there_is_room_for_are_forgotten_aloud) {
  size_t forgotten = 0;
  for (size_t i = 0; i < 100; i++)
    for (std::string_view b : breaches(frame({.reference = "LD" + std::to_string(i) + "/LLN0$GO$g1"}), millisecond)) forgotten += b == "too many control blocks, one forgotten";
  EXPECT_EQ(forgotten, 36u);
}

TEST_F(Goose, a_missing_field_is_malformed_and_the_rest_is_said) {
  const Sentence s = says(frame_of(element("61", element("80", text("LD0/LLN0$GO$g1")) + element("85", "05"))));
  EXPECT_TRUE(s.head.malformed);
  EXPECT_EQ(s.text(s.head.station), "LD0/LLN0$GO$g1");
  EXPECT_EQ(s.head.tag, 5u);
}

TEST_F(Goose, a_malformed_frame_does_not_become_the_state) {
  says(first);
  EXPECT_TRUE(says(frame({.st = "09", .sq = "00", .data = "85 00 "})).head.malformed);
  says(again);
  EXPECT_TRUE(goose.all.empty());
}

TEST_F(Goose, nesting_is_bounded) {
  std::string data = "83 01 00";
  for (int i = 0; i < 60; i++) data = element("a2", data);
  EXPECT_TRUE(says(frame({.data = data, .entries = "01"})).head.malformed);
}

// Annex G.
TEST_F(Goose, a_routed_one_is_followed_alike) {
  const Sentence s = says(session);
  EXPECT_EQ(s.text(s.head.station), "LD0/LLN0$GO$g1");
  EXPECT_EQ(number(s, "SPDU number"), 7u);
  says(session_again);
  EXPECT_TRUE(goose.all.empty());
  EXPECT_EQ(breaches(routed({.sq = "09"}, "0000000a")), (Names{"SPDU number jumped"}));
  EXPECT_EQ(breaches(routed({.sq = "0a"}, "00000003")), (Names{"SPDU number went back"}));
  EXPECT_EQ(breaches(routed({.sq = "0b"}, "00000004", "00000009", true)), (Names{"security changed", "key changed"}));
  EXPECT_TRUE(goose.all[0].head.encrypted);
}

TEST_F(Goose, another_kind_of_session_is_named) {
  const Sentence s = says(routed({}, "00000007", "00000000", false, "a3"));
  EXPECT_EQ(function_name(protocol_named("goose"), s.head.function, s.head.sub_function), "session management");
}

// 18.3
TEST_F(Goose, members_are_asked_for) {
  const Sentence q = says(ask);
  EXPECT_EQ(function_name(protocol_named("goose"), q.head.function, q.head.sub_function), "GetGOOSEElementNumber");
  EXPECT_EQ(q.head.role, Role::request);
  EXPECT_EQ(q.head.tag, 7u);
  EXPECT_EQ(q.text(q.head.station), "LD0/LLN0$GO$g1");
  EXPECT_EQ(q.text(point(q, "reference")->raw), "ds");
  const Sentence a = goose(Side::server, answer);
  EXPECT_EQ(a.head.role, Role::response);
  EXPECT_EQ(a.head.qualifier, 2u);
}

TEST_F(Goose, what_is_left_is_said_at_the_end) {
  Keeper keeper;
  Speaker say(keeper);
  Pool pool(1 << 20);
  Parser* parser = protocol_named("goose").open(pool);
  for (const std::string& f : {first, again}) parser->parse(hex(f), Side::client, say);
  parser->end(Side::server, say);
  EXPECT_EQ(keeper.sentences.size(), 1u);
  parser->end(Side::client, say);
  ASSERT_EQ(keeper.sentences.size(), 2u);
  EXPECT_EQ(number(keeper.sentences[1], "frames"), 2u);
  pool.unmake(parser);
}

}  // namespace
}  // namespace vidra
