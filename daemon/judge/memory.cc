// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/memory.h"

#include <algorithm>
#include <cmath>

#include "daemon/base/mix.h"
#include "daemon/judge/detector.h"
#include "daemon/judge/publishers.h"

namespace vidra {
namespace {

bool is_facts(uint16_t protocol) {
  static const int tcp = protocol_index("tcp"), udp = protocol_index("udp");
  return protocol == tcp || protocol == udp;
}

template <class T, class K, class Before, class Same, class Make>
T& place(std::vector<T>& list, const K& key, Before before, Same same, Make make) {
  auto at = std::lower_bound(list.begin(), list.end(), key, before);
  if (at == list.end() || !same(*at, key)) at = list.insert(at, make());
  return *at;
}

// Commands that move a switching device: to one of two positions, or DNP3's trip and close.
bool switches(const Point& p) {
  return p.kind == ValueKind::boolean || p.kind == ValueKind::double_point || p.object.kind() == ObjectKind::binary_output;
}

constexpr size_t recent_size = 4096;

}  // namespace

// Keys of one kind and space follow each other by number, so ranges of keys are ranges of objects.
void ObjectSet::add(Object first, uint32_t count) {
  if (!count) return;
  const uint64_t a = first.key();
  uint64_t b = a + (count - 1);
  if (b >> 32 != a >> 32 && first.kind() != ObjectKind::named && first.kind() != ObjectKind::member) b = a | 0xffffffffu;
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), a, [](const ObjectRange& r, uint64_t k) { return r.last.key() < k; });
  if (at != ranges_.end() && at->first.key() <= a && at->last.key() >= b) return;
  const auto touches = [](uint64_t left_last, uint64_t right_first) { return left_last + 1 == right_first && left_last >> 32 == right_first >> 32; };
  uint64_t low = a, high = b;
  if (at != ranges_.begin() && touches((at - 1)->last.key(), a)) --at;
  auto stop = at;
  while (stop != ranges_.end() && (stop->first.key() <= high || touches(high, stop->first.key()))) {
    low = std::min(low, stop->first.key());
    high = std::max(high, stop->last.key());
    ++stop;
  }
  const ObjectRange joined{Object::from_key(low), Object::from_key(high)};
  if (at == stop) ranges_.insert(at, joined);
  else {
    *at = joined;
    ranges_.erase(at + 1, stop);
  }
}

bool ObjectSet::has(Object first, uint32_t count) const {
  const uint64_t a = first.key(), b = a + (count ? count - 1 : 0);
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), a, [](const ObjectRange& r, uint64_t k) { return r.last.key() < k; });
  return at != ranges_.end() && at->first.key() <= a && at->last.key() >= b;
}

uint64_t ObjectSet::size() const {
  uint64_t n = 0;
  for (const ObjectRange& r : ranges_) n += r.last.key() - r.first.key() + 1;
  return n;
}

bool Habit::strange(double number, double before, double spans, double least) const {
  if (!numbers) return false;
  const double width = spans * std::max(max - min, least * std::max(std::fabs(min), std::fabs(max)));
  return (number < min - width || number > max + width) && !(std::fabs(number - before) <= 2 * step);
}

const Habit* StationMemory::habit(Object o) const {
  const auto at = std::lower_bound(habits.begin(), habits.end(), o.key(), [](const Habit& h, uint64_t k) { return h.object.key() < k; });
  return at != habits.end() && at->object == o ? &*at : nullptr;
}

const StationMemory* ConversationMemory::station(uint64_t number) const {
  const auto at = std::lower_bound(stations.begin(), stations.end(), number, [](const StationMemory& s, uint64_t n) { return s.station < n; });
  return at != stations.end() && at->station == number ? &*at : nullptr;
}

bool ConversationMemory::knows_function(uint16_t function, uint16_t sub) const {
  for (const FunctionMemory& f : functions)
    if (f.function == function && f.sub_function == sub && f.role != Role::response) return true;
  return false;
}

bool ConversationMemory::knows_origin(uint64_t o) const { return std::binary_search(origins.begin(), origins.end(), o); }

const DangerMemory* ConversationMemory::danger(uint64_t of, Act act) const {
  for (const DangerMemory& d : dangers)
    if (d.station == of && d.act == act) return &d;
  return nullptr;
}

size_t Memory::Hash::operator()(const Address& a) const { return mix(a); }
size_t Memory::Hash::operator()(const Key& k) const { return mix((*this)(k.client) + mix((*this)(k.server) ^ k.what)); }

const HostMemory* Memory::host(const Address& a) const {
  const auto it = by_address_.find(a);
  return it == by_address_.end() ? nullptr : it->second;
}

const ConversationMemory* Memory::conversation(const Address& client, const Address& server, uint16_t protocol, uint16_t port) const {
  const auto it = by_key_.find({client, server, uint32_t(protocol) << 16 | port});
  return it == by_key_.end() ? nullptr : it->second;
}

bool Memory::speaks(const Address& client, const Address& server) const { return pairs_.contains({client, server, 0}); }
bool Memory::commands(const Address& client, const Address& server) const {
  const auto it = pairs_.find({client, server, 0});
  return it != pairs_.end() && it->second & changing_acts;
}
bool Memory::owns(const Mac& m) const { return macs_.contains(m.number()); }

std::span<const ConversationMemory* const> Memory::conversations_with(const Address& server) const {
  const auto it = by_server_.find(server);
  return it == by_server_.end() ? std::span<const ConversationMemory* const>() : it->second;
}

void Memory::add_clock(const Address& a, const HostMemory::Clock& c) {
  const auto it = by_address_.find(a);
  if (it == by_address_.end() || it->second->clocks.size() >= HostMemory::most_clocks) return;
  std::vector<HostMemory::Clock>& list = it->second->clocks;
  const auto at = std::lower_bound(list.begin(), list.end(), c);
  if (at == list.end() || *at != c) list.insert(at, c);
}

HostMemory& Memory::add_host(const Address& a) {
  const auto it = by_address_.find(a);
  if (it != by_address_.end()) return *it->second;
  HostMemory& h = hosts_.emplace_back();
  h.address = a;
  by_address_.emplace(a, &h);
  version_++;
  return h;
}

ConversationMemory& Memory::add_conversation(const Address& client, const Address& server, uint16_t protocol, uint16_t port) {
  const Key key{client, server, uint32_t(protocol) << 16 | port};
  const auto it = by_key_.find(key);
  if (it != by_key_.end()) return *it->second;
  ConversationMemory& c = conversations_.emplace_back();
  c.client = client;
  c.server = server;
  c.protocol = protocol;
  c.port = port;
  by_key_.emplace(key, &c);
  by_server_[server].push_back(&c);
  pairs_.try_emplace({client, server, 0}, 0);
  version_++;
  return c;
}

// After elements went: everything that points into them anew.
void Memory::index() {
  by_address_.clear(), by_key_.clear(), by_server_.clear(), by_reference_.clear(), macs_.clear(), recent_.clear();
  std::fill(std::begin(publisher_counts_), std::end(publisher_counts_), 0);
  for (HostMemory& h : hosts_) {
    by_address_.emplace(h.address, &h);
    for (const Mac& m : h.macs) macs_[m.number()]++;
  }
  for (ConversationMemory& c : conversations_) {
    by_key_.emplace(Key{c.client, c.server, uint32_t(c.protocol) << 16 | c.port}, &c);
    by_server_[c.server].push_back(&c);
  }
  for (PublisherMemory& p : publishers_) {
    by_reference_.emplace(publisher_key(p.kind, text_key(p.reference)), &p);
    publisher_counts_[size_t(p.kind)]++;
  }
  settle();
}

Memory Memory::copy() const {
  Memory m;
  m.hosts_ = hosts_;
  m.conversations_ = conversations_;
  m.publishers_ = publishers_;
  m.learning = learning;
  return m;
}

void Memory::settle() {
  pairs_.clear();
  objects_ = 0;
  for (const ConversationMemory& c : conversations_) {
    pairs_[{c.client, c.server, 0}] |= c.acts;
    for (const StationMemory& s : c.stations) objects_ += s.read.ranges().size() + s.habits.size();
  }
  version_++;
}

void Memory::add_mac(HostMemory& h, const Mac& m) {
  const auto at = std::lower_bound(h.macs.begin(), h.macs.end(), m);
  if ((at != h.macs.end() && *at == m) || h.macs.size() >= 16) return;
  h.macs.insert(at, m);
  macs_[m.number()]++;
}

const PublisherMemory* Memory::publisher(PublisherKind kind, uint64_t reference_key) const {
  const auto it = by_reference_.find(publisher_key(kind, reference_key));
  return it == by_reference_.end() ? nullptr : it->second;
}

PublisherMemory& Memory::add_publisher(PublisherKind kind, std::string_view reference) {
  PublisherMemory*& p = by_reference_[publisher_key(kind, text_key(reference))];
  if (p) return *p;
  p = &publishers_.emplace_back();
  p->kind = kind;
  p->reference = reference;
  publisher_counts_[size_t(kind)]++;
  return *p;
}

// A publisher's own words: what is said of it once a second, and each new state.
void Memory::learn_publisher(PublisherKind kind, const Event& e) {
  const Message& m = *e.said;
  const std::string_view reference = e.texts.find(m.station);
  if (reference.empty() || reference.size() >= Texts::limit || m.malformed || (m.function != publishing::changed && m.function != publishing::summary)) return;
  if (publishers_.size() >= publisher_limit && !publisher(kind, m.station)) {
    forgotten_++;
    return;
  }
  PublisherMemory& p = add_publisher(kind, reference);
  const auto keep = [](std::vector<Address>& list, const Address& a) {
    const auto at = std::lower_bound(list.begin(), list.end(), a);
    if ((at == list.end() || *at != a) && list.size() < 8) list.insert(at, a);
  };
  keep(p.sources, e.scene.speaker().address);
  keep(p.destinations, e.scene.listener().address);
  if (e.scene.vlan) p.vlan = e.scene.vlan;
  p.conf_rev = m.qualifier;
  p.simulated |= m.simulated || m.test;
  p.secured |= m.encrypted;
  p.times++;
  const bool sv = kind == PublisherKind::sampled_values;
  if (sv) p.synch = std::max(p.synch, uint8_t(m.tag == 1 || m.tag >= 5 ? 1 : m.tag));
  if (sv && p.last && e.scene.time - p.last > 3 * second) p.pauses = true;
  p.last = e.scene.time;
  using publishing::number;
  if (const auto n = number(e, "APPID")) p.appid = uint16_t(*n);
  if (const auto n = number(e, "noASDU")) p.asdus = uint32_t(*n);
  if (const auto n = number(e, "numDatSetEntries")) p.entries = uint32_t(*n);
  if (const auto n = number(e, "ndsCom")) p.commissioning |= *n != 0;
  if (const auto n = number(e, "timeAllowedtoLive")) p.live = std::max(p.live, uint32_t(*n));
  if (const Point* d = publishing::point(e, "datSet"); d && d->kind == ValueKind::text)
    if (const std::string_view name = e.texts.find(d->raw); !name.empty()) p.data_set = name;
  if (sv && m.function == publishing::changed) {
    if (const uint32_t n = publishing::channels(e)) p.entries = n;
  }
  if (m.function != publishing::summary) return;
  if (const auto n = number(e, "samples a second")) p.rate = std::max(p.rate, *n);
  if (const auto n = number(e, "frames")) p.busiest = std::max(p.busiest, uint32_t(*n));
  const auto one = number(e, "interval (ms)"), shortest = one ? one : number(e, "shortest interval (ms)"), longest = one ? one : number(e, "longest interval (ms)");
  if (shortest) p.shortest = p.shortest ? std::min(p.shortest, Time(*shortest * double(millisecond))) : Time(*shortest * double(millisecond));
  if (longest) p.longest = std::max(p.longest, Time(*longest * double(millisecond)));
}

void Memory::learn_host(const Address& a, const Mac& m, Time now) {
  if (a.kind == Address::Kind::none || a.group()) return;
  const auto it = by_address_.find(a);
  if (it == by_address_.end() && hosts_.size() >= host_limit) {
    forgotten_++;
    return;
  }
  HostMemory& h = it == by_address_.end() ? add_host(a) : *it->second;
  if (!h.first) h.first = now;
  h.last = std::max(h.last, now);
  if (!m.empty() && !m.group()) add_mac(h, m);
}

void Memory::learn_identity(const Event& e) {
  const auto it = by_address_.find(e.scene.speaker().address);
  if (it == by_address_.end()) return;
  const auto take = [&](std::string& to, uint64_t key) {
    if (key && to.empty()) to = e.texts.find(key);
  };
  HostMemory& h = *it->second;
  take(h.vendor, e.identity->vendor);
  take(h.product, e.identity->product);
  take(h.model, e.identity->model);
  take(h.firmware, e.identity->firmware);
  take(h.serial, e.identity->serial);
  take(h.name, e.identity->name);
}

void Memory::learn(const Event& e) {
  const Scene& s = e.scene;
  if (s.client.address.kind == Address::Kind::none) return;     // the sensor's own words
  if (ArpWords words; arp_words(e, words)) {                    // teaches who has which address, and no conversation
    if (words.sender.kind != Address::Kind::none) learn_host(words.sender, words.sender_mac, s.time);
    return;
  }
  const uint64_t flow = s.flow;
  Cached* cached = nullptr;
  if (flow) {
    if (recent_.empty()) recent_.resize(recent_size);
    cached = &recent_[mix(flow ^ s.protocol) % recent_size];
  }
  ConversationMemory* c = cached && cached->flow == flow && cached->protocol == s.protocol ? cached->conversation : nullptr;
  if (!c || e.identity || !flow) {
    learn_host(s.speaker().address, s.from == Side::client ? s.client_mac : s.server_mac, s.time);
    if (e.identity) learn_identity(e);
  }
  if (!e.said) return;
  if (const auto kind = publishing::kind_of(s.protocol)) learn_publisher(*kind, e);
  if (!c) {
    // An attempt that nobody answered teaches nothing about who may talk to whom.
    const bool facts = is_facts(s.protocol);
    if (facts && (e.said->function == 1 || e.said->function == 3 || e.said->function == 4)) return;
    const uint16_t port = facts || s.server.port ? s.server.port : 0;
    if (!by_key_.contains({s.client.address, s.server.address, uint32_t(s.protocol) << 16 | port}) && conversations_.size() >= conversation_limit) {
      forgotten_++;
      return;
    }
    c = &add_conversation(s.client.address, s.server.address, s.protocol, port);
    if (cached) *cached = {flow, s.protocol, c};
  }
  if (!c->first) c->first = s.time;
  c->last = std::max(c->last, s.time);
  if (!(c->heard & (s.from == Side::client ? 1 : 2))) {
    c->heard |= s.from == Side::client ? 1 : 2;
    learn_host(s.speaker().address, s.from == Side::client ? s.client_mac : s.server_mac, s.time);
  }
  if (is_facts(s.protocol)) {
    if (e.said->function == 15) c->fragments = true;
    return;
  }
  learn_message(*c, e);
}

void Memory::learn_message(ConversationMemory& c, const Event& e) {
  const Message& m = *e.said;
  const Time now = e.scene.time;
  const bool asks = m.role == Role::request;
  if (m.malformed || m.link) {
    if (asks && m.link) c.acts |= bit(m.act);
    return;
  }
  if (asks) {
    if (!(c.acts & bit(m.act))) {
      c.acts |= bit(m.act);
      pairs_[{c.client, c.server, 0}] |= c.acts;
    }
  } else if (m.role == Role::report) c.reported |= bit(m.act);

  if (m.role != Role::response && !m.continued) {
    const auto key = std::tuple(m.function, m.sub_function, m.role);
    const auto of = [](const FunctionMemory& f) { return std::tuple(f.function, f.sub_function, f.role); };
    if (c.functions.size() < 1024 || std::any_of(c.functions.begin(), c.functions.end(), [&](const FunctionMemory& f) { return of(f) == key; })) {
      FunctionMemory& f = place(c.functions, key, [&](const FunctionMemory& a, const auto& k) { return of(a) < k; },
                                [&](const FunctionMemory& a, const auto& k) { return of(a) == k; },
                                [&] { return FunctionMemory{m.function, m.sub_function, m.role}; });
      f.times++;
      if (f.last && now > f.last) {
        const Time between = now - f.last;      // a sixteenth of each new one: slow, and the same in every run
        f.period = f.period ? f.period + (between - f.period) / 16 : between;
      }
      f.last = now;
    }
  }
  if (asks && m.has_origin && c.origins.size() < 256 && !c.knows_origin(m.origin))
    c.origins.insert(std::lower_bound(c.origins.begin(), c.origins.end(), m.origin), m.origin);

  if (c.stations.size() >= 4096 && !c.station(m.station)) {
    forgotten_++;
    return;
  }
  StationMemory& s = place(c.stations, m.station, [](const StationMemory& a, uint64_t n) { return a.station < n; },
                           [](const StationMemory& a, uint64_t n) { return a.station == n; }, [&] { return StationMemory{m.station, {}, {}, {}}; });
  if (m.refused) return;                         // what a device refuses it need not have
  const bool changes = asks && (changing_acts & bit(m.act));
  if (asks && (dangerous_acts & bit(m.act))) {
    const auto key = std::pair(m.station, m.act);
    const auto of = [](const DangerMemory& d) { return std::pair(d.station, d.act); };
    place(c.dangers, key, [&](const DangerMemory& a, const auto& k) { return of(a) < k; }, [&](const DangerMemory& a, const auto& k) { return of(a) == k; },
          [&] { return DangerMemory{m.station, m.act, 0, false}; }).times++;
  }
  for (const Point& p : e.points) {
    if (p.object.kind() == ObjectKind::none) continue;
    if (objects_ >= object_limit) {
      forgotten_++;
      continue;
    }
    if (!changes) {
      const size_t ranges = s.read.ranges().size();
      s.read.add(p.object, p.count);
      objects_ += s.read.ranges().size() > ranges;
      continue;
    }
    s.written.add(p.object, p.count);
    const size_t known = s.habits.size();
    Habit& h = place(s.habits, p.object.key(), [](const Habit& a, uint64_t k) { return a.object.key() < k; },
                     [](const Habit& a, uint64_t k) { return a.object.key() == k; }, [&] { return Habit{p.object}; });
    objects_ += s.habits.size() > known;
    h.acts |= bit(m.act);
    if (m.act == Act::select) {
      h.pending_select = true;
      continue;
    }
    if (m.act == Act::cancel) {
      h.pending_select = false;
      continue;
    }
    h.times++;
    if (p.qualifier >> 31 && p.object.kind() == ObjectKind::named) h.checks = h.times == 1 ? p.qualifier & 3 : h.checks & p.qualifier & 3;   // a control of MMS
    h.selected += h.pending_select;
    h.pending_select = false;
    if (p.has_number() && std::isfinite(p.number())) {
      const double v = p.number();
      if (h.numbers) {
        h.step = std::max(h.step, std::abs(v - h.last_number));
        h.min = std::min(h.min, v);
        h.max = std::max(h.max, v);
      } else {
        h.min = h.max = v;
        h.numbers = true;
      }
      h.last_number = v;
    }
    h.last = now;
    // One quick pair is chance; four in a row, each of another device, are how this master works.
    if (m.act != Act::operate || !switches(p) || c.last_switched == p.object.key()) continue;
    if (c.switched[0] && now > c.switched[0]) {
      const Time pace = (now - c.switched[0]) / Time(c.switched.size());
      c.shortest_pace = c.shortest_pace ? std::min(c.shortest_pace, pace) : pace;
    }
    c.switched = {c.switched[1], c.switched[2], now};
    c.last_switched = p.object.key();
  }
}

}  // namespace vidra
