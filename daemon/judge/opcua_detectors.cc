// SPDX-License-Identifier: Apache-2.0
// What OPC UA shows only over time: OPC-01, a channel that lost its security, and OPC-07, a server with another certificate.
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

constexpr uint16_t open_channel = 446, activate_session = 467;
constexpr uint32_t mode_none = 1, mode_sign = 2;         // MessageSecurityMode, Message::qualifier

uint64_t server_key(const Scene& s) { return key_of(key_of(s.server.address), s.server.port); }

class Unsecured final : public Detector {
 public:
  explicit Unsecured(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "opcua", .acts = acts({Act::session, Act::other}), .roles = Want::requests}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    const Message& m = *e.said;
    if (m.malformed) return;
    if (m.qualifier >= mode_sign) {
      secured_.at(server_key(e.scene)) = true;
      secured_.at(c.conversation.pair) = true;
      return;
    }
    if (m.function != activate_session || m.qualifier != mode_none) return;   // without security the endpoints are asked for, always
    const bool* server = secured_.find(server_key(e.scene));
    if (!server) return;
    const bool fell = secured_.find(c.conversation.pair), known_one = known(e.scene, c).any();
    if (!fell && (c.learning || known_one || shared_->standing(e.scene, c, to) != Standing::stranger)) return;
    Finding f = finding(row_, e, c);
    f.object.clear();
    f.what = fmt::format("{} opened a session at {} that is neither signed nor encrypted.", c.text(e.scene.client.address), c.text(e.scene.server.address));
    f.expected = fell ? "It spoke with this server over a secured channel before." : "Others speak with this server over secured channels.";
    to.raise(std::move(f));
  }

 private:
  const Detection& row_ = row("OPC-01");
  std::shared_ptr<Shared> shared_;
  Recent<bool> secured_;
};

class Certificates final : public Detector {
 public:
  std::span<const Want> wants() const override {
    static constexpr Want w[] = {{.protocol = "opcua", .acts = bit(Act::session), .roles = Want::responses}};
    return w;
  }

  void see(const Event& e, const Context& c, Findings& to) override {
    if (e.said->function != open_channel || e.said->malformed) return;
    uint64_t policy = 0, certificate = 0;
    for (const Point& p : e.points) {
      if (p.object == policy_) policy = p.raw;
      if (p.object == certificate_) certificate = p.raw;
    }
    if (!certificate) return;
    uint64_t& before = seen_.at(key_of(server_key(e.scene), policy));   // a server may have one for each policy
    const uint64_t last = std::exchange(before, certificate);
    if (!last || last == certificate) return;
    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.server.address), f.target = c.party(e.scene.client.address);
    f.object.clear();
    f.what = fmt::format("{} shows {} another certificate than before, {}.", c.text(e.scene.server.address), c.text(e.scene.client.address), e.texts.find(certificate));
    f.expected = "A server keeps its certificate until it is renewed.";
    to.raise(std::move(f));
  }

 private:
  const Object policy_ = Object::of_text(text_key("security policy")), certificate_ = Object::of_text(text_key("sender's certificate"));
  const Detection& row_ = row("OPC-07");
  Recent<uint64_t> seen_{256};
};

}  // namespace

void add_opcua_detectors(Detectors& to, std::shared_ptr<Shared> shared) {
  to.push_back(std::make_unique<Unsecured>(std::move(shared)));
  to.push_back(std::make_unique<Certificates>());
}

}  // namespace vidra
