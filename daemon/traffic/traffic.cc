// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/traffic.h"

#include <algorithm>
#include <limits>

#include "daemon/base/mix.h"
#include "daemon/traffic/classify.h"
#include "daemon/traffic/conversation.h"
#include "daemon/traffic/flow.h"
#include "daemon/traffic/fragments.h"
#include "daemon/traffic/history.h"
#include "daemon/traffic/stream.h"
#include "daemon/traffic/twins.h"
#include "dissectors/thrift.h"

namespace vidra {
namespace {

constexpr size_t most_interfaces = 4096;

int32_t distance(uint32_t from, uint32_t to) { return int32_t(to - from); }
uint32_t saturated(uint64_t n) { return n > 0xffffffff ? 0xffffffff : uint32_t(n); }

}  // namespace

struct Traffic::Room {
  Room(const TrafficSettings& s, EventSink& sink, std::span<const Protocol* const> all)
      : settings(s), seed(s.seed ? s.seed : drawn()), hearing(settings, all, sink, accounts), table(std::max<size_t>(s.flows, 16), Keyed(seed)),
        holds(s.held_octets, s.held_octets_a_side), history(s.history_octets), twins(seed + 1),
        fragments(std::max<size_t>(s.fragmented, 1), s.fragment_octets, seed + 2), classifier(s.classify ? std::min<size_t>(s.classified, 0xfffe) : 0) {
    accounts.protocols.resize(all.size());
    accounts.interfaces.resize(s.interfaces);
    ears.resize(s.interfaces);
  }
  ~Room() {
    table.each([&](Flow& f) { let_go(f); });
  }

  // What is known of an interface beside its account.
  struct Ear {
    bool silent = false, one_way = false;
    uint32_t flows_one_way = 0, flows_two_way = 0;   // since the last look
    uint64_t resynchronised = 0;
  };

  TrafficSettings settings;
  uint64_t seed;
  Accounts accounts;
  Hearing hearing;
  FlowTable table;
  Holds holds;
  History history;
  Twins twins;
  Fragments fragments;
  Classifier classifier;
  Thrift* thrift = hearing.pool().shared<Thrift>();
  Plan plan = Plan::all;
  std::vector<Ear> ears;
  Frame frame;                       // that is heard
  Time now = 0, next_second = 0, started = 0, looked = 0;
  uint64_t frames = 0, flow_ids = settings.worker + 1 - settings.workers;   // each worker has its own of every row of numbers
  uint64_t told_evicted = 0, told_held = 0, told_parsers = 0, told_fragments = 0, told_resynchronised = 0;

  uint16_t group_of(uint16_t interface) const { return interface < settings.groups.size() ? settings.groups[interface] : 0; }

  // ---- time

  [[gnu::always_inline]] inline void advance(Time t) {
    now = std::max(now, t);
    if (now >= next_second) [[unlikely]] turn();
    hearing.at(now, frames);
  }

  void turn() {
    const Time to = now;
    next_second = (to / second + 1) * second;
    table.turn(to, [&](Flow& f, Time at) {
      now = std::max(std::min(at, to), f.last());   // an event's time never goes back
      now = std::min(now, to);
      hearing.at(now, frames);
      visit(f, at);
    });
    now = to;
    hearing.at(now, frames);
    fragments.expire(now - settings.fragment_wait, [&](const Fragments::GivenUp& g) { give_up(g); });
    bounds();
    if (!looked || now - looked >= 10 * second) {
      if (looked) directions();
      looked = now;
    }
  }

  Time idle(const Flow& f) const {
    if (f.mode == Mode::decided && f.phase != Phase::closed) return settings.parsed_idle;
    switch (f.phase) {
      case Phase::closed: case Phase::refused: return settings.closed_idle;
      case Phase::attempted: case Phase::answered: return settings.attempted_idle;
      case Phase::datagrams: return settings.datagram_idle;
      default: return settings.tcp_idle;
    }
  }

  void visit(Flow& f, Time at) {
    const Time last = f.last();
    for (int d = 0; d < 2; d++) {
      Hold* h = f.hold[d];
      while (h && h->count && h->since && h->since + settings.hole_wait <= at) give_up_hole(f, d), h = f.hold[d];
    }
    f.scene.time = last;                           // no packet came, though something may have been said of it
    if (!f.unanswered && unanswered(f) && f.last() + settings.unanswered_after <= at) {
      f.unanswered = true;
      hearing.say(f, Fact::unanswered, 0, f.stream[0].packets);
    }
    if (f.last() + idle(f) <= at) {
      forget(f);
      return;
    }
    rewind(f);
  }

  bool unanswered(const Flow& f) const {
    if (f.phase == Phase::attempted) return true;
    return f.phase == Phase::datagrams && !f.stream[1].packets && f.carried.protocol() == 17 && !f.scene.server.address.group() &&
           !f.flipped && f.scene.server.address != everybody();
  }
  static Address everybody() { return Address::ip4(0xffffffff); }

  void rewind(Flow& f) {
    Time at = f.last() + idle(f);
    if (!f.unanswered && unanswered(f)) at = std::min(at, f.last() + settings.unanswered_after);
    for (const Hold* hold : f.hold)
      if (hold && hold->count && hold->since) at = std::min(at, Time(hold->since) + settings.hole_wait);
    table.wind(f, at);
  }

  void tick(Time t) {
    if (!started) started = t;
    advance(t);
    if (!settings.silent_after) return;
    for (size_t i = 0; i < ears.size(); i++) {
      Ear& e = ears[i];
      const Time last = accounts.interfaces[i].last, since = now - (last ? last : started);
      if (e.silent || since < settings.silent_after) continue;
      e.silent = true;
      hearing.say(SensorFact::silent, uint16_t(i), saturated(uint64_t(since / second)));
    }
  }

  // One word a second at most about each bound that was reached.
  void bounds() {
    told(SensorFact::bound_hit, told_evicted, accounts.flows_evicted, "conversations");
    accounts.buffers_refused = std::max(accounts.buffers_refused, holds.pool().refused());
    told(SensorFact::bound_hit, told_held, accounts.buffers_refused, "held octets");
    told(SensorFact::bound_hit, told_parsers, accounts.parsers_refused, "parsers");
    accounts.fragments_evicted = fragments.evicted();
    told(SensorFact::bound_hit, told_fragments, accounts.fragments_evicted, "fragments");
    told(SensorFact::resynchronised, told_resynchronised, accounts.resynchronised, {});
  }
  void told(SensorFact fact, uint64_t& before, uint64_t count, std::string_view which) {
    if (count == before) return;
    hearing.say(fact, 0, saturated(count - before), which);
    before = count;
  }

  // Does each interface bring both directions of its TCP conversations?
  void directions() {
    for (size_t i = 0; i < ears.size(); i++) {
      Ear& e = ears[i];
      if (settings.workers > 1) {                // what it comes to, whoever hears all workers decides
        hearing.say(SensorFact::one_way, uint16_t(i), e.flows_one_way, {}, e.flows_two_way);
      } else if (!e.one_way && e.flows_one_way >= few_one_way && !e.flows_two_way) {
        e.one_way = true;
        hearing.say(SensorFact::one_way, uint16_t(i), e.flows_one_way);
      } else if (e.one_way && e.flows_two_way) {
        e.one_way = false;
        hearing.say(SensorFact::both_ways, uint16_t(i), e.flows_two_way);
      }
      e.flows_one_way = e.flows_two_way = 0;
    }
  }

  [[gnu::noinline]] void count_direction(Flow& f, int d) {
    const uint32_t here = f.stream[d].packets, there = f.stream[1 - d].packets;
    if (!f.two_way && here && there) {
      f.two_way = true;
      ears[f.stream[d].interface].flows_two_way++;
    } else if (!f.one_way && !there && here >= 8) {
      f.one_way = true;
      ears[f.stream[d].interface].flows_one_way++;
    }
  }

  // ---- packets

  // One packet after the other, from its headers to what is said of it. What a processor guesses about a packet it guesses by the
  // branches just behind it: while the headers of the next ones were read meanwhile it guessed wrong, and a packet took 2 to 5 % longer.
  void take(std::span<const Packet> packets) {
    for (const Packet& p : packets) take(p);
  }

  [[gnu::always_inline]] inline void take(const Packet& p) {
    decode(p, frame);
    uint64_t print = 0;
    if (plan < Plan::opaque && frame.kind != Frame::Kind::nothing) [[likely]] print = twins.print(frame), twins.fetch(print);
    frames = p.number ? p.number : frames + 1;
    accounts.packets++;
    advance(p.time);
    if (!started) started = now;
    if (p.interface >= accounts.interfaces.size()) [[unlikely]] {
      if (p.interface >= most_interfaces) return;
      accounts.interfaces.resize(size_t{p.interface} + 1);
      ears.resize(size_t{p.interface} + 1);
    }
    InterfaceAccount& account = accounts.interfaces.data()[p.interface];
    Ear& ear = ears.data()[p.interface];
    account.packets++;
    account.wire_octets += std::max<size_t>(p.wire_length, p.octets.size());
    if (ear.silent) [[unlikely]] {
      ear.silent = false;
      hearing.say(SensorFact::heard_again, p.interface, saturated(uint64_t((now - (account.last ? account.last : started)) / second)));
    }
    account.last = now;

    if (frame.flaws) [[unlikely]] {
      account.flawed++;
      if (frame.flaws & too_deep) account.too_deep++;
    }
    if (frame.kind == Frame::Kind::nothing) [[unlikely]] {
      account.not_understood++;
      return;
    }
    FlowKey key;
    bool low = false;
    uint64_t hash = 0;
    if (frame.kind != Frame::Kind::fragment) [[likely]] {
      low = key_of(frame, group_of(p.interface), key);
      hash = key.hash(table.keyed());
      table.fetch(hash);
    }
    if (plan >= Plan::opaque && leave_out(key, low, hash, p.interface)) [[unlikely]] return;
    if (plan >= Plan::opaque) [[unlikely]] print = twins.print(frame);
    const Twins::Word twin = twins.ask(frame, print, p.interface, now);
    if (twin == Twins::Word::twin) [[unlikely]] {
      account.twins++;
      return;
    }
    if (frame.kind == Frame::Kind::fragment) [[unlikely]] {
      const uint16_t group = group_of(p.interface);
      if (!reassemble(p.interface, group)) return;
      low = any_key_of(frame, group, key);
      hash = key.hash(table.keyed());
    }
    Flow* f = table.find(key, hash);
    switch (frame.kind) {
      case Frame::Kind::tcp: tcp(key, low, hash, f, p.interface); break;
      case Frame::Kind::icmp:
        if (icmp_error(group_of(p.interface))) {
          Octets& o = account.octets;
          o.seen += frame.payload.size() + frame.missing, o.lost += frame.missing, o.opaque += frame.payload.size();
          break;
        }
        [[fallthrough]];
      default: datagram(key, low, hash, f, p.interface);
    }
    if (twin == Twins::Word::differs) [[unlikely]] {
      f = table.find(key, hash);
      if (f && !f->twin_said) f->twin_said = true, hearing.say(*f, Fact::twin_differs, f->up_is_low == low ? 0 : 1);
    }
  }

  // Payload of a conversation that no dissector wants: counted, neither compared with what came before nor put in order.
  [[gnu::noinline]] bool leave_out(const FlowKey& key, bool low, uint64_t hash, uint16_t interface) {
    if (frame.kind == Frame::Kind::fragment || frame.payload.empty() || frame.tcp_flags & (tcp_syn | tcp_fin | tcp_rst)) return false;
    if (frame.kind != Frame::Kind::tcp && frame.kind != Frame::Kind::udp) return false;
    Flow* const f = table.find(key, hash);
    if (!f || f->mode != Mode::opaque || f->phase == Phase::closed || f->phase == Phase::attempted || f->phase == Phase::answered) return false;
    const int d = touch(*f, low, interface);
    Stream& s = f->stream[d];
    if (f->hold[d] || s.fin_held || s.over) return false;
    s.started = s.has_ack = false;                // where it goes on is found anew
    f->stream[1 - d].has_ack = false;
    Octets& o = hearing.tally(*f, d);
    o.seen += frame.payload.size() + frame.missing;
    o.opaque += frame.payload.size();
    o.lost += frame.missing;
    accounts.opaque_left_out++;
    return true;
  }

  [[gnu::noinline]] bool reassemble(uint16_t interface, uint16_t group) {
    accounts.fragments++;
    const Fragments::Word w = fragments.take(frame, group, interface, now, [&](const Fragments::GivenUp& g) { give_up(g); });
    if (w.differs) {
      accounts.fragment_overlaps++;
      Scene scene;
      place(scene);
      scene.client.address = frame.source_address();
      scene.server.address = frame.destination_address();
      if (!w.head.empty() && (frame.protocol == 6 || frame.protocol == 17)) {
        bool bad = false;
        Reader r{w.head, bad};
        scene.client.port = r.be16();
        scene.server.port = r.be16();
      }
      scene.client_mac = frame.source;
      scene.server_mac = frame.destination;
      scene.interface = interface;
      scene.protocol = frame.protocol == 6 ? hearing.tcp() : hearing.udp();
      hearing.say(scene, Fact::fragment_overlap);
    }
    if (!w.whole) return false;
    accounts.datagrams_reassembled++;
    decode_reassembled(frame, w.octets);
    return frame.kind != Frame::Kind::nothing && frame.kind != Frame::Kind::fragment;
  }

  void give_up(const Fragments::GivenUp& g) {
    accounts.datagrams_given_up++;
    Octets& o = accounts.interfaces[g.interface].octets;
    o.seen += g.present + g.missing;
    o.opaque += g.present;
    o.lost += g.missing;
  }

  void place(Scene& s) const {
    s.time = now;
    s.frame = frames;
    s.vlan = frame.vlan;
    s.inner_vlan = frame.inner_vlan;
    s.tunnelled = frame.tunnels > 0;
  }

  // ---- flows

  // A new conversation whose opener is the frame's source, or its destination.
  [[gnu::noinline]] Flow& make(const FlowKey& key, bool low, uint64_t hash, bool source_opens, Phase phase, Rank rank, uint16_t interface) {
    for (Flow* gone = table.full() ? table.oldest() : table.in_the_way(hash); gone; gone = table.in_the_way(hash)) {
      accounts.flows_evicted++;
      if (gone->mode == Mode::decided) accounts.evicted_with_parser++;
      forget(*gone);
    }
    Flow& f = table.make(key.carried, hash, rank, now);
    f.up_is_low = source_opens == low;
    f.phase = phase;
    f.stream[0].interface = f.stream[1].interface = interface;
    Scene& s = f.scene;
    place(s);
    s.interface = interface;
    Endpoint& source = source_opens ? s.client : s.server;
    Endpoint& destination = source_opens ? s.server : s.client;
    if (!key.carried.link()) {
      source.address = frame.source_address();
      destination.address = frame.destination_address();
      if (frame.kind == Frame::Kind::tcp || frame.kind == Frame::Kind::udp) source.port = frame.source_port, destination.port = frame.destination_port;
    } else {
      source.address = Address::of(frame.source);
      destination.address = Address::of(frame.destination);
    }
    (source_opens ? s.client_mac : s.server_mac) = frame.source;
    (source_opens ? s.server_mac : s.client_mac) = frame.destination;
    begin(f);
    rewind(f);
    return f;
  }
  void begin(Flow& f) {
    accounts.conversations++;
    f.scene.flow = flow_ids += settings.workers;
  }

  // What every packet tells about its flow.
  [[gnu::always_inline]] inline int touch(Flow& f, bool low, uint16_t interface) {
    const int d = f.up_is_low == low ? 0 : 1;
    Stream& s = f.stream[d];
    f.scene.time = now;
    if (!s.packets) s.interface = interface;
    s.packets += s.packets != 0xffffffff;
    Scene& scene = f.scene;
    scene.interface = interface;
    scene.vlan = frame.vlan;
    scene.inner_vlan = frame.inner_vlan;
    scene.tunnelled = frame.tunnels > 0;
    const bool asks = f.side(d) == Side::client;
    (asks ? scene.client_mac : scene.server_mac) = frame.source;
    (asks ? scene.server_mac : scene.client_mac) = frame.destination;
    if (frame.fragmented && !f.fragmented) [[unlikely]] {
      f.fragmented = true;
      hearing.say(f, Fact::fragmented, d);
    }
    return d;
  }

  // Nothing more will be heard of it: what is held is heard or given up.
  void settle(Flow& f) {
    for (int d = 0; d < 2; d++) {
      while (f.hold[d] && f.hold[d]->count) give_up_hole(f, d);
      Stream& s = f.stream[d];
      // Acknowledged, but never heard: lost at the end.
      if (s.started && s.has_ack && !s.fin) {
        const int32_t tail = distance(s.next, s.acked);
        if (tail > 1 && uint32_t(tail) <= settings.window) lost(f, d, uint32_t(tail));
      }
      if (f.hold[d] || !s.over) drain(f, d, true);
    }
  }
  void let_go(Flow& f) {
    for (Hold*& hold : f.hold) holds.close(hold);
    hearing.end(f);
    if (f.classifier) classifier.close(f.classifier), f.classifier = 0;
  }
  void forget(Flow& f) {
    settle(f);
    let_go(f);
    table.drop(f);
  }
  // The same ends begin another connection.
  void restart(Flow& f, bool up_is_low) {
    settle(f);
    let_go(f);
    if (f.flipped) std::swap(f.scene.client, f.scene.server), std::swap(f.scene.client_mac, f.scene.server_mac);
    if (up_is_low != f.up_is_low) std::swap(f.scene.client, f.scene.server), std::swap(f.scene.client_mac, f.scene.server_mac);
    const uint16_t interfaces[2] = {f.stream[0].interface, f.stream[1].interface};
    const bool turned = up_is_low != f.up_is_low;
    for (int d = 0; d < 2; d++) f.stream[d] = {}, f.stream[d].interface = interfaces[turned ? 1 - d : d];
    f.up_is_low = up_is_low;
    f.flipped = f.fragmented = f.overlapped = f.urgent = f.unanswered = f.midstream = f.has_candidate = f.one_way = f.two_way = f.twin_said = f.classify_done = false;
    f.classify_packets = 0;
    f.mode = Mode::undecided;
    f.phase = Phase::attempted;
    f.scene.protocol = 0;
    table.set_rank(f, Rank::attempted, now);
    begin(f);
  }
  void rank(Flow& f) {
    const Rank r = f.phase == Phase::closed || f.phase == Phase::refused ? Rank::closed
                   : f.phase == Phase::attempted || f.phase == Phase::answered ? Rank::attempted
                   : f.mode == Mode::decided ? Rank::parsed : Rank::plain;
    if (r != f.rank) table.set_rank(f, r, now);
    if (f.mode == Mode::decided && f.classifier) classifier.close(f.classifier), f.classifier = 0, f.classify_done = true;   // somebody wants it after all
  }

  // ---- TCP

  [[gnu::always_inline]] inline void tcp(const FlowKey& key, bool low, uint64_t hash, Flow* found, uint16_t interface) {
    const uint8_t flags = frame.tcp_flags;
    const bool syn = flags & tcp_syn, rst = flags & tcp_rst, ack = flags & tcp_ack;
    if (!found) [[unlikely]] {
      if (rst) return;                              // the end of something that was never heard
      Phase phase = Phase::midstream;
      bool source_opens = true;
      if (syn) {
        phase = ack ? Phase::answered : Phase::attempted;
        source_opens = !ack;
      } else {
        const bool source_serves = hearing.served(Carrier::tcp, frame.source_port), destination_serves = hearing.served(Carrier::tcp, frame.destination_port);
        source_opens = source_serves != destination_serves ? destination_serves : frame.source_port >= frame.destination_port;
      }
      found = &make(key, low, hash, source_opens, phase, phase == Phase::midstream ? Rank::plain : Rank::attempted, interface);
      if (phase == Phase::attempted) {
        hearing.say(*found, Fact::attempted, 0);
      } else if (phase == Phase::midstream) {
        found->midstream = true;
        hearing.say(*found, Fact::midstream, found->up_is_low == low ? 0 : 1);
      }
    }
    Flow& f = *found;
    int d = touch(f, low, interface);
    if (!f.two_way) count_direction(f, d);
    uint32_t sequence = frame.sequence;
    if (syn) [[unlikely]] {
      if (!hear_syn(f, d, ack)) return;
      sequence++;
    } else if (rst) [[unlikely]] {
      hear_rst(f, d);
      return;
    } else if (f.phase == Phase::answered || f.phase == Phase::attempted) [[unlikely]] {
      if (d == 0 || f.phase == Phase::attempted || !frame.payload.empty()) {
        f.phase = Phase::open;
        rank(f);
        rewind(f);
        hearing.say(f, Fact::opened, 0);
      }
    }
    Stream& s = f.stream[d];
    if (ack) acknowledge(f, 1 - d, f.stream[1 - d]);
    if (!frame.payload.empty() || frame.missing) offer(f, d, sequence, frame.payload, frame.missing);
    else if (!s.started && !syn) s.started = true, s.next = sequence;
    if (frame.tcp_flags & (tcp_fin | tcp_urg)) [[unlikely]] {
      if (frame.tcp_flags & tcp_urg && !f.urgent && !frame.payload.empty()) f.urgent = true, hearing.say(f, Fact::urgent, d);
      if (frame.tcp_flags & tcp_fin) hear_fin(f, d, sequence + uint32_t(frame.payload.size()) + frame.missing);
    }
    if (f.mode != Mode::decided && !f.classify_done) classify(f);
  }

  // False where the segment is to be passed by.
  [[gnu::noinline]] bool hear_syn(Flow& f, int& d, bool ack) {
    const uint32_t first = frame.sequence + 1;
    if (!ack) {
      if (f.phase == Phase::closed || f.phase == Phase::refused) {
        const bool low = d == 0 ? f.up_is_low : !f.up_is_low;
        restart(f, low);
        d = 0;
        f.stream[0].packets = 1;
        rewind(f);
        hearing.say(f, Fact::attempted, 0);
      }
      Stream& s = f.stream[d];
      if (!s.started) {
        s.started = s.syn = true;
        s.next = s.acked = first;
        return true;
      }
      if (s.syn && s.next == first && f.phase == Phase::attempted) return true;   // sent again
      // Another initial number: which one holds, the answer tells.
      f.has_candidate = true;
      f.candidate = first;
      f.candidate_up = d == 0;
      return false;
    }
    if (f.has_candidate && f.candidate_up == (d == 1) && frame.acknowledged == f.candidate) {
      const uint32_t first_there = f.candidate;
      if (f.phase == Phase::attempted || f.phase == Phase::answered) {
        f.has_candidate = false;
        replace_start(f, 1 - d, first_there);
      } else {
        const bool other_is_low = (1 - d) == 0 ? f.up_is_low : !f.up_is_low;
        restart(f, other_is_low);
        d = 1;
        f.stream[0].started = f.stream[0].syn = true;
        f.stream[0].next = f.stream[0].acked = first_there;
        f.stream[0].packets = f.stream[1].packets = 1;
        hearing.say(f, Fact::attempted, 0);
      }
    }
    Stream& s = f.stream[d];
    if (f.phase == Phase::attempted) f.phase = Phase::answered, rewind(f);
    if (!s.started || (f.phase == Phase::answered && !s.fin && s.next != first && s.syn)) replace_start(f, d, first);
    else if (f.phase == Phase::closed || f.phase == Phase::refused) {
      restart(f, d == 0 ? !f.up_is_low : f.up_is_low);
      d = 1;
      f.phase = Phase::answered;
      replace_start(f, 1, first);
      f.stream[1].packets = 1;
    }
    return true;
  }
  void replace_start(Flow& f, int d, uint32_t first) {
    Stream& s = f.stream[d];
    if (f.hold[d]) {
      while (f.hold[d] && f.hold[d]->count) give_up_hole(f, d);
      drain(f, d, true);
      holds.close(f.hold[d]);
      s.over = false;
    }
    s.started = s.syn = true;
    s.next = s.acked = first;
  }

  [[gnu::noinline]] void hear_rst(Flow& f, int d) {
    if (f.phase == Phase::closed || f.phase == Phase::refused) return;
    const Stream& s = f.stream[d];
    const Stream& other = f.stream[1 - d];
    if (f.phase == Phase::attempted && d == 1) {
      if (frame.tcp_flags & tcp_ack && other.started && frame.acknowledged != other.next) return;   // not an answer to this attempt
      f.phase = Phase::refused;
      hearing.say(f, Fact::refused, 1);
    } else {
      // Only where the number is one that the other side would take: anybody can send the rest.
      if (s.started) {
        const int32_t ahead = distance(s.next, frame.sequence);
        if (ahead < 0 || ahead > 65'535 * 16) return;
      } else if (frame.tcp_flags & tcp_ack && other.started && (distance(other.next, frame.acknowledged) > 65'535 * 16 || distance(frame.acknowledged, other.next) > 65'535 * 16)) {
        return;
      }
      f.phase = Phase::closed;
      hearing.say(f, Fact::reset, d);
    }
    rank(f);
    rewind(f);
  }

  [[gnu::noinline]] void hear_fin(Flow& f, int d, uint32_t at) {
    Stream& s = f.stream[d];
    if (s.fin) return;
    if (!s.started) s.started = true, s.next = at;
    const int32_t ahead = distance(s.next, at);
    if (ahead > 0 && uint32_t(ahead) <= settings.window) {
      s.fin_held = true;
      return;
    }
    if (ahead == 0) ended(f, d);
  }
  void ended(Flow& f, int d) {
    Stream& s = f.stream[d];
    if (s.fin) return;
    s.fin = true;
    s.fin_held = false;
    drain(f, d, true);
    if (!f.stream[1 - d].fin || f.phase == Phase::closed) return;
    f.phase = Phase::closed;
    hearing.say(f, Fact::closed, d);
    rank(f);
    rewind(f);
  }

  // The side other than d has acknowledged what d sent.
  [[gnu::always_inline]] inline void acknowledge(Flow& f, int d, Stream& s) {
    const uint32_t ack = frame.acknowledged;
    if (!s.has_ack) {
      if (s.started && (distance(s.next, ack) > int32_t(settings.window) || distance(s.next, ack) < -int32_t(settings.window))) return;
      s.has_ack = true;
      s.acked = ack;
    } else {
      const int32_t ahead = distance(s.acked, ack);
      if (ahead <= 0 || (s.started && distance(s.next, ack) > int32_t(settings.window))) return;
      s.acked = ack;
    }
    // The receiver has what is missing here: nobody will send it again.
    while (f.hold[d] && f.hold[d]->count && distance(f.hold[d]->front + f.hold[d]->ranges[0].begin, s.acked) >= 0) give_up_hole(f, d);
  }

  void lost(Flow& f, int d, uint32_t n) {
    Octets& o = hearing.tally(f, d);
    o.seen += n;
    o.lost += n;
    f.stream[d].next += n;
    hearing.gap(f, d, n);
  }

  [[gnu::noinline]] void give_up_hole(Flow& f, int d) {
    Stream& s = f.stream[d];
    Hold& h = *f.hold[d];
    if (h.whole) {                                   // the front of a record whose rest will not come
      if (h.counted_only || f.mode != Mode::decided) hearing.tally(f, d).opaque += h.whole;
      else hearing.forsake(f, d, h.whole);
      holds.consumed(h, h.whole);
    }
    const uint32_t before = s.next, missing = holds.leap(h);
    s.next = h.front + h.whole;
    h.since = h.count ? now : 0;
    h.wanted = 0;
    Octets& o = hearing.tally(f, d);
    o.seen += uint32_t(s.next - before);
    o.lost += missing;
    hearing.gap(f, d, missing);
    drain(f, d, false);
    filled(f, d);
  }

  [[gnu::always_inline]] inline void offer(Flow& f, int d, uint32_t sequence, Bytes payload, uint32_t missing) {
    Stream& s = f.stream[d];
    if (!s.started) {
      s.started = true;
      s.next = sequence;
      if (payload.size() == 1 && !missing && !(frame.tcp_flags & tcp_psh)) {   // a keep-alive: its octet was sent before (RFC 9293 3.8.4)
        s.next = sequence + 1;
        return;
      }
    }
    const int32_t ahead = distance(s.next, sequence);
    if (ahead == 0) [[likely]] return next_in_order(f, d, payload, missing);
    if (ahead > int32_t(settings.window) || ahead < -int32_t(settings.window)) return jump(f, d, sequence, payload, missing);
    if (ahead > 0) return ahead_of_turn(f, d, sequence, payload);

    // Heard before, at least in part.
    const uint32_t behind = uint32_t(-ahead);
    // A keep-alive repeats an octet that the other side has (RFC 9293 3.8.4), with any content. Before that it is the octet itself.
    if (payload.size() + missing == 1 && behind == 1 && (!f.stream[1 - d].packets || (s.has_ack && distance(s.next, s.acked) >= 0))) return;
    const size_t again = std::min<size_t>(behind, payload.size());
    accounts.retransmitted_segments++;
    accounts.retransmitted_octets += std::min<size_t>(behind, payload.size() + missing);
    bool differs = false;
    if (s.past) {
      const uint32_t floor = s.has_ack && distance(sequence, s.acked) > 0 ? s.acked : sequence;
      differs = history.differs(s.past, owner(f, d), sequence, payload.first(again), floor, s.has_ack);
    }
    if (differs) overlap(f, d);
    if (payload.size() + missing <= behind) return;
    if (payload.size() < behind) return in_order(f, d, {}, uint32_t(payload.size() + missing - behind));
    in_order(f, d, payload.subspan(again), missing);
  }

  uint32_t owner(const Flow& f, int d) const { return uint32_t(f.scene.flow) << 1 | uint32_t(d); }

  void overlap(Flow& f, int d) {
    accounts.overlaps++;
    if (f.overlapped) return;
    f.overlapped = true;
    hearing.say(f, Fact::overlap, d);
  }

  [[gnu::noinline]] void in_order(Flow& f, int d, Bytes payload, uint32_t missing) { next_in_order(f, d, payload, missing); }
  [[gnu::always_inline]] inline void next_in_order(Flow& f, int d, Bytes payload, uint32_t missing) {
    Stream& s = f.stream[d];
    if (f.phase == Phase::closed) [[unlikely]] revive(f, d);
    if (s.over) [[unlikely]] s.over = s.fin = false;       // the end was none: forged, or of a connection before
    const uint32_t n = uint32_t(payload.size());
    if (n) {
      if (f.mode != Mode::opaque) s.past = history.note(s.past, owner(f, d), s.next, payload);
      if (!f.hold[d]) [[likely]] {
        hearing.tally(f, d).seen += n;
        s.next += n;
        fresh(f, d, payload);
      } else {
        Hold& h = *f.hold[d];
        const uint32_t newest = h.whole, before = s.next;
        const Held held = holds.append(h, payload);
        if (held == Held::no_room) {
          hearing.tally(f, d).seen += n;
          s.next += n;
          no_room(f, d, payload);
        } else {
          s.next = h.front + h.whole;
          hearing.tally(f, d).seen += uint32_t(s.next - before);
          if (!h.count) h.since = 0;
          if (held == Held::differs) overlap(f, d);
          if (h.whole >= h.wanted || f.mode == Mode::undecided) listen(f, d, newest, false);
          filled(f, d);
        }
      }
    }
    if (missing) [[unlikely]] cut_off(f, d, missing);
  }

  // A FIN that waited behind a hole has its turn.
  void filled(Flow& f, int d) {
    Stream& s = f.stream[d];
    if (f.hold[d] && f.hold[d]->empty()) holds.close(f.hold[d]);
    if (s.fin_held && (!f.hold[d] || !f.hold[d]->count)) ended(f, d);
  }

  // The capture cut the segment: what it lacks will not be heard.
  [[gnu::noinline]] void cut_off(Flow& f, int d, uint32_t missing) {
    Stream& s = f.stream[d];
    // What is held behind the cut, and covers some of it, is heard after all.
    while (f.hold[d] && f.hold[d]->count && f.hold[d]->ranges[0].begin - f.hold[d]->whole < missing) {
      const uint32_t before = s.next;
      give_up_hole(f, d);
      const uint32_t went = s.next - before;
      if (went >= missing) return;
      missing -= went;
    }
    if (f.hold[d]) {
      hearing.forsake(f, d, f.hold[d]->whole);
      holds.consumed(*f.hold[d], f.hold[d]->whole);
      if (f.hold[d]->count) holds.shift(*f.hold[d], missing);
      else holds.close(f.hold[d]);
    }
    lost(f, d, missing);
    if (f.hold[d] && !f.hold[d]->ranges[0].begin) give_up_hole(f, d);
  }

  // Octets in order, straight from the packet: nothing is held of this direction.
  [[gnu::always_inline]] inline void fresh(Flow& f, int d, Bytes payload) {
    if (f.mode == Mode::opaque) {
      hearing.tally(f, d).opaque += payload.size();
      return;
    }
    size_t used = 0;
    uint32_t wanted = 0;
    if (f.mode == Mode::undecided) {
      const Hold* there = f.hold[1 - d];
      used = hearing.recognise(f, d, payload, 0, there ? there->present() : Bytes{});
      if (used) hearing.tally(f, d).opaque += used;
      decided(f, d);
    }
    if (f.mode == Mode::decided) used += hearing.cut(f, d, payload.subspan(used), true, 0, false, wanted);
    if (used < payload.size()) keep(f, d, payload.subspan(used), !used, wanted);
  }

  // The recogniser may just have decided or given up: what the other direction has said so far comes first.
  void decided(Flow& f, int d) {
    if (f.mode == Mode::undecided) return;
    rank(f);
    if (f.hold[1 - d]) drain(f, 1 - d, false), filled(f, 1 - d);
  }

  void keep(Flow& f, int d, Bytes rest, bool segment_start, uint32_t wanted) {
    Stream& s = f.stream[d];
    f.hold[d] = holds.open(s.next - uint32_t(rest.size()), f.mode == Mode::opaque);
    if (f.hold[d] && holds.append(*f.hold[d], rest) != Held::no_room) {
      f.hold[d]->segment_start = segment_start;
      f.hold[d]->wanted = wanted;
      return;
    }
    holds.close(f.hold[d]);
    accounts.buffers_refused++;
    hearing.forsake(f, d, rest.size());
  }

  [[gnu::noinline]] void no_room(Flow& f, int d, Bytes payload) {
    accounts.buffers_refused++;
    const uint32_t whole = f.hold[d]->whole;
    hearing.forsake(f, d, whole + payload.size());
    holds.consumed(*f.hold[d], whole);
    // What is held behind comes nearer by as much; what is reached already is forgotten as if it had not come.
    const uint32_t n = uint32_t(payload.size());
    if (f.hold[d]->count && f.hold[d]->ranges[0].begin > n) return holds.shift(*f.hold[d], n);
    holds.close(f.hold[d]);
  }

  // What is held whole is offered.
  void listen(Flow& f, int d, size_t newest, bool closed) {
    Hold& h = *f.hold[d];
    if (!h.whole) return;
    if (h.counted_only || f.mode == Mode::opaque) {
      hearing.tally(f, d).opaque += h.whole;
      holds.consumed(h, h.whole);
      if (!h.counted_only && f.mode == Mode::opaque) holds.count_only(h);
      return;
    }
    size_t used = 0;
    if (f.mode == Mode::undecided) {
      const Hold* there = f.hold[1 - d];
      used = hearing.recognise(f, d, h.present(), newest, there ? there->present() : Bytes{}, closed);
      if (used) {
        hearing.tally(f, d).opaque += used;
        holds.consumed(h, uint32_t(used));
        h.segment_start = true;
        newest = 0;
      }
      decided(f, d);
      if (f.mode != Mode::decided) {
        if (f.mode == Mode::opaque) listen(f, d, 0, closed);
        return;
      }
    }
    uint32_t wanted = 0;
    used = hearing.cut(f, d, h.present(), h.segment_start, newest, closed, wanted);
    holds.consumed(h, uint32_t(used));
    if (used) h.segment_start = false;
    h.wanted = wanted;
  }

  void drain(Flow& f, int d, bool closed) {
    Stream& s = f.stream[d];
    if (f.hold[d]) {
      listen(f, d, 0, closed);
      if (closed && f.hold[d]) {
        const uint32_t left = f.hold[d]->whole;
        if (left) holds.consumed(*f.hold[d], left);
        hearing.close(f, d, left);
        if (f.hold[d]->empty()) holds.close(f.hold[d]);
        s.over = true;
        return;
      }
      if (f.hold[d] && f.hold[d]->empty()) holds.close(f.hold[d]);
    }
    if (closed && !s.over) hearing.close(f, d, 0), s.over = true;
  }

  [[gnu::noinline]] void ahead_of_turn(Flow& f, int d, uint32_t sequence, Bytes payload) {
    if (payload.empty()) return;
    Stream& s = f.stream[d];
    if (f.phase == Phase::closed) revive(f, d);
    accounts.out_of_order++;
    if (s.has_ack && distance(sequence, s.acked) >= 0) {         // the hole was acknowledged before: no use waiting
      while (f.hold[d] && f.hold[d]->count && distance(sequence, f.hold[d]->front + f.hold[d]->ranges[0].begin) < 0) give_up_hole(f, d);
      if (distance(s.next, sequence) <= 0) return offer(f, d, sequence, payload, 0);   // what was held reached as far
      if (!f.hold[d] || !f.hold[d]->count) {
        if (f.hold[d]) {
          hearing.forsake(f, d, f.hold[d]->whole);
          holds.close(f.hold[d]);
        }
        const int32_t missing = distance(s.next, sequence);
        if (missing > 0) lost(f, d, uint32_t(missing));
        return offer(f, d, sequence, payload, 0);
      }
    }
    for (int tries = 0; tries < 2; tries++) {
      if (!f.hold[d]) f.hold[d] = holds.open(s.next, f.mode == Mode::opaque);
      if (!f.hold[d]) break;
      Hold& h = *f.hold[d];
      const Held held = holds.keep(h, sequence - h.front, payload);
      if (held != Held::no_room) {
        if (held == Held::differs) overlap(f, d);
        if (f.mode != Mode::opaque) s.past = history.note(s.past, owner(f, d), sequence, payload);   // it may be sent again, otherwise, when its turn has been
        if (!h.since) h.since = now, rewind(f);
        return;
      }
      // No room: the oldest hole is given up, and what lies behind it is heard.
      if (!h.count) break;
      give_up_hole(f, d);
      if (distance(s.next, sequence) <= 0) return offer(f, d, sequence, payload, 0);
    }
    accounts.buffers_refused++;
    if (f.hold[d]) {
      while (f.hold[d] && f.hold[d]->count) give_up_hole(f, d);
      if (f.hold[d]) hearing.forsake(f, d, f.hold[d]->whole), holds.close(f.hold[d]);
    }
    const int32_t missing = distance(s.next, sequence);
    if (missing > 0) lost(f, d, uint32_t(missing));
    offer(f, d, sequence, payload, 0);
  }

  // A number from elsewhere: another connection between the same ends whose beginning was not heard, or forged. Everything
  // is heard, the order is not known.
  [[gnu::noinline]] void jump(Flow& f, int d, uint32_t sequence, Bytes payload, uint32_t missing) {
    Stream& s = f.stream[d];
    accounts.jumps++;
    while (f.hold[d] && f.hold[d]->count) give_up_hole(f, d);
    if (f.hold[d]) {
      hearing.forsake(f, d, f.hold[d]->whole);
      holds.close(f.hold[d]);
    }
    if (f.phase == Phase::closed) revive(f, d);
    s.next = sequence;
    s.past = 0;
    s.has_ack = s.fin = s.fin_held = s.over = false;
    hearing.gap(f, d, 0);
    in_order(f, d, payload, missing);
  }

  // Octets go on after a reset or an end: the reset was not believed, or a new connection's beginning was not heard.
  [[gnu::noinline]] void revive(Flow& f, int d) {
    f.phase = Phase::midstream;
    f.stream[d].fin = f.stream[d].over = false;
    rank(f);
    rewind(f);
  }

  // ---- everything else

  void datagram(const FlowKey& key, bool low, uint64_t hash, Flow* found, uint16_t interface) {
    const bool link = frame.kind == Frame::Kind::link;
    if (!found) [[unlikely]] {
      bool source_opens = true;
      if (frame.kind == Frame::Kind::udp) {
        // Joined at an answer: who is at a usual port, and the other is not, serves.
        source_opens = !(hearing.served(Carrier::udp, frame.source_port) && !hearing.served(Carrier::udp, frame.destination_port));
      }
      found = &make(key, low, hash, source_opens, Phase::datagrams, Rank::plain, interface);
      const int d = touch(*found, low, interface);
      if (!link) hearing.say(*found, Fact::datagrams, d, 1, frame.protocol);
      return payload(*found, d, link);
    }
    payload(*found, touch(*found, low, interface), link);
  }
  void payload(Flow& f, int d, bool link) {
    Octets& o = hearing.tally(f, d);
    o.seen += frame.payload.size() + frame.missing;
    o.lost += frame.missing;
    // What TCP's or UDP's number promised and its header did not keep is nobody's.
    const bool carries = link || frame.kind == Frame::Kind::udp || (frame.protocol != 6 && frame.protocol != 17 && hearing.served_ip(frame.protocol));
    if (carries) {
      const Mode before = f.mode;
      hearing.datagram(f, d, frame.payload, frame.missing);
      if (f.mode != before) rank(f), rewind(f);
    } else {
      hearing.tally(f, d).opaque += frame.payload.size();
    }
    if (f.mode != Mode::decided && !f.classify_done && frame.kind == Frame::Kind::udp) classify(f);
  }

  // What could not be delivered is answered with an error that quotes it (RFC 792, RFC 4443). Sent to whom it quotes, about a conversation that
  // was heard, it is part of that one (true), not the beginning of another: a port that is closed for a moment makes nobody a new partner.
  bool icmp_error(uint16_t group) {
    bool bad = false;
    Reader r{frame.payload, bad};
    const uint8_t type = r.u8();
    r.skip(7);
    const bool four = frame.version == 4, unreachable = type == (four ? 3 : 1);
    if (bad || !(unreachable || (four ? type == 11 || type == 12 : type >= 2 && type <= 4))) return false;   // not a redirect: it moves what it quotes
    FlowKey key;
    bool low;
    Bytes source;
    if (!key_of_quoted(r.rest(), group, key, low, source) || (source.size() == 4) != four || !std::equal(source.begin(), source.end(), frame.addresses + source.size()))
      return false;
    Flow* f = table.find(key, key.hash(table.keyed()));
    if (!f) return false;
    if (unreachable && f->up_is_low == low && (f->phase == Phase::attempted || (f->phase == Phase::datagrams && !f->unanswered))) {
      if (f->phase == Phase::attempted) f->phase = Phase::refused, rank(*f), rewind(*f);
      f->unanswered = true;
      hearing.say(*f, Fact::refused, 1);
    }
    return true;
  }

  [[gnu::noinline]] void classify(Flow& f) {
    if (!settings.classify || frame.payload.empty() || plan >= Plan::opaque) return;
    // TPKT (RFC 1006) carries MMS, S7 and ICCP as well as RDP: on its own port nDPI's word for it would be a false friend.
    if (f.scene.server.port == 102) {
      f.classify_done = true;
      return;
    }
    if (!f.classify_packets++) {
      f.classifier = uint16_t(classifier.open());
      if (!f.classifier) {
        f.classify_done = true;
        accounts.classify_refused++;
        return;
      }
      accounts.classified++;
    }
    const std::string_view name = frame.fragmented ? std::string_view{} : classifier.look(f.classifier, frame.network, now);
    if (name.empty() && f.classify_packets < settings.classify_packets) return;
    classifier.close(f.classifier);
    f.classifier = 0;
    f.classify_done = true;
    if (!name.empty()) hearing.say_recognised(f, name);
  }

  void finish() {
    fragments.expire(now + 1, [&](const Fragments::GivenUp& g) { give_up(g); });
    fragments.expire(std::numeric_limits<Time>::max(), [&](const Fragments::GivenUp& g) { give_up(g); });
    table.each([&](Flow& f) { settle(f), let_go(f), table.drop(f); });
    bounds();
  }
};

TrafficSettings part_of(TrafficSettings s, size_t worker, size_t workers) {
  s.worker = worker;
  s.workers = workers;
  for (size_t* bound : {&s.flows, &s.held_octets, &s.parser_octets, &s.history_octets, &s.fragmented, &s.fragment_octets, &s.classified}) *bound = (*bound + workers - 1) / workers;
  // What one conversation may need is there all the same.
  s.held_octets = std::max(s.held_octets, 2 * s.held_octets_a_side);
  s.fragment_octets = std::max<size_t>(s.fragment_octets, 128 << 10);
  return s;
}

uint64_t most_memory(const TrafficSettings& s) {
  const uint64_t a_flow = sizeof(Flow) + 4 * 8;   // and its place in the index, which is at most half full and a power of two
  return s.flows * a_flow + s.held_octets + s.parser_octets + s.history_octets + s.fragment_octets + s.fragmented * 128;
}

Traffic::Traffic(const TrafficSettings& settings, EventSink& sink, std::span<const Protocol* const> all) : room_(new Room(settings, sink, all)) {}
Traffic::~Traffic() = default;
void Traffic::take(const Packet& p) { room_->take({&p, 1}); }
void Traffic::take(std::span<const Packet> packets) { room_->take(packets); }
void Traffic::tick(Time now) { room_->tick(now); }
void Traffic::keep_to(Plan plan) {
  room_->plan = plan;
  if (room_->thrift) room_->thrift->samples = plan >= Plan::samples;
}
void Traffic::finish() { room_->finish(); }
const Accounts& Traffic::accounts() const {
  room_->accounts.flows = room_->table.used();
  if (room_->thrift) room_->accounts.samples_left_out = room_->thrift->samples_left_out;
  return room_->accounts;
}

}  // namespace vidra
