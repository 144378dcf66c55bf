// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "daemon/judge/clock_votes.h"
#include "daemon/judge/detector.h"
#include "daemon/judge/inventory.h"
#include "daemon/judge/quantities.h"
#include "daemon/judge/replayed_values.h"

namespace vidra {

// What a device of an import does otherwise than the import says, told to nobody until `vidra diff --review` (decision 0209).
struct SilentDifference {
  std::string device;                  // as the site calls it
  const Detection* detection = nullptr;
  std::string what, expected;
  Time first = 0, last = 0;
  uint64_t times = 0;
  uint64_t key = 0;                    // of device, detection, cause, source and station
  uint64_t print = 0;                  // SiteHost::print of the device then, or of NET-01 to NET-03 its talk_print
  static constexpr size_t most = 1024;
};

// Hears every event in time order, learns or compares, and passes on what its detectors found. One owning thread.
class Judge final : public EventSink, private Findings {
 public:
  struct Counters {
    uint64_t events = 0, identities = 0, findings = 0, in_window = 0;
    uint64_t unreviewed = 0, unreviewed_unkept = 0;      // findings that were kept silent, and in no other; of them without a place in `unreviewed`
    uint64_t flows_resolved = 0, flows_forgotten = 0, hosts_unkept = 0;
  };

  Judge(std::shared_ptr<const Site>, Memory, JudgeSettings, FindingSink&);
  Judge(std::shared_ptr<const Site>, Memory, JudgeSettings, FindingSink&, Detectors);   // of these detectors only
  ~Judge();

  void see(const Event&) override;
  void tick(Time now);                 // time without events
  void finish(Time now);               // nothing will come any more: what was held back is told

  // Another declared site and other settings of detections, from the next event on. What was counted so far is held against
  // the new thresholds; what was begun under the old site may end under it.
  void adopt(std::shared_ptr<const Site>, const JudgeSettings&);
  bool learning() const { return learning_; }
  void watch();                        // ends learning
  const Memory& memory() const { return memory_; }
  const Site& site() const { return *site_; }
  const Inventory& inventory();        // everybody who spoke, with their last words
  void remember(Inventory);            // what was kept before the start
  const Counters& counters() const { return counters_; }
  ValuesUnwatched unwatched() const { return unwatched_ ? *unwatched_ : ValuesUnwatched{}; }
  const Clocks& clocks() const { return clocks_; }
  // How imported devices that nobody reviewed differ from the wire: told nobody, each once, in the order in which they were found first.
  // One goes when somebody reviews its device, or declares it otherwise. Bounded; the counters count on.
  const std::vector<SilentDifference>& unreviewed() const { return unreviewed_; }

 private:
  void raise(Finding&&) override;
  bool told(uint64_t flow) const override;
  bool told(const Address& client, const Endpoint& server) const override;
  const HeardHost* heard(const Address&) const override;

  struct alignas(128) Slot { Conversation conversation; uint64_t version = 0; Time used = 0; uint64_t words = 0; };   // two lines that come together
  static constexpr size_t ways = 4;
  void turn(const Event&);
  Slot& resolve(const Scene&, bool& first);
  size_t place(uint64_t flow) const { return (flow / 2 * ways) & slot_mask_; }
  size_t usual(uint64_t flow, uint16_t protocol) const { return place(flow) + ((flow & 1) << 1 | (protocol == tcp_ || protocol == udp_)); }
  static uint64_t tag_of(uint64_t flow, uint16_t protocol) { return flow ^ uint64_t{protocol} << 48; }
  // The flow of what is said against its scene's sides; traffic's numbers never reach this bit.
  static constexpr uint64_t against = uint64_t{1} << 62;
  Slot* find(uint64_t flow, uint16_t protocol);
  Slot& begin(const Scene&);
  void fill(Slot&, const Scene&);
  struct Former { Mac mac; Time word = 0; };           // of a host for which another card speaks now, and its last word
  HeardHost* hear(const Address&, const Mac&, Time, const HeardHost*& newcomer, Former&);
  void advance(Time);
  void list(const Event&, uint64_t words, const Context&);
  void moved(const HeardHost&, const Mac&, const Event&, const Context&);
  void claimed(const Event&, const Context&);
  void dispatch();
  void guard_inventory();
  void keep_silent(const Finding&, const SiteHost&);

  std::shared_ptr<const Site> site_;
  std::vector<std::shared_ptr<const Site>> former_;   // detectors may still speak of their points
  Memory memory_;
  JudgeSettings settings_;
  FindingSink& sink_;
  Detectors detectors_;
  bool learning_;
  int arp_, tcp_, udp_;                // indices of protocols
  std::vector<uint8_t> asks_;          // by protocol: its requests and answers say who asks
  Time now_ = 0, ticked_ = 0;
  Time undisturbed_ = 0;               // before then no tick is due
  Counters counters_;

  // For each (protocol, act, role) the detectors that want it: first the ones for every event, then those for first ones.
  struct List { uint32_t begin = 0, always = 0, end = 0; };
  std::vector<List> lists_;
  std::vector<Detector*> wanted_, identity_wanted_, newcomer_wanted_, ticking_;
  struct Policy { bool off = false; uint8_t severity = 0; };
  std::vector<Policy> policies_;       // by index in the catalogue

  // Flows are numbered as they begin: those of about the same age lie side by side, two in a row of four ways, which is room for
  // what each says itself and for what is said of its connection: each has its usual way, where it is looked for first. For those that
  // did not find it free, what is compared lies apart, a row in half a line of memory.
  std::vector<Slot> slots_;
  std::vector<uint64_t> tags_;
  size_t slot_mask_ = 0;
  Slot loose_;                         // of events without a flow
  const Event* event_ = nullptr;       // the one that is being judged
  Inventory inventory_;
  Clocks clocks_;
  ClockVotes clock_votes_;
  Quantities quantities_;
  const ValuesUnwatched* unwatched_ = nullptr;   // the detector's own
  Time voted_ = 0;
  std::vector<SilentDifference> unreviewed_;
  std::unordered_map<uint64_t, size_t> unreviewed_at_;   // by their keys
  struct Hosts;
  std::unique_ptr<Hosts> hosts_;
};

}  // namespace vidra
