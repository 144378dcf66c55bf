// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "daemon/base/huge_pages.h"
#include "daemon/judge/event.h"
#include "daemon/traffic/frame.h"
#include "daemon/traffic/hash.h"

namespace vidra {

struct Hold;           // stream.h
struct Talk;   // conversation.h

// What carries a conversation, beside its addresses: ports (or EtherType, or LLC), protocol, kind, group of interfaces.
struct Carried {
  uint64_t word;

  enum Kind : uint8_t { ip4, ip6, ethertype, llc };
  Kind kind() const { return Kind(uint8_t(word >> 16)); }
  bool link() const { return kind() >= ethertype; }
  uint8_t protocol() const { return uint8_t(word >> 24); }   // of IP
  uint16_t number() const { return uint16_t(word >> 32); }   // EtherType, or LLC
};

// Who a flow is between, whichever of the two sends. For layer 2 each pair of source and destination is its own.
struct FlowKey {
  uint64_t low[2], high[2];   // addresses as in Address::octets
  Carried carried;

  uint64_t hash(const Keyed& keyed) const {
    uint64_t h = keyed(low[0], high[0]);
    if (low[1] | high[1]) h = keyed.more(h, keyed(low[1], high[1]));
    return keyed.more(h, carried.word);
  }
};

// The key of two ends in IPv4; true where the source is the low end. Which of them sends is nothing that a processor could guess: without a branch.
[[gnu::always_inline]] inline bool ip4_key(uint32_t source, uint32_t destination, uint16_t from, uint16_t to, uint8_t protocol, uint16_t group, FlowKey& k) {
  const uint64_t a = uint64_t{source} << 16 | from, b = uint64_t{destination} << 16 | to, low = std::min(a, b), high = std::max(a, b);
  k.low[0] = low >> 16, k.high[0] = high >> 16;
  k.low[1] = k.high[1] = 0;
  k.carried.word = low << 48 | (high & 0xffff) << 32 | uint64_t{protocol} << 24 | uint64_t(Carried::ip4) << 16 | group;
  return a <= b;
}
// The same of a frame.
bool any_key_of(const Frame&, uint16_t group, FlowKey& into);
[[gnu::always_inline]] inline bool key_of(const Frame& f, uint16_t group, FlowKey& k) {
  if (f.version != 4 || (f.kind != Frame::Kind::tcp && f.kind != Frame::Kind::udp)) [[unlikely]] return any_key_of(f, group, k);
  uint32_t source, destination;
  std::memcpy(&source, f.addresses, 4);
  std::memcpy(&destination, f.addresses + 4, 4);
  return ip4_key(source, destination, f.source_port, f.destination_port, f.protocol, group, k);
}
// The same from the head of an IP packet that an ICMP error quotes, and who sent it; false where it is not one of TCP or UDP.
bool key_of_quoted(Bytes ip, uint16_t group, FlowKey& into, bool& source_is_low, Bytes& source);

// One direction of a TCP connection, or of datagrams.
struct Stream {
  uint32_t next = 0;         // the sequence number awaited
  uint32_t acked = 0;        // the highest that the other side has acknowledged
  uint32_t past = 0;         // the newest payload in History
  uint32_t packets = 0;      // in this direction
  uint16_t interface = 0;    // where it was first heard: its octets are accounted there
  bool started : 1 = false;  // `next` is known
  bool has_ack : 1 = false;  // `acked` is known
  bool fin : 1 = false;      // its end has been heard, at `next`
  bool over : 1 = false;     // the parser was told that nothing follows
  bool syn : 1 = false;
  bool fin_held : 1 = false; // a FIN waits behind a hole, at the end of what is held
};

enum class Phase : uint8_t { datagrams, attempted, answered, open, midstream, refused, closed };
enum class Mode : uint8_t { undecided, decided, opaque };
// In this order flows are forgotten when the table is full.
enum class Rank : uint8_t { closed, attempted, plain, parsed };
inline constexpr size_t rank_count = 4;

// Three lines of memory, which are asked for together. Of its key only what `carried` holds is kept: the addresses are those of the scene.
struct Flow {
  static constexpr uint32_t none = ~uint32_t{0};

  Scene scene;               // client and server as the protocol's recogniser found them; until then the opener is the client. Its time: of the last packet
  Carried carried;
  Talk* talk = nullptr;
  Hold* hold[2] = {};        // octets of a direction kept until a record is whole or a hole is filled
  Stream stream[2];          // [0]: up, from the opener, or the first heard
  uint32_t newer = none, older = none;          // among its rank
  uint32_t wheel_next = none, wheel_before = none;
  uint32_t candidate = 0;    // initial sequence number of a SYN that came into an established connection
  uint16_t classifier = 0;   // state of nDPI + 1
  uint16_t queued = 0;       // when it was last put at its rank's end, seconds (wraps)
  uint8_t slot = 0;          // of the wheel
  uint8_t classify_packets = 0;
  Phase phase = Phase::datagrams;
  Mode mode = Mode::undecided;
  bool up_is_low = true;
  bool flipped = false;          // the scene's client is the one who answered
  Rank rank : 2 = Rank::plain;
  bool wound : 1 = false;        // it is in the wheel
  bool midstream : 1 = false;
  bool two_way : 1 = false;      // counted for its interface
  bool one_way : 1 = false;
  bool fragmented : 1 = false;   // facts said
  bool overlapped : 1 = false;
  bool urgent : 1 = false;
  bool unanswered : 1 = false;
  bool has_candidate : 1 = false;
  bool candidate_up : 1 = false;
  bool twin_said : 1 = false;
  bool classify_done : 1 = false;

  Time last() const { return scene.time; }   // when it was last heard
  // The Side of what direction d (0 up, 1 down) sends.
  Side side(int d) const { return (d == 1) != flipped ? Side::server : Side::client; }

  // Is it between these two? Which of the scene's ends is the low one is nothing that a processor could guess, so IPv4 is not asked:
  // two numbers are known by their sum and their product, whichever comes first, and what belongs to which is in `carried`.
  bool is(const FlowKey& k) const {
    if (k.carried.kind() != Carried::ip4) [[unlikely]] return is_other(k);
    uint32_t a, b;
    std::memcpy(&a, scene.client.address.octets.data(), 4);
    std::memcpy(&b, scene.server.address.octets.data(), 4);
    return (((uint64_t{a} * b) ^ (k.low[0] * k.high[0])) | ((uint64_t{a} + b) ^ (k.low[0] + k.high[0])) | (carried.word ^ k.carried.word)) == 0;
  }
  FlowKey key() const {
    FlowKey k;
    const bool server_low = up_is_low == flipped;
    std::memcpy(k.low, (server_low ? scene.server : scene.client).address.octets.data(), 16);
    std::memcpy(k.high, (server_low ? scene.client : scene.server).address.octets.data(), 16);
    k.carried = carried;
    return k;
  }

 private:
  bool is_other(const FlowKey&) const;
};
static_assert(sizeof(Flow) == 192);

// All conversations, in memory taken once; found by key, forgotten by rank and age, visited by a timer wheel of one
// second a slot.
class FlowTable {
 public:
  static constexpr size_t wheel_slots = 256;
  static constexpr uint32_t reach = 128;   // of the index: what does not meet by somebody's choice lies within a few places

  FlowTable(size_t flows, const Keyed& keyed) : keyed_(keyed), limit_(flows), index_(flows, reach), memory_(raw(flows)), flows_(memory_.get()) {
    for (uint32_t& h : wheel_) h = Flow::none;
    free_ = Flow::none;
  }
  ~FlowTable() = default;   // whoever closes the flows gives back what they hold

  const Keyed& keyed() const { return keyed_; }
  Flow* find(const FlowKey& key, uint64_t hash) {
    const uint32_t i = index_.find(hash, [&](uint32_t s) { return flows_[s].is(key); });
    return i == HashIndex::none ? nullptr : &flows_[i];
  }
  // A flow may be asked for soon: first its place in the index, a while later the flow.
  void prefetch(uint64_t hash) const { index_.prefetch(hash); }
  void fetch(uint64_t hash) const {
    const uint32_t i = index_.likely(hash);
    const char* const at = reinterpret_cast<const char*>(&flows_[i]);
    for (size_t n = 0; n < sizeof(Flow); n += 64) __builtin_prefetch(at + n, 1);
  }
  bool full() const { return used_ == limit_; }
  size_t used() const { return used_; }

  // Who must be forgotten before one of this hash may be made, though the table is not full; nullptr: nobody. Of those that met in one
  // place the one of the lowest rank, and of these the one heard longest ago.
  Flow* in_the_way(uint64_t hash) {
    Flow* worst = nullptr;
    const bool room = index_.room(hash, [&](uint32_t i) {
      Flow& f = flows_[i];
      if (!worst || f.rank < worst->rank || (f.rank == worst->rank && f.last() < worst->last())) worst = &f;
    });
    return room ? nullptr : worst;
  }

  // A new flow, whose scene its maker fills; the table must not be full, and nobody in the way.
  Flow& make(Carried carried, uint64_t hash, Rank rank, Time now) {
    uint32_t i = free_;
    if (i != Flow::none) free_ = flows_[i].newer;
    else i = high_++;
    Flow& f = *new (&flows_[i]) Flow;
    f.carried = carried;
    f.scene.time = now;
    index_.put(hash, i);
    used_++;
    enlist(f, rank, now);
    return f;
  }
  void drop(Flow& f) {
    const uint32_t i = number(f);
    index_.drop(f.key().hash(keyed_), i);
    unlist(f);
    unwind(f);
    f.newer = free_;
    free_ = i;
    used_--;
  }
  uint32_t number(const Flow& f) const { return uint32_t(&f - flows_); }

  void set_rank(Flow& f, Rank rank, Time now) {
    if (f.rank == rank) return;
    unlist(f);
    enlist(f, rank, now);
  }
  // Who is forgotten first: of the lowest rank that has any, the one heard longest ago (to within what eight looks find).
  Flow* oldest() {
    for (size_t r = 0; r < rank_count; r++) {
      Flow* best = nullptr;
      for (int looks = 0; looks < 8; looks++) {
        const uint32_t i = head_[r];
        if (i == Flow::none) break;
        Flow& f = flows_[i];
        if (seconds(f.last()) == f.queued) return &f;
        if (!best || f.last() < best->last()) best = &f;
        unlist(f);
        enlist(f, Rank(r), f.last());
      }
      if (best) return best;
    }
    return nullptr;
  }

  // The wheel: `visit` is called for each flow whose second has come; it must rewind, or drop, it.
  void wind(Flow& f, Time deadline) {
    unwind(f);
    int64_t slot = (deadline + second - 1) / second;
    if (slot <= turned_) slot = turned_ + 1;
    if (slot > turned_ + int64_t(wheel_slots) - 1) slot = turned_ + int64_t(wheel_slots) - 1;
    f.slot = uint8_t(slot & (wheel_slots - 1));
    f.wound = true;
    uint32_t& head = wheel_[f.slot];
    f.wheel_next = head;
    f.wheel_before = Flow::none;
    const uint32_t i = number(f);
    if (head != Flow::none) flows_[head].wheel_before = i;
    head = i;
  }
  bool due(Time now) const { return now / second > turned_; }
  template <class Visit> void turn(Time now, Visit&& visit) {
    const int64_t to = now / second;
    if (!turned_ || to - turned_ > int64_t(wheel_slots)) {
      if (!turned_) { turned_ = to; return; }
      // A leap: everything is visited once, in the order of its slots.
      const int64_t from = turned_;
      turned_ = to;
      for (int64_t s = from + 1; s <= from + int64_t(wheel_slots); s++) empty(size_t(s) & (wheel_slots - 1), now, visit);
      return;
    }
    while (turned_ < to) {
      turned_++;
      empty(size_t(turned_) & (wheel_slots - 1), turned_ * second, visit);
    }
  }
  template <class Visit> void each(Visit&& visit) {   // all, by rank and age
    for (size_t r = 0; r < rank_count; r++)
      for (uint32_t i = head_[r]; i != Flow::none;) {
        const uint32_t next = flows_[i].newer;
        visit(flows_[i]);
        i = next;
      }
  }

 private:
  struct Free { void operator()(Flow* f) const { std::free(f); } };
  using Memory = std::unique_ptr<Flow[], Free>;
  static Memory raw(size_t n) {
    const size_t octets = (n * sizeof(Flow) + 63) / 64 * 64;
    void* p = std::aligned_alloc(64, octets);
    if (!p) std::abort();
    ask_for_huge_pages(p, octets);
    return Memory(static_cast<Flow*>(p));
  }
  static uint16_t seconds(Time t) { return uint16_t(t / second); }

  template <class Visit> void empty(size_t slot, Time at, Visit&& visit) {
    uint32_t i = wheel_[slot];
    wheel_[slot] = Flow::none;
    uint32_t oldest_first = Flow::none;   // put in at the head: turn round, so that the first put in is the first out
    while (i != Flow::none) {
      Flow& f = flows_[i];
      const uint32_t next = f.wheel_next;
      f.wheel_next = oldest_first;
      oldest_first = i;
      i = next;
    }
    while (oldest_first != Flow::none) {
      Flow& f = flows_[oldest_first];
      oldest_first = f.wheel_next;
      f.wound = false;
      f.wheel_next = f.wheel_before = Flow::none;
      visit(f, at);
    }
  }
  void unwind(Flow& f) {
    if (!f.wound) return;
    if (f.wheel_before != Flow::none) flows_[f.wheel_before].wheel_next = f.wheel_next;
    else wheel_[f.slot] = f.wheel_next;
    if (f.wheel_next != Flow::none) flows_[f.wheel_next].wheel_before = f.wheel_before;
    f.wound = false;
    f.wheel_next = f.wheel_before = Flow::none;
  }
  void enlist(Flow& f, Rank rank, Time now) {
    const size_t r = size_t(rank);
    const uint32_t i = number(f);
    f.rank = rank;
    f.queued = seconds(now);
    f.newer = Flow::none;
    f.older = tail_[r];
    if (tail_[r] != Flow::none) flows_[tail_[r]].newer = i;
    else head_[r] = i;
    tail_[r] = i;
  }
  void unlist(Flow& f) {
    const size_t r = size_t(f.rank);
    if (f.older != Flow::none) flows_[f.older].newer = f.newer;
    else head_[r] = f.newer;
    if (f.newer != Flow::none) flows_[f.newer].older = f.older;
    else tail_[r] = f.older;
    f.newer = f.older = Flow::none;
  }

  Keyed keyed_;
  size_t limit_, used_ = 0;
  uint32_t high_ = 0, free_;
  HashIndex index_;
  Memory memory_;
  Flow* const flows_;        // asked several times a packet: an owner of an array checks itself each time
  uint32_t head_[rank_count] = {Flow::none, Flow::none, Flow::none, Flow::none};
  uint32_t tail_[rank_count] = {Flow::none, Flow::none, Flow::none, Flow::none};
  uint32_t wheel_[wheel_slots];
  int64_t turned_ = 0;
};

}  // namespace vidra
