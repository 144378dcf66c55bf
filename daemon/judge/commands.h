// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <unordered_map>
#include <vector>

#include "daemon/judge/event.h"

namespace vidra {

// One step in the life of a command: select → operate → confirm → terminate → the process followed.
enum class Step : uint8_t {
  selected,        // a select was asked for
  operated,        // an operate, direct or after a select, or a write was asked for
  cancelled,       // the master withdrew it
  confirmed,       // the device accepted the last request
  refused,         // the device refused the last request, or said at its end that it failed
  unasked,         // the device confirms what nobody was heard to ask
  unanswered,      // no answer within Limits::answer
  expired,         // selected and accepted, but neither operated nor cancelled within Limits::selection
  terminated,      // the device reported the end of the execution
  unterminated,    // it did not, though it always had for this function
  already_there,   // the process was in the commanded position before
  followed,        // the feedback took the commanded state within the travel time
  contradicted,    // the feedback was heard after the command and says another state when the travel time is over
  not_followed,    // the feedback said nothing within the travel time
};
std::string_view name_of(Step);

// What was remarkable about how a command was asked for. A fact, not a verdict: detectors know whether it matters.
enum CommandFlag : uint16_t {
  without_select = 1,    // operated, and no select of this object was heard
  digest_differs = 2,    // the operate's octets are not those selected
  other_selected = 4,    // another host selected
  select_refused = 8,    // the select had been refused
  sequence_differs = 16, // DNP3: the operate is not the request that follows the select (IEEE 1815, 4.4.4)
  uncertain = 32,        // octets were lost, or the conversation was joined too late, to be sure of the flags above
  no_answer_due = 64,    // unacknowledged operate, broadcast
};

// A command as far as it has been heard. Plain.
struct Command {
  Scene scene;                 // of the last request: when, and who asked whom
  uint64_t station = 0;
  uint64_t origin = 0, digest = 0;
  Object object;
  Point asked;                 // the value with its qualifier and pulse length
  Point seen;                  // the feedback that decided; its object is none while nothing was heard
  Address selector;            // who selected; kind none where nobody was heard to
  Time selected = 0, operated = 0, answered = 0, terminated = 0;   // 0: not yet
  uint32_t tag = 0;
  uint16_t function = 0;       // of the last request
  uint16_t reason = 0;         // of the last answer
  uint16_t status = 0;         // of the last answer, this object's own
  uint16_t flags = 0;
};

struct Outcome {
  Step step;
  Command command;
};

// Which object tells how the process followed a command, as the site declares it. Server, protocol and station are the
// command's own, unless `tellers` names who tells it: a device, in a protocol of its own.
struct Feedback {
  Address server;
  uint16_t protocol = 0;       // index into protocols
  uint64_t station = 0;
  Object command, feedback;
  Time travel = 30 * second;   // disconnectors take 20 s
  double tolerance = 0;        // of a set-point, in its unit; 0: 2 % of the value
  bool inverted = false;       // commanded on means the feedback goes off
  bool momentary = false;      // a pulse, a tap: the feedback must move, not stay
  std::vector<Address> tellers;        // a publisher's are its hardware addresses
  uint16_t told_in = 0;                // the protocol in which they tell it
  uint64_t told_station = 0;           // and the station; 0 where that protocol has none
  std::vector<Object> also;            // other names of `feedback`: places in data sets
  double scale = 1;                    // what the feedback's number is multiplied with, to compare with the command's
};

// The data object of an MMS name: "IED1LD0/XCBR1$ST$Pos$stVal" → "IED1LD0/XCBR1$ST$Pos". What reports and directories name is the
// object, or the value in it.
Object data_object(std::string_view name);

// The one engine for every protocol with commands. Judges nothing: it yields steps, as plain values, that detectors read.
// Bounded; its time comes from events and ticks alone; what loss of octets or a late start made uncertain yields nothing.
class Commands {
 public:
  struct Limits {
    Time answer = 30 * second;      // from a request to its answer; gateways to serial lines take many seconds
    Time selection = 60 * second;   // a select counts so long
    Time termination = 5 * minute;
    size_t commands = 4096;         // under way at once
    size_t outcomes = 256;          // of one event or tick
  };

  Commands() : Commands(Limits{}) {}
  explicit Commands(const Limits&);
  void declare(std::span<const Feedback>);   // replaces what was declared; what waits for feedback is dropped

  // The steps that this event, or the passing of time, brought about. Valid until the next call.
  std::span<const Outcome> see(const Event& e) {
    if (e.scene.time > heard_) heard_ = e.scene.time;
    begin(e.scene.time);
    if (concerns(e)) take(e);
    return outcomes_;
  }
  std::span<const Outcome> tick(Time now);
  bool hears_publishers() const { return !publishers_.empty(); }   // some feedback is told by GOOSE

  size_t under_way() const { return used_; }
  uint64_t forgotten() const { return forgotten_; }   // commands and outcomes dropped at a bound
  static constexpr Time never = INT64_MAX;

 private:
  static constexpr uint32_t none = UINT32_MAX;
  enum class Phase : uint8_t { free, selecting, selected, operating, done };
  struct Slot {
    Command command;
    uint64_t place = 0;              // hash of server, protocol and station
    uint64_t other_flow = 0;         // the conversation that asked before: its answer may still come
    Time due = never;                // when the answer, or the operate after a select,
    Time travel_due = never;         // the feedback,
    Time end_due = never;            // and the termination are overdue
    Time touched = 0;
    uint32_t next = none;            // in the hash chain, or in the free list
    uint32_t sibling = none;         // of the same request
    uint32_t watch = none;           // the feedback it waits for
    uint32_t declared = none;
    Phase phase = Phase::free;
    bool selection_open = false;     // a select was heard and not yet used up
    bool accepted = false;           // the last request was
  };
  struct Watch {                     // a feedback point: its last state, and the command that waits for it
    Point last;
    Time heard = 0;
    uint64_t teller = 0;             // who said it
    uint32_t slot = none;
    bool known = false;
  };
  struct Ends { uint64_t key = 0; uint32_t reported = 0; bool missed = false; };
  struct Traits;                     // what protocols do differently
  struct Loss { uint64_t key = 0; Time at = INT64_MIN; };

  void begin(Time now) {
    outcomes_.clear();
    if (now <= now_) return;
    if (!first_) [[unlikely]] first_ = now;
    now_ = now;
    if (now_ >= next_due_) [[unlikely]] expire();
  }
  // Whether this event may be more than a question or an answer while nothing is under way.
  bool concerns(const Event& e) const {
    if (!e.said || e.scene.protocol >= questions_.size()) return false;
    const Message& m = *e.said;
    if (!questions_.data()[e.scene.protocol] || m.after_gap) return true;
    if (m.role == Role::request) return m.act == Act::select || m.act == Act::operate || m.act == Act::cancel || m.act == Act::write;
    return !watches_.empty() || (m.role == Role::response && (used_ || by_object_ == int(e.scene.protocol)));
  }
  void take(const Event&);
  void expire();
  void overdue(Slot&);
  uint32_t find(uint64_t place, Object) const;
  uint32_t take(uint64_t place, Object);
  void release(uint32_t);
  void request(const Event&, const Traits&, uint64_t place);
  uint32_t ask(const Event&, const Traits&, uint64_t place, const Point&);
  void answer(const Event&, const Traits&, uint64_t place);
  void answer(Slot&, const Event&, const Traits&, uint16_t status, bool refused);
  void hear(const Event&, uint64_t place);
  void name_members(const Event&, uint64_t place);
  bool watched(uint64_t place) const { return place_filter_[place >> 6 & (place_filter_.size() - 1)] >> (place & 63) & 1; }
  uint32_t watch_of(const Event&, uint64_t place, const Point&, bool& labelled) const;
  void expect(uint32_t slot);
  void drop_expectation(Slot&);
  void tell(Step, const Command&);
  void lose(uint64_t key);
  bool lost_since(uint64_t key, Time) const;
  bool lost_since(const Command&, Time) const;
  Ends& ends(const Command&);

  Limits limits_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> heads_;      // hash of (place, object) → chain of slots
  std::vector<uint32_t> requests_;   // hash of (conversation, tag) → a slot of that request; verified when read
  uint32_t free_ = none, cursor_ = 0;
  size_t used_ = 0;
  std::vector<Watch> watches_;
  std::vector<Feedback> declared_;
  std::vector<uint32_t> watched_;    // the watch of each of them
  void watch_for(uint64_t place, Object, uint32_t watch);
  std::unordered_map<uint64_t, std::vector<uint64_t>> publishers_;   // a device that answers directories → where it publishes the same data sets
  std::unordered_map<uint64_t, uint32_t> watch_index_, declared_index_;   // grow only while declaring, and by `named_`
  struct Named { uint64_t place, object; };
  bool link(uint64_t point, const Named&);
  static constexpr size_t most_named = 4096;
  std::unordered_map<uint64_t, Named> named_;                   // members of data sets that are feedbacks, as directories told them last
  std::vector<uint64_t> point_filter_;                          // bits of watched points: nearly all telemetry stops here
  std::vector<uint64_t> place_filter_;                          // bits of watched stations
  std::vector<Loss> losses_;                                    // by conversation or server: when octets were lost last
  std::vector<Ends> ends_;
  std::vector<Outcome> outcomes_;
  std::vector<uint8_t> traits_of_;                              // by protocol index
  std::vector<uint8_t> questions_;                              // the same: its events are questions, answers and reports
  int by_object_ = -1;                                          // the protocol whose answers name objects
  int directories_ = -1;                                        // the protocol whose answers name the members of data sets
  Time now_ = 0, heard_ = 0, first_ = 0, next_due_ = never, lost_everywhere_ = INT64_MIN;
  uint64_t forgotten_ = 0;
};

}  // namespace vidra
