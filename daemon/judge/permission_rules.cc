// SPDX-License-Identifier: Apache-2.0
// Who may command: I104-02, MMS-02, and DNP-01 for a master that was only known to read.
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class Permission final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::selected && l.step() != Step::operated) return;
    if (l.permitted) return;
    const bool iec104 = l.is("iec104"), mms = l.is("mms");
    if (!iec104 && !mms && !(l.is("dnp3") && l.standing == Standing::known)) return;   // a stranger on DNP3 is told with his first request
    const uint64_t weight = pacer_.due(key_of(pair_key(l.command.scene), l.command.station), l.context.now);
    if (!weight) return;
    Finding f = l.finding(iec104 ? unpermitted_ : mms ? client_ : unauthorised_);
    f.weight = weight;
    const std::string_view origin = mms ? l.shared.name(l.command.origin) : std::string_view();
    f.what = fmt::format("{} {} {} of {}: {}{}.", l.who(), l.step() == Step::selected ? "selected" : "operated", l.object(), l.place(), l.value(),
                         !mms ? fmt::format(" ({})", function_text(l.command.scene.protocol, l.command.function)) : origin.empty() ? "" : fmt::format(", in the name of \"{}\"", origin));
    f.expected = fmt::format("{} {}. Known to ask {}: {}.", l.context.text(l.command.scene.client.address),
                             l.standing == Standing::known ? "may read here, not command" : mms ? "is not known here as a client" : "is not known here as a master", mms ? "this device" : "this station", masters_text(l.command.scene, l.context));
    to.raise(std::move(f));
  }

 private:
  const Detection& unpermitted_ = row("I104-02");
  const Detection& unauthorised_ = row("DNP-01");
  const Detection& client_ = row("MMS-02");
  Pacer pacer_;
};

}  // namespace

void add_permission_rules(CommandRules& to, const JudgeSettings&) { to.push_back(std::make_unique<Permission>()); }

}  // namespace vidra
