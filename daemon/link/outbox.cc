// SPDX-License-Identifier: Apache-2.0
#include "daemon/link/outbox_epoch.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "daemon/base/clock.h"

namespace vidra {

Outbox::Outbox(Storage& storage, OutboxSettings settings, const SignSecret& secret) : storage_(storage), settings_(std::move(settings)), secret_(secret) {
  for (size_t i = 0; i < lane_count; i++) lost_[i].lane = uint8_t(i);
}

Outbox::~Outbox() {
  stop();
  sodium_memzero(secret_.data(), secret_.size());
}

std::vector<Outbox::EpochPtr> Outbox::epochs() const {
  std::lock_guard lock(mutex_);
  return epochs_;
}

void Outbox::failed(int error, const char* doing) {
  failing_.store(true, std::memory_order_relaxed);
  sync_failures_.fetch_add(1, std::memory_order_relaxed);
  retry_at_ = boot_now() + settings_.retry_interval;
  std::lock_guard lock(mutex_);
  trouble_ = fmt::format("{}: {} failed: {}; records wait in memory, tried again every {} ms", settings_.directory, doing, std::strerror(-error),
                         settings_.retry_interval / 1'000'000);
}

void Outbox::wake_with(std::function<void()> waker) {
  std::lock_guard lock(waker_mutex_);
  waker_ = std::move(waker);
}

bool Outbox::enqueue(size_t lane, Waiting&& w, bool own) {
  std::lock_guard lock(mutex_);
  return enqueue_locked(lane, std::move(w), own);
}

bool Outbox::enqueue_locked(size_t lane, Waiting&& w, bool own) {
  const uint64_t need = w.body.size() + entry_overhead;
  const auto held = [&] { return queue_bytes_[0] + queue_bytes_[1] + queue_bytes_[2]; };
  const uint64_t bound = lane == 0 ? settings_.memory_bytes : settings_.memory_bytes - settings_.memory_bytes / 10;
  // The order of sacrifice: state, then alerts, the oldest first; never what is critical.
  for (size_t victim = lane_count - 1; !own && victim >= std::max<size_t>(lane, 1) && held() + need > bound; victim--)
    while (!queue_[victim].empty() && held() + need > bound) {
      Waiting& out = queue_[victim].front();
      Gap& g = lost_[victim];
      g.classes[std::string(name_of(out.type))]++;
      if (const std::string d = detection_in(bytes_of(out.body)); !d.empty() && (g.detections.size() < 64 || g.detections.contains(d))) g.detections[d]++;
      g.first_ns = g.first_ns ? std::min(g.first_ns, out.wall_ns) : out.wall_ns;
      g.last_ns = std::max(g.last_ns, out.wall_ns);
      lost_count_[victim].fetch_add(1, std::memory_order_relaxed);
      queue_bytes_[victim] -= out.body.size() + entry_overhead;
      queue_[victim].pop_front();
    }
  if (!own && held() + need > bound) return false;
  queue_bytes_[lane] += need;
  queue_[lane].push_back(std::move(w));
  wake_.notify_one();
  return true;
}

uint64_t Outbox::append(Lane lane, MessageType type, uint8_t prio, uint8_t flags, std::string body) {
  const size_t l = size_t(lane);
  if (body.size() > max_body || (l == 0 && full_.load(std::memory_order_relaxed))) {
    refused_[l].fetch_add(1, std::memory_order_relaxed);
    return 0;
  }
  const uint64_t ticket = tickets_[l].fetch_add(1, std::memory_order_relaxed) + 1;
  if (enqueue(l, {ticket, type, std::min<uint8_t>(prio, 100), flags, wall_now(), uint64_t(boot_now()), std::move(body), {}}, false)) return ticket;
  refused_[l].fetch_add(1, std::memory_order_relaxed);
  return 0;
}

// Own records (gaps, checkpoints) carry no ticket and are never turned away: they are few, and silence would be worse.
void Outbox::tell(Gap g) {
  std::lock_guard lock(mutex_);
  tell_locked(std::move(g));
}

void Outbox::tell_locked(Gap g) {
  gaps_.fetch_add(1, std::memory_order_relaxed);
  enqueue_locked(0, {0, MessageType::gap, 60, 0, wall_now(), uint64_t(boot_now()), body_of(g), {g.epoch, g.from, g.to, g.lane}}, true);
}

void Outbox::tell_missing(Stream& s, Range r, const char* reason) {
  // Under one lock: a cursor that is stored between the two would say that it was told, and a kill then that it never is.
  std::lock_guard lock(mutex_);
  for (const Range& f : beyond(r, s.told)) {
    add(s.told, f);
    Gap g;
    g.epoch = s.epoch, g.lane = s.lane, g.from = f.from, g.to = f.to, g.reason = reason;
    tell_locked(std::move(g));
  }
}

bool Outbox::wait(Lane lane, uint64_t ticket, int64_t timeout) {
  std::unique_lock lock(mutex_);
  return settled_.wait_for(lock, std::chrono::nanoseconds(timeout), [&] { return accepted(lane) >= ticket; });
}
OutboxStatus Outbox::status() const {
  OutboxStatus out;
  {
    std::lock_guard lock(mutex_);
    for (size_t l = 0; l < lane_count; l++) out.lanes[l].waiting = queue_[l].size() + in_hand_[l].load(std::memory_order_acquire);
    out.trouble = trouble_;
    out.epochs = epochs_.size();
  }
  for (const EpochPtr& e : epochs())
    for (const auto& s : e->streams) {
      auto& l = out.lanes[s->lane];
      const uint64_t durable = s->log.durable(), from = std::max(settled(*s) + 1, s->log.first());
      l.bytes += s->log.bytes();
      if (durable < from) continue;
      l.unacknowledged += durable - from + 1;
      for (const SegmentInfo& i : s->log.segments())
        if (i.last >= from && (!l.oldest_ns || i.created < l.oldest_ns)) l.oldest_ns = i.created;
    }
  for (size_t l = 0; l < lane_count; l++) {
    auto& lane = out.lanes[l];
    lane.accepted = accepted_count_[l], lane.evicted = evicted_[l], lane.lost = lost_count_[l], lane.refused = refused_[l];
  }
  out.epoch = epoch(), out.syncs = syncs_, out.sync_failures = sync_failures_, out.gaps = gaps_, out.cut_bytes = cut_bytes_, out.checkpoints = checkpoints_;
  out.failing = failing_;
  if (full_ && out.trouble.empty()) out.trouble = "the critical lane is full: new critical records are refused";
  return out;
}

// --- making durable

bool Outbox::commit_lane(Epoch& epoch, size_t lane) {
  Stream& s = *epoch.streams[lane];
  if (s.batch.empty()) {
    std::deque<Waiting> taken;
    {
      std::lock_guard lock(mutex_);
      taken.swap(queue_[lane]);
      queue_bytes_[lane] = 0;
      in_hand_[lane].store(taken.size(), std::memory_order_relaxed);
    }
    if (taken.empty()) return true;
    s.batch_head = s.head;
    for (Waiting& w : taken) {
      Header h;
      h.type = w.type, h.flags = w.flags, h.lane = uint8_t(lane), h.prio = w.prio;
      h.sensor = settings_.sensor, h.epoch = epoch.number, h.seq = s.log.next();
      h.wall_ns = w.wall_ns, h.mono_ns = w.mono_ns, h.clock = settings_.clock;
      h.prev = s.batch_head;
      seal(h, bytes_of(w.body));
      s.batch_head = h.self;
      s.log.append(w.type, encode(h), bytes_of(w.body), w.wall_ns);
      s.batch.emplace_back(std::move(w), h.seq);
    }
  }
  int e = s.log.sync();
  while ((e == -ENOSPC || e == -EDQUOT) && make_room(true)) e = s.log.sync();
  syncs_.fetch_add(1, std::memory_order_relaxed);
  if (e) {
    failed(e, "writing");
    return false;
  }
  s.head = s.batch_head;
  uint64_t ticket = 0;
  for (const auto& [w, seq] : s.batch) {
    if (w.type == MessageType::checkpoint) last_checkpoint_ = seq;
    else since_checkpoint_++;
    if (!w.ticket) continue;
    ticket = w.ticket;
    accepted_count_[lane].fetch_add(1, std::memory_order_relaxed);
    if (on_accepted) on_accepted({w.ticket, uint8_t(lane), epoch.number, seq});
  }
  s.batch.clear();
  in_hand_[lane].store(0, std::memory_order_release);   // they are durable by now
  if (ticket) {
    {
      std::lock_guard lock(mutex_);
      accepted_[lane].store(ticket, std::memory_order_release);
    }
    settled_.notify_all();
  }
  return true;
}

void Outbox::checkpoint(Epoch& epoch) {
  std::vector<ChainHead> heads;
  for (const auto& s : epoch.streams)
    if (s->log.durable()) heads.push_back({epoch.number, s->lane, s->log.durable(), s->head});
  if (heads.empty()) return;
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  enqueue(0, {0, MessageType::checkpoint, 0, 0, wall_now(), uint64_t(boot_now()), body_of(sign(settings_.sensor, std::move(heads), secret_)), {}}, true);
}

bool Outbox::commit() {
  const int64_t now = boot_now();
  if (failing_.load(std::memory_order_relaxed) && now < retry_at_) return false;
  if (!was_read_ && !read_back()) return false;
  if (!writable_ || renew_.exchange(false)) {
    if (const int e = begin_epoch()) {
      if (writable_) renew_ = true;
      failed(e, "beginning an epoch");
      return false;
    }
  }
  const EpochPtr epoch = epochs().back();
  bool good = true;
  for (size_t lane = 0; lane < lane_count && good; lane++) good = commit_lane(*epoch, lane);
  if (good) {
    failing_.store(false, std::memory_order_relaxed);
    std::array<Gap, lane_count> lost;
    {
      std::lock_guard lock(mutex_);
      trouble_.clear();
      for (size_t lane = 0; lane < lane_count; lane++)
        if (!lost_[lane].classes.empty()) {
          lost[lane] = std::move(lost_[lane]);
          lost_[lane] = Gap{};
          lost_[lane].lane = uint8_t(lane);
        }
    }
    for (Gap& g : lost)
      if (!g.classes.empty()) {
        g.epoch = epoch->number;
        g.reason = "disk-full";
        tell(std::move(g));
      }
    if (since_checkpoint_ && (since_checkpoint_ >= settings_.checkpoint_records * checkpoint_factor_ || now >= checkpoint_at_)) {
      // A long outage must not fill the critical lane with signatures: one over many records is as good as many over few.
      const bool heard = epoch->streams[0]->acknowledged.load(std::memory_order_acquire) >= last_checkpoint_;
      checkpoint_factor_ = heard ? 1 : std::min<uint64_t>(checkpoint_factor_ * 2, 4096);
      since_checkpoint_ = 0;
      checkpoint_at_ = now + settings_.checkpoint_interval * int64_t(checkpoint_factor_);
      checkpoint(*epoch);
    }
  }
  {
    std::lock_guard lock(waker_mutex_);
    if (waker_) waker_();
  }
  keep_bounds();
  return good;
}

// --- the thread

void Outbox::start() {
  thread_ = std::thread([this] { run(); });
}

void Outbox::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
    retry_at_ = 0;   // the last chance of what waits in memory: a disk that failed a moment ago is asked once more
    commit();
    if (since_checkpoint_) checkpoint(*epochs().back());
    commit();        // that, and what the first has told
    for (const EpochPtr& e : epochs())
      for (const auto& s : e->streams) store_cursor(*s);
  }
}

void Outbox::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const int64_t now = boot_now();
    const bool failing = failing_.load(std::memory_order_relaxed);
    int64_t until = upkeep_at_;
    if (since_checkpoint_) until = std::min(until, checkpoint_at_);
    bool due = false;
    if (failing) {
      until = std::min(until, retry_at_);
      due = now >= retry_at_;
    } else if (!queue_[0].empty() || !queue_[1].empty()) {
      due = true;   // as soon as the disk is free: what arrives while it works is the next group
    } else if (!queue_[2].empty()) {
      const int64_t at = int64_t(queue_[2].front().mono_ns) + settings_.group_interval;
      due = queue_[2].size() >= settings_.group_records || now >= at;
      until = std::min(until, at);
    }
    due = due || renew_.load(std::memory_order_relaxed) || (since_checkpoint_ && now >= checkpoint_at_);
    if (!due && now < until) {
      wake_.wait_for(lock, std::chrono::nanoseconds(until - now));
      continue;
    }
    lock.unlock();
    if (due) commit();
    if (boot_now() >= upkeep_at_) upkeep();
    lock.lock();
  }
}

}  // namespace vidra
