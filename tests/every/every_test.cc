// SPDX-License-Identifier: Apache-2.0
// What holds for every dissector of the table. Samples come from tests/dissectors/*_test.cc.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "daemon/judge/said_fields.h"
#include "tests/every/foreign.h"
#include "tests/support/heap.h"
#include "tests/support/hear.h"
#include "tests/support/samples.h"

namespace vidra {
namespace {

// Counts what is said; keeps nothing.
struct Count final : Listener {
  size_t sentences = 0, points = 0, malformed = 0;
  bool last_malformed = false;
  void heard(const Message& m, std::span<const Point> p, Texts) override {
    sentences++;
    points += p.size();
    malformed += m.malformed;
    last_malformed = m.malformed;
  }
  void heard(const Identity&, Texts) override { sentences++; }
};

// A parser in its pool, and what it says. All that was taken has come back at the end.
struct Talk {
  explicit Talk(const Protocol& p, Listener& to) : say(to), parser(p.open(pool)) { EXPECT_NE(parser, nullptr); }
  ~Talk() {
    pool.unmake(parser);
    EXPECT_EQ(pool.used(), 0u) << "a parser kept memory of its pool";
  }
  Pool pool{16 << 20};
  Speaker say;
  Parser* parser;
};

// A sample with its octets.
struct Played {
  const Sample* sample;
  struct Record { Side from; std::vector<uint8_t> octets; };
  std::vector<Record> records;

  std::vector<uint8_t> side(Side s, size_t first = 0) const {
    std::vector<uint8_t> all;
    for (size_t i = first; i < records.size(); i++)
      if (records[i].from == s) all.insert(all.end(), records[i].octets.begin(), records[i].octets.end());
    return all;
  }
  bool stream() const { return sample->carrier == Carrier::tcp; }
};

std::vector<Played> played(std::string_view protocol) {
  std::vector<Played> all;
  for (const Enrolled& e : samples()) {
    if (e.protocol != protocol) continue;
    Played p{&e.sample, {}};
    for (const SampleRecord& r : e.sample.records) p.records.push_back({r.from, hex(r.hex)});
    all.push_back(std::move(p));
  }
  return all;
}

// A sentence as text, so that two can be compared.
std::string text_of(const Keeper& keeper) {
  std::string out;
  const auto put = [&out](uint64_t v) { out += std::to_string(v), out += ' '; };
  for (const Sentence& s : keeper.sentences) {
    const Message& m = s.head;
    for (uint64_t v : {m.station, m.origin, m.digest, uint64_t(m.tag), uint64_t(m.qualifier), uint64_t(m.sequence), uint64_t(m.points),
                       uint64_t(m.function), uint64_t(m.sub_function), uint64_t(m.reason), uint64_t(m.role), uint64_t(m.act), uint64_t(m.frame)}) put(v);
    for (bool b : {m.link, m.refused, m.malformed, m.test, m.simulated, m.encrypted, m.broadcast, m.unpaired, m.has_origin, m.retained}) put(b);
    for (const Point& p : s.points)
      for (uint64_t v : {p.object.key(), p.raw, uint64_t(p.time), uint64_t(p.count), uint64_t(p.quality), uint64_t(p.qualifier), uint64_t(p.duration), uint64_t(p.form),
                         uint64_t(p.status), uint64_t(p.kind), uint64_t(p.time_kind), uint64_t(p.time_flags), uint64_t(p.width)}) put(v);
    for (const auto& [key, text] : s.texts) put(key), out += text;
    out += '\n';
  }
  return out;
}

std::string hex_of(Bytes b) {
  std::string out;
  char two[4];
  for (uint8_t o : b) std::snprintf(two, sizeof two, "%02x", o), out += two;
  return out;
}

std::vector<const Protocol*> parsed() {   // all that say their sentences from octets
  std::vector<const Protocol*> all;
  for (const Protocol* p : protocols)
    if (p->open) all.push_back(p);
  return all;
}

class Every : public testing::TestWithParam<const Protocol*> {
 protected:
  const Protocol& protocol = *GetParam();
  std::vector<Played> all = played(protocol.name);
};
INSTANTIATE_TEST_SUITE_P(Protocol, Every, testing::ValuesIn(parsed()), [](const auto& of) { return std::string(of.param->name); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Every);

TEST_P(Every, has_samples) {
  EXPECT_FALSE(all.empty()) << "tests/dissectors/" << protocol.name << "_test.cc enrols none (tests/support/samples.h)";
  for (const Played& p : all) EXPECT_FALSE(p.records.empty()) << p.sample->name;
}

TEST_P(Every, samples_say_what_they_are) {
  std::set<std::pair<unsigned, unsigned>> spoken;
  for (const Played& p : all) {
    Keeper keeper;
    Talk talk(protocol, keeper);
    for (const auto& r : p.records) talk.parser->parse(r.octets, r.from, talk.say);
    bool malformed = false;
    for (const Sentence& s : keeper.sentences) {
      malformed |= s.head.malformed;
      spoken.insert({s.head.function, s.head.sub_function});
      if (s.head.malformed) continue;
      EXPECT_FALSE(function_name(protocol, s.head.function, s.head.sub_function).empty())
          << p.sample->name << ": function " << s.head.function << '.' << s.head.sub_function << " has no row";
      EXPECT_TRUE(protocol.frames.empty() || s.head.frame < protocol.frames.size()) << p.sample->name;
    }
    EXPECT_EQ(malformed, p.sample->malformed) << p.sample->name;
  }
  size_t rows = 0;
  for (const Function& f : protocol.functions)
    rows += std::any_of(spoken.begin(), spoken.end(), [&](auto s) { return s.first == f.number && (f.sub == 0xffff || f.sub == s.second); });
  std::printf("             %.*s: %zu of %zu functions are spoken by a sample\n", int(protocol.name.size()), protocol.name.data(), rows, protocol.functions.size());
}

// What rules may ask of a protocol (docs/RULES.md) is all that its samples say.
TEST_P(Every, samples_say_no_field_that_rules_may_not_ask_for) {
  Said heard{protocol.name};
  for (const Played& p : all) {
    Keeper keeper;
    Talk talk(protocol, keeper);
    for (const auto& r : p.records) talk.parser->parse(r.octets, r.from, talk.say);
    for (const Sentence& s : keeper.sentences) add_said(heard, s.head, s.points.data(), s.points.size());
  }
  const Said table = said_by(protocol.name);
  EXPECT_NE(table.fields, ~0u) << "no row in daemon/judge/said_fields.cc; its samples say: " << list_of(heard);
  EXPECT_EQ(heard.fields & ~table.fields, 0u) << "its samples say: " << list_of(heard);
  EXPECT_EQ(heard.kinds & ~table.kinds, 0u) << "its samples say: " << list_of(heard);
}

// A record that is cut short says so; it is never taken for a whole one, and nothing is read past its end (ASan).
TEST_P(Every, truncated_records_are_malformed) {
  for (const Played& p : all) {
    for (size_t i = 0; i < p.records.size(); i++) {
      const auto& whole = p.records[i];
      for (size_t n = 0; n < whole.octets.size(); n++) {
        Count count;
        Talk talk(protocol, count);
        for (size_t k = 0; k < i; k++) talk.parser->parse(p.records[k].octets, p.records[k].from, talk.say);
        const std::vector<uint8_t> cut(whole.octets.begin(), whole.octets.begin() + long(n));   // of its own: the sanitizer sees its end
        if (p.stream() && !p.sample->malformed) {
          const Cut c = talk.parser->next(whole.from, cut, true, false);
          EXPECT_TRUE(c.kind == Cut::need ? c.n > n : c.kind == Cut::take && c.n > n)
              << p.sample->name << ", record " << i << ": next() on " << n << " octets of " << whole.octets.size() << " says " << int(c.kind) << ' ' << c.n;
        }
        count.last_malformed = false;
        const size_t before = count.sentences;
        talk.parser->parse(cut, whole.from, talk.say);
        if (p.sample->open_ended || n == 0) continue;
        EXPECT_TRUE(count.sentences > before && count.last_malformed) << p.sample->name << ", record " << i << " cut to " << n << " octets: " << hex_of(cut);
      }
    }
  }
}

// However TCP cuts the octets, the same is said.
TEST_P(Every, splits_say_the_same) {
  for (const Played& p : all) {
    if (!p.stream() || p.sample->malformed) continue;
    Keeper whole;
    {
      Talk talk(protocol, whole);
      for (const auto& r : p.records) talk.parser->parse(r.octets, r.from, talk.say);
    }
    const std::string expected = text_of(whole);
    for (size_t i = 0; i < p.records.size(); i++) {
      for (size_t n = 0; n <= p.records[i].octets.size(); n++) {       // record i in two pieces; the last: each octet of all
        Keeper keeper;
        Talk talk(protocol, keeper);
        Feed feed(*talk.parser, talk.say);
        for (size_t k = 0; k < p.records.size(); k++) {
          const Bytes octets = p.records[k].octets;
          if (n == octets.size() && i == 0) {
            for (size_t at = 0; at < octets.size(); at++) feed.offer(p.records[k].from, octets.subspan(at, 1));
          } else if (k == i) {
            feed.offer(p.records[k].from, octets.first(n));
            feed.offer(p.records[k].from, octets.subspan(n));
          } else {
            feed.offer(p.records[k].from, octets);
          }
        }
        ASSERT_EQ(feed.losses + feed.stalls, 0u) << p.sample->name << ", record " << i << " split at " << n;
        ASSERT_EQ(text_of(keeper), expected) << p.sample->name << ", record " << i << " split at " << n;
      }
    }
    Keeper joined;                                                       // each run of records of one side in one segment
    Talk talk(protocol, joined);
    Feed feed(*talk.parser, talk.say);
    for (size_t i = 0; i < p.records.size();) {
      std::vector<uint8_t> run;
      const Side from = p.records[i].from;
      for (; i < p.records.size() && p.records[i].from == from; i++) run.insert(run.end(), p.records[i].octets.begin(), p.records[i].octets.end());
      feed.offer(from, run);
    }
    EXPECT_EQ(text_of(joined), expected) << p.sample->name << ", joined";
  }
}

// Damage is survived: no trap (ASan, UBSan), no stall, and no more said than the octets can hold.
TEST_P(Every, mutations_are_survived) {
  if (all.empty()) GTEST_SKIP() << "no samples";
  std::mt19937 random(0x51D8A);
  const auto below = [&random](size_t n) { return n ? size_t(random() % n) : 0; };
  constexpr size_t rounds = 20'000, a_parser = 100;
  for (size_t round = 0; round < rounds; round += a_parser) {
    Count count;
    Talk talk(protocol, count);
    Feed feed(*talk.parser, talk.say);
    for (size_t k = 0; k < a_parser; k++) {
      const Played& p = all[below(all.size())];
      const auto& chosen = p.records[below(p.records.size())];
      std::vector<uint8_t> octets = chosen.octets;
      for (size_t edits = 1 + below(4); edits > 0; edits--) {
        const size_t at = below(octets.size());
        const long here = long(at);
        switch (below(8)) {
          case 0: if (!octets.empty()) octets[at] ^= uint8_t(1u << below(8)); break;
          case 1: if (!octets.empty()) octets[at] = uint8_t(random()); break;
          case 2: if (!octets.empty()) octets[at] = uint8_t(below(2) ? 0xff : 0); break;
          case 3: octets.insert(octets.begin() + here, uint8_t(random())); break;
          case 4: if (!octets.empty()) octets.erase(octets.begin() + here); break;
          case 5: octets.resize(at); break;
          case 6: {                                                      // another record's tail
            const Played& q = all[below(all.size())];
            const auto& other = q.records[below(q.records.size())].octets;
            octets.resize(at);
            octets.insert(octets.end(), other.begin() + long(below(other.size())), other.end());
            break;
          }
          case 7: {                                                      // its own middle again
            const std::vector<uint8_t> again(octets.begin() + here, octets.end());
            octets.insert(octets.end(), again.begin(), again.end());
            break;
          }
        }
      }
      if (octets.size() > longest_record) octets.resize(longest_record);
      const std::vector<uint8_t> given(octets.begin(), octets.end());   // exactly as long as it says
      const Side from = below(8) ? chosen.from : other(chosen.from);
      const size_t sentences = count.sentences, points = count.points, waiting = feed.waiting(from);
      talk.say.time += Time(round + k) % 16 * 50 * millisecond;
      const bool as_stream = p.stream() && below(2);
      if (as_stream) {
        if (below(16) == 0) feed.gap(from, below(3) ? 1 + below(1000) : 0);
        feed.offer(from, given, below(16) == 0);
      } else {
        talk.parser->parse(given, from, talk.say);
      }
      const size_t heard = given.size() + (as_stream ? waiting : 0);
      ASSERT_LE(count.sentences - sentences, heard + 16) << hex_of(given);
      ASSERT_LE(count.points - points, 16 * heard + 256) << hex_of(given);
      ASSERT_EQ(feed.stalls, 0u) << "next() takes nothing, or asks for what it has been given: " << hex_of(given);
      ASSERT_LE(feed.waiting(from), longest_record) << "octets pile up";
    }
    for (Side side : {Side::client, Side::server}) talk.parser->end(side, talk.say);
  }
}

// Work grows with the octets, not faster: counted, not timed.
TEST_P(Every, work_is_linear) {
  struct Work { size_t asked, said; };
  const auto work = [this](Bytes octets, size_t times) {
    Count count;
    Talk talk(protocol, count);
    Feed feed(*talk.parser, talk.say);
    for (size_t i = 0; i < times; i++) feed.offer(Side::client, octets), feed.offer(Side::server, octets);
    return Work{feed.asked, count.sentences + count.points};
  };
  std::vector<std::vector<uint8_t>> inputs;
  for (const Played& p : all)
    if (p.stream())
      for (const auto& r : p.records) inputs.push_back(r.octets);
  for (int fill : {0x00, 0x68, 0xff, 0x05, 0x30, 0x03}) inputs.emplace_back(257, uint8_t(fill));
  for (const auto& octets : inputs) {
    const Work once = work(octets, 40), twice = work(octets, 80);
    EXPECT_LE(double(twice.asked), 2.2 * double(once.asked) + 16) << hex_of(octets);
    EXPECT_LE(double(twice.said), 2.2 * double(once.said) + 16) << hex_of(octets);
    EXPECT_LE(once.asked, 80 * (octets.size() + 1) + 16) << hex_of(octets);
  }
}

TEST_P(Every, warm_it_asks_nothing_of_the_heap) {
  if (!heap_is_counted()) GTEST_SKIP() << "a sanitizer's allocator is not counted";
  Count count;
  Talk talk(protocol, count);
  const auto round = [&] {
    for (const Played& p : all)
      for (const auto& r : p.records) {
        if (p.stream()) talk.parser->next(r.from, r.octets, true, false);
        talk.parser->parse(r.octets, r.from, talk.say);
      }
    talk.parser->gap(Side::client, 100);
    talk.parser->gap(Side::server, 0);
  };
  round();
  const size_t before = heap_requests();
  round();
  EXPECT_EQ(heap_requests() - before, 0u);
}

// Opening fails softly when the pool is empty.
TEST_P(Every, an_empty_pool_opens_nothing) {
  Pool pool(0);
  EXPECT_EQ(protocol.open(pool), nullptr);
  EXPECT_GT(pool.refused(), 0u);
}

TEST_P(Every, recognises_its_own) {
  if (!protocol.recognises) GTEST_SKIP() << "recognised by its carrier";
  size_t sure = 0, streams = 0;
  for (const Played& p : all) {
    if (p.sample->malformed) continue;
    streams++;
    const auto up = p.side(Side::client), down = p.side(Side::server);
    const Recognised right = protocol.recognises(up, down, p.sample->carrier), swapped = protocol.recognises(down, up, p.sample->carrier);
    EXPECT_NE(right.sure, Recognised::no) << p.sample->name;
    EXPECT_NE(swapped.sure, Recognised::no) << p.sample->name << ", the other way round";
    EXPECT_NE(right.client, Recognised::down) << p.sample->name << ": takes the server for the client";
    EXPECT_NE(swapped.client, Recognised::up) << p.sample->name << ", the other way round: takes the server for the client";
    sure += right.sure == Recognised::yes;
  }
  std::printf("             %.*s: sure of %zu of %zu samples\n", int(protocol.name.size()), protocol.name.data(), sure, streams);
  EXPECT_GT(sure, 0u);
}

// A false friend is worse than an unknown: yes is said to no other protocol, from its beginning, its middle or one side.
TEST_P(Every, takes_no_other_for_its_own) {
  if (!protocol.recognises) GTEST_SKIP() << "recognised by its carrier";
  const auto denies = [this](Bytes up, Bytes down, Carrier carrier, std::string_view who) {
    for (const auto& [u, d] : {std::pair{up, down}, {down, up}, {up, Bytes{}}, {Bytes{}, up}, {down, Bytes{}}, {Bytes{}, down}})
      EXPECT_NE(protocol.recognises(u, d, carrier).sure, Recognised::yes) << who << ": " << hex_of(u) << " / " << hex_of(d);
  };
  for (const Protocol* other : protocols) {
    if (other == &protocol) continue;
    for (const Played& p : played(other->name))
      for (size_t i = 0; i < p.records.size(); i++) denies(p.side(Side::client, i), p.side(Side::server, i), p.sample->carrier, p.sample->name);
  }
  for (const Foreign& f : foreigners)
    for (Carrier carrier : {Carrier::tcp, Carrier::udp})
      if (f.protocol != protocol.name) denies(hex(f.up), hex(f.down), carrier, f.name);
}

// Nor to noise, nor to its own octets cut anywhere (where it may say what it will, but must not read past the end).
TEST_P(Every, recognising_survives_anything) {
  if (!protocol.recognises) GTEST_SKIP() << "recognised by its carrier";
  std::mt19937 random(0x7E57);
  size_t sure = 0;
  for (int i = 0; i < 20'000; i++) {
    std::vector<uint8_t> up(random() % 80), down(random() % 80);
    for (auto& o : up) o = uint8_t(random());
    for (auto& o : down) o = uint8_t(random());
    if (!all.empty() && i % 2) {                                         // noise behind the first octets of a record
      const auto& r = all[random() % all.size()].records[0].octets;
      const size_t n = std::min({size_t(random() % 4), r.size(), up.size()});
      std::copy_n(r.begin(), n, up.begin());
    }
    for (Carrier carrier : {Carrier::tcp, Carrier::udp}) sure += protocol.recognises(up, down, carrier).sure == Recognised::yes;
  }
  EXPECT_LE(sure, 2u) << "of 40,000 pieces of noise";
  for (const Played& p : all)
    for (const auto& r : p.records)
      for (size_t n = 0; n <= r.octets.size(); n++) {
        const std::vector<uint8_t> head(r.octets.begin(), r.octets.begin() + long(n)), tail(r.octets.begin() + long(n), r.octets.end());
        protocol.recognises(head, tail, p.sample->carrier);
        protocol.recognises(tail, {}, p.sample->carrier);
      }
}

TEST(EveryTable, rows_are_named_sorted_and_unique) {
  std::set<std::string_view> names;
  for (const Protocol* p : protocols) {
    EXPECT_FALSE(p->name.empty());
    EXPECT_FALSE(p->title.empty()) << p->name;
    EXPECT_TRUE(names.insert(p->name).second) << p->name << " twice";
    EXPECT_TRUE(std::all_of(p->name.begin(), p->name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; })) << p->name;
    EXPECT_FALSE(p->functions.empty()) << p->name;
    for (size_t i = 0; i < p->functions.size(); i++) {
      const Function& f = p->functions[i];
      EXPECT_FALSE(f.name.empty()) << p->name << ' ' << f.number << '.' << f.sub;
      EXPECT_EQ(function_name(*p, f.number, f.sub), f.name) << p->name;
      if (i == 0) continue;
      EXPECT_LT(std::pair(p->functions[i - 1].number, p->functions[i - 1].sub), std::pair(f.number, f.sub)) << p->name;
    }
    for (std::string_view frame : p->frames) EXPECT_FALSE(frame.empty()) << p->name;
    EXPECT_TRUE(!p->open || p->recognises || !p->ports.empty()) << p->name << " can never be found";
    if (p->reason)
      for (unsigned r = 0; r <= 0xffff; r++) p->reason(uint16_t(r));
  }
}

TEST(EveryTable, samples_belong_to_a_protocol_of_the_table) {
  for (const Enrolled& e : samples()) {
    EXPECT_GE(protocol_index(e.protocol), 0) << e.protocol;
    for (const SampleRecord& r : e.sample.records) EXPECT_NO_THROW(hex(r.hex)) << e.protocol << ", " << e.sample.name;
  }
}

}  // namespace
}  // namespace vidra
