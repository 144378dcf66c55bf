// SPDX-License-Identifier: Apache-2.0
// PN-04: a second controller connects to a device that another one drives.
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr uint16_t connect = 0x100, release = 0x101;

class SecondController final : public Detector {
 public:
  explicit SecondController(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override { silence_ = Time(s.number(row_, "silence") * double(second)); }
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "profinet"}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    // Calls go between addresses, cyclic data between MACs: either shows that a controller is still there.
    for (Relation& r : relations_)
      if (r.last && ((r.controller_mac == e.scene.client_mac && r.device_mac == e.scene.server_mac) || (r.controller_mac == e.scene.server_mac && r.device_mac == e.scene.client_mac)))
        r.last = e.scene.time;
    if (m.role != Role::response || m.refused || m.malformed || (m.function != connect && m.function != release)) return;
    Relation* mine = nullptr;
    const Relation* other = nullptr;
    for (Relation& r : relations_) {
      if (!r.last || !(r.device == e.scene.server.address)) continue;
      if (r.controller == e.scene.client.address) mine = &r;
      else if (e.scene.time - r.last < silence_) other = &r;
    }
    if (m.function == release) {
      if (mine) mine->last = 0;
      return;
    }
    if (!mine) {
      mine = &relations_[0];
      for (Relation& r : relations_)
        if (r.last < mine->last) mine = &r;
      *mine = {e.scene.server.address, e.scene.client.address, e.scene.server_mac, e.scene.client_mac, e.scene.time};
      if (other && !c.learning && !known(e.scene, c).any()) tell(*other, e, c, to);
    }
  }

 private:
  struct Relation { Address device, controller; Mac device_mac, controller_mac; Time last = 0; };

  void tell(const Relation& other, const Event& e, const Context& c, Findings& to) const {
    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.client.address), f.target = c.party(e.scene.server.address);
    f.object.clear();
    f.what = fmt::format("{} connected to {} while {} drives it.", c.text(e.scene.client.address), c.text(e.scene.server.address), c.text(other.controller));
    f.expected = "A device has one controller.";
    to.raise(std::move(f));
  }

  const Detection& row_ = row("PN-04");
  Time silence_;
  std::array<Relation, 128> relations_{};
};

}  // namespace

void add_profinet_detectors(Detectors& to, const JudgeSettings& s) { to.push_back(std::make_unique<SecondController>(s)); }

}  // namespace vidra
