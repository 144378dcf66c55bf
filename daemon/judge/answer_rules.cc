// SPDX-License-Identifier: Apache-2.0
// How stations answer commands: not at all (I104-09), with no (I104-10, MMS-08), or without having been asked (I104-11).
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

std::string reason_text(uint16_t protocol, uint16_t reason) {
  const auto name = protocols[protocol]->reason;
  const std::string_view text = name ? name(reason) : std::string_view{};
  return text.empty() ? fmt::format("cause {}", reason) : std::string(text);
}

class Answers final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    const bool mms = l.is("mms");
    if (!l.is("iec104") && !(mms && l.step() == Step::refused)) return;
    const Scene& s = l.command.scene;
    switch (l.step()) {
      case Step::unanswered: case Step::unterminated: {
        if (l.standing == Standing::stranger || l.shared.lately(Shared::sweep, s, 5 * minute)) return;
        Finding f = l.finding(unanswered_);
        f.cause = l.step() == Step::unterminated;
        const Time asked = l.command.operated ? l.command.operated : l.command.selected;
        f.what = l.step() == Step::unanswered
                     ? fmt::format("{} did not answer {}, which asked {}, {}, for {}, in {}.", l.server(), l.who(), l.object(), f.station, l.value(), seconds_text(l.context.now - asked))
                     : fmt::format("{} never reported the end of the command of {} to {}, {}.", l.server(), l.who(), l.object(), f.station);
        f.expected = l.step() == Step::unanswered ? "A command is confirmed or refused." : "This station has always reported the end of such commands.";
        return to.raise(std::move(f));
      }
      case Step::refused: {
        // What a stranger is refused, or an enumeration turns up, has its own story.
        if (l.standing == Standing::stranger || !l.permitted || (!mms && l.command.reason >= 44) || l.shared.lately(Shared::sweep, s)) return;
        if (mms && l.context.learning) return;
        Finding f = l.finding(mms ? broken_off_ : refused_);
        f.cause = l.command.object.key();
        f.what = fmt::format("{} {} the command of {} to {}{}: {} ({}).", l.server(), mms && l.command.terminated ? "broke off" : "refused", l.who(), l.object(),
                             f.station.empty() ? "" : ", " + f.station, l.value(), reason_text(s.protocol, l.command.reason));
        f.expected = "The station accepts the commands of its master; interlocking and local control explain a refusal.";
        return to.raise(std::move(f));
      }
      case Step::unasked: {
        const uint64_t weight = pacer_.due(pair_key(s), l.context.now);
        if (!weight) return;
        Finding f = l.finding(unasked_);
        f.source = l.context.party(s.server.address);
        f.target = l.context.party(s.client.address);
        f.weight = weight;
        f.what = fmt::format("{} confirmed to {} a command to {}, {}, {}, that {} was not heard to give.", l.server(), l.who(), l.object(), f.station, l.value(), l.who());
        f.expected = "Each confirmation follows a command that the sensor hears too.";
        return to.raise(std::move(f));
      }
      default: return;
    }
  }

 private:
  const Detection& unanswered_ = row("I104-09");
  const Detection& refused_ = row("I104-10");
  const Detection& broken_off_ = row("MMS-08");
  const Detection& unasked_ = row("I104-11");
  Pacer pacer_;
};

}  // namespace

void add_answer_rules(CommandRules& to, const JudgeSettings&) { to.push_back(std::make_unique<Answers>()); }

}  // namespace vidra
