// SPDX-License-Identifier: Apache-2.0
// Select before operate: left out (I104-07, DNP-04, MMS-03), without an answer asked for (DNP-05), or not what was selected (DNP-08, MMS-03, 04).
#include <fmt/format.h>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class DirectOperate final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated || l.context.learning || !(l.command.flags & without_select) || l.command.flags & uncertain || l.standing == Standing::stranger || !l.permitted) return;
    const bool iec104 = l.is("iec104"), dnp3 = l.is("dnp3"), mms = l.is("mms");
    if ((!iec104 && !dnp3 && !mms) || (dnp3 && l.command.function == 6)) return;    // DNP-05 says it
    const bool declared = l.point && l.point->mode == CommandMode::select;
    const bool always = !(l.point && l.point->mode == CommandMode::direct) && l.habit && l.habit->times >= 2 && l.habit->selected == l.habit->times;
    if (!declared && !always) return;
    Finding f = l.finding(iec104 ? iec104_ : mms ? mms_ : dnp3_);
    f.cause = l.command.object.key();
    f.what = mms ? fmt::format("{} operated {} of {} to {} without selecting it.", l.who(), l.object(), l.server(), l.value())
                 : fmt::format("{} operated {} of {}, {}, to {} without selecting it.", l.who(), l.object(), l.server(), f.station, l.value());
    f.expected = declared ? fmt::format("The site declares select before operate for it.")
                          : fmt::format("All {} commands learned for it were selected first.", l.habit->times);
    to.raise(std::move(f));
  }

 private:
  const Detection& iec104_ = row("I104-07");
  const Detection& dnp3_ = row("DNP-04");
  const Detection& mms_ = row("MMS-03");
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
    mms_abandoned_ = unsigned(s.number(mms_, "abandoned"));
    mms_window_ = Time(s.number(mms_, "window") * double(second));
  }

  void see(const Lived& l, Findings& to) override {
    const bool mms = l.is("mms");
    if (!(l.is("dnp3") || mms) || l.standing == Standing::stranger || (mms && (l.context.learning || !l.permitted))) return;
    if (l.step() == Step::cancelled && mms) {
      // Who cancels is in the scene, who selected beside it.
      if (!l.command.selected || l.command.operated || l.command.selector.kind == Address::Kind::none || l.command.selector == l.command.scene.client.address) return;
      Finding f = l.finding(taken_);
      f.cause = l.command.object.key();
      f.what = fmt::format("{} cancelled the selection of {} of {}, which {} had made.", l.who(), l.object(), l.server(), l.context.text(l.command.selector));
      f.expected = "Who selected operates or cancels.";
      return to.raise(std::move(f));
    }
    if (l.step() == Step::expired) {               // a change of mind is no attack, a row of them is a probe
      Abandoned& a = selects_.at(pair_key(l.command.scene));
      if (l.context.now - a.first > (mms ? mms_window_ : window_)) a = {l.context.now, 0, false};
      if (++a.count < (mms ? mms_abandoned_ : abandoned_)) return;
      Finding f = l.finding(mms ? mms_ : row_);
      f.weight = a.told ? 1 : a.count;
      a.told = true;
      f.what = fmt::format("{} selected objects of {} {} times and operated none, {} the last.", l.who(), mms ? l.server() : l.place() + ",", a.count, l.object());
      f.expected = "A select is followed by its operate.";
      return to.raise(std::move(f));
    }
    constexpr uint16_t differing = digest_differs | other_selected | sequence_differs;
    if (l.step() != Step::operated || !(l.command.flags & differing) || l.command.flags & uncertain) return;
    Finding f = l.finding(!mms ? row_ : l.command.flags & other_selected ? taken_ : mms_);
    f.cause = l.command.object.key();
    const char* how = l.command.flags & other_selected ? (mms ? "which another client had selected" : "which another master had selected") : l.command.flags & digest_differs ? "with other octets than were selected"
                                                                                              : "not in the request that follows the select";
    f.what = fmt::format("{} operated {} of {}{} to {}, {}{}.", l.who(), l.object(), l.place(), mms ? "" : ",", l.value(), how,
                         l.command.flags & other_selected ? " (" + l.context.text(l.command.selector) + ")" : "");
    f.expected = mms ? "The operate repeats the select, from the same client." : "The operate repeats the select, from the same master, with the next sequence number.";
    to.raise(std::move(f));
  }

 private:
  struct Abandoned { Time first = 0; unsigned count = 0; bool told = false; };
  const Detection& row_ = row("DNP-08");
  const Detection &mms_ = row("MMS-03"), &taken_ = row("MMS-04");
  unsigned abandoned_, mms_abandoned_;
  Time window_, mms_window_;
  Recent<Abandoned> selects_{256};
};

// What a client says with each of its commands over MMS: the checks that it wants of the device (MMS-05) and who it says it is (MMS-06).
class Origins final : public CommandRule {
 public:
  explicit Origins(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    checked_ = unsigned(s.number(checks_, "commands"));
    named_ = unsigned(s.number(origin_, "commands"));
  }

  void see(const Lived& l, Findings& to) override {
    const uint32_t q = l.command.asked.qualifier;
    if (l.step() != Step::operated || !l.is("mms") || !(q >> 31) || l.standing == Standing::stranger || !l.permitted) return;
    Said& s = said_.at(pair_key(l.command.scene));
    const uint32_t checks = q & 3, category = q >> 8 & 0xff;
    // Of the two bits those that every command had.
    const uint32_t always = l.habit && l.habit->checks && l.habit->times >= 2 ? l.habit->checks : s.commands >= checked_ ? s.always : 0;
    if (always & ~checks && !l.context.learning) {
      Finding f = l.finding(checks_);
      f.cause = l.command.object.key();
      f.what = fmt::format("{} operated {} of {} to {} {}.", l.who(), l.object(), l.server(), l.value(),
                           !checks ? "without interlock check and synchrocheck" : checks & 1 ? "without interlock check" : "without synchrocheck");
      f.expected = fmt::format("All its commands before had {}.", always == 3 ? "both" : always == 2 ? "the interlock check" : "the synchrocheck");
      to.raise(std::move(f));
    } else s.always = s.commands ? s.always & checks : checks;
    s.commands++;
    const uint64_t origin = l.command.origin;
    const bool known = l.known.learned && !l.known.learned->origins.empty() ? !origin || l.known.learned->knows_origin(origin) : s.times < named_ || origin == s.origin;
    if ((known || !origin || origin == s.told) && category <= 8) {
      if (origin == s.origin) s.times++;
      else s.origin = origin, s.times = 1;
      return;
    }
    if (l.context.learning) return;
    s.told = origin;
    Finding f = l.finding(origin_);
    f.what = fmt::format("{} operated {} of {} to {} in the name of \"{}\", category {}.", l.who(), l.object(), l.server(), l.value(), l.shared.name(origin), category);
    f.expected = known ? "Categories go from 0 to 8 (IEC 61850-7-3, 6.8)."
                       : s.origin && !l.shared.name(s.origin).empty() ? fmt::format("It has always said \"{}\".", l.shared.name(s.origin)) : std::string("It has always given another name.");
    to.raise(std::move(f));
  }

 private:
  struct Said {
    unsigned commands = 0, times = 0;
    uint32_t always = 0;
    uint64_t origin = 0, told = 0;
  };
  const Detection &checks_ = row("MMS-05"), &origin_ = row("MMS-06");
  unsigned checked_, named_;
  Recent<Said> said_{256};
};

}  // namespace

void add_select_rules(CommandRules& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<DirectOperate>());
  to.push_back(std::make_unique<WithoutAnswer>());
  to.push_back(std::make_unique<SelectOperate>(s));
  to.push_back(std::make_unique<Origins>(s));
}

}  // namespace vidra
