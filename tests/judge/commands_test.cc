// SPDX-License-Identifier: Apache-2.0
#include "daemon/judge/commands.h"

#include <gtest/gtest.h>

#include "tests/support/events.h"

namespace vidra {
namespace {

constexpr std::string_view scada = "10.10.100.10", standby = "10.10.100.11", rtu = "10.10.1.20", outstation = "10.10.1.21", hmi = "10.10.1.30", plc = "10.10.1.60";
constexpr Time start = 1'795'000'000 * second;

// Plays a script and keeps every step as text: "operated 5101 direct", so that expectations read like a log.
struct Play {
  explicit Play(std::vector<Feedback> feedback = {}) { commands.declare(feedback); }

  void operator()(const Scripted& e) { keep(commands.see(e.event())); }
  void until(Time t) {                       // something else is heard meanwhile
    keep(commands.see(iec104_report(t, standby, "10.10.1.99", M_ME_TF, 3, 1, 2001, 1).event()));
    keep(commands.tick(t + 100 * millisecond));
  }
  void silent_until(Time t) { keep(commands.tick(t)); }
  void keep(std::span<const Outcome> outcomes) {
    for (const Outcome& o : outcomes) {
      std::string s = std::string(name_of(o.step)) + " " + std::to_string(o.command.object.number());
      for (const auto& [flag, word] : {std::pair{without_select, " direct"}, {digest_differs, " differs"}, {other_selected, " other"},
                                       {select_refused, " refused-select"}, {sequence_differs, " sequence"}, {uncertain, " uncertain"}})
        if (o.step == Step::operated && o.command.flags & flag) s += word;
      steps.push_back(s);
      last = o.command;
    }
  }
  std::vector<std::string> take() { return std::exchange(steps, {}); }

  Commands commands;
  std::vector<std::string> steps;
  Command last;
};
using Steps = std::vector<std::string>;

Feedback switch_feedback(Time travel = 30 * second) {
  return {parse_address(rtu).value(), uint16_t(protocol_index("iec104")), 11, Object(ObjectKind::information_object, 5101), Object(ObjectKind::information_object, 1101), travel};
}

Scripted dc(Time at, double value, bool select, std::string_view master = scada) { return iec104_command(start + at, master, rtu, C_DC, 6, 11, 5101, value, select); }
Scripted con(Time at, double value, bool select, uint16_t cause = 7, bool negative = false, std::string_view master = scada) {
  return iec104_answer(start + at, master, rtu, C_DC, cause, 11, 5101, value, select, negative);
}
Scripted position(Time at, double value, uint16_t cause = 3) { return iec104_report(start + at, scada, rtu, M_DP_TB, cause, 11, 1101, value); }

TEST(Commands, SelectOperateConfirmTerminateFollowed) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(second, 1, true));
  play(con(second + 1, 1, true));
  play(dc(2 * second, 1, false));
  play(con(2 * second + 1, 1, false));
  play(position(3 * second, 0));       // on its way
  play(position(4 * second, 1));
  play(con(5 * second, 1, false, 10));
  play.until(start + 10 * minute);
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101", "operated 5101", "confirmed 5101", "followed 5101", "terminated 5101"}));
}

TEST(Commands, OperateWithoutSelect) {
  Play play;
  play(dc(0, 1, false));
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct"}));
}

TEST(Commands, TheSelectThatTheSensorCouldNotHear) {
  Play play;
  play(dc(0, 1, false).midstream());
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct uncertain"}));
  Play lossy;
  lossy(iec104_report(start, scada, rtu, M_ME_TF, 3, 11, 2001, 1).after_gap());
  lossy(dc(second, 1, false));
  EXPECT_EQ(lossy.take(), (Steps{"operated 5101 direct uncertain"}));
}

TEST(Commands, AnOldSelectDoesNotCount) {
  Play play;
  play(dc(0, 1, true));
  play(con(1, 1, true));
  play(dc(2 * minute, 1, false));
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101", "expired 5101", "operated 5101 direct"}));
}

TEST(Commands, OperateDiffersFromSelect) {
  Play play;
  play(dc(0, 1, true));
  play(con(1, 1, true));
  play(dc(second, 2, false));
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101", "operated 5101 differs"}));
}

TEST(Commands, AnotherMasterOperates) {
  Play play;
  play(dc(0, 1, true));
  play(con(1, 1, true));
  play(dc(second, 1, false, standby));
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101", "operated 5101 other"}));
}

TEST(Commands, Cancelled) {
  Play play({switch_feedback()});
  play(dc(0, 1, true));
  play(con(1, 1, true));
  play(iec104_command(start + second, scada, rtu, C_DC, 8, 11, 5101, 1));
  play(iec104_answer(start + second + 1, scada, rtu, C_DC, 9, 11, 5101, 1));
  play.until(start + 5 * minute);
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101", "cancelled 5101"}));
}

TEST(Commands, RefusedIsAnAnswerAndNothingIsExpectedOfTheProcess) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(1, 1, false));
  play(con(2, 1, false, 7, true));
  play.until(start + 5 * minute);
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "refused 5101"}));
}

TEST(Commands, Unanswered) {
  Play play;
  play(dc(0, 1, true));
  play.until(start + 29 * second);
  EXPECT_EQ(play.take(), (Steps{"selected 5101"}));
  play.until(start + 31 * second);
  EXPECT_EQ(play.take(), (Steps{"unanswered 5101"}));
}

TEST(Commands, NothingIsMissedWhileNothingIsHeard) {
  Play play;
  play(dc(0, 1, true));
  play.silent_until(start + 31 * second);
  play.silent_until(start + hour);
  EXPECT_EQ(play.take(), (Steps{"selected 5101"}));
}

TEST(Commands, AnswersLostBySensorOrConnectionAreNotMissed) {
  Play lost, closed;
  lost(dc(0, 1, true));
  lost(fact(start + second, scada, rtu, 2404, Fact::gap, Side::server).flow(dc(0, 1, true).scene.flow));
  lost.until(start + minute);
  EXPECT_EQ(lost.take(), (Steps{"selected 5101"}));
  closed(dc(0, 1, true));
  closed(fact(start + second, scada, rtu, 2404, Fact::reset, Side::server).flow(dc(0, 1, true).scene.flow));
  closed.until(start + minute);
  EXPECT_EQ(closed.take(), (Steps{"selected 5101"}));
}

TEST(Commands, ConfirmationThatNobodyAskedFor) {
  Play play, joined;
  play(con(0, 1, false));
  EXPECT_EQ(play.take(), (Steps{"unasked 5101"}));
  joined(con(0, 1, false).midstream());
  EXPECT_EQ(joined.take(), Steps{});
}

TEST(Commands, StationsThatTellEveryMasterConfuseNobody) {
  Play play;
  play(dc(0, 1, true));
  play(con(1, 1, true, 7, false, standby));   // told to the other centre too
  play(con(2, 1, true));
  EXPECT_EQ(play.take(), (Steps{"selected 5101", "confirmed 5101"}));
}

TEST(Commands, NotFollowed) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(second, 1, false));
  play(con(second + 1, 1, false));
  play.until(start + 30 * second);
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "confirmed 5101"}));
  play.until(start + 32 * second);
  EXPECT_EQ(play.take(), (Steps{"not followed 5101"}));
}

TEST(Commands, Contradicted) {
  Play play({switch_feedback()});
  play(position(0, 1, 20));
  play(dc(second, 2, false));
  play(con(second + 1, 2, false));
  play(position(3 * second, 1, 11));
  play.until(start + minute);
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "confirmed 5101", "contradicted 5101"}));
  EXPECT_EQ(play.last.seen.raw, 1u);
}

TEST(Commands, AlreadyInPositionAndUnknownBeforeExpectNothing) {
  Play there({switch_feedback()}), unknown({switch_feedback()});
  there(position(0, 1, 20));
  there(dc(second, 1, false));
  there(con(second + 1, 1, false));
  there.until(start + 5 * minute);
  EXPECT_EQ(there.take(), (Steps{"operated 5101 direct", "already there 5101", "confirmed 5101"}));
  unknown(dc(second, 1, false));
  unknown(con(second + 1, 1, false));
  unknown.until(start + 5 * minute);
  EXPECT_EQ(unknown.take(), (Steps{"operated 5101 direct", "confirmed 5101"}));
}

TEST(Commands, FeedbackThatTheSensorCouldHaveMissedIsForgiven) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(second, 1, false));
  play(con(second + 1, 1, false));
  play(iec104_report(start + 2 * second, scada, rtu, M_ME_TF, 3, 11, 2001, 1).after_gap());
  play.until(start + 5 * minute);
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "confirmed 5101"}));
}

TEST(Commands, FeedbackByAnotherConversationCounts) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(second, 1, false, "10.10.1.199"));
  play(con(second + 1, 1, false, 7, false, "10.10.1.199"));
  play(position(2 * second, 1));               // told to the control centre
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "confirmed 5101", "followed 5101"}));
}

TEST(Commands, ANewerCommandReplacesTheExpectation) {
  Play play({switch_feedback()});
  play(position(0, 2, 20));
  play(dc(second, 1, false));
  play(con(second + 1, 1, false));
  play(dc(2 * second, 2, false));
  play(con(2 * second + 1, 2, false));
  play(position(3 * second, 1));
  play(position(4 * second, 2));
  play.until(start + 5 * minute);
  EXPECT_EQ(play.take(), (Steps{"operated 5101 direct", "confirmed 5101", "operated 5101 direct", "already there 5101", "confirmed 5101"}));
}

TEST(Commands, SetPointIsFollowedWithinTolerance) {
  Feedback f{parse_address(rtu).value(), uint16_t(protocol_index("iec104")), 11, Object(ObjectKind::information_object, 6001), Object(ObjectKind::information_object, 2007)};
  Play play({f});
  play(iec104_report(start, scada, rtu, M_ME_TF, 20, 11, 2007, 15));
  play(iec104_command(start + second, scada, rtu, C_SE_NC, 6, 11, 6001, 12));
  play(iec104_answer(start + second + 1, scada, rtu, C_SE_NC, 7, 11, 6001, 12));
  play(iec104_report(start + 2 * second, scada, rtu, M_ME_TF, 3, 11, 2007, 13.5));   // ramping
  play(iec104_report(start + 3 * second, scada, rtu, M_ME_TF, 3, 11, 2007, 12.1));
  EXPECT_EQ(play.take(), (Steps{"operated 6001 direct", "confirmed 6001", "followed 6001"}));
}

TEST(Commands, ATapMustMoveAndNothingElse) {
  Feedback f{parse_address(rtu).value(), uint16_t(protocol_index("iec104")), 11, Object(ObjectKind::information_object, 7001), Object(ObjectKind::information_object, 1701)};
  f.momentary = true;
  Play play({f});
  play(iec104_report(start, scada, rtu, 11, 20, 11, 1701, 9));
  play(iec104_command(start + second, scada, rtu, C_RC, 6, 11, 7001, 2));
  play(iec104_answer(start + second + 1, scada, rtu, C_RC, 7, 11, 7001, 2));
  play(iec104_report(start + 6 * second, scada, rtu, 11, 3, 11, 1701, 10));
  EXPECT_EQ(play.take(), (Steps{"operated 7001 direct", "confirmed 7001", "followed 7001"}));
}

TEST(Commands, TerminationIsMissedOnlyWhereItWasAlwaysThere) {
  Play never, always;
  for (int i = 0; i < 5; i++) never(dc(i * minute, 1, false)), never(con(i * minute + 1, 1, false));
  never.until(start + hour);
  for (const std::string& s : never.take()) EXPECT_FALSE(s.starts_with("unterminated"));
  for (int i = 0; i < 4; i++) {
    always(dc(i * minute, 1, false)), always(con(i * minute + 1, 1, false));
    if (i < 3) always(con(i * minute + second, 1, false, 10));
  }
  always.take();
  always.until(start + hour);
  EXPECT_EQ(always.take(), (Steps{"unterminated 5101"}));
}

TEST(Commands, Dnp3SelectAndOperate) {
  Feedback f{parse_address(outstation).value(), uint16_t(protocol_index("dnp3")), 10, Object(ObjectKind::binary_output, 2), Object(ObjectKind::binary_input, 2)};
  Play play({f});
  play(dnp3_unsolicited(start, scada, outstation, 1, 2, true));
  const Scripted select = dnp3_crob(start + second, scada, outstation, 14, 3, {2}, 4), operate = dnp3_crob(start + second + 20 * millisecond, scada, outstation, 15, 4, {2}, 4);
  play(select), play(dnp3_response(select, start + second + 1));
  play(operate), play(dnp3_response(operate, start + second + 21 * millisecond));
  play(dnp3_unsolicited(start + 2 * second, scada, outstation, 2, 2, false));
  EXPECT_EQ(play.take(), (Steps{"selected 2", "confirmed 2", "operated 2", "confirmed 2", "followed 2"}));
}

TEST(Commands, Dnp3RefusesByStatusOfEachObject) {
  Play play;
  const Scripted operate = dnp3_crob(start, scada, outstation, 3, 5, {4, 5}, 3);
  Scripted answer = dnp3_response(operate, start + 1);
  answer.points[1].status = 4;                 // not supported
  play(operate), play(answer);
  EXPECT_EQ(play.take(), (Steps{"operated 4 direct", "operated 5 direct", "confirmed 4", "refused 5"}));
}

TEST(Commands, Dnp3WrongSequenceAndWithoutAcknowledgement) {
  Play play;
  play(dnp3_crob(start, scada, outstation, 1, 3, {4}, 3));
  play(dnp3_crob(start + second, scada, outstation, 5, 4, {4}, 3));
  EXPECT_EQ(play.take(), (Steps{"selected 4", "operated 4 sequence"}));
  play(dnp3_crob(start + 2 * second, scada, outstation, 6, 6, {9}, 3));
  play.until(start + 10 * minute);
  EXPECT_EQ(play.take(), (Steps{"operated 9 direct", "unanswered 4"}));
}

TEST(Commands, Dnp3PollWithTheSameSequenceIsNoAnswer) {
  Play play;
  play(dnp3_crob(start, scada, outstation, 1, 5, {4}, 3));
  play(dnp3_response(dnp3_request(start + 20 * second, scada, outstation, 1, 1), start + 20 * second + 1));
  play.until(start + minute);
  EXPECT_EQ(play.take(), (Steps{"operated 4 direct", "unanswered 4"}));
}

TEST(Commands, ModbusAnswersByTransaction) {
  Play play;
  const Scripted one = modbus_request(start, hmi, plc, 7, 6, 30, 1, {5}), many = modbus_request(start + second, hmi, plc, 8, 16, 40, 3, {1, 2, 3});
  play(one), play(modbus_answer(one, start + 1));
  play(many), play(modbus_answer(many, start + second + 1, 2));
  EXPECT_EQ(play.take(), (Steps{"operated 30 direct", "confirmed 30", "operated 40 direct", "refused 40"}));
}

TEST(Commands, TestCommandsAreCommands) {        // the test bit keeps a device from acting only if it heeds it
  Play play;
  play(dc(0, 1, false).test());
  EXPECT_EQ(play.take(), Steps{"operated 5101 direct"});
}
TEST(Commands, BrokenRequestsAreWhatTheyAsk) {   // a trailing octet: many devices obey
  Play play;
  play(dc(0, 1, false).malformed()), play(dc(second, 2, false).malformed().after_gap());
  EXPECT_EQ(play.take(), Steps{"operated 5101 direct"});
}

// IEC 61850-8-1: answers are tied by the invoke identifier (tag), command termination is an information report that answers the operate.
constexpr uint16_t mms_read = 4, mms_write = 5, mms_report = 256, mms_termination = 4;
Scripted mms(Time at, uint16_t function, Role role, Act act, uint32_t tag, uint64_t digest, bool refused = false) {
  Scripted e{scene(start + at, "mms", hmi, "10.10.1.41", 102, role == Role::request ? Side::client : Side::server), {}, {}};
  e.said.function = function;
  e.said.role = role;
  e.said.act = act;
  e.said.tag = tag;
  e.said.digest = digest;
  e.said.refused = refused;
  if (function == mms_report) e.said.sub_function = mms_termination;
  Point p;
  p.object = Object(ObjectKind::item, 1);
  if (role == Role::request) p.set(true);
  p.status = refused ? 0x103 : 0;
  e.points.push_back(p);
  return e;
}
TEST(Commands, MmsIsSelectedOperatedAndTerminated) {
  Play play;
  play(mms(0, mms_write, Role::request, Act::select, 1, 77)), play(mms(1, mms_write, Role::response, Act::select, 1, 0));
  play(mms(second, mms_write, Role::request, Act::operate, 2, 77)), play(mms(second + 1, mms_write, Role::response, Act::operate, 2, 0));
  play(mms(2 * second, mms_report, Role::response, Act::operate, 2, 0));
  EXPECT_EQ(play.take(), (Steps{"selected 1", "confirmed 1", "operated 1", "confirmed 1", "terminated 1"}));
}
TEST(Commands, MmsSelectedByReadingHasNoValueToDifferFrom) {
  Play play;
  play(mms(0, mms_read, Role::request, Act::select, 1, 0)), play(mms(1, mms_read, Role::response, Act::select, 1, 0));
  play(mms(second, mms_write, Role::request, Act::operate, 2, 78)), play(mms(second + 1, mms_write, Role::response, Act::operate, 2, 0));
  EXPECT_EQ(play.take(), (Steps{"selected 1", "confirmed 1", "operated 1", "confirmed 1"}));
}
TEST(Commands, MmsOtherwiseThanSelectedAndRefused) {
  Play play;
  play(mms(0, mms_write, Role::request, Act::select, 1, 77)), play(mms(1, mms_write, Role::response, Act::select, 1, 0));
  play(mms(second, mms_write, Role::request, Act::operate, 2, 78)), play(mms(second + 1, mms_write, Role::response, Act::operate, 2, 0, true));
  EXPECT_EQ(play.take(), (Steps{"selected 1", "confirmed 1", "operated 1 differs", "refused 1"}));
}
TEST(Commands, MmsFailsAtItsEnd) {
  Play play;
  play(mms(0, mms_write, Role::request, Act::operate, 2, 78)), play(mms(1, mms_write, Role::response, Act::operate, 2, 0));
  play(mms(second, mms_report, Role::response, Act::operate, 2, 0, true));
  EXPECT_EQ(play.take(), (Steps{"operated 1 direct", "confirmed 1", "refused 1"}));
}

TEST(Commands, BoundedWithAgeing) {
  Commands commands({.commands = 16});
  for (int i = 0; i < 100; i++) commands.see(iec104_command(start + i, scada, rtu, C_SC, 6, 11, uint32_t(i), 1).event());
  EXPECT_EQ(commands.under_way(), 16u);
  EXPECT_EQ(commands.forgotten(), 84u);
  commands.tick(start + hour);
  commands.tick(start + 2 * hour);
  EXPECT_EQ(commands.under_way(), 0u);
}

}  // namespace
}  // namespace vidra
