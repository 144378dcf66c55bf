// SPDX-License-Identifier: Apache-2.0
// Select before operate: left out (I104-07, DNP-04), without an answer asked for (DNP-05), or not what was selected (DNP-08).
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class DirectOperate final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated || l.context.learning || !(l.command.flags & without_select) || l.command.flags & uncertain || l.standing == Standing::stranger || !l.permitted) return;
    const bool iec104 = l.is("iec104"), dnp3 = l.is("dnp3");
    if ((!iec104 && !dnp3) || (dnp3 && l.command.function == 6)) return;    // DNP-05 says it
    const bool declared = l.point && l.point->mode == CommandMode::select;
    const bool always = !(l.point && l.point->mode == CommandMode::direct) && l.habit && l.habit->times >= 2 && l.habit->selected == l.habit->times;
    if (!declared && !always) return;
    Finding f = l.finding(iec104 ? iec104_ : dnp3_);
    f.cause = l.command.object.key();
    f.what = fmt::format("{} operated {} of {}, {}, to {} without selecting it.", l.who(), l.object(), l.server(), f.station, l.value());
    f.expected = declared ? fmt::format("The site declares select before operate for it.")
                          : fmt::format("All {} commands learned for it were selected first.", l.habit->times);
    to.raise(std::move(f));
  }

 private:
  const Detection& iec104_ = row("I104-07");
  const Detection& dnp3_ = row("DNP-04");
};

class WithoutAnswer final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated || !l.is("dnp3") || l.command.function != 6 || l.standing == Standing::stranger) return;
    if (l.known.learned && l.known.learned->knows_function(6, 0)) return;
    const uint64_t weight = pacer_.due(pair_key(l.command.scene), l.context.now);
    if (!weight) return;
    Finding f = l.finding(row_);
    f.weight = weight;
    f.what = fmt::format("{} operated {} of {}, {}, to {} and asked for no acknowledgement.", l.who(), l.object(), l.server(), f.station, l.value());
    f.expected = "Commands are acknowledged, so that the operator sees whether they were carried out.";
    to.raise(std::move(f));
  }

 private:
  const Detection& row_ = row("DNP-05");
  Pacer pacer_;
};

class SelectOperate final : public CommandRule {
 public:
  explicit SelectOperate(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    abandoned_ = unsigned(s.number(row_, "abandoned"));
    window_ = Time(s.number(row_, "window") * double(second));
  }

  void see(const Lived& l, Findings& to) override {
    if (!l.is("dnp3") || l.standing == Standing::stranger) return;
    if (l.step() == Step::expired) {               // a change of mind is no attack, a row of them is a probe
      Abandoned& a = selects_.at(pair_key(l.command.scene));
      if (l.context.now - a.first > window_) a = {l.context.now, 0, false};
      if (++a.count < abandoned_) return;
      Finding f = l.finding(row_);
      f.weight = a.told ? 1 : a.count;
      a.told = true;
      f.what = fmt::format("{} selected objects of {}, {}, {} times and operated none, {} the last.", l.who(), l.server(), f.station, a.count, l.object());
      f.expected = "A select is followed by its operate.";
      return to.raise(std::move(f));
    }
    constexpr uint16_t differing = digest_differs | other_selected | sequence_differs;
    if (l.step() != Step::operated || !(l.command.flags & differing) || l.command.flags & uncertain) return;
    Finding f = l.finding(row_);
    f.cause = l.command.object.key();
    const char* how = l.command.flags & other_selected ? "which another master had selected" : l.command.flags & digest_differs ? "with other octets than were selected"
                                                                                              : "not in the request that follows the select";
    f.what = fmt::format("{} operated {} of {}, {}, to {}, {}{}.", l.who(), l.object(), l.server(), f.station, l.value(), how,
                         l.command.flags & other_selected ? " (" + l.context.text(l.command.selector) + ")" : "");
    f.expected = "The operate repeats the select, from the same master, with the next sequence number.";
    to.raise(std::move(f));
  }

 private:
  struct Abandoned { Time first = 0; unsigned count = 0; bool told = false; };
  const Detection& row_ = row("DNP-08");
  unsigned abandoned_;
  Time window_;
  Recent<Abandoned> selects_{256};
};

}  // namespace

void add_select_rules(CommandRules& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<DirectOperate>());
  to.push_back(std::make_unique<WithoutAnswer>());
  to.push_back(std::make_unique<SelectOperate>(s));
}

}  // namespace vidra
