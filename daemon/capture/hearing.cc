// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/hearing.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/capture/merge.h"
#include "daemon/capture/steady_wall.h"

namespace vidra {
namespace {

constexpr Time longest_wait = 10 * millisecond;
constexpr Time longest_behind = 400 * millisecond;   // as good as a full buffer
constexpr Time long_away = 50 * millisecond;           // so long a pause may have cost frames: it is looked after
constexpr Time longest_backlog = 2 * second;         // of which nobody need catch up who did not read for so long
constexpr Time shortest_sleep = 20 * microsecond, longest_sleep = 500 * microsecond;   // between two looks at what has to be asked

class Hearing final : public Source {
 public:
  Hearing(std::vector<Interface> interfaces, std::vector<std::unique_ptr<Tap>> taps, Time merge_window, size_t room)
      : interfaces_(std::move(interfaces)), taps_(std::move(taps)), ways_(taps_.size()), window_(merge_window), stop_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (stop_ < 0) throw std::runtime_error(fmt::format("eventfd: {}", std::strerror(errno)));
    if (taps_.size() > 1) merge_ = std::make_unique<Merge>(taps_.size(), room);
    for (size_t i = 0; i < interfaces_.size(); i++)
      for (size_t k = 0; k < i; k++) grouped_ |= !interfaces_[i].group.empty() && interfaces_[k].group == interfaces_[i].group;
    waits_.resize(taps_.size() + 1);
    waited_.resize(taps_.size() + 1);
  }
  ~Hearing() override {
    taps_.clear();
    close(stop_);
  }

  Polled poll(std::span<Packet> to) override {
    for (bool waited = false;; waited = true) {
      if (stopped_.load(std::memory_order_relaxed)) return {0, now_, true};
      const size_t n = merge_ ? read_all(to) : read_one(to);
      for (Packet& p : to.first(n)) {
        p.time = now_ = std::max(now_, p.time);
        Way& w = ways_[p.interface];
        w.taken++;
        w.last = p.octets;
      }
      if (n == 0) now_ = std::max(now_, heard_);
      since_sleep_ += n;
      if (n > 0 || waited) return {n, now_, false};
      wait();
    }
  }

  void release() override {
    for (size_t i = 0; i < taps_.size(); i++)
      if (Way& w = ways_[i]; w.taken) taps_[i]->done(w.taken, w.last), w.taken = 0;
  }

  Counters counters(uint16_t i) const override { return i < taps_.size() ? taps_[i]->counters() : Counters{}; }
  std::span<const Interface> interfaces() const override { return interfaces_; }

  void stop() override {
    stopped_ = true;
    const uint64_t one = 1;
    if (write(stop_, &one, sizeof one) < 0) return;   // full: it wakes all the same
  }

  bool live() const override { return true; }
  bool up(uint16_t i) const override {
    if (i >= taps_.size()) return true;
    const Outage& o = taps_[i]->outage();
    return !o.count || o.until;
  }
  double fill() const override { return fill_; }
  Outage outage(uint16_t i) const override { return i < taps_.size() ? taps_[i]->outage() : Outage{}; }
  std::string flaw() const override {
    std::string all;
    for (const auto& t : taps_)
      if (const std::string f = t->flaw(); !f.empty()) all += (all.empty() ? "" : "; ") + f;
    return all;
  }

 private:
  struct Way { size_t taken = 0; Bytes last; Time read_out = 0, behind_since = 0; uint64_t lost = 0; };   // given out by the last poll; when nothing was left behind last; since when something counts as left; frames, when last looked

  Time look() {
    // Both clocks of one moment: somebody who is put aside between the two readings would see the wall clock stepped. And no
    // less than a real step is taken for one, or frames of two interfaces would change places by a jitter of the clocks.
    Time monotonic = 0, wall = 0, closest = Merge::never;
    for (int i = 0; i < 4 && closest > 5 * microsecond; i++) {
      const Time a = monotonic_now(), w = wall_now(), b = monotonic_now();
      if (b - a < closest) closest = b - a, monotonic = a, wall = w;
    }
    const Time now = clock_.advance(monotonic, wall);
    if (std::abs(clock_.skew() - skew_) > 200 * microsecond) skew_ = clock_.skew();
    for (size_t i = 0; i < taps_.size(); i++) taps_[i]->tend(now, trouble_ & uint64_t{1} << std::min<size_t>(i, 63));
    trouble_ = 0;
    return now;
  }

  size_t read_one(std::span<Packet> to) {
    const Time now = look();
    Tap& t = *taps_[0];
    const size_t n = t.open() ? t.read(to, now, skew_) : 0;
    fill_ = fill_of(0, now);
    heard_ = !t.open() ? now : t.drained() ? now - t.lag() : t.last();
    return n;
  }

  size_t read_all(std::span<Packet> to) {
    const Time now = look();
    heard_ = Merge::never;
    fill_ = 0;
    for (size_t i = 0; i < taps_.size(); i++) {
      Tap& t = *taps_[i];
      bool drained = true;
      while (t.open()) {
        const size_t most = std::min(merge_->room(i), batch_.size());
        if (most == 0) { drained = false; break; }
        const size_t n = t.read(std::span(batch_).first(most), now, skew_);
        for (const Packet& p : std::span(batch_).first(n)) merge_->add(i, p);
        drained = t.drained();
        if (drained || n == 0) break;
      }
      fill_ = std::max(fill_, fill_of(i, now));
      // What was left behind is not before the last frame read; of what is not yet here, nothing is older than the lag.
      heard_ = std::min(heard_, !t.open() ? now : drained ? now - (grouped_ ? std::max(window_, t.lag()) : t.lag()) : t.last());
      merge_->heard_until(i, !t.open() ? Merge::never : drained ? now - std::max(window_, t.lag()) : t.last());
    }
    return merge_->take(to, grouped_);
  }

  // How full its buffer is; of one that cannot say it, how long it was not read to its end: it brings more than is taken. What came
  // while nobody read, before the first poll or in a moment in which the machine stood, is behind without that: it may take as long
  // again, where nothing was lost by it. What a start loses is told as that.
  double fill_of(size_t i, Time now) {
    const Tap& t = *taps_[i];
    Way& w = ways_[i];
    if (!t.open() || t.drained()) return w.read_out = now, w.behind_since = 0;
    if (!w.behind_since) {
      const Time away = std::min(now - (w.read_out ? w.read_out : opened_), longest_backlog);
      w.behind_since = now + away;
      if (w.read_out && away > long_away) {
        const Counters c = t.counters();
        const uint64_t lost = (c.dropped_by_kernel == Counters::unknown ? 0 : c.dropped_by_kernel) + (c.dropped_by_card == Counters::unknown ? 0 : c.dropped_by_card);
        if (std::exchange(w.lost, lost) != lost) w.behind_since = now - away;
      }
    }
    if (now < w.behind_since) return 0;
    if (const double f = t.fill(); f >= 0) return f;
    return std::min(double(now - w.behind_since) / double(longest_behind), 1.0);
  }

  void wait() {
    size_t n = 0;
    waits_[n] = {stop_, POLLIN, 0}, waited_[n++] = taps_.size();
    bool polled = false;
    Time longest = longest_wait;
    for (size_t i = 0; i < taps_.size(); i++) {
      // A ring whose frames are held calls as long as they are: it is asked each millisecond instead.
      if (const int d = taps_[i]->descriptor(); d >= 0) waits_[n] = {d, short(merge_ && merge_->held(i) ? 0 : POLLIN), 0}, waited_[n++] = i;
      polled |= taps_[i]->polled() && taps_[i]->open();
      if (merge_ && merge_->held(i)) longest = millisecond;
    }
    if (polled) {
      // As long as brings some dozens of frames, and no longer: few a time cost a look each, many might not find room.
      if (since_sleep_ < 32) sleep_ = std::min(longest_sleep, sleep_ + sleep_ / 4);
      else if (since_sleep_ > 128) sleep_ = std::max(shortest_sleep, sleep_ / 2);
      since_sleep_ = 0;
      longest = std::min(longest, sleep_);
    }
    const timespec t{0, long(longest)};
    if (ppoll(waits_.data(), nfds_t(n), &t, nullptr) <= 0) return;
    for (size_t k = 1; k < n; k++)
      if (waits_[k].revents & (POLLERR | POLLHUP | POLLNVAL)) trouble_ |= uint64_t{1} << std::min<size_t>(waited_[k], 63);
  }

  std::vector<Interface> interfaces_;
  std::vector<std::unique_ptr<Tap>> taps_;
  std::vector<Way> ways_;
  std::unique_ptr<Merge> merge_;               // none for one interface
  std::array<Packet, 256> batch_;
  std::vector<pollfd> waits_;
  std::vector<size_t> waited_;                 // whose descriptor it is
  const Time opened_ = wall_now();
  SteadyWall clock_{monotonic_now(), opened_};
  Time skew_ = 0;                              // by how much stamps are ahead of times
  Time now_ = 0, heard_ = 0, window_, sleep_ = shortest_sleep;
  size_t since_sleep_ = 0;                     // frames
  uint64_t trouble_ = 0;                       // by tap
  double fill_ = 0;
  bool grouped_ = false;
  int stop_;
  std::atomic<bool> stopped_{false};
};

}  // namespace

std::unique_ptr<Source> hear(std::vector<Interface> interfaces, std::vector<std::unique_ptr<Tap>> taps, Time merge_window, size_t room) {
  return std::make_unique<Hearing>(std::move(interfaces), std::move(taps), merge_window, room);
}

}  // namespace vidra
