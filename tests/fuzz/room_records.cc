// SPDX-License-Identifier: Apache-2.0
// What lies on the disks and travels on the link.
#include <sodium.h>

#include <optional>

#include "daemon/link/keys.h"
#include "daemon/link/receiving_end.h"
#include "daemon/link/sending_end.h"
#include "tests/fuzz/room.h"
#include "tests/support/faulty_storage.h"

namespace vidra::fuzz {
namespace {

LogSettings log_settings() {
  LogSettings s;
  s.directory = "/log", s.segment_bytes = 4'096, s.epoch = 7, s.lane = 1;
  for (uint8_t i = 0; i < 16; i++) s.sensor[i] = i;
  return s;
}
HeaderBytes header(MessageType type, uint64_t number, const Hash& prev, const std::string& body, Hash* self = nullptr) {
  Header h;
  h.type = type, h.lane = 1, h.sensor = log_settings().sensor, h.epoch = 7, h.seq = number, h.wall_ns = 1'795'000'000'000'000'000, h.prev = prev;
  seal(h, bytes_of(body));
  if (self) *self = h.self;
  return encode(h);
}
// A log of three records: where its segment lies, and what is in it.
std::pair<std::string, Input> segment() {
  static const auto one = [] {
    FaultyStorage disk;
    Log log(disk, log_settings());
    demand(log.open() == 0, "a log opens");
    Hash prev{};
    for (uint64_t n = 1; n <= 3; n++) {
      const std::string body = "{\"n\":" + std::to_string(n) + "}";
      const HeaderBytes h = header(MessageType::alert, n, prev, body, &prev);
      log.append(MessageType::alert, h, bytes_of(body), 1'795'000'000'000'000'000);
    }
    demand(log.sync() == 0, "a log is synced");
    for (const std::string& path : disk.paths())
      if (path.starts_with("/log/")) return std::pair(path, disk.octets(path));
    demand(false, "a log has a segment");
    std::abort();
  }();
  return one;
}

}  // namespace

void play_segment(Bytes input) {
  FaultyStorage disk;
  disk.put(segment().first, {input.begin(), input.end()});
  Log log(disk, log_settings());
  if (log.open()) return;                        // another's: not touched
  const uint64_t next = log.next();
  LogReader reader(disk, log, log.first());
  LogEntry e;
  Range missing;
  uint64_t last = 0;
  for (size_t n = 0;; n++) {
    demand(n <= input.size() + 16, "reading ends");
    const auto found = reader.next(e, missing);
    if (found == LogReader::Found::nothing) break;
    demand(found != LogReader::Found::trouble, "a disk that is well is no trouble");
    if (found == LogReader::Found::missing) {
      demand(missing.from <= missing.to && missing.from > last, "what is missing goes on");
      last = missing.to;
      continue;
    }
    demand(e.number > last && e.payload.size() <= max_entry, "numbers go on");
    last = e.number;
  }
  demand(last < next, "nothing behind the end");
  // It goes on, and what is written now is read.
  const std::string body = "{\"new\":true}";
  const uint64_t number = log.append(MessageType::alert, header(MessageType::alert, next, {}, body), bytes_of(body));
  demand(number == next && log.sync() == 0, "it goes on");
  LogReader again(disk, log, number);
  demand(again.next(e, missing) == LogReader::Found::entry && text_of(e.body()) == body, "what is written is read");
}
std::vector<Input> segment_seeds() {
  const Input whole = segment().second;
  Input torn(whole.begin(), whole.end() - 30), twice = whole;
  twice.insert(twice.end(), whole.begin() + long(segment_header_size), whole.end());
  return {whole, torn, twice, Input(whole.begin(), whole.begin() + long(segment_header_size))};
}

void play_record(Bytes input) {
  Header h;
  const Bytes head = input.first(std::min(input.size(), header_size)), rest = input.subspan(head.size());
  if (check(head, rest, h) == HeaderFlaw::none) {
    const HeaderBytes again = encode(h);
    demand(std::equal(again.begin(), again.end(), head.begin()), "a header is written as it was read");
  }
  if (decode(head, h) == HeaderFlaw::none) (void)record_id(h);
  // A body may be anything; the first octet of the input says of which message.
  (void)modest(input);
  (void)detection_in(input);
  const auto both = [&]<class T>(T said) {
    if (!read(input, said)) return;
    T again;
    const std::string text = body_of(said);
    demand(read(bytes_of(text), again) && body_of(again) == text, "what was read is written and read again");
  };
  both(Hello{}), both(Welcome{}), both(Note{}), both(Ack{}), both(Gap{}), both(Ping{}), both(Bye{}), both(Checkpoint{});
}
std::vector<Input> record_seeds() {
  std::vector<Input> out;
  const auto add = [&](const std::string& body) { out.push_back({body.begin(), body.end()}); };
  Hello hello;
  hello.instance = "00", hello.name = "sensor", hello.streams = {{7, 1, 1, 9, 0, 0}};
  Welcome welcome;
  welcome.streams = {{7, 1, 0, 0, 9, 256}};
  Gap gap;
  gap.epoch = 7, gap.lane = 1, gap.from = 2, gap.to = 5, gap.reason = "evicted", gap.classes["alert"] = 4, gap.detections["NET-15"] = 1;
  add(body_of(hello)), add(body_of(welcome)), add(body_of(Note{NoteCode::rewind, "again"})), add(body_of(Ack{welcome.streams})), add(body_of(gap)), add(body_of(Ping{true, 1, 2, 3})), add(body_of(Bye{"stops"}));
  add(R"({"rule":{"id":"NET-15"},"detection":"NET-15"})");
  const std::string body = "{\"n\":1}";
  const HeaderBytes h = header(MessageType::alert, 1, {}, body);
  Input whole(h.begin(), h.end());
  whole.insert(whole.end(), body.begin(), body.end());
  out.push_back(whole);
  return out;
}

namespace {

struct Kept final : Journal {
  std::vector<ChainHead> heads(const SensorId&) override { return {durable_head}; }
  bool intake(const Arrival& a) override {
    taken++;
    last = {a.header.epoch, a.header.lane, a.header.seq, a.header.self};
    return taken % 64 != 0;
  }
  bool durable() override { return durable_head = last, taken % 7 != 0; }
  ChainHead durable_head{7, 1, 0, {}}, last{7, 1, 0, {}};
  uint64_t taken = 0;
};
struct Deaf final : ReceiverEvents {
  void happened(Kind, const std::string&, const std::string&) override {}
};
struct Collector final : ReceivingEnd {
  using ReceivingEnd::ReceivingEnd;
  bool send(const std::string&, Bytes h, Bytes b) override {
    Header header;
    demand(check(h, b, header) == HeaderFlaw::none, "what is said is sealed");
    return true;
  }
  void wake() override {}
};
struct Sensor final : SendingEnd {
  using SendingEnd::SendingEnd;
  int send(Bytes h, Bytes b) override {
    Header header;
    demand(check(h, b, header) == HeaderFlaw::none, "what is said is sealed");
    return ++said % 50 == 0 ? EAGAIN : 0;
  }
  uint64_t said = 0;
};

ReceiverSettings receiver_settings() {
  ReceiverSettings s;
  s.sensor_bytes = 64 << 10;
  return s;
}
struct CollectorSide {
  explicit CollectorSide(KnownKeys& known) { end.refresh(known); }
  Kept journal;
  Deaf events;
  ReceiverSettings settings = receiver_settings();
  Collector end{journal, events, settings};
};
struct SensorSide {
  explicit SensorSide(const Keys& keys) : outbox(disk, box(keys), keys.sign_secret), end(outbox, {}, keys) {
    outbox.open();
    for (int i = 0; i < 5; i++) outbox.append(Lane(i % 3), MessageType::alert, 50, 0, "{}");
    outbox.commit();
    end.began();
    end.shaken_hands();
  }
  static OutboxSettings box(const Keys& keys) {
    OutboxSettings s;
    s.directory = "/outbox", s.sensor = keys.id, s.free_floor = 0;
    return s;
  }
  FaultyStorage disk;
  Outbox outbox;
  Sensor end;
};

}  // namespace

// Pieces: an octet that says to whom and which message, one for its number, a length (two octets), the body. They are sealed here: what
// lies behind the hash is what is fuzzed, play_record sees what lies before.
void play_link(Bytes input) {
  static const Keys keys = [] {
    demand(sodium_init() >= 0, "libsodium starts");
    return make_keys();
  }();
  static KnownKeys& known = *[] {
    auto* k = new KnownKeys;
    std::string error;
    demand(k->open(":memory:", error) && k->add(keys.curve_public, KeyState::active, "sensor", "fuzz", error), "keys are known");
    return k;
  }();
  std::optional<CollectorSide> collector;               // each is made when something is said to it
  std::optional<SensorSide> sensor;
  bool bad = false;
  Reader r{input, bad};
  uint64_t number = 0;
  Hash prev{};
  for (int n = 0; r && n < 64; n++) {
    const uint8_t what = r.u8(), step = r.u8();
    const size_t length = r.le16();
    const Bytes b = r.bytes(std::min(length, r.left()));
    Header h;
    h.type = MessageType(what & 31);
    h.sensor = keys.id;
    if (what & 32) {                                    // a record: its number goes on, stays, or jumps
      h.lane = 1, h.epoch = 7, h.seq = number += step % 4, h.prev = step & 128 ? Hash{} : prev;
      if (step & 64) number += 1000;
    }
    seal(h, b);
    if (h.seq) prev = h.self;
    const HeaderBytes octets = encode(h);
    if (what & 64) {
      if (!sensor) sensor.emplace(keys);
      sensor->end.take(octets, b);
      if (sensor->end.welcome) sensor->end.deliver();
      sensor->end.due();
    } else {
      std::vector<std::vector<uint8_t>> frames = {{1}, {octets.begin(), octets.end()}, {b.begin(), b.end()}};
      if (!collector) collector.emplace(known);
      Collector& end = collector->end;
      end.begin_turn();
      end.on_message(frames, 3, keys.curve_public);
      end.end_turn();
      uint64_t held = 0;
      for (const auto& j : end.queue) held += j.body.size() + header_size;
      demand(held <= collector->settings.sensor_bytes + max_body + header_size, "what waits for the journal is bounded");
      if (what & 128) {
        std::deque<ReceivingEnd::Job> jobs;
        jobs.swap(end.queue);
        end.journal_turn(jobs, known);
      }
    }
  }
}
std::vector<Input> link_seeds() {
  const auto piece = [](MessageType type, uint8_t more, uint8_t step, const std::string& body) {
    Input o = {uint8_t(uint8_t(type) | more), step, uint8_t(body.size()), uint8_t(body.size() >> 8)};
    o.insert(o.end(), body.begin(), body.end());
    return o;
  };
  const auto join = [](std::initializer_list<Input> parts) {
    Input all;
    for (const Input& p : parts) all.insert(all.end(), p.begin(), p.end());
    return all;
  };
  Hello hello;
  hello.instance = "00", hello.sign_key = std::string(64, 'a'), hello.streams = {{7, 1, 1, 9, 0, 0}};
  Welcome welcome;
  welcome.streams = {{7, 1, 0, 0, 0, 256}};
  Gap gap;
  gap.epoch = 7, gap.lane = 1, gap.from = 2, gap.to = 5, gap.reason = "evicted";
  const Input says_hello = piece(MessageType::hello, 128, 0, body_of(hello));
  const auto record = [&](uint8_t step) { return piece(MessageType::alert, 32 | 128, step, "{\"n\":1}"); };
  return {join({says_hello, record(1), record(1), record(1)}), join({says_hello, record(1), record(3), piece(MessageType::gap, 32 | 128, 1, body_of(gap)), record(0)}),
          join({says_hello, record(1), record(129), piece(MessageType::ping, 0, 0, body_of(Ping{})), piece(MessageType::bye, 0, 0, body_of(Bye{"stops"}))}),
          join({piece(MessageType::welcome, 64, 0, body_of(welcome)), piece(MessageType::ack, 64, 0, body_of(Ack{welcome.streams})), piece(MessageType::note, 64, 0, body_of(Note{NoteCode::rewind, ""})),
                piece(MessageType::ping, 64, 0, body_of(Ping{})), piece(MessageType::bye, 64, 0, body_of(Bye{""}))})};
}

}  // namespace vidra::fuzz
