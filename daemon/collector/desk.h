// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>

#include "daemon/collector/settings.h"
#include "daemon/report/line.h"

namespace vidra {

// The whole collector but for its process: keys, receiver, intake, and what people see of it. Alerts go to one stream,
// remarks (who came, who is silent, what is missing) to another. Used from one thread, which waits for no disk: what is kept of sensors,
// and whatever else is due, is done by a thread of its own, as the receiver has one for the journal.
class Desk final : ReceiverEvents {
 public:
  Desk(Storage&, CollectorSettings, std::ostream& alerts, std::ostream& remarks, Style);
  ~Desk();

  // "" or what is wrong and what to do. Afterwards it listens.
  std::string start(bool reindex);
  // Waits at most so long for news, and shows them.
  void turn(Time at_most);
  Time standing() const;               // how long what is due has waited for the disk; 0 where it does not
  void stop();                         // hears no more, shows what is left

  std::string endpoint() const;        // as bound
  std::string public_key() const;      // what a sensor's settings need
  std::string status() const;          // one line
  Receiver& receiver() { return *receiver_; }
  Intake& intake() { return *intake_; }
  struct Counters { uint64_t alerts = 0, updates = 0, not_shown = 0; };   // not_shown: the reader of the output was too slow
  const Counters& counters() const { return counters_; }

 private:
  struct Happening { Kind kind; std::string sensor, text; Time at; };
  struct Remark { Time at; std::string text; };
  struct Farewell { std::string reason; Time at; };
  // As the thread that keeps has seen it last.
  struct Kept { size_t sensors = 0, connected = 0, waiting = 0; Intake::Counters in; uint64_t bytes = 0; std::string pausing, behind; };
  void happened(Kind, const std::string& sensor, const std::string& text) override;
  void show(News&&);
  void remark(Time, const std::string&);
  void note(const Happening&);
  void look_at_the_clock(Time now);
  std::string name_of_sensor(const std::string& uuid);

  // The thread that keeps.
  void run();
  void keep(Time now);
  bool follow_sensors(Time now);
  void say(Time, std::string);
  void trust_keys();

  Storage& storage_;
  CollectorSettings settings_;
  std::ostream& alerts_;
  std::ostream& remarks_;
  Style style_;
  std::shared_ptr<const Language> language_;   // of what is shown
  Keys keys_;
  KnownKeys known_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<Receiver> receiver_;
  int lock_ = -1;                      // nobody else works in this directory

  mutable std::mutex mutex_;           // what follows, up to the next gap
  std::condition_variable wake_, due_;
  std::deque<News> news_;
  size_t news_octets_ = 0;                                // of their bodies
  std::deque<Happening> happenings_;
  uint64_t missed_ = 0, missed_happenings_ = 0;
  std::deque<Remark> said_;                              // by the thread that keeps
  std::map<std::string, Farewell> farewells_heard_;      // for it
  std::map<std::string, std::string> names_;             // of sensors, by UUID: NAME at SITE
  Kept kept_;
  Time began_ = 0;                                       // its turn, by the clock since boot; 0 while it has nothing to do
  bool hurry_ = false, stopping_ = false;
  std::thread keeper_;

  std::map<std::string, Time> shown_;  // stories, when last
  Time looked_ = 0, wall_ahead_ = 0;   // at the clock, when last, and how far it was ahead of the monotonic one
  bool stands_ = false;                // the disk, as last remarked

  // The thread that keeps, when there is one.
  Time listening_since_ = 0, wall_ahead_there_ = 0;
  Time unfollowed_since_ = 0;          // by the monotonic clock; 0 the index takes what is known of sensors
  // What the index did not take when it was due, as somebody held it: since when sensors are counted anew, and who has said good-bye.
  bool clock_unwritten_ = false;
  std::map<std::string, Farewell> farewells_unwritten_;
  std::map<std::string, Time> farewells_;
  std::string pausing_, behind_;       // as last remarked
  Counters counters_;
};

}  // namespace vidra
