// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/judge/event.h"
#include "daemon/judge/site.h"

namespace vidra {

// A set of object keys as ranges: 100,000 objects in a row are one line.
class ObjectSet {
 public:
  void add(Object first, uint32_t count = 1);
  bool has(Object o) const { return has(o, 1); }
  bool has(Object first, uint32_t count) const;      // all of them
  uint64_t size() const;                              // objects
  const std::vector<ObjectRange>& ranges() const { return ranges_; }
  bool operator==(const ObjectSet&) const = default;

 private:
  std::vector<ObjectRange> ranges_;                   // sorted, apart
};

// How one object is commanded or written by one client.
struct Habit {
  Object object;
  ActSet acts = 0;
  uint64_t times = 0;                 // operated or written
  uint64_t selected = 0;              // of these, how often a select went before
  double min = 0, max = 0, step = 0;  // of the numbers sent; step: the largest change from one to the next
  bool numbers = false;               // min, max and step are set
  uint8_t checks = 0;                 // MMS: synchrocheck 1, interlock check 2, where all its commands had them
  Time last = 0;                      // not written to the file
  double last_number = 0;             // "
  bool pending_select = false;        // "

  // Whether a number lies further outside what was sent than `spans` widths of it, a width being at least `least` of the largest
  // magnitude, and did not come there from the number before it (NaN: none) in steps like those that were learned.
  bool strange(double number, double before, double spans, double least) const;
};

// What one client says to one station behind a server.
struct StationMemory {
  uint64_t station = 0;
  ObjectSet read;                     // asked for, or reported
  ObjectSet written;                  // written, operated
  std::vector<Habit> habits;          // by object, of what was written or operated
  const Habit* habit(Object) const;
};

struct FunctionMemory {
  uint16_t function = 0, sub_function = 0;
  Role role = Role::request;
  uint64_t times = 0;
  Time period = 0;                    // usual time between two, 0 unknown; of requests and reports
  Time last = 0;                      // not written to the file
};

// A dangerous act that was learned, and waits for somebody's yes.
struct DangerMemory {
  uint64_t station = 0;
  Act act = Act::operate;
  uint64_t times = 0;
  bool approved = false;
};

struct ConversationMemory {
  Address client, server;
  uint16_t protocol = 0;              // index into protocols
  uint16_t port = 0;                  // server's
  ActSet acts = 0;                    // of requests, of the client
  ActSet reported = 0;                // of reports and unsolicited, of the server
  std::vector<FunctionMemory> functions;   // sorted
  std::vector<uint64_t> origins;           // sorted
  std::vector<StationMemory> stations;     // sorted
  std::vector<DangerMemory> dangers;       // sorted
  Time shortest_pace = 0;             // mean pause of the quickest four switching operations in a row, each of another object; 0: none were heard
  std::array<Time, 3> switched{};     // when the last three were, the newest last; not written to the file
  uint64_t last_switched = 0;         // "
  bool fragments = false;             // its octets come in IP fragments
  Time first = 0, last = 0;           // when it was heard while learning, whole days in the file; 0 unknown
  uint8_t heard = 0;                  // 1 the client, 2 the server; not written to the file

  const StationMemory* station(uint64_t) const;
  bool knows(Act a) const { return acts & bit(a); }
  bool knows_function(uint16_t function, uint16_t sub_function) const;
  bool knows_origin(uint64_t) const;
  const DangerMemory* danger(uint64_t station, Act) const;
};

struct HostMemory {
  Address address;
  std::vector<Mac> macs;              // sorted; more than one for teamed cards and fail-over pairs
  std::string vendor, product, model, firmware, serial, name;   // what it said of itself
  Time first = 0, last = 0;           // as of a conversation
  // Clocks of it that agreed with all others, by the protocol that tells them and the station; sorted.
  struct Clock {
    uint16_t protocol = 0;
    uint64_t station = 0;
    auto operator<=>(const Clock&) const = default;
  };
  static constexpr size_t most_clocks = 256;
  std::vector<Clock> clocks;
  bool right(const Clock& c) const { return std::binary_search(clocks.begin(), clocks.end(), c); }
};

// One GOOSE control block or sampled-value stream as it was heard.
struct PublisherMemory {
  PublisherKind kind = PublisherKind::goose;
  std::string reference;              // gocbRef or svID
  std::vector<Address> sources, destinations;   // sorted, at most 8 each
  uint16_t appid = 0, vlan = 0;
  uint32_t conf_rev = 0, entries = 0, asdus = 0;
  std::string data_set;
  uint32_t live = 0;                  // GOOSE: the longest timeAllowedtoLive, ms
  Time shortest = 0, longest = 0;     // GOOSE: of its retransmission curve
  uint32_t busiest = 0;               // most frames in a second
  double rate = 0;                    // of a stream: samples a second, the highest measured
  uint8_t synch = 0;                  // the best smpSynch
  bool simulated = false, secured = false, commissioning = false;
  bool pauses = false;                // a stream that stopped and came back
  uint64_t times = 0;                 // how often it was told of: about once a second
  Time last = 0;                      // not written to the file
};

// Who froze what was learned, and when. The file's own signature is the business of who reads it from a disk.
struct Frozen {
  std::string by, note, key, signature;   // key and signature in hexadecimal
  Time at = 0;
  bool empty() const { return signature.empty(); }
};

// When learning began, by the traffic's time, and when it ended; 0 not yet. It goes on over restarts and does not begin anew.
struct Learning {
  Time begun = 0, ended = 0;
};

// What was learned. `learn` while learning; afterwards only the const questions are asked. Pointers stay good as long as
// the Memory does.
class Memory {
 public:
  static constexpr size_t host_limit = 65'536, conversation_limit = 262'144, object_limit = 4'000'000, publisher_limit = 16'384;

  Memory() = default;
  Memory(Memory&&) = default;
  Memory& operator=(Memory&&) = default;

  void learn(const Event&);
  Memory copy() const;                // to be written by another thread: what `write_memory` reads, nothing can be looked up in it
  void settle();                      // after filling it otherwise: from a file
  // Only what `keep` says stays; how many went. Pointers into it are good no more.
  template <class H, class C, class P>
  size_t prune(H keep_host, C keep_conversation, P keep_publisher) {
    const size_t before = hosts_.size() + conversations_.size() + publishers_.size();
    std::erase_if(hosts_, [&](const HostMemory& h) { return !keep_host(h); });
    std::erase_if(conversations_, [&](const ConversationMemory& c) { return !keep_conversation(c); });
    std::erase_if(publishers_, [&](const PublisherMemory& p) { return !keep_publisher(p); });
    index();
    return before - hosts_.size() - conversations_.size() - publishers_.size();
  }

  const HostMemory* host(const Address&) const;
  const ConversationMemory* conversation(const Address& client, const Address& server, uint16_t protocol, uint16_t port) const;
  bool speaks(const Address& client, const Address& server) const;    // in any protocol
  bool commands(const Address& client, const Address& server) const;  // has operated or written, in any protocol
  bool owns(const Mac&) const;                                        // some known host's
  std::span<const ConversationMemory* const> conversations_with(const Address& server) const;
  const PublisherMemory* publisher(PublisherKind, uint64_t reference_key) const;
  bool has_publishers(PublisherKind k) const { return publisher_counts_[size_t(k)]; }
  bool empty() const { return hosts_.empty() && conversations_.empty(); }
  uint64_t version() const { return version_; }                       // changes when a host or conversation is added
  uint64_t forgotten() const { return forgotten_; }                   // what a limit kept out

  std::deque<ConversationMemory>& conversations() { return conversations_; }   // to approve what waits for a yes
  Frozen frozen;                                                       // of the file it was read from; learning more thaws it
  Learning learning;                                                   // of a sensor
  std::deque<HostMemory>& hosts() { return hosts_; }
  const std::deque<HostMemory>& hosts() const { return hosts_; }
  const std::deque<ConversationMemory>& conversations() const { return conversations_; }
  const std::deque<PublisherMemory>& publishers() const { return publishers_; }
  PublisherMemory& add_publisher(PublisherKind, std::string_view reference);
  HostMemory& add_host(const Address&);                               // or the one there is
  ConversationMemory& add_conversation(const Address& client, const Address& server, uint16_t protocol, uint16_t port);
  void add_mac(HostMemory&, const Mac&);
  void add_clock(const Address&, const HostMemory::Clock&);           // of a host that is remembered

 private:
  struct Key {
    Address client, server;
    uint32_t what;                    // protocol << 16 | port; pairs: 0
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Address&) const;
    size_t operator()(const Key&) const;
  };
  void index();
  void learn_host(const Address&, const Mac&, Time);
  void learn_identity(const Event&);
  void learn_message(ConversationMemory&, const Event&);
  void learn_publisher(PublisherKind, const Event&);
  static uint64_t publisher_key(PublisherKind k, uint64_t reference) { return (reference & ~(0xffull << 56)) | uint64_t(k) << 56; }

  std::deque<HostMemory> hosts_;
  std::deque<ConversationMemory> conversations_;
  std::deque<PublisherMemory> publishers_;
  std::unordered_map<uint64_t, PublisherMemory*> by_reference_;
  size_t publisher_counts_[2] = {};
  std::unordered_map<Address, HostMemory*, Hash> by_address_;
  std::unordered_map<Key, ConversationMemory*, Hash> by_key_;
  std::unordered_map<Key, ActSet, Hash> pairs_;
  std::unordered_map<Address, std::vector<const ConversationMemory*>, Hash> by_server_;
  std::unordered_map<uint64_t, uint32_t> macs_;
  uint64_t version_ = 1, forgotten_ = 0, objects_ = 0;
  struct Cached { uint64_t flow = 0; uint16_t protocol = 0; ConversationMemory* conversation = nullptr; };
  std::vector<Cached> recent_;
};

}  // namespace vidra
