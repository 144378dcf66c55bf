// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/worker.h"

#include <algorithm>
#include <array>

namespace vidra {
namespace {

void add(uint64_t& to, uint64_t n) {
  if (n == Counters::unknown) return;
  to = to == Counters::unknown ? n : to + n;
}

}  // namespace

void Worker::hear(Source& source) {
  std::array<Packet, 64> burst;
  const bool live = source.live();
  for (;;) {
    const Source::Polled polled = source.poll(burst);
    if (polled.packets) {
      const Packet& newest = burst[polled.packets - 1];
      if (!last_.stamp) first_ = {burst[0].stamp, burst[0].number};
      last_ = {newest.stamp, newest.number};
      if (live) {
        apart_ = newest.stamp - newest.time, apart_at_ = newest.time;
        keep_up(polled.now, source.fill());
      }
      const std::span<const Packet> heard = std::span<const Packet>(burst).first(polled.packets);
      if (recorder_) {
        recorder_->know(source.interfaces());
        if (live) recorder_->apart(apart_, apart_at_);
        recorder_->begin();
      }
      traffic_->take(heard);
      if (recorder_) recorder_->keep(heard);
    }
    source.release();
    traffic_->tick(polled.now);
    now_ = polled.now;
    if (live && !polled.packets && overload_.plan() != Plan::all) keep_up(now_, source.fill());
    if (now_ - looked_ >= second || overload_.plan() != looked_plan_) look(&source, now_, false);
    ring_.publish(polled.now, polled.packets == burst.size());
    if (polled.ended) break;
  }
  look(&source, now_, true);
}

void Worker::keep_up(Time now, double fill) {
  const Plan before = overload_.plan(), plan = overload_.look(now, std::max(fill, ring_.fill()));
  if (plan == before) [[likely]] return;
  traffic_->keep_to(plan);
  ring_.leave_out_measurements(plan >= Plan::measurements);
}

void Worker::finish() {
  traffic_->finish();
  look(nullptr, now_, true);
  ring_.close();
}

void Worker::look(const Source* source, Time now, bool last) {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (last) lock.lock();
  else if (!lock.try_lock()) return;     // never waits for a reader
  looked_ = now;
  seen_.accounts = traffic_->accounts();
  seen_.plan = looked_plan_ = overload_.plan();
  seen_.worst = std::max(seen_.worst, seen_.plan);
  seen_.shed = ring_.shed();
  seen_.shed.samples = seen_.accounts.samples_left_out, seen_.shed.opaque = seen_.accounts.opaque_left_out;
  seen_.now = now, seen_.first = first_, seen_.last = last_, seen_.apart = apart_, seen_.apart_at = apart_at_;
  if (!source) return;
  const std::span<const Interface> interfaces = source->interfaces();
  for (size_t i = seen_.interfaces.size(); i < interfaces.size(); i++) seen_.interfaces.emplace_back().name = interfaces[i].name;
  for (size_t i = 0; i < interfaces.size(); i++) {
    Seen::Heard& heard = seen_.interfaces[i];
    heard.counters = source->counters(uint16_t(i)), heard.outage = source->outage(uint16_t(i)), heard.up = source->up(uint16_t(i));
  }
}

Seen::Heard together(const std::vector<Seen>& all, size_t interface) {
  Seen::Heard h;
  bool first = true;
  for (const Seen& s : all) {
    if (interface >= s.interfaces.size()) continue;
    const Seen::Heard& each = s.interfaces[interface];
    if (first) {
      h = each;
      first = false;
      continue;
    }
    const Counters& c = each.counters;
    h.counters.delivered += c.delivered, h.counters.octets += c.octets, h.counters.dropped_by_us += c.dropped_by_us, h.counters.unsupported += c.unsupported;
    add(h.counters.dropped_by_kernel, c.dropped_by_kernel);
    // The card's own count is of all its queues, and each worker reads the same.
    if (c.dropped_by_card != Counters::unknown) h.counters.dropped_by_card = h.counters.dropped_by_card == Counters::unknown ? c.dropped_by_card : std::max(h.counters.dropped_by_card, c.dropped_by_card);
    h.up = h.up && each.up;
    // Each sees an outage a little earlier or later than the others; one that is behind has not yet seen it.
    const Outage& o = each.outage;
    if (o.count > h.outage.count) h.outage = o;
    else if (o.count && o.count == h.outage.count) {
      h.outage.from = std::min(h.outage.from, o.from);
      h.outage.until = h.outage.until && o.until ? std::max(h.outage.until, o.until) : 0;
    }
  }
  return h;
}

std::vector<Seen::Heard> together(const std::vector<Seen>& all) {
  size_t most = 0;                           // a recording names its interfaces as it goes: who has read furthest knows most
  for (const Seen& s : all) most = std::max(most, s.interfaces.size());
  std::vector<Seen::Heard> each;
  for (size_t i = 0; i < most; i++) each.push_back(together(all, i));
  return each;
}

}  // namespace vidra
