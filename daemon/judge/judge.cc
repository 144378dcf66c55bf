// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/judge.h"

#include <algorithm>
#include <cstring>

#include "daemon/base/huge_pages.h"
#include "daemon/base/mix.h"
#include "daemon/judge/inventory_rows.h"
#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr Time tick_period = 100 * millisecond;
constexpr size_t roles = 3;

uint64_t pair_of(const Address& client, const Endpoint& server) { return key_of(key_of(client), key_of(key_of(server.address), server.port)); }

// Asked of every event: without a call.
bool differ(const Mac& a, const Mac& b) {
  uint32_t front[2];
  uint16_t back[2];
  std::memcpy(&front[0], a.octets.data(), 4), std::memcpy(&front[1], b.octets.data(), 4);
  std::memcpy(&back[0], a.octets.data() + 4, 2), std::memcpy(&back[1], b.octets.data() + 4, 2);
  return ((front[0] ^ front[1]) | uint32_t(back[0] ^ back[1])) != 0;
}

// Findings that only say that a host or a conversation is new.
bool about_novelty(const Detection& d) { return d.id == "NET-01" || d.id == "NET-02" || d.id == "NET-03"; }

// Of what an import declares of a device that this may differ from.
uint64_t print_of(const SiteHost& h, const Detection& d) { return about_novelty(d) ? h.talk_print : h.print; }

// Findings that speak of broken records already.
bool about_form(const Detection& d) { return d.id == "MOD-18" || d.id == "DNP-29"; }

size_t power_of_two(size_t n) {
  size_t p = 2;
  while (p < n) p *= 2;
  return p;
}

template <class T> void make_large(std::vector<T>& table, size_t n) {
  table.reserve(n);
  ask_for_huge_pages(table.data(), n * sizeof(T));
  table.resize(n);
}

}  // namespace

// Every address that spoke, in a table that is never moved: pointers into it stay good.
struct Judge::Hosts {
  explicit Hosts(size_t limit) : mask(power_of_two(limit * 2) - 1), limit_(limit) { make_large(rows, mask + 1), make_large(table, limit); }

  size_t place(const Address& a) const { return mix(a) & mask; }
  HeardHost* find(const Address& a) {
    for (size_t i = place(a); rows[i]; i = (i + 1) & mask)
      if (table[rows[i] - 1].address == a) return &table[rows[i] - 1];
    return nullptr;
  }
  HeardHost* add(const Address& a) {       // nullptr when full
    size_t i = place(a);
    for (; rows[i]; i = (i + 1) & mask)
      if (table[rows[i] - 1].address == a) return &table[rows[i] - 1];
    if (used == limit_) return nullptr;
    rows[i] = uint32_t(++used);
    table[used - 1].address = a;
    return &table[used - 1];
  }

  size_t mask, limit_, used = 0;
  std::vector<uint32_t> rows;              // by hash: 1 + the place in the table, 0 none
  struct alignas(64) Row : HeardHost {};
  std::vector<Row> table;                  // in the order of their first words: who speaks lies close together
  struct Pair { uint64_t key = 0; Time at = 0; };
  Pair pairs[1024];                        // of client and served port, in the same way
  uint64_t told[1024] = {};                // flows about which something was found; an older one may be overwritten
};

Judge::Judge(std::shared_ptr<const Site> site, Memory memory, JudgeSettings settings, FindingSink& sink)
    : Judge(std::move(site), std::move(memory), settings, sink, all_detectors(settings)) {}

Judge::Judge(std::shared_ptr<const Site> site, Memory memory, JudgeSettings settings, FindingSink& sink, Detectors detectors)
    : site_(site ? std::move(site) : std::make_shared<const Site>()), memory_(std::move(memory)), settings_(std::move(settings)), sink_(sink),
      detectors_(std::move(detectors)), learning_(settings_.mode == JudgeSettings::Mode::learn), arp_(protocol_index("arp")), tcp_(protocol_index("tcp")),
      udp_(protocol_index("udp")), policies_(catalogue.size()),
      slot_mask_(power_of_two(std::max(settings_.flow_limit, ways)) - 1), inventory_(settings_.host_limit), clock_votes_(settings_), hosts_(std::make_unique<Hosts>(settings_.host_limit)) {
  make_large(slots_, slot_mask_ + 1), make_large(tags_, slot_mask_ + 1);
  for (const auto& [id, s] : settings_.detections)
    if (const Detection* d = detection(id)) policies_[index_of(*d)] = {s.off, s.severity};
  for (const Protocol* p : protocols) asks_.push_back(p->name == "iec104" || p->name == "modbus" || p->name == "dnp3");
  quantities_.declare(*site_, settings_);
  unwatched_ = values_unwatched(detectors_);
  guard_inventory();
  dispatch();
}

Judge::~Judge() = default;

void Judge::adopt(std::shared_ptr<const Site> site, const JudgeSettings& settings) {
  constexpr size_t kept = 8;
  former_.push_back(std::move(site_));
  if (former_.size() > kept) former_.erase(former_.begin());
  site_ = std::move(site);
  settings_.detections = settings.detections;
  settings_.indicators = settings.indicators;
  settings_.rules = settings.rules;
  std::fill(policies_.begin(), policies_.end(), Policy{});
  for (const auto& [id, s] : settings_.detections)
    if (const Detection* d = detection(id)) policies_[index_of(*d)] = {s.off, s.severity};
  for (HeardHost& h : hosts_->table)
    if (h.first) h.declared = site_->host_of(h.address);
  for (const auto& d : detectors_) d->settle(settings_);
  clock_votes_.settle(settings_);
  // What was reviewed or is declared otherwise is found again where it still is one. The rest stays: it may be over, and was there.
  std::erase_if(unreviewed_, [&](const SilentDifference& d) {
    const HostId id = site_->host_named(d.device);
    return !site_->unreviewed(id) || print_of(site_->host(id), *d.detection) != d.print;
  });
  unreviewed_at_.clear();
  for (size_t i = 0; i < unreviewed_.size(); i++) unreviewed_at_.emplace(unreviewed_[i].key, i);
  quantities_.declare(*site_, settings_);
  dispatch();                                        // other lists, other wants
  std::fill(slots_.begin(), slots_.end(), Slot{});
  std::fill(tags_.begin(), tags_.end(), 0);          // each conversation is held against the new site at its next event
}

// Each list is laid out once, so that an event costs as many calls as there are detectors that want it.
void Judge::dispatch() {
  for (auto* list : {&wanted_, &identity_wanted_, &newcomer_wanted_, &ticking_}) list->clear();
  lists_.resize(protocols.size() * act_count * roles);
  struct Meant { Detector* detector; Want want; };   // names looked up once
  std::vector<std::vector<Meant>> of_protocol(protocols.size());
  for (const auto& d : detectors_)
    for (const Want& w : d->wants()) {
      if (w.identities || w.newcomers) continue;
      const int only = w.protocol.empty() ? -1 : protocol_index(w.protocol);
      for (size_t p = 0; p < protocols.size(); p++)
        if (w.protocol.empty() || int(p) == only) of_protocol[p].push_back({d.get(), w});
    }
  for (size_t p = 0; p < protocols.size(); p++)
    for (size_t a = 0; a < act_count; a++)
      for (size_t r = 0; r < roles; r++) {
        List& list = lists_[(p * act_count + a) * roles + r];
        std::vector<Detector*> firsts;
        list.begin = uint32_t(wanted_.size());
        const std::vector<Meant>& meant = of_protocol[p];
        for (size_t i = 0; i < meant.size();) {
          Detector* const d = meant[i].detector;
          bool always = false, first = false;
          for (; i < meant.size() && meant[i].detector == d; i++) {
            const Want& w = meant[i].want;
            if (w.acts & bit(Act(a)) && w.roles >> r & 1) (w.first_only ? first : always) = true;
          }
          if (always) wanted_.push_back(d);
          else if (first) firsts.push_back(d);
        }
        list.always = uint32_t(wanted_.size());
        wanted_.insert(wanted_.end(), firsts.begin(), firsts.end());
        list.end = uint32_t(wanted_.size());
      }
  for (const auto& d : detectors_) {
    if (d->ticks()) ticking_.push_back(d.get());
    bool identities = false, newcomers = false;
    for (const Want& w : d->wants()) {
      identities |= w.identities;
      newcomers |= w.newcomers;
    }
    if (identities) identity_wanted_.push_back(d.get());
    if (newcomers) newcomer_wanted_.push_back(d.get());
  }
}

HeardHost* Judge::hear(const Address& a, const Mac& m, Time now, const HeardHost*& newcomer, Former& former) {
  if (a.kind == Address::Kind::none || a.group()) return nullptr;
  HeardHost* h = hosts_->add(a);
  if (!h) {
    counters_.hosts_unkept++;
    return nullptr;
  }
  if (!h->first) {
    h->first = now;
    h->declared = site_->host_of(a);
    h->learned = memory_.host(a);
    newcomer = h;
  } else if (h->mac != m) former = {h->mac, h->last};      // a new device opens connections of its own
  h->last = now;
  h->mac = m;
  return h;
}

[[gnu::noinline]] void Judge::fill(Slot& slot, const Scene& s) {
  Conversation& c = slot.conversation;
  c.flow = s.flow;
  c.pair = pair_key(s);
  c.protocol = s.protocol;
  c.client = site_->host_of(s.client.address);
  c.server = site_->host_of(s.server.address);
  c.declared = site_->conversation(s.client, s.server, s.protocol);
  c.learned = memory_.conversation(s.client.address, s.server.address, s.protocol, s.server.port);
  slot.version = memory_.version();
  counters_.flows_resolved++;
}

[[gnu::always_inline]] inline Judge::Slot* Judge::find(uint64_t flow, uint16_t protocol) {
  const size_t at = place(flow);
  const uint64_t* const tags = tags_.data() + at;
  const uint64_t tag = tag_of(flow, protocol);
  // Which of the four is nothing that a processor could guess: without a branch. A tag stands in one of them at most.
  static_assert(ways == 4);
  const size_t way = size_t(tags[1] == tag) | size_t(tags[2] == tag) * 2 | size_t(tags[3] == tag) * 3;
  return tags[way] == tag ? slots_.data() + at + way : nullptr;
}

// In place of the one of its row that was used longest ago, its usual one where that is as good as any.
[[gnu::noinline]] Judge::Slot& Judge::begin(const Scene& s) {
  const size_t row = place(s.flow);
  size_t at = usual(s.flow, s.protocol);
  for (size_t i = row; i < row + ways; i++)
    if (slots_[i].used < slots_[at].used) at = i;
  Slot& slot = slots_[at];
  counters_.flows_forgotten += slot.conversation.flow != 0;
  slot = Slot{};
  fill(slot, s);
  tags_[at] = tag_of(s.flow, s.protocol);
  if (s.protocol != tcp_ && s.protocol != udp_)
    for (int facts : {tcp_, udp_})
      if (Slot* carrier = find(s.flow & ~against, uint16_t(facts))) carrier->conversation.spoken = uint16_t(s.protocol + 1);
  return slot;
}

[[gnu::always_inline]] inline Judge::Slot& Judge::resolve(const Scene& s, bool& first) {
  first = false;
  if (!s.flow) {
    loose_ = Slot{};
    fill(loose_, s);
    first = true;
    return loose_;
  }
  Slot* slot = slots_.data() + usual(s.flow, s.protocol);
  if ((slot->conversation.flow != s.flow || slot->conversation.protocol != s.protocol) && !(slot = find(s.flow, s.protocol))) [[unlikely]] {
    slot = &begin(s);
    first = true;
  } else if (!slot->conversation.learned && slot->version != memory_.version()) [[unlikely]] {
    fill(*slot, s);
  }
  slot->used = s.time;
  return *slot;
}

// Who asks is told by the question. Where a connection was joined in its middle and its sides were guessed wrong, or where both
// ends ask, what is said against the scene's sides is judged as a conversation of its own, the right way round.
[[gnu::noinline]] void Judge::turn(const Event& e) {
  Scene right = e.scene;
  std::swap(right.client, right.server);
  std::swap(right.client_mac, right.server_mac);
  right.from = other(right.from);
  if (right.flow) right.flow ^= against;
  see(Event{right, e.said, e.identity, e.points, e.texts});
}

void Judge::see(const Event& e) {
  const Scene& s = e.scene;
  if (e.said && (e.said->role == Role::request) != (s.from == Side::client) && !e.said->link && asks_.data()[s.protocol]) [[unlikely]] return turn(e);
  if (s.time >= undisturbed_) [[unlikely]] advance(std::max(s.time, now_));
  else now_ = std::max(s.time, now_);
  bool first;
  Slot& slot = resolve(s, first);
  Conversation& c = slot.conversation;
  HeardHost*& spoke = s.from == Side::client ? c.client_heard : c.server_heard;
  const Mac& mac = s.from == Side::client ? s.client_mac : s.server_mac;
  const HeardHost* newcomer = nullptr;
  Former former;
  if (spoke) [[likely]] {
    if (differ(spoke->mac, mac)) [[unlikely]] former = {spoke->mac, spoke->last};
    spoke->last = s.time;
    spoke->mac = mac;
  } else spoke = hear(s.speaker().address, mac, s.time, newcomer, former);
  if (s.protocol == arp_) [[unlikely]] {
    ArpWords words;
    // A claim of somebody else's address must not overwrite where that address was heard.
    if (arp_words(e, words) && words.sender.kind == Address::Kind::ip4 && !hosts_->find(words.sender)) hear(words.sender, words.sender_mac, s.time, newcomer, former);
  }

  const Context context{*site_, memory_, settings_, c, s.time, learning_, first, newcomer};
  event_ = &e;
  if (former.word) [[unlikely]] {
    HeardHost before = *spoke;
    before.mac = former.mac, before.last = former.word;
    moved(before, mac, e, context);
  }
  if (s.protocol == arp_) [[unlikely]] claimed(e, context);
  if (const uint64_t word = Inventory::word(e); (slot.words & word) != word || e.identity) [[unlikely]] {
    list(e, slot.words, context);
    slot.words |= word;
  }
  if (newcomer) [[unlikely]] {
    for (Detector* d : newcomer_wanted_) d->see(e, context, *this);
  }
  if (e.said) {
    counters_.events++;
    if (clocks_.wants(s.protocol)) clocks_.see(e);
    if (quantities_.wants(s.protocol)) quantities_.see(e, context, *this);
    const List& list = lists_.data()[(size_t(s.protocol) * act_count + size_t(e.said->act)) * roles + size_t(e.said->role)];
    Detector* const* const all = wanted_.data();
    Detector* const* const end = all + (first ? list.end : list.always);
    for (Detector* const* d = all + list.begin; d != end; d++) (*d)->see(e, context, *this);
  } else if (e.identity) {
    counters_.identities++;
    for (Detector* d : identity_wanted_) d->see(e, context, *this);
  }
  event_ = nullptr;
  if (learning_) memory_.learn(e);
}

// What is worth a look of the inventory: an identity, or a kind of sentence that this conversation had not yet.
[[gnu::noinline]] void Judge::list(const Event& e, uint64_t words, const Context& c) {
  inventory_.see(e, words, e.scene.time);
  if (learning_) return;
  for (const InventoryChange& change : inventory_.changed())
    if (auto f = inventory_finding(change, e, c)) raise(std::move(*f));
}

[[gnu::noinline]] void Judge::moved(const HeardHost& before, const Mac& mac, const Event& e, const Context& c) {
  if (!replaced(before, mac, e, c, inventory_)) return;
  inventory_.moved(before.address, before.mac, mac, e.scene.time);
  if (learning_) return;
  for (const InventoryChange& change : inventory_.changed())
    if (auto f = inventory_finding(change, e, c)) raise(std::move(*f));
}

// Whoever was replaced is heard by ARP first: that is looked at before the new card counts as the address's own.
[[gnu::noinline]] void Judge::claimed(const Event& e, const Context& c) {
  ArpWords words;
  if (!arp_words(e, words) || words.sender.kind != Address::Kind::ip4) return;
  if (const HeardHost* h = hosts_->find(words.sender); h && h->mac != words.sender_mac) moved(*h, words.sender_mac, e, c);
  inventory_.claimed(words.sender, words.sender_mac, e.scene.time);
}

const Inventory& Judge::inventory() {
  for (const HeardHost& h : hosts_->table)
    if (h.first) inventory_.spoke(h.address, h.last);
  return inventory_;
}

void Judge::remember(Inventory kept) {
  inventory_ = std::move(kept);
  guard_inventory();
}

// What is declared keeps its place when many addresses come, and who speaks all the time is not among the silent.
void Judge::guard_inventory() {
  inventory_.last_word = [this](const Address& a) -> Time {
    if (site_->host_of(a)) return Inventory::for_good;
    const HeardHost* h = hosts_->find(a);
    return h ? h->last : 0;
  };
}

void Judge::watch() {
  if (learning_) memory_.learning.ended = now_;
  learning_ = false;
  for (HeardHost& h : hosts_->table)
    if (h.address.kind != Address::Kind::none) h.learned = memory_.host(h.address);
}

// Ticks fall on whole tenths of the traffic's second, wherever the time comes from: a replay ticks as the wire did.
void Judge::advance(Time now) {
  now_ = now;
  if (learning_) {
    Time& begun = memory_.learning.begun;
    if (!begun || begun > now) begun = now;
    else if (settings_.learn_for && now - begun >= settings_.learn_for) watch();
  }
  const Time due = now / tick_period * tick_period;
  if (!learning_) undisturbed_ = due + tick_period;
  if (due <= ticked_) [[likely]] return;
  // After a long silence the ticks in between would all say the same.
  Time at = ticked_ && due - ticked_ <= 100 * tick_period ? ticked_ + tick_period : due;
  static const Conversation nobody;
  for (; at <= due; at += tick_period) {
    const Context context{*site_, memory_, settings_, nobody, at, learning_};
    for (Detector* d : ticking_) d->tick(context, *this);
  }
  ticked_ = due;
  if (due / (10 * second) == voted_ / (10 * second)) return;   // at the same times, whenever the first word came
  voted_ = due;
  clocks_.agree(due);
  clock_votes_.tick(clocks_, Context{*site_, memory_, settings_, nobody, due, learning_}, *this);
  for (const ClockVotes::Right& r : clock_votes_.take_right()) memory_.add_clock(r.talker, r.clock);
}

void Judge::tick(Time now) {
  if (now > now_) advance(now);
}

void Judge::finish(Time now) {
  tick(now);
  static const Conversation nobody;
  const Context context{*site_, memory_, settings_, nobody, now_, learning_};
  clocks_.agree(now_);
  for (const auto& d : detectors_) d->finish(context, *this);
}

void Judge::raise(Finding&& f) {
  const Policy& policy = policies_[index_of(f.detection->under ? *f.detection->under : *f.detection)];
  if (policy.off) return;
  if (policy.severity) f.severity = policy.severity;
  const HostId source = site_->host_of(f.source.address), target = site_->host_of(f.target.address);
  if (f.difference) [[unlikely]]
    if (const HostId device = f.device ? f.device : source; site_->unreviewed(device)) return keep_silent(f, site_->host(device));
  if (target && !policy.severity && f.severity >= 3) f.severity = uint8_t(f.severity + site_->host(target).criticality);
  f.severity = std::clamp<uint8_t>(f.severity, 1, 5);
  // Works may be confined to acts. What is found later, or of others than of those who speak now, brings its own.
  if (f.act == Act::other && event_ && event_->said && f.scene.frame == event_->scene.frame && f.scene.flow == event_->scene.flow) f.act = event_->said->act;
  if (const Window* w = site_->window(f.scene.time, source, target, f.bay, f.act)) {
    f.in_window = true;
    f.severity = std::min<uint8_t>(f.severity, 2);
    f.expected += (f.expected.empty() ? "" : " ") + std::string("Inside the works ") + w->name + (w->permit.empty() ? "" : ", permit " + w->permit) + ".";
    counters_.in_window++;
    for (const auto& d : detectors_) d->softened(*w, f);
  }
  if (const uint64_t flow = f.scene.flow & ~against) hosts_->told[key_of(flow, 0) & 1023] = flow;
  if (f.scene.flow && !about_novelty(*f.detection)) {
    const uint64_t key = pair_of(f.scene.client.address, f.scene.server);
    hosts_->pairs[key & 1023] = {key, f.scene.time};
  }
  if (event_ && obeyed_though_broken(*event_) && f.scene.frame == event_->scene.frame && !about_form(*f.detection))
    f.what += " The request breaks the protocol's rules; many devices obey it all the same.";
  const ClockAgreement& agreed = clocks_.agreement();
  f.clock_error = agreed.error, f.clock = name_of(agreed.by);
  counters_.findings++;
  sink_.found(std::move(f));
}

void Judge::keep_silent(const Finding& f, const SiteHost& device) {
  counters_.unreviewed++;
  const uint64_t key = key_of(key_of(text_key(device.name), index_of(*f.detection)), key_of(f.cause, key_of(key_of(f.source.address), text_key(f.station))));
  if (const auto at = unreviewed_at_.find(key); at != unreviewed_at_.end()) {
    SilentDifference& d = unreviewed_[at->second];
    d.last = f.scene.time, d.times += f.weight;
    return;
  }
  if (unreviewed_.size() >= SilentDifference::most) return void(counters_.unreviewed_unkept++);
  unreviewed_at_.emplace(key, unreviewed_.size());
  unreviewed_.push_back({device.name, f.detection, f.what, f.expected, f.scene.time, f.scene.time, f.weight, key, print_of(device, *f.detection)});
}

bool Judge::told(uint64_t flow) const {
  flow &= ~against;
  return hosts_->told[key_of(flow, 0) & 1023] == flow;
}
bool Judge::told(const Address& client, const Endpoint& server) const {
  const uint64_t key = pair_of(client, server);
  const Hosts::Pair& p = hosts_->pairs[key & 1023];
  return p.key == key && now_ - p.at <= 10 * minute;
}
const HeardHost* Judge::heard(const Address& a) const { return hosts_->find(a); }

}  // namespace vidra
