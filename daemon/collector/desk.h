// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>

#include "daemon/collector/settings.h"
#include "daemon/report/line.h"

namespace vidra {

// The whole collector but for its process: keys, receiver, intake, and what people see of it. Alerts go to one stream,
// remarks (who came, who is silent, what is missing) to another. Used from one thread; the receiver has its own.
class Desk final : ReceiverEvents {
 public:
  Desk(Storage&, CollectorSettings, std::ostream& alerts, std::ostream& remarks, Style);
  ~Desk();

  // "" or what is wrong and what to do. Afterwards it listens.
  std::string start(bool reindex);
  // Waits at most so long for news, shows them, and does what is due.
  void turn(Time at_most);
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
  void happened(Kind, const std::string& sensor, const std::string& text) override;
  void show(News&&);
  void remark(Time, const std::string&);
  void note(const Happening&);
  void follow_sensors(Time now);
  void look_at_the_clock(Time now);
  void trust_keys();
  std::string name_of_sensor(const std::string& uuid);

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

  mutable std::mutex mutex_;           // news_, happenings_, missed_, missed_happenings_
  std::condition_variable wake_;
  std::deque<News> news_;
  std::deque<Happening> happenings_;
  uint64_t missed_ = 0, missed_happenings_ = 0;

  std::map<std::string, Time> shown_;  // stories, when last
  Time listening_since_ = 0, followed_ = 0;
  // What the index did not take when it was due, as somebody held it: since when sensors are counted anew, and who has said good-bye.
  bool clock_unwritten_ = false;
  std::map<std::string, std::pair<std::string, Time>> farewells_unwritten_;
  Time wall_ahead_ = 0;                // of the monotonic clock, when last looked at
  std::string pausing_, behind_;       // as last remarked
  std::map<std::string, Time> farewells_;
  Counters counters_;
};

}  // namespace vidra
