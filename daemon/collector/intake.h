// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "daemon/base/fair_mutex.h"
#include "daemon/collector/logs.h"
#include "daemon/link/receiver.h"
#include "daemon/record/cursor.h"

namespace vidra {

struct IntakeSettings {
  std::string directory;              // journal/ and index.db lie below it
  uint64_t segment_bytes = 16u << 20;
  uint64_t min_free = 1ull << 30;     // below this, sensors are asked to wait
  RetentionSettings retention;
  Time clock_settles = day;           // the wall clock has gone evenly for so long before anything goes by its age
};

// What people are told of, in the order in which it became durable.
struct News {
  Indexed record;
  Time received = 0;
  bool probation = false;
};

// From the link into the journal, then into the index, then to those who watch. The receiver's journal thread calls the
// Journal's functions; everything else may be called from any thread.
class Intake final : public Journal {
 public:
  struct Counters {
    uint64_t records = 0, duplicates = 0, refused = 0, syncs = 0, failures = 0;
  };

  Intake(Storage&, IntakeSettings);
  ~Intake() override;

  // Opens the journal and brings the index up to it, or makes the index anew. `progress(done, all)` while it reads entries.
  std::string open(bool reindex, const std::function<void(uint64_t, uint64_t)>& progress = {});
  // Called by the journal thread for each record that became durable; be quick.
  std::function<void(News&&)> on_news;

  std::vector<ChainHead> heads(const SensorId&) override;
  bool intake(const Arrival&) override;
  bool durable() override;
  bool ready() override;

  // Once a second or so: retention, and what the index could not take when it was due.
  void upkeep(Time now);
  // Others could not write to the index for a while: said as behind(), and tried again.
  void index_failed();
  // Checkpoints of this sensor are verified with this key.
  void trust(const SensorId&, const SignPublic&);
  std::string pausing() const;        // why sensors are asked to wait; "" when they are not
  std::string behind() const;         // why what comes is kept and not shown; "" when it is. Where it is not, upkeep() may come more often
  std::vector<std::string> troubles() const { return logs_.troubles(); }
  Counters counters() const;
  uint64_t journal_bytes() const;
  // The index, for the length of a call.
  template <class F> auto with_index(F f) {
    std::lock_guard lock(mutex_);
    return f(index_);
  }

 private:
  struct Stream {
    uint64_t taken = 0, durable = 0;  // last sequence numbers
    Hash taken_head{}, durable_head{};
  };
  using StreamKey = std::tuple<SensorId, uint64_t, uint8_t>;   // sensor, epoch, lane
  void load_streams();
  void look_for_room();
  bool index_agrees();
  bool clock_is_even(Time now);
  std::string index_trouble() const;
  // "" or what is wrong. Goes on until `until` at most, by the monotonic clock, 0 for as long as it takes; `finished`: that it had not to stop.
  std::string catch_up(const std::function<void(uint64_t, uint64_t)>& progress, bool tell, Time until, bool& finished);
  bool apply(const std::vector<Entry>&, std::vector<News>&);

  Storage& storage_;
  const IntakeSettings settings_;
  mutable FairMutex mutex_;           // the journal's thread holds it over each sync
  Logs logs_;
  Index index_;
  bool rebuilding_ = false;
  std::map<StreamKey, Stream> streams_;
  struct Held { Entry entry; std::vector<uint8_t> body; };
  std::vector<Held> held_;            // taken, not yet durable
  std::string pausing_, behind_;
  Time room_asked_ = 0, retained_ = 0;
  // The wall clock: since when it has gone evenly, when it was last looked at, and how far it was ahead of the clock since boot then. The
  // first two are kept on disk (as acknowledged and next), or a collector that is restarted each night would never remove anything.
  Cursor clock_;
  Time even_since_ = 0, seen_ = 0, wall_ahead_ = 0;
  Counters counters_;
};

}  // namespace vidra
