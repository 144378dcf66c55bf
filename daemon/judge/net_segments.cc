// SPDX-License-Identifier: Apache-2.0
// NET-15: octets sent twice with different content, marked urgent, or cut into IP fragments, in a control session. Traffic
// compares the octets; keep-alive octets and acknowledged data sent again never come here.
#include "daemon/judge/net.h"

namespace vidra {
namespace {

class Segments final : public Detector {
 public:
  explicit Segments(const JudgeSettings&) : row_(row("NET-15")), tcp_(protocol_index("tcp")) {}
  std::span<const Want> wants() const override { return wants_; }

  void see(const Event& e, const Context& c, Findings& out) override {
    const Fact fact = fact_of(e);
    if (fact != Fact::overlap && fact != Fact::fragment_overlap && fact != Fact::fragmented && fact != Fact::urgent) return;
    const Endpoint& server = e.scene.server;
    const bool declared = c.conversation.declared && c.conversation.declared->protocol_index >= 0;
    if (!(c.conversation.spoken && is_control(uint16_t(c.conversation.spoken - 1))) && !declared && !is_ot_port(server.port) &&
        !(fact == Fact::fragment_overlap && is_ot_port(e.scene.client.port))) return;   // of fragments it is only known who sent them
    // Datagrams are fragmented where they are long; a stream's segments never need to be.
    if (fact == Fact::fragmented && (!is_protocol(e, tcp_) || (c.conversation.learned && c.conversation.learned->fragments))) return;
    if (fact == Fact::fragmented && c.learning) return;

    Finding f = finding(row_, e, c);
    f.source = c.party(e.scene.speaker().address);
    f.target = c.party(e.scene.listener().address);
    f.station.clear();
    f.object.clear();
    f.cause = e.said->function;
    const std::string session = c.conversation.spoken ? std::string(protocols[c.conversation.spoken - 1u]->title) : fmt::format("TCP port {}", server.port);
    const std::string from = c.text(e.scene.speaker().address), to = c.text(e.scene.listener().address);
    switch (fact) {
      case Fact::overlap: f.what = fmt::format("{} sent {} the same octets twice with different content, in a session of {}.", from, to, session); break;
      case Fact::fragment_overlap: f.what = fmt::format("{} sent {} overlapping IP fragments with different content, in a session of {}.", from, to, session); break;
      case Fact::urgent: f.what = fmt::format("{} marked octets to {} as urgent, in a session of {}: some receivers take them out of the stream, others do not.", from, to, session); break;
      default: f.what = fmt::format("{} cut its segments to {} into IP fragments, in a session of {}.", from, to, session); break;
    }
    f.expected = fact == Fact::urgent ? "Control protocols mark nothing as urgent." : fact == Fact::fragmented ? "TCP keeps its segments below the path's MTU; none of these came in fragments before." : "Octets sent again carry what they carried the first time.";
    out.raise(std::move(f));
  }

 private:
  static constexpr Want wants_[] = {{.protocol = "tcp"}, {.protocol = "udp"}};
  const Detection& row_;
  int tcp_;
};

}  // namespace

std::unique_ptr<Detector> segment_detector(const JudgeSettings& s) { return std::make_unique<Segments>(s); }

}  // namespace vidra
