// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/event_ring.h"

#include <algorithm>

#include "daemon/base/clock.h"

namespace vidra {
namespace {

// What lies in the ring before the points and the texts.
struct Flat {
  Time turn;                             // never before what was published when it was said, though a timer may speak of earlier
  Scene scene;
  union Said {
    Message message;
    Identity identity;
    Said() {}
  } said;
  uint32_t points, texts;
  bool identified;
};
static_assert(std::is_trivially_copyable_v<Scene>);

constexpr Time shortest_pause = 100 * microsecond, longest_pause = 5 * millisecond;   // of a worker that waits for room

// GOOSE and sampled values say only what changed, once.
bool publishes(uint16_t protocol) {
  static const int goose = protocol_index("goose"), sv = protocol_index("sv");
  return protocol == goose || protocol == sv;
}

bool important(const Event& e) {
  if (e.identity || e.said->refused || e.said->malformed || publishes(e.scene.protocol)) return true;
  switch (e.said->act) {
    case Act::read: case Act::report: case Act::other: case Act::browse: return false;
    default: return true;
  }
}

}  // namespace

void EventRing::count_out(const Event& e, bool weighty) {
  std::atomic<uint64_t>& count = weighty ? others_ : e.said->act == Act::report || e.said->role != Role::request ? reports_ : reads_;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void EventRing::see(const Event& e) {
  const bool weighty = important(e);
  // What is too long for the ring in one piece is handed on in runs of points that fit.
  const size_t most = (ring_.largest() - sizeof(Flat) - e.texts.run().size()) / sizeof(Point);
  size_t done = 0;
  do {
    const size_t n = std::min(e.points.size() - done, most);
    if (thrifty_ && !weighty) [[unlikely]] return count_out(e, weighty);
    const size_t octets = sizeof(Flat) + n * sizeof(Point) + e.texts.run().size();
    auto* at = static_cast<std::byte*>(ring_.reserve(octets, weighty ? 0 : ring_.capacity() / 4));
    // A judge that waits for another worker cannot make room here before that one speaks: called ever seldomer, it sleeps meanwhile.
    for (Time pause = shortest_pause; !at && waits_; pause = std::min(2 * pause, longest_pause)) {
      bell_.ring();
      sleep_for(pause);
      at = static_cast<std::byte*>(ring_.reserve(octets));
    }
    if (!at) return count_out(e, weighty);
    Flat* flat = new (at) Flat;
    flat->turn = std::max(e.scene.time, watermark_.load(std::memory_order_relaxed));
    flat->scene = e.scene;
    flat->identified = e.identity != nullptr;
    flat->points = uint32_t(n);
    flat->texts = uint32_t(e.texts.run().size());
    if (e.identity) flat->said.identity = *e.identity;
    else {
      flat->said.message = *e.said;
      flat->said.message.points = uint32_t(n);
      flat->said.message.continued |= done > 0;
    }
    if (n) std::memcpy(at + sizeof(Flat), e.points.data() + done, n * sizeof(Point));
    if (flat->texts) std::memcpy(at + sizeof(Flat) + n * sizeof(Point), e.texts.run().data(), flat->texts);
    ring_.commit();
    done += n;
  } while (done < e.points.size());
}

bool EventRing::front(Turn& turn) {
  const auto record = ring_.front();
  if (record.empty()) return false;
  const auto* flat = reinterpret_cast<const Flat*>(record.data());
  turn = {flat->turn, flat->scene.frame};
  return true;
}

void EventRing::take(EventSink& to) {
  const auto record = ring_.front();
  const auto* flat = reinterpret_cast<const Flat*>(record.data());
  const auto* points = reinterpret_cast<const Point*>(record.data() + sizeof(Flat));
  const auto* texts = reinterpret_cast<const uint8_t*>(points + flat->points);
  Event e{flat->scene, nullptr, nullptr, {points, flat->points}, Texts({texts, flat->texts})};
  if (flat->identified) e.identity = &flat->said.identity;
  else e.said = &flat->said.message;
  to.see(e);
  ring_.pop();
}

// So many that time goes on while a worker never stops.
constexpr size_t most_at_once = 16'384;

size_t EventMerge::drain(EventSink& to, Time& until) {
  const bool alone = rings_.size() == 1;
  const Time now = patience_ && !alone ? monotonic_now() : 0;
  bool crowded = false;
  for (size_t i = 0; i < rings_.size(); i++) {
    Way& w = ways_[i];
    // The watermark before the ring: what is not there now comes after it.
    if (const Time t = rings_[i]->watermark(); t != w.watermark || !w.moved) w.watermark = t, w.moved = now;
    w.full = rings_[i]->front(w.turn);
    const bool late = patience_ && !alone && !w.full && now - w.moved > patience_;
    late_ += late && !w.late;
    w.late = late;
    crowded |= patience_ && !alone && rings_[i]->crowded();
  }
  size_t n = 0;
  while (n < most_at_once) {
    size_t first = rings_.size();
    Time bound = EventRing::closed;              // nothing before it comes from those that have nothing here
    for (size_t i = 0; i < rings_.size(); i++) {
      Way& w = ways_[i];
      if (!w.full && !alone) w.full = rings_[i]->front(w.turn);
      if (w.full) {
        if (first == rings_.size() || w.turn.before(ways_[first].turn)) first = i;
      } else if (!w.late && !crowded) {
        bound = std::min(bound, w.watermark);
      }
    }
    if (first == rings_.size() || (ways_[first].turn.time >= bound && bound != EventRing::closed)) break;
    worker_ = first;
    rings_[first]->take(to);
    ways_[first].full = rings_[first]->front(ways_[first].turn);
    n++;
  }
  Time heard = EventRing::closed, last = 0;
  for (size_t i = 0; i < ways_.size(); i++) {
    const Way& w = ways_[i];
    last = std::max(last, w.watermark == EventRing::closed ? rings_[i]->reached() : w.watermark);
    if (w.full) heard = std::min(heard, w.turn.time);
    if (!w.late) heard = std::min(heard, w.watermark);
  }
  if (heard == EventRing::closed) heard = last;  // all are done, or none is waited for
  until = until_ = std::max(until_, heard);
  return n;
}

}  // namespace vidra
