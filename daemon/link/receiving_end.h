// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>

#include "daemon/link/receiver.h"
#include "daemon/record/log.h"

namespace vidra {

// What the collector's end of the link knows and decides: who has greeted, what came and what is durable, what is answered. It has no
// socket and no thread: messages are brought to it, and what it says goes through send(). Two implementations: Receiver, and in the
// tests one whose network, disks and clocks are simulated. Of its functions some belong to the thread of the socket, some to that of the
// journal; what passes between them lies in two queues.
struct ReceivingEnd {
  using Kind = ReceiverEvents::Kind;
  using Table = std::unordered_map<std::string, KnownKey>;
  using StreamKey = std::pair<uint64_t, uint8_t>;

  // A sensor's lane of one epoch, as far as this process has seen it.
  struct Stream {
    uint64_t received = 0, durable = 0;
    Hash last{};
    bool last_known = false;
    std::vector<Range> open_gaps;             // jumped over; a GAP record must name them
    int64_t open_since = 0;
    std::deque<std::pair<uint64_t, Hash>> recent;
  };

  struct Peer {
    std::string key;
    SensorId id{}, claimed{};                 // as the journal's thread has found it; as the HELLO says
    std::string route;                        // of the connection that holds the sensor's place; "" when none
    std::string instance, boot;               // of the HELLO that was said last
    uint64_t said_at = 0;                     // when, by the sensor's clock since that boot
    // Instances that were followed by another: the connection that each had, and when it spoke there again, 0 not.
    struct Former { std::string route; int64_t spoke = 0; };
    std::map<std::string, Former> superseded;
    std::set<std::string> clones;             // those that are refused
    std::map<StreamKey, Stream> streams;      // those that it holds, as its HELLO says, or has sent since
    std::map<StreamKey, ChainHead> heads;     // all that the journal has of it, as of its HELLO
    std::vector<std::pair<StreamKey, Range>> declared;
    SignPublic sign{};
    bool greeted = false, rewinding = false;
    int64_t heard = 0, second_began = 0, greeted_at = 0;
    int64_t told_diverged = 0, told_clone = 0, told_refused = 0, told_quota = 0, told_epochs = 0;   // to people, when last
    double greetings = 0;                     // HELLO and BYE that it may still say now
    uint64_t this_second = 0;
    SensorLink link;
    std::shared_ptr<std::atomic<uint64_t>> waiting = std::make_shared<std::atomic<uint64_t>>(0);   // octets before the journal
  };

  // To the journal thread.
  struct Job {
    std::string key, route;
    bool hello = false;
    Hello said;
    Header header;
    HeaderBytes header_bytes{};
    std::vector<uint8_t> body;
    int64_t received = 0;
    bool probation = false;
    uint64_t octets = 0;                      // before the journal
    std::shared_ptr<std::atomic<uint64_t>> waiting;
  };

  // From it.
  struct Done {
    std::string key, route;                   // no key: records of everybody are taken again
    enum class What : uint8_t { greeting, refused, durable, rewind } what = What::durable;
    Hello said;
    SensorId id{};
    std::string text;
    std::vector<ChainHead> heads;             // greeting: what the journal holds; durable: what it has just synced
  };

  ReceivingEnd(Journal& j, ReceiverEvents& e, ReceiverSettings s) : journal(j), events(e), settings(std::move(s)) {}
  virtual ~ReceivingEnd() = default;
  // To a connection; false where it cannot be taken.
  virtual bool send(const std::string& route, Bytes header, Bytes body) = 0;
  // There is news for the thread of the socket.
  virtual void wake() = 0;

  // Any thread.
  void refresh(KnownKeys&);                            // the table of keys, read anew
  std::shared_ptr<const Table> keys_now() const;

  // The thread of the journal: the only one that waits for a disk.
  void journal_turn(std::deque<Job>& jobs, KnownKeys&);

  // The thread of the socket: never waits for anything but the socket.
  void begin_turn();                                   // what the journal has done
  void on_message(std::vector<std::vector<uint8_t>>& frames, size_t count, const std::string& user);   // of `user`, whom the connection's keys prove
  void end_turn();                                     // acknowledgements, and what is due
  // Says that the collector stops. Whoever has answered, as a PING asks of it, has heard that: until then, or a second, the connections
  // should stay, for libzmq's other end throws away what it has not read when they go.
  void farewell();
  void after_farewell(std::vector<std::vector<uint8_t>>& frames, size_t count);   // a message that came since
  bool all_heard_farewell() const { return told_farewell_.empty(); }
  void publish();

  Journal& journal;
  ReceiverEvents& events;
  ReceiverSettings settings;

  mutable std::mutex mutex;                            // table, done, status
  std::shared_ptr<const Table> table = std::make_shared<Table>();
  std::deque<Done> done;
  ReceiverStatus status;

  std::mutex queue_mutex;
  std::condition_variable queue_wake;
  std::deque<Job> queue;

  std::atomic<bool> pausing{false};
  std::atomic<uint64_t> knocks{0}, rejected{0}, syncs{0};

 private:
  void greet(Job&, KnownKeys&);
  void finish(Done&&);
  void push(Job&&);
  bool control(const std::string& route, const SensorId&, MessageType, const std::string& body);
  void note(const std::string& route, const SensorId&, NoteCode, const std::string& text);
  static bool may_greet(Peer&);
  bool too_many_epochs(Peer&, const StreamKey&);
  void on_hello(Peer&, const std::string& route, const Header&, Bytes body);
  void on_record(Peer&, const Header&, std::vector<std::vector<uint8_t>>& frames);
  void diverged(Peer&, const Header&);
  static std::vector<Range> declared(const Peer&, const StreamKey&);   // in order, none touching another
  void on_gap(Peer&, Bytes body);
  void on_checkpoint(Peer&, Bytes body);
  static Stream at_head(const ChainHead&);
  StreamState state_of(const StreamKey&, const Stream&, bool stop) const;
  void acknowledge(Peer&, bool stop);
  void on_done(Done&);
  void tick();

  // The thread of the journal.
  bool was_pausing_ = false;
  int64_t asked_ = 0;
  std::set<std::string> holed_;                        // keys of which something was not taken: nothing more until they have said HELLO, or a hole would be jumped

  // The thread of the socket.
  std::map<std::string, Peer> peers;                       // by key
  std::unordered_map<std::string, int64_t> noted;          // routes that were lately told something
  std::map<std::string, std::vector<StreamKey>> to_acknowledge;
  uint64_t messages = 0, records = 0, duplicates = 0, unauthorised = 0, bad = 0, acks = 0, durable = 0;
  int64_t ticked = 0, published = 0;
  std::shared_ptr<const Table> now_table = table;      // as of this turn
  std::set<std::string> told_farewell_;                // routes that have not answered it
};

}  // namespace vidra
