// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/receiving_end.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "daemon/link/socket.h"

namespace vidra {

namespace {
constexpr int64_t second = 1'000'000'000;
constexpr size_t streams_most = 256, remembered = 1024, gaps_most = 1024, clones_most = 64;
constexpr size_t heads_most = 4096;           // lanes of epochs of one sensor, over all time
constexpr double greetings_a_second = 8;

// Whether one of these ranges, in order and none touching another, has all of `r` in it.
bool covered(const std::vector<Range>& ranges, Range r) {
  const auto after = std::ranges::upper_bound(ranges, r.from, {}, &Range::from);
  return after != ranges.begin() && std::prev(after)->to >= r.to;
}

// A thing that a peer can bring about as often as it likes is told once a minute.
bool rarely(int64_t& last) {
  const int64_t now = monotonic_now();
  if (last && now - last < 60 * second) return false;
  last = now;
  return true;
}
}  // namespace

std::shared_ptr<const ReceivingEnd::Table> ReceivingEnd::keys_now() const {
  std::lock_guard lock(mutex);
  return table;
}

void ReceivingEnd::refresh(KnownKeys& known) {
  auto fresh = std::make_shared<Table>();
  for (KnownKey& k : known.all()) fresh->emplace(k.curve, std::move(k));
  std::lock_guard lock(mutex);
  table = std::move(fresh);
}

void ReceivingEnd::journal_turn(std::deque<Job>& jobs, KnownKeys& known) {
  if (pausing && monotonic_now() - asked_ > second) {
    asked_ = monotonic_now();
    if (journal.ready()) pausing = false;
  }
  if (was_pausing_ && !pausing) finish({"", "", Done::What::rewind, {}, {}, "", {}});
  const auto pause = [&](const std::string& key, const std::string& sensor, const char* why) {
    if (!pausing) events.happened(Kind::journal_failed, sensor, why);
    pausing = true;
    asked_ = monotonic_now();
    if (holed_.insert(key).second) finish({key, "", Done::What::rewind, {}, {}, "", {}});
  };
  std::map<std::pair<std::string, StreamKey>, ChainHead> taken;
  const auto settle = [&] {
    if (taken.empty()) return;
    const bool good = journal.durable();
    syncs++;
    std::map<std::string, Done> news;
    for (auto& [at, head] : taken) {
      Done& d = news[at.first];
      d.key = at.first;
      d.heads.push_back(head);
    }
    taken.clear();
    for (auto& [key, d] : news)
      if (good) finish(std::move(d));
      else pause(key, "", "the journal could not be made durable; nothing of it was acknowledged, it will come again");
  };
  for (Job& j : jobs) {
    j.waiting->fetch_sub(j.octets, std::memory_order_relaxed);
    if (j.hello) {
      settle();   // WELCOME tells what is durable: all that came before counts
      greet(j, known);
      holed_.erase(j.key);
      continue;
    }
    if (holed_.contains(j.key)) continue;
    const Arrival a{j.header, j.header_bytes, j.body, j.received, j.probation, j.key};
    if (!pausing && journal.intake(a)) taken[{j.key, {j.header.epoch, j.header.lane}}] = {j.header.epoch, j.header.lane, j.header.seq, j.header.self};
    else pause(j.key, uuid_text(j.header.sensor), "the journal takes nothing now; sensors are asked to wait and keep their records");
  }
  settle();
  was_pausing_ = pausing;
}

void ReceivingEnd::greet(Job& j, KnownKeys& known) {
  Done d;
  d.key = j.key, d.route = j.route, d.id = j.header.sensor;
  const std::string sensor = uuid_text(j.header.sensor);
  SignPublic sign;
  if (!parse_hex(j.said.sign_key, sign) || !known.bind(j.key, sensor, j.said.sign_key, j.said.name)) {
    d.what = Done::What::refused;
    d.text = fmt::format("this key does not speak for sensor {} (it, or the sensor, is tied to another)", sensor);
  } else {
    d.what = Done::What::greeting;
    d.heads = journal.heads(j.header.sensor);
  }
  d.said = std::move(j.said);
  finish(std::move(d));
}

void ReceivingEnd::finish(Done&& d) {
  {
    std::lock_guard lock(mutex);
    done.push_back(std::move(d));
  }
  wake();
}

void ReceivingEnd::push(Job&& j) {
  std::lock_guard lock(queue_mutex);
  queue.push_back(std::move(j));
  queue_wake.notify_one();
}

bool ReceivingEnd::control(const std::string& route, const SensorId& id, MessageType type, const std::string& body) {
  return send(route, control_header(type, id, body), bytes_of(body));
}
// A NOTE, at most four a second to one connection: a peer that does not listen gets no stream of them.
void ReceivingEnd::note(const std::string& route, const SensorId& id, NoteCode code, const std::string& text) {
  const int64_t now = monotonic_now();
  if (noted.size() > 4096) noted.clear();
  int64_t& last = noted[route];
  if (now - last < second / 4) return;
  last = now;
  control(route, id, MessageType::note, body_of(Note{code, text}));
}

void ReceivingEnd::on_message(std::vector<std::vector<uint8_t>>& f, size_t n, const std::string& user) {
  messages++;
  if (n < 1 || user.empty()) { unauthorised++; return; }   // a connection that nobody has authenticated
  const std::string route(text_of(Bytes(f[0])));
  const auto known = now_table->find(user);
  Header h;
  const HeaderFlaw flaw = n == 3 ? check(f[1], f[2], h) : HeaderFlaw::size;
  if (known == now_table->end() || known->second.state == KeyState::revoked || known->second.state == KeyState::suspended || known->second.state == KeyState::pending) {
    unauthorised++;
    // ZAP is asked once per connection: what was revoked since is stopped here.
    const KeyState s = known == now_table->end() ? KeyState::revoked : known->second.state;
    note(route, h.sensor, s == KeyState::revoked ? NoteCode::revoked : s == KeyState::suspended ? NoteCode::suspended : NoteCode::pending_approval,
         fmt::format("the key is {}", name_of(s)));
    if (const auto p = peers.find(user); p != peers.end()) p->second.greeted = false, p->second.link.refused++, p->second.link.connected = false;
    return;
  }
  Peer& p = peers[user];
  p.key = user;
  p.link.key = user, p.link.state = known->second.state, p.link.address = known->second.address;
  if (flaw != HeaderFlaw::none) {
    bad++, p.link.bad++;
    return;
  }
  if ((h.type == MessageType::hello || h.type == MessageType::bye) && !may_greet(p)) {
    p.link.refused++;
    return note(route, h.sensor, NoteCode::over_quota, "more greetings than this collector takes from one sensor in a second");
  }
  if (h.type == MessageType::hello) return on_hello(p, route, h, f[2]);
  if (p.route != route || !p.greeted) {
    if (h.seq || h.type == MessageType::ping) note(route, h.sensor, NoteCode::hello_first, "say HELLO first");
    return;
  }
  if (h.sensor != p.id) {
    p.link.refused++;
    note(route, h.sensor, NoteCode::identity, "another sensor's id");
    return;
  }
  p.heard = monotonic_now();
  p.link.last_heard = wall_now();
  if (h.seq) return on_record(p, h, f);
  switch (h.type) {
    case MessageType::ping: {
      Ping ping;
      if (!read(f[2], ping)) { bad++, p.link.bad++; break; }
      if (!ping.answer) {
        ping.answer = true;
        ping.t2 = ping.t3 = wall_now();
        p.link.clock_offset = difference(ping.t2, ping.t1);
        control(route, p.id, MessageType::ping, body_of(ping));
      }
      break;
    }
    case MessageType::bye: {
      Bye bye;
      read(f[2], bye);
      p.link.connected = p.greeted = false;
      p.route.clear();
      events.happened(Kind::bye, p.link.sensor, fmt::format("says good-bye: {}", bye.reason));
      break;
    }
    case MessageType::note: break;
    default: note(route, p.id, NoteCode::unsupported, fmt::format("message type {} is not known here", unsigned(h.type)));
  }
}

bool ReceivingEnd::may_greet(Peer& p) {
  const int64_t now = monotonic_now();
  if (!p.greeted_at) p.greetings = greetings_a_second;
  else p.greetings = std::min(greetings_a_second, p.greetings + greetings_a_second * double(now - p.greeted_at) / double(second));
  p.greeted_at = now;
  if (p.greetings < 1) return false;
  p.greetings--;
  return true;
}

// What the journal's end keeps of each lane of each epoch it keeps for good: of one sensor there is an end to that.
bool ReceivingEnd::too_many_epochs(Peer& p, const StreamKey& at) {
  if (p.heads.size() < heads_most || p.heads.contains(at)) return false;
  p.link.refused++;
  if (rarely(p.told_epochs))
    events.happened(Kind::over_quota, p.link.sensor,
                    fmt::format("it has begun {} lanes of epochs, and no more are kept of one sensor: what it holds of newer ones is not taken, and waits there. Its outbox is torn at each start "
                                "(there: vidra doctor; dmesg), or it invents them. To hear it again, with keys of its own: there, mv /var/lib/vidra/sensor.keys{{,.old}}, start it, and here: vidra keys",
                                p.heads.size()));
  return true;
}

void ReceivingEnd::on_hello(Peer& p, const std::string& route, const Header& h, Bytes body) {
  Hello said;
  if (!read(body, said) || said.protocol_from > 1 || said.protocol_to < 1) {
    bad++, p.link.bad++;
    note(route, h.sensor, NoteCode::unsupported, "HELLO cannot be read, or no common version (here: 1)");
    return;
  }
  // One that was said before the newest is read late: a connection of before had it. Unless it is of the same run, and nothing has come
  // for long: a machine put back to what it was some time ago knows no better.
  if (said.boot_id == p.boot && h.mono_ns < p.said_at && (said.instance != p.instance || monotonic_now() - p.heard < 3 * settings.heartbeat))
    return note(route, h.sensor, NoteCode::hello_first, "say HELLO again");
  const uint64_t octets = header_size + body.size();
  if (p.waiting->load(std::memory_order_relaxed) + octets > settings.sensor_bytes) return note(route, h.sensor, NoteCode::over_quota, "more than this collector takes from one sensor at a time");
  if (p.clones.contains(said.instance)) return note(route, h.sensor, NoteCode::clone, "two sensors live with one identity; this one was the second");
  if (!p.instance.empty() && p.instance != said.instance) {
    if (const auto former = p.superseded.find(said.instance); former != p.superseded.end()) {
      // What it said before it went may be read behind its successor's HELLO: on its old connection only what it says later counts.
      Peer::Former& f = former->second;
      const int64_t now = monotonic_now();
      if (f.route == route && (!f.spoke || now - f.spoke < settings.heartbeat / 4)) {
        if (!f.spoke) f.spoke = now;
        return note(route, h.sensor, NoteCode::hello_first, "say HELLO again");
      }
      // A restarted sensor never comes back as what it was: both are alive. The first keeps its place.
      if (p.clones.size() >= clones_most) p.clones.erase(p.clones.begin());
      p.clones.insert(p.instance);
      note(p.route, p.id, NoteCode::clone, "two sensors live with one identity; this one was the second");
      if (rarely(p.told_clone)) events.happened(Kind::clone, uuid_text(h.sensor), fmt::format("two sensors live with one key ({}); the second is refused: find it, and give it keys of its own",
                                                                    fingerprint_of_z85(p.key)));
      p.superseded.erase(said.instance);
    } else {
      if (p.superseded.size() > 64) p.superseded.clear();
      p.superseded[p.instance] = {p.route, 0};
    }
  }
  p.instance = said.instance, p.boot = said.boot_id, p.said_at = h.mono_ns;
  p.route = route, p.claimed = h.sensor;
  p.greeted = false;   // until WELCOME is sent
  Job j;
  j.key = p.key, j.route = route, j.hello = true, j.header = h, j.said = std::move(said);
  j.octets = octets, j.waiting = p.waiting;
  p.waiting->fetch_add(octets, std::memory_order_relaxed);
  push(std::move(j));
}

void ReceivingEnd::on_record(Peer& p, const Header& h, std::vector<std::vector<uint8_t>>& f) {
  if (pausing) p.rewinding = true;
  if (p.rewinding) return;   // drained; it will come again after the next HELLO
  const StreamKey at{h.epoch, h.lane};
  if (!p.streams.contains(at)) {
    if (p.streams.size() >= streams_most || too_many_epochs(p, at)) return note(p.route, p.id, NoteCode::over_quota, "too many epochs");
    if (const auto head = p.heads.find(at); head != p.heads.end()) p.streams[at] = at_head(head->second);
  }
  Stream& s = p.streams[at];
  const int64_t now = monotonic_now();
  if (h.seq <= s.received) {
    duplicates++, p.link.duplicates++;
    for (const auto& [seq, self] : s.recent)
      if (seq == h.seq && self != h.self) return diverged(p, h);
    to_acknowledge[p.key].push_back(at);
    return;
  }
  if (h.seq == s.received + 1 && ((s.last_known && h.prev != s.last) || (h.seq == 1 && h.prev != Hash{}))) return diverged(p, h);
  if (now - p.second_began >= second) p.second_began = now, p.this_second = 0;
  const uint64_t octets = header_size + f[2].size();
  if (++p.this_second > settings.sensor_records_per_second || p.waiting->load(std::memory_order_relaxed) + octets > settings.sensor_bytes) {
    p.rewinding = p.link.paused = true;
    acknowledge(p, true);
    note(p.route, p.id, NoteCode::over_quota, "more than this collector takes from one sensor at a time");
    if (rarely(p.told_quota)) events.happened(Kind::over_quota, p.link.sensor, "sends more than its quota; asked to wait");
    return;
  }
  if (h.seq > s.received + 1) {
    const Range r{s.received + 1, h.seq - 1};
    p.link.gaps += r.count();
    if (!covered(declared(p, at), r) && s.open_gaps.size() < gaps_most) {
      if (s.open_gaps.empty()) s.open_since = now;
      s.open_gaps.push_back(r);
    }
  }
  if (h.type == MessageType::gap) on_gap(p, f[2]);
  if (h.type == MessageType::checkpoint) on_checkpoint(p, f[2]);
  s.received = h.seq, s.last = h.self, s.last_known = true;
  s.recent.emplace_back(h.seq, h.self);
  if (s.recent.size() > remembered) s.recent.pop_front();
  records++, p.link.records++, p.link.bytes += octets;
  Job j;
  j.key = p.key, j.header = h, j.body = std::move(f[2]), j.received = wall_now();
  std::copy_n(f[1].begin(), header_size, j.header_bytes.begin());
  j.probation = p.link.state == KeyState::probation;
  j.octets = octets, j.waiting = p.waiting;
  p.waiting->fetch_add(octets, std::memory_order_relaxed);
  push(std::move(j));
}

// The same number, or the same predecessor, with other content: a copy of the sensor, or a disk that forgot.
void ReceivingEnd::diverged(Peer& p, const Header& h) {
  p.link.refused++;
  note(p.route, p.id, NoteCode::diverged, fmt::format("epoch {} lane {} number {} does not continue what is here", h.epoch, h.lane, h.seq));
  if (rarely(p.told_diverged))
    events.happened(Kind::diverged, p.link.sensor, fmt::format("{} does not continue the chain that is here: a cloned or restored sensor; it is refused", record_id(h)));
}

std::vector<Range> ReceivingEnd::declared(const Peer& p, const StreamKey& at) {
  std::vector<Range> all, joined;
  for (const auto& [key, r] : p.declared)
    if (key == at) all.push_back(r);
  std::ranges::sort(all, {}, &Range::from);
  for (const Range& r : all)
    if (joined.empty() || r.from - 1 > joined.back().to) joined.push_back(r);
    else joined.back().to = std::max(joined.back().to, r.to);
  return joined;
}

void ReceivingEnd::on_gap(Peer& p, Bytes body) {
  Gap g;
  if (!read(body, g)) return;
  // How much that is its sensor does not know.
  const std::string_view more = g.classes.contains("unreadable lane")     ? ", and all that follows there, which the sensor cannot read"
                                : g.classes.contains("unreadable cursor") ? ", and what had gone there before, which the sensor cannot know any more"
                                                                          : "";
  events.happened(Kind::gap, p.link.sensor, fmt::format("lost {} in lane {}: {}{}", g.from ? fmt::format("{} records ({} to {})", g.to - g.from + 1, g.from, g.to) : "records that had no number yet",
                                                        g.lane, g.reason, more));
  if (!g.from) return;
  if (p.declared.size() >= gaps_most) p.declared.erase(p.declared.begin());
  p.declared.emplace_back(StreamKey{g.epoch, g.lane}, Range{g.from, g.to});
  if (const auto s = p.streams.find({g.epoch, g.lane}); s != p.streams.end())
    std::erase_if(s->second.open_gaps, [named = declared(p, s->first)](const Range& r) { return covered(named, r); });
}

void ReceivingEnd::on_checkpoint(Peer& p, Bytes body) {
  p.link.checkpoints++;
  Checkpoint c;
  bool good = read(body, c) && verify(p.id, c, p.sign);
  if (good)
    for (const ChainHead& head : c.heads)
      if (const auto s = p.streams.find({head.epoch, head.lane}); s != p.streams.end())
        for (const auto& [seq, self] : s->second.recent)
          if (seq == head.seq && self != head.self) good = false;
  if (!good) events.happened(Kind::bad_checkpoint, p.link.sensor, "a checkpoint's signature or heads do not fit its records");
}

ReceivingEnd::Stream ReceivingEnd::at_head(const ChainHead& head) {
  Stream s;
  s.received = s.durable = head.seq, s.last = head.self, s.last_known = true;
  return s;
}

StreamState ReceivingEnd::state_of(const StreamKey& at, const Stream& s, bool stop) const {
  StreamState v;
  v.epoch = at.first, v.lane = at.second, v.durable = s.durable;
  v.credit = stop || pausing ? 0 : settings.credit;
  return v;
}

void ReceivingEnd::acknowledge(Peer& p, bool stop) {
  Ack a;
  for (const auto& [at, s] : p.streams) a.streams.push_back(state_of(at, s, stop));
  if (control(p.route, p.id, MessageType::ack, body_of(a))) acks++;
}

void ReceivingEnd::on_done(Done& d) {
  if (d.key.empty()) {
    for (auto& [key, p] : peers)
      if (!p.route.empty()) p.rewinding = true, noted.erase(p.route), note(p.route, p.id, NoteCode::rewind, "records are taken again");
    return;
  }
  Peer& p = peers.at(d.key);
  switch (d.what) {
    case Done::What::refused:
      if (p.route == d.route) p.route.clear();
      p.link.refused++;
      noted.erase(d.route);
      note(d.route, d.id, NoteCode::identity, d.text);
      if (rarely(p.told_refused)) events.happened(Kind::refused, uuid_text(d.id), d.text);
      break;
    case Done::What::greeting: {
      if (p.route != d.route) break;   // it has come again since
      p.id = d.id;
      parse_hex(d.said.sign_key, p.sign);
      p.link.sensor = uuid_text(d.id);
      p.link.name = d.said.name, p.link.site = d.said.site, p.link.software = d.said.software;
      std::map<StreamKey, Stream> fresh;
      Welcome w;
      w.software = settings.software, w.contact = settings.contact, w.wall_ns = wall_now();
      w.attempt = d.said.attempt;
      p.heads.clear();
      for (const ChainHead& head : d.heads) p.heads[{head.epoch, head.lane}] = head;
      // Of all that it ever had, only what it holds now: the journal may know of more epochs than a message can name.
      for (const StreamState& held : d.said.streams) {
        const StreamKey key{held.epoch, held.lane};
        if (fresh.contains(key) || too_many_epochs(p, key)) continue;
        const auto head = p.heads.find(key);
        const Stream& s = fresh[key] = head == p.heads.end() ? Stream{} : at_head(head->second);
        w.streams.push_back(state_of(key, s, false));
      }
      for (auto& [key, s] : fresh)
        if (const auto old = p.streams.find(key); old != p.streams.end()) s.recent = std::move(old->second.recent), s.open_gaps = std::move(old->second.open_gaps), s.open_since = old->second.open_since;
      for (auto& [key, s] : fresh)   // what was heard and not kept may come again, differently
        while (!s.recent.empty() && s.recent.back().first > s.durable) s.recent.pop_back();
      p.streams = std::move(fresh);
      p.greeted = control(p.route, p.id, MessageType::welcome, body_of(w));
      p.rewinding = false;
      p.heard = monotonic_now();
      p.link.paused = pausing;
      p.link.last_heard = wall_now();
      if (!p.link.connected) {
        p.link.connected_since = p.link.last_heard;
        p.link.connected = true;
        publish();   // who is told of it may ask who that is
        events.happened(Kind::connected, p.link.sensor, fmt::format("connected{}{}", p.link.name.empty() ? "" : " as ", p.link.name));
      }
      break;
    }
    case Done::What::durable:
      for (const ChainHead& head : d.heads) {
        const auto stream = p.streams.find({head.epoch, head.lane});
        if (stream == p.streams.end()) continue;
        Stream& s = stream->second;
        durable += head.seq > s.durable ? head.seq - s.durable : 0;
        s.durable = std::max(s.durable, head.seq);
        s.received = std::max(s.received, head.seq);
        to_acknowledge[p.key].push_back({head.epoch, head.lane});
      }
      break;
    case Done::What::rewind:
      p.rewinding = p.link.paused = true;
      acknowledge(p, true);
      if (!pausing) noted.erase(p.route), note(p.route, p.id, NoteCode::rewind, "records were not taken; say HELLO again");
      break;
  }
}

void ReceivingEnd::tick() {
  const int64_t now = monotonic_now();
  for (auto& [key, p] : peers) {
    if (p.rewinding && !pausing && p.waiting->load(std::memory_order_relaxed) < settings.sensor_bytes / 4 && !p.route.empty())
      note(p.route, p.id, NoteCode::rewind, "records are taken again");
    if (p.link.connected && now - p.heard > 3 * settings.heartbeat) {
      p.link.connected = false;
      events.happened(Kind::silent, p.link.sensor, fmt::format("not heard for {} s, and it did not say good-bye", (now - p.heard) / second));
    }
    for (auto& [at, s] : p.streams)
      if (!s.open_gaps.empty() && now - s.open_since > 2 * settings.heartbeat) {
        for (const Range& r : s.open_gaps) p.link.undeclared += r.count();
        events.happened(Kind::undeclared_gap, p.link.sensor, fmt::format("lane {} of epoch {}: {} to {} never came and no GAP record names them", at.second, at.first,
                                                                         s.open_gaps.front().from, s.open_gaps.back().to));
        s.open_gaps.clear();
      }
  }
}

void ReceivingEnd::publish() {
  ReceiverStatus now;
  now.messages = messages, now.records = records, now.durable = durable, now.duplicates = duplicates, now.unauthorised = unauthorised, now.bad = bad, now.acks = acks;
  now.knocks = knocks, now.rejected_handshakes = rejected, now.syncs = syncs, now.pausing = pausing;
  for (const auto& [key, p] : peers) {
    now.sensors.push_back(p.link);
    for (const auto& [at, s] : p.streams) now.sensors.back().durable.push_back({at.first, at.second, s.durable, s.last});
  }
  std::lock_guard lock(mutex);
  status = std::move(now);
}

void ReceivingEnd::begin_turn() {
  std::deque<Done> news;
  {
    std::lock_guard lock(mutex);
    news.swap(done);
    now_table = table;
  }
  for (Done& d : news) on_done(d);
}

void ReceivingEnd::end_turn() {
  for (auto& [key, list] : to_acknowledge)
    if (Peer& p = peers.at(key); !p.route.empty() && p.greeted && !p.rewinding) {
      std::ranges::sort(list);
      list.erase(std::unique(list.begin(), list.end()), list.end());
      Ack a;
      for (const StreamKey& at : list) a.streams.push_back(state_of(at, p.streams[at], false));
      if (control(p.route, p.id, MessageType::ack, body_of(a))) acks++;
    }
  to_acknowledge.clear();
  const int64_t now = monotonic_now();
  if (now - ticked > std::min(settings.heartbeat / 4, second)) ticked = now, tick();
  if (now - published > second / 20) published = now, publish();
}

void ReceivingEnd::farewell() {
  Ping ping;
  ping.t1 = wall_now();
  for (auto& [key, p] : peers)
    if (!p.route.empty() && control(p.route, p.claimed, MessageType::bye, body_of(Bye{"the collector stops"})) && control(p.route, p.claimed, MessageType::ping, body_of(ping)))
      told_farewell_.insert(p.route);
}

void ReceivingEnd::after_farewell(std::vector<std::vector<uint8_t>>& f, size_t n) {
  Header h;
  Ping ping;
  if (n == 3 && check(f[1], f[2], h) == HeaderFlaw::none && h.type == MessageType::ping && read(f[2], ping) && ping.answer) told_farewell_.erase(std::string(text_of(Bytes(f[0]))));
}

}  // namespace vidra
