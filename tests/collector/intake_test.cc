// SPDX-License-Identifier: Apache-2.0
#include "daemon/collector/intake.h"

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include <sodium.h>

#include "daemon/record/messages.h"
#include "tests/collector/records.h"
#include "tests/support/faulty_storage.h"
#include "tests/support/waited.h"

namespace {
std::atomic<bool> time_stands{false};   // for who asks how long something takes
}
extern "C" int clock_gettime(clockid_t id, timespec* t) noexcept {
  const auto e = int(::syscall(SYS_clock_gettime, id, t));
  if (id == CLOCK_MONOTONIC && time_stands) *t = {1'000'000, 0};
  return e;
}

namespace vidra {
namespace {

// Somebody else who has the index open.
struct Other {
  explicit Other(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK); }
  ~Other() { sqlite3_close(db); }
  void run(const char* sql) { EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db); }
  // As where there is no room: a transaction begins, and what it writes last fails. `column`: of the row on which it ends.
  void refuse(const std::string& column = "change") { run(("CREATE TRIGGER full BEFORE UPDATE OF " + column + " ON meta BEGIN SELECT RAISE(ABORT, 'no room'); END").c_str()); }
  void allow() { run("DROP TRIGGER full"); }
  sqlite3* db = nullptr;
};

struct IntakeTest : testing::Test {
  Scratch scratch;
  TestStorage disk;
  IntakeSettings settings;
  FakeSensor alder{1}, birch{2, "birch-1"};
  std::vector<News> news;
  std::unique_ptr<Intake> intake;

  IntakeTest() {
    settings.directory = scratch.path;
    settings.segment_bytes = 4096;
    settings.min_free = 1 << 20;
  }
  ~IntakeTest() override { time_stands = false; }
  std::string start(bool reindex = false, const std::function<void(uint64_t, uint64_t)>& progress = {}) {
    intake.reset();
    intake = std::make_unique<Intake>(disk, settings);
    intake->on_news = [&](News&& n) { news.push_back(std::move(n)); };
    return intake->open(reindex, progress);
  }
  std::string index() const { return scratch.path + "/index.db"; }
  // So many alerts that the journal has and the index has not.
  void fall_behind(uint64_t n) {
    Other other(index());
    other.run("BEGIN IMMEDIATE");
    for (uint64_t i = 1; i <= n; i++) {
      ASSERT_TRUE(intake->intake(arrival(alder.alert(i))));
      if (i % 500 == 0 || i == n) { ASSERT_TRUE(intake->durable()); }
    }
    other.run("ROLLBACK");
  }
  uint64_t shown() {
    return intake->with_index([](Index& i) { return i.count_stories(); });
  }
  bool put(const FakeSensor::Record& r, bool probation = false) { return intake->intake(arrival(r, probation)) && intake->durable(); }
  std::vector<std::string> stories(StoryQuery q = {}) {
    std::vector<std::string> out;
    for (const StoryRow& r : intake->with_index([&](Index& i) { return i.stories(q); })) {
      const auto j = nlohmann::json::parse(r.body);
      out.push_back(j["number"].dump() + "." + j["revision"].dump());
    }
    return out;
  }
  std::vector<std::string> troubles() {
    std::vector<std::string> out;
    for (const TroubleRow& t : intake->with_index([](Index& i) { return i.troubles(0, 1000); })) out.push_back(t.kind);
    return out;
  }
  SensorRow row(const FakeSensor& s) {
    for (const SensorRow& r : intake->with_index([](Index& i) { return i.sensors(); }))
      if (r.sensor == s.id) return r;
    return {};
  }
};
using Strings = std::vector<std::string>;

TEST_F(IntakeTest, what_is_durable_is_told_once_and_in_order) {
  ASSERT_EQ(start(), "");
  ASSERT_TRUE(intake->intake(arrival(alder.alert(1))));
  ASSERT_TRUE(intake->intake(arrival(alder.alert(2))));
  EXPECT_TRUE(news.empty()) << "not before it is on disk";
  ASSERT_TRUE(intake->durable());
  ASSERT_EQ(news.size(), 2u);
  EXPECT_EQ(news[0].record.told->title, "Breaker sweep");
  EXPECT_TRUE(news[0].record.first);
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
  const auto heads = intake->heads(alder.id);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads[0], (ChainHead{77, 1, 2, alder.head[1]}));
  EXPECT_TRUE(intake->heads(birch.id).empty());
}

TEST_F(IntakeTest, a_record_that_comes_again_is_one_row) {
  ASSERT_EQ(start(), "");
  const auto r = alder.alert(1);
  EXPECT_TRUE(put(r));
  EXPECT_TRUE(put(r)) << "it is durable: acknowledge it again";
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(r)) << "after a restart too";
  EXPECT_EQ(news.size(), 1u);
  EXPECT_EQ(intake->counters().duplicates, 1u);
  EXPECT_EQ(row(alder).records, 1u);
}

TEST_F(IntakeTest, what_was_not_acknowledged_is_not_promised) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  const auto second_alert = alder.alert(2);
  ASSERT_TRUE(intake->intake(arrival(second_alert)));
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 1u);
  ASSERT_EQ(start(), "");   // killed before the sync
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 1u);
  EXPECT_TRUE(put(second_alert));
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
}

TEST_F(IntakeTest, updates_replace_and_a_late_one_does_not) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1, 0)));
  EXPECT_TRUE(put(alder.alert(1, 2, Lane::critical)));   // it became worse and overtook in the critical lane
  EXPECT_TRUE(put(alder.alert(1, 1)));
  EXPECT_EQ(stories(), Strings{"1.2"});
  EXPECT_EQ(news.size(), 2u);
  EXPECT_FALSE(news[1].record.first);
}

TEST_F(IntakeTest, one_sensor_cannot_write_into_the_story_of_another) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  EXPECT_TRUE(put(birch.alert(1, 5)));
  EXPECT_EQ(stories(), (Strings{"1.0", "1.5"}));
  StoryQuery q;
  q.sensor = "birch-1";
  EXPECT_EQ(stories(q), Strings{"1.5"});
  q.sensor = uuid_text(alder.id);
  EXPECT_EQ(stories(q), Strings{"1.0"});
}

TEST_F(IntakeTest, a_hole_in_the_numbers_and_a_broken_chain_are_noted) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  alder.alert(2), alder.alert(3);
  EXPECT_TRUE(put(alder.alert(4)));
  EXPECT_EQ(row(alder).missing, 2u);
  alder.head[1][0] ^= 1;   // the next record follows another one than we have
  EXPECT_TRUE(put(alder.alert(5)));
  EXPECT_EQ(row(alder).breaks, 1u);
  EXPECT_EQ(troubles(), (Strings{"missing", "chain"}));
  ASSERT_EQ(news[1].record.troubles.size(), 1u);
  EXPECT_EQ(news[1].record.troubles[0], "alder-1: 2 records of lane alert did not come (2 to 3)");
}

TEST_F(IntakeTest, a_bad_body_is_kept_and_set_aside) {
  ASSERT_EQ(start(), "");
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  for (const std::string& body : {std::string("no json"), deep, std::string("[]"), std::string("{}"), std::string("\xff\xfe"), std::string(),
                                  std::string(R"({"type":"alert","story":"x"})"), "{\"a\":\"" + std::string(70'000, 'x') + "\"}"})
    EXPECT_TRUE(put(alder.record(MessageType::alert, Lane::alert, body))) << "acknowledged: " << body.substr(0, 40);
  EXPECT_EQ(row(alder).quarantined, 8u);
  EXPECT_TRUE(put(alder.alert(9)));
  EXPECT_EQ(stories(), Strings{"9.0"});
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 9u);
}

// A sensor that sends only nonsense: a line and a row a minute, and the count.
TEST_F(IntakeTest, bad_records_are_told_once_a_minute_and_counted) {
  ASSERT_EQ(start(), "");
  for (int i = 0; i < 500; i++) ASSERT_TRUE(intake->intake(arrival(alder.record(MessageType::alert, Lane::alert, "no json"))));
  EXPECT_TRUE(put(birch.record(MessageType::alert, Lane::alert, "no json")));
  EXPECT_EQ(news.size(), 2u);
  EXPECT_EQ(troubles(), (Strings{"quarantine", "quarantine"}));
  EXPECT_EQ(row(alder).quarantined, 500u);
  const auto rows = intake->with_index([](Index& i) { return i.troubles(0, 10); });
  EXPECT_NE(rows[0].text.find("(and 499 more of this kind within a minute)"), std::string::npos) << rows[0].text;
  alder.now += minute;
  EXPECT_TRUE(put(alder.record(MessageType::alert, Lane::alert, "no json")));
  ASSERT_EQ(news.size(), 3u);
  EXPECT_NE(news[2].record.troubles.at(0).find("(before it, 499 more of this kind that were not told one by one)"), std::string::npos) << news[2].record.troubles.at(0);
  for (int i = 0; i < 5; i++) {   // losses are each told
    Gap gap;
    gap.epoch = 77, gap.lane = 1, gap.from = 1, gap.to = 2, gap.reason = "evicted";
    EXPECT_TRUE(put(alder.record(MessageType::gap, Lane::critical, body_of(gap))));
  }
  EXPECT_EQ(troubles().size(), 8u);
}

TEST_F(IntakeTest, the_loss_ledger_is_read) {
  ASSERT_EQ(start(), "");
  Gap gap;
  gap.epoch = 77, gap.lane = 1, gap.from = 5, gap.to = 9, gap.reason = "evicted";
  EXPECT_TRUE(put(alder.record(MessageType::gap, Lane::critical, body_of(gap))));
  EXPECT_EQ(troubles(), Strings{"gap"});
  EXPECT_NE(news.at(0).record.troubles.at(0).find("records 5 to 9 of lane alert are lost at the sensor: evicted"), std::string::npos);
}

TEST_F(IntakeTest, checkpoints_are_held_against_the_chain) {
  ASSERT_EQ(start(), "");
  SignPublic public_key;
  SignSecret secret;
  crypto_sign_keypair(public_key.data(), secret.data());
  intake->trust(alder.id, public_key);
  EXPECT_TRUE(put(alder.alert(1)));
  const auto checkpoint = [&](std::vector<ChainHead> heads) { return alder.record(MessageType::checkpoint, Lane::critical, body_of(sign(alder.id, heads, secret))); };
  EXPECT_TRUE(put(checkpoint({{77, 1, 1, alder.head[1]}})));
  EXPECT_TRUE(troubles().empty());
  EXPECT_NE(row(alder).verified, 0);
  // A checkpoint in the critical lane may arrive before what it names.
  const auto later = alder.alert(2);
  EXPECT_TRUE(put(checkpoint({{77, 1, 2, alder.head[1]}})));
  EXPECT_TRUE(put(later));
  EXPECT_TRUE(troubles().empty());
  // Another record than the signed one.
  Hash other = alder.head[1];
  other[3] ^= 1;
  EXPECT_TRUE(put(checkpoint({{77, 1, 1, other}})));
  EXPECT_TRUE(put(checkpoint({{77, 1, 3, other}})));
  alder.now += 2 * minute;   // or it would only be counted
  EXPECT_TRUE(put(alder.alert(3)));
  alder.now += 2 * minute;
  // Somebody else's signature.
  crypto_sign_keypair(public_key.data(), secret.data());
  EXPECT_TRUE(put(checkpoint({{77, 1, 3, alder.head[1]}})));
  EXPECT_EQ(troubles(), (Strings{"checkpoint", "checkpoint", "checkpoint"}));
}

TEST_F(IntakeTest, a_lost_damaged_or_older_index_is_made_again_from_the_journal) {
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 40; n++) {
    EXPECT_TRUE(put(alder.alert(n)));
    ASSERT_TRUE(n % 3 || put(birch.alert(n, 0, Lane::critical)));
  }
  const auto all = stories();
  const std::string db = scratch.path + "/index.db";
  for (const char* how : {"removed", "garbage", "asked"}) {
    intake.reset();
    if (how == std::string("removed")) Index::remove(db);
    if (how == std::string("garbage")) Index::remove(db), std::ofstream(db) << std::string(5000, 'x');
    news.clear();
    ASSERT_EQ(start(how == std::string("asked")), "") << how;
    EXPECT_EQ(stories(), all) << how;
    EXPECT_TRUE(news.empty()) << "old news is no news";
    EXPECT_EQ(intake->heads(alder.id).at(0).seq, 40u) << how;
  }
  intake.reset();
  std::filesystem::remove_all(scratch.path + "/journal/" + uuid_text(birch.id));   // a journal from a backup: older than the index
  ASSERT_EQ(start(), "");
  EXPECT_EQ(stories().size(), 40u);
  EXPECT_TRUE(intake->heads(birch.id).empty()) << "what is not in the journal is asked for again";
}

// Killed while it makes its index anew: what is there of it is neither gone on with nor told as news, nor shown to anybody.
TEST_F(IntakeTest, half_an_index_is_none) {
  const std::string db = scratch.path + "/index.db", half = scratch.path + "/half.db";
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 2300; n++) ASSERT_TRUE(intake->intake(arrival(alder.alert(n))));
  ASSERT_TRUE(intake->durable());
  intake = std::make_unique<Intake>(disk, settings);
  uint64_t asked = 0;
  ASSERT_EQ(intake->open(true, [&](uint64_t done, uint64_t all) {
    EXPECT_EQ(all, 2300u);
    if (asked++) return;
    EXPECT_LT(done, all);
    for (const char* tail : {"", "-wal"}) std::filesystem::copy_file(db + tail, half + tail);
  }), "");
  EXPECT_GT(asked, 1u);
  intake.reset();
  {
    Index reader;
    EXPECT_EQ(reader.open(db, Index::Open::read), "");
    EXPECT_NE(reader.open(half, Index::Open::read).find("is being made from the journal"), std::string::npos);
  }
  Index::remove(db);
  for (const char* tail : {"", "-wal"}) std::filesystem::rename(half + tail, db + tail);
  news.clear();
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(news.empty());
  EXPECT_EQ(intake->with_index([](Index& i) { return i.count_stories(); }), 2300u);
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 2300u);
}

TEST_F(IntakeTest, what_the_index_missed_is_told_at_the_next_start) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  intake.reset();
  {
    Logs logs(disk, scratch.path + "/journal", 4096);   // durable, and killed before it was indexed
    ASSERT_EQ(logs.open(), "");
    const auto r = alder.alert(2);
    ASSERT_NE(logs.append(r.header, r.header_bytes, r.body, r.header.wall_ns, false), 0u);
    ASSERT_EQ(logs.sync().at(0).error, 0);
  }
  news.clear();
  ASSERT_EQ(start(), "");
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 2u);
}

// A read that fails while the index is brought up to the journal: what it did not see would be sent and kept a second time.
TEST_F(IntakeTest, a_journal_that_is_not_given_at_the_start_is_not_taken_for_a_shorter_one) {
  FaultyStorage faulty;
  const std::string db = scratch.path + "/index.db";
  {
    Intake first(faulty, settings);
    ASSERT_EQ(first.open(false), "");
    for (uint64_t n = 1; n <= 12; n++) ASSERT_TRUE(first.intake(arrival(alder.alert(n))) && first.durable());
    ASSERT_TRUE(first.intake(arrival(birch.alert(1))) && first.durable());
  }
  uint64_t refused = 0, not_read = 0;
  for (uint64_t at = 1;; at++) {
    Index::remove(db);
    const uint64_t before = faulty.calls();
    faulty.fail(at, EIO);
    std::vector<News> told;
    Intake again(faulty, settings);
    again.on_news = [&](News&& n) { told.push_back(std::move(n)); };
    const std::string wrong = again.open(false);
    faulty.heal();
    if (wrong.empty()) {
      ASSERT_EQ(again.heads(alder.id).size(), 1u) << at;
      EXPECT_EQ(again.heads(alder.id)[0].seq, 12u) << at;
      EXPECT_EQ(again.heads(birch.id).at(0).seq, 1u) << at;
      if (faulty.calls() - before < at) break;   // past its last call
      continue;
    }
    refused++;
    not_read += wrong.find("cannot be read: entry") != std::string::npos;
    Intake later(faulty, settings);
    later.on_news = [&](News&& n) { told.push_back(std::move(n)); };
    ASSERT_EQ(later.open(false), "") << at;
    EXPECT_EQ(later.heads(alder.id).at(0).seq, 12u) << at;
    EXPECT_TRUE(told.empty()) << at << ": old news is no news";
  }
  EXPECT_GT(refused, 10u);
  EXPECT_GT(not_read, 2u);
}

// What lies in a journal, read from its files: each record's number in its lane, and whether it is the one that was sent.
struct Kept {
  std::vector<uint64_t> numbers;
  bool forged = false;
};
Kept kept(Storage& disk, const IntakeSettings& s, const FakeSensor& sensor, uint8_t lane, const std::vector<FakeSensor::Record>& sent) {
  Kept out;
  Logs logs(disk, s.directory + "/journal", s.segment_bytes);
  EXPECT_EQ(logs.open(), "");
  EXPECT_TRUE(logs.read({sensor.id, lane}, 1, [&](const Entry& e) {
    out.numbers.push_back(e.header.seq);
    const FakeSensor::Record& r = sent.at(size_t(e.header.seq - 1));
    out.forged = out.forged || e.header.self != r.header.self || !std::ranges::equal(e.body, r.body);
    return true;
  }, [](const Range&) {}));
  return out;
}

// SQLite's file in memory: what is tried here thousands of times is the journal.
struct Shelf {
  std::string path;
  Shelf() {
    std::string name = (std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + std::string("/vidra-journal-XXXXXX");
    path = mkdtemp(name.data());
  }
  ~Shelf() { std::filesystem::remove_all(path); }
};

// Each octet of a journal's files is damaged (six ways with VIDRA_EVERY, a sample without), and the collector starts again, with its index or
// without. What was cut off is told once, the sensor is asked for it again, and it lies there once; at most the record that was hit is
// lost, and is missed by name; where the index is there, people still see it.
TEST_F(IntakeTest, every_damaged_octet_of_the_journal) {
  const bool every = std::getenv("VIDRA_EVERY");
  const Shelf shelf;
  FaultyStorage whole;
  settings.directory = shelf.path;
  settings.segment_bytes = 3500;
  std::vector<FakeSensor::Record> sent;
  for (uint64_t n = 1; n <= 7; n++) {
    sent.push_back(alder.alert(n));
    alder.now += 25 * second;                          // some of them within the last minute, some before
  }
  const std::string db = shelf.path + "/index.db";
  {
    Intake first(whole, settings);
    ASSERT_EQ(first.open(false), "");
    for (const auto& r : sent) ASSERT_TRUE(first.intake(arrival(r)) && first.durable());
  }
  std::string indexed;
  {
    std::ifstream f(db, std::ios::binary);
    indexed.assign(std::istreambuf_iterator<char>(f), {});
  }
  ASSERT_GT(indexed.size(), 4096u);
  ASSERT_GE(whole.paths().size(), 2u);
  uint64_t tried = 0, lost_one = 0, asked_again = 0;
  const auto damage = [&](const std::string& path, size_t at, unsigned way) {
    const bool with_index = way % 2;
    const auto copy = whole.copy();
    uint8_t& octet = copy->octets(path)[at];
    static constexpr uint8_t flips[] = {0x01, 0x01, 0x80, 0x80, 0xff, 0xff};
    octet ^= flips[way];
    tried++;
    SCOPED_TRACE(path + " octet " + std::to_string(at) + " way " + std::to_string(way));
    Index::remove(db);
    if (with_index) std::ofstream(db, std::ios::binary) << indexed;
    bool told = false;
    for (int life = 0; life < 2; life++) {
      Intake again(*copy, settings);
      ASSERT_EQ(again.open(false), "");
      const auto said = again.troubles();
      for (const std::string& t : said) {
        told = true;
        ASSERT_TRUE(life == 0 || t.find("cut off") == t.npos) << t;          // once
      }
      const auto heads = again.heads(alder.id);
      uint64_t durable = heads.empty() ? 0 : heads[0].seq;
      asked_again += life == 0 && durable < sent.size();
      ASSERT_TRUE(life == 0 || durable == sent.size()) << durable;
      for (; durable < sent.size(); durable++) ASSERT_TRUE(again.intake(arrival(sent[size_t(durable)])) && again.durable());
      const auto row = again.with_index([](Index& i) { return i.sensors(); }).at(0);
      told = told || row.missing || row.breaks;
      if (life == 1) {
        const size_t stories = again.with_index([](Index& i) { return i.stories({}); }).size();
        ASSERT_GE(stories, sent.size() - 1);
        if (stories < sent.size()) { ASSERT_TRUE(told); }
      }
    }
    const Kept now = kept(*copy, settings, alder, 1, sent);
    ASSERT_FALSE(now.forged);
    ASSERT_TRUE(std::ranges::is_sorted(now.numbers));
    ASSERT_EQ(std::ranges::adjacent_find(now.numbers), now.numbers.end());   // none twice
    ASSERT_GE(now.numbers.size() + 1, sent.size());
    if (now.numbers.size() < sent.size()) {
      lost_one++;
      if (!with_index) { ASSERT_TRUE(told); }
    }
  };
  for (const std::string& path : whole.paths())
    for (size_t at = 0, n = whole.octets(path).size(); at < n; at += every ? 1 : 31)
      for (unsigned way = every ? 0 : unsigned(at / 31 % 6), end = every ? 6 : way + 1; way < end; way++) {
        damage(path, at, way);
        if (HasFatalFailure()) return;
      }
  printf("%llu tried: for %llu the sensor was asked again, %llu cost the journal a record\n", static_cast<unsigned long long>(tried), static_cast<unsigned long long>(asked_again),
         static_cast<unsigned long long>(lost_one));
  EXPECT_GT(asked_again, tried / 10);
  EXPECT_GT(lost_one, tried / 10);
}

// A collector with its disk's n-th call failing (each n with VIDRA_EVERY), once, four times or until it is mended; it is stopped and started
// again in the middle. Sent is what an honest sensor would send: what comes behind the acknowledged number.
TEST_F(IntakeTest, every_call_of_the_journal_may_fail) {
  const bool every = std::getenv("VIDRA_EVERY");
  const Shelf shelf;
  settings.directory = shelf.path;
  settings.segment_bytes = 3000;
  std::vector<FakeSensor::Record> sent;
  for (uint64_t n = 1; n <= 12; n++) sent.push_back(alder.alert(n));
  uint64_t tried = 0;
  for (int error : {ENOSPC, EIO, EROFS})
    for (uint64_t times : {uint64_t{1}, uint64_t{4}, uint64_t{100'000}}) {
      uint64_t calls = ~uint64_t{0};
      for (uint64_t at = every ? 1 : 1 + tried % 13; at <= calls; at += every ? 1 : 13) {
        SCOPED_TRACE(std::to_string(error) + " at " + std::to_string(at) + " x " + std::to_string(times));
        tried++;
        FaultyStorage faulty;
        Index::remove(shelf.path + "/index.db");
        faulty.fail(at, error, times);
        std::map<std::string, int> told;
        std::unique_ptr<Intake> here;
        uint64_t acknowledged = 0;
        const auto turn = [&] {
          if (!here) {
            here = std::make_unique<Intake>(faulty, settings);
            here->on_news = [&](News&& n) {
              if (n.record.told) told[n.record.told->story]++;
            };
            if (!here->open(false).empty()) return here.reset();             // the service is started again
          }
          (void)here->ready();
          const auto heads = here->heads(alder.id);
          const uint64_t durable = heads.empty() ? 0 : heads[0].seq;
          ASSERT_GE(durable, acknowledged);                                  // what was acknowledged is not asked for again
          if (durable < sent.size()) {
            const bool taken = here->intake(arrival(sent[size_t(durable)]));
            if (here->durable() && taken) acknowledged = durable + 1;
          }
        };
        for (int i = 0; i < 34; i++) {
          turn();
          if (i == 8) here.reset();
          if (i == 15) calls = faulty.calls(), faulty.heal();
        }
        here.reset();
        turn();
        turn();
        if (HasFatalFailure()) return;
        ASSERT_TRUE(here);
        ASSERT_EQ(acknowledged, sent.size());
        ASSERT_EQ(here->with_index([](Index& i) { return i.stories({}); }).size(), sent.size());
        const auto row = here->with_index([](Index& i) { return i.sensors(); }).at(0);
        ASSERT_EQ(row.missing + row.breaks + row.quarantined, 0u);
        ASSERT_EQ(told.size(), sent.size());
        for (const auto& [story, often] : told) ASSERT_EQ(often, 1) << story;
        here.reset();
        const Kept now = kept(faulty, settings, alder, 1, sent);
        ASSERT_FALSE(now.forged);
        ASSERT_EQ(now.numbers.size(), sent.size());
        ASSERT_TRUE(std::ranges::is_sorted(now.numbers));
        ASSERT_EQ(std::ranges::adjacent_find(now.numbers), now.numbers.end());
      }
    }
  printf("%llu tried\n", static_cast<unsigned long long>(tried));
  EXPECT_GT(tried, 20u);
}

// What the index has was durable before: a start writes nothing of it. What it has not wants a copy, and that wants room.
TEST_F(IntakeTest, a_full_disk_at_the_start_is_named_with_what_to_type) {
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 3; n++) EXPECT_TRUE(put(alder.alert(n)));
  intake.reset();
  disk.write_error = -ENOSPC;
  EXPECT_EQ(start(), "") << "all of it is known to be durable";
  intake.reset();
  Index::remove(scratch.path + "/index.db");
  const std::string wrong = start();
  EXPECT_NE(wrong.find(scratch.path + "/journal/" + uuid_text(alder.id) + "/alert/0000000000000001.seg: No space left"), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("df -h "), std::string::npos) << wrong;
  disk.write_error = 0;
  EXPECT_EQ(start(), "");
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0", "3.0"}));
}

TEST_F(IntakeTest, a_full_disk_asks_sensors_to_wait_and_resumes_by_itself) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  const auto next = alder.alert(2);
  disk.write_error = -ENOSPC;
  ASSERT_TRUE(intake->intake(arrival(next)));
  EXPECT_FALSE(intake->durable()) << "nothing may be acknowledged";
  EXPECT_NE(intake->pausing().find("No space left"), std::string::npos);
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 1u);
  EXPECT_FALSE(intake->intake(arrival(next)));
  disk.free = 0;
  EXPECT_FALSE(intake->ready());
  disk.free = 1 << 30, disk.write_error = 0;
  EXPECT_TRUE(intake->ready());
  EXPECT_TRUE(put(next));
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
  EXPECT_EQ(row(alder).missing, 0u);
  ASSERT_EQ(start(), "");
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
}

TEST_F(IntakeTest, little_room_is_noticed_before_there_is_none) {
  ASSERT_EQ(start(), "");
  disk.free = settings.min_free - 1;
  EXPECT_FALSE(put(alder.alert(1)));
  EXPECT_NE(intake->pausing().find("journal.min_free"), std::string::npos);
  disk.free = settings.min_free;
  EXPECT_FALSE(intake->ready()) << "an eighth more, so that it does not flicker";
  disk.free = settings.min_free * 2;
  EXPECT_TRUE(intake->ready());
}

TEST_F(IntakeTest, one_log_that_fails_does_not_take_the_others_with_it) {
  ASSERT_EQ(start(), "");
  const auto a = alder.alert(1), b = birch.alert(1);
  disk.only_below = uuid_text(birch.id);
  disk.sync_error = -EIO;
  ASSERT_TRUE(intake->intake(arrival(a)));
  ASSERT_TRUE(intake->intake(arrival(b)));
  EXPECT_FALSE(intake->durable());
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 1u);
  EXPECT_TRUE(intake->heads(birch.id).empty());
  disk.sync_error = 0;
  EXPECT_TRUE(intake->ready());
  EXPECT_TRUE(put(a)) << "known";
  EXPECT_TRUE(put(b));
  EXPECT_EQ(stories().size(), 2u);
}

TEST_F(IntakeTest, an_index_that_cannot_be_written_stops_nobody) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  sqlite3* other = nullptr;   // somebody holds the index for longer than we wait
  ASSERT_EQ(sqlite3_open((scratch.path + "/index.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const Time began = monotonic_now(), waited = waited_for_a_core();
  EXPECT_TRUE(put(alder.alert(2))) << "the journal has it";
  EXPECT_NE(intake->behind().find("index.db: cannot be written: database is locked"), std::string::npos) << intake->behind();
  intake->upkeep(alder.now);
  EXPECT_NE(intake->behind(), "") << "said as long as it lasts";
  const std::string said = intake->behind();
  intake->index_failed();   // who looks after the sensors did not come to it, either
  EXPECT_EQ(intake->behind(), said);
  EXPECT_LT(monotonic_now() - began, 2 * second + (waited_for_a_core() - waited)) << "and nobody waits for it";
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  EXPECT_EQ(stories(), Strings{"1.0"});
  intake->upkeep(alder.now);
  EXPECT_EQ(stories(), (Strings{"1.0", "2.0"}));
  EXPECT_EQ(news.size(), 2u);
  EXPECT_EQ(intake->behind(), "");
}

// The journal's thread lets the lock go for a moment between two syncs of a slow disk, and wants it again at once.
TEST_F(IntakeTest, who_asks_the_index_comes_to_his_turn_however_busy_the_journal_is) {
  ASSERT_EQ(start(), "");
  std::vector<FakeSensor::Record> records;
  for (uint64_t n = 1; n <= 2'000; n++) records.push_back(alder.alert(n));
  disk.sync_takes = 20 * millisecond;
  std::atomic<bool> stop{false};
  std::thread journal([&] {
    for (size_t i = 0; i < records.size() && !stop; i++) {
      intake->intake(arrival(records[i]));
      intake->durable();
    }
  });
  while (!disk.syncing) std::this_thread::yield();
  Time longest = 0;
  for (int i = 0; i < 20; i++) {
    const Time began = monotonic_now(), waited = waited_for_a_core();
    intake->with_index([](Index& x) { return x.last_change(); });
    longest = std::max(longest, monotonic_now() - began - (waited_for_a_core() - waited));
  }
  stop = true;
  journal.join();
  EXPECT_LT(longest, 500 * millisecond);
}

// Much came while the index was held: it is brought up to the journal a little at a time, in order, and what comes meanwhile is kept.
TEST_F(IntakeTest, an_index_that_is_far_behind_follows_beside_hearing) {
  ASSERT_EQ(start(), "");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((scratch.path + "/index.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  uint64_t n = 0;
  for (int batch = 0; batch < 60; batch++) {
    for (int i = 0; i < 500; i++) ASSERT_TRUE(intake->intake(arrival(alder.alert(++n))));
    ASSERT_TRUE(intake->durable());
  }
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  int turns = 0;
  for (; !intake->behind().empty() && turns < 1'000; turns++) {
    intake->upkeep(alder.now);
    if (turns < 3) { EXPECT_TRUE(put(alder.alert(++n))); }
  }
  EXPECT_LT(turns, 1'000);
  EXPECT_EQ(intake->with_index([](Index& i) { return i.count_stories(); }), n);
  EXPECT_EQ(news.size(), n);
  EXPECT_EQ(row(alder).missing, 0u);
}

// It fails again while it is brought up to the journal: in its first step, and between two.
TEST_F(IntakeTest, an_index_that_fails_while_it_follows_is_followed_up) {
  ASSERT_EQ(start(), "");
  fall_behind(3'300);
  const auto half = alder.alert(3'301);
  ASSERT_TRUE(intake->intake(arrival(half)));
  intake->upkeep(alder.now);
  EXPECT_EQ(shown(), 0u) << "not while something is taken that is not durable";
  ASSERT_TRUE(intake->durable());
  Other other(index());
  other.refuse();
  intake->upkeep(alder.now);
  EXPECT_NE(intake->behind().find("no room"), std::string::npos) << intake->behind();
  EXPECT_EQ(shown(), 0u);
  other.allow();
  time_stands = true;   // it takes no time, and so goes on to the next thousand
  bool refused = false;
  intake->on_news = [&](News&& n) {
    news.push_back(std::move(n));
    if (!std::exchange(refused, true)) other.refuse();
  };
  intake->upkeep(alder.now);
  EXPECT_NE(intake->behind().find("no room"), std::string::npos) << intake->behind();
  EXPECT_EQ(shown(), 1'000u);
  other.allow();
  intake->upkeep(alder.now);
  EXPECT_EQ(intake->behind(), "");
  EXPECT_EQ(shown(), 3'301u);
  EXPECT_EQ(news.size(), 3'301u) << "each once";
}

TEST_F(IntakeTest, an_index_that_fails_while_it_follows_at_the_start_goes_on_at_the_next) {
  ASSERT_EQ(start(), "");
  fall_behind(2'100);
  Other other(index());
  bool refused = false;
  const std::string wrong = start(false, [&](uint64_t done, uint64_t all) {
    EXPECT_EQ(all, 2'100u);
    EXPECT_LE(done, 1'000u);
    if (!std::exchange(refused, true)) other.refuse();
  });
  EXPECT_NE(wrong.find("no room"), std::string::npos) << wrong;
  other.allow();
  ASSERT_EQ(start(), "");
  EXPECT_EQ(shown(), 2'100u);
  EXPECT_EQ(news.size(), 2'100u) << "each once";
}

TEST_F(IntakeTest, an_index_that_cannot_be_finished_is_made_anew) {
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 3; n++) EXPECT_TRUE(put(alder.alert(n)));
  intake.reset();
  bool refused = false;
  const std::string wrong = start(true, [&](uint64_t, uint64_t) {
    if (!std::exchange(refused, true)) Other(index()).refuse("version");
  });
  EXPECT_NE(wrong.find("no room"), std::string::npos) << wrong;
  EXPECT_FALSE(std::filesystem::exists(index())) << "half of one";
  EXPECT_EQ(start(), "");
  EXPECT_EQ(shown(), 3u);
  // Nor made at all, where something is in its place.
  intake.reset();
  Index::remove(index());
  std::filesystem::create_directories(index() + "/something");
  EXPECT_NE(start(), "");
  intake.reset();
  std::filesystem::remove_all(index());
  EXPECT_EQ(start(), "");
  EXPECT_EQ(shown(), 3u);
  EXPECT_EQ(news.size(), 3u) << "old news is no news";
}

// A journal of which the beginning is given, and later no more.
TEST_F(IntakeTest, a_journal_that_is_no_longer_given_while_it_is_read_is_not_taken_for_a_shorter_one) {
  FaultyStorage faulty;
  settings.segment_bytes = 16u << 20;
  {
    Intake first(faulty, settings);
    ASSERT_EQ(first.open(false), "");
    for (uint64_t n = 1; n <= 1'200; n++) ASSERT_TRUE(first.intake(arrival(alder.alert(n))));
    ASSERT_TRUE(first.durable());
  }
  Index::remove(index());
  {
    Intake again(faulty, settings);
    const std::string wrong = again.open(false, [&](uint64_t, uint64_t) {
      for (const std::string& p : faulty.paths())
        if (p.find("/alert/") != p.npos && p.ends_with(".seg")) faulty.unreadable = p;
    });
    EXPECT_NE(wrong.find("cannot be read: entry 1001"), std::string::npos) << wrong;
  }
  faulty.unreadable.clear();
  Intake later(faulty, settings);
  ASSERT_EQ(later.open(false), "");
  EXPECT_EQ(later.heads(alder.id).at(0).seq, 1'200u);
}

// Records as long as they may be: they are not all in memory at once.
TEST_F(IntakeTest, long_records_are_read_back_a_few_at_a_time) {
  ASSERT_EQ(start(), "");
  settings.segment_bytes = 64u << 20;
  std::string body(1'000'000, ' ');
  body += "{}";
  for (int i = 0; i < 12; i++) EXPECT_TRUE(put(alder.record(MessageType::health, Lane::state, body)));
  uint64_t steps = 0, last = 0;
  ASSERT_EQ(start(true, [&](uint64_t done, uint64_t) { steps += done > last, last = done; }), "");
  EXPECT_EQ(last, 12u);
  EXPECT_EQ(steps, 2u);
  EXPECT_EQ(row(alder).records, 12u);
}

TEST_F(IntakeTest, room_that_nobody_knows_of_is_asked_for_again) {
  ASSERT_EQ(start(), "");
  disk.free = 0, disk.free_error = -EIO;
  EXPECT_TRUE(put(alder.alert(1))) << "as long as writes find it";
  disk.write_error = -ENOSPC;
  const auto next = alder.alert(2);
  EXPECT_FALSE(put(next));
  disk.write_error = 0, disk.free = 1 << 30;
  EXPECT_FALSE(intake->ready());
  disk.free_error = 0;
  EXPECT_TRUE(intake->ready());
  EXPECT_TRUE(put(next));
}

// A clock that is set while the collector runs: by hours, and by less, which is a clock that is kept right.
TEST_F(IntakeTest, a_clock_that_was_set_back_removes_nothing_for_a_day) {
  settings.retention.keep = 10 * day;
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 60; n++) EXPECT_TRUE(put(alder.alert(n)));
  const uint64_t bytes = intake->journal_bytes();
  Time at = alder.now + 20 * day;
  intake->upkeep(at);
  for (Time ahead = 30 * minute; ahead < 20 * hour; ahead += 30 * minute) intake->upkeep(at + ahead);
  intake->upkeep(at += 17 * hour);   // two and a half hours back
  for (Time ahead = 30 * minute; ahead < day; ahead += 30 * minute) intake->upkeep(at + ahead);
  EXPECT_EQ(intake->journal_bytes(), bytes);
  intake->upkeep(at + day + minute);
  EXPECT_LT(intake->journal_bytes(), bytes / 4);
}

// An approved sensor that says without end what it has lost, and jumps without end.
TEST_F(IntakeTest, losses_in_masses_cost_a_row_together) {
  ASSERT_EQ(start(), "");
  uint64_t told = 0;
  for (uint64_t i = 0; i < 3'000; i++) {
    Gap g;
    g.epoch = alder.epoch, g.lane = 1, g.from = 10 * i + 1, g.to = 10 * i + 5, g.reason = "evicted";
    alder.now -= millisecond;   // all within a minute
    ASSERT_TRUE(intake->intake(arrival(alder.record(MessageType::gap, Lane::critical, body_of(g)))));
    alder.seq[1] += 2;
    alder.now -= millisecond;
    ASSERT_TRUE(intake->intake(arrival(alder.record(MessageType::health, Lane::alert, "{}"))));
  }
  ASSERT_TRUE(intake->durable());
  for (const News& n : news) told += n.record.troubles.size();
  EXPECT_EQ(told, 120u);
  const auto rows = intake->with_index([](Index& i) { return i.troubles(0, 10'000); });
  ASSERT_EQ(rows.size(), 122u);
  uint64_t sums = 0;
  for (const TroubleRow& r : rows) {
    if (!r.text.starts_with("and ")) continue;
    sums++;
    EXPECT_EQ(r.text, r.kind == "gap" ? "and 2940 ranges more within this minute, 14700 records together" : "and 2940 ranges more within this minute, 5880 records together");
    if (r.kind == "missing") { EXPECT_EQ(r.to, 3u * 3'000 - 1); }
  }
  EXPECT_EQ(sums, 2u);
  EXPECT_EQ(row(alder).missing, 6'000u) << "each is counted";
  alder.now += 2 * minute;
  alder.seq[1] += 1;
  news.clear();
  EXPECT_TRUE(put(alder.record(MessageType::health, Lane::alert, "{}")));
  ASSERT_EQ(news.size(), 1u);
  EXPECT_NE(news[0].record.troubles.at(0).find("before it, 2940 more"), std::string::npos) << news[0].record.troubles.at(0);
}

TEST_F(IntakeTest, rows_of_troubles_of_one_sensor_are_bounded) {
  ASSERT_EQ(start(), "");
  intake->with_index([](Index& i) { i.most_rows(200, 1000); });
  birch.seq[1] = 4;
  EXPECT_TRUE(put(birch.record(MessageType::health, Lane::alert, "{}")));
  std::string said;
  for (int i = 0; i < 500; i++) {
    alder.seq[1] += 1;
    alder.now += 2 * second;
    ASSERT_TRUE(put(alder.record(MessageType::health, Lane::alert, "{}")));
  }
  for (const News& n : news)
    for (const std::string& t : n.record.troubles)
      if (t.find("oldest are removed") != t.npos) said = t;
  EXPECT_NE(said.find("vidra keys suspend"), std::string::npos);
  const auto rows = intake->with_index([](Index& i) { return i.troubles(0, 10'000); });
  EXPECT_LE(rows.size(), 201u);
  EXPECT_GE(rows.size(), 180u);
  EXPECT_EQ(rows.front().sensor, birch.id) << "another's stay";
  EXPECT_EQ(rows.back().from, 999u) << "and the newest";
  EXPECT_EQ(row(alder).missing, 500u);
}

// A graver step of the same cause leads from then on.
TEST_F(IntakeTest, a_story_is_found_by_the_detection_that_leads_it_now) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1, 0, Lane::alert, new_host)));
  EXPECT_TRUE(put(alder.alert(1, 1, Lane::alert, sweep)));
  StoryQuery q;
  q.detection = std::string(sweep.id);
  EXPECT_EQ(stories(q), Strings{"1.1"});
  q.detection = std::string(new_host.id);
  EXPECT_TRUE(stories(q).empty());
}

TEST_F(IntakeTest, stories_of_one_sensor_are_bounded) {
  ASSERT_EQ(start(), "");
  intake->with_index([](Index& i) { i.most_rows(100'000, 200); });
  EXPECT_TRUE(put(birch.alert(1)));
  for (uint64_t n = 1; n <= 500; n++) {
    alder.now += second;
    ASSERT_TRUE(put(alder.alert(n)));
    ASSERT_TRUE(put(alder.alert(n, 1)));   // a telling more is no row more
  }
  StoryQuery q;
  q.sensor = uuid_text(alder.id);
  const auto kept = stories(q);
  EXPECT_LE(kept.size(), 200u);
  EXPECT_GE(kept.size(), 190u);
  for (uint64_t n = 320; n <= 500; n++) EXPECT_NE(std::find(kept.begin(), kept.end(), std::to_string(n) + ".1"), kept.end()) << n << ": the newest stay";
  q.sensor = uuid_text(birch.id);
  EXPECT_EQ(stories(q).size(), 1u) << "another's stay";
  bool said = false;
  for (const TroubleRow& r : intake->with_index([](Index& i) { return i.troubles(0, 10'000); })) said |= r.kind == "stories" && r.sensor == alder.id && r.text.find("vidra keys suspend") != r.text.npos;
  EXPECT_TRUE(said);
}

TEST_F(IntakeTest, stories_that_went_by_age_leave_their_room) {
  ASSERT_EQ(start(), "");
  intake->with_index([](Index& i) { i.most_rows(1'000, 40); });
  for (uint64_t n = 1; n <= 40; n++) ASSERT_TRUE(put(alder.alert(n)));
  intake->with_index([&](Index& i) { i.forget_before(alder.now + minute); });
  for (uint64_t n = 41; n <= 80; n++) ASSERT_TRUE(put(alder.alert(n)));
  EXPECT_EQ(intake->with_index([](Index& i) { return i.count_stories(); }), 40u);
  EXPECT_EQ(troubles(), Strings{});
  ASSERT_TRUE(put(alder.alert(81)));
  EXPECT_EQ(troubles(), Strings{"stories"}) << "and the bound is where it was";
}

TEST_F(IntakeTest, retention_by_size_takes_from_who_holds_most) {
  settings.retention.max_bytes = 60'000;
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 10; n++) EXPECT_TRUE(put(birch.alert(n)) && put(birch.alert(100 + n, 0, Lane::state)));
  alder.now += day;
  for (uint64_t n = 1; n <= 100; n++) EXPECT_TRUE(put(alder.alert(n)));
  intake->upkeep(alder.now);
  EXPECT_LE(intake->journal_bytes(), 60'000u);
  ASSERT_EQ(start(true), "");
  StoryQuery q;
  q.sensor = uuid_text(birch.id);
  EXPECT_EQ(stories(q).size(), 20u) << "of the other, older ones, states too, nothing goes";
  q.sensor = uuid_text(alder.id);
  EXPECT_LT(stories(q).size(), 60u);
}

TEST_F(IntakeTest, retention_by_size_and_age_keeps_the_newest_of_each_lane) {
  settings.retention.max_bytes = 20'000;
  settings.clock_settles = 0;
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 60; n++) {
    EXPECT_TRUE(put(alder.alert(n)));
    EXPECT_TRUE(put(alder.alert(100 + n, 0, Lane::state)));
  }
  EXPECT_GT(intake->journal_bytes(), 100'000u);
  intake->upkeep(alder.now);
  EXPECT_LE(intake->journal_bytes(), 20'000u);
  EXPECT_EQ(stories().size(), 120u);
  ASSERT_EQ(start(true), "");
  EXPECT_EQ(intake->heads(alder.id).size(), 2u) << "where a stream stands is never forgotten";
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 60u);
  EXPECT_EQ(row(alder).missing, 0u) << "what was removed on purpose is not missing";
  const size_t left = stories().size();
  EXPECT_GT(left, 2u);
  EXPECT_LT(left, 60u);
  intake->upkeep(alder.now + settings.retention.keep + day);
  EXPECT_TRUE(stories().empty());
}

TEST_F(IntakeTest, a_clock_that_was_set_removes_nothing) {
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 60; n++) EXPECT_TRUE(put(alder.alert(n)));
  const uint64_t bytes = intake->journal_bytes();
  intake->upkeep(alder.now);
  intake->upkeep(alder.now + 3650 * day);
  ASSERT_EQ(start(), "");
  intake->upkeep(alder.now + 3650 * day);
  EXPECT_EQ(intake->journal_bytes(), bytes);
  EXPECT_EQ(stories().size(), 60u);
}

// A collector that is restarted each night, on a machine whose clock is right.
TEST_F(IntakeTest, retention_by_age_survives_restarts) {
  settings.retention.keep = 10 * day;
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 60; n++) EXPECT_TRUE(put(alder.alert(n)));
  const uint64_t bytes = intake->journal_bytes();
  const Time later = alder.now + 20 * day;
  intake->upkeep(later);
  EXPECT_EQ(intake->journal_bytes(), bytes) << "nobody knows yet whether the clock is right";
  for (Time t : {later + 10 * hour, later + 20 * hour}) {
    ASSERT_EQ(start(), "");
    intake->upkeep(t);
    EXPECT_EQ(intake->journal_bytes(), bytes);
  }
  ASSERT_EQ(start(), "");
  intake->upkeep(later + 25 * hour);
  EXPECT_LT(intake->journal_bytes(), bytes / 4);
  EXPECT_TRUE(stories().empty());
  EXPECT_EQ(intake->heads(alder.id).at(0).seq, 60u);
  // Off for a week, or set by a week: it is looked at anew.
  for (uint64_t n = 61; n <= 120; n++) EXPECT_TRUE(put(alder.alert(n)));
  const uint64_t more = intake->journal_bytes();
  ASSERT_EQ(start(), "");
  intake->upkeep(later + 35 * day);
  EXPECT_EQ(intake->journal_bytes(), more);
  ASSERT_EQ(start(), "");
  intake->upkeep(later + 34 * day);
  EXPECT_EQ(intake->journal_bytes(), more) << "nor where it goes back";
}

// Born in the order in which they lie, but for those that a wrong clock has dated.
TEST_F(IntakeTest, one_wrong_time_neither_stops_nor_hastens_what_goes_by_age) {
  const Time began = alder.now, wrong = 1000 * second;
  for (const Time odd : {wrong, began + 3650 * day}) {
    Scratch own;
    Logs logs(disk, own.path, 300);
    ASSERT_EQ(logs.open(), "");
    for (int i = 0; i < 8; i++) {
      const auto r = alder.record(MessageType::health, Lane::alert, std::string(400, 'x'));
      ASSERT_NE(logs.append(r.header, r.header_bytes, r.body, i == 3 ? odd : began + i * hour, false), 0u);
      ASSERT_EQ(logs.sync().at(0).error, 0);
    }
    const Logs::Place place = logs.places().at(0);
    RetentionSettings keep;
    keep.keep = day;
    EXPECT_EQ(logs.retain(keep, began + 8 * hour), 0u) << "nothing is older than a day";
    EXPECT_EQ(logs.retain(keep, began + day + 5 * hour + minute), 5u) << "what was born before the sixth";
    EXPECT_EQ(logs.first(place), 6u);
  }
}

TEST_F(IntakeTest, what_was_cut_goes_with_the_records_of_its_time) {
  const std::string lane = scratch.path + "/journal/" + uuid_text(alder.id) + "/alert";
  settings.clock_settles = 0;
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  intake.reset();
  std::ofstream(lane + "/0000000000000001.seg", std::ios::app) << "half of a record";
  ASSERT_EQ(start(), "");
  const auto tails = [&] {
    std::error_code none;
    return std::distance(std::filesystem::directory_iterator(lane + "/lost+found", none), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(tails(), 1);
  for (uint64_t n = 2; n <= 60; n++) EXPECT_TRUE(put(alder.alert(n)));
  intake->upkeep(alder.now);
  EXPECT_EQ(tails(), 1);
  intake->upkeep(alder.now + settings.retention.keep + day);
  EXPECT_EQ(tails(), 0);
}

TEST_F(IntakeTest, probation_is_kept_and_not_shown_among_the_others) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1), true));
  EXPECT_TRUE(put(birch.alert(2)));
  EXPECT_TRUE(news.at(0).probation);
  EXPECT_EQ(stories(), Strings{"2.0"});
  StoryQuery q;
  q.probation = true;
  EXPECT_EQ(stories(q), Strings{"1.0"});
  ASSERT_EQ(start(true), "");
  EXPECT_EQ(stories(q), Strings{"1.0"});
}

TEST_F(IntakeTest, a_new_epoch_is_a_new_count) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  alder.epoch = 78, alder.seq = {}, alder.head = {};
  EXPECT_TRUE(put(alder.alert(2)));
  EXPECT_TRUE(troubles().empty());
  EXPECT_EQ(intake->heads(alder.id).size(), 2u);
}

TEST_F(IntakeTest, silence_is_noticed_once_and_a_farewell_is_none) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  const Time t = alder.now;
  const auto silences = [&](Time now, Time since = 0) { return intake->with_index([&](Index& i) { return i.silences(now, 30 * second, since); }); };
  EXPECT_TRUE(silences(t + 29 * second).empty());
  ASSERT_EQ(silences(t + 31 * second).size(), 1u);
  EXPECT_TRUE(silences(t + 40 * second).empty()) << "once";
  intake->with_index([&](Index& i) { i.heard(alder.id, "", "", t + 50 * second); });
  const auto back = silences(t + 51 * second);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_FALSE(back[0].silent);
  EXPECT_EQ(back[0].sensor.name, "alder-1");
  intake->with_index([&](Index& i) { i.said_farewell(alder.id, "maintenance", t + 52 * second); });
  EXPECT_TRUE(silences(t + hour).empty());
  EXPECT_EQ(row(alder).farewell, "maintenance");
  intake->with_index([&](Index& i) { i.heard(alder.id, "", "", t + 2 * hour); });
  EXPECT_EQ(row(alder).farewell, "");
  EXPECT_TRUE(silences(t + 3 * hour, t + 3 * hour - second).empty()) << "a collector that has just started waits first";
}

TEST_F(IntakeTest, a_clock_that_was_set_back_makes_nobody_unheard_for_as_long) {
  ASSERT_EQ(start(), "");
  EXPECT_TRUE(put(alder.alert(1)));
  EXPECT_TRUE(put(birch.alert(1)));
  const Time t = alder.now;
  const auto silences = [&](Time now, Time since) { return intake->with_index([&](Index& i) { return i.silences(now, 30 * second, since); }); };
  intake->with_index([&](Index& i) { i.heard(birch.id, "", "", t + 90 * second); });
  ASSERT_EQ(silences(t + 91 * second, 0).size(), 1u) << "alder is silent";
  intake->with_index([&](Index& i) { i.said_farewell(birch.id, "maintenance", t + 92 * second); });
  const Time now = t - day, since = now;               // a day back
  intake->with_index([&](Index& i) { i.clock_set(now); });
  EXPECT_LT(row(alder).last_heard, now);
  EXPECT_TRUE(silences(now + second, since).empty()) << "nobody is heard again by that";
  EXPECT_TRUE(silences(now + minute, since).empty()) << "a farewell holds";
  intake->with_index([&](Index& i) { i.heard(birch.id, "", "", now + 2 * second); });
  EXPECT_EQ(row(birch).farewell, "") << "it is back";
  EXPECT_TRUE(silences(now + 3 * second, since).empty());
  const auto silent = silences(now + minute, since);
  ASSERT_EQ(silent.size(), 1u) << "and its silence is noticed within the time, not after a day";
  EXPECT_EQ(silent[0].sensor.name, "birch-1");
  intake->with_index([&](Index& i) { i.heard(alder.id, "", "", now + 2 * minute); });
  ASSERT_EQ(silences(now + 2 * minute, since).size(), 1u) << "heard again";
}

TEST_F(IntakeTest, questions_select) {
  ASSERT_EQ(start(), "");
  for (uint64_t n = 1; n <= 5; n++) EXPECT_TRUE(put(alder.alert(n, 0, Lane::alert, n % 2 ? sweep : new_host)));
  StoryQuery q;
  q.severity = 4;
  EXPECT_EQ(stories(q), (Strings{"1.0", "3.0", "5.0"}));
  q = {};
  q.detection = "NET-01";
  EXPECT_EQ(stories(q), (Strings{"2.0", "4.0"}));
  q = {};
  q.limit = 2;
  EXPECT_EQ(stories(q), (Strings{"4.0", "5.0"})) << "the newest, oldest first";
  q = {};
  q.since = 1795295191 * second + 4 * second;
  EXPECT_EQ(stories(q), (Strings{"4.0", "5.0"}));
  q = {};
  q.story = uuid_of("story 3").substr(0, 8);
  EXPECT_EQ(stories(q), Strings{"3.0"});
  q.story = "%";
  EXPECT_TRUE(stories(q).empty());
  q = {};
  q.changed_after = intake->with_index([](Index& i) { return i.last_change(); });
  EXPECT_TRUE(stories(q).empty());
  EXPECT_TRUE(put(alder.alert(2, 1, Lane::alert, new_host)));
  EXPECT_EQ(stories(q), Strings{"2.1"});
}

}  // namespace
}  // namespace vidra
