// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include "dissectors/message.h"
#include "dissectors/pool.h"

namespace vidra {

// Who asks and who serves in a conversation: the client is the one that the recogniser found to ask (for most protocols
// the opener of the connection).
enum class Side : uint8_t { client, server };
constexpr Side other(Side s) { return s == Side::client ? Side::server : Side::client; }

// What a conversation rides on. A protocol may name several. A record on `llc` begins with the LLC header (IEEE 802.2), on `ip` behind
// IP's own and its extensions.
enum class Carrier : uint8_t { none = 0, tcp = 1, udp = 2, ethertype = 4, llc = 8, ip = 16 };
struct Port { Carrier carrier; uint16_t number; };   // usual port; EtherType; DSAP, or SNAP's protocol where it is above 255; IP protocol

// Hears what parsers say. Head, points and texts are borrowed for the call.
struct Listener {
  virtual void heard(const Message&, std::span<const Point>, Texts) = 0;
  virtual void heard(const Identity&, Texts) = 0;

 protected:
  ~Listener() = default;
};

// What a parser speaks into: one sentence at a time, in buffers that live as long as the worker. `begin`, fill the head,
// add points and texts, `end`. More points than fit are heard as further runs of the same head, marked `continued`.
class Speaker {
 public:
  static constexpr size_t point_limit = 4096, text_octets = 32'768;

  explicit Speaker(Listener& to)
      : to_(&to), points_(static_cast<Point*>(::operator new(point_limit * sizeof(Point)))), texts_(new uint8_t[text_octets]), kept_(new Kept[kept_size]()) {}

  Message& begin() { used_ = text_used_ = 0, round_++; return head_ = Message{}; }
  Message& head() { return head_; }
  Point& point(Object object) {
    if (used_ == point_limit) [[unlikely]] flush();
    Point* const p = new (&points_[used_++]) Point{};
    p->object = object;
    return *p;
  }
  void drop_point() { used_--; }                 // the last one turned out to be cut off
  std::span<Point> points() { return {points_.get(), used_}; }
  uint64_t text(std::string_view);               // its key; what does not fit is keyed and not kept
  Object named(std::string_view name) { return Object::of_text(text(name)); }
  // A numbered object's name, kept with the sentence for people: describe_object says it instead of the number.
  void label(Object, std::string_view name);
  void end();
  void identity(const Identity& who) { to_->heard(who, Texts({texts_.get(), text_used_})); }

  Time time = 0;                                 // of the packet that completed this record
  Bytes client, server;                          // the two hosts' addresses, borrowed for the call; empty where nobody said them
  Bytes host(Side s) const { return s == Side::client ? client : server; }
  bool midstream = false, after_gap = false;     // copied into every head by end(); set by the conversation

 private:
  void flush();
  void keep(uint64_t key, std::string_view);
  static constexpr size_t kept_size = 2048;
  struct Kept { uint64_t key, round; };          // which texts this sentence has already
  Listener* to_;
  Message head_;
  struct Free { void operator()(Point* p) const { ::operator delete(p); } };
  std::unique_ptr<Point[], Free> points_;        // each is made when it is said: what no sentence has needed is never touched
  std::unique_ptr<uint8_t[]> texts_;
  std::unique_ptr<Kept[]> kept_;
  uint64_t round_ = 0;
  size_t used_ = 0, text_used_ = 0;
};

// Where the record ends that starts at the head of the octets offered.
struct Cut {
  enum Kind : uint8_t { take, need, skip, lost } kind;
  size_t n;   // take: the record's length (may exceed what was offered: more is awaited); need: at least so many octets
              // to decide; skip: so many octets belong to a body that nobody reads; lost: unused
};
inline constexpr size_t longest_record = 65'535 + 64;   // a longer take is lost

// One conversation. Remembers only what is needed to understand the next record; all of it bounded. Lives in a Pool.
struct Parser {
  virtual ~Parser() = default;
  // The record that starts here, in the octets one side sent. `segment_start`: they begin where a TCP segment's payload
  // began. `closed`: nothing will follow. For datagrams the framework takes the whole payload and never asks.
  virtual Cut next(Side, Bytes octets, bool segment_start, bool closed) = 0;
  virtual void parse(Bytes record, Side from, Speaker& say) = 0;
  // n octets of this side were not heard (0: unknown how many). What waits for them is over.
  virtual void gap(Side, uint64_t) {}
  // The conversation is over or forgotten: what this side has left unsaid (a stream's last summary) is said now.
  virtual void end(Side, Speaker&) {}
};

// How sure a recogniser is, and which side asks. `up` is what the opener (or, in the middle, the first heard) sent.
struct Recognised {
  enum Sure : uint8_t { no, maybe, yes } sure = no;
  enum Client : uint8_t { unknown, up, down } client = unknown;
};

struct Function { uint16_t number; uint16_t sub; std::string_view name; Act act; };   // sub 0xffff: whatever the sub-function

// One constant per dissector; the table `protocols` is generated from the list that compiles the files.
struct Protocol {
  std::string_view name;                         // lower case, as in settings and records
  std::string_view title;                        // as people say it
  std::span<const Port> ports;
  // From the first octets of either direction (either may be empty). Structure decides; `maybe` needs a usual or declared port.
  Recognised (*recognises)(Bytes up, Bytes down, Carrier);
  Parser* (*open)(Pool&);                        // nullptr when the pool is empty; null function: facts, not parsed
  std::span<const Function> functions;           // every function the dissector knows, sorted by (number, sub)
  std::span<const std::string_view> frames;      // names of Message::frame, empty for most
  std::string_view (*reason)(uint16_t);          // name of Message::reason, "" unknown; may be null
  std::string_view standard = {};                // edition and clauses that it follows, for docs/PROTOCOLS.md
  std::string_view opaque = {};                  // what it does not understand, in words, for the same page
  std::string_view (*status)(uint16_t) = nullptr;   // name of Point::status, "" unknown
  std::string_view (*note)(const Point&) = nullptr; // what a point's qualifier or form says in words ("DisplayName"), "" nothing worth a word
};

// The name of a function; "function 99" cases are the caller's: "" when unknown.
std::string_view function_name(const Protocol&, uint16_t function, uint16_t sub_function);

extern const std::span<const Protocol* const> protocols;
// Index into `protocols`, or -1.
int protocol_index(std::string_view name);

}  // namespace vidra
