// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/collector/sqlite.h"
#include "daemon/record/checkpoint.h"
#include "daemon/record/header.h"
#include "daemon/report/line.h"

namespace vidra {

// One record as the journal holds it. Borrowed for the call.
struct Entry {
  Header header;
  Bytes body;
  Time received = 0;
  uint64_t number = 0;      // in the log of its sensor and lane
  bool probation = false;   // came from a key on probation: kept, and not shown among the others
  bool trimmed = false;     // read again from a log whose beginning is gone by retention: what came before it is not missing
};

// What one record meant, for those who watch.
struct Indexed {
  std::optional<Told> told;           // an alert or update
  bool first = false;                 // of its story, here
  bool worse = false;                 // the story has become more severe, or another step leads it that is as severe
  std::string body;                   // of a told one, as it came
  std::vector<std::string> troubles;  // a gap, a broken chain, a bad body: a sentence each
};

// Which stories are wanted; what is not set does not select.
struct StoryQuery {
  Time since = 0;                     // last seen at or after
  int severity = 1;                   // at least
  std::string sensor, detection, story;   // name, site or id of the sensor; detection id; beginning of the story's id
  bool open = false;                  // not closed yet
  bool probation = false;             // those from keys on probation instead of the others
  int64_t changed_after = -1;         // for those who follow
  size_t limit = 0;                   // the newest so many; 0 all
};
struct StoryRow {
  int64_t change = 0;
  Time received = 0, updated = 0;     // when its first and its last telling reached the collector
  std::string body;
};

struct SensorRow {
  SensorId sensor{};
  std::string name, site;
  Time first_heard = 0, last_heard = 0;
  uint64_t records = 0, missing = 0, breaks = 0, quarantined = 0;
  Time verified = 0;                  // of the newest checkpoint whose signature holds; 0 none
  Time clock_offset = 0;              // sensor minus collector, when last measured
  bool silent = false;                // nothing heard for longer than agreed
  std::string farewell;               // it stopped on purpose, and said why; "" otherwise
  bool probation = false;
  std::string health;                 // body of the last HEALTH
  Time health_at = 0;
};

struct TroubleRow {
  Time at = 0;
  SensorId sensor{};
  std::string kind, text;             // kind: missing, gap, chain, checkpoint, quarantine
  uint64_t epoch = 0, from = 0, to = 0;
  uint8_t lane = 0;
};

// What can be asked of the collector: an SQLite file that is made from the journal alone, and made again when it is lost.
// The only things of its own are `heard` and what follows from it. One thread writes; others read with a connection of their own.
class Index {
 public:
  enum class Open : uint8_t { create, existing, read };
  Index() = default;
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  std::string open(const std::string& path, Open);   // "" or what is wrong
  void close();
  static void remove(const std::string& path);

  void patience(int milliseconds) { sqlite3_busy_timeout(db_, milliseconds); }   // with others who hold the file
  // Rows of one sensor; the oldest go, a twentieth at a time. The journal has them still.
  void most_rows(uint64_t troubles, uint64_t stories) { trouble_rows_.most = troubles, story_rows_.most = stories; }
  bool begin();
  bool commit();                                     // false: nothing of it counts
  const std::string& problem() const { return problem_; }   // why the last transaction failed
  // One that is made anew from a journal is none before all of that is in it: until then nobody can open it.
  bool finished();
  Indexed apply(const Entry&);
  // Public signing keys by which checkpoints are verified; without one, a checkpoint is "not verified", which is no trouble.
  void trust(const SensorId&, const SignPublic&);

  // The last record of a stream that was applied.
  struct Place { uint64_t seq = 0; Hash head{}; };
  Place place(const SensorId&, uint64_t epoch, uint8_t lane);
  std::vector<ChainHead> heads(const SensorId&);     // of all its streams
  uint64_t applied(const SensorId&, uint8_t lane);   // the last number of this log that was applied
  std::vector<std::tuple<SensorId, uint8_t, uint64_t>> logs();   // of every log

  // Contact without a record: keeps names, silence and farewells.
  void heard(const SensorId&, std::string_view name, std::string_view site, Time at);
  // The wall clock was set: who was heard later than now was heard just before it.
  void clock_set(Time now);
  void measured(const SensorId&, Time clock_offset);
  void said_farewell(const SensorId&, std::string_view reason, Time at);
  // Sensors that have become silent, or are heard again, since this was last asked.
  struct Silence { SensorRow sensor; bool silent; };
  std::vector<Silence> silences(Time now, Time after, Time listening_since);

  std::vector<StoryRow> stories(const StoryQuery&);  // oldest first
  int64_t last_change();
  std::vector<SensorRow> sensors(bool with_health = true);
  std::vector<TroubleRow> troubles(Time since, size_t limit);
  uint64_t count_stories();
  // Forgets stories and troubles that ended before.
  void forget_before(Time);

 private:
  struct Stream {
    Place place;
    std::deque<std::pair<uint64_t, Hash>> recent;    // what a checkpoint may still name
    std::map<uint64_t, Hash> announced;              // what a checkpoint has named and has not come yet
  };
  using StreamKey = std::tuple<SensorId, uint64_t, uint8_t>;
  Stream& stream(const SensorId&, uint64_t epoch, uint8_t lane);
  // Of one sensor's troubles of one kind the first in a minute is told, and how many more there were. Losses are a ledger: the first sixty of
  // a minute each have a row, and those behind them one together.
  struct Repeated {
    Time since = 0;
    int64_t row = 0;
    std::string text;
    uint64_t told = 0, more = 0, records = 0, from = 0, to = 0, epoch = 0;
    uint8_t lane = 0;
  };
  // One sensor's rows in a table are bounded, or what it says would fill the disk of all.
  struct Rows {
    uint64_t most;
    Statement count, drop;                           // of a sensor; of a sensor, its oldest, so many
    std::map<SensorId, uint64_t> of;                 // at most so many; not known of all
  };
  uint64_t one_more(const SensorId&, Rows&);         // how many went for it
  std::array<Statement*, 14> statements() {
    return {&put_log_, &put_stream_, &put_sensor_, &story_, &put_story_, &put_trouble_, &count_trouble_, &sum_troubles_, &trouble_rows_.count, &trouble_rows_.drop, &story_rows_.count, &story_rows_.drop, &put_health_, &put_verified_};
  }
  std::string run(const char* sql);
  void write(Statement&);
  int64_t put_trouble(Indexed&, const Entry&, std::string_view kind, const std::string& text, uint64_t from, uint64_t to);
  void trouble(Indexed&, const Entry&, std::string_view kind, const std::string& text, uint64_t from, uint64_t to);
  Indexed& quarantine(Indexed&, const Entry&, const std::string& reason);
  void apply_body(Indexed&, const Entry&);
  void apply_checkpoint(Indexed&, const Entry&);
  std::string name_of(const SensorId&);

  sqlite3* db_ = nullptr;
  int64_t change_ = 0;
  bool failed_ = false;      // this transaction
  std::string problem_;
  std::map<StreamKey, Stream> streams_;
  std::map<std::pair<SensorId, std::string>, Repeated> repeated_;
  Rows trouble_rows_{100'000, {}, {}, {}}, story_rows_{200'000, {}, {}, {}};
  std::map<SensorId, SignPublic> keys_;
  Statement put_log_, put_stream_, put_story_, story_, put_sensor_, put_trouble_, count_trouble_, sum_troubles_, put_health_, put_verified_;
};

}  // namespace vidra
