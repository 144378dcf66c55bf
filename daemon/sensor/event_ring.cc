// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/event_ring.h"

#include <algorithm>
#include <limits>

namespace vidra {
namespace {

// What lies in the ring before the points and the texts.
struct Flat {
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

bool important(const Event& e) {
  if (e.identity || e.said->refused || e.said->malformed) return true;
  switch (e.said->act) {
    case Act::read: case Act::report: case Act::other: case Act::browse: return false;
    default: return true;
  }
}

}  // namespace

void EventRing::see(const Event& e) {
  const bool weighty = important(e);
  // What is too long for the ring in one piece is handed on in runs of points that fit.
  const size_t most = (ring_.largest() - sizeof(Flat) - e.texts.run().size()) / sizeof(Point);
  size_t done = 0;
  do {
    const size_t n = std::min(e.points.size() - done, most);
    const size_t octets = sizeof(Flat) + n * sizeof(Point) + e.texts.run().size();
    auto* at = static_cast<std::byte*>(ring_.reserve(octets, weighty ? 0 : ring_.capacity() / 4));
    if (!at) {
      std::atomic<uint64_t>& count = weighty ? others_ : e.said->act == Act::report || e.said->role != Role::request ? reports_ : reads_;
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return;
    }
    Flat* flat = new (at) Flat;
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

bool EventRing::front(Time& time) {
  const auto record = ring_.front();
  if (record.empty()) return false;
  time = reinterpret_cast<const Flat*>(record.data())->scene.time;
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

size_t EventMerge::drain(EventSink& to, Time& until) {
  Time limit = std::numeric_limits<Time>::max();
  for (const auto& r : rings_) limit = std::min(limit, r->watermark());
  size_t n = 0;
  for (;;) {
    EventRing* oldest = nullptr;
    Time least = limit;
    for (const auto& r : rings_) {
      Time t;
      if (r->front(t) && (t < least || (t == least && !oldest))) least = t, oldest = r.get();
    }
    if (!oldest) break;
    oldest->take(to);
    n++;
  }
  until = limit;
  return n;
}

}  // namespace vidra
