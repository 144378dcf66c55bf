// SPDX-License-Identifier: Apache-2.0
// However many workers hear it, and however the sensor is attached: the same stories and the same counts.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <regex>
#include <set>

#include "daemon/capture/file.h"
#include "daemon/capture/share.h"
#include "daemon/report/line.h"
#include "daemon/sensor/ears.h"
#include "daemon/sensor/pipeline.h"
#include "tests/support/arrangements.h"

namespace vidra {
namespace {

using Frame = std::vector<uint8_t>;

template <class T> void put(Frame& to, T v) { to.insert(to.end(), reinterpret_cast<const uint8_t*>(&v), reinterpret_cast<const uint8_t*>(&v) + sizeof v); }

// A pcapng with so many interfaces, times in nanoseconds.
class Recording {
 public:
  Recording(std::string path, size_t interfaces) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "wb")) {
    Frame b;
    put(b, 0x0A0D0D0Au), put(b, 28u), put(b, 0x1A2B3C4Du), put(b, uint16_t{1}), put(b, uint16_t{0}), put(b, ~uint64_t{0}), put(b, 28u);
    for (size_t i = 0; i < interfaces; i++) {
      put(b, 1u), put(b, 32u), put(b, uint16_t{1}), put(b, uint16_t{0}), put(b, 0u);
      put(b, uint16_t{9}), put(b, uint16_t{1}), put(b, 9u), put(b, 0u), put(b, 32u);   // if_tsresol 10^-9, opt_endofopt
    }
    write(b);
  }
  ~Recording() { close(); }
  void add(Time at, uint32_t interface, const Frame& frame) {
    Frame b;
    const uint32_t padded = uint32_t(frame.size() + 3) & ~3u, length = 32 + padded;
    put(b, 6u), put(b, length), put(b, interface), put(b, uint32_t(uint64_t(at) >> 32)), put(b, uint32_t(at)), put(b, uint32_t(frame.size())), put(b, uint32_t(frame.size()));
    b.insert(b.end(), frame.begin(), frame.end());
    b.resize(28 + padded);
    put(b, length);
    write(b);
  }
  void close() {
    if (file_) std::fclose(file_);
    file_ = nullptr;
  }

 private:
  void write(const Frame& b) { ASSERT_EQ(std::fwrite(b.data(), 1, b.size(), file_), b.size()); }
  std::string path_;
  std::FILE* file_;
};

struct Heard {
  std::vector<std::string> stories;       // the last state of each, in the order in which they began
  SensorStatus status;
};

Heard hear(const std::string& path, size_t workers, size_t cables, uint64_t seed = 1) {
  std::vector<std::unique_ptr<Source>> sources;
  const Spread spread(seed);
  for (size_t i = 0; i < workers; i++) sources.push_back(share_of(open_file(path), spread, i, workers));
  SensorSettings settings;
  settings.site = std::make_shared<const Site>();
  settings.traffic.silent_after = 0;
  settings.traffic.interfaces = cables;
  settings.traffic.groups.assign(cables, 1);
  settings.traffic.seed = 7;
  Keys keys{};
  Heard out;
  std::map<uint64_t, std::string> stories;
  {
    Pipeline pipeline(std::move(settings), Memory{}, std::move(sources), keys, real_storage());
    pipeline.on_story = [&](const Story& s) { stories[s.number] = replay_line(s); };
    std::string error;
    EXPECT_TRUE(pipeline.start(error)) << error;
    pipeline.run();
    out.status = pipeline.status();
  }
  for (auto& [number, line] : stories) out.stories.push_back(line);
  return out;
}

using Stories = std::multiset<std::string>;
void expect_same(const Stories& told, const Stories& expected, const std::string& where) {
  std::vector<std::string> more, less;
  std::set_difference(told.begin(), told.end(), expected.begin(), expected.end(), std::back_inserter(more));
  std::set_difference(expected.begin(), expected.end(), told.begin(), told.end(), std::back_inserter(less));
  for (const std::string& s : more) ADD_FAILURE() << where << ": too many: " << s;
  for (const std::string& s : less) ADD_FAILURE() << where << ": missing: " << s;
}
void expect_same(const Accounts& a, const Accounts& b, const std::string& where) {
  EXPECT_EQ(a.packets, b.packets) << where;
  EXPECT_EQ(a.conversations, b.conversations) << where;
  EXPECT_EQ(a.twins(), b.twins()) << where;
  for (size_t i = 0; i < b.protocols.size(); i++) EXPECT_EQ(a.protocols[i].records, b.protocols[i].records) << where << ", " << protocols[i]->name;
  const Octets x = a.octets(), y = b.octets();
  EXPECT_EQ(x.seen, y.seen) << where;
  EXPECT_EQ(x.decoded, y.decoded) << where;
  EXPECT_EQ(x.opaque, y.opaque) << where;
  EXPECT_EQ(x.lost, y.lost) << where;
  EXPECT_EQ(a, b) << where << ": something else";
}

struct Case {
  const char* name;
  size_t cables;
  std::vector<arrangements::Way> (*arrange)(const Frame&, uint16_t);
  bool learns = false;
};

// What differs between arrangements is where a frame stands, not what is told; and, where copies are heard before they are known as such, which
// Sync a summary of PTP falls on: with it the estimate of how right the stamps are, by that clock's own jitter.
Stories told_of(const Heard& h) {
  Stories all;
  const std::regex place(R"re("(first|last|frame|number|story|clock(_error_ns)?)":("[^"]*"|\d+),?)re");
  for (const std::string& line : h.stories) all.insert(std::regex_replace(line, place, ""));
  return all;
}

class Workers : public testing::TestWithParam<Case> {
 protected:
  // The recording of the substation, as it comes by these cables: a copy 3 µs after the frame, as switches do it.
  static std::string arranged(const Case& c) {
    const std::string path = testing::TempDir() + "vidra-workers-" + c.name + ".pcapng";
    Recording to(path, c.cables);
    auto file = open_file("tests/captures/demo-attacks.pcapng.zst");
    std::vector<Packet> packets(256);
    uint16_t number = 0;
    for (bool ended = false; !ended;) {
      const auto polled = file->poll(packets);
      for (const Packet& p : std::span(packets).first(polled.packets)) {
        Time at = p.time;
        for (const auto& way : c.arrange({p.octets.begin(), p.octets.end()}, number++)) to.add(at, uint32_t(way.cable), way.octets), at += 3 * microsecond;
      }
      file->release();
      ended = polled.ended;
    }
    to.close();
    return path;
  }
};

TEST_P(Workers, say_the_same_however_many) {
  const std::string path = arranged(GetParam());
  const Heard one = hear(path, 1, GetParam().cables);
  ASSERT_GT(one.stories.size(), 20u);
  EXPECT_EQ(one.status.shed.total(), 0u);
  for (const size_t n : {2u, 3u}) {
    const Heard several = hear(path, n, GetParam().cables, n);
    const std::string where = std::to_string(n) + " workers";
    if (GetParam().learns) {
      // Each worker finds out for itself that copies without an identification are the mirror's: at its eighth (Twins).
      expect_same(told_of(several), told_of(one), where);
      EXPECT_EQ(several.status.accounts.packets, one.status.accounts.packets);
      EXPECT_NEAR(double(several.status.accounts.twins()), double(one.status.accounts.twins()), 16.0 * double(n)) << where;
    } else {
      expect_same({several.stories.begin(), several.stories.end()}, {one.stories.begin(), one.stories.end()}, where);
      expect_same(several.status.accounts, one.status.accounts, where);
    }
    EXPECT_EQ(several.status.workers, n);
    uint64_t delivered = 0;
    for (const auto& i : several.status.interfaces) {
      delivered += i.counters.delivered;
      EXPECT_GT(i.last_frame, 0) << "a link that falls silent is seen in the status";
      EXPECT_FALSE(i.name.empty());
    }
    EXPECT_EQ(delivered, one.status.accounts.packets) << "each frame is some worker's";
  }
  std::remove(path.c_str());
}

INSTANTIATE_TEST_SUITE_P(Recorded, Workers, testing::Values(Case{"mirror", 1, arrangements::mirror}, Case{"doubled_mirror", 1, arrangements::doubled, true},
                         Case{"tap_pair", 2, arrangements::tap_pair}, Case{"prp_pair", 2, arrangements::prp_pair}, Case{"erspan", 1, arrangements::erspan}),
                         [](const auto& of) { return std::string(of.param.name); });

TEST_F(Workers, tell_the_same_however_attached) {
  const Stories expected = told_of(hear("tests/captures/demo-attacks.pcapng.zst", 1, 1));
  for (const Case& c : {Case{"tap-pair", 2, arrangements::tap_pair}, Case{"doubled", 1, arrangements::doubled}, Case{"prp-pair", 2, arrangements::prp_pair}, Case{"far", 1, arrangements::erspan}}) {
    const std::string path = arranged(c);
    const Stories told = told_of(hear(path, 2, c.cables));
    expect_same(told, expected, c.name);
    std::remove(path.c_str());
  }
}

// ---- what is put together

struct Sensed final : EventSink {
  void see(const Event& e) override { said.emplace_back(SensorFact(e.said->function), e.said->tag); }
  std::vector<std::pair<SensorFact, uint32_t>> said;
};

struct TwoWorkers {
  static std::vector<std::unique_ptr<EventRing>> two(Bell& bell) {
    std::vector<std::unique_ptr<EventRing>> all;
    for (int i = 0; i < 2; i++) all.push_back(std::make_unique<EventRing>(1 << 16, bell));
    return all;
  }
  void say(size_t worker, Time at, SensorFact fact, uint32_t tag, uint32_t qualifier = 0) {
    Scene s;
    s.time = at;
    s.protocol = uint16_t(protocol_index("sensor"));
    Message m;
    m.act = Act::diagnose;
    m.function = uint16_t(fact), m.tag = tag, m.qualifier = qualifier;
    rings[worker]->see({s, &m, nullptr, {}, Texts()});
  }
  const std::vector<std::pair<SensorFact, uint32_t>>& heard(Time until) {
    for (const auto& r : rings) r->publish(until);
    Time t = 0;
    merge.drain(ears, t);
    return sensed.said;
  }
  Bell bell;
  std::vector<std::unique_ptr<EventRing>> rings = two(bell);
  EventMerge merge{rings, 0};
  Sensed sensed;
  Ears ears{sensed, merge, 2};
};
using Said = std::vector<std::pair<SensorFact, uint32_t>>;

TEST(Lanes, WhatBecomesMostSevereWaitsBehindNothing) {
  const auto lane = [](uint8_t severity, uint32_t revision, bool turned) {
    Story s;
    s.severity = severity, s.revision = revision, s.turned = turned;
    return lane_of(s);
  };
  EXPECT_EQ(lane(5, 0, false), Lane::critical);
  EXPECT_EQ(lane(5, 3, true), Lane::critical);        // a stranger who looked begins to open breakers
  EXPECT_EQ(lane(5, 4, false), Lane::alert);          // and goes on
  EXPECT_EQ(lane(4, 0, false), Lane::alert);
  EXPECT_EQ(lane(4, 1, true), Lane::alert);
}

TEST(Ears, an_interface_is_silent_when_no_worker_hears_it_and_that_is_told_once) {
  TwoWorkers w;
  w.say(0, 10 * second, SensorFact::silent, 10);                 // the other still hears it
  EXPECT_EQ(w.heard(14 * second), Said{});
  w.say(0, 15 * second, SensorFact::heard_again, 15);
  w.say(0, 30 * second, SensorFact::silent, 10);
  w.say(1, 34 * second, SensorFact::silent, 10);                 // the last frame came at 24
  EXPECT_EQ(w.heard(40 * second), (Said{{SensorFact::silent, 10}}));
  w.say(0, 44 * second, SensorFact::heard_again, 24);            // to this worker it was quiet for longer
  w.say(1, 45 * second, SensorFact::heard_again, 21);
  EXPECT_EQ(w.heard(50 * second), (Said{{SensorFact::silent, 10}, {SensorFact::heard_again, 20}}));
}

TEST(Ears, one_direction_is_missing_when_no_worker_hears_both) {
  TwoWorkers w;
  w.say(0, 10 * second, SensorFact::one_way, 2, 0);              // two here, two there: enough together
  w.say(1, 10 * second, SensorFact::one_way, 2, 0);
  EXPECT_EQ(w.heard(11 * second), (Said{{SensorFact::one_way, 4}}));
  w.say(0, 20 * second, SensorFact::one_way, 5, 0);              // told already
  w.say(1, 20 * second, SensorFact::one_way, 0, 0);
  w.say(0, 30 * second, SensorFact::one_way, 0, 0);
  w.say(1, 30 * second, SensorFact::one_way, 0, 1);
  EXPECT_EQ(w.heard(31 * second), (Said{{SensorFact::one_way, 4}, {SensorFact::both_ways, 1}}));
  w.say(0, 40 * second, SensorFact::one_way, 9, 0);              // three, and one that the other hears both ways of
  w.say(1, 40 * second, SensorFact::one_way, 0, 1);
  EXPECT_EQ(w.heard(41 * second).size(), 2u);
}

TEST(Ears, everything_else_passes) {
  TwoWorkers w;
  w.say(1, 3 * second, SensorFact::resynchronised, 4);
  EXPECT_EQ(w.heard(4 * second), (Said{{SensorFact::resynchronised, 4}}));
}

Seen::Heard heard_of(uint64_t delivered, uint64_t kernel, uint64_t card, Outage outage = {}) {
  Seen::Heard h;
  h.counters.delivered = delivered, h.counters.dropped_by_kernel = kernel, h.counters.dropped_by_card = card;
  h.outage = std::move(outage);
  h.up = !h.outage.count || h.outage.until;
  return h;
}

TEST(Together, counts_add_up_but_for_the_cards_which_every_queue_reads) {
  std::vector<Seen> seen(3);
  seen[0].interfaces = {heard_of(10, 1, 7)};
  seen[1].interfaces = {heard_of(20, 2, 7)};                     // the third has not looked yet
  const Seen::Heard h = together(seen, 0);
  EXPECT_EQ(h.counters.delivered, 30u);
  EXPECT_EQ(h.counters.dropped_by_kernel, 3u);
  EXPECT_EQ(h.counters.dropped_by_card, 7u);
  seen[0].interfaces[0].counters.dropped_by_kernel = seen[1].interfaces[0].counters.dropped_by_kernel = Counters::unknown;
  EXPECT_EQ(together(seen, 0).counters.dropped_by_kernel, Counters::unknown);
}

TEST(Together, an_outage_is_one_and_lasts_until_the_last_queue_is_back) {
  std::vector<Seen> seen(2);
  seen[0].interfaces = {heard_of(0, 0, 0, {1, 100, 0, "it is down"})};
  seen[1].interfaces = {heard_of(0, 0, 0)};                      // has not seen it yet
  EXPECT_EQ(together(seen, 0).outage.count, 1u);
  EXPECT_FALSE(together(seen, 0).up);
  seen[1].interfaces = {heard_of(0, 0, 0, {1, 90, 200, "it is down"})};
  EXPECT_EQ(together(seen, 0).outage.from, 90);
  EXPECT_EQ(together(seen, 0).outage.until, 0);
  seen[0].interfaces[0].outage.until = 210;
  EXPECT_EQ(together(seen, 0).outage.until, 210);
}

}  // namespace
}  // namespace vidra
