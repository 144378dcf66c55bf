// SPDX-License-Identifier: Apache-2.0
// IEEE 1815-2012; the clause and annex numbers are its.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "dissectors/dnp3_objects.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

constexpr Side master = Side::client, outstation = Side::server;

// ---- frames, made from what they carry, so that the tests show what matters

// The CRC of 9.2.4.3 a bit at a time: another hand than the dissector's tables.
uint16_t crc(Bytes b) {
  unsigned c = 0;
  for (uint8_t o : b) {
    c ^= o;
    for (int i = 0; i < 8; i++) c = c & 1 ? c >> 1 ^ 0xA6BC : c >> 1;
  }
  return uint16_t(~c);
}

using Octets = std::vector<uint8_t>;
Octets operator+(Octets a, const Octets& b) { return a.insert(a.end(), b.begin(), b.end()), a; }

// 05 64, length, control, destination and source, CRC; user data in blocks of 16, each with its CRC (9.2.4).
Octets link(uint8_t control, uint16_t to, uint16_t from, const Octets& data = {}) {
  Octets out = {0x05, 0x64, uint8_t(5 + data.size()), control, uint8_t(to), uint8_t(to >> 8), uint8_t(from), uint8_t(from >> 8)};
  const auto seal = [&out](size_t start) {
    const uint16_t c = crc(Bytes(out).subspan(start));
    out.push_back(uint8_t(c)), out.push_back(uint8_t(c >> 8));
  };
  seal(0);
  for (size_t at = 0; at < data.size(); at += 16) {
    const size_t start = out.size();
    out.insert(out.end(), data.begin() + long(at), data.begin() + long(std::min(at + 16, data.size())));
    seal(start);
  }
  return out;
}

// One link frame as hexadecimal text that lives as long as the program. `data` begins with the transport octet.
std::string_view text(const Octets& octets) {
  static std::deque<std::string> all;
  std::string& s = all.emplace_back();
  char two[4];
  for (uint8_t o : octets) std::snprintf(two, sizeof two, "%02X", o), s += two;
  return s;
}
// From master 1 to outstation 1024, and back: DIR and PRM set, unconfirmed user data. `data`: | transport | control | function | …
Octets asks(std::string_view data) { return link(0xC4, 1024, 1, hex(data)); }
Octets says(std::string_view data) { return link(0x44, 1, 1024, hex(data)); }
std::string_view M(std::string_view data) { return text(asks(data)); }
std::string_view O(std::string_view data) { return text(says(data)); }

//                                       | transport | control | function | IIN | object headers and objects
const Enrol enrolled("dnp3", {
    {"links are reset and asked for their status", {{master, text(link(0xC0, 4, 3))}, {outstation, text(link(0x00, 3, 4))}, {master, text(link(0xC9, 4, 3))}, {outstation, text(link(0x0B, 3, 4))}}},
    {"links are tested, in vain", {{master, text(link(0xF2, 4, 3))}, {outstation, text(link(0x01, 3, 4))}, {master, text(link(0xC1, 4, 3))}, {outstation, text(link(0x0F, 3, 4))}, {outstation, text(link(0x0E, 3, 4))}}},
    {"confirmed user data", {{master, text(link(0xF3, 4, 3, hex("C0 C1 01 3C 02 06")))}, {outstation, text(link(0x00, 3, 4))}}},
    {"classes are polled", {{master, M("C0 C1 01 3C0206 3C0306 3C0406 3C0106")},
                            {outstation, O("C0 E1 81 0000 0102000002810181 1E05000000 01 0000C841 140100000001 0A000000 280300000001 00002041")}, {master, M("C1 C1 00")}}},
    {"events come by themselves", {{outstation, O("C0 F0 82 0000 330107 01 00688909CD01 020317 01 05 81 0A00 04031701 06 41 0B00 200317 01 07 01 39300000 00688909CD01")}, {master, M("C0 D0 00")}}},
    {"a relay is selected and operated (A.8.1)",
     {{master, M("C0 C1 03 0C01280100 0500 41 01 F4010000 00000000 00")}, {outstation, O("C0 C1 81 0000 0C01280100 0500 41 01 F4010000 00000000 00")},
      {master, M("C1 C2 04 0C01280100 0500 41 01 F4010000 00000000 00")}, {outstation, O("C1 C2 81 0000 0C01280100 0500 41 01 F4010000 00000000 00")}}},
    {"a set point is refused", {{master, M("C0 C3 05 290317 01 02 0000C842 00")}, {outstation, O("C0 C3 81 0400 290317 01 02 0000C842 0C")}}},
    {"operated without an answer", {{master, M("C0 C4 06 290117 01 02 64000000 00")}}},
    {"a pattern over a range (A.8.2)", {{master, M("C0 C5 05 0C0207 01 03 01 64000000 64000000 00 0C0300 08 11 FF03")}, {outstation, O("C0 C5 81 0000 0C0207 01 03 01 64000000 64000000 00 0C0300 08 11 FF03")}}},
    {"counters are frozen", {{master, M("C0 C1 07 140006")}, {outstation, O("C0 C1 81 0000")}, {master, M("C0 C2 08 140006")}, {master, M("C0 C3 09 140000 00 05")}, {master, M("C0 C4 0A 140006")}}},
    {"and at a time", {{master, M("C0 C5 0B 320207 01 00688909CD01 E8030000 140006")}, {master, M("C0 C6 0C 320207 01 00688909CD01 E8030000 140006")}}},
    {"restarts", {{master, M("C0 C1 0D")}, {outstation, O("C0 C1 81 8000 340107 01 0500")}, {master, M("C0 C2 0E")}, {outstation, O("C0 C2 81 8000 340207 01 F401")}, {master, M("C1 C3 02 500100 07 07 00")}}},
    {"applications are started and stopped",
     {{master, M("C0 C1 0F")}, {master, M("C0 C2 10 5A015B 01 0400 41505031")}, {master, M("C0 C3 11 5A015B 01 0400 41505031")}, {master, M("C0 C4 12 5A015B 01 0400 41505031")}, {master, M("C0 C5 13")}}},
    {"unsolicited responses are turned off and on", {{master, M("C0 C1 15 3C0206 3C0306 3C0406")}, {outstation, O("C0 C1 81 0000")}, {master, M("C0 C2 14 3C0206 3C0306 3C0406")}, {master, M("C0 C3 16 3C0206 010000 00 07 1E0006")}}},
    {"clocks are set", {{master, M("C0 C1 17")}, {outstation, O("C0 C1 81 1000 340207 01 0000")}, {master, M("C0 C2 02 320107 01 00688909CD01")}, {master, M("C0 C3 18")}, {master, M("C0 C4 02 320307 01 00688909CD01")}}},
    {"a file is opened, read, closed and deleted",
     {{master, M("C0 C1 19 46035B 01 2000 1A00 0600 00688909CD01 2401 00000000 00000000 0100 0004 0100 612E74787421")},
      {outstation, O("C0 C1 81 0000 46045B 01 0D00 78563412 05000000 0004 0100 00")}, {master, M("C1 C2 01 46055B 01 0800 78563412 00000000")},
      {outstation, O("C1 C2 81 0000 46055B 01 0D00 78563412 00000080 68656C6C6F")}, {master, M("C2 C3 1A 46045B 01 0D00 78563412 00000000 0000 0200 00")},
      {outstation, O("C2 C3 81 0000 46045B 01 0D00 78563412 00000000 0000 0200 00")}, {master, M("C3 C4 1B 46035B 01 2000 1A00 0600 000000000000 0000 00000000 00000000 0000 0000 0300 612E74787421")},
      {outstation, O("C3 C4 81 0000 46045B 01 0D00 00000000 00000000 0000 0300 01")}}},
    {"a user is authenticated for files; a file is asked about; a transfer is aborted",
     {{master, M("C0 C1 1D 46025B 01 1600 0C00 0500 1100 0500 00000000 61646D696E 7365637231")}, {master, M("C0 C2 1C 46075B 01 1A00 1400 0600 0100 00000000 000000000000 0000 0100 612E74787421")},
      {master, M("C0 C3 1E 46045B 01 0D00 78563412 00000000 0000 0200 00")}, {master, M("C0 C4 1F 46085B 01 0500 612E636667")}, {outstation, O("C0 C4 81 0000 5B015B 01 0500 E8030000 00")}}},
    {"blocks of a file are written", {{master, M("C0 C1 02 46055B 01 0C00 78563412 01000000 64617461")}, {outstation, O("C0 C1 81 0000 46065B 01 0900 78563412 01000000 00")}}},
    {"secure authentication (A.45)",
     {{master, M("C0 C1 04 780307 01 01000000 0100 0C01280100 0500 03 01 00000000 00000000 00 78095B 01 0400 DEADBEEF")}, {outstation, O("C0 C1 83 0000 78015B 01 0C00 02000000 0100 04 01 CAFECAFE")},
      {master, M("C1 C1 20 78025B 01 0A00 02000000 0100 CAFEBABE")}, {outstation, O("C1 C1 81 0000 0C01280100 0500 03 01 00000000 00000000 00")}, {master, M("C2 C2 20 780407 01 0100")},
      {outstation, O("C2 C2 83 0000 78055B 01 0F00 01000000 0100 01 02 00 0400 CAFECAFE")}, {master, M("C3 C3 21 78075B 01 0F00 02000000 0100 0000 01 00688909CD01")}}},
    {"a device tells who it is (A.2)", {{master, M("C0 C1 01 00FE00 00 00")}, {outstation, O("C0 C1 81 0000 00FC00 00 00 01 04 41636D65 00FA00 00 00 01 05 5254552D31 00F800 00 00 01 02 3432 00F200 00 00 01 03 312E32 00F000 00 00 02 02 0008")}}},
    {"data sets (A.35)", {{outstation, O("C0 C1 81 0000 56015B 01 0500 04 01 00 00 03 57015B 01 0500 01 03 02 1122")}}},
    {"strings and a terminal", {{master, M("C0 C1 02 6E0500 00 00 68656C6C6F 700417 01 00 64697220")}, {outstation, O("C0 E0 82 0000 6F0317 01 02 616263 710217 01 00 6F6B")}}},
    {"everything and a broadcast", {{master, text(link(0xC4, 0xFFFF, 1, hex("C0 C1 0D")))}}},
    {"a fragment of two segments", {{outstation, O("40 C1 81 0000 01010000 27 0102")}, {outstation, O("81 0304 05 1E0400 00 00 FFFF")}}},
    {"over UDP", {{master, M("C0 C1 01 3C0206")}, {outstation, O("C0 C1 81 0000")}}, Carrier::udp},
    {"a block's CRC is wrong", {{master, "0564 0B C4 0004 0100 9DA6 C0C0013C0206 0000"}}, Carrier::tcp, true},
    {"a header's CRC is wrong", {{master, "0564 0B C4 0004 0100 0000 C0C0013C0206 0000"}}, Carrier::tcp, true},
    {"a function that is reserved", {{master, M("C0 C1 70 3C0206")}}, Carrier::tcp, true},
    {"a variation that does not exist", {{outstation, O("C0 C1 81 0000 1E2A00 00 05 0102")}}, Carrier::tcp, true},
    {"a range upside down", {{master, M("C0 C1 01 1E0000 05 04")}}, Carrier::tcp, true},
});

// ---- what is said, as text

// "analog input 5 = 12, offline @1980000000000": object, how many, value, quality, time (@ an instant, ~ one that was not
// synchronised, + since an unknown time, in ms), status.
std::string told(const Sentence& s) {
  std::string out;
  std::vector<uint8_t> run;
  for (const auto& [key, t] : s.texts) {
    const uint16_t n = uint16_t(t.size());
    const size_t at = run.size();
    run.resize(at + 10 + n);
    std::memcpy(run.data() + at, &key, 8), std::memcpy(run.data() + at + 8, &n, 2), std::memcpy(run.data() + at + 10, t.data(), n);
  }
  const Texts texts{Bytes(run)};
  char room[200];
  for (const Point& p : s.points) {
    if (!out.empty()) out += "; ";
    out += describe_object(p.object, texts, room);
    if (p.count != 1) out += " x" + std::to_string(p.count);
    if (p.kind != ValueKind::none) out += " = ", out += describe_value(p, texts, room);
    if (p.quality) out += ", ", out += describe_quality(p.quality, room);
    if (p.time_kind != TimeKind::none) out += (p.time_kind == TimeKind::relative ? " +" : p.time_flags & time_unsynchronised ? " ~" : " @") + std::to_string(p.time / millisecond);
    if (p.status) out += " status " + std::to_string(p.status);
  }
  return out;
}

struct Dnp3 : testing::Test {
  Heard heard{"dnp3"};
  Sentence ask(std::string_view data) { return heard(master, M(data)); }
  Sentence answer(std::string_view data) { return heard(outstation, O(data)); }
  // Objects as an unsolicited response says them, and as a request names them.
  std::string objects(std::string_view octets) {
    const Sentence s = answer("C0 D0 82 0000 " + std::string(octets));
    return (s.head.malformed ? "malformed: " : "") + told(s);
  }
  std::string named(std::string_view octets) {
    const Sentence s = ask("C0 C1 01 " + std::string(octets));
    return (s.head.malformed ? "malformed: " : "") + told(s);
  }
  std::string_view reason() { return protocol_named("dnp3").reason(heard.all.back().head.reason); }
};

// ---- link (9)

TEST_F(Dnp3, link_functions_have_names_of_their_own) {
  struct { uint8_t control; std::string_view name; Role role; bool refused; } cases[] = {
      {0xC0, "reset link states", Role::request, false}, {0xC1, "reset user process", Role::request, false}, {0xF2, "test link states", Role::request, false},
      {0xC9, "request link status", Role::request, false}, {0x00, "link ACK", Role::response, false}, {0x01, "link NACK", Role::response, true},
      {0x0B, "link status", Role::response, false}, {0x0E, "link service not functioning", Role::response, true}, {0x0F, "link service not used", Role::response, true},
  };
  for (const auto& c : cases) {
    const bool from_master = c.control & 0x80;
    const Sentence s = heard(from_master ? master : outstation, text(from_master ? link(c.control, 4, 3) : link(c.control, 3, 4)));
    EXPECT_TRUE(s.head.link) << c.name;
    EXPECT_EQ(function_name(protocol_named("dnp3"), s.head.function, 0), c.name);
    EXPECT_EQ(s.head.role, c.role) << c.name;
    EXPECT_EQ(s.head.refused, c.refused) << c.name;
    EXPECT_EQ(s.head.station, 4u) << c.name;
    EXPECT_EQ(s.head.origin, 3u) << c.name;
    EXPECT_FALSE(s.head.malformed) << c.name;
  }
}

TEST_F(Dnp3, a_wrong_crc_is_heard_once_and_nothing_is_read) {
  Octets wrong = asks("C0 C1 04 0C01280100 0500 03 01 00000000 00000000 00");
  wrong.back() ^= 1;                                           // of the last block
  Sentence s = heard(master, text(wrong));
  EXPECT_EQ(heard.all.size(), 1u);
  EXPECT_TRUE(s.head.malformed && s.head.link && s.points.empty());
  EXPECT_EQ(reason(), "block CRC wrong");
  EXPECT_EQ(s.head.station, 1024u);
  EXPECT_EQ(s.head.origin, 1u);
  wrong = asks("C0 C1 04 0C01280100 0500 03 01 00000000 00000000 00");
  wrong[8] ^= 1;                                               // of the header
  s = heard(master, text(wrong));
  EXPECT_EQ(heard.all.size(), 1u);
  EXPECT_TRUE(s.head.malformed && s.head.link);
  EXPECT_EQ(reason(), "link header wrong");
}

TEST_F(Dnp3, what_a_link_frame_may_not_be) {
  struct { Octets frame; std::string_view reason; } cases[] = {
      {link(0xC4, 4, 3), "frame length wrong"},                                        // user data without any
      {link(0xC0, 4, 3, hex("C0 C1 01")), "frame length wrong"},                       // reset with some
      {link(0xC5, 4, 3, hex("C0 C1 01")), "function reserved"},
      {link(0x0A, 3, 4), "function reserved"},
      {link(0xC9, 0xFFF3, 3), "address reserved"},
      {link(0xC9, 4, 0xFFFF), "address reserved"},
      {link(0xC4, 4, 0xFFFC, hex("C0 C1 01 3C0206")), "address reserved"},
      {hex("05 64 04 C9 0400 0300 0000"), "link header wrong"},
      {hex("05 64"), "link header wrong"},
  };
  for (const auto& c : cases) {
    const Sentence s = heard(master, text(c.frame));
    EXPECT_EQ(s.head.malformed, c.reason != "address reserved") << c.reason;
    EXPECT_EQ(reason(), c.reason);
  }
}

TEST_F(Dnp3, a_datagram_may_hold_several_frames_and_damage) {
  Octets frames = asks("C0 C1 01 3C0206") + hex("FF FF 05 64 FF") + asks("C1 C2 01 3C0306") + link(0xC9, 4, 3);
  heard(master, text(frames));
  ASSERT_EQ(heard.all.size(), 4u);
  EXPECT_EQ(heard.all[0].head.function, 1);
  EXPECT_TRUE(heard.all[1].head.malformed && heard.all[1].head.link);
  EXPECT_EQ(told(heard.all[2]), "event class 2");
  EXPECT_EQ(heard.all[3].head.function, 0x119);
}

TEST_F(Dnp3, a_stream_finds_its_next_frame_after_damage) {
  const Octets good = asks("C0 C1 01 3C0206");
  Octets wrong = good;
  wrong[8] ^= 0xFF;
  struct { Octets stream; size_t sentences, malformed; std::string_view what; } cases[] = {
      {good + good, 2, 0, "two frames"},
      {good + wrong + good, 3, 1, "a header's CRC in between, its length right"},
      {good + hex("05 64 00 C4 0000 0000 0000 00 00 00") + good, 3, 1, "a length that cannot be"},
      {good + hex("05 64 00 C4 0000 0000 0000 00 00 05 64") + Octets(good.begin() + 2, good.end()), 3, 1, "the next frame's first octets after it"},
      {good + hex("DE AD BE EF") + good, 2, 0, "octets no frame begins with: the stream says so"},
      {good + hex("05 64 20 C4 05 64 FF FF 0000 0000 00") + good, 3, 1, "starts inside the damage"},
  };
  for (const auto& c : cases) {
    for (size_t piece : {size_t{1}, size_t{7}, size_t{1000}}) {
      Keeper keeper;
      Pool pool(1 << 20);
      Speaker say(keeper);
      Parser* parser = protocol_named("dnp3").open(pool);
      Feed feed(*parser, say);
      for (size_t at = 0; at < c.stream.size(); at += piece) feed.offer(master, Bytes(c.stream).subspan(at, std::min(piece, c.stream.size() - at)));
      size_t malformed = 0;
      for (const Sentence& s : keeper.sentences) malformed += s.head.malformed;
      EXPECT_EQ(keeper.sentences.size(), c.sentences) << c.what << ", by " << piece;
      EXPECT_EQ(malformed, c.malformed) << c.what << ", by " << piece;
      pool.unmake(parser);
    }
  }
}

// ---- transport (8)

TEST_F(Dnp3, segments_are_joined_whatever_comes_between) {
  // | FIR seq 62 | control | response | IIN | g30v4 0…2 | first value …    the sequence runs over 63 → 0
  ask("C0 C1 01 1E0006");
  EXPECT_EQ(answer("7E C1 81 0000 1E0400 00 02 0100").points.size(), 0u);
  EXPECT_TRUE(heard.all.empty());
  EXPECT_EQ(heard(outstation, text(link(0x44, 1, 7, hex("C0 C1 81 0000")))).head.station, 7u);   // another outstation on the same connection
  answer("3F 0200");
  EXPECT_TRUE(heard.all.empty());
  answer("3F 0200");                                            // repeated: not joined twice
  const Sentence s = answer("80 0300");
  EXPECT_EQ(told(s), "analog input 0 = 1; analog input 1 = 2; analog input 2 = 3");
  EXPECT_FALSE(s.head.malformed || s.head.unpaired);
}

TEST_F(Dnp3, segments_out_of_order_are_heard_once) {
  answer("40 C1 81 0000 1E0400 00 02 0100");
  EXPECT_TRUE(answer("02 0200").head.malformed);                // 1 is missing
  EXPECT_EQ(reason(), "transport segments out of order");
  EXPECT_TRUE(heard.all.back().head.link);
  answer("83 0300");                                            // belongs to what was lost
  EXPECT_TRUE(heard.all.empty());
  answer("40 C1 81 0000 1E0400 00 02 0100");
  const Sentence s = answer("C0 C2 81 0000");                   // begins again before the end
  ASSERT_EQ(heard.all.size(), 2u);
  EXPECT_EQ(heard.all[0].head.reason, 0x404);
  EXPECT_FALSE(s.head.malformed);
  EXPECT_EQ(answer("85 00").head.reason, 0x404);                // none was begun
}

TEST_F(Dnp3, joined_in_the_middle_a_fragments_rest_is_no_mistake) {
  answer("85 0300");
  EXPECT_TRUE(heard.all.empty());
  EXPECT_FALSE(answer("C6 C1 81 0000").head.malformed);
  answer("40 C1 81 0000 1E0400 00 01 0100");
  heard.parser().gap(outstation, 100);
  answer("81 0300");
  EXPECT_TRUE(heard.all.empty());
}

TEST_F(Dnp3, fragments_are_bounded_in_size_and_number) {
  const std::string body(2 * 249, '0');
  answer("40 C1 81 0000 6E0009 00000000 FFFFFF7F");
  size_t said = 0;
  for (unsigned i = 1; i < 400; i++) {
    char transport[4];
    std::snprintf(transport, sizeof transport, "%02X ", i & 0x3f);
    answer(transport + body);
    for (const Sentence& s : heard.all) said += s.head.reason == 0x404;
  }
  EXPECT_EQ(said, 1u);                                          // 64 KiB and not an octet more; the rest is nobody's
  for (uint16_t a = 0; a < 100; a++) heard(outstation, text(link(0x44, 1, a, hex("40 C1 81 0000 00"))));
  EXPECT_EQ(heard.all.size(), 1u);                              // the oldest of 16 gave way
  EXPECT_EQ(heard.all[0].head.station, 83u);
}

// What others make of a pool is nobody's mistake: the rest of the fragment counts as lost.
TEST(Dnp3Pool, without_room_a_fragment_in_segments_is_lost_and_not_broken) {
  for (const bool begun : {false, true}) {
    Keeper keeper;
    Pool pool(1 << 20);
    Speaker say(keeper);
    Parser* parser = protocol_named("dnp3").open(pool);
    Feed feed(*parser, say);
    std::vector<void*> others;
    const auto fill = [&] {
      for (const size_t octets : {4096, 1024, 256, 64, 16})
        while (void* p = pool.take(octets)) others.push_back(p);
    };
    const auto answers = [&](const std::string& data) {
      const Octets octets = link(0x44, 3, 4, hex(data));
      feed.offer(outstation, octets);
    };
    if (begun) answers("40 C1 81 0000 1E0400 00 02 0100");          // room for the first segments, and not for what comes then
    fill();
    if (!begun) answers("40 C1 81 0000 1E0400 00 02 0100");
    for (int i = 1; i < 20; i++) {
      char transport[4];
      std::snprintf(transport, sizeof transport, "%02X ", unsigned(i));
      answers(transport + std::string(2 * 240, '0'));
    }
    answers("94 0300");
    ASSERT_EQ(keeper.sentences.size(), 1u) << begun;
    EXPECT_TRUE(keeper.sentences[0].head.after_gap) << begun;
    EXPECT_FALSE(keeper.sentences[0].head.malformed) << begun;
    EXPECT_EQ(keeper.sentences[0].head.station, 4u);
    for (void* p : others) pool.give(p);
    answers("C0 C2 81 0000");
    EXPECT_FALSE(keeper.sentences.back().head.malformed) << begun;
    pool.unmake(parser);
  }
}

// ---- application (4)

TEST_F(Dnp3, every_function_has_its_name_role_and_act) {
  struct { int code; std::string_view name; Act act; } cases[] = {
      {0, "confirm", Act::session}, {1, "read", Act::read}, {2, "write", Act::write}, {3, "select", Act::select}, {4, "operate", Act::operate},
      {5, "direct operate", Act::operate}, {6, "direct operate, no acknowledgement", Act::operate}, {7, "immediate freeze", Act::write},
      {8, "immediate freeze, no acknowledgement", Act::write}, {9, "freeze and clear", Act::write}, {10, "freeze and clear, no acknowledgement", Act::write},
      {11, "freeze at time", Act::write}, {12, "freeze at time, no acknowledgement", Act::write}, {13, "cold restart", Act::run}, {14, "warm restart", Act::run},
      {15, "initialize data", Act::run}, {16, "initialize application", Act::run}, {17, "start application", Act::run}, {18, "stop application", Act::run},
      {19, "save configuration", Act::configure}, {20, "enable unsolicited responses", Act::subscribe}, {21, "disable unsolicited responses", Act::subscribe},
      {22, "assign class", Act::configure}, {23, "delay measurement", Act::time}, {24, "record current time", Act::time}, {25, "open file", Act::file},
      {26, "close file", Act::file}, {27, "delete file", Act::file}, {28, "get file information", Act::file}, {29, "authenticate file", Act::file},
      {30, "abort file transfer", Act::file}, {31, "activate configuration", Act::configure}, {32, "authentication request", Act::session},
      {33, "authentication request, no acknowledgement", Act::session},
  };
  for (const auto& c : cases) {
    char data[16];
    std::snprintf(data, sizeof data, "C0 C3 %02X", c.code);
    const Sentence s = ask(data);
    EXPECT_EQ(s.head.function, c.code);
    EXPECT_EQ(function_name(protocol_named("dnp3"), s.head.function, 0), c.name);
    EXPECT_EQ(s.head.act, c.act) << c.name;
    EXPECT_EQ(s.head.role, Role::request) << c.name;
    EXPECT_EQ(s.head.tag, 3u) << c.name;
    EXPECT_FALSE(s.head.malformed || s.head.link) << c.name;
    EXPECT_EQ(s.head.station, 1024u) << c.name;
    EXPECT_EQ(s.head.origin, 1u) << c.name;
    EXPECT_TRUE(s.head.has_origin);
  }
  EXPECT_EQ(answer("C0 C0 81 0000").head.role, Role::response);
  EXPECT_EQ(answer("C0 F0 82 0000").head.role, Role::report);
  EXPECT_EQ(answer("C0 F0 82 0000").head.tag, 0x10u);
  EXPECT_EQ(answer("C0 F0 82 0000").head.act, Act::report);
  EXPECT_EQ(answer("C0 C0 83 0000").head.role, Role::response);
  for (std::string_view reserved : {"22", "7F", "80", "84", "FF"}) {
    EXPECT_TRUE(ask("C0 C0 " + std::string(reserved) + " 0000").head.malformed) << reserved;
    EXPECT_EQ(reason(), "function reserved");
  }
}

TEST_F(Dnp3, an_answer_has_the_act_of_its_question) {
  struct { std::string_view question, answer; Act act; } cases[] = {
      {"C0 C1 0D", "C0 C1 81 8000 340107 01 0500", Act::run},
      {"C0 C2 15 3C0206", "C0 C2 81 0000", Act::subscribe},
      {"C0 C3 02 320107 01 00688909CD01", "C0 C3 81 0000", Act::time},
      {"C0 C4 02 500100 07 07 00", "C0 C4 81 0000", Act::session},
      {"C0 C5 02 220100 00 00 0A00", "C0 C5 81 0000", Act::configure},
      {"C0 C6 01 00FC00 00 00", "C0 C6 81 0000 00FC00 00 00 01 01 41", Act::identify},
      {"C0 C7 01 3C0206", "C0 C7 81 0000", Act::read},
      {"C0 C8 03 0C01280100 0500 03 01 00000000 00000000 00", "C0 C8 81 0000 0C01280100 0500 03 01 00000000 00000000 00", Act::select},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ask(c.question).head.act, c.act) << c.question;
    const Sentence s = answer(c.answer);
    EXPECT_EQ(s.head.act, c.act) << c.answer;
    EXPECT_FALSE(s.head.unpaired) << c.answer;
    EXPECT_TRUE(answer(c.answer).head.unpaired) << "answered twice: " << c.answer;
  }
}

TEST_F(Dnp3, answers_of_several_fragments_carry_on_the_sequence) {
  ask("C0 CF 01 3C0106");
  EXPECT_FALSE(answer("C0 AF 81 0000").head.unpaired);          // FIR, more follow
  EXPECT_FALSE(answer("C1 20 81 0000").head.unpaired);          // sequence 0
  EXPECT_FALSE(answer("C2 61 81 0000").head.unpaired);          // FIN
  EXPECT_TRUE(answer("C3 62 81 0000").head.unpaired);
}

TEST_F(Dnp3, questions_are_kept_by_outstation_and_master) {
  for (uint16_t a = 1; a <= 32; a++) heard(master, text(link(0xC4, a, 1, hex("C0 C1 01 3C0206"))));
  EXPECT_TRUE(heard(outstation, text(link(0x44, 2, 5, hex("C0 C1 81 0000")))).head.unpaired);     // another master did not ask
  for (uint16_t a = 1; a <= 32; a++) EXPECT_FALSE(heard(outstation, text(link(0x44, 1, a, hex("C0 C1 81 0000")))).head.unpaired) << a;
  heard(master, text(link(0xC4, 0xFFFC, 1, hex("C0 C2 01 3C0206"))));                              // to the self-address: it answers with its own
  EXPECT_FALSE(heard(outstation, text(link(0x44, 1, 9, hex("C0 C2 81 0000")))).head.unpaired);
}

TEST_F(Dnp3, who_opened_the_connection_does_not_matter) {
  const Sentence poll = heard(outstation, M("C0 C1 01 3C0206")), reply = heard(master, O("C0 C1 81 0000"));
  EXPECT_EQ(poll.head.station, 1024u);
  EXPECT_EQ(poll.head.role, Role::request);
  EXPECT_EQ(reply.head.station, 1024u);
  EXPECT_EQ(reply.head.origin, 1u);
  EXPECT_EQ(heard(master, text(link(0x44, 1, 1024, hex("C0 C1 00")))).head.station, 1024u);         // confirm: by the DIR bit
  EXPECT_EQ(heard(master, text(link(0xC4, 1024, 1, hex("C0 C1 00")))).head.station, 1024u);
}

TEST_F(Dnp3, a_direction_that_contradicts_the_function_is_a_fact) {
  const Sentence s = heard(master, text(link(0x44, 1024, 1, hex("C0 C1 0D"))));                      // DIR says outstation, the function master
  EXPECT_FALSE(s.head.malformed);                               // an outstation may well obey it
  EXPECT_EQ(reason(), "direction contradicts the function");
  EXPECT_EQ(s.head.station, 1024u);
  EXPECT_EQ(s.head.act, Act::run);
}

TEST_F(Dnp3, broadcast) {
  for (uint16_t a : {0xFFFD, 0xFFFE, 0xFFFF}) {
    const Sentence s = heard(master, text(link(0xC4, a, 1, hex("C0 C1 0D"))));
    EXPECT_TRUE(s.head.broadcast);
    EXPECT_EQ(s.head.station, a);
    EXPECT_FALSE(s.head.malformed);
  }
  EXPECT_FALSE(heard(master, text(link(0xC4, 0xFFFC, 1, hex("C0 C1 0D")))).head.broadcast);
}

TEST_F(Dnp3, refused_is_what_the_outstation_declines) {
  struct { std::string_view question, answer; bool refused; std::string_view why; } cases[] = {
      {"C0 C1 01 3C0206", "C0 C1 81 9000", false, ""},                                             // restart, need time
      {"C0 C1 1A 46045B 01 0D00 78563412 00000000 0000 0200 00", "C0 C1 81 0001", true, "function code not supported"},
      {"C0 C1 01 1E0006", "C0 C1 81 0002", true, "object unknown"},
      {"C0 C1 01 1E0000 63 63", "C0 C1 81 0004", true, "parameter error"},
      {"C0 C1 01 3C0206", "C0 C1 81 0008", false, ""},                                             // event buffer overflow
      {"C0 C1 05 0C0117 01 05 03 01 00000000 00000000 00", "C0 C1 81 0000 0C0117 01 05 03 01 00000000 00000000 00", false, ""},
      {"C0 C1 05 0C0117 01 05 03 01 00000000 00000000 00", "C0 C1 81 0000 0C0117 01 05 03 01 00000000 00000000 02", true, "no select"},
      {"C0 C1 05 290117 01 05 01000000 00", "C0 C1 81 0000 290117 01 05 01000000 0C", true, "out of range"},
      {"C0 C1 19 46035B 01 1A00 1A00 0000 000000000000 0000 00000000 00000000 0100 0004 0100", "C0 C1 81 0000 46045B 01 0D00 00000000 00000000 0000 0100 03", true, "file not found"},
      {"C0 C1 20 780407 01 0100", "C0 C1 83 0000 78075B 01 0F00 02000000 0100 0000 0B 00688909CD01", true, "unknown user"},
  };
  for (const auto& c : cases) {
    EXPECT_FALSE(ask(c.question).head.refused) << c.question;
    const Sentence s = answer(c.answer);
    EXPECT_EQ(s.head.refused, c.refused) << c.answer;
    EXPECT_EQ(reason(), c.why) << c.answer;
    EXPECT_FALSE(s.head.malformed) << c.answer;
  }
  EXPECT_FALSE(ask("C0 C1 05 0C0117 01 05 03 01 00000000 00000000 02").head.refused);               // a status in a request is nobody's answer
  EXPECT_EQ(answer("C0 D0 82 8001").head.qualifier, 0x0180u);                                       // IIN1.7, IIN2.0
  EXPECT_FALSE(heard.all.back().head.refused);                                                      // an unsolicited response answers nothing
}

TEST_F(Dnp3, select_and_operate_can_be_compared) {
  const auto digest = [this](std::string_view data) { return ask(data).head.digest; };
  const uint64_t select = digest("C0 C1 03 0C0117 01 05 03 01 64000000 00000000 00");
  EXPECT_NE(select, 0u);
  EXPECT_EQ(select, digest("C1 C2 04 0C0117 01 05 03 01 64000000 00000000 00"));
  EXPECT_EQ(select, digest("C1 C2 04 0C0117 01 05 03 01 64000000 00000000 07"));                    // the status is left out
  EXPECT_EQ(select, digest("C1 C2 04 780307 01 01000000 0100 0C0117 01 05 03 01 64000000 00000000 00 78095B 01 0400 DEADBEEF"));   // and authentication
  EXPECT_NE(select, digest("C1 C2 04 0C0117 01 05 03 01 64000000 01000000 00"));                    // off-time
  EXPECT_NE(select, digest("C1 C2 04 0C0117 01 06 03 01 64000000 00000000 00"));                    // index
  EXPECT_NE(select, digest("C1 C2 04 0C0117 01 05 04 01 64000000 00000000 00"));                    // latch off
  EXPECT_EQ(digest("C0 C1 01 3C0206"), 0u);
  ask("C0 C3 03 0C0117 01 05 03 01 64000000 00000000 00");
  EXPECT_EQ(select, answer("C0 C3 81 0000 0C0117 01 05 03 01 64000000 00000000 02").head.digest);   // so can the echo
}

// ---- object headers (4.2.2.7)

TEST_F(Dnp3, requests_name_ranges) {
  struct { std::string_view octets, told; } cases[] = {
      {"3C0106 3C0206 3C0306 3C0406", "event class 0; event class 1; event class 2; event class 3"},
      {"3C0207 05", "event class 1"},
      {"010200 00 09", "binary input 0 x10"},
      {"010201 0001 FF01", "binary input 256 x256"},
      {"1E0002 00000100 00000200", "analog input 65536 x65537"},
      {"1E0002 00000000 FFFFFFFF", "analog input 0 x4294967295"},
      {"1E0006", "analog input 0 x65536"},
      {"020307 14", "binary input 0 x65536"},
      {"010117 02 05 09", "binary input 5; binary input 9"},
      {"010128 0200 0500 0901", "binary input 5; binary input 265"},
      {"010139 01000000 00000100", "binary input 65536"},
      {"320107 01", "time and date 0"},
      {"00FC00 00 00", "device attribute 252"},
      {"00FC00 02 02", "device attribute 2.252"},
      {"6E0000 00 03", "octet string 0 x4"},
      {"FA0000 00 03", "object 250.0 x4"},
      {"1E0000 05 04", "malformed: "},
      {"1E000A", "malformed: "},
      {"1E0086", "malformed: "},
      {"1E0070", "malformed: "},
      {"1E0010 00 04", "malformed: "},
      {"1E0006 1E", "malformed: analog input 0 x65536"},
  };
  for (const auto& c : cases) EXPECT_EQ(named(c.octets), c.told) << c.octets;
  EXPECT_EQ(ask("C0 C1 01 3C0207 05").points[0].qualifier, 5u);   // at most five
  EXPECT_EQ(ask("C0 C1 01 020308 0500").points[0].qualifier, 5u);
}

TEST_F(Dnp3, huge_ranges_of_nothing_end_at_once) {
  EXPECT_EQ(objects("6E0002 00000000 FFFFFFFF"), "octet string 0 x4294967295 = 0 octets");
  EXPECT_EQ(objects("6E0009 FFFFFFFF"), "octet string 0 x4294967295 = 0 octets");
  EXPECT_EQ(objects("3C0202 00000000 FFFFFFFF"), "event class 1 x4294967295 = 0 octets");
  EXPECT_EQ(objects("010102 00000000 FFFFFFFF"), "malformed: ");
  EXPECT_EQ(objects("1E0202 00000000 FFFFFFFF 01 0500"), "malformed: analog input 0 = 5");
  EXPECT_EQ(objects("6E0139 FFFFFFFF 00000000 41"), "malformed: octet string 0 = 1 octets");
  EXPECT_EQ(objects("46055B FF"), "malformed: ");
  EXPECT_EQ(named("010139 FFFFFFFF"), "malformed: ");
}

// ---- objects (Annex A)

TEST_F(Dnp3, values_and_qualities_of_every_point_type) {
  struct { std::string_view octets, told; } cases[] = {
      {"010100 03 0D 0104", "binary input 3 = on; binary input 4 = off; binary input 5 = off; binary input 6 = off; binary input 7 = off; binary input 8 = off; binary input 9 = off; "
                            "binary input 10 = off; binary input 11 = off; binary input 12 = off; binary input 13 = on"},
      {"010200 05 06 81 01", "binary input 5 = on; binary input 6 = off"},
      {"010200 05 05 80", "binary input 5 = on, offline"},
      {"010200 05 05 3F", "binary input 5 = off, chatter,restarted,communication lost,forced locally,forced remotely"},
      {"020117 01 05 81", "binary input 5 = on"},
      {"020217 01 05 81 E8030000 0000", "binary input 5 = on @1000"},
      {"020317 01 05 81 0A00", "binary input 5 = on +10"},
      {"330107 01 E80300000000 020317 02 05 81 0A00 06 01 0B00", "time and date 0 = time 1.000; binary input 5 = on @1010; binary input 6 = off @1011"},
      {"330207 01 E80300000000 020317 01 05 81 0A00", "time and date 0 = time 1.000; binary input 5 = on ~1010"},
      {"030100 00 04 E4 01", "double-bit input 0 = intermediate; double-bit input 1 = off; double-bit input 2 = on; double-bit input 3 = faulty; double-bit input 4 = off"},
      {"030200 07 07 81", "double-bit input 7 = on"},
      {"040117 01 07 41", "double-bit input 7 = off"},
      {"040217 01 07 C1 E80300000000", "double-bit input 7 = faulty @1000"},
      {"0A0200 02 02 81", "binary output 2 = on"},
      {"0B0217 01 02 01 E80300000000", "binary output 2 = off @1000"},
      {"0D0117 01 02 80", "binary output 2 = on"},
      {"0D0217 01 02 04 E80300000000", "binary output 2 = off @1000 status 4"},
      {"140100 00 00 01 FFFFFFFF", "counter 0 = 4294967295"},
      {"140200 00 00 61 FFFF", "counter 0 = 65535, counter carry,discontinuity"},
      {"140500 00 00 01000000", "counter 0 = 1"},
      {"140600 00 00 0100", "counter 0 = 1"},
      {"150528 0100 0300 01 0A000000 E80300000000", "frozen counter 3 = 10 @1000"},
      {"150A00 03 03 0A00", "frozen counter 3 = 10"},
      {"160117 01 03 01 0A000000", "counter 3 = 10"},
      {"160617 01 03 01 0A00 E80300000000", "counter 3 = 10 @1000"},
      {"170217 01 03 01 0A00", "frozen counter 3 = 10"},
      {"1E0100 05 05 01 FFFFFFFF", "analog input 5 = -1"},
      {"1E0200 05 05 21 FF7F", "analog input 5 = 32767, overflow"},
      {"1E0300 05 05 00000080", "analog input 5 = -2147483648"},
      {"1E0400 05 05 0080", "analog input 5 = -32768"},
      {"1E0500 05 05 41 0000C841", "analog input 5 = 25, bad reference"},
      {"1E0600 05 05 01 0000000000003940", "analog input 5 = 25"},
      {"1F0300 05 05 01 05000000 E80300000000", "frozen analog input 5 = 5 @1000"},
      {"200417 01 05 01 FEFF E80300000000", "analog input 5 = -2 @1000"},
      {"200717 01 05 01 0000C841 E80300000000", "analog input 5 = 25 @1000"},
      {"210817 01 05 01 0000000000003940 E80300000000", "frozen analog input 5 = 25 @1000"},
      {"220100 05 05 0A00", "object 34.5 = 10"},
      {"220300 05 05 0000C841", "object 34.5 = 25"},
      {"280200 05 05 01 0A00", "analog output 5 = 10"},
      {"2A0717 01 05 01 0000C841 E80300000000", "analog output 5 = 25 @1000"},
      {"2B0317 01 05 07 0A000000 E80300000000", "analog output 5 = 10 @1000 status 7"},
      {"320107 01 E80300000000", "time and date 0 = time 1.000"},
      {"320207 01 E80300000000 0A000000", "time and date 0 = time 1.000"},
      {"320417 01 02 E80300000000 0A000000 05", "time and date 2 = time 1.000"},
      {"340107 01 0500", "time and date 0 = 5000"},
      {"340207 01 0500", "time and date 0 = 5"},
      {"500100 07 07 01", "internal indication 7 = on"},
      {"510107 01 32 1E02", "object 81.0 = 50"},
      {"530107 01 41424344 0100 0300 AABBCC", "object 83.0 = 3 octets"},
      {"560217 01 02 01", "data set 2 = 1"},
      {"5A015B 01 0300 414243", "application 0 = \"ABC\""},
      {"650100 00 00 3412", "object 101.0 = 1234"},
      {"650300 00 00 7856341200000000", "object 101.0 = 12345678"},
      {"660100 01 01 FF", "object 102.1 = 255"},
      {"6E0300 00 01 414243 444546", "octet string 0 = 3 octets; octet string 1 = 3 octets"},
      {"710217 01 04 4142", "virtual terminal 4 = 2 octets"},
      {"790107 01 01 0200 0A000000", "security statistic 0 = 10"},
      {"7A0217 01 05 01 0200 0A000000 E80300000000", "security statistic 5 = 10 @1000"},
      {"020217 01 05 81 FFFFFFFFFFFF", "binary input 5 = on @9223372036854"},   // beyond what can be held: flagged
      {"1E1700 00 00 01", "malformed: analog input 0 = 1 octets"},              // no such variation
      {"FE0100 00 00 01", "malformed: object 254.0 = 1 octets"},
      {"FE015B 01 0100 01 1E0400 00 00 0100", "malformed: object 254.0 = 1 octets; analog input 0 = 1"},   // its size is said: one goes on behind it
      {"1E0200 00 01 01 0100 01", "malformed: analog input 0 = 1"},             // cut off: what was whole is heard
  };
  for (const auto& c : cases) EXPECT_EQ(objects(c.octets), c.told) << c.octets;
}

// Each form is read to its end, and an octet less is heard as malformed.
TEST_F(Dnp3, every_form_has_its_size) {
  size_t fixed = 0;
  for (const dnp3::Form& f : dnp3::forms) {
    if (f.layout != dnp3::Layout::fixed) continue;
    char header[32];
    std::snprintf(header, sizeof header, "%02X%02X07 02 ", f.group, f.variation);
    const std::string one(2u * f.size, '0');
    EXPECT_EQ(objects(header + one + one).rfind("malformed", 0), std::string::npos) << f.name;
    ASSERT_EQ(heard.all.back().points.size(), 2u) << f.name;
    EXPECT_EQ(heard.all.back().points[1].form, f.group << 8 | f.variation) << f.name;
    EXPECT_EQ(dnp3::form_name(heard.all.back().points[1].form), f.name);
    EXPECT_EQ(objects(header + one + one.substr(2)).rfind("malformed", 0), 0u) << f.name;
    EXPECT_EQ(objects(header + one + one + "00").rfind("malformed", 0), 0u) << f.name;
    fixed++;
  }
  EXPECT_EQ(fixed, 127u);
}

TEST_F(Dnp3, one_point_is_one_object_in_every_group) {
  const auto object = [this](std::string_view octets) { objects(octets); return heard.all.back().points[0].object; };
  EXPECT_EQ(object("010200 05 05 81"), object("020117 01 05 81"));
  EXPECT_EQ(object("1E0200 05 05 01 0000"), object("200217 01 05 01 0000"));
  EXPECT_EQ(object("0A0200 05 05 81"), ask("C0 C1 05 0C0117 01 05 03 01 00000000 00000000 00").points[0].object);
  EXPECT_EQ(object("280200 05 05 01 0000"), ask("C0 C1 05 290217 01 05 0000 00").points[0].object);
  EXPECT_NE(object("1E0200 05 05 01 0000"), object("220100 05 05 0000"));                            // a deadband is not the value
  EXPECT_NE(object("1E0200 05 05 01 0000"), object("140200 05 05 01 0000"));
}

TEST_F(Dnp3, control_relay_output_blocks) {
  struct { std::string_view octets, told; uint32_t qualifier, duration; } cases[] = {
      {"03 01 00000000 00000000 00", "binary output 5 = on", 0x103, 0},                              // latch on
      {"04 01 00000000 00000000 00", "binary output 5 = off", 0x104, 0},                             // latch off
      {"01 02 F4010000 64000000 00", "binary output 5 = on", 0x201, 500},                            // pulse on, twice
      {"02 01 F4010000 00000000 00", "binary output 5 = off", 0x102, 500},
      {"41 01 F4010000 00000000 00", "binary output 5 = on", 0x141, 500},                            // close
      {"81 01 F4010000 00000000 00", "binary output 5 = off", 0x181, 500},                           // trip: a pulse, and yet off
      {"00 01 00000000 00000000 00", "binary output 5", 0x100, 0},                                   // nul
      {"03 01 00000000 00000000 04", "binary output 5 = on status 4", 0x103, 0},
  };
  for (const auto& c : cases) {
    const Sentence s = ask("C0 C1 05 0C0128 0100 0500 " + std::string(c.octets));
    EXPECT_EQ(told(s), c.told) << c.octets;
    EXPECT_EQ(s.points[0].qualifier, c.qualifier) << c.octets;
    EXPECT_EQ(s.points[0].duration, c.duration) << c.octets;
    EXPECT_EQ(s.points[0].form, 0x0C01) << c.octets;
  }
}

TEST_F(Dnp3, files_by_name_and_no_password) {
  Sentence s = ask("C0 C1 19 46035B 01 2000 1A00 0600 E80300000000 2401 00000000 05000000 0200 0004 0100 612E74787421");
  EXPECT_EQ(told(s), "a.txt! = 5 @1000");
  EXPECT_EQ(s.points[0].qualifier, 2u | 0x124u << 16);                                               // for writing; permissions
  s = ask("C0 C1 1D 46025B 01 1600 0C00 0500 1100 0500 00000000 61646D696E 7365637231");
  EXPECT_EQ(told(s), "file 0 = \"admin\"");
  EXPECT_EQ(s.points[0].qualifier, 1u);                                                              // a password is there
  EXPECT_EQ(s.texts.size(), 1u);
  for (const auto& [key, t] : s.texts) EXPECT_EQ(t.find("secr1"), std::string::npos);
  s = answer("C0 C1 81 0000 46055B 01 0D00 78563412 02000080 68656C6C6F");
  EXPECT_EQ(told(s), "file 305419896 = 5 octets");
  EXPECT_TRUE(s.head.retained);
  EXPECT_EQ(s.points[0].qualifier, 0x80000002u);
  EXPECT_EQ(objects("46075B 01 1A00 1400 0600 0100 64000000 E80300000000 2401 0100 612E74787421"), "a.txt! = 100 @1000");
  EXPECT_EQ(objects("46075B 01 1A00 1500 0600 0100 64000000 E80300000000 2401 0100 612E74787421"), "malformed: ");   // the name lies outside
  EXPECT_EQ(told(ask("C0 C1 1F 46085B 01 0500 612E636667")), "a.cfg = 5 octets");
}

TEST_F(Dnp3, a_device_tells_who_it_is) {
  ask("C0 C1 01 00FE00 00 00");
  const Sentence s = answer("C0 C1 81 0000 00FC00 00 00 01 04 41636D65 00FA00 00 00 01 05 5254552D31 00F000 00 00 02 02 0008 00CC00 00 00 04 04 0000C841 00D900 00 00 03 01 FF");
  EXPECT_EQ(told(s), "device attribute 252 = \"Acme\"; device attribute 250 = \"RTU-1\"; device attribute 240 = 2048; device attribute 204 = 25; device attribute 217 = -1");
  ASSERT_EQ(heard.identities.size(), 1u);
  EXPECT_EQ(heard.identities[0].station, 1024u);
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].vendor), "Acme");
  EXPECT_EQ(heard.identity_texts().at(heard.identities[0].product), "RTU-1");
  EXPECT_EQ(dnp3::form_name(s.points[0].form), "manufacturer");
}

TEST_F(Dnp3, secure_authentication_is_named_and_opaque) {
  Sentence s = answer("C0 C1 83 0000 78015B 01 0C00 02000000 0300 04 01 CAFECAFE");
  EXPECT_EQ(told(s), "authentication 3 = 12 octets");                                                // user 3
  EXPECT_TRUE(s.head.encrypted);
  EXPECT_EQ(dnp3::form_name(s.points[0].form), "authentication challenge");
  s = ask("C0 C1 01 780307 01 01000000 0700 3C0206");                                                // aggressive mode, in a read
  EXPECT_EQ(told(s), "authentication 7 = 6 octets; event class 1");
  ask("C0 C5 0D");
  EXPECT_EQ(answer("C0 C5 83 0000 78015B 01 0C00 02000000 0300 04 01 CAFECAFE").head.act, Act::session);
  ask("C1 C5 20 78025B 01 0A00 02000000 0100 CAFEBABE");
  s = answer("C1 C5 81 0000");
  EXPECT_EQ(s.head.act, Act::run) << "the answer is that to the question which was challenged";
  EXPECT_FALSE(s.head.unpaired);
}

TEST_F(Dnp3, many_objects_are_heard_in_runs) {
  std::string data = "40 C1 81 0000 010102 00000000 20A10700 ";        // 500,001 inputs announced, 249 octets a segment
  answer(data + std::string(2 * 234, 'F'));
  for (unsigned i = 1; i < 9; i++) {
    char transport[4];
    std::snprintf(transport, sizeof transport, "%02X ", i | (i == 8 ? 0x80u : 0u));
    answer(transport + std::string(2 * 249, 'F'));
  }
  ASSERT_EQ(heard.all.size(), 1u);
  EXPECT_TRUE(heard.all[0].head.malformed);
  EXPECT_EQ(heard.all[0].points.size(), 8u * (234 + 8 * 249));
  EXPECT_EQ(heard.all[0].points.back().object.number(), 8u * (234 + 8 * 249) - 1);
}

// ---- recognising

TEST(Dnp3Recognises, by_the_header_on_any_port) {
  const auto& p = protocol_named("dnp3");
  const auto is = [&p](const Octets& up, const Octets& down) { return p.recognises(up, down, Carrier::tcp); };
  const Octets poll = asks("C0 C1 01 3C0206"), reply = says("C0 C1 81 0000");
  EXPECT_EQ(is(poll, {}).sure, Recognised::yes);
  EXPECT_EQ(is(poll, {}).client, Recognised::up);
  EXPECT_EQ(is(reply, poll).client, Recognised::down);                          // the outstation opened the connection
  EXPECT_EQ(is({}, reply).client, Recognised::up);
  EXPECT_EQ(is(hex("FF FF 01 05") + poll, {}).sure, Recognised::yes);          // joined in the middle
  EXPECT_EQ(is(hex("05 64 0B C4 0004"), {}).sure, Recognised::maybe);          // not a whole header yet
  EXPECT_EQ(is(hex("05 64 0B C4 0004 0100 0000"), {}).sure, Recognised::maybe);   // its CRC is wrong
  EXPECT_EQ(is(hex("16 03 01"), {}).sure, Recognised::no);                      // the secured variant begins with TLS
  EXPECT_EQ(is(link(0x44, 1024, 1, hex("C0 C1 0D")), {}).client, Recognised::up);   // the function knows better than the DIR bit
}

}  // namespace
}  // namespace vidra
