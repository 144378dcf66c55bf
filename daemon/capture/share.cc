// SPDX-License-Identifier: Apache-2.0
#include "daemon/capture/share.h"

#include <algorithm>

namespace vidra {
namespace {

class Share final : public Source {
 public:
  Share(std::unique_ptr<Source> whole, const Spread& spread, size_t worker, size_t workers, std::shared_ptr<uint64_t> number)
      : whole_(std::move(whole)), spread_(spread), worker_(worker), workers_(workers), number_(std::move(number)) {}

  Polled poll(std::span<Packet> to) override {
    Polled polled = whole_->poll(to);
    size_t mine = 0;
    for (Packet& p : to.first(polled.packets)) {
      p.number = ++*number_;
      if (spread_(p.octets, p.link) % workers_ != worker_) continue;
      if (p.interface >= counted_.size()) counted_.resize(size_t{p.interface} + 1);
      Counters& c = counted_[p.interface];
      c.delivered++;
      c.octets += p.octets.size();
      c.unsupported += p.link == Link::unsupported;
      to[mine++] = p;
    }
    polled.packets = mine;
    return polled;
  }
  void release() override { whole_->release(); }
  // What was dropped before anybody read it is the whole's, and the first says it.
  Counters counters(uint16_t i) const override {
    Counters c = i < counted_.size() ? counted_[i] : Counters{};
    const Counters whole = whole_->counters(i);
    const auto drops = [&](uint64_t n) { return worker_ == 0 || n == Counters::unknown ? n : 0; };
    c.dropped_by_card = drops(whole.dropped_by_card), c.dropped_by_kernel = drops(whole.dropped_by_kernel), c.dropped_by_us = drops(whole.dropped_by_us);
    return c;
  }
  std::span<const Interface> interfaces() const override { return whole_->interfaces(); }
  void stop() override { whole_->stop(); }
  bool live() const override { return whole_->live(); }
  bool up(uint16_t i) const override { return whole_->up(i); }
  Outage outage(uint16_t i) const override { return whole_->outage(i); }
  double fill() const override { return whole_->fill(); }
  std::string flaw() const override { return whole_->flaw(); }
  double progress() const override { return whole_->progress(); }

 private:
  std::unique_ptr<Source> whole_;
  Spread spread_;
  size_t worker_, workers_;
  std::shared_ptr<uint64_t> number_;
  std::vector<Counters> counted_;              // by interface
};

}  // namespace

std::unique_ptr<Source> share_of(std::unique_ptr<Source> whole, const Spread& spread, size_t worker, size_t workers, std::shared_ptr<uint64_t> counted) {
  if (!counted) counted = std::make_shared<uint64_t>(0);
  return std::make_unique<Share>(std::move(whole), spread, worker, workers, std::move(counted));
}

}  // namespace vidra
