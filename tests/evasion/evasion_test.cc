// SPDX-License-Identifier: Apache-2.0
// A command hidden in the ways that are known: octets sent twice, what the receiver does not take, what the sensor might not take, cuts and
// garbage. Each is a case, and each must end as a finding about the command, or as a word that the octets can be understood in two ways.
#include <cstdio>

#include "tests/evasion/stand.h"

namespace vidra::evasion {
namespace {

Octets part(const Octets& o, size_t from, size_t to) { return {o.begin() + long(from), o.begin() + long(std::min(to, o.size()))}; }

// The table that stands at the end.
struct Tally { size_t tried = 0, command = 0, ambiguity = 0, both = 0, silent = 0; };
std::map<std::string, Tally> tallies;

void judge(Stand& s, const std::string& family, const std::string& what) {
  Tally& t = tallies[family];
  const bool command = s.command();
  const std::string ambiguity = s.ambiguity();
  t.tried++;
  if (command && !ambiguity.empty()) t.both++;
  else if (command) t.command++;
  else if (!ambiguity.empty()) t.ambiguity++;
  else t.silent++;
  if (std::getenv("VIDRA_SHOW")) std::printf("%-24s %-56s %s%s%s\n", family.c_str(), what.c_str(), command ? "command" : "", command && !ambiguity.empty() ? " + " : "", ambiguity.c_str());
  EXPECT_TRUE(command || !ambiguity.empty()) << family << ", " << what << ": silent\n" << s.told();
  for (const auto& [fact, word] : {std::pair(Fact::overlap, "twice with different content"), {Fact::fragment_overlap, "overlapping IP fragments"}, {Fact::urgent, "as urgent"}})
    EXPECT_EQ(s.count(fact) > 0, s.says(word)) << family << ", " << what << ": what traffic says and what is judged are not the same\n" << s.told();
}

class Table : public ::testing::Environment {
  void TearDown() override {
    std::printf("\n%-44s%8s%9s%11s%7s%8s\n", "", "tried", "command", "ambiguity", "both", "silent");
    for (const auto& [name, t] : tallies) std::printf("%-44s%8zu%9zu%11zu%7zu%8zu\n", name.c_str(), t.tried, t.command, t.ambiguity, t.both, t.silent);
  }
};
const auto* const table = ::testing::AddGlobalTestEnvironment(new Table);

// What an ordinary connection has said before: it is known what it speaks.
Connection greeted(Stand& s, const Wire& w = wires[0], bool ip6 = false) {
  Connection c(s, w.port, ip6);
  c.open();
  if (w.port == 2404) {
    c.send(0, u_frame(0x07));                                    // STARTDT act, con
    c.send(1, u_frame(0x0b));
  }
  c.send(0, w.ordinary(0));
  return c;
}

TEST(Stand, WhatIsOrdinaryIsQuietAndTheCommandIsFound) {
  for (const Wire& w : wires) {
    Stand s;
    Connection c = greeted(s, w);
    c.send(0, w.ordinary(1));
    EXPECT_EQ(s.ambiguity(), "") << w.name;
    EXPECT_FALSE(s.command()) << w.name << s.told();
    EXPECT_EQ(s.found("NET-15"), 0u);
    c.send(0, w.command(2));
    EXPECT_EQ(s.ambiguity(), "") << w.name;
    EXPECT_TRUE(s.command()) << w.name << s.told();
    s.finish();
  }
}

// --- the thirteen relations of two intervals (Allen): the first piece is [a, b), the second [c, d), then all the rest

struct Relation { const char* name; int a, b, c, d; };
constexpr Relation relations[] = {
    {"before", 0, 1, 2, 3}, {"after", 2, 3, 0, 1}, {"meets", 0, 1, 1, 2}, {"met by", 1, 2, 0, 1}, {"overlaps", 0, 2, 1, 3}, {"overlapped by", 1, 3, 0, 2}, {"starts", 0, 1, 0, 3},
    {"started by", 0, 3, 0, 1}, {"during", 1, 2, 0, 3}, {"contains", 0, 3, 1, 2}, {"finishes", 2, 3, 0, 3}, {"finished by", 0, 3, 2, 3}, {"equals", 0, 3, 0, 3}};

// Whose octets the two pieces and the rest are: C of the command's stream, D of a decoy's.
struct Content { const char* name; bool first, second, rest; };   // true: the decoy's
constexpr Content contents[] = {{"same", false, false, false}, {"command, decoy, command", false, true, false}, {"decoy, command, command", true, false, false},
                                {"command, decoy, decoy", false, true, true}, {"decoy, command, decoy", true, false, true}};

//   0                16               32              48
//   | interrogation  | command        | interrogation |
//   | TESTFR act, eight of them (68 04 43 00 00 00)    |
//                     ^17 ^21 ^25  ^30                      where the pieces begin and end
const Octets with_command = interrogation(1) + iec104_command(2) + interrogation(3);
const Octets decoy = [] { Octets o; for (int i = 0; i < 8; i++) o = o + u_frame(0x43); return o; }();

struct Overlap { int carrier; Relation relation; Content content; bool after; };   // carrier 0: TCP, 4 and 6: fragments of IP
std::string name_of(const Overlap& o) {
  return std::string(o.relation.name) + "; " + o.content.name + "; " + (o.after ? "after what comes before them" : "ahead of their turn");
}
std::vector<Overlap> every_overlap() {
  std::vector<Overlap> all;
  for (const int carrier : {0, 4, 6})
    for (const Content& c : contents)
      for (const Relation& r : relations)
        for (const bool after : {false, true}) all.push_back({carrier, r, c, after});
  return all;
}

class Overlaps : public ::testing::TestWithParam<Overlap> {};
TEST_P(Overlaps, AreHeardOrSaid) {
  const Overlap o = GetParam();
  const bool same = !o.content.first && !o.content.second && !o.content.rest;
  const auto from = [&](bool d) -> const Octets& { return d ? decoy : with_command; };
  Stand s;
  Connection c = greeted(s, wires[0], o.carrier == 6);
  if (o.carrier == 0) {
    constexpr size_t at[] = {17, 21, 25, 30};
    const auto say = [&](const Octets& stream, size_t begin, size_t end) { c.segment(0, c.next[0] + uint32_t(begin), part(stream, begin, end)); };
    const Octets &first = from(o.content.first), &second = from(o.content.second), &rest = from(o.content.rest);
    if (o.after) say(rest, 0, at[std::min(o.relation.a, o.relation.c)]);
    say(first, at[o.relation.a], at[o.relation.b]);
    say(second, at[o.relation.c], at[o.relation.d]);
    say(rest, 0, at[0]), say(rest, at[0], at[3]), say(rest, at[3], rest.size());
    c.next[0] += uint32_t(rest.size());
    c.segment(1, c.next[1], {}, {.flags = 0x10});
  } else {
    // The IP payload: the TCP header (20), then the stream. Pieces begin and end where fragments can.
    constexpr size_t at[] = {24, 32, 48, 56};
    const auto datagram = [&](bool d) { return c.tcp(0, c.next[0], from(d)); };
    const auto say = [&](bool d, size_t begin, size_t end) {
      const Octets whole = datagram(d);
      end = std::min(end, whole.size());
      if (o.carrier == 4) return s.frame(packets::ethernet(packets::ip4(desk, station, 6, part(whole, begin, end), {.id = 777, .offset = unsigned(begin), .more = end < whole.size()})));
      s.frame(packets::ethernet(packets::ip6(desk6, station6, 44, packets::fragment6(6, unsigned(begin), end < whole.size(), 777, part(whole, begin, end))), 0x86dd));
    };
    if (o.after) say(o.content.rest, 0, 24);
    say(o.content.first, at[o.relation.a], at[o.relation.b]);
    say(o.content.second, at[o.relation.c], at[o.relation.d]);
    if (!o.after) say(o.content.rest, 0, 24);
    say(o.content.rest, at[0], at[3]), say(o.content.rest, at[3], 1000);
  }
  s.finish();
  const std::string family = (o.carrier == 0 ? "TCP segments" : o.carrier == 4 ? "IPv4 fragments" : "IPv6 fragments") + std::string(same ? ", the same octets" : ", different octets");
  judge(s, family, name_of(o));
  const size_t told = s.count(Fact::overlap) + s.count(Fact::fragment_overlap);
  if (same) {
    EXPECT_TRUE(s.command()) << name_of(o) << s.told();
    EXPECT_EQ(told, 0u) << name_of(o);
    EXPECT_EQ(s.ambiguity(), "") << name_of(o);
  } else {
    EXPECT_GE(told, 1u) << name_of(o) << ": which of the two the receiver takes is its own affair, and nothing says so";
  }
}
INSTANTIATE_TEST_SUITE_P(Every, Overlaps, ::testing::ValuesIn(every_overlap()));

// --- insertion (Ptacek and Newsham): what the receiver does not take stands where the command then comes; and the other way round

struct Trick {
  const char* name;
  void (*play)(Stand&, Connection&);
};
// The decoy as it is to be sent, then the command at the same place.
void instead(Connection& c, const How& how) {
  c.segment(0, c.next[0], interrogation(1), how);
  c.send(0, iec104_command(1));
}
const Octets timestamp_now = {1, 1, 8, 10, 0, 2, 0, 0, 0, 0, 0, 1}, timestamp_old = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};   // RFC 7323: NOP, NOP, kind 8

const Trick insertions[] = {
    // IP: not for this receiver, or thrown away by it
    {"IP header with a wrong checksum", [](Stand&, Connection& c) { instead(c, {.ip_sum_wrong = true}); }},
    {"TTL that ends before the receiver", [](Stand&, Connection& c) { instead(c, {.ttl = 1}); }},
    {"IP options that receivers refuse (strict source route)", [](Stand&, Connection& c) { instead(c, {.ip_options = {0x89, 7, 4, 10, 1, 1, 99, 0}}); }},
    {"IP length of more octets than there are", [](Stand&, Connection& c) { instead(c, {.length_wrong = true}); }},
    {"addressed to another card", [](Stand&, Connection& c) { instead(c, {.to = Mac{{2, 0, 0, 0, 0, 0x99}}}); }},
    // TCP: not taken
    {"TCP with a wrong checksum", [](Stand&, Connection& c) { instead(c, {.tcp_sum_wrong = true}); }},
    {"no ACK flag", [](Stand&, Connection& c) { instead(c, {.flags = 0x08}); }},
    {"no flag at all", [](Stand&, Connection& c) { instead(c, {.flags = 0}); }},
    {"acknowledges what was never sent", [](Stand&, Connection& c) { instead(c, {.acknowledged = 1'000'000}); }},
    {"a timestamp of yesterday (PAWS)",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0], interrogation(1), {.tcp_options = timestamp_old});
       c.segment(0, c.next[0], iec104_command(1), {.tcp_options = timestamp_now});
       c.next[0] += 16;
     }},
    {"signed (RFC 2385) where nobody signs", [](Stand&, Connection& c) { instead(c, {.tcp_options = {19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1}}); }},
    {"octets with a SYN in the middle of a connection", [](Stand&, Connection& c) { instead(c, {.flags = 0x12}); }},
    {"a number far outside of the window",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0] + 0x30000000, interrogation(1));
       c.send(0, iec104_command(1));
     }},
    // ends that are none
    {"RST with a number outside of the window",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0] + 0x30000000, {}, {.flags = 4});
       c.send(0, iec104_command(1));
     }},
    {"RST with the right number and a wrong checksum",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0], {}, {.flags = 4, .tcp_sum_wrong = true});
       c.send(0, iec104_command(1));
     }},
    {"FIN with a wrong checksum",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0], {}, {.flags = 0x11, .tcp_sum_wrong = true});
       c.send(0, iec104_command(1));
     }},
    {"SYN again with another number",
     [](Stand&, Connection& c) {
       c.segment(0, 77'000, {}, {.flags = 2, .ttl = 1});
       c.send(0, iec104_command(1));
     }},
    // what the receiver takes all the same
    {"octets with the SYN, before the handshake is complete",
     [](Stand& s, Connection&) {
       Connection c(s, 2404, false, 40'001);
       c.next[0] = 900'000, c.next[1] = 910'000;
       c.segment(0, c.next[0], u_frame(0x07) + iec104_command(0), {.flags = 2});
       c.next[0] += 1 + 6 + 16;
       c.segment(1, c.next[1]++, {}, {.flags = 0x12});
       c.segment(0, c.next[0], {}, {.flags = 0x10});
     }},
    {"octets with the FIN", [](Stand&, Connection& c) { c.segment(0, c.next[0], iec104_command(1), {.flags = 0x19}); }},
    {"an urgent octet that the receiver takes out of the command",
     [](Stand&, Connection& c) {
       const Octets command = iec104_command(1);
       c.send(0, part(command, 0, 6));
       c.segment(0, c.next[0], {64}, {.urgent = 1});           // a parameter, to whoever counts it
       c.next[0]++;
       c.send(0, part(command, 6, 16));
     }},
};

// Further ways, found by reading the sensor as an attacker would.
const Trick others[] = {
    {"octet by octet, each after a decoy that does not arrive",
     [](Stand&, Connection& c) {
       const Octets command = iec104_command(1), other = interrogation(1);
       for (size_t i = 0; i < command.size(); i++) {
         c.segment(0, c.next[0], {other[i]}, {.ttl = 1});
         c.segment(0, c.next[0]++, {command[i]});
         c.segment(1, c.next[1], {}, {.flags = 0x10});
       }
     }},
    {"octet by octet without PSH, each after a decoy that does not arrive",
     [](Stand&, Connection& c) {
       const Octets command = iec104_command(1), other = interrogation(1);
       for (size_t i = 0; i < command.size(); i++) {
         c.segment(0, c.next[0], {other[i]}, {.flags = 0x10, .ttl = 1});
         c.segment(0, c.next[0]++, {command[i]}, {.flags = 0x10});
         c.segment(1, c.next[1], {}, {.flags = 0x10});
       }
     }},
    {"behind more decoys than anybody remembers",
     [](Stand&, Connection& c) {
       Octets many;
       for (unsigned i = 1; i < 170; i++) many = many + interrogation(i);
       for (size_t i = 0; i < many.size(); i++) c.segment(0, c.next[0] + uint32_t(i), {many[i]}, {.ttl = 1});
       c.send(0, iec104_command(1));
     }},
    {"as the body of a file's segment whose header is urgent octets",
     [](Stand&, Connection& c) {
       //  68 21 04 00 00 00 | 7d 01 0d 00 0b 00  000000 0100 01 10 |: F_SG_NA_1 of 16 octets, to whoever counts what is urgent
       for (const uint8_t o : Octets{0x68, 0x21, 4, 0, 0, 0, 125, 1, 13, 0, 11, 0, 0, 0, 0, 1, 0, 1, 16}) c.segment(0, c.next[0]++, {o}, {.urgent = 1});
       c.send(0, iec104_command(1));
     }},
    {"in fragments that wait longer than the sensor",
     [](Stand& s, Connection& c) {
       const Octets t = c.tcp(0, c.next[0], interrogation(1) + iec104_command(2));
       s.frame(packets::ethernet(packets::ip4(desk, station, 6, part(t, 0, 32), {.id = 99, .more = true})));
       s.wait(45 * second);
       s.frame(packets::ethernet(packets::ip4(desk, station, 6, part(t, 32, 100), {.id = 99, .offset = 32})));
       c.next[0] += 32;
       c.segment(1, c.next[1], {}, {.flags = 0x10});
       c.send(0, interrogation(3));
     }},
    {"in the connection's ports used again, whose beginning is not heard",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0]++, {}, {.flags = 0x11});
       c.segment(1, c.next[1]++, {}, {.flags = 0x11});
       c.next[0] += 500'000'000, c.next[1] += 600'000'000;
       c.send(0, u_frame(0x07));
       c.send(0, iec104_command(0));
     }},
    {"octets with the SYN of a connection that takes the place of one that lives",
     [](Stand& s, Connection&) {
       Connection c(s, 2404);
       c.next[0] = 900'000, c.next[1] = 910'000;
       c.segment(0, c.next[0], u_frame(0x07) + iec104_command(0), {.flags = 2});
       c.next[0] += 1 + 6 + 16;
       c.segment(1, c.next[1]++, {}, {.flags = 0x12});
       c.segment(0, c.next[0], {}, {.flags = 0x10});
     }},
    {"before the station has answered the SYN",
     [](Stand& s, Connection&) {
       Connection c(s, 2404, false, 40'001);
       c.next[0] = 900'000, c.next[1] = 910'000;
       c.segment(0, c.next[0]++, {}, {.flags = 2});
       c.segment(0, c.next[0], u_frame(0x07) + iec104_command(0), {.flags = 0x18});
       c.next[0] += 22;
       c.segment(1, c.next[1]++, {}, {.flags = 0x12});
     }},
    {"after a RST of the station with a wrong checksum",
     [](Stand&, Connection& c) {
       c.segment(1, c.next[1], {}, {.flags = 0x14, .tcp_sum_wrong = true});
       c.send(0, iec104_command(1));
     }},
    {"after both have closed, by segments that did not arrive",
     [](Stand&, Connection& c) {
       c.segment(0, c.next[0], {}, {.flags = 0x11, .ttl = 1});
       c.segment(1, c.next[1], {}, {.flags = 0x11, .ttl = 1});
       c.send(0, iec104_command(1));
     }},
};

class Insertions : public ::testing::TestWithParam<Trick> {};
TEST_P(Insertions, AreHeardOrSaid) {
  Stand s;
  Connection c = greeted(s);
  GetParam().play(s, c);
  c.send(0, u_frame(0x43));
  s.finish();
  judge(s, "insertion, the twenty", GetParam().name);
}
INSTANTIATE_TEST_SUITE_P(Twenty, Insertions, ::testing::ValuesIn(insertions), [](const auto& i) { return std::to_string(i.index + 1); });

class OtherInsertions : public ::testing::TestWithParam<Trick> {};
TEST_P(OtherInsertions, AreHeardOrSaid) {
  Stand s;
  Connection c = greeted(s);
  GetParam().play(s, c);
  c.send(0, u_frame(0x43));
  s.finish();
  judge(s, "insertion, others", GetParam().name);
}
INSTANTIATE_TEST_SUITE_P(Every, OtherInsertions, ::testing::ValuesIn(others), [](const auto& i) { return std::to_string(i.index + 1); });

// --- cuts: nothing is ambiguous about them, so the command itself must be found, and nothing else said

struct Split {
  Wire wire;
  std::string what;
  std::vector<size_t> cuts;
  bool backwards;
};
std::vector<Split> every_split() {
  std::vector<Split> all;
  for (const Wire& w : wires) {
    const size_t n = (w.ordinary(1) + w.command(2) + w.ordinary(3)).size();
    std::vector<size_t> each;
    for (size_t at = 1; at < n; at++) {
      each.push_back(at);
      for (const bool backwards : {false, true}) all.push_back({w, "in two at " + std::to_string(at) + (backwards ? ", the second first" : ""), {at}, backwards});
      if (at + 1 < n) all.push_back({w, "an octet alone at " + std::to_string(at), {at, at + 1}, true});
    }
    for (const bool backwards : {false, true}) all.push_back({w, backwards ? "octet by octet, the last first" : "octet by octet", each, backwards});
  }
  return all;
}

class Splits : public ::testing::TestWithParam<Split> {};
TEST_P(Splits, AtEveryOctet) {
  const auto& [w, what, cuts, backwards] = GetParam();
  const Octets stream = w.ordinary(1) + w.command(2) + w.ordinary(3);
  Stand s;
  Connection c = greeted(s, w);
  std::vector<size_t> at = {0};
  at.insert(at.end(), cuts.begin(), cuts.end());
  at.push_back(stream.size());
  for (size_t n = 0; n + 1 < at.size(); n++) {
    const size_t i = backwards ? at.size() - 2 - n : n;
    c.segment(0, c.next[0] + uint32_t(at[i]), part(stream, at[i], at[i + 1]));
  }
  c.next[0] += uint32_t(stream.size());
  c.segment(1, c.next[1], {}, {.flags = 0x10});
  s.finish();
  judge(s, std::string(w.name) + " cut at every octet", what);
  EXPECT_TRUE(s.command()) << w.name << ' ' << what << s.told();
  EXPECT_EQ(s.ambiguity(), "") << w.name << ' ' << what << s.told();
}
INSTANTIATE_TEST_SUITE_P(Every, Splits, ::testing::ValuesIn(every_split()));

// --- garbage before a record: heard as what it is, and the command behind it found

struct Rubbish {
  Wire wire;
  size_t octets;
  int kind;
  bool apart;
};
std::vector<Rubbish> every_rubbish() {
  std::vector<Rubbish> all;
  const size_t step = std::getenv("VIDRA_EVERY") ? 1 : 4;      // ./dev verify tries every length
  for (const Wire& w : wires)
    for (size_t n = 1; n <= 40; n += step)
      for (const int kind : {0, 1, 2, 3, 4})
        for (const bool apart : {false, true})
          if (kind != 4 || n < w.ordinary(1).size()) all.push_back({w, n, kind, apart});
  return all;
}

class Garbage : public ::testing::TestWithParam<Rubbish> {};
TEST_P(Garbage, BeforeTheCommand) {
  const auto& [w, n, kind, apart] = GetParam();
  const Octets ordinary = w.ordinary(1);
  Octets rubbish;
  uint32_t x = uint32_t(n) * 2654435761u;
  for (size_t i = 0; i < n; i++) {
    x = x * 1664525 + 1013904223;
    rubbish.push_back(kind == 0 ? uint8_t(0) : kind == 1 ? uint8_t(0xff) : kind == 2 ? uint8_t(x >> 24) : kind == 3 ? ordinary[0] : ordinary[i]);
  }
  Stand s;
  Connection c = greeted(s, w);
  if (apart) c.send(0, rubbish), c.send(0, w.command(2));
  else c.send(0, rubbish + w.command(2));
  for (unsigned i = 3; i < 8; i++) c.send(0, w.ordinary(i));
  s.finish();
  static constexpr const char* kinds[] = {"zeros", "ones", "random octets", "the record's first octet", "a record that is cut off"};
  judge(s, std::string(w.name) + " behind garbage", std::to_string(n) + " octets: " + kinds[kind] + (apart ? ", in a segment of their own" : ""));
}
INSTANTIATE_TEST_SUITE_P(Every, Garbage, ::testing::ValuesIn(every_rubbish()));

}  // namespace
}  // namespace vidra::evasion
