// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bitset>

#include "daemon/traffic/accounts.h"
#include "daemon/traffic/flow.h"
#include "daemon/traffic/traffic.h"
#include "dissectors/facts.h"

namespace vidra {

// What a conversation needs once a dissector reads it.
struct Talk {
  struct Half {
    uint64_t skip = 0;            // octets of a body that nobody reads
    uint32_t unreadable = 0;      // skipped since the last record; stays at its most
    bool searching = false;       // for the next record
    bool after_gap = false;
  };
  Parser* parser = nullptr;
  Half half[2];
  Time gap_told = 0;
  uint32_t gap_octets = 0;        // not yet told; stays at its most
  uint16_t index = 0;
  uint16_t packets = 0;           // that the recognisers have seen
  uint16_t losses = 0;            // since the last record; at several, others are asked
  uint16_t changes = 0;           // of protocol
};
static_assert(sizeof(Talk) <= 64, "a block of the pool");

// Chooses the dissector of a conversation, cuts its octets into records, has them parsed, and hands what is said to the
// sink with its scene. Structure decides first, on any port; a usual or declared port makes `maybe` enough.
class Hearing final : private Listener {
 public:
  Hearing(const TrafficSettings&, std::span<const Protocol* const>, EventSink&, Accounts&);

  void at(Time now, uint64_t frame) { now_ = now, frame_ = frame; }

  // Octets that one direction sent, in order; a segment's payload begins at `newest`, and at 0 where `front_start`. Returns how many
  // were done with; the rest is to be offered again with what follows, once there are `wanted`. The flow has decided.
  size_t cut(Flow&, int d, Bytes, bool front_start, size_t newest, bool closed, uint32_t& wanted);
  // Asks the recognisers about the octets from the first one heard on, and about the newest segment alone. Decides, gives
  // up, or goes on waiting (so where several may serve a port, until the octets tell which, or it closes). Returns how many octets at the
  // front belong to nothing.
  size_t recognise(Flow&, int d, Bytes, size_t newest, Bytes other, bool closed = false);
  void datagram(Flow&, int d, Bytes, bool cut_off);   // of any carrier but TCP
  void gap(Flow&, int d, uint64_t octets);
  void forsake(Flow&, int d, uint64_t octets);    // present, but no room to keep them: as a gap for the parser
  void close(Flow&, int d, uint64_t left);        // nothing follows; `left` octets are no whole record
  void end(Flow&);                                // gives back what the conversation holds

  void say(const Flow&, Fact, int from, uint32_t tag = 0, uint32_t qualifier = 0);
  void say(const Scene&, Fact, uint32_t tag = 0);
  void say(SensorFact, uint16_t interface, uint32_t tag, std::string_view text = {}, uint32_t qualifier = 0);
  void say_recognised(const Flow&, std::string_view name);

  bool served(Carrier c, uint16_t port) const { return (c == Carrier::udp ? udp_ports_ : tcp_ports_)[port]; }
  bool served_ip(uint8_t protocol) const { return ip_protocols_[protocol]; }   // somebody wants what IP carries there
  Octets& tally(const Flow& f, int d) { return accounts_.interfaces.data()[f.stream[d].interface].octets; }
  uint16_t facts_of(const Flow& f) const { return f.carried.protocol() == 6 ? tcp_ : udp_; }
  uint16_t tcp() const { return tcp_; }
  uint16_t udp() const { return udp_; }
  Pool& pool() { return pool_; }

 private:
  struct Choice { int index = -1; int score = 0; Recognised found; bool tied = false; };   // tied: several say maybe
  void heard(const Message&, std::span<const Point>, Texts) override;
  void heard(const Identity&, Texts) override;
  bool at_port(size_t protocol, Carrier, uint16_t) const;
  Choice choose(const Flow&, Bytes up, Bytes down, Carrier) const;
  bool adopt(Flow&, const Choice&, Carrier);
  void give_up(Flow&);
  void lose(Flow&, int d);
  void found(Flow&, int d);
  void place(Flow&, int d);
  void one(Flow&, int d, Bytes record);
  bool change(Flow&, int d, Bytes);

  const TrafficSettings& settings_;
  std::span<const Protocol* const> protocols_;
  EventSink& sink_;
  Accounts& accounts_;
  Pool pool_;
  Speaker speaker_;
  const Scene* scene_ = nullptr;
  Time now_ = 0;
  uint64_t frame_ = 0;
  uint16_t tcp_ = 0, udp_ = 0, sensor_ = 0;
  bool has_tcp_ = false, has_udp_ = false, has_sensor_ = false;
  struct Served { uint32_t at; uint16_t protocol; };   // at: carrier and number
  static uint32_t place_of(Carrier c, uint16_t number) { return uint32_t(c) << 16 | number; }
  std::span<const Served> served_at(Carrier, uint16_t) const;
  std::vector<Served> ports_;                   // usual and declared, sorted by both
  std::vector<uint16_t> asked_[2];              // whose recognisers are asked of TCP, of UDP
  std::vector<uint8_t> carriers_;               // of each protocol, or-ed
  std::bitset<65'536> tcp_ports_, udp_ports_;   // at which somebody usually serves
  std::bitset<256> ip_protocols_;
};

}  // namespace vidra
