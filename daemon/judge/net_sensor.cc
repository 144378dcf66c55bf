// SPDX-License-Identifier: Apache-2.0
// NET-16, NET-17, NET-21 and TIM-11: what the sensor could not hear, understand or work through, or date.
#include "daemon/judge/net.h"

namespace vidra {
namespace {

class Sensor final : public Detector {
 public:
  explicit Sensor(const JudgeSettings& s) : blind_(row("NET-16")), lost_(row("NET-17")), degraded_(row("NET-21")), stepped_(row("TIM-11")), sensor_(protocol_index("sensor")) { settle(s); }
  void settle(const JudgeSettings& s) override {
    drops_ = uint64_t(s.number(blind_, "drops"));
    times_ = size_t(s.number(lost_, "times"));
    window_ = seconds(s.number(lost_, "window"));
  }
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& out) override {
    if (is_protocol(e, sensor_)) hear_sensor(e, c, out);
    else if (fact_of(e) == Fact::unreadable && !e.said->after_gap) lose(e, c, out, e.said->tag, "begin no record");
  }

 private:
  void hear_sensor(const Event& e, const Context& c, Findings& out) {
    const SensorFact fact = SensorFact(e.said->function);
    const uint32_t n = e.said->tag;
    const std::string interface = fmt::format("interface {}", e.points.empty() ? e.scene.interface : e.points[0].object.number());
    switch (fact) {
      case SensorFact::silent:
        if (Time(n) * second > longest_silence) break;
        blind(e, c, out, interface, 4, fmt::format("Nothing was heard on {} for {} s.", interface, n), "Frames arrive all the time; their absence is a cable, a mirror port or a switch.");
        break;
      case SensorFact::interface_down: {
        const Time since = e.points.empty() ? 0 : e.points[0].time;
        blind(e, c, out, interface, 4, fmt::format("The link of {} is down{}.", interface, since ? " since " + iso_time(since) : ""), "The link is up.", std::max<uint32_t>(1, n));
        break;
      }
      case SensorFact::interface_up:              // the same story: what was only going on is now known
        if (!e.points.empty() && e.points[0].time && e.points[0].kind == ValueKind::time)
          blind(e, c, out, interface, 4, fmt::format("The sensor was blind on {} from {} to {} ({}).", interface, iso_time(e.points[0].time), iso_time(Time(e.points[0].raw)),
                human_duration(Time(e.points[0].raw) - e.points[0].time)), "The link is up.", 1, SensorFact::interface_down);
        break;
      case SensorFact::one_way: blind(e, c, out, interface, 3, fmt::format("Only one direction of the conversations arrives on {}.", interface), "The mirror brings both directions."); break;
      case SensorFact::dropped:
        if (n >= drops_) blind(e, c, out, interface, 3, fmt::format("{} frames of {} were lost before the sensor could read them.", n, interface), "Every frame is read.", n);
        break;
      case SensorFact::resynchronised:            // the sum of all; each conversation says its own as `unreadable`
        if (e.scene.flow) lose(e, c, out, n, "were skipped to find the next record");
        break;
      case SensorFact::degraded: case SensorFact::recovered: overloaded(e, c, out, fact == SensorFact::recovered); break;
      case SensorFact::bound_hit: {
        Finding f = finding(lost_, e, c);
        f.cause = 2;
        f.weight = n ? n : 1;
        f.object = e.points.empty() ? "" : value_text(e.points[0], e.texts);
        f.what = fmt::format("A table of the sensor was full{}; {} entries were forgotten.", f.object.empty() ? "" : ": " + f.object, n);
        f.expected = "The tables hold what the site needs; raise the bound that is named.";
        out.raise(std::move(f));
        break;
      }
      case SensorFact::clock_stepped: stepped(e, c, out); break;
      case SensorFact::not_running: ended(e, c, out); break;
      default: break;
    }
  }

  // It tells so itself, with its next start.
  void ended(const Event& e, const Context& c, Findings& out) {
    if (e.points.empty() || e.points[0].kind != ValueKind::time) return;
    const Time from = e.points[0].time, until = Time(e.points[0].raw);
    const uint32_t times = std::max<uint32_t>(1, e.said->tag);
    Finding f = finding(blind_, e, c);
    f.severity = 4;
    f.cause = uint64_t(e.said->function) << 32;
    f.object = "the sensor";
    f.station.clear();
    f.weight = times;
    const std::string since = from ? fmt::format("from {} to {} ({})", iso_time(from), iso_time(until), human_duration(until - from)) : fmt::format("until {}, its clock does not say since when,", iso_time(until));
    f.what = times > 1 ? fmt::format("The sensor ended {} times without having been asked to; {} it heard nothing, or only moments.", times, since)
                       : fmt::format("The sensor ended without having been asked to; {} it heard nothing.", since);
    f.expected = "It runs until somebody stops it. How it ended stands in the log of its service.";
    out.raise(std::move(f));
  }

  void stepped(const Event& e, const Context& c, Findings& out) {
    Finding f = finding(stepped_, e, c);
    f.cause = 4;
    f.station.clear(), f.object.clear();
    const bool ahead = e.points.size() < 2 || e.points[1].raw;
    f.what = fmt::format("The sensor's clock was set {} by {}.", ahead ? "ahead" : "back", human_duration(Time(e.said->tag) * second));
    f.expected = "It is adjusted by small amounts, without a jump.";
    out.raise(std::move(f));
  }

  void overloaded(const Event& e, const Context& c, Findings& out, bool over) {
    constexpr std::string_view left_out[] = {
        "", "of sampled values one in eight is worked out", "of sampled values one in eight is worked out, and payloads that no dissector wants are only counted",
        "of sampled values one in eight is worked out, and undissected payloads, reports of values and polling are only counted"};
    Finding f = finding(degraded_, e, c);
    f.cause = 3;
    f.station.clear();
    f.object.clear();
    const size_t step = std::min<size_t>(e.said->tag, std::size(left_out) - 1);
    if (!over) f.what = fmt::format("More comes than the sensor can work through since {}: {}.", iso_time(e.points.empty() ? c.now : e.points[0].time), left_out[step]);
    else if (e.points.size() >= 5) {
      const Time from = e.points[0].time, until = Time(e.points[0].raw);
      f.what = fmt::format("From {} to {} ({}) more came than the sensor could work through. Left out: {} samples, {} frames with undissected payload, {} reports of values, {} polls.", iso_time(from),
                           iso_time(until), human_duration(until - from), e.points[1].raw, e.points[2].raw, e.points[3].raw, e.points[4].raw);
    } else return;
    f.expected = "Everything is worked through. Commands, writes, settings and GOOSE are never left out.";
    out.raise(std::move(f));
  }

  void blind(const Event& e, const Context& c, Findings& out, const std::string& interface, uint8_t severity, std::string what, std::string expected, uint64_t weight = 1, SensorFact of = SensorFact(0)) {
    Finding f = finding(blind_, e, c);
    f.severity = severity;
    f.cause = uint64_t(of == SensorFact(0) ? e.said->function : uint16_t(of)) << 32 | (e.points.empty() ? e.scene.interface : e.points[0].object.number());
    f.object = interface;
    f.station.clear();
    f.what = std::move(what);
    f.expected = std::move(expected);
    f.weight = weight;
    out.raise(std::move(f));
  }

  // One loss may be a cut capture; several in one conversation are not.
  void lose(const Event& e, const Context& c, Findings& out, uint32_t octets, std::string_view how) {
    Loser* l = &losers_[0];
    for (Loser& each : losers_) {
      if (each.flow == e.scene.flow) { l = &each; break; }
      if (each.last < l->last) l = &each;
    }
    if (l->flow != e.scene.flow || c.now - l->since > window_) *l = {e.scene.flow, c.now, c.now, 0, 0, 0};
    l->last = c.now;
    l->times++;
    l->octets += octets;
    l->pending++;
    if (l->times < times_ || (l->times > times_ && l->times % 64)) return;
    Finding f = finding(lost_, e, c);
    f.weight = l->pending;
    l->pending = 0;
    f.cause = protocol_cause(e.scene.protocol);
    f.station.clear();
    f.object.clear();
    f.what = fmt::format("In the conversation of {} with {} the octets lost their order {} times; {} octets {}.", c.text(e.scene.client.address), text_of(e.scene.server), l->times, l->octets, how);
    f.expected = "Every octet belongs to a record of the conversation's protocol.";
    out.raise(std::move(f));
  }

  // Live, silence is told after seconds. One of hours is a recording with a seam, or a clock that was set.
  static constexpr Time longest_silence = hour;
  struct Loser { uint64_t flow; Time since, last; uint64_t times, octets, pending; };
  static constexpr Want wants_[] = {{.protocol = "sensor"}, {.protocol = "tcp"}, {.protocol = "udp"}};
  const Detection& blind_;
  const Detection& lost_;
  const Detection& degraded_;
  const Detection& stepped_;
  uint64_t drops_;
  size_t times_;
  Time window_;
  int sensor_;
  std::array<Loser, 64> losers_{};
};

}  // namespace

std::unique_ptr<Detector> sensor_detector(const JudgeSettings& s) { return std::make_unique<Sensor>(s); }

}  // namespace vidra
