// SPDX-License-Identifier: Apache-2.0
#include "daemon/evidence/evidence.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/base/text.h"

namespace vidra {
namespace {

constexpr Time write_every = 50 * millisecond, write_soon = 2 * millisecond;
constexpr size_t at_once = 1 << 20;              // octets in a write
constexpr size_t most_tellings = 4096, most_cases = 8192, most_together = 64, most_marks = 256;
constexpr size_t most_again = 256;
constexpr unsigned most_parts = 12;
constexpr Time try_again = 5 * second, wait_for_disk = minute;

size_t length_of(const uint8_t* block) {
  uint32_t n;
  std::memcpy(&n, block + 4, 4);
  return n;
}

// How long after a telling a part is cut: at first as soon as what follows is on disk, then less and less often.
Time patience(unsigned parts) { return parts == 0 ? 0 : std::min<Time>(10 * minute, (10 * second) << std::min(2 * (parts - 1), 12u)); }

void be_called(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace

Evidence::Evidence(const EvidenceSettings& s, std::string folder, Witness w, Storage& storage, size_t workers, bool waits)
    : settings_(s), folder_(std::move(folder)), workers_(workers), waits_(waits), run_(std::random_device{}()), storage_(storage), segments_(storage, folder_ + "/last", s, workers),
      sets_(storage, folder_ + "/stories", s, std::move(w)) {}

Evidence::~Evidence() { finish(); }

Recorder& Evidence::recorder(EventSink& next, size_t worker) {
  recorders_.push_back(std::make_unique<Recorder>(next, settings_, worker, workers_, run_, waits_));
  return *recorders_.back();
}

void Evidence::start() {
  writer_ = std::thread(&Evidence::write, this);
  cutter_ = std::thread(&Evidence::cut, this);
}

void Evidence::finish() {
  if (writer_.joinable()) {
    {
      const std::lock_guard lock(writing_);
      written_out_ = true;
    }
    stop_writing_.notify_one();
    writer_.join();
  }
  if (cutter_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_one();
    cutter_.join();
  }
}

// --- the writer

Evidence::Drained Evidence::drain() {
  Drained d;
  for (size_t worker = 0; worker < recorders_.size(); worker++)
    for (size_t s = 0; s < sort_count; s++) {
      if (!settings_.quota[s]) continue;
      Recorder& r = *recorders_[worker];
      Tape& tape = r.tape(Sort(s));
      d.crowded |= tape.used() > tape.capacity() / 4;
      for (size_t here = 0; here < tape.capacity();) {                     // and then the others have their turn
        Bytes octets = tape.front();
        if (octets.empty()) break;
        const Time newest = r.newest(Sort(s));
        if (octets.size() > at_once) {
          size_t n = 0;
          while (n < at_once) n += length_of(octets.data() + n);
          octets = octets.first(n);
        }
        if (!segments_.append(Sort(s), worker, r.interfaces(), octets, newest, wall_now())) {
          uint64_t frames = 0;
          for (size_t n = 0; n < octets.size(); n += length_of(octets.data() + n)) frames++;
          lost_[s].fetch_add(frames, std::memory_order_relaxed);
        }
        here += octets.size();
        tape.pop(octets.size());
      }
      d.left += tape.used();
    }
  return d;
}

void Evidence::write() {
  be_called("evidence writer");
  const Time begun = wall_now();
  Time tended = 0, clocks = begun - monotonic_now();       // what the clock does while files are looked at is a step, too
  say(segments_.open(begun));
  Drained last;
  for (bool over = false; !over;) {
    {
      std::unique_lock lock(writing_);
      stop_writing_.wait_for(lock, std::chrono::nanoseconds(last.crowded ? write_soon : write_every), [&] { return written_out_; });
      over = written_out_;
    }
    const Time now = monotonic_now(), step = wall_now() - now - clocks;
    if (std::abs(step) >= second) segments_.stepped(step), clocks += step;
    do last = drain();
    while (over && last.left);
    drained_.store(now, std::memory_order_release);
    if (now - tended >= second || over) tended = now, segments_.tend(wall_now());
  }
  segments_.close();
}

// --- the cutter

bool Evidence::told(const Story& s) {
  if (s.severity < settings_.severity || !s.detection) return false;
  Telling t;
  Wish& w = t.wish;
  t.closed = s.closed;
  w.story = s.id, w.detection = std::string(s.detection->id), w.what = s.what, w.severity = s.severity;
  const auto party = [](const Party& p) {
    const std::string a = text_of(p.address);
    return p.name.empty() || a.empty() ? p.name + a : fmt::format("{} ({})", p.name, a);
  };
  w.source = party(s.source), w.target = party(s.target);
  w.first = s.first, w.last = s.last;
  const Address none;
  for (const Deciding& d : s.deciding)
    if (d.client != none || d.server != none) w.deciding.push_back(d);
  if (s.source.address != none && s.target.address != none) w.pairs.push_back(pair_of(s.source.address, s.target.address));
  w.apart = apart();
  {
    const std::lock_guard lock(mutex_);
    if (tellings_.size() >= most_tellings) return left_out_++, false;
    tellings_.push_back(std::move(t));
  }
  wake_.notify_one();
  return s.on_wire;
}

// As the worker has it that heard last, and then as the others do: one that hears nothing knows of no step.
std::vector<Time> Evidence::apart() const {
  std::vector<Recorder::Apart> all;
  for (const auto& r : recorders_)
    if (const auto a = r->apart(); a.seen || r == recorders_.front()) all.push_back(a);
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.seen > b.seen; });
  std::vector<Time> each;
  for (const bool before : {false, true})
    for (const auto& a : all)
      if (const Time t = before ? a.before : a.now; each.size() < 8 && std::none_of(each.begin(), each.end(), [&](Time e) { return std::abs(e - t) < 100 * millisecond; })) each.push_back(t);
  if (each.empty()) each.push_back(0);
  return each;
}

bool Evidence::forget() {
  auto oldest = cases_.end();
  for (auto i = cases_.begin(); i != cases_.end(); ++i)
    if (!i->second.due && (oldest == cases_.end() || i->second.told < oldest->second.told)) oldest = i;
  if (oldest == cases_.end()) return false;
  cases_.erase(oldest);
  return true;
}

void Evidence::take(Telling&& t) {
  auto at = cases_.find(t.wish.story);
  if (at == cases_.end()) {
    if (t.wish.deciding.empty()) return;         // the sensor's own word: nobody sent a packet for it
    if (cases_.size() >= most_cases && !forget()) {
      const std::lock_guard lock(mutex_);
      return void(left_out_++);
    }
    at = cases_.emplace(t.wish.story, Case{}).first;
  }
  Case& c = at->second;
  Wish &n = c.next, &w = t.wish;
  n.story = w.story, n.detection = std::move(w.detection), n.what = std::move(w.what), n.source = std::move(w.source), n.target = std::move(w.target);
  n.severity = w.severity, n.first = w.first, n.last = w.last, n.apart = w.apart;
  c.closed |= t.closed;
  c.told = monotonic_now();
  if (c.parts >= most_parts) {
    if (c.closed) cases_.erase(at);
    const std::lock_guard lock(mutex_);
    return void(left_out_++);
  }
  const auto between = [&](const std::pair<Address, Address>& p) {
    if (n.pairs.size() < most_pairs && std::find(n.pairs.begin(), n.pairs.end(), p) == n.pairs.end()) n.pairs.push_back(p);
  };
  for (const auto& p : w.pairs) between(p);
  for (const Deciding& d : w.deciding) {
    const Time from = std::min(std::max(d.time - settings_.before, c.until + 1), d.time);
    n.from = n.deciding.empty() ? from : std::min(n.from, from);
    n.until = std::max(n.until, d.time + settings_.after);
    if (n.deciding.size() < most_marks) n.deciding.push_back(d);
    between(pair_of(d.client, d.server));
  }
  const Time now = monotonic_now();
  if (n.deciding.empty()) {
    if (c.closed) cases_.erase(at);
    return;
  }
  const Time soonest = now + settings_.after + second;
  if (!c.due) c.due = soonest + patience(c.parts);
  if (c.closed) c.due = std::min(c.due, soonest);
}

void Evidence::settle(std::vector<Wish>&& wishes) {
  Time from = std::numeric_limits<Time>::max(), until = std::numeric_limits<Time>::min();
  for (const Wish& w : wishes)
    for (const Time apart : w.apart) from = std::min(from, w.from + apart), until = std::max(until, w.until + apart);
  const Segments::Held held = segments_.held();
  const std::vector<KeptPiece> pieces = segments_.pieces(from, until);
  Recorder::Counts counts;
  for (const auto& r : recorders_) {
    const auto c = r->counts();
    for (size_t s = 0; s < sort_count; s++) counts.not_kept[s] += c.not_kept[s];
  }
  std::string trouble;
  vidra::cut(storage_, pieces, wishes, run_, settings_.story, [&](size_t i, Excerpt&& c) {
    Wish& w = wishes[i];
    std::vector<std::string> missing;
    if (c.deciding < w.deciding.size())
      missing.push_back(fmt::format("{} of {} deciding packets: overwritten, not kept, or it was no packet but the time that decided", w.deciding.size() - c.deciding, w.deciding.size()));
    for (size_t s = 0; s < sort_count; s++) {
      const Time oldest = held.oldest[s];
      if (!settings_.quota[s]) missing.push_back(fmt::format("{} packets: [evidence] {} = 0 keeps none", name_of(Sort(s)), name_of(Sort(s))));
      else if (held.evicted[s] && (!oldest || oldest > w.from + w.apart[0])) missing.push_back(fmt::format("{} packets before {}: overwritten already", name_of(Sort(s)), oldest ? iso_time(oldest, 6) : "this was cut"));
      if (const uint64_t n = counts.not_kept[s] + lost_[s].load(std::memory_order_relaxed)) missing.push_back(fmt::format("perhaps some of {} {} packets that were not kept since the sensor started", n, name_of(Sort(s))));
    }
    if (c.left_out) missing.push_back(fmt::format("{} packets that did not fit into [evidence] story = {}, or were too many with those of other alerts", c.left_out, human_bytes(settings_.story)));
    if (c.gone) missing.push_back(fmt::format("{} packets that were overwritten while this was cut", c.gone));
    std::string why = sets_.add(w, c, std::move(missing), wall_now());
    if (why.empty()) return;
    trouble = std::move(why);
    again_.push_back(std::move(w));              // its packets lie here for a while yet
  });
  uint64_t lost = 0;
  for (; again_.size() > most_again; lost++) again_.pop_front();
  if (!trouble.empty()) again_at_ = monotonic_now() + try_again;
  Sets::Counts now = sets_.counts();
  const std::lock_guard lock(mutex_);
  counts_ = now;
  left_out_ += lost;
  if (!trouble.empty() || again_.empty()) sets_trouble_ = trouble;
}

void Evidence::cut() {
  be_called("evidence cutter");
  ::setpriority(PRIO_PROCESS, id_t(::syscall(SYS_gettid)), 10);            // of this thread alone; whoever hears comes first
  say(sets_.open(wall_now()));
  Time counted = 0;
  for (bool over = false; !over;) {
    std::deque<Telling> fresh;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(200), [&] { return over_; });   // tellings may gather meanwhile
      fresh.swap(tellings_);
      over = over_;
    }
    for (Telling& t : fresh) take(std::move(t));
    std::deque<Wish> again;
    if (over || monotonic_now() >= again_at_) {
      // Where sets have no room on the disk nothing is read for them; at the end all are tried once more.
      if (std::string why = over || again_.empty() ? std::string() : sets_.spare(0); why.empty()) again.swap(again_);
      else {
        again_at_ = monotonic_now() + try_again;
        const std::lock_guard lock(mutex_);
        sets_trouble_ = std::move(why);
      }
    }
    for (bool more = true; more;) {
      more = false;
      const Time now = monotonic_now();
      std::vector<Wish> wishes;
      for (; !again.empty() && wishes.size() < most_together; again.pop_front()) wishes.push_back(std::move(again.front()));
      // What was heard a second ago is on disk, but where the disk hangs: then it is waited for.
      const Time written = std::max(drained_.load(std::memory_order_acquire) + second, now - wait_for_disk);
      for (auto i = cases_.begin(); i != cases_.end() && wishes.size() < most_together;) {
        Case& c = i->second;
        if (!c.due || (!over && c.due > std::min(now, written))) {
          ++i;
          continue;
        }
        Wish w = c.next;
        w.part = ++c.parts;
        c.until = std::max(c.until, w.until);
        c.next.deciding.clear(), c.next.pairs.clear();
        c.next.until = 0;
        c.due = 0;
        wishes.push_back(std::move(w));
        if (c.closed) i = cases_.erase(i);
        else ++i;
      }
      if (wishes.empty()) break;
      more = wishes.size() == most_together;
      settle(std::move(wishes));
      if (over) continue;
      const Time took = monotonic_now() - now;                            // at most a quarter of a core
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::nanoseconds(std::min<Time>(3 * took, minute)), [&] { return over_; });
    }
    if (const Time now = monotonic_now(); now - counted >= 5 * second || over) {
      counted = now;
      Sets::Counts c = sets_.counts();
      const std::lock_guard lock(mutex_);
      counts_ = c;
    }
  }
  const std::lock_guard lock(mutex_);
  left_out_ += again_.size();                                              // for which there was no room to the end
}

std::vector<std::string> complaints_of(const EvidenceStatus& s) {
  std::vector<std::string> all;
  if (!s.held.trouble.empty()) all.push_back("packets are not kept: " + s.held.trouble);
  if (!s.sets_trouble.empty()) all.push_back("the packets of a story could not be set aside: " + s.sets_trouble);
  if (s.sets.pinned_octets > s.pinned_most)
    all.push_back(fmt::format("pinned evidence takes {}, [evidence] pinned allows {}: hand it over (vidra evidence ID --export FILE), then unpin it", human_bytes(s.sets.pinned_octets), human_bytes(s.pinned_most)));
  return all;
}

void Evidence::say(std::vector<std::string>&& lines) {
  const std::lock_guard lock(mutex_);
  for (std::string& l : lines) said_.push_back(std::move(l));
}

std::vector<std::string> Evidence::said() {
  const std::lock_guard lock(mutex_);
  return std::exchange(said_, {});
}

EvidenceStatus Evidence::status() const {
  EvidenceStatus s;
  s.keeps = true;
  s.pinned_most = settings_.pinned;
  for (const auto& r : recorders_) {
    const auto c = r->counts();
    for (size_t i = 0; i < sort_count; i++) s.frames.kept[i] += c.kept[i], s.frames.not_kept[i] += c.not_kept[i];
  }
  for (size_t i = 0; i < sort_count; i++) {
    const uint64_t lost = std::min(lost_[i].load(std::memory_order_relaxed), s.frames.kept[i]);
    s.frames.kept[i] -= lost, s.frames.not_kept[i] += lost;
  }
  s.held = segments_.held();
  const std::lock_guard lock(mutex_);
  s.sets = counts_;
  s.left_out = left_out_;
  s.sets_trouble = sets_trouble_;
  return s;
}

}  // namespace vidra
