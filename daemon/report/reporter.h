// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/report/story.h"

namespace vidra {

// How findings are told. Times and rates are in event time, so that a replay tells what a live sensor told.
struct ReportSettings {
  std::string sensor;                    // enters the stories' ids: the sensor's UUID; "" in a replay
  Time quiet = 10 * minute;              // a story without a finding for so long is closed
  Time update_every = second;            // at most one update of a story in this time
  size_t open_stories = 4096;            // beyond: the least severe, longest quiet one is closed early
  uint32_t findings_of_story = 100;      // a second; beyond: counted, their words are not read unless they are worse
  uint32_t findings = 10'000;            // a second, over all stories; beyond: likewise
  uint32_t new_stories_of_kind = 20;     // a second; beyond: folded into one collective story of their detection
  bool steps = true;                     // what follows from one cause is one story; else each detection tells its own, to be compared
  uint32_t new_stories = 200;            // a second, over all detections; beyond: likewise
};

// Makes stories of findings: the same detection, source, target and cause are one story. So is what follows from one cause, as its steps: all
// that somebody does at a service within the first minute of a session there to which he has no right; and whom he asks, within a minute,
// what they are. The first finding is told at once, and so is each new step; what repeats them comes as updates; a story ends by silence. A detection that has not spoken within the second, or speaks with
// a severity it has not yet shown, always finds room, whatever else is flooding. One thread.
class Reporter final : public FindingSink {
 public:
  struct Counters {
    uint64_t findings = 0;      // heard
    uint64_t stories = 0;       // opened, collective ones included
    uint64_t updates = 0;       // told beyond the first telling, closings included
    uint64_t closed = 0;
    uint64_t closed_early = 0;  // of these, for want of room
    uint64_t folded = 0;        // findings that entered a collective story
    uint64_t steps = 0;         // findings that became a further step of a story, rather than one of their own
    uint64_t unread = 0;        // findings counted without their words
    bool operator==(const Counters&) const = default;
  };

  Reporter(const ReportSettings&, StorySink&);
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  void found(Finding&&) override;
  void tick(Time now);      // tells the updates and closings that are due by now
  void finish(Time now);    // tells and closes everything, in the order of the stories' numbers
  const Counters& counters() const { return counters_; }
  size_t open() const { return open_; }

 private:
  struct Key {
    const Detection* detection;
    Address source, target;
    uint64_t cause;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash { size_t operator()(const Key&) const; };
  struct Open {
    std::vector<Key> keys;             // the first is the story's; each has its step, where there are steps
    size_t lead = 0;                   // whose words and detection are told
    std::optional<Key> session, inquiry;   // under which its further steps are looked for
    Story story;
    Time heard = 0, told = 0;          // clock of the last finding, of the last telling
    int64_t second = -1;               // the second that `in_second` counts
    uint32_t in_second = 0;
    bool pending = false, collective = false;
  };
  using Opens = std::list<Open>;       // in the order they were last heard
  struct Kind { int64_t second = -1; uint32_t opened = 0; uint8_t worst = 0; };

  bool room_for(const Detection*, uint8_t severity);
  void open(const Key&, Finding&&, bool collective);
  void merge(Opens::iterator, const Key&, Finding&&, bool at_once = false);
  bool join(const Key&, Finding&);
  void lead_on(Open&, const Finding&);
  void take_words(Open&, Finding&&);
  void liken(const Address& source);
  void tell(Open&);
  void close(Opens::iterator, bool early);
  void advance(Time now);
  std::string id_of(const Key&, Time first) const;

  const ReportSettings settings_;
  StorySink& to_;
  std::array<Opens, 6> opens_;         // by severity
  std::unordered_map<Key, Opens::iterator, KeyHash> index_;
  std::unordered_map<Key, Opens::iterator, KeyHash> causes_;   // sessions that nobody has a right to, and who asks what others are
  struct Due { Time time; uint64_t number; Open* open; auto operator<=>(const Due&) const = default; };
  std::set<Due> due_;                  // updates that wait for their turn
  std::unordered_map<const Detection*, Kind> kinds_;
  Resemblances resemblances_;
  Time clock_ = 0;
  int64_t second_ = -1;
  uint32_t heard_in_second_ = 0, opened_in_second_ = 0;
  uint64_t last_number_ = 0;
  size_t open_ = 0;                    // stories
  Counters counters_;
};

}  // namespace vidra
