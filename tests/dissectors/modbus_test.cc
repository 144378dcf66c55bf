// SPDX-License-Identifier: Apache-2.0
// MODBUS Application Protocol V1.1b3; the clause numbers are its.
#include <gtest/gtest.h>

#include "dissectors/crc.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side client = Side::client, server = Side::server;

//                                          | tx id | proto | length | unit | fn | data …
const Enrol enrolled("modbus", {
    {"coils are read (6.1)", {{client, "0001 0000 0006 11 01 0013 0013"}, {server, "0001 0000 0006 11 01 03 CD6B05"}}},
    {"discrete inputs are read (6.2)", {{client, "0002 0000 0006 11 02 00C4 0016"}, {server, "0002 0000 0006 11 02 03 ACDB35"}}},
    {"holding registers are read (6.3)", {{client, "0003 0000 0006 11 03 006B 0003"}, {server, "0003 0000 0009 11 03 06 022B00000064"}}},
    {"input registers are read (6.4)", {{client, "0004 0000 0006 11 04 0008 0001"}, {server, "0004 0000 0005 11 04 02 000A"}}},
    {"a coil is written (6.5)", {{client, "0005 0000 0006 11 05 00AC FF00"}, {server, "0005 0000 0006 11 05 00AC FF00"}}},
    {"a register is written (6.6)", {{client, "0006 0000 0006 11 06 0001 0003"}, {server, "0006 0000 0006 11 06 0001 0003"}}},
    {"the exception status is read (6.7)", {{client, "0007 0000 0002 11 07"}, {server, "0007 0000 0003 11 07 6D"}}},
    {"counters are asked for and cleared (6.8)",
     {{client, "0008 0000 0006 11 08 000B 0000"}, {server, "0008 0000 0006 11 08 000B 0102"}, {client, "0009 0000 0006 11 08 000A 0000"}, {server, "0009 0000 0006 11 08 000A 0000"},
      {client, "0009 0000 0006 11 08 0002 0000"}, {server, "0009 0000 0006 11 08 0002 0040"}}},
    {"communications are restarted, then silenced (6.8)", {{client, "000A 0000 0006 11 08 0001 FF00"}, {server, "000A 0000 0006 11 08 0001 FF00"}, {client, "000B 0000 0006 11 08 0004 0000"}}},
    {"the comm event counter is read (6.9)", {{client, "000C 0000 0002 11 0B"}, {server, "000C 0000 0006 11 0B FFFF 0108"}}},
    {"the comm event log is read (6.10)", {{client, "000D 0000 0002 11 0C"}, {server, "000D 0000 000B 11 0C 08 0000 0108 0121 2000"}}},
    {"coils are written (6.11)", {{client, "000E 0000 0009 11 0F 0013 000A 02 CD01"}, {server, "000E 0000 0006 11 0F 0013 000A"}}},
    {"registers are written (6.12)", {{client, "000F 0000 000B 11 10 0001 0002 04 000A0102"}, {server, "000F 0000 0006 11 10 0001 0002"}}},
    {"the server says who it is (6.13)", {{client, "0010 0000 0002 11 11"}, {server, "0010 0000 000C 11 11 09 B4FF 4C4D42332E31 00"}}},
    {"file records are read (6.14)", {{client, "0011 0000 0011 11 14 0E 06 0004 0001 0002 06 0003 0009 0002"}, {server, "0011 0000 000F 11 14 0C 05 06 0DFE0020 05 06 33CD0040"}}},
    {"a file record is written (6.15)", {{client, "0012 0000 0010 11 15 0D 06 0004 0007 0003 06AF 04BE 100D"}, {server, "0012 0000 0010 11 15 0D 06 0004 0007 0003 06AF 04BE 100D"}}},
    {"a register is masked (6.16)", {{client, "0013 0000 0008 11 16 0004 00F2 0025"}, {server, "0013 0000 0008 11 16 0004 00F2 0025"}}},
    {"registers are read and written (6.17)", {{client, "0014 0000 000F 11 17 0003 0002 000E 0002 04 00FF00FF"}, {server, "0014 0000 0007 11 17 04 00FE0ACD"}}},
    {"a FIFO queue is read (6.18)", {{client, "0015 0000 0004 11 18 04DE"}, {server, "0015 0000 000A 11 18 0006 0002 01B8 1284"}}},
    {"a device is identified (6.21)",
     {{client, "0016 0000 0005 11 2B 0E 01 00"}, {server, "0016 0000 001A 11 2B 0E 01 01 00 00 03 00 04 41636D65 01 03 52542D 02 05 56322E3131"}}},
    {"CANopen passes through (6.20)", {{client, "0017 0000 0006 11 2B 0D 000102"}, {server, "0017 0000 0005 11 2B 0D 0001"}}, Carrier::tcp, false, true},
    {"query data returns (6.8)", {{client, "0018 0000 0006 11 08 0000 A537"}, {server, "0018 0000 0006 11 08 0000 A537"}}, Carrier::tcp, false, true},
    {"an address is refused (7)", {{client, "0019 0000 0006 11 01 04A1 0001"}, {server, "0019 0000 0003 11 81 02"}}},
    {"a PLC is stopped by UMAS", {{client, "001A 0000 0006 00 5A 12 41 FF00"}, {server, "001A 0000 0004 00 5A 12 FE"}}, Carrier::tcp, false, true},
    {"UMAS is refused", {{client, "001B 0000 0004 00 5A 12 40"}, {server, "001B 0000 0006 00 5A 12 FD 8381"}}, Carrier::tcp, false, true},
    {"a memory block is read by UMAS", {{client, "001C 0000 000D 00 5A 00 20 00 1300 00000000 6400"}, {server, "001C 0000 0006 00 5A 00 FE 0102"}}, Carrier::tcp, false, true},
    {"variables are read and written by UMAS",
     {{client, "001C 0000 0010 00 5A 12 22 11223344 01 02 3300 01 0100 10"}, {server, "001C 0000 0006 00 5A 12 FE 0102"}, {client, "001D 0000 0012 00 5A 12 23 11223344 01 02 3300 0100 1000 3412"},
      {server, "001D 0000 0004 00 5A 12 FE"}}, Carrier::tcp, false, true},
    {"a PLC is reserved by UMAS", {{client, "001C 0000 000D 00 5A 00 10 00000000 04 4C415031"}, {server, "001C 0000 0005 00 5A 00 FE 25"}}, Carrier::tcp, false, true},
    {"a PLC says who it is by UMAS",
     {{client, "001D 0000 0004 00 5A 00 02"}, {server, "001D 0000 0020 00 5A 00 FE 10FF5A010100000070020000270009000800 00000000 05 3134302031"}}, Carrier::tcp, false, true},
    {"Modbus in a datagram", {{client, "0001 0000 0006 11 03 006B 0001"}, {server, "0001 0000 0005 11 03 02 022B"}}, Carrier::udp},
    //                                    | unit | fn | data … | CRC
    {"registers are read over RTU", {{client, "11 03 006B 0003 7687"}, {server, "11 03 06 AE4156524340 49AD"}}},
    {"registers at 0 over RTU look like a TCP header", {{client, "01 03 0000 0006 C5C8"}, {server, "01 03 0C 000100020003000400050006 DC2F"}}},
    {"coils are written over RTU", {{client, "11 0F 0013 000A 02 CD01 BF0B"}, {server, "11 0F 0013 000A 2699"}}},
    {"a quantity out of range", {{client, "0030 0000 0006 11 03 0000 007E"}, {server, "0030 0000 0003 11 83 03"}}, Carrier::tcp, true},
    {"another protocol identifier", {{client, "0031 0001 0006 11 03 0000 0001"}}, Carrier::tcp, true},
    {"a length of one", {{client, "0032 0000 0001 11"}}, Carrier::tcp, true},
    {"function 0", {{client, "0033 0000 0002 11 00"}}, Carrier::tcp, true},
});

struct Modbus : testing::Test {
  Heard heard{"modbus"};
  Sentence ask(std::string_view octets) { return heard(client, octets); }
  Sentence answer(std::string_view octets) { return heard(server, octets); }
};

std::string shown(const Sentence& s) {   // "holding register 107=555 holding register 108=0"
  std::string out;
  for (const Point& p : s.points) {
    char a[160], b[160];
    std::string value(describe_value(p, Texts{}, b));
    if (p.kind == ValueKind::text) value = s.text(p.raw);
    if (!out.empty()) out += ' ';
    out += describe_object(p.object, Texts{}, a);
    if (p.count != 1) out += " x" + std::to_string(p.count);
    if (p.kind != ValueKind::none) out += "=" + value;
  }
  return out;
}

TEST_F(Modbus, values_carry_the_addresses_that_were_asked) {
  const Sentence q = ask("0003 0000 0006 11 03 006B 0003");
  EXPECT_EQ(q.head.role, Role::request);
  EXPECT_EQ(q.head.act, Act::read);
  EXPECT_EQ(q.head.station, 0x11u);
  EXPECT_EQ(q.head.tag, 3u);
  EXPECT_EQ(shown(q), "holding register 107 x3");
  const Sentence a = answer("0003 0000 0009 11 03 06 022B00000064");
  EXPECT_EQ(a.head.role, Role::response);
  EXPECT_FALSE(a.head.unpaired);
  EXPECT_EQ(shown(a), "holding register 107=555 holding register 108=0 holding register 109=100");
}

TEST_F(Modbus, what_each_function_says) {
  struct { const char *question, *says, *answer, *answers; Act act; } cases[] = {
      {"0001 0000 0006 11 01 0013 000A", "coil 19 x10", "0001 0000 0005 11 01 02 CD02",
       "coil 19=on coil 20=off coil 21=on coil 22=on coil 23=off coil 24=off coil 25=on coil 26=on coil 27=off coil 28=on", Act::read},
      {"0001 0000 0006 11 02 00C4 0003", "discrete input 196 x3", "0001 0000 0004 11 02 01 05", "discrete input 196=on discrete input 197=off discrete input 198=on", Act::read},
      {"0001 0000 0006 11 04 0008 0001", "input register 8", "0001 0000 0005 11 04 02 000A", "input register 8=10", Act::read},
      {"0001 0000 0006 11 05 00AC FF00", "coil 172=on", "0001 0000 0006 11 05 00AC FF00", "coil 172=on", Act::write},
      {"0001 0000 0006 11 06 0001 0003", "holding register 1=3", "0001 0000 0006 11 06 0001 0003", "holding register 1=3", Act::write},
      {"0001 0000 0002 11 07", "", "0001 0000 0003 11 07 6D", "=0x6d", Act::diagnose},
      {"0001 0000 0006 11 08 000B 0000", "", "0001 0000 0006 11 08 000B 0102", "=258", Act::diagnose},
      {"0001 0000 0006 11 08 0001 FF00", "=on", "0001 0000 0006 11 08 0001 FF00", "=on", Act::run},
      {"0001 0000 0002 11 0B", "", "0001 0000 0006 11 0B FFFF 0108", "=264", Act::diagnose},
      {"0001 0000 0002 11 0C", "", "0001 0000 000B 11 0C 08 0000 0108 0121 2000", "=264 =289 =2 octets", Act::diagnose},
      {"0001 0000 0008 11 0F 0013 0003 01 05", "coil 19=on coil 20=off coil 21=on", "0001 0000 0006 11 0F 0013 0003", "coil 19 x3", Act::write},
      {"0001 0000 000B 11 10 0001 0002 04 000A0102", "holding register 1=10 holding register 2=258", "0001 0000 0006 11 10 0001 0002", "holding register 1 x2", Act::write},
      {"0001 0000 000A 11 14 07 06 0004 0001 0002", "file record 4.1 x2", "0001 0000 0009 11 14 06 05 06 0DFE0020", "file record 4.1=3582 file record 4.2=32", Act::read},
      {"0001 0000 000C 11 15 09 06 0004 0007 0001 06AF", "file record 4.7=1711", "0001 0000 000C 11 15 09 06 0004 0007 0001 06AF", "file record 4.7=1711", Act::write},
      {"0001 0000 0008 11 16 0004 00F2 0025", "holding register 4=0x5", "0001 0000 0008 11 16 0004 00F2 0025", "holding register 4=0x5", Act::write},
      {"0001 0000 000D 11 17 0003 0002 000E 0001 02 00FF", "holding register 3 x2 holding register 14=255", "0001 0000 0007 11 17 04 00FE0ACD",
       "holding register 3=254 holding register 4=2765", Act::write},
      {"0001 0000 0004 11 18 04DE", "FIFO queue 1246", "0001 0000 000A 11 18 0006 0002 01B8 1284", "FIFO queue 1246=440 FIFO queue 1.1246=4740", Act::read},
      {"0001 0000 0005 11 2B 0E 04 01", "identification 1", "0001 0000 000D 11 2B 0E 04 81 00 00 01 01 03 52542D", "identification 1=RT-", Act::identify},
      {"0001 0000 0006 11 2B 0D 000102", "=3 octets", "0001 0000 0005 11 2B 0D 0001", "=2 octets", Act::other},
      {"0001 0000 0004 11 41 0102", "=2 octets", "0001 0000 0003 11 41 01", "=1 octets", Act::other},
      {"0001 0000 000D 00 5A 00 20 00 1300 00000000 6400", "memory area 19.0 x100", "0001 0000 0006 00 5A 00 FE 0102", "=2 octets", Act::read},
      {"0001 0000 0006 00 5A 12 41 FF00", "=2 octets", "0001 0000 0004 00 5A 12 FE", "", Act::run},
  };
  for (const auto& c : cases) {
    const Sentence q = ask(c.question), a = answer(c.answer);
    EXPECT_EQ(shown(q), c.says) << c.question;
    EXPECT_EQ(shown(a), c.answers) << c.answer;
    EXPECT_EQ(q.head.act, c.act) << c.question;
    EXPECT_EQ(a.head.act, c.act) << c.answer;
    EXPECT_FALSE(q.head.malformed || a.head.malformed || a.head.unpaired || a.head.refused) << c.question;
    if (c.act == Act::write) { EXPECT_TRUE(q.head.digest != 0 && q.head.digest == a.head.digest) << c.question; }
  }
}

TEST_F(Modbus, umas_variables_have_their_places) {
  EXPECT_EQ(shown(ask("0001 0000 0010 00 5A 12 22 11223344 01 02 3300 01 0100 10")), "memory area 51.272");
  const Sentence write = ask("0001 0000 0012 00 5A 12 23 11223344 01 02 3300 0100 1000 3412");
  EXPECT_EQ(write.head.act, Act::write);
  EXPECT_EQ(shown(write), "memory area 51.272=0x1234");
  EXPECT_EQ(shown(ask("0001 0000 0012 00 5A 12 23 11223344 02 02 3300 0100 1000 3412")), "=14 octets");   // does not come out even
  const Sentence owner = ask("0001 0000 000D 00 5A 00 10 00000000 04 4C415031");
  EXPECT_EQ(owner.head.act, Act::session);
  EXPECT_EQ(owner.text(owner.points.at(0).raw), "LAP1");
}

TEST_F(Modbus, a_mask_keeps_both_its_words) {
  EXPECT_EQ(ask("0001 0000 0008 11 16 0004 00F2 0025").points.at(0).qualifier, 0x00F20025u);
}

TEST_F(Modbus, a_digest_tells_values_apart) {
  EXPECT_NE(ask("0001 0000 0006 11 06 0001 0003").head.digest, ask("0002 0000 0006 11 06 0001 0004").head.digest);
  EXPECT_EQ(ask("0003 0000 0006 11 06 0001 0003").head.digest, ask("0004 0000 0006 12 06 0001 0003").head.digest);
}

TEST_F(Modbus, exceptions_name_what_was_asked_and_why_not) {
  ask("0019 0000 0006 11 01 04A1 0003");
  const Sentence a = answer("0019 0000 0003 11 81 02");
  EXPECT_TRUE(a.head.refused);
  EXPECT_FALSE(a.head.malformed || a.head.unpaired);
  EXPECT_EQ(a.head.function, 1);
  EXPECT_EQ(a.head.act, Act::read);
  EXPECT_EQ(a.head.reason, 2);
  EXPECT_EQ(protocol_named("modbus").reason(2), "illegal data address");
  EXPECT_EQ(shown(a), "coil 1185 x3");
  ask("001A 0000 0006 11 08 0004 0000");
  const Sentence refused = answer("001A 0000 0003 11 88 01");
  EXPECT_EQ(refused.head.sub_function, 4);
  EXPECT_EQ(refused.head.act, Act::run);
}

TEST_F(Modbus, an_answer_nobody_asked_for_has_no_addresses) {
  const Sentence a = answer("0003 0000 0009 11 03 06 022B00000064");
  EXPECT_TRUE(a.head.unpaired);
  EXPECT_EQ(shown(a), "=6 octets");
  EXPECT_EQ(a.points.at(0).object, Object{});
  struct { const char *question, *answer, *why; } strangers[] = {
      {"0001 0000 0006 11 03 006B 0001", "0002 0000 0005 11 03 02 0001", "another transaction"},
      {"0001 0000 0006 11 03 006B 0001", "0001 0000 0005 12 03 02 0001", "another unit"},
      {"0001 0000 0006 11 03 006B 0001", "0001 0000 0005 11 04 02 0001", "another function"},
      {"0001 0000 0006 11 03 006B 0001", "0001 0000 0007 11 03 04 00010002", "another quantity"},
      {"0001 0000 0006 11 06 0001 0003", "0001 0000 0006 11 06 0001 0004", "another value"},
      {"0001 0000 000B 11 10 0001 0002 04 000A0102", "0001 0000 0006 11 10 0001 0001", "fewer registers"},
  };
  for (const auto& s : strangers) {
    Heard apart("modbus");
    apart(client, s.question);
    const Sentence answer = apart(server, s.answer);
    EXPECT_TRUE(answer.head.unpaired) << s.why;
    EXPECT_FALSE(answer.head.malformed) << s.why;
  }
}

TEST_F(Modbus, an_answer_is_used_once) {
  ask("0001 0000 0006 11 03 006B 0001");
  EXPECT_FALSE(answer("0001 0000 0005 11 03 02 0001").head.unpaired);
  EXPECT_TRUE(answer("0001 0000 0005 11 03 02 0001").head.unpaired);
}

TEST_F(Modbus, one_transaction_identifier_for_ever_in_order) {
  ask("0000 0000 0006 11 03 0064 0001");
  ask("0000 0000 0006 11 03 00C8 0001");   // sent before the first is answered
  EXPECT_EQ(shown(answer("0000 0000 0005 11 03 02 0001")), "holding register 100=1");
  EXPECT_EQ(shown(answer("0000 0000 0005 11 03 02 0002")), "holding register 200=2");
}

TEST_F(Modbus, a_question_given_up_does_not_take_the_next_ones_answer) {
  heard.say.time = 10 * second;
  ask("0000 0000 0006 11 03 0064 0001");   // never answered
  heard.say.time = 12 * second;
  ask("0000 0000 0006 11 03 00C8 0001");
  EXPECT_EQ(shown(answer("0000 0000 0005 11 03 02 0002")), "holding register 200=2");
  heard.say.time = 13 * second;            // a gateway's late answer finds its question
  EXPECT_EQ(shown(answer("0000 0000 0005 11 03 02 0001")), "holding register 100=1");
  heard.say.time = 14 * second;
  ask("0000 0000 0006 11 03 0064 0001");
  heard.say.time = 14 * second + minute + 1;
  EXPECT_TRUE(answer("0000 0000 0005 11 03 02 0001").head.unpaired) << "older than a minute";
}

TEST_F(Modbus, questions_are_bounded) {
  for (unsigned i = 0; i < 100; i++) {
    char q[64];
    std::snprintf(q, sizeof q, "%04x 0000 0006 11 03 %04x 0001", i, i);
    ask(q);
  }
  EXPECT_TRUE(answer("0000 0000 0005 11 03 02 0001").head.unpaired);
  EXPECT_EQ(shown(answer("0063 0000 0005 11 03 02 0001")), "holding register 99=1");
}

TEST_F(Modbus, two_thousand_coils) {
  ask("0001 0000 0006 11 01 0000 07D0");
  std::string a = "0001 0000 00FD 11 01 FA";
  for (int i = 0; i < 250; i++) a += " 55";
  const Sentence s = answer(a);
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
  ASSERT_EQ(s.points.size(), 2000u);
  EXPECT_EQ(s.points.back().object, Object(ObjectKind::coil, 1999));
  EXPECT_FALSE(s.points.back().raw);
  EXPECT_TRUE(s.points[1998].raw);
}

TEST_F(Modbus, broken_rules_are_a_fact_of_the_message) {
  const char* broken[] = {
      "0001 0001 0006 11 03 0000 0001",            // another protocol
      "0001 0000 0000", "0001 0000 0001 11",       // nothing in it
      "0001 0000 0002 11 00",                      // function 0
      "0001 0000 0006 11 83 0000 0001",            // a refusal that asks
      "0001 0000 0006 11 01 0000 07D1", "0001 0000 0006 11 03 0000 0000", "0001 0000 0006 11 03 0000 007E",
      "0001 0000 0006 11 03 FFFF 0002",            // past the last register
      "0001 0000 0006 11 05 0000 0001",            // neither on nor off
      "0001 0000 0007 11 06 0000 0001 00",         // an octet too many
      "0001 0000 000B 11 10 0001 0003 04 000A0102",  // three registers in four octets
      "0001 0000 000B 11 10 0001 0002 06 000A0102",  // a count past the end
      "0001 0000 0006 11 08 000A 0001",            // 6.8: data of a counter is 0
      "0001 0000 0005 11 2B 0E 05 00",
      "0001 0000 000A 11 14 07 07 0004 0001 0002", // reference type 7
      "0001 0000 0009 11 03 0000 0001",            // shorter than it says
  };
  for (const char* octets : broken) EXPECT_TRUE(ask(octets).head.malformed) << octets;
  const char* answers[] = {"0001 0000 0004 11 03 01 00", "0001 0000 0003 11 03 00", "0001 0000 0002 11 83", "0001 0000 0006 11 03 02 0000 00"};
  for (const char* octets : answers) EXPECT_TRUE(answer(octets).head.malformed) << octets;
}

TEST_F(Modbus, an_unknown_sub_function_has_its_answer_too) {
  EXPECT_EQ(ask("0001 0000 0006 11 08 0141 0000").head.sub_function, 0x141);
  EXPECT_FALSE(answer("0001 0000 0006 11 08 0141 0000").head.unpaired);
}

TEST_F(Modbus, a_broken_question_still_has_its_answer) {
  ask("0001 0000 0006 11 03 0000 007E");
  EXPECT_FALSE(answer("0001 0000 0003 11 83 03").head.unpaired);
}

TEST_F(Modbus, unknown_functions_are_named_by_number_not_malformed) {
  const Sentence q = ask("0001 0000 0004 11 64 0102");
  EXPECT_EQ(q.head.function, 100);
  EXPECT_FALSE(q.head.malformed);
  EXPECT_EQ(function_name(protocol_named("modbus"), 100, 0), "");
  EXPECT_EQ(function_name(protocol_named("modbus"), 8, 4), "force listen only mode");
  EXPECT_EQ(function_name(protocol_named("modbus"), 8, 99), "diagnostics");
}

TEST_F(Modbus, a_device_says_who_it_is) {
  ask("0016 0000 0005 11 2B 0E 02 00");
  answer("0016 0000 0026 11 2B 0E 02 02 00 00 05 00 04 41636D65 01 03 52542D 02 05 56322E3131 04 05 5265636C6F 05 03 522D39");
  ASSERT_EQ(heard.identities.size(), 1u);
  const Identity who = heard.identities[0];
  const auto text = [&](uint64_t key) { const auto t = heard.identity_texts().find(key); return t == heard.identity_texts().end() ? "" : t->second; };
  EXPECT_EQ(who.station, 0x11u);
  EXPECT_EQ(text(who.vendor), "Acme");
  EXPECT_EQ(text(who.product), "Reclo");
  EXPECT_EQ(text(who.model), "RT-") << "the code, as in the basic answer: what a device is does not change with how it is asked";
  EXPECT_EQ(text(who.firmware), "V2.11");
  ask("0010 0000 0002 11 11");
  answer("0010 0000 000C 11 11 09 B4FF 4C4D42332E31 00");
  ASSERT_EQ(heard.identities.size(), 2u);
  EXPECT_EQ(text(heard.identities[1].name), "LMB3.1");
  EXPECT_EQ(text(heard.identities[1].product), "");
  ask("0011 0000 0004 00 5A 00 02");
  answer("0011 0000 0020 00 5A 00 FE 10FF5A010100000070020000270009000800 00000000 05 3134302031");
  ASSERT_EQ(heard.identities.size(), 3u);
  EXPECT_EQ(text(heard.identities[2].product), "140 1");
}

TEST_F(Modbus, umas_answers_go_by_the_function_they_answer) {
  ask("0001 0000 0004 00 5A 12 33");
  const Sentence a = answer("0001 0000 0006 00 5A 12 FD 8381");
  EXPECT_EQ(a.head.sub_function, 0x33);
  EXPECT_EQ(a.head.act, Act::program);
  EXPECT_TRUE(a.head.refused);
  EXPECT_EQ(a.head.qualifier, 0x12u) << "the session's key";
  EXPECT_EQ(answer("0001 0000 0004 00 5A 12 FE").head.sub_function, 0xFE) << "its question was not heard";
}

TEST_F(Modbus, rtu_over_tcp) {
  const Sentence q = ask("11 03 006B 0003 7687");
  EXPECT_EQ(q.head.frame, 1);
  EXPECT_EQ(q.head.station, 0x11u);
  EXPECT_FALSE(q.head.malformed);
  EXPECT_EQ(shown(answer("11 03 06 AE4156524340 49AD")), "holding register 107=44609 holding register 108=22098 holding register 109=17216");
  EXPECT_TRUE(ask("11 03 006B 0003 7688").head.malformed) << "a CRC that does not hold";
  const Sentence all = ask("00 05 0001 FF00 DC2B");
  EXPECT_TRUE(all.head.broadcast);
}

// --- where records end ---

struct ModbusStream : testing::Test {
  Keeper keeper;
  Pool pool{1 << 20};
  Speaker say{keeper};
  Parser* parser = protocol_named("modbus").open(pool);
  Feed feed{*parser, say};
  ~ModbusStream() override { pool.unmake(parser); }
  std::string functions() const {
    std::string out;
    for (const Sentence& s : keeper.sentences) out += std::to_string(s.head.function) + (s.head.malformed ? "! " : " ");
    return out;
  }
};

TEST_F(ModbusStream, a_false_length_hides_no_command) {
  feed.offer(client, hex("0001 0000 00C8 11 05 00AC FF00"));   // says 200, is 6 as its function demands
  feed.offer(client, hex("0002 0000 0006 11 05 00AD FF00"));
  EXPECT_EQ(functions(), "5! 5 ");
}

TEST_F(ModbusStream, a_length_beyond_all_ends_with_its_segment) {
  feed.offer(client, hex("0001 0000 8804 05 07 0809100001000088040507080910"));
  feed.offer(client, hex("0002 0000 0006 11 05 00AD FF00"));
  EXPECT_EQ(functions(), "7! 5 ");
}

TEST_F(ModbusStream, another_protocol_identifier_costs_one_record) {
  feed.offer(client, hex("0001 0007 0006 11 03 0000 0001 0002 0000 0006 11 05 00AD FF00"));
  EXPECT_EQ(functions(), "3! 5 ");
}

TEST_F(ModbusStream, after_a_gap_in_the_middle_of_a_record) {
  feed.offer(client, hex("0001 0000 0006 11 03 0000 0001"));
  feed.gap(client, 4);
  feed.offer(client, hex("11 05 00AD FF00 | 0002 0000 0006 11 06 00AD 0100"));
  EXPECT_EQ(functions(), "3 6 ");
  EXPECT_EQ(feed.losses, 1u);
}

TEST_F(ModbusStream, garbage_is_lost_once_and_records_go_on) {
  feed.offer(client, hex("0001 0000 0006 11 03 0000 0001"));
  std::vector<uint8_t> garbage(300, 0xEE);
  feed.offer(client, garbage);
  feed.offer(client, hex("0002 0000 0006 11 05 00AD FF00"));
  EXPECT_EQ(functions(), "3 5 ");
  EXPECT_EQ(feed.losses, 1u);
}

TEST_F(ModbusStream, sides_taken_the_wrong_way_round_are_noticed) {
  feed.offer(server, hex("0001 0000 0006 11 03 0000 0001"));
  feed.offer(client, hex("0001 0000 0005 11 03 02 0007"));
  feed.offer(server, hex("0002 0000 0006 11 03 0000 0001"));
  feed.offer(client, hex("0002 0000 0005 11 03 02 0007"));
  EXPECT_EQ(keeper.sentences.back().head.role, Role::response);
  EXPECT_EQ(shown(keeper.sentences.back()), "holding register 0=7");
}

TEST_F(ModbusStream, rtu_frames_back_to_back_and_of_unknown_functions) {
  auto unknown = hex("11 64 010203");
  const uint16_t crc = crc_modbus(unknown);
  unknown.push_back(uint8_t(crc)), unknown.push_back(uint8_t(crc >> 8));
  auto all = hex("11 03 006B 0003 7687");
  all.insert(all.end(), unknown.begin(), unknown.end());
  const auto more = hex("11 03 006B 0003 7687");
  all.insert(all.end(), more.begin(), more.end());
  feed.offer(client, all);
  EXPECT_EQ(functions(), "3 100 3 ");
  feed.offer(client, hex("11 03 006B 0003 FFFF"));   // a CRC that does not hold
  feed.offer(client, hex("11 03 006B 0003 7687"));
  EXPECT_EQ(functions(), "3 100 3 3! 3 ");
}

// --- recognition ---

TEST(ModbusRecognition, by_structure_and_who_asks) {
  using R = Recognised;
  struct { const char *up, *down; R::Sure sure; R::Client who; const char* why; } cases[] = {
      {"0001 0000 0006 11 03 006B 0001", "0001 0000 0005 11 03 02 0001", R::yes, R::up, "a question and its answer"},
      {"0001 0000 0005 11 03 02 0001", "0001 0000 0006 11 03 006B 0001", R::yes, R::down, "joined at an answer"},
      {"0001 0000 0006 11 05 00AC FF00", "0001 0000 0006 11 05 00AC FF00", R::yes, R::unknown, "an echo says not who asks"},
      {"0001 0000 0006 11 03 006B 0001 0002 0000 0006 11 03 006B 0001", "", R::yes, R::up, "two questions"},
      {"", "0001 0000 0005 11 03 02 0001 0002 0000 0005 11 03 02 0001", R::yes, R::up, "two answers"},
      {"0001 0000 0006 11 03 006B 0001", "", R::maybe, R::up, "one small PDU"},
      {"0001 0000 0002 11 64", "", R::maybe, R::unknown, "an unknown function alone"},
      {"0001 0010 0006 11 03 006B 0001", "", R::maybe, R::unknown, "another protocol identifier"},
      {"0001 0000 00", "", R::maybe, R::unknown, "the beginning of a header"},
      {"11 03 006B 0003 7687", "11 03 06 AE4156524340 49AD", R::yes, R::up, "RTU"},
      {"11 03 006B 0003 7687", "11 03 02 0001 B847", R::maybe, R::up, "RTU whose answer is not what was asked"},
      {"11 03 006B 0003 7687 11 03 006B 0003 7687", "", R::maybe, R::up, "two RTU questions: a CRC is little"},
      {"11 03 006B 0003 7687 11 03 006B 0003 7687 11 03 006B 0003 7687", "", R::yes, R::up, "three"},
      {"01 02 03 01 11 00 25DE", "03 01 01 02 11 02 0102 4C62", R::maybe, R::down, "ROC Plus, which ends in the same CRC"},
      {"16 03 01 00 c8 01 00 00 c4 03 03", "", R::no, R::unknown, "TLS"},
      {"03 00 00 16 11 e0 00 00 00 01 00 c0 01 0a", "", R::no, R::unknown, "TPKT"},
      {"68 04 07 00 00 00 68 0e 00 00 00 00 64 01 06 00 01 00 00 00 00 14", "68 04 0b 00 00 00", R::no, R::unknown, "IEC 104"},
      {"001d 0000 0100 0001 0000 0000 0000 03 777777", "", R::no, R::unknown, "DNS over TCP whose identifier is 0"},
      {"474554202f20485454502f312e310d0a", "", R::no, R::unknown, "HTTP"},
      {"0000 0000 0000 0000 0000 0000", "", R::no, R::unknown, "zeros"},
  };
  for (const auto& c : cases) {
    const Recognised r = protocol_named("modbus").recognises(hex(c.up), hex(c.down), Carrier::tcp);
    EXPECT_EQ(int(r.sure), int(c.sure)) << c.why;
    EXPECT_EQ(int(r.client), int(c.who)) << c.why;
  }
}

}  // namespace
}  // namespace vidra
