// SPDX-License-Identifier: Apache-2.0
// Whether the process follows (I104-12, MMS-09, DNP-37, MOD-27), and whether what is asked of it is within its limits (I104-15).
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "daemon/judge/rules.h"

namespace vidra {
namespace {

class Follows final : public CommandRule {
 public:
  void see(const Lived& l, Findings& to) override {
    if ((l.step() != Step::contradicted && l.step() != Step::not_followed) || l.context.learning) return;
    const Detection* row = l.is("iec104") ? &iec104_ : l.is("mms") ? &mms_ : l.is("dnp3") ? &dnp3_ : l.is("modbus") ? &modbus_ : nullptr;
    // A value in several registers says nothing register by register.
    const bool in_parts = l.is("modbus") && l.command.object.kind() != ObjectKind::coil && l.point && l.point->objects.first != l.point->objects.last;
    if (!row || in_parts) return;
    Finding f = l.finding(*row);
    f.cause = l.command.object.key();
    const QuantityMember* const told_by = l.point ? l.point->told_by.get() : nullptr;
    const Object feedback = l.point ? l.point->feedback_of(l.command.object) : Object{};
    const std::string of = told_by ? fmt::format("{} ({}, {})", l.context.site.host(told_by->host).name, protocols[told_by->protocol]->name, told_by->text)
                           : feedback.kind() == ObjectKind::named ? std::string("its position") : object_label(l.context, l.command.scene, l.command.station, feedback);
    f.what = fmt::format("{} of {}{} was commanded {} by {} and the station confirmed, but {} after {}.", l.object(), l.place(), l.is("mms") ? "" : ",", l.value(), l.who(),
                         l.step() == Step::contradicted ? fmt::format("{} says {}", of, value_text(l.command.seen)) : fmt::format("{} {}", of, told_by ? "told no movement" : "did not move"),
                         seconds_text(l.context.now - l.command.operated));
    f.expected = fmt::format("{} takes the commanded state within {}.", of, seconds_text(l.point && l.point->travel_time ? l.point->travel_time : Feedback{}.travel));
    to.raise(std::move(f));
  }

 private:
  const Detection &iec104_ = row("I104-12"), &mms_ = row("MMS-09"), &dnp3_ = row("DNP-37"), &modbus_ = row("MOD-27");
};

class SetPoint final : public CommandRule {
 public:
  explicit SetPoint(const JudgeSettings& s) { settle(s); }
  void settle(const JudgeSettings& s) override {
    learned_ = unsigned(s.number(row_, "learned"));
    spans_ = s.number(row_, "spans");
    dnp3_learned_ = unsigned(s.number(dnp3_, "learned"));
    dnp3_spans_ = s.number(dnp3_, "spans");
  }

  void see(const Lived& l, Findings& to) override {
    if (l.step() != Step::operated || l.context.learning || !(l.is("iec104") || l.is("dnp3"))) return;
    const Point& p = l.command.asked;
    if (p.kind != ValueKind::real && p.kind != ValueKind::integer && p.kind != ValueKind::natural) return;
    const double number = p.number(), v = l.point ? l.point->scaled(number) : number;   // in its unit; habits are of numbers
    Last& last = last_.at(key_of(key_of(key_of(l.command.scene.server.address), l.command.station), l.command.object.key()));
    const double before = std::exchange(last.number, number), from = l.point ? l.point->scaled(before) : before;
    std::string expected;
    if (!std::isfinite(v)) expected = "A set-point is a number.";
    else if (l.point && ((l.point->min && v < *l.point->min) || (l.point->max && v > *l.point->max)))
      expected = fmt::format("The site declares {} to {} for it.", l.point->min ? fmt::format("{:g}", *l.point->min) : "-∞", l.point->max ? fmt::format("{:g}", *l.point->max) : "∞");
    else if (l.point && l.point->step && std::isfinite(from) && std::fabs(v - from) > *l.point->step)
      expected = fmt::format("The site declares steps of at most {:g}; the last value was {:g}.", *l.point->step, from);
    else if (!(l.point && (l.point->min || l.point->max)) && l.habit && l.habit->times >= (l.is("dnp3") ? dnp3_learned_ : learned_) &&
             l.habit->strange(number, before, l.is("dnp3") ? dnp3_spans_ : spans_, 0.1))
      expected = fmt::format("{:g} to {:g} in {} commands learned.", l.habit->min, l.habit->max, l.habit->times);
    else return;
    Finding f = l.finding(l.is("dnp3") ? dnp3_ : row_);
    f.cause = l.command.object.key();
    f.what = fmt::format("{} set {} of {}, {}, to {}.", l.who(), l.object(), l.server(), f.station, l.value());
    f.expected = std::move(expected);
    to.raise(std::move(f));
  }

 private:
  struct Last { double number = std::numeric_limits<double>::quiet_NaN(); };   // the one before
  const Detection& row_ = row("I104-15");
  const Detection& dnp3_ = row("DNP-10");
  unsigned learned_, dnp3_learned_;
  double spans_, dnp3_spans_;
  Recent<Last> last_{4096};
};

}  // namespace

void add_process_rules(CommandRules& to, const JudgeSettings& s) {
  to.push_back(std::make_unique<Follows>());
  to.push_back(std::make_unique<SetPoint>(s));
}

}  // namespace vidra
