// SPDX-License-Identifier: Apache-2.0
#include "daemon/sensor/ears.h"

#include <algorithm>

#include "daemon/traffic/traffic.h"

namespace vidra {

Ears::Ears(EventSink& to, const EventMerge& merge, size_t workers) : to_(to), merge_(merge), workers_(workers), sensor_(protocol_index("sensor")) {}

bool Ears::all(const std::vector<uint8_t>& of) {
  return std::find(of.begin(), of.end(), uint8_t{0}) == of.end();
}

void Ears::tell(const Event& e, SensorFact fact, uint64_t tag) {
  Message m = *e.said;
  m.function = uint16_t(fact);
  m.tag = uint32_t(std::min<uint64_t>(tag, 0xffffffff));
  m.qualifier = 0;
  to_.see({e.scene, &m, nullptr, e.points, e.texts});
}

void Ears::see(const Event& e) {
  if (e.scene.protocol != sensor_ || !e.said) [[likely]] return to_.see(e);
  const SensorFact fact = SensorFact(e.said->function);
  if (fact != SensorFact::silent && fact != SensorFact::heard_again && fact != SensorFact::one_way) return to_.see(e);
  if (e.scene.interface >= ears_.size()) ears_.resize(size_t{e.scene.interface} + 1);
  Ear& ear = ears_[e.scene.interface];
  ear.silent.resize(workers_), ear.counted.resize(workers_);
  const size_t worker = merge_.worker();
  const Time now = e.scene.time;
  switch (fact) {
    case SensorFact::silent:
      ear.silent[worker] = 1;
      ear.last = std::max(ear.last, now - Time(e.said->tag) * second);
      if (ear.told_silent || !all(ear.silent)) return;
      ear.told_silent = true;
      return tell(e, fact, uint64_t((now - ear.last) / second));
    case SensorFact::heard_again:
      ear.silent[worker] = 0;
      if (ear.told_silent) tell(e, fact, uint64_t((now - ear.last) / second));
      ear.told_silent = false;
      return;
    default:
      ear.one_way += e.said->tag, ear.two_way += e.said->qualifier;
      ear.counted[worker] = 1;
      if (!all(ear.counted)) return;
      if (!ear.told_one_way && ear.one_way >= few_one_way && !ear.two_way) ear.told_one_way = true, tell(e, SensorFact::one_way, ear.one_way);
      else if (ear.told_one_way && ear.two_way) ear.told_one_way = false, tell(e, SensorFact::both_ways, ear.two_way);
      ear.one_way = ear.two_way = 0;
      std::fill(ear.counted.begin(), ear.counted.end(), uint8_t{0});
  }
}

}  // namespace vidra
