// SPDX-License-Identifier: Apache-2.0
// What DLMS shows only over time: DLM-05, an invocation counter that does not go on, and DLM-07, one system title at two addresses.
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

const Point* find(const Event& e, Object o) {
  for (const Point& p : e.points)
    if (p.object == o) return &p;
  return nullptr;
}

// Counters of the global keys only rise (IEC 62056-5-3, 5.3.3). A dedicated key lives for one association, and so does its counter.
bool is_global(uint16_t function) { return !((function >= 0x41 && function <= 0x58) || (function >= 0xd0 && function <= 0xd7) || function == 0xdc); }

class Counters final : public Detector {
 public:
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dlms"}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (!m.encrypted || m.malformed || m.continued || !is_global(m.function)) return;
    const Point* p = find(e, counter_);
    if (!p || !p->has_number()) return;
    constexpr uint32_t broadcast_key = 0x40;
    const uint64_t ends = key_of(m.station, key_of(m.origin, (m.qualifier & broadcast_key) | uint32_t(e.scene.from)));
    Last& last = last_.at(key_of(c.conversation.pair, ends));
    const uint32_t counter = uint32_t(p->raw);
    const bool again = counter == last.counter && e.scene.time - last.at < 30 * second;   // asked again, the answer was lost
    const uint32_t before = last.counter;
    if (!last.at || counter > before) {
      last = {e.scene.time, counter};
      return;
    }
    if (again) return;
    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.speaker().address), f.target = c.party(e.scene.listener().address);
    f.cause = uint64_t(e.scene.from);
    f.object.clear();
    f.what = fmt::format("{} sent {} a secured message with the invocation counter {}, after {}.", c.text(e.scene.speaker().address), c.text(e.scene.listener().address), counter, before);
    f.expected = "Every secured message has a higher counter than the one before.";
    to.raise(std::move(f));
  }

 private:
  struct Last { Time at = 0; uint32_t counter = 0; };
  const Object counter_ = Object::of_text(text_key("invocation counter"));
  const Detection& row_ = row("DLM-05");
  Recent<Last> last_{4096};
};

class Titles final : public Detector {
 public:
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "dlms"}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (e.said->role == Role::request || e.said->malformed) return;     // one client may reach its meters over several paths
    const Point* p = find(e, title_);
    if (!p || p->kind != ValueKind::text) return;
    const Address& here = e.scene.speaker().address;
    Holder& holder = holders_.at(p->raw);
    const Holder before = std::exchange(holder, {here, e.scene.time});
    if (!before.at || before.address == here) return;
    const HeardHost* other = to.heard(before.address);
    if (!other || e.scene.time - other->last > 10 * minute) return;     // it has another address now
    Finding f = finding(row_, e, c);
    f.source = c.party(here), f.target = c.party(before.address);
    f.object = e.texts.find(p->raw);
    f.what = fmt::format("{} says that it is the meter {}, as {} does.", c.text(here), f.object, c.text(before.address));
    f.expected = "A system title belongs to one device.";
    to.raise(std::move(f));
  }

 private:
  struct Holder { Address address; Time at = 0; };
  const Object title_ = Object::of_text(text_key("system title"));
  const Detection& row_ = row("DLM-07");
  Recent<Holder> holders_{4096};
};

}  // namespace

void add_dlms_detectors(Detectors& to) {
  to.push_back(std::make_unique<Counters>());
  to.push_back(std::make_unique<Titles>());
}

}  // namespace vidra
