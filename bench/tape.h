// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "daemon/capture/file.h"
#include "daemon/judge/event.h"
#include "daemon/traffic/traffic.h"

namespace vidra {

// What is said in a capture, kept as it is handed to a judge: played again without the capture and without hearing.
struct Tape final : EventSink {
  struct Kept { Scene scene; Message said; size_t first, points; };
  void see(const Event& e) override {
    if (!e.said) return;
    events.push_back({e.scene, *e.said, points.size(), e.points.size()});
    points.insert(points.end(), e.points.begin(), e.points.end());
  }
  Event at(size_t i) const {
    const Kept& k = events[i];
    return {k.scene, &k.said, nullptr, std::span(points).subspan(k.first, k.points), Texts{}};
  }
  void record(const std::string& capture) {
    const auto source = open_file(capture);
    TrafficSettings settings;
    settings.seed = 1;
    Traffic traffic(settings, *this);
    std::array<Packet, 64> burst;
    for (;;) {
      const auto polled = source->poll(burst);
      traffic.take(std::span<const Packet>(burst).first(polled.packets));
      source->release();
      if (polled.ended) break;
    }
    traffic.finish();
  }

  std::vector<Kept> events;
  std::vector<Point> points;
};

}  // namespace vidra
