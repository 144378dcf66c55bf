// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/evidence/evidence.h"
#include "daemon/judge/judge.h"
#include "daemon/link/sender.h"
#include "daemon/record/storage.h"
#include "daemon/report/body.h"
#include "daemon/sensor/event_ring.h"
#include "daemon/sensor/last_heard.h"
#include "daemon/sensor/privacy.h"
#include "daemon/sensor/settings.h"
#include "daemon/sensor/worker.h"

namespace vidra {

// What the sensor has done and how it is, as of the last second.
struct SensorStatus {
  struct Hearing {
    std::string name;
    Counters counters;
    Time last_frame = 0;
    bool up = true;
    Outage outage;                         // the last one
  };
  struct Telling {
    std::string collector;
    OutboxStatus outbox;
    LinkStatus link;
    std::string tlp;                       // the highest that it is told
    uint64_t withheld = 0;                 // tellings that are marked above it, and stayed here
  };
  Time slowest = 0;                        // how far the worker has come that is furthest behind: it stands still where one hangs
  Time since = 0, heard_until = 0;         // wall time of the start; time of the last packet
  Accounts accounts;
  std::vector<Hearing> interfaces;
  Judge::Counters judge;
  Reporter::Counters reporter;
  Shed shed;
  Plan plan = Plan::all;                   // what is left out now
  uint64_t findings_dropped = 0;           // found no room on their way to the reporter
  bool learning = false;
  std::vector<ClockLine> clocks;           // every ten seconds
  ClockAgreement clocks_agree;
  std::vector<SilentDifference> unreviewed;   // of devices of an import, every ten seconds
  ValuesUnwatched values;                  // measured values at which VAL-03 did not look
  std::vector<std::string> list_flaws;     // what of the site's lists and rules is not in force
  size_t lines_refused = 0;                // of the lists, in all
  std::vector<Telling> collectors;
  size_t workers = 1;
  EvidenceStatus evidence;
};

// What is most severe goes before everything else, also where a story becomes so, or goes on to something else that is. An update is complete in
// itself, so that lanes need no order among them.
inline Lane lane_of(const Story& s) { return s.severity >= 5 && (s.revision == 0 || s.turned) ? Lane::critical : Lane::alert; }

// The whole sensor: a worker for each source, one judge, one reporter, and for each collector an outbox and a link. Every stage
// has a thread of its own; the first worker is the thread that calls `run`.
class Pipeline {
 public:
  // `keys`: the sensor's own. `storage`: where the outboxes lie. `pseudonyms`: the site's; without them what would leave as a pseudonym
  // does not leave.
  Pipeline(SensorSettings, Memory, std::vector<std::unique_ptr<Source>>, const Keys&, Storage&, std::shared_ptr<const Pseudonyms> pseudonyms = nullptr);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;

  // Each story as it is told, on the reporter's thread. Set before `start`.
  std::function<void(const Story&)> on_story;
  // Each record as a collector's outbox accepted it (it is on this disk now), on that outbox's thread; a record that tells of
  // health has no story. Set before `start`.
  struct Witnessed {
    const std::string& collector;
    Accepted record;
    std::string story;
    uint64_t revision = 0;
  };
  std::function<void(const Witnessed&)> on_accepted;

  // That nobody listened before this start: told before anything that is heard. Before `start`.
  void missed(const LastHeard::Missed& m) { missed_ = m; }
  bool start(std::string& error);          // the threads behind the worker; false: a link that cannot be
  void run();                              // hears until the sources end or `stop`; then everything behind them finishes
  void stop();                             // from any thread
  // After `start`, before `run`: waits until what was missed is told and every collector has it. False when some have not.
  bool tell_missed(Time at_most);
  // Waits until every record is acknowledged by every collector, at most so long; false when some are not.
  bool settle(Time at_most);
  // Takes over what a running sensor can change: the site and the detections.
  void adopt(std::shared_ptr<const Site>, JudgeSettings);
  void adopt(Markings);                    // of detections, from the next story on
  SensorStatus status() const;
  std::vector<std::string> evidence_said() { return evidence_ ? evidence_->said() : std::vector<std::string>{}; }   // what somebody should read once
  // What the judge keeps over a restart: the inventory, and while it learns what it learned. `remember` before `start`. `keep` asks
  // for copies, which `kept` has once the judge's thread came by; nothing until then. After `run` ended it has the last. The Memory
  // can be large and is copied only when it is asked for, and when learning ended.
  struct Kept { Inventory inventory; Memory memory; bool learning = false; };
  void remember(Inventory kept) { judge_->remember(std::move(kept)); }
  void keep(bool memory) {
    if (memory) keeping_memory_ = true;
    keeping_ = true;
    events_.ring();
  }
  std::unique_ptr<Kept> kept();
  void watch() { watching_ = true; events_.ring(); }     // ends learning

 private:
  struct Delivery;
  void judge();
  void copy_kept();
  void take_flaws(const JudgeSettings&);
  void report();
  void redraw();                           // on the reporter's thread: the borders, after `adopt`
  void work(size_t worker);
  void observe(Time until, EventSink&);    // on the judge's thread: what the workers have seen
  void tell_health(Time now);

  SensorSettings settings_;
  std::vector<std::unique_ptr<Source>> sources_;         // by worker
  const Keys& keys_;
  std::vector<std::unique_ptr<EventRing>> rings_;
  Bell events_, findings_bell_;
  std::unique_ptr<Evidence> evidence_;     // null: no packet is kept
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Judge> judge_;
  std::unique_ptr<Reporter> reporter_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  Queue<Finding> findings_{4096};
  std::thread judge_thread_, reporter_thread_;
  std::atomic<bool> hearing_{true}, judging_{true};
  std::atomic<Time> judged_until_{0};
  std::atomic<uint64_t> findings_dropped_{0};
  // The judge's thread:
  std::vector<Seen> seen_;                 // by worker
  std::vector<uint64_t> dropped_;          // by interface, as of the last look
  struct Blind { uint64_t count = 0; Time since = 0; };
  std::vector<Blind> blind_;               // by interface: outages that were told; since when it is blind, 0 not
  struct { Plan told = Plan::all; Time since = 0; Shed before; } degraded_;
  Shed shed_;                              // as of the last look
  Time stepped_ = 0;                       // how far stamps and times are apart
  Time started_ = 0;
  LastHeard::Missed missed_;

  mutable std::mutex snapshot_mutex_;      // held for a copy, once a second
  SensorStatus snapshot_;
  std::mutex adopt_mutex_;
  std::shared_ptr<const Site> adopted_site_;
  std::optional<JudgeSettings> adopted_settings_;
  std::atomic<bool> keeping_{false}, keeping_memory_{false}, watching_{false};
  std::mutex kept_mutex_;
  std::unique_ptr<Kept> kept_;
  bool learned_ = false;                   // the judge's thread: it was learning when it was copied last
  std::atomic<bool> adopting_{false};
  // What the borders go by, under adopt_mutex_ until the reporter's thread takes it over.
  std::shared_ptr<const Declared> declared_, adopted_declared_;
  std::optional<Markings> adopted_markings_;
  std::atomic<bool> redrawing_{false};
  std::unique_ptr<ToldNames> told_names_;  // the reporter's thread
  Markings markings_;
  struct Dispatch;
  std::unique_ptr<Dispatch> dispatch_;
};

}  // namespace vidra
