// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/record/checkpoint.h"
#include "daemon/record/cursor.h"
#include "daemon/record/log.h"
#include "daemon/record/messages.h"

namespace vidra {

struct LaneBounds {
  uint64_t max_bytes = 0;      // on disk, not yet acknowledged
  int64_t max_age = 0;         // nanoseconds; 0 for ever
};

struct OutboxSettings {
  std::string directory;       // this collector's own
  SensorId sensor{};
  std::array<LaneBounds, lane_count> lanes{{{64u << 20, 0}, {384u << 20, 0}, {64u << 20, 86'400'000'000'000}}};
  uint64_t segment_bytes = 16u << 20;
  uint64_t memory_bytes = 8u << 20;             // waiting for the disk, all lanes; lane 0 has its own tenth
  int64_t group_interval = 20'000'000;          // longest wait of a record in lane 2 for company
  size_t group_records = 64;
  uint64_t free_floor = 64u << 20;              // octets left free on the disk
  int64_t retain_acknowledged = 7 * 86'400'000'000'000;   // a collector restored from a backup may ask again
  int64_t checkpoint_interval = 1'000'000'000;  // both doubled, up to 4096 times, while nobody acknowledges checkpoints
  uint64_t checkpoint_records = 256;
  int64_t retry_interval = 1'000'000'000;       // after the disk failed
  int64_t read_patience = 60'000'000'000;       // so long is asked again before what cannot be read is told as lost
  ClockState clock = ClockState::free_running;
};

// A record that is durable in the outbox: from here on it is delivered, or a GAP record says that it is not.
struct Accepted {
  uint64_t ticket = 0;         // what append() returned
  uint8_t lane = 0;
  uint64_t epoch = 0, seq = 0;
};

struct OutboxStatus {
  struct LaneStatus {
    uint64_t waiting = 0;          // in memory, not durable yet
    uint64_t unacknowledged = 0;   // durable, not acknowledged
    uint64_t bytes = 0;            // on disk
    uint64_t accepted = 0, evicted = 0, lost = 0, refused = 0;   // lost: sacrificed before they had a number
    int64_t oldest_ns = 0;         // wall time of the oldest unacknowledged segment, 0 when none
  };
  std::array<LaneStatus, lane_count> lanes;
  uint64_t epoch = 0, epochs = 0;
  uint64_t syncs = 0, sync_failures = 0, gaps = 0, cut_bytes = 0, checkpoints = 0;
  bool failing = false;            // the disk takes nothing now
  std::string trouble;             // why
};

// What is to reach one collector: three lanes of records on disk, each gap-free and chained within an epoch. Any thread
// may append; one thread of its own gives numbers, chains, writes and syncs; the link thread follows what is durable.
class Outbox {
 public:
  Outbox(Storage&, OutboxSettings, const SignSecret&);
  ~Outbox();
  Outbox(const Outbox&) = delete;

  // Recovers what is on disk, or begins. A disk that refuses is no error here: records wait in memory and status() tells.
  void open();
  void start();                    // the outbox's own thread
  void stop();                     // commits what waits, stores the cursors

  // Set before start(). Called by the outbox's thread for each record that became durable, in order per lane.
  std::function<void(const Accepted&)> on_accepted;
  // Set before a sender starts. Called by the link's thread: everything of (epoch, lane) up to the number is in the collector's journal.
  std::function<void(uint64_t epoch, uint8_t lane, uint64_t upto)> on_acknowledged;
  // Who is to be woken when there is more to send; an empty function ends it.
  void wake_with(std::function<void()>);

  // Takes a record for a lane (0 to 2); 0 when the lane is full, otherwise its ticket: 1, 2, 3 … in this lane. The record
  // is accepted, and safe, once accepted(lane) has reached the ticket. The body is JSON (or zstd of it, by flag).
  uint64_t append(Lane, MessageType, uint8_t prio, uint8_t flags, std::string body);
  uint64_t accepted(Lane l) const { return accepted_[size_t(l)].load(std::memory_order_acquire); }
  // Waits until accepted(lane) has reached the ticket; false after `timeout` nanoseconds.
  bool wait(Lane, uint64_t ticket, int64_t timeout);

  OutboxStatus status() const;
  uint64_t epoch() const { return epoch_.load(std::memory_order_acquire); }

  // One turn of the outbox's thread, for those who have no thread: true when everything that waited is durable.
  bool commit();
  // What is done once a second: cursors, bounds, retention.
  void upkeep();

  // --- for the link thread alone
  struct Outgoing {
    uint64_t epoch = 0;
    uint8_t lane = 0;
    LogEntry entry;
  };
  std::vector<StreamState> streams();                      // what is held, for HELLO
  void rewind(const std::vector<StreamState>& durable);    // WELCOME: go on behind what the collector has; all else is sent anew
  bool unannounced();                                      // an epoch was begun since streams() was asked: nothing of it is sent before the next HELLO
  void pause();                                            // nothing to be sent until the next rewind
  bool next(Outgoing&);                                    // the next record within credit: lane 0 first, then 1, then 2; older epochs first
  void acknowledge(const std::vector<StreamState>&);       // ACK: durable there, and new credit
  uint64_t in_flight() const { return in_flight_; }

 private:
  struct Stream;
  struct Epoch;
  using EpochPtr = std::shared_ptr<Epoch>;
  struct Waiting {
    uint64_t ticket;
    MessageType type;
    uint8_t prio, flags;
    int64_t wall_ns;
    uint64_t mono_ns;
    std::string body;
    // Of a GAP record: what it tells of; until it is durable the disk alone must still show the loss.
    struct Told { uint64_t epoch = 0, from = 0, to = 0; uint8_t lane = 0; } told{};
  };

  void run();
  bool read_back();
  LogSettings lane_of(const Epoch&, size_t lane) const;
  int begin_epoch();
  int make_epoch(Epoch&);
  void remove_files(const Epoch&);
  bool open_epoch(const EpochPtr&, bool newest, std::vector<Gap>& lost);   // false: nothing may be written to it any more
  bool commit_lane(Epoch&, size_t lane);
  bool enqueue(size_t lane, Waiting&&, bool own);
  bool enqueue_locked(size_t lane, Waiting&&, bool own);
  void checkpoint(Epoch&);
  bool make_room(bool alerts_too);
  bool evict_from_lane(size_t lane, const char* reason);
  void keep_bounds();
  void retire(const EpochPtr&);
  void tell(Gap);
  void tell_locked(Gap);
  void tell_missing(Stream&, Range, const char* reason);
  uint64_t settled(const Stream&) const;
  bool store_cursor(Stream&);
  template <class Each> void untold(uint64_t epoch, Each) const;
  void failed(int error, const char* doing);
  std::vector<EpochPtr> epochs() const;
  void follow();

  Storage& storage_;
  const OutboxSettings settings_;
  SignSecret secret_;

  mutable std::mutex mutex_;                 // the queues, the list of epochs, what was told, trouble_
  std::condition_variable wake_, settled_;
  std::array<std::deque<Waiting>, lane_count> queue_;
  std::array<uint64_t, lane_count> queue_bytes_{};
  std::array<std::atomic<uint64_t>, lane_count> in_hand_{};   // taken from the queue and not durable yet
  std::array<Gap, lane_count> lost_;         // sacrificed in memory, told when the disk is back
  std::vector<EpochPtr> epochs_;             // oldest first; the last one is written to when writable_
  std::mutex waker_mutex_;
  std::function<void()> waker_;
  std::string trouble_;
  bool stopping_ = false;
  std::thread thread_;

  // The outbox's own thread.
  bool writable_ = false, was_read_ = false, unreadable_ = false;
  int reads_ = 0;
  std::map<std::pair<uint64_t, size_t>, uint64_t> cut_;   // (epoch, lane): octets, by all attempts to read what earlier runs left
  int64_t wall_ahead_ = 0, even_since_ = 0;               // of the clock since boot; since when the wall clock has gone evenly, by that one
  uint64_t ordinal_ = 0, since_checkpoint_ = 0, last_checkpoint_ = 0, checkpoint_factor_ = 1;
  int64_t retry_at_ = 0, checkpoint_at_ = 0, upkeep_at_ = 0, cursors_at_ = 0;

  std::array<std::atomic<uint64_t>, lane_count> tickets_{}, accepted_{}, accepted_count_{}, evicted_{}, lost_count_{}, refused_{};
  std::atomic<uint64_t> epoch_{0}, syncs_{0}, sync_failures_{0}, gaps_{0}, cut_bytes_{0}, checkpoints_{0}, generation_{0};
  std::atomic<bool> failing_{false}, full_{false}, renew_{false};

  // The link thread.
  std::vector<EpochPtr> following_;
  uint64_t following_generation_ = ~uint64_t{0};
  bool paused_ = true;
  uint64_t in_flight_ = 0, announced_ = 0;
};

}  // namespace vidra
