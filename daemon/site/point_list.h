// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/site/declaration.h"
#include "daemon/site/same_quantities.h"
#include "daemon/site/sheet.h"

namespace vidra {

// What a column of a point list may hold. Its name is the key under [columns].
enum class Field : uint8_t { host, station, address, last, count, type, table, direction, kind, mode, min, max, step, unit, feedback, travel_time, name, bay, voltage, writable, quantity, scale, reference };
inline constexpr size_t field_count = size_t(Field::reference) + 1;
std::string_view name_of(Field);

enum class ListProtocol : uint8_t { guess, iec104, dnp3, modbus };

// How a list is to be read: what a mapping says, the rest is guessed.
struct PointMapping {
  std::array<std::vector<std::string>, field_count> columns;   // each a heading, a letter ("C") or a number from 1; several are joined
  std::map<std::string, std::map<std::string, std::string>, std::less<>> words;   // by field: the list's own word → ours
  ListProtocol protocol = ListProtocol::guess;
  std::string host;                          // of every row, where no column has it
  std::optional<std::string> station;        // the same
  std::string sheet;                         // of a workbook; "" the first that has headings
  uint32_t header = 0;                       // line of the headings; 0 is looked for
  SheetOptions reading;
  bool low_octet_first = false;              // of structured addresses
  Quantify quantities = Quantify::guess;
  bool skip = false;                         // leave out rows that cannot be read, instead of refusing the list
};

// [columns], [list] and [words.FIELD] of a TOML file.
PointMapping load_mapping(const std::string& path, Problems&);

// A command whose feedback the list names by a reference of IEC 61850: whose that is, the site's other files say.
struct ReferredFeedback {
  std::string kind;                          // of its table …
  size_t table = 0;                          // … and which of them
  std::string said, protocol, object;        // as the cell says it; "mms" or "goose", and the name in MMS
  std::string place;                         // file and line
};

struct PointImport {
  Declaration declared;
  std::vector<Measured> measured;            // of them, what measures something: `quantities_of` says which are the same
  std::vector<ReferredFeedback> referred;    // `refer_feedbacks` completes them
  std::vector<std::string> shown;            // what was guessed, and the first rows as they were understood
  Problems remarks;
  size_t rows = 0, without_address = 0;
};

// The points of a list, as tables of a site. What is wrong names file, line and column; with any problem nothing is to be used.
PointImport import_points(const std::string& path, const PointMapping&, Problems&);

// Completes feedbacks that the list says by reference: whose device it is, by the name that the reference begins with. What names none
// is a remark, and left out.
void refer_feedbacks(PointImport&, const Site& beside);

// Lower case, without marks, Cyrillic as Latin: "Назив сигнала" and "naziv signala" are the same.
std::string folded(std::string_view utf8);

}  // namespace vidra
