// SPDX-License-Identifier: Apache-2.0
// What synchrophasor streams show: PMU-03, a clock that is lost, and PMU-05, a frequency that the neighbours do not have.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr uint16_t summary = 256;
constexpr uint32_t frequency = 1;                        // what a channel is: its number's upper half

class Streams final : public Detector {
 public:
  explicit Streams(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    lost_ = Time(s.number(time_, "seconds") * double(second));
    apart_ = Time(s.number(frequency_, "seconds") * double(second));
    difference_ = s.number(frequency_, "difference");
  }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "c37118", .acts = bit(Act::report), .roles = Want::reports}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (e.said->function != summary || e.said->malformed) return;
    for (const Point& p : e.points)
      if (p.object.kind() == ObjectKind::channel && p.object.number() == frequency << 16 && p.kind == ValueKind::real && !(p.quality & invalid)) measured(p, e, c, to);
  }

 private:
  struct Pmu {
    uint64_t key = 0;
    Time last = 0, unsynchronised = 0, apart = 0;        // since when; 0 not at all
    double hertz = 0;
    bool synchronised = false, told_time = false, told_apart = false;
  };

  void measured(const Point& p, const Event& e, const Context& c, Findings& to) {
    Pmu& u = pmu(key_of(key_of(e.scene.speaker().address), uint64_t(e.said->station) << 16 | p.object.space()));
    u.last = e.scene.time;
    u.hertz = p.number();
    if (p.time_flags & (time_unsynchronised | time_invalid)) {
      if (!u.unsynchronised) u.unsynchronised = e.scene.time;
      if (u.synchronised && !u.told_time && e.scene.time - u.unsynchronised >= lost_) {
        u.told_time = true;
        Finding f = start(time_, p, e, c);
        f.what = fmt::format("{} of {} is not synchronised any more, for {}.", name(p, e), c.text(e.scene.speaker().address), seconds_text(e.scene.time - u.unsynchronised));
        f.expected = "Its time was locked before.";
        to.raise(std::move(f));
      }
    } else {
      u.synchronised = true, u.unsynchronised = 0, u.told_time = false;
    }
    compare(u, p, e, c, to);
  }

  void compare(Pmu& u, const Point& p, const Event& e, const Context& c, Findings& to) {
    size_t n = 0;
    for (const Pmu& o : pmus_)
      if (o.key && e.scene.time - o.last <= 3 * second && std::abs(o.hertz - u.hertz) < 5) middle_[n++] = o.hertz;   // 50 Hz and 60 Hz are two worlds
    if (n < 3) return;
    std::nth_element(middle_.begin(), middle_.begin() + long(n / 2), middle_.begin() + long(n));
    const double middle = middle_[n / 2];
    if (std::abs(u.hertz - middle) <= difference_) {
      u.apart = 0, u.told_apart = false;
      return;
    }
    if (!u.apart) u.apart = e.scene.time;
    if (u.told_apart || e.scene.time - u.apart < apart_) return;
    u.told_apart = true;
    Finding f = start(frequency_, p, e, c);
    f.what = fmt::format("{} of {} says {:.3f} Hz, for {}.", name(p, e), c.text(e.scene.speaker().address), u.hertz, seconds_text(e.scene.time - u.apart));
    f.expected = fmt::format("The middle of {} PMUs is {:.3f} Hz.", n, middle);
    to.raise(std::move(f));
  }

  static std::string name(const Point& p, const Event& e) {
    const std::string text = object_text(p.object, 1, e.texts);         // "ALDER-BUS1/frequency"
    const size_t slash = text.find('/');
    return slash == text.npos || !slash ? fmt::format("PMU {}", p.object.space()) : fmt::format("PMU {}", text.substr(0, slash));
  }
  static Finding start(const Detection& d, const Point& p, const Event& e, const Context& c) {
    Finding f = finding(d, e, c);
    f.source = c.party(e.scene.speaker().address), f.target = {};
    f.cause = uint64_t(e.said->station) << 16 | p.object.space();
    f.object = name(p, e);
    return f;
  }

  Pmu& pmu(uint64_t key) {
    Pmu* oldest = &pmus_[0];
    for (Pmu& u : pmus_) {
      if (u.key == key) return u;
      if (u.last < oldest->last) oldest = &u;
    }
    *oldest = Pmu{};
    oldest->key = key;
    return *oldest;
  }

  const Detection& time_ = row("PMU-03");
  const Detection& frequency_ = row("PMU-05");
  Time lost_, apart_;
  double difference_;
  std::array<Pmu, 128> pmus_{};
  std::array<double, 128> middle_{};
};

}  // namespace

void add_c37118_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<Streams>(s)); }

}  // namespace vidra
