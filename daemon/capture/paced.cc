// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/paced.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "daemon/base/clock.h"

namespace vidra {
namespace {

constexpr Time least_wait = millisecond;   // as a card hands over what came meanwhile; a timer for each packet would cost ten times what judging it costs

class Paced final : public Source {
 public:
  Paced(std::unique_ptr<Source> recording, double pace) : in_(std::move(recording)), pace_(pace) {}

  // The recording's burst is held until all of it has been played; only then is the next one asked for.
  Polled poll(std::span<Packet> to) override {
    if (at_ == have_) {
      if (held_) in_->release(), held_ = false;
      const Polled polled = in_->poll(burst_);
      at_ = 0, have_ = polled.packets, held_ = true;
      if (polled.ended) return {0, now_, true};
      if (!have_) return {0, now_, false};
      if (!started_) began_ = monotonic_now(), first_ = burst_[0].time, started_ = true;
    }
    Time due = played();
    if (burst_[at_].time > due) {
      const Time wait = std::clamp<Time>(Time(double(burst_[at_].time - due) / pace_), least_wait, 5 * millisecond);
      sleep_for(wait);
      due = played();
    }
    size_t n = 0;
    while (n < to.size() && at_ < have_ && burst_[at_].time <= due) to[n++] = burst_[at_++];
    const Time until = at_ < have_ ? std::min(due, burst_[at_].time) : burst_[have_ - 1].time;
    now_ = std::max(now_, until);
    return {n, now_, false};
  }
  void release() override {}
  Counters counters(uint16_t i) const override { return in_->counters(i); }
  std::span<const Interface> interfaces() const override { return in_->interfaces(); }
  void stop() override { in_->stop(), pace_ = 1e12; }
  std::string flaw() const override { return in_->flaw(); }
  double progress() const override { return in_->progress(); }

 private:
  Time played() const { return first_ + Time(double(monotonic_now() - began_) * pace_); }

  std::unique_ptr<Source> in_;
  std::atomic<double> pace_;
  std::array<Packet, 64> burst_;
  size_t at_ = 0, have_ = 0;
  bool held_ = false, started_ = false;
  Time began_ = 0, first_ = 0, now_ = 0;
};

}  // namespace

std::unique_ptr<Source> paced(std::unique_ptr<Source> recording, double pace) { return std::make_unique<Paced>(std::move(recording), pace); }

}  // namespace vidra
