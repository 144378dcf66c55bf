// SPDX-License-Identifier: Apache-2.0
// What the link thread asks of an outbox: what is held, what goes next, what has arrived.
#include "daemon/link/outbox_epoch.h"

#include <algorithm>
#include <cerrno>

#include "daemon/base/clock.h"

namespace vidra {

namespace {
constexpr size_t named_most = 192;
}  // namespace

void Outbox::follow() {
  const uint64_t g = generation_.load(std::memory_order_acquire);
  if (g == following_generation_) return;
  following_generation_ = g;
  following_ = epochs();
}

std::vector<StreamState> Outbox::streams() {
  follow();
  announced_ = following_.empty() ? 0 : following_.back()->number;
  std::vector<StreamState> out, delivered;
  for (const EpochPtr& e : following_)
    for (const auto& s : e->streams) {
      StreamState v;
      v.epoch = e->number, v.lane = s->lane;
      v.last = s->log.durable();
      v.first = std::min(s->log.first(), v.last + 1);
      if (v.first > v.last && e != following_.back()) continue;
      (e == following_.back() || v.last > settled(*s) ? out : delivered).push_back(v);
    }
  // Bounded in the message too: what waits counts most, of that the newest epochs; then what is kept in case of a restored collector.
  if (out.size() > named_most) out.erase(out.begin(), out.end() - named_most);
  delivered.erase(delivered.begin(), delivered.end() - ptrdiff_t(std::min(delivered.size(), named_most - out.size())));
  out.insert(out.begin(), delivered.begin(), delivered.end());
  return out;
}

void Outbox::rewind(const std::vector<StreamState>& durable) {
  follow();
  paused_ = false;
  in_flight_ = 0;
  for (const EpochPtr& e : following_)
    for (const auto& s : e->streams) {
      s->sent.clear();
      s->credit = 0;
      for (const StreamState& d : durable) {
        if (d.epoch != s->epoch || d.lane != s->lane) continue;
        const uint64_t here = s->log.durable();
        if (d.durable > here) {
          // The collector has what this disk has forgotten: its numbers must not be given out a second time. Those that were, since
          // this process began, are others than it has under them: they cannot be sent any more.
          if (here >= s->since) tell_missing(*s, {s->since, here}, "restored");
          if (e == following_.back()) renew_.store(true), wake_.notify_one();
        }
        s->acknowledged.store(std::min(d.durable, here), std::memory_order_release);
        s->credit = d.credit;
        s->reader.seek(std::min(d.durable, std::numeric_limits<uint64_t>::max() - 1) + 1);
      }
    }
}

bool Outbox::unannounced() {
  follow();
  return !following_.empty() && following_.back()->number != announced_;
}

void Outbox::pause() { paused_ = true; }

bool Outbox::next(Outgoing& out) {
  if (paused_) return false;
  follow();
  for (size_t lane = 0; lane < lane_count; lane++)
    for (const EpochPtr& e : following_) {
      Stream& s = *e->streams[lane];
      while (s.sent.size() < s.credit) {
        Range missing;
        const auto found = s.reader.next(out.entry, missing);
        if (found == LogReader::Found::nothing) break;
        if (found == LogReader::Found::trouble) {
          const int64_t now = boot_now();
          if (!s.trouble_since) s.trouble_since = now;
          if (now - s.trouble_since < settings_.read_patience) break;   // asked again at the next turn
          missing = {s.reader.at(), s.log.durable()};
          for (const SegmentInfo& i : s.log.segments())                 // the next one may be well
            if (i.first <= missing.from && missing.from <= i.last) missing.to = std::min(missing.to, i.last);
          s.reader.seek(missing.to + 1);
        }
        if (found != LogReader::Found::entry) {
          tell_missing(s, missing, missing.to <= s.highest ? "restored" : "corrupt");
          s.trouble_since = 0;
          continue;
        }
        s.trouble_since = 0;
        s.sent.push_back(out.entry.number);
        in_flight_++;
        out.epoch = s.epoch, out.lane = s.lane;
        return true;
      }
    }
  return false;
}

void Outbox::acknowledge(const std::vector<StreamState>& durable) {
  follow();
  for (const StreamState& d : durable)
    for (const EpochPtr& e : following_) {
      if (e->number != d.epoch || d.lane >= lane_count) continue;
      Stream& s = *e->streams[d.lane];
      s.credit = d.credit;
      const uint64_t upto = std::min(d.durable, s.log.durable());
      if (upto > s.acknowledged.load(std::memory_order_relaxed)) {
        s.acknowledged.store(upto, std::memory_order_release);
        if (on_acknowledged) on_acknowledged(s.epoch, s.lane, upto);
      }
      s.highest = std::max(s.highest, upto);
      while (!s.sent.empty() && s.sent.front() <= upto) s.sent.pop_front(), in_flight_--;
    }
}

}  // namespace vidra
