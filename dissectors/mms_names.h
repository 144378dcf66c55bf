// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <string_view>

#include "dissectors/protocol.h"

// What MMS names mean: IEC 61850-8-1 (variables named LN$FC$DO$DA in a logical device's domain) and TASE.2 (IEC 60870-6-503, -802).
namespace vidra::mms {

// Message::sub_function, and Point::qualifier of what is written. The numbers are ours.
enum Meaning : uint16_t {
  plain = 0,
  select = 1, operate = 2, cancel = 3, termination = 4, application_error = 5, report = 6,                          // controls, reports
  report_enable = 10, report_purge = 11, report_entry = 12, report_reserve = 13, interrogation = 14, report_settings = 15,
  goose_enable = 16, goose_settings = 17, sv_enable = 18, sv_settings = 19, log_enable = 20, log_settings = 21,     // control blocks
  group_active = 22, group_edit = 23, group_confirm = 24, group_reserve = 25, setting = 26,
  configuration = 27, description = 28, substitution = 29, blocking = 30, operate_time = 31,
  bilateral_table = 40, tase2_version = 41, supported_features = 42, next_transfer_set = 43, transfer_set = 44,     // TASE.2, blocks 1 and 2
  transfer_report = 45, transfer_acknowledge = 46,
  device_select = 50, device_operate = 51, device_tag = 52,                                                         // TASE.2, block 5
};

struct Word { std::string_view name; Meaning means; };

// 61850-8-1, tables of control blocks: the attributes that mean more than a setting.
inline constexpr Word report_words[] = {
    {"RptEna", report_enable}, {"PurgeBuf", report_purge}, {"EntryID", report_entry}, {"Resv", report_reserve}, {"ResvTms", report_reserve}, {"GI", interrogation}};
inline constexpr Word group_words[] = {{"ActSG", group_active}, {"EditSG", group_edit}, {"CnfEdit", group_confirm}, {"ResvTms", group_reserve}};
inline constexpr Word control_words[] = {{"Oper", operate}, {"SBOw", select}, {"SBO", select}, {"Cancel", cancel}};
// IEC 60870-6-503, 8; 60870-6-802, 7.
inline constexpr Word tase2_words[] = {
    {"Bilateral_Table_ID", bilateral_table}, {"TASE2_Version", tase2_version}, {"Supported_Features", supported_features},
    {"Next_DSTransfer_Set", next_transfer_set}, {"Next_TSTransfer_Set", next_transfer_set}, {"Next_IMTransfer_Set", next_transfer_set},
    {"Transfer_Set_Name", transfer_report}, {"Transfer_Set_Time_Stamp", transfer_report}, {"DSConditions_Detected", transfer_report}, {"TSConditions_Detected", transfer_report},
    {"Event_Code_Detected", transfer_report}, {"Transfer_Report_ACK", transfer_acknowledge}, {"Transfer_Report_NACK", transfer_acknowledge}};

template <size_t n> constexpr Meaning look_up(const Word (&words)[n], std::string_view name, Meaning otherwise) {
  for (const Word& w : words)
    if (w.name == name) return w.means;
  return otherwise;
}

// An item name in its parts: LN, FC, DO, the first attribute.
struct Item {
  std::array<std::string_view, 4> part;   // the last one up to the next $
  std::string_view last;                  // behind the last $
  size_t parts = 0;
};
constexpr Item split(std::string_view item) {
  Item i;
  size_t from = 0;
  for (;;) {
    const size_t to = item.find('$', from);
    const std::string_view part = item.substr(from, to == std::string_view::npos ? to : to - from);
    if (i.parts < i.part.size()) i.part[i.parts] = part;
    i.parts++;
    i.last = part;
    if (to == std::string_view::npos) return i;
    from = to + 1;
  }
}

// The length of "LN$ST" or "LN$MX" at the head of an item that is a state or a measured value, which says that it is plain; 0 of another.
constexpr size_t measured_lead(std::string_view item) {
  const size_t ln = item.find('$');
  if (ln == std::string_view::npos || item.size() < ln + 3 || (item.size() > ln + 3 && item[ln + 3] != '$')) return 0;
  const char a = item[ln + 1], b = item[ln + 2];
  return (a == 'S' && b == 'T') || (a == 'M' && b == 'X') ? ln + 3 : 0;
}

// What an item of a domain means by its name; `variable lists` and what is neither 61850's nor TASE.2's are plain.
constexpr Meaning meaning_of(std::string_view item) {
  const size_t ln = item.find('$');
  if (ln == std::string_view::npos) {
    if (const Meaning m = look_up(tase2_words, item, plain); m != plain) return m;
    return item == "LastApplError" ? application_error : plain;
  }
  const std::string_view fc = item.substr(ln + 1, 2);
  if (fc.size() != 2 || (item.size() > ln + 3 && item[ln + 3] != '$')) return plain;
  const auto is = [fc](const char (&name)[3]) { return fc[0] == name[0] && fc[1] == name[1]; };
  if (is("ST") || is("MX")) return plain;
  const Item i = split(item);
  if (is("CO")) {
    if (i.parts < 4) return plain;
    // Pos$Oper, or one of its components; a data object may have several parts.
    for (size_t from = item.find("$CO$") + 4; from < item.size();) {
      const size_t to = std::min(item.find('$', from), item.size());
      if (const Meaning m = look_up(control_words, item.substr(from, to - from), plain); m != plain)
        return m == operate && i.last == "operTm" ? operate_time : m;
      from = to + 1;
    }
    return plain;
  }
  if (is("BR") || is("RP")) return i.parts < 4 ? plain : look_up(report_words, i.part[3], report_settings);
  if (is("GO") || is("GS")) return i.parts < 4 ? plain : i.part[3] == "GoEna" || i.part[3] == "GsEna" ? goose_enable : goose_settings;
  if (is("MS") || is("US")) return i.parts < 4 ? plain : i.part[3] == "SvEna" ? sv_enable : i.part[3] == "Resv" ? report_reserve : sv_settings;
  if (is("LG")) return i.parts < 4 ? plain : i.part[3] == "LogEna" ? log_enable : log_settings;
  if (is("SP") || is("SE") || is("SG")) return i.part[2] == "SGCB" ? look_up(group_words, i.part[3], setting) : setting;
  if (is("CF")) return configuration;
  if (is("DC")) return description;
  if (is("SV")) return substitution;
  if (is("BL")) return blocking;
  return plain;
}

// What is controlled: LN$CO$Pos of LN$CO$Pos$Oper and its components. The length to keep, the whole where there is no control.
constexpr size_t control_length(std::string_view item) {
  const size_t co = item.find("$CO$");
  if (co == std::string_view::npos) return item.size();
  for (size_t from = co + 4; from < item.size();) {
    const size_t to = std::min(item.find('$', from), item.size());
    if (look_up(control_words, item.substr(from, to - from), plain) != plain) return from - 1;
    from = to + 1;
  }
  return item.size();
}

// What it is to write such a thing, and what to read it.
constexpr Act act_of_writing(Meaning m) {
  switch (m) {
    case select: case device_select: return Act::select;
    case operate: case operate_time: case device_operate: return Act::operate;
    case cancel: return Act::cancel;
    case report_enable: case report_purge: case report_entry: case report_reserve: case interrogation: case transfer_set: case transfer_acknowledge: return Act::subscribe;
    case plain: case substitution: case blocking: return Act::write;
    default: return Act::configure;
  }
}
constexpr Act act_of_reading(Meaning m) { return m == select || m == device_select ? Act::select : m == next_transfer_set ? Act::subscribe : Act::read; }

// Which of several things written at once names the whole.
constexpr int weight(Act a) {
  switch (a) {
    case Act::operate: return 6;
    case Act::cancel: return 5;
    case Act::select: return 4;
    case Act::configure: return 3;
    case Act::write: return 2;
    case Act::subscribe: return 1;
    default: return 0;
  }
}

static_assert(meaning_of("CSWI1$CO$Pos$Oper") == operate && meaning_of("CSWI1$CO$Pos$SBOw") == select && meaning_of("CSWI1$CO$Pos$Oper$ctlVal") == operate);
static_assert(meaning_of("CSWI1$CO$Pos$Cancel") == cancel && meaning_of("CSWI1$CO$Pos") == plain && meaning_of("CSWI1$ST$Pos") == plain);
static_assert(control_length("CSWI1$CO$Pos$Oper$ctlVal") == 12 && control_length("CSWI1$ST$Pos") == 12);
static_assert(meaning_of("LLN0$BR$brcb01$RptEna") == report_enable && meaning_of("LLN0$SP$SGCB$ActSG") == group_active && meaning_of("PTOC1$SP$StrVal$setMag$f") == setting);
static_assert(meaning_of("LLN0$GO$gcb01$GoEna") == goose_enable && meaning_of("XCBR1$SV$Pos$subEna") == substitution && meaning_of("XCBR1$BL$Pos$blkEna") == blocking);

}  // namespace vidra::mms
