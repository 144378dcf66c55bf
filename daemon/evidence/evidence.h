// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "daemon/evidence/recorder.h"
#include "daemon/evidence/sets.h"

namespace vidra {

// How keeping evidence goes, as of a second ago.
struct EvidenceStatus {
  bool keeps = false;
  Recorder::Counts frames;                       // handed over by the workers; not kept: no room in memory, or the disk took nothing
  Segments::Held held;
  Sets::Counts sets;
  uint64_t left_out = 0;                         // tellings of stories that found no room on their way here, and sets that the disk never took
  uint64_t pinned_most = 0;                      // octets that may be pinned
  std::string sets_trouble;                      // why the last set could not be written; "" it was
};

// What an operator must know of it, in sentences; none when all is well.
std::vector<std::string> complaints_of(const EvidenceStatus&);

// The packets that prove a story. Recorders copy what is heard; a writer keeps the last of it on disk; a cutter sets aside what belongs to a
// story, some seconds after it was told and again while it goes on. Neither holds up whoever hears or tells. Nothing of it leaves the site.
class Evidence {
 public:
  Evidence(const EvidenceSettings&, std::string folder, Witness, Storage&, size_t workers, bool waits);
  ~Evidence();
  Evidence(const Evidence&) = delete;

  Recorder& recorder(EventSink& next, size_t worker);   // of each worker in turn, before `start`
  void start();
  bool told(const Story&);                       // one thread, in the order in which they are told; true where packets that decided it will be set aside
  void finish();                                 // nothing more is heard or told: all is written, all sets are cut
  EvidenceStatus status() const;
  std::vector<std::string> said();               // what somebody should read once: since it was asked last

 private:
  struct Telling {                               // of a story, on its way to the cutter
    Wish wish;
    bool closed = false;
  };
  struct Case {                                  // a story whose packets are set aside in parts
    Wish next;                                   // what the next part will hold; nothing while `deciding` is empty
    Time due = 0;                                // monotonic; 0: nothing is
    Time until = 0;                              // up to where parts were cut, in the story's time
    unsigned parts = 0;
    bool closed = false;
    Time told = 0;                               // monotonic
  };
  void write();
  struct Drained {
    bool crowded = false;                        // a tape was a quarter full before
    size_t left = 0;                             // octets on their way then
  };
  Drained drain();
  void cut();
  void take(Telling&&);
  void settle(std::vector<Wish>&&);
  std::vector<Time> apart() const;
  bool forget();                                 // the story with nothing due that was told longest ago; false: there is none
  void say(std::vector<std::string>&&);

  const EvidenceSettings settings_;
  const std::string folder_;
  const size_t workers_;
  const bool waits_;
  const uint32_t run_;
  Storage& storage_;
  std::vector<std::unique_ptr<Recorder>> recorders_;
  Segments segments_;
  Sets sets_;                                    // the cutter's
  std::map<std::string, Case> cases_;            // the cutter's, by story
  std::deque<Wish> again_;                       // the cutter's: what the disk did not take
  Time again_at_ = 0;                            // monotonic
  std::atomic<Time> drained_{0};                 // monotonic: all that was handed over before then was written
  std::thread writer_, cutter_;

  std::mutex writing_;
  std::condition_variable stop_writing_;
  bool written_out_ = false;
  std::array<std::atomic<uint64_t>, sort_count> lost_{};   // handed over, and not taken by the disk

  mutable std::mutex mutex_;                     // what follows
  std::condition_variable wake_;
  std::deque<Telling> tellings_;
  bool over_ = false;
  uint64_t left_out_ = 0;
  Sets::Counts counts_;
  std::string sets_trouble_;
  std::vector<std::string> said_;
};

}  // namespace vidra
