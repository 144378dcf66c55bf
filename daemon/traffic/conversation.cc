// SPDX-License-Identifier: Apache-2.0
#include "daemon/traffic/conversation.h"

#include <algorithm>
#include <utility>

namespace vidra {
namespace {

constexpr uint16_t losses_before_change = 3, most_changes = 8;

uint32_t saturated(uint64_t n) { return n > 0xffffffff ? 0xffffffff : uint32_t(n); }

Carrier carrier_of(const Flow& f) {
  if (f.carried.link()) return f.carried.kind() == Carried::ethertype ? Carrier::ethertype : Carrier::llc;
  return f.carried.protocol() == 6 ? Carrier::tcp : f.carried.protocol() == 17 ? Carrier::udp : Carrier::ip;
}

// Below TCP and UDP the carrier's own number names the protocol, and structure only confirms it.
constexpr bool numbered(Carrier c) { return c != Carrier::tcp && c != Carrier::udp; }

// The client's and the server's places change: the recogniser knows better than who spoke first.
void flip(Flow& f) {
  f.flipped = !f.flipped;
  std::swap(f.scene.client, f.scene.server);
  std::swap(f.scene.client_mac, f.scene.server_mac);
}

}  // namespace

Hearing::Hearing(const TrafficSettings& settings, std::span<const Protocol* const> all, EventSink& sink, Accounts& accounts)
    : settings_(settings), protocols_(all), sink_(sink), accounts_(accounts), pool_(settings.parser_octets), speaker_(*this) {
  for (size_t i = 0; i < protocols_.size(); i++) {
    const Protocol& p = *protocols_[i];
    if (p.name == "tcp") tcp_ = uint16_t(i), has_tcp_ = true;
    if (p.name == "udp") udp_ = uint16_t(i), has_udp_ = true;
    if (p.name == "sensor") sensor_ = uint16_t(i), has_sensor_ = true;
    uint8_t carriers = 0;
    for (const Port& port : p.ports) {
      carriers |= uint8_t(port.carrier);
      if (port.carrier == Carrier::tcp) tcp_ports_.set(port.number);
      if (port.carrier == Carrier::udp) udp_ports_.set(port.number);
      if (port.carrier == Carrier::ip) ip_protocols_.set(uint8_t(port.number));
      ports_.push_back({place_of(port.carrier, port.number), uint16_t(i)});
    }
    for (const DeclaredPort& d : settings_.ports)
      if (d.protocol == i) carriers |= uint8_t(d.carrier);
    carriers_.push_back(p.recognises && p.open ? carriers : 0);
  }
  for (const DeclaredPort& d : settings_.ports) {
    if (d.carrier == Carrier::tcp) tcp_ports_.set(d.number);
    if (d.carrier == Carrier::udp) udp_ports_.set(d.number);
    if (d.carrier == Carrier::ip) ip_protocols_.set(uint8_t(d.number));
    if (d.protocol < protocols_.size()) ports_.push_back({place_of(d.carrier, d.number), d.protocol});
  }
  std::sort(ports_.begin(), ports_.end(), [](const Served& a, const Served& b) { return std::pair(a.at, a.protocol) < std::pair(b.at, b.protocol); });
  for (size_t i = 0; i < protocols_.size(); i++) {
    if (carriers_[i] & uint8_t(Carrier::tcp)) asked_[0].push_back(uint16_t(i));
    if (carriers_[i] & uint8_t(Carrier::udp)) asked_[1].push_back(uint16_t(i));
  }
}

std::span<const Hearing::Served> Hearing::served_at(Carrier carrier, uint16_t number) const {
  const auto before = [](const Served& a, uint32_t at) { return a.at < at; };
  const auto first = std::lower_bound(ports_.begin(), ports_.end(), place_of(carrier, number), before);
  return {first, std::lower_bound(first, ports_.end(), place_of(carrier, number) + 1, before)};
}

bool Hearing::at_port(size_t protocol, Carrier carrier, uint16_t number) const {
  for (const Served& s : served_at(carrier, number))
    if (s.protocol == protocol) return true;
  return false;
}

Hearing::Choice Hearing::choose(const Flow& f, Bytes up, Bytes down, Carrier carrier) const {
  Choice best;
  const uint16_t server = f.flipped ? f.scene.client.port : f.scene.server.port, client = f.flipped ? f.scene.server.port : f.scene.client.port;
  const auto ask = [&](uint16_t i, bool port) {
    const Recognised r = protocols_[i]->recognises(up, down, carrier);
    const int score = r.sure == Recognised::yes ? 4 + port : r.sure == Recognised::maybe && port ? 2 : 0;
    if (score > best.score) best = {int(i), score, r};
    else if (score == 2 && best.score == 2) best.tied = true;
  };
  if (numbered(carrier)) {
    int before = -1;                               // a protocol may be declared where it is usual
    for (const Served& s : served_at(carrier, carrier == Carrier::ip ? f.carried.protocol() : f.carried.number()))
      if (int(s.protocol) != std::exchange(before, s.protocol) && carriers_[s.protocol] & uint8_t(carrier)) ask(s.protocol, true);
    return best;
  }
  std::span<const Served> one = served_at(carrier, server), other = served_at(carrier, client);
  const auto among = [](std::span<const Served>& rest, uint16_t i) {   // asked in the order in which they are sorted
    while (!rest.empty() && rest.front().protocol < i) rest = rest.subspan(1);
    return !rest.empty() && rest.front().protocol == i;
  };
  for (uint16_t i : asked_[carrier == Carrier::udp]) {
    const bool at_one = among(one, i), at_other = among(other, i);
    ask(i, at_one || at_other);
  }
  return best;
}

bool Hearing::adopt(Flow& f, const Choice& choice, Carrier carrier) {
  const Protocol& p = *protocols_[size_t(choice.index)];
  if (!f.talk) f.talk = pool_.make<Talk>();
  Parser* parser = f.talk ? p.open(pool_) : nullptr;
  if (!parser) {
    accounts_.parsers_refused++;
    give_up(f);
    return false;
  }
  Talk& c = *f.talk;
  if (c.parser) pool_.unmake(c.parser);
  c.parser = parser;
  c.index = uint16_t(choice.index);
  c.losses = 0;
  c.half[0] = c.half[1] = {};
  if (carrier == Carrier::tcp) c.half[0].searching = c.half[1].searching = f.midstream;   // the end of a record that began unheard is no malformed one
  f.mode = Mode::decided;
  f.scene.protocol = c.index;
  Recognised::Client client = choice.found.client;
  if (client == Recognised::unknown && !numbered(carrier)) {
    // The side at a port where this protocol is served serves.
    const Endpoint& up = f.flipped ? f.scene.server : f.scene.client;
    const Endpoint& down = f.flipped ? f.scene.client : f.scene.server;
    const bool at_up = at_port(c.index, carrier, up.port), at_down = at_port(c.index, carrier, down.port);
    client = at_up && !at_down ? Recognised::down : Recognised::up;
  }
  if ((client == Recognised::down) != f.flipped) flip(f);
  accounts_.protocols[c.index].conversations++;
  if (!f.carried.link()) say(f, Fact::recognised, 0, uint32_t(c.index) + 1);
  return true;
}

void Hearing::give_up(Flow& f) {
  f.mode = Mode::opaque;
  if (f.talk) {
    pool_.unmake(f.talk->parser);
    pool_.unmake(f.talk);
    f.talk = nullptr;
  }
}

// What a parser is about to say was said here, now, by this side.
[[gnu::always_inline]] inline void Hearing::place(Flow& f, int d) {
  Talk::Half& h = f.talk->half[d];
  f.scene.time = now_;
  f.scene.frame = frame_;
  f.scene.from = f.side(d);
  scene_ = &f.scene;
  speaker_.time = now_;
  speaker_.client = f.scene.client.address.octets;
  speaker_.server = f.scene.server.address.octets;
  speaker_.midstream = f.midstream;
  speaker_.after_gap = h.after_gap;
  h.after_gap = false;
}

void Hearing::end(Flow& f) {
  if (!f.talk) return;
  if (f.talk->gap_octets) say(f, Fact::gap, 0, saturated(f.talk->gap_octets));
  for (int d = 0; d < 2 && f.mode == Mode::decided; d++) {
    place(f, d);
    f.talk->parser->end(f.scene.from, speaker_);
  }
  give_up(f);
}

size_t Hearing::recognise(Flow& f, int d, Bytes octets, size_t newest, Bytes other, bool closed) {
  const Carrier carrier = carrier_of(f);
  if (!f.talk && !(f.talk = pool_.make<Talk>())) {
    accounts_.parsers_refused++;
    give_up(f);
    return octets.size();
  }
  Choice choice = choose(f, d == 0 ? octets : other, d == 0 ? other : octets, carrier);
  if (choice.score < 4 && newest && newest < octets.size()) {   // the front may be the end of a record whose beginning was not heard
    const Bytes alone = octets.subspan(newest);
    const Choice later = choose(f, d == 0 ? alone : Bytes{}, d == 0 ? Bytes{} : alone, carrier);
    if (later.score > choice.score && !later.tied && adopt(f, later, carrier)) return newest;
    if (f.mode == Mode::opaque) return octets.size();
  }
  // One port, several that may be served there (all that begins with a COTP connection): what follows tells.
  const bool wait = choice.tied && !closed && f.talk->packets + 1u < settings_.recognise_packets && octets.size() + other.size() < settings_.recognise_octets;
  if (choice.index >= 0 && !wait && adopt(f, choice, carrier)) return 0;
  if (f.mode == Mode::opaque) return octets.size();
  if (++f.talk->packets < settings_.recognise_packets && octets.size() + other.size() < settings_.recognise_octets) return 0;
  give_up(f);
  return octets.size();
}

[[gnu::always_inline]] inline void Hearing::one(Flow& f, int d, Bytes record) {
  Talk& c = *f.talk;
  place(f, d);
  c.losses = 0;
  accounts_.protocols.data()[c.index].records++;
  c.parser->parse(record, f.scene.from, speaker_);
}

// The octets at hand begin no record: said once, then the search begins.
void Hearing::lose(Flow& f, int d) {
  Talk& c = *f.talk;
  Talk::Half& h = c.half[d];
  f.scene.time = now_;
  f.scene.frame = frame_;
  f.scene.from = f.side(d);
  scene_ = &f.scene;
  speaker_.midstream = f.midstream;
  speaker_.after_gap = h.after_gap;
  h.after_gap = false;
  Message& m = speaker_.begin();
  m.role = f.scene.from == Side::client ? Role::request : Role::response;
  m.malformed = true;
  m.link = true;             // octets, no PDU: counted as malformed, as no function and no kind of frame
  m.frame = 0xff;
  speaker_.end();
  h.searching = true;
  h.unreadable = 0;
  if (c.losses < 0xffff) c.losses++;
}

void Hearing::found(Flow& f, int d) {
  Talk::Half& h = f.talk->half[d];
  h.searching = false;
  if (!h.unreadable) return;
  accounts_.resynchronised++;
  say(f, Fact::unreadable, d, saturated(h.unreadable));
  h.unreadable = 0;
}

// A conversation that has lost several records in a row may have become another's.
bool Hearing::change(Flow& f, int d, Bytes octets) {
  Talk& c = *f.talk;
  if (c.losses < losses_before_change || c.changes >= most_changes) return false;
  const Carrier carrier = carrier_of(f);
  const Choice other = choose(f, d == 0 ? octets : Bytes{}, d == 0 ? Bytes{} : octets, carrier);
  if (other.index < 0 || other.index == int(c.index) || other.found.sure != Recognised::yes) return false;
  if (c.half[d].unreadable) say(f, Fact::unreadable, d, saturated(c.half[d].unreadable));
  const uint16_t changes = uint16_t(c.changes + 1);
  if (!adopt(f, other, carrier)) return false;
  f.talk->changes = changes;
  return true;
}

size_t Hearing::cut(Flow& f, int d, Bytes octets, bool front_start, size_t newest, bool closed, uint32_t& wanted) {
  Octets& tally = this->tally(f, d);
  const Side side = f.side(d);
  size_t used = 0;
  wanted = 0;
  while (used < octets.size()) {
    Talk::Half& h = f.talk->half[d];
    const Bytes rest = octets.subspan(used);
    const bool start = used == newest || (!used && front_start);
    if (h.skip) [[unlikely]] {
      const size_t n = size_t(std::min<uint64_t>(h.skip, rest.size()));
      h.skip -= n, used += n;
      tally.decoded += n;
      continue;
    }
    if (h.searching) [[unlikely]] {
      if (start && change(f, d, rest)) return used + cut(f, d, rest, true, newest > used ? newest - used : 0, closed, wanted);
      if (f.mode != Mode::decided) return tally.opaque += rest.size(), octets.size();
      // Octet by octet: the parser, out of step, takes only what cannot be anything else, and is told where a segment begins.
      const Cut c = f.talk->parser->next(side, rest, start, closed);
      const bool takes = c.kind == Cut::take && c.n && c.n <= longest_record;
      if (takes || (c.kind == Cut::skip && c.n)) {
        found(f, d);
      } else if (c.kind == Cut::need && c.n > rest.size() && c.n <= longest_record && !closed) {
        wanted = uint32_t(c.n);
        return used;
      } else {
        h.unreadable += h.unreadable != 0xffffffff, used++;
        tally.opaque++;
      }
      continue;
    }
    const Cut c = f.talk->parser->next(side, rest, start, closed);
    if (c.kind == Cut::take && c.n && c.n <= rest.size()) [[likely]] {
      tally.decoded += c.n;
      used += c.n;
      one(f, d, rest.first(c.n));
      continue;
    }
    if (c.kind == Cut::skip && c.n) {
      h.skip = c.n;
      continue;
    }
    const bool awaits = (c.kind == Cut::take && c.n && c.n <= longest_record) || (c.kind == Cut::need && c.n <= longest_record);
    if (awaits && !closed) {
      wanted = uint32_t(std::max(c.n, rest.size() + 1));
      return used;
    }
    // Lost, too long, or ended in the middle of it.
    lose(f, d);
    h.unreadable = 1;
    tally.opaque++;
    used++;
  }
  return used;
}

void Hearing::close(Flow& f, int d, uint64_t left) {
  if (left) tally(f, d).opaque += left;
  if (f.mode != Mode::decided) return;
  Talk::Half& h = f.talk->half[d];
  if (h.searching) {
    if (h.unreadable || left) say(f, Fact::unreadable, d, saturated(uint64_t{h.unreadable} + left));
    h = {};
  } else if (left) {
    lose(f, d);
    say(f, Fact::unreadable, d, saturated(left));
    f.talk->half[d] = {};
  }
}

void Hearing::gap(Flow& f, int d, uint64_t octets) {
  accounts_.gaps++;
  if (f.mode != Mode::decided) return;
  Talk& c = *f.talk;
  Talk::Half& h = c.half[d];
  h.after_gap = true;
  if (h.skip >= octets && octets) {
    h.skip -= octets;                      // inside a body that nobody reads
  } else {
    h.skip = 0;
    h.searching = true;                    // what follows may be the middle of a record: that is no malformed one
    c.parser->gap(f.side(d), octets);
  }
  c.gap_octets = saturated(c.gap_octets + octets);
  if (c.gap_told && now_ - c.gap_told < second) return;
  say(f, Fact::gap, d, saturated(c.gap_octets));
  c.gap_told = now_;
  c.gap_octets = 0;
}

void Hearing::forsake(Flow& f, int d, uint64_t octets) {
  tally(f, d).opaque += octets;
  if (f.mode != Mode::decided || !octets) return;
  f.talk->half[d].after_gap = true;
  f.talk->half[d].skip = 0;
  f.talk->half[d].searching = true;
  f.talk->parser->gap(f.side(d), octets);
}

void Hearing::datagram(Flow& f, int d, Bytes octets, bool cut_off) {
  Octets& tally = this->tally(f, d);
  if (octets.empty()) return;
  if (f.mode == Mode::undecided && !cut_off) {
    const Carrier carrier = carrier_of(f);
    const Choice choice = choose(f, d == 0 ? octets : Bytes{}, d == 0 ? Bytes{} : octets, carrier);
    if (choice.index >= 0) adopt(f, choice, carrier);
    else if (++f.stream[d].past > 16) give_up(f);          // History is for TCP: datagrams count their tries here
  }
  if (f.mode != Mode::decided || cut_off) {
    tally.opaque += octets.size();
    if (f.mode == Mode::decided) f.talk->half[d].after_gap = true, f.talk->parser->gap(f.side(d), 0);
    return;
  }
  tally.decoded += octets.size();
  one(f, d, octets);
}

void Hearing::heard(const Message& m, std::span<const Point> points, Texts texts) {
  if (m.malformed && !m.continued) accounts_.protocols[scene_->protocol].malformed++;
  sink_.see({*scene_, &m, nullptr, points, texts});
}

void Hearing::heard(const Identity& who, Texts texts) { sink_.see({*scene_, nullptr, &who, {}, texts}); }

void Hearing::say(const Scene& scene, Fact fact, uint32_t tag) {
  speaker_.midstream = speaker_.after_gap = false;
  scene_ = &scene;
  Message& m = speaker_.begin();
  m.function = uint16_t(fact);
  m.role = Role::report;
  m.act = Act::session;
  m.station = scene.server.port;
  m.tag = tag;
  speaker_.end();
}

void Hearing::say(const Flow& f, Fact fact, int from, uint32_t tag, uint32_t qualifier) {
  const bool is_tcp = f.carried.protocol() == 6;
  if (f.carried.link() || !(is_tcp ? has_tcp_ : has_udp_)) return;
  Scene scene = f.scene;
  scene.time = now_;
  scene.frame = frame_;
  if (f.flipped) std::swap(scene.client, scene.server), std::swap(scene.client_mac, scene.server_mac);   // of the connection
  scene.protocol = is_tcp ? tcp_ : udp_;
  scene.from = from == 0 ? Side::client : Side::server;
  speaker_.midstream = speaker_.after_gap = false;
  scene_ = &scene;
  Message& m = speaker_.begin();
  m.function = uint16_t(fact);
  m.role = Role::report;
  m.act = Act::session;
  m.station = scene.server.port;
  m.tag = tag;
  m.qualifier = qualifier;
  speaker_.end();
}

void Hearing::say_recognised(const Flow& f, std::string_view name) {
  const bool is_tcp = f.carried.protocol() == 6;
  if (!(is_tcp ? has_tcp_ : has_udp_)) return;
  Scene scene = f.scene;
  scene.time = now_;
  scene.frame = frame_;
  scene.protocol = is_tcp ? tcp_ : udp_;
  scene.from = Side::client;
  speaker_.midstream = speaker_.after_gap = false;
  scene_ = &scene;
  Message& m = speaker_.begin();
  m.function = uint16_t(Fact::recognised);
  m.role = Role::report;
  m.act = Act::session;
  m.station = scene.server.port;
  Point& p = speaker_.point(speaker_.named(name));
  p.set_text(p.object.key() & ~(0xffull << 56));
  speaker_.end();
}

void Hearing::say(SensorFact fact, uint16_t interface, uint32_t tag, std::string_view text, uint32_t qualifier) {
  if (!has_sensor_) return;
  Scene scene;
  scene.time = now_;
  scene.frame = frame_;
  scene.interface = interface;
  scene.protocol = sensor_;
  speaker_.midstream = speaker_.after_gap = false;
  scene_ = &scene;
  Message& m = speaker_.begin();
  m.function = uint16_t(fact);
  m.role = Role::report;
  m.act = Act::diagnose;
  m.tag = tag;
  m.qualifier = qualifier;
  Point& p = speaker_.point({ObjectKind::capture, interface});
  if (!text.empty()) p.set_text(speaker_.text(text));
  speaker_.end();
}

}  // namespace vidra
