// SPDX-License-Identifier: Apache-2.0
// IEC 60870-5-104 and -101, clause by clause. Where only the ASDU matters it is written alone and carried in an I frame
// with N(S) = 0 and N(R) = 0.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <limits>

#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

using enum Side;

// An I frame around an ASDU, as hexadecimal text that lives as long as the program.
std::string_view i_frame(std::string_view asdu) {
  static std::deque<std::string> kept;
  char head[24];
  std::snprintf(head, sizeof head, "68 %02zX 00 00 00 00 | ", hex(asdu).size() + 4);
  return kept.emplace_back(head + std::string(asdu));
}

// ---- Samples ------------------------------------------------------------------------------------------------------------

// Every type identification, from the side that says it: type, VSQ, cause, originator, common address | object address | element.
struct TypeSample { Side from; const char* asdu; };
const TypeSample of_each_type[] = {
    {server, "01 01 03 00 0A 00 | 64 00 00 | 01"},
    {server, "02 01 03 00 0A 00 | 64 00 00 | 01 | E8 03 1E"},
    {server, "03 01 03 00 0A 00 | 64 00 00 | 02"},
    {server, "04 01 03 00 0A 00 | 64 00 00 | 02 | E8 03 1E"},
    {server, "05 01 03 00 0A 00 | 64 00 00 | 7F 00"},
    {server, "06 01 03 00 0A 00 | 64 00 00 | 7F 00 | E8 03 1E"},
    {server, "07 01 03 00 0A 00 | 64 00 00 | 78 56 34 12 00"},
    {server, "08 01 03 00 0A 00 | 64 00 00 | 78 56 34 12 00 | E8 03 1E"},
    {server, "09 01 03 00 0A 00 | 64 00 00 | 00 40 00"},
    {server, "0A 01 03 00 0A 00 | 64 00 00 | 00 40 00 | E8 03 1E"},
    {server, "0B 01 03 00 0A 00 | 64 00 00 | D2 04 00"},
    {server, "0C 01 03 00 0A 00 | 64 00 00 | D2 04 00 | E8 03 1E"},
    {server, "0D 01 03 00 0A 00 | 64 00 00 | 00 00 48 42 00"},
    {server, "0E 01 03 00 0A 00 | 64 00 00 | 00 00 48 42 00 | E8 03 1E"},
    {server, "0F 01 03 00 0A 00 | 64 00 00 | 2A 00 00 00 05"},
    {server, "10 01 03 00 0A 00 | 64 00 00 | 2A 00 00 00 05 | E8 03 1E"},
    {server, "11 01 03 00 0A 00 | 64 00 00 | 02 | 64 00 | E8 03 1E"},
    {server, "12 01 03 00 0A 00 | 64 00 00 | 03 00 | 64 00 | E8 03 1E"},
    {server, "13 01 03 00 0A 00 | 64 00 00 | 03 00 | 64 00 | E8 03 1E"},
    {server, "14 01 03 00 0A 00 | 64 00 00 | 05 00 04 00 00"},
    {server, "15 01 03 00 0A 00 | 64 00 00 | 00 C0"},
    {server, "1E 01 03 00 0A 00 | 64 00 00 | 01 | E8 03 1E 0C 55 0B 1A"},
    {server, "1F 01 03 00 0A 00 | 64 00 00 | 02 | E8 03 1E 0C 55 0B 1A"},
    {server, "20 01 03 00 0A 00 | 64 00 00 | 7F 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "21 01 03 00 0A 00 | 64 00 00 | 78 56 34 12 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "22 01 03 00 0A 00 | 64 00 00 | 00 40 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "23 01 03 00 0A 00 | 64 00 00 | D2 04 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "24 01 03 00 0A 00 | 64 00 00 | 00 00 48 42 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "25 01 03 00 0A 00 | 64 00 00 | 2A 00 00 00 05 | E8 03 1E 0C 55 0B 1A"},
    {server, "26 01 03 00 0A 00 | 64 00 00 | 02 | 64 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "27 01 03 00 0A 00 | 64 00 00 | 03 00 | 64 00 | E8 03 1E 0C 55 0B 1A"},
    {server, "28 01 03 00 0A 00 | 64 00 00 | 03 00 | 64 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "2D 01 06 00 0A 00 | 64 00 00 | 81"},
    {client, "2E 01 06 00 0A 00 | 64 00 00 | 02"},
    {client, "2F 01 06 00 0A 00 | 64 00 00 | 01"},
    {client, "30 01 06 00 0A 00 | 64 00 00 | 00 40 00"},
    {client, "31 01 06 00 0A 00 | 64 00 00 | D2 04 00"},
    {client, "32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 00"},
    {client, "33 01 06 00 0A 00 | 64 00 00 | 78 56 34 12"},
    {client, "3A 01 06 00 0A 00 | 64 00 00 | 81 | E8 03 1E 0C 55 0B 1A"},
    {client, "3B 01 06 00 0A 00 | 64 00 00 | 02 | E8 03 1E 0C 55 0B 1A"},
    {client, "3C 01 06 00 0A 00 | 64 00 00 | 01 | E8 03 1E 0C 55 0B 1A"},
    {client, "3D 01 06 00 0A 00 | 64 00 00 | 00 40 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "3E 01 06 00 0A 00 | 64 00 00 | D2 04 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "3F 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "40 01 06 00 0A 00 | 64 00 00 | 78 56 34 12 | E8 03 1E 0C 55 0B 1A"},
    {server, "46 01 04 00 0A 00 | 00 00 00 | 02"},
    {client, "64 01 06 00 0A 00 | 00 00 00 | 14"},
    {client, "65 01 06 00 0A 00 | 00 00 00 | 05"},
    {client, "66 01 05 00 0A 00 | 64 00 00"},
    {client, "67 01 06 00 0A 00 | 00 00 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "68 01 06 00 0A 00 | 00 00 00 | AA 55"},
    {client, "69 01 06 00 0A 00 | 00 00 00 | 01"},
    {client, "6A 01 06 00 0A 00 | 00 00 00 | 64 00"},
    {client, "6B 01 06 00 0A 00 | 00 00 00 | 07 00 | E8 03 1E 0C 55 0B 1A"},
    {client, "6E 01 06 00 0A 00 | 64 00 00 | 00 40 01"},
    {client, "6F 01 06 00 0A 00 | 64 00 00 | D2 04 01"},
    {client, "70 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 01"},
    {client, "71 01 06 00 0A 00 | 64 00 00 | 03"},
    {client, "7A 01 0D 00 0A 00 | 64 00 00 | 02 00 00 01"},
    {server, "78 01 0D 00 0A 00 | 64 00 00 | 02 00 00 01 00 00"},
    {server, "79 01 0D 00 0A 00 | 64 00 00 | 02 00 01 80 00 00 00"},
    {server, "7D 01 0D 00 0A 00 | 64 00 00 | 02 00 01 04 DE AD BE EF"},
    {server, "7B 01 0D 00 0A 00 | 64 00 00 | 02 00 01 03 38"},
    {client, "7C 01 0D 00 0A 00 | 64 00 00 | 02 00 01 03"},
    {server, "7E 82 05 00 0A 00 | 64 00 00 | 02 00 00 01 00 00 E8 03 1E 0C 55 0B 1A | 03 00 80 00 00 20 E8 03 1E 0C 55 0B 1A"},
    {client, "7F 01 0D 00 0A 00 | 64 00 00 | 02 00 | E8 03 1E 0C 55 0B 1A | E8 03 1E 0D 55 0B 1A"},
};

// Types that are named and kept opaque: their octets have no length of their own.
const TypeSample of_opaque_types[] = {
    {server, "29 01 03 00 0A 00 | 01 00 00 | 02 00 2A 00 00 00 05 E8 03 1E 0C 55 0B 1A"},
    {server, "51 01 0E 00 0A 00 | 01 00 00 00 01 00 03 01 04 00 11 22 33 44"},
    {client, "52 01 0E 00 0A 00 | 01 00 00 00 01 00 04 00 AA BB CC DD"},
    {client, "53 01 0E 00 0A 00 | 2D 01 06 00 64 00 00 01 01 00 00 00 01 00"},
    {client, "54 01 0F 00 0A 00 | 01 00"},
    {server, "55 01 0F 00 0A 00 | 01 00 00 00 01 00 02 01 04 03 00"},
    {client, "56 01 0F 00 0A 00 | 01 00 00 00 01 00 04 00 11 22 33 44"},
    {server, "57 01 0E 00 0A 00 | 01 00 00 00 01 00 02 00"},
    {client, "5A 01 10 00 0A 00 | 01 02 03 04"},
    {client, "5B 01 10 00 0A 00 | 01 02 03 04"},
    {server, "5C 01 10 00 0A 00 | 01 02 03 04"},
    {client, "5D 01 10 00 0A 00 | 01 02 03 04"},
    {client, "5E 01 10 00 0A 00 | 01 02 03 04"},
    {server, "5F 01 10 00 0A 00 | 01 02 03 04"},
    {server, "C8 01 03 00 0A 00 | 64 00 00 | 01 02 03"},
};

const Enrol enrolled("iec104", {
    {"a link starts, lives and stops",
     {{client, "68 04 07 00 00 00"}, {server, "68 04 0B 00 00 00"},      // STARTDT
      {client, "68 04 43 00 00 00"}, {server, "68 04 83 00 00 00"},      // TESTFR
      {client, "68 04 01 00 0A 00"},                                     // S, N(R) = 5
      {client, "68 04 13 00 00 00"}, {server, "68 04 23 00 00 00"}}},    // STOPDT
    {"a standby link of a redundancy group", {{client, "68 04 43 00 00 00"}, {server, "68 04 83 00 00 00"}}},
    {"a station is interrogated",
     {{client, "68 04 07 00 00 00"}, {server, "68 04 0B 00 00 00"},
      {client, "68 0E 00 00 00 00 | 64 01 06 00 0A 00 | 00 00 00 | 14"},
      {server, "68 0E 00 00 02 00 | 64 01 07 00 0A 00 | 00 00 00 | 14"},
      {server, "68 16 02 00 02 00 | 01 03 14 00 0A 00 | 01 00 00 | 01 | 02 00 00 | 00 | 03 00 00 | 11"},
      {server, "68 13 04 00 02 00 | 0B 82 14 00 0A 00 | 64 00 00 | E8 03 00 | 18 FC 01"},
      {client, "68 04 01 00 06 00"},
      {server, "68 0E 06 00 02 00 | 64 01 0A 00 0A 00 | 00 00 00 | 14"}}},
    {"a breaker is selected, operated and moves",
     {{client, "68 0E 04 00 08 00 | 2E 01 06 05 0A 00 | 64 00 00 | 82"},
      {server, "68 0E 08 00 06 00 | 2E 01 07 05 0A 00 | 64 00 00 | 82"},
      {client, "68 0E 06 00 0A 00 | 2E 01 06 05 0A 00 | 64 00 00 | 02"},
      {server, "68 0E 0A 00 08 00 | 2E 01 07 05 0A 00 | 64 00 00 | 02"},
      {server, "68 15 0C 00 08 00 | 1F 01 0B 05 0A 00 | C8 00 00 | 02 | E8 03 1E 0C 55 0B 1A"},
      {server, "68 0E 0E 00 08 00 | 2E 01 0A 05 0A 00 | 64 00 00 | 02"}}},
    {"an unknown object is refused",
     {{client, "68 0E 00 00 00 00 | 2D 01 06 00 0A 00 | 39 30 00 | 01"}, {server, "68 0E 00 00 02 00 | 2D 01 6F 00 0A 00 | 39 30 00 | 01"}}},
    {"joined in the middle", {{server, "68 12 28 0C 06 00 | 0D 01 03 00 0A 00 | 64 00 00 | 00 00 48 42 00"}, {server, "68 12 2A 0C 06 00 | 0D 01 03 00 0A 00 | 64 00 00 | 00 00 49 42 00"}}},
    {"a length that its objects do not fill", {{server, "68 0F 00 00 00 00 | 01 01 03 00 0A 00 | 64 00 00 | 01 00"}}, Carrier::tcp, true},
    {"more objects than octets", {{server, "68 0E 00 00 00 00 | 01 7F 03 00 0A 00 | 64 00 00 | 01"}}, Carrier::tcp, true},
    {"a U frame with two functions", {{client, "68 04 47 00 00 00"}}, Carrier::tcp, true},
    {"an S frame with an ASDU", {{client, "68 0E 01 00 00 00 | 64 01 06 00 0A 00 | 00 00 00 | 14"}}, Carrier::tcp, true},
});

const bool each_type_enrolled = [] {
  for (const TypeSample& t : of_each_type) samples().push_back({"iec104", {"a type identification", {{t.from, i_frame(t.asdu)}}}});
  for (const TypeSample& t : of_opaque_types) samples().push_back({"iec104", {"an opaque type identification", {{t.from, i_frame(t.asdu)}}}});
  return true;
}();

// What an ASDU says, heard alone.
Sentence says(Side from, std::string_view asdu) {
  Heard heard("iec104");
  return heard(from, i_frame(asdu));
}
Sentence says(std::string_view asdu) { return says(server, asdu); }
Point point(std::string_view asdu) {
  const Sentence s = says(asdu);
  EXPECT_FALSE(s.head.malformed) << asdu;
  EXPECT_EQ(s.points.size(), 1u) << asdu;
  return s.points.empty() ? Point{} : s.points[0];
}
constexpr Object object(uint32_t address) { return Object(ObjectKind::information_object, address); }

constexpr uint32_t i = 0, s = 1, u = 2;   // Message::frame
// 2026-11-21 12:30:01.000: E8 03 (1000 ms) 1E (30 min) 0C (12 h) 55 (21st, day of week 2) 0B (November) 1A (26)
constexpr Time noon = 1795264201ll * second;

// ---- 104, 5: the APCI ---------------------------------------------------------------------------------------------------

TEST(Iec104, unnumbered_frames_control_the_link) {
  struct { const char* octets; uint16_t function; std::string_view name; Role role; } cases[] = {
      {"68 04 07 00 00 00", 0x07, "STARTDT act", Role::request}, {"68 04 0B 00 00 00", 0x0b, "STARTDT con", Role::response},
      {"68 04 13 00 00 00", 0x13, "STOPDT act", Role::request},  {"68 04 23 00 00 00", 0x23, "STOPDT con", Role::response},
      {"68 04 43 00 00 00", 0x43, "TESTFR act", Role::request},  {"68 04 83 00 00 00", 0x83, "TESTFR con", Role::response},
  };
  for (const auto& c : cases) {
    Heard heard("iec104");
    const Message m = heard(server, c.octets).head;                     // TESTFR and the role in it may come from either side
    EXPECT_EQ(m.function, c.function);
    EXPECT_EQ(function_name(protocol_named("iec104"), m.function, m.sub_function), c.name);
    EXPECT_EQ(m.role, c.role) << c.name;
    EXPECT_EQ(m.act, Act::session);
    EXPECT_EQ(m.frame, u);
    EXPECT_TRUE(m.link);
    EXPECT_FALSE(m.malformed);
  }
}

TEST(Iec104, supervisory_frames_acknowledge) {
  Heard heard("iec104");
  const Message m = heard(client, "68 04 01 00 | FE FF").head;           // N(R) = 32767
  EXPECT_EQ(m.frame, s);
  EXPECT_TRUE(m.link);
  EXPECT_EQ(m.sequence, 32767u);
  EXPECT_EQ(function_name(protocol_named("iec104"), m.function, m.sub_function), "S acknowledge");
}

TEST(Iec104, information_frames_are_numbered) {
  Heard heard("iec104");
  const Message m = heard(server, "68 0E | 06 01 | 0A 02 | 01 01 03 00 0A 00 | 64 00 00 | 01").head;
  EXPECT_EQ(m.frame, i);
  EXPECT_FALSE(m.link);
  EXPECT_EQ(m.sequence >> 16, 0x83u);                                   // N(S)
  EXPECT_EQ(m.sequence & 0xffff, 0x105u);                               // N(R)
  EXPECT_EQ(function_name(protocol_named("iec104"), m.function, m.sub_function), "M_SP_NA_1 single-point information");
}

TEST(Iec104, what_no_apci_may_hold_is_malformed) {
  for (const char* octets : {
           "68 04 47 00 00 00",                                          // STARTDT act and TESTFR act at once
           "68 04 03 00 00 00",                                          // no function
           "68 04 07 00 01 00",                                          // a U frame with a number
           "68 04 01 01 00 00",                                          // an S frame with N(S)
           "68 04 01 00 01 00",                                          // the lowest bit of N(R)
           "68 05 43 00 00 00 00",                                       // a U frame with something behind
           "68 0E 00 00 01 00 | 01 01 03 00 0A 00 | 64 00 00 | 01",      // an I frame: the lowest bit of N(R)
           "68 04 00 00 00 00",                                          // an I frame without an ASDU
           "68 0F 00 00 00 00 | 01 01 03 00 0A 00 | 64 00 00 | 01",      // longer than what there is
           "68 0D 00 00 00 00 | 01 01 03 00 0A 00 | 64 00 00 | 01",      // shorter
       }) {
    Heard heard("iec104");
    EXPECT_TRUE(heard(client, octets).head.malformed) << octets;
    EXPECT_EQ(heard.all.size(), 1u) << octets;
  }
}

// ---- 101, 7.2.2: variable structure qualifier ---------------------------------------------------------------------------

TEST(Iec104, objects_each_with_their_address) {
  const Sentence heard = says("01 03 14 00 0A 00 | 01 00 00 | 01 | 05 00 00 | 00 | 03 00 01 | 01");
  ASSERT_EQ(heard.points.size(), 3u);
  EXPECT_EQ(heard.points[0].object, object(1));
  EXPECT_EQ(heard.points[1].object, object(5));
  EXPECT_EQ(heard.points[2].object, object(0x010003));
  EXPECT_EQ(heard.points[1].raw, 0u);
}

TEST(Iec104, a_sequence_has_one_address) {
  const Sentence heard = says("0B 83 14 00 0A 00 | FF 00 00 | 01 00 00 | 02 00 00 | 03 00 00");
  ASSERT_EQ(heard.points.size(), 3u);
  for (unsigned n = 0; n < 3; n++) {
    EXPECT_EQ(heard.points[n].object, object(255 + n));
    EXPECT_EQ(int64_t(heard.points[n].raw), n + 1);
  }
}

TEST(Iec104, as_many_objects_as_an_asdu_holds) {
  std::string asdu = "01 FF 14 00 0A 00 | 01 00 00 |";
  for (int n = 0; n < 127; n++) asdu += n % 2 ? " 01" : " 00";
  const Sentence heard = says(asdu);
  EXPECT_FALSE(heard.head.malformed);
  ASSERT_EQ(heard.points.size(), 127u);
  EXPECT_EQ(heard.points[126].object, object(127));
}

TEST(Iec104, no_object_at_all_is_a_fact) {
  EXPECT_FALSE(says("01 00 03 00 0A 00").head.malformed);
  EXPECT_FALSE(says("01 80 03 00 0A 00 | 64 00 00").head.malformed);
  EXPECT_TRUE(says("01 00 03 00 0A 00 | 64 00 00 | 01").head.malformed);   // and then one
}

TEST(Iec104, a_number_of_objects_that_lies_is_malformed) {
  const Sentence few = says("01 03 14 00 0A 00 | 01 00 00 | 01 | 05 00 00 | 00");
  EXPECT_TRUE(few.head.malformed);
  EXPECT_EQ(few.points.size(), 2u);                                     // what was there is said
  const Sentence many = says("01 01 14 00 0A 00 | 01 00 00 | 01 | 05 00 00 | 00");
  EXPECT_TRUE(many.head.malformed);
  EXPECT_EQ(many.points.size(), 1u);
  const Sentence half = says("0D 02 14 00 0A 00 | 01 00 00 | 00 00 48 42 00 | 02 00 00 | 00 00");
  EXPECT_TRUE(half.head.malformed);
  EXPECT_EQ(half.points.size(), 1u);                                    // half an object is none
}

TEST(Iec104, a_sequence_does_not_run_past_the_last_address) {
  EXPECT_FALSE(says("01 82 14 00 0A 00 | FE FF FF | 01 | 01").head.malformed);
  EXPECT_TRUE(says("01 83 14 00 0A 00 | FE FF FF | 01 | 01 | 01").head.malformed);
}

// ---- 101, 7.2.3 and 7.2.4: cause, originator, common address -------------------------------------------------------------

TEST(Iec104, cause_test_bit_and_originator) {
  const Message m = says("01 01 83 07 34 12 | 64 00 00 | 01").head;      // cause 3, test
  EXPECT_EQ(m.reason, 3);
  EXPECT_TRUE(m.test);
  EXPECT_FALSE(m.refused);
  EXPECT_EQ(m.station, 0x1234u);
  EXPECT_TRUE(m.has_origin);
  EXPECT_EQ(m.origin, 7u);
  EXPECT_FALSE(says("01 01 03 00 34 12 | 64 00 00 | 01").head.has_origin);
  EXPECT_EQ(protocol_named("iec104").reason(3), "spontaneous");
  EXPECT_EQ(protocol_named("iec104").reason(47), "unknown information object address");
  EXPECT_EQ(protocol_named("iec104").reason(36), "interrogated by group 16 interrogation");
  EXPECT_EQ(protocol_named("iec104").reason(42), "");
}

TEST(Iec104, roles_follow_the_cause_not_the_side) {
  struct { const char* asdu; Role role; } cases[] = {
      {"2D 01 06 00 0A 00 | 64 00 00 | 01", Role::request},              // activation
      {"2D 01 08 00 0A 00 | 64 00 00 | 01", Role::request},              // deactivation
      {"2D 01 07 00 0A 00 | 64 00 00 | 01", Role::response},             // confirmation
      {"2D 01 09 00 0A 00 | 64 00 00 | 01", Role::response},
      {"2D 01 0A 00 0A 00 | 64 00 00 | 01", Role::response},             // termination
      {"2D 01 2F 00 0A 00 | 64 00 00 | 01", Role::response},             // unknown object
      {"66 01 05 00 0A 00 | 64 00 00", Role::request},                   // read
      {"0B 01 05 00 0A 00 | 64 00 00 | 01 00 00", Role::response},       // requested
      {"66 01 2F 00 0A 00 | 64 00 00", Role::response},
      {"01 01 01 00 0A 00 | 64 00 00 | 01", Role::report},               // cyclic
      {"01 01 02 00 0A 00 | 64 00 00 | 01", Role::report},
      {"01 01 03 00 0A 00 | 64 00 00 | 01", Role::report},
      {"46 01 04 00 0A 00 | 00 00 00 | 00", Role::report},               // initialized
      {"01 01 0B 00 0A 00 | 64 00 00 | 01", Role::report},               // return information
      {"01 01 0C 00 0A 00 | 64 00 00 | 01", Role::report},
      {"01 01 14 00 0A 00 | 64 00 00 | 01", Role::response},             // interrogated
      {"01 01 24 00 0A 00 | 64 00 00 | 01", Role::response},
      {"0F 01 25 00 0A 00 | 64 00 00 | 01 00 00 00 00", Role::response}, // counters requested
      {"0F 01 29 00 0A 00 | 64 00 00 | 01 00 00 00 00", Role::response},
  };
  for (const auto& c : cases)
    for (Side from : {client, server}) EXPECT_EQ(says(from, c.asdu).head.role, c.role) << c.asdu;
}

TEST(Iec104, refused_is_p_n_or_an_unknown_cause) {
  EXPECT_FALSE(says("2D 01 07 00 0A 00 | 64 00 00 | 01").head.refused);
  EXPECT_TRUE(says("2D 01 47 00 0A 00 | 64 00 00 | 01").head.refused);   // P/N
  for (const char* asdu : {"2D 01 2C 00 0A 00 | 64 00 00 | 01", "2D 01 2D 00 0A 00 | 64 00 00 | 01",
                           "2D 01 2E 00 0A 00 | 64 00 00 | 01", "2D 01 2F 00 0A 00 | 64 00 00 | 01"})
    EXPECT_TRUE(says(asdu).head.refused) << asdu;                        // 44 to 47, with P/N or without
}

TEST(Iec104, the_global_address_is_broadcast) {
  EXPECT_TRUE(says(client, "64 01 06 00 FF FF | 00 00 00 | 14").head.broadcast);
  EXPECT_FALSE(says(client, "64 01 06 00 FE FF | 00 00 00 | 14").head.broadcast);
}

// ---- 101, 7.2.6 and 7.3.1: what is monitored ----------------------------------------------------------------------------

TEST(Iec104, single_points) {
  const Point on = point("01 01 03 00 0A 00 | 64 00 00 | 01"), off = point("01 01 03 00 0A 00 | 64 00 00 | F0");
  EXPECT_EQ(on.kind, ValueKind::boolean);
  EXPECT_EQ(on.raw, 1u);
  EXPECT_EQ(on.quality, good);
  EXPECT_EQ(on.time_kind, TimeKind::none);
  EXPECT_EQ(off.raw, 0u);
  EXPECT_EQ(off.quality, uint32_t(blocked | substituted | not_topical | invalid));
}

TEST(Iec104, double_points) {
  for (unsigned v = 0; v < 4; v++) {
    char asdu[64];
    std::snprintf(asdu, sizeof asdu, "03 01 03 00 0A 00 | 64 00 00 | %02X", v | 0x80);
    const Point p = point(asdu);
    EXPECT_EQ(p.kind, ValueKind::double_point);
    EXPECT_EQ(p.raw, v);
    EXPECT_EQ(p.quality, uint32_t(invalid));
  }
}

TEST(Iec104, step_positions) {
  struct { const char* asdu; int64_t value; uint32_t quality; } cases[] = {
      {"05 01 03 00 0A 00 | 64 00 00 | 3F 00", 63, good},
      {"05 01 03 00 0A 00 | 64 00 00 | 40 00", -64, good},
      {"05 01 03 00 0A 00 | 64 00 00 | 7F 00", -1, good},
      {"05 01 03 00 0A 00 | 64 00 00 | 85 01", 5, transient | overflow},
  };
  for (const auto& c : cases) {
    const Point p = point(c.asdu);
    EXPECT_EQ(p.kind, ValueKind::integer);
    EXPECT_EQ(int64_t(p.raw), c.value) << c.asdu;
    EXPECT_EQ(p.quality, c.quality) << c.asdu;
  }
}

TEST(Iec104, bitstrings) {
  const Point p = point("07 01 03 00 0A 00 | 64 00 00 | 78 56 34 12 10");
  EXPECT_EQ(p.kind, ValueKind::bits);
  EXPECT_EQ(p.width, 32);
  EXPECT_EQ(p.raw, 0x12345678u);
  EXPECT_EQ(p.quality, uint32_t(blocked));
}

TEST(Iec104, measured_values) {
  const Point normalized = point("09 01 03 00 0A 00 | 64 00 00 | 00 40 00");
  EXPECT_EQ(normalized.kind, ValueKind::real);
  EXPECT_EQ(normalized.number(), 0.5);
  EXPECT_EQ(point("09 01 03 00 0A 00 | 64 00 00 | 00 80 01").number(), -1.0);
  EXPECT_EQ(point("09 01 03 00 0A 00 | 64 00 00 | 00 80 01").quality, uint32_t(overflow));
  EXPECT_EQ(point("15 01 03 00 0A 00 | 64 00 00 | 00 C0").number(), -0.5);   // without quality

  const Point scaled = point("0B 01 03 00 0A 00 | 64 00 00 | 2E FB 40");
  EXPECT_EQ(scaled.kind, ValueKind::integer);
  EXPECT_EQ(int64_t(scaled.raw), -1234);
  EXPECT_EQ(scaled.quality, uint32_t(not_topical));

  const Point real = point("0D 01 03 00 0A 00 | 64 00 00 | 00 00 48 42 20");
  EXPECT_EQ(real.kind, ValueKind::real);
  EXPECT_EQ(real.number(), 50.0);
  EXPECT_EQ(real.quality, uint32_t(substituted));
}

TEST(Iec104, a_float_that_is_no_number_is_said_as_it_is) {
  EXPECT_TRUE(std::isnan(point("0D 01 03 00 0A 00 | 64 00 00 | 00 00 C0 7F 00").number()));
  EXPECT_EQ(point("0D 01 03 00 0A 00 | 64 00 00 | 00 00 80 7F 00").number(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(says(client, "32 01 06 00 0A 00 | 64 00 00 | 00 00 C0 7F 00").points.at(0).number()));
}

TEST(Iec104, integrated_totals) {
  const Point p = point("0F 01 03 00 0A 00 | 64 00 00 | FE FF FF FF E5");
  EXPECT_EQ(p.kind, ValueKind::integer);
  EXPECT_EQ(int64_t(p.raw), -2);
  EXPECT_EQ(p.quality, uint32_t(counter_carry | counter_adjusted | invalid));
  EXPECT_EQ(p.qualifier, 5u);                                            // the reading's sequence number
}

TEST(Iec104, events_of_protection_equipment) {
  const Point event = point("11 01 03 00 0A 00 | 64 00 00 | 0A | 2C 01 | E8 03 1E");
  EXPECT_EQ(event.kind, ValueKind::double_point);
  EXPECT_EQ(event.raw, 2u);
  EXPECT_EQ(event.quality, uint32_t(elapsed_time_invalid));
  EXPECT_EQ(event.duration, 300u);                                       // elapsed, ms
  EXPECT_EQ(event.time_kind, TimeKind::in_hour);

  const Point start = point("27 01 03 00 0A 00 | 64 00 00 | 2B 80 | 64 00 | E8 03 1E 0C 55 0B 1A");
  EXPECT_EQ(start.kind, ValueKind::bits);
  EXPECT_EQ(start.width, 6);
  EXPECT_EQ(start.raw, 0b101011u);                                       // general, L1, L3, reverse
  EXPECT_EQ(start.quality, uint32_t(invalid));
  EXPECT_EQ(start.duration, 100u);                                       // relay duration
  EXPECT_EQ(start.time, noon);

  const Point output = point("28 01 03 00 0A 00 | 64 00 00 | 0F 00 | 32 00 | E8 03 1E 0C 55 0B 1A");
  EXPECT_EQ(output.width, 4);
  EXPECT_EQ(output.raw, 0b1111u);
  EXPECT_EQ(output.duration, 50u);                                       // relay operating time
}

TEST(Iec104, packed_single_points_and_their_changes) {
  const Point p = point("14 01 03 00 0A 00 | 64 00 00 | 05 80 04 00 00");
  EXPECT_EQ(p.kind, ValueKind::bits);
  EXPECT_EQ(p.width, 16);
  EXPECT_EQ(p.raw, 0x8005u);
  EXPECT_EQ(p.qualifier, 0x0004u);                                       // the third changed
}

TEST(Iec104, end_of_initialization) {
  const Message m = says("46 01 04 00 0A 00 | 00 00 00 | 82").head;
  EXPECT_EQ(m.act, Act::session);
  EXPECT_EQ(m.role, Role::report);
  EXPECT_EQ(m.qualifier, 0x82u);                                         // remote reset, after a change of parameters
}

// ---- 101, 7.2.6.18 and 7.2.6.19: time tags -------------------------------------------------------------------------------

TEST(Iec104, times_of_seven_octets) {
  struct { const char* tag; Time time; uint8_t flags; } cases[] = {
      {"E8 03 1E 0C 55 0B 1A", noon, 0},
      {"E8 03 1E 8C 55 0B 1A", noon, summer_time},
      {"E8 03 5E 0C 55 0B 1A", noon, time_substituted},
      {"E8 03 9E 0C 55 0B 1A", noon, time_invalid},
      {"5F EA 3B 17 1F 0C 63", 4102444799ll * second + 999 * millisecond, 0},   // the last one: 2099-12-31 23:59:59.999
      {"00 00 00 00 01 01 00", 946684800ll * second, 0},                 // the first: 2000-01-01
      {"00 00 00 00 1D 02 18", 1709164800ll * second, 0},                // 2024-02-29
      {"00 00 00 00 01 03 18", 1709251200ll * second, 0},                // and the day after
      {"00 00 00 00 1D 02 19", 0, time_invalid},                         // 2025 has none
      {"60 EA 1E 0C 15 0B 1A", 0, time_invalid},                         // 60,000 ms
      {"E8 03 3C 0C 15 0B 1A", 0, time_invalid},                         // minute 60
      {"E8 03 1E 18 15 0B 1A", 0, time_invalid},                         // hour 24
      {"E8 03 1E 0C 00 0B 1A", 0, time_invalid},                         // day 0
      {"E8 03 1E 0C 1F 0B 1A", 0, time_invalid},                         // November 31
      {"E8 03 1E 0C 15 00 1A", 0, time_invalid},                         // month 0
      {"E8 03 1E 0C 15 0D 1A", 0, time_invalid},                         // month 13
      {"E8 03 1E 0C 15 0F 64", 0, time_invalid},                         // year 100
      {"FF FF FF FF FF FF FF", 0, time_invalid | time_substituted | summer_time},
  };
  for (const auto& c : cases) {
    const Point p = point(std::string("1E 01 03 00 0A 00 | 64 00 00 | 01 | ") + c.tag);
    EXPECT_EQ(p.time_kind, TimeKind::full) << c.tag;
    EXPECT_EQ(p.time, c.time) << c.tag;
    EXPECT_EQ(p.time_flags, c.flags) << c.tag;
  }
}

TEST(Iec104, times_of_three_octets_are_within_an_hour) {
  const Point p = point("02 01 03 00 0A 00 | 64 00 00 | 01 | E8 03 DE");
  EXPECT_EQ(p.time_kind, TimeKind::in_hour);
  EXPECT_EQ(p.time, 30 * minute + second);
  EXPECT_EQ(p.time_flags, time_invalid | time_substituted);
  const Point bad = point("02 01 03 00 0A 00 | 64 00 00 | 01 | E8 03 3C");
  EXPECT_EQ(bad.time, 0);
  EXPECT_EQ(bad.time_flags, time_invalid);
}

// ---- 101, 7.3.2: commands ------------------------------------------------------------------------------------------------

TEST(Iec104, commands_select_or_operate) {
  struct { const char* asdu; Act act; ValueKind kind; double value; uint32_t qualifier; } cases[] = {
      {"2D 01 06 00 0A 00 | 64 00 00 | 81", Act::select, ValueKind::boolean, 1, 0},
      {"2D 01 06 00 0A 00 | 64 00 00 | 01", Act::operate, ValueKind::boolean, 1, 0},
      {"2D 01 06 00 0A 00 | 64 00 00 | 04", Act::operate, ValueKind::boolean, 0, 1},          // short pulse
      {"2E 01 06 00 0A 00 | 64 00 00 | 8A", Act::select, ValueKind::double_point, 2, 2},      // long pulse
      {"2E 01 06 00 0A 00 | 64 00 00 | 0D", Act::operate, ValueKind::double_point, 1, 3},     // persistent
      {"2F 01 06 00 0A 00 | 64 00 00 | 82", Act::select, ValueKind::step, 2, 0},              // higher
      {"2F 01 06 00 0A 00 | 64 00 00 | 01", Act::operate, ValueKind::step, 1, 0},             // lower
      {"30 01 06 00 0A 00 | 64 00 00 | 00 40 80", Act::select, ValueKind::real, 0.5, 0},
      {"31 01 06 00 0A 00 | 64 00 00 | 9C FF 05", Act::operate, ValueKind::integer, -100, 5},
      {"32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 80", Act::select, ValueKind::real, 50, 0},
      {"32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 00", Act::operate, ValueKind::real, 50, 0},
  };
  for (const auto& c : cases) {
    const Sentence heard = says(client, c.asdu);
    ASSERT_EQ(heard.points.size(), 1u) << c.asdu;
    EXPECT_EQ(heard.head.act, c.act) << c.asdu;
    EXPECT_EQ(heard.points[0].kind, c.kind) << c.asdu;
    EXPECT_EQ(heard.points[0].number(), c.value) << c.asdu;
    EXPECT_EQ(heard.points[0].qualifier, c.qualifier) << c.asdu;
    EXPECT_EQ(heard.points[0].object, object(100));
  }
  const Sentence bits = says(client, "33 01 06 00 0A 00 | 64 00 00 | 78 56 34 12");   // has no qualifier
  EXPECT_EQ(bits.head.act, Act::operate);
  EXPECT_EQ(bits.points.at(0).raw, 0x12345678u);
}

TEST(Iec104, a_deactivation_cancels) {
  EXPECT_EQ(says(client, "2D 01 08 00 0A 00 | 64 00 00 | 81").head.act, Act::cancel);
  EXPECT_EQ(says(server, "2D 01 09 00 0A 00 | 64 00 00 | 81").head.act, Act::cancel);
  EXPECT_EQ(says(client, "64 01 08 00 0A 00 | 00 00 00 | 14").head.act, Act::cancel);
}

TEST(Iec104, select_and_operate_have_one_digest) {
  const auto digest = [](const char* asdu) { return says(client, asdu).head.digest; };
  const uint64_t select = digest("2E 01 06 00 0A 00 | 64 00 00 | 82");
  EXPECT_NE(select, 0u);
  EXPECT_EQ(select, digest("2E 01 06 00 0A 00 | 64 00 00 | 02"));                            // execute
  EXPECT_EQ(select, digest("3B 01 06 00 0A 00 | 64 00 00 | 02 | E8 03 1E 0C 55 0B 1A"));     // with a time tag
  EXPECT_NE(select, digest("2E 01 06 00 0A 00 | 64 00 00 | 01"));                            // the other way
  EXPECT_NE(select, digest("2E 01 06 00 0A 00 | 65 00 00 | 02"));                            // another object
  EXPECT_NE(select, digest("2E 01 06 00 0A 00 | 64 00 00 | 06"));                            // another pulse
  EXPECT_EQ(digest("32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 80"), digest("32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 00"));
  EXPECT_NE(digest("32 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 00"), digest("32 01 06 00 0A 00 | 64 00 00 | 01 00 48 42 00"));
}

TEST(Iec104, activation_confirmation_and_termination_have_one_tag) {
  const auto tag = [](const char* asdu) { return says(client, asdu).head.tag; };
  const uint32_t activation = tag("2E 01 06 00 0A 00 | 64 00 00 | 02");
  EXPECT_EQ(activation, tag("2E 01 07 00 0A 00 | 64 00 00 | 02"));
  EXPECT_EQ(activation, tag("2E 01 0A 00 0A 00 | 64 00 00 | 02"));
  EXPECT_EQ(activation, tag("2E 01 6F 00 0A 00 | 64 00 00 | 02"));
  EXPECT_NE(activation, tag("2D 01 06 00 0A 00 | 64 00 00 | 00"));                           // another type
  EXPECT_NE(activation, tag("2E 01 06 00 0B 00 | 64 00 00 | 02"));                           // station
  EXPECT_NE(activation, tag("2E 01 06 00 0A 00 | 65 00 00 | 02"));                           // object
  EXPECT_EQ(tag("66 01 05 00 0A 00 | 64 00 00"), tag("0B 01 05 00 0A 00 | 64 00 00 | 01 00 00"));   // a read and its answer
}

TEST(Iec104, commands_with_time_tag) {
  const Sentence heard = says(client, "3A 01 06 00 0A 00 | 64 00 00 | 81 | E8 03 1E 8C 55 0B 1A");
  EXPECT_EQ(heard.head.act, Act::select);
  EXPECT_EQ(heard.points.at(0).time, noon);
  EXPECT_EQ(heard.points.at(0).time_flags, summer_time);
}

// ---- 101, 7.3.4 and 7.3.5: of the system, parameters ----------------------------------------------------------------------

TEST(Iec104, commands_of_the_system) {
  struct { const char* asdu; Act act; uint32_t qualifier; } cases[] = {
      {"64 01 06 00 0A 00 | 00 00 00 | 14", Act::read, 20},              // station interrogation
      {"64 01 06 00 0A 00 | 00 00 00 | 24", Act::read, 36},              // group 16
      {"65 01 06 00 0A 00 | 00 00 00 | 05", Act::read, 0x05},            // counters, general
      {"65 01 06 00 0A 00 | 00 00 00 | 45", Act::configure, 0x45},       // freeze without reset
      {"65 01 06 00 0A 00 | 00 00 00 | 85", Act::configure, 0x85},       // freeze with reset
      {"65 01 06 00 0A 00 | 00 00 00 | C5", Act::configure, 0xC5},       // reset
      {"66 01 05 00 0A 00 | 64 00 00", Act::read, 0},
      {"67 01 06 00 0A 00 | 00 00 00 | E8 03 1E 0C 55 0B 1A", Act::time, 0},
      {"68 01 06 00 0A 00 | 00 00 00 | AA 55", Act::diagnose, 0x55AA},   // the fixed pattern
      {"68 01 06 00 0A 00 | 00 00 00 | 00 00", Act::diagnose, 0},        // another one is a fact
      {"69 01 06 00 0A 00 | 00 00 00 | 01", Act::run, 1},                // reset process
      {"6A 01 06 00 0A 00 | 00 00 00 | 64 00", Act::time, 0},
      {"6B 01 06 00 0A 00 | 00 00 00 | 34 12 | E8 03 1E 0C 55 0B 1A", Act::diagnose, 0x1234},   // a free counter
      {"71 01 06 00 0A 00 | 64 00 00 | 03", Act::configure, 3},          // parameter activation
  };
  for (const auto& c : cases) {
    const Sentence heard = says(client, c.asdu);
    EXPECT_EQ(heard.head.act, c.act) << c.asdu;
    EXPECT_EQ(heard.head.qualifier, c.qualifier) << c.asdu;
    EXPECT_EQ(heard.head.role, Role::request) << c.asdu;
    EXPECT_FALSE(heard.head.malformed) << c.asdu;
  }
}

TEST(Iec104, a_clock_is_set_to_a_value) {
  const Point p = says(client, "67 01 06 00 0A 00 | 00 00 00 | E8 03 1E 0C 55 0B 1A").points.at(0);
  EXPECT_EQ(p.kind, ValueKind::time);
  EXPECT_EQ(Time(p.raw), noon);
  EXPECT_EQ(p.time_kind, TimeKind::full);
  EXPECT_EQ(says(client, "6A 01 06 00 0A 00 | 00 00 00 | 64 00").points.at(0).duration, 100u);
}

TEST(Iec104, parameters_of_measured_values) {
  const Sentence scaled = says(client, "6F 01 06 00 0A 00 | 64 00 00 | D2 04 43");
  EXPECT_EQ(scaled.head.act, Act::configure);
  EXPECT_EQ(int64_t(scaled.points.at(0).raw), 1234);
  EXPECT_EQ(scaled.points[0].qualifier, 0x43u);                          // low limit, changed locally
  EXPECT_EQ(scaled.head.qualifier, 0x43u);
  EXPECT_EQ(says(client, "6E 01 06 00 0A 00 | 64 00 00 | 00 40 01").points.at(0).number(), 0.5);
  EXPECT_EQ(says(client, "70 01 06 00 0A 00 | 64 00 00 | 00 00 48 42 01").points.at(0).number(), 50.0);
}

// ---- 101, 7.3.6 and 7.4.11: files -----------------------------------------------------------------------------------------

TEST(Iec104, a_file_is_fetched) {
  const Object file(ObjectKind::file, 2, 100);                           // file 2 at object address 100
  const Sentence call = says(client, "7A 01 0D 00 0A 00 | 64 00 00 | 02 00 00 01");
  EXPECT_EQ(call.head.act, Act::file);
  EXPECT_EQ(call.head.role, Role::request);
  EXPECT_EQ(call.head.qualifier, 1u);                                    // select file
  EXPECT_EQ(call.head.sub_function, 1u);
  EXPECT_EQ(says(client, "7A 01 0D 00 0A 00 | 64 00 00 | 02 00 00 04").head.sub_function, 4u);   // delete file
  EXPECT_EQ(says(client, "7A 01 0D 00 0A 00 | 64 00 00 | 02 00 00 96").head.sub_function, 6u);   // call section; above: why not
  EXPECT_EQ(call.points.at(0).object, file);

  const Sentence ready = says("78 01 0D 00 0A 00 | 64 00 00 | 02 00 00 01 00 00");
  EXPECT_EQ(ready.head.role, Role::response);
  EXPECT_EQ(ready.points.at(0).raw, 256u);                               // its length
  EXPECT_FALSE(ready.head.refused);
  EXPECT_TRUE(says("78 01 0D 00 0A 00 | 64 00 00 | 02 00 00 01 00 80").head.refused);

  const Sentence section = says("79 01 0D 00 0A 00 | 64 00 00 | 02 00 01 80 00 00 00");
  EXPECT_EQ(section.points.at(0).qualifier, 1u);                         // the section's name
  EXPECT_EQ(section.points[0].raw, 128u);
  EXPECT_TRUE(says("79 01 0D 00 0A 00 | 64 00 00 | 02 00 01 80 00 00 80").head.refused);   // not ready

  const Sentence segment = says("7D 01 0D 00 0A 00 | 64 00 00 | 02 00 01 04 DE AD BE EF");
  EXPECT_EQ(segment.points.at(0).object, file);
  EXPECT_EQ(segment.points[0].kind, ValueKind::octets);
  EXPECT_EQ(segment.points[0].raw, 4u);
  EXPECT_TRUE(segment.head.retained);
  EXPECT_TRUE(says("7D 01 0D 00 0A 00 | 64 00 00 | 02 00 01 05 DE AD BE EF").head.malformed);
  EXPECT_TRUE(says("7D 01 0D 00 0A 00 | 64 00 00 | 02 00 01 03 DE AD BE EF").head.malformed);

  const Sentence last = says("7B 01 0D 00 0A 00 | 64 00 00 | 02 00 01 03 38");
  EXPECT_EQ(last.head.qualifier, 3u);                                    // section transfer without deactivation
  EXPECT_EQ(last.points.at(0).raw, 0x38u);                               // checksum

  const Sentence ack = says(client, "7C 01 0D 00 0A 00 | 64 00 00 | 02 00 01 03");
  EXPECT_EQ(ack.head.qualifier, 3u);
  EXPECT_FALSE(ack.head.refused);
  EXPECT_TRUE(says(client, "7C 01 0D 00 0A 00 | 64 00 00 | 02 00 01 24").head.refused);   // section: checksum failed

  for (const Sentence& s_ : {ready, section, segment, last, ack}) EXPECT_EQ(s_.head.tag, call.head.tag);
}

TEST(Iec104, a_directory_lists_files) {
  const Sentence heard = says("7E 82 05 00 0A 00 | 64 00 00 | 02 00 00 01 00 00 E8 03 1E 0C 55 0B 1A | 03 00 80 00 00 20 E8 03 1E 0C 55 0B 1A");
  EXPECT_FALSE(heard.head.malformed);
  ASSERT_EQ(heard.points.size(), 2u);
  EXPECT_EQ(heard.points[0].object, Object(ObjectKind::file, 2, 100));
  EXPECT_EQ(heard.points[0].raw, 256u);
  EXPECT_EQ(heard.points[0].time, noon);
  EXPECT_EQ(heard.points[1].object, Object(ObjectKind::file, 3, 101));
  EXPECT_EQ(heard.points[1].raw, 128u);
  EXPECT_EQ(heard.points[1].qualifier, 0x20u);                           // the last of the directory
}

TEST(Iec104, an_archive_is_asked_for_from_a_time_until_another) {
  const Sentence heard = says(client, "7F 01 0D 00 0A 00 | 64 00 00 | 02 00 | E8 03 1E 0C 55 0B 1A | E8 03 1E 0D 55 0B 1A");
  ASSERT_EQ(heard.points.size(), 2u);
  EXPECT_EQ(heard.points[0].time, noon);
  EXPECT_EQ(heard.points[1].time, noon + hour);
  EXPECT_EQ(heard.points[1].object, heard.points[0].object);
}

// ---- What is not ours to read ----------------------------------------------------------------------------------------------

TEST(Iec104, secured_types_are_named_and_opaque) {
  for (const TypeSample& t : of_opaque_types) {
    const Sentence heard = says(t.from, t.asdu);
    EXPECT_FALSE(heard.head.malformed) << t.asdu;
    EXPECT_TRUE(heard.points.empty()) << t.asdu;
    EXPECT_EQ(heard.head.encrypted, heard.head.function < 128) << t.asdu;
    EXPECT_FALSE(function_name(protocol_named("iec104"), heard.head.function, 0).empty()) << t.asdu;
  }
}

TEST(Iec104, no_type_identification_is_malformed_for_its_number) {
  for (unsigned id = 1; id < 256; id++) {
    if (!function_name(protocol_named("iec104"), uint16_t(id), 0).empty() && id < 128 && id != 41 && (id < 81 || id > 95)) continue;
    char asdu[64];
    std::snprintf(asdu, sizeof asdu, "%02X 01 03 00 0A 00 | 64 00 00 | 01", id);
    EXPECT_FALSE(says(asdu).head.malformed) << id;
    EXPECT_EQ(says(asdu).head.function, id);
  }
}

// ---- Streams ---------------------------------------------------------------------------------------------------------------

struct Stream {
  Keeper keeper;
  Pool pool{1 << 20};
  Speaker say{keeper};
  Parser* parser = protocol_named("iec104").open(pool);
  Feed feed{*parser, say};
  ~Stream() { pool.unmake(parser); }
};

TEST(Iec104, records_follow_each_other_in_a_segment) {
  Stream stream;
  stream.feed.offer(server, hex("68 04 0B 00 00 00 | 68 0E 00 00 00 00 01 01 03 00 0A 00 64 00 00 01 | 68 04 83 00 00 00"));
  EXPECT_EQ(stream.keeper.sentences.size(), 3u);
}

TEST(Iec104, garbage_is_passed_over_to_the_next_record) {
  Stream stream;
  stream.feed.offer(server, hex("68 04 0B 00 00 00 | 00 68 FF 68 68 04 | 68 0E 00 00 00 00 01 01 03 00 0A 00 64 00 00 01 | 68 04 83 00 00 00"));
  ASSERT_EQ(stream.keeper.sentences.size(), 3u);
  EXPECT_EQ(stream.keeper.sentences[1].head.function, 1);
  EXPECT_EQ(stream.feed.losses, 1u);
  for (const Sentence& heard : stream.keeper.sentences) EXPECT_FALSE(heard.head.malformed);
}

TEST(Iec104, after_a_gap_it_begins_inside_a_record) {
  Stream stream;
  stream.feed.offer(server, hex("68 0E 00 00 00 00 01 01 03 00 0A 00 64 00 00 01"));
  stream.feed.gap(server, 4);
  stream.feed.offer(server, hex("00 68 00 00 01 | 68 0E 04 00 00 00 01 01 03 00 0A 00 68 04 00 01 | 68 0E 06 00 00 00 01 01 03 00 0A 00 64 00 00 00"));
  ASSERT_EQ(stream.keeper.sentences.size(), 3u);
  EXPECT_EQ(stream.keeper.sentences[1].points.at(0).object, object(0x0468));
  EXPECT_EQ(stream.keeper.sentences[2].head.sequence >> 16, 3u);
}

TEST(Iec104, a_malformed_record_does_not_end_the_conversation) {
  Stream stream;
  stream.feed.offer(server, hex("68 0F 00 00 00 00 01 01 03 00 0A 00 64 00 00 01 FF | 68 0E 02 00 00 00 01 01 03 00 0A 00 64 00 00 01"));
  ASSERT_EQ(stream.keeper.sentences.size(), 2u);
  EXPECT_TRUE(stream.keeper.sentences[0].head.malformed);
  EXPECT_FALSE(stream.keeper.sentences[1].head.malformed);
}

// ---- Recognition -----------------------------------------------------------------------------------------------------------

Recognised recognised(std::string_view up, std::string_view down = {}) {
  return protocol_named("iec104").recognises(hex(up), hex(down), Carrier::tcp);
}

TEST(Iec104, startdt_tells_who_is_who) {
  const Recognised opener = recognised("68 04 07 00 00 00", "68 04 0B 00 00 00");
  EXPECT_EQ(opener.sure, Recognised::yes);
  EXPECT_EQ(opener.client, Recognised::up);
  EXPECT_EQ(recognised("68 04 0B 00 00 00", "68 04 07 00 00 00").client, Recognised::down);   // the station called
  EXPECT_EQ(recognised("", "68 04 07 00 00 00").client, Recognised::down);
  EXPECT_EQ(recognised("68 04 43 00 00 00", "68 04 83 00 00 00").sure, Recognised::yes);      // a standby link:
  EXPECT_EQ(recognised("68 04 43 00 00 00", "68 04 83 00 00 00").client, Recognised::unknown);   // nobody says who
}

TEST(Iec104, from_the_middle_the_types_tell) {
  const char* values = "68 12 28 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 48 42 00 | 68 12 2A 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 49 42 00";
  EXPECT_EQ(recognised(values).sure, Recognised::yes);
  EXPECT_EQ(recognised(values).client, Recognised::down);                // who measures is the server
  EXPECT_EQ(recognised("", values).client, Recognised::up);
  EXPECT_EQ(recognised("68 0E 00 00 00 00 2D 01 06 00 0A 00 64 00 00 01", "68 04 01 00 02 00").client, Recognised::up);
  // One measured value, alone: it fits, but so might something else.
  EXPECT_EQ(recognised("68 12 28 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 48 42 00").sure, Recognised::maybe);
  // The first octets heard are the end of a record.
  EXPECT_EQ(recognised("48 42 00 | 68 12 28 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 48 42 00 | 68 12 2A 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 49 42 00"
                       "| 68 12 2C 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00 49 42 00").sure, Recognised::yes);
}

TEST(Iec104, a_chain_of_lengths_is_enough_where_it_is_expected) {
  EXPECT_EQ(recognised("68 05 07 00 00 00 00").sure, Recognised::maybe);                           // a STARTDT of five octets
  EXPECT_EQ(recognised("68 0F 28 0C 06 00 0D 01 03 00 0A 00 64 00 00 00 00").sure, Recognised::maybe);   // objects do not fill it
}

TEST(Iec104, what_only_begins_alike_is_not_it) {
  EXPECT_EQ(recognised("68 09 09 68 53 01 64 01 06 01 00 00 14 D4 16").sure, Recognised::no);      // FT1.2: IEC 101 over a serial server
  EXPECT_EQ(recognised("68 03 03 68 53 FE 50 A1 16").sure, Recognised::no);                        // M-Bus
  EXPECT_EQ(recognised("68 65 6C 6C 6F 20 77 6F 72 6C 64").sure, Recognised::no);                  // "hello world"
  EXPECT_EQ(recognised("68 04 07 00 00 01 02").sure, Recognised::no);
  EXPECT_EQ(protocol_named("iec104").recognises(hex("68 04 07 00 00 00"), {}, Carrier::udp).sure, Recognised::no);
}

}  // namespace
}  // namespace vidra
